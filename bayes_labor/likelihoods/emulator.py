"""Gaussian processes that stand in for a model that is slow to solve: moments as functions of parameters, with their error.

Each moment is a linear trend plus a process with a squared exponential kernel and one length per parameter; lengths, spread and
noise maximise the marginal likelihood. Parameters are given standardised by their prior.
Section 7.3 of the specification of learning on the job.
"""

from typing import NamedTuple

import numpy as np
from scipy import linalg, optimize

from bayes_labor.numerics.compilation import kernel

_BOUNDS = {"length": (np.log(0.1), np.log(100.0)), "spread": (np.log(1e-2), np.log(1e2)), "noise": (np.log(1e-4), np.log(1.0))}


class Emulator(NamedTuple):
    """K processes over N points of D parameters, on outputs in standard deviations."""

    points: np.ndarray
    """(N, D) standardised parameters."""
    trend: np.ndarray
    """(K, D + 1) in outputs, the constant last; the rest is in standard deviations of what the trend leaves."""
    scale: np.ndarray
    """(K,) that standard deviation."""
    rate: np.ndarray
    """(K, D) 1 / length^2; ``spread`` (K,) is the variance of the process, ``noise`` (K,) of the outputs' own error."""
    spread: np.ndarray
    noise: np.ndarray
    weights: np.ndarray
    """(K, N) inverse covariance times outputs; ``root`` (K, N, N) the inverse of its lower Cholesky factor, for variances
    that are small differences."""
    root: np.ndarray
    left_out: np.ndarray
    """(K,) root mean square error of points left out, in standard deviations of the outputs."""
    inflation: np.ndarray
    """(K,) by which the variance is multiplied so that errors of points left out are as large as it says; at least 1."""


def fit_emulator(points: np.ndarray, outputs: np.ndarray, starts: int = 2, seed: int = 0) -> Emulator:
    """Fit all processes.

    Parameters
    ----------
    points
        (N, D) standardised parameters.
    outputs
        (N, K) moments.
    starts, seed
        Points from which the likelihood is climbed, the first fixed.

    Raises
    ------
    ValueError
        For shapes that do not fit, missing values, too few points, or an output that does not vary.

    """
    x, y = np.asarray(points, dtype=np.float64), np.asarray(outputs, dtype=np.float64)
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y):
        raise ValueError(f"points {x.shape} and outputs {y.shape}: one row per point in both")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("points or outputs are not finite: leave out points at which the model could not be solved")
    if len(x) < x.shape[1] + 5:
        raise ValueError(
            f"{len(x)} points for {x.shape[1]} parameters: give at least {x.shape[1] + 5}, better ten per parameter"
        )
    if not (y.std(0) > 0).all():
        raise ValueError(f"outputs {np.flatnonzero(y.std(0) == 0).tolist()} do not vary: leave them out")
    basis = np.column_stack([x, np.ones(len(x))])
    trend = np.linalg.lstsq(basis, y, rcond=None)[0].T
    rest = y - basis @ trend.T
    scale = np.maximum(rest.std(0), 1e-10 * y.std(0))
    rng = np.random.default_rng(seed)
    found = [_fit_one(x, r, rng, starts) for r in (rest / scale).T]
    rate, spread, noise, weights, root = (np.stack(v) for v in zip(*found, strict=True))
    claimed = 1.0 / (root**2).sum(1)
    error = weights * claimed
    inflation = np.maximum((error**2 / claimed).mean(1), 1.0)
    left_out = np.sqrt((error**2).mean(1)) * scale / y.std(0)
    return Emulator(x, trend, scale, rate, spread, noise, weights, root, left_out, inflation)


def _fit_one(x: np.ndarray, y: np.ndarray, rng: np.random.Generator, starts: int) -> tuple[np.ndarray, ...]:
    d = x.shape[1]
    bounds = [_BOUNDS["length"]] * d + [_BOUNDS["spread"], _BOUNDS["noise"]]
    low, high = np.array(bounds).T
    first = np.append(np.full(d, 0.7), [0.0, np.log(1e-2)])
    tries = [first] + [rng.uniform(0.5 * low, 0.5 * high) for _ in range(starts - 1)]
    apart = (x[:, None, :] - x[None, :, :]) ** 2
    results = [optimize.minimize(_minus_evidence, t, (apart, y), jac=True, method="L-BFGS-B", bounds=bounds) for t in tries]
    best = min(results, key=lambda r: r.fun).x
    rate, spread, noise = np.exp(-2.0 * best[:d]), np.exp(best[d]), np.exp(best[d + 1])
    covariance = spread * np.exp(-0.5 * apart @ rate) + noise * np.eye(len(y))
    root = linalg.solve_triangular(linalg.cholesky(covariance, lower=True), np.eye(len(y)), lower=True)
    return rate, spread, noise, root.T @ (root @ y), root


def _minus_evidence(at: np.ndarray, apart: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Minus the log marginal likelihood, and its gradient in log lengths, log spread and log noise."""
    d, n = apart.shape[2], len(y)
    rate, spread, noise = np.exp(-2.0 * at[:d]), np.exp(at[d]), np.exp(at[d + 1])
    smooth = spread * np.exp(-0.5 * apart @ rate)
    factor = linalg.cho_factor(smooth + (noise + 1e-10 * spread) * np.eye(n), lower=True)
    weights, inverse = linalg.cho_solve(factor, y), linalg.cho_solve(factor, np.eye(n))
    value = 0.5 * y @ weights + np.log(np.diag(factor[0])).sum()
    pull = 0.5 * (inverse - np.outer(weights, weights))
    slopes = np.einsum("ij,ij,ijd->d", pull, smooth, apart) * rate
    return float(value), np.append(slopes, [(pull * smooth).sum(), noise * np.trace(pull)])


@kernel
def emulate(x, points, trend, scale, rate, spread, weights, root, inflation):
    """((K,) moments, (K,) variances of their error, (K, D) and (K, D) their gradients) at standardised parameters x (D,)."""
    n, d, k = points.shape[0], points.shape[1], scale.shape[0]
    mean, variance, d_mean, d_variance = np.empty(k), np.empty(k), np.empty((k, d)), np.empty((k, d))
    near, solved = np.empty(n), np.empty(n)
    for o in range(k):
        for i in range(n):
            total = 0.0
            for j in range(d):
                total += rate[o, j] * (x[j] - points[i, j]) ** 2
            near[i] = spread[o] * np.exp(-0.5 * total)
        solved[:] = 0.0
        value, known = 0.0, 0.0
        for i in range(n):
            value += near[i] * weights[o, i]
            a = 0.0
            for j in range(i + 1):
                a += root[o, i, j] * near[j]
            known += a * a
            for j in range(i + 1):
                solved[j] += a * root[o, i, j]
        size = scale[o] ** 2 * inflation[o]
        mean[o] = trend[o, d] + scale[o] * value
        variance[o] = size * max(spread[o] - known, 0.0)
        inside = 1.0 if spread[o] > known else 0.0
        for j in range(d):
            mean[o] += trend[o, j] * x[j]
            slope, bend = 0.0, 0.0
            for i in range(n):
                gap = near[i] * rate[o, j] * (points[i, j] - x[j])
                slope += gap * weights[o, i]
                bend += gap * solved[i]
            d_mean[o, j] = trend[o, j] + scale[o] * slope
            d_variance[o, j] = -2.0 * size * bend * inside
    return mean, variance, d_mean, d_variance
