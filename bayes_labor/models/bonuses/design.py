"""Regressors of the bonus regressions: levels, age, tenure, ratings, demographics, years, and worker means (Mundlak)."""

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from bayes_labor.data.bonuses.personnel import TENURES, Personnel
from bayes_labor.data.faults import DataFaults, Fault, first_few
from bayes_labor.models.panel_design import PanelDesign, told_apart
from bayes_labor.models.priors import Prior, Relative, stacked
from bayes_labor.models.settings import Settings
from bayes_labor.numerics.groups import Groups

Block = Literal["levels", "age", "tenure", "ratings", "promoted", "avg_increase"]
BLOCKS: tuple[Block, ...] = ("levels", "age", "tenure", "ratings")

_MEAN = "mean outcome"
_COEFFICIENTS = {
    "intercept": (2.0, "intercept"),
    "levels": (1.5, "levels"),
    "age": (1.0, "age, per ten years"),
    "age squared": (0.5, "age squared"),
    "tenure": (0.5, "tenure"),
    "ratings": (0.5, "ratings"),
    "promoted": (0.5, "promoted"),
    "avg_increase": (2.5, "average increase"),
    "years": (0.3, "contrasts of years"),
    "worker": (0.5, "gender, race and education"),
    "means": (1.0, "worker means"),
}
COEFFICIENTS = {
    name: Prior("normal", (Relative(1.0, _MEAN) if name == "intercept" else 0.0, sd), words)
    for name, (sd, words) in _COEFFICIENTS.items()
}
"""Priors of the coefficients of a log bonus by block, or by term where it has its own."""
STEPS = {
    "levels": Prior("half normal", (0.75,), "levels, each step up"),
    "tenure": Prior("half normal", (0.2,), "tenure, each step up"),
    "ratings": Prior("half normal", (0.2,), "ratings, each step down"),
}
"""Of the steps by which ordered effects cumulate instead."""
FALLING = ("ratings",)
"""Blocks whose ordered effects fall: ratings do from 1, the best."""


class Regressors(Settings):
    """What explains an outcome, in any of the bonus equations."""

    blocks: tuple[Block, ...] = BLOCKS
    """Which of levels, age, tenure at the level, ratings, whether the worker is promoted at the end of the year, and the
    average yearly increase of log salary at the level (rows without one, a hire's first year, are dropped)."""
    means: bool = True
    """Whether worker means, over the rows used, of what varies are regressors too: then slopes are within workers (Mundlak)."""
    demographics: bool = True
    """Whether gender, race and education are, where the panel has them."""
    years: Literal["contrasts", "none"] = "contrasts"
    """``contrasts``: effects of years orthogonal to a constant and a trend. With worker effects age, which rises by one each
    year, cannot be told from a trend; the trend is given to age, as in the paper."""

    @property
    def coefficients(self) -> dict[str, Prior]:
        """Of :data:`COEFFICIENTS` those that are asked for."""
        asked = {"intercept", *self.blocks} | ({"age squared"} if "age" in self.blocks else set())
        asked |= {"years"} if self.years == "contrasts" else set()
        asked |= ({"worker"} if self.demographics else set()) | ({"means"} if self.means else set())
        return {name: prior for name, prior in COEFFICIENTS.items() if name in asked}


class Column(NamedTuple):
    """A regressor by row."""

    name: str
    block: str
    values: np.ndarray


def bonus_design(
    panel: Personnel,
    regressors: Regressors | None = None,
    *,
    rows: pd.DataFrame | None = None,
    outcome: Literal["size", "receipt"] = "size",
    unrated: Literal["drop", "indicator"] = "drop",
    within: bool = False,
) -> PanelDesign:
    """Build a regression of bonuses. The lowest level, tenure, rating and education that occur are the base.

    Parameters
    ----------
    panel
        The panel.
    regressors
        Which.
    rows
        Rows of the panel's table; by default those with a bonus.
    outcome
        The log bonus, or whether there is one.
    unrated
        Rows without a rating: ``drop`` them, as published, or give them an ``indicator``.
    within
        Whether slopes are within workers even where worker means are no regressors.

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
    spec = regressors or Regressors()
    table = _usable(panel, panel.with_bonus if rows is None else rows, spec.blocks, unrated)
    groups, bonus = panel.workers.at(table.index.to_numpy()), table["bonus"].to_numpy(np.float64)
    varying, fixed = _varying(table, spec, unrated), _demographics(table) if spec.demographics else []
    unknown = [c.name for c in [*varying, *fixed] if not np.isfinite(c.values).all()]
    if unknown:
        what = f"missing values in {first_few(unknown)}"
        raise DataFaults([Fault(what, panel.name, "complete the columns, drop the rows, or leave the block out")])
    left_out = {} if groups.repeated else dict.fromkeys(("worker effects", "worker means"), "one row a worker")
    means = spec.means and not left_out
    between = [Column(f"mean of {c.name}", "means", groups.means(c.values)[groups.row]) for c in varying] if means else []
    if means or within:
        varying, why = _told_apart(varying, groups, " within workers")
        left_out |= why | {c.name: "never varies" for c in fixed if not np.ptp(c.values) > 0}
        fixed = [c for c in (*fixed, *between) if np.ptp(c.values) > 0]
    else:
        varying, why = _told_apart([*varying, *fixed], None, "")
        left_out, fixed = left_out | why, []
    columns = [Column("intercept", "intercept", np.ones(len(table))), *varying, *fixed]
    y = np.log(bonus) if outcome == "size" else (bonus > 0).astype(np.float64)
    priors = (COEFFICIENTS.get(c.name, COEFFICIENTS[c.block]) for c in columns)
    mean, sd = stacked(prior.within({_MEAN: y.mean()}) for prior in priors).values
    return PanelDesign(
        y,
        np.column_stack([c.values for c in columns]),
        tuple(c.name for c in columns),
        tuple(c.block for c in columns),
        mean,
        sd,
        groups,
        table,
        left_out,
    )


def _usable(panel: Personnel, rows: pd.DataFrame, blocks: tuple[Block, ...], unrated: str) -> pd.DataFrame:
    """The rows that have what the blocks need."""
    columns = (("age", "age"), ("rating", "ratings"), ("avg_increase", "avg_increase"))
    lacking = [c for c, b in columns if b in blocks and c not in rows]
    if lacking:
        raise DataFaults(
            [Fault(f"the panel has no {', '.join(lacking)}", panel.name, "leave the block out, or add the column")]
        )
    needed = ["rating"] if "ratings" in blocks and unrated == "drop" else []
    found = rows.dropna(subset=[*needed, *(["avg_increase"] if "avg_increase" in blocks else [])])
    if not len(found):
        raise DataFaults([Fault("no rows are left", panel.name, "check bonus and rating")])
    return found


def _told_apart(columns: list[Column], groups: Groups | None, where: str) -> tuple[list[Column], dict[str, str]]:
    if not columns:
        return [], {}
    kept, left_out = told_apart([c.name for c in columns], np.column_stack([c.values for c in columns]), groups, where)
    return [columns[i] for i in kept], left_out


def dummies(values: pd.Series, name: str, top: int | None = None) -> dict[str, np.ndarray]:
    """(rows,) 0 or 1 for each value that occurs but the lowest; ``top`` stands for itself and all above."""
    found = values.to_numpy(np.float64)
    known = np.unique(found[np.isfinite(found)]).astype(np.int64)
    return {f"{name} {k}{'+' if k == top else ''}": (found == k).astype(np.float64) for k in known[1:]}


def person(table: pd.DataFrame, *names: str) -> dict[str, np.ndarray]:
    """(rows,) by name, of these columns where there are any, and of education."""
    found = {n: table[n].to_numpy(np.float64) for n in names if n in table}
    return found | (dummies(table["educ"], "education") if "educ" in table else {})


def _varying(table: pd.DataFrame, spec: Regressors, unrated: str) -> list[Column]:
    """What varies within workers."""
    by_block: dict[str, dict[str, np.ndarray]] = {}
    if "levels" in spec.blocks:
        by_block["levels"] = dummies(table["level"], "level")
    if "age" in spec.blocks:
        a = (table["age"].to_numpy(np.float64) - 39.0) / 10.0
        by_block["age"] = {"age": a, "age squared": a**2}
    if "tenure" in spec.blocks:
        by_block["tenure"] = dummies(table["ten_level"].clip(upper=TENURES), "tenure", TENURES)
    if "ratings" in spec.blocks:
        missing = {"rating missing": table["rating"].isna().to_numpy(np.float64)} if unrated == "indicator" else {}
        by_block["ratings"] = dummies(table["rating"], "rating") | missing
    if "promoted" in spec.blocks:
        by_block["promoted"] = {"promoted": table["promoted"].to_numpy(np.float64)}
    if "avg_increase" in spec.blocks:
        by_block["avg_increase"] = {"average increase": table["avg_increase"].to_numpy(np.float64)}
    if spec.years == "contrasts":
        contrasts = year_contrasts(table["year"].to_numpy())
        by_block["years"] = {f"year contrast {i + 1}": v for i, v in enumerate(contrasts)}
    return [Column(name, block, values) for block, own in by_block.items() for name, values in own.items()]


def _demographics(table: pd.DataFrame) -> list[Column]:
    return [Column(name, "worker", values) for name, values in person(table, "female", "nonwhite").items()]


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
