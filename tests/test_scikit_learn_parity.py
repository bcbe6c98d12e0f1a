"""A converged model is the model of any other solver of the same objective.

Coefficient by coefficient where the optimum is unique, else by objective; against scikit-learn
where it minimises the same function (alpha here is its penalty over the sum of the weights), and
against the slow optimum of `reference` everywhere else.
"""

import warnings

import numpy as np
import pytest
import reference as ref
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    QuantileRegressor,
    Ridge,
)
from sklearn.svm import SVC, LinearSVC, LinearSVR

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression

VARIANCE_REDUCED = ["saga", "svrg", "sag"]
SMOOTH = ["auto", "lbfgs", "newton", *VARIANCE_REDUCED]  # for smooth objectives
COMPOSITE = ["auto", *VARIANCE_REDUCED]  # with an l1 part or positivity beside the smooth one

weighted = pytest.mark.parametrize("weighted", [False, True], ids=["unit", "weighted"])


def smooth(test):
    return pytest.mark.parametrize("optimizer", SMOOTH)(test)


def composite(test):
    return pytest.mark.parametrize("optimizer", COMPOSITE)(test)


def converged(model, X, y, weights=None):
    """The model, fitted until it says itself that it has arrived."""
    # The duality gap under L2 falls as the square of the error.
    tol = 1e-10 if model.alpha == 0.0 else 1e-13 if model.penalty == "l1" else 1e-15
    model.set_params(tol=tol, max_iter=20_000, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        return model.fit(X, y, sample_weight=weights)


def assert_same(model, coef, intercept, atol=1e-6):
    np.testing.assert_allclose(np.ravel(model.coef_), np.ravel(coef), atol=atol)
    np.testing.assert_allclose(np.ravel(model.intercept_), np.ravel(intercept), atol=atol)


def suboptimality(model, X, y, loss, l1=0.0, l2=0.0, weights=None, fit_intercept=True, **keywords):
    """(F - F*) / (F(0, best intercept) - F*)."""
    W, b = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    value = ref.objective(X, y, W, b, loss, l1, l2, weights)
    best = ref.optimum(X, y, loss, l1, l2, weights, fit_intercept, **keywords)[2]
    start = ref.optimum(0 * X, y, loss, weights=weights, fit_intercept=fit_intercept)[2]
    return (value - best) / (start - best)


def weights_of(problem, weighted):
    """The weights to fit with, and their sum."""
    return (problem.weights, problem.weights.sum()) if weighted else (None, len(problem.X))


# --------------------------------------------------------------------------------- regression


@smooth
@weighted
def test_ridge(optimizer, weighted, stored, regression):
    X, y = regression.X, regression.y
    s, total = weights_of(regression, weighted)
    model = converged(GDLinearRegression(alpha=0.1, optimizer=optimizer), stored(X), y, s)
    expected = Ridge(alpha=0.1 * total, solver="cholesky").fit(X, y, s)
    assert_same(model, expected.coef_, expected.intercept_)


@smooth
def test_ridge_without_intercept(optimizer, stored, regression):
    X, y = regression.X, regression.y
    model = GDLinearRegression(alpha=0.1, optimizer=optimizer, fit_intercept=False)
    expected = Ridge(alpha=0.1 * len(X), fit_intercept=False).fit(X, y)
    assert_same(converged(model, stored(X), y), expected.coef_, 0.0)


@smooth
@weighted
def test_ridge_of_several_outputs(optimizer, weighted, stored, multi_output):
    X, Y = multi_output.X, multi_output.y
    s, total = weights_of(multi_output, weighted)
    model = converged(GDLinearRegression(alpha=0.1, optimizer=optimizer), stored(X), Y, s)
    expected = Ridge(alpha=0.1 * total, solver="cholesky").fit(X, Y, s)
    assert model.coef_.shape == expected.coef_.shape
    assert_same(model, expected.coef_, expected.intercept_)


@smooth
@weighted
def test_linear_regression(optimizer, weighted, stored, regression):
    X, y = regression.X, regression.y
    s, _ = weights_of(regression, weighted)
    model = converged(GDLinearRegression(optimizer=optimizer), stored(X), y, s)
    expected = LinearRegression().fit(X, y, s)
    assert_same(model, expected.coef_, expected.intercept_)


@composite
@weighted
@pytest.mark.parametrize("positive", [False, True])
def test_lasso(optimizer, weighted, positive, stored, regression):
    X, y = regression.X, regression.y
    s, _ = weights_of(regression, weighted)
    model = GDLinearRegression(penalty="l1", alpha=0.05, optimizer=optimizer, positive=positive)
    expected = Lasso(alpha=0.05, positive=positive, tol=1e-12, max_iter=100_000).fit(X, y, s)
    assert_same(converged(model, stored(X), y, s), expected.coef_, expected.intercept_)
    assert np.array_equal(model.coef_ == 0, expected.coef_ == 0)


@composite
@weighted
def test_elastic_net(optimizer, weighted, stored, regression):
    X, y = regression.X, regression.y
    s, _ = weights_of(regression, weighted)
    model = GDLinearRegression(penalty="elasticnet", alpha=0.1, l1_ratio=0.4, optimizer=optimizer)
    expected = ElasticNet(alpha=0.1, l1_ratio=0.4, tol=1e-12, max_iter=100_000).fit(X, y, s)
    assert_same(converged(model, stored(X), y, s), expected.coef_, expected.intercept_)


@smooth
@weighted
@pytest.mark.parametrize("loss", ["huber", "squared_epsilon_insensitive"])
def test_smooth_robust_losses(optimizer, weighted, loss, stored, regression):
    X, y = regression.X, regression.y
    s, _ = weights_of(regression, weighted)
    model = GDLinearRegression(loss=loss, epsilon=0.3, alpha=0.1, optimizer=optimizer)
    W, b, _ = ref.optimum(X, y, getattr(ref, loss)(0.3), l2=0.1, weights=s)
    assert_same(converged(model, stored(X), y, s), W, b)


@smooth
def test_linear_svr_of_the_squared_loss(optimizer, stored, regression):
    X, y = regression.X, regression.y
    model = GDLinearRegression(
        loss="squared_epsilon_insensitive", epsilon=0.2, alpha=0.1, fit_intercept=False,
        optimizer=optimizer,
    )  # fmt: skip
    expected = LinearSVR(
        loss="squared_epsilon_insensitive", epsilon=0.2, C=1 / (0.1 * len(X)),
        fit_intercept=False, dual=True, tol=1e-10, max_iter=1_000_000,
    ).fit(X, y)  # fmt: skip
    assert_same(converged(model, stored(X), y), expected.coef_, 0.0)


# ----------------------------------------------------------------------------- classification


@smooth
@weighted
def test_binary_logistic_regression(optimizer, weighted, stored, binary):
    X, y = binary.X, binary.y
    s, total = weights_of(binary, weighted)
    model = converged(GDLogisticRegression(alpha=0.05, optimizer=optimizer), stored(X), y, s)
    expected = LogisticRegression(C=1 / (0.05 * total), solver="newton-cholesky", tol=1e-11)
    expected.fit(X, y, s)
    assert_same(model, expected.coef_, expected.intercept_)
    np.testing.assert_allclose(model.predict_proba(stored(X)), expected.predict_proba(X), atol=1e-6)


@composite
@weighted
@pytest.mark.parametrize("positive", [False, True])
def test_sparse_logistic_regression(optimizer, weighted, positive, stored, binary):
    X, y = binary.X, binary.y
    s, _ = weights_of(binary, weighted)
    model = GDLogisticRegression(
        penalty="elasticnet", alpha=0.05, l1_ratio=0.8, positive=positive, optimizer=optimizer
    )
    W, b, _ = ref.optimum(X, y, ref.log_loss, 0.04, 0.01, s, positive=positive)
    assert_same(converged(model, stored(X), y, s), W, b)


@smooth
@weighted
def test_multinomial_logistic_regression(optimizer, weighted, stored, multiclass):
    X, y = multiclass.X, multiclass.y
    s, total = weights_of(multiclass, weighted)
    model = converged(GDLogisticRegression(alpha=0.05, optimizer=optimizer), stored(X), y, s)
    expected = LogisticRegression(C=1 / (0.05 * total), solver="newton-cg", tol=1e-10)
    expected.fit(X, y, s)
    np.testing.assert_allclose(model.coef_, expected.coef_, atol=1e-6)
    np.testing.assert_allclose(model.predict_proba(stored(X)), expected.predict_proba(X), atol=1e-6)


@smooth
def test_one_vs_rest_logistic_regression(optimizer, stored, multiclass):
    X, y = multiclass.X, multiclass.y
    model = GDLogisticRegression(alpha=0.05, multi_class="ovr", optimizer=optimizer)
    converged(model, stored(X), y)
    for c in range(3):
        expected = LogisticRegression(C=1 / (0.05 * len(X)), solver="newton-cholesky", tol=1e-11)
        expected.fit(X, y == c)
        np.testing.assert_allclose(model.coef_[c], expected.coef_[0], atol=1e-6)
        np.testing.assert_allclose(model.intercept_[c], expected.intercept_[0], atol=1e-6)


@smooth
def test_class_weight(optimizer, multiclass):
    X, y = multiclass.X, np.minimum(multiclass.y, 1)
    model = GDLogisticRegression(alpha=0.05, class_weight="balanced", optimizer=optimizer)
    expected = LogisticRegression(
        C=1 / (0.05 * len(X)), class_weight="balanced", solver="newton-cholesky", tol=1e-11
    ).fit(X, y)
    assert_same(converged(model, X, y), expected.coef_, expected.intercept_)


@smooth
@weighted
def test_linear_svc_of_the_squared_hinge(optimizer, weighted, stored, multiclass):
    X, y = multiclass.X, multiclass.y
    s, total = weights_of(multiclass, weighted)
    model = GDLinearSVC(loss="squared_hinge", alpha=0.05, fit_intercept=False, optimizer=optimizer)
    expected = LinearSVC(
        loss="squared_hinge", C=1 / (0.05 * total), fit_intercept=False, dual=False, tol=1e-10,
        max_iter=100_000,
    ).fit(X, y, s)  # fmt: skip
    assert_same(converged(model, stored(X), y, s), expected.coef_, np.zeros(3))


@smooth
@weighted
def test_squared_hinge_with_an_intercept(optimizer, weighted, stored, binary):
    X, y = binary.X, binary.y
    s, _ = weights_of(binary, weighted)
    model = GDLinearSVC(loss="squared_hinge", alpha=0.05, optimizer=optimizer)
    W, b, _ = ref.optimum(X, y, ref.squared_hinge, l2=0.05, weights=s)
    assert_same(converged(model, stored(X), y, s), W, b)


# -------------------------------------------------------------------------- non-smooth losses


NON_SMOOTH = {
    "quantile": ref.quantile(0.3),
    "absolute_error": ref.absolute_error,
    "epsilon_insensitive": ref.epsilon_insensitive(0.2),
}


@weighted
@pytest.mark.parametrize("loss", NON_SMOOTH)
@pytest.mark.parametrize("l1, l2", [(0.0, 0.0), (0.05, 0.0), (0.0, 0.05), (0.02, 0.03)])
def test_non_smooth_regression(weighted, loss, l1, l2, stored, regression):
    X, y = regression.X, regression.y
    s, _ = weights_of(regression, weighted)
    alpha = l1 + l2
    model = GDLinearRegression(
        loss=loss, quantile=0.3, epsilon=0.2, penalty="elasticnet", alpha=alpha,
        l1_ratio=l1 / alpha if alpha else 0.0, random_state=0,
    ).fit(stored(X), y, sample_weight=s)  # fmt: skip
    assert suboptimality(model, X, y, NON_SMOOTH[loss], l1, l2, s) < 1e-4


@weighted
def test_quantile_regressor(weighted, stored, regression):
    X, y = regression.X, regression.y
    s, _ = weights_of(regression, weighted)
    model = GDLinearRegression(loss="quantile", quantile=0.7, penalty="l1", alpha=0.05)
    model.fit(stored(X), y, sample_weight=s)
    theirs = QuantileRegressor(quantile=0.7, alpha=0.05, solver="highs").fit(X, y, s)
    values = [
        ref.objective(X, y, m.coef_[None], m.intercept_, ref.quantile(0.7), 0.05, weights=s)
        for m in (model, theirs)
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-4)


@weighted
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_hinge(weighted, fit_intercept, stored, binary):
    X, y = binary.X, binary.y
    s, _ = weights_of(binary, weighted)
    model = GDLinearSVC(alpha=0.05, fit_intercept=fit_intercept, random_state=0)
    model.fit(stored(X), y, sample_weight=s)
    gap = suboptimality(model, X, y, ref.hinge, 0.0, 0.05, s, fit_intercept)
    assert gap < 1e-4


def test_linear_svc_and_svc(stored, binary):
    """liblinear without an intercept, libsvm with one that is not penalised."""
    X, y, C = binary.X, binary.y, 1 / (0.05 * len(binary.X))
    without = LinearSVC(
        loss="hinge", C=C, fit_intercept=False, tol=1e-9, max_iter=1_000_000, random_state=0
    )
    for theirs, fit_intercept in ((without, False), (SVC(kernel="linear", C=C, tol=1e-9), True)):
        theirs.fit(X, y)
        model = GDLinearSVC(alpha=0.05, fit_intercept=fit_intercept, tol=1e-8, random_state=0)
        model.fit(stored(X), y)
        np.testing.assert_allclose(model.coef_, theirs.coef_, atol=1e-3)


def test_linear_svr(stored, regression):
    X, y = regression.X, regression.y
    theirs = LinearSVR(
        epsilon=0.2, C=1 / (0.05 * len(X)), fit_intercept=False, dual=True, tol=1e-9,
        max_iter=1_000_000, random_state=0,
    ).fit(X, y)  # fmt: skip
    model = GDLinearRegression(
        loss="epsilon_insensitive", epsilon=0.2, alpha=0.05, fit_intercept=False, tol=1e-8,
        random_state=0,
    ).fit(stored(X), y)  # fmt: skip
    np.testing.assert_allclose(model.coef_, theirs.coef_, atol=1e-3)


# ----------------------------------------------------------------------------- harder problems


@pytest.mark.parametrize("optimizer", ["auto", "lbfgs", "newton"])
def test_raw_units(optimizer, stored):
    """Thirty columns whose scales span five powers of ten, as the user has them."""
    X, y = load_breast_cancer(return_X_y=True)
    model = converged(GDLogisticRegression(alpha=1e-3, optimizer=optimizer), stored(X), y)
    W, b, best = ref.optimum(X, 2.0 * y - 1, ref.log_loss, l2=1e-3)
    value = ref.objective(X, 2.0 * y - 1, model.coef_, model.intercept_, ref.log_loss, l2=1e-3)
    assert value == pytest.approx(best, rel=1e-9)
    np.testing.assert_allclose(
        model.decision_function(stored(X)), (X @ W.T + b)[:, 0], rtol=1e-4, atol=1e-4
    )


@st.composite
def problems(draw):
    """Any shape, any scales of the columns, empty rows, weights with zeros among them."""
    n, p = draw(st.integers(1, 40)), draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scales = 10.0 ** np.array(draw(st.lists(st.integers(-3, 3), min_size=p, max_size=p)))
    X = (rng.normal(size=(n, p)) + draw(st.sampled_from([0.0, 3.0]))) * scales
    X[rng.random((n, p)) < draw(st.sampled_from([0.0, 0.7]))] = 0.0
    weights = rng.integers(0, 3, size=n).astype(float)
    weights[0] = 1.0
    y = X @ (rng.normal(size=p) / scales) + rng.normal(size=n)
    return X, y, weights, draw(st.booleans())


@settings(max_examples=40, deadline=None, derandomize=True)
@given(problems(), st.sampled_from([np.asarray, sparse.csr_matrix]), st.sampled_from([1e-3, 1.0]))
def test_auto_reaches_the_optimum_of_any_ridge_problem(problem, stored, alpha):
    X, y, s, fit_intercept = problem
    model = GDLinearRegression(alpha=alpha, fit_intercept=fit_intercept)
    model.fit(stored(X), y, sample_weight=s)
    W, b = model.coef_[None], np.atleast_1d(model.intercept_)
    value = ref.objective(X, y, W, b, ref.squared_error, l2=alpha, weights=s)
    best = ref.optimum(X, y, ref.squared_error, 0.0, alpha, s, fit_intercept)[2]
    assert best - 1e-9 * (1 + best) <= value <= best + 1e-8 * (s @ y**2 / s.sum() + 1e-12)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(problems(), st.sampled_from([np.asarray, sparse.csr_matrix]), st.sampled_from([1e-3, 0.1]))
def test_auto_reaches_the_optimum_of_any_logistic_problem(problem, stored, alpha):
    X, y, s, fit_intercept = problem
    y = np.where(y > np.median(y[s > 0]), 1.0, -1.0)
    if len(np.unique(y[s > 0])) < 2:
        return
    model = GDLogisticRegression(alpha=alpha, fit_intercept=fit_intercept)
    model.fit(stored(X), y, sample_weight=s)
    value = ref.objective(X, y, model.coef_, model.intercept_, ref.log_loss, 0.0, alpha, s)
    best = ref.optimum(X, y, ref.log_loss, 0.0, alpha, s, fit_intercept)[2]
    assert best - 1e-10 <= value <= best + 1e-8
