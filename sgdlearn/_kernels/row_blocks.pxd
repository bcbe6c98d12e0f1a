# cython: language_level=3
"""Sparse rows, some at a time: their products with coefficients, and their sum under slopes."""

from cython cimport floating

from sgdlearn._kernels.vector cimport gather_dot_wide, index_t, scatter_axpy_wide

cdef extern from "row_blocks.h" nogil:
    enum:
        BLOCK_ROWS      # at a time, at the most
        SHORT_ROW
    void block_dots_float_int(
        Py_ssize_t m, const int* indptr, const int* index, const float* x, const double* w,
        double b, double* z) noexcept
    void block_dots_float_long(
        Py_ssize_t m, const long long* indptr, const long long* index, const float* x,
        const double* w, double b, double* z) noexcept
    void block_dots_double_int(
        Py_ssize_t m, const int* indptr, const int* index, const double* x, const double* w,
        double b, double* z) noexcept
    void block_dots_double_long(
        Py_ssize_t m, const long long* indptr, const long long* index, const double* x,
        const double* w, double b, double* z) noexcept
    void block_axpys_float_int(
        Py_ssize_t m, const int* indptr, const int* index, const float* x, const double* s,
        double* g) noexcept
    void block_axpys_float_long(
        Py_ssize_t m, const long long* indptr, const long long* index, const float* x,
        const double* s, double* g) noexcept
    void block_axpys_double_int(
        Py_ssize_t m, const int* indptr, const int* index, const double* x, const double* s,
        double* g) noexcept
    void block_axpys_double_long(
        Py_ssize_t m, const long long* indptr, const long long* index, const double* x,
        const double* s, double* g) noexcept


cdef inline Py_ssize_t short_rows(Py_ssize_t m, const index_t* indptr) noexcept nogil:
    """How many of m rows, from the first on, are short."""
    cdef Py_ssize_t i = 0
    while i < m and indptr[i + 1] - indptr[i] <= SHORT_ROW:
        i += 1
    return i


cdef inline void rows_dot(
    Py_ssize_t m, const index_t* indptr, const index_t* index, const floating* x, const double* w,
    double b, double* z,
) noexcept nogil:
    """z_i <- b + sum_e x_e w[index_e] over the entries e of each of m rows."""
    cdef Py_ssize_t i = 0, run
    while i < m:
        run = short_rows(m - i, indptr + i)
        if run == 0:
            z[i] = b + gather_dot_wide(
                indptr[i + 1] - indptr[i], index + indptr[i], x + indptr[i], w)
            run = 1
        elif floating is float and index_t is int:
            block_dots_float_int(run, indptr + i, index, x, w, b, z + i)
        elif floating is float:
            block_dots_float_long(run, indptr + i, index, x, w, b, z + i)
        elif index_t is int:
            block_dots_double_int(run, indptr + i, index, x, w, b, z + i)
        else:
            block_dots_double_long(run, indptr + i, index, x, w, b, z + i)
        i += run


cdef inline void rows_axpy(
    Py_ssize_t m, const index_t* indptr, const index_t* index, const floating* x, const double* s,
    double* g,
) noexcept nogil:
    """g[index_e] <- g[index_e] + s_i x_e for the entries e of each of m rows."""
    cdef Py_ssize_t i = 0, run
    while i < m:
        run = short_rows(m - i, indptr + i)
        if run == 0:
            scatter_axpy_wide(
                indptr[i + 1] - indptr[i], s[i], index + indptr[i], x + indptr[i], g)
            run = 1
        elif floating is float and index_t is int:
            block_axpys_float_int(run, indptr + i, index, x, s + i, g)
        elif floating is float:
            block_axpys_float_long(run, indptr + i, index, x, s + i, g)
        elif index_t is int:
            block_axpys_double_int(run, indptr + i, index, x, s + i, g)
        else:
            block_axpys_double_long(run, indptr + i, index, x, s + i, g)
        i += run
