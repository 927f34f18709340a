"""Figures 5-8 of the paper with posterior bands, from what :mod:`bayes_labor.posteriors.joint_production.results` computes."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from bayes_labor.posteriors.style import ACCENT, BAND, BLUSH, GREY, INK, STYLE, WIDE, in_legend

_LEVELS = [0.03, 0.5, 0.97]
_COLORS = ((INK, BAND), (ACCENT, BLUSH))


def _bands(axes: Axes, x: np.ndarray, values: xr.DataArray, color: str, shade: str, label: str, style: str = "-") -> None:
    """Posterior median and 94% band over ``sample``; empty bins are left out, a single one is a point with its interval."""
    kept = np.isfinite(values.to_numpy()).all(0) & np.isfinite(x)
    if not kept.any():
        return
    low, middle, high = np.quantile(values.to_numpy()[:, kept], _LEVELS, axis=0)
    if kept.sum() == 1:
        axes.errorbar(x[kept], middle, [middle - low, high - middle], fmt="o", color=color, ecolor=shade, lw=4, label=label)
        axes.set_xticks(x[kept].tolist(), [f"{x[kept][0]:.3g}"])
        return
    axes.fill_between(x[kept], low, high, color=shade, lw=0, alpha=0.5)
    axes.plot(x[kept], middle, style, color=color, lw=1.6, label=label)


def _edges(axes: Axes, x: np.ndarray, one: xr.Dataset, color: str, label: str) -> None:
    """Dashes one standard deviation over workers around the mean; short ones where there is a single bin."""
    for sign in (-1.0, 1.0):
        edge = (one["mean"] + sign * one["sd"]).median("sample").to_numpy()
        kept = np.isfinite(edge) & np.isfinite(x)
        style = "_" if kept.sum() == 1 else "--"
        if kept.any():
            axes.plot(x[kept], edge[kept], style, color=color, lw=0.9, ms=14, label=label if sign > 0 else None)


def seniority_figure(found: Mapping[str, xr.Dataset]) -> tuple[Figure, str]:
    """Figure 5: mean effect and one standard deviation around it, for rookies and for their coworkers, of one fit or two."""
    first = next(iter(found.values()))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDE, 3.6))
        panels = figure.subplots(1, 2, sharey=True)
        years, name = first.attrs["years"], first.attrs["variable"]
        for axes, who in zip(panels, ("rookie", "coworkers"), strict=True):
            axes.axhline(0.0, color=GREY, lw=1)
            for (label, response), (color, shade) in zip(found.items(), _COLORS, strict=False):
                one, x = response.sel(who=who), response["seniority"].sel(who=who).to_numpy()
                _bands(axes, x, one["mean"], color, shade, f"{label}: mean, 94% band")
                _edges(axes, x, one, color, f"{label}: mean ± 1 sd of workers")
            axes.set_xlabel(f"{name} before")
            axes.set_title("the least senior worker" if who == "rookie" else "coworkers, own value unchanged", fontsize=10)
        panels[0].set_ylabel("change in predicted wage")
        panels[1].legend(frameon=False, fontsize=7, loc="upper right")
    return figure, (
        f"Figure 5. {years:g} more units of {name} for the least senior worker of every workplace, V(z) solved anew: change "
        "in predicted wages. Dashed: one standard deviation over workers around the mean."
    )


def profile_figure(found: Mapping[str, xr.Dataset], what: str) -> tuple[Figure, str]:
    """Figures 6 and 7: observed and predicted wages and outside options along a variable, one panel per group."""
    first = next(iter(found.values()))
    with mpl.rc_context(STYLE):
        groups = first["group"].to_numpy()
        figure = Figure(figsize=(max(WIDE, 3.0 * len(groups)), 3.6))
        panels = np.atleast_1d(figure.subplots(1, len(groups), sharey=True))
        for axes, group in zip(panels, groups, strict=True):
            x = first["position"].sel(group=group).to_numpy()
            for (label, profile), (color, shade), dashes in zip(found.items(), _COLORS, ("--", ":"), strict=False):
                one = profile.sel(group=group)
                _bands(axes, x, one["wage"], color, shade, f"wage, {label}")
                _bands(axes, x, one["outside_option"], color, shade, f"V(z), {label}", dashes)
            axes.plot(x, first["observed"].sel(group=group), "o", color=GREY, ms=3.5, label="observed wage")
            axes.set_title(str(group) if len(groups) > 1 else "", fontsize=10)
            axes.set_xlabel(first.attrs["along"])
        panels[0].set_ylabel("mean wage, outside option")
        panels[0].legend(frameon=False, fontsize=7)
    return figure, f"{what} Posterior medians and 94% bands; the gap between wage and V(z) is the share of the surplus."


def _round_sizes(x: np.ndarray) -> np.ndarray:
    """Round numbers of workers for a log axis over these sizes: few enough to stand apart."""
    low, high = x.min(), x.max()
    fine = np.array([1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000, 2000, 5000])
    inside = fine[(fine >= 0.9 * low) & (fine <= 1.1 * high)]
    wide = inside[np.isin(inside, [2, 5, 10, 20, 50, 100, 200, 500, 1000])] if high > 20 * low else inside
    return wide if len(wide) >= 2 else np.unique(np.round([low, high], 1))


def size_figure(found: xr.Dataset, chosen: list[str]) -> tuple[Figure, str]:
    """Figure 8: wages and outside options by workplace size, and surplus per worker by size in two industries."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDE, 3.6))
        left, right = figure.subplots(1, 2)
        x = found["mean_size"].to_numpy()
        _bands(left, x, found["wage"], INK, BAND, "predicted wage")
        _bands(left, x, found["outside_option"], ACCENT, BLUSH, "V(z)")
        left.plot(x, found["observed"], "o", color=GREY, ms=3.5, label="observed wage")
        for industry, color, shade in zip(chosen, (INK, ACCENT), (BAND, BLUSH), strict=False):
            _bands(right, x, found["surplus"].sel(industry=industry), color, shade, in_legend(industry))
        right.axhline(0.0, color=GREY, lw=1)
        for axes, label in ((left, "mean wage, outside option"), (right, "surplus per worker")):
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(FixedLocator(_round_sizes(x[np.isfinite(x)]).tolist()))
            axes.xaxis.set_major_formatter(ScalarFormatter())
            axes.xaxis.set_minor_locator(NullLocator())
            axes.set_xlabel("workers (mean of size class)")
            axes.set_ylabel(label)
            axes.legend(frameon=False, fontsize=7)
    return figure, "Figure 8. Wages, outside options and surplus by workplace size. Posterior medians and 94% bands."
