"""Which functions raise ValueError, themselves or by what they call, as far as names tell."""

import ast
import inspect
import textwrap
from types import FunctionType, ModuleType


def raises_value_error(function, owner=None, seen=None):
    """Whether a function of sgdlearn comes to a ``raise ValueError``.

    Followed are calls of functions by name, of functions in modules, and of methods of `self`,
    `cls` and `super()`. What is called on other objects is not.

    Parameters
    ----------
    function : callable
    owner : class, default=None
        Whose method it is.
    seen : set, default=None
        What has been looked at.
    """
    seen = set() if seen is None else seen
    if inspect.ismethod(function):
        owner = function.__self__
    function = inspect.unwrap(getattr(function, "__func__", function))
    ours = isinstance(function, FunctionType) and function.__module__.startswith("sgdlearn")
    if not ours or (function, owner) in seen:
        return False
    seen.add((function, owner))
    nodes = list(ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))))
    if any(isinstance(node, ast.Raise) and _names_value_error(node.exc) for node in nodes):
        return True
    called = [
        _meaning(node.func, function, owner) for node in nodes if isinstance(node, ast.Call)
    ]
    return any(raises_value_error(thing, of, seen) for thing, of in called)


def _names_value_error(raised):
    raised = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(raised, ast.Name) and raised.id == "ValueError"


def _meaning(called, function, owner):
    """(what an expression that is called means, the class whose method it is), None if unknown."""
    if isinstance(called, ast.Name):
        return function.__globals__.get(called.id), None
    if not isinstance(called, ast.Attribute):
        return None, None
    name, before = called.attr, called.value
    if isinstance(before, ast.Name) and before.id in ("self", "cls"):
        return getattr(owner, name, None), owner
    if isinstance(before, ast.Call) and isinstance(before.func, ast.Name):
        if before.func.id == "super" and owner is not None:
            defined = [base for base in owner.__mro__[1:] if name in vars(base)]
            return (vars(defined[0])[name], owner) if defined else (None, None)
        return None, None
    holder, _ = _meaning(before, function, owner)
    return getattr(holder, name, None) if isinstance(holder, (ModuleType, type)) else None, None
