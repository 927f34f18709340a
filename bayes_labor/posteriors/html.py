"""Pages and pictures as files: templates, inline SVG, PNG and SVG."""

import io
import re
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.posteriors.tables import printed, write_table


def page(template: str, **words: Any) -> str:
    """A page of ``templates/`` with its words in place, everything escaped."""
    loader = jinja2.PackageLoader("bayes_labor.posteriors", "templates")
    return (
        jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, loader=loader)
        .get_template(template)
        .render(**words)
    )


def save_figures(pictures: dict[str, tuple[Figure, str]], folder: Path) -> None:
    """Every picture as PNG and SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (figure, _) in pictures.items():
        figure.savefig(folder / f"{name}.png", dpi=150)
        figure.savefig(folder / f"{name}.svg")


def inline(figure: Figure, name: str) -> Markup:
    """SVG for the page: without the XML head, and with ids of its own."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    return Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{name.replace("_", " ")}" ', 1))


def section(heading: str, tables: list[dict[str, Any]], text: str = "") -> dict[str, Any]:
    """A heading with tables below."""
    return {"heading": heading, "text": text, "tables": tables, "figures": []}


def shown_table(table: pd.DataFrame, folder: RunFolder, name: str, caption: str, note: str) -> dict[str, Any]:
    """Write CSV, JSON and LaTeX, and hand back what the page shows."""
    write_table(table, folder.tables, name, caption)
    shown = printed(table)
    words = {"hdi_low": "3%", "hdi_high": "97%"}
    labels = [i if isinstance(i, tuple) else (i,) for i in table.index]
    rows = [{"index": list(i), "cells": list(c)} for i, c in zip(labels, shown.itertuples(index=False), strict=True)]
    columns = [words.get(str(c), str(c).replace("_", " ")) for c in table.columns]
    return {"index": list(table.index.names), "columns": columns, "rows": rows, "caption": note}


def with_figures(shown: dict[str, Any], folder: RunFolder, **made: tuple[Figure, str]) -> dict[str, Any]:
    """Save figures and add them to a section."""
    save_figures(made, folder.figures)
    return shown | {"figures": [*shown["figures"], *({"svg": inline(f, n), "caption": c} for n, (f, c) in made.items())]}
