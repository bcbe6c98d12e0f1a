"""How far from the optimum, where curvature is known from a sample of the rows alone.

The certificate is half the squared Newton decrement, relative to F of the zero model: by the
Hessian of a sample of rows, which may be somewhat off, it is taken twice. A sample knows little of
rows that are unlike all others. Where there is a duality gap, that tells of them: at the slopes of
the losses it is that of the penalty alone, which follows from the gradient. It is some hundred
times what F can fall by where the sample is a good one, and far more where it is not.
"""

import numpy as np

from .certificate import allowed_excess, has_gap
from .duality import penalty_gap

FLOOR = 1e-12  # share of the zero model's F below which F is rounded too much to decide
LOOSE = 1e3  # how much larger than what is allowed a duality gap may be


def left(metric, slopes):
    """What F can still fall by, from its gradient in the round unknowns of a `Preconditioner`."""
    return float(np.sum(slopes**2)) * (0.5 if metric.whole else 1.0)


class SampledCertificate:
    """What the runs in the metric of a sampled Hessian know of where they are.

    Parameters
    ----------
    objective : Objective
    certificate : Certificate
    tol : float or None
        None never arrives.

    Attributes
    ----------
    W, value, GW : ndarray, float, ndarray
        The coefficients, F, and the gradient of the mean loss, which the run keeps up to date.
    decrement : float
        What is `left` here; so does it this.
    """

    def __init__(self, objective, certificate, tol):
        self.objective, self.scaling = objective, certificate.scaling
        self.reference, self.tol = certificate.reference_value, tol
        self.has_gap = has_gap(objective)

    @property
    def certificate(self):
        return self.decrement / self.reference

    @property
    def allowed(self):
        return allowed_excess(self.value, self.reference, self.tol or 0.0)

    def has_arrived(self):
        """Whether F is near enough to its minimum, by the metric, and the metric a good one."""
        if self.tol is None or self.decrement > self.allowed:
            return False
        rounded = self.decrement <= FLOOR * self.reference
        return rounded or not self.has_gap or self.gap_of_penalty() <= LOOSE * self.allowed

    def gap_of_penalty(self):
        """The duality gap at the losses' slopes, but for what the intercept adds."""
        penalty = self.objective.penalty
        return penalty_gap(penalty, penalty.in_units(self.W), self.GW / -penalty.unit)
