"""Sums of x x' over rows, by BLAS, in place and without the GIL.

SciPy's wrappers of BLAS hold the GIL, so that threads would wait for one another. The functions
below them do not; `scipy.linalg.cython_blas` publishes where they are, for compiled code.
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

NARROW = 64  # columns for which BLAS forms a whole product sooner than half of it


def _published(name, n_arguments):
    """The BLAS function of this name; all its arguments are addresses."""
    capsule = py_object(cython_blas.__pyx_capi__[name])
    signature = PYFUNCTYPE(c_char_p, py_object)(("PyCapsule_GetName", pythonapi))
    address = PYFUNCTYPE(c_void_p, py_object, c_char_p)(("PyCapsule_GetPointer", pythonapi))
    return CFUNCTYPE(None, *[c_void_p] * n_arguments)(address(capsule, signature(capsule)))


_dsyrk, _dgemm = _published("dsyrk", 10), _published("dgemm", 13)
_N, _T, _UPPER = c_char(b"N"), c_char(b"T"), c_char(b"U")
_ONE = c_double(1.0)


def add_gram(H, A):
    """H += A' A, in the lower triangle at least.

    Parameters
    ----------
    H : ndarray of shape (q, q), C-contiguous float64
    A : ndarray of shape (m, q), C-contiguous float64
    """
    (m, q), a, h = A.shape, A.ctypes.data, H.ctypes.data
    if not (A.flags.c_contiguous and H.flags.c_contiguous and H.shape == (q, q)):
        raise ValueError("BLAS reads and writes C-contiguous arrays here")
    m, q = byref(c_int(m)), byref(c_int(q))
    n, t, upper, one = byref(_N), byref(_T), byref(_UPPER), byref(_ONE)
    # BLAS counts along columns: it takes A for A', and the lower triangle of H for the upper one.
    if A.shape[1] <= NARROW:
        _dgemm(n, t, q, q, m, one, a, q, a, q, one, h, q)
    else:
        _dsyrk(upper, n, q, m, one, a, q, one, h, q)
