"""A loss of a user's own, tried at a few points before anything is learnt from it.

A gradient that is not that of the value sends a run up, or nowhere, without a word; so it is
compared with differences. At a kink any slope between those on either side will do.
"""

import numpy as np

# Targets that are taken, spread over the rows.
ROWS = 8
# Where predictions stand: about zero, where all runs begin, and for numbers about the target, in
# units of the deviation of those targets.
ABOUT_ZERO = -2.3, -1.1, -0.4, 0.3, 0.9, 1.7
ABOUT_TARGET = -1.3, -0.2, 0.0, 0.4, 1.6
TOLERANCE = 1e-3
# What a value below zero may be by rounding.
NOTHING = 1e-9
# Rounding errors of a value, in units of what it is made of.
ROUNDINGS = 10.0
# Beyond so many squares of the target a gradient may be cut off, against overflow.
FARTHEST = 1e6


def check_loss(loss, targets):
    """Raise ValueError unless the loss can be learnt from; one that is compiled is known to be.

    Parameters
    ----------
    loss : Loss
    targets : ndarray of shape (n,)
        Of one output.
    """
    if loss.spec is not None:
        return
    y, z = points(targets, loss.kind)
    with np.errstate(all="ignore"):
        values, slopes = loss.value_and_gradient(y, z)
        for name, found in (("value", values), ("gradient", slopes)):
            if not isinstance(found, np.ndarray) or found.shape != z.shape:
                raise ValueError(
                    f"{name}(y, z) of the loss {type(loss).__name__} must return an array with one "
                    f"number for each element of y and z, of shape {z.shape} here. Got shape "
                    f"{np.shape(found)}."
                )
        _check_sign(loss, y, z, values)
        _check_slopes(loss, y, z, values, slopes)


def points(targets, kind):
    """Targets, and predictions about zero and about them."""
    chosen = np.unique(np.linspace(0, len(targets) - 1, ROWS).astype(int))
    y = np.asarray(targets, dtype=np.float64)[chosen]
    z = [np.full(len(y), place) for place in ABOUT_ZERO]
    if kind == "regression":
        unit = np.std(y) or 1.0
        z += [y + place * unit for place in ABOUT_TARGET]
    return np.tile(y, len(z)), np.concatenate(z)


def _check_sign(loss, y, z, values):
    """No value below zero, save by rounding."""
    below = values < -NOTHING * (1.0 + np.abs(y) + np.abs(z))
    if below.any():
        i = int(np.argmax(below))
        raise ValueError(
            f"value(y, z) of the loss {type(loss).__name__} must not be negative, as tol and "
            "divergence are measured by it: add what makes its least value 0. "
            f"Got {values[i]:.6g} at y={y[i]:.6g}, z={z[i]:.6g}."
        )


def _check_slopes(loss, y, z, values, slopes):
    """The gradient lies between the differences on either side."""
    eps = np.finfo(values.dtype if values.dtype.kind == "f" else np.float64).eps
    step = eps ** (1 / 3) * np.maximum(1.0, np.abs(z))
    ahead = (loss.value_and_gradient(y, z + step)[0] - values) / step
    behind = (values - loss.value_and_gradient(y, z - step)[0]) / step
    size = np.maximum(np.abs(ahead), np.abs(behind))
    rounding = ROUNDINGS * eps * (1.0 + np.abs(values) + np.abs(y) + np.abs(z)) / step
    margin = TOLERANCE * size + np.abs(ahead - behind) + rounding
    low, high = np.minimum(ahead, behind) - margin, np.maximum(ahead, behind) + margin
    wrong = ~((low <= slopes) & (slopes <= high))
    wrong &= np.isfinite(values) & np.isfinite(ahead) & np.isfinite(behind)
    wrong &= np.abs(values) <= FARTHEST * (1.0 + np.abs(y)) ** 2
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ValueError(
            f"gradient(y, z) of the loss {type(loss).__name__} is not the derivative of "
            f"value(y, z) in z: at y={y[i]:.6g}, z={z[i]:.6g} it is {slopes[i]:.6g}, but value "
            f"rises by {(ahead[i] + behind[i]) / 2.0:.6g} per unit of z."
        )
