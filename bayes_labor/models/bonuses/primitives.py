r"""Primitives of the tournament from mean bonuses (and promotion rates and pay) by age, level and tenure. Section 7d.

The equilibrium is closed-form, but the posterior has ridges along what bonuses do not tell and walls where a restriction ends
it, on which NUTS fails: this module gives the density, and :mod:`bayes_labor.posteriors.bonuses.primitives` draws from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.models.settings import Settings
from bayes_labor.numerics.normal import log_normal_density
from bayes_labor.theory.bonuses.coordinates import COORDINATES, primitives_at
from bayes_labor.theory.bonuses.tournament import CELLS, Tournament, solve_tournament

PRIOR_MEAN = np.array([0.7, 0.5, -1.0, -3.0, -0.9, -3.0, 0.0, 0.0, 3.7, 1.8, 1.2, 0.0, 0.5, 0.5, -1.0])
PRIOR_SD = np.array([0.4, 0.3, 0.6, 0.7, 0.6, 0.7, 1.0, 1.0, 0.6, 0.6, 1.0, 1.0, 0.3, 1.0, 1.0])
"""Independent normals of the coordinates, cut off where a restriction of the theory fails."""
_BATCH = 100_000
_MOST_BATCHES = 1_000


class PrimitivesSpec(Settings):
    """How levels and ages of the data are those of the model, and how exactly the model is meant."""

    age_cut: PositiveInt = 40
    """Workers below this age are young."""
    jobs: tuple[Literal[1, 2, 3], ...] = ()
    """Job of the model, 1 to 3, of each level that occurs, the lowest first; by default thirds of the levels: of five levels
    1, 1, 2, 3, 3."""
    money: PositiveFloat = 1000.0
    """Currency of the data per unit of money: intercepts have a prior around 40."""
    model_error: PositiveFloat = 0.05
    """Standard deviation of the model's error, as a share of each moment."""
    moments: tuple[str, ...] = ("bonus",)
    """Which of ``bonus``, ``promotion`` and ``pay`` the primitives are fitted to."""


class TournamentMoments(NamedTuple):
    """Moments with standard errors, in units of money; NaN where a cell is empty."""

    bonus: np.ndarray
    """(6,) mean bonus by :data:`bayes_labor.theory.bonuses.tournament.CELLS`."""
    bonus_se: np.ndarray
    promotion: np.ndarray
    """(2,) share of each group promoted."""
    promotion_se: np.ndarray
    pay: np.ndarray
    """(6,) mean salary and bonus."""
    pay_se: np.ndarray


def tournament_moments(panel: Personnel, spec: PrimitivesSpec | None = None) -> TournamentMoments:
    """Moments of a panel: over rows with a bonus, but for promotion, which is over all rows of the young new on their level.

    Raises
    ------
    DataFaults
        If a cell has fewer than two rows, or the panel has no age.

    """
    spec = spec or PrimitivesSpec()
    if "age" not in panel.table:
        raise DataFaults([Fault("the panel has no age", panel.name, "add the column")])
    jobs, young = _jobs(panel, spec), panel.table["age"] < spec.age_cut
    table = panel.table.assign(job=jobs, young=young, pay=panel.table["salary"] + panel.table["bonus"])
    paid = table[table["bonus"] > 0]
    found: dict[str, list[float]] = {k: [] for k in TournamentMoments._fields}
    faults = []
    for age, job, tenure in CELLS:
        rows = paid[(paid["job"] == job) & (paid["young"] == (age == "young")) & ((paid["ten_level"] >= 2) == (tenure == 2))]
        if len(rows) < 2:
            what = f"fewer than two bonuses of {age} workers on job {job} in year {tenure} of the level"
            faults.append(Fault(what, panel.name, "choose another age_cut or other jobs"))
            continue
        for name in ("bonus", "pay"):
            found[name].append(rows[name].mean() / spec.money)
            found[f"{name}_se"].append(rows[name].std() / np.sqrt(len(rows)) / spec.money)
    if faults:
        raise DataFaults(faults)
    for job in (1, 2):
        rows = table[(table["job"] == job) & table["young"]]
        share = float(rows["promoted"].mean())
        found["promotion"].append(share)
        found["promotion_se"].append(float(np.sqrt(max(share * (1.0 - share), 1e-6) / len(rows))))
    return TournamentMoments(*(np.array(v) for v in found.values()))


def _jobs(panel: Personnel, spec: PrimitivesSpec) -> np.ndarray:
    """Job of the model at each row of a panel."""
    levels, place = np.unique(panel.table["level"], return_inverse=True)
    jobs: Sequence[int] = spec.jobs or tuple(int(3.0 * (k + 0.5) / len(levels)) + 1 for k in range(len(levels)))
    if len(jobs) != len(levels):
        what = f"jobs are given for {len(jobs)} levels, and the panel has {len(levels)}"
        raise DataFaults([Fault(what, panel.name, "give one job for each level, or none")])
    return np.asarray(jobs)[place]


@dataclass(frozen=True)
class TournamentPosterior:
    """Prior, restrictions and likelihood over the 15 coordinates."""

    moments: TournamentMoments
    spec: PrimitivesSpec

    def __post_init__(self) -> None:
        unknown = [m for m in self.spec.moments if m not in ("bonus", "promotion", "pay")]
        if unknown or not self.spec.moments:
            raise DataFaults([Fault(f"moments {unknown or '()'}", "PrimitivesSpec", "choose of bonus, promotion, pay")])

    def log_prior(self, u: np.ndarray) -> np.ndarray:
        """Independent normals, not normalised by the share that the restrictions leave."""
        return -0.5 * (((u - PRIOR_MEAN) / PRIOR_SD) ** 2).sum(-1)

    def log_likelihood(self, u: np.ndarray) -> np.ndarray:
        """Normal moments; -inf where a restriction of the theory fails."""
        found = solve(u)
        return np.where(found.failed < 0, self._fit(found), -np.inf)

    def _fit(self, found: Tournament) -> np.ndarray:
        implied = moments_of(found)
        total = np.zeros(np.shape(found.failed))
        for name in self.spec.moments:
            data, se = getattr(self.moments, name), getattr(self.moments, f"{name}_se")
            sd = np.sqrt(se**2 + (self.spec.model_error * data) ** 2)
            total = total + log_normal_density(implied[name], data, sd, np).sum(-1)
        return total

    def draw_prior(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        """((n, 15) draws of the prior that the restrictions allow, their share among all draws).

        Raises
        ------
        RuntimeError
            If hardly any draw is allowed.

        """
        kept: list[np.ndarray] = []
        for batch in range(1, _MOST_BATCHES + 1):
            u = PRIOR_MEAN + PRIOR_SD * rng.normal(size=(_BATCH, len(COORDINATES)))
            u = u[_plausible(u)]
            kept.append(u[solve(u).failed < 0])
            found = sum(map(len, kept))
            if found >= n:
                return np.concatenate(kept)[:n], found / (batch * _BATCH)
        raise RuntimeError(f"{found} of {batch * _BATCH} prior draws are allowed: too few to start from")


def _plausible(u: np.ndarray) -> np.ndarray:
    """Draws whose intercepts and slopes are in order: a cheap look before the whole equilibrium is solved."""
    p = primitives_at(u)
    falls = (p.c[:, 2] > 0) & (p.c[:, 1] < p.c[:, 0]) & (p.c[:, 2] < p.c[:, 1]) & (p.z < p.c[:, 0])
    gap = (p.s[:, :1] - p.h[:, :1]) * p.d[:, 1:] - (p.s[:, 1:] - p.h[:, 1:]) * p.d[:, :2]
    market = p.h[:, :1] * p.d[:, 1:] - p.h[:, 1:] * p.d[:, :2]
    return falls & (gap > 0).all(1) & (market > 0).all(1) & (p.theta1[:, 1] <= np.diff(p.theta2, axis=1)[:, 0])


def solve(u: np.ndarray) -> Tournament:
    """Equilibria at coordinates (..., 15), with the status of each."""
    return solve_tournament(*primitives_at(u), errors="status")


def moments_of(found: Tournament) -> dict[str, np.ndarray]:
    """Moments of equilibria by name, as in :class:`TournamentMoments`."""
    shares = np.stack([g.prob_promoted for g in found.groups], axis=-1)
    return {"bonus": found.mean_bonus, "promotion": shares, "pay": found.mean_pay}
