"""OptimizerComparisonDisplay."""

import numpy as np
import pandas as pd
import pytest
from pictures import are_within_figure, covered, plt
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sgdlearn import GDLogisticRegression
from sgdlearn.inspection import OptimizerComparisonDisplay
from sgdlearn.optimizers import SGD, Adam

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
MODEL = GDLogisticRegression(max_iter=3, tol=None, random_state=0)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def search(grid, model=MODEL, **kwargs):
    return GridSearchCV(model, grid, cv=3, **kwargs).fit(X, y)


def test_strings():
    found = search({"optimizer": ["sgd", "adagrad", "adam"]})
    display = OptimizerComparisonDisplay.from_cv_results(found.cv_results_)
    assert display.optimizers == ["sgd", "adagrad", "adam"]
    assert display.parameter is None
    for name in ("mean", "std"):
        np.testing.assert_array_equal(
            getattr(display, f"{name}_scores")[:, 0], found.cv_results_[f"{name}_test_score"]
        )
    np.testing.assert_array_equal(display.fit_times[:, 0], found.cv_results_["mean_fit_time"])
    rows = [line.get_xdata()[0] for line in display.lines_]
    assert rows == sorted(found.cv_results_["mean_test_score"])  # the best on top
    labels = [tick.get_text() for tick in display.ax_.get_yticklabels()]
    assert labels == [line.get_label() for line in display.lines_]


def test_objects():
    optimizers = [SGD(momentum=0.9), Adam(), Adam(beta1=0.5), "adam"]
    found = search({"optimizer": optimizers, "learning_rate": [0.01, 0.1]})
    display = OptimizerComparisonDisplay.from_cv_results(found)
    assert display.optimizers == ["SGD(momentum=0.9)", "Adam()", "Adam(beta1=0.5)", "adam"]
    assert (display.parameter, display.values) == ("learning_rate", [0.01, 0.1])
    scores = found.cv_results_["mean_test_score"].reshape(2, 4).T
    np.testing.assert_array_equal(display.mean_scores, scores)
    np.testing.assert_array_equal(display.mean_scores[1], display.mean_scores[3])
    for line, of_optimizer in zip(display.lines_, scores, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), of_optimizer)
    assert covered(display.ax_) == []


def test_a_parameter_of_the_optimizer():
    model = make_pipeline(GDLogisticRegression(optimizer=Adam(), max_iter=2, tol=None))
    name = "gdlogisticregression__optimizer"
    found = search([{name: [Adam()], f"{name}__beta1": [0.5, 0.9]}, {name: [SGD()]}], model)
    display = OptimizerComparisonDisplay.from_cv_results(found)
    assert display.optimizers == ["Adam()", "SGD()"]
    assert display.values == [0.5, 0.9, "not set"]
    np.testing.assert_array_equal(
        np.isnan(display.mean_scores), [[False, False, True], [True, True, False]]
    )
    with pytest.raises(ValueError, match=r"must go over optimizers. Its parameters are"):
        OptimizerComparisonDisplay.from_cv_results(search({"alpha": [0.1, 1.0]}))


def test_numbers_and_auto_stand_side_by_side():
    found = search({"optimizer": ["sgd", "adam"], "learning_rate": ["auto", 0.1, 0.001]})
    display = OptimizerComparisonDisplay.from_cv_results(found)
    assert display.values == [0.001, 0.1, "auto"]
    labels = [tick.get_text() for tick in display.ax_.get_xticklabels()]
    assert labels == ["0.001", "0.1", "auto"]
    scores = found.cv_results_["mean_test_score"].reshape(3, 2).T[:, ::-1]
    np.testing.assert_array_equal(display.mean_scores, scores)


def test_what_is_not_drawn_is_at_its_best():
    grid = {"optimizer": ["sgd", "adam"], "alpha": [1e-4, 10.0], "batch_size": [1, 100]}
    found = search(grid)
    scores = found.cv_results_["mean_test_score"].reshape(2, 2, 2)  # alpha, batch_size, optimizer
    display = OptimizerComparisonDisplay.from_cv_results(found)
    assert display.parameter == "alpha"
    np.testing.assert_array_equal(display.mean_scores, scores.max(axis=1).T)
    display = OptimizerComparisonDisplay.from_cv_results(found, parameter="batch_size")
    np.testing.assert_array_equal(display.mean_scores, scores.max(axis=0).T)
    display = OptimizerComparisonDisplay.from_cv_results(found, parameter=None)
    np.testing.assert_array_equal(display.mean_scores[:, 0], scores.max(axis=(0, 1)))


def test_many_values_stand_on_a_scale():
    drawn = RandomizedSearchCV(
        MODEL,
        {"optimizer": ["sgd", "adam"], "learning_rate": np.geomspace(1e-4, 1.0, 40)},
        n_iter=16,
        cv=2,
        random_state=0,
    ).fit(X, y)
    display = OptimizerComparisonDisplay.from_cv_results(drawn)
    assert display.ax_.get_xscale() == "log"
    assert sum(len(line.get_xdata()) for line in display.lines_) == 16
    assert set(display.lines_[0].get_xdata()) <= set(display.values)


def test_against_the_time_of_a_fit():
    found = search({"optimizer": ["sgd", "adam"], "alpha": [1e-4, 10.0]})
    display = OptimizerComparisonDisplay.from_cv_results(found, x="fit_time")
    for i, line in enumerate(display.lines_):
        best = np.argmax(display.mean_scores[i])
        assert line.get_ydata()[0] == display.mean_scores[i, best]
        assert line.get_xdata()[0] == display.fit_times[i, best]
    assert "(s)" in display.ax_.get_xlabel()


def test_several_metrics_and_tables():
    metrics = ["accuracy", "neg_log_loss"]
    found = search({"optimizer": ["sgd", "adam"]}, scoring=metrics, refit=False)
    for results in (found.cv_results_, pd.DataFrame(found.cv_results_)):
        display = OptimizerComparisonDisplay.from_cv_results(results, metric="neg_log_loss")
        np.testing.assert_array_equal(
            display.mean_scores[:, 0], found.cv_results_["mean_test_neg_log_loss"]
        )
        assert "neg log loss" in display.ax_.get_xlabel()
    with pytest.raises(ValueError, match=r"one of \['accuracy', 'neg_log_loss'\]. Got 'score'"):
        OptimizerComparisonDisplay.from_cv_results(found)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
def test_fits_that_failed_are_left_out():
    found = search({"optimizer": ["sgd", "lbfgs"], "learning_rate": [0.1, 0.01]})
    display = OptimizerComparisonDisplay.from_cv_results(found)  # lbfgs takes no rate
    assert np.isnan(display.mean_scores[1]).all()
    assert len(display.lines_[1].get_xdata()) == 0
    rows = OptimizerComparisonDisplay.from_cv_results(found, parameter=None)
    assert [line.get_label() for line in rows.lines_] == ["sgd"]


@pytest.mark.parametrize("layout", ["constrained", None])
def test_long_names_stay_in_the_picture(layout):
    names = [f"an optimizer of many parameters, number {i}" for i in range(6)]
    numbers = np.linspace(0.8, 0.9, 6)[:, None]
    display = OptimizerComparisonDisplay(names, numbers, 0.1 * numbers, numbers)
    _, ax = plt.subplots(layout=layout)
    display.plot(ax=ax)
    assert display.ax_ is ax
    assert are_within_figure([*ax.get_yticklabels(), *ax.texts])


def test_errors():
    display = OptimizerComparisonDisplay(["a"], [[1.0]], [[0.1]], [[1.0]])
    with pytest.raises(ValueError, match=r"x must be 'parameter' or 'fit_time'. Got 'time'"):
        display.plot(x="time")
    found = search({"optimizer": ["sgd"], "alpha": [0.1, 1.0]})
    with pytest.raises(ValueError, match=r"one of \['alpha'\]. Got 'beta'"):
        OptimizerComparisonDisplay.from_cv_results(found, parameter="beta")
