"""Coordinate descent on a quadratic model of the loss, the penalty as it is.

    min_w  1/2 (w - w0)' H (w - w0) + g0 . (w - w0) + sum_j t1_j |w_j| + t2_j / 2 w_j^2,  w >= lower

One coordinate at a time, each to its own minimum (Friedman, Hastie, Tibshirani 2010):

    w_j <- prox(h_j w_j - g_j; t1_j, h_j + t2_j),      g <- g + H_j delta_j

where h_j is the diagonal of H. There are two ways to know g_j. With H at hand ("covariance
updates") the whole of g is kept, and a step that moves costs one row of H. Else H = X' D X is
never formed: with the model's slopes a_i = c_i (slope_i + curvature_i dz_i) kept for the rows,

    g_j = sum_i x_ij a_i,      a_i <- a_i + D_i x_ij delta_j.

An unpenalised intercept is solved for all the time. Then columns are centred by their means m_j
under D, which for the second way takes one number more, S = sum_i a_i:

    g_j = sum_i x_ij a_i - m_j S,      S <- S + m_j (sum_i D_i) delta_j.

All return sum_j (h_j + t2_j) delta_j^2 of the visits: twice what they gained, and 0 at the end.
"""

from cython cimport floating

from sgdlearn._kernels.prox cimport prox
from sgdlearn._kernels.vector cimport (
    PREFETCH, axpy, dot_wide, gather_dot_wide, index_t, scatter_axpy_wide,
)

cdef enum:
    AHEAD = 32          # rows whose entries are asked for before they are gathered


cdef inline double step(
    double w, double g, double h, double t1, double t2, double lower
) noexcept nogil:
    """From w to the minimum along a coordinate, whose slope at w is g but for the penalty."""
    return prox[double](h * w - g, t1, h + t2, lower) - w


def gram_visits(
    const double[:, ::1] H, const Py_ssize_t[::1] order,
    const double[::1] t1, const double[::1] t2, double lower,
    double[::1] w, double[::1] g,
):
    """Visit coordinates in this order, H at hand."""
    cdef Py_ssize_t m = H.shape[0], q, j
    cdef double delta, moved = 0.0
    with nogil:
        for q in range(order.shape[0]):
            j = order[q]
            if H[j, j] <= 0.0:
                continue
            delta = step(w[j], g[j], H[j, j], t1[j], t2[j], lower)
            if delta != 0.0:
                w[j] += delta
                axpy(m, delta, &H[j, 0], &g[0])
                moved += (H[j, j] + t2[j]) * delta * delta
    return moved


def csc_visits(
    const floating[::1] data, const index_t[::1] indices, const index_t[::1] indptr,
    const Py_ssize_t[::1] order, const double[::1] D, double total,
    const double[::1] h, const double[::1] means,
    const double[::1] t1, const double[::1] t2, double lower,
    double[::1] w, double[::1] a, double[::1] S,
):
    """Visit the columns of a CSC matrix in this order; `total` is the sum of D."""
    cdef Py_ssize_t q, j, start, nnz, e
    cdef double g, delta, moved = 0.0
    with nogil:
        for q in range(order.shape[0]):
            j = order[q]
            if h[j] <= 0.0:
                continue
            start = indptr[j]
            nnz = indptr[j + 1] - start
            g = gather_dot_wide(nnz, &indices[start], &data[start], &a[0]) - means[j] * S[0]
            delta = step(w[j], g, h[j], t1[j], t2[j], lower)
            if delta != 0.0:
                w[j] += delta
                for e in range(start, start + nnz):
                    a[indices[e]] += delta * data[e] * D[indices[e]]
                S[0] += delta * means[j] * total
                moved += (h[j] + t2[j]) * delta * delta
    return moved


def dense_visits(
    const floating[::1, :] X,
    const Py_ssize_t[::1] order, const double[::1] D, double total,
    const double[::1] h, const double[::1] means,
    const double[::1] t1, const double[::1] t2, double lower,
    double[::1] w, double[::1] a, double[::1] S,
):
    """Visit the columns of an F-contiguous array in this order."""
    cdef Py_ssize_t n = X.shape[0], q, j, i
    cdef double g, delta, moved = 0.0
    with nogil:
        for q in range(order.shape[0]):
            j = order[q]
            if h[j] <= 0.0:
                continue
            g = dot_wide(n, &X[0, j], &a[0]) - means[j] * S[0]
            delta = step(w[j], g, h[j], t1[j], t2[j], lower)
            if delta != 0.0:
                w[j] += delta
                for i in range(n):
                    a[i] += delta * X[i, j] * D[i]
                S[0] += delta * means[j] * total
                moved += (h[j] + t2[j]) * delta * delta
    return moved


cdef void centre(
    double weight, double rest, double total, double shift, bint centred,
    double* h, double* mean,
) noexcept nogil:
    """Curvature and mean of a column from sums about its shift.

    On entry h and mean hold sum_i D_i (x_ij - shift)^2 and sum_i D_i (x_ij - shift) over entries
    that weigh `weight`; absent ones, zeros, weigh `rest`.
    """
    h[0] += rest * shift * shift
    mean[0] -= rest * shift
    if centred:
        mean[0] /= total
        h[0] = max(h[0] - total * mean[0] * mean[0], 0.0)
        mean[0] += shift


def csc_curvatures(
    const floating[::1] data, const index_t[::1] indices, const index_t[::1] indptr,
    const Py_ssize_t[::1] order, const double[::1] D, double total, const double[::1] shift,
    bint centred, double[::1] h, double[::1] means,
):
    """h_j <- sum_i D_i (x_ij - m_j)^2 and m_j, which is 0 unless `centred`, for j in `order`.

    The sums are taken about shift_j, near m_j (0 unless `centred`), so that they do not cancel.
    """
    cdef Py_ssize_t q, j
    cdef index_t e
    cdef double x, weight, first, second
    with nogil:
        for q in range(order.shape[0]):
            j = order[q]
            weight = first = second = 0.0
            for e in range(indptr[j], indptr[j + 1]):
                x = data[e] - shift[j]
                weight += D[indices[e]]
                first += D[indices[e]] * x
                second += D[indices[e]] * x * x
            h[j], means[j] = second, first
            centre(weight, total - weight, total, shift[j], centred, &h[j], &means[j])
            if not centred:
                means[j] = 0.0


def dense_curvatures(
    const floating[::1, :] X, const Py_ssize_t[::1] order, const double[::1] D, double total,
    const double[::1] shift, bint centred, double[::1] h, double[::1] means,
):
    """The same for the columns of an F-contiguous array."""
    cdef Py_ssize_t q, j, i
    cdef double x, first, second
    with nogil:
        for q in range(order.shape[0]):
            j = order[q]
            first = second = 0.0
            for i in range(X.shape[0]):
                x = X[i, j] - shift[j]
                first += D[i] * x
                second += D[i] * x * x
            h[j], means[j] = second, first
            centre(total, 0.0, total, shift[j], centred, &h[j], &means[j])
            if not centred:
                means[j] = 0.0


def csc_slopes(
    const floating[::1] data, const index_t[::1] indices, const index_t[::1] indptr,
    const Py_ssize_t[::1] order, const double[::1] a, double[::1] g,
):
    """g_j <- sum_i x_ij a_i for j in `order`."""
    cdef Py_ssize_t q, j, start
    with nogil:
        for q in range(order.shape[0]):
            j = order[q]
            start = indptr[j]
            g[j] = gather_dot_wide(indptr[j + 1] - start, &indices[start], &data[start], &a[0])


def csc_predictions(
    const floating[::1] data, const index_t[::1] indices, const index_t[::1] indptr,
    const Py_ssize_t[::1] order, const double[::1] w, double[::1] z,
):
    """z_i <- z_i + sum_j x_ij w_j over j in `order`."""
    cdef Py_ssize_t q, j, start
    with nogil:
        for q in range(order.shape[0]):
            j = order[q]
            start = indptr[j]
            scatter_axpy_wide(
                indptr[j + 1] - start, w[j], &indices[start], &data[start], &z[0])


def csr_image(
    const floating[::1] data, const index_t[::1] indices, const index_t[::1] indptr,
    Py_ssize_t start, Py_ssize_t stop,
    const double[::1] D, const double[::1] w, double[::1] dz, double[::1] g,
):
    """dz_i <- D_i x_i . w and g <- g + sum_i dz_i x_i over CSR rows start .. stop - 1."""
    cdef Py_ssize_t i, e, nnz
    with nogil:
        for i in range(start, stop):
            e = indptr[i]
            nnz = indptr[i + 1] - e
            dz[i] = D[i] * gather_dot_wide(nnz, &indices[e], &data[e], &w[0])
            scatter_axpy_wide(nnz, dz[i], &indices[e], &data[e], &g[0])


def count_columns(
    const index_t[::1] indices, const index_t[::1] indptr, Py_ssize_t start, Py_ssize_t stop,
    index_t[::1] sizes,
):
    """sizes_j <- sizes_j + the entries that CSR rows start .. stop - 1 have in column j."""
    cdef index_t e
    with nogil:
        for e in range(indptr[start], indptr[stop]):
            sizes[indices[e]] += 1


def gather_columns(
    const floating[::1] data, const index_t[::1] indices, const index_t[::1] indptr,
    Py_ssize_t start, Py_ssize_t stop, Py_ssize_t last, index_t[::1] at, index_t[::1] places,
    floating[::1] column_data, index_t[::1] column_indices,
):
    """Put entries of CSR rows start .. stop - 1 into the columns of a CSC matrix.

    Row i goes on at its entry at_i, which moves on to the first one beyond the column `last`. The
    next entry of column j goes to places_j, which moves on too; to none if that is below 0.
    """
    cdef Py_ssize_t i, j
    cdef index_t e, end, place
    with nogil:
        for i in range(start, stop):
            if i + AHEAD < stop:
                e = at[i + AHEAD]
                PREFETCH(&indices[e])
                PREFETCH(&indices[e] + 16)
                PREFETCH(&data[e])
                PREFETCH(&data[e] + 8)
                PREFETCH(&data[e] + 16)
            e = at[i]
            end = indptr[i + 1]
            while e < end:
                j = indices[e]
                if j > last:
                    break
                place = places[j]
                if place >= 0:
                    places[j] = place + 1
                    column_data[place] = data[e]
                    column_indices[place] = <index_t> i
                e += 1
            at[i] = e
