"""lr_range_test and LearningRateFinderDisplay."""

import warnings

import numpy as np
import pytest
from pictures import covered, plt
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sgdlearn import GDLinearRegression, GDLogisticRegression, GDMatrixFactorization
from sgdlearn.datasets import make_ratings
from sgdlearn.inspection import LearningRateFinderDisplay, lr_range_test
from sgdlearn.inspection._range_test import suggest
from sgdlearn.optimizers import SGD
from sgdlearn.schedules import InverseScaling, OneCycle, Warmup

CANCER = load_breast_cancer(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True, scaled=False)
RATES = np.geomspace(1e-5, 10, 13)


def scaled(data):
    X, y = data
    return (X - X.mean(axis=0)) / X.std(axis=0), y


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.mark.parametrize("batch_size", ["auto", "full"])
@pytest.mark.parametrize(
    "optimizer", ["sgd", SGD(momentum=0.9), "adagrad", "adadelta", "adam", "ftrl", "saga"], ids=str
)
@pytest.mark.parametrize(
    "model, data",
    [
        (GDLogisticRegression(), CANCER),
        (GDLogisticRegression(), scaled(CANCER)),
        (GDLinearRegression(), DIABETES),
    ],
    ids=["raw classes", "scaled classes", "raw numbers"],
)
def test_the_suggested_rate_does_not_diverge(model, data, optimizer, batch_size):
    if optimizer == "saga" and batch_size == "full":
        pytest.skip("SAGA has no batches")
    model.set_params(optimizer=optimizer, batch_size=batch_size, random_state=0)
    test = lr_range_test(model, *data)
    assert test.rates[0] < test.suggested_rate < test.edge <= test.rates[-1]
    assert test.suggested_rate in test.rates
    model.set_params(learning_rate=test.suggested_rate, max_iter=60, tol=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model.fit(*data)
    assert model.n_iter_ == 60
    assert model.loss_curve_[-1] < test.start


def test_objectives_are_those_of_fits_of_their_own():
    X, y = scaled(CANCER)
    model = GDLogisticRegression(optimizer="adam", random_state=0)
    test = lr_range_test(model, X, y, rates=[0.1, 0.01, 1e-3], n_epochs=4)
    np.testing.assert_array_equal(test.rates, [1e-3, 0.01, 0.1])
    for rate, objective in zip(test.rates, test.objectives):
        model.set_params(learning_rate=rate, max_iter=4, tol=None)
        assert model.fit(X, y).loss_curve_[-1] == objective


def test_the_estimator_stays_as_it_was():
    model = GDLogisticRegression(optimizer="sgd", random_state=0)
    lr_range_test(model, *scaled(CANCER), rates=RATES)
    assert model.learning_rate == "auto"
    assert not hasattr(model, "loss_curve_")


def test_divergence_is_infinite_and_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        test = lr_range_test(
            GDLinearRegression(optimizer="sgd", random_state=0), *DIABETES, rates=[1e-7, 1e-6, 1.0]
        )
    assert test.objectives[-1] == np.inf
    assert test.edge == 1.0


@pytest.mark.parametrize(
    "schedule", [InverseScaling(power=0.1), OneCycle(), Warmup(InverseScaling(), steps=10)]
)
def test_the_rate_of_a_schedule_is_varied(schedule):
    X, y = scaled(CANCER)
    model = GDLogisticRegression(optimizer="sgd", learning_rate=schedule, random_state=0)
    test = lr_range_test(model, X, y, rates=[1e-4, 1e-2])
    assert test.objectives[1] < test.objectives[0]
    assert model.learning_rate is schedule


def test_a_pipeline_is_tested_behind_its_steps():
    pipeline = make_pipeline(
        StandardScaler(), GDLogisticRegression(optimizer="sgd", random_state=0)
    )
    piped = lr_range_test(pipeline, *CANCER, rates=RATES)
    plain = lr_range_test(pipeline[-1], *scaled(CANCER), rates=RATES)
    np.testing.assert_allclose(piped.objectives, plain.objectives, rtol=1e-6)


def test_weights_are_passed_on():
    X, y = scaled(CANCER)
    weights = np.arange(len(y)) % 3
    model = GDLogisticRegression(optimizer="sgd", random_state=0)
    weighted = lr_range_test(model, X, y, sample_weight=weights, rates=[1e-3, 1e-2])
    plain = lr_range_test(model, X, y, rates=[1e-3, 1e-2])
    assert np.all(weighted.objectives != plain.objectives)


def test_without_random_state_all_fits_have_one_start():
    pairs, ratings = make_ratings(100, 80, 2000, random_state=0)
    test = lr_range_test(GDMatrixFactorization(), pairs, ratings)
    lowest = test.objectives[test.rates <= 1e-6]
    np.testing.assert_allclose(lowest, test.start, rtol=1e-3)
    assert 1e-3 < test.suggested_rate < test.edge


@pytest.mark.parametrize("optimizer", ["lbfgs", "sdca", "psvrg", "cholesky"])
def test_an_optimizer_without_a_rate_is_refused_by_its_name(optimizer):
    with pytest.raises(ValueError, match=f"'{optimizer}' takes no learning_rate"):
        lr_range_test(GDLinearRegression(optimizer=optimizer), *DIABETES)


def test_suggestion():
    """Its place, and that of the first rate that does harm."""
    decades, close = 10.0 ** np.arange(8), 2.0 ** np.arange(8)
    objectives = np.array([1.0, 0.9, 0.5, 0.11, 0.1, 0.1, 1.2, np.inf])
    assert suggest(decades, objectives, 1.0) == (3, 6)  # the smallest of the good ones
    objectives = np.array([1.0, 0.9, 0.5, 0.3, 0.2, 1.1, np.inf, np.inf])
    assert suggest(decades, objectives, 1.0) == (4, 5)
    assert suggest(close, objectives, 1.0) == (3, 5)  # a third of the edge at most
    assert suggest(close[:3], np.array([0.9, 0.95, 0.8]), 1.0) == (2, 3)
    for useless, end in (([1.0, 2.0, 3.0], 1), ([1.0] * 3, 3), ([0.5, 2, 3], 1), ([np.inf] * 3, 0)):
        assert suggest(close[:3], np.array(useless), 1.0) == (None, end)


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "adadelta", "adam", "ftrl", "saga"])
def test_the_start_is_the_objective_of_the_zero_model(optimizer):
    X, y = scaled(CANCER)
    model = GDLogisticRegression(optimizer=optimizer, random_state=0)
    test = lr_range_test(model, X, y, rates=[1e-3, 1e-2])
    assert test.start == pytest.approx(np.log(2.0), rel=1e-9)


def test_errors():
    with pytest.raises(ValueError, match="None of the learning rates from 10 to 100 brings"):
        lr_range_test(GDLinearRegression(optimizer="sgd"), *DIABETES, rates=[10, 100])
    with pytest.raises(ValueError, match="StandardScaler has no learning_rate"):
        lr_range_test(StandardScaler(), *CANCER)
    with pytest.raises(ValueError, match="learning_rate"):
        lr_range_test(GDLogisticRegression(optimizer="lbfgs"), *CANCER)
    with pytest.raises(ValueError, match="varies a number, or the rate of a schedule object"):
        lr_range_test(GDLogisticRegression(learning_rate=lambda t: 1.0 / t), *CANCER)


def test_display_holds_the_numbers_of_the_function():
    X, y = scaled(CANCER)
    model = GDLogisticRegression(optimizer="sgd", random_state=0)
    test = lr_range_test(model, X, y, rates=RATES)
    display = LearningRateFinderDisplay.from_estimator(model, X, y, rates=RATES)
    np.testing.assert_array_equal(display.rates, test.rates)
    np.testing.assert_array_equal(display.objectives, test.objectives)
    assert (display.suggested_rate, display.edge) == (test.suggested_rate, test.edge)
    curve, suggested, edge = display.lines_
    np.testing.assert_array_equal(curve.get_xdata(), RATES)
    low, high = display.ax_.get_ylim()
    drawn = test.objectives < high
    np.testing.assert_array_equal(curve.get_ydata()[drawn], test.objectives[drawn])
    assert low < test.objectives.min() < test.start < high
    assert np.all(curve.get_ydata()[~drawn] > high)
    assert suggested.get_xdata()[0] == test.suggested_rate
    assert edge.get_xdata()[0] == test.edge
    assert f"{test.suggested_rate:.2g}" in suggested.get_label()
    assert covered(display.ax_) == []


@pytest.mark.parametrize("yscale", ["linear", "log"])
def test_display_in_axes_of_your_own(yscale):
    _, ax = plt.subplots()
    objectives = [0.7, 0.6, 0.2, 0.5, np.inf]
    display = LearningRateFinderDisplay([0.01, 0.1, 1, 10, 100], objectives, 1.0)
    assert display.plot(ax=ax, yscale=yscale) is display
    assert display.ax_ is ax
    assert ax.get_yscale() == yscale
    assert len(display.lines_) == 2  # no edge
