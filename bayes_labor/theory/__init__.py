"""The economics as plain functions of arrays. One module per economic object; nothing of the package is imported here."""

from bayes_labor.theory.assignment import Assignment, solve_assignment
from bayes_labor.theory.matching import Matching
from bayes_labor.theory.outside_option import OutsideOption, solve_outside_option
from bayes_labor.theory.payroll import Payroll, managing_probability, solve_payroll
from bayes_labor.theory.status import Status

__all__ = [
    "Assignment",
    "Matching",
    "OutsideOption",
    "Payroll",
    "Status",
    "managing_probability",
    "solve_assignment",
    "solve_outside_option",
    "solve_payroll",
]
