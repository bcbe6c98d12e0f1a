"""
==========
Quickstart
==========

Real data that scikit-learn bundles: breast cancer, digits and diabetes, in the units they come in.
Linear models next to scikit-learn's own, an optimizer and a learning rate chosen by a grid search,
a model that learns from a stream, and a picture of them learning.

Run it as ``python examples/quickstart.py [figure.png]``.
"""

# %%
# Next to scikit-learn
# --------------------
# Everything stands at its defaults, but for what the table shows and a random_state. Scores are of
# held-out thirds (accuracy; R2 for diabetes), seconds are CPU seconds of one fit on one thread:
# means over three folds, and how many of the three fits warned.

import sys
import warnings
from pathlib import Path
from time import process_time

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # comes with scikit-learn

from sgdlearn import GDLinearRegression, GDLogisticRegression

DATA = {
    "breast cancer": load_breast_cancer(return_X_y=True),
    "digits": load_digits(return_X_y=True),
    "diabetes": load_diabetes(return_X_y=True, scaled=False),
}
CLASSIFIERS = {
    "GDLogisticRegression()": GDLogisticRegression(),
    "GDLogisticRegression(optimizer='sgd')": GDLogisticRegression(optimizer="sgd", random_state=0),
    "GDLogisticRegression(optimizer='adam')": GDLogisticRegression(
        optimizer="adam", random_state=0
    ),
    "LogisticRegression()": LogisticRegression(),
    "SGDClassifier(loss='log_loss')": SGDClassifier(loss="log_loss", random_state=0),
}
REGRESSORS = {
    "GDLinearRegression()": GDLinearRegression(),
    "GDLinearRegression(optimizer='sgd')": GDLinearRegression(optimizer="sgd", random_state=0),
    "LinearRegression()": LinearRegression(),
    "Ridge()": Ridge(),
    "SGDRegressor()": SGDRegressor(random_state=0),
}


def compare(data, models, folds):
    """Print a line for each model."""
    X, y = DATA[data]
    for name, model in models.items():
        scores, seconds, passes = [], [], []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for train, test in folds.split(X, y):
                begin = process_time()
                model.fit(X[train], y[train])
                seconds.append(process_time() - begin)
                scores.append(model.score(X[test], y[test]))
                passes.append(np.max(getattr(model, "n_iter_", None) or np.nan))
        print(
            f"{data:14} {name:38} {np.mean(scores):8.3g} {np.mean(seconds):8.3f} "
            f"{np.mean(passes):6.0f}  {len(caught) or '-'}".replace("nan", "  -")
        )


threadpool_limits(1)
print(f"{'data':14} {'estimator':38} {'score':>8} {'seconds':>8} {'n_iter':>6}  warnings")
for data in ("breast cancer", "digits"):
    compare(data, CLASSIFIERS, StratifiedKFold(3, shuffle=True, random_state=0))
compare("diabetes", REGRESSORS, KFold(3, shuffle=True, random_state=0))

# %%
# The optimizer is a hyper-parameter
# ----------------------------------
# A learning rate that is a number means the textbook update in the units of X, so here a scaler
# goes before; "auto" needs none.

X, y = DATA["breast cancer"]
optimizers, rates = ["sgd", "adagrad", "adam"], [0.001, 0.01, 0.1, "auto"]
search = GridSearchCV(
    Pipeline(
        [
            ("scaler", StandardScaler()),
            ("model", GDLogisticRegression(max_iter=20, tol=None, random_state=0)),
        ]
    ),
    {"model__optimizer": optimizers, "model__learning_rate": rates},
    cv=StratifiedKFold(3, shuffle=True, random_state=0),
).fit(X, y)
scores = search.cv_results_["mean_test_score"].reshape(len(rates), len(optimizers))
print("\nGridSearchCV on breast cancer, 20 epochs: accuracy by optimizer and learning rate")
print(f"{'':8}" + "".join(f"{rate!s:>8}" for rate in rates))
for optimizer, of_optimizer in zip(optimizers, scores.T):
    print(f"{optimizer:8}" + "".join(f"{score:8.3f}" for score in of_optimizer))

# %%
# Learning from a stream
# ----------------------
# Digits in chunks of 100, each guessed before it is learnt from. "auto" finds its step while the
# data arrive.

X, y = DATA["digits"]
order = np.random.default_rng(0).permutation(len(y))
streams = {
    "GDLogisticRegression": GDLogisticRegression(),
    "SGDClassifier": SGDClassifier(loss="log_loss", random_state=0),
}
hits = {name: [] for name in streams}
for chunk in np.array_split(order, len(y) // 100):
    for name, model in streams.items():
        if hasattr(model, "coef_"):
            hits[name].append(model.score(X[chunk], y[chunk]))
        model.partial_fit(X[chunk], y[chunk], classes=np.arange(10))
print("\nOnline on digits: accuracy on each next chunk of 100")
for name, accuracy in hits.items():
    print(f"{name:22}" + " ".join(f"{share:.2f}" for share in accuracy))

# %%
# Watching it learn
# -----------------
# Every estimator keeps the objective of each epoch in ``loss_curve_``.

curves = {}
for optimizer in ("sgd", "adagrad", "adam", "saga", "lbfgs"):
    model = GDLogisticRegression(optimizer=optimizer, max_iter=30, tol=None, random_state=0)
    curves[optimizer] = model.fit(X, y).loss_curve_

try:
    import matplotlib.pyplot as plt
except ImportError:
    print("\nmatplotlib is not installed: no figure")
else:
    default = Path(globals().get("__file__", "quickstart.py")).with_name("quickstart.png")
    path = sys.argv[1] if len(sys.argv) > 1 else default
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for (optimizer, curve), style in zip(curves.items(), ("-", "--", "-.", ":", (0, (5, 1, 1, 1)))):
        left.semilogy(range(1, len(curve) + 1), curve, linestyle=style, label=optimizer)
    left.set(xlabel="epoch", ylabel="objective", title="Digits: loss_curve_ by optimizer")
    left.set_ylim(top=6)
    left.legend(ncols=3, loc="upper right")
    for (name, accuracy), marker in zip(hits.items(), "os"):
        right.plot(range(2, len(accuracy) + 2), accuracy, marker=marker, label=name)
    right.set(xlabel="chunk of 100 rows", ylabel="accuracy before learning it")
    right.set(title="Digits as a stream: partial_fit", xticks=range(2, len(accuracy) + 2, 3))
    right.legend(loc="lower right")
    figure.savefig(path, dpi=100)
    print(f"\nFigure: {path}")
