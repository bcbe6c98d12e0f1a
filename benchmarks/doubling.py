"""Growth of a default fit's processor seconds as rows, columns or entries double (2: linear)."""

import warnings
from functools import partial

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from benchmarks.problems import classes, dense, text
from benchmarks.timing import processor_seconds
from sgdlearn import GDLogisticRegression

REPEATS = 3
ALPHA = 1e-5


def run():
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(f"{'logistic, alpha 1e-5':<36}{'seconds':>9}{'growth':>8}{'iterations':>12}")
    for name, sizes, draw in (
        ("dense, p = 100, n =", (25_000, 50_000, 100_000, 200_000), lambda n: dense_rows(n, 100)),
        ("dense, n = 20k, p =", (100, 200, 400, 800), lambda p: dense_rows(20_000, p)),
        ("sparse, 40 a row, n =", (12_500, 25_000, 50_000, 100_000), lambda n: text_rows(n, 40)),
        ("sparse, n = 50k, entries a row =", (10, 20, 40, 80), lambda nnz: text_rows(50_000, nnz)),
    ):
        before = None
        for size in sizes:
            X, y = draw(size)
            model = GDLogisticRegression(alpha=ALPHA, fit_intercept=False)
            taken = min(processor_seconds(partial(model.fit, X, y)) for _ in range(REPEATS))
            growth = f"{taken / before:>8.2f}" if before else " " * 8
            label = f"{name} {size}"
            print(f"{label:<36}{taken:>9.3f}{growth}{model.n_iter_:>12}", flush=True)
            before = taken


def dense_rows(n, p):
    return dense(n, p, 10, classes)(np.random.default_rng(20), 1)


def text_rows(n, nnz):
    return text(n, 40_000, nnz, classes)(np.random.default_rng(20), 1)
