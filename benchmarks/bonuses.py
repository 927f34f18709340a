"""Bonuses: ``python -m benchmarks.bonuses``. Our likelihood beside explicit worker effects, our posterior beside Bambi's.

In one run on the same rows; then the prize, and a panel a hundred times as large. A quarter of an hour on two cores.
"""

import json
import time
from pathlib import Path
from typing import Any

import arviz as az
import numba
import numpy as np
import pandas as pd
import pymc as pm

from bayes_labor.data import personnel
from bayes_labor.models import BonusSpec, bonus_size, promotion_prize
from bayes_labor.models.starting import starting_points
from bayes_labor.posteriors import compile_model, sample
from benchmarks.__main__ import best


def explicit(design: Any, spec: BonusSpec) -> pm.Model:
    """The regression as one would write it in PyMC: an effect per worker, not centered."""
    groups = design.groups
    with pm.Model() as model:
        theta = pm.Normal("theta", design.prior_mean, design.prior_sd)
        sigma, tau = pm.HalfNormal("sigma", spec.error), pm.HalfNormal("tau", spec.effect)
        effect = pm.Normal("effect", 0.0, 1.0, shape=len(groups.labels))
        mean = pm.math.dot(design.columns, theta) + tau * effect[groups.row]
        pm.Normal("log_bonus", mean, sigma, observed=design.outcome)
    return model


def per_evaluation(model: pm.Model, calls: int = 2000) -> tuple[float, float]:
    """Microseconds of a log density with gradient: as nutpie calls it, and through PyMC's own compiled function."""
    compiled, x = compile_model(model), starting_points(model)[0]
    function, data, n = compiled.compiled_logp_func.ctypes, compiled.user_data, len(x)

    @numba.njit
    def native(x, gradient, value, data):
        total = 0.0
        for _ in range(calls):
            function(n, x.ctypes, gradient.ctypes, value.ctypes, data.ctypes)
            total += value[0]
        return total

    python = model.logp_dlogp_function(ravel_inputs=True)._pytensor_function
    python.trust_input = True

    def through_pymc() -> None:
        for _ in range(calls):
            python(x)

    gradient, value = np.zeros(n), np.zeros(1)
    taken = best(lambda: native(x, gradient, value, data), 7), best(through_pymc, 3)
    return 1e3 * taken[0] / calls, 1e3 * taken[1] / calls


def effective_rate(tree: Any, names: list[str], seconds: float) -> dict[str, float]:
    """Least and median bulk effective draws per second of sampling, over the elements of some variables."""
    sizes = az.ess(tree["posterior"].to_dataset()[names])
    each = np.concatenate([np.ravel(v) for v in sizes.data_vars.values()])
    return {"seconds": seconds, "least": float(each.min() / seconds), "median": float(np.median(each) / seconds)}


def by_bambi(design: Any) -> dict[str, float]:
    """The same hierarchical regression as Bambi makes and samples it by default, but on both cores."""
    import bambi

    names = [f"x{i}" for i in range(len(design.terms))]
    table = pd.DataFrame(design.columns, columns=names).assign(
        log_bonus=design.outcome, worker=pd.Categorical(design.groups.row)
    )
    model = bambi.Model("log_bonus ~ " + " + ".join(names[1:]) + " + (1|worker)", table)
    model.build()
    start = time.perf_counter()
    tree = model.fit(random_seed=1, progressbar=False, chains=2, cores=2)  # as many cores as ours has
    return effective_rate(tree, names[1:], time.perf_counter() - start)


def main() -> None:
    panel = personnel(seed=1)
    spec = BonusSpec(ratings="indicator")
    design = spec.design(panel)
    (reduced, by_pymc), (full, full_by_pymc) = (per_evaluation(m) for m in (bonus_size(panel, spec), explicit(design, spec)))
    fit: dict[str, Any] = {"draws": 1000, "tune": 400, "chains": 4, "seed": 1}
    tree = sample(bonus_size(panel, spec), **fit)
    theta = tree["posterior"].to_dataset()[["theta", "sigma", "tau"]]
    ours = effective_rate(tree, ["theta"], tree.attrs["sampling_seconds"])
    whole = ours["seconds"] + tree.attrs["compile_seconds"]
    bambi = by_bambi(design)
    start = time.perf_counter()
    prize = sample(promotion_prize(personnel("table6", seed=1)), **fit | {"draws": 500})
    prize_seconds = time.perf_counter() - start
    large = personnel(seed=1, copies=100)
    start = time.perf_counter()
    model = bonus_size(large, spec)
    built = time.perf_counter() - start
    other = sample(model, **fit)
    found = {
        "rows": len(design.table),
        "workers": len(design.groups.labels),
        "columns": len(design.terms),
        "log_density_and_gradient_us": {"by_nutpie": reduced, "through_pymc": by_pymc},
        "explicit_effects_us": {"by_nutpie": full, "through_pymc": full_by_pymc},
        "ratio": {"by_nutpie": full / reduced, "through_pymc": full_by_pymc / by_pymc},
        "posterior_sampling_s": tree.attrs["sampling_seconds"],
        "posterior_compile_s": tree.attrs["compile_seconds"],
        "least_bulk_ess": float(min(v.min() for v in az.ess(theta).data_vars.values())),
        "worst_r_hat": float(max(v.max() for v in az.rhat(theta).data_vars.values())),
        "effective_draws_per_second": {
            "ours": ours,
            "bambi": bambi,
            "ratio_of_least": ours["least"] / bambi["least"],
            "ratio_of_least_with_our_compilation": ours["least"] * ours["seconds"] / whole / bambi["least"],
        },
        "promotion_prize": {
            "seconds_with_compilation": prize_seconds,
            "sampling_s": prize.attrs["sampling_seconds"],
            "worst_r_hat": float(az.rhat(prize["posterior"].to_dataset()[["theta", "chance", "rise"]]).to_array().max()),
        },
        "hundred_times": {
            "rows": int((large.table["bonus"] > 0).sum()),
            "one_pass_s": built,
            "sampling_s": other.attrs["sampling_seconds"],
            "sampling_ratio": other.attrs["sampling_seconds"] / tree.attrs["sampling_seconds"],
        },
    }
    print(json.dumps(found, indent=1))
    (Path(__file__).parent / "results" / "bonuses.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
