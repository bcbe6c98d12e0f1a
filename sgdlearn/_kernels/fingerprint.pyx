"""Whether data are the same as before, from the pass that sees whether they are finite.

    h_l <- rot((h_l xor x_l) P),      l = 0 .. 7,      for every 8 words x of 64 bits

Each step is one-to-one, so that a single changed word always changes a word of h; several changes
undo each other by one chance in 2^64. (Against data made to deceive it is no safeguard.)
"""

from cython cimport floating
from libc.string cimport memcpy

ctypedef unsigned long long word

ctypedef fused element:
    float
    double
    unsigned char

cdef enum:
    LANES = 8
    STRIPE = 64     # bytes in 8 words
    MOST = 16       # floats in them

cdef extern from *:
    """
    #define ODD 0x9E3779B185EBCA87ULL
    #define STEP(h, x) ((h) = ((h) ^ (x)) * ODD, (h) = ((h) << 31) | ((h) >> 33))
    """
    void STEP(word h, word x) noexcept nogil


cdef element mark(const element* data, Py_ssize_t n, word* h) noexcept nogil:
    """Begin h, and take n elements into it; 0 if all are finite (see finite.pyx), else NaN.

    At the end of the data zeros stand for what is missing to 8 words.
    """
    cdef Py_ssize_t width = STRIPE // sizeof(element), lane
    cdef word h0 = 0, h1 = 1, h2 = 2, h3 = 3, h4 = 4, h5 = 5, h6 = 6, h7 = 7
    cdef word rest[LANES]
    cdef const word* x
    cdef element total[MOST]
    for lane in range(MOST):
        total[lane] = 0
    while n > 0:
        if n < width:
            for lane in range(LANES):
                rest[lane] = 0
            memcpy(rest, data, n * sizeof(element))
            data = <const element*>rest
        if element is float or element is double:
            for lane in range(width):
                total[lane] += data[lane] - data[lane]
        x = <const word*>data
        STEP(h0, x[0])
        STEP(h1, x[1])
        STEP(h2, x[2])
        STEP(h3, x[3])
        STEP(h4, x[4])
        STEP(h5, x[5])
        STEP(h6, x[6])
        STEP(h7, x[7])
        data += width
        n -= width
    h[0], h[1], h[2], h[3] = h0, h1, h2, h3
    h[4], h[5], h[6], h[7] = h4, h5, h6, h7
    for lane in range(1, MOST):
        total[0] += total[lane]
    return total[0]


def fingerprint(const unsigned char[::1] data):
    """The words of h, as 64 bytes, of these."""
    cdef word h[LANES]
    with nogil:
        mark(&data[0] if data.shape[0] else NULL, data.shape[0], h)
    return (<char*>h)[:sizeof(h)]


def finite_fingerprint(const floating[:, ::1] X):
    """Whether X holds neither NaN nor infinity, and the words of h as 64 bytes."""
    cdef word h[LANES]
    cdef floating total = 0
    cdef Py_ssize_t n = X.shape[0] * X.shape[1]
    with nogil:
        total = mark(&X[0, 0] if n else NULL, n, h)
    return total == 0, (<char*>h)[:sizeof(h)]
