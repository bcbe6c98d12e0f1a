"""The Python blocks of the README and of docs/ run, page by page, and without a warning."""

import re
from pathlib import Path

import pytest
from sklearn.exceptions import ConvergenceWarning

from sgdlearn._compat import HAS_CALLBACKS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("README.md"), *ROOT.glob("docs/*.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


@pytest.mark.filterwarnings(f"error::{ConvergenceWarning.__module__}.ConvergenceWarning")
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
