r"""The map whose fixed point the outside options are: from a V(z) to the V(z) of newcomers who meet workplaces feasible under it.

Section 3 of the joint-production model. With feasibility weights :math:`w_e(b)` of the matches e at coefficients b,

.. math:: b' = P\,\textstyle\sum_e w_e s_e ,\qquad \partial b'/\partial w_e = P\,s_e,

where for ``sampled`` matching P is the inverse of the weighted Gram matrix of the basis and :math:`s_e = \phi_e r_e` with r
the residual of the regression; for ``exact``, P is the interpolation matrix over the total weight and :math:`s_e` the deviation
of d times the gains at the nodes from their mean. All sizes but the number of matches are that of the series.
"""

import math
from typing import NamedTuple

import numpy as np

from bayes_labor.theory.assignment import all_finite
from bayes_labor.theory.chebyshev import interpolation
from bayes_labor.theory.compilation import kernel, leaf
from bayes_labor.theory.linear import solve_linear, times, total_of
from bayes_labor.theory.status import Status

_MAX_ITERATIONS = 100
_ROUNDING = 1e-9  # a surplus this close to zero, relative to revenue, is zero: V is interpolated


class Matches(NamedTuple):
    """What the map depends on, besides V."""

    total: np.ndarray  # (E,) revenue of the matched workplaces
    size: np.ndarray  # (E,) their workers
    moments: np.ndarray  # (E, C) sums of V's basis over their workers
    weight: np.ndarray  # (E,) number of workplaces each stands for
    worth: np.ndarray  # (E, J) value marginal products of the newcomers
    basis: np.ndarray  # (E, C) at the newcomers' index; not used with nodes
    power: float
    floor: float
    softness: float
    nodes: int


class Image(NamedTuple):
    """One application of the map, with what its derivative needs."""

    coefficients: np.ndarray  # (C,)
    projection: np.ndarray  # (C, C) the Gram matrix, or P itself with nodes
    mean: np.ndarray  # (C,) mean gain at the nodes; zeros without


@leaf
def is_feasible(total, surplus):
    """Whether a workplace covers the outside options of its workers, up to rounding."""
    return surplus >= -_ROUNDING * total


@leaf
def feasibility(m, b, weight, slope):
    """Fill the weights of the matches and their derivatives in the surplus, at coefficients b."""
    for e in range(weight.shape[0]):
        surplus = m.total[e]
        for c in range(b.shape[0]):
            surplus -= m.moments[e, c] * b[c]
        if m.softness == 0.0:
            weight[e], slope[e] = (m.weight[e] if is_feasible(m.total[e], surplus) else 0.0), 0.0
        else:
            unit = m.size[e] * m.softness
            w = 1.0 / (1.0 + math.exp(-min(max(surplus / unit, -700.0), 700.0)))
            weight[e], slope[e] = m.weight[e] * w, m.weight[e] * w * (1.0 - w) / unit


@leaf
def gain(m, e, j):
    """max(VMP - V_U, 0)."""
    return max(m.worth[e, j] - m.floor, 0.0)


@kernel
def _at_nodes(m, weight):
    mass, mean = total_of(weight), np.zeros(m.nodes)
    for e in range(weight.shape[0]):
        for j in range(m.nodes):
            mean[j] += weight[e] * gain(m, e, j)
    values = np.empty(m.nodes)
    for j in range(m.nodes):
        mean[j] /= mass
        values[j] = m.floor + m.power * mean[j]
    matrix = interpolation(m.nodes)
    return Image(times(matrix, values), matrix / mass, mean)


@kernel
def _by_regression(m, weight):
    size = m.basis.shape[1]
    gram, right = np.zeros((size, size)), np.zeros(size)
    for e in range(weight.shape[0]):
        w, v = weight[e], m.floor + m.power * gain(m, e, 0)
        for c in range(size):
            a = w * m.basis[e, c]
            right[c] += a * v
            for g in range(c + 1):
                gram[c, g] += a * m.basis[e, g]
    for c in range(size):
        for g in range(c):
            gram[g, c] = gram[c, g]
        gram[c, c] += 1e-14 * gram[0, 0]  # all z equal: the constant alone is determined
    return Image(solve_linear(gram, right), gram, np.zeros(size))


@kernel
def apply_map(m, weight):
    """Coefficients of V from the weights of the matches."""
    return _at_nodes(m, weight) if m.nodes else _by_regression(m, weight)


@kernel
def project(m, image, vector):
    """P times a vector."""
    return times(image.projection, vector) if m.nodes else solve_linear(image.projection, vector)


@kernel
def project_back(m, image, vector):
    """P transposed times a vector."""
    return times(image.projection.T, vector) if m.nodes else solve_linear(image.projection, vector)


@leaf
def residual(m, image, e):
    """Gain of a sampled match beyond the regression's."""
    r = m.floor + m.power * gain(m, e, 0)
    for c in range(m.basis.shape[1]):
        r -= m.basis[e, c] * image.coefficients[c]
    return r


@leaf
def fill_score(m, image, e, score):
    """s_e: how the right-hand side moves with the weight of match e."""
    if m.nodes:
        for j in range(m.nodes):
            score[j] = m.power * (gain(m, e, j) - image.mean[j])
    else:
        r = residual(m, image, e)
        for c in range(score.shape[0]):
            score[c] = m.basis[e, c] * r


@leaf
def _add_moved(m, image, slope, score, moved):
    """Add to ``moved`` (C, C), transposed, how the map's right-hand side falls with each coefficient."""
    size = score.shape[0]
    for e in range(slope.shape[0]):
        if slope[e] > 0.0:
            fill_score(m, image, e, score)
            for g in range(size):
                a = slope[e] * m.moments[e, g]
                for c in range(size):
                    moved[g, c] += a * score[c]


@kernel
def one_minus_jacobian(m, image, slope):
    """Identity less the derivative of the map in the coefficients (C, C)."""
    size = m.moments.shape[1]
    moved, out = np.zeros((size, size)), np.empty((size, size))
    _add_moved(m, image, slope, np.empty(size), moved)
    for g in range(size):
        column = project(m, image, moved[g])
        for c in range(size):
            out[c, g] = (c == g) + column[c]
    return out


@kernel
def find_fixed_point(m):
    """Newton's method on the coefficients of V, from the one where every workplace counts.

    Returns (coefficients, iterations, status). With hard weights the map is locally constant and the step is the map itself.
    """
    n = m.weight.shape[0]
    weight, slope = np.empty(n), np.empty(n)
    b = apply_map(m, m.weight).coefficients
    for iteration in range(1, _MAX_ITERATIONS + 1):
        feasibility(m, b, weight, slope)
        if not total_of(weight) > 1e-8 * n:
            return b, iteration, Status.NO_FEASIBLE_WORKPLACE.value
        image = apply_map(m, weight)
        step = image.coefficients - b
        if m.softness > 0.0:
            step = solve_linear(one_minus_jacobian(m, image, slope), step)
        b = b + step
        if not all_finite(b):
            return b, iteration, Status.NON_FINITE.value
        change, largest = 0.0, 0.0
        for c in range(b.shape[0]):
            change, largest = max(change, abs(step[c])), max(largest, abs(b[c]))
        if change <= 1e-12 * (1.0 + largest):
            return b, iteration, Status.OK.value
    return b, _MAX_ITERATIONS, Status.NOT_CONVERGED.value
