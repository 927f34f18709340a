r"""Promotion prize and bonus, jointly: is the bonus lower where promotion promises more? (Table 6; section 7c.)

A logit for promotion, a panel of increases on promotion with a worker effect omega, and log bonuses with a worker effect mu on
the expected prize, chance times increase. Both linear equations are integrated over (omega, mu) at once.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pydantic import PositiveFloat

from bayes_labor.custom_ops.likelihoods import paired_log_likelihood
from bayes_labor.custom_ops.products import design_index
from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.models.bonuses.design import BLOCKS, Block
from bayes_labor.models.bonuses.prize_design import Base, Covariates, PrizeDesign, prize_design
from bayes_labor.models.notes import note_left_out, start_at
from bayes_labor.models.pilot import Pilot, logit_pilot, panel_pilot, rotated_normal
from bayes_labor.models.settings import Settings

PRIZE, MEAN_PRIZE = "prize", "mean of prize"


class PrizeSpec(Settings):
    """What the prize is made of, and what else explains bonuses."""

    covariates: Covariates = "C"
    """Of the increase; see :func:`bayes_labor.models.bonuses.prize_design.prize_design`."""
    worker_prize: bool = True
    """Whether a worker's own effect on increases is part of the prize (the paper's prize A; not its B and C)."""
    base: Base = "salary"
    """Pay whose increase is the prize; with ``total`` the bonus itself enters the prize with a minus sign."""
    blocks: tuple[Block, ...] = BLOCKS
    means: bool = True
    """Whether worker means, of the prize too, are regressors: then slopes are within workers (Mundlak)."""
    demographics: bool = True
    years: Literal["contrasts", "none"] = "contrasts"
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

    def design(self, panel: Personnel) -> PrizeDesign:
        """Rows and regressors, but those that the rows cannot tell."""
        return prize_design(
            panel, self.blocks, covariates=self.covariates, base=self.base, means=self.means, demographics=self.demographics,
            years=self.years,
        )  # fmt: skip


@dataclass(frozen=True)
class PrizePilot:
    """Coordinates of the three equations, and what they were found at."""

    chance: Pilot
    rise: Pilot
    bonus: Pilot
    columns: np.ndarray
    """(m, P) regressors of the bonus with the pilot's prize and its worker mean."""
    center: np.ndarray
    prior_sd: np.ndarray
    scales: np.ndarray
    """(4,) sd of omega, of mu, of the errors of the increase and of the log bonus."""


def prize_pilot(design: PrizeDesign, spec: PrizeSpec) -> PrizePilot:
    """The three equations one after the other."""
    chance = logit_pilot(design.promoted, design.chance, np.full(design.chance.shape[1], spec.chance))
    k = design.rise_design.shape[1]
    rise, sd_rise, sd_omega = panel_pilot(
        design.rise, design.rise_design, design.rise_worker, np.zeros(k), np.full(k, spec.rise)
    )  # fmt: skip
    p = 1.0 / (1.0 + np.exp(-(design.chance[design.bonus_rows] @ chance.center)))
    prize = p * (design.bonus_rise_design @ rise.center)
    columns = with_prize(design, prize)
    prior_sd = np.append(design.bonus.prior_sd, np.full(columns.shape[1] - len(design.bonus.prior_sd), spec.rho))
    center = np.zeros(len(prior_sd))
    center[0] = design.log_bonus.mean()
    bonus, sd_bonus, sd_mu = panel_pilot(design.log_bonus, columns, design.bonus_worker, center, prior_sd)
    scales = np.array([min(sd_omega, 2 * spec.effect_rise), sd_mu, sd_rise, sd_bonus])
    return PrizePilot(chance, rise, bonus, columns, center, prior_sd, scales)


def with_prize(design: PrizeDesign, prize: np.ndarray) -> np.ndarray:
    """(m, P) regressors of the bonus: those of the design, the prize, and its worker mean if others' means are there."""
    extra = [prize, design.mean_by_worker(prize)] if design.means else [prize]
    return np.column_stack([design.bonus.columns, *extra])


def promotion_prize(panel: Personnel, spec: PrizeSpec | None = None, **settings: Any) -> pm.Model:
    """Build the joint model.

    Parameters
    ----------
    panel
        The panel; rated rows are used.
    spec
        A :class:`PrizeSpec`; or ``**settings``, its fields.

    Returns
    -------
    pm.Model
        Coefficients ``chance``, ``rise`` and ``theta`` by term (deterministic; sampled in a pilot's coordinates), ``rho`` and,
        with worker means, ``rho_between``: log points of bonus per log point of expected prize; ``sd_omega``, ``sd_mu``,
        ``corr`` (where the worker's effect is in the prize), ``sd_rise`` and ``sd_bonus``. Observed are ``promoted``
        and ``rises_and_bonuses``, increases first; a refit replaces ``observed_promoted`` and ``observed_rises_and_bonuses``.

    Raises
    ------
    DataFaults
        For settings or columns that are not there, or no rows.

    """
    spec = spec or PrizeSpec(**settings)
    design = spec.design(panel)
    pilot = prize_pilot(design, spec)
    extra = [PRIZE, MEAN_PRIZE] if design.means else [PRIZE]
    coords = {"chance_term": design.chance_terms, "rise_term": design.rise_terms, "term": (*design.bonus.terms, *extra)}
    with pm.Model(coords={k: list(v) for k, v in coords.items()}) as model:
        note_left_out(design.left_out)
        index, rises = _first_stage(design, pilot, spec)
        theta_x, theta = rotated_normal("theta", pilot.bonus, pilot.center, pilot.prior_sd, "term")
        rho = pm.Deterministic("rho", theta[len(design.bonus.terms)])
        between = pm.Deterministic("rho_between", theta[-1]) if design.means else pt.constant(0.0)
        chances = pt.sigmoid(index[design.bonus_rows])
        rise_x, rise_at_bonus = rises
        prize = chances * rise_at_bonus(rise_x)
        # The pilot's prize is among the columns of the rotated design: only what the prize differs from it is left to add.
        differs = prize - pilot.columns[:, len(design.bonus.terms)]
        mean = _bonus_index(pilot, theta_x) + rho * differs + between * _by_worker(design, differs)
        loading = (
            rho * chances + between * _by_worker(design, chances) if spec.worker_prize else pt.zeros(len(design.log_bonus))
        )
        increase = design_index(pt.constant((design.rise_design @ pilot.rise.scale).T.copy()), rise_x)
        _observe(design, spec, increase + design.rise_design @ pilot.rise.center, mean, loading, pilot)
    return model


def prize_first_stage(panel: Personnel, spec: PrizeSpec | None = None, **settings: Any) -> pm.Model:
    """Build the model of promotion and increases alone (equations 5 and 6), which bonuses then cannot move.

    Arguments and errors as of :func:`promotion_prize`, variables those of its first two equations.
    """
    spec = spec or PrizeSpec(**settings)
    design = spec.design(panel)
    pilot = prize_pilot(design, spec)
    with pm.Model(coords={"chance_term": list(design.chance_terms), "rise_term": list(design.rise_terms)}) as model:
        note_left_out(design.left_out)
        _, (rise_x, _) = _first_stage(design, pilot, spec)
        increase = design_index(pt.constant((design.rise_design @ pilot.rise.scale).T.copy()), rise_x)
        _observe(design, spec, increase + design.rise_design @ pilot.rise.center, None, None, pilot)
    return model


def _first_stage(design: PrizeDesign, pilot: PrizePilot, spec: PrizeSpec) -> tuple[Any, Any]:
    """Chance of promotion, observed; (index by row, (coordinates of the increase, its index at rows with a bonus))."""
    sd = np.full(len(design.chance_terms), spec.chance)
    x, _ = rotated_normal("chance", pilot.chance, 0.0 * sd, sd, "chance_term")
    index = design_index(pt.constant((design.chance @ pilot.chance.scale).T.copy()), x) + design.chance @ pilot.chance.center
    pm.Bernoulli("promoted", logit_p=index, observed=pm.Data("observed_promoted", design.promoted))
    sd = np.full(len(design.rise_terms), spec.rise)
    rise_x, _ = rotated_normal("rise", pilot.rise, 0.0 * sd, sd, "rise_term")
    at_bonus = pt.constant((design.bonus_rise_design @ pilot.rise.scale).T.copy())
    return index, (rise_x, lambda x: design_index(at_bonus, x) + design.bonus_rise_design @ pilot.rise.center)


def _bonus_index(pilot: PrizePilot, x: Any) -> Any:
    return design_index(pt.constant((pilot.columns @ pilot.bonus.scale).T.copy()), x) + pilot.columns @ pilot.bonus.center


def _by_worker(design: PrizeDesign, values: Any) -> Any:
    """(m,) mean over each worker's rows with a bonus."""
    counts = np.maximum(np.bincount(design.bonus_worker, minlength=design.workers), 1)
    sums = pt.zeros(design.workers)[design.bonus_worker].inc(values)
    return (sums / counts)[design.bonus_worker]


def _offsets(worker: np.ndarray, workers: int) -> np.ndarray:
    return np.append(0, np.cumsum(np.bincount(worker, minlength=workers))).astype(np.int64)


def _observe(design: PrizeDesign, spec: PrizeSpec, increase: Any, bonus: Any, loading: Any, pilot: PrizePilot) -> None:
    """Standard deviations and the likelihood of both linear equations; of the first alone without a mean of the second."""
    n, both = len(design.rise), bonus is not None
    names = ("sd_omega", "sd_mu", "sd_rise", "sd_bonus")
    priors = (spec.effect_rise, spec.effect, spec.error_rise, spec.error)
    used = [both or i in (0, 2) for i in range(4)]
    start_at(**{k: v for k, v, u in zip(names, pilot.scales, used, strict=True) if u})
    sd = [pm.HalfNormal(k, v) if u else pt.constant(1.0) for k, v, u in zip(names, priors, used, strict=True)]
    corr = pm.Uniform("corr", -1.0, 1.0) if both and spec.worker_prize else pt.constant(0.0)
    scales = pt.stack([pt.log(sd[0]), pt.log(sd[1]), corr, pt.log(sd[2]), pt.log(sd[3])])
    offsets = [pt.constant(_offsets(design.rise_worker, design.workers))]
    offsets.append(
        pt.constant(_offsets(design.bonus_worker, design.workers) if both else np.zeros(design.workers + 1, np.int64))
    )
    nothing = pt.constant(np.empty(0))
    bonus, loading = (bonus, loading) if both else (nothing, nothing)
    seen = np.concatenate([design.rise, design.log_bonus]) if both else design.rise

    def log_density(value: Any, increase: Any, bonus: Any, loading: Any, scales: Any, _: Any) -> Any:
        return paired_log_likelihood(value[:n] - increase, value[n:] - bonus, loading, scales, *offsets)

    def random(
        increase: np.ndarray, bonus: np.ndarray, loading: np.ndarray, scales: np.ndarray, _: np.ndarray,
        rng: np.random.Generator | None = None, size: Any = None,
    ) -> np.ndarray:  # fmt: skip
        rng = np.random.default_rng() if rng is None else rng
        drawn = rng.normal(size=(2, design.workers))
        omega = np.exp(scales[0]) * drawn[0]
        mu = np.exp(scales[1]) * (scales[2] * drawn[0] + np.sqrt(1.0 - scales[2] ** 2) * drawn[1])
        first = increase + omega[design.rise_worker] + rng.normal(0.0, np.exp(scales[3]), n)
        if not both:
            return first
        second = bonus + loading * omega[design.bonus_worker] + mu[design.bonus_worker]
        return np.concatenate([first, second + rng.normal(0.0, np.exp(scales[4]), len(second))])

    pm.CustomDist(
        "rises_and_bonuses" if both else "rises", increase, bonus, loading, scales, pt.constant(seen), logp=log_density,
        random=random, signature="(n),(m),(m),(s),(k)->(k)",
        observed=pm.Data(f"observed_{'rises_and_bonuses' if both else 'rises'}", seen),
    )  # fmt: skip
