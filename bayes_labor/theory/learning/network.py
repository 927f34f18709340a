"""Value functions of firms, whoever works there: a permutation-invariant network, or a table where workers come in few kinds.

The joint value is a network of log z, log q, output, the number of workers and the sum of what each worker is (the pool), so
that hiring, losing and swapping a worker are additions: values of all neighbouring firms cost one hidden layer each. Weights
are plain named tuples of arrays, which JAX trains (:mod:`bayes_labor.theory.learning.joint_value`) and the kernels here
evaluate for the simulator, in float64. Section 4.1 of the specification.
"""

from typing import Any, NamedTuple

import numpy as np
from numba.extending import overload

from bayes_labor.numerics.compilation import kernel
from bayes_labor.theory.learning.primitives import Parameters

PLAIN = 4
"""Features of a worker before those that are learnt: h^eta, h - 1, log h, log a, the logs in standard deviations."""
_INNER, _LEAST_SCALE = 32, 0.01


class Scales(NamedTuple):
    """What inputs and outputs are divided by, and the exponent of production."""

    eta: float
    log_z: float
    log_q: float
    log_h: float
    log_a: float
    value: float = 100.0


class Weights(NamedTuple):
    """Of the network; K learnt features of a worker, width R."""

    inner: Any
    """(3, 32) of log h, log a, h - 1; ``inner_bias`` (32,)."""
    inner_bias: Any
    encoder: Any
    """(32, K); the bias of a learnt feature is one of the number of workers, which ``size`` has."""
    team: Any
    """(4 + K, R) of the pool, per place in the firm."""
    size: Any
    """(n_max + 1, R) by number of workers: the biases of the first layer."""
    firm: Any
    """(4, R) of log z, log q, output per place, z times the sum of h - 1."""
    hidden: Any
    """(R, R); ``hidden_bias`` (R,)."""
    hidden_bias: Any
    last: Any
    """(R + 1,), the bias last."""


class ValueNetwork(NamedTuple):
    """Joint value of a firm and its workers."""

    scales: Scales
    weights: Weights


class ValueTable(NamedTuple):
    """Joint value of firms of K productivities with workers of H kinds who learn nothing; see :mod:`.finite`."""

    log_z: np.ndarray
    """(K,) productivities, increasing; ``log_h`` (H,) kinds, increasing."""
    log_h: np.ndarray
    place: np.ndarray
    """((n_max + 1)^H,) number of the composition with so many of each kind, the first kind's count varying slowest."""
    value: np.ndarray
    """(K, M) by productivity and composition."""


def scales(p: Parameters) -> Scales:
    """Scales at given parameters; where a distribution is degenerate, its feature is constant and any scale will do."""
    spread = (max(s, _LEAST_SCALE) for s in (p.sigma_z, p.sigma_q, p.sigma_h, p.sigma_a))
    return Scales(p.eta, *spread)


def draw_weights(rng: np.random.Generator, n_max: int, features: int = 16, width: int = 64) -> Weights:
    """Random weights, with a last layer of zeros, which policy iteration fills."""

    def normal(rows: int, columns: int) -> np.ndarray:
        return rng.normal(size=(rows, columns)) / np.sqrt(rows)

    return Weights(
        inner=normal(3, _INNER),
        inner_bias=rng.normal(size=_INNER),
        encoder=normal(_INNER, features),
        team=normal(PLAIN + features, width),
        size=0.5 * rng.normal(size=(n_max + 1, width)),
        firm=normal(4, width),
        hidden=normal(width, width),
        hidden_bias=0.5 * rng.normal(size=width),
        last=np.zeros(width + 1),
    )


def tabulate(value: np.ndarray, counts: np.ndarray, z: np.ndarray, h: np.ndarray) -> ValueTable:
    """(K, M) values of a finite economy, whose compositions are ``counts`` (M, H), as a table."""
    base = int(counts.sum(1).max()) + 1
    place = np.zeros(base ** len(h), np.int64)
    place[counts @ base ** np.arange(len(h) - 1, -1, -1)] = np.arange(len(counts))
    return ValueTable(np.log(z), np.log(h), place, np.ascontiguousarray(value))


@kernel
def silu(x):
    """X times its logistic function."""
    return x / (1.0 + np.exp(-x))


@kernel
def _encode_network(network, log_h, log_a, found):
    s, w = network.scales, network.weights
    h = np.exp(log_h)
    found[0], found[1] = h**s.eta, h - 1.0
    found[2], found[3] = log_h / s.log_h, log_a / s.log_a
    found[PLAIN:] = 0.0
    x, y = 0.5 * found[2], 0.5 * found[3]
    for i in range(len(w.inner_bias)):
        a = silu(x * w.inner[0, i] + y * w.inner[1, i] + found[1] * w.inner[2, i] + w.inner_bias[i])
        for k in range(w.encoder.shape[1]):
            found[PLAIN + k] += a * w.encoder[i, k]


@kernel
def first_layer(network, log_z, log_q, n, pool, into):
    """Pre-activations of the first layer, written into ``into`` (R,)."""
    s, w = network.scales, network.weights
    places = w.size.shape[0] - 1
    z = np.exp(log_z)
    made = z * pool[0] ** (1.0 / s.eta) if n > 0 else 0.0
    plain, term = w.firm, z * pool[1] if n > 0 else 0.0
    x, y, f = log_z / s.log_z, log_q / s.log_q, made / places - 0.5
    for r in range(len(into)):
        into[r] = w.size[n, r] + x * plain[0, r] + y * plain[1, r] + f * plain[2, r] + term * plain[3, r]
    if n > 0:
        for k in range(len(pool)):
            c = pool[k] / places
            for r in range(len(into)):
                into[r] += c * w.team[k, r]


@kernel
def upper_layers(w, first, second):
    """Output of the network from the pre-activations ``first``; both arguments (R,) are overwritten."""
    width = len(second)
    second[:] = w.hidden_bias
    for i in range(width):
        a = silu(first[i])
        for r in range(width):
            second[r] += a * w.hidden[i, r]
    total = w.last[width]
    for r in range(width):
        total += silu(second[r]) * w.last[r]
    return total


@kernel
def _value_network(network, log_z, log_q, n, pool):
    width = len(network.weights.hidden_bias)
    first, second = np.empty(width), np.empty(width)
    first_layer(network, log_z, log_q, n, pool, first)
    return network.scales.value * upper_layers(network.weights, first, second)


@kernel
def _encode_table(table, log_h, log_a, found):
    found[:] = 0.0
    found[np.argmin(np.abs(table.log_h - log_h))] = 1.0


@kernel
def _value_table(table, log_z, log_q, n, pool):
    most = round(len(table.place) ** (1.0 / len(table.log_h)))
    index = 0
    for k in range(len(pool)):
        index = index * most + int(pool[k] + 0.5)
    return table.value[np.argmin(np.abs(table.log_z - log_z)), table.place[index]]


def encode(valuation, log_h, log_a, found):
    """Write what a worker adds to the pool into ``found``, as long as :func:`pool_length`."""
    return (_encode_table if isinstance(valuation, ValueTable) else _encode_network)(valuation, log_h, log_a, found)


def joint_value(valuation, log_z, log_q, n, pool):
    """Joint value of a firm with n workers, whose encodings sum to ``pool``."""
    return (_value_table if isinstance(valuation, ValueTable) else _value_network)(valuation, log_z, log_q, n, pool)


def pool_length(valuation):
    """Length of a worker's encoding."""
    return len(valuation.log_h) if isinstance(valuation, ValueTable) else valuation.weights.team.shape[0]


@overload(encode, inline="never")
def _encode(valuation, log_h, log_a, found):
    if valuation.instance_class is ValueTable:
        return lambda valuation, log_h, log_a, found: _encode_table(valuation, log_h, log_a, found)
    return lambda valuation, log_h, log_a, found: _encode_network(valuation, log_h, log_a, found)


@overload(joint_value, inline="never")
def _joint_value(valuation, log_z, log_q, n, pool):
    if valuation.instance_class is ValueTable:
        return lambda valuation, log_z, log_q, n, pool: _value_table(valuation, log_z, log_q, n, pool)
    return lambda valuation, log_z, log_q, n, pool: _value_network(valuation, log_z, log_q, n, pool)


@overload(pool_length)
def _pool_length(valuation):
    if valuation.instance_class is ValueTable:
        return lambda valuation: len(valuation.log_h)
    return lambda valuation: valuation.weights.team.shape[0]
