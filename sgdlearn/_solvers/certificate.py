"""How far from the optimum? The prox-gradient mapping, in the metric.

With c a bound on the curvature of the loss, s_j the size of column j and

    M_j = c s_j^2 + l2

a diagonal that bounds the curvature of F as far as a diagonal can, one proximal step in M from
(W, b) would move it by D, and

    norm^2 = sum_j M_j D_j^2 + |g_b|^2 / c

is 0 at an optimum and nowhere else. Without L1 it is |gradient|^2 in the inverse of M. It is told
relative to its value at the zero model with the best intercepts.
"""

import numpy as np

from ..penalties import ElasticPenalty
from .scaling import Scaling

# A model whose predictions cannot be told from the zero model's, to this share, is one with it.
ROUNDING = 1e-10


class Certificate:
    """The relative norm of the prox-gradient mapping of one objective.

    Parameters
    ----------
    objective : Objective
    scaling : Scaling
        The metric of any solver.

    Attributes
    ----------
    reference_value : float
        F of the zero model with the best intercepts.
    reference : float
        The norm there.
    curvature : float
        c; 1 where the loss has no bound.
    scaling : Scaling
        The coordinates in which M = c: `scaling` with the L2 penalty in it.
    """

    def __init__(self, objective, scaling):
        self.objective = objective
        bound = objective.loss.curvature_bound
        self.curvature = bound if np.isfinite(bound) else 1.0
        self.elastic = isinstance(objective.penalty, ElasticPenalty)
        if self.elastic:
            self.scaling = scaling.stiffened(objective.penalty.ridge() / self.curvature)
        else:
            # A penalty known by its prox alone takes one rate for all coordinates.
            size = float(np.sqrt(np.sum(scaling.size**2))) or 1.0
            p = objective.rows.p
            self.scaling = Scaling(np.zeros(p), np.full(p, 1.0 / size))
        b = objective.baseline()
        W = np.zeros((objective.n_outputs, objective.rows.p))
        value, GW, gb = objective.loss_value_and_gradient(W, b)
        noise = ROUNDING * np.sqrt(self.curvature) * np.linalg.norm(b)
        self.reference_value = float(value + noise**2) or 1.0
        self.reference = float(np.hypot(self.norm(W, GW, gb), noise)) or 1.0

    def __call__(self, W, b):
        """The certificate at (W, b): one pass over the rows."""
        _, GW, gb = self.objective.loss_value_and_gradient(W, b)
        return self.relative(W, GW, gb)

    def relative(self, W, GW, gb):
        """The certificate at W, where the gradient of the mean loss is (GW, gb)."""
        return self.norm(W, GW, gb) / self.reference

    def norm(self, W, GW, gb):
        """The norm itself."""
        penalty, c = self.objective.penalty, self.curvature
        scale = self.scaling.scale
        if self.elastic:
            U, _ = self.scaling.from_user(W, gb)
            G, gb = self.scaling.gradient(GW + penalty.ridge() * W, gb)
            l1 = ElasticPenalty(penalty.l1, 0.0, penalty.positive, penalty.unit)
            D = U - l1.prox(U - G / c, 1.0 / c, scale)
        else:
            rate = scale[0] ** 2 / c
            D = (W - penalty.prox(W - rate * GW, rate)) / scale
        return float(np.sqrt(c * np.sum(D**2) + np.sum(gb**2) / c))
