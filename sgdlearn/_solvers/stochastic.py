"""Stochastic rules: one update a row or mini-batch, in epochs (fit) or in chunks (partial_fit).

A `Run` is a rule on its way: what it does with a batch (`Method`), its arrays (`State`), the metric
and the rates. `solve_stochastic` sends it over the rows, epoch by epoch; partial_fit sends it over
one chunk a call. The same kernels do both, so that k chunks equal one ordered pass to the last bit.
"""

from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from .._kernels.clock import AVERAGED, ELAPSED, FIRST_RATE, WEIGHT
from .._kernels.stochastic_csr import csr_updates, keeps_to_its_columns
from .._kernels.stochastic_dense import dense_updates
from ..penalties import ElasticPenalty
from . import batches
from .monitor import Plateau, Settled
from .order import draw_order
from .pace import Pace
from .parallel import visitor
from .result import Result
from .rows import GATHERED_ROWS, NUMBERS_PER_CALL
from .scaling import Scaling
from .state import State

# From so many outputs and rows a batch on, matrix products are worth the calls; before, a loop over
# rows is up to ten times as fast.
BLAS_OUTPUTS = BLAS_ROWS = 32
# A column whose size or mean changes by a larger share of its size has drifted.
DRIFT = 0.1
# Of schedule-free's way to go, what its last step is ahead of the average is one part in so many.
AHEAD = 10.0
# A run has diverged once its objective is this many times that of the zero model.
DIVERGED = 1e6
# Where the rate follows the objective, an epoch this many times above the best is taken back.
RUNAWAY = 2.0


@dataclass(frozen=True)
class Method:
    """What is done with one batch.

    Attributes
    ----------
    loss : Loss
    rule : Optimizer
    penalty : ElasticPenalty or ScaledPenalty
    in_gradient : bool
        Whether L2 enters the gradient (a given rate) or is a prox in the metric ("auto").
    fit_intercept : bool
    average_from : int
        The first update whose iterate is averaged; 0 for none.
    batch_size : int or "full"
    n_outputs : int
    n_jobs : int or None
        Threads of a pass over the whole data.
    n_replicas : int
        Copies of the run that go over shards of the rows in `fit`.
    """

    loss: Any
    rule: Any
    penalty: Any
    in_gradient: bool
    fit_intercept: bool
    average_from: int
    batch_size: Any
    n_outputs: int
    n_jobs: int | None = None
    n_replicas: int = 1

    @cached_property
    def compiled(self):
        """Whether loss, rule and penalty are all known to the kernels."""
        return (
            self.loss.spec is not None
            and self.rule.kernel_code is not None
            and isinstance(self.penalty, ElasticPenalty)
        )

    @cached_property
    def numbers(self):
        """The method as the kernels read it: (loss, rule, penalty, intercept, average)."""
        penalty = (
            (self.penalty.l1, self.penalty.l2, self.penalty.lower, self.in_gradient)
            if isinstance(self.penalty, ElasticPenalty)
            else (0.0, 0.0, -np.inf, self.in_gradient)
        )
        rule = self.rule
        code = (
            (rule.kernel_code, *rule.kernel_parameters())
            if rule.kernel_code is not None
            else (0, 0.0, 0.0, 0.0, 0.0)
        )
        return self.loss.spec, code, penalty, self.fit_intercept, self.average_from

    def updates_in(self, n_rows):
        """How many updates a pass over so many rows makes; those of replicas count as one."""
        if self.batch_size == "full":
            return 1
        return -(-n_rows // (self.batch_size * self.n_replicas))


@dataclass
class Run:
    """A rule on its way.

    Attributes
    ----------
    method : Method
    state : State
        In the coordinates of `scaling`.
    rates : callable
        ``rates(t, schedule_state)`` on arrays of step numbers.
    dtype : dtype
        That of X, and so of the coefficients in the end.
    schedule_state
        The memory of a schedule that has one.
    scaling : Scaling or None
        The metric; None for the units of X.
    sparse_metric : bool
        Whether that is the metric of sparse rows.
    unit : float or ndarray of shape (p,)
        That of the penalty.
    """

    method: Method
    state: State
    rates: Any
    dtype: Any
    schedule_state: Any = None
    scaling: Scaling | None = None
    sparse_metric: bool = False
    unit: Any = 1.0
    _coefficients: tuple | None = field(default=None, init=False, repr=False)
    _kernel_scaling: tuple | None = field(default=None, init=False, repr=False)

    @classmethod
    def start(cls, method, W, b, rates, *, dtype, scaling=None, sparse_metric=False, unit=1.0):
        """A run from (W, b), given in the units of X."""
        if scaling is not None:
            W, b = scaling.from_user(W, b)
        state = State.at(
            W,
            b,
            n_slots=method.rule.n_slots,
            dtype=np.float64 if method.batch_size == "full" else dtype,
            averaged=method.average_from > 0,
        )
        dtype, memory = np.dtype(dtype), rates.start()
        run = cls(method, state, rates, dtype, memory, scaling, sparse_metric, unit)
        if method.rule.name == "ftrl":
            state.clock[FIRST_RATE] = rates(np.array([1]), run.schedule_state)[0]
            run._follow_coefficients()
        if method.rule.kernel_code is not None:
            method.rule.begin(state.clock, (state.W, state.slots), (state.b, state.b_slots))
        return run

    def remember(self, total, squares, b_squares):
        """Take these sums of squared gradients for those of a pass of this total weight."""
        state, name = self.state, self.method.rule.name
        if name in ("adagrad", "schedule_free"):
            state.slots[0], state.b_slots[0] = squares, b_squares
        elif name == "ftrl":
            rate = state.clock[FIRST_RATE]
            state.slots[1], state.b_slots[1] = np.sqrt(squares), np.sqrt(b_squares)
            state.slots[2], state.b_slots[2] = state.slots[1] / rate, state.b_slots[1] / rate
            state.clock[WEIGHT] = total
            self._follow_coefficients()

    def _follow_coefficients(self):
        """FTRL's z, from which its coefficients follow: w = (sign(z) T l1 - z) / (q + T l2)."""
        state, (base, l1, l2) = self.state, self._summed_up()
        state.slots[0] = -state.W * (base + state.slots[2] + l2) - np.sign(state.W) * l1
        state.b_slots[0] = -state.b * (base + state.b_slots[2])

    def _summed_up(self):
        """FTRL's q_0, 0 for others; T l1 and T l2, the penalties for every column in the metric."""
        clock, penalty, rule = self.state.clock, self.method.penalty, self.method.rule
        size = self.unit if self.scaling is None else self.scaling.scale * self.unit
        total = clock[WEIGHT]
        base = rule.beta / clock[FIRST_RATE] if rule.name == "ftrl" else 0.0
        return base, total * penalty.l1 * size, total * penalty.l2 * size**2

    def __getstate__(self):
        """Without what can be put together again."""
        return {**vars(self), "_coefficients": None, "_kernel_scaling": None}

    @property
    def kernel_scaling(self):
        """(shift, scale, size) in the type of the coefficients, or (None, None, None).

        `size` is by what the penalty measures a coefficient in the metric.
        """
        if self.scaling is None:
            return None, None, None
        if self._kernel_scaling is None:
            shift, scale = self.scaling.shift, self.scaling.scale
            arrays = shift, scale, scale * self.unit
            self._kernel_scaling = tuple(array.astype(self.state.W.dtype) for array in arrays)
        return self._kernel_scaling

    @property
    def pace(self):
        """Its rates, no epoch made yet."""
        scaling = self.scaling
        return Pace(self.rates, scaled=scaling is not None and bool(np.any(scaling.scale != 1.0)))

    @property
    def follows(self):
        """Whether the rates follow the objective."""
        return getattr(self.rates, "follows", False)

    def coefficients(self):
        """(W, b) in the units of X, as they are now."""
        if self._coefficients is None:
            W, b = self.state.coefficients(self.method.numbers, self.kernel_scaling[2])
            if self.scaling is not None:
                W, b = self.scaling.to_user(W.astype(np.float64), b)
            self._coefficients = W, b
        return self._coefficients

    def visit(self, rows, targets, weights, order):
        """Go over the rows in this order, one update a batch.

        Returns the sum of s_i loss_i, each taken at the coefficients that met the row.
        """
        self._coefficients = None
        method, state = self.method, self.state
        if rows.dtype != state.W.dtype and method.batch_size != "full":
            rows = rows.astype(state.W.dtype)
        rates = self._next_rates(len(order))
        if not self.goes_by_rows(rows):
            state.settle(method.numbers, self.kernel_scaling[2])
            return batches.visit(self, rows, targets, weights, order, rates)
        data = (targets, weights, order, self.batch_size(len(order)), rates)
        scaling = self.kernel_scaling
        if rows.sparse:
            state.put_off(method.numbers)
            kernel = csr_updates[rows.kernel_types]
            arrays = rows.data, rows.indices, rows.indptr
            return kernel(*arrays, *data, method.numbers, scaling, state.arrays())
        state.settle(method.numbers, scaling[2])
        kernel = dense_updates[rows.kernel_types]
        if rows.values.flags.c_contiguous:
            return kernel(rows.values, *data, method.numbers, scaling, state.arrays())
        return self._visit_gathered(kernel, rows, *data, method.numbers, scaling)

    def batch_size(self, n_rows):
        """Rows a batch of so many.

        On a stream at an automatic rate batches are as even as can be: one of a row left over would
        be worth as much as another.
        """
        batch_size = self.method.batch_size
        if batch_size == "full" or getattr(self.rates, "follows", True):
            return batch_size
        return -(-n_rows // -(-n_rows // batch_size))

    def _next_rates(self, n_rows):
        """The rates of the updates from so many rows."""
        t = self.state.t
        n_updates = 1 if self.method.batch_size == "full" else -(-n_rows // self.method.batch_size)
        return self.rates(np.arange(t + 1, t + 1 + n_updates), self.schedule_state)

    def goes_by_rows(self, rows):
        """Whether a loop over rows serves, rather than products of whole batches."""
        method = self.method
        if not method.compiled or method.batch_size == "full":
            return False
        products = method.n_outputs >= BLAS_OUTPUTS and method.batch_size >= BLAS_ROWS
        return rows.sparse or not products

    def _visit_gathered(
        self, kernel, rows, targets, weights, order, batch_size, rates, numbers, scaling
    ):
        """The same for an X that is not C-contiguous: some rows at a time are copied out."""
        step = max(1, GATHERED_ROWS // batch_size) * batch_size
        total = 0.0
        for start in range(0, len(order), step):
            chosen = order[start : start + step]
            u = start // batch_size
            total += kernel(
                np.ascontiguousarray(rows.values[chosen]),
                targets[chosen],
                None if weights is None else weights[chosen],
                np.arange(len(chosen)),
                batch_size,
                rates[u : u + step // batch_size],
                numbers,
                scaling,
                self.state.arrays(),
            )
        return total

    def calls(self, rows, order):
        """The order, cut into pieces of whole batches, each a small part of a second."""
        batch_size = self.method.batch_size
        per_row = rows.size / rows.n * self.method.n_outputs * (1 + self.method.rule.n_slots) + 10
        if batch_size == "full" or per_row * len(order) <= NUMBERS_PER_CALL:
            return [order]
        step = max(1, int(NUMBERS_PER_CALL / per_row) // batch_size) * batch_size
        return [order[start : start + step] for start in range(0, len(order), step)]

    def continued(self, method, rates):
        """This run going on by another method, at other rates; None if its state does not fit.

        The run itself stays as it is.
        """
        mine, state = self.method, self.state
        fits = (
            type(method.rule) is type(mine.rule)
            and method.rule.n_slots == len(state.slots)
            and method.n_outputs == mine.n_outputs
            and method.in_gradient == mine.in_gradient
            and (method.batch_size == "full") == (mine.batch_size == "full")
        )
        if not fits:
            return None
        if method.numbers != mine.numbers:  # what was put off was so under the old ones
            state, size = state.copy(), self.kernel_scaling[2]
            state.settle(mine.numbers, size)
            if method.rule.name == "ftrl":  # its coefficients follow from the penalty
                state.put_off(method.numbers)
                state.settle(method.numbers, size)
            state.average_from_now_on(method.average_from > 0)
            if method.rule.name == "schedule_free":
                state.interpolate_anew(mine.rule.momentum, method.rule.momentum)
        memory = rates.start()
        if memory is not None and self.rates.same_as(rates):
            memory = self.schedule_state
        return replace(self, method=method, state=state, rates=rates, schedule_state=memory)

    def follow_metric(self, scaling, sparse, unit, factor=1.0, risen=0.0):
        """Go on in the metric as it is now, that of sparse or of dense rows.

        For a column whose size has drifted, what is kept is the coefficient in the metric; whose
        mean has, the prediction there. So it is for all columns if they have grown together, by
        this factor. Where size and mean are only known better now, or the metric is of another
        kind, the model itself is kept. Only its intercepts rise, by so much.
        """
        old, self.state = self.scaling.renamed(factor), self.state.copy()
        state = self.state
        self.settle()
        weighed = self._weighed()
        other_kind = sparse != self.sparse_metric
        steady = other_kind | (np.abs(old.scale - scaling.scale) <= DRIFT * scaling.scale)
        ratio = np.ones_like(old.scale)
        np.divide(old.scale, scaling.scale, out=ratio, where=steady & (scaling.scale > 0.0))
        drifted = ~steady | (factor != 1.0)
        moved = scaling.mean - old.mean
        near = other_kind | (np.abs(moved) * scaling.scale <= DRIFT)
        moved[~(steady & near)] = 0.0
        moving = [(state.W, state.b), (state.average, state.b_average)]
        if self.method.rule.name == "schedule_free":
            if not np.all(near):  # an average over intercepts at other means is of no use
                state.clock[ELAPSED] = 0.0
            moving.append((state.slots[1], state.b_slots[1]))
        if self.method.rule.name == "dog":
            moving.extend(zip(state.slots, state.b_slots, strict=True))
        for W, b in moving:
            if W is not None:
                if old.aside is not None:
                    b -= W @ old.aside
                b += W @ (old.scale * moved)
                W *= ratio.astype(W.dtype)
                if scaling.aside is not None:
                    b += W @ scaling.aside
                b += risen if W is not state.average else risen * state.clock[AVERAGED]
        self.scaling, self.sparse_metric, self.unit = scaling, sparse, unit
        self._kernel_scaling = self._coefficients = None
        state.clock[WEIGHT] /= max(1.0, factor) ** 2  # smaller rows said so much less
        if weighed is not None:
            self._weigh_anew(weighed, drifted)

    def _weighed(self):
        """(q, T l2): by what rules that sum up squared gradients hold a coefficient where it is.

        The one stands for the gradients of all T updates, the other for the penalty in them. None
        for other rules.
        """
        slots, name = self.state.slots, self.method.rule.name
        if name not in ("adagrad", "ftrl", "schedule_free"):
            return None
        base, _, l2 = self._summed_up()
        return (base + slots[2] if name == "ftrl" else np.sqrt(slots[0]) / self.rates.first), l2

    def _weigh_anew(self, weighed, drifted):
        """Weigh the penalty by all updates so far, in columns that have come to another size.

        FTRL's coefficients give way where it holds them back more now. Where it does less, they are
        where it held them: what was summed up there counts for less, and steps are as large as if
        the stream had begun later. In schedule-free's average what was learnt under more of the
        penalty, or less, counts for less.
        """
        state, (q, before), (_, after) = self.state, weighed, self._weighed()
        change = np.ones_like(q)
        np.divide(q + before, q + after, out=change, where=drifted & (q + after > 0.0))
        eased = np.maximum(change, 1.0).astype(state.W.dtype)
        if self.method.rule.name == "ftrl":
            state.W *= np.minimum(change, 1.0)
            state.slots[1:] /= eased
            self._follow_coefficients()
        else:
            state.slots[0] /= eased**2
            if self.method.rule.name == "schedule_free":
                state.clock[ELAPSED] *= min(change.min(), 1.0 / eased.max()) ** 1.5

    def mean_predictions(self, means):
        """The predictions, (k,), of a row of these means."""
        W, b = self.coefficients()
        return b + W @ means

    def outlook(self, early):
        """How large the coefficients in the metric, (k, p), look like becoming.

        As those of the model; `early`, while little is known, and where schedule-free's z is ahead
        of its average x, so is what comes.
        """
        state, rule = self.state, self.method.rule
        if not early or rule.name != "schedule_free" or state.since is not None:
            return state.coefficients(self.method.numbers, self.kernel_scaling[2])[0]
        z = state.slots[1]
        x = (state.W - (1.0 - rule.momentum) * z) / rule.momentum
        square, along = (x * x).sum(axis=1), (x * z).sum(axis=1)
        ahead = np.divide(along, square, out=np.ones_like(square), where=square > 0.0) - 1.0
        return x * (1.0 + np.minimum(np.maximum(AHEAD * ahead, 0.0), 1.0))[:, None]

    def settle(self):
        """Carry out all that has been put off."""
        self.state.settle(self.method.numbers, self.kernel_scaling[2])

    def become(self, states):
        """Go on from the mean of several states."""
        self.state, self._coefficients = State.mean(states), None
        if self.method.rule.name == "ftrl":
            self._follow_coefficients()

    def become_outputs(self, states):
        """Go on from the states of groups of outputs."""
        self.state, self._coefficients = State.joined(states), None

    def restore(self, checkpoint):
        """Go back to a checkpoint of the state."""
        self.state.restore(checkpoint)
        self._coefficients = None

    def columns_changed_by(self, rows, weights):
        """The columns that visiting these rows changes; None for any.

        Not worth the search unless the rows are short.
        """
        if not (rows.sparse and self.goes_by_rows(rows)) or 4 * rows.size > rows.p:
            return None
        largest = 1.0 if weights is None else weights.max()
        rates = self._next_rates(rows.n)
        kept = keeps_to_its_columns(self.method.numbers, self.state.clock, rates, largest)
        return rows.indices if kept else None


def value_of_intercepts(objective, b):
    """F(0, b), which takes no pass over X."""
    total = 0.0
    for start, stop in objective.blocks(width=objective.n_outputs):
        Z = np.tile(b, (stop - start, 1))
        total += objective.losses_to_slopes(start, stop, Z)[0]
    if not isinstance(objective.penalty, ElasticPenalty):  # which may cost something at 0
        nothing = np.zeros((objective.n_outputs, objective.rows.p))
        total += objective.total_weight * objective.penalty.value(nothing)
    return total / objective.total_weight


def value_of_zero_model(objective):
    """F of the zero model with the best intercepts."""
    elastic = isinstance(objective.penalty, ElasticPenalty)  # which costs nothing at 0
    return objective.kept.of(
        "value of the zero model" if elastic else None,
        lambda: value_of_intercepts(objective, objective.baseline()),
    )


def solve_stochastic(run, objective, *, tol, max_iter, n_iter_no_change, rng, shuffle, monitor):
    """Send a run over the rows, epoch after epoch.

    Returns
    -------
    Result
        `converged` if the objective stopped falling (or a validation curve did), `diverged` if the
        run was stopped at its last good iterate.
    """
    order = np.arange(objective.rows.n)
    judged = _judged(run, objective)
    at_zero, at_start = _values_before(run, judged, monitor.verbose or run.follows)
    monitor.start_value(at_start)
    limit = DIVERGED * max(at_zero, np.finfo(np.float64).tiny)
    end = (Settled if run.follows else Plateau)(tol, n_iter_no_change)
    monitor.last, monitor.updates = run.coefficients, lambda: run.state.t
    good, best = run.state.checkpoint(), at_start
    roof = RUNAWAY * max(at_zero, at_start or 0.0)
    scale = None if at_start is None else min(at_start, at_zero)  # a start far off is no measure
    monitor.pace = run.pace
    converged, diverged, epoch = False, False, 0
    with visitor(run, objective) as visit:
        while epoch < max_iter and not converged:
            monitor.begin_epoch()
            if shuffle:
                draw_order(rng, order)
            t, memory = run.state.t, deepcopy(run.schedule_state)
            value = _epoch(run, judged, order, visit)
            made = run.state.t - t
            diverged = not value <= limit
            taken_back = run.follows and (diverged or value > roof)
            seen = np.inf if taken_back else value
            run.schedule_state = run.rates.observe(run.schedule_state, seen)
            if taken_back:  # and on with smaller steps
                run.restore(good)
                # the mean over an epoch may have been below what its end came to
                best = max(best, judged.value(*run.coefficients()))
                value, roof, diverged = best, RUNAWAY * best, False
            if diverged:
                run.restore(good)
                break
            epoch += 1
            if not run.follows:
                good = run.state.checkpoint()
            elif value <= best:
                good, best, roof = run.state.checkpoint(), value, RUNAWAY * value
            scale = value if scale is None else scale
            monitor.pace.epochs.append((t, made, memory))
            if judged is not objective:
                W, _ = run.coefficients()
                monitor.beside = objective.penalty.value(W) - judged.penalty.value(W)
            stopped = monitor.record(value + monitor.beside, None, run.coefficients)
            converged = stopped or (not taken_back and end.reached(value, scale))
    W, b = run.coefficients()
    return Result(W, b, epoch, converged, run.state.t, diverged=diverged)


def _judged(run, objective):
    """The objective that the rule brings down: for AdamW without L2, which is decay beside it."""
    if run.method.rule.name != "adamw" or not isinstance(objective.penalty, ElasticPenalty):
        return objective
    penalty = ElasticPenalty(**objective.penalty.get_params()).set_params(l2=0.0)
    return replace(objective, penalty=penalty)


def _epoch(run, objective, order, visit):
    """Visit all rows; the mean loss as they were met plus the penalty, inf where that is nan."""
    loss = 0.0
    for piece in run.calls(objective.rows, order):
        loss += visit(piece)
        if not (np.isfinite(loss) and run.state.is_finite()):
            return np.inf
    W, _ = run.coefficients()
    return loss / objective.total_weight + objective.penalty.value(W)


def _values_before(run, objective, watched):
    """(F of the zero model, F at the start), the second None where nobody asks for it.

    From the zero model, the usual start, the two are one, and take no pass over X.
    """
    W, b = run.coefficients()
    if not W.any():
        value = value_of_intercepts(objective, b)
        return value, value
    at_zero = value_of_intercepts(objective, np.zeros_like(b))
    at_start = objective.value(W, b) if watched or at_zero == 0.0 else None
    return at_zero or at_start, at_start
