"""The likelihood of a panel with worker effects integrated out, in JAX."""

from typing import Any

import jax
import jax.numpy as jnp


def log_likelihood_jax(
    inner: int, outer: int, theta: Any, log_sigma: Any, log_tau: Any, products: Any, rows_per_worker: Any, workers: Any
) -> Any:  # fmt: skip
    """As :func:`bayes_labor.theory.random_intercepts.panel_likelihood`, the value alone."""
    a = jnp.concatenate([jnp.ones(1), -theta[:inner]])
    b = jnp.concatenate([jnp.ones(1), -theta[theta.shape[0] - outer :]])
    inside = a @ products[0, : inner + 1, : inner + 1] @ a
    square = jnp.einsum("i,kij,j->k", b, products[1:, : outer + 1, : outer + 1], b)
    sigma2, tau2 = jnp.exp(2.0 * log_sigma), jnp.exp(2.0 * log_tau)
    variance = sigma2 + rows_per_worker * tau2
    n = rows_per_worker @ workers
    constant = n * jnp.log(2.0 * jnp.pi) + (n - workers.sum()) * jnp.log(sigma2) + workers @ jnp.log(variance)
    return -0.5 * (constant + inside / sigma2 + (square / variance).sum())


def panel_likelihood_jax(
    inner: int, outer: int, theta: Any, log_sigma: Any, log_tau: Any, *data: Any
) -> tuple[Any, Any, Any, Any]:  # fmt: skip
    """(log likelihood, its gradient in theta, log sigma and log tau)."""
    value, slopes = jax.value_and_grad(log_likelihood_jax, (2, 3, 4))(inner, outer, theta, log_sigma, log_tau, *data)
    return value, *slopes
