"""What all displays share."""

import subprocess
import sys

import numpy as np
import pytest
from pictures import plt

from sgdlearn import GDLinearRegression, inspection

X, y = np.arange(12.0).reshape(6, 2), np.arange(6.0)
MODEL = GDLinearRegression(optimizer="sgd", learning_rate=1e-4, max_iter=2, tol=None).fit(X, y)
RESULTS = {
    "param_optimizer": ["sgd"],
    "mean_test_score": [1.0],
    "std_test_score": [0.1],
    "mean_fit_time": [0.1],
}
WAYS = {
    "CoefficientPathDisplay.from_estimator": (MODEL, X, y),
    "LearningRateFinderDisplay.from_estimator": (MODEL, X, y),
    "LossCurveDisplay.from_estimators": ([MODEL],),
    "OptimizerComparisonDisplay.from_cv_results": (RESULTS,),
    "ScheduleDisplay.from_estimator": (MODEL,),
    "ScheduleDisplay.from_schedules": ([0.1],),
    "TrajectoryDisplay.from_estimators": ([MODEL], X, y),
    "TrajectoryDisplay.from_function": (lambda x: x @ x, [1, 1], ["sgd"]),
    "TrajectoryDisplay.from_paths": (lambda x: x @ x, {"path": [[1, 1], [0, 0]]}),
}
NAMES = sorted({way.split(".")[0] for way in WAYS})


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def called(way):
    name, method = way.split(".")
    return getattr(getattr(inspection, name), method)(*WAYS[way])


def test_every_display_is_here():
    assert [name for name in inspection.__all__ if name.endswith("Display")] == NAMES


@pytest.mark.parametrize("way", WAYS)
def test_without_matplotlib_the_error_says_what_is_missing(way, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=f"^{way} needs matplotlib, .* pip install matplotlib"):
        called(way)


@pytest.mark.parametrize("way", WAYS)
def test_plot_without_matplotlib(way, monkeypatch):
    display = called(way)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    name = type(display).__name__
    with pytest.raises(ImportError, match=f"^{name}.plot needs matplotlib"):
        display.plot()


def test_matplotlib_is_not_imported_before_one_draws():
    program = (
        "import sys, sgdlearn.inspection as i\n"
        "i.lr_range_test, i.coefficient_path\n"
        "sys.exit(any(name.split('.')[0] == 'matplotlib' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("way", WAYS)
def test_display_conventions(way):
    display = called(way)
    assert isinstance(display.lines_, list)
    assert all(isinstance(line, plt.Line2D) for line in display.lines_)
    assert display.figure_ is display.ax_.figure
    first = display.ax_
    assert display.plot() is display
    assert display.ax_ is not first
    ax = plt.figure().subfigures(1, 2)[0].subplots()
    display.plot(ax=ax)
    assert display.ax_ is ax
    assert ax.get_xlabel()
