"""ScheduleDisplay."""

import pickle

import numpy as np
import pytest
from pictures import covered, plt
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import make_pipeline

from sgdlearn import GDLinearRegression, GDLogisticRegression
from sgdlearn._solvers.automatic_rate import AutomaticRate
from sgdlearn.inspection import ScheduleDisplay
from sgdlearn.schedules import (
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

X, y = load_breast_cancer(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.mark.parametrize(
    "single", [Cosine(), 0.1, lambda t: 1.0 / t], ids=["schedule", "number", "callable"]
)
def test_a_single_schedule_needs_no_list(single):
    display = ScheduleDisplay.from_schedules(single, n_steps=1)
    listed = ScheduleDisplay.from_schedules([single], n_steps=1)
    assert display.names == listed.names
    np.testing.assert_array_equal(display.rates, listed.rates)
    low, high = display.ax_.get_xlim()
    assert [tick for tick in display.ax_.get_xticks() if low <= tick <= high] == [1]


@pytest.mark.parametrize("schedules", ["auto", ["auto"], [Cosine(), "auto"], {"name": "auto"}])
def test_auto_has_no_rates_before_a_fit(schedules):
    with pytest.raises(ValueError, match=r"'auto' are found by fit: .* from_estimator"):
        ScheduleDisplay.from_schedules(schedules, n_steps=10)


def test_rates_are_those_of_the_schedules():
    schedules = [
        InverseScaling(),
        Exponential(),
        Step(every=30),
        Cosine(total_steps=100),
        OneCycle(total_steps=100),
        Optimal(alpha=1e-3, loss="log_loss"),
        Warmup(Cosine(total_steps=100), steps=20),
        lambda t: 1.0 / t,
    ]
    display = ScheduleDisplay.from_schedules(schedules, n_steps=100)
    t = np.arange(1, 101)
    for schedule, steps, rates, line in zip(
        schedules, display.steps, display.rates, display.lines_, strict=True
    ):
        np.testing.assert_array_equal(steps, t)
        np.testing.assert_array_equal(rates, schedule(t))
        np.testing.assert_array_equal(line.get_xydata().T, [t, rates])
    assert covered(display.ax_) == []


def test_what_schedules_leave_open_is_filled_in():
    display = ScheduleDisplay.from_schedules(
        [Cosine(), Optimal(), 0.3], n_steps=50, alpha=0.01, loss="hinge"
    )
    t = np.arange(1, 51)
    np.testing.assert_array_equal(display.rates[0], Cosine(total_steps=50)(t))
    np.testing.assert_array_equal(display.rates[1], Optimal(alpha=0.01, loss="hinge")(t))
    np.testing.assert_array_equal(display.rates[2], np.full(50, 0.3))


def test_names():
    def slowly(t):
        return 0.1 / np.log(1 + t)

    display = ScheduleDisplay.from_schedules([Cosine(initial_rate=0.5), 0.1, slowly])
    assert display.names == ["Cosine(initial_rate=0.5)", "0.1", "slowly"]
    display = ScheduleDisplay.from_schedules({"wave": Cosine(), "level": 0.1})
    assert [line.get_label() for line in display.lines_] == ["wave", "level"]


def test_a_schedule_that_watches_the_objective():
    schedule = ReduceOnPlateau(initial_rate=1.0, factor=0.5, patience=2)
    objectives = [1.0, 0.5, 0.5, 0.5, 0.4]
    rates = ScheduleDisplay.from_schedules([schedule], n_steps=10, objectives=objectives).rates[0]
    np.testing.assert_array_equal(rates, [1, 1, 1, 1, 1, 1, 1, 1, 0.5, 0.5])


@pytest.mark.parametrize(
    "learning_rate",
    [0.01, InverseScaling(0.1), Optimal(), Cosine(), ReduceOnPlateau(0.5, patience=1), np.sqrt],
    ids=str,
)
@pytest.mark.parametrize("batch_size", [1, 30, "full"])
def test_rates_of_a_fit(learning_rate, batch_size):
    seen = []

    def recording(t):
        seen.append(t)
        return 1e-3 / np.sqrt(t)

    rate = recording if learning_rate is np.sqrt else learning_rate
    model = GDLogisticRegression(
        optimizer="sgd",
        learning_rate=rate,
        batch_size=batch_size,
        max_iter=6,
        tol=None,
        random_state=0,
    ).fit(X, y)
    display = ScheduleDisplay.from_estimator(model)
    (steps,), (rates,) = display.steps, display.rates
    np.testing.assert_array_equal(steps, np.arange(1, model.t_ + 1))
    if rate is recording:
        np.testing.assert_array_equal(rates, 1e-3 / np.sqrt(steps))
    elif isinstance(rate, float):
        np.testing.assert_array_equal(rates, rate)
    elif not isinstance(rate, ReduceOnPlateau):
        bound = rate.bind(alpha=model.alpha, loss="log_loss", total_steps=model.t_)
        np.testing.assert_array_equal(rates, bound(steps))
    else:  # the memory of the fit itself
        assert rates[0] == 0.5
        ends = rates[:: model.t_ // 6]
        assert np.all(np.diff(ends) <= 0.0)
        assert model._run.schedule_state[0] in (ends[-1], 0.1 * ends[-1])


@pytest.fixture
def used(monkeypatch):
    """The rates that "auto" hands to the kernels, in their order."""
    rates, call = [], AutomaticRate.__call__

    def recording(self, t, state=None):
        rates.append(call(self, t, state))
        return rates[-1]

    monkeypatch.setattr(AutomaticRate, "__call__", recording)
    return rates


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop", "dog"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_rates_that_auto_came_to(optimizer, early_stopping, used):
    rng = np.random.default_rng(1)  # a heavy tail: adam and rmsprop run away once
    A = rng.standard_t(1.2, size=(60, 5))
    b = A.sum(axis=1) + rng.standard_t(1.2, size=60)
    model = GDLinearRegression(
        optimizer=optimizer,
        batch_size=1,
        max_iter=60,
        tol=None,
        early_stopping=early_stopping,
        random_state=0,
    ).fit(A, b)
    expected = np.concatenate(used)
    display = ScheduleDisplay.from_estimator(pickle.loads(pickle.dumps(model)))
    np.testing.assert_array_equal(display.rates[0], expected)
    np.testing.assert_array_equal(display.steps[0], np.arange(1, len(expected) + 1))
    assert len(np.unique(expected)) > 5
    assert display.names == ["auto"]
    assert display.ax_.get_ylabel() == "Learning rate (columns of unit size)"
    if not early_stopping:
        assert (model.t_ < len(expected)) == (optimizer in ("adam", "rmsprop"))


def test_rates_are_those_of_the_last_fit():
    schedule = ReduceOnPlateau(0.5, patience=1)
    model = GDLogisticRegression(
        optimizer="sgd",
        learning_rate=schedule,
        max_iter=8,
        tol=None,
        warm_start=True,
        random_state=3,
    ).fit(X, y)
    first = ScheduleDisplay.from_estimator(make_pipeline(model))
    assert first.ax_.get_ylabel() == "Learning rate"
    model.fit(X, y)
    second = ScheduleDisplay.from_estimator(model)
    assert second.steps[0][0] == first.steps[0][-1] + 1
    assert second.rates[0][0] < first.rates[0][0]  # it remembers what the first fit came to
    model.partial_fit(X, y)
    after = ScheduleDisplay.from_estimator(model)
    np.testing.assert_array_equal(after.steps[0], second.steps[0])
    np.testing.assert_array_equal(after.rates[0], second.rates[0])


class Ticking(Schedule):
    """It changes its state in place."""

    def __call__(self, t, state):
        return np.full(len(t), 0.01 / (1 + state["epochs"]))

    def start(self):
        return {"epochs": 0}

    def observe(self, state, objective):
        state["epochs"] += 1
        return state


@pytest.mark.parametrize("standardize", [False, True])
def test_rates_of_a_schedule_of_ones_own(standardize):
    model = GDLogisticRegression(
        optimizer="adam", learning_rate=Ticking(), standardize=standardize, max_iter=3, tol=None
    ).fit(7.0 * X, y)
    display = ScheduleDisplay.from_estimator(model)
    expected = np.repeat(0.01 / np.arange(1, 4), model.t_ // 3)
    np.testing.assert_array_equal(display.rates[0], expected)
    assert display.scaled == standardize


def test_rates_that_are_not_known():
    rule = GDLogisticRegression(optimizer="sgd", random_state=0)
    for model, state in (
        (rule, "not fitted"),
        (clone(rule).partial_fit(X, y, classes=[0, 1]), "fitted by partial_fit, which keeps none"),
        (GDLogisticRegression(optimizer="lbfgs").fit(X, y), "fitted"),
        (GDLogisticRegression(optimizer="saga", max_iter=5, tol=None).fit(X, y), "fitted"),
    ):
        with pytest.raises(ValueError, match=rf"a learning rate for each update(?s:.)*, {state}\."):
            ScheduleDisplay.from_estimator(model)


def test_errors():
    with pytest.raises(ValueError, match="'n_steps' parameter of from_schedules must be"):
        ScheduleDisplay.from_schedules([0.1], n_steps=0)
    with pytest.raises(ValueError, match="'learning_rate' parameter must be"):
        ScheduleDisplay.from_schedules(["optimal"])


def test_long_schedules_keep_their_ends_and_axes_are_reused():
    _, ax = plt.subplots()
    for xscale in ("linear", "log"):
        display = ScheduleDisplay.from_schedules(
            [InverseScaling()], n_steps=50_000, ax=ax, xscale=xscale
        )
        assert display.ax_ is ax
        line = display.lines_[0]
        assert len(line.get_xdata()) <= 2000
        assert (line.get_xdata()[0], line.get_xdata()[-1]) == (1, 50_000)
        assert ax.get_xscale() == xscale
    assert len(ax.lines) == 2
