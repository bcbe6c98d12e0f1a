"""Memory that fit takes on top of X (its peak, traced), in per cent of X's size."""

import tracemalloc
import warnings
from functools import partial

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from sgdlearn import GDLinearRegression, GDLogisticRegression


def peak_over(X, fit):
    tracemalloc.start()
    fit()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return 100.0 * peak / n_bytes(X)


def n_bytes(X):
    if sparse.issparse(X):
        return X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
    return X.nbytes


def run():
    warnings.simplefilter("ignore", ConvergenceWarning)
    n, p = 1_000_000, 50
    rng = np.random.default_rng(7)
    X = rng.standard_normal((n, p), dtype=np.float32)
    y = X[:, 0] + rng.standard_normal(n)
    c = (y > 0).astype(int)
    print(f"{'C-contiguous float32, 1M x 50':<44}{'% of X':>8}  (target: 10)")
    few = {"max_iter": 2, "tol": None}
    given = {"optimizer": "sgd", "learning_rate": 1e-3, **few}
    for name, model, target in (
        ("regression, sgd, rate given", GDLinearRegression(**given), y),
        ("regression, sgd, rate auto", GDLinearRegression(optimizer="sgd", **few), y),
        ("regression, auto", GDLinearRegression(), y),
        ("regression, lbfgs", GDLinearRegression(optimizer="lbfgs", **few), y),
        ("regression, saga (and its table of n)", GDLinearRegression(optimizer="saga", **few), y),
        ("classes, sgd, rate given", GDLogisticRegression(**given), c),
        ("classes, adam, rate auto", GDLogisticRegression(optimizer="adam", **few), c),
        ("classes, auto", GDLogisticRegression(), c),
    ):
        taken = peak_over(X, partial(model.fit, X, target))
        print(f"{name:<44}{taken:>8.1f}", flush=True)
