"""Missing characteristics: those who lack one keep their place among their coworkers, and get an indicator.

A worker whose schooling is not known still works: dropping him, or his workplace, would change what coworkers produce and where
newcomers may go. A number that is missing becomes the mean of those that are known, and a term of its own tells how much more
or less talent those have who lack it; a category that is missing becomes a category. Variables that the same workers lack share
a term, which is internal if all of them are; a term that others add up to already is left out, and said.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from formulaic.parser.types import Factor

from bayes_labor.data.characteristics import Characteristics, parse, word_faults
from bayes_labor.data.expressions import columns_of
from bayes_labor.data.faults import DataFaults, Fault, did_you_mean
from bayes_labor.data.ids import as_text

WAYS = ("indicator",)
LABEL = "missing"
_SAME = 1e-6


class Filled(NamedTuple):
    """A table without missing characteristics, and the formula and internal variables that go with it."""

    frame: pd.DataFrame
    formula: str
    internal: tuple[str, ...]
    told: str
    """What was filled, and for how many workers."""
    flags: dict[str, tuple[str, ...]]
    """Of every indicator, the variables that are missing where it is one."""


def filled(frame: pd.DataFrame, formula: str, internal: Sequence[str], wage: str, way: str) -> Filled:
    """Fill what is missing of the columns that a formula names.

    Raises
    ------
    DataFaults
        For a way that is not known, a column without any value, and words among numbers.

    """
    if way not in WAYS:
        raise DataFaults([Fault(f"{way!r} is no way with missing characteristics", "missing", did_you_mean(way, WAYS))])
    right, needed = parse(formula, wage)
    lacking = {c: frame[c].isna().to_numpy() for c in needed if c in frame.columns and c != wage}
    lacking = {c: gone for c, gone in lacking.items() if gone.any()}
    nothing = [c for c, gone in lacking.items() if gone.all()]
    if nothing:
        raise DataFaults([Fault(f"{nothing[0]} is missing for everybody", "all rows", "leave it out of the formula")])
    faults = word_faults(frame, right)  # before the word for what is missing is among them
    if faults:
        raise DataFaults(faults)
    coded, new = _coded(right), dict[str, pd.Series]()
    patterns: dict[bytes, list[str]] = {}  # one for variables that the same workers lack
    for name, gone in lacking.items():
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column) and name not in coded:
            new[name] = column.astype(np.float64).fillna(float(column.mean()))
            patterns.setdefault(gone.tobytes(), []).append(name)
        else:
            new[name] = _category(column)
    frame = frame.assign(**new)
    flags = {_free(f"{' and '.join(names)} missing", frame.columns): tuple(names) for names in patterns.values()}
    marks = {flag: lacking[names[0]].astype(np.float64) for flag, names in flags.items()}
    told = "; ".join(f"{name} of {int(gone.sum()):,} workers" for name, gone in lacking.items())
    needless = _combinations(frame, formula, internal, wage, marks)
    if needless:
        told += f"; no term of their own for {' and '.join(needless)}, which others tell already"
    flags = {flag: names for flag, names in flags.items() if flag not in needless}
    inside = tuple(flag for flag, names in flags.items() if set(names) <= set(internal))
    terms = "".join(f" + `{flag}`" for flag in flags)
    return Filled(frame.assign(**{f: marks[f] for f in flags}), formula + terms, (*internal, *inside), told, flags)


def _combinations(
    frame: pd.DataFrame, formula: str, internal: Sequence[str], wage: str, marks: Mapping[str, np.ndarray]
) -> list[str]:
    """Indicators that the terms of the formula, and indicators before them, add up to."""
    try:
        known = Characteristics.learn(frame, formula, internal, wage, filled=True).evaluate(frame).T
    except DataFaults:
        return []  # said when the formula is read for good
    columns, found = np.column_stack([np.ones(len(frame)), known]), []
    for flag, mark in marks.items():
        scale = np.maximum(np.abs(columns).max(0), 1e-300)
        apart = mark - columns @ (np.linalg.lstsq(columns / scale, mark)[0] / scale)
        if np.abs(apart).max() < _SAME:
            found.append(flag)
        else:
            columns = np.column_stack([columns, mark])
    return found


def _coded(right: Any) -> set[str]:
    """Columns that stand in a ``C()``."""
    python = (f.expr for term in right for f in term.factors if f.eval_method is Factor.EvalMethod.PYTHON)
    return {v for expression in python if expression.startswith("C(") for v in columns_of(expression)}


def _category(column: pd.Series) -> pd.Series:
    words = column if isinstance(column.dtype, pd.CategoricalDtype) else as_text(column)
    label = _free(LABEL, words.cat.categories)
    return words.cat.add_categories(label).fillna(label)


def _free(label: str, taken: Sequence[object] | pd.Index) -> str:
    """The label, or a longer one where the table has it already."""
    while label in set(taken):
        label += " too"
    return label
