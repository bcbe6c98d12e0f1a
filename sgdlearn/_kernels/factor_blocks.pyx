"""Ratings sorted: into the blocks of a grid, and by users with their items in order."""

from cython cimport floating


def count_rows(const int[::1] rows, long long[::1] counts):
    """counts_r <- how many of the rows are r."""
    cdef Py_ssize_t i
    with nogil:
        for i in range(counts.shape[0]):
            counts[i] = 0
        for i in range(rows.shape[0]):
            counts[rows[i]] += 1


def count_blocks(
    const int[::1] users, const int[::1] items, const int[::1] user_block,
    const int[::1] item_block, Py_ssize_t n_blocks, Py_ssize_t[::1] starts,
):
    """starts_(c + 1) <- starts_c + ratings of block c = n_blocks user_block + item_block."""
    cdef Py_ssize_t i, c
    with nogil:
        for c in range(starts.shape[0]):
            starts[c] = 0
        for i in range(users.shape[0]):
            starts[n_blocks * user_block[users[i]] + item_block[items[i]] + 1] += 1
        for c in range(1, starts.shape[0]):
            starts[c] += starts[c - 1]


def fill_blocks(
    const int[::1] users, const int[::1] items, const floating[::1] targets,
    const floating[::1] weights, const int[::1] user_block, const int[::1] item_block,
    Py_ssize_t n_blocks, Py_ssize_t[::1] places, int[::1] users_out, int[::1] items_out,
    floating[::1] targets_out, floating[::1] weights_out,
):
    """Write each rating to the next of its block's places."""
    cdef Py_ssize_t i, c, place
    cdef bint weighted = weights is not None
    with nogil:
        for i in range(users.shape[0]):
            c = n_blocks * user_block[users[i]] + item_block[items[i]]
            place = places[c]
            places[c] = place + 1
            users_out[place] = users[i]
            items_out[place] = items[i]
            targets_out[place] = targets[i]
            if weighted:
                weights_out[place] = weights[i]


def sort_pairs(
    const int[::1] keys, const int[::1] values, long long[::1] places, int[::1] keys_out,
    int[::1] values_out,
):
    """(keys_out, values_out) <- the pairs by their keys, else in their order.

    places_k is where key k begins, and in the end where key k + 1 does.
    """
    cdef Py_ssize_t i
    cdef long long place
    with nogil:
        for i in range(keys.shape[0]):
            place = places[keys[i]]
            places[keys[i]] = place + 1
            if keys_out is not None:
                keys_out[place] = keys[i]
            values_out[place] = values[i]


def chain(
    const int[::1] users, const int[::1] items, Py_ssize_t first, int[::1] last,
    int[::1] before, int[::1] users_out, int[::1] items_out,
):
    """Entry first + i of a log is (users_i, items_i); before it comes the user's last so far."""
    cdef Py_ssize_t i
    with nogil:
        for i in range(users.shape[0]):
            users_out[first + i] = users[i]
            items_out[first + i] = items[i]
            before[first + i] = last[users[i]]
            last[users[i]] = <int> (first + i)
