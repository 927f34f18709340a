"""Bad and awkward inputs by category, each through the command that reads it: its exit code, and one clear error or the result.

Further inputs stand beside what they test and are counted here: hostile formulas, absurd settings, damaged run folders.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_labor.commands import main
from tests.conftest import make_table
from tests.data.joint_production.test_formulas import HOSTILE
from tests.data.test_faults import SETTINGS, TABLES
from tests.engines.test_damaged import FINISHED, UNFINISHED
from tests.models.test_settings import OPTIONS

FORMULA = "experience + female + seniority"
FINE = r"^0 .*workplaces 30\b"
CSV = make_table().to_csv(index=False)
HEAD, *ROWS = CSV.splitlines()


def text(change: Callable[[str], str | bytes]) -> Callable[[Path], Path]:
    """The table as text, changed."""

    def write(folder: Path) -> Path:
        path, found = folder / "t.csv", change(CSV)
        path.write_bytes(found if isinstance(found, bytes) else found.encode())
        return path

    return write


def named(name: str, content: bytes = b"nothing of the kind") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def frame(change: Callable[[pd.DataFrame], pd.DataFrame], **options: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        change(make_table()).to_csv(folder / "t.csv", index=False, **options)
        return folder / "t.csv"

    return write


def cell(column: str, value: Any) -> Callable[[Path], Path]:
    """One value of a column, as it would be written in a file."""
    at = HEAD.split(",").index(column)

    def change(csv: str) -> str:
        rows = [r.split(",") for r in csv.splitlines()]
        rows[4][at] = f'"{value}"' if "," in value else value
        return "\n".join(",".join(r) for r in rows)

    return text(change)


def column(name: str, make: Callable[[pd.DataFrame], Any]) -> Callable[[Path], Path]:
    return frame(lambda t: t.assign(**{name: make(t)}))


def folder(inside: Path) -> Path:
    (inside / "folder.csv").mkdir()
    return inside / "folder.csv"


TABLE_FILES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "as it is": (text(lambda s: s), FINE),
    "lines of Windows": (text(lambda s: s.replace("\n", "\r\n")), FINE),
    "lines of old Macs": (text(lambda s: s.replace("\n", "\r")), FINE),
    "no line at the end": (text(str.rstrip), FINE),
    "blank lines between": (text(lambda s: s.replace("\n", "\n\n")), FINE),
    "blank lines at the end": (text(lambda s: s + "\n\n\n"), FINE),
    "quoted fields": (frame(lambda t: t, quoting=1), FINE),
    "a mark of byte order": (text(lambda s: b"\xef\xbb\xbf" + s.encode()), FINE),
    "UTF-16": (text(lambda s: s.encode("utf-16")), FINE),
    "UTF-16, big": (text(lambda s: b"\xfe\xff" + s.encode("utf-16-be")), FINE),
    "tabs": (text(lambda s: s.replace(",", "\t")), FINE),
    "semicolons": (text(lambda s: s.replace(",", ";")), FINE),
    "bars": (text(lambda s: s.replace(",", "|")), FINE),
    "decimal commas": (frame(lambda t: t, sep=";", decimal=","), FINE),
    "decimal commas and points": (
        frame(lambda t: t.assign(wage=t["wage"].map(lambda w: f"{w:.2f}".replace(".", ",")))),
        r"^2 .*wage is not a number.*such as '\d+,\d\d'",
    ),
    "columns in another order": (frame(lambda t: t[t.columns[::-1]]), FINE),
    "rows in another order": (frame(lambda t: t.sample(frac=1.0, random_state=1)), FINE),
    "columns nobody asked for": (frame(lambda t: t.assign(note="x", extra=np.nan)), FINE),
    "a column of row numbers": (frame(lambda t: t.reset_index()), FINE),
    "a nameless column of row numbers": (frame(lambda t: t.set_index(np.arange(len(t))).reset_index(names="")), FINE),
    "empty": (text(lambda s: ""), "^2 .*the file is empty"),
    "blanks only": (text(lambda s: "\n\n  \n"), "^2 .*(file is empty|no separator)"),
    "a header alone": (text(lambda s: HEAD + "\n"), "^2 .*the table has no rows"),
    "no header": (text(lambda s: "\n".join(ROWS)), "^2 .*there is no column 'workplace'"),
    "a title above the header": (
        text(lambda s: "Payroll 2019\n" + s),
        "^2 .*no separator is recognised in the first line, 'Payroll 2019'",
    ),
    "a row too long": (text(lambda s: s + "1,2,3,4,5,6,7,8,9\n"), "^2 .*rows have more fields than the header, 7.*rows 156"),
    "a row too short": (text(lambda s: s + "1,2\n"), "^2 .*missing"),
    "a total below": (text(lambda s: s + "total,,,999,,,\n"), "^2 .*workplace is missing"),
    "the header twice": (text(lambda s: s + HEAD + "\n"), "^2 .*wage is not a number"),
    "an open quote": (text(lambda s: s + '"1,2,3\n'), "^2 .*not a readable csv"),
    "binary": (text(lambda s: bytes(range(256)) * 20), "^2 .*this is no text"),
    "a page": (text(lambda s: "<html><body>404</body></html>"), "^2 .*no separator is recognised"),
    "JSON": (text(lambda s: make_table().to_json(orient="records")), "^2 "),
    "no such file": (lambda f: f / "nowhere.csv", "^2 .*there is no such file"),
    "a name misspelt": (lambda f: text(lambda s: s)(f).with_name("tt.csv"), "^2 .*did you mean 't.csv'"),
    "a folder": (folder, "^2 .*there is no such file"),
    "no ending": (named("payroll"), "^2 .*neither a file nor a sample"),
    "another ending": (named("payroll.docx"), r"^2 .*cannot read files ending in '\.docx'"),
    "Parquet that is none": (named("t.parquet"), "^2 .*not a readable parquet file"),
    "Parquet that is empty": (named("t.parquet", b""), "^2 .*not a readable parquet file"),
    "text called Parquet": (named("t.parquet", CSV.encode()), "^2 .*not a readable parquet file"),
    "Stata that is none": (named("t.dta"), "^2 .*not a readable dta file"),
    "SPSS that is none": (named("t.sav"), "^2 .*not a readable sav file"),
    "SAS that is none": (named("t.sas7bdat"), "^2 .*not a readable sas7bdat file"),
    "Excel that is none": (named("t.xlsx"), "^2 .*not a readable xlsx file"),
    "text called Excel": (named("t.xlsx", CSV.encode()), "^2 .*not a readable xlsx file"),
    "Arrow that is none": (named("t.feather"), "^2 .*not a readable feather file"),
    "packed text that is none": (named("t.csv.gz"), "^2 .*not a readable csv file"),
    "an ending in capitals": (lambda f: text(lambda s: s)(f).rename(f / "T.CSV"), FINE),
    "a name with blanks": (lambda f: text(lambda s: s)(f).rename(f / "my pay 2019.csv"), FINE),
    "a name with points": (lambda f: text(lambda s: s)(f).rename(f / "pay.2019.final.csv"), FINE),
    "a name of other letters": (lambda f: text(lambda s: s)(f).rename(f / "Löhne 工资.csv"), FINE),
}
COLUMNS: dict[str, tuple[Callable[[Path], Path], str]] = {
    **{
        f"{name} missing": (frame(lambda t, n=name: t.drop(columns=n)), f"^2 .*('{name}'|{name})")
        for name in ("workplace", "industry", "wage", "experience", "female", "seniority", "worker")
    },
    **{
        f"{name} in capitals": (frame(lambda t, n=name: t.rename(columns={n: n.upper()})), f"^2 .*'{name}'")
        for name in ("workplace", "industry", "wage", "experience", "worker")
    },
    **{
        f"{name} with a blank": (frame(lambda t, n=name: t.rename(columns={n: f"{n} "})), f"^2 .*did you mean '{name} '")
        for name in ("workplace", "industry", "wage", "experience", "worker")
    },
    **{
        f"{name} twice": (text(lambda s, n=name: s.replace(HEAD, HEAD + f",{n}", 1).replace("\n", ",1\n").replace(
            HEAD + f",{n},1\n", HEAD + f",{n}\n"
        )), "^(0|2) ")
        for name in ("wage", "experience")
    },
    "wage the same as experience": (column("experience", lambda t: t["wage"]), FINE),
    "constant characteristic": (column("female", lambda t: 1.0), "^2 .*'female' does not vary"),
    "collinear characteristics": (column("female", lambda t: 2 * t["experience"] + 1), "^2 .*combination of others"),
    "nearly collinear": (column("female", lambda t: t["experience"] + 1e-7 * t["seniority"]), "^2 .*combination of others"),
    "words in a characteristic": (column("experience", lambda t: "x" + t["worker"].astype(str)), "^2 .*combination of others"),
    "two words in a characteristic": (column("female", lambda t: np.where(t["female"] > 0, "w", "m")), FINE),
    "true and false": (column("female", lambda t: t["female"] > 0), FINE),
    "all of a characteristic missing": (column("female", lambda t: np.nan), "^2 .*female"),
    "every workplace its own industry": (column("industry", lambda t: "i" + t["workplace"].astype(str)), FINE),
    "one industry": (column("industry", lambda t: "all"), FINE),
    "industries as numbers": (column("industry", lambda t: t["workplace"] % 2), FINE),
    "every worker a workplace": (column("workplace", lambda t: t["worker"]), "^2 .*a workplace has one worker"),
    "one workplace": (frame(lambda t: t.assign(workplace=1, industry="a")), "^2 .*fewer than two workplaces"),
    "two workplaces": (frame(lambda t: t[t["workplace"] < 2]), "^0 .*workplaces 2"),
    "workers numbered within workplaces": (
        column("worker", lambda t: t.groupby("workplace").cumcount()), "^2 .*a worker appears more than once",
    ),
    "huge characteristic": (column("experience", lambda t: t["experience"] * 1e300), "^2 .*experience is beyond 1e150"),
    "tiny characteristic": (column("experience", lambda t: t["experience"] * 1e-300), "^(0|2) "),
}  # fmt: skip
NO_WAGE = "^2 .*wage (is|looks)"
VALUES: dict[str, tuple[Callable[[Path], Path], str]] = {
    **{
        f"wage {v!r}": (cell("wage", v), "^2 .*wage is missing.*rows 3")
        for v in ("", "NA", "nan", "NULL", "#N/A", "None", "-nan")
    },
    **{
        f"wage {v!r}": (cell("wage", v), "^2 .*wage is not a number.*rows 3")
        for v in ("-", ".", "?", "abc", "12 EUR", "$12", "€12", "12%", "1.2.3", "1e", "--5", "2019-01-01", "12:30", "0x1F",
                  "1_0", "confidential", "<5", "12-13", "**")
    },
    **{f"wage {v!r}": (cell("wage", v), "^2 .*wage is not positive") for v in ("0", "0.0", "-0", "-5", "-1e-9", "-99")},
    **{f"wage {v!r}": (cell("wage", v), "^2 .*wage is infinite") for v in ("inf", "-inf", "1e400")},
    **{f"wage {v!r}": (cell("wage", v), "^2 .*wage is beyond 1e150") for v in ("1e151", "9e200", "1e308")},
    **{f"wage {v!r}": (cell("wage", v), FINE) for v in ("12", "12.50", "1.25e1", " 12.5", "+12.5", "012.5", "1e-3", "1E2")},
    **{f"workplace {v!r}": (cell("workplace", v), "^2 .*workplace is missing") for v in ("",)},
    **{
        f"workplace {v!r}": (cell("workplace", v), "^2 .*a workplace has one worker")
        for v in ("NA", "nan", "-1", "00", "1e3", "x", "0.5", "ä", "O'Neill", "=1+1", "None")
    },
    **{f"worker {v!r}": (cell("worker", v), "^2 .*worker is missing") for v in ("",)},
    **{f"worker {v!r}": (cell("worker", v), FINE) for v in ("NA", "x", "007", "ä", "None", "=1+1")},
    **{f"industry {v!r}": (cell("industry", v), "^2 .*industry is missing") for v in ("",)},
    **{f"industry {v!r}": (cell("industry", v), "^2 .*several industries") for v in ("NA", "none", "Trade", "trade ", "x")},
    **{f"experience {v!r}": (cell("experience", v), "^2 .*experience is missing") for v in ("", "NA", "nan")},
    **{f"experience {v!r}": (cell("experience", v), "^2 .*experience is infinite") for v in ("inf", "-inf")},
    **{
        f"experience {v!r}": (cell("experience", v), "^2 .*experience has words among its numbers.*rows 3.*such as")
        for v in ("abc", "12 years", "?", "-", "12%")
    },
    **{f"experience {v!r}": (cell("experience", v), FINE) for v in ("0", "-3", "1e6", "+5", "5.")},
    "all wages equal": (column("wage", lambda t: 12.0), "^2 .*all wages are equal"),
    "all wages nearly equal": (column("wage", lambda t: 12.0 + 1e-9 * t["worker"]), "^2 .*all wages are equal"),
    "logarithms": (column("wage", lambda t: np.log(t["wage"] * 1000)), "^0 .*wages look like logarithms"),
    "dates for wages": (column("wage", lambda t: "2019-01-01"), "^2 .*wage is not a number"),
    "yes and no for wages": (column("wage", lambda t: t["wage"] > 12), "^2 .*wage is true or false"),
}  # fmt: skip
_WORDS = [
    "$x_1$", "a\\b", "50%", "=HYPERLINK(0)", "+1", "-1", "@x", "{brace", "^hat", "~", "#", "&amp;", "<b>", "</td>", "<script>",
    "a/b", "a|b", "tab\there", "é", "ß", "工资", "\u202eabc", "😀", "x" * 500,
    "'", "''", "`", "a;b", "NULL", "nan", "True", "0",
    "1e5", " ", "  x  ", "\u00a0", "a\u0000b"[:1], "%s", "{0}", "\\input{x}", "..", "/", "C:", "a:b", "~root", "*", "?", "[x]",
]  # fmt: skip
NAMES: dict[str, tuple[Callable[[Path], Path], str]] = {
    f"industry {w[:20]!r}": (frame(lambda t, w=w: t.assign(industry=np.where(t["industry"] == "trade", w, "b"))), FINE)
    for w in _WORDS
}
ORDINARY: dict[str, tuple[str, str]] = {
    "a sum": ("experience + seniority", FINE),
    "a product": ("experience * female + seniority", FINE),
    "an interaction": ("experience + experience:female + seniority", FINE),
    "a power in braces": ("experience + {experience**2/100} + seniority", FINE),
    "a logarithm": ("log(experience + 1) + seniority", FINE),
    "numpy's logarithm": ("np.log(experience + 1) + seniority", FINE),
    "a spline": ("bs(experience, df=4) + seniority", FINE),
    "a polynomial": ("poly(experience, 3) + seniority", FINE),
    "centered": ("center(experience) + seniority", FINE),
    "categories": ("C(female) + experience + seniority", FINE),
    "a comparison": ("{experience > 10} + seniority", FINE),
    "without a constant": ("experience + seniority - 1", FINE),
    "with a constant": ("1 + experience + seniority", FINE),
    "the wage on the left": ("wage ~ experience + seniority", FINE),
    "its logarithm on the left": ("log(wage) ~ experience + seniority", FINE),
    "another left side": ("pay ~ experience + seniority", "^2 .*would not be obeyed"),
    "fixed effects": ("experience + seniority | workplace", "^2 .*several parts"),
    "the wage on the right": ("experience + wage + seniority", "^2 .*its own covariate"),
    "a column misspelt": ("experiense + seniority", "^2 .*did you mean 'experience'"),
    "an open bracket": ("experience + (seniority", "^2 .*cannot be read"),
    "nothing after plus": ("experience + seniority +", "^2 .*cannot be read"),
    "nothing": ("", "^2 .*needs a formula"),
    "blanks": ("   ", "^2 "),
    "a number": ("1", "^2 "),
    "zero": ("0", "^2 "),
    "the same twice": ("experience + experience + seniority", FINE),
    "a multiple": ("experience + {2*experience} + seniority", "^2 .*combination of others"),
    "a power outside braces": ("experience**2 + seniority", "^2 .*power outside braces"),
    "a caret": ("experience^2 + seniority", "^2 .*power outside braces"),
    "a square root of negatives": ("{sqrt(experience - 100)} + seniority", "^2 .*not finite"),
    "a division by zero": ("{experience / (female - female)} + seniority", "^2 .*not finite"),
    "an unknown function": ("cosine(experience) + seniority", "^2 .*may not"),
    "and": ("experience and seniority", "^2 "),
    "R's I": ("I(experience**2) + experience + seniority", FINE),
    "R's factor": ("factor(female) + experience + seniority", "^2 .*may not"),
    "backticks": ("`experience` + seniority", FINE),
    "backticks misspelt": ("`experience ` + seniority", "^2 "),
    "a semicolon": ("experience; seniority", "^2 "),
    "two lines": ("experience +\nseniority", FINE),
    "other letters": ("erfahrung_ä + seniority", "^2 .*not a column"),
}
FILES = TABLE_FILES | {f"column: {k}": v for k, v in COLUMNS.items()} | {f"value: {k}": v for k, v in VALUES.items()}
FILES |= {f"name: {k}": v for k, v in NAMES.items()}


def outcome(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Exit code, what was printed and what went wrong, in one line."""
    monkeypatch.setattr("sys.argv", ["bayes-labor", *words])
    with pytest.raises(SystemExit) as left:
        main()
    captured = capsys.readouterr()
    code = int(left.value.code or 0)
    assert code in (0, 2), captured.err
    assert "Traceback" not in captured.err and (code == 0) == ("fault" not in captured.err), captured.err
    return " ".join(f"{code} {captured.out} {captured.err}".split())


@pytest.mark.parametrize("name", FILES)
def test_a_table(name: str, tmp_path: Path, monkeypatch, capsys) -> None:
    make, wanted = FILES[name]
    words = ["--formula", FORMULA, "--internal", "seniority", "--worker", "worker"]
    found = outcome(monkeypatch, capsys, "data", "joint-production", str(make(tmp_path)), *words)
    assert re.search(wanted, found), found
    several = ("total below", "header twice", "too short", "no header", "words in a characteristic")
    assert found[0] == "0" or "1 fault" in found or any(w in name for w in several), found


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_formula(name: str, tmp_path: Path, monkeypatch, capsys) -> None:
    formula, wanted = ORDINARY[name]
    words = ["--formula", formula, "--internal", "seniority", "--worker", "worker"]
    found = outcome(monkeypatch, capsys, "data", "joint-production", str(text(lambda s: s)(tmp_path)), *words)
    assert re.search(wanted, found), found


def test_there_are_hundreds_and_a_hundred_hostile_formulas() -> None:
    others = [TABLES, SETTINGS, OPTIONS, HOSTILE, FINISHED, UNFINISHED]
    assert len(FILES) + len(ORDINARY) >= 250 and sum(map(len, others)) >= 240
    assert len(HOSTILE) >= 100
