"""Jumps between modes, for chains that cannot cross from one to another.

Draws of all chains become walkers. Each proposes points of a mixture that was fitted to the draws of all chains and to the
modes that climbs and particles have found, and accepts them by Metropolis's rule: a walker is in every mode as often as the
mode's mass deserves, however deep the valley between, and nothing has to be guessed about the modes' weights. Hamiltonian paths
in between move walkers within their mode. The mixture decides how often walkers move, never where the mass is.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from bayes_labor.engines.mixture import Mixture, fit_mixture
from bayes_labor.engines.modes import Mode, log_density_of
from bayes_labor.engines.nutpie_engine import expander
from bayes_labor.engines.progress import Draws
from bayes_labor.engines.smc import Density, everywhere, paths

WALKERS = 500
"""Of each chain."""
_PROPOSALS = 3  # of each walker in a round, beside one path
_FIRST = 6  # rounds with the mixture of the chains' draws; then it is fitted again, to where the walkers are
_WANTED, _MOST = 5.0, 24  # accepted jumps of a walker with that second mixture; rounds, at most


class Jumped(NamedTuple):
    """Walkers after their jumps."""

    x: np.ndarray
    """(n, D) unconstrained."""
    log_density: np.ndarray
    """(n,)."""
    accepted: float
    """Share of proposals."""
    moves: float
    """Accepted jumps of a walker."""


def jump(
    density: Callable[[np.ndarray], tuple[float, np.ndarray]], x: np.ndarray, modes: list[Mode], seen: np.ndarray,
    rng: np.random.Generator,
) -> Jumped:  # fmt: skip
    """Let walkers jump until each has moved a few times.

    Parameters
    ----------
    density
        (log density, gradient) at an unconstrained vector.
    x
        (n, D) where the walkers are: draws of all chains.
    modes
        That were found by climbing, visited by a chain or not.
    seen
        (m, D) points from elsewhere where there is mass, in whatever shares; none will do.
    rng
        Generator.

    """

    def whole(at: np.ndarray, _: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        values, slopes = everywhere(density, at)
        return np.zeros(len(at)), values, slopes

    others = [(m.point, np.linalg.cholesky(m.covariance)) for m in modes]
    if len(seen) > x.shape[1]:
        there = fit_mixture(seen, rng)
        others += list(zip(there.center, there.factor, strict=True))
    log_p, step, shares = whole(x, 1.0)[1], 0.2, list[float]()
    for rounds in range(_FIRST + _MOST):
        if rounds in (0, _FIRST):
            mixture, shares = fit_mixture(x, rng).also_at(others), []
        for _ in range(_PROPOSALS):
            x, log_p, share = _proposed(whole, x, log_p, mixture, rng)
            shares.append(share)
        x, _, log_p, _, step, _ = paths(whole, x, 1.0, step, rng)
        if rounds >= _FIRST and sum(shares) >= _WANTED:
            break
    return Jumped(x, log_p, float(np.mean(shares)), sum(shares))


def _proposed(
    density: Density, x: np.ndarray, log_p: np.ndarray, mixture: Mixture, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, float]:
    """(points, log densities, share accepted) after one proposal to each walker."""
    there = mixture.draw(len(x), rng)
    new = density(there, 1.0)[1]
    gain = new - mixture.log_density(there) - log_p + mixture.log_density(x)
    taken = np.isfinite(new) & (np.log(rng.uniform(size=len(x))) < gain)
    return np.where(taken[:, None], there, x), np.where(taken, new, log_p), float(taken.mean())


def jump_from(compiled: Any, found: Draws, modes: list[Mode], seen: np.ndarray, seed: int) -> tuple[Draws, Jumped]:
    """(draws of every chain after jumps, the jumps): walkers are :data:`WALKERS` draws of each chain, or all it has.

    ``compiled`` is the model, by :func:`.nutpie_engine.compile_model`, that ``found`` was drawn from.
    """
    keep = np.unique(np.linspace(0, int(found.counts.min()) - 1, WALKERS).astype(int))
    start = found.unconstrained[:, keep]
    chains, n, d = start.shape
    jumped = jump(log_density_of(compiled), start.reshape(-1, d), modes, seen, np.random.default_rng([seed, 7]))
    x, log_p, expand = jumped.x.reshape(start.shape), jumped.log_density.reshape(chains, n), expander(compiled)
    posterior = {k: v[:, keep].copy() for k, v in found.posterior.items()}
    for index in np.ndindex(chains, n):
        held = expand(x[index])
        for name, values in posterior.items():
            values[index] = held[name]
    # Of the paths from which the walkers started nothing is left.
    stats = {k: np.zeros_like(v[:, keep]) for k, v in found.stats.items()} | {"lp": log_p, "energy": -log_p}
    return Draws(x, np.full(chains, n), posterior, stats), jumped
