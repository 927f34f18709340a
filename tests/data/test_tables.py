"""Tables as users have them: ids are text, separators are named, wages are numbers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayes_labor.data import DataFaults, Workforce, personnel, read_personnel
from bayes_labor.data.bonuses.personnel import REQUIRED
from tests.conftest import make_table

FORMULA = "experience + seniority"


def read(table: pd.DataFrame, **options: object) -> Workforce:
    return Workforce.from_frame(table, FORMULA, ["seniority"], worker="worker", **options)


def faults_of(call, *arguments: object, **options: object) -> str:
    with pytest.raises(DataFaults) as caught:
        call(*arguments, **options)
    return " ".join(str(caught.value).split())


def test_leading_zeros_are_kept(tmp_path: Path) -> None:
    table = make_table()
    # 7 and 007 are two workplaces, 1 and 01 two industries, 5 and 05 two workers.
    table["workplace"] = table["workplace"].replace(8, 7).astype(str).where(table["workplace"] != 8, "007")
    table["industry"] = np.where(table["industry"] == "trade", "01", "1")
    table["worker"] = table["worker"].astype(str).where(table["worker"] != 6, "05")
    table.to_csv(tmp_path / "t.csv", index=False)
    found = Workforce.from_file(tmp_path / "t.csv", FORMULA, ["seniority"], worker="worker")
    assert {"7", "007"} <= set(found.workplaces) and found.n_workplaces == 30
    assert found.industries == ("01", "1") and {"5", "05"} <= set(found.workers)
    assert found.fingerprint == read(table).fingerprint


def test_integer_ids_are_the_same_text_from_everywhere(tmp_path: Path) -> None:
    table = make_table()
    table.to_csv(tmp_path / "t.csv", index=False)
    table.to_parquet(tmp_path / "t.parquet")
    as_text = table.astype({"workplace": str, "worker": str})
    as_float = table.astype({"workplace": float, "worker": float})
    as_category = as_text.astype({"workplace": "category", "worker": "category"})
    nullable = table.astype({"workplace": "Int64", "worker": "Int64"})
    sources = [read(t) for t in (table, as_text, as_float, as_category, nullable)]
    sources += [Workforce.from_file(tmp_path / "t.csv", FORMULA, ["seniority"], worker="worker")]
    sources += [Workforce.from_file(tmp_path / "t.parquet", FORMULA, ["seniority"], worker="worker")]
    for found in sources:
        assert found.fingerprint == sources[0].fingerprint
        assert found.workplaces.tolist() == [str(i) for i in range(30)]  # numbers in their own order, not 0, 1, 10
        assert found.workers.tolist() == [str(i) for i in range(len(table))]


def test_codes_of_industries_are_text() -> None:
    table = make_table()
    table["industry"] = np.where(table["industry"] == "trade", 47, 5)
    assert read(table).industries == read(table.astype({"industry": float})).industries == ("47", "5")
    assert read(table, industries=[5, 47]).industries == ("5", "47")
    assert read(table, industries=["5", "47"]).industries == ("5", "47")


@pytest.mark.parametrize("column", ["workplace", "worker", "industry"])
def test_numbers_and_text_in_one_id_are_one_fault(column: str) -> None:
    table = make_table().assign(industry=lambda t: t["workplace"] % 2)
    table[column] = table[column].astype(object).where(table["workplace"] != 1, table[column].astype(str))
    text = faults_of(read, table)
    assert text.startswith("1 fault") and f"{column} has both numbers and text" in text and "astype(str)" in text


def test_personnel_ids_are_text_where_a_number_would_merge_them(tmp_path: Path) -> None:
    panel = personnel().table.head(300)
    panel = panel[panel["id"] != panel["id"].iloc[-1]]
    panel.to_csv(tmp_path / "p.csv", index=False)
    read_back = read_personnel(tmp_path / "p.csv")
    assert pd.api.types.is_integer_dtype(read_back.table["id"])
    first, second = panel["id"].unique()[:2]
    zeros = panel.assign(id=panel["id"].astype(str).where(panel["id"] != second, f"0{first}"))
    zeros.to_csv(tmp_path / "z.csv", index=False)
    assert read_personnel(tmp_path / "z.csv").table["id"].nunique() == panel["id"].nunique()
    mixed = panel.assign(id=panel["id"].astype(object).where(panel["id"] != second, str(second)))
    assert "id has both numbers and text" in faults_of(type(read_back), mixed[[*REQUIRED]])


WAGES = {
    "constant": (lambda w: np.full(len(w), 12.0), "all wages are equal"),
    "dates": (lambda w: pd.Timestamp("2020-01-01") + pd.to_timedelta(w, unit="D"), "wage is a date"),
    "dates in objects": (lambda w: pd.Series([pd.Timestamp("2020-01-01")] * len(w), dtype=object), "wage is a date"),
    "durations": (lambda w: pd.to_timedelta(w, unit="D"), "wage is a date"),
    "true or false": (lambda w: w > 12, "wage is true or false"),
    "true or false in objects": (lambda w: (w > 12).astype(object), "wage is true or false"),
    "complex": (lambda w: w + 0j, "wage is a complex number"),
    "huge": (lambda w: w * 1e160, "wage is beyond 1e150"),
    "words": (lambda w: pd.Series(["much"] * len(w)), "wage is not a number"),
    "lists": (lambda w: pd.Series([[1.0]] * len(w)), "wage is not a number"),
}


@pytest.mark.parametrize("kind", WAGES)
def test_wages_that_are_none(kind: str) -> None:
    make, message = WAGES[kind]
    text = faults_of(read, make_table().assign(wage=lambda t: make(t["wage"])))
    assert text.startswith("1 fault") and message in text


def test_numbers_written_as_text_are_numbers() -> None:
    table = make_table()
    assert read(table.astype({"wage": str})).fingerprint == read(table).fingerprint


def test_ids_that_read_like_missing_are_ids(tmp_path: Path) -> None:
    """An industry may be called NA: only an empty field is missing."""
    table = make_table()
    table["industry"] = table["industry"].map({"trade": "NA", "services": "None"})
    table.to_csv(tmp_path / "na.csv", index=False)
    assert Workforce.from_file(tmp_path / "na.csv", "experience").industries == ("NA", "None")
    table.loc[3, "industry"] = ""
    table.to_csv(tmp_path / "na.csv", index=False)
    with pytest.raises(DataFaults, match=r"industry is missing\n.*rows 3"):
        Workforce.from_file(tmp_path / "na.csv", "experience")


def test_wages_that_hardly_differ_are_equal() -> None:
    table = make_table()
    with pytest.raises(DataFaults, match="all wages are equal"):
        Workforce.from_frame(table.assign(wage=2.0 + 1e-9 * np.arange(len(table)) / len(table)), "experience")


def test_levels_left_out_of_a_list_are_named() -> None:
    """Rows of a level that is not listed would silently count as the base."""
    table = make_table()
    table["job"] = np.array(["a", "b", "c"])[np.arange(len(table)) % 3]
    with pytest.raises(DataFaults, match="job has levels that the formula does not list: c"):
        Workforce.from_frame(table, "C(job, levels=['a', 'b'])")
    assert len(Workforce.from_frame(table, "C(job, levels=['c', 'b', 'a'])").terms) == 2
    assert Workforce.from_frame(table.rename(columns={"experience": "2x"}), "`2x`").terms == ("2x",)


@pytest.mark.parametrize("formula", ["experience + experience**2", "experience ^ 2"])
def test_a_power_that_changes_nothing_is_refused(formula: str) -> None:
    with pytest.raises(DataFaults, match=r"write \{experience\*\*2\}"):
        Workforce.from_frame(make_table(), formula)
    assert Workforce.from_frame(make_table(), "(experience + female)**2").n_terms == 3
