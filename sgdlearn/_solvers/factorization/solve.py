"""Ratings visited epoch by epoch (`fit`) or chunk by chunk (`partial_fit`)."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite

import numpy as np

from ..._kernels.factor_blocks import count_rows
from ..._kernels.factor_rows import drawn_items, rows_are_finite, running_constant, weighted_squares
from ...schedules import Constant, ReduceOnPlateau
from ..monitor import Plateau
from ..stochastic import DIVERGED
from .grid import Grid
from .method import AutomaticRate, Method
from .model import Model
from .rows import FLOATING

# Numbers that one call of a kernel goes over: a small part of a second.
NUMBERS_A_CALL = 50_000_000
# Ratings from which threads are worth their start.
SHARED_RATINGS = 100_000


@dataclass
class Run:
    """A model on its way over the ratings of a fit.

    Attributes
    ----------
    method : Method
    model : Model
    grid : Grid
    rates : callable
        ``rates(t, schedule_state)`` on arrays of step numbers.
    seen : tuple
        The arrays of `Seen`.
    n_jobs : int
    """

    method: Method
    model: Model
    grid: Grid
    rates: object
    seen: tuple
    n_jobs: int

    def __post_init__(self):
        grid, weights = self.grid, self.grid.weights
        of_users = of_items = weights
        drawn = 0.0
        if self.method.loss.samples:  # of ratings above 0; the items drawn count in the mean
            one = 1.0 if weights is None else weights
            chosen = one * (grid.targets > 0)
            n_losses, own, drawn = self.method.loss.counts
            of_users, of_items = one + (n_losses - 1) * chosen, one + (own - 1) * chosen
            drawn *= chosen.sum(dtype=float)
        self.weight = float(grid.n if of_users is None else of_users.sum(dtype=float))
        self.user_weights = weights_of(grid.users, of_users, self.model.users.n)
        self.item_weights = weights_of(grid.items, of_items, self.model.items.n)
        self.item_weights += drawn / self.model.items.n

    def penalty(self):
        """That part of the objective, as the model stands."""
        total = 0.0
        for rows, weights in (
            (self.model.users, self.user_weights),
            (self.model.items, self.item_weights),
        ):
            kernel = weighted_squares[FLOATING[rows.dtype]]
            factors, biases = kernel(rows.values, weights, rows.width)
            total += self.method.alpha * factors + self.method.alpha_bias * biases
        return 0.5 * total / self.weight

    def epoch(self, rng, apply):
        """Visit all ratings once; the mean loss as they were met, inf where it overflowed."""
        if self.method.loss.samples:
            self.grid = self.grid.redrawn(rng)
        model, grid = self.model, self.grid
        rounds = grid.draw_rounds(rng)
        sizes = np.diff(grid.starts)
        blocks = rounds.ravel()
        firsts = model.t + 1 + np.concatenate([[0], np.cumsum(sizes[blocks])[:-1]])
        losses = np.zeros(len(sizes))  # by block, so that their sum is the same for any threads
        for call in self._calls(rounds, firsts.reshape(rounds.shape), sizes):
            for visited, sums in apply(self._visit, call):
                losses[visited] = sums
                if not isfinite(sums.sum()):
                    return np.inf
        model.t += grid.n
        return losses.sum() / self.weight

    def _calls(self, rounds, firsts, sizes):
        """What is done at a time: lists of (blocks, first updates), side by side."""
        n_jobs = self.n_jobs if self.grid.n >= SHARED_RATINGS else 1
        if n_jobs > 1:
            for blocks, first in zip(rounds, firsts):
                yield [(blocks[part], first[part]) for part in shares(sizes[blocks], n_jobs)]
            return
        per_block = self.model.users.stride * self.grid.n // rounds.size + 1
        most = max(1, NUMBERS_A_CALL // per_block)
        blocks, firsts = rounds.ravel(), firsts.ravel()
        for start in range(0, len(blocks), most):
            yield [(blocks[start : start + most], firsts[start : start + most])]

    def _visit(self, part):
        """Visit some blocks in order; (those with ratings, the sum of s_i loss_i in each)."""
        blocks, firsts = part
        grid, method, model = self.grid, self.method, self.model
        filled = grid.starts[blocks + 1] > grid.starts[blocks]
        blocks, firsts = blocks[filled], firsts[filled]
        starts, stops = grid.starts[blocks], grid.starts[blocks + 1]
        pieces = np.column_stack([starts, stops, firsts]).astype(np.intp)
        samplers = None
        if method.loss.samples:
            samplers = [
                (model.seed, method.n_negatives, grid.items_of(block), self.seen)
                for block in blocks
            ]
        sums = np.zeros(len(blocks))
        ratings = grid.users, grid.items, grid.targets, grid.weights
        rates = [self._rates(first, stop - start) for start, stop, first in pieces]
        method.loss.visit(method, ratings, pieces, rates, samplers, model, None, sums)
        return blocks, sums

    def _rates(self, first, n):
        return rates_of(self.rates, self.model.schedule_state, first, n)


def weights_of(rows, weights, n):
    """The weight of the ratings of each of n rows."""
    if weights is not None:
        return np.bincount(rows, weights, n)
    counts = np.empty(n, dtype=np.int64)
    count_rows(rows, counts)
    return counts.astype(np.float64)


def rates_of(rates, state, first, n):
    """The rates of n updates from number `first` on; one for all of them where it is steady."""
    if isinstance(rates, AutomaticRate):
        if rates.steady is not None:
            return rates.steady
    elif isinstance(rates.schedule, (Constant, ReduceOnPlateau)):
        n = 1
    return rates(np.arange(first, first + n), state)


def shares(sizes, n):
    """The blocks shared out to n threads: the largest first, each to who has the least."""
    parts, loads = [[] for _ in range(n)], [0] * n
    for block in np.argsort(-sizes, kind="stable"):
        least = loads.index(min(loads))
        parts[least].append(block)
        loads[least] += sizes[block]
    return [part for part in parts if part]


@contextmanager
def applier(n_jobs):
    """map(function, parts), on n_jobs threads."""
    if n_jobs == 1:
        yield map
        return
    with ThreadPoolExecutor(n_jobs) as pool:
        yield pool.map


@dataclass
class Outcome:
    n_iter: int
    converged: bool
    diverged: bool


def solve(run, *, tol, max_iter, n_iter_no_change, rng, monitor):
    """Send a run over the ratings, epoch after epoch.

    The objective of an epoch is the mean loss of the ratings as they were met, plus the penalty at
    its end.

    Returns
    -------
    Outcome
        `diverged` if the run was stopped and put back to its last good iterate.
    """
    end = Plateau(tol, n_iter_no_change)
    users, items = run.model.users, run.model.items
    monitor.last = lambda: (users.values, items.values)
    monitor.updates = lambda: run.model.t
    limit = scale = None
    good = [users.checkpoint(), items.checkpoint()]
    t = run.model.t
    converged, epoch = False, 0
    with applier(run.n_jobs) as apply:
        while epoch < max_iter and not converged:
            monitor.begin_epoch()
            value = run.epoch(rng, apply)
            value += run.penalty() if isfinite(value) else 0.0
            if limit is None:
                limit = DIVERGED * max(1.0, run.method.sigma**2)
            if not value <= limit:
                users.restore(good[0])
                items.restore(good[1])
                run.model.t = t
                return Outcome(epoch, False, True)
            epoch += 1
            run.model.schedule_state = run.rates.observe(run.model.schedule_state, value)
            good, t = [users.checkpoint(into=good[0]), items.checkpoint(into=good[1])], run.model.t
            scale = value if scale is None else scale
            stopped = monitor.record(value, None, lambda: (users.copy(), items.copy()))
            converged = stopped or end.reached(value, scale)
    return Outcome(epoch, converged, False)


def visit_chunk(model, method, rates, users, items, targets, weights, seen):
    """Visit the ratings of a chunk in their order; the sum of s_i loss_i.

    Raises FloatingPointError, with the rows as they were before, if they would no longer be finite.
    """
    n = len(users)
    pieces = np.empty((1, 3), dtype=np.intp)
    pieces[0] = 0, n, model.t + 1
    samplers = None
    if method.loss.samples:
        samplers = [(model.seed, method.n_negatives, model.items.n, seen)]
    every = rates_of(rates, model.schedule_state, model.t + 1, n)
    touched = users, items
    if samplers is not None:
        drawn = np.empty(n * method.n_negatives, dtype=np.int32)
        drawn_items[FLOATING[targets.dtype]](users, targets, model.t + 1, samplers[0], drawn)
        touched = users, np.concatenate([items, drawn[drawn >= 0]])
    before = model.users.checkpoint(touched[0]), model.items.checkpoint(touched[1]), model.running
    if model.running is not None:
        model.running = model.running.copy()
    sums = np.zeros(1)
    ratings = users, items, targets, weights
    method.loss.visit(method, ratings, pieces, [every], samplers, model, model.running, sums)
    finite = rows_are_finite[FLOATING[targets.dtype]]
    fine = (
        isfinite(sums[0])
        and finite(touched[0], model.users.values)
        and finite(touched[1], model.items.values)
    )
    if not fine:
        model.users.restore(before[0])
        model.items.restore(before[1])
        model.running = before[2]
        raise FloatingPointError("the rows are no longer finite")
    if model.running is not None:
        model.mean = running_constant(model.running)
    model.t += n
    return sums[0]
