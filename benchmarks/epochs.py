"""Seconds per epoch, loss curve recorded: SGD with L2 against scikit-learn's SGD, batch size 1;
then the adaptive rules against our own SGD."""

import warnings
from statistics import median

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDClassifier, SGDRegressor

from benchmarks.timing import seconds, side_by_side
from sgdlearn import GDLinearRegression, GDLogisticRegression

FEW, MANY = 2, 10
RATE = 1e-3
ALPHA = 1e-4
RULES = ("adagrad", "adadelta", "rmsprop", "adam", "adamw", "nadam", "ftrl")


def dense(n, p, dtype, seed=7):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)).astype(dtype)
    z = X @ rng.standard_normal(p) / np.sqrt(p)
    return X, z + rng.standard_normal(n)


def csr(n, p, nnz, dtype, seed=7):
    """Rows of about nnz entries, columns with a long tail, as in text."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.arange(n), rng.poisson(nnz, n) + 1)
    columns = (p * rng.random(len(rows)) ** 3).astype(np.int32)
    X = sparse.csr_matrix((rng.random(len(rows)).astype(dtype), (rows, columns)), shape=(n, p))
    X.sum_duplicates()
    return X, X @ rng.standard_normal(p) + rng.standard_normal(n)


def ours(kind, X, y, optimizer="sgd", epochs=MANY):
    model = (GDLogisticRegression if kind == "classify" else GDLinearRegression)(
        optimizer=optimizer,
        learning_rate=RATE,
        batch_size=1,
        alpha=ALPHA,
        max_iter=epochs,
        tol=None,
        random_state=0,
    )
    return lambda: model.fit(X, y)


def theirs(kind, X, y, epochs=MANY):
    parameters = {
        "learning_rate": "constant",
        "eta0": RATE,
        "alpha": ALPHA,
        "max_iter": epochs,
        "tol": None,
        "random_state": 0,
    }
    model = (
        SGDClassifier(loss="log_loss", **parameters)
        if kind == "classify"
        else SGDRegressor(**parameters)
    )
    return lambda: model.fit(X, y)


def run():
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(f"{'data':<28}{'task':<10}{'ours':>9}{'sklearn':>9}   ns a row; {'ratio':>6}  (target)")
    for n, p, dtype, target in (
        (300_000, 10, "float32", None),
        (150_000, 100, "float32", 5),
        (20_000, 1000, "float32", 6),
        (150_000, 100, "float64", 4),
        (20_000, 1000, "float64", None),
    ):
        X, y = dense(n, p, dtype)
        line(f"dense {dtype} p={p}", X, y, target)
    for nnz in (30, 80):
        for dtype in ("float32", "float64"):
            X, y = csr(60_000, 40_000, nnz, dtype)
            line(f"CSR {dtype} {nnz} nnz a row", X, y, 1.7)
    print(f"\n{'rule, dense float32':<28}{'p=100':>9}{'p=1000':>9}   times plain SGD (target: 3)")
    for rule in RULES:
        ratios = []
        for n, p in ((100_000, 100), (10_000, 1000)):
            X, y = dense(n, p, "float32")
            c = (y > 0).astype(int)
            sgd, other = ours("classify", X, c), ours("classify", X, c, rule)
            ratios.append(side_by_side(sgd, other)[2])
        print(f"{rule:<28}{ratios[0]:>9.2f}{ratios[1]:>9.2f}")


def line(name, X, y, target):
    for kind, target_y in (("classify", (y > 0).astype(int)), ("regress", y)):
        a, b, ratio = per_epoch(ours, theirs, kind, X, target_y)
        wanted = f"  ({target})" if target else ""
        ours_theirs = f"{a / X.shape[0] * 1e9:>9.0f}{b / X.shape[0] * 1e9:>9.0f}"
        print(f"{name:<28}{kind:<10}{ours_theirs}   {ratio:>15.2f}{wanted}", flush=True)


def per_epoch(ours, theirs, kind, X, y, repeats=5):
    """Seconds an epoch of each, and their ratio: long fits less short ones, without set-up."""
    fits = [make(kind, X, y, epochs=epochs) for make in (ours, theirs) for epochs in (FEW, MANY)]
    for fit in fits:
        fit()
    times = [[seconds(fit) for fit in fits] for _ in range(repeats)]
    ours_s = [(many - few) / (MANY - FEW) for few, many, _, _ in times]
    theirs_s = [(many - few) / (MANY - FEW) for _, _, few, many in times]
    ratios = [b / a for a, b in zip(ours_s, theirs_s, strict=True)]
    return median(ours_s), median(theirs_s), median(ratios)
