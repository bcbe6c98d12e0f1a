"""One pass over rows that stand still: the sum of their losses and its gradient.

    z_i = W x_i + b,      G = sum_i s_i slope_i x_i',      g = sum_i s_i slope_i

where slope_i (k numbers) is the derivative of loss_i in z_i. Coefficients and sums are double
whatever the type of X. `weights` may be None: all one.
"""

from cython cimport floating
from libc.stdlib cimport free, malloc

from sgdlearn._kernels.losses cimport (
    LossSpec, loss_spec, losses_and_slopes, outputs_loss_and_slopes,
)
from sgdlearn._kernels.row_blocks cimport BLOCK_ROWS, rows_axpy, rows_dot
from sgdlearn._kernels.vector cimport PREFETCH_LATER, axpy_wide, dot_wide, index_t

cdef enum:
    TOGETHER = BLOCK_ROWS   # rows of one output whose losses are taken side by side, if they have
    NUMBERS = 1024      # no more numbers than these: they are read again for the gradient


def dense_pass(
    tuple spec, const floating[:, ::1] X, const double[:, ::1] targets, const double[::1] weights,
    const double[::1] w, double b, double[::1] gradient,
):
    """One output, dense rows: returns (sum_i s_i loss_i, g) and adds to gradient."""
    cdef LossSpec loss = loss_spec(spec)
    cdef Py_ssize_t n = X.shape[0], p = X.shape[1]
    cdef const double* s = NULL
    cdef double z[TOGETHER]
    cdef double total = 0.0, slopes = 0.0
    cdef Py_ssize_t i, start = 0, m, step = min(max(NUMBERS // p, 1), TOGETHER)
    cdef Py_ssize_t bytes = min(p * <Py_ssize_t> sizeof(floating), 8192)
    with nogil:
        while start < n:
            m = min(step, n - start)
            for i in range(m):
                z[i] = dot_wide(p, &X[start + i, 0], &w[0]) + b
            if weights is not None:
                s = &weights[start]
            total += losses_and_slopes(loss, m, &targets[start, 0], s, z)
            for i in range(m):
                if start + m + i < n:
                    PREFETCH_LATER(&X[start + m + i, 0], bytes)
                if z[i] != 0.0:
                    slopes += z[i]
                    axpy_wide(p, z[i], &X[start + i, 0], &gradient[0])
            start += m
    return total, slopes


cdef double csr_pass_of_one(
    LossSpec loss, const floating[::1] data, const index_t[::1] indices, const index_t[::1] indptr,
    const double[:, ::1] targets, const double[::1] weights,
    const double[:, ::1] W, double b, double[:, ::1] gradient, double[::1] slopes_sum,
) noexcept:
    """Sparse rows, one output."""
    cdef Py_ssize_t n = indptr.shape[0] - 1, i, start = 0, m
    cdef const double* s = NULL
    cdef double z[TOGETHER]
    cdef double total = 0.0
    with nogil:
        while start < n:
            m = min(<Py_ssize_t> TOGETHER, n - start)
            rows_dot(m, &indptr[start], &indices[0], &data[0], &W[0, 0], b, z)
            if weights is not None:
                s = &weights[start]
            total += losses_and_slopes(loss, m, &targets[start, 0], s, z)
            rows_axpy(m, &indptr[start], &indices[0], &data[0], z, &gradient[0, 0])
            for i in range(m):
                slopes_sum[0] += z[i]
            start += m
    return total


def csr_pass(
    tuple spec, const floating[::1] data, const index_t[::1] indices, const index_t[::1] indptr,
    const double[:, ::1] targets, const double[::1] weights,
    const double[:, ::1] W, const double[::1] b, double[:, ::1] gradient, double[::1] slopes_sum,
):
    """Sparse rows, k outputs side by side: W and gradient are (p, k); adds to both sums."""
    cdef LossSpec loss = loss_spec(spec)
    cdef Py_ssize_t n = indptr.shape[0] - 1, k = W.shape[1], n_targets = targets.shape[1]
    cdef const double* s = NULL
    if k == 1:
        return csr_pass_of_one(
            loss, data, indices, indptr, targets, weights, W, b[0], gradient, slopes_sum)
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
    if k == 1 and n > 0:
        with nogil:
            total = losses_and_slopes(loss, n, &targets[0, 0], s, &Z[0, 0])
        return total
    with nogil:
        for i in range(n):
            value = outputs_loss_and_slopes(
                loss, k, &targets[i, 0], n_targets, &Z[i, 0], &Z[i, 0])
            total += value if s == NULL else s[i] * value
            if s != NULL:
                for c in range(k):
                    Z[i, c] *= s[i]
    return total
