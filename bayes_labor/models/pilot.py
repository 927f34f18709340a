"""Coordinates in which a regression's posterior is round: theta = center + L x, from a pilot fit."""

from typing import Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_labor.custom_ops.products import design_index, quadratic_form
from bayes_labor.models.notes import start_at
from bayes_labor.models.panel_design import PanelDesign
from bayes_labor.models.priors import Prior
from bayes_labor.numerics.normal import HALF_LOG_2PI

_LEAST = 1e-3  # error's share of the outcome's standard deviation, where a few rows are fitted without one


class Pilot(NamedTuple):
    """An affine map to coefficients."""

    center: np.ndarray
    """(P,)."""
    scale: np.ndarray
    """(P, P), its product with its transpose the inverse information, or nearly so."""

    def fitted(self, columns: np.ndarray, x: Any) -> Any:
        """Symbolic (N,) columns (N, P) times the coefficients whose coordinates are ``x`` (P,)."""
        return design_index(pt.constant((columns @ self.scale).T.copy()), x) + columns @ self.center


def pilot_of(information: np.ndarray, score: np.ndarray) -> Pilot:
    """From the information matrix (P, P) and W'V^-1 y (P,), priors included in both."""
    factor = np.linalg.cholesky(information)
    inverse = np.linalg.solve(factor, np.eye(len(score)))
    center = inverse.T @ (inverse @ score)
    return Pilot(center, np.linalg.cholesky(inverse.T @ inverse))


def panel_pilot(design: PanelDesign) -> tuple[Pilot, float, float]:
    """(pilot, sd of errors, sd of the groups' effects) of a linear panel, under the priors of its coefficients.

    Generalised least squares, at variances from the residuals within and between groups.
    """
    y, w, groups, counts = design.outcome, design.columns, design.groups, design.groups.counts
    prior = 1.0 / design.prior_sd**2
    mean_w, mean_y, products, score_y = groups.means(w), groups.means(y), w.T @ w, w.T @ y
    sigma, tau = float(np.std(y)), float(np.std(y))
    pilot = pilot_of(np.diag(prior), prior * design.prior_mean)
    for _ in range(3):
        weight = tau**2 / (sigma**2 + counts * tau**2) * counts**2
        information = (products - (mean_w * weight[:, None]).T @ mean_w) / sigma**2 + np.diag(prior)
        pilot = pilot_of(information, (score_y - mean_w.T @ (weight * mean_y)) / sigma**2 + prior * design.prior_mean)
        residual = y - w @ pilot.center
        between = groups.means(residual)
        # Where nobody has two rows nothing lies within groups: all of it is error.
        inside, spare = (residual - between[groups.row], len(y) - len(counts)) if groups.repeated else (residual, len(y))
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


def started(name: str, prior: Prior, start: float) -> Any:
    """The variable of a prior, added to the model being built, that starts at ``start``."""
    start_at(**{name: start})
    return prior.place(name)


def rotated_normal(name: str, pilot: Pilot, mean: np.ndarray, sd: np.ndarray, dims: str) -> tuple[Any, Any]:
    """(x, theta): theta ~ Normal(mean, sd), sampled as x = L^-1 (theta - center), round where the pilot is right.

    ``{name}_rotated`` is the free variable, ``name`` a deterministic.
    """
    constant = float(np.linalg.slogdet(pilot.scale)[1] - np.log(sd).sum() - len(sd) * HALF_LOG_2PI)
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
    )
    start_at(**{f"{name}_rotated": np.zeros(len(sd))})
    return x, pm.Deterministic(name, pilot.center + pt.dot(pilot.scale, x), dims=dims)
