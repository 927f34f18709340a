"""Whether ranks are uniform: simultaneous bands of their empirical distribution (Säilynoja, Bürkner and Vehtari 2022)."""

from functools import lru_cache

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from bayes_labor.posteriors.style import ACCENT, BAND, GREY, INK, STYLE, WIDE, in_legend

_CELLS = 100  # into which the unit interval is cut
_SIMULATED = 100_000  # samples under uniformity: p-values come in steps of one in so many
_LEVEL = 0.01


def uniformity(ranks: pd.DataFrame) -> pd.Series:
    """p-value of each column of ranks in (0, 1) under uniformity.

    What is tested is the largest deviation of the empirical distribution anywhere, at its own binomial probability: unlike
    Kolmogorov's, it sees too many ranks at the ends as well as a lean. The least p-value is 1e-5.
    """
    n, null = len(ranks), _null(len(ranks))
    found = {c: _least_tail(_counts(ranks[c].to_numpy()), n) for c in ranks}
    return pd.Series({c: (np.searchsorted(null, v, side="right") + 1) / (len(null) + 1) for c, v in found.items()})


def alarm_level(columns: int) -> float:
    """p-value of a column below which there is an alarm: one run in a hundred has one if all ranks are uniform."""
    return _LEVEL / columns


def rank_picture(ranks: pd.DataFrame) -> Figure:
    """Empirical distribution of every column's ranks minus the uniform one, with the band that holds all but 1% of them.

    The band is of one column where there is one, and of all at once (Bonferroni's) where there are several; columns that leave
    it have names.
    """
    n, z = len(ranks), _grid()
    gamma = float(np.quantile(_null(n), alarm_level(ranks.shape[1])))
    low, high = stats.binom.ppf(gamma / 2, n, z) / n, stats.binom.ppf(1 - gamma / 2, n, z) / n
    p = uniformity(ranks)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDE, 4.0))
        axes = figure.subplots()
        axes.fill_between(z, low - z, high - z, color=BAND, lw=0, alpha=0.5, label="all but 1% of runs, all columns at once")
        axes.axhline(0.0, color=GREY, lw=0.8)
        for column, alarm in zip(ranks, p < alarm_level(ranks.shape[1]), strict=True):
            (line,) = axes.plot(z, _counts(ranks[column].to_numpy()) / n - z, color=INK, lw=0.6)
            if alarm:
                line.set(color=ACCENT, lw=1.6, label=in_legend(str(column)))
        axes.set_xlabel("rank of the true value among posterior draws")
        axes.set_ylabel("share of data sets below, minus uniform")
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, fontsize=8)
    return figure


def _grid() -> np.ndarray:
    return np.arange(1, _CELLS) / _CELLS


def _counts(ranks: np.ndarray) -> np.ndarray:
    """How many ranks are at or below each point of the grid."""
    found: np.ndarray = np.searchsorted(np.sort(ranks), _grid(), side="right")
    return found


def _least_tail(counts: np.ndarray, n: int) -> np.ndarray:
    """Twice the least binomial tail probability over the grid, of counts (..., cells - 1)."""
    found: np.ndarray = _tails(n)[counts, np.arange(_CELLS - 1)].min(-1)
    return found


@lru_cache(maxsize=8)
def _tails(n: int) -> np.ndarray:
    """(n + 1, cells - 1) twice the lesser tail probability of each count at each point of the grid."""
    count, z = np.arange(n + 1)[:, None], _grid()
    return 2.0 * np.minimum(stats.binom.cdf(count, n, z), stats.binom.sf(count - 1, n, z))


@lru_cache(maxsize=8)
def _null(n: int) -> np.ndarray:
    """Sorted values of the statistic for samples of n uniform numbers."""
    rng, found = np.random.default_rng(n), []
    for _ in range(_SIMULATED // 10_000):
        cells = rng.multinomial(n, np.full(_CELLS, 1.0 / _CELLS), size=10_000)
        found.append(_least_tail(np.cumsum(cells, axis=1)[:, :-1], n))
    return np.sort(np.concatenate(found))
