"""The Python blocks of the README and of docs/ run, and the pages leave nothing out."""

import ast
import importlib
import re
from itertools import pairwise
from pathlib import Path

import pytest
from test_common import expected_failed_checks
from test_docstrings import public_modules
from test_matrix_factorization_common import EXPECTED

from sgdlearn import GDLinearRegression, optimizers
from sgdlearn._compat import HAS_CALLBACKS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("README.md"), *ROOT.glob("docs/*.md")])
EXAMPLES = sorted(ROOT.glob("examples/*.py"))
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
FUNCTION = re.compile(r"((?:`\w+`(?:,| and)? )+)in\s+`(sgdlearn/[\w/]+\.\w+)`")


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("error::sklearn.exceptions.FitFailedWarning")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_run(page):
    text = page.read_text(encoding="utf-8")
    names = {}
    for block in BLOCK.finditer(text):
        if "sklearn.callback" in block[1] and not HAS_CALLBACKS:
            continue
        line = text.count("\n", 0, block.start(1))
        exec(compile("\n" * line + block[1], str(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_page_is_in_a_table_of_contents():
    named = set()
    for page in ROOT.glob("docs/*.md"):
        for tree in re.findall(r"```{toctree}\n(.*?)```", text_of(page), re.DOTALL):
            named |= set(tree.split())
    pages = {page.stem for page in ROOT.glob("docs/*.md")} - {"index"}
    assert pages <= named


def test_reference_names_every_public_object():
    listed = set(re.findall(r"^   ([\w.]+)$", text_of("docs/api.rst"), re.MULTILINE))
    listed = {name if name.startswith("sgdlearn.") else f"sgdlearn.{name}" for name in listed}
    found = {
        getattr(module, name): f"{module.__name__}.{name}"
        for module in reversed(list(public_modules()))
        for name in getattr(module, "__all__", ())
    }
    assert set(found.values()) - {"sgdlearn.utils.all_estimators"} <= listed
    for name in listed:
        module, _, thing = name.rpartition(".")
        assert hasattr(importlib.import_module(module), thing)


@pytest.mark.skipif(not (ROOT / "sgdlearn").exists(), reason="the sources are not here")
def test_mathematics_of_every_optimizer():
    """A section each, and the functions named lie in the files named."""
    text = text_of("docs/mathematics.md")
    sections = set(re.findall(r"^### (\w+)$", text, re.MULTILINE))
    assert sections == {*optimizers.OPTIMIZERS, optimizers.RPCS.name}
    found = FUNCTION.findall(text)
    assert len(found) > len(sections) - 9  # nine of them are cases of one function
    for names, file in found:
        for name in re.findall(r"\w+", names.replace(" and", "")):
            pattern = rf"(?:def|cdef inline \w+|class|static \w+) {name}\b|NAME\({name}\)"
            assert re.search(pattern, text_of(file)), (name, file)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_a_figure_is_shown_when_it_is_whole(example):
    """The gallery takes a block's figures at its end, unless the block says that more comes."""
    blocks = re.split(r"^# %%$", example.read_text(encoding="utf-8"), flags=re.MULTILINE)
    names = []
    for before, block in pairwise(blocks):
        made = re.findall(r"^(.*) = plt\.subplots", before, re.MULTILINE)
        names = re.findall(r"\w+", made[-1]) if made else names
        drawn = any(re.search(rf"^[^#]*\b{name}(\.|\[)", block, re.MULTILINE) for name in names)
        anew = "plt.subplots" in block
        assert not drawn or anew or "# sphinx_gallery_defer_figures" in before


def test_compatibility_names_the_checks_that_fail():
    stochastic = GDLinearRegression(optimizer="sgd")
    for check in [*expected_failed_checks(stochastic), *EXPECTED]:
        assert f"`{check}`" in text_of("docs/compatibility.md")


def test_examples_have_titles_of_their_own():
    stories = [ast.get_docstring(ast.parse(path.read_text("utf-8"))) for path in EXAMPLES]
    titles = [story.strip("=\n").split("\n", 1)[0] for story in stories]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example_can_be_shown(example):
    """It begins with a title and says something; what is run in the gallery draws a picture."""
    code = example.read_text(encoding="utf-8")
    title, rule, *story = ast.get_docstring(ast.parse(code)).strip("=\n").split("\n", 2)
    assert set(rule) == {"="}
    assert len(rule) >= len(title)
    assert story
    if example.name.startswith("plot_"):
        assert ".plot(" in code or "plt.subplots" in code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_merge_is_left_half_done(page):
    assert not re.search(r"^(<{7}|>{7}) ", page.read_text(encoding="utf-8"), re.MULTILINE)
