"""Sphinx configuration: ``python -m sphinx -W docs docs/_build/html`` builds the documentation."""

import sys
from pathlib import Path

import sgdlearn

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "sgdlearn"
author = "The sgdlearn developers"
copyright = author
release = version = sgdlearn.__version__

extensions = [
    "inherited",
    "mathml",
    "repository_links",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
default_role = "autolink"  # a name in single backticks links to its page, if it has one

# -- pages in Markdown -----------------------------------------------------------------------------

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

# -- the reference ---------------------------------------------------------------------------------

autosummary_generate = True
autodoc_member_order = "bysource"
numpydoc_show_class_members = False  # autodoc lists them, on the page of the class

# -- the gallery -----------------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",  # the others are shown, not run
    "remove_config_comments": True,
    "within_subsection_order": "gallery.Order",
    "doc_module": "sgdlearn",
    "backreferences_dir": "generated/backreferences",
    "reference_url": {"sgdlearn": None},
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 20,
}

# -- HTML ------------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_math_renderer = "mathml"
html_title = "sgdlearn"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["sgdlearn.css"]
html_theme_options = {
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
}
