"""What leaves a register: planted violations are held back and listed, and nothing else is."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_labor.data import DataFaults, Workforce
from bayes_labor.models import JointProductionSpec
from bayes_labor.posteriors.disclosure import RECOVERABLE, Behind, Candidate, Rules, release
from bayes_labor.posteriors.export import export
from bayes_labor.posteriors.joint_production.releases import _by_size, _data_tables, _variation, releases
from bayes_labor.posteriors.joint_production.system import JOINT_PRODUCTION
from tests.data.payrolls import FORMULA, ordinary_table

SPEC = JointProductionSpec(penalty=0.0)


def drawn(workforce: Workforce, n: int = 20) -> xr.DataTree:
    """Draws near a point at which such payrolls have an equilibrium, written by hand."""
    rng, terms = np.random.default_rng(0), list(workforce.terms)
    guess = {"school": 0.07, "experience": 0.03, "experience ** 2 / 100": -0.04, "female": -0.12}
    gamma = np.array([guess.get(t, 0.0) for t in terms])
    revenue = workforce.wage.mean() / np.exp(gamma @ workforce.terms_by_workers).mean()
    industries, internal = list(workforce.industries), [t for t, i in zip(terms, workforce.internal, strict=True) if i]
    points: dict[str, tuple[object, list[str]]] = {
        "beta": (np.full(len(industries), 0.2), ["industry"]), "psi": (np.full(len(internal), 0.05), ["power_term"]),
        "d": (0.3, []), "V_U": (2.0, []), "gamma": (gamma, ["talent_term"]),
        "A": (np.full(len(industries), revenue), ["industry"]), "sigma": (1.0, []),
    }  # fmt: skip
    found = {}
    for name, (value, dims) in points.items():
        mean = np.broadcast_to(np.asarray(value, float), (2, n, *np.shape(value)))
        found[name] = (("chain", "draw", *dims), mean + 0.01 * np.abs(mean).max() * rng.normal(size=mean.shape))
    axes = {"chain": range(2), "draw": range(n), "industry": industries, "talent_term": terms, "power_term": internal}
    posterior = xr.Dataset(found, axes)
    stats = xr.Dataset({"diverging": (("chain", "draw"), np.zeros((2, n), bool)),
                        "energy": (("chain", "draw"), rng.normal(size=(2, n)))})  # fmt: skip
    return xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats})


def plants(industry: str, sizes: list[int], seed: int) -> pd.DataFrame:
    """Workers of so many plants, as ordinary ones."""
    table = ordinary_table(80, seed).head(sum(sizes)).reset_index(drop=True)
    return table.assign(industry=industry, workplace=np.repeat([f"{industry} {i}" for i in range(len(sizes))], sizes))


def several(**sizes: list[int]) -> pd.DataFrame:
    """Ordinary industries with workplaces of these sizes."""
    made = []
    for industry, own in sizes.items():
        table = ordinary_table(120, 5).sample(sum(own), replace=True, random_state=1).reset_index(drop=True)
        made.append(table.assign(industry=industry, workplace=np.repeat([f"{industry} {i}" for i in range(len(own))], own)))
    return pd.concat(made, ignore_index=True)


def left(table: pd.DataFrame, formula: str = FORMULA, *, whole: bool = False, **options: str) -> dict[str, pd.DataFrame]:
    """The tables that leave: all, or those of the data and by size, which need no prior."""
    workforce = Workforce.from_frame(table, formula, ["seniority"], name="planted", **options)
    draws = drawn(workforce, 2)
    some = [*_data_tables(workforce), _variation(SPEC, workforce, draws, 2), _by_size(SPEC, workforce, draws, 2)]
    return {r.name: r.table for r in release(releases(SPEC, workforce, draws, 2) if whole else some, Rules())}


def planted() -> pd.DataFrame:
    """An ordinary payroll, and industries and terms that describe a few people."""
    ordinary = ordinary_table(60, 6)
    ordinary["workplace"] = ordinary["workplace"].astype(str)
    two = plants("two plants", [14, 13], 1)
    nine = plants("nine workers", [3, 3, 3], 2)
    giant = plants("a giant", [260, 4, 3, 3], 3)
    giant["wage"] *= np.where(giant["workplace"] == "a giant 0", 1.0, 0.5)
    stars = plants("two stars", [8, 8, 8, 8], 4)
    stars.loc[[0, 9], "wage"] *= 400.0
    men = plants("only men", [9, 9, 9, 9], 5).assign(female=0.0)
    table = pd.concat([ordinary, two, nine, giant, stars, men], ignore_index=True)
    table["pilot"] = (np.arange(len(table)) % (len(table) // 5) == 3).astype(float)  # six of them
    table["hired here"] = 1.0 - (np.arange(len(table)) % (len(table) // 4) == 5)  # all but five
    table["shift"] = np.where(np.arange(len(table)) % 3 == 1, "night", "day")
    table.loc[[7, 400], "shift"] = "on call"
    return table


@pytest.fixture(scope="module")
def workforce() -> Workforce:
    return Workforce.from_frame(planted(), FORMULA + " + pilot + `hired here` + shift", ["seniority"], name="planted")


@pytest.fixture(scope="module")
def out(workforce: Workforce, tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, Path]:
    folder = tmp_path_factory.mktemp("register") / "leaves"
    return export(
        JOINT_PRODUCTION, SPEC, workforce, drawn(workforce), {"system": "joint-production", "read": "/x"}, [], folder
    ), folder


INDUSTRIES = ("two plants", "nine workers", "a giant", "two stars")
PLANTED = [
    *(("parameters", f"{p}, {k}", "mean") for p in ("β", "A") for k in INDUSTRIES),
    *(("parameters", f"γ, {t}", "mean") for t in ("pilot", "hired here", "shift[T.on call]")),
    *(("no_interaction", k, "below_zero") for k in INDUSTRIES),
    *(("data_workers", t, "mean") for t in ("pilot", "hired here", "shift[T.on call]")),
    *(("data_coworkers", t, "correlation") for t in ("pilot", "hired here", "shift[T.on call]")),
    *(("data_industries", k, c) for k in ("two plants", "nine workers") for c in ("wage", "school", "workers")),
    *(("data_industries", k, "wage") for k in ("a giant", "two stars")),
    ("data_industries", "only men", "female"),
    *(("data_industries", k, "pilot") for k in ("manufacturing", "services", "trade", "only men")),
    *(("data_workplaces", k, "6–20") for k in ("two plants",)),
    *(("data_workplaces", k, "2–5") for k in ("nine workers",)),
    ("data_workplaces", "a giant", ">100"), ("data_workplaces", "two plants", "all"),
    *(("managing", "nine workers", f"fifth {f}") for f in (1, 2, 3, 4, 5)),
    ("by_size", "251–500", "wage"), ("by_size", "251–500", "wage, data"),
]  # fmt: skip


def test_at_least_forty_are_planted() -> None:
    assert len(set(PLANTED)) >= 40


@pytest.mark.parametrize("cell", PLANTED, ids=["-".join(c) for c in PLANTED])
def test_planted_violations_are_held_back_and_listed(out: tuple[pd.DataFrame, Path], cell: tuple[str, str, str]) -> None:
    held, folder = out
    name, row, column = cell
    listed = held[(held["table"] == name) & (held["row"] == row) & (held["column"] == column)]
    table = pd.read_csv(folder / "tables" / f"{name}.csv")
    levels = len(row.split(", ")) if name == "parameters" else 1
    labels = table.iloc[:, :levels].fillna("").astype(str).agg(", ".join, axis=1)
    if column in table:
        assert table.loc[labels == row, column].isna().all()
    empty = name == "managing" and not len(listed)  # nobody at all is in that fifth
    assert len(listed) == 1 or empty


def test_every_number_held_back_is_listed_without_a_name_of_few(out: tuple[pd.DataFrame, Path]) -> None:
    held, folder = out
    listed = pd.read_csv(folder / "held_back.csv")
    assert len(listed) == len(held) and (listed["why"] == held["why"]).all()
    text = "".join(p.read_text() for p in folder.rglob("*") if p.suffix in (".csv", ".json", ".tex", ".html"))
    for name in ("two plants", "nine workers", "on call", "pilot", "hired here"):
        assert name not in text


def test_ordinary_numbers_leave(out: tuple[pd.DataFrame, Path]) -> None:
    """Rules that hold back everything protect nobody's work."""
    held, folder = out
    for name, rows in (("no_interaction", ["manufacturing", "services", "trade", "only men"]), ("variation", None)):
        table = pd.read_csv(folder / "tables" / f"{name}.csv", index_col=0)
        assert table.loc[rows if rows else table.index].drop(columns="data", errors="ignore").notna().all().all()
    assert not held[(held["table"] == "parameters") & held["row"].isin(["ψ, seniority", "d, ", "V_U, ", "γ, female"])].size
    parameters = pd.read_csv(folder / "tables" / "parameters.csv")
    assert (parameters["workers behind, at least"].dropna() >= 10).all() and (
        parameters["workplaces behind, at least"].dropna() >= 3
    ).all()


def test_nothing_else_leaves(out: tuple[pd.DataFrame, Path], workforce: Workforce) -> None:
    _, folder = out
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    names = {c.name for c in releases(SPEC, workforce, drawn(workforce), 2)}
    assert files == {"about.json", "held_back.csv", "index.html"} | {
        f"tables/{n}.{e}" for n in names for e in ("csv", "json", "tex")
    }
    text = "".join((folder / f).read_text() for f in files)
    assert "two plants 0" not in text and "/x" not in text  # a workplace's id, the table's place
    assert set(json.loads((folder / "about.json").read_text())) == {"system", "rules"}
    largest = workforce.wage.max()
    assert f"{largest:.3f}"[:-1] not in text


def test_too_few_degrees_of_freedom_hold_back_every_estimate() -> None:
    table = ordinary_table(8, 3).groupby("workplace").head(3)
    workforce = Workforce.from_frame(table, FORMULA, ["seniority"], name="few")
    found = {c.name: c for c in releases(SPEC, workforce, drawn(workforce), 2)}
    held = release([found["parameters"]], Rules())[0].held
    assert held["why"].str.contains("degrees of freedom").any() and set(held["row"]) >= {"d, ", "γ, school"}
    assert not len(release([found["parameters"]], Rules(workers=1, workplaces=1, share=1.0, freedom=0))[0].held)


def test_what_subtraction_would_tell_is_held_back_too() -> None:
    place = np.repeat(np.arange(20), 5)
    groups = np.repeat([0, 1, 2], [5, 35, 60])
    everybody = np.arange(100)
    crowd = [Behind(place, everybody, groups == g) for g in range(3)] + [Behind(place, everybody, groups >= 0)]
    table = pd.DataFrame({"workers": [5.0, 35.0, 60.0, 100.0]}, index=pd.Index(["a", "b", "c", "all"], name="group"))
    alone = release([Candidate("t", "T", table, [[b] for b in crowd])], Rules())[0]
    assert alone.held["row"].tolist() == ["a"]
    found = release([Candidate("t", "T", table, [[b] for b in crowd], [[(0, 0), (1, 0), (2, 0)]])], Rules())[0]
    assert found.held["row"].tolist() == ["a", "b"] and found.held["why"].tolist()[1] == RECOVERABLE
    assert found.table.index.tolist() == ["c", "all"] and found.table["workers"].notna().all()
    # The same without being told what adds up, over two tables.
    told = [replace(b, tells="workers") for b in crowd]
    parts = [Candidate(n, n, table.iloc[k], [[told[i]] for i in k]) for n, k in (("t", [0, 1]), ("u", [2, 3]))]
    one, two = release(parts, Rules())
    assert one.held["row"].tolist() == ["a", "b"] or two.held["row"].tolist() == ["c"]


def test_two_lines_of_table_1_do_not_tell_a_count() -> None:
    """One workplace of 21 to 50 in A: the column is protected by another of its cells, and that one by its row."""
    found = left(several(A=[30] + [4] * 30 + [10] * 6, B=[30] * 4 + [4] * 30 + [10] * 30, C=[30] * 9 + [4] * 40 + [10] * 40))
    table = found["data_workplaces"].drop(columns="share with 2–5", errors="ignore").iloc[:, :-2]
    names, classes = ["A", "B", "C"], ["2–5", "6–20", "21–50"]
    # All that is told is a sum of the nine counts; the secret one must not be a combination of them.
    at = {(r, c): 3 * i + j for i, r in enumerate(names) for j, c in enumerate(classes)}
    rows = []
    for r in table.index:
        for c in [*classes, "all"]:
            if c in table and pd.notna(table.loc[r, c]):
                row = np.zeros(9)
                row[[at[a, b] for a in (names if r == "all" else [r]) for b in (classes if c == "all" else [c])]] = 1.0
                rows.append(row)
    secret = np.eye(9)[at["A", "21–50"]]
    assert np.linalg.matrix_rank([*rows, secret]) > np.linalg.matrix_rank(rows)


def test_a_share_does_not_tell_a_count() -> None:
    more = [10] * 40 + [30] * 40
    found = left(several(A=[4] * 2 + [10] * 30 + [30] * 30, B=[4] * 20 + more, C=[4] * 25 + more))
    table = found["data_workplaces"]
    held = table.reindex(columns=["2–5"])["2–5"].isna()
    assert held["A"] and held.drop(["A"]).any() and table.reindex(columns=["share with 2–5"])[held].isna().all().all()


def test_two_tables_do_not_tell_the_mean_of_one_workplace() -> None:
    """All of B's workplaces but one are of 21 to 50, and nobody else's are."""
    found = left(several(A=[4] * 30 + [12] * 30, B=[35] * 12 + [12]))
    by_industry, by_size = found["data_industries"]["wage"], found["by_size"]["wage, data"]
    assert not ("B" in by_industry and pd.notna(by_industry["B"]) and "21–50" in by_size and pd.notna(by_size["21–50"]))


def test_people_with_several_rows_are_one_worker() -> None:
    ordinary = several(A=[10] * 30, B=[10] * 30)
    ordinary["pid"] = [f"o{i}" for i in range(len(ordinary))]
    two = several(X=[5] * 3).assign(pid=lambda t: [f"x{i % 2}" for i in range(len(t))])
    bosses = several(Z=[10] * 4).assign(pid=[f"z{i}" for i in range(40)])
    for k, times in ((0, 80.0), (1, 10.0)):
        rows = [k, 10 + k, 20 + k, 30 + k]
        bosses.loc[rows, "pid"], bosses.loc[rows, "wage"] = f"boss {k}", bosses["wage"].mean() * times
    found = left(pd.concat([ordinary, two], ignore_index=True), person="pid")
    assert "X" not in found["data_industries"].index
    found = left(pd.concat([ordinary, bosses], ignore_index=True), person="pid")
    assert pd.isna(found["data_industries"].loc["Z", "wage"]) and pd.notna(found["data_industries"].loc["Z", "school"])


def test_a_standard_deviation_does_not_tell_one_wage() -> None:
    table = several(A=[20] * 40, B=[20] * 40)
    table.loc[5, "wage"] = 0.05 * len(table) * table["wage"].mean()
    found = left(table)
    assert pd.isna(found["data_workers"].loc["wage", "std"]) and pd.notna(found["data_workers"].loc["wage", "mean"])
    assert (
        "wage" not in found["data_coworkers"].index or found["data_coworkers"].loc["wage", "overall":"correlation"].isna().all()
    )
    assert pd.isna(found["variation"].get("data", pd.Series(np.nan, [("wage", "overall")]))[("wage", "overall")])


def test_those_whom_a_factor_leaves_out_are_enough() -> None:
    table = several(A=[20] * 40, B=[20] * 40)
    table["job"] = np.where(np.arange(len(table)) % 3 == 1, "clerk", "driver")
    table.loc[[7, 900], "job"] = "bishop"  # the first of the alphabet: all are set against these two
    table["pilot"] = 0.0
    table.loc[[3, 901], "pilot"] = 1.0
    found = left(table, FORMULA + " + job + {school + pilot}", whole=True)
    for name in ("parameters", "data_workers", "data_coworkers"):
        labels = " ".join(map(str, found[name].index))
        assert "school" in labels and "job" not in labels and "pilot" not in labels, name
    assert not [c for c in found["data_industries"] if "job" in c or "pilot" in c]


FEW = Rules()


def test_what_leaves_is_rounded_to_what_few_would_change() -> None:
    place, everybody = np.arange(400) % 20, np.arange(400)
    mean = Behind(place, everybody, everybody >= 0, moves=np.full(400, 1.0 / 400))
    assert mean.rounded(0.514286, FEW) == 0.5 and mean.rounded(0.53, FEW) == 0.55  # steps of .05, the first above 10/400
    assert Behind(place, everybody, everybody >= 0).rounded(7.91, FEW) == 8.0  # by 2.5% of it: .2
    assert Behind(place, everybody, everybody >= 0, moves=np.ones(400)).rounded(836, FEW) == 840
    assert Behind(place, everybody, everybody >= 0, moves=np.zeros(400), moved_by_workplace=1.0).rounded(12, FEW) == 10
    assert Behind(place, everybody, everybody >= 0).rounded(7.9123, Rules(workers=0, workplaces=0)) == 7.9123


def test_the_gap_of_two_coworkers_does_not_follow_from_two_tables() -> None:
    """With one odd size of workplace, two variances within workplaces were two equations in two unknowns."""
    workforce = Workforce.from_frame(several(A=[11] * 24, B=[11] * 24 + [2]), FORMULA, ["seniority"], name="pair")
    draws = drawn(workforce, 2)
    tables = {c.name: c for c in (*_data_tables(workforce), _variation(SPEC, workforce, draws, 2))}
    (first,) = workforce.offsets[:-1][workforce.sizes == 2]
    pair = workforce.wage[first : first + 2]
    square = float(((pair - pair.mean()) ** 2).sum())
    variation = tables["variation"]
    row = list(variation.table.index).index(("wage", "within"))
    sd, behind = float(variation.table["data"].iloc[row]), variation.of(row, 0)
    error = workforce.n_workers * 2.0 * sd * behind.step(sd, FEW) / 2.0  # of the sum of squares that follows
    assert error > 5.0 * square
    told = next(r for r in release(list(tables.values()), FEW) if r.name == "variation").table["data"].iloc[row]
    assert abs(told - sd) <= behind.step(sd, FEW) / 2.0 * (1 + 1e-9)


def test_a_count_does_not_follow_from_another_and_a_share() -> None:
    found = left(several(A=[4] * 40 + [10] * 40 + [30] * 40, Y=[4] * 12 + [10] * 10 + [30] * 10, X=[30] * 2))["data_workplaces"]
    count, share = found.loc["Y", "2–5"], found.loc["Y", "share with 2–5"]
    assert count == 10 and share == 0.4  # of 12 and .375: between 15 and 36 workplaces
    counts = found.drop(columns=[c for c in found if "share" in c or "behind" in c])
    assert (counts.stack().dropna() % 5 == 0).all()


def test_shares_do_not_tell_counts() -> None:
    """Mean of a dummy times people, and combinations of such means with that of an interaction, were whole numbers."""
    table, rng = several(A=[20] * 20, B=[20] * 20), np.random.default_rng(3)
    union, native = (rng.uniform(size=(2, len(table))) < 0.8).astype(float)
    native[(union == 0) & (native == 0)] = 1.0
    union[[1, 101, 201, 301, 401, 501]] = native[[1, 101, 201, 301, 401, 501]] = 0.0
    found = left(table.assign(union=union, native=native), FORMULA + " + union * native")
    means, steps = found["data_workers"]["mean"], dict.fromkeys(("union", "native", "union:native"), 0.02)
    for t, step in steps.items():  # 10 of 800 is .0125
        assert means[t] / step == pytest.approx(round(means[t] / step)), t
    assert (1 - union) @ (1 - native) == 6 and len(table) * sum(steps.values()) / 2.0 > 20  # how far off what follows may be


def step(candidate: Candidate, row: int, column: int) -> float:
    return candidate.of(row, column).step(float(candidate.table.iloc[row, column]), FEW)


@pytest.mark.parametrize("extreme", [True, False])
def test_ten_workers_move_nothing_that_leaves_by_more_than_its_rounding(extreme: bool) -> None:
    """The same payroll without ten workers, those paid most or any: every mean and deviation within two steps or so."""
    table = several(A=[11] * 60, B=[11] * 60 + [6])
    table["pilot"] = (np.arange(len(table)) % 36 == 3).astype(float)
    table["hundred"] = 100.0 * (np.arange(len(table)) % 40 == 1)
    table.loc[len(table) - 2, "wage"] = 15.0 * table["wage"].mean()
    gone = table["wage"].nlargest(10).index if extreme else table.sample(10, random_state=2).index
    gone = gone.union(table.index[table["pilot"] == 1.0][:3])
    formula = FORMULA + " + pilot + hundred"
    both = [
        {c.name: c for c in _data_tables(Workforce.from_frame(t, formula, ["seniority"], name="t"))}
        for t in (table, table.drop(gone).reset_index(drop=True))
    ]
    for name, columns in (("data_workers", 2), ("data_coworkers", 4), ("data_industries", None)):
        one, other = both[0][name], both[1][name]
        for r, c in np.ndindex(len(one.table), columns or one.table.shape[1]):
            moved = abs(float(one.table.iloc[r, c]) - float(other.table.iloc[r, c]))
            assert moved <= 2.5 * step(one, r, c), (name, one.table.index[r], one.table.columns[c], moved, step(one, r, c))


def test_the_deviation_of_a_dummy_tells_no_more_than_its_mean() -> None:
    table = several(A=[20] * 20, B=[20] * 20)
    table["pilot"] = (np.arange(len(table)) % 21 == 3).astype(float)
    candidate = next(c for c in data_tables_of(table, " + pilot") if c.name == "data_workers")
    row = list(candidate.table.index).index("pilot")
    share = float(candidate.table["mean"].iloc[row])
    slope = (1.0 - 2.0 * share) / (2.0 * np.sqrt(share * (1.0 - share)))
    assert step(candidate, row, 1) / slope > 8.0 / len(table)  # of people, when read backwards


def data_tables_of(table: pd.DataFrame, more: str = "") -> list[Candidate]:
    return _data_tables(Workforce.from_frame(table, FORMULA + more, ["seniority"], name="t"))


def test_wages_that_are_alike_do_not_leave() -> None:
    table = several(A=[20] * 20, B=[20] * 20, X=[4] * 4)
    table.loc[table["industry"] == "X", "wage"] = 9.3171
    found = left(table)
    assert "9.3171" not in "".join(t.to_csv() for t in found.values())
    assert pd.isna(found["data_industries"]["wage"].get("X", np.nan))
    near = several(A=[20] * 20, B=[20] * 20, X=[4] * 10)
    near.loc[near["industry"] == "X", "wage"] = 9.3171 + 0.001 * np.arange(40)
    told = left(near)["data_industries"].loc["X", "wage"]
    assert told == round(told, 1)  # digits do not tell how alike they are


@pytest.mark.parametrize("formula", [" + job * school", " + job:school + job:female", " + job:female", " + clerk + driver"])
def test_a_base_of_few_holds_back_what_is_set_against_it(formula: str) -> None:
    table = several(A=[20] * 40, B=[20] * 40)
    table["job"] = np.where(np.arange(len(table)) % 2, "clerk", "driver")
    table.loc[[7, 400, 900], "job"] = "bishop"
    table["clerk"], table["driver"] = ((table["job"] == j).astype(float) for j in ("clerk", "driver"))
    found = left(table, FORMULA + formula, whole=True)["parameters"]
    shown = [str(t) for _, t in found.index]
    assert not [t for t in shown if "job" in t or t in ("clerk", "driver")], shown
    assert ("school" in shown) == ("school" not in formula) and ("female" in shown) == ("female" not in formula)


def test_a_total_that_is_shown_with_its_parts_is_their_sum() -> None:
    """Twelve in each of four industries, told as ten: a total of 50 would say that all are twelve."""
    twelve = [4] * 12 + [10] * 12 + [30] * 12
    table = left(several(A=twelve, B=twelve, C=twelve, D=twelve))["data_workplaces"]
    for column in ("2–5", "6–20", "21–50"):
        assert table.loc["all", column] == 40 == table[column].drop("all").sum()
    assert table.loc["all", "all"] == 120 and table.loc["A", "all"] == 30


def test_zeros_beside_few_do_not_leave() -> None:
    """Else it is known of each cell that is held back that somebody is there."""
    rest = [4] * 40 + [10] * 40 + [30] * 60
    table = left(several(A=rest, B=rest, X=[4, 10, 30]))["data_workplaces"]
    assert "X" not in table.index


def test_counts_beside_one_table_do_not_tell_what_another_holds_back(
    out: tuple[pd.DataFrame, Path], workforce: Workforce
) -> None:
    """Table 3 holds back the small industries' workers; those behind the parameters of the others must not add up to them."""
    held, folder = out
    table = pd.read_csv(folder / "tables" / "parameters.csv").set_index(["parameter", "term"])
    behind = table.loc["β", "workers behind, at least"]
    exact = pd.Series(np.bincount(workforce.worker_industry), index=workforce.industries)
    assert set(held.loc[(held["table"] == "data_industries") & (held["column"] == "workers"), "row"]) >= {"nine workers"}
    assert (behind.dropna() % 10 == 0).all() and (behind.dropna() <= exact[behind.dropna().index]).all()


def test_an_export_goes_into_a_folder_of_its_own(tmp_path: Path, workforce: Workforce) -> None:
    (tmp_path / "wages.csv").write_text("kept")
    with pytest.raises(DataFaults, match="not empty"):
        export(JOINT_PRODUCTION, SPEC, workforce, drawn(workforce), {}, [], tmp_path)
    for wrong in ({"share": 0.0}, {"share": float("nan")}, {"workers": -1}, {"largest": 0}):
        with pytest.raises(DataFaults, match="rule of disclosure"):
            Rules(**wrong)
