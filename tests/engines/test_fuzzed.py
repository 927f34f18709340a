"""Run folders harmed at random: each ends in one clear fault, or gives the numbers that were stored."""

import contextlib
import json
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from bayes_labor.data import DataFaults
from bayes_labor.engines.progress import Draws
from bayes_labor.engines.run_folder import RunFolder, provenance
from bayes_labor.engines.sampling import peek
from bayes_labor.posteriors.verbs import open_run
from tests.engines.test_damaged import WORDS, tree

OTHERS: list[Any] = [None, True, -1, 3.5, float("nan"), 10**400, "", "x" * 3000, "\ud800", [], [1], {}, {"a": [1]}]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A finished run and an unfinished one."""
    home = tmp_path_factory.mktemp("fuzzed")
    read = {"source": "norway:12", "columns": {}, "options": {}, "reading": {}}
    about = {"system": "joint-production", "specification": {"spec": "power"}, "data": {"name": "n", "fingerprint": "f"}}
    record = provenance() | about | {"read": read, "sampler": {"draws": 50, "chains": 2}, "words": WORDS, "went": [1, {"a": 2}]}
    done = RunFolder.create(home / "done")
    done.save(tree(), record | {"state": "done", "outcome": {"divergences": 0}})
    begun = RunFolder.create(home / "begun")
    begun.write_record(record | {"state": "sampling"})
    posterior = {k: v.to_numpy() for k, v in tree()["posterior"].to_dataset().items()}
    stats = {k: v.to_numpy().astype(float) for k, v in tree()["sample_stats"].to_dataset().items()}
    whole = Draws(np.zeros((2, 50, 3)), np.array([50, 50]), posterior, stats | {"cause": np.zeros((2, 50))})
    written = whole.cut(30).save(begun.partial_path)  # and two blocks behind it
    written = whole.cut(45).since(np.array([30, 30])).append(begun.partial_path, written)
    whole.since(np.array([45, 45])).append(begun.partial_path, written)
    return {"done": done.path, "begun": begun.path}


def harm(run: Path, rng: np.random.Generator) -> str:
    """One random corruption, in words."""
    files = sorted(p for p in run.rglob("*") if p.is_file() and p.suffix != ".lock")
    records = [p for p in files if p.suffix == ".json"]
    how = rng.choice(["flip", "cut", "delete", "fill", "append", "value", "drop", "swap"][: 8 if records else 5])
    file = files[rng.integers(len(files))] if how not in ("value", "drop") else records[rng.integers(len(records))]
    held = bytearray(file.read_bytes())
    if how == "flip":
        for _ in range(int(rng.integers(1, 4))):
            if held:
                held[rng.integers(len(held))] ^= 1 << int(rng.integers(8))
        file.write_bytes(held)
    elif how == "cut":
        os.truncate(file, int(rng.integers(len(held) + 1)))
    elif how == "delete":
        file.unlink()
    elif how == "fill":
        file.write_bytes(rng.bytes(int(rng.integers(2000))))
    elif how == "append":
        file.write_bytes(bytes(held) + rng.bytes(int(rng.integers(1, 50))))
    elif how == "swap":
        file.write_bytes(files[rng.integers(len(files))].read_bytes())
    else:
        try:
            changed = json.loads(held)
            node, key = _place(changed, rng)
        except (ValueError, TypeError):  # harmed before
            return f"nothing in {file.relative_to(run)}"
        if how == "value":
            node[key] = OTHERS[rng.integers(len(OTHERS))]
        else:
            del node[key]
        file.write_text(json.dumps(changed))
    return f"{how} {file.relative_to(run)}"


def _place(node: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """A random entry of a nested record, as (what holds it, its key)."""
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = keys[rng.integers(len(keys))]
        if not isinstance(node[key], dict | list) or not node[key] or rng.random() < 0.3:
            return node, key
        node = node[key]


def check(run: Path, known: xr.DataTree) -> bool:
    """Whether the numbers came back, and then the right ones; anything but a fault is raised."""
    came = False

    def peeked() -> xr.DataTree:
        return peek(run)[0]

    for look in (lambda: RunFolder.open(run).draws(), peeked):
        try:
            found = look()
        except DataFaults:
            continue
        came = True
        for group in ("posterior", "sample_stats"):
            for name, values in known[group].data_vars.items():
                held = found[group][name]
                # Of an unfinished fit a block that is cut short may be missing, with all behind it.
                assert held.sizes["draw"] in (50, *((30, 45) if look is peeked else ()))
                np.testing.assert_array_equal(held, values[:, : held.sizes["draw"]])
    with contextlib.suppress(DataFaults):
        open_run(run)
    return came


def fuzz(folders: dict[str, Path], place: Path, times: int, seed: int) -> int:
    """How many of so many harmed folders still gave their numbers."""
    rng, came = np.random.default_rng(seed), 0
    for i in range(times):
        which, run = ("done", "begun")[i % 3 == 2], place / "run"
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(folders[which], run)
        what = [harm(run, rng) for _ in range(int(rng.integers(1, 3)))]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of libraries, about files in pieces
                came += check(run, tree())
        except Exception as error:
            raise AssertionError(f"{i}: {which}, {what}: {error!r}") from error
    return came


def test_harmed_folders_end_in_faults_or_right_numbers(folders: dict[str, Path], tmp_path: Path) -> None:
    assert check(folders["done"], tree()) and check(folders["begun"], tree())
    came = fuzz(folders, tmp_path, 120, seed=1)
    assert 0 < came < 60  # most harm is seen, and some, to words nobody reads, does none


@pytest.mark.long
def test_a_thousand_harmed_folders(folders: dict[str, Path], tmp_path: Path) -> None:
    fuzz(folders, tmp_path, 1000, seed=2)


def test_the_fuzzing_sees_what_checksums_catch(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bayes_labor.engines.stored._changed", lambda *_: [])
    with pytest.raises(AssertionError):
        fuzz(folders, tmp_path, 200, seed=3)
