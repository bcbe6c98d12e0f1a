"""BPR and WARP: the compiled loops against the slow twin, and what the estimator makes of them."""

from dataclasses import replace

import numpy as np
import pytest
from reference import RULES
from reference_factorization import Reduced, Row, first_factors
from reference_pairs import PairTwin
from test_matrix_factorization_twin import (
    N_ITEMS,
    N_USERS,
    N,
    assert_equal,
    data,
    method_of,
    model_of,
    run_chunk,
)

from sgdlearn import GDMatrixFactorization, schedules
from sgdlearn._solvers.factorization.grid import Grid
from sgdlearn._solvers.factorization.pairs import PAIR_LOSSES
from sgdlearn._solvers.factorization.seen import Seen
from sgdlearn._solvers.factorization.solve import Run, applier
from sgdlearn.datasets import make_ratings
from sgdlearn.metrics import ranking_metrics


def pair_method(loss, rule="rpcs", n_negatives=3, **changed):
    ranking = {"loss": PAIR_LOSSES[loss](n_negatives), "n_negatives": n_negatives}
    return replace(method_of(rule, **changed), **ranking)


def pair_twin(method, model, rule):
    start = method.start
    rules = [RULES[rule]] * 2 if rule in RULES else []
    rules = rules or [Reduced(start.squares), Reduced(start.bias_squares)]
    sides = [
        [
            Row(first_factors(seed, row, method.k, start.low, start.span), *rules)
            for row in range(n)
        ]
        for seed, n in ((model.seed, N_USERS), (model.seed + 1, N_ITEMS))
    ]
    penalties = method.alpha, method.alpha_bias
    return PairTwin(None, *sides, 0.0, *penalties, method.bias_rate, method.lower)


def few_ratings(rng):
    """Pairs of which every user has met some and not all."""
    users, items, _, weights = data(rng)
    kept = np.sort(rng.permutation(N)[:60])
    return users[kept], items[kept], np.ones(60), weights[kept]


def met_by(users, items):
    return [set(items[users == user].tolist()) for user in range(N_USERS)]


@pytest.mark.parametrize("changed", [{}, {"biases": False}, {"non_negative": True}, {"k": 9}])
@pytest.mark.parametrize("loss", PAIR_LOSSES)
@pytest.mark.parametrize("rule", ["rpcs", "sgd", "momentum", "adagrad", "ftrl", "nadam"])
def test_every_rule_moves_three_rows_as_the_twin_does(rule, loss, changed, rng):
    rate = {"sgd": 0.3, "momentum": 0.05}.get(rule, 0.1)
    method = pair_method(loss, rule, **changed)
    model, ratings = model_of(method, 0.0), few_ratings(rng)
    twin = pair_twin(method, model, rule)
    users, items, _, weights = ratings
    seen = Seen.of(users, items, N_USERS, N_ITEMS)
    for first in (1, 61):
        total = run_chunk(method, model, ratings, schedules.resolve(rate), seen)
        expected = twin.visit_pairs(
            loss, list(zip(users, items, weights)), [rate] * 60, draws=3, seed=model.seed,
            seen=met_by(users, items), drawn_from=lambda i: range(N_ITEMS), first_update=first,
        )  # fmt: skip
        assert total == pytest.approx(expected, rel=1e-9)
    assert_equal(model, twin, method.rule)
    assert not model.users.bias.any()


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("loss", PAIR_LOSSES)
def test_epochs_over_the_grid(loss, n_jobs, rng, monkeypatch):
    """Items are drawn from those of the block, ranks are those among all."""
    monkeypatch.setattr("sgdlearn._solvers.factorization.solve.SHARED_RATINGS", 1)
    monkeypatch.setattr("sgdlearn._solvers.factorization.grid.LEAST_DRAWING_RATINGS", 4)
    monkeypatch.setattr("sgdlearn._solvers.factorization.grid.LEAST_ITEMS", 3)
    method = pair_method(loss)
    users, items, y, weights = few_ratings(rng)
    model = model_of(method, 0.0)
    twin = pair_twin(method, model, "rpcs")
    grid = Grid.of(users, items, y, weights, N_USERS, N_ITEMS, rng, draws=True)
    assert grid.n_ranges == 3
    seen = Seen.of(users, items, N_USERS, N_ITEMS)
    run = Run(method, model, grid, schedules.resolve(0.1), seen.arrays(), n_jobs)
    with applier(n_jobs) as apply:
        value = run.epoch(np.random.default_rng(5), apply)
    total, t, replay = 0.0, 1, np.random.default_rng(5)
    grid = grid.redrawn(replay)
    for block in grid.draw_rounds(replay).ravel():
        part, of_block = slice(*grid.starts[block : block + 2]), grid.items_of(block)
        ratings = list(zip(grid.users[part], grid.items[part], grid.weights[part]))
        total += twin.visit_pairs(
            loss, ratings, [0.1] * len(ratings), draws=3, seed=model.seed,
            seen=met_by(users, items), first_update=t,
            drawn_from=lambda i, of_block=of_block: of_block,
        )  # fmt: skip
        t += len(ratings)
    n_losses = 3 if loss == "bpr" else 1
    assert value == pytest.approx(total / (n_losses * weights.sum()), rel=1e-9)
    assert_equal(model, twin, method.rule)


def test_objective_has_the_penalty_of_the_rows_of_its_pairs(rng):
    users, items, y, weights = few_ratings(rng)
    grid = Grid.of(users, items, y, weights, N_USERS, N_ITEMS, rng, draws=True)
    for loss in PAIR_LOSSES:
        method = pair_method(loss)
        model = model_of(method, 0.0)
        model.items.bias[:] = rng.normal(size=N_ITEMS)
        run = Run(method, model, grid, schedules.resolve(0.1), None, 1)
        p, q = (np.sum(rows.factors**2, axis=1) for rows in (model.users, model.items))
        b = model.items.bias**2
        expected = method.alpha * (p[users] + q[items] + q.mean())
        expected += method.alpha_bias * (b[items] + b.mean())
        assert run.penalty() == pytest.approx(0.5 * np.average(expected, weights=weights))


@pytest.fixture(scope="module")
def choices():
    """Implicit feedback: (pairs to learn from, pairs held out)."""
    tastes = {"n_factors": 3, "factor_spread": 1.5, "noise": 0.2, "taste": 2.0}
    X, y = make_ratings(300, 120, 9000, **tastes, random_state=0)
    X = X[y >= 4]
    test = np.random.default_rng(1).random(len(X)) < 0.25
    return X[~test], X[test]


def fitted(loss, X, **changed):
    settings = {"n_factors": 8, "max_iter": 15, "tol": None, "random_state": 0}
    return GDMatrixFactorization(loss=loss, **{**settings, **changed}).fit(X)


@pytest.mark.parametrize("loss", PAIR_LOSSES)
def test_ranks_better_than_popularity(loss, choices):
    train, test = choices
    ours = ranking_metrics(fitted(loss, train), test)
    popular = ranking_metrics(fitted(loss, train, alpha=100.0, alpha_bias=0.0), test)
    for metric, value in ours.items():
        assert value > popular[metric] > 0.0


@pytest.mark.parametrize("loss", PAIR_LOSSES)
@pytest.mark.parametrize("optimizer", ["rpcs", "adam"])
def test_number_of_threads_changes_no_bit(loss, optimizer, choices, monkeypatch):
    monkeypatch.setattr("sgdlearn._solvers.factorization.solve.SHARED_RATINGS", 1)
    monkeypatch.setattr("sgdlearn._solvers.factorization.grid.LEAST_DRAWING_RATINGS", 100)
    monkeypatch.setattr("sgdlearn._solvers.factorization.grid.LEAST_ITEMS", 20)
    one, two = (
        fitted(loss, choices[0], n_jobs=n_jobs, max_iter=3, optimizer=optimizer)
        for n_jobs in (None, 2)
    )
    np.testing.assert_array_equal(one.user_factors_, two.user_factors_)
    np.testing.assert_array_equal(one.item_factors_, two.item_factors_)
    np.testing.assert_array_equal(one.item_bias_, two.item_bias_)
    assert one.loss_curve_ == two.loss_curve_


@pytest.mark.parametrize("loss", PAIR_LOSSES)
def test_chunks_are_one_ordered_pass(loss, choices):
    """Where nobody is new: what a user has met by then is never drawn."""
    train, _ = choices
    models = [fitted(loss, train, max_iter=1) for _ in range(2)]
    again = train[:200]
    models[0].partial_fit(again)
    for start in range(0, 200, 50):
        models[1].partial_fit(again[start : start + 50])
    np.testing.assert_array_equal(models[0].item_factors_, models[1].item_factors_)
    assert models[0].t_ == models[1].t_ == len(train) + 200


@pytest.mark.parametrize("loss", PAIR_LOSSES)
def test_score_is_auc_and_predictions_are_scores(loss, choices):
    train, test = choices
    model = fitted(loss, train)
    assert model.score(test) == ranking_metrics(model, test)["auc"] > 0.6
    assert not model.user_bias_.any() and model.mean_ == 0.0
    ids, scores = model.recommend(train[:1, 0], 3)
    np.testing.assert_allclose(
        model.predict([(train[0, 0], item) for item in ids[0]]), scores[0], rtol=1e-5
    )


@pytest.mark.parametrize("loss", PAIR_LOSSES)
def test_fold_in_ranks_what_the_user_chose_high(loss, choices):
    train, _ = choices
    model = fitted(loss, train, alpha=0.01)
    user = np.bincount(train[:, 0]).argmax()
    own = train[train[:, 0] == user]
    folded = model.fold_in(own)
    z = model.item_bias_ + model.item_factors_ @ folded.factors[0]
    met = np.isin(model.items_, own[:, 1])
    above = (z[met][:, None] > z[~met]).mean()
    base = (model.item_bias_[met][:, None] > model.item_bias_[~met]).mean()
    assert above > max(base, 0.7)
    assert folded.bias[0] == 0.0


@pytest.mark.parametrize("loss", PAIR_LOSSES)
def test_early_stopping_keeps_the_best_iterate(loss, choices):
    model = fitted(loss, choices[0], early_stopping=True, max_iter=40, tol=0.0)
    assert len(model.validation_curve_) == model.n_iter_
    assert min(model.validation_curve_) < model.validation_curve_[0]


@pytest.mark.parametrize("loss", PAIR_LOSSES)
def test_takes_choices_alone(loss):
    X = [("ann", "tea"), ("ann", "milk"), ("bob", "tea")]
    model = fitted(loss, X)
    assert model.recommend(["bob"], 1)[0][0, 0] == "milk"
    fitted_with_ones = GDMatrixFactorization(
        loss=loss, n_factors=8, max_iter=15, tol=None, random_state=0
    ).fit(X, [1, 1, 1])
    np.testing.assert_array_equal(model.item_factors_, fitted_with_ones.item_factors_)
    with pytest.raises(ValueError, match=f"loss='{loss}' takes what users chose.*Got 5"):
        GDMatrixFactorization(loss=loss).fit(X, [1, 5, 1])


@pytest.mark.parametrize("loss", PAIR_LOSSES)
def test_number_of_draws_matters(loss, choices):
    few, many = (fitted(loss, choices[0], n_negatives=n, max_iter=2) for n in (2, 5))
    assert not np.array_equal(few.item_factors_, many.item_factors_)
