"""Do 94% intervals hold under errors the model does not know? ``python -m benchmarks.coverage_of_robust [PANELS]``.

The rows and regressors of a generated panel, and log bonuses with errors that are correlated within a worker from year to
year (besides his lasting effect) and grow with the level: clustered and heteroskedastic. Each panel is fitted with normal
errors of one variance; its intervals are counted as they are, and as ``robust=True`` has them. Kept in
``benchmarks/results/coverage_of_robust.csv``, a row a panel and coefficient: a second call goes on.
"""

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from bayes_labor import __version__
from bayes_labor.data.bonuses.personnel import Personnel, personnel
from bayes_labor.engines.fan_out import Recipe, Refit, refit
from bayes_labor.engines.sampling import SamplerSettings
from bayes_labor.likelihoods.random_intercepts import reduce_panel
from bayes_labor.models import BonusSpec, bonus_size
from bayes_labor.models.linear_panel import LinearPanel, linear_panel
from bayes_labor.models.panel_design import PanelDesign
from bayes_labor.posteriors.bonuses.results import coefficients
from bayes_labor.posteriors.bonuses.robust import robust_draws

OUT = Path(__file__).parent / "results" / "coverage_of_robust.csv"
SPEC = BonusSpec(blocks=("levels", "tenure"), demographics=False, years="none")
EFFECT, LASTING, BY_LEVEL = 0.3, 0.8, (0.15, 0.2, 0.3, 0.45, 0.7)
SETTINGS = SamplerSettings(draws=500, tune=300, chains=2, cores=1)


def panel() -> Personnel:
    """A third of the generated workers."""
    table = personnel("clean", seed=3).table
    return Personnel(table[table["id"] % 3 == 0])


def errors(design: PanelDesign, rng: np.random.Generator) -> np.ndarray:
    """(N,) a lasting effect of the worker, and an error that follows its own last value and grows with the level."""
    table = design.table.reset_index(drop=True)
    found, last = np.empty(len(table)), {}
    for i, (worker, level) in enumerate(zip(table["id"], table["level"], strict=True)):
        fresh = rng.normal()
        last[worker] = LASTING * last[worker] + np.sqrt(1.0 - LASTING**2) * fresh if worker in last else fresh
        found[i] = BY_LEVEL[int(level) - 1] * last[worker]
    return found + rng.normal(0.0, EFFECT, len(design.groups.labels))[design.groups.row]


def products(reduced: LinearPanel, outcome: np.ndarray) -> np.ndarray:
    """What the model is refitted to."""
    away = outcome - reduced.design.columns @ reduced.pilot.center
    found: np.ndarray = reduce_panel(away, reduced.inner, reduced.design.groups, reduced.outer).products
    return found


def main(panels: int = 100) -> None:
    """Fit, count and keep."""
    data = panel()
    design = SPEC.design(data)
    reduced = linear_panel(design, SPEC.table, summed=True)
    truth = reduced.pilot.center
    recipe = Recipe(partial(bonus_size, data, SPEC), "coverage of robust", SETTINGS)
    rows = pd.read_csv(OUT).to_dict("records") if OUT.exists() else []
    for i in range(len({r["panel"] for r in rows}), panels):
        outcome = design.columns @ truth + errors(design, np.random.default_rng(1000 + i))
        draws = refit(recipe, Refit({"observed_products": products(reduced, outcome)}, i))
        drawn = Personnel(data.table.assign(bonus=_with(data, design, outcome)))
        inside = {}
        for label, tree in (("plain", draws), ("robust", robust_draws(draws, drawn, SPEC))):
            low, high = np.quantile(coefficients(tree, design.terms), [0.03, 0.97], axis=0)
            inside[label] = ((low <= truth) & (truth <= high)).astype(int)
        found = pd.DataFrame(inside, index=list(design.terms)).rename_axis("term").reset_index()
        rows += found.assign(panel=i, version=__version__).to_dict("records")
        pd.DataFrame(rows).to_csv(OUT, index=False)
        print(i, inside["plain"].sum(), inside["robust"].sum(), flush=True)
    table = pd.DataFrame(rows)
    print(table.groupby("term", sort=False)[["plain", "robust"]].mean().round(2).to_string())
    print(table[["plain", "robust"]].mean().round(3).to_string())


def _with(data: Personnel, design: PanelDesign, outcome: np.ndarray) -> pd.Series:
    """Bonuses of the rows of a design, others as they were."""
    bonus = data.table["bonus"].astype(np.float64).copy()
    bonus.loc[design.table.index] = np.exp(outcome)
    return bonus


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
