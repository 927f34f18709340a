"""Tables in: Parquet and CSV files, with ids as they are written."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_labor.data.faults import DataFaults, Fault, did_you_mean


def read_table(path: str | Path, kind: str | None = None, text: Sequence[str] = ()) -> pd.DataFrame:
    """Read a Parquet or CSV file by its ending; one clear error if it is missing or is not what its name says.

    Columns named in ``text`` are read from CSV as they are written there: ``0012`` is not 12.
    """
    path = Path(path)
    kind = kind or path.suffix.lower()
    readers: dict[str, Any] = {".parquet": pd.read_parquet, ".csv": partial(_read_csv, text=text)}
    if not kind:
        remedy = "give a .parquet or .csv file, or the name of a sample that ships: `bayes-labor fit --help` lists them"
        raise DataFaults([Fault("this is neither a file nor a sample that this model knows", str(path), remedy)])
    if kind not in readers:
        raise DataFaults([Fault(f"cannot read files ending in {kind!r}", str(path), "convert it to .parquet or .csv")])
    if not path.is_file():
        near = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
        remedy = did_you_mean(path.name, near) if near else "check the folder's name"
        raise DataFaults([Fault("there is no such file", str(path), remedy)])
    try:
        if kind == ".csv":
            _check_separator(path)
        found: pd.DataFrame = readers[kind](path)
        return found
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


def moments_with_errors(source: str, columns: Mapping[str, str], known: Sequence[str], positive: bool = True) -> pd.DataFrame:
    """A file with a row per moment and columns ``moment``, ``value`` and ``se``, indexed by moment; every fault at once."""
    table = renamed(read_table(source, text=[columns.get("moment", "moment")]), columns)
    lacking = [c for c in ("moment", "value", "se") if c not in table]
    if lacking:
        raise DataFaults([Fault(f"columns {', '.join(lacking)} are missing", source, "moment, value and se")])
    if table.empty:
        raise DataFaults([Fault("the table has no rows", source, f"a row per moment: {', '.join(known)}")])
    words = [c for c in ("value", "se") if not pd.api.types.is_numeric_dtype(table[c])]
    if words:
        raise DataFaults([Fault(f"{', '.join(words)} are not numbers", source, "shares as 0.61, not as 61%")])
    found = table.set_index(table["moment"].astype(str))[["value", "se"]].astype(np.float64)
    faults = [Fault(f"there is no moment {m!r}", source, did_you_mean(m, known)) for m in found.index if m not in known]
    faults += [Fault(f"the moment {m!r} has two rows", source, "keep one") for m in found.index[found.index.duplicated()]]
    bad = found.index[~(np.isfinite(found["value"]) & np.isfinite(found["se"]) & (found["se"] > 0))]
    faults += [Fault(f"{m}: value and se must be finite, se positive", source, "correct them") for m in bad]
    low = found.index[positive & (found["value"] <= 0)]
    faults += [Fault(f"{m} is not positive", source, "all of these are shares, rates or sizes") for m in low]
    if faults:
        raise DataFaults(faults)
    return found


def renamed(table: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """The table with our names for the user's ``columns``; one error if one is not there."""
    absent = [c for c in columns.values() if c not in table]
    if absent:
        raise DataFaults([Fault(f"there is no column {absent[0]!r}", "--column", did_you_mean(absent[0], table.columns))])
    return table.rename(columns={theirs: ours for ours, theirs in columns.items()})
