"""Logit panels with worker effects in JAX. Rows of a worker are adjacent."""

from typing import Any

import jax
import jax.numpy as jnp

from bayes_labor.theory.logit_panel import _NEWTON, _REACH

_NEVER = -1e30  # log of what cannot be: finite, so that derivatives are


def marginal_logit_jax(nodes: int, index: Any, log_tau: Any, won: Any, offsets: Any) -> tuple[Any, Any, Any]:
    """As :func:`bayes_labor.theory.logit_panel.marginal_logit`."""
    n, groups = index.shape[0], offsets.shape[0] - 1
    worker = jnp.searchsorted(offsets, jnp.arange(n), side="right") - 1
    tau = jnp.exp(log_tau)

    def by_worker(values: Any) -> Any:
        return jax.ops.segment_sum(values, worker, groups)

    def newton(_: int, v: Any) -> Any:
        p = jax.nn.sigmoid(index + tau * v[worker])
        slope, curvature = by_worker(tau * (won - p)) - v, 1.0 + by_worker(tau**2 * p * (1.0 - p))
        return v + jnp.clip(slope / curvature, -2.0, 2.0)

    center = jax.lax.fori_loop(0, _NEWTON, newton, jnp.zeros(groups))
    p = jax.nn.sigmoid(index + tau * center[worker])
    width = 1.0 / jnp.sqrt(1.0 + by_worker(tau**2 * p * (1.0 - p)))
    at = center + width * jnp.linspace(-_REACH, _REACH, nodes)[:, None]
    odds = index + tau * at[:, worker]
    rows = jax.nn.log_sigmoid(jnp.where(won > 0, odds, -odds))
    logs = -0.5 * at**2 + jax.vmap(by_worker)(rows)
    top = logs.max(0)
    mass = jnp.exp(logs - top)
    spacing = 2.0 * _REACH / (nodes - 1)
    value = (top + jnp.log(mass.sum(0) * width * spacing) - 0.5 * jnp.log(2.0 * jnp.pi)).sum()
    gap = (mass / mass.sum(0))[:, worker] * (won - jax.nn.sigmoid(odds))
    return value, gap.sum(0), (gap * tau * at[:, worker]).sum()


def conditional_logit_jax(longest: int | None, index: Any, won: Any, offsets: Any) -> tuple[Any, Any]:
    """As :func:`bayes_labor.theory.logit_panel.conditional_logit`.

    ``longest``: no worker has more rows; None where that is not known before the offsets are: room is then made for a worker
    who has them all, which costs the square of the rows.
    """
    n, groups = index.shape[0], offsets.shape[0] - 1
    width = (n if longest is None else longest) + 1
    worker = jnp.searchsorted(offsets, jnp.arange(n), side="right") - 1
    begins = jnp.isin(jnp.arange(n), offsets[:-1])
    wins, rows = jax.ops.segment_sum(won, worker, groups), jnp.diff(offsets)
    counted = (wins > 0) & (wins < rows)
    empty = jnp.full(width, _NEVER).at[0].set(0.0)

    def add_row(table: Any, row: tuple[Any, Any]) -> tuple[Any, Any]:
        """Sums over ways to win k of the worker's rows so far."""
        x, new = row
        before = jnp.where(new, empty, table)
        after = jnp.logaddexp(before, jnp.concatenate([jnp.full(1, _NEVER), before[:-1] + x]))
        return after, after

    def log_likelihood(index: Any) -> Any:
        tables = jax.lax.scan(add_row, empty, (index, begins))[1]
        whole = tables[offsets[1:] - 1, jnp.minimum(wins.astype(int), width - 1)]
        own = jax.ops.segment_sum(won * index, worker, groups)
        return jnp.where(counted, own - jnp.where(counted, whole, 0.0), 0.0).sum()

    found: tuple[Any, Any] = jax.value_and_grad(log_likelihood)(index)
    return found
