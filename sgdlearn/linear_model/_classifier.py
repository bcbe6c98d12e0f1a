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

# The targets of two classes.
SIGNS = np.array([-1.0, 1.0])


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
            The rows of the chunk.
        y : array-like of shape (n_samples,)
            Their targets.
        classes : array-like of shape (n_classes,), default=None
            All labels that there will ever be; needed in the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            A chunk whose weights are all zero changes nothing.

        Returns
        -------
        self : object
            The estimator itself.

        Raises
        ------
        ValueError
            On input or parameters that cannot be used; the message names them. The model then is
            what it was.
        """
        if classes is None and type(y) is np.ndarray:
            plan = self._lean_plan(X, sample_weight)
            if plan is not None and y.shape == X.shape[:1]:
                index = encode_classes(y, self.classes_)
                counts = self._counts + self._count(index)
                weights = self._class_weights(index, None, counts)
                if weights is None or weights.all():
                    chunk = X, *self._targets(index), weights
                    return self._learn_chunk(*chunk, counts=counts, plan=plan)
        with attributes_kept_on_error(self):
            X, y, weights = self._validated_chunk(X, y, sample_weight)
            self.classes_ = check_classes(self, classes)
            targets, n_outputs = self._encode(y)
            X, targets, weights = drop_zero_weight_rows(X, targets, weights)
            if X.shape[0] > 0:
                index = self._class_index(targets)
                counts = self.__dict__.get("_counts", 0.0) + self._count(index, weights)
                weights = self._class_weights(index, weights, counts)
                X, targets, weights = drop_zero_weight_rows(X, targets, weights)
            if X.shape[0] > 0:
                return self._learn_chunk(X, targets, n_outputs, weights, counts=counts)
            if not self.__sklearn_is_fitted__():
                self._set_zero_model(X, n_outputs)
            return self

    def decision_function(self, X):
        """Scores of the classes: w . x + b.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict for.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes the score of the second.

        Raises
        ------
        ValueError
            On rows that are not numbers, or have another number of columns than those of `fit`.
        """
        scores = self._decision_function(X)
        return scores.ravel() if scores.shape[1] == 1 else scores

    def predict(self, X):
        """Predict the class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict for.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels, of those in `classes_`.

        Raises
        ------
        ValueError
            On rows that are not numbers, or have another number of columns than those of `fit`.
        """
        scores = self.decision_function(X)
        index = (scores > 0).astype(np.intp) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[index]

    def _learn_targets(self, y):
        self.classes_ = find_classes(y)

    def _encode(self, y):
        return self._targets(encode_classes(y, self.classes_))

    def _targets(self, index):
        """The targets of rows of these classes, and how many outputs."""
        n_classes = len(self.classes_)
        values = SIGNS.take(index) if n_classes == 2 else index.astype(np.float64)
        return values[:, None], 1 if n_classes == 2 else n_classes

    def _class_index(self, targets):
        return (targets[:, 0] > 0 if len(self.classes_) == 2 else targets[:, 0]).astype(np.intp)

    def _count(self, index, weights=None):
        """The weight of the rows of each class."""
        return np.bincount(index, weights, len(self.classes_)).astype(np.float64)

    def _weighted(self, targets, weights):
        index = self._class_index(targets)
        self._counts = self._count(index, weights)
        return self._class_weights(index, weights, self._counts)

    def _class_weights(self, index, weights, counts):
        """Row weights with class_weight multiplied in; `counts` are those of all rows so far."""
        if self.class_weight is None:
            return weights
        if isinstance(self.class_weight, str):  # "balanced"
            mean = counts.sum() / len(counts)
            of_class = np.divide(mean, counts, out=np.zeros_like(counts), where=counts > 0.0)
        else:
            of_class = self._given_class_weights()
        of_row = of_class[index]
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
