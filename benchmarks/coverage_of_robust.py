"""Do 94% intervals hold under clustered errors of unequal variance? ``python -m benchmarks.coverage_of_robust [PANELS]``.

Each panel has the careers of a fifth of a generated firm and coefficients from their priors. Errors of the log bonus differ in
size between levels and between workers, and each worker has a trend of his own, so that his errors are correlated. Intervals of
the coefficients with the option ``robust`` and without it, of one fit, go to ``benchmarks/results/coverage_of_robust.csv``; a
second call goes on.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from bayes_labor.data.bonuses.personnel import Personnel, personnel
from bayes_labor.models import BonusSpec, bonus_size
from bayes_labor.models.bonuses.size import LIKELIHOOD
from bayes_labor.posteriors import sample
from bayes_labor.posteriors.bonuses.results import coefficients, posterior_columns

RESULTS = Path(__file__).parent / "results" / "coverage_of_robust.csv"
SPEC = BonusSpec(blocks=("levels", "tenure"), demographics=False, robust=True)
ERROR = 0.25 * np.array([2.0, 1.0, 0.8, 1.2, 1.5])
"""Standard deviation of errors by level."""
OWN, TREND, EFFECT = 0.5, 0.12, 0.5
"""Standard deviations of a worker's log error size, trend per year, and effect."""


def panel(seed: int) -> tuple[Personnel, pd.Series]:
    """A panel, and its coefficients by term."""
    table = personnel("clean", seed=seed).table
    part = Personnel(table[table["id"] % 5 == 0])
    design, rng = SPEC.design(part), np.random.default_rng(seed)
    truth = rng.normal(0.0, design.prior_sd)
    truth[0] = 7.0  # the prior of the intercept is around the mean outcome
    worker, rows = design.groups.row, design.table
    own, trend, effect = rng.normal(0.0, [[OWN], [TREND], [EFFECT]], (3, len(design.groups.labels)))
    error = np.exp(own[worker]) * ERROR[rows["level"].to_numpy() - 1] * rng.normal(size=len(worker))
    error += trend[worker] * (rows["year"].to_numpy() - 1984.5) + effect[worker]
    bonus = part.table["bonus"].copy()
    bonus.loc[rows.index] = np.exp(design.columns @ truth + error)
    return Personnel(part.table.assign(bonus=bonus)), pd.Series(truth, list(design.terms))


def intervals(seed: int) -> pd.DataFrame:
    """By term: truth, and the ends of the 94% interval with the option and without."""
    made, truth = panel(seed)
    draws = sample(bonus_size(made, SPEC), draws=1000, tune=300, chains=2, cores=1, seed=seed)
    found = {"seed": seed, "truth": truth.to_numpy()}
    for label, name in (("robust", "theta"), ("normal", LIKELIHOOD)):
        columns = posterior_columns(coefficients(draws, list(truth.index), name))
        found |= {f"{label} low": columns["hdi_low"], f"{label} high": columns["hdi_high"]}
    return pd.DataFrame(found, pd.Index(truth.index, name="term"))


def coverage(known: pd.DataFrame) -> pd.DataFrame:
    """By term: share of panels whose interval has the truth inside, with the option and without, and the ratio of widths."""
    inside = {k: known["truth"].between(known[f"{k} low"], known[f"{k} high"]) for k in ("robust", "normal")}
    width = {k: known[f"{k} high"] - known[f"{k} low"] for k in inside}
    table = pd.DataFrame(inside | {"width": width["robust"] / width["normal"]})
    return table.astype(float).groupby(level="term", sort=False).mean()


def within_workers(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the effects of levels and of tenure."""
    return table[[str(t).startswith(("level ", "tenure ")) for t in table.index]]


def main(panels: int = 100) -> None:
    """Panels that are not there yet, and what all say together."""
    known = recorded()
    for seed in range(1, panels + 1):
        if known.empty or seed not in set(known["seed"]):
            known = pd.concat([known, intervals(seed)])
            known.to_csv(RESULTS)
    table = coverage(known)
    print(table.round(3).to_string())
    for label, rows in (("all", table), ("levels and tenure", within_workers(table))):
        print(f"{label}: {rows['robust'].mean():.3f} robust, {rows['normal'].mean():.3f} without")


def recorded() -> pd.DataFrame:
    """Intervals by term and panel, of the panels so far."""
    return pd.read_csv(RESULTS, index_col="term") if RESULTS.is_file() else pd.DataFrame()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
