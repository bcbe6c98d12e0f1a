"""What the reference leaves out."""

import re

# What is the same for every estimator (the page of the reference says so once), and what is between
# an object and the solvers.
LEFT_OUT = re.compile(
    r"get_metadata_routing|set_\w+_request|[gs]et_params|validate"
    r"|kernel_\w+|n_slots|code|spec|parameter|smoothing|ramp_slope|name"
)
# Labels of scikit-learn's own documentation, which is not looked up.
FOREIGN = re.compile(r":(?:ref|term):`([^`<]*?)(?: <[^`>]*>)?`")


def skip(app, what, name, thing, skipped, options):
    return True if LEFT_OUT.fullmatch(name) else None


def unlink(app, what, name, thing, options, lines):
    if "sklearn" in (getattr(thing, "__module__", None) or ""):
        lines[:] = [FOREIGN.sub(r"\1", line) for line in lines]


def setup(app):
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-docstring", unlink)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
