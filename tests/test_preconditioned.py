"""L-BFGS and SVRG in the metric of a subsampled Hessian: the same optimum, whatever is drawn."""

import warnings
from copy import deepcopy

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from sgdlearn import GDLinearSVC, GDLogisticRegression, losses
from sgdlearn._solvers import preconditioner
from sgdlearn._solvers.batch import solve_batch
from sgdlearn._solvers.certificate import allowed_excess
from sgdlearn._solvers.monitor import Monitor
from sgdlearn._solvers.objective import Objective
from sgdlearn._solvers.preconditioner import Preconditioner, draw, pieces
from sgdlearn._solvers.psvrg import _Run, psvrg
from sgdlearn._solvers.rows import make_rows
from sgdlearn._solvers.sampled_certificate import still_falls
from sgdlearn._solvers.scaling import Scaling
from sgdlearn.penalties import ElasticPenalty

N, P = 300, 8
LOSSES = {
    "squared": (losses.SquaredError(), 1),
    "squared, 3 outputs": (losses.SquaredError(), 3),
    "huber": (losses.Huber(0.5), 1),
    "insensitive": (losses.SquaredEpsilonInsensitive(0.2), 1),
    "log": (losses.LogLoss(), 1),
    "squared hinge": (losses.SquaredHinge(), 1),
    "one-vs-rest": (losses.LogLoss(), 3),
    "softmax": (losses.Multinomial(), 3),
}


@pytest.fixture(autouse=True)
def drawn_rows(monkeypatch):
    """Draw rows from small problems too."""
    monkeypatch.setattr(preconditioner, "SMALL", 0)
    monkeypatch.setattr(preconditioner, "CHEAP", 0.0)


def ill_conditioned(seed=0):
    """Columns near one another, of scales 1e-3 .. 1e3, far from zero."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, P)) * np.geomspace(1.0, 1e-3, P) @ rng.normal(size=(P, P))
    return (X + 1.0) * np.geomspace(1e-3, 1e3, P)


def problem(case, X, *, l2=1e-3, weights=None, rows=None, fit_intercept=True, n_jobs=None):
    loss, k = LOSSES[case]
    rng = np.random.default_rng(1)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    y = Z @ rng.normal(size=(P, k)) + rng.normal(size=(len(X), k))
    if loss.kind == "classification":
        y = y.argmax(axis=1)[:, None].astype(float) if k > 1 else np.sign(y)
    rows = make_rows(X if rows is None else rows, n_jobs)
    penalty = ElasticPenalty(l2=l2)
    return Objective(rows, np.ascontiguousarray(y), weights, loss, penalty, k, fit_intercept)


def run(objective, method="lbfgs", tol=1e-12):
    start = np.zeros((objective.n_outputs, P)), objective.baseline()
    settings = {"tol": tol, "max_iter": 500, "monitor": Monitor()}
    if method == "psvrg":
        drawn = {"rng": np.random.default_rng(0), "shuffle": True, "batch_size": 40}
        result = psvrg(objective, *start, **drawn, **settings)
    else:
        result = solve_batch(objective, *start, method=method, **settings)
    monitor = settings["monitor"]
    assert len(monitor.curve) == result.n_iter
    assert monitor.curve[-1] == pytest.approx(objective.value(result.W, result.b), rel=1e-9)
    return result


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("l2", [1e-6, 1e-2])
@pytest.mark.parametrize("case", LOSSES)
@pytest.mark.parametrize("method", ["lbfgs", "psvrg"])
def test_optimum_is_newtons(method, case, l2, fit_intercept):
    X = ill_conditioned()
    objective = problem(case, X, l2=l2, fit_intercept=fit_intercept)
    ours, best = run(objective, method), run(objective, "newton")
    assert ours.converged
    value, least = (objective.value(one.W, one.b) for one in (ours, best))
    assert value == pytest.approx(least, rel=1e-9)
    Z, best_Z = (objective.predictions(one.W, one.b) for one in (ours, best))
    np.testing.assert_allclose(Z, best_Z, atol=1e-3 * np.abs(best_Z).max())


@pytest.mark.parametrize("method", ["lbfgs", "psvrg"])
def test_certificate_tells_what_is_left(method):
    objective = problem("log", ill_conditioned(), l2=1e-5)
    best = run(objective, "newton")
    least = objective.value(best.W, best.b)
    for tol in 1e-2, 1e-4, 1e-6:
        result = run(objective, method, tol=tol)
        value, zero = objective.value(result.W, result.b), objective.value(0 * best.W, 0 * best.b)
        # the metric is that of 36 rows of 300 here: an estimate, not a bound
        assert value - least <= 2.0 * allowed_excess(value, zero, tol)


@pytest.mark.parametrize("case", ["squared", "log", "softmax"])
def test_storage_does_not_matter(case):
    X = ill_conditioned() * (np.random.default_rng(2).random((N, P)) < 0.6)
    reference = run(problem(case, X))
    for stored in np.asfortranarray(X), sparse.csr_matrix(X):
        result = run(problem(case, X, rows=stored))
        np.testing.assert_allclose(result.W * X.std(axis=0), reference.W * X.std(axis=0), atol=1e-6)


@pytest.mark.parametrize("case", ["squared", "log", "softmax"])
def test_weights_are_multiplicities(case):
    X = ill_conditioned()
    repeats = np.random.default_rng(5).integers(1, 4, size=N)
    weighted = problem(case, X, weights=repeats.astype(float))
    repeated = problem(case, X)
    repeated.rows = make_rows(np.repeat(X, repeats, axis=0))
    repeated.targets = np.repeat(repeated.targets, repeats, axis=0)
    weighted.targets = problem(case, X).targets
    some = [
        [row for piece in pieces(one, drawn, 0, 50, 50) for row in piece.rows.values.tolist()]
        for one, drawn in ((one, draw(one, 50)) for one in (weighted, repeated))
    ]
    assert some[0] == some[1]  # a row of weight 2 is drawn as its two copies are
    ours, theirs = run(weighted), run(repeated)
    np.testing.assert_allclose(ours.W * X.std(axis=0), theirs.W * X.std(axis=0), atol=1e-6)


def test_threads_change_no_bit(monkeypatch):
    monkeypatch.setattr("sgdlearn._solvers.objective.PART", 64)
    X = ill_conditioned()
    one, two = (run(problem("softmax", X, n_jobs=n_jobs)) for n_jobs in (1, 2))
    np.testing.assert_array_equal(one.W, two.W)


def test_round_unknowns_are_a_change_of_variables():
    objective = problem("softmax", ill_conditioned())
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(3, P)), rng.normal(size=3)
    W, b = W - W.mean(axis=0), b - b.mean()
    scaling = Scaling.from_rows(objective.rows, centre=True)
    metric = Preconditioner(objective, scaling, W, b)
    x = metric.to_round(W, b)
    for ours, theirs in zip(metric.from_round(x), (W, b)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    _, GW, gb = objective.loss_value_and_gradient(W, b)
    slopes = metric.gradient(W, GW, gb)
    dx = rng.normal(size=x.shape)
    h = 1e-5
    ahead, behind = (objective.value(*metric.from_round(x + s * h * dx)) for s in (1, -1))
    assert np.sum(slopes * dx) == pytest.approx((ahead - behind) / (2 * h), rel=1e-5)


@pytest.mark.parametrize("condition", [1e2, 1e12])
def test_single_precision_makes_a_metric_only_where_it_is_enough(condition):
    """The metric is that of double precision, to a thousandth in every direction."""
    rng = np.random.default_rng(4)
    turn = np.linalg.qr(rng.normal(size=(P, P)))[0]
    X = rng.normal(size=(N, P)) * np.geomspace(1.0, condition**-0.5, P) @ turn
    objective = problem("log", X, l2=0.0)
    scaling = Scaling.from_rows(objective.rows, centre=True)
    W, b = np.zeros((1, P)), np.zeros(1)
    single, double = (
        Preconditioner(objective, scaling, W, b, dtype) for dtype in (np.float32, np.float64)
    )
    assert single.dtype == (np.float32 if condition == 1e2 else np.float64)
    L = double.factors[0]
    between = np.linalg.solve(L, np.linalg.solve(L, single.factors[0] @ single.factors[0].T).T)
    np.testing.assert_allclose(between, np.eye(P + 1), atol=1e-3)


def test_what_still_falls_of_a_geometric_series_is_its_rest():
    for r in 0.1, 0.7, 0.9:
        path = list(r ** np.arange(30.0))
        assert still_falls(path) == pytest.approx(path[-1], rel=1e-9)
        assert still_falls(path[:4]) == pytest.approx(path[3], rel=1e-9)
    assert still_falls([1.0, 0.5]) == np.inf
    assert still_falls([1.0, 0.5, 0.0]) > 0.0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [600, 1198, 1797])
@pytest.mark.parametrize("alpha", [1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("standard", [False, True], ids=["raw", "standardised"])
def test_classes_that_are_told_apart_well_come_to_the_optimum(monkeypatch, n, alpha, standard):
    """F* is down to a thousandth of F(0), and the metric knows little of a softmax there."""
    monkeypatch.undo()
    X, y = load_digits(return_X_y=True)
    X = StandardScaler().fit_transform(X) if standard else X
    model = GDLogisticRegression(alpha=alpha).fit(X[:n], y[:n])
    assert model.optimizer_.name == "lbfgs"
    exact = clone(model).set_params(optimizer="newton", tol=1e-12).fit(X[:n], y[:n])
    assert model.loss_curve_[-1] <= exact.loss_curve_[-1] * (1.0 + 1e-3)


def test_well_conditioned_large_problem_through_the_estimator(monkeypatch):
    monkeypatch.undo()
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 60))
    y = X[:, 0] + rng.logistic(size=len(X)) > 0.0
    lbfgs, newton = (
        GDLogisticRegression(optimizer=optimizer, tol=1e-9).fit(X, y)
        for optimizer in ("lbfgs", "newton")
    )
    np.testing.assert_allclose(lbfgs.coef_, newton.coef_, atol=1e-4)
    assert lbfgs.n_iter_ <= 15


@pytest.mark.parametrize("weighted", [False, True])
def test_a_pass_of_psvrg_step_by_step(weighted):
    X = ill_conditioned()
    weights = np.random.default_rng(3).uniform(0.5, 2.0, size=N) if weighted else None
    objective = problem("log", X, weights=weights)
    run = _Run(objective, np.zeros((1, P)), np.zeros(1), 50, np.random.default_rng(7))
    y, s = objective.targets[:, 0], np.ones(N) if weights is None else weights / weights.mean()
    A = np.column_stack([(X - run.scaling.shift) * run.scaling.scale, np.ones(N)])
    D = np.append(1e-3 * run.scaling.scale**2, 0.0)
    L = run.metric.factors[0]
    inverse = np.linalg.inv(L @ L.T)

    def slopes(u, rows):
        return -s[rows] * y[rows] / (1.0 + np.exp(y[rows] * (A[rows] @ u)))

    start = run.metric.design.pack(run.W, run.b)[0]
    u, order = start.copy(), deepcopy(run.rng).permutation(N)
    whole = A.T @ slopes(start, slice(None)) / N
    for first in range(0, N, 50):
        rows = order[first : first + 50]
        g = A[rows].T @ (slopes(u, rows) - slopes(start, rows)) / 50 + whole + D * u
        u = u - run.rate * inverse @ g
    run.visit_all()
    np.testing.assert_allclose(run.metric.design.pack(run.W, run.b)[0], u, rtol=1e-6, atol=1e-9)


def test_psvrg_needs_no_shuffling_and_takes_sparse_rows():
    X = ill_conditioned() * (np.random.default_rng(2).random((N, P)) < 0.6)
    y = X[:, 0] / X[:, 0].std() + np.random.default_rng(0).logistic(size=N) > 0.0
    setting = {"optimizer": "psvrg", "alpha": 1e-3, "tol": 1e-10, "shuffle": False}
    dense, stored = (
        GDLogisticRegression(**setting).fit(rows, y) for rows in (X, sparse.csr_matrix(X))
    )
    newton = GDLogisticRegression(optimizer="newton", alpha=1e-3, tol=1e-12).fit(X, y)
    for model in dense, stored:
        np.testing.assert_allclose(
            model.decision_function(X), newton.decision_function(X), atol=1e-3
        )


@pytest.mark.parametrize(
    "name, setting",
    [
        ("learning_rate", {"learning_rate": 0.1}),
        ("batch_size", {"batch_size": "full"}),
        ("penalty", {"penalty": "l1"}),
        ("positive", {"positive": True}),
        ("average", {"average": True}),
    ],
)
def test_psvrg_pairs_that_are_errors(name, setting):
    X = ill_conditioned()
    with pytest.raises(ValueError, match=f"psvrg.*{name}"):
        GDLogisticRegression(optimizer="psvrg", **setting).fit(X, np.arange(N) % 2)


@pytest.mark.parametrize("case", ["log", "one-vs-rest", "softmax"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_products_of_entries_make_the_hessian_of_the_rows(case, fit_intercept):
    rng = np.random.default_rng(6)
    X = rng.normal(loc=1.0, size=(N, P)) * (rng.random((N, P)) < 0.15)
    weights = rng.uniform(0.5, 2.0, size=N)
    made = []
    for rows in X, sparse.csr_matrix(X):
        one = problem(case, X, rows=rows, weights=weights, fit_intercept=fit_intercept)
        assert preconditioner.by_entries(one) == sparse.issparse(rows)
        scaling = Scaling.from_rows(one.rows, weights, centre=fit_intercept)
        W, b = np.full((one.n_outputs, P), 0.3), np.full(one.n_outputs, 0.1 * fit_intercept)
        made.append(np.tril(preconditioner.hessians(one, scaling, W, b, N, np.float64)))
    np.testing.assert_allclose(made[0], made[1], rtol=1e-10, atol=1e-12)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["one entry", "ten entries", "long rows", "heavy tails"])
@pytest.mark.parametrize("case", ["log", "hinge"])
def test_rows_unlike_all_others_mislead_no_sample(kind, case):
    """More numbers than a small problem has, so that rows are drawn."""
    rng = np.random.default_rng(0)
    n, p = 12_000, 90
    X = rng.normal(size=(n, p))
    y = X @ rng.normal(size=p) / 5 + rng.logistic(size=n) > 0
    if kind == "one entry":
        X[3, 2] = 1e6
    elif kind == "ten entries":
        X[np.arange(0, 1000, 100), np.arange(10)] = 10.0 ** np.linspace(4, 7, 10)
    elif kind == "long rows":
        X *= np.where(rng.random(n) < 0.001, 1000.0, 1.0)[:, None]
    else:
        X /= np.sqrt(rng.chisquare(1, n))[:, None]
    model = GDLogisticRegression() if case == "log" else GDLinearSVC(loss="squared_hinge")
    model.fit(X, y)
    assert model.optimizer_.name == "lbfgs"
    exact = clone(model).set_params(optimizer="newton", tol=1e-10).fit(X, y)
    assert model.loss_curve_[-1] <= exact.loss_curve_[-1] * (1.0 + 1e-3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model = clone(model).set_params(optimizer="psvrg", max_iter=60, random_state=0).fit(X, y)
    assert caught or model.loss_curve_[-1] <= exact.loss_curve_[-1] * (1.0 + 1e-3)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_a_few_long_rows_hold_the_end_up(monkeypatch, seed):
    """By their sample F could fall no more; its duality gap knows better."""
    monkeypatch.undo()
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(20_000, 80))
    X[:20] *= 100.0
    y = X @ rng.normal(size=80) > 0.0
    model = GDLogisticRegression(alpha=1e-2).fit(X, y)
    exact = clone(model).set_params(optimizer="newton", tol=1e-12).fit(X, y)
    assert model.loss_curve_[-1] <= exact.loss_curve_[-1] * (1.0 + 1e-3)
