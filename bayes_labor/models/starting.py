"""Starting values of a model, kept beside it.

PyMC's own ``initval`` would do, but a model that has one can neither be conditioned (``pm.do``, ``pm.observe``) nor have its
log-likelihood computed afterwards.
"""

from typing import Any

import numpy as np
import pymc as pm
from pymc.initial_point import make_initial_point_fn


def start_at(**values: Any) -> None:
    """Note starting values of variables of the model being built, on their own scale."""
    model = pm.modelcontext(None)
    noted = {k: np.asarray(v, dtype=np.float64) for k, v in values.items()}
    model.starting_values = starting_values(model) | noted


def starting_values(model: pm.Model) -> dict[str, np.ndarray]:
    """Noted values by variable; empty for a model of another origin."""
    return getattr(model, "starting_values", {})


def starting_point(model: pm.Model) -> dict[str, np.ndarray]:
    """Value of every unconstrained variable at the start."""
    return make_initial_point_fn(model=model, overrides=starting_values(model), return_transformed=True)(0)
