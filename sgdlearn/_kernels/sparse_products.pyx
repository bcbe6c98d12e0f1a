"""The products of sparse rows.

    z = X w,      g += X' a
    H_jl += sum_i c_i x_ij x_il,      j >= l:  at the cost of the squared entries of each row.
"""

from cython cimport floating

from sgdlearn._kernels.row_blocks cimport BLOCK_ROWS, rows_axpy, rows_dot
from sgdlearn._kernels.vector cimport index_t


def csr_times(
    const floating[::1] data, const index_t[::1] indices, const index_t[::1] indptr,
    const double[::1] w, double[::1] z,
):
    """z <- X w."""
    cdef Py_ssize_t n = indptr.shape[0] - 1, start = 0, m
    with nogil:
        while start < n:
            m = min(<Py_ssize_t> BLOCK_ROWS, n - start)
            rows_dot(m, &indptr[start], &indices[0], &data[0], &w[0], 0.0, &z[start])
            start += m


def csr_transpose_times(
    const floating[::1] data, const index_t[::1] indices, const index_t[::1] indptr,
    const double[::1] a, double[::1] g,
):
    """g <- g + X' a."""
    cdef Py_ssize_t n = indptr.shape[0] - 1, start = 0, m
    with nogil:
        while start < n:
            m = min(<Py_ssize_t> BLOCK_ROWS, n - start)
            rows_axpy(m, &indptr[start], &indices[0], &data[0], &a[start], &g[0])
            start += m


def csr_gram(
    const floating[::1] data, const index_t[::1] indices, const index_t[::1] indptr,
    const double[:] weights, double[:, ::1] H,
):
    """Add X' diag(weights) X to the lower triangle of H; the indices of a row are sorted."""
    cdef Py_ssize_t i, e, f
    cdef double x
    cdef double* row
    with nogil:
        for i in range(indptr.shape[0] - 1):
            for e in range(indptr[i], indptr[i + 1]):
                x = weights[i] * data[e]
                row = &H[indices[e], 0]
                for f in range(indptr[i], e + 1):
                    row[indices[f]] += x * data[f]
