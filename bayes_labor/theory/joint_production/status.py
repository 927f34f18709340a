"""Outcomes of joint production's solvers."""

from bayes_labor.numerics.outcome import Outcome


class Status(Outcome):
    """What became of one solve."""

    OK = 0, "Solved."
    NON_FINITE = (
        1,
        "A talent, a scale or a parameter is not finite: tighten the prior of the talent coefficients "
        "or look for extreme covariates.",
    )
    BETA_RANGE = 2, "The interaction exponent lies outside the solver's range (-1, 0.99]: tighten the prior of beta."
    NOT_CONVERGED = (
        3,
        "The iteration did not settle: with hard feasibility weights it can cycle, use feasibility='smooth'.",
    )
    OVERFLOW = 4, "Output is not representable in float64: log talents are too large, tighten their prior."
    NO_FEASIBLE_WORKPLACE = (
        5,
        "No workplace covers its workers' outside options: lower the prior of V_U or of d, or raise that of output.",
    )
    TOO_FEW_MATCHES = (
        6,
        "Fewer feasible matches than coefficients of V(z), which would be arbitrary: use matching='exact', or lower the prior "
        "of V_U or of d.",
    )
