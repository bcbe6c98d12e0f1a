"""Every rule at its automatic rate on the hard problems of the tests, after 100 passes.

Percent of F(0) - F* that are left, F(0) with the best intercept. In the end, for each rule: on how
many of the problems it came within 1 % (the target: five of six), and the worst (none may diverge).
"""

import sys
import warnings
from pathlib import Path

from sklearn.exceptions import ConvergenceWarning

from sgdlearn.optimizers import SGD

sys.path.append(str(Path(__file__).parents[1] / "tests"))

RULES = {
    "sgd": "sgd",
    "momentum": SGD(momentum=0.9),
    "nesterov": SGD(momentum=0.9, nesterov=True),
    **{
        name: name
        for name in (
            *("adagrad", "adadelta", "rmsprop", "adam", "adamw", "nadam", "ftrl"),
            *("schedule_free", "sag", "saga", "svrg", "psvrg"),
        )
    },
}


def run():
    from hard_problems import PROBLEMS

    warnings.simplefilter("ignore", ConvergenceWarning)
    print(f"{'':<34}" + "".join(f"{name[:9]:>10}" for name in RULES))
    ends = {name: [] for name in RULES}
    for what, problem in PROBLEMS.items():
        line = ""
        for name, rule in RULES.items():
            model = problem.model(optimizer=rule, max_iter=100, tol=None, random_state=0)
            try:
                left = 100 * problem.suboptimality(model.fit(problem.X, problem.y))
            except ValueError:  # a loss with kinks
                line += f"{'-':>10}"
                continue
            ends[name].append(left)
            line += f"{max(left, 0.0):>10.2g}"
        print(f"{what:<34}{line}", flush=True)
    print(f"{'within 1 %':<34}", end="")
    print("".join(f"{sum(e < 1 for e in end):>7}/{len(end):<2}" for end in ends.values()))
    print(f"{'worst':<34}" + "".join(f"{max(end):>10.2g}" for end in ends.values()))
