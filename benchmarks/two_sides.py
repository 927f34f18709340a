"""Do default fits find the mass on both sides of β = 0? ``python -m benchmarks.two_sides [ECONOMIES]``.

Small generated economies, in which no industry's sign is sure. A long tempered run (four populations of 400 particles) knows
the mass on each side; beside it a fit at the defaults, its gate on mass that no chain visited, and the same gate when the draws
below zero of one industry are withheld by hand. Kept in ``benchmarks/results/two_sides.json``, one economy after the other: a
second call goes on.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bayes_labor.data import norway
from bayes_labor.models import JointProductionSpec
from bayes_labor.posteriors import fit, gates

WORKPLACES = 15
OUT = Path(__file__).parent / "results" / "two_sides.json"
GATE = "mass on both sides of beta = 0"


def below_zero(draws: xr.DataTree) -> np.ndarray:
    """(K,) share of draws of β below zero."""
    return (draws["posterior"]["beta"] < 0).mean(("chain", "draw")).to_numpy()


def passes(draws: xr.DataTree) -> bool:
    """Whether the gate on unvisited mass passes."""
    return next(g.passed for g in gates(draws) if g.name == GATE)


def withheld(draws: xr.DataTree, industry: int) -> xr.DataTree:
    """Without the draws whose β of an industry lies on its lighter side, in chains of equal length."""
    beta = draws["posterior"]["beta"].to_numpy()[..., industry]
    lighter = beta < 0 if np.mean(beta < 0) < 0.5 else beta > 0
    n = int((~lighter).sum(1).min())
    kept = [np.flatnonzero(~row)[:n] for row in lighter]

    def cut(group: xr.Dataset) -> xr.Dataset:
        return xr.concat([group.isel(chain=c, draw=k).assign_coords(draw=np.arange(n)) for c, k in enumerate(kept)], "chain")

    tree = xr.DataTree.from_dict({g: cut(draws[g].to_dataset()) for g in ("posterior", "sample_stats")})
    tree.attrs.update(draws.attrs)
    return tree


def economy(seed: int) -> dict[str, Any]:
    """One economy, fitted three ways."""
    workforce, spec = norway(WORKPLACES, seed=seed), JointProductionSpec()
    reference = fit(workforce, spec, engine="smc", draws=400, chains=4, seed=1000 + seed)
    default = fit(workforce, spec, seed=seed)
    known, found = below_zero(reference), below_zero(default)
    balanced = int(np.argmin(np.abs(known - 0.5)))
    return {
        "seed": seed,
        "workers": workforce.n_workers,
        "known": known.round(3).tolist(),
        "known_by_population": (reference["posterior"]["beta"] < 0).mean("draw").to_numpy().round(3).tolist(),
        "default": found.round(3).tolist(),
        "opinion": np.round(default.attrs["second_opinion"]["below_zero"]["beta"], 3).tolist(),
        "largest_gap": float(np.abs(known - found).max()),
        "gate_passes": passes(default),
        "gate_passes_with_a_side_withheld": passes(withheld(default, balanced)),
        "other_gates_failed": [g.name for g in gates(default) if not g.passed and g.name != GATE],
        "seconds": {"smc": reference.attrs["sampling_seconds"], "nuts": default.attrs["sampling_seconds"]},
    }


def main() -> None:
    """Fit, compare and keep."""
    found = json.loads(OUT.read_text()) if OUT.exists() else []
    for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else 10):
        if all(e["seed"] != seed for e in found):
            found.append(economy(seed))
            OUT.write_text(json.dumps(found, indent=1) + "\n")
            print(json.dumps(found[-1]), flush=True)


if __name__ == "__main__":
    main()
