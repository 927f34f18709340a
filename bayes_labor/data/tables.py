"""Tables in: text, Parquet, Arrow, Stata, SAS, SPSS and Excel files, with ids as they are written."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.feather
import pyarrow.parquet

from bayes_labor.data.dialect import COMPRESSED, NOT_UTF8, Dialect, check_fields, number_pattern, recognise
from bayes_labor.data.faults import DataFaults, Fault, did_you_mean, first_few
from bayes_labor.data.ids import word_of
from bayes_labor.data.rows import columns_in, rows_where

_TEXT = (".csv", ".tsv", ".tab", ".txt")
_STATISTICAL = {  # ending -> reader of pyreadstat
    ".dta": "read_dta", ".sav": "read_sav", ".zsav": "read_sav", ".por": "read_por",
    ".sas7bdat": "read_sas7bdat", ".xpt": "read_xport",
}  # fmt: skip
_LABELLED = (".dta", ".sav", ".zsav", ".por")  # values may have labels
_ARROW = (".parquet", ".feather", ".arrow")
_EXCEL = (".xlsx", ".xlsm")
ENDINGS = (*_TEXT, *_ARROW, *_STATISTICAL, *_EXCEL)
"""Of files that can be read; text may be compressed: ``.csv.gz``."""


@dataclass(frozen=True)
class Reading:
    """What a user says of a file, and which rows are wanted; what is empty is recognised."""

    separator: str = ""
    decimal: str = ""
    thousands: str = ""
    encoding: str = ""
    sheet: str = ""
    """Of a workbook with several."""
    where: Sequence[str] = ()
    """Conditions that all hold in the rows to keep, such as ``year == 2019``; in the grammar of formulas' expressions."""
    codes: Sequence[str] = ()
    """Columns of a Stata or SPSS file that hold their codes rather than the labels of these."""

    @property
    def dialect(self) -> Dialect:
        """Of a text file."""
        return Dialect(self.separator, self.decimal, self.thousands, self.encoding)


def read_table(
    path: str | Path, *, text: Sequence[str] = (), columns: Sequence[str] | None = None, reading: Reading | None = None
) -> pd.DataFrame:
    """Read a table by the ending of its file's name.

    Parameters
    ----------
    path
        One of :data:`ENDINGS`, in any case.
    text
        Columns that are read as they are written: ``0012`` is not 12.
    columns
        The only columns that are needed; where one of them is missing, all are read, so that it can be named.
    reading
        How the file is written, and which rows are wanted.

    Returns
    -------
    pd.DataFrame
        Rows are numbered as in the file, from 0; ``attrs["read as"]`` says how a text file was understood.

    Raises
    ------
    DataFaults
        If the file is missing, is not what its name says, or cannot be understood in one way only.

    """
    path, reading = Path(path), reading or Reading()
    kind = kind_of(path)
    if not kind:
        remedy = "give a file, or the name of a sample that ships: `bayes-labor fit --help` lists them"
        raise DataFaults([Fault("this is neither a file nor a sample that this model knows", str(path), remedy)])
    if kind not in ENDINGS:
        remedy = f"convert it to one of {', '.join(ENDINGS)}"
        raise DataFaults([Fault(f"cannot read files ending in {kind!r}", str(path), remedy)])
    if not path.is_file():
        near = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
        remedy = did_you_mean(path.name, near) if near else "check the folder's name"
        raise DataFaults([Fault("there is no such file", str(path), remedy)])
    _refuse_idle(reading, kind)
    needed = None if columns is None else list(dict.fromkeys([*columns, *columns_in(reading.where)]))
    try:
        table: pd.DataFrame = _reader(kind)(path, kind, text, needed, reading)
    except (DataFaults, MemoryError):
        raise
    except Exception as error:  # of many libraries, for files in pieces or of another kind
        reason = " ".join(str(error).split())[:200]
        fault = Fault(f"this is not a readable {kind[1:]} file: {reason}", str(path), "write it again, or check its ending")
        raise DataFaults([fault]) from error
    return rows_where(as_frame(table, text), reading.where, text)


def kind_of(path: str | Path) -> str:
    """The ending that says how a file is read, in small letters; that of text may be before one of compression."""
    endings = [e.lower() for e in Path(path).suffixes[-2:]]
    packed = len(endings) == 2 and endings[1] in COMPRESSED and endings[0] in _TEXT
    return endings[0] if packed else endings[-1] if endings else ""


_NUMBERS = ("integer", "floating", "decimal", "mixed-integer-float")


def as_frame(table: Any, text: Collection[str] = ()) -> pd.DataFrame:
    """A table of pandas, polars, or anything else that speaks Arrow, as one of pandas. Raises DataFaults for anything else.

    Columns of objects that are all numbers, such as decimals, are numbers, but for ids, those in ``text``.
    """
    if isinstance(table, pd.DataFrame):
        loose = [] if table.columns.has_duplicates else [c for c in table.columns if table[c].dtype == object and c not in text]
        numbers = [c for c in loose if pd.api.types.infer_dtype(table[c], skipna=True) in _NUMBERS]
        return table.assign(**{c: pd.to_numeric(table[c]) for c in numbers}) if numbers else table
    if hasattr(table, "__arrow_c_stream__"):
        return as_frame(_from_arrow(pa.table(table)), text)
    what = f"a table of kind {type(table).__name__} cannot be read"
    raise DataFaults([Fault(what, "the table", "give a frame of pandas or polars (a lazy one collected), or an Arrow table")])


def _refuse_idle(reading: Reading, kind: str) -> None:
    """Raises DataFaults for what is said of another kind of file."""
    idle = [n for n in ("separator", "decimal", "thousands", "encoding") if getattr(reading, n) and kind not in _TEXT]
    idle += ["sheet"] if reading.sheet and kind not in _EXCEL else []
    idle += ["codes"] if reading.codes and kind not in _LABELLED else []
    if idle:
        raise DataFaults([Fault(f"a {kind} file has no {n}", f"--{n}", "leave it out") for n in idle])


def _reader(kind: str) -> Callable[[Path, str, Sequence[str], list[str] | None, Reading], pd.DataFrame]:
    if kind in _TEXT:
        return _read_text
    return _read_arrow if kind in _ARROW else _read_excel if kind in _EXCEL else _read_statistical


def _read_text(path: Path, kind: str, text: Sequence[str], columns: list[str] | None, reading: Reading) -> pd.DataFrame:
    dialect = recognise(path, reading.dialect, text)
    others = [] if reading.encoding else [replace(dialect, encoding=e) for e in NOT_UTF8]
    for tried in (dialect, *others):  # the beginning may be plain, and a name further down not
        try:
            table = _parsed(path, text, columns, tried)
        except UnicodeDecodeError:
            if tried is (others or [dialect])[-1]:
                raise
        else:
            table.attrs["read as"] = str(tried)
            break
    return table


def _parsed(path: Path, text: Sequence[str], columns: list[str] | None, dialect: Dialect) -> pd.DataFrame:
    """Columns named in ``text`` as they are written: an industry may be called NA, and only nothing at all is missing there."""
    how: dict[str, Any] = {"sep": dialect.separator, "decimal": dialect.decimal, "encoding": dialect.encoding}
    how["skiprows"] = dialect.lines_before
    header = list(pd.read_csv(path, nrows=0, **how).columns)
    _refuse_twice(dialect.twice, columns)
    check_fields(path, dialect)  # where columns are chosen, fields beyond the header are dropped in silence
    table: pd.DataFrame = pd.read_csv(path, dtype=dict.fromkeys(text, str), usecols=_there(columns, header), **how)
    named = [c for c in dict.fromkeys(text) if c in table.columns and table[c].isna().any()]
    if named:
        table[named] = pd.read_csv(path, usecols=named, dtype=str, keep_default_na=False, na_values=[""], **how)[named]
    return _without_thousands(table, [c for c in table.columns if c not in text], dialect) if dialect.thousands else table


def _without_thousands(table: pd.DataFrame, columns: Sequence[str], dialect: Dialect) -> pd.DataFrame:
    """The table with columns of numbers whose thousands are set off as numbers."""
    pattern = number_pattern(dialect.decimal, dialect.thousands)
    for c in columns:
        if pd.api.types.is_string_dtype(table[c].dtype):
            words = table[c].str.strip()
            if words.dropna().str.fullmatch(pattern).all():
                plain = words.str.replace(dialect.thousands, "", regex=False).str.replace(dialect.decimal, ".", regex=False)
                table[c] = pd.to_numeric(plain)
    return table


def _refuse_twice(twice: Sequence[str], columns: list[str] | None) -> None:
    """Raises DataFaults if one of the columns that are needed is among names that occur twice."""
    found = [c for c in dict.fromkeys(twice) if columns is None or c in columns]
    if found:
        raise DataFaults([Fault("a column name occurs twice", first_few(found), "rename or drop one of them")])


def _twice(names: Sequence[Any]) -> list[str]:
    return [str(name) for name, times in Counter(names).items() if times > 1]


def _there(columns: list[str] | None, header: Sequence[str]) -> list[str] | None:
    """The columns that are needed if all of them are there, else None: all."""
    return columns if columns is not None and set(columns) <= set(header) else None


def _read_arrow(path: Path, kind: str, text: Sequence[str], columns: list[str] | None, reading: Reading) -> pd.DataFrame:
    """Text as categories, handed over column by column."""
    if kind == ".parquet":
        names = pa.parquet.read_schema(path).names
        _refuse_twice(_twice(names), columns)
        wanted = _there(columns, names)
        table = pa.parquet.read_table(path, columns=wanted)
    else:
        table = pa.feather.read_table(path)
        _refuse_twice(_twice(table.column_names), columns)
        wanted = _there(columns, table.column_names)
        table = table.select(wanted) if wanted else table
    if wanted is None:
        return _from_arrow(table)
    words = [f.name for f in table.schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
    frame = _from_arrow(table, split_blocks=True, self_destruct=True, strings_to_categorical=True)
    # Levels in alphabetical order, as if the column were text, not in order of appearance.
    found: pd.DataFrame = frame.assign(**{c: frame[c].cat.reorder_categories(sorted(frame[c].cat.categories)) for c in words})
    return found


_EXACT = 2**53  # whole numbers beyond are no floats


def _from_arrow(table: pa.Table, **how: bool) -> pd.DataFrame:
    """The table; whole numbers beyond :data:`_EXACT` stay what they are where some are missing: as floats, ids would merge."""
    exact = {name: column.to_pandas(types_mapper=_NULLABLE.get) for name, column in _beyond_floats(table)}
    found: pd.DataFrame = table.to_pandas(**how)
    return found.assign(**exact) if exact else found


_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}


def _beyond_floats(table: pa.Table) -> Iterator[tuple[str, pa.ChunkedArray]]:
    for name in table.column_names:
        if table.schema.names.count(name) == 1 and table.schema.field(name).type in _NULLABLE:
            column = table.column(name)
            if 0 < column.null_count < len(column):
                ends = pa.compute.min_max(column).as_py()
                if max(-ends["min"], ends["max"]) > _EXACT:
                    yield name, column


_RECORD = 80  # bytes, of which a SAS transport file is a whole number


def _read_statistical(path: Path, kind: str, text: Sequence[str], columns: list[str] | None, reading: Reading) -> pd.DataFrame:
    """Values that have labels as their labels; what the file calls missing is missing.

    Raises DataFaults where a column of numbers that is needed has labels for some of its values only.
    """
    import pyreadstat

    read = getattr(pyreadstat, _STATISTICAL[kind])
    _, about = read(str(path), metadataonly=True)
    _refuse_twice(_twice(about.column_names), columns)
    if kind == ".xpt" and path.stat().st_size % _RECORD:
        raise DataFaults([Fault("the file ends in the middle of a record: it is cut short", str(path), "copy it again")])
    unknown = [c for c in reading.codes if c not in about.column_names]
    if unknown:
        raise DataFaults([Fault(f"there is no column {unknown[0]!r}", "--codes", did_you_mean(unknown[0], about.column_names))])
    table, _ = read(str(path), usecols=_there(columns, about.column_names))
    blank = {c: table[c].mask(table[c] == "") for c in table.columns if pd.api.types.is_string_dtype(table[c].dtype)}
    found: pd.DataFrame = table.assign(**blank)  # these formats know no other missing text
    labels = {c: about.variable_value_labels.get(c, {}) for c in found.columns if c not in reading.codes}
    faults = [f for c in labels if columns and c in columns and c not in text for f in _half_labelled(found[c], labels[c])]
    if faults:
        raise DataFaults(faults)
    return found.assign(**{c: _labelled(found[c], known) for c, known in labels.items() if known})


def _labelled(column: pd.Series, labels: Mapping[Any, str]) -> pd.Series:
    """Labels in place of values, if any of these has one; values with one label in common are told apart by their codes.

    A label that only repeats its value, or stands for none that occurs, is none.
    """
    held = column.dropna().unique()
    told = _told(held, labels)
    if not told:
        return column
    names = {v: told.get(v, word_of(v)) for v in held}
    shared = {name for name, times in Counter(names.values()).items() if times > 1}
    names = {v: f"{name} ({word_of(v)})" if name in shared else name for v, name in names.items()}
    return column.map(names, na_action="ignore").astype(object)


def _told(held: Iterable[Any], labels: Mapping[Any, str]) -> dict[Any, str]:
    """Labels by value, of values that occur and say something else."""
    return {v: str(labels[v]) for v in held if v in labels and str(labels[v]).strip() != word_of(v)}


def _half_labelled(column: pd.Series, labels: Mapping[Any, str]) -> Iterator[Fault]:
    """A fault for numbers some of which have labels: whether 99 is many years or no answer cannot be told."""
    if not labels or not pd.api.types.is_numeric_dtype(column):
        return
    held = column.dropna().unique()
    told = _told(held, labels)
    if told and len(told) < len(held):
        named = first_few([f"{word_of(v)} = {label[:40]!r}" for v, label in told.items()], show=3)
        remedy = (
            f"if they are numbers all the same, --codes {column.name}, and --where to leave rows out; else label all values"
        )
        yield Fault(f"{column.name} has labels for {len(told)} of its {len(held)} values", named, remedy)


def _read_excel(path: Path, kind: str, text: Sequence[str], columns: list[str] | None, reading: Reading) -> pd.DataFrame:
    with pd.ExcelFile(path) as book:
        sheets = [str(s) for s in book.sheet_names]
        if reading.sheet and reading.sheet not in sheets:
            what = f"there is no sheet {reading.sheet!r}"
            raise DataFaults([Fault(what, str(path), f"--sheet: {did_you_mean(reading.sheet, sheets)}")])
        if len(sheets) > 1 and not reading.sheet:
            what = f"the workbook has {len(sheets)} sheets: {first_few(sheets)}"
            raise DataFaults([Fault(what, str(path), "say which: --sheet NAME")])
        sheet = reading.sheet or sheets[0]
        header = pd.read_excel(book, sheet, header=None, nrows=1, dtype=object).to_numpy().ravel().tolist()
        _refuse_twice(_twice([name for name in header if not pd.isna(name)]), columns)
        table = pd.read_excel(book, sheet, dtype=dict.fromkeys(text, str))
        named = [c for c in dict.fromkeys(text) if c in table.columns and table[c].isna().any()]
        if named:
            table[named] = pd.read_excel(book, sheet, usecols=named, dtype=str, keep_default_na=False, na_values=[""])[named]
    wanted = _there(columns, list(table.columns))
    return table if wanted is None else table[wanted]


def moments_with_errors(
    source: str, columns: Mapping[str, str], known: Sequence[str], positive: bool = True, reading: Reading | None = None
) -> pd.DataFrame:
    """A file with a row per moment and columns ``moment``, ``value`` and ``se``, indexed by moment; every fault at once."""
    table = renamed(read_table(source, text=[columns.get("moment", "moment")], reading=reading), columns)
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
