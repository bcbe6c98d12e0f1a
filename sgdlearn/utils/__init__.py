"""Utilities."""

from sgdlearn.utils.discovery import all_estimators

__all__ = ["all_estimators"]
