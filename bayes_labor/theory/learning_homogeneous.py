r"""The economy of learning on the job with equal workers: values and the distribution of firms on a grid, exactly.

All workers have h = 1 and there is nothing to learn, so that a firm is its productivity and its size. The full equilibrium is
then a small fixed point: policy iteration for the joint value, linear equations for the stationary distribution. It checks
simulator and networks of the general economy, and stands in for it where many solutions are needed. Oracle C of the
specification.
"""

from typing import NamedTuple

import numpy as np

from bayes_labor.theory.learning import Parameters, check_parameters, meetings, nonemployment

_MOST, _DAMPING = 1_000, 0.5


class Homogeneous(NamedTuple):
    """The equilibrium; rows are productivities, columns sizes 0 to n_max."""

    value: np.ndarray
    """(K, n_max + 1) joint value of a firm and its workers."""
    firms: np.ndarray
    """(K, n_max + 1) stationary shares of firms."""
    surplus: np.ndarray
    """(K, n_max) of the last worker, by size from 1 on."""
    omega: float
    share_N: float
    employment: float
    residual: float
    """Largest net flow of firms into a state, per year."""


def solve_homogeneous(
    z: np.ndarray, share: np.ndarray, n_max: int, p: Parameters | None = None, *, tolerance: float = 1e-13
) -> Homogeneous:  # fmt: skip
    """Solve the equilibrium.

    Parameters
    ----------
    z
        (K,) productivities.
    share
        (K,) of newborn firms, adding to one.
    n_max
        Most workers of a firm. Without a bound no stationary economy exists where productivities differ.
    p
        Parameters; those of learning and of the distributions are not used.
    tolerance
        Change of the distribution between two rounds at which they end.

    Raises
    ------
    ValueError
        For shapes or parameters out of range.
    RuntimeError
        If the rounds do not settle.

    """
    p, z, share = p or Parameters(), np.asarray(z, dtype=np.float64), np.asarray(share, dtype=np.float64)
    check_parameters(p)
    if z.ndim != 1 or share.shape != z.shape or n_max < 1 or not np.isclose(share.sum(), 1.0) or (share < 0).any():
        raise ValueError(
            f"z {z.shape}, share {share.shape} adding to {share.sum():.6g}, n_max {n_max}: (K,), (K,), one, at least 1"
        )
    sizes = np.arange(n_max + 1)
    firms = share[:, None] * np.full(n_max + 1, 1.0 / (n_max + 1))
    value = np.zeros(firms.shape)
    for _ in range(_MOST):
        value = _joint_value(value, firms, z, p)
        hire, leave = _rates(value, firms, p)
        after = _stationary(hire, leave, share, p.delta_f)
        change = np.abs(after - firms).max()
        firms = (1.0 - _DAMPING) * firms + _DAMPING * after
        if change < tolerance:
            break
    else:
        raise RuntimeError(f"firms still change by {change:.1e} after {_MOST} rounds")
    met = meetings((firms * sizes).sum() / p.N_w, p)
    flow = np.diff(np.pad(hire[:, :-1] * firms[:, :-1] - leave[:, 1:] * firms[:, 1:], ((0, 0), (1, 1))), axis=1)
    net = -flow - p.delta_f * firms + p.delta_f * share[:, None] * (sizes == 0)
    employment = float((firms * sizes).sum() / p.N_w)
    return Homogeneous(
        value, firms, np.diff(value, axis=1) - nonemployment(1.0, p), float(met.omega), float(met.share_N), employment,
        float(np.abs(net).max()),
    )  # fmt: skip


class _Market(NamedTuple):
    """What everybody meets: shares of employed workers by (z, n), of tickets by (z, n), and the rates."""

    employed: np.ndarray
    tickets: np.ndarray
    omega: float
    share_N: float


def _market(firms: np.ndarray, p: Parameters) -> _Market:
    sizes = np.arange(firms.shape[1])
    workers, tickets = firms * sizes, firms * (sizes + 1)
    met = meetings(workers.sum() / p.N_w, p)
    return _Market(workers / workers.sum(), tickets / tickets.sum(), float(met.omega), float(met.share_N))


def _surpluses(value: np.ndarray, p: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """((K, n + 1) surplus of a member, of one more worker); minus infinity where there can be none."""
    gap = np.diff(value, axis=1) - nonemployment(1.0, p)
    none = np.full((len(value), 1), -np.inf)
    return np.concatenate([none, gap], axis=1), np.concatenate([gap, none], axis=1)


def _joint_value(value: np.ndarray, firms: np.ndarray, z: np.ndarray, p: Parameters) -> np.ndarray:
    """Policy iteration: with decisions held, the equation of the joint value is linear in all values."""
    for _ in range(_MOST):
        system, constant = _linear(value, firms, z, p)
        after = np.linalg.solve(system, constant).reshape(value.shape)
        settled = np.abs(after - value).max() < 1e-13 * np.abs(after).max()
        value = after
        if settled:
            return value
    raise RuntimeError("policy iteration for the joint value does not settle")


def _linear(value: np.ndarray, firms: np.ndarray, z: np.ndarray, p: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and constant of HJB-V at the decisions that ``value`` implies."""
    k, width = value.shape
    market, u = _market(firms, p), float(nonemployment(1.0, p))
    member, hire = _surpluses(value, p)
    at = np.arange(k * width).reshape(k, width)
    n = np.broadcast_to(np.arange(width), (k, width))
    system, constant = np.zeros((k * width, k * width)), np.zeros(k * width)
    with np.errstate(divide="ignore"):
        constant += (z[:, None] * np.where(n > 0, n, 1.0) ** (1.0 / p.eta) * (n > 0)).ravel()
    apart = p.delta_r + p.delta_m
    constant += ((p.delta_f + p.delta_m) * n * u).ravel()
    system[at, at] += p.rho + p.delta_f + n * apart
    quits = (member < 0) & (n > 0)
    below = np.where(n > 0, at - 1, at)
    system[at, below] -= n * apart
    # A negative surplus is what the coalition gains when the worker leaves: n (lambda + psi^E) (V(n-1) + U - V(n)).
    gain = np.where(quits, n * (p.lam + p.psi_E), 0.0)
    system[at, at] += gain
    system[at, below] -= gain
    constant += (gain * u).ravel()
    open_ = at[:, :-1].ravel()
    rate, gain_here = ((n + 1) * market.omega)[:, :-1].reshape(-1, 1), hire[:, :-1].reshape(-1, 1)
    wins = (gain_here > np.maximum(member, 0.0).ravel()) & (n > 0).ravel()
    poached = np.where(wins, rate * (1.0 - market.share_N) * market.employed.ravel(), 0.0)
    taken = poached.sum(1) + (rate * market.share_N * (gain_here > 0)).ravel()
    system[open_, open_ + 1] -= taken
    system[open_, open_] += taken
    # An incumbent is paid his surplus V(m) - V(m - 1) - U, if he has one.
    kept = np.where(member.ravel() > 0, poached, 0.0)
    constant[open_] += (kept.sum(1) - taken) * u
    system[open_] += kept
    system[open_, :-1] -= kept[:, 1:]
    return system, constant


def _rates(value: np.ndarray, firms: np.ndarray, p: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """((K, n + 1) rates at which firms grow, shrink by one worker)."""
    market = _market(firms, p)
    member, hire = _surpluses(value, p)
    n = np.arange(value.shape[1])
    least = np.maximum(member, 0.0)
    wins = hire[:, :, None, None] > least[None, None]
    poach = np.einsum("ijkl,kl->ij", wins, market.employed)
    grow = (n + 1) * market.omega * (market.share_N * (hire > 0) + (1.0 - market.share_N) * poach)
    lost = np.einsum("ijkl,kl->ij", hire[None, None] > member[:, :, None, None], market.tickets)
    quits = member < 0
    shrink = n * (p.delta_r + p.delta_m + np.where(quits, p.lam + p.psi_E, p.psi_E * lost))
    return np.where(np.isfinite(hire), grow, 0.0), np.where(n > 0, shrink, 0.0)


def _stationary(grow: np.ndarray, shrink: np.ndarray, share: np.ndarray, death: float) -> np.ndarray:
    """(K, n + 1) shares of firms: births and deaths of workers, firms that die and are born empty."""
    width = grow.shape[1]
    found = np.empty_like(grow)
    for i, (up, down) in enumerate(zip(grow, shrink, strict=True)):
        flow = np.diag(-(up + down + death)) + np.diag(up[:-1], -1) + np.diag(down[1:], 1)
        born = np.zeros(width)
        born[0] = -death * share[i]
        found[i] = np.linalg.solve(flow, born)
    return found
