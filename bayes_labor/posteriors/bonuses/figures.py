"""Pictures of the bonus models; each function returns a matplotlib figure and its caption."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from bayes_labor.posteriors.bonuses import published
from bayes_labor.posteriors.bonuses.results import semi_elasticity, turning_age
from bayes_labor.posteriors.style import ACCENT, BAND, GREY, INK, STYLE, WIDE
from bayes_labor.theory.bonuses.tournament import Tournament


@contextmanager
def canvas(height: float, rows: int = 1, columns: int = 1) -> Iterator[tuple[Figure, Any]]:
    """A figure in the package's style, so many inches high, with its axes; several share their scales."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDE, height))
        yield figure, figure.subplots(rows, columns, sharex=True, sharey=True)


_AGES = np.arange(22.0, 64.5, 0.5)
_BANDS = ((0.05, 0.95, 0.35), (0.25, 0.75, 0.7))


def quartile_figure(found: xr.Dataset) -> tuple[Figure, str]:
    """Figure 1: quartiles of log bonuses by level, observed and replicated by the posterior."""
    with canvas(3.6) as (figure, axes):
        levels = found["level"].to_numpy()
        for q, marker in zip(found["quartile"].to_numpy(), ("v", "o", "^"), strict=True):
            drawn = found["replicated"].sel(quartile=q)
            low, high = (drawn.quantile(p, "sample") for p in (0.03, 0.97))
            label = "94% of replications" if marker == "^" else "_bands"
            axes.vlines(levels, low, high, color=BAND, lw=6, zorder=1, label=label)
            axes.plot(levels, found["observed"].sel(quartile=q), marker, color=INK, ms=5, label=f"{q:.0%} observed")
        axes.set(xticks=levels, xlabel="job level", ylabel="log bonus")
        axes.legend(frameon=False)
    return figure, f"Figure 1. Quartiles of the log bonus by level. {what_quartiles_say(found)}"


def what_quartiles_say(found: xr.Dataset) -> str:
    """How many observed quartiles lie outside their 94% band of replications, and which."""
    low, high = (found["replicated"].quantile(p, "sample") for p in (0.03, 0.97))
    outside = ((found["observed"] < low) | (found["observed"] > high)).stack(cell=("level", "quartile"))
    missed = [
        f"{q:.0%} of level {k}" for (k, q), out in zip(outside["cell"].to_numpy(), outside.to_numpy(), strict=True) if out
    ]
    which = f": {', '.join(missed)}. Normal errors of one variance do not make them" if missed else ""
    return f"Outside their band: {len(missed)} of {outside.size}{which}."


def age_figure(fits: dict[int, xr.DataTree], truth: Mapping[str, float] | None = None) -> tuple[Figure, str]:
    """Figure 2: change of the log bonus per year of age, by column of Table 5, published, estimated, and generated."""
    rows = (len(fits) + 1) // 2
    with canvas(2.4 * (len(fits) + 1) // 2 + 1.2, rows, 2) as (figure, panels):
        for axes, (column, draws) in zip(panels.flat, fits.items(), strict=False):
            curve = semi_elasticity(draws, _AGES)
            for low, high, alpha in _BANDS:
                axes.fill_between(_AGES, *curve.quantile([low, high], "sample"), color=BAND, alpha=alpha, lw=0)
            axes.plot(_AGES, curve.mean("sample"), color=INK, lw=1.6)
            linear, square = (published.TABLE5[n][column - 1] for n in ("age", "age²/100"))
            if linear is not None and square is not None:
                axes.plot(_AGES, linear[0] + _AGES * square[0] / 50.0, color=ACCENT, lw=1.4, ls="--")
            if truth is not None:
                axes.plot(_AGES, truth["age"] + _AGES * truth["age²/100"] / 50.0, color=GREY, lw=1.4, ls=":")
            axes.axhline(0.0, color=GREY, lw=0.8)
            axes.set_title(f"column {column}", fontsize=10, loc="left")
        for axes in panels.flat[len(fits) :]:
            axes.set_visible(False)
        figure.supxlabel("age", fontsize=10)
        figure.supylabel("semi-elasticity", fontsize=10)
    turning = ", ".join(f"{c}: {np.median(turning_age(d)):.1f} ({published.TURNING_AGES[c]})" for c, d in fits.items())
    caption = (
        "Figure 2. Change of the log bonus per year of age within workers, with 50% and 90% bands; dashed: published. "
        f"Median age at which it turns negative, published in parentheses, by column: {turning}."
    )
    if truth is not None:
        caption += f" Dotted: what the panel was generated with, which turns at {-50 * truth['age'] / truth['age²/100']:.1f}."
    return figure, caption


def effects_figure(table: pd.DataFrame, column: int) -> tuple[Figure, str]:
    """Levels, tenure and ratings of one column of Table 5: published, least squares, posterior."""
    own = table.loc[f"({column})"].drop(index=["age", "age²/100"], errors="ignore")
    with canvas(0.34 * len(own) + 1.0) as (figure, axes):
        y = np.arange(len(own))[::-1]
        axes.hlines(y, own["hdi_low"], own["hdi_high"], color=BAND, lw=6, label="posterior, 94%")
        axes.plot(own["mean"], y, "o", color=INK, ms=4)
        for name, shift, marker, colour in (("published", 0.22, "D", ACCENT), ("least squares", -0.22, "s", GREY)):
            look = {"fmt": marker, "color": colour, "ms": 4, "lw": 1}
            axes.errorbar(own[name], y + shift, xerr=1.88 * own[f"se, {name}"], label=name, **look)
        if "truth" in own:
            axes.plot(own["truth"], y, "|", color=INK, ms=14, label="truth")
        axes.axvline(0.0, color=GREY, lw=0.8)
        axes.set_yticks(y, own.index)
        axes.set_xlabel("log points of bonus")
        axes.legend(frameon=False, loc="lower right")
    caption = (
        f"Column {column} of Table 5, within workers: published, least squares and posterior on the panel here, each with 94% "
        "intervals."
    )
    return figure, caption


def prize_figure(draws: dict[str, np.ndarray], published_rho: tuple[float, float], truth: float | None) -> tuple[Figure, str]:
    """Posteriors of rho by how the prize was met, and the published estimate."""
    with canvas(0.5 * len(draws) + 1.6) as (figure, axes):
        for y, values in zip(range(len(draws), 0, -1), draws.values(), strict=True):
            for low, high, width in ((0.03, 0.97, 3), (0.25, 0.75, 8)):
                axes.hlines(y, *np.quantile(values, [low, high]), color=BAND, lw=width)
            axes.plot(values.mean(), y, "o", color=INK, ms=5)
        axes.errorbar(published_rho[0], 0, xerr=1.88 * published_rho[1], fmt="D", color=ACCENT, ms=5)
        for i, name in enumerate([*draws, "published, prize A (5)"]):
            beside = {"ha": "right", "va": "center", "transform": axes.get_yaxis_transform(), "fontsize": 9}
            axes.text(-0.02, len(draws) - i, name, **beside)
        if truth is not None:
            axes.axvline(truth, color=INK, lw=1, ls="--")
        axes.axvline(0.0, color=GREY, lw=0.8)
        axes.spines["left"].set_visible(False)
        axes.set(yticks=[], xlabel="ρ, log points of bonus per log point of expected prize")
    dashed = "" if truth is None else f" Dashed: the truth in this panel, {truth:g}."
    return figure, f"Effect of the expected prize on the log bonus: mean, 50% and 94% intervals.{dashed}"


def placebo_figure(table: pd.DataFrame) -> tuple[Figure, str]:
    """What each construction of the prize reports where the truth is zero."""
    names = [c for c in table.columns if not c.endswith("error")]
    with canvas(3.0) as (figure, axes):
        for i, (name, colour, marker) in enumerate(zip(names, (INK, GREY, BAND), ("o", "s", "^"), strict=True)):
            x = np.arange(len(table)) + 0.15 * (i - 1)
            axes.errorbar(x, table[name], yerr=1.88 * table[f"{name}, mc error"], fmt=marker, color=colour, ms=6, label=name)
        axes.axhline(0.0, color=ACCENT, lw=1.2, ls="--")
        axes.set_xticks(range(len(table)), [f"{a},\n{b}" for a, b in table.index])
        axes.set(xlim=(-0.5, len(table) - 0.5), ylabel="ρ found")
        axes.legend(frameon=False, fontsize=9)
    caption = (
        "Placebo. Generated panels in which the prize has no effect (dashed): mean over panels with 94% Monte Carlo intervals. "
        "The published construction takes the increase that happened, of salary and bonus."
    )
    return figure, caption


def statics_figure(deltas: np.ndarray, found: Tournament, label: str) -> tuple[Figure, str]:
    """Bonus of the young against the discount factor (Corollary 5)."""
    with canvas(3.2) as (figure, axes):
        for k, colour in ((0, INK), (1, ACCENT)):
            axes.plot(deltas, np.where(found.failed < 0, found.mean_bonus[:, k], np.nan), color=colour, label=f"level {k + 1}")
        axes.set(xlabel="discount factor δ", ylabel="mean bonus of the young, thousand")
        axes.legend(frameon=False)
    return figure, f"Corollary 5 at {label}: the more the future counts, the more promotion replaces the bonus."


def contraction_figure(table: pd.DataFrame) -> tuple[Figure, str]:
    """Share of each primitive's prior variance that the moments removed."""
    with canvas(0.28 * len(table) + 0.9) as (figure, axes):
        y = np.arange(len(table))[::-1]
        axes.barh(y, table["contraction"].clip(lower=0.0), color=BAND)
        axes.set_yticks(y, table.index)
        axes.set(xlim=(0.0, 1.0), xlabel="share of the prior's variance removed")
    return figure, "What mean bonuses tell of the primitives. A bar of zero: no narrower than the prior, if perhaps elsewhere."


def level_figure(effects: np.ndarray, terms: Sequence[str], of: str = "log bonus") -> tuple[Figure, str]:
    """Effects of levels, (samples, terms) drawn from a prior or a posterior: bands by level."""
    with canvas(3.0) as (figure, axes):
        levels = np.arange(len(terms))
        low, middle, high = np.quantile(effects, [0.03, 0.5, 0.97], axis=0)
        axes.vlines(levels, low, high, color=BAND, lw=5)
        axes.plot(levels, middle, "o", color=ACCENT, ms=4)
        axes.axhline(0.0, color=GREY, lw=0.8)
        axes.set_xticks(levels, [t.removeprefix("level ") for t in terms], rotation=90 if len(terms) > 12 else 0)
        axes.set(xlabel="job level", ylabel=f"{of} over the base")
    return figure, f"Effects of levels on the {of}: median and 94% of the draws."
