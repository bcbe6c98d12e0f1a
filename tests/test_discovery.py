"""The estimators are found."""

import pytest
from sklearn.base import BaseEstimator, is_classifier, is_regressor

from sgdlearn.utils import all_estimators


def test_all_estimators():
    found = all_estimators()
    assert found == sorted(found)
    assert {"GDLinearRegression", "GDLinearSVC", "GDLogisticRegression"} <= dict(found).keys()
    for name, cls in found:
        assert name == cls.__name__
        assert issubclass(cls, BaseEstimator)
        assert cls.__module__.startswith("sgdlearn.")


def test_by_kind():
    classifiers, regressors = all_estimators("classifier"), all_estimators("regressor")
    assert all(is_classifier(cls()) for _, cls in classifiers)
    assert all(is_regressor(cls()) for _, cls in regressors)
    assert all_estimators(["classifier", "regressor"]) == sorted(classifiers + regressors)


def test_unknown_kind():
    with pytest.raises(ValueError, match=r"type_filter must be None or .* Got 'dog' instead"):
        all_estimators("dog")
