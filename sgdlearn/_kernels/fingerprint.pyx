"""Whether numbers are the same as before, and finite, from one pass.

    h_l <- rot((h_l xor x_l) P),      l = 0 .. 7,      for every 8 words x of 64 bits

Each step is one-to-one, so that a single changed word always changes a word of h; several changes
undo each other by one chance in 2^64. (Against data made to deceive it is no safeguard.)
"""

from cython cimport floating
from libc.string cimport memcpy

from sgdlearn._kernels.finite cimport finite_sum

ctypedef unsigned long long word

cdef enum:
    LANES = 8
    BLOCK = 4096    # bytes, in the nearest cache for both looks at them

cdef extern from *:
    """
    #define ODD 0x9E3779B185EBCA87ULL
    #define STEP(h, x) ((h) = ((h) ^ (x)) * ODD, (h) = ((h) << 31) | ((h) >> 33))
    """
    void STEP(word h, word x) noexcept nogil


cdef void mark(const void* data, Py_ssize_t n, word* h) noexcept nogil:
    """Take n bytes into h; at the end of the data what is missing to 8 words is zeros."""
    cdef const word* x = <const word*>data
    cdef word h0 = h[0], h1 = h[1], h2 = h[2], h3 = h[3]
    cdef word h4 = h[4], h5 = h[5], h6 = h[6], h7 = h[7]
    cdef word rest[LANES]
    while n > 0:
        if n < <Py_ssize_t>sizeof(rest):
            for lane in range(LANES):
                rest[lane] = 0
            memcpy(rest, x, n)
            x = rest
        STEP(h0, x[0])
        STEP(h1, x[1])
        STEP(h2, x[2])
        STEP(h3, x[3])
        STEP(h4, x[4])
        STEP(h5, x[5])
        STEP(h6, x[6])
        STEP(h7, x[7])
        x += LANES
        n -= sizeof(rest)
    h[0], h[1], h[2], h[3] = h0, h1, h2, h3
    h[4], h[5], h[6], h[7] = h4, h5, h6, h7


def fingerprint(const unsigned char[::1] data):
    """The words of h, as 64 bytes, of these."""
    cdef word h[LANES]
    cdef Py_ssize_t lane
    for lane in range(LANES):
        h[lane] = lane
    if data.shape[0] > 0:
        with nogil:
            mark(&data[0], data.shape[0], h)
    return (<char*>h)[:sizeof(h)]


def finite_fingerprint(const floating[:, ::1] X):
    """Whether X holds neither NaN nor infinity, and the words of h as 64 bytes."""
    cdef Py_ssize_t n = X.shape[0] * X.shape[1], step = BLOCK // sizeof(floating), lane
    cdef floating total = 0
    cdef word h[LANES]
    cdef const floating* x
    for lane in range(LANES):
        h[lane] = lane
    if n > 0:
        x = &X[0, 0]
        with nogil:
            while n > 0:
                step = min(step, n)
                total += finite_sum(x, step)
                mark(x, step * sizeof(floating), h)
                x += step
                n -= step
    return total == 0, (<char*>h)[:sizeof(h)]
