"""A page for any model: gates, ArviZ's summary, and what the priors implied. Systems have richer pages of their own."""

from collections.abc import Sequence
from pathlib import Path

import arviz as az
import pandas as pd
import xarray as xr

from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.posteriors.diagnostics import gates
from bayes_labor.posteriors.html import section, shown_table, write_page
from bayes_labor.posteriors.report import health

_NOTE = "ArviZ's summary: mean, standard deviation, 94% equal-tailed interval, effective sample sizes, R-hat."


def arviz_summary(draws: xr.DataTree, names: Sequence[str]) -> pd.DataFrame:
    """``az.summary`` of these variables: 94% equal-tailed intervals, nothing rounded."""
    return az.summary(draws, var_names=list(names), ci_prob=0.94, ci_kind="eti", round_to="none").rename_axis("parameter")


def plain_report(
    draws: xr.DataTree, run: str | Path, *, names: Sequence[str], title: str, prior: pd.DataFrame | None = None
) -> Path:
    """Write ``report.html`` with its table of parameters into a run folder.

    Parameters
    ----------
    draws
        Of any model.
    run
        The folder.
    names
        Variables to show and to gate.
    title
        Of the page.
    prior
        What :func:`bayes_labor.posteriors.prior.prior_check` found.

    Returns
    -------
    Path
        Of the page.

    """
    folder, found = RunFolder(Path(run)), gates(draws, names)
    sections = [
        section("Parameters", [shown_table(arviz_summary(draws, names), folder, "parameters", "Posterior", _NOTE)]),
    ]
    if prior is not None:
        note = f"Quantiles over prior draws; {prior.attrs.get('solved', 1.0):.0%} of them have a solution."
        sections.append(section("Before the data", [shown_table(prior, folder, "prior_check", "Prior predictive", note)]))
    sections.append(health(found, draws, folder))
    facts = [("chains", str(draws["posterior"].sizes["chain"])), ("draws of each", str(draws["posterior"].sizes["draw"]))]
    lead = "Draws of one posterior."
    return write_page(folder.report_path, title=title, lead=lead, gates=found, facts=facts, sections=sections)
