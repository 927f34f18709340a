"""Learning on the job: the simulator and paths against exact economies, the network's solution, killing and resuming it."""

import os
import signal
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayes_labor.data import DataFaults
from bayes_labor.data.learning.simulated_teams import employed_in, simulated_careers
from bayes_labor.posteriors.learning.device import use_device
from bayes_labor.posteriors.learning.moments import wage_moments
from bayes_labor.posteriors.learning.paper import reproduce_learning
from bayes_labor.posteriors.learning.results import (
    TooFew,
    by_percentile,
    check_published,
    coworkers,
    decompose_growth,
    growth_terms,
    markdowns,
    path_words,
    refusals,
    summary,
)
from bayes_labor.theory.learning import Parameters
from bayes_labor.theory.learning import joint_value as hjb
from bayes_labor.theory.learning.certificate import Bins, Paths, agreement, follow_paths, level_error, values_of
from bayes_labor.theory.learning.equilibrium import (
    SolvedEconomy,
    SolverSettings,
    _load,
    _raise_level,
    _Work,
    solve_equilibrium,
    surroundings,
)
from bayes_labor.theory.learning.finite import FiniteEconomy, solve_finite
from bayes_labor.theory.learning.network import ValueNetwork, ValueTable, draw_weights, scales, tabulate
from bayes_labor.theory.learning.simulation import (
    Economy,
    Newcomers,
    contracts_of,
    cross_section,
    simulate,
    start_economy,
)
from bayes_labor.theory.learning.training import Schedule, Surroundings, begin, draw_states, policy_iteration, train
from bayes_labor.theory.learning.virtual import Panel, advance, firms_of, path_values

Z, SHARE = np.array([0.7, 1.0, 1.4]), np.array([0.3, 0.4, 0.3])
ALIKE = Parameters(gamma=0.0, sigma_h=0.0, sigma_a=0.0, sigma_q=0.0)
SMALL = SolverSettings(
    firms=300,
    n_max=5,
    features=8,
    width=32,
    burn_in=40.0,
    years=10.0,
    passes=2,
    first=Schedule(steps=120, batch=256),
    again=Schedule(steps=80, batch=256, ridge=(1e-4, 1e-7), rate=(0.05, 0.01)),
    worker=Schedule(steps=80, batch=256, ridge=(1e-2, 1e-6), rate=(0.15, 0.01), keep=0.95),
    wage_years=8.0,
    paths=2_400,
    seed=1,
)


@pytest.fixture(scope="module")
def exact() -> FiniteEconomy:
    return solve_finite(Z, SHARE, 5, ALIKE)


def value_table(exact: FiniteEconomy) -> ValueTable:
    return tabulate(exact.value, exact.counts, Z, np.array([1.0]))


def alike(firms: int) -> tuple[Economy, Newcomers]:
    """Workers who are all the same, in firms of three productivities in their shares."""
    born = Newcomers(np.zeros((4, 2)), np.column_stack([np.log(np.repeat(Z, [3, 4, 3])), np.zeros(10)]))
    economy = start_economy(firms, 5, ALIKE, born, np.random.default_rng(0))
    economy.log_z[:] = np.log(np.repeat(Z, (firms * SHARE).astype(int)))
    return economy, born


def stationary(exact: FiniteEconomy, firms: int) -> Economy:
    """The exact economy in whole firms."""
    economy, _ = alike(firms)
    worker, firm = 0, 0
    cells = [(z, n) for z in range(3) for n in range(6)]
    numbers = np.round(np.cumsum([exact.firms[c] for c in cells]) * firms).astype(int)
    for (z, n), last in zip(cells, numbers, strict=True):
        while firm < last:
            economy.log_z[firm], economy.size[firm] = np.log(Z[z]), n
            economy.roster[firm, :n] = np.arange(worker, worker + n)
            economy.employer[worker : worker + n] = firm
            worker, firm = worker + n, firm + 1
    return economy


def test_simulator_reaches_the_exact_economy(exact: FiniteEconomy) -> None:
    """Shares of firms by productivity and size within 0.03 of the exact ones in all; nobody is lost; seeds reproduce."""
    table, (economy, born) = value_table(exact), alike(2_000)
    economy, _ = simulate(economy, table, ALIKE, born, 40.0, 1)
    again, _ = simulate(alike(2_000)[0], table, ALIKE, born, 40.0, 1)
    for a, b in zip(economy, again, strict=True):
        np.testing.assert_array_equal(a, b)
    share = np.zeros((3, 6))
    for year in range(40):
        economy, flows = simulate(economy, table, ALIKE, born, 1.0, 100 + year)
        np.add.at(share, (np.argmin(np.abs(Z - np.exp(economy.log_z)[:, None]), 1), economy.size), 1.0 / (40 * 2_000))
        assert flows.quits == 0 and flows.worker_years + flows.idle_years == pytest.approx(len(economy.log_h), rel=1e-9)
    assert np.abs(share - exact.firms).sum() < 0.03
    assert (economy.size == (economy.roster >= 0).sum(1)).all() and economy.size.sum() == (economy.employer >= 0).sum()
    for i in np.flatnonzero(economy.employer >= 0)[:50]:
        assert i in economy.roster[economy.employer[i]]
    market = cross_section(economy, table, ALIKE)
    assert market.omega == pytest.approx(exact.omega, rel=0.02) and market.share_N == pytest.approx(exact.share_N, rel=0.05)
    with pytest.raises(ValueError, match="at least two firms"):
        start_economy(1, 5, ALIKE, born, np.random.default_rng(0))


def test_paths_pay_the_value(exact: FiniteEconomy) -> None:
    """Discounted payments along the virtual process are the exact joint value, within two standard errors at every z."""
    economy = stationary(exact, 3_000)
    table = value_table(exact)
    firms, market = firms_of(economy), cross_section(economy, table, ALIKE)
    z = np.argmin(np.abs(Z - np.exp(firms.log_z)[:, None]), 1)
    gap = path_values(firms, table, market, ALIKE, 200.0, 4) - exact.value[z, firms.size]
    for k in range(3):
        part = gap[z == k]
        assert abs(part.mean()) < 2.0 * part.std() / np.sqrt(len(part)), (k, part.mean())


def test_network_finds_the_exact_value(exact: FiniteEconomy) -> None:
    """Policy iteration on random layers, then Gauss-Newton: within half a percent in every kind of firm with mass."""
    economy, table = stationary(exact, 3_000), value_table(exact)
    rng, market = np.random.default_rng(2), cross_section(economy, table, ALIKE)
    firms = firms_of(economy)
    panel = Panel(firms, np.column_stack([np.log(np.repeat(Z, [3, 4, 3])), np.zeros(10)]))
    virtual = advance(firms.take(rng.integers(3_000, size=500)), panel, table, market, ALIKE, 5.0, 3)
    around = Surroundings(panel, virtual, market, hjb.meeting_on_nodes(market), ALIKE)
    assert len(around.meeting.log_h) == 1
    states = draw_states(rng, 400, around)
    assert (states.size >= 0).all() and (states.size <= 5).all() and len(np.unique(states.size)) == 6
    network = ValueNetwork(scales(ALIKE), draw_weights(rng, 5, 4, 24))

    def first(f: object, after: object, meeting: hjb.Meeting) -> np.ndarray:
        n = f.size[:, None]
        size = np.concatenate([n, n, n - (np.arange(5) < n), np.minimum(n + 1, 5)], 1)
        return exact.value[np.argmin(np.abs(Z - np.exp(f.log_z)[:, None]), 1)[:, None], size]

    network, _ = policy_iteration(network, rng, around, 1_000, 1_000, 6, values=first)
    at, lost = train(begin(network, virtual), around, Schedule(steps=240, batch=128, employed=800, idle=400), (5,), 0, 240)
    found = values_of(at.network, firms, around.meeting, ALIKE)[:, 0]
    z = np.argmin(np.abs(Z - np.exp(firms.log_z)[:, None]), 1)
    np.testing.assert_allclose(found, exact.value[z, firms.size], rtol=5e-3)
    assert np.mean(lost[-10:]) < 0.05


TINY = SMALL._replace(
    firms=60,
    burn_in=10.0,
    years=3.0,
    first=Schedule(steps=60, batch=64),
    again=Schedule(steps=20, batch=64, ridge=(1e-4, 1e-7)),
    worker=Schedule(steps=20, batch=64, ridge=(1e-2, 1e-6), rate=(0.15, 0.01), keep=0.95),
    wage_years=2.0,
    paths=150,
)
"""Enough to be killed in the middle; far too little to be certified."""


def _solve(folder: str) -> None:
    solve_equilibrium(settings=TINY, folder=folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def solution(run: Path) -> SolvedEconomy:
    return solve_equilibrium(settings=SMALL, folder=run / "seed_1")


@pytest.mark.long
def test_killed_and_resumed_bit_by_bit(tmp_path: Path) -> None:
    """A process killed in the middle of training leaves a checkpoint from which the very same solution follows."""
    process = get_context("spawn").Process(target=_solve, args=(str(tmp_path),))
    process.start()
    file = tmp_path / "solution.npz"
    seen: set[int] = set()  # times of writing: the burn-in, then steps of training
    for _ in range(2_400):
        seen |= {file.stat().st_mtime_ns} if file.is_file() else set()
        if len(seen) == 2:
            break
        time.sleep(0.05)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL and file.is_file()
    said: list[str] = []
    resumed, solution = solve_equilibrium(settings=TINY, folder=tmp_path, told=said.append), solve_equilibrium(settings=TINY)
    assert said and not any("years of" in line for line in said)  # the burn-in was not repeated
    for one, other in ((solution.value.weights, resumed.value.weights), (solution.economy, resumed.economy)):
        for name, a, b in zip(one._fields, one, other, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=name)
    np.testing.assert_array_equal(solution.worker.own, resumed.worker.own)
    assert solution.certificate.economy == resumed.certificate.economy
    with pytest.raises(ValueError, match="another folder"):
        solve_equilibrium(settings=TINY._replace(seed=2), folder=tmp_path)


def test_certificate_of_a_small_economy(solution: SolvedEconomy) -> None:
    """A minute's solution: residuals small over the economy, paths within two standard errors."""
    c = solution.certificate
    assert c.economy.relative < 1e-3 and c.virtual.relative < 3e-3 and c.one_event.relative < 3e-3
    assert c.economy.squared == c.economy.relative**2
    assert c.worker is not None and c.worker.relative < 0.05 and 0.0 < c.worker.least_slope < c.worker.most_slope < 3.0
    assert c.paths.agrees and len(c.paths.productivity.t) == 5 and len(c.paths.size.t) >= 3 and len(c.paths.joint.t) > 10
    assert c.paths.productivity.paths.sum() == c.paths.size.paths.sum() == c.paths.whole.paths[0] == 2_400
    assert 0.57 < solution.history[-1]["employment"] < 0.65  # 0.61 where workers are alike
    assert len(solution.history) == 2
    with pytest.raises(TooFew, match="two seeds"):
        check_published([solution])
    same = agreement(solution.value, solution.value, solution.economy, solution.p)
    assert same.value == 0.0 and same.correlation == pytest.approx(1.0)


def tilted(network: ValueNetwork, by_worker: float = 0.0, by_z: float = 0.0) -> ValueNetwork:
    """The network plus ``by_worker`` n + ``by_z`` times log z in standard deviations: silu(x) - silu(-x) = x, twice."""
    w, value = network.weights, network.scales.value
    width, twin = len(w.hidden_bias), np.array([1.0, -1.0])
    size = np.outer(np.arange(len(w.size)) * by_worker / value, twin)
    firm = np.outer([by_z / value, 0.0, 0.0, 0.0], twin)
    hidden = np.zeros((width + 2, width + 2))
    hidden[:width, :width], hidden[width:, width:] = w.hidden, np.outer(twin, twin)
    weights = w._replace(
        team=np.hstack([w.team, np.zeros((len(w.team), 2))]),
        size=np.hstack([w.size, size]),
        firm=np.hstack([w.firm, firm]),
        hidden=hidden,
        hidden_bias=np.append(w.hidden_bias, [0.0, 0.0]),
        last=np.concatenate([w.last[:-1], twin, w.last[-1:]]),
    )
    return network._replace(weights=weights)


@pytest.mark.parametrize("kind", ["size", "productivity"])
def test_a_tilted_value_is_refused(solution: SolvedEconomy, run: Path, kind: str) -> None:
    """By (n - mean n), every surplus wrong by 14%, or in z, and then levelled: the mean over all agrees, groups do not."""
    work = _Work(solution.p, solution.settings, solution.born)
    state = _load(work, run / "seed_1")
    good = surroundings(state["economies"], state["training"], solution.p, solution.born)
    by = {"by_worker": 0.14 * good.market.surplus.mean()} if kind == "size" else {"by_z": 2.5}
    firms, value = good.panel.source, values_of(solution.value, good.panel.source, good.meeting, solution.p)[:, 0]
    wrong = tilted(solution.value, **by)
    moved = values_of(wrong, firms, good.meeting, solution.p)[:, 0] - value
    want = by["by_worker"] * firms.size if kind == "size" else 2.5 * firms.log_z / solution.value.scales.log_z
    np.testing.assert_allclose(moved, want, atol=1e-9 * np.abs(value).max())
    training = begin(wrong, state["training"].virtual)
    around = surroundings(state["economies"], training, solution.p, solution.born)
    training = _raise_level(training, level_error(wrong, around, 5))
    around = surroundings(state["economies"], training, solution.p, solution.born)
    paths = follow_paths(training.network, around.panel.source, around.market, solution.p, 3_000, 11)
    assert abs(paths.whole.t[0]) < 2.0  # what used to be asked
    assert paths.outcome == "differs" and paths.p_value < 0.001, path_words(paths)


GRID = np.column_stack(np.divmod(np.arange(20), 4))


def made_up(paths: int, noise: float, off: float = 0.0) -> Paths:
    """Groups of equal firms, each worth 100, one off."""
    rng = np.random.default_rng(3)

    def groups(k: int) -> Bins:
        n = np.full(k, paths // k)
        error = noise / np.sqrt(np.maximum(n, 1))
        return Bins(error * rng.normal(size=k) + off * (np.arange(k) == 0), error, np.full(k, 100.0), n)

    return Paths(groups(5), groups(4), np.array([0, 2, 4, 6]), groups(20), GRID, groups(1))


def test_few_or_noisy_paths_do_not_make_passing_easier() -> None:
    assert made_up(12_000, 20.0).outcome == "agrees"
    assert made_up(12_000, 20.0, off=4.0).outcome == "differs"
    assert made_up(1_900, 20.0).outcome == made_up(12_000, 80.0).outcome == "not certified: too few paths"
    assert made_up(1_900, 20.0, off=4.0).outcome == "not certified: too few paths"
    for paths in (20, 100, 1_900):  # more paths would not mend what is plainly wrong
        assert made_up(paths, 1.0, off=50.0).outcome == "differs"
    sure = made_up(12_000, 1.0)
    far = sure._replace(size=sure.size._replace(difference=np.array([0.0, 3.5, 0.0, 0.0]), error=np.full(4, 1.4)))
    assert far.p_value > 0.01 and far.outcome == "differs"  # beyond the bound, within its error


def test_the_joint_test_has_its_level() -> None:
    """Of right values one in a hundred is refused: at most 28 of 1,500, which a right test exceeds once in a thousand."""
    rng, refused = np.random.default_rng(0), 0
    for _ in range(1_500):
        t = rng.normal(size=(5, 4))
        joint = Bins(t.ravel(), np.ones(20), np.full(20, 1e3), np.full(20, 600))
        one = [joint._replace(difference=t.sum(a) / np.sqrt(t.shape[a]), error=np.ones(t.shape[1 - a])) for a in (1, 0)]
        refused += Paths(*one, np.arange(4), joint, GRID, joint).p_value < 0.01
    assert 2 <= refused <= 28


def test_seeds_must_agree_in_the_surplus(solution: SolvedEconomy) -> None:
    """The same solution under another name agrees; one whose surplus is 14% off elsewhere does not, and says by how much."""
    twin = solution._replace(settings=solution.settings._replace(seed=7))
    assert refusals([solution, twin]) == []
    step = 0.14 * cross_section(solution.economy, solution.value, solution.p).surplus.mean()
    apart = refusals([solution, twin._replace(value=tilted(solution.value, step))])
    assert len(apart) == 1 and "the seeds differ by 14.0% in the surplus" in apart[0]
    few = solution.certificate._replace(paths=made_up(500, 20.0))
    with pytest.raises(TooFew, match="not certified: too few paths"):
        check_published([solution._replace(certificate=few), twin])


def test_wages_lie_where_they_were_bargained(solution: SolvedEconomy) -> None:
    """Right after a contract was opened the worker's value is within [U, U + Delta]; wages are all known."""
    before, short = solution.economy, 0.03
    after, _ = simulate(before, solution.value, solution.p, solution.born, short, 3, solution.worker)
    jobs = contracts_of(after, solution.value, solution.worker, solution.p)
    opened = after.wage[jobs.worker] != before.wage[jobs.worker]
    inside = (jobs.value >= jobs.outside - 1e-6) & (jobs.value <= jobs.outside + np.maximum(jobs.surplus, 0.0) + 1e-6)
    assert opened.sum() > 3 and inside[opened].mean() > 0.9  # a firm may change again within the eleven days
    assert np.isfinite(after.wage[after.employer >= 0]).all() and np.isnan(after.wage[after.employer < 0]).all()


def test_results_of_an_economy(solution: SolvedEconomy) -> None:
    careers, economies = simulated_careers(solution, 4, seed=2)
    shares = decompose_growth(np.concatenate([growth_terms(e, solution.p) for e in economies]))
    assert float(np.nansum(shares.to_numpy())) == pytest.approx(1.0, abs=1e-12)
    assert (np.diag(shares) > 0).all()
    down = markdowns(solution, economies)
    assert down["jobs"].sum() == sum((e.employer >= 0).sum() for e in economies)
    assert down["W/J"].iloc[0] < down["W/J"].iloc[6] and (down["U/J"] < down["W/J"]).all()
    pairs = coworkers(economies)
    sorted_by_h = by_percentile(pairs, "log_h", 4)
    assert (
        sorted_by_h["log_h"].is_monotonic_increasing
        and sorted_by_h["coworker_log_h"].iloc[-1] > sorted_by_h["coworker_log_h"].iloc[0]
    )
    moments = wage_moments(careers)
    assert moments["mean size"] == pytest.approx(np.concatenate([e.size[e.size > 0] for e in economies]).mean())
    assert moments["employment"] == pytest.approx(np.mean([e.employment for e in economies]))
    assert 0.05 < moments["EN"] < 0.2 and 0.15 < moments["NE"] < 0.35 and np.isfinite(moments).all()
    known = summary(solution, economies)
    assert known["mean size"] == pytest.approx(moments["mean size"], rel=1e-3)
    teams = employed_in(careers)
    only = wage_moments(teams.table)
    assert np.isnan(only["EN"]) and only["theta1+"] == pytest.approx(moments["theta1+"])
    worker = careers[careers["worker"] == careers["worker"].iloc[0]]
    assert worker["year"].is_unique and np.ptp(worker["log_a"]) == 0.0


@pytest.fixture(params=[pytest.param(p, marks=pytest.mark.long) for p in ("the same solution twice", "two solutions")])
def second(
    request: pytest.FixtureRequest, solution: SolvedEconomy, run: Path, monkeypatch: pytest.MonkeyPatch
) -> SolvedEconomy:
    """The other seed's solution; a minute and a half of work only where tests may be long."""
    other = SMALL._replace(seed=2)
    if request.param == "two solutions":
        return solve_equilibrium(settings=other, folder=run / "seed_2")
    twin = solution._replace(settings=other)

    def solved(p: Parameters, settings: SolverSettings, folder: Path, told: Callable[[str], None]) -> SolvedEconomy:
        told("taken from the other seed")
        return solve_equilibrium(p, settings, folder, told) if settings.seed == 1 else twin

    monkeypatch.setattr("bayes_labor.posteriors.learning.paper.solve_equilibrium", solved)
    return twin


def test_page(solution: SolvedEconomy, second: SolvedEconomy, run: Path) -> None:
    """Both seeds, estimates and every section on one page; what the folder holds is taken up."""
    said: list[str] = []
    page = reproduce_learning(run, SMALL, seed=1, quick=True, say=said.append, draws=60, tune=100, chains=2)
    text = page.read_text(encoding="utf-8")
    assert not any("years of" in line for line in said)  # what the folder holds is not solved again
    refused = refusals([solution, second])
    top = text[: text.index("<h2>")]
    assert ("NOT CERTIFIED" in top) == bool(refused) and top.count("NOT CERTIFIED") == len(refused)
    by_group = pd.read_csv(run / "tables" / "paths.csv")
    assert {"least productive fifth", "all"} < set(by_group["firms"]) and by_group["firms"].str.contains("workers").any()
    for heading in (
        "How good the solution is",
        "Calibration",
        "Who works with whom",
        "Markdowns",
        "Where growth",
        "regression of ranks",
        "Estimating structural",
    ):
        assert heading in text
    assert text.count("<svg") == 5 and "nan" not in text.lower().replace("finan", "").replace("domin", "")
    growth = pd.read_csv(run / "tables" / "growth.csv", index_col=0)
    shares = growth.stack().dropna().str.split(" ").str[0].astype(float)
    assert shares.sum() == pytest.approx(1.0, abs=0.006)  # printed to three digits


def test_devices() -> None:
    assert use_device("cpu") == SolverSettings()
    with pytest.raises(DataFaults, match="no accelerator"):
        use_device("gpu")
    with pytest.raises(DataFaults, match="no device 'tpu'"):
        use_device("tpu")
