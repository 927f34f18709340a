"""Every table and figure of the joint-production paper for one workforce: six specifications, one page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import xarray as xr

from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models.joint_production.settings import SPECS, JointProductionSpec, SpecName
from bayes_labor.posteriors.diagnostics import Gate, gates, of_fits
from bayes_labor.posteriors.html import section, shown_table, write_page
from bayes_labor.posteriors.joint_production import published
from bayes_labor.posteriors.joint_production.comparison import compare
from bayes_labor.posteriors.joint_production.data_tables import data_sections
from bayes_labor.posteriors.joint_production.finding import finding
from bayes_labor.posteriors.joint_production.fits import check_data, fit, resume
from bayes_labor.posteriors.joint_production.maximum_likelihood import MaximumLikelihood, maximum_likelihood
from bayes_labor.posteriors.joint_production.sections import result_sections
from bayes_labor.posteriors.joint_production.summary import SYMBOL, summarize
from bayes_labor.posteriors.joint_production.technology import technology_sections
from bayes_labor.posteriors.joint_production.verdict import judge
from bayes_labor.posteriors.side_by_side import Column, side_by_side
from bayes_labor.posteriors.tables import printed

_REFITS = 5  # flagged workplaces of a specification that are worth a fit each


class _Fits(NamedTuple):
    """What the tables and figures are made from, by name of the specification."""

    draws: dict[str, xr.DataTree]
    specs: dict[str, JointProductionSpec]
    likelihood: dict[str, MaximumLikelihood]


def reproduce(
    workforce: Workforce,
    run: str | Path,
    spec: JointProductionSpec,
    *,
    holdout: Workforce | None = None,
    truth: pd.Series | None = None,
    size: int = 100,
    say: Callable[[str], None] = lambda _: None,
    **settings: Any,
) -> Path:
    """Fit all six specifications, each into a run folder of its own, and write every table and figure with one page.

    Parameters
    ----------
    workforce
        The data; Figures 6 and 7 need variables ``experience`` and ``female``, and are left out without them.
    run
        Folder for everything. Fits that are finished there are taken as they are, unfinished ones are resumed.
    spec
        Everything but the name of the specification: priors, matching, errors.
    holdout
        Workplaces that no fit sees, by :meth:`Workforce.split`, for the second comparison of specifications.
    truth
        Values of the ``power`` parameters that generated the data, by (symbol, term), where they are known.
    size
        Posterior draws at which equilibria and counterfactuals are solved.
    say
        Called with a line on each step.
    **settings
        Of the sampler.

    Returns
    -------
    Path
        Of ``paper.html``.

    """
    folder = RunFolder(Path(run))
    data, fits = data_sections(workforce, folder), _Fits({}, {}, {})
    for name in SPECS:
        _fit_one(fits, name, workforce, folder.path, spec, settings, say)
        _page(folder, workforce, fits, [*data, *_estimated(fits, workforce, folder, truth)])
    say("tables and figures ...")
    verdict = judge(fits.draws["power"], workforce, fits.specs["power"], size=10 * size)
    sections = [
        *data,
        *technology_sections(fits.draws["power"], workforce, fits.specs["power"], folder, size),
        *_estimated(fits, workforce, folder, truth),
        _comparison(fits, workforce, folder, holdout),
        *result_sections(
            {label: (fits.draws[n], fits.specs[n]) for label, n in (("joint", "power"), ("linear", "linear"))},
            workforce,
            folder,
            size,
            paper=True,
        ),
        *verdict.sections(folder),
    ]
    by_seed = [replace(g, name=f"power, {g.name}") for g in verdict.gates if g.name == "seed of V(z)"]
    cautions = [replace(g, name=f"power, {g.name}") for g in verdict.cautions]
    return _page(folder, workforce, fits, sections, by_seed, cautions)


def _page(
    folder: RunFolder, workforce: Workforce, fits: _Fits, sections: list[dict[str, Any]], further: Sequence[Gate] = (),
    cautions: Sequence[Gate] = (),
) -> Path:  # fmt: skip
    """The page with what there is: written after every fit, so that nothing waits for the last one."""
    there = f"{len(fits.draws)}" if len(fits.draws) == len(SPECS) else f"{len(fits.draws)} of {len(SPECS)} so far"
    facts = [
        ("workers", f"{workforce.n_workers:,}"),
        ("workplaces", f"{workforce.n_workplaces:,}"),
        ("specifications", there),
        ("minutes of sampling", f"{sum(d.attrs.get('sampling_seconds', 0.0) for d in fits.draws.values()) / 60:.0f}"),
    ]
    found = [*of_fits({name: gates(draws) for name, draws in fits.draws.items()}), *further]
    said = finding(fits.specs["power"], workforce, fits.draws["power"]) if "power" in fits.draws else ""
    return write_page(
        folder.path / "paper.html", title=f"Joint production, table by table: {workforce.name}",
        gates=found, cautions=list(cautions), facts=facts, sections=sections, finding=said,
        lead="The tables and figures of Ferrall, Salvanes and Sørensen as posterior quantities, beside maximum likelihood "
        "and what the paper prints.",
    )  # fmt: skip


def _estimated(fits: _Fits, workforce: Workforce, folder: RunFolder, truth: pd.Series | None) -> list[dict[str, Any]]:
    """Tables 5 and 6, of the fits that there are."""
    headings = {
        "linear_national": "Table 5, first columns: linear technology, one scale",
        "linear": "Table 5, last columns: linear technology, scale by industry",
        "power": "Table 6: joint technology, unproductive seniority",
    }
    known = [n for n in headings if n in fits.draws]
    return [_estimates(fits, workforce, folder, n, headings[n], truth if n == "power" else None) for n in known]


def _fit_one(
    fits: _Fits, name: SpecName, workforce: Workforce, path: Path, spec: JointProductionSpec, settings: dict,
    say: Callable[[str], None],
) -> None:  # fmt: skip
    own = spec.model_copy(update={"spec": name})
    folder = RunFolder(path / name)
    if folder.record_path.is_file():
        say(f"{name}: taking up {folder.path}")
        check_data(folder.record(), workforce)
        fits.draws[name] = resume(folder.path, workforce)
    else:
        say(f"{name}: sampling ...")
        fits.draws[name] = fit(workforce, own, run=folder.path, **settings)
    fits.specs[name] = own
    say(f"{name}: {fits.draws[name].attrs.get('sampling_seconds', 0.0):.0f} s of sampling; maximum likelihood ...")
    fits.likelihood[name] = maximum_likelihood(workforce, own)


def _estimates(
    fits: _Fits, workforce: Workforce, folder: RunFolder, name: str, heading: str, truth: pd.Series | None = None
) -> dict[str, Any]:
    """Posterior, maximum likelihood and the paper's estimate, parameter by parameter."""
    table = summarize(fits.draws[name], workforce, fits.specs[name])[["mean", "sd", "hdi_low", "hdi_high"]]
    ml = fits.likelihood[name].table
    for column, of in (("ML", "estimate"), ("ML se", "se"), ("sandwich", "se_sandwich")):
        table[column] = ml[of].reindex(table.index)
    paper = published.ESTIMATES[name].reindex(table.index)
    table["paper"], table["paper se"] = paper["estimate"], paper["se"]
    text = ""
    if truth is not None:
        table["truth"] = truth.reindex(table.index)
        known = table.dropna(subset="truth")
        inside = ((known["hdi_low"] <= known["truth"]) & (known["truth"] <= known["hdi_high"])).sum()
        text = (
            f"The data were generated from the column truth: {inside} of {len(known)} values lie inside their 94% intervals "
            f"(expected {0.94 * len(known):.1f})."
        )
    if name == "linear_national":  # one scale, which the model repeats by industry
        again = (table.index.get_level_values(0) == "A") & (table.index.get_level_values(1) != workforce.industries[0])
        table = table[~again].rename({workforce.industries[0]: "all industries"}, level="term")
    table = table.dropna(axis=1, how="all")
    note = "HDI: 94%. ML: maximum likelihood, its standard error from the inverse Hessian and, by workplace, from the sandwich."
    return section(heading, [shown_table(table, folder, f"estimates_{name}", heading, note)], text)


def _comparison(fits: _Fits, workforce: Workforce, folder: RunFolder, holdout: Workforce | None) -> dict[str, Any]:
    pairs = {n: (fits.draws[n], fits.specs[n]) for n in fits.draws}
    table = compare(pairs, workforce, holdout, refits=_REFITS, workers=1)
    table["ML log likelihood"] = [fits.likelihood[str(n)].log_likelihood for n in table.index]
    table["paper log likelihood"] = [published.LOG_LIKELIHOOD[str(n)] for n in table.index]
    seniority = _seniority_terms(fits, workforce)
    note = (
        "Expected log predictive density of whole workplaces: leaving one out by Pareto-smoothed importance sampling, and on "
        "workplaces that no fit saw. flagged: workplaces whose Pareto shape exceeds 0.7; refitted: those of them whose "
        "density comes from a fit without them. Where flagged ones are left, prefer the holdout column."
    )
    tables = [
        specifications(fits.draws, workforce, folder),
        shown_table(table, folder, "comparison", "Specifications compared", note),
    ]
    if len(seniority):
        tables.append(
            shown_table(seniority, folder, "internal_terms", "Internal terms", "Posterior mean (sd) by specification.")
        )
    return section("Table 7: six specifications", tables)


def specifications(draws: Mapping[str, xr.DataTree], workforce: Workforce, folder: RunFolder) -> dict[str, Any]:
    """Estimates under every specification side by side, in the paper's order."""
    counts = {"workers": workforce.n_workers, "workplaces": workforce.n_workplaces}
    columns = {str(n): Column(SYMBOL, draws[n], gates(draws[n]), counts) for n in SPECS if n in draws}
    beside = side_by_side(columns, stars=True)
    return shown_table(beside.in_lines(), folder, "specifications", "Estimates of all specifications", beside.notes)


def _seniority_terms(fits: _Fits, workforce: Workforce) -> pd.DataFrame:
    inside = [t for t, i in zip(workforce.terms, workforce.internal, strict=True) if i]
    columns = {}
    for name, draws in fits.draws.items():
        rows = summarize(draws, workforce, fits.specs[name])
        rows = rows[rows.index.get_level_values("term").isin(inside)]
        shown = printed(rows[["mean", "sd"]])
        columns[name] = shown["mean"] + " (" + shown["sd"] + ")"
    return pd.DataFrame(columns).fillna("").sort_index(level=0, sort_remaining=False)
