"""Rows of factors: how they start, what they predict.

A row is [k factors, zeros | bias, ...], `width` numbers before the bias. A new row starts at

    p_j = low + span h(seed, row, j) / 2^64,    h the counter-based hash of sampling.h,

so that it is the same whenever it is added, alone or with others.
"""

from cython cimport floating

from sgdlearn._kernels.factor_ratings cimport (
    Constant, Sampler, constant_at, constant_of, counter_hash, draw_negative, sampler_of,
)
from sgdlearn._kernels.vector cimport PREFETCH_SOON, dot


def start_rows(
    floating[:, ::1] rows, Py_ssize_t first, Py_ssize_t stop, Py_ssize_t k,
    unsigned long long seed, double low, double span,
):
    """rows[first .. stop - 1, :k] <- their first factors."""
    cdef Py_ssize_t i, j
    with nogil:
        for i in range(first, stop):
            for j in range(k):
                rows[i, j] = <floating> (
                    low + span * ((counter_hash(seed, i, j) >> 40) * (1.0 / 16777216.0)))


def running_constant(const double[::1] running):
    """The constant of a stream that stands at (mean, weight, odds)."""
    cdef Constant constant = constant_at(running)
    return constant_of(&constant)


def predictions(
    const int[::1] users, const int[::1] items, const floating[:, ::1] P,
    const floating[:, ::1] Q, Py_ssize_t width, double mean, double[::1] out,
):
    """out_i <- mean + b_u + b_i + <p_u, q_i>; the parts of a row -1 are left out."""
    cdef Py_ssize_t i, ahead, n = users.shape[0], bytes = (width + 1) * sizeof(floating)
    cdef Py_ssize_t u, v
    with nogil:
        for i in range(n):
            ahead = min(i + 8, n - 1)
            if users[ahead] >= 0:
                PREFETCH_SOON(&P[users[ahead], 0], bytes)
            if items[ahead] >= 0:
                PREFETCH_SOON(&Q[items[ahead], 0], bytes)
            u, v = users[i], items[i]
            out[i] = mean
            if u >= 0:
                out[i] += P[u, width]
            if v >= 0:
                out[i] += Q[v, width]
                if u >= 0:
                    out[i] += dot(width, &P[u, 0], &Q[v, 0])


def weighted_squares(const floating[:, ::1] rows, const double[::1] weights, Py_ssize_t width):
    """(sum_i w_i |p_i|^2, sum_i w_i b_i^2)."""
    cdef Py_ssize_t i
    cdef double factors = 0.0, biases = 0.0
    with nogil:
        for i in range(weights.shape[0]):
            factors += weights[i] * dot(width, &rows[i, 0], &rows[i, 0])
            biases += weights[i] * rows[i, width] * rows[i, width]
    return factors, biases


def rows_are_finite(const int[::1] chosen, const floating[:, ::1] rows):
    """Whether the chosen rows hold neither NaN nor infinity: x_j - x_j = 0."""
    cdef Py_ssize_t i, j
    cdef int strange = 0
    cdef const floating* x
    with nogil:
        for i in range(chosen.shape[0]):
            x = &rows[chosen[i], 0]
            for j in range(rows.shape[1]):
                strange |= x[j] - x[j] != 0
    return not strange


def drawn_items(
    const int[::1] users, const floating[::1] targets, unsigned long long first_update,
    tuple sampler, int[::1] out,
):
    """out <- the items that updates first_update, ... will draw, -1 where there is none."""
    cdef Sampler chosen = sampler_of(sampler)
    cdef Py_ssize_t i
    cdef int which
    with nogil:
        for i in range(users.shape[0]):
            for which in range(chosen.count):
                out[i * chosen.count + which] = -1
                if targets[i] > 0:
                    out[i * chosen.count + which] = draw_negative(
                        &chosen, users[i], first_update + i, which)
