"""Every table and figure of the joint-production paper for one workforce: six specifications, one page."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from bayes_labor.data.workforce import Workforce
from bayes_labor.models.settings import SPECS, JointProductionSpec
from bayes_labor.posteriors import published
from bayes_labor.posteriors.comparison import compare, no_interaction
from bayes_labor.posteriors.diagnostics import gates
from bayes_labor.posteriors.maximum_likelihood import MaximumLikelihood, maximum_likelihood
from bayes_labor.posteriors.paper_figures import profile_figure, seniority_figure, size_figure
from bayes_labor.posteriors.report import inline, page, save_figures
from bayes_labor.posteriors.results import by_workplace_size, managing, profiles, seniority_response, variation
from bayes_labor.posteriors.run_folder import RunFolder
from bayes_labor.posteriors.sampling import fit, resume
from bayes_labor.posteriors.tables import printed, summarize, write_table

_LEVELS = (0.03, 0.97)


class Fits(NamedTuple):
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
    fits = _fit_all(workforce, folder.path, spec, settings, say)
    say("tables and figures ...")
    sections = [
        _estimates(fits, workforce, folder, "linear_national", "Table 5, first columns: linear technology, one scale"),
        _estimates(fits, workforce, folder, "linear", "Table 5, last columns: linear technology, scale by industry"),
        _estimates(fits, workforce, folder, "power", "Table 6: joint technology, unproductive seniority", truth),
        _comparison(fits, workforce, folder, holdout),
        _interaction(fits, folder),
        _variation(fits, workforce, folder, size),
        _managing(fits, workforce, folder, size),
        *_pictures(fits, workforce, folder, size),
    ]
    missed = {name: [f"{g.name} {g.value}" for g in gates(draws) if not g.passed] for name, draws in fits.draws.items()}
    failed = [f"{name}: {'; '.join(which)}" for name, which in missed.items() if which]
    facts = [
        ("workers", f"{workforce.n_workers:,}"),
        ("workplaces", f"{workforce.n_workplaces:,}"),
        ("specifications", str(len(fits.draws))),
        ("minutes of sampling", f"{sum(d.attrs.get('sampling_seconds', 0.0) for d in fits.draws.values()) / 60:.0f}"),
    ]
    path = folder.path / "paper.html"
    text = page(
        "paper.html", title=f"Joint production, table by table: {workforce.name}", failed=failed, facts=facts, sections=sections,
        lead="The tables and figures of Ferrall, Salvanes and Sørensen as posterior quantities, beside maximum likelihood and what the paper prints.",
    )  # fmt: skip
    path.write_text(text, encoding="utf-8")
    return path


def _fit_all(workforce: Workforce, path: Path, spec: JointProductionSpec, settings: dict, say: Callable[[str], None]) -> Fits:
    fits = Fits({}, {}, {})
    for name in SPECS:
        own = spec.model_copy(update={"spec": name})
        folder = RunFolder(path / name)
        if folder.record_path.is_file():
            say(f"{name}: taking up {folder.path}")
            folder.check_data(folder.record(), workforce)
            fits.draws[name] = resume(folder.path, workforce)
        else:
            say(f"{name}: sampling ...")
            fits.draws[name] = fit(workforce, own, run=folder.path, **settings)
        fits.specs[name] = own
        say(f"{name}: {fits.draws[name].attrs.get('sampling_seconds', 0.0):.0f} s of sampling; maximum likelihood ...")
        fits.likelihood[name] = maximum_likelihood(workforce, own)
    return fits


def _estimates(
    fits: Fits, workforce: Workforce, folder: RunFolder, name: str, heading: str, truth: pd.Series | None = None
) -> dict[str, Any]:
    """Posterior, maximum likelihood and the paper's estimate, parameter by parameter."""
    table = summarize(fits.draws[name], workforce, fits.specs[name])[["mean", "sd", "hdi_low", "hdi_high"]]
    ml = fits.likelihood[name].table
    for column, of in (("ML", "estimate"), ("ML se", "se"), ("ML sandwich", "se_sandwich")):
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
    return _section(heading, [_table(table, folder, f"estimates_{name}", heading, note)], text)


def _comparison(fits: Fits, workforce: Workforce, folder: RunFolder, holdout: Workforce | None) -> dict[str, Any]:
    pairs = {n: (fits.draws[n], fits.specs[n]) for n in fits.draws}
    table = compare(pairs, workforce, holdout)
    table["ML log likelihood"] = [fits.likelihood[str(n)].log_likelihood for n in table.index]
    table["paper log likelihood"] = [published.LOG_LIKELIHOOD[str(n)] for n in table.index]
    seniority = _seniority_terms(fits, workforce)
    note = (
        "Expected log predictive density of whole workplaces: leaving one out by Pareto-smoothed importance sampling, and on workplaces "
        "that no fit saw. flagged: workplaces whose Pareto shape exceeds 0.7; where there are some, prefer the holdout column."
    )
    tables = [_table(table, folder, "comparison", "Specifications compared", note)]
    if len(seniority):
        tables.append(_table(seniority, folder, "internal_terms", "Internal terms", "Posterior mean (sd) by specification."))
    return _section("Table 7: six specifications", tables)


def _seniority_terms(fits: Fits, workforce: Workforce) -> pd.DataFrame:
    inside = [t for t, i in zip(workforce.terms, workforce.internal, strict=True) if i]
    columns = {}
    for name, draws in fits.draws.items():
        rows = summarize(draws, workforce, fits.specs[name])
        rows = rows[rows.index.get_level_values("term").isin(inside)]
        shown = printed(rows[["mean", "sd"]])
        columns[name] = shown["mean"] + " (" + shown["sd"] + ")"
    return pd.DataFrame(columns).fillna("").sort_index(level=0, sort_remaining=False)


def _interaction(fits: Fits, folder: RunFolder) -> dict[str, Any]:
    table = no_interaction(fits.draws["power"], fits.specs["power"])
    table["bound"] = ["at most" if b else "" for b in table["bound"]]
    table = table if (table["bound"] != "").any() else table.drop(columns="bound")
    note = (
        "Shares of draws with β < 0 and with |β| < 0.05 (the prior's share beside it), and the Savage-Dickey factor in favour of "
        "β = 0 within ±0.05: above 1 the data favour no interaction between coworkers."
    )
    return _section("Do coworkers matter at all?", [_table(table, folder, "no_interaction", "Evidence on zero interaction", note)])


def _variation(fits: Fits, workforce: Workforce, folder: RunFolder, size: int) -> dict[str, Any]:
    found = {n: variation(fits.draws[s], workforce, fits.specs[s], size=size) for n, s in (("joint", "power"), ("linear", "linear"))}
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for part in ("overall", "between", "within"):
        rows["wage", part] = {"data": f"{float(found['joint']['observed'].sel(part=part)) ** 0.5:.2f}"}
        for variable in ("wage", "outside option", "surplus paid"):
            row = rows.setdefault((variable, part), {})
            for name, one in found.items():
                sd = np.sqrt(np.maximum(one["variance"].sel(variable=variable, part=part).to_numpy(), 0.0))
                low, high = np.quantile(sd, _LEVELS)
                row[name] = f"{sd.mean():.2f} [{low:.2f}, {high:.2f}]"
        for name, held in (("wage", published.VARIATION), ("outside option", published.VARIATION_OPTION)):
            rows[name, part] |= {f"paper {c}": f"{v:.2f}" for c, v in held.loc[part].to_dict().items()}
    table = pd.DataFrame(rows).T.fillna("")
    table.index.names = ["variable", "part"]
    write_table_parts(found, folder)
    note = (
        "Standard deviations over workers, posterior mean and 94% interval. Variances between and within workplaces add up to the overall "
        "one in every draw. Workplace means under the users' ids are in tables/workplace_means.csv."
    )
    return _section("Table 8: variation of wages", [_table(table.sort_index(key=_order), folder, "variation", "Wage variation", note)])


def _order(labels: pd.Index) -> pd.Index:
    places = {k: i for i, k in enumerate(("wage", "outside option", "surplus paid", "overall", "between", "within"))}
    return labels.map(places)


def write_table_parts(found: Mapping[str, xr.Dataset], folder: RunFolder) -> None:
    """Posterior mean wage and outside option of every workplace, under the user's ids."""
    folder.tables.mkdir(parents=True, exist_ok=True)
    columns = {f"{v}_{n}": d[f"workplace_{v}"].to_series() for n, d in found.items() for v in ("wage", "option")}
    pd.DataFrame(columns).rename_axis("workplace").to_csv(folder.tables / "workplace_means.csv")


def _managing(fits: Fits, workforce: Workforce, folder: RunFolder, size: int) -> dict[str, Any]:
    found = managing(fits.draws["power"], workforce, fits.specs["power"], size=size)["probability"]
    low, high = found.quantile(_LEVELS[0], "sample"), found.quantile(_LEVELS[1], "sample")
    middle = found.mean("sample")
    cells = {
        f"fifth {int(f)}": [
            "" if np.isnan(m := float(middle.sel(industry=k, fifth=f))) else
            f"{m:.2f} [{float(low.sel(industry=k, fifth=f)):.2f}, {float(high.sel(industry=k, fifth=f)):.2f}]"
            for k in found["industry"].to_numpy()
        ]
        for f in found["fifth"].to_numpy()
    }  # fmt: skip
    table = pd.DataFrame(cells, index=pd.Index(found["industry"].to_numpy(), name="industry"))
    note = "Probability of doing task 2, exp(−cut-off ÷ mean talent), by industry and fifth of observed wages. At β = 0 it is 1 for all."
    return _section("Who manages", [_table(table, folder, "managing", "Probability of managing", note)])


def _pictures(fits: Fits, workforce: Workforce, folder: RunFolder, size: int) -> list[dict[str, Any]]:
    def both(make: Callable[..., xr.Dataset], **options: Any) -> tuple[xr.Dataset, xr.Dataset]:
        joint, linear = (make(fits.draws[s], workforce, fits.specs[s], size=size, **options) for s in ("power", "linear"))
        return joint, linear

    pictures: dict[str, tuple[Figure, str]] = {}
    headings = {"figure_5": "Seniority when coworkers matter", "figure_6": "Profiles by gender"}
    headings |= {"figure_7": "A neuter workforce", "figure_8": "Workplace size"}
    pictures["figure_5"] = seniority_figure(*both(seniority_response))
    if {"experience", "female"} <= set(workforce.covariates.columns):
        options: dict[str, Any] = {"along": "experience", "by": "female"}
        pictures["figure_6"] = profile_figure(*both(profiles, **options), 6, "Wages and outside options by experience and gender.")
        neuter = workforce.changed(female=0.5)
        what = "The same people when everybody's gender is set to one half, V(z) solved anew."
        pictures["figure_7"] = profile_figure(*both(profiles, **options, changed=neuter), 7, what)
    sizes = by_workplace_size(fits.draws["power"], workforce, fits.specs["power"], size=size)
    pictures["figure_8"] = size_figure(sizes, _two_industries(workforce))
    save_figures(pictures, folder.figures)
    return [
        {"heading": headings[n], "text": "", "tables": [], "figures": [{"svg": inline(f, n), "caption": c}]}
        for n, (f, c) in pictures.items()
    ]


def _two_industries(workforce: Workforce) -> list[str]:
    """The paper's pair, or the two industries with most workers."""
    if {"manufacturing", "FIRE"} <= set(workforce.industries):
        return ["manufacturing", "FIRE"]
    workers = np.bincount(workforce.worker_industry, minlength=len(workforce.industries))
    return [workforce.industries[i] for i in np.argsort(-workers)[:2]]


def _section(heading: str, tables: list[dict[str, Any]], text: str = "") -> dict[str, Any]:
    return {"heading": heading, "text": text, "tables": tables, "figures": []}


def _table(table: pd.DataFrame, folder: RunFolder, name: str, caption: str, note: str) -> dict[str, Any]:
    """Write CSV, JSON and LaTeX, and hand back what the page shows."""
    write_table(table, folder.tables, name, caption)
    shown = printed(table)
    words = {"hdi_low": "3%", "hdi_high": "97%"}
    labels = [i if isinstance(i, tuple) else (i,) for i in table.index]
    rows = [{"index": list(i), "cells": list(c)} for i, c in zip(labels, shown.itertuples(index=False), strict=True)]
    columns = [words.get(str(c), str(c).replace("_", " ")) for c in table.columns]
    return {"index": list(table.index.names), "columns": columns, "rows": rows, "caption": note}
