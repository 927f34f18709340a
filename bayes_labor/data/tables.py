"""Tables in: Parquet and CSV files, with ids as they are written."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_labor.data.faults import DataFaults, Fault, did_you_mean


def read_table(path: str | Path, kind: str | None = None, text: Sequence[str] = ()) -> pd.DataFrame:
    """Read a Parquet or CSV file by its ending; one clear error if it is missing or is not what its name says.

    Columns named in ``text`` are read from CSV as they are written there: ``0012`` is not 12.
    """
    path = Path(path)
    kind = kind or path.suffix.lower()
    readers: dict[str, Any] = {".parquet": pd.read_parquet, ".csv": partial(_read_csv, text=text)}
    if kind not in readers:
        raise DataFaults([Fault(f"cannot read files ending in {kind!r}", str(path), "convert it to .parquet or .csv")])
    if not path.is_file():
        near = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
        remedy = did_you_mean(path.name, near) if near else "check the folder's name"
        raise DataFaults([Fault("there is no such file", str(path), remedy)])
    try:
        if kind == ".csv":
            _check_separator(path)
        return readers[kind](path)
    except DataFaults:
        raise
    except (OSError, ValueError, UnicodeDecodeError) as error:
        fault = Fault(f"this is not a readable {kind[1:]} file: {error}", str(path), "write it again, or check its ending")
        raise DataFaults([fault]) from error


def _read_csv(path: Path, text: Sequence[str]) -> pd.DataFrame:
    """Columns named in ``text`` as they are written: an industry may be called NA, and only nothing at all is missing there."""
    table = pd.read_csv(path, dtype=dict.fromkeys(text, str))
    named = [c for c in dict.fromkeys(text) if c in table.columns and table[c].isna().any()]
    if named:
        table[named] = pd.read_csv(path, usecols=named, dtype=str, keep_default_na=False, na_values=[""])[named]
    return table


def _check_separator(path: Path) -> None:
    """Raises DataFaults if the first line has more of another separator than commas."""
    with path.open("rb") as file:
        line = re.sub(rb'"[^"]*"', b"", file.readline(100_000)).decode("latin-1")
    for sign, name in ((";", "';'"), ("\t", "a tab"), ("|", "'|'")):
        if line.count(sign) > line.count(","):
            remedy = f"write it with commas, or read it by pandas.read_csv(path, sep={sign!r}) and use Workforce.from_frame"
            raise DataFaults([Fault(f"the file is separated by {name}, not by commas", str(path), remedy)])


def renamed(table: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """The table with our names for the user's ``columns``; one error if one is not there."""
    absent = [c for c in columns.values() if c not in table]
    if absent:
        raise DataFaults([Fault(f"there is no column {absent[0]!r}", "--column", did_you_mean(absent[0], table.columns))])
    return table.rename(columns={theirs: ours for ours, theirs in columns.items()})
