"""Bonuses and promotion tournaments, step by step: the theory, the size of bonuses, the prize, and a placebo.

``python examples/personnel_bonuses.py`` takes about three minutes. ``bayes-labor reproduce bonuses`` writes every table and
figure beside the published ones; a table of your own personnel goes in by ``read_personnel`` or ``bayes-labor fit bonus-size``.
"""

from typing import Any

import numpy as np

from bayes_labor.data import personnel
from bayes_labor.models import BonusSpec, PrizeSpec, bonus_size, promotion_prize, tournament_moments
from bayes_labor.posteriors import arviz_summary, gates, plain_report, prior_check, sample
from bayes_labor.posteriors.bonuses import (
    ordered_levels,
    placebo,
    r2_by_draw,
    semi_elasticity,
    summarize_primitives,
    tournament_primitives,
)
from bayes_labor.posteriors.tables import printed
from bayes_labor.theory.bonuses.tournament import solve_tournament

ECONOMY = {
    "c": [46.62, 35.47, 4.92], "d": [1.0, 2.41, 3.7], "s": [1.83, 1.89], "h": [1.42, 1.47], "z": 3.81, "gam": 0.89,
    "theta1": [0.67, 10.01], "theta2": [13.43, 23.03],
}  # fmt: skip


NAMES = ["theta", "sigma", "tau"]


def main(run: str = "runs/personnel", **settings: Any) -> None:
    """Print every step, from what the priors imply to the pages."""
    patience = np.linspace(0.1, 0.4, 4)
    wide = {k: np.broadcast_to(v, (4, *np.shape(v))) for k, v in ECONOMY.items()}
    bonuses = solve_tournament(**wide, delta=patience).mean_bonus[:, :2]
    print("mean bonus of the young on levels 1 and 2, as the future counts more:\n", np.round(bonuses, 2))

    panel, spec = personnel("table5", seed=1), BonusSpec()  # or read_personnel("people.parquet")
    model = bonus_size(panel, spec)
    prior = prior_check(model, f"{run}/size/prior.png")
    print(f"\nwhat the priors imply for the cross products of the panel:\n{prior.round(3).to_string()}")
    draws = sample(model, **({"draws": 1000, "tune": 400, "chains": 4, "seed": 1} | settings))
    print("\nsize of bonuses:", "; ".join(f"{g.name} {g.value}" for g in gates(draws, NAMES)))
    order = ordered_levels(draws)
    print(f"P(levels in order) {order.probability:.3f}, Bayes factor {order.bayes_factor:.0f}")
    slopes = semi_elasticity(draws, np.array([30.0, 40.0, 50.0])).mean("sample").to_numpy()
    print("change of the log bonus per year of age at 30, 40, 50:", np.round(slopes, 3))
    print(printed(r2_by_draw(draws, panel, spec)).to_string())

    firm = personnel("table6", seed=1)  # in which a prize higher by 0.01 lowers bonuses by 2%
    prize = sample(promotion_prize(firm, PrizeSpec()), **({"draws": 500, "tune": 400, "chains": 4, "seed": 1} | settings))
    rho = prize["posterior"]["rho"].to_numpy()
    print(f"\neffect of the prize: {rho.mean():.2f} ± {rho.std():.2f} (truth -2)")
    print("what each construction of the prize finds where the truth is zero:\n", printed(placebo((1, 2))).to_string())

    primitives = tournament_primitives(tournament_moments(panel), seed=1)
    print("\nprimitives of the tournament from six mean bonuses:\n", printed(summarize_primitives(primitives)).to_string())
    print("\n", arviz_summary(draws, NAMES).round(3).to_string())
    print(plain_report(draws, f"{run}/size", names=NAMES, title="The size of bonuses", prior=prior))
    print(plain_report(prize, f"{run}/prize", names=["rho"], title="The promotion prize"))


if __name__ == "__main__":
    main()
