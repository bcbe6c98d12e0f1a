# cython: language_level=3
"""The vector primitives of vector.h, one name for every element type."""

from cython cimport floating

# The index types of CSR rows: int32 and int64.
ctypedef fused index_t:
    int
    long long

cdef extern from "vector.h" nogil:
    double dot_float_float(Py_ssize_t n, const float* x, const float* w) noexcept
    double dot_double_double(Py_ssize_t n, const double* x, const double* w) noexcept
    double dot_float_double(Py_ssize_t n, const float* x, const double* w) noexcept
    double dot_float_float_ahead(
        Py_ssize_t n, const float* x, const float* w, const float* later,
        Py_ssize_t n_later) noexcept
    double dot_double_double_ahead(
        Py_ssize_t n, const double* x, const double* w, const double* later,
        Py_ssize_t n_later) noexcept
    double square_distance_float(Py_ssize_t n, const float* x, const float* y) noexcept
    double square_distance_double(Py_ssize_t n, const double* x, const double* y) noexcept
    void axpy_float_float(Py_ssize_t n, double a, const float* x, float* y) noexcept
    void axpy_double_double(Py_ssize_t n, double a, const double* x, double* y) noexcept
    void axpy_float_double(Py_ssize_t n, double a, const float* x, double* y) noexcept
    void standardize_float(
        Py_ssize_t n, const float* x, const float* shift, const float* scale, float* out
    ) noexcept
    void standardize_double(
        Py_ssize_t n, const double* x, const double* shift, const double* scale, double* out
    ) noexcept
    void PREFETCH(const void* address) noexcept
    void PREFETCH_SOON(const void* start, Py_ssize_t size) noexcept
    void PREFETCH_LATER(const void* start, Py_ssize_t size) noexcept
    double gather_dot_float_int(
        Py_ssize_t n, const int* index, const float* x, const float* w) noexcept
    double gather_dot_float_long(
        Py_ssize_t n, const long long* index, const float* x, const float* w) noexcept
    double gather_dot_double_int(
        Py_ssize_t n, const int* index, const double* x, const double* w) noexcept
    double gather_dot_double_long(
        Py_ssize_t n, const long long* index, const double* x, const double* w) noexcept
    void scatter_axpy_float_int(
        Py_ssize_t n, double a, const int* index, const float* x, float* w) noexcept
    void scatter_axpy_float_long(
        Py_ssize_t n, double a, const long long* index, const float* x, float* w) noexcept
    void scatter_axpy_double_int(
        Py_ssize_t n, double a, const int* index, const double* x, double* w) noexcept
    void scatter_axpy_double_long(
        Py_ssize_t n, double a, const long long* index, const double* x, double* w) noexcept


cdef inline double dot(Py_ssize_t n, const floating* x, const floating* w) noexcept nogil:
    """sum_j x_j w_j, both in the type of X."""
    if floating is float:
        return dot_float_float(n, x, w)
    else:
        return dot_double_double(n, x, w)


cdef inline double dot_ahead(
    Py_ssize_t n, const floating* x, const floating* w, const floating* later, Py_ssize_t n_later,
) noexcept nogil:
    """The same, asking on its way for n_later numbers of a later row to be near."""
    if floating is float:
        return dot_float_float_ahead(n, x, w, later, n_later)
    else:
        return dot_double_double_ahead(n, x, w, later, n_later)


cdef inline double dot_wide(Py_ssize_t n, const floating* x, const double* w) noexcept nogil:
    """sum_j x_j w_j with w and the sum in double."""
    if floating is float:
        return dot_float_double(n, x, w)
    else:
        return dot_double_double(n, x, w)


cdef inline double square_distance(
    Py_ssize_t n, const floating* x, const floating* y
) noexcept nogil:
    """sum_j (x_j - y_j)^2, in double."""
    if floating is float:
        return square_distance_float(n, x, y)
    else:
        return square_distance_double(n, x, y)


cdef inline void axpy(
    Py_ssize_t n, double a, const floating* x, floating* y
) noexcept nogil:
    """y <- y + a x, both in the type of X."""
    if floating is float:
        axpy_float_float(n, a, x, y)
    else:
        axpy_double_double(n, a, x, y)


cdef inline void axpy_wide(
    Py_ssize_t n, double a, const floating* x, double* y
) noexcept nogil:
    """y <- y + a x with y in double."""
    if floating is float:
        axpy_float_double(n, a, x, y)
    else:
        axpy_double_double(n, a, x, y)


cdef inline void standardize(
    Py_ssize_t n, const floating* x, const floating* shift, const floating* scale,
    floating* out,
) noexcept nogil:
    """out <- (x - shift) scale."""
    if floating is float:
        standardize_float(n, x, shift, scale, out)
    else:
        standardize_double(n, x, shift, scale, out)


cdef inline double gather_dot(
    Py_ssize_t n, const index_t* index, const floating* x, const floating* w
) noexcept nogil:
    """sum_i x_i w[index_i]."""
    if floating is float and index_t is int:
        return gather_dot_float_int(n, index, x, w)
    elif floating is float:
        return gather_dot_float_long(n, index, x, w)
    elif index_t is int:
        return gather_dot_double_int(n, index, x, w)
    else:
        return gather_dot_double_long(n, index, x, w)


cdef inline void scatter_axpy(
    Py_ssize_t n, double a, const index_t* index, const floating* x, floating* w
) noexcept nogil:
    """w[index_i] <- w[index_i] + a x_i."""
    if floating is float and index_t is int:
        scatter_axpy_float_int(n, a, index, x, w)
    elif floating is float:
        scatter_axpy_float_long(n, a, index, x, w)
    elif index_t is int:
        scatter_axpy_double_int(n, a, index, x, w)
    else:
        scatter_axpy_double_long(n, a, index, x, w)


cdef inline double gather_dot_wide(
    Py_ssize_t n, const index_t* index, const floating* x, const double* w
) noexcept nogil:
    """sum_i x_i w[index_i] with w and the sum in double: four sums, so that none waits long."""
    cdef double s0 = 0.0, s1 = 0.0, s2 = 0.0, s3 = 0.0
    cdef Py_ssize_t i = 0
    while i + 4 <= n:
        s0 += x[i] * w[index[i]]
        s1 += x[i + 1] * w[index[i + 1]]
        s2 += x[i + 2] * w[index[i + 2]]
        s3 += x[i + 3] * w[index[i + 3]]
        i += 4
    while i < n:
        s0 += x[i] * w[index[i]]
        i += 1
    return (s0 + s1) + (s2 + s3)


cdef inline void scatter_axpy_wide(
    Py_ssize_t n, double a, const index_t* index, const floating* x, double* w
) noexcept nogil:
    """w[index_i] <- w[index_i] + a x_i with w in double."""
    cdef Py_ssize_t i
    for i in range(n):
        w[index[i]] += a * x[i]
