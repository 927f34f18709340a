"""The whole posterior of ``power`` at the paper's size: ``python -m benchmarks.posterior_at_size RUN [WORKPLACES DRAWS TUNE]``.

Prints minutes, R-hat and ESS, and keeps them in ``benchmarks/results/``. A run that was killed goes on from its folder.
"""

import json
import sys
from pathlib import Path

import arviz as az
import numpy as np

from bayes_labor.data.joint_production.norway import FULL_SIZE, TRUTH, norway
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models import JointProductionSpec
from bayes_labor.posteriors import fit, gates, peek, resume, summarize


def main(run: str, workplaces: int = FULL_SIZE, draws: int = 1500, tune: int = 300) -> None:
    workforce = norway(workplaces, seed=1)
    # The paper's estimate of V_U is negative, and so is the generated economy's.
    spec = JointProductionSpec(priors={"unemployment_center": 0.0, "unemployment": 0.2})
    if RunFolder(Path(run)).record_path.is_file():
        tree = resume(run, workforce)
    else:
        # Short steps: the ridge of an industry with beta near -1/2 bends there, and long steps leave it.
        how = {"start": "laplace", "target_accept": 0.93}
        tree = fit(workforce, spec, run=run, draws=draws, tune=tune, chains=4, cores=2, **how)
    posterior = tree["posterior"].to_dataset()[["beta", "psi", "d", "V_U", "gamma", "A", "sigma"]]
    table = summarize(tree, workforce, spec)
    truth = [*TRUTH.beta, *[TRUTH.psi[t] for t in table.loc["ψ"].index], TRUTH.bargaining_power, TRUTH.unemployment_value]
    truth += [TRUTH.gamma[t] for t in table.loc["γ"].index]
    rows = table.loc[["β", "ψ", "d", "V_U", "γ"]]
    inside = (rows["hdi_low"].to_numpy() <= truth) & (truth <= rows["hdi_high"].to_numpy())
    found = {
        "matching": "exact",
        "workers": workforce.n_workers,
        "workplaces": workforce.n_workplaces,
        "draws": int(tree["posterior"].sizes["draw"]),
        "tune": tune,
        "compile_seconds": tree.attrs["compile_seconds"],
        "sampling_minutes": tree.attrs["sampling_seconds"] / 60,
        "mean_leapfrog_steps": float(tree["sample_stats"]["n_steps"].mean()),
        "worst_r_hat": float(max(np.nanmax(v) for v in az.rhat(posterior).data_vars.values())),
        "least_bulk_ess": float(min(np.nanmin(v) for v in az.ess(posterior).data_vars.values())),
        "divergences": int(tree["sample_stats"]["diverging"].sum()),
        "inside_94": f"{int(inside.sum())} of {len(truth)}",
        "mode_shares": tree.attrs["mode_shares"],
        "gates": {g.name: [g.value, g.passed] for g in gates(tree)},
        "resumed": peek(run)[1].get("resumed", []),
    }
    print(table.to_string())
    print(json.dumps(found, indent=1))
    out = Path(__file__).parent / "results" / f"posterior_{workforce.n_workers}_workers.json"
    out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
