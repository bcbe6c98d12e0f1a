"""One side on one problem, in a process of its own: a crash, a patch, a thread pool stay there.

``python -m benchmarks.worker REQUEST`` (JSON) writes a line of JSON for each fit: (tol, seconds, F).
"""

import json
import sys
import warnings
from functools import partial
from time import perf_counter

import numpy as np
from scipy import sparse

from benchmarks.problems import PROBLEMS
from benchmarks.sides import SIDES, ours
from benchmarks.timing import seconds

ENOUGH = 1e-6  # the tightest level asked for
ROWS_OF_WARM_UP = 1000


def save(path, X, y):
    if sparse.issparse(X):
        np.savez(path, data=X.data, indices=X.indices, indptr=X.indptr, shape=X.shape, y=y)
    else:
        np.savez(path, X=X, y=y)


def load(path):
    with np.load(path) as parts:
        if "X" in parts:
            return parts["X"], parts["y"]
        X = (parts["data"], parts["indices"], parts["indptr"])
        return sparse.csr_matrix(X, shape=tuple(parts["shape"])), parts["y"]


def least_seconds(fit, enough=0.5, most=5):
    """W, and the least seconds of several fits where they are short."""
    taken, results = [], []
    while not taken or (sum(taken) < enough and len(taken) < most):
        results.clear()
        taken.append(seconds(lambda: results.append(fit())))
    return results[0], min(taken)


def measure(problem, side, X, y, *, tolerances, optimum, budget):
    """Points of the sweep, loose to tight, until F is optimal to `ENOUGH` or the budget is spent."""
    start = problem.at_zero(X, y)
    begin = perf_counter()
    for tol in tolerances:
        W, taken = least_seconds(partial(side.fit, problem, X, y, tol, side.threads))
        F = problem.objective(X, y, W)
        yield {"tol": tol, "seconds": taken, "F": F}
        if optimum is not None and F - optimum <= ENOUGH * min(optimum, start - optimum):
            return
        if perf_counter() - begin > budget:
            return


def footprint(problem, X, y):
    """What the default fit of sgdlearn takes on top of X, and which optimizer it chose."""
    from benchmarks.memory import peak_over

    model = ours(problem)
    per_cent = peak_over(X, partial(model.fit, X, y))
    return {"memory": per_cent, "optimizer": type(model.optimizer_).__name__}


def main(request):
    warnings.simplefilter("ignore")
    problem, side = PROBLEMS[request["problem"]], SIDES[request["side"]]
    X, y = load(request["data"])
    few = slice(min(ROWS_OF_WARM_UP, X.shape[0]))
    with open(request["points"], "a") as out:

        def tell(**line):
            print(json.dumps(line), file=out, flush=True)

        try:  # imports and compilation are not the fit's
            side.fit(problem, X[few], y[few], side.tolerances[0], side.threads)
        except ImportError as error:
            return tell(note=f"not installed ({error})")
        except Exception as error:
            tell(note=f"warm-up: {error!r}")
        try:
            sweep = {key: request[key] for key in ("tolerances", "optimum", "budget")}
            for point in measure(problem, side, X, y, **sweep):
                tell(**point)
            if request["footprint"]:
                tell(**footprint(problem, X, y))
        except Exception as error:
            tell(note=repr(error)[:200])


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
