"""standardize=True: the penalty measures coefficients in the columns' standard deviations."""

import numpy as np
import pytest
from labels import label
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression
from sgdlearn.penalties import ElasticPenalty, Penalty

rng = np.random.default_rng(0)
N = 200
X = rng.normal(size=(N, 5)) * [1.0, 10.0, 0.1, 100.0, 1.0] + [0.0, 5.0, 0.0, 300.0, 7.0]
X[:, 1] *= rng.random(N) < 0.3
X[:, 4] = 7.0
LINE = X @ [1.0, 0.1, 5.0, 0.01, 0.0] + rng.normal(size=N)
WEIGHTS = rng.integers(1, 4, N).astype(float)


def targets(estimator):
    return LINE if estimator is GDLinearRegression else (np.median(LINE) < LINE).astype(int)


@pytest.mark.parametrize("as_rows", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
@pytest.mark.parametrize(
    "estimator, settings, tolerance",
    [
        (GDLinearRegression, {"alpha": 0.3}, 1e-8),
        (GDLinearRegression, {"alpha": 0.3, "penalty": "l1"}, 1e-5),
        (GDLinearRegression, {"alpha": 0.3, "loss": "huber"}, 1e-6),
        (GDLogisticRegression, {"alpha": 0.1}, 1e-8),
        (GDLogisticRegression, {"alpha": 0.02, "penalty": "elasticnet"}, 1e-5),
        (GDLogisticRegression, {"alpha": 0.1, "optimizer": "lbfgs"}, 1e-5),
        (GDLogisticRegression, {"alpha": 0.1, "optimizer": "saga"}, 1e-5),
        (GDLogisticRegression, {"alpha": 0.02, "optimizer": "svrg", "penalty": "l1"}, 1e-4),
        (GDLinearSVC, {"alpha": 0.1}, 1e-6),
    ],
    ids=label,
)
def test_the_optimum_is_that_of_a_standard_scaler(estimator, settings, tolerance, as_rows):
    tol = 1e-11 if settings.get("penalty") == "l1" else 1e-14
    settings = {"tol": tol, "max_iter": 20_000, "random_state": 0, **settings}
    y = targets(estimator)
    scaler = StandardScaler().fit(X, sample_weight=WEIGHTS)
    piped = estimator(**settings).fit(scaler.transform(X), y, WEIGHTS)
    model = estimator(standardize=True, **settings).fit(as_rows(X), y, WEIGHTS)
    assert model.coef_ * scaler.scale_ == pytest.approx(piped.coef_, abs=tolerance)
    assert model.loss_curve_[-1] == pytest.approx(piped.loss_curve_[-1], rel=1e-6)
    plain = estimator(**settings).fit(X, y, WEIGHTS)
    assert np.abs(plain.coef_ * scaler.scale_ - piped.coef_).max() > 100 * tolerance


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "sgd"},
        {"optimizer": "sgd", "penalty": "l1"},
        {"optimizer": "adam"},
        {"optimizer": "adagrad", "penalty": "elasticnet"},
        {"optimizer": "ftrl", "penalty": "l1"},
        {"optimizer": "sgd", "batch_size": 16},
    ],
    ids=label,
)
@pytest.mark.parametrize("as_rows", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
def test_a_given_rate_is_one_in_units_of_the_deviations(settings, as_rows):
    settings = {"alpha": 0.02, "learning_rate": 0.01, "tol": None, "max_iter": 3, **settings}
    y = targets(GDLogisticRegression)
    scaler = StandardScaler(with_mean=False).fit(X)
    piped = GDLogisticRegression(shuffle=False, **settings).fit(as_rows(scaler.transform(X)), y)
    model = GDLogisticRegression(shuffle=False, standardize=True, **settings).fit(as_rows(X), y)
    assert model.coef_ * scaler.scale_ == pytest.approx(piped.coef_, rel=1e-9, abs=1e-12)
    assert model.intercept_ == pytest.approx(piped.intercept_)


def test_streams_follow_the_deviations():
    """After many rows the units are those of the whole, whatever the scales of the columns."""
    y = targets(GDLogisticRegression)
    models = [
        GDLogisticRegression(alpha=1.0, standardize=True, fit_intercept=False) for _ in range(2)
    ]
    units = np.array([1.0, 1e3, 1e-3, 1.0, 1.0])
    for model, rows in zip(models, (X, X * units)):
        for start in range(0, N, 20):
            model.partial_fit(rows[start : start + 20], y[start : start + 20], classes=[0, 1])
    assert models[1].coef_ * units == pytest.approx(models[0].coef_, rel=1e-6)


def test_a_unit_for_each_column():
    """The penalty of unit u_j is that of w_j u_j: a fit of X / u."""
    unit = np.array([1.0, 3.0, 0.2, 10.0, 1.0])
    y = targets(GDLogisticRegression)
    for penalty in ({"l2": 1.0}, {"l1": 1.0}):
        own = ElasticPenalty(**penalty, unit=unit)
        model = GDLogisticRegression(penalty=own, alpha=0.03, tol=1e-10).fit(X, y)
        same = GDLogisticRegression(penalty=ElasticPenalty(**penalty), alpha=0.03, tol=1e-10)
        assert model.coef_ * unit == pytest.approx(same.fit(X / unit, y).coef_, abs=1e-5)


def test_trouble():
    y = targets(GDLogisticRegression)
    with pytest.raises(ValueError, match="features"):
        GDLogisticRegression(penalty=ElasticPenalty(l2=1.0, unit=np.ones(3))).fit(X, y)
    with pytest.raises(ValueError, match="'unit'"):
        GDLogisticRegression(penalty=ElasticPenalty(l2=1.0, unit=np.zeros(5))).fit(X, y)
    with pytest.raises(ValueError, match=r"standardize=True .* learning_rate=0.1"):
        GDLogisticRegression(standardize=True, learning_rate=0.1).partial_fit(X, y, [0, 1])

    class Own(Penalty):
        def value(self, W):
            return 0.0

        def prox(self, U, rate):
            return U

    with pytest.raises(ValueError, match=r"standardize=True .* penalty=Own"):
        GDLogisticRegression(standardize=True, penalty=Own()).fit(X, y)
