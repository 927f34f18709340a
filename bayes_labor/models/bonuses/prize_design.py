"""Rows and regressors of the promotion prize: who is promoted, what promotion brings, and the bonuses it may replace.

Three regressions on rated rows of one panel, sorted by worker and year: all of them (equation 6), those promoted whose increase
is known (equation 5), and those with a bonus (equation 8).
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import PositiveFloat

from bayes_labor.data.bonuses.personnel import TENURES, Personnel
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.models.bonuses.design import Regressors, bonus_design, dummies, person
from bayes_labor.models.laws import check_terms, of_terms
from bayes_labor.models.panel_design import PanelDesign, told_apart
from bayes_labor.models.priors import Prior, stacked
from bayes_labor.numerics.groups import Groups

Pay = Literal["salary", "total"]
Covariates = Literal["A", "B", "C"]
PRIZE = ("prize", "mean of prize")
"""Terms that the expected prize adds to the bonus equation, the second with worker means only."""


class PrizeSpec(Regressors):
    """What the prize is made of, and what else explains bonuses; worker means are those of the prize too."""

    by_term: ClassVar[tuple[str, ...]] = ("chance", "rise", "theta")
    covariates: Covariates = "C"
    """Of the increase: ``A`` age, level, tenure at the level and rating; ``B`` also tenure at the firm, gender and education;
    ``C`` titles too."""
    worker_prize: bool = True
    """Whether a worker's own effect on increases is part of the prize (the paper's prize A; not its B and C)."""
    pay: Pay = "salary"
    """Pay whose increase is the prize; with ``total`` the bonus itself enters the prize with a minus sign."""
    chance: PositiveFloat = 2.0
    """Normal of the coefficients of promotion."""
    rise: PositiveFloat = 0.3
    """Normal of the coefficients of the increase."""
    rho: PositiveFloat = 5.0
    """Normal of the effect of the prize on the log bonus, within and between workers."""
    effect_rise: PositiveFloat = 0.1
    """Half-normals of the standard deviations: of omega, of mu, and of the errors."""
    effect: PositiveFloat = 1.0
    error_rise: PositiveFloat = 0.2
    error: PositiveFloat = 1.0

    @property
    def rows(self) -> dict[str, Prior]:
        """Priors by equation, by block of coefficients of the log bonus, and by parameter."""
        spreads = {
            "sd_omega": Prior("half normal", (self.effect_rise,), "sd of omega (worker effects, increase)"),
            "sd_mu": Prior("half normal", (self.effect,), "sd of mu (worker effects, bonus)"),
            "sd_rise": Prior("half normal", (self.error_rise,), "sd of errors, increase"),
            "sd_bonus": Prior("half normal", (self.error,), "sd of errors, bonus"),
        }
        corr = {"corr": Prior("uniform", (-1.0, 1.0), "correlation of omega and mu")} if self.worker_prize else {}
        return (
            {
                "chance": Prior("normal", (0.0, self.chance), "promotion, every coefficient"),
                "rise": Prior("normal", (0.0, self.rise), "increase, every coefficient"),
                "rho": Prior("normal", (0.0, self.rho), "rho (prize), within and between workers"),
            }
            | self.coefficients
            | spreads
            | corr
        )

    def design(self, panel: Personnel) -> "PrizeDesign":
        """Rows and regressors, but those that the rows cannot tell."""
        return prize_design(panel, self)


@dataclass(frozen=True)
class PrizeDesign:
    """What the three equations see; see :func:`prize_design`."""

    promotion: PanelDesign
    """Whether promoted, of the N rated rows."""
    increase: PanelDesign
    """Log increase on promotion, of the n rows where it is known."""
    increase_rows: np.ndarray
    """(n,) places of these rows among the N."""
    bonus: PanelDesign
    """Log bonus of the m rows with one, the prize not among its regressors."""
    bonus_rows: np.ndarray
    """(m,) places of these rows among the N."""
    increase_at_bonus: np.ndarray
    """(m, K) the regressors of the increase at the rows with a bonus."""
    increase_workers: Groups
    """Of the n rows, among the G workers with an increase or a bonus; some have no row here."""
    bonus_workers: Groups
    """Of the m rows, among the same G."""
    means: bool
    """Whether worker means are regressors of the bonus, the prize's among them."""
    rho: Prior
    """Of the prize's effects."""

    @property
    def left_out(self) -> dict[str, str]:
        """Why, by name, of what the rows cannot tell."""
        return self.bonus.left_out | self.promotion.left_out | self.increase.left_out

    def with_prize(self, prize: np.ndarray) -> PanelDesign:
        """The bonus equation with the prize (m,) and, if others' worker means are there, its worker mean."""
        groups = self.bonus.groups
        extra = [prize, groups.means(prize)[groups.row]] if self.means else [prize]
        return self.bonus.extended(PRIZE[: len(extra)], "prize", extra, self.rho)


def log_increase(table: pd.DataFrame, kind: Pay = "salary") -> np.ndarray:
    """(rows,) log pay of the next year less that of this one, for workers promoted in between; NaN elsewhere.

    ``kind``: pay is the ``salary``, or the ``total`` of salary and bonus. With the total this year's bonus enters with a minus
    sign, so that rows with a high bonus have low increases whatever the truth (division bias).
    """
    pay = np.log(table["salary"] + (table["bonus"] if kind == "total" else 0.0))
    follows = table["id"].eq(table["id"].shift(-1)) & (table["year"].shift(-1) == table["year"] + 1)
    return (pay.shift(-1) - pay).where(follows & (table["promoted"] == 1)).to_numpy(np.float64)


def prize_design(panel: Personnel, spec: PrizeSpec) -> PrizeDesign:
    """Build the three regressions on a panel's rated rows. No worker means where nobody has two bonuses.

    Raises
    ------
    DataFaults
        For columns that the panel lacks, or a regression without rows.

    """
    lacking = [c for c in ("age", "rating", *(["title"] if spec.covariates == "C" else [])) if c not in panel.table]
    if lacking:
        remedy = "add the columns, or use covariates='A'"
        raise DataFaults([Fault(f"the panel has no {', '.join(lacking)}", panel.name, remedy)])
    table = panel.table.assign(log_increase=log_increase(panel.table, spec.pay))
    table = table[table["rating"].notna() & table["promoted"].notna()]
    if table["age"].isna().any():
        raise DataFaults([Fault("missing values in age", panel.name, "complete the column, or drop the rows")])
    rated, known = panel.workers.at(table.index.to_numpy()), np.flatnonzero(table["log_increase"].notna())
    bonus = bonus_design(panel, spec, rows=table[table["bonus"] > 0])
    for what, rows in (("promoted rows with a known increase", known), ("rows with a bonus", bonus.table)):
        if len(rows) < 2:
            remedy = "give consecutive years with salary, promoted, bonus and rating"
            raise DataFaults([Fault(f"no {what}", panel.name, remedy)])
    promotion = _regression(table["promoted"], _chance(panel, table), "promotion", np.arange(len(table)), rated, spec, "chance")
    # A regressor that says nothing where increases are known is left out: its effect elsewhere would be the prior's.
    rises = _rise(panel, table, spec.covariates)
    increase = _regression(table["log_increase"], rises, "increase", known, rated, spec, "rise")
    at = np.flatnonzero(table.index.isin(bonus.table.index))
    both = rated.at(np.append(known, at))
    return PrizeDesign(
        promotion,
        increase,
        known,
        bonus,
        at,
        np.column_stack([np.ones(len(at)), *(rises[t][at] for t in increase.terms[1:])]),
        Groups(both.labels, both.row[: len(known)]),
        Groups(both.labels, both.row[len(known) :]),
        spec.means and bonus.groups.repeated,
        spec.table["rho"],
    )


def _regression(
    outcome: pd.Series,
    parts: dict[str, np.ndarray],
    equation: str,
    rows: np.ndarray,
    groups: Groups,
    spec: PrizeSpec,
    vector: str,
) -> PanelDesign:
    """On a constant and those parts that can be told apart at ``rows``."""
    own = of_terms(spec.table, vector)
    check_terms(vector, own, ["intercept", *parts])
    columns = np.column_stack(list(parts.values()))[rows]
    kept, why = told_apart(list(parts), columns)
    terms = ("intercept", *(list(parts)[i] for i in kept))
    mean, sd = stacked(own.get(t, spec.table[vector]) for t in terms).values
    return PanelDesign(
        outcome.to_numpy(np.float64)[rows],
        np.column_stack([np.ones(len(rows)), columns[:, kept]]),
        terms,
        ("intercept", *[equation] * len(kept)),
        mean,
        sd,
        groups.at(rows),
        left_out={f"{equation}: {n}": reason for n, reason in why.items()},
    )


def _chance(panel: Personnel, table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Equation (6): level, tenure, age, person, and the rating relative to the mean of the level in the year."""
    relative = table["rating"] / table.groupby(["level", "year"])["rating"].transform("mean")
    parts = dummies(table["level"], "level", words=panel.words.get("level"))
    parts |= dummies(table["ten_level"].clip(upper=TENURES), "tenure")
    parts |= {"age": (table["age"].to_numpy(np.float64) - 38.0) / 10.0} | person(table, "female")
    return parts | {"relative rating": relative.to_numpy(np.float64) - 1.0}


def _rise(panel: Personnel, table: pd.DataFrame, covariates: Covariates) -> dict[str, np.ndarray]:
    """Equation (5)."""
    parts = dummies(table["level"], "level", words=panel.words.get("level"))
    parts |= {"age": (table["age"].to_numpy(np.float64) - 38.0) / 10.0}
    parts |= {"tenure": table["ten_level"].to_numpy(np.float64) - 3.0}
    parts |= dummies(table["rating"], "rating", words=panel.words.get("rating"))
    if covariates != "A":
        parts |= {"tenure at the firm": table["ten_firm"].to_numpy(np.float64) - 6.0} | person(table, "female")
    if covariates == "C":
        for _, own in table.groupby("level"):
            titles = sorted(own["title"].dropna().unique().tolist())
            parts |= {f"title {t}": (table["title"] == t).to_numpy(np.float64) for t in titles[1:]}
    return parts
