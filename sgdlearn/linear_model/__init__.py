"""Linear models trained by gradient descent."""

from ._logistic import GDLogisticRegression
from ._regression import GDLinearRegression
from ._svc import GDLinearSVC

__all__ = ["GDLinearRegression", "GDLinearSVC", "GDLogisticRegression"]
