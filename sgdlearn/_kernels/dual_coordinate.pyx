"""Stochastic dual coordinate ascent: one row's slope at a time (Shalev-Shwartz, Zhang 2013).

With c_i the row's share of the weight, the dual of mean loss + penalty keeps

    v = -sum_i c_i a_i x_i,      w_j = prox_{t_j}(v_j) / l2_j,      b = b0 - coupling sum_i c_i a_i

for slopes a_i, and row i with its prediction z_i takes the slope that is best for it alone,

    a_i <- argmin_a  loss*(y_i, a) - a z_i + q_i / 2 (a - a_i)^2,

    q_i = c_i (|x_i|^2 / l2 + coupling),

X measured so that one l2 holds for all columns.

That is, in the primal, the slope of the loss at the zeta that minimises

    loss(y_i, zeta) + (zeta - z_i - q_i a_i)^2 / (2 q_i).

The conjugates are quadratic on an interval, but for the log loss, whose zeta is found in a few
steps (logistic_ascent.h). A row whose slope stays at an end of its interval or at a kink, held
there by more than `margin`, is said to rest (shrinking: Hsieh et al. 2008).
"""

from cython cimport floating
from libc.math cimport INFINITY, fabs
from libc.stdlib cimport free, malloc

from sgdlearn._kernels.losses cimport (
    LOG_LOSS, Conjugate, LossSpec, conjugate_of, conjugate_value, loss_and_slope, loss_spec,
)
from sgdlearn._kernels.prox cimport prox
from sgdlearn._kernels.vector cimport (
    PREFETCH, axpy_wide, dot_wide, gather_dot_wide, index_t, scatter_axpy_wide,
)

cdef extern from "logistic_ascent.h" nogil:
    double logistic_ascent(
        double m, double old, double q, double* loss, double* gap) noexcept

# So many numbers of v stay in a cache (L2) that need not be asked.
cdef Py_ssize_t NEAR = 100_000

ctypedef struct Tally:
    double loss         # sum_i c_i loss_i as the rows were met
    double gap          # sum_i c_i (loss_i + loss*_i - a_i z_i), their part of the duality gap
    double resting      # the part of `loss` of those that rest from now on
    double pull         # the strongest pull on a slope that may follow it

ctypedef struct Row:
    double y, z, q, a, share


cdef inline double ascend(
    LossSpec loss, Row* row, double margin, Tally* tally, unsigned char* rests
) noexcept nogil:
    """The slope that the row takes; by its address, since to copy it costs as much as the rest."""
    cdef double value, gap, slope, pull, curvature, new, held = -INFINITY
    cdef Conjugate form
    if loss.code == LOG_LOSS:
        rests[0] = False
        new = -row.y * logistic_ascent(row.y * row.z, -row.y * row.a, row.q, &value, &gap)
        tally.loss += row.share * value
        tally.gap += row.share * gap
        return new

    value = loss_and_slope(loss, row.y, row.z, &slope)
    tally.loss += row.share * value
    form = conjugate_of(loss, row.y)
    tally.gap += row.share * (value + conjugate_value(form, row.y, row.a) - row.a * row.z)
    pull = row.z + row.q * row.a - row.y
    curvature = row.q + form.curvature
    if fabs(pull) <= form.insensitive:
        held = form.insensitive - fabs(pull)
        pull = new = 0.0
    else:
        pull += -form.insensitive if pull > 0.0 else form.insensitive
        new = pull / curvature if curvature > 0.0 else pull * INFINITY
    if new > form.high:
        new = form.high
        held = pull - curvature * new
    elif new < form.low:
        new = form.low
        held = curvature * new - pull
    if new != row.a:
        tally.pull = max(tally.pull, fabs(pull - curvature * row.a))
        held = -INFINITY
    rests[0] = held > margin
    if held > margin:
        tally.resting += row.share * value
    return new


def dense_visits(
    const floating[:, :] X,
    const double[::1] targets,
    tuple loss,
    const Py_ssize_t[::1] order,
    tuple rows,
    double[::1] v,
    tuple penalty,
    double[::1] b,
    double coupling,
    double margin,
    unsigned char[::1] rests,
):
    """Visit the rows X[order]; return the sums of `Tally`.

    ``rows`` is (shares c, squares |x_i|^2, slopes a), each (n,). ``penalty`` is (l2, 1 / l2_j, t_j,
    lower), the two in the middle (p,) or, where all columns have one and the prox does nothing, a
    number and None. ``a``, ``v``, ``b`` (one number) and ``rests``, like order, are written.
    """
    cdef LossSpec spec = loss_spec(loss)
    cdef const double[:] shares = rows[0]
    cdef const double[::1] squares = rows[1]
    cdef double[::1] a = rows[2]
    cdef double l2 = penalty[0]
    cdef bint plain = penalty[2] is None
    cdef double per_l2 = penalty[1] if plain else 0.0
    cdef const double[::1] scales = None if plain else penalty[1]
    cdef const double[::1] thresholds = penalty[2]
    cdef double lower = penalty[3]
    cdef Tally tally = Tally(0.0, 0.0, 0.0, 0.0)
    cdef Row row
    cdef Py_ssize_t p = X.shape[1]
    cdef bint in_place = X.strides[1] == sizeof(floating) or p < 2
    cdef floating* scratch = <floating*> malloc((0 if in_place else p) * sizeof(floating) + 1)
    cdef const floating* x = scratch
    cdef double new
    cdef Py_ssize_t visit, i, j
    if scratch == NULL:
        raise MemoryError
    with nogil:
        for visit in range(order.shape[0]):
            i = order[visit]
            if in_place:
                x = &X[i, 0]
            else:
                for j in range(p):
                    scratch[j] = X[i, j]
            row.y, row.a, row.share = targets[i], a[i], shares[i]
            row.q = row.share * (squares[i] / l2 + coupling)
            if plain:
                row.z = per_l2 * dot_wide(p, x, &v[0])
            else:
                row.z = 0.0
                for j in range(p):
                    row.z += x[j] * (scales[j] * prox[double](v[j], thresholds[j], 1.0, lower))
            row.z += b[0]
            new = ascend(spec, &row, margin, &tally, &rests[visit])
            if new != row.a:
                a[i] = new
                new = row.share * (row.a - new)
                axpy_wide(p, new, x, &v[0])
                if coupling != 0.0:     # else no row need wait for the one before it
                    b[0] += coupling * new
    free(scratch)
    return tally.loss, tally.gap, tally.resting, tally.pull


def csr_visits(
    const floating[::1] data,
    const index_t[::1] indices,
    const index_t[::1] indptr,
    const double[::1] targets,
    tuple loss,
    const Py_ssize_t[::1] order,
    tuple rows,
    double[::1] v,
    tuple penalty,
    double[::1] b,
    double coupling,
    double margin,
    unsigned char[::1] rests,
):
    """`dense_visits` for rows in CSR form."""
    cdef LossSpec spec = loss_spec(loss)
    cdef const double[:] shares = rows[0]
    cdef const double[::1] squares = rows[1]
    cdef double[::1] a = rows[2]
    cdef double l2 = penalty[0]
    cdef bint plain = penalty[2] is None
    cdef double per_l2 = penalty[1] if plain else 0.0
    cdef const double[::1] scales = None if plain else penalty[1]
    cdef const double[::1] thresholds = penalty[2]
    cdef double lower = penalty[3]
    cdef Tally tally = Tally(0.0, 0.0, 0.0, 0.0)
    cdef Row row
    cdef double new
    cdef Py_ssize_t n = order.shape[0]
    cdef Py_ssize_t visit, i, e, j, start, nnz
    cdef bint far = v.shape[0] > NEAR
    with nogil:
        for visit in range(n):
            i = order[visit]
            start = indptr[i]
            nnz = indptr[i + 1] - start
            if visit + 2 < n:
                prefetch_row(data, indices, indptr, order[visit + 2])
                PREFETCH(&a[order[visit + 2]])
                PREFETCH(&targets[order[visit + 2]])
                PREFETCH(&squares[order[visit + 2]])
            if far and visit + 1 < n:
                for e in range(indptr[order[visit + 1]], indptr[order[visit + 1] + 1]):
                    PREFETCH(&v[indices[e]])
            row.y, row.a, row.share = targets[i], a[i], shares[i]
            row.q = row.share * (squares[i] / l2 + coupling)
            if plain:
                row.z = per_l2 * gather_dot_wide(nnz, &indices[start], &data[start], &v[0])
            else:
                row.z = 0.0
                for e in range(start, start + nnz):
                    j = indices[e]
                    row.z += data[e] * (scales[j] * prox[double](v[j], thresholds[j], 1.0, lower))
            row.z += b[0]
            new = ascend(spec, &row, margin, &tally, &rests[visit])
            if new != row.a:
                a[i] = new
                new = row.share * (row.a - new)
                scatter_axpy_wide(nnz, new, &indices[start], &data[start], &v[0])
                if coupling != 0.0:     # else no row need wait for the one before it
                    b[0] += coupling * new
    return tally.loss, tally.gap, tally.resting, tally.pull


cdef inline void prefetch_row(
    const floating[::1] data, const index_t[::1] indices, const index_t[::1] indptr, Py_ssize_t i
) noexcept nogil:
    """Ask for the entries of a row that is visited soon."""
    cdef Py_ssize_t e = indptr[i]
    while e < indptr[i + 1]:
        PREFETCH(&indices[e])
        PREFETCH(&data[e])
        e += 64 // sizeof(floating)
