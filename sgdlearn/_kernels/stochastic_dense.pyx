"""The stochastic loop over dense rows.

For each batch B of the visiting order, with coefficients W (k outputs) and slopes
l'_i = d loss(y_i, z) / dz at z = W x_i + b:

    G = (1 / |B|) sum_{i in B} s_i l'_i x_i,      W <- update(W, G + l2 W),      then the prox
"""

from cython cimport floating
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from sgdlearn._kernels.losses cimport LossSpec, outputs_loss_and_slopes
from sgdlearn._kernels.stochastic cimport (
    AVERAGED, UPDATES, Penalty, Rule, add_gradient, as_penalty, as_rule, first_step, free_step,
    measure_distance, move_intercepts, next_update,
)
from sgdlearn._kernels.update_rules cimport DOG, RuleStep, update
from sgdlearn._kernels.vector cimport (
    PREFETCH, PREFETCH_SOON, axpy, axpy_wide, dot, dot_ahead, square_distance, standardize,
)

cdef inline void move(
    const RuleStep* step, Py_ssize_t k, Py_ssize_t p, const floating* gradient, Py_ssize_t stride,
    const double* factors, const floating* size, floating* w, floating* slots,
) noexcept nogil:
    """W_c <- update(W_c, factors_c gradient_c); stride 0: one row is every output's gradient."""
    cdef Py_ssize_t c
    for c in range(k):
        update(step, p, 1.0 if factors == NULL else factors[c], gradient + c * stride, size,
               w + c * p, slots + c * p, k * p)


def dense_updates(
    const floating[:, ::1] X,
    const double[:, ::1] targets,
    const double[::1] weights,
    const Py_ssize_t[::1] order,
    Py_ssize_t batch_size,
    const double[::1] rates,
    tuple method,
    tuple coordinates,
    tuple state,
):
    """Visit the rows X[order] in batches, one update each; return sum_i s_i loss_i.

    The loss of a row is taken at the coefficients that met it.  ``method`` is (loss, rule,
    penalty, fit_intercept, average_from) in numbers, ``coordinates`` (shift, scale) of the metric
    and the size by which the penalty measures each coefficient in it, or (None, None, None),
    ``state`` the arrays of the run, updated in place.
    """
    cdef LossSpec loss = LossSpec(method[0][0], method[0][1], method[0][2])
    cdef Rule rule = as_rule(method[1])
    cdef Penalty penalty = as_penalty(method[2])
    cdef bint fit_intercept = method[3]
    cdef Py_ssize_t average_from = method[4]
    cdef const floating[::1] shift = coordinates[0]
    cdef const floating[::1] scale = coordinates[1]
    cdef const floating[::1] sizes = coordinates[2]
    cdef floating[:, ::1] W = state[0]
    cdef double[::1] b = state[1]
    cdef floating[:, :, ::1] slots = state[2]
    cdef double[:, ::1] b_slots = state[3]
    cdef double[::1] clock = state[4]
    cdef double[:, ::1] average = state[6]
    cdef double[::1] b_average = state[7]

    cdef Py_ssize_t n = order.shape[0]
    cdef Py_ssize_t p = X.shape[1]
    cdef Py_ssize_t k = W.shape[0]
    cdef Py_ssize_t n_targets = targets.shape[1]
    cdef bint metric = scale is not None
    cdef bint weighted = weights is not None
    cdef bint batched = batch_size > 1
    cdef const floating* metric_scale = &scale[0] if metric and p > 0 else NULL
    cdef const floating* size = &sizes[0] if metric and p > 0 else NULL
    cdef floating* slot = &slots[0, 0, 0] if slots.shape[0] > 0 and p > 0 else NULL
    cdef double* b_slot = &b_slots[0, 0] if b_slots.shape[0] > 0 else NULL
    cdef const floating* rows = &X[0, 0] if p > 0 else NULL
    cdef floating* w = &W[0, 0] if p > 0 else NULL

    # Memory is the limit for long rows. A few rows ahead, some 16 KB, a row is asked for to be near
    # (L2), a short one two rows ahead to be at hand (L1). The hardware follows on in long ones.
    cdef Py_ssize_t bytes = p * <Py_ssize_t> sizeof(floating)
    cdef Py_ssize_t n_ahead = min(max(16384 // (bytes + 1), 2), 8)
    cdef Py_ssize_t n_later = min(bytes, 8192) // <Py_ssize_t> sizeof(floating)
    cdef Py_ssize_t soon = bytes if bytes <= 1536 else 0
    cdef floating* row = <floating*> malloc((p + 1) * sizeof(floating))
    cdef floating* G = <floating*> malloc((k * p + 1) * sizeof(floating)) if batched else NULL
    cdef double* z = <double*> malloc(3 * k * sizeof(double))
    cdef double* slopes = z + k
    cdef double* b_gradient = z + 2 * k
    if row == NULL or z == NULL or (batched and G == NULL):
        free(row)
        free(G)
        free(z)
        raise MemoryError

    cdef RuleStep step = first_step(rule, penalty, metric)
    cdef RuleStep b_step = free_step(step)
    cdef const floating* x
    cdef Py_ssize_t i, c, ahead, u = 0, start = 0, stop, m
    cdef double s, mean_weight, total = 0.0
    with nogil:
        while start < n:
            stop = min(start + batch_size, n)
            m = stop - start
            if batched:
                memset(G, 0, k * p * sizeof(floating))
            for c in range(k):
                b_gradient[c] = 0.0
            mean_weight = 0.0
            for i in range(start, stop):
                ahead = order[min(i + n_ahead, n - 1)]
                PREFETCH(&targets[ahead, 0])
                if weighted:
                    PREFETCH(&weights[ahead])
                PREFETCH_SOON(rows + p * order[min(i + 2, n - 1)], soon)
                x = &X[order[i], 0]
                if metric:
                    standardize(p, x, &shift[0], metric_scale, row)
                    x = row
                s = weights[order[i]] if weighted else 1.0
                for c in range(k):
                    z[c] = b[c] + (
                        dot_ahead(p, x, w, rows + p * ahead, n_later) if c == 0
                        else dot(p, x, w + c * p))
                total += s * outputs_loss_and_slopes(
                    loss, k, &targets[order[i], 0], n_targets, z, slopes)
                mean_weight += s / m
                for c in range(k):
                    slopes[c] *= s / m
                    b_gradient[c] += slopes[c]
                    if batched:
                        axpy(p, slopes[c], x, G + c * p)
            if rule.code == DOG:
                if batched:
                    add_gradient(&penalty, mean_weight, k, p, G, p, NULL, w, b_gradient,
                                 fit_intercept, &clock[0])
                else:
                    add_gradient(&penalty, mean_weight, k, p, x, 0, slopes, w, b_gradient,
                                 fit_intercept, &clock[0])
            next_update(&step, &rule, &penalty, rates[u], mean_weight, &clock[0])
            if batched:
                move(&step, k, p, G, p, NULL, size, w, slot)
            else:
                move(&step, k, p, x, 0, slopes, size, w, slot)
            if fit_intercept:
                move_intercepts(&b_step, &step, k, b_gradient, &b[0], b_slot)
            if rule.code == DOG:
                measure_distance(k, square_distance(k * p, w, slot), &b[0], b_slot,
                                 fit_intercept, &clock[0])
            if 0 < average_from <= clock[UPDATES]:
                clock[AVERAGED] += 1
                axpy_wide(k * p, 1.0, w, &average[0, 0])
                axpy_wide[double](k, 1.0, &b[0], &b_average[0])
            u += 1
            start = stop
    free(row)
    free(G)
    free(z)
    return total


def gradient_update(
    const floating[:, ::1] G,
    const double[::1] b_gradient,
    double rate,
    double mean_weight,
    tuple method,
    tuple coordinates,
    tuple state,
):
    """One update from a gradient that is already there (batches computed by BLAS, or in Python).

    The average is left to the caller, who may not be done with the iterate.
    """
    cdef Rule rule = as_rule(method[1])
    cdef Penalty penalty = as_penalty(method[2])
    cdef bint fit_intercept = method[3]
    cdef const floating[::1] sizes = coordinates[2]
    cdef floating[:, ::1] W = state[0]
    cdef double[::1] b = state[1]
    cdef floating[:, :, ::1] slots = state[2]
    cdef double[:, ::1] b_slots = state[3]
    cdef double[::1] clock = state[4]
    cdef Py_ssize_t k = W.shape[0]
    cdef Py_ssize_t p = W.shape[1]
    cdef bint metric = sizes is not None
    cdef floating* slot = &slots[0, 0, 0] if slots.shape[0] > 0 else NULL
    cdef double* b_slot = &b_slots[0, 0] if slots.shape[0] > 0 else NULL
    cdef RuleStep step = first_step(rule, penalty, metric)
    cdef RuleStep b_step = free_step(step)
    with nogil:
        if rule.code == DOG:
            add_gradient(&penalty, mean_weight, k, p, &G[0, 0], p, NULL, &W[0, 0],
                         &b_gradient[0], fit_intercept, &clock[0])
        next_update(&step, &rule, &penalty, rate, mean_weight, &clock[0])
        move(&step, k, p, &G[0, 0], p, NULL, &sizes[0] if metric else NULL, &W[0, 0], slot)
        if fit_intercept:
            move_intercepts(&b_step, &step, k, &b_gradient[0], &b[0], b_slot)
        if rule.code == DOG:
            measure_distance(k, square_distance(k * p, &W[0, 0], slot), &b[0], b_slot,
                             fit_intercept, &clock[0])
