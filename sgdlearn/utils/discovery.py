"""Find the estimators of sgdlearn, as ``sklearn.utils.discovery`` does for scikit-learn."""

import inspect
import pkgutil
from importlib import import_module

from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin

_KINDS = {
    "classifier": ClassifierMixin,
    "regressor": RegressorMixin,
    "transformer": TransformerMixin,
}


def all_estimators(type_filter=None):
    """List every public estimator of sgdlearn.

    Parameters
    ----------
    type_filter : {"classifier", "regressor", "transformer"}, list of them or None, \
default=None
        Only the estimators of these kinds; None means all.

    Returns
    -------
    estimators : list of tuple
        The pairs (name, class), sorted by name.

    Raises
    ------
    ValueError
        If there is no such kind.
    """
    kinds = list(_KINDS) if type_filter is None else type_filter
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    unknown = [kind for kind in kinds if kind not in _KINDS]
    if unknown:
        raise ValueError(
            f"type_filter must be None or among {list(_KINDS)}, or a list of them. "
            f"Got {type_filter!r} instead."
        )

    found = {}
    for module in _public_modules():
        for name, cls in inspect.getmembers(module, inspect.isclass):
            if (
                issubclass(cls, BaseEstimator)
                and hasattr(cls, "fit")  # losses, optimizers, ... have parameters, but do not fit
                and cls.__module__.startswith("sgdlearn.")
                and not name.startswith("_")
                and not inspect.isabstract(cls)
            ):
                found[name] = cls
    if type_filter is not None:
        mixins = tuple(_KINDS[kind] for kind in kinds)
        found = {name: cls for name, cls in found.items() if issubclass(cls, mixins)}
    return sorted(found.items())


def _public_modules():
    """Import sgdlearn's public modules, those without an underscore in their path."""
    package = import_module("sgdlearn")
    yield package
    for info in pkgutil.walk_packages(package.__path__, prefix="sgdlearn."):
        if "._" not in info.name:
            yield import_module(info.name)
