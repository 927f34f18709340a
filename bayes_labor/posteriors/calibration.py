"""Simulation-based calibration: draw parameters from the prior and wages from the model, refit, and look at the ranks.

If sampler, gradients and likelihood are right, the rank of each true value among its posterior draws is uniform (Talts et al.
2018), and so is that of quantities of all parameters and the data together, such as the log likelihood (Modrák et al. 2025),
which see what no single parameter shows: a common lean, a wrong correlation, data that were not used. Prior draws whose
equilibrium cannot be solved have likelihood zero, so they belong to neither side and are left out.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr

from bayes_labor import __version__
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.engines.convergence import r_hat
from bayes_labor.engines.fan_out import Recipe, Refit, compiled, fan_out, refit
from bayes_labor.engines.modes import log_density_of
from bayes_labor.engines.sampling import SamplerSettings
from bayes_labor.engines.smc import log_prior_of
from bayes_labor.models.notes import notes_of
from bayes_labor.models.starting import to_unconstrained
from bayes_labor.posteriors.prior import prior_draws
from bayes_labor.posteriors.rank_file import RankFile, rank_table

SAMPLER = {"chains": 2, "draws": 300, "tune": 300, "second_opinion": 0}
UNCONSTRAINED = "unconstrained"
"""Under this name a truth holds the vector at which the density is evaluated, for the rank of the log likelihood."""


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
        in (0, 1). Columns ``log likelihood`` and, of a parameter whose elements may lie on both sides of zero, ``mean``
        and ``share below zero`` of them.

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
    truths = truths_of(build(), tree["prior"].to_dataset(), names, used)
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
    went_on = draws.attrs.get("went_on", [])
    return found | {"went_on": "; ".join(went_on), "seconds": round(seconds, 2), "finished": time.strftime("%Y-%m-%d %H:%M:%S")}


def truths_of(model: pm.Model, prior: xr.Dataset, names: Sequence[str], used: Iterable[int]) -> list[dict[str, np.ndarray]]:
    """Values by name of the prior's draws ``used``, with the unconstrained vector of each."""
    forward, free = to_unconstrained(model), [v.name for v in model.free_RVs]
    at = {n: prior[n].to_numpy()[0] for n in dict.fromkeys([*names, *free])}
    return [{n: at[n][i] for n in names} | {UNCONSTRAINED: forward({n: at[n][i] for n in free})} for i in used]


def _ranks(recipe: Recipe, task: Refit) -> tuple[dict[str, float], dict[str, Any]]:
    """(rank of every true value among the draws of one refit, the fit's health)."""
    truth, thin = task.about
    model, ready = compiled(recipe)  # before the clock
    start = time.perf_counter()
    tree = refit(recipe, task)
    seconds = time.perf_counter() - start
    few = tree["posterior"].to_dataset().isel(draw=slice(None, None, thin))
    names = [n for n in truth if n != UNCONSTRAINED]
    drawn = {n: np.reshape(few[n].to_numpy(), (few.sizes["chain"] * few.sizes["draw"], -1)) for n in names}
    true = {n: np.reshape(truth[n], (1, -1)) for n in names}
    sided = [n for n in names if n in notes_of(model).two_sided and true[n].shape[1] > 1]
    drawn, true = _scalars(drawn, sided), _scalars(true, sided)
    if UNCONSTRAINED in truth:
        x = tree["unconstrained"]["x"].to_numpy()[:, ::thin]
        like = _log_likelihood(recipe.key, model, ready.with_data(**task.data))
        drawn["log likelihood"] = np.array([like(at) for at in x.reshape(-1, x.shape[2])])
        true["log likelihood"] = np.array([like(truth[UNCONSTRAINED])])
    rng = np.random.default_rng(task.seed)
    row = {n: _rank(own, float(true[n][0]), rng) for n, own in drawn.items()}
    return row, _health(tree, names, seconds)


def _scalars(values: Mapping[str, np.ndarray], sided: Sequence[str]) -> dict[str, np.ndarray]:
    """(S,) of every element of values (S, K), and of what elements of those on both sides of zero have in common."""
    found = {f"{n}[{k}]": v[:, k] for n, v in values.items() for k in range(v.shape[1])}
    for n in sided:
        found |= {f"mean {n}": values[n].mean(1), f"share of {n} below zero": (values[n] < 0).mean(1)}
    return found


def _rank(draws: np.ndarray, true: float, rng: np.random.Generator) -> float:
    """In (0, 1); among draws equal to the true value its place is drawn."""
    place = rng.uniform() * (np.sum(draws == true) + 1)
    return float((np.sum(draws < true) + place) / (len(draws) + 1))


_priors: dict[str, Callable[[np.ndarray], tuple[float, np.ndarray]]] = {}  # of this process; the last model only


def _log_likelihood(key: str, model: pm.Model, ready: Any) -> Callable[[np.ndarray], float]:
    """Of the data in a compiled model, at an unconstrained vector."""
    if key not in _priors:
        _priors.clear()
        _priors[key] = log_prior_of(model)
    whole, prior = log_density_of(ready), _priors[key]
    return lambda x: whole(x)[0] - prior(x)[0]
