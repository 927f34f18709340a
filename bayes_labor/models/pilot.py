"""Coordinates in which a regression's posterior is round: theta = center + L x, from a pilot fit."""

from typing import Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_labor.models.starting import start_at


class Pilot(NamedTuple):
    """An affine map to coefficients."""

    center: np.ndarray
    """(P,)."""
    scale: np.ndarray
    """(P, P) lower triangular, its product with its transpose the inverse information."""


def pilot_of(information: np.ndarray, score: np.ndarray) -> Pilot:
    """From the information matrix (P, P) and W'V^-1 y (P,), priors included in both."""
    factor = np.linalg.cholesky(information)
    inverse = np.linalg.solve(factor, np.eye(len(score)))
    center = inverse.T @ (inverse @ score)
    return Pilot(center, np.linalg.cholesky(inverse.T @ inverse))


def rotated_normal(name: str, pilot: Pilot, mean: np.ndarray, sd: np.ndarray, dims: str) -> tuple[Any, Any]:
    """(x, theta): theta ~ Normal(mean, sd), sampled as x = L^-1 (theta - center), round where the pilot is right.

    ``{name}_rotated`` is the free variable, ``name`` a deterministic.
    """
    constant = float(np.log(np.diag(pilot.scale)).sum() - np.log(sd).sum() - 0.5 * len(sd) * np.log(2.0 * np.pi))

    def log_density(x: Any, *_: Any) -> Any:
        theta = pilot.center + pt.dot(pilot.scale, x)
        return constant - 0.5 * pt.sum(((theta - mean) / sd) ** 2)

    def random(center: np.ndarray, rng: np.random.Generator | None = None, size: Any = None) -> np.ndarray:
        drawn = (np.random.default_rng() if rng is None else rng).normal(mean, sd)
        return np.linalg.solve(pilot.scale, drawn - pilot.center)

    x = pm.CustomDist(
        f"{name}_rotated", pt.constant(pilot.center), logp=log_density, random=random, signature="(p)->(p)", dims=dims
    )  # fmt: skip
    start_at(**{f"{name}_rotated": np.zeros(len(sd))})
    return x, pm.Deterministic(name, pilot.center + pt.dot(pilot.scale, x), dims=dims)
