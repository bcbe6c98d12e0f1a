"""Are all the numbers finite?"""

from cython cimport floating


def all_finite(const floating[:, ::1] X):
    """Whether X holds neither NaN nor infinity."""
    cdef Py_ssize_t n = X.shape[0] * X.shape[1]
    cdef floating total
    if n == 0:
        return True
    with nogil:
        total = finite_sum(&X[0, 0], n)
    return total == 0
