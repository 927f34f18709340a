"""What do weights repair, and what not? ``python -m benchmarks.thinned_payrolls [PAYROLLS]``.

Parameters from the default priors, wages of whole payrolls from the model; then 30 to 100% of the workers of each plant are
kept and the rest forgotten. Each payroll is fitted with weights (workers of the plant by those kept) and without. Kept in
``results/thinned_payrolls.csv`` by payroll, fit and parameter, one fit after the other: a second call goes on. ``summary``
alone prints bias (in posterior standard deviations) and coverage of central 94% intervals by what was kept.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from bayes_labor import __version__
from bayes_labor.data import Workforce
from bayes_labor.models import joint_production
from bayes_labor.posteriors import fit
from bayes_labor.posteriors.diagnostics import gates
from bayes_labor.posteriors.joint_production.calibration import _simulate

OUT = Path(__file__).parent / "results" / "thinned_payrolls.csv"
FORMULA, SEED = "experience + seniority", 11
READ = {"worker": "worker", "simulated": True}
SHOWN = ("beta", "psi", "d")


def whole() -> pd.DataFrame:
    """Sixteen plants of two industries, 4 to 24 workers each."""
    rng = np.random.default_rng(8)
    sizes = rng.integers(4, 25, 16)
    n, plant = int(sizes.sum()), np.repeat(np.arange(16), sizes)
    experience = rng.uniform(0, 30, n)
    columns = {"worker": np.arange(n), "workplace": plant, "industry": np.array(["a", "b"])[plant % 2]}
    columns |= {"experience": experience, "seniority": np.minimum(experience, rng.exponential(5, n))}
    return pd.DataFrame(columns | {"wage": 20.0 + rng.normal(0, 3, n)})


def thinned(table: pd.DataFrame, payroll: int) -> tuple[float, pd.DataFrame]:
    """(share asked for, the workers kept, at least two of each plant, with the number that each stands for)."""
    rng = np.random.default_rng([SEED, payroll])
    share = float(rng.uniform(0.3, 1.0))
    kept = table.assign(order=rng.random(len(table))).sort_values(["workplace", "order"])
    place, sizes = kept.groupby("workplace").cumcount(), kept["workplace"].map(kept["workplace"].value_counts())
    count = np.maximum(2, np.rint(share * sizes))
    kept = kept.assign(stands_for=sizes / count)[place < count].sort_values("worker")
    return share, kept.drop(columns="order")


def main(payrolls: int = 100) -> None:
    """Fit what is not there yet."""
    table = whole()
    truths, wages = _simulate(joint_production(Workforce.from_frame(table, FORMULA, ["seniority"], **READ)), payrolls, SEED)
    done = pd.read_csv(OUT) if OUT.exists() else pd.DataFrame(columns=["payroll", "fit"])
    for i in range(payrolls):
        share, kept = thinned(table.assign(wage=wages[i]), i)
        for label, weight in (("weighted", "stands_for"), ("unweighted", None)):
            if ((done["payroll"] == i) & (done["fit"] == label)).any():
                continue
            workforce = Workforce.from_frame(kept, FORMULA, ["seniority"], weight=weight, **READ)
            draws = fit(workforce, tune=500, draws=1000, chains=2, seed=SEED + i, second_opinion=0)
            posterior, failed = draws["posterior"], [g.name for g in gates(draws) if not g.passed]
            rows = []
            for name in SHOWN:
                drawn, truth = posterior[name].to_numpy().reshape(2000, -1), np.ravel(truths[i][name])
                for element in range(drawn.shape[1]):
                    x = drawn[:, element]
                    rows.append(
                        {"payroll": i, "fit": label, "kept": len(kept) / len(table), "parameter": f"{name}[{element}]",
                         "truth": truth[element], "mean": x.mean(), "sd": x.std(), "rank": (x < truth[element]).mean(),
                         "failed": "; ".join(failed), "divergences": int(draws.attrs["divergences"]), "version": __version__}
                    )  # fmt: skip
            done = pd.concat([done, pd.DataFrame(rows)], ignore_index=True)
            done.to_csv(OUT, index=False)
            print(i, label, f"{share:.2f}", *failed, flush=True)
    summary()


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
    summary() if sys.argv[1:] == ["summary"] else main(*map(int, sys.argv[1:]))
