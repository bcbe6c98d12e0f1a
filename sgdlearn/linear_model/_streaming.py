"""partial_fit of the linear estimators."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from .. import _threads as threads
from .._compat import validate_parameters
from .._parameters import fingerprint
from .._solvers.objective import Objective
from .._solvers.own_loss import check_loss
from .._solvers.rows import make_rows
from .._solvers.solve import method_for, resumed, visit_chunk, way_down
from .._solvers.stream import NO_SIGNS, Stream
from .._validation import (
    check_weights,
    check_Xy,
    lean_rows,
)
from ._base import may_stream


def has_partial_fit(estimator):
    """For `available_if`: whether the optimizer learns from streams."""
    if may_stream(estimator.optimizer):
        return True
    raise AttributeError(
        f"{type(estimator).__name__} has no partial_fit with optimizer={estimator.optimizer!r}, "
        "which needs all rows at once; 'auto', 'sgd', 'adagrad', 'adam' and the like learn from "
        "streams."
    )


@dataclass
class Plan:
    """What the parameters of an estimator mean for its stream, kept from call to call.

    Attributes
    ----------
    parameters : list
        The parameters it was made from; the plan is made anew when one has changed.
    shape : tuple
        The same for (features, outputs, sparse).
    """

    parameters: list
    shape: tuple
    loss: Any
    penalty: Any
    way: Any
    method: Any = None


class LearnsFromStreams:
    """Mixin: what partial_fit of regressors and classifiers shares."""

    def _learn_chunk(self, X, targets, n_outputs, weights, *, counts=None, plan=None):
        """Learn from the validated rows of one chunk, of positive weights, in their order."""
        own = self.__dict__
        self._heed_written_coefficients()
        if plan is None:
            plan = self._plan(X.shape[1], n_outputs, sparse.issparse(X))
        objective = Objective(
            make_rows(X, plan.way.n_jobs),
            targets,
            weights,
            plan.loss,
            plan.penalty,
            n_outputs,
            self.fit_intercept,
        )
        if plan.method is None:
            check_loss(plan.loss, objective.output_targets(0))
            plan.method = method_for(objective, plan.way)
        run, stream, signs = own.get("_run"), None, NO_SIGNS
        if plan.way.learning_rate == "auto":
            stream = own.get("_stream")
            if stream is None:  # what was learnt at a given rate knows no metric
                run, stream = None, Stream.begin(X.shape[1], targets.shape[1], n_outputs, plan.loss)
            elif run is not None:
                weights, signs = stream.doubting(
                    objective.rows, weights, run.scaling, objective.rows.sparse == run.sparse_metric
                )
                objective.weights = weights
                objective.targets, strangers = stream.clipped(objective.targets)
                signs = *signs, strangers
        if run is not None and run.method is not plan.method:  # parameters have changed
            run = resumed(run, plan.method, objective, plan.way, stream)
        W = b = None
        if run is None and self.__sklearn_is_fitted__():
            W = np.asarray(self._dense_coef(), dtype=np.float64).reshape(n_outputs, -1)
            b = np.asarray(self.intercept_, dtype=np.float64).reshape(n_outputs)
            if self.t_ == 0 and not (W.any() or b.any()):
                W = b = None  # the zero model of chunks without weight: this one is the first
        try:
            run, stream = visit_chunk(objective, W, b, plan.way, run, stream, signs)
        except FloatingPointError:
            self._warn_of_divergence()
            if not self.__sklearn_is_fitted__():
                self._set_zero_model(X, n_outputs)
            return self
        own.update(_run=run, _stream=stream, _counts=counts, _coef=None, _intercept=None)
        own.update(optimizer_=plan.way.rule, n_iter_=1, t_=run.state.t, _dtype=run.dtype)
        return self

    def _plan(self, *shape):
        """The `Plan` that the parameters mean now for rows of this shape."""
        parameters = fingerprint(self)
        plan = self.__dict__.get("_kept_plan")
        if plan is None or plan.shape != shape or plan.parameters != parameters:
            n_features, n_outputs, sparse_rows = shape
            loss = self._loss(n_outputs)
            penalty = self._penalty(n_features)
            settings = self.get_params(deep=False)
            settings["n_jobs"] = threads.count(self.n_jobs)
            run = self.__dict__.get("_run")
            if run is not None:  # what it has learnt goes on, whatever the storage of these rows
                sparse_rows = run.method.rule.name == "ftrl"
            way = way_down(settings, loss=loss, penalty=penalty, sparse=sparse_rows)
            plan = self._kept_plan = Plan(parameters, shape, loss, penalty, way)
        return plan

    def _validated_chunk(self, X, y, sample_weight):
        """(X, y, weights) of a chunk without its rows of weight zero."""
        validate_parameters(self)
        X, y = check_Xy(self, X, y, reset=not self.__sklearn_is_fitted__())
        weights = check_weights(sample_weight, X.shape[0], allow_all_zero=True)
        return X, y, weights

    def _lean_plan(self, X, sample_weight):
        """The plan, if the chunk can be learnt from as it stands, unchecked; else None.

        So it can for an array like those before, where no parameter has changed since and columns
        have no names.
        """
        own = self.__dict__
        run, plan = own.get("_run"), own.get("_kept_plan")
        lean = (
            sample_weight is None
            and run is not None
            and plan is not None
            and not plan.shape[2]
            and "feature_names_in_" not in own
            and plan.parameters == fingerprint(self)
            and lean_rows(X, run.state.W.dtype, own["n_features_in_"])
        )
        return plan if lean else None

    def _set_zero_model(self, X, n_outputs):
        """Fitted, but without having learnt anything."""
        W = np.zeros((n_outputs, X.shape[1]), dtype=X.dtype)
        self._coef, self._intercept = self._shaped(W, np.zeros(n_outputs))
        self.n_iter_, self.t_ = 1, 0

    def _warn_of_divergence(self):
        what = f"{type(self).__name__}.partial_fit diverged on this chunk, which was left out"
        if self.learning_rate == "auto":
            advice = (
                "numbers in it, or in an earlier one, are far beyond all others; a model that has "
                "learnt from such targets is to be begun anew, without them."
            )
        else:
            advice = (
                f"lower the learning rate (learning_rate={self.learning_rate!r}), or leave it to "
                "learning_rate='auto'."
            )
        warnings.warn(f"{what}: {advice}", ConvergenceWarning, stacklevel=4)
