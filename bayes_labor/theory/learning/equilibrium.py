"""The joint fixed point of values and the stationary economy: simulate, solve for values given whom firms meet, and again.

It begins at the exact economy in which workers are alike (:mod:`.finite`), whose firms have about the right sizes. Every few
steps all of it is written to a folder: a solution that was killed goes on as if it had not been, bit by bit. Section 4.5.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import norm

from bayes_labor.theory.learning import checkpoint
from bayes_labor.theory.learning import joint_value as hjb
from bayes_labor.theory.learning.certificate import Certificate, certify, certify_worker, level_error
from bayes_labor.theory.learning.finite import FiniteEconomy, solve_finite
from bayes_labor.theory.learning.network import ValueNetwork, draw_weights, scales, tabulate
from bayes_labor.theory.learning.primitives import Parameters, check_parameters, meetings
from bayes_labor.theory.learning.simulation import (
    Economy,
    Market,
    Newcomers,
    cross_section,
    newcomers,
    simulate,
    start_economy,
)
from bayes_labor.theory.learning.training import Schedule, Surroundings, Training, begin, policy_iteration, train
from bayes_labor.theory.learning.virtual import FirmStates, Panel, advance, firms_of
from bayes_labor.theory.learning.worker_value import begin_worker, train_worker_value

_CHUNK = 40
"""Steps between two checkpoints."""
_TYPES, _VIRTUAL, _STATES, _ROUNDS, _WALKED = 15, 2_000, 2_048, 8, 5.0
_TOLERANCE = {"employment": 0.005, "mean_surplus": 0.01, "size": 0.25}
_FILE = "solution.npz"
_DATES = 5
Snapshots = dict[str, Economy]
"""An economy at several dates, by number."""


class SolverSettings(NamedTuple):
    """How an equilibrium is solved; the size at which a workstation takes a few minutes."""

    firms: int = 1_500
    n_max: int = 10
    """Most workers of a firm: part of the model, without which no stationary economy exists."""
    features: int = 16
    width: int = 64
    burn_in: float = 60.0
    """Years until human capital is stationary; ``years`` between two solutions of the values, over which whom firms meet is
    averaged."""
    years: float = 15.0
    passes: int = 5
    """At most; it ends when the economy no longer changes."""
    first: Schedule = Schedule()
    again: Schedule = Schedule(steps=160, ridge=(1e-4, 1e-7), rate=(0.05, 0.01))
    worker: Schedule = Schedule(steps=320, ridge=(1e-2, 1e-6), rate=(0.15, 0.01), keep=0.95)
    wage_years: float = 15.0
    """Years for wages to become stationary."""
    paths: int = 16_000
    """From which the certificate is made: of 12,000 two seeds at the slides' parameters had errors of just above its 1.5%."""
    seed: int = 0


class SolvedEconomy(NamedTuple):
    """An equilibrium, what is known about its accuracy, and how it was found."""

    p: Parameters
    settings: SolverSettings
    value: ValueNetwork
    worker: Any
    """Value of a worker at a wage (:class:`.worker_network.WorkerNetwork`)."""
    economy: Economy
    """With wages."""
    certificate: Certificate
    history: list[dict[str, float]]
    """A line per pass: residuals, employment, surplus, sizes, seconds."""
    born: Newcomers


def aggregates(market: Market, firms: FirmStates, p: Parameters) -> dict[str, float]:
    """Employment, mean surplus and sizes of firms with workers."""
    staffed = firms.size[firms.size > 0]
    return {
        "employment": len(market.log_h) / (len(market.log_h) + len(market.idle_log_h)),
        "mean_surplus": float(market.surplus.mean()),
        "size": float(staffed.mean()),
        "size_p50": float(np.median(staffed)),
        "size_p90": float(np.quantile(staffed, 0.9)),
        "empty": float((firms.size == 0).mean()),
        "mean_h": float(np.exp(np.concatenate([market.log_h, market.idle_log_h])).mean()),
    }


def solve_equilibrium(
    p: Parameters | None = None,
    settings: SolverSettings | None = None,
    folder: str | Path | None = None,
    told: Callable[[str], None] | None = None,
) -> SolvedEconomy:
    """Solve for values, the stationary economy and wages.

    Parameters
    ----------
    p
        Parameters; those of the slides by default.
    settings
        Sizes, schedules and the seed.
    folder
        Where checkpoints go. If it holds one of the same parameters and settings, the solution goes on from there.
    told
        Called with a line whenever something has been done.

    Returns
    -------
    SolvedEconomy
        With its certificate.

    Raises
    ------
    ValueError
        For parameters out of range, or a folder that holds another solution.

    """
    p, settings = p or Parameters(), settings or SolverSettings()
    check_parameters(p)
    work = _Work(p, settings, newcomers(p, np.random.default_rng([settings.seed, 0])))
    state = _load(work, folder)
    _certify_anew(work, state, folder)
    while state["record"]["stage"] != "done":
        clock = time.process_time()
        said = _STAGES[state["record"]["stage"]](work, state)
        state["record"]["cpu_seconds"] += time.process_time() - clock
        _save(work, state, folder)
        if told is not None:
            told(f"{said} ({state['record']['cpu_seconds']:.0f} s of processor time)")
    record = state["record"]
    certificate = checkpoint.rebuilt(Certificate, record["certificate"])
    value, worker = state["training"].network, state["worker"].network
    return SolvedEconomy(p, settings, value, worker, state["economy"], certificate, record["history"], work.born)


class _Work(NamedTuple):
    p: Parameters
    settings: SolverSettings
    born: Newcomers

    @property
    def asked(self) -> dict[str, Any]:
        """Parameters and settings as JSON gives them back."""
        return {"parameters": checkpoint.plain(self.p), "settings": checkpoint.plain(self.settings)}


def _seed(seed: int, *path: int) -> int:
    return int(np.random.default_rng([seed, 1, *path]).integers(1 << 31))


def first_economies(p: Parameters, c: SolverSettings, born: Newcomers) -> tuple[Snapshots, Training]:
    """The economy in which workers are alike, for as long as human capital needs; a first network from its values."""
    z = np.exp(p.mu_z + p.sigma_z * norm.ppf((np.arange(_TYPES) + 0.5) / _TYPES)) if p.sigma_z > 0 else np.exp([p.mu_z])
    alike = solve_finite(z, np.full(len(z), 1.0 / len(z)), c.n_max, p)
    table, rng = tabulate(alike.value, alike.counts, z, np.array([1.0])), np.random.default_rng([c.seed, 2])
    start = start_economy(c.firms, c.n_max, p, born, rng)
    burnt, _ = simulate(start, table, p, born, c.burn_in, _seed(c.seed, 0))
    economies = _snapshots(burnt, table, p, born, c.years, (c.seed, 7))
    market, panel = _pooled(economies, table, p, born)
    virtual = panel.source.take(rng.integers(len(panel.source.size), size=_VIRTUAL))
    virtual = advance(virtual, panel, table, market, p, _WALKED, _seed(c.seed, 1))
    around = Surroundings(panel, virtual, market, hjb.meeting_on_nodes(market), p)
    network = ValueNetwork(scales(p), draw_weights(rng, c.n_max, c.features, c.width))
    first = _values_where_alike(alike, z)
    network, _ = policy_iteration(network, rng, around, _STATES, c.first.employed, _ROUNDS, values=first)
    return economies, begin(network, virtual)


def _snapshots(
    economy: Economy, valuation: Any, p: Parameters, born: Newcomers, years: float, seed: tuple[int, ...]
) -> Snapshots:
    """The economy at several dates, the last after so many years."""
    found: Snapshots = {}
    for k in range(_DATES):
        economy, _ = simulate(economy, valuation, p, born, years / _DATES, _seed(*seed, k))
        found[str(k)] = economy
    return found


def _pooled(economies: Snapshots, valuation: Any, p: Parameters, born: Newcomers) -> tuple[Market, Panel]:
    """Whom firms meet, and the firms, at all dates together: the level of values moves by percents with the draw of one."""
    markets = [cross_section(e, valuation, p) for e in economies.values()]
    firms = [firms_of(e) for e in economies.values()]
    met = meetings(np.mean([e.employment for e in economies.values()]), p)
    offset = len(firms[0].size)
    shifted = [m._replace(employer=m.employer + k * offset) for k, m in enumerate(markets)]
    arrays = (np.concatenate([m[i] for m in shifted]) for i in range(2, len(Market._fields)))
    source = FirmStates(*(np.concatenate(v) for v in zip(*firms, strict=True)))
    return Market(float(met.omega), float(met.share_N), *arrays), Panel(source, born.firms)


def surroundings(economies: Snapshots, training: Training, p: Parameters, born: Newcomers) -> Surroundings:
    """Whom firms meet in an economy at the values of a network, and where states are drawn."""
    market, panel = _pooled(economies, training.network, p, born)
    return Surroundings(panel, training.virtual, market, hjb.meeting_on_nodes(market), p)


def _burn_in(work: _Work, state: dict[str, Any]) -> str:
    state["economies"], state["training"] = first_economies(work.p, work.settings, work.born)
    state["record"] |= {"stage": "value", "pass": 0, "step": 0}
    return f"{work.settings.burn_in:g} years of {work.settings.firms} firms"


def _values_where_alike(alike: FiniteEconomy, z: np.ndarray) -> Callable[..., np.ndarray]:
    """Values of firms and neighbours if workers were alike, as policy iteration takes them."""

    def values(firms: FirmStates, after: FirmStates, meeting: hjb.Meeting) -> np.ndarray:
        places = firms.log_h.shape[1]
        n = firms.size[:, None]
        joined = np.broadcast_to(np.minimum(n + 1, places), (len(n), len(meeting.log_h)))
        size = np.concatenate([n, n, n - (np.arange(places) < n), joined], 1)
        found: np.ndarray = alike.value[np.argmin(np.abs(np.log(z) - firms.log_z[:, None]), 1)[:, None], size]
        return found

    return values


def _around(work: _Work, state: dict[str, Any]) -> Surroundings:
    return surroundings(state["economies"], state["training"], work.p, work.born)


def _train_value(work: _Work, state: dict[str, Any]) -> str:
    """Some steps; after the last of a pass, time passes in the economy, until nothing changes any more."""
    record, c = state["record"], work.settings
    k, t = record["pass"], record["step"]
    schedule, around = c.again if k else c.first, _around(work, state)
    until = min(t + _CHUNK, schedule.steps)
    state["training"], lost = train(state["training"], around, schedule, (c.seed, 3, k), t, until)
    record["step"] = until
    said = f"pass {k + 1}, step {until} of {schedule.steps}: weighted residual {np.mean(lost):.3f}"
    if until == schedule.steps:
        _end_pass(work, state)
    return said


def _raise_level(training: Training, by: float) -> Training:
    """A constant added to the value."""
    network = training.network
    last = network.weights.last.copy()
    last[-1] += by / network.scales.value
    return training._replace(network=network._replace(weights=network.weights._replace(last=last)))


def _end_pass(work: _Work, state: dict[str, Any]) -> None:
    record, c, p = state["record"], work.settings, work.p
    k, around = record["pass"], _around(work, state)
    error = level_error(state["training"].network, around, _seed(c.seed, 6, k))
    training = state["training"] = _raise_level(state["training"], error)
    line = aggregates(around.market, around.panel.source, p) | {"level_error": error, "cpu_seconds": record["cpu_seconds"]}
    record["history"].append(line)
    settled = k > 1 and all(abs(_change(record["history"], name)) < tolerance for name, tolerance in _TOLERANCE.items())
    if settled or k + 1 == c.passes:
        found = certify(training.network, around, c.paths, _seed(c.seed, 2))
        record["certificate"] = _plain(found)
        worker = begin_worker(np.random.default_rng([c.seed, 4]), training.network)
        state["worker"], record["stage"], record["step"] = worker, "worker", 0
    else:
        last = state["economies"][str(_DATES - 1)]
        state["economies"] = _snapshots(last, training.network, p, work.born, c.years, (c.seed, 3, k))
        state["training"] = begin(training.network, training.virtual)
        record["pass"], record["step"] = k + 1, 0


def _change(history: list[dict[str, float]], name: str) -> float:
    """From the pass before, relative for values, absolute for shares and sizes."""
    before, now = history[-2][name], history[-1][name]
    return now / before - 1.0 if name == "mean_surplus" else now - before


def _train_worker(work: _Work, state: dict[str, Any]) -> str:
    record, c = state["record"], work.settings
    t = record["step"]
    until = min(t + _CHUNK, c.worker.steps)
    args = (state["training"].network, _around(work, state), c.worker, (c.seed, 5), t, until)
    state["worker"], lost = train_worker_value(state["worker"], *args)
    record["step"] = until
    if until == c.worker.steps:
        network, worker = state["training"].network, state["worker"].network
        last = state["economies"][str(_DATES - 1)]
        state["economy"], _ = simulate(last, network, work.p, work.born, c.wage_years, _seed(c.seed, 4), worker)
        found = certify_worker(worker, network, state["economy"], _around(work, state), _seed(c.seed, 5))
        record["certificate"]["worker"] = found._asdict()
        record["stage"] = "done"
    return f"value of a worker, step {until} of {c.worker.steps}: weighted residual {np.mean(lost):.3f}"


_STAGES = {"start": _burn_in, "value": _train_value, "worker": _train_worker}


def _certify_anew(work: _Work, state: dict[str, Any], folder: str | Path | None) -> None:
    """Of a solution whose paths were judged by their mean over all firms only, as early releases did."""
    record = state["record"]
    if "certificate" in record and "joint" not in record["certificate"]["paths"]:
        found = certify(state["training"].network, _around(work, state), work.settings.paths, _seed(work.settings.seed, 2))
        record["certificate"] |= _plain(found)
        _save(work, state, folder)


def _plain(certificate: Certificate) -> dict[str, Any]:
    """All but what is not known yet."""
    return {n: v for n, v in checkpoint.plain(certificate).items() if v is not None}


def _save(work: _Work, state: dict[str, Any], folder: str | Path | None) -> None:
    if folder is not None:
        trees = {n: v for n, v in state.items() if n != "record"}
        checkpoint.save(Path(folder) / _FILE, trees, state["record"] | work.asked)


def _load(work: _Work, folder: str | Path | None) -> dict[str, Any]:
    """The state in a folder, or the beginning."""
    fresh: dict[str, Any] = {"record": {"stage": "start", "history": [], "cpu_seconds": 0.0}}
    if folder is None:
        return fresh
    path = Path(folder) / _FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file():
        return fresh
    rng, c = np.random.default_rng(0), work.settings
    value = ValueNetwork(scales(work.p), draw_weights(rng, c.n_max, c.features, c.width))
    nothing = np.zeros(0)
    economy = Economy(*[nothing] * len(Economy._fields))
    templates = {
        "economy": economy,
        "economies": {str(k): economy for k in range(_DATES)},
        "training": begin(value, FirmStates(*[nothing] * len(FirmStates._fields))),
        "worker": begin_worker(rng, value),
    }
    trees, record = checkpoint.load(path, templates)
    other = [n for n, asked in work.asked.items() for k, v in asked.items() if record[n].get(k) != v]
    if other:
        raise ValueError(f"{path} holds a solution with other {other[0]}: give another folder, or remove that one")
    return trees | {"record": record}
