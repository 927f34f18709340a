"""Every table and figure of the sorting paper on one page: calibrated, estimated, and set beside what was published."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr

from bayes_labor.data.sorting.macro import MOMENTS, PAPER, MacroSeries, Targets, us_postwar
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models.sorting.calibration import IDENTIFIED, SortingSpec, sorting_calibration
from bayes_labor.models.sorting.regimes import RegimesSpec, sorting_regimes
from bayes_labor.posteriors.diagnostics import Gate, of_fits
from bayes_labor.posteriors.fitting import fit_or_resume
from bayes_labor.posteriors.html import section, shown_table, with_figures, write_page
from bayes_labor.posteriors.sayings import listed, side
from bayes_labor.posteriors.sorting import figures, finding
from bayes_labor.posteriors.sorting.identification import (
    RAW,
    contraction_by_direction,
    identification,
    in_units,
    moments_at,
)
from bayes_labor.posteriors.sorting.least_squares import LeastSquares, least_squares
from bayes_labor.posteriors.sorting.recessions import chance_of_recession, recession_scores, regimes_told
from bayes_labor.posteriors.sorting.results import (
    DEPRECIATION,
    DISCOUNT,
    SYMBOLS,
    dispersion,
    moment_fit,
    prior_of,
    recession_response,
    shocks,
    summarize_sorting,
)
from bayes_labor.posteriors.tables import interval
from bayes_labor.theory.sorting.business_cycle import LABOR_SHARES
from bayes_labor.theory.sorting.equilibrium import scale_free

_PUBLISHED = {"psi": 0.4022, "tau": 0.3984, "lambda_theta": 2.6160, "lambda_x": 0.8681, "s_l": 0.2293}
"""Panel A of the paper's Table 2."""
_PUBLISHED_MOMENTS = (0.6102, 0.7666, 0.8906, 0.0840, 0.0090)
"""Panel B, column model. The parameters above do not give them under any reading of the paper that was tried."""
_UNIT = _PUBLISHED["lambda_theta"]
_SLOPES = np.linspace(0.0, 0.2, 41)
_REGIMES = (*IDENTIFIED, "stay", "growth", "noise")


class _Fit(NamedTuple):
    model: pm.Model
    draws: xr.DataTree
    gates: list[Gate]


def reproduce_sorting(
    run: str | Path,
    spec: SortingSpec | None = None,
    *,
    targets: Targets = PAPER,
    series: MacroSeries | None = None,
    real_targets: Targets | None = None,
    size: int = 100,
    say: Callable[[str], None] = lambda _: None,
    **settings: Any,
) -> Path:
    """Fit the calibration and the model with latent regimes, and write every table and figure with one page.

    Parameters
    ----------
    run
        Folder for everything; fits that are finished there are taken as they are.
    spec
        Technology and readings.
    targets
        Moments to calibrate to.
    series
        Annual data for the regimes; by default the postwar United States as they ship with statsmodels.
    real_targets
        Moments from public series, to be calibrated to beside the paper's: see :func:`bayes_labor.data.read_us_targets`.
    size
        Posterior draws in which the growth model is solved.
    say
        Called with a line on each step.
    **settings
        Of the sampler.

    Returns
    -------
    Path
        Of ``paper.html``.

    """
    folder, spec, series = RunFolder(Path(run)), spec or SortingSpec(), series or us_postwar()
    settings = {"draws": 2000, "tune": 500, "chains": 4} | settings
    say("calibration: sampling ...")
    calibration = _calibrate(folder, "calibration", spec, targets, settings)
    fits = {"calibration": calibration}
    if real_targets is not None:
        say("calibration to public series: sampling ...")
        fits["public series"] = _calibrate(folder, "public_series", spec, real_targets, settings)
    say("regimes: sampling ...")
    fits |= _regimes(folder, spec, targets, series, settings)
    say("tables and figures ...")
    squares = {w: least_squares(targets, spec, w) for w in ("relative", "absolute", "se")}
    prior = prior_of(calibration.model, IDENTIFIED)
    sections = [
        _held(spec, folder),
        _estimates(calibration, squares, spec, folder),
        _fitted(calibration, squares, spec, targets, folder),
        _told(calibration, squares, prior, targets, spec, folder),
        _readings(spec, targets, folder),
        *_pictures(calibration, spec, folder, size),
        _states(calibration, folder),
        _structural(calibration, spec, folder),
        *([_public(fits["public series"], real_targets, folder)] if real_targets is not None else []),
        _recessions(fits, series, folder),
    ]
    told = regimes_told(fits["regimes"].draws, series)
    found = of_fits({n: f.gates for n, f in fits.items()})
    cautions = [] if told.passed else [replace(told, name=f"regimes, {told.name}")]
    lead = "One-to-many sorting of workers to firms inside a growth model: the calibration of the paper, with uncertainty."
    title, facts = "Sorting over the business cycle", _facts(calibration)
    of_years = finding.of_series(spec, series, fits["regimes"].draws)
    said = f"{finding.of_moments(spec, targets, calibration.draws)} Annual series: {of_years[0].lower()}{of_years[1:]}"
    shown: dict[str, Any] = {"sections": sections, "facts": facts, "gates": found, "cautions": cautions, "finding": said}
    return write_page(folder.path / "paper.html", title=title, lead=lead, **shown)


def _calibrate(folder: RunFolder, name: str, spec: SortingSpec, targets: Targets, settings: dict[str, Any]) -> _Fit:
    model = sorting_calibration(targets, spec, unit=_UNIT)
    about = {"specification": spec.model_dump(mode="json"), "targets": _numbers(*targets[:2])}
    draws, found = fit_or_resume(model, folder.path / name, about, names=IDENTIFIED, **settings)
    return _Fit(model, draws, found)


def _regimes(
    folder: RunFolder, spec: SortingSpec, targets: Targets, series: MacroSeries, settings: dict[str, Any]
) -> dict[str, _Fit]:
    """The series alone, and together with the moments of the cross-section."""
    fits = {}
    own = RegimesSpec(**spec.model_dump())
    for name, with_targets in (("regimes", targets), ("regimes, series alone", None)):
        model = sorting_regimes(series, own, targets=with_targets)
        about = {"specification": own.model_dump(mode="json"), "series": _numbers(series.years, series.observed)}
        about |= {"capital_growth": _numbers(series.capital_growth), "targets": _numbers(*(with_targets or ())[:2])}
        path = folder.path / name.replace(", ", "_").replace(" ", "_")
        draws, found = fit_or_resume(model, path, about, names=_REGIMES, **settings)
        fits[name] = _Fit(model, draws, found)
    return fits


def _numbers(*arrays: np.ndarray) -> list[str]:
    """Of data, for a record that tells one fit from another."""
    return [f"{v:.12g}" for a in arrays for v in np.ravel(a)]


def _facts(fit: _Fit) -> list[tuple[str, str]]:
    posterior = fit.draws["posterior"]
    wages = posterior["std_logw"].mean(("chain", "draw")).to_numpy()
    fall = 100.0 * float((posterior["log_Z"].sel(state="boom") - posterior["log_Z"].sel(state="recession")).mean())
    return [
        ("ψ, the worker's weight in productivity", f"{float(posterior['psi'].mean()):.3f}"),
        ("std of log wages, boom to recession", f"{wages[0]:.2f} → {wages[1]:.2f}"),
        ("TFP lower in recessions", f"{fall:.1f}%"),
        ("draws", f"{posterior['psi'].size:,}"),
        ("sampling", f"{fit.draws.attrs.get('sampling_seconds', float('nan')):.1f} s"),
    ]


_WAYS = {1: "rises", -1: "falls", 0: "may rise or fall"}


def _held(spec: SortingSpec, folder: RunFolder) -> dict[str, Any]:
    """Table 1."""
    rows = {
        "α": ("capital's elasticity", spec.alpha), "η": ("labor's elasticity", spec.eta),
        "ξ": ("elasticity of substitution between firms", spec.xi), "δ": ("depreciation of capital in a year", DEPRECIATION),
        "β": ("discount factor of a year", DISCOUNT), "stay, boom": ("probability of staying in a boom", spec.stay_boom),
        "stay, recession": ("probability of staying in a recession", spec.stay_recession),
        "s_k": ("standard deviation of the capital wedge", 0.0),
    }  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["what it is", "value"]).rename_axis("parameter")
    table["value"] = [f"{v:g}" for v in table["value"]]
    note = "The first three and the probabilities are settings of the specification; δ and β matter for the responses alone."
    return section("Table 1: what is held fixed", [shown_table(table, folder, "held", "What is held fixed", note)])


def _states(fit: _Fit, folder: RunFolder) -> dict[str, Any]:
    """Dispersions by state of the cycle, as variances, which the paper states in its text, and log wages also as a spread."""
    posterior, rows, ways = fit.draws["posterior"], {}, []
    squares = {"variance of log wages": "std_logw", "variance of log TFPQ": "std_tfpq", "variance of log TFPR": "std_tfpr"}
    for words, name in {"standard deviation of log wages": "std_logw"}.items() | squares.items():
        power = 1 if words.startswith("standard") else 2
        values = posterior[name].stack(sample=("chain", "draw")).transpose("state", "sample").to_numpy() ** power
        rows[words] = [interval(float(np.median(v)), *np.quantile(v, [0.03, 0.97])) for v in (*values, values[1] - values[0])]
        ways.append(f"the {words} {_WAYS[side(values[1] - values[0])]}" if power == 2 else "")
    order = ["standard deviation of log wages", *squares]
    columns = ["boom", "recession", "recession less boom"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns).loc[order].rename_axis("dispersion")
    text = f"From boom to recession {listed([w for w in ways if w])}."
    return section(
        "Dispersions by state", [shown_table(table, folder, "states", "Dispersions by state", "Median and 94%.")], text
    )


def _estimates(fit: _Fit, squares: dict[str, LeastSquares], spec: SortingSpec, folder: RunFolder) -> dict[str, Any]:
    """Table 2, panel A: published, least squares, posterior."""
    names = [*IDENTIFIED, "log_chi"]
    table = summarize_sorting(fit.draws, fit.model, names).drop(columns=["ess_tail"]).droplevel("term")
    for label, values in (("paper", _in_all_terms(_PUBLISHED, spec)), *_each(squares, spec)):
        table.insert(0, label, [values[n] for n in names])
    order = ["paper", "LS, relative", "LS, absolute"]
    table = table[order + [c for c in table.columns if c not in order]]
    note = "The standard errors of the targets are assumed, for none are published."
    text = (
        "LS: least squares, of deviations relative to the target or absolute. The published parameters do not give the "
        "published moments under any reading of the paper that was tried (next table), so they are shown, not aimed at."
    )
    tables = [shown_table(table, folder, "parameters", "Parameters", note), _in_paper_unit(fit, squares, spec, folder)]
    return section("Table 2, panel A: parameters", tables, text)


def _in_paper_unit(fit: _Fit, squares: dict[str, LeastSquares], spec: SortingSpec, folder: RunFolder) -> dict[str, Any]:
    """What the paper prints, once its unit of types is chosen: no estimates, only other words for those above."""
    names = {"lambda_theta": "λ_θ (chosen)", "tau": "τ = τ̂ λ_θ", "lambda_x": "λ_x, of χ and λ_θ"}
    means = {n: float(fit.draws["posterior"][n].mean()) for n in names}
    table = pd.DataFrame({"paper": _PUBLISHED} | dict(_each(squares, spec)) | {"posterior mean": means})
    table = table.loc[list(names)].rename(names).rename_axis("in a unit")
    note = (
        f"The paper's five parameters in its unit of types, λ_θ = {_UNIT}: a choice, not an estimate. Any other unit fits "
        "equally well and gives other values of τ and λ_x, so these have neither prior nor contraction here."
    )
    return shown_table(table, folder, "unit", "In the paper's unit", note)


def _in_all_terms(raw: dict[str, float], spec: SortingSpec) -> dict[str, float]:
    """The paper's parameters, and the identified combinations of them."""
    free = scale_free(*(raw[n] for n in RAW[:4]), **spec.technology)
    return raw | {"v": float(free.v), "tau_hat": float(free.tau_hat), "log_chi": float(free.log_chi)}


def _each(squares: dict[str, LeastSquares], spec: SortingSpec) -> list[tuple[str, dict[str, float]]]:
    found = {f"LS, {w}": in_units(spec, _UNIT, **s.parameters) for w, s in squares.items() if w != "se"}
    return [(label, _in_all_terms(raw, spec)) for label, raw in reversed(found.items())]


def _fitted(
    fit: _Fit, squares: dict[str, LeastSquares], spec: SortingSpec, targets: Targets, folder: RunFolder
) -> dict[str, Any]:
    table = moment_fit(fit.draws, targets)
    table.insert(2, "paper, model", _PUBLISHED_MOMENTS)
    table.insert(3, "at the paper's", moments_at(spec, _PUBLISHED))
    for i, (weights, found) in enumerate(squares.items()):
        if weights != "se":
            table.insert(4 + i, f"LS, {weights}", found.moments)
    note = (
        "Paper, model: what it prints; at the paper's: what its parameters give here, ten times the published volatility of "
        "TFP. LS: least squares. The interval is the posterior's, 94%."
    )
    shown = section("Table 2, panel B: moments", [shown_table(table, folder, "moments", "Moments", note)])
    return with_figures(shown, folder, moment_fit=figures.fit_figure(fit.draws, targets))


def _told(
    fit: _Fit, squares: dict[str, LeastSquares], prior: xr.Dataset, targets: Targets, spec: SortingSpec, folder: RunFolder
) -> dict[str, Any]:
    """What the moments can tell: singular values, null direction, contraction."""
    best = squares["relative"]
    rows = {
        "five parameters of the paper, log moments in log parameters": best.raw.singular_values,
        "four coordinates, moments in standard errors": identification(spec, best.parameters, targets.se).singular_values,
    }
    table = pd.DataFrame({k: pd.Series(v, [f"{i + 1}" for i in range(len(v))]) for k, v in rows.items()}).T.rename_axis(
        "Jacobian"
    )
    table.insert(0, "rank", [str(best.raw.rank), str(best.free.rank)])
    null = best.raw.null_direction
    moved = {} if null is None else {SYMBOLS[n]: v for n, v in zip(RAW, null, strict=True) if abs(v) > 1e-6}
    words = ", ".join(f"{v:.3g} in {n}" for n, v in moved.items())
    text = (
        f"Of the paper's five parameters one direction moves no moment ({words}, in logs): firm and worker types have no "
        "unit. So the estimation is in ψ, v (the standard deviation of log wages in booms), τ̂ = τ/λ_θ and s_l."
    )
    directions = contraction_by_direction(fit.draws["posterior"].to_dataset(), prior)
    shares = (
        "Share of the prior's variance that the moments removed, along the directions in which they say most and least; "
        "weights in standard deviations of the prior."
    )
    tables = [
        shown_table(table, folder, "identification", "Singular values", "Of the Jacobian at relative least squares, λ_θ = 1."),
        shown_table(directions, folder, "contraction", "Contraction by direction", shares),
    ]
    made = figures.prior_posterior_figure(fit.draws["posterior"].to_dataset(), prior)
    return with_figures(section("What the moments can tell", tables, text), folder, prior_posterior=made)


def _readings(spec: SortingSpec, targets: Targets, folder: RunFolder) -> dict[str, Any]:
    """Least squares under every reading of the labor share and of the volatility."""
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for share, tfp in product(LABOR_SHARES, ("std", "variance")):
        found = least_squares(targets, spec.model_copy(update={"labor_share": share, "tfp": tfp}))
        parameters = {SYMBOLS[n]: found.parameters[n] for n in IDENTIFIED}
        rows[share, tfp] = parameters | dict(zip(MOMENTS, found.moments, strict=True)) | {"objective": found.objective}
    table = pd.DataFrame(rows).T.rename_axis(["labor share over", "TFP target is a"])
    note = "Relative least squares. Every reading is an option of the specification: labor_share, tfp, tau_boom."
    shown = shown_table(table, folder, "readings", "Readings of the paper", note)
    return section("How the paper may be read", [shown])


def _pictures(fit: _Fit, spec: SortingSpec, folder: RunFolder, size: int) -> list[dict[str, Any]]:
    mean = {n: float(fit.draws["posterior"][n].mean()) for n in IDENTIFIED}
    response = recession_response(fit.draws, spec, size=size)
    on_impact = -100.0 * response[["log_Y", "log_income", "log_Z"]].isel(year=0).mean("sample")
    text = (
        f"On impact output falls by {float(on_impact['log_Y']):.1f}%, less than TFP ({float(on_impact['log_Z']):.1f}%), for "
        "capital is higher than on average when a boom ends; households' income falls by "
        f"{float(on_impact['log_income']):.0f}%. The paper states more than 9% for GDP; neither reading gives that."
        f" {_rebated(response, recession_response(fit.draws, spec, size=size, rebate=True))}"
    )
    equilibrium, responses = figures.equilibrium_figure(mean, spec), figures.response_figure(response)
    against = figures.dispersion_figure(dispersion(fit.draws, spec, _SLOPES), fit.draws)
    first = section("Figures 2 and 3: the rate of the job-offer distribution", [])
    return [
        with_figures(first, folder, equilibrium=equilibrium),
        with_figures(section("Figure 4: a recession", [], text), folder, responses=responses),
        with_figures(section("Wages and productivity against the wedge", []), folder, dispersion=against),
    ]


def _rebated(lost: xr.Dataset, paid: xr.Dataset) -> str:
    """What the picture's paths of income and consumption owe to wedges whose revenue is lost."""
    first = [{n: -100.0 * float(r[n].isel(year=0).mean()) for n in ("log_income", "log_C")} for r in (lost, paid)]
    words = [f"income {f['log_income']:.1f}% and consumption {f['log_C']:.1f}%" for f in first]
    return f"Lower on impact with the wedges' revenue lost, as drawn: {words[0]}; with it paid back to households: {words[1]}."


def _structural(fit: _Fit, spec: SortingSpec, folder: RunFolder) -> dict[str, Any]:
    note = (
        "Percent changes in a recession, posterior mean and 94% interval, after: τ up by 0.01 λ_θ; A down by 1%; λ_θ down by "
        "1% (types spread and their mean rises); s_l, s_k up by 0.01 (s_k from 0). Only the wedge's slope moves wages and "
        "productivity apart."
    )
    table = shown_table(shocks(fit.draws, spec), folder, "shocks", "Structural shocks", note)
    return section("Structural shocks (section 5)", [table])


def _public(fit: _Fit, targets: Targets, folder: RunFolder) -> dict[str, Any]:
    estimates = summarize_sorting(fit.draws, fit.model, [*IDENTIFIED, "log_chi"]).droplevel("term")
    note = (
        "Labor share: Penn World Table; volatility: cycle of log TFP; concentration: Census receipts of 2012 by size class, "
        "a lower bound of the top share. The spread of wages is the paper's."
    )
    tables = [
        shown_table(moment_fit(fit.draws, targets), folder, "public_moments", "Moments from public series", note),
        shown_table(estimates, folder, "public_parameters", "Parameters from public series", ""),
    ]
    return section("Calibrated to public series", tables)


def _recessions(fits: dict[str, _Fit], series: MacroSeries, folder: RunFolder) -> dict[str, Any]:
    joint, alone = fits["regimes"], fits["regimes, series alone"]
    table = summarize_sorting(joint.draws, joint.model, _REGIMES).drop(columns=["ess_tail"])
    other = summarize_sorting(alone.draws, alone.model, _REGIMES)
    table.insert(4, "series alone: mean", other["mean"])
    table.insert(5, "series alone: sd", other["sd"])
    note = (
        "The moments of the cross-section and the series together, and the series alone, which says little about ψ, v and "
        "s_l: see the contraction. If the two disagree on τ̂, report both."
    )
    tables = [shown_table(table, folder, "regimes", "Latent regimes", note)]
    scores = recession_scores({"with the moments": joint.draws, "series alone": alone.draws}, series)
    if len(scores):
        words = (
            "Who knows the NBER's recession years (six or more months; years with one to five left out). AUC: chance that a "
            "recession year has the higher score than a year without. MarkovRegression, and MarkovAutoregression of order one: "
            "statsmodels', of growth, two regimes, switching mean. Brier and log score need probabilities; information: share "
            "of the uncertainty about the states "
            "that the series removed."
        )
        tables.append(shown_table(scores, folder, "recession_scores", "Recession years", words))
    shown = section("Recessions as latent states", tables, _agreement(joint, series))
    return with_figures(shown, folder, recessions=figures.recession_figure(joint.draws, series))


def _agreement(fit: _Fit, series: MacroSeries) -> str:
    first, last = series.years[0], series.years[-1]
    told = regimes_told(fit.draws, series)
    words = "These series tell regimes apart" if told.passed else "These series do not tell regimes apart"
    if series.recession_months is None:
        return f"{words}: {told.value}. Annual series {first}-{last}."
    chance = chance_of_recession(fit.draws)
    bad, none = series.recession_months >= 6, series.recession_months == 0
    return (
        f"{words}: {told.value}. Annual series {first}-{last}. "
        "In years with six or more recession months by the NBER the probability of the low state is "
        f"{chance[bad].mean():.2f} on average, in years without any {chance[none].mean():.2f}."
    )
