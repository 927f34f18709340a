"""Outside options in JAX: the fixed point of :mod:`bayes_labor.theory.outside_option`, differentiable by ``jax.vjp``.

The coefficients of V are found without tracking gradients; one Newton step at the solution then carries the implicit
derivative, and leaves the value where it is.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from bayes_labor.theory.chebyshev import HALF_WIDTH_FLOOR
from bayes_labor.theory.jax_assignment import Teams, team_totals, teams_of
from bayes_labor.theory.outside_option import CUBIC
from bayes_labor.theory.status import Status

_MAX_ITERATIONS = 100
_ROUNDING = 1e-9


class _Matches(NamedTuple):
    workplace: Any
    worker: Any
    weight: Any
    softness: Any


class _State(NamedTuple):
    """What the map of V's coefficients depends on."""

    total: Any
    moments: Any
    worth: Any
    phi: Any
    power: Any
    floor: Any


def _chebyshev(u: Any, size: int) -> Any:
    """(..., size) Chebyshev polynomials."""
    columns = [jnp.ones_like(u), u]
    for _ in range(size - 2):
        columns.append(2.0 * u * columns[-1] - columns[-2])
    return jnp.stack(columns[:size], -1)


def _feasibility(matches: _Matches, surplus: Any, total: Any, size: Any) -> Any:
    soft = jnp.where(matches.softness > 0, matches.softness, 1.0)
    smooth = jax.nn.sigmoid(jnp.clip(surplus / (size * soft), -700.0, 700.0))
    return jnp.where(matches.softness > 0, smooth, jax.lax.stop_gradient(jnp.where(surplus >= -_ROUNDING * total, 1.0, 0.0)))


def _newcomers(log_talent: Any, beta: Any, scale: Any, z: Any, teams: Teams, workplace: Any) -> tuple[Any, Any, Any]:
    """(total, log cut-off, status) of each matched workplace with its newcomer z (E,): one more worker at the end."""
    larger = teams._replace(team=jnp.concatenate([teams.team, workplace]))
    total, cutoff, status = team_totals(jnp.concatenate([log_talent, z]), beta, scale, larger)
    return total[workplace], cutoff[workplace], status[workplace]


def _update(b_weight: Any, worth: Any, phi: Any, d: Any, vu: Any, nodes: int) -> Any:
    """The map: coefficients of V from weights and marginal products."""
    gain = jnp.where(worth > vu, worth - vu, 0.0)
    if nodes:
        values = vu + d * (b_weight @ gain) / b_weight.sum()
        angle = jnp.pi * (jnp.arange(nodes) + 0.5) / nodes
        matrix = jnp.cos(jnp.arange(nodes)[:, None] * angle) * jnp.where(jnp.arange(nodes) > 0, 2.0, 1.0)[:, None] / nodes
        return matrix @ values
    gram = (phi * b_weight[:, None]).T @ phi
    gram = gram + 1e-14 * gram[0, 0] * jnp.eye(phi.shape[1])
    return jnp.linalg.solve(gram, phi.T @ (b_weight * (vu + d * gain[:, 0])))


def solve_outside_option_jax(
    log_talent: Any, external_index: Any, offsets: Any, industry: Any, beta: Any, scale: Any, d: Any, vu: Any,
    workplace: Any, worker: Any, weight: Any, softness: Any, *, nodes: int,
) -> tuple[Any, ...]:  # fmt: skip
    """Outputs of :func:`bayes_labor.theory.outside_option.solve_outside_option`, differentiable in the smooth inputs."""
    matches = _Matches(workplace, worker, weight, softness)
    teams, size = teams_of(offsets, industry, log_talent.shape[0]), jnp.diff(offsets)
    order = nodes or CUBIC
    finite = jnp.all(jnp.isfinite(external_index)) & jnp.isfinite(d) & jnp.isfinite(vu)
    z = jnp.where(jnp.isfinite(external_index), external_index, 0.0)
    first, last = jnp.argmin(z), jnp.argmax(z)
    half = 0.5 * (z[last] - z[first])
    center, width = 0.5 * (z[first] + z[last]), jnp.where(half > HALF_WIDTH_FLOOR, half, HALF_WIDTH_FLOOR)
    total, cutoff, status = team_totals(log_talent, beta, scale, teams)
    if nodes:
        at = center + width * jnp.cos(jnp.pi * (jnp.arange(nodes) + 0.5) / nodes)
        meet = [jnp.broadcast_to(at[j], workplace.shape) for j in range(nodes)]
        phi = jnp.zeros((workplace.shape[0], order))
    else:
        meet = [z[worker]]
        phi = _chebyshev((z[worker] - center) / width, order)
    joined = [_newcomers(log_talent, beta, scale, m, teams, workplace) for m in meet]
    worth = jnp.stack([j[0] for j in joined], 1) - total[workplace][:, None]
    plus = jnp.stack([j[1] for j in joined], 1)
    code = jnp.maximum(jnp.max(status), jnp.max(jnp.stack([j[2] for j in joined])))
    code = jnp.where(finite, code, Status.NON_FINITE.value)
    basis = _chebyshev((z - center) / width, order)
    moments = jax.ops.segment_sum(basis, teams.team, industry.shape[0])

    state = _State(total, moments, worth, phi, d, vu)
    frozen = jax.lax.stop_gradient(state)
    jacobian_at = jax.jacfwd(lambda b: _mapped(b, frozen, matches, size, nodes))
    b, iterations, settled = _iterate(frozen, matches, size, nodes)
    mass = jnp.sum(_weights(b, frozen, matches, size))
    starved = (code != Status.NON_FINITE.value) & ~(mass > 1e-8 * weight.shape[0])
    code = jnp.where((code == 0) & ~settled, Status.NOT_CONVERGED.value, code)
    code = jnp.where(starved, Status.NO_FEASIBLE_WORKPLACE.value, code)
    b = b + jnp.linalg.solve(jnp.eye(order) - jacobian_at(b), _mapped(b, state, matches, size, nodes) - b)
    ok = code == 0
    value, output = jnp.where(ok, basis @ b, 0.0), jnp.where(ok, total / size, 0.0)
    feasible = jnp.mean(total * (1.0 + _ROUNDING) >= moments @ b)
    diagnostics = jnp.stack([jnp.where(ok, feasible, 0.0), iterations, code.astype(float)])
    return value, output, jnp.where(ok, b, 0.0), jnp.stack([center, width]), diagnostics, cutoff, plus, worth, moments


def _weights(b: Any, state: _State, matches: _Matches, size: Any) -> Any:
    total = state.total[matches.workplace]
    surplus = total - state.moments[matches.workplace] @ b
    return matches.weight * _feasibility(matches, surplus, total, size[matches.workplace])


def _mapped(b: Any, state: _State, matches: _Matches, size: Any, nodes: int) -> Any:
    weight = _weights(b, state, matches, size)
    return _update(weight, state.worth, state.phi, state.power, state.floor, nodes)


def _iterate(state: _State, matches: _Matches, size: Any, nodes: int) -> tuple[Any, Any, Any]:
    """(coefficients, iterations, settled?) by Newton's method, from the point where every workplace counts."""

    def residual(b: Any) -> Any:
        return _mapped(b, state, matches, size, nodes) - b

    def body(loop: tuple) -> tuple:
        i, b, _ = loop
        new = b - jnp.linalg.solve(jax.jacfwd(residual)(b), residual(b))
        return i + 1, new, jnp.max(jnp.abs(new - b)) / (1.0 + jnp.max(jnp.abs(new)))

    def go_on(loop: tuple) -> Any:
        return (loop[0] < _MAX_ITERATIONS) & (loop[2] > 1e-12)

    start = _update(matches.weight, state.worth, state.phi, state.power, state.floor, nodes)
    loop = jax.lax.while_loop(go_on, body, (0, start, jnp.inf))
    return loop[1], loop[0].astype(float), loop[2] <= 1e-12
