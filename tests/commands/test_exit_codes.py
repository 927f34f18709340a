"""Exit codes: 0 done, 1 a gate failed, 2 the input has faults, 3 a defect of ours, 130 interrupted; never a bare traceback."""

import contextlib
import os
import re
import signal
import time
from pathlib import Path

import pytest

from bayes_labor.commands import main
from bayes_labor.data import DataFaults
from bayes_labor.engines import run_folder
from bayes_labor.engines.progress import Keeper
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.engines.signals import heard


def leave(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException) -> tuple[int, str]:
    """(exit code, standard error) of `example norway`, which ends in an error while it runs."""

    def fail() -> None:
        raise error

    monkeypatch.setattr("bayes_labor.data.norway_table", fail)
    monkeypatch.setattr("sys.argv", ["bayes-labor", "example", "norway", "a table.csv"])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code), capsys.readouterr().err


class Panic(BaseException):
    """What an engine in Rust raises: no Exception."""


@pytest.mark.parametrize("error", [KeyError("nothing"), ZeroDivisionError("division\nby zero"), Panic("unwrap")])
def test_a_defect_of_ours_says_what_to_report(error: BaseException, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, text = leave(monkeypatch, capsys, error)
    assert (
        code == 3
        and "defect of bayes-labor" in text
        and "example norway 'a table.csv'" in text
        and type(error).__name__ in text
    )
    assert "Traceback" not in text
    (written,) = tmp_path.iterdir()
    assert written.name in "".join(text.split()) and "Traceback" in written.read_text() and "a table.csv" in written.read_text()


def test_a_defect_where_nothing_can_be_written_shows_the_traceback(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    code, text = leave(monkeypatch, capsys, KeyError("nothing"))
    assert code == 3 and "Traceback" in text and "what" not in text


def test_no_room_and_no_memory_are_no_defects(monkeypatch, capsys) -> None:
    code, text = leave(monkeypatch, capsys, OSError(28, "No space left on device", "/x/y"))
    assert code == 2 and re.search(r"No space left on device\s+where:\s+/x/y\s+remedy: make room", text)
    code, text = leave(monkeypatch, capsys, MemoryError("Unable to allocate 9 TiB"))
    assert code == 2 and "memory does not suffice" in text and "9 TiB" in text
    fell_over = ValueError("I/O operation on closed file.")
    fell_over.__context__ = MemoryError()
    code, text = leave(monkeypatch, capsys, fell_over)
    assert code == 2 and "memory does not suffice" in text
    lost = ImportError("the zarr package is required")
    lost.__cause__ = ImportError("libz.so.1: failed to map segment: Cannot allocate memory")
    code, text = leave(monkeypatch, capsys, lost)
    assert code == 2 and "Cannot allocate memory" in text


def test_an_interrupt_is_one_line_that_names_draws_only_where_there_are(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(run_folder, "_seen", [])
    assert leave(monkeypatch, capsys, KeyboardInterrupt()) == (130, "interrupted\n")
    folder = RunFolder.create(tmp_path / "run")
    assert leave(monkeypatch, capsys, KeyboardInterrupt()) == (130, "interrupted\n")  # nothing was drawn yet
    folder.partial_path.touch()
    code, text = leave(monkeypatch, capsys, KeyboardInterrupt())
    wanted = f"interrupted: draws so far are in {folder.path}, `bayes-labor resume {folder.path}` goes on with them\n"
    assert code == 130 and text == wanted


EMPTY = [
    ["fit", "joint-production", "baseball", "--run", ""], ["demo", "--run", " "], ["peek", ""], ["report", ""], ["resume", ""],
    ["compare", "x", ""], ["counterfactual", "", "--change", "x=1"], ["export", "", "x"], ["export", "x", ""],
    ["prior", "joint-production", "baseball", "--run", ""], ["calibrate", "joint-production", "baseball", "--keep", ""],
    ["reproduce", "sorting", "--run", ""], ["reproduce", "sorting", "--macro", ""], ["example", "baseball", ""],
    ["check", "joint-production", "baseball", "--settings", ""], ["peek", "a\0b"],
]  # fmt: skip


@pytest.mark.parametrize("words", EMPTY)
def test_an_empty_name_is_not_the_current_folder(words: list[str], tmp_path: Path, monkeypatch, capsys) -> None:
    """As a shell writes a variable that is not set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["bayes-labor", *words])
    with pytest.raises(SystemExit) as left:
        main()
    text = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert left.value.code == 2 and "the name is empty or no name: is a variable of the shell not set?" in text
    assert not list(tmp_path.iterdir())


def test_a_run_folder_has_a_name_in_python_too() -> None:
    with pytest.raises(DataFaults, match="the run folder has no name"):
        RunFolder.create("")


@pytest.mark.parametrize(("how", "code", "word"), [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")])
def test_a_signal_that_a_library_turns_into_its_own_error(how: int, code: int, word: str, monkeypatch, capsys) -> None:
    """As XLA does with what a callback raises: it is no defect of ours."""

    def fail() -> None:
        try:
            os.kill(os.getpid(), how)
            signal.sigtimedwait([], 1.0)
        except BaseException as error:
            raise RuntimeError("INTERNAL: CpuCallback error calling callback") from error

    before = {s: signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        monkeypatch.setattr("bayes_labor.data.norway_table", fail)
        monkeypatch.setattr("sys.argv", ["bayes-labor", "example", "norway", "a table.csv"])
        with pytest.raises(SystemExit) as left:
            main()
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)
    text = capsys.readouterr().err
    assert left.value.code == code and word in text and "defect" not in text


def test_usage_errors_stay_two(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["bayes-labor", "fit", "--nothing"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2


def test_a_path_that_cannot_be_written_is_a_fault(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["bayes-labor", "example", "baseball", "/nowhere/at/all.csv"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2 and "/nowhere/at" in capsys.readouterr().err


def test_a_signal_that_a_library_swallows_ends_the_fit_all_the_same(monkeypatch, capsys) -> None:
    """As XLA's callback on garbage collection does: the signal is printed there, and the fit went on for hours."""

    def swallowed() -> None:
        with contextlib.suppress(SystemExit):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1.0)
        Keeper(None).due()

    monkeypatch.setattr("bayes_labor.data.norway_table", swallowed)
    monkeypatch.setattr("sys.argv", ["bayes-labor", "example", "norway", "a table.csv"])
    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as left:
        main()
    for which, handler in zip((signal.SIGTERM, signal.SIGINT), handlers, strict=True):
        signal.signal(which, handler)
    assert left.value.code == 143 and "terminated" in capsys.readouterr().err
    heard.clear()
