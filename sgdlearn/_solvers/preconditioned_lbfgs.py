"""L-BFGS (Liu, Nocedal 1989) in the metric of a subsampled Hessian.

In the unknowns x of `Preconditioner` the Hessian is close to the identity, and a few pairs of
steps and gradients tell what is left: some ten or twenty passes to the optimum, whatever the
condition of the data. The metric is renewed where it was made far from where the run has come to.

The certificate is that of `SampledCertificate`.

A fit that goes on from another one on the same data (`kept.py`) begins in the metric of that, which
spares it the making of one on most of a path. How stiff that one is beside one made here is told by
the two penalties and by the last step, along which it is seen:  rho = s . y / s . s,  s the step
and y the change of the gradient. The first such step is the one from where that fit has ended to
where this one starts (`ahead.py`).
"""

import numpy as np
from scipy.optimize import minimize

from .design import EPS
from .duality import duality_gap
from .preconditioner import Preconditioner
from .result import Result
from .sampled_certificate import FLOOR, SampledCertificate

CLOSER = 1e-3  # a metric serves until the decrement has fallen by this much since it was made
STALE = 40  # or until so many iterations have gone by
# Where rounding lets F fall no more, a decrement of so little of what is allowed is the end.
LITTLE = 1e-3
OFF = 10.0  # the metric of another fit serves while it is no more than so many times off


class _Renew(Exception):
    """Leaves the driver: time for another metric, or the end."""


def preconditioned_lbfgs(objective, certificate, W, b, *, tol, max_iter, monitor, memory):
    """Minimise a smooth loss with an L2 penalty or none; arguments as for `solve_batch`."""
    run = _Run(objective, certificate, W, b, tol=tol, max_iter=max_iter, monitor=monitor)
    while not run.ended:
        before = run.n_iter
        try:
            run.renew()
            minimize(
                run.value_and_gradient,
                run.start,
                jac=True,
                method="L-BFGS-B",
                callback=run.iterated,
                options={
                    "maxcor": memory,
                    "maxiter": max_iter,
                    "maxfun": 20 * max_iter,
                    "ftol": 0.0,
                    "gtol": 0.0,
                },
            )
            if run.n_iter - before < 2 and run.own:  # rounding lets F fall no more
                small = max(LITTLE * run.allowed, FLOOR * run.reference)
                run.finish(run.has_arrived() or run.decrement <= small)
        except _Renew:
            pass
    n_iter, optimality = run.n_iter, run.certificate
    found = {"optimality": optimality, "dual_gap": run.gap}
    return Result(run.W, run.b, n_iter, run.converged, n_iter, **found)


class _Run(SampledCertificate):
    """Where the run is, what the driver asks for, and when it ends."""

    def __init__(self, objective, certificate, W, b, *, tol, max_iter, monitor):
        super().__init__(objective, certificate, tol)
        self.max_iter, self.monitor = max_iter, monitor
        self.dtype = np.float32  # of the sums of the metric, until that is too little
        self.n_iter, self.ended, self.converged = 0, False, False
        self.metric, self.own = None, True  # whether the metric was made by this run
        self.gap = None
        self.W, self.b = self.scaling.without_idle(W, b)
        self.value, self.GW, self.gb = self.evaluate(self.W, self.b)
        self.path = [self.value]

    def evaluate(self, W, b):
        loss, GW, gb = self.objective.loss_value_and_gradient(W, b)
        return loss + self.objective.penalty.value(W), GW, gb

    def renew(self):
        """A metric made here, or handed on; the driver's unknowns are x in a unit of slope 1."""
        made = self.handed_on() if self.n_iter == 0 and self.own else None
        ahead = made is not None and not np.array_equal(made.end[0], self.W)
        if self.n_iter == 0 and not ahead and self.starts_at_optimum():
            self.end_here()
        self.metric, self.own = None, made is None  # the memory of the last one is needed
        here = self.objective, self.scaling, self.W, self.b
        self.metric = Preconditioner(*here, self.dtype, made)
        self.dtype = self.metric.dtype
        self.x = self.metric.to_round(self.W, self.b)
        slopes = self.metric.gradient(self.W, self.GW, self.gb)
        self.measure(self.metric, slopes)
        self.unit = np.sqrt(self.decrement) or 1.0
        self.start = self.x.ravel() / self.unit
        self.made, self.since = self.decrement, self.n_iter
        if made is not None:
            W, b, GW, gb = made.end
            x, before = self.metric.to_round(W, b), self.metric.gradient(W, GW, gb)
            self.last = x.ravel() / self.unit, before
        if ahead:
            self.measure(self.metric, slopes, self.stiffness / self.softness(self.start, slopes))
        if (self.own or ahead) and self.has_arrived():
            self.end_here()
        self.monitor.begin_epoch()

    def handed_on(self):
        """The metric of the fit before, if there is one and it serves."""
        made = self.objective.kept.last("metric")
        if made is None:
            return None
        least, self.stiffness = made.stiffness(self.objective.penalty.ridge())
        return made if self.stiffness <= OFF and least >= 1.0 / OFF else None

    def starts_at_optimum(self):
        """Whether the duality gap is small enough: two passes, where the gradient says so too.

        A model that is given may be all that is needed, and no metric has to be made.
        """
        if not self.has_gap or self.gap_of_penalty() > self.allowed:
            return False
        gap = max(duality_gap(self.objective, self.W, self.b), 0.0)
        if gap <= self.allowed:
            self.excess = self.gap = gap
        return gap <= self.allowed

    def end_here(self):
        """Converged, the metric not needed any more."""
        if self.n_iter == 0:
            self.n_iter = 1
            self.monitor.begin_epoch()
            self.monitor.record(self.value, self.certificate, self.coefficients)
        self.monitor.certificate = self.certificate
        self.finish(converged=True)
        raise _Renew

    def value_and_gradient(self, x):
        """F and its gradient, in the unit of the unknowns."""
        if np.array_equal(x, self.start):  # the driver begins with what is known
            W, b, value, GW, gb = self.W, self.b, self.value, self.GW, self.gb
        else:
            W, b = self.metric.from_round(self.unit * x.reshape(self.x.shape))
            value, GW, gb = self.evaluate(W, b)
        slopes = self.metric.gradient(W, GW, gb)
        self.asked = x.copy(), W, b, value, GW, gb, slopes
        return value / self.unit**2, slopes.ravel() / self.unit

    def iterated(self, x):
        """The driver has moved to x."""
        if not np.array_equal(self.asked[0], x):
            self.value_and_gradient(x)
        x, self.W, self.b, self.value, self.GW, self.gb, slopes = self.asked
        self.n_iter += 1
        self.path.append(self.value)
        stiffness = 1.0 if self.own else self.stiffness / self.softness(x, slopes)
        self.measure(self.metric, slopes, stiffness)
        arrived = self.has_arrived()
        if self.own:
            far = self.decrement <= CLOSER * self.made  # from where the metric was made
        else:
            far = stiffness > OFF and not arrived
        stop = self.monitor.record(self.value, self.certificate, self.coefficients)
        if stop or (arrived and not far) or self.n_iter >= self.max_iter:
            self.finish(arrived)
            raise _Renew
        if far or self.n_iter - self.since >= STALE:
            raise _Renew
        self.monitor.begin_epoch()

    def softness(self, x, slopes):
        """rho of the step to x, where the gradient is `slopes`; 1 at the most."""
        s, y = self.unit * (x - self.last[0]), (slopes - self.last[1]).ravel()
        self.last = x, slopes
        return float(np.clip(s @ y / (s @ s or 1.0), EPS, 1.0))

    def finish(self, converged):
        self.ended, self.converged = True, converged
        if self.metric is not None:
            end = self.W, self.b, self.GW, self.gb
            self.objective.kept.hand_on("metric", self.metric.made(end))

    def coefficients(self):
        return self.W.copy(), self.b.copy()
