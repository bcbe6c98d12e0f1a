"""The stochastic loop over sparse rows (CSR).

The update of a batch is that of the dense loop; what a row does not touch is put off:

* plain SGD with a given rate: the coefficients are w = D u with one number D for the decay of
  all of them, and every u_j owes a soft threshold S - S_j, so nothing is approximated:
      D <- D (1 - r l2),    u_j <- u_j - r g_j / D,    S <- S + r l1 / D
* other rules: a coordinate that comes up first takes the prox of the penalty it has missed, at
  its standing rate; its moments stand still meanwhile (torch's SparseAdam);
* FTRL: w follows from the slots and the clock alone;
* DoG: as the other rules, its norms being those of the coordinates as they stand, and without its
  average, for which every update would have to move all;
* AdaGrad with l2 in the gradient has no closed form: every update moves all coordinates.

A stored zero is an absent entry. An average needs whole iterates: with one, nothing is put off
beyond the end of a batch, but for the plain decay.
"""

from cython cimport floating
from libc.math cimport INFINITY
from libc.stdlib cimport calloc, free, malloc

from sgdlearn._kernels.losses cimport LossSpec, outputs_loss_and_slopes
from sgdlearn._kernels.stochastic cimport (
    AVERAGED, AVERAGED_SHRINKAGE, DISTANCE, ELAPSED, SHRINKAGE, SQUARES, THRESHOLD, UPDATES,
    Penalty, Rule, as_penalty, as_rule, first_step, free_step, measure_distance, missed_updates,
    move_intercepts, next_update,
)
from sgdlearn._kernels.update_rules cimport (
    ADAGRAD, DOG, FTRL, SCHEDULE_FREE, SGD, RuleStep, catch_up, proximal, update, update_indexed,
)
from sgdlearn._kernels.vector cimport (
    PREFETCH, PREFETCH_SOON, axpy_wide, gather_dot, index_t, scatter_axpy,
)

# D is folded into u before it leaves the comfortable range of the coefficients' type.
cdef double SMALLEST_SHRINKAGE = 1e-6


cdef inline bint puts_off_decay(Rule rule, Penalty penalty) noexcept nogil:
    """Whether the coefficients are kept as D u."""
    return rule.code == SGD and penalty.in_gradient


cdef inline bint moves_all(Rule rule, Penalty penalty) noexcept nogil:
    """Whether every update has to move every coordinate."""
    return rule.code == ADAGRAD and penalty.in_gradient and penalty.l2 > 0.0


cdef inline bint owes(Rule rule, Penalty penalty) noexcept nogil:
    """Whether a coordinate that is not touched falls behind."""
    if rule.code == FTRL or rule.code == SCHEDULE_FREE:
        return True
    return penalty.l1 > 0.0 or penalty.l2 > 0.0 or penalty.lower > -INFINITY


cdef inline const floating* in_metric(
    Py_ssize_t nnz, const index_t* index, const floating* x, const floating* scale,
    floating* values,
) noexcept nogil:
    """values <- the entries of a row in the metric."""
    cdef Py_ssize_t q
    for q in range(nnz):
        values[q] = x[q] * scale[index[q]]
    return values


cdef inline void settle(
    Py_ssize_t j, double now, double lower, Py_ssize_t k, Py_ssize_t p, floating* u, double* since
) noexcept nogil:
    """u_j <- the soft threshold it owes."""
    cdef Py_ssize_t c
    for c in range(k):
        u[c * p + j] = proximal(
            u[c * p + j], <floating> (now - since[j]), <floating> 1.0, <floating> lower)
    since[j] = now


cdef void fold(
    double factor, double lower, Py_ssize_t k, Py_ssize_t p, floating* u, double* clock,
    double* since, double* average,
) noexcept nogil:
    """w <- factor w, with D = 1 and nothing owed afterwards."""
    cdef Py_ssize_t c, j
    for j in range(p):
        settle(j, clock[THRESHOLD], lower, k, p, u, since)
        since[j] = 0.0
    if clock[AVERAGED_SHRINKAGE] != 0.0:
        axpy_wide(k * p, clock[AVERAGED_SHRINKAGE], u, average)
        clock[AVERAGED_SHRINKAGE] = 0.0
    for c in range(k * p):
        u[c] *= <floating> (clock[SHRINKAGE] * factor)
    clock[SHRINKAGE] = 1.0
    clock[THRESHOLD] = 0.0


cdef inline double away(
    Py_ssize_t j, Py_ssize_t k, Py_ssize_t p, const floating* w, const floating* start
) noexcept nogil:
    """The squared distance of coordinate j from where it started, over the outputs."""
    cdef double square = 0.0
    cdef Py_ssize_t c
    for c in range(k):
        square += (<double> w[c * p + j] - <double> start[c * p + j]) ** 2
    return square


cdef inline double touched_square(
    Py_ssize_t n, const Py_ssize_t* touched, double factor, const floating* values, double l2,
    const floating* w,
) noexcept nogil:
    """|factor values + l2 w|^2 over the touched coordinates."""
    cdef double square = 0.0
    cdef Py_ssize_t i
    for i in range(n):
        square += (factor * values[i] + l2 * w[touched[i]]) ** 2
    return square


cdef inline void catch_up_outputs(
    RuleStep missed, Py_ssize_t j, double now, Py_ssize_t k, Py_ssize_t p,
    const floating* size, floating* w, floating* slots, double* since, double* distance,
) noexcept nogil:
    """Coordinate j of every output at the present, and for DoG the distance that is then."""
    cdef Py_ssize_t c
    if distance != NULL:
        distance[0] -= away(j, k, p, w, slots)
    for c in range(k):
        catch_up(&missed, j, now, since[j], size, w + c * p, slots + c * p, k * p)
    if distance != NULL:
        distance[0] += away(j, k, p, w, slots)
    since[j] = now


def csr_updates(
    const floating[::1] data,
    const index_t[::1] indices,
    const index_t[::1] indptr,
    const double[:, ::1] targets,
    const double[::1] weights,
    const Py_ssize_t[::1] order,
    Py_ssize_t batch_size,
    const double[::1] rates,
    tuple method,
    tuple coordinates,
    tuple state,
):
    """Visit the sparse rows in order, one update a batch; return sum_i s_i loss_i.

    The arguments are those of ``dense_updates``.
    """
    cdef LossSpec loss = LossSpec(method[0][0], method[0][1], method[0][2])
    cdef Rule rule = as_rule(method[1])
    cdef Penalty penalty = as_penalty(method[2])
    cdef bint fit_intercept = method[3]
    cdef Py_ssize_t average_from = method[4]
    cdef const floating[::1] scale = coordinates[1]
    cdef const floating[::1] sizes = coordinates[2]
    cdef floating[:, ::1] W = state[0]
    cdef double[::1] b = state[1]
    cdef floating[:, :, ::1] slots = state[2]
    cdef double[:, ::1] b_slots = state[3]
    cdef double[::1] clock = state[4]
    cdef double[::1] since_ = state[5]
    cdef double[:, ::1] average = state[6]
    cdef double[::1] b_average = state[7]

    cdef Py_ssize_t n = order.shape[0]
    cdef Py_ssize_t k = W.shape[0]
    cdef Py_ssize_t p = W.shape[1]
    cdef Py_ssize_t n_targets = targets.shape[1]
    cdef bint metric = scale is not None
    cdef bint weighted = weights is not None
    cdef bint shrinking = puts_off_decay(rule, penalty)
    cdef bint all_move = moves_all(rule, penalty)
    cdef bint owing = owes(rule, penalty) and not all_move
    cdef bint thresholded = penalty.l1 > 0.0 or penalty.lower > -INFINITY
    cdef bint dog = rule.code == DOG
    cdef double* distance = &clock[DISTANCE] if dog else NULL
    cdef bint gathers = all_move or (batch_size > 1 and not shrinking)
    cdef const floating* metric_scale = &scale[0] if metric and p > 0 else NULL
    cdef const floating* size = &sizes[0] if metric and p > 0 else NULL
    cdef floating* w = &W[0, 0] if p > 0 else NULL
    cdef floating* slot = &slots[0, 0, 0] if slots.shape[0] > 0 and p > 0 else NULL
    cdef double* b_slot = &b_slots[0, 0] if b_slots.shape[0] > 0 else NULL
    cdef double* since = &since_[0] if since_ is not None and p > 0 else NULL
    cdef double* total_w = &average[0, 0] if average is not None and p > 0 else NULL

    # values: a row (in the metric, without zeros), or a batch's gradient at the touched
    # coordinates; G: that gradient at all of them; slopes: of every row of the batch.
    cdef Py_ssize_t width = min(batch_size, n) if shrinking else 1
    cdef floating* values = <floating*> malloc((p + 1) * sizeof(floating))
    cdef Py_ssize_t* touched = <Py_ssize_t*> malloc((p + 1) * sizeof(Py_ssize_t))
    cdef double* z = <double*> malloc((2 + width) * k * sizeof(double))
    cdef floating* G = <floating*> calloc(k * p + 1 if gathers else 1, sizeof(floating))
    cdef char* marked = <char*> calloc(p + 1 if gathers else 1, sizeof(char))
    if values == NULL or touched == NULL or z == NULL or G == NULL or marked == NULL:
        free(values)
        free(touched)
        free(z)
        free(G)
        free(marked)
        raise MemoryError
    cdef double* b_gradient = z + k
    cdef double* slopes = z + 2 * k

    cdef RuleStep step = first_step(rule, penalty, metric)
    cdef RuleStep b_step = free_step(step)
    cdef RuleStep missed
    cdef const floating* x
    cdef const index_t* index
    cdef Py_ssize_t i, j, q, c, ahead, row, nnz, n_touched, m, u = 0, start = 0, stop
    cdef double s, mean_weight, now, decay, total = 0.0
    with nogil:
        while start < n:
            stop = min(start + batch_size, n)
            m = stop - start
            n_touched = 0
            mean_weight = 0.0
            for c in range(k):
                b_gradient[c] = 0.0
            now = clock[THRESHOLD] if shrinking else clock[ELAPSED]
            if owing and not shrinking:
                missed = missed_updates(rule, penalty, metric, &clock[0])
            for i in range(start, stop):
                # Rows to come: where they start and what they should give, then their entries.
                ahead = order[min(i + 16, n - 1)]
                PREFETCH(&indptr[ahead])
                PREFETCH(&targets[ahead, 0])
                if weighted:
                    PREFETCH(&weights[ahead])
                ahead = order[min(i + 4, n - 1)]
                q = indptr[ahead]
                nnz = min(indptr[ahead + 1] - q, 256)
                PREFETCH_SOON(&indices[0] + q, nnz * <Py_ssize_t> sizeof(index_t))
                PREFETCH_SOON(&data[0] + q, nnz * <Py_ssize_t> sizeof(floating))
                row = order[i]
                nnz = indptr[row + 1] - indptr[row]
                index = &indices[0] + indptr[row]
                x = &data[0] + indptr[row]
                if owing and (thresholded or not shrinking):
                    for q in range(nnz):
                        j = index[q]
                        if x[q] == 0:
                            continue
                        if shrinking:
                            if since[j] != now or penalty.lower > -INFINITY:
                                settle(j, now, penalty.lower, k, p, w, since)
                        elif since[j] != now or rule.code == FTRL:
                            catch_up_outputs(
                                missed, j, now, k, p, size, w, slot, since, distance)
                if metric:
                    x = in_metric(nnz, index, x, metric_scale, values)
                for c in range(k):
                    z[c] = clock[SHRINKAGE] * gather_dot(nnz, index, x, w + c * p) + b[c]
                s = weights[row] if weighted else 1.0
                total += s * outputs_loss_and_slopes(
                    loss, k, &targets[row, 0], n_targets, z, slopes)
                mean_weight += s / m
                for c in range(k):
                    slopes[c] *= s / m
                    b_gradient[c] += slopes[c]
                if gathers:
                    for q in range(nnz):
                        j = index[q]
                        if x[q] != 0 and not marked[j]:
                            marked[j] = 1
                            touched[n_touched] = j
                            n_touched += 1
                        for c in range(k):
                            G[c * p + j] += <floating> slopes[c] * x[q]
                elif shrinking:
                    slopes += k
                else:
                    for q in range(nnz):
                        touched[n_touched] = index[q]
                        values[n_touched] = x[q]
                        n_touched += x[q] != 0
            if dog:
                for c in range(k):
                    if gathers:
                        for i in range(n_touched):
                            values[i] = G[c * p + touched[i]]
                    clock[SQUARES] += touched_square(
                        n_touched, touched, 1.0 if gathers else slopes[c], values,
                        mean_weight * penalty.l2 if penalty.in_gradient else 0.0, w + c * p)
                    if fit_intercept:
                        clock[SQUARES] += b_gradient[c] * b_gradient[c]
                for i in range(n_touched):
                    distance[0] -= away(touched[i], k, p, w, slot)
            next_update(&step, &rule, &penalty, rates[u], mean_weight, &clock[0])
            if dog:
                step.mix = 1.0
            if shrinking:
                slopes = z + 2 * k
                decay = 1.0 - step.rate * step.l2
                if decay <= 0.0:
                    fold(decay, penalty.lower, k, p, w, &clock[0], since, total_w)
                else:
                    clock[SHRINKAGE] *= decay
                for i in range(start, stop):
                    row = order[i]
                    nnz = indptr[row + 1] - indptr[row]
                    index = &indices[0] + indptr[row]
                    x = &data[0] + indptr[row]
                    if metric:
                        x = in_metric(nnz, index, x, metric_scale, values)
                    for c in range(k):
                        s = -step.rate * slopes[(i - start) * k + c] / clock[SHRINKAGE]
                        scatter_axpy(nnz, s, index, x, w + c * p)
                        if clock[AVERAGED_SHRINKAGE] != 0.0:
                            for q in range(nnz):
                                average[c, index[q]] -= clock[AVERAGED_SHRINKAGE] * s * x[q]
                clock[THRESHOLD] += step.rate * step.prox1 / clock[SHRINKAGE]
                if clock[SHRINKAGE] < SMALLEST_SHRINKAGE:
                    fold(1.0, penalty.lower, k, p, w, &clock[0], since, total_w)
            else:
                for c in range(k):
                    if all_move:
                        update(&step, p, 1.0, G + c * p, size, w + c * p,
                               slot + c * p, k * p)
                    elif gathers:
                        for i in range(n_touched):
                            values[i] = G[c * p + touched[i]]
                        update_indexed(&step, n_touched, touched, 1.0, values, size,
                                       w + c * p, slot + c * p, k * p)
                    else:
                        update_indexed(&step, n_touched, touched, slopes[c], values,
                                       size, w + c * p, slot + c * p, k * p)
                for i in range(n_touched):
                    j = touched[i]
                    if owing:
                        since[j] = clock[ELAPSED]
                    if dog:
                        distance[0] += away(j, k, p, w, slot)
                    if gathers:
                        marked[j] = 0
                        for c in range(k):
                            G[c * p + j] = 0
            if fit_intercept:
                move_intercepts(&b_step, &step, k, b_gradient, &b[0], b_slot)
            if dog:
                measure_distance(k, distance[0], &b[0], b_slot, fit_intercept, &clock[0])
            if 0 < average_from <= clock[UPDATES]:
                clock[AVERAGED] += 1
                axpy_wide[double](k, 1.0, &b[0], &b_average[0])
                if shrinking and not thresholded:
                    clock[AVERAGED_SHRINKAGE] += clock[SHRINKAGE]
                else:
                    if shrinking:
                        for j in range(p):
                            settle(j, clock[THRESHOLD], penalty.lower, k, p, w, since)
                    elif owing:
                        missed = missed_updates(rule, penalty, metric, &clock[0])
                        for j in range(p):
                            catch_up_outputs(
                                missed, j, clock[ELAPSED], k, p, size, w, slot, since,
                                distance)
                    axpy_wide(k * p, clock[SHRINKAGE], w, total_w)
            u += 1
            start = stop
    free(values)
    free(touched)
    free(z)
    free(G)
    free(marked)
    return total


def keeps_to_its_columns(
    tuple method, const double[::1] clock, const double[::1] rates, double largest_weight
):
    """Whether updates at these rates change the state at the columns of their rows alone.

    What the clock says of all columns, D and S, is not counted; folding D into them is.
    """
    cdef Rule rule = as_rule(method[1])
    cdef Penalty penalty = as_penalty(method[2])
    cdef bint averaging = method[4] > 0
    cdef bint thresholded = penalty.l1 > 0.0 or penalty.lower > -INFINITY
    cdef double decay, shrinkage = clock[SHRINKAGE]
    cdef Py_ssize_t u
    if not puts_off_decay(rule, penalty):
        return not (averaging or moves_all(rule, penalty))
    if averaging and thresholded:
        return False
    for u in range(rates.shape[0]):
        decay = 1.0 - rates[u] * largest_weight * penalty.l2
        shrinkage *= decay
        if decay <= SMALLEST_SHRINKAGE or shrinkage <= 2.0 * SMALLEST_SHRINKAGE:
            return False
    return True


def csr_coefficients(
    floating[:, ::1] W,
    floating[:, :, ::1] slots,
    const double[::1] clock,
    double[::1] since,
    const floating[::1] sizes,
    tuple rule,
    tuple penalty,
):
    """Turn copies of coefficients, slots and ``since`` into what they are with nothing put off."""
    cdef Rule rule_ = as_rule(rule)
    cdef Penalty penalty_ = as_penalty(penalty)
    cdef bint metric = sizes is not None
    cdef Py_ssize_t k = W.shape[0]
    cdef Py_ssize_t p = W.shape[1]
    cdef floating* slot = &slots[0, 0, 0] if slots.shape[0] > 0 and p > 0 else NULL
    cdef const floating* size = &sizes[0] if metric else NULL
    cdef RuleStep missed
    cdef Py_ssize_t c, j
    if p == 0 or moves_all(rule_, penalty_):
        return
    with nogil:
        if puts_off_decay(rule_, penalty_):
            for j in range(p):
                settle(j, clock[THRESHOLD], penalty_.lower, k, p, &W[0, 0], &since[0])
                for c in range(k):
                    W[c, j] *= <floating> clock[SHRINKAGE]
        elif owes(rule_, penalty_):
            missed = missed_updates(rule_, penalty_, metric, &clock[0])
            for j in range(p):
                catch_up_outputs(missed, j, clock[ELAPSED], k, p, size, &W[0, 0], slot,
                                 &since[0], NULL)
