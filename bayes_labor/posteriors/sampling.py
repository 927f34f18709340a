"""From a model to draws: nutpie first, PyMC's and NumPyro's samplers by name; the solver's health goes with the draws."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pymc as pm
import xarray as xr
from pydantic import Field

from bayes_labor.data.workforce import Workforce
from bayes_labor.models.joint_production import joint_production
from bayes_labor.models.settings import JointProductionSpec, _Settings
from bayes_labor.posteriors.run_folder import RunFolder, describe_run
from bayes_labor.theory.status import Status

_NAMES = {  # nutpie's names of statistics -> the ones ArviZ and PyMC use
    "depth": "tree_depth",
    "mean_tree_accept": "acceptance_rate",
    "logp": "lp",
}
_KEPT = ("diverging", "energy", "n_steps", "step_size", "tree_depth", "acceptance_rate", "lp", "maxdepth_reached")


class SamplerSettings(_Settings):
    """How to sample."""

    draws: int = Field(default=1000, ge=1)
    tune: int = Field(default=1000, ge=0)
    chains: int = Field(default=4, ge=1)
    cores: int | None = Field(default=None, ge=1)
    seed: int = Field(default=20161102, ge=0)
    target_accept: float = Field(default=0.9, gt=0.5, lt=1.0)
    adaptation: Literal["diag", "low_rank"] = "low_rank"
    engine: Literal["nutpie", "pymc", "numpyro"] = "nutpie"


def sample(
    model: pm.Model,
    *,
    run: str | Path | None = None,
    overwrite: bool = False,
    workforce: Workforce | None = None,
    spec: JointProductionSpec | None = None,
    progress: bool = False,
    **settings: Any,
) -> xr.DataTree:
    """Draw from the posterior.

    Parameters
    ----------
    model
        A model of :mod:`bayes_labor.models`, or any ``pm.Model``.
    run
        Folder to keep the fit in: draws, record, later tables, figures and report. None keeps nothing.
    workforce, spec
        What the model was built from; recorded in the run folder.
    progress
        Show a progress bar.
    **settings
        Fields of :class:`SamplerSettings`: draws, tune, chains, cores, seed, target_accept, adaptation, engine.

    Returns
    -------
    xr.DataTree
        Groups ``posterior``, ``sample_stats`` and, where the model has wages, ``observed_data``. Chains start on both sides of
        beta = 0. Attributes of the root hold the seconds spent and the count of solver failures.

    Raises
    ------
    DataFaults
        For settings out of range, or a run folder that already holds draws.
    """
    chosen = SamplerSettings(**settings)
    folder = RunFolder.create(run, overwrite=overwrite) if run is not None else None
    engines: dict[str, Callable[..., xr.DataTree]] = {"nutpie": _by_nutpie, "pymc": _by_pymc, "numpyro": _by_pymc}
    draws = engines[chosen.engine](model, chosen, progress)
    draws.attrs.update(_health(draws))
    if folder is not None:
        record = {"sampler": chosen.model_dump()}
        if workforce is not None and spec is not None:
            record = describe_run(workforce, spec, chosen.model_dump())
        folder.save(draws, record | {"outcome": dict(draws.attrs)})
    return draws


def fit(workforce: Workforce, spec: JointProductionSpec | None = None, **settings: Any) -> xr.DataTree:
    """Build the joint-production model and draw from its posterior; ``settings`` as in :func:`sample`."""
    spec = spec or JointProductionSpec()
    return sample(joint_production(workforce, spec), workforce=workforce, spec=spec, **settings)


def compile_model(model: pm.Model) -> Any:
    """Compile for nutpie, with starting points that alternate between the two signs of beta."""
    import nutpie

    compiled = nutpie.compile_pymc_model(model)
    return dataclasses.replace(compiled, initial_point_func=_BothSides(model, compiled.initial_point_func))


class _BothSides:
    """Starting points of the chains: the model's own, with beta's sign alternating from chain to chain.

    nutpie hands each chain a seed; the order in which the seeds of a run are first seen is the order of the chains once
    :meth:`learn` has run them one after the other.
    """

    def __init__(self, model: pm.Model, start: Callable[[Any], np.ndarray]) -> None:
        self._start, self._seen = start, []  # type: ignore[var-annotated]
        point = model.initial_point()
        names = [v.name for v in model.value_vars]
        ends = np.cumsum([np.size(point[n]) for n in names])
        self._flip = [
            slice(end - np.size(point[n]), end) for n, end in zip(names, ends, strict=True) if n in ("beta_mean", "atanh_beta")
        ]

    def __call__(self, seed: Any) -> np.ndarray:
        if seed not in self._seen:
            self._seen.append(seed)
        point = np.array(self._start(seed))
        if self._seen.index(seed) % 2:
            for where in self._flip:
                point[where] *= -1.0
        return point

    def learn(self, compiled: Any, settings: SamplerSettings) -> None:
        """Fix which seed belongs to which chain."""
        import nutpie

        nutpie.sample(
            compiled, draws=1, tune=1, chains=settings.chains, cores=1, seed=settings.seed, progress_bar=False, save_warmup=False
        )


def draw(compiled: Any, settings: SamplerSettings, progress: bool = False) -> xr.DataTree:
    """Draws of a compiled model, with statistics under the usual names."""
    import nutpie

    compiled.initial_point_func.learn(compiled, settings)
    raw = nutpie.sample(
        compiled, draws=settings.draws, tune=settings.tune, chains=settings.chains, cores=settings.cores, seed=settings.seed,
        target_accept=settings.target_accept, adaptation=settings.adaptation, progress_bar=progress, save_warmup=False,
    )  # fmt: skip
    stats = raw["sample_stats"].to_dataset().rename({k: v for k, v in _NAMES.items() if k in raw["sample_stats"]})
    posterior = raw["posterior"].to_dataset()
    return xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats[[k for k in _KEPT if k in stats]]})


def _by_nutpie(model: pm.Model, settings: SamplerSettings, progress: bool) -> xr.DataTree:
    before = time.perf_counter()
    compiled = compile_model(model)
    ready = time.perf_counter()
    tree = draw(compiled, settings, progress)
    tree.attrs.update(compile_seconds=ready - before, sampling_seconds=time.perf_counter() - ready)
    return _with_data(tree, model)


def _by_pymc(model: pm.Model, settings: SamplerSettings, progress: bool) -> xr.DataTree:
    """PyMC's own sampler, or NumPyro on the JAX graph."""
    before = time.perf_counter()
    with model:
        start = model.initial_point()
        signs = [1.0 if c % 2 == 0 else -1.0 for c in range(settings.chains)]
        points = [{k: v * s if k in ("beta_mean", "atanh_beta") else v for k, v in start.items()} for s in signs]
        tree = pm.sample(
            draws=settings.draws, tune=settings.tune, chains=settings.chains, cores=settings.cores or 1,
            random_seed=settings.seed, nuts_sampler=settings.engine, progressbar=progress,
            initvals=points if settings.engine == "pymc" else None, nuts={"target_accept": settings.target_accept},
            compute_convergence_checks=False,
        )  # fmt: skip
    kept = {k: tree[k].to_dataset() for k in ("posterior", "sample_stats")}
    tree = xr.DataTree.from_dict(kept)
    tree.attrs.update(compile_seconds=0.0, sampling_seconds=time.perf_counter() - before)
    return _with_data(tree, model)


def _with_data(tree: xr.DataTree, model: pm.Model) -> xr.DataTree:
    if "wage" in model.named_vars:
        wage = model["observed_wage"].get_value()
        tree["observed_data"] = xr.DataTree(xr.Dataset({"wage": ("worker", wage)}))
    return tree


def _health(tree: xr.DataTree) -> dict[str, Any]:
    """Counts that every report shows: divergences, and draws by outcome of the solver."""
    counts: dict[str, Any] = {"divergences": int(tree["sample_stats"]["diverging"].sum())}
    posterior = tree["posterior"]
    if "solver_status" in posterior:
        status = posterior["solver_status"].to_numpy().astype(int).ravel()
        counts |= {f"solver_{s.name.lower()}": int(np.sum(status == s)) for s in Status}
        counts["feasible_share"] = float(posterior["feasible_share"].mean())
    return counts
