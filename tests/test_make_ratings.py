"""Generated ratings have the structure that their parameters ask for."""

import numpy as np
import pytest

from sgdlearn.datasets import make_ratings


@pytest.mark.parametrize("n_ratings", [1, 500, 5000, 40 * 200], ids="n={}".format)
def test_pairs_are_different_and_in_range(n_ratings):
    X, y = make_ratings(40, 200, n_ratings, random_state=1)
    assert X.shape == (n_ratings, 2) and y.shape == (n_ratings,)
    assert X.dtype == np.int64 and y.dtype == np.float64
    assert len(np.unique(X, axis=0)) == n_ratings
    assert X.min() >= 0 and np.all(X.max(axis=0) < (40, 200))
    assert set(y) <= {1.0, 2.0, 3.0, 4.0, 5.0}


def test_the_same_again():
    first, again = (make_ratings(50, 60, 300, random_state=3) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    other = make_ratings(50, 60, 300, random_state=4)
    assert not np.array_equal(first[0], other[0])
    make_ratings(50, 60, 300, random_state=np.random.RandomState(0))


@pytest.mark.parametrize("n_ratings", [4000, 40_000], ids=["sparse", "dense"])
def test_truth_explains_the_ratings(n_ratings):
    X, y, truth = make_ratings(
        400, 300, n_ratings, n_factors=4, noise=0.3, step=None, return_truth=True, random_state=0
    )
    users, items = X.T
    product = (truth.user_factors @ truth.item_factors.T)[users, items]
    expected = truth.mean + truth.user_bias[users] + truth.item_bias[items] + product
    np.testing.assert_allclose(truth.expected, expected)
    assert np.std(y - expected) == pytest.approx(0.3, rel=0.05)
    exact = make_ratings(400, 300, 900, noise=0.0, step=None, return_truth=True, random_state=0)
    np.testing.assert_array_equal(exact[1], exact[2].expected)


def test_spreads_are_standard_deviations():
    *_, truth = make_ratings(
        4000, 3000, 10, n_factors=16, user_spread=0.4, item_spread=0.7, factor_spread=0.5,
        return_truth=True, random_state=0,
    )  # fmt: skip
    assert truth.user_bias.std() == pytest.approx(0.4, rel=0.05)
    assert truth.item_bias.std() == pytest.approx(0.7, rel=0.05)
    products = np.einsum("ij,ij->i", truth.user_factors[:3000], truth.item_factors)
    assert products.std() == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("n_ratings", [20_000, 60_000], ids=["sparse", "dense"])
def test_skew_and_taste_choose_the_pairs(n_ratings):
    def share_of_top_tenth(column, **options):
        X, _ = make_ratings(500, 500, n_ratings, random_state=0, **options)
        counts = np.sort(np.bincount(X[:, column], minlength=500))
        return counts[-50:].sum() / n_ratings

    even = {"user_skew": 0, "item_skew": 0, "taste": 0}
    for column, skew in enumerate(["user_skew", "item_skew"]):
        assert share_of_top_tenth(column, **even | {skew: 1.0}) > 2 * share_of_top_tenth(
            column, **even
        )

    def mean_liking(taste):
        X, _, truth = make_ratings(
            500, 500, n_ratings, taste=taste, return_truth=True, random_state=0
        )
        return np.mean(truth.expected - truth.user_bias[X[:, 0]] - truth.mean)

    assert mean_liking(0.0) < mean_liking(1.0) < mean_liking(3.0)


def test_grid_of_stars():
    halves = make_ratings(100, 100, 2000, rating_range=(0.5, 5), step=0.5, random_state=0)[1]
    assert set(halves) == set(np.arange(0.5, 5.5, 0.5))
    even = make_ratings(100, 100, 2000, rating_range=(0, 1), step=0.3, random_state=0)[1]
    np.testing.assert_allclose(np.unique(even), [0, 0.3, 0.6, 0.9])


def test_no_factors():
    *_, truth = make_ratings(30, 20, 100, n_factors=0, return_truth=True, random_state=0)
    assert truth.user_factors.shape == (30, 0)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"n_users": 0}, "n_users must be an integer of at least 1"),
        ({"n_ratings": 2.5}, "n_ratings must be an integer"),
        ({"n_factors": -1}, "n_factors must be an integer of at least 0"),
        ({"n_users": 3, "n_items": 3, "n_ratings": 10}, "more than the 3 x 3 pairs"),
        ({"noise": -1}, "noise must be a number"),
        ({"taste": np.nan}, "taste must be a number"),
        ({"rating_range": (5, 1)}, "rating_range must be"),
        ({"step": 0}, "step must be in"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_errors(wrong, message):
    with pytest.raises(ValueError, match=message):
        make_ratings(**wrong)
