"""What is on disk is checked when it is opened: the record's shape, the draws' checksums, and what can still be recovered."""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from pydantic import BaseModel, ConfigDict, ValidationError

from bayes_labor.data.faults import DataFaults, Fault, first_few


class _Fitted(BaseModel):
    """Data of a fit, as far as others read it."""

    model_config = ConfigDict(strict=True)
    name: str
    fingerprint: str


class _Words(BaseModel):
    model_config = ConfigDict(strict=True)
    dims: dict[str, list[str]] = {}
    coords: dict[str, list[str]] = {}
    outcomes: dict[str, int] = {}
    judged: dict[str, list[str]] = {}


class _Reading(BaseModel):
    """As :class:`bayes_labor.data.tables.Reading`."""

    model_config = ConfigDict(strict=True, extra="forbid")
    separator: str = ""
    decimal: str = ""
    thousands: str = ""
    encoding: str = ""
    sheet: str = ""
    where: list[str] = []
    codes: list[str] = []


class _Read(BaseModel):
    model_config = ConfigDict(strict=True)
    source: str
    columns: dict[str, str]
    options: dict[str, Any]
    reading: _Reading = _Reading()


class _Record(BaseModel):
    """What a run's record must look like where it has these entries; records of earlier releases have fewer."""

    model_config = ConfigDict(strict=True, extra="allow")
    format: int = 1
    state: Literal["done", "sampling"] = "done"
    system: str = ""
    read: _Read | None = None
    outcome: dict[str, Any] = {}
    sampler: dict[str, Any] = {}
    data: _Fitted | None = None
    specification: dict[str, Any] | None = None
    words: _Words = _Words()
    resumed: list[str] = []
    stored: dict[str, str] = {}
    variables: list[str] = []


def read_record(path: Path) -> dict[str, Any]:
    """A run's record. Raises DataFaults, which say what is left of the run, if it is damaged."""
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _Record.model_validate(record)
        return record
    except ValidationError as error:
        wrong = first_few(".".join(map(str, e["loc"])) or "the whole" for e in error.errors())
        raise _damaged(path, f"entries missing or of another kind: {wrong}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, " ".join(str(error).split())[:120]) from None


def _damaged(path: Path, why: str) -> DataFaults:
    return DataFaults([Fault(f"the run's record is damaged: {why}", str(path), f"{left(path.parent)}; fit again to go on")])


def left(folder: Path) -> str:
    """What can still be read of a run whose record or draws are damaged, in words."""
    finished, unfinished = "of a finished fit: xarray.open_datatree", "of an unfinished one"
    held = {"draws.zarr": finished, "partial.draws": unfinished, "partial.npz": f"{unfinished}: numpy.load"}
    whole = [f"{folder / name} (draws {how})" for name, how in held.items() if (folder / name).exists()]
    return f"still there: {', '.join(whole)}" if whole else "no draws are left in it"


def checksums(store: Path) -> dict[str, str]:
    """SHA-256 of every file of a store, by its path within."""
    files = sorted(p for p in store.rglob("*") if p.is_file())
    return {p.relative_to(store).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


STATISTICS = ("diverging", "energy")
"""Of the sampler, without which draws cannot be judged."""


def read_draws(store: Path, stored: Mapping[str, str], key: Collection[str], names: Collection[str] = ()) -> xr.DataTree:
    """The draws in a store, in memory; ``names`` are the variables that were stored.

    Raises DataFaults if a file is missing or not as it was ``stored``; where no checksums were (earlier releases), if it cannot
    be read, or a variable, of those in ``key`` or any other, is not finite: deleted pieces read as NaN.
    """
    wrong = _changed(store, stored)
    if wrong:
        lost = {"/".join(name.split("/")[:2]) for name in wrong}
        held = {"/".join(name.split("/")[:2]) for name in stored if name.startswith("posterior/")} - {"posterior/zarr.json"}
        whole = sorted(name.partition("/")[2] for name in held - lost)
        raise _broken(store, f"{len(wrong)} of {len(stored)} files are missing or changed: {first_few(wrong)}", whole)
    try:
        tree = xr.open_datatree(str(store), engine="zarr", consolidated=False).load()
        posterior = tree["posterior"].to_dataset()
    except Exception as error:  # whatever a zarr store in pieces raises
        raise _broken(store, " ".join(str(error).split())[:120], []) from None
    lacking = [v for v in key if v not in posterior]
    lacking += [v for v in names if v not in posterior and v not in lacking]
    statistics = set(tree["sample_stats"]) if "sample_stats" in tree else set()
    lacking += [f"sample_stats/{v}" for v in STATISTICS if v not in statistics]
    if lacking:
        raise _broken(store, f"{first_few(lacking)} missing", sorted(map(str, posterior)))
    bad = [] if stored else [v for v in posterior if not np.isfinite(posterior[v]).all()]
    bad += [] if stored or np.isfinite(tree["sample_stats"]["energy"]).all() else ["sample_stats/energy"]
    if bad:
        raise _broken(store, f"{first_few(sorted(map(str, bad)))} not finite", sorted(map(str, set(posterior) - set(bad))))
    return tree


def _changed(store: Path, stored: Mapping[str, str]) -> list[str]:
    found = checksums(store) if stored else {}
    return sorted(name for name, digest in stored.items() if found.get(name) != digest)


def _broken(store: Path, why: str, whole: list[str]) -> DataFaults:
    recover = f"whole are {first_few(whole, show=20)}: xarray.open_datatree reads them" if whole else "nothing in it is whole"
    return DataFaults([Fault(f"the stored draws are damaged: {why}", str(store), f"{recover}; fit again for the rest")])
