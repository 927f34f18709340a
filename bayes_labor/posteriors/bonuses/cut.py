"""Effect of the prize on bonuses when bonuses may not move the prize: imputations from the first two equations.

The joint posterior lets bonus data inform the chance of promotion and the increase on it. Where the two answers differ, the
bonus equation is misspecified in a way that leans on the prize. Section 7c of the specification.
"""

import numpy as np
import xarray as xr

from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.likelihoods.paired_effects import paired_effects
from bayes_labor.models.bonuses.prize_design import PrizeDesign, PrizeSpec
from bayes_labor.models.pilot import panel_pilot


def cut_prize(draws: xr.DataTree, panel: Personnel, spec: PrizeSpec, *, imputations: int = 200, seed: int = 0) -> xr.Dataset:
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
    stacked = draws["posterior"].to_dataset()[["chance", "rise", "sd_omega", "sd_rise"]].stack(sample=("chain", "draw"))
    theta, sd, place = [], [], len(design.bonus.terms)
    for s in np.linspace(0, stacked.sizes["sample"] - 1, imputations).astype(int):
        bonus = design.with_prize(_impute(design, stacked.isel(sample=s), spec.worker_prize, rng))
        own, _, _ = panel_pilot(bonus)
        theta.append(own.center + own.scale @ rng.normal(size=len(own.center)))
        sd.append(np.linalg.norm(own.scale[place]))
    effects = xr.DataArray(np.array(theta), dims=("sample", "term"), coords={"term": list(bonus.terms)})
    return xr.Dataset({"theta": effects, "rho": ("sample", effects.to_numpy()[:, place]), "rho_sd": ("sample", np.array(sd))})


def _impute(design: PrizeDesign, one: xr.Dataset, worker_prize: bool, rng: np.random.Generator) -> np.ndarray:
    """(m,) expected prize at rows with a bonus."""
    chance = 1.0 / (1.0 + np.exp(-(design.promotion.columns[design.bonus_rows] @ one["chance"].to_numpy())))
    increase, rise, workers = design.increase_at_bonus @ one["rise"].to_numpy(), design.increase, design.increase_workers
    if worker_prize:
        residual, nothing = rise.outcome - rise.columns @ one["rise"].to_numpy(), np.empty(0)
        scales = np.array([np.log(one["sd_omega"].item()), 0.0, 0.0, np.log(one["sd_rise"].item()), 0.0])
        found = paired_effects(residual, nothing, nothing, scales, workers.offsets, 0 * workers.offsets)
        omega = found.mean[:, 0] + np.sqrt(found.covariance[:, 0]) * rng.normal(size=len(workers.labels))
        increase = increase + omega[design.bonus_workers.row]
    return chance * increase
