"""The prior as the posterior knows it: without the points that have no equilibrium, and with the penalty.

Both remove much of the declared priors' mass (some 85% on small data), and not evenly: a contraction or a Savage-Dickey factor
beside the declared prior alone would credit the data with what the model did.
"""

import numpy as np
import xarray as xr

from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.models.joint_production.model import PARAMETERS, joint_production
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.posteriors.prior import prior_draws

_FEWEST, _MOST, _WORKER_DRAWS = 400, 2_000, 4e7
TOO_FEW = 20.0
"""Draws that the weighted ones must be worth for a moment of the prior to be shown."""
_known: dict[tuple[str, str, int], xr.Dataset] = {}  # of this process: a page asks several times


def effective_prior(workforce: Workforce, spec: JointProductionSpec, *, seed: int = 0) -> xr.Dataset:
    """Prior draws and what each counts.

    Returns
    -------
    xr.Dataset
        The parameters in the units of the data along ``draw``, and ``weight``, which sums to one: proportional to exp(-penalty)
        where there is an equilibrium, zero where there is none. ``attrs``: ``kept``, the share of the declared priors' mass
        that is left, and ``worth``, how many equally weighted draws they stand for.

    """
    key = workforce.fingerprint, spec.model_dump_json(), seed
    if key not in _known:
        _known.clear()
        _known[key] = _draw(workforce, spec, seed)
    return _known[key]


def _draw(workforce: Workforce, spec: JointProductionSpec, seed: int) -> xr.Dataset:
    model = joint_production(workforce, spec)
    names = [n for n in PARAMETERS if n in model.named_vars]
    draws = int(np.clip(_WORKER_DRAWS / workforce.n_workers, _FEWEST, _MOST))
    tree = prior_draws(model, draws, seed, [*names, "infeasibility_penalty", "solver_status"])
    found = tree["prior"].to_dataset().isel(chain=0)
    solved = found["solver_status"].to_numpy() == 0
    mass = np.where(solved, np.exp(-np.where(solved, found["infeasibility_penalty"].to_numpy(), np.inf)), 0.0)
    total = float(mass.sum())
    weight = mass / total if total > 0 else mass
    worth = 1.0 / float((weight**2).sum()) if total > 0 else 0.0
    return found[names].assign(weight=("draw", weight)).assign_attrs(kept=float(mass.mean()), worth=worth, draws=draws)


def moments(prior: xr.Dataset) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(means, standard deviations) by variable; NaN where the draws are worth too little, and for A, which has no variance."""
    weight, found = prior["weight"], {}
    for name in (str(n) for n in prior.data_vars if n != "weight"):
        mean = (prior[name] * weight).sum("draw")
        variance = (weight * (prior[name] - mean) ** 2).sum("draw")
        known = prior.attrs["worth"] >= TOO_FEW and name != "A"
        found[name] = (mean.to_numpy(), np.sqrt(variance.to_numpy())) if known else (np.array(np.nan), np.array(np.nan))
    return found


def resampled(prior: xr.Dataset, size: int, *, seed: int = 0) -> xr.Dataset:
    """``size`` draws of equal weight."""
    weight = prior["weight"].to_numpy()
    picks = np.random.default_rng(seed).choice(len(weight), size, p=weight) if weight.any() else np.arange(len(weight))
    return prior.drop_vars("weight").isel(draw=np.sort(picks)).assign_coords(draw=np.arange(len(picks)))


def words(prior: xr.Dataset) -> str:
    """A sentence for pages: what the prior columns stand for."""
    return (
        "Prior columns, contraction and Savage-Dickey factors know that points without an equilibrium have no density and that "
        f"workplaces without a surplus are penalised, which leaves {prior.attrs['kept']:.0%} of the declared priors' mass: "
        f"{prior.attrs['draws']:,} prior draws, worth {prior.attrs['worth']:.0f} of equal weight."
    )
