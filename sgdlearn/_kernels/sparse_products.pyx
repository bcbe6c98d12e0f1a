"""The products X' C X of sparse rows.

    H_jl += sum_i c_i x_ij x_il,      j >= l:  at the cost of the squared entries of each row.
"""

from cython cimport floating

from sgdlearn._kernels.vector cimport index_t


def csr_gram(
    const floating[::1] data, const index_t[::1] indices, const index_t[::1] indptr,
    const double[:] weights, double[:, ::1] H,
):
    """Add X' diag(weights) X to the lower triangle of H; the indices of a row are sorted."""
    cdef Py_ssize_t i, e, f
    cdef double x
    cdef double* row
    with nogil:
        for i in range(indptr.shape[0] - 1):
            for e in range(indptr[i], indptr[i + 1]):
                x = weights[i] * data[e]
                row = &H[indices[e], 0]
                for f in range(indptr[i], e + 1):
                    row[indices[f]] += x * data[f]
