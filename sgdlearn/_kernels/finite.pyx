"""Are all the numbers finite?

    sum_i (x_i - x_i) = 0  if all x_i are finite,  NaN if some x_i is NaN or infinite
"""

from cython cimport floating

cdef enum:
    LANES = 8       # independent sums, which the compiler keeps in vector registers


def all_finite(const floating[:, ::1] X):
    """Whether X holds neither NaN nor infinity."""
    cdef Py_ssize_t n = X.shape[0] * X.shape[1]
    cdef Py_ssize_t i, lane
    cdef floating total[LANES]
    cdef const floating* x
    if n == 0:
        return True
    x = &X[0, 0]
    with nogil:
        for lane in range(LANES):
            total[lane] = 0
        for i in range(n // LANES):
            for lane in range(LANES):
                total[lane] += x[LANES * i + lane] - x[LANES * i + lane]
        for i in range(n - n % LANES, n):
            total[0] += x[i] - x[i]
        for lane in range(1, LANES):
            total[0] += total[lane]
    return total[0] == 0
