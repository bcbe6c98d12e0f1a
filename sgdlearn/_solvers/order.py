"""The order in which an epoch visits the rows.

A permutation of the rows reads memory at random, which takes up to twice as long as the
arithmetic. So long data are visited in blocks of neighbouring rows, `BLOCKS` of them at a time,
drawn at random, a row of each in turn: every row comes once an epoch, consecutive visits go to rows
far apart (rows sorted by class are mixed), and each block is still read from its first row to its
last.
"""

import numpy as np

ROWS = 32  # of a block
BLOCKS = 16  # visited in turn
SHORT = 8 * ROWS * BLOCKS  # rows up to which a plain permutation is as fast


def draw_order(rng, order):
    """Fill `order`, an array of n integers, with 0 .. n - 1 in the order of one epoch."""
    n = len(order)
    if n <= SHORT:
        order[:] = rng.permutation(n)
        return
    first = rng.integers(ROWS)  # so that blocks are other ones each epoch
    starts = first + ROWS * rng.permutation((n - first) // ROWS)
    groups = len(starts) // BLOCKS
    mixed = groups * BLOCKS * ROWS
    np.add(
        starts[: groups * BLOCKS].reshape(groups, 1, BLOCKS),
        np.arange(ROWS)[:, None],
        out=order[:mixed].reshape(groups, ROWS, BLOCKS),
    )
    left = starts[groups * BLOCKS :, None] + np.arange(ROWS)
    tail = np.arange(first + ROWS * len(starts), n)
    order[mixed:] = rng.permutation(np.concatenate([np.arange(first), left.ravel(), tail]))
