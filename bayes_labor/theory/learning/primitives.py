r"""Learning on the job: technology, learning from coworkers, meetings and wage rules of firms of any size.

Time in years, goods the numeraire; values in the yearly output of a worker with h = 1 at z = 1. Section 1 of the specification.
Teams are padded: arrays (..., n_max) with a mask of who is there.
"""

from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable

from bayes_labor.numerics.compilation import reordering_leaf

_LEAST_ETA = 0.3
_ANY_SIGN = ("mu_h", "mu_z", "mu_a", "mu_q", "corr_zq", "corr_ha", "theta_p", "theta_m", "b", "eta")


class Parameters(NamedTuple):
    """Rates per year and the rest, at the values of the slides."""

    rho: float = 0.05
    """Discount rate."""
    delta_r: float = 0.05
    """Retirement of a worker."""
    lam: float = 1.0
    """Renegotiation, per match."""
    gamma: float = 1.0
    """Learning event of a firm."""
    mu_h: float = 0.0
    mu_z: float = 0.0
    mu_a: float = 0.0
    N_w: float = 5.371
    """Workers per firm."""
    b: float = 0.141
    """Flow value of non-employment per unit of h."""
    eta: float = 0.939
    """Exponent of the CES in production."""
    mu_q: float = -0.016
    sigma_z: float = 0.342
    sigma_q: float = 0.013
    corr_zq: float = 0.038011695906432746
    sigma_h: float = 0.157
    sigma_a: float = 0.008
    corr_ha: float = 0.0003363853503184713
    theta_p: float = 0.165
    """Learning from more skilled coworkers; ``theta_m`` from less skilled."""
    theta_m: float = 0.034
    delta_f: float = 0.001
    """Death of a firm."""
    delta_m: float = 0.127
    """Break of a match."""
    psi_N: float = 0.314
    """Meetings of a non-employed worker; ``psi_E`` of an employed one."""
    psi_E: float = 1.048

    @property
    def employment_bound(self) -> float:
        """The employment rate if every meeting of a non-employed worker is accepted."""
        return self.psi_N / (self.psi_N + self.delta_m + self.delta_r + self.delta_f)


def check_parameters(p: Parameters) -> None:
    """Raises ValueError for rates below zero, an exponent below 0.3, or skills that grow faster than workers retire."""
    below = [n for n in Parameters._fields if n not in _ANY_SIGN and getattr(p, n) < 0]
    if below:
        raise ValueError(f"{', '.join(below)} below zero: rates and standard deviations cannot be")
    if not p.rho + p.delta_r > 0:
        raise ValueError("rho + delta_r must be positive, or values are infinite")
    if p.eta < _LEAST_ETA:
        raise ValueError(f"eta = {p.eta}: below {_LEAST_ETA} output is close to Cobb-Douglas, which is not implemented")
    growth = p.mu_a + p.mu_q + 2.0 * np.hypot(p.sigma_a, p.sigma_q)
    if growth > p.delta_r:
        raise ValueError(
            f"able workers in good firms grow at {growth:.3f} a year, faster than workers retire ({p.delta_r}): mean human "
            "capital is infinite; lower mu_a, mu_q, sigma_a or sigma_q"
        )


def output(z: Any, h: Any, present: Any, eta: Any) -> np.ndarray:
    """(...) output z (sum_i h_i^eta)^(1/eta) of teams (..., n_max); 0 of an empty one."""
    z, h, present = np.asarray(z, dtype=np.float64), np.asarray(h, dtype=np.float64), np.asarray(present, dtype=bool)
    total = np.where(present, np.where(present, h, 1.0) ** eta, 0.0).sum(-1)
    return z * np.where(total > 0, np.where(total > 0, total, 1.0) ** (1.0 / eta), 0.0)


def coworker_gaps(log_h: Any, present: Any, of: Any = np) -> tuple[Any, Any]:
    """((..., n_max, n_max) log h of each coworker less one's own, 0 where nobody is; (..., 1) number of coworkers, 1 if none).

    ``of`` is what the arrays are of: NumPy, JAX's or PyTensor.
    """
    gap = of.where(present[..., None, :] & present[..., :, None], log_h[..., None, :] - log_h[..., :, None], 0.0)
    return gap, of.maximum(present.sum(-1) - 1, 1)[..., None]


def log_growth(log_h: Any, log_a: Any, log_q: Any, present: Any, theta_p: Any, theta_m: Any, of: Any = np) -> Any:
    """(..., n_max) growth of log h at a learning event; 0 where nobody is.

    log a + log q + the mean over coworkers of theta+ max(g, 0) + theta- min(g, 0), g the coworker's log h less one's own.
    ``of`` as for :func:`coworker_gaps`; kernels have :func:`mean_gaps`.
    """
    gap, coworkers = coworker_gaps(log_h, present, of)
    learnt = (theta_p * of.maximum(gap, 0.0) + theta_m * of.minimum(gap, 0.0)).sum(-1) / coworkers
    return of.where(present, log_a + log_q[..., None] + learnt, 0.0)


@reordering_leaf
def mean_gaps(log_h, own):
    """Means over coworkers of max(g, 0) and of min(g, 0), g the log h of each of a team (n,) less one's own."""
    above, below, others = 0.0, 0.0, max(log_h.shape[0] - 1, 1)
    for j in range(log_h.shape[0]):
        gap = log_h[j] - own
        above += gap if gap > 0.0 else 0.0
        below += gap if gap < 0.0 else 0.0
    return above / others, below / others


@register_jitable
def nonemployment(h, p):
    """Value of a non-employed worker, b h / (rho + delta_r); ``h`` a number or any array, here and in kernels."""
    return p.b / (p.rho + p.delta_r) * h


class Meetings(NamedTuple):
    """Rate at which a ticket (worker or manager) of a firm meets someone, and the shares of whom."""

    omega: Any
    share_N: Any
    share_E: Any


def meetings(employment: Any, p: Parameters) -> Meetings:
    """Market clearing at an employment rate: meetings that workers make are meetings that firms have."""
    e = np.asarray(employment, dtype=np.float64)
    employed, others = e * p.psi_E, (1.0 - e) * p.psi_N
    total = employed + others
    return Meetings(p.N_w * total / (1.0 + p.N_w * e), others / total, employed / total)


class Offer(NamedTuple):
    """What a meeting does to a worker with value W at surplus Delta."""

    gain: Any
    """Change of the worker's value."""
    moves: Any
    """Whether he goes to the firm he met."""
    quits: Any
    """Whether he leaves for non-employment."""
    poaching_gain: Any
    """Gain of the firm met from him, B."""
    incumbent_gain: Any
    """Change of the incumbent coalition's joint value."""


def meeting(W: Any, U: Any, surplus: Any, other: Any) -> Offer:
    """A worker meets a firm at which his surplus would be ``other`` (minus infinity if it is full).

    His value is clipped to what someone can credibly offer: U plus the smaller surplus at least, the larger at most that of
    the incumbent.
    """
    W, U, surplus, other = (np.asarray(v, dtype=np.float64) for v in (W, U, surplus, other))
    here, there = np.maximum(surplus, 0.0), np.maximum(other, 0.0)
    new = np.clip(W, U + np.minimum(there, here), U + here)
    moves = other > here
    return Offer(new - W, moves, (surplus < 0) & ~moves, np.maximum(other - here, 0.0), np.maximum(-surplus, 0.0))


def renegotiation(W: Any, U: Any, surplus: Any) -> np.ndarray:
    """Change of the worker's value when the wage is opened without another firm: clipped into [U, U + Delta]."""
    W, U, surplus = (np.asarray(v, dtype=np.float64) for v in (W, U, surplus))
    return np.clip(W, U, U + np.maximum(surplus, 0.0)) - W
