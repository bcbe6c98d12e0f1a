"""Sums of x x' over rows, by BLAS and without the GIL.

NumPy's product of a matrix with itself is fast and lets other threads run, but cannot add to what
is there: where that is large, BLAS's own `dsyrk` or `ssyrk` adds in place. SciPy's wrappers of them
hold the GIL, so that threads would wait for one another; the functions below them do not, and
`scipy.linalg.cython_blas` publishes where it is, for compiled code.
"""

from ctypes import (
    CFUNCTYPE,
    PYFUNCTYPE,
    byref,
    c_char,
    c_char_p,
    c_double,
    c_float,
    c_int,
    c_void_p,
    py_object,
    pythonapi,
)

import numpy as np
from scipy.linalg import cython_blas

# The share of its diagonal below which rounding spoils a pivot of sums in single precision.
SPOILT = 1e-4
NARROW = 256  # columns up to which a product of its own costs less than it saves


def _published(name, n_arguments):
    """The BLAS function of this name, which takes addresses; None if its integers are long."""
    capsule = py_object(cython_blas.__pyx_capi__[name])
    signature = PYFUNCTYPE(c_char_p, py_object)(("PyCapsule_GetName", pythonapi))
    address = PYFUNCTYPE(c_void_p, py_object, c_char_p)(("PyCapsule_GetPointer", pythonapi))
    types = signature(capsule)
    if b"int *" not in types:
        return None
    return CFUNCTYPE(None, *[c_void_p] * n_arguments)(address(capsule, types))


_UPPER, _NO = c_char(b"U"), c_char(b"N")
# by type: the function, and 1
_SYRK = {
    np.dtype(np.float64): (_published("dsyrk", 10), c_double(1.0)),
    np.dtype(np.float32): (_published("ssyrk", 10), c_float(1.0)),
}


def plus_gram(H, A):
    """H + A' A in the lower triangle at least, in place if there is an H.

    Parameters
    ----------
    H : ndarray of shape (q, q), C-contiguous, or None
        None is zero.
    A : ndarray of shape (m, q), C-contiguous, of float32 or float64 as H
    """
    m, q = A.shape
    if H is None:
        return A.T @ A
    syrk, one = _SYRK[A.dtype]
    if q <= NARROW or syrk is None:
        H += A.T @ A
        return H
    if not (A.flags.c_contiguous and H.flags.c_contiguous and H.shape == (q, q)):
        raise ValueError("BLAS reads and writes C-contiguous arrays here")
    if H.dtype != A.dtype:
        raise ValueError("BLAS reads and writes one type here")
    m, q, one, a, h = byref(c_int(m)), byref(c_int(q)), byref(one), A.ctypes.data, H.ctypes.data
    # BLAS counts along columns: it takes A for A', and the lower triangle of H for the upper one.
    syrk(byref(_UPPER), byref(_NO), q, m, one, a, q, one, h, q)
    return H
