"""The economics as plain functions of arrays. One module per economic object; nothing of the package is imported here."""

from bayes_labor.theory.assignment import Assignment, solve_assignment
from bayes_labor.theory.growth import GrowthEconomy, solve_growth
from bayes_labor.theory.matching import Matching
from bayes_labor.theory.outside_option import OutsideOption, solve_outside_option
from bayes_labor.theory.payroll import Payroll, managing_probability, solve_payroll
from bayes_labor.theory.regimes import likeliest_path, solve_regimes
from bayes_labor.theory.sorting import Sorting, SortingError, SortingStatus, firm_policies, scale_free, solve_sorting
from bayes_labor.theory.status import Status

__all__ = [
    "Assignment",
    "GrowthEconomy",
    "Matching",
    "OutsideOption",
    "Payroll",
    "Sorting",
    "SortingError",
    "SortingStatus",
    "Status",
    "firm_policies",
    "likeliest_path",
    "managing_probability",
    "scale_free",
    "solve_assignment",
    "solve_growth",
    "solve_outside_option",
    "solve_payroll",
    "solve_regimes",
    "solve_sorting",
]
