"""The rows, the scaling, the objective and its certificate."""

import pickle
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from sgdlearn import losses
from sgdlearn._solvers.certificate import Certificate
from sgdlearn._solvers.moments import ColumnSums
from sgdlearn._solvers.objective import Objective
from sgdlearn._solvers.rows import make_rows
from sgdlearn._solvers.scaling import Scaling
from sgdlearn.penalties import ElasticPenalty, Penalty, ScaledPenalty

N, P = 300, 7


class LogCosh(losses.Loss):
    """A loss written in Python."""

    name = "log_cosh"
    curvature_bound = 1.0

    def value(self, y, z):
        return np.logaddexp(z - y, y - z) - np.log(2)

    def gradient(self, y, z):
        return np.tanh(z - y)


class SumOfSquares(Penalty):
    """A penalty known by its prox alone."""

    def value(self, W):
        return 0.5 * np.sum(W**2)

    def prox(self, U, rate):
        return U / (1.0 + rate)


def design(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(loc=0.5, size=(N, P)) * np.geomspace(0.1, 10.0, P)
    X[rng.random(X.shape) < 0.4] = 0.0
    return X


def wide_indices(X):
    """CSR with int64 indices."""
    X = sparse.csr_matrix(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


STORAGES = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "csr": sparse.csr_matrix,
    "csr_array": sparse.csr_array,
    "csc": sparse.csc_matrix,
    "int64": wide_indices,
}

# loss, number of outputs, kind of targets
CASES = {
    "squared": (losses.SquaredError(), 1, "numbers"),
    "squared, 3 outputs": (losses.SquaredError(), 3, "numbers"),
    "huber": (losses.Huber(0.7), 1, "numbers"),
    "quantile": (losses.Quantile(0.3).smoothed(0.2), 1, "numbers"),
    "log": (losses.LogLoss(), 1, "signs"),
    "one-vs-rest": (losses.SquaredHinge(), 4, "classes"),
    "softmax": (losses.Multinomial(), 4, "classes"),
    "own": (LogCosh(), 1, "numbers"),
    "own, 2 outputs": (LogCosh(), 2, "numbers"),
}


def targets_of(kind, k, rng):
    if kind == "classes":
        return rng.integers(0, k, size=(N, 1)).astype(float)
    y = rng.normal(size=(N, k))
    return np.sign(y) if kind == "signs" else y


def make(case, X, *, weighted=True, penalty=None, n_jobs=1, **settings):
    loss, k, kind = CASES[case]
    rng = np.random.default_rng(1)
    targets = targets_of(kind, k, rng)
    weights = rng.uniform(0.5, 2.0, size=N) if weighted else None
    penalty = penalty or ElasticPenalty(0.1, 0.3)
    return Objective(make_rows(X, n_jobs), targets, weights, loss, penalty, k, **settings)


def somewhere(objective, seed=2):
    rng = np.random.default_rng(seed)
    k = objective.n_outputs
    return rng.normal(size=(k, objective.rows.p)) / 3.0, rng.normal(size=k)


def plain_value(objective, X, W, b):
    """F by its definition."""
    loss, targets, k = objective.loss, objective.targets, objective.n_outputs
    Z = X @ W.T + b
    if isinstance(loss, losses.Multinomial):
        values = loss.value(targets[:, 0], Z)
    else:
        if targets.shape[1] < k:
            targets = np.where(targets == np.arange(k), 1.0, -1.0)
        values = sum(loss.value(y, z) for y, z in zip(targets.T, Z.T))
    return np.average(values, weights=objective.weights) + objective.penalty.value(W)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("case", CASES)
def test_value_and_gradient(case, storage, weighted):
    X = design()
    objective = make(case, STORAGES[storage](X), weighted=weighted)
    W, b = somewhere(objective)
    value, GW, gb = objective.loss_value_and_gradient(W, b)
    assert objective.value(W, b) == pytest.approx(plain_value(objective, X, W, b), rel=1e-12)

    dW, db = somewhere(objective, seed=3)
    h = 1e-5
    ahead = objective.loss_value_and_gradient(W + h * dW, b + h * db)[0]
    behind = objective.loss_value_and_gradient(W - h * dW, b - h * db)[0]
    assert np.sum(GW * dW) + gb @ db == pytest.approx((ahead - behind) / (2 * h), rel=1e-5)

    dense = make(case, X, weighted=weighted).loss_value_and_gradient(W, b)
    assert value == pytest.approx(dense[0], rel=1e-12)
    np.testing.assert_allclose(GW, dense[1], rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(objective.predictions(W, b), X @ W.T + b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", ["log", "softmax"])
@pytest.mark.parametrize("storage", ["C", "F", "csr"])
def test_float32_rows_are_summed_in_double(case, storage):
    X = design().astype(np.float32)
    single = make(case, STORAGES[storage](X))
    double = make(case, STORAGES[storage](X.astype(np.float64)))
    point = somewhere(single)
    for ours, theirs in zip(
        single.loss_value_and_gradient(*point), double.loss_value_and_gradient(*point)
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("storage", ["csr", "int64"])
def test_rows_of_all_lengths(storage, dtype):
    """Short ones go in blocks, long ones alone; equal ones are summed alike wherever they stand."""
    rng, p = np.random.default_rng(3), 1500
    lengths = np.r_[0, 1, 15:18, 31:34, 0, 1200, rng.poisson(12, size=80), 40, 0]
    X = np.zeros((len(lengths), p), dtype=dtype)
    for row, length in zip(X, lengths):
        row[rng.choice(p, size=length, replace=False)] = rng.normal(size=length)
    X = np.vstack([X, X[::-1]])
    y = np.where(rng.random(len(X)) < 0.5, 1.0, -1.0)
    y[len(lengths) :] = y[: len(lengths)][::-1]
    few, whole = (
        Objective(make_rows(rows), y[:, None], None, losses.LogLoss(), ElasticPenalty())
        for rows in (STORAGES[storage](X), X)
    )
    W, b = rng.normal(size=(1, p)), np.array([0.3])
    for ours, theirs in zip(few.loss_value_and_gradient(W, b), whole.loss_value_and_gradient(W, b)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
    Z, A = few.predictions(W, b), rng.normal(size=(len(X), 1))
    np.testing.assert_allclose(Z, X @ W.T + b, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(Z, Z[::-1])
    np.testing.assert_allclose(few.transpose_times(A), A.T @ X, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", ["log", "softmax", "own"])
@pytest.mark.parametrize("storage", ["C", "F", "csr"])
def test_threads_change_no_bit(case, storage, monkeypatch):
    monkeypatch.setattr("sgdlearn._solvers.objective.PART", 64)
    X = STORAGES[storage](design())
    one, three = make(case, X), make(case, X, n_jobs=3)
    assert len(one.parts) > 3
    point = somewhere(one)
    for ours, theirs in zip(
        one.loss_value_and_gradient(*point), three.loss_value_and_gradient(*point)
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("storage", ["C", "F", "csr"])
def test_sums_and_squares_of_rows_in_parts(storage, monkeypatch):
    X = design() + np.r_[1e6, np.zeros(P - 1)]  # a column far from zero loses no digits
    X[:, 3] = 4.0
    s = np.random.default_rng(1).uniform(0.5, 2.0, size=N)
    whole = make_rows(STORAGES[storage](X))
    expected = whole.column_moments(s), whole.row_squares(None, s, 1.0)
    monkeypatch.setattr("sgdlearn._solvers.rows.NUMBERS_TO_SHARE", 100)
    monkeypatch.setattr("sgdlearn._solvers.rows.NUMBERS_TO_COLUMNS", 1)
    alone, shared = (make_rows(STORAGES[storage](X), n_jobs) for n_jobs in (1, 3))
    assert len(alone.large_parts(100)) > 3
    for rows in (alone, shared):
        moments = rows.column_moments(s)
        for name in ("mean", "variance", "nonzero_weight"):
            found, meant = getattr(moments, name), getattr(expected[0], name)
            np.testing.assert_allclose(found, meant, rtol=1e-12, atol=1e-15)
        assert moments.variance[3] == 0.0
        np.testing.assert_array_equal(rows.row_squares(None, s, 1.0), expected[1])
    np.testing.assert_array_equal(alone.column_sums(s).sums, shared.column_sums(s).sums)


def test_read_only_input():
    X = design()
    X.flags.writeable = False
    objective = make("log", X)
    objective.weights.flags.writeable = False
    objective.targets.flags.writeable = False
    assert np.isfinite(objective.value(*somewhere(objective)))


def test_without_intercept_its_gradient_is_zero():
    objective = make("log", design(), fit_intercept=False)
    W, b = somewhere(objective)
    assert not np.any(objective.loss_value_and_gradient(W, 0 * b)[2])
    assert not np.any(objective.baseline())


@pytest.mark.parametrize("case", [case for case in CASES if case != "quantile"])
def test_baseline_is_the_best_constant(case):
    objective = make(case, design())
    W, _ = somewhere(objective)
    _, _, gb = objective.loss_value_and_gradient(0 * W, objective.baseline())
    np.testing.assert_allclose(gb, 0.0, atol=1e-8)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_column_moments(storage, dtype):
    X = design()
    X[:, 1] = 1e3 + 1e-2 * X[:, 1]
    X[:, 2] = 0.1
    X[:, 3] = 0.0
    X = X.astype(dtype)
    repeats = np.random.default_rng(0).integers(1, 4, size=N)
    copies = np.repeat(X.astype(np.float64), repeats, axis=0)
    for weights, rows in (None, X.astype(np.float64)), (repeats.astype(float), copies):
        moments = make_rows(STORAGES[storage](X)).column_moments(weights)
        np.testing.assert_allclose(moments.mean, rows.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(moments.variance, rows.var(axis=0), rtol=1e-7, atol=1e-25)
        np.testing.assert_allclose(moments.mean_square, (rows**2).mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(moments.nonzero_weight, (rows != 0).sum(axis=0))
        assert moments.variance[2] == moments.variance[3] == 0.0


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("weighted", [False, True])
def test_column_sums_grow_piece_by_piece(storage, weighted):
    rng = np.random.default_rng(0)
    X = 100.0 + design()
    X[:, 1] = 0.1
    X[: N // 2, 2] = 0.0
    X[:, 3] = 0.0
    weights = rng.exponential(size=N) if weighted else None
    sums = ColumnSums.begin(X.shape[1])
    for start, stop in pairwise([0, 1, 2, 7, 20, 21, N]):
        before = sums.copy()
        s = weights[start:stop] if weighted else None
        sums.add(make_rows(STORAGES[storage](X[start:stop])), s)
    assert before.weight < sums.weight
    moments = sums.moments()
    np.testing.assert_allclose(moments.mean, np.average(X, axis=0, weights=weights), rtol=1e-12)
    square = np.average((X - moments.mean) ** 2, axis=0, weights=weights)
    np.testing.assert_allclose(moments.variance, square, rtol=1e-10, atol=1e-25)
    assert moments.variance[1] == moments.variance[3] == 0.0
    s = np.ones(N) if weights is None else weights
    np.testing.assert_allclose(moments.nonzero_weight, s @ (X != 0.0))


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("flag", [1.0, -2.5])
def test_sums_of_flags_are_those_of_any_entries(flag, weighted):
    rng = np.random.default_rng(3)
    X = sparse.csr_matrix(flag * (rng.random((200, 9)) < 0.3) * (np.arange(9) != 4))
    rows, weights = make_rows(X), rng.uniform(0.1, 3.0, 200) if weighted else None
    assert rows.have_flags and not make_rows(X + sparse.eye(200, 9, format="csr")).have_flags
    half = slice(0, 120), slice(120, 200)
    few = [
        (rows.between(part.start, part.stop), weights[part] if weighted else None) for part in half
    ]
    flags = ColumnSums.of(*few[0]).join(ColumnSums.of(*few[1]))
    plain = ColumnSums.begin(9, "F").add(*few[0])
    plain.join(ColumnSums.begin(9, "F").add(*few[1]))
    for name, expected in vars(plain.find_moments()).items():
        np.testing.assert_array_equal(getattr(flags.find_moments(), name), expected)
    again = pickle.loads(pickle.dumps(flags))
    assert len(pickle.dumps(flags)) < len(pickle.dumps(plain))
    others = ColumnSums.of(make_rows(sparse.csr_matrix(rng.normal(size=(5, 9)))))
    plain.join(others)
    for found in (flags.copy(), again, flags):
        found.join(others)
        np.testing.assert_array_equal(found.sums, plain.sums)
        assert found.weight == plain.weight


@pytest.mark.parametrize("storage", STORAGES)
def test_row_squares(storage):
    X, rng = design(), np.random.default_rng(0)
    shift, scale = rng.normal(size=(2, X.shape[1]))
    rows = make_rows(STORAGES[storage](X))
    shift = 0.0 * shift if rows.sparse else shift
    squares, weights = (((X - shift) * scale) ** 2).sum(axis=1), rng.exponential(size=N)
    metric = Scaling(shift, scale)
    np.testing.assert_allclose(rows.row_squares(metric), squares, rtol=1e-12)
    np.testing.assert_allclose(rows.row_squares(metric, weights, 1.0), weights * (squares + 1.0))


@pytest.mark.parametrize("storage", STORAGES)
def test_take_and_block(storage):
    X = design()
    rows = make_rows(STORAGES[storage](X))
    index = np.array([5, 3, 3, 200])
    part, block = rows.take(index), rows.block(10, 20)
    some = part.block(0, 4)
    if rows.sparse:
        some, block = some.toarray(), block.toarray()
    np.testing.assert_array_equal(some, X[index])
    np.testing.assert_array_equal(block, X[10:20])


def test_rows_are_read_in_place():
    X = design()
    for dense in (X, np.asfortranarray(X)):
        assert make_rows(dense).values is dense
    csr = sparse.csr_matrix(X)
    assert np.shares_memory(make_rows(csr).data, csr.data)
    assert np.shares_memory(make_rows(csr).matrix.data, csr.data)


@pytest.mark.parametrize("centre", [False, True])
def test_scaling_is_a_change_of_variables(centre):
    X = design()
    scaling = Scaling.from_rows(make_rows(X), centre=centre)
    rng = np.random.default_rng(0)
    V, b = rng.normal(size=(2, P)), rng.normal(size=2)
    W, intercept = scaling.to_user(V, b)
    scaled = (X - scaling.shift) * scaling.scale
    np.testing.assert_allclose(X @ W.T + intercept, scaled @ V.T + b)
    np.testing.assert_allclose(scaled.std(axis=0) if centre else (scaled**2).mean(axis=0), 1.0)
    for ours, theirs in zip(scaling.from_user(W, intercept), (V, b)):
        np.testing.assert_allclose(ours, theirs)
    slopes = rng.normal(size=(N, 2))
    GV, gb = scaling.gradient(slopes.T @ X, slopes.sum(axis=0))
    np.testing.assert_allclose(GV, slopes.T @ scaled, atol=1e-11)
    np.testing.assert_allclose(gb, slopes.sum(axis=0))


def test_scaling_of_odd_columns():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 6))
    X[:, 0] = 3.0
    X[:, 1] = 1e6 / 3.0
    X[:, 2] *= 1e-12
    X[:, 3] += 1e6
    X[:, 4] = 5.0 * (np.arange(1000) < 10)
    X[:, 5] = 0.0
    rows = make_rows(X)
    scaling = Scaling.from_rows(rows, centre=True)
    assert scaling.scale[0] == scaling.scale[1] == scaling.scale[5] == 0.0
    np.testing.assert_allclose(scaling.scale[2:5], 1.0 / X[:, 2:5].std(axis=0), rtol=1e-9)
    assert Scaling.from_rows(rows, centre=True, per_row=True).scale[4] == pytest.approx(0.2)
    uncentred = Scaling.from_rows(rows, centre=False, per_row=True)
    np.testing.assert_allclose(uncentred.scale[[0, 4, 5]], [1.0 / 3.0, 0.2, 0.0])


@pytest.mark.parametrize("penalty", [ElasticPenalty(), ElasticPenalty(0.05, 0.1)])
@pytest.mark.parametrize("case", ["squared", "log", "softmax"])
def test_certificate_does_not_depend_on_the_scales(case, penalty):
    X = design()
    factors = np.geomspace(1e-4, 1e5, P) if penalty.l2 == 0.0 else np.ones(P)
    shifts = np.linspace(-50.0, 50.0, P)
    values = []
    for other in (X, (X + shifts) * factors):
        objective = make(case, other, penalty=penalty)
        scaling = Scaling.from_rows(objective.rows, objective.weights, centre=True)
        certificate = Certificate(objective, scaling)
        W, b = somewhere(objective)
        if other is not X:
            W, b = W / factors, b - W @ shifts
        assert certificate(0 * W, objective.baseline()) == pytest.approx(1.0)
        values.append(certificate(W, b))
    assert values[0] == pytest.approx(values[1], rel=1e-8)


def test_certificate_takes_a_penalty_by_its_prox():
    objective = make("squared", design(), penalty=ScaledPenalty(SumOfSquares(), 0.3))
    scaling = Scaling.from_rows(objective.rows, objective.weights, centre=True)
    ridge = replace(objective, penalty=ElasticPenalty(l2=0.3))
    X, y, s = ridge.rows.values, ridge.targets[:, 0], ridge.weights / ridge.total_weight
    A = np.column_stack([X, np.ones(N)])
    best = np.linalg.solve(A.T @ (s[:, None] * A) + 0.3 * np.diag([1.0] * P + [0.0]), A.T @ (s * y))
    for one in objective, ridge:
        certificate = Certificate(one, scaling)
        assert certificate(best[None, :P], best[P:]) < 1e-12
        assert certificate(best[None, :P] * 1.01, best[P:]) > 1e-4
