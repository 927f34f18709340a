"""One fit is one folder: what was asked, of which data, with which seeds and versions, the draws, tables and figures."""

import json
import os
import platform
import time
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import xarray as xr

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.workforce import Workforce
from bayes_labor.models.settings import JointProductionSpec

_PACKAGES = ("bayes-labor", "pymc", "pytensor", "nutpie", "numba", "numpy", "arviz", "xarray")


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run, and its record."""

    path: Path

    @classmethod
    def create(cls, path: str | Path, *, overwrite: bool = False) -> Self:
        """Make the folder. Raises DataFaults if it already holds draws and ``overwrite`` is not set."""
        folder = cls(Path(path))
        if folder.draws_path.exists() and not overwrite:
            fault = Fault("the run folder already holds draws", str(path), "choose another folder, or pass overwrite=True")
            raise DataFaults([fault])
        for sub in (folder.path, folder.tables, folder.figures):
            sub.mkdir(parents=True, exist_ok=True)
        return folder

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """An existing run. Raises DataFaults if there is none."""
        folder = cls(Path(path))
        if not folder.record_path.is_file():
            fault = Fault("there is no finished run here", str(path), "run `bayes-labor fit` first, or check the folder's name")
            raise DataFaults([fault])
        return folder

    @property
    def draws_path(self) -> Path:
        """Zarr store of the DataTree."""
        return self.path / "draws.zarr"

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
        """Write the draws, then the record: a folder with a record is complete."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # zarr's note on consolidated metadata
            draws.to_zarr(self.draws_path, mode="w", consolidated=False)
        self.write_record(record)

    def write_record(self, record: dict[str, Any]) -> None:
        """Replace the record in one step."""
        temporary = self.record_path.with_suffix(".tmp")
        temporary.write_text(json.dumps(record, indent=1, default=str))
        os.replace(temporary, self.record_path)

    def record(self) -> dict[str, Any]:
        """The record as written."""
        return json.loads(self.record_path.read_text())

    def draws(self) -> xr.DataTree:
        """The draws, in memory."""
        tree = xr.open_datatree(str(self.draws_path), engine="zarr", consolidated=False)
        return tree.load()


def describe_run(workforce: Workforce, spec: JointProductionSpec, settings: dict[str, Any]) -> dict[str, Any]:
    """What identifies a fit: specification, data, settings and versions."""
    return {
        "specification": json.loads(spec.model_dump_json()),
        "data": {
            "name": workforce.name,
            "fingerprint": workforce.fingerprint,
            "workers": workforce.n_workers,
            "workplaces": workforce.n_workplaces,
            "industries": list(workforce.industries),
            "formula": workforce.formula,
            "internal": [t for t, i in zip(workforce.terms, workforce.internal, strict=True) if i],
            "wage_unit": workforce.wage_unit,
        },
        "sampler": settings,
        "versions": {p: version(p) for p in _PACKAGES} | {"python": platform.python_version()},
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
