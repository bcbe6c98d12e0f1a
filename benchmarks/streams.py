"""partial_fit, one row and 1000 rows a call, against scikit-learn's SGD.

Classes balanced by running counts are measured against scikit-learn without class weights: its
partial_fit has none that run.
"""

import numpy as np
from sklearn.linear_model import SGDClassifier, SGDRegressor

from benchmarks.epochs import dense
from benchmarks.timing import side_by_side
from sgdlearn import GDLinearRegression, GDLogisticRegression

CALLS = 1000
ROWS = 1000


def one_by_one(model, X, y, **first):
    model.partial_fit(X[:1], y[:1], **first)

    def calls():
        for i in range(CALLS):
            model.partial_fit(X[i : i + 1], y[i : i + 1])

    return calls


def by_chunks(model, X, y, **first):
    model.partial_fit(X[:1], y[:1], **first)

    def calls():
        for start in range(0, len(X), ROWS):
            model.partial_fit(X[start : start + ROWS], y[start : start + ROWS])

    return calls


def run():
    X, y = dense(50_000, 50, "float64")
    c = (y > 0).astype(int)
    rate = {"optimizer": "sgd", "learning_rate": 1e-3}
    classes = {"classes": np.array([0, 1])}
    balanced = {"class_weight": "balanced"}
    logistic = SGDClassifier(loss="log_loss")
    print(f"{'p=50, float64':<44}{'ours':>9}{'sklearn':>9}{'ratio':>8}  (target)")
    for name, ours, theirs, target, first in (
        ("regression, sgd", GDLinearRegression(**rate), SGDRegressor(), y, {}),
        ("classes, sgd", GDLogisticRegression(**rate), logistic, c, classes),
        ("regression, auto", GDLinearRegression(), SGDRegressor(), y, {}),
        ("classes, auto", GDLogisticRegression(), logistic, c, classes),
        ("balanced, sgd", GDLogisticRegression(**rate, **balanced), logistic, c, classes),
        ("balanced, auto", GDLogisticRegression(**balanced), logistic, c, classes),
    ):
        a, b, ratio = side_by_side(
            one_by_one(ours, X, target, **first), one_by_one(theirs, X, target, **first)
        )
        line(name + ", one row: us a call", a / CALLS * 1e6, b / CALLS * 1e6, ratio, "under 60 us")
        a, b, ratio = side_by_side(
            by_chunks(ours, X, target, **first), by_chunks(theirs, X, target, **first)
        )
        line(name + ", 1000 rows: ns a row", a / len(X) * 1e9, b / len(X) * 1e9, ratio, "3 x")


def line(name, a, b, ratio, target):
    print(f"{name:<44}{a:>9.1f}{b:>9.1f}{ratio:>8.1f}  ({target})")
