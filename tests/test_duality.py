"""The duality gap bounds F - F*, and closes at the optimum."""

import numpy as np
import pytest
from scipy import sparse

from sgdlearn import losses
from sgdlearn._solvers.batch import solve_batch
from sgdlearn._solvers.duality import balanced, dual_point, duality_gap, feasible
from sgdlearn._solvers.monitor import Monitor
from sgdlearn._solvers.objective import Objective
from sgdlearn._solvers.rows import make_rows
from sgdlearn.penalties import ElasticPenalty

SMOOTH = {
    "squared_error": losses.SquaredError(),
    "huber": losses.Huber(0.5),
    "squared_epsilon_insensitive": losses.SquaredEpsilonInsensitive(0.2),
    "log_loss": losses.LogLoss(),
    "squared_hinge": losses.SquaredHinge(),
    "multinomial": losses.Multinomial(),
}
ROUGH = {
    "quantile": losses.Quantile(0.3),
    "absolute_error": losses.AbsoluteError(),
    "epsilon_insensitive": losses.EpsilonInsensitive(0.2),
    "hinge": losses.Hinge(),
}
PENALTIES = {
    "l2": ElasticPenalty(l2=0.05),
    "elastic": ElasticPenalty(l1=0.02, l2=0.05),
    "positive": ElasticPenalty(l1=0.01, l2=0.05, positive=True),
    "l1": ElasticPenalty(l1=0.02),
    "units": ElasticPenalty(l1=0.01, l2=0.05, unit=np.array([0.3, 3.0, 1.0, 2.0, 0.5])),
}


def objective_of(rng, loss, penalty, *, n=120, p=5, k=1, intercept=True, weighted=True, X=None):
    X = rng.normal(loc=0.4, size=(n, p)) if X is None else X
    Z = (X - X.mean(axis=0)) / X.std(axis=0) @ rng.normal(size=(X.shape[1], k))
    Z = Z + rng.normal(size=(n, k)) + 0.7
    targets = Z
    if loss.name == "multinomial":
        targets = Z.argmax(axis=1)[:, None].astype(float)
    elif loss.kind == "classification":
        targets = np.where(Z > 0, 1.0, -1.0)
    weights = rng.integers(1, 4, size=n).astype(float) if weighted else None
    return Objective(
        rows=make_rows(X),
        targets=np.ascontiguousarray(targets),
        weights=weights,
        loss=loss,
        penalty=penalty,
        n_outputs=k,
        fit_intercept=intercept,
    )


def optimum(objective, tol=1e-13):
    """(W, b) by a solver of its own; F* to about tol."""
    W, b = np.zeros((objective.n_outputs, objective.rows.p)), objective.baseline()
    result = solve_batch(objective, W, b, method="lbfgs", tol=tol, max_iter=5000, monitor=Monitor())
    return result.W, result.b


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", SMOOTH)
@pytest.mark.parametrize("intercept", [True, False])
def test_bounds_the_distance_and_closes_at_the_optimum(loss, penalty, intercept, rng):
    k = 3 if loss in ("multinomial", "squared_error") else 1
    objective = objective_of(rng, SMOOTH[loss], PENALTIES[penalty], k=k, intercept=intercept)
    W, b = optimum(objective)
    least = objective.value(W, b)
    # with L2 alone the gap grows with the square of the distance, else with the distance too
    assert -1e-14 <= duality_gap(objective, W, b) <= (1e-9 if objective.penalty.l2 else 2e-7)
    for share in (10.0, 1.0, 0.1, 0.01, 1e-3, 1e-4):
        far = np.maximum(W + share * rng.normal(size=W.shape), objective.penalty.lower)
        away = b + share * rng.normal(size=b.shape) * intercept
        gap = duality_gap(objective, far, away)
        assert objective.value(far, away) - least <= gap + 1e-14
    assert gap <= (1e-4 if penalty == "l2" else 1e-2)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", ROUGH)
@pytest.mark.parametrize("intercept", [True, False])
def test_losses_with_kinks_close_with_the_slopes_of_a_smoothed_loss(loss, penalty, intercept, rng):
    objective = objective_of(rng, ROUGH[loss], PENALTIES[penalty], intercept=intercept)
    width = 1e-6
    soft = Objective(**{**fields(objective), "loss": objective.loss.smoothed(width)})
    W, b = optimum(soft, tol=1e-12)
    # of the smoothed objective this is the optimum, of the other one it is within width / 2
    slopes = dual_point(soft, objective.predictions(W, b))
    gap = duality_gap(objective, W, b, slopes)
    assert -1e-14 <= gap <= 3e-4
    for share in (1.0, 0.01):
        far = np.maximum(W + share * rng.normal(size=W.shape), objective.penalty.lower)
        for point in (None, slopes, rng.normal(size=slopes.shape)):
            assert objective.value(far, b) - objective.value(W, b) <= duality_gap(
                objective, far, b, point
            )


def fields(objective):
    names = ("rows", "targets", "weights", "loss", "penalty", "n_outputs", "fit_intercept")
    return {name: getattr(objective, name) for name in names}


@pytest.mark.parametrize("loss", {**SMOOTH, **ROUGH})
def test_any_slopes_are_made_feasible(loss, rng):
    k = 3 if loss == "multinomial" else 2
    objective = objective_of(rng, {**SMOOTH, **ROUGH}[loss], PENALTIES["l2"], k=k)
    A = feasible(objective, 5.0 * rng.normal(size=(objective.rows.n, k)))
    y = objective.block_targets(0, objective.rows.n)
    assert np.all(np.isfinite(objective.loss.conjugate(y, A)))
    np.testing.assert_allclose(objective.weighted(A).sum(axis=0), 0.0, atol=1e-14)
    np.testing.assert_allclose(balanced(objective, A), A, atol=1e-12)


def test_raw_units_against_a_dense_solve(rng):
    """Scales over eight decades, means of a thousand deviations, a weak penalty."""
    scale = np.array([1e-4, 1e-2, 1.0, 1e2, 1e4])
    X = (rng.normal(size=(200, 5)) + 1000.0) * scale
    penalty = ElasticPenalty(l2=1e-6)
    objective = objective_of(rng, losses.SquaredError(), penalty, n=200, X=X, weighted=False)
    centred, y = X - X.mean(axis=0), objective.targets[:, 0] - objective.targets.mean()
    A = np.vstack([centred / scale, np.sqrt(200 * 1e-6) * np.diag(1.0 / scale)])
    w = np.linalg.lstsq(A, np.append(y, np.zeros(5)), rcond=None)[0] / scale
    b = objective.targets.mean() - w @ X.mean(axis=0)
    start = objective.value(np.zeros((1, 5)), objective.baseline())
    assert duality_gap(objective, w[None], np.array([b])) <= 1e-8 * start


@pytest.mark.parametrize("layout", [sparse.csr_array, np.asfortranarray])
def test_does_not_depend_on_the_storage(layout, rng):
    dense = objective_of(rng, losses.LogLoss(), PENALTIES["elastic"], n=2000, p=40)
    other = Objective(**{**fields(dense), "rows": make_rows(layout(dense.rows.values))})
    W, b = rng.normal(size=(1, 40)), np.zeros(1)
    assert duality_gap(other, W, b) == pytest.approx(duality_gap(dense, W, b), rel=1e-12)


def test_weight_two_is_two_copies(rng):
    objective = objective_of(rng, losses.Hinge(), PENALTIES["l2"])
    times = objective.weights.astype(int)
    copies = Objective(
        rows=make_rows(np.repeat(objective.rows.values, times, axis=0)),
        targets=np.repeat(objective.targets, times, axis=0),
        weights=None,
        loss=objective.loss,
        penalty=objective.penalty,
    )
    W, b = rng.normal(size=(1, 5)), np.zeros(1)
    assert duality_gap(copies, W, b) == pytest.approx(duality_gap(objective, W, b), rel=1e-12)


def test_without_a_penalty_the_bound_is_the_least_value_of_the_losses(rng):
    objective = objective_of(rng, losses.SquaredError(), ElasticPenalty())
    W, b = np.ones((1, 5)), np.zeros(1)
    assert duality_gap(objective, W, b) == pytest.approx(objective.value(W, b))
