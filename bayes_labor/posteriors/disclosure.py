"""What may leave a register: rules on who stands behind every number, and a list of what they hold back.

A number leaves if enough workers and workplaces stand behind it, if no few of them make up nearly all of it, if enough of
them differ in what it is about, and if the residuals behind it have enough degrees of freedom. What could be told by
subtracting from a known total is held back with it, until the cells held back of that total would pass together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Self

import numpy as np
import pandas as pd

from bayes_labor.data.faults import DataFaults, Fault

RECOVERABLE = "with it, a number held back could be told by subtraction"


@dataclass(frozen=True)
class Rules:
    """Thresholds, each with what statistical offices commonly ask for."""

    workers: int = 10
    """Fewest behind a number."""
    workplaces: int = 3
    """Fewest behind a number."""
    largest: int = 2
    """How many of the largest workplaces, or workers, may not make up more than ``share`` of a total."""
    share: float = 0.9
    """Of a total that may come from the ``largest`` behind it."""
    freedom: int = 10
    """Fewest residual degrees of freedom behind an estimate."""

    def __post_init__(self) -> None:
        counts = {"workers": self.workers, "workplaces": self.workplaces, "largest": self.largest, "freedom": self.freedom}
        wrong = [f"{k} = {v}" for k, v in counts.items() if v < (k == "largest")]
        wrong += [] if 0.0 < self.share <= 1.0 else [f"share = {self.share}"]
        if wrong:
            remedy = "counts are whole and not negative, the share is above 0 and at most 1"
            raise DataFaults([Fault("a rule of disclosure has no sense", ", ".join(wrong), remedy)])

    def told(self) -> str:
        """In a sentence."""
        return (
            f"At least {self.workers} workers in {self.workplaces} workplaces behind every number, of whom the largest "
            f"{self.largest} make up at most {self.share:.0%} of it; at least {self.workers} in {self.workplaces} who differ "
            f"in what it is about; at least {self.freedom} residual degrees of freedom."
        )


@dataclass(frozen=True)
class Behind:
    """Who stands behind a number."""

    workplace: np.ndarray
    """(N,) of every worker there is, as whole numbers."""
    members: np.ndarray
    """(N,) whether the worker stands behind it."""
    amount: np.ndarray | None = None
    """(N,) what is added up or averaged; None where workers are only counted."""
    differ: np.ndarray | None = None
    """(N,) whether the worker differs from the commonest value of what the number is about; None where it is about none."""
    estimated: int = 0
    """Coefficients estimated from them."""

    def joined(self, other: Self) -> Self:
        """Who stands behind the sum of two."""
        differ = None if self.differ is None or other.differ is None else self.differ | other.differ
        used = max(self.estimated, other.estimated)
        return type(self)(self.workplace, self.members | other.members, self.amount, differ, used)

    def counts(self) -> tuple[int, int]:
        """(workers, workplaces)."""
        return _counts(self.workplace, self.members)

    def against(self, rules: Rules) -> str:
        """The rule that it breaks, in words that tell no number; empty if it may leave, or if nobody stands behind it."""
        workers, workplaces = self.counts()
        if not workers:
            return ""
        if workers < rules.workers or workplaces < rules.workplaces:
            return f"fewer than {rules.workers} workers or {rules.workplaces} workplaces"
        if self.amount is not None and self._concentrated(rules):
            return f"the largest {rules.largest} make up more than {rules.share:.0%}"
        if self.differ is not None:
            some, there = _counts(self.workplace, self.members & self.differ)
            if some < rules.workers or there < rules.workplaces:
                return (
                    f"all behind it, or all but fewer than {rules.workers} workers or {rules.workplaces} workplaces, are alike"
                )
        if self.estimated and workers - self.estimated < rules.freedom:
            return f"fewer than {rules.freedom} residual degrees of freedom"
        return ""

    def _concentrated(self, rules: Rules) -> bool:
        assert self.amount is not None
        one = np.abs(self.amount[self.members])
        by_workplace = np.bincount(self.workplace[self.members], one)
        total = one.sum()
        return bool(total > 0) and any(np.sort(x)[-rules.largest :].sum() > rules.share * total for x in (one, by_workplace))


def _counts(workplace: np.ndarray, members: np.ndarray) -> tuple[int, int]:
    return int(members.sum()), len(np.unique(workplace[members]))


@dataclass(frozen=True)
class Candidate:
    """A table that may leave."""

    name: str
    """Of its files."""
    caption: str
    table: pd.DataFrame
    behind: Sequence[Sequence[Behind]]
    """By row: of every column, or one for the whole row."""
    totals: Sequence[Sequence[tuple[int, int]]] = field(default_factory=tuple)
    """Cells, as (row, column), that add up to, or average to, something that is told."""

    def of(self, row: int, column: int) -> Behind:
        """Who stands behind a cell."""
        found = self.behind[row]
        return found[column if len(found) > 1 else 0]


@dataclass(frozen=True)
class Released:
    """A table as it may leave."""

    name: str
    caption: str
    table: pd.DataFrame
    """Cells held back are empty; beside each row how many workers and workplaces there are behind its numbers, at least."""
    held: pd.DataFrame
    """One row per cell held back: ``table``, ``row``, ``column``, ``why``."""


def release(candidate: Candidate, rules: Rules) -> Released:
    """Apply the rules to every cell."""
    table = candidate.table
    why = {cell: candidate.of(*cell).against(rules) for cell in product(range(len(table)), range(table.shape[1]))}
    blank = (table.isna() | (table == "")).to_numpy()
    empty = {cell for cell in why if blank[cell]}
    _hold_what_could_be_told(candidate, why, empty, rules)
    held = {cell: reason for cell, reason in why.items() if reason and cell not in empty}
    rows = [(candidate.name, _label(table.index[r]), str(table.columns[c]), reason) for (r, c), reason in held.items()]
    shown = table.astype(object).copy()
    for r, c in held:
        shown.iloc[r, c] = np.nan
    return Released(
        candidate.name, candidate.caption, _beside(shown.infer_objects(), candidate, set(held) | empty, rules),
        pd.DataFrame(rows, columns=["table", "row", "column", "why"]),
    )  # fmt: skip


def _hold_what_could_be_told(
    candidate: Candidate, why: dict[tuple[int, int], str], empty: set[tuple[int, int]], rules: Rules
) -> None:
    """Hold back further cells of a total, the smallest first, until those held back would pass together."""
    changed = True
    while changed:
        changed = False
        for total in candidate.totals:
            held = [cell for cell in total if why[cell]]
            left = sorted((c for c in total if not why[c] and c not in empty and candidate.of(*c).counts()[0]),
                          key=lambda c: candidate.of(*c).counts())  # fmt: skip
            while held and left and _together(candidate, held).against(rules):
                why[left[0]] = RECOVERABLE
                held.append(left.pop(0))
                changed = True


def _together(candidate: Candidate, cells: Sequence[tuple[int, int]]) -> Behind:
    found = candidate.of(*cells[0])
    for cell in cells[1:]:
        found = found.joined(candidate.of(*cell))
    return found


def _beside(shown: pd.DataFrame, candidate: Candidate, silent: set[tuple[int, int]], rules: Rules) -> pd.DataFrame:
    """The table with the fewest workers and workplaces behind the numbers of each row; none for a row that shows nothing.

    They are rounded down to multiples of the thresholds: exact ones, of one table, would tell what another holds back.
    """
    steps = max(rules.workers, 1), max(rules.workplaces, 1)
    fewest = []
    for r in range(len(shown)):
        told = [candidate.of(r, c).counts() for c in range(shown.shape[1]) if (r, c) not in silent]
        told = [t for t in told if t[0]]
        least = (min(t[i] for t in told) for i in (0, 1)) if told else ()
        fewest.append([n - n % step for n, step in zip(least, steps, strict=True)] if told else [None, None])
    counts = pd.DataFrame(fewest, index=shown.index, columns=[f"{w} behind, at least" for w in ("workers", "workplaces")])
    counts = counts.astype("Int64")
    return pd.concat([shown, counts.rename(columns={c: f"{c} *" for c in counts.columns if c in shown.columns})], axis=1)


def _label(index: object) -> str:
    return ", ".join(map(str, index)) if isinstance(index, tuple) else str(index)
