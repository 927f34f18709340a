"""Pictures of the sorting model; each function returns a matplotlib figure and its caption."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from bayes_labor.data.sorting.macro import MOMENTS, MacroSeries, Targets
from bayes_labor.models.sorting.calibration import IDENTIFIED, SortingSpec
from bayes_labor.posteriors.sorting.identification import both_states
from bayes_labor.posteriors.sorting.recessions import chance_of_recession
from bayes_labor.posteriors.sorting.results import SYMBOLS, by_draw
from bayes_labor.posteriors.style import ACCENT, BAND, BLUSH, FAINT, GREY, INK, STYLE, WIDE
from bayes_labor.theory.sorting.closed_forms import technology

_LEVELS = (0.03, 0.5, 0.97)
_WORDS = {"log_Z": "TFP, %", "log_Y": "output, %", "log_C": "consumption, %", "log_K": "capital, %", "log_income": "income, %"}
_WORDS |= {"std_logw": "std log wage", "var_tfpq": "var log TFPQ", "var_tfpr": "var log TFPR"}
_WORDS |= {"std_tfpq": "std log TFPQ", "std_tfpr": "std log TFPR"}


def equilibrium_figure(parameters: dict[str, float], spec: SortingSpec) -> tuple[Figure, str]:
    """Figures 2 and 3: the two sides of (24) in boom and recession, lambda_theta = 1."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDE, 3.6))
        axes = figure.subplots()
        states = both_states(spec, *(parameters[k] for k in IDENTIFIED), errors="raise")
        x, psi = technology(**spec.technology).x, parameters["psi"]
        pull, lambda_x = x * (1.0 - psi) - psi / spec.eta, float(spec.lambda_x(psi, parameters["v"]))
        rates = np.linspace(0.0, 2.0 * float(states.lambda_t.max()), 400)
        axes.plot(rates, rates, color=INK, lw=1.6, label="λ_t")
        for name, slope, rate, colour in zip(
            ("boom", "recession"), (0.0, parameters["tau_hat"]), states.lambda_t, (BAND, ACCENT), strict=True
        ):
            demand = 1.0 + (1.0 + spec.eta * x) * (spec.tau_boom + slope) - pull * (rates / lambda_x) ** psi
            axes.plot(rates, demand, color=colour, lw=1.8, label=f"demand side, {name}")
            axes.plot(rate, rate, "o", color="white", mec=colour, ms=7)
        axes.set_ylim(0.0, 2.5 * float(states.lambda_t.max()))
        axes.set_xlabel("rate of the job-offer distribution, λ_t (λ_θ = 1)")
        axes.legend(frameon=False)
    caption = (
        "Figures 2 and 3. The two sides of equation (24) at the posterior mean. A steeper wedge shifts the demand side up: "
        "large firms offer fewer jobs, the rate rises and jobs of high type become scarcer."
    )
    return figure, caption


def _panels(height: float, rows: int, found: xr.Dataset, along: str, names: Sequence[str]) -> tuple[Figure, Any]:
    """A panel for every variable: median and 94% band over draws, logs times a hundred; the figure, and its panels by name."""
    figure = Figure(figsize=(WIDE, height))
    panels = dict(zip(names, figure.subplots(rows, 4).ravel(), strict=True))
    x = found[along].to_numpy()
    for name, axes in panels.items():
        scale = 100.0 if name.startswith("log_") else 1.0
        low, middle, high = np.quantile(scale * found[name].to_numpy(), _LEVELS, axis=0)
        axes.fill_between(x, low, high, color=BAND, lw=0)
        axes.plot(x, middle, color=INK, lw=1.6)
        axes.set_title(_WORDS[name], fontsize=10, color=INK)
    return figure, panels


def response_figure(response: xr.Dataset) -> tuple[Figure, str]:
    """Figure 4: average responses to the beginning of a recession, posterior median and 94% band."""
    names = ("log_Z", "log_Y", "log_C", "log_K", "std_logw", "var_tfpq", "var_tfpr", "log_income")
    with mpl.rc_context(STYLE):
        figure, panels = _panels(4.8, 2, response, "year", names)
        for axes in panels.values():
            axes.axhline(0.0, color=GREY, lw=1)
        figure.supxlabel("years after the recession begins", fontsize=10, color=INK)
    caption = (
        "Figure 4. Average over dates at which a boom turns into a recession, minus the long-run mean, posterior median and "
        "94% band. In every draw the growth model is solved; averages are over its stationary distribution, not simulated. "
        "Income is what households receive: it falls by much more than output, because in booms the wedges pay out more than "
        "they take, and in recessions they take more."
    )
    return figure, caption


def dispersion_figure(found: xr.Dataset, posterior: xr.DataTree) -> tuple[Figure, str]:
    """Dispersions and TFP against the slope of the wedge."""
    low, _, high = np.quantile(posterior["posterior"]["tau_hat"].to_numpy(), _LEVELS)
    with mpl.rc_context(STYLE):
        figure, panels = _panels(2.7, 1, found, "tau_hat", ("std_logw", "std_tfpq", "std_tfpr", "log_Z"))
        for axes in panels.values():
            axes.axvspan(low, high, color=BLUSH, lw=0, zorder=0)
        figure.supxlabel("slope of the wedge, τ̂ = τ/λ_θ", fontsize=10, color=INK)
    caption = (
        "Propositions 1 to 3: a steeper wedge compresses wages and spreads productivity. Posterior median and 94% band; "
        "shaded, the 94% interval of recessions' slope. TFP relative to no slope."
    )
    return figure, caption


def fit_figure(draws: xr.DataTree, targets: Targets) -> tuple[Figure, str]:
    """Posterior of every moment, in standard errors from its target."""
    seen = np.flatnonzero(targets.seen)
    fitted, names = by_draw(draws, "moment_fit")[seen], [MOMENTS[k] for k in seen]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDE, 1.0 + 0.36 * len(seen)))
        axes = figure.subplots()
        axes.axvspan(-1.88, 1.88, color=FAINT, lw=0, label="sampling error of the target, 94%")
        for i, values in enumerate((fitted - targets.value[seen, None]) / targets.se[seen, None]):
            low, middle, high = np.quantile(values, _LEVELS)
            axes.plot([low, high], [i, i], color=INK, lw=2)
            axes.plot(middle, i, "o", color="white", mec=INK, ms=6)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_xlabel("model minus target, in standard errors")
        figure.legend(frameon=False, loc="outside upper right", fontsize=9)
    return figure, "Posterior median and 94% interval of every targeted moment. The two revenue shares cannot both be met."


def prior_posterior_figure(posterior: xr.Dataset, prior: xr.Dataset) -> tuple[Figure, str]:
    """Histograms of the identified parameters before and after the data."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDE, 2.5))
        panels: Any = figure.subplots(1, 4)
        for axes, name in zip(panels, IDENTIFIED, strict=True):
            before, after = (d[name].to_numpy().ravel() for d in (prior, posterior))
            low, high = np.quantile(np.concatenate([before, after]), (0.005, 0.975))
            edges = np.linspace(low, high, 50)
            axes.hist(before, edges, density=True, color=FAINT, label="prior")
            axes.hist(after, edges, density=True, color=INK, alpha=0.85, label="posterior")
            axes.set_yticks([])
            axes.set_title(SYMBOLS[name], fontsize=10, color=INK)
        panels[0].legend(frameon=False, fontsize=9)
    return figure, "What the moments added to the priors."


def recession_figure(draws: xr.DataTree, series: MacroSeries) -> tuple[Figure, str]:
    """Smoothed probability of recession by year beside outside dates, and growth net of capital's contribution."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDE, 3.8))
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        if series.recession_months is not None:
            for axes in (top, bottom):
                for year, months in zip(series.years, series.recession_months, strict=True):
                    axes.axvspan(year - 0.5, year + 0.5, color=ACCENT, alpha=0.25 * months / 12.0, lw=0)
        top.plot(series.years, chance_of_recession(draws), color=INK, lw=1.8)
        top.set_ylabel("P(recession)")
        top.set_ylim(0.0, 1.0)
        bottom.axhline(0.0, color=GREY, lw=1)
        bottom.plot(series.years, 100.0 * series.observed[:, 2], color=INK, lw=1.2)
        bottom.set_ylabel("growth, %")
    caption = (
        "Probability that a year was a recession given the whole series, averaged over the posterior. Shaded: years with "
        "recession months by the NBER, darker for more of them."
    )
    return figure, caption
