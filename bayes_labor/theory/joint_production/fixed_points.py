"""Are there several equilibria of outside options? Newton's method from many starts.

Feasibility depends on V and V on who is feasible: where outside options are high only workplaces that can pay them count, and
these are the better ones to join. Nothing rules out that high options and low ones both hold. The solver takes the root that it
reaches from where every workplace counts; here it is asked whether others are reached from elsewhere.
"""

import numpy as np

from bayes_labor.numerics.ragged import copies_or_ones
from bayes_labor.theory.joint_production.matching import Matching
from bayes_labor.theory.joint_production.outside_option import OutsideOption, Problem, matches_of
from bayes_labor.theory.joint_production.status import Status
from bayes_labor.theory.joint_production.value_map import MAX_ITERATIONS, find_root_from

_FEASIBLE = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)  # shares of workplaces that cover the level a search starts from
_SAME = 1e-6  # of the largest output per worker, between two solutions' V


def fixed_points(
    solved: OutsideOption,
    external_index: np.ndarray,
    offsets: np.ndarray,
    bargaining_power: float,
    *,
    matching: Matching | None = None,
    softness: float = 0.0,
    copies: np.ndarray | None = None,
) -> list[np.ndarray]:
    """Coefficients (C,) of V at every equilibrium that is found, the solver's own first.

    Parameters
    ----------
    solved
        A solution with status OK.
    external_index, offsets, bargaining_power, matching, softness, copies
        As they were given to :func:`.outside_option.solve_outside_option`.

    """
    copies, zero = copies_or_ones(copies, len(external_index)), np.zeros(0)
    sizes = np.add.reduceat(copies, offsets[:-1])
    matching = Matching.exact(offsets) if matching is None else matching
    p = Problem(
        zero, external_index, offsets, np.zeros(len(sizes), np.int64), zero, zero, float(bargaining_power),
        float(solved.domain[2]), matching.workplace, matching.worker, matching.weight, float(softness), copies,
    )  # fmt: skip
    totals = solved.output * sizes
    m = matches_of(p, totals, solved.basis_sums, solved.marginal_product, solved.domain, matching.nodes)
    levels = [solved.domain[2], *np.quantile(solved.output, _FEASIBLE)]
    found, tolerance = [solved.coefficients], _SAME * float(np.abs(solved.output).max())
    for level in levels:
        start = np.zeros(len(solved.coefficients))
        start[0] = level
        b, _, status = find_root_from(m, start, False, MAX_ITERATIONS)
        if status == Status.OK.value and all(_gap(b, other) > tolerance for other in found):
            found.append(b)
    return found


def _gap(first: np.ndarray, second: np.ndarray) -> float:
    """Largest difference of two series on a grid over the domain."""
    return float(np.abs(np.polynomial.chebyshev.chebval(np.linspace(-1.0, 1.0, 41), first - second)).max())
