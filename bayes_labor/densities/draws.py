"""NUTS on a log density that lies on many devices: warm-up and all draws of a chain in one compiled program, in lock-step."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bayes_labor.densities.shards import ShardedDensity


def sample_chain(
    density: ShardedDensity, start: np.ndarray, seed: int, *, draws: int = 500, tune: int = 300, target_accept: float = 0.9
) -> dict[str, np.ndarray]:
    """One chain of NUTS with window adaptation (blackjax), dense mass matrix.

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

    Returns
    -------
    dict
        ``unconstrained`` (draws, P), ``lp``, ``n_steps``, ``diverging`` and ``acceptance_rate`` (draws,), ``step_size`` ().

    """
    import blackjax

    def run(key: Any, point: Any, data: Any) -> tuple[Any, Any]:
        def log_density(vector: Any) -> Any:
            return density.log_density(vector, data)

        warmup = blackjax.window_adaptation(
            blackjax.nuts, log_density, is_mass_matrix_diagonal=False, target_acceptance_rate=target_accept
        )
        first, then = jax.random.split(key)
        (state, parameters), _ = warmup.run(first, point, num_steps=tune)
        kernel = blackjax.nuts(log_density, **parameters).step

        def one(state: Any, key: Any) -> tuple[Any, Any]:
            state, info = kernel(key, state)
            kept = {
                "unconstrained": state.position, "lp": state.logdensity, "n_steps": info.num_integration_steps,
                "diverging": info.is_divergent, "acceptance_rate": info.acceptance_rate,
            }  # fmt: skip
            return state, kept

        kept = jax.lax.scan(one, state, jax.random.split(then, draws))[1]
        return kept, parameters["step_size"]

    kept, step_size = jax.jit(run)(jax.random.key(seed), jnp.asarray(start, dtype=jnp.float64), density.data)
    return {k: np.asarray(v) for k, v in kept.items()} | {"step_size": np.asarray(step_size)}
