"""Units in which moments and series of the sorting model may be given, and their conversion to those of the model."""

from collections.abc import Sequence

import numpy as np

from bayes_labor.data.faults import DataFaults, Fault, did_you_mean

_KINDS = {
    "labor share": "share", "top 10%": "share", "50-90%": "share", "std log wage": "spread", "std log TFP": "spread",
    "std_log_wage": "spread", "std_log_tfpr": "spread", "gdp_growth": "growth", "capital_growth": "growth",
}  # fmt: skip
_UNITS: dict[str, dict[str, float]] = {
    "share": {"share": 1.0, "percent": 0.01},
    "spread": {"log": 1.0, "log points": 0.01},
    "growth": {"log": 1.0, "log points": 0.01, "percent": np.nan},
}
"""By kind of quantity: what one of the unit is in the model's. Growth in percent is no multiple of a difference of logs."""


def asked_units(said: Sequence[str]) -> dict[str, str]:
    """Units by name from words ``NAME=UNIT``. Raises DataFaults, see :func:`known_unit`."""
    found = {}
    for text in said:
        name, equals, unit = (part.strip() for part in text.partition("="))
        if not equals:
            raise DataFaults([Fault(f"{text!r} says no unit", "--unit", "write NAME=UNIT, e.g. 'labor share=percent'")])
        found[name] = unit
    faults = [f for name, unit in found.items() if (f := known_unit(name, unit, "--unit"))]
    if faults:
        raise DataFaults(faults)
    return found


def known_unit(name: str, unit: str, where: str) -> Fault | None:
    """What is wrong with the unit of a moment or a series, if anything is."""
    if name not in _KINDS:
        return Fault(f"there is no {name!r} that could have a unit", where, did_you_mean(name, _KINDS))
    units = _UNITS[_KINDS[name]]
    return None if unit in units else Fault(f"{name} cannot be in {unit!r}", where, f"write {' or '.join(units)}")


def one_of(name: str, unit: str) -> float:
    """What one of a moment's unit is in the model's."""
    return _UNITS[_KINDS[name]][unit]


def in_model_units(name: str, unit: str, values: np.ndarray) -> np.ndarray:
    """A series (T,) of the sorting model, converted; growth in percent becomes a difference of logs."""
    factor = one_of(name, unit)
    return np.log1p(values / 100.0) if np.isnan(factor) else factor * values
