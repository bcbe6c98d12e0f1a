"""
Optimizers on contours
======================

Four landscapes of two variables, each hard in its own way, and the ways of six optimizers over
them. The paths are those of the compiled update rules, by :func:`sgdlearn.minimize`.
"""

# %%
# A bowl forty times as steep one way as the other; Rosenbrock's bent valley; Beale's function, flat
# with steep walls; and a saddle, where the gradient is zero but there is a way down. Each optimizer
# has its automatic rate, and five hundred updates.

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import rosen, rosen_der

from sgdlearn.inspection import TrajectoryDisplay
from sgdlearn.optimizers import SGD


def bowl(x):
    return 0.5 * (x[0] ** 2 + 40.0 * x[1] ** 2)


def bowl_slope(x):
    return np.array([x[0], 40.0 * x[1]])


def beale_terms(x):
    powers = np.arange(1, 4)
    return np.array([1.5, 2.25, 2.625]) - x[0] * (1.0 - x[1] ** powers), powers


def beale(x):
    return np.sum(beale_terms(x)[0] ** 2)


def beale_slope(x):
    terms, k = beale_terms(x)
    along_x = -2.0 * np.sum(terms * (1.0 - x[1] ** k))
    along_y = 2.0 * np.sum(terms * x[0] * k * x[1] ** (k - 1))
    return np.array([along_x, along_y])


def saddle(x):
    return 0.5 * (x[0] ** 2 - x[1] ** 2) + x[1] ** 4 / 4.0


def saddle_slope(x):
    return np.array([x[0], -x[1] + x[1] ** 3])


landscapes = {
    "Ill-conditioned bowl": (bowl, bowl_slope, [-4.0, 0.7], [0, 0], (-4.6, 1.2), (-1.2, 1.2)),
    "Rosenbrock": (rosen, rosen_der, [-1.2, 1.0], [1, 1], (-1.7, 1.5), (-0.6, 2.0)),
    "Beale": (beale, beale_slope, [1.0, 1.5], [3, 0.5], (-0.5, 4.2), (-1.0, 1.8)),
    "A saddle at 0": (saddle, saddle_slope, [-1.5, 1e-3], [0, 1], (-1.8, 1.0), (-0.5, 1.4)),
}
optimizers = {
    "sgd": "sgd",
    "momentum": SGD(momentum=0.9),
    "Nesterov": SGD(momentum=0.9, nesterov=True),
    "adagrad": "adagrad",
    "rmsprop": "rmsprop",
    "adam": "adam",
}

figure, axes = plt.subplots(2, 2, figsize=(12, 9), layout="constrained")
for axis, (name, (fun, jac, start, optimum, xlim, ylim)) in zip(axes.flat, landscapes.items()):
    window = {"optimum": optimum, "xlim": xlim, "ylim": ylim, "ax": axis}
    TrajectoryDisplay.from_function(fun, start, optimizers, jac=jac, max_iter=500, **window)
    axis.set_title(name)
