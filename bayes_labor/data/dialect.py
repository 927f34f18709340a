"""How a text table is written: separator, decimal sign, thousands and encoding, recognised from its beginning or named.

Nothing is guessed that could turn a number: where 3.150 may be three thousand or three, the user is asked.
"""

import bz2
import codecs
import csv
import gzip
import io
import lzma
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from bayes_labor.data.faults import DataFaults, Fault, first_few

_SAMPLE, _ROWS = 1 << 18, 2_000  # bytes and rows that are looked at
_SHOWN = 5  # rows with too many fields
SEPARATORS = {",": "commas", ";": "';'", "\t": "tabs", "|": "'|'"}
_WORDS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "space": " ", "point": ".", "dot": "."}
_OPEN: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
COMPRESSED = (*_OPEN, ".zip")
NOT_UTF8 = ("cp1252", "latin-1")
"""Western European text of Windows; and what takes every byte: ids stay apart in either."""
_BLANKS = " \u00a0\u202f'\u2019"  # what stands between thousands, beside the other of point and comma
_CONVENTIONS = [(".", ""), (",", ""), (".", ","), (",", "."), *((d, t) for t in _BLANKS for d in ".,")]
_SAYS = re.compile(r"\ufeff?sep=(.)\r?\n", re.IGNORECASE)
_NUMBERLIKE = re.compile(rf"[+-]?\d[\d.,{_BLANKS}]*(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class Dialect:
    """Empty: to be recognised."""

    separator: str = ""
    decimal: str = ""
    thousands: str = ""
    encoding: str = ""
    twice: tuple[str, ...] = ()
    """Names that the header has twice."""
    lines_before: int = 0
    """Lines before the header: Excel's, that names the separator."""

    def __str__(self) -> str:
        marks = {",": "comma", ".": "point"}
        words = [f"separated by {SEPARATORS.get(self.separator, repr(self.separator))}"]
        words += [f"decimal {marks.get(self.decimal, repr(self.decimal))}"]
        words += [f"thousands by {marks.get(self.thousands, repr(self.thousands))}"] if self.thousands else []
        return ", ".join([*words, self.encoding])


def number_pattern(decimal: str, thousands: str) -> str:
    """Regular expression of a whole number or one with a decimal sign, its thousands set off or not."""
    grouped = rf"[1-9]\d{{0,2}}(?:{re.escape(thousands)}\d{{3}})+" if thousands else r"\d+"
    return rf"[+-]?(?:{grouped}|\d+)(?:{re.escape(decimal)}\d+)?(?:[eE][+-]?\d+)?"


def recognise(path: Path, asked: Dialect, text: Sequence[str] = ()) -> Dialect:
    """What of ``asked`` is empty is read off the file's beginning; columns named in ``text`` are no numbers.

    Raises DataFaults for what cannot be told, with the option that tells it.
    """
    named = {n: getattr(asked, n) for n in ("separator", "decimal", "thousands", "encoding")}
    asked = Dialect(**{n: _WORDS.get(v.lower(), v) for n, v in named.items()})
    long = [n for n in ("separator", "decimal", "thousands") if len(getattr(asked, n)) > 1]
    if long:
        raise DataFaults([Fault(f"{getattr(asked, n)!r} is no single sign", f"--{n}", "e.g. ';' or tab") for n in long])
    if asked.decimal and asked.decimal == asked.thousands:
        raise DataFaults([Fault("one sign for decimals and thousands", "--decimal, --thousands", "name two, or one of them")])
    sample, whole = _beginning(path)
    encoding = asked.encoding or _encoding(sample, path)
    try:
        words = codecs.getincrementaldecoder(encoding)().decode(sample, whole)
    except LookupError:
        raise DataFaults([Fault(f"there is no encoding {encoding!r}", "--encoding", "e.g. utf-8, cp1252, latin-1")]) from None
    except UnicodeDecodeError:
        raise DataFaults([Fault(f"the file is not written in {encoding}", str(path), "--encoding, e.g. cp1252")]) from None
    said = _SAYS.match(words)
    if said:
        words, asked = words[said.end() :], replace(asked, separator=asked.separator or said[1], lines_before=1)
    found = replace(asked, encoding=encoding, separator=asked.separator or _separator(words, whole, path))
    rows = _rows(words, found.separator, whole)
    twice = tuple(dict.fromkeys(name for i, name in enumerate(rows[0]) if name in rows[0][:i]))
    columns = {name: [r[i].strip() for r in rows[1:] if i < len(r) and r[i].strip()] for i, name in enumerate(rows[0])}
    decimal, thousands = _numbers({k: v for k, v in columns.items() if k not in text}, found, path)
    return replace(found, decimal=decimal, thousands=thousands, twice=twice)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """A file's bytes, uncompressed."""
    if path.suffix != ".zip":
        with _OPEN.get(path.suffix, open)(path, "rb") as file:
            yield file
        return
    with zipfile.ZipFile(path) as box:
        inside = [i for i in box.infolist() if not i.is_dir()]
        if len(inside) != 1:
            raise DataFaults([Fault(f"the archive holds {len(inside)} files", str(path), "pack the table alone")])
        with box.open(inside[0]) as file:
            yield file


def _beginning(path: Path) -> tuple[bytes, bool]:
    """(the first bytes, uncompressed; whether that is all)."""
    with _opened(path) as file:
        sample = file.read(_SAMPLE + 1)
    return sample[:_SAMPLE], len(sample) <= _SAMPLE


def check_fields(path: Path, dialect: Dialect) -> None:
    """Raises DataFaults that name the first rows with more fields than the header, or a quote that does not end."""
    beyond, place, header = list[int](), -1, 0
    with _opened(path) as file, io.TextIOWrapper(file, dialect.encoding, newline="") as text:
        for _ in range(dialect.lines_before):
            text.readline()
        try:
            for row in csv.reader(text, delimiter=dialect.separator):
                if row:
                    header, place = header or len(row), place + 1
                    if len(row) > header:
                        beyond.append(place - 1)
                    if len(beyond) == _SHOWN:
                        break
        except csv.Error as error:
            where, remedy = f"after row {max(place - 1, 0)}", "look for a quote that does not end"
            raise DataFaults([Fault(f"a field cannot be read: {error}", where, remedy)]) from None
    if beyond:
        remedy = "quote fields that hold the separator, or correct these rows"
        raise DataFaults([Fault(f"rows have more fields than the header, {header}", f"rows {first_few(beyond)}", remedy)])


def _encoding(sample: bytes, path: Path) -> str:
    for mark, name in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if sample.startswith(mark):
            return name
    if b"\0" in sample:
        raise DataFaults([Fault("this is no text", str(path), "check the file's ending: it says how the file is read")])
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
        return "utf-8"
    except UnicodeDecodeError:
        return next(e for e in NOT_UTF8 if _decodes(sample, e))


def _decodes(sample: bytes, encoding: str) -> bool:
    try:
        sample.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _rows(words: str, separator: str, whole: bool) -> list[list[str]]:
    """The first rows that are not empty, without the last one of a beginning, which may be cut."""
    found: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(words, newline=""), delimiter=separator):
            if row:
                found.append(row)
            if len(found) > _ROWS:
                break
    except csv.Error:  # a field that is longer than any number or word
        return found or [[""]]
    return (found if whole or len(found) < 3 else found[:-1]) or [[""]]


def _separator(words: str, whole: bool, path: Path) -> str:
    """The sign by which every row has as many fields as the header, at least two; of several, the one with most fields."""
    rows = {sign: _rows(words, sign, whole) for sign in SEPARATORS}
    even = {s: len(r[0]) for s, r in rows.items() if len({len(x) for x in r}) == 1}
    found = max(even or {s: len(r[0]) for s, r in rows.items()}, key=lambda s: len(rows[s][0]))
    if len(rows[found][0]) > 1:
        return found
    ragged = max(rows, key=lambda s: len(rows[s][0]))  # the reader says which line is short
    if len(rows[ragged][0]) > 1:
        return ragged
    first = words.splitlines()[0][:60] if words.strip() else ""
    what = "the file is empty" if not first else f"no separator is recognised in the first line, {first!r}"
    raise DataFaults([Fault(what, str(path), "name it: --separator ';' (or tab)")])


def _numbers(columns: dict[str, list[str]], asked: Dialect, path: Path) -> tuple[str, str]:
    """(decimal sign, sign between thousands) under which the columns that look like numbers are numbers.

    Raises DataFaults where two readings give other numbers and nothing else in the file decides.
    """
    speaking = {
        name: values
        for name, values in columns.items()
        if values and all(_NUMBERLIKE.fullmatch(v) for v in values) and not all(v.lstrip("+-").isdecimal() for v in values)
    }
    known = [
        (d, t) for d, t in _CONVENTIONS
        if (not asked.decimal or d == asked.decimal) and (not asked.thousands or t == asked.thousands)
    ] or [(asked.decimal or ".", asked.thousands)]  # fmt: skip
    read = {c: sum(_fits(values, *c) for values in speaking.values()) for c in known}
    best = [c for c in known if read[c] == max(read.values())]
    first = best[0]
    if asked.separator == "," and not (asked.decimal or asked.thousands) and (".", "") in best:
        return first
    for other in best[1:]:
        for name, values in speaking.items():
            told = next((v for v in values if _differs(v, first, other)), None)
            if told is not None and _fits(values, *first) and _fits(values, *other):
                what = f"{name}: {told} may be {_value(told, *first):g} or {_value(told, *other):g}"
                raise DataFaults([Fault(what, str(path), "say which: --decimal , or --decimal . (and --thousands)")])
    return first


def _fits(values: list[str], decimal: str, thousands: str) -> bool:
    pattern = re.compile(number_pattern(decimal, thousands))
    return all(pattern.fullmatch(v) for v in values)


def _value(number: str, decimal: str, thousands: str) -> float:
    return float((number.replace(thousands, "") if thousands else number).replace(decimal, "."))


def _differs(number: str, one: tuple[str, str], other: tuple[str, str]) -> bool:
    return _fits([number], *one) and _fits([number], *other) and _value(number, *one) != _value(number, *other)
