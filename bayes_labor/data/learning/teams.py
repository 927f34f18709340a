"""Workers in teams over years: the table of the learning regression, and the gaps between coworkers' wage ranks."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_labor.data.faults import DataFaults, Fault, first_few
from bayes_labor.data.shown import as_html, described
from bayes_labor.data.tables import as_frame

GAPS = ("more skilled", "less skilled", "more skilled, squared", "less skilled, squared")
"""Regressors of equation 6 of the slides, in the order theta1+, theta1-, theta2+, theta2-."""


@dataclass(frozen=True)
class Teams:
    """Who worked where in which year, at what wage.

    Raises
    ------
    DataFaults
        All faults at once: missing columns or values, wages that are no numbers, two rows of a worker in a year.

    """

    table: pd.DataFrame
    """Columns ``worker``, ``team``, ``year``, ``wage``; a row per worker and year."""
    name: str = "teams"

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", as_frame(self.table))
        missing = [c for c in ("worker", "team", "year", "wage") if c not in self.table]
        if missing:
            raise DataFaults([Fault(f"columns {', '.join(missing)} are missing", self.name, "worker, team, year and wage")])
        t, faults = self.table, []
        if not (pd.api.types.is_numeric_dtype(t["wage"]) and pd.api.types.is_numeric_dtype(t["year"])):
            faults.append(Fault("wage or year is not a number", self.name, "convert them"))
        empty = t[["worker", "team", "year", "wage"]].isna().any(axis=1)
        if empty.any():
            faults.append(Fault(f"{int(empty.sum())} rows with missing values", self.name, "drop or complete them"))
        twice = t.duplicated(["worker", "year"])
        if twice.any():
            where = first_few([f"{w} in {y}" for w, y in zip(t.loc[twice, "worker"], t.loc[twice, "year"], strict=True)])
            faults.append(Fault(f"workers with two rows in a year: {where}", self.name, "one main job per worker and year"))
        if faults:
            raise DataFaults(faults)

    def __repr__(self) -> str:
        t = self.table
        rows, workers, teams = len(t), t["worker"].nunique(), t["team"].nunique()
        years = f"{t['year'].min():g} to {t['year'].max():g}"
        return f"Teams({self.name!r}: {rows:,} rows of {workers:,} workers in {teams:,} teams, {years})"

    def _repr_html_(self) -> str:
        """For notebooks: what it is, and quantiles of wages."""
        return as_html(repr(self), described(self.table, ["wage"]))

    def stayers(self) -> pd.DataFrame:
        """Workers in the same team as the year before, by row: change of the wage rank and gaps to coworkers then.

        Ranks are percentiles of all wages of a year, 100 (average rank - 1/2) / N. Gaps are averages over coworkers of the
        year before, of their rank less one's own where positive, where negative, and of the squares of either.

        Returns
        -------
        pd.DataFrame
            ``worker``, ``team``, ``year`` (of the change), ``size`` of the team the year before, ``change``, and :data:`GAPS`.

        Raises
        ------
        DataFaults
            If nobody stays.

        """
        t = self.table.copy()
        t["rank"] = 100.0 * (t.groupby("year")["wage"].rank() - 0.5) / t.groupby("year")["wage"].transform("size")
        before = t[["worker", "team", "year", "rank"]].assign(**_gaps(t)).assign(year=t["year"] + 1)
        before = before.rename(columns={"rank": "rank_before"})
        both = t.merge(before, on=["worker", "team", "year"], how="inner")
        if both.empty:
            raise DataFaults([Fault("nobody is in the same team two years running", self.name, "check team and year")])
        both["change"] = both["rank"] - both["rank_before"]
        return both[["worker", "team", "year", "size", "change", *GAPS]].sort_values(
            ["team", "worker", "year"], ignore_index=True
        )


def _gaps(t: pd.DataFrame) -> dict[str, np.ndarray]:
    """Gaps to the coworkers of the same year by row, in one pass over workers sorted by team, year and rank.

    Sums over coworkers above and below are differences of cumulative sums, so that large teams cost no more than small ones.
    """
    group = t.groupby(["team", "year"], sort=False).ngroup().to_numpy()
    rank = t["rank"].to_numpy()
    order = np.lexsort((rank, group))
    g, r = group[order], rank[order]
    starts = np.flatnonzero(np.append(True, np.diff(g) > 0))
    sizes = np.diff(np.append(starts, len(g)))
    first, last = np.repeat(starts, sizes), np.repeat(starts + sizes, sizes)
    place = np.arange(len(g))
    found = np.empty((4, len(g)))
    # Ranks are centred in their team: sums of squares then lose no digits to the level.
    r = r - np.repeat(np.add.reduceat(r, starts) / sizes, sizes)
    sums, squares = np.append(0.0, np.cumsum(r)), np.append(0.0, np.cumsum(r**2))
    for sign, (a, b) in enumerate(((place, last), (first, place))):
        n, s, q = b - a, sums[b] - sums[a], squares[b] - squares[a]
        found[sign], found[2 + sign] = s - n * r, q - 2.0 * r * s + n * r**2
    result = np.empty_like(found)
    result[:, order] = found / np.maximum(last - first - 1, 1)
    size = np.empty(len(g), np.int64)
    size[order] = last - first
    return dict(zip(GAPS, np.where(np.abs(result) < 1e-9, 0.0, result), strict=True)) | {"size": size}
