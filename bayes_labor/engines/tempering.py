"""Tempered sequential Monte Carlo: from draws of the prior to the posterior by small steps, where gradients do not help.

For densities with hard walls and ridges, on which NUTS diverges, whose evaluation is cheap and vectorised.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import optimize, special

Density = Callable[[np.ndarray], np.ndarray]
_SCALES = (0.1, 0.4, 1.0)  # of the moves, in units of 2.38 / sqrt(dimensions)
_MOVES = 18
_KEPT = 0.6  # effective share of the particles at each step


class Tempered(NamedTuple):
    """Equally weighted draws from the posterior."""

    particles: np.ndarray
    """(n, D)."""
    log_evidence: float
    """Log marginal likelihood, with the prior as it was drawn from."""
    stages: int
    accepted: float
    """Share of moves accepted at the last stage."""
    distinct: float
    """Share of particles that moved at the last stage."""


def temper(prior: np.ndarray, log_prior: Density, log_likelihood: Density, rng: np.random.Generator) -> Tempered:
    """Move draws of the prior to the posterior.

    Parameters
    ----------
    prior
        (n, D) draws.
    log_prior, log_likelihood
        Of points (n, D); -inf where a point is not allowed. The prior need not be normalised.
    rng
        Generator.

    """
    x, power, evidence, stages = prior.copy(), 0.0, 0.0, 0
    like, base = log_likelihood(x), log_prior(x)
    accepted, distinct = 1.0, 1.0
    while power < 1.0:
        after = next_power(like, power)
        weights = (after - power) * like
        evidence += float(special.logsumexp(weights) - np.log(len(x)))
        chosen = systematic(np.exp(weights - special.logsumexp(weights)), rng, len(x))
        x, like, base, power, stages = x[chosen], like[chosen], base[chosen], after, stages + 1
        x, like, base, accepted, distinct = _move(x, like, base, power, log_prior, log_likelihood, rng)
    return Tempered(x, evidence, stages, accepted, distinct)


def next_power(like: np.ndarray, power: float) -> float:
    """The power at which the effective share of the particles falls to what is wanted, at most 1."""

    def short(step: float) -> float:
        w = np.exp(step * (like - like.max()))
        return float(w.sum() ** 2 / (w**2).sum() / len(like) - _KEPT)

    left = 1.0 - power
    if short(left) >= 0.0:
        return 1.0
    # Far from the posterior steps may be tiny: the root is sought on a logarithmic scale.
    return power + float(np.exp(optimize.brentq(lambda t: short(np.exp(t)), np.log(left) - 60.0, np.log(left))))


def systematic(weights: np.ndarray, rng: np.random.Generator, n: int) -> np.ndarray:
    """Places (n,) of draws in proportion to weights that add up to one, by one uniform number."""
    places = (rng.uniform() + np.arange(n)) / n
    return np.minimum(np.searchsorted(np.cumsum(weights), places), len(weights) - 1)


def _move(
    x: np.ndarray, like: np.ndarray, base: np.ndarray, power: float, log_prior: Density, log_likelihood: Density,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:  # fmt: skip
    """Metropolis steps in turn along the particles' covariance and along differences of two other particles."""
    n, dimensions = x.shape
    step = 2.38 / np.sqrt(dimensions)
    start, accepted = x.copy(), 0
    for i in range(_MOVES):
        scale = _SCALES[i % len(_SCALES)] * step
        if i % 2 == 0:
            factor = np.linalg.cholesky(np.cov(x.T) + 1e-12 * np.eye(dimensions))
            proposal = x + scale * rng.normal(size=x.shape) @ factor.T
        else:
            a, b = rng.integers(0, n, (2, n))
            proposal = x + scale / np.sqrt(2.0) * (x[a] - x[b]) + 1e-4 * step * rng.normal(size=x.shape) * x.std(0)
        new_base = log_prior(proposal)
        new_like = log_likelihood(proposal)
        new_like = np.where(np.isfinite(new_base), new_like, -np.inf)
        gain = new_base + power * new_like - base - power * like
        taken = np.isfinite(new_like) & (np.log(rng.uniform(size=n)) < gain)
        x, like, base = (np.where(t, v, w) for t, v, w in (
            (taken[:, None], proposal, x), (taken, new_like, like), (taken, new_base, base)
        ))  # fmt: skip
        accepted += int(taken.sum())
    return x, like, base, accepted / (_MOVES * n), float((x != start).any(1).mean())
