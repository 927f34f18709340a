"""Bonuses and promotions: the tournament and its coordinates."""

from bayes_labor.theory.bonuses.tournament import Tournament, solve_tournament

__all__ = ["Tournament", "solve_tournament"]
