"""The parameter table of a joint-production posterior, prior beside posterior."""

import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor.data.workforce import Workforce
from bayes_labor.models.joint_production import columns_of, unemployment_prior
from bayes_labor.models.settings import JointProductionSpec
from bayes_labor.posteriors.diagnostics import PARAMETERS
from bayes_labor.posteriors.tables import parameter_table

SYMBOL = {"beta": "β", "psi": "ψ", "d": "d", "V_U": "V_U", "gamma": "γ", "A": "A", "sigma": "σ", "nu": "ν"}


def summarize(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, *, seed: int = 0) -> pd.DataFrame:
    """The parameter table: prior mean and sd, posterior mean, sd and 94% HDI, contraction, ESS and R-hat.

    Contraction is 1 - (posterior sd / prior sd)^2: near 0 the data say nothing and the row shows the prior; near 1 the
    row shows the data. It is NaN for A, whose prior depends on the other parameters and has no finite variance to speak of.

    Returns
    -------
    pd.DataFrame
        One row per parameter, indexed by (symbol, term).

    """
    posterior = draws["posterior"].to_dataset()
    names = [v for v in PARAMETERS if v in posterior and v != "nu"] + (["nu"] if "nu" in posterior else [])
    return parameter_table(posterior[names], prior_moments(workforce, spec, seed=seed), SYMBOL)


def prior_moments(
    workforce: Workforce, spec: JointProductionSpec, *, draws: int = 20_000, seed: int = 0
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Prior mean and sd of each parameter in the units of the data; beta's by simulation of the hierarchy."""
    p, columns, rng = spec.priors, columns_of(workforce, spec), np.random.default_rng(seed)
    sd_wage = float(workforce.wage.std())
    zero = np.zeros(1)
    atanh = rng.normal(0, p.beta_mean, draws) + np.abs(rng.normal(0, p.beta_spread, draws)) * rng.normal(size=draws)
    if not spec.pooled or len(workforce.industries) == 1:
        atanh = rng.normal(0, np.hypot(p.beta_mean, p.beta_spread), draws)
    beta = np.tanh(atanh)
    a, b = p.bargaining
    half = np.sqrt(2.0 / np.pi)
    moments = {
        "beta": (zero, np.array([beta.std()])),
        "psi": (np.zeros(len(columns.power_sd)), p.power / columns.power_sd),
        "d": (np.array([a / (a + b)]), np.array([np.sqrt(a * b / (a + b + 1.0)) / (a + b)])),
        "V_U": tuple(np.array([v]) for v in unemployment_prior(workforce, p)),
        "gamma": (np.zeros(len(columns.talent_sd)), p.talent / columns.talent_sd),
        "sigma": (np.array([half * p.noise * sd_wage]), np.array([np.sqrt(1.0 - half**2) * p.noise * sd_wage])),
        "nu": (np.array([2.0 + 2.0 / p.tail]), np.array([np.sqrt(2.0) / p.tail])),
    }
    return {k: v for k, v in moments.items() if len(v[1])}
