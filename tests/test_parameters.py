"""Every parameter does what it says, and nothing else; what fit leaves behind."""

import numpy as np
import pytest
from labels import label
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.utils import estimator_html_repr

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression
from sgdlearn.optimizers import OPTIMIZERS, SGD, Adam, DoG
from sgdlearn.schedules import (
    Constant,
    Cosine,
    Exponential,
    InverseScaling,
    OneCycle,
    Optimal,
    ReduceOnPlateau,
    Step,
    Warmup,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [GDLinearRegression, GDLogisticRegression, GDLinearSVC]
STOCHASTIC = [name for name, optimizer in OPTIMIZERS.items() if optimizer.family == "stochastic"]
OTHERS = [name for name in OPTIMIZERS if name not in STOCHASTIC]
# In three iterations these come to the optimum, as newton does.
FAR_APART = [name for name in OPTIMIZERS if name not in ("cholesky", "psvrg", "cd")]
FOR_CLASSES = [name for name in OPTIMIZERS if name != "cholesky"]  # that is least squares alone

X, y = make_classification(
    150, 6, n_informative=4, n_redundant=0, flip_y=0.1, weights=[0.7], random_state=0
)
X = X + 0.5
z = X @ [1.0, -2.0, 0.0, 0.5, 0.0, -1.0] + np.random.default_rng(0).normal(size=len(X)) - 4.0
labels = np.digitize(z, [-7.0, -3.0])


def target(estimator):
    """Not separable, neither centred nor balanced."""
    return z if isinstance(estimator, GDLinearRegression) else y


def fitted(estimator, parameters, y=None):
    model = estimator(**{"random_state": 0, **parameters})
    return model.fit(X, target(model) if y is None else y)


def coefficients(model):
    return np.append(model.coef_, model.intercept_)


# A parameter, a setting where it applies and values, all of which give another model there.
FEW_EPOCHS = {"optimizer": "sgd", "learning_rate": 0.01, "max_iter": 3, "tol": None}
OBJECTIVE = [
    ("penalty", {"alpha": 0.1}, ["l2", "l1", "elasticnet", None]),
    ("alpha", {}, [0.01, 0.1]),
    ("l1_ratio", {"penalty": "elasticnet", "alpha": 0.1}, [0.1, 0.9]),
    ("standardize", {"alpha": 0.1}, [False, True]),
    ("fit_intercept", {}, [True, False]),
    ("positive", {}, [False, True]),
]
DESCENT = [
    ("optimizer", {"alpha": 0.1, "max_iter": 3, "tol": None}, FAR_APART),
    ("learning_rate", FEW_EPOCHS, ["auto", 0.01, 0.1, Step(0.01, every=100), lambda t: 0.1 / t]),
    ("batch_size", FEW_EPOCHS, [1, 7, "full"]),
    ("average", FEW_EPOCHS, [False, True, 200]),
    ("max_iter", FEW_EPOCHS, [2, 3]),
    ("tol", {"optimizer": "lbfgs"}, [0.1, 1e-6]),
    ("tol", {"optimizer": "saga"}, [0.1, 1e-6]),
    ("tol", {"optimizer": "adam"}, [0.1, 1e-6]),
    ("shuffle", FEW_EPOCHS, [True, False]),
    ("early_stopping", FEW_EPOCHS, [False, True]),
    ("validation_fraction", {**FEW_EPOCHS, "early_stopping": True}, [0.1, 0.4]),
    ("n_iter_no_change", {"optimizer": "adam", "tol": 0.01}, [1, 9]),
    ("n_replicas", FEW_EPOCHS, [1, 2]),
    ("random_state", FEW_EPOCHS, [0, 1]),
]
OWN = {
    GDLinearRegression: [
        (
            "loss",
            {},
            [
                "squared_error", "huber", "absolute_error", "epsilon_insensitive",
                "squared_epsilon_insensitive",
            ],
        ),
        ("quantile", {"loss": "quantile"}, [0.2, 0.5]),
        ("epsilon", {"loss": "huber"}, [None, 0.1]),
        ("epsilon", {"loss": "epsilon_insensitive"}, [None, 1.0]),
        ("epsilon", {"loss": "squared_epsilon_insensitive"}, [None, 1.0]),
    ],
    GDLogisticRegression: [("class_weight", {}, [None, "balanced", {0: 5.0}])],
    GDLinearSVC: [
        ("loss", {}, ["hinge", "squared_hinge"]),
        ("class_weight", {}, [None, "balanced", {0: 5.0}]),
    ],
}  # fmt: skip
# Tested below: what they change is not the model, or not that of a first fit on two classes.
APART = {"warm_start", "n_jobs", "verbose", "multi_class"}

CASES = [
    (estimator, {"optimizer": optimizer, **setting}, name, values)
    for estimator in ESTIMATORS
    for name, setting, values in OBJECTIVE + OWN[estimator]
    for optimizer in ("auto", "sgd", "adam", "saga")
    if optimizer != "saga" or name not in ("loss", "quantile", "epsilon")
] + [
    (estimator, setting, name, values)
    for estimator in ESTIMATORS
    for name, setting, values in DESCENT
]


def all_differ(models):
    found = [coefficients(model) for model in models]
    return all(
        not np.allclose(found[i], found[j], rtol=1e-4, atol=1e-6)
        for i in range(len(found))
        for j in range(i)
    )


@pytest.mark.parametrize("estimator, setting, name, values", CASES)
def test_every_parameter_changes_the_model(estimator, setting, name, values):
    if estimator is GDLinearSVC and setting.get("optimizer") not in ("auto", "sgd", "adam"):
        setting = {"loss": "squared_hinge", **setting}
    setting = {"max_iter": 50, **setting}
    assert all_differ([fitted(estimator, {**setting, name: value}) for value in values])


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_table_above_is_complete(estimator):
    tested = {name for name, *_ in OBJECTIVE + DESCENT + OWN[estimator]} | APART
    assert set(estimator().get_params()) <= tested
    assert list(estimator._parameter_constraints) != []
    assert set(estimator._parameter_constraints) == set(estimator().get_params())


@pytest.mark.parametrize("estimator", [GDLogisticRegression])
@pytest.mark.parametrize("optimizer", ["auto", "sgd", "adam", "saga"])
def test_multi_class_changes_the_model(estimator, optimizer):
    setting = {"optimizer": optimizer, "max_iter": 50}
    values = ["multinomial", "ovr"]
    assert all_differ([fitted(estimator, {**setting, "multi_class": v}, labels) for v in values])


CHANGED = {
    "momentum": 0.5, "nesterov": True, "epsilon": 0.1, "rho": 0.5, "beta1": 0.5, "beta2": 0.9,
    "amsgrad": True, "momentum_decay": 0.5, "beta": 3.0, "snapshot_every": 3, "memory": 1,
    "initial": 0.5, "power": 1.0,
}  # fmt: skip


@pytest.mark.parametrize(
    "optimizer, name",
    [(kind, name) for kind in OPTIMIZERS.values() for name in kind().get_params()],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_every_parameter_of_an_optimizer_changes_the_model(optimizer, name):
    given = {"momentum": 0.9} if name == "nesterov" else {}
    if name == "amsgrad":
        given = {"beta2": 0.5}
    changed = optimizer(**given | {name: CHANGED[name]})
    setting = {"max_iter": 6, "tol": None}
    models = [
        fitted(GDLogisticRegression, {**setting, "optimizer": rule})
        for rule in (optimizer(**given), changed)
    ]
    assert all_differ(models)


@pytest.mark.parametrize("optimizer", STOCHASTIC)
@pytest.mark.parametrize("name, values", [
    ("learning_rate", [0.01, 0.02]),
    ("batch_size", [1, 5, "full"]),
    ("average", [False, 5]),
    ("alpha", [0.0, 0.1]),
    ("penalty", ["l1", "l2"]),
    ("positive", [True, False]),
])  # fmt: skip
def test_every_rule_heeds_every_parameter(optimizer, name, values):
    rule = DoG(0.1) if optimizer == "dog" else optimizer  # as it would come to after some updates
    setting = {
        "optimizer": rule, "learning_rate": 0.1, "alpha": 0.05, "max_iter": 3, "tol": None
    }  # fmt: skip
    assert all_differ([fitted(GDLogisticRegression, {**setting, name: v}) for v in values])


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("optimizer", ["lbfgs", "newton", "saga", SGD(0.9), "auto"])
def test_number_of_threads_changes_no_bit(estimator, optimizer):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 30))  # enough to be split up
    z = X[:, 0] + rng.normal(size=len(X))
    y = z if estimator is GDLinearRegression else z > 0.0
    setting = {"optimizer": optimizer, "max_iter": 4, "tol": None, "random_state": 0}
    if isinstance(optimizer, SGD):
        setting["batch_size"] = "full"
    if estimator is GDLinearSVC:
        setting["loss"] = "squared_hinge"
    one, two = (estimator(n_jobs=n, **setting).fit(X, y) for n in (1, 2))
    np.testing.assert_array_equal(one.coef_, two.coef_)
    np.testing.assert_array_equal(one.intercept_, two.intercept_)
    assert one.loss_curve_ == two.loss_curve_


@pytest.mark.parametrize("optimizer", FOR_CLASSES)
def test_random_state_makes_fits_repeatable(optimizer):
    setting = {"optimizer": optimizer, "max_iter": 3, "tol": None}
    first, again = (fitted(GDLogisticRegression, setting) for _ in range(2))
    np.testing.assert_array_equal(first.coef_, again.coef_)
    state = np.random.RandomState(0)
    later = [fitted(GDLogisticRegression, {**setting, "random_state": state}) for _ in range(2)]
    np.testing.assert_array_equal(later[0].coef_, first.coef_)
    drawn = OPTIMIZERS[optimizer].family != "batch"
    assert np.array_equal(later[1].coef_, first.coef_) != drawn


# Objects as parameters


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_get_and_set_params(estimator):
    model = estimator(optimizer=Adam(beta1=0.8), learning_rate=Warmup(InverseScaling(0.3), 7))
    deep = model.get_params()
    assert deep["optimizer__beta1"] == 0.8
    assert deep["learning_rate__schedule__initial_rate"] == 0.3
    model.set_params(optimizer__beta1=0.5, learning_rate__schedule__power=1.0, alpha=3)
    assert model.optimizer.beta1 == 0.5
    assert model.learning_rate.schedule.power == 1.0
    assert model.alpha == 3
    with pytest.raises(ValueError, match="Invalid parameter 'betal'"):
        model.set_params(optimizer__betal=0.5)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_clone_copies_parameter_objects(estimator):
    def halving(t):
        return 0.5**t

    model = estimator(optimizer=Adam(beta1=0.8), learning_rate=Step(drop=0.3))
    twin = clone(model)
    assert twin.optimizer is not model.optimizer
    assert twin.optimizer.beta1 == 0.8
    assert twin.learning_rate.drop == 0.3
    assert clone(estimator(learning_rate=halving)).learning_rate is halving
    before = repr(model)
    model.fit(X, target(model))
    assert repr(model) == before


def test_repr():
    model = GDLogisticRegression(optimizer=Adam(beta1=0.8), learning_rate=Step(drop=0.3))
    assert repr(model) == (
        "GDLogisticRegression(learning_rate=Step(drop=0.3), optimizer=Adam(beta1=0.8))"
    )
    html = estimator_html_repr(model)
    assert "GDLogisticRegression" in html
    assert "Adam" in html


# What fit leaves behind


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("optimizer", ["auto", *OPTIMIZERS])
def test_counts_and_curve(estimator, optimizer):
    if estimator is not GDLinearRegression and optimizer == "cholesky":
        return
    setting = {"optimizer": optimizer, "max_iter": 4, "tol": None}
    if estimator is GDLinearSVC and optimizer != "auto":
        setting["loss"] = "squared_hinge"
    if optimizer == "sdca":
        setting["alpha"] = 0.1
    model = fitted(estimator, setting)
    assert len(model.loss_curve_) == model.n_iter_ <= 4
    assert np.isfinite(model.loss_curve_).all()
    assert model.loss_curve_[-1] <= model.loss_curve_[0]
    assert isinstance(model.n_iter_, int)
    assert isinstance(model.t_, int)
    if optimizer in STOCHASTIC:
        one = dict.fromkeys(("sgd", "adagrad", "ftrl", "dog"), 1)
        batch_size = {**one, "schedule_free": 8}.get(optimizer, 32)
        assert model.t_ == 4 * -(-len(X) // batch_size)
    elif model.optimizer_.family == "batch":
        assert model.t_ == model.n_iter_
    if optimizer not in ("auto", "lbfgs", "newton", "cholesky", "cd"):
        assert model.n_iter_ == 4  # without tol all are run
    assert type(model.optimizer_) in OPTIMIZERS.values()


@pytest.mark.parametrize("optimizer", FOR_CLASSES)
@pytest.mark.parametrize("penalty", ["l1", "l2", "elasticnet"])
def test_last_value_of_the_curve_is_the_objective(optimizer, penalty):
    smooth = optimizer in ("newton", "psvrg")
    if (optimizer, penalty) == ("sdca", "l1") or (smooth and penalty != "l2"):
        return
    alpha, weights = 0.05, np.arange(len(y)) % 3 + 0.5
    model = GDLogisticRegression(
        optimizer=optimizer, penalty=penalty, alpha=alpha, max_iter=12, tol=None
    )
    model.fit(X, y, weights)
    margins = np.where(y == 1, 1.0, -1.0) * model.decision_function(X)
    loss = np.average(np.logaddexp(0.0, -margins), weights=weights)
    l1, l2 = {"l1": (1.0, 0.0), "l2": (0.0, 1.0), "elasticnet": (0.15, 0.85)}[penalty]
    w = model.coef_
    value = loss + alpha * (l1 * np.abs(w).sum() + l2 / 2 * (w**2).sum())
    assert model.loss_curve_[-1] == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("optimizer", [*STOCHASTIC, "saga"])
def test_fit_begins_anew(optimizer):
    setting = {"optimizer": optimizer, "max_iter": 2, "tol": None, "random_state": 0}
    model = GDLogisticRegression(**setting).fit(X, y)
    coef, t = model.coef_.copy(), model.t_
    if optimizer != "saga":
        model.partial_fit(X, y)
        assert model.t_ > t
    model.fit(X, y)
    np.testing.assert_array_equal(model.coef_, coef)
    assert model.t_ == t


# A start of one's own


@pytest.mark.parametrize("optimizer", ["lbfgs", "newton", "saga", "adam"])
def test_start_at_the_optimum(optimizer):
    optimum = GDLogisticRegression(alpha=0.01, tol=1e-12).fit(X, y)
    start = {"coef_init": optimum.coef_, "intercept_init": optimum.intercept_}
    model = GDLogisticRegression(
        alpha=0.01, optimizer=optimizer, max_iter=1, tol=None, random_state=0
    )
    model.fit(X, y, **start)
    far = clone(model).fit(X, y)
    assert model.loss_curve_[0] < far.loss_curve_[0]


def test_start_in_the_shape_of_the_attributes():
    for target, shape in [(z, (6,)), (np.column_stack([z, y]), (2, 6))]:
        model = GDLinearRegression(optimizer="sgd", learning_rate=1e-12, max_iter=1, tol=None).fit(
            X, target, coef_init=np.ones(shape), intercept_init=np.full(shape[:-1], 2.0)
        )
        np.testing.assert_allclose(model.coef_, np.ones(shape), rtol=1e-6)
        np.testing.assert_allclose(model.intercept_, np.full(shape[:-1], 2.0), rtol=1e-6)
    for name, value in [("coef_init", np.ones(5)), ("intercept_init", [1.0, 2.0])]:
        with pytest.raises(ValueError, match=f"{name} must"):
            GDLinearRegression().fit(X, z, **{name: value})
    with pytest.raises(ValueError, match="coef_init must"):
        GDLinearRegression().fit(X, z, coef_init=np.full(6, np.nan))


# warm_start

SCHEDULES = [
    0.05,
    InverseScaling(0.05),
    Exponential(0.05, decay=0.999),
    Optimal(),
    ReduceOnPlateau(0.05, patience=1, tol=0.5),
    Warmup(ReduceOnPlateau(0.05, patience=1, tol=0.5), steps=200),
    lambda t: 0.05 / np.sqrt(t),
    "auto",
]


def in_two_parts(model, y, change=None):
    """The model after a first fit of two epochs, and a second with `change`."""
    model = clone(model).set_params(warm_start=True, max_iter=2).fit(X, y)
    return model.set_params(**change or {}).fit(X, y)


@pytest.mark.parametrize("optimizer", [*STOCHASTIC, SGD(0.9), SGD(0.9, nesterov=True)])
@pytest.mark.parametrize("estimator", [GDLinearRegression, GDLogisticRegression])
def test_warm_start_goes_on_with_moments_and_clock(estimator, optimizer):
    y = target(estimator()) if estimator is GDLinearRegression else labels
    for learning_rate in (InverseScaling(0.02), "auto"):
        model = estimator(
            optimizer=optimizer, learning_rate=learning_rate, shuffle=False, max_iter=4, tol=None,
            alpha=0.01, average=250, batch_size=3,
        )  # fmt: skip
        parts = in_two_parts(model, y)
        model.fit(X, y)
        assert parts.t_ == model.t_
        assert parts.n_iter_ == 2
        np.testing.assert_allclose(parts.coef_, model.coef_, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(parts.intercept_, model.intercept_, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("learning_rate", SCHEDULES)
def test_warm_start_goes_on_with_the_schedule(learning_rate):
    model = GDLogisticRegression(
        optimizer="sgd", learning_rate=learning_rate, shuffle=False, max_iter=4, tol=None, alpha=0.1
    )
    parts = in_two_parts(model, y)
    np.testing.assert_allclose(parts.coef_, model.fit(X, y).coef_, rtol=1e-12)


@pytest.mark.parametrize("schedule", [Cosine(0.1), OneCycle(0.1), Warmup(Cosine(0.1))])
def test_warm_start_moves_the_horizon(schedule):
    model = GDLogisticRegression(optimizer="sgd", learning_rate=schedule, max_iter=2, tol=None)
    first = clone(model).fit(X, y)
    second = in_two_parts(model, y)
    assert second.t_ == 2 * first.t_
    assert not np.allclose(second.coef_, first.coef_)


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 0.001},
        {"learning_rate": Constant(0.001)},
        {"learning_rate__initial_rate": 0.001},
        {"learning_rate": ReduceOnPlateau(0.001)},
        {"alpha": 1.0},
        {"batch_size": 10},
        {"optimizer__momentum": 0.0},
        {"average": True},
        {"penalty": "l1"},
        {"learning_rate": "auto"},
    ],
    ids=label,
)
@pytest.mark.parametrize("how", ["warm_start", "partial_fit"])
def test_a_parameter_changed_on_the_way_is_heeded(change, how):
    def trained(change):
        model = GDLogisticRegression(
            optimizer=SGD(momentum=0.5), learning_rate=ReduceOnPlateau(0.1), shuffle=False,
            max_iter=2, tol=None, alpha=0.05,
        )  # fmt: skip
        if how == "warm_start":
            return in_two_parts(model, y, change)
        model.partial_fit(X, y, classes=[0, 1]).partial_fit(X, y)
        return model.set_params(**change).partial_fit(X, y)

    assert all_differ([trained({}), trained(change)])


def test_another_optimizer_starts_its_own_clock_from_the_model():
    model = GDLogisticRegression(
        optimizer="sgd", warm_start=True, max_iter=30, tol=None, random_state=0
    )
    model.fit(X, y)
    before = model.loss_curve_[-1]
    model.set_params(optimizer="adam", learning_rate=1e-3, max_iter=1, batch_size=50).fit(X, y)
    assert model.t_ == 3
    assert model.loss_curve_[0] < before + 0.02


def test_a_given_start_comes_before_a_warm_one():
    model = GDLogisticRegression(
        optimizer="adam", learning_rate=1e-9, warm_start=True, max_iter=1, tol=None
    )
    model.fit(X, y).fit(X, y, coef_init=np.full((1, 6), 5.0))
    np.testing.assert_allclose(model.coef_, 5.0, rtol=1e-6)


@pytest.mark.parametrize("optimizer", ["auto", "lbfgs", "saga", "svrg", "sgd"])
def test_a_path_of_penalties_is_walked_in_fewer_iterations(optimizer):
    def iterations(warm_start):
        model = GDLogisticRegression(
            optimizer=optimizer, warm_start=warm_start, tol=1e-6, random_state=0
        )
        return sum(model.set_params(alpha=a).fit(X, y).n_iter_ for a in np.geomspace(1, 1e-3, 6))

    assert iterations(True) < iterations(False)


@pytest.mark.parametrize("optimizer", ["sdca", "lbfgs", "saga", "svrg", "cd"])
@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_a_fit_that_starts_at_its_optimum_stays_there(optimizer, storage):
    rng = np.random.default_rng(5)  # large enough for L-BFGS to take the metric of a Hessian
    X = rng.normal(size=(6000, 200)) * (rng.random((6000, 200)) < 0.1)
    y = X[:, 0] + 0.3 * rng.normal(size=6000) > 0
    model = GDLogisticRegression(
        optimizer=optimizer, alpha=1e-3, warm_start=True, tol=1e-7, random_state=0
    )
    before = model.fit(storage(X), y).coef_
    assert model.n_iter_ > 1
    model.set_params(tol=1e-5).fit(storage(X), y)
    assert model.n_iter_ == 1
    assert model.optimality_ <= 1e-5
    np.testing.assert_allclose(model.coef_, before, rtol=1e-12, atol=1e-15)


def test_warm_start_where_the_columns_have_other_units():
    for optimizer in ("sgd", "adam", "ftrl"):
        model = GDLogisticRegression(
            optimizer=optimizer, warm_start=True, max_iter=20, tol=None, random_state=0
        )
        model.fit(X, y)
        units = np.geomspace(1e-3, 1e3, X.shape[1])
        model.fit(X * units, y)
        assert model.loss_curve_[-1] < model.loss_curve_[0]


# When it stops


@pytest.mark.parametrize("optimizer", STOCHASTIC)
def test_patience_of_stochastic_rules(optimizer):
    model = GDLogisticRegression(optimizer=optimizer, tol=10.0, random_state=0)
    for patience in (1, 4):  # nothing improves by ten times the first value
        assert model.set_params(n_iter_no_change=patience).fit(X, y).n_iter_ == 1 + patience


@pytest.mark.parametrize("optimizer", ["saga", "svrg", "lbfgs", "newton"])
def test_tol_bounds_the_certificate(optimizer):
    fits = [
        GDLogisticRegression(optimizer=optimizer, tol=tol, alpha=0.01, random_state=0).fit(X, y)
        for tol in (1e-1, 1e-4, 1e-8)
    ]
    n_iter = [fit.n_iter_ for fit in fits]
    assert n_iter == sorted(n_iter) and n_iter[0] < n_iter[2]
    values = [fit.loss_curve_[-1] for fit in fits]
    assert values[1] - values[2] < 1e-4 * values[2]
