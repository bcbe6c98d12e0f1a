"""The loop over ratings with the update rules of update_rules.h, row by row.

    g_u = s l' q + l2 p,     p <- update(p, g_u),     and with p and q exchanged for the item,

both from the rows as they were met, and so their biases with the gradient s l' + l2 b. A row's
memory lies beside it: after its first `lot` numbers [k factors, zeros | bias, ...] come as many for
every slot of the rule. What the rule counts (a clock for the factors, one for the bias) every row
counts for itself, so that a row moves as it would alone.
"""

from cython cimport floating
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from sgdlearn._kernels.factor_ratings cimport (
    NEGATIVE, Constant, FactorRatings, Sampler, constant_at, draw_negative, follow_constant,
    ratings_of, sampler_of,
)
from sgdlearn._kernels.losses cimport LossSpec, loss_and_slope, loss_spec
from sgdlearn._kernels.stochastic cimport N_CLOCK, as_penalty, as_rule, first_step
from sgdlearn._kernels.update_rules cimport RuleStep
from sgdlearn._kernels.vector cimport PREFETCH_SOON, dot

cdef double visit(
    const Way* way, LossSpec loss, double mean, const FactorRatings* ratings,
    const floating* targets, const floating* weights, floating* P, floating* Q, double* P_clock,
    double* Q_clock, Py_ssize_t clock_stride, Constant* constant, const Sampler* sampler,
    floating* met,
) noexcept nogil:
    """Ratings in their order; the sum of s_i loss_i. ``met`` has room for the factors of a row."""
    cdef RuleStep step = first_step(way.rule, way.penalty, False)
    cdef RuleStep bias_step = first_step(way.rule, way.bias_penalty, False)
    cdef Py_ssize_t i, ahead, user, item, n = ratings.n, width = way.width
    cdef Py_ssize_t bytes = way.stride * sizeof(floating)
    cdef int which, n_more
    cdef double s, rate, y, slope, total = 0.0
    cdef floating* p
    cdef floating* q
    for i in range(n):
        ahead = min(i + 4, n - 1)
        PREFETCH_SOON(P + way.stride * ratings.users[ahead], bytes)
        PREFETCH_SOON(Q + way.stride * ratings.items[ahead], bytes)
        user, item = ratings.users[i], ratings.items[i]
        s = weights[i] if weights != NULL else 1.0
        rate = ratings.rates[ratings.rate_step * i]
        y = targets[i]
        if constant != NULL:
            mean = follow_constant(constant, y, s)
        n_more = sampler.count if sampler != NULL and y > 0.0 else 0
        for which in range(n_more + 1):
            if which > 0:
                item = draw_negative(
                    sampler, <int> user, ratings.first_update + i, which - 1)
                if item < 0:
                    continue
                y = NEGATIVE
            p, q = P + way.stride * user, Q + way.stride * item
            total += s * loss_and_slope(
                loss, y, mean + p[width] + q[width] + dot(width, p, q), &slope)
            memcpy(met, p, width * sizeof(floating))
            move_row(way, &step, &bias_step, rate, s, s * slope, q, p,
                     P_clock + clock_stride * user)
            move_row(way, &step, &bias_step, rate, s, s * slope, met, q,
                     Q_clock + clock_stride * item)
    return total


def rule_updates(
    const int[::1] users,
    const int[::1] items,
    const floating[::1] targets,
    const floating[::1] weights,
    const Py_ssize_t[:, ::1] pieces,
    list rates,
    list samplers,
    tuple method,
    tuple numbers,
    floating[:, ::1] P,
    floating[:, ::1] Q,
    double[:, ::1] P_clock,
    double[:, ::1] Q_clock,
    double[::1] running,
    double[::1] losses,
):
    """As ``reduced_updates``, by a rule: ``method`` is (rule, penalty of the factors, of the
    biases, bias_rate, width, lot); a clock of one row is none's in particular, for rules that
    count nothing.
    """
    cdef LossSpec loss = loss_spec(numbers[0])
    cdef Way way
    way.rule, way.penalty = as_rule(method[0]), as_penalty(method[1])
    way.bias_penalty = as_penalty(method[2])
    way.bias_rate, way.width, way.lot = method[3:]
    way.stride = P.shape[1]
    cdef double mean = numbers[1]
    cdef double idle[2 * N_CLOCK]
    cdef double* p_clock = &P_clock[0, 0] if P_clock is not None else idle
    cdef double* q_clock = &Q_clock[0, 0] if Q_clock is not None else idle
    cdef Py_ssize_t clock_stride = 2 * N_CLOCK if P_clock is not None else 0
    cdef Constant constant
    cdef Constant* followed = NULL
    cdef Sampler sampler
    cdef Sampler* drawn = NULL
    cdef FactorRatings ratings
    cdef const double[::1] piece_rates
    cdef const floating* y = &targets[0]
    cdef const floating* s = NULL
    cdef floating* p = &P[0, 0]
    cdef floating* q = &Q[0, 0]
    cdef floating* met = <floating*> malloc((way.width + 1) * sizeof(floating))
    cdef Py_ssize_t i, start
    if met == NULL:
        raise MemoryError
    for i in range(2 * N_CLOCK):
        idle[i] = 1.0
    if running is not None:
        constant = constant_at(running)
        followed = &constant
    for i in range(pieces.shape[0]):
        start = pieces[i, 0]
        piece_rates = rates[i]
        ratings = ratings_of(users, items, piece_rates, pieces[i, 2], start, pieces[i, 1])
        if samplers is not None:
            sampler = sampler_of(samplers[i])
            drawn = &sampler
        if weights is not None:
            s = &weights[0] + start
        with nogil:
            losses[i] = visit(
                &way, loss, mean, &ratings, y + start, s, p, q, p_clock, q_clock, clock_stride,
                followed, drawn, met)
    free(met)
    if running is not None:
        running[0], running[1] = constant.mean, constant.weight
