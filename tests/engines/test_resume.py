"""A killed fit loses at most two seconds of draws and goes on; other accidents have one clear outcome."""

import itertools
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pymc as pm
import pytest

from bayes_labor.data import DataFaults, Workforce
from bayes_labor.engines import nutpie_engine
from bayes_labor.engines.convergence import bfmi
from bayes_labor.engines.nutpie_engine import compile_model
from bayes_labor.engines.progress import STATISTICS, Draws, Keeper, locked
from bayes_labor.engines.run_folder import FORMAT, RunFolder
from bayes_labor.engines.sampling import SamplerSettings
from bayes_labor.models import JointProductionSpec
from bayes_labor.posteriors import fit, peek, report, resume, sample

CORRELATION = np.array([[1.0, 0.9], [0.9, 1.0]])
SCALE = np.array([1.0, 100.0])


def slow_normal(rows: int = 60_000) -> pm.Model:
    """A correlated, badly scaled normal with a known law, slow enough to be killed while it samples."""
    ballast = np.linspace(-1.0, 1.0, rows)
    with pm.Model(coords={"axis": ["short", "long"]}) as model:
        x = pm.MvNormal("x", np.zeros(2), cov=CORRELATION * np.outer(SCALE, SCALE), dims="axis")
        pm.Deterministic("total", x.sum())
        pm.Potential("ballast", 1e-12 * pm.math.sum(pm.math.tanh(ballast * x[0])))
    return model


SCRIPT = """
import sys
from tests.engines.test_resume import slow_normal
from bayes_labor.posteriors import resume, sample
rows = int(sys.argv[4])
if sys.argv[1] == "resume":
    resume(sys.argv[2], model=slow_normal(rows))
else:
    sample(slow_normal(rows), run=sys.argv[2], engine=sys.argv[1], draws=int(sys.argv[3]), tune=150, chains=2, cores=1, seed=5)
"""


def start(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-W", "ignore", "-c", SCRIPT, *arguments], cwd=Path(__file__).parents[2])


def kill_at_random(folder: Path, process: subprocess.Popen, rng: random.Random) -> Draws | None:
    """Kill -9 some time after the first draws are on disk; what is there then."""
    deadline = time.monotonic() + 240
    while not (folder / "partial.draws").exists() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(rng.uniform(0.0, 1.5))
    process.send_signal(signal.SIGKILL)
    process.wait()
    return Draws.load(folder / "partial.draws")


@pytest.mark.parametrize(
    ("engine", "draws", "kills", "rows"),
    [
        ("nutpie", 6000, 1, 60_000),
        ("blackjax", 200, 1, 5_000),
        pytest.param("nutpie", 6000, 2, 60_000, marks=pytest.mark.long),
    ],
    ids=["nutpie", "blackjax", "nutpie-twice"],
)
def test_killed_and_resumed(engine: str, draws: int, kills: int, rows: int, tmp_path: Path) -> None:
    pytest.importorskip("blackjax")
    folder, rng = tmp_path / "run", random.Random(engine)
    kept = [kill_at_random(folder, start(engine, str(folder), str(draws), str(rows)), rng)]
    for _ in range(kills - 1):
        kept.append(kill_at_random(folder, start("resume", str(folder), "", str(rows)), rng))
    tree = resume(folder, model=slow_normal(rows))
    x = tree["posterior"]["x"].to_numpy()
    assert x.shape == (2, draws, 2) and np.isfinite(x).all()
    assert list(tree["posterior"]["axis"].to_numpy()) == ["short", "long"]
    for earlier, later in itertools.pairwise(kept):  # nothing that was stored is ever lost or changed
        if earlier is not None and later is not None:
            assert (later.counts >= earlier.counts).all()
    final = [d for d in kept if d is not None][-1]
    for c, n in enumerate(final.counts):
        np.testing.assert_array_equal(x[c, :n], final.posterior["x"][c, :n])
    if engine == "blackjax":
        whole = sample(slow_normal(rows), engine=engine, draws=draws, tune=150, chains=2, seed=5)
        np.testing.assert_array_equal(x, whole["posterior"]["x"].to_numpy())
    # The law: means and variances of the known normal within five standard errors at an effective size of 100 (there are
    # 400 draws or more): false alarm below 1e-5.
    z = x.reshape(-1, 2) / SCALE
    assert np.abs(z.mean(0)).max() < 0.5 and np.abs(z.var(0) - 1).max() < 0.7
    assert abs(np.corrcoef(z.T)[0, 1] - 0.9) < 0.15


def test_resume_of_a_real_model_keeps_what_was_drawn(sample_of_norway: Workforce, tmp_path: Path) -> None:
    spec = JointProductionSpec(spec="linear")
    settings = {"draws": 200, "tune": 200, "chains": 2, "seed": 1}
    whole = fit(sample_of_norway, spec, run=tmp_path / "run", **settings)
    folder = RunFolder(tmp_path / "run")
    held = _as_if_killed(folder, whole, 120)
    with pytest.raises(DataFaults, match="not finished"):
        folder.draws()
    so_far, record = peek(folder.path)
    assert so_far["posterior"].sizes["draw"] == 120 and record["state"] == "sampling"
    page = report(so_far, sample_of_norway, spec, folder.path, size=5).read_text(encoding="utf-8")
    assert "the fit is not finished" in page and "120, 120" in page
    with pytest.raises(DataFaults, match="unfinished fit"):
        RunFolder.create(folder.path)
    with pytest.raises(DataFaults, match="other data"):
        resume(folder.path, sample_of_norway.with_wage(sample_of_norway.wage + 1.0))
    again = resume(folder.path, sample_of_norway)
    assert "warm restart" in again.attrs["resumed"][0] and again["posterior"].sizes["draw"] == 200
    for name in ("gamma", "A", "sigma"):
        new, old = again["posterior"][name].to_numpy(), whole["posterior"][name].to_numpy()
        np.testing.assert_array_equal(new[:, :120], held.posterior[name][:, :120])
        gap = np.abs(new[:, 120:].mean((0, 1)) - old.mean((0, 1))) / old.std((0, 1))
        assert gap.max() < 1.0, name  # the mean of 160 draws, at an effective size of 50 or more: seven standard errors
    assert not folder.partial_path.exists() and folder.record()["state"] == "done"
    np.testing.assert_array_equal(resume(folder.path)["posterior"]["gamma"], again["posterior"]["gamma"])


def _as_if_killed(folder: RunFolder, tree, draws: int) -> Draws:
    """The folder of a finished fit as it was after some of the draws."""
    posterior = {k: v.to_numpy()[:, :draws] for k, v in tree["posterior"].to_dataset().data_vars.items()}
    stats = {k: v.to_numpy()[:, :draws].astype(float) for k, v in tree["sample_stats"].to_dataset().data_vars.items()}
    unconstrained = [posterior["gamma_scaled"], posterior["log_output"], np.log(posterior["sigma"])[..., None]]
    held = Draws(np.concatenate(unconstrained, axis=2), np.full(2, draws), posterior, stats | {"cause": np.zeros((2, draws))})
    held.save(folder.partial_path)
    shutil.rmtree(folder.draws_path)
    folder.write_record(folder.record() | {"state": "sampling"})
    return held


def test_two_processes_on_one_folder(tmp_path: Path) -> None:
    def hold(ready, done) -> None:
        with locked(tmp_path):
            ready.set()
            done.wait(60)

    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=hold, args=(ready, done))
    other.start()
    ready.wait(60)
    with pytest.raises(DataFaults, match="another process is sampling"), locked(tmp_path):
        pass
    os.kill(other.pid, signal.SIGKILL)  # the lock goes with the process
    other.join()
    with locked(tmp_path):
        pass


def test_full_disk_stops_the_writing_and_not_the_sampling(tmp_path: Path, monkeypatch) -> None:
    stats = {n: np.zeros((1, 3)) for n in ("diverging", "energy")}
    draws = Draws(np.zeros((1, 3, 2)), np.array([3]), {"x": np.zeros((1, 3, 2))}, stats)
    keeper = Keeper(tmp_path / "partial.draws")
    keeper.keep(draws)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as m:
        m.setattr(np, "savez", full)
        with pytest.warns(RuntimeWarning, match="No space left"):
            keeper.keep(draws.followed_by(draws))
        keeper.keep(draws.followed_by(draws, draws))  # said once
    assert Draws.load(tmp_path / "partial.draws").counts.tolist() == [3]
    keeper.keep(draws.followed_by(draws, draws))  # there is room again
    assert Draws.load(tmp_path / "partial.draws").counts.tolist() == [9]
    (tmp_path / "partial.draws").write_bytes(b"")  # somebody else empties it: what comes next is written with what was there
    keeper.keep(draws.followed_by(draws, draws, draws))
    assert Draws.load(tmp_path / "partial.draws").counts.tolist() == [12]
    monkeypatch.setattr(RunFolder, "save", full)
    with pytest.warns(RuntimeWarning, match="could not be stored"):
        tree = sample(slow_normal(10), run=tmp_path / "run", draws=20, tune=50, chains=1)
    assert tree["posterior"].sizes["draw"] == 20 and "No space" in tree.attrs["unsaved"]


def test_folders_of_other_releases(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_record({"state": "done"})
    folder.record_path.write_text(json.dumps(folder.record() | {"format": FORMAT + 1}))
    with pytest.raises(DataFaults, match="later release"):
        RunFolder.open(tmp_path)
    with pytest.raises(DataFaults, match="no run here"):
        RunFolder.open(tmp_path / "nothing")


def test_draws_of_variables_that_are_gone_are_not_gone_on_with(tmp_path: Path) -> None:
    """An earlier release's coordinates of as many dimensions: its draws would be taken for points of other ones."""
    folder = RunFolder(tmp_path)
    folder.write_record({"state": "sampling", "sampler": {"chains": 2, "draws": 50}})
    drawn = np.random.default_rng(0).normal(size=(2, 40, 2))
    told = dict.fromkeys(STATISTICS, np.zeros((2, 40)))
    Draws(drawn, np.array([40, 40]), {"worker_level": drawn}, told).save(folder.partial_path)
    with pytest.raises(DataFaults, match="samples other variables than this release does"):
        resume(tmp_path, model=slow_normal(10))


def test_a_nan_from_the_solver_is_counted_and_sampling_goes_on() -> None:
    """Half the line has no number for a density: draws stay on the other half, and the record says how often it was tried."""
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Potential("broken", pm.math.switch(x > 0.0, np.nan, 0.0))
    model.starting_values = {"x": np.array(-1.0)}
    for start_with in ("modes", "laplace"):
        tree = sample(model, start=start_with, draws=300, tune=200, chains=2, seed=1)
        x = tree["posterior"]["x"].to_numpy()
        assert np.isfinite(x).all() and x.max() <= 0.0
        assert tree.attrs["divergence_causes"]["no equilibrium there"] > 0


def test_energies_of_a_chain_that_goes_on_are_comparable() -> None:
    """The first draws are in coordinates of another volume: taken as they come, the energy of the same law jumps."""
    with pm.Model() as model:
        pm.Normal("x", 0.0, 1e-4, shape=12)
    compiled, settings = compile_model(model), SamplerSettings(draws=200, tune=200, chains=2, seed=4)
    first, _ = nutpie_engine.start(model, compiled, settings, False, Keeper(None))
    both = nutpie_engine.go_on(compiled, settings.model_copy(update={"draws": 400}), first, False, Keeper(None))
    assert bfmi(both.stats["energy"]) > 0.5
    kinetic = both.stats["energy"] + both.stats["lp"]
    np.testing.assert_allclose(kinetic[:, :200].mean(1), kinetic[:, 200:].mean(1), atol=1.0)


def test_an_unfinished_fit_of_other_coordinates_is_refused(tmp_path: Path) -> None:
    """Of as many dimensions, so that nothing else tells them apart."""

    def model(name: str) -> pm.Model:
        with pm.Model(coords={"side": ["left", "right"]}) as made:
            pm.Normal(name, 0.0, 1.0, dims="side")
            pm.Normal("y", made[name].sum(), 1.0, observed=1.0)
        return made

    run = tmp_path / "run"
    sample(model("apart"), run=run, draws=30, tune=30, chains=1, seed=1)
    folder = RunFolder.open(run)
    folder.write_record(folder.record() | {"state": "sampling"})
    (run / "draws.zarr").rename(tmp_path / "gone.zarr")
    with pytest.raises(DataFaults, match=r"samples other variables.*apart"):
        resume(run, model=model("together"))
    assert resume(run, model=model("apart"))["posterior"].sizes["draw"] == 30
