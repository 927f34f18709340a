"""Fits compared by what they predict for a unit that is left out, by Pareto-smoothed importance sampling."""

import warnings
from collections.abc import Mapping

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr

GOOD_K = 0.7
"""Pareto shape up to which importance sampling is reliable."""


def leave_units_out(values: np.ndarray) -> az.ELPDData:
    """From log predictive densities (sample, unit) at nearly independent draws; pointwise."""
    group = xr.Dataset({"unit": (("chain", "draw", "number"), values[None])})
    posterior = xr.Dataset({"used": (("chain", "draw"), np.zeros((1, len(values))))})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # large Pareto shapes are counted in the table
        tree = xr.DataTree.from_dict({"log_likelihood": group, "posterior": posterior})
        return az.loo(tree, pointwise=True, reff=1.0)


def scores(found: Mapping[str, az.ELPDData]) -> pd.DataFrame:
    """By name, best first: density, difference to the best with its error paired by unit, parameters, flagged units."""
    best = max(found, key=lambda n: float(found[n].elpd))
    rows: dict[str, dict[str, float]] = {}
    for name, loo in sorted(found.items(), key=lambda item: -float(item[1].elpd)):
        gap = np.asarray(loo.elpd_i).ravel() - np.asarray(found[best].elpd_i).ravel()
        rows[name] = {
            "density": float(loo.elpd), "difference": float(gap.sum()), "se": float(np.sqrt(len(gap)) * gap.std()),
            "parameters": float(loo.p), "flagged": float((np.asarray(loo.pareto_k) > GOOD_K).sum()),
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index")
