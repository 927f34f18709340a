"""One payroll in every format: the same workforce; what cannot be told is asked, never guessed."""

import bz2
import gzip
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pyreadstat
import pytest
from typer.testing import CliRunner

from bayes_labor.commands import app
from bayes_labor.data import DataFaults, Personnel, Workforce, personnel, read_table
from bayes_labor.data.ids import as_text
from bayes_labor.data.joint_production.remarks import remarks
from bayes_labor.data.tables import Reading
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models import JointProductionSpec
from bayes_labor.posteriors import fit
from bayes_labor.posteriors.joint_production.system import JOINT_PRODUCTION
from bayes_labor.posteriors.verbs import Source, open_run
from tests.conftest import FORMULA, make_table

NAMES = {"workplace": "plant", "industry": "nace", "wage": "monthly_pay", "worker": "pid"}


def payroll() -> pd.DataFrame:
    """With ids of leading zeros, an industry called NA, letters beyond ASCII and wages of thousands."""
    table = make_table().rename(columns=NAMES)
    table["plant"] = table["plant"].map(lambda i: f"{i:04d}" if i != 12 else "12")
    table["nace"] = table["nace"].map({"trade": "NA", "services": "Gebäude, Dienste"})
    table["monthly_pay"] = (100 * table["monthly_pay"]).round(2)
    table = table.round({"experience": 3, "seniority": 3})  # what writes workbooks keeps sixteen digits, not seventeen
    return table


def continental(number: float) -> str:
    return f"{number:,.2f}".translate(str.maketrans(",.", ".,"))


WRITERS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    "plain.csv": lambda t, f: t.to_csv(f, index=False),
    "continental.csv": lambda t, f: t.to_csv(f, index=False, sep=";", decimal=",", encoding="cp1252"),
    "thousands.csv": lambda t, f: t.assign(monthly_pay=t["monthly_pay"].map(continental)).to_csv(
        f, index=False, sep=";", decimal=","
    ),
    "english.csv": lambda t, f: t.assign(monthly_pay=t["monthly_pay"].map("{:,.2f}".format)).to_csv(f, index=False),
    "swiss.csv": lambda t, f: t.assign(monthly_pay=t["monthly_pay"].map("{:,.2f}".format).str.replace(",", "'")).to_csv(
        f, index=False, sep="\t"
    ),
    "french.txt": lambda t, f: t.assign(
        monthly_pay=t["monthly_pay"].map("{:,.2f}".format).str.replace(",", "\u202f").str.replace(".", ",")
    ).to_csv(f, index=False, sep=";", decimal=",", encoding="utf-16"),
    "excel.csv": lambda t, f: f.write_text("sep=;\n" + t.to_csv(None, index=False, sep=";", decimal=","), encoding="utf-8-sig"),
    "bom.csv": lambda t, f: t.to_csv(f, index=False, encoding="utf-8-sig"),
    "packed.csv.gz": lambda t, f: t.to_csv(f, index=False),
    "packed.csv.zip": lambda t, f: t.to_csv(f, index=False),
    "packed.tsv.xz": lambda t, f: t.to_csv(f, index=False, sep="\t"),
    "bars.CSV": lambda t, f: t.to_csv(f, index=False, sep="|"),
    "a.parquet": lambda t, f: t.to_parquet(f),
    "a.feather": lambda t, f: t.to_feather(f),
    "a.dta": lambda t, f: t.to_stata(f, write_index=False),
    "a.sav": lambda t, f: pyreadstat.write_sav(t, str(f)),
    "a.xpt": lambda t, f: pyreadstat.write_xport(t, str(f)),
    "a.xlsx": lambda t, f: t.to_excel(f, index=False),
}


def read(path: Path, reading: Reading | None = None, **options: object) -> Workforce:
    return Workforce.from_file(path, FORMULA, ["seniority"], reading=reading, **(NAMES | options))


@pytest.fixture(scope="module")
def known() -> Workforce:
    return Workforce.from_frame(payroll(), FORMULA, ["seniority"], **NAMES)


@pytest.mark.parametrize("name", WRITERS)
def test_one_payroll_in_every_format(name: str, known: Workforce, tmp_path: Path) -> None:
    WRITERS[name](payroll(), tmp_path / name)
    found = read(tmp_path / name)
    assert found.fingerprint == known.fingerprint
    assert found.industries == ("Gebäude, Dienste", "NA") and "12" in found.workplaces and "0011" in found.workplaces


@pytest.mark.long
def test_one_payroll_in_every_format_has_the_same_draws(known: Workforce, tmp_path: Path) -> None:
    """Bit for bit, whatever the file it came in."""
    drawn = {}
    for name in ("plain.csv", "continental.csv", "french.txt", "a.parquet", "a.dta", "a.sav", "a.xpt", "a.xlsx"):
        WRITERS[name](payroll(), tmp_path / name)
        tree = fit(read(tmp_path / name), JointProductionSpec(spec="linear"), draws=40, tune=60, chains=2, seed=3)
        drawn[name] = tree["posterior"].to_dataset()
    for name, draws in drawn.items():
        for variable in ("gamma", "A", "sigma"):
            np.testing.assert_array_equal(draws[variable], drawn["plain.csv"][variable], err_msg=f"{name}: {variable}")


def test_frames_of_polars_and_arrow(known: Workforce) -> None:
    for table in (pl.from_pandas(payroll()), pa.Table.from_pandas(payroll())):
        assert Workforce.from_frame(table, FORMULA, ["seniority"], **NAMES).fingerprint == known.fingerprint
    with pytest.raises(DataFaults, match="LazyFrame cannot be read"):
        Workforce.from_frame(pl.from_pandas(payroll()).lazy(), FORMULA, ["seniority"], **NAMES)
    panel = personnel().table.head(300)
    panel = panel[panel["id"] != panel["id"].iloc[-1]]
    assert Personnel(pl.from_pandas(panel)).fingerprint == Personnel(panel).fingerprint


def faults_of(path: Path, reading: Reading | None = None, **options: object) -> str:
    with pytest.raises(DataFaults) as caught:
        read_table(path, reading=reading, **options)
    return " ".join(str(caught.value).split())


def test_a_number_that_may_be_two_is_asked(tmp_path: Path) -> None:
    """3.150 is three thousand to one half of the world."""
    path = tmp_path / "t.csv"
    path.write_text("plant;pay\n1;3.150\n2;2.950\n3;950\n")
    assert "pay: 3.150 may be 3.15 or 3150" in faults_of(path) and "--decimal" in faults_of(path)
    assert read_table(path, reading=Reading(decimal=".")).pay.tolist() == [3.15, 2.95, 950.0]
    assert read_table(path, reading=Reading(decimal=",")).pay.tolist() == [3150, 2950, 950]
    assert read_table(path, reading=Reading(thousands="point")).pay.tolist() == [3150, 2950, 950]
    path.write_text("plant;pay;rate\n1;3.150;0,5\n2;2.950;1,25\n3;950;2\n")  # another column decides
    assert read_table(path).pay.tolist() == [3150, 2950, 950]
    path.write_text("plant;pay;rate\n1;3.150;0.5\n2;2.950;1.25\n3;950;2\n")
    assert read_table(path).pay.tolist() == [3.15, 2.95, 950.0]
    path.write_text('plant,pay\n1,"3,150"\n2,"2,950"\n')
    assert "may be" in faults_of(path)
    assert read_table(path, reading=Reading(thousands=",")).pay.tolist() == [3150, 2950]
    path.write_text("plant,pay\n1,3.150\n2,2.950\n")  # commas between fields: points are decimal
    assert read_table(path).pay.tolist() == [3.15, 2.95]


def test_what_cannot_be_told_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("plant pay\n1 2\n")
    assert "no separator is recognised" in faults_of(path) and "--separator" in faults_of(path)
    assert read_table(path, reading=Reading(separator="space")).columns.tolist() == ["plant", "pay"]
    path.write_text("")
    assert "the file is empty" in faults_of(path)
    path.write_bytes(b"\x00\x01\x02\x03")
    assert "this is no text" in faults_of(path)
    path.write_text("a,b\n1,2\n1,2,3\n")
    assert "rows have more fields than the header, 2" in faults_of(path) and "rows 1 " in faults_of(path)
    path.write_text('a,b\n1,2\n"1,2\n')
    assert "not a readable csv file" in faults_of(path)
    path.write_text("a,b,a\n1,2,3\n")
    assert "a column name occurs twice" in faults_of(path) and read_table(path, columns=["b"]).b.tolist() == [2]
    path.write_text("a,b\n1,2\n")
    assert "is no single sign" in faults_of(path, Reading(separator=";;"))
    assert "there is no encoding 'klingon'" in faults_of(path, Reading(encoding="klingon"))
    assert "one sign for decimals and thousands" in faults_of(path, Reading(decimal=",", thousands=","))
    path.write_bytes("a,b\nä,2\n".encode("cp1252"))
    assert "not written in utf-8" in faults_of(path, Reading(encoding="utf-8"))
    assert read_table(path).a.tolist() == ["ä"] and "cp1252" in read_table(path).attrs["read as"]
    payroll().to_parquet(tmp_path / "t.parquet")
    assert "a .parquet file has no decimal" in faults_of(tmp_path / "t.parquet", Reading(decimal=","))


def test_letters_beyond_the_beginning_are_read(tmp_path: Path) -> None:
    """The first quarter of a megabyte may be plain ASCII."""
    rows = "".join(f"plant {i},1.5\n" for i in range(40_000))
    (tmp_path / "t.csv").write_bytes(("a,b\n" + rows + "Büro,2.5\n").encode("cp1252"))
    assert read_table(tmp_path / "t.csv").a.iloc[-1] == "Büro"


def test_packed_files_in_pieces(tmp_path: Path) -> None:
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n" * 100)[:-20])
    (tmp_path / "t.csv.bz2").write_bytes(bz2.compress(b"a,b\n1,2\n")[:10])
    (tmp_path / "u.csv.zip").write_bytes(b"PK nothing")
    for name in ("t.csv.gz", "t.csv.bz2", "u.csv.zip"):
        assert "not a readable csv file" in faults_of(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "two.csv.zip", "w") as box:
        box.writestr("a.csv", "a,b\n1,2\n")
        box.writestr("b.csv", "a,b\n1,2\n")
    assert "the archive holds 2 files" in faults_of(tmp_path / "two.csv.zip")
    for name in ("t.dta", "t.sav", "t.xlsx", "t.feather", "t.sas7bdat", "t.xpt", "t.por"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        assert f"not a readable {name[2:]} file" in faults_of(tmp_path / name)


def test_sheets_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"note": ["read me"]}).to_excel(book, sheet_name="about", index=False)
        payroll().to_excel(book, sheet_name="pay", index=False)
    assert "2 sheets: about, pay" in faults_of(path) and "did you mean 'pay'" in faults_of(path, Reading(sheet="pays"))
    assert read(path, Reading(sheet="pay")).n_workplaces == 30


def test_labelled_values_are_their_labels(tmp_path: Path) -> None:
    table = pd.DataFrame({"plant": [1, 1, 2], "nace": [1, 1, 2], "pay": [1.5, 2.5, np.nan], "note": ["a", "", "b"]})
    labels = {"nace": {1: "Mining", 2: "Trade"}}
    pyreadstat.write_sav(table, str(tmp_path / "t.sav"), variable_value_labels=labels)
    found = read_table(tmp_path / "t.sav")
    assert found["nace"].tolist() == ["Mining", "Mining", "Trade"]
    assert found["pay"].isna().tolist() == [False, False, True] and found["note"].isna().tolist() == [False, True, False]


def test_rows_where(tmp_path: Path) -> None:
    table = payroll()
    table["year"], table["pay.grade"] = np.where(np.arange(len(table)) % 2, 2018, 2019), np.arange(len(table)) % 5
    path = tmp_path / "t.csv"
    table.to_csv(path, index=False)
    kept = read_table(path, reading=Reading(where=["year == 2019", "`pay.grade` <= 2", "nace == 'NA'"]), text=["nace"])
    same = table[(table["year"] == 2019) & (table["pay.grade"] <= 2) & (table["nace"] == "NA")]
    assert kept["pid"].tolist() == same["pid"].tolist() and kept.index.tolist() == same.index.tolist()
    few = read_table(path, columns=["plant"], reading=Reading(where=["(log(abs(experience - 9)) > 1) & (year != 2018)"]))
    assert set(few.columns) == {"plant", "experience", "year"}  # what the condition needs is read too
    lost = table["year"].astype(float).mask(table["year"] == 2018)
    table.assign(year=lost).to_csv(path, index=False)
    assert len(read_table(path, reading=Reading(where=["year <= 2019"]))) == (lost == 2019).sum()  # missing meets nothing


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("experience", "this is no condition"),
        ("year ==", "this is no condition"),
        ("yaer == 1", "there is no column 'yaer'"),
        ("1 == 1", "names no column"),
        ("plant > 3", "plant is an id, which is text: only == and != compare it"),
        ("experience == '12'", "experience is a number, '12' is text"),
        ("nace != 12", "nace is text, 12 is a number"),
        ("experience > 1e9", "no row meets the condition"),
        ("bs(experience) > 1", "depends on other rows"),
        ("__import__('os').system('true') == 0", "says what it may not"),
        ("experience.__class__ == 0", "says what it may not"),
        ("experience[0] == 0", "says what it may not"),
        ("(lambda: experience)() == 0", "says what it may not"),
        ("9 ** 9 ** 9 > experience", "says what it may not"),
    ],
)
def test_conditions_that_are_none(condition: str, words: str, tmp_path: Path) -> None:
    payroll().to_csv(tmp_path / "t.csv", index=False)
    assert words in faults_of(tmp_path / "t.csv", Reading(where=[condition]), text=["plant"])


def test_workplaces_are_left_out_by_name_and_counted() -> None:
    table = payroll()
    table.loc[table["plant"] == "0003", "monthly_pay"] = np.nan
    table.loc[table.index[table["plant"] == "0005"][0], "experience"] = np.nan
    single = table["plant"].eq("0007") & table["plant"].duplicated()
    table = table[~single]
    with pytest.raises(DataFaults, match="3 faults"):
        Workforce.from_frame(table, FORMULA, ["seniority"], **NAMES)
    found = Workforce.from_frame(table, FORMULA, ["seniority"], leave_out=["single", "incomplete"], **NAMES)
    assert found.n_workplaces == 27 and not {"0003", "0005", "0007"} & set(found.workplaces)
    rows = int(table["plant"].isin(["0003", "0005"]).sum())
    assert found.left_out == f"2 workplaces with a missing value ({rows} rows); 1 workplaces of one worker (1 rows)"
    assert "nobody can go to them" in remarks(found)[0].what
    with pytest.raises(DataFaults, match="'singles' says nothing of workplaces"):
        Workforce.from_frame(table, FORMULA, ["seniority"], leave_out=["singles"], **NAMES)


def test_oddities_are_said() -> None:
    table = payroll()
    logs = table.assign(monthly_pay=np.log(table["monthly_pay"]))
    plain = Workforce.from_frame(table, FORMULA, ["seniority"], **NAMES)
    assert remarks(plain) == []
    told = remarks(Workforce.from_frame(logs, FORMULA, ["seniority"], **NAMES))
    assert [r.what for r in told] == ["wages look like logarithms"]
    table["nace"] = table["nace"].where(table["plant"] != "0001", "na ")
    told = remarks(Workforce.from_frame(table, FORMULA, ["seniority"], **NAMES))
    assert [r.what for r in told] == ["industry has labels that differ by case or blanks only"]
    assert "'NA' and 'na '" in told[0].where


def test_a_run_remembers_how_its_table_was_read(tmp_path: Path) -> None:
    table = payroll()
    table["year"] = np.where(np.isin(table["plant"], ["0001", "0002"]), 2018, 2019)
    path = tmp_path / "pay.csv"
    table.to_csv(path, index=False, sep=";", decimal=",", encoding="cp1252")
    words = ["joint-production", str(path), "--formula", FORMULA, "--internal", "seniority", "--where", "year == 2019"]
    words += ["--workplace", "plant", "--wage", "monthly_pay", "--industry", "nace", "--worker", "pid"]

    def call(*given: str) -> str:
        result = CliRunner().invoke(app, list(given))
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code in (0, 1), result.output
        return " ".join(result.output.split())

    assert "workplaces 28" in call("data", *words)
    source = Source(str(path), {k: v for k, v in NAMES.items() if k != "worker"},
                    {"formula": FORMULA, "internal": ["seniority"], "worker": NAMES["worker"]},
                    Reading(where=("year == 2019",)))  # fmt: skip
    data, folder = source.read(JOINT_PRODUCTION), RunFolder.create(tmp_path / "run")
    folder.write_record(JOINT_PRODUCTION.about(JointProductionSpec(), data) | {"read": source.record()})
    opened = open_run(folder.path)
    assert opened.data.n_workplaces == 28 and opened.data.fingerprint == data.fingerprint
    with pytest.raises(AssertionError, match="a sample that ships needs none"):
        call("data", "joint-production", "baseball", "--where", "year == 2019")


def test_codes_of_categories_may_be_numbers_and_words() -> None:
    table = payroll()
    table["grade"] = np.array(["1", "2", "3", "4", "K"])[np.arange(len(table)) % 5]
    found = Workforce.from_frame(table, "C(grade) + experience", **NAMES)
    assert found.n_terms == 5
    with pytest.raises(DataFaults, match=r"grade has words among its numbers(.|\n)*such as 'K'(.|\n)*C\(grade\)"):
        Workforce.from_frame(table, "grade + experience", **NAMES)


def test_numbers_and_dates_that_would_be_categories(tmp_path: Path) -> None:
    table = payroll()
    table["school"] = (10 + np.arange(len(table)) % 9 / 2).astype(str)  # 10.5, in a file of decimal commas
    table.to_csv(tmp_path / "mixed.csv", index=False, sep=";", decimal=",")
    with pytest.raises(DataFaults, match=r"school holds numbers that are read as words"):
        Workforce.from_file(tmp_path / "mixed.csv", "school + seniority", ["seniority"], **NAMES)
    codes = Workforce.from_file(tmp_path / "mixed.csv", "C(school) + seniority", ["seniority"], **NAMES)
    assert len([t for t in codes.terms if "school" in t]) == 8
    table["born"] = pd.Timestamp("1980-01-01") + pd.to_timedelta(np.arange(len(table)), "D")
    with pytest.raises(DataFaults, match="born is a date"):
        Workforce.from_frame(table, "born + seniority", ["seniority"], **NAMES)


def test_a_transport_file_that_is_cut_is_no_smaller_payroll(tmp_path: Path) -> None:
    file = tmp_path / "payroll.xpt"
    pyreadstat.write_xport(payroll().rename(columns={"monthly_pay": "pay"}), str(file), file_format_version=8)
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3 // 80 * 80 + 33])
    with pytest.raises(DataFaults, match="cut short"):
        read_table(file)


def test_missing_wages_of_a_nullable_column_are_a_fault() -> None:
    wage = payroll()["monthly_pay"].round().astype("Int64")
    wage[3] = pd.NA
    with pytest.raises(DataFaults, match="monthly_pay is missing"):
        Workforce.from_frame(payroll().assign(monthly_pay=wage), FORMULA, **NAMES)


def test_conditions_on_ids_hold_in_every_format(tmp_path: Path) -> None:
    """Ids are text, whatever a file makes of them: 12 and '12' are the same; a missing one meets nothing."""
    table = make_table().assign(industry=lambda t: t["workplace"] % 3 + 10)
    table["unit"] = table["workplace"].where(table["workplace"] != 4)
    industry, unit = table["industry"], table["unit"]
    wanted = {"industry != 12": industry != 12, "industry != '12'": industry != 12, "12 == industry": industry == 12}
    wanted |= dict.fromkeys(["unit != 5", "~(unit == '5')"], unit.notna() & (unit != 5))
    table.astype({"unit": "Int64"}).to_csv(tmp_path / "t.csv", index=False)
    table.to_csv(tmp_path / "points.csv", index=False)  # 3.0, as numbers with a missing one are written
    table.to_parquet(tmp_path / "t.parquet", index=False)
    table.to_stata(tmp_path / "t.dta", write_index=False)
    pyreadstat.write_sav(table, str(tmp_path / "t.sav"))
    table.to_excel(tmp_path / "t.xlsx", index=False)
    for name in ("t.csv", "points.csv", "t.parquet", "t.dta", "t.sav", "t.xlsx"):
        for condition, kept in wanted.items():
            found = read_table(tmp_path / name, text=["industry", "unit"], reading=Reading(where=[condition]))
            assert found.index.tolist() == table.index[kept].tolist(), (name, condition)


def test_text_has_no_order(tmp_path: Path) -> None:
    """Dates as text were compared by their letters, and every row was kept."""
    table = make_table().assign(hired=lambda t: np.where(t["workplace"] > 5, "15.06.2018", "02.01.2020"))
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataFaults, match="hired is text, which has no order"):
        read_table(tmp_path / "t.csv", reading=Reading(where=["hired > '01.01.2019'"]))
    kept = read_table(tmp_path / "t.csv", reading=Reading(where=["hired == '15.06.2018'"]))
    assert len(kept) == int((table["workplace"] > 5).sum())


def test_three_and_three_point_nothing_are_one_id() -> None:
    words = as_text(pd.Series(["3", "3.0", None, "10.0", "0012", "a.0"]))
    assert words.astype(object).where(words.notna(), None).tolist() == ["3", "3", None, "10", "0012", "a.0"]
    assert list(words.cat.categories)[:2] == ["3", "10"]


def test_faults_name_the_rows_of_the_file(tmp_path: Path) -> None:
    table = make_table().assign(year=lambda t: 2018 + (t["workplace"] > 5))
    table.loc[101, "wage"] = -5.0
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataFaults, match="rows 101,"):
        Workforce.from_file(tmp_path / "t.csv", "experience", reading=Reading(where=["year == 2019"]))


def whole_years() -> pd.DataFrame:
    return make_table().assign(experience=lambda t: t["experience"].round())


def terms_of(
    path: Path, formula: str = "experience + seniority", codes: tuple[str, ...] = (), **options: object
) -> tuple[str, ...]:
    return Workforce.from_file(path, formula, ["seniority"], reading=Reading(codes=codes), **options).terms


@pytest.mark.parametrize("ending", [".sav", ".dta"])
def test_labels_of_some_values_make_no_categories(ending: str, tmp_path: Path) -> None:
    """99 may be many years, or no answer: it is asked; where it does not occur, or is missing, numbers stay numbers."""
    write, path = (pyreadstat.write_sav if ending == ".sav" else pyreadstat.write_dta), tmp_path / f"t{ending}"
    table, labels = whole_years(), {"experience": {99: "don't know"}, "wage": {-9: "refused"}}
    write(table, str(path), variable_value_labels=labels)
    assert terms_of(path) == ("experience", "seniority")
    table.loc[5, "experience"] = 99
    write(table, str(path), variable_value_labels=labels)
    with pytest.raises(
        DataFaults, match=r"experience has labels for 1 of its \d+ values\n.*99 = \"don't know\"\n.*--codes experience"
    ):
        terms_of(path)
    assert terms_of(path, codes=("experience",)) == ("experience", "seniority")
    write(table, str(path), variable_value_labels={"experience": {v: f"{v:g}" for v in table["experience"].unique().tolist()}})
    assert terms_of(path) == ("experience", "seniority")  # labels that say nothing else
    with pytest.raises(DataFaults, match=r"no column 'experiense'(.|\n)*--codes(.|\n)*'experience'"):
        terms_of(path, codes=("experiense",))
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataFaults, match=r"a \.csv file has no codes"):
        terms_of(tmp_path / "t.csv", codes=("experience",))


def test_a_label_of_what_is_missing_is_no_word(tmp_path: Path) -> None:
    table, path = whole_years(), tmp_path / "t.sav"
    table.loc[5, "experience"] = 99
    pyreadstat.write_sav(
        table, str(path), missing_ranges={"experience": [99]}, variable_value_labels={"experience": {99: "don't know"}}
    )
    assert terms_of(path, leave_out=["incomplete"]) == ("experience", "seniority")
    assert terms_of(path, missing="indicator") == ("experience", "experience missing", "seniority")
    words = table.astype({"experience": object})
    words.loc[5, "experience"], words.loc[7, "experience"] = None, "?"
    with pytest.raises(DataFaults, match=r"rows 7, such as '\?'\n"):  # and no word that the table does not hold
        Workforce.from_frame(words, "experience", missing="indicator")
    grades = words.assign(grade=np.where(np.arange(len(words)) % 4, (np.arange(len(words)) % 3).astype(str), None))
    assert Workforce.from_frame(grades, "grade + female", missing="indicator").n_terms == 4


def test_numbers_in_objects_are_numbers(tmp_path: Path) -> None:
    table = whole_years()
    known = Workforce.from_frame(table, "experience + seniority")
    assert Workforce.from_frame(table.astype({"experience": object}), "experience + seniority").fingerprint == known.fingerprint
    exact = pa.array([Decimal(int(v)) for v in table["experience"]], pa.decimal128(10, 0))
    decimals = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    decimals = decimals.set_column(decimals.column_names.index("experience"), "experience", exact)
    pa.parquet.write_table(decimals, tmp_path / "t.parquet")
    found = Workforce.from_file(tmp_path / "t.parquet", "experience + seniority")
    assert found.terms == known.terms and found.fingerprint == known.fingerprint
    assert Workforce.from_frame(decimals, "experience + seniority").fingerprint == known.fingerprint


def test_ids_beyond_what_floats_hold_stay_apart(tmp_path: Path) -> None:
    """A column of whole numbers of which one is missing would be floats: 2^53 and the number after it are one of these."""
    table = make_table().assign(industry="all")
    ids = [None, *(int(i) + 2**53 for i in table["workplace"][1:])]
    exact = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    exact = exact.set_column(exact.column_names.index("workplace"), "workplace", pa.array(ids, pa.int64()))
    pa.parquet.write_table(exact, tmp_path / "t.parquet")
    pa.feather.write_feather(exact, tmp_path / "t.feather")
    names = {str(i) for i in ids[1:]}
    for name in ("t.parquet", "t.feather"):
        found = Workforce.from_file(tmp_path / name, "experience", leave_out=["incomplete"])
        assert set(found.workplaces) == names and len(names) == 30
    assert set(Workforce.from_frame(exact, "experience", leave_out=["incomplete"]).workplaces) == names


@pytest.mark.parametrize("ending", [".sav", ".dta"])
def test_ids_with_one_label_stay_apart(ending: str, tmp_path: Path) -> None:
    table = make_table().assign(industry=lambda t: t["workplace"] % 3)
    plants = {i: f"plant {i}" for i in range(29)} | {7: "plant 6"}  # and the last has none
    write = pyreadstat.write_sav if ending == ".sav" else pyreadstat.write_dta
    write(
        table, str(tmp_path / f"t{ending}"), variable_value_labels={"workplace": plants, "industry": {0: "a", 1: "a", 2: "b"}}
    )
    found = Workforce.from_file(tmp_path / f"t{ending}", "experience")
    assert found.n_workplaces == 30 and {"plant 6 (6)", "plant 6 (7)", "plant 8", "29"} <= set(found.workplaces)
    assert found.industries == ("a (0)", "a (1)", "b")


def test_a_column_twice_is_refused_in_every_format(tmp_path: Path) -> None:
    table = make_table().head(9)
    twice = pd.concat([table, table[["wage"]] * 100], axis=1)
    twice.to_csv(tmp_path / "t.csv", index=False)
    twice.to_excel(tmp_path / "t.xlsx", index=False)
    arrow = pa.Table.from_arrays([pa.array(twice.iloc[:, i]) for i in range(twice.shape[1])], names=list(twice.columns))
    pa.parquet.write_table(arrow, tmp_path / "t.parquet")
    pa.feather.write_feather(arrow, tmp_path / "t.feather")
    for name in ("t.csv", "t.xlsx", "t.parquet", "t.feather"):
        assert "a column name occurs twice where: wage" in faults_of(tmp_path / name, columns=["wage"]), name
        assert len(read_table(tmp_path / name, columns=["female"])) == 9


def test_dates_written_as_text_are_dates(tmp_path: Path) -> None:
    born = pd.Timestamp("1980-01-01") + pd.to_timedelta(np.arange(9_000), "D")
    wage, plant = np.random.default_rng(0).uniform(1, 2, 9_000), np.arange(9_000) // 5
    table = pd.DataFrame({"workplace": plant, "industry": "a", "wage": wage, "seniority": wage**2, "born": born})
    for how in ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%y", "%Y-%m-%d %H:%M:%S"):
        table.assign(born=table["born"].dt.strftime(how)).to_csv(tmp_path / "t.csv", index=False)
        with pytest.raises(DataFaults, match=r"1 fault(.|\n)*born is a date\n") as caught:
            Workforce.from_file(tmp_path / "t.csv", "born + seniority", ["seniority"])
        assert "where:  'such" not in str(caught.value) and "where: ," not in str(caught.value)


@pytest.mark.parametrize("formula", ["experience + C(worker) + seniority", "C(worker):job + seniority", "name*job + seniority"])
def test_categories_as_many_as_workers_are_refused_before_they_fill_the_memory(formula: str, monkeypatch) -> None:
    rng, n = np.random.default_rng(0), 3_000
    table = pd.DataFrame(
        {"worker": np.arange(n), "workplace": np.arange(n) // 5, "industry": "a", "wage": rng.uniform(1, 2, n)}
    )
    table = table.assign(experience=rng.random(n), seniority=rng.random(n), job=rng.choice(["a", "b", "c"], n))
    table["name"] = "x" + table["worker"].astype(str)
    monkeypatch.setattr("formulaic.model_matrix", lambda *_, **__: pytest.fail("columns were made"))
    with pytest.raises(DataFaults, match=r"more than 2,000: (worker|name) has 3,000 categories"):
        Workforce.from_frame(table, formula, ["seniority"])
