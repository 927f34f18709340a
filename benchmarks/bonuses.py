"""Size of bonuses: ``python -m benchmarks.bonuses``. The reduced likelihood beside the same model with explicit worker effects.

Both in one run on the same rows; then the posterior, and a panel a hundred times as large.
"""

import json
import time
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pymc as pm
from pymc.blocking import DictToArrayBijection

from bayes_labor.data import personnel
from bayes_labor.models import BonusSpec, bonus_size
from bayes_labor.posteriors import sample
from benchmarks.__main__ import best


def explicit(design: Any) -> pm.Model:
    """The regression as one would write it in PyMC: an effect per worker, not centered."""
    y = np.log(design.table["bonus"].to_numpy())
    labels, row = np.unique(design.worker, return_inverse=True)
    center = np.zeros(len(design.terms))
    center[0] = y.mean()
    with pm.Model() as model:
        theta = pm.Normal("theta", center, design.prior_sd)
        sigma, tau = pm.HalfNormal("sigma", 1.0), pm.HalfNormal("tau", 1.0)
        effect = pm.Normal("effect", 0.0, 1.0, shape=len(labels))
        pm.Normal("log_bonus", pm.math.dot(design.columns, theta) + tau * effect[row], sigma, observed=y)
    return model


def per_evaluation(model: pm.Model, calls: int = 500) -> float:
    """Milliseconds of a log density with gradient, by PyMC's own compiled function."""
    function = model.logp_dlogp_function(ravel_inputs=True)._pytensor_function
    function.trust_input = True
    x = DictToArrayBijection.map(model.initial_point()).data

    def many() -> None:
        for _ in range(calls):
            function(x)

    return best(many, 7) / calls


def main() -> None:
    panel = personnel(seed=1)
    spec = BonusSpec(ratings="indicator")
    design = spec.design(panel)
    reduced, full = per_evaluation(bonus_size(panel, spec)), per_evaluation(explicit(design))
    fit: dict[str, Any] = {"draws": 1000, "tune": 400, "chains": 4, "seed": 1}
    tree = sample(bonus_size(panel, spec), **fit)
    theta = tree["posterior"].to_dataset()[["theta", "sigma", "tau"]]
    large = personnel(seed=1, copies=100)
    start = time.perf_counter()
    model = bonus_size(large, spec)
    built = time.perf_counter() - start
    other = sample(model, **fit)
    found = {
        "rows": len(design.table),
        "workers": len(np.unique(design.worker)),
        "columns": len(design.terms),
        "log_density_and_gradient_ms": reduced,
        "explicit_effects_in_pymc_ms": full,
        "ratio": full / reduced,
        "posterior_sampling_s": tree.attrs["sampling_seconds"],
        "posterior_compile_s": tree.attrs["compile_seconds"],
        "least_bulk_ess": float(min(v.min() for v in az.ess(theta).data_vars.values())),
        "worst_r_hat": float(max(v.max() for v in az.rhat(theta).data_vars.values())),
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
