"""Ranking metrics of fitted models, and as scorers of scikit-learn's searches."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, UndefinedMetricWarning
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import Pipeline

from sgdlearn import GDMatrixFactorization, metrics
from sgdlearn.datasets import make_ratings
from sgdlearn.metrics import RankingScorer, ranking_metrics

SETTINGS = {"n_factors": 4, "max_iter": 5, "tol": None, "random_state": 0}


@pytest.fixture(scope="module")
def ratings():
    """(X, y) to learn from, (X, y) held out, with users and items that the model does not know."""
    X, y = make_ratings(60, 40, 900, random_state=0)
    test = np.random.default_rng(0).random(len(X)) < 0.3
    test |= (X[:, 0] >= 57) | (X[:, 1] >= 38)
    return X[~test], y[~test], X[test], y[test]


@pytest.fixture(scope="module")
def model(ratings):
    return GDMatrixFactorization(**SETTINGS).fit(*ratings[:2])


def by_arrays(model, X, exclude_seen, train):
    """The metrics of the arrays that the definition in the docstring means."""
    users = np.unique(X[:, 0])
    items = np.concatenate([model.items_, np.setdiff1d(X[:, 1], model.items_)])
    relevant, seen, scores = np.zeros((3, len(users), len(items)))
    scores[:] = -np.inf
    for row, user in enumerate(users):
        relevant[row] = np.isin(items, X[X[:, 0] == user, 1])
        seen[row] = np.isin(items, train[train[:, 0] == user, 1])
        known = len(model.items_)
        scores[row, :known] = model.predict([(user, item) for item in model.items_])
    seen = seen if exclude_seen else None
    at_k = {"precision", "recall", "ndcg", "map"}
    functions = {name: getattr(metrics, f"{name}_at_k") for name in at_k}
    values = {name: f(relevant, scores, k=5, seen=seen) for name, f in functions.items()}
    return values | {"auc": metrics.auc(relevant, scores, seen=seen)}


@pytest.mark.parametrize("exclude_seen", [True, False])
def test_equals_the_metrics_of_the_arrays(exclude_seen, model, ratings):
    train, _, X, y = ratings
    assert not set(X[:, 0]) <= set(model.users_) and not set(X[:, 1]) <= set(model.items_)
    found = ranking_metrics(model, X, y, k=5, relevant_from=4, exclude_seen=exclude_seen)
    expected = by_arrays(model, X[y >= 4], exclude_seen, train)
    assert found == pytest.approx(expected, rel=1e-6)
    if not exclude_seen:
        return
    for name, value in expected.items():
        scorer = RankingScorer(name, k=5, relevant_from=4)
        assert scorer(model, X, y) == pytest.approx(value, rel=1e-6)
    above = ranking_metrics(model, X, y, k=5)
    assert ranking_metrics(model, X, k=5) == pytest.approx(above)


def test_blocks_change_nothing(model, ratings, monkeypatch):
    whole = ranking_metrics(model, *ratings[2:])
    monkeypatch.setattr("sgdlearn.matrix_factorization._recommend.SCORES", 100)
    assert ranking_metrics(model, *ratings[2:]) == pytest.approx(whole, rel=1e-6)


def test_sparse_matrices_and_ids_of_any_kind(ratings):
    train, y_train, X, y = ratings
    expected = ranking_metrics(GDMatrixFactorization(**SETTINGS).fit(train, y_train), X, y)
    names = [(f"user {user}", f"item {item}") for user, item in X]
    named = GDMatrixFactorization(**SETTINGS).fit(
        [(f"user {user}", f"item {item}") for user, item in train], y_train
    )
    assert ranking_metrics(named, names, y) == pytest.approx(expected)
    R = sparse.csr_matrix((y_train, train.T), shape=(60, 40))
    held_out = sparse.csr_matrix((y, X.T), shape=(60, 40))
    of_matrix = GDMatrixFactorization(**SETTINGS).fit(R)
    assert ranking_metrics(of_matrix, held_out, relevant_from=4) == pytest.approx(
        ranking_metrics(of_matrix, X, y, relevant_from=4)
    )


@pytest.mark.parametrize(
    "loss, scoring",
    [
        ("squared_error", RankingScorer("ndcg", relevant_from=4)),
        ("squared_error", "neg_root_mean_squared_error"),
        ("squared_error", None),
        ("bpr", RankingScorer("map", k=3)),
        ("bpr", None),
    ],
    ids=str,
)
def test_grid_search(loss, scoring, ratings):
    X, y = ratings[:2]
    if loss == "bpr":
        X, y = X[y >= 4], None
    folds = KFold(3, shuffle=True, random_state=0)
    search = GridSearchCV(
        GDMatrixFactorization(loss=loss, **SETTINGS), {"alpha": [0.01, 10.0]}, scoring=scoring,
        cv=folds, error_score="raise",
    ).fit(X, y)  # fmt: skip
    by_hand = cross_val_score(search.best_estimator_, X, y, scoring=scoring, cv=folds)
    assert search.best_score_ == pytest.approx(by_hand.mean())
    assert search.cv_results_["mean_test_score"].std() > 0
    if scoring == "neg_root_mean_squared_error":
        train, test = next(folds.split(X))
        model = clone(search.best_estimator_).fit(X[train], y[train])
        error = np.sqrt(np.mean((model.predict(X[test]) - y[test]) ** 2))
        assert by_hand[0] == pytest.approx(-error)


def test_pipeline(model, ratings):
    pipeline = Pipeline([("nothing", "passthrough"), ("model", model)])
    scorer = RankingScorer()
    assert scorer(pipeline, *ratings[2:]) == scorer(model, *ratings[2:])


def test_scorer_is_a_parameter_object(model, ratings):
    scorer = RankingScorer("recall", k=7)
    again = pickle.loads(pickle.dumps(clone(scorer)))
    assert again.get_params() == {"metric": "recall", "k": 7, "relevant_from": None}
    assert again(model, *ratings[2:]) == scorer(model, *ratings[2:])
    assert scorer.set_params(k=3)(model, *ratings[2:]) != again(model, *ratings[2:])


@pytest.mark.parametrize("metric", ["ndcg", "precision", "recall", "map", "auc"])
def test_functions_have_two_names(metric, model, ratings):
    name = "auc" if metric == "auc" else f"{metric}_at_k"
    assert name in metrics.__all__
    scores = [RankingScorer(one, k=3)(model, *ratings[2:]) for one in (metric, name)]
    assert scores[0] == scores[1] == ranking_metrics(model, *ratings[2:], k=3)[metric]


def test_nobody_to_rank_for(model, ratings):
    with pytest.warns(UndefinedMetricWarning, match="No user"):
        assert np.isnan(RankingScorer(relevant_from=6)(model, *ratings[2:]))


def test_errors(model, ratings):
    with pytest.raises(ValueError, match="metric must be one of"):
        RankingScorer("hits")(model, *ratings[2:])
    with pytest.raises(ValueError, match="'k' parameter of RankingScorer"):
        RankingScorer(k=0)(model, *ratings[2:])
    with pytest.raises(ValueError, match="'relevant_from' parameter"):
        RankingScorer(relevant_from="4")(model, *ratings[2:])
    with pytest.raises(NotFittedError):
        RankingScorer()(GDMatrixFactorization(), *ratings[2:])
    with pytest.raises(ValueError, match="inconsistent"):
        ranking_metrics(model, ratings[2], ratings[3][1:])
