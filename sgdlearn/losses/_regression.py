"""Losses of numbers: r = z - y."""

import numpy as np

from .._kernels.losses import LossCode
from ._compiled import KernelLoss


class SquaredError(KernelLoss):
    """r^2 / 2: least squares (Legendre 1805)."""

    name = "squared_error"
    code = LossCode.SQUARED_ERROR
    curvature_bound = 1.0

    def baseline(self, y, weights=None):
        return float(np.average(y, weights=weights))


class Huber(KernelLoss):
    """r^2 / 2 where abs(r) <= epsilon, epsilon abs(r) - epsilon^2 / 2 beyond (Huber 1964).

    Parameters
    ----------
    epsilon : float, default=1.35
        Where squares end and absolute values begin, in units of y.
    """

    name = "huber"
    code = LossCode.HUBER
    curvature_bound = 1.0
    parameter = property(lambda self: self.epsilon)
    domains = {"epsilon": "a number in (0, inf)"}

    def __init__(self, epsilon=1.35):
        self.epsilon = epsilon


class Quantile(KernelLoss):
    """max(quantile (y - z), (quantile - 1) (y - z)): the pinball loss (Koenker & Bassett 1978).

    Parameters
    ----------
    quantile : float, default=0.5
        The quantile of y given x that is estimated.
    """

    name = "quantile"
    code = LossCode.QUANTILE
    parameter = property(lambda self: self.quantile)
    ramp_slope = property(lambda self: max(self.quantile, 1.0 - self.quantile))
    domains = {"quantile": "a number in (0, 1)"}

    def __init__(self, quantile=0.5):
        self.quantile = quantile

    def baseline(self, y, weights=None):
        return weighted_quantile(y, self.quantile, weights)


class EpsilonInsensitive(KernelLoss):
    """max(0, abs(r) - epsilon): that of support vector regression (Vapnik 1995).

    Parameters
    ----------
    epsilon : float, default=0.1
        Errors up to this size, in units of y, cost nothing.
    """

    name = "epsilon_insensitive"
    code = LossCode.EPSILON_INSENSITIVE
    ramp_slope = 1.0
    parameter = property(lambda self: self.epsilon)
    domains = {"epsilon": "a number in [0, inf)"}

    def __init__(self, epsilon=0.1):
        self.epsilon = epsilon

    def baseline(self, y, weights=None):
        # The slope of the mean loss rises by s_i at y_i - epsilon and again at y_i + epsilon:
        # it crosses zero half way up.
        steps = np.concatenate([y - self.parameter, y + self.parameter])
        return weighted_quantile(steps, 0.5, None if weights is None else np.tile(weights, 2))


class AbsoluteError(EpsilonInsensitive):
    """abs(r): errors of every size cost, the median is estimated (Boscovich 1757)."""

    name = "absolute_error"
    parameter = 0.0
    domains = {}

    def __init__(self):
        pass


class SquaredEpsilonInsensitive(KernelLoss):
    """max(0, abs(r) - epsilon)^2 (in linear support vector regression: Ho & Lin 2012).

    Parameters
    ----------
    epsilon : float, default=0.1
        Errors up to this size, in units of y, cost nothing.
    """

    name = "squared_epsilon_insensitive"
    code = LossCode.SQUARED_EPSILON_INSENSITIVE
    curvature_bound = 2.0
    parameter = property(lambda self: self.epsilon)
    domains = {"epsilon": "a number in [0, inf)"}

    def __init__(self, epsilon=0.1):
        self.epsilon = epsilon


def weighted_quantile(values, quantile, weights=None):
    """The least value that at least a share `quantile` of the weight does not exceed."""
    values = np.asarray(values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    below = np.cumsum(np.ones(len(values)) if weights is None else np.asarray(weights)[order])
    place = np.searchsorted(below, quantile * below[-1])
    return float(values[order[min(place, len(values) - 1)]])
