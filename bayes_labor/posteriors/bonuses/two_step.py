"""The promotion prize as published: two steps, with the standard errors that were and could be reported, and a placebo.

First a logit for promotion and least squares for the increase; then log bonuses on the prize that these predict. Section 7c of
the specification.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from bayes_labor.data.bonuses.personnel import Personnel, personnel
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.models.bonuses.prize_design import Pay, PrizeDesign, PrizeSpec
from bayes_labor.models.pilot import logit_pilot
from bayes_labor.numerics.groups import Groups
from bayes_labor.posteriors.bonuses.classical import clustered

Prize = Literal["expected", "as_published"]
_FLAT = 1e3  # standard deviation of the prior that keeps a logit with a separated regressor finite


class TwoStep(NamedTuple):
    """Effect of the expected prize on the log bonus."""

    rho: float
    conventional: float
    """Standard error clustered by worker, the prize taken as known."""
    prize: np.ndarray
    """(m,) at rows with a bonus."""
    partial_r2: float
    """Of the prize given the other regressors: what identifies rho is the rest."""


def two_step(
    panel: Personnel,
    spec: PrizeSpec | None = None,
    *,
    prize: Prize = "expected",
    within: bool = False,
    worker_effects: bool = False,
) -> TwoStep:
    """Estimate rho in two steps.

    Parameters
    ----------
    panel
        The panel; rated rows are used.
    spec
        Covariates, base and controls; its priors are not used.
    prize
        ``expected``: the predicted increase for every row; ``as_published``: on promoted rows the increase that happened.
    within
        Least squares within workers instead of pooled.
    worker_effects
        Whether the increase is regressed with an effect of each worker, which is then part of the prize: the paper's prize A.

    """
    design = (spec or PrizeSpec()).model_copy(update={"means": False}).design(panel)
    return _estimate(design, prize, within=within, worker_effects=worker_effects)


def _estimate(
    design: PrizeDesign,
    prize: Prize,
    *,
    within: bool = False,
    worker_effects: bool = False,
    rows: np.ndarray | None = None,
) -> TwoStep:
    """Both steps on ``rows`` of the rated rows, of which some may occur several times; on all by default."""
    rows = np.arange(len(design.promotion.outcome)) if rows is None else rows
    drawn = _among(design.bonus_rows, rows, len(design.promotion.outcome))
    psi = predicted_prize(design, prize, rows, worker_effects)[drawn]
    y, w, groups = design.bonus.outcome[drawn], design.bonus.columns[drawn], design.bonus.groups.at(drawn)
    if within:
        psi, y, w = groups.within(psi), groups.within(y), groups.within(w)
        w = w[:, np.linalg.norm(w, axis=0) > 1e-9 * np.sqrt(len(w))]
    # By Frisch and Waugh: rho is the slope of y on what the other regressors leave of the prize.
    own, rest = (v - w @ np.linalg.lstsq(w, v, rcond=None)[0] for v in (psi, y))
    rho = float(own @ rest / (own @ own))
    se = np.sqrt(clustered(own[:, None], rest - rho * own, groups, w.shape[1] + 1)[0, 0])
    total = psi if within else psi - psi.mean()
    return TwoStep(rho, float(se), psi, float(own @ own / (total @ total)))


def _among(places: np.ndarray, rows: np.ndarray, n: int) -> np.ndarray:
    """Which of ``places`` the ``rows`` (of n) are; those that are none left out."""
    position = np.full(n, -1)
    position[places] = np.arange(len(places))
    found = position[rows]
    return found[found >= 0]


def predicted_prize(design: PrizeDesign, prize: Prize, rows: np.ndarray, worker_effects: bool = False) -> np.ndarray:
    """(m,) chance times increase at rows with a bonus, estimated on ``rows`` of the rated rows."""
    promotion, n = design.promotion, len(design.promotion.outcome)
    pilot = logit_pilot(promotion.outcome[rows], promotion.columns[rows], np.full(len(promotion.terms), _FLAT))
    chance = 1.0 / (1.0 + np.exp(-(promotion.columns[design.bonus_rows] @ pilot.center)))
    increase = _predicted_increase(design, _among(design.increase_rows, rows, n), worker_effects)
    if prize == "as_published":
        happened = np.full(n, np.nan)
        happened[design.increase_rows] = design.increase.outcome
        at_bonus = happened[design.bonus_rows]
        increase = np.where(np.isfinite(at_bonus), at_bonus, increase)
    return chance * increase


def _predicted_increase(design: PrizeDesign, known: np.ndarray, worker_effects: bool) -> np.ndarray:
    """(m,) at rows with a bonus, by least squares on the rows ``known`` with an increase.

    With an effect of each worker: the mean of what regressors leave of the worker's own increases; for workers whose increase
    was never seen, of everybody's.
    """
    y, x = design.increase.outcome[known], design.increase.columns[known]
    if not worker_effects:
        return design.increase_at_bonus @ np.linalg.lstsq(x, y, rcond=None)[0]
    workers = Groups(design.increase_workers.labels, design.increase_workers.row[known])
    kappa = np.linalg.lstsq(workers.within(x), workers.within(y), rcond=None)[0]
    left = y - x @ kappa
    own = np.where(workers.counts > 0, workers.means(left), left.mean())
    return design.increase_at_bonus @ kappa + own[design.bonus_workers.row]


def bootstrap(
    panel: Personnel,
    spec: PrizeSpec | None = None,
    *,
    prize: Prize = "expected",
    by: Literal["rows", "workers"] = "rows",
    replications: int = 100,
    seed: int = 0,
    worker_effects: bool = False,
) -> np.ndarray:
    """(replications,) rho, both steps on resampled rows.

    ``rows``: promoted rows and the others separately, as published; ``workers``: whole careers.
    """
    design = (spec or PrizeSpec()).model_copy(update={"means": False}).design(panel)
    rng = np.random.default_rng(seed)
    strata = [np.flatnonzero(design.promotion.outcome == k) for k in (0.0, 1.0)]
    careers = np.split(np.arange(len(design.promotion.outcome)), design.promotion.groups.offsets[1:-1])
    found = np.empty(replications)
    for r in range(replications):
        if by == "rows":
            drawn = np.concatenate([rng.choice(rows, len(rows)) for rows in strata])
        else:
            drawn = np.concatenate([careers[i] for i in rng.integers(0, len(careers), len(careers))])
        found[r] = _estimate(design, prize, worker_effects=worker_effects, rows=drawn).rho
    return found


CONSTRUCTIONS: tuple[tuple[Prize, Pay], ...] = (
    ("expected", "salary"), ("as_published", "salary"), ("expected", "total"), ("as_published", "total"),
)  # fmt: skip
"""Of the prize: which increase, of what pay. The paper's is the last; in the second the bonus is no part of pay."""
ESTIMATES = ("pooled, col. 1", "pooled, col. 5", "within, col. 5")


def placebo(seeds: Sequence[int] = (1, 2, 3, 4), preset: Literal["table5", "table6"] = "table5") -> pd.DataFrame:
    """Rho by construction of the prize, on generated panels where it is known: 0 in ``table5``, -2 in ``table6``.

    Returns
    -------
    pd.DataFrame
        One row per construction: mean over the panels of the pooled coefficient with few controls (column 1 of Table 6) and
        with all (column 5), and of the one within workers, each with its Monte Carlo error.

    """
    if len(seeds) < 2:
        raise DataFaults([Fault("fewer than two panels", "placebo", "give two seeds or more")])
    return placebo_table(pd.concat([placebo_panel(seed, preset) for seed in seeds]))


def placebo_panel(seed: int, preset: Literal["table5", "table6"] = "table5") -> pd.DataFrame:
    """Rho by construction (rows) and estimate, on one generated panel."""
    panel, found = personnel(preset, seed=seed), {}
    for kind, pay in CONSTRUCTIONS:
        spec = PrizeSpec(pay=pay, means=False)
        few, every = (x.design(panel) for x in (spec.model_copy(update={"blocks": ("levels", "age")}), spec))
        rho = (_estimate(few, kind).rho, _estimate(every, kind).rho, _estimate(every, kind, within=True).rho)
        found[kind.replace("_", " "), pay] = dict(zip(ESTIMATES, rho, strict=True))
    return pd.DataFrame(found).T.rename_axis(["increase", "pay"]).assign(seed=seed)


def placebo_table(panels: pd.DataFrame) -> pd.DataFrame:
    """Means over the panels of :func:`placebo_panel`, with their Monte Carlo errors."""
    each = panels.drop(columns="seed").groupby(level=["increase", "pay"], sort=False)
    mean, error = each.mean(), each.sem()
    parts = {k: v for n in ESTIMATES for k, v in ((n, mean[n]), (f"{n}, mc error", error[n]))}
    return pd.DataFrame(parts).assign(panels=panels["seed"].nunique())


def by_construction(table: pd.DataFrame, kind: str, pay: str) -> dict[str, float]:
    """A row of :func:`placebo`."""
    return {str(k): float(v) for k, v in table.T[(kind, pay)].items()}


_FOUND = 3.0  # Monte Carlo errors beyond which the mean over panels is no chance


def what_placebo_finds(table: pd.DataFrame) -> str:
    """One sentence from :func:`placebo`: which constructions find an effect, in which estimates, where there is none."""
    found: list[str] = []
    not_found: list[str] = []
    for kind, pay in table.index:
        row = by_construction(table, kind, pay)
        named = [n for n in ESTIMATES if abs(row[n]) > _FOUND * row[f"{n}, mc error"]]
        name = f"{kind}, {'salary and bonus' if pay == 'total' else pay}"
        values = ", ".join(f"{row[n]:+.2f} ± {row[f'{n}, mc error']:.2f} ({n})" for n in named)
        (found if named else not_found).append(f"“{name}” ({values})" if named else f"“{name}”")
    words = f"Further than {_FOUND:.0f} Monte Carlo errors from the truth, zero: {'; '.join(found) or 'none'}."
    return words + (f" Not so: {', '.join(not_found)}." if found and not_found else "")
