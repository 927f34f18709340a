"""Sixty personnel tables of odd shape: each fits, with what was left out named, or gets one clear fault; none a traceback."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest

from bayes_labor.data import DataFaults, Personnel, personnel
from bayes_labor.data.bonuses.careers import Careers
from bayes_labor.models import BonusSpec, PrimitivesSpec, PrizeSpec, ReceiptSpec, bonus_receipt, bonus_size, tournament_moments
from bayes_labor.models.bonuses.design import Regressors
from bayes_labor.models.notes import notes_of
from bayes_labor.models.panel_design import PanelDesign
from bayes_labor.posteriors.bonuses.results import levels_of

Change = Callable[[pd.DataFrame], pd.DataFrame]
WORDS = {1: "junior", 2: "senior", 3: "principal", 4: "manager", 5: "director"}
RANKS = {1.0: "exceeds", 2.0: "meets", 3.0: "below", 4.0: "fails"}
NO_RATINGS = {"blocks": ("levels", "age", "tenure")}
LEVELS_ONLY = {"blocks": ("levels",)}


@pytest.fixture(scope="module")
def firm() -> pd.DataFrame:
    """A part of a generated firm with a division, a manager and sales beside it."""
    table = personnel(seed=1).table
    table = table[table["id"] % 40 == 0].reset_index(drop=True)
    rng = np.random.default_rng(0)
    division = (table["id"] % 3).map({0: "north", 1: "south", 2: "west"})
    return table.assign(division=division, sales=np.exp(rng.normal(10.0, 1.0, len(table))), site="main")


def of(**columns: Any) -> Change:
    return lambda t: t.assign(**{k: v(t) if callable(v) else v for k, v in columns.items()})


def rows(keep: Callable[[pd.DataFrame], Any]) -> Change:
    return lambda t: t[keep(t)]


def workers(n: int) -> Change:
    return lambda t: t[t["id"].isin(t[t["bonus"] > 0]["id"].unique()[:n])]


def gap(t: pd.DataFrame) -> pd.DataFrame:
    return t[(t["year"] != 1984) | (t["id"] % 80 != 0)]


def demoted(t: pd.DataFrame) -> pd.DataFrame:
    last = t["id"].ne(t["id"].shift(-1)) & t["id"].eq(t["id"].shift()) & (t["level"] > 1)
    return t.assign(level=t["level"] - last)


def two_firms(t: pd.DataFrame) -> pd.DataFrame:
    other = t[t["id"] % 120 == 0].assign(firm="B")
    return pd.concat([t.assign(firm="A"), other])


def nullable(t: pd.DataFrame) -> pd.DataFrame:
    return t.astype({"level": "Int16", "rating": "Float64", "promoted": "boolean", "year": "Int32"})


def alone(t: pd.DataFrame) -> pd.DataFrame:
    return t[(t["bonus"] == 0) | (t.index == t.index[t["bonus"] > 0][0])]


# name: (change of the table, what is said of careers, of the regression; what is left out, or the fault after "!")
CASES: dict[str, tuple[Change, dict[str, Any], dict[str, Any], str]] = {
    "as it is": (of(), {}, {}, ""),
    "rows in any order": (lambda t: t.sample(frac=1.0, random_state=1), {}, {}, ""),
    "columns in any order": (lambda t: t[t.columns[::-1]], {}, {}, ""),
    "columns nobody asked for": (of(note="x", more=np.nan), {}, {}, ""),
    "nullable columns": (nullable, {}, {}, ""),
    "one year": (rows(lambda t: t["year"] == 1985), {}, {}, "worker effects: one row a worker"),
    "two years": (rows(lambda t: t["year"].between(1985, 1986)), {}, {}, "within workers"),
    "two people": (workers(2), {}, {}, "age squared: a combination of others within workers.*female: never varies"),
    "one person": (rows(lambda t: t["id"] == t[t["bonus"] > 0]["id"].mode()[0]), {}, NO_RATINGS, "mean of age: never varies"),
    "one person with one bonus": (workers(1), {}, NO_RATINGS, "!all bonuses are the same"),
    "five people": (workers(5), {}, {}, "level"),
    "nobody": (rows(lambda t: t["id"] < 0), {}, {}, "!the table has no rows"),
    "levels 2 to 5": (rows(lambda t: t["level"] > 1), {"gaps": "keep"}, {}, ""),
    "levels 1 and 4": (rows(lambda t: t["level"].isin([1, 4])), {"gaps": "keep"}, {}, "level 4"),
    "one level": (rows(lambda t: t["level"] == 3), {"gaps": "keep"}, {}, ""),
    "twelve grades": (of(level=lambda t: 2 * t["level"] + (t["ten_firm"] > 4)), {"demotions": "keep"}, {}, ""),
    "grades from 0": (of(level=lambda t: t["level"] - 1), {}, {}, ""),
    "grades below 0": (of(level=lambda t: t["level"] - 9), {}, {}, ""),
    "grades 7 to 15": (of(level=lambda t: 2 * t["level"] + 5), {}, {}, ""),
    "grades as floats": (of(level=lambda t: t["level"] * 1.0), {}, {}, ""),
    "grades of 1.5": (of(level=lambda t: t["level"] * 1.5), {}, {}, "!levels that are not whole numbers"),
    "grades like 07": (of(level=lambda t: t["level"].map("{:02d}".format)), {}, {}, ""),
    "text grades": (of(level=lambda t: t["level"].map(WORDS)), {"level_order": tuple(WORDS.values())}, {}, ""),
    "text grades without an order": (of(level=lambda t: t["level"].map(WORDS)), {}, {}, "!level has words whose order"),
    "text grades, one not in the order": (
        of(level=lambda t: t["level"].map(WORDS)), {"level_order": ("junior", "senior")}, {}, "!order is not said: 'manager', ",
    ),
    "ordered categories": (
        of(level=lambda t: pd.Categorical(t["level"].map(WORDS), list(WORDS.values()), ordered=True)), {}, {}, "",
    ),
    "two hundred grades": (of(level=lambda t: np.arange(len(t)) % 200), {"demotions": "keep"}, {}, "!level has 200 different"),
    "another base": (of(), {}, {"base": {"level": 3, "rating": 2}}, ""),
    "a base in words": (
        of(level=lambda t: t["level"].map(WORDS)), {"level_order": tuple(WORDS.values())}, {"base": {"level": "senior"}}, "",
    ),
    "a base that nobody has": (of(), {}, {"base": {"level": 9}}, "!the base of level, 9, does not occur"),
    "a base that is no word": (of(), {}, {"base": {"rank": 1}}, "!base says 'rank'"),
    "one rating": (rows(lambda t: t["rating"].isna() | (t["rating"] == 2)), {"gaps": "keep"}, {}, ""),
    "no ratings at all": (of(rating=np.nan), {}, {}, "!no rows are left"),
    "no column of ratings": (lambda t: t.drop(columns="rating"), {}, {}, "!the panel has no rating.*blocks=.*levels"),
    "no column of ratings, said": (lambda t: t.drop(columns="rating"), {}, NO_RATINGS, ""),
    "seven ratings": (of(rating=lambda t: t["id"] % 7), {}, {}, "never varies within workers"),
    "ratings of halves": (of(rating=lambda t: t["rating"] / 2.0), {}, {}, ""),
    "text ratings": (of(rating=lambda t: t["rating"].map(RANKS)), {"rating_order": tuple(RANKS.values())}, {}, ""),
    "a score": (of(rating=lambda t: t["sales"]), {}, {}, "!rating has .* different values"),
    "gaps": (gap, {}, {}, "!years of a worker are not consecutive.*--gaps keep"),
    "gaps kept": (gap, {"gaps": "keep"}, {}, ""),
    "gaps as spells": (gap, {"gaps": "spells"}, {}, ""),
    "gaps of another word": (gap, {"gaps": "ignore"}, {}, "!gaps = 'ignore' is not known"),
    "demotions": (demoted, {}, {}, "!levels fall.*--demotions keep"),
    "demotions kept": (demoted, {"demotions": "keep"}, {}, ""),
    "demotions as spells": (demoted, {"demotions": "spells"}, {}, ""),
    "demotions dropped": (demoted, {"demotions": "drop"}, {}, ""),
    "several firms": (two_firms, {}, {}, "!two rows of a worker in one year.*--firm"),
    "several firms, said": (two_firms, {"firm": "firm"}, {"formula": "C(firm)"}, ""),
    "a firm's column that is not there": (of(), {"firm": "plant"}, {}, "!there is no column 'plant'"),
    "re-hires": (lambda t: gap(t).assign(ten_firm=1, ten_level=1), {"gaps": "spells"}, {}, "never varies"),
    "constant columns": (of(female=1, educ=2, age=40), {}, {}, "female: never varies.*age"),
    "no age": (lambda t: t.drop(columns="age"), {}, {}, "!the panel has no age"),
    "ages missing": (of(age=lambda t: t["age"].where(t["id"] % 80 > 0)), {}, {}, "!missing values in age"),
    "negative bonuses": (of(bonus=lambda t: t["bonus"] - 500.0), {}, {}, "!negative bonuses"),
    "no bonuses": (of(bonus=0.0), {}, {}, "!no rows are left"),
    "one bonus": (alone, {"gaps": "keep"}, {}, "!all bonuses are the same|no rows are left"),
    "cents and billions": (of(bonus=lambda t: np.where(t["id"] % 80 > 0, 1e-2, 1e9) * (t["bonus"] > 0)), {}, {}, ""),
    "only bonuses": (rows(lambda t: t["bonus"] > 0), {"gaps": "keep"}, {}, ""),
    "tenures on nobody's record": (
        lambda t: t.drop(columns=["ten_level", "ten_firm", "promoted"]), {}, {}, "!columns ten_level, .*--count",
    ),
    "tenures counted": (lambda t: t.drop(columns=["ten_level", "ten_firm", "promoted"]), {"count": True}, {}, ""),
    "ids and words mixed": (of(id=lambda t: t["id"].astype(object).where(t["id"] % 80 > 0, "x")), {}, {}, "!id has both"),
    "ids as text": (of(id=lambda t: "P" + t["id"].astype(str)), {}, {}, ""),
    "own covariates": (of(), {}, {"formula": "C(division) + log(sales)*level"}, ""),
    "an own covariate twice": (of(twice=lambda t: 2.0 * t["sales"]), {}, {"formula": "sales + twice"}, "twice: a combination"),
    "an own covariate that is constant": (of(), {}, {"formula": "C(site) + sales"}, ""),
    "an own covariate that is not there": (of(), {}, {"formula": "profit"}, "!names 'profit', which is not a column"),
    "an own covariate that is the bonus": (of(), {}, {"formula": "log(bonus)"}, "!explains the bonus by itself"),
    "an own covariate with holes": (of(sales=np.nan), {}, {"formula": "sales"}, "!sales is missing"),
    "a log of zero": (of(sales=0.0), {}, {"formula": "log(sales)"}, "!not finite"),
    "code in a formula": (of(), {}, {"formula": "__import__('os').getcwd()"}, "!says what it may not"),
}  # fmt: skip


def built(change: Change, careers: dict[str, Any], spec: dict[str, Any], firm: pd.DataFrame) -> tuple[PanelDesign, pm.Model]:
    panel = Personnel(change(firm), careers=Careers(**careers))
    chosen = BonusSpec(**spec)
    return chosen.design(panel), bonus_size(panel, chosen)


def test_there_are_sixty() -> None:
    assert len(CASES) >= 60


@pytest.mark.parametrize("name", CASES)
def test_every_table(name: str, firm: pd.DataFrame) -> None:
    """Built with what was left out named, all that is kept told apart; or one clear fault that says what, where and how."""
    change, careers, spec, expected = CASES[name]
    if expected.startswith("!"):
        with pytest.raises(DataFaults, match=f"(?s){expected[1:]}") as caught:
            built(change, careers, spec, firm)
        assert len(caught.value.faults) == 1 and all((f.what, f.where, f.remedy) for f in caught.value.faults)
        return
    design, model = built(change, careers, spec, firm)
    said = "; ".join(f"{k}: {v}" for k, v in notes_of(model).left_out.items())
    assert pd.Series([said]).str.contains(expected, regex=True).all(), said
    inside = design.groups.within(design.columns[:, design.varying])
    assert np.linalg.matrix_rank(inside) == len(design.varying) or not BonusSpec(**spec).means or "worker means" in said
    assert np.isfinite(design.columns).all() and (design.prior_sd > 0).all() and len(set(design.terms)) == len(design.terms)
    assert "worker effects" in said or model["tau"] is not None


def test_what_is_left_out_is_of_no_use(firm: pd.DataFrame) -> None:
    """Two columns of one thing: whichever comes first stays, and the fit is the same."""
    doubled = Personnel(firm.assign(twice=3.0 * firm["sales"]))
    one, two = (BonusSpec(formula=f).design(doubled) for f in ("sales", "sales + twice"))
    assert one.terms == two.terms and set(two.left_out) - set(one.left_out) == {"twice", "mean of twice"}


def test_own_covariates_are_on_their_side_of_the_split(firm: pd.DataFrame) -> None:
    """What varies within workers has a worker mean; a division does not; an interaction of both varies."""
    design = BonusSpec(formula="log(sales) + C(division) + log(sales):female").design(Personnel(firm))
    of_term = dict(zip(design.terms, design.blocks, strict=True))
    assert of_term["log(sales)"] == "own" and of_term["mean of log(sales)"] == "means"
    assert of_term["log(sales):female"] == "own" and of_term["C(division)[T.south]"] == "worker"
    at = design.terms.index("log(sales)")
    assert design.prior_sd[at] == pytest.approx(1.0 / np.log(design.table["sales"]).std(ddof=0))
    given = ReceiptSpec(formula="log(sales) + C(division)", effects="conditional").design(Personnel(firm))
    assert "log(sales)" in given.terms and given.left_out["C(division)[T.south]"] == "never varies within workers"
    assert not any("division" in t for t in given.terms)
    logit = ReceiptSpec(formula="log(sales)").design(Personnel(firm))
    own, level = logit.terms.index("log(sales)"), logit.terms.index("level 2")
    assert logit.prior_sd[own] == pytest.approx(2.5 / logit.columns[:, own].std()) and logit.prior_sd[level] == 2.5


def test_another_unit_is_the_same_regression(firm: pd.DataFrame) -> None:
    panel = Personnel(firm.assign(thousands=firm["sales"] / 1000.0))
    one, other = (BonusSpec(formula=f, means=False).design(panel) for f in ("sales", "thousands"))
    at = one.terms.index("sales")
    np.testing.assert_allclose(one.columns[:, at] * one.prior_sd[at], other.columns[:, at] * other.prior_sd[at], rtol=1e-10)


def test_levels_around_a_base(firm: pd.DataFrame) -> None:
    """Effects are compared with the base where it stands; with words, too."""
    panel, spec = Personnel(firm), Regressors(base={"level": 3})
    assert levels_of(panel, spec, BonusSpec(base={"level": 3}, means=False).design(panel)) == (
        ("level 1", "level 2", "level 4", "level 5"),
        2,
    )
    words = Personnel(firm.assign(level=firm["level"].map(WORDS)), careers=Careers(level_order=tuple(WORDS.values())))
    terms = BonusSpec().design(words).terms
    assert terms[1:4] == ("level senior", "level principal", "level manager")
    assert list(words.by_level().index) == [*WORDS.values(), "all"] and "junior" in words.between(1982, 1984).by_level().index


def test_spells_and_counts() -> None:
    table = pd.DataFrame({"id": 7, "year": [1, 2, 4, 5, 6], "level": [1, 2, 2, 3, 2], "salary": 1.0, "bonus": 1.0})
    counted = Careers(gaps="spells", demotions="spells", count=True).told(table, "t")[0]
    assert counted["id"].tolist() == ["7", "7", "7 (2)", "7 (2)", "7 (3)"]
    assert counted["ten_level"].tolist() == [1, 1, 1, 1, 1] and counted["ten_firm"].tolist() == [1, 2, 1, 2, 1]
    np.testing.assert_array_equal(counted["promoted"], [1.0, np.nan, 1.0, np.nan, np.nan])
    kept = Careers(gaps="keep", demotions="drop", count=True).told(table, "t")[0]
    assert len(kept) == 4 and kept["ten_level"].tolist() == [1, 1, 2, 1]
    np.testing.assert_array_equal(kept["promoted"], [1.0, np.nan, 1.0, np.nan])


def test_the_other_models_take_such_panels(firm: pd.DataFrame) -> None:
    """Text grades, twelve grades, counted promotions: receipt, prize and primitives."""
    words = Personnel(firm.assign(level=firm["level"].map(WORDS)), careers=Careers(level_order=tuple(WORDS.values())))
    assert "level senior" in PrizeSpec().design(words).promotion.terms
    grades = Personnel(firm.assign(level=2 * firm["level"] + (firm["ten_firm"] > 4)), careers=Careers(demotions="keep"))
    assert sum(t.startswith("level") for t in ReceiptSpec().design(grades).terms) > 6
    assert bonus_receipt(grades).named_vars["tau"] is not None
    moments = [tournament_moments(p).bonus for p in (Personnel(firm), words)]
    np.testing.assert_array_equal(*moments)
    with pytest.raises(DataFaults, match="jobs are given for 3 levels, and the panel has 5"):
        tournament_moments(words, PrimitivesSpec(jobs=(1, 2, 3)))
    lacking = Personnel(firm.drop(columns="promoted"), careers=Careers(count=True))
    assert lacking.table["promoted"].isna().any() and PrizeSpec().design(lacking).promotion.outcome.max() == 1.0
