"""An exported joint-production posterior sampled on accelerators, its draws in the units of the data."""

import time
from typing import Any

import numpy as np
import pymc as pm
import xarray as xr

from bayes_labor.engines.modes import find_modes
from bayes_labor.engines.nutpie_engine import compile_model, expander, variables_of
from bayes_labor.engines.progress import Draws
from bayes_labor.engines.sampling import SamplerSettings, health
from bayes_labor.engines.shards import Shardable, ShardedDensity
from bayes_labor.models.notes import notes_of

_SPREAD = 0.3  # of the starts around the mode, in posterior sds
_STATS = ("diverging", "n_steps", "acceptance_rate", "lp")


def accelerators() -> list[Any]:
    """The accelerators that JAX sees; empty on a machine without one."""
    import jax

    return [d for d in jax.devices() if d.platform != "cpu"]


def sample_on(devices: list[Any], model: pm.Model, exported: Shardable, **settings: Any) -> xr.DataTree:
    """Draw from an exported posterior on these devices.

    Parameters
    ----------
    devices
        Of JAX; workplaces are cut over them.
    model
        The ``pm.Model`` that was exported: it turns unconstrained draws into parameters, on this machine's CPU.
    exported
        Such as :func:`bayes_labor.models.joint_production.export.export` makes.
    **settings
        ``draws``, ``tune``, ``chains``, ``seed`` and ``target_accept`` of :class:`.sampling.SamplerSettings`.

    Returns
    -------
    xr.DataTree
        As :func:`bayes_labor.posteriors.sample` returns.

    """
    from bayes_labor.engines.draws import sample_chain

    chosen, before = SamplerSettings(**settings), time.perf_counter()
    density = ShardedDensity(exported, devices)
    mode = find_modes(density, list(exported.starts), exported.held)[0]
    rng = np.random.default_rng(chosen.seed)
    starts = rng.multivariate_normal(mode.point, _SPREAD**2 * mode.covariance, chosen.chains, method="eigh")
    found = [
        sample_chain(density, x, chosen.seed + c, draws=chosen.draws, tune=chosen.tune, target_accept=chosen.target_accept)
        for c, x in enumerate(starts)
    ]
    ready = time.perf_counter()
    compiled = compile_model(model)
    expand, names = expander(compiled), variables_of(model, compiled)
    points = np.stack([chain["unconstrained"] for chain in found])
    expanded = [[expand(x) for x in chain] for chain in points]
    posterior = {n: np.array([[at[n] for at in chain] for chain in expanded]) for n in names}
    stats = {k: np.stack([chain[k] for chain in found]) for k in _STATS} | {"energy": -np.stack([c["lp"] for c in found])}
    draws = Draws(points, np.full(chosen.chains, chosen.draws), posterior, stats)
    tree = draws.tree(dict(compiled.dims), dict(compiled.coords))
    tree.attrs.update(health(tree, notes_of(model).outcomes))
    tree.attrs.update(compile_seconds=time.perf_counter() - ready, sampling_seconds=ready - before)
    return tree
