"""What the codes of a model's solver mean, kept beside the model so that whoever counts failures can name them."""

from enum import IntEnum

import pymc as pm


def solver_outcomes(status: type[IntEnum]) -> None:
    """Note what the values of the variable ``solver_status`` of the model being built mean; 0 is a solution."""
    pm.modelcontext(None).solver_outcomes = {s.name.lower(): int(s) for s in status}


def outcomes_of(model: pm.Model) -> dict[str, int]:
    """Codes by name; empty for a model of another origin."""
    return getattr(model, "solver_outcomes", {})
