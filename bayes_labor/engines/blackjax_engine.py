"""A chunk-free exact restart: blackjax's NUTS, each draw with a key of its own, its state on disk with the draws.

The key of a draw depends on seed, chain and number of the draw alone, and the adaptation is stored, so a fit that was killed
and resumed has, bit for bit, the draws of one that was not. The log density is the compiled one (a callback into machine code):
JAX does the bookkeeping, the solvers stay native.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm

from bayes_labor.engines.modes import log_density_of
from bayes_labor.engines.nutpie_engine import around, expander, modes_that_matter
from bayes_labor.engines.progress import Draws, Keeper
from bayes_labor.engines.telling import tell
from bayes_labor.models.starting import starting_points


def run(
    model: pm.Model, compiled: Any, settings: Any, keeper: Keeper, earlier: Draws | None, names: list[str]
) -> tuple[Draws, np.ndarray]:
    """(all draws, share of the mass of every mode); goes on exactly where ``earlier`` ends."""
    import jax

    jax.config.update("jax_enable_x64", True)
    # A callback that looks at its argument waits for ever if the dispatching thread is the one that must deliver it.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    modes, weights = modes_that_matter(model, compiled, settings)
    begin = around(modes, settings) if modes else lambda chain: starting_points(model)[0]
    step, adapt = _kernels(native_log_density(compiled), settings)
    expand = expander(compiled)
    draws = earlier.within(settings.draws) if earlier else empty(settings, len(begin(0)), names, expand(begin(0)))
    key = jax.random.key(settings.seed)
    for chain in range(settings.chains):
        own = jax.random.fold_in(key, chain)
        if str(chain) not in draws.state:
            state, parameters = adapt(jax.random.fold_in(own, 0), begin(chain))
            draws.state[str(chain)] = _dump(state, parameters)
        state, parameters = _load(draws.state[str(chain)])
        for i in range(int(draws.counts[chain]), settings.draws):
            state, info = step(jax.random.fold_in(own, i + 1), state, parameters)
            _store(draws, chain, i, state, info, expand, names)
            tell("sampling", chain * settings.draws + i, settings.chains * settings.draws, "draws")
            if keeper.due():
                draws.state[str(chain)] = _dump(state, parameters)
                keeper.keep(draws)
        draws.state[str(chain)] = _dump(state, parameters)
    return draws, weights


def native_log_density(compiled: Any) -> Callable[[Any], Any]:
    """The compiled log density as a JAX function with a gradient; minus infinity where there is none."""
    import jax
    import jax.numpy as jnp

    call = log_density_of(compiled)

    def host(x: Any) -> tuple[np.floating, np.ndarray]:
        value, gradient = call(np.asarray(x))
        return np.float64(value), gradient

    def both(x: Any) -> Any:
        shape = (jax.ShapeDtypeStruct((), jnp.float64), jax.ShapeDtypeStruct(x.shape, jnp.float64))
        return jax.pure_callback(host, shape, x, vmap_method="sequential")

    log_density: Any = jax.custom_vjp(lambda x: both(x)[0])
    log_density.defvjp(both, lambda gradient, g: (g * gradient,))
    found: Callable[[Any], Any] = log_density
    return found


def _kernels(log_density: Callable[..., Any], settings: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    import blackjax
    import jax

    def adapt(key: Any, point: np.ndarray) -> tuple[Any, dict[str, Any]]:
        warmup = blackjax.window_adaptation(blackjax.nuts, log_density, target_acceptance_rate=settings.target_accept)
        (state, parameters), _ = warmup.run(key, jax.numpy.asarray(point), num_steps=max(settings.tune, 1))
        return state, {k: parameters[k] for k in ("step_size", "inverse_mass_matrix")}

    kernel = blackjax.nuts.build_kernel()

    def step(key: Any, state: Any, parameters: dict[str, Any]) -> Any:
        return kernel(key, state, log_density, **parameters)

    return jax.jit(step), adapt


def empty(settings: Any, size: int, names: list[str], like: dict[str, np.ndarray]) -> Draws:
    """Room for the draws of all chains, in the shapes of ``like``, with nothing in it."""
    shape = (settings.chains, settings.draws)
    stats = ("diverging", "energy", "n_steps", "step_size", "acceptance_rate", "lp", "cause")
    return Draws(
        np.full((*shape, size), np.nan), np.zeros(settings.chains, np.int64),
        {n: np.full((*shape, *like[n].shape), np.nan) for n in names}, {k: np.full(shape, np.nan) for k in stats},
    )  # fmt: skip


def _store(draws: Draws, chain: int, i: int, state: Any, info: Any, expand: Callable[..., Any], names: list[str]) -> None:
    point = np.asarray(state.position)
    draws.unconstrained[chain, i] = point
    found = expand(point)
    for n in names:
        draws.posterior[n][chain, i] = found[n]
    own = {
        "diverging": info.is_divergent, "energy": info.energy, "n_steps": info.num_integration_steps,
        "acceptance_rate": info.acceptance_rate, "lp": state.logdensity, "cause": 2.0 * float(info.is_divergent),
    }  # fmt: skip
    for k, v in own.items():
        draws.stats[k][chain, i] = float(v)
    draws.counts[chain] = i + 1


def _dump(state: Any, parameters: dict[str, Any]) -> dict[str, Any]:
    """Everything that the next draw depends on; JSON keeps float64 exactly."""
    return {k: np.asarray(v).tolist() for k, v in {**state._asdict(), **parameters}.items()}


def _load(held: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    import blackjax.mcmc.hmc as hmc
    import jax.numpy as jnp

    arrays = {k: jnp.asarray(v, dtype=jnp.float64) for k, v in held.items()}
    return hmc.HMCState(**{k: arrays[k] for k in hmc.HMCState._fields}), {
        k: arrays[k] for k in ("step_size", "inverse_mass_matrix")
    }
