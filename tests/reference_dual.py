"""Dual coordinate ascent in plain NumPy, one row after the other.

The slope that is best for one row alone is the slope of its loss at the proximal point

    zeta = argmin loss(zeta) + (zeta - u)^2 / (2 q),    u = z + q a,

which is found by bisection: zeta + q slope(zeta) rises, with jumps at kinks, and crosses u there.
"""

from functools import partial
from math import exp

import numpy as np


def slopes_of(loss):
    """The derivative in z of a loss at target y, as the documentation has it."""
    size = getattr(loss, "epsilon", getattr(loss, "quantile", 0.0))
    return {
        "squared_error": lambda y, z: z - y,
        "huber": lambda y, z: min(max(z - y, -size), size),
        "quantile": lambda y, z: 1.0 - size if z > y else -size,
        "absolute_error": lambda y, z: sign(z - y),
        "epsilon_insensitive": lambda y, z: sign(z - y) * (abs(z - y) > size),
        "squared_epsilon_insensitive": lambda y, z: 2.0 * sign(z - y) * max(abs(z - y) - size, 0.0),
        "log_loss": lambda y, z: -y / (1.0 + exp(min(y * z, 700.0))),
        "hinge": lambda y, z: -y * (y * z < 1.0),
        "squared_hinge": lambda y, z: -2.0 * y * max(1.0 - y * z, 0.0),
    }[loss.name]


def sign(r):
    return (r > 0.0) - (r < 0.0)


def prox_slope(slope, u, q):
    """(u - zeta) / q, the (sub)gradient of the loss at zeta."""
    u, q = float(u), float(q)
    if q == 0.0:
        return slope(u)
    low = high = u
    width = 1e-3
    while low + q * slope(low) > u:
        low, width = u - width, 2.0 * width
    width = 1e-3
    while high + q * slope(high) < u:
        high, width = u + width, 2.0 * width
    while low < (middle := 0.5 * (low + high)) < high:
        if middle + q * slope(middle) > u:
            high = middle
        else:
            low = middle
    return (u - low) / q


def coefficients(v, l1, l2, lower):
    return np.maximum(lower, np.sign(v) * np.maximum(np.abs(v) - l1, 0.0) / l2)


def sdca(X, y, slope, share, a, b, sweeps, *, l2, l1=0.0, lower=-np.inf):
    """Yields (a, w, b) after each of the sweeps (rows in order, coupling of the intercept).

    ``slope(y, z)`` is the derivative of the loss, l1 and l2 are numbers or arrays (p,). The
    coupling is 0 without an intercept.
    """
    a = a.copy()
    for order, coupling in sweeps:
        q = share * ((X**2 / l2).sum(axis=1) + coupling)
        b = b - coupling * (share @ a)
        for i in order:
            z = X[i] @ coefficients(-(share * a) @ X, l1, l2, lower) + b
            new = prox_slope(partial(slope, y[i]), z + q[i] * a[i], q[i])
            b -= coupling * share[i] * (new - a[i])
            a[i] = new
        yield a.copy(), coefficients(-(share * a) @ X, l1, l2, lower), b
