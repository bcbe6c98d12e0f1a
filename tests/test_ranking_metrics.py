"""Ranking metrics: equal to counting user by user over every order of the ties."""

import numpy as np
import pytest
import reference_ranking
from scipy import sparse
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score, roc_auc_score

from sgdlearn.metrics import _ranking, auc, map_at_k, ndcg_at_k, precision_at_k, recall_at_k

TWINS = {
    precision_at_k: reference_ranking.precision,
    recall_at_k: reference_ranking.recall,
    ndcg_at_k: reference_ranking.ndcg,
    map_at_k: reference_ranking.average_precision,
}


@pytest.fixture(params=[1, 3, 10], ids="levels{}".format)
def ranked(request, rng):
    """Few users and items: scores with ties, users with nothing or everything held out."""
    shape = 14, 5
    relevant = (rng.random(shape) < 0.35).astype(float)
    relevant[0], relevant[1] = 0.0, 1.0
    scores = rng.integers(request.param, size=shape).astype(float)
    scores[rng.random(shape) < 0.1] = -np.inf
    return relevant, scores, rng.random(shape) < 0.2


@pytest.mark.parametrize("k", [1, 2, 4, 7])
@pytest.mark.parametrize("metric", TWINS)
def test_equals_the_mean_over_all_orders_of_ties(metric, k, ranked):
    relevant, scores, seen = ranked
    for excluded in (None, seen):
        np.testing.assert_allclose(
            metric(relevant, scores, k=k, seen=excluded, per_user=True),
            reference_ranking.per_user(TWINS[metric], relevant, scores, k, excluded),
            atol=1e-12,
        )


def test_graded_gains(ranked, rng):
    relevant, scores, seen = ranked
    gains = relevant * rng.integers(1, 6, size=relevant.shape)
    np.testing.assert_allclose(
        ndcg_at_k(gains, scores, k=4, seen=seen, per_user=True),
        reference_ranking.per_user(reference_ranking.ndcg, gains, scores, 4, seen),
        atol=1e-12,
    )


def test_auc_equals_counting_pairs(ranked):
    relevant, scores, seen = ranked
    for excluded in (None, seen):
        np.testing.assert_allclose(
            auc(relevant, scores, seen=excluded, per_user=True),
            reference_ranking.per_user(reference_ranking.auc, relevant, scores, None, excluded),
            atol=1e-12,
        )


def test_scikit_learn_agrees_where_it_has_the_metric(rng):
    relevant = (rng.random((30, 50)) < 0.2).astype(float)
    scores = rng.integers(8, size=(30, 50)).astype(float)
    assert ndcg_at_k(relevant, scores, k=7) == pytest.approx(ndcg_score(relevant, scores, k=7))
    by_user = [roc_auc_score(r, s) for r, s in zip(relevant, scores)]
    assert auc(relevant, scores) == pytest.approx(np.mean(by_user))
    untied = rng.normal(size=(30, 50))
    assert map_at_k(relevant, untied, k=50) == pytest.approx(
        label_ranking_average_precision_score(relevant, untied)
    )


@pytest.mark.parametrize("metric", [*TWINS, auc])
def test_blocks_and_storage_change_nothing(metric, rng, monkeypatch):
    relevant = (rng.random((40, 30)) < 0.1).astype(float)
    seen = rng.random((40, 30)) < 0.3
    scores = rng.integers(5, size=(40, 30)).astype(np.float32)
    whole = metric(relevant, scores, seen=seen, per_user=True)
    monkeypatch.setattr(_ranking, "BLOCK", 100)
    stored = metric(
        sparse.coo_array(relevant), scores.tolist(), seen=sparse.csc_matrix(seen), per_user=True
    )
    np.testing.assert_allclose(stored, whole, rtol=1e-14)  # BLAS sums blocks of other heights
    assert metric(relevant, scores, seen=seen) == pytest.approx(np.nanmean(whole))


@pytest.mark.parametrize("metric", [*TWINS, auc])
def test_users_without_held_out_items_have_no_part(metric, ranked):
    relevant, scores, _ = ranked
    values = metric(relevant, scores, per_user=True)
    assert np.isnan(values[0])
    assert metric(relevant, scores) == metric(relevant[1:], scores[1:])
    with pytest.warns(UndefinedMetricWarning, match="No user"):
        assert np.isnan(metric(np.zeros_like(scores), scores))
    with pytest.warns(UndefinedMetricWarning, match="No user"):
        assert np.isnan(metric(relevant, scores, seen=np.ones_like(scores)))


@pytest.mark.parametrize("metric", [*TWINS, auc])
def test_perfect_and_worst(metric, rng):
    relevant = np.zeros((20, 30))
    relevant[:, :10] = 1.0
    shuffled = rng.permuted(relevant, axis=1)
    assert metric(shuffled, shuffled) == 1.0
    assert metric(shuffled, -shuffled) == 0.0


@pytest.mark.parametrize("metric", [*TWINS, auc])
def test_errors(metric):
    scores = np.zeros((2, 3))
    with pytest.raises(ValueError, match=r"relevant has the shape \(2, 2\), but scores \(2, 3\)"):
        metric(np.ones((2, 2)), scores)
    with pytest.raises(ValueError, match="seen has the shape"):
        metric(scores, scores, seen=np.ones((3, 3)))
    with pytest.raises(ValueError, match="scores hold NaN"):
        metric(scores, scores + np.nan)
    with pytest.raises(ValueError, match="relevant holds NaN"):
        metric(scores + np.nan, scores)
    with pytest.raises(ValueError, match="scores must have the shape"):
        metric(scores, scores[0])
    if metric is not auc:
        for k in (0, 1.5, True):
            with pytest.raises(ValueError, match="k must be"):
                metric(scores, scores, k=k)
