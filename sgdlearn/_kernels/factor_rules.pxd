# cython: language_level=3
"""One row's update by a rule of update_rules.h, its clocks beside it."""

from cython cimport floating

from sgdlearn._kernels.stochastic cimport N_CLOCK, UPDATES, Penalty, Rule, next_update
from sgdlearn._kernels.update_rules cimport FTRL, RuleStep, update

ctypedef struct Way:
    Rule rule
    Penalty penalty         # of the factors
    Penalty bias_penalty
    double bias_rate        # the rate of biases, over that of factors
    Py_ssize_t width
    Py_ssize_t lot
    Py_ssize_t stride


cdef inline void follow_weights(const Way* way, double rate, floating* row) noexcept nogil:
    """FTRL's z of a row that has not moved yet, from which its weights follow."""
    cdef Py_ssize_t j
    for j in range(way.width):
        row[way.lot + j] = <floating> (-row[j] * way.rule.extra / rate)
    if way.bias_rate > 0.0:
        row[way.lot + way.width] = <floating> (
            -row[way.width] * way.rule.extra / (way.bias_rate * rate))


cdef inline void move_row(
    const Way* way, RuleStep* step, RuleStep* bias_step, double rate, double s, double slope,
    const floating* other, floating* row, double* clock,
) noexcept nogil:
    """One row's update, with the gradient slope other of its factors and slope of its bias."""
    cdef floating one = 1.0
    if way.rule.code == FTRL and clock[UPDATES] == 0.0:
        follow_weights(way, rate, row)
    next_update(step, &way.rule, &way.penalty, rate, s, clock)
    update(step, way.width, slope, other, <floating*> NULL, row, row + way.lot, way.lot)
    if way.bias_rate > 0.0:
        next_update(
            bias_step, &way.rule, &way.bias_penalty, way.bias_rate * rate, s, clock + N_CLOCK)
        row += way.width
        update(bias_step, 1, slope, &one, <floating*> NULL, row, row + way.lot, way.lot)
