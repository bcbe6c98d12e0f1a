"""What a warm fit finds known: only what is true of its data, and never more than a share of them.

And where it starts: ahead, where a path of penalties leads to.
"""

import pickle
import sys

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression, optimizers
from sgdlearn._kernels import fingerprint as kernels
from sgdlearn._solvers import cholesky, columns, kept, preconditioner
from sgdlearn._solvers.ahead import Passed, ahead
from sgdlearn._validation import Fingerprint, check_X, find_classes
from sgdlearn.linear_model._base import LITTLE, SHARE_KEPT

ALPHAS = np.geomspace(1e-1, 1e-3, 5)
LOG, SQUARED, HINGE = GDLogisticRegression, GDLinearRegression, GDLinearSVC


def data(n=3000, p=30, share=1.0, seed=0):
    """Rows, two classes, three classes and numbers."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * (rng.random((n, p)) < share) * np.geomspace(0.5, 2.0, p)
    z = X @ rng.normal(size=p) + 1.0
    z = z / z.std() + 0.5 * rng.normal(size=n)
    return X, {LOG: z > 0, HINGE: z > 0, "three": np.digitize(z, (-0.5, 0.5)), SQUARED: z}


X, TARGETS = data()
SPARSE, SPARSE_TARGETS = data(2000, 300, 0.02, 1)
SPARSE = sparse.csr_matrix(SPARSE)
LARGE, LARGE_TARGETS = data(12_000, 100, 1.0, 2)

# (estimator, parameters, targets, rows): what there is `of` a key leaves every bit as it was
EXACT = {
    "cholesky": (SQUARED, {"optimizer": "cholesky"}, SQUARED, "dense"),
    "cholesky, wide": (SQUARED, {"optimizer": "cholesky"}, SQUARED, "wide"),
    "cholesky, several outputs": (SQUARED, {"optimizer": "cholesky"}, "several", "dense"),
    "newton": (LOG, {"optimizer": "newton"}, LOG, "dense"),
    "newton, one-vs-rest": (LOG, {"optimizer": "newton", "multi_class": "ovr"}, "three", "dense"),
    "newton, huber": (SQUARED, {"optimizer": "newton", "loss": "huber"}, SQUARED, "dense"),
    "interior point": (HINGE, {"loss": "hinge"}, HINGE, "dense"),
    "lbfgs": (LOG, {"optimizer": "lbfgs"}, LOG, "dense"),
    "lbfgs, sparse": (LOG, {"optimizer": "lbfgs"}, LOG, "sparse"),
    "lbfgs, softmax": (LOG, {"optimizer": "lbfgs"}, "three", "few"),
    "lbfgs, L1": (LOG, {"optimizer": "lbfgs", "penalty": "l1"}, LOG, "dense"),
    "cd": (LOG, {"optimizer": "cd", "penalty": "l1"}, LOG, "dense"),
    "cd, sparse": (LOG, {"optimizer": "cd", "penalty": "l1"}, LOG, "sparse"),
    "cd, sparse squares": (SQUARED, {"optimizer": "cd", "penalty": "l1"}, SQUARED, "sparse"),
    "saga": (LOG, {"optimizer": "saga"}, LOG, "sparse"),
    "svrg": (LOG, {"optimizer": "svrg"}, LOG, "dense"),
    "psvrg": (LOG, {"optimizer": "psvrg"}, LOG, "dense"),
    "sgd": (LOG, {"optimizer": "sgd", "max_iter": 5}, LOG, "dense"),
    "adam": (LOG, {"optimizer": "adam", "max_iter": 5}, LOG, "sparse"),
    "standardize": (LOG, {"standardize": True, "optimizer": "lbfgs"}, LOG, "dense"),
    "class_weight": (LOG, {"class_weight": "balanced"}, LOG, "dense"),
    "auto": (LOG, {}, LOG, "dense"),
}
# what has been `handed_on` is another start
STARTS = {
    "sampled metric": (LOG, {"optimizer": "lbfgs"}, LOG, "large"),
    "sampled metric, softmax": (LOG, {"optimizer": "lbfgs"}, "three", "large"),
    "sdca": (LOG, {"optimizer": "sdca"}, LOG, "sparse"),
    "sdca, hinge": (HINGE, {"optimizer": "sdca", "loss": "hinge"}, HINGE, "sparse"),
    "sdca, one-vs-rest": (LOG, {"optimizer": "sdca", "multi_class": "ovr"}, "three", "sparse"),
    "sdca, standardize": (LOG, {"optimizer": "sdca", "standardize": True}, LOG, "dense"),
    "gram": (SQUARED, {"optimizer": "cd", "penalty": "l1"}, SQUARED, "dense"),
    "gram, elastic net": (SQUARED, {"penalty": "elasticnet"}, SQUARED, "dense"),
}


def problem(case):
    """(model, X, y) of a case of the tables."""
    estimator, parameters, target, rows = case
    A, targets = {
        "dense": (X, TARGETS),
        "wide": (X[:20], TARGETS),
        "few": (X[:1000], TARGETS),  # no rows are drawn of so few
        "sparse": (SPARSE, SPARSE_TARGETS),
        "large": (LARGE, LARGE_TARGETS),
    }[rows]
    y = np.column_stack([targets[SQUARED]] * 2) if target == "several" else targets[target]
    model = estimator(**parameters, warm_start=True, random_state=0)
    return model, A, y[: A.shape[0]]


def fitted(model):
    return {
        "coef": model.coef_,
        "intercept": model.intercept_,
        "curve": model.loss_curve_,
        "n_iter": model.n_iter_,
        "optimality": model.optimality_,
        "gap": getattr(model, "dual_gap_", None),
    }


def assert_equal(model, other):
    for (name, value), expected in zip(fitted(model).items(), fitted(other).values(), strict=True):
        np.testing.assert_array_equal(value, expected, err_msg=name)


def forgetful(model):
    """A model that has learnt the same, and nothing is kept of its data."""
    twin = pickle.loads(pickle.dumps(model))
    twin._passed = getattr(model, "_passed", None)
    return twin


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", EXACT.values(), ids=EXACT)
def test_no_bit_tells_what_was_kept(case):
    model, A, y = problem(case)
    twin = clone(model)
    for alpha in ALPHAS:
        model.set_params(alpha=alpha).fit(A, y)
        twin = forgetful(twin).set_params(alpha=alpha).fit(A, y)
        assert_equal(model, twin)
        assert model._kept._found


@pytest.mark.parametrize("case", STARTS.values(), ids=STARTS)
def test_what_is_handed_on_is_but_a_start(case):
    model, A, y = problem(case)
    model.set_params(tol=1e-6, max_iter=1000)
    cold = clone(model).set_params(warm_start=False, tol=1e-10)
    for alpha in ALPHAS:
        model.set_params(alpha=alpha).fit(A, y)
        cold.set_params(alpha=alpha).fit(A, y)
        assert model.optimality_ <= 1e-5
        excess = model.loss_curve_[-1] - cold.loss_curve_[-1]
        assert abs(excess) <= 2e-6 * max(1.0, cold.loss_curve_[-1])


CHANGED = {
    "X": lambda A, y, s: A.__setitem__((7, 3), A[7, 3] + 1.0),
    "the sign of X": lambda A, y, s: np.negative(A, out=A),
    "y": lambda A, y, s: y.__setitem__(11, y[11] + 5.0),
    "weights": lambda A, y, s: s.__setitem__(5, 9.0),
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", ["cholesky", "lbfgs", "cd"])
def test_a_number_changed_in_place_is_seen(optimizer, dtype, order, change):
    A, y, s = (
        np.array(X[:500], dtype=dtype, order=order),
        TARGETS[SQUARED][:500].copy(),
        np.ones(500),
    )
    s[0] = 2.0
    model = SQUARED(optimizer=optimizer, alpha=1e-2, warm_start=True).fit(A, y, s)
    twin = forgetful(model)
    change(A, y, s)
    assert_equal(model.fit(A, y, s), twin.fit(A, y, s))
    if optimizer == "cholesky":  # which takes no start
        assert_equal(model, clone(model).fit(A, y, s))


SPARSE_CHANGED = {
    "data": lambda A: A.data.__setitem__(3, 2.5),
    "indices": lambda A: A.indices.__setitem__(A.indptr[1] - 1, A.shape[1] - 1),
    "indptr": lambda A: A.indptr.__setitem__(1, A.indptr[1] + 1),
}


@pytest.mark.parametrize("change", SPARSE_CHANGED.values(), ids=SPARSE_CHANGED)
@pytest.mark.parametrize("optimizer", ["sdca", "lbfgs"])
def test_a_sparse_entry_changed_in_place_is_seen(optimizer, change):
    A, y = sparse.csr_matrix(np.eye(40)[np.arange(200) % 39] * 2.0), np.arange(200) % 3 > 0
    A = sparse.csr_matrix(A + sparse.csr_matrix(np.eye(200, 40, 1)))
    A.indices[: A.indptr[2]] = 0, 5, 6, 7
    model = LOG(optimizer=optimizer, alpha=1e-2, warm_start=True, random_state=0).fit(A, y)
    twin = forgetful(model)
    change(A)
    assert_equal(model.fit(A, y), twin.fit(A, y))


OTHERWISE = {
    "loss": (SQUARED, {"loss": "huber", "epsilon": 0.5}, {"epsilon": 2.0}),
    "another loss": (HINGE, {"loss": "squared_hinge"}, {"loss": "hinge"}),
    "intercept": (LOG, {"optimizer": "sdca"}, {"fit_intercept": False}),
    "standardize": (LOG, {"optimizer": "sdca"}, {"standardize": True}),
    "class_weight": (LOG, {"optimizer": "sdca"}, {"class_weight": {True: 3.0}}),
    "positive": (LOG, {"optimizer": "sdca"}, {"positive": True}),
    "optimizer": (LOG, {"optimizer": "sdca"}, {"optimizer": "lbfgs"}),
    "threads": (LOG, {"optimizer": "lbfgs"}, {"n_jobs": 2}),
}


@pytest.mark.parametrize(("estimator", "before", "after"), OTHERWISE.values(), ids=OTHERWISE)
def test_another_problem_on_the_same_rows(estimator, before, after):
    y = TARGETS[estimator]
    model = estimator(**before, alpha=1e-2, warm_start=True, random_state=0).fit(X, y)
    twin = forgetful(model)
    assert_equal(model.set_params(**after).fit(X, y), twin.set_params(**after).fit(X, y))


def test_early_stopping_keeps_nothing():
    model = LOG(warm_start=True, early_stopping=True, optimizer="sgd", max_iter=3, tol=None)
    model.fit(X, TARGETS[LOG])
    assert model._kept is None


# What is kept


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", [*EXACT.values(), *STARTS.values()], ids=[*EXACT, *STARTS])
def test_little_is_kept_and_only_in_memory(case):
    model, A, y = problem(case)
    model.set_params(alpha=1e-2, max_iter=20, tol=1e-2)
    cold = clone(model).set_params(warm_start=False).fit(A, y)
    assert cold._kept is None
    model.fit(A, y)
    X_bytes = A.data.nbytes + A.indices.nbytes + A.indptr.nbytes if sparse.issparse(A) else A.nbytes
    found = list(model._kept._found.values())
    assert 0 < kept.size(found) <= max(SHARE_KEPT * X_bytes, LITTLE)
    assert len(pickle.dumps(model)) <= len(pickle.dumps(cold)) + 2000
    for copy in (pickle.loads(pickle.dumps(model)), clone(model)):
        assert not {"_kept", "_passed"} & set(vars(copy))


def test_what_is_kept_holds_no_data():
    rows = np.array(X)
    model = LOG(optimizer="cd", penalty="l1", warm_start=True).fit(rows, TARGETS[LOG])
    count = sys.getrefcount(rows)
    model._kept = None
    assert sys.getrefcount(rows) == count


def test_a_fit_that_fails_leaves_what_was_kept():
    model, A, y = problem(EXACT["cholesky"])
    before = model.fit(A, y)._kept
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.where(A[0, 0] == A, np.nan, A), y)
    assert model._kept is before


def test_the_smaller_things_are_kept_first():
    known = kept.Kept("print", room=1000)
    for name, n in (("large", 100), ("small", 10), ("middle", 50)):
        known.of(name, lambda n=n: np.zeros(n))
    assert set(known.for_next()._found) == {("small",), ("middle",)}
    known.hand_on("too large", np.zeros(200))
    assert known.last("too large") is None
    assert known.for_data("print", 1000).last("small") is not None
    assert known.for_data("another", 1000).last("small") is None


def count_calls(monkeypatch, owner, name):
    calls, function = [], getattr(owner, name)

    def counted(*args, **kwargs):
        calls.append(name)
        return function(*args, **kwargs)

    monkeypatch.setattr(owner, name, counted)
    return calls


PASSES = {
    "moments of least squares": (cholesky._Normal, "moments", EXACT["cholesky"], 1),
    "metrics": (preconditioner, "hessians", STARTS["sampled metric"], 4),
    "Gram matrices": (columns.Gram, "extend", STARTS["gram"], 1),
    "counts of columns": (columns.SparseColumns, "_count", EXACT["cd, sparse"], 1),
}


@pytest.mark.parametrize(("owner", "name", "case", "times"), PASSES.values(), ids=PASSES)
def test_a_path_finds_once_what_is_the_same_for_all(monkeypatch, owner, name, case, times):
    calls = count_calls(monkeypatch, owner, name)
    model, A, y = problem(case)
    for alpha in np.geomspace(1e-1, 1e-2, 8):
        model.set_params(alpha=alpha).fit(A, y)
    assert 1 <= len(calls) <= times


# Ahead


def objective_of(alpha, penalty="l2", rows=500):
    model = LOG(alpha=alpha, penalty=penalty, warm_start=True)
    return model._problem(X[:rows], TARGETS[LOG][:rows], None, (None,) * 3, None).objective


def path_of(alphas, penalty="l2"):
    """The optima at these strengths, to rounding, and what has been passed before the last."""
    passed, solutions = Passed(None), []
    for alpha in alphas:
        model = LOG(optimizer="newton", alpha=alpha, tol=1e-14).fit(X[:500], TARGETS[LOG][:500])
        before = solutions[-1] if solutions else (None, None)
        passed = passed.then(objective_of(alpha, penalty), *before)
        solutions.append((model.coef_, model.intercept_))
    return solutions, passed


def test_the_start_lies_ahead():
    alphas = np.geomspace(1e-1, 1e-3, 9)
    solutions, passed = path_of(alphas)
    (W0, b0), (W1, b1), (W2, _) = solutions[-3:]
    _, passed = path_of(alphas[-3:-1])
    W, b = ahead(objective_of(alphas[-1]), optimizers.LBFGS(), W1, b1, passed)
    np.testing.assert_allclose(W, 2.0 * W1 - W0, rtol=1e-12)
    np.testing.assert_allclose(b, 2.0 * b1 - b0, rtol=1e-12)
    assert np.linalg.norm(W - W2) < 0.6 * np.linalg.norm(W1 - W2)


NOT_AHEAD = {
    "back": (0.3, "l2", optimizers.LBFGS()),
    "the same": (1e-2, "l2", optimizers.LBFGS()),
    "far": (1e-9, "l2", optimizers.LBFGS()),
    "L1": (5e-3, "l1", optimizers.LBFGS()),
    "no penalty": (0.0, "l2", optimizers.LBFGS()),
    "no start": (5e-3, "l2", optimizers.Cholesky()),
    "a dual start": (5e-3, "l2", optimizers.SDCA()),
    "a run": (5e-3, "l2", optimizers.Adam()),
}


@pytest.mark.parametrize(("alpha", "penalty", "rule"), NOT_AHEAD.values(), ids=NOT_AHEAD)
def test_the_start_is_the_last_model_where_no_path_leads(alpha, penalty, rule):
    solutions, passed = path_of([1e-1, 1e-2])
    W, b = ahead(objective_of(alpha, penalty), rule, *solutions[-1], passed)
    assert W is solutions[-1][0]
    assert b is solutions[-1][1]


def test_the_start_is_no_worse_than_the_last_model():
    solutions, passed = path_of([1e-1, 1e-2])
    astray = Passed(passed.a1, passed.about, passed.a0, 5.0 * passed.W0 + 3.0, passed.b0)
    W, _ = ahead(objective_of(5e-3), optimizers.LBFGS(), *solutions[-1], astray)
    assert W is solutions[-1][0]


def test_what_has_been_passed():
    W, b = np.ones((1, 2)), np.zeros(1)
    strong, weak, other = objective_of(1e-1), objective_of(1e-2), objective_of(1e-2, "l1")
    first = Passed(None).then(strong, None, None)
    assert (first.a1, first.W0) == (0.1, None)
    second = first.then(weak, W, b)
    assert (second.a0, second.a1) == (0.1, 0.01)
    assert second.W0 is W
    assert second.then(weak, W + 1.0, b) is second
    assert second.then(other, W, b).a1 is None
    assert second.then(other, W, b).then(weak, W, b).W0 is None


@pytest.mark.parametrize("case", ["lbfgs, softmax", "saga", "newton"])
def test_a_path_that_starts_ahead_takes_fewer_iterations(case):
    def iterations(goes_ahead):
        model, A, y = problem(EXACT[case])
        model.set_params(tol=1e-6)
        total = 0
        for alpha in np.geomspace(1e-1, 1e-3, 12):
            total += model.set_params(alpha=alpha).fit(A, y).n_iter_
            model._passed = model._passed if goes_ahead else None
        return total

    assert iterations(True) < iterations(False)


# The fingerprint


def of_bytes(array):
    return kernels.fingerprint(array.reshape(-1).view(np.uint8))


@pytest.mark.parametrize("n", [1, 7, 63, 64, 65, 200, 4096, 5000])
def test_every_byte_counts(n):
    data = np.random.default_rng(n).integers(256, size=n, dtype=np.uint8)
    whole, seen = of_bytes(data), set()
    for place in range(0, n, 1 if n < 300 else 37):
        for bit in (1, 128):
            data[place] ^= bit
            seen.add(of_bytes(data))
            data[place] ^= bit
    assert len(seen) == 2 * len(range(0, n, 1 if n < 300 else 37))
    assert whole not in seen
    assert of_bytes(data) == whole


def test_changes_that_could_undo_each_other_are_seen():
    rng = np.random.default_rng(3)
    data = rng.normal(size=(64, 8))
    swapped, negative, zeros = data[::-1].copy(), -data, np.zeros_like(data)
    column = data.copy()
    column[:, 2] *= -1.0
    rows = data.copy()
    rows[[3, 4]] = rows[[4, 3]]
    prints = [of_bytes(a) for a in (data, swapped, negative, column, rows, zeros, -zeros)]
    assert len(set(prints)) == len(prints)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 15, 1000, 1025, 3333])
def test_one_pass_tells_both(n, dtype):
    finite = kernels.finite_fingerprint["float" if dtype == np.float32 else "double"]
    numbers = np.random.default_rng(n).normal(size=(1, n)).astype(dtype)
    assert finite(numbers) == (True, of_bytes(numbers))
    for bad in (np.nan, np.inf):
        numbers[0, n // 2] = bad
        assert finite(numbers) == (False, of_bytes(numbers))


def marks(A, n_jobs=1):
    model = LOG(n_jobs=n_jobs)
    fingerprint = Fingerprint()
    check_X(model, A, reset=True, fingerprint=fingerprint)
    return fingerprint.marks


def test_shape_order_and_type_count():
    square = np.arange(1.0, 145.0).reshape(12, 12)
    same_bytes = [
        square,
        square.T,
        square.reshape(6, 24),
        square.reshape(6, 24, order="A").reshape(24, 6),
        square.view(np.float32),
        sparse.csr_matrix(square),
        sparse.csr_matrix(
            (square.ravel(), np.tile(np.arange(12), 12), 12 * np.arange(13)), (12, 13)
        ),
    ]
    prints = [marks(A) for A in same_bytes]
    assert len(set(map(repr, prints))) == len(prints)
    assert marks(square.copy()) == marks(square)
    assert marks(square.tolist()) == marks(square)


@pytest.mark.parametrize("n_jobs", [2, 3])
def test_the_fingerprint_is_the_same_for_every_number_of_threads(n_jobs):
    large = np.random.default_rng(0).normal(size=(2**14 + 5, 130))
    assert marks(large, n_jobs) == marks(large)


# Two classes


@pytest.mark.parametrize(
    "y",
    [[0, 1, 1], [-1, 1, -1], [True, False], [3, 3, 7], [2, 0, 1], [1, 1, 1]],
    ids=["0, 1", "signs", "booleans", "3, 7", "three", "one"],
)
@pytest.mark.parametrize("dtype", [None, np.int8, np.float64])
def test_classes_are_those_that_a_sort_would_find(y, dtype):
    y = np.array(y, dtype=dtype)
    expected = np.unique(y)
    if len(expected) < 2:
        with pytest.raises(ValueError, match="greater than one"):
            find_classes(y)
        return
    found = find_classes(y)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype


def test_the_start_is_not_foretold_by_other_data():
    A = np.random.default_rng(0).normal(size=(1000, 3))
    y = A @ [1.0, 2.0, -1.0] + 5.0
    model = SQUARED(warm_start=True, optimizer="saga", random_state=0, alpha=1.0).fit(A, y)
    model.set_params(alpha=0.1).fit(A, y)
    model.set_params(alpha=0.03, fit_intercept=False).fit(A, y - 10.0)
    assert model.intercept_ == 0.0


@pytest.mark.parametrize("p", [300, 400])
def test_a_gram_matrix_that_outgrows_its_room(p):
    """What was handed on is no part of what has grown since."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(p, p))
    y = A @ rng.normal(size=p) + rng.normal(size=p)
    warm = SQUARED(penalty="l1", warm_start=True)
    for alpha in (0.5, 0.3, 0.1, 0.03):
        warm.set_params(alpha=alpha).fit(A, y)
        cold = clone(warm).set_params(warm_start=False).fit(A, y)
        np.testing.assert_allclose(warm.coef_, cold.coef_, atol=1e-6)
