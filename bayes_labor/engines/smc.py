"""Tempered sequential Monte Carlo along gradients: from draws of the prior to the posterior, whatever its modes.

Particles follow the densities prior x likelihood^t from t = 0 to 1: reweighted, resampled, moved by Hamiltonian paths in the
coordinates of their own covariance. On average every mode keeps the particles that its mass deserves, and the evidence comes
with them: a second opinion on chains, which stay on the side of a cusp where they start.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pymc.logprob.utils import ParameterValueError
from pymc.pytensorf import join_nonshared_inputs
from scipy.special import logsumexp

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.engines.blackjax_engine import empty
from bayes_labor.engines.mixture import shrunk_factor
from bayes_labor.engines.modes import log_density_of
from bayes_labor.engines.nutpie_engine import expander
from bayes_labor.engines.progress import Draws, Keeper
from bayes_labor.engines.signals import raise_if_heard
from bayes_labor.engines.telling import tell
from bayes_labor.engines.tempering import next_power, systematic
from bayes_labor.models.notes import notes_of
from bayes_labor.models.starting import starting_point, unconstrained

Density = Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray, np.ndarray]]
"""(unconstrained vectors (n, D), t) -> (log priors (n,), log likelihoods (n,), gradients (n, D) of prior + t likelihood)."""
_WORTH_A_THREAD = 5e-5  # seconds of an evaluation
_MOVES = 3  # Hamiltonian paths of each particle at each temperature
_PATH = (4, 9)  # leapfrog steps of a path: from, up to but without
_ACCEPTED = 0.8
_POOL = 8  # prior draws for each particle: where there is no equilibrium there is no weight

_GRADIENTS = 450  # evaluations that a particle usually takes from the prior to the posterior
LONGEST = 240.0
"""Seconds beyond which a second opinion is not asked for."""


class Particles(NamedTuple):
    """Equally weighted draws of the posterior, and how they came."""

    x: np.ndarray
    """(n, D) unconstrained."""
    log_evidence: float
    """Log marginal likelihood."""
    temperatures: int
    gradients: int
    """Evaluations of the density with its gradient."""
    accepted: float
    """Share of paths accepted at the last temperature."""
    ancestor: np.ndarray
    """(n,) draw of the prior from which each particle descends."""

    def share_error(self, values: np.ndarray) -> np.ndarray:
        """(K,) Monte Carlo standard error of the means of values (n, K) that are zero or one, from the particles' genealogy.

        Particles of one ancestor err together: the estimator of Lee and Whiteley (2018), no less than that of independent
        draws. If all values are the same that is no proof that there are no others: then it is that of as many independent
        draws as there are families, one more of either kind among them.
        """
        gaps, n = values - values.mean(0), len(values)
        families = np.zeros((int(self.ancestor.max()) + 1, values.shape[1]))
        np.add.at(families, self.ancestor, gaps)
        worth = n**2 / float((np.bincount(self.ancestor) ** 2).sum())
        mean = (values.mean(0) * worth + 1.0) / (worth + 2.0)
        unknown = np.sqrt(mean * (1.0 - mean) / (worth + 2.0))
        known = np.sqrt(np.maximum((families**2).sum(0), (gaps**2).sum(0))) / n
        return np.where(gaps.any(0), known, unknown)


def tempered_density(model: pm.Model, compiled: Any, cores: int | None = None) -> Density:
    """Log prior and log likelihood of a model, and the gradient of their tempered sum.

    ``compiled`` is the model compiled by :func:`.nutpie_engine.compile_model`: its density is called as it is, so that only the
    prior's, which costs nothing, is compiled here; the likelihood is their difference.
    """
    whole, prior_at = log_density_of(compiled), log_prior_of(model)

    def density(x: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        both, slopes = everywhere(whole, x, cores)
        base, own = map(np.array, zip(*map(prior_at, x), strict=True))  # one after the other: it shares its storage
        with np.errstate(invalid="ignore"):
            gradient = t * slopes + (1.0 - t) * own
        known = np.isfinite(base) & np.isfinite(both) & np.isfinite(gradient).all(1)
        with np.errstate(invalid="ignore"):
            like = np.where(known, both - base, -np.inf)
        return np.where(known, base, -np.inf), like, np.where(known[:, None], gradient, 0.0)

    return density


def log_prior_of(model: pm.Model) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """(log prior, gradient) of a model as a function of the unconstrained vector, the Jacobian of the coordinates included."""
    (prior,), x = _joined(model, [model.logp(vars=model.free_RVs)])
    function = pytensor.function(
        [x], [prior, pt.grad(prior, x, disconnected_inputs="ignore")], mode="NUMBA", on_unused_input="ignore"
    )

    def prior_at(at: np.ndarray) -> tuple[float, np.ndarray]:
        try:
            value, slope = function(at)
        except ParameterValueError:  # a scale that underflows to zero on the way: no density there
            return -np.inf, np.zeros_like(at)
        return float(value), slope

    return prior_at


def usable(cores: int | None) -> int:
    """Cores to use: those asked for, or all that this process may run on, which may be fewer than the machine has."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return cores or allowed or 1


def seconds_of(log_density: Callable[[np.ndarray], Any], points: np.ndarray, cores: int | None) -> float:
    """What one evaluation takes where ``cores`` share many: processor time, the same however busy the machine is."""
    log_density(points[0])  # the first call may compile
    before = time.process_time()
    for x in points:
        log_density(x)
    return (time.process_time() - before) / len(points) / usable(cores)


def everywhere(
    log_density: Callable[[np.ndarray], tuple[float, np.ndarray]], x: np.ndarray, cores: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """(log densities (n,), gradients (n, D)) at points, on ``cores``: machine code of :func:`.modes.log_density_of`."""
    before = time.perf_counter()
    first = log_density(x[0])
    if time.perf_counter() - before < _WORTH_A_THREAD:
        found = [first, *map(log_density, x[1:])]
    else:
        with ThreadPoolExecutor(usable(cores)) as threads:
            found = [first, *threads.map(log_density, x[1:])]
    values, slopes = zip(*found, strict=True)
    return np.array(values), np.array(slopes)


def _joined(model: pm.Model, outputs: list[Any]) -> tuple[list[Any], Any]:
    """Outputs in the model's unconstrained values as functions of one vector."""
    point = starting_point(model)
    found, x = join_nonshared_inputs(
        point={v.name: point[v.name] for v in model.value_vars}, outputs=outputs, inputs=model.value_vars
    )
    return found, x


def prior_points(model: pm.Model, draws: int, seed: int) -> np.ndarray:
    """(draws, D) unconstrained vectors drawn from the prior of a model."""
    try:
        drawn = pm.draw(unconstrained(model), draws=draws, random_seed=seed, mode="FAST_COMPILE")
    except NotImplementedError as error:  # of Flat and its like
        remedy = "give every parameter a proper prior, or choose another engine"
        raise DataFaults([Fault("a prior cannot be drawn from", "the model", remedy)]) from error
    return np.column_stack([np.reshape(d, (draws, -1)) for d in drawn])


class UnderWay(NamedTuple):
    """A population between the prior and the posterior."""

    x: np.ndarray
    """(n, D) unconstrained."""
    like: np.ndarray
    """(n,) log likelihoods."""
    ancestor: np.ndarray
    """(n,) int, draw of the prior."""
    evidence: float
    power: float
    """The temperature."""
    step: float
    """Of leapfrog."""
    accepted: float
    stages: int
    used: int
    """Gradients."""
    left: int
    """Moves at this temperature."""


def follow(
    density: Density, pool: np.ndarray, particles: int, rng: np.random.Generator,
    earlier: UnderWay | None = None, keep: Callable[[UnderWay], None] = lambda now: None,
) -> Particles:  # fmt: skip
    """Move draws of the prior to the posterior.

    Parameters
    ----------
    density
        See :func:`tempered_density`.
    pool
        (M, D) draws of the prior, more than ``particles``: those without likelihood fall away.
    particles
        How many to move.
    rng
        Generator.
    earlier
        Where a population was left, ``rng`` being in the state of that moment: then it goes on from there.
    keep
        Called after every move.

    Raises
    ------
    ValueError
        If fewer draws of the prior have a likelihood than a quarter of ``particles``.

    """
    now = earlier or _begun(density, pool, particles)
    while now.power < 1.0 or now.left:
        now = now if now.left else _resampled(now, particles, rng)
        x, _, like, accepted, step, leaps = paths(density, now.x, now.power, now.step, rng)
        moved = now._replace(x=x, like=like, accepted=accepted, step=step)
        now = moved._replace(left=now.left - 1, used=now.used + leaps * particles)
        raise_if_heard()
        tell("tempering from the prior", what=f"{now.stages} temperatures, now {now.power:.2g} of 1")
        keep(now)
    return Particles(now.x, now.evidence, now.stages, now.used, now.accepted, now.ancestor)


def _begun(density: Density, pool: np.ndarray, particles: int) -> UnderWay:
    """The draws of the prior that have a likelihood."""
    _, like, _ = density(pool, 0.0)
    there = np.isfinite(like)
    if there.sum() < max(particles // 4, 2):
        raise ValueError(f"{there.sum()} of {len(pool)} prior draws have a likelihood: tighten the priors")
    x = pool[there]
    return UnderWay(x, like[there], np.arange(len(x)), float(np.log(there.mean())), 0.0, 0.2, 1.0, 0, len(pool), 0)


def _resampled(now: UnderWay, particles: int, rng: np.random.Generator) -> UnderWay:
    """At the next temperature, before its moves."""
    after = next_power(now.like, now.power)
    weights = (after - now.power) * now.like
    evidence = now.evidence + float(logsumexp(weights) - np.log(len(now.like)))
    chosen = systematic(np.exp(weights - logsumexp(weights)), rng, particles)
    held = now._replace(x=now.x[chosen], like=now.like[chosen], ancestor=now.ancestor[chosen])
    return held._replace(evidence=evidence, power=after, stages=now.stages + 1, left=_MOVES)


class Paths(NamedTuple):
    """After one Hamiltonian path of every particle."""

    x: np.ndarray
    """(n, D)."""
    base: np.ndarray
    """(n,) log priors."""
    like: np.ndarray
    """(n,) log likelihoods."""
    accepted: float
    """Share of them."""
    next_step: float
    """Of leapfrog, for the next ones."""
    evaluations: int
    """Of each particle."""


def paths(density: Density, x: np.ndarray, power: float, step: float, rng: np.random.Generator) -> Paths:
    """Move every particle along a Hamiltonian path in the coordinates of their covariance."""
    factor = shrunk_factor(x)
    leaps = int(rng.integers(*_PATH))
    base, like, gradient = density(x, power)
    speed = rng.normal(size=x.shape)
    energy = base + power * like - 0.5 * (speed**2).sum(1)
    size = step * rng.uniform(0.6, 1.4, (len(x), 1))
    at, new_base, new_like = x.copy(), base, like
    with np.errstate(over="ignore", invalid="ignore"):  # a path that a cliff throws out of range is not taken
        for _ in range(leaps):
            speed = speed + 0.5 * size * (gradient @ factor)
            at = at + size * (speed @ factor.T)
            new_base, new_like, gradient = density(at, power)
            speed = speed + 0.5 * size * (gradient @ factor)
        gain = new_base + power * new_like - 0.5 * (speed**2).sum(1) - energy
    taken = np.isfinite(gain) & (np.log(rng.uniform(size=len(x))) < gain)
    accepted = float(taken.mean())
    following = float(np.clip(step * np.exp(accepted - _ACCEPTED), 1e-3, 1.5))
    x, base, like = np.where(taken[:, None], at, x), np.where(taken, new_base, base), np.where(taken, new_like, like)
    return Paths(x, base, like, accepted, following, leaps + 1)


def run(
    model: pm.Model, compiled: Any, settings: Any, keeper: Keeper, earlier: Draws | None, names: list[str]
) -> tuple[Draws, np.ndarray]:
    """(a population of ``settings.draws`` particles for every chain, log evidence by chain); populations there are kept.

    Raises DataFaults for fewer particles than two for each parameter, or priors that have next to no solution.
    """
    if settings.draws < 2 * compiled.n_dim:
        what = f"{settings.draws} particles do not tell the shape of {compiled.n_dim} parameters"
        raise DataFaults([Fault(what, "draws", f"ask for at least {2 * compiled.n_dim} draws with engine='smc'")])
    density, expand = tempered_density(model, compiled, settings.cores), expander(compiled)
    draws = earlier.within(settings.draws) if earlier else None
    draws = draws or empty(settings, compiled.n_dim, names, expand(prior_points(model, 1, 0)[0]))
    for chain in np.flatnonzero(draws.counts == 0):
        seeds = np.random.SeedSequence([settings.seed, int(chain)])
        rng, key = np.random.default_rng(seeds), {"chain": int(chain), "seed": settings.seed}
        left = _left(keeper, key, (settings.draws, compiled.n_dim))
        if left is not None:
            rng.bit_generator.state = left[1]
        pool = np.empty((0, compiled.n_dim)) if left else prior_points(
            model, _POOL * settings.draws, int(seeds.generate_state(1)[0])
        )  # fmt: skip
        try:
            found = follow(density, pool, settings.draws, rng, left and left[0], partial(_keep, keeper, key, rng))
        except ValueError as error:
            raise DataFaults([Fault(str(error), "engine='smc'", "say more of the parameters before the data")]) from None
        for i, x in enumerate(found.x):
            held = expand(x)
            for n in names:
                draws.posterior[n][chain, i] = held[n]
        base, like, _ = density(found.x, 1.0)
        draws.stats["lp"][chain], draws.stats["energy"][chain] = base + like, -base - like
        draws.unconstrained[chain] = found.x
        for name, value in (("diverging", 0.0), ("cause", 0.0), ("acceptance_rate", found.accepted)):
            draws.stats[name][chain] = value
        draws.counts[chain] = settings.draws
        draws.state[str(chain)] = found.log_evidence
        keeper.keep(draws)
    return draws, np.array([draws.state[str(c)] for c in range(settings.chains)])


def _keep(keeper: Keeper, key: dict[str, int], rng: np.random.Generator, now: UnderWay) -> None:
    """Where a population has got, on disk: a kill loses a second or two of it."""
    if keeper.due():
        keeper.keep_aside({k: np.asarray(v) for k, v in now._asdict().items()}, key=key, rng=rng.bit_generator.state)


def _left(keeper: Keeper, key: dict[str, int], shape: tuple[int, int]) -> tuple[UnderWay, Any] | None:
    """(population of a chain where a kill left it, state of its generator); None where nothing was kept."""
    held = keeper.aside()
    if held is None or held[1].get("key") != key or set(held[0]) != set(UnderWay._fields):
        return None
    x, like, ancestor, *scalars = (held[0][k] for k in UnderWay._fields)
    if x.shape != shape or any(v.ndim for v in scalars):
        return None
    return UnderWay(x, like, ancestor, *(v.item() for v in scalars)), held[1]["rng"]


def second_opinion(
    model: pm.Model, compiled: Any, particles: int, seed: int, cores: int | None = None
) -> tuple[dict[str, Any], np.ndarray]:
    """Where tempering finds the mass of the variables that may lie on both sides of zero.

    Parameters
    ----------
    model
        One whose notes name such variables.
    compiled
        The same, by :func:`.nutpie_engine.compile_model`.
    particles
        To follow from the prior.
    seed
        Of everything random.
    cores
        To evaluate on, all by default.

    Returns
    -------
    tuple
        What is told, and the particles (n, D), none where there is no opinion. Told are ``below_zero`` and its Monte Carlo
        ``error``: by variable, the share of particles below zero, by element; ``particles``, ``log_evidence``, ``gradients``.
        Or ``skipped``, the reason, where it would take longer than :data:`LONGEST` seconds, or next to no draw of the prior
        has a likelihood.

    """
    density, pool = tempered_density(model, compiled, cores), prior_points(model, _POOL * particles, seed)
    seconds = seconds_of(log_density_of(compiled), pool[:20], cores) * _GRADIENTS * particles
    if seconds > LONGEST:
        return {"skipped": f"{particles} particles would take {seconds:.0f} s"}, pool[:0]
    try:
        found = follow(density, pool, particles, np.random.default_rng(seed))
    except ValueError as error:
        return {"skipped": str(error)}, pool[:0]
    names = notes_of(model).two_sided
    drawn = [expander(compiled)(at) for at in found.x]
    below = {n: np.array([np.ravel(d[n]) < 0 for d in drawn], dtype=np.float64) for n in names}
    told = {
        "below_zero": {n: b.mean(0).tolist() for n, b in below.items()},
        "error": {n: found.share_error(b).tolist() for n, b in below.items()},
        "particles": particles,
        "log_evidence": found.log_evidence,
        "gradients": found.gradients,
    }
    return told, found.x
