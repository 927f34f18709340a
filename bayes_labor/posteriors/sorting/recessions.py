"""Whether series tell booms from recessions: a rule on the posterior itself, and others' answers beside it.

The smoothed probabilities p_t of recession remove the share 1 - mean_t H(p_t) / H(mean_t p_t) of the uncertainty about the
states, H the entropy of yes and no: 1 where every year is classified, 0 where all years look alike. Growth alone, and a Markov
regression without any economics, say what an outsider would have known of the NBER's recession years.
"""

import warnings

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special, stats

from bayes_labor.data.sorting.macro import MacroSeries
from bayes_labor.posteriors.diagnostics import Gate

ENOUGH = 0.5
"""Share of the uncertainty about the states that the series must remove."""
SLACK = 0.02
"""Of the area under the curve, by which plain growth may know recession years better."""
_MONTHS, _FEW, _GROWTH = 6, 10, 2
_SCORES = ("AUC", "in recessions", "outside", "Brier", "log score", "information")


def information(chance: np.ndarray) -> float:
    """Share of the uncertainty about the states that the probabilities ``chance`` (T,) of recession remove, in [0, 1]."""
    before = _entropy(np.mean(chance))
    return float(1.0 - np.mean(_entropy(chance)) / before) if before > 0 else 0.0


def _entropy(p: np.ndarray | float) -> np.ndarray:
    found: np.ndarray = special.entr(p) + special.entr(1.0 - np.asarray(p))
    return found


def area_under_curve(score: np.ndarray, recession: np.ndarray) -> float:
    """Chance that a recession year has the higher score than another year, ties counted half."""
    yes, no = score[recession], score[~recession]
    return float(stats.mannwhitneyu(yes, no).statistic / (len(yes) * len(no)))


def nber_years(series: MacroSeries) -> tuple[np.ndarray, np.ndarray] | None:
    """((T,) whether a year is compared, (T,) whether it is a recession): six or more months, or none; others are left out.

    None where there are no dates, or years of one kind only.
    """
    if series.recession_months is None:
        return None
    recession = series.recession_months >= _MONTHS
    compared = (recession | (series.recession_months == 0)) & series.seen.any(1)
    both = 0 < recession[compared].sum() < compared.sum()
    return (compared, recession) if both else None


def chance_of_recession(draws: xr.DataTree) -> np.ndarray:
    """(T,) smoothed probabilities of recession, averaged over the posterior."""
    found: np.ndarray = draws["posterior"]["recession"].mean(("chain", "draw")).to_numpy()
    return found


def recession_scores(fits: dict[str, xr.DataTree], series: MacroSeries) -> pd.DataFrame:
    """Who knows the NBER's recession years: ours by name of the fit, a Markov regression, and growth turned round.

    Returns
    -------
    pd.DataFrame
        By method: area under the curve ``AUC``; mean probability ``in recessions`` and ``outside``; ``Brier`` and ``log score``
        (mean log probability of what happened; higher is better); ``information``, see :func:`information`. Empty without
        dates. The others are statsmodels' MarkovRegression of growth, two regimes, switching mean, and its
        MarkovAutoregression of order one.

    """
    years = nber_years(series)
    if years is None:
        return pd.DataFrame()
    chances = {n: chance_of_recession(d) for n, d in fits.items()}
    for name, own in (("MarkovRegression", False), ("MarkovAutoregression", True)):
        other = markov_regression(series, autoregression=own)
        if other is not None:
            chances[name] = other
    rows = {name: _scores(chance, *years) for name, chance in chances.items()}
    if _growth_seen(series):
        rows["minus growth"] = {"AUC": _growth_area(series, *years)}
    return pd.DataFrame(rows, _SCORES).T.rename_axis("method")


def _scores(chance: np.ndarray, compared: np.ndarray, recession: np.ndarray) -> dict[str, float]:
    use = compared & np.isfinite(chance)
    p, yes = chance[use], recession[use]
    logs = np.log(np.maximum(np.where(yes, p, 1.0 - p), 1e-12))
    found = (area_under_curve(p, yes), p[yes].mean(), p[~yes].mean(), np.mean((p - yes) ** 2), np.mean(logs), information(p))
    return dict(zip(_SCORES, found, strict=True))


def _growth_seen(series: MacroSeries) -> bool:
    return bool(series.seen[:, _GROWTH].sum() >= _FEW)


def _growth_area(series: MacroSeries, compared: np.ndarray, recession: np.ndarray) -> float:
    use = compared & series.seen[:, _GROWTH]
    return area_under_curve(-series.observed[use, _GROWTH], recession[use])


def markov_regression(series: MacroSeries, *, autoregression: bool = False) -> np.ndarray | None:
    """(T,) smoothed probability of the regime of lower mean growth, NaN where growth is not seen; None with few values.

    With ``autoregression`` growth less the regime's mean follows its own last value, and the first year has no probability.
    """
    from statsmodels.tsa.regime_switching.markov_autoregression import MarkovAutoregression
    from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

    seen = series.seen[:, _GROWTH]
    if not _growth_seen(series) or not seen[np.argmax(seen) :].all():
        return None
    growth = series.observed[seen, _GROWTH]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its remarks on convergence and on the covariance of parameters
        if autoregression:
            model = MarkovAutoregression(growth, 2, order=1, switching_ar=False)
        else:
            model = MarkovRegression(growth, 2, trend="c")
        found = model.fit(disp=False)
    means = [found.params[list(found.model.param_names).index(f"const[{k}]")] for k in (0, 1)]
    smoothed = np.asarray(found.smoothed_marginal_probabilities)[:, int(np.argmin(means))]
    chance = np.full(len(seen), np.nan)
    chance[np.flatnonzero(seen)[len(growth) - len(smoothed) :]] = smoothed
    return chance


def regimes_told(draws: xr.DataTree, series: MacroSeries) -> Gate:
    """Whether the series tell regimes apart: enough information, and recession years known no worse than by growth alone."""
    chance = chance_of_recession(draws)
    share, years = information(chance[series.seen.any(1)]), nber_years(series)
    words, passed = f"{share:.0%} of the uncertainty about the states removed, should be {ENOUGH:.0%} or more", share >= ENOUGH
    if years is not None and _growth_seen(series):
        compared, recession = years
        ours, plain = area_under_curve(chance[compared], recession[compared]), _growth_area(series, *years)
        words += f"; NBER years: AUC {ours:.2f}, growth alone {plain:.2f}"
        passed = passed and ours >= plain - SLACK
    advice = "these series do not tell regimes apart: read no recession off them; give series of the dispersions"
    return Gate("series tell regimes apart", words, bool(passed), advice)
