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

import sgdlearn

# numpydoc's codes: no docstring; parameters missing, unknown, in another order, without a type,
# without a description; what is returned left out.
FAULTS = {"GL08", "PR01", "PR02", "PR03", "PR04", "PR07", "RT01"}


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
                    if own and not method.startswith("_"):
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
    faults = [fault for fault in validate(name)["errors"] if fault[0] in FAULTS]
    assert not faults


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


@pytest.mark.parametrize("module", list(public_modules()), ids=lambda module: module.__name__)
def test_examples_print_what_they_say(module):
    """Those of public names, wherever the code lies; `>>>` in other docstrings is run too."""
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    for name in ("", *getattr(module, "__all__", ())):
        thing = getattr(module, name) if name else module
        for example in finder.find(thing, name or module.__name__, module=False, globs={}):
            runner.run(example)
    assert runner.summarize(verbose=False).failed == 0
