"""Ratings in a grid of blocks, of which those on a diagonal share neither users nor items.

Users and items are cut into B ranges of rows each, so that every range has about as many ratings;
block (a, b) holds the ratings of users in range a of items in range b. An epoch goes over B rounds:
round r visits the blocks (a, (shift_a + r) mod B) in any order, or side by side (Gemulla, Nijkamp,
Haas & Sismanis 2011; Zhuang, Chin, Juan & Lin 2013). So neither the result nor the ratings' numbers
t depend on how many threads there are.

What an epoch waits for are rows that are not near. In a block the ratings come in tiles of a few
users: rows of users are read once, one after another, and those of the range's items stay near.
Within a tile they are shuffled, once, so that a rating seldom needs the rows of the one before it.

Where items are drawn beside those of the ratings, they are drawn from the range of the block. So
there are fewer ranges, of items in random order, cut anew for each epoch, and one tile: items of
all kinds meet.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..._kernels.factor_blocks import count_blocks, count_rows, fill_blocks, sort_pairs
from .rows import FLOATING

# Ranges of users and of items; fewer where blocks would hold fewer ratings than so many.
RANGES = 8
LEAST_RATINGS = 64
# Users of a tile.
TILE = 8
# The same where items are drawn; and the fewest items that make a range to draw from.
DRAWING_RANGES = 4
LEAST_DRAWING_RATINGS = 25_000
LEAST_ITEMS = 100


@dataclass
class Grid:
    """The compact copy of the ratings.

    Attributes
    ----------
    users, items : ndarray of shape (n,), int32
    targets : ndarray of shape (n,)
    weights : ndarray of shape (n,) or None
        Block after block.
    starts : ndarray of shape (B * B + 1,)
        Where block B a + b begins.
    item_ranges : ndarray of shape (B + 1,)
        Where the ranges of items begin in `item_order`.
    item_order : ndarray of shape (n_items,), int32
        The items, range after range.
    draws : bool
        Whether items are drawn.
    n_users : int
    """

    users: np.ndarray
    items: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None
    starts: np.ndarray
    item_ranges: np.ndarray
    item_order: np.ndarray
    draws: bool
    n_users: int

    @classmethod
    def of(cls, users, items, targets, weights, n_users, n_items, rng, draws=False):
        """From the ratings in the order in which they came."""
        n = len(users)
        n_ranges = number_of_ranges(n, n_users, n_items, draws)
        every = np.arange(max(n_users, n_items), dtype=np.int32)
        item_order = rng.permutation(every[:n_items]) if draws else every[:n_items]
        _, user_range = ranges_of(users, every[:n_users], n_ranges)
        item_ranges, item_range = ranges_of(items, item_order, n_ranges)
        starts = np.empty(n_ranges * n_ranges + 1, dtype=np.intp)
        count_blocks(users, items, user_range, item_range, n_ranges, starts)
        blocks = [np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, targets.dtype)]
        blocks.append(None if weights is None else np.empty(n, targets.dtype))
        fill_blocks[FLOATING[targets.dtype]](
            users, items, targets, weights, user_range, item_range, n_ranges,
            starts[:-1].copy(), *blocks,
        )  # fmt: skip
        for start, stop in pairwise(starts):
            order = rng.permutation(np.arange(stop - start, dtype=np.int32))
            if not draws and len(order):
                order = in_tiles(order, blocks[0][start:stop])
            for array in blocks:
                if array is not None:
                    array[start:stop] = array[start:stop][order]
        return cls(*blocks, starts, item_ranges, item_order, draws, n_users)

    def redrawn(self, rng):
        """The same ratings with ranges of items that are cut anew; as it is, if there is one."""
        if self.n_ranges == 1:
            return self
        ratings = self.users, self.items, self.targets, self.weights
        return Grid.of(*ratings, self.n_users, len(self.item_order), rng, self.draws)

    @property
    def n(self):
        return len(self.users)

    @property
    def n_ranges(self):
        return len(self.item_ranges) - 1

    def draw_rounds(self, rng):
        """The blocks of an epoch, (B, B): round by round, B blocks that share no rows."""
        n = self.n_ranges
        shifts, rounds = rng.permutation(n), rng.permutation(n)
        return n * np.arange(n) + (shifts + rounds[:, None]) % n

    def items_of(self, block):
        """The items in the range of this block."""
        column = block % self.n_ranges
        return self.item_order[slice(*self.item_ranges[column : column + 2])]


def number_of_ranges(n, n_users, n_items, draws):
    """B."""
    if draws:
        enough = (n / LEAST_DRAWING_RATINGS) ** 0.5
        return int(max(1, min(DRAWING_RANGES, enough, n_users, n_items // LEAST_ITEMS)))
    return int(min(RANGES, max(1, (n / LEAST_RATINGS) ** 0.5), n_users, n_items))


def ranges_of(rows, order, n_ranges):
    """(where each range begins in this order of the rows, the range of each row).

    There are about as many ratings in each.
    """
    n_rows = len(order)
    ratings = np.empty(n_rows, dtype=np.int64)
    count_rows(rows, ratings)
    ratings = np.cumsum(ratings[order])
    borders = np.searchsorted(ratings, ratings[-1] * np.arange(1, n_ranges) / n_ranges) + 1
    borders = np.concatenate([[0], np.minimum(borders, n_rows), [n_rows]])
    of_row = np.empty(n_rows, dtype=np.int32)
    of_row[order] = np.repeat(np.arange(n_ranges, dtype=np.int32), np.diff(borders))
    return borders, of_row


def in_tiles(order, users):
    """Ratings of these users in that order, but those of one tile after those of another."""
    tiles = users[order] // TILE
    tiles -= tiles.min()
    sizes = np.empty(tiles.max() + 1, dtype=np.int64)
    count_rows(tiles, sizes)
    tiled = np.empty_like(order)
    sort_pairs(tiles, order, np.cumsum(sizes) - sizes, None, tiled)
    return tiled
