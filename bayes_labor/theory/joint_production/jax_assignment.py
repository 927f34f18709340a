"""Task assignment in JAX: the same tables and the same iteration as the numba kernels, in array form for the GPU.

The table of an industry has a fixed number of cells, its sweep is an associative scan, and all workplaces iterate together on
the cut-off. Gradients are the envelope formulas (a custom rule), so nothing is differentiated through the iteration.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bayes_labor.theory.joint_production.assignment import MAX_ITERATIONS, TOLERANCE
from bayes_labor.theory.joint_production.status import Status
from bayes_labor.theory.joint_production.talent_table import BETA_LINEAR, BETA_MAX, NODES, WEIGHTS

CELLS = 2048
_TERMS = 60


class JaxTable(NamedTuple):
    """Tables of K industries, each field with a leading axis K; names as in :mod:`.talent_table`."""

    coefficients: Any  # (CELLS, 18): excess, share, slope
    sign: Any
    rate: Any
    ratio: Any
    low: Any
    high: Any
    inv_step: Any
    weights: Any  # (2,)
    outside: Any
    ln_omega: Any  # (2,)
    dbeta: Any  # (3,)
    ln_price: Any
    edge: Any  # (2,)
    equal: Any


def _power_series(rate: Any, x: Any) -> tuple[Any, Any]:
    """As its namesake in :mod:`bayes_labor.theory.joint_production.talent_table`, elementwise."""

    def body(k: Any, state: tuple) -> tuple:
        term, first, second = state
        part = term / (rate + k)
        return -term * x / (k + 1), first + part, second + part / (rate + k)

    zero = jnp.zeros(jnp.broadcast_shapes(jnp.shape(rate), jnp.shape(x)))
    _, first, second = jax.lax.fori_loop(0, _TERMS, body, (x * x + zero, zero, zero))
    return first, second


def _derivatives(sign: Any, rate: Any, ratio: Any, t: Any, smooth: Any, slope: Any) -> tuple[tuple, tuple, tuple]:
    x = jnp.exp(t)
    decay = jnp.exp(-x)
    phi, dphi = x * x * decay, (2.0 - x) * x * x * decay
    d = -sign * (rate * smooth + phi)
    dd = -sign * (rate * d + dphi)
    e = -sign * (rate * slope + smooth)
    ee = -sign * (rate * e + d)
    upper = (1.0 + x) * decay
    small, _ = _power_series(2.0, jnp.minimum(x, 0.1))
    lower = jnp.where(x > 0.1, -jnp.expm1(-x) - x * decay, small)
    positive = ((lower - ratio * smooth, phi - ratio * d, dphi - ratio * dd), (smooth, d, dd))
    negative = ((smooth - ratio * upper, d + ratio * phi, dd + ratio * dphi), (upper, -phi, -dphi))
    both = jax.tree.map(lambda a, b: jnp.where(sign > 0, a, b), positive, negative)
    return both[0], both[1], (slope, e, ee)


def _hermite(f: tuple, step: Any) -> Any:
    """(CELLS, 6) quintic coefficients from (value, first, second derivative) at the CELLS + 1 grid points."""
    c0, c1, c2 = f[0], step * f[1], 0.5 * step * step * f[2]
    a, b, c = c0[:-1], c1[:-1], c2[:-1]
    d0, d1, d2 = c0[1:] - a - b - c, c1[1:] - b - 2.0 * c, c2[1:] - c
    return jnp.stack([a, b, c, 10 * d0 - 4 * d1 + d2, -15 * d0 + 7 * d1 - 2 * d2, 6 * d0 - 3 * d1 + d2], 1)


def _sweep(sign: Any, rate: Any, low: Any, step: Any) -> tuple[Any, Any]:
    """The two smoothings at the grid points, by an associative scan of affine maps."""
    corners = low + step * jnp.arange(CELLS)
    x = jnp.exp(corners[:, None] + step * NODES)
    u = step * jnp.where(sign > 0, NODES, 1.0 - NODES)
    panel = step * WEIGHTS * x * x * jnp.exp(rate * u - x)
    p, q = panel.sum(1), (u * panel).sum(1)
    p, q = (jnp.where(sign > 0, v[::-1], v) for v in (p, q))
    first, second = _power_series(2.0 - rate, jnp.exp(low))
    start = jnp.where(sign > 0, 0.0, jnp.stack([first, second]))

    def after(left: tuple, right: tuple) -> tuple:
        n1, p1, q1 = left
        n2, p2, q2 = right
        grow = jnp.exp(rate * step * n2)
        return n1 + n2, grow * p1 + p2, grow * (q1 + n2 * step * p1) + q2

    steps = jnp.concatenate([jnp.zeros(1), jnp.ones(CELLS)])
    _, smooth, slope = jax.lax.associative_scan(
        after, (steps, jnp.concatenate([start[:1], p]), jnp.concatenate([start[1:], q]))
    )
    return tuple(jnp.where(sign > 0, v[::-1], v) for v in (smooth, slope))


def _table(beta: Any) -> JaxTable:
    """Table of one exponent, which must be neither zero nor out of range."""
    positive = beta > 0
    b = jnp.where(positive, 0.5, -beta)
    r = jnp.where(positive, beta / (1.0 - beta), 1.0)
    k = b / (1.0 - b)
    sign = jnp.where(positive, 1.0, -1.0)
    rate, ratio = jnp.where(positive, r, 1.0 - b), jnp.where(positive, r, k)
    guess = jnp.where(positive, jnp.where(r < 1, 0.5 * jnp.log(2 * r), jnp.log(1.41 + r / np.e)), 0.5 * jnp.log(b))
    width = jnp.where(positive, jnp.clip(40.0 / r, 0.7, 8.0), 8.0)
    low = jnp.maximum(-20.0, guess - width)
    high = jnp.where(positive, jnp.log(42.0 + 2.5 * r), np.log(45.0))
    step = (high - low) / CELLS
    smooth, slope = _sweep(sign, rate, low, step)
    t = low + step * jnp.arange(CELLS + 1)
    functions = _derivatives(sign, rate, ratio, t, smooth, slope)
    p, q = _power_series(rate + 2.0, jnp.exp(low))
    edge = jnp.where(positive, jnp.stack([smooth[0] + p, slope[0] - q]), jnp.stack([smooth[-1], slope[-1]]))
    pick = partial(jnp.where, positive)
    table = JaxTable(
        coefficients=jnp.concatenate([_hermite(f, step) for f in functions], 1),
        sign=sign,
        rate=rate,
        ratio=ratio,
        low=low,
        high=high,
        inv_step=1.0 / step,
        weights=pick(jnp.stack([jnp.ones(()), 2.0 * r + 1.0]), jnp.stack([b, 1.0 + b * k])),
        outside=1.0 - jnp.abs(beta),
        ln_omega=pick(jnp.stack([beta * jnp.log(r), beta]), jnp.stack([b * jnp.log(k), -b * (1.0 - b)])),
        dbeta=pick(jnp.stack([jnp.log(r), jnp.ones(()), r + 1.0]), jnp.stack([-jnp.log(k), 1.0 - 2.0 * b, 1.0 - b])),
        ln_price=pick(0.0, 1.0 - b),
        edge=edge,
        equal=jnp.zeros(()),
    )
    return table._replace(equal=_equal_workers(table, guess))


def _outside_table(table: JaxTable, t: Any) -> tuple[tuple, tuple, tuple]:
    """Closed forms left and right of the table, elementwise; ``table`` without its coefficients."""
    rate, positive = table.rate, table.sign > 0
    u = jnp.where(positive, table.low - t, t - table.high)
    grow = jnp.exp(rate * jnp.maximum(u, 0.0))
    edge, edge_slope = table.edge[..., 0], table.edge[..., 1]
    p, q = _power_series(jnp.where(positive, rate + 2.0, 2.0 - rate), jnp.exp(jnp.minimum(t, table.low)))
    far, far_slope = grow * edge, grow * (edge_slope + u * edge)
    smooth = jnp.where(t < table.low, jnp.where(positive, far - p, p), jnp.where(positive, 0.0, far))
    slope = jnp.where(t < table.low, jnp.where(positive, far_slope + q, q), jnp.where(positive, 0.0, far_slope))
    # Above exp(6) both phi and Gamma(2, x) are zero; the bound keeps x finite.
    return _derivatives(table.sign, rate, table.ratio, jnp.minimum(t, 6.0), smooth, slope)


def _cell(table: JaxTable, t: Any) -> tuple[Any, Any, Any]:
    """(cell, coordinate in the cell, inside the table?) of t."""
    position = (t - table.low) * table.inv_step
    j = jnp.clip(jnp.clip(position, -1.0, CELLS).astype(int), 0, CELLS - 1)
    return j, position - j, (position >= 0) & (position < CELLS)


def _evaluate(table: JaxTable, c: Any, u: Any, inside: Any, t: Any) -> tuple[Any, Any, Any, Any, Any]:
    """(excess, its first and second derivative, share, slope), elementwise from cell coefficients (..., 18)."""

    def value(i: int) -> Any:
        return c[..., i] + u * (
            c[..., i + 1] + u * (c[..., i + 2] + u * (c[..., i + 3] + u * (c[..., i + 4] + u * c[..., i + 5])))
        )

    first = c[..., 1] + u * (2 * c[..., 2] + u * (3 * c[..., 3] + u * (4 * c[..., 4] + u * 5 * c[..., 5])))
    second = 2 * c[..., 2] + u * (6 * c[..., 3] + u * (12 * c[..., 4] + u * 20 * c[..., 5]))
    near = (value(0), first * table.inv_step, second * table.inv_step**2, value(6), value(12))

    def everywhere() -> tuple:
        excess, share, slope = _outside_table(table, t)
        return tuple(jnp.where(inside, a, b) for a, b in zip(near, (*excess, share[0], slope[0]), strict=True))

    return jax.lax.cond(jnp.all(inside), lambda: near, everywhere)


def _equal_workers(table: JaxTable, guess: Any) -> Any:
    """The zero of a single worker's excess, by bisection and Newton from a guess; it is left of the table for a tiny beta."""

    def body(_: int, bracket: tuple) -> tuple:
        low, high, t = bracket
        j, u, inside = _cell(table, t)
        value, slope, *_rest = _evaluate(table, table.coefficients[j], u, inside, t)
        low, high = jnp.where(value > 0, low, t), jnp.where(value > 0, t, high)
        new = t - value / slope
        return low, high, jnp.where((new >= low) & (new <= high), new, 0.5 * (low + high))

    return jax.lax.fori_loop(0, 100, body, (jnp.minimum(table.low, guess - 1.0), table.high, guess))[2]


def build_tables(beta: Any) -> JaxTable:
    """Tables of K exponents; zero and inadmissible ones get a stand-in that is never used."""
    usable = (jnp.abs(beta) >= BETA_LINEAR) & (beta > -1.0) & (beta <= BETA_MAX)
    return jax.vmap(_table)(jnp.where(usable, beta, 0.5))


class Teams(NamedTuple):
    """Workers in F teams: ``team`` (N,) is each worker's team, ``industry`` (F,) its row of the tables.

    ``copies``, (N,) or one for all, is how many workers each stands for.
    """

    team: Any
    industry: Any
    copies: Any = np.float64(1.0)

    def sum(self, values: Any) -> Any:
        """(F,) sums over each team."""
        return jax.ops.segment_sum(values, self.team, self.industry.shape[0])


def workers(tables: JaxTable, rows: Any, t: Any) -> tuple[Any, Any, Any, Any, Any]:
    """(excess, first, second derivative, share, slope) of workers whose industries are ``rows``, at t."""
    mine = JaxTable(None, *(a[rows] for a in tables[1:]))
    j, u, inside = _cell(mine, t)
    return _evaluate(mine, tables.coefficients[rows, j], u, inside, t)


def find_cutoffs(tables: JaxTable, log_talent: Any, weight: Any, span: tuple, teams: Teams) -> tuple[Any, Any]:
    """(F,) log cut-offs by safeguarded Halley iterations on all teams at once; whether each converged."""
    equal, rows = tables.equal[teams.industry], teams.industry[teams.team]
    low, high = equal + span[0], equal + span[1]

    def body(state: tuple) -> tuple:
        i, x, low, high, _ = state
        h, d, dd, _, _ = workers(tables, rows, x[teams.team] - log_talent)
        value, slope, curvature = teams.sum(weight * h), teams.sum(weight * d), teams.sum(weight * dd)
        low, high = jnp.where(value > 0, low, x), jnp.where(value > 0, x, high)
        newton = value / slope  # ratios: for |beta| far below the smallest that matters, products underflow
        new = x - newton / (1.0 - 0.5 * newton * (curvature / slope))
        new = jnp.where((new >= low) & (new <= high), new, 0.5 * (low + high))
        return i + 1, new, low, high, jnp.abs(new - x)

    def go_on(state: tuple) -> Any:
        return (state[0] < MAX_ITERATIONS) & jnp.any(state[4] >= TOLERANCE)

    start = jnp.clip(equal + teams.sum(weight * log_talent) / teams.sum(weight), low, high)
    state = jax.lax.while_loop(go_on, body, (0, start, low, high, jnp.full(start.shape, jnp.inf)))
    return state[1], state[4] < TOLERANCE


class TeamTotals(NamedTuple):
    """Totals of F teams and their derivatives."""

    total: Any  # (F,) N Q
    d_total_d_log_talent: Any  # (N,)
    d_ln_total_d_beta: Any  # (F,)
    ln_cutoff: Any  # (F,)
    status: Any  # (F,)


def solve_teams(log_talent: Any, beta: Any, scale: Any, teams: Teams) -> TeamTotals:
    """Solve F teams; a failed team has zeros and a status."""
    rows, n = teams.industry, teams.industry.shape[0]
    finite = jnp.isfinite(beta) & jnp.isfinite(scale) & (scale > 0)
    in_range = (beta > -1.0) & (beta <= BETA_MAX)
    bad_talent = teams.sum(jnp.where(jnp.isfinite(log_talent), 0.0, 1.0)) > 0
    theta = jnp.where(jnp.isfinite(log_talent), log_talent, 0.0)
    tables = build_tables(jnp.where(finite & in_range, beta, 0.5))
    top = jax.ops.segment_max(theta, teams.team, n)
    span = (jax.ops.segment_min(theta, teams.team, n), top)
    weight = teams.copies * jnp.exp(theta - top[teams.team])
    ln_cutoff, converged = find_cutoffs(tables, theta, weight, span, teams)
    excess, _, _, share, slope = workers(tables, rows[teams.team], ln_cutoff[teams.team] - theta)
    w = tables.weights[rows[teams.team]]
    marginal = weight * (w[:, 0] * excess + w[:, 1] * share)
    team_share = teams.sum(weight * share)
    linear = jnp.abs(beta[rows]) < BETA_LINEAR
    omega, c = tables.ln_omega[rows], tables.dbeta[rows]
    factor = jnp.exp(jnp.log(jnp.where(finite, scale, 1.0))[rows] + top)
    curved = factor * jnp.exp(omega[:, 0] + omega[:, 1] * ln_cutoff)
    total = jnp.where(linear, factor * teams.sum(weight), curved * team_share)
    d_talent = jnp.where(
        linear[teams.team], (factor[teams.team] * weight), (curved * tables.outside[rows])[teams.team] * marginal
    )
    d_beta = jnp.where(linear, 0.0, c[:, 0] + c[:, 1] * ln_cutoff + c[:, 2] * teams.sum(weight * slope) / team_share)
    status = jnp.where(linear | converged, Status.OK.value, Status.NOT_CONVERGED.value)
    solved = (total > 0) & jnp.isfinite(total) & jnp.isfinite(d_beta)
    status = jnp.where((status == 0) & ~solved, Status.OVERFLOW.value, status)
    status = jnp.where(~in_range[rows], Status.BETA_RANGE.value, status)
    status = jnp.where(bad_talent | ~finite[rows], Status.NON_FINITE.value, status)
    ok = status == 0
    return TeamTotals(
        jnp.where(ok, total, 0.0),
        jnp.where(ok[teams.team], d_talent, 0.0),
        jnp.where(ok, d_beta, 0.0),
        jnp.where(linear | ~ok, -jnp.inf, ln_cutoff),
        status.astype("int64"),
    )


@jax.custom_vjp
def team_totals(log_talent: Any, beta: Any, scale: Any, teams: Teams) -> tuple[Any, Any, Any]:
    """(N Q, log cut-off, status) of F teams, differentiable in talents, beta and scale by the envelope theorem."""
    s = solve_teams(log_talent, beta, scale, teams)
    return s.total, s.ln_cutoff, s.status


def _totals_forward(log_talent: Any, beta: Any, scale: Any, teams: Teams) -> tuple:
    s = solve_teams(log_talent, beta, scale, teams)
    return (s.total, s.ln_cutoff, s.status), (s, scale, teams)


def _totals_backward(kept: tuple, cotangents: tuple) -> tuple:
    s, scale, teams = kept
    g, rows, k = cotangents[0], teams.industry, scale.shape[0]
    none = np.zeros(teams.team.shape, jax.dtypes.float0), np.zeros(teams.industry.shape, jax.dtypes.float0)
    no_gradient = Teams(*none, jnp.zeros_like(teams.copies))
    g_beta = jax.ops.segment_sum(g * s.total * s.d_ln_total_d_beta, rows, k)
    return g[teams.team] * s.d_total_d_log_talent, g_beta, jax.ops.segment_sum(g * s.total, rows, k) / scale, no_gradient


team_totals.defvjp(_totals_forward, _totals_backward)


def teams_of(offsets: Any, industry: Any, n_workers: int) -> Teams:
    """Teams from offsets; the number of workers must be static."""
    n = industry.shape[0]
    return Teams(jnp.repeat(jnp.arange(n), jnp.diff(offsets), total_repeat_length=n_workers), industry)


def solve_assignment_jax(log_talent: Any, beta: Any, scale: Any, offsets: Any, industry: Any) -> tuple[Any, ...]:
    """Outputs of :func:`bayes_labor.theory.joint_production.assignment.solve_assignment`, from (K,) beta and scale."""
    teams = teams_of(offsets, industry, log_talent.shape[0])
    s, size = solve_teams(log_talent, beta, scale, teams), jnp.diff(offsets)
    tables = build_tables(beta)
    curved = s.ln_cutoff > -jnp.inf
    x = jnp.where(curved, s.ln_cutoff, 0.0)
    omega = tables.ln_omega[industry]
    ln_price = omega[:, 0] + (omega[:, 1] + tables.ln_price[industry]) * x
    price = scale[industry] * tables.outside[industry] * jnp.exp(ln_price)
    return (
        s.total / size,
        jnp.where(curved, jnp.exp(x), 0.0),
        jnp.where(curved, price, 0.0),
        s.d_total_d_log_talent / size[teams.team],
        s.total * s.d_ln_total_d_beta / size,
        s.status,
    )
