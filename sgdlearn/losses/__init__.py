"""Losses: what a prediction costs.

A loss is a function of the target y and the prediction z = x . w + b of one row. With
r = z - y (regression) and m = y z, y in {-1, +1} (classification):

======================================= ===================================================
`SquaredError`                          r^2 / 2
`Huber(epsilon)`                        r^2 / 2 where abs(r) <= epsilon, else
                                        epsilon abs(r) - epsilon^2 / 2
`Quantile(quantile)`                    max(quantile (y - z), (quantile - 1) (y - z))
`AbsoluteError`                         abs(r)
`EpsilonInsensitive(epsilon)`           max(0, abs(r) - epsilon)
`SquaredEpsilonInsensitive(epsilon)`    max(0, abs(r) - epsilon)^2
`LogLoss`                               log(1 + exp(-m))
`Multinomial`                           -log softmax(z)_y, y a class number
`Hinge`                                 max(0, 1 - m)
`SquaredHinge`                          max(0, 1 - m)^2
======================================= ===================================================

The formulas of these stand in `_kernels/losses.pxd`, where the solvers use them row by row. A loss
of your own subclasses `Loss`.
"""

from ._base import Loss
from ._classification import Hinge, LogLoss, Multinomial, SquaredHinge
from ._regression import (
    AbsoluteError,
    EpsilonInsensitive,
    Huber,
    Quantile,
    SquaredEpsilonInsensitive,
    SquaredError,
)

__all__ = [
    "AbsoluteError",
    "EpsilonInsensitive",
    "Hinge",
    "Huber",
    "LogLoss",
    "Loss",
    "Multinomial",
    "Quantile",
    "SquaredEpsilonInsensitive",
    "SquaredError",
    "SquaredHinge",
]

LOSSES = {
    loss.name: loss
    for loss in (
        SquaredError,
        Huber,
        Quantile,
        AbsoluteError,
        EpsilonInsensitive,
        SquaredEpsilonInsensitive,
        LogLoss,
        Multinomial,
        Hinge,
        SquaredHinge,
    )
}


def resolve(loss, *, epsilon=None, quantile=None, names=tuple(LOSSES), kind=None):
    """The `Loss` that an estimator's parameters mean, validated.

    Parameters
    ----------
    loss : str or Loss
        A name, or an object, which keeps its own parameters.
    epsilon, quantile : float, default=None
        For the named losses that have such a parameter; None is the loss's default.
    names : sequence of str, default=all
        The names that the estimator takes.
    kind : {"regression", "classification"}, default=None
        What an object must be for: a loss of one prediction a row and of such targets.

    Returns
    -------
    Loss
    """
    if isinstance(loss, Loss):
        if kind and (loss.kind != kind or isinstance(loss, Multinomial)):
            raise ValueError(
                f"The 'loss' parameter must be a loss of single predictions for {kind}, "
                f"with the attribute kind={kind!r}. Got {loss!r} instead, of kind={loss.kind!r}."
            )
        return loss.validate()
    if not isinstance(loss, str) or loss not in names:
        raise ValueError(
            f"The 'loss' parameter must be one of {sorted(names)} or a Loss object. "
            f"Got {loss!r} instead."
        )
    given = {"epsilon": epsilon, "quantile": quantile}
    kind = LOSSES[loss]
    return kind(
        **{name: given[name] for name in kind.domains if given[name] is not None}
    ).validate()
