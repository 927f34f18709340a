"""What a user says of a firm's careers: gaps, demotions, several firms, grades in words, tenure that is not on record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_labor.data.faults import DataFaults, Fault, did_you_mean, first_few

GAPS = ("refuse", "keep", "spells")
DEMOTIONS = ("refuse", "keep", "spells", "drop")
COUNTED = ("ten_level", "ten_firm", "promoted")
"""Columns that can be counted from the rows where the table lacks them."""


@dataclass(frozen=True)
class Careers:
    """How careers are read. Raises DataFaults for words that are not known."""

    gaps: str = "refuse"
    """Years that a worker misses: ``refuse``; ``keep`` the worker; or ``spells``: who comes back is another worker, as are
    re-hires."""
    demotions: str = "refuse"
    """Levels that fall: ``refuse``; ``keep``; ``spells``: from there on another worker; or ``drop`` the rows from there on, as
    the paper does."""
    firm: str = ""
    """Column with the firm, where there are several: a worker who changes firms is another worker there."""
    level_order: Sequence[str] = ()
    """Levels in words, the lowest first; numbers need none, and ordered categories have theirs."""
    rating_order: Sequence[str] = ()
    """Ratings in words, the best first."""
    count: bool = False
    """Whether tenures and promotions that the table lacks are counted from the rows: years seen, a lower bound for whoever was
    there before the first; promoted where the level is higher in the year after, unknown where that year is not seen."""

    def __post_init__(self) -> None:
        said = (("gaps", self.gaps, GAPS), ("demotions", self.demotions, DEMOTIONS))
        faults = [Fault(f"{n} = {v!r} is not known", n, did_you_mean(v, known)) for n, v, known in said if v not in known]
        if faults:
            raise DataFaults(faults)

    def told(self, table: pd.DataFrame, name: str) -> tuple[pd.DataFrame, dict[str, dict[int, str]]]:
        """(the table as it is checked, words of levels and ratings by their places).

        Raises
        ------
        DataFaults
            For a firm's column that is not there, or words that their order does not list.

        """
        words: dict[str, dict[int, str]] = {}
        for column, order in (("level", self.level_order), ("rating", self.rating_order)):
            if column in table:
                table, own = _in_order(table, column, order, name)
                words |= {column: own} if own else {}
        if self.firm:
            table = _by_firm(table, self.firm, name)
        if not {"id", "year", "level"} <= set(table) or not pd.api.types.is_numeric_dtype(table["year"]):
            return table, words
        table = table.sort_values(["id", "year"], kind="stable").reset_index(drop=True)
        table = self._spells(table)
        return (_counted(table) if self.count else table), words

    def _spells(self, table: pd.DataFrame) -> pd.DataFrame:
        """Rows from a gap or a demotion on as another worker's, or gone."""
        same = table["id"].eq(table["id"].shift())
        falls = same & (table["level"].diff() < 0) if pd.api.types.is_numeric_dtype(table["level"]) else same & False
        if self.demotions == "drop":
            gone = falls.groupby(table["id"]).cumsum() > 0
            table = table[~gone].reset_index(drop=True)
            same, falls = same[~gone].reset_index(drop=True), falls[~gone].reset_index(drop=True)
        breaks = np.zeros(len(table), dtype=bool)
        if self.gaps == "spells":
            breaks |= (same & (table["year"].diff() > 1)).to_numpy()
        if self.demotions == "spells":
            breaks |= falls.to_numpy()
        if not breaks.any():
            return table
        spell = pd.Series(breaks, table.index).groupby(table["id"]).cumsum() + 1
        return table.assign(
            id=table["id"].astype(str).where(spell == 1, table["id"].astype(str) + " (" + spell.astype(str) + ")")
        )


def _in_order(table: pd.DataFrame, column: str, order: Sequence[str], name: str) -> tuple[pd.DataFrame, dict[int, str]]:
    """The column as numbers; its words by number, where it had words."""
    held = table[column]
    if pd.api.types.is_numeric_dtype(held):
        if not order:
            return table, {}
        held = held.map(lambda v: f"{v:g}", na_action="ignore")
    if isinstance(held.dtype, pd.CategoricalDtype) and held.cat.ordered and not order:
        order = [str(c) for c in held.cat.categories]
    text = held.astype("string").str.strip()
    numbers = pd.to_numeric(text, errors="coerce")
    if not order and numbers.notna().eq(text.notna()).all():
        return table.assign(**{column: numbers.astype(np.float64)}), {}
    known = dict.fromkeys(str(w).strip() for w in order)
    unknown = [w for w in text.dropna().unique() if w not in known]
    if unknown:
        which = "the best first" if column == "rating" else "the lowest first"
        what = f"{column} has words whose order is not said: {first_few(map(repr, unknown))}"
        raise DataFaults([Fault(what, name, f"say it, {which}: --{column}-order {unknown[0]!r} and so on")])
    places = {word: k for k, word in enumerate(known, 1)}
    found = text.map(places).astype(np.float64)
    return table.assign(**{column: found}), {k: word for word, k in places.items()}


def _by_firm(table: pd.DataFrame, firm: str, name: str) -> pd.DataFrame:
    """Workers by firm."""
    if firm not in table:
        raise DataFaults([Fault(f"there is no column {firm!r} for the firm", name, did_you_mean(firm, table.columns))])
    if table[firm].isna().any():
        raise DataFaults([Fault(f"{firm} is missing", f"{name}: {int(table[firm].isna().sum())} rows", "drop them by --where")])
    if "id" not in table:
        return table
    return table.assign(id=table["id"].astype(str) + " at " + table[firm].astype(str))


def _counted(table: pd.DataFrame) -> pd.DataFrame:
    """With the columns of :data:`COUNTED` that it lacks; rows by worker and year."""
    same = table["id"].eq(table["id"].shift())
    new = ~same | table["level"].ne(table["level"].shift())
    later = table["level"].shift(-1)
    known = table["id"].eq(table["id"].shift(-1)) & (table["year"].shift(-1) == table["year"] + 1)
    found: Mapping[str, pd.Series] = {
        "ten_firm": table.groupby("id").cumcount() + 1,
        "ten_level": table.groupby(new.cumsum()).cumcount() + 1,
        "promoted": (later > table["level"]).astype(np.float64).where(known),
    }
    return table.assign(**{c: v for c, v in found.items() if c not in table})
