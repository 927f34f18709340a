"""Value of a worker at a given wage: the same network, with the worker's own state and wage beside the pool of coworkers.

The wage enters the first layer only, linearly, so that finding the wage that delivers a value costs the upper layers a few
times. Section 4.7 of the specification.
"""

from typing import Any, NamedTuple

import numpy as np

from bayes_labor.numerics.compilation import kernel
from bayes_labor.theory.learning.network import Scales, Weights, first_layer, upper_layers

WAGE_SCALE, WAGE_SLOPE, VALUE_SCALE, WAGE_BOUND = 3.0, 1.2, 10.0, 40.0
_STEPS, _STEP = 60, 0.5


class WorkerNetwork(NamedTuple):
    """Value of a worker: h + 1.2 w + 10 times a network. Encodings of workers are those of the joint value's network."""

    scales: Scales
    weights: Weights
    own: Any
    """(5 + K, R) of one's own encoding and the wage."""


@kernel
def _first(c, log_z, log_q, n, pool, code, into):
    """Pre-activations at wage 0: those of the firm, with the worker's own encoding taken out of the pool and put beside it."""
    team, places = c.weights.team, c.weights.size.shape[0] - 1
    first_layer(c, log_z, log_q, n, pool, into)
    for k in range(len(code)):
        for r in range(len(into)):
            into[r] += code[k] * (c.own[k, r] - team[k, r] / places)


@kernel
def _at_wage(c, first, scratch, second, h, wage):
    scratch[:] = first + wage / WAGE_SCALE * c.own[c.own.shape[0] - 1]
    return h + WAGE_SLOPE * wage + VALUE_SCALE * upper_layers(c.weights, scratch, second)


@kernel
def contract_value(c, log_z, log_q, n, pool, code, log_h, wage):
    """Value of a worker with encoding ``code`` in a firm of n workers, himself among them in ``pool``."""
    width = len(c.weights.hidden_bias)
    first = np.empty(width)
    _first(c, log_z, log_q, n, pool, code, first)
    return _at_wage(c, first, np.empty(width), np.empty(width), np.exp(log_h), wage)


@kernel
def wage_for(c, log_z, log_q, n, pool, code, log_h, value, near):
    """The wage that delivers a value, within +-40; false position with halving (Illinois) to 1e-9 of the value.

    The search widens from ``near``: far from wages that workers have, the network was never trained, and need not rise.
    """
    width = len(c.weights.hidden_bias)
    first, scratch, second, h = np.empty(width), np.empty(width), np.empty(width), np.exp(log_h)
    _first(c, log_z, log_q, n, pool, code, first)
    low, step = near, _STEP
    below = _at_wage(c, first, scratch, second, h, low) - value
    if abs(below) < 1e-9:
        return near
    high, above = low, below
    while above < 0.0:
        if high >= WAGE_BOUND:
            return WAGE_BOUND
        low, below = high, above
        high, step = min(high + step, WAGE_BOUND), 2.0 * step
        above = _at_wage(c, first, scratch, second, h, high) - value
    while below > 0.0:
        if low <= -WAGE_BOUND:
            return -WAGE_BOUND
        high, above = low, below
        low, step = max(low - step, -WAGE_BOUND), 2.0 * step
        below = _at_wage(c, first, scratch, second, h, low) - value
    wage, side = low, 0
    for _ in range(_STEPS):
        if high - low < 1e-9 or above - below < 1e-12:
            return wage
        wage = (low * above - high * below) / (above - below)
        gap = _at_wage(c, first, scratch, second, h, wage) - value
        if abs(gap) < 1e-9:
            return wage
        if gap > 0.0:
            high, above = wage, gap
            if side == 1:
                below *= 0.5
            side = 1
        else:
            low, below = wage, gap
            if side == -1:
                above *= 0.5
            side = -1
    return wage
