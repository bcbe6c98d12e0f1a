"""What tells on a stream that columns have come to other units."""

import numpy as np
import pytest

from sgdlearn._solvers.lengths import Lengths
from sgdlearn._solvers.moments import ColumnSums
from sgdlearn._solvers.rows import DenseRows
from sgdlearn._solvers.units import Units, common_factor


def sums_of(X, weights=None):
    return ColumnSums.begin(X.shape[1]).add(DenseRows(np.ascontiguousarray(X)), weights)


def with_zeros(rng, shape):
    X = 5.0 + rng.normal(size=shape)
    X[rng.random(shape) < 0.5] = 0.0
    return X


def look(X, sizes, drifted):
    """The units after a look at the end of each chunk, the sums, and the factors."""
    units, columns, factors, n = Units(), ColumnSums.begin(X.shape[1]), [], 0
    for size in sizes:
        columns.add(DenseRows(X[n : n + size]))
        n += size
        units, columns, factor = units.look(columns, n, drifted=drifted and n > sizes[0])
        factors.append(factor)
    return units, columns, factors


def test_sums_about_other_references(rng):
    X = with_zeros(rng, (50, 4))
    sums = sums_of(X)
    moved = sums.about(np.array([0.0, 1.0, -2.0, 7.0]))
    for name in ("mean", "variance", "nonzero_weight"):
        there, here = getattr(moved.moments(), name), getattr(sums.moments(), name)
        assert there == pytest.approx(here, rel=1e-12)


def test_joined_sums_are_those_of_all_rows(rng):
    X, weights = with_zeros(rng, (50, 4)), rng.uniform(0.5, 2.0, 50)
    X[:20, 3] = 0.0
    joined = sums_of(X[:20], weights[:20]).join(sums_of(X[20:], weights[20:]))
    whole = sums_of(X, weights)
    assert joined.weight == pytest.approx(whole.weight)
    assert joined.moments().mean == pytest.approx(whole.moments().mean, rel=1e-12)
    assert joined.moments().variance == pytest.approx(whole.moments().variance, rel=1e-12)


def test_sums_in_other_units(rng):
    X = with_zeros(rng, (50, 4))
    resized, there = sums_of(X).resized(100.0).moments(), sums_of(100.0 * X).moments()
    assert resized.mean == pytest.approx(there.mean, rel=1e-12)
    assert resized.variance == pytest.approx(there.variance, rel=1e-9)


def test_lengths_that_vary_are_no_drift(rng):
    lengths = Lengths(expected=2.0)
    for _ in range(200):
        lengths = lengths.joined(2.0 * rng.lognormal(-0.5, 1.0, 50), None)
        assert not lengths.drifted


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_lengths_that_drift(factor, rng):
    lengths = Lengths(expected=2.0).joined(2.0 * rng.lognormal(-0.02, 0.2, 1000), None).renewed(2.0)
    assert not lengths.joined(2.0 * factor * np.ones(5), None).drifted
    assert lengths.joined(2.0 * factor * np.ones(50), None).drifted


@pytest.mark.parametrize("size", [1, 4])
def test_a_weight_of_a_length_is_a_multiplicity(size):
    squares, weights = np.arange(1.0, size + 1.0), np.full(size, 2.0)
    weighted = Lengths().joined(weights * squares, weights)
    assert weighted == Lengths().joined(np.repeat(squares, 2), None)


def test_columns_that_stay_are_left_alone(rng):
    X = with_zeros(rng, (1000, 8))
    _, columns, factors = look(X, [250] * 4, drifted=True)
    plain = ColumnSums.begin(8)
    for start in range(0, 1000, 250):
        plain.add(DenseRows(X[start : start + 250]))
    assert factors == [1.0] * 4
    assert np.array_equal(columns.sums, plain.sums)


@pytest.mark.parametrize("factor", [1e-3, 0.8, 1.25, 1e3])
def test_columns_that_change_together(factor, rng):
    """One with a single entry goes with the others; none does unless the rows have changed too."""
    X = with_zeros(rng, (1000, 8))
    X[:, 7] = 0.0
    X[3, 7] = 5.0
    X[500:] *= factor
    _, columns, factors = look(X, [500, 500], drifted=True)
    assert factors == [1.0, pytest.approx(factor, rel=0.1)]
    assert columns.spreads()[7] == pytest.approx((5.0 * factor) ** 2, rel=0.2)
    assert look(X, [500, 500], drifted=False)[2] == [1.0, 1.0]


def test_columns_that_change_apart_have_no_common_factor(rng):
    X = with_zeros(rng, (1000, 8))
    X[500:] *= np.geomspace(1e-3, 1e3, 8)
    assert common_factor(sums_of(X[:500]), sums_of(X[500:]), 3.0, 1.1) == 1.0


@pytest.mark.parametrize("factor", [1e-2, 1e2])
@pytest.mark.parametrize("spread, told", [(0.1, True), (10.0, False)])
def test_a_rare_column_is_judged_by_three_entries_if_all_are_alike(spread, told, factor, rng):
    """They may come in different looks."""
    X = np.zeros((500, 2))
    X[:, 0] = rng.normal(size=500)
    X[[10, 20, 30, 210, 310, 410], 1] = 1.0 + spread * np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    X[200:, 1] *= factor
    units, columns, _ = look(X, [200, 100, 100, 100], drifted=False)
    late = np.sqrt(np.mean(X[[210, 310, 410], 1] ** 2))
    assert (np.sqrt(columns.spreads()[1]) == pytest.approx(late)) == told
    assert (units.unjudged is None) == told
