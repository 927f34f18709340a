"""Panels of any firm: parts of one, one year, no lowest level; what cannot be estimated is left out by name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytest
from pytensor.compile.mode import Mode

from bayes_labor.data import DataFaults, Personnel, personnel
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models import BonusSpec, PrizeSpec, ReceiptSpec, bonus_receipt, bonus_size, promotion_prize
from bayes_labor.models.bonuses.design import Regressors, bonus_design
from bayes_labor.models.notes import notes_of
from bayes_labor.models.panel_design import IdentificationError, PanelDesign, check_identified
from bayes_labor.models.starting import starting_point
from bayes_labor.numerics.groups import Groups
from bayes_labor.posteriors.bonuses.classical import within
from bayes_labor.posteriors.bonuses.fits import fit_panel
from bayes_labor.posteriors.bonuses.prior_page import bonus_prior_page
from bayes_labor.posteriors.bonuses.system import SIZE
from bayes_labor.posteriors.verbs import Opened, report

PYTHON = Mode("py", "fast_compile")


@pytest.fixture(scope="module")
def firm() -> pd.DataFrame:
    return personnel(seed=1).table


def part(firm: pd.DataFrame, workers: int, seed: int) -> Personnel:
    chosen = np.random.default_rng(seed).choice(firm["id"].unique(), workers, replace=False)
    return Personnel(firm[firm["id"].isin(chosen)])


def starts(model: pm.Model) -> bool:
    """Whether the log density and its gradient are finite where sampling starts."""
    call = pytensor.function(model.value_vars, [model.logp(), model.dlogp()], mode=PYTHON)
    at = starting_point(model)
    value, gradient = call(*(at[v.name] for v in model.value_vars))
    return bool(np.isfinite(value) and np.isfinite(gradient).all())


@pytest.mark.parametrize("workers", [100, 400, 1600])
def test_any_part_of_a_firm_builds(firm: pd.DataFrame, workers: int) -> None:
    """Eight random parts of each size; within workers, all that is kept can be told apart."""
    for seed in range(8):
        panel = part(firm, workers, seed)
        check_identified(BonusSpec().design(panel))
        assert starts(bonus_size(panel)), seed


@pytest.mark.parametrize("build", [bonus_receipt, promotion_prize])
def test_the_other_models_build_too(firm: pd.DataFrame, build: Any) -> None:
    for seed in (0, 2, 6):
        assert starts(build(part(firm, 100, seed))), seed


def test_what_never_varies_within_workers_is_left_out_by_name(firm: pd.DataFrame) -> None:
    """Its worker mean stays: between workers it can be told."""
    panel = part(firm, 100, 0)
    design = BonusSpec().design(panel)
    reasons = ("never varies within workers", "a combination of others within workers")
    assert design.left_out == dict(zip(("level 5", "rating 3"), reasons, strict=True))
    assert "mean of level 5" in design.terms and "level 5" not in design.terms
    assert notes_of(bonus_size(panel)).left_out == design.left_out
    pooled = BonusSpec(means=False).design(panel)
    assert "level 5" in pooled.terms and not pooled.left_out
    estimate = within(pooled).estimate
    assert "level 5" not in estimate.index and np.isfinite(estimate).all()


def test_a_combination_of_others_is_left_out_by_name(firm: pd.DataFrame) -> None:
    """Average increase made a multiple of age within workers, up to a constant of the worker."""
    panel = Personnel(firm[firm["id"] % 9 == 0].assign(avg_increase=lambda t: 0.01 * t["age"] + t["talent"]))
    design = bonus_design(panel, Regressors(blocks=("levels", "age", "avg_increase")))
    assert design.left_out == {"average increase": "a combination of others within workers"}
    check_identified(design)


def test_the_lowest_level_is_the_base(firm: pd.DataFrame) -> None:
    """A firm of levels 2 to 5 of which one is never left and ratings start at 2."""
    table = firm[(firm["level"] >= 2) & (firm["rating"] != 1)]
    first = table["id"].ne(table["id"].shift()) | table["year"].diff().ne(1)
    panel = Personnel(table.assign(id=first.cumsum()))
    design = BonusSpec().design(panel)
    assert [t for t in design.terms if t.startswith(("level", "rating"))] == [
        "level 3", "level 4", "level 5", "rating 3", "rating 4",
    ]  # fmt: skip
    assert not design.left_out and starts(bonus_size(panel))
    prize = PrizeSpec().design(panel)
    for equation in (prize.promotion, prize.increase):
        assert "level 2" not in equation.terms and np.linalg.matrix_rank(equation.columns) == len(equation.terms)
    mixture = bonus_size(part(panel.table, 1500, 1), ratings="mixture", blocks=("ratings",), means=False, years="none")
    assert list(mixture.coords["rating_cut"]) == ["2 to 3", "3 to 4"] and starts(mixture)


def test_nothing_that_varies_is_recognised() -> None:
    """All columns constant within workers: every one is named."""
    groups, prior = Groups.of(np.repeat(np.arange(20), 2)), (np.zeros(3), np.ones(3))
    columns = np.column_stack([np.ones(40), np.repeat(np.arange(20.0), 2), np.repeat(np.arange(20.0) ** 2, 2)])
    design = PanelDesign(
        np.zeros(40), columns, ("intercept", "age", "age squared"), ("intercept", "age", "age"), *prior, groups
    )
    with pytest.raises(IdentificationError, match="age, age squared cannot be told apart within workers"):
        check_identified(design)


@pytest.fixture(scope="module")
def one_year(firm: pd.DataFrame) -> Personnel:
    return Personnel(firm[(firm["year"] == 1985) & (firm["id"] % 4 == 0)], "one year")


def test_one_year(one_year: Personnel, tmp_path: Path) -> None:
    """No worker effect to speak of, said on the page, in the record and in the table; slopes are least squares'."""
    fit = fit_panel("bonus-size", one_year, BonusSpec(), tmp_path, draws=150, tune=150, chains=2, seed=1)
    assert "tau" not in fit.model.named_vars and set(notes_of(fit.model).left_out) == {"worker effects", "worker means"}
    table, said = SIZE.table(BonusSpec(), one_year, fit.draws), "worker effects: one row a worker"
    assert ("left out", said) in table.index
    assert said in report(Opened(SIZE, BonusSpec(), one_year, RunFolder(tmp_path)), fit.draws).read_text()
    assert json.loads((tmp_path / "run.json").read_text())["left out"]["worker effects"] == "one row a worker"
    design = BonusSpec().design(one_year)
    slope = np.linalg.lstsq(design.columns, design.outcome, rcond=None)[0][design.terms.index("level 4")]
    own = table.loc[("bonus", "level 4")]
    assert own["mean"] == pytest.approx(slope, abs=own["sd"])
    bonus_prior_page("bonus-size", one_year, BonusSpec(), tmp_path, draws=50)


@pytest.mark.parametrize("settings", [{"errors": "student"}, {"ordered": True}, {"ratings": "mixture"}])
def test_one_year_under_other_assumptions(one_year: Personnel, settings: dict[str, Any]) -> None:
    model = bonus_size(one_year, **settings)
    assert starts(model) and "tau" not in model.named_vars


def test_one_year_in_the_other_models(one_year: Personnel) -> None:
    model = bonus_receipt(one_year)
    assert starts(model) and "tau" not in model.named_vars
    with pytest.raises(DataFaults, match="the conditional likelihood needs workers with several years"):
        bonus_receipt(one_year, ReceiptSpec(effects="conditional"))
    with pytest.raises(DataFaults, match="no promoted rows with a known increase"):
        promotion_prize(one_year)


def test_bonuses_that_do_not_vary_are_one_clear_fault(firm: pd.DataFrame) -> None:
    same = Personnel(firm[firm["id"] % 9 == 0].assign(bonus=lambda t: np.where(t["bonus"] > 0, 500.0, 0.0)))
    with pytest.raises(DataFaults, match="all bonuses are the same"):
        bonus_size(same)
