"""Bad input, bad parameters, runs that go wrong or are cut short: told clearly, nothing lost."""

import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings

import joblib
import numpy as np
import pytest
from labels import label
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression, schedules
from sgdlearn.losses import Huber, Loss, Multinomial
from sgdlearn.optimizers import (
    FTRL,
    LBFGS,
    SGD,
    SVRG,
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    NAdam,
    Optimizer,
    RMSProp,
)
from sgdlearn.penalties import ElasticPenalty, Penalty

STREAMING = [
    "sgd", SGD(momentum=0.9), SGD(momentum=0.9, nesterov=True), "adagrad", "adadelta", "rmsprop",
    "adam", "adamw", "nadam", "ftrl", "schedule_free", "dog",
]  # fmt: skip
VARIANCE_REDUCED = ["sag", "saga", "svrg"]
CLASSIFIERS = [GDLogisticRegression, GDLinearSVC]
ESTIMATORS = [GDLinearRegression, *CLASSIFIERS]

each_estimator = pytest.mark.parametrize("estimator", ESTIMATORS)


def quick(estimator, **keywords):
    defaults = {"optimizer": "sgd", "max_iter": 3, "tol": None, "random_state": 0}
    return estimator(**defaults | keywords)


def is_finite(model):
    return np.isfinite(model.coef_).all() and np.isfinite(model.intercept_).all()


def snapshot(model):
    """All that a model is and will do."""
    model.coef_.flat[0]  # put together now, if it has not been
    return joblib.hash(model)


# Parameters out of their domain

COMMON = {
    "penalty": ["l3", "L2", 1, Penalty],
    "alpha": [-1e-9, np.nan, np.inf, "1", None],
    "l1_ratio": [-0.1, 1.1, np.nan, None],
    "standardize": [2, "yes", None],
    "fit_intercept": [2, "yes", None],
    "optimizer": ["adamm", "ADAM", None, 3, Adam],
    "learning_rate": [0, 0.0, -0.1, np.inf, np.nan, "fast", None, [], schedules.Step],
    "batch_size": [0, -1, 1.5, "half", None],
    "average": [-1, 1.5, "yes", None],
    "max_iter": [0, -1, 1.5, np.inf, None],
    "tol": [-1e-9, np.nan, np.inf, "small"],
    "shuffle": [2, "yes", None],
    "early_stopping": [2, "yes", None],
    "validation_fraction": [0, 0.0, 1, 1.0, -0.1, np.nan, None],
    "n_iter_no_change": [0, 1.5, None],
    "warm_start": [2, "yes", None],
    "positive": [2, "yes", None],
    "n_jobs": [0, 1.5, "all"],
    "n_replicas": [0, 1.5, None],
    "random_state": [-1, 1.5, "seed"],
    "verbose": [-1, "yes", None],
}
OF_CLASSIFIERS = {
    "class_weight": [
        "equal", 3, [1, 2], {-1: -0.5}, {-1: np.nan}, {-1: np.inf}, {-1: "x"}, {-1: 0, 1: 0},
        {7: 1.0},
    ],
}  # fmt: skip
OWN = {
    GDLinearRegression: {
        "loss": ["hinge", "squared", None, Huber, Multinomial()],
        "epsilon": [-0.1, np.nan, np.inf, "0.1"],
        "quantile": [0, 1, 1.5, np.nan, None],
    },
    GDLogisticRegression: OF_CLASSIFIERS | {"multi_class": ["auto", "softmax", None]},
    GDLinearSVC: OF_CLASSIFIERS | {"loss": ["huber", "log", None, Huber(), Multinomial()]},
}
DOMAINS = [
    (estimator, name, value)
    for estimator, own in OWN.items()
    for name, values in (COMMON | own).items()
    for value in values
]


def test_the_table_knows_every_parameter():
    for estimator, own in OWN.items():
        assert set(COMMON | own) == set(estimator().get_params(deep=False))


@pytest.mark.parametrize(
    "name, value, instead",
    [
        ("optimizer", Adam, "Pass an object: Adam()."),
        ("learning_rate", schedules.Step, "Pass an object, not the class."),
        ("learning_rate", "constant", "What SGDClassifier calls so is a number"),
        ("learning_rate", "optimal", "learning_rate=Optimal()"),
        ("learning_rate", "invscaling", "learning_rate=InverseScaling()"),
        ("learning_rate", "adaptive", "learning_rate=ReduceOnPlateau()"),
    ],
)
@pytest.mark.parametrize("optimizer", ["auto", "sgd", "saga", "lbfgs"])
def test_what_is_meant_instead(optimizer, name, value, instead, binary):
    model = quick(GDLinearRegression, optimizer=optimizer).set_params(**{name: value})
    for learn in [model.fit] + ([model.partial_fit] if hasattr(model, "partial_fit") else []):
        with pytest.raises(ValueError, match=f"The '{name}' parameter must be") as caught:
            learn(binary.X, binary.y)
        assert instead in str(caught.value)


@pytest.mark.parametrize("estimator, name, value", DOMAINS, ids=label)
def test_a_parameter_out_of_its_domain(estimator, name, value, binary):
    model = quick(estimator).set_params(**{name: value})
    with pytest.raises(ValueError) as caught:
        model.fit(binary.X, binary.y)
    message = str(caught.value)
    assert name in message
    assert repr(value) in message or (name == "class_weight" and str(next(iter(value))) in message)
    assert " must " in message or "not among" in message
    assert not hasattr(model, "coef_")


@pytest.mark.parametrize("estimator, name, value", DOMAINS, ids=label)
def test_a_parameter_out_of_its_domain_in_partial_fit(estimator, name, value, binary):
    if name == "optimizer":
        pytest.skip("decides whether there is a partial_fit")
    keywords = {} if estimator is GDLinearRegression else {"classes": [-1, 1]}
    model = quick(estimator).partial_fit(binary.X, binary.y, **keywords)
    before = model.coef_.copy()
    model.set_params(**{name: value})
    with pytest.raises(ValueError, match=name):
        model.partial_fit(binary.X, binary.y)
    np.testing.assert_array_equal(model.coef_, before)


OBJECTS = [
    ("optimizer", SGD, {"momentum": [1, -0.1, "x", None], "nesterov": [1, None]}),
    ("optimizer", AdaGrad, {"epsilon": [0, -1, None]}),
    ("optimizer", AdaDelta, {"rho": [1, -0.1], "epsilon": [0]}),
    ("optimizer", RMSProp, {"rho": [1, -0.1], "epsilon": [0]}),
    ("optimizer", Adam, {"beta1": [1, -0.1, np.nan], "beta2": [1], "epsilon": [0], "amsgrad": [1]}),
    ("optimizer", AdamW, {"beta1": [1], "beta2": [-1], "epsilon": [0], "amsgrad": ["no"]}),
    ("optimizer", NAdam, {"beta1": [1], "beta2": [1], "epsilon": [0], "momentum_decay": [-1]}),
    ("optimizer", FTRL, {"beta": [0, -1, None]}),
    ("optimizer", SVRG, {"snapshot_every": [0, 1.5]}),
    ("optimizer", LBFGS, {"memory": [0, 1.5]}),
    ("learning_rate", schedules.Constant, {"rate": [0, -1, np.inf]}),
    ("learning_rate", schedules.InverseScaling, {"initial_rate": [0], "power": [-1]}),
    ("learning_rate", schedules.Optimal, {"alpha": [0, -1]}),
    ("learning_rate", schedules.Exponential, {"initial_rate": [0], "decay": [0, 1.1]}),
    ("learning_rate", schedules.Step, {"initial_rate": [-1], "drop": [0, 2], "every": [0, 1.5]}),
    (
        "learning_rate",
        schedules.Cosine,
        {"initial_rate": [0], "final_rate": [-1], "total_steps": [0, 1.5]},
    ),
    ("learning_rate", schedules.Warmup, {"schedule": [0, "auto", None], "steps": [0]}),
    (
        "learning_rate",
        schedules.OneCycle,
        {
            "max_rate": [0],
            "total_steps": [0],
            "warmup_fraction": [0, 1],
            "start_divisor": [0.5],
            "end_divisor": [0.5],
        },
    ),
    (
        "learning_rate",
        schedules.ReduceOnPlateau,
        {
            "initial_rate": [0],
            "factor": [1],
            "patience": [0],
            "min_rate": [0],
            "tol": [1],
        },
    ),
    ("loss", Huber, {"epsilon": [0, -1]}),
    ("penalty", ElasticPenalty, {"l1": [-1], "l2": [-1], "positive": [1]}),
]


@pytest.mark.parametrize(
    "parameter, kind, name, value",
    [
        (parameter, kind, name, value)
        for parameter, kind, domains in OBJECTS
        for name, values in domains.items()
        for value in values
    ],
    ids=label,
)
def test_a_parameter_of_an_object_out_of_its_domain(parameter, kind, name, value, binary):
    settings = {"optimizer": "auto", parameter: kind(**{name: value})}
    model = quick(GDLinearRegression, **settings)
    with pytest.raises(ValueError) as caught:
        model.fit(binary.X, binary.y)
    message = str(caught.value)
    assert f"'{name}'" in message and repr(value) in message and " must " in message


# Parameters that exclude each other


class Ridge(Penalty):
    def value(self, W):
        return 0.5 * np.sum(W**2)

    def prox(self, U, rate):
        return U / (1 + rate)


class Kinked(Loss):
    name = "kinked"
    smooth = False

    def value(self, y, z):
        return np.abs(z - y)

    def gradient(self, y, z):
        return np.sign(z - y)


def schedule(t):
    return 0.1 / t


PAIRS = [
    (GDLinearSVC, optimizer, "loss", "hinge")
    for optimizer in ("lbfgs", "newton", *VARIANCE_REDUCED)
] + [
    (GDLinearRegression, optimizer, name, value)
    for optimizers, conflicts in [
        (
            ["lbfgs", "newton", LBFGS(memory=3)],
            [
                ("loss", "quantile"),
                ("loss", "epsilon_insensitive"),
                ("loss", Kinked()),
                ("batch_size", 32),
                ("batch_size", 1),
                ("learning_rate", 0.1),
                ("learning_rate", schedules.Step()),
                ("learning_rate", schedule),
                ("average", True),
                ("average", 10),
                ("penalty", Ridge()),
            ],
        ),
        (["newton"], [("penalty", "l1"), ("penalty", "elasticnet"), ("positive", True)]),
        (
            [*VARIANCE_REDUCED, SVRG()],
            [
                ("loss", "absolute_error"),
                ("batch_size", 32),
                ("batch_size", "full"),
                ("learning_rate", schedules.Step()),
                ("learning_rate", schedule),
                ("average", True),
                ("penalty", Ridge()),
            ],
        ),
        (["adam", "adagrad", "ftrl"], [("penalty", Ridge())]),
    ]
    for optimizer in optimizers
    for name, value in conflicts
]


@pytest.mark.parametrize("estimator, optimizer, name, value", PAIRS, ids=label)
def test_parameters_that_exclude_each_other(estimator, optimizer, name, value, binary):
    model = estimator(alpha=0.1, optimizer=optimizer).set_params(**{name: value})
    with pytest.raises(ValueError) as caught:
        model.fit(binary.X, binary.y)
    message = str(caught.value)
    assert f"optimizer={getattr(optimizer, 'name', optimizer)!r}" in message
    assert f"{name}={value!r}" in message or f"loss={getattr(value, 'name', None)!r}" in message


@pytest.mark.parametrize(
    "settings",
    [
        {"learning_rate": 0.01},
        {"learning_rate": schedules.Step()},
        {"batch_size": 16},
        {"average": True},
        {"penalty": Ridge(), "alpha": 0.1},
        {"loss": Kinked()},
        {"positive": True},
        {"penalty": "l1", "alpha": 0.1},
        {"loss": "quantile"},
    ],
    ids=label,
)
def test_auto_finds_a_rule_that_takes_the_rest(settings, binary):
    model = GDLinearRegression(max_iter=5, tol=None, **settings).fit(binary.X, binary.y)
    assert is_finite(model)
    assert isinstance(model.optimizer_, Optimizer)


def test_a_penalty_object_and_positive(binary):
    model = GDLinearRegression(penalty=Ridge(), positive=True)
    with pytest.raises(ValueError, match=r"positive=True.*penalty=Ridge\(\)"):
        model.fit(binary.X, binary.y)


def test_a_horizon_is_needed_on_streams(binary):
    model = quick(GDLinearRegression, learning_rate=schedules.OneCycle(max_rate=0.01))
    with pytest.raises(ValueError, match=r"'total_steps'.*partial_fit"):
        model.partial_fit(binary.X, binary.y)
    assert is_finite(model.fit(binary.X, binary.y))


@pytest.mark.parametrize(
    "rates, message",
    [
        (lambda t: -0.1 * t, "step 1 it returned -0.1"),
        (lambda t: np.where(t < 100, 0.01, np.nan), "step 100 it returned nan"),
        (lambda t: 0.1, "shape"),
        (lambda t: ["fast"] * len(t), "dtype"),
    ],
)
def test_a_callable_that_returns_no_rates(rates, message, binary):
    model = quick(GDLinearRegression).fit(binary.X, binary.y)
    before = snapshot(model)
    model.learning_rate, old = rates, model.learning_rate
    with pytest.raises(ValueError, match=message):
        model.fit(2 * binary.X[:, :-1], binary.y)
    model.learning_rate = old
    assert snapshot(model) == before


@pytest.mark.parametrize(
    "optimizer", ["lbfgs", "newton", *VARIANCE_REDUCED, LBFGS(memory=3)], ids=label
)
def test_no_partial_fit_where_all_rows_are_needed(optimizer, binary):
    for estimator in ESTIMATORS:
        model = estimator(optimizer=optimizer)
        assert not hasattr(model, "partial_fit")
        with pytest.raises(AttributeError, match="partial_fit"):
            model.partial_fit(binary.X, binary.y)
        assert hasattr(estimator(), "partial_fit")


# Bad X, y and weights


def with_value(array, value):
    array = array.astype(float)
    array.flat[array.size // 2] = value
    return array


def calls(model, y):
    """Everything of a fitted model that takes X."""
    names = ("predict", "decision_function", "predict_proba", "predict_log_proba")
    out = {name: getattr(model, name) for name in names if hasattr(model, name)}
    out["score"] = lambda X: model.score(X, y)
    out["fit"] = lambda X: model.fit(X, y)
    out["partial_fit"] = lambda X: model.partial_fit(X, y)
    return out


@each_estimator
@pytest.mark.parametrize("value, message", [(np.nan, "NaN"), (-np.inf, "infinity")])
def test_numbers_in_X_that_are_not_finite(value, message, estimator, stored, binary):
    model = quick(estimator).fit(stored(binary.X), binary.y)
    before = snapshot(model)
    for dtype in (np.float64, np.float32):
        X = stored(with_value(binary.X, value).astype(dtype))
        for call in calls(model, binary.y).values():
            with pytest.raises(ValueError, match=message):
                call(X)
    assert snapshot(model) == before


def broken(X):
    """Sparse matrices that are none, each on top of sound arrays."""
    n, p = X.shape
    for index in (np.int32, np.int64):
        for container in (sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix):
            sound = container(X)
            n_lines, n_minor = (p, n) if container is sparse.csc_matrix else (n, p)
            for name, place, value in [
                ("indices", 3, n_minor),
                ("indices", 3, 2**30),
                ("indices", -1, -1),
                ("indptr", n_lines // 2, 10**6),
                ("indptr", n_lines // 2, -1),
                ("indptr", n_lines, 10**6),
                ("indptr", 0, 1),
            ]:
                bad = sound.copy()
                bad.indices, bad.indptr = bad.indices.astype(index), bad.indptr.astype(index)
                getattr(bad, name)[place] = value
                yield bad
    for name, value in [("row", n), ("row", -1), ("col", p), ("col", -1)]:
        bad = sparse.coo_matrix(X)
        getattr(bad, name)[2] = value
        yield bad


@each_estimator
def test_broken_sparse_matrices(estimator, binary):
    model = quick(estimator).fit(binary.csr, binary.y)
    before = snapshot(model)
    for bad in broken(binary.X):
        for call in calls(model, binary.y).values():
            with pytest.raises(ValueError, match="broken"):
                call(bad)
    for optimizer in ("auto", "lbfgs", "newton", "saga", "adam"):
        for bad in broken(binary.X):
            with pytest.raises(ValueError, match="broken"):
                clone(model).set_params(optimizer=optimizer).fit(bad, binary.y)
    assert snapshot(model) == before


def test_broken_sparse_matrices_do_not_end_the_process():
    """Far out of range, where reading would be a segmentation fault."""
    code = """
import numpy as np
from scipy import sparse
from sgdlearn import GDLogisticRegression
X = sparse.random(200, 30, density=0.3, format="csr", random_state=0)
y = np.arange(200) % 2
refused = 0
for optimizer in ("sgd", "adam", "saga", "lbfgs", "newton"):
    model = GDLogisticRegression(optimizer=optimizer, max_iter=2, tol=None).fit(X, y)
    for name, value in [("indices", 2**31 - 1), ("indices", -(2**31)), ("indptr", 2**31 - 1)]:
        bad = X.copy()
        getattr(bad, name)[100] = value
        for call in (model.fit, model.score, lambda X, y: model.predict_proba(X)):
            try:
                call(bad, y)
            except ValueError:
                refused += 1
print(refused)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["45"]


@each_estimator
@pytest.mark.parametrize(
    "X, message",
    [
        (np.zeros((0, 3)), "0 sample"),
        (np.zeros((60, 0)), "0 feature"),
        (np.zeros(60), "2D array"),
        (np.zeros((60, 2, 2)), "dim 3"),
        (np.full((60, 2), "a"), "could not convert|dtype"),
        (np.ones((60, 2)) * 1j, "[Cc]omplex"),
        (np.ones((7, 2)), "inconsistent|samples"),
    ],
)
def test_X_of_the_wrong_kind(X, message, estimator, binary):
    with pytest.raises(ValueError, match=message):
        quick(estimator).fit(X, binary.y)


@pytest.mark.parametrize(
    "y, message",
    [
        (None, "y"),
        (np.full(60, "a"), "y must hold numbers|could not convert"),
        (np.full(60, np.nan), "NaN"),
        (np.full(60, np.inf), "infinity"),
        (np.ones((60, 2, 2)), "dim|2d|2D"),
        (np.ones(59), "inconsistent"),
        (np.ones(60) * 1j, "[Cc]omplex|numbers"),
        ([[1.0], [2.0, 3.0]] * 30, "inhomogeneous|sequence"),
    ],
)
def test_y_of_the_wrong_kind_in_regression(y, message, binary):
    for call in (quick(GDLinearRegression).fit, quick(GDLinearRegression).partial_fit):
        with pytest.raises(ValueError, match=message):
            call(binary.X, y)


@pytest.mark.parametrize("estimator", CLASSIFIERS)
@pytest.mark.parametrize(
    "y, message",
    [
        (None, "y"),
        (np.linspace(0, 1, 60), "continuous"),
        (np.where(np.arange(60) < 30, 1.0, np.nan), "NaN"),
        (np.where(np.arange(60) < 30, 1.0, np.inf), "infinity"),
        (np.eye(60)[:, :2], "1d|multilabel|multi"),
        (np.arange(59) % 2, "inconsistent"),
        (np.zeros(60), "one class|1 class"),
        (np.full(60, "yes"), "one class|1 class"),
        (np.array([None, 1] * 30, dtype=object), "label|None|NaN"),
    ],
)
def test_y_of_the_wrong_kind_in_classification(y, message, estimator, binary):
    model = quick(estimator)
    with pytest.raises(ValueError, match=message):
        model.fit(binary.X, y)
    assert not hasattr(model, "classes_")


@pytest.mark.parametrize("estimator", CLASSIFIERS)
def test_classes_of_a_stream(estimator, binary):
    X, y = binary.X, np.where(binary.y > 0, "b", "a")
    model = quick(estimator)
    with pytest.raises(ValueError, match="classes must be passed"):
        model.partial_fit(X, y)
    with pytest.raises(ValueError, match=r"greater than one"):
        model.partial_fit(X, y, classes=["a"])
    with pytest.raises(ValueError, match=r"'b'.*known classes are 'a', 'c'"):
        model.partial_fit(X, y, classes=["a", "c"])
    assert not hasattr(model, "coef_")
    model.partial_fit(X, y, classes=["a", "b"])
    before = snapshot(model)
    for labels in (np.where(np.arange(60) == 59, "z", y), np.arange(60) % 2):
        with pytest.raises(ValueError, match="not among the known classes"):
            model.partial_fit(X, labels)
    with pytest.raises(ValueError, match="not the same as on the first call"):
        model.partial_fit(X, y, classes=["a", "b", "c"])
    assert snapshot(model) == before
    model.partial_fit(X, y, classes=["b", "a"])


def test_outputs_of_a_stream(multi_output):
    X, Y = multi_output.X, multi_output.y
    model = quick(GDLinearRegression).partial_fit(X, Y)
    before = snapshot(model)
    for y in (Y[:, 0], Y[:, :2]):
        with pytest.raises(ValueError, match="fitted with 3"):
            model.partial_fit(X, y)
    assert snapshot(model) == before


@each_estimator
@pytest.mark.parametrize(
    "weights, message",
    [
        (-np.ones(60), "Negative"),
        (np.where(np.arange(60) == 7, -1e-12, 1.0), "Negative"),
        (np.zeros(60), "(?i)sample weight.*zero"),
        (np.where(np.arange(60) == 7, np.nan, 1.0), "NaN"),
        (np.where(np.arange(60) == 7, np.inf, 1.0), "infinity"),
        (np.full(60, 1e308), "overflow"),
        (np.ones(59), "length 59"),
        (np.ones((60, 2)), "1D"),
        (np.full(60, "a"), "sample_weight"),
        (-1.0, "Negative"),
        (0.0, "(?i)sample weight.*zero"),
    ],
)
def test_bad_weights(weights, message, estimator, binary):
    model = quick(estimator).fit(binary.X, binary.y)
    before = snapshot(model)
    with pytest.raises(ValueError, match=message):
        model.fit(binary.X, binary.y, sample_weight=weights)
    if "zero" in message:
        model.partial_fit(binary.X, binary.y, sample_weight=weights)
    else:
        with pytest.raises(ValueError, match=message):
            model.partial_fit(binary.X, binary.y, sample_weight=weights)
    assert snapshot(model) == before


@pytest.mark.parametrize("estimator", CLASSIFIERS)
def test_weights_that_leave_one_class(estimator, binary):
    with pytest.raises(ValueError, match="one"):
        quick(estimator).fit(binary.X, binary.y, sample_weight=1.0 * (binary.y > 0))


@each_estimator
def test_before_fit(estimator, binary):
    model = estimator()
    for name, call in calls(model, binary.y).items():
        if not name.endswith("fit"):
            with pytest.raises(NotFittedError):
                call(binary.X)
    for call in (model.sparsify, model.densify):
        with pytest.raises(NotFittedError):
            call()


# Where to start


@pytest.mark.parametrize(
    "start, message",
    [
        ({"coef_init": np.ones(5)}, "coef_init"),
        ({"coef_init": np.ones((6, 1))}, "coef_init"),
        ({"coef_init": np.full(6, np.nan)}, "coef_init.*finite"),
        ({"coef_init": "zero"}, "coef_init.*'zero'"),
        ({"intercept_init": [1.0, 2.0]}, "intercept_init"),
        ({"intercept_init": np.inf}, "intercept_init.*finite"),
        ({"intercept_init": "zero"}, "intercept_init.*'zero'"),
    ],
    ids=label,
)
def test_bad_starts(start, message, binary):
    for estimator in ESTIMATORS:
        with pytest.raises(ValueError, match=message):
            quick(estimator).fit(binary.X, binary.y, **start)


def test_bad_starts_of_several_classes(multiclass):
    with pytest.raises(ValueError, match=r"coef_init.*\(3, 6\).*Got shape \(6, 3\)"):
        GDLogisticRegression().fit(multiclass.X, multiclass.y, coef_init=np.ones((6, 3)))


@each_estimator
@pytest.mark.parametrize(
    "optimizer", ["auto", "sgd", "adam", "ftrl", *VARIANCE_REDUCED, "lbfgs", "newton"]
)
def test_a_run_starts_where_it_is_told(optimizer, estimator, multiclass):
    """Told the optimum, it stays there."""
    X, y = multiclass.X, multiclass.y
    settings = {"alpha": 0.01, "random_state": 0}
    if estimator is GDLinearSVC:
        settings["loss"] = "squared_hinge"
    best = estimator(tol=1e-12, **settings).fit(X, y)
    model = estimator(optimizer=optimizer, max_iter=1, tol=None, **settings)
    if hasattr(model, "partial_fit") and optimizer != "auto":
        model.set_params(learning_rate=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y, coef_init=best.coef_, intercept_init=best.intercept_)
    np.testing.assert_allclose(model.coef_, best.coef_, atol=1e-6)
    np.testing.assert_allclose(model.intercept_, best.intercept_, atol=1e-6)


@pytest.mark.parametrize("optimizer", ["auto", "sgd", "adam", "saga", "lbfgs", "newton"])
def test_without_an_intercept_there_is_none(optimizer, binary):
    model = quick(GDLinearRegression, optimizer=optimizer, fit_intercept=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert model.fit(binary.X, binary.y, intercept_init=3.0).intercept_ == 0.0
        model.set_params(fit_intercept=True).fit(binary.X, binary.y)
        assert model.intercept_ != 0.0
        model.set_params(fit_intercept=False, warm_start=True).fit(binary.X, binary.y)
        assert model.intercept_ == 0.0


def test_warm_start_of_another_shape(binary):
    model = quick(GDLinearRegression, warm_start=True).fit(binary.X, binary.y)
    before = snapshot(model)
    with pytest.raises(ValueError, match="With warm_start=True, coef_"):
        model.fit(binary.X[:, :3], binary.y)
    assert snapshot(model) == before


# Validation sets


@pytest.mark.parametrize(
    "given",
    [{"X_val", "y_val"}, {"X_val"}, {"y_val"}, {"sample_weight_val"}],
    ids=label,
)
def test_a_validation_set_without_early_stopping(given, binary):
    sets = {"X_val": binary.X, "y_val": binary.y, "sample_weight_val": binary.weights}
    with pytest.raises(ValueError, match=r"X_val.*early_stopping=True.*early_stopping=False"):
        GDLinearRegression().fit(binary.X, binary.y, **{name: sets[name] for name in given})


@pytest.mark.parametrize(
    "change, message",
    [
        ({"y_val": None}, "go together"),
        ({"X_val": None}, "go together"),
        ({"X_val": None, "y_val": None}, "go together"),
        ({"X_val": np.ones((60, 2))}, "6 features"),
        ({"X_val": np.full((60, 6), np.nan)}, "NaN"),
        ({"y_val": np.ones(59)}, "inconsistent"),
        ({"y_val": np.full(60, 3)}, "known classes"),
        ({"sample_weight_val": -np.ones(60)}, "Negative"),
        ({"sample_weight_val": np.zeros(60)}, "zero"),
    ],
    ids=label,
)
def test_a_bad_validation_set(change, message, binary):
    sets = {"X_val": binary.X, "y_val": binary.y, "sample_weight_val": binary.weights}
    model = quick(GDLogisticRegression, early_stopping=True)
    with pytest.raises(ValueError, match=message):
        model.fit(binary.X, binary.y, **(sets | change))
    assert not hasattr(model, "classes_")


def test_too_few_rows_to_split_off(binary):
    X, y = binary.X, binary.y
    with pytest.raises(ValueError):
        quick(GDLinearRegression, early_stopping=True).fit(X[:1], y[:1])
    with pytest.raises(ValueError):
        quick(GDLogisticRegression, early_stopping=True).fit(X[:2], [0, 1])


# Failing calls leave the model as it was


@each_estimator
def test_failing_fit_leaves_the_model_as_it_was(estimator, stored, binary):
    X, y = binary.X, binary.y
    model = quick(estimator, optimizer="adam").fit(stored(X), y)
    before = snapshot(model)
    other = np.column_stack([X, X])
    for bad_X, bad_y, weights in [
        (with_value(X, np.nan), y, None),
        (other, y[:-1], None),
        (other, None, None),
        (other, with_value(y, np.nan), None),
        (other, y, -np.ones(60)),
        (other, y, np.zeros(60)),
    ]:
        with pytest.raises(ValueError):
            model.fit(stored(bad_X), bad_y, sample_weight=weights)
        assert snapshot(model) == before


@each_estimator
@pytest.mark.parametrize("optimizer", ["auto", "adam", "ftrl", SGD(momentum=0.5)], ids=label)
@pytest.mark.parametrize("learning_rate", ["auto", 0.01])
def test_failing_partial_fit_leaves_the_model_as_it_was(
    learning_rate, optimizer, estimator, stored, binary
):
    X, y = binary.X, binary.y
    settings = {"learning_rate": learning_rate, "average": True, "penalty": "elasticnet"}
    model = quick(estimator, optimizer=optimizer, **settings)
    keywords = {} if estimator is GDLinearRegression else {"classes": [-1, 1]}
    model.partial_fit(stored(X[:30]), y[:30], **keywords)
    twin = pickle.loads(pickle.dumps(model))
    before = snapshot(model)
    for bad_X, bad_y, weights in [
        (with_value(X, np.nan), y, None),
        (X[:, :3], y, None),
        (X, y[:-1], None),
        (X, with_value(y, np.nan), None),
        (X, y, -np.ones(60)),
    ]:
        with pytest.raises(ValueError):
            model.partial_fit(stored(bad_X), bad_y, sample_weight=weights)
        assert snapshot(model) == before
    for one in (model, twin):
        one.partial_fit(stored(X[30:]), y[30:])
    np.testing.assert_array_equal(model.coef_, twin.coef_)
    assert model.t_ == twin.t_


def test_a_warm_start_that_fails_leaves_the_model_as_it_was(binary):
    calls = 0

    def rates(t):
        nonlocal calls
        calls += 1
        if calls > 4:
            raise RuntimeError("no more rates")
        return np.full(len(t), 0.01)

    model = quick(GDLinearRegression, warm_start=True, learning_rate=rates).fit(binary.X, binary.y)
    coef, t = model.coef_.copy(), model.t_
    with pytest.raises(RuntimeError, match="no more rates"):
        model.fit(binary.X, binary.y)
    np.testing.assert_array_equal(model.coef_, coef)
    assert model.t_ == t
    calls = 0
    model.partial_fit(binary.X, binary.y)
    assert model.t_ == t + 60


# Divergence


@pytest.fixture(scope="module")
def raw():
    """Real data in raw units: a rate that is fine for one column is far too large for others."""
    X, classes = load_breast_cancer(return_X_y=True)
    return X, X @ np.linspace(-1, 1, X.shape[1]), classes


def fit_and_collect(model, X, y):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    assert {w.category for w in caught} <= {ConvergenceWarning}, [str(w.message) for w in caught]
    return [str(w.message) for w in caught]


@each_estimator
@pytest.mark.parametrize("optimizer", [*STREAMING, *VARIANCE_REDUCED], ids=label)
@pytest.mark.parametrize("learning_rate", [1e3, 1e30, 1e300])
def test_divergence(learning_rate, optimizer, estimator, raw):
    if estimator is GDLinearSVC and optimizer in VARIANCE_REDUCED:
        pytest.skip("needs a smooth loss")
    X, targets, classes = raw
    y = targets if estimator is GDLinearRegression else classes
    settings = {"optimizer": optimizer, "learning_rate": learning_rate, "max_iter": 10}
    for rows in (X, X.astype(np.float32), sparse.csr_array(X), sparse.csr_array(X, dtype="f4")):
        model = quick(estimator, tol=1e-4, **settings)
        messages = fit_and_collect(model, rows, y)
        assert is_finite(model)
        assert np.isfinite(model.predict(X)).all()
        if learning_rate > 1e3:
            assert any(f"learning_rate={learning_rate!r}" in message for message in messages)


@pytest.mark.parametrize("optimizer", ["sgd", "saga"])
def test_a_diverging_run_stops_at_its_last_good_iterate(optimizer, raw):
    """Not at zero, where it had made progress before."""
    X, y, _ = raw
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    good = quick(GDLinearRegression, optimizer=optimizer, max_iter=5).fit(X, y)
    start = {"coef_init": good.coef_, "intercept_init": good.intercept_}
    model = quick(GDLinearRegression, optimizer=optimizer, learning_rate=1e6)
    with pytest.warns(ConvergenceWarning, match="learning_rate=1000000.0"):
        model.fit(X, y, **start)
    np.testing.assert_allclose(model.coef_, good.coef_)
    np.testing.assert_allclose(model.intercept_, good.intercept_)


def test_a_schedule_that_goes_wrong_on_the_way(binary):
    """The epochs before it are kept."""

    def rates(t):
        return np.where(t <= 5 * 60, 0.01, 1e100)

    model = quick(GDLinearRegression, learning_rate=rates, shuffle=False, max_iter=50)
    with pytest.warns(ConvergenceWarning, match="learning_rate"):
        model.fit(binary.X, binary.y)
    good = quick(GDLinearRegression, learning_rate=0.01, shuffle=False, max_iter=5)
    good.fit(binary.X, binary.y)
    np.testing.assert_array_equal(model.coef_, good.coef_)
    assert (model.n_iter_, model.t_, len(model.loss_curve_)) == (5, 300, 5)
    assert np.isfinite(model.loss_curve_).all()


@each_estimator
@pytest.mark.parametrize("optimizer", STREAMING[:3], ids=label)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_divergence_on_a_stream(dtype, optimizer, estimator, stored, raw):
    X, targets, classes = raw
    y = targets if estimator is GDLinearRegression else classes
    keywords = {} if estimator is GDLinearRegression else {"classes": [0, 1]}
    model = quick(estimator, optimizer=optimizer, learning_rate=1e300)
    rows = stored(X.astype(dtype))
    with pytest.warns(ConvergenceWarning, match=r"learning_rate=1e\+300") as caught:
        model.partial_fit(rows, y, **keywords)
    assert caught[0].filename == __file__
    assert not np.any(model.coef_) and is_finite(model)
    model.set_params(learning_rate=1e-8).partial_fit(rows, y)
    before, t = model.coef_.copy(), model.t_
    assert np.any(before)
    model.set_params(learning_rate=1e300)
    with pytest.warns(ConvergenceWarning, match=r"learning_rate=1e\+300"):
        model.partial_fit(rows, y)
    np.testing.assert_array_equal(model.coef_, before)
    assert model.t_ == t
    model.set_params(learning_rate=1e-8).partial_fit(rows, y)
    assert model.t_ == t + t


@each_estimator
@pytest.mark.parametrize("optimizer", STREAMING, ids=label)
@pytest.mark.parametrize("learning_rate", ["auto", 1e3, 1e300])
def test_a_stream_stays_finite(learning_rate, optimizer, estimator, stored, raw):
    """Whatever the rate, and though the scales of the columns grow and grow."""
    X, targets, classes = raw
    y = targets if estimator is GDLinearRegression else classes
    keywords = {} if estimator is GDLinearRegression else {"classes": [0, 1]}
    model = quick(estimator, optimizer=optimizer, learning_rate=learning_rate)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        for growth in 10.0 ** np.arange(0, 12, 3):
            model.partial_fit(stored(growth * X), y, **keywords)
            assert is_finite(model)
            keywords = {}


@pytest.mark.parametrize("optimizer", ["auto", "sgd", "adagrad", "adam", "saga", "lbfgs", "newton"])
@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_float32_that_could_overflow(scale, optimizer, stored, binary):
    """Squares of these numbers are no float32 any more."""
    X = (binary.X * scale).astype(np.float32)
    model = GDLogisticRegression(optimizer=optimizer, max_iter=50, random_state=0)
    other = GDLogisticRegression(optimizer=optimizer, max_iter=50, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("error", RuntimeWarning)
        model.set_params(alpha=0.0).fit(stored(X), binary.y)
        other.set_params(alpha=0.0).fit(stored(binary.X.astype(np.float32)), binary.y)
    assert is_finite(model)
    assert model.score(stored(X), binary.y) >= other.score(binary.X, binary.y) - 0.05


# Not converged


@pytest.mark.parametrize("optimizer", ["auto", "lbfgs", "newton", *VARIANCE_REDUCED, *STREAMING])
def test_not_converged(optimizer, binary):
    model = GDLogisticRegression(optimizer=optimizer, max_iter=1, tol=1e-9, random_state=0)
    with pytest.warns(ConvergenceWarning, match="max_iter=1") as caught:
        model.fit(binary.X, binary.y)
    assert caught[0].filename == __file__
    assert model.n_iter_ == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.set_params(tol=None).fit(binary.X, binary.y)


def test_separable_classes_have_no_optimum_without_a_penalty(binary):
    y = np.where(binary.X[:, 0] > np.median(binary.X[:, 0]), 1, 0)
    for optimizer in ("auto", "newton", "lbfgs"):
        model = GDLogisticRegression(alpha=0.0, optimizer=optimizer, max_iter=200)
        with pytest.warns(ConvergenceWarning, match="alpha"):
            model.fit(binary.X, y)
        assert is_finite(model)
        assert model.score(binary.X, y) == 1.0


# Ctrl-C


def interrupt(call, after):
    """Run a call that takes hours, send Ctrl-C after some seconds; it comes through, and soon.

    Soon is a tenth of a second where the machine is free; what is held here is that no kernel goes
    on for long, however busy it is.
    """
    sent = []

    def send():
        sent.append(time.perf_counter())
        signal.raise_signal(signal.SIGINT)

    # a process started in the background of a shell ignores the signal, unless told otherwise
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(after, send)
    timer.start()
    try:
        call()
    except KeyboardInterrupt:
        assert time.perf_counter() - sent[0] < 20.0
    else:
        pytest.fail("it was over before Ctrl-C came")
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, handler)


@pytest.fixture(scope="module")
def long_work():
    """A problem that takes far longer than a test may."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100_000, 60))
    return X, X @ rng.normal(size=60) + rng.normal(size=len(X))


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "sgd"},
        {"optimizer": "sgd", "learning_rate": 1e-4, "average": True},
        {"optimizer": "adam", "batch_size": 64},
        {"optimizer": "sgd", "batch_size": "full"},
        {"optimizer": "ftrl", "penalty": "l1", "alpha": 0.1},
        {"optimizer": "saga"},
        {"optimizer": "svrg"},
        {"optimizer": "newton", "loss": "huber"},
        {"optimizer": "auto", "loss": "quantile"},
    ],
    ids=label,
)
def test_ctrl_c(settings, long_work):
    X, y = long_work
    model = GDLinearRegression(max_iter=10**7, tol=None, random_state=0, **settings)
    interrupt(lambda: model.fit(X, y), after=0.3)
    assert is_finite(model)
    assert model.predict(X[:5]).shape == (5,)
    assert model.n_iter_ >= 1
    if hasattr(model, "partial_fit"):
        assert is_finite(model.partial_fit(X[:100], y[:100]))


def test_ctrl_c_on_sparse_rows():
    rng = np.random.default_rng(0)
    indptr = np.arange(0, 3_000_001, 30)
    data, indices = rng.normal(size=3_000_000), rng.integers(0, 1000, size=3_000_000)
    X = sparse.csr_array((data, indices, indptr), shape=(100_000, 1000))
    X.sum_duplicates()
    y = rng.integers(0, 3, size=X.shape[0])
    for optimizer in ("sgd", "adam", "saga"):
        model = GDLogisticRegression(optimizer=optimizer, max_iter=10**7, tol=None)
        interrupt(lambda: model.fit(X, y), after=0.3)  # noqa: B023
        assert is_finite(model)
        assert model.coef_.shape == (3, 1000)


def test_ctrl_c_keeps_what_was_learnt(long_work):
    """The model that it leaves is no worse than the one it began with."""
    X, y = long_work
    model = GDLinearRegression(optimizer="sgd", max_iter=10**7, tol=None, random_state=0)
    interrupt(lambda: model.fit(X, y), after=0.5)
    assert model.score(X, y) > 0.5
    assert len(model.loss_curve_) == model.n_iter_


# Pickles


def test_pickles_of_another_state_version(binary):
    model = quick(GDLinearRegression).fit(binary.X, binary.y)
    state = model.__getstate__()
    for version in (None, 0, 10**6):
        blank = GDLinearRegression.__new__(GDLinearRegression)
        with pytest.raises(ValueError, match=f"GDLinearRegression has state version {version}"):
            blank.__setstate__({**state, "_state_version": version})
    with pytest.raises(ValueError, match="state version None"):
        blank.__setstate__({})


@pytest.mark.parametrize("max_iter", [10, 50])
def test_iterations_past_the_rounding_of_the_optimum(max_iter):
    """With tol=None an exact fit is iterated on until its equations are singular."""
    X, y = np.array([[1, 1e4], [0, 0], [0, 1], [0, 0]]), np.array([0.0, 0.0, 1.0, 1.0])
    model = GDLinearRegression(loss="quantile", fit_intercept=False, tol=None, max_iter=max_iter)
    model.fit(X, y)
    assert model.loss_curve_[-1] == pytest.approx(0.125)


def test_units_whose_squares_overflow(binary):
    model = GDLinearRegression()
    with pytest.raises(ValueError, match="y holds numbers beyond"):
        model.fit(binary.X, binary.y * 1e80)
    with pytest.raises(ValueError, match="squares overflow"):
        model.fit(binary.X * 1e160, binary.y)
    assert not hasattr(model, "coef_")
    for unit in (1e-40, 1e40):
        assert model.fit(binary.X, binary.y * unit).score(binary.X, binary.y * unit) > 0.0


@each_estimator
@pytest.mark.parametrize(
    "optimizer",
    ["auto", "sgd", "adam", "saga", "psvrg", "sdca", "lbfgs", "newton", "cd", "cholesky"],
)
def test_columns_whose_squares_overflow_or_vanish(optimizer, estimator, stored, binary):
    if estimator is not GDLinearRegression and optimizer == "cholesky":
        return
    model = estimator(optimizer=optimizer, alpha=0.1 * (optimizer == "sdca"), max_iter=20)
    if estimator is GDLinearSVC and optimizer != "auto":
        model.set_params(loss="squared_hinge")
    X = binary.X + np.arange(6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        with pytest.raises(ValueError, match="squares overflow"):
            model.fit(stored(X * 1e160), binary.y)
        assert not hasattr(model, "coef_")
        for columns in (slice(None), slice(1)):
            X[:, columns] *= 1e-160
            assert is_finite(model.fit(stored(X), binary.y))
            assert np.isfinite(model.loss_curve_).all()


@pytest.mark.parametrize("optimizer", ["newton", "psvrg"])
def test_more_columns_than_memory_has_pairs_of(optimizer):
    X = sparse.csr_array(([1.0, 2.0], ([0, 1], [7, 10**7])), shape=(2, 2 * 10**7))
    with pytest.raises(MemoryError, match=f"optimizer='{optimizer}' holds .* choose 'lbfgs'"):
        GDLogisticRegression(optimizer=optimizer).fit(X, [0, 1])
