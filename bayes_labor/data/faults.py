"""Faults of a user's table or settings: all found at once, each saying what, where and how to mend it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any


@dataclass(frozen=True)
class Fault:
    """One thing wrong with the input."""

    what: str
    where: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}\n      where:  {self.where}\n      remedy: {self.remedy}"


class DataFaults(ValueError):
    """All faults of an input together; ``faults`` lists them."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        head = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__(f"{head} in the input\n" + "\n".join(f"  {i}. {f}" for i, f in enumerate(self.faults, 1)))


def first_few(items: Iterable[Any], total: int | None = None, show: int = 5) -> str:
    """The first few of ``items`` and how many there are."""
    items = list(items)
    total = len(items) if total is None else total
    listed = ", ".join(str(i) for i in items[:show])
    return listed if total <= show else f"{listed}, ... ({total} in all)"


def samples(values: Iterable[Any], show: int = 3) -> str:
    """``, such as '12 EUR'``: the first few different values; nothing if there are none."""
    found = dict.fromkeys(str(v)[:40] for v in values)
    return f", such as {', '.join(repr(v) for v in list(found)[:show])}" if found else ""


def did_you_mean(name: str, known: Iterable[Any]) -> str:
    """A remedy for a name that is not known."""
    known = [str(k) for k in known]
    close = get_close_matches(str(name), known, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"choose one of: {first_few(sorted(known), show=12)}"
