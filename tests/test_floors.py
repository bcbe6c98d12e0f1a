"""The floors of the package: imports only go down."""

import ast
import importlib.util
from pathlib import Path

import pytest

import sgdlearn

ROOT = Path(sgdlearn.__file__).parent
# From the ground up. A module may import from its own floor and from those below it.
FLOORS = [
    {"_kernels"},
    {"_compat", "_fit_task", "_parameters", "_threads", "_validation", "datasets", "utils"},
    {"losses", "penalties"},
    {"optimizers", "schedules"},
    {"_solvers"},
    {"_minimize", "linear_model", "matrix_factorization", "metrics"},
    {"inspection"},
]
FILES = [path for path in sorted(ROOT.rglob("*.py")) if path != ROOT / "__init__.py"]


def floor(part):
    (height,) = (i for i, parts in enumerate(FLOORS) if part in parts)
    return height


def imported_parts(path):
    """The parts of sgdlearn whose names stand in the import statements of a file."""
    package = ".".join(["sgdlearn", *path.relative_to(ROOT).parent.parts])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            module = importlib.util.resolve_name(origin, package)
            yield from (f"{module}.{alias.name}".split(".") for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_go_down(path):
    own = floor(path.relative_to(ROOT).parts[0].removesuffix(".py"))
    for package, *parts in imported_parts(path):
        if package == "sgdlearn" and parts != ["__version__"]:
            assert floor(parts[0]) <= own, f"imports {parts[0]}"
