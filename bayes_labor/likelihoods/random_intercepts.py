r"""A linear panel with one normal effect per worker, the effects integrated out: the likelihood is a few small matrices.

y_it = W_it' theta + mu_i + e_it, mu_i ~ N(0, tau^2), e_it ~ N(0, sigma^2). Rows enter through cross products of the
worker-demeaned data and of the worker means, by number of rows per worker; nothing of the panel's size remains. Section 7b
of the specification keeps triangular factors of the same matrices; in a pilot's coordinates products lose no digits, faster.
"""

import math
from dataclasses import dataclass

import numpy as np

from bayes_labor.numerics.compilation import kernel
from bayes_labor.numerics.groups import Groups
from bayes_labor.numerics.quadratic import subtract_rows

_LANES = 4  # products are padded by zeros to whole vector registers


@dataclass(frozen=True)
class ReducedPanel:
    """What the likelihood needs of a panel; see :func:`reduce_panel`."""

    products: np.ndarray
    """(K + 1, q, q) cross products of [y W]: of the worker-demeaned rows in their first A + 1 rows and columns, then of the
    worker means, weighted by their number of rows, for each number of rows, in their first B + 1."""
    rows_per_worker: np.ndarray
    """(K,) the numbers of rows T that occur."""
    workers: np.ndarray
    """(K,) how many workers have each."""
    inner: int
    """A: demeaned rows depend on the first A coefficients."""
    outer: int
    """B: worker means depend on the last B."""


def reduce_panel(y: np.ndarray, columns: np.ndarray, groups: Groups, between: np.ndarray | None = None) -> ReducedPanel:
    """Reduce a panel, in one pass over it.

    Parameters
    ----------
    y
        (N,) outcome. Subtract a pilot's prediction first: what the coefficients then explain is small, and no digits are lost.
    columns
        (N, P) regressors.
    groups
        Of the N rows: workers.
    between
        (N, B) where coefficients come in two groups, those that move demeaned rows and those that move worker means (as with
        worker means among the regressors): then ``columns`` (N, A) is for the first, this for the second, and only
        their demeaned rows and their means are used.

    Raises
    ------
    ValueError
        For shapes that do not fit.

    """
    y, columns = np.asarray(y, dtype=np.float64), np.asarray(columns, dtype=np.float64)
    outer = columns if between is None else np.asarray(between, dtype=np.float64)
    if columns.ndim != 2 or y.shape != (len(columns),) or groups.row.shape != y.shape or outer.shape[:1] != y.shape:
        raise ValueError(f"y {y.shape}, columns {columns.shape}, groups {groups.row.shape} do not fit: (N,), (N, P), (N,)")
    inside = groups.within(np.column_stack([y, columns]))
    mean = groups.means(np.column_stack([y, outer]))
    sizes, number = np.unique(groups.counts, return_counts=True)
    parts = [inside, *(np.sqrt(t) * mean[groups.counts == t] for t in sizes)]
    q = -(-max(inside.shape[1], mean.shape[1]) // _LANES) * _LANES
    products = np.zeros((len(parts), q, q))
    for square, v in zip(products, parts, strict=True):
        square[: v.shape[1], : v.shape[1]] = v.T @ v
    return ReducedPanel(products, sizes.astype(np.float64), number.astype(np.float64), columns.shape[1], outer.shape[1])


@kernel
def panel_likelihood(theta, log_sigma, log_tau, products, rows_per_worker, workers, inner, outer):
    """(log likelihood, its gradient in theta (P,), in log sigma and in log tau)."""
    p, classes = theta.shape[0], rows_per_worker.shape[0]
    sigma2, tau2 = math.exp(2.0 * log_sigma), math.exp(2.0 * log_tau)
    n, groups = 0.0, 0.0
    for k in range(classes):
        n += rows_per_worker[k] * workers[k]
        groups += workers[k]
    value = n * math.log(2.0 * math.pi) + (n - groups) * math.log(sigma2)
    d_sigma, d_tau = -(n - groups), 0.0
    scratch, gradient = np.empty(products.shape[1]), np.zeros(p)
    for block in range(classes + 1):
        first, count = (0, inner) if block == 0 else (p - outer, outer)
        u, own, slope = scratch, theta[first : first + count], gradient[first : first + count]
        for j in range(u.shape[0]):
            u[j] = products[block, 0, j]
        subtract_rows(own, products[block, 1:], u)
        square = u[0]
        for j in range(count):
            square -= own[j] * u[j + 1]
        variance = sigma2 if block == 0 else sigma2 + rows_per_worker[block - 1] * tau2
        for j in range(count):
            slope[j] += u[j + 1] / variance
        value += square / variance
        if block == 0:
            d_sigma += square / sigma2
        else:
            here, t = workers[block - 1], rows_per_worker[block - 1]
            value += here * math.log(variance)
            change = here / variance - square / variance**2
            d_sigma -= sigma2 * change
            d_tau -= tau2 * t * change
    return -0.5 * value, gradient, d_sigma, d_tau


def weighted_log_likelihood(residual: np.ndarray, groups: Groups, precision: np.ndarray, tau: float) -> np.ndarray:
    """(G,) log likelihood of each worker's rows (N,) with row precisions: unequal variances, or t given its weights."""
    sums = (precision, precision * residual, precision * residual**2, np.log(precision))
    a, b, c, logs = (np.bincount(groups.row, v) for v in sums)
    spread = 1.0 + tau**2 * a
    return -0.5 * (groups.counts * np.log(2.0 * np.pi) - logs + np.log(spread) + c - tau**2 * b**2 / spread)
