"""The posterior without PyMC: equal to the PyMC model, on one device, on four, in two processes."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from pytensor.compile.mode import Mode

from bayes_labor.data import norway
from bayes_labor.models import JointProductionSpec, joint_production

pytest.importorskip("jax")

from bayes_labor.engines.shards import ShardedDensity
from bayes_labor.models.joint_production.export import export
from bayes_labor.theory.joint_production.exported import Exported, cut

PYTHON = Mode("py", "fast_compile")
CASES: list[dict[str, Any]] = [
    {"spec": "power", "subsample": 20, "workplace_effects": True, "noise_by_industry": True},
]
MORE: list[dict[str, Any]] = [
    {"spec": "power", "matching": "sampled", "errors": "student", "noise_by_industry": True, "pooled": False},
    {"spec": "power", "subsample": 20, "errors": "log"},
    {"spec": "power", "subsample": 20},
    {"spec": "flexible", "matching": "sampled", "feasibility": "hard", "penalty": 2.0},
    {"spec": "linear_national"},
]
"""Each compiles two densities for a minute; these with ``-m long``."""


@pytest.fixture(scope="module")
def workforce() -> Any:
    drawn = norway(30, seed=3)
    return replace(drawn, wage=np.maximum(drawn.wage, 1.0))  # positive, for errors of logs


@pytest.mark.parametrize(
    "case", [*CASES, *(pytest.param(c, marks=pytest.mark.long) for c in MORE)], ids=lambda c: "-".join(map(str, c.values()))
)
def test_equals_the_pymc_model(workforce: Any, case: dict[str, Any], tmp_path: Path) -> None:
    spec = JointProductionSpec(**case)
    model = joint_production(workforce, spec)
    exported = export(workforce, spec)
    exported.save(tmp_path / "density.npz")
    # One device: PyMC's JAX samplers, where another test has imported them, make JAX see a hundred.
    density = ShardedDensity(Exported.load(tmp_path / "density.npz"), jax.devices()[:1])
    want, slope = model.compile_logp(mode=PYTHON), model.compile_dlogp(mode=PYTHON)
    rng = np.random.default_rng(0)
    for start in exported.starts[:2]:
        x = start + 0.02 * rng.normal(size=len(start))
        point = {k: v.reshape(model.initial_point()[k].shape) for k, v in density.exported.form.split(x).items()}
        value, gradient = density(x)
        np.testing.assert_allclose(value, want(point), rtol=1e-10)
        np.testing.assert_allclose(gradient, slope(point), rtol=1e-7, atol=1e-6)
    assert density(np.full(len(x), np.nan))[0] == -np.inf


def test_shards_hold_every_worker_once(workforce: Any) -> None:
    exported = export(workforce, matching="sampled")
    for n in (1, 3, 7):
        shards = cut(exported, n)
        held = np.concatenate([w[c[t] > 0] for w, c, t in zip(shards.wage, shards.counts, shards.team, strict=True)])
        np.testing.assert_array_equal(held, workforce.wage)
        assert shards.match_weight.sum() == pytest.approx(workforce.n_workplaces)
        assert (shards.size > 0).all()
    with pytest.raises(ValueError, match="fewer devices"):
        cut(exported, 31)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", x=np.zeros(2))
    with pytest.raises(ValueError, match="holds no exported density"):
        Exported.load(tmp_path / "other.npz")


@pytest.fixture(scope="module")
def density_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("density") / "density.npz"
    export(norway(24, seed=3), matching="sampled").save(path)
    return path


def start(density: Path, devices: int, process: int = 0, port: int = 0) -> subprocess.Popen:
    """A program on so many virtual devices, one of two processes if there is a port. It fails if PyMC is loaded."""
    # What XLA makes is run a few times only: it need not be good.
    flags = f"--xla_force_host_platform_device_count={devices} --xla_backend_optimization_level=0"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, str(Path(__file__).parent / "many_devices.py"), str(density), str(process), str(port)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(programs: list[subprocess.Popen]) -> list[dict[str, np.ndarray]]:
    ended = [p.communicate(timeout=400) for p in programs]
    for program, (_, errors) in zip(programs, ended, strict=True):
        assert program.returncode == 0, errors[-3000:]
    return [{k: np.array(v) for k, v in json.loads(out.splitlines()[-1]).items()} for out, _ in ended]


def assert_same(found: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    np.testing.assert_allclose(found["value"], other["value"], rtol=1e-10)
    np.testing.assert_allclose(found["gradient"], other["gradient"], rtol=1e-8, atol=1e-8)
    assert np.ptp(found["draws"], axis=0).min() > 0


@pytest.fixture(scope="module")
def one_process(density_file: Path) -> dict[str, np.ndarray]:
    return finish([start(density_file, devices=2)])[0]


@pytest.mark.long
def test_four_devices_find_what_two_find(density_file: Path, one_process: dict[str, np.ndarray]) -> None:
    (four,) = finish([start(density_file, devices=4)])
    assert (four["devices"], one_process["devices"]) == (4, 2)
    assert_same(four, one_process)
    # Sums in another order differ in their last digit, and every leapfrog step of a chain multiplies that; another key would
    # give draws that differ by their posterior standard deviations, around 0.3.
    np.testing.assert_allclose(four["draws"], one_process["draws"], rtol=1e-4, atol=1e-4)


@pytest.mark.long
def test_two_processes_find_what_one_finds(density_file: Path, one_process: dict[str, np.ndarray]) -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    first, second = finish([start(density_file, devices=1, process=i, port=port) for i in range(2)])
    assert first["devices"] == second["devices"] == 2
    assert_same(first, one_process)
    np.testing.assert_array_equal(first["draws"], second["draws"])
    np.testing.assert_array_equal(first["draws"], one_process["draws"])
