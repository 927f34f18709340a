"""Small dense linear algebra in kernels: systems of the size of a polynomial's coefficients.

numba's own ``np.linalg.solve`` and ``@`` are right too, but compile for seconds in every kernel that mentions them.
"""

import numpy as np

from bayes_labor.theory.compilation import kernel, leaf


@kernel
def solve_linear_rows(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve ``matrix @ x[e] = right[e]`` for every row of right (E, C), by elimination with partial pivoting."""
    size = matrix.shape[0]
    a, x = matrix.copy(), right.copy()
    for c in range(size):
        pivot = c
        for r in range(c + 1, size):
            if abs(a[r, c]) > abs(a[pivot, c]):
                pivot = r
        for g in range(size):
            a[c, g], a[pivot, g] = a[pivot, g], a[c, g]
        for e in range(x.shape[0]):
            x[e, c], x[e, pivot] = x[e, pivot], x[e, c]
        for r in range(c + 1, size):
            factor = a[r, c] / a[c, c]
            for g in range(c, size):
                a[r, g] -= factor * a[c, g]
            for e in range(x.shape[0]):
                x[e, r] -= factor * x[e, c]
    for e in range(x.shape[0]):
        for c in range(size - 1, -1, -1):
            for g in range(c + 1, size):
                x[e, c] -= a[c, g] * x[e, g]
            x[e, c] /= a[c, c]
    return x


@kernel
def solve_linear(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve ``matrix @ x = right`` (C,)."""
    rows = np.empty((1, right.shape[0]))
    for c in range(right.shape[0]):
        rows[0, c] = right[c]
    return solve_linear_rows(matrix, rows)[0]


@kernel
def times(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """``matrix @ vector``."""
    out = np.zeros(matrix.shape[0])
    for r in range(matrix.shape[0]):
        for c in range(matrix.shape[1]):
            out[r] += matrix[r, c] * vector[c]
    return out


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
