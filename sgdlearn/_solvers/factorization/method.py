"""How a factorisation goes down: its rule, its rates, and where rows begin.

learning_rate="auto" needs no unit of the ratings: with sigma their deviation (1 for 0 and 1),
predictions are of size sigma, biases too, factors of size sqrt(sigma) and the gradient of a factor
of size sigma sqrt(sigma). So the rates are, times those for sigma = 1 in `FIRST_RATES`,

===================================== ==================== ====================
rule                                  of factors           of biases
===================================== ==================== ====================
rpcs, adagrad, rmsprop, adam family   sqrt(sigma)          sigma
sgd with momentum mu                  (1 - mu) / sigma     1 - mu
ftrl, schedule_free                   sqrt(sigma)          sigma
adadelta                              1                    1
===================================== ==================== ====================

where those of rules whose steps do not shrink by themselves fall as 1 / sqrt(1 + e) over the epochs
e of `fit`. The sums of squares of "rpcs" begin at those of one gradient of unit size: sigma^3 and
sigma^2; with a given rate at 1, as in Chin et al. (2015).
"""

from dataclasses import dataclass
from functools import cached_property
from math import inf, sqrt
from typing import Any

import numpy as np

from ...optimizers import RMSProp
from .objective import RatingLoss
from .rows import Rows, Start

FIRST_RATES = {
    "rpcs": 0.1,
    "sgd": 0.05,
    "adagrad": 0.05,
    "rmsprop": 0.003,
    "adadelta": 1.0,
    "ftrl": 0.05,
    "schedule_free": 0.1,
}
ADAM_RATE = 0.003
# Rules that need no smaller rates in time.
SHRINKING = "rpcs", "adagrad", "ftrl", "schedule_free", "adadelta"
# The least that sums of squares begin at, well within float32.
LEAST_SQUARES = 1e-30
# The deviation of new factors, over sqrt(sigma).
INIT = 0.03


@dataclass(frozen=True)
class Method:
    """What is done with each rating.

    Attributes
    ----------
    loss : RatingLoss
    rule : Optimizer
    k : int
    alpha, alpha_bias : float
    biases : bool
    non_negative : bool
    init_scale : float or None
    n_negatives : int
    dtype : dtype
    automatic : bool
        Whether the rates are "auto".
    sigma : float
        The size of predictions.
    mean : float
        The mean of the targets; without biases, factors that are not negative begin at its size.
    """

    loss: RatingLoss
    rule: Any
    k: int
    alpha: float
    alpha_bias: float
    biases: bool
    non_negative: bool
    init_scale: float | None
    n_negatives: int
    dtype: Any
    automatic: bool
    sigma: float = 1.0
    mean: float = 0.0

    @cached_property
    def reduced_rule(self):
        """Whether it is "rpcs"."""
        return self.rule.name == "rpcs"

    @property
    def has_constant(self):
        """Whether ratings have a mean: without biases, what is not negative begins at 0."""
        return self.biases or not self.non_negative

    @property
    def lower(self):
        return 0.0 if self.non_negative else -inf

    @cached_property
    def bias_rate(self):
        """The rate of biases, over that of factors; 0 where there are none."""
        if not self.biases:
            return 0.0
        if not self.automatic or self.rule.name == "adadelta":
            return 1.0
        return self.sigma if self.rule.name == "sgd" else sqrt(self.sigma)

    @cached_property
    def first_rate(self):
        """The rate of factors at first, where it is automatic."""
        name = self.rule.name
        unit = {"adadelta": 1.0}.get(name, sqrt(self.sigma))
        if name == "sgd":
            unit = (1.0 - self.rule.momentum) / self.sigma
        return FIRST_RATES.get(name, ADAM_RATE) * unit

    def reduced(self, rows):
        """As `factor_reduced.pyx` reads it."""
        numbers = self.alpha, self.alpha_bias, self.bias_rate, self.lower
        return rows.k, rows.width, *numbers

    def by_rule(self, rows):
        """As `factor_rules.pyx` reads it."""
        rule = self.rule.kernel_code, *self.rule.kernel_parameters()
        factors = 0.0, self.alpha, self.lower, True
        biases = 0.0, self.alpha_bias, -inf, True
        return rule, factors, biases, self.bias_rate, rows.width, rows.lot

    def rows(self, seed):
        """No rows yet."""
        return Rows(
            self.k,
            self.rule.n_slots,
            self.dtype,
            reduced=self.reduced_rule,
            counts=self.counts,
            seed=seed,
        )

    @cached_property
    def counts(self):
        """Whether the rule counts its updates."""
        return not self.reduced_rule and self.rule.kernel_code > RMSProp.kernel_code

    @cached_property
    def start(self):
        """How new rows begin."""
        scale = self.init_scale
        if scale is None:
            scale = INIT * sqrt(self.sigma)
            if not self.has_constant and self.mean > 0:
                scale = sqrt(self.mean / (3.0 * self.k))
        span = sqrt(12.0) * scale
        low = 0.0 if self.non_negative else -0.5 * span
        squares = bias_squares = 0.0
        slots = None
        if self.reduced_rule:
            sigma = self.sigma if self.automatic else 1.0
            squares, bias_squares = max(sigma**3, LEAST_SQUARES), max(sigma**2, LEAST_SQUARES)
        elif self.rule.name == "schedule_free":
            slots = start_average
        return Start(low, span, squares, bias_squares, slots)


def start_average(values, lot):
    """Schedule-free: z and x begin where w does."""
    values[:, 2 * lot :] = values[:, :lot]


def model_rows(rows, rule):
    """The rows that make predictions: those that move, but for schedule-free their average x."""
    if rule.name != "schedule_free":
        return rows
    model = rows.copy()
    w, z = model.values[:, : rows.lot], model.values[:, 2 * rows.lot : 3 * rows.lot]
    w -= (1.0 - rule.momentum) * z
    w /= rule.momentum
    return model


@dataclass(frozen=True)
class AutomaticRate:
    """The table above, called on step numbers as schedules are; `epoch` updates make an epoch."""

    method: Method
    epoch: int | None

    def start(self):
        return None

    def observe(self, state, objective):
        return state

    def same_as(self, other):
        return isinstance(other, AutomaticRate)

    @cached_property
    def steady(self):
        """The one rate of all updates, in an array; None where they fall."""
        if self.epoch is None or self.method.rule.name in SHRINKING:
            return np.array([self.method.first_rate])
        return None

    def __call__(self, t, state=None):
        rates = np.full(np.shape(t), self.method.first_rate)
        if self.steady is not None:
            return rates
        return rates / np.sqrt(1.0 + (np.asarray(t) - 1.0) / self.epoch)
