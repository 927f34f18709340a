r"""A linear panel with one normal effect per worker, the effects integrated out: the likelihood is a few small matrices.

y_it = W_it' theta + mu_i + e_it, mu_i ~ N(0, tau^2), e_it ~ N(0, sigma^2). Rows enter through cross products of the
worker-demeaned data and of the worker means, by number of rows per worker; nothing of the panel's size remains. Section 7b
of the specification keeps triangular factors of the same matrices; in a pilot's coordinates products lose no digits, faster.
"""

import math
from dataclasses import dataclass

import numpy as np

from bayes_labor.theory.compilation import kernel, leaf


@dataclass(frozen=True)
class ReducedPanel:
    """What the likelihood needs of a panel; see :func:`reduce_panel`."""

    products: np.ndarray
    """(K + 1, P + 1, P + 1) cross products of [y W]: of the worker-demeaned rows, then of the worker means, weighted by their
    number of rows, for each number of rows."""
    rows_per_worker: np.ndarray
    """(K,) the numbers of rows T that occur."""
    workers: np.ndarray
    """(K,) how many workers have each."""


def reduce_panel(y: np.ndarray, design: np.ndarray, worker: np.ndarray) -> ReducedPanel:
    """Reduce a panel, in one pass over it.

    Parameters
    ----------
    y
        (N,) outcome. Subtract a pilot's prediction first: what the coefficients then explain is small, and no digits are lost.
    design
        (N, P).
    worker
        (N,) any labels.

    Raises
    ------
    ValueError
        For shapes that do not fit.

    """
    y, design = np.asarray(y, dtype=np.float64), np.asarray(design, dtype=np.float64)
    if design.ndim != 2 or y.shape != (len(design),) or np.shape(worker) != y.shape:
        raise ValueError(f"y {y.shape}, design {design.shape} and worker {np.shape(worker)} do not fit: (N,), (N, P), (N,)")
    both = np.column_stack([y, design])
    _, row, counts = np.unique(np.asarray(worker), return_inverse=True, return_counts=True)
    order = np.argsort(row, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    means = np.add.reduceat(both[order], starts, axis=0) / counts[:, None]
    sizes, number = np.unique(counts, return_counts=True)
    both -= means[row]
    parts = [both, *(np.sqrt(t) * means[counts == t] for t in sizes)]
    return ReducedPanel(np.stack([v.T @ v for v in parts]), sizes.astype(np.float64), number.astype(np.float64))


@leaf
def _times(matrix, theta, u):
    """Product of a symmetric matrix with (1, -theta), as sums of four rows at a time: that vectorises without fastmath."""
    q, i = u.shape[0], 1
    for j in range(q):
        u[j] = matrix[0, j]
    while i + 3 < q:
        a, b, c, d = theta[i - 1], theta[i], theta[i + 1], theta[i + 2]
        for j in range(q):
            u[j] -= (a * matrix[i, j] + b * matrix[i + 1, j]) + (c * matrix[i + 2, j] + d * matrix[i + 3, j])
        i += 4
    while i < q:
        a = theta[i - 1]
        for j in range(q):
            u[j] -= a * matrix[i, j]
        i += 1


@kernel
def panel_likelihood(theta, log_sigma, log_tau, products, rows_per_worker, workers):
    """(log likelihood, its gradient in theta (P,), in log sigma and in log tau)."""
    q, classes = theta.shape[0] + 1, rows_per_worker.shape[0]
    sigma2, tau2 = math.exp(2.0 * log_sigma), math.exp(2.0 * log_tau)
    n, groups = 0.0, 0.0
    for k in range(classes):
        n += rows_per_worker[k] * workers[k]
        groups += workers[k]
    value = n * math.log(2.0 * math.pi) + (n - groups) * math.log(sigma2)
    d_sigma, d_tau = -(n - groups), 0.0
    u, gradient = np.empty(q), np.zeros(q - 1)
    for block in range(classes + 1):
        _times(products[block], theta, u)
        square = u[0]
        for j in range(1, q):
            square -= theta[j - 1] * u[j]
        variance = sigma2 if block == 0 else sigma2 + rows_per_worker[block - 1] * tau2
        for j in range(1, q):
            gradient[j - 1] += u[j] / variance
        value += square / variance
        if block == 0:
            d_sigma += square / sigma2
        else:
            here, t = workers[block - 1], rows_per_worker[block - 1]
            value += here * math.log(variance)
            slope = here / variance - square / variance**2
            d_sigma -= sigma2 * slope
            d_tau -= tau2 * t * slope
    return -0.5 * value, gradient, d_sigma, d_tau


def worker_effects(
    residual: np.ndarray, worker: np.ndarray, sigma: float, tau: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(labels, means, standard deviations) of the effects given everything else; residuals y - W theta (N,)."""
    labels, row, counts = np.unique(worker, return_inverse=True, return_counts=True)
    mean = np.bincount(row, residual) / counts
    shrink = counts * tau**2 / (sigma**2 + counts * tau**2)
    return labels, shrink * mean, np.sqrt(sigma**2 * tau**2 / (sigma**2 + counts * tau**2))


def weighted_log_likelihood(residual: np.ndarray, worker: np.ndarray, precision: np.ndarray, tau: float) -> np.ndarray:
    """(workers,) log likelihood of each worker's rows (N,) with row precisions: unequal variances, or t given its weights."""
    _, row = np.unique(worker, return_inverse=True)
    a, b, c, logs = (np.bincount(row, v) for v in (precision, precision * residual, precision * residual**2, np.log(precision)))
    rows = np.bincount(row)
    spread = 1.0 + tau**2 * a
    return -0.5 * (rows * np.log(2.0 * np.pi) - logs + np.log(spread) + c - tau**2 * b**2 / spread)
