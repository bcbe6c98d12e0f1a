"""Weighted mean, variance and support of every column, in one pass over the rows.

Moments are taken about the column's first value r_j (dense: of the first row; sparse: the first
that is not zero), d_ij = x_ij - r_j, so that a mean of many deviations costs no digits and a
constant column has variance zero exactly:

    mean_j = r_j + <d_j>,      variance_j = <d_j^2> - <d_j>^2,      <u> = sum_i s_i u_i / sum_i s_i

nonzero_weight_j is the sum of s_i over the rows with x_ij != 0.  Sums run in the order of the
rows, so that the storage does not show in the bits of a dense result.
"""

from cython cimport floating
from libc.math cimport INFINITY

ctypedef fused index_t:
    int
    long long


cdef double total_weight(const double* weights, Py_ssize_t n) noexcept nogil:
    cdef double total = 0.0
    cdef Py_ssize_t i
    if weights == NULL:
        return n
    for i in range(n):
        total += weights[i]
    return total


cdef void finish(
    double total, Py_ssize_t p, const double* reference, double* mean, double* variance
) noexcept nogil:
    """mean, variance: from sum s d and sum s d^2 to what they are called."""
    cdef Py_ssize_t j
    for j in range(p):
        mean[j] /= total
        if variance[j] < INFINITY:  # what has overflowed is to be seen
            variance[j] = max(variance[j] / total - mean[j] * mean[j], 0.0)
        mean[j] += reference[j]


def dense_moments(
    const floating[:, :] X, const double[::1] weights,
    double[::1] mean, double[::1] variance, double[::1] nonzero_weight,
):
    """Fill the three arrays; X is C- or F-contiguous, weights may be None, outputs start at 0."""
    cdef Py_ssize_t n = X.shape[0], p = X.shape[1]
    cdef Py_ssize_t i, j
    cdef const double* s = NULL
    cdef double[::1] reference
    cdef double weight, d
    cdef double *r
    cdef double *m1 = &mean[0]
    cdef double *m2 = &variance[0]
    cdef double *nonzero = &nonzero_weight[0]
    cdef const floating* x
    cdef bint by_rows = X.strides[1] == sizeof(floating)
    reference = mean.copy()
    r = &reference[0]
    if weights is not None:
        s = &weights[0]
    with nogil:
        for j in range(p):
            r[j] = X[0, j]
        if by_rows:
            for i in range(n):
                weight = 1.0 if s == NULL else s[i]
                x = &X[i, 0]
                for j in range(p):
                    d = x[j] - r[j]
                    m1[j] += weight * d
                    m2[j] += weight * d * d
                    nonzero[j] += weight if x[j] != 0 else 0.0
        else:
            for j in range(p):
                x = &X[0, j]
                for i in range(n):
                    weight = 1.0 if s == NULL else s[i]
                    d = x[i] - r[j]
                    m1[j] += weight * d
                    m2[j] += weight * d * d
                    nonzero[j] += weight if x[i] != 0 else 0.0
        finish(total_weight(s, n), p, r, m1, m2)


def csr_moments(
    const floating[::1] data, const index_t[::1] indices, const index_t[::1] indptr,
    const double[::1] weights,
    double[::1] mean, double[::1] variance, double[::1] nonzero_weight,
):
    """The same for a CSR matrix; absent entries are zeros, d = -r."""
    cdef Py_ssize_t n = indptr.shape[0] - 1, p = mean.shape[0]
    cdef Py_ssize_t i, j, e
    cdef const double* s = NULL
    cdef double[::1] reference = mean.copy()
    cdef double *r = &reference[0]
    cdef double weight, x, d, absent, total
    if weights is not None:
        s = &weights[0]
    with nogil:
        for i in range(n):
            weight = 1.0 if s == NULL else s[i]
            for e in range(indptr[i], indptr[i + 1]):
                x = data[e]
                if x == 0.0:
                    continue
                j = indices[e]
                if r[j] == 0.0:
                    r[j] = x
                d = x - r[j]
                mean[j] += weight * d
                variance[j] += weight * d * d
                nonzero_weight[j] += weight
        total = total_weight(s, n)
        for j in range(p):
            absent = total - nonzero_weight[j]
            mean[j] -= absent * r[j]
            variance[j] += absent * r[j] * r[j]
        finish(total, p, r, &mean[0], &variance[0])


def merge_moments(
    double share,
    const double[::1] earlier_mean, const double[::1] earlier_variance,
    const double[::1] earlier_nonzero,
    double[::1] mean, double[::1] variance, double[::1] nonzero,
):
    """The moments of a chunk become those of all rows; the chunk has this share of the weight.

    With d = mean - earlier mean (Chan, Golub, LeVeque 1983):

        mean = earlier mean + share d
        variance = (1 - share) earlier variance + share variance + share (1 - share) d^2
    """
    cdef Py_ssize_t j
    cdef double d
    with nogil:
        for j in range(mean.shape[0]):
            d = mean[j] - earlier_mean[j]
            mean[j] = earlier_mean[j] + share * d
            variance[j] = (1.0 - share) * earlier_variance[j] + share * (
                variance[j] + (1.0 - share) * d * d
            )
            nonzero[j] += earlier_nonzero[j]
