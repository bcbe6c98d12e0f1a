"""Stopping by a validation set, and keeping the best iterate."""

import warnings

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression
from sgdlearn.losses import Loss

# Few rows for many columns, labels with noise: to train to the end is to fit the noise.
X_all, y_all = make_classification(
    360, 40, n_informative=5, n_redundant=0, flip_y=0.25, weights=[0.7], random_state=0
)
X, y, X_val, y_val = X_all[:60], y_all[:60], X_all[60:], y_all[60:]
slope = np.where(np.arange(40) < 5, 1.0, 0.0)
noise = np.random.default_rng(0).normal(size=360)
z_all = X_all @ slope + 5.0 * noise
z, z_val = z_all[:60], z_all[60:]


def log_loss(model, X, y, weights=None):
    sign = np.where(y == model.classes_[1], 1.0, -1.0)
    return np.average(np.logaddexp(0.0, -sign * model.decision_function(X)), weights=weights)


def softmax_loss(model, X, y):
    log_p = model.predict_log_proba(X)
    return -np.mean(log_p[np.arange(len(y)), np.searchsorted(model.classes_, y)])


def hinge_loss(model, X, y):
    sign = np.where(y == model.classes_[1], 1.0, -1.0)
    return np.mean(np.maximum(0.0, 1.0 - sign * model.decision_function(X)))


def half_square(model, X, y):
    return np.mean((model.predict(X) - y) ** 2) / 2.0


FAMILIES = {
    "row by row": GDLogisticRegression(optimizer="sgd"),
    "mini-batches": GDLogisticRegression(optimizer="adam", batch_size=8),
    "given rate": GDLogisticRegression(optimizer="sgd", learning_rate=0.02),
    "average": GDLogisticRegression(optimizer="adagrad", average=True),
    "saga": GDLogisticRegression(optimizer="saga"),
    "svrg": GDLogisticRegression(optimizer="svrg"),
    "lbfgs": GDLogisticRegression(optimizer="lbfgs"),
    "newton": GDLogisticRegression(optimizer="newton"),
}


@pytest.fixture(params=FAMILIES)
def model(request):
    model = clone(FAMILIES[request.param])
    return model.set_params(early_stopping=True, alpha=1e-6, max_iter=60, random_state=0)


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
def test_the_best_iterate_is_kept(model):
    model.fit(X, y, X_val=X_val, y_val=y_val)
    curve = model.validation_curve_
    assert len(curve) == len(model.loss_curve_) == model.n_iter_ < model.max_iter
    assert log_loss(model, X_val, y_val) == pytest.approx(min(curve), rel=1e-12)
    assert np.argmin(curve) < model.n_iter_ - 1
    rest = curve[np.argmin(curve) + 1 :]
    assert len(rest) <= model.n_iter_no_change


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_without_tol_all_epochs_are_run_and_the_best_is_kept(model):
    model.set_params(tol=None, max_iter=12, n_iter_no_change=1).fit(X, y, X_val=X_val, y_val=y_val)
    if model.optimizer_.family == "batch":  # as far as rounding lets them
        assert model.n_iter_ <= 12
    else:
        assert model.n_iter_ == len(model.validation_curve_) == 12
    assert log_loss(model, X_val, y_val) == pytest.approx(min(model.validation_curve_), rel=1e-12)


def test_patience_in_epochs():
    fits = [
        GDLogisticRegression(
            optimizer="adam", early_stopping=True, n_iter_no_change=patience, random_state=0
        ).fit(X, y, X_val=X_val, y_val=y_val)
        for patience in (1, 10)
    ]
    impatient, patient = (fit.validation_curve_ for fit in fits)
    assert len(impatient) < len(patient)
    assert patient[: len(impatient)] == impatient
    assert len(patient) - 1 - np.argmin(patient) <= 10


@pytest.mark.parametrize(
    "estimator, target, loss",
    [
        (GDLinearRegression(alpha=0.1), z_all, half_square),
        (GDLinearRegression(alpha=0.1), np.column_stack([z_all, -2 * z_all]), None),
        (GDLogisticRegression(alpha=0.1), y_all, log_loss),
        (GDLogisticRegression(alpha=0.1), np.digitize(z_all, [-5.0, 5.0]), softmax_loss),
        (GDLinearSVC(alpha=0.1), y_all, hinge_loss),
    ],
)
@pytest.mark.parametrize("optimizer", ["auto", "adam"])
def test_curve_is_the_mean_loss_without_penalty_and_class_weight(
    estimator, target, loss, optimizer
):
    def two_half_squares(model, X, y):
        return np.mean(np.sum((model.predict(X) - y) ** 2, axis=1)) / 2.0

    model = clone(estimator).set_params(optimizer=optimizer, early_stopping=True, random_state=0)
    if hasattr(model, "class_weight"):
        model.set_params(class_weight="balanced")
    model.fit(X, target[:60], X_val=X_val, y_val=target[60:])
    value = (loss or two_half_squares)(model, X_val, target[60:])
    assert value == pytest.approx(min(model.validation_curve_), rel=1e-9)


def test_weights_of_validation_rows_are_multiplicities():
    weights = np.arange(len(y_val)) % 3
    model = GDLogisticRegression(optimizer="adam", early_stopping=True, random_state=0)
    weighted = clone(model).fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weights)
    best = min(weighted.validation_curve_)
    assert log_loss(weighted, X_val, y_val, weights) == pytest.approx(best, rel=1e-12)
    copies = model.fit(X, y, X_val=np.repeat(X_val, weights, 0), y_val=np.repeat(y_val, weights))
    np.testing.assert_allclose(weighted.validation_curve_, copies.validation_curve_, rtol=1e-12)
    np.testing.assert_array_equal(weighted.coef_, copies.coef_)


class Spy(Loss):
    """The logistic loss, that notes which targets it is asked about, if they are so many."""

    name = "spy"
    kind = "classification"
    curvature_bound = 0.25
    seen = []

    def __init__(self, size=0):
        self.size = size

    def value(self, y, z):
        if y.size == self.size:
            self.seen.append(y.ravel().copy())
        return np.logaddexp(0.0, -y * z)

    def gradient(self, y, z):
        return -y / (1.0 + np.exp(y * z))


@pytest.mark.parametrize("fraction, size", [(0.1, 30), (0.3, 90)])
def test_automatic_split_is_stratified_and_of_the_size_asked_for(fraction, size):
    rare = np.arange(300) < 30  # sorted: one row in ten
    Spy.seen.clear()
    model = GDLinearSVC(
        loss=Spy(size), early_stopping=True, validation_fraction=fraction, max_iter=2, tol=None,
        batch_size=16,
    )  # fmt: skip
    model.fit(X_all[:300], rare)
    assert len(Spy.seen) >= 2
    assert {int(np.sum(y > 0)) for y in Spy.seen} == {size // 10}


def test_automatic_split_of_regression():
    model = GDLinearRegression(optimizer="adam", early_stopping=True, random_state=0)
    model.fit(X_all, z_all)
    assert len(model.validation_curve_) == model.n_iter_
    assert model.score(X_all, z_all) > 0.05


def test_split_follows_random_state():
    def coef(seed):
        model = GDLogisticRegression(early_stopping=True, random_state=seed)
        return model.fit(X_all, y_all).coef_

    np.testing.assert_array_equal(coef(0), coef(0))
    assert not np.allclose(coef(0), coef(1))


def test_rows_of_zero_weight_are_gone_before_the_split():
    weights = (np.arange(len(y_all)) % 4 > 0).astype(float)
    kept = weights > 0
    model = GDLogisticRegression(optimizer="adam", early_stopping=True, random_state=0)
    weighted = clone(model).fit(X_all, y_all, sample_weight=weights)
    removed = model.fit(X_all[kept], y_all[kept])
    np.testing.assert_array_equal(weighted.coef_, removed.coef_)
    assert weighted.validation_curve_ == removed.validation_curve_


def test_units_of_y_do_not_matter():
    for optimizer in ("sgd", "lbfgs"):
        model = GDLinearRegression(optimizer=optimizer, early_stopping=True, random_state=0)
        fits = [
            clone(model).fit(X, unit * z, X_val=X_val, y_val=unit * z_val) for unit in (1.0, 1e-4)
        ]
        assert fits[0].n_iter_ == fits[1].n_iter_ > 2
        np.testing.assert_allclose(fits[0].coef_, 1e4 * fits[1].coef_, rtol=1e-6, atol=1e-9)


def test_validation_rows_may_be_stored_otherwise():
    model = GDLogisticRegression(optimizer="lbfgs", early_stopping=True)
    dense = clone(model).fit(X, y, X_val=X_val, y_val=y_val)
    for other in (sparse.csr_matrix(X_val), sparse.csc_array(X_val), X_val.tolist()):
        fit = clone(model).fit(X, y, X_val=other, y_val=y_val)
        np.testing.assert_allclose(fit.validation_curve_, dense.validation_curve_, rtol=1e-12)
    single = clone(model).fit(X, y, X_val=X_val.astype(np.float32), y_val=y_val)
    np.testing.assert_allclose(single.validation_curve_, dense.validation_curve_, rtol=1e-6)


@pytest.mark.parametrize(
    "parameters, validation, message",
    [
        ({"early_stopping": False}, {"X_val": X_val, "y_val": y_val}, "early_stopping=True"),
        ({"early_stopping": False}, {"sample_weight_val": y_val}, "early_stopping=True"),
        ({}, {"X_val": X_val}, "go together"),
        ({}, {"y_val": y_val}, "go together"),
        ({}, {"X_val": X_val[:, :3], "y_val": y_val}, "X_val has 3 features"),
        ({}, {"X_val": X_val[:9], "y_val": y_val}, "inconsistent numbers of samples"),
        ({}, {"X_val": X_val, "y_val": y_val + 1}, "y_val contains labels that are not among"),
        ({}, {"X_val": X_val + np.nan, "y_val": y_val}, "Input X_val contains NaN"),
        ({}, {"X_val": X_val, "y_val": y_val + np.nan}, "Input y_val contains NaN"),
        (
            {},
            {"X_val": X_val, "y_val": y_val, "sample_weight_val": y_val[:9]},
            "sample_weight_val has length 9, but X_val has",
        ),
        ({"validation_fraction": 1e-9}, {}, "validation_fraction=1e-09 of"),
        ({}, {"X_val": X_val, "y_val": y_val, "sample_weight_val": 0 * y_val}, "zero"),
        ({}, {"sample_weight_val": y_val}, "go together"),
    ],
)
def test_errors(parameters, validation, message):
    model = GDLogisticRegression(early_stopping=True).set_params(**parameters)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, **validation)
    assert not hasattr(model, "coef_")


def test_a_later_fit_without_leaves_no_curve_behind():
    model = GDLogisticRegression(early_stopping=True).fit(X_all, y_all)
    assert hasattr(model, "validation_curve_")
    model.set_params(early_stopping=False).fit(X_all, y_all)
    assert not hasattr(model, "validation_curve_")


def test_partial_fit_goes_on_from_the_best_iterate():
    model = GDLogisticRegression(
        optimizer="sgd", learning_rate=0.1, early_stopping=True, random_state=0
    )
    model.fit(X, y, X_val=X_val, y_val=y_val)
    best = model.coef_.copy()
    model.set_params(learning_rate=1e-9).partial_fit(X, y)
    np.testing.assert_allclose(model.coef_, best, atol=1e-5)


# Routing


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("routing")
def test_pipelines_transform_the_validation_rows():
    model = GDLogisticRegression(optimizer="adam", early_stopping=True, random_state=0)
    requesting = clone(model).set_fit_request(X_val=True, y_val=True, sample_weight_val=True)
    pipeline = Pipeline(
        [("scale", StandardScaler()), ("model", requesting)], transform_input=["X_val"]
    )
    units = np.geomspace(1e-3, 1e3, X.shape[1])
    weights = np.arange(len(y_val)) % 2
    pipeline.fit(X * units, y, X_val=X_val * units, y_val=y_val, sample_weight_val=weights)
    scaler = StandardScaler().fit(X)
    validation = {"y_val": y_val, "sample_weight_val": weights}
    model.fit(scaler.transform(X), y, X_val=scaler.transform(X_val), **validation)
    np.testing.assert_allclose(pipeline[-1].coef_, model.coef_, rtol=1e-6)
    np.testing.assert_allclose(pipeline[-1].validation_curve_, model.validation_curve_, rtol=1e-9)


@pytest.mark.usefixtures("routing")
def test_cross_validation_routes_the_validation_set():
    model = GDLogisticRegression(early_stopping=True).set_fit_request(X_val=True, y_val=True)
    params = {"X_val": X_val, "y_val": y_val}
    scores = cross_validate(model, X, y, cv=2, params=params, return_estimator=True)
    for fit in scores["estimator"]:
        assert log_loss(fit, X_val, y_val) == pytest.approx(min(fit.validation_curve_), rel=1e-12)
    search = GridSearchCV(model, {"optimizer": ["adam", "lbfgs"]}, cv=2).fit(X, y, **params)
    fit = search.best_estimator_
    assert log_loss(fit, X_val, y_val) == pytest.approx(min(fit.validation_curve_), rel=1e-12)


def test_routing_without_a_request_is_an_error():
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = Pipeline([("model", GDLogisticRegression(early_stopping=True))])
        with pytest.raises(Exception, match="set_fit_request"):
            pipeline.fit(X, y, X_val=X_val, y_val=y_val)


def test_a_stop_by_validation_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model = GDLogisticRegression(
            optimizer="lbfgs", alpha=0.0, early_stopping=True, n_iter_no_change=2
        )
        model.fit(X, y, X_val=X_val, y_val=y_val)
