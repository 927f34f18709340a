"""How far posterior standard deviations are right where errors of a worker are correlated, or of unequal variance.

A posterior with normal errors of one variance is as wide as that assumption says. The spread of its center over samples of
workers, whatever their errors, is the sandwich of Huber and White clustered by worker, found here by leaving out one after the
other; where the two part, intervals are too narrow or too wide.
"""

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.models.bonuses.size import BonusSpec
from bayes_labor.numerics.groups import Groups
from bayes_labor.posteriors.bonuses.results import coefficients, spreads
from bayes_labor.posteriors.diagnostics import Gate

_END, _LEAST_FREEDOM = 0.97, 2.0
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
        squares under the priors, by :func:`jackknife`), and their ``ratio``, clustered over posterior.

    """
    design = spec.design(panel)
    theta = coefficients(draws, design.terms)
    clustered = np.sqrt(np.diag(clustered_covariance(draws, panel, spec)))
    table = pd.DataFrame({"mean": theta.mean(0), "sd": theta.std(0)}, pd.Index(design.terms, name="term"))
    return table.assign(**{"clustered se": clustered, "ratio": clustered / table["sd"]})


def clustered_covariance(draws: xr.DataTree, panel: Personnel, spec: BonusSpec) -> np.ndarray:
    """(P, P) covariance of the coefficients, clustered by worker; arguments as of :func:`robust_errors`."""
    return jackknife(*_weighted(draws, panel, spec))


def _weighted(draws: xr.DataTree, panel: Personnel, spec: BonusSpec) -> tuple[np.ndarray, np.ndarray, Groups, np.ndarray]:
    """(regressors (N, P) and residuals (N,) with errors of sd one, workers, precisions (P,) of the prior).

    Quasi-demeaned at the posterior means of both variances: generalised least squares.
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
    return x / sigma, residual / sigma, workers, design.prior_sd**-2.0


def robust_draws(draws: xr.DataTree, panel: Personnel, spec: BonusSpec) -> xr.DataTree:
    """The draws with coefficients around the same center, but with the covariance clustered by worker.

    Where errors are not what the model says, a posterior around the same center with the sandwich's covariance has the smaller
    risk in large samples (Mueller, "Risk of Bayesian Inference in Misspecified Models, and the Sandwich Covariance Matrix",
    Econometrica 2013). Draws are moved by the linear map that gives them this covariance, :func:`jackknife`'s, widened for each
    coefficient so that a 94% interval ends where Student's t does, with as many degrees of freedom as workers that it rests on,
    less one. Draws of the variances stay.

    Parameters
    ----------
    draws, panel, spec
        As of :func:`robust_errors`.

    Returns
    -------
    xr.DataTree
        With another ``theta``; the other variables and groups are those given.

    """
    terms = spec.design(panel).terms
    x, residual, workers, precision = _weighted(draws, panel, spec)
    freedom = np.maximum(effective_workers(x, workers, precision) - 1.0, _LEAST_FREEDOM)
    wider: np.ndarray = np.asarray(stats.t.ppf(_END, freedom)) / float(stats.norm.ppf(_END))
    theta = draws["posterior"]["theta"].sel(term=list(terms)).transpose("chain", "draw", "term")
    flat = theta.to_numpy().reshape(-1, len(terms))
    wide = wider[:, None] * np.linalg.cholesky(jackknife(x, residual, workers, precision))
    turn = wide @ np.linalg.inv(np.linalg.cholesky(np.cov(flat.T)))
    moved = theta.copy(data=(flat.mean(0) + (flat - flat.mean(0)) @ turn.T).reshape(theta.shape))
    posterior = draws["posterior"].to_dataset().assign(theta=moved)
    found = xr.DataTree.from_dict({g: draws[g].to_dataset() for g in draws.children} | {"posterior": posterior})
    found.attrs.update(draws.attrs)
    return found


def jackknife(x: np.ndarray, residual: np.ndarray, workers: Groups, precision: np.ndarray) -> np.ndarray:
    """(P, P) covariance of coefficients from leaving out one worker after the other (CR3), and what the prior's varies by.

    ``x`` (N, P) and ``residual`` (N,) have errors of sd one; ``precision`` (P,) is the prior's. With few workers behind a
    coefficient the plain sandwich is too narrow (MacKinnon, Nielsen and Webb, "Cluster-robust inference: A guide to empirical
    practice", Journal of Econometrics 2023). What a worker moves is exact, without another regression.
    """
    bread = np.linalg.inv(x.T @ x + np.diag(precision))
    order = np.argsort(workers.row, kind="stable")
    moved = np.empty((len(workers.labels), x.shape[1]))
    for worker, rows in enumerate(np.split(order, np.cumsum(workers.counts)[:-1])):
        own, left = x[rows], residual[rows]
        moved[worker] = bread @ own.T @ np.linalg.solve(np.eye(len(rows)) - own @ bread @ own.T, left)
    size = len(moved)
    found: np.ndarray = (size - 1.0) / size * moved.T @ moved + bread @ np.diag(precision) @ bread
    return found


def effective_workers(x: np.ndarray, workers: Groups, precision: np.ndarray) -> np.ndarray:
    """(P,) workers that a coefficient rests on: (sum of weights)^2 / sum of squared weights, a weight being what one tells.

    After Carter, Schnepel and Steigerwald, "Asymptotic Behavior of a t-Test Robust to Cluster Heterogeneity", Review of
    Economics and Statistics 2017. Arguments as of :func:`jackknife`.
    """
    told = np.square(x @ np.linalg.inv(x.T @ x + np.diag(precision)))
    weight = workers.means(told) * workers.counts[:, None]
    found: np.ndarray = np.square(weight.sum(0)) / np.square(weight).sum(0)
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
    advice = "report the clustered errors (robust=True has intervals by them), or fit errors='student'"
    return [Gate("posterior sds and errors clustered by worker", value, False, advice)]
