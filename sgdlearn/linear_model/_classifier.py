"""What the linear classifiers share: classes, their weights, the decision."""

from numbers import Real

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if

from .._compat import StrOptions
from .._validation import (
    attributes_kept_on_error,
    check_classes,
    drop_zero_weight_rows,
    encode_classes,
    find_classes,
)
from ._base import LinearModel
from ._streaming import LearnsFromStreams, has_partial_fit


class LinearClassifier(ClassifierMixin, LearnsFromStreams, LinearModel):
    """Base of the linear classifiers."""

    _parameter_constraints = {
        "class_weight": [StrOptions("balanced"), dict, None],
        **LinearModel._parameter_constraints,
    }

    @available_if(has_partial_fit)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Learn from one chunk of a stream, row after row in the order given.

        The calls over the chunks of a pass equal one ``fit(max_iter=1, shuffle=False)`` to the last
        bit, for a learning rate given as a number or a schedule without horizon and class_weight
        None or a dict, if chunks end on batch borders. Ignores max_iter, tol and early_stopping.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        classes : array-like of shape (n_classes,), default=None
            All labels that there will ever be; needed in the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            A chunk whose weights are all zero changes nothing.

        Returns
        -------
        self : object
        """
        if classes is None and self.class_weight is None and type(y) is np.ndarray:
            plan = self._lean_plan(X, sample_weight)
            if plan is not None and y.shape == X.shape[:1]:
                targets, n_outputs = self._encode(y)
                counts = self.__dict__.get("_counts")
                return self._learn_chunk(X, targets, None, n_outputs, counts=counts, plan=plan)
        with attributes_kept_on_error(self):
            X, y, weights = self._validated_chunk(X, y, sample_weight)
            self.classes_ = check_classes(self, classes)
            targets, n_outputs = self._encode(y)
            X, targets, weights = drop_zero_weight_rows(X, targets, weights)
            if X.shape[0] > 0:
                counts = self._class_counts(targets, weights)
                if self.__dict__.get("_counts") is not None:
                    counts += self._counts
                weights = self._class_weights(targets, weights, counts)
                X, targets, weights = drop_zero_weight_rows(X, targets, weights)
            if X.shape[0] > 0:
                return self._learn_chunk(X, targets, weights, n_outputs, counts=counts)
            if not self.__sklearn_is_fitted__():
                self._set_zero_model(X, n_outputs)
            return self

    def decision_function(self, X):
        """Scores of the classes: w . x + b.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes the score of the second.
        """
        scores = self._decision_function(X)
        return scores.ravel() if scores.shape[1] == 1 else scores

    def predict(self, X):
        """Predict the class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        scores = self.decision_function(X)
        index = (scores > 0).astype(np.intp) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[index]

    def _learn_targets(self, y):
        self.classes_, self._counts = find_classes(y), None

    def _encode(self, y):
        targets = encode_classes(y, self.classes_).astype(np.float64)
        if len(self.classes_) == 2:
            targets *= 2.0
            targets -= 1.0
            return targets[:, None], 1
        return targets[:, None], len(self.classes_)

    def _class_index(self, targets):
        index = targets[:, 0].astype(np.intp)
        return (index + 1) // 2 if len(self.classes_) == 2 else index

    def _class_counts(self, targets, weights):
        """The weight of the rows of each class."""
        return np.bincount(self._class_index(targets), weights, len(self.classes_)).astype(float)

    def _class_weights(self, targets, weights, counts=None):
        """Row weights with class_weight multiplied in; `counts` are those of the whole stream."""
        if self.class_weight is None:
            return weights
        if isinstance(self.class_weight, str):  # "balanced"
            if counts is None:
                counts = self._counts = self._class_counts(targets, weights)
            with np.errstate(divide="ignore"):
                of_class = counts.sum() / (len(counts) * counts)
        else:
            of_class = self._given_class_weights()
        of_row = of_class[self._class_index(targets)]
        return of_row if weights is None else weights * of_row

    def _given_class_weights(self):
        labels = self.classes_.tolist()
        unknown = [label for label in self.class_weight if label not in labels]
        if unknown:
            raise ValueError(
                f"class_weight names labels {unknown} that are not among the classes {labels}."
            )
        of_class = [self.class_weight.get(label, 1.0) for label in labels]
        fine = all(isinstance(weight, Real) and 0 <= weight < np.inf for weight in of_class)
        if not (fine and any(of_class)):
            raise ValueError(
                "class_weight must hold finite numbers, not negative and not all zero. "
                f"Got {self.class_weight!r}."
            )
        return np.array(of_class, dtype=np.float64)

    def _shaped(self, W, b):
        return W, b
