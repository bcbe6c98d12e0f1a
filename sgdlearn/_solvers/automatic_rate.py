"""learning_rate="auto": a safe rate for every rule, from the data.

It works in the scaled metric (`Scaling`), where columns have unit size, so that a row's squared
length is about its number of entries. With c the bound of the loss's curvature, x~_i the rows in
the metric and s_i their weights:

    L = mean_i s_i c (|x~_i|^2 + 1)  +  max_i s_i c (|x~_i|^2 + 1) / batch_size

bounds the curvature that one batch sees (Gower et al. 2019, "SGD: General Analysis and Improved
Rates"). q is the weighted mean of |x~_i|^2 + 1, `spread` the size of predictions: 1 for classes,
the deviation of y in regression; e counts the epochs before update t.

========================== ==================================================================
rule                       rate at update t
========================== ==================================================================
sgd                        whole data: 1 / L;  batches: 1 / (L sqrt(1 + e))
sgd, loss with kinks       spread / sqrt(q t)
sgd with momentum mu       (1 - mu) times the same
adagrad, ftrl              spread / sqrt(q)
adadelta                   spread
rmsprop, adam family       0.1 spread / sqrt(q (1 + e))
a rule written in Python   as adam
========================== ==================================================================
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np


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
    epoch : float
        Updates an epoch; inf where rates do not fall (the whole data in each update).
    """

    rule: object
    curvature: float
    square: float
    spread: float
    epoch: float

    def __call__(self, t, state=None):
        name = self.rule.name
        if name in ("adagrad", "ftrl"):
            return np.full(np.shape(t), self.spread / sqrt(self.square))
        if name == "adadelta":
            return np.full(np.shape(t), self.spread)
        t = np.asarray(t, dtype=np.float64)
        falling = 1.0 / np.sqrt(1.0 + (t - 1.0) / self.epoch)
        if name == "sgd":
            rest = 1.0 - self.rule.momentum
            if np.isinf(self.curvature):
                return rest * self.spread / np.sqrt(self.square * t)
            return rest / self.curvature * falling
        return 0.1 * self.spread / np.sqrt(self.square) * falling

    def start(self):
        """There is no state between epochs."""
        return None

    def observe(self, state, objective):
        """There is no state between epochs."""
        return None


def curvature_of(loss, mean_square, largest_square, batch_size):
    """L of the table; the squares are s_i (|x~_i|^2 + 1)."""
    share = 0.0 if batch_size == "full" else 1.0 / batch_size
    return loss.curvature_bound * (mean_square + share * largest_square)


def spread_of(targets):
    """The size of predictions in regression, from the moments of the columns of y."""
    return float(np.sqrt(targets.variance.max())) or float(np.abs(targets.mean).max()) or 1.0


def automatic_rate(method, objective, scaling, spread):
    """The rate for a run over the rows of `objective`."""
    rows = objective.rows
    squares = rows.row_squares(scaling, objective.weights, last=1.0)
    curvature = curvature_of(
        method.loss, float(squares.mean()), float(squares.max()), method.batch_size
    )
    square = float(squares.sum()) / objective.total_weight
    epoch = np.inf if method.batch_size == "full" else method.updates_in(rows.n)
    return AutomaticRate(method.rule, curvature, square, spread, epoch)
