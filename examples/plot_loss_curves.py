"""
Every optimizer on digits
=========================

The same objective, seventeen ways down: softmax regression on 1,797 handwritten digits, the pixels
as they come, everything at its defaults. All of them would end at the same model; here they get
thirty passes over the data, or thirty iterations. Three are missing: "sdca" and "cholesky" have no
softmax, and "adamw" goes elsewhere, its weight decay being no part of the objective.
"""

# %%
# ``loss_curve_`` is kept by every fit, and ``seconds_curve_`` says when. The curve of a stochastic
# rule is the loss of the rows as they were visited, which lags behind the model a little; its last
# value is exact, hence the drop at the end. Above by passes, below by seconds.

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from sgdlearn import GDLogisticRegression
from sgdlearn.inspection import LossCurveDisplay
from sgdlearn.optimizers import SGD

warnings.simplefilter("ignore", ConvergenceWarning)  # thirty passes, on purpose
X, y = load_digits(return_X_y=True)
setting = {"alpha": 0.01, "random_state": 0}
best = GDLogisticRegression(**setting, tol=1e-10, max_iter=10_000).fit(X, y).loss_curve_[-1]

families = {
    "one step, and sums of squares": [
        "sgd", SGD(momentum=0.9), "dog", "adagrad", "schedule_free", "ftrl",
    ],
    "of the Adam kind": ["adadelta", "rmsprop", "adam", "nadam"],
    "less noise": ["sag", "saga", "svrg", "psvrg"],
    "no noise": ["lbfgs", "newton", "cd"],
}  # fmt: skip
figure, axes = plt.subplots(2, 4, figsize=(16, 7.5), layout="constrained", sharey=True)
axes[0, 0].set(yscale="log", ylim=(1e-8, 5))
for (family, optimizers), (by_epoch, by_seconds) in zip(families.items(), axes.T):
    models = [
        GDLogisticRegression(optimizer=optimizer, max_iter=30, tol=None, **setting).fit(X, y)
        for optimizer in optimizers
    ]
    display = LossCurveDisplay.from_estimators(models, optimum=best, ax=by_epoch)
    display.plot(optimum=best, x="seconds", xscale="log", ax=by_seconds)
    by_seconds.get_legend().remove()
    by_epoch.set_title(family)
