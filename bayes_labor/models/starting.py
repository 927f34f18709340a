"""Starting values of a model, kept beside it.

PyMC's own ``initval`` would do, but a model that has one can neither be conditioned (``pm.do``, ``pm.observe``) nor have its
log-likelihood computed afterwards.
"""

from collections.abc import Sequence
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


def start_on_both_sides(levels: Sequence[str], held: Sequence[str] = ()) -> None:
    """Say of the model being built that its density has a cusp where ``levels`` are zero, and may have a mode on each side.

    Climbs to the modes start with ``levels`` on both sides, near zero and away, and keep them and the variables in ``held``,
    which decide on the side together with them, where they are until the others have settled.
    """
    pm.modelcontext(None).both_sides = (tuple(levels), tuple(held))


def level_names(model: pm.Model) -> tuple[str, ...]:
    """Variables that :func:`start_on_both_sides` noted to start on both sides; none for a model of another origin."""
    return getattr(model, "both_sides", ((), ()))[0]


def starting_points(model: pm.Model) -> list[np.ndarray]:
    """Starts on both sides of a noted cusp, near it and away; the model's own point if it has none."""
    x, places = _flat_start(model)
    levels = [places[name] for name in level_names(model)]
    if not levels:
        return [x]
    starts = []
    for level in _LEVELS:
        start = x.copy()
        for place in levels:
            start[place] = level
        starts.append(start)
    return starts


def beta_coordinates(model: pm.Model) -> np.ndarray:
    """Which coordinates of the unconstrained vector decide on the side of a noted cusp: beta's."""
    x, places = _flat_start(model)
    marked = np.zeros(len(x), bool)
    for group in getattr(model, "both_sides", ()):
        for name in group:
            marked[places[name]] = True
    return marked


def _flat_start(model: pm.Model) -> tuple[np.ndarray, dict[str, slice]]:
    """(the model's starting point, where in it each free variable is)."""
    point = starting_point(model)
    sizes = [np.size(point[v.name]) for v in model.value_vars]
    ends = np.cumsum(sizes)
    names = [model.values_to_rvs[v].name for v in model.value_vars]
    places = {n: slice(int(e) - m, int(e)) for n, e, m in zip(names, ends, sizes, strict=True)}
    return np.concatenate([np.ravel(point[v.name]) for v in model.value_vars]), places
