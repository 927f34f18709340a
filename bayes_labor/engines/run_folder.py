"""One fit is one folder: what was asked, of which data, with which seeds and versions, the draws, tables and figures."""

import json
import os
import platform
import shutil
import tempfile
import time
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import xarray as xr

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.engines.progress import aside_of
from bayes_labor.engines.stored import checksums, left, read_draws, read_record

FORMAT = 4
"""Of the run folder. 1: only finished fits; 2: draws kept while sampling, ``state`` in the record; 3: those appended;
4: each knows the one before."""
_TRIES, _WAIT = 20, 0.1  # seconds, for a store to stay away
_PACKAGES = ("bayes-labor", "pymc", "pytensor", "nutpie", "numba", "numpy", "arviz", "xarray")


_seen: list[Path] = []
"""Run folders that this process has made or opened."""


def unfinished() -> Path | None:
    """The last of the run folders that this process made or opened in which there are draws of an unfinished fit."""
    return next((p for p in reversed(_seen) if RunFolder(p).partials), None)


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run, and its record."""

    path: Path

    @classmethod
    def create(cls, path: str | Path, *, overwrite: bool = False) -> Self:
        """Make the folder. Raises DataFaults if it has no name, or already holds draws and ``overwrite`` is not set."""
        if not str(path).strip():  # as of a variable that is not set: Path makes the current folder of it
            raise DataFaults([Fault("the run folder has no name", "run", "name a folder, '.' for the current one")])
        folder = cls(Path(path))
        check_place(folder.path)
        held = [
            what for what, there in (("draws", folder.draws_path.exists()), ("an unfinished fit", folder.partials)) if there
        ]
        if held and not overwrite:
            remedy = "choose another folder, or pass overwrite=True" + (
                "; resume() goes on with it" if "draws" not in held else ""
            )
            raise DataFaults([Fault(f"the run folder already holds {held[0]}", str(path), remedy)])
        if folder.draws_path.exists():
            shutil.rmtree(folder.draws_path)
        for partial in [*folder.partials, aside_of(folder.partial_path)]:
            partial.unlink(missing_ok=True)
        for sub in (folder.path, folder.tables, folder.figures):
            sub.mkdir(parents=True, exist_ok=True)
        _seen.append(folder.path)
        return folder

    @classmethod
    def rescue(cls, draws: xr.DataTree, record: dict[str, Any]) -> Self | None:
        """A run folder with these draws where there is room: for temporary files, else in the user's cache; None if nowhere."""
        for home in (Path(tempfile.gettempdir()), Path.home() / ".cache"):
            try:
                home.mkdir(parents=True, exist_ok=True)
                folder = cls(Path(tempfile.mkdtemp(prefix="bayes-labor-", dir=home)))
            except OSError:
                continue
            try:
                folder.save(draws, record)
                return folder
            except OSError:
                shutil.rmtree(folder.path, ignore_errors=True)
        return None

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """An existing run, finished or not. Raises DataFaults if there is none, or a later release wrote it."""
        folder = cls(Path(path))
        if not folder.record_path.is_file():
            remedy = "run `bayes-labor fit` first, or check the folder's name"
            draws = folder.draws_path.exists() or folder.partials
            what = "the run's record is missing" if draws else "there is no run here"
            raise DataFaults([Fault(what, str(path), left(folder.path) if draws else remedy)])
        written = folder.record().get("format", 1)
        if written > FORMAT:
            remedy = f"update bayes_labor (this release reads formats up to {FORMAT})"
            raise DataFaults([Fault(f"a later release wrote this run folder (format {written})", str(path), remedy)])
        _seen.append(folder.path)
        return folder

    @property
    def draws_path(self) -> Path:
        """Zarr store of the DataTree."""
        return self.path / "draws.zarr"

    @property
    def partial_path(self) -> Path:
        """Draws of a fit that is not finished."""
        return self.path / "partial.draws"

    @property
    def partials(self) -> list[Path]:
        """Files with draws of a fit that is not finished, of format 2 among them."""
        return [p for p in (self.partial_path, self.partial_path.with_suffix(".npz")) if p.exists()]

    @property
    def record_path(self) -> Path:
        """What was asked and found, as JSON."""
        return self.path / "run.json"

    @property
    def tables(self) -> Path:
        """CSV, JSON and LaTeX of every table."""
        return self.path / "tables"

    @property
    def figures(self) -> Path:
        """Every picture as SVG and PNG."""
        return self.path / "figures"

    @property
    def report_path(self) -> Path:
        """The page people read."""
        return self.path / "report.html"

    def save(self, draws: xr.DataTree, record: dict[str, Any]) -> None:
        """Write the draws, then the record that says so; a kill in between leaves the unfinished fit as it was.

        Of a fit whose record names its data nothing of these is written: they are read again from where they are kept.

        Raises OSError, and leaves nothing half-written, if there is no room.
        """
        temporary = self.path / "draws.writing"
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # zarr's note on consolidated metadata
                kept = draws.drop_nodes("observed_data", errors="ignore") if record.get("data") else draws
                kept.to_zarr(temporary, mode="w", consolidated=False)
        except BaseException:
            _remove(temporary)
            raise
        stored = checksums(temporary)
        shutil.rmtree(self.draws_path, ignore_errors=True)
        os.replace(temporary, self.draws_path)
        self.write_record(record | {"stored": stored, "variables": sorted(map(str, draws["posterior"].data_vars))})
        for partial in [*self.partials, aside_of(self.partial_path)]:
            partial.unlink(missing_ok=True)

    def write_record(self, record: dict[str, Any]) -> None:
        """Replace the record in one step."""
        temporary = self.record_path.with_suffix(".tmp")
        try:
            temporary.write_text(json.dumps(record | {"format": FORMAT}, indent=1, default=str))
            os.replace(temporary, self.record_path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def record(self) -> dict[str, Any]:
        """The record as written. Raises DataFaults if it is damaged."""
        return read_record(self.record_path)

    def draws(self) -> xr.DataTree:
        """The draws, in memory. Raises DataFaults for a fit that is not finished, or draws that are damaged."""
        record = self.record()
        if not self.draws_path.exists() and record.get("state", "done") != "done":
            raise DataFaults([Fault("the fit is not finished", str(self.path), "`bayes-labor resume` goes on with it")])
        if not self.draws_path.exists():
            raise DataFaults([Fault("the stored draws are missing", str(self.draws_path), f"{left(self.path)}; fit again")])
        key = [v for names in judged(record).values() for v in names]
        tree = read_draws(self.draws_path, record.get("stored", {}), key, record.get("variables", []))
        tree.attrs.update(judged(record))
        return tree


def _remove(folder: Path) -> None:
    """Remove a store that could not be written; the library's own writers may put more into it for a moment."""
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            time.sleep(_WAIT)
            if not folder.exists():
                return
        time.sleep(_WAIT)


def check_place(folder: Path) -> None:
    """Raises DataFaults, and makes nothing, if a folder can certainly not be made or written to."""
    nearest = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not nearest.is_dir():
        raise DataFaults([Fault("the run folder cannot be written: there is a file", str(nearest), "choose another place")])
    if not os.access(nearest, os.W_OK | os.X_OK):
        remedy = "choose a folder that you may write to"
        raise DataFaults([Fault("the run folder cannot be written: it is read-only", str(nearest), remedy)])


def judged(record: dict[str, Any]) -> dict[str, Any]:
    """By what a run's draws are judged (:mod:`bayes_labor.models.notes`); all variables, by records that do not say."""
    words = record.get("words", {})
    if "judged" in words:
        found: dict[str, Any] = words["judged"]
        return found
    return {"solved": ["solver_status"]} if words.get("outcomes") else {}


def provenance() -> dict[str, Any]:
    """With what and when."""
    versions = {p: version(p) for p in _PACKAGES} | {"python": platform.python_version()}
    return {"versions": versions, "started": time.strftime("%Y-%m-%d %H:%M:%S")}
