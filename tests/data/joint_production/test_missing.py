"""Workers who lack a characteristic keep their place, and a term tells how they differ."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from bayes_labor.commands import app
from bayes_labor.data import DataFaults, Workforce
from bayes_labor.data.joint_production.remarks import remarks
from tests.data.payrolls import FORMULA, ordinary_table


def lacking(share: float = 0.2, shift: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """An ordinary payroll, in which schooling and seniority of some are not known; their log wages are shifted."""
    table, rng = ordinary_table(200, 1), np.random.default_rng(seed)
    gone = rng.random(len(table)) < share
    table["wage"] *= np.exp(shift * gone)
    table.loc[gone, "school"] = np.nan
    table.loc[rng.random(len(table)) < share, "seniority"] = np.nan
    table["shift"] = np.where(rng.random(len(table)) < 0.3, "night", "day")
    table.loc[rng.random(len(table)) < share, "shift"] = None
    return table


def read(table: pd.DataFrame, formula: str = FORMULA, **options: object) -> Workforce:
    return Workforce.from_frame(table, formula, ["seniority"], missing="indicator", **options)


def by_least_squares(workforce: Workforce) -> dict[str, float]:
    design = np.column_stack([np.ones(workforce.n_workers), workforce.design])
    return dict(zip(("one", *workforce.terms), np.linalg.lstsq(design, np.log(workforce.wage))[0], strict=True))


def test_nobody_is_dropped_and_each_pattern_has_a_term() -> None:
    table = lacking()
    with pytest.raises(DataFaults, match="school is missing"):
        Workforce.from_frame(table, FORMULA, ["seniority"])
    found = read(table, f"{FORMULA} + shift")
    assert found.n_workers == len(table)
    assert {"school missing", "seniority missing", "shift[T.missing]"} <= set(found.terms)
    inside = dict(zip(found.terms, found.internal, strict=True))
    assert inside["seniority missing"] and not inside["school missing"]
    gone = {c: int(table[c].isna().sum()) for c in ("school", "seniority", "shift")}
    assert all(f"{c} of {n:,} workers" in found.filled for c, n in gone.items())
    column = found.design[:, found.terms.index("school missing")]
    assert column.sum() == gone["school"] and set(column) == {0.0, 1.0}
    assert [r for r in remarks(found) if "filled" in r.what and "school of" in r.where]


@pytest.mark.parametrize("shift", [0.0, -0.3])
def test_the_term_is_what_those_who_lack_it_differ_by(shift: float) -> None:
    """Standard errors are .006 for the term and .002 for schooling: five of them."""
    whole, found = by_least_squares(Workforce.from_frame(ordinary_table(200, 1), FORMULA, ["seniority"])), None
    found = by_least_squares(read(lacking(shift=shift)))
    assert abs(found["school missing"] - shift) < 0.06 and abs(found["school"] - whole["school"]) < 0.01


def test_workers_who_lack_the_same_have_one_term() -> None:
    table = lacking()
    table["experience"] = table["experience"].where(table["school"].notna())
    found = read(table)
    assert "experience and school missing" in found.terms and len([t for t in found.terms if "missing" in t]) == 2
    changed = found.changed(school=12.0)  # a counterfactual evaluates all terms again
    assert changed.terms == found.terms


def test_what_is_lost_together_or_tells_nothing_new() -> None:
    """An external and an internal variable that the same workers lack; one that exactly a dummy's workers lack."""
    table = ordinary_table(200, 1)
    gone = np.random.default_rng(0).random(len(table)) < 0.2
    table.loc[gone, ["school", "seniority"]] = np.nan
    found = read(table)
    at = found.terms.index("school and seniority missing")
    assert not found.internal[at] and len([t for t in found.terms if "missing" in t]) == 1
    table = ordinary_table(200, 1)
    table.loc[table["female"] == 1, "school"] = np.nan
    found = read(table)
    assert not [t for t in found.terms if "missing" in t] and "no term of their own for school missing" in found.filled


def test_a_counterfactual_that_gives_everybody_a_value_lifts_the_flag() -> None:
    table = lacking()
    table["experience"] = table["experience"].where(table["school"].notna())
    found = read(table)
    flag = found.terms.index("experience and school missing")
    assert found.changed(school=12.0).design[:, flag].sum() == found.design[:, flag].sum() > 0  # experience is still not known
    assert found.changed(school=12.0, experience=5.0).design[:, flag].sum() == 0.0
    seniority = found.terms.index("seniority missing")
    assert found.changed(seniority=1.0).design[:, seniority].sum() == 0.0


def test_codes_become_categories_and_taken_names_are_left_alone() -> None:
    table = lacking()
    table["grade"] = np.where(np.arange(len(table)) % 7, np.arange(len(table)) % 3, np.nan)
    table["school missing"] = 1.0
    table["shift"] = table["shift"].fillna("missing").where(table["experience"] > 5)
    found = read(table, f"{FORMULA} + C(grade) + shift")
    assert {"C(grade)[T.missing]", "school missing too", "shift[T.missing]", "shift[T.missing too]"} <= set(found.terms)


def test_what_cannot_be_filled_is_said() -> None:
    table = lacking()
    with pytest.raises(DataFaults, match="no way with missing"):
        Workforce.from_frame(table, FORMULA, ["seniority"], missing="mean")
    with pytest.raises(DataFaults, match="school is missing for everybody"):
        read(table.assign(school=np.nan))
    table.loc[3, "wage"] = np.nan
    with pytest.raises(DataFaults, match="wage is missing"):
        read(table)
    left = read(table, leave_out=["incomplete"])
    assert "1 workplaces with a missing value" in left.left_out and "school of" in left.filled


def test_from_the_shell(tmp_path: Path) -> None:
    lacking().to_csv(tmp_path / "pay.csv", index=False)
    words = ["data", "joint-production", str(tmp_path / "pay.csv"), "--formula", FORMULA, "--internal", "seniority"]
    result = CliRunner().invoke(app, [*words, "--missing", "indicator"])
    assert result.exit_code == 0 and "school missing" in result.output and "were filled, with indicators" in result.output
