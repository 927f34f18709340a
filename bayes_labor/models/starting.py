"""Unconstrained vectors of a model: of given values, and where climbs to its modes start, from its notes."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor
from pymc.initial_point import make_initial_point_fn

from bayes_labor.models.notes import notes_of

_LEVELS = (0.1, -0.1, 0.4, -0.4)  # of atanh beta: on both sides of the cusp at zero, near it and away


def starting_point(model: pm.Model) -> dict[str, np.ndarray]:
    """Value of every unconstrained variable at the start."""
    return make_initial_point_fn(model=model, overrides=notes_of(model).starting_values, return_transformed=True)(0)


def starting_points(model: pm.Model) -> list[np.ndarray]:
    """Starts on both sides of a noted cusp, near it and away; the model's own point if it has none."""
    x, places = _flat_start(model)
    levels = [places[name] for name in notes_of(model).levels]
    if not levels:
        return [x]
    starts = []
    for level in _LEVELS:
        start = x.copy()
        for place in levels:
            start[place] = level
        starts.append(start)
    return starts


def beta_coordinates(model: pm.Model, held: bool = True) -> np.ndarray:
    """Which coordinates of the unconstrained vector decide on the side of a noted cusp, with those ``held`` or without."""
    x, places = _flat_start(model)
    marked = np.zeros(len(x), bool)
    for name in (*notes_of(model).levels, *(notes_of(model).held if held else ())):
        marked[places[name]] = True
    return marked


def unconstrained(model: pm.Model) -> list[Any]:
    """Every free variable in the coordinates that it is sampled in, as a function of the free variables."""
    found = []
    for variable in model.free_RVs:
        transform = model.rvs_to_transforms[variable]
        found.append(variable if transform is None else transform.forward(variable, *variable.owner.inputs))
    return found


def to_unconstrained(model: pm.Model) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    """The unconstrained vector (D,) of values of the free variables by name."""
    function = pytensor.function(model.free_RVs, unconstrained(model), mode="FAST_COMPILE", on_unused_input="ignore")
    names = [v.name for v in model.free_RVs]

    def forward(values: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.concatenate([np.ravel(part) for part in function(*(values[n] for n in names))])

    return forward


def _flat_start(model: pm.Model) -> tuple[np.ndarray, dict[str, slice]]:
    """(the model's starting point, where in it each free variable is)."""
    point = starting_point(model)
    sizes = [np.size(point[v.name]) for v in model.value_vars]
    ends = np.cumsum(sizes)
    names = [model.values_to_rvs[v].name for v in model.value_vars]
    places = {n: slice(int(e) - m, int(e)) for n, e, m in zip(names, ends, sizes, strict=True)}
    return np.concatenate([np.ravel(point[v.name]) for v in model.value_vars]), places
