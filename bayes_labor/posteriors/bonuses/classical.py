"""The estimators of the paper, beside which the posterior is set.

Least squares, pooled and within workers, and logit by statsmodels, all clustered by worker; the conditional logit by the
recursion of :mod:`bayes_labor.likelihoods.logit_panel`, which climbs higher than libraries do.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from math import factorial
from typing import NamedTuple

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import optimize

from bayes_labor.likelihoods.logit_panel import conditional_logit
from bayes_labor.models.panel_design import PanelDesign, told_apart
from bayes_labor.numerics.groups import Groups


class Classical(NamedTuple):
    """A fit; covariances are clustered by worker, with the factor G/(G-1) (N-1)/(N-p)."""

    estimate: pd.Series
    """By term."""
    se: pd.Series
    rows: int
    log_likelihood: float
    r2: float
    """Share of variance explained: by least squares in all of it, within workers in what is left of it there, or McFadden's."""
    r2_adjusted: float
    """Within workers this counts their effects as explained and as parameters, as published."""
    r2_with_effects: float
    """Within workers, of the whole variance, effects counted as explained; elsewhere NaN."""
    covariance: np.ndarray


def pooled(design: PanelDesign) -> Classical:
    """Least squares on all columns of a design."""
    fit = sm.OLS(design.outcome, design.columns).fit(cov_type="cluster", cov_kwds={"groups": design.groups.row})
    found = _classical(design.terms, fit.params, fit.cov_params(), len(design.outcome), fit.llf, fit.rsquared)
    return found._replace(r2_adjusted=float(fit.rsquared_adj))


def logit(design: PanelDesign) -> Classical:
    """Logit of an outcome that is 0 or 1 on all columns, without worker effects."""
    clustered_by = {"cov_type": "cluster", "cov_kwds": {"groups": design.groups.row}}
    fit = sm.Logit(design.outcome, design.columns).fit(**clustered_by, disp=False)
    return _classical(design.terms, fit.params, fit.cov_params(), len(design.outcome), fit.llf, fit.prsquared)


def _classical(
    terms: Sequence[str], estimate: np.ndarray, covariance: np.ndarray, rows: int, log_likelihood: float, r2: float
) -> Classical:
    words = list(terms)
    se = pd.Series(np.sqrt(np.diag(covariance)), words)
    return Classical(pd.Series(estimate, words), se, rows, float(log_likelihood), float(r2), np.nan, np.nan, covariance)


def within(design: PanelDesign, *, count_effects: bool = False) -> Classical:
    """Least squares within workers, on the columns that vary within them and can be told apart there.

    ``count_effects``: standard errors multiplied by sqrt(N/(N-G-p)), as if worker effects were parameters of the clustered
    covariance; the published ones may be such.
    """
    y, groups, terms = design.outcome, design.groups, [design.terms[i] for i in design.varying]
    kept, _ = told_apart(terms, design.columns[:, design.varying], groups)
    x = groups.within(design.columns[:, np.array(design.varying)[kept]])
    fit = sm.OLS(groups.within(y), x).fit()
    n, spare = len(y), len(y) - len(groups.labels) - len(kept)
    covariance = clustered(x, fit.resid, groups, len(kept) + 1) * (n / spare if count_effects else 1.0)
    log_likelihood = -0.5 * n * (np.log(2.0 * np.pi * fit.ssr / n) + 1.0)
    whole = 1.0 - float(fit.ssr / np.sum((y - y.mean()) ** 2))
    found = _classical([terms[i] for i in kept], fit.params, covariance, n, log_likelihood, fit.rsquared)
    return found._replace(r2_adjusted=1.0 - (1.0 - whole) * (n - 1.0) / spare, r2_with_effects=whole)


def clustered(x: np.ndarray, residual: np.ndarray, groups: Groups, parameters: int) -> np.ndarray:
    """(P, P) covariance of slopes on x (N, P) clustered by worker, with the factor G/(G-1) (N-1)/(N-p)."""
    scores = groups.means(x * residual[:, None]) * groups.counts[:, None]
    bread, size = np.linalg.inv(x.T @ x), len(groups.labels)
    factor = size / (size - 1.0) * (len(x) - 1.0) / (len(x) - parameters)
    covariance: np.ndarray = factor * bread @ (scores.T @ scores) @ bread
    return covariance


def conditional(design: PanelDesign) -> Classical:
    """Conditional ("fixed effects") logit, by its exact gradient; rows of workers who always or never won say nothing.

    Errors are clustered by worker, with the factor of :class:`Classical` at the rows and workers that say something.
    """
    won, w, groups = design.outcome, design.columns, design.groups

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = conditional_logit(w @ theta, won, groups.offsets)
        return -value, -(w.T @ slope)

    found = optimize.minimize(objective, np.zeros(w.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-4})
    step = 1e-5 * np.eye(w.shape[1])
    hessian = np.stack([(objective(found.x + s)[1] - objective(found.x - s)[1]) / 2e-5 for s in step])
    share = groups.means(won)
    says = (share > 0) & (share < 1)
    used, workers = int(groups.counts[says].sum()), int(says.sum())
    r2 = 1.0 - found.fun / objective(np.zeros(w.shape[1]))[0]
    rows = w * conditional_logit(w @ found.x, won, groups.offsets)[1][:, None]
    scores = groups.means(rows) * groups.counts[:, None]
    factor = workers / max(workers - 1.0, 1.0) * (used - 1.0) / max(used - len(found.x), 1.0)
    bread = np.linalg.inv(0.5 * (hessian + hessian.T))
    return _classical(design.terms, found.x, factor * bread @ (scores.T @ scores) @ bread, used, -found.fun, r2)


def wald(fit: Classical, terms: Sequence[str]) -> float:
    """F statistic of the hypothesis that the coefficients of ``terms`` are all zero."""
    places = np.flatnonzero(fit.estimate.index.isin(list(terms)))
    b = fit.estimate.iloc[places].to_numpy()
    return float(b @ np.linalg.solve(fit.covariance[np.ix_(places, places)], b) / len(b))


def r2_of(y: np.ndarray, x: np.ndarray) -> float:
    """Of least squares of ``y`` on a constant and ``x`` (N, P)."""
    x = np.column_stack([np.ones(len(y)), x])
    residual = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return float(1.0 - residual @ residual / np.sum((y - y.mean()) ** 2))


def by_subset(blocks: Sequence[str], value: Callable[[tuple[str, ...]], float]) -> dict[tuple[str, ...], float]:
    """``value`` of every subset of ``blocks``, in their order."""
    return {s: value(s) for k in range(len(blocks) + 1) for s in combinations(blocks, k)}


def shapley(blocks: Sequence[str], values: Mapping[tuple[str, ...], float]) -> dict[str, float]:
    """Average increment of each block over all orders in which blocks may enter; the increments add up to the whole."""
    n, found = len(blocks), {}
    for block in blocks:
        total = 0.0
        for subset, value in values.items():
            if block not in subset:
                more = tuple(b for b in blocks if b in subset or b == block)
                total += factorial(len(subset)) * factorial(n - len(subset) - 1) / factorial(n) * (values[more] - value)
        found[block] = total
    return found
