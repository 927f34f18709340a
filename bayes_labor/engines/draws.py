"""NUTS on a log density that lies on many devices: warm-up and all draws of a chain in one compiled program, in lock-step."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bayes_labor.engines.shards import ShardedDensity


def sample_chain(
    density: ShardedDensity,
    start: np.ndarray,
    seed: int,
    *,
    draws: int = 500,
    tune: int = 300,
    target_accept: float = 0.9,
    max_treedepth: int = 10,
    adapted: tuple[float, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """One chain of NUTS (blackjax), with window adaptation of step size and dense mass matrix.

    Every process of a distributed program calls this with the same arguments and gets the same draws.

    Parameters
    ----------
    density
        Where the density lies.
    start
        (P,) unconstrained vector to start from: a mode, or near it.
    seed
        Of this chain.
    draws, tune, target_accept
        As in :func:`bayes_labor.posteriors.sample`.
    max_treedepth
        A trajectory has fewer than 2 to this power leapfrog steps.
    adapted
        (step size, inverse mass matrix (P, P)) of an earlier chain: no warm-up then, and the first draw follows ``start``.

    Returns
    -------
    dict
        ``unconstrained`` (draws, P), ``lp``, ``n_steps``, ``diverging`` and ``acceptance_rate`` (draws,), ``step_size`` (),
        ``inverse_mass_matrix`` (P, P).

    """
    program = _program(density, draws, tune, target_accept, max_treedepth, adapted is not None)
    given = None if adapted is None else tuple(jnp.asarray(a, dtype=jnp.float64) for a in adapted)
    kept = program(jax.random.key(seed), jnp.asarray(start, dtype=jnp.float64), density.data, given)
    return {k: np.asarray(v) for k, v in kept.items()}


@lru_cache(maxsize=4)
def _program(
    density: ShardedDensity, draws: int, tune: int, target_accept: float, max_treedepth: int, adapted: bool
) -> Callable[..., dict[str, Any]]:
    """Warm-up and draws of any chain, compiled once."""
    import blackjax

    def run(key: Any, point: Any, data: Any, given: Any) -> dict[str, Any]:
        def log_density(vector: Any) -> Any:
            return density.log_density(vector, data)

        first, then = jax.random.split(key)
        if adapted:
            shape = dict(zip(("step_size", "inverse_mass_matrix"), given, strict=True))
            state = blackjax.nuts.init(point, log_density)
        else:
            warmup = blackjax.window_adaptation(
                blackjax.nuts, log_density, is_mass_matrix_diagonal=False, target_acceptance_rate=target_accept,
                max_num_doublings=max_treedepth,
            )  # fmt: skip
            (state, parameters), _ = warmup.run(first, point, num_steps=tune)
            shape = {k: parameters[k] for k in ("step_size", "inverse_mass_matrix")}
        kernel = blackjax.nuts(log_density, **shape, max_num_doublings=max_treedepth).step

        def one(state: Any, key: Any) -> tuple[Any, Any]:
            state, info = kernel(key, state)
            kept = {
                "unconstrained": state.position, "lp": state.logdensity, "n_steps": info.num_integration_steps,
                "diverging": info.is_divergent, "acceptance_rate": info.acceptance_rate,
            }  # fmt: skip
            return state, kept

        kept: dict[str, Any] = jax.lax.scan(one, state, jax.random.split(then, draws))[1]
        return kept | shape

    found: Callable[..., dict[str, Any]] = jax.jit(run)
    return found
