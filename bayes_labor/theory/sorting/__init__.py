"""Sorting of workers to firms in closed form, inside a growth model with business cycles."""

from bayes_labor.theory.sorting.equilibrium import (
    Sorting,
    SortingError,
    SortingStatus,
    firm_policies,
    scale_free,
    solve_sorting,
)

__all__ = ["Sorting", "SortingError", "SortingStatus", "firm_policies", "scale_free", "solve_sorting"]
