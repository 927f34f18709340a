"""How far posterior standard deviations are right where errors of a worker are correlated, or of unequal variance.

A posterior with normal errors of one variance is as wide as that assumption says. The spread of its center over samples of
workers, whatever their errors, is the sandwich of Huber and White clustered by worker; where the two part, intervals are too
narrow or too wide.
"""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.models.bonuses.size import LIKELIHOOD, BonusSpec, clusters_of
from bayes_labor.models.sandwich import sandwich, whitened
from bayes_labor.posteriors.bonuses.results import coefficients, spreads
from bayes_labor.posteriors.diagnostics import Gate

ROBUST = (
    "Coefficients are robust: draws with normal errors are moved so that their covariance is the sandwich clustered by worker, "
    "and intervals hold whatever the variances of errors and their correlation within workers. "
)
"""What a page says of them."""
MANY = 100
"""Workers below which 94% intervals with clustered errors held the truth less often than 93 times in a hundred."""
PART = 1.1
"""Ratio of a clustered error to a posterior standard deviation, or the other way round, beyond which they part."""


def with_priors(spec: Any) -> Any:
    """The specification whose coefficients are those that have the priors: robust ones are made of them."""
    return spec.model_copy(update={"robust": False}) if getattr(spec, "robust", False) else spec


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
    theta, scales = coefficients(draws, design.terms, LIKELIHOOD if spec.robust else "theta"), spreads(draws)
    sigma, tau = (float(scales[n].mean()) for n in ("sigma", "tau"))
    x, residual = whitened(design, theta.mean(0), sigma, tau)
    # By worker in pooled regressions too, which know nothing of workers.
    clustered = np.sqrt(np.diag(sandwich(x, residual, clusters_of(panel, design), sigma, design.prior_sd)))
    table = pd.DataFrame({"mean": theta.mean(0), "sd": theta.std(0)}, pd.Index(design.terms, name="term"))
    return table.assign(**{"clustered se": clustered, "ratio": clustered / table["sd"]})


def too_few(workers: int) -> list[Gate]:
    """A caution on errors clustered by fewer workers than :data:`MANY`."""
    if workers >= MANY:
        return []
    value = f"{workers} workers: errors clustered by so few are too small, if less so than the likelihood's"
    return [Gate("robust errors of few workers", value, False, "report both, and fit fewer coefficients")]


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
    advice = "fit robust=True, whose intervals have the clustered errors, or errors='student'"
    return [Gate("posterior sds and errors clustered by worker", value, False, advice)]
