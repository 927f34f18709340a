r"""Worker effects of any row density integrated out by a trapezoid: for checks and for scores by worker, not for sampling.

l_i = log int phi(v) prod_t p(y_it | tau v) dv on an even grid of [-B, B]; for smooth densities the error falls faster than any
power of the step. Quadrature centred on the prior (Gauss-Hermite) fails here: with an outlier the likelihood sits in its tail.
Section 7a of the specification.
"""

from collections.abc import Callable

import numpy as np
from scipy import special

from bayes_labor.numerics.groups import Groups
from bayes_labor.numerics.normal import HALF_LOG_2PI

NODES, REACH = 61, 7.5


def integrate_effects(
    row_log_density: Callable[[float], np.ndarray], groups: Groups, tau: float, nodes: int = NODES, reach: float = REACH
) -> np.ndarray:
    """(G,) log density of each worker's rows.

    ``row_log_density`` gives the log density of every row (N,) at a value that the effect has for all workers.
    """
    grid = np.linspace(-reach, reach, nodes)
    weights = np.log(grid[1] - grid[0]) - 0.5 * grid**2 - HALF_LOG_2PI
    terms = [w + np.bincount(groups.row, row_log_density(tau * v)) for w, v in zip(weights, grid, strict=True)]
    found: np.ndarray = special.logsumexp(terms, axis=0)
    return found


def student_log_density(residual: np.ndarray, scale: float, nu: float) -> np.ndarray:
    """Log density of Student-t errors."""
    constant = special.gammaln(0.5 * (nu + 1.0)) - special.gammaln(0.5 * nu) - 0.5 * np.log(nu * np.pi) - np.log(scale)
    found: np.ndarray = constant - 0.5 * (nu + 1.0) * np.log1p((residual / scale) ** 2 / nu)
    return found
