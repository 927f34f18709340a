"""Moments that the slides calibrate to, of any table of workers, teams, years and wages; in ranks, so without unit."""

import numpy as np
import pandas as pd

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.learning.teams import GAPS, Teams


def wage_moments(table: pd.DataFrame) -> pd.Series:
    """Moments of the calibration table.

    Parameters
    ----------
    table
        ``worker``, ``team``, ``year``, ``wage``; a row per person and year, the team missing where there is no job. Without
        such rows the moments of employment are NaN.

    Returns
    -------
    pd.Series
        By name. Sizes are of teams with workers. Stayers are in the same team as the year before; their changes are of ranks in
        percent. ``EN`` and ``NE``: shares of those (non-)employed who are not (are) employed a year later, of persons seen in
        both years. ``theta`` coefficients: equation 6 with team effects. ``raw firm effects`` is the variance of estimated
        effects, most of which is sampling noise in small teams.

    Raises
    ------
    DataFaults
        For missing columns, and for what :class:`bayes_labor.data.Teams` refuses.

    """
    missing = [c for c in ("worker", "team", "year", "wage") if c not in table]
    if missing:
        raise DataFaults([Fault(f"columns {', '.join(missing)} are missing", "moments", "worker, team, year and wage")])
    jobs = table[table["team"].notna()]
    teams = Teams(jobs[["worker", "team", "year", "wage"]], "moments")
    rank = 100.0 * (jobs.groupby("year")["wage"].rank() - 0.5) / jobs.groupby("year")["wage"].transform("size")
    size = jobs.groupby(["team", "year"])["worker"].transform("size")
    sizes = jobs.groupby(["team", "year"]).size()
    wages = jobs["wage"].quantile([0.25, 0.5, 0.75])
    within = (rank - rank.groupby([jobs["team"], jobs["year"]]).transform("mean")).var(ddof=0)
    rows = teams.stayers()
    found = {"mean size": sizes.mean(), "P50 size": sizes.median(), "P90 size": sizes.quantile(0.9)}
    found |= {"p50 - p25 wages": wages[0.5] - wages[0.25], "p75 - p50 wages": wages[0.75] - wages[0.5]}
    found |= {"between share of ranks": 1.0 - within / rank.var(ddof=0), "size and rank": np.corrcoef(size, rank)[0, 1]}
    found |= {"mean change": rows["change"].mean(), "variance of change": rows["change"].var()}
    found |= {"variance of team changes": rows.groupby(["team", "year"])["change"].mean().var()}
    return pd.Series(found | _equation_6(rows) | _levels_and_growth(rows, rank, jobs) | _employment(table))


def _equation_6(rows: pd.DataFrame) -> dict[str, float]:
    """Slopes within teams, and the variance of the estimated effects."""
    names = ["change", *GAPS]
    means = rows.groupby("team")[names].transform("mean")
    inside = (rows[names] - means).to_numpy()
    slopes = np.linalg.lstsq(inside[:, 1:], inside[:, 0], rcond=None)[0]
    effects = rows.groupby("team")[names].mean()
    found = {"theta1+": slopes[0], "theta1-": slopes[1], "theta2+": slopes[2], "theta2-": slopes[3]}
    return found | {"raw firm effects": float((effects["change"] - effects[list(GAPS)].to_numpy() @ slopes).var())}


def _levels_and_growth(rows: pd.DataFrame, rank: pd.Series, jobs: pd.DataFrame) -> dict[str, float]:
    """Correlations of mean ranks with mean changes, over teams and over workers."""
    found = {}
    for name in ("team", "worker"):
        level, growth = rank.groupby(jobs[name]).mean(), rows.groupby(name)["change"].mean()
        both = pd.concat([level, growth], axis=1, join="inner")
        found[f"{name} level and growth"] = float(np.corrcoef(both.to_numpy().T)[0, 1])
    return found


def _employment(table: pd.DataFrame) -> dict[str, float]:
    """Rates from year to year among persons seen in both."""
    names = ("employment", "EN", "NE")
    if table["team"].notna().all():
        return dict.fromkeys(names, float("nan"))
    now = table[["worker", "year"]].assign(job=table["team"].notna())
    before = now.assign(year=now["year"] + 1).rename(columns={"job": "before"})
    both = now.merge(before, on=["worker", "year"])
    lost = 1.0 - both.loc[both["before"], "job"].mean()
    return dict(zip(names, (now["job"].mean(), lost, both.loc[~both["before"], "job"].mean()), strict=True))
