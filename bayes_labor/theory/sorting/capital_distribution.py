"""Where capital is in the long run, and average responses to a change of state: a histogram of log capital, no simulation.

The distribution over (state, log capital) is pushed forward by the policies, mass between grid points split so that mean log
capital is kept (Young 2010). Averages over dates are averages over this distribution.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from bayes_labor.theory.sorting.growth import GrowthEconomy, GrowthError, Policies

_POINTS, _ROUNDS, _SMALL = 401, 20_000, 1e-14


@dataclass(frozen=True)
class CapitalDistribution:
    """The stationary distribution of state and capital."""

    policies: Policies
    log_capital: np.ndarray
    """(n,) grid over the ergodic set."""
    mass: np.ndarray
    """(S, n) probabilities, adding up to one."""
    _push: sparse.csr_array
    """(S n, S n) from a distribution to the next period's."""

    @property
    def economy(self) -> GrowthEconomy:
        """Whose capital it is."""
        return self.policies.economy

    @cached_property
    def logs(self) -> dict[str, np.ndarray]:
        """(S, n) log TFP, output, income, consumption and capital at every point."""
        e, k = self.economy, np.exp(self.log_capital)
        states = range(len(e.tfp))
        output = np.log(e.tfp)[:, None] + e.alpha * self.log_capital
        return {
            "log_Z": np.log(e.tfp)[:, None] + 0.0 * self.log_capital,
            "log_Y": output,
            "log_income": output + np.log(e.income / e.tfp)[:, None],
            "log_C": np.log([self.policies.consumption(k, i) for i in states]),
            "log_K": np.tile(self.log_capital, (len(e.tfp), 1)),
        }

    def mean(self, values: np.ndarray) -> float:
        """Long-run mean of values (S, n) or (S,)."""
        return float(np.sum(self.mass * _by_point(values)))

    def after_change(self, before: int, after: int, horizon: int) -> np.ndarray:
        """(horizon, S, n) distributions 0, 1, ... periods after dates at which the state went from ``before`` to ``after``."""
        n = len(self.log_capital)
        held = np.zeros_like(self.mass)
        held[before] = self.mass[before] / self.mass[before].sum()
        there = (self._push @ held.ravel()).reshape(-1, n)
        there[np.arange(len(there)) != after] = 0.0
        at = [there / there.sum()]
        for _ in range(horizon - 1):
            at.append((self._push @ at[-1].ravel()).reshape(-1, n))
        return np.array(at)


def capital_distribution(policies: Policies, points: int = _POINTS) -> CapitalDistribution:
    """Stationary distribution under the policies, on ``points`` grid points.

    Raises
    ------
    GrowthError
        If it does not settle, as with states that are never left.

    """
    e = policies.economy
    edges = np.log([policies.resting_capital.min(), policies.resting_capital.max()])
    grid = np.linspace(edges[0], edges[1], points) if edges[1] > edges[0] else edges[:1]
    push = _push_forward(policies, grid)
    mass: np.ndarray = np.repeat(e.stationary / len(grid), len(grid))
    for _ in range(_ROUNDS):
        moved = push @ mass
        settled = np.abs(moved - mass).max() < _SMALL
        mass = moved
        if settled:
            return CapitalDistribution(policies, grid, mass.reshape(-1, len(grid)), push)
    raise GrowthError(f"the distribution of capital moves after {_ROUNDS} periods: check the transition matrix")


def _push_forward(policies: Policies, grid: np.ndarray) -> sparse.csr_array:
    e, n = policies.economy, len(grid)
    rows, columns, values = [], [], []
    for i in range(len(e.tfp)):
        ahead = np.log(policies.next_capital(np.exp(grid), i))
        place = (np.clip(ahead, grid[0], grid[-1]) - grid[0]) / (grid[1] - grid[0]) if n > 1 else np.zeros(n)
        left = np.minimum(place.astype(int), max(n - 2, 0))
        share = place - left
        for j in range(len(e.tfp)):
            for to, weight in ((left, 1.0 - share), (np.minimum(left + 1, n - 1), share)):
                rows.append(j * n + to)
                columns.append(i * n + np.arange(n))
                values.append(e.transition[i, j] * weight)
    shape = (len(e.tfp) * n, len(e.tfp) * n)
    return sparse.csr_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=shape)


def average_response(
    where: CapitalDistribution, by_state: dict[str, np.ndarray], horizon: int = 20, states: tuple[int, int] = (0, 1)
) -> dict[str, np.ndarray]:
    """Average of each variable 0, 1, ... years after dates with a change of state, minus its long-run mean (Figure 4).

    Parameters
    ----------
    where
        The stationary distribution.
    by_state
        Further variables that depend on the state alone, (S,) each.
    horizon
        Number of years.
    states
        Before and after the change.

    Returns
    -------
    dict
        (horizon,) of ``log_Z``, ``log_Y``, ``log_income``, ``log_C``, ``log_K`` and every further variable.

    """
    paths = where.after_change(*states, horizon)
    variables = where.logs | by_state
    return {k: np.einsum("hsn,sn->h", paths, _by_point(v) + 0.0 * where.mass) - where.mean(v) for k, v in variables.items()}


def _by_point(values: np.ndarray) -> np.ndarray:
    return values if np.ndim(values) == 2 else np.asarray(values)[:, None]
