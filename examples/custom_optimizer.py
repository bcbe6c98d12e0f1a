"""
An optimizer of your own
========================

Lion (Chen et al. 2023) steps along the sign of a momentum: every coefficient moves by the same
amount. It is not built in. Written in NumPy, it runs mini-batch after mini-batch in ``fit`` and
``partial_fit``, pickles with its momentum, and is tuned by a grid as the built-in rules are.
"""

# %%
# An optimizer is a class with ``init``, which gives the state before the first update of an array
# of parameters, and ``update``, which returns new parameters and the new state. It keeps nothing in
# the object but its parameters.

from time import perf_counter

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split

from sgdlearn import GDLogisticRegression
from sgdlearn.optimizers import SGD, Adam, Optimizer


class Lion(Optimizer):
    name = "lion"
    domains = {"beta1": "a number in [0, 1)", "beta2": "a number in [0, 1)"}

    def __init__(self, beta1=0.9, beta2=0.99):
        self.beta1 = beta1
        self.beta2 = beta2

    def init(self, params):
        return np.zeros_like(params)

    def update(self, params, grads, state, rate):
        step = np.sign(self.beta1 * state + (1.0 - self.beta1) * grads)
        return params - rate * step, self.beta2 * state + (1.0 - self.beta2) * grads


# %%
# Softmax regression on handwritten digits in mini-batches of 32: each optimizer gets the best of
# four rates by cross-validation, and twenty passes.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16.0, y, test_size=0.5, random_state=0, stratify=y
)

print(f"{'optimizer':20}{'rate':>8}{'objective':>11}{'accuracy':>10}{'ms a pass':>11}")
for optimizer in (SGD(), SGD(momentum=0.9), Adam(), Lion()):
    model = GDLogisticRegression(
        optimizer=optimizer, batch_size=32, max_iter=20, tol=None, random_state=0
    )
    grid = {"learning_rate": [0.001, 0.01, 0.1, 1.0]}
    search = GridSearchCV(model, grid, cv=3, scoring="neg_log_loss").fit(X_train, y_train)
    begin = perf_counter()
    model = search.best_estimator_.fit(X_train, y_train)
    milliseconds = 1e3 * (perf_counter() - begin) / model.n_iter_
    print(
        f"{optimizer!r:20}{model.learning_rate:8g}{model.loss_curve_[-1]:11.4f}"
        f"{model.score(X_test, y_test):10.3f}{milliseconds:11.1f}"
    )

# %%
# The loop in NumPy is slower than the compiled rules, by as much as the last column says; with
# larger batches or more columns the difference fades.
