"""A table of integer identifiers and the rows they stand for: open addressing, linear probing.

    place of key k:  the first of  h, h + 1, ... (mod size)  that holds k or nothing,
    h = the top bits of k 2^64 / golden ratio
"""

cdef enum:
    EMPTY = -1


cdef inline Py_ssize_t place_of(
    long long key, const long long* keys, const int* rows, Py_ssize_t mask, int shift
) noexcept nogil:
    cdef Py_ssize_t place = <Py_ssize_t> (
        (<unsigned long long> key * <unsigned long long> 0x9E3779B97F4A7C15) >> shift)
    while rows[place] != EMPTY and keys[place] != key:
        place = (place + 1) & mask
    return place


cdef inline int shift_of(Py_ssize_t size) noexcept nogil:
    """64 less the binary digits of size, a power of 2."""
    cdef int shift = 64
    while size > 1:
        size >>= 1
        shift -= 1
    return shift


def find_rows(
    const long long[:] wanted, const long long[::1] keys, const int[::1] rows, int[::1] out
):
    """out_i <- the row of wanted_i, -1 where it is not known; return how many are not."""
    cdef Py_ssize_t i, mask = keys.shape[0] - 1, unknown = 0
    cdef int shift = shift_of(keys.shape[0])
    with nogil:
        for i in range(wanted.shape[0]):
            out[i] = rows[place_of(wanted[i], &keys[0], &rows[0], mask, shift)]
            unknown += out[i] < 0
    return unknown


def add_keys(
    const long long[:] wanted, Py_ssize_t start, int next_row, long long[::1] keys,
    int[::1] rows, int[::1] out, long long[::1] added,
):
    """As `find_rows` from wanted_start on; unknown keys take the rows next_row, next_row + 1, ...

    ``added`` gets them. Returns (where it had to stop, how many were added): it stops where the
    table is half full, or ``added`` is.
    """
    cdef Py_ssize_t i, place, mask = keys.shape[0] - 1, n = 0
    cdef Py_ssize_t room = min(added.shape[0], keys.shape[0] // 2 - next_row)
    cdef int shift = shift_of(keys.shape[0])
    cdef Py_ssize_t stop = wanted.shape[0]
    with nogil:
        for i in range(start, wanted.shape[0]):
            place = place_of(wanted[i], &keys[0], &rows[0], mask, shift)
            if rows[place] == EMPTY:
                if n >= room:
                    stop = i
                    break
                keys[place] = wanted[i]
                rows[place] = <int> (next_row + n)
                added[n] = wanted[i]
                n += 1
            out[i] = rows[place]
    return stop, n


def remove_keys(const long long[::1] gone, long long[::1] keys, int[::1] rows):
    """Take keys out that were the last to be added, the last of them first."""
    cdef Py_ssize_t i, mask = keys.shape[0] - 1
    cdef int shift = shift_of(keys.shape[0])
    with nogil:
        for i in range(gone.shape[0] - 1, -1, -1):
            rows[place_of(gone[i], &keys[0], &rows[0], mask, shift)] = EMPTY


def fill_table(const long long[::1] ids, const int[::1] known, long long[::1] keys, int[::1] rows):
    """Put the ids of the known rows into an empty table."""
    cdef Py_ssize_t i, place, mask = keys.shape[0] - 1
    cdef int shift = shift_of(keys.shape[0])
    with nogil:
        for i in range(known.shape[0]):
            place = place_of(ids[known[i]], &keys[0], &rows[0], mask, shift)
            keys[place] = ids[known[i]]
            rows[place] = known[i]
