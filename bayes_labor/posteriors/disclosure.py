"""What may leave a register: rules on who stands behind every number, and a list of what they hold back.

A number leaves if enough workers and workplaces stand behind it, if no few of them make up nearly all of it, if enough of
them differ in what it is about, and if the residuals behind it have enough degrees of freedom. What could be told by
subtracting from a known total is held back with it, until the cells held back of that total would pass together; and until no
combination of all tables tells a sum over few. What leaves is rounded so that it would look the same with that many workers
more or less: exact numbers, squares and products among them, can be combined in more ways than anybody could list.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from bayes_labor.data.faults import DataFaults, Fault

RECOVERABLE = "with it, a number held back could be told by subtraction"
_NAMELESS = "(nothing of it leaves)"


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
            f"in what it is about; at least {self.freedom} residual degrees of freedom. Numbers are rounded so far that "
            f"{self.workers} workers or {self.workplaces} workplaces more or less need not show."
        )


@dataclass(frozen=True)
class Behind:
    """Who stands behind a number."""

    workplace: np.ndarray
    """(N,) of every row there is, as whole numbers."""
    person: np.ndarray
    """(N,) whose row it is, as whole numbers: people with several rows are one worker."""
    members: np.ndarray
    """(N,) whether the row stands behind it."""
    amount: np.ndarray | None = None
    """(N,) what is added up or averaged, of a standard deviation the squares; None where workers are only counted."""
    groups: tuple[np.ndarray, ...] = ()
    """(N,) each, who must be enough among the members: who differ in what the number is about, or are its base."""
    estimated: int = 0
    """Coefficients estimated from them."""
    moves: np.ndarray | None = None
    """(N,) how far each row moves the number, about; None: all by the same share of it. The largest of as many workers as must
    stand behind a number are what it is rounded to."""
    moved_by_workplace: float = 0.0
    """How far one workplace moves it."""
    coarse: float = 0.0
    """To what it is rounded at least: an estimate, to a part of its uncertainty."""
    tells: str = ""
    """Of what the number is the sum, or mean, over the members; empty for what sums say nothing about."""

    def joined(self, other: Self) -> Self:
        """Who stands behind the sum of two."""
        groups = tuple(a | b for a, b in zip(self.groups, other.groups, strict=False))
        used = max(self.estimated, other.estimated)
        return replace(self, members=self.members | other.members, groups=groups, estimated=used)

    def counts(self) -> tuple[int, int]:
        """(workers, workplaces)."""
        return self._count(self.members)

    def step(self, value: float, rules: Rules) -> float:
        """What the number is rounded to: 1, 2 or 5 times a power of ten, at least what few move it by; 0 for nothing."""
        few = rules.workers * abs(value) / max(self.counts()[0], 1)
        if self.moves is not None:
            by_person = np.bincount(self.person[self.members], np.abs(self.moves[self.members]))
            few = _sum_of_largest(by_person, rules.workers) if rules.workers else 0.0
        least = max(few, rules.workplaces * self.moved_by_workplace, self.coarse)
        if not 0.0 < least < np.inf:
            return 0.0
        power = 10.0 ** int(np.floor(np.log10(least)))
        return next(f * power for f in (1.0, 2.0, 5.0, 10.0) if f * power >= least * (1.0 - 1e-9))

    def rounded(self, value: float, rules: Rules) -> float:
        """The number as it may leave."""
        step = self.step(value, rules)
        if not np.isfinite(value) or not step:
            return value
        return round(round(value / step) * step, max(-int(np.floor(np.log10(step))), 0))

    def against(self, rules: Rules) -> str:
        """The rule that it breaks, in words that tell no number; empty if it may leave, or if nobody stands behind it."""
        workers, workplaces = self.counts()
        if not workers:
            return ""
        if workers < rules.workers or workplaces < rules.workplaces:
            return _too_few(rules)
        if self.amount is not None and self._concentrated(rules):
            return f"the largest {rules.largest} make up more than {rules.share:.0%}"
        few = (self._count(self.members & g) for g in self.groups)
        if any(some < rules.workers or there < rules.workplaces for some, there in few):
            return f"all behind it, or all but fewer than {rules.workers} workers or {rules.workplaces} workplaces, are alike"
        if self.estimated and workers - self.estimated < rules.freedom:
            return f"fewer than {rules.freedom} residual degrees of freedom"
        return ""

    def _count(self, members: np.ndarray) -> tuple[int, int]:
        people, places = (int(np.count_nonzero(np.bincount(of[members]))) for of in (self.person, self.workplace))
        return people, places

    def _concentrated(self, rules: Rules) -> bool:
        assert self.amount is not None
        one = np.abs(self.amount[self.members])
        sums = [np.bincount(of[self.members], one) for of in (self.person, self.workplace)]
        return bool(one.sum() > 0) and any(_sum_of_largest(x, rules.largest) > rules.share * one.sum() for x in sums)


def _sum_of_largest(x: np.ndarray, many: int) -> float:
    return float((x if len(x) <= many else np.partition(x, -many)[-many:]).sum())


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
    sums: Sequence[tuple[tuple[int, int], Sequence[tuple[int, int]]]] = ()
    """(cell, cells whose sum it is): where all of these are shown it is the sum of what is shown, and tells nothing more."""

    def of(self, row: int, column: int) -> Behind:
        """Who stands behind a cell."""
        found = self.behind[row]
        return found[column if len(found) > 1 else 0]

    @cached_property
    def empty(self) -> set[tuple[int, int]]:
        """Cells that say nothing."""
        blank = (self.table.isna() | (self.table == "")).to_numpy()
        return {(int(r), int(c)) for r, c in zip(*np.nonzero(blank), strict=True)}


@dataclass(frozen=True)
class Released:
    """A table as it may leave."""

    name: str
    caption: str
    table: pd.DataFrame
    """Cells held back are empty; rows and columns of which nothing is left are not there, for their names may tell of few.
    Beside each row how many workers and workplaces there are behind its numbers, at least."""
    held: pd.DataFrame
    """One row per cell held back: ``table``, ``row``, ``column``, ``why``."""
    listed: pd.DataFrame
    """The same as it may leave: without the names of rows and columns that are not there."""


_Cell = tuple[int, int]
_Why = dict[_Cell, str]


def release(candidates: Sequence[Candidate], rules: Rules) -> list[Released]:
    """Apply the rules to every cell of all tables that leave together."""
    why: list[_Why] = [{cell: c.of(*cell).against(rules) for cell in np.ndindex(c.table.shape)} for c in candidates]
    for candidate, own in zip(candidates, why, strict=True):
        _hold_what_could_be_told(candidate, own, rules)
    _hold_what_tables_tell_together(candidates, why, rules)
    for candidate, own in zip(candidates, why, strict=True):
        _hold_nobody_beside_few(candidate, own, rules)
    return [_released(candidate, own, rules) for candidate, own in zip(candidates, why, strict=True)]


def _hold_what_could_be_told(candidate: Candidate, why: _Why, rules: Rules) -> None:
    """Hold back further cells of a total, the smallest first, until those held back would pass together."""
    changed, empty = True, candidate.empty
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


def _hold_nobody_beside_few(candidate: Candidate, why: _Why, rules: Rules) -> None:
    """Hold back zeros of a total of which few are held back: else what is held back is known not to be zero."""
    for total in candidate.totals:
        for cell in total if any(why[c] for c in total) else ():
            if not why[cell] and cell not in candidate.empty and not candidate.of(*cell).counts()[0]:
                why[cell] = _too_few(rules)


def _too_few(rules: Rules) -> str:
    return f"fewer than {rules.workers} workers or {rules.workplaces} workplaces"


def _together(candidate: Candidate, cells: Sequence[_Cell]) -> Behind:
    found = candidate.of(*cells[0])
    for cell in cells[1:]:
        found = found.joined(candidate.of(*cell))
    return found


def _hold_what_tables_tell_together(candidates: Sequence[Candidate], why: Sequence[_Why], rules: Rules) -> None:
    """Hold back cells until no sum over a few people follows from the sums that are told, of whichever table.

    Sums of one variable are rows of zeros and ones over the smallest groups that the tables know apart; those groups, the
    numbers held back and what is between two numbers told must not be combinations of the rows told. The sum over everybody
    counts as told. What follows only roughly (amounts have signs and sizes) is not looked for.
    """
    by_variable: dict[str, list[tuple[int, _Cell]]] = {}
    for i, candidate in enumerate(candidates):
        for cell in np.ndindex(candidate.table.shape):
            tells = candidate.of(*cell).tells
            if tells and cell not in candidate.empty:
                by_variable.setdefault(tells, []).append((i, cell))
    for places in by_variable.values():
        behind = [candidates[i].of(*cell) for i, cell in places]
        rows, groups = _smallest_groups([b.members for b in behind])
        targets = _not_to_be_told(behind, rows, groups, rules)
        while True:
            told = [k for k, (i, cell) in enumerate(places) if not why[i][cell]]
            known = np.vstack([rows[told], np.ones(rows.shape[1])])
            parts = np.linalg.lstsq(known.T, targets.T, rcond=None)[0]
            following = np.flatnonzero(np.abs(targets - parts.T @ known).max(1, initial=0.0) < 1e-8)
            used = [k for t in following for k, part in zip(told, parts[:-1, t], strict=True) if abs(part) > 1e-8]
            if not used:
                break
            i, cell = places[min(used, key=lambda k: behind[k].counts())]
            why[i][cell] = RECOVERABLE


def _smallest_groups(members: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """((C, G) which groups a number is the sum of, (N,) the group of everybody) of numbers over these members."""
    marks = np.array(members).T
    _, first, group = np.unique(np.packbits(marks, axis=1), axis=0, return_index=True, return_inverse=True)
    return marks[first].T.astype(float), group.ravel()


def _not_to_be_told(behind: Sequence[Behind], rows: np.ndarray, group: np.ndarray, rules: Rules) -> np.ndarray:
    """(T, G) sums over too few people, or of too few: of single groups, of numbers, of what is between two numbers."""
    n_groups = rows.shape[1]
    larger = ((rows[:, None] >= rows[None]).all(2)) & (rows[:, None] != rows[None]).any(2)
    between = [rows[i] - rows[j] for i, j in zip(*np.nonzero(larger), strict=True)]
    sums = np.unique(np.vstack([np.eye(n_groups), rows, 1.0 - rows, *between]), axis=0)
    found = [t for t in sums if t.any() and replace(behind[0], members=t[group] > 0, groups=(), estimated=0).against(rules)]
    return np.array(found).reshape(-1, n_groups)


def _released(candidate: Candidate, why: _Why, rules: Rules) -> Released:
    table, empty = candidate.table, candidate.empty
    held = {cell: reason for cell, reason in why.items() if reason and cell not in empty}
    some = {cell for cell in why if cell not in empty and cell not in held and candidate.of(*cell).counts()[0]}
    rows, columns = (
        [k for k in range(table.shape[axis]) if any(c[axis] == k for c in held) and not any(c[axis] == k for c in some)]
        for axis in (0, 1)
    )
    shown = table.astype(object).copy()
    for r, c in why:
        value = shown.iloc[r, c]
        if (r, c) in held:
            shown.iloc[r, c] = np.nan
        elif isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.bool_)):
            shown.iloc[r, c] = candidate.of(r, c).rounded(float(value), rules)
    for (r, c), parts in candidate.sums:
        values: list[Any] = [shown.iloc[i, k] for i, k in parts]
        if (r, c) not in held and not any(pd.isna(v) for v in values):
            shown.iloc[r, c] = sum(values)
    beside = _beside(shown.infer_objects(), candidate, set(held) | empty, rules)
    kept = [r for r in range(len(table)) if r not in rows], [c for c in range(beside.shape[1]) if c not in columns]
    names = [(_label(table.index[r]), str(table.columns[c])) for r, c in held]
    masked = [(_NAMELESS if r in rows else a, _NAMELESS if c in columns else b)
              for (r, c), (a, b) in zip(held, names, strict=True)]  # fmt: skip
    lists = [pd.DataFrame([(candidate.name, *name, reason) for name, reason in zip(those, held.values(), strict=True)],
                          columns=["table", "row", "column", "why"]) for those in (names, masked)]  # fmt: skip
    return Released(candidate.name, candidate.caption, beside.iloc[kept[0], kept[1]], *lists)


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
