"""Which items each user has met.

Those of `fit` lie in compressed rows, sorted; later ones in a log, in which every entry knows the
one before it of the same user. When the log has grown long, or rows are asked for, the two become
one.
"""

import numpy as np

from ..._kernels.factor_blocks import chain, count_rows, sort_pairs
from .identifiers import grown

# Entries up to which the log may grow beyond half the compressed rows.
SHORT_LOG = 1 << 12
NONE = -1


class Seen:
    """Pairs of user and item rows.

    Attributes
    ----------
    starts : ndarray of shape (n_users + 1,), int64
    items : ndarray, int32
        The compressed rows.
    """

    def __init__(self):
        self.starts, self.items = np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int32)
        self._clear_log()

    @classmethod
    def of(cls, users, items, n_users, n_items):
        """From the pairs of a fit."""
        seen = cls()
        seen.starts, seen.items = compressed(users, items, n_users, n_items)
        return seen

    def _clear_log(self):
        self.n_logged = 0
        self._last = np.full(1, NONE, dtype=np.int32)
        self._before, self._items, self._users = np.empty((3, 16), dtype=np.int32)

    def log(self, users, items, n_users):
        """Add pairs that have come since; n_users is the number of users now.

        Returns the number of the first, for `forget_from`.
        """
        if self.n_logged > max(SHORT_LOG, len(self.items) // 2):
            self._merge()
        n, m = self.n_logged, len(users)
        known = len(self._last)
        if n_users > known:
            self._last = grown(self._last, n_users)
            self._last[known:] = NONE
        if n + m > len(self._users):
            self._before, self._items, self._users = (
                grown(array, n + m) for array in (self._before, self._items, self._users)
            )
        chain(users, items, n, self._last, self._before, self._users, self._items)
        self.n_logged = n + m
        return n

    def forget_from(self, n_logged):
        """Take back the log's entries from number n_logged on."""
        for entry in range(self.n_logged - 1, n_logged - 1, -1):
            self._last[self._users[entry]] = self._before[entry]
        self.n_logged = n_logged

    def arrays(self):
        """What the kernels read."""
        rows = self.starts, self.items
        return (*rows, self._last, self._before, self._items) if self.n_logged else rows

    def _merge(self):
        n = self.n_logged
        if n == 0:
            return
        per_user = np.diff(self.starts)
        users = np.concatenate([
            np.repeat(np.arange(len(per_user), dtype=np.int32), per_user), self._users[:n]
        ])  # fmt: skip
        items = np.concatenate([self.items, self._items[:n]])
        n_users = max(len(per_user), int(self._users[:n].max()) + 1)
        self.starts, self.items = compressed(users, items, n_users, int(items.max()) + 1)
        self._clear_log()

    def of_users(self, rows):
        """(which of the rows, item) of every pair of these user rows; rows may be unknown."""
        self._merge()
        n_users = len(self.starts) - 1
        known = np.flatnonzero((rows >= 0) & (rows < n_users))
        start, stop = self.starts[rows[known]], self.starts[rows[known] + 1]
        counts = stop - start
        which = np.repeat(known, counts)
        first = np.repeat(start - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
        return which, self.items[first + np.arange(len(which))]

    def __getstate__(self):
        self._merge()
        return {"starts": self.starts, "items": self.items}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._clear_log()


def compressed(users, items, n_users, n_items):
    """(starts, items): each user's items, sorted; two stable counting sorts, items first."""
    places = starts_of(items, n_items)
    by_item = np.empty(len(users), np.int32), np.empty(len(users), np.int32)
    sort_pairs(items, users, places, *by_item)
    starts = starts_of(users, n_users)
    by_user = np.empty(len(users), np.int32)
    sort_pairs(by_item[1], by_item[0], starts.copy(), None, by_user)
    return starts, by_user


def starts_of(rows, n):
    """Where each of n rows begins when they are sorted, and where the last one ends."""
    starts = np.zeros(n + 1, dtype=np.int64)
    count_rows(rows, starts[1:])
    np.cumsum(starts, out=starts)
    return starts
