"""How far from the optimum? The prox-gradient mapping, in the metric.

With c a bound on the curvature of the loss, s_j the size of column j and

    M_j = c s_j^2 + l2

a diagonal that bounds the curvature of F as far as a diagonal can, one proximal step in M from
(W, b) would move it by D, and

    norm^2 = sum_j M_j D_j^2 + |g_b|^2 / c

is 0 at an optimum and nowhere else. Without L1 it is |gradient|^2 in the inverse of M. It is told
relative to its value at the zero model with the best intercepts.

It costs next to nothing, but does not say how far F is from F*. The duality gap does, wherever a
penalty holds the coefficients. It costs some passes, so that `Stopping` asks for it when the norm
says that the end may be near; or, under L2, when the gradient says so, from which the gap follows
but for what the intercept adds.
"""

from functools import cached_property

import numpy as np

from ..losses import Loss
from ..losses._compiled import Smoothed
from ..penalties import ElasticPenalty
from .design import EPS
from .duality import duality_gap, penalty_gap
from .scaling import Scaling
from .stochastic import value_of_zero_model

# tol bounds F - F* relative to F of the zero model, and this many times tol does so relative to F,
# as far down as FAINT of the zero model's.
LOOSER = 10.0
FAINT = 1e-8
# A look that came too early is repeated when the norm has fallen as the gap must, its square; or
# when the run is this much longer.
LONGER = 1.5
# A gap of so much of F is small enough where rounding allows none that is smaller.
ROUGHLY = 0.1
# A model whose predictions, or whose F, cannot be told from the zero model's, to this share, is one
# with it.
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
        self.baseline = objective.baseline()

    @cached_property
    def _value(self):
        return value_of_zero_model(self.objective)

    @cached_property
    def _noise(self):
        return ROUNDING * np.sqrt(self.curvature * np.sum(self.baseline**2) + abs(self._value))

    @cached_property
    def reference_value(self):
        return float(self._value + self._noise**2) or 1.0

    @cached_property
    def reference(self):  # takes a pass, which not all solvers need
        W = np.zeros((self.objective.n_outputs, self.objective.rows.p))
        _, GW, gb = self.objective.loss_value_and_gradient(W, self.baseline)
        return float(np.hypot(self.norm(W, GW, gb), self._noise)) or 1.0

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
            D, gb = self.scaling.gradient(GW + penalty.ridge() * W, gb)
            D /= c
            np.subtract(U, D, out=D)
            if penalty.l1 > 0.0 or penalty.positive:
                l1 = ElasticPenalty(penalty.l1, 0.0, penalty.positive, penalty.unit)
                D = l1.prox(D, 1.0 / c, scale)
            np.subtract(U, D, out=D)
        else:
            rate = scale[0] ** 2 / c
            D = (W - penalty.prox(W - rate * GW, rate)) / scale
        return float(np.sqrt(c * np.sum(D**2) + np.sum(gb**2) / c))


def allowed_excess(value, reference, tol):
    """The F - F* that tol allows, where F is `value`, and `reference` at the zero model."""
    asked = tol * min(reference, LOOSER * max(value, FAINT * reference))
    return max(asked, EPS * reference)  # which rounding hides


def has_gap(objective):
    """Whether there is a duality gap that comes to zero at the optimum."""
    loss, penalty = objective.loss, objective.penalty
    return (
        isinstance(penalty, ElasticPenalty)
        and (penalty.l1 > 0.0 or penalty.l2 > 0.0)
        and loss.smooth
        and not isinstance(loss, Smoothed)
        and type(loss).conjugate is not Loss.conjugate
    )


class Stopping:
    """When a solver that knows its gradient has arrived.

    Where there is a duality gap, that is when it is at most the `allowed_excess`; elsewhere, when
    the norm of the certificate is at most `tol`.

    Parameters
    ----------
    certificate : Certificate
    tol : float

    Attributes
    ----------
    optimality : float or None
        What tol is compared with, as last seen.
    gap : float or None
        The duality gap, as last seen.
    converged : bool
    """

    def __init__(self, certificate, tol):
        self.certificate, self.tol = certificate, tol
        self.has_gap = has_gap(certificate.objective)
        self.optimality = self.gap = None
        self.converged = False
        self._limit = 0.0 if not tol else np.sqrt(tol) if self.has_gap else tol
        self._next = np.inf

    def allowed(self, value):
        """The duality gap that tol allows where F is `value`."""
        return allowed_excess(value, self.certificate.reference_value, self.tol or 0.0)

    def due(self, n_iter, norm, foretold=False):
        """Whether it is time to confirm, the norm being this or so, or the gap `foretold`."""
        if self.gap is None:
            self.optimality = norm
            if foretold:
                return True
        return norm <= self._limit or n_iter >= self._next

    def foretells(self, value, W, GW):
        """Whether the gradient GW of the loss at W, where F is `value`, says that it is small."""
        penalty = self.certificate.objective.penalty
        if not (self.has_gap and self.tol and penalty.is_square):
            return False
        gap = penalty_gap(penalty, penalty.in_units(W), GW / -penalty.unit)
        return gap <= self.allowed(value)

    def is_at_floor(self, norm, value, floor):
        """Whether the norm or what tol bounds is below a floor, and the gap, as rounded, small."""
        small = min(norm, self.optimality) <= floor
        return small and (not self.has_gap or self.gap <= ROUGHLY * value)

    def confirm(self, n_iter, norm, value, W, b, slopes=None):
        """Look at (W, b), where F is `value` and the certificate `norm`.

        `slopes`, of the losses, are a dual point that the solver has (see `value_and_gap`).
        """
        if not self.has_gap:
            self.optimality = norm
            self.converged = norm <= self.tol
            return
        self.gap = max(duality_gap(self.certificate.objective, W, b, slopes), 0.0)
        self.optimality = self.gap / self.certificate.reference_value
        allowed = self.allowed(value)
        self.converged = self.gap <= allowed
        if not self.converged:
            self._limit = norm * np.sqrt(allowed / self.gap)
            self._next = LONGER * n_iter + 2.0
