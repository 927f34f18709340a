"""Sorting over the business cycle, step by step: calibrate, see what can be told, and look for recessions in annual series.

``python examples/sorting_cycles.py`` takes about a minute. ``bayes-labor reproduce sorting`` writes every table and figure.
"""

from typing import Any

import numpy as np

from bayes_labor.data import us_postwar
from bayes_labor.data.sorting.macro import PAPER
from bayes_labor.models import SortingSpec, sorting_calibration, sorting_regimes
from bayes_labor.posteriors import arviz_summary, gates, plain_report, prior_check, sample
from bayes_labor.posteriors.sorting import identification, least_squares, moment_fit, recession_response, summarize_sorting
from bayes_labor.posteriors.tables import printed
from bayes_labor.theory.sorting.equilibrium import solve_sorting

NAMES = ["psi", "v", "tau_hat", "s_l"]
REGIMES = ["psi", "tau_hat", "stay", "noise"]


def main(run: str = "runs/sorting_cycles", **settings: Any) -> None:
    """Print every step, from what the priors imply to the pages."""
    boom_and_recession = solve_sorting(0.35, [0.0, 0.094], 2.75, 0.917, 0.223)
    print("std of log wages, boom and recession:", np.round(boom_and_recession.std_logw, 3))
    print("var of log TFPR, boom and recession: ", np.round(boom_and_recession.var_tfpr, 4))

    spec, close = SortingSpec(), least_squares()
    print("\nleast squares:", {k: round(v, 4) for k, v in close.parameters.items()}, "moments", np.round(close.moments, 4))
    raw = identification(spec, {"psi": 0.35, "tau": 0.094, "lambda_theta": 2.75, "lambda_x": 0.917, "s_l": 0.223})
    print(f"rank of the Jacobian in the paper's five parameters: {raw.rank}; so tau, lambda_theta, lambda_x need a unit")

    model = sorting_calibration(PAPER, spec)
    prior = prior_check(model, f"{run}/calibration/prior.png")
    print(f"\nwhat the priors imply for the five moments:\n{prior.round(3).to_string()}")
    draws = sample(model, **({"draws": 1000, "tune": 400, "chains": 4, "seed": 1} | settings))
    print("\n", printed(summarize_sorting(draws, model)).to_string())
    print("\n", printed(moment_fit(draws, PAPER)).to_string())
    fall = recession_response(draws, spec, size=50)["log_Y"].isel(year=[0, 3]).mean("sample").to_numpy()
    print(f"\noutput after a recession begins: {100 * fall[0]:.1f}% at once, {100 * fall[1]:.1f}% three years later")

    series = us_postwar()
    switching = sorting_regimes(series, targets=PAPER)
    before = prior_check(switching, f"{run}/regimes/prior.png")
    print(f"\nwhat the priors imply for the annual series:\n{before.round(3).to_string()}")
    regimes = sample(switching, **({"draws": 1000, "tune": 500, "chains": 4, "seed": 1} | settings))
    print("\nregimes:", "; ".join(f"{g.name} {g.value}" for g in gates(regimes, REGIMES)))
    chance = regimes["posterior"]["recession"].mean(("chain", "draw")).to_numpy()
    print("years most likely to be recessions:", [int(y) for y in sorted(series.years[np.argsort(-chance)[:6]])])
    print("\n", arviz_summary(draws, NAMES).round(4).to_string())
    print(plain_report(draws, f"{run}/calibration", names=NAMES, title="Sorting: calibration", prior=prior))
    print(plain_report(regimes, f"{run}/regimes", names=REGIMES, title="Sorting: regimes", prior=before))


if __name__ == "__main__":
    main()
