"""Schedules against closed forms, bound, nested, resumed and misused."""

import pickle
import re

import numpy as np
import pytest
from labels import label
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import SGDClassifier

from sgdlearn import losses, schedules
from sgdlearn.schedules import (
    Constant,
    Cosine,
    Exponential,
    InverseScaling,
    OneCycle,
    Optimal,
    ReduceOnPlateau,
    Schedule,
    Step,
    Warmup,
)

T = np.arange(1, 41)


def rate_of_one_cycle(t):
    x = (t - 1) / 39
    if x < 0.25:
        return 0.1 + (0.5 - 0.1) * (1 - np.cos(np.pi * x / 0.25)) / 2
    return 0.05 + (0.5 - 0.05) * (1 + np.cos(np.pi * (x - 0.25) / 0.75)) / 2


CLOSED_FORMS = [
    (0.25, lambda t: 0.25),
    (Constant(0.25), lambda t: 0.25),
    (InverseScaling(0.5, power=0.75), lambda t: 0.5 / t**0.75),
    (Exponential(0.5, decay=0.9), lambda t: 0.5 * 0.9 ** (t - 1)),
    (Step(0.5, drop=0.3, every=7), lambda t: 0.5 * 0.3 ** ((t - 1) // 7)),
    (
        Cosine(0.5, final_rate=0.1, total_steps=30),
        lambda t: 0.1 + 0.4 * (1 + np.cos(np.pi * min(t - 1, 30) / 30)) / 2,
    ),
    (Warmup(InverseScaling(0.5), steps=10), lambda t: min(1, t / 10) * 0.5 / t**0.25),
    (Warmup(0.5, steps=4), lambda t: 0.5 * min(1, t / 4)),
    (Warmup(np.sqrt, steps=4), lambda t: np.sqrt(t) * min(1, t / 4)),
    (
        OneCycle(0.5, total_steps=40, warmup_fraction=0.25, start_divisor=5, end_divisor=10),
        rate_of_one_cycle,
    ),
    (Optimal(alpha=0.01, loss="hinge"), lambda t: 1 / (0.01 * (100 / 10**0.5 + t - 1))),
    (ReduceOnPlateau(0.5), lambda t: 0.5),
    (lambda t: 1 / t, lambda t: 1 / t),
]
KINDS = [getattr(schedules, name) for name in schedules.__all__ if name != "Schedule"]


@pytest.mark.parametrize("learning_rate, formula", CLOSED_FORMS, ids=label)
def test_closed_form(learning_rate, formula):
    rates = schedules.resolve(learning_rate)
    got = rates(T, rates.start())
    assert got.dtype == np.float64
    assert_allclose(got, [formula(int(t)) for t in T], rtol=1e-13)


@pytest.mark.parametrize("learning_rate, formula", CLOSED_FORMS, ids=label)
def test_each_step_on_its_own(learning_rate, formula):
    rates = schedules.resolve(learning_rate)
    state = rates.start()
    together = rates(T, state)
    assert_array_equal(together, np.concatenate([rates(T[i : i + 1], state) for i in range(40)]))
    assert_array_equal(together[5:], rates(T[5:].astype(np.int32), state))


CHANGES = [
    (Constant(), {"rate": 0.2}),
    (InverseScaling(), {"initial_rate": 0.2, "power": 0.5}),
    (Optimal(alpha=0.01, loss="squared_error"), {"alpha": 0.02, "loss": "hinge"}),
    (Exponential(), {"initial_rate": 0.2, "decay": 0.9}),
    (Step(every=5), {"initial_rate": 0.2, "drop": 0.9, "every": 6}),
    (Cosine(total_steps=150), {"initial_rate": 0.2, "final_rate": 0.1, "total_steps": 140}),
    (Warmup(), {"schedule": 0.2, "steps": 10}),
    (
        OneCycle(total_steps=150),
        {
            "max_rate": 0.2,
            "total_steps": 100,
            "warmup_fraction": 0.5,
            "start_divisor": 10.0,
            "end_divisor": 10.0,
        },
    ),
    (
        ReduceOnPlateau(min_rate=0.001),
        {"initial_rate": 0.2, "factor": 0.5, "patience": 3, "min_rate": 0.002, "tol": 0.0},
    ),
]


@pytest.mark.parametrize("schedule, changes", CHANGES, ids=label)
def test_every_parameter_changes_the_rates(schedule, changes):
    assert set(changes) == set(schedule.get_params(deep=False))
    for name, value in changes.items():
        changed = clone(schedule).set_params(**{name: value})
        assert np.any(run(changed) != run(schedule)), name


def run(schedule):
    """The rates of 40 epochs of 3 updates whose objective hardly improves."""
    rates = schedules.resolve(schedule)
    state, out = rates.start(), []
    for epoch in range(40):
        out.append(rates(3 * epoch + np.arange(1, 4), state))
        state = rates.observe(state, 1 - 1e-5 * epoch)
    return np.concatenate(out)


# --- Optimal


@pytest.mark.parametrize("loss", ["hinge", "log_loss"])
@pytest.mark.parametrize("alpha", [1e-5, 1e-3])
def test_optimal_is_scikit_learns(loss, alpha):
    """One feature a row, so that each coefficient shows the rate of its own update."""
    X, y = np.eye(6), np.array([1, 0, 1, 0, 0, 1])
    model = SGDClassifier(
        loss=loss,
        alpha=alpha,
        penalty=None,
        fit_intercept=False,
        max_iter=1,
        tol=None,
        shuffle=False,
    ).fit(X, y)
    rates = schedules.resolve(Optimal(), alpha=alpha, loss=losses.resolve(loss))(np.arange(1, 7))
    slope = losses.resolve(loss).gradient(np.ones(1), np.zeros(1))[0]
    assert_allclose(np.abs(model.coef_[0]), rates * abs(slope), rtol=1e-12)


def test_optimal_starts_carefully_on_steep_losses():
    typical = 0.01**-0.25
    for loss, slope in [("squared_error", 1 + typical), ("squared_hinge", 2 * (1 + typical))]:
        first = schedules.resolve(Optimal(), alpha=0.01, loss=loss)(np.ones(1, int))
        assert first == pytest.approx(typical / slope)
    first = schedules.resolve(Optimal(), alpha=0.01, loss="multinomial")(np.ones(1, int))
    assert first == pytest.approx(typical)


def test_optimal_keeps_what_it_was_given():
    given = schedules.resolve(Optimal(alpha=0.1, loss="hinge"), alpha=0.0, loss="log_loss")
    assert_array_equal(given(T), Optimal(0.1, "hinge")(T))


@pytest.mark.parametrize("alpha", [0.0, None, -1.0])
def test_optimal_needs_alpha(alpha):
    with pytest.raises(ValueError, match=r"'alpha' parameter must .*\(0, inf\).*Got " + str(alpha)):
        schedules.resolve(Optimal(), alpha=alpha, loss="hinge")


def test_optimal_needs_a_loss():
    with pytest.raises(ValueError, match=r"'loss' parameter of Optimal must .* Got None"):
        schedules.resolve(Optimal(), alpha=0.1)
    with pytest.raises(ValueError, match=r"'loss' parameter must be one of .* Got 'hing'"):
        schedules.resolve(Optimal(loss="hing"), alpha=0.1)


# --- ReduceOnPlateau: state


def observed(schedule, objectives):
    """The rate after each objective."""
    rates = schedules.resolve(schedule)
    state, out = rates.start(), []
    for objective in objectives:
        state = rates.observe(state, objective)
        out.append(rates(np.array([100]), state)[0])
    return out


def test_reduce_on_plateau():
    schedule = ReduceOnPlateau(1.0, factor=0.5, patience=2, min_rate=0.2, tol=0.1)
    objectives = [10, 8, 7.5, 7.3, 7.1, 7.3, 7.3, 8, 8, 8, 8]
    assert observed(schedule, objectives) == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2]


@pytest.mark.parametrize("objectives", [[np.nan] * 4, [3, np.nan, np.inf, np.nan], [-1.0] * 4])
def test_reduce_on_plateau_takes_trouble_for_no_improvement(objectives):
    assert observed(ReduceOnPlateau(1.0, factor=0.5, patience=3), objectives)[-1] == 0.5


def test_reduce_on_plateau_never_raises_the_rate():
    assert observed(ReduceOnPlateau(0.1, patience=1, min_rate=0.5), [1, 1, 1]) == [0.1] * 3


def test_state_lives_outside_and_passes_through_warmup():
    inner = ReduceOnPlateau(1.0, factor=0.5, patience=1)
    for schedule in (inner, Warmup(inner, steps=10), Warmup(Warmup(inner, 5), 10)):
        before = pickle.dumps(schedule)
        assert observed(schedule, [1, 1, 1]) == [1.0, 0.5, 0.25]
        assert pickle.dumps(schedule) == before
    rates = schedules.resolve(Warmup(inner, steps=10))
    state = rates.observe(rates.observe(rates.start(), 1.0), 1.0)
    assert_allclose(rates(np.array([5, 20]), pickle.loads(pickle.dumps(state))), [0.25, 0.5])


@pytest.mark.parametrize("learning_rate", [0.1, InverseScaling(), Warmup(0.1), np.sqrt], ids=label)
def test_most_schedules_have_no_memory(learning_rate):
    rates = schedules.resolve(learning_rate)
    assert rates.start() is None
    assert rates.observe(None, 1.0) is None


# --- the horizon


@pytest.mark.parametrize("schedule", [Cosine(0.3), OneCycle(0.3), Warmup(Cosine(0.3))], ids=label)
def test_horizon(schedule):
    assert schedule.needs_horizon
    rates = schedules.resolve(schedule, total_steps=40)
    inner = getattr(schedule, "schedule", schedule)
    given = clone(inner).set_params(total_steps=40)
    given = given if inner is schedule else Warmup(given)
    assert not given.needs_horizon
    assert_array_equal(rates(T), given(T))
    assert_array_equal(rates(T), schedules.resolve(given, total_steps=7)(T))
    assert schedule.needs_horizon  # resolved a copy
    message = r"'total_steps' parameter of learning_rate=.* partial_fit.*Got None"
    with pytest.raises(ValueError, match=message):
        schedules.resolve(schedule)


def test_beyond_the_horizon():
    assert_array_equal(Cosine(0.3, 0.1, total_steps=5)(np.array([6, 7, 100])), 0.1)
    last = OneCycle(1.0, total_steps=5, end_divisor=8)(np.array([5, 6, 100]))
    assert_allclose(last, 0.125)
    with pytest.raises(ValueError, match=r"learning_rate=Cosine.* At step 6 it returned 0\.0"):
        schedules.resolve(Cosine(0.3, total_steps=5))(T)


@pytest.mark.parametrize("kind", [Cosine, OneCycle])
def test_a_horizon_of_one_step(kind):
    assert np.isfinite(kind(total_steps=1)(np.ones(1, int))).all()


@pytest.mark.parametrize(
    "schedule", [Exponential(decay=0.5), Step(every=1), InverseScaling(power=9)]
)
def test_decay_does_not_underflow(schedule):
    assert schedules.resolve(schedule)(np.array([10**9])) > 0


# --- parameters


@pytest.mark.parametrize("kind", KINDS)
def test_parameter_object(kind):
    schedule = kind()
    for copy in (clone(schedule), pickle.loads(pickle.dumps(schedule)), kind().set_params()):
        assert copy.get_params() == schedule.get_params()
        assert vars(copy) == schedule.get_params(deep=False)
    bound = schedule.bind(alpha=0.1, loss="hinge", total_steps=40)
    assert_array_equal(schedules.resolve(bound)(T), bound(T))


class Estimator(BaseEstimator):
    def __init__(self, learning_rate="auto"):
        self.learning_rate = learning_rate


def test_grids_reach_the_parameters():
    estimator = clone(Estimator(Warmup(Cosine())))
    estimator.set_params(learning_rate__steps=7, learning_rate__schedule__initial_rate=0.5)
    assert estimator.learning_rate.steps == 7
    assert estimator.learning_rate.schedule.initial_rate == 0.5


def outside(domain):
    values = ["0.5", np.nan, np.inf, -1, True]
    values += [] if domain.startswith("None") else [None]
    values += [0] if "(0" in domain or "[1" in domain else []
    values += [1] if domain.endswith("1)") else []
    values += [2] if domain.endswith("1]") else []
    values += [2.5] if "integer" in domain else []
    return values


@pytest.mark.parametrize(
    "kind, name, value",
    [
        (kind, name, value)
        for kind in KINDS
        if kind is not Optimal
        for name, domain in kind.domains.items()
        for value in outside(domain)
    ],
)
def test_errors_name_parameter_value_and_domain(kind, name, value):
    message = (
        f"The '{name}' parameter of {kind.__name__} must be {kind.domains[name]}. "
        f"Got {value!r} instead."
    )
    schedule = kind(**{name: value})
    for learning_rate in (schedule, Warmup(schedule)):
        with pytest.raises(ValueError, match=re.escape(message)):
            schedules.resolve(learning_rate, total_steps=10)


@pytest.mark.parametrize(
    "learning_rate", ["optimal", None, 0, -0.1, np.inf, np.nan, True, [0.1], Cosine], ids=label
)
def test_unknown_learning_rate(learning_rate):
    allowed = r"must be 'auto', a number in \(0, inf\), a schedule such as .* or a callable on "
    with pytest.raises(ValueError, match="'learning_rate' parameter " + allowed) as error:
        schedules.resolve(learning_rate)
    assert f"Got {learning_rate!r} instead." in str(error.value)
    with pytest.raises(ValueError, match="'schedule' parameter of Warmup must be a number in"):
        schedules.resolve(Warmup(learning_rate))


def test_a_class_is_no_schedule():
    with pytest.raises(ValueError, match="Pass an object, not the class"):
        schedules.resolve(Cosine)


class FromFunction(Schedule):
    def __init__(self, function):
        self.function = function

    def __call__(self, t):
        return self.function(t)


@pytest.mark.parametrize(
    "function, message",
    [
        (lambda t: 0.1, r"of the shape .* Called on shape \(40,\), it returned shape \(\)"),
        (lambda t: np.ones(3), r"it returned shape \(3,\)"),
        (lambda t: ["fast"] * len(t), "and dtype <U4"),
        (lambda t: 3.0 - t, r"finite positive rates\. At step 3 it returned 0\.0"),
        (lambda t: np.where(t == 7, np.nan, 1), r"At step 7 it returned nan"),
        (lambda t: np.where(t == 7, np.inf, 1), r"At step 7 it returned inf"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda function: function, FromFunction])
def test_rates_of_a_callable_are_checked(function, message, wrap):
    rates = schedules.resolve(wrap(function))
    with pytest.raises(ValueError, match=r"(?s)learning_rate=.*" + message):
        rates(T)


class Sawtooth(Schedule):
    domains = {"period": "an integer in [1, inf)"}

    def __init__(self, period=3, total_steps=None):
        self.period = period
        self.total_steps = total_steps

    def __call__(self, t):
        return (self.total_steps - t + 1) / (1 + (t - 1) % self.period)


def test_a_schedule_of_ones_own():
    expected = (41.0 - T) / (1 + (T - 1) % 3)
    assert_allclose(schedules.resolve(Sawtooth(), total_steps=40)(T), expected)
    warm = schedules.resolve(Warmup(Sawtooth(), steps=40), total_steps=40)
    assert_allclose(warm(T), expected * T / 40)
    with pytest.raises(ValueError, match=r"'period' parameter of Sawtooth .* Got 0 instead"):
        schedules.resolve(Sawtooth(period=0), total_steps=3)
    with pytest.raises(ValueError, match="'total_steps' parameter"):
        schedules.resolve(Sawtooth())


def test_a_schedule_says_what_it_lacks():
    with pytest.raises(NotImplementedError, match="Schedule does not define __call__"):
        Schedule()(T)
