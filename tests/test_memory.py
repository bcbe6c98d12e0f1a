"""What a fit holds beside X, in vectors of as many numbers as X has columns, or rows."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from sgdlearn import GDLogisticRegression


def one_hot(n, p, fields):
    rng = np.random.default_rng(5)
    columns = np.sort(rng.integers(p // fields, size=(n, fields)) + np.arange(fields) * (p // fields))
    X = (np.ones(n * fields), columns.ravel().astype(np.int32), np.arange(n + 1) * fields)
    X = sparse.csr_matrix((X[0], X[1], X[2].astype(np.int32)), shape=(n, p))
    return X, rng.integers(2, size=n)


def peak_of(fit):
    tracemalloc.start()
    fit()
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept, peak


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_sdca_holds_few_vectors(n_jobs):
    """Of columns: v, W, and two of sums; beside coefficients, the weights of flags are kept."""
    X, y = one_hot(20_000, 400_000, 10)
    model = GDLogisticRegression(
        alpha=1e-4, fit_intercept=False, optimizer="sdca", n_jobs=n_jobs, random_state=0
    )
    model.fit(X[:100], y[:100])
    kept, peak = peak_of(lambda: model.fit(X, y))
    of_columns, of_rows = 8 * X.shape[1], 8 * X.shape[0]
    assert peak < 3.6 * of_columns + 8 * of_rows
    assert kept < 1.1 * of_columns + of_rows  # a named rule keeps nothing for a stream
