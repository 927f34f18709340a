"""By what the draws of a model are judged, kept beside the model: a sampler and its gates look for no names of their own."""

from typing import Any

import pymc as pm

from bayes_labor.models.outcomes import outcomes_of


def judge_by(*gated: str, two_sided: str = "") -> None:
    """Note whose chains are compared, of the model being built, and which variable may have modes on both sides of zero."""
    pm.modelcontext(None).judged_by = {"gated": list(gated), "two_sided": [two_sided] if two_sided else []}


def judged_by(model: pm.Model) -> dict[str, Any]:
    """``gated`` and ``two_sided`` variables and, where the model has a solver, the variable with its status, ``solved``.

    Empty for a model of another origin: all its variables are compared.
    """
    return getattr(model, "judged_by", {}) | ({"solved": ["solver_status"]} if outcomes_of(model) else {})
