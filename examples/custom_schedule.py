"""
A learning-rate schedule of your own
====================================

Cosine annealing with warm restarts (Loshchilov & Hutter 2017): the rate falls along half a cosine,
jumps back up, and each cycle is twice as long as the one before. Built in are a cosine without
restarts and several others; this one takes a dozen lines.
"""

# %%
# A schedule is anything that can be called on an array of step numbers 1, 2, ... (one an update)
# and returns their rates. As a class it has parameters that a grid can reach:
# ``learning_rate__first_cycle``.

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from sgdlearn import GDLogisticRegression
from sgdlearn.schedules import Cosine, InverseScaling, Schedule


class WarmRestarts(Schedule):
    domains = {
        "top": "a number in (0, inf)",
        "bottom": "a number in (0, inf)",
        "first_cycle": "an integer in [1, inf)",
    }

    def __init__(self, top=0.1, bottom=1e-4, first_cycle=1000):
        self.top = top
        self.bottom = bottom
        self.first_cycle = first_cycle

    def __call__(self, t):
        cycles = (t - 1.0) / self.first_cycle  # in units of the first one
        number = np.floor(np.log2(cycles + 1.0))
        begin, length = 2.0**number - 1.0, 2.0**number
        wave = 0.5 * (1.0 + np.cos(np.pi * (cycles - begin) / length))
        return self.bottom + (self.top - self.bottom) * wave


# %%
# Logistic regression on 569 tumours, row by row. How far is the objective from its minimum,
# relative to where it began, after 7, 15 and 31 passes? The cycles of the restarts end there.

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
setting = {"alpha": 1e-3, "random_state": 0}
best = GDLogisticRegression(**setting, tol=1e-12).fit(X, y).loss_curve_[-1]
start = -np.mean(y) * np.log(np.mean(y)) - np.mean(y == 0) * np.log(np.mean(y == 0))


def objective(model):
    margins = np.where(y == 1, 1.0, -1.0) * model.decision_function(X)
    return np.mean(np.logaddexp(0.0, -margins)) + 5e-4 * np.sum(model.coef_**2)


schedules = {
    "0.1": 0.1,
    "a function, 0.1 / sqrt(t)": lambda t: 0.1 / np.sqrt(t),
    "InverseScaling(0.1, 0.25)": InverseScaling(0.1, 0.25),
    "Cosine(0.1)": Cosine(0.1),
    "WarmRestarts(0.1)": WarmRestarts(0.1, first_cycle=len(X)),
}

print(f"{'learning_rate':28}" + "".join(f"{f'{n} passes':>12}" for n in (7, 15, 31)))
for name, schedule in schedules.items():
    left = []
    for n_passes in (7, 15, 31):
        model = GDLogisticRegression(
            optimizer="sgd", learning_rate=schedule, max_iter=n_passes, tol=None, **setting
        )
        left.append((objective(model.fit(X, y)) - best) / (start - best))
    print(f"{name:28}" + "".join(f"{value:12.1e}" for value in left))

# %%
# A cosine that is told the number of passes is hard to beat for that number; the restarts need not
# be told, and are nearly there at the end of each cycle.
