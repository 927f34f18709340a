"""Effect of the prize on bonuses when bonuses may not move the prize: imputations from the first two equations.

The joint posterior lets bonus data inform the chance of promotion and the increase on it. Where the two answers differ, the
bonus equation is misspecified in a way that leans on the prize. Section 7c of the specification.
"""

import numpy as np
import xarray as xr

from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.likelihoods.paired_effects import paired_effects
from bayes_labor.models.bonuses.prize_design import PrizeDesign
from bayes_labor.models.bonuses.promotion_prize import PrizeSpec, prize_pilot, with_prize
from bayes_labor.models.pilot import panel_pilot


def cut_prize(
    draws: xr.DataTree, panel: Personnel, spec: PrizeSpec, *, imputations: int = 200, seed: int = 0
) -> xr.Dataset:  # fmt: skip
    """Coefficients of the bonus equation, one draw for each imputed prize.

    Parameters
    ----------
    draws
        Of :func:`bayes_labor.models.prize_first_stage` for this panel and specification.
    imputations
        How many of them are used, spread evenly; each with worker effects drawn anew.

    Returns
    -------
    xr.Dataset
        ``theta`` by sample and term, ``rho``, and ``rho_sd``, its standard deviation given the prize. The variances of the
        bonus equation are held at their estimates given the prize.

    """
    design, rng = spec.design(panel), np.random.default_rng(seed)
    pilot = prize_pilot(design, spec)
    stacked = draws["posterior"].to_dataset()[["chance", "rise", "sd_omega", "sd_rise"]].stack(sample=("chain", "draw"))
    chosen = np.linspace(0, stacked.sizes["sample"] - 1, imputations).astype(int)
    place = len(design.bonus.terms)
    theta, sd = np.empty((imputations, len(pilot.center))), np.empty(imputations)
    for i, s in enumerate(chosen):
        one = stacked.isel(sample=s)
        prize = _impute(design, one, spec.worker_prize, rng)
        columns = with_prize(design, prize)
        own, _, _ = panel_pilot(design.log_bonus, columns, design.bonus_worker, pilot.center, pilot.prior_sd)
        theta[i] = own.center + own.scale @ rng.normal(size=len(pilot.center))
        sd[i] = np.linalg.norm(own.scale[place])
    terms = [*design.bonus.terms, "prize", "mean of prize"][: len(pilot.center)]
    return xr.Dataset(
        {"theta": (("sample", "term"), theta), "rho": ("sample", theta[:, place]), "rho_sd": ("sample", sd)}, {"term": terms}
    )  # fmt: skip


def _impute(design: PrizeDesign, one: xr.Dataset, worker_prize: bool, rng: np.random.Generator) -> np.ndarray:
    """(m,) expected prize at rows with a bonus."""
    chance = 1.0 / (1.0 + np.exp(-(design.chance[design.bonus_rows] @ one["chance"].to_numpy())))
    increase = design.bonus_rise_design @ one["rise"].to_numpy()
    if worker_prize:
        sd_omega, sd_rise = float(one["sd_omega"]), float(one["sd_rise"])
        scales = np.array([np.log(sd_omega), 0.0, 0.0, np.log(sd_rise), 0.0])
        offsets = np.append(0, np.cumsum(np.bincount(design.rise_worker, minlength=design.workers)))
        nothing = np.empty(0)
        found = paired_effects(
            design.rise - design.rise_design @ one["rise"].to_numpy(), nothing, nothing, scales, offsets, 0 * offsets
        )  # fmt: skip
        omega = found.mean[:, 0] + np.sqrt(found.covariance[:, 0]) * rng.normal(size=design.workers)
        increase = increase + omega[design.bonus_worker]
    return chance * increase
