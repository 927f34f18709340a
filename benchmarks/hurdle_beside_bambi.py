"""Receipt and size of bonuses: effective draws per second beside Bambi's. ``python -m benchmarks.hurdle_beside_bambi [SHARE]``.

The nearest model that Bambi can write is its hurdle of log-normal sizes, with a worker effect on each part; they cannot be
correlated. Both see the same rows and regressors of every ``SHARE``-th worker of the generated panel, run by their defaults but
one chain after the other, in one process. Seconds are of the processor, for other programs run beside: of sampling, and of
building and compiling before.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor.data.bonuses.personnel import Personnel, personnel
from bayes_labor.models import HurdleSpec, bonus_hurdle
from bayes_labor.models.bonuses.hurdle import HurdleDesign
from bayes_labor.posteriors import SamplerSettings, compile_model, draw
from benchmarks.bonuses import effective_rate

RESULTS = Path(__file__).parent / "results" / "hurdle_beside_bambi.json"
SPEC = HurdleSpec(blocks=("levels", "ratings"), demographics=False, years="none", means=False)
FIT: dict[str, Any] = {"draws": 1000, "chains": 2, "cores": 1}


def by_us(panel: Personnel, seed: int) -> dict[str, float]:
    """Effective rates, seconds of sampling and of what came before, divergences."""
    start = time.process_time()
    model = bonus_hurdle(panel, SPEC)
    compiled = compile_model(model)
    middle = time.process_time()
    tree = draw(model, compiled, SamplerSettings(tune=400, seed=seed, **FIT))
    seconds = time.process_time() - middle
    return effective_rate(tree, ["odds", "theta", "tau", "sd_mu"], seconds) | _rest(tree, middle - start)


def by_bambi(design: HurdleDesign, seed: int) -> dict[str, float]:
    """The same of Bambi's nearest model."""
    import bambi

    names = [f"x{i}" for i in range(1, len(design.odds.terms))]
    table = pd.DataFrame(design.odds.columns[:, 1:], columns=names)
    bonus = np.where(design.odds.outcome > 0, np.exp(design.size.outcome), 0.0)
    table = table.assign(bonus=bonus, worker=pd.Categorical(design.odds.groups.row))
    right = f"{' + '.join(names)} + (1|worker)"
    begun: list[float] = []  # when a first draw was there: what came before was compilation

    def note(**_: Any) -> None:
        if not begun:
            begun.append(time.process_time())

    start = time.process_time()
    model = bambi.Model(bambi.Formula(f"bonus ~ {right}", f"psi ~ {right}"), table, family="hurdle_lognormal")
    model.build()
    tree = model.fit(tune=1000, random_seed=seed, progressbar=False, callback=note, **FIT)
    seconds = time.process_time() - begun[0]
    shown = [n for n in map(str, tree["posterior"].data_vars) if n.removeprefix("psi_").startswith("x") or "_sigma" in n]
    return effective_rate(tree, shown, seconds) | _rest(tree, begun[0] - start)


def _rest(tree: xr.DataTree, before: float) -> dict[str, float]:
    return {"before": before, "divergences": float(tree["sample_stats"]["diverging"].sum())}


def main(share: int = 10, repeats: int = 3) -> None:
    """One after the other, in turns; medians of the turns, beside what is on record of other panels."""
    table = personnel(seed=1).table
    panel = Personnel(table[table["id"] % share == 0])
    design = SPEC.design(panel)
    ours, theirs = [], []
    for seed in range(1, repeats + 1):
        ours.append(by_us(panel, seed))
        theirs.append(by_bambi(design, seed))
        print(ours[-1], theirs[-1], flush=True)
    one, other = (pd.DataFrame(v) for v in (ours, theirs))
    whole = [t["least"] * t["seconds"] / (t["seconds"] + t["before"]) for t in (one, other)]
    found: dict[str, Any] = {
        "rows": len(design.odds.outcome),
        "workers": len(design.odds.groups.labels),
        "bonuses": int(design.odds.outcome.sum()),
        "ours": one.to_dict("list"),
        "bambi": other.to_dict("list"),
        "ratio of least, by turn": (one["least"] / other["least"]).tolist(),
        "ratio of least, median": float((one["least"] / other["least"]).median()),
        "ratio with what came before, median": float((whole[0] / whole[1]).median()),
    }
    print(json.dumps(found, indent=1))
    held = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    held[f"one worker in {share}"] = found
    RESULTS.write_text(json.dumps(held, indent=1) + "\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
