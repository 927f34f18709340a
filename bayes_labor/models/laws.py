"""Priors as users write them: words such as ``normal(3, 1)`` or distributions of PyMC. Nothing that is written is evaluated."""

import re
from typing import Any

import numpy as np
from pytensor.graph.basic import Constant
from pytensor.graph.traversal import graph_inputs

from bayes_labor.models.priors import Family, Prior
from bayes_labor.models.settings import LARGEST, SMALLEST

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
