"""Where task assignment is found from outside: it lives in :mod:`bayes_labor.theory.joint_production.assignment`."""

from bayes_labor.theory.joint_production.assignment import Assignment, solve_assignment

__all__ = ["Assignment", "solve_assignment"]
