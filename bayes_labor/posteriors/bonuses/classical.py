"""The estimators of the paper, beside which the posterior is set.

Pooled least squares and logit by statsmodels, least squares within workers by linearmodels, all clustered by worker; the
conditional logit by the recursion of :mod:`bayes_labor.likelihoods.logit_panel`, which climbs higher than libraries do.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from math import factorial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import statsmodels.api as sm
from linearmodels.panel import PanelOLS
from scipy import optimize

from bayes_labor.likelihoods.logit_panel import conditional_logit
from bayes_labor.models.panel_design import FIXED, PanelDesign, told_apart


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


def pooled(y: np.ndarray, design: PanelDesign) -> Classical:
    """Least squares on all columns of a design, whose outcome is ``y`` (N,)."""
    fit = sm.OLS(y, design.columns).fit(cov_type="cluster", cov_kwds={"groups": design.worker})
    return _labelled(fit, design.terms, len(y), float(fit.llf), float(fit.rsquared), float(fit.rsquared_adj))


def logit(won: np.ndarray, design: PanelDesign) -> Classical:
    """Logit of ``won`` (N,), 0 or 1, on all columns, without worker effects."""
    fit = sm.Logit(won, design.columns).fit(cov_type="cluster", cov_kwds={"groups": design.worker}, disp=False)
    return _labelled(fit, design.terms, len(won), float(fit.llf), float(fit.prsquared), np.nan)


def _labelled(
    fit: Any, terms: Sequence[str], n: int, log_likelihood: float, r2: float, adjusted: float
) -> Classical:  # fmt: skip
    words = list(terms)
    covariance = np.asarray(fit.cov_params())
    return Classical(
        pd.Series(fit.params, words), pd.Series(fit.bse, words), n, log_likelihood, r2, adjusted, np.nan, covariance
    )  # fmt: skip


def within(y: np.ndarray, design: PanelDesign, *, count_effects: bool = False) -> Classical:
    """Least squares within workers, on the columns that vary within them and can be told apart there.

    ``count_effects``: standard errors multiplied by sqrt(N/(N-G-p)), as if worker effects were parameters of the clustered
    covariance; the published ones may be such.
    """
    varying = [i for i, b in enumerate(design.blocks) if b not in FIXED]
    kept, _ = told_apart([design.terms[i] for i in varying], design.columns[:, varying], design.worker)
    varying = [varying[i] for i in kept]
    terms = [design.terms[i] for i in varying]
    _, row, counts = np.unique(design.worker, return_inverse=True, return_counts=True)
    times = np.arange(len(y)) - np.append(0, np.cumsum(counts)[:-1])[row] if _sorted(row) else np.arange(len(y))
    index = pd.MultiIndex.from_arrays([design.worker, times], names=["worker", "row"])
    x = pd.DataFrame(design.columns[:, varying], index, terms)
    model = PanelOLS(pd.Series(y, index, name="y"), x, entity_effects=True)
    fit = model.fit(cov_type="clustered", cluster_entity=True, group_debias=True)
    n, groups, p = len(y), len(counts), len(terms)
    # The library's small-sample factor differs in the fourth digit; its estimates and the usual factor are used.
    covariance = _sandwich(x.to_numpy(), np.asarray(fit.resids), row, p + 1)
    covariance *= n / (n - groups - p) if count_effects else 1.0
    squares = float(np.sum(np.asarray(fit.resids) ** 2))
    whole = 1.0 - squares / float(np.sum((y - y.mean()) ** 2))
    return Classical(
        pd.Series(np.asarray(fit.params), terms), pd.Series(np.sqrt(np.diag(covariance)), terms), n,
        -0.5 * n * (np.log(2.0 * np.pi * squares / n) + 1.0), float(fit.rsquared_within),
        1.0 - (1.0 - whole) * (n - 1.0) / (n - groups - p), whole, covariance,
    )  # fmt: skip


def _sorted(row: np.ndarray) -> bool:
    return bool(np.all(np.diff(row) >= 0))


def _sandwich(x: np.ndarray, residual: np.ndarray, row: np.ndarray, parameters: int) -> np.ndarray:
    """Clustered covariance of within slopes; ``x`` as it is, worker means are taken off here."""
    return clustered(within_worker(x, row), residual, row, parameters)


def within_worker(values: np.ndarray, worker: np.ndarray) -> np.ndarray:
    """(N, P) less the worker's means."""
    _, row, counts = np.unique(worker, return_inverse=True, return_counts=True)
    return values - np.stack([np.bincount(row, v) / counts for v in values.T], axis=1)[row]


def clustered(x: np.ndarray, residual: np.ndarray, worker: np.ndarray, parameters: int) -> np.ndarray:
    """(P, P) covariance clustered by worker, with the factor G/(G-1) (N-1)/(N-p)."""
    _, row = np.unique(worker, return_inverse=True)
    groups = row.max() + 1
    scores = np.stack([np.bincount(row, x[:, j] * residual) for j in range(x.shape[1])], axis=1)
    bread = np.linalg.inv(x.T @ x)
    factor = groups / (groups - 1.0) * (len(x) - 1.0) / (len(x) - parameters)
    covariance: np.ndarray = factor * bread @ (scores.T @ scores) @ bread
    return covariance


def conditional(won: np.ndarray, design: PanelDesign) -> Classical:
    """Conditional ("fixed effects") logit, by its exact gradient; rows of workers who always or never won say nothing."""
    offsets = np.append(np.unique(design.worker, return_index=True)[1], len(won)).astype(np.int64)
    w = design.columns

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = conditional_logit(w @ theta, won, offsets)
        return -value, -(w.T @ slope)

    found = optimize.minimize(objective, np.zeros(w.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-4})
    step = 1e-5 * np.eye(w.shape[1])
    hessian = np.stack([(objective(found.x + s)[1] - objective(found.x - s)[1]) / 2e-5 for s in step])
    wins = np.add.reduceat(won, offsets[:-1])
    used = int(np.diff(offsets)[(wins > 0) & (wins < np.diff(offsets))].sum())
    nothing = -objective(np.zeros(w.shape[1]))[0]
    terms, covariance = list(design.terms), np.linalg.inv(0.5 * (hessian + hessian.T))
    return Classical(
        pd.Series(found.x, terms), pd.Series(np.sqrt(np.diag(covariance)), terms), used, -float(found.fun),
        1.0 + float(found.fun) / nothing, np.nan, np.nan, covariance,
    )  # fmt: skip


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
