"""Where a path of penalties leads to: the start of a warm fit.

Along a path the optimum moves smoothly with log alpha, so that two of its points foretell the next,

    W = W1 + t (W1 - W0),      t = log(a / a1) / log(a1 / a0),

and b likewise. It is taken for the start if F is lower there than at W1.
"""

from dataclasses import dataclass
from math import log

import numpy as np

from ..penalties import ElasticPenalty

FARTHEST = 2.0  # t: what lies farther off is not foretold
# Solvers that have no start, or a better one: a dual point, or a run to go on with.
NOT_AHEAD = "cholesky", "cd"


@dataclass(frozen=True)
class Passed:
    """The point of a path before the last one.

    Attributes
    ----------
    a1 : float or None
        The strength of L2 at the last point, None where that is not the whole penalty.
    about : tuple or None
        The fingerprint of the data of all points.
    a0, W0, b0 : float and ndarray of shape (k, p) and (k,), or None
        Those of the one before it, None where there was none.
    """

    a1: float | None
    about: tuple | None = None
    a0: float | None = None
    W0: np.ndarray | None = None
    b0: np.ndarray | None = None

    def then(self, objective, W1, b1):
        """What has been passed when there is a point for this objective, W1 before it."""
        a, about = strength(objective.penalty), objective.kept.fingerprint
        if about != self.about or self.a1 is None or W1 is None:
            return Passed(a, about)
        return self if a == self.a1 else Passed(a, about, self.a1, W1, b1)


def strength(penalty):
    """alpha of L2, None where that is not the whole penalty."""
    return penalty.l2 if isinstance(penalty, ElasticPenalty) and penalty.is_square else None


def ahead(objective, rule, W, b, passed):
    """The start that the path up to (W, b) foretells, or (W, b)."""
    a = strength(objective.penalty)
    follows = rule.family in ("batch", "variance_reduced") and rule.name not in NOT_AHEAD
    same = passed.about is not None and passed.about == objective.kept.fingerprint
    if a is None or passed.W0 is None or not (same and follows and objective.loss.smooth):
        return W, b
    t = log(a / passed.a1) / log(passed.a1 / passed.a0)
    if not 0.0 < t <= FARTHEST or passed.W0.shape != W.shape:
        return W, b
    there = W + t * (W - passed.W0), b + t * (b - passed.b0)
    with np.errstate(over="ignore", invalid="ignore"):
        here = objective.value(W, b)
        point = objective.kept.last("last point")
        if objective.value(*there) < here:
            return there
    objective.kept.put("last point", point)  # which the solver will ask for
    return W, b
