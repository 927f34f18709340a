"""Pathfinder (Zhang, Carpenter, Gelman and Vehtari 2022): the best normal approximation along the way up to an optimum.

Where Laplace's approximation needs the Hessian at the top, which a kink or a cusp can spoil, Pathfinder takes the curvature
from the steps of the climb and keeps the point of the path whose normal distribution is closest to the posterior.
"""

import itertools
from collections.abc import Callable

import numpy as np
from scipy import optimize

from bayes_labor.engines.modes import Mode, distinct

_ITERATIONS = 500
_POINTS = 40  # of the path at which the evidence is estimated, evenly spread
_DRAWS = 8  # per point of the path, for its evidence lower bound
_CURVED = 1e-8  # a step along which the gradient changes less, relative to its length, tells nothing of the curvature

LogDensity = Callable[[np.ndarray], tuple[float, np.ndarray]]


def find_paths(log_density: LogDensity, starts: list[np.ndarray], seed: int) -> list[Mode]:
    """The best normal approximation on the path from each start, distinct ones only, the heaviest first.

    Parameters
    ----------
    log_density
        (value, gradient (P,)) of an unconstrained vector (P,).
    starts
        Where to climb from; those without density are left out.
    seed
        Of the draws that the evidence is estimated from.

    Returns
    -------
    list of Mode
        ``point`` and ``covariance`` of the normal approximation, ``log_mass`` its evidence lower bound.

    """
    found = [_best_on(log_density, start, np.random.default_rng([seed, i])) for i, start in enumerate(starts)]
    return distinct([f for f in found if f is not None])


def _best_on(log_density: LogDensity, start: np.ndarray, rng: np.random.Generator) -> Mode | None:
    if not np.isfinite(log_density(start)[0]):
        return None
    best: Mode | None = None
    curvatures = _curvatures(_climb(log_density, start))
    for i in sorted({round(i) for i in np.linspace(0, len(curvatures) - 1, _POINTS)} if curvatures else ()):
        point, gradient, inverse = curvatures[i]
        center = point + inverse @ gradient
        bound = _evidence_bound(log_density, center, inverse, rng)
        if best is None or bound > best.log_mass:
            best = Mode(center, log_density(center)[0], inverse, bound)
    return best


def _climb(log_density: LogDensity, start: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """(point, gradient) of every iterate of L-BFGS."""
    seen: dict[bytes, np.ndarray] = {}

    def negative(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = log_density(x)
        seen[x.tobytes()] = gradient
        return (-value, -gradient) if np.isfinite(value) else (1e12, np.zeros_like(x))

    path = [start]
    options = {"maxiter": _ITERATIONS}
    optimize.minimize(  # type: ignore[call-overload]
        negative, start, jac=True, method="L-BFGS-B", options=options, callback=lambda x: path.append(x.copy())
    )
    return [(x, seen[x.tobytes()]) for x in path if x.tobytes() in seen]


def _curvatures(path: list[tuple[np.ndarray, np.ndarray]]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(point, gradient, inverse of minus the Hessian) along a path, by the BFGS update of a scaled identity."""
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    inverse = np.eye(len(path[0][0]))
    for (x, g), (to, slope) in itertools.pairwise(path):
        step, change = to - x, g - slope
        bend = float(step @ change)
        if bend > _CURVED * float(step @ step):
            if not found:
                inverse *= bend / float(change @ change)
            shift = np.eye(len(step)) - np.outer(step, change) / bend
            inverse = shift @ inverse @ shift.T + np.outer(step, step) / bend
            found.append((to, slope, 0.5 * (inverse + inverse.T)))
    return found


def _evidence_bound(log_density: LogDensity, center: np.ndarray, covariance: np.ndarray, rng: np.random.Generator) -> float:
    """Mean of log density minus log normal density at draws of the normal; minus infinity if one has no density."""
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, 1e-12 * values[-1])
    standard = rng.standard_normal((_DRAWS, len(center)))
    densities = [log_density(center + vectors @ (np.sqrt(values) * z))[0] for z in standard]
    entropy = 0.5 * np.log(2 * np.pi * values).sum() + 0.5 * (standard**2).sum(1).mean()
    return float(np.mean(densities) + entropy) if np.isfinite(densities).all() else -np.inf
