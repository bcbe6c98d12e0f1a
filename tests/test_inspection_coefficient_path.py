"""coefficient_path and CoefficientPathDisplay."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.text import Text
from pictures import are_within_figure, plt
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import Lasso, LinearRegression, enet_path
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler

from sgdlearn import GDLinearRegression, GDLogisticRegression
from sgdlearn.inspection import CoefficientPathDisplay, coefficient_path

X, y = load_diabetes(return_X_y=True)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.mark.parametrize("penalty, l1_ratio", [("l1", 1.0), ("elasticnet", 0.5)])
def test_path_is_that_of_scikit_learn(penalty, l1_ratio):
    model = GDLinearRegression(penalty=penalty, l1_ratio=l1_ratio, tol=1e-8)
    path = coefficient_path(model, X, y, n_alphas=12)
    assert np.all(np.diff(path.alphas) < 0.0)
    centred = X - X.mean(axis=0), y - y.mean()
    alphas, coefs, _ = enet_path(
        *centred, l1_ratio=l1_ratio, alphas=path.alphas, tol=1e-10, max_iter=100_000
    )
    np.testing.assert_allclose(path.alphas, alphas)
    np.testing.assert_allclose(path.coefs, coefs.T, atol=0.05)


@pytest.mark.filterwarnings("ignore:.*did not converge:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "model, target",
    [
        (GDLinearRegression(), y),
        (GDLinearRegression(positive=True), y),
        (GDLinearRegression(standardize=True), y),
        (GDLinearRegression(), np.column_stack([y, -2 * y + X[:, 0]])),
        (GDLogisticRegression(), y > 140),
        (GDLogisticRegression(), np.digitize(y, [90, 180])),
    ],
    ids=["numbers", "positive", "standardized", "two outputs", "two classes", "three classes"],
)
def test_it_begins_at_the_least_alpha_without_features(model, target):
    model.set_params(penalty="l1", tol=1e-10)
    begin = coefficient_path(model, X, target, n_alphas=2).alphas[0]
    path = coefficient_path(model, X, target, alphas=[1.0001 * begin, 0.99 * begin])
    assert not path.coefs[0].any()
    assert path.coefs[1].any()


def test_each_fit_starts_where_the_last_has_ended():
    model = GDLogisticRegression(
        penalty="l1", optimizer="saga", max_iter=3, tol=None, random_state=0
    )
    path = coefficient_path(model, X, y > 140, alphas=[1e-3, 1e-2])
    np.testing.assert_array_equal(path.alphas, [1e-2, 1e-3])
    first = GDLogisticRegression(**{**model.get_params(), "alpha": 1e-2}).fit(X, y > 140)
    second = GDLogisticRegression(**{**model.get_params(), "alpha": 1e-3})
    second.fit(X, y > 140, coef_init=first.coef_, intercept_init=first.intercept_)
    np.testing.assert_array_equal(path.coefs, np.concatenate([first.coef_, second.coef_]))
    np.testing.assert_array_equal(path.intercepts[:, None], [first.intercept_, second.intercept_])
    assert not hasattr(model, "coef_")


def test_weights_pipelines_and_names():
    data = load_breast_cancer(as_frame=True)
    pipeline = make_pipeline(
        StandardScaler().set_output(transform="pandas"), GDLogisticRegression(penalty="l1")
    )
    path = coefficient_path(pipeline, data.data, data.target, n_alphas=3)
    assert path.feature_names == list(data.data.columns)
    assert path.coefs.shape == (3, 30)
    twice = np.full(len(data.target), 2.0)
    twice[::2] = 1.0
    weighted = coefficient_path(
        pipeline, data.data, data.target, sample_weight=twice, alphas=path.alphas
    )
    assert not np.allclose(weighted.coefs, path.coefs)
    with pytest.raises(ValueError, match=r"StandardScaler has no parameters \['alpha'"):
        coefficient_path(StandardScaler(), X, y)


def test_lines_are_the_coefficients():
    display = CoefficientPathDisplay.from_estimator(
        GDLinearRegression(penalty="l1"), X, y, n_alphas=20, n_labels=4
    )
    assert len(display.lines_) == 10
    for j, line in enumerate(display.lines_):
        np.testing.assert_array_equal(line.get_xdata(), display.alphas)
        np.testing.assert_array_equal(line.get_ydata(), display.coefs[:, j])
    left, right = display.ax_.get_xlim()
    assert left > right  # alpha falls
    largest = np.argsort(-np.abs(display.coefs[-1]))[:4]
    assert [label.get_text() for label in display.labels_] == [f"x{j}" for j in largest]
    for j, label in zip(largest, display.labels_):
        assert label.get_color() == display.lines_[j].get_color()
    assert are_within_figure(display.labels_)


@pytest.mark.parametrize("as_frame", [True, False])
def test_names_of_the_columns_that_a_pipeline_makes(as_frame):
    data = load_iris(as_frame=as_frame)
    model = GDLogisticRegression(penalty="l1", tol=1e-3)
    pipeline = make_pipeline(PolynomialFeatures(2, include_bias=False), StandardScaler(), model)
    names = pipeline[:-1].fit(data.data).get_feature_names_out()
    path = coefficient_path(pipeline, data.data, data.target, n_alphas=2)
    assert path.feature_names == list(names)
    nameless = make_pipeline(FunctionTransformer(np.abs), model)
    path = coefficient_path(nameless, load_iris().data, data.target, n_alphas=2)
    assert path.feature_names == ["x0", "x1", "x2", "x3"]


def test_what_is_rounding_is_not_counted_nor_named():
    coefs = np.array([[4e-16, 0.0, 0.0, 1e-17], [1.0, 0.0, 0.0, 2e-17], [2.0, 1e-6, 0.0, 3e-17]])
    display = CoefficientPathDisplay([1.0, 0.1, 0.01], coefs).plot()
    assert [label.get_text() for label in display.labels_] == ["x0", "x1"]
    (top,) = display.ax_.child_axes
    assert [tick.get_text() for tick in top.get_xticklabels()] == ["0", "1", "2"]


@pytest.mark.parametrize("layout", ["constrained", None, "own"])
def test_labels_are_whole_after_tight_layout(layout):
    coefs = np.linspace(0, 1, 30)[:, None] * np.arange(1.0, 9.0)
    names = [f"a feature of some length, number {j}" for j in range(8)]
    display = CoefficientPathDisplay(np.geomspace(1, 1e-3, 30), coefs, feature_names=names)
    display.plot(ax=None if layout == "own" else plt.subplots(layout=layout)[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # matplotlib's, that the layout changes
        display.figure_.tight_layout()
    assert are_within_figure(display.labels_)


def test_labels_do_not_overlap_and_stay_in_the_picture():
    coefs = np.linspace(0, 1, 30)[:, None] * (1.0 + 1e-3 * np.arange(8))
    names = [f"a feature of some length, number {j}" for j in range(8)]
    for layout in ("constrained", None):
        _, ax = plt.subplots(layout=layout)
        display = CoefficientPathDisplay(np.geomspace(1, 1e-3, 30), coefs, feature_names=names)
        display.plot(ax=ax)
        assert display.ax_ is ax
        assert are_within_figure(display.labels_)
        heights = sorted(
            (box.y0, box.y1) for box in (Text.get_window_extent(label) for label in display.labels_)
        )
        assert all(high <= low + 1 for (_, high), (low, _) in pairwise(heights))


@pytest.mark.filterwarnings("ignore:.*did not converge:sklearn.exceptions.ConvergenceWarning")
def test_one_output_of_several():
    data = load_iris(return_X_y=True)
    model = GDLogisticRegression(penalty="l1", tol=1e-3)
    display = CoefficientPathDisplay.from_estimator(model, *data, n_alphas=4)
    assert display.coefs.shape == (4, 3, 4)
    assert display.output_names == ["class 0", "class 1", "class 2"]
    assert display.ax_.get_ylabel().endswith(", class 0")
    for output in (3, -4, 1.0, "class 1"):
        with pytest.raises(ValueError, match=f"output must be .* below 3, .* Got {output!r}"):
            display.plot(output=output)
    assert display.plot(output=-1).ax_.get_ylabel().endswith(", class 2")
    again = display.plot(output=2)
    assert again.ax_.get_ylabel().endswith(", class 2")
    for j, line in enumerate(again.lines_):
        np.testing.assert_array_equal(line.get_ydata(), display.coefs[:, 2, j])


def test_no_penalty_is_not_on_the_log_scale():
    model = GDLinearRegression(penalty="l1")
    display = CoefficientPathDisplay.from_estimator(model, X, y, alphas=[1.0, 0.0, 0.1])
    np.testing.assert_array_equal(display.alphas, [1.0, 0.1, 0.0])
    for j, line in enumerate(display.lines_):
        np.testing.assert_array_equal(line.get_xdata(), [1.0, 0.1])
        np.testing.assert_array_equal(line.get_ydata(), display.coefs[:2, j])
    assert display.ax_.get_xlim() == (1.0, 0.1)


def test_errors():
    with pytest.raises(ValueError, match=r"LinearRegression has no parameters \['alpha', 'warm"):
        coefficient_path(LinearRegression(), X, y)
    with pytest.raises(ValueError, match="with penalty=None alpha changes nothing"):
        coefficient_path(GDLinearRegression(penalty=None), X, y)
    with pytest.raises(ValueError, match="pass alphas for Lasso"):
        coefficient_path(Lasso(), X, y)
    assert coefficient_path(Lasso(), X, y, alphas=[1.0, 0.1]).coefs.shape == (2, 10)


def test_outputs_of_numbers():
    both = np.column_stack([y, X[:, 2]])
    path = coefficient_path(GDLinearRegression(penalty="l1"), X, both, n_alphas=2)
    assert path.output_names == ["output 0", "output 1"]
    path = coefficient_path(GDLinearRegression(penalty="l1"), X, y, n_alphas=2)
    assert path.output_names is None
    display = CoefficientPathDisplay(path.alphas, path.coefs).plot()
    assert display.ax_.get_ylabel() == "Coefficient (per unit of x)"
    with pytest.raises(ValueError, match=r"below 1, the number of outputs\. Got 7"):
        display.plot(output=7)
