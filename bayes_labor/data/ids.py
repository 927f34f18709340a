"""Ids are text: ``0012`` and ``12`` are two workplaces, and 12 is the same one in a frame, in CSV and in Parquet."""

import math
import re
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from bayes_labor.data.faults import Fault

_WITH_POINT = re.compile(r"-?[1-9][0-9]{0,17}\.0|0\.0")
_INTEGER = re.compile(r"-?[0-9]{1,18}")


def as_text(column: pd.Series, *, ordered: bool = True) -> pd.Series:
    """Ids as a category of text: 12 and 12.0 are ``"12"``; whole numbers in their own order, before words in theirs.

    ``ordered=False`` leaves the categories in order of appearance, for ids as many as rows.
    """
    codes, found = _found(column)
    words = [word_of(v) for v in found]
    if len(set(words)) < len(words):  # 3 and 3.0
        codes, words = _joined(codes, words)
    order = sorted(range(len(words)), key=lambda i: _place(words[i])) if ordered else list(range(len(words)))
    rank = np.empty(len(words) + 1, dtype=np.int64)
    rank[order], rank[-1] = np.arange(len(words)), -1  # a missing id has code -1
    categories = pd.Index([words[i] for i in order], dtype=object)
    return pd.Series(pd.Categorical.from_codes(rank[codes], categories), index=column.index, name=column.name)


def _joined(codes: np.ndarray, words: list[str]) -> tuple[np.ndarray, list[str]]:
    """Codes and words with equal words as one; -1 stays."""
    known = list(dict.fromkeys(words))
    place = np.array([*(known.index(w) for w in words), -1])
    return place[codes], known


def mixed_faults(column: pd.Series, name: str) -> list[Fault]:
    """A fault for numbers and text in one column: whether 12 is ``0012``, and 12 is ``"12"``, cannot be told."""
    _, found = _found(column)
    text = [v for v in found if isinstance(v, str)]
    rest = [v for v in found if not isinstance(v, str)]
    if not text or not rest:
        return []
    remedy = f"make them all text where the table is made, or by frame[{name!r}].astype(str) if leading zeros do not matter"
    return [Fault(f"{name} has both numbers and text", f"such as {rest[0]!r} and {text[0]!r}", remedy)]


def as_numbers_if_nothing_is_lost(column: pd.Series) -> pd.Series:
    """Text ids as integers where every one of them is written as that integer is."""
    words = column.dropna().astype(str)
    whole = words.str.fullmatch(r"-?[1-9][0-9]{0,17}|0").all() and len(words) == len(column)
    return column.astype(np.int64) if whole else column


def _found(column: pd.Series) -> tuple[np.ndarray, list[Any]]:
    codes, found = pd.factorize(column)
    return codes, np.asarray(found, dtype=object).tolist()


def word_of(value: Any) -> str:
    """The text of an id: 12, 12.0, a decimal 12.00 and the text 12.0 are ``"12"``."""
    if isinstance(value, str):  # as tables of numbers with missing ones are written
        return value[:-2] if _WITH_POINT.fullmatch(value) else value
    whole = isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value)
    return str(int(value)) if whole else str(value)


def _place(word: str) -> tuple[int, int, str]:
    return (0, int(word), word) if _INTEGER.fullmatch(word) else (1, 0, word)
