"""Newton's method for smooth losses with an L2 penalty or none, in scaled, centred coordinates.

With a_i the row i in those coordinates, a 1 for the intercept at its end, and D the penalty there,

    g = A' S slopes + D u,      H = A' S diag(curvatures) A + D,      u <- u - (H + lambda c I)^-1 g

(generalised curvatures where the slope of the loss has kinks). lambda is 0 until a step fails to
descend as H foretells; then it is raised, and lowered with success (Levenberg 1944, Marquardt
1963). For squared loss one step is exact. One-vs-rest outputs are k systems, the softmax is one of
k q unknowns.

The certificate is half the squared Newton decrement, g' H^-1 g / 2: what F would still fall by if
it were its quadratic model. It is taken before the step that it tells the length of, so that the
model is better than it says by as much as Newton's method is fast. Where there is a duality gap,
that has to agree: curvatures may change within a step, in rows that are far longer than others.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from ..losses import Multinomial, SquaredError
from .certificate import allowed_excess, has_gap
from .design import EPS, NOISE, Design, solve, syrk, weighted_gram
from .duality import duality_gap
from .result import Result
from .stochastic import value_of_zero_model

FIRST_DAMPING = 1e-3
LEAST_DAMPING = 1e-12  # below it, none
MOST_DAMPING = 1e12
SHORT = 1e-3  # a share of a step that is not worth going
FLOOR = 1e-12  # share of the zero model's F below which F is rounded too much to decide
# So many steps that have brought F down by no such share, and its decrement by none to speak of,
# are led by rounding.
STALLED, SLIGHT = 20, 1e-6


def newton(objective, certificate, W, b, *, tol, max_iter, monitor):
    """Minimise a smooth loss with an L2 penalty or none; arguments as for `solve_batch`."""
    runs = [_Run(part, certificate, W[c], b[c], tol) for part, c in systems(objective)]
    reference = sum(run.reference for run in runs)

    def coefficients():
        W, b = zip(*(run.here.coefficients() for run in runs))
        return np.concatenate(W), np.concatenate(b)

    n_iter = 0
    while n_iter < max_iter:
        n_iter += 1
        monitor.begin_epoch()
        for run in runs:
            if not run.ended:
                run.iterate()
        value, decrement = sum(run.here.value for run in runs), sum(run.decrement for run in runs)
        stop = monitor.record(value, decrement / reference, coefficients)
        if stop or all(run.ended for run in runs):
            break
    converged = all(run.converged for run in runs)
    return Result(*coefficients(), n_iter, converged, n_iter, optimality=decrement / reference)


def systems(objective):
    """(problem, its outputs) for each Hessian: a softmax is one, and so are squared errors."""
    k = objective.n_outputs
    if k == 1 or isinstance(objective.loss, Multinomial | SquaredError):
        return [(objective, slice(None))]
    return [(objective.output(c), slice(c, c + 1)) for c in range(k)]


class _Run:
    """Newton's method on one system.

    Attributes
    ----------
    here : _Point
    reference : float
        F of the zero model with the best intercepts.
    decrement : float
        Half the squared Newton decrement.
    ended, converged : bool
    """

    def __init__(self, objective, certificate, W, b, tol):
        self.model, self.tol = _Model(objective, certificate), tol
        self.curvature, self.reference = certificate.curvature, certificate.reference_value
        if objective is not certificate.objective:
            self.reference = value_of_zero_model(objective) or 1.0
        self.here = self.model.at(self.model.start(W, b))
        self.damping, self.decrement = 0.0, np.inf
        self.mark, self.stalled = (np.inf, np.inf), 0
        self.ended = self.converged = False
        self.has_gap = has_gap(objective)

    def iterate(self):
        """A step, as far as F falls."""
        there, step = self.descend()
        last, self.decrement = self.decrement, step.decrement
        floor = FLOOR * self.reference
        at_floor = self.decrement <= floor and self.decrement >= 0.25 * last
        stuck = there is None
        if not stuck:
            fallen, self.here = self.here.value - there.value, there
            if fallen >= 0.75 * step.foretold:
                self.damping = 0.1 * self.damping if self.damping > LEAST_DAMPING else 0.0
        small = self.is_small(step) and (self.decrement <= floor or self.is_certain())
        self.converged = step.firm and (small or at_floor)
        self.ended = stuck or self.converged or self.has_stalled()

    def has_stalled(self):
        """Whether the last steps have led nowhere."""
        value, decrement = self.mark
        if self.here.value < (1.0 - SLIGHT) * value or self.decrement < 0.25 * decrement:
            self.mark, self.stalled = (self.here.value, self.decrement), 0
        self.stalled += 1
        return self.stalled > STALLED

    def descend(self):
        """The next point and the step to it; no point where none is lower."""
        step, floor = None, FLOOR * self.reference
        while self.damping <= MOST_DAMPING:
            step = self.here.step(self.damping * self.curvature)
            if step is not None:
                last = step.firm and self.is_small(step)
                there = self.model.at(self.here.u + step.du, curved=not last)
                fallen = self.here.value - there.value
                tiny = step.foretold <= floor and fallen >= -floor
                if tiny or fallen >= 0.01 * step.foretold > 0.0:
                    return there, step
                length = self.model.length(self.here, step.du)
                if length >= SHORT:
                    return self.model.at(self.here.u + length * step.du), step
            self.damping = max(4.0 * self.damping, FIRST_DAMPING)
        return None, step or _Step(None, 0.0, np.inf, False)

    def is_small(self, step):
        """Whether F can fall by no more than tol allows, if it is like its model."""
        return step.decrement <= allowed_excess(self.here.value, self.reference, self.tol)

    def is_certain(self):
        """Whether the duality gap is small enough, if there is one: two passes."""
        if not self.has_gap:
            return True
        gap = duality_gap(self.model.objective, *self.here.coefficients())
        return gap <= allowed_excess(self.here.value, self.reference, self.tol)


@dataclass
class _Step:
    """A Newton step and what it foretells.

    Attributes
    ----------
    du : ndarray of shape (k, q)
    foretold : float
        By how much the damped quadratic model falls.
    decrement : float
        By how much the undamped one would, judged by this step.
    firm : bool
        Whether H rather than the damping set the length of the step.
    """

    du: np.ndarray
    foretold: float
    decrement: float
    firm: bool


class _Model:
    """F as a function of u."""

    def __init__(self, objective, certificate):
        self.objective, self.design = objective, Design(objective, certificate.scaling)
        self.curvature = certificate.curvature
        self.softmax = isinstance(objective.loss, Multinomial)

    def start(self, W, b):
        """u of (W, b); the softmax does not see one vector added to all classes: it goes."""
        u = self.design.pack(W, b)
        return u - u.mean(axis=0) if self.softmax else u

    def at(self, u, curved=True):
        """The `_Point` of u: one pass over the rows; its Hessian only if `curved`."""
        objective, design = self.objective, self.design
        k, q = u.shape
        value, gradient, least = 0.0, np.zeros((k, q)), np.inf
        hessian, scratch = None, np.empty((q, q))
        if curved:
            hessian = np.zeros((k * q, k * q) if self.softmax else (q, q))
        for start, stop, A in design.blocks(width=k * q if self.softmax else q, least=q):
            Z = A @ u.T
            if curved:
                least = min(least, self.add_curved(hessian, A, Z, start, stop, scratch))
            block_value, slopes = objective.losses_to_slopes(start, stop, Z)
            value += block_value
            gradient += slopes.T @ A
        total = objective.total_weight
        value = value / total + 0.5 * np.sum(design.ridge * u**2)
        gradient = gradient / total + design.ridge * u
        if curved:
            hessian /= total
            hessian += np.diag(self.stiffness())
            if self.softmax:
                hessian += np.kron(self.alike(), np.eye(q))
        return _Point(self, u, value, gradient, hessian, in_range=least > 0.0)

    def add_curved(self, hessian, A, Z, start, stop, scratch):
        """Add A' S diag(curvatures) A of some rows; return the least of these curvatures."""
        objective = self.objective
        weights = objective.block_weights(start, stop)
        if self.softmax:
            hessian += self.softmax_hessian(A, Z, weights)
            return np.inf
        curvatures = objective.loss.curvature(objective.block_targets(start, stop), Z)
        least = curvatures.min()
        if weights is not None:
            curvatures = curvatures * weights[:, None]
        hessian += weighted_gram(A, curvatures[:, 0], out=scratch)  # squared errors are all alike
        return least

    def stiffness(self):
        """The part of H that is no sum over the rows, but for `alike`: a diagonal."""
        design = self.design
        return np.tile(design.ridge + design.idle, design.k if self.softmax else 1)

    def alike(self):
        """What makes a softmax stiff to one vector for all classes, which changes no loss."""
        k = self.design.k
        return np.full((k, k), 0.5 / k)

    def gram(self, u, T, damping):
        """T' (H + damping I) T at u without H: from the columns that T makes of the rows."""
        objective = self.objective
        total = np.zeros((T.shape[1], T.shape[1]))
        for start, stop, A in self.design.blocks(width=len(T)):
            Z, weights = A @ u.T, objective.block_weights(start, stop)
            A = A if weights is None else A * np.sqrt(weights)[:, None]
            for C in self.roots(start, stop, Z):
                B = (C[:, :, None] * A[:, None, :]).reshape(len(A), -1)
                total += syrk(B @ T)
        total = total / objective.total_weight
        total += syrk(np.sqrt(self.stiffness() + damping)[:, None] * T)
        if self.softmax:
            total += 0.5 / len(u) * syrk(T.reshape(*u.shape, -1).sum(axis=0))
        return total

    def roots(self, start, stop, Z):
        """Matrices C (m, k or 1): the Hessian of a row in its predictions is the sum of C'C."""
        y = self.objective.block_targets(start, stop)
        if not self.softmax:
            yield np.sqrt(self.objective.loss.curvature(y, Z)[:, :1])
            return
        # diag(p) - p p' = sum_c p_c (e_c - p) (e_c - p)'
        P = self.objective.loss.predict_proba(Z)
        for c, root in enumerate(np.sqrt(P).T):
            yield root[:, None] * (np.eye(Z.shape[1])[c] - P)

    def length(self, here, du):
        """The t in [0, 1] where F(u + t du) is least, to a tenth."""
        Z, dZ = self.design.times(here.u), self.design.times(du)
        objective, ridge = self.objective, self.design.ridge

        def slope(t):
            _, slopes = objective.losses_to_slopes(0, len(Z), Z + t * dZ)
            return np.sum(slopes * dZ) / objective.total_weight + np.sum(
                ridge * (here.u + t * du) * du
            )

        if slope(1.0) <= 0.0:
            return 1.0
        return brentq(slope, 0.0, 1.0, xtol=1e-12, rtol=0.1) if slope(0.0) < 0.0 else 0.0

    def softmax_hessian(self, A, Z, weights):
        """The blocks A' S diag(p_c ([c = d] - p_d)) A of classes c and d."""
        k, q = Z.shape[1], A.shape[1]
        P = self.objective.loss.predict_proba(Z)
        S = np.ones((len(P), 1)) if weights is None else weights[:, None]
        M = ((P * np.sqrt(S))[:, :, None] * A[:, None, :]).reshape(len(A), k * q)
        hessian = -M.T @ M
        for c, curvatures in enumerate((S * P * (1.0 - P)).T):
            own = slice(c * q, (c + 1) * q)
            hessian[own, own] = weighted_gram(A, curvatures)
        return hessian


class _Point:
    """F, its gradient and its Hessian at u.

    What is thought to be the last point has no Hessian until a step is asked for all the same.
    """

    def __init__(self, model, u, value, gradient, hessian, *, in_range):
        self.model, self.u, self.value = model, u, value
        self.gradient, self.hessian = gradient, hessian
        self.in_range = in_range

    def coefficients(self):
        return self.model.design.unpack(self.u)

    def noise(self):
        """What rounding may have left of the gradient."""
        slopes = np.sqrt(2.0 * self.model.curvature * self.value)  # their root mean square at most
        return NOISE * EPS * (slopes + np.abs(self.model.design.ridge * self.u))

    def step(self, damping):
        """-(H + damping I)^-1 g, or None where H does not know how far to go along g."""
        if self.hessian is None:
            curved = self.model.at(self.u)
            self.hessian, self.in_range = curved.hessian, curved.in_range
        rhs = self.gradient.reshape(1, -1) if self.model.softmax else self.gradient
        model = self.model
        solution = solve(
            self.hessian,
            -rhs.T,
            damping,
            self.in_range,
            gram=lambda T: model.gram(self.u, T, damping),
            noise=self.noise().reshape(rhs.shape).T,
            error=np.max(model.design.far()),
        )
        if solution is None:
            return None
        du = solution.T.reshape(self.u.shape)
        slope = -float(np.sum(du * self.gradient))
        curved = slope - damping * float(np.sum(du**2))  # du' H du
        decrement = 0.5 * slope * slope / curved if curved > 0.0 else 0.5 * slope
        firm = curved >= 0.5 * slope
        return _Step(du, slope - 0.5 * curved, decrement, firm)
