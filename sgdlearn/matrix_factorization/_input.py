"""Ratings as users pass them: pairs of ids with y, or a sparse matrix of users x items."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_consistent_length

from .._solvers.factorization.identifiers import Column, IntegerColumn
from .._validation import check_numbers, check_sparse_structure, check_weights

# The largest rating whose square and its square a float32 holds.
LARGEST_FLOAT32 = 1e9
# What could be taken apart into two, but is one id, or has no order.
NO_PAIRS = frozenset((str, np.str_, bytes, np.bytes_, set, frozenset, dict))
# What ratings on the lean path may be.
NUMBERS = frozenset(np.dtype(code) for code in ("f8", "f4", "i8", "i4", "i2", "i1"))


@dataclass
class Ratings:
    """Observed ratings, in the order given.

    Attributes
    ----------
    users, items : Column
    y : ndarray of shape (n,), float64, or None
    weights : ndarray of shape (n,), float64, or None
    shape : tuple (n_users, n_items) or None
        Of the matrix that they come from; its rows and columns are the ids.
    """

    users: Column
    items: Column
    y: Any
    weights: Any
    shape: Any = None

    def __len__(self):
        return len(self.users)

    def take(self, rows):
        """The ratings of these positions."""
        return Ratings(
            self.users.take(rows),
            self.items.take(rows),
            *(None if a is None else a[rows] for a in (self.y, self.weights)),
            self.shape,
        )

    def of_positive_weight(self):
        """Without those of weight zero."""
        if self.weights is None or self.weights.all():
            return self
        return self.take(np.flatnonzero(self.weights))


def read_ratings(
    estimator, X, y, sample_weight, *, reset, y_required=True, allow_all_zero=False
):
    """Validate (X, y, sample_weight) or (R, sample_weight); ValueError tells what is wrong.

    With ``reset`` the estimator takes `n_features_in_` and `feature_names_in_` from X. Without
    ``y_required`` y may be None.
    """
    users, items, values, shape = read_pairs(estimator, X, reset=reset)
    if shape is not None:
        if y is not None:
            raise ValueError(
                "y must be None where X is a sparse matrix: its entries are the ratings."
            )
        y = values
    if y is None and y_required:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, "
            "but the target y is None."
        )
    if y is not None:
        y = check_numbers(y, multi_output=False)
        check_consistent_length(users, y)
        if np.dtype(estimator.dtype) == np.float32 and y.size:
            largest = max(y.max(), -y.min())
            if largest > LARGEST_FLOAT32:
                raise ValueError(
                    f"y holds numbers beyond {LARGEST_FLOAT32:g}, up to {largest:g}: scale it "
                    "down, or set dtype=numpy.float64."
                )
    weights = check_weights(sample_weight, len(users), allow_all_zero=allow_all_zero)
    return Ratings(users, items, y, weights, shape)


def lean_ratings(estimator, X, y):
    """The `Ratings` of plain arrays of integers and floats, all checked; None: `read_ratings` must.

    For chunks of a stream that has begun, whose columns have no names.
    """
    if type(X) is not np.ndarray or type(y) is not np.ndarray:
        return None
    own = vars(estimator)
    fine = (
        X.dtype.kind == "i"
        and y.dtype in NUMBERS
        and X.ndim == 2
        and X.shape[1] == 2
        and len(X) > 0
        and y.shape == X.shape[:1]
        and "n_features_in_" in own
        and "feature_names_in_" not in own
    )
    if not fine:
        return None
    X, y = X.astype(np.int64, copy=False), y.astype(np.float64, copy=False)
    largest = float(np.abs(y).max()) if len(y) > 1 else abs(float(y[0]))
    if not largest <= LARGEST_FLOAT32:  # nan neither
        return None
    return Ratings(IntegerColumn(X[:, 0]), IntegerColumn(X[:, 1]), y, None)


def read_pairs(estimator, X, *, reset):
    """(users, items, values, shape) of X; values and shape are None unless it is sparse."""
    values = shape = None
    if sparse.issparse(X):
        check_sparse_structure(X)
        if X.dtype.kind == "c":
            raise ValueError(f"Complex data not supported: X has dtype {X.dtype}.")
        entries, shape = X.tocoo(), X.shape
        users, items, values = entries.row, entries.col, entries.data
        names = None
    else:
        users, items, names = pair_columns(estimator, X, reset)
    users, items = Column(users, "users"), Column(items, "items")
    if len(users) == 0:
        raise ValueError(
            f"Found array with 0 sample(s) (shape={np.shape(X)}) while a minimum of 1 is required "
            f"by {type(estimator).__name__}."
        )
    if reset:
        estimator.n_features_in_ = 2
        vars(estimator).pop("feature_names_in_", None)
        if names is not None and all(isinstance(name, str) for name in names):
            estimator.feature_names_in_ = np.asarray(names, dtype=object)
    return users, items, values, shape


def pair_columns(estimator, X, reset):
    """(users, items, names of the columns or None) of an array, a frame or a sequence of pairs."""
    if type(X) is not np.ndarray and hasattr(X, "columns"):
        names = list(X.columns)
        known = None if reset else getattr(estimator, "feature_names_in_", None)
        if known is not None:
            missing = [name for name in known if name not in names]
            if missing:
                raise ValueError(
                    "The feature names should match those that were passed during fit: X has no "
                    f"column {', '.join(map(repr, missing))}; its columns are {names}."
                )
            names = list(known)
        _check_two(len(names), f" It has the columns {names}: select those of users and of items.")
        return (*(frame_column(X, name) for name in names), names)
    if isinstance(X, (list, tuple)):
        try:
            if not NO_PAIRS.isdisjoint(map(type, X)):
                raise TypeError
            pairs = [tuple(pair) for pair in X]
        except TypeError:
            raise ValueError(
                "Expected 2D array, got 1D array instead: X must hold pairs (user, item)."
            ) from None
        for pair in pairs:
            _check_two(len(pair), f" One row is {pair!r}.")
        return [pair[0] for pair in pairs], [pair[1] for pair in pairs], None
    X = np.asarray(X)
    if X.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {X.ndim}D array instead: X must hold pairs (user, item), one "
            "a row. Reshape your data, with X.reshape(1, -1) if it is one pair."
        )
    if X.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: X has dtype {X.dtype}.")
    if X.shape[1] == 0:
        raise ValueError(
            f"Found array with 0 feature(s) (shape={X.shape}) while a minimum of 2 is required: a "
            "column of users and one of items."
        )
    _check_two(X.shape[1], "")
    return X[:, 0], X[:, 1], None


def frame_column(frame, name):
    """A column of a pandas or polars frame, as an array."""
    column = frame[name]
    if getattr(column, "ndim", 1) != 1:
        raise ValueError(f"X has several columns of the name {name!r}.")
    return np.asarray(column.to_numpy())


def _check_two(n_columns, more):
    if n_columns != 2:
        raise ValueError(
            f"X has {n_columns} feature(s), but is expected to have 2: a column of users and one "
            f"of items.{more}"
        )
