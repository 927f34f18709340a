"""The economics as plain functions of arrays. One module per economic object; nothing of the package is imported here."""

from bayes_labor.likelihoods.regimes import likeliest_path, solve_regimes
from bayes_labor.theory.joint_production.assignment import Assignment, solve_assignment
from bayes_labor.theory.joint_production.matching import Matching
from bayes_labor.theory.joint_production.outside_option import OutsideOption, solve_outside_option
from bayes_labor.theory.joint_production.payroll import Payroll, managing_probability, solve_payroll
from bayes_labor.theory.joint_production.status import Status
from bayes_labor.theory.sorting.equilibrium import (
    Sorting,
    SortingError,
    SortingStatus,
    firm_policies,
    scale_free,
    solve_sorting,
)
from bayes_labor.theory.sorting.growth import GrowthEconomy, solve_growth

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
