"""Simulation-based calibration of joint production on who works where in given data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.engines.sampling import SamplerSettings
from bayes_labor.models.joint_production.model import PARAMETERS, joint_production
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.posteriors.calibration import rank_all, truths_of
from bayes_labor.posteriors.joint_production.fits import joint_recipe
from bayes_labor.posteriors.prior import prior_draws

SAMPLER = {"chains": 4, "draws": 300, "tune": 300, "longest": 4, "second_opinion": 150}
"""As a fit at defaults in all but its length: with a second opinion, and it goes on and jumps where that is wanted."""
_BATCH, _BATCHES = 100, 200  # draws at once, whatever the number of simulations: their order is then the same; tries


def calibrate(
    workforce: Workforce,
    spec: JointProductionSpec,
    simulations: int,
    *,
    seed: int = 0,
    thin: int = 10,
    progress: Callable[[int], None] | None = None,
    keep: Path | None = None,
    workers: int | None = 1,
    address: str | None = None,
    **settings: Any,
) -> pd.DataFrame:
    """Ranks of true values among posterior draws.

    Parameters
    ----------
    workforce
        Who works where, with which characteristics; its wages only set the scale of the priors.
    simulations
        Number of data sets.
    seed, thin, progress, keep, workers, address, **settings
        As for :func:`bayes_labor.posteriors.calibration.calibrate_model`.

    Returns
    -------
    pd.DataFrame
        As there.

    Raises
    ------
    DataFaults
        If ``keep`` holds ranks of other data, of another specification, sampler, seed or version, or does not say whose.

    """
    chosen = SamplerSettings(**(SAMPLER | settings))
    truths, wages = _simulate(joint_production(workforce, spec), simulations, seed)
    data = [{"observed_wage": w} for w in wages]
    recipe = joint_recipe(workforce, spec, chosen)
    about = {"data": f"{workforce.name}, {workforce.fingerprint}", "specification": spec.model_dump(mode="json")}
    return rank_all(recipe, truths, data, seed, thin, progress, keep, workers, address, about)


def _simulate(model: pm.Model, simulations: int, seed: int) -> tuple[list[dict[str, np.ndarray]], list[np.ndarray]]:
    truths: list[dict[str, np.ndarray]] = []
    wages: list[np.ndarray] = []
    names = [n for n in PARAMETERS if n in model.named_vars]
    wanted = [*dict.fromkeys([*names, *(v.name for v in model.free_RVs)]), "infeasibility_penalty", "wage"]
    rng = np.random.default_rng([seed, 1])
    tries = _BATCHES * -(-simulations // _BATCH)
    for batch in range(tries):
        tree = prior_draws(model, _BATCH, seed + 7919 * batch, wanted)
        drawn = tree["prior_predictive"]["wage"].to_numpy()[0]
        # The penalty on infeasible workplaces does not depend on the data: it is part of the prior, met here by rejection.
        kept = rng.uniform(size=len(drawn)) < np.exp(-tree["prior"]["infeasibility_penalty"].to_numpy()[0])
        used = np.flatnonzero(kept & np.isfinite(drawn).all(1))[: simulations - len(truths)]
        truths += truths_of(model, tree["prior"].to_dataset(), names, used)
        wages += list(drawn[used])
        if len(truths) == simulations:
            return truths, wages
    what = f"only {len(truths)} of {_BATCH * tries} prior draws have a feasible equilibrium"
    raise DataFaults([Fault(what, "priors", "tighten them")])
