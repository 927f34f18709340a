"""What a fit of the sorting model found, in sentences made from its numbers."""

import xarray as xr

from bayes_labor.data.sorting.macro import MacroSeries, Targets
from bayes_labor.models.sorting.calibration import SortingSpec
from bayes_labor.posteriors.sayings import chance_below, listed, middle_and_ends, side
from bayes_labor.posteriors.sorting.recessions import chance_of_recession, regimes_told
from bayes_labor.posteriors.sorting.results import moment_fit

_MISSED = 2.0
"""Standard errors of a target beyond which its moment counts as missed."""
_NAMED = 8


def of_moments(spec: SortingSpec, targets: Targets, draws: xr.DataTree) -> str:
    """What recessions do to wages and productivity, how much worker types matter, and which moments are not met."""
    if targets.economies:
        return ""
    missed = moment_fit(draws, targets)["distance (se)"]
    names = [f"{n} ({d:+.1f})" for n, d in missed.items() if abs(d) > _MISSED]
    within = f"met within {_MISSED:.0f} standard errors"
    misses = f"Not {within}: {listed(names)}." if names else f"Every moment is {within}."
    return f"{_recessions(draws['posterior'].to_dataset())} {misses}"


def of_series(spec: SortingSpec, series: MacroSeries, draws: xr.DataTree) -> str:
    """Whether the series tell booms from recessions; if they do, which years were recessions and what these do."""
    told = regimes_told(draws, series)
    if not told.passed:
        return f"These series do not tell booms from recessions: {told.value}. What is said of recessions is mostly prior."
    low = [str(y) for y, p in zip(series.years, chance_of_recession(draws), strict=True) if p > 0.5]
    shown = listed(low[:_NAMED]) + (f" and {len(low) - _NAMED} more" if len(low) > _NAMED else "") if low else "none"
    return f"Years more likely in recession than not: {shown}. {_recessions(draws['posterior'].to_dataset())}"


def _recessions(posterior: xr.Dataset) -> str:
    """By how much wages spread less and productivity falls, and what worker types weigh."""
    by_state = {
        n: {s: posterior[n].sel(state=s).to_numpy().ravel() for s in ("boom", "recession")} for n in ("std_logw", "log_Z")
    }
    wages = by_state["std_logw"]["boom"] - by_state["std_logw"]["recession"]
    fall = 100.0 * (by_state["log_Z"]["boom"] - by_state["log_Z"]["recession"])
    closer = {1: "In recessions log wages lie closer together", -1: "In recessions log wages spread further"}
    opening = closer.get(side(wages), "Whether recessions compress wages is not settled")
    said = f"{opening}: their standard deviation falls by {middle_and_ends(wages)}"
    lower = f"productivity by {middle_and_ends(fall)}%" + ("" if side(fall) else f" ({chance_below(fall)})")
    weight = middle_and_ends(posterior["psi"].to_numpy().ravel())
    return f"{said}, {lower}. In what a match makes the worker's type has the weight ψ = {weight}, the firm's the rest."
