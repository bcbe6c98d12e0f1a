"""Seconds of each optimizer to (F - F*) / F* = 1e-3, by kind of data: which one to choose.

Every optimizer has its defaults, and learning_rate="auto" where it has a rate. ">" says that it was
not there after the seconds shown, "-" that it does not go with the loss or the penalty, "wide" that
its Hessian would have a row for each of too many columns. Processor seconds, so that others on the
machine disturb less; set OPENBLAS_NUM_THREADS=1 for one thread.
"""

import argparse
import warnings
from time import process_time

from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression
from sgdlearn.optimizers import SGD

from .problems import PROBLEMS

TARGET = 1e-3
TOO_WIDE = 5000  # columns, for a Hessian

# What is shown, the problem, and the share of its rows that is drawn.
KINDS = {
    "dense, 20,000 x 100": ("dense-logistic", 0.1),
    "dense, 5,000 x 1000, condition 1e4": ("ill-logistic", 0.25),
    "dense, 50,000 x 30, scales 1e-3 to 1e4": ("raw-squared", 1.0),
    "digits, softmax": ("softmax-digits", 1.0),
    "sparse, 20,000 x 50,000, 85 a row": ("sparse-logistic", 0.1),
    "sparse, 40,000 x 300, yes or no": ("flags-logistic", 1.0),
    "the sparse one, hinge": ("sparse-hinge", 0.1),
    "dense, 5,000 x 1000, L1": ("lasso", 0.25),
}
OPTIMIZERS = {
    "auto": "auto",
    "sgd": "sgd",
    "momentum": SGD(momentum=0.9),
    "adagrad": "adagrad",
    "adam": "adam",
    "saga": "saga",
    "svrg": "svrg",
    "psvrg": "psvrg",
    "sdca": "sdca",
    "lbfgs": "lbfgs",
    "newton": "newton",
    "cholesky": "cholesky",
    "cd": "cd",
}


class Watch:
    """Stops a fit at the target or out of time; its own time does not count."""

    def __init__(self, objective, target, budget):
        self.objective, self.target, self.budget = objective, target, budget
        self.least, self.own, self.begin = float("inf"), 0.0, process_time()

    def seconds(self):
        return process_time() - self.begin - self.own

    def setup(self, estimator, context):
        pass

    teardown = on_fit_task_begin = setup

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        spent = self.seconds()
        now = process_time()
        self.least = min(self.least, self.objective(fitted_estimator.coef_))
        self.own += process_time() - now
        return self.least <= self.target or spent > self.budget


def estimator(problem, **parameters):
    parameters |= {
        "penalty": problem.penalty, "alpha": problem.alpha, "fit_intercept": False,
        "random_state": 0,
    }  # fmt: skip
    if problem.loss in ("log_loss", "multinomial"):
        return GDLogisticRegression(**parameters)
    kind = GDLinearRegression if problem.loss == "squared_error" else GDLinearSVC
    return kind(loss=problem.loss, **parameters)


def seconds_to_target(problem, X, y, least, optimizer, budget):
    if optimizer in ("newton", "psvrg") and X.shape[1] > TOO_WIDE:
        return "wide"
    watch = Watch(lambda W: problem.objective(X, y, W), least + TARGET * abs(least), budget)
    model = estimator(problem, optimizer=optimizer, max_iter=100_000, tol=None)
    try:
        model.set_callbacks(watch).fit(X, y)
    except ValueError:  # a pair that is an error
        return "-"
    spent = watch.seconds()
    arrived = problem.objective(X, y, model.coef_) <= watch.target
    return f"{spent:.3f}" if arrived else f">{spent:.1f}"


def run(*options):
    parser = argparse.ArgumentParser(prog="python -m benchmarks choice")
    parser.add_argument("kinds", nargs="*", help=f"of {list(range(len(KINDS)))}; all, if none")
    parser.add_argument("--budget", type=float, default=5.0, help="seconds for each optimizer")
    arguments = parser.parse_args(options)
    chosen = [int(number) for number in arguments.kinds] or range(len(KINDS))
    print(f"{'':40}" + "".join(f"{name:>9}" for name in OPTIMIZERS))
    for number in chosen:
        kind, (name, scale) = list(KINDS.items())[number]
        problem = PROBLEMS[name]
        X, y = problem.data(scale, 0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exact = estimator(problem, tol=1e-9, max_iter=10_000).fit(X, y)
            estimator(problem).fit(X[:1000], y[:1000])
            least = problem.objective(X, y, exact.coef_)
            line = [
                seconds_to_target(problem, X, y, least, optimizer, arguments.budget)
                for optimizer in OPTIMIZERS.values()
            ]
        print(f"{kind:40}" + "".join(f"{entry:>9}" for entry in line), flush=True)
