"""
A loss of your own
==================

To promise too little costs four times what it costs to promise too much: then the mean is the wrong
thing to predict. The asymmetric squared error

.. math::

    \\ell(y, z) = |q - [z > y]| \\, (z - y)^2

says so; what minimises it is called an expectile (Newey & Powell 1987). It is not built in. Written
in NumPy, it works with every part of the estimator that needs no more than its slope: the
stochastic rules, L-BFGS, penalties, ``partial_fit``, grids.
"""

# %%
# A loss is a class with a value and a gradient, both element by element. ``curvature_bound``, the
# largest second derivative, gives ``learning_rate="auto"`` its step. Parameters are tuned as any
# other: ``loss__level``.

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_predict

from sgdlearn import GDLinearRegression
from sgdlearn.losses import Loss


class Expectile(Loss):
    name = "expectile"
    curvature_bound = 2.0
    domains = {"level": "a number in (0, 1)"}

    def __init__(self, level=0.5):
        self.level = level

    def weight(self, y, z):
        return np.where(z > y, 1.0 - self.level, self.level)

    def value(self, y, z):
        return self.weight(y, z) * (z - y) ** 2

    def gradient(self, y, z):
        return 2.0 * self.weight(y, z) * (z - y)


# %%
# The progression of diabetes in 442 patients, predicted across ten folds. The cost of a row is the
# loss at level 0.8: to say too little is four times as bad as to say too much.

X, y = load_diabetes(return_X_y=True)
cost = Expectile(0.8)

models = {
    "LinearRegression": LinearRegression(),
    "squared error": GDLinearRegression(),
    "Expectile(0.5)": GDLinearRegression(loss=Expectile(0.5)),
    "Expectile(0.8)": GDLinearRegression(loss=Expectile(0.8)),
    "Expectile(0.8), by adam": GDLinearRegression(
        loss=Expectile(0.8), optimizer="adam", random_state=0
    ),
}

print(f"{'model':25}{'mean cost':>10}{'too low':>10}{'R^2':>8}")
for name, model in models.items():
    z = cross_val_predict(model, X, y, cv=10)
    r2 = 1.0 - np.mean((z - y) ** 2) / np.var(y)
    print(f"{name:25}{np.mean(cost.value(y, z)):10.0f}{np.mean(z < y):10.0%}{r2:8.3f}")

# %%
# What is asked for is what one gets: the least cost, at the price of a lower R². At level 0.5 the
# loss is the squared error, and the model the same.
