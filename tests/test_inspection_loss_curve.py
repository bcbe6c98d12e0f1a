"""LossCurveDisplay, and the times that fit keeps for it."""

import time
import warnings
from itertools import pairwise

import numpy as np
import pytest
from pictures import are_within_figure, covered, plt
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sgdlearn import (
    GDLinearRegression,
    GDLinearSVC,
    GDLogisticRegression,
    GDMatrixFactorization,
)
from sgdlearn.datasets import make_ratings
from sgdlearn.inspection import LossCurveDisplay
from sgdlearn.inspection._drawing import look
from sgdlearn.optimizers import Adam
from sgdlearn.schedules import InverseScaling

X, y = load_digits(return_X_y=True)
X, y = X[:200], y[:200]


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def fitted(optimizer="adam", **params):
    params = {"max_iter": 8, "tol": None, "random_state": 0, **params}
    return GDLogisticRegression(optimizer=optimizer, **params).fit(X, y)


def test_a_single_estimator_needs_no_list():
    model = fitted()
    display = LossCurveDisplay.from_estimators(model)
    assert display.names == LossCurveDisplay.from_estimator(model).names
    np.testing.assert_array_equal(display.loss_curves, [model.loss_curve_])
    display = LossCurveDisplay.from_estimators(make_pipeline(StandardScaler(), model))
    np.testing.assert_array_equal(display.loss_curves, [model.loss_curve_])


def test_an_optimum_that_is_none_is_warned_of():
    display = LossCurveDisplay([[3.0, 2.0, 1.0]], ["curve"])
    with pytest.warns(UserWarning, match=r"optimum=2.5 is not the least .* go down to 1.0"):
        display.plot(optimum=2.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        display.plot(optimum=1.0)
        display.plot(optimum=1.0 + 1e-16)


@pytest.mark.parametrize("n_epochs", [1, 2, 30])
def test_epochs_are_whole_numbers(n_epochs):
    display = LossCurveDisplay([np.linspace(2, 1, n_epochs)], ["curve"])
    ax = display.plot().ax_
    low, high = ax.get_xlim()
    ticks = [tick for tick in ax.get_xticks() if low <= tick <= high]
    assert ticks and all(tick == round(tick) for tick in ticks)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "saga", "lbfgs", "newton", "auto"])
def test_fit_keeps_the_time_of_each_epoch(optimizer):
    begin = time.perf_counter()
    model = fitted(optimizer)
    elapsed = time.perf_counter() - begin
    seconds = np.array(model.seconds_curve_)
    assert len(seconds) == len(model.loss_curve_) == model.n_iter_
    assert np.all(np.diff(seconds, prepend=0.0) >= 0.0)
    assert 0.0 < seconds[-1] < elapsed


def test_the_time_of_each_epoch_of_other_estimators():
    numbers = GDLinearRegression(optimizer="sgd", max_iter=3, tol=None).fit(X, y)
    svc = GDLinearSVC(optimizer="sdca", max_iter=3, tol=None).fit(X, y)
    assert len(numbers.seconds_curve_) == len(svc.seconds_curve_) == 3


def test_the_curve_of_a_factorisation_by_seconds_and_by_samples():
    pairs, ratings = make_ratings(40, 30, 500, random_state=0)
    model = GDMatrixFactorization(4, max_iter=5, tol=None, early_stopping=True, random_state=0)
    model.fit(pairs, ratings)
    seconds = np.array(model.seconds_curve_)
    assert len(seconds) == len(model.loss_curve_) == 5
    assert (np.diff(seconds, prepend=0.0) >= 0.0).all()
    assert model.n_samples_ == 450
    for x, along in (("seconds", seconds), ("samples", 450 * np.arange(1, 6))):
        display = LossCurveDisplay.from_estimator(model, x=x)
        np.testing.assert_allclose(display.lines_[0].get_xdata(), along)


def test_n_samples_are_the_rows_that_an_epoch_visits():
    assert fitted().n_samples_ == 200
    assert fitted(early_stopping=True, validation_fraction=0.1).n_samples_ == 180
    weights = np.ones(200)
    weights[:50] = 0.0
    model = GDLogisticRegression(optimizer="sgd", max_iter=2, tol=None).fit(X, y, weights)
    assert model.n_samples_ == 150
    assert model.t_ == 300


def test_lines_are_the_curves():
    models = [fitted("sgd"), fitted("adam")]
    display = LossCurveDisplay.from_estimators(models)
    for line, model in zip(display.lines_, models, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 9))
        np.testing.assert_array_equal(line.get_ydata(), model.loss_curve_)
    assert display.validation_lines_ == [None, None]
    assert display.figure_ is display.ax_.figure
    assert display.ax_.get_xlabel() == "Epochs"


def test_x_by_samples_and_by_seconds():
    model = fitted()
    by_samples = LossCurveDisplay.from_estimator(model, x="samples")
    np.testing.assert_array_equal(by_samples.lines_[0].get_xdata(), 200 * np.arange(1, 9))
    told = LossCurveDisplay.from_estimator(model, x="samples", n_samples=7)
    np.testing.assert_array_equal(told.lines_[0].get_xdata(), 7 * np.arange(1, 9))
    by_seconds = LossCurveDisplay.from_estimator(model, x="seconds", xscale="log")
    np.testing.assert_array_equal(by_seconds.lines_[0].get_xdata(), model.seconds_curve_)
    assert by_seconds.ax_.get_xlabel() == "Time (s)"
    assert by_seconds.ax_.get_xscale() == "log"


def test_excess_over_the_optimum():
    models = [fitted("adam"), fitted("lbfgs", max_iter=1000, tol=1e-10)]
    optimum = models[1].loss_curve_[-1]
    display = LossCurveDisplay.from_estimators(models, optimum=optimum)
    assert display.ax_.get_yscale() == "log"
    drawn = display.lines_[0].get_ydata()
    np.testing.assert_allclose(drawn, np.subtract(models[0].loss_curve_, optimum))
    last = display.lines_[1].get_ydata()[-1]  # nothing, which a log scale shows as rounding
    assert 0.0 < last <= 1e-15


def test_validation_curves():
    models = [fitted("sgd", early_stopping=True), fitted("adam")]
    display = LossCurveDisplay.from_estimators(models)
    line, missing = display.validation_lines_
    np.testing.assert_array_equal(line.get_ydata(), models[0].validation_curve_)
    assert missing is None
    assert line.get_color() == display.lines_[0].get_color()
    assert line.get_linestyle() != display.lines_[0].get_linestyle()
    assert (
        LossCurveDisplay.from_estimators(models, validation=False).validation_lines_ == [None] * 2
    )
    excess = LossCurveDisplay.from_estimators(models, optimum=0.0)
    assert excess.validation_lines_ == [None, None]


def test_any_estimator_with_a_loss_curve():
    class Factors(BaseEstimator):
        """Such as a factorisation."""

        def fit(self, X, y=None):
            self.loss_curve_ = [3.0, 2.0, 1.5]
            self.validation_curve_ = [3.5, 2.5, 2.6]
            return self

    network = MLPClassifier(max_iter=3, random_state=0, early_stopping=False)
    with pytest.warns(UserWarning, match="converge"):
        network.fit(X, y)
    piped = make_pipeline(StandardScaler(), GDLogisticRegression(max_iter=50)).fit(X, y)
    search = GridSearchCV(GDLogisticRegression(), {"alpha": [1e-3, 1e-2]}, cv=2).fit(X, y)
    models = [Factors().fit(X), network, piped, search]
    display = LossCurveDisplay.from_estimators(models)
    curves = [m.loss_curve_ for m in (models[0], network, piped[-1], search.best_estimator_)]
    for line, curve in zip(display.lines_, curves, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), curve)
    np.testing.assert_array_equal(display.validation_lines_[0].get_ydata(), [3.5, 2.5, 2.6])
    with pytest.raises(
        ValueError, match=r"'seconds' cannot be drawn for .*Factors.*seconds_curve_"
    ):
        LossCurveDisplay.from_estimators(models, x="seconds")


@pytest.mark.parametrize(
    "models, names",
    [
        ([fitted("sgd"), fitted("adam")], ["sgd", "adam"]),
        ([fitted("sgd", batch_size=8), fitted("sgd")], ["batch_size=8", "batch_size=auto"]),
        ([fitted(Adam(beta1=0.5)), fitted()], ["Adam(beta1=0.5)", "adam"]),
        ([fitted(), fitted()], ["GDLogisticRegression (1)", "GDLogisticRegression (2)"]),
        (
            [fitted("sgd", learning_rate=InverseScaling(power=0.5)), fitted("adam")],
            ["sgd, learning_rate=InverseScaling(power=0.5)", "adam, learning_rate=auto"],
        ),
        ({"mine": fitted(), 2: fitted("sgd")}, ["mine", "2"]),
        ([("pair", fitted()), ("other", fitted("sgd"))], ["pair", "other"]),
        (
            [fitted("auto", max_iter=100), GDLinearSVC(max_iter=100).fit(X, y % 2)],
            ["GDLogisticRegression", "GDLinearSVC"],
        ),
    ],
)
def test_names_are_what_tells_the_estimators_apart(models, names):
    display = LossCurveDisplay.from_estimators(models)
    assert len(display.names) == len(names)
    for shown, name in zip(display.names, names):
        assert shown.startswith(name)


def test_what_auto_has_become_is_shown():
    models = [fitted("auto", max_iter=200), fitted("sgd", max_iter=200)]
    display = LossCurveDisplay.from_estimators(models)
    assert display.names == [f"auto ({models[0].optimizer_.name})", "sgd"]


def test_every_line_looks_different():
    looks = [tuple(look(i)[key] for key in ("color", "linestyle", "marker")) for i in range(60)]
    assert len(set(looks)) == 60
    for one, other in pairwise(looks):  # and neighbours differ in everything
        assert all(a != b for a, b in zip(one, other))


@pytest.mark.parametrize(
    "end, labels", [(0.15, {"0.02", "0.05", "0.1"}), (20.0, set()), (0.03, {"0.02", "0.03"})]
)
def test_a_log_scale_of_few_powers_has_labels_between_them(end, labels):
    seconds = np.geomspace(0.02, end, 5)
    display = LossCurveDisplay([np.ones(5)], ["one"], seconds_curves=[seconds])
    ax = display.plot(x="seconds", xscale="log").ax_
    ax.figure.draw_without_rendering()
    low, high = ax.get_xlim()
    shown = {
        tick.label1.get_text()
        for tick in [*ax.xaxis.get_major_ticks(), *ax.xaxis.get_minor_ticks()]
        if low <= tick.get_loc() <= high and not tick.label1.get_text().startswith("$")
    }
    assert shown - {""} == labels


def test_an_axes_can_be_used_again():
    _, ax = plt.subplots()
    first = LossCurveDisplay.from_estimator(fitted("sgd"), name="one", ax=ax)
    second = LossCurveDisplay.from_estimator(fitted("adam"), name="other", ax=ax)
    assert first.ax_ is second.ax_ is ax
    assert len(ax.lines) == 2
    assert first.lines_[0].get_color() != second.lines_[0].get_color()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "other"]
    again = first.plot()
    assert again is first
    assert again.ax_ is not ax


def test_line_kw_reaches_the_lines():
    display = LossCurveDisplay.from_estimator(fitted(), line_kw={"linewidth": 4, "color": "red"})
    assert display.lines_[0].get_linewidth() == 4
    assert display.lines_[0].get_color() == "red"


@pytest.mark.parametrize("layout", ["constrained", None])
@pytest.mark.parametrize(
    "count, name", [(4, "{}"), (14, "a name of many words and some more of them, number {}")]
)
def test_the_legend_covers_no_line(layout, count, name):
    rng = np.random.default_rng(count)
    curves = [1 + i + np.cumsum(rng.normal(size=30)) for i in range(count)]
    _, ax = plt.subplots(figsize=(6.0, 5.0), layout=layout)
    display = LossCurveDisplay(curves, [name.format(i) for i in range(count)]).plot(ax=ax)
    assert covered(ax) == []
    assert are_within_figure([ax.get_legend()])
    assert covered(display.plot().ax_) == []
    assert are_within_figure([display.ax_.get_legend()])


def test_errors():
    with pytest.raises(ValueError, match="has no loss_curve_"):
        LossCurveDisplay.from_estimator(GDLogisticRegression())
    streamed = GDLogisticRegression()
    streamed.loss_curve_ = []  # as a factorisation has it that has met a stream alone
    with pytest.raises(ValueError, match="has no loss_curve_"):
        LossCurveDisplay.from_estimator(streamed)
    with pytest.raises(ValueError, match=r"x must be one of .*Got 'steps'"):
        LossCurveDisplay.from_estimator(fitted(), x="steps")
    with pytest.raises(ValueError, match="Got none"):
        LossCurveDisplay.from_estimators([])
