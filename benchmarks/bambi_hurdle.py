"""Receipt and size of bonuses as one model, beside the nearest that Bambi writes: ``python -m benchmarks.bambi_hurdle``.

Bambi's has worker effects on both equations, sampled one by one and uncorrelated, and its own default priors; ours integrates
them out, correlated. The same rows and regressors, nutpie for both (twice the tuning for Bambi's), one after the other in this
process: least bulk effective size of coefficients and standard deviations for each second of processor time while sampling,
compilation left out. Kept in ``benchmarks/results/bambi_hurdle.json``.
"""

import json
import time
import warnings
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor import __version__
from bayes_labor.data.bonuses.personnel import Personnel, personnel
from bayes_labor.engines.nutpie_engine import compile_model
from bayes_labor.engines.sampling import SamplerSettings, draw
from bayes_labor.models import HurdleSpec, bonus_hurdle

OUT = Path(__file__).parent / "results" / "bambi_hurdle.json"
SPEC = HurdleSpec(blocks=("levels",), demographics=False, years="none", means=False)
DRAWS, TUNE, CHAINS = 1000, 500, 2
EVERY = (40, 8)
"""One worker in so many, by panel."""


def ours(panel: Personnel) -> dict[str, Any]:
    """Effects integrated out."""
    model = bonus_hurdle(panel, SPEC)
    ready = compile_model(model)
    start = time.process_time()
    tree = draw(model, ready, SamplerSettings(draws=DRAWS, tune=TUNE, chains=CHAINS, seed=1, cores=1))
    seconds = time.process_time() - start
    return judged(tree["posterior"].to_dataset()[["odds", "theta", "tau", "sd_mu", "sigma"]], seconds)


def theirs(panel: Personnel) -> dict[str, Any]:
    """Every effect a variable."""
    import bambi as bmb
    import nutpie

    rows = SPEC.design(panel).odds.table
    data = pd.DataFrame({"bonus": rows["bonus"].to_numpy(np.float64), "level": rows["level"].astype(str).to_numpy()})
    data["worker"] = rows["id"].astype(str).to_numpy()
    formula = bmb.Formula("bonus ~ level + (1|worker)", "psi ~ level + (1|worker)")
    model = bmb.Model(formula, data, family="hurdle_lognormal")
    model.build()
    ready = nutpie.compile_pymc_model(model.backend.model)
    start = time.process_time()
    tree = nutpie.sample(ready, draws=DRAWS, tune=2 * TUNE, chains=CHAINS, cores=1, seed=1, progress_bar=False)
    seconds = time.process_time() - start
    posterior = tree["posterior"].to_dataset()
    shared = [str(n) for n in posterior if "worker" not in str(n) or str(n).endswith("sigma")]
    return judged(posterior[shared], seconds)


def judged(posterior: xr.Dataset, seconds: float) -> dict[str, Any]:
    """The weakest of the variables."""
    sizes = az.ess(posterior)
    least = {str(n): float(np.nanmin(v)) for n, v in sizes.data_vars.items()}
    weakest = min(least, key=lambda n: least[n])
    worst = max(float(np.nanmax(v)) for v in az.rhat(posterior).data_vars.values())
    return {"least ESS": round(least[weakest], 1), "of": weakest, "worst R-hat": round(worst, 3), "seconds": round(seconds, 2)}


def beside(panel: Personnel) -> dict[str, Any]:
    """Both on one panel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {"bayes_labor": ours(panel), "Bambi": theirs(panel)}
    rates = {n: f["least ESS"] / f["seconds"] for n, f in found.items()}
    sizes = {"rows": len(SPEC.design(panel).odds.outcome), "workers": int(panel.table["id"].nunique())}
    return sizes | found | {"ratio of ESS a second": round(rates["bayes_labor"] / rates["Bambi"], 1)}


def main() -> None:
    """Measure and keep."""
    table = personnel("clean", seed=5).table
    found = {"version": __version__, "panels": [beside(Personnel(table[table["id"] % every == 0])) for every in EVERY]}
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
