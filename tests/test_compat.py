"""What depends on the version of scikit-learn works on the one that is installed."""

import ast
import re
from numbers import Real
from pathlib import Path

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

import sgdlearn
from sgdlearn._compat import (
    HAS_CALLBACKS,
    CallbackSupportMixin,
    Interval,
    StrOptions,
    validate_parameters,
    with_callbacks,
)


class Estimator(CallbackSupportMixin, RegressorMixin, BaseEstimator):
    """Counts to max_iter, as a solver counts epochs."""

    _parameter_constraints = {
        "alpha": [Interval(Real, 0, None, closed="left")],
        "penalty": [StrOptions("l2", "l1", "elasticnet"), None],
    }

    def __init__(self, *, alpha=0.0, penalty="l2", max_iter=5):
        self.alpha = alpha
        self.penalty = penalty
        self.max_iter = max_iter

    @with_callbacks
    def fit(self, X, y):
        validate_parameters(self)
        context = self._init_callback_context(max_subtasks=self.max_iter)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        self.n_iter_ = 0
        for _ in range(self.max_iter):
            epoch = context.subcontext(task_name="epoch")
            epoch.call_on_fit_task_begin(estimator=self, X=X, y=y)
            self.n_iter_ += 1
            if epoch.call_on_fit_task_end(estimator=self, X=X, y=y):
                break
        context.call_on_fit_task_end(estimator=self, X=X, y=y, reconstruction_attributes={})
        return self


X, y = np.zeros((3, 2)), np.zeros(3)


def test_fit_without_callbacks():
    assert Estimator().fit(X, y).n_iter_ == 5


@pytest.mark.skipif(HAS_CALLBACKS, reason="this scikit-learn has callbacks")
def test_set_callbacks_says_what_it_needs():
    message = (
        "Estimator.set_callbacks needs scikit-learn >= 1.9 "
        f"(this is scikit-learn {sklearn.__version__})."
    )
    with pytest.raises(NotImplementedError, match=re.escape(message)):
        Estimator().set_callbacks(object())


@pytest.mark.skipif(not HAS_CALLBACKS, reason="needs scikit-learn >= 1.9")
def test_callbacks_see_each_epoch_and_stop():
    class StopAtThird:
        """A callback in the sense of scikit-learn's protocol."""

        def __init__(self):
            self.seen = []

        def setup(self, estimator, context):
            self.seen.append("setup")

        def teardown(self, estimator, context):
            self.seen.append("teardown")

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context):
            self.seen.append(context.task_name)
            return self.seen.count("epoch") == 3

    callback = StopAtThird()
    assert Estimator().set_callbacks(callback).fit(X, y).n_iter_ == 3
    assert callback.seen == ["setup", "epoch", "epoch", "epoch", "fit", "teardown"]


@pytest.mark.parametrize(
    "parameter, value, message",
    [
        ("alpha", -1.0, "must be a float in the range [0.0, inf). Got -1.0 instead."),
        ("alpha", "big", "must be a float in the range [0.0, inf). Got 'big' instead."),
        (
            "penalty",
            "l3",
            "must be a str among {'l2', 'l1', 'elasticnet'} or None. Got 'l3' instead.",
        ),
    ],
)
def test_errors_name_parameter_value_and_what_is_allowed(parameter, value, message):
    estimator = Estimator(**{parameter: value})
    message = f"The {parameter!r} parameter of Estimator {message}"
    with pytest.raises(ValueError, match=re.escape(message)):
        estimator.fit(X, y)
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)
    with sklearn.config_context(skip_parameter_validation=True):
        validate_parameters(estimator)


def test_valid_parameters_pass():
    validate_parameters(Estimator(alpha=1, penalty=None))


def names_taken_from_scikit_learn(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_nothing_private_of_scikit_learn_is_imported_elsewhere():
    for path in Path(sgdlearn.__file__).parent.rglob("*.py"):
        for name in names_taken_from_scikit_learn(path):
            if name.startswith("sklearn") and path.name != "_compat.py":
                assert "._" not in name.replace("__version__", ""), path
