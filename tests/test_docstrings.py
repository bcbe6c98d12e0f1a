"""The examples in docstrings are run."""

import doctest
import importlib

import pytest

MODULES = [
    "sgdlearn._minimize",
    "sgdlearn.inspection._coefficient_path",
    "sgdlearn.inspection._learning_rate_finder",
    "sgdlearn.inspection._loss_curve",
    "sgdlearn.inspection._optimizer_comparison",
    "sgdlearn.inspection._range_test",
    "sgdlearn.inspection._schedule",
    "sgdlearn.inspection._trajectory",
    "sgdlearn.linear_model._logistic",
    "sgdlearn.linear_model._regression",
    "sgdlearn.linear_model._svc",
    "sgdlearn.losses",
    "sgdlearn.optimizers",
    "sgdlearn.penalties",
    "sgdlearn.schedules",
]


@pytest.mark.parametrize("module", MODULES)
def test_examples_print_what_they_say(module):
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0
    assert result.failed == 0
