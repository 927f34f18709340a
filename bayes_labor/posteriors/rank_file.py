"""Ranks of a calibration kept in a CSV file, and beside it, in JSON, what they belong to and how each fit went.

Ranks of other data, of another specification or seed are no ranks of these: a file is taken up by whoever it belongs to alone.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_labor.data.faults import DataFaults, Fault

_HEALTH = ("divergences", "ess", "r_hat", "went_on", "seconds", "finished")
_REMEDY = "give another file with keep (--keep), or move this one away: it is not touched"


class RankFile:
    """``path`` holds the ranks, one row per simulation; the JSON of the same name what they belong to and each fit's health.

    Both are replaced in one step, the record first, so that a kill leaves no ranks without it.

    Raises
    ------
    DataFaults
        If the file has no record, belongs to something else or cannot be read.

    """

    def __init__(self, path: Path, belongs_to: Mapping[str, Any]) -> None:
        self.path, self.record_path = path, path.with_suffix(".json")
        if path.suffix != ".csv":
            raise DataFaults([Fault("ranks are a CSV", str(path), "give a name that ends in .csv")])
        self.belongs_to: dict[str, Any] = json.loads(json.dumps(belongs_to, default=str))
        if self.record_path.exists() and not path.exists() and not self._is_own_record():
            what = f"{self.record_path.name} is there without ranks, and may be something else"
            raise DataFaults([Fault(what, str(path), "give another file with keep (--keep), or move that one away")])
        self.ranks: dict[int, dict[str, float]] = {}
        self.fits: dict[str, dict[str, Any]] = {}
        if path.is_file():
            self._take_up()

    def _is_own_record(self) -> bool:
        """Whether a record without ranks is this calibration's: a kill may fall between the two."""
        try:
            record = json.loads(self.record_path.read_text())
        except (OSError, ValueError):
            return False
        return isinstance(record, dict) and record.get("belongs_to") == self.belongs_to

    def _take_up(self) -> None:
        if not self.record_path.is_file():
            what = f"the ranks do not say what they belong to: {self.record_path.name} is not beside them"
            raise DataFaults([Fault(what, str(self.path), _REMEDY)])
        try:
            record = json.loads(self.record_path.read_text())
            theirs, self.fits = dict(record["belongs_to"]), dict(record["fits"])
            table = pd.read_csv(self.path, index_col="simulation")
            self.ranks = {int(str(i)): {str(k): float(v) for k, v in row.items()} for i, row in table.iterrows()}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataFaults([Fault(f"the ranks cannot be read: {error}", str(self.path), _REMEDY)]) from error
        keys = sorted(set(theirs) | set(self.belongs_to))
        differs = [k for k in keys if theirs.get(k) != self.belongs_to.get(k)]
        if differs:
            faults = [Fault(f"the ranks belong to another {k}: {theirs.get(k)}", str(self.path), _REMEDY) for k in differs]
            raise DataFaults(faults)

    def add(self, simulation: int, ranks: dict[str, float], health: dict[str, Any]) -> None:
        """Keep the ranks of one more simulation."""
        self.ranks[simulation], self.fits[str(simulation)] = ranks, health
        record = {"belongs_to": self.belongs_to, "fits": {k: self.fits[k] for k in sorted(self.fits, key=int)}}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        _replace(self.record_path, json.dumps(record, indent=1))
        _replace(self.path, rank_table(self.ranks).to_csv())


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".writing")
    temporary.write_text(text)
    os.replace(temporary, path)


def rank_table(ranks: Mapping[int, dict[str, float]]) -> pd.DataFrame:
    """One row per ``simulation``, one column per parameter."""
    return pd.DataFrame.from_dict(dict(ranks), orient="index").sort_index().rename_axis("simulation")


def fit_health(path: str | Path) -> pd.DataFrame:
    """Health of every fit behind a file of ranks, from its record.

    Returns
    -------
    pd.DataFrame
        By ``simulation``: ``divergences``, least bulk ``ess`` and largest ``r_hat`` of the ranked parameters, ``went_on``, what
        was done beyond the draws asked for, ``seconds`` of sampling, ``finished`` (date and time); NaN for what an earlier
        release did not keep. Empty for a file of before there were records.

    """
    record = Path(path).with_suffix(".json")
    fits = json.loads(record.read_text())["fits"] if record.is_file() else {}
    table = pd.DataFrame.from_dict({int(k): v for k, v in fits.items()}, orient="index").sort_index()
    table = table.reindex(columns=list(_HEALTH)) if len(table) else table
    return table.replace({None: np.nan}).rename_axis("simulation")
