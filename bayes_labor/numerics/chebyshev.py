"""Chebyshev series on a sample's range of the external index: how V(z) is held."""

import math

import numpy as np

from bayes_labor.numerics.compilation import leaf

HALF_WIDTH_FLOOR = 1e-3  # of the range of z in log units; at zero spread V is a constant and the nodes would coincide


@leaf
def domain_of(z: np.ndarray) -> tuple[float, float, int, int]:
    """(center, half-width with its floor, position of the smallest, of the largest)."""
    first, last = 0, 0
    for n in range(z.shape[0]):
        if z[n] < z[first]:
            first = n
        if z[n] > z[last]:
            last = n
    return 0.5 * (z[first] + z[last]), max(0.5 * (z[last] - z[first]), HALF_WIDTH_FLOOR), first, last


@leaf
def node(j: int, nodes: int) -> float:
    """The j-th Chebyshev node in (-1, 1)."""
    return math.cos(math.pi * (j + 0.5) / nodes)


@leaf
def fill_basis(u: float, values: np.ndarray) -> None:
    """Chebyshev polynomials T_0, T_1, ... at u."""
    values[0], values[1] = 1.0, u
    for c in range(2, values.shape[0]):
        values[c] = 2.0 * u * values[c - 1] - values[c - 2]


@leaf
def add_basis(u: float, weight: float, sums: np.ndarray) -> None:
    """Add ``weight`` times the polynomials at u to ``sums``."""
    before, now = 1.0, u
    sums[0] += weight
    for c in range(1, sums.shape[0]):
        sums[c] += weight * now
        before, now = now, 2.0 * u * now - before


@leaf
def series(coefficients: np.ndarray, u: float) -> float:
    """Value of a series at u, by Clenshaw's recurrence."""
    ahead, behind = 0.0, 0.0
    for c in range(coefficients.shape[0] - 1, 0, -1):
        ahead, behind = 2.0 * u * ahead - behind + coefficients[c], ahead
    return u * ahead - behind + coefficients[0]


@leaf
def differentiate(coefficients: np.ndarray, out: np.ndarray) -> None:
    """Fill ``out`` with the coefficients of the derivative in u; the last is zero."""
    size = coefficients.shape[0]
    out[size - 1] = 0.0
    for c in range(size - 1, 0, -1):
        out[c - 1] = (out[c + 1] if c + 1 < size else 0.0) + 2.0 * c * coefficients[c]
    out[0] *= 0.5
