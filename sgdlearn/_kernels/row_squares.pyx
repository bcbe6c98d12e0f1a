"""The squared length of every row in a diagonal metric, with a last entry for the intercept.

    s_i (sum_j ((x_ij - shift_j) scale_j)^2 + last)
"""

from cython cimport floating

from sgdlearn._kernels.vector cimport index_t

cdef extern from "column_moments.h" nogil:
    double square_float(
        Py_ssize_t p, const float* x, const double* shift, const double* scale) noexcept
    double square_double(
        Py_ssize_t p, const double* x, const double* shift, const double* scale) noexcept


def dense_row_squares(
    const floating[:, ::1] X, const double[::1] weights, double last,
    const double[::1] shift, const double[::1] scale, double[::1] out,
):
    """Fill ``out``; weights None are all one."""
    cdef Py_ssize_t p = X.shape[1], i
    with nogil:
        for i in range(X.shape[0]):
            if floating is float:
                out[i] = last + square_float(p, &X[i, 0], &shift[0], &scale[0])
            else:
                out[i] = last + square_double(p, &X[i, 0], &shift[0], &scale[0])
            if weights is not None:
                out[i] *= weights[i]


def csr_row_squares(
    const floating[::1] data, const index_t[::1] indices, const index_t[::1] indptr,
    const double[::1] weights, double last, const double[::1] scale, double[::1] out,
):
    """The same for the rows of a CSR matrix, which no metric shifts; scale None is all one."""
    cdef Py_ssize_t i, e
    cdef double x, total
    with nogil:
        for i in range(indptr.shape[0] - 1):
            total = last
            for e in range(indptr[i], indptr[i + 1]):
                x = data[e] if scale is None else data[e] * scale[indices[e]]
                total += x * x
            out[i] = total
            if weights is not None:
                out[i] *= weights[i]
