"""Solve the equation of the joint value for the weights of its network, given whom firms meet.

Policy iteration on the last layer alone sets the level: with decisions held, the equation is linear in it, values of incumbent
firms included. Gauss-Newton with memory on all weights then takes small batches, whose matrix of inner products is solved
instead of that of the weights. Features are float32, linear algebra float64. Sections 4.3 and 4.4 of the specification.
"""

from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bayes_labor.theory.learning import joint_value as hjb
from bayes_labor.theory.learning.network import Scales, ValueNetwork, Weights
from bayes_labor.theory.learning.primitives import Parameters, log_growth, nonemployment
from bayes_labor.theory.learning.simulation import Market
from bayes_labor.theory.learning.virtual import FirmStates, Panel, advance

_FROM_ECONOMY, _ONE_EVENT = 0.36, 0.3
"""Shares of states: from the economy rather than the virtual panel; one event away from either."""
_HUBER = 8.0


class StepSize(NamedTuple):
    """Of one Gauss-Newton step."""

    ridge: Any
    """Relative to the mean diagonal of the matrix of inner products."""
    rate: Any
    """Share of the step that is taken; ``keep`` is that of the last step which is kept."""
    keep: Any


class Schedule(NamedTuple):
    """Of one pass over the weights."""

    steps: int = 400
    batch: int = 512
    ridge: tuple[float, float] = (1e-3, 1e-7)
    """Relative ridge of a step, geometrically from first to last; ``rate`` of learning, by a cosine."""
    rate: tuple[float, float] = (0.1, 0.01)
    keep: float = 0.98
    """Share of the last step that the next begins from."""
    employed: int = 2_500
    """Workers drawn anew every step; ``idle`` of the non-employed."""
    idle: int = 1_250
    walk_every: int = 20
    """Steps between two years of the virtual panel."""

    def at(self, step: int) -> StepSize:
        """Of a step, counted from 0."""
        along = step / max(self.steps - 1, 1)
        ridge = self.ridge[0] * (self.ridge[1] / self.ridge[0]) ** along
        rate = self.rate[1] + 0.5 * (self.rate[0] - self.rate[1]) * (1.0 + float(np.cos(np.pi * along)))
        return StepSize(ridge, rate, self.keep)


class Surroundings(NamedTuple):
    """What a value is trained in: the economy's firms and whom they meet, and where states are drawn."""

    panel: Panel
    virtual: FirmStates
    market: Market
    meeting: hjb.Meeting
    p: Parameters


class Incumbents(NamedTuple):
    """What M employed workers who are met would leave."""

    firms: FirmStates
    """(M,) their firms."""
    place: Any
    """(M,) in the firm; ``u`` (M,) is their value of non-employment."""
    u: Any


def single(tree: Any) -> Any:
    """All floats of a tree in float32."""
    return jax.tree.map(lambda v: jnp.asarray(v, jnp.float32) if jnp.issubdtype(jnp.result_type(v), np.floating) else v, tree)


def draw_states(rng: np.random.Generator, count: int, around: Surroundings) -> FirmStates:
    """Firms of the economy, virtual firms, and some one event away: with one more worker, one less, or after learning."""
    chosen = rng.random(count) < _FROM_ECONOMY
    source, virtual = around.panel.source, around.virtual
    a, b = (source.take(rng.integers(len(source.size), size=count)), virtual.take(rng.integers(len(virtual.size), size=count)))
    firms = FirmStates(*(np.where(chosen.reshape(-1, *(1,) * (x.ndim - 1)), x, y) for x, y in zip(a, b, strict=True)))
    return one_event(rng, firms, around, rng.random(count) < _ONE_EVENT)


def one_event(rng: np.random.Generator, firms: FirmStates, around: Surroundings, chosen: np.ndarray) -> FirmStates:
    """Change the ``chosen`` firms by one event, any that is possible alike."""
    market, p, count = around.market, around.p, len(firms.size)
    places, size = firms.log_h.shape[1], firms.size.copy()
    event, rows = rng.integers(3, size=count), np.arange(count)
    log_h, log_a = firms.log_h.copy(), firms.log_a.copy()
    joins = np.flatnonzero(chosen & (event == 0) & (size < places))
    pool_h, pool_a = (np.concatenate(v) for v in ((market.log_h, market.idle_log_h), (market.log_a, market.idle_log_a)))
    who = rng.integers(len(pool_h), size=len(joins))
    log_h[joins, size[joins]], log_a[joins, size[joins]] = pool_h[who], pool_a[who]
    lost = rows[chosen & (event == 1) & (size > 0)]
    gone, last = rng.integers(size[lost]), size[lost] - 1
    for v in (log_h, log_a):
        v[lost, gone] = v[lost, last]
        v[lost, last] = 0.0
    learns = chosen & (event == 2)
    here = np.arange(places) < size[:, None]
    growth = log_growth(log_h, log_a, firms.log_q, here, p.theta_p, p.theta_m)
    size[joins] += 1
    size[lost] -= 1
    return firms._replace(size=size, log_h=np.where(learns[:, None], log_h + growth, log_h), log_a=log_a)


def draw_meeting(rng: np.random.Generator, around: Surroundings, employed: int, idle: int) -> tuple[hjb.Meeting, Incumbents]:
    """Some of the living, whom firms meet, and what those with a job would leave."""
    market = around.market
    who = rng.integers(len(market.kept), size=employed)
    meeting = hjb.some_of(around.meeting, who, rng.integers(len(market.idle_log_h), size=idle))
    firms, u = around.panel.source.take(market.employer[who]), nonemployment(np.exp(market.log_h[who]), around.p)
    return meeting, Incumbents(firms, market.place[who], u)


@partial(jax.jit, static_argnums=0)
def _linear_system(
    s: Scales, w: Weights, firms: FirmStates, values: Any, meeting: hjb.Meeting, incumbents: Incumbents, p: Parameters
) -> tuple[Any, Any]:
    """Rows and right-hand sides of HJB-V in the last layer, at the decisions that ``values`` imply; weighted."""
    found = hjb.equation(values, firms, meeting, p)
    inputs = hjb.features(w, hjb.neighbours(w, s, firms, hjb.grown(firms, p), meeting)[0])
    kept = (meeting.kept > 0)[:, None] * hjb.incumbent_features(w, s, incumbents.firms, incumbents.place)
    rows = s.value * (jnp.einsum("be,ber->br", found.coefficients, inputs) - found.poached @ kept)
    target = -(found.constant + found.poached @ (meeting.kept + jnp.where(meeting.kept > 0, incumbents.u, 0.0)))
    weight = 1.0 / jnp.sqrt(p.rho + found.rate)
    return rows * weight[:, None], target * weight


_values = jax.jit(hjb.neighbour_values, static_argnums=1)
_incumbent = jax.jit(hjb.incumbent_features, static_argnums=1)
_grown = jax.jit(hjb.grown)


def policy_iteration(
    network: ValueNetwork,
    rng: np.random.Generator,
    around: Surroundings,
    states: int,
    met: int,
    rounds: int,
    values: Any = None,
    ridge: float = 1e-10,
) -> tuple[ValueNetwork, float]:
    """Solve the last layer, its decisions updated ``rounds`` times.

    Parameters
    ----------
    network
        Where it starts; its hidden layers are kept.
    rng
        Draws the states and the workers met.
    around
        The economy.
    states, met
        How many of each.
    rounds
        Of decisions.
    values
        Function of firms, firms after learning and whom they meet that gives the first decisions, with what incumbent firms
        would lose in the meeting already; without it the network's own.
    ridge
        Relative to the mean square of a column, after scaling columns.

    Returns
    -------
    tuple[ValueNetwork, float]
        The network, and the root mean square of the weighted residual that is left.

    """
    s, w, p = network.scales, network.weights, around.p
    firms = draw_states(rng, states, around)
    meeting, incumbents = draw_meeting(rng, around, met, max(met // 2, 1))
    differences, later = np.asarray(_incumbent(w, s, incumbents.firms, incumbents.place)), _grown(firms, p)
    for k in range(rounds):
        if k > 0 or values is None:
            meeting = meeting._replace(kept=np.maximum(s.value * differences @ w.last - incumbents.u, 0.0))
        now = values(firms, later, meeting) if k == 0 and values is not None else _values(w, s, firms, later, meeting)
        rows, target = (np.asarray(v) for v in _linear_system(s, w, firms, now, meeting, incumbents, p))
        scale = np.sqrt((rows**2).mean(0))
        rows = rows / np.where(scale > 0, scale, 1.0)
        gram = rows.T @ rows
        solved = np.linalg.solve(gram + ridge * len(rows) * np.eye(len(gram)), rows.T @ target)
        left = float(np.sqrt(((rows @ solved - target) ** 2).mean()))
        w = w._replace(last=solved / np.where(scale > 0, scale, 1.0))
    return network._replace(weights=w), left


def dual_step(w: Any, before: Any, rows: Any, residual: Any, scale: Any, size: StepSize) -> tuple[Any, Any, Any]:
    """A Gauss-Newton step: (weights, step, root mean square of the weighted residual before).

    The step is the one closest to ``size.keep`` times the last that the batch allows: what earlier batches have taught is
    not forgotten (Kaczmarz's iteration with memory), without which residuals stay three times as large.

    Parameters
    ----------
    w, before
        Trees of weights and of the last step.
    rows
        The same tree with a leading axis B: derivatives of the residuals.
    residual, scale
        (B,) residuals and what they are multiplied by. Those beyond eight robust standard deviations count less (Huber).
    size
        Ridge, rate and memory.

    """
    r = (residual * scale).astype(jnp.float64)
    bound = _HUBER * 1.4826 * jnp.median(jnp.abs(r))
    huber = jnp.sqrt(jnp.minimum(1.0, bound / jnp.maximum(jnp.abs(r), 1e-30)))
    leaves, shape = jax.tree.flatten(rows)
    jacobian = jnp.concatenate([v.reshape(len(r), -1) for v in leaves], 1) * (scale * huber)[:, None]
    wide = jacobian.astype(jnp.float64)
    gram = wide @ wide.T
    regular = gram + size.ridge * jnp.trace(gram) / len(r) * jnp.eye(len(r))
    old = size.keep * jnp.concatenate([v.ravel() for v in jax.tree.leaves(before)])
    step = old - jax.scipy.linalg.solve(regular, r * huber + wide @ old, assume_a="pos") @ wide
    edges = np.cumsum([0] + [int(np.prod(v.shape[1:])) for v in leaves])
    parts = [step[a:b].reshape(v.shape[1:]) for (a, b), v in zip(pairwise(edges), leaves, strict=True)]
    step = jax.tree.unflatten(shape, parts)
    return jax.tree.map(lambda x, y: x + size.rate * y, w, step), step, jnp.sqrt((r**2).mean())


@partial(jax.jit, static_argnums=0)
def _gauss_newton(
    s: Scales, w: Weights, before: Weights, firms: FirmStates, meeting: hjb.Meeting, p: Parameters, size: StepSize
) -> tuple[Weights, Weights, Any]:
    """A step on all weights at one batch."""
    small, states, met = single(w), single(firms), single(meeting)
    later = hjb.grown(states, p)
    values = hjb.neighbour_values(small, s, states, later, met)
    found = hjb.equation(values, states, met, p)

    def row(w: Weights, one: FirmStates, after: FirmStates, coefficients: Any) -> Any:
        one, after = jax.tree.map(lambda v: v[None], (one, after))
        return (coefficients * hjb.neighbour_values(w, s, one, after, met)[0]).sum()

    rows = jax.vmap(jax.grad(row), (None, 0, 0, 0))(small, states, later, found.coefficients)
    return dual_step(w, before, rows, found.residual(values), 1.0 / jnp.sqrt(p.rho + found.rate), size)


@partial(jax.jit, static_argnums=0)
def kept_by(s: Scales, w: Weights, incumbents: Incumbents) -> Any:
    """(M,) what firms would lose with the workers who are met; in float32."""
    small = single(w)
    found = s.value * hjb.incumbent_features(small, s, single(incumbents.firms), incumbents.place) @ small.last
    return jnp.maximum(found - incumbents.u, 0.0)


class Training(NamedTuple):
    """Where training stands."""

    network: ValueNetwork
    virtual: FirmStates
    momentum: Any
    """The last step, a tree as the weights; see :func:`dual_step`."""


def begin(network: ValueNetwork, virtual: FirmStates) -> Training:
    """Nothing trained yet."""
    return Training(network, virtual, jax.tree.map(np.zeros_like, network.weights))


def train(
    at: Training, around: Surroundings, schedule: Schedule, seed: tuple[int, ...], first: int, until: int
) -> tuple[Training, list[float]]:
    """Gauss-Newton steps ``first`` to ``until`` of a schedule.

    Every step draws from its own seed, so that steps taken in two calls are those of one.

    Returns
    -------
    tuple[Training, list[float]]
        Where training stands, and the root mean square of each step's weighted residuals.

    """
    c, s, p, market = schedule, at.network.scales, around.p, around.market
    around, w, momentum, lost = around._replace(virtual=at.virtual), at.network.weights, at.momentum, []
    for t in range(first, until):
        rng = np.random.default_rng([*seed, t])
        if t % c.walk_every == 0:
            network = ValueNetwork(s, Weights(*(np.asarray(v) for v in w)))
            walked = advance(around.virtual, around.panel, network, market, p, 1.0, int(rng.integers(1 << 31)))
            around = around._replace(virtual=walked)
        meeting, incumbents = draw_meeting(rng, around, c.employed, c.idle)
        meeting = meeting._replace(kept=kept_by(s, w, incumbents))
        states = draw_states(rng, c.batch, around)
        w, momentum, left = _gauss_newton(s, w, momentum, states, meeting, p, c.at(t))
        lost.append(left)
    w, momentum = (Weights(*(np.asarray(v) for v in tree)) for tree in (w, momentum))
    return Training(ValueNetwork(s, w), around.virtual, momentum), [float(v) for v in lost]
