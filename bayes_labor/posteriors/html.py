"""Pages and pictures as files: templates, inline SVG, PNG and SVG."""

import io
import re
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from matplotlib.figure import Figure


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
