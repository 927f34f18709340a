"""Joint production: task assignment within a workplace, outside options between them, the payroll."""

from bayes_labor.theory.joint_production.assignment import Assignment, solve_assignment
from bayes_labor.theory.joint_production.outside_option import OutsideOption, solve_outside_option
from bayes_labor.theory.joint_production.payroll import Payroll, managing_probability, solve_payroll

__all__ = [
    "Assignment",
    "OutsideOption",
    "Payroll",
    "managing_probability",
    "solve_assignment",
    "solve_outside_option",
    "solve_payroll",
]
