r"""The economy of learning on the job with finitely many kinds of workers who learn nothing: its exact equilibrium.

A firm is its productivity and how many workers of each kind it has. The equilibrium is then a small fixed point: policy
iteration for the joint value, linear equations for the stationary firms, a contraction for the value of a worker at a given
wage. It checks simulator and networks of the general economy, and stands in for it where many solutions are needed. Oracles C
(one kind) and E of the specification. Ties, of which there are many (a firm with one worker less offers exactly what a worker
has), leave everybody where he is: surpluses are computed by the same subtraction on both sides, so that they are exact.
"""

from itertools import product
from typing import Any, NamedTuple

import numpy as np

from bayes_labor.theory.learning.primitives import Parameters, check_parameters, meetings, nonemployment

_MOST, _DAMPING = 1_000, 0.5


class FiniteEconomy(NamedTuple):
    """The equilibrium; K productivities, M compositions of a workforce, H kinds of workers."""

    counts: np.ndarray
    """(M, H) workers of each kind, by composition; the first is nobody."""
    value: np.ndarray
    """(K, M) joint value of a firm and its workers."""
    firms: np.ndarray
    """(K, M) stationary shares of firms."""
    surplus: np.ndarray
    """(K, M, H) of a worker who is there, V(S) - V(S - x) - U(x); NaN where there is none of the kind."""
    idle: np.ndarray
    """(H,) shares of kinds among the non-employed."""
    omega: float
    share_N: float
    employment: float
    residual: float
    """Largest net flow of firms into a state, per year."""


class _States(NamedTuple):
    """The grid of firms, flat: S = K M states."""

    z: np.ndarray
    """(S,) productivity; ``counts`` (S, H), ``size`` (S,)."""
    counts: np.ndarray
    size: np.ndarray
    plus: np.ndarray
    """(S, H) the state with one more of a kind, -1 where the firm is full; ``minus`` with one less, -1 where there is none."""
    minus: np.ndarray
    born: np.ndarray
    """(S,) shares of newborn firms."""
    compositions: np.ndarray
    """(M, H) workers of each kind; S = K M."""


class _Setting(NamedTuple):
    """What an equilibrium is solved from."""

    states: _States
    pay: np.ndarray
    """(S,) output."""
    u: np.ndarray
    """(H,) values of non-employment; ``births`` (H,) shares of newborn workers."""
    births: np.ndarray
    p: Parameters


def _setting(z: np.ndarray, share: np.ndarray, n_max: int, h: np.ndarray, births: np.ndarray, p: Parameters) -> _Setting:
    states = _grid(z, share, len(h), n_max)
    # Output by kinds, of which there may be several workers each: learning.output takes them one by one.
    pay = states.z * np.where(states.size > 0, (states.counts * h**p.eta).sum(1), 0.0) ** (1.0 / p.eta)
    return _Setting(states, pay, nonemployment(h, p), births, p)


def solve_finite(
    z: Any,
    share: Any,
    n_max: int,
    p: Parameters | None = None,
    *,
    h: Any = (1.0,),
    births: Any = (1.0,),
    tolerance: float = 1e-13,
) -> FiniteEconomy:
    """Solve the equilibrium.

    Parameters
    ----------
    z, share
        (K,) productivities, and their shares of newborn firms.
    n_max
        Most workers of a firm. Without a bound no stationary economy exists where productivities differ.
    p
        Parameters; those of learning and of the distributions are not used.
    h, births
        (H,) human capital of the kinds of workers, and their shares of newborn workers.
    tolerance
        Change of the distribution between two rounds at which they end.

    Raises
    ------
    ValueError
        For shapes or parameters out of range.
    RuntimeError
        If the rounds do not settle.

    """
    p = p or Parameters()
    check_parameters(p)
    z, share, h, births = (np.asarray(v, dtype=np.float64) for v in (z, share, h, births))
    for name, kinds, weights in (("z", z, share), ("h", h, births)):
        if kinds.ndim != 1 or weights.shape != kinds.shape or not np.isclose(weights.sum(), 1.0) or (weights < 0).any():
            raise ValueError(
                f"{name} {kinds.shape} with shares {weights.shape} adding to {weights.sum():.6g}: one shape, and one"
            )
    if n_max < 1:
        raise ValueError(f"n_max = {n_max}: a firm needs room for a worker")
    c = _setting(z, share, n_max, h, births, p)
    states, firms, value = c.states, np.full(len(c.pay), 1.0 / len(c.pay)), np.zeros(len(c.pay))
    for _ in range(_MOST):
        market = _market(firms, c)
        value = _joint_value(value, market, c)
        after = np.linalg.solve(_flow(value, market, c), -p.delta_f * states.born)
        change = np.abs(after - firms).max()
        firms = (1.0 - _DAMPING) * firms + _DAMPING * after
        if change < tolerance:
            break
    else:
        raise RuntimeError(f"firms still change by {change:.1e} after {_MOST} rounds")
    market, shape = _market(firms, c), (len(z), len(states.compositions))
    net = _flow(value, market, c) @ firms + p.delta_f * states.born
    surplus = np.where(states.minus >= 0, _surpluses(value, c)[0], np.nan).reshape(*shape, -1)
    employment, residual = float(firms @ states.size / p.N_w), float(np.abs(net).max())
    values, firms, met = value.reshape(shape), firms.reshape(shape), (market.idle, market.omega, market.share_N)
    return FiniteEconomy(states.compositions, values, firms, surplus, *met, employment, residual)


def _grid(z: np.ndarray, share: np.ndarray, kinds: int, n_max: int) -> _States:
    """All firms, by productivity and then by composition: smaller ones first, more of earlier kinds first."""
    found = [c for c in product(range(n_max + 1), repeat=kinds) if sum(c) <= n_max]
    counts = np.array(sorted(found, key=lambda c: (sum(c), tuple(-x for x in c))))
    place = {tuple(c): i for i, c in enumerate(counts.tolist())}
    one = np.eye(kinds, dtype=int)
    plus, minus = (np.array([[place.get(tuple(c + step), -1) for step in sign * one] for c in counts]) for sign in (1, -1))
    k, m = len(z), len(counts)
    first = m * np.arange(k)[:, None, None]
    whole = [np.where(step[None] >= 0, step[None] + first, -1).reshape(k * m, kinds) for step in (plus, minus)]
    tiled = np.tile(counts, (k, 1))
    born = np.zeros((k, m))
    born[:, 0] = share
    return _States(np.repeat(z, m), tiled, tiled.sum(1), whole[0], whole[1], born.ravel(), counts)


class _Market(NamedTuple):
    """Whom firms and workers meet."""

    idle: np.ndarray
    """(H,) shares of kinds among the non-employed."""
    employed: np.ndarray
    """(S, H) shares of employed workers by firm and kind."""
    tickets: np.ndarray
    """(S,) chances of firms that a worker meets."""
    omega: float
    share_N: float


def _market(firms: np.ndarray, c: _Setting) -> _Market:
    workers, tickets = firms[:, None] * c.states.counts, firms * (c.states.size + 1)
    # Retirement strikes everybody alike, so that kinds keep their shares among all workers.
    idle = c.p.N_w * c.births - workers.sum(0)
    met = meetings(workers.sum() / c.p.N_w, c.p)
    employed = workers / workers.sum()
    return _Market(idle / idle.sum(), employed, tickets / tickets.sum(), float(met.omega), float(met.share_N))


def _surpluses(value: np.ndarray, c: _Setting) -> tuple[np.ndarray, np.ndarray]:
    """((S, H) surplus of a member, of one more worker); minus infinity where there can be none."""
    plus, minus = c.states.plus, c.states.minus
    member = np.where(minus >= 0, value[:, None] - value[minus] - c.u, -np.inf)
    return member, np.where(plus >= 0, value[plus] - value[:, None] - c.u, -np.inf)


def _hires(value: np.ndarray, market: _Market, c: _Setting, kind: int) -> tuple[np.ndarray, np.ndarray]:
    """((S,) rate of hiring a kind out of non-employment, (S, S) out of each firm)."""
    states, (member, offer) = c.states, _surpluses(value, c)
    rate = (states.size + 1) * market.omega
    better = (offer[:, None, kind] > np.maximum(member[None, :, kind], 0.0)) & (states.counts[None, :, kind] > 0)
    idle = rate * market.share_N * market.idle[kind] * (offer[:, kind] > 0)
    return idle, np.where(better, rate[:, None] * (1.0 - market.share_N) * market.employed[None, :, kind], 0.0)


def _joint_value(value: np.ndarray, market: _Market, c: _Setting) -> np.ndarray:
    """Policy iteration: with decisions held, HJB-V is linear in all values."""
    for _ in range(_MOST):
        system, constant = _linear(value, market, c)
        after = np.linalg.solve(system, constant)
        settled = np.abs(after - value).max() < 1e-13 * np.abs(after).max()
        value = after
        if settled:
            return value
    raise RuntimeError("policy iteration for the joint value does not settle")


def _linear(value: np.ndarray, market: _Market, c: _Setting) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and constant of HJB-V at the decisions that ``value`` implies."""
    states, pay, u, _, p = c
    member, at = _surpluses(value, c)[0], np.arange(len(value))
    system, constant = np.diag(p.rho + p.delta_f + states.size * (p.delta_r + p.delta_m)), pay.copy()
    for x in range(len(u)):
        here, room = states.counts[:, x] > 0, states.plus[:, x] >= 0
        count, below, above = states.counts[here, x], states.minus[here, x], states.plus[room, x]
        constant += (p.delta_f + p.delta_m) * states.counts[:, x] * u[x]
        system[at[here], below] -= count * (p.delta_r + p.delta_m)
        # A negative surplus is what the coalition gains when the worker leaves.
        gain = np.where(member[here, x] < 0, count * (p.lam + p.psi_E), 0.0)
        system[at[here], at[here]] += gain
        system[at[here], below] -= gain
        constant[here] += gain * u[x]
        idle, poached = _hires(value, market, c, x)
        taken = (idle + poached.sum(1))[room]
        system[at[room], above] -= taken
        system[at[room], at[room]] += taken
        constant[room] -= taken * u[x]
        # An incumbent firm is paid its surplus V(S) - V(S - x) - U, if there is one.
        kept = np.where(member[None, :, x] > 0, poached, 0.0)
        constant += kept.sum(1) * u[x]
        system += kept
        np.subtract.at(system.T, states.minus[here, x], kept[:, here].T)
    return system, constant


def _leaving(value: np.ndarray, market: _Market, c: _Setting) -> np.ndarray:
    """(S, H) rate at which a worker of a kind leaves."""
    p, (member, offer) = c.p, _surpluses(value, c)
    lost = np.stack([(offer[None, :, x] > member[:, None, x]) @ market.tickets for x in range(len(c.u))], axis=1)
    return p.delta_r + p.delta_m + np.where(member < 0, p.lam + p.psi_E, p.psi_E * lost)


def _flow(value: np.ndarray, market: _Market, c: _Setting) -> np.ndarray:
    """(S, S) generator of firms, newborns apart: column by row, rates at which firms move between states or die."""
    states, at = c.states, np.arange(len(value))
    rates, leaving = np.zeros((len(value), len(value))), _leaving(value, market, c)
    for x in range(len(c.u)):
        here, room = states.counts[:, x] > 0, states.plus[:, x] >= 0
        idle, poached = _hires(value, market, c, x)
        rates[states.plus[room, x], at[room]] += (idle + poached.sum(1))[room]
        rates[states.minus[here, x], at[here]] += (states.counts[:, x] * leaving[:, x])[here]
    return rates - np.diag(rates.sum(0) + c.p.delta_f)


def finite_moments(found: FiniteEconomy, p: Parameters) -> dict[str, float]:
    """What a statistical office would see of an economy with one kind of worker: employment, flows per year, sizes of firms.

    ``move_rate`` of the employed to another firm, ``hire_rate`` of the non-employed, ``separation_rate`` of the employed into
    non-employment or retirement; sizes are of firms with workers.

    Raises
    ------
    ValueError
        If there are several kinds.

    """
    if found.counts.shape[1] != 1:
        raise ValueError(f"{found.counts.shape[1]} kinds of workers: these moments are of economies with one")
    n = found.counts[:, 0]
    tickets = found.firms * (n + 1)
    tickets = tickets / tickets.sum()
    workers = found.firms * n
    surplus = found.surplus[:, 1:, 0]
    moves = p.psi_E * np.array([[tickets[:, :-1][surplus > max(own, 0.0)].sum() for own in row] for row in surplus])
    staffed = found.firms[:, 1:].sum(0) / found.firms[:, 1:].sum()
    size = float(staffed @ n[1:])
    return {
        "employment": found.employment,
        "move_rate": float((workers[:, 1:] * moves).sum() / workers.sum()),
        "hire_rate": float(p.psi_N * tickets[:, :-1][surplus > 0].sum()),
        "separation_rate": p.delta_m + p.delta_r + p.delta_f,
        "mean_size": size,
        "sd_size": float(np.sqrt(staffed @ (n[1:] - size) ** 2)),
        "empty": float(found.firms[:, 0].sum()),
        "top_share": float(workers[-1].sum() / workers.sum()),
        "mean_surplus": float((workers[:, 1:] * surplus).sum() / workers.sum()),
    }


def worker_values(
    found: FiniteEconomy, z: Any, h: Any, births: Any, kind: int, wage: float, p: Parameters | None = None
) -> np.ndarray:
    """(K, M) value of a worker of a kind at a given wage, by firm; NaN where there is none of the kind (HJB-W).

    Arguments as for :func:`solve_finite`, whose result ``found`` is.
    """
    p = p or Parameters()
    z, h, births = (np.asarray(v, dtype=np.float64) for v in (z, h, births))
    share = np.full(len(z), 1.0 / len(z))  # of newborn firms, which nothing here depends on
    c = _setting(z, share, int(found.counts.sum(1).max()), h, births, p)
    states, u, value, market = c.states, c.u, found.value.ravel(), _market(found.firms.ravel(), c)
    member, offer = _surpluses(value, c)
    leaving, at = _leaving(value, market, c), np.arange(len(value))
    own = states.counts[:, kind] > 0
    moves = np.zeros((len(value), len(value)))
    for x in range(len(h)):
        others = own & (states.counts[:, x] > (x == kind))
        moves[at[others], states.minus[others, x]] += ((states.counts[:, x] - (x == kind)) * leaving[:, x])[others]
        room = own & (states.plus[:, x] >= 0)
        idle, poached = _hires(value, market, c, x)
        moves[at[room], states.plus[room, x]] += (idle + poached.sum(1))[room]
    top = u[kind] + np.maximum(member[:, kind], 0.0)
    floor = u[kind] + np.minimum(np.maximum(offer[None, :, kind], 0.0), np.maximum(member[:, None, kind], 0.0))
    total = p.rho + p.delta_f + p.delta_m + p.delta_r + p.lam + p.psi_E + moves.sum(1)
    W = np.full(len(value), u[kind])
    for _ in range(100_000):
        renegotiated = np.clip(W, u[kind], top)
        met = np.clip(W[:, None], floor, top[:, None]) @ market.tickets
        fixed = wage + (p.delta_f + p.delta_m) * u[kind] + p.lam * renegotiated + p.psi_E * met
        after = np.where(own, (fixed + moves @ W) / total, W)
        change, W = np.abs(after - W).max(), after
        if change < 1e-13 * max(np.abs(W).max(), 1.0):
            return np.where(own, W, np.nan).reshape(found.value.shape)
    raise RuntimeError(f"worker values still change by {change:.1e}")
