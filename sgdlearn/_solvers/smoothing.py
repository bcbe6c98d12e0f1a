"""Losses with kinks: round them off, minimise, round off less, go on from there.

Nesterov 2005, "Smooth minimization of non-smooth functions". The rounded loss lies below the
loss, so with F_mu the rounded objective and w a minimiser of it

    F_mu(w) <= min F <= F(w)

and F(w) - F_mu(w), at the end of a stage, bounds how far w is from the optimum but for what the
stage left over. Where L2 holds the coefficients, nothing is left over in the duality gap
at the slopes of the rounded loss, which are slopes of the loss too. The certificate is relative to
F of the zero model.
"""

from dataclasses import replace

import numpy as np

from ..losses import Loss
from .certificate import Certificate, allowed_excess
from .duality import duality_gap
from .result import Result

FINER = 0.1  # from one stage to the next
FINEST = 1e-12  # relative to the first stage
STAGE = 1e-2  # how far the first stage goes; later ones by the root of their width further


def smoothed(objective, scaling, solver, W, b, *, tol, max_iter, monitor):
    """Minimise a loss with kinks by `solver(objective, certificate, W, b, ...)` in stages."""
    reference = Certificate(objective, scaling).reference_value
    watch = _Watch(monitor, objective, reference)
    first = mu = width(objective)
    n_iter, converged = 0, False
    while n_iter < max_iter and mu >= FINEST * first:
        stage = replace(objective, loss=objective.loss.smoothed(mu))
        result = solver(
            stage,
            Certificate(stage, scaling),
            W,
            b,
            tol=STAGE * np.sqrt(mu / first),
            max_iter=max_iter - n_iter,
            monitor=watch,
        )
        W, b = result.W, result.b
        n_iter += result.n_iter
        allowed = allowed_excess(watch.value, reference, tol)
        converged = result.converged and watch.gap * reference <= allowed
        if converged and is_held(objective):
            y = objective.block_targets(0, objective.rows.n)
            slopes = stage.loss.gradient(y, objective.predictions(W, b))
            watch.gap = max(duality_gap(objective, W, b, slopes), 0.0) / reference
            converged = watch.gap * reference <= allowed
        if watch.stopped or converged:
            break
        mu *= FINER
    return Result(W, b, n_iter, converged, n_iter, optimality=watch.gap)


def is_held(objective):
    """Whether there is a duality gap that comes to zero as the slopes do to those of an optimum."""
    loss, penalty = objective.loss, objective.penalty
    return penalty.l2 > 0.0 and type(loss).conjugate is not Loss.conjugate


def width(objective):
    """A width over which the whole loss is smooth: the errors of the best constant, or a margin."""
    if objective.loss.kind == "classification":
        return 1.0
    errors = np.abs(objective.targets - objective.baseline()).max(axis=1)
    mean = float(np.average(errors, weights=objective.weights))
    return mean or 1.0


class _Watch:
    """Stands between a stage and the monitor, which is told of the loss that is meant."""

    def __init__(self, monitor, objective, reference):
        self.monitor, self.objective, self.reference = monitor, objective, reference
        self.stopped, self.gap, self.value = False, np.inf, np.inf

    def begin_epoch(self):
        self.monitor.begin_epoch()

    def record(self, value, certificate, coefficients):
        self.value = self.objective.value(*coefficients())
        self.gap = (self.value - value) / self.reference
        self.stopped = self.monitor.record(self.value, self.gap, coefficients)
        return self.stopped
