"""SAG, SAGA and SVRG: one loop, over dense or over sparse rows.

A table holds a slope c_i for every row, and G the average gradient that it stands for. Row i,
with its slope d loss_i / dz = c_i + delta at the present w, moves

    w <- prox_rate(w - rate (direct_i delta x_i + G)),      G <- G + step_i delta x_i,

and the table takes the new slope. With s_i the row's share of the total weight, in n rows:

                direct_i    step_i    table
    SAGA        n s_i       s_i       rewritten
    SAG         s_i         s_i       rewritten       (G moves first, which is the same)
    SVRG        n s_i       0         stands still between snapshots

At rate 0 nothing moves but the table and G: that is a snapshot. The intercept is a coordinate
with x = 1 and no penalty.
"""

from cython cimport floating
from libc.stdlib cimport free, malloc

from sgdlearn._kernels.losses cimport LossSpec, loss_spec, outputs_loss_and_slopes
from sgdlearn._kernels.vector cimport PREFETCH, axpy, dot

cdef extern from "variance_reduced.h" nogil:
    void load_row_float(
        Py_ssize_t n, const float* x, const double* shift, const double* scale, double* out
    ) noexcept
    void load_row_double(
        Py_ssize_t n, const double* x, const double* shift, const double* scale, double* out
    ) noexcept
    void move_dense(
        Py_ssize_t n, double rate, double direct, double step, double lower,
        const double* x, const double* t1, const double* shrink, double* w, double* g,
    ) noexcept
    void move_dense_smooth(
        Py_ssize_t n, double rate, double direct, double step,
        const double* x, const double* shrink, double* w, double* g,
    ) noexcept
    ctypedef struct Coordinate:
        pass
    ctypedef struct Motion:
        double rate, threshold, lower
    void catch_up_coordinate(
        Coordinate* at, const Motion* motion, double clock, Py_ssize_t k
    ) noexcept
    void predict_sparse_float_int(
        Py_ssize_t n, const float* data, const int* index, double* records,
        Py_ssize_t stride, Py_ssize_t k, const Motion* motion, double clock, double* z
    ) noexcept
    void predict_sparse_float_long(
        Py_ssize_t n, const float* data, const long long* index, double* records,
        Py_ssize_t stride, Py_ssize_t k, const Motion* motion, double clock, double* z
    ) noexcept
    void predict_sparse_double_int(
        Py_ssize_t n, const double* data, const int* index, double* records,
        Py_ssize_t stride, Py_ssize_t k, const Motion* motion, double clock, double* z
    ) noexcept
    void predict_sparse_double_long(
        Py_ssize_t n, const double* data, const long long* index, double* records,
        Py_ssize_t stride, Py_ssize_t k, const Motion* motion, double clock, double* z
    ) noexcept
    void move_sparse_float_int(
        Py_ssize_t n, const float* data, const int* index, double* records,
        Py_ssize_t stride, Py_ssize_t k, const Motion* motion, const double* direct,
        const double* step
    ) noexcept
    void move_sparse_float_long(
        Py_ssize_t n, const float* data, const long long* index, double* records,
        Py_ssize_t stride, Py_ssize_t k, const Motion* motion, const double* direct,
        const double* step
    ) noexcept
    void move_sparse_double_int(
        Py_ssize_t n, const double* data, const int* index, double* records,
        Py_ssize_t stride, Py_ssize_t k, const Motion* motion, const double* direct,
        const double* step
    ) noexcept
    void move_sparse_double_long(
        Py_ssize_t n, const double* data, const long long* index, double* records,
        Py_ssize_t stride, Py_ssize_t k, const Motion* motion, const double* direct,
        const double* step
    ) noexcept

ctypedef fused index_t:
    int
    long long

cdef extern from "math.h" nogil:
    double INFINITY

# Where the coefficients begin in a sparse run's record of a coordinate.
FIRST_COEFFICIENT = sizeof(Coordinate) // sizeof(double)

# Rows are brought into scratch in blocks of about this many bytes.
cdef enum:
    BLOCK_BYTES = 16384
    MOST_ROWS = 64


def dense_visits(
    const floating[:, :] X,
    const double[:, ::1] targets,
    tuple loss,
    const Py_ssize_t[::1] order,
    const double[:] direct,
    const double[:] step,
    double[:, ::1] table,
    tuple coordinates,
    tuple iterate,
    tuple intercept,
    double rate,
    double lower,
    bint rewrite,
):
    """Visit the rows X[order]; return sum direct_i loss_i and sum direct_i over the visits.

    ``coordinates`` is (shift, scale, t1, shrink), each (p,): rows are (x - shift) scale, and the
    prox has threshold t1 and factor shrink = 1 / (1 + t2). ``iterate`` is (W, G), ``intercept``
    (b, gb) or (None, None), updated in place. The loss of a row is taken before its move.
    """
    cdef LossSpec spec = loss_spec(loss)
    cdef const double[::1] shift = coordinates[0]
    cdef const double[::1] scale = coordinates[1]
    cdef const double[::1] t1 = coordinates[2]
    cdef const double[::1] shrink = coordinates[3]
    cdef bint smooth = not coordinates[2].any() and lower == -INFINITY
    cdef double[:, ::1] W = iterate[0]
    cdef double[:, ::1] G = iterate[1]
    cdef double[::1] b = intercept[0]
    cdef double[::1] gb = intercept[1]

    cdef Py_ssize_t n = order.shape[0]
    cdef Py_ssize_t p = X.shape[1]
    cdef Py_ssize_t k = W.shape[0]
    cdef bint fit_intercept = b is not None
    cdef Py_ssize_t n_rows = rows_in_block(p)
    cdef double* block = <double*> malloc((n_rows * p + 2 * k) * sizeof(double))
    if block == NULL:
        raise MemoryError
    cdef double* z = block + n_rows * p
    cdef double* slopes = z + k
    cdef double* x
    cdef double delta, total = 0.0, weight = 0.0
    cdef Py_ssize_t start = 0, stop, visit, i, c
    with nogil:
        while start < n:
            stop = min(start + n_rows, n)
            load_rows(X, &order[start], stop - start, shift, scale, block)
            for visit in range(start, stop):
                i = order[visit]
                x = block + (visit - start) * p
                if visit + n_rows < n:
                    prefetch_row(X, order[visit + n_rows])
                    PREFETCH(&table[order[visit + n_rows], 0])
                    PREFETCH(&targets[order[visit + n_rows], 0])
                for c in range(k):
                    z[c] = dot(p, x, &W[c, 0])
                    if fit_intercept:
                        z[c] += b[c]
                total += direct[i] * outputs_loss_and_slopes(
                    spec, k, &targets[i, 0], targets.shape[1], z, slopes)
                weight += direct[i]
                for c in range(k):
                    delta = slopes[c] - table[i, c]
                    if rewrite:
                        table[i, c] = slopes[c]
                    if rate == 0.0:
                        axpy(p, step[i] * delta, x, &G[c, 0])
                    elif smooth:
                        move_dense_smooth(
                            p, rate, direct[i] * delta, step[i] * delta,
                            x, &shrink[0], &W[c, 0], &G[c, 0])
                    else:
                        move_dense(
                            p, rate, direct[i] * delta, step[i] * delta, lower,
                            x, &t1[0], &shrink[0], &W[c, 0], &G[c, 0])
                    if fit_intercept:
                        b[c] -= rate * (direct[i] * delta + gb[c])
                        gb[c] += step[i] * delta
            start = stop
    free(block)
    return total, weight


cdef inline Py_ssize_t rows_in_block(Py_ssize_t p) noexcept nogil:
    return max(1, min(MOST_ROWS, BLOCK_BYTES // (8 * max(p, 1))))


cdef inline void prefetch_row(const floating[:, :] X, Py_ssize_t i) noexcept nogil:
    """Ask for the head of a C-ordered row that is visited soon; the hardware follows on."""
    cdef Py_ssize_t j = 0
    if X.strides[1] == sizeof(floating):
        while j < min(X.shape[1], 1024 // <Py_ssize_t> sizeof(floating)):
            PREFETCH(&X[i, j])
            j += 64 // sizeof(floating)


cdef inline void load_rows(
    const floating[:, :] X, const Py_ssize_t* which, Py_ssize_t n,
    const double[::1] shift, const double[::1] scale, double* block,
) noexcept nogil:
    """block <- (X[which] - shift) scale, one row after the other."""
    cdef Py_ssize_t p = X.shape[1]
    cdef Py_ssize_t i, j
    if p == 0:
        return
    if X.strides[1] == sizeof(floating):
        for i in range(n):
            if floating is float:
                load_row_float(p, &X[which[i], 0], &shift[0], &scale[0], block + i * p)
            else:
                load_row_double(p, &X[which[i], 0], &shift[0], &scale[0], block + i * p)
    else:
        for j in range(p):
            for i in range(n):
                block[i * p + j] = (X[which[i], j] - shift[j]) * scale[j]


def sparse_visits(
    const floating[::1] data,
    const index_t[::1] indices,
    const index_t[::1] indptr,
    const double[:, ::1] targets,
    tuple loss,
    const Py_ssize_t[::1] order,
    const double[:] direct,
    const double[:] step,
    double[:, ::1] table,
    double[:, ::1] records,
    tuple intercept,
    tuple motion,
    double clock,
    bint rewrite,
):
    """`dense_visits` for rows in CSR form, without centring.

    A coordinate that a row does not have moves by the penalty and a G_j that stands still; its
    record says how far it has come, and it makes up for the missed updates when a row needs it.
    ``motion`` is (rate, rate l1, lower). ``clock`` counts the updates before this call; at rate 0
    no coordinate may lag behind it.
    """
    cdef LossSpec spec = loss_spec(loss)
    cdef Motion moves = as_motion(motion)
    cdef double[::1] b = intercept[0]
    cdef double[::1] gb = intercept[1]
    cdef bint fit_intercept = b is not None
    cdef Py_ssize_t n = order.shape[0]
    cdef Py_ssize_t k = table.shape[1]
    cdef double* z = <double*> malloc(3 * k * sizeof(double))
    if z == NULL:
        raise MemoryError
    cdef double* directs = z + k
    cdef double* steps = z + 2 * k
    cdef double delta, total = 0.0, weight = 0.0
    cdef Py_ssize_t visit, i, c
    with nogil:
        for visit in range(n):
            i = order[visit]
            if visit + 2 < n:
                prefetch_entries(data, indices, indptr, order[visit + 2])
                PREFETCH(&table[order[visit + 2], 0])
                PREFETCH(&targets[order[visit + 2], 0])
            if visit + 1 < n:
                prefetch_records(indices, indptr, records, order[visit + 1])
            for c in range(k):
                z[c] = b[c] if fit_intercept else 0.0
            predict_sparse(data, indices, indptr, i, records, k, &moves, clock, z)
            total += direct[i] * outputs_loss_and_slopes(
                spec, k, &targets[i, 0], targets.shape[1], z, directs)
            weight += direct[i]
            for c in range(k):
                delta = directs[c] - table[i, c]
                if rewrite:
                    table[i, c] = directs[c]
                directs[c] = direct[i] * delta
                steps[c] = step[i] * delta
                if fit_intercept:
                    b[c] -= moves.rate * (directs[c] + gb[c])
                    gb[c] += steps[c]
            move_sparse(data, indices, indptr, i, records, k, &moves, directs, steps)
            if moves.rate != 0.0:
                clock += 1.0
    free(z)
    return total, weight


cdef inline Motion as_motion(tuple motion) except *:
    cdef Motion moves
    moves.rate, moves.threshold, moves.lower = motion
    return moves


cdef inline void predict_sparse(
    const floating[::1] data, const index_t[::1] indices, const index_t[::1] indptr,
    Py_ssize_t i, double[:, ::1] records, Py_ssize_t k, const Motion* motion, double clock,
    double* z,
) noexcept nogil:
    """z <- z + W x_i, with the coordinates of row i brought to the present update."""
    cdef Py_ssize_t first = indptr[i]
    cdef Py_ssize_t m = indptr[i + 1] - first
    cdef Py_ssize_t stride = records.shape[1]
    if m == 0:
        return
    if floating is float and index_t is int:
        predict_sparse_float_int(
            m, &data[first], &indices[first], &records[0, 0], stride, k, motion, clock, z)
    elif floating is float:
        predict_sparse_float_long(
            m, &data[first], &indices[first], &records[0, 0], stride, k, motion, clock, z)
    elif index_t is int:
        predict_sparse_double_int(
            m, &data[first], &indices[first], &records[0, 0], stride, k, motion, clock, z)
    else:
        predict_sparse_double_long(
            m, &data[first], &indices[first], &records[0, 0], stride, k, motion, clock, z)


cdef inline void move_sparse(
    const floating[::1] data, const index_t[::1] indices, const index_t[::1] indptr,
    Py_ssize_t i, double[:, ::1] records, Py_ssize_t k, const Motion* motion,
    const double* direct, const double* step,
) noexcept nogil:
    """Move the coordinates of row i, and their entries of G."""
    cdef Py_ssize_t first = indptr[i]
    cdef Py_ssize_t m = indptr[i + 1] - first
    cdef Py_ssize_t stride = records.shape[1]
    if m == 0:
        return
    if floating is float and index_t is int:
        move_sparse_float_int(
            m, &data[first], &indices[first], &records[0, 0], stride, k, motion, direct, step)
    elif floating is float:
        move_sparse_float_long(
            m, &data[first], &indices[first], &records[0, 0], stride, k, motion, direct, step)
    elif index_t is int:
        move_sparse_double_int(
            m, &data[first], &indices[first], &records[0, 0], stride, k, motion, direct, step)
    else:
        move_sparse_double_long(
            m, &data[first], &indices[first], &records[0, 0], stride, k, motion, direct, step)


cdef inline void prefetch_records(
    const index_t[::1] indices, const index_t[::1] indptr, double[:, ::1] records, Py_ssize_t i
) noexcept nogil:
    """Ask for the coordinates of a row that is visited soon."""
    cdef Py_ssize_t entry
    for entry in range(indptr[i], indptr[i + 1]):
        PREFETCH(&records[indices[entry], 0])


cdef inline void prefetch_entries(
    const floating[::1] data, const index_t[::1] indices, const index_t[::1] indptr, Py_ssize_t i
) noexcept nogil:
    """Ask for the entries of a row that is visited soon."""
    cdef Py_ssize_t entry = indptr[i]
    while entry < indptr[i + 1]:
        PREFETCH(&indices[entry])
        PREFETCH(&data[entry])
        entry += 64 // sizeof(index_t)


def catch_up(double[:, ::1] records, Py_ssize_t n_outputs, tuple motion, double clock):
    """Bring every coordinate of a sparse run to the present update."""
    cdef Motion moves = as_motion(motion)
    cdef Py_ssize_t j
    with nogil:
        for j in range(records.shape[0]):
            catch_up_coordinate(<Coordinate*> &records[j, 0], &moves, clock, n_outputs)
