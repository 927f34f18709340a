"""The prior of one parameter, declared once: what models sample, what is printed, what designs and other densities read."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from scipy import stats

Family = Literal["normal", "half normal", "log normal", "truncated normal", "gamma", "beta", "uniform", "correlation"]
_PYMC = {"normal": pm.Normal, "half normal": pm.HalfNormal, "gamma": pm.Gamma, "beta": pm.Beta, "uniform": pm.Uniform} | {
    "correlation": pm.Beta
}


class Relative(NamedTuple):
    """A number of a prior in a unit that the data give."""

    factor: float
    unit: str

    def __str__(self) -> str:
        return self.unit if self.factor == 1.0 else f"{self.factor:g} x {self.unit}"


class Hypotenuse(NamedTuple):
    """The number sqrt(base^2 + (factor x)^2) of a prior, x being another row's parameter."""

    base: float
    factor: float
    of: str

    def __str__(self) -> str:
        return f"hypot({self.base:g}, {self.factor:g} x {self.of})"

    def at(self, x: Any) -> Any:
        """Its value: a number, an array or a symbol, as ``x`` is."""
        return (self.base**2 + (self.factor * x) ** 2) ** 0.5


class Prior(NamedTuple):
    """Prior of one parameter: a row of a model's prior table."""

    family: Family
    values: tuple[Any, ...]
    """Mean and standard deviation; the latter; median and standard deviation of the log; mean, sd and bounds; shape and rate;
    a and b; bounds; a and b of (1 + correlation) / 2. Numbers, arrays by element, :class:`Relative`, names of other rows, or
    a :class:`Hypotenuse` of one."""
    words: str = ""
    """Symbol and meaning, as printed."""

    def __str__(self) -> str:
        shown = ", ".join(f"{v:g}" if isinstance(v, float | int) else str(v) for v in self.values)
        log = "log " if self.family == "log normal" else ""
        law = f"{self.family.title().replace(' ', '')}({log}{shown})"
        return f"{self.words:<40} ~ {law}" if self.words else law

    def within(self, units: Mapping[str, Any]) -> "Prior":
        """With the units' values in the place of their names."""
        return self._replace(values=tuple(v.factor * units[v.unit] if isinstance(v, Relative) else v for v in self.values))

    def given(self, others: Mapping[str, Any]) -> "Prior":
        """With the values of other rows' parameters in the place of their names."""

        def known(v: Any) -> Any:
            return others[v] if isinstance(v, str) else v.at(others[v.of]) if isinstance(v, Hypotenuse) else v

        return self._replace(values=tuple(map(known, self.values)))

    def repeated(self, n: int) -> "Prior":
        """Of a vector of ``n`` elements that have this prior each."""
        return self._replace(values=tuple(np.full(n, v, dtype=np.float64) for v in self.values))

    def frozen(self) -> Any:
        """As a distribution of scipy."""
        v = self.values
        if self.family == "normal":
            return stats.norm(*v)
        if self.family == "half normal":
            return stats.halfnorm(scale=v[0])
        if self.family == "log normal":
            return stats.lognorm(v[1], scale=v[0])
        if self.family == "truncated normal":
            return stats.truncnorm((v[2] - v[0]) / v[1], (v[3] - v[0]) / v[1], v[0], v[1])
        if self.family == "gamma":
            return stats.gamma(v[0], scale=1.0 / v[1])
        if self.family == "uniform":
            return stats.uniform(v[0], v[1] - v[0])
        return stats.beta(*v) if self.family == "beta" else stats.beta(*v, loc=-1.0, scale=2.0)

    def _law(self) -> tuple[Any, list[Any], dict[str, Any]]:
        """(class of PyMC, arguments, further ones by name)."""
        relies = any(isinstance(x, str | Hypotenuse) for x in self.values)
        v = list(self.given(pm.modelcontext(None)).values if relies else self.values)
        if self.family == "log normal":
            return pm.LogNormal, [np.log(v[0]), v[1]], {}
        if self.family == "truncated normal":
            return pm.TruncatedNormal, v[:2], {"lower": v[2], "upper": v[3]}
        return _PYMC[self.family], v, {}

    def dist(self) -> Any:
        """As a distribution of PyMC without a name; of a correlation that of (1 + correlation) / 2."""
        law, values, named = self._law()
        return law.dist(*values, **named)

    def place(self, name: str, dims: str | None = None, *, shape: int | None = None) -> Any:
        """The variable, in the model being built; a correlation is a deterministic of ``<name>_share``."""
        law, values, named = self._law()
        if self.family == "correlation":
            return pm.Deterministic(name, 2.0 * law(f"{name}_share", *values) - 1.0)
        return law(name, *values, **named, dims=dims, shape=shape)

    def coordinate(self, x: Any) -> Any:
        """Standardised parameter, logs of log normal ones: what the emulator takes. Numbers, arrays or symbols."""
        if self.family == "log normal":
            return ((np if isinstance(x, np.ndarray | float) else pt).log(x) - np.log(self.values[0])) / self.values[1]
        known = self.frozen()
        return (x - known.mean()) / known.std()


def stacked(rows: Iterable[Prior]) -> Prior:
    """One prior of a vector from those of its elements, all of one family."""
    rows = list(rows)
    return Prior(rows[0].family, tuple(np.array(v, dtype=np.float64) for v in zip(*(r.values for r in rows), strict=True)))


def printed(table: Mapping[str, Prior]) -> str:
    """A line a row; one without words is named."""
    return "\n".join(str(p if p.words else p._replace(words=name)) for name, p in table.items())
