"""The page of a fit, for every system: verdict, parameters, what the system shows, health, what was fitted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import arviz_plots as azp
import matplotlib as mpl
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bayes_labor.engines.run_folder import RunFolder, provenance
from bayes_labor.posteriors.diagnostics import Gate
from bayes_labor.posteriors.html import section, shown_table, with_figures, write_page
from bayes_labor.posteriors.style import ACCENT, INK, STYLE, WIDE
from bayes_labor.posteriors.system import System

WEAK = 0.5
"""Contraction below which a row is marked as mostly prior."""
_NOTE = (
    "Intervals are 94% highest-density intervals. Contraction is 1 − (posterior sd ÷ prior sd)²: 0 means that the data changed "
    "nothing, 1 that they decided everything. "
)


def write_report(system: System, spec: Any, data: Any, draws: xr.DataTree, folder: RunFolder, verdict: Any = None) -> Path:
    """Write ``report.html`` with tables and pictures into the folder of a fit; ``verdict`` if it was judged already."""
    verdict, record = verdict or system.judged(spec, data, draws), folder.record() if folder.record_path.is_file() else {}
    gates = [*_unfinished(record, draws), *verdict.gates]
    sections = [_parameters(system, spec, data, draws, folder)]
    sections += system.sections(spec, data, draws, folder) if system.sections is not None else []
    sections += [*verdict.sections(folder), health(gates, draws, folder), _fitted(system, spec, data, record)]
    known = system.describe(data)
    facts = [(k, f"{v:,}") for k, v in known.items() if isinstance(v, int)]
    facts += [("rows in the likelihood", f"{system.used(spec, data):,}")] if system.used is not None else []
    facts.append(("draws", f"{draws['posterior'].sizes['chain']} × {draws['posterior'].sizes['draw']:,}"))
    facts += [("sampling", f"{draws.attrs['sampling_seconds']:.0f} s")] if "sampling_seconds" in draws.attrs else []
    facts += [("after the first draws", "; ".join(draws.attrs["went_on"]))] if draws.attrs.get("went_on") else []
    if "log_evidence" in draws.attrs:
        facts.append(("log evidence, by population", ", ".join(f"{e:.1f}" for e in draws.attrs["log_evidence"])))
    title = f"{system.title}: {known['name']}"
    said = system.finding(spec, data, draws) if system.finding is not None else ""
    shown: dict[str, Any] = {
        "finding": said,
        "facts": facts,
        "sections": sections,
        "gates": gates,
        "cautions": verdict.cautions,
    }
    return write_page(folder.report_path, title=title, lead=system.lead, **shown)


def _unfinished(record: dict[str, Any], draws: xr.DataTree) -> list[Gate]:
    """A gate that a running or killed fit fails, so that nobody takes its page for the result."""
    if record.get("state", "done") == "done":
        return []
    value = f"draws of {record['sampler']['draws']} by chain: {', '.join(str(n) for n in draws.attrs.get('counts', []))}"
    return [Gate("the fit is not finished", value, False, "wait for it, or `bayes-labor resume` goes on with it")]


def _parameters(system: System, spec: Any, data: Any, draws: xr.DataTree, folder: RunFolder) -> dict[str, Any]:
    table = system.table(spec, data, draws)
    weak = table["contraction"] < WEAK
    names = [f"{p} ({t})" if t else str(p) for p, t in table.index[weak]]
    text = f"Mostly prior, little data (contraction below one half, shaded rows): {', '.join(names)}." if names else ""
    note = _NOTE + (system.explain(spec, data) if system.explain is not None else "")
    return section(
        "Parameters", [shown_table(table, folder, "parameters", f"Posterior: {system.title}", note, weak.tolist())], text
    )


def health(gates: Sequence[Gate], draws: xr.DataTree, folder: RunFolder) -> dict[str, Any]:
    """The section on gates and on what the solver met."""
    found = pd.DataFrame({g.name: {"found": g.value, "verdict": "passed" if g.passed else "failed"} for g in gates}).T
    tables = [shown_table(found.rename_axis("gate"), folder, "gates", "Gates", "")]
    known = {str(k): v for k, v in draws.attrs.items() if str(k).startswith("solver_")}
    counts = {k.removeprefix("solver_").replace("_", " "): int(v) for k, v in known.items()}
    if counts:
        outcomes = pd.Series(counts, name="draws").rename_axis("outcome of the solver").to_frame()
        tables.append(shown_table(outcomes, folder, "solver", "Outcomes of the solver over posterior draws", ""))
    shown, energy = section("Health of the fit", tables), energy_figure(draws)
    return with_figures(shown, folder, energy=energy) if energy is not None else shown


def energy_figure(draws: xr.DataTree) -> tuple[Figure, str] | None:
    """Energies of draws and of their steps, by arviz-plots; None where the engine has none, or a chain did not move."""
    energy = draws["sample_stats"].to_dataset().get("energy")
    if energy is None or energy.sizes["draw"] < 2 or not bool((energy.std("draw") > 0).all()):
        return None
    tree = xr.DataTree.from_dict({"sample_stats": energy.to_dataset()})
    with mpl.rc_context(STYLE):
        kind: dict[str, Any] = {"backend": "matplotlib", "color": [INK, ACCENT], "figure_kwargs": {"figsize": (WIDE, 2.6)}}
        figure = azp.plot_energy(tree, **kind).viz["figure"].item()
        figure.axes[0].yaxis.set_major_locator(MaxNLocator(integer=True))
    return figure, (
        "Left: BFMI by chain, to exceed .3 (dashed). Right: the energies met (marginal) beside their changes from draw to draw "
        "(transition). Where the changes are much narrower the chains cannot reach the tails."
    )


def _fitted(system: System, spec: Any, data: Any, record: dict[str, Any]) -> dict[str, Any]:
    """Settings and priors, what the data were, and what a second run needs."""
    known = {k: v for k, v in system.describe(data).items() if not isinstance(v, int)}
    lines = [f"{k}: {', '.join(map(str, v)) if isinstance(v, list) else v}" for k, v in known.items()]
    lines += ["", *(f"{k} = {v}" for k, v in spec.model_dump().items() if k not in ("priors", *type(spec).unused))]
    priors = system.printed_priors(spec, data)
    lines += ["", priors] if priors else []
    sampler, versions = record.get("sampler", {}), record.get("versions", provenance()["versions"])
    asked = [k for k in ("engine", "chains", "draws", "tune", "seed") if (k, sampler.get("engine")) != ("tune", "smc")]
    said = [f"{k} {sampler[k]}" for k in asked if sampler.get(k) is not None]
    text = f"{', '.join(said)}; " if said else ""
    text += ", ".join(f"{k} {v}" for k, v in versions.items()) + "."
    return section("What was fitted", text=text, code="\n".join(lines))
