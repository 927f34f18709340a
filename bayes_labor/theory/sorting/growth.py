r"""A growth model whose TFP and income shares follow a Markov chain: policies by endogenous grid, then by collocation.

The economy has wedges, so it is no planner's problem: the Euler equation (31) with the budget (32) is solved, not a Bellman
equation. Section 9 of the specification.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.polynomial import chebyshev
from scipy import optimize

_GRID, _TOLERANCE, _ROUNDS = 600, 1e-9, 5_000
_PAD = 0.05  # of the interval of log capital beyond the ergodic set
_NEWTON, _SMALL = 30, 1e-13
_BY_STATE = ("tfp", "income_share", "capital_share")


class GrowthError(ValueError):
    """Raised where policies cannot be found; says at what and what to do."""


@dataclass(frozen=True)
class GrowthEconomy:
    """Primitives: output is ``tfp[i] K**alpha`` in state i.

    Raises
    ------
    GrowthError
        For a transition matrix whose rows do not sum to one, or numbers out of range.

    """

    tfp: np.ndarray
    """(S,) Z, positive."""
    income_share: np.ndarray
    """(S,) h: households' income over output, positive; above one where wedges subsidise."""
    capital_share: np.ndarray
    """(S,) a: capital income over output, positive."""
    transition: np.ndarray
    """(S, S) probabilities of the next state, by row."""
    alpha: float = 0.3
    discount: float = 0.96
    depreciation: float = 0.10
    rebate: bool = False
    """Whether the revenue of the wedges is paid out to households: all of output is income then."""

    def __post_init__(self) -> None:
        for name in ("tfp", "income_share", "capital_share", "transition"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64))
        n, p = len(self.tfp), self.transition
        checks = {
            "transition": p.shape == (n, n) and bool(np.all(p >= 0) and np.allclose(p.sum(1), 1, rtol=0, atol=1e-12)),
            **{k: getattr(self, k).shape == (n,) and bool(np.all(getattr(self, k) > 0)) for k in _BY_STATE},
            "alpha": 0 < self.alpha < 1,
            "discount": 0 < self.discount < 1,
            "depreciation": 0 < self.depreciation <= 1,
        }
        wrong = ", ".join(f"{name} = {np.asarray(getattr(self, name)).tolist()}" for name, fine in checks.items() if not fine)
        if wrong:
            raise GrowthError(
                f"{wrong}: rows of probabilities must sum to one, TFP and shares be positive, one per state, alpha and "
                "discount lie in (0, 1), depreciation in (0, 1]"
            )

    @property
    def income(self) -> np.ndarray:
        """(S,) H: income per K**alpha."""
        return self.tfp if self.rebate else self.tfp * self.income_share

    @property
    def rental(self) -> np.ndarray:
        """(S,) the rental rate per K**(alpha - 1)."""
        return self.tfp * self.capital_share

    @property
    def steady_capital(self) -> np.ndarray:
        """(S,) capital at which each state would rest if it were believed permanent."""
        return (self.rental / (1.0 / self.discount - 1.0 + self.depreciation)) ** (1.0 / (1.0 - self.alpha))

    @property
    def steady_consumption(self) -> np.ndarray:
        """(S,) consumption there."""
        return self.income * self.steady_capital**self.alpha - self.depreciation * self.steady_capital

    @cached_property
    def stationary(self) -> np.ndarray:
        """(S,) stationary probabilities of the states."""
        n = len(self.income)
        system = np.vstack([self.transition.T - np.eye(n), np.ones(n)])
        return np.linalg.lstsq(system, np.append(np.zeros(n), 1.0), rcond=None)[0]

    def resources(self, capital: np.ndarray, state: np.ndarray | int) -> np.ndarray:
        """Income and undepreciated capital."""
        return (1.0 - self.depreciation) * capital + self.income[state] * capital**self.alpha

    def gross_return(self, capital: np.ndarray) -> np.ndarray:
        """(S, ...) of capital carried into each state."""
        rental = self.rental.reshape(-1, *[1] * np.ndim(capital))
        return 1.0 - self.depreciation + rental * capital ** (self.alpha - 1.0)


@dataclass(frozen=True)
class Policies:
    """Consumption by state as a Chebyshev series in log capital on the ergodic set."""

    economy: GrowthEconomy
    center: float
    half_width: float
    coefficients: np.ndarray
    """(n, S) of log consumption."""
    resting_capital: np.ndarray
    """(S,) where capital rests while a state lasts; the ergodic set lies between the least and the largest."""

    def consumption(self, capital: np.ndarray | float, state: np.ndarray | int) -> np.ndarray:
        """Consumption at capital within the ergodic set, padded by 5%; NaN outside of it."""
        x = (np.log(capital) - self.center) / self.half_width
        values = np.exp(chebyshev.chebval(x, self.coefficients))
        inside = np.where(np.abs(x) <= 1.0 + 1e-9, 1.0, np.nan)
        if np.ndim(state) == 0:
            return values[state] * inside
        return np.take_along_axis(values, np.asarray(state)[None], 0)[0] * inside

    def next_capital(self, capital: np.ndarray | float, state: np.ndarray | int) -> np.ndarray:
        """Capital of the next period, (32)."""
        return self.economy.resources(np.asarray(capital), state) - self.consumption(capital, state)

    def euler_errors(self, points: int = 1000) -> np.ndarray:
        """(S, points) relative errors of consumption in the Euler equation over the ergodic set."""
        e, edges = self.economy, np.log(self.resting_capital)
        k = np.exp(np.linspace(edges.min(), edges.max(), points))
        errors = []
        for i in range(len(e.income)):
            ahead = self.next_capital(k, i)
            next_c = np.array([self.consumption(ahead, j) for j in range(len(e.income))])
            marginal = e.discount * np.einsum("j,jk->k", e.transition[i], e.gross_return(ahead) / next_c)
            errors.append(1.0 / marginal / self.consumption(k, i) - 1.0)
        return np.array(errors)

    def path(self, states: np.ndarray, start: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(capital, consumption) along states (T, ...), beginning with capital ``start``."""
        capital, consumption = [np.asarray(start, dtype=np.float64) + np.zeros(np.shape(states)[1:])], []
        for state in states:
            consumption.append(self.consumption(capital[-1], state))
            capital.append(self.economy.resources(capital[-1], state) - consumption[-1])
        return np.array(capital[:-1]), np.array(consumption)


def solve_growth(economy: GrowthEconomy, nodes: int = 26) -> Policies:
    """Policies of consumption and capital.

    Parameters
    ----------
    economy
        Primitives.
    nodes
        Chebyshev nodes per state.

    Raises
    ------
    GrowthError
        If either stage does not settle.

    """
    grid, log_consumption = _endogenous_grid(economy)
    resting = np.array([_resting(economy, grid, log_consumption[i], i) for i in range(len(economy.income))])
    low, high = np.log(resting.min()) - _PAD, np.log(resting.max()) + _PAD
    center, half = 0.5 * (low + high), 0.5 * (high - low)
    points = chebyshev.chebpts1(nodes)
    guess = np.array([np.interp(center + half * points, grid, c) for c in log_consumption])
    first = np.linalg.solve(chebyshev.chebvander(points, nodes - 1), guess.T)
    coefficients = _collocate(economy, center, half, first)
    policies = Policies(economy, center, half, coefficients, resting)

    def drift(x: float, state: int) -> float:
        return float(policies.next_capital(np.exp(x), state)) - float(np.exp(x))

    exact = [_root(partial(drift, state=i), low, high) for i in range(len(resting))]
    return Policies(economy, center, half, coefficients, np.exp(exact))


def _endogenous_grid(e: GrowthEconomy) -> tuple[np.ndarray, np.ndarray]:
    """(log capital (n,), log consumption (S, n)) on a wide grid, by Carroll's method, linear in logs."""
    k = e.steady_capital
    grid = np.linspace(np.log(0.02 * k.min()), np.log(5.0 * k.max()), _GRID)
    ahead = np.exp(grid)
    returns = e.gross_return(ahead)
    c = np.log(np.maximum(e.income[:, None] * ahead**e.alpha * 0.7, 1e-12))
    for _ in range(_ROUNDS):
        chosen = 1.0 / (e.discount * e.transition @ (returns * np.exp(-c)))
        log_k = _capital_with(e, ahead + chosen, grid)
        new = np.array([np.interp(grid, x, np.log(y)) for x, y in zip(log_k, chosen, strict=True)])
        moved = float(np.abs(new - c).max())
        c = new
        if moved < _TOLERANCE:
            return grid, c
    raise GrowthError(f"policies moved by {moved:.1e} after {_ROUNDS} rounds: check discount and transition")


def _capital_with(e: GrowthEconomy, resources: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """(S, n) log capital that gives resources (S, n), by Newton's method on an increasing, convex function of log capital."""
    x = np.tile(grid, (len(e.income), 1))
    for _ in range(60):
        kept, made = (1.0 - e.depreciation) * np.exp(x), e.income[:, None] * np.exp(e.alpha * x)
        step = np.log((kept + made) / resources) * (kept + made) / (kept + e.alpha * made)
        x -= step
        if np.abs(step).max() < 1e-13:
            break
    return x


def _resting(e: GrowthEconomy, grid: np.ndarray, log_consumption: np.ndarray, state: int) -> float:
    def drift(x: float) -> float:
        return float(e.resources(np.exp(x), state) - np.exp(np.interp(x, grid, log_consumption)) - np.exp(x))

    return float(np.exp(_root(drift, grid[0], grid[-1])))


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    try:
        return float(optimize.brentq(function, low, high, xtol=1e-14, rtol=1e-14))
    except ValueError as error:
        raise GrowthError("capital rests nowhere on the grid: check discount, depreciation and alpha") from error


def _collocate(e: GrowthEconomy, center: float, half: float, coefficients: np.ndarray) -> np.ndarray:
    """Newton's method on the Euler equation at the nodes, in logs; coefficients (n, S)."""
    n, s = coefficients.shape
    points = chebyshev.chebpts1(n)
    basis, capital = chebyshev.chebvander(points, n - 1), np.exp(center + half * points)
    for _ in range(_NEWTON):
        residual, jacobian = np.empty((s, n)), np.zeros((s, n, s, n))
        for i in range(s):
            c = np.exp(basis @ coefficients[:, i])
            ahead = e.resources(capital, i) - c
            x = (np.log(ahead) - center) / half
            there = chebyshev.chebvander(x, n - 1)
            slope = chebyshev.chebval(x, chebyshev.chebder(coefficients)) / half  # (S, n)
            gross = e.gross_return(ahead)
            terms = e.transition[i][:, None] * gross * np.exp(-(there @ coefficients).T)
            weight = terms / terms.sum(0)
            residual[i] = basis @ coefficients[:, i] + np.log(e.discount * terms.sum(0))
            steeper = (e.alpha - 1.0) * e.rental[:, None] * ahead ** (e.alpha - 1.0) / gross - slope
            through = (weight * steeper).sum(0) * (-c / ahead)
            jacobian[i] = -np.einsum("jm,mk->mjk", weight, there)
            jacobian[i, :, i] += (1.0 + through)[:, None] * basis
        step = np.linalg.solve(jacobian.reshape(s * n, s * n), residual.ravel()).reshape(s, n).T
        coefficients = coefficients - step
        if not np.isfinite(step).all():
            break
        if np.abs(step).max() < _SMALL:
            return coefficients
    raise GrowthError("collocation did not settle: use other nodes, or states that are closer to each other")


def expected_difference(
    policies: Policies, start: float, states: tuple[int, int] = (1, 0), horizon: int = 8
) -> dict[str, np.ndarray]:
    """Expected log capital, consumption and output after beginning in one state, minus after beginning in another.

    Exact, over all paths of the chain: at most 14 periods for two states.

    Returns
    -------
    dict
        ``log_Y``, ``log_K``, ``log_C`` (horizon,).

    """
    if len(policies.economy.income) ** (horizon - 1) > 20_000:
        what = f"horizon = {horizon} has too many paths for an exact expectation"
        raise GrowthError(f"{what}: use Policies.path on simulated states")
    first, second = (_expected(policies, start, s, horizon) for s in states)
    return dict(zip(("log_Y", "log_K", "log_C"), first - second, strict=True))


def _expected(policies: Policies, start: float, state: int, horizon: int) -> np.ndarray:
    """(3, horizon) means of log output, capital and consumption over all paths from a state."""
    e, n, means = policies.economy, len(policies.economy.income), []
    at, capital, chance = np.array([state]), np.array([start]), np.array([1.0])
    for _ in range(horizon):
        c = policies.consumption(capital, at)
        means.append([chance @ v for v in (np.log(e.tfp[at]) + e.alpha * np.log(capital), np.log(capital), np.log(c))])
        capital = np.repeat(e.resources(capital, at) - c, n)
        chance = (chance[:, None] * e.transition[at]).ravel()
        at = np.tile(np.arange(n), len(at))
    return np.transpose(means)
