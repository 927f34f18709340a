"""Priors as users write them: words such as ``normal(3, 1)`` or distributions of PyMC. Nothing that is written is evaluated."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, field_validator, model_validator
from pytensor.graph.basic import Constant
from pytensor.graph.traversal import graph_inputs

from bayes_labor.data.faults import DataFaults, Fault, did_you_mean
from bayes_labor.models.priors import Family, Prior
from bayes_labor.models.settings import LARGEST, SMALLEST, Settings

POSITIVE: tuple[Family, ...] = ("half normal", "log normal", "gamma")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_WRITTEN = re.compile(rf"\s*([A-Za-z_ ]+?)\s*\(\s*({_NUMBER}(?:\s*,\s*{_NUMBER})*)\s*\)\s*")
_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "normal": ("mean", "sd"), "half normal": ("sd",), "log normal": ("median", "sd of the log"), "gamma": ("shape", "rate"),
    "beta": ("a", "b"), "uniform": ("lower", "upper"),
}  # fmt: skip
_KNOWN = ", ".join(f"{family}({', '.join(names)})" for family, names in _ARGUMENTS.items())
_ANY = ("mean", "lower", "upper")  # numbers of either sign
_OF_PYMC: dict[str, Family] = {
    "NormalRV": "normal", "HalfNormalRV": "half normal", "LogNormalRV": "log normal", "GammaRV": "gamma",
    "BetaRV": "beta", "UniformRV": "uniform",
}  # fmt: skip


class WithPriors(Settings):
    """Settings of a model with a prior table, whose rows the user may replace."""

    by_term: ClassVar[tuple[str, ...]] = ()
    """Names of the model's vectors of coefficients, whose elements may have priors of their own."""
    priors: dict[str, str] = Field(default_factory=dict)
    """Priors in the place of those of the table, by its rows and, as ``theta[TERM]``, by coefficient: ``{"tau": "gamma(2, 4)",
    "theta[level 2]": pm.Normal.dist(0.4, 0.1)}``. Of a family of the same range; coefficients have normal ones."""

    @property
    def rows(self) -> dict[str, Prior]:
        """Priors as they are by default, at these settings."""
        raise NotImplementedError

    @property
    def table(self) -> dict[str, Prior]:
        """Priors by row, those of the user in their places; those of single coefficients last."""
        rows = self.rows
        return rows | {
            name: law(said)._replace(words=rows[name].words if name in rows else name) for name, said in self.priors.items()
        }

    @field_validator("priors", mode="before")
    @classmethod
    def _in_words(cls, given: Any) -> dict[str, str]:
        if not isinstance(given, Mapping):
            raise ValueError('priors are a mapping such as {"tau": "gamma(2, 4)"}')
        return {str(name): written(value) for name, value in given.items()}

    @model_validator(mode="after")
    def _of_rows(self) -> Self:
        rows = self.rows
        for name, said in self.priors.items():
            vector, bracket, term = name.partition("[")
            if name not in rows and not (vector in self.by_term and bracket and term.endswith("]")):
                known = [*rows, *(f"{v}[TERM]" for v in self.by_term)]
                raise ValueError(f"there is no prior of {name!r}: {did_you_mean(name, known)}")
            check_range(name, law(said), rows.get(name, Prior("normal", (0.0, 1.0))))
        return self


def check_range(name: str, given: Prior, default: Prior) -> None:
    """Raises ValueError where a prior is not of the range of the one in whose place it stands."""
    allowed: tuple[Family, ...] = (default.family,)
    if default.family in POSITIVE:
        allowed = POSITIVE
    if default.family in ("beta", "uniform"):
        allowed = ("beta", "uniform") if default.family == "beta" else ("uniform",)
        low, high = default.values if default.family == "uniform" else (0.0, 1.0)
        if given.family == "uniform" and not low <= given.values[0] < given.values[1] <= high:
            raise ValueError(f"the prior of {name} must lie between {low:g} and {high:g}")
    if given.family not in allowed:
        raise ValueError(f"the prior of {name} must be {' or '.join(allowed)}, not {_as_words(given)}")


def of_terms(table: Mapping[str, Prior], vector: str) -> dict[str, Prior]:
    """Priors of single coefficients of a vector, by term."""
    return {k.removeprefix(f"{vector}[").removesuffix("]"): p for k, p in table.items() if k.startswith(f"{vector}[")}


def check_terms(vector: str, own: Iterable[str], terms: Iterable[str]) -> None:
    """Raises DataFaults where a single coefficient with a prior of its own is not among the terms."""
    terms = list(terms)
    faults = [
        Fault(f"there is no coefficient {vector}[{t}] that a prior could be of", "priors", did_you_mean(t, terms))
        for t in own
        if t not in terms
    ]
    if faults:
        raise DataFaults(faults)


def is_law(given: Any) -> bool:
    """Whether a setting is a prior in words or a distribution, not a number."""
    return (isinstance(given, str) and "(" in given) or hasattr(given, "owner")


def written(given: Any) -> str:
    """A prior in words, ``family(number, ...)``, whichever way it was given.

    Parameters
    ----------
    given
        Such words; ``normal``, ``half normal``, ``log normal`` (median, sd of the log), ``gamma`` (shape, rate), ``beta`` or
        ``uniform``. Or a distribution of PyMC with numbers as parameters, such as ``pm.Normal.dist(3.0, 1.0)``.

    Raises
    ------
    ValueError
        For another family, numbers out of range, or what is neither.

    """
    if isinstance(given, str):
        return _as_words(law(given))
    kind = type(getattr(getattr(given, "owner", None), "op", None)).__name__
    if kind not in _OF_PYMC:
        raise ValueError(f"{given!r} is no prior that is known here: write {_KNOWN}, or one of these as PyMC's .dist()")
    words = _as_words(Prior(_OF_PYMC[kind], tuple(_parameters(given))))
    return _as_words(law(words))


def law(text: str) -> Prior:
    """The prior that words say. Raises ValueError, see :func:`written`."""
    found = _WRITTEN.fullmatch(text)
    family = re.sub(r"[_ ]+", " ", found.group(1).lower()).strip() if found else ""
    family = {"halfnormal": "half normal", "lognormal": "log normal"}.get(family, family)
    if found is None or family not in _ARGUMENTS:
        raise ValueError(f"{text!r} is no prior that is known here: write {_KNOWN}")
    numbers, names = tuple(map(float, found.group(2).split(","))), _ARGUMENTS[family]
    if len(numbers) != len(names):
        raise ValueError(f"{text!r}: {family} takes {', '.join(names)}")
    if family == "uniform" and numbers[0] >= numbers[1]:
        raise ValueError(f"{text!r}: lower must be below upper")
    low = [n for n, x in zip(names, numbers, strict=True) if n not in _ANY and not SMALLEST <= x <= LARGEST]
    if low or max(map(abs, numbers)) > LARGEST:
        raise ValueError(f"{text!r}: {' and '.join(low or names)} must be of a size from {SMALLEST:g} to {LARGEST:g}")
    return Prior(family, numbers)  # type: ignore[arg-type]


def _as_words(prior: Prior) -> str:
    """Which :func:`law` reads without loss."""
    return f"{prior.family}({', '.join(repr(float(x)) for x in prior.values)})"


def _parameters(given: Any) -> list[float]:
    """Numbers of a distribution of PyMC, as here."""
    given_by = given.owner.op.dist_params(given.owner)
    # A random parameter would evaluate too, to a draw of it.
    if any(p.type.ndim or not all(isinstance(v, Constant) for v in graph_inputs([p])) for p in given_by):
        raise ValueError(f"parameters of {given!r} must be single numbers: one prior for one parameter")
    values = [float(f"{float(p.eval()):.7g}") for p in given_by]  # PyMC keeps them in single precision
    kind = _OF_PYMC[type(given.owner.op).__name__]
    if kind == "half normal":
        if values[0] != 0.0:
            raise ValueError(f"{given!r}: a half normal here begins at zero")
        return values[1:]
    if kind == "log normal":
        return [float(np.exp(values[0])), values[1]]
    return [values[0], 1.0 / values[1]] if kind == "gamma" else values
