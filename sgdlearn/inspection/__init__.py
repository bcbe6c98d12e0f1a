"""Pictures of learning: is it converging, which optimizer is better, is the learning rate right.

The displays follow scikit-learn's: a class keeps the numbers of its picture, ``from_estimator`` and
the like compute and draw them, ``plot(ax=...)`` draws them again. matplotlib is imported when one
draws, and not before.
"""

from ._coefficient_path import CoefficientPathDisplay, coefficient_path
from ._learning_rate_finder import LearningRateFinderDisplay
from ._loss_curve import LossCurveDisplay
from ._optimizer_comparison import OptimizerComparisonDisplay
from ._range_test import lr_range_test
from ._schedule import ScheduleDisplay
from ._trajectory import TrajectoryDisplay

__all__ = [
    "CoefficientPathDisplay",
    "LearningRateFinderDisplay",
    "LossCurveDisplay",
    "OptimizerComparisonDisplay",
    "ScheduleDisplay",
    "TrajectoryDisplay",
    "coefficient_path",
    "lr_range_test",
]
