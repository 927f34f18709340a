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
from bayes_labor.models.starting import starting_point, starting_values
from bayes_labor.posteriors.modes import SMALLEST_SHARE, Mode, find_modes, log_density_of, shares
from bayes_labor.posteriors.run_folder import RunFolder, describe_run
from bayes_labor.theory.status import Status

_NAMES = {  # nutpie's names of statistics -> the ones ArviZ and PyMC use
    "depth": "tree_depth",
    "mean_tree_accept": "acceptance_rate",
    "logp": "lp",
}
_SPREAD = 0.3  # of the starts around a mode, in posterior sds: wider ones fall into modes that hold no mass
_KEPT = ("diverging", "energy", "n_steps", "step_size", "tree_depth", "acceptance_rate", "lp", "maxdepth_reached")


class SamplerSettings(_Settings):
    """How to sample."""

    draws: int = Field(default=1000, ge=1)
    tune: int = Field(default=400, ge=0)
    chains: int = Field(default=4, ge=1)
    cores: int | None = Field(default=None, ge=1)
    seed: int = Field(default=20161102, ge=0)
    target_accept: float = Field(default=0.93, gt=0.5, lt=1.0)
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
    """Compile for nutpie; the result's ``with_data`` refits other data without compiling again."""
    import nutpie

    return nutpie.compile_pymc_model(model)


def starting_points(model: pm.Model) -> list[np.ndarray]:
    """Starts on both sides of beta = 0: the model's own point and its mirror image, near zero and far from it."""
    point = starting_point(model)
    names = [v.name for v in model.value_vars]
    ends = np.cumsum([np.size(point[n]) for n in names])
    places = [
        slice(e - np.size(point[n]), e) for n, e in zip(names, ends, strict=True) if n in ("beta_mean", "atanh_beta")
    ]
    starts = [np.concatenate([np.ravel(point[n]) for n in names])]
    for factor in (-1.0, -4.0, 3.0) if places else ():
        mirrored = starts[0].copy()
        for where in places:
            mirrored[where] *= factor
        starts.append(mirrored)
    return starts


class _FromModes:
    """Starting points drawn around the modes: chain i starts in mode i modulo their number."""

    def __init__(self, modes: list[Mode], seed: int) -> None:
        self._modes, self._seed = modes, seed
        self._seen: list[Any] = []

    def __call__(self, seed: Any) -> np.ndarray:
        if seed not in self._seen:
            self._seen.append(seed)
        chain = self._seen.index(seed)
        mode = self._modes[chain % len(self._modes)]
        return np.random.default_rng([self._seed, chain]).multivariate_normal(
            mode.point, _SPREAD**2 * mode.covariance, method="eigh"
        )

    def learn(self, compiled: Any, settings: SamplerSettings) -> None:
        """Fix which of nutpie's seeds belongs to which chain, by running the chains one after the other for one draw."""
        import nutpie

        nutpie.sample(
            compiled, draws=8, tune=1, chains=settings.chains, cores=1, seed=settings.seed, progress_bar=False,
            save_warmup=False, return_raw_trace=True,
        )  # fmt: skip


def draw(model: pm.Model, compiled: Any, settings: SamplerSettings, progress: bool = False) -> xr.DataTree:
    """Draws of a compiled model, its chains started from the modes that matter, statistics under the usual names."""
    import nutpie

    modes = find_modes(log_density_of(compiled), starting_points(model))
    weights = shares(modes) if modes else np.empty(0)
    kept = [m for m, w in zip(modes, weights, strict=True) if w >= SMALLEST_SHARE]
    if kept:
        starts = _FromModes(kept, settings.seed)
        compiled = dataclasses.replace(compiled, initial_point_func=starts)
        starts.learn(compiled, settings)
    raw = nutpie.sample(
        compiled, draws=settings.draws, tune=settings.tune, chains=settings.chains, cores=settings.cores, seed=settings.seed,
        target_accept=settings.target_accept, adaptation=settings.adaptation, progress_bar=progress, save_warmup=False,
    )  # fmt: skip
    stats = raw["sample_stats"].to_dataset().rename({k: v for k, v in _NAMES.items() if k in raw["sample_stats"]})
    tree = xr.DataTree.from_dict({"posterior": raw["posterior"].to_dataset(), "sample_stats": stats[[k for k in _KEPT if k in stats]]})
    tree.attrs["mode_shares"] = [float(w) for w in weights]
    tree.attrs["divergence_causes"] = _causes(raw["sample_stats"])
    return tree


def _causes(stats: Any) -> dict[str, int]:
    """Divergent transitions by what stopped them: a point without equilibrium, or an error of energy along the path."""
    messages = [str(m) for m in stats["divergence_message"].to_numpy().ravel() if isinstance(m, str) and m]
    unsolved = sum("logp" in m.lower() for m in messages)
    return {"no equilibrium there": unsolved, "energy error": len(messages) - unsolved}


def _by_nutpie(model: pm.Model, settings: SamplerSettings, progress: bool) -> xr.DataTree:
    before = time.perf_counter()
    compiled = compile_model(model)
    ready = time.perf_counter()
    tree = draw(model, compiled, settings, progress)
    tree.attrs.update(compile_seconds=ready - before, sampling_seconds=time.perf_counter() - ready)
    return _with_data(tree, model)


def _by_pymc(model: pm.Model, settings: SamplerSettings, progress: bool) -> xr.DataTree:
    """PyMC's own sampler, or NumPyro on the JAX graph."""
    before = time.perf_counter()
    with model:
        start = starting_values(model)
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
