"""The sorting equilibrium's two solvers in JAX: fixed numbers of Newton steps, each economy by itself."""

from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.scipy.special import log_ndtr
from jax.scipy.stats import norm

_STEPS = 80


def job_rates_jax(psi: Any, tau: Any, lambda_theta: Any, lambda_x: Any, alpha: Any, eta: Any, xi: Any) -> tuple[Any, Any]:
    """(lambda_t, status) as :func:`bayes_labor.theory.sorting.job_rates`."""
    mu = (xi - 1.0) / xi
    margin = 1.0 - mu * (alpha + eta)
    x = mu / jnp.where(margin > 0, margin, 1.0)
    pull, b = x * (1.0 - psi) - psi / eta, lambda_theta + (1.0 + eta * x) * tau
    fine = (psi >= 0) & (psi < 1) & (jnp.minimum(jnp.minimum(lambda_theta, lambda_x), eta) > 0) & (alpha >= 0) & (xi > 1)
    fine &= jnp.isfinite(tau + lambda_theta + lambda_x + alpha + eta + xi)
    solvable = fine & (margin > 0) & (b > 0) & ((psi > 0) | (b > pull))
    power, slope, target = (jnp.where(solvable, v, safe) for v, safe in ((psi, 0.5), (pull, 1.0), (b, 1.0)))
    unit = jnp.where(solvable, lambda_x, 1.0)
    rate = jnp.where(power == 0, target - slope, _newton(power, slope, target, unit))
    solved = solvable & (rate > 1e-300)
    code = jnp.where(fine, jnp.where(margin > 0, 3, 2), 1)
    return jnp.where(solved, rate, 1.0), jnp.where(solved, 0, code)


def _newton(psi: Any, pull: Any, b: Any, unit: Any) -> Any:
    """The root by Newton's method from the right: in log(lambda_t/lambda_x) where sorting raises firms' size, else as it is."""
    raised, positive = pull >= 0, jnp.maximum(psi, 1e-300)
    first = jnp.log(b / unit)
    second = jnp.where(pull > 0, jnp.log(b / jnp.where(pull > 0, pull, 1.0)) / positive, jnp.inf)
    v = jnp.where(raised, jnp.minimum(first, second), 0.0)
    lowered = jnp.where(raised, -1.0, pull)
    rate = jnp.maximum(2.0 * b, (2.0 * jnp.abs(lowered) * unit**-psi) ** (1.0 / (1.0 - psi)))

    def step(_: int, at: tuple[Any, Any]) -> tuple[Any, Any]:
        v, rate = at
        one, two = unit * jnp.exp(v), jnp.where(raised, pull, 0.0) * jnp.exp(psi * v)
        pulled = lowered * (rate / unit) ** psi
        down = (rate + pulled - b) / (1.0 + psi * pulled / rate)
        return v - jnp.maximum((one + two - b) / (one + psi * two), 0.0), rate - jnp.maximum(down, 0.0)

    v, rate = lax.fori_loop(0, _STEPS, step, (v, rate))
    return jnp.where(raised, unit * jnp.exp(v), rate)


def top_shares_jax(q: Any, a: Any, s: Any) -> tuple[Any, Any, Any]:
    """(share, derivatives in a and s) as :func:`bayes_labor.theory.sorting.top_shares`."""
    sign, positive, narrow = jnp.sign(a), a > 0, s < 1e-9
    spread = jnp.where(narrow, 1.0, s)

    def part(t: Any, rate: Any) -> Any:
        return sign * jnp.exp(-rate * t + 0.5 * (rate * spread) ** 2 + log_ndtr(sign * (t / spread - rate * spread)))

    def above(t: Any, rate: Any) -> Any:
        return norm.cdf(-t / spread) + part(t, rate)

    def step(_: int, t: Any) -> Any:
        value = above(t, a)
        return t + value * jnp.log(value / q) / (a * part(t, a))

    start = spread * jnp.sqrt(2.0 * jnp.log(1.0 / q)) + jnp.where(positive, jnp.log(2.0 / q) / a, 0.0)
    t = lax.fori_loop(0, _STEPS, step, start)
    h, density = part(t, a), norm.pdf(t / spread)
    t_a = (-(t - a * spread**2) * h - spread * density) / (a * h)
    t_s = (a**2 * spread * h - a * density) / (a * h)
    y, b = t - spread**2, a - 1.0
    h, density = part(y, b), norm.pdf(y / spread)
    d_a = -b * h * t_a - (y - b * spread**2) * h - spread * density
    d_s = -b * h * (t_s - 2.0 * spread) + b**2 * spread * h - b * density
    rest = jnp.where(positive, q, 1.0 - q)
    power = rest ** (1.0 - 1.0 / a)
    exact = jnp.where(positive, power, 1.0 - power)
    slope = sign * power * jnp.log(rest) / a**2
    return jnp.where(narrow, exact, above(y, b)), jnp.where(narrow, slope, d_a), jnp.where(narrow, 0.0, d_s)
