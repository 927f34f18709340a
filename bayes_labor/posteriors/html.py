"""Pages and pictures as files: templates, inline SVG, PNG and SVG."""

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.posteriors import words
from bayes_labor.posteriors.diagnostics import Gate
from bayes_labor.posteriors.style import ACCENT, BAND, BLUSH, FAINT, GREY, INK
from bayes_labor.posteriors.tables import printed, write_table

_COLUMNS = {"hdi_low": "3%", "hdi_high": "97%", "ess_bulk": "bulk ESS", "ess_tail": "tail ESS", "r_hat": "R-hat"}
_SNAKE = re.compile(r"(?<=[a-z]{2})_(?=[a-z]{2})")  # between words, not before an index as in s_l
_THEMED = {INK: "ink", BAND: "band", ACCENT: "accent", GREY: "grey", FAINT: "faint", BLUSH: "blush"}
_THEMED |= {"#000000": "ink", "#ffffff": "paper"}
"""Colours of pictures that a dark page changes, by the name of the page's variable."""


def page(template: str, **words: Any) -> str:
    """A page of ``templates/`` with its words in place, everything escaped."""
    loader = jinja2.PackageLoader("bayes_labor.posteriors", "templates")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, loader=loader)
    return environment.get_template(template).render(**words)


def write_page(
    path: Path,
    *,
    title: str,
    lead: str,
    sections: Sequence[dict[str, Any]],
    finding: str = "",
    facts: Sequence[tuple[str, str]] = (),
    gates: Sequence[Gate] = (),
    cautions: Sequence[Gate] = (),
) -> Path:
    """Write a page in the one frame of all pages: finding, verdict, facts, contents, sections; no gates, no verdict.

    Parameters
    ----------
    path
        Of the file; its folder is made.
    title, lead
        Of the page, and a sentence below it.
    sections
        Each as :func:`section` makes it.
    finding
        What was found, in two or three sentences: it comes first.
    facts
        (label, value) of the tiles below the verdict.
    gates
        Whether the numbers may be read; the failed ones stand in the verdict.
    cautions
        What a reader must know before reporting them.

    Returns
    -------
    Path
        ``path``.

    """
    marked = [s | {"id": f"s{i}"} for i, s in enumerate(sections, 1)]
    said: dict[str, Any] = {"title": title, "lead": lead, "sections": marked, "finding": finding}
    said |= {"facts": facts, "gates": gates, "cautions": cautions}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page("page.html", **said), encoding="utf-8")
    return path


def save_figures(pictures: dict[str, tuple[Figure, str]], folder: Path) -> None:
    """Every picture as PNG and SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (figure, _) in pictures.items():
        figure.savefig(folder / f"{name}.png", dpi=150)
        figure.savefig(folder / f"{name}.svg")


def inline(figure: Figure, name: str, caption: str) -> Markup:
    """SVG for the page: ids of its own, colours that follow the page's, and the caption for those who do not see it."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    svg = re.sub("<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    for colour, variable in _THEMED.items():
        svg = re.sub(rf"(:\s*){colour}\b", rf"\g<1>var(--{variable})", svg)
    said = escape(f"{name.replace('_', ' ')}. {caption}")
    return Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{said}" ', 1))


def section(
    heading: str, tables: Sequence[dict[str, Any]] = (), text: str = "", figures: Sequence[dict[str, Any]] = (), code: str = ""
) -> dict[str, Any]:
    """A heading with text, code as it is printed, tables and figures below."""
    return {"heading": heading, "text": text, "code": code, "tables": list(tables), "figures": list(figures)}


def shown_table(
    table: pd.DataFrame, folder: RunFolder, name: str, caption: str, note: str, shaded: Sequence[bool] | None = None
) -> dict[str, Any]:
    """Write CSV, JSON and LaTeX, and hand back what the page shows; rows that are ``shaded`` are marked there."""
    write_table(table, folder.tables, name, caption)
    files = [(kind, f"{folder.tables.name}/{name}.{ending}") for kind, ending in (("CSV", "csv"), ("LaTeX", "tex"))]
    return page_table(table, name, caption, note, shaded) | {"files": files}


def page_table(
    table: pd.DataFrame, name: str, caption: str, note: str = "", shaded: Sequence[bool] | None = None
) -> dict[str, Any]:
    """What a page shows of a table that has no files of its own."""
    shown, marks = printed(table), shaded if shaded is not None else [False] * len(table)
    labels = [i if isinstance(i, tuple) else (i,) for i in table.index]
    rows = [
        {"index": list(i), "cells": list(c), "shaded": bool(m)}
        for i, c, m in zip(labels, shown.itertuples(index=False), marks, strict=True)
    ]
    columns = [_COLUMNS.get(str(c), _SNAKE.sub(" ", str(c))) for c in table.columns]
    head = [str(n or "") for n in table.index.names]
    explained = words.explain(name, dict(zip([*head, *map(str, table.columns)], [*head, *columns], strict=True)))
    told: dict[str, Any] = {"label": caption, "caption": note, "words": explained, "files": []}
    return {"index": head, "columns": columns, "rows": rows} | told


def pictured(
    pictures: dict[str, tuple[str, Figure, str]], folder: RunFolder, texts: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Save (heading, figure, caption) by name, and a section for each, with its text where there is one."""
    save_figures({n: (f, c) for n, (_, f, c) in pictures.items()}, folder.figures)
    return [
        section(heading, text=(texts or {}).get(name, ""), figures=[{"svg": inline(figure, name, caption), "caption": caption}])
        for name, (heading, figure, caption) in pictures.items()
    ]


def with_figures(shown: dict[str, Any], folder: RunFolder, **made: tuple[Figure, str]) -> dict[str, Any]:
    """Save figures and add them to a section."""
    save_figures(made, folder.figures)
    return shown | {"figures": [*shown["figures"], *({"svg": inline(f, n, c), "caption": c} for n, (f, c) in made.items())]}
