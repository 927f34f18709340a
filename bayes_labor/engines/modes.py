"""Where the posterior has its modes, how much mass each holds, and where chains should therefore start.

Output has a cusp at beta = 0 and the technology is nearly linear again as beta approaches -1, so the posterior may have a mode
on each side that no sampler crosses. Each sign is climbed from the model's own starting point; Laplace's approximation
weighs what is found. Chains start in every mode that holds at least :data:`SMALLEST_SHARE` of the mass, the others are
named in the report.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize

SMALLEST_SHARE = 0.01
_SAME = 0.5  # two optima closer than this in posterior standard deviations, per root dimension, are one mode
_STEP = 1e-4
_EVALUATIONS = 300  # of one climb
_ROUNDS = 2  # of climbing in the coordinates of the curvature where the last one ended


@dataclass(frozen=True)
class Mode:
    """A local optimum of the log density in unconstrained coordinates."""

    point: np.ndarray
    log_density: float
    covariance: np.ndarray
    log_mass: float


def log_density_of(compiled: Any) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """(log density, gradient) of a model compiled by nutpie, as a Python function of the unconstrained vector.

    The function that nutpie calls is used as it is: nothing is compiled again. A point without density gives minus infinity.
    """
    pointer = ctypes.POINTER(ctypes.c_double)

    def call(x: np.ndarray) -> tuple[float, np.ndarray]:
        x = np.ascontiguousarray(x, dtype=np.float64)
        gradient, value = np.zeros_like(x), np.zeros(1)
        # The user data are bare addresses: the compiled model, which owns what they point to, must live as long as this.
        outcome = compiled.compiled_logp_func.ctypes(
            x.size,
            x.ctypes.data_as(pointer),
            gradient.ctypes.data_as(pointer),
            value.ctypes.data_as(pointer),
            compiled.user_data.ctypes.data,
        )
        return (float(value[0]), gradient) if outcome == 0 else (-np.inf, np.zeros_like(x))

    return call


def find_modes(
    log_density: Callable[[np.ndarray], tuple[float, np.ndarray]], starts: list[np.ndarray], held: np.ndarray | None = None
) -> list[Mode]:
    """Distinct local optima reached from the starts, the heaviest first.

    ``held`` marks coordinates that stay at their starting values until the others have settled: beta's, since a climb from far
    away otherwise jumps over the cusp at zero and ends in a mode that holds no mass.
    """
    return distinct([m for start in starts if (m := _climb(log_density, start, held)) is not None])


def distinct(modes: list[Mode]) -> list[Mode]:
    """The modes without repetitions, the heaviest first."""
    kept: list[Mode] = []
    for mode in sorted(modes, key=lambda m: -m.log_mass):
        if not any(_same(mode, other) for other in kept):
            kept.append(mode)
    return kept


def shares(modes: list[Mode]) -> np.ndarray:
    """Share of the posterior mass of each mode, by Laplace's approximation."""
    mass = np.array([m.log_mass for m in modes])
    weight = np.exp(mass - mass.max())
    found: np.ndarray = weight / weight.sum()
    return found


def _climb(
    log_density: Callable[[np.ndarray], tuple[float, np.ndarray]], start: np.ndarray, held: np.ndarray | None
) -> Mode | None:
    if not np.isfinite(log_density(start)[0]):
        return None
    x = start
    if held is not None and held.any():
        x = _ascend(log_density, x, np.eye(len(x))[:, ~held])
    for _ in range(_ROUNDS):
        values, vectors = _curvature(log_density, x)
        x = _ascend(log_density, x, vectors / np.sqrt(values))
    values, vectors = _curvature(log_density, x)
    found = log_density(x)[0]
    log_mass = found + 0.5 * len(values) * np.log(2 * np.pi) - 0.5 * np.log(values).sum()
    return Mode(x, found, (vectors / values) @ vectors.T, float(log_mass))


def _ascend(
    log_density: Callable[[np.ndarray], tuple[float, np.ndarray]], start: np.ndarray, directions: np.ndarray
) -> np.ndarray:
    """Climb within the span of the columns of ``directions``, each scaled to about one standard deviation."""

    def negative(y: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = log_density(start + directions @ y)
        return (-value, -directions.T @ gradient) if np.isfinite(value) else (1e12, np.zeros_like(y))

    options = {"maxiter": _EVALUATIONS, "maxfun": _EVALUATIONS}
    found = optimize.minimize(negative, np.zeros(directions.shape[1]), jac=True, method="L-BFGS-B", options=options)  # type: ignore[call-overload]
    top: np.ndarray = start + directions @ found.x
    return top


def _curvature(log_density: Callable[[np.ndarray], tuple[float, np.ndarray]], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors of minus the Hessian, positive."""
    values, vectors = np.linalg.eigh(-_hessian(log_density, x))
    # Where the density is flat or the optimum sits on a kink, a unit scale (the coordinates are standardised) bounds the width.
    return np.clip(values, 1.0, None), vectors


def _hessian(log_density: Callable[[np.ndarray], tuple[float, np.ndarray]], x: np.ndarray) -> np.ndarray:
    rows = []
    for i in range(len(x)):
        step = np.zeros_like(x)
        step[i] = _STEP
        rows.append((log_density(x + step)[1] - log_density(x - step)[1]) / (2 * _STEP))
    hessian = np.array(rows)
    found: np.ndarray = 0.5 * (hessian + hessian.T)
    return found


def _same(a: Mode, b: Mode) -> bool:
    gap = a.point - b.point
    distance = gap @ np.linalg.solve(0.5 * (a.covariance + b.covariance), gap)
    return bool(distance < _SAME * len(gap) or np.abs(gap).max() < 0.05)
