"""A prior declared once: the model places it, prints it, and hands its family and numbers to whoever evaluates it elsewhere."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import pymc as pm

Family = Literal["normal", "half normal", "gamma", "beta"]
_PYMC = {"normal": pm.Normal, "half normal": pm.HalfNormal, "gamma": pm.Gamma, "beta": pm.Beta}


class Relative(NamedTuple):
    """A number of a prior in a unit that the data give."""

    factor: float
    unit: str

    def __str__(self) -> str:
        return self.unit if self.factor == 1.0 else f"{self.factor:g} x {self.unit}"


class Prior(NamedTuple):
    """A row of a model's prior table."""

    words: str
    """Symbol and meaning, as printed."""
    family: Family
    numbers: tuple[Any, ...]
    """Mean and sd; sd; shape and rate; a and b. Numbers, arrays by element, :class:`Relative`, or names of other rows."""

    def __str__(self) -> str:
        shown = ", ".join(n if isinstance(n, str) else f"{n:g}" if isinstance(n, float) else str(n) for n in self.numbers)
        return f"{self.words:<44} ~ {self.family.title().replace(' ', '')}({shown})"

    def within(self, units: Mapping[str, Any]) -> "Prior":
        """With the units' values in the place of their names."""
        numbers = tuple(n.factor * units[n.unit] if isinstance(n, Relative) else n for n in self.numbers)
        return self._replace(numbers=numbers)

    def place(self, name: str, dims: str | None = None) -> Any:
        """The variable, in the model being built."""
        model = pm.modelcontext(None)
        return _PYMC[self.family](name, *(model[n] if isinstance(n, str) else n for n in self.numbers), dims=dims)
