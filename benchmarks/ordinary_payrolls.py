"""What the defaults say of a payroll without interaction: ``python -m benchmarks.ordinary_payrolls [DATA_SETS]``.

Log-linear wages with plant effects in 300 plants of three industries, from no model of ours, fitted with every default: gates,
P(β < 0) by industry, V_U beside zero and the least decile of the wages. Kept in ``benchmarks/results/ordinary_payrolls.json``,
one data set after the other: a second call goes on.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bayes_labor import __version__
from bayes_labor.models import JointProductionSpec
from bayes_labor.posteriors import fit, gates
from tests.data.payrolls import ordinary

PLANTS = 300
OUT = Path(__file__).parent / "results" / "ordinary_payrolls.json"


def fitted(seed: int) -> dict[str, Any]:
    """One data set, another seed in the generator than in the fit."""
    workforce = ordinary(PLANTS, seed)
    draws = fit(workforce, JointProductionSpec(), seed=1000 + seed)
    posterior, decile = draws["posterior"], float(np.quantile(workforce.wage, 0.1))
    worth = posterior["V_U"].to_numpy()
    return {
        "data_seed": seed,
        "workers": workforce.n_workers,
        "below_zero": (posterior["beta"] < 0).mean(("chain", "draw")).to_numpy().round(3).tolist(),
        "beta": {"mean": means(posterior["beta"]), "sd": posterior["beta"].std(("chain", "draw")).to_numpy().round(4).tolist()},
        "V_U": {
            "mean": float(worth.mean()),
            "sd": float(worth.std()),
            "inside": float(((worth > 0) & (worth < decile)).mean()),
        },
        "least_decile_of_wages": decile,
        "draws": int(worth.size),
        "went_on": draws.attrs.get("went_on", []),
        "failed_gates": {g.name: g.value for g in gates(draws) if not g.passed},
        "opinion": draws.attrs["second_opinion"],
        "seconds": draws.attrs["sampling_seconds"],
    }


def means(values: Any) -> list[float]:
    """Of every element."""
    found: list[float] = values.mean(("chain", "draw")).to_numpy().round(4).tolist()
    return found


def main(data_sets: int = 10) -> None:
    """Fit and keep."""
    found: dict[str, Any] = json.loads(OUT.read_text()) if OUT.exists() else {"version": __version__, "fits": []}
    for seed in range(1, data_sets + 1):
        if all(f["data_seed"] != seed for f in found["fits"]):
            found["fits"].append(fitted(seed))
            OUT.write_text(json.dumps(found, indent=1) + "\n")
            print(json.dumps(found["fits"][-1]), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
