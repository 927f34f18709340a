"""The page people read: one self-contained HTML file; tables also as CSV, JSON and LaTeX, pictures as SVG and PNG."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.posteriors.diagnostics import Gate
from bayes_labor.posteriors.html import inline, page, save_figures
from bayes_labor.posteriors.joint_production.effective_prior import effective_prior, words
from bayes_labor.posteriors.joint_production.equilibrium import equilibria
from bayes_labor.posteriors.joint_production.figures import all_figures
from bayes_labor.posteriors.joint_production.fits import describe_run
from bayes_labor.posteriors.joint_production.sections import result_sections, sensitivity
from bayes_labor.posteriors.joint_production.summary import summarize
from bayes_labor.posteriors.joint_production.verdict import Verdict, judge
from bayes_labor.posteriors.tables import printed, write_table
from bayes_labor.theory.joint_production.status import Status

_HEADINGS = {
    "beta_by_industry": "Do coworkers matter?",
    "outside_option": "What workers could get elsewhere",
    "surplus_shares": "Who gets the surplus",
    "wages": "Fit",
    "prior_posterior": "What the data added",
}
_COLUMNS = {
    "prior_mean": "prior mean",
    "prior_sd": "prior sd",
    "mean": "mean",
    "sd": "sd",
    "hdi_low": "3%",
    "hdi_high": "97%",
    "contraction": "contraction",
    "ess_bulk": "bulk ESS",
    "ess_tail": "tail ESS",
    "r_hat": "R-hat",
}
WEAK = 0.5
"""Contraction below which a row is marked as mostly prior."""


def report(
    draws: xr.DataTree,
    workforce: Workforce,
    spec: JointProductionSpec,
    run: str | Path,
    *,
    size: int = 100,
    verdict: Verdict | None = None,
) -> Path:
    """Write report.html, tables and figures of a fit into its run folder.

    Parameters
    ----------
    draws
        What :func:`bayes_labor.posteriors.sample` returned, or was read from a run folder.
    workforce, spec
        What the model was built from.
    run
        The run folder.
    size
        Posterior draws at which the equilibrium is solved again for the pictures.
    verdict
        What :func:`.verdict.judge` said of the fit, if it was asked already.

    Returns
    -------
    Path
        Of the page.

    """
    folder = RunFolder(Path(run))
    verdict = verdict or judge(draws, workforce, spec, size=10 * size)
    verdict = replace(verdict, gates=[*_finished(folder, draws), *verdict.gates])
    table = summarize(draws, workforce, spec)
    solved = equilibria(draws, workforce, spec, size=size)
    pictures = all_figures(draws, solved, workforce, spec)
    record: dict[str, Any] = folder.record() if folder.record_path.is_file() else {}
    record = describe_run(workforce, spec) | {"outcome": dict(draws.attrs)} | record
    write_table(table, folder.tables, "parameters", f"Posterior of the joint-production model, {workforce.name}")
    save_figures(pictures, folder.figures)
    sections = [*result_sections({"joint": (draws, spec)}, workforce, folder, size), sensitivity(verdict.sensitivity, folder)]
    folder.report_path.write_text(_page(record, workforce, spec, verdict, table, solved, pictures, sections), encoding="utf-8")
    return folder.report_path


def _finished(folder: RunFolder, draws: xr.DataTree) -> list[Gate]:
    """A gate that a running or killed fit fails, so that nobody takes its page for the result."""
    record = folder.record() if folder.record_path.is_file() else {}
    if record.get("state", "done") == "done":
        return []
    counts = ", ".join(str(n) for n in draws.attrs.get("counts", []))
    value = f"draws of {record['sampler']['draws']} by chain: {counts}"
    return [Gate("the fit is not finished", value, False, "wait for it, or `bayes-labor resume` goes on with it")]


def _page(
    record: dict[str, Any],
    workforce: Workforce,
    spec: JointProductionSpec,
    verdict: Verdict,
    table: pd.DataFrame,
    solved: xr.Dataset,
    pictures: dict[str, tuple[Figure, str]],
    sections: list[dict[str, Any]],
) -> str:
    outcome, weak = record.get("outcome", {}), table["contraction"] < WEAK
    return page(
        "report.html",
        title=f"Joint production: {workforce.name}",
        lead=f"Specification {spec.spec}: wages as outside options plus a share of the surplus that a team makes together.",
        failed=[g for g in verdict.gates if not g.passed],
        cautions=verdict.cautions,
        gates=verdict.gates,
        prior_words=words(effective_prior(workforce, spec)),
        facts=_facts(workforce, solved, outcome),
        weak=_weak_names(table, weak),
        columns=[_COLUMNS[c] for c in table.columns],
        rows=_rows(table, weak),
        figures=[{"heading": _HEADINGS[n], "svg": inline(f, n), "caption": c} for n, (f, c) in pictures.items()],
        sections=sections,
        solver=[(s.advice if s else "solved", outcome.get(f"solver_{s.name.lower()}", 0)) for s in Status],
        data=record["data"],
        priors=str(spec.priors),
        sampler={"seed": "", "engine": "", "chains": "", "draws": "", "tune": ""} | record.get("sampler", {}),
        versions=record["versions"],
    )


def _facts(workforce: Workforce, solved: xr.Dataset, outcome: dict[str, Any]) -> list[tuple[str, str]]:
    surplus = solved["surplus"].sum("workplace") / solved["wage"].sum("worker")
    feasible = (solved["surplus"] >= 0).mean()
    facts = [
        ("workers", f"{workforce.n_workers:,}"),
        ("workplaces", f"{workforce.n_workplaces:,}"),
        ("of pay is surplus", f"{100 * float(surplus.mean()):.0f}%"),
        ("of workplaces cover their outside options", f"{100 * float(feasible):.1f}%"),
    ]
    if "sampling_seconds" in outcome:
        facts.append(("sampling", f"{outcome['sampling_seconds']:.0f} s"))
    return facts


def _weak_names(table: pd.DataFrame, weak: pd.Series) -> list[str]:
    return [f"{p} ({t})" if t else p for p, t in table.index[weak]]


def _rows(table: pd.DataFrame, weak: pd.Series) -> list[dict[str, Any]]:
    shown = printed(table)
    rows: list[dict[str, Any]] = []
    for (symbol, term), cells, mark in zip(table.index, shown.itertuples(index=False), weak, strict=True):
        rows.append({"symbol": symbol, "term": term, "cells": list(cells), "weak": bool(mark)})
    return rows
