"""How good a solution of the joint value is: residuals where firms are and one event away, paths, and a second seed.

A residual alone says little: a value wrong by a constant rate of payment has a small one everywhere. Discounted payments along
simulated paths are the value itself, and two solutions from different seeds show what the network has left open. Section 4.6.
"""

from typing import Any, NamedTuple

import jax
import numpy as np
from scipy import stats

from bayes_labor.theory.learning import joint_value as hjb
from bayes_labor.theory.learning import worker_value as hjw
from bayes_labor.theory.learning.network import ValueNetwork
from bayes_labor.theory.learning.primitives import Parameters
from bayes_labor.theory.learning.simulation import Economy, Market, cross_section
from bayes_labor.theory.learning.training import Surroundings, one_event
from bayes_labor.theory.learning.virtual import FirmStates, advance, firms_of, path_values
from bayes_labor.theory.learning.worker_network import WorkerNetwork

_AT_ONCE, _HORIZON, _BINS, _POACHERS = 250, 160.0, 5, 512
LEVEL, BOUND = 0.01, 0.03
"""Of the test of paths; share of the value that no group may be off by."""
_PLAINLY = 8.0  # standard errors, of groups however small
FEWEST, LARGEST_ERROR, THINNEST = 2_000, 0.015, 30
"""Paths in all; largest standard error of a group's mean, as a share of its value; paths of a group that is tested jointly."""
_NOTHING = (np.nan, np.nan, np.nan, 0)
_FINE, _LEVEL_FIRMS, _LEVEL_YEARS = (9, 4), 4_000, 80.0


class Residual(NamedTuple):
    """Of HJB-V over firms."""

    rms: float
    """Output per year; ``share`` of mean output."""
    share: float
    relative: float
    """Root mean square of T V - V over that of V, T being the residual map: value after one event."""
    squared: float
    """Its square, the reading under which the slides' 1e-5 compares."""
    mean: float


class Bins(NamedTuple):
    """Discounted payments along paths less the value, over K groups of firms."""

    difference: np.ndarray
    """(K,) mean; ``error`` (K,) its standard error."""
    error: np.ndarray
    value: np.ndarray
    """(K,) mean value; ``paths`` (K,) how many."""
    paths: np.ndarray

    @property
    def t(self) -> np.ndarray:
        """(K,) difference in standard errors."""
        return self.difference / self.error


class Paths(NamedTuple):
    """Discounted payments along paths less the value by fifths of productivity and by size, jointly tested.

    The mean over all firms says nothing, for the level of the network was just set by it. Every group counts as it is, the mean
    included. The test has three parts of level LEVEL / 3: the sum of squared t over groups of productivity and size at once; a
    mean and slopes in both orders fitted to these groups; and the largest t over those of productivity and those of size. Few
    or noisy paths do not pass: there is a least number of them and a largest error, and a difference beyond a share of the
    value fails whatever its error.
    """

    productivity: Bins
    """By fifths of z, the least productive first."""
    size: Bins
    """By number of workers; ``size_from`` is the least of each group."""
    size_from: np.ndarray
    joint: Bins
    """By both at once, groups of THINNEST paths and more; ``joint_at`` (K, 2) which of either each is."""
    joint_at: np.ndarray
    whole: Bins
    """Of all, one group; not tested."""

    @property
    def p_value(self) -> float:
        """Of the joint test, if the value were right."""
        t, one = self.joint.t, np.concatenate([self.productivity.t, self.size.t])
        x = np.column_stack([np.ones(len(t)), self.joint_at]) / self.joint.error[:, None]
        fitted, _, rank, _ = np.linalg.lstsq(x, t, rcond=None)
        apart, trend = stats.chi2.sf(np.sum(t**2), len(t)), stats.chi2.sf(np.sum((x @ fitted) ** 2), rank)
        parts = (apart, trend, 2.0 * len(one) * stats.norm.sf(np.abs(one).max()))
        return min(1.0, len(parts) * float(min(parts)))

    @property
    def worst(self) -> float:
        """Largest difference over groups of one kind, as a share of their mean value."""
        return max(float(np.max(np.abs(b.difference) / np.abs(b.value))) for b in (self.productivity, self.size))

    @property
    def error(self) -> float:
        """Largest standard error over groups of one kind, as a share of their mean value."""
        return max(float(np.max(b.error / np.abs(b.value))) for b in (self.productivity, self.size))

    @property
    def outcome(self) -> str:
        """``agrees``, ``differs``, or ``not certified: too few paths``."""
        if self._plainly_wrong:
            return "differs"
        if not (self.whole.paths[0] >= FEWEST and self.error <= LARGEST_ERROR):  # NaN of an empty group is too few as well
            return "not certified: too few paths"
        return "agrees" if self.p_value >= LEVEL and self.worst <= BOUND else "differs"

    @property
    def _plainly_wrong(self) -> bool:
        """Whether some group is off by more than the bound and many errors, so that more paths would not mend it."""
        groups = (self.productivity, self.size, self.whole)
        # NaN of an empty group says nothing.
        return any(bool((np.abs(b.difference) > BOUND * np.abs(b.value) + _PLAINLY * b.error).any()) for b in groups)

    @property
    def agrees(self) -> bool:
        """Whether the test is passed."""
        return self.outcome == "agrees"


class WorkerResidual(NamedTuple):
    """Of HJB-W over a worker of every firm, at their wages."""

    rms: float
    """Output per year; ``relative`` to the rate of all events times the value."""
    relative: float
    least_slope: float
    """Of the value by the wage; ``most_slope``. Wages are found by inverting it, so that it must rise."""
    most_slope: float


class Certificate(NamedTuple):
    """What is known about a solution's accuracy; all in float64, with everybody alive."""

    economy: Residual
    """Over the economy's firms; ``virtual`` ones; and those one event away from the economy's."""
    virtual: Residual
    one_event: Residual
    paths: Paths
    worker: WorkerResidual | None = None


class Agreement(NamedTuple):
    """Two solutions at the same firms and workers."""

    value: float
    """Root mean square difference of V over the mean of V; ``surplus`` that of Delta; ``correlation`` of Delta."""
    surplus: float
    correlation: float
    mean_surplus: float
    """Difference of mean Delta over mean Delta."""


_values = jax.jit(hjb.neighbour_values, static_argnums=1)


def values_of(network: ValueNetwork, firms: FirmStates, meeting: hjb.Meeting, p: Parameters) -> np.ndarray:
    """(B, 2 + n_max + G) values of firms and neighbours."""
    return np.asarray(_values(network.weights, network.scales, firms, hjb.grown(firms, p), meeting))


def residual(network: ValueNetwork, firms: FirmStates, meeting: hjb.Meeting, p: Parameters) -> Residual:
    """Measures over firms, with everybody of ``meeting``."""
    found = [_residual(network, firms.take(slice(a, a + _AT_ONCE)), meeting, p) for a in range(0, len(firms.size), _AT_ONCE)]
    r, rate, v = (np.concatenate(x) for x in zip(*found, strict=True))
    rms, mapped = float(np.sqrt((r**2).mean())), float(np.sqrt(((r / (p.rho + rate)) ** 2).mean() / (v**2).mean()))
    return Residual(rms, rms / float(np.asarray(hjb.made(firms, p)).mean()), mapped, mapped**2, float(r.mean()))


def _residual(network: ValueNetwork, firms: FirmStates, meeting: hjb.Meeting, p: Parameters) -> tuple[np.ndarray, ...]:
    values = values_of(network, firms, meeting, p)
    found = hjb.equation(values, firms, meeting, p)
    return np.asarray(found.residual(values)), np.asarray(found.rate), values[:, 0]


def level_error(network: ValueNetwork, around: Surroundings, seed: int) -> float:
    """By how much the network's value is too low over the economy's firms, from its residuals along discounted paths.

    With decisions held, value less network is the mean of discounted residuals along the virtual process; a constant added to
    the network changes no decision, and is what batches determine worst. Firms that begin again at the rate rho + delta_f are
    distributed as along discounted paths.
    """
    p, rng = around.p, np.random.default_rng(seed)
    rate, source = p.rho + p.delta_f, around.panel.source
    firms = source.take(rng.integers(len(source.size), size=_LEVEL_FIRMS))
    market = around.market
    firms = advance(firms, around.panel, network, market, p, _LEVEL_YEARS, int(rng.integers(1 << 31)), (rate, 0.0))
    return residual(network, firms, hjb.meeting_on_nodes(market, _FINE), p).mean / rate


def follow_paths(network: ValueNetwork, firms: FirmStates, market: Market, p: Parameters, paths: int, seed: int) -> Paths:
    """Value paths from each firm in turn."""
    which = np.random.default_rng(seed).permutation(np.arange(paths) % len(firms.size))
    meeting = hjb.meeting_on_nodes(market)
    start = values_of(network, firms, meeting, p)[:, 0]
    gap = path_values(firms.take(which), network, market, p, _HORIZON, seed) - start[which]
    fifth = np.digitize(firms.log_z, np.quantile(firms.log_z, np.arange(1, _BINS) / _BINS))[which]
    edges = np.unique(np.quantile(firms.size, (0.25, 0.5, 0.75), method="higher"))
    edges = edges[edges > firms.size.min()]
    staff = np.digitize(firms.size, edges)[which]
    both = fifth * (len(edges) + 1) + staff
    dense = np.flatnonzero(np.bincount(both) >= THINNEST)
    productivity, size, joint, whole = (
        _bins(gap, start[which], group, labels)
        for group, labels in (
            (fifth, np.arange(_BINS)),
            (staff, np.arange(len(edges) + 1)),
            (both, dense),
            (np.zeros(paths, np.int64), np.zeros(1, np.int64)),
        )
    )
    least, places = np.append(firms.size.min(), edges), np.column_stack(np.divmod(dense, len(edges) + 1))
    return Paths(productivity, size, least, joint, places, whole)


def _bins(gap: np.ndarray, value: np.ndarray, group: np.ndarray, labels: np.ndarray) -> Bins:
    parts = [(gap[group == k], value[group == k]) for k in labels]
    found = [(g.mean(), g.std(ddof=1) / np.sqrt(len(g)), v.mean(), len(g)) if len(g) > 1 else _NOTHING for g, v in parts]
    difference, error, level, counts = np.array(found, dtype=np.float64).reshape(-1, 4).T  # few paths may leave no dense bin
    return Bins(difference, error, level, counts.astype(np.int64))


def certify(network: ValueNetwork, around: Surroundings, paths: int, seed: int) -> Certificate:
    """All measures of a joint value in its surroundings, which must be those at the network's own values."""
    p, rng, firms = around.p, np.random.default_rng(seed), around.panel.source
    away = one_event(rng, firms, around, np.ones(len(firms.size), bool))
    first, second, third = (residual(network, f, around.meeting, p) for f in (firms, around.virtual, away))
    paid = follow_paths(network, firms, around.market, p, paths, seed)
    return Certificate(first, second, third, paid)


def certify_worker(
    c: WorkerNetwork, network: ValueNetwork, economy: Economy, around: Surroundings, seed: int
) -> WorkerResidual:
    """Measures of a worker's value, at the wages that workers have in an economy."""
    rng, p, meeting, firms = np.random.default_rng(seed), around.p, around.meeting, firms_of(economy)
    workers = hjw.workers_in(firms, meeting, rng)
    wage = economy.wage[economy.roster[firms.size > 0, workers.who]]
    poachers = hjw.poachers_of(network, around.panel.source, meeting, _POACHERS, p, rng)
    after, values = hjb.grown(workers.firms, p), values_of(network, workers.firms, meeting, p)
    hires = hjb.equation(values, workers.firms, meeting, p).coefficients[:, 2 + firms.log_h.shape[1] :]
    contract = hjw.contracts(values, workers.firms, workers.who, workers.member, poachers, p)
    low, now, high = (
        np.asarray(hjw.worker_values(c, workers.firms, after, workers.who, wage + step, meeting)) for step in (-0.01, 0.0, 0.01)
    )
    found = hjw.worker_equation(now, wage, contract, hires, poachers, p)
    r, slope = np.asarray(found.residual), (high[:, 0] - low[:, 0]) / 0.02
    relative = float(np.sqrt((r**2).mean() / ((np.asarray(found.rate) * now[:, 0]) ** 2).mean()))
    return WorkerResidual(float(np.sqrt((r**2).mean())), relative, float(slope.min()), float(slope.max()))


def agreement(one: ValueNetwork, other: ValueNetwork, economy: Economy, p: Parameters) -> Agreement:
    """Compare two solutions at the firms and workers of one economy."""
    a, b = (cross_section(economy, n, p).surplus for n in (one, other))
    firms, meeting = firms_of(economy), hjb.meeting_on_nodes(cross_section(economy, one, p))
    v, w = (values_of(n, firms, meeting, p)[:, 0] for n in (one, other))

    def apart(x: Any, y: Any) -> float:
        return float(np.sqrt(((x - y) ** 2).mean()) / abs(x.mean()))

    return Agreement(apart(v, w), apart(a, b), float(np.corrcoef(a, b)[0, 1]), float(b.mean() / a.mean() - 1.0))
