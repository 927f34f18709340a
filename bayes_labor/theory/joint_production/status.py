"""Outcomes of the solvers: a failed solve is a value, never an exception, and each value carries advice."""

from enum import IntEnum


class Status(IntEnum):
    """What became of one solve. The likelihood turns every value but ``OK`` into minus infinity."""

    OK = 0
    NON_FINITE = 1
    BETA_RANGE = 2
    NOT_CONVERGED = 3
    OVERFLOW = 4
    NO_FEASIBLE_WORKPLACE = 5
    TOO_FEW_MATCHES = 6

    @property
    def advice(self) -> str:
        """One sentence for the user who meets this outcome."""
        return _ADVICE[self]


_ADVICE = {
    Status.OK: "Solved.",
    Status.NON_FINITE: (
        "A talent, a scale or a parameter is not finite: tighten the prior of the talent coefficients "
        "or look for extreme covariates."
    ),
    Status.BETA_RANGE: ("The interaction exponent lies outside the solver's range (-1, 0.99]: tighten the prior of beta."),
    Status.NOT_CONVERGED: (
        "The iteration did not settle: with hard feasibility weights it can cycle, use feasibility='smooth'."
    ),
    Status.OVERFLOW: "Output is not representable in float64: log talents are too large, tighten their prior.",
    Status.NO_FEASIBLE_WORKPLACE: (
        "No workplace covers its workers' outside options: lower the prior of V_U or of d, or raise that of output."
    ),
    Status.TOO_FEW_MATCHES: (
        "Fewer feasible matches than coefficients of V(z), which would be arbitrary: use matching='exact', or lower the prior "
        "of V_U or of d."
    ),
}
