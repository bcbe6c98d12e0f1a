# cython: language_level=3
"""The update rules of update_rules.h, one name for every element type."""

from cython cimport floating

cdef extern from "update_rules.h" nogil:
    enum:
        SGD
        MOMENTUM
        NESTEROV
        ADAGRAD
        ADADELTA
        RMSPROP
        ADAM
        AMSGRAD
        ADAMW
        ADAMW_AMSGRAD
        NADAM
        FTRL
        SCHEDULE_FREE
        DOG
        NO_PROX
        UNIFORM_PROX
        METRIC_PROX
    ctypedef struct RuleStep:
        int code
        int penalty
        double rate
        double l2
        double prox1
        double prox2
        double lower
        double beta1
        double beta2
        double epsilon
        double bias1
        double bias2
        double lead
        double shrink
        double total
        double base
        double mix
        double order
    void update_float(
        const RuleStep* step, Py_ssize_t n, double scale, const float* x,
        const float* metric, float* w, float* slots, Py_ssize_t stride,
    ) noexcept
    void update_double(
        const RuleStep* step, Py_ssize_t n, double scale, const double* x,
        const double* metric, double* w, double* slots, Py_ssize_t stride,
    ) noexcept
    void update_indexed_float(
        const RuleStep* step, Py_ssize_t n, const Py_ssize_t* index, double scale,
        const float* x, const float* metric, float* w, float* slots, Py_ssize_t stride,
    ) noexcept
    void update_indexed_double(
        const RuleStep* step, Py_ssize_t n, const Py_ssize_t* index, double scale,
        const double* x, const double* metric, double* w, double* slots, Py_ssize_t stride,
    ) noexcept
    void catch_up_float(
        const RuleStep* step, Py_ssize_t j, double now, double since,
        const float* metric, float* w, float* slots, Py_ssize_t stride,
    ) noexcept
    void catch_up_double(
        const RuleStep* step, Py_ssize_t j, double now, double since,
        const double* metric, double* w, double* slots, Py_ssize_t stride,
    ) noexcept
    float proximal_float(float u, float t1, float s, float lower) noexcept
    double proximal_double(double u, double t1, double s, double lower) noexcept


cdef inline void update(
    const RuleStep* step, Py_ssize_t n, double scale, const floating* x,
    const floating* metric, floating* w, floating* slots, Py_ssize_t stride,
) noexcept nogil:
    """w <- the rule's update with gradient scale x + l2 w, all n coordinates."""
    if floating is float:
        update_float(step, n, scale, x, metric, w, slots, stride)
    else:
        update_double(step, n, scale, x, metric, w, slots, stride)


cdef inline void update_indexed(
    const RuleStep* step, Py_ssize_t n, const Py_ssize_t* index, double scale,
    const floating* x, const floating* metric, floating* w, floating* slots,
    Py_ssize_t stride,
) noexcept nogil:
    """The same for the coordinates index[0 .. n-1], x holding their values."""
    if floating is float:
        update_indexed_float(step, n, index, scale, x, metric, w, slots, stride)
    else:
        update_indexed_double(step, n, index, scale, x, metric, w, slots, stride)


cdef inline void catch_up(
    const RuleStep* step, Py_ssize_t j, double now, double since,
    const floating* metric, floating* w, floating* slots, Py_ssize_t stride,
) noexcept nogil:
    """w_j <- w_j after the penalty of the updates missed since `since`."""
    if floating is float:
        catch_up_float(step, j, now, since, metric, w, slots, stride)
    else:
        catch_up_double(step, j, now, since, metric, w, slots, stride)


cdef inline floating proximal(
    floating u, floating t1, floating s, floating lower
) noexcept nogil:
    """argmin_w s/2 w^2 - u w + t1 |w| over w >= lower."""
    if floating is float:
        return proximal_float(u, t1, s, lower)
    else:
        return proximal_double(u, t1, s, lower)
