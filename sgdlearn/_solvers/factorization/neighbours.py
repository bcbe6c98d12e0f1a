"""The highest scores: items for users, and rows like other rows."""

import numpy as np

# Scores that are held at a time.
SCORES = 1 << 22


def best(scores, n):
    """(columns, scores) of the n highest of each row, falling; equal ones in the order of columns.

    Which of several equal scores are the last to be taken is left open.
    """
    m = scores.shape[1]
    if 0 < n < m:
        columns = np.sort(np.argpartition(scores, m - n, axis=1)[:, m - n :], axis=1)
    else:
        columns = np.tile(np.arange(min(n, m)), (len(scores), 1))
    picked = np.take_along_axis(scores, columns, axis=1)
    order = np.argsort(-picked, axis=1, kind="stable")
    return np.take_along_axis(columns, order, 1), np.take_along_axis(picked, order, 1)


def recommendations(factors, bias, mean, Q, item_bias, excluded, n):
    """The n items of highest score for each user, in parts that fit into memory.

    Parameters
    ----------
    factors : ndarray of shape (n_users, k)
        Zeros for unknown users.
    bias : ndarray of shape (n_users,)
    mean : float
    Q : ndarray of shape (n_items, k)
    item_bias : ndarray of shape (n_items,)
    excluded : callable
        ``excluded(start, stop)`` gives (rows, columns) of the pairs that are left out.
    n : int

    Returns
    -------
    columns : ndarray of shape (n_users, n), int
    scores : ndarray of shape (n_users, n)
        -inf where there is no further item.
    """
    n = min(n, len(Q))
    columns = np.empty((len(factors), n), dtype=np.intp)
    scores = np.empty((len(factors), n))
    step = max(1, SCORES // max(1, len(Q)))
    for start in range(0, len(factors), step):
        stop = min(start + step, len(factors))
        part = factors[start:stop] @ Q.T
        part += item_bias
        rows, gone = excluded(start, stop)
        part[rows, gone] = -np.inf
        columns[start:stop], top = best(part, n)
        scores[start:stop] = top + (mean + bias[start:stop, None].astype(np.float64))
    return columns, scores


def neighbours(factors, rows, n):
    """(rows, cosines) of the n rows most like each of these, themselves left out."""
    n = min(n, max(0, len(factors) - 1))
    lengths = np.sqrt(np.einsum("ij,ij->i", factors, factors))
    unit = factors / np.maximum(lengths, np.finfo(factors.dtype).tiny)[:, None]

    def itself(start, stop):
        return np.arange(stop - start), rows[start:stop]

    nothing = np.zeros(len(unit), dtype=unit.dtype)
    return recommendations(unit[rows], nothing[: len(rows)], 0.0, unit, nothing, itself, n)
