"""scikit-learn's own checks, for every estimator with every optimizer."""

import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from sgdlearn import GDMatrixFactorization
from sgdlearn.optimizers import SGD
from sgdlearn.utils import all_estimators

DETERMINISTIC = ["auto", "lbfgs", "newton"]
VARIANCE_REDUCED = ["sag", "saga", "svrg"]
MOMENTUM = SGD(momentum=0.9)
STREAMING = [
    "sgd", MOMENTUM, "adagrad", "adadelta", "rmsprop", "adam", "adamw", "nadam", "ftrl",
    "schedule_free", "dog",
]  # fmt: skip


WEIGHT_CHECKS = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)


def configured(estimator, optimizer):
    """The estimator with this optimizer; short runs serve where nothing has to arrive."""
    estimator = estimator(optimizer=optimizer, random_state=0)
    if optimizer == "auto":
        return estimator
    if optimizer in STREAMING:
        return estimator.set_params(max_iter=20, tol=1e-3)
    if type(estimator).__name__ == "GDLinearSVC":
        estimator.set_params(loss="squared_hinge")  # the others ask for a slope everywhere
    if optimizer == "sdca":  # no softmax
        if type(estimator).__name__ == "GDLogisticRegression":
            estimator.set_params(multi_class="ovr")
        estimator.set_params(alpha=1.0)
    if optimizer in ["sdca", *VARIANCE_REDUCED]:
        estimator.set_params(max_iter=50)
    return estimator


# Where one run has to agree with another to seven digits, the penalty makes the optimum round
# enough: lbfgs ends where rounding hides any further descent, which leaves half the digits, and
# on the checks' sparse rows, which are not centred, the others take thousands of passes.
ALPHA = {"lbfgs": 0.1, "sag": 1.0, "saga": 1.0, "svrg": 1.0}


def arriving(estimator):
    """The same, set up to arrive on the checks' small data; "auto" must do so by itself."""
    optimizer = estimator.optimizer
    if optimizer in ["auto", *STREAMING]:
        return estimator
    estimator = clone(estimator)
    if optimizer == "sdca":  # its gap is the square of a distance
        return estimator.set_params(tol=None, max_iter=1000)
    if optimizer in ALPHA:
        estimator.set_params(alpha=ALPHA[optimizer])
    if type(estimator).__name__ == "GDLinearSVC":  # its loss is flat beyond the margin
        estimator.set_params(alpha=10.0 * estimator.alpha)
    if optimizer in VARIANCE_REDUCED:  # the gap falls as the square of the error
        return estimator.set_params(tol=None, max_iter=3000)
    return estimator.set_params(tol=1e-16, max_iter=10_000)


def expected_failed_checks(estimator):
    if estimator.optimizer in [*DETERMINISTIC, *VARIANCE_REDUCED, "sdca"]:
        return {}  # they arrive, and at the optimum it does not matter by which path
    reason = (
        "a weight of 2 is one step of twice the length, two copies are two steps at other times: "
        "the same objective, not the same path"
    )
    return dict.fromkeys(WEIGHT_CHECKS, reason)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # short on purpose
@parametrize_with_checks(
    [
        configured(estimator, optimizer)
        for _, estimator in all_estimators()
        if estimator is not GDMatrixFactorization  # test_matrix_factorization_common.py
        for optimizer in [*DETERMINISTIC, *VARIANCE_REDUCED, "sdca", *STREAMING]
    ],
    expected_failed_checks=expected_failed_checks,
)
def test_estimator_keeps_scikit_learns_conventions(estimator, check):
    check(arriving(estimator) if check.func.__name__ in WEIGHT_CHECKS else estimator)
