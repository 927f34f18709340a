r"""A logit panel with one effect per worker: the effect integrated out, or removed by conditioning on the worker's total.

Rows of a worker are adjacent, ``offsets`` cut them into workers. Section 7a of the specification.
"""

import math

import numpy as np

from bayes_labor.numerics.compilation import kernel, leaf, reordering_leaf
from bayes_labor.numerics.normal import HALF_LOG_2PI
from bayes_labor.numerics.ragged import largest_row

NODES = 32
"""Of the trapezoid around the mode of a worker whose integrand is nearly normal; others have as many more as they are wider."""
_REACH = 8.0  # of the nodes, in standard deviations of the integrand around its mode; nowhere is it wider than a normal's 8
_FALL = 32.0  # of the log integrand from its mode to the ends of the nodes
_FARTHER = 1.5  # times as far where it has not fallen so much
_MOST = 2000  # nodes, whatever tau: enough for tau of 80; a sampler that strays farther must come back
_POLES = 0.65  # spacing times tau: the logistic's poles are pi / tau away from the nodes
_NEWTON = 30
_NEAR = 0.2  # standard deviations within which the mode is found
_LARGEST = 600.0  # log odds of a worker added up, below which products of odds stay in float64


@leaf
def _center(odds, rows, wins, tau):
    """(near the mode, standard deviation there) of the standardised effect's posterior, by a few Newton steps.

    The trapezoid sums an analytic function over the whole line: where exactly its nodes lie does not matter.
    """
    v, curvature = 0.0, 1.0
    for _ in range(_NEWTON):
        slope, curvature, factor = wins * tau - v, 1.0, math.exp(tau * v)
        for i in range(rows):
            p = 1.0 - 1.0 / (1.0 + odds[i] * factor)
            slope -= tau * p
            curvature += tau * tau * p * (1.0 - p)
        step = slope / curvature
        v += min(max(step, -2.0), 2.0)
        if step * step * curvature < _NEAR * _NEAR:
            break
    return v, 1.0 / math.sqrt(curvature)


@leaf
def _fallen(odds, index, rows, wins, tau, center, v, near):
    """How much lower the log integrand is at v than at its mode; by products of odds where these are ``near`` enough to 1."""
    fall = 0.5 * (v * v - center * center) - wins * tau * (v - center)
    if near:
        at, mode, above, below = math.exp(tau * v), math.exp(tau * center), 1.0, 1.0
        for i in range(rows):
            above *= 1.0 + odds[i] * at
            below *= 1.0 + odds[i] * mode
        return fall + math.log(above) - math.log(below)
    for i in range(rows):
        x, y = index[i] + tau * v, index[i] + tau * center
        fall += max(x, 0.0) + math.log1p(math.exp(-abs(x))) - max(y, 0.0) - math.log1p(math.exp(-abs(y)))
    return fall


@leaf
def _reach(odds, index, rows, wins, tau, center, width, side, near):
    """How far from the mode, to one side, the integrand must be summed."""
    reach = _REACH * width
    while reach < _REACH and _fallen(odds, index, rows, wins, tau, center, center + side * reach, near) < _FALL:
        reach *= _FARTHER
    return min(reach, _REACH)


@leaf
def _weigh(odds, rows, wins, tau, start, spacing, nodes, center, product, weight, chance):
    """Fill (rows, nodes) chances and (nodes,) weights, the integrand over its value at the center but for the chances there.

    On evenly spaced nodes every exponential is a product of the last one's: none is computed inside. Returns the sum of
    the weights, and of the weights times the nodes.
    """
    factor, ratio = math.exp(tau * start), math.exp(tau * spacing)
    for q in range(nodes):
        product[q], weight[q] = 1.0, factor
        factor *= ratio
    for i in range(rows):
        row, o = chance[i], odds[i]
        for q in range(nodes):
            e = 1.0 + o * weight[q]
            product[q] *= e
            row[q] = 1.0 - 1.0 / e
    normal, bend = math.exp(0.5 * (center * center - start * start)), math.exp(-spacing * (start + 0.5 * spacing))
    lift, tilt = math.exp(-spacing * spacing), math.exp(wins * tau * spacing)
    won = math.exp(wins * tau * (start - center))
    mass, moment = 0.0, 0.0
    for q in range(nodes):
        weight[q] = normal * won / product[q]
        mass += weight[q]
        moment += weight[q] * (start + q * spacing)
        normal, bend, won = normal * bend, bend * lift, won * tilt
    return mass, moment


@leaf
def _weigh_by_logs(index, rows, wins, tau, start, spacing, nodes, weight, chance):
    """As :func:`_weigh` where products would leave float64's range, relative to the exponential of the third result."""
    top = -math.inf
    for q in range(nodes):
        v = start + q * spacing
        value = wins * tau * v - 0.5 * v * v
        for i in range(rows):
            x = index[i] + tau * v
            e = math.exp(-abs(x))
            value -= max(x, 0.0) + math.log1p(e)
            chance[i, q] = 1.0 / (1.0 + e) if x > 0.0 else e / (1.0 + e)
        weight[q] = value
        top = max(top, value)
    mass, moment = 0.0, 0.0
    for q in range(nodes):
        weight[q] = math.exp(weight[q] - top)
        mass += weight[q]
        moment += weight[q] * (start + q * spacing)
    return mass, moment, top


@reordering_leaf
def _expectations(row, weight, nodes, start, spacing):
    """Sums over nodes of weight times chance, and of that times the node."""
    first, second = 0.0, 0.0
    for q in range(nodes):
        x = weight[q] * row[q]
        first += x
        second += x * (start + q * spacing)
    return first, second


@kernel
def marginal_logit(index, log_tau, won, offsets, nodes):
    """(log likelihood, its derivative in the index (N,) and in log tau (G,)): effects tau_i v, v ~ N(0, 1), integrated out.

    Parameters: ``index`` (N,) log odds without the effect; ``log_tau`` (G,) by worker; ``won`` (N,) 0 or 1; ``offsets``
    (G + 1,); ``nodes``, how many where the integrand is nearly normal: the error of a worker is about 1e-9 with 32.
    """
    workers, n = offsets.shape[0] - 1, index.shape[0]
    d_index, d_tau, total = np.zeros(n), np.zeros(workers), 0.0
    longest, most = largest_row(offsets, 0, workers), nodes
    product, weight, odds, chance = np.empty(most), np.empty(most), np.empty(longest), np.empty((longest, most))
    for g in range(workers):
        first, rows, tau = offsets[g], offsets[g + 1] - offsets[g], math.exp(log_tau[g])
        wins, extreme = 0.0, 0.0
        for i in range(rows):
            x = index[first + i]
            odds[i] = math.exp(min(max(x, -_LARGEST), _LARGEST))
            extreme = max(extreme, abs(x))
            if won[first + i] > 0.0:
                wins += 1.0
                total += x
        own = index[first : first + rows]
        center, width = _center(odds, rows, wins, tau)
        near = rows * (extreme + tau * (abs(center) + _REACH)) < _LARGEST
        below = _reach(odds, own, rows, wins, tau, center, width, -1.0, near)
        above = _reach(odds, own, rows, wins, tau, center, width, 1.0, near)
        finest = min(2.0 * _REACH * width, _POLES / tau * (NODES - 1)) / (nodes - 1)
        used = math.ceil((below + above) / max(finest, (below + above) / _MOST)) + 1
        spacing, start = (below + above) / (used - 1), center - below
        if used > most:
            most = used
            product, weight, chance = np.empty(most), np.empty(most), np.empty((longest, most))
        if near:
            mass, moment = _weigh(odds, rows, wins, tau, start, spacing, used, center, product, weight, chance)
            top = center * (wins * tau - 0.5 * center)
        else:
            mass, moment, top = _weigh_by_logs(own, rows, wins, tau, start, spacing, used, weight, chance)
        total += top + math.log(mass * spacing) - HALF_LOG_2PI
        d_tau[g] += tau * wins * moment / mass
        for i in range(rows):
            p, moved = _expectations(chance[i], weight, used, start, spacing)
            d_index[first + i] = won[first + i] - p / mass
            d_tau[g] -= tau * moved / mass
    return total, d_index, d_tau


@leaf
def _log_add(a, b):
    if a < b:
        a, b = b, a
    return a if b == -math.inf else a + math.log1p(math.exp(b - a))


@kernel
def conditional_logit(index, won, offsets):
    """(log likelihood given each worker's total, its derivative in the index (N,)); workers who always or never won drop out.

    The normalising sums over all ways to win k times are built up row by row, from both ends.
    """
    d_index, total = np.zeros(index.shape[0]), 0.0
    for g in range(offsets.shape[0] - 1):
        first, last = offsets[g], offsets[g + 1]
        rows, wins = last - first, 0
        for i in range(first, last):
            wins += 1 if won[i] > 0.0 else 0
        if wins == 0 or wins == rows:
            continue
        before, after = np.full((rows + 1, wins + 1), -np.inf), np.full((rows + 1, wins + 1), -np.inf)
        before[0, 0], after[rows, 0] = 0.0, 0.0
        for t in range(rows):
            x, y = index[first + t], index[last - 1 - t]
            for k in range(wins + 1):
                before[t + 1, k] = before[t, k] if k == 0 else _log_add(before[t, k], before[t, k - 1] + x)
                after[rows - 1 - t, k] = (
                    after[rows - t, k] if k == 0 else _log_add(after[rows - t, k], after[rows - t, k - 1] + y)
                )
        whole = before[rows, wins]
        total -= whole
        for t in range(rows):
            i, won_here = first + t, -np.inf
            for k in range(wins):
                won_here = _log_add(won_here, before[t, k] + after[t + 1, wins - 1 - k])
            chance = math.exp(won_here + index[i] - whole)
            d_index[i] = won[i] - chance
            total += won[i] * index[i]
    return total, d_index
