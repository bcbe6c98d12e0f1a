"""
Momentum against the condition number
=====================================

How many updates does it take? On a bowl that is k times as steep one way as the other, gradient
descent needs about k of them; with momentum it is the square root of k (Polyak 1964). That is what
momentum is for.
"""

# %%
# A quadratic of twenty variables with curvatures from 1 to k. The best rates are known: 2 / (1 + k)
# for gradient descent, and for the heavy ball
#
# .. math::
#
#     r = \left(\frac{2}{\sqrt{k} + 1}\right)^2, \qquad
#     \mu = \left(\frac{\sqrt{k} - 1}{\sqrt{k} + 1}\right)^2
#
# L-BFGS learns the curvatures as it goes. Adam does not see the condition number here, because the
# curvatures lie along the axes, and it has a step for each.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sgdlearn import minimize
from sgdlearn.optimizers import SGD

warnings.simplefilter("ignore", ConvergenceWarning)  # not all of them get there


def run(k, optimizer, rate, max_iter=20_000):
    """The objective after each update from (1, ..., 1), down to 1e-8 of where it began."""
    curvatures = np.geomspace(1.0, k, 20)
    values = []

    def watch(x):
        values.append(0.5 * np.sum(curvatures * x**2) / np.sum(0.5 * curvatures))
        if values[-1] < 1e-8:
            raise StopIteration

    minimize(
        lambda x: 0.5 * np.sum(curvatures * x**2), np.ones(20), jac=lambda x: curvatures * x,
        optimizer=optimizer, learning_rate=rate, max_iter=max_iter, tol=None, callback=watch,
    )  # fmt: skip
    return values


def ways(k):
    root = np.sqrt(k)
    ball = ((root - 1) / (root + 1)) ** 2
    look_ahead = (root - 1) / (root + 1)
    return {
        "gradient descent": ("sgd", 2 / (1 + k)),
        "heavy ball": (SGD(momentum=ball), (2 / (root + 1)) ** 2),
        "Nesterov": (SGD(momentum=look_ahead, nesterov=True), 1 / k),
        "adam, rate 0.01": ("adam", 0.01),
        "lbfgs": ("lbfgs", "auto"),
    }


conditions = np.geomspace(2, 2000, 7)
updates = {name: [] for name in ways(2.0)}
for k in conditions:
    for name, (optimizer, rate) in ways(k).items():
        updates[name].append(len(run(k, optimizer, rate)))

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
styles = dict(zip(updates, ("o-", "s--", "^-.", "v:", "D-")))
for name, count in updates.items():
    left.loglog(conditions, count, styles[name], markersize=5, label=name)
left.loglog(conditions, 8 * conditions, color="grey", linewidth=0.8)
left.loglog(conditions, 12 * np.sqrt(conditions), color="grey", linewidth=0.8)
left.text(80, 1200, "as k", color="grey")
left.text(1000, 600, "as √k", color="grey")
left.set(xlabel="condition number k", ylabel="updates until 1e-8 of the start", ylim=(4, 4e4))
left.legend(fontsize="small", loc="upper left")

# sphinx_gallery_defer_figures

# %%
# One of them, k = 200, update by update. The heavy ball rises before it falls.

for name, (optimizer, rate) in ways(200.0).items():
    values = run(200.0, optimizer, rate, max_iter=1200)
    right.semilogy(
        np.arange(1, len(values) + 1), values, styles[name], markevery=0.1, markersize=4
    )
right.set(xlabel="updates", ylabel="objective, relative to the start", title="k = 200")
