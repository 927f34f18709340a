"""The parameter table of a joint-production posterior, prior beside posterior."""

import pandas as pd
import xarray as xr

from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.models.joint_production.model import PARAMETERS
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.posteriors.joint_production.effective_prior import effective_prior, moments
from bayes_labor.posteriors.tables import parameter_table

SYMBOL = {
    "beta": "β",
    "psi": "ψ",
    "d": "d",
    "V_U": "V_U",
    "gamma": "γ",
    "A": "A",
    "sigma": "σ",
    "tau": "τ",
    "omega": "ω",
    "nu": "ν",
}


def summarize(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, *, seed: int = 0) -> pd.DataFrame:
    """The parameter table: prior mean and sd, posterior mean, sd and 94% HDI, contraction, ESS and R-hat.

    Contraction is 1 - (posterior sd / prior sd)^2: near 0 the data say nothing and the row shows the prior; near 1 the
    row shows the data. The prior is the one that the posterior knows, see :func:`.effective_prior.effective_prior`. NaN for A,
    whose prior depends on the other parameters and has no finite variance to speak of.

    Returns
    -------
    pd.DataFrame
        One row per parameter, indexed by (symbol, term).

    """
    posterior = draws["posterior"].to_dataset()
    names = [v for v in PARAMETERS if v in posterior and v != "nu"] + (["nu"] if "nu" in posterior else [])
    return parameter_table(posterior[names], moments(effective_prior(workforce, spec, seed=seed)), SYMBOL)
