r"""The equation whose root the outside options are: newcomers who meet workplaces feasible under V are worth V on average.

Section 3 of the joint-production model. With feasibility weights :math:`w_e(b)` of the matches e at coefficients b of V,

.. math:: h(b) = \textstyle\sum_e w_e(b)\, s_e(b) = 0,

where for ``sampled`` matching :math:`s_e = \phi_e\,(v_e - \phi_e' b)` are the normal equations of the regression of
:math:`v_e = V_U + d\max(VMP_e - V_U, 0)` on the basis, and for ``exact`` matching :math:`s_e` is v less V at the nodes.
One pass over the matches gives h and its Jacobian.

Newton's method finds the root in a few steps almost everywhere. Where the workplaces of an industry are just about to stop
covering their outside options their weights fall from one to nothing within a small change of V, and it may then cycle, or run
to where no workplace counts. There V is adjusted towards what newcomers are worth under it, by smaller steps when it swings,
which has a root between the least and the largest such worth whenever weights are smooth.
"""

import math
from typing import NamedTuple

import numpy as np

from bayes_labor.numerics.chebyshev import fill_basis, node
from bayes_labor.numerics.compilation import kernel, leaf
from bayes_labor.numerics.linear import dot, solve_linear
from bayes_labor.theory.joint_production.assignment import all_finite
from bayes_labor.theory.joint_production.status import Status

MAX_ITERATIONS = 100
PLAIN, ADJUSTED = 12, 1000  # iterations of Newton's method before V is adjusted, and of adjusting
FASTER, SLOWER = 1.1, 0.5  # steps of adjusting, after one in the same direction and after a swing
BETTER = 0.25  # what must be left of a change after a step of Newton's method for it to be taken
PAUSE, LONGEST_PAUSE = 4, 64  # steps before it is tried again, twice as many each time that it led nowhere
ROUNDING = 1e-9  # a surplus this close to zero, relative to revenue, is zero: V is interpolated
COUNTS = 0.01  # a match counts if its workplace weighs at least this much of a feasible one
SETTLED = 1e-12  # change of the coefficients, relative to the largest
LEAST_MASS = 1e-8  # of the feasible matches, per match


class MapInputs(NamedTuple):
    """What the equation depends on, besides V."""

    total: np.ndarray  # (E,) revenue of the matched workplaces
    size: np.ndarray  # (E,) their workers
    moments: np.ndarray  # (E, C) sums of V's basis over their workers
    weight: np.ndarray  # (E,) number of workplaces each stands for
    worth: np.ndarray  # (E, J) value marginal products of the newcomers
    basis: np.ndarray  # (E, C) at the newcomers' index; with nodes (J, C) at the nodes
    power: float
    floor: float
    softness: float  # wage units per worker; 0: hard weights
    nodes: int


@leaf
def is_feasible(total, surplus):
    """Whether a workplace covers the outside options of its workers, up to rounding."""
    return surplus >= -ROUNDING * total


@leaf
def feasibility(m, b, e):
    """(weight of match e, its derivative in the surplus) at coefficients b."""
    surplus = m.total[e]
    for c in range(b.shape[0]):
        surplus -= m.moments[e, c] * b[c]
    if m.softness == 0.0:
        return (m.weight[e] if is_feasible(m.total[e], surplus) else 0.0), 0.0
    unit = 1.0 / (m.size[e] * m.softness)
    w = 1.0 / (1.0 + math.exp(-min(max(surplus * unit, -700.0), 700.0)))
    return m.weight[e] * w, m.weight[e] * w * (1.0 - w) * unit


@leaf
def gain(m, e, j):
    """max(VMP - V_U, 0)."""
    return max(m.worth[e, j] - m.floor, 0.0)


@leaf
def residual(m, b, e, j):
    """What the j-th newcomer of match e gets beyond V."""
    row, r = (j if m.nodes else e), m.floor + m.power * gain(m, e, j)
    for c in range(b.shape[0]):
        r -= m.basis[row, c] * b[c]
    return r


@leaf
def fill_score(m, b, e, score):
    """s_e at coefficients b."""
    if m.nodes:
        for j in range(m.nodes):
            score[j] = residual(m, b, e, j)
    else:
        r = residual(m, b, e, 0)
        for c in range(score.shape[0]):
            score[c] = m.basis[e, c] * r


@leaf
def fill_system(m, b, all_count, held_weights, score, h, jacobian):
    """Fill h and minus its derivative in b (C, C); return the sum of weights.

    ``all_count``: weights as without feasibility. ``held_weights``: the derivative at the weights of b, so that one step leads
    to what newcomers are worth under V.
    """
    size, mass = h.shape[0], 0.0
    h[:], jacobian[:] = 0.0, 0.0
    for e in range(m.weight.shape[0]):
        w, slope = (m.weight[e], 0.0) if all_count else feasibility(m, b, e)
        slope = 0.0 if held_weights else slope
        if w == 0.0:
            continue
        mass += w
        fill_score(m, b, e, score)
        for c in range(size):
            h[c] += w * score[c]
            moved, held = slope * score[c], (0.0 if m.nodes else w * m.basis[e, c])
            for g in range(size):
                jacobian[c, g] += moved * m.moments[e, g] + (0.0 if m.nodes else held * m.basis[e, g])
    for c in range(size):
        if m.nodes:
            for g in range(size):
                jacobian[c, g] += mass * m.basis[c, g]
        else:
            jacobian[c, c] += 1e-14 * mass  # all z equal: the constant alone is determined
    return mass


@leaf
def determined(m, b):
    """Whether enough matches count to tell all coefficients; at nodes a single workplace does."""
    if m.nodes:
        return True
    count = 0
    for e in range(m.weight.shape[0]):
        count += feasibility(m, b, e)[0] >= COUNTS * m.weight[e]
    return count >= b.shape[0]


@kernel
def basis_at_nodes(nodes):
    """(J, C) basis at the nodes."""
    basis = np.empty((nodes, nodes))
    for j in range(nodes):
        fill_basis(node(j, nodes), basis[j])
    return basis


@kernel
def find_root(m):
    """Coefficients of V from where every workplace counts: (coefficients, iterations, status)."""
    b, iterations, status = find_root_from(m, np.zeros(m.moments.shape[1]), True, PLAIN)
    if status == Status.OK.value or status == Status.TOO_FEW_MATCHES.value:
        return b, iterations, status
    b, more, status = adjust(m)
    return b, iterations + more, status


@kernel
def adjust(m):
    """V adjusted towards what newcomers are worth under it: (coefficients, iterations, status)."""
    n, size = m.weight.shape[0], m.moments.shape[1]
    score, h, jacobian = np.empty(size), np.empty(size), np.empty((size, size))
    b, last, share, wait, pause, taken = np.zeros(size), np.zeros(size), 1.0, 0, PAUSE, False
    fill_system(m, b, True, True, score, h, jacobian)
    b += solve_linear(jacobian, h)
    for iteration in range(ADJUSTED):
        mass = fill_system(m, b, False, True, score, h, jacobian)
        step = solve_linear(jacobian, h)
        change, largest = np.max(np.abs(step)), np.max(np.abs(b))
        if not mass > 0.0:
            return b, iteration, Status.NO_FEASIBLE_WORKPLACE.value
        if not all_finite(step):
            return b, iteration, Status.NON_FINITE.value
        if change <= SETTLED * (1.0 + largest):
            b += step
            if not mass > LEAST_MASS * n:
                return b, iteration, Status.NO_FEASIBLE_WORKPLACE.value
            return b, iteration, Status.OK.value if determined(m, b) else Status.TOO_FEW_MATCHES.value
        if iteration > 0:
            share = share * SLOWER if dot(step, last) < 0.0 else min(1.0, share * FASTER)
        if wait == 0:
            fill_system(m, b, False, False, score, h, jacobian)
            tried = b + solve_linear(jacobian, h)
            fill_system(m, tried, False, True, score, h, jacobian)
            if np.max(np.abs(solve_linear(jacobian, h))) <= BETTER * change:
                b[:], last[:], taken = tried, 0.0, True
                continue
            # Where a pair of equilibria has just vanished, changes are smallest, and Newton's method would stay for ever.
            pause = min(2 * pause, LONGEST_PAUSE) if taken else pause
            wait, taken = pause, False
        wait -= 1
        last[:] = step
        b += share * step
    return b, ADJUSTED, Status.NOT_CONVERGED.value


@kernel
def find_root_from(m, b, all_count, limit):
    """Newton's method from coefficients ``b``, or, with ``all_count``, from those where every workplace counts."""
    n, size = m.weight.shape[0], m.moments.shape[1]
    b, score, h, jacobian = b.copy(), np.empty(size), np.empty(size), np.empty((size, size))
    for iteration in range(limit + 1):
        if not fill_system(m, b, all_count and iteration == 0, False, score, h, jacobian) > LEAST_MASS * n:
            return b, iteration, Status.NO_FEASIBLE_WORKPLACE.value
        step = solve_linear(jacobian, h)
        change, largest = 0.0, 0.0
        for c in range(size):
            b[c] += step[c]
            change, largest = max(change, abs(step[c])), max(largest, abs(b[c]))
        if not all_finite(b):
            return b, iteration, Status.NON_FINITE.value
        if iteration > 0 and change <= SETTLED * (1.0 + largest):
            return b, iteration, Status.OK.value if determined(m, b) else Status.TOO_FEW_MATCHES.value
    return b, limit, Status.NOT_CONVERGED.value


@kernel
def pull_root(m, b, g_b):
    """Cotangent of h from that of its root."""
    size = b.shape[0]
    h, jacobian, transposed = np.empty(size), np.empty((size, size)), np.empty((size, size))
    fill_system(m, b, False, False, np.empty(size), h, jacobian)
    for c in range(size):
        for g in range(size):
            transposed[g, c] = jacobian[c, g]
    return solve_linear(transposed, g_b)
