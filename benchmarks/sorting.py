"""The sorting model's solvers: ``python -m benchmarks.sorting``. A million equilibria with gradients, growth, the posteriors.

Beside them, in the same run, the plain way: the root by SciPy's bracketing, one economy after the other.
"""

import json
import time
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pymc as pm
from scipy import optimize

from bayes_labor.custom_ops import sorting_equilibrium
from bayes_labor.data.sorting.macro import PAPER, Targets, us_postwar
from bayes_labor.models.sorting.calibration import sorting_calibration
from bayes_labor.models.sorting.regimes import sorting_regimes
from bayes_labor.posteriors import sample
from bayes_labor.theory.sorting.capital_distribution import average_response, capital_distribution
from bayes_labor.theory.sorting.equilibrium import chi_of_v, solve_sorting
from bayes_labor.theory.sorting.growth import GrowthEconomy, solve_growth
from benchmarks.__main__ import best


def draws(n: int) -> dict[str, np.ndarray]:
    """Feasible economies: psi, the spread of log wages in booms, and a slope of the wedge."""
    rng = np.random.default_rng(0)
    psi, v = rng.uniform(0.2, 0.6, n), rng.uniform(0.2, 0.9, n)
    return {
        "psi": psi,
        "tau": rng.uniform(0.0, 0.3, n),
        "lambda_theta": np.ones(n),
        "lambda_x": np.exp(chi_of_v(psi, v)),
        "s_l": rng.uniform(0.05, 0.4, n),
    }


def with_gradients(economies: dict[str, np.ndarray]) -> Any:
    """Compiled moments of all economies and the gradient of their sum in every parameter."""
    import pytensor
    import pytensor.tensor as pt

    x = [pt.vector(n) for n in economies]
    found = sorting_equilibrium(*x)
    total = (found.std_logw + found.labor_share_Y + found.rev_share_top10 + found.rev_share_50_90 + found.log_Z).sum()
    return pytensor.function(x, [total, *pytensor.grad(total, x)], mode="NUMBA")


def plainly(economies: dict[str, np.ndarray], n: int) -> float:
    """Milliseconds for ``n`` roots by brentq."""

    def one(i: int) -> float:
        psi, tau, lambda_theta, lambda_x = (economies[k][i] for k in ("psi", "tau", "lambda_theta", "lambda_x"))
        x, eta = 40 / 9, 0.6
        c, b = x * (1 - psi) - psi / eta, lambda_theta + (1 + eta * x) * tau
        return optimize.brentq(lambda rate: rate + c * (rate / lambda_x) ** psi - b, 1e-12, 1e3)

    start = time.perf_counter()
    for i in range(n):
        one(i)
    return 1e3 * (time.perf_counter() - start)


def posterior(model: pm.Model, **settings: Any) -> dict[str, float]:
    """Seconds and worst diagnostics over the free variables, of 4 chains of 2,000 draws."""
    tree = sample(model, **({"draws": 2000, "tune": 500, "chains": 4, "seed": 1} | settings))
    free = tree["posterior"].to_dataset()[[v.name for v in model.free_RVs]]
    return {
        "compile_s": tree.attrs["compile_seconds"],
        "sampling_s": tree.attrs["sampling_seconds"],
        "worst_r_hat": float(max(v.max() for v in az.rhat(free).data_vars.values())),
        "least_bulk_ess": float(min(v.min() for v in az.ess(free).data_vars.values())),
        "divergences": tree.attrs["divergences"],
    }


def ten_economies() -> Targets:
    """Ten economies around the paper's moments."""
    value = PAPER.value + PAPER.se * np.random.default_rng(2).normal(size=(10, 5))
    return Targets(value, np.tile(PAPER.se, (10, 1)), tuple(f"economy {i}" for i in range(10)))


def main() -> None:
    million = draws(1_000_000)
    call = with_gradients(million)
    gradients = best(lambda: call(*million.values()), 3)
    solved = best(lambda: solve_sorting(**million, errors="status", threads=2), 3)
    plain = 1000 * plainly(million, 1000)
    s = solve_sorting(0.32, [0.0, 0.0846], 2.737, 0.9458, 0.2235)
    economy = GrowthEconomy(s.Z, s.income_over_Y, s.capital_share_Y, [[0.977, 0.023], [0.312, 0.688]])
    policies = solve_growth(economy)
    found = {
        "million_equilibria_all_fields_s": solved / 1e3,
        "million_moments_with_gradients_s": gradients / 1e3,
        "million_roots_by_brentq_s": plain / 1e3,
        "ratio_of_brentq_roots_alone": plain / gradients,
        "growth_ms": best(lambda: solve_growth(economy), 5),
        "growth_euler_error": float(np.abs(policies.euler_errors()).max()),
        "response_to_recession_ms": best(lambda: average_response(capital_distribution(policies), {}, 20), 5),
        "calibration": posterior(sorting_calibration()),
        "ten_economies": posterior(sorting_calibration(ten_economies()), target_accept=0.95),
        "regimes_postwar": posterior(sorting_regimes(us_postwar(), targets=PAPER)),
    }
    print(json.dumps(found, indent=1))
    (Path(__file__).parent / "results" / "sorting.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
