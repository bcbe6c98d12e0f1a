"""Penalties: values against formulas, proximal maps against brute-force minimisation."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from sklearn.base import clone

from sgdlearn import penalties
from sgdlearn.penalties import ElasticPenalty, Penalty, ScaledPenalty

STRENGTHS = [(0.0, 0.0), (0.5, 0.0), (0.0, 0.8), (0.5, 0.8)]


@pytest.mark.parametrize("l1, l2", STRENGTHS)
def test_value(l1, l2):
    W = np.array([[1.0, -2.0], [0.0, 3.0]])
    assert ElasticPenalty(l1, l2).value(W) == l1 * 6 + l2 / 2 * 14


@pytest.mark.parametrize("l1, l2", STRENGTHS)
@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("u", [-2.0, -0.3, 0.0, 0.05, 1.7])
def test_prox_minimises(l1, l2, positive, u):
    rate, scale = 0.7, 1.3
    penalty = ElasticPenalty(l1, l2, positive)
    v = np.linspace(0 if positive else -3, 3, 600_001)
    w = scale * v
    cost = 0.5 * (v - u) ** 2 + rate * (l1 * abs(w) + l2 / 2 * w**2)
    assert penalty.prox(np.array([u]), rate, scale)[0] == pytest.approx(
        v[np.argmin(cost)], abs=1e-5
    )


def test_prox_broadcasts_rates_and_scales():
    U = np.array([[1.0, -2.0, 0.1], [0.4, 5.0, -1.0]])
    rates, scales = np.array([0.1, 1.0, 2.0]), np.array([1.0, 0.5, 3.0])
    penalty = ElasticPenalty(0.3, 0.6)
    together = penalty.prox(U, rates, scales)
    for j in range(3):
        assert_array_equal(together[:, j], penalty.prox(U[:, j], rates[j], scales[j]))


def test_prox_gives_exact_zeros_and_hides_no_nan():
    u = np.array([-0.5, 0.5, 0.2, np.nan])
    for lower in (-np.inf, 0.0):
        w = penalties.prox(u, 0.5, 0.1, lower)
        assert_array_equal(w[:3], 0.0)
        assert np.isnan(w[3])


def test_prox_without_penalty_changes_nothing():
    u = np.random.default_rng(0).normal(size=20)
    assert_array_equal(ElasticPenalty().prox(u, 0.3), u)


@pytest.mark.parametrize(
    "penalty, l1, l2",
    [("l2", 0.0, 0.4), ("l1", 0.4, 0.0), ("elasticnet", 0.1, 0.3), (None, 0.0, 0.0)],
)
@pytest.mark.parametrize("positive", [False, True])
def test_resolve_names(penalty, l1, l2, positive):
    got = penalties.resolve(penalty, alpha=0.4, l1_ratio=0.25, positive=positive)
    assert_allclose([got.l1, got.l2], [l1, l2], rtol=1e-15)
    assert got.lower == (0.0 if positive else -np.inf)


def test_resolve_an_elastic_penalty_scales_it():
    got = penalties.resolve(ElasticPenalty(l1=2.0, l2=3.0), alpha=0.5, positive=True)
    assert got.get_params() == {"l1": 1.0, "l2": 1.5, "positive": True, "unit": 1.0}


class GroupLasso(Penalty):
    domains = {"weight": "a number in (0, inf)"}

    def __init__(self, weight=1.0):
        self.weight = weight

    def value(self, W):
        return self.weight * np.linalg.norm(W, axis=0).sum()

    def prox(self, U, rate):
        size = np.maximum(np.linalg.norm(U, axis=0), 1e-300)
        return U * (1 - np.minimum(rate * self.weight / size, 1))


def test_a_penalty_of_ones_own_is_scaled_by_alpha():
    penalty = penalties.resolve(GroupLasso(2.0), alpha=0.25)
    assert isinstance(penalty, ScaledPenalty)
    U = np.array([[3.0, 0.1], [4.0, 0.1]])
    assert penalty.value(U) == pytest.approx(0.5 * (5 + np.sqrt(0.02)))

    def cost(w):
        W = w.reshape(2, 2)
        return 0.5 * np.sum((W - U) ** 2) + 0.8 * penalty.value(W)

    brute = minimize(cost, U.ravel(), method="Nelder-Mead", tol=1e-9, options={"maxiter": 10_000})
    assert_allclose(penalty.prox(U, 0.8).ravel(), brute.x, atol=1e-4)
    assert_array_equal(penalty.prox(U, 0.8)[:, 1], 0.0)


@pytest.mark.parametrize(
    "call, message",
    [
        ({"penalty": "l3"}, r"'penalty' parameter must be one of \['l1', .* None or .* Got 'l3'"),
        ({"penalty": 2}, "'penalty' parameter must be one of .* Got 2 instead"),
        ({"penalty": ["l2"]}, r"'penalty' parameter must be one of .* Got \['l2'\] instead"),
        ({"penalty": GroupLasso(-1.0)}, r"'weight' parameter of GroupLasso .* Got -1.0 instead"),
        ({"penalty": ElasticPenalty(l1=-1)}, r"'l1' parameter of ElasticPenalty .* Got -1 "),
        ({"penalty": ElasticPenalty(l2="x")}, r"'l2' parameter of ElasticPenalty .* Got 'x' "),
        ({"penalty": ElasticPenalty(positive=1)}, "'positive' .* must be a bool. Got 1 "),
        ({"penalty": GroupLasso(), "positive": True}, "penalty=GroupLasso.* and positive=True"),
    ],
)
def test_errors_name_parameter_value_and_domain(call, message):
    with pytest.raises(ValueError, match=message):
        penalties.resolve(alpha=1.0, **call)


def test_parameter_object():
    penalty = clone(ElasticPenalty(0.1, 0.2, True))
    assert penalty.get_params() == {"l1": 0.1, "l2": 0.2, "positive": True, "unit": 1.0}


@pytest.mark.parametrize("method, arguments", [("value", 1), ("prox", 2)])
def test_a_penalty_says_what_it_lacks(method, arguments):
    with pytest.raises(NotImplementedError, match=f"Penalty does not define {method}"):
        getattr(Penalty(), method)(*[1.0] * arguments)
