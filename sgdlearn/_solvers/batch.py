"""The batch solvers: every iteration reads all rows."""

from dataclasses import replace
from functools import partial

import numpy as np

from ..losses import Huber, Loss
from .certificate import Certificate
from .cholesky import cholesky
from .coordinate import coordinate_descent
from .interior import interior
from .lbfgs import lbfgs
from .newton import newton
from .preconditioned_lbfgs import preconditioned_lbfgs
from .preconditioner import FASTER, price
from .row_space import columns, in_row_space, is_wide
from .scaling import Scaling
from .smoothing import smoothed

FEW_PASSES = 6  # a metric that costs no more than these is made at once
# Newton's method takes over from an L-BFGS that has cost as much as so many of its iterations
# would, but no less than so many of its own, if there are not too many unknowns.
NEWTON_ITERATIONS = 10
LBFGS_ITERATIONS = 100
NEWTON_UNKNOWNS = 2000
TRIAL = 8
CLOSE = 1e-7  # for Huber's loss the interior point method hands over to Newton's here


def solve_batch(objective, W0, b0, *, method, tol, max_iter, monitor, memory=10, may_change=False):
    """Minimise an objective with an elastic penalty.

    Parameters
    ----------
    objective : Objective
        Under L1, method "newton" takes the losses with kinks alone; it takes no `positive`.
    W0, b0 : ndarray of shape (k, p) and (k,)
        Where to start.
    method : {"lbfgs", "newton", "cholesky", "cd"}
        "lbfgs" smooths a loss with kinks, less and less; "newton" goes through the interior; "cd"
        takes no such loss. Under L2 "newton" works with as many unknowns as there are rows, where
        columns are more.
    tol : float or None
        What the certificate has to come to. "lbfgs": the prox-gradient mapping relative to the
        zero model's; "newton" and "cholesky": half the squared Newton decrement relative to F of
        the zero model; losses with kinks: a bound on F - F*, relative to the same. None goes on to
        `max_iter`, or to where rounding lets F fall no more.
    max_iter : int
        Iterations, over all stages.
    monitor : Monitor
    memory : int, default=10
        Pairs of steps and gradients that "lbfgs" remembers.
    may_change : bool, default=False
        Whether "lbfgs" may hand over to "newton" where it comes on too slowly.

    Returns
    -------
    Result
    """
    if method == "cholesky":
        return cholesky(objective, tol=tol or 0.0, max_iter=max_iter, monitor=monitor)
    if method == "newton" and is_wide(objective):
        solver = partial(solve_batch, method=method)
        return in_row_space(solver, objective, W0, b0, tol=tol, max_iter=max_iter, monitor=monitor)
    rows, weights = objective.rows, objective.weights
    scaling = Scaling.from_rows(rows, weights, centre=objective.fit_intercept)
    run = {"tol": 0.0 if tol is None else tol, "max_iter": max_iter, "monitor": monitor}
    W, b = np.asarray(W0, dtype=np.float64), np.asarray(b0, dtype=np.float64)
    if not objective.fit_intercept:
        b = np.zeros_like(b)
    if method != "cd":  # which sees to it
        monitor.start_value(objective.value(W, b))
    if method == "lbfgs":
        solver = partial(lbfgs, memory=memory)
        if not objective.loss.smooth:
            return smoothed(objective, scaling, solver, W, b, **run)
        penalty = objective.penalty
        if penalty.l1 == 0.0 and not penalty.positive:
            solver = partial(lbfgs_in_turn, memory=memory, may_change=may_change)
    elif method == "cd":
        solver = coordinate_descent
    elif not objective.loss.smooth:
        solver = interior
    elif isinstance(objective.loss, Huber):
        solver = interior_newton
    else:
        solver = newton
    result = solver(objective, Certificate(objective, scaling), W, b, **run)
    result.converged = result.converged and not separated(objective, result.W, result.b)
    return result


def lbfgs_in_turn(objective, certificate, W, b, *, tol, max_iter, monitor, memory, may_change):
    """L-BFGS in the diagonal metric for as long as a better one would take to make, then in that.

    So whichever of the two is the right one, it costs twice its price at the most. Newton's method
    takes over in the same way if it `may_change`; else the diagonal metric, where the other one is
    of no use.
    """
    diagonal, round_ = (partial(way, memory=memory) for way in (lbfgs, preconditioned_lbfgs))
    sampled, late = price(objective), newton_price(objective) if may_change else np.inf
    stages = []
    if sampled > FEW_PASSES:
        stages.append((diagonal, sampled if sampled < np.inf else late))
    if sampled < np.inf:
        stages.append((round_, late))
    if late < np.inf:
        stages.append((newton, np.inf))
    elif sampled < np.inf:
        stages.append((diagonal, np.inf))
    n_iter = 0
    for solver, passes in stages:
        if solver is newton:
            monitor.say("L-BFGS comes on slowly: Newton's method takes over")
        run = {"tol": tol, "max_iter": int(min(passes, max_iter - n_iter)), "monitor": monitor}
        if solver is newton and is_wide(objective):
            result = solve_batch(objective, W, b, method="newton", **run)
        else:
            result = solver(objective, certificate, W, b, **run)
        W, b, n_iter = result.W, result.b, n_iter + result.n_iter
        if result.converged or monitor.stopped_by is not None or n_iter >= max_iter:
            break
    return replace(result, n_iter=n_iter, t=n_iter)


def newton_price(objective):
    """After how many passes of L-BFGS Newton's method is worth a try; inf for never."""
    loss, rows, k = objective.loss, objective.rows, objective.n_outputs
    softmax = loss.name == "multinomial"
    unknowns = (columns(objective) + 1) * (k if softmax else 1)
    if unknowns > NEWTON_UNKNOWNS or type(loss).curvature is Loss.curvature:
        return np.inf
    work = rows.n * unknowns**2 * (1 if softmax else k)
    return max(LBFGS_ITERATIONS, NEWTON_ITERATIONS * work / (FASTER * rows.size * k))


def interior_newton(objective, certificate, W, b, *, tol, max_iter, monitor):
    """Newton's method from where an interior point method is close.

    For Huber's loss: where no row is within epsilon, as at a start far off, its Hessian is zero.
    From a model that is given, which may be near the optimum, it is tried first.
    """
    run = {"tol": tol, "monitor": monitor}
    if np.any(W):
        first = newton(objective, certificate, W, b, max_iter=min(TRIAL, max_iter), **run)
        if first.converged or monitor.stopped_by is not None or first.n_iter == max_iter:
            return first
        left = max_iter - first.n_iter
        result = interior_newton(
            objective, certificate, np.zeros_like(W), objective.baseline(), max_iter=left, **run
        )
        return replace(result, n_iter=first.n_iter + result.n_iter)
    near = interior(
        objective, certificate, W, b, tol=max(tol, CLOSE), max_iter=max_iter, monitor=monitor
    )
    left = max_iter - near.n_iter
    if not near.converged or left == 0:
        return near
    result = newton(objective, certificate, near.W, near.b, tol=tol, max_iter=left, monitor=monitor)
    return replace(result, n_iter=near.n_iter + result.n_iter)


def separated(objective, W, b):
    """Whether F has no minimum: every row is on its right side, and no penalty holds W back.

    The logistic losses then fall for ever as W grows. (At a minimum with no penalty some row is
    on the wrong side of each output, or else W would do better larger.)
    """
    if objective.loss.name not in ("log_loss", "multinomial"):
        return False
    if objective.penalty.l1 > 0.0 or objective.penalty.l2 > 0.0:
        return False
    Z = objective.predictions(W, b)
    if objective.loss.name == "log_loss":
        y = objective.block_targets(0, objective.rows.n)
        return bool(np.any(np.all(y * Z > 0.0, axis=0)))
    own = np.arange(len(Z)), objective.targets[:, 0].astype(int)
    margins = Z[own] - np.where(np.arange(Z.shape[1]) == own[1][:, None], -np.inf, Z).max(axis=1)
    return bool(np.all(margins > 0.0))
