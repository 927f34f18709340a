r"""What follows from the rate of jobs lambda_t in closed form, for NumPy and PyTensor alike: ``of`` has log, exp and sqrt.

Sections 4 to 8 of the specification: mu = (xi - 1)/xi, x = mu / (1 - mu (alpha + eta)), kappa_l = eta x, kappa_k = alpha x.
"""

from typing import Any, NamedTuple


class Technology(NamedTuple):
    """Constants of the production function."""

    mu: Any
    margin: Any
    """Profits over revenue."""
    x: Any
    kappa_l: Any
    kappa_k: Any


def technology(alpha: Any, eta: Any, xi: Any) -> Technology:
    """From the elasticities of capital and labor and of demand."""
    mu = (xi - 1.0) / xi
    margin = 1.0 - mu * (alpha + eta)
    return with_margin(alpha, eta, mu, margin)


def with_margin(alpha: Any, eta: Any, mu: Any, margin: Any) -> Technology:
    """Where the margin was made safe before."""
    x = mu / margin
    return Technology(mu, margin, x, eta * x, alpha * x)


class Slopes(NamedTuple):
    """Of logs in the firm's type."""

    g: Any
    """Productivity."""
    wage: Any
    rho: Any
    """Revenue."""


def slopes(of: Any, psi: Any, tau: Any, lambda_x: Any, eta: Any, x: Any, rate: Any) -> Slopes:
    """From the rate of jobs."""
    g = of.exp(psi * of.log(rate / lambda_x))
    return Slopes(g, psi / eta * g, x * ((1.0 - psi) * g - eta * tau))


class Moments(NamedTuple):
    """Of the cross-section and the aggregates."""

    labor: Any
    """Share of output, as ``capital``."""
    capital: Any
    log_z: Any
    """Log TFP."""
    slope_tfpr: Any
    var_tfpq: Any
    var_tfpr: Any
    spread: Any
    """Standard deviation of log revenue that wedges alone make."""


def moments(
    of: Any, made: Technology, s: Slopes, psi: Any, tau: Any, lambda_theta: Any, rate: Any, gap: Any, *,
    alpha: Any, eta: Any, xi: Any, s_l: Any, s_k: Any, log_a: Any, below: Any = None,
) -> Moments:  # fmt: skip
    """From the slopes; ``gap`` is lambda_theta - rho, positive together with ``below``, gap + tau, where output is finite."""
    below = gap + tau if below is None else below
    mu, margin, _, kappa_l, kappa_k = made
    labor = eta * mu * of.exp(0.5 * (1.0 + 2.0 * kappa_l) * s_l**2) * gap / below
    capital = alpha * mu * of.exp(0.5 * (1.0 + 2.0 * kappa_k) * s_k**2)
    log_z = (
        log_a + (1.0 / mu - alpha) * of.log(lambda_theta / gap) - eta * of.log(lambda_theta / rate)
        - 0.5 * eta * (1.0 + kappa_l) * s_l**2 - 0.5 * alpha * (1.0 + kappa_k) * s_k**2
    )  # fmt: skip
    through = 1.0 / (margin * xi)
    slope_tfpr = s.g * (1.0 - (1.0 - psi) * through) + eta * tau * through
    var_tfpr = (slope_tfpr / lambda_theta) ** 2 + ((eta * s_l) ** 2 + (alpha * s_k) ** 2) * through**2
    spread = of.sqrt((kappa_l * s_l) ** 2 + (kappa_k * s_k) ** 2)
    return Moments(labor, capital, log_z, slope_tfpr, (s.g / lambda_theta) ** 2, var_tfpr, spread)
