"""Losses: the formulas of the documentation, their derivatives, and what follows from them."""

import pickle

import numpy as np
import pytest
from labels import label
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from sklearn.base import clone

from sgdlearn import losses
from sgdlearn.losses import (
    AbsoluteError,
    EpsilonInsensitive,
    Hinge,
    Huber,
    LogLoss,
    Loss,
    Multinomial,
    Quantile,
    SquaredEpsilonInsensitive,
    SquaredError,
    SquaredHinge,
)
from sgdlearn.losses._regression import weighted_quantile

# each loss and its formula: r = z - y, m = y z
FORMULAS = [
    (SquaredError(), lambda r, m: r**2 / 2),
    (Huber(0.7), lambda r, m: np.where(abs(r) <= 0.7, r**2 / 2, 0.7 * abs(r) - 0.7**2 / 2)),
    (Quantile(0.2), lambda r, m: np.maximum(0.2 * -r, (0.2 - 1) * -r)),
    (AbsoluteError(), lambda r, m: abs(r)),
    (EpsilonInsensitive(0.3), lambda r, m: np.maximum(0, abs(r) - 0.3)),
    (SquaredEpsilonInsensitive(0.3), lambda r, m: np.maximum(0, abs(r) - 0.3) ** 2),
    (LogLoss(), lambda r, m: np.log(1 + np.exp(-m))),
    (Hinge(), lambda r, m: np.maximum(0, 1 - m)),
    (SquaredHinge(), lambda r, m: np.maximum(0, 1 - m) ** 2),
]
SCALAR = [loss for loss, _ in FORMULAS]
ROUGH = [loss for loss in SCALAR if not loss.smooth]


def name(value):
    return repr(value) if isinstance(value, Loss) else None


def sample(loss, n=400, seed=0):
    """Targets of the loss's kind, and predictions around them."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n) * 2
    if loss.kind == "classification":
        y = np.sign(y)
    return y, 2 * rng.normal(size=n)


def smooth_at(loss, y, z, h):
    """Where neither the loss nor its slope has a kink within h."""
    r, m = z - y, y * z
    distance = {
        "huber": abs(abs(r) - 0.7),
        "quantile": abs(r),
        "absolute_error": abs(r),
        "epsilon_insensitive": abs(abs(r) - 0.3),
        "squared_epsilon_insensitive": abs(abs(r) - 0.3),
        "hinge": abs(m - 1),
        "squared_hinge": abs(m - 1),
    }.get(loss.name, np.inf)
    return distance > 2 * h


@pytest.mark.parametrize("loss, formula", FORMULAS, ids=name)
def test_value_is_the_formula(loss, formula):
    y, z = sample(loss)
    assert_allclose(loss.value(y, z), formula(z - y, y * z), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("loss", SCALAR, ids=name)
def test_conjugate_is_the_supremum(loss):
    y, z = sample(loss, n=60)
    a = loss.gradient(y, z) * np.linspace(0.05, 0.95, 60)  # within the domain, which holds 0
    grid = np.linspace(-40.0, 40.0, 40001)
    lines = a[:, None] * grid - loss.value(y[:, None], np.tile(grid, (60, 1)))
    assert_allclose(loss.conjugate(y, a), lines.max(axis=1), atol=1e-3)  # half a step, at a kink


@pytest.mark.parametrize("loss", [*SCALAR, Multinomial()], ids=name)
def test_fenchel_young(loss):
    """loss(z) + loss*(a) >= a . z, with equality where a is the slope at z."""
    if loss.name == "multinomial":
        y, z = np.arange(400) % 3, 3 * np.random.default_rng(0).normal(size=(400, 3))
    else:
        y, z = sample(loss)

    def gap(a):
        return loss.value(y, z) + loss.conjugate(y, a) - (a * z).reshape(400, -1).sum(axis=1)

    slopes = loss.gradient(y, z)
    assert_allclose(gap(slopes), 0.0, atol=1e-13)
    others = loss.nearest_slope(y, np.roll(slopes, 1, axis=0))
    for a in (others, 0.3 * others, np.zeros_like(slopes)):
        assert np.all(np.isfinite(gap(a))) and np.all(gap(a) >= -1e-13)


@pytest.mark.parametrize("loss", [*SCALAR, Multinomial()], ids=name)
def test_nearest_slope_is_in_the_domain_and_leaves_it_alone(loss):
    rng = np.random.default_rng(1)
    if loss.name == "multinomial":
        y, a = np.arange(200) % 3, 3 * rng.normal(size=(200, 3))
    else:
        y, _ = sample(loss, n=200)
        a = 3 * rng.normal(size=200)
    nearest = loss.nearest_slope(y, a)
    assert np.all(np.isfinite(loss.conjugate(y, nearest)))
    assert_allclose(loss.nearest_slope(y, nearest), nearest, atol=1e-15)
    kept = np.all((nearest == a).reshape(200, -1), axis=1)
    assert np.all(np.isinf(loss.conjugate(y, a)) | kept)


@pytest.mark.parametrize("loss", ROUGH, ids=name)
def test_conjugate_of_a_smoothed_loss(loss):
    y, z = sample(loss)
    soft = loss.smoothed(0.4)
    a = soft.gradient(y, z)
    assert_allclose(soft.conjugate(y, a), a * z - soft.value(y, z), atol=1e-13)


@pytest.mark.parametrize("loss", SCALAR, ids=name)
def test_gradient_and_curvature_are_derivatives(loss):
    y, z = sample(loss)
    h = 1e-5
    at = smooth_at(loss, y, z, h)
    slope = (loss.value(y, z + h) - loss.value(y, z - h)) / (2 * h)
    assert_allclose(loss.gradient(y, z)[at], slope[at], atol=1e-8)
    curvature = (loss.gradient(y, z + h) - loss.gradient(y, z - h)) / (2 * h)
    assert_allclose(loss.curvature(y, z)[at], curvature[at], atol=1e-8)


@pytest.mark.parametrize("loss", SCALAR, ids=name)
def test_gradient_is_a_subgradient_at_kinks_too(loss):
    y = np.array([-1.0, 1.0])[:, None, None]
    z = np.linspace(-3, 3, 61)[:, None]  # passes through every kink at y = +-1
    other = np.linspace(-4, 4, 81)
    value, gradient = loss.value_and_gradient(*np.broadcast_arrays(y, z))
    there = loss.value(*np.broadcast_arrays(y, other))
    assert np.all(there >= value + gradient * (other - z) - 1e-12)


@pytest.mark.parametrize("loss", SCALAR, ids=name)
def test_curvature_bound(loss):
    y, z = sample(loss, n=10_000)
    h = 1e-3
    steepest = np.max((loss.gradient(y, z + h) - loss.gradient(y, z)) / h)
    if loss.smooth:
        assert_allclose(steepest, loss.curvature_bound, rtol=1e-2)
    else:
        assert loss.curvature_bound == np.inf


@pytest.mark.parametrize("loss", ROUGH, ids=name)
@pytest.mark.parametrize("mu", [1.0, 0.1, 1e-3])
def test_smoothed_loss_converges_to_the_loss(loss, mu):
    y, z = sample(loss)
    smoothed = loss.smoothed(mu)
    gap = loss.value(y, z) - smoothed.value(y, z)
    assert np.all(gap >= -1e-15)
    assert np.all(gap <= mu / 2 + 1e-15)
    assert gap.max() > 0

    line = np.linspace(-3, 3, 20_001)
    targets = np.ones_like(line)
    slopes = np.gradient(smoothed.value(targets, line), line)
    assert_allclose(smoothed.gradient(targets, line), slopes, atol=2e-4 / mu)
    assert smoothed.curvature(targets, line).max() == pytest.approx(smoothed.curvature_bound)
    assert (smoothed.name, smoothed.kind) == (loss.name, loss.kind)
    assert smoothed.spec == (*loss.spec[:2], mu)


@pytest.mark.parametrize("loss", [SquaredError(), Huber(), LogLoss()], ids=name)
def test_smooth_losses_need_no_smoothing(loss):
    assert loss.smoothed(0.1) is loss


@pytest.mark.parametrize("loss", SCALAR, ids=name)
@pytest.mark.parametrize("weighted", [False, True])
def test_baseline_has_the_least_mean_loss(loss, weighted):
    y, z = sample(loss, n=101, seed=3)
    weights = np.abs(z) if weighted else None

    def objective(constant):
        return np.average(loss.value(y, np.full(y.shape, constant)), weights=weights)

    around = np.linspace(-4, 4, 4001)
    best = loss.baseline(y, weights)
    assert isinstance(best, float)
    assert objective(best) <= min(map(objective, around)) + 1e-14


@pytest.mark.parametrize("loss", SCALAR, ids=name)
def test_baseline_of_constant_targets(loss):
    best = loss.baseline(np.ones(5))
    assert np.isfinite(best)
    slack = getattr(loss, "epsilon", 0.0)
    if loss.kind == "regression":
        assert best == pytest.approx(1.0, abs=slack + 1e-12)
    else:
        assert best >= 1.0


@pytest.mark.parametrize("loss", SCALAR, ids=name)
def test_extreme_predictions_stay_finite(loss):
    y = np.array([1.0, 1.0, -1.0, -1.0])
    z = np.array([1e6, -1e6, 1e6, -1e6])
    value, gradient = loss.value_and_gradient(y, z)
    assert np.all(np.isfinite(value))
    assert np.all(np.isfinite(gradient))
    assert np.all(np.isfinite(loss.curvature(y, z)))


def test_log_loss_is_precise_in_the_tails():
    y, z = np.ones(2), np.array([40.0, -40.0])
    assert_allclose(LogLoss().value(y, z), [np.exp(-40), 40], rtol=1e-14)
    assert_allclose(LogLoss().gradient(y, z), [-np.exp(-40), -1], rtol=1e-14)


@pytest.mark.parametrize("loss", SCALAR, ids=name)
def test_any_layout_and_dtype(loss):
    y, z = sample(loss, n=12)
    expected = loss.value_and_gradient(y, z)
    strided = np.repeat(z, 2)[::2]
    z.flags.writeable = False
    for got in (loss.value_and_gradient(y, strided), loss.value_and_gradient(list(y), z)):
        assert_array_equal(got, expected)
    square = loss.value_and_gradient(y.reshape(4, 3), z.reshape(4, 3))
    assert_array_equal(np.reshape(square, (2, 12)), expected)
    single = loss.value(y.astype("f4"), z.astype("f4"))
    assert_allclose(single, loss.value(y.astype("f4"), z), atol=1e-5)


# --- multinomial


def softmax_problem(n=30, k=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, k, n), 3 * rng.normal(size=(n, k))


def test_multinomial_formula_and_derivatives():
    y, z = softmax_problem()
    loss = Multinomial()
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    assert_allclose(loss.value(y, z), -np.log(p[rows, y]), rtol=1e-12)

    h = 1e-5
    for c in range(z.shape[1]):
        step = h * np.eye(z.shape[1])[c]
        slope = (loss.value(y, z + step) - loss.value(y, z - step)) / (2 * h)
        assert_allclose(loss.gradient(y, z)[:, c], slope, atol=1e-9)
        bend = (loss.gradient(y, z + step) - loss.gradient(y, z - step))[:, c] / (2 * h)
        assert_allclose(loss.curvature(y, z)[:, c], bend, atol=1e-9)
    assert_allclose(loss.gradient(y, z).sum(axis=1), 0, atol=1e-15)


def test_multinomial_curvature_bound():
    p = np.array([0.5, 0.5, 0.0])
    hessian = np.diag(p) - np.outer(p, p)
    assert np.linalg.eigvalsh(hessian).max() == pytest.approx(Multinomial().curvature_bound)


def test_multinomial_of_two_classes_is_the_log_loss():
    y, z = softmax_problem(k=2)
    margin = z[:, 1] - z[:, 0]
    assert_allclose(Multinomial().value(y, z), LogLoss().value(2 * y - 1, margin), rtol=1e-12)


def test_multinomial_in_the_tails():
    loss = Multinomial()
    z = np.array([[1e6, 0.0, -1e6], [1e6, 1e6 - 1.0, 0.0], [40.0, 0.0, 0.0]])
    value, gradient = loss.value_and_gradient([2, 1, 0], z)
    assert_allclose(value, [2e6, 1 + np.log(1 + np.exp(-1)), 2 * np.exp(-40)], rtol=1e-14)
    assert_allclose(gradient[2], np.array([-2, 1, 1]) * np.exp(-40), rtol=1e-14)


def test_multinomial_baseline():
    y, z = softmax_problem(k=3)
    weights = np.abs(z[:, 0])
    loss = Multinomial()

    def objective(constant):
        return np.average(loss.value(y, np.tile(constant, (len(y), 1))), weights=weights)

    best = minimize(objective, np.zeros(3), tol=1e-10).fun
    assert objective(loss.baseline(y, weights)) == pytest.approx(best, abs=1e-9)
    assert np.all(np.isfinite(loss.baseline(y, n_classes=5)))
    assert len(loss.baseline(y, n_classes=5)) == 5


@pytest.mark.parametrize("y", [[0, 3], [-1, 0], [0]])
def test_multinomial_refuses_unknown_classes(y):
    with pytest.raises(ValueError, match=r"class number 0 \.\. k - 1 for each row"):
        Multinomial().value(y, np.zeros((2, 3)))


# --- probabilities


@pytest.mark.parametrize(
    "loss, shape",
    [(LogLoss(), (7,)), (LogLoss(), (7, 1)), (LogLoss(), (7, 3)), (Multinomial(), (7, 3))],
    ids=label,
)
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_probabilities(loss, shape, scale):
    z = scale * np.random.default_rng(0).normal(size=shape)
    p = loss.predict_proba(z)
    log_p = loss.predict_log_proba(z)
    assert p.shape == (7, 3 if shape == (7, 3) else 2)
    assert_allclose(p.sum(axis=1), 1, rtol=1e-14)
    assert np.all(np.isfinite(log_p))
    assert_allclose(np.exp(log_p), p, rtol=1e-11, atol=1e-300)
    likeliest = z.argmax(axis=1) if shape == (7, 3) else (z.ravel() > 0).astype(int)
    assert_array_equal(p[np.arange(7), likeliest], p.max(axis=1))
    assert loss.predict_proba(z.astype("f4")).dtype == np.float32


def test_probabilities_are_the_inverse_link():
    z = np.array([-1.0, 0.0, 2.0])
    assert_allclose(LogLoss().predict_proba(z)[:, 1], 1 / (1 + np.exp(-z)))
    rows = np.array([[0.0, np.log(3.0)]])
    assert_allclose(Multinomial().predict_proba(rows), [[0.25, 0.75]])
    share = 1 / (1 + np.exp(-rows))
    assert_allclose(LogLoss().predict_proba(rows), share / share.sum())


# --- the vocabulary


@pytest.mark.parametrize("kind", losses.LOSSES.values())
def test_parameter_object(kind):
    loss = kind()
    parameters = loss.get_params()
    assert set(parameters) == set(kind.domains)
    changed = kind(**dict.fromkeys(parameters, 0.25))
    for copy in (
        clone(changed),
        pickle.loads(pickle.dumps(changed)),
        loss.set_params(**changed.get_params()),
    ):
        assert type(copy) is kind
        assert copy.get_params() == changed.get_params()
        assert copy.spec == changed.spec
    assert losses.LOSSES[loss.name] is kind


def test_resolve():
    assert isinstance(losses.resolve("hinge"), Hinge)
    assert losses.resolve("huber").epsilon == 1.35
    assert losses.resolve("epsilon_insensitive").epsilon == 0.1
    assert losses.resolve("squared_epsilon_insensitive", epsilon=2, quantile=0.1).epsilon == 2
    assert losses.resolve("quantile", epsilon=2, quantile=0.1).quantile == 0.1
    assert losses.resolve("absolute_error", epsilon=2).spec == (*EpsilonInsensitive(0.0).spec,)
    own = Huber(3.0)
    assert losses.resolve(own, epsilon=1.0) is own


@pytest.mark.parametrize(
    "call, message",
    [
        ({"loss": "huber", "epsilon": 0}, r"'epsilon' parameter of Huber .* \(0, inf\)\. Got 0 "),
        (
            {"loss": "epsilon_insensitive", "epsilon": -0.5},
            r"'epsilon' parameter of EpsilonInsensitive .* \[0, inf\)\. Got -0.5 ",
        ),
        (
            {"loss": "squared_epsilon_insensitive", "epsilon": np.inf},
            r"'epsilon' parameter of SquaredEpsilonInsensitive .* \[0, inf\)\. Got inf ",
        ),
        ({"loss": "huber", "epsilon": np.nan}, "'epsilon' parameter of Huber .* Got nan "),
        ({"loss": "huber", "epsilon": "1"}, "'epsilon' parameter of Huber .* Got '1' "),
        ({"loss": "huber", "epsilon": True}, "'epsilon' parameter of Huber .* Got True "),
        ({"loss": "quantile", "quantile": 1}, r"'quantile' parameter of .* \(0, 1\)\. Got 1 "),
        ({"loss": Quantile(1.5)}, r"'quantile' parameter of Quantile .* Got 1.5 "),
        ({"loss": "hing"}, r"'loss' parameter must be one of .*'hinge'.* Got 'hing' instead"),
        ({"loss": None}, "'loss' parameter must be one of .* Got None instead"),
        ({"loss": "hinge", "names": ["huber"]}, r"must be one of \['huber'\] or a Loss object"),
    ],
)
def test_errors_name_parameter_value_and_domain(call, message):
    with pytest.raises(ValueError, match=message):
        losses.resolve(**call)


class LogCosh(Loss):
    def value(self, y, z):
        return np.log(np.cosh(z - y))

    def gradient(self, y, z):
        return np.tanh(z - y)


def test_a_loss_of_ones_own():
    loss = losses.resolve(LogCosh())
    assert loss.spec is None
    assert loss.smoothed(0.1) is loss
    y = np.array([0.0, 1.0, 5.0])
    best = loss.baseline(y, np.array([1.0, 2.0, 1.0]))
    assert np.average(np.tanh(best - y), weights=[1, 2, 1]) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("method", ["value", "gradient", "curvature"])
def test_a_loss_says_what_it_lacks(method):
    with pytest.raises(NotImplementedError, match=f"Loss does not define {method}"):
        getattr(Loss(), method)(np.zeros(1), np.zeros(1))


def test_a_rough_loss_of_ones_own_cannot_be_smoothed():
    class Rough(LogCosh):
        smooth = False

    with pytest.raises(NotImplementedError, match="Rough does not define smoothed"):
        Rough().smoothed(0.1)


@pytest.mark.parametrize(
    "weights, expected", [(None, 2.0), ([1, 1, 1, 9], 4.0), ([0, 0, 1, 0], 3.0)]
)
def test_weighted_quantile(weights, expected):
    assert weighted_quantile([4.0, 1.0, 3.0, 2.0], 0.5, _order(weights)) == expected


def _order(weights):
    """Weights given for 1, 2, 3, 4, in the order 4, 1, 3, 2."""
    return None if weights is None else np.asarray(weights, float)[[3, 0, 2, 1]]


@pytest.mark.parametrize("y", [-1.0, 1.0])
def test_log_loss_to_the_last_digits(y):
    """As in the library's exp and log1p, from margins next to zero to those where it underflows."""
    m = np.concatenate([np.geomspace(1e-12, 707, 2000), [0.0]])
    m = np.concatenate([-m[::-1], m])
    values, slopes = LogLoss().value_and_gradient(np.full(len(m), y), y * m)
    e = np.exp(-np.abs(m))
    assert_allclose(values, np.log1p(e) + np.maximum(-m, 0), rtol=3e-15)
    assert_allclose(slopes, -y * np.where(m > 0, e, 1) / (1 + e), rtol=3e-15)


def test_log_loss_where_nothing_is_left_of_it():
    m = np.array([800.0, np.inf, -800.0, np.nan])
    values, slopes = LogLoss().value_and_gradient(np.ones(4), m)
    assert_array_equal(values, [0.0, 0.0, 800.0, np.nan])
    assert_array_equal(slopes, [0.0, 0.0, -1.0, np.nan])
