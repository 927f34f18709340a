r"""Coordinates for psi and s_l where a series of TFPR's dispersion tells one combination of them sharply.

The dispersion r of log TFPR in booms has a part that comes with types, gamma(psi, v), and one that comes with the labor wedge,
r^2 = gamma^2 + k s_l^2. Sampled by themselves psi and s_l lie on a thin arc that chains follow slowly; here the free variables
are the arc's radius and the place on it. gamma is a Moebius function of psi, so all is in closed form. Priors are unchanged.
"""

from typing import Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_labor.models.priors import Prior
from bayes_labor.theory.sorting.closed_forms import technology


class _Arc(NamedTuple):
    """gamma = (start + through psi) / (level + slope psi) at given v; k of the wedge's part."""

    start: float
    through: float
    level: Any
    slope: Any
    k: float


def _arc(v: Any, alpha: float, eta: float, xi: float) -> _Arc:
    _, margin, x, kappa, _ = technology(alpha, eta, xi)
    through = 1.0 / (margin * xi)
    return _Arc(1.0 - through, through, x, (1.0 - v * (kappa + 1.0)) / (eta * v), (eta * through) ** 2)


def _ends(arc: _Arc) -> tuple[Any, Any]:
    """Gamma at psi = 0 and at psi = 1."""
    return arc.start / arc.level, (arc.start + arc.through) / (arc.level + arc.slope)


def on_arc(name: str, v: Any, psi_prior: Prior, s_l_prior: Prior, technology: dict[str, float]) -> tuple[Any, Any]:
    """(psi, s_l) with their priors, sampled as the two coordinates ``name`` on the whole line."""

    def log_density(x: Any, v: Any) -> Any:
        psi, s_l, jacobian = _from_line(x, v, technology)
        return pm.logp(psi_prior.dist(), psi) + pm.logp(s_l_prior.dist(), s_l) + jacobian

    def random(v: np.ndarray, rng: np.random.Generator | None = None, size: Any = None) -> np.ndarray:
        rng = np.random.default_rng() if rng is None else rng
        psi, s_l = (prior.frozen().rvs(random_state=rng) for prior in (psi_prior, s_l_prior))
        return to_line(psi, s_l, float(v), technology)

    x = pm.CustomDist(name, v, logp=log_density, random=random, signature="()->(2)", shape=2)
    psi, s_l, _ = _from_line(x, v, technology)
    return pm.Deterministic("psi", psi), pm.Deterministic("s_l", s_l)


def _from_line(x: Any, v: Any, technology: dict[str, float]) -> tuple[Any, Any, Any]:
    """(psi, s_l, log of the determinant of their derivatives in x)."""
    arc = _arc(v, **technology)
    first, last = _ends(arc)
    low, high = pt.minimum(first, last), pt.maximum(first, last)
    above = pt.exp(x[0])
    radius = low + above
    bottom, top = low / radius, pt.minimum(1.0, high / radius)
    share = pt.sigmoid(x[1])
    cosine = bottom + (top - bottom) * share
    sine = pt.sqrt(pt.maximum((1.0 - cosine) * (1.0 + cosine), 1e-300))
    gamma, s_l = radius * cosine, radius * sine / np.sqrt(arc.k)
    divisor = gamma * arc.slope - arc.through
    psi = pt.clip((arc.start - gamma * arc.level) / divisor, 1e-300, 1.0 - 1e-16)
    # psi in gamma, (gamma, s_l) in (radius, cosine), and those in x.
    moebius = pt.log(abs(arc.through * arc.level - arc.start * arc.slope)) - 2.0 * pt.log(abs(divisor))
    polar = pt.log(radius) - 0.5 * np.log(arc.k) - pt.log(sine)
    line = x[0] + pt.log(top - bottom) + pt.log(share) + pt.log1p(-share)
    return psi, s_l, moebius + polar + line


def to_line(psi: float, s_l: float, v: float, technology: dict[str, float]) -> np.ndarray:
    """(2,) coordinates of psi and s_l at v."""
    arc = _arc(v, **technology)
    first, last = _ends(arc)
    low, high = min(first, last), max(first, last)
    gamma = (arc.start + arc.through * psi) / (arc.level + arc.slope * psi)
    radius = float(np.hypot(gamma, np.sqrt(arc.k) * s_l))
    bottom, top = low / radius, min(1.0, high / radius)
    share = np.clip((gamma / radius - bottom) / (top - bottom), 1e-15, 1.0 - 1e-15)
    return np.array([np.log(radius - low), np.log(share / (1.0 - share))])
