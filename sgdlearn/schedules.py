"""Learning-rate schedules: how far each update goes.

A schedule is a function of step numbers: called on an integer array of t = 1, 2, ... (one for each
update) it returns the array of rates. Any callable of that kind will do as `learning_rate`; the
classes here can besides be tuned by a grid (``learning_rate__initial_rate``).

=================== ============================================================
`Constant`          rate
`InverseScaling`    initial_rate / t^power
`Optimal`           1 / (alpha (t0 + t - 1))
`Exponential`       initial_rate decay^(t - 1)
`Step`              initial_rate drop^floor((t - 1) / every)
`Cosine`            half a cosine from initial_rate to final_rate
`Warmup`            min(1, t / steps) times another schedule
`OneCycle`          a cosine up to max_rate, and one down
`ReduceOnPlateau`   lowered when the objective stops improving
=================== ============================================================
"""

from copy import copy
from inspect import isclass

import numpy as np

from sgdlearn import losses
from sgdlearn._parameters import Parameters, belongs

__all__ = [
    "Constant",
    "Cosine",
    "Exponential",
    "InverseScaling",
    "OneCycle",
    "Optimal",
    "ReduceOnPlateau",
    "Schedule",
    "Step",
    "Warmup",
]

POSITIVE = "a number in (0, inf)"
LENGTH = "None or an integer in [1, inf)"

# The rates of a schedule that decays for ever end here, not in an underflow to zero.
LEAST_RATE = float(np.finfo(np.float32).tiny)


class Schedule(Parameters):
    """Base class of schedules.

    A schedule that depends on nothing but the step number is a callable, of this class or not. One
    that watches the objective also defines `start` and `observe`; it keeps nothing in the object,
    what it remembers is a state, which is passed to it and which it returns.

    Parameters that are None are filled in by `bind` from the fit they serve, by their names:
    ``alpha``, ``loss`` (a `Loss`) and ``total_steps``.

    Examples
    --------
    A rate that restarts:

    >>> import numpy as np
    >>> from sgdlearn.schedules import Schedule
    >>> class Sawtooth(Schedule):
    ...     domains = {"period": "an integer in [1, inf)"}
    ...
    ...     def __init__(self, rate=0.1, period=100):
    ...         self.rate = rate
    ...         self.period = period
    ...
    ...     def __call__(self, t):
    ...         return self.rate / (1 + (t - 1) % self.period)
    >>> Sawtooth(rate=0.6, period=3)(np.arange(1, 6))
    array([0.6, 0.3, 0.2, 0.6, 0.3])

    With no parameters to tune, a function will do:

    >>> def slowly(t):
    ...     return 0.1 / np.log(1 + t)
    """

    def __call__(self, t, state=None):
        """The rates of the updates number t.

        Parameters
        ----------
        t : ndarray of int, shape (n,)
            1 is the first update.
        state : object, default=None
            Passed only if `start` returned something else than None.

        Returns
        -------
        ndarray of float64, shape (n,)
            Finite positive numbers.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define __call__(t).")

    def start(self):
        """The state before the first update; None for schedules that have no memory."""
        return None

    def observe(self, state, objective):
        """The state after an epoch that ended at this value of the objective.

        Parameters
        ----------
        state : object
            What `start` or the last call returned.
        objective : float
            The mean loss plus the penalty.

        Returns
        -------
        object
            The state that the rates of the next epoch are asked with.
        """
        return state

    @property
    def needs_horizon(self):
        """Whether the schedule must still be told the total number of updates."""
        return getattr(self, "total_steps", 0) is None

    def bind(self, **context):
        """A copy of this schedule in which what is left open (None) has been filled in.

        Parameters
        ----------
        **context
            Values by the names of parameters: ``alpha``, ``loss``, ``total_steps``.

        Returns
        -------
        Schedule
            A new object; schedules inside it are bound too.
        """
        bound = copy(self)
        for name, value in vars(self).items():
            if value is None:
                setattr(bound, name, context.get(name))
            elif isinstance(value, Schedule):
                setattr(bound, name, value.bind(**context))
        return bound


class Constant(Schedule):
    """The same rate for every update.

    Parameters
    ----------
    rate : float, default=0.01
        The rate.
    """

    domains = {"rate": POSITIVE}

    def __init__(self, rate=0.01):
        self.rate = rate

    def __call__(self, t, state=None):
        return np.full(np.shape(t), self.rate, dtype=np.float64)


class InverseScaling(Schedule):
    """initial_rate / t^power (Robbins & Monro 1951); scikit-learn's "invscaling".

    Parameters
    ----------
    initial_rate : float, default=0.01
        The rate of the first update.
    power : float, default=0.25
        How fast the rate falls; 0 keeps it.
    """

    domains = {"initial_rate": POSITIVE, "power": "a number in [0, inf)"}

    def __init__(self, initial_rate=0.01, power=0.25):
        self.initial_rate = initial_rate
        self.power = power

    def __call__(self, t, state=None):
        return np.maximum(self.initial_rate * np.asarray(t, np.float64) ** -self.power, LEAST_RATE)


class Optimal(Schedule):
    """1 / (alpha (t0 + t - 1)), after Bottou (2012); scikit-learn's "optimal".

    The rate that is asymptotically best for an objective of curvature alpha. It starts at

    | rate_1 = 1 / (alpha t0) = typical / max(1, abs(slope)),    typical = alpha^(-1/4)

    where slope is that of the loss at a prediction of -typical for a target of 1, so that the first
    updates move a prediction by no more than a typical coefficient. (scikit-learn takes the
    slope with its sign, which is negative: there the maximum is always 1. The two agree for losses
    whose slope is at most 1, such as hinge and log loss.)

    Parameters
    ----------
    alpha : float, default=None
        The strength of the penalty; None takes the estimator's.
    loss : str or Loss, default=None
        None takes the estimator's.
    """

    domains = {"alpha": POSITIVE}

    def __init__(self, alpha=None, loss=None):
        self.alpha = alpha
        self.loss = loss

    def validate(self):
        if not belongs(self.alpha, POSITIVE):
            raise ValueError(
                f"The 'alpha' parameter must be {POSITIVE} for the schedule Optimal, which divides "
                f"by it: set it on the estimator, or as Optimal(alpha=...). "
                f"Got {self.alpha!r} instead."
            )
        if self.loss is None:
            raise ValueError("The 'loss' parameter of Optimal must be a loss. Got None instead.")
        losses.resolve(self.loss)
        return self

    @property
    def t0(self):
        """The rate behaves as if t0 updates had been made before the first."""
        typical = self.alpha**-0.25
        loss = losses.resolve(self.loss)
        if isinstance(loss, losses.Multinomial):
            slope = 1.0  # the most a slope of the softmax can be
        else:
            slope = abs(float(loss.gradient(np.array([1.0]), np.array([-typical]))[0]))
        return max(1.0, slope) / (typical * self.alpha)

    def __call__(self, t, state=None):
        return 1.0 / (self.alpha * (self.t0 + np.asarray(t, np.float64) - 1.0))


class Exponential(Schedule):
    """initial_rate decay^(t - 1).

    Parameters
    ----------
    initial_rate : float, default=0.01
        The rate of the first update.
    decay : float, default=0.9999
        The factor from one update to the next.
    """

    domains = {"initial_rate": POSITIVE, "decay": "a number in (0, 1]"}

    def __init__(self, initial_rate=0.01, decay=0.9999):
        self.initial_rate = initial_rate
        self.decay = decay

    def __call__(self, t, state=None):
        power = np.asarray(t, np.float64) - 1.0
        return np.maximum(self.initial_rate * self.decay**power, LEAST_RATE)


class Step(Schedule):
    """initial_rate drop^floor((t - 1) / every): a staircase.

    Parameters
    ----------
    initial_rate : float, default=0.01
        The rate of the first stair.
    drop : float, default=0.5
        The factor from one stair to the next.
    every : int, default=1000
        How many updates a stair is long.
    """

    domains = {
        "initial_rate": POSITIVE,
        "drop": "a number in (0, 1]",
        "every": "an integer in [1, inf)",
    }

    def __init__(self, initial_rate=0.01, drop=0.5, every=1000):
        self.initial_rate = initial_rate
        self.drop = drop
        self.every = every

    def __call__(self, t, state=None):
        stair = np.floor_divide(np.asarray(t) - 1, self.every).astype(np.float64)
        return np.maximum(self.initial_rate * self.drop**stair, LEAST_RATE)


class Cosine(Schedule):
    """Half a cosine from initial_rate to final_rate (Loshchilov & Hutter 2017).

    | final_rate + (initial_rate - final_rate) (1 + cos(pi (t - 1) / total_steps)) / 2

    and final_rate for t > total_steps: with a final rate of 0 there is no learning beyond, which
    is an error.

    Parameters
    ----------
    initial_rate : float, default=0.01
        The rate of the first update.
    final_rate : float, default=0.0
        The rate at the end.
    total_steps : int, default=None
        The number of updates; None in `fit` takes it from max_iter, `partial_fit` needs a number.
    """

    domains = {
        "initial_rate": POSITIVE,
        "final_rate": "a number in [0, inf)",
        "total_steps": LENGTH,
    }

    def __init__(self, initial_rate=0.01, final_rate=0.0, total_steps=None):
        self.initial_rate = initial_rate
        self.final_rate = final_rate
        self.total_steps = total_steps

    def __call__(self, t, state=None):
        place = (np.asarray(t, np.float64) - 1.0) / self.total_steps
        return _cosine(self.initial_rate, self.final_rate, place)


class Warmup(Schedule):
    """min(1, t / steps) times another schedule: a gentle start (Goyal et al. 2017).

    Parameters
    ----------
    schedule : float, Schedule or callable, default=0.01
        The other schedule, or its one rate. The steps before the full rate is reached count for it
        too.
    steps : int, default=100
        The number of updates until the full rate.
    """

    domains = {"steps": "an integer in [1, inf)"}

    def __init__(self, schedule=0.01, steps=100):
        self.schedule = schedule
        self.steps = steps

    def __call__(self, t, state=None):
        rates = _rates(as_schedule(self.schedule), t, state)
        return np.minimum(1.0, np.asarray(t, np.float64) / self.steps) * rates

    def start(self):
        return as_schedule(self.schedule).start()

    def observe(self, state, objective):
        return as_schedule(self.schedule).observe(state, objective)

    @property
    def needs_horizon(self):
        return as_schedule(self.schedule).needs_horizon

    def validate(self):
        as_schedule(self.schedule, "schedule", "Warmup").validate()
        return super().validate()


class OneCycle(Schedule):
    """The 1cycle policy (Smith & Topin 2019): a cosine up to max_rate, and one down to almost 0.

    With x = (t - 1) / (total_steps - 1), the share of the way:

    | x from 0 to warmup_fraction: from max_rate / start_divisor up to max_rate
    | from there to 1: down to max_rate / end_divisor, which it keeps

    Parameters
    ----------
    max_rate : float, default=0.1
        The rate at the top.
    total_steps : int, default=None
        The number of updates; None in `fit` takes it from max_iter, `partial_fit` needs a number.
    warmup_fraction : float, default=0.3
        The share of the way that goes up.
    start_divisor : float, default=25.0
        The first rate is max_rate over this.
    end_divisor : float, default=250000.0
        The last rate is max_rate over this.
    """

    domains = {
        "max_rate": POSITIVE,
        "total_steps": LENGTH,
        "warmup_fraction": "a number in (0, 1)",
        "start_divisor": "a number in [1, inf)",
        "end_divisor": "a number in [1, inf)",
    }

    def __init__(
        self,
        max_rate=0.1,
        total_steps=None,
        warmup_fraction=0.3,
        start_divisor=25.0,
        end_divisor=2.5e5,
    ):
        self.max_rate = max_rate
        self.total_steps = total_steps
        self.warmup_fraction = warmup_fraction
        self.start_divisor = start_divisor
        self.end_divisor = end_divisor

    def __call__(self, t, state=None):
        x = (np.asarray(t, np.float64) - 1.0) / max(self.total_steps - 1, 1)
        top = self.warmup_fraction
        up = _cosine(self.max_rate / self.start_divisor, self.max_rate, x / top)
        down = _cosine(self.max_rate, self.max_rate / self.end_divisor, (x - top) / (1.0 - top))
        return np.where(x < top, up, down)


class ReduceOnPlateau(Schedule):
    """A rate that is lowered whenever the objective has stopped improving.

    After `patience` epochs in a row without an objective below (1 - tol) times the best so far,
    the rate is multiplied by `factor`. The state is (rate, best objective, epochs waited).

    Parameters
    ----------
    initial_rate : float, default=0.01
        The rate of the first epochs.
    factor : float, default=0.1
        What the rate is multiplied by.
    patience : int, default=5
        The number of epochs without improvement after which it is.
    min_rate : float, default=1e-8
        The rate does not go below.
    tol : float, default=1e-4
        The least relative improvement that counts.
    """

    domains = {
        "initial_rate": POSITIVE,
        "factor": "a number in (0, 1)",
        "patience": "an integer in [1, inf)",
        "min_rate": POSITIVE,
        "tol": "a number in [0, 1)",
    }

    def __init__(self, initial_rate=0.01, factor=0.1, patience=5, min_rate=1e-8, tol=1e-4):
        self.initial_rate = initial_rate
        self.factor = factor
        self.patience = patience
        self.min_rate = min_rate
        self.tol = tol

    def __call__(self, t, state=None):
        rate = self.initial_rate if state is None else state[0]
        return np.full(np.shape(t), rate, dtype=np.float64)

    def start(self):
        return float(self.initial_rate), np.inf, 0

    def observe(self, state, objective):
        rate, best, waited = state
        enough = best if best == np.inf else best - self.tol * abs(best)
        if objective < enough:
            return rate, float(objective), 0
        if waited + 1 < self.patience:
            return rate, best, waited + 1
        return max(rate * self.factor, min(rate, self.min_rate)), best, 0


class Function(Schedule):
    """A user's own callable on an array of step numbers."""

    def __init__(self, function):
        self.function = function

    def __call__(self, t, state=None):
        return self.function(t)


class Rates:
    """A schedule in use: it answers with finite positive rates, or with a clear error.

    The same calls as on a `Schedule`: ``start()``, ``observe(state, objective)`` and
    ``(t, state)``.
    """

    def __init__(self, schedule, learning_rate):
        self.schedule = schedule
        self.learning_rate = learning_rate  # as the user gave it, for messages

    def start(self):
        return self.schedule.start()

    def observe(self, state, objective):
        return self.schedule.observe(state, objective)

    def same_as(self, other):
        """Whether this is the same kind of schedule, with the same parameters."""
        return _numbers(self.schedule) == _numbers(other.schedule)

    def __call__(self, t, state=None):
        if type(self.schedule) is Constant:  # a validated number needs no check at every call
            return self.schedule(t)
        t = np.asarray(t, dtype=np.int64)
        rates = np.asarray(_rates(self.schedule, t, state))
        if rates.shape != t.shape or rates.dtype.kind not in "fiu":
            raise ValueError(
                f"learning_rate={self.learning_rate!r} must return an array of numbers of the "
                f"shape of the step numbers it is called on. Called on shape {t.shape}, it "
                f"returned shape {rates.shape} and dtype {rates.dtype}."
            )
        rates = rates.astype(np.float64, copy=False)
        fine = (rates > 0.0) & (rates < np.inf)
        if not fine.all():
            first = np.argmin(fine)
            raise ValueError(
                f"learning_rate={self.learning_rate!r} must return finite positive rates. "
                f"At step {t.flat[first]} it returned {rates.flat[first]}."
            )
        return rates


# scikit-learn's names of learning rates, and what they are here.
NAMES_OF_SGD = {
    "constant": "a number, such as learning_rate=0.01",
    "optimal": "learning_rate=Optimal()",
    "invscaling": "learning_rate=InverseScaling()",
    "adaptive": "much like learning_rate=ReduceOnPlateau()",
}


def as_schedule(learning_rate, name="learning_rate", owner=None):
    """The `Schedule` that a number, a schedule or a callable means."""
    if isinstance(learning_rate, Schedule):
        return learning_rate
    if belongs(learning_rate, POSITIVE):
        return Constant(float(learning_rate))
    if callable(learning_rate) and not isclass(learning_rate):
        return Function(learning_rate)
    of_owner = f" of {owner}" if owner else ""
    auto = "" if owner else "'auto', "
    instead = ""
    if isclass(learning_rate):
        instead = " Pass an object, not the class."
    elif isinstance(learning_rate, str) and learning_rate in NAMES_OF_SGD:
        instead = f" What SGDClassifier calls so is {NAMES_OF_SGD[learning_rate]}."
    raise ValueError(
        f"The '{name}' parameter{of_owner} must be {auto}{POSITIVE}, a schedule such as "
        "InverseScaling() or a callable on an array of step numbers. "
        f"Got {learning_rate!r} instead.{instead}"
    )


def resolve(learning_rate, *, alpha=None, loss=None, total_steps=None):
    """What an estimator's `learning_rate` means, ready to use and validated.

    Parameters
    ----------
    learning_rate : float, Schedule or callable
        "auto" is not among them: it is a policy, not a schedule.
    alpha, loss : float, Loss
        The estimator's, for schedules that leave them open.
    total_steps : int, default=None
        The number of updates that `fit` will make at most; None where nobody knows (`partial_fit`).

    Returns
    -------
    Rates
        ``rates(t, state)``, where state comes from ``rates.start()`` and, after each epoch,
        from ``rates.observe(state, objective)``.
    """
    schedule = as_schedule(learning_rate)
    schedule = schedule.bind(alpha=alpha, loss=loss, total_steps=total_steps).validate()
    if schedule.needs_horizon:
        raise ValueError(
            f"The 'total_steps' parameter of learning_rate={learning_rate!r} must be "
            "an integer in [1, inf) in partial_fit, where nobody knows how many updates there "
            "will be (in fit it follows from max_iter). Got None instead."
        )
    return Rates(schedule, learning_rate)


def _numbers(schedule):
    """The kinds and parameters of a schedule and of those that it holds."""
    return {
        name: type(value) if isinstance(value, Schedule) else value
        for name, value in {"": schedule, **schedule.get_params()}.items()
    }


def _rates(schedule, t, state):
    """Call a schedule with its state, one without memory with the step numbers alone."""
    return schedule(t) if state is None else schedule(t, state)


def _cosine(start, end, place):
    """From start (place 0) to end (place 1) along half a cosine, level outside."""
    return end + (start - end) * 0.5 * (1.0 + np.cos(np.pi * np.clip(place, 0.0, 1.0)))
