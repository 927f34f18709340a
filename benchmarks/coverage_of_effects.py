"""How wrong is a fit without effects where there are some? ``python -m benchmarks.coverage_of_effects [DATA_SETS]``.

Parameters from the default priors and wages with effects of workers and of workplaces, in a small panel of three years whose
people move; each data set fitted with both effects and with none. Coverage of central 94% intervals follows from the ranks,
which are kept in ``benchmarks/results/coverage_with_effects.csv`` and ``coverage_without_effects.csv``: a second call goes on.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from bayes_labor.data import Workforce
from bayes_labor.engines.sampling import SamplerSettings
from bayes_labor.models import JointProductionSpec, joint_production
from bayes_labor.posteriors.calibration import UNCONSTRAINED, rank_all
from bayes_labor.posteriors.joint_production.calibration import SAMPLER, _simulate
from bayes_labor.posteriors.joint_production.fits import joint_recipe

RESULTS = Path(__file__).parent / "results"
WITH = JointProductionSpec(worker_effects=True, workplace_effects=True)
SEED, THIN = 7, 5


def panel() -> Workforce:
    """Ten plants of two industries in three years, a fifth of whose people change plants each year."""
    rng = np.random.default_rng(4)
    n, plants, tables = 55, 10, []
    plant = np.concatenate([np.repeat(np.arange(plants), 2), rng.integers(0, plants, n - 2 * plants)])
    experience, since = rng.uniform(0, 30, n), np.minimum(rng.exponential(5, n), 10)
    for year in range(3):
        columns = {"workplace": [f"{p} in {year}" for p in plant], "industry": np.array(["a", "b"])[plant % 2]}
        columns |= {"person": np.arange(n), "experience": experience + year, "seniority": since, "year": year}
        tables.append(
            pd.DataFrame(columns | {"worker": [f"{i} in {year}" for i in range(n)], "wage": 20 + rng.normal(0, 3, n)})
        )
        moves = rng.random(n) < 0.2
        plant, since = np.where(moves, rng.integers(0, plants, n), plant), np.where(moves, 0.0, since + 1.0)
    table = pd.concat(tables, ignore_index=True)
    table = table[table.groupby("workplace")["worker"].transform("size") > 1]
    return Workforce.from_frame(
        table, "experience + seniority", ["seniority"], worker="worker", person="person", name="panel", simulated=True
    )


def main(data_sets: int = 100) -> None:
    """Rank and say how often the truth lies inside."""
    workforce, without = panel(), JointProductionSpec()
    truths, wages = _simulate(joint_production(workforce, WITH), data_sets, SEED)
    data = [{"observed_wage": w} for w in wages]
    covered = {}
    for label, spec in (("with", WITH), ("without", without)):
        known = {v.name for v in joint_production(workforce, spec).unobserved_RVs}
        own = [{k: v for k, v in t.items() if k in known and k != UNCONSTRAINED} for t in truths]
        recipe = joint_recipe(workforce, spec, SamplerSettings(**SAMPLER))
        about = {
            "data": workforce.fingerprint,
            "generated with": "effects of both",
            "specification": spec.model_dump(mode="json"),
        }
        keep = RESULTS / f"coverage_{label}_effects.csv"
        ranks = rank_all(recipe, own, data, SEED, THIN, lambda i: print(i, flush=True), keep, 1, None, about)
        covered[f"{label} effects"] = ((ranks > 0.03) & (ranks < 0.97)).mean()
    print(pd.DataFrame(covered).round(2).to_string())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
