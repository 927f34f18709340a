"""Tempered Monte Carlo: masses of modes and evidence known in closed form; the gate on mass that no chain visited."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from scipy import stats

from bayes_labor.data import DataFaults
from bayes_labor.engines import smc
from bayes_labor.engines.nutpie_engine import compile_model
from bayes_labor.engines.sampling import resume, sample
from bayes_labor.engines.smc import follow, prior_points, second_opinion, tempered_density
from bayes_labor.models.notes import judge_by
from bayes_labor.posteriors.diagnostics import gates

APART, NARROW = 1.5, 0.1


def two_modes(share: float) -> pm.Model:
    """Normal prior; a likelihood with a narrow hill on each side of zero, the lower one with ``share`` of the posterior."""
    hills = [(-APART, share), (APART, 1.0 - share)]
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Normal("y", 0.0, 1.0)

        def logp(value, x):
            return pm.math.logaddexp(*(np.log(w) - 0.5 * ((x - at) / NARROW) ** 2 for at, w in hills))

        pm.CustomDist("seen", x, logp=logp, observed=0.0)
        judge_by("x", two_sided="x")
    return model


def evidence() -> float:
    """Of :func:`two_modes`: by symmetry the same whatever the share."""
    return float(np.log(np.sqrt(2 * np.pi) * NARROW) + stats.norm(0.0, np.hypot(1.0, NARROW)).logpdf(APART))


@pytest.mark.parametrize("share", [0.1, pytest.param(0.5, marks=pytest.mark.long)])
def test_modes_get_particles_by_their_mass(share: float) -> None:
    """Eight populations of 300: the mean share within four standard errors of theirs, the evidence within .1."""
    model, found = two_modes(share), []
    density, pool = tempered_density(model, compile_model(model)), prior_points(model, 2400, 1)
    for seed in range(8):
        found.append(follow(density, pool, 300, np.random.default_rng(seed)))
    shares = np.array([np.mean(f.x[:, 0] < 0) for f in found])
    assert abs(shares.mean() - share) < 4 * shares.std(ddof=1) / np.sqrt(8) + 0.01
    assert np.mean([f.log_evidence for f in found]) == pytest.approx(evidence(), abs=0.1)
    above = found[0].x[found[0].x[:, 0] > 0, 0]
    assert above.mean() == pytest.approx(APART / (1 + NARROW**2), abs=5 * NARROW / np.sqrt(len(above)))
    assert above.std() == pytest.approx(NARROW / np.hypot(1.0, NARROW), rel=0.25)


def test_as_an_engine_every_chain_is_a_population_and_a_kill_loses_none(tmp_path, monkeypatch) -> None:
    settings = {"engine": "smc", "draws": 200, "chains": 3, "seed": 4}
    whole = sample(two_modes(0.3), **settings)
    assert dict(whole["posterior"].sizes) == {"chain": 3, "draw": 200}
    assert abs(float((whole["posterior"]["x"] < 0).mean()) - 0.3) < 0.1
    assert all(g.passed for g in gates(whole) if "ESS" not in g.name), gates(whole)
    from bayes_labor.engines import smc

    real = smc.follow

    def killed(*arguments):
        if killed.calls == 2:
            raise KeyboardInterrupt
        killed.calls += 1
        return real(*arguments)

    killed.calls = 0
    monkeypatch.setattr(smc, "follow", killed)
    with pytest.raises(KeyboardInterrupt):
        sample(two_modes(0.3), run=tmp_path, **settings)
    monkeypatch.setattr(smc, "follow", real)
    again = resume(tmp_path, two_modes(0.3))
    xr.testing.assert_equal(again["posterior"].to_dataset(), whole["posterior"].to_dataset())
    assert "continued exactly (smc)" in again.attrs["resumed"][0]


@pytest.mark.parametrize("damaged", [False, True])
def test_a_kill_within_a_population_loses_a_move(tmp_path, monkeypatch, damaged) -> None:
    """It goes on from the last temperature kept, to the same draws; from a damaged file it starts that population again."""
    settings = {"engine": "smc", "draws": 100, "chains": 1, "seed": 4}
    real, moves = smc.paths, [0, 1000]

    def counted(*arguments):
        moves[0] += 1
        if moves[0] > moves[1]:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(smc, "paths", counted)
    monkeypatch.setattr("bayes_labor.engines.progress._SOONER", 0.0)
    whole, in_all = sample(two_modes(0.3), **settings), moves[0]
    moves[:] = 0, in_all - 4
    with pytest.raises(KeyboardInterrupt):
        sample(two_modes(0.3), run=tmp_path, **settings)
    kept = tmp_path / "partial.state"
    if damaged:
        kept.write_bytes(kept.read_bytes()[:-9] + b"otherwise")
    moves[:] = 0, 1000
    again = resume(tmp_path, two_modes(0.3))
    assert 4 <= moves[0] <= (in_all if damaged else 8) and not kept.exists()
    xr.testing.assert_equal(again["posterior"].to_dataset(), whole["posterior"].to_dataset())
    assert again.attrs["log_evidence"] == whole.attrs["log_evidence"]
    assert "from what was under way (smc)" in again.attrs["resumed"][0]


def test_mass_that_no_chain_visited_fails_a_gate() -> None:
    """Chains withheld from the lower mode agree with one another; the second opinion does not. With both it does."""
    share, rng = 0.4, np.random.default_rng(0)
    opinion, _ = second_opinion(model := two_modes(share), compile_model(model), 100, 3)
    assert opinion["below_zero"]["x"][0] == pytest.approx(share, abs=0.2)
    above = rng.normal(APART, NARROW, (4, 500))
    both = np.where(rng.uniform(size=above.shape) < share, -above, above)
    verdicts = []
    for x in (above, both):
        tree = xr.DataTree.from_dict(
            {
                "posterior": xr.Dataset({"x": (("chain", "draw"), x)}),
                "sample_stats": xr.Dataset(
                    {
                        "diverging": (("chain", "draw"), np.zeros(x.shape, bool)),
                        "energy": (("chain", "draw"), rng.normal(size=x.shape)),
                    }
                ),
            }
        )
        tree.attrs.update(gated=["x"], two_sided=["x"], second_opinion=opinion)
        verdicts.append({g.name: g.passed for g in gates(tree)})
    assert [v["mass on both sides of x = 0"] for v in verdicts] == [False, True]
    assert all(verdicts[0][name] for name in verdicts[0] if not name.startswith("mass"))  # nothing else saw it


def test_where_nobody_has_a_likelihood_there_is_no_opinion() -> None:
    with pm.Model() as model:
        x = pm.Normal("x")
        pm.CustomDist("seen", x, logp=lambda value, x: pm.math.switch(x > 50.0, 0.0, -np.inf), observed=0.0)
        judge_by("x", two_sided="x")
    assert "0 of 80 prior draws" in second_opinion(model, compile_model(model), 10, 0)[0]["skipped"]


def test_a_scale_that_underflows_on_a_path_is_no_density() -> None:
    """PyMC raises for sigma = 0, which a path met on the plainest model with a scale: it once ended engine and opinion."""
    rng = np.random.default_rng(0)
    with pm.Model() as model:
        a, s = pm.Normal("a"), pm.HalfNormal("s")
        pm.Normal("y", a, s, observed=rng.normal(0.5, 0.7, 20))
        judge_by("a", two_sided="a")
    drawn = sample(model, engine="smc", draws=200, chains=2, seed=1)
    assert float(drawn["posterior"]["s"].mean()) == pytest.approx(0.7, abs=0.25)
    assert len(drawn.attrs["log_evidence"]) == 2 and drawn.attrs["mode_shares"] == []
    assert "below_zero" in second_opinion(model, compile_model(model), 100, 3)[0]
    value, *_ = tempered_density(model, compile_model(model))(np.array([[0.1, -800.0]]), 0.5)
    assert value == -np.inf


def test_a_cliff_throws_a_particle_out_without_a_word() -> None:
    """Its speed squared is beyond the range of numbers: the path is not taken, and nobody is warned."""

    def cliff(x: np.ndarray, power: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return -0.5 * (x**2).sum(1), np.zeros(len(x)), np.full(x.shape, 1e200)

    x = np.random.default_rng(3).normal(size=(40, 2))
    moved = smc.paths(cliff, x, 1.0, 0.5, np.random.default_rng(1))
    assert moved.accepted == 0.0 and np.array_equal(moved.x, x)


def test_too_few_particles_or_no_proper_prior_are_faults() -> None:
    with pytest.raises(DataFaults, match="3 particles do not tell the shape of 2 parameters"):
        sample(two_modes(0.3), engine="smc", draws=3, chains=1)
    with pm.Model() as model:
        x = pm.Flat("x")
        pm.Normal("y", x, observed=0.0)
    with pytest.raises(DataFaults, match="a prior cannot be drawn from"):
        sample(model, engine="smc", draws=50, chains=1)


@pytest.mark.long
def test_the_error_of_a_share_covers_its_spread_over_seeds() -> None:
    """Sharp modes in four dimensions: over 12 populations of 100 the error that particles claim is the spread of their share,
    within sampling error, twice that of independent particles, .05. Particles on one side are no proof of an empty other."""
    with pm.Model() as model:
        x = pm.Normal("x", shape=4)

        def logp(value, x):
            return pm.math.logaddexp(*(-0.5 * (((x - at) / 0.05) ** 2).sum(-1) for at in (-1.0, 1.0)))

        pm.CustomDist("seen", x, logp=logp, observed=0.0, signature="(n)->()")
    density = tempered_density(model, compile_model(model))
    shares, errors = [], []
    for seed in range(12):
        pool = prior_points(model, 800, 100 + seed)
        found = follow(density, pool, 100, np.random.default_rng(seed))
        below = (found.x[:, :1] < 0).astype(float)
        shares.append(below.mean())
        errors.append(found.share_error(below)[0])
    spread, claimed = np.std(shares, ddof=1), np.sqrt(np.mean(np.square(errors)))
    assert spread > 1.5 * 0.05
    assert 0.6 < claimed / spread < 1.7
    assert found.share_error(np.zeros((100, 1)))[0] > 0.02


def test_a_busy_machine_and_cores_change_nothing_but_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an opinion would take is told by processor time: waiting for others does not count, cores that may be used do."""

    def waits(_: np.ndarray) -> tuple[float, np.ndarray]:
        time.sleep(5e-3)
        return 0.0, np.zeros(1)

    points, asked = np.zeros((8, 1)), []
    assert smc.seconds_of(waits, points, 1) < 1e-3

    def pool(workers: int) -> ThreadPoolExecutor:
        asked.append(workers)
        return ThreadPoolExecutor(workers)

    monkeypatch.setattr(smc, "ThreadPoolExecutor", pool)
    smc.everywhere(waits, points, 3)
    assert asked == [3]


def test_cores_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a node of 64 cores of which a job has four, an estimate by the node's would be a sixteenth of the time."""
    monkeypatch.setattr(smc.os, "sched_getaffinity", lambda _: {1, 3, 5}, raising=False)
    monkeypatch.setattr(smc.os, "cpu_count", lambda: 64)
    assert smc.usable(None) == 3 and smc.usable(2) == 2
