"""Sections of a page: the paper's results for one fit, or for a joint and a linear one side by side."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.posteriors.html import pictured, section, shown_table
from bayes_labor.posteriors.joint_production import published
from bayes_labor.posteriors.joint_production.comparison import no_interaction
from bayes_labor.posteriors.joint_production.effective_prior import effective_prior, words
from bayes_labor.posteriors.joint_production.equilibrium import equilibria
from bayes_labor.posteriors.joint_production.figures import all_figures
from bayes_labor.posteriors.joint_production.paper_figures import profile_figure, seniority_figure, size_figure
from bayes_labor.posteriors.joint_production.results import (
    by_workplace_size,
    internal_variable,
    managing,
    profiles,
    seniority_response,
    variation,
)
from bayes_labor.posteriors.tables import harmless, interval, percent

_LEVELS = (0.03, 0.97)
Fits = Mapping[str, tuple[xr.DataTree, JointProductionSpec]]
"""Draws and specification by label; the first is the fit in question, a second one is set beside it."""


_HEADINGS = {
    "beta_by_industry": "Do coworkers matter?",
    "outside_option": "What workers could get elsewhere",
    "surplus_shares": "Who gets the surplus",
    "wages": "Fit",
    "prior_posterior": "What the data added",
}


def report_sections(
    spec: JointProductionSpec, workforce: Workforce, draws: xr.DataTree, folder: RunFolder, size: int = 100
) -> list[dict[str, Any]]:
    """Of the page of one fit: pictures and the paper's results, at ``size`` draws whose equilibrium is solved again."""
    solved = equilibria(draws, workforce, spec, size=size)
    paid = xr.DataArray(workforce.weight, dims="worker")
    surplus = float((solved["surplus"].sum("workplace") / (solved["wage"] @ paid)).mean())
    feasible = float((solved["surplus"] >= 0).mean())
    cover = "all" if feasible == 1.0 else f"{feasible:.1%} of"
    said = {"surplus_shares": f"{percent(surplus)} of pay is surplus; {cover} workplaces cover their outside options."}
    made = {n: (_HEADINGS[n], f, c) for n, (f, c) in all_figures(draws, solved, workforce, spec).items()}
    return [*pictured(made, folder, said), *result_sections({"joint": (draws, spec)}, workforce, folder, size)]


def result_sections(
    fits: Fits, workforce: Workforce, folder: RunFolder, size: int, *, paper: bool = False
) -> list[dict[str, Any]]:
    """Everything that can be said of these data: beta = 0, Table 8, who manages, Figures 5-8; tables and pictures are written.

    ``paper`` sets the published numbers beside ours.
    """
    draws, spec = next(iter(fits.values()))
    found = [_variation(fits, workforce, folder, size, paper)]
    if not spec.is_linear:
        found = [_interaction(draws, workforce, spec, folder), *found, _managing(draws, workforce, spec, folder, size)]
    return [*found, *_pictures(fits, workforce, folder, size)]


def _interaction(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, folder: RunFolder) -> dict[str, Any]:
    table = no_interaction(draws, workforce, spec)
    table["bound"] = ["at most" if b else "" for b in table["bound"]]
    table = table if (table["bound"] != "").any() else table.drop(columns="bound")
    table = table.rename(columns={"bayes_factor": "Bayes factor, β = 0 against β free"})
    note = (
        "Shares of draws with β < 0 and with |β| < 0.05 (the prior's share beside it), and the Savage-Dickey factor in "
        "favour of β = 0 within ±0.05: above 1 the data favour no interaction between coworkers. "
    ) + words(effective_prior(workforce, spec))
    return section(
        "Do coworkers matter at all?", [shown_table(table, folder, "no_interaction", "Evidence on zero interaction", note)]
    )


def _variation(fits: Fits, workforce: Workforce, folder: RunFolder, size: int, paper: bool) -> dict[str, Any]:
    found = {label: variation(draws, workforce, spec, size=size) for label, (draws, spec) in fits.items()}
    observed = next(iter(found.values()))["observed"]
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for variable in ("wage", "outside option", "surplus paid"):
        for part in ("overall", "between", "within"):
            row: dict[str, Any] = {"data": f"{float(observed.sel(part=part)) ** 0.5:.2f}" if variable == "wage" else ""}
            for label, one in found.items():
                sd = np.sqrt(np.maximum(one["variance"].sel(variable=variable, part=part).to_numpy(), 0.0))
                low, high = np.quantile(sd, _LEVELS)
                row[label] = interval(sd.mean(), low, high)
            if paper and variable in published.VARIATION:
                row |= {f"paper {c}": f"{v:.2f}" for c, v in published.VARIATION[variable].loc[part].to_dict().items()}
            rows[variable, part] = row
    table = pd.DataFrame.from_dict(rows, orient="index").fillna("")
    table.index = pd.MultiIndex.from_tuples(list(rows), names=["variable", "part"])
    means = {f"{v}_{label}": d[f"workplace_{v}"].to_series() for label, d in found.items() for v in ("wage", "option")}
    folder.tables.mkdir(parents=True, exist_ok=True)
    harmless(pd.DataFrame(means).rename_axis("workplace")).to_csv(folder.tables / "workplace_means.csv")
    note = (
        "Standard deviations over workers, posterior mean and 94% interval. Variances between and within workplaces add up "
        "to the overall one in every draw. Workplace means under the users' ids are in tables/workplace_means.csv."
    )
    heading = "Table 8: variation of wages" if paper else "Variation of wages between and within workplaces"
    return section(heading, [shown_table(table, folder, "variation", "Wage variation", note)])


def _managing(
    draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, folder: RunFolder, size: int
) -> dict[str, Any]:
    found = managing(draws, workforce, spec, size=size)["probability"].to_numpy()
    with np.errstate(invalid="ignore"):
        low, middle, high = np.quantile(found, _LEVELS[0], 0), found.mean(0), np.quantile(found, _LEVELS[1], 0)
    cells = {
        f"fifth {f + 1}": [
            "" if np.isnan(middle[k, f]) else interval(middle[k, f], low[k, f], high[k, f])
            for k in range(len(workforce.industries))
        ]
        for f in range(5)
    }
    table = pd.DataFrame(cells, index=pd.Index(list(workforce.industries), name="industry"))
    note = "Probability of doing task 2, exp(−cut-off ÷ mean talent), by industry and fifth of wages. At β = 0 it is 1 for all."
    return section("Who manages", [shown_table(table, folder, "managing", "Probability of managing", note)])


def _pictures(fits: Fits, workforce: Workforce, folder: RunFolder, size: int) -> list[dict[str, Any]]:
    def each(make: Callable[..., xr.Dataset], **options: Any) -> dict[str, xr.Dataset]:
        return {label: make(draws, workforce, spec, size=size, **options) for label, (draws, spec) in fits.items()}

    pictures: dict[str, tuple[str, Figure, str]] = {}
    if workforce.internal_variables:
        variable, _ = internal_variable(workforce)
        pictures["internal_response"] = (f"More {variable} for one worker", *seniority_figure(each(seniority_response)))
    numeric = set(workforce.covariates.select_dtypes("number").columns)
    if "experience" in numeric:
        options: dict[str, Any] = {"along": "experience", "by": "female" if "female" in numeric else None}
        what = "Wages and outside options by experience" + (" and gender." if options["by"] else ".")
        pictures["profiles"] = ("Profiles by experience", *profile_figure(each(profiles, **options), f"Figure 6. {what}"))
        if options["by"]:
            neuter = workforce.changed(female=0.5)
            what = "Figure 7. The same people when everybody's gender is set to one half, V(z) solved anew."
            pictures["neuter"] = ("A neuter workforce", *profile_figure(each(profiles, **options, changed=neuter), what))
    draws, spec = next(iter(fits.values()))
    sizes = by_workplace_size(draws, workforce, spec, size=size)
    if np.sum(sizes["workers"] > 0) > 1:  # of one size there is nothing to draw along
        pictures["workplace_size"] = ("Workplace size", *size_figure(sizes, _two_industries(workforce)))
    return pictured(pictures, folder)


def _two_industries(workforce: Workforce) -> list[str]:
    """The paper's pair, or the two industries with most workers."""
    if {"manufacturing", "FIRE"} <= set(workforce.industries):
        return ["manufacturing", "FIRE"]
    workers = np.bincount(workforce.worker_industry, minlength=len(workforce.industries))
    return [workforce.industries[i] for i in np.argsort(-workers)[:2]]
