"""Sphinx configuration."""

from importlib.metadata import version as installed

project = "reinmax-ref"
author = "The reinmax-ref authors"
version = release = installed("reinmax-ref")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
numpydoc_show_class_members = False
autodoc_typehints = "none"  # the docstrings give types and shapes
default_role = "code"

html_theme = "pydata_sphinx_theme"
html_title = "reinmax-ref"
html_theme_options = {"navigation_with_keys": False, "secondary_sidebar_items": ["page-toc"]}
exclude_patterns = ["_build", "generated"]
