"""Ratings to try recommenders on: made up, or fetched."""

from ._movielens import fetch_movielens
from ._ratings import make_ratings

__all__ = ["fetch_movielens", "make_ratings"]
