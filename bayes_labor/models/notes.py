"""What samplers and pages need to know of a model and PyMC has no place for: kept beside it, by the function that builds it.

PyMC's own ``initval`` would do for starting values, but a model that has one can neither be conditioned (``pm.do``,
``pm.observe``) nor have its log-likelihood computed afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pymc as pm

from bayes_labor.numerics.outcome import Outcome


@dataclass
class Notes:
    """Of one model; those of a model of another origin are empty."""

    starting_values: dict[str, np.ndarray] = field(default_factory=dict)
    """By variable, on its own scale."""
    has_modes: bool = True
    """Whether modes are worth looking for.

    With a variable per worker the joint density is highest, without bound, where all of them lie on the regression and their
    spread is zero: far from where the mass is.
    """
    levels: tuple[str, ...] = ()
    """Variables at whose zero the density has a cusp, and may have a mode on each side: climbs start on both."""
    held: tuple[str, ...] = ()
    """Variables that decide on the side together with ``levels``: held until the others have settled."""
    gated: tuple[str, ...] = ()
    """Whose chains are compared; empty for all variables."""
    two_sided: tuple[str, ...] = ()
    """Which may have modes on both sides of zero."""
    outcomes: dict[str, int] = field(default_factory=dict)
    """Codes of the variable ``solver_status`` by name; 0 is a solution. Empty where there is no solver."""
    left_out: dict[str, str] = field(default_factory=dict)
    """What the data cannot tell, with the reason."""

    @property
    def judged(self) -> dict[str, Any]:
        """By what draws are judged, as records keep it."""
        if not self.gated:
            return {"solved": ["solver_status"]} if self.outcomes else {}
        found = {"gated": list(self.gated), "two_sided": list(self.two_sided)}
        return found | ({"solved": ["solver_status"]} if self.outcomes else {})


_NOTES: WeakKeyDictionary[pm.Model, Notes] = WeakKeyDictionary()


def notes_of(model: pm.Model) -> Notes:
    """The notes of a model, to be read by anybody and written by who builds it."""
    return _NOTES.setdefault(model, Notes())


def _here() -> Notes:
    return notes_of(pm.modelcontext(None))


def start_at(**values: Any) -> None:
    """Note starting values of variables of the model being built, on their own scale."""
    _here().starting_values |= {k: np.asarray(v, dtype=np.float64) for k, v in values.items()}


def start_there() -> None:
    """Say of the model being built that chains should start at the noted values, not at its modes."""
    _here().has_modes = False


def start_on_both_sides(levels: Sequence[str], held: Sequence[str] = ()) -> None:
    """Say of the model being built that its density has a cusp where ``levels`` are zero; ``held`` as in :class:`Notes`."""
    _here().levels, _here().held = tuple(levels), tuple(held)


def judge_by(*gated: str, two_sided: str = "") -> None:
    """Note whose chains are compared, of the model being built, and which variable may have modes on both sides of zero."""
    _here().gated, _here().two_sided = gated, (two_sided,) if two_sided else ()


def solver_outcomes(status: type[Outcome]) -> None:
    """Note what the values of the variable ``solver_status`` of the model being built mean; 0 is a solution."""
    _here().outcomes = {s.name.lower(): int(s) for s in status}


def note_left_out(left_out: dict[str, str]) -> None:
    """Note what is left out of the model being built, and why, so that pages and records can say so."""
    _here().left_out = dict(left_out)
