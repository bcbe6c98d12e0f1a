"""Fit every public estimator once; run where sgdlearn is installed."""

import sys
import warnings

import numpy as np
import sklearn
from sklearn.base import is_classifier
from sklearn.datasets import load_breast_cancer, load_diabetes

import sgdlearn
from sgdlearn.datasets import make_ratings
from sgdlearn.utils.discovery import all_estimators

LOW_SCORE = {"classifier": 0.9, "regressor": 0.4}


def data_for(name, kind):
    """Something for it to learn, as X and y."""
    if name == "GDMatrixFactorization":
        return make_ratings(n_users=200, n_items=100, n_ratings=8000, random_state=0)
    return (load_breast_cancer if kind == "classifier" else load_diabetes)(return_X_y=True)


warnings.simplefilter("error")
print(f"Python {sys.version.split()[0]}, scikit-learn {sklearn.__version__}", end=", ")
print(f"NumPy {np.__version__}, sgdlearn {sgdlearn.__version__}")

estimators = all_estimators(type_filter=["classifier", "regressor"])
assert estimators, "no estimator found"
for name, estimator in estimators:
    model = estimator()
    kind = "classifier" if is_classifier(model) else "regressor"
    X, y = data_for(name, kind)
    score = model.fit(X, y).score(X, y)
    print(f"{name:24} {score:.3f} in {model.n_iter_} iterations")
    assert score > LOW_SCORE[kind], "far too low"
