"""Do players' salaries rise towards those of better-paid teammates? The learning regression on thirty seasons of baseball.

``python examples/teammates.py`` takes half a minute. Salaries rank pay, which contracts fix years ahead; human capital is
not observed, and one's own earlier rank enters every gap, so that regression to the mean loads on the slopes.
"""

from typing import Any

import numpy as np
import pandas as pd

from bayes_labor.data import baseball_teammates
from bayes_labor.models import learning_regression
from bayes_labor.posteriors import arviz_summary, gates, plain_report, prior_check, sample
from bayes_labor.posteriors.tables import printed
from bayes_labor.theory.learning import Parameters
from bayes_labor.theory.learning.finite import solve_finite

NAMES = ["theta", "sigma", "tau"]


def main(run: str = "runs/teammates", **settings: Any) -> None:
    """Print the regression, and the exact economy of equal workers that checks the general one."""
    teams = baseball_teammates()
    rows = teams.stayers()
    print(f"{teams.name}: {len(rows):,} seasons of players who stayed, in teams of {rows['size'].mean():.0f} on average")
    model = learning_regression(teams)
    prior = prior_check(model, f"{run}/prior.png")
    print(f"what the priors imply for the cross products of the panel:\n{prior.round(3).to_string()}\n")
    draws = sample(model, **({"draws": 1000, "tune": 400, "chains": 4, "seed": 1} | settings))
    print("; ".join(f"{g.name} {g.value}" for g in gates(draws, NAMES)))
    slope = draws["posterior"]["slope"].stack(sample=("chain", "draw"))
    table = pd.DataFrame({"mean": slope.mean("sample"), "sd": slope.std("sample")}, index=slope["gap"].to_numpy())
    print("\nrank points of change per rank point of gap (or its square):\n", printed(table).to_string())

    share = np.full(15, 1 / 15)
    z = np.exp(Parameters().sigma_z * np.linspace(-1.8, 1.8, 15))
    for n_max in (5, 10, 15):
        found = solve_finite(z, share, n_max)
        sizes = found.firms.sum(0)
        mean = (sizes * np.arange(n_max + 1)).sum() / (1 - sizes[0])
        print(f"at most {n_max:2d} workers a firm: mean size {mean:.2f}, empty {sizes[0]:.2f}, employed {found.employment:.2f}")
    print(arviz_summary(draws, NAMES).round(3).to_string())
    print(plain_report(draws, run, names=NAMES, title=f"Learning from coworkers: {teams.name}", prior=prior))


if __name__ == "__main__":
    main()
