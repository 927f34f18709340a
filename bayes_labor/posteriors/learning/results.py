"""Results of a solved economy of learning on the job: who works with whom, markdowns, where growth comes from."""

from itertools import pairwise

import numpy as np
import pandas as pd

from bayes_labor.theory.learning.certificate import BOUND, FEWEST, LARGEST_ERROR, LEVEL, Paths, agreement
from bayes_labor.theory.learning.equilibrium import SolvedEconomy
from bayes_labor.theory.learning.primitives import Parameters, coworker_gaps
from bayes_labor.theory.learning.simulation import Economy, contracts_of

TENURES = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
_WORST = 0.02
APART = 0.02
"""Of two seeds in the surplus of the same workers."""
TERMS = ("ability", "firm", "more skilled", "less skilled")


class TooFew(ValueError):
    """Fewer solutions than a published result needs."""


def refusals(solutions: list[SolvedEconomy]) -> list[str]:
    """Why the numbers of these solutions must not be read; empty where they may.

    There must be two seeds, whose paths pay the value in all groups of firms, whose surpluses Delta of the same workers differ
    by less than :data:`APART` (root mean square over the mean), and whose worker's value solves its equation.
    """
    paths = [(s.settings.seed, s.certificate.paths) for s in solutions]
    found = [f"seed {seed}: paths {p.outcome} ({path_words(p)})" for seed, p in paths if not p.agrees]
    if len({s.settings.seed for s in solutions}) < 2:
        found.append("a result needs solutions from two seeds, whose difference is its error: solve a second one")
    else:
        first, second = solutions[:2]
        both = agreement(first.value, second.value, first.economy, first.p)
        if not both.surplus < APART:
            found.append(
                f"the seeds differ by {both.surplus:.1%} in the surplus of the same workers, should be below {APART:.0%}"
            )
    if not all(wages_hold(s) for s in solutions):
        found.append("the value of a worker does not solve its equation at the wages that workers have: train it longer")
    return found


def path_words(paths: Paths) -> str:
    """The test of paths in a few words."""
    return (
        f"joint test p = {paths.p_value:.2g}, should be {LEVEL:g} or more; largest difference {paths.worst:.2%} of the value, "
        f"should be {BOUND:.2%} or less; largest standard error {paths.error:.2%}, should be {LARGEST_ERROR:.2%} or less; "
        f"{int(paths.whole.paths[0]):,} paths, should be {FEWEST:,} or more"
    )


def check_published(solutions: list[SolvedEconomy]) -> None:
    """Raises TooFew with all :func:`refusals`: what any result must carry."""
    found = refusals(solutions)
    if found:
        raise TooFew("; ".join(found))


def wages_hold(solution: SolvedEconomy) -> bool:
    """Whether the equation of a worker's value holds to 2% at workers' wages, and the value rises with the wage there."""
    found = solution.certificate.worker
    return found is not None and found.relative < _WORST and found.least_slope > 0.0


def growth_terms(economy: Economy, p: Parameters) -> np.ndarray:
    """(N_e, 4) parts of log growth of employed workers at the next learning event, in the order of :data:`TERMS`."""
    log_h, log_a = economy.teams()
    here = economy.roster >= 0
    gap, others = coworker_gaps(log_h, here)
    more, less = p.theta_p * np.maximum(gap, 0.0).sum(2) / others, p.theta_m * np.minimum(gap, 0.0).sum(2) / others
    q = np.broadcast_to(economy.log_q[:, None], log_h.shape)
    return np.stack([v[here] for v in (log_a, q, more, less)], 1)


def decompose_growth(terms: np.ndarray) -> pd.DataFrame:
    """Shares of the variance of growth: own on the diagonal, twice the covariance above it; they add to one."""
    covariance = np.cov(terms.T, ddof=0)
    share = (2.0 * covariance - np.diag(np.diag(covariance))) / covariance.sum()
    return pd.DataFrame(share, pd.Index(TERMS, name="term"), TERMS).where(np.triu(np.ones((4, 4), bool)))


def markdowns(solution: SolvedEconomy, economies: list[Economy]) -> pd.DataFrame:
    """W / J by tenure, and U / J: means over jobs, with the number of jobs."""
    tables = []
    for economy in economies:
        found = contracts_of(economy, solution.value, solution.worker, solution.p)
        tenure = economy.clock[0] - economy.hired[found.worker]
        product = found.outside + found.surplus
        tables.append(pd.DataFrame({"tenure": tenure, "W/J": found.markdown, "U/J": found.outside / product}))
    table = pd.concat(tables)
    edges = [*TENURES, np.inf]
    labels = [f"{a:g}-{b:g}" if np.isfinite(b) else f"{a:g}+" for a, b in pairwise(edges)]
    groups = table.groupby(pd.cut(table.pop("tenure"), edges, right=False, labels=labels), observed=False)
    return groups.mean().assign(jobs=groups.size()).rename_axis("tenure, years")


def coworkers(economies: list[Economy]) -> pd.DataFrame:
    """A row per employed worker: own log h and log a, means of coworkers' (NaN alone), the firm's log z and log q."""
    tables = []
    for e in economies:
        log_h, log_a = e.teams()
        here = e.roster >= 0
        others = np.where(e.size > 1, e.size - 1, np.nan)[:, None]
        mean_h, mean_a = ((v.sum(1, keepdims=True) - v) / others for v in (log_h, log_a))
        z, q = (np.broadcast_to(v[:, None], log_h.shape) for v in (e.log_z, e.log_q))
        columns = {"log_h": log_h, "log_a": log_a, "coworker_log_h": mean_h, "coworker_log_a": mean_a, "log_z": z, "log_q": q}
        tables.append(pd.DataFrame({n: v[here] for n, v in (columns | {"wage": e.wage[e.roster]}).items()}))
    return pd.concat(tables, ignore_index=True)


def by_percentile(table: pd.DataFrame, own: str, bins: int = 20) -> pd.DataFrame:
    """Means of everything by percentile of one's own ``log_h`` or ``log_a``."""
    group = np.minimum((table[own].rank(pct=True) * bins).astype(int), bins - 1)
    found = table.groupby(group).mean()
    found.index = pd.Index((found.index + 0.5) * 100.0 / bins, name=f"percentile of own {own}")
    return found


def summary(solution: SolvedEconomy, economies: list[Economy]) -> dict[str, float]:
    """Aggregates of one solution, averaged over years."""
    rows = []
    for e in economies:
        work, h, staffed = e.employer >= 0, np.exp(e.log_h), e.size[e.size > 0]
        wage = e.wage[work]
        row = {"employment": work.mean(), "mean size": staffed.mean(), "share empty": (e.size == 0).mean()}
        row |= {"mean h": h.mean(), "variance of h": h.var(), "mean wage": wage.mean(), "variance of wages": wage.var()}
        rows.append(row | {"wages below zero": (wage < 0).mean(), "sd of log h, employed": e.log_h[work].std()})
    found = {str(k): float(v) for k, v in pd.DataFrame(rows).mean().items()}
    jobs = contracts_of(economies[-1], solution.value, solution.worker, solution.p)
    return found | {"mean surplus": float(jobs.surplus.mean()), "mean W/J": float(jobs.markdown.mean())}
