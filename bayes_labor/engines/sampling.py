"""From a model to draws: nutpie first, others by name; draws are on disk as they come; the solver's health goes with them."""

import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pymc as pm
import xarray as xr
from pydantic import Field, model_validator
from pymc.backends.arviz import find_observations

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.engines import blackjax_engine, nutpie_engine, smc
from bayes_labor.engines.convergence import DIVERGENT, E_BFMI, apart, bfmi, unvisited, wanting
from bayes_labor.engines.jumps import jump_from
from bayes_labor.engines.nutpie_engine import compile_model
from bayes_labor.engines.progress import Draws, Keeper, aside_of, locked
from bayes_labor.engines.run_folder import RunFolder, judged, provenance
from bayes_labor.models.notes import notes_of
from bayes_labor.models.settings import LARGEST_SEED, Settings

LONGEST = 4
"""How many times its draws a fit may take whose draws are left at the default, until its chains have converged."""
_MOST_DRAWS = 100_000_000
_MOST_TO_JUMP = 60  # dimensions: beyond, hardly any jump is accepted
_PARTICLES, _OBSERVED = (100, 500), 100_000  # of a second opinion: fewer where a density of more data costs more
_SHORTER = 0.3  # of what acceptance lacks to one, where draws diverged
_SHORTENED = 2  # times at most
_TARGET = "target_accept"  # of shortened steps, in the state of the draws
_FEWEST = 3  # recovered draws per dimension from which the posterior's shape can be told


class SamplerSettings(Settings):
    """How to sample."""

    draws: int = Field(default=2000, ge=1, le=10_000_000)
    longest: int = Field(default=1, ge=1, le=1_000)
    """While chains have not converged nutpie goes on, to at most so many times ``draws``, which it doubles; 1: it does not.

    Where too many draws diverged it draws all of them again with shorter steps, from where the chains stood, twice at most.

    Where chains stay on different sides of a cusp, or that did not help, draws jump between modes: :mod:`.jumps`."""
    tune: int = Field(default=400, ge=1, le=10_000_000)
    chains: int = Field(default=4, ge=1, le=1_000)
    cores: int | None = Field(default=None, ge=1, le=1_024)
    seed: int = Field(default=20161102, ge=0, le=LARGEST_SEED)
    target_accept: float = Field(default=0.87, gt=0.5, lt=1.0)
    adaptation: Literal["diag", "low_rank"] = "low_rank"
    """nutpie's of the metric; always ``diag`` for a model with a variable per worker."""
    start: Literal["modes", "laplace", "pathfinder"] = "modes"
    """``modes``: chains start near the modes and learn the posterior's shape. ``laplace`` and ``pathfinder``: nutpie also
    samples in coordinates whitened by that approximation of the heaviest mode, so that little tuning is needed; for large
    data."""
    engine: Literal["nutpie", "blackjax", "pymc", "numpyro", "smc"] = "nutpie"
    """``smc``: every chain is a population of ``draws`` particles tempered from the prior, for posteriors of several modes."""
    second_opinion: int | None = Field(default=None, ge=0, le=1_000_000)
    """Particles that are tempered from the prior after sampling where a model may have mass on both sides of zero, to see
    whether the chains have visited it; 0 for none. By default 500 for up to 200 observations, 100 from 1,000 on."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.draws * self.chains > _MOST_DRAWS:
            raise ValueError(f"more than {_MOST_DRAWS:,} draws in all")
        return self


def sample(
    model: pm.Model,
    *,
    run: str | Path | None = None,
    overwrite: bool = False,
    record: dict[str, Any] | None = None,
    progress: bool = False,
    **settings: Any,
) -> xr.DataTree:
    """Draw from the posterior.

    Parameters
    ----------
    model
        A model of :mod:`bayes_labor.models`, or any ``pm.Model``.
    run
        Folder to keep the fit in: draws as they come, record, later tables, figures and report. None keeps nothing.
    record
        What else to record of the fit: anything that JSON can hold.
    progress
        Show a progress bar.
    **settings
        Fields of :class:`SamplerSettings`: draws, longest, tune, chains, cores, seed, target_accept, adaptation, start,
        engine, second_opinion.

    Returns
    -------
    xr.DataTree
        Groups ``posterior``, ``sample_stats`` and, where the model has data, ``observed_data``. Chains start in every mode
        that matters. Attributes of the root hold the seconds spent, the count of solver failures and, where the fit went
        on beyond ``draws``, what for: ``went_on``.

    Raises
    ------
    DataFaults
        For settings out of range, a run folder that already holds draws, or one that another process is sampling into.

    """
    chosen = SamplerSettings(**settings)
    discrete = [v.name for v in model.free_RVs if v.dtype.startswith(("int", "uint", "bool"))]
    if discrete and chosen.engine != "pymc":
        what = f"{', '.join(discrete)} is discrete, and {chosen.engine} follows gradients"
        raise DataFaults([Fault(what, "the model", "sum it out of the likelihood, or choose engine='pymc'")])
    if run is None:
        return _sample(model, chosen, progress, Keeper(None), None)
    with locked(Path(run)):
        folder = RunFolder.create(run, overwrite=overwrite)
        record = provenance() | (record or {})
        record |= {"sampler": chosen.model_dump(), "state": "sampling", "words": _words(model)}
        folder.write_record(record)
        return _finish(folder, record, _sample(model, chosen, progress, Keeper(folder.partial_path), None))


def resume(run: str | Path, model: pm.Model | Callable[[], pm.Model], *, progress: bool = False) -> xr.DataTree:
    """Go on with a fit that was interrupted or killed; a finished one is returned as it is.

    With the blackjax engine the draws are those of a fit that was never interrupted, bit for bit. With nutpie the recovered
    draws are kept bit for bit and the missing ones come from a restart in coordinates whitened by them: the same law, other
    numbers. A fit killed before it had enough draws for that starts again. ``attrs["resumed"]`` and the record say which.

    Parameters
    ----------
    run
        The run folder.
    model
        The model of the fit, or what builds it, asked only where there is something left to draw.

    Raises
    ------
    DataFaults
        If there is no run, or another process is sampling into the folder.

    """
    with locked(RunFolder.open(run).path):
        folder, record = RunFolder.open(run), RunFolder.open(run).record()
        if record.get("state", "done") == "done":
            return folder.draws()
        _refuse_two_truths(folder)
        model = model if isinstance(model, pm.Model) else model()
        settings = SamplerSettings(**record.get("sampler", {}))
        earlier = Draws.load(folder.partial_path)
        _refuse_other_coordinates(folder, record, model, earlier)
        found, how = int(earlier.counts.sum()) if earlier is not None else 0, "nothing was recovered; sampled from the start"
        exact = settings.engine in ("blackjax", "smc")
        if earlier is not None and exact:
            how = f"{found} draws recovered; continued exactly ({settings.engine})"
        elif exact and aside_of(folder.partial_path).is_file():
            how = f"no draws yet; continued exactly from what was under way ({settings.engine})"
        elif earlier is not None and found >= _FEWEST * earlier.unconstrained.shape[2]:
            how = f"{found} draws recovered; the others by a warm restart in whitened coordinates (nutpie)"
        else:
            earlier, how = None, how if not found else f"{found} draws are too few to restart from; sampled from the start"
        record["resumed"] = [*record.get("resumed", []), how]
        folder.write_record(record)
        tree = _sample(model, settings, progress, Keeper(folder.partial_path, None if exact else earlier), earlier)
        tree.attrs["resumed"] = record["resumed"]
        return _finish(folder, record, tree)


def _refuse_two_truths(folder: RunFolder) -> None:
    """Raises DataFaults for finished draws under the record of an unfinished fit."""
    if folder.draws_path.exists() and not folder.partials:  # with both, a kill fell between them
        what = "the record says that the fit is not finished, but there are finished draws"
        remedy = 'nothing was touched: write "state": "done" into run.json if they are whole, or move draws.zarr away'
        raise DataFaults([Fault(what, str(folder.path), remedy)])


def _refuse_other_coordinates(folder: RunFolder, record: dict[str, Any], model: pm.Model, earlier: Draws | None) -> None:
    """Raises DataFaults where the fit had variables that its model lacks: an earlier release's, in other coordinates."""
    drawn = earlier.posterior if earlier is not None else {}
    gone = sorted({*record.get("words", {}).get("dims", {}), *drawn} - set(model.named_vars))
    if gone:
        what = f"the unfinished fit samples other variables than this release does ({', '.join(gone)})"
        raise DataFaults([Fault(what, str(folder.path), "fit again; `peek` shows the draws that there are")])


def draw(model: pm.Model, compiled: Any, settings: SamplerSettings, progress: bool = False) -> xr.DataTree:
    """Draws of a model compiled by :func:`compile_model`, kept nowhere: for many refits with other data.

    As :func:`sample` draws with nutpie; a group ``unconstrained`` holds the vectors ``x`` (chain, draw, coordinate).
    """
    if settings.engine != "nutpie":
        raise DataFaults([Fault("many refits are drawn by nutpie", f"engine={settings.engine!r}", "leave the engine alone")])
    found, weights, went_on, _ = _by_nutpie(model, compiled, settings, progress, Keeper(None), None)
    tree = _tree(found, compiled, weights)
    tree.attrs["went_on"] = went_on
    x = found.cut(int(found.counts.min())).unconstrained
    tree["unconstrained"] = xr.DataTree(xr.Dataset({"x": (("chain", "draw", "coordinate"), x)}))
    return tree


def _words(model: pm.Model) -> dict[str, Any]:
    """Dimensions and labels of the model's variables, for whoever reads draws without building the model."""
    dims = {k: [str(d) for d in v] for k, v in model.named_vars_to_dims.items() if not {"worker", "workplace"} & set(v)}
    used = {d for v in dims.values() for d in v}
    coords = {k: [str(x) for x in v] for k, v in model.coords.items() if k in used}
    return {"dims": dims, "coords": coords, "outcomes": notes_of(model).outcomes, "judged": notes_of(model).judged}


def _sample(model: pm.Model, settings: SamplerSettings, progress: bool, keeper: Keeper, earlier: Draws | None) -> xr.DataTree:
    before = time.perf_counter()
    if settings.engine in ("pymc", "numpyro"):
        tree = _by_pymc(model, settings, progress)
        tree.attrs.update(compile_seconds=0.0, sampling_seconds=time.perf_counter() - before)
        compiled, opinion = None, {}
    else:
        compiled = compile_model(model)
        ready = time.perf_counter()
        weights, went_on, opinion = np.empty(0), list[str](), dict[str, Any]()
        if settings.engine in ("blackjax", "smc"):
            exact = blackjax_engine if settings.engine == "blackjax" else smc
            found, weights = exact.run(model, compiled, settings, keeper, earlier, nutpie_engine.variables_of(model, compiled))
        else:
            found, weights, went_on, opinion = _by_nutpie(model, compiled, settings, progress, keeper, earlier)
        evidence = {"log_evidence": [float(w) for w in weights]} if settings.engine == "smc" else {}
        tree = _tree(found, compiled, np.empty(0) if evidence else weights)
        tree.attrs.update(evidence | ({"went_on": went_on} if went_on else {}))
        tree.attrs.update(compile_seconds=ready - before, sampling_seconds=time.perf_counter() - ready)
    observed = _observed(model)
    if observed:
        tree["observed_data"] = xr.DataTree(observed)
    tree.attrs.update(notes_of(model).judged | health(tree, notes_of(model).outcomes))
    if settings.engine not in ("nutpie", "smc"):
        opinion, _ = _second_opinion(model, compiled or compile_model(model), settings)
    if opinion:
        tree.attrs["second_opinion"] = opinion
    return tree


def _by_nutpie(
    model: pm.Model, compiled: Any, settings: SamplerSettings, progress: bool, keeper: Keeper, earlier: Draws | None
) -> tuple[Draws, np.ndarray, list[str], dict[str, Any]]:
    """(draws, share of the mass of every mode, what was done beyond the draws asked for and why, second opinion)."""
    weights, told, length = np.empty(0), list[str](), settings.draws
    if earlier is None:
        found, weights = nutpie_engine.start(model, compiled, settings, progress, keeper)
    else:
        while length < earlier.counts.max():  # killed while it went on
            length *= 2
        settings = settings.model_copy(update={"target_accept": earlier.state.get(_TARGET, settings.target_accept)})
        found = nutpie_engine.go_on(compiled, settings.model_copy(update={"draws": length}), earlier, progress, keeper)
    keeper.replace(found)  # what follows may take a while
    opinion, seen = _second_opinion(model, compiled, settings)
    if settings.longest == 1:
        return found, weights, told, opinion
    sided, shortened = bool(notes_of(model).two_sided) and compiled.n_dim <= _MOST_TO_JUMP, 0
    while True:
        if shortened < _SHORTENED and (diverged := _diverged(found)):
            shortened += 1
            told.append(f"{diverged} with {length:,} draws a chain, drawn again with shorter steps")
            # Tails where a step learnt elsewhere is too long are not explored well, however long the chains.
            settings = settings.model_copy(update={"target_accept": 1.0 - _SHORTER * (1.0 - settings.target_accept)})
            again = settings.model_copy(update={"draws": length, "seed": settings.seed + shortened})
            # Until all are there, the file keeps the draws that these replace.
            found = nutpie_engine.whitened_by(compiled, again, found, progress, Keeper(None))
            found.state[_TARGET] = settings.target_accept
            keeper.replace(found)
        posterior = _posterior(found, compiled)
        missed = unvisited(posterior, opinion) if sided else ""  # which longer chains do not mend
        reason = missed or wanting(posterior, notes_of(model).judged)
        if sided and not reason and (energy := bfmi(found.stats["energy"])) < E_BFMI:  # which longer chains do not mend
            missed = reason = f"E-BFMI {energy:.2f}"
        if not reason:
            break
        told.append(f"{reason} with {length:,} draws a chain")
        longer = 2 * length <= settings.longest * settings.draws
        if sided and (missed or not longer or apart(posterior, notes_of(model).two_sided)):
            modes, _ = nutpie_engine.modes_that_matter(model, compiled, settings)
            found, done = jump_from(compiled, found, modes, seen, settings.seed, settings.cores)
            told.append(done)
            break
        if not longer:
            break
        length = 2 * length
        keeper.follow(found)
        found = nutpie_engine.go_on(compiled, settings.model_copy(update={"draws": length}), found, progress, keeper)
    return found, weights, told, opinion


def _diverged(found: Draws) -> str:
    """How many draws diverged, in words; empty where they are few enough."""
    diverging = found.cut(int(found.counts.min())).stats["diverging"]
    return f"{int(diverging.sum())} divergences" if diverging.mean() > DIVERGENT else ""


def _posterior(found: Draws, compiled: Any) -> xr.Dataset:
    return found.tree(dict(compiled.dims), dict(compiled.coords))["posterior"].to_dataset()


def _second_opinion(model: pm.Model, compiled: Any, settings: SamplerSettings) -> tuple[dict[str, Any], np.ndarray]:
    """What is told and the particles; nothing of a model without mass on both sides, or where none is asked for."""
    particles = settings.second_opinion
    if particles is None:
        observed = sum(np.size(v) for v in find_observations(model).values())
        particles = int(np.clip(_OBSERVED // max(observed, 1), *_PARTICLES))
    if not (particles and notes_of(model).two_sided):
        return {}, np.empty((0, 0))
    return smc.second_opinion(model, compiled, particles, settings.seed, settings.cores)


def _observed(model: pm.Model) -> xr.Dataset:
    """Data of all observed variables, under the variables' own names, dimensions and labels."""
    found = {k: np.asarray(v) for k, v in find_observations(model).items()}
    dims = {k: model.named_vars_to_dims.get(k) or [f"{k}_dim_{i}" for i in range(v.ndim)] for k, v in found.items()}
    used = {d for own in dims.values() for d in own}
    coords = {d: list(c) for d, c in model.coords.items() if d in used and c is not None}
    return xr.Dataset({k: (tuple(map(str, dims[k])), v) for k, v in found.items()}, coords)


def _finish(folder: RunFolder, record: dict[str, Any], tree: xr.DataTree) -> xr.DataTree:
    """Store the draws and say so; on a full disk they are stored where there is room, and what was written before stays.

    ``attrs["unsaved"]`` then says why, ``attrs["kept_in"]`` where: a run folder of a finished fit.
    """
    done = record | {"outcome": dict(tree.attrs), "state": "done"}
    try:
        folder.save(tree, done)
    except OSError as error:
        kept = RunFolder.rescue(tree, done | {"meant_for": str(folder.path)})
        tree.attrs.update(unsaved=str(error), kept_in=str(kept.path) if kept else "")
        where = (
            f"they are in {kept.path}, from where resume goes on" if kept else "make room, then save them by RunFolder.save()"
        )
        what = f"the draws could not be stored in {folder.path} ({error}): {where}; what was written before is still there"
        warnings.warn(what, RuntimeWarning, stacklevel=3)
    return tree


def _tree(found: Draws, compiled: Any, weights: np.ndarray) -> xr.DataTree:
    causes = found.stats.pop("cause")
    tree = found.tree(dict(compiled.dims), dict(compiled.coords))
    tree.attrs["mode_shares"] = [float(w) for w in weights]
    tree.attrs |= {"jumped": True} if found.state.get("jumped") else {}
    tree.attrs["divergence_causes"] = {
        "no equilibrium there": int((causes == 1).sum()),
        "energy error": int((causes == 2).sum()),
    }
    return tree


def _by_pymc(model: pm.Model, settings: SamplerSettings, progress: bool) -> xr.DataTree:
    """PyMC's own sampler, or NumPyro on the JAX graph."""
    with model:
        start = notes_of(model).starting_values
        signs = [1.0 if c % 2 == 0 else -1.0 for c in range(settings.chains)]
        points = [{k: v * s if k in notes_of(model).levels else v for k, v in start.items()} for s in signs]
        tree = pm.sample(
            draws=settings.draws, tune=settings.tune, chains=settings.chains, cores=settings.cores or 1,
            random_seed=settings.seed, nuts_sampler=settings.engine, progressbar=progress,
            initvals=points if settings.engine == "pymc" else None, nuts={"target_accept": settings.target_accept},
            compute_convergence_checks=False,
        )  # fmt: skip
    return xr.DataTree.from_dict({k: tree[k].to_dataset() for k in ("posterior", "sample_stats")})


def health(tree: xr.DataTree, outcomes: Mapping[str, int]) -> dict[str, Any]:
    """Counts that every report shows: divergences, and draws by outcome of the solver, whose codes are given by name."""
    counts: dict[str, Any] = {"divergences": int(tree["sample_stats"]["diverging"].sum())}
    posterior = tree["posterior"]
    if outcomes:
        status = posterior["solver_status"].to_numpy().astype(int).ravel()
        counts |= {f"solver_{name}": int(np.sum(status == code)) for name, code in outcomes.items()}
    if outcomes and "feasible_share" in posterior:
        counts["feasible_share"] = float(posterior["feasible_share"].mean())
    return counts


def peek(run: str | Path) -> tuple[xr.DataTree, dict[str, Any]]:
    """(draws so far, record) of a run, finished or not, without disturbing it.

    Raises
    ------
    DataFaults
        If there is no run, or it has no draws yet.

    """
    folder = RunFolder.open(run)
    record = folder.record()
    if record.get("state", "done") == "done":
        return folder.draws(), record
    _refuse_two_truths(folder)
    found = Draws.load(folder.partial_path)
    if found is None or not found.counts.any():
        raise DataFaults([Fault("the fit is still tuning: no draws yet", str(run), "look again later")])
    words = record.get("words", {"dims": {}, "coords": {}})
    try:
        tree = found.started().tree({k: tuple(v) for k, v in words["dims"].items()}, words["coords"])
    except (ValueError, KeyError) as error:
        what = f"draws and record of the unfinished fit do not belong together: {' '.join(str(error).split())[:120]}"
        raise DataFaults([Fault(what, str(run), "nothing of it can be told apart: fit again")]) from None
    notes = judged(record)
    strange = [v for names in notes.values() for v in names if v not in found.posterior]
    if strange:
        what = f"draws and record of the unfinished fit do not belong together: there is no {strange[0]}"
        raise DataFaults([Fault(what, str(run), "nothing of it can be told apart: fit again")])
    tree.attrs.update(notes | health(tree, words.get("outcomes", {})) | {"counts": found.counts.tolist()})
    return tree, record
