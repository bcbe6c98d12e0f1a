"""TrajectoryDisplay, and the path of a fit beneath it."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.path import Path
from pictures import covered, plt
from scipy.optimize import rosen, rosen_der
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sgdlearn import GDLinearRegression, GDLogisticRegression, minimize
from sgdlearn.inspection import TrajectoryDisplay
from sgdlearn.linear_model._path import fit_path
from sgdlearn.optimizers import SGD
from sgdlearn.schedules import Exponential

DIABETES = load_diabetes(as_frame=True)
X, y = DIABETES.data.to_numpy(), DIABETES.target.to_numpy()


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def plane():
    """A regression on two columns, without an intercept."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(100, 2)) @ [[2.0, 0.5], [0.0, 1.0]]
    return A, A @ [1.0, -2.0] + 0.1 * rng.normal(size=100)


@pytest.mark.parametrize(
    "optimizer, learning_rate",
    [("sgd", "auto"), ("sgd", 0.1), ("adam", "auto"), ("saga", "auto"), ("lbfgs", "auto")],
)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_path_of_a_fit(optimizer, learning_rate, early_stopping):
    model = GDLinearRegression(
        optimizer=optimizer,
        learning_rate=learning_rate,
        alpha=1e-3,
        max_iter=7,
        tol=None,
        early_stopping=early_stopping,
        random_state=3,
    )
    path = fit_path(model, X, y)
    assert not hasattr(model, "coef_")
    model.fit(X, y)
    assert path.W.shape == (8, 1, 10)
    assert not path.W[0].any()
    end = -1 if not early_stopping else 1 + int(np.argmin(model.validation_curve_))
    np.testing.assert_array_equal(path.W[end, 0], model.coef_)
    np.testing.assert_array_equal(path.b[end, 0], model.intercept_)


def test_path_of_a_fit_of_weights():
    weights = np.arange(len(y)) % 3
    model = GDLinearRegression(optimizer="sgd", max_iter=2, tol=None, random_state=0)
    path = fit_path(model, X, y, weights)
    np.testing.assert_array_equal(path.W[-1, 0], model.fit(X, y, weights).coef_)


def test_paths_end_at_the_optimum(plane):
    exact = LinearRegression(fit_intercept=False).fit(*plane).coef_
    models = {
        "gradient descent": GDLinearRegression(optimizer="sgd", batch_size="full"),
        "adam": GDLinearRegression(
            optimizer="adam", learning_rate=Exponential(0.1, 0.99), random_state=0
        ),
        "lbfgs": GDLinearRegression(optimizer="lbfgs"),
        "saga": GDLinearRegression(optimizer="saga", random_state=0),
    }
    for model in models.values():
        model.set_params(fit_intercept=False, max_iter=300, tol=1e-10)
    models["adam"].set_params(tol=None)
    display = TrajectoryDisplay.from_estimators(models, *plane)
    assert display.names == list(models)
    np.testing.assert_allclose(display.optimum, exact, rtol=1e-6)
    for path, line in zip(display.paths, display.lines_, strict=True):
        np.testing.assert_array_equal(path[0], [0.0, 0.0])
        np.testing.assert_allclose(path[-1], exact, atol=1e-3)
        np.testing.assert_array_equal(line.get_xydata(), path)
    low, high = np.transpose([display.ax_.get_xlim(), display.ax_.get_ylim()])
    assert np.all((low < exact) & (exact < high) & (low < 0.0) & (high > 0.0))
    assert covered(display.ax_) == []


def test_contours_are_those_of_the_objective(plane):
    A, b = plane
    model = GDLinearRegression(alpha=0.1, fit_intercept=False)
    display = TrajectoryDisplay.from_estimator(model, A, b, n_grid=5)
    for i, v in enumerate(display.y):
        for j, u in enumerate(display.x):
            residuals = A @ [u, v] - b
            value = (residuals @ residuals) / (2 * len(b)) + 0.05 * (u * u + v * v)
            assert display.values[i, j] == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("coordinates", [("bmi", "s5"), (2, -2), (2, 8)])
def test_other_coefficients_stand_at_the_optimum(coordinates):
    exact = Ridge(alpha=0.01 * len(y)).fit(X, y)
    model = GDLinearRegression(alpha=0.01, optimizer="adam", max_iter=10, tol=None, random_state=0)
    display = TrajectoryDisplay.from_estimator(
        model, DIABETES.data, y, coordinates=coordinates, n_grid=7
    )
    np.testing.assert_allclose(display.optimum, exact.coef_[[2, 8]], rtol=1e-5)
    assert display.axis_labels == ("Coefficient of bmi", "Coefficient of s5")
    coef = exact.coef_.copy()
    coef[[2, 8]] = display.x[1], display.y[4]
    residuals = X @ coef + exact.intercept_ - y
    value = residuals @ residuals / (2 * len(y)) + 0.005 * coef @ coef
    assert display.values[4, 1] == pytest.approx(value, rel=1e-6)
    assert display.paths[0].shape == (11, 2)


def test_outputs_and_the_intercept():
    data, classes = load_iris(return_X_y=True)
    model = GDLogisticRegression(alpha=0.01, optimizer="lbfgs", tol=1e-8).fit(data, classes)
    display = TrajectoryDisplay.from_estimator(
        model, data, classes, coordinates=((1, 2), (2, "intercept"))
    )
    np.testing.assert_allclose(
        display.optimum, [model.coef_[1, 2], model.intercept_[2]], rtol=1e-3, atol=1e-4
    )
    np.testing.assert_array_equal(display.paths[0][-1], [model.coef_[1, 2], model.intercept_[2]])
    assert display.axis_labels == ("Coefficient of x2 (output 1)", "Intercept (output 2)")


@pytest.mark.parametrize("names", [None, ["size"]])
def test_of_a_single_feature_it_and_the_intercept(plane, names):
    A, t = plane[0][:, :1], plane[1] + 3.0
    A = A if names is None else pd.DataFrame(A, columns=names)
    display = TrajectoryDisplay.from_estimator(GDLinearRegression(), A, t)
    assert display.axis_labels == (f"Coefficient of {names[0] if names else 'x0'}", "Intercept")
    exact = Ridge(alpha=1e-4 * len(t)).fit(A, t)
    np.testing.assert_allclose(display.optimum, [exact.coef_[0], exact.intercept_], rtol=1e-4)


def test_contours_are_closed_lines_about_the_optimum():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    model = GDLogisticRegression(optimizer="sgd", max_iter=3, tol=None, random_state=0)
    names = "mean radius", "mean texture"
    display = TrajectoryDisplay.from_estimator(model, X, y, coordinates=names)
    lowest = display.contours_.allsegs[0]
    assert len(lowest) == 1, "a coarse grid shows islands along a valley"
    assert Path(lowest[0]).contains_point(display.optimum)


def test_lines_of_one_colour_differ_in_dashes_and_markers(plane):
    names = ("sgd", "adagrad", "adadelta", "rmsprop", "adam", "nadam", "ftrl", "saga")
    models = [
        GDLinearRegression(optimizer=name, max_iter=30, tol=None, random_state=0) for name in names
    ]
    first, *_, last = TrajectoryDisplay.from_estimators(models, *plane).lines_
    assert first.get_color() == last.get_color()
    assert first.get_linestyle() != last.get_linestyle()
    assert first.get_marker() != last.get_marker()
    assert first.get_markerfacecolor() != last.get_markerfacecolor()


def test_behind_the_steps_of_a_pipeline(plane):
    A, b = plane
    model = GDLinearRegression(optimizer="lbfgs")
    piped = TrajectoryDisplay.from_estimator(make_pipeline(StandardScaler(), model), A, b)
    plain = TrajectoryDisplay.from_estimator(model, StandardScaler().fit_transform(A), b)
    np.testing.assert_allclose(piped.paths[0], plain.paths[0])


def test_paths_over_a_function():
    steps = np.array([[-1.0, 1.5], [-0.5, 0.5], [0.5, 0.3], [1.0, 1.0]])
    display = TrajectoryDisplay.from_paths(
        rosen, {"one": steps, "other": steps[::-1].tolist()}, optimum=(1, 1), n_grid=9
    )
    np.testing.assert_array_equal(display.paths[0], steps)
    np.testing.assert_array_equal(display.paths[1], steps[::-1])
    assert display.values.shape == (9, 9)
    assert display.values[3, 5] == rosen([display.x[5], display.y[3]])
    assert (display.x[0], display.x[-1]) < (-1.0, 2.0)
    again = TrajectoryDisplay.from_paths(
        rosen, {"one": steps}, xlim=(-2, 2), ylim=(-1, 3), axis_labels=("a", "b"), n_grid=9
    )
    assert again.ax_.get_xlim() == (-2, 2)
    assert again.ax_.get_ylim() == (-1, 3)
    assert (again.ax_.get_xlabel(), again.ax_.get_ylabel()) == ("a", "b")
    assert len(again.lines_) == 1


def test_optimizers_on_a_function():
    optimizers = ["adam", SGD(momentum=0.9), "lbfgs"]
    display = TrajectoryDisplay.from_function(
        rosen, [-1.5, 2.0], optimizers, jac=rosen_der, max_iter=5000, optimum=(1, 1), n_grid=9
    )
    assert display.names == ["adam", "SGD(momentum=0.9)", "lbfgs"]
    for optimizer, path in zip(optimizers, display.paths, strict=True):
        result = minimize(
            rosen, [-1.5, 2.0], jac=rosen_der, optimizer=optimizer, max_iter=5000, path=True
        )
        np.testing.assert_array_equal(path, result.path)
        np.testing.assert_array_equal(path[0], [-1.5, 2.0])
        np.testing.assert_allclose(path[-1], [1.0, 1.0], atol=1e-2)


def test_parameters_of_each_optimizer():
    settings = {"slow": {"optimizer": "sgd", "learning_rate": 1e-4}, "fast": "sgd", "L": "lbfgs"}
    display = TrajectoryDisplay.from_function(
        rosen, [0.0, 0.0], settings, learning_rate=1e-3, max_iter=7, n_grid=9
    )
    slow, fast, _ = display.paths
    assert display.names == list(settings)
    assert slow.shape == fast.shape == (8, 2)
    np.testing.assert_allclose(slow[1], [2e-4, 0.0], atol=1e-9)  # one step against the slope
    np.testing.assert_allclose(fast[1], [2e-3, 0.0], atol=1e-8)


def test_a_stochastic_gradient():
    def noisy(x, rng):
        return 2 * x + rng.normal(size=2)

    displays = [
        TrajectoryDisplay.from_function(
            lambda x: x @ x, [2, 2], ["sgd"], jac=noisy, max_iter=20, random_state=0, n_grid=5
        )
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*(display.paths[0] for display in displays))


def test_a_path_that_diverges_leaves_the_window():
    tame = 0.5 ** np.arange(20)[:, None] * [1.0, 0.5]
    with np.errstate(over="ignore"):
        wild = (-3.0) ** np.arange(700)[:, None] * [1.0, 0.5]  # inf in the end
        display = TrajectoryDisplay.from_paths(
            lambda x: x @ x, {"wild": wild, "tame": tame}, n_grid=5
        )
    assert np.all(np.abs([display.x, display.y]) < 4.0)
    assert np.isfinite(display.paths[0]).all()


@pytest.mark.parametrize(
    "path",
    [
        [[1, 0], [-1.2, 0], [0.9, 0.3], [0, 2]],
        [[1, 0], [-0.999, 0], [1.3, 0]],
        [[0, 0], [1, 2]],
        [[1e-9, 0], [1, 2], [-2, 3]],
    ],
    ids=str,
)
@pytest.mark.parametrize("optimum", [None, (0, 0)])
def test_a_path_that_overshoots_stays_in_the_window(path, optimum):
    display = TrajectoryDisplay.from_paths(lambda x: x @ x, {"path": path}, optimum=optimum)
    low, high = np.min(path, axis=0), np.max(path, axis=0)
    for limits, least, most in zip((display.ax_.get_xlim(), display.ax_.get_ylim()), low, high):
        assert limits[0] < least and most < limits[1]


def test_a_fit_that_swings_stays_in_the_window(plane):
    model = GDLinearRegression(
        optimizer="sgd", batch_size="full", learning_rate=0.55, fit_intercept=False,
        max_iter=9, tol=None,
    )  # fmt: skip
    display = TrajectoryDisplay.from_estimator(model, *plane)
    (path,) = display.paths
    assert path[-1, 0] > 3.0 * display.optimum[0]  # the rate is somewhat too large
    for limits, of_path in zip((display.x, display.y), path.T):
        assert limits[0] < of_path.min() and of_path.max() < limits[-1]


def test_an_axes_is_used_and_a_display_drawn_again():
    _, ax = plt.subplots()
    display = TrajectoryDisplay([0, 1], [0, 1], [[0, 1], [1, 2]], [[[1, 1], [0, 0]]], ["path"])
    assert display.plot(ax=ax, filled=False) is display
    assert display.ax_ is ax
    assert display.plot().ax_ is not ax


@pytest.mark.filterwarnings("ignore:No contour levels:UserWarning")
def test_a_single_one_needs_no_list(plane):
    display = TrajectoryDisplay.from_function(rosen, [-1.5, 2.0], "adam", max_iter=5)
    assert display.names == ["adam"]
    display = TrajectoryDisplay.from_function(rosen, [-1.5, 2.0], SGD(momentum=0.9), max_iter=5)
    assert display.names == ["SGD(momentum=0.9)"]
    assert len(TrajectoryDisplay.from_estimators(GDLinearRegression(), *plane).paths) == 1
    with pytest.raises(ValueError, match="paths must be a dict of names and paths"):
        TrajectoryDisplay.from_paths(rosen, [[0, 0], [1, 1]])


def test_a_level_function():
    level = TrajectoryDisplay([0, 1], [0, 1], np.zeros((2, 2)), [[[1, 1]]], ["still"])
    assert level.plot().ax_.get_xlim() == (0, 1)


def test_errors(plane):
    model = GDLinearRegression()
    with pytest.raises(ValueError, match="not a linear estimator of sgdlearn"):
        TrajectoryDisplay.from_estimator(LinearRegression(), *plane)
    with pytest.raises(ValueError, match="must go down the same objective"):
        TrajectoryDisplay.from_estimators([model, GDLinearRegression(alpha=1.0)], *plane)
    for wrong in (7, -3, "x0", (1, 0), (0, "slope"), (1, "intercept"), ("intercept", 0)):
        with pytest.raises(ValueError, match="A coordinate must be the number or name of one of 2"):
            TrajectoryDisplay.from_estimator(model, *plane, coordinates=(0, wrong))
    for same in ((1, 1), (1, -1), (1, (0, 1)), ("intercept", "intercept")):
        with pytest.raises(ValueError, match="two coordinates must differ"):
            TrajectoryDisplay.from_estimator(model, *plane, coordinates=same)
    with pytest.raises(ValueError, match="coordinates must be two coefficients"):
        TrajectoryDisplay.from_estimator(model, *plane, coordinates=(0, 1, 1))
    model.set_params(fit_intercept=False)
    with pytest.raises(ValueError, match="no intercept with fit_intercept=False"):
        TrajectoryDisplay.from_estimator(model, *plane, coordinates=(0, "intercept"))
    with pytest.raises(ValueError, match=r"shape \(n_points, 2\). Got shape \(3,\)"):
        TrajectoryDisplay.from_paths(rosen, {"flat": [1.0, 2.0, 3.0]})
