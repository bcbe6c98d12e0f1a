"""One pass over rows that stand still: the sum of their losses and its gradient.

    z_i = W x_i + b,      G = sum_i s_i slope_i x_i',      g = sum_i s_i slope_i

where slope_i (k numbers) is the derivative of loss_i in z_i. Coefficients and sums are double
whatever the type of X. `weights` may be None: all one.
"""

from cython cimport floating
from libc.stdlib cimport free, malloc

from sgdlearn._kernels.losses cimport (
    LossSpec, loss_and_slope, loss_spec, outputs_loss_and_slopes,
)
from sgdlearn._kernels.vector cimport (
    axpy_wide, dot_wide, gather_dot_wide, index_t, scatter_axpy_wide,
)


def dense_pass(
    tuple spec, const floating[:, ::1] X, const double[:, ::1] targets, const double[::1] weights,
    const double[::1] w, double b, double[::1] gradient,
):
    """One output, dense rows: returns (sum_i s_i loss_i, g) and adds to gradient."""
    cdef LossSpec loss = loss_spec(spec)
    cdef Py_ssize_t n = X.shape[0], p = X.shape[1]
    cdef const double* s = NULL
    cdef double value, slope = 0.0, total = 0.0, slopes = 0.0
    cdef Py_ssize_t i
    if weights is not None:
        s = &weights[0]
    with nogil:
        for i in range(n):
            value = loss_and_slope(
                loss, targets[i, 0], dot_wide(p, &X[i, 0], &w[0]) + b, &slope)
            if s != NULL:
                value *= s[i]
                slope *= s[i]
            total += value
            if slope != 0.0:
                slopes += slope
                axpy_wide(p, slope, &X[i, 0], &gradient[0])
    return total, slopes


def csr_pass(
    tuple spec, const floating[::1] data, const index_t[::1] indices, const index_t[::1] indptr,
    const double[:, ::1] targets, const double[::1] weights,
    const double[:, ::1] W, const double[::1] b, double[:, ::1] gradient, double[::1] slopes_sum,
):
    """Sparse rows, k outputs side by side: W and gradient are (p, k); adds to both sums."""
    cdef LossSpec loss = loss_spec(spec)
    cdef Py_ssize_t n = indptr.shape[0] - 1, k = W.shape[1], n_targets = targets.shape[1]
    cdef const double* s = NULL
    cdef const double* w
    cdef double* g
    cdef double* z = <double*> malloc(2 * k * sizeof(double))
    cdef double* slopes = z + k
    cdef double x, value, total = 0.0
    cdef Py_ssize_t i, e, c, start, nnz
    if z == NULL:
        raise MemoryError
    if weights is not None:
        s = &weights[0]
    with nogil:
        for i in range(n):
            start = indptr[i]
            nnz = indptr[i + 1] - start
            if k == 1:
                z[0] = b[0] + gather_dot_wide(nnz, &indices[start], &data[start], &W[0, 0])
            else:
                for c in range(k):
                    z[c] = b[c]
                for e in range(start, start + nnz):
                    x = data[e]
                    w = &W[indices[e], 0]
                    for c in range(k):
                        z[c] += x * w[c]
            value = outputs_loss_and_slopes(loss, k, &targets[i, 0], n_targets, z, slopes)
            total += value if s == NULL else s[i] * value
            for c in range(k):
                if s != NULL:
                    slopes[c] *= s[i]
                slopes_sum[c] += slopes[c]
            if k == 1:
                scatter_axpy_wide(nnz, slopes[0], &indices[start], &data[start], &gradient[0, 0])
                continue
            for e in range(start, start + nnz):
                x = data[e]
                g = &gradient[indices[e], 0]
                for c in range(k):
                    g[c] += x * slopes[c]
    free(z)
    return total


def losses_to_slopes(
    tuple spec, const double[:, ::1] targets, const double[::1] weights, double[:, ::1] Z
):
    """Z holds predictions (n, k) and takes s_i slope_i; returns sum_i s_i loss_i."""
    cdef LossSpec loss = loss_spec(spec)
    cdef Py_ssize_t n = Z.shape[0], k = Z.shape[1], n_targets = targets.shape[1]
    cdef const double* s = NULL
    cdef double value, total = 0.0
    cdef Py_ssize_t i, c
    if weights is not None:
        s = &weights[0]
    with nogil:
        for i in range(n):
            value = outputs_loss_and_slopes(
                loss, k, &targets[i, 0], n_targets, &Z[i, 0], &Z[i, 0])
            total += value if s == NULL else s[i] * value
            if s != NULL:
                for c in range(k):
                    Z[i, c] *= s[i]
    return total
