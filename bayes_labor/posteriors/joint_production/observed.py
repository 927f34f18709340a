"""Each wage: observed, drawn anew, and the log density of whole payrolls."""

import numpy as np
import xarray as xr

from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.posteriors.joint_production.comparison import terms_at, unit_of
from bayes_labor.posteriors.joint_production.equilibrium import solve_each, thin
from bayes_labor.posteriors.joint_production.errors import replicate
from bayes_labor.posteriors.observed import Observed, rows_and_units


def observed_wages(spec: JointProductionSpec, workforce: Workforce, tree: xr.DataTree, seed: int) -> Observed:
    """Variable ``wage``, in the wage unit; NaN where a draw has no equilibrium.

    Units are workplaces; with worker effects people. Rows are by workplace: ``worker`` holds their ids, or where the table has
    none its rows. The penalty on payrolls without a surplus is no part of the log likelihood; it is in the posterior.
    """
    posterior, rng = tree["posterior"].to_dataset(), np.random.default_rng(seed)
    size = posterior.sizes["chain"] * posterior.sizes["draw"]
    (unit, labels), stacked = unit_of(workforce, spec), thin(tree, size)
    made, terms = [], []
    for i, e in enumerate(solve_each(tree, workforce, spec, size=size)):
        one = stacked.isel(sample=i)
        nothing = np.full(workforce.n_workers, np.nan)
        made.append(nothing if e is None else replicate(workforce, e.wage, one, spec, rng))
        terms.append(np.full(len(labels), -np.inf) if e is None else terms_at(workforce, e.wage, one, spec))
    rows = {"of_workplace": np.repeat(workforce.workplaces, workforce.sizes), "worker": np.asarray(workforce.workers)}
    return rows_and_units(posterior, "wage", workforce.wage, rows, made, unit, labels, terms)
