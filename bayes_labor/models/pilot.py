"""Coordinates in which a regression's posterior is round: theta = center + L x, from a pilot fit."""

from typing import Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_labor.custom_ops.products import quadratic_form
from bayes_labor.models.notes import start_at

_LEAST = 1e-3  # error's share of the outcome's standard deviation, where a few rows are fitted without one


class Pilot(NamedTuple):
    """An affine map to coefficients."""

    center: np.ndarray
    """(P,)."""
    scale: np.ndarray
    """(P, P), its product with its transpose the inverse information, or nearly so."""


def pilot_of(information: np.ndarray, score: np.ndarray) -> Pilot:
    """From the information matrix (P, P) and W'V^-1 y (P,), priors included in both."""
    factor = np.linalg.cholesky(information)
    inverse = np.linalg.solve(factor, np.eye(len(score)))
    center = inverse.T @ (inverse @ score)
    return Pilot(center, np.linalg.cholesky(inverse.T @ inverse))


def panel_pilot(
    y: np.ndarray, w: np.ndarray, worker: np.ndarray, center: np.ndarray, sd: np.ndarray
) -> tuple[Pilot, float, float]:  # fmt: skip
    """(pilot, sd of errors, sd of worker effects) of a linear panel with priors N(center, sd).

    Generalised least squares, at variances from the residuals within and between workers.
    """
    _, row, counts = np.unique(worker, return_inverse=True, return_counts=True)
    prior = 1.0 / sd**2

    def means(v: np.ndarray) -> np.ndarray:
        return np.bincount(row, v) / counts

    mean_w = np.stack([means(w[:, j]) for j in range(w.shape[1])], axis=1)
    mean_y, products, score_y = means(y), w.T @ w, w.T @ y
    sigma, tau = float(np.std(y)), float(np.std(y))
    pilot = pilot_of(np.diag(prior), prior * center)
    for _ in range(3):
        weight = tau**2 / (sigma**2 + counts * tau**2) * counts**2
        information = (products - (mean_w * weight[:, None]).T @ mean_w) / sigma**2 + np.diag(prior)
        pilot = pilot_of(information, (score_y - mean_w.T @ (weight * mean_y)) / sigma**2 + prior * center)
        residual = y - w @ pilot.center
        between = means(residual)
        # Where nobody has two rows nothing lies within workers: all of it is error.
        inside, spare = (residual - between[row], len(y) - len(counts)) if len(counts) < len(y) else (residual, len(y))
        sigma = max(float(np.sqrt((inside**2).sum() / spare)), _LEAST * float(np.std(y)))
        tau = float(np.sqrt(max(between.var() - sigma**2 * (1.0 / counts).mean(), 0.01 * sigma**2)))
    return pilot, sigma, tau


def logit_pilot(won: np.ndarray, w: np.ndarray, sd: np.ndarray) -> Pilot:
    """Of a logit without worker effects, with priors N(0, sd), by Newton's method."""
    theta, prior = np.zeros(w.shape[1]), sd**-2.0
    for _ in range(30):
        p = 1.0 / (1.0 + np.exp(-(w @ theta)))
        information = (w * (p * (1.0 - p))[:, None]).T @ w + np.diag(prior)
        step = np.linalg.solve(information, w.T @ (won - p) - prior * theta)
        theta += step
        if np.abs(step).max() < 1e-10:
            break
    return pilot_of(information, information @ theta)


def rotated_normal(name: str, pilot: Pilot, mean: np.ndarray, sd: np.ndarray, dims: str) -> tuple[Any, Any]:
    """(x, theta): theta ~ Normal(mean, sd), sampled as x = L^-1 (theta - center), round where the pilot is right.

    ``{name}_rotated`` is the free variable, ``name`` a deterministic.
    """
    constant = float(np.linalg.slogdet(pilot.scale)[1] - np.log(sd).sum() - 0.5 * len(sd) * np.log(2.0 * np.pi))
    away, scaled = (pilot.center - mean) / sd, pilot.scale / sd[:, None]
    linear, matrix = pt.constant(-scaled.T @ away), pt.constant(scaled.T @ scaled)
    constant -= 0.5 * float(away @ away)

    def log_density(x: Any, *_: Any) -> Any:
        return constant + quadratic_form(x, linear, matrix)

    def random(center: np.ndarray, rng: np.random.Generator | None = None, size: Any = None) -> np.ndarray:
        drawn = (np.random.default_rng() if rng is None else rng).normal(mean, sd)
        return np.linalg.solve(pilot.scale, drawn - pilot.center)

    x = pm.CustomDist(
        f"{name}_rotated", pt.constant(pilot.center), logp=log_density, random=random, signature="(p)->(p)", dims=dims
    )  # fmt: skip
    start_at(**{f"{name}_rotated": np.zeros(len(sd))})
    return x, pm.Deterministic(name, pilot.center + pt.dot(pilot.scale, x), dims=dims)
