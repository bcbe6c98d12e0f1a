"""What the reference leaves out of the things that come from scikit-learn."""

import re

# They are the same for every estimator; the page of the reference says so once.
COMMON = re.compile(r"get_metadata_routing|set_\w+_request|[gs]et_params")
# Labels of scikit-learn's own documentation, which is not looked up.
FOREIGN = re.compile(r":(?:ref|term):`([^`<]*?)(?: <[^`>]*>)?`")


def skip(app, what, name, thing, skipped, options):
    return True if COMMON.fullmatch(name) else None


def unlink(app, what, name, thing, options, lines):
    if "sklearn" in (getattr(thing, "__module__", None) or ""):
        lines[:] = [FOREIGN.sub(r"\1", line) for line in lines]


def setup(app):
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-docstring", unlink)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
