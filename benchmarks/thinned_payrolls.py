"""What do weights repair, and what not? ``python -m benchmarks.thinned_payrolls [PAYROLLS [FIRST-LAST]]``.

Parameters from priors under which most economies are feasible and β has one mode, wages of whole payrolls from the model; then
30 to 100% of the workers of each plant, by ten patterns, are kept and the rest forgotten. Each payroll is fitted with weights
(workers of the plant by those kept) and without, under the priors that its parameters came from: of whole payrolls 94% of
central 94% intervals hold the truth. Kept in ``results/thinned_payrolls.csv`` by payroll, fit and parameter, one fit after the
other: a second call goes on. ``summary`` alone prints bias (in posterior standard deviations) and coverage by what was kept.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_labor import __version__
from bayes_labor.data import Workforce
from bayes_labor.engines.fan_out import Refit, refit
from bayes_labor.engines.sampling import SamplerSettings
from bayes_labor.models import JointProductionSpec, joint_production
from bayes_labor.posteriors.diagnostics import gates
from bayes_labor.posteriors.joint_production.calibration import _simulate
from bayes_labor.posteriors.joint_production.fits import joint_recipe
from benchmarks.simulation_based_calibration import PRIORS

OUT = Path(__file__).parent / "results" / "thinned_payrolls.csv"
FORMULA, SEED, SPEC = "experience + seniority", 11, JointProductionSpec(priors=PRIORS)
SHARES = np.linspace(0.3, 1.0, 10)
SHOWN = ("beta", "psi", "d")
SAMPLER = {"chains": 2, "draws": 1200, "tune": 500, "second_opinion": 0}


def whole() -> pd.DataFrame:
    """Fourteen plants of two industries, 4 to 14 workers each."""
    rng = np.random.default_rng(8)
    sizes = rng.integers(4, 15, 14)
    n, plant = int(sizes.sum()), np.repeat(np.arange(14), sizes)
    experience = rng.uniform(0, 30, n)
    columns = {"worker": np.arange(n), "workplace": plant, "industry": np.array(["a", "b"])[plant % 2]}
    columns |= {"experience": experience, "seniority": np.minimum(experience, rng.exponential(5, n))}
    return pd.DataFrame(columns | {"wage": 20.0 + rng.normal(0, 3, n)})


def thinned(table: pd.DataFrame, pattern: int) -> pd.DataFrame:
    """A share of the workers, at least two of each plant, with the number that each stands for."""
    rng = np.random.default_rng([SEED, pattern])
    kept = table.assign(order=rng.random(len(table))).sort_values(["workplace", "order"])
    place, sizes = kept.groupby("workplace").cumcount(), kept["workplace"].map(kept["workplace"].value_counts())
    count = np.maximum(2, np.rint(SHARES[pattern] * sizes))
    return kept.assign(stands_for=sizes / count)[place < count].sort_values("worker").drop(columns="order")


def main(payrolls: int = 100, patterns: str = "0-9") -> None:
    """Fit what is not there yet, of the patterns from one to another."""
    table, (first, last) = whole(), map(int, patterns.split("-"))
    truths, wages = _simulate(joint_production(read(table), SPEC), payrolls, SEED)
    done = pd.read_csv(OUT) if OUT.exists() else pd.DataFrame(columns=["payroll", "fit"])
    for pattern in range(first, last + 1):
        kept = thinned(table, pattern)
        for label, weight in (("weighted", "stands_for"), ("unweighted", None)):
            recipe = joint_recipe(read(kept, weight=weight), SPEC, SamplerSettings(**SAMPLER))
            for i in range(pattern, payrolls, len(SHARES)):
                if ((done["payroll"] == i) & (done["fit"] == label)).any():
                    continue
                start = time.process_time()
                draws = refit(recipe, Refit({"observed_wage": wages[i][kept.index.to_numpy()]}, SEED + i))
                posterior, failed = draws["posterior"], [g.name for g in gates(draws) if not g.passed]
                rows = []
                for name in SHOWN:
                    drawn, truth = posterior[name].to_numpy(), np.ravel(truths[i][name])
                    drawn = drawn.reshape(drawn.shape[0] * drawn.shape[1], -1)
                    for element in range(drawn.shape[1]):
                        x = drawn[:, element]
                        rows.append(
                            {"payroll": i, "fit": label, "kept": len(kept) / len(table), "parameter": f"{name}[{element}]",
                             "truth": truth[element], "mean": x.mean(), "sd": x.std(), "rank": (x < truth[element]).mean(),
                             "failed": "; ".join(failed), "seconds": round(time.process_time() - start, 1),
                             "version": __version__}
                        )  # fmt: skip
                done = pd.concat([done, pd.DataFrame(rows)], ignore_index=True)
                done.to_csv(OUT, index=False)
                print(i, label, f"{SHARES[pattern]:.2f}", rows[0]["seconds"], *failed, flush=True)
    summary()


def read(table: pd.DataFrame, **options: Any) -> Workforce:
    return Workforce.from_frame(table, FORMULA, ["seniority"], worker="worker", simulated=True, **options)


def summary() -> None:
    """By fit, parameter and what was kept."""
    found = pd.read_csv(OUT)
    found["off"] = (found["mean"] - found["truth"]) / found["sd"]
    found["covered"] = (found["rank"] > 0.03) & (found["rank"] < 0.97)
    found["kept"] = pd.cut(found["kept"], [0.0, 0.55, 0.8, 1.0], labels=["30 to 55%", "55 to 80%", "80 to 100%"])
    found["parameter"] = found["parameter"].str.split("[").str[0]
    table = found.groupby(["fit", "parameter", "kept"], observed=True).agg(
        fits=("off", "size"),
        bias=("off", "mean"),
        error=("off", lambda x: x.std() / np.sqrt(len(x))),
        coverage=("covered", "mean"),
    )
    print(table.round(2).to_string())


if __name__ == "__main__":
    summary() if sys.argv[1:] == ["summary"] else main(*(int(sys.argv[1]),) if len(sys.argv) > 1 else (), *sys.argv[2:])
