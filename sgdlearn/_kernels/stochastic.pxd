# cython: language_level=3
"""What the stochastic loops share: the clock of a run and the constants of one update."""

from cython cimport floating
from libc.math cimport INFINITY, fmax, pow, sqrt

from sgdlearn._kernels.update_rules cimport (
    ADADELTA, ADAGRAD, ADAMW, ADAMW_AMSGRAD, DOG, FTRL, METRIC_PROX, NADAM, NO_PROX, RMSPROP,
    RuleStep, SCHEDULE_FREE, UNIFORM_PROX, update_indexed_double,
)
from sgdlearn._kernels.vector cimport dot, square_distance


cdef enum:
    # The scalars of a run, kept in one float64 array so that a run can be put away and resumed.
    UPDATES = 0          # t, updates made
    WEIGHT = 1           # sum over the updates of the batch's mean weight
    ELAPSED = 2          # the same, each times its rate
    SHRINKAGE = 3        # D: the standing coefficients are D u       (sparse SGD)
    THRESHOLD = 4        # S: soft threshold on u that has come up    (sparse SGD)
    MOMENTUM_PRODUCT = 5  # NAdam's product of momenta
    FIRST_RATE = 6
    AVERAGED = 7         # iterates in the average
    AVERAGED_SHRINKAGE = 8  # sum of D over them                      (sparse SGD)
    SQUARES = 9          # sum of the squared norms of the gradients    (DoG)
    FARTHEST = 10        # the largest distance from w_0 so far          (DoG)
    DISTANCE = 11        # the square of the present one, of W alone      (DoG on sparse rows)
    N_CLOCK = 12

cdef enum:
    # DoG: the average forgets as the power 1 + 8 of 1 / t.
    DECAY = 8


ctypedef struct Rule:
    int code
    double beta1
    double beta2
    double epsilon
    double extra         # NAdam's momentum decay, FTRL's beta, schedule-free's power


ctypedef struct Penalty:
    double l1
    double l2
    double lower
    bint in_gradient     # l2 enters the gradient (a given rate) or the prox ("auto")


cdef inline Rule as_rule(tuple rule):
    return Rule(rule[0], rule[1], rule[2], rule[3], rule[4])


cdef inline Penalty as_penalty(tuple penalty):
    return Penalty(penalty[0], penalty[1], penalty[2], penalty[3])


cdef inline RuleStep first_step(Rule rule, Penalty penalty, bint metric) noexcept nogil:
    """The constants that all updates of a run share."""
    cdef RuleStep step
    step.code = rule.code
    step.beta1 = rule.beta1
    step.beta2 = rule.beta2
    step.epsilon = rule.epsilon
    step.rate = step.bias1 = step.bias2 = step.shrink = 1.0
    step.lead = step.total = step.base = step.l2 = step.mix = 0.0
    step.order = 1.0 + rule.extra
    step.prox1 = penalty.l1
    step.prox2 = penalty.l2
    step.lower = penalty.lower
    if rule.code == ADAMW or rule.code == ADAMW_AMSGRAD:
        step.prox2 = 0.0
    elif penalty.in_gradient and rule.code != FTRL:
        step.prox2 = 0.0
    if step.prox1 == 0.0 and step.prox2 == 0.0 and step.lower == -INFINITY:
        step.penalty = NO_PROX
    else:
        step.penalty = METRIC_PROX if metric else UNIFORM_PROX
    return step


cdef inline void next_update(
    RuleStep* step, const Rule* rule, const Penalty* penalty, double rate, double weight,
    double* clock,
) noexcept nogil:
    """Advance the clock, and the constants, to the next update, of mean weight `weight`."""
    cdef double t, momentum, product, later
    if rule.code == DOG:
        rate *= clock[FARTHEST] / sqrt(clock[SQUARES]) if clock[SQUARES] > 0.0 else 0.0
    clock[UPDATES] += 1
    clock[WEIGHT] += weight
    clock[ELAPSED] += rate * weight
    step.rate = rate
    if rule.code == FTRL:
        if clock[FIRST_RATE] == 0.0:
            clock[FIRST_RATE] = rate
        step.base = rule.extra / clock[FIRST_RATE]
        step.total = clock[WEIGHT]
        return
    if step.penalty != NO_PROX:
        step.prox1 = weight * penalty.l1
        if step.prox2 != 0.0:
            step.prox2 = weight * penalty.l2
    if rule.code == ADAMW or rule.code == ADAMW_AMSGRAD:
        step.shrink = 1.0 - rate * weight * penalty.l2
    elif penalty.in_gradient:
        step.l2 = weight * penalty.l2
    if rule.code == SCHEDULE_FREE:
        step.mix = rate * weight / clock[ELAPSED]
        if step.order == 4.0:  # that of streams, at every few rows
            step.mix *= 2.0 - step.mix
            step.mix *= 2.0 - step.mix
        elif step.order != 1.0:
            step.mix = 1.0 - pow(1.0 - step.mix, step.order)
    elif rule.code == DOG:
        step.mix = (DECAY + 1) / (clock[UPDATES] + DECAY)
    elif rule.code > RMSPROP:
        t = clock[UPDATES]
        step.bias1 = 1.0 / (1.0 - pow(rule.beta1, t))
        step.bias2 = 1.0 / sqrt(1.0 - pow(rule.beta2, t))
        if rule.code == NADAM:
            momentum = rule.beta1 * (1.0 - 0.5 * pow(0.96, t * rule.extra))
            later = rule.beta1 * (1.0 - 0.5 * pow(0.96, (t + 1.0) * rule.extra))
            product = clock[MOMENTUM_PRODUCT] * momentum
            step.lead = (1.0 - momentum) / (1.0 - product)
            step.bias1 = later / (1.0 - product * later)
            clock[MOMENTUM_PRODUCT] = product


# DoG (Ivgi, Hinder & Carmon 2023): the rate of update t is
#
#     r max_{s < t} |w_s - w_0| / sqrt(sum_{s <= t} |g_s|^2)
#
# with norms over all coefficients and intercepts, in the coordinates that the run moves in.

cdef inline void add_gradient(
    const Penalty* penalty, double weight, Py_ssize_t k, Py_ssize_t p, const floating* gradient,
    Py_ssize_t stride, const double* factors, const floating* w, const double* b_gradient,
    bint fit_intercept, double* clock,
) noexcept nogil:
    """SQUARES <- SQUARES + |g|^2, g_c = factors_c gradient_c + l2 w_c where l2 enters it."""
    cdef double l2 = weight * penalty.l2 if penalty.in_gradient else 0.0
    cdef double factor, total = 0.0
    cdef const floating* g
    cdef Py_ssize_t c
    for c in range(k):
        factor = 1.0 if factors == NULL else factors[c]
        g = gradient + c * stride
        total += factor * factor * dot(p, g, g)
        if l2 > 0.0:
            total += l2 * (2.0 * factor * dot(p, g, w + c * p) + l2 * dot(p, w + c * p, w + c * p))
        if fit_intercept:
            total += b_gradient[c] * b_gradient[c]
    clock[SQUARES] += fmax(total, 0.0)


cdef inline void measure_distance(
    Py_ssize_t k, double square, const double* b, const double* b_start, bint fit_intercept,
    double* clock,
) noexcept nogil:
    """FARTHEST, from the squared distance of the coefficients."""
    if fit_intercept:
        square += square_distance(k, b, b_start)
    clock[FARTHEST] = fmax(clock[FARTHEST], sqrt(fmax(square, 0.0)))


cdef inline RuleStep missed_updates(
    Rule rule, Penalty penalty, bint metric, const double* clock
) noexcept nogil:
    """The constants by which a coordinate of a sparse row catches up, at the present clock."""
    cdef RuleStep step
    step.code = rule.code
    step.penalty = METRIC_PROX if metric else UNIFORM_PROX
    step.rate = step.shrink = step.bias1 = step.bias2 = 1.0
    step.l2 = step.lead = step.base = step.mix = 0.0
    step.order = 1.0 + rule.extra
    step.beta1 = rule.beta1
    step.beta2 = rule.beta2
    step.prox1 = penalty.l1
    step.prox2 = penalty.l2
    step.lower = penalty.lower
    step.epsilon = rule.epsilon
    step.total = clock[WEIGHT]
    if rule.code == FTRL:
        step.base = rule.extra / clock[FIRST_RATE] if clock[FIRST_RATE] > 0.0 else 1.0
    elif RMSPROP < rule.code < FTRL and clock[UPDATES] > 0.0:
        step.bias2 = 1.0 / sqrt(1.0 - pow(rule.beta2, clock[UPDATES]))
    return step


cdef inline RuleStep free_step(RuleStep step) noexcept nogil:
    """The constants for an intercept, which no penalty touches."""
    step.penalty = NO_PROX
    step.l2 = step.prox1 = step.prox2 = 0.0
    step.lower = -INFINITY
    return step


cdef inline void move_intercepts(
    RuleStep* free, const RuleStep* step, Py_ssize_t k, const double* gradient, double* b,
    double* slots,
) noexcept nogil:
    """The update of W for the intercepts, coordinates with x = 1."""
    cdef double one = 1.0
    cdef Py_ssize_t c, first = 0
    free.rate = step.rate
    free.bias1 = step.bias1
    free.bias2 = step.bias2
    free.lead = step.lead
    free.base = step.base
    free.total = step.total
    free.mix = step.mix
    for c in range(k):
        update_indexed_double(free, 1, &first, gradient[c], &one, NULL, b + c, slots + c, k)
