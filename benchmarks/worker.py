"""One side on one problem, in a process of its own: a crash, a patch, a thread pool stay there.

``python -m benchmarks.worker REQUEST`` (JSON) writes a line of JSON for each fit: tol, seconds, F.
"""

import json
import sys
import warnings
from functools import partial
from time import perf_counter, process_time

import numpy as np
from scipy import sparse

from benchmarks.problems import PROBLEMS
from benchmarks.sides import SIDES, ours

ENOUGH = 5e-7  # half the tightest level asked for: F* may yet be found a little lower
ROWS_OF_WARM_UP = 1000
SWEEP = ("threads", "tolerances", "optimum", "budget", "clock")  # what `measure` is asked
# Seconds passed, or those of the processors, all threads together: for a machine that others use.
CLOCKS = {"wall": perf_counter, "cpu": process_time}


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


def least_seconds(clock, fit, enough=0.5, most=50):
    """W, and the least seconds of several fits where they are short."""
    taken = []
    while not taken or (sum(taken) < enough and len(taken) < most):
        begin = clock()
        W = fit()
        taken.append(clock() - begin)
    return W, min(taken)


def measure(problem, side, X, y, *, threads, tolerances, optimum, budget, clock):
    """The sweep, loose to tight, until F is optimal to `ENOUGH` or the budget is spent."""
    start = problem.at_zero(X, y)
    begin = CLOCKS[clock]()
    for tol in tolerances:
        W, taken = least_seconds(CLOCKS[clock], partial(side.fit, problem, X, y, tol, threads))
        F = problem.objective(X, y, W)
        yield {"tol": tol, "seconds": taken, "F": F}
        if optimum is not None and F - optimum <= ENOUGH * min(optimum, start - optimum):
            return
        if CLOCKS[clock]() - begin > budget:
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
            side.fit(problem, X[few], y[few], side.tolerances[0], request["threads"])
        except ImportError as error:
            return tell(note=f"not installed ({error})")
        except Exception as error:
            tell(note=f"warm-up: {error!r}")
        try:
            sweep = {key: request[key] for key in SWEEP}
            for point in measure(problem, side, X, y, **sweep):
                tell(**point)
            if request["footprint"]:
                tell(**footprint(problem, X, y))
        except Exception as error:
            tell(note=repr(error)[:200])


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
