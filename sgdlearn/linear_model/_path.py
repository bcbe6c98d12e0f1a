"""The way that `fit` of a linear estimator takes, iterate by iterate."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from .._compat import validate_parameters
from .._solvers.monitor import Monitor
from .._solvers.objective import Objective
from .._solvers.solve import solve, starting_point


@dataclass
class FitPath:
    """Where a fit went.

    Attributes
    ----------
    objective : Objective
        What it went down.
    W : ndarray of shape (n_points, k, p)
    b : ndarray of shape (n_points, k)
        The start and what each epoch (or iteration) ended with, in the units of X.
    """

    objective: Objective
    W: np.ndarray
    b: np.ndarray


class PathMonitor(Monitor):
    """A monitor that keeps every iterate."""

    def __init__(self, W, b, **kwargs):
        super().__init__(**kwargs)
        self.path = [(W, b)]

    def record(self, value, certificate, coefficients):
        self.path.append(coefficients())
        return super().record(value, certificate, coefficients)


def fit_path(estimator, X, y, sample_weight=None):
    """The `FitPath` of ``clone(estimator).fit(X, y, sample_weight)``."""
    model = clone(estimator)
    validate_parameters(model)
    random_state, rng = model._randomness()
    problem = model._problem(X, y, sample_weight, (None, None, None), random_state)
    objective, way = problem.objective, problem.way
    start = starting_point(objective, None, None, textbook=way.learning_rate != "auto")
    monitor = PathMonitor(*start, validation=problem.validation)
    stream = model._observe(objective, way)
    solve(objective, *start, way, rng=rng, monitor=monitor, stream=stream)
    W, b = zip(*monitor.path)
    return FitPath(objective, np.array(W, dtype=np.float64), np.array(b, dtype=np.float64))
