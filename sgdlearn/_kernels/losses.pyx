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


def slope_bounds(tuple spec, const double[::1] y, double[::1] low, double[::1] high):
    """low_i, high_i <- the least and the greatest slope of the loss at target y_i."""
    cdef LossSpec loss = loss_spec(spec)
    cdef Conjugate form
    cdef Py_ssize_t i
    with nogil:
        for i in range(y.shape[0]):
            form = conjugate_of(loss, y[i])
            low[i], high[i] = form.low, form.high


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
