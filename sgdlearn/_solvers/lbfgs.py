"""Limited-memory BFGS over the scaled and centred coordinates (scipy's L-BFGS-B drives).

Liu, Nocedal 1989, "On the limited memory BFGS method for large scale optimization"; Byrd, Lu,
Nocedal, Zhu 1995 for the bounds. The unknowns are

    u_j = w_j sqrt(s_j^2 + l2 / c)      and b~ = b + mean . w,

in which every diagonal entry of the Hessian is at most c, over a common unit that makes the first
gradient one. L1 takes two unknowns for each coefficient, u = u+ - u- with both at least zero:
then |u| = u+ + u- is smooth, and coefficients that stay on their bound are exact zeros.
"""

import numpy as np
from scipy.optimize import minimize

from .certificate import Stopping
from .result import Result

# The driver ends by itself when rounding lets it descend no more: that is an optimum below this.
FLOOR = 1e-6


class _End(Exception):
    """Leaves the driver: converged, stopped, or out of iterations."""


def lbfgs(objective, certificate, W, b, *, tol, max_iter, monitor, memory):
    """Minimise a smooth loss with an elastic penalty; arguments as for `solve_batch`."""
    run = _Run(objective, certificate, W, b, tol=tol, max_iter=max_iter, monitor=monitor)
    try:
        run.begin()
        while True:  # a memory that has gone stale is worth a fresh start
            before = run.n_iter
            minimize(
                run.value_and_gradient,
                run.start(),
                jac=True,
                method="L-BFGS-B",
                bounds=run.bounds(),
                callback=run.iterated,
                options={
                    "maxcor": memory,
                    "maxiter": max_iter,
                    "maxfun": 20 * max_iter,
                    "ftol": 0.0,
                    "gtol": 0.0,
                },
            )
            if run.n_iter - before < 2:
                at_floor = run.stopping.is_at_floor
                run.converged = run.has_arrived(last=True) or at_floor(
                    run.norm, run.point.value, FLOOR
                )
                if run.n_iter == 0:  # the start is as low as rounding lets it be
                    monitor.record(run.point.value, run.norm, run.point.coefficients)
                break
    except _End:
        pass
    point = run.point
    return Result(
        point.W,
        point.b,
        max(run.n_iter, 1),
        run.converged,
        run.n_iter,
        optimality=run.stopping.optimality,
        dual_gap=run.stopping.gap,
    )


class _Point:
    """F, its parts and the gradient of the mean loss at one (W, b)."""

    def __init__(self, objective, W, b):
        self.W, self.b = W, b
        self.loss, self.GW, self.gb = objective.loss_value_and_gradient(W, b)
        self.value = self.loss + objective.penalty.value(W)

    def coefficients(self):
        return self.W.copy(), self.b.copy()


class _Run:
    """The unknowns of the driver, what it asks for, and when it ends."""

    def __init__(self, objective, certificate, W, b, *, tol, max_iter, monitor):
        penalty = objective.penalty
        self.objective, self.certificate, self.monitor = objective, certificate, monitor
        self.stopping, self.max_iter = Stopping(certificate, tol), max_iter
        self.scaling = certificate.scaling
        self.split = penalty.l1 > 0.0 and not penalty.positive
        # Columns that say nothing have no unknown; their coefficients become zero.
        W, b = self.scaling.without_idle(np.maximum(W, penalty.lower), b)
        self.point = _Point(objective, W, b)
        self.asked = None
        self.n_iter = 0
        self.values = [self.point.value]
        self.converged = False

    def begin(self):
        """Look at the start, which may be all that is needed."""
        self.monitor.begin_epoch()
        if self.has_arrived():
            self.monitor.record(self.point.value, self.stopping.optimality, self.point.coefficients)
            raise _End

    def has_arrived(self, last=False):
        """Whether the present point is what tol asks for.

        Without a duality gap the norm says it, and F has to agree: along directions in which it is
        flat it goes on to fall where its gradient is small.
        """
        point, stopping = self.point, self.stopping
        self.norm = self.certificate.relative(point.W, point.GW, point.gb)
        foretold = stopping.foretells(point.value, point.W, point.GW)
        if stopping.due(self.n_iter, self.norm, foretold) or last:
            stopping.confirm(self.n_iter, self.norm, point.value, point.W, point.b)
        self.converged = stopping.converged and (stopping.has_gap or last or self.has_settled())
        return self.converged

    def has_settled(self):
        """Whether F has fallen by no more than tol allows over the last half of the iterations."""
        allowed = self.stopping.allowed(self.point.value)
        return self.values[len(self.values) // 2] - self.point.value <= allowed

    def start(self):
        """The present point in unknowns, whose unit is set by the gradient there."""
        norm = self.certificate.norm(self.point.W, self.point.GW, self.point.gb)
        c = self.certificate.curvature
        self.unit = norm / np.sqrt(c) or 1.0
        self.height = c * self.unit**2
        V, b = self.scaling.from_user(self.point.W, self.point.b)
        parts = (np.maximum(V, 0.0), np.maximum(-V, 0.0)) if self.split else (V,)
        x = self.pack(*parts, b)
        x /= self.unit
        self.asked = x, self.point
        return x

    def pack(self, *parts):
        """One vector from u+ and u- (where they are two) or u, and b~."""
        return np.concatenate(
            [part.ravel() for part in (parts if self.objective.fit_intercept else parts[:-1])]
        )

    def unpack(self, x):
        """(W, b) in the user's coordinates."""
        k, p = self.point.W.shape
        U, rest = x[: k * p].reshape(k, p), x[k * p :]
        if self.split:
            U, rest = U - rest[: k * p].reshape(k, p), rest[k * p :]
        b = rest if self.objective.fit_intercept else np.zeros(k)
        return self.scaling.to_user(self.unit * U, self.unit * b)

    def bounds(self):
        penalty = self.objective.penalty
        if not (self.split or penalty.positive):
            return None
        size = self.point.W.size * (2 if self.split else 1)
        free = self.point.b.size if self.objective.fit_intercept else 0
        return [(0.0, None)] * size + [(None, None)] * free

    def value_and_gradient(self, x):
        """F and its gradient, in the unit of the unknowns."""
        asked, point = self.asked  # the driver begins with what is known
        if not np.array_equal(asked, x):
            point = _Point(self.objective, *self.unpack(x))
        self.asked = x.copy(), point
        penalty = self.objective.penalty
        G, gb = self.scaling.gradient(point.GW + penalty.ridge() * point.W, point.gb)
        value, slopes = point.loss + 0.5 * np.sum(penalty.ridge() * point.W**2), (G,)
        if self.split or penalty.positive:
            l1 = penalty.thresholds(self.scaling.scale)
            size = point.W.size * (2 if self.split else 1)
            value += self.unit * np.sum(x[:size].reshape(-1, l1.size) @ l1)
            slopes = (G + l1, l1 - G) if self.split else (G + l1,)
        slopes = self.pack(*slopes, gb)
        slopes *= self.unit / self.height
        return value / self.height, slopes

    def iterated(self, x):
        """The driver has moved to x."""
        asked, point = self.asked
        self.point = point if np.array_equal(asked, x) else _Point(self.objective, *self.unpack(x))
        point = self.point
        self.n_iter += 1
        self.values.append(point.value)
        arrived = self.has_arrived()
        stop = self.monitor.record(point.value, self.stopping.optimality, point.coefficients)
        if stop or arrived or self.n_iter >= self.max_iter:
            raise _End
        self.monitor.begin_epoch()
