"""Normal errors that members of a group share in part: an effect for every group, integrated out exactly."""

from typing import Any

from bayes_labor.numerics.normal import HALF_LOG_2PI


def grouped_normal(squares: Any, sums: Any, sizes: Any, sigma: Any, tau: Any, xp: Any) -> Any:
    """(F,) log densities of groups of residuals r = u_f + e, u_f ~ N(0, tau^2), e ~ N(0, sigma^2).

    By the determinant and inverse of sigma^2 I + tau^2 1 1'. At tau = 0 residuals are independent.

    Parameters
    ----------
    squares, sums
        (F,) of the residuals of each group: sum of squares, sum.
    sizes
        (F,) members.
    sigma, tau
        Standard deviations, in the unit of the residuals; by group, or one for all.
    xp
        The arrays' namespace: NumPy, ``jax.numpy`` or ``pytensor.tensor``.

    """
    ratio = (tau / sigma) ** 2
    within = squares - ratio * sums**2 / (1.0 + sizes * ratio)
    return -0.5 * within / sigma**2 - sizes * (xp.log(sigma) + HALF_LOG_2PI) - 0.5 * xp.log1p(sizes * ratio)
