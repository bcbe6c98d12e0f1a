"""The examples in docstrings are run."""

import doctest
import importlib

import pytest

MODULES = [
    "sgdlearn.datasets._ratings",
    "sgdlearn.linear_model._logistic",
    "sgdlearn.linear_model._regression",
    "sgdlearn.linear_model._svc",
    "sgdlearn.losses",
    "sgdlearn.matrix_factorization._factorization",
    "sgdlearn.metrics._ranking",
    "sgdlearn.metrics._scorer",
    "sgdlearn.optimizers",
    "sgdlearn.penalties",
    "sgdlearn.schedules",
]


@pytest.mark.parametrize("module", MODULES)
def test_examples_print_what_they_say(module):
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0
    assert result.failed == 0
