"""Pictures of an economy with learning on the job; each function returns a matplotlib figure and its caption."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from bayes_labor.models.learning.structural import MomentEmulator
from bayes_labor.posteriors.learning.results import by_percentile
from bayes_labor.posteriors.style import ACCENT, BAND, GREY, INK, STYLE, WIDE

_COLOURS = (INK, ACCENT, BAND, GREY)
"""Of seeds."""


def sorting_figure(pairs: list[pd.DataFrame]) -> tuple[Figure, str]:
    """Coworkers and firms by one's own human capital (above) and ability (below); a line per seed."""
    shown = {"log_h": ("coworker_log_h", "log_z", "log_q"), "log_a": ("log_z", "log_q", "gap")}
    words = {"coworker_log_h": "coworkers' log h", "log_z": "firm's log z", "log_q": "firm's log q"}
    words |= {"log_h": "own log h", "log_a": "own ability", "gap": "coworkers' log h less own"}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDE, 5.2))
        for row, (own, names) in zip(figure.subplots(2, 3), shown.items(), strict=True):
            for axes, name in zip(row, names, strict=True):
                for table, colour in zip(pairs, _COLOURS, strict=False):
                    found = by_percentile(table.assign(gap=table["coworker_log_h"] - table["log_h"]), own)
                    axes.plot(found.index, found[name], color=colour, lw=1.6)
                axes.set_title(words[name], fontsize=10, color=INK)
                axes.set_xlabel(f"percentile of {words[own]}")
    caption = (
        "Who works with whom: means by percentile of one's own human capital (above) and of learning ability (below), a line "
        "per seed. The slides report coworkers' human capital and productivity that rise and then fall."
    )
    return figure, caption


def opportunities_figure(pairs: pd.DataFrame) -> tuple[Figure, str]:
    """Joint density of own and coworkers' human capital, and the gap by one's own."""
    both = pairs.dropna()
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDE, 3.4))
        left, right = figure.subplots(1, 2)
        limits = np.quantile(both["log_h"], [0.002, 0.998])
        left.hist2d(both["log_h"], both["coworker_log_h"], bins=60, range=[limits, limits], cmap="Blues")
        left.plot(limits, limits, color=ACCENT, lw=1)
        left.set_xlabel("own log h")
        left.set_ylabel("coworkers' mean log h")
        found = by_percentile(both.assign(gap=both["coworker_log_h"] - both["log_h"]), "log_h")
        right.plot(found.index, found["gap"], color=INK, lw=1.8)
        right.axhline(0.0, color=GREY, lw=1)
        right.set_xlabel("percentile of own log h")
        right.set_ylabel("coworkers' log h less own")
    caption = "Opportunities to learn: whoever knows little has coworkers who know more. The line on the left is equality."
    return figure, caption


def markdown_figure(tables: list[pd.DataFrame]) -> tuple[Figure, str]:
    """W / J by tenure, a line per seed."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDE, 3.2))
        axes = figure.subplots()
        for table, colour in zip(tables, _COLOURS, strict=False):
            axes.plot(np.arange(len(table)), table["W/J"], "o-", color=colour, lw=1.6, ms=4)
        axes.plot(np.arange(len(tables[0])), tables[0]["U/J"], color=GREY, lw=1.4)
        axes.text(len(tables[0]) - 1, tables[0]["U/J"].iloc[-1] + 0.02, "non-employment", ha="right", color=GREY)
        axes.set_xticks(np.arange(len(tables[0])), tables[0].index, rotation=30)
        axes.set_ylim(0.0, 1.05)
        axes.set_xlabel("years in the job")
        axes.set_ylabel("share of the marginal product")
    words = "Value of a worker over his dynamic marginal product by tenure, a line per seed: offers from outside raise it."
    return figure, words


def convergence_figure(histories: list[list[dict[str, float]]]) -> tuple[Figure, str]:
    """Employment, surplus and size by pass."""
    names = {"employment": "employment", "mean_surplus": "mean surplus", "size": "mean size, staffed firms", "mean_h": "mean h"}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDE, 2.6))
        for axes, (name, words) in zip(figure.subplots(1, 4), names.items(), strict=True):
            for history, colour in zip(histories, _COLOURS, strict=False):
                axes.plot(1 + np.arange(len(history)), [h[name] for h in history], "o-", color=colour, lw=1.4, ms=4)
            axes.set_title(words, fontsize=10, color=INK)
            axes.set_xlabel("pass")
            axes.set_xticks(1 + np.arange(max(len(h) for h in histories)))
    return figure, "The joint fixed point: aggregates after each pass between values and economy, a line per seed."


def posterior_figure(draws: xr.DataTree, emulator: MomentEmulator, truth: dict[str, float]) -> tuple[Figure, str]:
    """Prior and posterior of each structural parameter, and the truth."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(max(WIDE, 2.3 * len(truth)), 2.6))
        for axes, (name, value) in zip(np.atleast_1d(figure.subplots(1, len(truth))), truth.items(), strict=True):
            values, known = draws["posterior"][name].to_numpy().ravel(), emulator.priors[name].frozen()
            grid = np.linspace(float(known.ppf(0.005)), float(known.ppf(0.995)), 300)
            density = known.pdf(grid)
            axes.fill_between(grid, density / density.max(), color=GREY, alpha=0.35, lw=0)
            counts, edges = np.histogram(values, bins=40)
            axes.stairs(counts / counts.max(), edges, fill=True, color=BAND)
            axes.axvline(value, color=ACCENT, lw=1.5)
            axes.set_title(name, fontsize=10, color=INK)
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
    return figure, "Prior (grey), posterior (blue) and truth (line) of the known economy, each to the same height."
