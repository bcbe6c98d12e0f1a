"""Losses whose formulas are compiled."""

import numpy as np

from .._kernels import losses as kernels
from ._base import Loss


class KernelLoss(Loss):
    """A loss whose formulas are compiled: `code` and `parameter` say which."""

    code = None
    parameter = 0.0
    smoothing = 0.0
    ramp_slope = None  # non-smooth losses: slope of the steepest ramp they are built from

    @property
    def spec(self):
        return int(self.code), float(self.parameter), float(self.smoothing)

    @property
    def smooth(self):
        return self.ramp_slope is None

    def value(self, y, z):
        return self.value_and_gradient(y, z)[0]

    def gradient(self, y, z):
        y, z = _as_doubles(y, z)
        out = z.copy()
        kernels.slopes(self.spec, y.ravel(), out.ravel())
        return out

    def value_and_gradient(self, y, z):
        y, z = _as_doubles(y, z)
        values, slopes = np.empty_like(z), np.empty_like(z)
        kernels.loss_and_slopes(self.spec, y.ravel(), z.ravel(), values.ravel(), slopes.ravel())
        return values, slopes

    def curvature(self, y, z):
        y, z = _as_doubles(y, z)
        out = np.empty_like(z)
        kernels.curvatures(self.spec, y.ravel(), z.ravel(), out.ravel())
        return out

    def conjugate(self, y, a):
        y, a = _as_doubles(y, a)
        out = np.empty_like(a)
        kernels.conjugates(self.spec, y.ravel(), a.ravel(), out.ravel())
        return out

    def nearest_slope(self, y, a):
        y, a = _as_doubles(y, a)
        out = np.empty_like(a)
        kernels.nearest_slopes(self.spec, y.ravel(), a.ravel(), out.ravel())
        return out

    def smoothed(self, mu):
        return self if self.smooth else Smoothed(self, mu)


class Smoothed(KernelLoss):
    """A piecewise linear loss with its kinks rounded off over a width mu (Nesterov 2005).

    It lies below `loss`, by at most mu / 2 times the slope of the steepest ramp.
    """

    domains = {"mu": "a number in (0, inf)"}

    def __init__(self, loss, mu):
        self.loss = loss
        self.mu = mu

    name = property(lambda self: self.loss.name)
    kind = property(lambda self: self.loss.kind)
    code = property(lambda self: self.loss.code)
    parameter = property(lambda self: self.loss.parameter)
    smoothing = property(lambda self: self.mu)
    curvature_bound = property(lambda self: self.loss.ramp_slope / self.mu)

    def baseline(self, y, weights=None):
        return self.loss.baseline(y, weights)


def _as_doubles(y, z):
    """y and z as C-contiguous arrays of doubles, y in the shape of z."""
    z = np.ascontiguousarray(z, dtype=np.float64)
    y = np.asarray(y, dtype=np.float64)
    return np.ascontiguousarray(np.broadcast_to(y, z.shape)), z
