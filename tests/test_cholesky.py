"""Least squares by the normal equations, primal and dual, at the optimum."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LinearRegression, Ridge

from sgdlearn import GDLinearRegression, GDLogisticRegression
from sgdlearn._solvers import blas, cholesky
from sgdlearn._solvers.batch import solve_batch
from sgdlearn._solvers.monitor import Monitor
from sgdlearn._solvers.objective import Objective
from sgdlearn._solvers.rows import make_rows
from sgdlearn.losses import SquaredError
from sgdlearn.penalties import ElasticPenalty

SHAPES = {"tall": (200, 9), "wide": (12, 40)}


def problem(shape, *, badly=False, k=1, seed=0):
    n, p = SHAPES[shape]
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + 0.5 * rng.normal(size=(n, 1)) + 0.3
    if badly:
        X = (X + 100.0) * np.geomspace(1e-3, 1e4, p)
        X[:, 2] = 7.0
    Z = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-9)
    return X, Z @ rng.normal(size=(p, k)) + rng.normal(size=(n, k)) + 3.0


def run(X, y, l2=0.0, *, weights=None, fit_intercept=True, n_jobs=None):
    objective = Objective(
        make_rows(X, n_jobs),
        np.ascontiguousarray(y, dtype=np.float64),
        weights,
        SquaredError(),
        ElasticPenalty(l2=l2),
        y.shape[1],
        fit_intercept,
    )
    monitor = Monitor()
    W, b = np.zeros((y.shape[1], X.shape[1])), np.zeros(y.shape[1])
    result = solve_batch(objective, W, b, method="cholesky", tol=1e-8, max_iter=10, monitor=monitor)
    assert result.converged
    assert monitor.curve[-1] == pytest.approx(objective.value(result.W, result.b), rel=1e-9)
    return result


def least_squares(X, y, l2, fit_intercept):
    """The augmented problem, without normal equations."""
    n, p = X.shape
    mean, offset = fit_intercept * X.mean(axis=0), fit_intercept * y.mean(axis=0)
    A = np.vstack([X - mean, np.sqrt(n * l2) * np.eye(p)])
    target = np.vstack([y - offset, np.zeros((p, y.shape[1]))])
    size = np.maximum(np.linalg.norm(A, axis=0), 1e-9) if l2 > 0.0 or n >= p else 1.0
    W = np.linalg.lstsq(A / size, target, rcond=1e-13)[0].T / size
    return W, offset - W @ mean


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("l2", [0.0, 1e-4, 0.3])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("badly", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_least_squares(shape, badly, k, l2, fit_intercept):
    X, y = problem(shape, badly=badly, k=k)
    result = run(X, y, l2, fit_intercept=fit_intercept)
    W, b = least_squares(X, y, l2, fit_intercept)
    predictions = X @ W.T + b
    np.testing.assert_allclose(
        X @ result.W.T + result.b, predictions, atol=2e-5 * np.abs(predictions).max()
    )
    if not badly:
        np.testing.assert_allclose(result.W, W, atol=1e-8)
        np.testing.assert_allclose(result.b, b, atol=1e-8)


@pytest.mark.parametrize("shape", SHAPES)
def test_ridge(shape):
    X, y = problem(shape)
    peer = Ridge(alpha=0.1 * len(X), solver="cholesky").fit(X, y[:, 0])
    model = GDLinearRegression(optimizer="cholesky", alpha=0.1).fit(X, y[:, 0])
    np.testing.assert_allclose(model.coef_, peer.coef_, atol=1e-10)
    assert model.intercept_ == pytest.approx(peer.intercept_, abs=1e-10)
    assert model.n_iter_ == 1


@pytest.mark.parametrize("scales", [1.0, np.geomspace(0.01, 100.0, 6)], ids=["even", "uneven"])
def test_least_norm_where_columns_depend_on_each_other(scales):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(50, 4)) @ rng.normal(size=(4, 6)) * scales + 2.0
    y = rng.normal(size=(50, 1))
    peer = LinearRegression().fit(X, y[:, 0])
    result = run(X, y)
    np.testing.assert_allclose(result.W[0], peer.coef_, atol=1e-6 * np.abs(peer.coef_).max())


def test_least_norm_of_wide_rows_with_copies():
    X, y = problem("wide")
    X[5], X[6] = X[4], X[3]  # whose targets differ: no fit is exact
    peer = LinearRegression().fit(X, y[:, 0])
    np.testing.assert_allclose(run(X, y).W[0], peer.coef_, atol=1e-8)


@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize("shape", SHAPES)
def test_storage_does_not_matter(shape, l2):
    X, y = problem(shape)
    X[np.random.default_rng(2).random(X.shape) < 0.4] = 0.0
    reference = run(X, y, l2)
    wide = sparse.csr_matrix(X)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    for stored in np.asfortranarray(X), sparse.csr_matrix(X), wide:
        np.testing.assert_allclose(run(stored, y, l2).W, reference.W, atol=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
def test_float32_rows_are_summed_in_double(shape):
    X, y = problem(shape, badly=shape == "tall")
    X = X.astype(np.float32)
    single, double = run(X, y, 1e-3), run(X.astype(np.float64), y, 1e-3)
    np.testing.assert_allclose(single.W, double.W, rtol=1e-9)
    model = GDLinearRegression(optimizer="cholesky", alpha=1e-3).fit(X, y[:, 0])
    assert model.coef_.dtype == np.float32


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "kind", ["even", "weights", "far", "scales", "outlier", "copies", "idle", "targets"]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_single_precision_ends_where_double_does(dtype, kind, monkeypatch):
    """Its sums, where they are enough, bring the same solution to nearly all digits of a double."""
    rng = np.random.default_rng(4)
    X, weights = rng.normal(size=(400, 12)), None
    y = X @ rng.normal(size=(12, 2)) + rng.normal(size=(400, 2)) + 5.0
    if kind == "weights":
        weights = rng.uniform(0.1, 10.0, size=400)
    elif kind == "far":
        X += np.geomspace(1.0, 1e4, 12)
    elif kind == "scales":
        X *= np.geomspace(1e-25, 1e18, 12)
    elif kind == "outlier":
        X[3, 4] = 1e9
    elif kind == "copies":
        X[:, 3] = X[:, 4] + 1e-4 * X[:, 3]
    elif kind == "targets":
        y *= 1e40
    elif kind == "idle":
        X[:, 3], X[:, 4] = 0.0, 7.0
    X = X.astype(dtype)
    monkeypatch.setattr(cholesky, "MANY", 0)
    single = run(X, y, weights=weights)
    monkeypatch.setattr(cholesky, "MANY", np.inf)
    double = run(X, y, weights=weights)
    in_single = kind not in ("scales", "copies", "idle", "targets")
    assert (single.optimality > 1e3 * double.optimality) == in_single
    found, expected = (X @ result.W.T + result.b for result in (single, double))
    np.testing.assert_allclose(found, expected, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize("shape", SHAPES)
def test_weights_are_multiplicities(shape, l2):
    X, y = problem(shape)
    repeats = np.random.default_rng(5).integers(1, 4, size=len(X))
    weighted = run(X, y, l2, weights=repeats.astype(float))
    repeated = run(np.repeat(X, repeats, axis=0), np.repeat(y, repeats, axis=0), l2)
    np.testing.assert_allclose(weighted.W, repeated.W, atol=1e-9)
    np.testing.assert_allclose(weighted.b, repeated.b, atol=1e-9)


@pytest.mark.parametrize("stored", [np.ascontiguousarray, np.asfortranarray, sparse.csr_matrix])
def test_threads_change_no_bit(stored, monkeypatch):
    monkeypatch.setattr("sgdlearn._solvers.objective.PART", 64)
    X, y = problem("tall")
    one, two = (run(stored(X), y, 0.1, n_jobs=n_jobs) for n_jobs in (1, 2))
    np.testing.assert_array_equal(one.W, two.W)
    np.testing.assert_array_equal(one.b, two.b)


def test_targets_far_from_zero_and_constant():
    X, y = problem("tall")
    far = run(X, 1e6 + 1e-2 * y)
    np.testing.assert_allclose(far.W, 1e-2 * run(X, y).W, rtol=1e-6, atol=1e-10)
    constant = run(X, np.full_like(y, 3.0))
    np.testing.assert_allclose(constant.W, 0.0, atol=1e-12)


def test_pairs_that_are_errors():
    X, y = problem("tall")
    with pytest.raises(ValueError, match=r"cholesky.*loss"):
        GDLogisticRegression(optimizer="cholesky").fit(X, y[:, 0] > 3.0)
    with pytest.raises(ValueError, match=r"cholesky.*loss"):
        GDLinearRegression(optimizer="cholesky", loss="huber").fit(X, y[:, 0])
    with pytest.raises(ValueError, match=r"cholesky.*penalty"):
        GDLinearRegression(optimizer="cholesky", penalty="l1", alpha=0.1).fit(X, y[:, 0])
    with pytest.raises(ValueError, match=r"cholesky.*positive"):
        GDLinearRegression(optimizer="cholesky", positive=True).fit(X, y[:, 0])


@pytest.mark.parametrize("q", [5, blas.NARROW, blas.NARROW + 7])
def test_products_are_added_in_place(q):
    rng = np.random.default_rng(q)
    A, B = rng.normal(size=(40, q)), rng.normal(size=(13, q))
    H = blas.plus_gram(None, A)
    assert blas.plus_gram(H, B) is H
    np.testing.assert_allclose(np.tril(H), np.tril(A.T @ A + B.T @ B), rtol=1e-12, atol=1e-12)


def test_products_are_added_to_arrays_in_their_order_alone():
    q = blas.NARROW + 1
    with pytest.raises(ValueError, match="C-contiguous"):
        blas.plus_gram(np.zeros((q, q)), np.ones((q, 3)).T)
