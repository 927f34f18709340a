"""The personnel panel: its checks, the generator against the published Table 1, real federal pay histories."""

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_labor.data import DataFaults, Personnel, personnel, read_personnel
from bayes_labor.data.bonuses.careers import Careers
from bayes_labor.data.tables import Reading
from bayes_labor.models import BonusSpec
from bayes_labor.posteriors.bonuses.classical import within
from tests.conftest import REFERENCE

NAMES = {
    "N": "N", "bonus": "bonus", "bonus_sd": "bonus_sd", "salary": "salary", "salary_sd": "salary_sd", "ratio": "ratio",
    "ratio_sd": "ratio_sd", "prom": "promoted", "age": "age", "age_sd": "age_sd", "tl": "ten_level", "tl_sd": "ten_level_sd",
    "tf": "ten_firm", "tf_sd": "ten_firm_sd", "rat": "rating", "rat_sd": "rating_sd", "robs": "rated",
}  # fmt: skip


@pytest.fixture(scope="module")
def panels() -> list[Personnel]:
    return [personnel(seed=s) for s in range(1, 5)]


def test_table_1(panels: list[Personnel]) -> None:
    """Within 12% of the known means over seeds (25% at level 5, 60% for standard deviations of bonuses: a few awards)."""
    known = json.loads((REFERENCE / "bonuses.json").read_text())["generator_table1_mean_of_6_seeds"]
    mean = sum(p.by_level() for p in panels) / len(panels)
    for name, column in NAMES.items():
        off = np.abs(mean[column].to_numpy() / np.array(known[name]) - 1.0)
        bound = np.full(6, 0.6 if name in ("bonus_sd", "ratio_sd") else 0.12)
        bound[4] = max(bound[4], 0.25)
        assert (off < bound).all(), (name, off)


def test_constants() -> None:
    """Every vector of the generator is the reference's."""
    known = json.loads((REFERENCE / "bonuses.json").read_text())["generator_constants"]
    names = {
        "entry_share": "_ENTRY", "init_share": "_START", "entry_age_mean": "_AGE", "entry_age_sd": "_AGE_SD", "educ_p": "_EDUC",
        "rate_level": "_RATING_LEVEL", "rate_cut": "_RATING_CUT", "rate_obs": "_RATED", "pr_level": "_PROMOTION",
        "pr_ten": "_PROMOTION_TENURE", "pr_educ": "_PROMOTION_EDUC", "ex_level": "_EXIT_LEVEL", "ex_rating": "_EXIT_RATING",
        "k_level": "_RISE", "k_rating": "_RISE_RATING", "k_educ": "_RISE_EDUC", "m_level": "_SALARY", "sal_sd": "_SALARY_SD",
        "g_rating": "_RAISE_RATING", "br_level": "_RECEIPT", "br_rating": "_RECEIPT_RATING", "br_ten": "_RECEIPT_TENURE",
        "br_xi": "_RECEIPT_SHARES", "bs_level": "_SIZE", "bs_rating": "_SIZE_RATING", "bs_ten": "_SIZE_TENURE",
        "bs_xi": "_SIZE_SHARES", "bs_educ": "_SIZE_EDUC", "outlier_p": "_AWARDS", "n_titles": "_TITLES", "first_year": "_FIRST",
        "last_year": "_LAST", "bonus_first": "_BONUS", "headcount0": "_HEADCOUNT", "headcount_slope": "_GROWTH",
    }  # fmt: skip
    module = importlib.import_module("bayes_labor.data.bonuses.personnel")
    for theirs, ours in names.items():
        np.testing.assert_array_equal(getattr(module, ours), known[theirs], err_msg=theirs)
    np.testing.assert_allclose(module._NOISE, known["bs_sd"] * np.array(known["bs_sd_level"]), rtol=1e-15)


def test_within_estimator_is_unbiased(panels: list[Personnel]) -> None:
    """Level effects over six panels within three Monte Carlo errors of the truth (section 10, 3)."""
    fits = []
    for panel in (*panels, personnel(seed=5), personnel(seed=6)):
        design = BonusSpec(means=False, ratings="indicator").design(panel)
        fits.append(within(design))
    levels = [f"level {k}" for k in range(2, 6)]
    mean = np.mean([f.estimate[levels] for f in fits], axis=0)
    # Errors from the clustered ones of every panel: six estimates alone tell their spread too roughly.
    error = np.sqrt(np.mean([f.se[levels] ** 2 for f in fits], axis=0) / len(fits))
    assert (np.abs(mean - [0.40, 0.55, 0.82, 1.45]) < 3.0 * error).all(), (mean, error)
    assert (error < 0.06).all()


def test_counts(panels: list[Personnel]) -> None:
    for panel in panels:
        t = panel.table
        assert len(t) == 34_376 and 0.225 < (t["bonus"] > 0).mean() < 0.270
        assert 22_500 < t["rating"].notna().sum() < 25_500 and 3_700 < panel.with_bonus["id"].nunique() < 4_500
        assert t.groupby("year").size().tolist() == [1600 + 174 * (y - 1969) for y in range(1981, 1989)]


def test_presets(panels: list[Personnel]) -> None:
    """The same careers, other bonuses: the prize's effect is what the presets say, by least squares on the true parts."""
    plain, prize = personnel("clean", seed=3), personnel("table6", seed=1)
    pd.testing.assert_series_equal(prize.table["salary"], panels[0].table["salary"])
    rows = prize.with_bonus
    base = panels[0].table.loc[rows.index]
    both = base["bonus"] > 0
    gap = np.log(rows.loc[both, "bonus"]) - np.log(base.loc[both, "bonus"])
    assert np.corrcoef(gap, -2 * rows.loc[both, "psi_true"])[0, 1] > 0.99
    assert both.mean() > 0.99
    own = personnel("exogenous", seed=1).table
    level = own.groupby("level")["mu"].mean()
    assert np.ptp(level) < 0.1 < np.ptp(panels[0].table.groupby("level")["mu"].mean())
    assert np.log(plain.with_bonus["bonus"]).std() < np.log(panels[0].with_bonus["bonus"]).std()
    pd.testing.assert_frame_equal(personnel(seed=2).table, panels[1].table)
    two = personnel(seed=1, copies=2)
    assert len(two.table) == 2 * 34_376 and two.table["id"].is_monotonic_increasing
    with pytest.raises(DataFaults, match="there is no preset 'table7'"):
        personnel("table7")  # type: ignore[arg-type]


def test_careers_are_what_they_say(panels: list[Personnel]) -> None:
    t = panels[0].table
    following = t.groupby("id").shift(-1)
    stays = following["year"].notna()
    up = t["promoted"].eq(1) & t["level"].lt(5)
    assert (following.loc[stays & up, "level"] == t.loc[stays & up, "level"] + 1).all()
    assert (following.loc[stays & up, "ten_level"] == 1).all()
    assert (following.loc[stays & ~up, "level"] == t.loc[stays & ~up, "level"]).all()
    assert (following.loc[stays, "ten_firm"] == t.loc[stays, "ten_firm"] + 1).all()
    rise = np.log(following["salary"] / t["salary"])
    known = stays & t["promoted"].eq(1)
    np.testing.assert_allclose(rise[known], t.loc[known, "d_prom"], atol=1e-12)
    assert t.loc[t["ten_firm"] == 1, "avg_increase"].isna().all() and t.loc[t["ten_firm"] > 1, "avg_increase"].notna().all()
    assert t["age"].max() <= 64 and ((t["title"] // 10) == t["level"]).all()


def broken(**changes: Any) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "id": [1, 1, 1, 2, 2], "year": [2001, 2002, 2003, 2001, 2002], "level": [1, 1, 2, 3, 3],
            "ten_level": [1, 2, 1, 4, 5], "ten_firm": [1, 2, 3, 4, 5], "salary": 50_000.0,
            "bonus": [0.0, 500.0, 0.0, 900.0, 0.0], "promoted": [0, 1, 0, 0, 0],
            "rating": [1.0, np.nan, 2.0, 3.0, 4.0],
        }
    )  # fmt: skip
    return table.assign(**changes)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (broken().drop(columns="salary"), "columns salary are missing"),
        (broken(year=[2001, 2001, 2003, 2001, 2002]), "two rows of a worker in one year"),
        (broken(year=[2001, 2002, 2004, 2001, 2002]), "not consecutive.*worker 1 in 2004"),
        (broken(level=[2, 2, 1, 3, 3]), "levels fall"),
        (broken(level=[1, 1, 2, 2.5, 2.5]), "levels that are not whole numbers"),
        (broken(level=["a", "a", "b", "b", "b"]), "level has words whose order is not said: 'a', 'b'"),
        (broken(bonus=[0.0, -1.0, 0.0, 0.0, 0.0]), "negative bonuses"),
        (broken(ten_level=[1, 2, 1, 5, 6]), "tenure at the level above tenure at the firm"),
        (broken(rating=[1.0, np.inf, 2.0, 3.0, 4.0]), "infinite ratings"),
        (broken(promoted=[0, 2, 0, 0, 0]), "promoted neither 0 nor 1"),
        (broken(salary=0.0), "salaries that are not positive"),
        (broken(salary=np.nan), "missing values"),
        (broken(salary="much"), "columns salary are not numbers"),
    ],
)
def test_every_fault_is_named(table: pd.DataFrame, message: str) -> None:
    with pytest.raises(DataFaults) as caught:
        Personnel(table)
    import re

    assert re.search(message, str(caught.value).replace("\n", " ")), caught.value


def test_all_faults_at_once() -> None:
    table = broken(bonus=-1.0, rating=np.inf, level=[2, 2, 1, 3, 3])
    with pytest.raises(DataFaults) as caught:
        Personnel(table)
    assert len(caught.value.faults) == 3


def test_federal_histories_by_options_alone(shared: Path) -> None:
    """Economists of the General Schedule: grade as level, gaps and falls kept, tenures and promotions counted."""
    folder = shared / "data/federal_economists"
    where = ("plan_family == 'GS'", "grade_num >= 9", "salary > 0")
    columns = {"id": "person_id", "level": "grade_num"}
    path = folder / "economist_pay_histories_2004_2017.parquet"
    panel = read_personnel(path, columns, Reading(where=where), Careers(gaps="keep", demotions="keep", count=True))
    assert len(panel.table) == 1392 and 90 < panel.table["promoted"].sum() < 200 and panel.table["promoted"].isna().any()
    assert list(panel.by_level().index) == ["9", "11", "12", "13", "14", "15", "all"]
    assert panel.by_level().loc["15", "salary"] > panel.by_level().loc["9", "salary"]
    design = BonusSpec(blocks=("levels", "tenure")).design(panel)
    assert design.terms[1:3] == ("level 11", "level 12") or "level 11" in design.left_out
    with pytest.raises(DataFaults, match=r"(?s)columns ten_level, ten_firm, promoted are missing.*--count"):
        read_personnel(path, columns, Reading(where=where))
    with pytest.raises(DataFaults, match="columns pers are not in the file"):
        read_personnel(path, {"id": "pers"})
    year = {"year": "fiscal_year", "bonus": "bonus_fy2015_only"} | columns
    rows = (*where, "fiscal_year == 2015", "main_record == 1")
    across = read_personnel(folder / "economists_fy2015_2024.parquet", year, Reading(where=rows), Careers(count=True))
    pooled = BonusSpec(blocks=("levels",), years="none", formula="C(department)").design(across)
    assert pooled.left_out["worker effects"] == "one row a worker" and sum("department" in t for t in pooled.terms) > 15
