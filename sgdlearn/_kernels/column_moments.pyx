"""Running sums over rows, from which the weighted mean and variance of every column follow.

For each column j, over the rows i with x_ij != 0, and about a reference r_j, the first such x_ij:

    weight_j = sum_i s_i,   first_j = sum_i s_i (x_ij - r_j),   second_j = sum_i s_i (x_ij - r_j)^2

About a reference among the values a mean of many deviations costs no digits, and a constant column
has no variance at all.  Zeros need no sum: their weight is what is missing from the sum of all
weights.  So rows can be added for ever, a sparse one at the cost of its entries.
"""

from cython cimport floating
from libc.math cimport INFINITY

from sgdlearn._kernels.vector cimport PREFETCH, PREFETCH_LATER, index_t

cdef extern from "column_moments.h" nogil:
    enum:
        ROWS_AT_ONCE
    void add_rows_float(
        Py_ssize_t p, const float* x, const double* s, const double* reference,
        double* weight, double* first, double* second) noexcept
    void add_rows_double(
        Py_ssize_t p, const double* x, const double* s, const double* reference,
        double* weight, double* first, double* second) noexcept
    void add_row_float(
        Py_ssize_t p, const float* x, const double* s, const double* reference,
        double* weight, double* first, double* second) noexcept
    void add_row_double(
        Py_ssize_t p, const double* x, const double* s, const double* reference,
        double* weight, double* first, double* second) noexcept

cdef enum:
    ENTRIES_AHEAD = 12      # the sums of a column lie anywhere in memory: they are asked for early
    NUMBERS_AT_ONCE = 256   # compared before one that differs ends the search


def add_dense(
    const floating[:, ::1] X, const double[::1] weights, double[:, ::1] sums, double total
):
    """Add the rows of X to the sums; return `total`, the sum of all weights, with theirs.

    ``sums`` has the rows reference, weight, first and second.  The weights (None: all one) are
    summed up in the same order for each column and in total: that a column has no zeros is seen.
    """
    cdef Py_ssize_t n = X.shape[0], p = X.shape[1], i = 0, j, row, m
    cdef double *reference = &sums[0, 0]
    cdef double *weight = &sums[1, 0]
    cdef double *first = &sums[2, 0]
    cdef double *second = &sums[3, 0]
    cdef double ones[ROWS_AT_ONCE]
    cdef double at_once
    cdef const double* s = ones
    with nogil:
        for row in range(ROWS_AT_ONCE):
            ones[row] = 1.0
        for j in range(p):
            if weight[j] == 0.0:
                for row in range(n):
                    if X[row, j] != 0:
                        reference[j] = X[row, j]
                        break
        while i < n:
            m = ROWS_AT_ONCE if n - i >= ROWS_AT_ONCE else 1
            if i + 3 * ROWS_AT_ONCE <= n:
                PREFETCH_LATER(
                    &X[i + 2 * ROWS_AT_ONCE, 0], ROWS_AT_ONCE * p * <Py_ssize_t> sizeof(floating))
            if weights is not None:
                s = &weights[i]
            if floating is float and m == 1:
                add_row_float(p, &X[i, 0], s, reference, weight, first, second)
            elif floating is float:
                add_rows_float(p, &X[i, 0], s, reference, weight, first, second)
            elif m == 1:
                add_row_double(p, &X[i, 0], s, reference, weight, first, second)
            else:
                add_rows_double(p, &X[i, 0], s, reference, weight, first, second)
            at_once = 0.0
            for row in range(m):
                at_once += s[row]
            total += at_once
            i += m
    return total


def add_csr(
    const floating[::1] data, const index_t[::1] indices, const index_t[::1] indptr,
    const double[::1] weights, double[:, ::1] sums, double total
):
    """The same for the rows of a CSR matrix; ``sums`` has the four of a column side by side."""
    cdef Py_ssize_t i, e, last = indptr[indptr.shape[0] - 1] - 1
    cdef double s = 1.0, x, d
    cdef double *column
    with nogil:
        for i in range(indptr.shape[0] - 1):
            if weights is not None:
                s = weights[i]
            total += s
            for e in range(indptr[i], indptr[i + 1]):
                PREFETCH(&sums[indices[min(e + ENTRIES_AHEAD, last)], 0])
                x = data[e]
                if x == 0.0:
                    continue
                column = &sums[indices[e], 0]
                if column[1] == 0.0:
                    column[0] = x
                d = x - column[0]
                column[1] += s
                column[2] += s * d
                column[3] += s * d * d
    return total


def add_flags(
    const index_t[::1] indices, const index_t[::1] indptr,
    const double[::1] weights, double[::1] weight, double total
):
    """The same for the rows of a CSR matrix whose entries are flags: ``weight`` alone is summed."""
    cdef Py_ssize_t i, e, last = indptr[indptr.shape[0] - 1] - 1
    cdef double s = 1.0
    with nogil:
        for i in range(indptr.shape[0] - 1):
            if weights is not None:
                s = weights[i]
            total += s
            for e in range(indptr[i], indptr[i + 1]):
                PREFETCH(&weight[indices[min(e + ENTRIES_AHEAD, last)]])
                weight[indices[e]] += s
    return total


def are_flags(const floating[::1] data):
    """Whether all these numbers are one, which has a square and is not 0."""
    cdef Py_ssize_t n = data.shape[0], start = 0, i
    cdef double flag = data[0] if n > 0 else 0.0
    cdef int others = not 0.0 < flag * flag < INFINITY
    with nogil:
        while start < n and not others:
            for i in range(start, min(start + NUMBERS_AT_ONCE, n)):
                others |= data[i] != data[0]
            start += NUMBERS_AT_ONCE
    return n > 0 and not others
