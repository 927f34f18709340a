"""Where the tournament is found from outside: it lives in :mod:`bayes_labor.theory.bonuses.tournament`."""

from bayes_labor.theory.bonuses.tournament import Tournament, solve_tournament

__all__ = ["Tournament", "solve_tournament"]
