"""Do default fits find the mass on both sides of β = 0? ``python -m benchmarks.two_sides [ECONOMIES]``.

Small payrolls drawn from the model at parameters of its prior, of which those are taken whose posterior has modes of unlike
signs by Laplace's approximation, each with a tenth of the mass or more. A long tempered run (:mod:`.long_tempering`) knows the
mass on each side; beside it a fit at the defaults, its gate on mass that no chain visited, and the same gate when the
draws on the lighter side of one industry are withheld by hand. Kept in ``benchmarks/results/two_sides.json``, one economy after
the other: a second call goes on.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr

from bayes_labor import __version__
from bayes_labor.data import Workforce
from bayes_labor.engines.modes import find_modes, log_density_of, shares
from bayes_labor.engines.nutpie_engine import compile_model, expander
from bayes_labor.models import JointProductionSpec, joint_production
from bayes_labor.models.starting import beta_coordinates, starting_points
from bayes_labor.posteriors import fit, gates
from bayes_labor.posteriors.joint_production.calibration import _simulate
from benchmarks.long_tempering import shares_below_zero

WORKPLACES, DRAWN, LIGHTEST = 16, 3, 0.1
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


def payroll(seed: int) -> Workforce:
    """Who works where: 16 workplaces in two industries, of about seven workers."""
    rng = np.random.default_rng(seed)
    sizes = 2 + rng.geometric(1 / 6, WORKPLACES)
    n, plant = int(sizes.sum()), np.repeat(np.arange(WORKPLACES), sizes)
    experience = rng.uniform(0, 30, n)
    columns = {"seniority": np.minimum(experience, rng.exponential(5, n)), "female": (rng.random(n) < 0.45).astype(float)}
    wage = 20 + rng.normal(0, 3, n)
    table = pd.DataFrame(
        {"workplace": plant, "industry": np.array(["a", "b"])[plant % 2], "wage": wage, "experience": experience}
    )
    return Workforce.from_frame(table.assign(**columns), "experience + female + seniority", ["seniority"], simulated=True)


def modes_of(model: pm.Model) -> tuple[np.ndarray, np.ndarray]:
    """(share of each mode by Laplace's approximation (M,), its β (M, K))."""
    compiled = compile_model(model)
    modes = find_modes(log_density_of(compiled), starting_points(model), beta_coordinates(model))
    return shares(modes), np.array([expander(compiled)(m.point)["beta"] for m in modes])


def economies() -> Iterator[tuple[str, Workforce]]:
    """Those whose posterior has modes of unlike signs, by name."""
    for seed in count():
        workforce = payroll(seed)
        _, wages = _simulate(joint_production(workforce, JointProductionSpec()), DRAWN, seed)
        for k, wage in enumerate(wages):
            drawn = replace(workforce, wage=wage)
            mass, beta = modes_of(joint_production(drawn, JointProductionSpec()))
            heavy = beta[mass >= LIGHTEST]
            if len(heavy) > 1 and np.any((heavy < 0).any(0) & (heavy > 0).any(0)):
                yield f"{seed}.{k}", drawn


def economy(name: str, workforce: Workforce) -> dict[str, Any]:
    """One economy, fitted both ways."""
    spec, seed = JointProductionSpec(), int(name.replace(".", ""))
    reference = shares_below_zero(joint_production(workforce, spec), 1000 + seed)
    default = fit(workforce, spec, seed=seed)
    known, found = reference.mean, below_zero(default)
    balanced = int(np.argmin(np.abs(known - 0.5)))
    return {
        "economy": name,
        "workers": workforce.n_workers,
        "known": known.round(3).tolist(),
        "error": reference.error.round(3).tolist(),
        "known_by_population": reference.by_population.round(3).tolist(),
        "log_evidence": reference.evidence.round(2).tolist(),
        "default": found.round(3).tolist(),
        "went_on": default.attrs.get("went_on", []),
        "opinion": default.attrs["second_opinion"],
        "largest_gap": float(np.abs(known - found).max()),
        "gate_passes": passes(default),
        "gate_passes_with_a_side_withheld": passes(withheld(default, balanced)),
        "other_gates_failed": [g.name for g in gates(default) if not g.passed and g.name != GATE],
        "seconds": default.attrs["sampling_seconds"],
        "version": __version__,
    }


def main() -> None:
    """Fit, compare and keep."""
    found = json.loads(OUT.read_text()) if OUT.exists() else []
    for name, workforce in islice(economies(), int(sys.argv[1]) if len(sys.argv) > 1 else 10):
        if all(e["economy"] != name for e in found):
            found.append(economy(name, workforce))
            OUT.write_text(json.dumps(found, indent=1) + "\n")
            print(json.dumps(found[-1]), flush=True)


if __name__ == "__main__":
    main()
