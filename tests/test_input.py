"""Whatever X comes as, and however it is stored, the model is the same, and X is not copied."""

import tracemalloc
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from labels import label
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression
from sgdlearn.optimizers import SGD, Adam

DETERMINISTIC = ["auto", "lbfgs", "newton"]
VARIANCE_REDUCED = ["sag", "saga", "svrg"]
SAME_ON_THE_WAY = ["sgd", "adagrad", "ftrl"]
WITH_MOMENTS = [SGD(momentum=0.9), "adadelta", "rmsprop", "adam", "adamw", "nadam"]
CLASSIFIERS = [GDLogisticRegression, GDLinearSVC]
ESTIMATORS = [GDLinearRegression, *CLASSIFIERS]

SPARSE = [
    getattr(sparse, f"{layout}_{kind}")
    for layout in ("csr", "csc", "coo", "lil", "dok")
    for kind in ("matrix", "array")
]


def fitted(model, X, y, **keywords):
    """The fitted model, whether or not it has come to its end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, **keywords)


def on_the_way(estimator, optimizer, **keywords):
    """A model after three passes of textbook updates."""
    keywords = {"max_iter": 3, "tol": None, "learning_rate": 0.01, "random_state": 0} | keywords
    return estimator(optimizer=optimizer, **keywords)


def arrived(estimator, optimizer, **keywords):
    """A model at its optimum."""
    if estimator is GDLinearSVC and optimizer != "auto":
        keywords["loss"] = "squared_hinge"
    tol = 1e-13
    keywords = {"alpha": 0.05, "tol": tol, "max_iter": 20_000, "random_state": 0} | keywords
    return estimator(optimizer=optimizer, **keywords)


def assert_same(model, other, rtol=0.0, atol=0.0):
    np.testing.assert_allclose(model.coef_, other.coef_, rtol=rtol, atol=atol)
    np.testing.assert_allclose(model.intercept_, other.intercept_, rtol=rtol, atol=atol)


def with_wide_indices(X):
    X = sparse.csr_array(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def shuffled_csr(X, rng):
    """CSR whose rows stand in a wild order, every third entry in two parts."""
    coo = sparse.coo_array(X)
    split = np.arange(coo.nnz) % 3 == 0
    row = np.concatenate([coo.row, coo.row[split]])
    col = np.concatenate([coo.col, coo.col[split]])
    data = np.concatenate([np.where(split, 0.25 * coo.data, coo.data), 0.75 * coo.data[split]])
    order = np.lexsort([rng.random(len(row)), row])
    indptr = np.searchsorted(row[order], np.arange(X.shape[0] + 1))
    return sparse.csr_array((data[order], col[order], indptr), shape=X.shape)


def with_explicit_zeros(X):
    """CSR that stores every number, zeros too."""
    n, p = X.shape
    return sparse.csr_array((X.ravel(), np.tile(np.arange(p), n), np.arange(n + 1) * p), (n, p))


# How X is stored


@pytest.mark.parametrize("optimizer", [*DETERMINISTIC, *SAME_ON_THE_WAY, "adam", "saga"])
@pytest.mark.parametrize("batch_size", ["auto", 8])
def test_c_and_f_order(optimizer, batch_size, multiclass):
    if batch_size == 8 and optimizer in [*DETERMINISTIC[1:], "saga"]:
        pytest.skip("takes no mini-batches")
    model, other = (
        GDLogisticRegression(
            optimizer=optimizer, batch_size=batch_size, max_iter=5, tol=None, random_state=0
        )
        for _ in range(2)
    )
    fitted(model, multiclass.X, multiclass.y)
    fitted(other, np.asfortranarray(multiclass.X), multiclass.y)
    assert_same(model, other, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("container", SPARSE, ids=lambda container: container.__name__)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_sparse_format(estimator, container, binary):
    model = fitted(on_the_way(estimator, "sgd"), sparse.csr_matrix(binary.X), binary.y)
    other = fitted(on_the_way(estimator, "sgd"), container(binary.X), binary.y)
    assert_same(model, other)
    np.testing.assert_array_equal(model.predict(container(binary.X)), model.predict(binary.csr))


@pytest.mark.parametrize("optimizer", ["auto", "sgd", "adam", "saga", "lbfgs"])
def test_unusual_csr(optimizer, rng, multiclass):
    X = multiclass.X
    keywords = {"max_iter": 5, "tol": None, "random_state": 0}
    model = GDLogisticRegression(optimizer=optimizer, **keywords)
    fitted(model, multiclass.csr, multiclass.y)
    for unusual in (with_wide_indices(X), shuffled_csr(X, rng)):
        before = [a.copy() for a in (unusual.data, unusual.indices, unusual.indptr)]
        other = GDLogisticRegression(optimizer=optimizer, **keywords)
        fitted(other, unusual, multiclass.y)
        assert_same(model, other, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(
            other.decision_function(unusual), model.decision_function(X), rtol=1e-10, atol=1e-12
        )
        for array, old in zip((unusual.data, unusual.indices, unusual.indptr), before):
            np.testing.assert_array_equal(array, old)


@pytest.mark.parametrize("optimizer", ["auto", "sgd", "adagrad", "ftrl", "saga", "lbfgs"])
def test_explicit_zeros_are_zeros(optimizer, binary):
    keywords = {"max_iter": 5, "tol": None, "random_state": 0, "penalty": "elasticnet"}
    if optimizer in SAME_ON_THE_WAY:
        keywords["learning_rate"] = 0.05
    model, other = (GDLogisticRegression(optimizer=optimizer, **keywords) for _ in range(2))
    fitted(model, binary.csr, binary.y)
    fitted(other, with_explicit_zeros(binary.X), binary.y)
    assert_same(model, other, rtol=1e-8, atol=1e-11)


# Dense and sparse


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("optimizer", SAME_ON_THE_WAY)
@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet", None])
@pytest.mark.parametrize("batch_size", ["auto", 8])
def test_dense_is_sparse_on_the_way(batch_size, penalty, optimizer, estimator, multiclass):
    X, y, s = multiclass.X, multiclass.y, multiclass.weights
    keywords = {"penalty": penalty, "batch_size": batch_size, "alpha": 0.05}
    model = on_the_way(estimator, optimizer, **keywords).fit(X, y, sample_weight=s)
    other = on_the_way(estimator, optimizer, **keywords).fit(multiclass.csr, y, sample_weight=s)
    assert_same(model, other, rtol=1e-8, atol=1e-11)
    assert model.t_ == other.t_
    np.testing.assert_allclose(model.loss_curve_, other.loss_curve_, rtol=1e-8)


@pytest.mark.parametrize("penalty, batch_size", [("l2", 64), ("l1", 1)])
def test_adagrad_takes_batches_where_updates_cost_all_of_many_columns(penalty, batch_size, rng):
    X = sparse.csr_matrix(rng.normal(size=(150, 1001)) * (rng.random((150, 1001)) < 0.02))
    y = rng.integers(0, 2, size=150)
    for rows in (X, X.toarray()):
        model = on_the_way(GDLogisticRegression, "adagrad", penalty=penalty).fit(rows, y)
        assert model.t_ == 3 * -(-150 // batch_size)


@pytest.mark.parametrize("optimizer", VARIANCE_REDUCED)
@pytest.mark.parametrize("penalty", ["l2", "l1"])
def test_variance_reduced_rules_are_the_same_on_the_way(penalty, optimizer, multiclass):
    model, other = (
        on_the_way(GDLogisticRegression, optimizer, penalty=penalty, learning_rate=0.002)
        for _ in range(2)
    )
    fitted(model, multiclass.X, multiclass.y)
    fitted(other, multiclass.csr, multiclass.y)
    assert_same(model, other, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("optimizer", [*DETERMINISTIC, *VARIANCE_REDUCED])
def test_dense_is_sparse_at_the_optimum(optimizer, estimator, binary, multiclass):
    problem = multiclass if optimizer in DETERMINISTIC else binary
    model, other = (arrived(estimator, optimizer) for _ in range(2))
    assert_same(model.fit(problem.X, problem.y), other.fit(problem.csr, problem.y), atol=1e-5)


@pytest.mark.parametrize("optimizer", WITH_MOMENTS, ids=label)
def test_rules_with_moments_come_to_the_same_neighbourhood(optimizer, regression):
    """They take different ways on dense and sparse rows, to the same place."""
    keywords = {"max_iter": 300, "tol": None, "alpha": 0.01, "random_state": 0}
    model = GDLinearRegression(optimizer=optimizer, **keywords).fit(regression.X, regression.y)
    other = GDLinearRegression(optimizer=optimizer, **keywords).fit(regression.csr, regression.y)
    assert model.loss_curve_[-1] == pytest.approx(other.loss_curve_[-1], rel=0.05)


# float32


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "optimizer",
    [*DETERMINISTIC, *VARIANCE_REDUCED, *SAME_ON_THE_WAY, *WITH_MOMENTS],
    ids=label,
)
def test_float32_stays_float32(optimizer, estimator, stored, multiclass):
    if estimator is GDLinearSVC and optimizer in [*DETERMINISTIC[1:], *VARIANCE_REDUCED]:
        pytest.skip("these optimizers need a smooth loss")
    X, y = stored(multiclass.X), multiclass.y
    keywords = {"optimizer": optimizer, "max_iter": 20, "tol": None, "alpha": 0.01}
    double = fitted(estimator(random_state=0, **keywords), X, y)
    single = fitted(estimator(random_state=0, **keywords), X.astype(np.float32), y)
    assert single.coef_.dtype == np.float32
    assert double.coef_.dtype == np.float64
    np.testing.assert_allclose(single.coef_, double.coef_, rtol=1e-2, atol=2e-3)
    np.testing.assert_allclose(single.intercept_, double.intercept_, rtol=1e-2, atol=2e-3)


@pytest.mark.parametrize("learning_rate", ["auto", 0.01])
@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_float32_stays_float32_on_streams(estimator, average, learning_rate, stored, binary):
    model = estimator(optimizer="sgd", learning_rate=learning_rate, average=average)
    keywords = {} if estimator is GDLinearRegression else {"classes": [-1, 1]}
    model.partial_fit(stored(binary.X.astype(np.float32)), binary.y, **keywords)
    assert model.coef_.dtype == np.float32
    model.partial_fit(stored(binary.X.astype(np.float32)), binary.y)
    assert model.coef_.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, bool, np.float16, object])
def test_other_numbers_are_read_as_double(dtype, binary):
    X = (np.abs(binary.X) * 3 % 2).astype(dtype)
    for estimator in ESTIMATORS:
        model, other = (on_the_way(estimator, "sgd") for _ in range(2))
        assert_same(model.fit(X, binary.y), other.fit(X.astype(np.float64), binary.y))
        assert model.coef_.dtype == np.float64


# Memory


def peak_share(call, X):
    """The most memory that a call holds at a time, as a share of X."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1] / X.nbytes
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def large():
    """float32, 60 000 x 200, with targets of both kinds."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60_000, 200), dtype=np.float32)
    z = X @ rng.standard_normal(200, dtype=np.float32) + rng.normal(size=len(X))
    return X, z, (z > 0).astype(int)


@pytest.mark.parametrize("optimizer", ["auto", "sgd", "adam", "ftrl", "saga", "lbfgs", "newton"])
@pytest.mark.parametrize("estimator", [GDLinearRegression, GDLogisticRegression])
def test_fit_takes_no_copy_of_X(estimator, optimizer, large):
    X, z, classes = large
    y = z if estimator is GDLinearRegression else classes
    model = estimator(optimizer=optimizer, max_iter=2, tol=None)
    assert peak_share(lambda: fitted(model, X, y), X) < 0.1
    assert peak_share(lambda: model.predict(X), X) < 0.1


@pytest.mark.parametrize("optimizer", ["sgd", "lbfgs"])
def test_fit_takes_no_copy_of_fortran_order(optimizer, large):
    X, _, y = large
    X = np.asfortranarray(X)
    model = GDLogisticRegression(optimizer=optimizer, max_iter=2, tol=None)
    assert peak_share(lambda: fitted(model, X, y), X) < 0.1


def test_partial_fit_takes_no_copy_of_X(large):
    X, _, y = large
    for optimizer in ("auto", "sgd", "adam"):
        model = GDLogisticRegression(optimizer=optimizer)
        assert peak_share(lambda: model.partial_fit(X, y, classes=[0, 1]), X) < 0.1  # noqa: B023
        assert peak_share(lambda: model.partial_fit(X, y), X) < 0.1  # noqa: B023


# Whose memory it is


@pytest.mark.parametrize("optimizer", ["auto", "sgd", "adam", "saga", "lbfgs", "newton"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_read_only_memory_map(order, dtype, optimizer, tmp_path, multiclass):
    X = np.asarray(multiclass.X, dtype=dtype, order=order)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    y, s = multiclass.y.copy(), multiclass.weights.copy()
    y.flags.writeable = s.flags.writeable = False
    model, other = (
        GDLogisticRegression(optimizer=optimizer, max_iter=3, random_state=0) for _ in range(2)
    )
    assert_same(fitted(model, X, y, sample_weight=s), fitted(other, mapped, y, sample_weight=s))
    np.testing.assert_array_equal(model.predict(mapped), model.predict(X))


def test_read_only_sparse_matrix(multiclass):
    X = multiclass.csr
    for array in (X.data, X.indices, X.indptr):
        array.flags.writeable = False
    for optimizer in ("auto", "sgd", "adam", "saga"):
        model = GDLogisticRegression(optimizer=optimizer, max_iter=3, random_state=0)
        fitted(model, X, multiclass.y).predict(X)


@pytest.mark.parametrize("optimizer", ["auto", "sgd", "ftrl", "saga", "lbfgs"])
def test_nothing_of_the_users_is_written_to(optimizer, stored, multiclass):
    X, y, s = stored(multiclass.X), multiclass.y, multiclass.weights
    X0, y0, s0 = X.copy(), y.copy(), s.copy()
    model = GDLogisticRegression(
        optimizer=optimizer, max_iter=3, class_weight="balanced", random_state=0
    )
    W, b = np.ones((3, X.shape[1])), np.ones(3)
    fitted(model, X, y, sample_weight=s, coef_init=W, intercept_init=b)
    assert abs(X - X0).max() == 0
    np.testing.assert_array_equal(y, y0)
    np.testing.assert_array_equal(s, s0)
    assert (W == 1).all() and (b == 1).all()
    if hasattr(model, "partial_fit"):
        model.set_params(class_weight=None).partial_fit(X, y, sample_weight=s)
        assert abs(X - X0).max() == 0


def test_a_model_keeps_its_coefficients_to_itself(multiclass):
    """Writing into coef_ of one model changes no other, nor the arrays it started from."""
    model = on_the_way(GDLogisticRegression, "sgd", warm_start=True)
    model.fit(multiclass.X, multiclass.y)
    coef = model.coef_
    kept = coef.copy()
    model.fit(multiclass.X, multiclass.y)
    np.testing.assert_array_equal(coef, kept)
    model.partial_fit(multiclass.X, multiclass.y)
    after = model.coef_
    kept = after.copy()
    model.partial_fit(multiclass.X, multiclass.y)
    np.testing.assert_array_equal(after, kept)


# Frames and lists


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_frames(frame, dtype, estimator, binary):
    X = binary.X.astype(dtype)
    names = [f"column {j}" for j in range(X.shape[1])]
    columns = frame(dict(zip(names, X.T)))
    y = {pd.DataFrame: pd.Series, pl.DataFrame: pl.Series}[frame](binary.y)
    model = on_the_way(estimator, "sgd").fit(columns, y)
    other = on_the_way(estimator, "sgd").fit(X, binary.y)
    assert model.coef_.dtype == dtype
    assert_same(model, other, rtol=1e-6, atol=1e-6)
    assert model.feature_names_in_.tolist() == names
    assert not hasattr(other, "feature_names_in_")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(model.predict(columns), model.predict(columns))
        model.partial_fit(columns, y)
    with pytest.warns(UserWarning, match="feature names"):
        model.predict(X)
    turned = columns[names[::-1]]
    for call in (model.predict, lambda X: model.score(X, y), lambda X: model.partial_fit(X, y)):
        with pytest.raises(ValueError, match="feature names"):
            call(turned)


def test_weights_and_labels_from_frames(binary):
    labels = np.where(binary.y > 0, "yes", "no")
    model = on_the_way(GDLogisticRegression, "sgd").fit(
        binary.X, pd.Series(labels, dtype="category"), sample_weight=pd.Series(binary.weights)
    )
    other = on_the_way(GDLogisticRegression, "sgd").fit(
        binary.X, labels, sample_weight=binary.weights
    )
    assert_same(model, other)
    assert model.classes_.tolist() == ["no", "yes"]
    assert set(model.predict(binary.X)) == {"no", "yes"}


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_lists(estimator, binary):
    X, y, s = binary.X, binary.y, binary.weights
    model = on_the_way(estimator, "sgd").fit(X.tolist(), y.tolist(), sample_weight=s.tolist())
    other = on_the_way(estimator, "sgd").fit(X, y, sample_weight=s)
    assert_same(model, other)
    np.testing.assert_array_equal(model.predict(X.tolist()), other.predict(X))
    model.partial_fit(X.tolist(), y.tolist())


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_feature_count(estimator, stored, binary):
    model = on_the_way(estimator, "sgd").fit(stored(binary.X), binary.y)
    p = binary.X.shape[1]
    assert model.n_features_in_ == p
    for X in (stored(binary.X[:, :-1]), stored(np.column_stack([binary.X, binary.y]))):
        for call in (
            model.predict,
            lambda X: model.score(X, binary.y),
            lambda X: model.partial_fit(X, binary.y),
            getattr(model, "decision_function", model.predict),
        ):
            with pytest.raises(ValueError, match=f"expecting {p} features"):
                call(X)
    model.fit(stored(binary.X[:, :-1]), binary.y)  # a new fit takes what it is given
    assert model.n_features_in_ == p - 1


@pytest.mark.parametrize("optimizer", [SGD(momentum=0.5), Adam(), "auto"], ids=label)
def test_dense_and_sparse_chunks_of_one_stream(optimizer, binary):
    """A stream may change its storage on the way."""
    model = GDLogisticRegression(optimizer=optimizer)
    model.partial_fit(binary.X[:20], binary.y[:20], classes=[-1, 1])
    model.partial_fit(binary.csr[20:40], binary.y[20:40])
    model.partial_fit(binary.X[40:].astype(np.float32), binary.y[40:])
    assert np.isfinite(model.coef_).all()
    assert model.coef_.dtype == np.float64
