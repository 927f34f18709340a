"""A quadratic form with its gradient in one pass: the log density of a normal vector in other coordinates."""

from bayes_labor.numerics.compilation import kernel, leaf


@leaf
def subtract_rows(x, matrix, out):
    """``out`` (Q,) less x' matrix (P, Q), four rows at a time: that vectorises without reordering any sum."""
    n, q, i = x.shape[0], out.shape[0], 0
    while i + 3 < n:
        a, b, c, d = x[i], x[i + 1], x[i + 2], x[i + 3]
        for j in range(q):
            out[j] -= (a * matrix[i, j] + b * matrix[i + 1, j]) + (c * matrix[i + 2, j] + d * matrix[i + 3, j])
        i += 4
    while i < n:
        a = x[i]
        for j in range(q):
            out[j] -= a * matrix[i, j]
        i += 1


@kernel
def quadratic_form(x, linear, matrix):
    """(linear' x - x' matrix x / 2, its gradient (P,)); the matrix (P, P) is symmetric."""
    gradient = linear.copy()
    subtract_rows(x, matrix, gradient)
    value = 0.0
    for j in range(x.shape[0]):
        value += 0.5 * x[j] * (gradient[j] + linear[j])
    return value, gradient
