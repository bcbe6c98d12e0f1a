"""What holds for every problem that hypothesis can think of."""

import pickle
import threading
import warnings

import joblib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from labels import label
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression
from sgdlearn.optimizers import SGD

DETERMINISTIC = ["auto", "lbfgs", "newton"]
VARIANCE_REDUCED = ["sag", "saga", "svrg"]
SAME_ON_THE_WAY = ["sgd", "adagrad", "ftrl"]
STREAMING = [
    *SAME_ON_THE_WAY, SGD(momentum=0.9), "adadelta", "rmsprop", "adam", "adamw", "nadam",
]  # fmt: skip
ALL = [*DETERMINISTIC, *VARIANCE_REDUCED, *STREAMING]

examples = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)

# Round numbers and plain ones, zero among them, large and small, of either sign.
NUMBERS = st.one_of(
    st.sampled_from([0.0, 0.0, 1.0, -1.0, 0.5, 1e4, 1e-4]),
    st.floats(-100.0, 100.0, width=32).map(lambda x: round(x, 3)),
)


@st.composite
def problems(draw):
    """(kind, X, y, weights): empty rows and columns, one row or column, more columns than rows."""
    kind = draw(st.sampled_from(["regression", "binary", "multiclass"]))
    least = {"regression": 1, "binary": 2, "multiclass": 3}[kind]
    n = draw(st.integers(least, 12))
    p = draw(st.integers(1, 15))
    X = draw(hnp.arrays(np.float64, (n, p), elements=NUMBERS, fill=st.just(0.0)))
    if kind == "regression":
        y = draw(hnp.arrays(np.float64, n, elements=NUMBERS))
    else:
        k = 2 if kind == "binary" else 3
        others = draw(hnp.arrays(np.int64, n - k, elements=st.integers(0, k - 1)))
        y = np.concatenate([np.arange(k), others])
    weights = draw(hnp.arrays(np.float64, n, elements=st.integers(1, 3)))
    return kind, X, y, weights


def estimator_of(kind, optimizer, draw):
    """An estimator for this kind of problem that the optimizer goes with."""
    kinks = optimizer == "auto" or optimizer in STREAMING
    if kind == "regression":
        losses = ["squared_error", "huber", "squared_epsilon_insensitive"]
        losses += ["quantile", "absolute_error", "epsilon_insensitive"] if kinks else []
        return GDLinearRegression(loss=draw(st.sampled_from(losses)))
    if draw(st.booleans()):
        return GDLogisticRegression(multi_class=draw(st.sampled_from(["multinomial", "ovr"])))
    return GDLinearSVC(loss=draw(st.sampled_from(["squared_hinge", "hinge"][: 1 + kinks])))


def fitted(model, X, y, **keywords):
    """The fitted model, whether or not it has come to its end; any other warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, **keywords)


def assert_same(model, other, rtol=0.0, atol=0.0):
    np.testing.assert_allclose(model.coef_, other.coef_, rtol=rtol, atol=atol)
    np.testing.assert_allclose(model.intercept_, other.intercept_, rtol=rtol, atol=atol)


def explicit(X):
    """CSR that stores every number, zeros too."""
    n, p = X.shape
    return sparse.csr_array((X.ravel(), np.tile(np.arange(p), n), np.arange(n + 1) * p), (n, p))


STORAGES = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "csr": sparse.csr_array,
    "csc": sparse.csc_matrix,
    "coo": sparse.coo_array,
    "zeros stored": explicit,
}


@pytest.mark.parametrize("optimizer", ALL, ids=label)
@examples
@given(st.data())
def test_every_model_is_finite(optimizer, data):
    """Whatever the problem, how it is stored and what the parameters are."""
    kind, X, y, s = data.draw(problems())
    model = estimator_of(kind, optimizer, data.draw)
    penalties = ["l2", None] if optimizer == "newton" else ["l2", "l1", "elasticnet", None]
    model.set_params(
        optimizer=optimizer,
        penalty=data.draw(st.sampled_from(penalties)),
        alpha=data.draw(st.sampled_from([0.0, 1e-4, 0.1, 10.0])),
        fit_intercept=data.draw(st.booleans()),
        max_iter=data.draw(st.integers(1, 20)),
        tol=data.draw(st.sampled_from([None, 1e-4])),
        random_state=0,
    )
    if optimizer != "newton":
        model.set_params(positive=data.draw(st.booleans()))
    if optimizer in STREAMING:
        model.set_params(
            learning_rate=data.draw(st.sampled_from(["auto", 1e-3, 1.0, 1e100])),
            batch_size=data.draw(st.sampled_from(["auto", 1, 3, "full"])),
            average=data.draw(st.sampled_from([False, True, 5])),
        )
    dtype = data.draw(st.sampled_from([np.float64, np.float32]))
    X = STORAGES[data.draw(st.sampled_from(sorted(STORAGES)))](X).astype(dtype)
    weights = data.draw(st.sampled_from([None, s]))
    fitted(model, X, y, sample_weight=weights)
    assert model.coef_.dtype == dtype
    assert np.isfinite(model.coef_).all() and np.isfinite(model.intercept_).all()
    assert np.isfinite(model.loss_curve_).all()
    if model.positive:
        assert (model.coef_ >= 0).all()
    if not model.fit_intercept:
        assert not np.any(model.intercept_)
    with np.errstate(over="ignore"):
        predictions = model.predict(X)
    assert predictions.shape == y.shape
    if kind != "regression":
        assert set(predictions) <= set(y)
    if model.learning_rate != 1e100:  # coefficients at the end of the range of float32
        scores = predictions if kind == "regression" else model.decision_function(X)
        assert np.isfinite(scores).all()
        if hasattr(model, "predict_proba"):
            np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0, rtol=1e-5)
    assert 1 <= model.n_iter_ <= model.max_iter
    diverged = model.t_ == 0 and optimizer in STREAMING and model.learning_rate != "auto"
    assert len(model.loss_curve_) == (0 if diverged else model.n_iter_)


@pytest.mark.parametrize("optimizer", SAME_ON_THE_WAY)
@examples
@given(st.data())
def test_dense_is_sparse_on_the_way(optimizer, data):
    kind, X, y, s = data.draw(problems())
    X /= max(1.0, np.abs(X).max())
    model = estimator_of(kind, optimizer, data.draw)
    model.set_params(
        optimizer=optimizer,
        learning_rate=data.draw(st.sampled_from([0.01, 0.1])),
        batch_size=data.draw(st.sampled_from([1, 2, 5])),
        penalty=data.draw(st.sampled_from(["l2", "l1", "elasticnet", None])),
        alpha=data.draw(st.sampled_from([0.0, 0.01, 1.0])),
        positive=data.draw(st.booleans()),
        average=data.draw(st.sampled_from([False, True, 3])),
        fit_intercept=data.draw(st.booleans()),
        max_iter=3,
        tol=None,
        random_state=0,
    )
    coef, intercept = fitted(model, X, y, sample_weight=s).coef_, model.intercept_
    size = 1e-9 * (1.0 + np.abs(coef).max())
    for storage in ("F", "csr", "zeros stored"):
        fitted(model, STORAGES[storage](X), y, sample_weight=s)
        np.testing.assert_allclose(model.coef_, coef, rtol=1e-8, atol=size)
        np.testing.assert_allclose(model.intercept_, intercept, rtol=1e-8, atol=size)


@pytest.mark.parametrize("optimizer", DETERMINISTIC)
@examples
@given(st.data())
def test_dense_is_sparse_at_the_optimum(optimizer, data):
    kind, X, y, s = data.draw(problems())
    X /= max(1.0, np.abs(X).max())
    y = y / max(1.0, np.abs(y).max()) if kind == "regression" else y
    smooth = {
        "regression": GDLinearRegression(),
        "binary": GDLinearSVC(loss="squared_hinge"),
        "multiclass": GDLogisticRegression(),
    }
    model = smooth[kind].set_params(
        optimizer=optimizer, alpha=0.1, tol=1e-9, max_iter=5000, random_state=0
    )
    coef, intercept = fitted(model, X, y, sample_weight=s).coef_, model.intercept_
    value = model.loss_curve_[-1]
    for storage in ("F", "csr", "zeros stored"):
        fitted(model, STORAGES[storage](X), y, sample_weight=s)
        np.testing.assert_allclose(model.coef_, coef, atol=1e-4)
        np.testing.assert_allclose(model.intercept_, intercept, atol=1e-4)
        assert model.loss_curve_[-1] == pytest.approx(value, abs=1e-7)


@pytest.mark.parametrize("optimizer", DETERMINISTIC)
@examples
@given(st.data())
def test_weights_are_multiplicities(optimizer, data):
    """3 is three copies, 0 a removed row, for any problem with a unique optimum."""
    kind, X, y, s = data.draw(problems())
    X /= max(1.0, np.abs(X).max())
    y = y / max(1.0, np.abs(y).max()) if kind == "regression" else y
    model = estimator_of(kind, "saga", data.draw)  # any smooth loss
    model.set_params(optimizer=optimizer, alpha=0.1, tol=1e-10)
    copies = np.repeat(np.arange(len(X)), s.astype(int))
    coef, intercept = fitted(model, X, y, sample_weight=s).coef_, model.intercept_
    fitted(model, X[copies], y[copies])
    np.testing.assert_allclose(model.coef_, coef, atol=1e-5)
    np.testing.assert_allclose(model.intercept_, intercept, atol=1e-5)
    dead = np.concatenate([X, 1e3 * X[:1] + 1.0])
    fitted(model, dead, np.append(y, y[:1]), sample_weight=np.append(s, 0.0))
    np.testing.assert_array_equal(model.coef_, coef)
    np.testing.assert_array_equal(model.intercept_, intercept)


@pytest.mark.parametrize("optimizer", ["auto", "lbfgs", "saga", *SAME_ON_THE_WAY, "adam"])
@examples
@given(st.data())
def test_float32_is_near_float64(optimizer, data):
    kind, X, y, s = data.draw(problems())
    X = (X / max(1.0, np.abs(X).max())).astype(np.float32)
    y = y / max(1.0, np.abs(y).max()) if kind == "regression" else y
    model = GDLinearRegression() if kind == "regression" else GDLogisticRegression()
    model.set_params(optimizer=optimizer, alpha=0.1, max_iter=5, tol=None, random_state=0)
    X = STORAGES[data.draw(st.sampled_from(["C", "F", "csr"]))](X)
    single = fitted(model, X, y, sample_weight=s).coef_
    double = fitted(model, X.astype(np.float64), y, sample_weight=s).coef_
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(single, double, rtol=1e-2, atol=2e-3)


@pytest.mark.parametrize("optimizer", ["auto", *STREAMING], ids=label)
@examples
@given(st.data())
def test_streams_of_any_chunks(optimizer, data):
    """They stay finite, go on after a pickle as without, and forget nothing when one fails."""
    kind, X, y, s = data.draw(problems())
    model = estimator_of(kind, optimizer, data.draw)
    model.set_params(
        optimizer=optimizer,
        learning_rate=data.draw(st.sampled_from(["auto", 1e-3])),
        penalty=data.draw(st.sampled_from(["l2", "l1"])),
        alpha=0.1,
        average=data.draw(st.booleans()),
    )
    store = STORAGES[data.draw(st.sampled_from(sorted(STORAGES)))]
    borders = data.draw(st.lists(st.integers(1, len(X)), max_size=3))
    first = {} if kind == "regression" else {"classes": np.unique(y)}
    for start, stop in zip([0, *sorted(borders)], [*sorted(borders), len(X)]):
        if start < stop:
            part = slice(start, stop)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                warnings.simplefilter("ignore", ConvergenceWarning)
                twin = pickle.loads(pickle.dumps(model))
                for one in (model, twin):
                    one.partial_fit(store(X[part]), y[part], sample_weight=s[part], **first)
            assert_same(model, twin)
            assert np.isfinite(model.coef_).all() and np.isfinite(model.intercept_).all()
            coef = model.coef_.copy()
            with pytest.raises(ValueError):
                model.partial_fit(store(np.full_like(X, np.nan)), y)
            np.testing.assert_array_equal(model.coef_, coef)
            first = {}
    scores = model.predict if kind == "regression" else model.decision_function
    assert np.isfinite(scores(X)).all()


@examples
@given(st.data())
def test_one_row_is_learnt_by_heart(data):
    """Least squares on a single row, whatever it holds."""
    X = data.draw(hnp.arrays(np.float64, (1, data.draw(st.integers(1, 6))), elements=NUMBERS))
    y = data.draw(hnp.arrays(np.float64, 1, elements=NUMBERS))
    for optimizer in (*DETERMINISTIC, *VARIANCE_REDUCED, "sgd"):
        model = fitted(GDLinearRegression(optimizer=optimizer), X, y)
        assert model.predict(X) == pytest.approx(y, abs=1e-6 * (1 + abs(y[0])))


@examples
@given(st.integers(2, 20), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1e6]))
def test_a_column_that_never_changes_says_nothing(n, seed, constant):
    """Its coefficient is zero, and the others are as without it."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n, 2)), rng.normal(size=n)
    wide = np.column_stack([X[:, :1], np.full(n, constant), X[:, 1:]])
    for optimizer in DETERMINISTIC:
        model = fitted(GDLinearRegression(alpha=0.1, optimizer=optimizer, tol=1e-10), X, y)
        other = fitted(GDLinearRegression(alpha=0.1, optimizer=optimizer, tol=1e-10), wide, y)
        assert other.coef_[1] == pytest.approx(0.0, abs=1e-9)
        np.testing.assert_allclose(other.coef_[[0, 2]], model.coef_, atol=1e-5)
        np.testing.assert_allclose(other.predict(wide), model.predict(X), atol=1e-5)


# A model's life


@examples
@given(st.data())
def test_sparse_coefficients_are_the_same_model(data):
    kind, X, y, s = data.draw(problems())
    X /= max(1.0, np.abs(X).max())
    model = GDLinearRegression() if kind == "regression" else GDLogisticRegression()
    model.set_params(
        optimizer=data.draw(st.sampled_from(["auto", "sgd", "ftrl", "saga"])),
        penalty="l1", alpha=0.1, max_iter=5, tol=None, random_state=0,
    )  # fmt: skip
    predictions = fitted(model, X, y, sample_weight=s).predict(X)
    coef = model.coef_
    for rows in (X, sparse.csr_array(X)):
        assert sparse.issparse(model.sparsify().coef_)
        np.testing.assert_allclose(model.predict(rows), predictions, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(model.densify().coef_, coef)
    model.densify()
    if hasattr(model, "partial_fit"):
        twin = pickle.loads(pickle.dumps(model.sparsify()))
        other = pickle.loads(pickle.dumps(model.densify()))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert_same(twin.partial_fit(X, y), other.partial_fit(X, y), rtol=1e-12, atol=1e-12)
        assert not sparse.issparse(twin.coef_)


@pytest.mark.parametrize("backend", ["threads", "joblib"])
def test_fits_in_parallel_threads(backend, multiclass, multi_output):
    """Each is the model of a fit on its own, to the last bit."""
    tasks = [
        (estimator, optimizer, store)
        for estimator in (GDLinearRegression, GDLogisticRegression)
        for optimizer in ["auto", "lbfgs", "saga", "sgd", "adam", "ftrl"]
        for store in (np.ascontiguousarray, sparse.csr_matrix)
    ]

    def work(estimator, optimizer, store):
        problem = multi_output if estimator is GDLinearRegression else multiclass
        X, y = np.tile(problem.X, (30, 1)), np.concatenate([problem.y] * 30)
        model = estimator(
            optimizer=optimizer, max_iter=5, tol=None, alpha=0.01, n_jobs=2, random_state=0
        )
        return model.fit(store(X), y)

    alone = [work(*task) for task in tasks]
    if backend == "joblib":
        together = joblib.Parallel(n_jobs=4, backend="threading")(
            joblib.delayed(work)(*task) for task in tasks
        )
    else:
        together = [None] * len(tasks)

        def run(i):
            together[i] = work(*tasks[i])

        threads = [threading.Thread(target=run, args=(i,)) for i in range(len(tasks))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for model, other in zip(alone, together):
        assert_same(model, other)
        assert model.loss_curve_ == other.loss_curve_


def test_streams_in_parallel_threads(binary):
    """partial_fit of one model a thread, many calls each."""

    def work(seed):
        order = np.random.default_rng(seed).permutation(60)
        model = GDLogisticRegression(optimizer="adam")
        for start in range(0, 60, 5):
            part = order[start : start + 5]
            model.partial_fit(binary.X[part], binary.y[part], classes=[-1.0, 1.0])
        return model

    alone = [work(seed) for seed in range(8)]
    together = joblib.Parallel(n_jobs=4, backend="threading")(
        joblib.delayed(work)(seed) for seed in range(8)
    )
    for model, other in zip(alone, together):
        assert_same(model, other)
