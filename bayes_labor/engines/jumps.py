"""Jumps between modes, for chains that cannot cross from one to another.

Draws of all chains become walkers. Each proposes points of a mixture that was fitted to the draws of all chains and to the
modes that climbs and particles have found, and accepts them by Metropolis's rule, with Hamiltonian paths in between; nothing
has to be guessed about the modes' weights. How fast walkers cross depends on how well the mixture fits, and where it fits
badly they forget slowly where they came from. Every other chain therefore starts where the chains have been least, and walkers
jump until R-hat cannot tell the two kinds apart; where that is not reached the gates on R-hat fail.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from bayes_labor.engines.convergence import R_HAT, r_hat
from bayes_labor.engines.mixture import Mixture, fit_mixture
from bayes_labor.engines.modes import Mode, log_density_of
from bayes_labor.engines.nutpie_engine import expander
from bayes_labor.engines.progress import Draws
from bayes_labor.engines.smc import Density, everywhere, paths, seconds_of
from bayes_labor.engines.telling import tell

WALKERS = 500
"""Of each chain."""
_PROPOSALS = 3  # of each walker in a round, beside one path
_FIRST = 6  # rounds with the mixture of the chains' draws; then it is fitted again, to where the walkers are
_ROUNDS = (4, 48)  # with that second mixture, at least and at most
_MOVES = 3.0  # accepted jumps of a walker, at least, in the mean
_EVALUATIONS = 10  # of a density by a walker in a round
LONGEST = 900.0
"""Seconds beyond which jumps are not tried."""


class Jumped(NamedTuple):
    """Walkers after their jumps."""

    x: np.ndarray
    """(C, n, D) unconstrained, by chain."""
    log_density: np.ndarray
    """(C, n)."""
    accepted: float
    """Share of proposals."""
    rounds: int


def jump(
    density: Callable[[np.ndarray], tuple[float, np.ndarray]], x: np.ndarray, modes: list[Mode], seen: np.ndarray,
    rng: np.random.Generator, cores: int | None = None,
) -> Jumped:  # fmt: skip
    """Let walkers jump until chains that started apart agree.

    Parameters
    ----------
    density
        (log density, gradient) at an unconstrained vector.
    x
        (C, n, D) draws of all chains.
    modes
        That were found by climbing, visited by a chain or not.
    seen
        (m, D) points from elsewhere where there is mass, in whatever shares; none will do.
    rng
        Generator.
    cores
        To evaluate on, all by default.

    """

    def whole(at: np.ndarray, _: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        values, slopes = everywhere(density, at, cores)
        return np.zeros(len(at)), values, slopes

    chains, n, d = x.shape
    others = [(m.point, np.linalg.cholesky(m.covariance)) for m in modes]
    if len(seen) > d:
        there = fit_mixture(seen, rng)
        others += list(zip(there.center, there.factor, strict=True))
    mixture = fit_mixture(x.reshape(-1, d), rng).also_at(others)
    at = _started_apart(whole, x, mixture, rng).reshape(-1, d)
    log_p, step, shares = whole(at, 1.0)[1], 0.2, list[float]()
    for rounds in range(1, _FIRST + _ROUNDS[1] + 1):
        for _ in range(_PROPOSALS):
            at, log_p, share = _proposed(whole, at, log_p, mixture, rng)
            shares.append(share)
        at, _, log_p, _, step, _ = paths(whole, at, 1.0, step, rng)
        tell("jumping between modes", what=f"round {rounds} of at most {_FIRST + _ROUNDS[1]}")
        if rounds == _FIRST:
            mixture, shares = fit_mixture(at, rng).also_at(others), []
        if rounds >= _FIRST + _ROUNDS[0] and sum(shares) >= _MOVES and _agree(at.reshape(chains, n, d)):
            break
    return Jumped(at.reshape(chains, n, d), log_p.reshape(chains, n), float(np.mean(shares)), rounds)


def _started_apart(density: Density, x: np.ndarray, mixture: Mixture, rng: np.random.Generator) -> np.ndarray:
    """(C, n, D) walkers: every other chain in the component of the mixture where the chains have been least."""
    chains, n, d = x.shape
    share = np.bincount(mixture.nearest(x.reshape(-1, d)), minlength=len(mixture.weight))
    least, start = int(np.argmin(share)), x.copy()
    one = Mixture(np.ones(1), mixture.center[[least]], mixture.factor[[least]])
    for c in range(1, chains, 2):
        drawn = one.draw(2 * n, rng)
        solved = drawn[np.isfinite(density(drawn, 1.0)[1])]
        if len(solved):
            start[c] = solved[rng.integers(0, len(solved), n)]
    return start


def _agree(x: np.ndarray) -> bool:
    """Whether R-hat of every coordinate, and of its sign, tells no chain from another."""
    axes = ("chain", "draw", "coordinate")
    found = r_hat(xr.Dataset({"x": (axes, x), "sign": (axes, (x < 0).astype(np.float64))}))
    return all(float(np.nanmax(np.append(found[v].to_numpy(), 1.0))) < R_HAT for v in ("x", "sign"))


def _proposed(
    density: Density, x: np.ndarray, log_p: np.ndarray, mixture: Mixture, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, float]:
    """(points, log densities, share accepted) after one proposal to each walker."""
    there = mixture.draw(len(x), rng)
    new = density(there, 1.0)[1]
    gain = new - mixture.log_density(there) - log_p + mixture.log_density(x)
    taken = np.isfinite(new) & (np.log(rng.uniform(size=len(x))) < gain)
    return np.where(taken[:, None], there, x), np.where(taken, new, log_p), float(taken.mean())


def jump_from(
    compiled: Any, found: Draws, modes: list[Mode], seen: np.ndarray, seed: int, cores: int | None = None
) -> tuple[Draws, str]:
    """(draws of every chain after jumps, what was done); the same draws where jumps would take too long.

    Walkers are :data:`WALKERS` draws of each chain, or all it has. ``compiled`` is the model, by
    :func:`.nutpie_engine.compile_model`, that ``found`` was drawn from. Statistics of paths stay those of the draws that became
    walkers, divergences among them.
    """
    keep = np.unique(np.linspace(0, int(found.counts.min()) - 1, WALKERS).astype(int))
    start, density = found.unconstrained[:, keep], log_density_of(compiled)
    seconds = seconds_of(density, start[0, :20], cores) * start[..., 0].size * _EVALUATIONS * (_FIRST + _ROUNDS[0])
    if seconds > LONGEST:
        return found, f"jumps between modes would take {seconds:.0f} s or more and were not tried"
    jumped = jump(density, start, modes, seen, np.random.default_rng([seed, 7]), cores)
    expand, posterior = expander(compiled), {k: v[:, keep].copy() for k, v in found.posterior.items()}
    for index in np.ndindex(jumped.log_density.shape):
        held = expand(jumped.x[index])
        for name, values in posterior.items():
            values[index] = held[name]
    stats = {k: v[:, keep] for k, v in found.stats.items()} | {"lp": jumped.log_density, "energy": -jumped.log_density}
    said = f"{len(keep)} draws of each chain jumped between modes, {jumped.rounds} rounds, {jumped.accepted:.0%} accepted"
    return Draws(jumped.x, np.full(len(start), len(keep)), posterior, stats, {"jumped": True}), said
