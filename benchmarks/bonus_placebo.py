"""The placebo of the promotion prize on twenty generated panels: ``python -m benchmarks.bonus_placebo``.

One panel after the other into ``benchmarks/results/bonus_placebo.csv``; goes on where it stopped.
"""

import sys
from pathlib import Path

import pandas as pd

from bayes_labor.posteriors.bonuses.two_step import placebo_panel, placebo_table, what_placebo_finds

RESULTS = Path(__file__).parent / "results" / "bonus_placebo.csv"


def main(panels: int = 20) -> None:
    """Rows of the panels that are not there yet, and what they say together."""
    known = recorded()
    for seed in range(1, panels + 1):
        if known.empty or seed not in set(known["seed"]):
            known = pd.concat([known, placebo_panel(seed)])
            known.to_csv(RESULTS)
    print(placebo_table(known).round(3).to_string(), what_placebo_finds(placebo_table(known)), sep="\n")


def recorded() -> pd.DataFrame:
    """Rho by construction and panel, of the panels so far."""
    return pd.read_csv(RESULTS, index_col=["increase", "pay"]) if RESULTS.is_file() else pd.DataFrame()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
