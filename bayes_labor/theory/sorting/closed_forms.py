r"""What follows from the rate of jobs lambda_t in closed form, for NumPy and PyTensor alike: ``of`` has log, exp and sqrt.

Sections 4 to 8 of the specification: mu = (xi - 1)/xi, x = mu / (1 - mu (alpha + eta)), kappa_l = eta x, kappa_k = alpha x.
"""

from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable


class Primitives(NamedTuple):
    """Of economies: numbers, arrays or symbols of one shape."""

    psi: Any
    """Intensity of worker type in productivity; ``tau`` is the slope of the log labor wedge."""
    tau: Any
    lambda_theta: Any
    """Rate of firm types; ``lambda_x`` of worker types."""
    lambda_x: Any
    alpha: Any
    """Exponents of capital, ``eta`` of labor; ``xi`` is the elasticity of substitution."""
    eta: Any
    xi: Any
    s_l: Any
    """Standard deviations of the idiosyncratic log wedges on labor, ``s_k`` on capital."""
    s_k: Any
    log_a: Any
    """Log of A."""


class Technology(NamedTuple):
    """Constants of the production function."""

    mu: Any
    margin: Any
    """Profits over revenue."""
    x: Any
    kappa_l: Any
    kappa_k: Any


@register_jitable
def technology(alpha, eta, xi):
    """The :class:`Technology` of the elasticities of capital and labor and of demand; in kernels too."""
    mu = (xi - 1.0) / xi
    margin = 1.0 - mu * (alpha + eta)
    x = mu / margin
    return Technology(mu, margin, x, eta * x, alpha * x)


def chi_of_v(psi: Any, v: Any, *, alpha: float = 0.3, eta: float = 0.6, xi: float = 9.0, of: Any = np) -> Any:
    """Log chi of an economy whose log wages have standard deviation ``v`` in (0, 1) at tau = 0, so that output is finite."""
    rate = 1.0 / (1.0 + v * (technology(alpha, eta, xi).kappa_l * (1.0 - psi) / psi - 1.0))
    return of.log(rate) - of.log(eta * v * rate / psi) / psi


def lambda_x_of_chi(log_chi: Any, psi: Any, lambda_theta: float, of: Any = np) -> Any:
    """Rate of worker types of an economy with ``log_chi`` whose firm types have the rate ``lambda_theta``."""
    return of.exp(log_chi - (1.0 - psi) / psi * np.log(lambda_theta))


class Slopes(NamedTuple):
    """Of logs in the firm's type."""

    g: Any
    """Productivity."""
    wage: Any
    rho: Any
    """Revenue."""


def slopes(of: Any, p: Primitives, rate: Any) -> Slopes:
    """From the rate of jobs."""
    g = of.exp(p.psi * of.log(rate / p.lambda_x))
    rho = technology(p.alpha, p.eta, p.xi).x * ((1.0 - p.psi) * g - p.eta * p.tau)
    return Slopes(g, p.psi / p.eta * g, rho)


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


def moments(of: Any, p: Primitives, s: Slopes, rate: Any, gap: Any, below: Any) -> Moments:
    """From the slopes; ``gap`` is lambda_theta - rho, and ``below`` gap + tau: both positive where output is finite."""
    mu, margin, _, kappa_l, kappa_k = technology(p.alpha, p.eta, p.xi)
    labor = p.eta * mu * of.exp(0.5 * (1.0 + 2.0 * kappa_l) * p.s_l**2) * gap / below
    capital = p.alpha * mu * of.exp(0.5 * (1.0 + 2.0 * kappa_k) * p.s_k**2)
    jobs = (1.0 / mu - p.alpha) * of.log(p.lambda_theta / gap) - p.eta * of.log(p.lambda_theta / rate)
    lost = 0.5 * p.eta * (1.0 + kappa_l) * p.s_l**2 + 0.5 * p.alpha * (1.0 + kappa_k) * p.s_k**2
    through = 1.0 / (margin * p.xi)
    slope_tfpr = s.g * (1.0 - (1.0 - p.psi) * through) + p.eta * p.tau * through
    var_tfpr = (slope_tfpr / p.lambda_theta) ** 2 + ((p.eta * p.s_l) ** 2 + (p.alpha * p.s_k) ** 2) * through**2
    spread = of.sqrt((kappa_l * p.s_l) ** 2 + (kappa_k * p.s_k) ** 2)
    return Moments(labor, capital, p.log_a + jobs - lost, slope_tfpr, (s.g / p.lambda_theta) ** 2, var_tfpr, spread)
