r"""The equation of a worker's value at a given wage (HJB-W), and its solution for the weights of a network, in JAX.

Decisions depend on the joint value alone, so that this comes after it. With them held the equation is linear in the worker's
values but for what a meeting or a renegotiation does: they clip the value into what somebody can credibly offer. Sections 1.5
and 4.7 of the specification.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bayes_labor.theory.learning import joint_value as hjb
from bayes_labor.theory.learning.network import Scales, ValueNetwork, Weights
from bayes_labor.theory.learning.primitives import Parameters, nonemployment
from bayes_labor.theory.learning.training import Schedule, StepSize, Surroundings, draw_meeting, draw_states, dual_step, single
from bayes_labor.theory.learning.virtual import FirmStates
from bayes_labor.theory.learning.worker_network import VALUE_SCALE, WAGE_BOUND, WAGE_SCALE, WAGE_SLOPE, WorkerNetwork

_POACHERS = 256
_TARGETS = (-0.15, 1.15)
"""Wages in training deliver, about, values from a little below U to a little above U + Delta."""


class Poachers(NamedTuple):
    """P firms that an employed worker may meet."""

    offers: Any
    """(P, G) surplus of a worker at each node, if hired."""
    room: Any
    """(P,) whether there is a place."""
    weight: Any
    """(P,) chances, adding to one."""


class WorkerEquation(NamedTuple):
    """HJB-W of B workers."""

    residual: Any
    """(B,) per year."""
    coefficients: Any
    """(B, 2 + n_max + G) derivative of the residual by the worker's value here, after learning, without each, with one more."""
    rate: Any
    """(B,) of all events."""


class Contract(NamedTuple):
    """What decides a worker's bargaining, for B workers and P firms."""

    u: Any
    kept: Any
    """(B,) max(Delta, 0)."""
    floor: Any
    """(B, P) least value after meeting a firm."""
    leaving: Any
    """(B, n_max) rates at which coworkers leave, 0 for oneself."""


def contracts(values: Any, firms: FirmStates, who: Any, member: Any, poachers: Poachers, p: Parameters) -> Contract:
    """Bargaining of the workers in places ``who`` (B,), from joint values; ``member`` (B, n_max, G) interpolates to members."""
    places, here = firms.log_h.shape[-1], firms.present
    u = nonemployment(jnp.exp(firms.log_h), p)
    surplus = jnp.where(here, values[:, :1] - values[:, 2 : 2 + places] - u, 0.0)
    other = jnp.where(poachers.room, jnp.einsum("bng,pg->bnp", member, poachers.offers), -jnp.inf)
    lost = jnp.where(surplus < 0, 1.0, (other > surplus[..., None]) @ poachers.weight)
    rate = p.delta_r + p.delta_m + jnp.where(surplus < 0, p.lam, 0.0) + p.psi_E * lost
    leaving = jnp.where(here & (jnp.arange(places) != who[:, None]), rate, 0.0)
    pick = who[:, None]
    own_u, own_kept = (jnp.take_along_axis(v, pick, 1)[:, 0] for v in (u, jnp.maximum(surplus, 0.0)))
    own_other = jnp.take_along_axis(other, who[:, None, None], 1)[:, 0]
    floor = own_u[:, None] + jnp.minimum(jnp.maximum(own_other, 0.0), own_kept[:, None])
    return Contract(own_u, own_kept, floor, leaving)


def worker_equation(W: Any, wage: Any, contract: Contract, hires: Any, poachers: Poachers, p: Parameters) -> WorkerEquation:
    """HJB-W given the worker's values ``W`` (B, 2 + n_max + G), wages (B,) and the firm's rates of hiring by node (B, G)."""
    u, top, now = contract.u, contract.u + contract.kept, W[:, 0]
    opened = jnp.clip(now, u, top)
    met = jnp.clip(now[:, None], contract.floor, top[:, None])
    fixed = wage + (p.delta_f + p.delta_m) * u + p.lam * opened + p.psi_E * met @ poachers.weight
    coworkers = contract.leaving
    rate = p.delta_f + p.delta_m + p.delta_r + p.gamma + p.lam + p.psi_E + coworkers.sum(1) + hires.sum(1)
    moves = jnp.concatenate([-(p.rho + rate)[:, None], jnp.full((len(u), 1), p.gamma), coworkers, hires], 1)
    free = p.lam * ((now > u) & (now < top)) + p.psi_E * (
        ((now[:, None] > contract.floor) & (now < top)[:, None]) @ poachers.weight
    )
    return WorkerEquation(fixed + (moves * W).sum(1), moves.at[:, 0].add(free), rate)


def direct_wage(value: Any, contract: Contract, poachers: Poachers, p: Parameters) -> Any:
    """(B,) wage that would deliver a value (B,) if neither coworkers nor human capital ever changed."""
    u, top = contract.u, contract.u + contract.kept
    met = jnp.clip(value[:, None], contract.floor, top[:, None]) @ poachers.weight
    total = p.rho + p.delta_f + p.delta_m + p.delta_r
    opened = jnp.clip(value, u, top)
    return total * value - (p.delta_f + p.delta_m) * u - p.lam * (opened - value) - p.psi_E * (met - value)


def worker_values(c: WorkerNetwork, firms: FirmStates, after: FirmStates, who: Any, wage: Any, meeting: hjb.Meeting) -> Any:
    """(B, 2 + n_max + G) values of workers in places ``who`` of firms and their neighbours, at wages (B,)."""
    w, s = c.weights, c.scales
    places = firms.log_h.shape[-1]
    rows = jnp.arange(len(who))
    first, _ = hjb.neighbours(w, s, firms, after, meeting)
    own, later = (hjb.encode(w, s, f.log_h[rows, who], f.log_a[rows, who]) for f in (firms, after))
    own_first, later_first = (v @ (c.own[:-1] - w.team / places) for v in (own, later))
    whose = jnp.arange(first.shape[1])[:, None] == 1
    first = first + jnp.where(whose, later_first[:, None], own_first[:, None])
    first = first + (wage / WAGE_SCALE)[:, None, None] * c.own[-1]
    h = jnp.exp(jnp.where(whose[:, 0], after.log_h[rows, who][:, None], firms.log_h[rows, who][:, None]))
    return h + WAGE_SLOPE * wage[:, None] + VALUE_SCALE * (hjb.features(w, first) @ w.last)


def offers(s: Scales, w: Weights, firms: FirmStates, meeting: hjb.Meeting, p: Parameters) -> Any:
    """(P, G) surplus of a worker at each node with firms that hire him."""
    values = hjb.neighbour_values(w, s, firms, firms, meeting)
    return values[:, 2 + firms.log_h.shape[-1] :] - values[:, :1] - nonemployment(jnp.exp(meeting.log_h), p)


_offers = jax.jit(offers, static_argnums=0)


def poachers_of(
    network: ValueNetwork, firms: FirmStates, meeting: hjb.Meeting, count: int, p: Parameters, rng: np.random.Generator
) -> Poachers:
    """Firms drawn in proportion to their size plus one, with what they would offer."""
    chance = firms.size + 1.0
    drawn = firms.take(rng.choice(len(firms.size), size=count, p=chance / chance.sum()))
    found = _offers(network.scales, network.weights, drawn, meeting._replace(employed=0.0, idle=0.0), p)
    return Poachers(np.asarray(found), drawn.size < drawn.log_h.shape[1], np.full(count, 1.0 / count))


def interpolation(log_h: np.ndarray, log_a: np.ndarray, meeting: hjb.Meeting) -> np.ndarray:
    """(..., G) weights from the nodes to workers; whoever lies outside of the nodes' range is taken at its edge."""
    lines = [np.unique(v) for v in (meeting.log_h, meeting.log_a)]
    x, y = (hjb.lagrange(line, np.clip(v.ravel(), line[0], line[-1])) for line, v in zip(lines, (log_h, log_a), strict=True))
    return (x[:, :, None] * y[:, None, :]).reshape(*log_h.shape, -1)


class Workers(NamedTuple):
    """States of B workers: firms, the place of the worker in each, and how members' offers are interpolated."""

    firms: FirmStates
    who: Any
    member: Any
    """(B, n_max, G)."""

    def take(self, which: Any) -> "Workers":
        """Some of them."""
        return Workers(self.firms.take(which), self.who[which], self.member[which])


def workers_in(firms: FirmStates, meeting: hjb.Meeting, rng: np.random.Generator) -> Workers:
    """A worker drawn from every firm that has one."""
    staffed = firms.take(firms.size > 0)
    return Workers(staffed, rng.integers(staffed.size), interpolation(staffed.log_h, staffed.log_a, meeting))


class Batch(NamedTuple):
    """B workers at wages that deliver about U + ``target`` Delta, and whom they and their firms meet."""

    workers: Workers
    target: Any
    """(B,)."""
    meeting: hjb.Meeting
    poachers: Poachers


def solve_for(
    s: Scales, c: WorkerNetwork, value: Weights, batch: Batch, p: Parameters
) -> tuple[WorkerEquation, Any, FirmStates]:
    """(equation, (B,) wages, firms after learning) of a batch."""
    (firms, who, member), target, meeting, poachers = batch
    after = hjb.grown(firms, p)
    values = hjb.neighbour_values(value, s, firms, after, meeting)
    hires = hjb.equation(values, firms, meeting, p).coefficients[:, 2 + firms.log_h.shape[-1] :]
    contract = contracts(values, firms, who, member, poachers, p)
    wage = direct_wage(contract.u + target * contract.kept, contract, poachers, p)
    wage = jnp.clip(wage, -WAGE_BOUND, WAGE_BOUND)
    found = worker_values(c, firms, after, who, wage, meeting)
    return worker_equation(found, wage, contract, hires, poachers, p), wage, after


@partial(jax.jit, static_argnums=0)
def _step(
    s: Scales, c: WorkerNetwork, before: Any, value: Weights, batch: Batch, p: Parameters, size: StepSize
) -> tuple[WorkerNetwork, Any, Any]:
    c32, value, batch = single(c), single(value), single(batch)
    found, wage, after = solve_for(s, c32, value, batch, p)

    def row(trained: Any, one: FirmStates, after: FirmStates, who: Any, wage: Any, coefficients: Any) -> Any:
        one, after, who, wage = jax.tree.map(lambda v: v[None], (one, after, who, wage))
        return (coefficients * worker_values(_with(c32, trained), one, after, who, wage, batch.meeting)[0]).sum()

    args = (batch.workers.firms, after, batch.workers.who, wage, found.coefficients)
    rows = jax.vmap(jax.grad(row), (None, 0, 0, 0, 0, 0))(_trained(c32), *args)
    w, step, left = dual_step(_trained(c), before, rows, found.residual, 1.0 / jnp.sqrt(p.rho + found.rate), size)
    return _with(c, w), step, left


_SHARED = ("inner", "inner_bias", "encoder")


def _trained(c: WorkerNetwork) -> dict[str, Any]:
    """The weights that are trained: encodings of workers are those of the joint value."""
    return {n: v for n, v in c.weights._asdict().items() if n not in _SHARED} | {"own": c.own}


def _with(c: WorkerNetwork, trained: dict[str, Any]) -> WorkerNetwork:
    rest = {n: v for n, v in trained.items() if n != "own"}
    return c._replace(weights=c.weights._replace(**rest), own=trained["own"])


def draw_worker_network(rng: np.random.Generator, value: ValueNetwork) -> WorkerNetwork:
    """Hidden layers of the joint value's network to begin with; nothing above h + 1.2 w."""
    w = value.weights
    own = rng.normal(size=(w.team.shape[0] + 1, w.team.shape[1])) / np.sqrt(w.team.shape[0])
    return WorkerNetwork(value.scales, w._replace(last=np.zeros_like(w.last)), own)


class WorkerTraining(NamedTuple):
    """Where the training of a worker's value stands."""

    network: WorkerNetwork
    momentum: Any


def begin_worker(rng: np.random.Generator, value: ValueNetwork) -> WorkerTraining:
    """Nothing trained yet."""
    network = draw_worker_network(rng, value)
    return WorkerTraining(network, jax.tree.map(np.zeros_like, _trained(network)))


def train_worker_value(
    at: WorkerTraining,
    network: ValueNetwork,
    around: Surroundings,
    schedule: Schedule,
    seed: tuple[int, ...],
    first: int,
    until: int,
) -> tuple[WorkerTraining, list[float]]:
    """Gauss-Newton steps ``first`` to ``until`` for the value of a worker, as :func:`.training.train`."""
    (c, momentum), lost = at, []
    s, p = network.scales, around.p
    for t in range(first, until):
        rng = np.random.default_rng([*seed, t])
        met, _ = draw_meeting(rng, around, schedule.employed, schedule.idle)
        others = poachers_of(network, around.panel.source, met, _POACHERS, p, rng)
        workers = workers_in(draw_states(rng, 2 * schedule.batch, around), met, rng)
        workers = workers.take(np.arange(schedule.batch) % len(workers.who))
        batch = Batch(workers, rng.uniform(*_TARGETS, size=schedule.batch), met, others)
        c, momentum, left = _step(s, c, momentum, network.weights, batch, p, schedule.at(t))
        lost.append(left)
    found = WorkerNetwork(s, Weights(*(np.asarray(v) for v in c.weights)), np.asarray(c.own))
    return WorkerTraining(found, jax.tree.map(np.asarray, momentum)), [float(v) for v in lost]
