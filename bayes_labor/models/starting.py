"""Starting values of a model, kept beside it.

PyMC's own ``initval`` would do, but a model that has one can neither be conditioned (``pm.do``, ``pm.observe``) nor have its
log-likelihood computed afterwards.
"""

from typing import Any

import numpy as np
import pymc as pm
from pymc.initial_point import make_initial_point_fn

_LEVELS = (0.1, -0.1, 0.4, -0.4)  # of atanh beta: on both sides of the cusp at zero, near it and away


def start_at(**values: Any) -> None:
    """Note starting values of variables of the model being built, on their own scale."""
    model = pm.modelcontext(None)
    noted = {k: np.asarray(v, dtype=np.float64) for k, v in values.items()}
    model.starting_values = starting_values(model) | noted


def start_there() -> None:
    """Say of the model being built that chains should start at the noted values, not at its modes.

    With a variable per worker the joint density is highest, without bound, where all of them lie on the regression and their
    spread is zero: far from where the mass is.
    """
    pm.modelcontext(None).has_no_modes = True


def has_modes(model: pm.Model) -> bool:
    """Whether modes are worth looking for; see :func:`start_there`."""
    return not getattr(model, "has_no_modes", False)


def starting_values(model: pm.Model) -> dict[str, np.ndarray]:
    """Noted values by variable; empty for a model of another origin."""
    return getattr(model, "starting_values", {})


def starting_point(model: pm.Model) -> dict[str, np.ndarray]:
    """Value of every unconstrained variable at the start."""
    return make_initial_point_fn(model=model, overrides=starting_values(model), return_transformed=True)(0)


def starting_points(model: pm.Model) -> list[np.ndarray]:
    """Starts with all beta on one side of zero, near it and away; the model's own point if it has no beta."""
    x, places = _flat_start(model)
    if not places:
        return [x]
    starts = []
    for level in _LEVELS:
        start = x.copy()
        for name, place in places.items():
            start[place] = 0.0 if name == "beta_offset" else level if name != "beta_spread_log__" else x[place]
        starts.append(start)
    return starts


def beta_coordinates(model: pm.Model) -> np.ndarray:
    """Which coordinates of the unconstrained vector decide on beta."""
    x, places = _flat_start(model)
    held = np.zeros(len(x), bool)
    for place in places.values():
        held[place] = True
    return held


def _flat_start(model: pm.Model) -> tuple[np.ndarray, dict[str, slice]]:
    """(the model's starting point, where in it the variables behind beta are)."""
    point = starting_point(model)
    names = [v.name for v in model.value_vars]
    ends = np.cumsum([np.size(point[n]) for n in names])
    places = {
        n: slice(int(e) - np.size(point[n]), int(e))
        for n, e in zip(names, ends, strict=True)
        if n in ("beta_mean", "beta_spread_log__", "beta_offset", "atanh_beta")
    }
    return np.concatenate([np.ravel(point[n]) for n in names]), places
