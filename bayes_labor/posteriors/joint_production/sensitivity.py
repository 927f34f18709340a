"""Whether the priors matter: the posterior when prior or likelihood are raised to a power a little off one."""

import warnings
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models.joint_production.inputs import priors_meant
from bayes_labor.models.joint_production.model import PARAMETERS
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.posteriors.html import section, shown_table
from bayes_labor.posteriors.joint_production.comparison import with_log_likelihood
from bayes_labor.posteriors.joint_production.summary import SYMBOL
from bayes_labor.posteriors.prior import quiet

THRESHOLD = 0.05
"""Distance that a posterior moves, per doubling of the prior's or the likelihood's weight, from which on it is sensitive."""


def prior_sensitivity(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, *, size: int = 1000) -> pd.DataFrame:
    """How much each parameter's posterior leans on the priors and on the data, by power-scaling (Kallioinen et al. 2024).

    Parameters
    ----------
    draws, workforce, spec
        A fit.
    size
        Number of draws, evenly spread over the chains; at each the equilibrium is solved again.

    Returns
    -------
    pd.DataFrame
        By (parameter, term): ``prior`` and ``likelihood`` sensitivity, and ``diagnosis`` in words; empty where neither exceeds
        0.05 unfavourably.

    """
    tree = with_log_likelihood(draws, workforce, spec, size=size)
    tree["log_prior"] = xr.DataTree(log_opinions(tree["posterior"].to_dataset(), workforce, spec))
    names = [n for n in PARAMETERS if n in tree["posterior"] and n != "A"]
    with warnings.catch_warnings(), quiet("arviz_stats.psense"):
        warnings.simplefilter("ignore")  # of importance weights that are already one
        found = az.psense_summary(tree, var_names=names, threshold=THRESHOLD, round_to=6)
    table = pd.DataFrame(
        {
            "prior": found["prior"].to_numpy(np.float64),
            "likelihood": found["likelihood"].to_numpy(np.float64),
            "diagnosis": [str(d).replace("✓", "") for d in found["diagnosis"]],
        },
        index=pd.MultiIndex.from_tuples([_label(str(i)) for i in found.index], names=["parameter", "term"]),
    )
    return table


def log_opinions(posterior: xr.Dataset, workforce: Workforce, spec: JointProductionSpec) -> xr.Dataset:
    """(chain, draw, ...) log prior densities of what a user has an opinion of, as printed, on the parameters' own scales.

    Where an industry stands within the hierarchy, and a workplace within its effects, is none.
    """
    rows = priors_meant(workforce, spec)
    within = {"workplace_effect", *(["atanh_beta"] if "beta_mean" in rows else [])}
    values = {
        k: posterior[k] if k in posterior else xr.apply_ufunc(np.arctanh, posterior["beta"]) for k in rows if k not in within
    }
    return xr.Dataset({k: (v.dims, rows[k].frozen().logpdf(v.to_numpy())) for k, v in values.items()}, dict(posterior.coords))


def sensitivity_section(table: pd.DataFrame, folder: RunFolder) -> dict[str, Any]:
    """Do the priors matter? ``table`` is that of :func:`prior_sensitivity`."""
    note = (
        "Distance that the posterior moves when the prior's, or the likelihood's, logarithm is scaled by a number near one, "
        f"per doubling. Above {THRESHOLD} for the prior alone: the row is mostly prior. For both: prior and data pull in "
        "different directions, or the row is weakly identified; fit again with another prior before reporting it."
    )
    shown = shown_table(table, folder, "prior_sensitivity", "Sensitivity to prior and likelihood", note)
    return section("Do the priors matter?", [shown])


def _label(text: str) -> tuple[str, str]:
    """(symbol, term) of ArviZ's ``name[term]``."""
    name, _, rest = text.partition("[")
    return SYMBOL[name], rest[:-1] if rest else ""
