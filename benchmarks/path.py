"""What a path of 30 penalties costs with warm_start=True, in fits of its last, weakest penalty.

"cold" is the same path without. The target is 5 fits at most.
"""

import warnings
from functools import partial
from statistics import median

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from benchmarks.problems import classes, dense, digits, flags, images, noisy, text
from benchmarks.timing import seconds
from sgdlearn import GDLinearRegression, GDLinearSVC, GDLogisticRegression

ALPHAS = 30
LOG, SQUARED, HINGE = GDLogisticRegression, GDLinearRegression, GDLinearSVC
DENSE, WORDS = dense(30_000, 100, 10, classes), text(20_000, 20_000, 40, classes)
NUMBERS, WIDE = dense(30_000, 100, 10, noisy), dense(5000, 500, 1e4, classes)

# (what, estimator, its parameters, data, strongest alpha, weakest alpha times the rows)
PATHS = [
    ("dense, log loss", LOG, {}, DENSE, 1e-1, 1.0),
    ("dense, L1, log loss", LOG, {"penalty": "l1"}, DENSE, 1e-1, 10.0),
    ("ill-conditioned, log loss", LOG, {}, WIDE, 1e-1, 1.0),
    ("text, log loss", LOG, {}, WORDS, 1e-2, 1.0),
    ("text, L1, log loss", LOG, {"penalty": "l1"}, WORDS, 1e-3, 1.0),
    ("flags, log loss", LOG, {}, flags(20_000, 300, 12, 0.03, classes), 1e-2, 1.0),
    ("digits, softmax", LOG, {}, digits, 1.0, 1.0),
    ("images, softmax", LOG, {}, images(4000, 300, 10), 1e-1, 1.0),
    ("text, squared hinge", HINGE, {"loss": "squared_hinge"}, WORDS, 1e-2, 1.0),
    ("text, hinge", HINGE, {}, WORDS, 1e-2, 1.0),
    ("dense, hinge", HINGE, {}, DENSE, 1e-1, 1.0),
    ("dense, squared", SQUARED, {}, NUMBERS, 1e1, 1.0),
    ("dense, Lasso", SQUARED, {"penalty": "l1"}, NUMBERS, 1e0, 10.0),
    ("dense, huber", SQUARED, {"loss": "huber"}, NUMBERS, 1e1, 1.0),
    ("text, SAGA", LOG, {"optimizer": "saga"}, WORDS, 1e-2, 1.0),
    ("text, SDCA", LOG, {"optimizer": "sdca"}, WORDS, 1e-2, 1.0),
    ("text, L-BFGS", LOG, {"optimizer": "lbfgs"}, WORDS, 1e-2, 1.0),
]


def walk(model, X, y, alphas):
    """The model after the path."""
    for alpha in alphas:
        model.set_params(alpha=alpha).fit(X, y)
    return model


def run():
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(f"{'':<28}{'one fit':>9}{'path':>9}{'cold':>9}{'path / fit':>12}{'cold / fit':>12}")
    for what, estimator, parameters, draw, strongest, weakest in PATHS:
        X, y = draw(np.random.default_rng(30), 1)
        alphas = np.geomspace(strongest, weakest / len(y), ALPHAS)
        model = estimator(**parameters, random_state=0)
        last, warm = clone(model), clone(model).set_params(warm_start=True)
        walk(last, X, y, alphas[-1:])
        fit = median(seconds(partial(walk, last, X, y, alphas[-1:])) for _ in range(3))
        path, cold = (seconds(partial(walk, m, X, y, alphas)) for m in (warm, model))
        print(
            f"{what:<28}{fit:>9.3f}{path:>9.3f}{cold:>9.3f}{path / fit:>12.1f}{cold / fit:>12.1f}"
            f"  {warm.optimizer_.name}",
            flush=True,
        )
