"""Sphinx configuration."""

project = "bayes_labor"
author = "The bayes_labor developers"
extensions = ["myst_parser"]
html_theme = "pydata_sphinx_theme"
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath", "amsmath"]
