"""How far from the optimum, where curvature is known from a sample of the rows alone.

The certificate is half the squared Newton decrement, relative to F of the zero model: by the
Hessian of a sample of rows, which may be somewhat off, it is taken twice. A sample knows little of
rows that are unlike all others. Where there is a duality gap, that tells of them: at the slopes of
the losses it is that of the penalty alone, which follows from the gradient. At an optimum it is 0,
and where a sample is a good one it comes down with F; where it is not, it stays far above.

Without a gap, and in a metric that is `rough`, how F has been falling is asked too. A rough one has
blocks for the outputs of a softmax, or one for all outputs, and knows nothing of what ties classes
together: directions may be a thousand times as flat as in it. Over w iterations F fell by d, over
the w before them by d_0; if it goes on in that ratio (Aitken 1926), it falls by

    d r / (1 - r),      r = d / d_0,

and the most of that over some w, and of the decrement, is taken `SAFE` times.
"""

import numpy as np

from .certificate import allowed_excess, has_gap
from .duality import penalty_gap

FLOOR = 1e-12  # share of the zero model's F below which F is rounded too much to decide
LOOSE = 30.0  # how much larger than what is allowed a duality gap may be
# What F falls by in a rough metric: from so many iterations, with this factor, r at most SLOWEST.
WINDOWS, SAFE, SLOWEST = (3, 5, 8, 12), 4.0, 0.95


def left(metric, slopes):
    """What F can still fall by, from its gradient in the round unknowns of a `Preconditioner`."""
    return float(np.sum(slopes**2)) * (0.5 if metric.whole else 1.0)


def still_falls(path):
    """What F can still fall by, from the values that it had; inf for less than three."""
    last, most = len(path) - 1, 0.0
    if last < 2:
        return np.inf
    for w in WINDOWS:
        w = min(w, last // 2)
        fallen, before = path[last - w] - path[last], path[last - 2 * w] - path[last - w]
        r = min(fallen / before, SLOWEST) if before > 0.0 else SLOWEST
        most = max(most, fallen * r / (1.0 - r))
    return most


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
    path : list of float
        F at the start and after each iteration; so does it this.
    decrement : float
        What is `left` here, by the metric alone.
    excess : float
        What is left by all that is known.
    """

    def __init__(self, objective, certificate, tol):
        self.objective, self.scaling = objective, certificate.scaling
        self.reference, self.tol = certificate.reference_value, tol
        self.has_gap = has_gap(objective)

    def measure(self, metric, slopes, stiffness=1.0):
        """Find `decrement` and `excess`, from the gradient in the round unknowns.

        `stiffness` is how many times as stiff the metric is as the Hessian, if that is known.
        """
        self.decrement = self.excess = stiffness * left(metric, slopes)
        if metric.rough or not self.has_gap:
            most = SAFE * max(self.decrement, still_falls(self.path))
            self.excess = min(most, self.value)  # F* is no less than 0

    @property
    def certificate(self):
        return self.excess / self.reference

    @property
    def allowed(self):
        return allowed_excess(self.value, self.reference, self.tol or 0.0)

    def has_arrived(self):
        """Whether F is near enough to its minimum, by the metric, and the metric a good one."""
        if self.tol is None or self.excess > self.allowed:
            return False
        rounded = self.decrement <= FLOOR * self.reference
        return rounded or not self.has_gap or self.gap_of_penalty() <= LOOSE * self.allowed

    def gap_of_penalty(self):
        """The duality gap at the losses' slopes, but for what the intercept adds."""
        penalty = self.objective.penalty
        return penalty_gap(penalty, penalty.in_units(self.W), self.GW / -penalty.unit)
