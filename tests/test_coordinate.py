"""Coordinate descent: its kernels against their NumPy twin, its optimum against other solvers."""

import numpy as np
import pytest
import reference_coordinate as reference
from scipy import sparse
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression
from sklearn.svm import LinearSVC

from sgdlearn import GDLinearRegression, GDLogisticRegression, losses
from sgdlearn._kernels import coordinate as kernels
from sgdlearn._solvers import columns, coordinate, quadratic
from sgdlearn._solvers import objective as objectives
from sgdlearn._solvers.batch import solve_batch
from sgdlearn._solvers.certificate import Certificate
from sgdlearn._solvers.duality import duality_gap
from sgdlearn._solvers.monitor import Monitor
from sgdlearn._solvers.objective import Objective
from sgdlearn._solvers.rows import make_rows
from sgdlearn._solvers.scaling import Scaling
from sgdlearn._threads import Team
from sgdlearn.losses import Loss
from sgdlearn.penalties import ElasticPenalty

N, P = 120, 15
LOSSES = [
    losses.SquaredError(),
    losses.Huber(0.5),
    losses.SquaredEpsilonInsensitive(0.2),
    losses.LogLoss(),
    losses.SquaredHinge(),
]
PENALTIES = {
    "l1": ElasticPenalty(l1=0.03),
    "elastic": ElasticPenalty(l1=0.02, l2=0.05),
    "positive": ElasticPenalty(l1=0.02, l2=0.01, positive=True),
    "units": ElasticPenalty(l1=0.02, l2=0.05, unit=np.geomspace(0.3, 3.0, P)),
    "l2": ElasticPenalty(l2=0.05),
}
STORED = {
    "C": lambda X: X,
    "F": np.asfortranarray,
    "csr": sparse.csr_matrix,
    "int64": lambda X: with_long_indices(sparse.csr_matrix(X)),
}


def with_long_indices(X):
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


@pytest.fixture
def X(rng):
    shared = rng.normal(size=(N, 1))
    return (rng.normal(size=(N, P)) + 0.5 * shared + 0.3) * (rng.random((N, P)) < 0.6)


def targets_of(loss, X, k=1, seed=1):
    rng = np.random.default_rng(seed)
    size = np.maximum(X.std(axis=0), 1e-300)
    Z = (X - X.mean(axis=0)) / size * (size > 1e-9 * np.abs(X.mean(axis=0)))
    scores = Z @ (rng.normal(size=(P, k)) * (rng.random((P, k)) < 0.5))
    scores += rng.normal(size=scores.shape) + 0.3
    if loss.kind == "regression":
        return scores
    if k > 1:
        return scores.argmax(axis=1)[:, None].astype(float)
    return np.where(scores > 0.0, 1.0, -1.0)


def make(X, y, loss, penalty, *, k=1, weights=None, intercept=True):
    targets = np.ascontiguousarray(np.reshape(y, (len(y), -1)), dtype=np.float64)
    return Objective(make_rows(X), targets, weights, loss, penalty, k, intercept)


def run(objective, *, tol=0.0, max_iter=200, start=None, method="cd"):
    W, b = start or (np.zeros((objective.n_outputs, objective.rows.p)), objective.baseline())
    monitor = Monitor()
    result = solve_batch(
        objective, W, b, method=method, tol=tol, max_iter=max_iter, monitor=monitor
    )
    assert len(monitor.curve) == result.n_iter >= 1
    assert monitor.curve[-1] == pytest.approx(objective.value(result.W, result.b), rel=1e-9)
    if method == "cd":
        assert np.all(np.diff([monitor.started, *monitor.curve]) <= 1e-12 * monitor.started)
    return result


def slopes(objective, result):
    """The gradient of the mean loss in W."""
    return objective.loss_value_and_gradient(result.W, result.b)[1]


# --- the kernels


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("lower", [-np.inf, 0.0])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_visits_equal_their_twin(intercept, lower, dtype, X, rng):
    X = X.astype(dtype)
    D, a = rng.random(N) / N, rng.normal(size=N) / N
    t1, t2 = 0.02 * rng.random(P), 0.1 * rng.random(P)
    w = np.maximum(rng.normal(size=P) * (rng.random(P) < 0.5), lower)
    order = rng.permutation(P)[: P - 3]
    wide = X.astype(np.float64)
    H, g = reference.model(wide, D, a, intercept=intercept)
    after, g_after, gain = reference.visits(H, g, w, order, t1, t2, lower)

    ours, slopes = w.copy(), g.copy()
    assert kernels.gram_visits(H, order, t1, t2, lower, ours, slopes) == pytest.approx(gain)
    np.testing.assert_allclose(ours, after, atol=1e-13)
    np.testing.assert_allclose(slopes, g_after, atol=1e-13)

    shift = wide.mean(axis=0) if intercept else np.zeros(P)
    csc = sparse.csc_matrix(X)
    number = {np.float64: "double", np.float32: "float"}[dtype]
    for index, name in (np.int32, "int"), (np.int64, "long long"), (None, None):
        if name is None:
            arrays, types, kind = (np.asfortranarray(X),), number, "dense"
        else:
            arrays = csc.data, csc.indices.astype(index), csc.indptr.astype(index)
            types, kind = (number, name), "csc"
        curvatures = getattr(kernels, f"{kind}_curvatures")[types]
        visits = getattr(kernels, f"{kind}_visits")[types]
        h, means = np.zeros((2, P))
        curvatures(*arrays, np.arange(P), D, D.sum(), shift, intercept, h, means)
        np.testing.assert_allclose(h, np.diag(H), rtol=1e-12)
        ours, row_slopes, S = w.copy(), a.copy(), np.array([a.sum()])
        visited = visits(
            *arrays, order, D, D.sum(), h, means, t1, t2, lower, ours, row_slopes, S
        )
        assert visited == pytest.approx(gain)
        np.testing.assert_allclose(ours, after, atol=1e-13)
        np.testing.assert_allclose(row_slopes, a + D * (wide @ (after - w)), atol=1e-13)
        assert not intercept or S[0] == pytest.approx(row_slopes.sum(), abs=1e-13)


def test_passes_over_sparse_columns(X, rng, monkeypatch):
    monkeypatch.setattr(columns, "NUMBERS_PER_CALL", 100)  # in several parts
    objective = make(sparse.csr_matrix(X), np.zeros(N), losses.SquaredError(), ElasticPenalty())
    ours = columns.SparseColumns(objective, Scaling.identity(P))
    a, w = rng.normal(size=N), rng.normal(size=P) * (rng.random(P) < 0.5)
    assert len(ours.parts(np.arange(P))) > 3
    np.testing.assert_allclose(ours.slopes(a), X.T @ a, atol=1e-12)
    np.testing.assert_allclose(ours.predictions(w), X @ w, atol=1e-12)


# --- the same optimum as the twin and as other solvers


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_optimum_of_the_twin(loss, penalty, intercept, X, rng):
    penalty = PENALTIES[penalty]
    y = targets_of(loss, X)[:, 0]
    weights = rng.integers(1, 4, size=N).astype(float)
    t1, t2 = np.broadcast_to(penalty.thresholds(), P), np.broadcast_to(penalty.ridge(), P)
    w, b = reference.fit(
        X, loss, y, weights / weights.sum(), np.zeros(P), 0.0, t1, t2, penalty.lower,
        intercept=intercept,
    )
    for stored in STORED.values():
        objective = make(stored(X), y, loss, penalty, weights=weights, intercept=intercept)
        result = run(objective)
        assert result.converged
        np.testing.assert_allclose(result.W[0], w, atol=1e-7)
        assert result.b[0] == pytest.approx(b, abs=1e-7)
        np.testing.assert_array_equal(result.W[0] == 0.0, np.abs(w) < 1e-9)
        loose = run(objective, tol=1e-3)
        excess = objective.value(loose.W, loose.b) - objective.value(result.W, result.b)
        assert excess <= loose.dual_gap + 1e-14
        assert loose.n_iter <= result.n_iter


@pytest.mark.parametrize("gathered", [True, False])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("shape", [(N, P), (30, 200)])
def test_lasso_and_elastic_net(shape, l1_ratio, gathered, rng, monkeypatch):
    if gathered:
        monkeypatch.setattr(columns, "GRAM_COLUMNS", 0)
    X = rng.normal(size=shape) + rng.normal(size=(shape[0], 1))
    y = X[:, :5].sum(axis=1) + rng.normal(size=len(X)) + 3.0
    for alpha in 0.3, 0.01:
        if l1_ratio == 1.0:
            peer = Lasso(alpha=alpha, tol=1e-14, max_iter=10**6).fit(X, y)
        else:
            peer = ElasticNet(alpha=alpha, l1_ratio=l1_ratio, tol=1e-14, max_iter=10**6).fit(X, y)
        penalty = ElasticPenalty(alpha * l1_ratio, alpha * (1.0 - l1_ratio))
        for stored in (X, sparse.csr_matrix(X)):
            result = run(make(stored, y, losses.SquaredError(), penalty))
            assert result.converged
            np.testing.assert_allclose(result.W[0], peer.coef_, atol=1e-6)
            assert result.b[0] == pytest.approx(peer.intercept_, abs=1e-6)


@pytest.mark.parametrize("gathered", [True, False])
def test_l1_logistic_and_squared_hinge(gathered, X, monkeypatch):
    if gathered:
        monkeypatch.setattr(columns, "GRAM_COLUMNS", 0)
    y = targets_of(losses.LogLoss(), X)[:, 0]
    settings = {"C": 1.0 / (N * 0.02), "tol": 1e-10, "fit_intercept": False, "max_iter": 10**5}
    old = LogisticRegression().l1_ratio is None  # before scikit-learn 1.8
    l1 = {"penalty": "l1"} if old else {"l1_ratio": 1.0}
    logistic = LogisticRegression(**l1, solver="liblinear", **settings).fit(X, y)
    hinge = LinearSVC(penalty="l1", dual=False, **settings).fit(X, y)
    for loss, peer in (losses.LogLoss(), logistic), (losses.SquaredHinge(), hinge):
        result = run(make(X, y, loss, ElasticPenalty(l1=0.02), intercept=False))
        assert result.converged
        np.testing.assert_allclose(result.W, peer.coef_, atol=1e-5)


def test_softmax(X):
    y = targets_of(losses.Multinomial(), X, 3)
    for penalty in PENALTIES["l1"], PENALTIES["elastic"], PENALTIES["positive"]:
        for stored in (X, sparse.csr_matrix(X)):
            objective = make(stored, y, losses.Multinomial(), penalty, k=3)
            ours, other = run(objective), run(objective, method="lbfgs", tol=1e-10)
            assert ours.converged
            assert objective.value(ours.W, ours.b) <= objective.value(other.W, other.b) + 1e-12
            np.testing.assert_allclose(ours.W, other.W, atol=1e-4)
            np.testing.assert_allclose(ours.b, other.b - other.b.mean(), atol=1e-4)


@pytest.mark.parametrize("loss", [losses.SquaredError(), losses.LogLoss()], ids=["squares", "logs"])
def test_outputs_are_problems_of_their_own(loss, X):
    y = targets_of(loss, X, 3)
    joint = run(make(X, y, loss, PENALTIES["elastic"], k=3))
    for c in range(3):
        own = y[:, c] if loss.kind == "regression" else np.where(y == c, 1.0, -1.0)
        np.testing.assert_allclose(
            joint.W[c], run(make(X, own, loss, PENALTIES["elastic"])).W[0], atol=1e-7
        )


# --- whatever the scales


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("stored", ["C", "csr"])
def test_any_scales(loss, stored, X):
    """Columns at 1e-12 and 1e9, means of a thousand deviations, a constant, a column of zeros."""
    X = (X + 100.0) * np.geomspace(1e-3, 1e4, P)
    X[:, 2] = 7.0
    X[:, 3] = 0.0
    X[:, 4] = (X[:, 4] / X[:, 4].std() + 1000.0) * 1e9
    X[:, 5] *= 1e-12 / X[:, 5].std()
    y = targets_of(loss, X)
    objective = make(STORED[stored](X), y, loss, ElasticPenalty(l1=0.02))
    result = run(objective, tol=1e-9, max_iter=100)
    peer = run(objective, tol=1e-9, max_iter=3000, method="lbfgs")
    value = objective.value(result.W, result.b)
    assert result.converged
    assert value <= objective.value(peer.W, peer.b) * (1.0 + 1e-9)
    # the conditions of the optimum, in units of each column
    G, size = slopes(objective, result)[0], Scaling.from_rows(objective.rows, centre=True).scale
    excess = np.where(result.W[0] == 0.0, np.maximum(np.abs(G) - 0.02, 0.0), np.abs(G) - 0.02)
    assert np.max(np.abs(excess) * size) < 1e-4
    assert not np.any(result.W[0, [2, 3]])


def test_float32(X):
    for stored in (X, sparse.csr_matrix(X)):
        y = targets_of(losses.LogLoss(), X)
        wide = run(make(stored, y, losses.LogLoss(), PENALTIES["elastic"]))
        narrow = run(make(stored.astype(np.float32), y, losses.LogLoss(), PENALTIES["elastic"]))
        np.testing.assert_allclose(narrow.W, wide.W, atol=1e-5)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_a_weight_is_a_multiplicity(loss, X, rng):
    y = targets_of(loss, X)
    weights = rng.integers(1, 4, size=N)
    for stored in (X, sparse.csr_matrix(X)):
        weighted = run(make(stored, y, loss, PENALTIES["l1"], weights=weights.astype(float)))
        index = np.repeat(np.arange(N), weights)
        copies = run(make(stored[index], y[index], loss, PENALTIES["l1"]))
        np.testing.assert_allclose(weighted.W, copies.W, atol=1e-8)


# --- sparse columns that look alike


@pytest.mark.parametrize("gram", [True, False])
@pytest.mark.parametrize("seed", [0, 7])
def test_signs_that_are_hard_to_find(gram, seed, monkeypatch):
    """Visits follow conjugate gradients that lead nowhere; small sets have a Gram matrix."""
    rng = np.random.default_rng(seed)
    n, p = 300, 80
    X = rng.normal(size=(n, p)) @ (np.eye(p) + 0.5 * rng.normal(size=(p, p)) / np.sqrt(p))
    X *= 10.0 ** rng.uniform(-1, 1, p)
    z = X @ (rng.normal(size=p) * (rng.random(p) < 0.3))
    y = np.where(z / z.std() + 0.3 * rng.normal(size=n) > 0, 1.0, -1.0)
    loss, penalty = losses.SquaredHinge(), ElasticPenalty(l1=3e-4)
    dense = run(make(X, y, loss, penalty), tol=1e-5)
    if not gram:
        monkeypatch.setattr("sgdlearn._solvers.columns.FEW_NUMBERS", 0)
    few = run(make(sparse.csr_matrix(X), y, loss, penalty), tol=1e-5, max_iter=600)
    assert dense.converged
    assert few.converged
    np.testing.assert_allclose(few.W, dense.W, rtol=1e-2, atol=1e-4 * np.abs(dense.W).max())
    if gram:
        assert few.n_iter <= dense.n_iter + 5


# --- on the way


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_a_start_at_the_optimum_stays_there(loss, X):
    for stored in (X, sparse.csr_matrix(X)):
        objective = make(stored, targets_of(loss, X), loss, PENALTIES["l1"])
        best = run(objective, tol=1e-10)
        again = run(objective, tol=1e-8, start=(best.W, best.b))
        assert again.converged
        assert again.n_iter == 1
        np.testing.assert_array_equal(again.W, best.W)


def test_nothing_is_worth_a_coefficient(X):
    for loss in LOSSES:
        y = targets_of(loss, X)
        result = run(
            make(X, y, loss, ElasticPenalty(l1=100.0)), start=(np.zeros((1, P)), np.array([9.0]))
        )
        assert not result.W.any()
        assert result.converged
        assert result.b[0] == pytest.approx(loss.baseline(y[:, 0]), abs=1e-6)


def test_many_columns_of_a_gram_matrix_are_few_iterations(rng):
    """Nearly collinear columns: the support jumps to where single coordinates would crawl."""
    X = rng.normal(size=(400, 1)) + 1e-3 * rng.normal(size=(400, 60))
    y = X[:, :3] @ [300.0, -200.0, 100.0] + rng.normal(size=400)
    objective = make(X, y, losses.SquaredError(), ElasticPenalty(l1=1e-6))
    result = run(objective, tol=1e-10)
    assert result.converged
    assert result.n_iter < 20


def test_the_gram_matrix_grows_by_the_columns_asked_for(X, rng):
    objective = make(X, np.zeros(N), losses.SquaredError(), ElasticPenalty())
    scaling = Scaling.from_rows(objective.rows, centre=True)
    D = rng.random(N)
    gram = quadratic.Gram(columns.DenseColumns(objective, scaling), D)
    A = (X - scaling.shift) * scaling.scale
    for which in ([3, 1], [1, 5, 3, 0], np.arange(P)):
        G, sums = gram.of(np.asarray(which))
        np.testing.assert_allclose(G, A[:, which].T @ (D[:, None] * A[:, which]), atol=1e-12)
        np.testing.assert_allclose(sums, D @ A[:, which], atol=1e-12)


class Cosh(Loss):
    """A loss in Python, which knows how curved it may be and no more."""

    curvature_bound = 1.0

    def value(self, y, z):
        return np.logaddexp(z - y, y - z)

    def gradient(self, y, z):
        return np.tanh(z - y)


class Curved(Cosh):
    def curvature(self, y, z):
        return 1.0 - np.tanh(z - y) ** 2


def test_losses_in_python(X):
    y = targets_of(losses.SquaredError(), X)[:, 0]
    settings = {"penalty": "l1", "alpha": 0.05, "tol": 1e-8}
    models = [
        GDLinearRegression(loss=loss, optimizer=optimizer, **settings).fit(X, y)
        for loss in (Cosh(), Curved())
        for optimizer in ("cd", "lbfgs")
    ]
    for model in models[1:]:
        np.testing.assert_allclose(model.coef_, models[0].coef_, atol=1e-5)


def test_estimators(X):
    y = targets_of(losses.LogLoss(), X)[:, 0]
    model = GDLogisticRegression(penalty="l1", alpha=0.03, optimizer="cd", tol=1e-8).fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_)
    assert not hasattr(model, "partial_fit")
    tight = model.coef_
    model.set_params(warm_start=True).fit(X, y)
    assert model.n_iter_ == 1
    np.testing.assert_array_equal(model.coef_, tight)
    with pytest.raises(ValueError, match="learning_rate"):
        model.set_params(learning_rate=0.1).fit(X, y)


# --- working sets that are more than the scratch holds


@pytest.fixture
def little_scratch(monkeypatch):
    """Sparse columns in blocks of a few, from three parts of the rows."""
    monkeypatch.setattr(columns, "LEAST", 200)
    monkeypatch.setattr(columns, "PART", 1)
    monkeypatch.setattr(columns, "SHARE", 10)
    monkeypatch.setattr(columns, "MOST_PARTS", 3)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("stored", ["csr", "int64"])
def test_gathered_columns_are_those_of_csc(stored, dtype, n_jobs, X, rng, little_scratch):
    X = STORED[stored](X.astype(dtype))
    objective = make(X, np.zeros(N), losses.SquaredError(), ElasticPenalty())
    objective.rows.team = Team(n_jobs)
    ours, csc = columns.SparseColumns(objective, Scaling.identity(P)), X.tocsc()
    assert len(ours._row_parts) == 3
    np.testing.assert_array_equal(ours.sizes, np.diff(csc.indptr))
    for which in (np.arange(P), np.array([1, 2, 7, 11]), np.array([4])):
        seen = []
        for (data, indices, indptr), part in ours.blocks(which):
            for j in part:
                entries, own = slice(*indptr[j : j + 2]), slice(*csc.indptr[j : j + 2])
                np.testing.assert_array_equal(data[entries], csc.data[own])
                np.testing.assert_array_equal(indices[entries], csc.indices[own])
            seen.append(part)
        np.testing.assert_array_equal(np.concatenate(seen), which)
        assert (len(seen) == 1) == ours.fit(which) == ours.held.any()
        # products along the columns that are held, and along the rows
        a, D, w = rng.normal(size=N), rng.random(N), np.zeros(P)
        w[which] = rng.normal(size=len(which))
        np.testing.assert_allclose(ours.slopes(a, which), X.T[which] @ a, rtol=1e-6)
        np.testing.assert_allclose(ours.predictions(w), X @ w, rtol=1e-5, atol=1e-6)
        dz, image = ours.image(which, w, D)
        np.testing.assert_allclose(dz, D * (X @ w), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(image, X.T[which] @ (D * (X @ w)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("penalty", ["l1", "elastic", "positive", "units"])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_blocks_come_to_the_optimum_of_dense_columns(
    loss, penalty, intercept, X, rng, little_scratch
):
    y, weights = targets_of(loss, X), rng.integers(1, 4, size=N).astype(float)
    settings = {"weights": weights, "intercept": intercept}
    dense = run(make(X, y, loss, PENALTIES[penalty], **settings))
    for stored in ("csr", "int64"):
        objective = make(STORED[stored](X), y, loss, PENALTIES[penalty], **settings)
        result = run(objective)
        assert result.converged
        np.testing.assert_allclose(result.W, dense.W, atol=1e-6)
        np.testing.assert_allclose(result.b, dense.b, atol=1e-6)
        np.testing.assert_array_equal(result.W == 0.0, dense.W == 0.0)
        loose = run(objective, tol=1e-4)
        excess = objective.value(loose.W, loose.b) - objective.value(result.W, result.b)
        assert loose.converged
        assert excess <= loose.dual_gap + 1e-14


def test_blocks_under_the_softmax(X, little_scratch):
    y = targets_of(losses.Multinomial(), X, 3)
    dense, blocks = (
        run(make(stored, y, losses.Multinomial(), PENALTIES["l1"], k=3))
        for stored in (X, sparse.csr_matrix(X))
    )
    np.testing.assert_allclose(blocks.W, dense.W, atol=1e-6)


def test_threads_change_no_bit(X, little_scratch, monkeypatch):
    monkeypatch.setattr(objectives, "PART", 100)  # several parts of the rows
    y = targets_of(losses.LogLoss(), X)
    results = []
    for n_jobs in (None, 2, 3):
        objective = make(sparse.csr_matrix(X), y, losses.LogLoss(), PENALTIES["l1"])
        objective.rows.team = Team(n_jobs)
        assert len(objective.parts) > 3
        results.append(run(objective, tol=1e-6))
    for result in results[1:]:
        np.testing.assert_array_equal(result.W, results[0].W)
        assert result.dual_gap == results[0].dual_gap


# --- the duality gap


@pytest.mark.parametrize("stored", ["C", "csr"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_mended_slopes_tell_a_smaller_gap(loss, intercept, stored, X, rng):
    """Near the optimum, where one coordinate makes slopes too steep in some columns."""
    objective = make(STORED[stored](X), targets_of(loss, X), loss, PENALTIES["l1"])
    objective.fit_intercept = intercept
    best = run(objective)
    scaling = Scaling.from_rows(objective.rows, centre=intercept)
    W = best.W.copy()
    W[0, np.flatnonzero(W[0])[0]] += 1e-3
    near = coordinate._Run(objective, Certificate(objective, scaling), W, best.b)
    near.look()
    slopes, lower = near.mended_slopes(1e-6)
    plain = duality_gap(objective, W, near.b)
    mended = duality_gap(objective, W, near.b, slopes)
    excess = objective.value(W, near.b) - objective.value(best.W, best.b)
    assert excess - 1e-14 <= mended < 0.5 * plain
    assert 0.0 < lower <= excess * (1.0 + 1e-2)
