"""The visiting order: every row once, neighbours apart, drawn from the generator alone."""

import numpy as np
import pytest

from sgdlearn._solvers.order import BLOCKS, ROWS, SHORT, draw_order

SIZES = [1, 2, 31, SHORT, SHORT + 1, SHORT + ROWS * BLOCKS - 1, 10_007, 3 * SHORT]


def drawn(n, seed=0):
    order = np.full(n, -1)
    draw_order(np.random.default_rng(seed), order)
    return order


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("seed", range(3))
def test_every_row_comes_once(n, seed):
    np.testing.assert_array_equal(np.sort(drawn(n, seed)), np.arange(n))


def test_the_generator_decides():
    np.testing.assert_array_equal(drawn(10_000, 3), drawn(10_000, 3))
    assert not np.array_equal(drawn(10_000, 3), drawn(10_000, 4))


def test_rows_sorted_by_class_are_mixed():
    """Each run of as many visits as there are blocks at a time holds both halves of the rows."""
    late = drawn(64_000) >= 32_000
    share = late[: len(late) // BLOCKS * BLOCKS].reshape(-1, BLOCKS).mean(axis=1)
    assert 0.4 < share.mean() < 0.6
    assert np.mean((share > 0.0) & (share < 1.0)) > 0.99
