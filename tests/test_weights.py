"""A weight is a multiplicity: 0 is a removed row, 2 is two copies."""

import warnings

import numpy as np
import pytest
from labels import label
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.class_weight import compute_class_weight

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression, schedules
from sgdlearn.optimizers import SGD

STREAMING = [
    "sgd", SGD(momentum=0.9), "adagrad", "adadelta", "rmsprop", "adam", "adamw", "nadam", "ftrl",
    "schedule_free", "dog",
]  # fmt: skip
VARIANCE_REDUCED = ["sag", "saga", "svrg"]
DETERMINISTIC = ["auto", "lbfgs", "newton"]
CLASSIFIERS = [GDLogisticRegression, GDLinearSVC]
SMOOTH = ["squared_error", "huber", "squared_epsilon_insensitive"]
KINKED = ["quantile", "absolute_error", "epsilon_insensitive"]

# every estimator and loss with the deterministic optimizers that take it
ALL_LOSSES = [
    *[(GDLinearRegression, {"loss": loss}, o) for loss in SMOOTH for o in DETERMINISTIC],
    *[(GDLinearRegression, {"loss": loss}, "auto") for loss in KINKED],
    *[(GDLogisticRegression, {}, o) for o in DETERMINISTIC],
    *[(GDLogisticRegression, {"multi_class": "ovr"}, o) for o in DETERMINISTIC],
    *[(GDLinearSVC, {"loss": "squared_hinge"}, o) for o in DETERMINISTIC],
    (GDLinearSVC, {"loss": "hinge"}, "auto"),
]
each_loss = pytest.mark.parametrize("estimator, settings, optimizer", ALL_LOSSES, ids=label)


def fitted(model, X, y, s=None, **keywords):
    """The fitted model, whether or not it has come to its end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, sample_weight=s, **keywords)


def assert_same(model, other, rtol=0.0, atol=0.0):
    np.testing.assert_allclose(model.coef_, other.coef_, rtol=rtol, atol=atol)
    np.testing.assert_allclose(model.intercept_, other.intercept_, rtol=rtol, atol=atol)


def textbook(estimator, optimizer, **keywords):
    rate = "auto" if optimizer in VARIANCE_REDUCED else schedules.InverseScaling(0.02)
    keywords = {"learning_rate": rate, "max_iter": 3, "tol": None, "random_state": 0} | keywords
    return estimator(optimizer=optimizer, **keywords)


def with_dead_rows(problem, rng):
    """(X, y, s) where rows of weight zero, wild ones, stand between the others."""
    X, y, s = problem.X, problem.y, problem.weights
    place = np.sort(rng.integers(0, len(X) + 1, size=15))
    wild = rng.normal(size=(15, X.shape[1])) * 1e6
    return (
        np.insert(X, place, wild, axis=0),
        np.insert(y, place, rng.choice(y, size=15)),
        np.insert(s, place, 0.0),
    )


def repeated(problem):
    """Each row as often as its weight says."""
    times = problem.weights.astype(int)
    return np.repeat(problem.X, times, axis=0), np.repeat(problem.y, times, axis=0)


# Zero weight


@pytest.mark.parametrize("estimator", [GDLinearRegression, *CLASSIFIERS])
@pytest.mark.parametrize("optimizer", [*DETERMINISTIC, *VARIANCE_REDUCED, *STREAMING], ids=label)
def test_zero_weight_is_a_removed_row(optimizer, estimator, stored, rng, multiclass):
    """To the last bit: it takes no step, is not counted and moves no schedule on."""
    if estimator is GDLinearSVC and optimizer in [*DETERMINISTIC[1:], *VARIANCE_REDUCED]:
        pytest.skip("needs a smooth loss")
    X, y, s = with_dead_rows(multiclass, rng)
    keywords = {"learning_rate": "auto"} if optimizer in DETERMINISTIC else {}
    model, other = (textbook(estimator, optimizer, **keywords) for _ in range(2))
    fitted(model, stored(X), y, s)
    fitted(other, stored(multiclass.X), multiclass.y, multiclass.weights)
    assert_same(model, other)
    assert model.t_ == other.t_
    assert model.loss_curve_ == other.loss_curve_


@pytest.mark.parametrize("optimizer", ["auto", *STREAMING], ids=label)
@pytest.mark.parametrize("learning_rate", ["auto", 0.01])
def test_zero_weight_is_a_removed_row_of_a_stream(learning_rate, optimizer, stored, rng, binary):
    X, y, s = with_dead_rows(binary, rng)
    model, other = (
        GDLogisticRegression(optimizer=optimizer, learning_rate=learning_rate, batch_size=4)
        for _ in range(2)
    )
    model.partial_fit(stored(X), y, [-1, 1], sample_weight=s)
    other.partial_fit(stored(binary.X), binary.y, [-1, 1], sample_weight=binary.weights)
    assert_same(model, other)
    assert model.t_ == other.t_


@pytest.mark.parametrize("optimizer", ["auto", *STREAMING], ids=label)
def test_a_chunk_without_weight_changes_nothing(optimizer, stored, binary):
    X, y, nothing = stored(binary.X), binary.y, np.zeros(60)
    model = GDLogisticRegression(optimizer=optimizer, average=True)
    model.partial_fit(X, y, [-1, 1])
    coef, intercept, t = model.coef_.copy(), model.intercept_.copy(), model.t_
    model.partial_fit(X, y, sample_weight=nothing)
    np.testing.assert_array_equal(model.coef_, coef)
    np.testing.assert_array_equal(model.intercept_, intercept)
    assert model.t_ == t
    other = GDLogisticRegression(optimizer=optimizer, average=True)
    other.partial_fit(X, y, [-1, 1])
    assert_same(model.partial_fit(X, y), other.partial_fit(X, y))


@pytest.mark.parametrize("estimator", [GDLinearRegression, *CLASSIFIERS])
def test_a_first_chunk_without_weight(estimator, multiclass):
    """Is enough to be fitted: to the zero model."""
    X, y, nothing = multiclass.X.astype(np.float32), multiclass.y, np.zeros(60)
    model, other = estimator(optimizer="sgd"), estimator(optimizer="sgd")
    keywords = {} if estimator is GDLinearRegression else {"classes": [0, 1, 2]}
    model.partial_fit(X, y, sample_weight=nothing, **keywords)
    assert model.n_features_in_ == X.shape[1]
    assert model.t_ == 0
    assert model.coef_.dtype == np.float32
    assert not np.any(model.coef_) and not np.any(model.intercept_)
    if estimator is not GDLinearRegression:
        assert model.classes_.tolist() == [0, 1, 2]
    assert model.predict(X).shape == (60,)
    assert_same(model.partial_fit(X, y), other.partial_fit(X, y, **keywords), atol=1e-6)


def test_zero_weights_are_gone_before_rows_are_split_off(rng, binary):
    X, y, s = with_dead_rows(binary, rng)
    model, other = (
        textbook(GDLogisticRegression, "sgd", early_stopping=True, max_iter=5) for _ in range(2)
    )
    fitted(model, X, y, s)
    fitted(other, binary.X, binary.y, binary.weights)
    assert_same(model, other)
    assert model.validation_curve_ == other.validation_curve_


def test_zero_weights_in_the_validation_set(rng, binary):
    X, y, s = with_dead_rows(binary, rng)
    model, other = (
        textbook(GDLogisticRegression, "sgd", early_stopping=True, max_iter=5) for _ in range(2)
    )
    fitted(model, binary.X, binary.y, X_val=X, y_val=y, sample_weight_val=s)
    fitted(
        other, binary.X, binary.y,
        X_val=binary.X, y_val=binary.y, sample_weight_val=binary.weights,
    )  # fmt: skip
    assert model.validation_curve_ == other.validation_curve_


# Weight 2


@each_loss
def test_weight_is_a_number_of_copies(estimator, settings, optimizer, stored, request):
    problem = request.getfixturevalue(
        "regression" if estimator is GDLinearRegression else "multiclass"
    )
    model, other = (
        estimator(alpha=0.02, optimizer=optimizer, tol=1e-10, **settings) for _ in range(2)
    )
    X, y = repeated(problem)
    fitted(model, stored(problem.X), problem.y, problem.weights)
    assert_same(model, fitted(other, stored(X), y), atol=2e-6)
    assert model.loss_curve_[-1] == pytest.approx(other.loss_curve_[-1], abs=1e-9)


@pytest.mark.parametrize("optimizer", DETERMINISTIC)
def test_weight_is_a_number_of_copies_without_a_penalty(optimizer, stored, regression):
    model, other = (GDLinearRegression(optimizer=optimizer, tol=1e-12) for _ in range(2))
    X, y = repeated(regression)
    fitted(model, stored(regression.X), regression.y, regression.weights)
    assert_same(model, fitted(other, stored(X), y), atol=1e-6)


@pytest.mark.parametrize("penalty", ["l1", "elasticnet"])
@pytest.mark.parametrize("optimizer", ["auto", "lbfgs"])
def test_weight_is_a_number_of_copies_under_l1(optimizer, penalty, stored, regression):
    settings = {"penalty": penalty, "alpha": 0.05, "optimizer": optimizer, "tol": 1e-10}
    X, y = repeated(regression)
    model, other = (GDLinearRegression(**settings) for _ in range(2))
    fitted(model, stored(regression.X), regression.y, regression.weights)
    fitted(other, stored(X), y)
    assert_same(model, other, atol=1e-6)


@pytest.mark.parametrize(
    "optimizer", [*VARIANCE_REDUCED, *(o for o in STREAMING if o != "adamw")], ids=label
)
def test_weight_is_a_number_of_copies_for_the_objective(optimizer, stored, binary):
    """Rules that visit rows take another way, to the same place."""
    X, y = repeated(binary)
    settings = {"alpha": 0.05, "max_iter": 300, "tol": None, "random_state": 0}
    model, other = (
        GDLogisticRegression(optimizer=optimizer, average=optimizer == "sgd", **settings)
        for _ in range(2)
    )
    fitted(model, stored(binary.X), binary.y, binary.weights)
    fitted(other, stored(X), y)
    assert model.loss_curve_[-1] == pytest.approx(other.loss_curve_[-1], rel=0.1)


def test_a_batch_of_weights_is_a_batch_of_copies(stored, regression):
    """The whole data in one batch takes the same way, but for the mean over fewer rows."""
    X, y, s = regression.X, regression.y, regression.weights
    copies = repeated(regression)
    model, other = (
        GDLinearRegression(
            optimizer="sgd", learning_rate=rate, batch_size="full", max_iter=5, tol=None, alpha=0.1
        )
        for rate in (0.01, 0.01 * s.sum() / len(s))
    )
    fitted(model, stored(X), y, s)
    fitted(other, stored(copies[0]), copies[1])
    assert_same(model, other, rtol=1e-9)


@pytest.mark.parametrize("optimizer", [*DETERMINISTIC, *STREAMING, *VARIANCE_REDUCED], ids=label)
def test_all_weights_one_is_no_weights(optimizer, stored, binary):
    model, other = (
        textbook(GDLogisticRegression, optimizer, learning_rate="auto") for _ in range(2)
    )
    fitted(model, stored(binary.X), binary.y, np.ones(60))
    assert_same(model, fitted(other, stored(binary.X), binary.y))
    assert_same(model, fitted(other, stored(binary.X), binary.y, 1.0))


# Class weights


@pytest.mark.parametrize("estimator", CLASSIFIERS)
@pytest.mark.parametrize("optimizer", ["auto", "sgd", "adam", "ftrl"])
@pytest.mark.parametrize("weighted", [False, True])
def test_class_weights_multiply_in(weighted, optimizer, estimator, stored, multiclass):
    X, y, s = stored(multiclass.X), multiclass.y, multiclass.weights
    given = {0: 3.0, 2: 0.5}
    of_row = np.array([3.0, 1.0, 0.5])[y]
    model = textbook(estimator, optimizer, learning_rate="auto", class_weight=given)
    other = textbook(estimator, optimizer, learning_rate="auto")
    fitted(model, X, y, s if weighted else None)
    fitted(other, X, y, s * of_row if weighted else of_row)
    assert_same(model, other)


@pytest.mark.parametrize("estimator", CLASSIFIERS)
@pytest.mark.parametrize("labels", [[0, 1, 2], ["a", "b", "c"], [2.0, 5.0, 7.0]], ids=label)
def test_balanced(labels, estimator, multiclass):
    X, index = multiclass.X, np.where(multiclass.y == 2, 2, multiclass.y % 2)
    y = np.array(labels)[index]
    of_class = compute_class_weight("balanced", classes=np.unique(y), y=y)
    model, other = (
        textbook(estimator, "auto", learning_rate="auto", class_weight=weights)
        for weights in ("balanced", dict(zip(labels, of_class)))
    )
    assert_same(fitted(model, X, y), fitted(other, X, y), rtol=1e-12)


def test_balanced_counts_weights(binary):
    X, y = repeated(binary)
    model, other = (GDLogisticRegression(class_weight="balanced", tol=1e-10) for _ in range(2))
    fitted(model, binary.X, binary.y, binary.weights)
    assert_same(model, fitted(other, X, y), atol=1e-6)


@pytest.mark.parametrize("estimator", CLASSIFIERS)
def test_a_class_of_weight_zero_is_removed(estimator, stored, multiclass):
    X, y = multiclass.X, multiclass.y
    kept = y != 1
    model = textbook(estimator, "sgd", class_weight={1: 0.0})
    fitted(model, stored(X), y)
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.t_ == 3 * kept.sum()
    stream, other = textbook(estimator, "sgd", class_weight={1: 0.0}), textbook(estimator, "sgd")
    stream.partial_fit(stored(X), y, [0, 1, 2])
    other.partial_fit(stored(X[kept]), y[kept], [0, 1, 2])
    assert stream.t_ == other.t_ == kept.sum()
    assert_same(stream, other)
    stream.partial_fit(stored(X[~kept]), y[~kept])
    assert_same(stream, other)


@pytest.mark.parametrize("estimator", CLASSIFIERS)
@pytest.mark.parametrize("weighted", [False, True])
def test_balanced_streams_count_as_they_run(weighted, estimator, multiclass):
    X, y, s = multiclass.X, multiclass.y, multiclass.weights
    if not weighted:
        s = np.ones(60)
    model = estimator(optimizer="sgd", learning_rate=0.01, class_weight="balanced")
    other = estimator(optimizer="sgd", learning_rate=0.01)
    counts = np.zeros(3)
    for start in range(0, 60, 15):
        part = slice(start, start + 15)
        counts += np.bincount(y[part], s[part], minlength=3)
        with np.errstate(divide="ignore"):
            of_class = counts.sum() / (3 * counts)
        given = s[part] if weighted else None
        model.partial_fit(X[part], y[part], [0, 1, 2], sample_weight=given)
        other.partial_fit(X[part], y[part], [0, 1, 2], sample_weight=s[part] * of_class[y[part]])
        assert_same(model, other, rtol=1e-12)


def test_balanced_streams_may_lack_a_class_at_first(binary):
    X, y = binary.X, binary.y
    model = GDLogisticRegression(optimizer="sgd", class_weight="balanced")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(X[y > 0], y[y > 0], [-1, 1])
        model.partial_fit(X[:1], y[:1], sample_weight=[0.0])
        model.partial_fit(X, y)
    assert np.isfinite(model.coef_).all()


def test_a_chunk_that_fails_is_not_counted(binary):
    X, y = binary.X, binary.y
    model, other = (
        GDLogisticRegression(optimizer="sgd", class_weight="balanced") for _ in range(2)
    )
    for one in (model, other):
        one.partial_fit(X[:30], y[:30], [-1, 1])
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(np.full((30, 6), np.nan), y[30:])
    assert_same(model.partial_fit(X[30:], y[30:]), other.partial_fit(X[30:], y[30:]))


# Weights of a strange size


@pytest.mark.parametrize("unit", [1e-12, 1e12])
@pytest.mark.parametrize("optimizer", [*DETERMINISTIC, *VARIANCE_REDUCED, "sgd", "adam"])
def test_the_unit_of_weights_does_not_matter(optimizer, unit, stored, binary):
    """With a rate of its own, each rule takes the same way whatever the weights sum to."""
    model, other = (
        textbook(GDLogisticRegression, optimizer, learning_rate="auto", alpha=0.01)
        for _ in range(2)
    )
    fitted(model, stored(binary.X), binary.y, binary.weights)
    fitted(other, stored(binary.X), binary.y, unit * binary.weights)
    assert np.isfinite(other.coef_).all()
    if optimizer not in ("sgd", "adam"):
        assert_same(model, other, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("optimizer", [*DETERMINISTIC, "saga", "svrg"])
def test_one_row_that_weighs_as_much_as_a_thousand(optimizer, stored, regression):
    X, y = regression.X, regression.y
    s = np.ones(60)
    s[7] = 1000.0
    copies = np.concatenate([np.arange(60), np.full(999, 7)])
    model = GDLinearRegression(alpha=0.1, optimizer=optimizer, tol=1e-13, random_state=0)
    best = GDLinearRegression(alpha=0.1, tol=1e-12).fit(X[copies], y[copies])
    model.set_params(max_iter=10_000).fit(stored(X), y, sample_weight=s)
    assert_same(model, best, atol=1e-5)


def test_weights_and_sparse_rows_without_entries(binary):
    X = sparse.csr_array((60, 6))
    model = GDLogisticRegression(optimizer="sgd", max_iter=3, tol=None)
    fitted(model, X, binary.y, binary.weights)
    assert not np.any(model.coef_)
