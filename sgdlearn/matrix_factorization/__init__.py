"""Matrix factorisation: ratings of items by users."""

from ._factorization import GDMatrixFactorization

__all__ = ["GDMatrixFactorization"]
