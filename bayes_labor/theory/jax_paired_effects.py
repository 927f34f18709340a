"""Two linear equations of the same workers with correlated effects integrated out, in JAX."""

from typing import Any

import jax
import jax.numpy as jnp


def log_likelihood_jax(
    first: Any, second: Any, loading: Any, scales: Any, first_offsets: Any, second_offsets: Any
) -> Any:  # fmt: skip
    """As :func:`bayes_labor.theory.paired_effects.paired_likelihood`, the value alone."""
    workers = first_offsets.shape[0] - 1

    def sums(values: Any, offsets: Any) -> Any:
        of = jnp.repeat(jnp.arange(workers), jnp.diff(offsets), total_repeat_length=values.shape[0])
        return jax.ops.segment_sum(values, of, workers)

    sd, corr, w_1, w_2 = jnp.exp(scales[:2]), scales[2], jnp.exp(-2.0 * scales[3]), jnp.exp(-2.0 * scales[4])
    left = 1.0 - corr**2
    m_11 = 1.0 / (left * sd[0] ** 2) + w_1 * jnp.diff(first_offsets) + w_2 * sums(loading**2, second_offsets)
    m_12 = -corr / (left * sd[0] * sd[1]) + w_2 * sums(loading, second_offsets)
    m_22 = 1.0 / (left * sd[1] ** 2) + w_2 * jnp.diff(second_offsets)
    z_1 = w_1 * sums(first, first_offsets) + w_2 * sums(loading * second, second_offsets)
    z_2 = w_2 * sums(second, second_offsets)
    determinant = m_11 * m_22 - m_12**2
    explained = (m_22 * z_1**2 - 2.0 * m_12 * z_1 * z_2 + m_11 * z_2**2) / determinant
    n, m = first.shape[0], second.shape[0]
    constant = (n + m) * jnp.log(2.0 * jnp.pi) + 2.0 * n * scales[3] + 2.0 * m * scales[4]
    by_worker = jnp.log(left) + 2.0 * scales[0] + 2.0 * scales[1] + jnp.log(determinant) - explained
    return -0.5 * (constant + by_worker.sum() + w_1 * (first**2).sum() + w_2 * (second**2).sum())


def paired_likelihood_jax(
    first: Any, second: Any, loading: Any, scales: Any, *offsets: Any
) -> tuple[Any, Any, Any, Any, Any]:  # fmt: skip
    """(log likelihood, its gradient in both residuals, the loading and the scales)."""
    value, slopes = jax.value_and_grad(log_likelihood_jax, (0, 1, 2, 3))(first, second, loading, scales, *offsets)
    return value, *slopes
