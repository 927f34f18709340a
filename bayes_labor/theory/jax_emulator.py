"""Emulated moments in JAX; see :mod:`bayes_labor.theory.emulator`."""

from typing import Any

import jax.numpy as jnp


def emulate_jax(
    x: Any, points: Any, trend: Any, scale: Any, rate: Any, spread: Any, weights: Any, root: Any, inflation: Any
) -> tuple[Any, Any, Any, Any]:  # fmt: skip
    """As :func:`bayes_labor.theory.emulator.emulate`."""
    gap = points - x
    near = spread[:, None] * jnp.exp(-0.5 * rate @ (gap**2).T)
    half = jnp.einsum("kij,kj->ki", root, near)
    solved, known = jnp.einsum("kij,ki->kj", root, half), (half**2).sum(1)
    size = scale**2 * inflation
    slope, bend = (jnp.einsum("ki,id->kd", near * v, gap) * rate for v in (weights, solved))
    mean = trend @ jnp.append(x, 1.0) + scale * (near * weights).sum(1)
    inside = jnp.where(spread > known, size, 0.0)
    return mean, size * jnp.maximum(spread - known, 0.0), trend[:, :-1] + scale[:, None] * slope, -2.0 * inside[:, None] * bend
