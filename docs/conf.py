"""Sphinx configuration: pages in Markdown, the reference from docstrings, columns of tables from the words that pages show."""

from pathlib import Path
from typing import Any

from bayes_labor import __version__
from bayes_labor.posteriors.words import as_markdown

project = "bayes_labor"
author = "The bayes_labor developers"
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "numpydoc"]
html_theme = "pydata_sphinx_theme"
exclude_patterns = ["_build"]
smartquotes = False  # words are found as they are written
myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 3
autodoc_typehints = "none"  # numpydoc's parameters say them in words; signatures stay readable
numpydoc_show_class_members = False


def setup(app: Any) -> None:
    """Write the page on columns before pages are read."""
    app.connect("builder-inited", lambda _: Path(__file__).with_name("columns.md").write_text(as_markdown(), encoding="utf-8"))
