"""learning_rate="auto": a safe rate for every rule, from the data, and what becomes of it.

It works in the scaled metric (`Scaling`), where columns have unit size, so that a row's squared
length is about its number of entries. With c the bound of the loss's curvature, x~_i the rows in
the metric, s_i their weights and mu the momentum (0 without):

    L = mean_i s_i c (|x~_i|^2 + 1)  +  max_i s_i c (|x~_i|^2 + 1) / ((1 - mu) batch_size)

bounds the curvature that one batch sees (Gower et al. 2019, "SGD: General Analysis and Improved
Rates"); momentum, which sums 1 / (1 - mu) gradients up, sums up their noise. q is the weighted mean
of |x~_i|^2 + 1, `spread` the size of predictions: 1 for classes, or, for the rules that "auto"
takes on a stream, the deviation of the model's own once that is more (as in DoG the way to go is
known by the way that was come: Ivgi, Hinder & Carmon 2023); the deviation of y in regression; n
counts the updates of an epoch, e the epochs before update t.

========================== ============================= =====================================
rule                       rate at first                 on a stream, times
========================== ============================= =====================================
sgd                        1 / L                         1 / sqrt(1 + e)
sgd, loss with kinks       (1 - mu) spread / sqrt(q n)   sqrt(n / t)
adagrad, ftrl, sched.-free spread / sqrt(q)              1
adadelta                   spread                        1
dog                        1; D = 0.01 spread / sqrt(q)  1
rmsprop, adam family       0.1 spread / sqrt(q)          1 / sqrt(1 + e)
a rule written in Python   as adam
========================== ============================= =====================================

In `fit` the objective of every epoch is known and the rate follows it: an epoch that ended lower
than the two before it multiplies the rate by `RISE`, any other, where noise has the upper hand, by
`FALL` (Battiti 1989, "Accelerated backpropagation learning": the bold driver). So slow progress
makes for larger steps, and noise dies out. Gradient descent on whole batches has none, and
keeps to 1 / L.
"""

from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np

# Rules that need no smaller rates on a stream.
CONSTANT = "adagrad", "ftrl", "schedule_free", "adadelta", "dog"
RISE = 1.2
FALL = 0.7
# Of targets that are all alike, the share of their size that may be deviation.
ALIKE = 1e-9


@dataclass(frozen=True)
class AutomaticRate:
    """The table above, for one run; called on step numbers as schedules are.

    Attributes
    ----------
    rule : Optimizer
    curvature : float
        L; inf for a loss with kinks.
    square : float
        q.
    spread : float
    epoch : int
        n.
    follows : bool
        Whether the rate follows the objective (`fit`) or the step number (a stream).
    """

    rule: object
    curvature: float
    square: float
    spread: float
    epoch: int
    follows: bool

    def __call__(self, t, state=None):
        t = np.asarray(t, dtype=np.float64)
        if self.follows:
            return np.full(t.shape, state[0] * self.first)
        return self.first * self._slowing(t)

    @cached_property
    def first(self):
        """The rate at first."""
        name, size = self.rule.name, self.spread / sqrt(self.square)
        if name == "sgd":
            if np.isinf(self.curvature):
                return (1.0 - self.rule.momentum) * size / sqrt(self.epoch)
            return 1.0 / self.curvature
        if name in CONSTANT[:3]:
            return size
        return {"adadelta": self.spread, "dog": 1.0}.get(name, 0.1 * size)

    @property
    def first_distance(self):
        """D of DoG at first."""
        return 0.01 * self.spread / sqrt(self.square)

    def _slowing(self, t):
        """The factors of a stream."""
        if self.rule.name in CONSTANT:
            return np.ones_like(t)
        if self.rule.name == "sgd" and np.isinf(self.curvature):
            return np.sqrt(self.epoch / t)
        return 1.0 / np.sqrt(1.0 + (t - 1.0) / self.epoch)

    def same_as(self, other):
        """Whether the factor of the one is of use to the other."""
        return self.follows and getattr(other, "follows", False)

    def start(self):
        """The factor, and the objectives of the last two epochs."""
        return 1.0, (np.inf, np.inf)

    def observe(self, state, objective):
        """The same after an epoch that ended at this objective."""
        factor, (one, other) = state
        change = RISE if objective < min(one, other) else FALL
        if self.rule.name == "sgd" and self.epoch == 1 and np.isfinite(self.curvature):
            change = 1.0
        return factor * change, (other, objective)


def curvature_of(method, mean_square, largest_square):
    """L; the squares are s_i (|x~_i|^2 + 1)."""
    rest = 1.0 - getattr(method.rule, "momentum", 0.0)
    share = 0.0 if method.batch_size == "full" else 1.0 / (method.batch_size * rest)
    return method.loss.curvature_bound * (mean_square + share * largest_square)


def spread_of(targets, centred=False):
    """The size of predictions in regression, from the moments of the columns of y.

    Where targets are all alike it is that of their mean; about that, `centred`, it is next to none.
    """
    deviation, mean = float(np.sqrt(targets.variance.max())), float(np.abs(targets.mean).max())
    return deviation or (ALIKE * mean if centred else mean) or 1.0


def automatic_rate(method, objective, scaling, spread):
    """The rate for a run over the rows of `objective`."""
    rows = objective.rows
    squares = rows.row_squares(scaling, objective.weights, last=1.0)
    curvature = curvature_of(method, float(squares.mean()), float(squares.max()))
    square = float(squares.sum()) / objective.total_weight
    return AutomaticRate(
        method.rule, curvature, square, spread, method.updates_in(rows.n), follows=True
    )
