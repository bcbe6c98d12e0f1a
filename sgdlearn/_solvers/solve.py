"""From an objective and the parameters of the way down to a solution, or to a run to go on with."""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from math import isfinite
from typing import Any

import numpy as np

from .. import schedules
from .._kernels.clock import FARTHEST
from .._threads import blas_by_one_thread
from ..penalties import ElasticPenalty
from .automatic_rate import automatic_rate
from .batch import separated, solve_batch
from .certificate import allowed_excess
from .dual import solve_dual
from .policy import AS_GIVEN, EXACT, check_pairs, choose, is_small, sdca_passes
from .psvrg import psvrg
from .scaling import Scaling, deviations
from .single_precision import in_type_of_rows
from .stochastic import DIVERGED, Method, Run, solve_stochastic, value_of_intercepts
from .stream import NO_SIGNS, follows_the_model
from .variance_reduced import solve_variance_reduced

# Rows a batch where batch_size is "auto": one for rules whose step is that of the row, some for
# rules that learn from moments, more where an update costs p whatever the rows hold and p is large.
# Schedule-free at its own rate loses nothing by a few dense rows an update, and costs half.
MOMENT_ROWS = 32
SCHEDULE_FREE_ROWS = 8
DENSE_WORK_ROWS, DENSE_WORK_COLUMNS = 64, 1000
# Rules, beside plain sgd, that take one row an update.
ONE_ROW = "ftrl", "schedule_free", "dog"
# Rules that divide by the root of all squared gradients.
SUMS_SQUARES = "adagrad", "schedule_free"
# Batch solvers that "auto" lets go on to rounding, if the problem is small.
GOES_ON = ("newton", "cholesky", "cd")
# By so many iterations, and as many as it has taken until then, coordinate descent does.
FURTHER = 20
# So many rows of a stream are learnt from at one rate, and after them so large a share of all.
FIRST_PART, PART = 1000, 0.25
# Solvers that hold a matrix of all pairs of columns.
HOLD_PAIRS = ("newton", "cholesky", "psvrg")
# From this many epochs on, one more pass is spent on the exact objective at the end.
EPOCHS_PER_LOOK = 10


def quiet(function):
    """What overflows has diverged. That is looked for and told of; NumPy's warning adds nothing."""

    @wraps(function)
    def quietly(*args, **kwargs):
        with np.errstate(over="ignore", invalid="ignore"):
            return function(*args, **kwargs)

    return quietly


@dataclass(frozen=True)
class Way:
    """The way down, as the estimator's parameters say it.

    Attributes
    ----------
    rule : Optimizer
    reason : str
        Why this rule.
    learning_rate : "auto", float, Schedule or callable
    batch_size : int, "full" or "auto"
    average : bool or int
    max_iter : int
    tol : float or None
    shuffle : bool
    standardize : bool
        Whether the units of the penalty follow the stream.
    n_iter_no_change : int
    n_jobs : int or None
    n_replicas : int
    """

    rule: Any
    reason: str
    learning_rate: Any
    batch_size: Any
    average: Any
    max_iter: int
    tol: float | None
    shuffle: bool
    standardize: bool
    n_iter_no_change: int
    n_jobs: int | None
    n_replicas: int


def way_down(parameters, *, loss, penalty, objective=None, sparse=False):
    """The `Way` that an estimator's parameters mean for this objective.

    None is a stream, of sparse rows or not.

    Raises ValueError, naming both, where two parameters exclude each other.
    """
    check_rate(parameters["learning_rate"])
    rule, reason = choose(
        parameters, loss=loss, penalty=penalty, objective=objective, sparse=sparse
    )
    check_pairs(rule, parameters, loss=loss, penalty=penalty, stream=objective is None)
    names = ("learning_rate", "batch_size", "average", "max_iter", "tol", "shuffle", "standardize")
    return Way(
        rule=rule,
        reason=reason,
        n_iter_no_change=parameters["n_iter_no_change"],
        n_jobs=parameters["n_jobs"],
        n_replicas=parameters["n_replicas"],
        **{name: parameters[name] for name in names},
    )


def check_rate(learning_rate):
    """Raise ValueError unless this is "auto" or what a schedule can be made of."""
    if not (isinstance(learning_rate, str) and learning_rate == "auto"):
        schedules.as_schedule(learning_rate)


@contextmanager
def told_of_memory(rule, p):
    """What a solver that holds a matrix of all pairs of columns raises where there are too many."""
    try:
        yield
    except MemoryError as error:
        if rule.name not in HOLD_PAIRS:
            raise
        raise MemoryError(
            f"optimizer={rule.name!r} holds a matrix of n_features x n_features, here {p} x {p}, "
            "for which there is not enough memory: choose 'lbfgs' or 'saga', or leave it to 'auto'."
        ) from error


@quiet
def solve(objective, W, b, way, *, rng, monitor, run=None, stream=None):
    """Minimise the objective.

    Parameters
    ----------
    objective : Objective
    W, b : ndarray of shape (k, p) and (k,), or None
        Where to start; None is the zero model.
    way : Way
    rng : numpy.random.Generator
        Draws the visiting order.
    monitor : Monitor
    run : Run, default=None
        A `resumed` run to go on with (warm start) instead of a new one.
    stream : Stream, default=None
        What is known of the columns; needed by stochastic rules where the rate is "auto".

    Returns
    -------
    result : Result
    run : Run or None
        The run of a stochastic rule.
    """
    start = starting_point(objective, W, b, textbook=way.learning_rate != "auto")
    monitor.last = lambda: start
    with told_of_memory(way.rule, objective.rows.p), blas_by_one_thread():
        result, run = _solve(
            objective, start, way, rng=rng, monitor=monitor, run=run, stream=stream
        )
        result = in_type_of_rows(objective, result, way.tol)
    # what the solver held can go
    monitor.last, monitor.updates = lambda: (result.W, result.b), lambda: result.t
    return result, run


def _solve(objective, start, way, *, rng, monitor, run, stream):
    """The same from (W, b) as `start` has it, by the solver of the rule's family."""
    if way.rule.family == "batch":
        chosen = way.reason != AS_GIVEN
        goes_on = chosen and way.rule.name in GOES_ON
        exact = goes_on and way.tol is not None and is_small(objective)
        run = {
            "method": way.rule.name,
            "monitor": monitor,
            "memory": getattr(way.rule, "memory", 10),
            "may_change": chosen,
        }
        tol, n_iter = min(way.tol, EXACT) if exact else way.tol, 0
        max_iter = way.max_iter
        if exact and way.rule.name == "cd":  # which may come to rounding slowly
            result = solve_batch(objective, *start, tol=way.tol, max_iter=max_iter, **run)
            n_iter = result.n_iter
            if not result.converged or monitor.stopped_by is not None or n_iter == max_iter:
                return result, None
            start, max_iter = (result.W, result.b), min(n_iter + FURTHER, max_iter - n_iter)
        result = solve_batch(objective, *start, tol=tol, max_iter=max_iter, **run)
        result = replace(result, n_iter=n_iter + result.n_iter, t=n_iter + result.t)
        if exact and not result.converged and is_near(objective, monitor, way.tol):
            result.converged = not separated(objective, result.W, result.b)
        return result, None
    if way.rule.name == "psvrg":
        names = ("batch_size", "tol", "max_iter", "shuffle")
        chosen = {name: getattr(way, name) for name in names}
        return psvrg(objective, *start, rng=rng, monitor=monitor, **chosen), None
    if way.rule.family == "variance_reduced":
        result = solve_variance_reduced(
            objective,
            *start,
            method=way.rule.name,
            rate=None if way.learning_rate == "auto" else float(way.learning_rate),
            tol=way.tol,
            max_iter=way.max_iter,
            rng=rng,
            shuffle=way.shuffle,
            monitor=monitor,
            snapshot_every=getattr(way.rule, "snapshot_every", 1),
        )
        return result, None
    if way.rule.family == "dual":
        return dual_in_turn(objective, start, way, rng=rng, monitor=monitor), None
    if run is None:
        run = start_run(objective, *start, way, stream=stream, horizon=way.max_iter)
    result = solve_stochastic(
        run,
        objective,
        tol=way.tol,
        max_iter=way.max_iter,
        n_iter_no_change=way.n_iter_no_change,
        rng=rng,
        shuffle=way.shuffle,
        monitor=monitor,
    )
    if result.n_iter >= EPOCHS_PER_LOOK and not result.diverged:
        monitor.curve[-1] = objective.value(result.W, result.b)
    return result, run


def is_near(objective, monitor, tol):
    """Whether a run that was to come to rounding has at least come to what tol asks for."""
    reference = value_of_intercepts(objective, objective.baseline()) or 1.0
    return monitor.certificate * reference <= allowed_excess(monitor.curve[-1], reference, tol)


def dual_in_turn(objective, start, way, *, rng, monitor):
    """SDCA; behind "auto", on a hinge, for as long as the interior point method would take."""
    passes = way.max_iter
    if way.reason != AS_GIVEN:
        passes = int(min(passes, sdca_passes(objective)))
    run = {"tol": way.tol, "monitor": monitor}
    first = solve_dual(objective, *start, max_iter=passes, rng=rng, shuffle=way.shuffle, **run)
    left = way.max_iter - first.n_iter
    if first.converged or left == 0 or monitor.stopped_by is not None:
        return first
    monitor.say("SDCA comes on slowly: the interior point method takes over")
    result = solve_batch(objective, first.W, first.b, method="newton", max_iter=left, **run)
    return replace(result, n_iter=first.n_iter + result.n_iter, t=first.t + result.t)


def starting_point(objective, W, b, *, textbook):
    """(W, b) to start from: as given; else zero, with the best intercept unless `textbook`."""
    k, p = objective.n_outputs, objective.rows.p
    if b is None:
        b = np.zeros(k) if textbook or W is not None else objective.baseline()
    if W is None:
        W = np.broadcast_to(0.0, (k, p))  # zeros that take no memory
    return W, b


def method_for(objective, way):
    """The `Method` of a stochastic rule on this objective."""
    automatic = way.learning_rate == "auto"
    return Method(
        loss=objective.loss,
        rule=way.rule,
        penalty=objective.penalty,
        in_gradient=not automatic,
        fit_intercept=objective.fit_intercept,
        average_from=int(way.average),
        batch_size=batch_size_for(objective, way),
        n_outputs=objective.n_outputs,
        n_jobs=way.n_jobs,
        n_replicas=way.n_replicas,
    )


def batch_size_for(objective, way):
    """Rows a batch."""
    if way.batch_size != "auto":
        return way.batch_size
    rule, penalty = way.rule, objective.penalty
    if rule.name == "schedule_free" and way.learning_rate == "auto" and not objective.rows.sparse:
        return SCHEDULE_FREE_ROWS
    if (rule.name == "sgd" and not rule.momentum) or rule.name in ONE_ROW:
        return 1
    if rule.name == "adagrad":
        dense_work = way.learning_rate != "auto" and getattr(penalty, "l2", 0) > 0
        return DENSE_WORK_ROWS if dense_work and objective.rows.p > DENSE_WORK_COLUMNS else 1
    return MOMENT_ROWS


def start_run(objective, W, b, way, *, stream=None, horizon=None):
    """A run from (W, b).

    Parameters
    ----------
    stream : Stream or None
        What is known of the columns, where the rate is "auto".
    horizon : int or None
        Passes that there will be at most; None where nobody knows (partial_fit).
    """
    method = method_for(objective, way)
    scaling = coordinates(objective, way, stream)
    rates = rates_for(method, objective, way, scaling, stream, horizon)
    rows = objective.rows
    run = Run.start(
        method,
        W,
        b,
        rates,
        dtype=rows.dtype,
        scaling=scaling,
        sparse_metric=rows.sparse,
        unit=objective.penalty.unit,
    )
    if stream is not None and stream.loss is not None:
        run.remember(stream.weight, *stream.squared_gradients(method, scaling, rows.n))
    elif (
        way.rule.name in SUMS_SQUARES
        and horizon is None
        and stream is not None
        and stream.classes is not None
        and not rows.sparse
    ):
        square = stream.first_square(method, rows.n)
        run.remember(stream.weight, square, square)
    if way.rule.name == "dog" and way.rule.initial is None and way.learning_rate == "auto":
        run.state.clock[FARTHEST] = rates.first_distance
    return run


def rates_for(method, objective, way, scaling, stream, horizon, t=0):
    """The rates of a run that has made t updates; other arguments as for `start_run`."""
    rows = objective.rows
    if way.learning_rate != "auto":
        return schedules.resolve(
            way.learning_rate,
            alpha=strength(objective.penalty),
            loss=objective.loss,
            total_steps=None if horizon is None else t + horizon * method.updates_in(rows.n),
        )
    if horizon is None:
        return stream.rate(method, scaling)
    return automatic_rate(method, objective, scaling, stream.spread)


def resumed(run, method, objective, way, stream=None, horizon=None):
    """The run, made ready to go on by this method; None if its memory does not fit.

    That is where it is of another rule, or in `fit` of another metric; `start_run` explains the
    other arguments.
    """
    if way.learning_rate == "auto" and horizon is None and run.scaling is not None:
        return run.continued(method, stream.rate(method, run.scaling, run.rates.epoch, run))
    scaling = coordinates(objective, way, stream)
    if (run.scaling is None) != (scaling is None):
        return None
    if scaling is not None and not run.scaling.close_to(scaling):
        return None
    rates = rates_for(method, objective, way, scaling, stream, horizon, run.state.t)
    return run.continued(method, rates)


def coordinates(objective, way, stream):
    """The `Scaling` in which a stochastic rule moves; None for the units of X."""
    if way.learning_rate == "auto":
        return metric(objective, stream)
    unit = objective.penalty.unit
    return None if np.ndim(unit) == 0 else Scaling.in_units(unit)


def metric(objective, stream):
    """The metric of a stochastic rule: dense rows are centred, sparse ones are not."""
    if not isinstance(objective.penalty, ElasticPenalty):
        return Scaling.identity(objective.rows.p)  # its prox is known in the units of X alone
    sparse = objective.rows.sparse
    return stream.scaling(sparse=sparse, centre=objective.fit_intercept and not sparse)


def strength(penalty):
    """alpha, for schedules that fall with it."""
    return penalty.l1 + penalty.l2 if isinstance(penalty, ElasticPenalty) else penalty.alpha


def is_far_above_zero_model(objective, loss):
    """Whether this sum of s_i loss_i over a chunk is one that no fit would go on from."""
    b = np.zeros(objective.n_outputs)
    return loss > DIVERGED * objective.total_weight * value_of_intercepts(objective, b)


def in_parts(run, stream, n, seen):
    """The order of a chunk of n rows, in parts after which the rate is to follow what was learnt.

    `seen` tells whether the stream has these rows in it.
    """
    order, batch_size = np.arange(n), run.method.batch_size
    follows = stream is not None and stream.targets is None and follows_the_model(run)
    if n <= FIRST_PART or not follows or batch_size == "full":
        return [order]
    before = stream.n_rows - n if seen else stream.n_rows
    borders, done = [], max(FIRST_PART, before, batch_size)
    while done < n:
        borders.append(done - done % batch_size)
        done += max(int(PART * (before + done)), batch_size)
    return np.split(order, borders)


@quiet
def visit_chunk(objective, W, b, way, run, stream, signs=NO_SIGNS):
    """Learn from one chunk of a stream, its rows in the order given; return the run and the stream.

    Parameters
    ----------
    objective : Objective
        Of the chunk.
    W, b : ndarray or None
        Where a new run starts, as for `solve`.
    way : Way
    run : Run or None
        None begins a new one. If the chunk makes it diverge it is put back to where it was, and
        FloatingPointError raised.
    stream : Stream or None
        What has been seen of the stream before; None where the rate is given.
    signs : tuple
        As `Stream.doubting` and `Stream.clipped` have found them.
    """
    rows, targets, weights = objective.rows, objective.targets, objective.weights
    before = None if run is None else dict(vars(run))
    new, risen = run is None, 0.0
    renews = stream is not None and (
        new or rows.sparse != run.sparse_metric or stream.is_due(rows, weights, signs)
    )
    if renews:
        stream = stream.copy().see(rows, targets, weights, signs)
        factor = stream.forget()
        scaling = metric(objective, stream)
        if stream.classes is not None and objective.fit_intercept:
            if stream.classes.locate(rows, targets, weights, scaling):
                scaling = stream.classes.centred(scaling)
            middle = None if new else run.mean_predictions(stream.columns.moments().mean)
            risen = stream.classes.rise(objective.loss, middle)
        stream.renew(rows, weights, scaling)
        if way.standardize:
            penalty = ElasticPenalty(**objective.penalty.get_params())
            unit = deviations(stream.columns.moments())
            objective.penalty = penalty.set_params(unit=unit)
        if not new:
            try:
                run.follow_metric(scaling, rows.sparse, objective.penalty.unit, factor, risen)
                run.rates = stream.rate(run.method, scaling, run.rates.epoch, run)
            except BaseException:
                vars(run).update(before)
                raise
    if new:
        classes = objective.loss.kind == "classification"  # a first chunk may lack some of them
        start, begin = starting_point(objective, W, b, textbook=stream is None or classes)
        run = start_run(objective, start, begin + risen if W is None else begin, way, stream=stream)
    columns = run.columns_changed_by(rows, weights)
    checkpoint = run.state.checkpoint(columns)
    loss = 0.0
    try:
        for number, part in enumerate(in_parts(run, stream, rows.n, renews)):
            if number > 0:
                run.rates = stream.rate(run.method, run.scaling, run.rates.epoch, run)
            for piece in run.calls(rows, part):
                loss += run.visit(rows, targets, weights, piece)
                if not (isfinite(loss) and run.state.is_finite(columns)):
                    raise FloatingPointError("the coefficients are no longer finite")
        if loss > DIVERGED * rows.n and is_far_above_zero_model(objective, loss):
            raise FloatingPointError("the loss is far above that of the zero model")
    except BaseException:
        run.restore(checkpoint)
        if before is not None:
            vars(run).update(before)
        raise
    if stream is not None and not renews:
        stream.see(rows, targets, weights, signs)
        if stream.classes is not None and objective.fit_intercept:
            stream.classes.locate(rows, targets, weights, run.scaling)
    return run, stream
