"""Any differentiable function of arrays, by the update rules: what `sgdlearn.minimize` runs.

A run with `learning_rate="auto"` follows the objective. r_1, the rate at first, is the share below
of the rate with which the rule's own first update goes lowest, found by multiplying by 4; after
that, over windows of `WINDOW` updates,

    r <- r `RISE`    if the window's lowest value lies below those of the two windows before
    r <- r `FALL`    otherwise: the swinging about a minimum has the upper hand
    r <- r / 2       where a value lies above all of the last `MEMORY`, or is no number: the run
                     goes back to where the window began (Grippo, Lampariello & Lucidi 1986)

Schedule-free does not take the second line, its average being its fall; and it begins a new average
where the run goes back, since at a smaller rate the old one would not move.

========================================== =====================================
rule                                       share
========================================== =====================================
sgd; adagrad, ftrl, schedule_free          1 - momentum; 1
rmsprop, adam family, adadelta, in Python  0.1
dog                                        no search: its multiplier is 1
========================================== =====================================

With a stochastic gradient the first update is that along the mean of `DRAWS` draws, and r falls
from its share to zero in a straight line over `max_iter` updates (Defazio et al. 2023, "When, why
and how much? Adaptive learning rate scheduling by refinement").
"""

from collections import deque
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import optimize

from .automatic_rate import FALL, RISE
from .confinement import averaged_anew, confined

WINDOW, MEMORY = 10, 30
# The first trial step, over 1 + max |x|; how many times as long the next one is; the most of them.
TRIAL, LONGER, TRIALS = 1e-3, 4.0, 30
# How many draws of a stochastic function this takes the mean of.
DRAWS = 16
# A rate this small a part of the first moves nothing any more.
STANDSTILL = 1e-16


class Objective:
    """The user's function: counted, checked, in the shape of x0, and with finite differences.

    Parameters
    ----------
    fun, jac : callable, or jac None or True
    box : Box
    draws_value, draws_gradient : bool
        Whether `fun`, or `jac`, takes a random generator as its second argument.
    rng : numpy.random.Generator
    """

    def __init__(self, fun, jac, box, *, draws_value, draws_gradient, rng):
        self.fun, self.jac, self.box, self.rng = fun, jac, box, rng
        self.draws_value, self.draws_gradient = draws_value, draws_gradient
        self.nfev = self.njev = 0

    @property
    def stochastic(self):
        return self.draws_value or self.draws_gradient

    def value(self, x, rng=None):
        """fun(x), drawn from `rng`, or from the objective's own."""
        self.nfev += 1
        answer = self._call(self.fun, x, self.draws_value, rng)
        return number(answer[0] if self.jac is True else answer)

    def value_and_gradient(self, x, rng=None):
        """(fun(x), the gradient there); the value is None where a gradient alone is drawn."""
        self.njev += 1
        if self.jac is True:
            self.nfev += 1
            value, gradient = self._call(self.fun, x, self.draws_value, rng)
            return number(value), self.like(x, gradient)
        if self.jac is None:
            value = self.value(x)
            return value, self.differences(x)
        gradient = self.like(x, self._call(self.jac, x, self.draws_gradient, rng))
        return None if self.draws_gradient else self.value(x), gradient

    def differences(self, x):
        """Central differences; one-sided at a bound."""
        gradient = np.empty_like(x)
        steps = np.finfo(x.dtype).eps ** (1 / 3) * np.maximum(1.0, np.abs(x))
        for i in np.ndindex(x.shape):
            ahead, behind = x.copy(), x.copy()
            ahead[i], behind[i] = x[i] + steps[i], x[i] - steps[i]
            ahead, behind = self.box.project(ahead), self.box.project(behind)
            width = ahead[i] - behind[i]
            gradient[i] = (self.value(ahead) - self.value(behind)) / width if width > 0.0 else 0.0
        return gradient

    def mean_value(self, x, seed):
        """fun(x), the mean of the same draws for every x where it is stochastic."""
        if not self.draws_value:
            return self.value(x)
        rng = np.random.default_rng(seed)
        return np.mean([self.value(x, rng) for _ in range(DRAWS)])

    def mean_gradient(self, x, seed):
        """The mean of those draws of the gradient."""
        rng = np.random.default_rng(seed)
        return np.mean([self.value_and_gradient(x, rng)[1] for _ in range(DRAWS)], axis=0)

    def _call(self, function, x, draws, rng):
        """Called on a copy: what a user's function does to its x is its own affair."""
        if not draws:
            return function(x.copy())
        return function(x.copy(), rng=self.rng if rng is None else rng)

    @staticmethod
    def like(x, gradient):
        """A copy of the gradient, if it is one."""
        gradient = np.array(gradient, dtype=x.dtype)
        if gradient.shape != x.shape:
            raise ValueError(
                f"The gradient must have the shape of x, {x.shape}. Got shape {gradient.shape}."
            )
        return gradient


def number(value):
    """A value of the objective, which users may return as an array of one number."""
    if np.size(value) != 1:
        raise ValueError(f"fun must return one number. Got an array of shape {np.shape(value)}.")
    return float(np.squeeze(value))


@dataclass
class Box:
    """lower <= x <= upper, arrays like x; None for no bounds at all."""

    lower: Any = None
    upper: Any = None

    def project(self, x):
        return x if self.lower is None else np.clip(x, self.lower, self.upper)

    def optimality(self, x, gradient):
        """max |x - P(x - gradient)|, P the projection: the largest |gradient| without bounds."""
        moves = np.abs(gradient)
        if self.lower is not None:
            # not the difference of x and its projection, where a large x swallows a small gradient
            moves = np.minimum(moves, np.where(gradient > 0.0, x - self.lower, self.upper - x))
        return float(np.max(moves, initial=0.0))

    def updated(self, rule, x, gradient, state, rate):
        """(x, state) after one update and the projection."""
        before = state
        with np.errstate(over="ignore", invalid="ignore"):
            x, state = rule.update(x, gradient, state, rate)
        if self.lower is None:
            return x, state
        return confined(rule, x, state, before, self.project)


@dataclass
class Point:
    """Where a run stands: all that the next update needs."""

    x: np.ndarray
    state: Any
    value: float | None
    gradient: np.ndarray

    def is_finite(self):
        value = 0.0 if self.value is None else self.value
        return bool(np.isfinite(value) and np.isfinite(self.gradient).all())


@dataclass
class Outcome:
    """How a run ended."""

    x: np.ndarray
    value: float
    gradient: np.ndarray
    optimality: float
    status: int
    nit: int
    rate: float | None


# What `status` means.
CONVERGED, OUT_OF_ITERATIONS, DIVERGED, STOPPED, STANDING, DONE = range(6)


class Given:
    """A number or schedule; a schedule that watches the objective sees it after every update."""

    def __init__(self, rates):
        self.rates, self.memory = rates, rates.start()

    def rate(self, t):
        return float(self.rates(np.array([t]), self.memory)[0])

    def observe(self, point):
        """What to go on from."""
        if point.value is not None:
            self.memory = self.rates.observe(self.memory, point.value)
        return point if point.is_finite() else None


class Followed:
    """learning_rate="auto" where every value is known."""

    def __init__(self, rule, first, point):
        self.first, self.factor = first, 1.0
        self.fall = 1.0 if rule.name == "schedule_free" else FALL
        self.checkpoint = point
        self.values = deque([point.value], maxlen=MEMORY)
        self.lowest = [np.inf, point.value, np.inf]  # of two windows, and of this one
        self.count = 0

    def rate(self, t):
        return self.first * self.factor

    def observe(self, point):
        """What to go on from; None if there is no way on."""
        if self.factor < STANDSTILL:
            return None
        if not (point.is_finite() and point.value <= max(self.values)):
            self.factor *= 0.5
            self.lowest[-1], self.count = np.inf, 0
            return self.checkpoint
        self.values.append(point.value)
        self.lowest[-1] = min(self.lowest[-1], point.value)
        self.count += 1
        if self.count == WINDOW:
            self.factor *= RISE if self.lowest[-1] < min(self.lowest[:2]) else self.fall
            self.lowest, self.count = [*self.lowest[1:], np.inf], 0
            self.checkpoint = point
        return point


class Falling:
    """learning_rate="auto" for gradients that are drawn."""

    def __init__(self, first, n_updates):
        self.first, self.n_updates = first, n_updates

    def rate(self, t):
        return self.first * (1.0 - (t - 1) / self.n_updates)

    def observe(self, point):
        return point if point.is_finite() else None


def share(rule):
    """Which part of the rate that goes lowest at once is the first rate."""
    if rule.name == "sgd":
        return 1.0 - rule.momentum
    return 1.0 if rule.name in ("adagrad", "ftrl", "schedule_free") else 0.1


def first_rate(objective, rule, point, seed):
    """Its share of the rate at which the rule's first update, from `point`, goes lowest."""
    if rule.name == "dog":
        return 1.0
    return share(rule) * lowest_rate(objective, rule, point, seed)


def lowest_rate(objective, rule, point, seed):
    """The rate at which the rule's first update, from `point`, goes lowest."""
    x, gradient, box = point.x, point.gradient, objective.box
    if objective.stochastic:
        gradient = objective.mean_gradient(x, seed)

    def value(rate):
        trial, state = box.updated(rule, x, gradient, point.state, rate)
        lower = objective.mean_value(rule.solution(trial, state), seed)
        return lower if np.isfinite(lower) else np.inf

    start = objective.mean_value(x, seed) if objective.stochastic else point.value
    with np.errstate(over="ignore", invalid="ignore"):
        moved, _ = rule.update(x, gradient, point.state, 1.0)
    length = np.max(np.abs(moved - x), initial=0.0)
    if not 0.0 < length < np.inf:
        return 1.0
    rate = TRIAL * (1.0 + np.max(np.abs(x), initial=0.0)) / length
    lowest = value(rate)
    if lowest < start:
        for _ in range(TRIALS):
            further = value(LONGER * rate)
            if not further < lowest:
                break
            rate, lowest = LONGER * rate, further
        return rate
    for _ in range(TRIALS):
        rate /= LONGER
        if value(rate) < start:
            break
    return rate


def descend(objective, rule, x, pace, *, max_iter, tol, watch):
    """From x by an update rule.

    Parameters
    ----------
    pace : callable
        ``pace(point)``, a `Given`, `Followed` or `Falling` for a run from there.
    tol : float or None
    watch : callable
        ``watch(x, value, gradient, nit, rate)`` after every update; True ends the run.

    Returns
    -------
    Outcome
        Where the last update led; where that is not known to be an optimum, the lowest point that
        was seen, if the values are known.
    """
    box = objective.box
    value, gradient = objective.value_and_gradient(x)
    point = lowest = Point(x, rule.init(x), value, gradient)
    if not point.is_finite():
        raise ValueError(f"fun and its gradient must be finite at x0. Got {value}, {gradient}.")
    exact = not objective.stochastic
    watch(x, value, gradient, 0, None)
    pace, rate, nit, status = pace(point), None, 0, None
    while status is None:
        if exact and tol is not None and box.optimality(point.x, point.gradient) <= tol:
            end = solved(objective, rule, point)
            if box.optimality(end.x, end.gradient) <= tol:
                return outcome(box, end, CONVERGED, nit, rate)
        if nit == max_iter:
            status = DONE if tol is None or not exact else OUT_OF_ITERATIONS
            break
        nit += 1
        rate = pace.rate(nit)
        x, state = box.updated(rule, point.x, point.gradient, point.state, rate)
        if np.isfinite(x).all():
            moved = Point(x, state, *objective.value_and_gradient(x))
        else:
            moved = Point(x, state, np.inf, point.gradient)
        reached = pace.observe(moved)
        if reached is None:
            status = STANDING if moved.is_finite() else DIVERGED
            break
        point = reached
        if point is not moved and rule.name == "schedule_free":
            x, state = averaged_anew(rule, point.x, point.state)
            point = Point(x, state, *objective.value_and_gradient(x))
        if not exact or point.value < lowest.value:
            lowest = point
        if watch(solution(rule, point, box), point.value, point.gradient, nit, rate):
            status = STOPPED
    end = lowest if status == DIVERGED else solved(objective, rule, point)
    if exact and not (end.is_finite() and end.value <= lowest.value):
        end = lowest
    if end.value is None:
        end = replace(end, value=objective.value(end.x))
    return outcome(box, end, status, nit, rate)


def solution(rule, point, box):
    """The rule's solution, in the box to the last bit."""
    return box.project(rule.solution(point.x, point.state))


def solved(objective, rule, point):
    """The point that the solution is."""
    x = solution(rule, point, objective.box)
    if np.array_equal(x, point.x):
        return point
    return Point(x, point.state, *objective.value_and_gradient(x))


def outcome(box, point, status, nit, rate):
    optimality = box.optimality(point.x, point.gradient)
    return Outcome(point.x, point.value, point.gradient, optimality, status, nit, rate)


class _Stopped(Exception):
    """Leaves scipy's driver."""


def descend_lbfgs(objective, rule, x, *, max_iter, tol, watch):
    """From x by L-BFGS-B (scipy's driver); arguments as for `descend`."""
    box, shape = objective.box, x.shape
    points, nit = {}, 0  # the last point that was asked for, and where the run stands

    def value_and_gradient(flat):
        x = flat.reshape(shape)
        points["asked"] = Point(x.copy(), None, *objective.value_and_gradient(x))
        points.setdefault("at", points["asked"])
        return points["asked"].value, points["asked"].gradient.ravel()

    def iterated(flat):
        nonlocal nit
        nit += 1
        if not np.array_equal(points["asked"].x.ravel(), flat):
            value_and_gradient(flat)
        at = points["at"] = points["asked"]
        if watch(at.x, at.value, at.gradient, nit, None):
            raise _Stopped

    value, gradient = objective.value_and_gradient(x)
    start = Point(x, None, value, gradient)
    if not start.is_finite():
        raise ValueError(f"fun and its gradient must be finite at x0. Got {value}, {gradient}.")
    watch(x, value, gradient, 0, None)
    bounds = None
    if box.lower is not None:
        bounds = optimize.Bounds(box.lower.ravel(), box.upper.ravel())
    options = {"maxcor": rule.memory, "maxiter": max_iter, "maxfun": 20 * max_iter}
    options |= {"gtol": tol or 0.0, "ftol": 0.0}
    try:
        optimize.minimize(
            value_and_gradient,
            x.ravel(),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            callback=iterated,
            options=options,
        )
    except _Stopped:
        return outcome(box, points["at"], STOPPED, nit, None)
    end = points["at"] if nit else start
    if tol is not None and box.optimality(end.x, end.gradient) <= tol:
        status = CONVERGED
    elif nit == max_iter:
        status = DONE if tol is None else OUT_OF_ITERATIONS
    else:
        status = STANDING
    return outcome(box, end, status, nit, None)
