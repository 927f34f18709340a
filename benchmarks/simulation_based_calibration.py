"""``make sbc``: the long simulation-based calibration, 600 workplaces with known truth. Hours on two cores.

``python -m benchmarks.simulation_based_calibration SIMULATIONS WORKPLACES`` for other sizes.
"""

import sys
from pathlib import Path

from bayes_labor.data.norway import norway
from bayes_labor.models import JointProductionSpec
from bayes_labor.posteriors.calibration import calibrate, uniformity

PRIORS = {"beta_mean": 0.2, "beta_spread": 0.2, "talent": 0.1, "unemployment": 0.1, "power": 0.5, "log_output": 0.1}


def main(simulations: int = 200, workplaces: int = 600) -> None:
    """Ranks and their p-values, kept in ``benchmarks/results/``."""
    workforce = norway(workplaces, seed=1)
    spec = JointProductionSpec(matching="sampled", priors=PRIORS)
    out = Path(__file__).parent / "results" / f"sbc_{workplaces}_workplaces.csv"
    ranks = calibrate(workforce, spec, simulations, progress=lambda i: print(f"{i} of {simulations}", flush=True), keep=out)
    p = uniformity(ranks).sort_values()
    print(p.to_string())
    print(f"smallest p-value {p.min():.2g} over {len(p)} parameters; alarm below {0.01 / len(p):.2g}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
