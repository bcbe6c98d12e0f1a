"""How the rows of X reach a solver: as they lie in memory, dense or CSR, without a copy."""

from functools import cached_property, reduce

import numpy as np
from scipy.sparse import csr_matrix, issparse

from .._kernels import sparse_products
from .._kernels.column_moments import add_csr, add_dense, add_flags, are_flags
from .._kernels.dtypes import FLOATING, INDEX
from .._kernels.row_squares import csr_row_squares, dense_row_squares
from .._threads import MAX_PARTS, Team, cut
from .kept import Kept, mark
from .moments import ColumnSums
from .scaling import Scaling

# A compiled pass reads about this many numbers before Python looks for signals.
NUMBERS_PER_CALL = 5_000_000
# So many are worth another thread; and so many for a column, where it sums up every column.
NUMBERS_TO_SHARE, NUMBERS_TO_COLUMNS = 2**20, 64
# Rows of an F-ordered X that are gathered at a time, and numbers in them.
GATHERED_ROWS, GATHERED_NUMBERS = 1024, 2**17
# Parts of so many rows, or a multiple: so the storage does not show in the order of a sum.
ROWS_TOGETHER = 64
ALL = (slice(None),)


class Rows:
    """What dense and sparse rows share.

    Attributes
    ----------
    team : Team
        The threads that share them out. Rows that are made of them have one, as parts do.
    kept : Kept
        What is known of these rows; parts begin with nothing.
    """

    team = Team(1)
    _sums = None

    @cached_property
    def kept(self):
        return Kept()

    def parts(self):
        """Slices of rows, each read in a small part of a second (then Ctrl-C is seen)."""
        numbers = self.size + 10 * self.n
        if numbers <= NUMBERS_PER_CALL:
            return ALL
        return slices(self.n, NUMBERS_PER_CALL * self.n // numbers)

    def large_parts(self, least):
        """(start, stop) of parts of so many numbers at least, for the team."""
        return cut(self.n, min(max(self.size // least, 1), MAX_PARTS))

    def column_sums(self, weights=None):
        """The `ColumnSums` under row weights (None: all one); read once for all who ask."""

        def part(start, stop):
            some = None if weights is None else weights[start:stop]
            return ColumnSums.of(self.between(start, stop), some)

        def total():
            parts = self.large_parts(max(NUMBERS_TO_SHARE, NUMBERS_TO_COLUMNS * self.p))
            return reduce(ColumnSums.join, self.team.in_order(part, parts))

        if self._sums is None or self._sums[0] is not weights:
            key = "column sums", None if weights is None else mark(weights)
            self._sums = weights, self.kept.of(key, total)
        return self._sums[1]

    def column_moments(self, weights=None):
        """The `ColumnMoments` under row weights."""
        return self.column_sums(weights).find_moments()

    @property
    def squares(self):
        """|x_i|^2 of every row, (n,); read once for all who ask."""
        return self.kept.of("squares", lambda: self.row_squares(None))

    def row_squares(self, scaling, weights=None, last=0.0):
        """s_i (|x~_i|^2 + last) of every row in the metric (None: that of X), (n,).

        The metric does not centre sparse rows.
        """
        squares = np.empty(self.n)
        if self.size < 2 * NUMBERS_TO_SHARE:
            self.find_squares(scaling, weights, last, squares)
            return squares

        def part(start, stop):
            some = None if weights is None else weights[start:stop]
            self.between(start, stop).find_squares(scaling, some, last, squares[start:stop])

        self.team.for_each(part, self.large_parts(NUMBERS_TO_SHARE))
        return squares


class DenseRows(Rows):
    """The rows of a C- or F-contiguous array of float32 or float64.

    Attributes
    ----------
    values : ndarray of shape (n, p)
    """

    sparse = have_flags = False
    order_of_sums = "C"

    def __init__(self, values):
        self.values = values
        self.n, self.p = values.shape
        self.dtype = values.dtype

    @property
    def size(self):
        """How many numbers a pass reads."""
        return self.n * self.p

    @property
    def nbytes(self):
        """The memory that they take."""
        return self.values.nbytes

    @property
    def kernel_types(self):
        """The element type by which to choose a compiled function."""
        return FLOATING[self.dtype]

    def lies_in(self, dtype):
        """Whether `dense_block` is a view that BLAS reads in this precision."""
        return self.dtype == dtype and self.values.flags.c_contiguous

    def take(self, index):
        """The rows with these numbers (a copy)."""
        return make_rows(self.values[index])

    def astype(self, dtype):
        """The rows in another element type (a copy)."""
        return DenseRows(self.values.astype(dtype))

    def between(self, start, stop):
        """Rows start .. stop - 1, in place."""
        return DenseRows(self.values[start:stop])

    def block(self, start, stop):
        """Rows start .. stop - 1 as a C-contiguous array: a view, if X is C-contiguous."""
        return np.ascontiguousarray(self.values[start:stop])

    def dense_block(self, start, stop):
        """Rows start .. stop - 1 as an array."""
        return self.values[start:stop]

    def parts(self):
        """Slices of rows; those of an F-ordered X are small, since they are copied."""
        if self.values.flags.c_contiguous:
            return super().parts()
        return slices(self.n, min(GATHERED_ROWS, GATHERED_NUMBERS // self.p))

    def add_to_sums(self, sums, total, weights):
        """Add the rows to the arrays of `ColumnSums`; return `total` with their weights."""
        add = add_dense[self.kernel_types]
        for part in self.parts():
            X = np.ascontiguousarray(self.values[part])
            total = add(X, None if weights is None else weights[part], sums, total)
        return total

    def find_squares(self, scaling, weights, last, squares):
        """`row_squares` into an array."""
        kernel = dense_row_squares[self.kernel_types]
        scaling = Scaling.identity(self.p) if scaling is None else scaling
        metric = scaling.shift, scaling.scale
        for part in self.parts():
            X = np.ascontiguousarray(self.values[part])
            s = None if weights is None else weights[part]
            kernel(X, s, last, *metric, squares[part])


class SparseRows(Rows):
    """The rows of a CSR matrix with sorted indices and no duplicates.

    Attributes
    ----------
    data, indices, indptr : ndarray
        As in scipy.sparse; both index arrays int32 or both int64.
    """

    sparse = True
    order_of_sums = "F"

    def __init__(self, data, indices, indptr, p):
        self.data, self.indices, self.indptr = data, indices, indptr
        self.n, self.p = len(indptr) - 1, p
        self.dtype = data.dtype

    @property
    def size(self):
        """How many numbers a pass reads."""
        return int(self.indptr[-1])

    @property
    def nbytes(self):
        """The memory that they take."""
        return self.data.nbytes + self.indices.nbytes + self.indptr.nbytes

    @property
    def kernel_types(self):
        """The element and index types by which to choose a compiled function."""
        return FLOATING[self.dtype], INDEX[self.indices.dtype]

    def take(self, index):
        """The rows with these numbers (a copy)."""
        return make_rows(self.matrix[index])

    def astype(self, dtype):
        """The rows in another element type (a copy of the values)."""
        return SparseRows(self.data.astype(dtype), self.indices, self.indptr, self.p)

    def between(self, start, stop):
        """Rows start .. stop - 1, in place."""
        first, last = self.indptr[start], self.indptr[stop]
        borders = self.indptr[start : stop + 1] - first
        return SparseRows(self.data[first:last], self.indices[first:last], borders, self.p)

    def block(self, start, stop):
        """Rows start .. stop - 1 as a CSR matrix of their own."""
        first, last = self.indptr[start], self.indptr[stop]
        return csr_matrix(
            (
                self.data[first:last],
                self.indices[first:last],
                self.indptr[start : stop + 1] - first,
            ),
            shape=(stop - start, self.p),
            copy=False,
        )

    def lies_in(self, dtype):
        """Whether `dense_block` is a view: never."""
        return False

    def dense_block(self, start, stop):
        """Rows start .. stop - 1 as an array."""
        return self.block(start, stop).toarray()

    @property
    def matrix(self):
        """All rows as a CSR matrix on the same data."""
        return csr_matrix(
            (self.data, self.indices, self.indptr), shape=(self.n, self.p), copy=False
        )

    def times(self, w, z, start, stop):
        """X w into z (n,), in rows start .. stop - 1."""
        kernel = sparse_products.csr_times[self.kernel_types]
        kernel(self.data, self.indices, self.indptr[start : stop + 1], w, z[start:stop])

    def transpose_times(self, a, start, stop):
        """X' a, (p,), over rows start .. stop - 1."""
        g = np.zeros(self.p)
        kernel = sparse_products.csr_transpose_times[self.kernel_types]
        kernel(self.data, self.indices, self.indptr[start : stop + 1], a[start:stop], g)
        return g

    def gram(self, weights):
        """X' diag(weights) X."""
        H = np.zeros((self.p, self.p))
        kernel = sparse_products.csr_gram[self.kernel_types]
        for part in self.parts():
            kernel(self.data, self.indices, self.borders(part), weights[part], H)
        return H + np.tril(H, -1).T

    def borders(self, part):
        """Where in `indices` and `data` the rows of a part begin, and where the last one ends."""
        return self.indptr if part.start is None else self.indptr[part.start : part.stop + 1]

    def add_to_sums(self, sums, total, weights):
        """Add the rows to the arrays of `ColumnSums`; return `total` with their weights."""
        add = add_csr[self.kernel_types]
        for part in self.parts():
            s = None if weights is None else weights[part]
            total = add(self.data, self.indices, self.borders(part), s, sums.T, total)
        return total

    @property
    def have_flags(self):
        """Whether all entries are one number."""
        return are_flags[FLOATING[self.dtype]](self.data)

    def sums_of_flags(self, weights):
        """If so: the sum of all weights, that number, and the weight of each column's entries."""
        add, total, of_columns = add_flags[INDEX[self.indices.dtype]], 0.0, np.zeros(self.p)
        for part in self.parts():
            s = None if weights is None else weights[part]
            total = add(self.indices, self.borders(part), s, of_columns, total)
        return total, float(self.data[0]), of_columns

    def find_squares(self, scaling, weights, last, squares):
        """`row_squares` into an array."""
        kernel = csr_row_squares[self.kernel_types]
        scale = None if scaling is None else scaling.scale
        for part in self.parts():
            s = None if weights is None else weights[part]
            kernel(self.data, self.indices, self.borders(part), s, last, scale, squares[part])


def slices(n, about):
    """The first n rows in parts of about so many."""
    step = max(1, about // ROWS_TOGETHER) * ROWS_TOGETHER
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]


def make_rows(X, n_jobs=1):
    """`DenseRows` or `SparseRows` of a validated X, in place; so many threads share them out.

    Only a dense array that is contiguous in no order, a sparse matrix that is not CSR and index
    arrays of two types are converted.
    """
    if issparse(X):
        X = X.tocsr()
        indices, indptr = X.indices, X.indptr
        if indices.dtype != indptr.dtype:
            indices, indptr = indices.astype(np.int64), indptr.astype(np.int64)
        rows = SparseRows(X.data, indices, indptr, X.shape[1])
    elif X.flags.c_contiguous or X.flags.f_contiguous:
        rows = DenseRows(X)
    else:
        rows = DenseRows(np.ascontiguousarray(X))
    rows.team = Team(n_jobs)
    return rows
