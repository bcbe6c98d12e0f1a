"""Is a compressed sparse matrix (CSR, CSC, BSR) what it says it is?

A line is a row of CSR or a column of CSC; there are m of them.

    sound        0 = indptr[0] <= indptr[1] <= ... <= indptr[m] <= len(indices)
                 0 <= indices[k] < n_minor      for all k < indptr[m]
    canonical    and indices[k - 1] < indices[k] within each line

Nothing is read through indptr before all of indptr is known to be sound.
"""

ctypedef fused index_t:
    int
    long long

cpdef enum Structure:
    CANONICAL
    UNSORTED            # sound, but some line is not strictly increasing
    BAD_START           # indptr[0] is not 0
    BAD_ORDER           # indptr decreases over a line
    BAD_END             # indptr ends beyond the entries that there are
    BAD_INDEX           # an index of a line is outside [0, n_minor)


cdef Structure structure(
    const index_t[::1] indptr, const index_t[::1] indices, Py_ssize_t n_minor,
    Py_ssize_t* line, Py_ssize_t* value,
) noexcept nogil:
    """The structure; line and value say where the first fault is and what stands there."""
    cdef Py_ssize_t n_lines = indptr.shape[0] - 1
    cdef Py_ssize_t i, k, start, stop
    cdef bint unsorted, some_unsorted = False

    line[0] = 0
    value[0] = indptr[0]
    if indptr[0] != 0:
        return BAD_START
    for i in range(n_lines):
        if indptr[i + 1] < indptr[i]:
            line[0] = i
            value[0] = indptr[i + 1]
            return BAD_ORDER
    if indptr[n_lines] > indices.shape[0]:
        line[0] = n_lines
        value[0] = indptr[n_lines]
        return BAD_END

    for i in range(n_lines):
        start = indptr[i]
        stop = indptr[i + 1]
        if start == stop:
            continue
        unsorted = False
        for k in range(start + 1, stop):
            unsorted |= indices[k] <= indices[k - 1]
        some_unsorted |= unsorted
        # the ends of an increasing line bound all that is between them
        if unsorted or indices[start] < 0 or indices[stop - 1] >= n_minor:
            for k in range(start, stop):
                if indices[k] < 0 or indices[k] >= n_minor:
                    line[0] = i
                    value[0] = indices[k]
                    return BAD_INDEX
    return UNSORTED if some_unsorted else CANONICAL


def check_compressed(
    const index_t[::1] indptr, const index_t[::1] indices, Py_ssize_t n_minor
):
    """(Structure, line, value): the verdict, and for a fault its line and the number there."""
    cdef Structure verdict
    cdef Py_ssize_t line, value
    with nogil:
        verdict = structure(indptr, indices, n_minor, &line, &value)
    return <int> verdict, line, value
