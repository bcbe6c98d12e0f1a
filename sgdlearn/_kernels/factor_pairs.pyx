"""The loops over pairs: an item that a user has met should score above one that it has not.

With x = z_ui - z_uj = b_i - b_j + <p_u, q_i - q_j>, item j drawn among those that u has not met by
the hash of sampling.h, a rating (u, i) of weight s costs

* BPR    s log(1 + exp(-x)) for each of `count` items j (Rendle, Freudenthaler, Gantner &
         Schmidt-Thieme 2009);
* WARP   s Phi(N) max(0, 1 - x) for the first of at most `count` items j where that is positive,
         found in the N-th draw among n items: u ranks i at about floor((n - 1) / N), and
         Phi(N) = log(max(1, floor((n - 1) / N))) / log(n) (Weston, Bengio & Usunier 2011; the
         logarithm as in LightFM, here over the largest that it may be).

The three rows move by the gradient in them, as they were met; the user's bias is in no x.
"""

from cython cimport floating
from libc.math cimport floor, log
from libc.stdlib cimport free, malloc

from sgdlearn._kernels.factor_ratings cimport (
    FactorRatings, Sampler, draw_negative, ratings_of, sampler_of,
)
from sgdlearn._kernels.factor_rules cimport Way, move_row
from sgdlearn._kernels.losses cimport LOG_LOSS, LossSpec, loss_and_slope
from sgdlearn._kernels.stochastic cimport N_CLOCK, as_penalty, as_rule, first_step
from sgdlearn._kernels.update_rules cimport RuleStep
from sgdlearn._kernels.vector cimport PREFETCH_SOON, dot

cdef extern from "factor_pairs.h" nogil:
    ctypedef struct PairMethod:
        double alpha
        double alpha_bias
        double bias_rate
        double lower
        Py_ssize_t k
        Py_ssize_t width
    void reduced_pair_float(
        const PairMethod* method, double slope, double s, double rate, float* p, float* q,
        float* w,
    ) noexcept
    void reduced_pair_double(
        const PairMethod* method, double slope, double s, double rate, double* p, double* q,
        double* w,
    ) noexcept

cpdef enum PairLossCode:
    BPR = 0
    WARP = 1


ctypedef struct Pairs:
    int loss
    double n_items          # of the model: the sampler may know a range of them
    bint reduced            # by one AdaGrad rate a row, else by a rule
    PairMethod method
    Way way
    Py_ssize_t width
    Py_ssize_t stride


cdef inline double score(
    Py_ssize_t width, const floating* p, const floating* q
) noexcept nogil:
    """What the item adds to z."""
    return q[width] + dot(width, p, q)


cdef inline double bpr_loss(double x, double* slope) noexcept nogil:
    """log(1 + exp(-x))."""
    cdef LossSpec logistic = LossSpec(LOG_LOSS, 0.0, 0.0)
    return loss_and_slope(logistic, 1.0, x, slope)


cdef inline double warp_weight(double n_items, int n_draws) noexcept nogil:
    """Phi(N)."""
    return log(max(1.0, floor((n_items - 1.0) / n_draws))) / log(n_items)


cdef void move_rows(
    const Pairs* pairs, RuleStep* step, RuleStep* bias_step, double rate, double s, double slope,
    floating* p, floating* q, floating* w, double* p_clock, double* q_clock, double* w_clock,
    floating* met,
) noexcept nogil:
    """The update of the user's row p, the met item's q and the other's w."""
    cdef Py_ssize_t j, width = pairs.width
    cdef Way user_way
    cdef floating* apart = met + width
    if pairs.reduced:
        if floating is float:
            reduced_pair_float(&pairs.method, slope, s, rate, p, q, w)
        else:
            reduced_pair_double(&pairs.method, slope, s, rate, p, q, w)
        return
    for j in range(width):
        met[j] = p[j]
        apart[j] = q[j] - w[j]
    user_way = pairs.way
    user_way.bias_rate = 0.0
    move_row(&user_way, step, bias_step, rate, s, s * slope, apart, p, p_clock)
    move_row(&pairs.way, step, bias_step, rate, s, s * slope, met, q, q_clock)
    move_row(&pairs.way, step, bias_step, rate, s, -s * slope, met, w, w_clock)


cdef double visit(
    const Pairs* pairs, const FactorRatings* ratings, const floating* weights, floating* P,
    floating* Q, double* P_clock, double* Q_clock, Py_ssize_t clock_stride,
    const Sampler* sampler, floating* met,
) noexcept nogil:
    """Ratings in their order; the sum of s_i loss_i. ``met`` has room for two rows' factors."""
    cdef RuleStep step, bias_step
    cdef Py_ssize_t i, ahead, user, item, n = ratings.n
    cdef Py_ssize_t width = pairs.width, stride = pairs.stride
    cdef Py_ssize_t bytes = (width + 8) * sizeof(floating)
    cdef int other, which
    cdef double s, rate, x, own, slope, value, total = 0.0
    cdef unsigned long long t
    cdef floating* p
    cdef floating* q
    cdef floating* w
    if not pairs.reduced:
        step = first_step(pairs.way.rule, pairs.way.penalty, False)
        bias_step = first_step(pairs.way.rule, pairs.way.bias_penalty, False)
    for i in range(n):
        ahead = min(i + 4, n - 1)
        PREFETCH_SOON(P + stride * ratings.users[ahead], bytes)
        PREFETCH_SOON(Q + stride * ratings.items[ahead], bytes)
        user, item = ratings.users[i], ratings.items[i]
        s = weights[i] if weights != NULL else 1.0
        rate = ratings.rates[ratings.rate_step * i]
        t = ratings.first_update + i
        p, q = P + stride * user, Q + stride * item
        own = score(width, p, q)
        for which in range(sampler.count):
            other = draw_negative(sampler, <int> user, t, which)
            if other < 0:
                continue
            w = Q + stride * other
            if pairs.loss == BPR:
                if which > 0:  # the rows have moved
                    own = score(width, p, q)
                value = bpr_loss(own - score(width, p, w), &slope)
            else:
                x = own - score(width, p, w)
                if x >= 1.0:
                    continue
                slope = -warp_weight(pairs.n_items, which + 1)
                value = -slope * (1.0 - x)
            total += s * value
            if slope != 0.0:
                move_rows(
                    pairs, &step, &bias_step, rate, s, slope, p, q, w,
                    P_clock + clock_stride * user, Q_clock + clock_stride * item,
                    Q_clock + clock_stride * other, met)
            if pairs.loss == WARP:
                break
    return total


def pair_updates(
    const int[::1] users,
    const int[::1] items,
    const floating[::1] weights,
    const Py_ssize_t[:, ::1] pieces,
    list rates,
    list samplers,
    tuple loss,
    tuple method,
    bint reduced,
    floating[:, ::1] P,
    floating[:, ::1] Q,
    double[:, ::1] P_clock,
    double[:, ::1] Q_clock,
    double[::1] losses,
):
    """Visit the ratings piece by piece; losses[i] <- sum of s_i loss_i over piece i.

    The arguments are those of ``reduced_updates`` and ``rule_updates``, by ``reduced``; ``loss`` is
    (code, number of items).
    """
    cdef Pairs pairs
    pairs.loss, pairs.n_items = loss
    pairs.reduced = reduced
    pairs.stride = P.shape[1]
    if reduced:
        pairs.method.k, pairs.method.width = method[0], method[1]
        pairs.method.alpha, pairs.method.alpha_bias = method[2], method[3]
        pairs.method.bias_rate, pairs.method.lower = method[4], method[5]
        pairs.width = pairs.method.width
    else:
        pairs.way.rule, pairs.way.penalty = as_rule(method[0]), as_penalty(method[1])
        pairs.way.bias_penalty = as_penalty(method[2])
        pairs.way.bias_rate, pairs.way.width, pairs.way.lot = method[3:]
        pairs.way.stride = P.shape[1]
        pairs.width = pairs.way.width
    cdef double idle[2 * N_CLOCK]
    cdef double* p_clock = &P_clock[0, 0] if P_clock is not None else idle
    cdef double* q_clock = &Q_clock[0, 0] if Q_clock is not None else idle
    cdef Py_ssize_t clock_stride = 2 * N_CLOCK if P_clock is not None else 0
    cdef Sampler sampler
    cdef FactorRatings ratings
    cdef const double[::1] piece_rates
    cdef const floating* s = NULL
    cdef floating* p = &P[0, 0]
    cdef floating* q = &Q[0, 0]
    cdef floating* met = <floating*> malloc((2 * pairs.width + 1) * sizeof(floating))
    cdef Py_ssize_t i, start
    if met == NULL:
        raise MemoryError
    for i in range(2 * N_CLOCK):
        idle[i] = 1.0
    for i in range(pieces.shape[0]):
        start = pieces[i, 0]
        piece_rates = rates[i]
        ratings = ratings_of(users, items, piece_rates, pieces[i, 2], start, pieces[i, 1])
        sampler = sampler_of(samplers[i])
        if weights is not None:
            s = &weights[0] + start
        with nogil:
            losses[i] = visit(
                &pairs, &ratings, s, p, q, p_clock, q_clock, clock_stride, &sampler, met)
    free(met)
