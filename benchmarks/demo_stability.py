"""Does anything arbitrary turn the demo's answer? ``python -m benchmarks.demo_stability`` fits it again and again.

Another seed of the sampler, another seed of the specification (which exact matching does not use), rows in another order,
industries under other names in another order. Gaps of β's posterior mean, in posterior standard deviations, are kept in
``benchmarks/results/demo_stability.json``.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from bayes_labor.data import Workforce, baseball, baseball_table
from bayes_labor.data.joint_production.baseball import FORMULA, LEAGUE_MINIMUM
from bayes_labor.models import JointProductionSpec
from bayes_labor.posteriors import fit, gates

RENAMED = {"AL": "z American", "NL": "a National"}
PRIORS = {"unemployment_center": LEAGUE_MINIMUM, "unemployment": 0.02}


def read(shuffled: bool = False, renamed: bool = False) -> Workforce:
    """The demo's table, with what is arbitrary about it changed."""
    table = baseball_table()
    if shuffled:
        table = table.sample(frac=1.0, random_state=5)
    if renamed:
        table = table.assign(industry=table["industry"].map(RENAMED))
    return Workforce.from_frame(table, FORMULA, ["seniority"], worker="worker", person="player")


def beta_of(workforce: Workforce, seed: int = 20161102, matching_seed: int = 0) -> dict[str, Any]:
    """β by league, under the leagues' own names."""
    draws = fit(workforce, JointProductionSpec(priors=PRIORS, seed=matching_seed), draws=1500, seed=seed)
    names = {new: old for old, new in RENAMED.items()}
    beta = draws["posterior"]["beta"].stack(sample=("chain", "draw"))
    found = {
        names.get(str(k), str(k)): {
            "mean": float(beta.sel(industry=k).mean()), "sd": float(beta.sel(industry=k).std()),
            "below_zero": float((beta.sel(industry=k) < 0).mean()),
        }
        for k in beta["industry"].to_numpy()
    }  # fmt: skip
    return {"beta": found, "failed_gates": [g.name for g in gates(draws) if not g.passed]}


def main() -> None:
    """Fit, compare and keep."""
    cases = {
        "as it is": lambda: beta_of(baseball()),
        "another seed of the sampler": lambda: beta_of(baseball(), seed=7),
        "another seed of the specification": lambda: beta_of(baseball(), matching_seed=2),
        "rows in another order": lambda: beta_of(read(shuffled=True)),
        "industries renamed": lambda: beta_of(read(renamed=True)),
    }
    found: dict[str, Any] = {}
    for name, case in cases.items():
        found[name] = case()
        first, own = found["as it is"]["beta"], found[name]["beta"]
        found[name]["largest_gap_sd"] = max(abs(own[k]["mean"] - first[k]["mean"]) / first[k]["sd"] for k in first)
        found[name]["largest_gap_below_zero"] = max(abs(own[k]["below_zero"] - first[k]["below_zero"]) for k in first)
        print(name, json.dumps(found[name]), flush=True)
    found["largest_gap_sd"] = float(np.max([found[n]["largest_gap_sd"] for n in cases]))
    out = Path(__file__).parent / "results" / "demo_stability.json"
    out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
