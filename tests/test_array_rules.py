"""`init` and `update` of the built-in rules on arrays, for training loops of a user's own."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
import reference as ref

from sgdlearn import GDLinearRegression, optimizers
from sgdlearn.optimizers import Optimizer

RULES = {
    "sgd": optimizers.SGD(),
    "momentum": optimizers.SGD(momentum=0.9),
    "nesterov": optimizers.SGD(momentum=0.9, nesterov=True),
    "adagrad": optimizers.AdaGrad(),
    "adadelta": optimizers.AdaDelta(),
    "rmsprop": optimizers.RMSProp(),
    "adam": optimizers.Adam(),
    "amsgrad": optimizers.Adam(amsgrad=True),
    "adamw": optimizers.AdamW(),
    "nadam": optimizers.NAdam(),
    "ftrl": optimizers.FTRL(),
    "schedule_free": optimizers.ScheduleFree(),
    "dog": optimizers.DoG(0.1),
}
RATES = 0.3 / np.sqrt(np.arange(1, 16))


def test_every_rule_is_here():
    assert set(RULES) == set(ref.RULES)
    names = {kind.name for kind in optimizers.OPTIMIZERS.values() if kind.family == "stochastic"}
    assert {rule.name for rule in RULES.values()} == names


def gradients(shape, dtype=np.float64):
    rng = np.random.default_rng(3)
    return [rng.normal(size=shape).astype(dtype) for _ in RATES]


@pytest.mark.parametrize("shape", [(), (7,), (2, 3, 2)], ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", RULES)
def test_steps_are_those_of_the_twin(name, dtype, shape, rng):
    rule, twin = RULES[name], deepcopy(ref.RULES[name]).init(max(shape, (1,)))
    w = rng.normal(size=shape).astype(dtype)
    expected = w.astype(np.float64).reshape(max(shape, (1,)))
    twin.start_at(expected)
    state = rule.init(w)
    rtol = 1e-12 if dtype == np.float64 else 2e-5
    for t, (g, r) in enumerate(zip(gradients(shape, dtype), RATES), start=1):
        w, state = rule.update(w, g, state, r)
        expected = ref.take_step(twin, expected, g.reshape(expected.shape).astype(float), r, t)
        assert (w.shape, w.dtype) == (shape, dtype)
        np.testing.assert_allclose(w.reshape(expected.shape), expected, rtol, rtol)
    model = rule.solution(w, state)
    assert (model.shape, model.dtype) == (shape, dtype)
    np.testing.assert_allclose(model.reshape(expected.shape), twin.shown(expected), rtol, 2 * rtol)


@pytest.mark.parametrize("batch_size", [1, 3, "full"])
@pytest.mark.parametrize("name", RULES)
def test_an_estimator_takes_the_same_way(name, batch_size, regression):
    X, y, rule, rate = regression.X, regression.y, RULES[name], 0.003
    model = GDLinearRegression(
        optimizer=rule, learning_rate=rate, batch_size=batch_size, fit_intercept=False,
        shuffle=False, max_iter=3, tol=None,
    ).fit(X, y)  # fmt: skip
    b = len(X) if batch_size == "full" else batch_size
    w = np.zeros(X.shape[1])
    state = rule.init(w)
    for start in [*range(0, len(X), b)] * 3:
        rows = slice(start, start + b)
        g = X[rows].T @ (X[rows] @ w - y[rows]) / b
        w, state = rule.update(w, g, state, rate)
    np.testing.assert_allclose(rule.solution(w, state), model.coef_, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_nothing_given_is_changed_unless_out_says_so(name, rng):
    rule, start = RULES[name], rng.normal(size=(3, 2))
    w, state = start.copy(), rule.init(start)
    inplace, their = start.copy(), rule.init(start)
    strided, other = np.asfortranarray(start), rule.init(start)
    for g, r in zip(gradients((3, 2)), RATES):
        before = w.copy(), deepcopy(state)
        g.flags.writeable = False
        new, new_state = rule.update(w, g, state, r)
        np.testing.assert_array_equal(w, before[0])
        assert pickle.dumps(state) == pickle.dumps(before[1])
        assert not np.shares_memory(new, w)
        w, state = pickle.loads(pickle.dumps((new, new_state)))
        answer, their_new = rule.update(inplace, g, their, r, out=inplace)
        assert answer is inplace
        assert all(their_new[key] is their[key] for key in their)
        rule.update(strided, np.asfortranarray(g), other, r, out=strided)
        np.testing.assert_array_equal(inplace, w)
        np.testing.assert_array_equal(strided, w)
        np.testing.assert_array_equal(their["slots"], state["slots"])


@pytest.mark.parametrize("name", RULES)
def test_several_arrays_go_each_its_own_way(name, rng):
    rule = RULES[name]
    params = {"w": rng.normal(size=(2, 3)), "parts": [np.float32([1.0]), (np.array(2.0),)]}
    alone = rng.normal(size=0), params["w"]
    state, states = rule.init(params), [rule.init(w) for w in alone]
    for g, r in zip(gradients((2, 3)), RATES):
        grads = {"w": g, "parts": [np.float32([0.5]), (np.array(-0.5),)]}
        params, state = rule.update(params, grads, state, r)
        pairs = [rule.update(w, h, s, r) for w, h, s in zip(alone, (np.zeros(0), g), states)]
        alone, states = zip(*pairs)
        np.testing.assert_array_equal(params["w"], alone[1])
    assert [type(part) for part in params["parts"]] == [np.ndarray, tuple]
    assert params["parts"][0].dtype == np.float32
    assert params["parts"][1][0].shape == ()
    np.testing.assert_array_equal(
        rule.solution(params, state)["w"], rule.solution(alone[1], states[1])
    )
    out = deepcopy(params)
    answer, _ = rule.update(params, grads, deepcopy(state), r, out=out)
    assert answer["w"] is out["w"]
    np.testing.assert_array_equal(out["w"], rule.update(params, grads, state, r)[0]["w"])


@pytest.mark.parametrize(
    "change, message",
    [
        ({"params": np.arange(3)}, "params must be of float32 or float64. Got int64"),
        ({"grads": np.zeros(4)}, r"grads must have the shape of params, \(3,\). Got shape \(4,\)"),
        ({"out": np.zeros(3, np.float32)}, r"out must be like params, \(3,\) float64"),
        ({"rate": 0.0}, r"rate must be a number in \(0, inf\). Got 0.0"),
        ({"rate": np.nan}, "Got nan instead"),
    ],
)
def test_errors_say_what_is_wrong(change, message):
    rule, w = RULES["adam"], np.zeros(3)
    arguments = {"params": w, "grads": w, "state": rule.init(w), "rate": 0.1} | change
    with pytest.raises(ValueError, match=message):
        rule.update(**arguments)
    with pytest.raises(ValueError, match="params must be of float32 or float64"):
        rule.init(np.arange(3))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"grads": {"w": np.zeros(3)}}, r"grads must have a part .* \['w', 'b'\]\. Got \['w'\]"),
        ({"grads": {"w": np.zeros(3), "c": np.zeros(())}}, r"grads must .* Got \['w', 'c'\]"),
        ({"grads": np.zeros(3)}, r"grads must .* Got ndarray"),
        ({"state": {}}, r"state must have a part for each of params, .* Got \[\]"),
        ({"out": [np.zeros(3), np.zeros(())]}, r"out must .* Got \[0, 1\]"),
    ],
)
def test_containers_of_other_parts(change, message):
    rule, params = RULES["adam"], {"w": np.zeros(3), "b": np.zeros(())}
    arguments = {"params": params, "grads": params, "state": rule.init(params), "rate": 0.1}
    with pytest.raises(ValueError, match=message):
        rule.update(**arguments | change)


def test_an_optimizer_of_ones_own_shows_what_it_moves():
    w = np.ones(2)
    assert Optimizer().solution(w, None) is w


def test_the_first_step_of_dog_is_short_and_the_size_of_the_gradient_says_nothing():
    w, rule = np.array([3.0, 4.0]), optimizers.DoG()
    for size in (1e-9, 1.0, 1e9):
        g = size * np.array([1.0, 0.0])
        step, _ = rule.update(w, g, rule.init(w), 1.0)
        np.testing.assert_allclose(w - step, [1e-6 * (1.0 + 5.0), 0.0], rtol=1e-6)
    again, state = rule.update(w, 0.0 * g, rule.init(w), 1.0)  # no gradient, no step
    np.testing.assert_array_equal(again, w)
    np.testing.assert_array_equal(rule.solution(again, state), w)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_dog_finds_its_rate_whatever_the_units(size):
    """No rate is given, and the way to go is a million times the first step, or far more."""
    c, rule = size * np.array([1.0, -2.0, 3.0]), optimizers.DoG(1e-6 * size)
    w = np.zeros(3)
    state = rule.init(w)
    for _ in range(1000):
        w, state = rule.update(w, [1.0, 0.5, 0.1] * (w - c), state, 1.0)
    np.testing.assert_allclose(rule.solution(w, state), c, rtol=1e-3)
