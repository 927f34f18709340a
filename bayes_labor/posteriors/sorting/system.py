"""Sorting over the business cycle as systems: the calibration to moments, and regimes in annual series."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.sorting.macro import PAPER, MacroSeries, Targets, macro_series, us_postwar
from bayes_labor.data.sorting.targets import read_targets
from bayes_labor.data.sorting.units import asked_units
from bayes_labor.data.tables import Reading, read_table, renamed
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models.priors import printed
from bayes_labor.models.sorting.calibration import IDENTIFIED, SortingSpec, sorting_calibration
from bayes_labor.models.sorting.regimes import RegimesSpec, sorting_regimes
from bayes_labor.posteriors.diagnostics import gates
from bayes_labor.posteriors.html import section, shown_table
from bayes_labor.posteriors.sorting import finding
from bayes_labor.posteriors.sorting.observed import observed_moments, observed_series
from bayes_labor.posteriors.sorting.recessions import chance_of_recession, recession_scores, regimes_told
from bayes_labor.posteriors.sorting.results import SYMBOLS, moment_fit, summarize_sorting
from bayes_labor.posteriors.sorting.sensitivity import sensitivity
from bayes_labor.posteriors.system import Judged, System

_REGIMES = ("psi", "v", "tau_hat", "s_l", "stay", "growth", "noise", "trend")


def read_series(
    source: str, columns: dict[str, str], reading: Reading | None = None, *, unit: Sequence[str] = ()
) -> MacroSeries:
    """Annual series: ``postwar`` (the United States, shipped), or a file as :func:`.macro_series` takes it.

    ``unit`` says ``NAME=UNIT``: ``log points`` or, of growth, ``percent`` in the place of logs.
    """
    if source == "postwar":
        if unit:
            raise DataFaults([Fault("the series that ship are in logs", source, "give units with a file of your own")])
        return us_postwar()
    return macro_series(renamed(read_table(source, reading=reading), columns), asked_units(unit))


def _fingerprint(*arrays: np.ndarray) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(a, dtype=np.float64).tobytes() for a in arrays)).hexdigest()[:16]


def describe_targets(data: Targets) -> dict[str, Any]:
    """What identifies moments."""
    same = len(data.value) == len(PAPER.value) and np.array_equal(data.value, PAPER.value)
    name = "moments of the paper" if same else "moments"
    arrays = [data.value, data.se, *([] if data.covariance is None else [data.covariance])]
    return {"name": name, "fingerprint": _fingerprint(*arrays), "moments": int(data.seen.sum())}


def describe_series(data: MacroSeries) -> dict[str, Any]:
    """What identifies series."""
    name = f"annual series {data.years[0]}-{data.years[-1]}"
    print_ = _fingerprint(data.years, data.observed, data.capital_growth)
    return {"name": name, "fingerprint": print_, "years": len(data.years), "values": int(data.seen.sum())}


def _printed_priors(spec: SortingSpec, data: Targets) -> str:
    p = spec.priors
    return "\n".join(map(str, (*p.means.values(), *p.spreads.values()))) if data.economies else printed(p.table)


def _moments(spec: SortingSpec, data: Targets, draws: xr.DataTree, folder: RunFolder) -> list[dict[str, Any]]:
    table, note = moment_fit(draws, data), "Posterior mean and 94% interval beside the target; distance in standard errors."
    found = [section("Moments", [shown_table(table, folder, "moments", "Moments", note)])]
    return found if data.economies else [*found, _sensitivity(spec, data, draws, folder)]


def _sensitivity(spec: SortingSpec, data: Targets, draws: xr.DataTree, folder: RunFolder) -> dict[str, Any]:
    """What moves the numbers above."""
    table = sensitivity(draws, data, spec)
    most = {str(p): str(row.abs().idxmax()) for p, row in table.iterrows()}
    words = (
        "Each hangs most on: " + "; ".join(f"{p} on {what} ({float(table[what][p]):+.2g})" for p, what in most.items()) + "."
    )
    note = (
        "By how many posterior standard deviations a posterior mean moves, for a target higher by one of its standard errors, "
        f"and for alpha = {spec.alpha:g}, eta = {spec.eta:g} or xi = {spec.xi:g} held at one percent more (--set alpha=...). "
        "To first order."
    )
    return section("What the parameters hang on", [shown_table(table, folder, "sensitivity", "Sensitivity", note)], words)


def _judge_regimes(spec: RegimesSpec, data: MacroSeries, draws: xr.DataTree) -> Judged:
    told = regimes_told(draws, data)
    return Judged(gates(draws, [n for n in _REGIMES if n in draws["posterior"]]), [] if told.passed else [told])


def _recessions(spec: RegimesSpec, data: MacroSeries, draws: xr.DataTree, folder: RunFolder) -> list[dict[str, Any]]:
    chance = draws["posterior"]["recession"]
    low, high = (chance.quantile(q, ("chain", "draw")).to_numpy() for q in (0.03, 0.97))
    years = pd.Index(data.years, name="year")
    table = pd.DataFrame({"recession": chance_of_recession(draws), "3%": low, "97%": high}, years)
    tables = [shown_table(table, folder, "recessions", "Recessions", "Smoothed probability of the low state by year.")]
    scores = recession_scores({"this fit": draws}, data)
    if len(scores):
        note = "Who knows the NBER's recession years; MarkovRegression, MarkovAutoregression: statsmodels', of growth."
        tables.append(shown_table(scores, folder, "recession_scores", "Recession years", note))
    return [section("Recessions as latent states", tables, regimes_told(draws, data).value)]


CALIBRATION = System(
    name="sorting.calibration",
    title="Sorting over the business cycle: calibration",
    lead="One-to-many sorting of workers to firms, calibrated to moments of the cross-section, with uncertainty.",
    spec=SortingSpec,
    read=read_targets,
    build=sorting_calibration,
    describe=describe_targets,
    symbols=SYMBOLS,
    summarize=lambda spec, data, draws: summarize_sorting(draws, sorting_calibration(data, spec)),
    judge=lambda spec, data, draws: Judged(gates(draws, IDENTIFIED)),
    finding=finding.of_moments,
    sections=_moments,
    priors=_printed_priors,
    observed=observed_moments,
)
REGIMES = System(
    name="sorting.regimes",
    title="Sorting over the business cycle: regimes",
    lead="One-to-many sorting of workers to firms in annual series, with recessions as latent states.",
    spec=RegimesSpec,
    read=read_series,
    build=sorting_regimes,
    describe=describe_series,
    symbols=SYMBOLS,
    summarize=lambda spec, data, draws: summarize_sorting(draws, sorting_regimes(data, spec)),
    judge=_judge_regimes,
    finding=finding.of_series,
    sections=_recessions,
    observed=observed_series,
    sampler={"draws": 1000},
)
