"""Data on which a certificate is easily wrong: the optimum is reached there, or a warning says no.

What the optimum is follows from the same rows in other coordinates, in which it is easily found.
"""

import warnings

import numpy as np
import pytest
from labels import label
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression

FREE = [
    GDLinearRegression(),
    GDLinearRegression(loss="huber"),
    GDLinearRegression(loss="squared_epsilon_insensitive"),
    GDLinearRegression(loss="quantile"),
    GDLogisticRegression(alpha=0.0),
    GDLinearSVC(loss="squared_hinge", alpha=0.0),
]
HELD = [
    GDLogisticRegression(),
    GDLogisticRegression(alpha=1e-8),
    GDLinearSVC(),
    GDLinearSVC(loss="squared_hinge"),
    GDLinearSVC(loss="squared_hinge", alpha=1e-6, standardize=True),
    GDLinearRegression(loss="huber", alpha=1e-6),
    GDLinearRegression(loss="absolute_error", alpha=1e-4),
]


def fitted(model, X, y):
    """The model; a warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return clone(model).fit(X, y)


def warns(model, X, y):
    """Whether it does, while the model is fitted in place."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    return any(issubclass(warning.category, ConvergenceWarning) for warning in caught)


def mean_loss(model, X, y):
    loss = model._loss(1)
    y = np.asarray(y, dtype=float)
    z = X @ np.ravel(model.coef_) + model.intercept_
    return float(np.mean(loss.value(y, np.ravel(z))))


def targets(model, z):
    return z if isinstance(model, GDLinearRegression) else np.where(np.median(z) < z, 1.0, -1.0)


@pytest.mark.parametrize("share", [1e-5, 1e-7, 1e-8, 1e-10])
@pytest.mark.parametrize("mean", [0.0, 30.0])
@pytest.mark.parametrize("model", FREE, ids=label)
def test_columns_that_are_copies_but_for_a_share(model, mean, share):
    """What the share holds is a column like others, and y depends on it."""
    rng = np.random.default_rng(0)
    plain = rng.normal(size=(300, 5))
    X = plain[:, :4] + mean
    X = np.column_stack([X, X[:, 0] + share * plain[:, 4]])
    plain[:, 4] = (X[:, 4] - X[:, 0]) / share  # as X has it
    y = targets(model, plain @ [1.0, -1.0, 0.5, 2.0, 2.0] + rng.logistic(size=300))
    best = mean_loss(fitted(model, plain, y), plain, y)
    assert mean_loss(fitted(model, X, y), X, y) <= best * (1.0 + 1e-4)


@pytest.mark.parametrize("stored", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
@pytest.mark.parametrize("model", [FREE[0], FREE[4]], ids=label)
def test_powers_of_a_column(model, stored):
    """The first twelve, of condition 1e8 or so once scaled, and the polynomials of Chebyshev."""
    rng = np.random.default_rng(1)
    t = rng.uniform(0.0, 1.0, size=400)
    X = t[:, None] ** np.arange(1, 13)
    y = targets(model, np.sin(9.0 * t) + 0.3 * rng.logistic(size=400))
    plain = np.polynomial.chebyshev.chebvander(2.0 * t - 1.0, 12)[:, 1:]
    best = mean_loss(fitted(model, plain, y), plain, y)
    assert mean_loss(fitted(model, stored(X), y), X, y) <= best * (1.0 + 1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_near_copies_under_a_softmax_and_each_class_by_itself(classes):
    rng = np.random.default_rng(2)
    plain = rng.normal(size=(300, 3))
    X = np.column_stack([plain[:, :2], plain[:, 0] + 1e-8 * plain[:, 2]])
    plain[:, 2] = (X[:, 2] - X[:, 0]) / 1e-8
    z = plain @ rng.normal(size=(3, classes)) + rng.gumbel(size=(300, classes))
    for multi_class in "multinomial", "ovr":
        model = GDLogisticRegression(alpha=0.0, multi_class=multi_class)
        ours, best = (fitted(model, rows, z.argmax(axis=1)) for rows in (X, plain))
        np.testing.assert_allclose(
            ours.predict_proba(X), best.predict_proba(plain), rtol=1e-3, atol=1e-5
        )


@pytest.mark.parametrize("stored", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
@pytest.mark.parametrize("model", HELD, ids=label)
def test_fewer_rows_than_columns(model, stored):
    """Classes are separable then, and F at the optimum is a faint part of the zero model's."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(60, 300)) + rng.choice([0.0, 5.0], size=300)
    y = targets(model, X @ rng.normal(size=300))
    ours = fitted(model, stored(X), y)
    unit = X.std(axis=0) if model.standardize else np.ones(300)
    mean = X.mean(axis=0)
    Q, R = np.linalg.qr(((X - mean) / unit).T)
    best = fitted(clone(model).set_params(standardize=False), R.T, y)

    def value(model, rows, unit):
        return mean_loss(model, rows, y) + 0.5 * model.alpha * np.sum((unit * model.coef_) ** 2)

    assert value(ours, X, unit) <= value(best, R.T, 1.0) * (1.0 + 1e-4)
    np.testing.assert_allclose((ours.coef_ * unit) @ Q, best.coef_, rtol=2e-2, atol=1e-4)


@pytest.mark.parametrize("loss, optimizer", [("squared_hinge", "lbfgs"), ("hinge", "auto")])
def test_what_is_certified_is_so_where_all_rows_are_on_their_side(loss, optimizer):
    """The gradient is as small there as the penalty, wherever the run is."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 700))
    y = X @ rng.normal(size=700) > 0
    best = fitted(GDLinearSVC(loss=loss, alpha=1e-6, optimizer="auto"), X, y).loss_curve_[-1]
    for max_iter in 5, 20, 100, 1000:
        model = GDLinearSVC(loss=loss, alpha=1e-6, optimizer=optimizer, max_iter=max_iter)
        assert warns(model, X, y) or model.loss_curve_[-1] <= best * (1.0 + 1e-3)


@pytest.mark.parametrize("kind", ["an entry", "some rows"])
@pytest.mark.parametrize("penalty", ["l1", "elasticnet"])
def test_rows_far_out_under_l1(kind, penalty):
    """Rows that are flat where a step begins, and steep where it would end."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(150, 20))
    y = np.digitize(X @ rng.normal(size=20) + 0.3 * rng.logistic(size=150), [0.0])
    if kind == "an entry":
        X[7, 3] = 1e6
    else:
        X[rng.random(150) < 0.04] *= 1000.0
    model = GDLinearSVC(loss="squared_hinge", penalty=penalty, alpha=1e-3)
    ours = fitted(model, X, y)
    assert ours.n_iter_ <= 300
    assert ours.dual_gap_ <= 1e-3 * ours.loss_curve_[-1]


def test_nothing_to_learn_within_epsilon():
    """The zero model is an optimum of 0, and what rounding leaves is no failure."""
    rng = np.random.default_rng(6)
    X, y = rng.normal(size=(60, 3)), 1e-6 * rng.normal(size=60)
    for fit_intercept in True, False:
        model = GDLinearRegression(
            loss="epsilon_insensitive", penalty="l1", alpha=1e-3, fit_intercept=fit_intercept
        )
        model = fitted(model, X, y)
        assert model.optimality_ <= model.tol
        np.testing.assert_allclose(model.coef_, 0.0, atol=1e-9)


@pytest.mark.parametrize("mean", [0.0, 30.0, 1000.0])
@pytest.mark.parametrize("share", [1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("model", FREE[:2] + FREE[4:], ids=label)
def test_certificates_hold_for_float32(model, share, mean):
    """Large coefficients that cancel each other lose more than tol by their rounding, or not."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(300, 4)) + mean
    X = np.column_stack([X, X[:, 0] + share * rng.normal(size=300)]).astype(np.float32)
    X = X.astype(np.float64)
    plain = np.column_stack([X[:, :4] - mean, X[:, 4] - X[:, 0]])
    plain /= np.maximum(plain.std(axis=0), 1e-300)
    y = targets(model, plain @ [1.0, 1.0, 1.0, 1.0, 2.0] + rng.logistic(size=300))
    best = mean_loss(fitted(model, plain, y), plain, y)
    ours = clone(model)
    warned = warns(ours, X.astype(np.float32), y)
    assert ours.coef_.dtype == np.float32
    assert warned or mean_loss(ours, X, y) <= best * (1.0 + 1.1e-3)
    assert not warned or share < 1e-2


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("seed", [1, 2, 7])
def test_nothing_ends_above_the_zero_model(seed):
    """Powers of a column and no penalty: an interior point method may be led astray."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(size=(400, 1)) ** np.arange(1, 16)
    z = (X - X.mean(axis=0)) / X.std(axis=0) @ rng.normal(size=15) + 0.3 * rng.logistic(size=400)
    y, weights = z > np.median(z), rng.uniform(0.2, 3.0, size=400)
    model = GDLinearSVC(loss="hinge", penalty=None).fit(X, y, weights)
    assert model.loss_curve_[-1] < 0.5
    margins = np.where(y, 1.0, -1.0) * model.decision_function(X)
    F = np.average(np.maximum(1.0 - margins, 0.0), weights=weights)
    assert model.loss_curve_[-1] == pytest.approx(F, rel=1e-3)
