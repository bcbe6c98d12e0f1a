"""
Finding the learning rate
=========================

With a learning rate of your own the first question is its order of magnitude. A range test answers
it in seconds: short runs at rates from far too small to harmful (Smith 2017).
"""

# %%
# Breast cancer, scaled, since a number means the textbook update in the units of X. Left of the
# range of use nothing happens in a few passes, right of it the objective ends higher than it was.

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from sgdlearn import GDLogisticRegression
from sgdlearn.inspection import LearningRateFinderDisplay, LossCurveDisplay, lr_range_test
from sgdlearn.optimizers import SGD

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)

models = {
    "sgd": GDLogisticRegression(optimizer="sgd", random_state=0),
    "momentum 0.9": GDLogisticRegression(optimizer=SGD(momentum=0.9), random_state=0),
    "adam": GDLogisticRegression(optimizer="adam", random_state=0),
}
figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
for axis, (name, model) in zip(axes, models.items()):
    display = LearningRateFinderDisplay.from_estimator(model, X, y, ax=axis)
    axis.set_title(f"{name}: {display.suggested_rate:.2g}")
    axis.get_legend().remove()
labels = ["objective after three passes", "suggested rate", "does harm from here on"]
figure.legend(display.lines_, labels, loc="outside lower center", ncols=3)

# %%
# The numbers alone come from ``lr_range_test``. A thirtieth of the suggested rate, the rate itself
# and fifty times as much, over thirty passes, next to "auto", which was told nothing:

rate = lr_range_test(models["adam"], X, y).suggested_rate
run = {"optimizer": "adam", "max_iter": 30, "tol": None, "random_state": 0}
rates = {f"{rate / 30:.2g}, a thirtieth": rate / 30, f"{rate:.2g}, as suggested": rate}
rates |= {f"{50 * rate:.2g}, fifty times": 50 * rate, "auto": "auto"}
LossCurveDisplay.from_estimators(
    {name: GDLogisticRegression(learning_rate=r, **run).fit(X, y) for name, r in rates.items()},
    yscale="log",
)
