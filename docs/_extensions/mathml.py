"""Formulas as MathML, which browsers render themselves: no script, nothing to be fetched."""

import re

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml

# Formulas of several lines are put into a table by the converter itself.
LINES = re.compile(r"^\s*\\begin{aligned}(.*)\\end{aligned}\s*$", re.DOTALL)


def visit_inline(translator, node):
    translator.body.append(tex2mathml(node.astext()))
    raise SkipNode


def visit_block(translator, node):
    formula = tex2mathml(LINES.sub(r"\1", node.astext()), as_block=True)
    translator.body.append(f'<div class="math">{formula}</div>\n')
    raise SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
