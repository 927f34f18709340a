"""Outside options in JAX: the fixed point of :mod:`.outside_option`, differentiable by ``jax.vjp``.

The coefficients of V are found without tracking gradients; one Newton step at the solution then carries the implicit
derivative, and leaves the value where it is.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from bayes_labor.numerics.chebyshev import HALF_WIDTH_FLOOR
from bayes_labor.theory.joint_production.jax_assignment import Teams, team_totals, teams_of
from bayes_labor.theory.joint_production.outside_option import CUBIC
from bayes_labor.theory.joint_production.status import Status
from bayes_labor.theory.joint_production.value_map import (
    ADJUSTED,
    BETTER,
    COUNTS,
    FASTER,
    LEAST_MASS,
    LONGEST_PAUSE,
    PAUSE,
    PLAIN,
    ROUNDING,
    SETTLED,
    SLOWER,
)


class Reduce(NamedTuple):
    """Sums and extremes over all workplaces: on one device, or over the shards along a named axis of a mesh."""

    axis: str | None = None

    def sum(self, x: Any) -> Any:
        """Sum over the shards."""
        return x if self.axis is None else jax.lax.psum(x, self.axis)

    def max(self, x: Any) -> Any:
        """Maximum over the shards; without a gradient."""
        return x if self.axis is None else jax.lax.pmax(jax.lax.stop_gradient(x), self.axis)

    def least(self, x: Any) -> Any:
        """The smallest entry of ``x`` over all shards, with the gradient of the entry that attains it first."""
        mine = x[jnp.argmin(x)]
        if self.axis is None:
            return mine
        here = jax.lax.axis_index(self.axis)
        attained = jax.lax.stop_gradient(mine) == -self.max(-mine)
        first = -self.max(-jnp.where(attained, here, jnp.iinfo(here.dtype).max))
        return self.sum(jnp.where(here == first, mine, 0.0))


class Matches(NamedTuple):
    """Hypothetical matches: ``workplace`` (E,), ``weight`` (E,), and the index z (E,) of whom each meets, unless at nodes."""

    workplace: Any
    weight: Any
    softness: Any
    newcomer: Any


class Equilibrium(NamedTuple):
    """What :func:`solve_equilibrium` finds, names as in :class:`.outside_option.OutsideOption`."""

    value: Any
    output: Any
    coefficients: Any
    domain: Any
    feasible_share: Any
    iterations: Any
    code: Any
    cutoffs: Any
    newcomer_cutoffs: Any
    marginal_product: Any
    basis_sums: Any


class _State(NamedTuple):
    """What the map of V's coefficients depends on."""

    total: Any
    moments: Any
    worth: Any
    phi: Any
    power: Any
    floor: Any


class _Map(NamedTuple):
    """How the map is formed."""

    matches: Matches
    size: Any
    nodes: int
    reduce: Reduce


def _chebyshev(u: Any, size: int) -> Any:
    """(..., size) Chebyshev polynomials."""
    columns = [jnp.ones_like(u), u]
    for _ in range(size - 2):
        columns.append(2.0 * u * columns[-1] - columns[-2])
    return jnp.stack(columns[:size], -1)


def _feasibility(matches: Matches, surplus: Any, total: Any, size: Any) -> Any:
    soft = jnp.where(matches.softness > 0, matches.softness, 1.0)
    smooth = jax.nn.sigmoid(jnp.clip(surplus / (size * soft), -700.0, 700.0))
    return jnp.where(matches.softness > 0, smooth, jax.lax.stop_gradient(jnp.where(surplus >= -ROUNDING * total, 1.0, 0.0)))


def _newcomers(log_talent: Any, beta: Any, scale: Any, z: Any, teams: Teams, workplace: Any) -> tuple[Any, Any, Any]:
    """(total, log cut-off, status) of each matched workplace with its newcomer z (E,): one more worker at the end."""
    copies = jnp.broadcast_to(teams.copies, teams.team.shape)
    larger = Teams(jnp.concatenate([teams.team, workplace]), teams.industry, jnp.concatenate([copies, jnp.ones_like(z)]))
    total, cutoff, status = team_totals(jnp.concatenate([log_talent, z]), beta, scale, larger)
    return total[workplace], cutoff[workplace], status[workplace]


def _update(b_weight: Any, state: _State, nodes: int, reduce: Reduce) -> Any:
    """The map: coefficients of V from weights and marginal products."""
    gain = jnp.where(state.worth > state.floor, state.worth - state.floor, 0.0)
    if nodes:
        values = state.floor + state.power * reduce.sum(b_weight @ gain) / reduce.sum(b_weight.sum())
        angle = jnp.pi * (jnp.arange(nodes) + 0.5) / nodes
        matrix = jnp.cos(jnp.arange(nodes)[:, None] * angle) * jnp.where(jnp.arange(nodes) > 0, 2.0, 1.0)[:, None] / nodes
        return matrix @ values
    phi = state.phi
    gram = reduce.sum((phi * b_weight[:, None]).T @ phi)
    gram = gram + 1e-14 * gram[0, 0] * jnp.eye(phi.shape[1])
    return jnp.linalg.solve(gram, reduce.sum(phi.T @ (b_weight * (state.floor + state.power * gain[:, 0]))))


def solve_outside_option_jax(
    log_talent: Any, external_index: Any, offsets: Any, industry: Any, beta: Any, scale: Any, d: Any, vu: Any,
    workplace: Any, worker: Any, weight: Any, softness: Any, copies: Any, *, nodes: int,
) -> tuple[Any, ...]:  # fmt: skip
    """Outputs of :func:`.outside_option.solve_outside_option`, differentiable in the smooth inputs."""
    teams = teams_of(offsets, industry, log_talent.shape[0])._replace(copies=copies)
    size = teams.sum(copies)
    met = jnp.zeros_like(weight) if nodes else external_index[worker]
    found = solve_equilibrium(
        log_talent, external_index, teams, size, beta, scale, d, vu, Matches(workplace, weight, softness, met),
        jnp.ones(industry.shape[0]), nodes, Reduce(),
    )  # fmt: skip
    diagnostics = jnp.stack([found.feasible_share, found.iterations, found.code.astype(float)])
    return (*found[:4], diagnostics, *found[7:])


def solve_equilibrium(
    log_talent: Any, external_index: Any, teams: Teams, size: Any, beta: Any, scale: Any, d: Any, vu: Any,
    matches: Matches, counts: Any, nodes: int, reduce: Reduce,
) -> Equilibrium:  # fmt: skip
    """The equilibrium of the workplaces of all shards, from one shard's; ``counts`` (F,) is 0 for padding."""
    order = nodes or CUBIC
    finite = jnp.all(jnp.isfinite(external_index)) & jnp.isfinite(d) & jnp.isfinite(vu)
    z = jnp.where(jnp.isfinite(external_index), external_index, 0.0)
    least, most = reduce.least(z), -reduce.least(-z)
    half = 0.5 * (most - least)
    center, width = 0.5 * (least + most), jnp.where(half > HALF_WIDTH_FLOOR, half, HALF_WIDTH_FLOOR)
    total, cutoff, status = team_totals(log_talent, beta, scale, teams)
    if nodes:
        at = center + width * jnp.cos(jnp.pi * (jnp.arange(nodes) + 0.5) / nodes)
        meet = [(jnp.broadcast_to(at[j], matches.workplace.shape), matches.workplace) for j in range(nodes)]
        phi = jnp.zeros((matches.workplace.shape[0], order))
    else:
        newcomer = jnp.where(jnp.isfinite(matches.newcomer), matches.newcomer, 0.0)
        rounds = max(matches.workplace.shape[0] // teams.industry.shape[0], 1)  # of one newcomer for every workplace
        meet = [(newcomer[m::rounds], matches.workplace[m::rounds]) for m in range(rounds)]
        phi = _chebyshev((newcomer - center) / width, order)
    joined = [_newcomers(log_talent, beta, scale, m, teams, workplace) for m, workplace in meet]
    by_match = (matches.workplace.shape[0], nodes or 1)
    worth = jnp.stack([j[0] for j in joined], 1).reshape(by_match) - total[matches.workplace][:, None]
    newcomer_cutoffs = jnp.stack([j[1] for j in joined], 1).reshape(by_match)
    code = jnp.maximum(jnp.max(status), jnp.max(jnp.stack([j[2] for j in joined])))
    code = reduce.max(jnp.where(finite, code, Status.NON_FINITE.value))
    basis = _chebyshev((z - center) / width, order)
    copies = jnp.broadcast_to(teams.copies, teams.team.shape)
    moments = jax.ops.segment_sum(copies[:, None] * basis, teams.team, teams.industry.shape[0])

    state, form = _State(total, moments, worth, phi, d, vu), _Map(matches, size, nodes, reduce)
    frozen = jax.lax.stop_gradient(state)
    b, iterations, settled = _iterate(frozen, form)
    mass, matched = reduce.sum(jnp.sum(_weights(b, frozen, form))), reduce.sum(jnp.sum(matches.weight > 0))
    starved = (code != Status.NON_FINITE.value) & ~(mass > LEAST_MASS * matched)
    code = jnp.where((code == 0) & ~settled, Status.NOT_CONVERGED.value, code)
    code = jnp.where(starved, Status.NO_FEASIBLE_WORKPLACE.value, code)
    if not nodes:
        counting = reduce.sum(jnp.sum((_weights(b, frozen, form) >= COUNTS * matches.weight) & (matches.weight > 0)))
        code = jnp.where((code == 0) & (counting < order), Status.TOO_FEW_MATCHES.value, code)
    jacobian = jax.jacfwd(lambda b: _mapped(b, frozen, form))(b)
    b = b + jnp.linalg.solve(jnp.eye(order) - jacobian, _mapped(b, state, form) - b)
    ok = code == 0
    feasible = reduce.sum(jnp.sum(counts * (total * (1.0 + ROUNDING) >= moments @ b))) / reduce.sum(jnp.sum(counts))
    return Equilibrium(
        value=jnp.where(ok, jnp.maximum(basis @ b, vu), 0.0), output=jnp.where(ok, total / size, 0.0),
        coefficients=jnp.where(ok, b, 0.0), domain=jnp.stack([center, width, jnp.where(jnp.isfinite(vu), vu, 0.0)]),
        feasible_share=jnp.where(ok, feasible, 0.0), iterations=iterations, code=code,
        cutoffs=cutoff, newcomer_cutoffs=newcomer_cutoffs, marginal_product=worth, basis_sums=moments,
    )  # fmt: skip


def _weights(b: Any, state: _State, form: _Map) -> Any:
    at = form.matches.workplace
    total = state.total[at]
    surplus = total - state.moments[at] @ b
    return form.matches.weight * _feasibility(form.matches, surplus, total, form.size[at])


def _mapped(b: Any, state: _State, form: _Map) -> Any:
    return _update(_weights(b, state, form), state, form.nodes, form.reduce)


def _iterate(state: _State, form: _Map) -> tuple[Any, Any, Any]:
    """(coefficients, iterations, settled?) as :mod:`.value_map` finds them: by Newton's method, else by adjusting V."""

    def residual(b: Any) -> Any:
        return _mapped(b, state, form) - b

    def newton(b: Any) -> Any:
        return b - jnp.linalg.solve(jax.jacfwd(residual)(b), residual(b))

    def body(loop: tuple) -> tuple:
        i, b, _ = loop
        new = newton(b)
        return i + 1, new, jnp.max(jnp.abs(new - b)) / (1.0 + jnp.max(jnp.abs(new)))

    def go_on(loop: tuple) -> Any:
        return (loop[0] < PLAIN) & (loop[2] > SETTLED)

    def adjust(loop: tuple) -> tuple:
        i, b, share, last, (wait, pause, was_taken), _ = loop
        step, tried = residual(b), newton(b)
        swung = jnp.where(i > 0, jnp.where(step @ last < 0.0, share * SLOWER, jnp.minimum(1.0, share * FASTER)), share)
        better = jnp.max(jnp.abs(residual(tried))) <= BETTER * jnp.max(jnp.abs(step))
        taken, failed = (wait == 0) & better, (wait == 0) & ~better
        longer = jnp.where(failed & was_taken, jnp.minimum(2 * pause, LONGEST_PAUSE), pause)
        wait = jnp.where(taken, 0, jnp.where(failed, longer, wait) - 1)
        new, last = jnp.where(taken, tried, b + swung * step), jnp.where(taken, 0.0, step)
        change = jnp.max(jnp.abs(residual(new))) / (1.0 + jnp.max(jnp.abs(new)))
        return i + 1, new, swung, last, (wait, longer, taken | (was_taken & ~failed)), change

    def adjusting(loop: tuple) -> Any:
        return (loop[0] < ADJUSTED) & (loop[5] > SETTLED)

    start = _update(form.matches.weight, state, form.nodes, form.reduce)
    plain = jax.lax.while_loop(go_on, body, (0, start, jnp.inf))
    mass = form.reduce.sum(jnp.sum(_weights(plain[1], state, form)))
    done = (plain[2] <= SETTLED) & (mass > LEAST_MASS * form.reduce.sum(jnp.sum(form.matches.weight > 0)))
    first = (0, start, 1.0, jnp.zeros_like(start), (0, PAUSE, False), jnp.where(done, 0.0, jnp.inf))
    slow = jax.lax.while_loop(adjusting, adjust, first)
    settled = done | (slow[5] <= SETTLED)
    return jnp.where(done, plain[1], slow[1]), (plain[0] + slow[0]).astype(float), settled
