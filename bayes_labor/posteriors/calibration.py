"""Simulation-based calibration: draw parameters from the prior and wages from the model, refit, and look at the ranks.

If sampler, gradients and likelihood are right, the rank of each true value among its posterior draws is uniform (Talts et al.
2018). Prior draws whose equilibrium cannot be solved have likelihood zero, so they belong to neither side and are left out.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr
from scipy import stats

from bayes_labor import __version__
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.engines.convergence import r_hat
from bayes_labor.engines.fan_out import Recipe, Refit, compiled, fan_out, refit
from bayes_labor.engines.sampling import SamplerSettings
from bayes_labor.posteriors.prior import prior_draws
from bayes_labor.posteriors.rank_file import RankFile, rank_table

SAMPLER = {"chains": 2, "draws": 300, "tune": 300}


def calibrate_model(
    build: Callable[[], pm.Model],
    names: Sequence[str],
    observed: Mapping[str, str],
    simulations: int,
    *,
    seed: int = 0,
    thin: int = 10,
    progress: Callable[[int], None] | None = None,
    keep: Path | None = None,
    workers: int | None = 1,
    address: str | None = None,
    about: Mapping[str, Any] | None = None,
    **settings: Any,
) -> pd.DataFrame:
    """Ranks for any model whose data are ``pm.Data``.

    Parameters
    ----------
    build
        Makes the model: a function of a module, or a ``partial`` of one.
    names
        Variables to rank.
    observed
        Which data (keys) the draws of which observed variable (values) replace. Draws that are not finite, which is how a model
        says that there is no equilibrium, are left out.
    simulations
        Number of data sets.
    seed
        Of everything random.
    thin
        Every how many draws one is compared with the truth, so that they are nearly independent.
    progress
        Called with the number of finished simulations after each.
    keep
        CSV file that holds the ranks of all finished simulations at any time; those it already holds are not run again. What
        they belong to, and the health of each fit, stand beside it in JSON: see
        :class:`bayes_labor.posteriors.rank_file.RankFile`.
    workers, address
        See :func:`bayes_labor.engines.fan_out.fan_out`.
    about
        What else the ranks belong to, such as data and specification; ranks in ``keep`` that belong to others are refused.
    **settings
        Of the sampler; one compilation serves all fits of a process.

    Returns
    -------
    pd.DataFrame
        One row per ``simulation``, one column per scalar parameter: rank / number of compared draws, jittered inside its bin,
        in (0, 1).

    Raises
    ------
    DataFaults
        If too few prior draws have an equilibrium, or ``keep`` holds ranks of something else, or does not say whose.

    """
    tree = prior_draws(build(), 2 * simulations, seed)
    drawn = {k: tree["prior_predictive"][v].to_numpy()[0] for k, v in observed.items()}
    finite = np.logical_and.reduce([np.isfinite(v).reshape(len(v), -1).all(1) for v in drawn.values()])
    used = np.flatnonzero(finite)[:simulations]
    if len(used) < simulations:
        raise DataFaults(
            [Fault(f"only {len(used)} of {len(finite)} prior draws have an equilibrium", "priors", "tighten them")]
        )
    truths = [{n: tree["prior"][n].to_numpy()[0, i] for n in names} for i in used]
    data = [{k: v[i] for k, v in drawn.items()} for i in used]
    recipe = Recipe(build, _digest([*truths, *data]), SamplerSettings(**(SAMPLER | settings)))
    made = getattr(build, "func", build)
    own = {"model": getattr(made, "__qualname__", type(made).__name__), "observed": dict(observed), "ranked": list(names)}
    return rank_all(recipe, truths, data, seed, thin, progress, keep, workers, address, own | dict(about or {}))


def rank_all(
    recipe: Recipe, truths: list[dict[str, np.ndarray]], data: list[dict[str, np.ndarray]], seed: int, thin: int,
    progress: Callable[[int], None] | None, keep: Path | None, workers: int | None, address: str | None,
    about: Mapping[str, Any] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Refit to every data set, each with the names of data as keys, and rank its truth; see :func:`calibrate_model`.

    ``about`` says, for whoever finds the file, what the ranks belong to; the first truth and data set are part of it.
    """
    belongs = dict(about or {}) | {
        "first simulation": _digest([truths[0], data[0]]), "sampler": recipe.settings.model_dump(exclude={"seed", "cores"}),
        "seed": seed, "thin": thin, "version of bayes_labor": __version__,
    }  # fmt: skip
    file = RankFile(keep, belongs) if keep is not None else None
    rows = file.ranks if file is not None else {}
    left = [i for i in range(len(truths)) if i not in rows]
    tasks = [Refit(data[i], seed + i, (truths[i], thin)) for i in left]
    for task, (ranks, health) in fan_out(_ranks, recipe, tasks, workers=workers, address=address):
        rows[left[task]] = ranks
        if file is not None:
            file.add(left[task], ranks, health)
        if progress is not None:
            progress(len(rows))
    return rank_table(rows)


def _digest(parts: Sequence[Mapping[str, np.ndarray]]) -> str:
    """Of named arrays, to seven digits: rounding in the last ones may differ between machines."""
    found = hashlib.sha256()
    for part in parts:
        for name in sorted(part):
            found.update(name.encode() + np.asarray(part[name], dtype=np.float32).tobytes())
    return found.hexdigest()[:16]


def _health(draws: xr.DataTree, names: Sequence[str], seconds: float) -> dict[str, Any]:
    """How one fit went; None for what cannot be told from so few draws."""
    chosen = draws["posterior"].to_dataset()[list(names)]
    worst = {"ess": (az.ess(chosen), np.nanmin), "r_hat": (r_hat(chosen), np.nanmax)}
    found: dict[str, Any] = {"divergences": int(draws["sample_stats"]["diverging"].sum())}
    for name, (values, pick) in worst.items():
        flat = np.concatenate([np.ravel(values[v].to_numpy()) for v in values.data_vars])
        found[name] = float(pick(flat)) if np.isfinite(flat).any() else None
    return found | {"seconds": round(seconds, 2), "finished": time.strftime("%Y-%m-%d %H:%M:%S")}


def _ranks(recipe: Recipe, task: Refit) -> tuple[dict[str, float], dict[str, Any]]:
    """(rank of every true value among the draws of one refit, the fit's health)."""
    truth, thin = task.about
    compiled(recipe)  # before the clock
    start = time.perf_counter()
    tree = refit(recipe, task)
    seconds = time.perf_counter() - start
    posterior = tree["posterior"].to_dataset().isel(draw=slice(None, None, thin)).stack(sample=("chain", "draw"))
    rng, row = np.random.default_rng(task.seed), {}
    for name, value in truth.items():
        draws = posterior[name].transpose(..., "sample").to_numpy().reshape(np.size(value), -1)
        for j, (own, true) in enumerate(zip(draws, np.ravel(value), strict=True)):
            row[f"{name}[{j}]"] = float((np.sum(own < true) + rng.uniform()) / (len(own) + 1))
    return row, _health(tree, list(truth), seconds)


def uniformity(ranks: pd.DataFrame) -> pd.Series:
    """p-value of each parameter's ranks under uniformity (Kolmogorov-Smirnov)."""
    return pd.Series({c: float(stats.kstest(ranks[c], "uniform").pvalue) for c in ranks})
