"""L-BFGS, Newton's method, the interior point method and smoothing, at the optimum."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog, lsq_linear, minimize
from sklearn.linear_model import (
    ElasticNet,
    LinearRegression,
    LogisticRegression,
    QuantileRegressor,
    Ridge,
)
from sklearn.svm import LinearSVC, LinearSVR

from sgdlearn import losses
from sgdlearn._solvers.batch import solve_batch
from sgdlearn._solvers.certificate import Certificate
from sgdlearn._solvers.monitor import Monitor
from sgdlearn._solvers.objective import Objective
from sgdlearn._solvers.rows import make_rows
from sgdlearn._solvers.scaling import Scaling
from sgdlearn.penalties import ElasticPenalty

N, P = 200, 6
TOL = {"newton": 1e-12, "lbfgs": 1e-8}  # the gap under L2 falls as the square of the norm
SMOOTH = [
    losses.SquaredError(),
    losses.Huber(0.5),
    losses.SquaredEpsilonInsensitive(0.2),
    losses.LogLoss(),
    losses.SquaredHinge(),
]
KINKED = [
    losses.Hinge(),
    losses.Quantile(0.3),
    losses.AbsoluteError(),
    losses.EpsilonInsensitive(0.2),
]


def well_scaled(seed=0, p=P):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(N, p)) + 0.5 * rng.normal(size=(N, 1)) + 0.3


def badly_scaled():
    """Scales 1e-3 .. 1e4, means of a hundred deviations, one constant column."""
    X = (well_scaled() + 100.0) * np.geomspace(1e-3, 1e4, P)
    X[:, 2] = 7.0
    return X


DESIGNS = {"well": well_scaled, "badly": badly_scaled}


def targets_of(loss, X, k=1, seed=1):
    rng = np.random.default_rng(seed)
    Z = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-9)
    scores = Z @ rng.normal(size=(X.shape[1], k)) + rng.normal(size=(len(X), k)) + 0.3
    if loss.kind == "regression":
        scores[:10] *= 5.0
        return scores
    if k > 1:
        return (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)[:, None].astype(float)
    return np.sign(scores + rng.normal(size=scores.shape))


def make(X, y, loss, penalty=None, *, k=1, weights=None, **settings):
    targets = np.ascontiguousarray(np.reshape(y, (len(y), -1)), dtype=np.float64)
    return Objective(
        make_rows(X), targets, weights, loss, penalty or ElasticPenalty(), k, **settings
    )


def run(objective, method, *, tol=None, max_iter=1000, start=None):
    W, b = start or (np.zeros((objective.n_outputs, objective.rows.p)), objective.baseline())
    monitor = Monitor()
    result = solve_batch(
        objective,
        W,
        b,
        method=method,
        tol=tol or (TOL[method] if objective.penalty.l2 == 0.0 else TOL[method] ** 2),
        max_iter=max_iter,
        monitor=monitor,
    )
    assert len(monitor.curve) == result.n_iter >= 1
    assert monitor.curve[-1] == pytest.approx(objective.value(result.W, result.b), rel=1e-9)
    for ours, theirs in zip(monitor.last(), (result.W, result.b)):
        np.testing.assert_array_equal(ours, theirs)
    return result


def assert_close(X, result, coef, intercept, tol=1e-6):
    """The same effect of every column, and the same predictions."""
    coef, effects = np.atleast_2d(coef), X.std(axis=0)
    scale = np.max(np.abs(coef * effects)) + 1e-3
    np.testing.assert_allclose(result.W * effects, coef * effects, atol=tol * scale)
    ours = X @ result.W.T + result.b
    theirs = X @ coef.T + intercept
    np.testing.assert_allclose(ours, theirs, atol=tol * np.abs(theirs).max())


# --- the same optimum as other solvers of the same objective


@pytest.mark.parametrize("method", ["newton", "lbfgs"])
@pytest.mark.parametrize("scales", DESIGNS)
@pytest.mark.parametrize("l2", [0.0, 1e-4, 0.3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_squared_error(method, scales, l2, fit_intercept):
    X = DESIGNS[scales]()
    y = 1e6 * targets_of(losses.SquaredError(), X) + 3e6
    if not fit_intercept and scales == "badly":
        X = X - 100.0 * np.geomspace(1e-3, 1e4, P)
    objective = make(
        X, y, losses.SquaredError(), ElasticPenalty(l2=l2), fit_intercept=fit_intercept
    )
    result = run(objective, method)
    # an augmented least-squares problem, centred by hand: what Ridge solves, without its normal
    # equations, which lose half the digits here
    mean, offset = (X.mean(axis=0), y.mean()) if fit_intercept else (0.0, 0.0)
    if l2 == 0.0:
        A, target = X - mean, y - offset
    else:
        A = np.vstack([X - mean, np.sqrt(N * l2) * np.eye(P)])
        target = np.vstack([y - offset, np.zeros((P, 1))])
    size = np.maximum(np.linalg.norm(A, axis=0), 1e-9)
    coef = np.linalg.lstsq(A / size, target, rcond=1e-12)[0][:, 0] / size
    assert result.converged
    assert_close(X, result, coef, offset - mean @ coef if fit_intercept else 0.0)
    if scales == "well":
        peer = Ridge(alpha=N * l2, fit_intercept=fit_intercept, solver="cholesky")
        peer = peer if l2 else LinearRegression(fit_intercept=fit_intercept)
        peer.fit(X, y[:, 0])
        assert_close(X, result, peer.coef_, peer.intercept_)


@pytest.mark.parametrize("method", ["newton", "lbfgs"])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("l2", [1e-3, 0.1])
def test_logistic_losses(method, k, l2):
    X = well_scaled()
    loss = losses.LogLoss() if k == 1 else losses.Multinomial()
    y = targets_of(loss, X, k)
    result = run(make(X, y, loss, ElasticPenalty(l2=l2), k=k), method)
    peer = LogisticRegression(C=1.0 / (N * l2), tol=1e-10, max_iter=1000, solver="newton-cg")
    peer.fit(X, y[:, 0])
    assert result.converged
    assert_close(X, result, peer.coef_, peer.intercept_ - (peer.intercept_.mean() if k > 1 else 0))


def test_one_vs_rest_is_k_problems():
    X = well_scaled()
    for loss in losses.LogLoss(), losses.SquaredHinge(), losses.Hinge():
        y = targets_of(loss, X, 3)
        penalty = ElasticPenalty(l2=0.01)
        joint = run(make(X, y, loss, penalty, k=3), "newton")
        for c in range(3):
            own = run(make(X, np.where(y == c, 1.0, -1.0), loss, penalty), "newton")
            np.testing.assert_allclose(joint.W[c], own.W[0], atol=1e-5)


def test_multi_output_is_k_problems():
    X = well_scaled()
    for loss in losses.SquaredError(), losses.Huber(0.5), losses.AbsoluteError():
        y = targets_of(loss, X, 3)
        joint = run(make(X, y, loss, ElasticPenalty(l2=0.01), k=3), "newton")
        for c in range(3):
            own = run(make(X, y[:, c], loss, ElasticPenalty(l2=0.01)), "newton")
            np.testing.assert_allclose(joint.W[c], own.W[0], atol=1e-5)


@pytest.mark.parametrize("scales", DESIGNS)
@pytest.mark.parametrize("l2", [0.0, 1e-4, 0.3])
@pytest.mark.parametrize("loss", SMOOTH, ids=lambda loss: loss.name)
def test_newton_and_lbfgs_agree(loss, l2, scales):
    X = DESIGNS[scales]()
    objective = make(X, targets_of(loss, X), loss, ElasticPenalty(l2=l2))
    newton, lbfgs = run(objective, "newton"), run(objective, "lbfgs")
    assert newton.converged
    assert lbfgs.converged
    assert newton.n_iter <= 15
    assert_close(X, lbfgs, newton.W, newton.b, tol=1e-5)
    assert objective.value(lbfgs.W, lbfgs.b) == pytest.approx(
        objective.value(newton.W, newton.b), rel=1e-11
    )


@pytest.mark.filterwarnings("ignore:Objective did not converge")  # coordinate descent's
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("alpha", [1e-3, 0.1, 10.0])
@pytest.mark.parametrize("scales", DESIGNS)
def test_lbfgs_elastic_net(scales, alpha, l1_ratio):
    X = DESIGNS[scales]()
    y = targets_of(losses.SquaredError(), X)
    penalty = ElasticPenalty(alpha * l1_ratio, alpha * (1.0 - l1_ratio))
    objective = make(X, y, losses.SquaredError(), penalty)
    result = run(objective, "lbfgs")
    peer = ElasticNet(alpha=alpha, l1_ratio=l1_ratio, tol=1e-14, max_iter=10**6)
    peer.fit(X, y[:, 0])
    assert result.converged
    assert_close(X, result, peer.coef_, peer.intercept_, tol=1e-5)
    np.testing.assert_array_equal(result.W[0] == 0.0, peer.coef_ == 0.0)


@pytest.mark.parametrize("scales", DESIGNS)
def test_lbfgs_l1_logistic(scales):
    X = DESIGNS[scales]()
    y = targets_of(losses.LogLoss(), X)
    objective = make(X, y, losses.LogLoss(), ElasticPenalty(l1=0.1))
    result = run(objective, "lbfgs")
    scaling = Scaling.from_rows(objective.rows, centre=True)
    assert result.converged
    assert Certificate(objective, scaling)(result.W, result.b) <= 1e-6
    assert np.any(result.W == 0.0)


@pytest.mark.parametrize("l1", [0.0, 0.01])
def test_lbfgs_positive(l1):
    X = badly_scaled()
    y = targets_of(losses.SquaredError(), X)
    result = run(make(X, y, losses.SquaredError(), ElasticPenalty(l1=l1, positive=True)), "lbfgs")
    assert result.converged
    assert np.all(result.W >= 0.0)
    assert np.any(result.W == 0.0)
    if l1 == 0.0:
        A = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-9)
        best = lsq_linear(A, y[:, 0] - y.mean(), bounds=(0.0, np.inf), tol=1e-14)
        np.testing.assert_allclose(
            result.W[0] * X.std(axis=0), best.x * (X.std(axis=0) > 0.0), atol=1e-5
        )


@pytest.mark.parametrize("method", ["newton", "lbfgs"])
@pytest.mark.parametrize("quantile", [0.2, 0.5])
@pytest.mark.parametrize("alpha", [0.0, 0.05])
def test_quantile_with_l1(method, quantile, alpha):
    X = well_scaled()
    loss = losses.Quantile(quantile)
    y = targets_of(loss, X)
    objective = make(X, y, loss, ElasticPenalty(l1=alpha))
    result = run(objective, method, tol={"newton": 1e-10, "lbfgs": 1e-5}[method])
    peer = QuantileRegressor(quantile=quantile, alpha=alpha, solver="highs").fit(X, y[:, 0])
    best = objective.value(peer.coef_[None], np.array([peer.intercept_]))
    assert result.converged
    assert objective.value(result.W, result.b) <= best * (
        1.0 + {"newton": 1e-9, "lbfgs": 1e-5}[method]
    )


@pytest.mark.parametrize("scales", DESIGNS)
def test_absolute_error_is_a_linear_program(scales):
    X = DESIGNS[scales]()
    y = targets_of(losses.AbsoluteError(), X)
    objective = make(X, y, losses.AbsoluteError())
    result = run(objective, "newton")
    A = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-9)
    I = np.eye(N)
    A = np.hstack([A, np.ones((N, 1)), I, -I])
    cost = np.r_[np.zeros(P + 1), np.ones(2 * N) / N]
    bounds = [(None, None)] * (P + 1) + [(0, None)] * (2 * N)
    best = linprog(cost, A_eq=A, b_eq=y[:, 0], bounds=bounds)
    assert result.converged
    assert objective.value(result.W, result.b) == pytest.approx(best.fun, rel=1e-9)


@pytest.mark.parametrize(
    "loss, peer",
    [
        (losses.Hinge(), LinearSVC(loss="hinge", dual=True)),
        (losses.SquaredHinge(), LinearSVC(loss="squared_hinge", dual=True)),
        (losses.EpsilonInsensitive(0.2), LinearSVR(epsilon=0.2)),
        (
            losses.SquaredEpsilonInsensitive(0.2),
            LinearSVR(epsilon=0.2, loss="squared_epsilon_insensitive", dual=True),
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_support_vector_machines(loss, peer):
    X = well_scaled()
    y = targets_of(loss, X)
    l2 = 0.05
    peer.set_params(C=1.0 / (N * l2), fit_intercept=False, tol=1e-9, max_iter=10**6)
    peer.fit(X, y[:, 0])
    objective = make(X, y, loss, ElasticPenalty(l2=l2), fit_intercept=False)
    result = run(objective, "newton")
    assert result.converged
    assert_close(X, result, peer.coef_, 0.0, tol=1e-4)
    assert objective.value(result.W, result.b) <= objective.value(
        np.atleast_2d(peer.coef_), np.zeros(1)
    ) * (1.0 + 1e-9)


@pytest.mark.parametrize("scales", DESIGNS)
@pytest.mark.parametrize("l2", [0.0, 1e-3])
@pytest.mark.parametrize("loss", KINKED, ids=lambda loss: loss.name)
def test_smoothing_comes_to_the_same(loss, l2, scales):
    X = DESIGNS[scales]()
    objective = make(X, targets_of(loss, X), loss, ElasticPenalty(l2=l2))
    exact, smoothed = run(objective, "newton"), run(objective, "lbfgs", tol=1e-4)
    value, best = (objective.value(one.W, one.b) for one in (smoothed, exact))
    assert exact.converged
    assert exact.n_iter <= 40
    assert best <= value * (1.0 + 1e-10)
    if smoothed.converged:
        assert value <= best * (1.0 + 1e-4)
    assert value <= best * (1.0 + 1e-3)


def test_huber_far_from_its_quadratic_part():
    X = badly_scaled()
    y = 1e6 * targets_of(losses.Huber(), X) + 1e7
    huber = make(X, y, losses.Huber(1e-3))
    result = run(huber, "newton")
    absolute = run(make(X, y, losses.AbsoluteError()), "newton")
    assert result.converged
    assert huber.value(result.W, result.b) <= huber.value(absolute.W, absolute.b)


@pytest.mark.parametrize("loss", SMOOTH, ids=lambda loss: loss.name)
def test_scipy_finds_the_same(loss):
    X = well_scaled()
    y = targets_of(loss, X)
    result = run(make(X, y, loss, ElasticPenalty(l2=1e-3)), "newton")

    def value(x):
        return np.mean(loss.value(y[:, 0], X @ x[:P] + x[P])) + 5e-4 * np.sum(x[:P] ** 2)

    def gradient(x):
        slopes = loss.gradient(y[:, 0], X @ x[:P] + x[P]) / N
        return np.r_[X.T @ slopes + 1e-3 * x[:P], slopes.sum()]

    best = minimize(value, np.zeros(P + 1), jac=gradient, method="BFGS", tol=1e-9)
    np.testing.assert_allclose(np.r_[result.W[0], result.b], best.x, atol=1e-6)


# --- what must not change the model


@pytest.mark.parametrize("method", ["newton", "lbfgs"])
@pytest.mark.parametrize("loss", [*SMOOTH, losses.Multinomial()], ids=lambda loss: loss.name)
def test_storage_does_not_matter(loss, method):
    X = well_scaled() * (np.random.default_rng(2).random((N, P)) < 0.6)
    k = 3 if loss.name == "multinomial" else 1
    y = targets_of(loss, X, k)
    penalty = ElasticPenalty(l2=1e-2)
    reference = run(make(X, y, loss, penalty, k=k), method)
    for stored in np.asfortranarray(X), sparse.csr_matrix(X):
        result = run(make(stored, y, loss, penalty, k=k), method)
        assert_close(X, result, reference.W, reference.b, tol=1e-7)


def test_float32():
    X = badly_scaled().astype(np.float32)
    for loss in [*SMOOTH, losses.Hinge(), losses.Quantile(0.3)]:
        y = targets_of(loss, X.astype(np.float64))
        penalty = ElasticPenalty(l2=1e-3)
        single = run(make(X, y, loss, penalty), "newton")
        double = run(make(X.astype(np.float64), y, loss, penalty), "newton")
        np.testing.assert_array_equal(single.W, double.W)


@pytest.mark.parametrize("l2", [0.0, 1e-4])
@pytest.mark.parametrize(
    "method, loss",
    [
        *[("newton", loss) for loss in [*SMOOTH, losses.Multinomial(), *KINKED]],
        *[("lbfgs", loss) for loss in [*SMOOTH, losses.Multinomial()]],
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_weights_are_multiplicities(method, loss, l2):
    rng = np.random.default_rng(5)
    X = badly_scaled()
    k = 3 if loss.name == "multinomial" else 1
    y = targets_of(loss, X, k)
    repeats = rng.integers(1, 4, size=N)
    copies = rng.permutation(np.repeat(np.arange(N), repeats))
    penalty = ElasticPenalty(l2=l2)
    weighted = make(X, y, loss, penalty, k=k, weights=repeats.astype(float))
    repeated = make(X[copies], y[copies], loss, penalty, k=k)
    ours, theirs = run(weighted, method), run(repeated, method)
    assert_close(X, ours, theirs.W, theirs.b, tol=1e-8 if method == "newton" else 1e-6)


def test_start_does_not_matter():
    X = well_scaled()
    rng = np.random.default_rng(3)
    for loss in [*SMOOTH, losses.Multinomial(), losses.Hinge()]:
        k = 3 if loss.name == "multinomial" else 1
        objective = make(X, targets_of(loss, X, k), loss, ElasticPenalty(l2=0.01), k=k)
        for method in ["newton", "lbfgs"] if loss.smooth else ["newton"]:
            cold = run(objective, method)
            warm = run(objective, method, start=(rng.normal(size=(k, P)), rng.normal(size=k)))
            np.testing.assert_allclose(warm.W, cold.W, atol=1e-5)
            again = run(objective, method, tol=1e-6, start=(cold.W, cold.b))
            interior = method == "newton" and loss.name in ("hinge", "huber")
            assert again.n_iter <= (cold.n_iter if interior else 1)


# --- corners


@pytest.mark.parametrize("method", ["newton", "lbfgs"])
def test_more_columns_than_rows(method):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 50)), rng.normal(size=30)
    objective = make(X, y, losses.SquaredError())
    result = run(objective, method)
    assert result.converged
    np.testing.assert_allclose(X @ result.W[0] + result.b, y, atol=1e-7)


@pytest.mark.parametrize("method", ["newton", "lbfgs"])
def test_a_column_twice(method):
    X = well_scaled()
    X[:, 3] = X[:, 1]
    for loss in losses.SquaredError(), losses.LogLoss():
        y = targets_of(loss, X)
        result = run(make(X, y, loss), method)
        once = run(make(np.delete(X, 3, axis=1), y, loss), method)
        assert result.converged
        np.testing.assert_allclose(
            X @ result.W.T + result.b,
            np.delete(X, 3, axis=1) @ once.W.T + once.b,
            atol=1e-5,
        )
        np.testing.assert_allclose(result.W[0, 1], result.W[0, 3], atol=1e-6)


@pytest.mark.parametrize("method", ["newton", "lbfgs"])
@pytest.mark.parametrize("k", [1, 3])
def test_separable_classes_have_no_optimum(method, k):
    X = well_scaled()
    loss = losses.LogLoss() if k == 1 else losses.Multinomial()
    Z = X @ np.random.default_rng(0).normal(size=(P, k))
    y = np.sign(Z - np.median(Z)) if k == 1 else Z.argmax(axis=1)
    result = run(make(X, y, loss, k=k), method, tol=1e-10)
    assert not result.converged
    assert np.all(np.isfinite(result.W))
    assert result.n_iter < 500
    assert run(make(X, y, loss, ElasticPenalty(l2=0.1), k=k), method).converged


@pytest.mark.parametrize("method", ["newton", "lbfgs"])
def test_one_separable_class_is_enough(method):
    X = well_scaled()
    rng = np.random.default_rng(0)
    y = np.where(X[:, 0] > 0.5, 0, rng.integers(1, 3, size=N))
    assert not run(make(X, y, losses.LogLoss(), k=3), method, tol=1e-10).converged


@pytest.mark.parametrize("method", ["newton", "lbfgs"])
@pytest.mark.parametrize("constant", [0.0, 1.0 / 3.0, 1e6 / 3.0])
@pytest.mark.parametrize(
    "loss",
    [losses.SquaredError(), losses.Huber(), losses.Quantile(0.2), losses.AbsoluteError()],
    ids=lambda loss: loss.name,
)
def test_constant_targets(loss, constant, method):
    X = well_scaled()
    result = run(make(X, np.full(N, constant), loss), method, tol=1e-8)
    assert result.converged
    np.testing.assert_allclose(result.W, 0.0, atol=1e-9 * max(constant, 1.0))
    np.testing.assert_allclose(result.b, constant, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", ["newton", "lbfgs"])
def test_one_row_and_no_information(method):
    for X in np.array([[1.0, 2.0]]), np.zeros((5, 2)), np.ones((5, 2)):
        y = np.arange(float(len(X)))
        result = run(make(X, y, losses.SquaredError()), method)
        assert result.converged
        np.testing.assert_array_equal(result.W, 0.0)
        np.testing.assert_allclose(result.b, y.mean())


@pytest.mark.parametrize("method", ["newton", "lbfgs"])
@pytest.mark.parametrize("loss", [losses.LogLoss(), losses.Hinge()], ids=lambda loss: loss.name)
def test_the_monitor_stops_it(method, loss):
    X = well_scaled()
    objective = make(X, targets_of(loss, X), loss)
    task = SimpleNamespace(begin_epoch=lambda: None, end_epoch=lambda epoch, _: epoch == 3)
    monitor = Monitor(task=task)
    start = np.zeros((1, P)), np.zeros(1)
    result = solve_batch(objective, *start, method=method, tol=1e-12, max_iter=100, monitor=monitor)
    assert result.n_iter == 3
    assert not result.converged


@pytest.mark.parametrize("method", ["newton", "lbfgs"])
@pytest.mark.parametrize("loss", [losses.LogLoss(), losses.Hinge()], ids=lambda loss: loss.name)
def test_max_iter(method, loss):
    X = well_scaled()
    result = run(make(X, targets_of(loss, X), loss), method, max_iter=2)
    assert result.n_iter == 2
    assert not result.converged
