"""Optimizers: the way down.

Each class holds the parameters of one way to minimise the objective; the work is done in compiled
loops. There are five families:

``stochastic``
    One update a row or mini-batch, by a rule that turns the gradient g of each coefficient w into
    its step: `SGD`, `AdaGrad`, `AdaDelta`, `RMSProp`, `Adam`, `AdamW`, `NAdam`, `FTRL`,
    `ScheduleFree`, `DoG`. They learn from streams (`partial_fit`) and take a learning rate r, here
    a number for the update t.
``variance_reduced``
    One update a row, by a better estimate of the whole gradient: `SAG`, `SAGA`, `SVRG`, `PSVRG`.
``dual``
    One slope a visit, the best for its row: `SDCA`. No learning rate.
``batch``
    One update a pass, no learning rate: `LBFGS`, `Newton`, `Cholesky`,
    `CoordinateDescent`.
``factorization``
    `RPCS`, for the rows of `GDMatrixFactorization` alone, which the stochastic rules move too.

An optimizer of your own subclasses `Optimizer`. The stochastic ones also serve a training loop of
your own, by `init` and `update`, and `sgdlearn.minimize`.
"""

from inspect import isclass

from ._base import Optimizer
from ._batch import LBFGS, Cholesky, CoordinateDescent, Newton
from ._dual import SDCA
from ._factorization import RPCS
from ._stochastic import (
    FTRL,
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    DoG,
    NAdam,
    RMSProp,
    ScheduleFree,
)
from ._variance_reduced import PSVRG, SAG, SAGA, SVRG

__all__ = [
    "FTRL",
    "LBFGS",
    "PSVRG",
    "RPCS",
    "SAG",
    "SAGA",
    "SDCA",
    "SGD",
    "SVRG",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Cholesky",
    "CoordinateDescent",
    "DoG",
    "NAdam",
    "Newton",
    "Optimizer",
    "RMSProp",
    "ScheduleFree",
]

OPTIMIZERS = {
    optimizer.name: optimizer
    for optimizer in (
        SGD,
        AdaGrad,
        AdaDelta,
        RMSProp,
        Adam,
        AdamW,
        NAdam,
        FTRL,
        ScheduleFree,
        DoG,
        SAG,
        SAGA,
        SVRG,
        PSVRG,
        SDCA,
        LBFGS,
        Newton,
        Cholesky,
        CoordinateDescent,
    )
}


def resolve(optimizer, also=(), listed=None):
    """The `Optimizer` that an estimator's parameter means, validated.

    Parameters
    ----------
    optimizer : str or Optimizer
        A name stands for the class with its defaults. "auto" is not among them: it is a policy,
        not an optimizer.
    also : sequence of classes
        What this estimator takes besides `OPTIMIZERS`.
    listed : sequence of str, default=None
        The names that an error lists; None is all of them.

    Returns
    -------
    Optimizer
    """
    names = {**OPTIMIZERS, **{kind.name: kind for kind in also}}
    own = getattr(optimizer, "family", None) != RPCS.family or isinstance(optimizer, tuple(also))
    if isinstance(optimizer, Optimizer) and own:
        return optimizer.validate()
    if isinstance(optimizer, str) and optimizer in names:
        return names[optimizer]()
    instead = ""
    if isclass(optimizer) and issubclass(optimizer, Optimizer):
        instead = f" Pass an object: {optimizer.__name__}()."
    raise ValueError(
        f"The 'optimizer' parameter must be 'auto', one of {listed or list(names)} or an Optimizer "
        "object (a grid over a parameter of the optimizer, such as optimizer__beta1, needs an "
        f"object in the estimator: optimizer=Adam()). Got {optimizer!r} instead.{instead}"
    )
