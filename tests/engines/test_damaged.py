"""Damaged run folders, full disks and folders that cannot be written: one clear fault, which says what is left."""

import contextlib
import errno
import io
import json
import os
import pickle
import re
import shutil
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from typer.testing import CliRunner

from bayes_labor.commands import app, main
from bayes_labor.data import DataFaults, Workforce
from bayes_labor.engines import progress
from bayes_labor.engines.progress import Draws
from bayes_labor.engines.run_folder import provenance
from bayes_labor.models import JointProductionSpec
from bayes_labor.posteriors import RunFolder, peek, resume, sample
from bayes_labor.posteriors.joint_production.fits import describe_fit
from tests.conftest import FORMULA, make_table

SPEC = JointProductionSpec(spec="linear")
WORDS = {"dims": {"gamma": ["talent_term"]}, "coords": {"talent_term": ["a", "b"]}, "outcomes": {}, "judged": {}}


def tree() -> xr.DataTree:
    rng = np.random.default_rng(0)
    posterior = xr.Dataset(
        {
            "gamma": (("chain", "draw", "talent_term"), rng.normal(size=(2, 50, 2))),
            "sigma": (("chain", "draw"), rng.random((2, 50))),
        }
    )
    stats = {"diverging": np.zeros((2, 50), bool), "energy": rng.normal(size=(2, 50))}
    return xr.DataTree.from_dict(
        {"posterior": posterior, "sample_stats": xr.Dataset({k: (("chain", "draw"), v) for k, v in stats.items()})}
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    path = tmp_path_factory.mktemp("damaged") / "payroll.csv"
    make_table().to_csv(path, index=False)
    return [str(path), "--formula", FORMULA, "--internal", "seniority"]


@pytest.fixture
def finished(source: list[str], tmp_path: Path) -> Path:
    workforce = Workforce.from_file(source[0], FORMULA, ["seniority"])
    folder = RunFolder.create(tmp_path / "run")
    folder.save(
        tree(),
        describe_fit(workforce, SPEC) | provenance() | {"sampler": {"draws": 50, "chains": 2}, "state": "done", "words": WORDS},
    )
    return folder.path


@pytest.fixture
def unfinished(finished: Path) -> Path:
    whole, folder = tree(), RunFolder(finished)
    posterior = {k: v.to_numpy() for k, v in whole["posterior"].to_dataset().items()}
    stats = {k: v.to_numpy().astype(float) for k, v in whole["sample_stats"].to_dataset().items()}
    Draws(np.zeros((2, 50, 3)), np.array([50, 40]), posterior, stats | {"cause": np.zeros((2, 50))}).save(folder.partial_path)
    shutil.rmtree(folder.draws_path)
    folder.write_record(folder.record() | {"state": "sampling"})
    return finished


def outcome(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """(exit code, what is on standard error) of a command."""
    monkeypatch.setattr("sys.argv", ["bayes-labor", *words])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0), " ".join(capsys.readouterr().err.split())


def delete_chunks(run: Path) -> None:
    for chunk in (run / "draws.zarr/posterior/gamma/c").rglob("*"):
        if chunk.is_file():
            chunk.unlink()


def write(name: str, text: str | bytes) -> Callable[[Path], object]:
    return lambda run: (run / name).write_bytes(text if isinstance(text, bytes) else text.encode())


def change(**entries: object) -> Callable[[Path], object]:
    return lambda run: (run / "run.json").write_text(json.dumps(json.loads((run / "run.json").read_text()) | entries))


def cut(name: str) -> Callable[[Path], object]:
    return lambda run: os.truncate(run / name, (run / name).stat().st_size // 2)


def first_chunk(run: Path) -> Path:
    return next(p for p in sorted((run / "draws.zarr/posterior/sigma/c").rglob("*")) if p.is_file())


def without(group: str) -> Callable[[Path], None]:
    """A group deleted by hand, and the checksums with it."""

    def harm(run: Path) -> None:
        shutil.rmtree(run / "draws.zarr" / group)
        change(stored={})(run)

    return harm


def only(*names: str) -> Callable[[Path], None]:
    """These arrays alone are left of an unfinished fit."""

    def harm(run: Path) -> None:
        with np.load(io.BytesIO((run / "partial.draws").read_bytes()[progress._BLOCK.size :])) as held:
            write("partial.draws", block(**{n: held[n] for n in names}))(run)

    return harm


def block(**arrays: np.ndarray) -> bytes:
    """As it stands in the file, with the right checksum."""
    held = io.BytesIO()
    np.savez(held, **arrays)
    body = held.getvalue()
    return progress._header(len(body), zlib.crc32(body), 0)[0] + body


def appended(harm: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Five more draws of each chain in a block of their own, harmed."""

    def grow(run: Path) -> None:
        path = run / "partial.draws"
        held = Draws.load(path)
        assert held is not None
        held.cut(5).append(path, held.save(path))
        whole = path.read_bytes()
        last = whole.rindex(progress._MARK)
        path.write_bytes(whole[:last] + harm(whole[last:]))

    return grow


def checksum(written: bytes) -> int:
    """Of the header of a block."""
    return int.from_bytes(written[20:24], "little")


def thrice(written: bytes) -> bytes:
    """The third block behind the first: the second is lost."""
    body = written[progress._BLOCK.size :]
    return progress._header(len(body), zlib.crc32(body), checksum(written))[0] + body


FINISHED = {
    "deleted chunks": (delete_chunks, "stored draws are damaged: .*missing or changed.*posterior/gamma.*whole are sigma"),
    "truncated chunk": (lambda run: os.truncate(first_chunk(run), 5), "stored draws are damaged.*whole are gamma"),
    "changed chunk": (lambda run: first_chunk(run).write_bytes(b"\0" * 400), "stored draws are damaged"),
    "changed shape": (cut("draws.zarr/posterior/gamma/zarr.json"), "stored draws are damaged"),
    "missing store": (lambda run: shutil.rmtree(run / "draws.zarr"), "stored draws are missing.*no draws are left"),
    "empty store": (lambda run: (shutil.rmtree(run / "draws.zarr"), (run / "draws.zarr").mkdir()), "stored draws are damaged"),
    "store a file": (lambda run: (shutil.rmtree(run / "draws.zarr"), (run / "draws.zarr").touch()), "stored draws are damaged"),
    "no record": (lambda run: (run / "run.json").unlink(), "record is missing.*draws.zarr"),
    "record no JSON": (write("run.json", "{'state': done"), "record is damaged.*draws.zarr.*xarray.open_datatree"),
    "record truncated": (cut("run.json"), "record is damaged"),
    "record no text": (write("run.json", b"\xff\xfe\x00\x81"), "record is damaged"),
    "record empty": (write("run.json", ""), "record is damaged"),
    "record a list": (write("run.json", "[1, 2]"), "record is damaged.*the whole"),
    "record nested without end": (write("run.json", "[" * 100_000), "record is damaged"),
    "format a word": (change(format="two"), "record is damaged.*format"),
    "state a number": (change(state=3), "record is damaged.*state"),
    "sampler a list": (change(sampler=[1]), "record is damaged.*sampler"),
    "data without a fingerprint": (change(data={"name": "x"}), "record is damaged.*data.fingerprint"),
    "specification a word": (change(specification="power"), "record is damaged.*specification"),
    "words of another kind": (change(words={"dims": [1], "coords": {}}), "record is damaged.*words.dims"),
    "checksums of another kind": (change(stored=[1]), "record is damaged.*stored"),
    "source a number": (change(read=5), "record is damaged.*read"),
    "source without columns": (change(read={"source": "x", "options": {}}), "record is damaged.*read.columns"),
    "rows chosen by a number": (
        change(read={"source": "x", "columns": {}, "options": {}, "reading": {"where": 3}}), "record is damaged.*reading.where",
    ),
    "read by what nobody knows": (
        change(read={"source": "x", "columns": {}, "options": {}, "reading": {"by": "x"}}), "record is damaged.*reading.by",
    ),
    "no outcome": (change(outcome=None), "record is damaged.*outcome"),
    "an unknown state": (change(state="weird"), "record is damaged.*state"),
    "judged by others": (
        change(words=WORDS | {"judged": {"gated": ["delta"], "two_sided": []}}), "stored draws are damaged.*delta missing",
    ),
    "no energy": (without("sample_stats/energy"), "stored draws are damaged.*sample_stats/energy missing"),
    "a variable deleted": (without("posterior/gamma"), "stored draws are damaged.*gamma missing"),
    "no statistics": (without("sample_stats"), "stored draws are damaged.*sample_stats/diverging, sample_stats/energy missing"),
}  # fmt: skip
NO_STATISTICS = "the draws of the unfinished fit cannot be read.*statistics, are missing"
UNREADABLE = "draws of the unfinished fit cannot be read.*samples from the start"
UNFINISHED = {
    "truncated": (cut("partial.draws"), UNREADABLE),
    "empty": (write("partial.draws", ""), UNREADABLE),
    "garbage": (write("partial.draws", b"PK\x03\x04" + b"x" * 500), UNREADABLE),
    "pickled": (write("partial.draws", pickle.dumps({"counts": [1]})), UNREADABLE),
    "other arrays": (write("partial.draws", block(x=np.zeros(3))), UNREADABLE),
    "objects": (write("partial.draws", block(counts=np.array([None]))), UNREADABLE),
    "a changed block": (
        appended(lambda b: b[:200] + bytes([b[200] ^ 1]) + b[201:]), "90 draws before that are whole: `truncate -s [0-9]+`",
    ),
    "another block": (appended(lambda b: block(x=np.zeros(3))), "90 draws before that are whole"),
    "a block twice": (appended(lambda b: b + b), "does not belong behind.*100 draws before that are whole"),
    "the first block alone twice": (
        lambda run: write("partial.draws", 2 * (run / "partial.draws").read_bytes())(run), "does not belong.*90 draws before",
    ),
    "a header with another length": (
        appended(lambda b: b[:9] + bytes([b[9] ^ 1]) + b[10:]), "does not belong behind.*90 draws before that are whole",
    ),
    "a block lost": (appended(lambda b: thrice(b)), "does not belong behind.*90 draws before that are whole"),
    "what is no block": (appended(lambda b: b"x" * 100), "90 draws before that are whole"),
    "a block of other variables": (
        appended(lambda b: b + Draws(np.zeros((2, 1, 3)), np.array([1, 1]), {"x": np.zeros((2, 1))},
                                     {k: np.zeros((2, 1)) for k in ("diverging", "energy")})._block(checksum(b))[0]),
        "blocks that do not belong together.*100 draws before",
    ),
    "no statistics": (only("unconstrained", "counts", "state", "posterior/gamma", "posterior/sigma"), NO_STATISTICS),
    "no energy": (only("unconstrained", "counts", "state", "posterior/gamma", "stats/diverging", "stats/cause"), NO_STATISTICS),
    "no variables": (only("unconstrained", "counts", "state", "stats/diverging", "stats/energy", "stats/cause"), NO_STATISTICS),
    "words: judged by others": (
        change(words=WORDS | {"judged": {"gated": ["delta"], "two_sided": []}}), "do not belong together: there is no delta",
    ),
    "words of other variables": (
        change(words={"dims": {"gamma": ["talent_term"]}, "coords": {"talent_term": ["a"]}}), "do not belong together",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kept", [0, 5, 300])
def test_a_block_that_a_kill_cut_short_was_never_there(kept: int, unfinished: Path) -> None:
    appended(lambda b: b[:kept])(unfinished)
    assert Draws.load(unfinished / "partial.draws").counts.tolist() == [50, 40]
    appended(lambda b: b)(unfinished) if not kept else None
    assert Draws.load(unfinished / "partial.draws").counts.tolist() == ([50, 40] if kept else [55, 45])


def test_what_a_power_cut_leaves_was_never_there(unfinished: Path) -> None:
    appended(lambda b: bytes(len(b)))(unfinished)
    assert Draws.load(unfinished / "partial.draws").counts.tolist() == [50, 40]


@pytest.mark.parametrize("damage", FINISHED)
def test_a_damaged_finished_run_is_one_fault(damage: str, finished: Path, source, monkeypatch, capsys) -> None:
    harm, message = FINISHED[damage]
    harm(finished)
    for verb in ("peek", "report", "resume", "compare"):
        code, text = outcome(monkeypatch, capsys, verb, str(finished), *(["--data", source[0]] if verb != "peek" else []))
        assert code == 2 and text.startswith("1 fault"), (verb, text)
        assert re.search(message, text), (verb, text)


@pytest.mark.parametrize("damage", UNFINISHED)
def test_a_damaged_unfinished_run_is_one_fault(damage: str, unfinished: Path, source, monkeypatch, capsys) -> None:
    assert CliRunner().invoke(app, ["peek", str(unfinished)]).exit_code == 0
    harm, message = UNFINISHED[damage]
    harm(unfinished)
    for verb in ("peek", "report", *(["resume"] if damage[:5] != "words" else [])):
        code, text = outcome(monkeypatch, capsys, verb, str(unfinished), *(["--data", source[0]] if verb != "peek" else []))
        assert code == 2 and text.startswith("1 fault"), (verb, text)
        assert re.search(message, text), (verb, text)


def test_folders_of_earlier_releases_load(finished: Path) -> None:
    """They have no checksums; there, draws that are not numbers are the sign of deleted pieces."""
    folder = RunFolder(finished)
    record = {k: v for k, v in folder.record().items() if k not in ("stored", "words")}
    folder.record_path.write_text(json.dumps(record))
    np.testing.assert_array_equal(folder.draws()["posterior"]["gamma"], tree()["posterior"]["gamma"])
    assert "gated" not in peek(finished)[0].attrs  # then all variables are compared
    delete_chunks(finished)
    with pytest.raises(DataFaults, match=r"gamma not finite(.|\n)*whole are sigma"):
        folder.draws()


@pytest.mark.parametrize("lost", ["posterior/sigma", "sample_stats/energy"])
def test_what_no_gate_looks_at_is_looked_at_without_checksums(lost: str, finished: Path) -> None:
    words = WORDS | {"judged": {"gated": ["gamma"], "two_sided": []}}
    change(stored={}, words=words)(finished)
    assert RunFolder(finished).draws()["posterior"].sizes["draw"] == 50
    shutil.rmtree(finished / "draws.zarr" / lost / "c")
    with pytest.raises(DataFaults, match=f"{lost.removeprefix('posterior/')} not finite"):
        RunFolder(finished).draws()


@pytest.mark.parametrize("entry", ["specification", "data"])
def test_a_record_that_says_nothing_of_the_fit_is_a_fault(entry: str, finished: Path, source, monkeypatch, capsys) -> None:
    change(**{entry: None})(finished)
    code, text = outcome(monkeypatch, capsys, "counterfactual", str(finished), "--change", "x=1", "--data", source[0])
    assert code == 2 and text.startswith("1 fault") and "does not say what was fitted" in text


def normal() -> pm.Model:
    with pm.Model() as model:
        pm.Normal("x", 0.0, 1.0)
    return model


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_on_a_full_disk_the_draws_are_kept_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(room))
    to_zarr = xr.DataTree.to_zarr

    def only_there(self: xr.DataTree, store: Path, **given: object) -> object:
        (Path(store)).mkdir(parents=True)
        (Path(store) / "half").touch()
        return to_zarr(self, store, **given) if room in Path(store).parents else full()

    monkeypatch.setattr(xr.DataTree, "to_zarr", only_there)
    with pytest.warns(RuntimeWarning, match="could not be stored"):
        drawn = sample(normal(), run=tmp_path / "run", draws=20, tune=50, chains=1)
    kept = Path(drawn.attrs["kept_in"])
    assert kept.parent == room and not (tmp_path / "run" / "draws.writing").exists()
    np.testing.assert_array_equal(resume(kept)["posterior"]["x"], drawn["posterior"]["x"])
    assert RunFolder.open(kept).record()["meant_for"] == str(tmp_path / "run")
    assert RunFolder.open(tmp_path / "run").record()["state"] == "sampling"


def test_what_late_writers_leave_on_a_full_disk_is_removed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store's library writes in tasks of its own, which may go on for a moment after one of them has failed."""
    late: list[threading.Thread] = []

    def failing(self: xr.DataTree, store: Path, **given: object) -> None:
        def write_on() -> None:
            for i in range(6):
                Path(store).mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(FileNotFoundError):  # removed in between, as a library's own writers may find
                    (Path(store) / f"chunk {i}").touch()
                time.sleep(0.04)

        late.append(threading.Thread(target=write_on))
        late[0].start()
        full()

    monkeypatch.setattr(xr.DataTree, "to_zarr", failing)
    with pytest.raises(OSError, match="No space"):
        RunFolder.create(tmp_path / "run").save(tree(), {"state": "done"})
    late[0].join()
    assert not (tmp_path / "run" / "draws.writing").exists()


def test_a_full_disk_everywhere_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("room", "home"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "room"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(xr.DataTree, "to_zarr", full)
    with pytest.warns(RuntimeWarning, match="make room"):
        drawn = sample(normal(), run=tmp_path / "run", draws=20, tune=50, chains=1)
    assert drawn.attrs["kept_in"] == "" and "No space" in drawn.attrs["unsaved"]
    assert {p.name for p in (tmp_path / "run").iterdir()} <= {"run.json", "partial.draws", ".lock", "tables", "figures"}
    assert not list((tmp_path / "room").glob("bayes-labor-*")) and not list((tmp_path / "home").rglob("bayes-labor-*"))


def test_a_full_disk_removes_what_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = Draws(
        np.zeros((1, 3, 2)), np.array([3]), {"x": np.zeros((1, 3, 2))}, {n: np.zeros((1, 3)) for n in ("diverging", "energy")}
    )
    draws.save(tmp_path / "partial.draws")
    RunFolder(tmp_path).write_record({"state": "sampling"})
    monkeypatch.setattr(np, "savez", full)
    monkeypatch.setattr(os, "replace", full)
    for call in (lambda: draws.save(tmp_path / "partial.draws"), lambda: RunFolder(tmp_path).write_record({"state": "done"})):
        with pytest.raises(OSError, match="No space"):
            call()
    assert {p.name for p in tmp_path.iterdir()} == {"partial.draws", "run.json"}
    assert RunFolder(tmp_path).record()["state"] == "sampling" and Draws.load(tmp_path / "partial.draws") is not None


def test_from_the_shell_a_full_disk_says_where_the_draws_are(source, tmp_path: Path, monkeypatch, capsys) -> None:
    def unsaved(*_: object, **__: object) -> xr.DataTree:
        found = tree()
        found.attrs.update(
            compile_seconds=0.0, sampling_seconds=0.0, unsaved="No space left on device", kept_in="/elsewhere/kept"
        )
        return found

    monkeypatch.setattr("bayes_labor.posteriors.verbs.fit", unsaved)
    code, text = outcome(monkeypatch, capsys, "fit", "joint-production", *source, "--run", str(tmp_path / "run"))
    assert code == 2 and "could not be stored" in text and "resume /elsewhere/kept" in text


@pytest.mark.parametrize("place", ["at a file", "under a file", "in a read-only system"])
def test_a_run_folder_that_cannot_be_written_is_a_fault_before_sampling(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    run = {"at a file": tmp_path / "file", "under a file": tmp_path / "file" / "run"}.get(place, Path("/proc/run"))
    with pytest.raises(DataFaults, match="run folder cannot be written"):
        sample(normal(), run=run, draws=5, tune=5, chains=1)


def test_a_report_on_a_full_disk_is_a_fault(finished: Path, source, monkeypatch, capsys) -> None:
    monkeypatch.setattr("bayes_labor.posteriors.verbs.write_report", full)
    code, text = outcome(monkeypatch, capsys, "report", str(finished), "--data", source[0])
    assert code == 2 and "No space left" in text and "make room" in text


def test_finished_draws_under_an_unfinished_record_are_not_replaced(finished: Path, source, monkeypatch, capsys) -> None:
    """`resume` once sampled from the start over them."""
    change(state="sampling")(finished)
    code, text = outcome(monkeypatch, capsys, "resume", str(finished), "--data", source[0])
    assert code == 2 and "there are finished draws" in text and (finished / "draws.zarr").is_dir()
