"""The equilibrium at posterior draws: wages, outside options and shares as the theory gives them, draw by draw."""

import numpy as np
import xarray as xr

from bayes_labor.data.workforce import Workforce
from bayes_labor.models.joint_production import columns_of, matching_of
from bayes_labor.models.settings import JointProductionSpec
from bayes_labor.theory.outside_option import solve_outside_option
from bayes_labor.theory.payroll import solve_payroll
from bayes_labor.theory.status import Status


def thin(draws: xr.DataTree, size: int) -> xr.Dataset:
    """At most ``size`` posterior draws, evenly spread over all chains, along one dimension ``sample``."""
    stacked = draws["posterior"].to_dataset().stack(sample=("chain", "draw"))
    picks = np.unique(np.linspace(0, stacked.sizes["sample"] - 1, size).astype(int))
    return stacked.isel(sample=picks)


def equilibria(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, *, size: int = 100) -> xr.Dataset:
    """Solve the model at ``size`` posterior draws.

    Returns
    -------
    xr.Dataset
        ``wage``, ``outside_option``, ``surplus_share`` (sample, worker); ``surplus`` (sample, workplace);
        ``external_index`` (sample, worker). Draws whose equilibrium cannot be solved are left out; ``attrs["failed"]`` counts them.
    """
    posterior, columns = thin(draws, size), columns_of(workforce, spec)
    matching, mean_wage = matching_of(workforce, spec), float(np.mean(np.abs(workforce.wage)))
    softness = spec.softness * mean_wage if spec.feasibility == "smooth" else 0.0
    solved, failed = [], 0
    for i in range(posterior.sizes["sample"]):
        one = posterior.isel(sample=i)
        talent, z, beta, scale, d, floor, power = _inputs(one, workforce, columns, spec)
        s = solve_outside_option(
            talent, z, workforce.offsets, beta, scale, d, floor, industry=workforce.industry, matching=matching, softness=softness
        )
        if s.status is not Status.OK:
            failed += 1
            continue
        pay = solve_payroll(s.value, s.output, power, workforce.offsets)
        solved.append((pay.wage, s.value, pay.share, pay.surplus, z))
    names = ("wage", "outside_option", "surplus_share", "surplus", "external_index")
    dims = {n: ("sample", "workplace" if n == "surplus" else "worker") for n in names}
    data = {n: (dims[n], np.array([row[i] for row in solved])) for i, n in enumerate(names)}
    return xr.Dataset(data, attrs={"failed": failed})


def _inputs(one: xr.Dataset, workforce: Workforce, columns: object, spec: JointProductionSpec) -> tuple:
    n, industries = len(columns.external_terms), len(workforce.industries)  # type: ignore[attr-defined]
    gamma = one["gamma_scaled"].to_numpy()
    z = columns.external @ gamma[:n]  # type: ignore[attr-defined]
    talent = z + columns.internal @ gamma[n:]  # type: ignore[attr-defined]
    beta = np.zeros(industries) if spec.is_linear else one["beta"].to_numpy()
    # A is reported for uncentered columns; the columns used here are centered.
    level = float(columns.mean @ one["gamma"].to_numpy()[:n])  # type: ignore[attr-defined]
    exponent = np.where(beta > 0, 1.0 + beta, 1.0 + beta + beta**2)
    scale = one["A"].to_numpy() * np.exp(level * exponent)
    d, floor = (1.0, 0.0) if spec.is_linear else (float(one["d"]), float(one["V_U"]))
    power = columns.power @ one["psi_scaled"].to_numpy() if "psi_scaled" in one else np.zeros(workforce.n_workers)  # type: ignore[attr-defined]
    return talent, z, beta, scale, d, floor, power
