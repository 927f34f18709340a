r"""A logit panel with one effect per worker: the effect integrated out, or removed by conditioning on the worker's total.

Rows of a worker are adjacent, ``offsets`` cut them into workers. Section 7a of the specification.
"""

import math

import numpy as np

from bayes_labor.theory.compilation import kernel, leaf
from bayes_labor.theory.ragged import largest_row

NODES = 21
"""Of the trapezoid around each worker's mode; the error of a worker is about 1e-9 where effects are of size 2 or less."""
_REACH = 8.0  # of the nodes, in standard deviations of the integrand around its mode
_NEWTON = 30


@leaf
def _chance(x):
    if x > 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


@leaf
def _mode(index, won, first, last, tau):
    """(mode, standard deviation there) of the standardised effect's posterior density, by Newton's method."""
    v, curvature = 0.0, 1.0
    for _ in range(_NEWTON):
        slope, curvature = -v, 1.0
        for i in range(first, last):
            p = _chance(index[i] + tau * v)
            slope += tau * (won[i] - p)
            curvature += tau * tau * p * (1.0 - p)
        step = slope / curvature
        v += min(max(step, -2.0), 2.0)
        if abs(step) < 1e-8:
            break
    return v, 1.0 / math.sqrt(curvature)


@leaf
def _log_joint(index, won, first, last, tau, v, chance):
    """Log density of a worker's outcomes and standardised effect, but for a constant; fills ``chance`` by row.

    One exponential per row: log(1 + e) of all rows is the logarithm of one product, whose factors lie between 1 and 2.
    """
    value, product = -0.5 * v * v, 1.0
    for i in range(first, last):
        x = index[i] + tau * v
        e = math.exp(-abs(x))
        inverse = 1.0 / (1.0 + e)
        product *= 1.0 + e
        chance[i - first] = inverse if x > 0.0 else e * inverse
        value += min(x, 0.0) if won[i] > 0.0 else min(-x, 0.0)
        if product > 1e200:
            value -= math.log(product)
            product = 1.0
    return value - math.log(product)


@kernel
def marginal_logit(index, log_tau, won, offsets, nodes):
    """(log likelihood, its derivative in the index (N,) and in log tau): worker effects tau v, v ~ N(0, 1), integrated out.

    Parameters: ``index`` (N,) log odds without the effect; ``won`` (N,) 0 or 1; ``offsets`` (G + 1,); ``nodes``, how many.
    """
    n, tau = index.shape[0], math.exp(log_tau)
    d_index, d_tau, total = np.zeros(n), 0.0, 0.0
    logs, at = np.empty(nodes), np.empty(nodes)
    chance = np.empty((nodes, largest_row(offsets, 0, offsets.shape[0] - 1)))
    spacing = 2.0 * _REACH / (nodes - 1)
    for g in range(offsets.shape[0] - 1):
        first, last = offsets[g], offsets[g + 1]
        center, width = _mode(index, won, first, last, tau)
        top = -math.inf
        for q in range(nodes):
            v = center + width * (q * spacing - _REACH)
            at[q] = v
            logs[q] = _log_joint(index, won, first, last, tau, v, chance[q])
            top = max(top, logs[q])
        mass = 0.0
        for q in range(nodes):
            logs[q] = math.exp(logs[q] - top)
            mass += logs[q]
        total += top + math.log(mass * width * spacing) - 0.5 * math.log(2.0 * math.pi)
        for q in range(nodes):
            share = logs[q] / mass
            for i in range(first, last):
                gap = share * (won[i] - chance[q, i - first])
                d_index[i] += gap
                d_tau += gap * tau * at[q]
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
