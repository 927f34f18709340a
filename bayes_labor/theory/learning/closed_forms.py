"""Values of learning on the job that have a closed form: firms that meet nobody, and additive output (oracles A and B).

They check residuals, networks and simulators of the general economy.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy import special

from bayes_labor.theory.learning.primitives import Parameters, log_growth, meeting, nonemployment, output, renegotiation

_NEGLIGIBLE = 1e-14


def value_without_learning(z: float, h: np.ndarray, p: Parameters) -> float:
    """Joint value of a firm whose workers leave one by one and never learn (oracle A; no surplus may be negative).

    The sum runs over all teams that may be left at some time: 2^n of them.
    """
    n, apart, death = len(h), p.delta_r + p.delta_m, p.rho + p.delta_f
    total = (p.delta_f + p.delta_m) / (death + apart) * float(nonemployment(h, p).sum()) if n else 0.0
    for m in range(1, n + 1):
        weight = float(special.beta(death / apart + m, n - m + 1)) / apart
        total += weight * sum(float(output(z, np.array(left), np.ones(m, bool), p.eta)) for left in combinations(h, m))
    return float(total)


def value_of_one_learner(z: float, q: float, h: np.ndarray, a: np.ndarray, p: Parameters) -> np.ndarray:
    """(...) joint value of a firm with a single worker, who learns by himself (oracle A1)."""
    u, stay = nonemployment(1.0, p), p.rho + p.delta_f + p.delta_r + p.delta_m
    found: np.ndarray = np.asarray(h) * (z + (p.delta_f + p.delta_m) * u) / (stay - p.gamma * (np.asarray(a) * q - 1.0))
    return found


def value_with_learning(z: float, q: float, h: np.ndarray, a: np.ndarray, p: Parameters) -> np.ndarray:
    """(...) joint value of teams (..., n) that learn from each other and meet nobody (oracle A2).

    Sums over the number of learning events until the next departure, each of which leaves a smaller team: the cost grows
    as about 150^(n - 1) n!, and n = 3 takes a second.
    """
    h, a = np.asarray(h, dtype=np.float64), np.asarray(a, dtype=np.float64)
    n, apart = h.shape[-1], p.delta_r + p.delta_m
    if n == 1:
        return value_of_one_learner(z, q, h[..., 0], a[..., 0], p)
    rate = p.rho + p.delta_f + n * apart + p.gamma
    again = p.gamma / rate
    present, log_h, weight = np.ones(h.shape, bool), np.log(h), 1.0 / rate
    paths, weights = [], []
    while weight * rate > _NEGLIGIBLE:
        paths.append(np.exp(log_h))
        weights.append(weight)
        log_h = log_h + log_growth(log_h, np.log(a), np.full(h.shape[:-1], np.log(q)), present, p.theta_p, p.theta_m)
        weight *= again
    teams = np.stack(paths)
    flow = output(z, teams, np.ones(teams.shape, bool), p.eta) + (p.delta_f + p.delta_m) * nonemployment(teams, p).sum(-1)
    for i in range(n):
        left = [j for j in range(n) if j != i]
        flow = flow + apart * value_with_learning(z, q, teams[..., left], np.broadcast_to(a, teams.shape)[..., left], p)
    found: np.ndarray = np.tensordot(np.array(weights), flow, axes=1)
    return found


class Separable(NamedTuple):
    """Joint value A(z) + sum_i [alpha(z) h_i + kappa(z)] of firms without a size bound, by productivity (K,)."""

    alpha: np.ndarray
    kappa: np.ndarray
    A: np.ndarray
    M: np.ndarray
    """Expected gain of a firm from whom it meets."""

    def value(self, firm: int, h: np.ndarray) -> float:
        """Of a firm of type ``firm`` with workers ``h``."""
        return float(self.A[firm] + (self.alpha[firm] * np.asarray(h) + self.kappa[firm]).sum())

    def surplus(self, h: np.ndarray, p: Parameters) -> np.ndarray:
        """(K, ...) of a worker with human capital ``h`` in a firm of each type, whoever the coworkers are."""
        h = np.asarray(h, dtype=np.float64)
        shape = (-1, *(1,) * h.ndim)
        found: np.ndarray = self.alpha.reshape(shape) * h + self.kappa.reshape(shape) - nonemployment(h, p)
        return found


def solve_separable(
    z: np.ndarray,
    others: tuple[np.ndarray, np.ndarray],
    employed: tuple[np.ndarray, np.ndarray, np.ndarray],
    omega: float,
    share_N: float,
    p: Parameters,
) -> Separable:
    """Values with additive output and no learning, given whom firms meet (oracle B).

    Parameters
    ----------
    z
        (K,) productivities.
    others
        (human capital, weights) of the non-employed.
    employed
        (human capital, type of the firm, weights) of employed workers.
    omega, share_N
        Rate of meetings per worker and manager, and the share of them with the non-employed.
    p
        With eta = 1; its theta and gamma are not used.

    Raises
    ------
    ValueError
        For eta other than 1.
    RuntimeError
        If values are infinite: firms then meet faster than they lose workers.

    """
    if p.eta != 1.0:
        raise ValueError(f"eta = {p.eta}: values separate only where output is additive, eta = 1")
    u, stay = nonemployment(1.0, p), p.rho + p.delta_f + p.delta_r + p.delta_m
    (h_n, w_n), (h_e, firm, w_e) = others, employed
    alpha = (z + (p.delta_f + p.delta_m) * u) / stay
    kappa = np.zeros(len(z))
    for _ in range(100_000):
        gain_n = np.maximum(alpha[:, None] * h_n + kappa[:, None] - u * h_n, 0.0) @ w_n
        theirs = np.maximum(alpha[firm] * h_e + kappa[firm] - u * h_e, 0.0)
        gain_e = np.maximum(alpha[:, None] * h_e + kappa[:, None] - u * h_e - theirs, 0.0) @ w_e
        m = share_N * gain_n + (1.0 - share_N) * gain_e
        after = omega * m / stay
        change, kappa = np.abs(after - kappa).max(), after
        if change < 1e-15 * np.abs(kappa).max():
            return Separable(alpha, kappa, omega * m / (p.rho + p.delta_f), m)
        if not np.isfinite(change) or change > 1e12:
            break
    raise RuntimeError("values are infinite: firms meet workers faster than they lose them")


def separable_wage(values: Separable, firm: int, h: float, W: float, tickets: np.ndarray, p: Parameters) -> float:
    """Wage that delivers the value W to a worker, where values separate; ``tickets`` (K,) are the chances of firms met."""
    stay, U = p.rho + p.delta_f + p.delta_r + p.delta_m, float(nonemployment(h, p))
    surplus = values.surplus(np.array(h), p)
    jumps = np.array([meeting(W, U, surplus[firm], other).gain for other in surplus])
    opened = float(renegotiation(W, U, surplus[firm]))
    return float(stay * W - (p.delta_f + p.delta_m) * U - p.psi_E * tickets @ jumps - p.lam * opened)


class SingleWorkerFirms(NamedTuple):
    """Firms with room for one worker each, all workers alike, by productivity (K,): Postel-Vinay and Robin's economy."""

    y: np.ndarray
    """Output less what the firm gives up with the chance to hire somebody else, (rho + delta_f) V(empty)."""
    product: np.ndarray
    """Value of the worker to the match, V(1) - V(0)."""
    open_firms: np.ndarray
    """Chances that a firm met is of a type and has room."""


def single_worker_firms(z: np.ndarray, value: np.ndarray, firms: np.ndarray, p: Parameters) -> SingleWorkerFirms:
    """From values and stationary shares (K, 2) of an economy with n_max = 1 (oracle D; :mod:`.finite` solves it)."""
    tickets = firms * np.array([1.0, 2.0])
    return SingleWorkerFirms(z - (p.rho + p.delta_f) * value[:, 0], value[:, 1] - value[:, 0], tickets[:, 0] / tickets.sum())


def auction_wage(y_inside: float, y_outside: float, offers: np.ndarray, chance: np.ndarray, p: Parameters) -> float:
    """Wage of a worker whose best rival offer was a firm of effective productivity ``y_outside`` (oracles D and D2).

    Parameters
    ----------
    y_inside, y_outside
        Of the firm and of the best rival; out of non-employment the latter is the flow value of non-employment,
        (rho + delta_r) U.
    offers, chance
        (M,) effective productivities of firms that a worker may meet, and their chances; chances of firms without room are left
        out, so that they may add to less than one.
    p
        Rates.

    """
    stay = p.rho + p.delta_f + p.delta_r + p.delta_m
    # Mass above y, integrated from the rival's y to the firm's own.
    above = float(chance @ np.clip(offers - y_outside, 0.0, y_inside - y_outside))
    return y_outside - p.psi_E / stay * above
