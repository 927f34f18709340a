"""How far posterior standard deviations are right where errors of a worker are correlated, or of unequal variance.

A posterior with normal errors of one variance is as wide as that assumption says. The spread of its center over samples of
workers, whatever their errors, is the sandwich of Huber and White clustered by worker; where the two part, intervals are too
narrow or too wide.
"""

import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.models.bonuses.size import BonusSpec
from bayes_labor.numerics.groups import Groups
from bayes_labor.posteriors.bonuses.results import coefficients, spreads
from bayes_labor.posteriors.diagnostics import Gate

PART = 1.1
"""Ratio of a clustered error to a posterior standard deviation, or the other way round, beyond which they part."""


def robust_errors(draws: xr.DataTree, panel: Personnel, spec: BonusSpec) -> pd.DataFrame:
    """Posterior standard deviations and clustered standard errors of the coefficients of a log bonus with normal errors.

    Parameters
    ----------
    draws
        Of :func:`bayes_labor.models.bonus_size` for this panel and specification, which must have normal errors and no ratings
        summed over.
    panel
        The panel.
    spec
        The specification.

    Returns
    -------
    pd.DataFrame
        By term: posterior ``mean`` and ``sd``, the ``clustered se`` at the posterior means of both variances (generalised least
        squares under the priors, with the factor G/(G-1) (N-1)/(N-p)), and their ``ratio``, clustered over posterior.

    """
    design = spec.design(panel)
    theta, scales = coefficients(draws, design.terms), spreads(draws)
    sigma, tau = (float(scales[n].mean()) for n in ("sigma", "tau"))
    groups = design.groups
    share = (1.0 - sigma / np.sqrt(sigma**2 + groups.counts * tau**2))[groups.row]
    x = design.columns - share[:, None] * groups.means(design.columns)[groups.row]
    residual = design.outcome - design.columns @ theta.mean(0)
    residual = residual - share * groups.means(residual)[groups.row]
    workers = panel.workers.at(design.table.index.to_numpy())  # of whom pooled regressions know nothing
    clustered = np.sqrt(np.diag(sandwich(x, residual, workers, sigma, design.prior_sd)))
    table = pd.DataFrame({"mean": theta.mean(0), "sd": theta.std(0)}, pd.Index(design.terms, name="term"))
    return table.assign(**{"clustered se": clustered, "ratio": clustered / table["sd"]})


def sandwich(x: np.ndarray, residual: np.ndarray, workers: Groups, sigma: float, prior_sd: np.ndarray) -> np.ndarray:
    """(P, P) covariance, clustered by worker, of coefficients on x (N, P), with errors of sd sigma and priors of sd (P,)."""
    scores = workers.means(x * residual[:, None]) * workers.counts[:, None] / sigma**2
    prior = np.diag(prior_sd**-2.0)  # what it tells varies like a sample of its own
    bread = np.linalg.inv(x.T @ x / sigma**2 + prior)
    size, n = len(workers.labels), len(x)
    factor = size / max(size - 1.0, 1.0) * (n - 1.0) / max(n - x.shape[1], 1.0)
    found: np.ndarray = bread @ (factor * scores.T @ scores + prior) @ bread
    return found


def where_they_part(table: pd.DataFrame) -> list[Gate]:
    """A caution that names the coefficients whose two errors part, worst first; none where they agree."""
    apart = np.abs(np.log(table["ratio"])).sort_values(ascending=False)
    worst = table.loc[apart.index[apart > np.log(PART)]]
    if worst.empty:
        return []
    named = [f"{t} {clustered:.3g} against {sd:.3g}" for t, clustered, sd in worst[["clustered se", "sd"]].head(3).itertuples()]
    value = (
        f"they part by more than {PART - 1:.0%} for {len(worst)} of {len(table)} coefficients, clustered errors being between "
        f"{table['ratio'].min():.2f} and {table['ratio'].max():.2f} times as large; furthest {'; '.join(named)}"
    )
    advice = "report the clustered errors beside the intervals, or fit errors='student'"
    return [Gate("posterior sds and errors clustered by worker", value, False, advice)]
