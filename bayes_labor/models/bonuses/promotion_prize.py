r"""Promotion prize and bonus, jointly: is the bonus lower where promotion promises more? (Table 6; section 7c.)

A logit for promotion, a panel of increases on promotion with a worker effect omega, and log bonuses with a worker effect mu on
the expected prize, chance times increase. Both linear equations are integrated over (omega, mu) at once.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_labor.custom_ops.likelihoods import paired_log_likelihood
from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.models.bonuses.prize_design import PrizeDesign, PrizeSpec
from bayes_labor.models.notes import note_left_out
from bayes_labor.models.panel_design import PanelDesign
from bayes_labor.models.pilot import Pilot, logit_pilot, panel_pilot, rotated_normal, started
from bayes_labor.numerics.groups import Groups


@dataclass(frozen=True)
class PrizePilot:
    """Coordinates of the three equations, and what they were found at."""

    chance: Pilot
    rise: Pilot
    bonus: Pilot
    with_prize: PanelDesign
    """The bonus equation with the pilot's prize and its worker mean."""
    scales: dict[str, float]
    """By name: sd of omega, of mu, of the errors of the increase and of the log bonus."""


def prize_pilot(design: PrizeDesign, spec: PrizeSpec) -> PrizePilot:
    """The three equations one after the other."""
    promotion = design.promotion
    chance = logit_pilot(promotion.outcome, promotion.columns, promotion.prior_sd)
    rise, sd_rise, sd_omega = panel_pilot(design.increase)
    p = 1.0 / (1.0 + np.exp(-(promotion.columns[design.bonus_rows] @ chance.center)))
    with_prize = design.with_prize(p * (design.increase_at_bonus @ rise.center))
    bonus, sd_bonus, sd_mu = panel_pilot(with_prize)
    scales = {"sd_omega": min(sd_omega, 2 * spec.effect_rise), "sd_mu": sd_mu, "sd_rise": sd_rise, "sd_bonus": sd_bonus}
    return PrizePilot(chance, rise, bonus, with_prize, scales)


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
    prior, place = pilot.with_prize, len(design.bonus.terms)
    with pm.Model(coords=_coords(design) | {"term": list(prior.terms)}) as model:
        note_left_out(design.left_out)
        index, rise_x = _first_stage(design, pilot)
        x, theta = rotated_normal("theta", pilot.bonus, prior.prior_mean, prior.prior_sd, "term")
        rho = pm.Deterministic("rho", theta[place])
        between = pm.Deterministic("rho_between", theta[-1]) if design.means else pt.constant(0.0)
        chances = pt.sigmoid(index[design.bonus_rows])
        prize = chances * pilot.rise.fitted(design.increase_at_bonus, rise_x)
        # The pilot's prize is among the columns of its regression: only what the prize differs from it is left to add.
        differs = prize - prior.columns[:, place]
        mean = pilot.bonus.fitted(prior.columns, x) + _effect(design, differs, rho, between)
        loading = _effect(design, chances, rho, between) if spec.worker_prize else pt.zeros(len(design.bonus_rows))
        sd_omega, sd_mu, sd_rise, sd_bonus = (started(name, spec.table[name], start) for name, start in pilot.scales.items())
        corr = spec.table["corr"].place("corr") if spec.worker_prize else pt.constant(0.0)
        scales = pt.stack([pt.log(sd_omega), pt.log(sd_mu), corr, pt.log(sd_rise), pt.log(sd_bonus)])
        _observe("rises_and_bonuses", design, pilot.rise.fitted(design.increase.columns, rise_x), mean, loading, scales)
    return model


def prize_first_stage(panel: Personnel, spec: PrizeSpec | None = None, **settings: Any) -> pm.Model:
    """Build the model of promotion and increases alone (equations 5 and 6), which bonuses then cannot move.

    Arguments and errors as of :func:`promotion_prize`, variables those of its first two equations.
    """
    spec = spec or PrizeSpec(**settings)
    design = spec.design(panel)
    pilot = prize_pilot(design, spec)
    with pm.Model(coords=_coords(design)) as model:
        note_left_out(design.left_out)
        _, rise_x = _first_stage(design, pilot)
        sd_omega, sd_rise = (started(name, spec.table[name], pilot.scales[name]) for name in ("sd_omega", "sd_rise"))
        nothing, zero = pt.constant(np.empty(0)), pt.constant(0.0)
        scales = pt.stack([pt.log(sd_omega), zero, zero, pt.log(sd_rise), zero])
        _observe("rises", design, pilot.rise.fitted(design.increase.columns, rise_x), nothing, nothing, scales)
    return model


def _coords(design: PrizeDesign) -> dict[str, list[str]]:
    return {"chance_term": list(design.promotion.terms), "rise_term": list(design.increase.terms)}


def _first_stage(design: PrizeDesign, pilot: PrizePilot) -> tuple[Any, Any]:
    """(log odds of promotion (N,), observed; coordinates of the coefficients of the increase)."""
    promotion, increase = design.promotion, design.increase
    x, _ = rotated_normal("chance", pilot.chance, promotion.prior_mean, promotion.prior_sd, "chance_term")
    index = pilot.chance.fitted(promotion.columns, x)
    pm.Bernoulli("promoted", logit_p=index, observed=pm.Data("observed_promoted", promotion.outcome))
    rise_x, _ = rotated_normal("rise", pilot.rise, increase.prior_mean, increase.prior_sd, "rise_term")
    return index, rise_x


def _effect(design: PrizeDesign, values: Any, rho: Any, between: Any) -> Any:
    """(m,) rho times values (m,) plus the effect between workers times their mean over each worker's rows with a bonus."""
    groups = design.bonus.groups
    sums = pt.zeros(len(groups.labels))[groups.row].inc(values)
    return rho * values + between * (sums / groups.counts)[groups.row]


def _observe(name: str, design: PrizeDesign, increase: Any, bonus: Any, loading: Any, scales: Any) -> None:
    """The likelihood of both linear equations; of the first alone if ``name`` is ``rises``: then the second has no rows.

    ``increase`` (n,) and ``bonus`` (m,) are means without the workers' effects; ``loading`` (m,) and ``scales`` (5,) as of
    :func:`bayes_labor.custom_ops.likelihoods.paired_log_likelihood`.
    """
    n, first, second = len(design.increase_rows), design.increase_workers, design.bonus_workers
    outcomes = [design.increase.outcome, design.bonus.outcome]
    if name == "rises":
        outcomes, second = outcomes[:1], Groups(second.labels, second.row[:0])
    seen = np.concatenate(outcomes)

    def log_density(value: Any, increase: Any, bonus: Any, loading: Any, scales: Any, _: Any) -> Any:
        offsets = pt.constant(first.offsets), pt.constant(second.offsets)
        return paired_log_likelihood(value[:n] - increase, value[n:] - bonus, loading, scales, *offsets)

    def random(
        increase: Any, bonus: Any, loading: Any, scales: Any, _: Any, rng: np.random.Generator | None = None, size: Any = None
    ) -> np.ndarray:
        rng = np.random.default_rng() if rng is None else rng
        drawn = rng.normal(size=(2, len(first.labels)))
        omega = np.exp(scales[0]) * drawn[0]
        mu = np.exp(scales[1]) * (scales[2] * drawn[0] + np.sqrt(1.0 - scales[2] ** 2) * drawn[1])
        rises = increase + omega[first.row] + rng.normal(0.0, np.exp(scales[3]), n)
        bonuses = bonus + loading * omega[second.row] + mu[second.row]
        return np.concatenate([rises, bonuses + rng.normal(0.0, np.exp(scales[4]), len(bonuses))])

    pm.CustomDist(
        name,
        *(increase, bonus, loading, scales, pt.constant(seen)),
        logp=log_density,
        random=random,
        signature="(n),(m),(m),(s),(k)->(k)",
        observed=pm.Data(f"observed_{name}", seen),
    )
