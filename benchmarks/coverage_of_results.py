"""Do the intervals of tables and figures hold the truth? ``python -m benchmarks.coverage_of_results [TRUTHS]``.

Parameters from the default priors, wages from the model on a small payroll, a fit as at defaults but for its length; then Table
8 and Figures 5 to 8 at the posterior draws, and the same functions at the true parameters. How many numbers lie inside their
central 94% intervals is kept, by truth and result, in ``benchmarks/results/coverage_of_results.csv``: a second call goes on.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor.data import Workforce
from bayes_labor.engines.fan_out import Refit, refit
from bayes_labor.engines.sampling import SamplerSettings
from bayes_labor.models import JointProductionSpec, joint_production
from bayes_labor.posteriors.calibration import UNCONSTRAINED
from bayes_labor.posteriors.joint_production.calibration import SAMPLER, _simulate
from bayes_labor.posteriors.joint_production.fits import joint_recipe
from bayes_labor.posteriors.joint_production.results import (
    by_workplace_size,
    managing,
    profiles,
    seniority_response,
    variation,
)

OUT = Path(__file__).parent / "results" / "coverage_of_results.csv"
SPEC, SEED, SIZE = JointProductionSpec(), 13, 150
RESULTS: dict[str, tuple[Callable[..., xr.Dataset], dict[str, Any], tuple[str, ...]]] = {
    "Table 8": (variation, {}, ("variance", "covariance")),
    "Figure 5": (seniority_response, {"bins": 3}, ("mean", "sd")),
    "Figure 6": (profiles, {"along": "experience", "bins": 4}, ("wage", "outside_option")),
    "Figure 7": (profiles, {"along": "experience", "bins": 4, "neuter": True}, ("wage", "outside_option")),
    "Figure 8": (by_workplace_size, {}, ("wage", "outside_option", "surplus")),
    "who manages": (managing, {}, ("probability",)),
}


def payroll() -> Workforce:
    """Fourteen workplaces of two industries and three sizes."""
    rng = np.random.default_rng(21)
    sizes = np.repeat([3, 5, 9], [5, 5, 4])
    n, plant = int(sizes.sum()), np.repeat(np.arange(len(sizes)), sizes)
    experience = rng.uniform(0, 30, n)
    columns = {"workplace": plant, "industry": np.array(["a", "b"])[plant % 2], "experience": experience}
    columns |= {"seniority": np.minimum(experience, rng.exponential(5, n)), "wage": 20 + rng.normal(0, 3, n)}
    columns |= {"female": (rng.random(n) < 0.45).astype(float)}
    table = pd.DataFrame(columns)
    return Workforce.from_frame(table, "experience + female + seniority", ["seniority"], name="small", simulated=True)


def numbers(draws: xr.DataTree, workforce: Workforce) -> Iterator[tuple[str, np.ndarray]]:
    """(result, (sample, numbers)) of every table and figure."""
    for name, (function, options, variables) in RESULTS.items():
        how = {k: v for k, v in options.items() if k != "neuter"}
        how |= {"changed": workforce.changed(female=0.5)} if options.get("neuter") else {}
        found = function(draws, workforce, SPEC, size=SIZE, **how)
        parts = [found[v].transpose("sample", ...).to_numpy() for v in variables]
        yield name, np.concatenate([p.reshape(len(p), -1) for p in parts], axis=1)


def of_truth(truth: dict[str, np.ndarray], workforce: Workforce) -> xr.DataTree:
    """True parameters as a posterior of one draw."""
    dims = {"beta": "industry", "A": "industry", "gamma": "talent_term", "psi": "power_term"}
    known = {k: v[None, None] for k, v in truth.items() if k != UNCONSTRAINED}
    held = {k: (("chain", "draw", *((dims[k],) if k in dims else ())), v) for k, v in known.items()}
    return xr.DataTree.from_dict({"posterior": xr.Dataset(held, {"industry": list(workforce.industries)})})


def inside(draws: np.ndarray, true: np.ndarray) -> tuple[int, int]:
    """(numbers inside their intervals, numbers that are known)."""
    known = np.isfinite(draws).all(0) & np.isfinite(true)
    low, high = np.quantile(draws[:, known], [0.03, 0.97], axis=0)
    return int(((low <= true[known]) & (true[known] <= high)).sum()), int(known.sum())


def main(truths: int = 50) -> None:
    """Fit and keep."""
    workforce = payroll()
    true, wages = _simulate(joint_production(workforce, SPEC), truths, SEED)
    rows = pd.read_csv(OUT).to_dict("records") if OUT.exists() else []
    recipe = joint_recipe(workforce, SPEC, SamplerSettings(**SAMPLER))  # priors and softness of one economy, whatever its wages
    for i in range(truths):
        if any(r["truth"] == i for r in rows):
            continue
        draws = refit(recipe, Refit({"observed_wage": wages[i]}, SEED + i))
        known = dict(numbers(of_truth(true[i], workforce), workforce))
        for name, values in numbers(draws, workforce):
            held, n = inside(values, known[name][0])
            rows.append({"truth": i, "result": name, "inside": held, "numbers": n})
        pd.DataFrame(rows).to_csv(OUT, index=False)
        print(i, flush=True)
    sums = pd.DataFrame(rows).groupby("result")[["inside", "numbers"]].sum()
    print((sums["inside"] / sums["numbers"]).round(3).to_string())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
