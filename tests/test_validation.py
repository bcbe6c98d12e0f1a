"""Input is checked before it is used, read in place where it can be, and never written to."""

import copy
import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import DataConversionWarning

from sgdlearn._compat import HAS_CALLBACKS
from sgdlearn._kernels import finite
from sgdlearn._validation import (
    attributes_kept_on_error,
    canonical_csr,
    check_classes,
    check_labels,
    check_numbers,
    check_sparse_structure,
    check_weights,
    check_X,
    check_Xy,
    drop_zero_weight_rows,
    encode_classes,
    find_classes,
    lean_rows,
)


class Sparse(BaseEstimator):
    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class Regressor(RegressorMixin, Sparse):
    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class OneOutput(RegressorMixin, Sparse):
    pass


class Classifier(ClassifierMixin, Sparse):
    pass


DENSE = np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 0.0], [0.0, 3.0, 4.0], [5.0, 0.0, 0.0]])
FORMATS = ["csr", "csc", "coo", "bsr", "lil", "dok", "dia"]
CONTAINERS = {
    name: (getattr(sparse, f"{name}_matrix"), getattr(sparse, f"{name}_array")) for name in FORMATS
}


def csr(data, indices, indptr, shape, container=sparse.csr_matrix, index=np.int32):
    """Compressed rows or columns with exactly these arrays, whatever they are."""
    X = container(shape, dtype=np.float64)
    X.data = np.asarray(data, dtype=np.float64)
    X.indices = np.asarray(indices, dtype=index)
    X.indptr = np.asarray(indptr, dtype=index)
    return X


def raises(message, error=ValueError):
    return pytest.raises(error, match=re.escape(message))


# Dense X


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("writeable", [True, False])
def test_contiguous_floats_are_read_in_place(dtype, order, writeable):
    X = np.asarray(DENSE, dtype=dtype, order=order).copy(order=order)
    X.flags.writeable = writeable
    checked = check_X(Regressor(), X, reset=True)
    assert np.shares_memory(checked, X)
    assert checked.dtype == dtype
    assert checked.flags.f_contiguous == (order == "F")


@pytest.mark.parametrize("order", ["C", "F"])
def test_read_only_memory_map_is_read_in_place(tmp_path, order):
    np.save(tmp_path / "X.npy", np.asarray(DENSE, order=order))
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    checked = check_X(Regressor(), X, reset=True)
    assert np.shares_memory(checked, X)
    assert_array_equal(checked, DENSE)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint32, bool, np.float16, ">f4", object])
def test_other_numbers_become_double(dtype):
    X = DENSE.astype(dtype)
    checked = check_X(Regressor(), X, reset=True)
    assert checked.dtype == np.float64
    assert_array_equal(checked, X.astype(np.float64))


def test_strided_and_unaligned_arrays_become_c_contiguous():
    for X in (DENSE[::2], DENSE[:, ::-1], np.broadcast_to(DENSE[0], (4, 3))):
        checked = check_X(Regressor(), X, reset=True)
        assert checked.flags.c_contiguous
        assert_array_equal(checked, X)
    shifted = np.frombuffer(b"\0" + DENSE.tobytes(), dtype=np.float64, offset=1).reshape(4, 3)
    checked = check_X(Regressor(), shifted, reset=True)
    assert checked.flags.aligned
    assert_array_equal(checked, DENSE)


def test_lists():
    assert_array_equal(check_X(Regressor(), DENSE.tolist(), reset=True), DENSE)


@pytest.mark.parametrize("dtype", ["float32", "float64", "Float32", "Float64", "int64"])
def test_pandas(dtype):
    pd = pytest.importorskip("pandas")
    estimator = Regressor()
    X = pd.DataFrame(DENSE, columns=list("abc")).astype(dtype)
    checked = check_X(estimator, X, reset=True)
    assert checked.dtype == (np.float32 if dtype.lower() == "float32" else np.float64)
    assert_array_equal(checked, DENSE)
    assert estimator.feature_names_in_.tolist() == ["a", "b", "c"]
    with raises("Feature names must be in the same order"):
        check_X(estimator, X[["b", "a", "c"]], reset=False)
    with raises("Feature names unseen at fit time:\n- z"):
        check_X(estimator, X.rename(columns={"a": "z"}), reset=False)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        check_X(estimator, DENSE, reset=False)


def test_pandas_sparse_frame():
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame.sparse.from_spmatrix(sparse.csr_matrix(DENSE))
    checked = check_X(Regressor(), X, reset=True)
    # scikit-learn 1.6 does not see that a frame of pandas 3 is sparse
    assert_array_equal(checked.toarray() if sparse.issparse(checked) else checked, DENSE)


@pytest.mark.parametrize("dtype", ["Float32", "Float64"])
def test_polars(dtype):
    pl = pytest.importorskip("polars")
    estimator = Regressor()
    X = pl.DataFrame(DENSE, schema={name: getattr(pl, dtype) for name in "abc"})
    checked = check_X(estimator, X, reset=True)
    assert checked.dtype == dtype.lower()
    assert_array_equal(checked, DENSE)
    if HAS_CALLBACKS or hasattr(X, "__dataframe__"):  # all that scikit-learn 1.6 can go by
        assert estimator.feature_names_in_.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    "X, message",
    [
        (np.array([[1.0, np.nan]]), "Input X contains NaN"),
        (np.array([[1.0, np.inf]], dtype=np.float32), "Input X contains infinity"),
        (sparse.csr_matrix([[1.0, np.nan]]), "Input X contains NaN"),
        (sparse.csc_array([[1.0, -np.inf]]), "Input X contains infinity"),
        (np.array([1.0, 2.0]), "Expected 2D array, got 1D array instead"),
        (np.zeros((2, 2, 2)), "Found array with dim 3"),
        (np.zeros((0, 3)), "Found array with 0 sample(s) (shape=(0, 3))"),
        (np.zeros((3, 0)), "0 feature(s) (shape=(3, 0)) while a minimum of 1 is required"),
        (sparse.csr_matrix((0, 3)), "Found array with 0 sample(s) (shape=(0, 3))"),
        (sparse.csc_matrix((3, 0)), "0 feature(s) (shape=(3, 0)) while a minimum of 1 is required"),
        (np.array([[1j]]), "Complex data not supported"),
        (sparse.csr_matrix([[1j]]), "Complex data not supported"),
        (np.array([["a"]]), "could not convert string to float"),
    ],
)
def test_bad_X(X, message):
    with raises(message):
        check_X(Regressor(), X, reset=True)


def test_sparse_with_one_dimension():
    X = sparse.coo_array(np.array([1.0, 0.0, 2.0]))
    if X.ndim == 2:
        pytest.skip("this SciPy has no sparse arrays with one dimension")
    with raises("Expected a sparse matrix with 2 dimensions, got 1 (shape=(3,))"):
        check_X(Regressor(), X, reset=True)


def test_feature_count():
    estimator = Regressor()
    check_X(estimator, DENSE, reset=True)
    assert estimator.n_features_in_ == 3
    for X in (DENSE[:, :2], sparse.csr_matrix(DENSE[:, :2])):
        with raises("X has 2 features, but Regressor is expecting 3 features as input"):
            check_X(estimator, X, reset=False)


def test_failing_check_leaves_the_estimator_as_it_was():
    pd = pytest.importorskip("pandas")
    estimator = Regressor()
    check_X(estimator, pd.DataFrame(DENSE, columns=list("abc")), reset=True)
    before = copy.deepcopy(vars(estimator))
    with raises("Input X contains NaN"):
        check_X(estimator, pd.DataFrame({"z": [np.nan]}), reset=True)
    with raises("Input y contains NaN"):
        check_Xy(estimator, pd.DataFrame({"z": [1.0]}), [np.nan], reset=True)
    assert list(vars(estimator)) == list(before)
    assert estimator.n_features_in_ == 3
    assert_array_equal(estimator.feature_names_in_, before["feature_names_in_"])


def test_attributes_kept_on_error():
    estimator = Regressor()
    estimator.old_ = 1

    def interrupted():
        with attributes_kept_on_error(estimator):
            estimator.old_ = 2
            estimator.new_ = 3
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert vars(estimator) == {"old_": 1}


# The lean path


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lean_rows(dtype):
    X = DENSE.astype(dtype)
    assert lean_rows(X, X.dtype, 3)
    assert lean_rows(X[1:2], X.dtype, 3)
    read_only = X.copy()
    read_only.flags.writeable = False
    assert lean_rows(read_only, X.dtype, 3)

    class Subclass(np.ndarray):
        pass

    other = np.float32 if dtype == np.float64 else np.float64
    needs_work = [
        X.astype(other),
        X.astype(int),
        X[:, :2],
        X[:, ::-1],
        X[::2],
        np.asfortranarray(X),
        X[0],
        X[np.newaxis],
        X[:0],
        X.tolist(),
        sparse.csr_matrix(X),
        X.view(Subclass),
        np.where(X == 4, np.nan, X),
        np.where(X == 4, -np.inf, X),
    ]
    for rows in needs_work:
        assert not lean_rows(rows, X.dtype, 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_finite_finds_one_bad_number_anywhere(dtype):
    verdict = finite.all_finite["float" if dtype == np.float32 else "double"]
    for n in range(20):
        X = np.full((1, n), np.finfo(dtype).max, dtype=dtype)
        assert verdict(X)
        for j in range(n):
            for bad in (np.nan, np.inf, -np.inf):
                X[0, j] = bad
                assert not verdict(X)
                X[0, j] = np.finfo(dtype).tiny


# Sparse X


def fingerprint(X):
    """The object, its arrays and its cached flags."""
    state = dict(vars(X))
    values = {name: value.copy() for name, value in state.items() if isinstance(value, np.ndarray)}
    return state, values


def assert_untouched(X, before):
    state, values = before
    assert vars(X).keys() == state.keys()
    for name, value in vars(X).items():
        assert value is state[name] or value == state[name]
    for name, value in values.items():
        assert_array_equal(getattr(X, name, value), value)


@pytest.mark.parametrize("container", sum(CONTAINERS.values(), ()))
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, bool])
def test_every_format_becomes_canonical_csr(container, dtype):
    X = container(DENSE.astype(dtype))
    before = fingerprint(X)
    checked = check_X(Regressor(), X, reset=True)
    assert checked.format == "csr"
    assert checked.dtype == (np.float32 if dtype == np.float32 else np.float64)
    assert check_sparse_structure(checked)
    assert checked.indices.dtype == checked.indptr.dtype
    assert_array_equal(checked.toarray(), DENSE.astype(dtype))
    assert_untouched(X, before)


@pytest.mark.parametrize("container", CONTAINERS["csr"])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_canonical_csr_is_read_in_place(container, index, dtype):
    X = container(DENSE.astype(dtype))
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    for array in (X.data, X.indices, X.indptr):
        array.flags.writeable = False
    before = fingerprint(X)
    checked = check_X(Regressor(), X, reset=True)
    assert checked is not X
    for name in ("data", "indices", "indptr"):
        assert np.shares_memory(getattr(checked, name), getattr(X, name))
        assert getattr(checked, name).dtype == getattr(X, name).dtype
    assert_untouched(X, before)


@pytest.mark.parametrize("container", CONTAINERS["csr"])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("claim", [None, False, True])
def test_unsorted_and_duplicate_entries(container, index, claim):
    X = csr([1, 2, 4, 8, 16], [2, 0, 1, 1, 1], [0, 2, 2, 5], (3, 3), container, index)
    if claim is not None:
        X.has_canonical_format = claim  # SciPy believes it; we look
    before = fingerprint(X)
    assert not check_sparse_structure(X)
    checked = check_X(Regressor(), X, reset=True)
    assert check_sparse_structure(checked)
    assert checked.nnz == 3
    assert_array_equal(checked.toarray(), [[2, 0, 1], [0, 0, 0], [0, 28, 0]])
    assert_untouched(X, before)


@pytest.mark.parametrize("name", ["csc", "coo"])
def test_duplicates_in_other_formats(name):
    if name == "csc":
        X = csr([1, 2, 4], [1, 0, 1], [0, 3, 3], (3, 2), sparse.csc_matrix)
    else:
        X = sparse.coo_matrix(([1.0, 2.0, 4.0], ([1, 0, 1], [0, 0, 0])), shape=(3, 2))
    X.has_canonical_format = True
    before = fingerprint(X)
    checked = check_X(Regressor(), X, reset=True)
    assert check_sparse_structure(checked)
    assert_array_equal(checked.toarray(), [[2, 0], [5, 0], [0, 0]])
    assert_untouched(X, before)


def test_arrays_longer_than_the_matrix():
    X = csr([1, 2, np.nan], [0, 1, 99], [0, 1, 2], (2, 2))
    checked = check_X(Regressor(), X, reset=True)
    assert len(checked.data) == len(checked.indices) == 2
    assert np.shares_memory(checked.data, X.data)
    assert_array_equal(checked.toarray(), [[1, 0], [0, 2]])


@pytest.mark.parametrize("indptr", [np.int32, np.uint8, np.int64, ">i4"])
@pytest.mark.parametrize("indices", [np.int32, np.uint16, np.int64, ">i8"])
@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_array])
def test_any_mixture_of_index_types(container, indptr, indices):
    X = container(DENSE)
    X.indptr, X.indices = X.indptr.astype(indptr), X.indices.astype(indices)
    checked = check_X(Regressor(), X, reset=True)
    assert checked.indptr.dtype == checked.indices.dtype
    assert checked.indptr.dtype in (np.int32, np.int64)
    assert_array_equal(checked.toarray(), DENSE)


@pytest.mark.parametrize("dtype", [np.int8, np.float16, np.longdouble, ">f4", ">f8", ">i4"])
@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_matrix])
def test_unusual_numbers(container, dtype):
    X = csr([1, 2, 4], [1, 0, 1], [0, 3], (1, 2))
    if container is sparse.csc_matrix:
        X = csr([2, 1, 4], [0, 0, 0], [0, 1, 3], (1, 2), container)
    X.data = X.data.astype(dtype)
    before = fingerprint(X)
    checked = check_X(Regressor(), X, reset=True)
    assert_untouched(X, before)
    assert checked.dtype == np.float64
    assert_array_equal(checked.toarray(), [[2, 5]])


def test_strided_arrays():
    X = csr(np.arange(6)[::2], np.array([0, 9, 1, 9, 2, 9])[::2], [0, 1, 3], (2, 3))
    X.data = np.arange(6.0)[::2]
    X.indices = np.array([0, 9, 1, 9, 2, 9], dtype=np.int32)[::2]
    checked = check_X(Regressor(), X, reset=True)
    assert checked.data.flags.c_contiguous
    assert checked.indices.flags.c_contiguous
    assert_array_equal(checked.toarray(), [[0, 0, 0], [0, 2, 4]])


BROKEN = [
    ([1, 2, 3], [0, 1, 3], [0, 1, 3], "{line} 1 has {minor} index 3, which is out of range for 3"),
    ([1, 2, 3], [0, 2, -1], [0, 1, 3], "{line} 1 has {minor} index -1, which is out of range"),
    ([1, 2, 3], [7, 1, 2], [0, 1, 3], "{line} 0 has {minor} index 7, which is out of range"),
    ([1, 2, 3], [0, 9, 2], [0, 0, 3], "{line} 1 has {minor} index 9, which is out of range"),
    ([1, 2, 3], [0, 1, 2], [1, 1, 3], "indptr starts at 1 instead of 0"),
    ([1, 2, 3], [0, 1, 2], [-1, 1, 3], "indptr starts at -1 instead of 0"),
    ([1, 2, 3], [0, 1, 2], [0, 2, 1], "not monotone: it falls to 1 at the end of {line} 1"),
    ([1, 2, 3], [0, 1, 2], [0, -5, 3], "not monotone: it falls to -5 at the end of {line} 0"),
    ([1, 2, 3], [0, 1, 2], [0, 2**31 - 1, 3], "not monotone: it falls to 3"),
    ([1, 2, 3], [0, 1, 2], [0, 1, 4], "indptr ends at 4, but only 3 entries are stored"),
    ([1, 2, 3], [0, 1, 2], [0, 3], "indptr has length 2, but 2 {line}s need 3"),
    ([1, 2, 3], [0, 1, 2], [0, 1, 2, 3], "indptr has length 4, but 2 {line}s need 3"),
    ([1, 2], [0, 1, 2], [0, 1, 3], "indices has shape (3,), but data (2,)"),
    ([1, 2, 3], [0, 1], [0, 1, 2], "indices has shape (2,), but data (3,)"),
    ([[1, 2, 3]], [0, 1, 2], [0, 1, 3], "indices has shape (3,), but data (1, 3)"),
    ([1, 2, 3], [[0, 1, 2]], [0, 1, 3], "indices is not an array of one dimension"),
]


@pytest.mark.parametrize("name", ["csr", "csc"])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("data, indices, indptr, message", BROKEN)
def test_broken_compressed_matrix(name, index, data, indices, indptr, message):
    words = (
        {"line": "row", "minor": "column"} if name == "csr" else {"line": "column", "minor": "row"}
    )
    shape = (2, 3) if name == "csr" else (3, 2)
    for container in CONTAINERS[name]:
        X = csr(data, indices, indptr, shape, container, index)
        for check in (check_sparse_structure, canonical_csr):
            with raises(message.format(**words)):
                check(X)
        with raises(f"The sparse {name.upper()} matrix of shape {shape} is broken: "):
            check_X(Regressor(), X, reset=True)


def test_index_arrays_of_the_wrong_kind():
    X = sparse.csr_matrix(DENSE)
    X.indices = X.indices.astype(np.float64)
    with raises("indices has dtype float64, but must hold integers"):
        check_X(Regressor(), X, reset=True)
    X = sparse.csr_matrix(DENSE)
    X.indptr = X.indptr.tolist()
    with raises("indptr is not an array of one dimension"):
        check_X(Regressor(), X, reset=True)
    X = sparse.csr_matrix(DENSE)
    X.indices = X.indices.astype(np.uint64)
    X.indices[0] = 2**64 - 1
    with raises("row 0 has column index -1"):
        check_X(Regressor(), X, reset=True)


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("container", CONTAINERS["coo"])
def test_broken_coordinates(container, index):
    def coo(row, col, data):
        X = container((2, 3), dtype=np.float64)
        row, col = np.asarray(row, dtype=index), np.asarray(col, dtype=index)
        if hasattr(X, "coords"):
            X.coords = (row, col)
        else:
            X.row, X.col = row, col
        X.data = np.asarray(data, dtype=np.float64)
        return X

    for X, message in [
        (coo([0, 2], [0, 0], [1, 1]), "entry 1 has row index 2, which is out of range for 2 rows"),
        (coo([0, -1], [0, 0], [1, 1]), "entry 1 has row index -1, which is out of range"),
        (coo([0, 1], [3, 0], [1, 1]), "entry 0 has column index 3, which is out of range for 3"),
        (coo([0, 1], [0, 0], [1]), "row, col, data have lengths 2, 2, 1"),
    ]:
        with raises(message):
            check_X(Regressor(), X, reset=True)


def test_broken_blocks():
    def bsr(**arrays):
        X = sparse.bsr_matrix(np.arange(24.0).reshape(4, 6), blocksize=(2, 3))
        for name, array in arrays.items():
            setattr(X, name, np.asarray(array))
        return X

    for X, message in [
        (bsr(indices=[0, 1, 0, 2]), "block row 1 has block column index 2, which is out of range"),
        (bsr(indptr=[0, 5, 4]), "not monotone: it falls to 4 at the end of block row 1"),
        (bsr(indptr=[0, 2, 5]), "indptr ends at 5, but only 4 entries are stored"),
        (bsr(data=np.zeros((4, 4, 4))), "its blocks have shape (4, 4), which do not tile"),
        (bsr(data=np.zeros((3, 2, 3))), "indices has shape (4,), but data (3, 2, 3)"),
    ]:
        with raises(message):
            check_X(Regressor(), X, reset=True)


def test_other_broken_formats():
    X = sparse.dia_matrix(DENSE)
    X.offsets = X.offsets[:-1]
    with raises("offsets, but data of shape"):
        check_X(Regressor(), X, reset=True)
    X = sparse.lil_matrix(DENSE)
    X.rows[0] = [0]
    with raises("row 0 has 1 column indices, but 2 values"):
        check_X(Regressor(), X, reset=True)
    X = sparse.lil_matrix(DENSE)
    X.rows[0] = [0, 7]
    with raises("row 0 has column index 7, which is out of range for 3 columns"):
        check_X(Regressor(), X, reset=True)
    X = sparse.lil_matrix(DENSE)
    X.rows = X.rows[:2]
    with raises("rows and data have lengths 2 and 4"):
        check_X(Regressor(), X, reset=True)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_sound_csr_equals_its_dense_form(data):
    """Rows of any length, unsorted, with duplicates and explicit zeros."""
    n, p = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 6))
    lines = [data.draw(st.lists(st.integers(0, p - 1), max_size=8)) for _ in range(n)]
    indices = np.concatenate([np.array(line, dtype=np.int64) for line in lines])
    indptr = np.concatenate([[0], np.cumsum([len(line) for line in lines])])
    numbers = data.draw(hnp.arrays(np.float64, len(indices), elements=st.integers(-3, 3)))
    index = data.draw(st.sampled_from([np.int32, np.int64]))
    container = data.draw(st.sampled_from(CONTAINERS["csr"]))
    X = csr(numbers, indices, indptr, (n, p), container, index)
    dense = np.zeros((n, p))
    np.add.at(dense, (np.repeat(np.arange(n), np.diff(indptr)), indices), numbers)

    before = fingerprint(X)
    canonical = check_sparse_structure(X)
    checked = canonical_csr(X)
    assert canonical == all(np.all(np.diff(line) > 0) for line in lines)
    in_place = canonical and numbers.all()
    assert in_place == np.shares_memory(checked.indptr, X.indptr)
    assert check_sparse_structure(checked)
    assert checked.data.all()
    assert_array_equal(checked.toarray(), dense)
    assert_untouched(X, before)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_index_arrays_are_refused_or_read_rightly(data):
    """No arrays crash the check: it agrees with the definition, entry by entry."""
    n, p = data.draw(st.integers(0, 4)), data.draw(st.integers(1, 4))
    index = data.draw(st.sampled_from([np.int32, np.int64]))
    lowest, highest = np.iinfo(index).min, np.iinfo(index).max
    wild = st.one_of(st.integers(0, 5), st.integers(lowest, highest))
    indptr = data.draw(hnp.arrays(index, n + 1, elements=wild))
    if data.draw(st.booleans()):
        indptr = np.sort(indptr)
        indptr[0] = 0
    indices = data.draw(hnp.arrays(index, data.draw(st.integers(0, 6)), elements=wild))
    X = csr(np.ones(len(indices)), indices, indptr, (n, p), index=index)

    sound = indptr[0] == 0 and (indptr[1:] >= indptr[:-1]).all() and indptr[-1] <= len(indices)
    if sound:
        used = indices[: indptr[-1]]
        sound = ((used >= 0) & (used < p)).all()
    if sound:
        canonical_csr(X)
    else:
        with raises("is broken: "):
            canonical_csr(X)


# y of regressors


def test_targets_are_read_in_place():
    y = np.arange(4.0)
    assert check_numbers(y) is y or np.shares_memory(check_numbers(y), y)
    Y = np.arange(8.0).reshape(4, 2)
    assert np.shares_memory(check_numbers(Y), Y)
    assert check_numbers(np.asfortranarray(Y)).flags.c_contiguous


@pytest.mark.parametrize("dtype", [int, bool, np.float32, np.float16, object, ">f8"])
def test_targets_become_double(dtype):
    y = np.array([0, 1, 1, 0], dtype=dtype)
    _, checked = check_Xy(Regressor(), DENSE, y, reset=True)
    assert checked.dtype == np.float64
    assert_array_equal(checked, [0, 1, 1, 0])


def test_targets_from_frames():
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    for y in (pd.Series([0, 1, 2]), pd.Series([0, 1, 2], dtype="Int64"), pl.Series([0, 1, 2])):
        assert_array_equal(check_numbers(y), [0, 1, 2])
    Y = np.arange(6.0).reshape(3, 2)
    for frame in (pd.DataFrame(Y), pl.DataFrame(Y)):
        assert_array_equal(check_numbers(frame), Y)


def test_column_targets():
    column = np.arange(4.0).reshape(4, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, y = check_Xy(Regressor(), DENSE, column, reset=True)
    assert y.shape == (4, 1)
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed"):
        _, y = check_Xy(OneOutput(), DENSE, column, reset=True)
    assert y.shape == (4,)


@pytest.mark.parametrize(
    "y, message, error",
    [
        (None, "This Regressor estimator requires y to be passed, but the target y is None", None),
        ([0.0, np.nan, 0.0, 0.0], "Input y contains NaN", None),
        ([0.0, np.inf, 0.0, 0.0], "Input y contains infinity", None),
        ([0.0, None, 0.0, 0.0], "Input y contains NaN", None),
        ([1j, 0, 0, 0], "Complex data not supported", None),
        (["a", "b", "c", "d"], "y must hold numbers, got an array of dtype <U1", None),
        (np.array(["a", 1, 2, 3], dtype=object), "could not convert string to float: 'a'", None),
        (np.array([0, 1, 2, 3], dtype="M8[D]"), "y must hold numbers, got an array of", None),
        ([0.0, 1.0], "inconsistent numbers of samples: [4, 2]", None),
        (np.zeros((4, 2, 2)), "Found array with dim 3", None),
        (sparse.csr_matrix(np.ones((4, 1))), "Sparse data was passed for y", TypeError),
    ],
)
def test_bad_targets(y, message, error):
    with raises(message, error or ValueError):
        check_Xy(Regressor(), DENSE, y, reset=True)


def test_several_outputs_need_an_estimator_that_has_them():
    with raises("y should be a 1d array, got an array of shape (4, 2) instead"):
        check_Xy(OneOutput(), DENSE, np.zeros((4, 2)), reset=True)


# y of classifiers


@pytest.mark.parametrize(
    "labels",
    [
        [3, 1, 3, 2],
        [1.0, 0.0, 1.0, 2.0],
        [True, False, True, True],
        ["b", "a", "b", "ccc"],
        np.array(["b", "a", "b", "ccc"], dtype=object),
        np.array([3, 1, 3, 2], dtype=object),
        np.array([True, False, True, True], dtype=object),
        np.array([3, 1, 3, 2], dtype=np.uint8),
    ],
)
def test_labels(labels):
    _, y = check_Xy(Classifier(), DENSE, labels, reset=True)
    classes = find_classes(y)
    index = encode_classes(y, classes)
    assert index.dtype.kind == "i"
    assert classes[index].tolist() == list(labels)
    assert classes.tolist() == sorted(set(labels))


def test_labels_from_frames():
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    words = ["b", "a", "b"]
    for y in (
        pd.Series(words),
        pd.Series(words, dtype="category"),
        pd.Series(words, dtype="string"),
        pl.Series(words),
    ):
        assert find_classes(check_labels(y)).tolist() == ["a", "b"]
    for y in (pd.Series([2, 1, 2], dtype="Int64"), pd.Series([2, 1, 2], dtype="category")):
        assert find_classes(check_labels(y)).tolist() == [1, 2]
    flags = pd.Series([True, False, True], dtype="boolean")
    assert find_classes(check_labels(flags)).tolist() == [False, True]


def test_column_labels():
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed"):
        _, y = check_Xy(Classifier(), DENSE, np.array([[0], [1], [0], [1]]), reset=True)
    assert y.shape == (4,)


@pytest.mark.parametrize(
    "y, message",
    [
        (None, "This Classifier estimator requires y to be passed, but the target y is None"),
        ([0.1, 0.2, 0.3, 0.4], "Unknown label type: continuous"),
        ([0.0, np.nan, 1.0, 1.0], "Input y contains NaN"),
        ([0.0, np.inf, 1.0, 1.0], "Input y contains infinity"),
        (np.array(["a", "b", np.nan, "a"], dtype=object), "contains NaN"),
        (np.array(["a", None, "b", "a"], dtype=object), "Unknown label type"),
        (np.array([1, "a", 2, "b"], dtype=object), "Unknown label type"),
        ([1j, 0, 0, 1], "Complex data not supported"),
        ([[0, 1], [1, 0], [0, 1], [1, 1]], "y should be a 1d array, got an array of shape (4, 2)"),
        ([0, 1], "inconsistent numbers of samples: [4, 2]"),
    ],
)
def test_bad_labels(y, message):
    with raises(message):
        check_Xy(Classifier(), DENSE, y, reset=True)


def test_one_class_only():
    message = "The number of classes has to be greater than one; got 1 class: "
    with raises(message + "['a']"):
        find_classes(np.array(["a", "a"]))
    with raises(message + "[3]"):
        check_classes(Classifier(), [3, 3])


def test_classes_of_a_stream():
    estimator = Classifier()
    with raises("classes must be passed on the first call to partial_fit"):
        check_classes(estimator, None)
    estimator.classes_ = check_classes(estimator, [2, 1, 3])
    assert estimator.classes_.tolist() == [1, 2, 3]
    for classes in (None, [1, 2, 3], [3, 2, 1, 1], np.array([1.0, 2.0, 3.0])):
        assert check_classes(estimator, classes) is estimator.classes_
    for classes in ([1, 2], [1, 2, 3, 4], ["a", "b"]):
        with raises(
            f"classes={classes} is not the same as on the first call to partial_fit, "
            "which was [1, 2, 3]"
        ):
            check_classes(estimator, classes)


@pytest.mark.parametrize(
    "y, classes, unknown, known",
    [
        ([1, 5, 2, 4], [1, 2, 3], "4, 5", "1, 2, 3"),
        ([0], [1, 2, 3], "0", "1, 2, 3"),
        ([1.5], [1, 2], "1.5", "1, 2"),
        ([np.nan], [1, 2], "nan", "1, 2"),
        (["b", "z"], ["a", "b"], "'z'", "'a', 'b'"),
        (["bb"], ["a", "b"], "'bb'", "'a', 'b'"),
        (["a"], [1, 2], "'a'", "1, 2"),
        ([1], ["1", "2"], "1", "'1', '2'"),
        ([2], [False, True], "2", "False, True"),
        ([99], list(range(20)), "99", "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ..."),
    ],
)
def test_unknown_labels(y, classes, unknown, known):
    with raises(
        f"y contains labels that are not among the known classes: {unknown}; "
        f"the known classes are {known}."
    ):
        encode_classes(np.array(y), np.array(classes))


def test_labels_of_another_type_that_are_equal():
    assert encode_classes(np.array([1.0, 2.0]), np.array([1, 2])).tolist() == [0, 1]
    assert encode_classes(np.array([1, 0]), np.array([False, True])).tolist() == [1, 0]
    words = np.array(["b", "a"], dtype=object)
    assert encode_classes(words, np.array(["a", "b"])).tolist() == [1, 0]
    assert encode_classes(words.astype(str), np.array(["a", "b"], dtype=object)).tolist() == [1, 0]


# Weights


def test_weights():
    assert check_weights(None, 3) is None
    assert check_weights(1, 3) is None
    assert check_weights(np.ones(3, dtype=np.float32), 3) is None
    assert_array_equal(check_weights(2, 3), [2.0, 2.0, 2.0])
    assert_array_equal(check_weights(np.float32(0.5), 2), [0.5, 0.5])
    for weights in ([0, 1, 2], (0.0, 1.0, 2.0), np.array([0, 1, 2], dtype=np.int8)):
        checked = check_weights(weights, 3)
        assert checked.dtype == np.float64
        assert_array_equal(checked, [0, 1, 2])
    mask = np.array([True, False, True])
    assert_array_equal(check_weights(mask, 3), [1, 0, 1])


def test_weights_are_read_in_place():
    weights = np.array([0.0, 1.0, 2.0])
    weights.flags.writeable = False
    assert np.shares_memory(check_weights(weights, 3), weights)
    assert check_weights(np.arange(6.0)[::2], 3).flags.c_contiguous


@pytest.mark.parametrize(
    "weights, message",
    [
        ([1, -1, 2], "Negative values in sample_weight: the weight at position 1 is -1.0"),
        (-2, "Negative values in sample_weight: the weight at position 0 is -2.0"),
        ([1, np.nan, 2], "Input sample_weight contains NaN"),
        (np.nan, "Input sample_weight contains NaN"),
        ([1, np.inf, 2], "Input sample_weight contains infinity"),
        ([0, 0, 0], "All sample weights are zero"),
        (0, "All sample weights are zero"),
        (np.ones((3, 2)), "Sample weights must be 1D array or scalar, got 2D array. Expected"),
        ([1, 2], "sample_weight has length 2, but X has 3 samples"),
        ([1j, 0, 0], "Complex data not supported"),
        (["a", "b", "c"], "sample_weight must hold numbers, got an array of dtype <U1"),
        (np.full(3, 1e308), "the sum of the weights overflows"),
    ],
)
def test_bad_weights(weights, message):
    with raises(message):
        check_weights(weights, 3)


def test_all_zero_weights_of_a_stream():
    assert_array_equal(check_weights([0, 0], 2, allow_all_zero=True), [0, 0])


@pytest.mark.parametrize("container", [np.array, np.asfortranarray, *CONTAINERS["csr"]])
def test_rows_of_weight_zero_go(container):
    X, y = container(DENSE), np.arange(4)
    for weights in (None, np.array([1.0, 2.0, 3.0, 4.0])):
        same = drop_zero_weight_rows(X, y, weights)
        assert same[0] is X
        assert same[1] is y
        assert same[2] is weights
    kept, y, weights = drop_zero_weight_rows(X, y, np.array([0.0, 2.0, 0.0, 4.0]))
    assert_array_equal(kept.toarray() if sparse.issparse(kept) else kept, DENSE[[1, 3]])
    assert y.tolist() == [1, 3]
    assert weights.tolist() == [2.0, 4.0]
    nothing, y, weights = drop_zero_weight_rows(X, np.arange(4), np.zeros(4))
    assert nothing.shape == (0, 3)
    assert len(y) == len(weights) == 0
