"""SAG, SAGA and SVRG against their NumPy twins, and at the optimum against other solvers."""

import numpy as np
import pytest
import reference_variance_reduced as reference
from scipy import sparse
from sgdlearn._kernels.variance_reduced import FIRST_COEFFICIENT, catch_up
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, Ridge

from sgdlearn._solvers.objective import Objective
from sgdlearn._solvers.rows import make_rows
from sgdlearn._solvers.scaling import Scaling
from sgdlearn._solvers.variance_reduced import DenseRun, Plan, SparseRun, solve_variance_reduced
from sgdlearn.losses import AbsoluteError, Huber, LogLoss, Multinomial, SquaredError, SquaredHinge
from sgdlearn.penalties import ElasticPenalty

METHODS = ["sag", "saga", "svrg"]
PENALTIES = {
    "none": ElasticPenalty(),
    "l2": ElasticPenalty(l2=0.3),
    "l1": ElasticPenalty(l1=0.1),
    "elastic": ElasticPenalty(l1=0.05, l2=0.2),
    "positive": ElasticPenalty(l1=0.02, l2=0.1, positive=True),
}
# loss, outputs, numbers of a target
PROBLEMS = {
    "squared_error": (SquaredError(), 1, 1),
    "multi_output": (SquaredError(), 3, 3),
    "huber": (Huber(), 1, 1),
    "log_loss": (LogLoss(), 1, 1),
    "one_vs_rest": (LogLoss(), 3, 1),
    "squared_hinge": (SquaredHinge(), 1, 1),
    "multinomial": (Multinomial(), 3, 1),
}


class Recorder:
    """A monitor that keeps the iterate of every pass."""

    def __init__(self, stop_at=None):
        self.curve, self.certificates, self.path = [], [], []
        self.stop_at = stop_at

    def start_value(self, value):
        self.start = value

    def begin_epoch(self):
        pass

    def record(self, value, certificate, coefficients):
        self.curve.append(value)
        self.certificates.append(certificate)
        self.path.append(coefficients())
        return len(self.curve) == self.stop_at


def rows(rng, n=40, p=7, density=0.4):
    X = rng.normal(size=(n, p)) * (rng.random((n, p)) < density)
    X[n // 2] = 0.0
    return X


def targets_of(rng, name, n):
    loss, k, n_targets = PROBLEMS[name]
    if loss.kind == "regression":
        return rng.normal(size=(n, n_targets))
    if k == 1:
        return np.where(rng.random((n, 1)) < 0.5, 1.0, -1.0)
    return rng.integers(k, size=(n, 1)).astype(np.float64)


def make_objective(X, targets, loss, penalty, *, k=1, weights=None, intercept=True):
    targets = np.ascontiguousarray(targets, dtype=np.float64).reshape(len(targets), -1)
    return Objective(make_rows(X), targets, weights, loss, penalty, k, intercept)


def run(objective, W=None, b=None, *, method="saga", tol=None, max_iter=5, seed=0, **options):
    k, p = objective.n_outputs, objective.rows.p
    monitor = options.pop("monitor", Recorder())
    result = solve_variance_reduced(
        objective,
        np.zeros((k, p)) if W is None else W,
        objective.baseline() if b is None else b,
        method=method,
        tol=tol,
        max_iter=max_iter,
        rng=np.random.default_rng(seed),
        monitor=monitor,
        **options,
    )
    return result, monitor


def orders(method, n, passes, seed=0):
    """The visits that the solver draws."""
    rng, every_row = np.random.default_rng(seed), np.arange(n)
    if method == "sag":
        return [rng.choice(every_row, n) for _ in range(passes)]
    return [rng.permutation(every_row) for _ in range(passes)]


def twin(method, X, objective, W, b, passes, rate):
    """The path of the NumPy solver."""
    n = len(X)

    def slope(i, z):
        y = objective.block_targets(i, i + 1)
        if isinstance(objective.loss, Multinomial):
            return objective.loss.gradient(y, z[None])[0]
        return objective.loss.gradient(y[0], z)

    weights = np.ones(n) if objective.weights is None else objective.weights
    penalty = objective.penalty
    return getattr(reference, method)(
        X,
        slope,
        weights * n / weights.sum(),
        W,
        b,
        orders(method, n, passes),
        rate,
        penalty.l1,
        penalty.l2,
        penalty.lower,
        objective.fit_intercept,
    )


def stored(X):
    """The same rows in every layout."""
    wide = sparse.csr_array(X)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    return [np.ascontiguousarray(X), np.asfortranarray(X), sparse.csr_array(X), wide]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("weighted, intercept", [(False, True), (True, False)])
def test_trajectory_is_that_of_the_twin(method, penalty, problem, weighted, intercept, rng):
    loss, k, _ = PROBLEMS[problem]
    X = rows(rng)
    targets = targets_of(rng, problem, len(X))
    weights = rng.random(len(X)) + 0.1 if weighted else None
    W, b = rng.random((k, X.shape[1])), rng.normal(size=k) * intercept
    path = None
    for layout in stored(X):
        objective = make_objective(
            layout, targets, loss, PENALTIES[penalty], k=k, weights=weights, intercept=intercept
        )
        path = path or list(twin(method, X, objective, W, b, 3, 0.05))
        _, monitor = run(objective, W, b, method=method, rate=0.05, max_iter=3)
        for found, expected in zip(monitor.path, path, strict=True):
            np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=1e-11)
            np.testing.assert_allclose(found[1], expected[1], rtol=0, atol=1e-11)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_rare_features_catch_up_exactly(method, penalty, rng):
    """Lags of hundreds of updates, across zero and back into it."""
    X = rows(rng, n=300, p=12, density=0.02)
    X[:, 0] = rng.normal(size=300)
    y = X @ rng.normal(size=12) + rng.normal(size=300)
    W, b = rng.normal(size=(1, 12)) ** 2, np.zeros(1)
    objective = make_objective(sparse.csr_array(X), y, SquaredError(), PENALTIES[penalty])
    _, monitor = run(objective, W, b, method=method, rate=0.02, max_iter=4)
    for found, expected in zip(
        monitor.path, twin(method, X, objective, W, b, 4, 0.02), strict=True
    ):
        np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=1e-11)


@pytest.mark.parametrize("method", METHODS)
def test_coefficients_can_be_read_in_the_midst_of_a_pass(method, rng):
    """What Ctrl-C between two kernel calls leaves: up to date, and none the worse for the look."""
    X = rows(rng)
    y = rng.normal(size=len(X))
    order = orders(method, len(X), 1)[0]
    halves, seen = (order[:23], order[23:]), []
    for kind, layout in ((DenseRun, X), (SparseRun, sparse.csr_array(X))):
        objective = make_objective(layout, y, SquaredError(), PENALTIES["elastic"])
        plan = Plan.textbook(method, objective, 0.05)
        identity = Scaling.identity(X.shape[1])
        state = kind(objective, identity, plan, np.ones((1, X.shape[1])), np.zeros(1))
        state.look()
        for half in halves:
            state._pass(half, plan.direct, plan.step, plan.rate, plan.renews)
            seen.append(state.coefficients()[0])
    np.testing.assert_allclose(seen[:2], seen[2:], atol=1e-12)


@pytest.mark.parametrize("l1", [0.0, 0.2])
@pytest.mark.parametrize("l2", [0.0, 1e-6, 0.3, 1e3])
@pytest.mark.parametrize("lower", [-np.inf, 0.0])
@pytest.mark.parametrize("steps", [1, 2, 7, 1000])
def test_steps_made_up_for_are_the_steps_themselves(l1, l2, lower, steps):
    starts = np.array([-3.0, -0.05, 0.0, 1e-9, 0.05, 3.0])
    gradients = np.array([-1.0, -0.2, -0.01, 0.0, 0.01, 0.2, 1.0])
    w, g = (values.ravel() for values in np.meshgrid(np.maximum(starts, lower), gradients))
    rate, scale = 0.01, 1.5
    t1, t2 = rate * l1 * scale, rate * l2 * scale**2
    decay = np.log1p(t2)
    records = np.zeros((len(w), FIRST_COEFFICIENT + 2))
    records[:, 1:] = np.transpose(
        np.broadcast_arrays(scale, scale, decay, decay / t2 if t2 else 1.0, 1.0 / (1.0 + t2), w, g)
    )
    catch_up(records, 1, (rate, rate * l1, lower), float(steps))
    for _ in range(steps):
        w = reference.prox(w - rate * g, t1, t2, lower)
    np.testing.assert_allclose(records[:, FIRST_COEFFICIENT], w, rtol=1e-11, atol=1e-13)
    assert np.all(records[:, 0] == steps)


@pytest.mark.parametrize("method", METHODS)
def test_sparse_float32_and_read_only_rows(method, rng):
    X = rows(rng, n=200)
    y = X @ rng.normal(size=7) + rng.normal(size=200)
    single = X.astype(np.float32)
    single.flags.writeable = False
    exact = make_objective(X, y, SquaredError(), PENALTIES["elastic"])
    expected, _ = run(exact, method=method, rate=0.02)
    for layout in (single, sparse.csr_array(single)):
        objective = make_objective(layout, y, SquaredError(), PENALTIES["elastic"])
        found, _ = run(objective, method=method, rate=0.02)
        np.testing.assert_allclose(found.W, expected.W, atol=1e-5)


def badly_scaled(rng, n=200, p=6):
    X = rng.normal(size=(n, p)) * np.geomspace(1e-3, 1e4, p) + 10.0 * np.geomspace(1e-3, 1e4, p)
    X[:, 1] = 0.0
    return X


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layout", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("intercept", [True, False])
def test_reaches_ridge(method, layout, intercept, rng):
    X = rows(rng, n=200)
    weights = rng.integers(1, 5, size=200).astype(np.float64)
    y = X @ rng.normal(size=7) + rng.normal(size=200) + 2.0
    objective = make_objective(
        layout(X), y, SquaredError(), PENALTIES["l2"], weights=weights, intercept=intercept
    )
    result, monitor = run(objective, method=method, tol=1e-16, max_iter=500)
    ridge = Ridge(alpha=0.3 * weights.sum(), fit_intercept=intercept, solver="cholesky")
    ridge.fit(X, y, sample_weight=weights)
    assert result.converged and not result.diverged
    np.testing.assert_allclose(result.W[0], ridge.coef_, atol=1e-8)
    np.testing.assert_allclose(result.b[0], ridge.intercept_, atol=1e-8)
    # the last entry of the curve is the objective itself
    np.testing.assert_allclose(monitor.curve[-1], objective.value(result.W, result.b), rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_reaches_elastic_net(method, positive, l1_ratio, rng):
    X = rows(rng, n=200)
    y = X @ np.array([1.0, -1.0, 0.0, 0.0, 0.5, 0.0, 0.1]) + 0.3 * rng.normal(size=200)
    alpha = 0.05
    penalty = ElasticPenalty(alpha * l1_ratio, alpha * (1 - l1_ratio), positive)
    peer = Lasso if l1_ratio == 1.0 else ElasticNet
    options = {} if l1_ratio == 1.0 else {"l1_ratio": l1_ratio}
    expected = peer(alpha=alpha, positive=positive, tol=1e-12, max_iter=100000, **options)
    expected.fit(X, y)
    for layout in (X, sparse.csr_array(X)):
        objective = make_objective(layout, y, SquaredError(), penalty)
        tol = 1e-11 if l1_ratio == 1.0 else 1e-16
        result, _ = run(objective, method=method, tol=tol, max_iter=500)
        assert result.converged
        np.testing.assert_allclose(result.W[0], expected.coef_, atol=1e-8)
        np.testing.assert_array_equal(result.W[0] == 0.0, expected.coef_ == 0.0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layout", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("k", [1, 3])
def test_reaches_logistic_regression(method, layout, k, rng):
    X, alpha = rows(rng, n=300, p=4), 0.01
    Z = X @ rng.normal(size=(4, 3)) + rng.gumbel(size=(300, 3))
    y = Z.argmax(axis=1) if k == 3 else (Z[:, 0] > 0).astype(int)
    targets, loss = (y, Multinomial()) if k == 3 else (2.0 * y - 1.0, LogLoss())
    objective = make_objective(layout(X), targets, loss, ElasticPenalty(l2=alpha), k=k)
    result, _ = run(objective, method=method, tol=1e-15, max_iter=3000)
    expected = LogisticRegression(C=1.0 / (300 * alpha), tol=1e-10, max_iter=5000).fit(X, y)
    assert result.converged
    np.testing.assert_allclose(result.W, expected.coef_, atol=1e-6)
    difference = result.b - expected.intercept_  # softmax: defined up to a constant
    np.testing.assert_allclose(difference - difference.mean() * (k > 1), 0.0, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_bad_scales_make_no_difference(method, rng):
    """Scales over seven decades, means of ten deviations, and a column of zeros."""
    X = badly_scaled(rng)
    y = (X / np.maximum(X.std(axis=0), 1e-12)) @ rng.normal(size=6) + rng.normal(size=200)
    objective = make_objective(X, y, SquaredError(), ElasticPenalty(l2=1e-9))
    result, _ = run(objective, method=method, tol=1e-11, max_iter=500)
    centred = X - X.mean(axis=0)
    size = np.maximum(X.std(axis=0), 1e-12)
    A = centred / size
    v = np.linalg.solve(A.T @ A + 200 * 1e-9 * np.diag(size**-2.0), A.T @ (y - y.mean()))
    v[1] = 0.0
    assert result.converged
    np.testing.assert_allclose(result.W[0] * size, v, atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_rare_features_under_a_strong_penalty_stay_in_bounds(method, rng):
    X = sparse.lil_array((400, 30))
    X[0, 0], X[1, 1], X[2, 2] = 1.0, 1e3, 1e-3
    for j in range(3, 30):
        X[rng.integers(400, size=10), j] = rng.normal(size=10)
    y = rng.normal(size=400)
    objective = make_objective(X.tocsr(), y, SquaredError(), ElasticPenalty(l2=10.0))
    result, monitor = run(objective, method=method, max_iter=50)
    assert not result.diverged
    assert max(monitor.curve) < 2.0 * monitor.start
    assert objective.value(result.W, result.b) <= monitor.start


def test_heavy_rows_are_visited_more_often_and_do_not_set_the_pace(rng):
    X = rng.normal(size=(300, 5))
    y = X @ rng.normal(size=5) + rng.normal(size=300)
    weights = np.ones(300)
    weights[:3] = 50.0
    objective = make_objective(X, y, SquaredError(), ElasticPenalty(l2=0.1), weights=weights)
    result, _ = run(objective, tol=1e-16, max_iter=300)
    assert result.converged
    assert 300 * result.n_iter < result.t <= 1.25 * 300 * result.n_iter + result.n_iter
    ridge = Ridge(alpha=0.1 * weights.sum(), solver="cholesky").fit(X, y, weights)
    np.testing.assert_allclose(result.W[0], ridge.coef_, atol=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_sorted_rows_without_shuffling_are_safe(method):
    X = np.repeat(np.eye(2), 50, axis=0)
    y = np.repeat([1.0, -1.0], 50)
    objective = make_objective(X, y, SquaredError(), ElasticPenalty(l2=0.01))
    result, monitor = run(objective, method=method, max_iter=300, shuffle=False)
    assert not result.diverged
    assert max(monitor.curve) <= monitor.start * (1 + 1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layout", [np.asarray, sparse.csr_array])
def test_a_rate_far_too_large_gives_the_last_good_iterate(method, layout, rng):
    X = rows(rng)
    y = rng.normal(size=len(X))
    objective = make_objective(layout(X), y, SquaredError(), PENALTIES["l2"])
    result, monitor = run(objective, method=method, rate=1e3, max_iter=50)
    assert result.diverged and not result.converged
    assert result.n_iter < 50
    assert objective.value(result.W, result.b) <= monitor.start * (1 + 1e-12)
    assert np.all(np.isfinite(monitor.curve))


@pytest.mark.parametrize("method", METHODS)
def test_tol_none_runs_all_passes(method, rng):
    X = rows(rng)
    objective = make_objective(X, rng.normal(size=len(X)), SquaredError(), PENALTIES["l2"])
    result, monitor = run(objective, method=method, max_iter=7)
    assert result.n_iter == len(monitor.curve) == 7
    assert result.t == 7 * len(X)
    assert not result.converged
    assert monitor.certificates == [None] * 7


def test_the_monitor_stops_the_run(rng):
    X = rows(rng)
    objective = make_objective(X, rng.normal(size=len(X)), SquaredError(), PENALTIES["l2"])
    result, monitor = run(objective, max_iter=50, monitor=Recorder(stop_at=3))
    assert result.n_iter == 3
    np.testing.assert_array_equal(result.W, monitor.path[-1][0])


def test_snapshots_can_be_rarer(rng):
    X = rows(rng)
    objective = make_objective(X, rng.normal(size=len(X)), SquaredError(), PENALTIES["l2"])
    often, _ = run(objective, method="svrg", max_iter=4)
    rarely, _ = run(objective, method="svrg", max_iter=4, snapshot_every=2)
    assert np.abs(often.W - rarely.W).max() > 1e-10
    rarely, _ = run(objective, method="svrg", max_iter=300, snapshot_every=2, tol=1e-16)
    assert rarely.converged


@pytest.mark.parametrize("method", METHODS)
def test_losses_with_kinks_are_refused(method, rng):
    X = rows(rng)
    objective = make_objective(X, rng.normal(size=len(X)), AbsoluteError(), PENALTIES["l2"])
    with pytest.raises(ValueError, match=rf"optimizer='{method}'.*loss='absolute_error'"):
        run(objective, method=method)


@pytest.mark.parametrize("layout", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("shape", [(1, 3), (5, 1), (4, 3)])
def test_small_and_empty_problems(layout, shape, rng):
    for X in (rng.normal(size=shape), np.zeros(shape)):
        objective = make_objective(
            layout(X), rng.normal(size=shape[0]), SquaredError(), PENALTIES["l2"]
        )
        for method in METHODS:
            result, _ = run(objective, method=method, tol=1e-10, max_iter=500)
            assert result.converged
            np.testing.assert_allclose(
                result.b, objective.targets.mean() - result.W[0] @ X.mean(axis=0), atol=1e-4
            )
