"""Latent regimes in JAX: the forward recursion as a scan; smoothed regimes are its derivatives."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp


def log_likelihood_jax(log_initial: Any, log_transition: Any, log_state: Any, log_step: Any) -> Any:
    """Log likelihood as of :func:`bayes_labor.theory.regimes.smooth`."""

    def forward(before: Any, now: tuple[Any, Any]) -> tuple[Any, None]:
        state, step = now
        return state + logsumexp(before[:, None] + log_transition + step, axis=0), None

    last, _ = jax.lax.scan(forward, log_initial + log_state[0], (log_state[1:], log_step[1:]))
    return logsumexp(last)


def smooth_jax(log_initial: Any, log_transition: Any, log_state: Any, log_step: Any) -> tuple[Any, Any, Any]:
    """(log likelihood, smoothed (T, S), pairs (T, S, S)) as :func:`bayes_labor.theory.regimes.smooth`."""
    value, slopes = jax.value_and_grad(log_likelihood_jax, (2, 3))(log_initial, log_transition, log_state, log_step)
    possible = jnp.isfinite(value)
    return value, *(jnp.where(possible, s, 0.0) for s in slopes)
