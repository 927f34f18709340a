"""Rows and regressors of the promotion prize: who is promoted, what promotion brings, and the bonuses it may replace.

Three groups of rated rows of one panel, sorted by worker and year: all of them (equation 6), those promoted whose increase is
known (equation 5), and those with a bonus (equation 8).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from bayes_labor.data.bonuses.personnel import TENURES, Personnel
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.models.bonuses.design import Block, bonus_design, dummies
from bayes_labor.models.panel_design import PanelDesign, told_apart

Base = Literal["salary", "total"]
Covariates = Literal["A", "B", "C"]


@dataclass(frozen=True)
class PrizeDesign:
    """What the three equations see; see :func:`prize_design`."""

    promoted: np.ndarray
    """(N,) 0 or 1."""
    chance: np.ndarray
    """(N, P) regressors of promotion."""
    chance_terms: tuple[str, ...]
    rise: np.ndarray
    """(n,) log increase on promotion, where it is known."""
    rise_design: np.ndarray
    """(n, K) its regressors."""
    rise_terms: tuple[str, ...]
    rise_rows: np.ndarray
    """(n,) places of these rows among the N."""
    bonus: PanelDesign
    """Regressors of the log bonus, the prize not among them."""
    bonus_rise_design: np.ndarray
    """(m, K) the regressors of the increase at the rows with a bonus."""
    bonus_rows: np.ndarray
    """(m,) places of these rows among the N."""
    rise_worker: np.ndarray
    """(n,) row of the worker, below G, by row with a known increase."""
    bonus_worker: np.ndarray
    """(m,) row of the worker by row with a bonus."""
    workers: int
    """G."""
    means: bool
    """Whether worker means are regressors of the bonus, the prize's among them."""
    left_out: dict[str, str]
    """Why, by name, of what the rows cannot tell."""

    @property
    def log_bonus(self) -> np.ndarray:
        """(m,)."""
        return np.log(self.bonus.table["bonus"].to_numpy(np.float64))

    def mean_by_worker(self, values: np.ndarray) -> np.ndarray:
        """(m,) mean over a worker's rows with a bonus, at each of them."""
        counts = np.bincount(self.bonus_worker, minlength=self.workers)
        return (np.bincount(self.bonus_worker, values, self.workers) / np.maximum(counts, 1))[self.bonus_worker]


def log_increase(table: pd.DataFrame, base: Base = "salary") -> np.ndarray:
    """(rows,) log pay of the next year less that of this one, for workers promoted in between; NaN elsewhere.

    ``base``: pay is the ``salary``, or the ``total`` of salary and bonus. With the total this year's bonus enters with a minus
    sign, so that rows with a high bonus have low increases whatever the truth (division bias).
    """
    pay = np.log(table["salary"] + (table["bonus"] if base == "total" else 0.0))
    follows = table["id"].eq(table["id"].shift(-1)) & (table["year"].shift(-1) == table["year"] + 1)
    return (pay.shift(-1) - pay).where(follows & (table["promoted"] == 1)).to_numpy(np.float64)


def prize_design(
    panel: Personnel, blocks: tuple[Block, ...], *, covariates: Covariates = "C", base: Base = "salary", means: bool = True,
    demographics: bool = True, years: Literal["contrasts", "none"] = "contrasts",
) -> PrizeDesign:  # fmt: skip
    """Build the three groups.

    Parameters
    ----------
    panel
        The panel; rated rows are used.
    blocks, means, demographics, years
        Of the bonus equation: see :func:`bayes_labor.models.bonuses.design.bonus_design`. No worker means where nobody has two
        bonuses.
    covariates
        Of the increase: ``A`` age, level, tenure at the level and rating; ``B`` also tenure at the firm, gender and education;
        ``C`` titles too.
    base
        See :func:`log_increase`.

    Raises
    ------
    DataFaults
        For columns that the panel lacks, or a group without rows.

    """
    needed = ["age", "rating", *(["title"] if covariates == "C" else [])]
    lacking = [c for c in needed if c not in panel.table]
    if lacking:
        raise DataFaults(
            [Fault(f"the panel has no {', '.join(lacking)}", panel.name, "add the columns, or use covariates='A'")]
        )
    table = panel.table.assign(log_increase=log_increase(panel.table, base))
    table = table[table["rating"].notna()].reset_index(drop=True)
    known = np.flatnonzero(table["log_increase"].notna())
    chance, chance_terms, why = _kept(_chance(table), "promotion", np.arange(len(table)))
    # A regressor that says nothing where increases are known is left out: its effect elsewhere would be the prior's.
    rise, rise_terms, why_rise = _kept(_rise(table, covariates), "increase", known)
    bonus = bonus_design(
        panel, blocks, rows=table[table["bonus"] > 0], means=means, demographics=demographics, years=years
    )  # fmt: skip
    for what, rows in (("promoted rows with a known increase", known), ("rows with a bonus", bonus.table)):
        if len(rows) < 2:
            raise DataFaults(
                [Fault(f"no {what}", panel.name, "give consecutive years with salary, promoted, bonus and rating")]
            )
    at = bonus.table.index.to_numpy()
    ids = table["id"].to_numpy()
    workers = np.unique(np.concatenate([ids[known], ids[at]]))
    return PrizeDesign(
        table["promoted"].to_numpy(np.float64), chance, chance_terms, table["log_increase"].to_numpy()[known], rise[known],
        rise_terms, known, bonus, rise[at], at, np.searchsorted(workers, ids[known]), np.searchsorted(workers, ids[at]),
        len(workers), means and bonus.repeated, bonus.left_out | why | why_rise,
    )  # fmt: skip


def _dummies(values: pd.Series, name: str) -> dict[str, np.ndarray]:
    return dummies(values.to_numpy(np.float64), name)


def _person(table: pd.DataFrame) -> dict[str, np.ndarray]:
    parts = {"female": table["female"].to_numpy(np.float64)} if "female" in table else {}
    return parts | (_dummies(table["educ"], "education") if "educ" in table else {})


def _kept(
    parts: dict[str, np.ndarray], equation: str, rows: np.ndarray
) -> tuple[np.ndarray, tuple[str, ...], dict[str, str]]:  # fmt: skip
    """(a constant and those that can be told apart at ``rows``, their names, why not by name of the others)."""
    names, columns = list(parts), np.column_stack(list(parts.values()))
    kept, why = told_apart(names, columns[rows], np.zeros(len(rows)))
    both = np.column_stack([np.ones(len(columns)), columns[:, kept]])
    return both, ("1", *(names[i] for i in kept)), {f"{equation}: {n}": reason for n, reason in why.items()}


def _chance(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Equation (6): level, tenure, age, person, and the rating relative to the mean of the level in the year."""
    relative = table["rating"] / table.groupby(["level", "year"])["rating"].transform("mean")
    tenure = table["ten_level"].clip(upper=TENURES)
    parts = _dummies(table["level"], "level") | _dummies(tenure, "tenure")
    parts |= {"age": (table["age"].to_numpy(np.float64) - 38.0) / 10.0} | _person(table)
    return parts | {"relative rating": relative.to_numpy(np.float64) - 1.0}


def _rise(table: pd.DataFrame, covariates: Covariates) -> dict[str, np.ndarray]:
    """Equation (5)."""
    parts = _dummies(table["level"], "level") | {"age": (table["age"].to_numpy(np.float64) - 38.0) / 10.0}
    parts |= {"tenure": table["ten_level"].to_numpy(np.float64) - 3.0} | _dummies(table["rating"], "rating")
    if covariates != "A":
        parts |= {"tenure at the firm": table["ten_firm"].to_numpy(np.float64) - 6.0} | _person(table)
    if covariates == "C":
        for _, own in table.groupby("level"):
            titles = np.unique(own["title"])
            parts |= {f"title {t}": (table["title"] == t).to_numpy(np.float64) for t in titles[1:]}
    return parts
