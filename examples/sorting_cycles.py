"""Sorting over the business cycle, step by step: calibrate, see what can be told, and look for recessions in annual series.

``python examples/sorting_cycles.py`` takes about a minute. ``bayes-labor reproduce sorting`` writes every table and figure.
"""

import numpy as np

from bayes_labor.data import us_postwar
from bayes_labor.data.macro import PAPER
from bayes_labor.models import SortingSpec, sorting_calibration, sorting_regimes
from bayes_labor.posteriors import gates, sample
from bayes_labor.posteriors.sorting import identification, least_squares, moment_fit, recession_response, summarize_sorting
from bayes_labor.posteriors.tables import printed
from bayes_labor.theory.sorting import solve_sorting


def main() -> None:
    """Print every step."""
    boom_and_recession = solve_sorting(0.35, [0.0, 0.094], 2.75, 0.917, 0.223)
    print("std of log wages, boom and recession:", np.round(boom_and_recession.std_logw, 3))
    print("var of log TFPR, boom and recession: ", np.round(boom_and_recession.var_tfpr, 4))

    spec, close = SortingSpec(), least_squares()
    print("\nleast squares:", {k: round(v, 4) for k, v in close.parameters.items()}, "moments", np.round(close.moments, 4))
    raw = identification(spec, {"psi": 0.35, "tau": 0.094, "lambda_theta": 2.75, "lambda_x": 0.917, "s_l": 0.223})
    print(f"rank of the Jacobian in the paper's five parameters: {raw.rank}; so tau, lambda_theta, lambda_x need a unit")

    model = sorting_calibration(PAPER, spec)
    draws = sample(model, draws=1000, tune=400, chains=4, seed=1)
    print("\n", printed(summarize_sorting(draws, model)).to_string())
    print("\n", printed(moment_fit(draws, PAPER)).to_string())
    fall = recession_response(draws, spec, size=50)["log_Y"].isel(year=[0, 3]).mean("sample").to_numpy()
    print(f"\noutput after a recession begins: {100 * fall[0]:.1f}% at once, {100 * fall[1]:.1f}% three years later")

    series = us_postwar()
    regimes = sample(sorting_regimes(series, targets=PAPER), draws=1000, tune=500, chains=4, seed=1)
    print("\nregimes:", "; ".join(f"{g.name} {g.value}" for g in gates(regimes, ["psi", "tau_hat", "stay", "noise"])))
    chance = regimes["posterior"]["recession"].mean(("chain", "draw")).to_numpy()
    print("years most likely to be recessions:", [int(y) for y in sorted(series.years[np.argsort(-chance)[:6]])])


if __name__ == "__main__":
    main()
