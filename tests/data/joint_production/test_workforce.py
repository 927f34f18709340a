"""The matched table, the real data sets, and the generator against the paper's Tables 1-4."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayes_labor.data import DataFaults, Workforce, baseball, baseball_table, characteristics, modal_industry
from bayes_labor.data.joint_production.norway import CELLS, FULL_WORKERS, INDUSTRIES, MEANS, norway, norway_table
from bayes_labor.models import joint_production
from bayes_labor.theory import solve_payroll
from tests.conftest import FORMULA, make_table


def test_order_of_rows_does_not_matter() -> None:
    t = make_table()
    one = Workforce.from_frame(t, FORMULA, ["seniority"])
    two = Workforce.from_frame(t.sample(frac=1.0, random_state=1).sort_values("worker"), FORMULA, ["seniority"])
    assert one.fingerprint == two.fingerprint
    assert one.terms == ("experience", "female", "seniority", "seniority ** 2 / 100")
    assert one.internal.tolist() == [False, False, True, True]
    assert one.linear.tolist() == [False, False, True, False]
    assert one.sizes.sum() == one.n_workers == len(t)
    assert not one.wage.flags.writeable


def test_another_term_and_another_internal_column_need_no_code() -> None:
    t = make_table()
    more = Workforce.from_frame(t, FORMULA + " + experience:female + seniority:female", ["seniority", "experience"])
    found = dict(zip(more.terms, more.internal, strict=True))
    assert (
        found["experience"]
        and found["experience:female"]
        and found["female:seniority" if "female:seniority" in found else "seniority:female"]
    )
    assert not found["female"]


def test_categories_are_coded_by_the_formula() -> None:
    t = make_table().assign(job=lambda d: np.where(d["experience"] > 15, "old", "new"))
    w = Workforce.from_frame(t, "C(job) + female + seniority", ["seniority"])
    assert w.design.shape[1] == 3


def test_files_round_trip(tmp_path) -> None:
    t = make_table()
    t.to_csv(tmp_path / "t.csv", index=False)
    t.to_parquet(tmp_path / "t.parquet")
    a = Workforce.from_file(tmp_path / "t.csv", FORMULA, ["seniority"])
    b = Workforce.from_file(tmp_path / "t.parquet", FORMULA, ["seniority"])
    assert a.fingerprint == b.fingerprint


def test_modal_industry() -> None:
    t = pd.DataFrame({"workplace": [1, 1, 1, 2, 2, 3, 3], "industry": ["a", "a", "b", "a", "b", None, None]})
    assert modal_industry(t).tolist() == ["a"] * 3 + ["no code"] * 4


def test_baseball_is_the_reference_table(shared) -> None:
    """Built from the registry package, it equals the table prepared from the sources, row by row."""
    reference = pd.read_parquet(shared / "data/baseball_payroll/player_team_season_1985_2016.parquet")
    ours = baseball_table((1985, 2016))
    assert len(ours) > 26_000 and not ours["worker"].duplicated().any()
    both = ours.merge(
        reference, left_on=["season", "team", "player"], right_on=["year", "team_id", "player_id"], suffixes=("", "_ref")
    )
    assert len(both) == len(ours)
    assert (both["experience"] == both["experience_ref"]).all()
    assert (both["seniority"] == both["seniority_consecutive"]).all()
    assert (both["all_star"] == both["all_star_prior_total"]).mean() > 0.999
    groups = both["position_group"].replace("designated_hitter", "outfield")
    assert (both["position"] == groups).mean() > 0.999
    assert ((both["no_last_season"] == 1) == both["prev_performance_z"].isna()).mean() > 0.999
    assert np.corrcoef(both["performance"], both["prev_performance_z"].fillna(0.0))[0, 1] > 0.999


def test_default_baseball_sample(players: Workforce) -> None:
    assert players.n_workplaces == 30 and players.n_workers == 852 and players.repeated == 0.0
    assert baseball((2014, 2016)).repeated > 0.5  # players of several seasons: pages warn
    assert players.industries == ("AL", "NL")
    assert players.wage.mean() == pytest.approx(10.0, rel=1e-12)
    assert [t for t, i in zip(players.terms, players.internal, strict=True) if i] == ["seniority / 10", "seniority ** 2 / 100"]


def test_reader_on_baltimore(shared) -> None:
    t = pd.read_parquet(shared / "data/baltimore_payroll/worker_workplace_fy2018_2019.parquet")
    t = t[(t["fiscal_year"] == 2019) & t["seniority_years"].notna() & (t["annual_salary"] > 0)].copy()
    t = t[t.groupby("workplace_id")["worker_id"].transform("size") > 1]
    t["wage"] = t["annual_salary"] / 12_000
    t["seniority"] = t["seniority_years"].clip(lower=0.0)
    police = t["department"].str.contains("Police|Fire", regex=True)
    t["industry"] = modal_industry(t.assign(industry=np.where(police, "safety", "other")), workplace="workplace_id")
    w = Workforce.from_frame(
        t, "part_time_or_hourly + seniority + {seniority**2/100}", ["seniority"], workplace="workplace_id", worker="worker_id"
    )
    assert 600 < w.n_workplaces < 700 and w.n_workers > 13_000


def test_with_wage_replaces_only_the_wage(small: Workforce) -> None:
    other = small.with_wage(small.wage + 1.0)
    assert other.fingerprint != small.fingerprint and other.design is small.design
    with pytest.raises(ValueError, match="finite numbers"):
        small.with_wage(np.full(small.n_workers, np.nan))


@pytest.fixture(scope="module")
def register() -> pd.DataFrame:
    return norway_table()


def test_norway_table_1(register: pd.DataFrame) -> None:
    """Workplaces by industry and size class: exact."""
    first = register.groupby("workplace").agg(industry=("industry", "first"), size=("wage", "size"))
    classes = pd.cut(first["size"], [1, 5, 20, 50, 100, 10_000], labels=False)
    found = pd.crosstab(first["industry"], classes).loc[list(INDUSTRIES)].to_numpy()
    np.testing.assert_array_equal(found, CELLS)
    assert len(register) == FULL_WORKERS


def test_norway_table_2(register: pd.DataFrame) -> None:
    """Means within 6% of the published sd, sds within 20% (the wage's sd is bounded by the model's own fit)."""
    d = register.assign(
        e2=register["experience"] ** 2 / 100, s2=register["seniority"] ** 2 / 100,
        ef=register["experience"] * register["female"], sft=register["seniority"] * register["full_time"],
        sf=register["seniority"] * register["female"], sh=register["seniority"] * register["high_education"],
    )  # fmt: skip
    d["s2ft"] = d["s2"] * d["full_time"]
    published = {
        "wage": (19.074, 12.403), "experience": (13.248, 9.608), "e2": (2.678, 2.920), "ef": (4.683, 7.427),
        "seniority": (5.432, 5.976), "s2": (0.652, 1.258), "sft": (4.434, 5.975), "s2ft": (0.554, 1.215),
        "sf": (2.262, 4.402), "sh": (0.978, 3.155),
    }  # fmt: skip
    for name, (mean, sd) in published.items():
        assert abs(d[name].mean() - mean) < 0.06 * sd, name
        assert abs(d[name].std() / sd - 1) < 0.20, name
    shares = {"female": 0.452, "full_time": 0.760, "education_9": 0.130, "education_10_11": 0.332, "education_12_13": 0.313}
    shares |= {"education_14_16": 0.151, "education_17": 0.044}
    for name, mean in shares.items():
        assert abs(d[name].mean() - mean) < 0.01, name


def test_norway_table_3(register: pd.DataFrame) -> None:
    columns = ["female", "experience", "seniority", "full_time", "education_10_11", "education_12_13", "education_14_16"]
    found = register.groupby("industry")[columns].mean().loc[list(INDUSTRIES)].to_numpy()
    tolerance = np.array([0.04, 0.8, 0.6, 0.02, 0.04, 0.04, 0.04])
    assert np.all(np.abs(found - MEANS) < tolerance), np.abs(found - MEANS).max(0)


def test_norway_table_4(register: pd.DataFrame) -> None:
    """Own value against coworkers' mean. The wage's 0.45 is out of reach of iid errors of sd 9.95: half of it."""
    groups = register.groupby("workplace")
    published = {
        "education_9": 0.19,
        "education_14_16": 0.43,
        "experience": 0.40,
        "seniority": 0.54,
        "full_time": 0.49,
        "female": 0.54,
    }

    def correlation(v: str) -> float:
        n, total = groups[v].transform("size"), groups[v].transform("sum")
        return float(np.corrcoef(register[v], (total - register[v]) / (n - 1))[0, 1])

    for v, target in published.items():
        assert abs(correlation(v) - target) < (0.11 if v == "education_9" else 0.03), v
    assert 0.18 < correlation("wage") < 0.45


def test_norway_scales_to_any_size_and_is_reproducible() -> None:
    a, b, c = norway(100, seed=3), norway(100, seed=3), norway(100, seed=4)
    assert a.fingerprint == b.fingerprint != c.fingerprint
    assert a.n_workplaces == 100 and len(a.terms) == 16 and a.internal.sum() == 6
    assert a.linear.sum() == 4


def test_payroll_refuses_wrong_shapes() -> None:
    with pytest.raises(ValueError, match="output has shape"):
        solve_payroll(np.zeros(3), np.zeros(2), np.zeros(3), np.array([0, 3]))


def test_changed_workers_have_every_term_anew(sample_of_norway: Workforce) -> None:
    seniority = sample_of_norway.covariates["seniority"].to_numpy() + 5.0
    changed = sample_of_norway.changed(seniority=seniority, female=0.5)
    column = {t: changed.design[:, i] for i, t in enumerate(changed.terms)}
    np.testing.assert_allclose(column["seniority ** 2 / 100"], seniority**2 / 100)
    np.testing.assert_allclose(column["seniority:female"], 0.5 * seniority)
    np.testing.assert_array_equal(sample_of_norway.changed().design, sample_of_norway.design)
    np.testing.assert_array_equal(changed.wage, sample_of_norway.wage)
    for bad, message in (
        ({"senority": 1.0}, "does not mention 'senority'"),
        ({"female": [1.0]}, "shape"),
        ({"female": np.nan}, "not finite"),
    ):
        with pytest.raises(DataFaults, match=message):
            sample_of_norway.changed(**bad)


def test_split_keeps_workplaces_whole(sample_of_norway: Workforce) -> None:
    kept, held = sample_of_norway.split(0.25, seed=3)
    assert kept.n_workplaces == 45 and held.n_workplaces == 15
    assert not set(kept.workplaces) & set(held.workplaces) and not set(kept.workers) & set(held.workers)
    assert kept.wage.sum() + held.wage.sum() == pytest.approx(sample_of_norway.wage.sum())
    np.testing.assert_array_equal(held.changed().design, held.design)
    assert kept.industries == held.industries == sample_of_norway.industries
    with pytest.raises(DataFaults, match="splits nothing off"):
        sample_of_norway.split(0.0, seed=1)


BLOCKWISE = "experience + {experience**2/100} + C(job) + job:female + seniority"
LEARNED_FROM_ALL_ROWS = ["center(experience) + seniority", "experience + C(level) + seniority"]


@pytest.mark.parametrize("formula", [BLOCKWISE, *LEARNED_FROM_ALL_ROWS])
def test_design_by_blocks_is_the_design_at_once(formula: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a term is learned from all rows, or a level is missing from the first block."""
    t = make_table(600)
    t["job"] = np.where(np.arange(len(t)) < 1500, "clerk", np.where(np.arange(len(t)) % 2, "cook", "driver"))
    t["level"] = (np.arange(len(t)) > 1600).astype(int)
    whole = Workforce.from_frame(t, formula, ["seniority"])
    monkeypatch.setattr(characteristics, "_BLOCK", 1100)
    blocks = Workforce.from_frame(t, formula, ["seniority"])
    assert blocks.terms == whole.terms and "experience" in whole.covariates
    np.testing.assert_array_equal(blocks.design, whole.design)
    np.testing.assert_array_equal(blocks.changed(experience=1.0).design, whole.changed(experience=1.0).design)


def test_internal_variables_are_seen_inside_functions() -> None:
    w = Workforce.from_frame(make_table(), "experience + center(seniority) + np.log1p(seniority)", ["seniority"])
    assert w.terms[0] == "experience" and w.internal.tolist() == [False, True, True]


def test_parquet_gives_what_the_frame_gives(tmp_path: Path) -> None:
    t = make_table(30).assign(job=lambda d: np.where(d["female"] > 0, "cook", "clerk"), unused="x")
    t.to_parquet(tmp_path / "t.parquet", row_group_size=20)
    formula = "experience + job + seniority"
    read = Workforce.from_file(tmp_path / "t.parquet", formula, ["seniority"], worker="worker")
    want = Workforce.from_frame(t, formula, ["seniority"], worker="worker")
    assert read.fingerprint == want.fingerprint and read.terms == want.terms == ("experience", "job[T.cook]", "seniority")
    with pytest.raises(DataFaults, match="did you mean 'unused'"):
        Workforce.from_file(tmp_path / "t.parquet", "experience + unusd", [])


def test_the_design_lies_in_memory_once(small: Workforce) -> None:
    """A model sees the workforce's own numbers, in every specification."""
    assert small.design.flags.f_contiguous and not small.design.flags.writeable
    for name in ("linear", "linear_power", "power", "flexible"):
        model = joint_production(small, name)
        for data in ("x_external", "x_internal", "x_power"):
            if data in model.named_vars:
                assert np.shares_memory(model[data].get_value(borrow=True), small.design), (name, data)
