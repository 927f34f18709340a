"""A small economy in which coworkers teach each other: solved from nothing, checked, and looked at. About a minute.

What a register of it would show goes through the regression that search economists run, prior first.

Firms have room for five workers here, so that its numbers are not those of the slides, which ``bayes-labor reproduce learning``
solves.
"""

from typing import Any

import numpy as np

from bayes_labor.data.learning.simulated_teams import employed_in, simulated_careers
from bayes_labor.models import learning_regression
from bayes_labor.posteriors import arviz_summary, plain_report, prior_check, sample
from bayes_labor.posteriors.learning.results import coworkers, decompose_growth, growth_terms, markdowns, path_words
from bayes_labor.theory.learning.equilibrium import SolverSettings, solve_equilibrium
from bayes_labor.theory.learning.training import Schedule

NAMES = ["theta", "sigma", "tau"]


def main(run: str = "runs/learning_economy", **settings: Any) -> None:
    """Solve, check, and print who works with whom, markdowns, and where growth comes from; then the regression."""
    first, again = Schedule(steps=160, batch=256), Schedule(steps=80, batch=256, ridge=(1e-4, 1e-7), rate=(0.05, 0.01))
    worker = Schedule(steps=120, batch=256, ridge=(1e-2, 1e-6), rate=(0.15, 0.01), keep=0.95)
    schedules = {"first": first, "again": again, "worker": worker}
    size = SolverSettings(firms=600, n_max=5, features=8, width=32, passes=3, paths=4_000, **schedules)
    solution = solve_equilibrium(settings=size, told=print)
    paths = solution.certificate.paths
    print(f"\nwhat paths pay and what firms are said to be worth: {paths.outcome} ({path_words(paths)})")
    print(f"rms(TV - V) / V over firms: {solution.certificate.economy.relative:.1e}\n")
    careers, economies = simulated_careers(solution, years=5, seed=1)
    pairs = coworkers(economies)
    print("correlation of own log h with the others':", round(float(pairs["log_h"].corr(pairs["coworker_log_h"])), 2))
    print(markdowns(solution, economies).round(2).to_string(), "\n")
    terms = np.concatenate([growth_terms(e, solution.p) for e in economies])
    print("shares of the variance of growth:")
    print(decompose_growth(terms).round(3).to_string(na_rep=""))
    model = learning_regression(employed_in(careers, "a generated register"))
    prior = prior_check(model, f"{run}/prior.png")
    print(f"\nwhat the priors imply for the cross products of its panel:\n{prior.round(3).to_string()}\n")
    draws = sample(model, **({"draws": 1000, "tune": 400, "chains": 4, "seed": 1} | settings))
    print(arviz_summary(draws, NAMES).round(3).to_string())
    print(plain_report(draws, run, names=NAMES, title="Learning from coworkers: a generated register", prior=prior))


if __name__ == "__main__":
    main()
