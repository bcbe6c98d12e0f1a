"""tol is kept, and what the fitted model says of it is true."""

import numpy as np
import pytest
import reference as ref
from labels import label

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression

rng = np.random.default_rng(0)
X = rng.normal(size=(150, 6)) * [1.0, 30.0, 0.1, 1.0, 1.0, 1.0] + [0.0, 50.0, 0.0, 3.0, 0.0, 0.0]
LINE = X @ [1.0, 0.1, 3.0, 0.0, 0.5, 0.0] + rng.normal(size=len(X))
SIGNS = np.where(np.median(LINE) < LINE, 1.0, -1.0)
SEPARABLE = np.where(X[:, 0] > 0.1, 1.0, -1.0)

CASES = [
    (GDLogisticRegression, {"optimizer": optimizer, "alpha": alpha, **more}, ref.log_loss)
    for optimizer in ("auto", "lbfgs", "newton", "saga", "svrg", "sag")
    for alpha in (1e-3, 0.1)
    for more in ({}, {"penalty": "elasticnet"}, {"penalty": "l1"})
    if not (optimizer == "newton" and more)
] + [
    (GDLinearRegression, {"alpha": 0.1}, ref.squared_error),
    (GDLinearRegression, {"alpha": 0.1, "optimizer": "lbfgs", "loss": "huber"}, ref.huber(1.35)),
    (GDLinearSVC, {"alpha": 0.01}, ref.hinge),
    (
        GDLinearSVC,
        {"alpha": 0.01, "loss": "squared_hinge", "optimizer": "lbfgs"},
        ref.squared_hinge,
    ),
]


@pytest.mark.parametrize("tol", [1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("estimator, settings, loss", CASES, ids=[label(c[1]) for c in CASES])
def test_tol_bounds_the_excess(estimator, settings, loss, tol):
    slow = settings.get("optimizer") in ("sag", "saga", "svrg")  # where F* is next to nothing
    classes = [SIGNS] if slow else [SIGNS, SEPARABLE]
    for y in [LINE] if estimator is GDLinearRegression else classes:
        model = estimator(tol=tol, max_iter=20_000, random_state=0, **settings).fit(X, y)
        penalty = model.penalty if model.alpha else None
        share = {None: 0.0, "l2": 0.0, "l1": 1.0, "elasticnet": model.l1_ratio}[penalty]
        l1, l2 = model.alpha * share, model.alpha * (1.0 - share)
        best = ref.optimum(X, y, loss, l1, l2)[2]
        W, b = np.reshape(model.coef_, (1, -1)), np.reshape(model.intercept_, 1)
        value = ref.objective(X, y, W, b, loss, l1, l2)
        zero = ref.optimum(np.zeros_like(X), y, loss, 0.0, 1.0)[2]
        assert best - 1e-9 <= value <= best + tol * min(zero, 10.0 * value) + 1e-12
        assert model.optimality_ <= tol
        if hasattr(model, "dual_gap_"):
            assert value - best <= model.dual_gap_ + 1e-12
            assert model.optimality_ == pytest.approx(model.dual_gap_ / zero)
        else:
            assert model.optimizer_.name in ("newton", "cholesky")


def test_where_there_is_no_certificate():
    model = GDLogisticRegression(optimizer="adam", max_iter=3, tol=None).fit(X, SIGNS)
    assert model.optimality_ is None
    assert not hasattr(model, "dual_gap_")
    model = GDLinearRegression(optimizer="lbfgs").fit(X, LINE)  # no penalty
    assert model.optimality_ <= model.tol
    assert not hasattr(model, "dual_gap_")
    model.set_params(alpha=0.1).fit(X, LINE)
    assert model.dual_gap_ >= 0.0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("optimizer", ["auto", "lbfgs", "cd", "saga", "svrg"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_zero_model_that_is_the_optimum_is_one(optimizer, n_classes):
    """As many rows of each class: the best intercepts are 0 too, all that is left is rounding."""
    y = np.arange(len(X)) % n_classes
    model = GDLogisticRegression(penalty="l1", alpha=100.0, optimizer=optimizer).fit(X, y)
    assert not model.coef_.any()
    assert 0.0 <= model.optimality_ <= model.tol
