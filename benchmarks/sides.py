"""Who is measured: sgdlearn, and for each peer a function (problem, X, y, tol, threads) -> W.

Libraries are imported where they are used, so that one that is not installed is missed alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Side:
    fit: Callable
    tolerances: tuple  # swept from loose to tight
    threads: tuple = (1,)  # how many it is tried with


def ours(problem):
    """Defaults, but for what names the objective."""
    from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression

    objective = {"penalty": problem.penalty, "alpha": problem.alpha, "fit_intercept": False}
    if problem.loss in ("hinge", "squared_hinge"):
        return GDLinearSVC(loss=problem.loss, **objective)
    if problem.loss == "squared_error":
        return GDLinearRegression(**objective)
    return GDLogisticRegression(**objective)


def sgdlearn(problem, X, y, tol, threads):
    model = ours(problem)
    if tol is not None:
        model.set_params(tol=tol)
    return model.fit(X, y).coef_


# -- scikit-learn ----------------------------------------------------------------------------------

ITERATIONS = 100_000


def inverse_strength(problem, X):
    """C: the sum of losses has the weight that |w|^2 / 2 has here, over alpha."""
    return 1 / (X.shape[0] * problem.alpha)


def logistic_regression(solver):
    def fit(problem, X, y, tol, threads):
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(
            C=inverse_strength(problem, X),
            solver=solver,
            tol=tol,
            fit_intercept=False,
            max_iter=ITERATIONS,
        )
        return model.fit(X, y).coef_

    return fit


def linear_svc(problem, X, y, tol, threads):
    from sklearn.svm import LinearSVC

    model = LinearSVC(
        loss=problem.loss,
        C=inverse_strength(problem, X),
        tol=tol,
        fit_intercept=False,
        max_iter=ITERATIONS,
    )
    return model.fit(X, y).coef_


def ridge(problem, X, y, tol, threads):
    from sklearn.linear_model import Ridge

    model = Ridge(X.shape[0] * problem.alpha, fit_intercept=False, solver="cholesky")
    return model.fit(X, y).coef_


def lasso(problem, X, y, tol, threads):
    from sklearn.linear_model import Lasso

    model = Lasso(problem.alpha, fit_intercept=False, tol=tol, max_iter=ITERATIONS)
    return model.fit(X, y).coef_


# -- scikit-learn-intelex --------------------------------------------------------------------------


def intelex_logistic(problem, X, y, tol, threads):
    import daal4py
    from sklearnex.linear_model import LogisticRegression

    daal4py.daalinit(threads)
    model = LogisticRegression(
        C=inverse_strength(problem, X), tol=tol, fit_intercept=False, max_iter=ITERATIONS
    )
    return model.fit(X, y).coef_


def intelex_ridge(problem, X, y, tol, threads):
    import daal4py
    from sklearnex.linear_model import Ridge

    daal4py.daalinit(threads)
    return Ridge(X.shape[0] * problem.alpha, fit_intercept=False).fit(X, y).coef_


# -- liblinear -------------------------------------------------------------------------------------


def liblinear(solvers):
    """`solvers`: liblinear's number of the solver for each loss."""

    def fit(problem, X, y, tol, threads):
        from liblinear.liblinearutil import parameter, train
        from liblinear.liblinearutil import problem as data

        number = solvers[problem.loss]
        options = f"-s {number} -c {inverse_strength(problem, X)!r} -e {tol} -q"
        model = train(data(y, X), parameter(options))
        # liblinear's own signs: its first label is the positive class
        return model.get_labels()[0] * np.ctypeslib.as_array(model.w, (model.nr_feature,))

    return fit


# -- snapml ----------------------------------------------------------------------------------------


def snapml_logistic(dual):
    def fit(problem, X, y, tol, threads):
        from snapml import LogisticRegression

        model = LogisticRegression(
            regularizer=X.shape[0] * problem.alpha,
            dual=dual,
            tol=tol,
            max_iter=10_000,
            n_jobs=threads,
        )
        return np.ravel(model.fit(X, y).coef_)

    return fit


def snapml_svm(problem, X, y, tol, threads):
    from snapml import SupportVectorMachine

    model = SupportVectorMachine(
        regularizer=X.shape[0] * problem.alpha, tol=tol, max_iter=10_000, n_jobs=threads
    )
    return np.ravel(model.fit(X, y).coef_)


# -- cyanure, celer, skglm -------------------------------------------------------------------------


def cyanure(problem, X, y, tol, threads):
    from cyanure.estimators import Classifier

    model = Classifier(
        loss="multiclass-logistic" if problem.loss == "multinomial" else "logistic",
        penalty=problem.penalty,
        lambda_1=problem.alpha,
        fit_intercept=False,
        tol=tol,
        max_iter=ITERATIONS,
        n_threads=threads,
        verbose=False,
    )
    model.fit(X, y)
    W = np.asarray(model.coef_)
    return W.T if W.shape[0] == X.shape[1] else W


def celer(problem, X, y, tol, threads):
    import celer

    if problem.loss == "squared_error":
        model = celer.Lasso(problem.alpha, fit_intercept=False, tol=tol)
    else:
        model = celer.LogisticRegression(C=inverse_strength(problem, X), tol=tol)
    return model.fit(X, y).coef_


def skglm(problem, X, y, tol, threads):
    from skglm import Lasso

    return Lasso(problem.alpha, fit_intercept=False, tol=tol).fit(X, y).coef_


def powers(first, last):
    """10^-first, ..., 10^-last."""
    return tuple(float(f"1e{-k}") for k in range(first, last + 1))


EITHER = (1, 2)
SIDES = {
    "sgdlearn": Side(sgdlearn, (None, *powers(5, 10)), EITHER),
    "lbfgs": Side(logistic_regression("lbfgs"), powers(1, 8), EITHER),
    "newton-cholesky": Side(logistic_regression("newton-cholesky"), powers(1, 8), EITHER),
    "newton-cg": Side(logistic_regression("newton-cg"), powers(2, 8), EITHER),
    "LinearSVC": Side(linear_svc, powers(0, 6)),
    "Ridge cholesky": Side(ridge, (None,), EITHER),
    "Lasso": Side(lasso, powers(2, 9)),
    "intelex lbfgs": Side(intelex_logistic, powers(1, 8), threads=(2,)),
    "intelex ridge": Side(intelex_ridge, (None,), threads=(2,)),
    "liblinear dual": Side(
        liblinear({"log_loss": 7, "hinge": 3, "squared_hinge": 1}),
        (100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, *powers(2, 5)),
    ),
    "liblinear TRON": Side(liblinear({"log_loss": 0, "squared_hinge": 2}), powers(1, 6)),
    "liblinear newGLMNET": Side(liblinear({"log_loss": 6}), powers(0, 5)),
    "snapml primal": Side(snapml_logistic(dual=False), powers(0, 6), EITHER),
    "snapml dual": Side(snapml_logistic(dual=True), powers(1, 6), EITHER),
    "snapml svm": Side(snapml_svm, powers(1, 6), EITHER),
    "cyanure": Side(cyanure, powers(1, 7), EITHER),
    "celer": Side(celer, powers(2, 8)),
    "skglm": Side(skglm, powers(2, 8)),
}
