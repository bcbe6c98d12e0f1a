"""Every optimizer on every loss and penalty: the optimum, or the error that the docs tell of."""

from functools import cache

import numpy as np
import pytest
import reference as ref
from scipy import sparse
from sklearn.base import clone

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression
from sgdlearn.optimizers import OPTIMIZERS

rng = np.random.default_rng(0)
N = 80
X = rng.normal(size=(N, 4)) * (rng.random((N, 4)) < 0.7) * [1.0, 3.0, 0.5, 1.0]
LINE = X @ [1.0, 0.3, -1.0, 0.0] + 0.5 + 0.5 * rng.normal(size=N)
SIGNS = np.where(rng.normal(size=N) + LINE > 0.5, 1.0, -1.0)
THREE = np.digitize(LINE + rng.normal(size=N), [-0.3, 1.0])

REGRESSION = {
    "squared_error": ref.squared_error,
    "huber": ref.huber(1.35),
    "absolute_error": ref.absolute_error,
    "quantile": ref.quantile(0.5),
    "epsilon_insensitive": ref.epsilon_insensitive(0.1),
    "squared_epsilon_insensitive": ref.squared_epsilon_insensitive(0.1),
}
# name: (estimator, y, loss of the reference, outputs)
LOSSES = {
    **{name: (GDLinearRegression(loss=name), LINE, loss, 1) for name, loss in REGRESSION.items()},
    "log_loss": (GDLogisticRegression(), SIGNS, ref.log_loss, 1),
    "multinomial": (GDLogisticRegression(), THREE, ref.softmax, 3),
    "ovr": (GDLogisticRegression(multi_class="ovr"), THREE, ref.log_loss, 3),
    "hinge": (GDLinearSVC(), SIGNS, ref.hinge, 1),
    "squared_hinge": (GDLinearSVC(loss="squared_hinge"), SIGNS, ref.squared_hinge, 1),
}
KINKS = {"absolute_error", "quantile", "epsilon_insensitive", "hinge"}
# name: (parameters, l1, l2, positive)
PENALTIES = {
    "l2": ({"alpha": 0.05}, 0.0, 0.05, False),
    "l1": ({"alpha": 0.02, "penalty": "l1"}, 0.02, 0.0, False),
    "elasticnet": ({"alpha": 0.04, "penalty": "elasticnet", "l1_ratio": 0.5}, 0.02, 0.02, False),
    "none": ({"penalty": None, "alpha": 1.0}, 0.0, 0.0, False),
    "positive": ({"alpha": 0.05, "positive": True}, 0.0, 0.05, True),
}
# Shares of F(0) - F*: an average leaves zero but slowly.
BOUNDS = {"schedule_free": 0.1}
SMOOTH_ONLY = {"sag", "saga", "svrg", "psvrg", "lbfgs", "newton", "cholesky", "cd"}
L2_ONLY = {"newton", "cholesky", "psvrg"}


def error(optimizer, loss, penalty):
    """The parameter that the error names beside the optimizer; None where the two go together."""
    if optimizer == "sdca":
        if penalty in ("l1", "none"):
            return "penalty"
        return "multi_class" if loss == "multinomial" else None
    if optimizer in SMOOTH_ONLY and loss in KINKS:
        return "loss"
    if optimizer == "cholesky" and loss != "squared_error":
        return "loss"
    if optimizer in L2_ONLY and penalty == "positive":
        return "positive"
    if optimizer in L2_ONLY and penalty in ("l1", "elasticnet"):
        return "penalty"
    return None


@cache
def optimum(loss, penalty, decoupled):
    """(F*, F of the zero model), without L2 where that is `decoupled`: AdamW decays beside F."""
    _, y, term, k = LOSSES[loss]
    _, l1, l2, positive = PENALTIES[penalty]
    l2 = 0.0 if decoupled else l2
    best = ref.optimum(X, y, term, l1, l2, positive=positive, n_outputs=k)[2]
    return best, ref.optimum(np.zeros((N, 1)), y, term, n_outputs=k)[2]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("optimizer", ["auto", *OPTIMIZERS])
def test_reaches_its_optimum_or_says_why_not(optimizer, loss):
    estimator, y, term, k = LOSSES[loss]
    for penalty, (parameters, l1, l2, _) in PENALTIES.items():
        model = clone(estimator).set_params(optimizer=optimizer, random_state=0, **parameters)
        model.set_params(tol=1e-6, max_iter=5000)
        stochastic = optimizer != "auto" and OPTIMIZERS[optimizer].family == "stochastic"
        if stochastic:
            model.set_params(max_iter=80, tol=None)
        name = error(optimizer, loss, penalty)
        for rows in (X, sparse.csr_array(X)):
            if name is not None:
                with pytest.raises(ValueError, match=rf"{optimizer}.* {name}="):
                    model.fit(rows, y)
                continue
            model.fit(rows, y)
            W, b = np.reshape(model.coef_, (k, -1)), np.reshape(model.intercept_, k)
            decoupled = optimizer == "adamw"
            reached = ref.objective(X, y, W, b, term, l1, 0.0 if decoupled else l2)
            best, zero = optimum(loss, penalty, decoupled)
            share = (reached - best) / (zero - best)
            bound = BOUNDS.get(optimizer, 2e-2 if stochastic else 2e-5)
            assert -1e-9 <= share < bound, (penalty, type(rows).__name__, share)
