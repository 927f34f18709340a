r"""The equation of the joint value of a firm and its workers (HJB-V), over many firms at once, in JAX.

With decisions held, the equation is linear in the values of a firm and of its neighbours: after learning, without one of its
workers, with one more. So it is stored: coefficients of those values, a constant, and the total rate of events. Whatever gives
the values (network, closed form, table) can be put in. Sections 1.4 and 4.2 of the specification.

Expected gains from meetings are sums over the living. One more worker's surplus is a smooth function of who he is: it is taken
at a few Chebyshev nodes and interpolated to everybody. Where workers come in finitely many kinds, nodes are the kinds, and
nothing is approximated.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bayes_labor.theory.learning.network import Scales, Weights
from bayes_labor.theory.learning.primitives import Parameters, log_growth, nonemployment
from bayes_labor.theory.learning.simulation import Market
from bayes_labor.theory.learning.virtual import FirmStates

# Values are differences of large numbers: without this JAX would silently compute everything in float32.
jax.config.update("jax_enable_x64", True)

NODES = (7, 3)
"""Chebyshev nodes in log h and log a."""
_DEGENERATE = 1e-9


class Meeting(NamedTuple):
    """Whom firms meet, on G nodes; M employed and M_N non-employed workers."""

    log_h: Any
    """(G,) nodes, with ``log_a``."""
    log_a: Any
    employed: Any
    """(M, G) weights of interpolation from the nodes to each worker; ``idle`` (M_N, G)."""
    idle: Any
    kept: Any
    """(M,) what the incumbent firm would lose; ``weight`` (M,), ``idle_weight`` (M_N,) add to one."""
    weight: Any
    idle_weight: Any
    omega: Any
    share_N: Any


class Equation(NamedTuple):
    """HJB-V of B firms: the residual is coefficients times values plus constant, in output per year."""

    coefficients: Any
    """(B, 2 + n_max + G) of the values of the firm, after learning, without each worker, with one at each node."""
    constant: Any
    """(B,); ``rate`` (B,) of all events, meetings among them."""
    rate: Any
    poached: Any
    """(B, M) by how much, per year, the value of an incumbent enters (its weight in the expected gain)."""

    def residual(self, values: Any) -> Any:
        """(B,) given (B, 2 + n_max + G) values."""
        return (self.coefficients * values).sum(-1) + self.constant


def chebyshev_nodes(low: float, high: float, count: int) -> np.ndarray:
    """Nodes over a range; one, where the range is a point."""
    if high - low < _DEGENERATE:
        return np.array([0.5 * (low + high)])
    angles = np.pi * (np.arange(count) + 0.5) / count
    return 0.5 * (low + high) - 0.5 * (high - low) * np.cos(angles) / np.cos(angles[0])


def lagrange(nodes: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(M, G) weights that interpolate values at Chebyshev ``nodes`` (G,) to ``x`` (M,), by the barycentric formula."""
    g = np.arange(len(nodes))
    if len(nodes) == 1:
        return np.ones((len(x), 1))
    weight = (-1.0) ** g * np.sin(np.pi * (g + 0.5) / len(nodes))
    gap = x[:, None] - nodes
    hit = np.abs(gap) < 1e-14
    ratio = weight / np.where(hit, 1.0, gap)
    found: np.ndarray = np.where(hit.any(1)[:, None], hit, ratio / ratio.sum(1)[:, None])
    return found


def meeting_on_nodes(market: Market, nodes: tuple[int, int] = NODES) -> Meeting:
    """Everybody alive, interpolated from nodes over their range."""
    lines = []
    of_h, of_a = (market.log_h, market.idle_log_h, nodes[0]), (market.log_a, market.idle_log_a, nodes[1])
    for one, other, count in (of_h, of_a):
        line = chebyshev_nodes(min(one.min(), other.min()), max(one.max(), other.max()), count)
        lines.append((line, lagrange(line, one), lagrange(line, other)))
    (h, h_e, h_n), (a, a_e, a_n) = lines
    employed, idle = ((x[:, :, None] * y[:, None, :]).reshape(len(x), -1) for x, y in ((h_e, a_e), (h_n, a_n)))
    even, idle_even = (np.full(len(x), 1.0 / len(x)) for x in (h_e, h_n))
    log_h, log_a = np.repeat(h, len(a)), np.tile(a, len(h))
    return Meeting(log_h, log_a, employed, idle, market.kept, even, idle_even, market.omega, market.share_N)


def some_of(meeting: Meeting, employed: Any, idle: Any) -> Meeting:
    """Only some of the workers, evenly weighted."""
    even, idle_even = (np.full(len(who), 1.0 / len(who)) for who in (employed, idle))
    meeting = meeting._replace(employed=meeting.employed[employed], kept=meeting.kept[employed], weight=even)
    return meeting._replace(idle=meeting.idle[idle], idle_weight=idle_even)


def made(firms: FirmStates, p: Parameters) -> Any:
    """(B,) output of firms."""
    here = firms.present
    total = jnp.where(here, jnp.exp(p.eta * firms.log_h), 0.0).sum(-1)
    return jnp.exp(firms.log_z) * jnp.where(total > 0, jnp.where(total > 0, total, 1.0) ** (1.0 / p.eta), 0.0)


def grown(firms: FirmStates, p: Parameters) -> FirmStates:
    """Firms after a learning event."""
    growth = log_growth(firms.log_h, firms.log_a, firms.log_q, firms.present, p.theta_p, p.theta_m, jnp)
    return firms._replace(log_h=jnp.where(firms.present, firms.log_h + growth, 0.0))


def equation(values: Any, firms: FirmStates, meeting: Meeting, p: Parameters) -> Equation:
    """HJB-V at the decisions that ``values`` (B, 2 + n_max + G) of the firms and their neighbours imply."""
    places, here = firms.log_h.shape[-1], firms.present
    leave = p.delta_r + p.delta_m
    u = nonemployment(jnp.where(here, jnp.exp(firms.log_h), 0.0), p)
    u_node = nonemployment(jnp.exp(meeting.log_h), p)
    own, without, joined = values[:, :1], values[:, 2 : 2 + places], values[:, 2 + places :]
    quits = jnp.where(here & (own - without < u), p.lam + p.psi_E, 0.0)
    offer = joined - own - u_node
    room = jnp.where(firms.size < places, (firms.size + 1) * meeting.omega, 0.0)[:, None]
    idle = jnp.where(offer @ meeting.idle.T > 0, meeting.idle_weight, 0.0)
    taken = jnp.where(offer @ meeting.employed.T > meeting.kept, meeting.weight, 0.0)
    poached = room * (1.0 - meeting.share_N) * taken
    hires = room * meeting.share_N * (idle @ meeting.idle) + poached @ meeting.employed
    learns = jnp.where(firms.size > 0, p.gamma, 0.0)[:, None]
    away = jnp.where(here, leave, 0.0) + quits
    first = -(p.rho + p.delta_f + learns + away.sum(1, keepdims=True) + hires.sum(1, keepdims=True))
    constant = made(firms, p) + ((p.delta_f + p.delta_m + quits) * u).sum(1) - hires @ u_node - poached @ meeting.kept
    rate = p.delta_f + learns[:, 0] + firms.size * leave + room[:, 0]
    return Equation(jnp.concatenate([first, learns, away, hires], 1), constant, rate, poached)


def encode(w: Weights, s: Scales, log_h: Any, log_a: Any) -> Any:
    """(..., 4 + K) what workers add to the pool."""
    h, x, y = jnp.exp(log_h), log_h / s.log_h, log_a / s.log_a
    inner = jax.nn.silu(jnp.stack([0.5 * x, 0.5 * y, h - 1.0], -1) @ w.inner + w.inner_bias)
    return jnp.concatenate([jnp.stack([jnp.exp(s.eta * log_h), h - 1.0, x, y], -1), inner @ w.encoder], -1)


def neighbours(w: Weights, s: Scales, firms: FirmStates, after: FirmStates, meeting: Meeting) -> tuple[Any, Any]:
    """((B, E, R) first layer of firms and their neighbours, (B, E, 4 + K) their pools)."""
    here = firms.present[..., None]
    code = jnp.where(here, encode(w, s, firms.log_h, firms.log_a), 0.0)
    later = jnp.where(here, encode(w, s, after.log_h, after.log_a), 0.0).sum(1, keepdims=True)
    nodes = encode(w, s, meeting.log_h, meeting.log_a)
    pool = code.sum(1, keepdims=True)
    pools = jnp.concatenate([pool, later, pool - code, pool + nodes], 1)
    n = firms.size[:, None]
    count = jnp.concatenate([n, n, n - here[..., 0], jnp.broadcast_to(n + 1, (len(n), len(nodes)))], 1)
    return first_layer(w, s, firms.log_z[:, None], firms.log_q[:, None], count, pools), pools


def first_layer(w: Weights, s: Scales, log_z: Any, log_q: Any, count: Any, pools: Any) -> Any:
    """(..., R) pre-activations of firms with ``count`` workers and ``pools`` (..., 4 + K); void where full."""
    places = w.size.shape[0] - 1
    z = jnp.exp(log_z)
    total = jnp.where(count > 0, pools[..., 0], 1.0)
    out = z * jnp.where(count > 0, total ** (1.0 / s.eta), 0.0)
    parts = jnp.broadcast_arrays(
        log_z / s.log_z, log_q / s.log_q, out / places - 0.5, jnp.where(count > 0, z * pools[..., 1], 0.0)
    )
    staffed = jnp.where(count[..., None] > 0, pools, 0.0) / places
    return w.size[jnp.minimum(count, places)] + jnp.stack(parts, -1) @ w.firm + staffed @ w.team


def features(w: Weights, first: Any) -> Any:
    """(..., R + 1) inputs of the last layer, its bias among them."""
    top = jax.nn.silu(jax.nn.silu(first) @ w.hidden + w.hidden_bias)
    return jnp.concatenate([top, jnp.ones_like(top[..., :1])], -1)


def neighbour_values(w: Weights, s: Scales, firms: FirmStates, after: FirmStates, meeting: Meeting) -> Any:
    """(B, 2 + n_max + G) values by the network; ``after`` are the firms :func:`grown`."""
    return s.value * features(w, neighbours(w, s, firms, after, meeting)[0]) @ w.last


def incumbent_features(w: Weights, s: Scales, firms: FirmStates, who: Any) -> Any:
    """(M, R + 1) of firms with the worker in place ``who`` (M,), less without him: linear in the last layer."""
    here = firms.present[..., None]
    code = jnp.where(here, encode(w, s, firms.log_h, firms.log_a), 0.0)
    pool = code.sum(1)
    lost = jnp.take_along_axis(code, who[:, None, None], 1)[:, 0]
    both = [features(w, first_layer(w, s, firms.log_z, firms.log_q, firms.size - gone, pool - gone * lost)) for gone in (0, 1)]
    return both[0] - both[1]
