"""`sgdlearn.minimize` against closed forms, scipy and the twins of the update rules."""

import warnings
from copy import deepcopy
from functools import partial

import numpy as np
import pytest
import reference as ref
from labels import label
from scipy import optimize
from scipy.optimize import rosen, rosen_der
from sklearn.exceptions import ConvergenceWarning
from test_array_rules import RULES

from sgdlearn import GDLogisticRegression, minimize, optimizers
from sgdlearn._solvers.general import Box
from sgdlearn.optimizers import SGD, Adam, Optimizer
from sgdlearn.schedules import Cosine, InverseScaling, Optimal, ReduceOnPlateau

ALL = RULES | {"lbfgs": optimizers.LBFGS()}


class Quadratic:
    """(x - c)' H (x - c) / 2 + height, of a given condition number."""

    def __init__(self, condition=30.0, n=6, size=1.0, height=0.0):
        rng = np.random.default_rng(0)
        Q, _ = np.linalg.qr(rng.normal(size=(n, n)))
        self.H = Q @ np.diag(np.geomspace(1.0, 1.0 / condition, n)) @ Q.T / size**2
        self.c, self.height = size * rng.normal(size=n), height

    def __call__(self, x):
        return 0.5 * (x - self.c) @ self.H @ (x - self.c) + self.height

    def jac(self, x):
        return self.H @ (x - self.c)

    def both(self, x):
        return self(x), self.jac(x)


quadratic = Quadratic()


class SignDescent(Optimizer):
    def init(self, params):
        return None

    def update(self, params, grads, state, rate):
        return params - rate * np.sign(grads), None


def falling(x):
    """A function without a minimum."""
    return -x[0]


# ---------------------------------------------------------------------- without a learning rate


@pytest.mark.parametrize("size, height", [(1.0, -1e3), (1e3, 0.0), (1e-6, 1.0)])
@pytest.mark.parametrize("name", ALL)
def test_every_rule_finds_the_minimum_without_tuning(name, size, height):
    fun = Quadratic(size=size, height=height)
    result = minimize(fun, np.zeros(6), jac=fun.jac, optimizer=ALL[name], tol=1e-5 / size)
    assert result.success and result.status == 0
    assert result.optimality <= 1e-5 / size
    np.testing.assert_allclose(result.x, fun.c, atol=1e-3 * size)
    assert result.fun == fun(result.x)
    np.testing.assert_array_equal(result.jac, fun.jac(result.x))


@pytest.mark.parametrize("name", ["momentum", "adam", "lbfgs"])
def test_a_curved_valley(name):
    result = minimize(rosen, [-1.2, 1.0], jac=rosen_der, optimizer=ALL[name])
    assert result.success
    np.testing.assert_allclose(result.x, 1.0, atol=1e-4)


def test_a_rule_of_ones_own():
    result = minimize(quadratic, np.zeros(6), jac=quadratic.jac, optimizer=SignDescent())
    np.testing.assert_allclose(result.x, quadratic.c, atol=1e-3)


def test_what_overflows_on_the_way_is_taken_back():
    def steep(x):
        return np.exp(30.0 * x[0]) - 40.0 * x[0], np.array([30.0 * np.exp(30.0 * x[0]) - 40.0])

    with np.errstate(over="ignore"):
        result = minimize(steep, [-3.0], jac=True, optimizer=SGD(momentum=0.9))
    assert result.success
    assert result.x[0] == pytest.approx(np.log(4.0 / 3.0) / 30.0, abs=1e-5)


def test_the_coefficients_of_an_estimator(binary):
    X, y = binary.X, binary.y
    model = GDLogisticRegression(alpha=0.1).fit(X, y)

    def fun(theta):
        W, b = theta[None, :-1], theta[-1:]
        GW, gb = ref.gradient(X, y, W, b, ref.log_loss, 0.1)
        return ref.objective(X, y, W, b, ref.log_loss, 0.0, 0.1), np.append(GW, gb)

    theta = minimize(fun, np.zeros(X.shape[1] + 1), jac=True, tol=1e-6).x
    np.testing.assert_allclose(theta[:-1], model.coef_[0], atol=1e-4)
    assert theta[-1] == pytest.approx(model.intercept_[0], abs=1e-4)


# ------------------------------------------------------------------------ with a given rate


@pytest.mark.parametrize("rate", [0.05, InverseScaling(0.1, 0.5), Cosine(0.1)], ids=label)
@pytest.mark.parametrize("name", RULES)
def test_the_path_is_that_of_the_twin(name, rate):
    result = minimize(
        quadratic, np.ones(6), jac=quadratic.jac, optimizer=RULES[name], learning_rate=rate,
        max_iter=20, tol=None, path=True,
    )  # fmt: skip
    assert (result.success, result.status, result.nit) == (True, 5, 20)
    if isinstance(rate, Cosine):
        rate = Cosine(0.1, total_steps=20)
    twin, w, path = deepcopy(ref.RULES[name]).init(6), np.ones(6), [np.ones(6)]
    twin.start_at(w)
    for t in range(1, 21):
        r = rate(np.array([t]))[0] if callable(rate) else rate
        w = ref.take_step(twin, w, quadratic.jac(w), r, t)
        path.append(twin.shown(w))
    np.testing.assert_allclose(result.path, path, rtol=1e-10, atol=1e-12)
    values = [quadratic(x) for x in result.path]
    assert result.fun <= values[-1]


def test_a_schedule_that_watches():
    result = minimize(
        quadratic, np.zeros(6), jac=quadratic.jac, optimizer="sgd",
        learning_rate=ReduceOnPlateau(1.9, patience=2, factor=0.5, tol=0.5), max_iter=30, tol=None,
    )  # fmt: skip
    assert result.learning_rate < 1.9


@pytest.mark.parametrize("name", sorted(set(RULES) - {"adadelta"}))
def test_divergence_leaves_the_lowest_point(name):
    def quartic(x):
        return np.sum(x**4), 4 * x**3

    with np.errstate(all="ignore"), pytest.warns(ConvergenceWarning, match="minimize: "):
        result = minimize(
            quartic, [2.0, -1.0], jac=True, optimizer=RULES[name], learning_rate=1e9, max_iter=50
        )
    assert np.isfinite(result.x).all() and np.isfinite(result.fun)
    assert result.fun <= 17.0 and not result.success


def test_the_result_says_how_it_ended():
    run = {"jac": quadratic.jac, "optimizer": "sgd", "learning_rate": 0.1}
    with pytest.warns(ConvergenceWarning, match="max_iter updates did not"):
        result = minimize(quadratic, np.zeros(6), max_iter=3, **run)
    assert (result.success, result.status, result.nit) == (False, 1, 3)
    beyond = {"jac": lambda x: 10.0 + x, "optimizer": "sgd", "learning_rate": 1e308}
    with pytest.warns(ConvergenceWarning, match="diverged"):
        result = minimize(lambda x: np.max(np.abs(x)), np.zeros(6), **beyond)
    assert (result.success, result.status) == (False, 2)
    np.testing.assert_array_equal(result.x, 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = minimize(quadratic, quadratic.c, **run)
    assert (result.success, result.status, result.nit) == (True, 0, 0)
    with pytest.raises(ValueError, match=r"must be finite at x0\. Got nan"):
        minimize(lambda x: np.nan, np.zeros(6), **run)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("bounds", [None, [(0.0, None)]], ids=["free", "from zero"])
def test_no_success_without_a_minimum(name, bounds):
    run = {"optimizer": ALL[name], "bounds": bounds, "max_iter": 500}
    with np.errstate(all="ignore"), pytest.warns(ConvergenceWarning, match="minimize: "):
        result = minimize(falling, [1.0], jac=lambda x: np.array([-1.0]), **run)
    assert not result.success
    assert result.optimality == 1.0


# ------------------------------------------------------------------------------- gradients


@pytest.mark.parametrize("name", ["adam", "lbfgs"])
def test_without_a_gradient(name):
    by_differences = minimize(rosen, [-1.2, 1.0], optimizer=name)
    assert by_differences.success
    np.testing.assert_allclose(by_differences.x, 1.0, atol=1e-3)
    assert by_differences.nfev > 4 * by_differences.nit


def test_differences_do_not_leave_the_bounds():
    def root(x):
        assert np.all((x >= 0.0) & (x <= 2.0))
        return np.sum((np.sqrt(x) - 1.0) ** 2) + x[1]

    result = minimize(root, [2.0, 0.0], bounds=[(0, 2), (0, 2)], optimizer="lbfgs")
    np.testing.assert_allclose(result.x, [1.0, 0.25], atol=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_jac_true_and_calls_are_counted(name):
    calls = {"fun": 0, "jac": 0, "both": 0}

    def counted(which):
        def function(x):
            calls[which] += 1
            return {"fun": quadratic, "jac": quadratic.jac, "both": quadratic.both}[which](x)

        return function

    run = {"optimizer": ALL[name], "max_iter": 100, "tol": None if name in RULES else 1e-3}
    one = minimize(counted("both"), np.zeros(6), jac=True, **run)
    two = minimize(counted("fun"), np.zeros(6), jac=counted("jac"), **run)
    np.testing.assert_array_equal(one.x, two.x)
    assert one.nfev == calls["both"]
    assert (two.nfev, two.njev) == (calls["fun"], calls["jac"])


@pytest.mark.parametrize("name", RULES)
def test_stochastic_gradients(name, binary):
    """Rows drawn by jac; its path is that of the same draws, and it comes near the optimum."""
    X, y = binary.X, binary.y

    def fun(w):
        return ref.objective(X, y, w[None], np.zeros(1), ref.log_loss, 0.0, 0.1)

    def jac(w, rng):
        rows = rng.integers(len(X), size=8)
        return ref.gradient(X[rows], y[rows], w[None], np.zeros(1), ref.log_loss, 0.1)[0][0]

    best = ref.optimum(X, y, ref.log_loss, 0.0, 0.1, fit_intercept=False)[2]
    w0 = np.zeros(X.shape[1])
    run = {"jac": jac, "optimizer": RULES[name], "max_iter": 1500}
    first = minimize(fun, w0, random_state=0, **run)
    assert (first.success, first.status, first.nit) == (True, 5, 1500)
    assert first.fun == fun(first.x)
    assert fun(first.x) - best < 0.02 * (fun(w0) - best)
    again = minimize(fun, w0, random_state=0, **run)
    np.testing.assert_array_equal(first.x, again.x)
    assert not np.array_equal(first.x, minimize(fun, w0, random_state=1, **run).x)


def test_a_stochastic_function():
    def fun(x, rng):
        noise = rng.normal(size=x.shape)
        return 0.5 * np.sum((x - 3.0 + noise) ** 2), x - 3.0 + noise

    result = minimize(fun, np.zeros(2), jac=True, optimizer="adam", max_iter=2000, random_state=0)
    np.testing.assert_allclose(result.x, 3.0, atol=0.3)


def test_the_generator_is_passed_by_its_name():
    def positional(x, rng):
        return x - 3.0 + rng.normal(size=x.shape)

    def by_name(x, *, rng):
        return positional(x, rng)

    bound = partial(positional, rng=None)
    way = {"optimizer": "adam", "max_iter": 50, "random_state": 0}
    x, *others = (
        minimize(lambda x: 0.5 * np.sum((x - 3.0) ** 2), np.zeros(2), jac=jac, **way).x
        for jac in (positional, by_name, bound)
    )
    for other in others:
        np.testing.assert_array_equal(other, x)


# ----------------------------------------------------------- bounds, restarts, shapes, callbacks


@pytest.mark.parametrize("name", ALL)
def test_bounds(name):
    lower, upper = np.full(6, -0.2), np.array([0.1, np.inf, 0.3, 0.2, np.inf, 0.0])
    expected = optimize.minimize(
        quadratic, np.zeros(6), jac=quadratic.jac, bounds=optimize.Bounds(lower, upper),
        method="L-BFGS-B", options={"ftol": 0.0, "gtol": 1e-10},
    )  # fmt: skip
    assert np.any(expected.x == lower) and np.any(expected.x == upper)
    seen = []
    result = minimize(
        quadratic, np.full(6, 9.0), jac=quadratic.jac, optimizer=ALL[name], callback=seen.append,
        bounds=[(a, None if np.isinf(b) else b) for a, b in zip(lower, upper)],
    )  # fmt: skip
    assert result.success and result.optimality <= 1e-5
    np.testing.assert_allclose(result.x, expected.x, atol=1e-3)
    assert np.all((np.array(seen) >= lower) & (np.array(seen) <= upper))
    same = minimize(
        quadratic, np.full(6, 9.0), jac=quadratic.jac, optimizer=ALL[name],
        bounds=optimize.Bounds(lower, upper),
    )  # fmt: skip
    np.testing.assert_array_equal(same.x, result.x)


def test_optimality_is_what_a_step_along_the_gradient_moves():
    rng = np.random.default_rng(0)
    lower, upper = np.array([-1.0, -np.inf, 0.0]), np.array([1.0, 2.0, np.inf])
    box = Box(lower, upper)
    for _ in range(50):
        x, gradient = box.project(rng.normal(size=3)), 2.0 * rng.normal(size=3)
        expected = np.max(np.abs(x - np.clip(x - gradient, lower, upper)))
        assert box.optimality(x, gradient) == pytest.approx(expected, rel=1e-14)
    assert box.optimality(np.array([0.0, -1e20, 1e20]), np.array([0.0, 1.0, -3.0])) == 3.0


@pytest.mark.parametrize("bounds", [[(-5.0, 5.0)], None])
def test_restarts_find_the_deepest_valley(bounds):
    def valleys(x):
        return np.sin(3.0 * x[0]) + 0.1 * x[0] ** 2

    result = minimize(
        valleys, [4.0], n_restarts=12, bounds=bounds, optimizer="sgd", path=True, random_state=0
    )
    grid = np.linspace(-5, 5, 100001)
    assert result.fun == pytest.approx(valleys(grid[None]).min(), abs=1e-8)
    assert len(result.runs) == 13
    assert result.fun == min(run.fun for run in result.runs)
    assert result.runs[0].path[0] == 4.0
    assert len({float(run.path[0, 0]) for run in result.runs}) == 13


@pytest.mark.parametrize("name", ["adam", "lbfgs"])
@pytest.mark.parametrize("shape", [(1,), (2, 3)], ids=str)
def test_x_keeps_its_shape(name, shape):
    target = np.arange(6.0)[: int(np.prod(shape))].reshape(shape)

    def fun(x):
        assert x.shape == shape
        return np.sum((x - target) ** 2), 2.0 * (x - target)

    result = minimize(fun, np.ones(shape), jac=True, optimizer=name, path=True)
    assert result.x.shape == result.jac.shape == shape
    assert result.path.shape == (result.nit + 1, *shape)
    np.testing.assert_allclose(result.x, target, atol=1e-4)


@pytest.mark.parametrize("name", ["adam", "lbfgs"])
@pytest.mark.parametrize("jac", [lambda x: 2.0 * (x - 3.0), None], ids=["jac", "differences"])
def test_a_number_is_an_array_of_one(name, jac):
    def fun(x):
        assert x.shape == (1,)
        return (x[0] - 3.0) ** 2

    result = minimize(fun, 1.0, jac=jac, optimizer=name)
    assert result.x.shape == result.jac.shape == optimize.minimize(fun, 1.0).x.shape
    np.testing.assert_allclose(result.x, 3.0, atol=1e-4)


@pytest.mark.parametrize("name", ["adam", "lbfgs"])
@pytest.mark.parametrize("jac", [lambda x, *args: args[0] * (x - args[1]), None, True], ids=label)
def test_args(name, jac):
    def fun(x, width, centre):
        value = 0.5 * width * np.sum((x - centre) ** 2)
        return (value, width * (x - centre)) if jac is True else value

    result = minimize(fun, np.zeros(3), (2.0, quadratic.c[:3]), jac=jac, optimizer=name)
    np.testing.assert_allclose(result.x, quadratic.c[:3], atol=1e-4)
    one = minimize(lambda x, centre: np.sum((x - centre) ** 2), np.zeros(2), 5.0, optimizer=name)
    np.testing.assert_allclose(one.x, 5.0, atol=1e-4)


def test_args_and_the_generator():
    def jac(x, centre, rng):
        return x - centre + rng.normal(size=x.shape)

    def fun(x, centre):
        return 0.5 * np.sum((x - centre) ** 2)

    result = minimize(
        fun, np.zeros(3), (4.0,), jac=jac, optimizer="sgd", max_iter=2000, random_state=0
    )
    np.testing.assert_allclose(result.x, 4.0, atol=0.3)


@pytest.mark.parametrize("name", ["adam", "lbfgs"])
def test_a_callback_that_returns_true_stops(name):
    points = []

    def watch(x):
        points.append(x)
        return len(points) == 3

    result = minimize(
        quadratic, np.zeros(6), jac=quadratic.jac, optimizer=ALL[name], callback=watch
    )
    assert (result.success, result.status, result.nit) == (True, 3, 3)
    everything = minimize(  # an array is no answer
        quadratic, np.zeros(6), jac=quadratic.jac, optimizer=ALL[name], callback=lambda x: x
    )
    assert everything.status == 0


@pytest.mark.parametrize("name", ["adam", "schedule_free", "lbfgs"])
def test_callbacks(name):
    seen = []

    def watch(intermediate_result):
        seen.append(intermediate_result)
        if intermediate_result.nit == 3:
            raise StopIteration

    run = {"jac": quadratic.jac, "optimizer": ALL[name], "path": True}
    result = minimize(quadratic, np.zeros(6), callback=watch, **run)
    assert (result.success, result.status, result.nit) == (True, 3, 3)
    assert [step.nit for step in seen] == [1, 2, 3]
    np.testing.assert_array_equal([step.x for step in seen], result.path[1:])
    points = []
    minimize(quadratic, np.zeros(6), callback=points.append, tol=1e-3, **run)
    np.testing.assert_array_equal(points[:3], result.path[1:])


def test_what_fun_gets_is_its_own():
    def careless(x):
        value, gradient = quadratic.both(x)
        x[:] = np.nan
        return value, gradient

    for name in ("adam", "lbfgs"):
        np.testing.assert_allclose(
            minimize(careless, np.zeros(6), jac=True, optimizer=name).x, quadratic.c, atol=1e-3
        )


# ---------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    "change, message",
    [
        *[
            ({"optimizer": name}, f"optimizer='{name}' needs rows of data. minimize takes 'lbfgs'")
            for name in ("sag", "saga", "svrg", "psvrg", "sdca", "newton", "cholesky", "cd")
        ],
        ({"optimizer": "adem"}, "'optimizer' parameter of minimize must be .*Got 'adem'"),
        ({"optimizer": "auto"}, r"must be one of \['sgd', .*'dog', 'lbfgs'\] or .* Got 'auto'"),
        ({"optimizer": optimizers.RPCS()}, "optimizer='rpcs' needs rows of data"),
        ({"optimizer": Adam}, r"Pass an object: Adam\(\)"),
        ({"optimizer": "lbfgs", "learning_rate": 0.1}, "'lbfgs' takes no learning rate"),
        ({"optimizer": "lbfgs", "jac": lambda x, rng: x}, "'lbfgs' needs an exact gradient"),
        ({"learning_rate": -1.0}, "The 'learning_rate' parameter must be"),
        ({"learning_rate": Optimal()}, "divides by it"),
        ({"jac": "2-point"}, "jac must be a callable, True or None. Got '2-point'"),
        ({"jac": None, "fun": lambda x, rng: 0.0}, "A stochastic fun needs a jac"),
        ({"jac": lambda x: np.zeros(2)}, r"the shape of x, \(6,\). Got shape \(2,\)"),
        ({"fun": lambda x: np.zeros(2)}, "fun must return one number"),
        ({"bounds": [(0, 1)]}, "bounds must be 6 pairs"),
        ({"bounds": [(1, 0)] * 6}, "must have min <= max"),
        ({"max_iter": 0}, r"'max_iter' parameter of minimize must be an integer in \[1, inf\)"),
        ({"tol": -1.0}, "'tol' parameter of minimize must be None or a number"),
        ({"n_restarts": -1}, "'n_restarts' parameter of minimize"),
        ({"path": 1}, "'path' parameter of minimize must be a bool"),
    ],
    ids=label,
)
def test_errors(change, message):
    arguments = {"fun": quadratic, "x0": np.zeros(6), "jac": quadratic.jac} | change
    with pytest.raises(ValueError, match=message):
        minimize(arguments.pop("fun"), arguments.pop("x0"), **arguments)
