"""No units of the columns break it, nor any shift of them."""

import warnings

import numpy as np
import pytest
import reference as ref
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression

N = 120
ESTIMATORS = {
    "regression": (GDLinearRegression(), ref.squared_error),
    "huber": (GDLinearRegression(loss="huber"), ref.huber(1.35)),
    "log_loss": (GDLogisticRegression(), ref.log_loss),
    "squared_hinge": (GDLinearSVC(loss="squared_hinge"), ref.squared_hinge),
    "hinge": (GDLinearSVC(), ref.hinge),
}


@st.composite
def units(draw):
    """Columns in plain units, what they are multiplied by, and shifts in the units after that."""
    p = draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scales = 10.0 ** np.array(draw(st.lists(st.floats(-9, 9), min_size=p, max_size=p)))
    shifts = np.array(
        draw(st.lists(st.sampled_from([0.0, 1.0, -30.0, 1e3]), min_size=p, max_size=p))
    )
    X = rng.normal(size=(N, p))
    z = X @ rng.normal(size=p) + rng.logistic(size=N)
    return X, scales, shifts * scales, z


def targets(model, z):
    return z if isinstance(model, GDLinearRegression) else np.where(np.median(z) < z, 1.0, -1.0)


def fitted(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return model.fit(X, y)


def scores(model, X):
    return getattr(model, "decision_function", model.predict)(X)


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("stored", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
@settings(max_examples=10, deadline=None, derandomize=True)
@given(units(), st.booleans())
def test_units_change_no_prediction(kind, stored, problem, standardize):
    """Where the penalty does not know the units: without one, or with standardize=True."""
    X, scales, shifts, z = problem
    model, _ = ESTIMATORS[kind]
    free = {"alpha": 1e-2, "standardize": True} if standardize else {"alpha": 0.0}
    if kind == "hinge":  # without a penalty its minima are many
        free = {"alpha": 1e-2, "standardize": True}
    model.set_params(**{"standardize": False, **free})
    y = targets(model, z)
    plain = scores(fitted(model, stored(X), y), stored(X))
    other = X * scales + shifts
    moved = scores(fitted(model, stored(other), y), stored(other))
    np.testing.assert_allclose(moved, plain, atol=1e-3 * np.abs(plain).max())


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("stored", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
@settings(max_examples=6, deadline=None, derandomize=True)
@given(units(), st.sampled_from([1e-4, 1e-2, 1.0]))
def test_a_raw_penalty_is_minimised_in_any_units(kind, stored, problem, alpha):
    X, scales, shifts, z = problem
    model, loss = ESTIMATORS[kind]
    model.set_params(alpha=alpha, standardize=False)
    y, X = targets(model, z), X * scales + shifts
    fitted(model, stored(X), y)
    W, b = np.reshape(model.coef_, (1, -1)), np.reshape(model.intercept_, 1)
    value = ref.objective(X, y, W, b, loss, l2=alpha)
    best = ref.optimum(X, y, loss, l2=alpha)[2]
    assert value <= best * (1.0 + 1e-3)


def test_decoupled_decay_stands_in_no_way():
    """AdamW at its own rate: the penalty, which it does not bring down, does not slow it."""
    X = np.random.default_rng(0).normal(size=(N, 3))
    y = X @ [1.0, -2.0, 0.5] > 0
    model = GDLogisticRegression(optimizer="adamw", alpha=1e-3, random_state=0)
    expected = fitted(model, X, y).decision_function(X)
    smaller = 1e-4 * X
    np.testing.assert_allclose(fitted(model, smaller, y).decision_function(smaller), expected)
