"""Small dense linear algebra in kernels: systems of the size of a polynomial's coefficients.

numba's own ``np.linalg.solve`` is right too, but compiles for seconds in every kernel that mentions it.
"""

import numpy as np

from bayes_labor.numerics.compilation import kernel, leaf


@kernel
def solve_linear(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve ``matrix @ x = right`` (C,), by elimination with partial pivoting."""
    size = matrix.shape[0]
    a, x = matrix.copy(), right.copy()
    for c in range(size):
        pivot = c
        for r in range(c + 1, size):
            if abs(a[r, c]) > abs(a[pivot, c]):
                pivot = r
        for g in range(size):
            a[c, g], a[pivot, g] = a[pivot, g], a[c, g]
        x[c], x[pivot] = x[pivot], x[c]
        for r in range(c + 1, size):
            factor = a[r, c] / a[c, c]
            for g in range(c, size):
                a[r, g] -= factor * a[c, g]
            x[r] -= factor * x[c]
    for c in range(size - 1, -1, -1):
        for g in range(c + 1, size):
            x[c] -= a[c, g] * x[g]
        x[c] /= a[c, c]
    return x


@leaf
def dot(a: np.ndarray, b: np.ndarray) -> float:
    """Inner product."""
    total = 0.0
    for i in range(a.shape[0]):
        total += a[i] * b[i]
    return total


@leaf
def span_of(values: np.ndarray) -> tuple[float, float]:
    """(smallest, largest) of a vector."""
    low, high = values[0], values[0]
    for i in range(values.shape[0]):
        low, high = min(low, values[i]), max(high, values[i])
    return low, high


@leaf
def total_of(values: np.ndarray) -> float:
    """Sum of a vector."""
    total = 0.0
    for i in range(values.shape[0]):
        total += values[i]
    return total
