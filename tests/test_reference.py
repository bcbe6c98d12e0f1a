"""Is the oracle itself right? Derivatives, laws, and optima that are known otherwise."""

import numpy as np
import pytest
import reference as ref
from sklearn.linear_model import ElasticNet, LogisticRegression, QuantileRegressor, Ridge

SCALAR = {**ref.REGRESSION, **ref.BINARY}
SMOOTH = [name for name, loss in SCALAR.items() if not loss.pieces]
MOMENTS = [name for name, rule in ref.RULES.items() if rule.has_moments]


def difference(f, z, h=1e-6):
    return (f(z + h) - f(z - h)) / (2 * h)


def targets(name, rng, n):
    return rng.choice([-1.0, 1.0], size=n) if name in ref.BINARY else rng.normal(size=n)


# ------------------------------------------------------------------------------------- losses


@pytest.mark.parametrize("name", SCALAR)
def test_gradient_is_the_derivative(name, rng):
    loss, y, z = SCALAR[name], targets(name, rng, 200), 2 * rng.normal(size=200)
    expected = difference(lambda z: loss.value(y, z), z)
    np.testing.assert_allclose(loss.gradient(y, z), expected, atol=1e-8)


@pytest.mark.parametrize("name", SMOOTH)
def test_curvature_is_the_second_derivative(name, rng):
    loss, y, z = SCALAR[name], targets(name, rng, 200), 2 * rng.normal(size=200)
    expected = difference(lambda z: loss.gradient(y, z), z)
    np.testing.assert_allclose(loss.curvature(y, z), expected, atol=1e-8)
    assert loss.curvature(y, z).max() <= loss.bound


@pytest.mark.parametrize("name", [name for name in SCALAR if name not in SMOOTH])
def test_pieces_make_up_the_loss(name, rng):
    loss, y, z = SCALAR[name], targets(name, rng, 50), rng.normal(size=50)
    expected = np.max([slope * z + offset for slope, offset in loss.pieces(y)], axis=0)
    np.testing.assert_allclose(loss.value(y, z), expected, atol=1e-15)


def test_softmax_derivatives(rng):
    y, z = rng.integers(4, size=10), rng.normal(size=(10, 4))
    slopes, curvature = ref.softmax.gradient(y, z), ref.softmax.curvature(y, z)
    for c, step in enumerate(1e-6 * np.eye(4)):
        ahead, behind = z + step, z - step
        slope = (ref.softmax.value(y, ahead) - ref.softmax.value(y, behind)) / 2e-6
        np.testing.assert_allclose(slopes[:, c], slope, atol=1e-8)
        slope = (ref.softmax.gradient(y, ahead) - ref.softmax.gradient(y, behind)) / 2e-6
        np.testing.assert_allclose(curvature[:, c], slope, atol=1e-8)


def test_gradient_of_the_objective(multiclass, rng):
    X, y, s = multiclass.X, multiclass.y, multiclass.weights
    W, b = rng.normal(size=(3, X.shape[1])), rng.normal(size=3)
    for loss in (ref.softmax, ref.log_loss):
        GW, gb = ref.gradient(X, y, W, b, loss, l2=0.3, weights=s)
        dW, db = rng.normal(size=W.shape), rng.normal(size=3)
        slope = difference(
            lambda t, loss=loss, dW=dW, db=db: ref.objective(
                X, y, W + t * dW, b + t * db, loss, l2=0.3, weights=s
            ),
            0.0,
        )
        assert np.sum(GW * dW) + gb @ db == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("lower", [-np.inf, 0.0])
def test_prox_minimises(lower, rng):
    u, t1, t2 = rng.normal(size=20), 0.4, 0.7
    grid = np.linspace(-3, 3, 60001)
    grid = grid[grid >= lower]
    cost = (grid - u[:, None]) ** 2 / 2 + t1 * np.abs(grid) + t2 * grid**2 / 2
    np.testing.assert_allclose(ref.prox(u, t1, t2, lower), grid[cost.argmin(axis=1)], atol=1e-4)


# ------------------------------------------------------------------------------- update rules


def test_rules_take_the_steps_computed_by_hand():
    """Two updates of one coordinate from w = 1 with r = .1 and g = 2, then g = -1."""
    steps = {
        "sgd": (0.2, -0.1),
        "momentum": (0.2, 0.1 * (0.9 * 2 - 1)),
        "nesterov": (0.1 * (2 + 0.9 * 2), 0.1 * (-1 + 0.9 * 0.8)),
        "adagrad": (0.1, -0.1 / np.sqrt(5)),
        "rmsprop": (0.1 / np.sqrt(0.01), -0.1 / np.sqrt(0.99 * 0.04 + 0.01)),
        "adam": (0.1, 0.1 * (0.08 / 0.19) / np.sqrt((0.999 * 0.004 + 0.001) / 0.001999)),
        "amsgrad": (0.1, 0.1 * (0.08 / 0.19) / np.sqrt((0.999 * 0.004 + 0.001) / 0.001999)),
    }
    for name, (first, second) in steps.items():
        rule = ref.RULES[name].init(1)
        w = rule.step(np.ones(1), np.array([2.0]), 0.1, 1)[0]
        assert 1 - w[0] == pytest.approx(first, rel=1e-6), name
        after = rule.step(w, np.array([-1.0]), 0.1, 2)[0]
        assert w[0] - after[0] == pytest.approx(second, rel=1e-6), name


def test_first_steps_of_adadelta_and_nadam_computed_by_hand():
    """From w = 1 with r = .1 and g = 2: only a step's own gradient is in the moments."""
    w = ref.AdaDelta().init(1).step(np.ones(1), np.array([2.0]), 0.1, 1)[0]
    assert 1 - w[0] == pytest.approx(0.1 * 2 * np.sqrt(1e-6 / (0.1 * 4 + 1e-6)), rel=1e-12)
    w = ref.NAdam().init(1).step(np.ones(1), np.array([2.0]), 0.1, 1)[0]
    now, then = 0.9 * (1 - 0.5 * 0.96 ** (np.array([1, 2]) * 0.004))
    assert 1 - w[0] == pytest.approx(0.1 * (1 + then * 0.1 / (1 - now * then)), rel=1e-6)


def test_ftrl_is_sgd_on_its_own_rates():
    """Without a penalty, FTRL-proximal is gradient descent at rate r / (beta + sqrt(n))."""
    rule, w, n = ref.FTRL(beta=0.5).init(1), np.zeros(1), 0.0
    for t, g in enumerate([2.0, -1.0, 0.5], start=1):
        n += g**2
        expected = w - 0.3 / (0.5 + np.sqrt(n)) * g
        w = rule.step(w, np.array([g]), 0.3, t)[0]
        np.testing.assert_allclose(w, expected, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(set(ref.RULES) - {"adamw", "adadelta"}))
def test_rules_approach_the_optimum(name, regression):
    """Full batches at a falling rate, elastic net. (adamw does not minimise F; adadelta starts
    too slowly for so few updates.)"""
    X, y = regression.X, regression.y
    l1, l2 = 0.02, 0.05
    optimum = ref.optimum(X, y, ref.squared_error, l1, l2)[2]
    twos = dict.fromkeys(("adagrad", "ftrl", "schedule_free", "dog"), 2.0)
    start = {"sgd": 0.3, **twos}.get(name, 0.05)
    order = [np.arange(len(X))] * 800
    W, b, history, _ = ref.stochastic(
        X, y, ref.squared_error, ref.RULES[name], lambda t: start / np.sqrt(t), order,
        batch_size=len(X), l1=l1, l2=l2,
    )  # fmt: skip
    worst = ref.objective(X, y, np.zeros_like(W), y[None].mean(), ref.squared_error)
    reached = ref.objective(X, y, W, b, ref.squared_error, l1, l2)
    assert optimum - 1e-12 <= reached < optimum + 0.01 * (worst - optimum)
    assert history[-1] < history[0]


# ------------------------------------------------------------------------------------- loops


@pytest.mark.parametrize("name", ref.RULES)
@pytest.mark.parametrize("sparse_rows", [False, True])
def test_a_stream_continues_where_it_stopped(name, sparse_rows, binary):
    X, y, s, rule = binary.X, binary.y, binary.weights, ref.RULES[name]
    if sparse_rows and not rule.has_moments:
        pytest.skip("means the same on sparse rows as on dense ones")
    settings = {"batch_size": 4, "l1": 0.01, "l2": 0.01, "weights": s, "average": 5}
    settings |= {"rate": lambda t: 0.1 / np.sqrt(t), "sparse_rows": sparse_rows}
    rows, state = np.arange(len(X)), None
    for chunk in np.split(rows, [8, 32]):
        W, b, _, state = ref.stochastic(
            X, y, ref.log_loss, rule, order=chunk, state=state, **settings
        )
    expected = ref.stochastic(X, y, ref.log_loss, rule, order=rows, **settings)
    np.testing.assert_array_equal(W, expected[0])
    np.testing.assert_array_equal(b, expected[1])


@pytest.mark.parametrize("name", MOMENTS)
@pytest.mark.parametrize("positive", [False, True])
def test_sparse_meaning_is_the_dense_one_where_no_entry_is_zero(name, positive, rng):
    X, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    arguments = X, y, ref.squared_error, ref.RULES[name], 0.05, np.arange(20)
    settings = {"batch_size": 3, "l1": 0.02, "l2": 0.1, "positive": positive, "average": 2}
    for settings["fit_intercept"] in (False, True):
        W, b, history, _ = ref.stochastic_sparse(*arguments, **settings)
        expected = ref.stochastic(*arguments, **settings)
        # BLAS may sum another number of columns in another order
        for found, meant in zip((W, b, history), expected):
            np.testing.assert_allclose(found, meant, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(set(MOMENTS) - {"schedule_free", "dog"}))
def test_sparse_meaning_leaves_absent_columns_alone(name):
    """A column that is met once, in the first of three updates."""
    X, y = np.array([[1.0, 2.0], [1.0, 0.0], [1.0, 0.0]]), np.array([1.0, 2.0, 3.0])
    arguments = X, y, ref.squared_error, ref.RULES[name]
    once = ref.stochastic_sparse(*arguments, 0.1, [0])
    W, _, _, state = ref.stochastic_sparse(*arguments, 0.1, [0, 1, 2])
    assert W[0, 1] == once[0][0, 1]
    np.testing.assert_array_equal(state.rule.slots[..., 1], once[3].rule.slots[..., 1])
    shown, _, _, state = ref.stochastic_sparse(*arguments, 0.1, [0, 1, 2], l1=0.01)
    eta = 0.2 * state.rule.relative(3)[0, 1]
    expected = ref.prox(state.theta[0, 1], eta * 0.01, 0.0)
    assert shown[0, 1] == pytest.approx(expected, abs=1e-15)
    assert abs(shown[0, 1]) < abs(state.theta[0, 1])


def test_average_is_the_mean_of_the_iterates(regression):
    X, y = regression.X, regression.y
    arguments = X, y, ref.squared_error, ref.SGD(), 0.01
    iterates = [ref.stochastic(*arguments, np.arange(t))[0] for t in range(1, 8)]
    for first in (1, 4, 7):
        W = ref.stochastic(*arguments, np.arange(7), average=first)[0]
        np.testing.assert_allclose(W, np.mean(iterates[first - 1 :], axis=0), rtol=1e-12)
    np.testing.assert_array_equal(
        ref.stochastic(*arguments, np.arange(7), average=8)[0], iterates[-1]
    )


def test_outputs_are_learnt_side_by_side(multi_output, multiclass):
    X, Y = multi_output.X, multi_output.y
    arguments = ref.RULES["adam"], 0.1, multi_output.order
    W, b, _, _ = ref.stochastic(X, Y, ref.squared_error, *arguments, batch_size=7, l2=0.1)
    for c in range(3):
        alone = ref.stochastic(X, Y[:, c], ref.squared_error, *arguments, batch_size=7, l2=0.1)
        np.testing.assert_allclose(W[c], alone[0][0], rtol=1e-10)
        np.testing.assert_allclose(b[c], alone[1][0], rtol=1e-10)
    X, y = multiclass.X, multiclass.y
    W, b, _, _ = ref.stochastic(X, y, ref.hinge, *arguments, n_outputs=3)
    alone = ref.stochastic(X, np.where(y == 1, 1.0, -1.0), ref.hinge, *arguments)
    np.testing.assert_allclose(W[1], alone[0][0], rtol=1e-10)


@pytest.mark.parametrize("method", ["sag", "saga", "svrg"])
@pytest.mark.parametrize("l1", [0.0, 0.02])
def test_variance_reduction_converges(method, l1, binary, rng):
    X, y, s = binary.X, binary.y, binary.weights
    rate = 1 / (3 * 0.25 * (np.max(np.sum(X**2, axis=1)) + 1) * s.max() / s.mean())
    order = rng.integers(len(X), size=(250, len(X)))
    W, b, history = ref.variance_reduced(
        X, y, ref.log_loss, method, rate, order, l1=l1, l2=0.3, weights=s
    )
    best_W, best_b, _ = ref.optimum(X, y, ref.log_loss, l1, 0.3, s)
    np.testing.assert_allclose(W, best_W, atol=1e-6)
    np.testing.assert_allclose(b, best_b, atol=1e-6)
    last = order[-1]
    loss = ref.objective(X[last], y[last], best_W, best_b, ref.log_loss, weights=s[last])
    assert history[-1] == pytest.approx(loss, rel=1e-6)


# ------------------------------------------------------------------------------------ optimum


@pytest.mark.parametrize("weighted", [False, True])
def test_optimum_is_that_of_scikit_learn(weighted, regression, multiclass):
    X, y = regression.X, regression.y
    s = regression.weights if weighted else np.ones(len(X))

    W, b, _ = ref.optimum(X, y, ref.squared_error, l2=0.1, weights=s)
    ridge = Ridge(alpha=0.1 * s.sum()).fit(X, y, s)
    np.testing.assert_allclose(W[0], ridge.coef_, rtol=1e-9)
    assert b[0] == pytest.approx(ridge.intercept_)

    for positive in (False, True):
        W, b, _ = ref.optimum(X, y, ref.squared_error, 0.05, 0.05, s, positive=positive)
        net = ElasticNet(alpha=0.1, l1_ratio=0.5, positive=positive, tol=1e-14, max_iter=10**6)
        np.testing.assert_allclose(W[0], net.fit(X, y, s).coef_, atol=1e-9)

    W, b, value = ref.optimum(X, y, ref.quantile(0.3), l1=0.05, weights=s)
    median = QuantileRegressor(quantile=0.3, alpha=0.05).fit(X, y, s)
    theirs = median.coef_[None], np.atleast_1d(median.intercept_)
    assert value == pytest.approx(ref.objective(X, y, *theirs, ref.quantile(0.3), 0.05, 0, s))

    X, y = multiclass.X, multiclass.y
    W, b, _ = ref.optimum(X, y, ref.softmax, l2=0.1, weights=s, n_outputs=3)
    softmax = LogisticRegression(C=1 / (0.1 * s.sum()), solver="newton-cg", tol=1e-11)
    np.testing.assert_allclose(W, softmax.fit(X, y, s).coef_, atol=1e-7)
    assert b.sum() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", SCALAR)
@pytest.mark.parametrize("l1, l2", [(0.0, 0.05), (0.03, 0.0), (0.03, 0.05)])
@pytest.mark.parametrize("positive", [False, True])
def test_no_model_is_better_than_the_optimum(name, l1, l2, positive, regression, binary, rng):
    problem = binary if name in ref.BINARY else regression
    X, y, s, loss = problem.X, problem.y, problem.weights, SCALAR[name]
    for fit_intercept in (False, True):
        W, b, value = ref.optimum(X, y, loss, l1, l2, s, fit_intercept, positive)
        assert W.min() >= -1e-12 or not positive
        assert fit_intercept or b == 0
        for size in np.geomspace(1e-5, 1, 60):
            other = W + size * rng.normal(size=W.shape) * rng.integers(2, size=W.shape)
            other = np.maximum(other, 0) if positive else other
            shift = size * rng.normal() * fit_intercept
            assert ref.objective(X, y, other, b + shift, loss, l1, l2, s) >= value - 1e-11


@pytest.mark.parametrize("name", SCALAR)
def test_weights_are_multiplicities(name, regression, binary):
    problem = binary if name in ref.BINARY else regression
    X, y, s, loss = problem.X, problem.y, problem.weights, SCALAR[name]
    copies = np.repeat(np.arange(len(X)), s.astype(int))
    W, _, value = ref.optimum(X, y, loss, l2=0.1, weights=s)
    repeated_W, _, repeated_value = ref.optimum(X[copies], y[copies], loss, l2=0.1)
    np.testing.assert_allclose(W, repeated_W, atol=1e-7)
    assert value == pytest.approx(repeated_value, abs=1e-11)
