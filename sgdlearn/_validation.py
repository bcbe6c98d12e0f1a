"""Check and convert what users pass in, once, before anything else touches it.

Nothing of the user's is ever written to, and nothing is copied that the
kernels can read in place: C- or F-contiguous float32 and float64, and sorted
CSR with int32 or int64 indices.
"""

import copy
from contextlib import contextmanager
from numbers import Number

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.utils import assert_all_finite, check_array, check_consistent_length, get_tags
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import column_or_1d, validate_data

from sgdlearn._kernels import fingerprint as kernels
from sgdlearn._kernels.finite import all_finite
from sgdlearn._kernels.sparse_structure import Structure, check_compressed

from ._threads import MAX_PARTS, Team, count, cut

_FLOATS = (np.float64, np.float32)
LARGEST_TARGET = 1e50
NUMBERS_TO_SHARE = 2**21  # read in a millisecond
_ALL_FINITE = {np.dtype("f4"): all_finite["float"], np.dtype("f8"): all_finite["double"]}
_FINITE_FINGERPRINT = {
    np.dtype("f4"): kernels.finite_fingerprint["float"],
    np.dtype("f8"): kernels.finite_fingerprint["double"],
}
_CHECK_COMPRESSED = {
    np.dtype("i4"): check_compressed["int"],
    np.dtype("i8"): check_compressed["long long"],
}


# X


class Fingerprint:
    """Types, shapes and all bytes of some arrays, in a few words.

    Attributes
    ----------
    marks : tuple
        Equal to those of other arrays if those are the same to the last bit, and else not, but by
        chance.
    """

    def __init__(self):
        self.marks = ()

    def add(self, *arrays):
        """Read these (None has nothing to be read)."""
        for array in arrays:
            if array is not None:
                data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
                array = array.dtype, array.shape, kernels.fingerprint(data)
            self.marks += (array,)


def check_X(estimator, X, *, reset, fingerprint=None):
    """Validate X; set (``reset=True``) or check the feature count and names of the estimator.

    A `Fingerprint` is told of it in the pass that sees whether all is finite.

    Returns
    -------
    X : ndarray or CSR container of shape (n_samples, n_features)
        float32 or float64 with finite numbers. An ndarray is C- or F-contiguous;
        CSR is canonical (sorted, no duplicates) with indices and indptr both int32
        or both int64. It shares the memory of the user's X wherever that has this
        form already.
    """
    if sparse.issparse(X):
        X = canonical_csr(X)
    elif type(X) is np.ndarray and X.ndim == 2 and X.dtype in _ALL_FINITE:
        X = _in_one_piece(X)
    n_jobs = getattr(estimator, "n_jobs", 1)
    if _is_in_order(X, n_jobs, fingerprint):
        with attributes_kept_on_error(estimator):
            return validate_data(estimator, X, reset=reset, skip_check_array=True)
    with attributes_kept_on_error(estimator):
        checked = validate_data(
            estimator,
            X,
            reset=reset,
            accept_sparse="csr",
            accept_large_sparse=True,
            dtype=_accepted_dtypes(X),
        )
    if not sparse.issparse(checked):
        checked = _in_one_piece(checked)
    elif not sparse.issparse(X):  # a frame of sparse columns; else all is in order since above
        checked = canonical_csr(checked)
    if fingerprint is not None:
        _is_in_order(checked, n_jobs, fingerprint)
    return checked


def _in_one_piece(X):
    """An array that is C- or F-contiguous and aligned: X, or a copy."""
    flags = X.flags
    if flags.aligned and (flags.c_contiguous or flags.f_contiguous):
        return X
    return np.require(X, requirements=["C", "A"])


def _is_in_order(X, n_jobs, fingerprint=None):
    """Whether X, an ndarray or canonical CSR, is as `check_X` returns it: the common case, fast."""
    if sparse.issparse(X):
        values = X.data[None] if X.ndim == 2 else None
    elif type(X) is np.ndarray and X.ndim == 2 and X.dtype in _ALL_FINITE:
        values = X if X.flags.c_contiguous else X.T
    else:
        return False
    if values is None or 0 in X.shape:
        return False
    if X.dtype not in _ALL_FINITE or not _are_finite(values, n_jobs, fingerprint):
        return False
    if fingerprint is not None and sparse.issparse(X):
        fingerprint.add(X.indices, X.indptr)
        fingerprint.marks += (X.shape,)
    elif fingerprint is not None:
        fingerprint.marks += (X.shape, X.strides)
    return True


def _are_finite(values, n_jobs, fingerprint=None):
    """Whether the numbers of a C-contiguous array are; threads share a large one out."""
    look = (_ALL_FINITE if fingerprint is None else _FINITE_FINGERPRINT)[values.dtype]
    if values.size < NUMBERS_TO_SHARE:
        found = iter([look(values)])
    else:
        # predict has not looked at n_jobs; 0, which joblib refuses, is as good as None here
        numbers, team = values.reshape(1, -1), Team(count(n_jobs or None))
        found = team.in_order(
            lambda start, stop: look(numbers[:, start:stop]), cut(values.size, MAX_PARTS)
        )
    if fingerprint is None:
        return all(found)
    finite, words = zip(*found)
    fingerprint.marks += ((values.dtype, words),)
    return all(finite)


def _accepted_dtypes(X):
    """What `check_array` may leave as it is: float32 alone for a frame of such columns.

    It knows this by itself of NumPy's dtypes, but not of those of polars, nor of
    pandas' nullable ones.
    """
    columns = list(X.dtypes) if hasattr(X, "columns") else []
    if columns and all(str(column).lower() == "float32" for column in columns):
        return np.float32
    return _FLOATS


def lean_rows(X, dtype, n_features):
    """Whether the kernels can read X as it stands: the whole validation of a clean chunk.

    True only for a finite, C-contiguous ndarray of this dtype with at least one
    row and ``n_features`` columns; on False, go by `check_X`.
    """
    if type(X) is not np.ndarray or X.dtype != dtype or X.shape[1:] != (n_features,):
        return False
    flags = X.flags
    return len(X) > 0 and flags.c_contiguous and flags.aligned and _ALL_FINITE[X.dtype](X)


# The structure of sparse X


def canonical_csr(X):
    """Sparse X as sorted CSR without duplicates, after its structure has been checked.

    The result is never the user's own object, since SciPy caches flags on it, but
    shares its arrays where they are canonical CSR already.
    """
    canonical = check_sparse_structure(X)
    if X.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: X has dtype {X.dtype}.")
    if X.format in ("csr", "csc", "coo", "bsr", "dia"):
        X = _with_plain_data(X)
    if X.format == "csr":
        X.indptr, X.indices = _index_arrays(X.indptr, X.indices)
        n_stored = int(X.indptr[-1])
        X.indices, X.data = X.indices[:n_stored], X.data[:n_stored]
    else:
        X = X.tocsr()
        canonical = check_sparse_structure(X)
    if not canonical:
        X = X.copy()
        X.sum_duplicates()
    if not X.data.all():  # a stored zero is an absent entry
        X = X.copy()
        X.eliminate_zeros()
    X.has_canonical_format = True
    return X


def _with_plain_data(X):
    """A second object on the arrays of X, with data that SciPy's loops and the kernels can read.

    Not by ``X.astype``, which may sort the user's X in place.
    """
    strange = X.dtype.kind in "fO" or not X.dtype.isnative  # half, long, swapped bytes
    dtype = np.float64 if strange and X.dtype not in _FLOATS else X.dtype
    view = copy.copy(X)
    view.data = np.require(X.data, dtype, ["C", "A"])
    return view


def _index_arrays(*arrays):
    """The index arrays as the kernels read them: contiguous, all int32 or all int64."""
    dtype = arrays[0].dtype
    if dtype not in _CHECK_COMPRESSED or any(array.dtype != dtype for array in arrays):
        dtype = np.int64
    return [np.require(array, dtype, ["C", "A"]) for array in arrays]


def check_sparse_structure(X):
    """Raise a ValueError unless the arrays of sparse X describe a matrix of its shape.

    Comes before anything of SciPy's or scikit-learn's: their compiled loops trust
    the indices and read outside of the arrays where these are wrong.

    Returns
    -------
    canonical : bool
        Whether the indices are known to be sorted and without duplicates.
    """
    if X.ndim != 2:
        raise ValueError(
            f"Expected a sparse matrix with 2 dimensions, got {X.ndim} (shape={X.shape})."
        )
    if X.format in ("csr", "csc", "bsr"):
        return _check_compressed_structure(X)
    if X.format == "coo":
        _check_coordinates(X)
    elif X.format == "dia":
        _check_diagonals(X)
    elif X.format == "lil":
        _check_lists(X)
    # a DOK matrix has no arrays; SciPy checks its keys when they become coordinates
    return False


def _check_compressed_structure(X):
    n_lines, n_minor = X.shape
    line_name, minor_name = "row", "column"
    if X.format == "csc":
        n_lines, n_minor = n_minor, n_lines
        line_name, minor_name = minor_name, line_name
    elif X.format == "bsr":
        block = X.data.shape[1:]
        if len(block) != 2 or 0 in block or n_lines % block[0] or n_minor % block[1]:
            _refuse(X, f"its blocks have shape {block}, which do not tile the shape {X.shape}")
        n_lines, n_minor = n_lines // block[0], n_minor // block[1]
        line_name, minor_name = "block row", "block column"

    _check_vectors(X, indptr=X.indptr, indices=X.indices)
    if len(X.indptr) != n_lines + 1:
        _refuse(
            X,
            f"indptr has length {len(X.indptr)}, but {n_lines} {line_name}s need {n_lines + 1}",
        )
    if len(X.indices) != len(X.data) or (X.format != "bsr" and X.data.ndim != 1):
        _refuse(X, f"indices has shape {X.indices.shape}, but data {X.data.shape}")

    indptr, indices = _index_arrays(X.indptr, X.indices)
    verdict, line, value = _CHECK_COMPRESSED[indptr.dtype](indptr, indices, n_minor)
    if verdict == Structure.BAD_START:
        _refuse(X, f"indptr starts at {value} instead of 0")
    if verdict == Structure.BAD_ORDER:
        _refuse(X, f"indptr is not monotone: it falls to {value} at the end of {line_name} {line}")
    if verdict == Structure.BAD_END:
        _refuse(X, f"indptr ends at {value}, but only {len(indices)} entries are stored")
    if verdict == Structure.BAD_INDEX:
        _refuse(
            X,
            f"{line_name} {line} has {minor_name} index {value}, "
            f"which is out of range for {n_minor} {minor_name}s",
        )
    return verdict == Structure.CANONICAL


def _check_coordinates(X):
    _check_vectors(X, row=X.row, col=X.col, data=X.data)
    if not len(X.row) == len(X.col) == len(X.data):
        _refuse(X, f"row, col, data have lengths {len(X.row)}, {len(X.col)}, {len(X.data)}")
    for name, index, bound in zip(("row", "column"), (X.row, X.col), X.shape, strict=True):
        outside = np.flatnonzero((index < 0) | (index >= bound))
        if len(outside):
            _refuse(
                X,
                f"entry {outside[0]} has {name} index {index[outside[0]]}, "
                f"which is out of range for {bound} {name}s",
            )


def _check_diagonals(X):
    _check_vectors(X, offsets=X.offsets)
    if X.data.ndim != 2 or len(X.data) != len(X.offsets):
        _refuse(X, f"it has {len(X.offsets)} offsets, but data of shape {X.data.shape}")


def _check_lists(X):
    if not len(X.rows) == len(X.data) == X.shape[0]:
        _refuse(X, f"rows and data have lengths {len(X.rows)} and {len(X.data)}")
    for i, (columns, values) in enumerate(zip(X.rows, X.data, strict=True)):
        if len(columns) != len(values):
            _refuse(X, f"row {i} has {len(columns)} column indices, but {len(values)} values")


def _check_vectors(X, **arrays):
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.ndim != 1:
            _refuse(X, f"{name} is not an array of one dimension")
        if name != "data" and array.dtype.kind not in "iu":
            _refuse(X, f"{name} has dtype {array.dtype}, but must hold integers")


def _refuse(X, fault):
    raise ValueError(f"The sparse {X.format.upper()} matrix of shape {X.shape} is broken: {fault}.")


# X with y


def check_Xy(estimator, X, y, *, reset, fingerprint=None):
    """Validate X (see `check_X`, which tells the fingerprint), and y for the kind of estimator.

    Returns
    -------
    X : ndarray or CSR container of shape (n_samples, n_features)
    y : ndarray
        Regressors: float64, C-contiguous, (n_samples,), or (n_samples, n_outputs)
        where the tags of the estimator allow several outputs.
        Classifiers: the labels (n_samples,); see `find_classes`, `encode_classes`.
    """
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, "
            "but the target y is None."
        )
    with attributes_kept_on_error(estimator):
        X = check_X(estimator, X, reset=reset, fingerprint=fingerprint)
        if is_classifier(estimator):
            y = check_labels(y)
        else:
            y = check_numbers(y, multi_output=get_tags(estimator).target_tags.multi_output)
        check_consistent_length(X, y)
    return X, y


def check_numbers(y, *, multi_output=True):
    """The targets of a regressor: finite numbers, float64 and C-contiguous."""
    y = _as_double(y, "y")
    if y.size and max(y.max(), -y.min()) > LARGEST_TARGET:
        raise ValueError(
            f"y holds numbers beyond {LARGEST_TARGET:g}, whose powers overflow: scale it down."
        )
    return y if multi_output else column_or_1d(y, warn=True)


def _as_double(array, name):
    """Finite numbers of any shape as float64, C-contiguous."""
    if not _is_plain(array):
        array = check_array(
            array, ensure_2d=False, dtype=None, ensure_all_finite=False, input_name=name
        )
    if array.dtype.kind not in "fiubO":
        raise ValueError(f"{name} must hold numbers, got an array of dtype {array.dtype}.")
    array = np.require(array, np.float64, ["C", "A"])
    if not all_finite["double"](array.reshape(1, -1)):
        assert_all_finite(array, input_name=name)
    return array


def _is_plain(y):
    """Whether y is an array of numbers that no conversion has to be looked for."""
    return type(y) is np.ndarray and y.ndim in (1, 2) and y.size > 0 and y.dtype.kind in "fiub"


def check_labels(y):
    """The labels of a classifier, (n_samples,); no continuous numbers, no NaN."""
    y = np.ascontiguousarray(y) if _is_plain(y) and y.ndim == 1 else column_or_1d(y, warn=True)
    if y.dtype == object:
        # numbers and booleans in disguise, as a frame of mixed columns gives them
        plain = np.array(y.tolist()) if not isinstance(next(iter(y), None), str) else y
        y = plain if plain.dtype.kind in "fiub" and plain.shape == y.shape else y
    if y.dtype.kind in "iub":
        return y  # every such number may be a label
    if y.dtype.kind in "fO":
        assert_all_finite(y, input_name="y")
    try:
        check_classification_targets(y)
    except TypeError as error:
        raise ValueError(f"Unknown label type: {error}") from error
    return y


# Classes


def find_classes(y):
    """The sorted classes that occur in y: at least two, or a ValueError."""
    if y.dtype.kind in "iub":  # two need no sort
        two = np.array([y.min(), y.max()])
        if two[0] < two[1] and np.all((y == two[0]) | (y == two[1])):
            return two
    return _at_least_two(np.unique(y))


def check_classes(estimator, classes):
    """The classes of an estimator that is about to ``partial_fit``.

    Parameters
    ----------
    estimator : classifier
        It has ``classes_`` from its second call on.
    classes : array-like or None
        As the user passed them; required in the first call.
    """
    known = getattr(estimator, "classes_", None)
    if classes is None:
        if known is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        return known
    if known is None:
        return _at_least_two(unique_labels(classes))
    if not np.array_equal(known, classes) and not np.array_equal(known, np.unique(classes)):
        raise ValueError(
            f"classes={classes} is not the same as on the first call to partial_fit, "
            f"which was {known.tolist()}."
        )
    return known


def _at_least_two(classes):
    if len(classes) < 2:
        raise ValueError(
            "The number of classes has to be greater than one; "
            f"got {len(classes)} class: {classes.tolist()}."
        )
    return classes


def encode_classes(y, classes):
    """The class index of each label: the i with ``classes[i] == y``.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
    classes : ndarray of shape (n_classes,)
        Sorted.
    """
    if (y.dtype.kind in "fiub") == (classes.dtype.kind in "fiub"):
        if len(classes) == 2 and np.all((y == classes[1]) | (y == classes[0])):
            return (y == classes[1]).astype(np.intp)
        index = classes.searchsorted(y)
        known = classes.take(index, mode="clip") == y
        if known.all():
            return index
        y = y[~known]
    raise ValueError(
        f"y contains labels that are not among the known classes: {_listed(np.unique(y))}; "
        f"the known classes are {_listed(classes)}."
    )


def _listed(labels, at_most=10):
    text = ", ".join(repr(label) for label in labels[:at_most].tolist())
    return text + ", ..." if len(labels) > at_most else text


# Weights


def check_weights(sample_weight, n_samples, *, allow_all_zero=False):
    """Validate sample weights: finite, not negative, not all zero.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,), a number or None
        A number is the weight of each row.
    n_samples : int
    allow_all_zero : bool, default=False
        As ``partial_fit`` does, where such a chunk changes nothing.

    Returns
    -------
    weights : ndarray of shape (n_samples,), float64, or None
        None where all weights are 1.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Number):
        sample_weight = np.full(n_samples, sample_weight)
    weights = _as_double(sample_weight, "sample_weight")
    if weights.ndim != 1:
        raise ValueError(
            f"Sample weights must be 1D array or scalar, got {weights.ndim}D array. "
            f"Expected either a scalar value or a 1D array of length {n_samples}."
        )
    if len(weights) != n_samples:
        raise ValueError(f"sample_weight has length {len(weights)}, but X has {n_samples} samples.")
    smallest, largest = weights.min(), weights.max()
    if smallest < 0:
        raise ValueError(
            "Negative values in sample_weight: "
            f"the weight at position {weights.argmin()} is {smallest}."
        )
    if largest == 0 and not allow_all_zero:
        raise ValueError("All sample weights are zero: at least one must be positive.")
    with np.errstate(over="ignore"):
        if not np.isfinite(weights.sum()):
            raise ValueError("sample_weight is too large: the sum of the weights overflows.")
    return None if smallest == largest == 1 else weights


def drop_zero_weight_rows(X, y, weights):
    """(X, y, weights) without the rows of weight zero; the same objects where there are none."""
    if weights is None or weights.all():
        return X, y, weights
    kept = np.flatnonzero(weights)
    return X[kept], y[kept], weights[kept]


# Failure


@contextmanager
def attributes_kept_on_error(estimator):
    """Give the estimator its attributes back when what stands in the block fails."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
