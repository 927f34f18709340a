"""Fits side by side as papers print them: a column each, an estimate with its uncertainty below, what was fitted at the foot.

One table goes to HTML and LaTeX by great_tables, to Word by python-docx, and to CSV.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.posteriors.diagnostics import Gate
from bayes_labor.posteriors.tables import CI_PROB, decimals, fixed, harmless, labels, typeset

LEVELS = {"***": 0.995, "**": 0.975, "*": 0.95}
"""Posterior probability of the sign from which a mean has so many stars."""
_FOOT = "Fit"
_SINGLE = "Other parameters"


@dataclass(frozen=True)
class SideBySide:
    """A table ready to be written."""

    caption: str
    table: pd.DataFrame
    """Text by fit; rows by (block, label), an empty label below an estimate for its uncertainty."""
    notes: str

    def in_lines(self) -> pd.DataFrame:
        """The same with an estimate and its uncertainty in one cell, for tables that are sorted."""
        own = np.array([bool(label) for _, label in self.table.index])
        below = self.table.shift(-1, fill_value="")
        below.iloc[np.append(own[1:], True)] = ""
        joined = (self.table + " " + below).apply(lambda c: c.str.strip())
        return joined[own].rename_axis(["parameter", "term"])


@dataclass(frozen=True)
class Column:
    """One fit."""

    symbols: Mapping[str, str]
    """Variables to show, in order, and what to call them."""
    draws: xr.DataTree
    gates: Sequence[Gate]
    counts: Mapping[str, int]
    """What the fit says of its data, in numbers: workers, workplaces, rows."""


def side_by_side(
    fits: Mapping[str, Column], *, intervals: bool = False, stars: bool = False, names: Mapping[str, str] | None = None,
    caption: str = "Posterior means",
) -> SideBySide:  # fmt: skip
    """Put fits beside one another.

    Parameters
    ----------
    fits
        By what heads their column.
    intervals
        Below a mean its 94% highest-density interval in brackets; else its posterior standard deviation in parentheses.
    stars
        Whether means are marked by the posterior probability of their sign: above .95, .975 and .995.
    names
        What to call parameters and terms in the table, by what they are called in the fits.
    caption
        Of the table.

    Raises
    ------
    DataFaults
        For no fits, or names of nothing that is there.

    """
    if not fits:
        raise DataFaults([Fault("there are no fits to show", "table", "give one run or more")])
    cells = {name: _estimates(fit, intervals, stars) for name, fit in fits.items()}
    rows = list(dict.fromkeys(key for own in cells.values() for key in own))
    names = dict(names or {})
    known = {w for key in rows for w in key} | set(fits)
    strange = [n for n in names if n not in known]
    if strange:
        raise DataFaults([Fault(f"nothing is called {strange[0]!r}", "the names of the table", "see the table without names")])
    heads = [names.get(n, n) for n in fits]
    twice = [n for n in heads if heads.count(n) > 1 or n in ("block", "term")]
    if twice:
        raise DataFaults([Fault(f"a column cannot be called {twice[0]!r}", "the runs", "give every run a name of its own")])
    body: dict[tuple[str, str, int], dict[str, str]] = {}
    for symbol, term in sorted(rows, key=lambda key: not key[1]):  # what has terms first, in blocks of their own
        block, label = (names.get(symbol, symbol), names.get(term, term)) if term else (_SINGLE, names.get(symbol, symbol))
        if (block, label, 0) in body:
            remedy = "give every row a name of its own"
            raise DataFaults([Fault(f"two rows are called {label!r}", "the names of the table", remedy)])
        for line in (0, 1):
            body[block, label, line] = {n: own.get((symbol, term), ("", ""))[line] for n, own in cells.items()}
    feet = {name: _foot(fit) for name, fit in fits.items()}
    for label in dict.fromkeys(w for foot in feet.values() for w in foot):
        body[_FOOT, label, 0] = {n: foot.get(label, "") for n, foot in feet.items()}
    index = pd.MultiIndex.from_tuples([(b, "" if line else label) for b, label, line in body], names=["block", "term"])
    table = pd.DataFrame(list(body.values()), index).rename(columns=names)
    return SideBySide(caption, table, _notes(intervals, stars, fits))


def _estimates(fit: Column, intervals: bool, stars: bool) -> dict[tuple[str, str], tuple[str, str]]:
    """(mean, what is below it) by (symbol, term)."""
    import arviz as az

    posterior, found = fit.draws["posterior"].to_dataset(), {}
    for name in (n for n in fit.symbols if n in posterior):
        values = posterior[name]
        flat = values.to_numpy().reshape(values.sizes["chain"] * values.sizes["draw"], -1)
        bounds = np.atleast_2d(az.hdi(values, prob=CI_PROB).to_numpy().reshape(-1, 2))
        for i, term in enumerate(labels(values)):
            own = flat[:, i]
            places = decimals(float(own.std(ddof=1)))
            below = f"[{fixed(bounds[i, 0], places)}, {fixed(bounds[i, 1], places)}]"
            below = below if intervals else f"({fixed(float(own.std(ddof=1)), places)})"
            found[fit.symbols[name], term] = (fixed(float(own.mean()), places) + (_marks(own) if stars else ""), below)
    return found


def _marks(draws: np.ndarray) -> str:
    sure = max(float((draws > 0).mean()), float((draws < 0).mean()))
    return next((mark for mark, level in LEVELS.items() if sure > level), "")


def _foot(fit: Column) -> dict[str, str]:
    posterior = fit.draws["posterior"]
    found = {k: f"{v:,}" for k, v in fit.counts.items()}
    found["draws"] = f"{posterior.sizes['chain'] * posterior.sizes['draw']:,}"
    failed = [g.name for g in fit.gates if not g.passed]
    return found | {"convergence": f"FAILED: {', '.join(failed)}" if failed else "all gates passed"}


def _notes(intervals: bool, stars: bool, fits: Mapping[str, Any]) -> str:
    said = "94% highest-density intervals in brackets." if intervals else "Posterior standard deviations in parentheses."
    marks = ", ".join(f"{mark} above {level:g}" for mark, level in reversed(LEVELS.items()))
    said += f" Stars by the posterior probability of the sign: {marks}." if stars else ""
    return said + (" Empty: not in that model." if len(fits) > 1 else "")


WRITERS = (".html", ".tex", ".docx", ".csv")


def write(made: SideBySide, path: Path) -> None:
    """Write the table as its ending says: .html, .tex, .docx or .csv.

    Raises
    ------
    DataFaults
        For another ending, or if great_tables or python-docx is not there.

    """
    if path.suffix not in WRITERS:
        raise DataFaults(
            [Fault(f"no table is written to {path.suffix or 'a name without ending'}", str(path), ", ".join(WRITERS))]
        )
    if path.suffix == ".csv":
        harmless(made.table).to_csv(path)
        return
    try:
        if path.suffix == ".docx":
            _to_word(made, path)
        else:
            text = as_latex(made) if path.suffix == ".tex" else as_html(made)
            path.write_text(text, encoding="utf-8")
    except ModuleNotFoundError as error:
        remedy = "pip install 'bayes-labor[tables]', or write .csv"
        raise DataFaults([Fault(f"{error.name} is not installed", str(path), remedy)]) from None


def _great(made: SideBySide) -> Any:
    from great_tables import GT

    numbered = made.table.reset_index()
    numbered.columns = [str(c) for c in numbered.columns]
    great = GT(numbered, rowname_col="term", groupname_col="block").tab_header(made.caption).tab_source_note(made.notes)
    plain = {f"table_body_{lines}_style": "none" for lines in ("hlines", "vlines")} | {"stub_border_style": "none"}
    return great.cols_align("center", [str(c) for c in made.table.columns]).tab_options(data_row_padding="2px", **plain)


def as_html(made: SideBySide) -> str:
    """A page with the table alone."""
    head = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Table</title></head><body>'
    return f"{head}{_great(made).as_raw_html()}</body></html>\n"


def as_latex(made: SideBySide) -> str:
    r"""A table for a document with ``\usepackage{booktabs, caption}``."""
    return typeset(_great(made).as_latex())


def _to_word(made: SideBySide, path: Path) -> None:
    from docx import Document

    document = Document()
    document.add_paragraph(made.caption, style="Caption")
    grid = document.add_table(rows=1, cols=1 + made.table.shape[1], style="Light List")
    for cell, name in zip(grid.rows[0].cells[1:], made.table.columns, strict=True):
        cell.text = str(name)
    before = ""
    for (block, term), row in zip(made.table.index.tolist(), made.table.to_numpy(), strict=True):
        if block != before:
            grid.add_row().cells[0].text, before = str(block), str(block)
        for cell, text in zip(grid.add_row().cells, (term, *row), strict=True):
            cell.text = str(text)
    document.add_paragraph(made.notes)
    document.save(str(path))
