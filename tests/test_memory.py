"""What a fit holds beside X, in vectors of as many numbers as X has columns, or rows."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from sgdlearn import GDLogisticRegression


def one_hot(n, p, fields):
    rng = np.random.default_rng(5)
    levels = p // fields
    columns = rng.integers(levels, size=(n, fields)) + levels * np.arange(fields)
    starts = np.arange(n + 1, dtype=np.int32) * fields
    X = sparse.csr_matrix((np.ones(n * fields), columns.ravel().astype(np.int32), starts), (n, p))
    return X, rng.integers(2, size=n)


def peak_of(fit):
    tracemalloc.start()
    fit()
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept, peak


@pytest.mark.parametrize("optimizer, kept_of_columns", [("sdca", 1), ("auto", 2)])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_sdca_holds_few_vectors(n_jobs, optimizer, kept_of_columns):
    """Of columns: v, W and their sums. Coefficients are kept, and "auto" counts flags for later."""
    X, y = one_hot(20_000, 400_000, 10)
    model = GDLogisticRegression(
        alpha=1e-4, fit_intercept=False, optimizer=optimizer, n_jobs=n_jobs, random_state=0
    )
    model.fit(X[:100], y[:100])
    kept, peak = peak_of(lambda: model.fit(X, y))
    of_columns, of_rows = 8 * X.shape[1], 8 * X.shape[0]
    assert peak < 3.6 * of_columns + 8 * of_rows
    assert kept < kept_of_columns * of_columns + of_rows
    assert type(model.optimizer_).__name__ == "SDCA"
