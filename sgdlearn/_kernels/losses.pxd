# cython: language_level=3
"""The losses: value, slope, curvature and conjugate in the prediction z, each formula once.

    m = y z  with y in {-1, +1} (classification),   r = z - y (regression)

The piecewise linear losses are built from one ramp, max(0, u), which
``smoothing`` > 0 rounds off over [0, smoothing] (Nesterov 2005); 0 is the loss
itself.
"""

from libc.math cimport INFINITY, exp, fabs, log, log1p

cdef extern from "squared_error.h" nogil:
    double squared_error(double r, double* slope) noexcept

cdef extern from "logistic.h" nogil:
    double logistic(double m, double* slope) noexcept
    double softmax(
        Py_ssize_t k, Py_ssize_t y, const double* z, double* slopes) noexcept
    double logistic_rows(
        Py_ssize_t n, const double* y, const double* s, double* z) noexcept

cpdef enum LossCode:
    SQUARED_ERROR = 0
    HUBER = 1
    QUANTILE = 2
    EPSILON_INSENSITIVE = 3
    SQUARED_EPSILON_INSENSITIVE = 4
    LOG_LOSS = 5
    HINGE = 6
    SQUARED_HINGE = 7
    MULTINOMIAL = 8

ctypedef struct LossSpec:
    int code
    double parameter    # epsilon, or the quantile
    double smoothing


cdef inline LossSpec loss_spec(tuple spec) except *:
    """The (code, parameter, smoothing) that Python passes."""
    cdef LossSpec loss
    loss.code, loss.parameter, loss.smoothing = spec
    return loss


cdef inline double ramp(double u, double smoothing, double* slope) noexcept nogil:
    """max(0, u), rounded off: u^2 / (2 s) on [0, s], u - s / 2 beyond."""
    if u <= 0.0:
        slope[0] = 0.0
        return 0.0
    if u < smoothing:
        slope[0] = u / smoothing
        return 0.5 * u * slope[0]
    slope[0] = 1.0
    return u - 0.5 * smoothing


cdef inline double loss_and_slope(
    LossSpec spec, double y, double z, double* slope
) noexcept nogil:
    """loss(y, z); its derivative in z goes to slope[0]."""
    cdef int code = spec.code
    cdef double parameter = spec.parameter
    cdef double r = z - y
    cdef double m, value
    if code == SQUARED_ERROR:
        return squared_error(r, slope)
    if code == LOG_LOSS:
        value = logistic(y * z, slope)
        slope[0] *= y
        return value
    if code == HINGE:
        value = ramp(1.0 - y * z, spec.smoothing, slope)
        slope[0] *= -y
        return value
    if code == SQUARED_HINGE:
        m = 1.0 - y * z
        if m <= 0.0:
            slope[0] = 0.0
            return 0.0
        slope[0] = -2.0 * y * m
        return m * m
    if code == HUBER:
        if fabs(r) <= parameter:
            slope[0] = r
            return 0.5 * r * r
        slope[0] = parameter if r > 0.0 else -parameter
        return parameter * fabs(r) - 0.5 * parameter * parameter
    if code == QUANTILE:
        m = 1.0 - parameter if r > 0.0 else parameter
        value = m * ramp(fabs(r), spec.smoothing, slope)
        slope[0] *= m if r > 0.0 else -m
        return value
    if code == EPSILON_INSENSITIVE:
        value = ramp(fabs(r) - parameter, spec.smoothing, slope)
        if r < 0.0:
            slope[0] = -slope[0]
        return value
    # SQUARED_EPSILON_INSENSITIVE
    m = fabs(r) - parameter
    if m <= 0.0:
        slope[0] = 0.0
        return 0.0
    slope[0] = 2.0 * m if r > 0.0 else -2.0 * m
    return m * m


cdef inline double losses_and_slopes(
    LossSpec spec, Py_ssize_t n, const double* y, const double* s, double* z
) noexcept nogil:
    """sum_i s_i loss(y_i, z_i) over n rows; z_i <- s_i times its derivative. s NULL is all one."""
    cdef Py_ssize_t i
    cdef double value, total = 0.0
    if spec.code == LOG_LOSS:
        return logistic_rows(n, y, s, z)
    for i in range(n):
        value = loss_and_slope(spec, y[i], z[i], &z[i])
        if s != NULL:
            value *= s[i]
            z[i] *= s[i]
        total += value
    return total


cdef inline double loss_curvature(LossSpec spec, double y, double z) noexcept nogil:
    """The second derivative of loss(y, z) in z (one-sided at kinks of the slope)."""
    cdef int code = spec.code
    cdef double r = z - y
    cdef double e, u
    if code == SQUARED_ERROR:
        return 1.0
    if code == LOG_LOSS:
        e = exp(-fabs(z))
        return e / ((1.0 + e) * (1.0 + e))
    if code == SQUARED_HINGE:
        return 2.0 if y * z < 1.0 else 0.0
    if code == HUBER:
        return 1.0 if fabs(r) <= spec.parameter else 0.0
    if code == SQUARED_EPSILON_INSENSITIVE:
        return 2.0 if fabs(r) > spec.parameter else 0.0
    if code == QUANTILE:
        if fabs(r) >= spec.smoothing:
            return 0.0
        return (1.0 - spec.parameter if r > 0.0 else spec.parameter) / spec.smoothing
    u = 1.0 - y * z if code == HINGE else fabs(r) - spec.parameter
    return 1.0 / spec.smoothing if 0.0 <= u < spec.smoothing else 0.0


ctypedef struct Conjugate:
    double insensitive
    double curvature
    double low
    double high


cdef inline Conjugate conjugate_of(LossSpec spec, double y) noexcept nogil:
    """The numbers of sup_z a z - loss(y, z), finite for slopes a in [low, high] alone.

    There it is a y + insensitive |a| + curvature a^2 / 2; the log loss has the entropy instead.
    """
    cdef Conjugate form
    cdef int code = spec.code
    form.insensitive = form.curvature = 0.0
    form.low, form.high = -INFINITY, INFINITY
    if code == SQUARED_ERROR:
        form.curvature = 1.0
    elif code == HUBER:
        form.curvature = 1.0
        form.low, form.high = -spec.parameter, spec.parameter
    elif code == QUANTILE:
        form.low, form.high = -spec.parameter, 1.0 - spec.parameter
    elif code == EPSILON_INSENSITIVE:
        form.insensitive = spec.parameter
        form.curvature = spec.smoothing
        form.low, form.high = -1.0, 1.0
    elif code == SQUARED_EPSILON_INSENSITIVE:
        form.insensitive = spec.parameter
        form.curvature = 0.5
    else:
        if code == HINGE:
            form.curvature = spec.smoothing
        if code == SQUARED_HINGE:
            form.curvature = 0.5
        else:   # HINGE, LOG_LOSS
            form.low, form.high = -1.0, 1.0
        if y > 0.0:
            form.high = 0.0
        else:
            form.low = 0.0
    return form


cdef inline double entropy(double p) noexcept nogil:
    """p log(p) + (1 - p) log(1 - p)."""
    return p * log(p) + (1.0 - p) * log1p(-p) if 0.0 < p < 1.0 else 0.0


cdef inline double conjugate_value(Conjugate form, double y, double a) noexcept nogil:
    """The conjugate of any loss but the log loss, at a in its domain."""
    return a * y + form.insensitive * fabs(a) + 0.5 * form.curvature * a * a


cdef inline double loss_conjugate(LossSpec spec, double y, double a) noexcept nogil:
    """sup_z a z - loss(y, z)."""
    cdef Conjugate form = conjugate_of(spec, y)
    if not form.low <= a <= form.high:
        return INFINITY
    if spec.code == LOG_LOSS:
        return entropy(fabs(a))
    if spec.code == QUANTILE:   # the two ramps are rounded off unequally
        form.curvature = spec.smoothing / (form.high if a > 0.0 else -form.low)
    return conjugate_value(form, y, a)


cdef inline double outputs_loss_and_slopes(
    LossSpec spec, Py_ssize_t k, const double* targets, Py_ssize_t n_targets,
    const double* z, double* slopes,
) noexcept nogil:
    """The loss of one row over its k outputs.

    targets holds the row's n_targets numbers: k of them, or for k > 1 a single
    class index, which is the softmax class or says which of k one-vs-rest
    problems has the row as +1.
    """
    cdef Py_ssize_t c, own
    cdef double value = 0.0
    if n_targets == k:
        for c in range(k):
            value += loss_and_slope(spec, targets[c], z[c], &slopes[c])
        return value
    own = <Py_ssize_t> targets[0]
    if spec.code == MULTINOMIAL:
        return softmax(k, own, z, slopes)
    for c in range(k):
        value += loss_and_slope(spec, 1.0 if c == own else -1.0, z[c], &slopes[c])
    return value
