"""Errors of wages around those that the model predicts, at one posterior draw."""

import numpy as np
import xarray as xr

from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.models.joint_production.settings import JointProductionSpec

_LEAST = 1e-300


def residuals(workforce: Workforce, predicted: np.ndarray, spec: JointProductionSpec) -> np.ndarray:
    """(N,) of observed wages: differences in the wage unit, or in logs where log wages have the errors."""
    if spec.errors != "log":
        return workforce.wage - predicted
    return np.log(workforce.wage) - np.log(np.maximum(predicted, _LEAST))


def replicate(
    workforce: Workforce, predicted: np.ndarray, one: xr.Dataset, spec: JointProductionSpec, rng: np.random.Generator
) -> np.ndarray:
    """(N,) wages of the same people in the same workplaces as one draw would have them, all effects drawn anew."""
    sigma, n = one["sigma"].to_numpy(), workforce.n_workers
    error = rng.standard_t(float(one["nu"]), n) if "nu" in one else rng.standard_normal(n)
    error = error * (sigma[workforce.worker_industry] if sigma.ndim else sigma)
    if "tau" in one:
        error += np.repeat(float(one["tau"]) * rng.standard_normal(workforce.n_workplaces), workforce.sizes)
    if "omega" in one and workforce.people is not None:
        error += float(one["omega"]) * rng.standard_normal(len(workforce.people.labels))[workforce.people.row]
    return np.maximum(predicted, 0.0) * np.exp(error) if spec.errors == "log" else predicted + error
