"""Optimizers as parameter objects; that they optimise is shown where their loops are tested."""

import pickle
import re

import numpy as np
import pytest
from labels import label
from sklearn.base import BaseEstimator, clone

from sgdlearn import optimizers
from sgdlearn.optimizers import (
    FTRL,
    LBFGS,
    SGD,
    SVRG,
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    DoG,
    NAdam,
    Optimizer,
    RMSProp,
    ScheduleFree,
)

# an object, its update rule in the kernels, the numbers of memory a coefficient, its constants
RULES = [
    (SGD(), "SGD", 0, (0, 0, 0, 0)),
    (SGD(nesterov=True), "SGD", 0, (0, 0, 0, 0)),
    (SGD(0.8), "MOMENTUM", 1, (0.8, 0, 0, 0)),
    (SGD(0.8, nesterov=True), "NESTEROV", 1, (0.8, 0, 0, 0)),
    (AdaGrad(0.1), "ADAGRAD", 1, (0, 0, 0.1, 0)),
    (AdaDelta(0.7, 0.1), "ADADELTA", 2, (0, 0.7, 0.1, 0)),
    (RMSProp(0.7, 0.1), "RMSPROP", 1, (0, 0.7, 0.1, 0)),
    (Adam(0.8, 0.7, 0.1), "ADAM", 2, (0.8, 0.7, 0.1, 0)),
    (Adam(amsgrad=True), "AMSGRAD", 3, (0.9, 0.999, 1e-8, 0)),
    (AdamW(0.8, 0.7, 0.1), "ADAMW", 2, (0.8, 0.7, 0.1, 0)),
    (AdamW(amsgrad=True), "ADAMW_AMSGRAD", 3, (0.9, 0.999, 1e-8, 0)),
    (NAdam(0.8, 0.7, 0.1, 0.01), "NADAM", 2, (0.8, 0.7, 0.1, 0.01)),
    (FTRL(2.0), "FTRL", 3, (0, 0, 0, 2)),
    (ScheduleFree(0.8, 0.1, 2.0), "SCHEDULE_FREE", 2, (0.8, 0, 0.1, 2)),
    (DoG(0.1), "DOG", 2, (0, 0, 0, 0)),
]
CODES = [
    *("SGD", "MOMENTUM", "NESTEROV", "ADAGRAD", "ADADELTA", "RMSPROP"),
    *("ADAM", "AMSGRAD", "ADAMW", "ADAMW_AMSGRAD", "NADAM", "FTRL", "SCHEDULE_FREE", "DOG"),
]


@pytest.mark.parametrize("optimizer, rule, n_slots, constants", RULES, ids=lambda v: str(v))
def test_what_the_kernels_are_told(optimizer, rule, n_slots, constants):
    assert optimizer.family == "stochastic"
    assert CODES[optimizer.kernel_code] == rule
    assert optimizer.n_slots == n_slots
    assert optimizer.kernel_parameters() == constants


@pytest.mark.parametrize(
    "name, family",
    [
        *[
            (name, "stochastic")
            for name in (
                *("sgd", "adagrad", "adadelta", "rmsprop", "adam", "adamw", "nadam", "ftrl"),
                *("schedule_free", "dog"),
            )
        ],
        *[(name, "variance_reduced") for name in ("sag", "saga", "svrg", "psvrg")],
        ("sdca", "dual"),
        *[(name, "batch") for name in ("lbfgs", "newton", "cholesky", "cd")],
    ],
)
def test_names(name, family):
    optimizer = optimizers.resolve(name)
    assert type(optimizer) is optimizers.OPTIMIZERS[name]
    assert (optimizer.name, optimizer.family) == (name, family)


def test_every_optimizer_has_a_name():
    public = {getattr(optimizers, name) for name in optimizers.__all__} - {Optimizer}
    assert public == {*optimizers.OPTIMIZERS.values(), optimizers.RPCS}


def test_some_optimizers_are_for_some_estimators_alone():
    also = (optimizers.RPCS,)
    assert isinstance(optimizers.resolve("rpcs", also=also), optimizers.RPCS)
    assert isinstance(optimizers.resolve(optimizers.RPCS(), also=also), optimizers.RPCS)
    for optimizer in ("rpcs", optimizers.RPCS()):
        with pytest.raises(ValueError, match="The 'optimizer' parameter must be"):
            optimizers.resolve(optimizer)


@pytest.mark.parametrize("kind", optimizers.OPTIMIZERS.values())
def test_parameter_object(kind):
    optimizer = kind()
    assert set(optimizer.get_params()) == set(kind.domains)
    changed = {
        name: {"a bool": True}.get(domain, 3 if "integer" in domain else 0.25)
        for name, domain in kind.domains.items()
    }
    again = kind().set_params(**changed)
    for copy in (kind(**changed), clone(again), pickle.loads(pickle.dumps(again)), again):
        assert type(copy) is kind
        assert copy.get_params() == changed
        assert optimizers.resolve(copy) is copy
    assert vars(again) == changed


class Estimator(BaseEstimator):
    def __init__(self, optimizer="auto"):
        self.optimizer = optimizer


def test_grids_reach_the_parameters():
    estimator = clone(Estimator(Adam())).set_params(optimizer__beta1=0.5)
    assert estimator.optimizer.beta1 == 0.5
    assert estimator.set_params(optimizer=SGD(), optimizer__momentum=0.3).optimizer.momentum == 0.3
    assert repr(estimator) == "Estimator(optimizer=SGD(momentum=0.3))"


def outside(domain):
    """Values that are not in the domain."""
    if domain == "a bool":
        return [1, None, "True"]
    values = ["0.5", np.nan, np.inf, -1, True]
    values += [] if domain.startswith("None or") else [None]
    values += [1] if domain.endswith("1)") else []
    values += [0] if "(0" in domain else []
    values += [0, 2.0] if "integer" in domain else []
    return values


@pytest.mark.parametrize(
    "kind, name, value",
    [
        (kind, name, value)
        for kind in optimizers.OPTIMIZERS.values()
        for name, domain in kind.domains.items()
        for value in outside(domain)
    ],
)
def test_errors_name_parameter_value_and_domain(kind, name, value):
    message = (
        f"The '{name}' parameter of {kind.__name__} must be {kind.domains[name]}. "
        f"Got {value!r} instead."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        optimizers.resolve(kind(**{name: value}))


def test_numpy_numbers_are_numbers():
    optimizers.resolve(Adam(beta1=np.float32(0.5), amsgrad=np.bool_(True)))
    optimizers.resolve(LBFGS(memory=np.int64(5)))
    optimizers.resolve(SVRG(snapshot_every=np.int32(2)))


@pytest.mark.parametrize(
    "optimizer", ["adem", "auto", None, 3, ["sgd"], BaseEstimator()], ids=label
)
def test_unknown_optimizer(optimizer):
    with pytest.raises(ValueError, match="The 'optimizer' parameter must be ") as error:
        optimizers.resolve(optimizer)
    assert f"Got {optimizer!r} instead." in str(error.value)
    assert "optimizer__beta1" in str(error.value)
    for name in ("'auto'", *map(repr, optimizers.OPTIMIZERS)):
        assert name in str(error.value)


def test_a_class_is_no_object():
    with pytest.raises(ValueError, match=r"Pass an object: Adam\(\)\."):
        optimizers.resolve(Adam)


class Momentum(Optimizer):
    domains = {"beta": "a number in [0, 1)"}

    def __init__(self, beta=0.9):
        self.beta = beta

    def init(self, params):
        return np.zeros_like(params)

    def update(self, params, grads, state, rate):
        state = self.beta * state + grads
        return params - rate * state, state


def test_an_optimizer_of_ones_own():
    rule = optimizers.resolve(Momentum(0.5))
    assert (rule.family, rule.kernel_code) == ("stochastic", None)
    w = np.array([1.0])
    state = rule.init(w)
    for _ in range(2):
        w, state = rule.update(w, w, state, 0.1)
    assert w == pytest.approx(0.9 - 0.1 * (0.9 + 0.5))
    with pytest.raises(ValueError, match=r"'beta' parameter of Momentum .* Got 2 instead"):
        optimizers.resolve(Momentum(2))


@pytest.mark.parametrize("method, arguments", [("init", 1), ("update", 4)])
def test_an_optimizer_says_what_it_lacks(method, arguments):
    with pytest.raises(NotImplementedError, match=f"Optimizer does not define {method}"):
        getattr(Optimizer(), method)(*[None] * arguments)
