"""Losses over arrays: the inline functions of losses.pxd, one call an element or a row."""


def loss_and_slopes(
    tuple spec, const double[::1] y, const double[::1] z,
    double[::1] values, double[::1] slopes,
):
    """values_i <- loss(y_i, z_i), slopes_i <- its derivative in z_i."""
    cdef LossSpec loss = loss_spec(spec)
    cdef Py_ssize_t i
    with nogil:
        for i in range(y.shape[0]):
            values[i] = loss_and_slope(loss, y[i], z[i], &slopes[i])


def slopes(tuple spec, const double[::1] y, double[::1] z):
    """z_i <- the derivative of loss(y_i, z_i) in z_i."""
    cdef LossSpec loss = loss_spec(spec)
    if y.shape[0] > 0:
        with nogil:
            losses_and_slopes(loss, y.shape[0], &y[0], NULL, &z[0])


def curvatures(tuple spec, const double[::1] y, const double[::1] z, double[::1] out):
    """out_i <- the second derivative of loss(y_i, z_i) in z_i."""
    cdef LossSpec loss = loss_spec(spec)
    cdef Py_ssize_t i
    with nogil:
        for i in range(y.shape[0]):
            out[i] = loss_curvature(loss, y[i], z[i])


def conjugates(tuple spec, const double[::1] y, const double[::1] a, double[::1] out):
    """out_i <- sup_z a_i z - loss(y_i, z)."""
    cdef LossSpec loss = loss_spec(spec)
    cdef Py_ssize_t i
    with nogil:
        for i in range(y.shape[0]):
            out[i] = loss_conjugate(loss, y[i], a[i])


def nearest_slopes(tuple spec, const double[::1] y, const double[::1] a, double[::1] out):
    """out_i <- a_i, or the end of the slopes of the loss at target y_i that it is beyond."""
    cdef LossSpec loss = loss_spec(spec)
    cdef Conjugate form
    cdef Py_ssize_t i
    with nogil:
        for i in range(y.shape[0]):
            form = conjugate_of(loss, y[i])
            out[i] = min(max(a[i], form.low), form.high)


def duality_sums(
    tuple spec, const double[:, ::1] y, const double[:, ::1] z, const double[:, ::1] a,
    const double[::1] shares,
):
    """What rows add to the duality gap, and what the slopes raise the dual objective by:

        sum_i c_i loss_i,   sum_i c_i (loss_i + loss*_i(a_i) - a_i z_i),
        sum_i c_i (loss*_i(0) - loss*_i(a_i))

    over all outputs. Shares c None are all one.
    """
    cdef LossSpec loss = loss_spec(spec)
    cdef Py_ssize_t i, c
    cdef double s = 1.0, value, conjugate, slope, values = 0.0, gaps = 0.0, rise = 0.0
    with nogil:
        for i in range(z.shape[0]):
            if shares is not None:
                s = shares[i]
            for c in range(z.shape[1]):
                value = loss_and_slope(loss, y[i, c], z[i, c], &slope)
                conjugate = loss_conjugate(loss, y[i, c], a[i, c])
                values += s * value
                gaps += s * (value + conjugate - a[i, c] * z[i, c])
                rise += s * (loss_conjugate(loss, y[i, c], 0.0) - conjugate)
    return values, gaps, rise


def softmax_losses_and_slopes(
    const Py_ssize_t[::1] y, const double[:, ::1] z, double[::1] values, double[:, ::1] slopes
):
    """values_i <- -log softmax(z_i) at class y_i, slopes_i <- its gradient in z_i.

    The class numbers are trusted to lie in [0, k).
    """
    cdef Py_ssize_t k = z.shape[1]
    cdef Py_ssize_t i
    with nogil:
        for i in range(z.shape[0]):
            values[i] = softmax(k, y[i], &z[i, 0], &slopes[i, 0])
