"""The compiled loops of the factorisation against the slow twin, rating by rating."""

import numpy as np
import pytest
from reference import RULES, absolute_error, log_loss, squared_error
from reference_factorization import Reduced, Row, Twin, first_factors

from sgdlearn import GDMatrixFactorization, optimizers, schedules
from sgdlearn._solvers.factorization.grid import TILE, Grid
from sgdlearn._solvers.factorization.method import AutomaticRate, Method
from sgdlearn._solvers.factorization.model import Model
from sgdlearn._solvers.factorization.objective import RATING_LOSSES
from sgdlearn._solvers.factorization.seen import Seen
from sgdlearn._solvers.factorization.solve import Run, applier, visit_chunk

N_USERS, N_ITEMS, N = 13, 11, 400
OBJECTS = {
    "momentum": optimizers.SGD(momentum=0.9),
    "nesterov": optimizers.SGD(momentum=0.9, nesterov=True),
    "amsgrad": optimizers.Adam(amsgrad=True),
    "rpcs": optimizers.RPCS(),
}
RATES = {"sgd": 0.05, "momentum": 0.01, "nesterov": 0.01, "adadelta": 1.0}
TWINS = {"squared_error": squared_error, "absolute_error": absolute_error, "log_loss": log_loss}


def data(rng, classes=False):
    users, items = (rng.integers(size, size=N).astype(np.int32) for size in (N_USERS, N_ITEMS))
    y = 3.0 + rng.normal(size=N)
    if classes:
        y = np.where(y > 3.0, 1.0, -1.0)
    return users, items, y, rng.integers(1, 4, size=N).astype(float)


def method_of(rule="rpcs", loss="squared_error", *, n_negatives=0, k=5, automatic=False, **changed):
    settings = {
        "loss": RATING_LOSSES[loss](n_negatives),
        "rule": OBJECTS[rule] if rule in OBJECTS else optimizers.resolve(rule),
        "k": k,
        "alpha": 0.05,
        "alpha_bias": 0.02,
        "biases": True,
        "non_negative": False,
        "init_scale": 0.3,
        "n_negatives": n_negatives,
        "dtype": np.dtype(np.float64),
        "automatic": automatic,
    }
    return Method(**{**settings, **changed})


def model_of(method, mean):
    model = Model.start(method, seed=2**61 + 12345)
    model.mean = mean
    start = method.start
    model.users.add(N_USERS, start)
    model.items.add(N_ITEMS, start)
    return model


def twin_of(method, model, rule, loss):
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
    return Twin(
        TWINS[loss], *sides, model.mean, method.alpha, method.alpha_bias, method.bias_rate,
        method.lower,
    )  # fmt: skip


def assert_equal(model, twin, rule, rtol=1e-9):
    shown = model.averaged(rule)
    for side in ("users", "items"):
        rows = getattr(shown, side)
        np.testing.assert_allclose(rows.factors, twin.factors(side), rtol=rtol, atol=1e-11)
        np.testing.assert_allclose(rows.bias, twin.bias(side), rtol=rtol, atol=1e-11)


def run_chunk(method, model, data, rates, seen=None):
    users, items, y, weights = data
    arrays = Seen().arrays() if seen is None else seen.arrays()
    return visit_chunk(model, method, rates, users, items, y, weights, arrays)


@pytest.mark.parametrize("rule", ["rpcs", *(name for name in RULES if name != "dog")])
def test_every_rule_moves_rows_as_the_twin_does(rule, rng):
    rate = RATES.get(rule, 0.02)
    method = method_of(rule)
    model, ratings = model_of(method, 3.0), data(rng)
    twin = twin_of(method, model, rule, "squared_error")
    total = run_chunk(method, model, ratings, schedules.resolve(rate))
    expected = twin.visit(list(zip(*ratings)), [rate] * N)
    assert total == pytest.approx(expected, rel=1e-9)
    assert_equal(model, twin, method.rule)
    assert model.t == N


def test_dog_knows_a_rate_for_the_whole_model_alone():
    with pytest.raises(ValueError, match=r"moves row by row.*not by optimizer='dog'"):
        GDMatrixFactorization(optimizer="dog").fit([[0, 0], [1, 1]], [1.0, 2.0])


@pytest.mark.parametrize("rule", ["rpcs", "adam"])
@pytest.mark.parametrize("loss", TWINS)
def test_every_loss(loss, rule, rng):
    method = method_of(rule, loss)
    model, ratings = model_of(method, 0.3), data(rng, loss == "log_loss")
    twin = twin_of(method, model, rule, loss)
    total = run_chunk(method, model, ratings, schedules.resolve(0.1))
    assert total == pytest.approx(twin.visit(list(zip(*ratings)), [0.1] * N), rel=1e-9)
    assert_equal(model, twin, method.rule)


@pytest.mark.parametrize("k", [1, 4, 8, 19])
@pytest.mark.parametrize("rule", ["rpcs", "adagrad"])
@pytest.mark.parametrize("changed", [{"non_negative": True}, {"biases": False}, {}])
def test_every_number_of_factors_and_kind_of_model(changed, rule, k, rng):
    method = method_of(rule, k=k, **changed)
    model, ratings = model_of(method, 3.0), data(rng)
    twin = twin_of(method, model, rule, "squared_error")
    run_chunk(method, model, ratings, schedules.resolve(0.1))
    twin.visit(list(zip(*ratings)), [0.1] * N)
    assert_equal(model, twin, method.rule)
    if "non_negative" in changed:
        assert model.users.factors.min() >= 0.0 and (k < 8 or model.users.factors.min() == 0.0)
    if "biases" in changed:
        assert not model.users.bias.any()


@pytest.mark.parametrize("rule", ["rpcs", "sgd", "adam"])
def test_schedules_count_ratings(rule, rng):
    schedule = schedules.InverseScaling(0.1, 0.5)
    method = method_of(rule)
    model, ratings = model_of(method, 3.0), data(rng)
    twin = twin_of(method, model, rule, "squared_error")
    run_chunk(method, model, ratings, schedules.resolve(schedule))
    twin.visit(list(zip(*ratings)), schedule(np.arange(1, N + 1)))
    assert_equal(model, twin, method.rule)


@pytest.mark.parametrize("sigma", [0.01, 1.0, 300.0])
def test_automatic_rates_need_no_unit(sigma, rng):
    """In units sigma times as large, with alpha to match, the predictions are sigma times those."""
    users, items, y, weights = data(rng)
    outcomes = []
    for unit in (1.0, sigma):
        method = method_of(automatic=True, sigma=unit, init_scale=None, alpha=0.05 * unit)
        model = model_of(method, 3.0 * unit)
        visit_chunk(
            model, method, AutomaticRate(method, None), users, items, unit * y, weights,
            Seen().arrays(),
        )  # fmt: skip
        outcomes.append(model.predict(users, items) / unit)
    np.testing.assert_allclose(*outcomes, rtol=1e-9)


@pytest.mark.parametrize("rule", ["rpcs", "adam"])
def test_negatives_are_drawn_as_the_twin_draws_them(rule, rng):
    method = method_of(rule, "log_loss", n_negatives=3)
    model, (users, items, y, weights) = model_of(method, -1.0), data(rng, classes=True)
    twin = twin_of(method, model, rule, "log_loss")
    half = N // 2
    seen = Seen.of(users[:half], items[:half], N_USERS, N_ITEMS)
    seen.log(users[half:], items[half:], N_USERS)
    met = [set(items[users == user].tolist()) for user in range(N_USERS)]
    for user in range(4):  # some have met all there is, or nearly all
        gone = rng.choice(N_ITEMS, size=8 + user, replace=False).astype(np.int32)
        seen.log(np.full(len(gone), user, np.int32), gone, N_USERS)
        met[user] |= set(gone.tolist())
    total = run_chunk(method, model, (users, items, y, weights), schedules.resolve(0.1), seen)
    expected = twin.visit(
        list(zip(users, items, y, weights)), [0.1] * N, negatives=3, seed=model.seed, seen=met,
        drawn_from=lambda i: range(N_ITEMS),
    )  # fmt: skip
    assert total == pytest.approx(expected, rel=1e-9)
    assert_equal(model, twin, method.rule)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("loss, rule, n_negatives", [
    ("squared_error", "rpcs", 0), ("squared_error", "nadam", 0), ("log_loss", "rpcs", 2),
])  # fmt: skip
def test_epochs_over_the_grid(loss, rule, n_negatives, n_jobs, rng, monkeypatch):
    """The blocks' order is an input; items are drawn from those of the block."""
    monkeypatch.setattr("sgdlearn._solvers.factorization.solve.SHARED_RATINGS", 1)
    least = {"LEAST_RATINGS": 16, "LEAST_DRAWING_RATINGS": 16, "LEAST_ITEMS": 2}
    for name, number in least.items():
        monkeypatch.setattr(f"sgdlearn._solvers.factorization.grid.{name}", number)
    method = method_of(rule, loss, n_negatives=n_negatives)
    users, items, y, weights = data(rng, loss == "log_loss")
    schedule = schedules.InverseScaling(0.1, 0.3)
    model = model_of(method, 0.3)
    twin = twin_of(method, model, rule, loss)
    grid = Grid.of(users, items, y, weights, N_USERS, N_ITEMS, rng, draws=n_negatives > 0)
    assert grid.n_ranges == (4 if n_negatives else 5)
    met = [set(items[users == user].tolist()) for user in range(N_USERS)]
    seen = Seen.of(users, items, N_USERS, N_ITEMS)
    run = Run(method, model, grid, schedules.resolve(schedule), seen.arrays(), n_jobs)
    replay, t = np.random.default_rng(5), 1
    with applier(n_jobs) as apply:
        drawn = np.random.default_rng(5)
        values = [run.epoch(drawn, apply) for _ in range(2)]
    for value in values:
        total = 0.0
        if n_negatives:
            grid = grid.redrawn(replay)
        for block in grid.draw_rounds(replay).ravel():
            part, of_block = slice(*grid.starts[block : block + 2]), grid.items_of(block)
            ratings = list(zip(*(a[part] for a in (grid.users, grid.items, grid.targets)),
                               grid.weights[part]))  # fmt: skip
            total += twin.visit(
                ratings, schedule(np.arange(t, t + len(ratings))), first_update=t,
                negatives=n_negatives, seed=model.seed, seen=met,
                drawn_from=lambda i, of_block=of_block: of_block,
            )  # fmt: skip
            t += len(ratings)
        weight = weights @ (1 + n_negatives * (y > 0))
        assert value == pytest.approx(total / weight, rel=1e-9)
    assert_equal(model, twin, method.rule)
    assert model.t == t - 1


@pytest.mark.parametrize("draws", [False, True])
def test_grid_holds_every_rating_once_in_blocks_that_share_no_rows(draws, rng, monkeypatch):
    monkeypatch.setattr("sgdlearn._solvers.factorization.grid.LEAST_DRAWING_RATINGS", 64)
    monkeypatch.setattr("sgdlearn._solvers.factorization.grid.LEAST_ITEMS", 1)
    monkeypatch.setattr("sgdlearn._solvers.factorization.grid.DRAWING_RANGES", 8)
    n, n_users, n_items = 30_000, 500, 300
    users = (n_users * rng.random(n) ** 2).astype(np.int32)
    items = (n_items * rng.random(n) ** 3).astype(np.int32)
    y = np.arange(n, dtype=np.float32)
    grid = Grid.of(users, items, y, None, n_users, n_items, rng, draws)
    if draws:  # popular items lie in all ranges; elsewhere next time
        before, grid = grid, grid.redrawn(rng)
        assert not np.array_equal(before.item_order, grid.item_order)
        assert np.unique(grid.item_order[grid.item_ranges[:-1]]).max() > 100
    assert sorted(grid.item_order) == list(range(n_items))
    assert grid.n_ranges == 8
    order = np.argsort(grid.targets)
    np.testing.assert_array_equal(grid.users[order], users)
    np.testing.assert_array_equal(grid.items[order], items)
    sizes = np.diff(grid.starts)
    assert sizes.reshape(8, 8).sum(axis=1).max() < 1.3 * n / 8
    rounds = grid.draw_rounds(rng)
    assert sorted(rounds.ravel()) == list(range(64))
    for blocks in rounds:
        for rows in (grid.users, grid.items):
            parts = [set(rows[grid.starts[b] : grid.starts[b + 1]]) for b in blocks]
            assert sum(map(len, parts)) == len(set().union(*parts))
    for block in range(64):
        part = slice(*grid.starts[block : block + 2])
        assert np.isin(grid.items[part], grid.items_of(block)).all()
        if not draws:  # tile after tile of users, shuffled within
            assert (np.diff(grid.users[part] // TILE) >= 0).all()
            assert (np.diff(grid.users[part]) < 0).any()
