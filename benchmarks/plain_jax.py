"""The comparison: the same assignment and all its gradients, written plainly in JAX.

Incomplete gamma functions from ``jax.scipy``, the root by ``lax.custom_root`` (Newton on the log cut-off inside a jitted loop),
gradients by reverse-mode differentiation, float64, segment sums over the ragged workplaces.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import gammainc, gammaincc, gammaln

jax.config.update("jax_enable_x64", True)


def make(team: Any, industry: Any, n_workplaces: int) -> Any:
    """Jitted function (log_talent, beta, scale) -> (output (F,), pulled gradients of its sum)."""
    rows = industry[team]

    def total(values: Any) -> Any:
        return jax.ops.segment_sum(values, team, n_workplaces)

    def parts(x: Any, theta: Any, beta: Any) -> tuple:
        """(excess supply, output over A) per worker at log cut-off x."""
        b = beta[rows]
        positive = b > 0
        p = 1.0 / (1.0 - jnp.where(positive, b, 0.5))
        c = jnp.where(positive, 0.5, -b)
        log_t = x[team] - theta
        t, mu = jnp.exp(log_t), jnp.exp(theta)
        upper = jnp.exp((1 - p) * log_t + gammaln(p + 1)) * gammaincc(p + 1, t)
        lower = jnp.exp((1 - c) * log_t + gammaln(1 + c)) * gammainc(1 + c, t)
        excess = jnp.where(positive, gammainc(2.0, t) - (p - 1) * upper, lower - c / (1 - c) * gammaincc(2.0, t))
        lead = jnp.where(positive, b * (jnp.log(p - 1) + x[team]), c * (jnp.log(c / (1 - c)) - (1 - c) * x[team]))
        made = jnp.exp(lead) * jnp.where(positive, upper, gammaincc(2.0, t))
        return total(mu * excess) / total(mu), total(mu * made)

    def output(theta: Any, beta: Any, scale: Any) -> Any:
        def equation(x: Any) -> Any:
            return parts(x, theta, beta)[0]

        def solve(f: Any, start: Any) -> Any:
            def body(state: tuple) -> tuple:
                x, _, i = state
                value, slope = jax.jvp(f, (x,), (jnp.ones_like(x),))
                step = jnp.clip(value / slope, -1.0, 1.0)
                return x - step, jnp.max(jnp.abs(step)), i + 1

            return lax.while_loop(lambda s: (s[1] > 1e-9) & (s[2] < 60), body, (start, jnp.inf, 0))[0]

        def tangent(g: Any, y: Any) -> Any:
            return y / g(jnp.ones_like(y))

        start = total(theta) / total(jnp.ones_like(theta))
        x = lax.custom_root(equation, start, solve, tangent)
        return scale[industry] * parts(x, theta, beta)[1] / total(jnp.ones_like(theta))

    def value_and_gradients(theta: Any, beta: Any, scale: Any) -> tuple:
        value, pull = jax.vjp(output, theta, beta, scale)
        return value, pull(jnp.ones_like(value))

    return jax.jit(value_and_gradients)
