"""Losses, penalties, schedules and optimizers of a user's own, written in NumPy."""

import pickle
import warnings

import numpy as np
import pytest
from labels import label
from scipy import sparse
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression
from sgdlearn._solvers.own_loss import check_loss
from sgdlearn.losses import Loss
from sgdlearn.optimizers import OPTIMIZERS, SGD, Adam, Optimizer
from sgdlearn.penalties import Penalty
from sgdlearn.schedules import InverseScaling, Schedule, Warmup

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = make_classification(120, 6, n_informative=4, n_redundant=0, flip_y=0.1, random_state=0)
X[np.abs(X) < 0.3] = 0.0
z = X @ [1.0, -2.0, 0.0, 0.5, 0.0, -1.0] + np.random.default_rng(0).normal(size=len(X)) + 2.0
labels = np.digitize(z, [1.0, 3.0])
weights = np.arange(len(y)) % 3 + 0.5


# The built-in ones, as a user would write them


class MyLogLoss(Loss):
    name = "my_log_loss"
    kind = "classification"
    curvature_bound = 0.25

    def value(self, y, z):
        return np.logaddexp(0.0, -y * z)

    def gradient(self, y, z):
        return -y / (1.0 + np.exp(y * z))


class MyHuber(Loss):
    name = "my_huber"
    curvature_bound = 1.0
    domains = {"width": "a number in (0, inf)"}

    def __init__(self, width=1.35):
        self.width = width

    def value(self, y, z):
        r = np.abs(z - y)
        return np.where(r < self.width, r**2 / 2, self.width * r - self.width**2 / 2)

    def gradient(self, y, z):
        return np.clip(z - y, -self.width, self.width)


class MyL1(Penalty):
    def value(self, W):
        return np.abs(W).sum()

    def prox(self, U, rate):
        return np.sign(U) * np.maximum(np.abs(U) - rate, 0.0)


class MyInverseScaling(Schedule):
    def __init__(self, initial_rate=0.01, power=0.25):
        self.initial_rate = initial_rate
        self.power = power

    def __call__(self, t):
        return self.initial_rate / t**self.power


class MySGD(Optimizer):
    name = "my_sgd"

    def init(self, params):
        return None

    def update(self, params, grads, state, rate):
        return params - rate * grads, state


class MyAdam(Optimizer):
    name = "my_adam"
    domains = {"beta1": "a number in [0, 1)", "beta2": "a number in [0, 1)"}

    def __init__(self, beta1=0.9, beta2=0.999):
        self.beta1 = beta1
        self.beta2 = beta2

    def init(self, params):
        return 0, np.zeros_like(params), np.zeros_like(params)

    def update(self, params, grads, state, rate):
        t, m, v = state
        t = t + 1
        m = self.beta1 * m + (1 - self.beta1) * grads
        v = self.beta2 * v + (1 - self.beta2) * grads**2
        denominator = np.sqrt(v / (1 - self.beta2**t)) + 1e-8
        return params - rate * m / (1 - self.beta1**t) / denominator, (t, m, v)


class GroupLasso(Penalty):
    """A feature serves all outputs or none."""

    domains = {"factor": "a number in (0, inf)"}

    def __init__(self, factor=1.0):
        self.factor = factor

    def value(self, W):
        return self.factor * np.linalg.norm(W, axis=0).sum()

    def prox(self, U, rate):
        size = np.maximum(np.linalg.norm(U, axis=0), 1e-300)
        return U * (1 - np.minimum(rate * self.factor / size, 1.0))


SETTING = {"max_iter": 3, "tol": None, "random_state": 0, "alpha": 0.02}
GIVEN = {**SETTING, "learning_rate": 0.05}


def assert_same_path(own, built_in, X, y, *, rtol=1e-9):
    """In fit, with weights, and in partial_fit, chunk by chunk."""
    own, built_in = clone(own), clone(built_in)
    for model in (own, built_in):
        model.fit(X, y, weights)
    np.testing.assert_allclose(own.coef_, built_in.coef_, rtol=rtol, atol=1e-12)
    np.testing.assert_allclose(own.intercept_, built_in.intercept_, rtol=rtol, atol=1e-12)
    np.testing.assert_allclose(own.loss_curve_, built_in.loss_curve_, rtol=rtol)
    assert own.t_ == built_in.t_
    classes = {} if isinstance(own, GDLinearRegression) else {"classes": np.unique(y)}
    own, built_in = clone(own), clone(built_in)
    for chunk in (slice(0, 50), slice(50, 51), slice(51, 120)):
        for model in (own, built_in):
            model.partial_fit(X[chunk], y[chunk], sample_weight=weights[chunk], **classes)
        np.testing.assert_allclose(own.coef_, built_in.coef_, rtol=rtol, atol=1e-12)
        np.testing.assert_allclose(own.intercept_, built_in.intercept_, rtol=rtol, atol=1e-12)


STREAMING = [name for name, rule in OPTIMIZERS.items() if rule.family == "stochastic"]


@pytest.mark.parametrize("optimizer", [*STREAMING, SGD(0.9), SGD(0.9, nesterov=True)])
@pytest.mark.parametrize("batch_size", [1, 7, "full", "auto"])
@pytest.mark.parametrize("learning_rate", [0.05, "auto"])
def test_own_loss(optimizer, batch_size, learning_rate):
    setting = {
        **SETTING, "optimizer": optimizer, "batch_size": batch_size, "learning_rate": learning_rate
    }  # fmt: skip
    # where a gradient is nothing but rounding, some rules take it for a direction
    rtol = 1e-5 if learning_rate == "auto" and batch_size == "full" else 1e-9
    own = GDLinearSVC(loss=MyLogLoss(), **setting)
    assert_same_path(own, GDLogisticRegression(**setting), X, y, rtol=rtol)


@pytest.mark.parametrize("rows", [X, sparse.csr_matrix(X), np.asfortranarray(X)], ids=type)
@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "ftrl"])
def test_own_loss_on_rows_of_every_kind(rows, optimizer):
    setting = {**GIVEN, "optimizer": optimizer, "batch_size": 4, "penalty": "elasticnet"}
    assert_same_path(
        GDLinearSVC(loss=MyLogLoss(), **setting),
        GDLogisticRegression(multi_class="ovr", **setting), rows, labels,
    )  # fmt: skip
    both = np.column_stack([z, -z])
    own = GDLinearRegression(loss=MyHuber(0.5), **setting)
    assert_same_path(own, GDLinearRegression(loss="huber", epsilon=0.5, **setting), rows, both)


@pytest.mark.parametrize("batch_size", [1, 7, "full"])
@pytest.mark.parametrize("average", [False, 5])
@pytest.mark.parametrize("learning_rate", [0.05, InverseScaling(0.1)])
def test_own_penalty(batch_size, average, learning_rate):
    setting = {
        **SETTING, "optimizer": "sgd", "batch_size": batch_size, "average": average,
        "learning_rate": learning_rate,
    }  # fmt: skip
    for rows in (X, sparse.csr_matrix(X)):
        own = GDLogisticRegression(penalty=MyL1(), **setting)
        assert_same_path(own, GDLogisticRegression(penalty="l1", **setting), rows, labels)


@pytest.mark.parametrize("batch_size", [1, 7, "full"])
@pytest.mark.parametrize("average", [False, 5])
@pytest.mark.parametrize("own, built_in", [(MyAdam(0.8, 0.9), Adam(0.8, 0.9)), (MySGD(), SGD())])
def test_own_optimizer(own, built_in, batch_size, average):
    setting = {**GIVEN, "batch_size": batch_size, "average": average}
    for estimator, target in [
        (GDLogisticRegression, labels), (GDLinearSVC, y), (GDLinearRegression, z)
    ]:  # fmt: skip
        assert_same_path(
            estimator(optimizer=own, **setting), estimator(optimizer=built_in, **setting), X, target
        )


def test_own_optimizer_under_L1_and_constraints():
    for setting in ({"penalty": "l1"}, {"positive": True}, {"penalty": "elasticnet"}):
        setting = {**GIVEN, **setting, "batch_size": 3}
        models = [GDLogisticRegression(optimizer=rule, **setting) for rule in (MySGD(), SGD())]
        assert_same_path(*models, X, labels)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "ftrl", MyAdam()])
@pytest.mark.parametrize(
    "own", [MyInverseScaling(0.1, 0.4), lambda t: 0.1 * t**-0.4], ids=["class", "function"]
)
def test_own_schedule(optimizer, own):
    models = [
        GDLogisticRegression(optimizer=optimizer, learning_rate=schedule, **SETTING)
        for schedule in (own, InverseScaling(0.1, 0.4))
    ]
    assert_same_path(*models, X, labels)
    models = [
        GDLogisticRegression(optimizer=optimizer, learning_rate=Warmup(schedule, 50), **SETTING)
        for schedule in (own, InverseScaling(0.1, 0.4))
    ]
    assert_same_path(*models, X, labels)


def test_all_of_ones_own():
    own = GDLinearRegression(
        loss=MyHuber(), penalty=MyL1(), optimizer=MySGD(), learning_rate=MyInverseScaling(),
        batch_size=4, **SETTING,
    )  # fmt: skip
    built_in = GDLinearRegression(
        loss="huber", penalty="l1", optimizer="sgd", learning_rate=InverseScaling(), batch_size=4,
        **SETTING,
    )  # fmt: skip
    assert_same_path(own, built_in, X, z)


OWN = [
    (GDLinearSVC, {"loss": MyLogLoss()}),
    (GDLogisticRegression, {"penalty": GroupLasso()}),
    (GDLogisticRegression, {"optimizer": MyAdam()}),
    (GDLogisticRegression, {"learning_rate": MyInverseScaling(0.1)}),
    (GDLinearSVC, {"loss": MyLogLoss(), "penalty": MyL1(), "optimizer": MyAdam()}),
]
each_own = pytest.mark.parametrize("estimator, own", OWN, ids=lambda value: str(value)[:30])


@each_own
@pytest.mark.parametrize("batch_size", [1, 5])
def test_chunks_equal_one_pass_to_the_last_bit(estimator, own, batch_size):
    setting = {"learning_rate": 0.05, **own, "alpha": 0.02, "batch_size": batch_size}
    whole = estimator(max_iter=1, tol=None, shuffle=False, **setting).fit(X, labels)
    model = estimator(**setting)
    for start in range(0, len(X), 30):
        chunk = slice(start, start + 30)
        model.partial_fit(X[chunk], labels[chunk], classes=[0, 1, 2])
        model = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(model.coef_, whole.coef_)
    np.testing.assert_array_equal(model.intercept_, whole.intercept_)
    assert model.t_ == whole.t_


@each_own
def test_float32_stays_float32(estimator, own):
    setting = {"batch_size": 4, "learning_rate": 0.05, **own, **SETTING}
    single = estimator(**setting).fit(X.astype(np.float32), labels)
    assert single.coef_.dtype == np.float32
    double = estimator(**setting).fit(X, labels)
    np.testing.assert_allclose(single.coef_, double.coef_, atol=1e-4)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_in_a_grid_search(n_jobs):
    regression = GDLinearRegression(loss=MyHuber(), **SETTING)
    classification = GDLogisticRegression(
        penalty=GroupLasso(), optimizer=MyAdam(), learning_rate=MyInverseScaling(), **SETTING
    )
    parameters = {
        "penalty__factor": [0.1, 10.0],
        "optimizer__beta1": [0.5, 0.9],
        "learning_rate__initial_rate": [0.01, 0.1],
    }
    grids = [
        (regression, {"loss__width": [0.1, 1.0]}, z),
        (classification, parameters, labels),
    ]
    for model, grid, target in grids:
        search = GridSearchCV(model, grid, cv=2, n_jobs=n_jobs).fit(X, target)
        assert len(np.unique(search.cv_results_["mean_test_score"])) > 1
        assert search.best_score_ > 0.3


# A loss is tried before anything is learnt from it


class Told(Loss):
    """A loss of the residual by two functions."""

    def __init__(self, values, slopes, kind="regression"):
        self.values, self.slopes, self.kind = values, slopes, kind

    def value(self, y, z):
        return self.values(y, z)

    def gradient(self, y, z):
        return self.slopes(y, z)


def square(y, z):
    return (z - y) ** 2 / 2


@pytest.mark.parametrize(
    "values, slopes",
    [
        (square, lambda y, z: y - z),
        (square, lambda y, z: 2 * (z - y)),
        (lambda y, z: np.exp(z / 9), lambda y, z: np.exp(z / 9)),
        (lambda y, z: np.logaddexp(0, -y * z), lambda y, z: 1 / (1 + np.exp(y * z))),
        (lambda y, z: np.maximum(z - y, 0.2 * (y - z)), lambda y, z: np.sign(z - y)),
    ],
)
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_gradient_that_is_not_that_of_the_value_is_an_error(values, slopes, size, method):
    model = GDLinearRegression(loss=Told(values, slopes), optimizer="sgd")
    message = r"gradient\(y, z\) of the loss Told is not the derivative .* at y=.*, z=.* it is "
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(X, size * z)


@pytest.mark.parametrize(
    "values, slopes",
    [
        (square, lambda y, z: z - y),
        (lambda y, z: np.float32(square(y, z)), lambda y, z: np.float32(z - y)),
        (lambda y, z: np.abs(z - y), lambda y, z: np.sign(z - y)),
        (
            lambda y, z: np.maximum(0, np.abs(z - y) - 1),
            lambda y, z: np.sign(z - y) * (np.abs(z - y) > 1),
        ),
        (lambda y, z: np.abs(z), lambda y, z: np.sign(z)),
        (lambda y, z: np.logaddexp(z - y, y - z) - np.log(2), lambda y, z: np.tanh(z - y)),
        (
            lambda y, z: np.exp(z) - y * z + np.where(y > 0, y * np.log(abs(y) + (y == 0)) - y, 0),
            lambda y, z: np.exp(np.minimum(z, 30)) - y,
        ),
    ],
)
@pytest.mark.parametrize("size", [0.0, 1e-3, 1.0, 1e4])
def test_a_gradient_that_is_passes(values, slopes, size):
    check_loss(Told(values, slopes), np.abs(size * z).round(3))


def test_a_classifier_of_a_wrong_gradient():
    loss = Told(
        lambda y, z: np.maximum(0, 1 - y * z), lambda y, z: y * (y * z < 1), "classification"
    )
    with pytest.raises(ValueError, match=r"gradient.*Told is not the derivative"):
        GDLinearSVC(loss=loss).fit(X, labels)


@pytest.mark.parametrize(
    "name, values, slopes",
    [
        ("value", lambda y, z: square(y, z).mean(), lambda y, z: z - y),
        ("value", lambda y, z: square(y, z)[:, None], lambda y, z: z - y),
        ("gradient", square, lambda y, z: (z - y).sum()),
        ("gradient", square, lambda y, z: list(z - y)),
    ],
)
def test_arrays_of_another_shape(name, values, slopes):
    with pytest.raises(ValueError, match=rf"{name}\(y, z\) of the loss Told must .* of shape \("):
        GDLinearRegression(loss=Told(values, slopes)).fit(X, z)


def test_values_below_zero():
    loss = Told(lambda y, z: np.exp(z) - y * z, lambda y, z: np.exp(z) - y)
    with pytest.raises(ValueError, match=r"Told must not be negative.* Got -.* at y=.*, z="):
        GDLinearRegression(loss=loss).fit(X, np.arange(len(X)))


def test_values_below_zero_that_go_unseen_are_no_divergence():
    loss = Told(lambda y, z: (z - y - 1.0) ** 2 / 2 - 0.01, lambda y, z: z - y - 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model = GDLinearRegression(loss=loss, optimizer="lbfgs").fit(X, np.ones(len(X)))
    assert model.loss_curve_[-1] < 0.0


# What "auto" makes of them


def test_auto_minimises_an_own_loss():
    class LogCosh(Loss):
        name = "log_cosh"
        curvature_bound = 1.0

        def value(self, y, z):
            return np.logaddexp(z - y, y - z) - np.log(2)

        def gradient(self, y, z):
            return np.tanh(z - y)

    def objective(w):
        return np.mean(LogCosh().value(z, X @ w[:-1] + w[-1])) + 0.05 * w[:-1] @ w[:-1]

    best = minimize(objective, np.zeros(7), tol=1e-10)
    for optimizer, gap in [("auto", 1e-8), ("lbfgs", 1e-8), ("sgd", 1e-2), ("adam", 1e-2)]:
        model = GDLinearRegression(
            loss=LogCosh(), optimizer=optimizer, alpha=0.1, tol=1e-6, random_state=0
        )
        model.fit(X, z)
        assert objective(np.append(model.coef_, model.intercept_)) < (1 + gap) * best.fun


def test_auto_takes_an_own_penalty_by_its_prox():
    both = np.column_stack([z, 3.0 * X[:, 0]])
    model = GDLinearRegression(
        penalty=GroupLasso(), alpha=1.0, batch_size="full", max_iter=1000, tol=None
    )
    model.fit(X, both)
    unused = np.linalg.norm(model.coef_, axis=0) == 0.0
    assert 0 < unused.sum() < 6
    # at the optimum, the gradient of a used feature is minus alpha times its direction
    residuals = model.predict(X) - both
    gradient = residuals.T @ X / len(X)
    used = model.coef_[:, ~unused]
    np.testing.assert_allclose(
        gradient[:, ~unused], -used / np.linalg.norm(used, axis=0), atol=1e-6
    )
    assert np.all(np.linalg.norm(gradient[:, unused], axis=0) <= 1.0)


def test_auto_knows_of_kinks():
    class Tilted(Loss):
        """The pinball loss at 0.8."""

        name = "tilted"
        smooth = False

        def value(self, y, z):
            return np.maximum(0.8 * (y - z), 0.2 * (z - y))

        def gradient(self, y, z):
            return np.where(y > z, -0.8, 0.2)

    setting = {"max_iter": 200, "tol": None, "batch_size": 8, "random_state": 0}
    for optimizer in ("auto", "sgd"):
        model = GDLinearRegression(loss=Tilted(), optimizer=optimizer, **setting).fit(X, z)
        assert np.mean(z < model.predict(X)) == pytest.approx(0.8, abs=0.06)


# What cannot be


class NoGradient(Loss):
    name = "no_gradient"
    kind = "classification"
    value = MyLogLoss.value


class Steep(MyLogLoss):
    domains = {"slope": "a number in (0, inf)"}

    def __init__(self, slope=1.0):
        self.slope = slope


class NoProx(Penalty):
    value = MyL1.value


class SumsProx(MyL1):
    def prox(self, U, rate):
        return U.sum()


class NoUpdate(Optimizer):
    init = MySGD.init


class Forgets(NoUpdate):
    def update(self, params, grads, state, rate):
        return params - rate * grads


class Sums(NoUpdate):
    def update(self, params, grads, state, rate):
        return (params - rate * grads).sum(), state


@pytest.mark.parametrize(
    "parameters, error, message",
    [
        ({"loss": NoGradient()}, NotImplementedError, r"define gradient\(y, z\)"),
        ({"penalty": NoProx()}, NotImplementedError, r"define prox\(U, rate\)"),
        ({"optimizer": NoUpdate()}, NotImplementedError, r"define update\(params"),
        (
            {"penalty": SumsProx()},
            ValueError,
            r"prox of the penalty must return W of shape \(1, 6\)",
        ),
        ({"optimizer": Forgets()}, ValueError, r"Forgets.update must return a tuple \(new_params"),
        ({"optimizer": Sums()}, ValueError, r"Sums.update must return new_params of shape \(1,"),
        ({"learning_rate": Schedule()}, NotImplementedError, r"define __call__\(t\)"),
        ({"learning_rate": lambda t: 0.1}, ValueError, "shape of the step numbers"),
        ({"learning_rate": lambda t: -0.1 * t}, ValueError, "finite positive rates"),
        ({"learning_rate": lambda t: t / 0.0 * 1.0}, ValueError, "finite positive rates"),
        ({"loss": Steep(slope=-1)}, ValueError, r"'slope'.*Steep.*\(0, inf\).*-1"),
        ({"optimizer": MyAdam(beta1=2)}, ValueError, r"'beta1'.*MyAdam.*\[0, 1\).*2"),
        ({"penalty": GroupLasso(factor=0)}, ValueError, "'factor'.*GroupLasso"),
        ({"loss": MyLogLoss}, ValueError, "'loss'"),
        ({"loss": MyHuber()}, ValueError, "kind='classification'"),
        ({"penalty": MyL1}, ValueError, "'penalty'"),
        ({"optimizer": MyAdam}, ValueError, "'optimizer'"),
        ({"learning_rate": MyInverseScaling}, ValueError, "'learning_rate'"),
        ({"penalty": MyL1(), "optimizer": "adam"}, ValueError, "(?s)optimizer='adam'.*penalty"),
        ({"penalty": MyL1(), "optimizer": "lbfgs"}, ValueError, "(?s)optimizer='lbfgs'.*penalty"),
        ({"penalty": MyL1(), "positive": True}, ValueError, "positive=True"),
        ({"loss": MyLogLoss(), "optimizer": "saga"}, ValueError, "(?s)optimizer='saga'.*loss"),
        ({"loss": MyLogLoss(), "optimizer": "newton"}, ValueError, "optimizer='newton'.*loss"),
    ],
    ids=label,
)
@np.errstate(divide="ignore")
def test_errors(parameters, error, message):
    model = GDLinearSVC(**parameters)
    with pytest.raises(error, match=message):
        model.fit(X, y)
    assert not hasattr(model, "coef_")
