"""Links of the Markdown pages that lead out of docs/, as they work in a checkout.

``../examples/plot_digits.py`` becomes the page that the gallery makes of it, and
``../benchmarks/README.md`` the page that includes it.
"""

import re

EXAMPLE = re.compile(r"\]\(\.\./examples/(\w+)\.py\)")
PAGES = {
    "../benchmarks/README.md": "benchmarks.md",
    "../CHANGELOG.md": "changes.md",
    "../CONTRIBUTING.md": "contributing.md",
    "../examples/README.rst": "auto_examples/index.rst",
}


def redirect(app, docname, source):
    text = EXAMPLE.sub(r"](auto_examples/\1.rst)", source[0])
    for outside, inside in PAGES.items():
        text = text.replace(f"]({outside})", f"]({inside})")
    source[0] = text


def setup(app):
    app.connect("source-read", redirect)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
