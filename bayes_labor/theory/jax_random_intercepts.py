"""The likelihood of a panel with worker effects integrated out, in JAX."""

from typing import Any

import jax
import jax.numpy as jnp


def log_likelihood_jax(theta: Any, log_sigma: Any, log_tau: Any, products: Any, rows_per_worker: Any, workers: Any) -> Any:
    """As :func:`bayes_labor.theory.random_intercepts.panel_likelihood`, the value alone."""
    a = jnp.concatenate([jnp.ones(1), -theta])
    square = jnp.einsum("i,kij,j->k", a, products, a)
    sigma2, tau2 = jnp.exp(2.0 * log_sigma), jnp.exp(2.0 * log_tau)
    variance = sigma2 + rows_per_worker * tau2
    n = rows_per_worker @ workers
    constant = n * jnp.log(2.0 * jnp.pi) + (n - workers.sum()) * jnp.log(sigma2) + workers @ jnp.log(variance)
    return -0.5 * (constant + square[0] / sigma2 + (square[1:] / variance).sum())


def panel_likelihood_jax(theta: Any, log_sigma: Any, log_tau: Any, *data: Any) -> tuple[Any, Any, Any, Any]:
    """(log likelihood, its gradient in theta, log sigma and log tau)."""
    value, slopes = jax.value_and_grad(log_likelihood_jax, (0, 1, 2))(theta, log_sigma, log_tau, *data)
    return value, *slopes
