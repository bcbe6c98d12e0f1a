"""The stochastic loops against their slow twin: every rule, step by step, in a given order."""

import numpy as np
import pytest
import reference as ref
from scipy import sparse

from sgdlearn import GDLinearRegression, GDLogisticRegression, losses, optimizers
from sgdlearn._solvers import stochastic
from sgdlearn._solvers.rows import SparseRows, make_rows
from sgdlearn._solvers.scaling import Scaling
from sgdlearn._solvers.stochastic import Method, Run
from sgdlearn.penalties import ElasticPenalty
from sgdlearn.schedules import resolve

# An optimizer of the package, and the same rule of the twin.
RULES = {
    "sgd": (optimizers.SGD(), ref.SGD()),
    "momentum": (optimizers.SGD(0.9), ref.SGD(0.9)),
    "nesterov": (optimizers.SGD(0.9, nesterov=True), ref.SGD(0.9, nesterov=True)),
    "adagrad": (optimizers.AdaGrad(), ref.AdaGrad()),
    "adadelta": (optimizers.AdaDelta(), ref.AdaDelta()),
    "rmsprop": (optimizers.RMSProp(), ref.RMSProp()),
    "adam": (optimizers.Adam(), ref.Adam()),
    "amsgrad": (optimizers.Adam(amsgrad=True), ref.Adam(amsgrad=True)),
    "adamw": (optimizers.AdamW(), ref.AdamW()),
    "adamw_amsgrad": (optimizers.AdamW(amsgrad=True), ref.AdamW(amsgrad=True)),
    "nadam": (optimizers.NAdam(), ref.NAdam()),
    "ftrl": (optimizers.FTRL(), ref.FTRL()),
    "schedule_free": (optimizers.ScheduleFree(0.8), ref.ScheduleFree(0.8)),
    "schedule_free_power": (
        optimizers.ScheduleFree(0.4, power=1.5),
        ref.ScheduleFree(0.4, power=1.5),
    ),
    "dog": (optimizers.DoG(0.5), ref.DoG(0.5)),
}
# (l1, l2, positive)
PENALTIES = {
    "none": (0.0, 0.0, False),
    "l2": (0.0, 0.1, False),
    "l1": (0.03, 0.0, False),
    "elastic": (0.02, 0.1, False),
    "positive": (0.0, 0.0, True),
    "elastic_positive": (0.01, 0.1, True),
}
every_rule = pytest.mark.parametrize("rule", RULES)


def falling(t):
    return 0.05 / np.sqrt(t)


def method_of(rule, loss, *, penalty=(0.0, 0.0, False), batch_size=1, average=0, k=1, **settings):
    """The method of a rule by its name."""
    l1, l2, positive = penalty
    return Method(
        loss=loss,
        rule=RULES[rule][0],
        penalty=ElasticPenalty(l1, l2, positive),
        in_gradient=settings.pop("in_gradient", True),
        fit_intercept=settings.pop("fit_intercept", True),
        average_from=average,
        batch_size=batch_size,
        n_outputs=k,
        **settings,
    )


def run_of(method, p, *, rate=falling, dtype=np.float64, start=None, **settings):
    """A run from the zero model."""
    W, b = start or (np.zeros((method.n_outputs, p)), np.zeros(method.n_outputs))
    return Run.start(method, W, b, resolve(rate), dtype=dtype, **settings)


def as_targets(y):
    y = np.asarray(y, dtype=np.float64)
    return np.ascontiguousarray(y if y.ndim == 2 else y[:, None])


class Same:
    """A run of the package and one of the twin, in step.

    `visit` sends both over some rows and compares coefficients and losses.
    """

    def __init__(
        self, X, y, loss, rule, *, rate=falling, batch_size=1, penalty=(0.0, 0.0, False),
        weights=None, average=0, fit_intercept=True, k=None, start=None, rtol=1e-9,
    ):  # fmt: skip
        self.rows, self.Y, self.weights, self.rtol = make_rows(X), as_targets(y), weights, rtol
        k = k or self.Y.shape[1]
        method = method_of(
            rule, loss[0], penalty=penalty, batch_size=batch_size, average=average, k=k,
            fit_intercept=fit_intercept,
        )  # fmt: skip
        self.run = run_of(method, X.shape[1], rate=rate, dtype=X.dtype, start=start)
        W, b = start or (None, None)
        l1, l2, positive = penalty
        twin = RULES[rule][1]
        dense = (X.toarray() if sparse.issparse(X) else X).astype(np.float64)
        self.state = None
        self.twin = lambda order: ref.stochastic(
            dense, self.Y, loss[1], twin, rate, order, l1=l1, l2=l2, positive=positive,
            batch_size=len(order) if batch_size == "full" else batch_size, weights=weights,
            average=average, fit_intercept=fit_intercept, W0=W, b0=b, n_outputs=k,
            sparse_rows=sparse.issparse(X) and twin.has_moments and batch_size != "full",
            state=self.state,
        )  # fmt: skip

    def visit(self, order):
        order = np.asarray(order)
        W, b, history, self.state = self.twin(order)
        lost = self.run.visit(self.rows, self.Y, self.weights, order)
        total = len(order) if self.weights is None else self.weights[order].sum()
        ours = self.run.coefficients()
        tolerance = {"rtol": self.rtol, "atol": self.rtol / 10}
        np.testing.assert_allclose(ours[0], W, **tolerance)
        np.testing.assert_allclose(ours[1], b, **tolerance)
        np.testing.assert_allclose(lost / total, history[0], **tolerance)
        assert self.run.state.t == self.state.t

    def passes(self, orders):
        for order in orders:
            self.visit(order)


SQUARED = losses.SquaredError(), ref.squared_error
LOG = losses.LogLoss(), ref.log_loss
SOFTMAX = losses.Multinomial(), ref.softmax


# ------------------------------------------------------------------------- against the twin


@every_rule
@pytest.mark.parametrize("batch_size", [1, 7, "full"])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_every_rule_goes_the_way_of_its_twin(rule, batch_size, penalty, stored, binary):
    Same(
        stored(binary.X), binary.y, LOG, rule, batch_size=batch_size, penalty=PENALTIES[penalty],
        weights=binary.weights,
    ).passes(binary.order)  # fmt: skip


@every_rule
@pytest.mark.parametrize("batch_size", [1, 7])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_without_weights(rule, batch_size, fit_intercept, stored, regression):
    Same(
        stored(regression.X), regression.y, SQUARED, rule, batch_size=batch_size,
        penalty=PENALTIES["elastic"], fit_intercept=fit_intercept,
    ).passes(regression.order)  # fmt: skip


@every_rule
@pytest.mark.parametrize("batch_size", [1, 7])
def test_one_update_after_the_other(rule, batch_size, stored, regression):
    same = Same(
        stored(regression.X), regression.y, SQUARED, rule, batch_size=batch_size,
        penalty=PENALTIES["elastic"], weights=regression.weights,
    )  # fmt: skip
    for batch in np.split(regression.order[0][:30], range(batch_size, 30, batch_size)):
        same.visit(batch)


@every_rule
@pytest.mark.parametrize("average", [1, 45])
@pytest.mark.parametrize("penalty", ["none", "l2", "l1", "elastic_positive"])
def test_average(rule, average, penalty, stored, binary):
    Same(
        stored(binary.X), binary.y, LOG, rule, batch_size=2, penalty=PENALTIES[penalty],
        weights=binary.weights, average=average,
    ).passes(binary.order)  # fmt: skip


@pytest.fixture
def products(monkeypatch):
    """Several outputs go through matrix products, few though they are."""
    monkeypatch.setattr(stochastic, "BLAS_OUTPUTS", 2)
    monkeypatch.setattr(stochastic, "BLAS_ROWS", 8)


@every_rule
@pytest.mark.parametrize("batch_size", [1, 4, 16])
@pytest.mark.parametrize("loss", ["softmax", "one_vs_rest", "regression"])
def test_several_outputs(rule, batch_size, loss, stored, multiclass, multi_output):
    problem = multi_output if loss == "regression" else multiclass
    loss = {"softmax": SOFTMAX, "one_vs_rest": LOG, "regression": SQUARED}[loss]
    Same(
        stored(problem.X), problem.y, loss, rule, batch_size=batch_size, k=3,
        penalty=PENALTIES["elastic"], weights=problem.weights,
    ).passes(problem.order)  # fmt: skip


@every_rule
@pytest.mark.parametrize("loss", ["softmax", "regression"])
@pytest.mark.usefixtures("products")
def test_several_outputs_by_products(rule, loss, multiclass, multi_output):
    problem = multi_output if loss == "regression" else multiclass
    loss = {"softmax": SOFTMAX, "regression": SQUARED}[loss]
    for average in (0, 3):
        Same(
            problem.X, problem.y, loss, rule, batch_size=9, k=3, average=average,
            penalty=PENALTIES["elastic"], weights=problem.weights,
        ).passes(problem.order)  # fmt: skip


@every_rule
def test_several_outputs_averaged(rule, stored, multiclass):
    Same(
        stored(multiclass.X), multiclass.y, SOFTMAX, rule, batch_size=9, k=3, average=3,
        penalty=PENALTIES["elastic"],
    ).passes(multiclass.order)  # fmt: skip


@every_rule
@pytest.mark.parametrize("batch_size", [1, 7])
def test_from_a_model_that_is_there(rule, batch_size, stored, regression, rng):
    start = rng.normal(size=(1, regression.X.shape[1])), rng.normal(size=1)
    Same(
        stored(regression.X), regression.y, SQUARED, rule, batch_size=batch_size,
        penalty=PENALTIES["elastic"], start=start,
    ).passes(regression.order)  # fmt: skip


@every_rule
def test_rates_one_for_each_update(rule, stored, regression, rng):
    rates = rng.uniform(0.001, 0.1, size=200)
    Same(
        stored(regression.X), regression.y, SQUARED, rule, penalty=PENALTIES["elastic"],
        rate=lambda t: rates[np.asarray(t, dtype=int)],
    ).passes(regression.order)  # fmt: skip


@pytest.mark.parametrize("name", [*ref.REGRESSION, *ref.BINARY])
@pytest.mark.parametrize("batch_size", [1, 5])
def test_every_loss(name, batch_size, stored, regression, binary):
    problem = binary if name in ref.BINARY else regression
    theirs = {**ref.REGRESSION, **ref.BINARY}[name]
    ours = losses.resolve(name, epsilon={"huber": 1.35}.get(name, 0.1), quantile=0.3)
    Same(
        stored(problem.X), problem.y, (ours, theirs), "sgd", batch_size=batch_size,
        penalty=PENALTIES["l2"], weights=problem.weights,
    ).passes(problem.order)  # fmt: skip


@pytest.mark.parametrize("p", [1, 3, 4, 7, 8, 15, 16, 31, 33, 63, 100, 2049])
def test_rows_of_every_length(p, stored, rng):
    """Long and short ones, whatever is left over when their products are summed side by side."""
    X = rng.normal(size=(30, p)) / np.sqrt(p)
    Same(
        stored(X), rng.normal(size=30), SQUARED, "sgd", penalty=PENALTIES["l2"]
    ).passes([rng.permutation(30)])  # fmt: skip


@pytest.mark.parametrize("rate, l2", [(0.5, 0.5), (2.0, 0.5), (3.0, 0.5)])
@pytest.mark.parametrize("penalty", [(0.0, False), (0.01, False), (0.01, True), (0.0, True)])
@pytest.mark.parametrize("average", [0, 20])
def test_decay_that_has_to_be_folded_in(rate, l2, penalty, average, stored, binary):
    """w = D u: D becomes too small to be carried along, 0 (at rate l2 = 1) or negative (beyond)."""
    l1, positive = penalty
    Same(
        stored(binary.X), binary.y, LOG, "sgd", rate=rate, batch_size=2, average=average,
        penalty=(l1, l2, positive),
    ).passes(binary.order)  # fmt: skip


@every_rule
@pytest.mark.parametrize("batch_size", [1, 7])
def test_stored_zeros_are_zeros(rule, batch_size, regression):
    everything = regression.X.shape
    columns = np.tile(np.arange(everything[1]), everything[0])
    starts = np.arange(0, regression.X.size + 1, everything[1])
    X = sparse.csr_matrix((regression.X.ravel(), columns, starts), shape=everything)
    assert X.nnz == regression.X.size
    Same(
        X, regression.y, SQUARED, rule, batch_size=batch_size, penalty=PENALTIES["elastic"]
    ).passes(regression.order)  # fmt: skip


@every_rule
@pytest.mark.parametrize("batch_size", [1, 5])
def test_float32_stays_near(rule, batch_size, stored, regression):
    Same(
        stored(regression.X.astype(np.float32)), regression.y, SQUARED, rule, rtol=3e-4,
        batch_size=batch_size, penalty=PENALTIES["elastic"], average=30,
    ).passes(regression.order)  # fmt: skip


@every_rule
@pytest.mark.parametrize("batch_size", [1, 7, "full"])
@pytest.mark.parametrize("penalty", ["elastic", "elastic_positive"])
def test_in_a_metric(rule, batch_size, penalty, stored, regression):
    """learning_rate="auto": the rows are x_j scale_j, shifted if dense, and L2 is a prox."""
    X, (l1, l2, positive) = regression.X, PENALTIES[penalty]
    rows = make_rows(stored(X))
    shift = np.zeros(X.shape[1]) if rows.sparse else X.mean(axis=0)
    scaling = Scaling(shift, 1 / X.std(axis=0))
    method = method_of(
        rule, losses.SquaredError(), batch_size=batch_size, penalty=PENALTIES[penalty],
        in_gradient=False,
    )  # fmt: skip
    run = run_of(method, X.shape[1], scaling=scaling)
    twin, state = RULES[rule][1], None
    for order in regression.order:
        run.visit(rows, as_targets(regression.y), None, order)
        V, b, _, state = ref.stochastic(
            (X - shift) * scaling.scale, regression.y, ref.squared_error, twin, falling, order,
            batch_size=len(order) if batch_size == "full" else batch_size,
            l1=l1 * scaling.scale, l2=l2 * (1 if twin.decoupled else scaling.scale**2),
            positive=positive, l2_by_prox=True, state=state,
            # L2, too, is put off as one prox; ftrl needs none, and a full batch nothing put off
            sparse_rows=rows.sparse and rule != "ftrl" and batch_size != "full",
        )  # fmt: skip
        W, b = scaling.to_user(V, b)
        ours = run.coefficients()
        np.testing.assert_allclose(ours[0], W, rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(ours[1], b, rtol=1e-9, atol=1e-10)


# ---------------------------------------------------------------- one result whatever the path


def trajectory(method, rows, y, weights, orders, dtype=np.float64, **settings):
    """(W, b) after some passes, with the losses."""
    run = run_of(method, rows.p, dtype=dtype, **settings)
    lost = [run.visit(rows, as_targets(y), weights, order) for order in orders]
    return *run.coefficients(), np.array(lost)


def assert_same_bits(one, other):
    """The same coefficients; losses are summed up in other pieces."""
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1])
    np.testing.assert_allclose(one[2:], other[2:], rtol=1e-12)


def elsewhere(array, by):
    """A copy that lies `by` numbers past an aligned address."""
    memory = np.empty(array.size + by + 64 // array.itemsize, dtype=array.dtype)
    start = -(memory.ctypes.data // array.itemsize) % (64 // array.itemsize) + by
    copy = memory[start : start + array.size].reshape(array.shape)
    copy[:] = array
    return copy


@every_rule
@pytest.mark.parametrize("batch_size", [1, 7])
def test_fortran_order_and_wide_indices_change_no_bit(rule, batch_size, multiclass, monkeypatch):
    monkeypatch.setattr(stochastic, "GATHERED_ROWS", 8)
    X = multiclass.X
    method = method_of(
        rule, losses.Multinomial(), batch_size=batch_size, penalty=PENALTIES["elastic"], k=3
    )
    rest = multiclass.y, multiclass.weights, multiclass.order
    expected = trajectory(method, make_rows(X), *rest)
    assert_same_bits(expected, trajectory(method, make_rows(np.asfortranarray(X)), *rest))
    X = sparse.csr_matrix(X)
    wide = SparseRows(X.data, X.indices.astype(np.int64), X.indptr.astype(np.int64), X.shape[1])
    expected = trajectory(method, make_rows(X), *rest)
    assert_same_bits(expected, trajectory(method, wide, *rest))
    X.data.flags.writeable = X.indices.flags.writeable = X.indptr.flags.writeable = False
    assert_same_bits(expected, trajectory(method, make_rows(X), *rest))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rule", ["sgd", "adam", "ftrl"])
@pytest.mark.parametrize("batch_size", [1, 7, 16])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.usefixtures("products")
def test_bits_do_not_depend_on_where_arrays_lie(rule, dtype, batch_size, k, stored, rng):
    loss = losses.Multinomial() if k > 1 else losses.SquaredError()
    method = method_of(rule, loss, batch_size=batch_size, penalty=PENALTIES["elastic"], k=k)
    y = rng.integers(k, size=50) if k > 1 else rng.normal(size=50)
    for p in (1, 3, 8, 21, 67):
        X = stored((rng.normal(size=(50, p)) * (rng.random((50, p)) < 0.7)).astype(dtype))

        def trajectory_at(by, X=X, p=p):
            moved = X.copy() if sparse.issparse(X) else elsewhere(X, by)
            if sparse.issparse(X):
                moved.data, moved.indices = elsewhere(X.data, by), elsewhere(X.indices, by)
            run = run_of(method, p, dtype=dtype)
            run.state.W, run.state.slots = (
                elsewhere(a, by) for a in (run.state.W, run.state.slots)
            )
            lost = run.visit(make_rows(moved), as_targets(y), None, np.arange(50))
            return *run.coefficients(), lost

        expected = trajectory_at(0)
        for by in (1, 2, 3, 5, 9):
            assert_same_bits(expected, trajectory_at(by))


@every_rule
def test_calls_of_a_kernel_are_cut_where_nothing_shows(rule, stored, binary, monkeypatch):
    """Fits go in pieces, for Ctrl-C; so do the passes of partial_fit."""

    def fitted():
        return GDLogisticRegression(
            optimizer=RULES[rule][0], learning_rate=0.1, alpha=0.01, batch_size=3, average=9,
            max_iter=2, tol=None, random_state=0,
        ).fit(stored(binary.X), binary.y)  # fmt: skip

    whole = fitted()
    monkeypatch.setattr(stochastic, "NUMBERS_PER_CALL", 200)
    cut = fitted()
    np.testing.assert_array_equal(cut.coef_, whole.coef_)
    np.testing.assert_array_equal(cut.intercept_, whole.intercept_)
    np.testing.assert_allclose(cut.loss_curve_, whole.loss_curve_, rtol=1e-12)


# ---------------------------------------------------------------------------------- checkpoints


def arrays_of(state):
    return {name: a.copy() for name, a in vars(state).items() if a is not None}


def assert_same_state(state, arrays):
    assert {name for name, a in vars(state).items() if a is not None} == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(getattr(state, name), array, err_msg=name)


def few_columns(rng, n, p, columns):
    """CSR rows with entries in a few columns."""
    X = sparse.lil_matrix((n, p))
    for i in range(n):
        chosen = rng.choice(columns, size=2, replace=False)
        X[i, chosen] = rng.normal(size=2)
    return X.tocsr()


@every_rule
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("average", [0, 1])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_checkpoint_of_the_columns_touched(rule, penalty, average, batch_size, rng):
    p = 200
    method = method_of(
        rule, losses.SquaredError(), penalty=PENALTIES[penalty], average=average,
        batch_size=batch_size,
    )  # fmt: skip
    run = run_of(method, p, start=(rng.normal(size=(1, p)), np.zeros(1)), rate=0.05)
    order, y = np.arange(6), as_targets(rng.normal(size=6))
    before = make_rows(few_columns(rng, 6, p, np.arange(p)))
    chunk = make_rows(few_columns(rng, 6, p, [3, 50, 51, 120]))
    for visited in ([], [before]):  # the state is put off by the first sparse rows
        for rows in visited:
            run.visit(rows, y, None, order)
        kept, shown = arrays_of(run.state), run.coefficients()
        columns = run.columns_changed_by(chunk, None)
        checkpoint = run.state.checkpoint(columns)
        run.visit(chunk, y, None, order)
        after = arrays_of(run.state)
        if columns is not None:
            assert np.isin(columns, [3, 50, 51, 120]).all()
            others = np.setdiff1d(np.arange(p), columns)
            for name in {"W", "slots", "average"} & set(kept):
                np.testing.assert_array_equal(after[name][..., others], kept[name][..., others])
        run.restore(checkpoint)
        assert_same_state(run.state, kept)
        assert_same_bits(shown, run.coefficients())
        again = run.state.checkpoint(run.columns_changed_by(chunk, None))
        run.visit(chunk, y, None, order)
        assert_same_state(run.state, after)
        run.restore(again)

    everything = (
        (rule == "adagrad" and PENALTIES[penalty][1] > 0)  # l2 moves all coordinates
        or (average and (rule != "sgd" or penalty not in ("none", "l2")))  # whole iterates
    )
    assert (columns is None) == bool(everything)


@pytest.mark.parametrize("shrinkage", [1.0, 1e-3, 1.2e-6])
@pytest.mark.parametrize("rate", [0.01, 0.5, 5.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_checkpoint_before_decay_is_folded_in(shrinkage, rate, weighted, rng):
    p, n = 100, 8
    method = method_of("sgd", losses.LogLoss(), penalty=(0.01, 0.3, False), average=0)
    run = run_of(method, p, rate=rate)
    rows, y = make_rows(few_columns(rng, n, p, [2, 7, 60])), as_targets(rng.choice([-1.0, 1.0], n))
    weights = rng.uniform(0.5, 3.0, size=n) if weighted else None
    run.visit(rows, y, weights, np.arange(n))
    run.state.W[:] = rng.normal(size=(1, p)) / shrinkage
    run.state.clock[3] = shrinkage
    kept = arrays_of(run.state)
    columns = run.columns_changed_by(rows, weights)
    checkpoint = run.state.checkpoint(columns)
    run.visit(rows, y, weights, np.arange(n))
    folded = run.state.clock[3] > shrinkage or np.any(
        run.state.since[10:50] != kept["since"][10:50]
    )
    assert columns is None or not folded
    if rate == 0.01:
        assert (columns is None) == (shrinkage < 1e-5)
    run.restore(checkpoint)
    assert_same_state(run.state, kept)


def test_a_checkpoint_of_short_rows_holds_their_columns_alone(rng):
    p = 2**18
    run = run_of(method_of("sgd", losses.LogLoss(), penalty=PENALTIES["elastic"]), p)
    rows = make_rows(sparse.csr_matrix(([1.0, 2.0], ([0, 0], [5, 2**17])), shape=(1, p)))
    run.visit(rows, as_targets([1.0]), None, np.arange(1))
    columns, kept = run.state.checkpoint(run.columns_changed_by(rows, None))
    np.testing.assert_array_equal(columns, [5, 2**17])
    assert all(array.size <= 12 for array in kept.values() if array is not None)
    assert run.state.is_finite(columns)
    run.state.W[0, 5] = np.nan
    assert not run.state.is_finite(columns)


# --------------------------------------------------------------------------------- the loss curve


@pytest.mark.parametrize("batch_size", [1, 8, "full"])
@pytest.mark.parametrize("average", [False, 5])
def test_loss_curve(batch_size, average, stored, regression):
    """The mean loss as rows were met, plus the penalty afterwards; the last of many is exact."""
    X, y, s = regression.X, regression.y, regression.weights
    model = GDLinearRegression(
        optimizer="sgd", learning_rate=0.02, penalty="elasticnet", alpha=0.1, l1_ratio=0.4,
        batch_size=batch_size, average=average, shuffle=False, tol=None,
    )  # fmt: skip
    l1, l2 = 0.04, 0.06
    order = [np.arange(len(X))] * 12
    size = len(X) if batch_size == "full" else batch_size
    history = ref.stochastic(
        X, y, ref.squared_error, ref.SGD(), 0.02, order, batch_size=size, l1=l1, l2=l2,
        weights=s, average=average,
    )[2]  # fmt: skip
    for epochs in (1, 3, 12):
        model.set_params(max_iter=epochs).fit(stored(X), y, s)
        W = model.coef_[None]
        last = history[epochs - 1] + ref.penalty_value(W, l1, l2)
        if epochs == 12:
            last = ref.objective(X, y, W, model.intercept_, ref.squared_error, l1, l2, s)
        assert len(model.loss_curve_) == epochs
        assert model.loss_curve_[-1] == pytest.approx(last, rel=1e-9)


def test_a_start_from_zero_takes_no_pass_over_the_rows(binary, monkeypatch):
    objective = stochastic.value_of_intercepts
    seen = []
    monkeypatch.setattr(
        stochastic, "value_of_intercepts", lambda *a: seen.append(objective(*a)) or seen[-1]
    )
    monkeypatch.setattr(
        "sgdlearn._solvers.objective.Objective.value", lambda *a: pytest.fail("a pass")
    )
    model = GDLogisticRegression(optimizer="sgd", learning_rate=0.1, max_iter=3, tol=None)
    model.fit(binary.X, binary.y)
    assert seen == [pytest.approx(np.log(2))]
    model.set_params(warm_start=True).fit(binary.X, binary.y)
