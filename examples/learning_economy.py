"""A small economy in which coworkers teach each other: solved from nothing, checked, and looked at. About a minute.

Firms have room for five workers here, so that its numbers are not those of the slides, which ``bayes-labor reproduce learning``
solves.
"""

import numpy as np

from bayes_labor.data.simulated_teams import simulated_careers
from bayes_labor.posteriors.learning.results import coworkers, decompose_growth, growth_terms, markdowns, path_words
from bayes_labor.theory.learning.equilibrium import Settings, solve_equilibrium
from bayes_labor.theory.learning.training import Schedule


def main() -> None:
    """Solve, check, and print who works with whom, markdowns, and where growth comes from."""
    first, again = Schedule(steps=160, batch=256), Schedule(steps=80, batch=256, ridge=(1e-4, 1e-7), rate=(0.05, 0.01))
    worker = Schedule(steps=120, batch=256, ridge=(1e-2, 1e-6), rate=(0.15, 0.01), keep=0.95)
    settings = Settings(
        firms=600, n_max=5, features=8, width=32, passes=3, first=first, again=again, worker=worker, paths=4_000
    )  # fmt: skip
    solution = solve_equilibrium(settings=settings, told=print)
    paths = solution.certificate.paths
    print(f"\nwhat paths pay and what firms are said to be worth: {paths.outcome} ({path_words(paths)})")
    print(f"rms(TV - V) / V over firms: {solution.certificate.economy.relative:.1e}\n")
    _, economies = simulated_careers(solution, years=5, seed=1)
    pairs = coworkers(economies)
    print("correlation of own log h with the others':", round(float(pairs["log_h"].corr(pairs["coworker_log_h"])), 2))
    print(markdowns(solution, economies).round(2).to_string(), "\n")
    terms = np.concatenate([growth_terms(e, solution.p) for e in economies])
    print("shares of the variance of growth:")
    print(decompose_growth(terms).round(3).to_string(na_rep=""))


if __name__ == "__main__":
    main()
