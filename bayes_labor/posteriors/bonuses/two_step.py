"""The promotion prize as published: two steps, with the standard errors that were and could be reported, and a placebo.

First a logit for promotion and least squares for the increase; then log bonuses on the prize that these predict. Section 7c of
the specification.
"""

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from bayes_labor.data.bonuses.personnel import Personnel, personnel
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.models.bonuses.prize_design import Base, PrizeDesign
from bayes_labor.models.bonuses.promotion_prize import PrizeSpec
from bayes_labor.models.pilot import logit_pilot
from bayes_labor.posteriors.bonuses.classical import clustered, within_worker

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
    panel: Personnel, spec: PrizeSpec | None = None, *, prize: Prize = "expected", within: bool = False,
    worker_effects: bool = False,
) -> TwoStep:  # fmt: skip
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
    return _estimate(design, prize, within, worker_effects)


def _estimate(
    design: PrizeDesign, prize: Prize, within: bool = False, worker_effects: bool = False, rows: np.ndarray | None = None
) -> TwoStep:  # fmt: skip
    """Both steps on ``rows`` of the rated rows, of which some may occur several times; on all by default."""
    psi = predicted_prize(design, prize, rows, worker_effects)
    y, w, worker = design.log_bonus, design.bonus.columns, design.bonus.worker
    if rows is not None:
        drawn = _among(design.bonus_rows, rows, len(design.promoted))
        psi, y, w, worker = psi[drawn], y[drawn], w[drawn], worker[drawn]
    if within:
        y, w = within_worker(y[:, None], worker)[:, 0], within_worker(w, worker)
        w = w[:, np.linalg.norm(w, axis=0) > 1e-9 * np.sqrt(len(w))]
        psi = within_worker(psi[:, None], worker)[:, 0]
    slope, _, _, _ = np.linalg.lstsq(w, psi, rcond=None)
    own = psi - w @ slope  # by Frisch and Waugh: rho is the slope of y on what the other regressors leave of the prize
    rest = y - w @ np.linalg.lstsq(w, y, rcond=None)[0]
    rho = float(own @ rest / (own @ own))
    se = np.sqrt(clustered(own[:, None], rest - rho * own, worker, w.shape[1] + 1)[0, 0])
    total = psi if within else psi - psi.mean()
    return TwoStep(rho, float(se), psi, float(own @ own / (total @ total)))


def _among(places: np.ndarray, rows: np.ndarray, n: int) -> np.ndarray:
    """Which of ``places`` the ``rows`` (of n) are; those that are none left out."""
    position = np.full(n, -1)
    position[places] = np.arange(len(places))
    found = position[rows]
    return found[found >= 0]


def predicted_prize(
    design: PrizeDesign, prize: Prize, rows: np.ndarray | None = None, worker_effects: bool = False
) -> np.ndarray:  # fmt: skip
    """(m,) chance times increase at rows with a bonus, estimated on ``rows`` of the rated rows (all by default)."""
    rows = np.arange(len(design.promoted)) if rows is None else rows
    pilot = logit_pilot(design.promoted[rows], design.chance[rows], np.full(design.chance.shape[1], _FLAT))
    chance = 1.0 / (1.0 + np.exp(-(design.chance[design.bonus_rows] @ pilot.center)))
    known = _among(design.rise_rows, rows, len(design.promoted))
    increase = _predicted_increase(design, known, worker_effects)
    if prize == "as_published":
        happened = np.full(len(design.promoted), np.nan)
        happened[design.rise_rows] = design.rise
        at_bonus = happened[design.bonus_rows]
        increase = np.where(np.isfinite(at_bonus), at_bonus, increase)
    return chance * increase


def _predicted_increase(design: PrizeDesign, known: np.ndarray, worker_effects: bool) -> np.ndarray:
    """(m,) at rows with a bonus, by least squares on the rows ``known`` with an increase.

    With an effect of each worker: the mean of what regressors leave of the worker's own increases; for workers whose increase
    was never seen, of everybody's.
    """
    y, x = design.rise[known], design.rise_design[known]
    if not worker_effects:
        return design.bonus_rise_design @ np.linalg.lstsq(x, y, rcond=None)[0]
    worker = design.rise_worker[known]
    kappa = np.linalg.lstsq(within_worker(x, worker), within_worker(y[:, None], worker)[:, 0], rcond=None)[0]
    left, seen = y - x @ kappa, np.bincount(worker, minlength=design.workers)
    own = np.bincount(worker, left, design.workers) / np.maximum(seen, 1)
    return design.bonus_rise_design @ kappa + np.where(seen > 0, own, left.mean())[design.bonus_worker]


def bootstrap(
    panel: Personnel, spec: PrizeSpec | None = None, *, prize: Prize = "expected", by: Literal["rows", "workers"] = "rows",
    replications: int = 100, seed: int = 0, worker_effects: bool = False,
) -> np.ndarray:  # fmt: skip
    """(replications,) rho, both steps on resampled rows.

    ``rows``: promoted rows and the others separately, as published; ``workers``: whole careers.
    """
    design = (spec or PrizeSpec()).model_copy(update={"means": False}).design(panel)
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(design.promoted == k) for k in (0.0, 1.0)]
    workers = _careers(panel)
    found = np.empty(replications)
    for r in range(replications):
        if by == "rows":
            drawn = np.concatenate([rng.choice(g, len(g)) for g in groups])
        else:
            drawn = np.concatenate([workers[i] for i in rng.integers(0, len(workers), len(workers))])
        found[r] = _estimate(design, prize, worker_effects=worker_effects, rows=drawn).rho
    return found


def _careers(panel: Personnel) -> list[np.ndarray]:
    """Places of each worker's rated rows."""
    ids = panel.table.loc[panel.table["rating"].notna(), "id"].to_numpy()
    return np.split(np.arange(len(ids)), np.flatnonzero(np.diff(ids)) + 1)


def placebo(seeds: tuple[int, ...] = (1, 2, 3, 4), preset: Literal["table5", "table6"] = "table5") -> pd.DataFrame:
    """Rho by construction of the prize, on generated panels where it is known: 0 in ``table5``, -2 in ``table6``.

    Returns
    -------
    pd.DataFrame
        One row per construction: mean over the panels of the pooled coefficient with few controls (column 1 of Table 6) and
        with all (column 5), and of the one within workers, each with its Monte Carlo error.

    """
    if len(seeds) < 2:
        raise DataFaults([Fault("fewer than two panels", "placebo", "give two seeds or more")])
    constructions: list[tuple[Prize, Base]] = [("expected", "salary"), ("expected", "total"), ("as_published", "total")]
    rows: dict[tuple[Prize, Base], list[list[float]]] = {c: [] for c in constructions}
    for seed in seeds:
        panel = personnel(preset, seed=seed)
        for kind, base in constructions:
            few = PrizeSpec(base=base, blocks=("levels", "age"))
            every = PrizeSpec(base=base)
            rows[kind, base].append([
                two_step(panel, few, prize=kind).rho,
                two_step(panel, every, prize=kind).rho,
                two_step(panel, every, prize=kind, within=True).rho,
            ])  # fmt: skip
    names = ("pooled, col. 1", "pooled, col. 5", "within, col. 5")
    found = {}
    for (kind, base), values in rows.items():
        mean, error = np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / np.sqrt(len(seeds))
        each = [x for n, m, e in zip(names, mean, error, strict=True) for x in ((n, m), (f"{n}, mc error", e))]
        found[kind.replace("_", " "), base] = dict(each)
    table = pd.DataFrame.from_dict(found, orient="index")
    table.index = pd.MultiIndex.from_tuples(list(found), names=["increase", "pay"])
    return table
