"""Sums of x x' over rows, by BLAS and without the GIL.

NumPy's product of a matrix with itself is fast and lets other threads run, but cannot add to what
is there: where that is large, BLAS's own `dsyrk` adds in place. SciPy's wrapper of it holds the
GIL, so that threads would wait for one another; the function below it does not, and
`scipy.linalg.cython_blas` publishes where it is, for compiled code.
"""

from ctypes import (
    CFUNCTYPE,
    PYFUNCTYPE,
    byref,
    c_char,
    c_char_p,
    c_double,
    c_int,
    c_void_p,
    py_object,
    pythonapi,
)

from scipy.linalg import cython_blas

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


_dsyrk = _published("dsyrk", 10)
_UPPER, _NO, _ONE = c_char(b"U"), c_char(b"N"), c_double(1.0)


def plus_gram(H, A):
    """H + A' A in the lower triangle at least, in place if there is an H.

    Parameters
    ----------
    H : ndarray of shape (q, q), C-contiguous float64, or None
        None is zero.
    A : ndarray of shape (m, q), C-contiguous float64
    """
    m, q = A.shape
    if H is None:
        return A.T @ A
    if q <= NARROW or _dsyrk is None:
        H += A.T @ A
        return H
    if not (A.flags.c_contiguous and H.flags.c_contiguous and H.shape == (q, q)):
        raise ValueError("BLAS reads and writes C-contiguous arrays here")
    m, q, one, a, h = byref(c_int(m)), byref(c_int(q)), byref(_ONE), A.ctypes.data, H.ctypes.data
    # BLAS counts along columns: it takes A for A', and the lower triangle of H for the upper one.
    _dsyrk(byref(_UPPER), byref(_NO), q, m, one, a, q, one, h, q)
    return H
