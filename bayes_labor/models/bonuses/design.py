"""Regressors of the bonus regressions: levels, age, tenure, ratings, demographics, years, and worker means (Mundlak)."""

from typing import Literal

import numpy as np
import pandas as pd

from bayes_labor.data.bonuses.personnel import TENURES, Personnel
from bayes_labor.data.faults import DataFaults, Fault, first_few
from bayes_labor.models.panel_design import PanelDesign, group_means, told_apart

Block = Literal["levels", "age", "tenure", "ratings", "promoted", "avg_increase"]
BLOCKS: tuple[Block, ...] = ("levels", "age", "tenure", "ratings")


def bonus_design(
    panel: Personnel, blocks: tuple[Block, ...] = BLOCKS, *, rows: pd.DataFrame | None = None, means: bool = True,
    demographics: bool = True, years: Literal["contrasts", "none"] = "contrasts",
    ratings: Literal["drop", "indicator"] = "drop", within: bool | None = None,
) -> PanelDesign:  # fmt: skip
    """Build the regressors. The lowest level, tenure, rating and education that occur are the base.

    Parameters
    ----------
    panel
        The panel.
    blocks
        Which of levels, age, tenure at the level, ratings, whether the worker is promoted at the end of the year, and the
        average yearly increase of log salary at the level (rows without one, a hire's first year, are dropped).
    rows
        Rows of the panel's table; by default those with a bonus.
    means
        Add worker means, over these rows, of everything that varies within workers: slopes are then the within estimator's.
    demographics
        Add gender, race and education, where the panel has them.
    years
        ``contrasts``: effects of years orthogonal to a constant and a trend. With worker effects age, which rises by one each
        year, cannot be told from a trend; the trend is given to age, as in the paper.
    ratings
        Rows without a rating: ``drop`` them, as published, or give them an ``indicator``.
    within
        Whether slopes are within workers; by default where worker means are regressors.

    Returns
    -------
    PanelDesign
        Without what the rows cannot tell, named in ``left_out``: columns that never vary (within workers, where slopes are) or
        are combinations of others, and worker means and effects where nobody has two rows.

    Raises
    ------
    DataFaults
        For columns that the panel lacks, or no rows.

    """
    table = panel.with_bonus if rows is None else rows
    columns = (("age", "age"), ("rating", "ratings"), ("avg_increase", "avg_increase"))
    needed = [c for c, b in columns if b in blocks and c not in table]
    if needed:
        raise DataFaults([Fault(f"the panel has no {', '.join(needed)}", panel.name, "leave the block out, or add the column")])
    if "ratings" in blocks and ratings == "drop":
        table = table[table["rating"].notna()]
    if "avg_increase" in blocks:
        table = table[table["avg_increase"].notna()]
    if not len(table):
        raise DataFaults([Fault("no rows are left", panel.name, "check bonus and rating")])
    varying = _varying(table, blocks, years, ratings)
    fixed = _demographics(table) if demographics else []
    unknown = [p[0] for p in [*varying, *fixed] if not np.isfinite(p[2]).all()]
    if unknown:
        what = f"missing values in {first_few(unknown)}"
        raise DataFaults([Fault(what, panel.name, "complete the columns, drop the rows, or leave the block out")])
    by = table["id"].to_numpy()
    left_out = {} if table["id"].duplicated().any() else dict.fromkeys(("worker effects", "worker means"), "one row a worker")
    means = means and not left_out
    between = [(f"mean of {n}", "means", group_means(v, by), 1.0) for n, _, v, _ in varying] if means else []
    if means or within:
        varying, why = _told_apart(varying, by, " within workers")
        fixed, constant = _varied(fixed)
    else:
        found, why = _told_apart([*varying, *fixed], np.zeros(len(table)), "")
        varying, fixed, constant = [p for p in found if p[1] != "worker"], [p for p in found if p[1] == "worker"], {}
    parts: list[_Part] = [("1", "intercept", np.ones(len(table)), 2.0), *varying, *fixed, *_varied(between)[0]]
    return PanelDesign(
        table, np.column_stack([p[2] for p in parts]), tuple(p[0] for p in parts), tuple(p[1] for p in parts),
        np.array([p[3] for p in parts]), left_out | why | constant,
    )  # fmt: skip


_Part = tuple[str, str, np.ndarray, float]


def _told_apart(parts: list[_Part], group: np.ndarray, where: str) -> tuple[list[_Part], dict[str, str]]:
    if not parts:
        return [], {}
    kept, left_out = told_apart([p[0] for p in parts], np.column_stack([p[2] for p in parts]), group, where)
    return [parts[i] for i in kept], left_out


def _varied(parts: list[_Part]) -> tuple[list[_Part], dict[str, str]]:
    """(those that are not constant, why not by name of the others)."""
    return [p for p in parts if np.ptp(p[2]) > 0], {p[0]: "never varies" for p in parts if not np.ptp(p[2]) > 0}


def dummies(values: np.ndarray, name: str, top: int | None = None) -> dict[str, np.ndarray]:
    """(rows,) 0 or 1 for each value that occurs but the lowest; ``top`` stands for itself and all above."""
    known = np.unique(values[np.isfinite(values)]).astype(np.int64)
    return {f"{name} {k}{'+' if k == top else ''}": (values == k).astype(np.float64) for k in known[1:]}


def _varying(table: pd.DataFrame, blocks: tuple[Block, ...], years: str, ratings: str) -> list[_Part]:
    """(name, block, values, prior sd) of what varies within workers."""
    parts: list[_Part] = []
    if "levels" in blocks:
        parts += [(n, "levels", v, 1.5) for n, v in dummies(table["level"].to_numpy(np.float64), "level").items()]
    if "age" in blocks:
        a = (table["age"].to_numpy(np.float64) - 39.0) / 10.0
        parts += [("age", "age", a, 1.0), ("age squared", "age", a**2, 0.5)]
    if "tenure" in blocks:
        tenure = np.minimum(table["ten_level"].to_numpy(np.float64), TENURES)
        parts += [(n, "tenure", v, 0.5) for n, v in dummies(tenure, "tenure", TENURES).items()]
    if "ratings" in blocks:
        rating = table["rating"].to_numpy(np.float64)
        parts += [(n, "ratings", v, 0.5) for n, v in dummies(rating, "rating").items()]
        if ratings == "indicator":
            parts.append(("rating missing", "ratings", np.isnan(rating).astype(np.float64), 0.5))
    if "promoted" in blocks:
        parts.append(("promoted", "promoted", table["promoted"].to_numpy(np.float64), 0.5))
    if "avg_increase" in blocks:
        parts.append(("average increase", "avg_increase", table["avg_increase"].to_numpy(np.float64), 2.5))
    if years == "contrasts":
        parts += [(f"year contrast {i + 1}", "years", v, 0.3) for i, v in enumerate(year_contrasts(table["year"].to_numpy()))]
    return parts


def _demographics(table: pd.DataFrame) -> list[_Part]:
    parts: list[_Part] = [(n, "worker", table[n].to_numpy(np.float64), 0.5) for n in ("female", "nonwhite") if n in table]
    if "educ" in table:
        parts += [(n, "worker", v, 0.5) for n, v in dummies(table["educ"].to_numpy(np.float64), "education").items()]
    return parts


def year_contrasts(year: np.ndarray) -> list[np.ndarray]:
    """Values at every row of an orthonormal basis of year effects orthogonal to a constant and a linear trend."""
    years, at = np.unique(year, return_inverse=True)
    if len(years) < 3:
        return []
    basis = np.linalg.qr(np.vander(years - years.mean(), len(years), increasing=True) / np.arange(1, len(years) + 1))[0]
    trend = np.linalg.qr(np.stack([np.ones(len(years)), years - years.mean()], axis=1))[0]
    rest = basis - trend @ (trend.T @ basis)
    left = np.linalg.svd(rest)[0][:, : len(years) - 2]
    return [left[at, j] for j in range(left.shape[1])]
