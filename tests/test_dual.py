"""SDCA against its NumPy twin, and at the optimum against other solvers."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import reference_dual as reference
from scipy import sparse
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression, losses
from sgdlearn._kernels import dual_coordinate
from sgdlearn._solvers.batch import solve_batch
from sgdlearn._solvers.dual import DualRun, solve_dual
from sgdlearn._solvers.duality import duality_gap
from sgdlearn._solvers.monitor import Monitor
from sgdlearn._solvers.objective import Objective
from sgdlearn._solvers.rows import make_rows
from sgdlearn.penalties import ElasticPenalty, Penalty

LOSSES = {
    "squared_error": losses.SquaredError(),
    "huber": losses.Huber(0.6),
    "quantile": losses.Quantile(0.3),
    "absolute_error": losses.AbsoluteError(),
    "epsilon_insensitive": losses.EpsilonInsensitive(0.2),
    "squared_epsilon_insensitive": losses.SquaredEpsilonInsensitive(0.2),
    "log_loss": losses.LogLoss(),
    "hinge": losses.Hinge(),
    "squared_hinge": losses.SquaredHinge(),
}
PENALTIES = {
    "l2": ElasticPenalty(l2=0.05),
    "elastic": ElasticPenalty(l1=0.02, l2=0.05),
    "positive": ElasticPenalty(l1=0.01, l2=0.05, positive=True),
    "units": ElasticPenalty(l2=0.05, unit=np.array([0.3, 3.0, 1.0, 2.0, 0.5])),
}


def design(rng, n=60, p=5):
    X = rng.normal(loc=0.3, size=(n, p)) * (rng.random((n, p)) < 0.6)
    X[n // 2] = 0.0
    return X


def objective_of(rng, X, loss, penalty, *, weighted=True, intercept=True, k=1):
    Z = X @ rng.normal(size=(X.shape[1], k)) + 0.7 * rng.normal(size=(len(X), k)) + 0.4
    targets = np.where(Z > 0.0, 1.0, -1.0) if loss.kind == "classification" else Z
    weights = rng.integers(1, 4, size=len(X)).astype(float) if weighted else None
    return Objective(
        rows=make_rows(X),
        targets=targets,
        weights=weights,
        loss=loss,
        penalty=penalty,
        n_outputs=k,
        fit_intercept=intercept,
    )


def run(objective, *, tol=1e-12, max_iter=3000, start=None, monitor=None, **options):
    W, b = start or (np.zeros((objective.n_outputs, objective.rows.p)), objective.baseline())
    return solve_dual(
        objective,
        W,
        b,
        tol=tol,
        max_iter=max_iter,
        rng=np.random.default_rng(0),
        monitor=monitor or Monitor(),
        **options,
    )


class Recorded(DualRun):
    """A run that keeps the order of its visits, and what they led to."""

    def _sweep(self, order):
        super()._sweep(order)
        self.__dict__.setdefault("sweeps", []).append((order.copy(), self.coupling))
        self.__dict__.setdefault("path", []).append((self.a.copy(), *self.coefficients()))


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("intercept", [True, False])
def test_trajectory_is_that_of_the_twin(loss, penalty, intercept, rng):
    X, loss, penalty = design(rng, n=40), LOSSES[loss], PENALTIES[penalty]
    dense = objective_of(rng, X, loss, penalty, intercept=intercept)
    y, expected = dense.targets[:, 0], None
    for layout in (np.asarray, np.asfortranarray, sparse.csr_array):
        objective = replace(dense, rows=make_rows(layout(X)))
        ascent = Recorded(objective, np.zeros(5), objective.baseline()[0], None)
        draws = np.random.default_rng(1)
        for _ in range(3):
            ascent.epoch(draws)
        if expected is None:  # the order depends on what rests, and that not on the storage
            expected = list(
                reference.sdca(
                    X,
                    y.tolist(),
                    reference.slopes_of(loss),
                    objective.weights / objective.weights.sum(),
                    np.zeros(len(X)),
                    objective.baseline()[0],
                    ascent.sweeps,
                    l2=penalty.ridge() * np.ones(5),
                    l1=penalty.thresholds() * np.ones(5),
                    lower=penalty.lower,
                )
            )
        assert len(expected) == len(ascent.path) >= 3
        for (a, w, b), found in zip(expected, ascent.path, strict=True):
            np.testing.assert_allclose(found[0], a, rtol=0, atol=1e-9)
            np.testing.assert_allclose(found[1][0], w, rtol=0, atol=1e-9)
            np.testing.assert_allclose(found[2][0], b, rtol=0, atol=1e-8)


def test_a_start_below_the_bound_is_not_taken_for_the_optimum(rng):
    objective = objective_of(rng, design(rng), losses.SquaredError(), PENALTIES["positive"])
    W = run(objective, tol=1e-8, max_iter=200).W
    start = W - 0.3 * (W == 0.0)
    assert start.min() < 0.0
    again = solve_dual(
        objective, start, np.zeros(1), tol=0.5, max_iter=50, rng=rng, monitor=Monitor()
    )
    assert again.W.min() >= 0.0


@pytest.mark.parametrize("y", [-1.0, 1.0])
@pytest.mark.parametrize("reach", [1e-6, 1e-2, 1.0, 10.0, 1e3, 1e6])
def test_one_row_of_the_log_loss_takes_its_best_slope(reach, y):
    """q from small to so large that a plain Newton's method would cycle."""
    slope = partial(reference.slopes_of(LOSSES["log_loss"]), y)
    visit = dual_coordinate.csr_visits["double", "int"]
    nothing = np.zeros(0), np.zeros(0, dtype=np.int32), np.zeros(2, dtype=np.int32)
    for z in (-40.0, -3.0, -0.3, 0.0, 0.02, 1.0, 7.0, 300.0):
        for share in (0.0, 1e-9, 0.2, 0.5, 0.97, 1.0):
            a, b, rests = np.array([-y * share]), np.array([z]), np.zeros(1, dtype=np.uint8)
            rows = np.ones(1), np.array([reach]), a
            visit(
                *nothing,
                np.array([y]),
                LOSSES["log_loss"].spec,
                np.zeros(1, dtype=np.intp),
                rows,
                np.zeros(1),
                (1.0, 1.0, None, -np.inf),
                b,
                0.0,
                np.inf,
                rests,
            )
            best = reference.prox_slope(slope, z - y * share * reach, reach)
            np.testing.assert_allclose(a[0], best, rtol=1e-7, atol=1e-9)


def test_the_intercept_arrives_where_columns_can_stand_in_for_it(rng):
    """One column for each level of a factor: they sum to the intercept's."""
    X = np.eye(4)[rng.integers(4, size=400)]
    objective = objective_of(rng, X, losses.LogLoss(), ElasticPenalty(l2=1e-3))
    result = run(objective, tol=1e-8, max_iter=200)
    assert result.converged
    assert abs(objective.loss_value_and_gradient(result.W, result.b)[2][0]) < 1e-4


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge", "epsilon_insensitive", "quantile"])
def test_some_rows_rest_and_the_gap_is_that_of_all(loss, rng):
    X = rng.normal(size=(300, 3))
    objective = objective_of(rng, X, LOSSES[loss], ElasticPenalty(l2=0.01))
    ascent = Recorded(objective, np.zeros(3), objective.baseline()[0], 1e-9)
    draws = np.random.default_rng(1)
    while not ascent.converged:
        ascent.epoch(draws)
    assert min(len(order) for order, _ in ascent.sweeps) < 200
    W, b = ascent.coefficients()
    reference_value = objective.value(np.zeros((1, 3)), objective.baseline())
    assert duality_gap(objective, W, b, ascent.a[:, None]) <= 1e-9 * reference_value
    assert ascent.value == pytest.approx(objective.value(W, b), rel=1e-12)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("intercept", [True, False])
def test_reaches_the_optimum_of_another_solver(loss, penalty, intercept, rng):
    X = design(rng, n=120)
    objective = objective_of(rng, X, LOSSES[loss], PENALTIES[penalty], intercept=intercept)
    result = run(objective, tol=1e-8)
    other = solve_batch(
        objective,
        np.zeros((1, 5)),
        objective.baseline(),
        method="lbfgs",
        tol=1e-10,
        max_iter=5000,
        monitor=Monitor(),
    )
    best, least = objective.value(result.W, result.b), objective.value(other.W, other.b)
    assert result.converged
    assert best <= least * (1 + 1e-7)
    assert result.dual_gap >= best - least - 1e-12
    if LOSSES[loss].smooth:
        np.testing.assert_allclose(result.W, other.W, atol=2e-3)


def fitted(model, X, y, **keywords):
    return model.set_params(optimizer="sdca", tol=1e-12, max_iter=5000, random_state=0).fit(
        X, y, **keywords
    )


@pytest.mark.parametrize("intercept", [True, False])
def test_is_ridge(intercept, multi_output):
    X, y, s = multi_output.X, multi_output.y, multi_output.weights
    model = GDLinearRegression(alpha=0.1, fit_intercept=intercept)
    ridge = Ridge(alpha=0.1 * s.sum(), fit_intercept=intercept).fit(X, y, s)
    for rows in (X, multi_output.csr):
        fitted(model, rows, y, sample_weight=s)
        np.testing.assert_allclose(model.coef_, ridge.coef_, atol=1e-5)
        np.testing.assert_allclose(model.intercept_, ridge.intercept_, atol=1e-5)


def test_is_elastic_net(regression):
    X, y = regression.X, regression.y
    model = GDLinearRegression(penalty="elasticnet", l1_ratio=0.5, alpha=0.2)
    fitted(model, X, y)
    other = ElasticNet(alpha=0.2, l1_ratio=0.5, tol=1e-12, max_iter=10_000).fit(X, y)
    np.testing.assert_allclose(model.coef_, other.coef_, atol=1e-5)
    np.testing.assert_array_equal(model.coef_ == 0.0, other.coef_ == 0.0)


@pytest.mark.parametrize("intercept", [True, False])
def test_is_logistic_regression(intercept, binary, multiclass):
    for problem in (binary, multiclass):
        X, y, s = problem.X, problem.y, problem.weights
        model = GDLogisticRegression(alpha=0.02, multi_class="ovr", fit_intercept=intercept)
        fitted(model, X, y, sample_weight=s)
        for row, (coef, label) in enumerate(zip(model.coef_, model.classes_[-len(model.coef_) :])):
            other = LogisticRegression(
                C=1.0 / (0.02 * s.sum()), tol=1e-12, max_iter=1000, fit_intercept=intercept
            ).fit(X, y == label, s)
            np.testing.assert_allclose(coef, other.coef_[0], atol=1e-5)
            np.testing.assert_allclose(model.intercept_[row], other.intercept_, atol=1e-5)


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_is_linear_svc(loss, binary):
    X, y, s = binary.X, binary.y, binary.weights
    model = GDLinearSVC(loss=loss, alpha=0.02, fit_intercept=False)
    fitted(model, X, y, sample_weight=s)
    other = LinearSVC(
        loss=loss, C=1.0 / (0.02 * s.sum()), fit_intercept=False, tol=1e-10, max_iter=10**6,
        dual=True,
    ).fit(X, y, s)  # fmt: skip
    np.testing.assert_allclose(model.coef_, other.coef_, atol=1e-5)


def test_is_svc_with_its_free_intercept(binary):
    X, y, s = binary.X, binary.y, binary.weights
    model = fitted(GDLinearSVC(loss="hinge", alpha=0.02), X, y, sample_weight=s)
    other = SVC(kernel="linear", C=1.0 / (0.02 * s.sum()), tol=1e-10).fit(X, y, s)
    np.testing.assert_allclose(model.coef_, other.coef_, atol=1e-5)


@pytest.mark.parametrize("loss", ["epsilon_insensitive", "squared_epsilon_insensitive"])
def test_is_linear_svr(loss, regression):
    X, y, s = regression.X, regression.y, regression.weights
    model = GDLinearRegression(loss=loss, epsilon=0.1, alpha=0.2, fit_intercept=False)
    fitted(model, X, y, sample_weight=s)
    other = LinearSVR(
        loss=loss, epsilon=0.1, C=1.0 / (0.2 * s.sum()), fit_intercept=False, tol=1e-10,
        max_iter=10**6, dual=True,
    ).fit(X, y, s)  # fmt: skip
    np.testing.assert_allclose(model.coef_, other.coef_, atol=1e-5)


def test_is_svr_with_its_free_intercept(regression):
    X, y, s = regression.X, regression.y, regression.weights
    model = GDLinearRegression(loss="epsilon_insensitive", epsilon=0.1, alpha=0.2)
    fitted(model, X, y, sample_weight=s)
    other = SVR(kernel="linear", epsilon=0.1, C=1.0 / (0.2 * s.sum()), tol=1e-10).fit(X, y, s)
    np.testing.assert_allclose(model.coef_, other.coef_[0], atol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_weight_two_is_two_copies_and_zero_a_removed_row(loss, rng):
    X = design(rng)
    objective = objective_of(rng, X, LOSSES[loss], PENALTIES["l2"])
    times = objective.weights.astype(int)
    copies = replace(
        objective,
        rows=make_rows(np.repeat(X, times, axis=0)),
        targets=np.repeat(objective.targets, times, axis=0),
        weights=None,
    )
    found, expected = run(objective), run(copies)
    np.testing.assert_allclose(found.W, expected.W, atol=1e-5)


@pytest.mark.parametrize("loss", ["log_loss", "hinge"])
def test_indices_of_either_width_and_single_precision(loss, rng):
    X = design(rng)
    dense = objective_of(rng, X, LOSSES[loss], PENALTIES["elastic"])
    wide = sparse.csr_matrix(X)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    expected = run(dense, tol=None, max_iter=5)
    found = run(replace(dense, rows=make_rows(wide)), tol=None, max_iter=5)
    np.testing.assert_allclose(found.W, expected.W, atol=1e-12)
    single = X.astype(np.float32)
    single.flags.writeable = False
    for layout in (single, sparse.csr_array(single)):
        found = run(replace(dense, rows=make_rows(layout)), tol=1e-9)
        assert found.converged
        np.testing.assert_allclose(found.W, run(dense, tol=1e-9).W, atol=1e-3)


def test_rows_of_any_size_have_their_logistic_slope(rng):
    """|x|^2 / (alpha n) from 1e-9 to 1e12, where a plain Newton step leads back and forth."""
    X = rng.normal(size=(80, 3)) * np.geomspace(1e-5, 1e5, 80)[:, None]
    y = np.where(rng.random(80) < 0.5, 1.0, -1.0)
    objective = objective_of(rng, X, losses.LogLoss(), ElasticPenalty(l2=1e-3), intercept=False)
    objective.targets[:, 0] = y
    ascent = Recorded(objective, np.zeros(3), 0.0, None)
    ascent.epoch(np.random.default_rng(0))
    share = objective.weights / objective.weights.sum()
    (expected,) = reference.sdca(
        X,
        y.tolist(),
        reference.slopes_of(objective.loss),
        share,
        np.zeros(80),
        0.0,
        ascent.sweeps,
        l2=1e-3 * np.ones(3),
    )
    np.testing.assert_allclose(ascent.a, expected[0], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("loss", ["log_loss", "squared_error", "hinge"])
def test_starts_where_it_is_told(loss, rng):
    objective = objective_of(rng, design(rng), LOSSES[loss], PENALTIES["l2"])
    first = run(objective, tol=1e-8)
    again = run(objective, tol=1e-8, start=(first.W, first.b))
    assert again.converged
    np.testing.assert_allclose(again.W, first.W, atol=1e-3)
    if objective.loss.smooth:  # its slopes are the dual point; at kinks they say less
        assert again.n_iter <= max(2, first.n_iter // 2)


def test_the_curve_ends_with_the_objective_and_the_certificate_with_the_gap(rng):
    objective = objective_of(rng, design(rng), losses.LogLoss(), PENALTIES["l2"])
    monitor = Monitor()
    result = run(objective, tol=1e-6, monitor=monitor)
    assert monitor.started == pytest.approx(objective.value(0 * result.W, objective.baseline()))
    assert monitor.curve[-1] == pytest.approx(objective.value(result.W, result.b), rel=1e-12)
    assert monitor.certificate == pytest.approx(result.dual_gap / monitor.started)
    assert result.dual_gap <= 1e-6 * monitor.started


def test_tol_none_runs_all_passes_and_shuffle_false_keeps_the_order(rng):
    objective = objective_of(rng, design(rng), losses.LogLoss(), PENALTIES["l2"])
    result = run(objective, tol=None, max_iter=7, shuffle=False)
    assert (result.n_iter, result.t, result.converged) == (7, 7 * 60, False)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("layout", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("intercept", [True, False])
def test_rows_and_columns_of_zeros(loss, layout, intercept, rng):
    X = np.zeros((6, 2))
    objective = objective_of(rng, X, LOSSES[loss], PENALTIES["l2"], intercept=intercept)
    objective.targets[:3] *= -1.0
    objective.rows = make_rows(layout(X))
    result = run(objective, tol=1e-6)
    assert result.converged
    np.testing.assert_array_equal(result.W, 0.0)


@pytest.mark.parametrize(
    "model, message",
    [
        (GDLinearRegression(), "optimizer='sdca'.*alpha=0.0"),
        (GDLogisticRegression(penalty="l1"), "optimizer='sdca'.*penalty='l1'"),
        (GDLogisticRegression(penalty=None), "optimizer='sdca'.*penalty=None"),
        (GDLogisticRegression(), "optimizer='sdca'.*multi_class='multinomial'"),
        (GDLinearSVC(learning_rate=0.1), "optimizer='sdca'.*learning_rate=0.1"),
        (GDLinearSVC(batch_size=16), "optimizer='sdca'.*batch_size=16"),
        (GDLinearSVC(average=True), "optimizer='sdca'.*average=True"),
        (GDLinearSVC(penalty=Penalty()), "optimizer='sdca'.*penalty"),
    ],
)
def test_what_it_does_not_take_is_said(model, message, multiclass):
    with pytest.raises(ValueError, match=message):
        model.set_params(optimizer="sdca").fit(multiclass.X, multiclass.y)
    assert not hasattr(model, "partial_fit")
