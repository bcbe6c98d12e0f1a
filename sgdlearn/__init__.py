"""Gradient descent for people who use scikit-learn."""

from ._minimize import minimize
from .linear_model import GDLinearRegression, GDLinearSVC, GDLogisticRegression
from .matrix_factorization import GDMatrixFactorization

__version__ = "0.1.0"

__all__ = [
    "GDLinearRegression",
    "GDLinearSVC",
    "GDLogisticRegression",
    "GDMatrixFactorization",
    "minimize",
]
