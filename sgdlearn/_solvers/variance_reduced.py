"""SAG, SAGA and SVRG: one row at a time, with a gradient whose noise dies out on the way.

With c_i the slope of row i's loss when it was last looked at, and G the weighted mean of c_i x_i,
the slope c_i + delta that the row has now makes the step

    w <- prox_rate(w - rate (delta x_i + G)).

On average that is a proximal gradient step, and as the iterates settle delta goes to 0: the rate
can stay what it is. SAGA (Defazio, Bach, Lacoste-Julien 2014) renews c_i and G at every visit,
SVRG (Johnson, Zhang 2013) by a full pass every so often; SAG (Schmidt, Le Roux, Bach 2013) steps
along the renewed G alone, with a bias that lets it vary less.
"""

from dataclasses import dataclass

import numpy as np

from .._kernels import variance_reduced as kernels
from ..penalties import ElasticPenalty
from .certificate import Certificate, Stopping
from .design import EPS
from .result import Result
from .scaling import Scaling

# A kernel call may take this long, so that Ctrl-C is heard, at these rough costs in seconds.
CALL = 0.05
COST_OF_VISIT = 1e-7
COST_OF_NUMBER = 2e-9  # of a C-contiguous row
COST_OF_LOOKUP = 3e-8  # of a number that lies by itself: sparse rows, F order

# A row with more than this multiple of the mean curvature is visited more than once in a pass.
HEAVY = 4.0

# An objective this many times that of the start has run away: on the way, and at the end.
RUNAWAY = 1e6
FAR_OFF = 10.0

# An objective below this share of the mean squared target is 0 but for rounding.
ROUNDING = 1e-24


def solve_variance_reduced(
    objective,
    W0,
    b0,
    *,
    method,
    tol,
    max_iter,
    rng,
    monitor,
    rate=None,
    shuffle=True,
    snapshot_every=1,
):
    """Minimise an objective by SAG, SAGA or SVRG.

    Parameters
    ----------
    objective : Objective
        With a built-in loss of bounded curvature and an `ElasticPenalty`.
    W0 : ndarray of shape (k, p)
    b0 : ndarray of shape (k,)
        The start; b0 stays what it is without an intercept. Coefficients that may not be
        negative start at 0 instead.
    method : {"sag", "saga", "svrg"}
    tol : float or None
        Converged when the `Certificate` has come down to this. None runs all `max_iter` passes.
    max_iter : int
        Passes over the rows.
    rng : numpy.random.Generator
        Draws the visiting order.
    monitor : Monitor
    rate : float, default=None
        A number is the textbook step in the units of X. None takes it from the curvature of the
        rows in the scaled metric.
    shuffle : bool, default=True
        False visits the rows as they stand, pass after pass. The automatic rate is then that of
        a full gradient, spread over the pass: rows that stand sorted are safe with no larger one.
    snapshot_every : int, default=1
        Passes between two snapshots of SVRG.

    Returns
    -------
    Result
    """
    _check_objective(objective, method)
    metric = Scaling.from_rows(
        objective.rows,
        objective.weights,
        centre=objective.fit_intercept and not objective.rows.sparse,
        per_row=True,
    )
    if rate is None:
        scaling = metric
        plan = Plan.automatic(method, objective, metric, shuffle)
    else:
        scaling = Scaling.identity(objective.rows.p)
        plan = Plan.textbook(method, objective, rate)
    run = (SparseRun if objective.rows.sparse else DenseRun)(objective, scaling, plan, W0, b0)
    looks = Looks(None if tol is None else Stopping(Certificate(objective, metric), tol))

    start = run.look()
    monitor.start_value(start)
    monitor.updates = lambda: run.t
    bound = max(start, ROUNDING * np.mean(np.square(objective.targets)))
    best, best_value = run.coefficients(), start
    if np.any(W0):  # a model that is given may be all that is needed
        looks.confirm(run, 0, start)
    for n_iter in range(1, max_iter + 1):
        monitor.begin_epoch()
        if looks.converged:
            monitor.record(start, looks.optimality, run.coefficients)
            diverged = False
            break
        value = run.visit(plan.order(rng, shuffle))
        diverged = not value <= RUNAWAY * bound
        if diverged:
            break
        last = n_iter == max_iter
        due = n_iter % snapshot_every == 0 if method == "svrg" else looks.due(run, n_iter)
        if due or last:
            value = run.look()
            looks.confirm(run, n_iter, value)
            diverged = last and not looks.converged and not value <= FAR_OFF * bound
            if diverged:
                break
        if value <= best_value:
            best, best_value = run.coefficients(), value
        stop = monitor.record(value, looks.optimality, run.coefficients)
        if stop or looks.converged:
            break
    W, b = best if diverged else run.coefficients()
    return Result(W, b, n_iter, looks.converged, run.t, diverged, looks.optimality, looks.gap)


class Looks:
    """When a full pass may find that a run has arrived, and what it finds.

    The table's average is a gradient of mixed ages, free and a little stale. It says when a look at
    all rows is worth while; what that look finds says how far to trust it the next time.

    Parameters
    ----------
    stopping : Stopping or None
        None never ends a run.
    """

    def __init__(self, stopping):
        self.stopping = stopping
        self._hinted, self._trust = None, 1.0

    converged = property(lambda self: self.stopping is not None and self.stopping.converged)
    optimality = property(lambda self: self.stopping and self.stopping.optimality)
    gap = property(lambda self: self.stopping and self.stopping.gap)

    def due(self, run, n_iter):
        """Whether to look at all rows now."""
        if self.stopping is None:
            return False
        self._hinted = self.norm(run)
        return self.stopping.due(n_iter, self._hinted / self._trust)

    def confirm(self, run, n_iter, value):
        """Told that G is now the gradient of the present iterate."""
        if self.stopping is None:
            return
        W, GW, gb = run.coefficients_and_gradient()
        norm = self.stopping.certificate.relative(W, GW, gb)
        if self._hinted is not None and norm > 0.0:
            self._trust = min(1.0, max(self._hinted / norm, EPS))
        if self.stopping.due(n_iter, norm, self.stopping.foretells(value, W, GW)):
            self.stopping.confirm(n_iter, norm, value, *run.coefficients())

    def norm(self, run):
        """The certificate of the run, by the G that it holds."""
        return self.stopping.certificate.relative(*run.coefficients_and_gradient())


@dataclass
class Plan:
    """Which rows are visited, and what a visit does.

    Attributes
    ----------
    visits : ndarray of int
        The rows of one pass, in their order in X; a heavy one may occur more than once.
    share : ndarray of shape (n,)
        A row's part of the total weight.
    direct, step : ndarray of shape (n,)
        How much of delta x_i goes into a step, and into G (see the kernel).
    rate : float
    renews : bool
        Whether visits rewrite the table.
    replace : bool
        Whether the visits of a pass are drawn with replacement.
    """

    visits: np.ndarray
    share: np.ndarray
    direct: np.ndarray
    step: np.ndarray
    rate: float
    renews: bool
    replace: bool

    @classmethod
    def of(cls, method, share, times, rate):
        """The plan that visits row i times_i times a pass."""
        # SAG's steps follow rows that it has not seen for a while. Where all rows have waited
        # for a full pass, as in reshuffled order, that swings itself up.
        direct = share if method == "sag" else share * np.sum(times) / times
        step = np.broadcast_to(0.0, share.shape) if method == "svrg" else share
        visits = np.repeat(np.arange(len(share), dtype=np.intp), times)
        return cls(visits, share, direct, step, rate, method != "svrg", method == "sag")

    @classmethod
    def textbook(cls, method, objective, rate):
        """Every row once, at a given rate."""
        share = _shares(objective)
        return cls.of(method, share, np.ones(len(share), dtype=np.intp), float(rate))

    @classmethod
    def automatic(cls, method, objective, metric, shuffle):
        """At the rate that the heaviest visit allows.

        A visit of row i has curvature L_i = direct_i c (|x~_i|^2 + 1). A few rows far out would
        set the rate for all; they are visited more often instead, each time with a smaller part
        of their weight.
        """
        share = _shares(objective)
        curvatures = share * _row_curvatures(objective, metric)
        n, mean = len(share), np.sum(curvatures)
        times = np.ones(n, dtype=np.intp)
        if mean == 0.0:
            return cls.of(method, share, times, 1.0)
        if method != "sag":
            times = np.maximum(times, np.ceil(curvatures * (n / (HEAVY * mean))).astype(np.intp))
        plan = cls.of(method, share, times, 1.0)
        largest = np.max(curvatures / times) * len(plan.visits)
        plan.rate = 1.0 / ((4.0 if method == "sag" else 3.0) * largest)
        if not shuffle:
            plan.rate = min(plan.rate, 1.0 / (mean * len(plan.visits)))
        return plan

    def order(self, rng, shuffle):
        """The rows of the next pass, in the order of their visits."""
        if not shuffle:
            return self.visits
        if self.replace:
            return rng.choice(self.visits, len(self.visits))
        return rng.permutation(self.visits)


class Run:
    """The state of a run: coefficients, the table of slopes and its average G.

    Attributes
    ----------
    t : int
        Updates made.
    """

    def __init__(self, objective, scaling, plan, W0, b0):
        self.objective = objective
        self.scaling = scaling
        self.plan = plan
        self.t = 0
        self.rows = objective.rows
        self.W, self.b = scaling.from_user(np.asarray(W0, dtype=np.float64), b0)
        self.W = np.maximum(self.W, objective.penalty.lower, order="C")
        self.b = np.array(self.b, dtype=np.float64)
        self.G, self.gb = np.zeros_like(self.W), np.zeros_like(self.b)
        self.table = np.zeros((self.rows.n, len(self.b)))
        penalty = objective.penalty
        self.lower = penalty.lower
        self.t1 = plan.rate * penalty.thresholds(scaling.scale)
        self.t2 = plan.rate * penalty.ridge(scaling.scale)
        self.intercept = (self.b, self.gb) if objective.fit_intercept else (None, None)
        in_a_row = not self.rows.sparse and self.rows.values.flags.c_contiguous
        cost = COST_OF_NUMBER if in_a_row else COST_OF_LOOKUP
        cost = COST_OF_VISIT + cost * self.rows.size / self.rows.n
        self._rows_a_call = max(1, int(CALL / (len(self.b) * cost)))

    def visit(self, order):
        """One pass of updates; the mean loss of the rows as they were met, plus the penalty."""
        plan = self.plan
        loss = self._pass(order, plan.direct, plan.step, plan.rate, plan.renews)
        self._settle()
        return self._value(loss)

    def look(self):
        """One pass that moves nothing: renew table and G, return the objective."""
        for array in (self.table, self.G, self.gb):
            array.fill(0.0)
        share = self.plan.share
        loss = self._pass(np.arange(self.rows.n), share, share, 0.0, True)
        return self._value(loss)

    def _pass(self, order, direct, step, rate, renews):
        total = weight = 0.0
        for start in range(0, len(order), self._rows_a_call):
            some = order[start : start + self._rows_a_call]
            sums = self._call(some, direct, step, rate, renews)
            total, weight = total + sums[0], weight + sums[1]
            if rate != 0.0:
                self.t += len(some)
            if not np.isfinite(total):
                break
        return total / weight

    def coefficients_and_gradient(self):
        """(W, GW, gb) in the user's coordinates, by the G that the run holds."""
        G = self.G * self.scaling.size + np.outer(self.gb, self.scaling.shift)
        return self.coefficients()[0], G, self.gb

    def _settle(self):
        """Do what has been put off."""

    def _value(self, loss):
        """The objective where the mean loss is `loss`; inf if the run has left all bounds."""
        with np.errstate(over="ignore", invalid="ignore"):
            value = loss + self.objective.penalty.value(self.coefficients()[0])
        return value if np.isfinite(value) else np.inf


class DenseRun(Run):
    """A run over dense rows: every visit moves every coordinate."""

    def __init__(self, *args):
        super().__init__(*args)
        self._coordinates = (
            self.scaling.shift,
            self.scaling.scale,
            self.t1,
            1.0 / (1.0 + self.t2),
        )
        self._kernel = kernels.dense_visits[self.rows.kernel_types]

    def _call(self, order, direct, step, rate, renews):
        return self._kernel(
            self.rows.values,
            self.objective.targets,
            self.objective.loss.spec,
            order,
            direct,
            step,
            self.table,
            self._coordinates,
            (self.W, self.G),
            self.intercept,
            rate,
            self.lower,
            renews,
        )

    def coefficients(self):
        """(W, b) in the user's coordinates, copies."""
        return self.scaling.to_user(self.W, self.b.copy())


class SparseRun(Run):
    """A run over sparse rows: a coordinate catches up when a row needs it.

    Its coefficients and its entries of G lie with what moves them in one record (see the kernel).
    """

    def __init__(self, *args):
        super().__init__(*args)
        k, first, scale = len(self.b), kernels.FIRST_COEFFICIENT, self.scaling.scale
        width = -(-(first + 2 * k) // 8) * 8  # whole cache lines
        decay = np.log1p(self.t2)
        pull = np.divide(decay, self.t2, out=np.ones_like(decay), where=self.t2 > 0.0)
        self.records = np.zeros((self.rows.p, width))
        self.records[:, 1:first] = np.transpose(
            [scale, scale * self.objective.penalty.unit, decay, pull, 1.0 / (1.0 + self.t2)]
        )
        self.records[:, first : first + k] = self.W.T
        self._fields = slice(first, first + k), slice(first + k, first + 2 * k)
        self.W, self.G = (self.records[:, part].T for part in self._fields)
        self._settled = 0
        self._kernel = kernels.sparse_visits[self.rows.kernel_types]

    def _call(self, order, direct, step, rate, renews):
        return self._kernel(
            self.rows.data,
            self.rows.indices,
            self.rows.indptr,
            self.objective.targets,
            self.objective.loss.spec,
            order,
            direct,
            step,
            self.table,
            self.records,
            self.intercept,
            self._motion(rate),
            self.t,
            renews,
        )

    def _settle(self):
        self._catch_up(self.records)
        self._settled = self.t

    def _catch_up(self, records):
        kernels.catch_up(records, len(self.b), self._motion(self.plan.rate), self.t)

    def _motion(self, rate):
        return rate, rate * self.objective.penalty.l1, self.lower

    def coefficients(self):
        """(W, b) in the user's coordinates, copies."""
        records = self.records
        if self._settled < self.t:  # in the midst of a pass
            records = records.copy()
            self._catch_up(records)
        return self.scaling.to_user(records[:, self._fields[0]].T, self.b.copy())


def _check_objective(objective, method):
    """Refuse what these methods cannot minimise."""
    loss, penalty = objective.loss, objective.penalty
    if loss.spec is None:
        raise ValueError(
            f"optimizer={method!r} needs a built-in loss: it visits single rows in compiled code. "
            f"Got loss={loss!r}."
        )
    if not np.isfinite(loss.curvature_bound):
        raise ValueError(
            f"optimizer={method!r} needs a loss of bounded curvature, and loss={loss.name!r} has "
            "kinks. Choose a smooth loss or another optimizer."
        )
    if not isinstance(penalty, ElasticPenalty):
        raise ValueError(
            f"optimizer={method!r} needs a built-in penalty: it is applied row by row in compiled "
            f"code. Got penalty={penalty!r}."
        )


def _shares(objective):
    """Every row's part of the total weight."""
    n = objective.rows.n
    if objective.weights is None:
        return np.broadcast_to(1.0 / n, n)
    return objective.weights / np.sum(objective.weights)


def _row_curvatures(objective, metric):
    """c (|x~_i|^2 + 1): the curvature that row i can have."""
    squares = objective.rows.row_squares(metric, last=float(objective.fit_intercept))
    return objective.loss.curvature_bound * squares
