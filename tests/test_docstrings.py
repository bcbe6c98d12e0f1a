"""Docstrings: they are complete, say what the signature says, and their examples are run."""

import doctest
import importlib
import inspect
import math
import pkgutil
import re

import numpy
import pytest
from numpydoc.docscrape import ClassDoc, FunctionDoc
from numpydoc.validate import validate
from raising import raises_value_error
from sklearn.datasets import load_breast_cancer

import sgdlearn
from sgdlearn import (
    GDLinearRegression,
    GDLinearSVC,
    GDLogisticRegression,
    GDMatrixFactorization,
    losses,
    optimizers,
    penalties,
    schedules,
)
from sgdlearn.inspection import TrajectoryDisplay, lr_range_test
from sgdlearn.schedules import Cosine

# The rules of numpydoc that do not hold here: sections that not everything needs (an extended
# summary, See Also, Examples); a name before the type of what is returned; summaries and
# descriptions that do not begin with a capital letter, being formulas, or not with a verb; and the
# line of the opening quotes, which old numpydoc wants empty.
NOT_ASKED = {"ES01", "SA01", "EX01", "RT02", "SS02", "SS05", "PR08", "GL01"}


def public_modules():
    yield sgdlearn
    for info in pkgutil.walk_packages(sgdlearn.__path__, prefix="sgdlearn."):
        if "._" not in info.name:
            yield importlib.import_module(info.name)


def public_objects():
    """The names in each __all__, and the methods of the classes; each object once."""
    found = {}
    for module in public_modules():
        for name in getattr(module, "__all__", ()):
            thing, path = getattr(module, name), f"{module.__name__}.{name}"
            found.setdefault(thing, path)
            if inspect.isclass(thing):
                for method, function in inspect.getmembers(thing, inspect.isroutine):
                    own = (getattr(function, "__module__", None) or "").startswith("sgdlearn")
                    if own and (method == "__call__" or not method.startswith("_")):
                        found.setdefault(function.__qualname__, f"{path}.{method}")
    return sorted(found.values())


NAMES = public_objects()


def resolved(name):
    """The object of a name, and the class it is a method of, if it is one."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing, owner = importlib.import_module(".".join(parts[:cut])), None
        except ImportError:
            continue
        for part in parts[cut:]:
            thing, owner = getattr(thing, part), thing
        return thing, owner if inspect.isclass(owner) else None


@pytest.mark.parametrize("name", NAMES)
def test_docstring_is_complete(name):
    thing, owner = resolved(name)
    if owner and thing.__doc__ is None:  # an override: what the base class says of it holds
        assert inspect.getdoc(thing)
        return
    faults = [fault for fault in validate(name)["errors"] if fault[0] not in NOT_ASKED]
    assert not faults


@pytest.mark.parametrize("name", NAMES)
def test_value_errors_are_documented(name):
    thing, owner = resolved(name)
    if not inspect.isclass(thing) and thing.__doc__ and raises_value_error(thing, owner):
        assert "ValueError" in [section.type for section in FunctionDoc(thing)["Raises"]]


@pytest.mark.parametrize(
    "thing, owner, raises",
    [
        (lr_range_test, None, True),  # itself
        (TrajectoryDisplay.from_function, None, True),  # by a method, and that by a function
        (Cosine.validate, Cosine, True),  # an inherited one
        (Cosine.__call__, Cosine, False),
        (GDLinearSVC.densify, GDLinearSVC, False),
    ],
)
def test_value_errors_are_found(thing, owner, raises):
    assert raises_value_error(thing, owner) == raises


@pytest.mark.parametrize(
    "estimator",
    [
        GDLinearRegression(optimizer="sgd", early_stopping=True, max_iter=500),
        GDLogisticRegression(optimizer="sdca", tol=None, max_iter=2),
        GDLinearSVC(),
        GDMatrixFactorization(max_iter=2, tol=None),
    ],
)
def test_fitted_attributes_are_documented(estimator):
    if isinstance(estimator, GDMatrixFactorization):
        estimator.fit(numpy.array([[0, 0], [0, 1], [1, 1], [2, 0]]), [1.0, 2.0, 3.0, 2.0])
    else:
        estimator.fit(*load_breast_cancer(return_X_y=True, as_frame=True))
    fitted = {name for name in dir(estimator) if re.fullmatch(r"[^_].*_", name)}
    documented = ClassDoc(type(estimator))["Attributes"]
    assert fitted <= {name for entry in documented for name in entry.name.split(", ")}


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_those_of_the_signature(name):
    thing, _ = resolved(name)
    if thing.__doc__ is None:
        return
    document = (ClassDoc if inspect.isclass(thing) else FunctionDoc)(thing)
    signature = inspect.signature(thing).parameters
    for parameter in document["Parameters"]:
        said = re.search(r"default=(.*)", parameter.type)
        for one in parameter.name.split(", "):
            given = signature[one.lstrip("*")].default if one.lstrip("*") in signature else None
            if given is inspect.Parameter.empty or one.startswith("*"):
                assert said is None, one
            else:
                assert said, f"{one} has the default {given!r}, which the docstring does not say"
                value = eval(said[1], {"inf": math.inf, "numpy": numpy})
                assert value == given and type(value) is type(given), one


VOCABULARY = [optimizers, losses, penalties, schedules]
# Base classes, and what is nobody's invention.
ANONYMOUS = {
    *("Optimizer", "Loss", "Penalty", "Schedule"),
    *("Constant", "Exponential", "ReduceOnPlateau", "Step"),
}


@pytest.mark.parametrize("module", VOCABULARY, ids=lambda module: module.__name__)
def test_papers_are_named(module):
    cited = re.compile(r"[A-Z]\w+( et al\.)? \(?(1[789]|20)\d\d")
    for name in set(module.__all__) - ANONYMOUS:
        assert cited.search(getattr(module, name).__doc__), name


@pytest.mark.parametrize("module", list(public_modules()), ids=lambda module: module.__name__)
def test_examples_print_what_they_say(module):
    """Those of public names, wherever the code lies; `>>>` in other docstrings is run too."""
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    for name in ("", *getattr(module, "__all__", ())):
        thing = getattr(module, name) if name else module
        for example in finder.find(thing, name or module.__name__, module=False, globs={}):
            runner.run(example)
    assert runner.summarize(verbose=False).failed == 0
