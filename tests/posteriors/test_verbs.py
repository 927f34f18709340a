"""Verbs of any model: what they refuse, what ranks belong to, where gradients are checked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pymc as pm
import pytest

from bayes_labor.data import DataFaults, macro_series, personnel
from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.models import bonus_receipt
from bayes_labor.models.settings import Settings
from bayes_labor.posteriors import sample, verbs
from bayes_labor.posteriors.learning.system import KNOWN, read_moments
from bayes_labor.posteriors.system import System, system_named, systems


class NoSettings(Settings):
    """None."""


def kinked(data: np.ndarray, spec: NoSettings) -> pm.Model:
    """|x| has a kink at its start; differences there are no derivative."""
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Normal("y", pm.math.abs(x) + pm.math.maximum(3.0 * x, 0.0), 1.0, observed=pm.Data("observed_y", data))
    return model


KINKED = System(
    "kinked", "Kinked", NoSettings, lambda source, columns: np.arange(3.0), kinked,
    lambda data: {"name": "three", "fingerprint": f"{data.sum():g}"}, {"x": "x"},
)  # fmt: skip


def test_a_kink_at_the_start_is_no_wrong_gradient() -> None:
    found = verbs.check(KINKED, np.arange(3.0), NoSettings())
    assert found.gradient_error < 1e-6 and found.sound


def test_a_start_without_a_gradient_is_not_sound() -> None:
    def build(data: np.ndarray, spec: NoSettings) -> pm.Model:
        with pm.Model() as model:
            x = pm.Normal("x", 0.0, 1.0)
            pm.Normal("y", pm.math.abs(x) ** 0.4, 1.0, observed=pm.Data("observed_y", data))
        return model

    assert not verbs.check(replace(KINKED, build=build), np.arange(3.0), NoSettings()).sound


def test_ranks_of_other_data_are_refused(tmp_path: Path) -> None:
    """Also where other data leave prior draws as they are."""
    few = {"keep": tmp_path / "ranks.csv", "draws": 30, "tune": 30}
    verbs.calibrate(KINKED, np.arange(3.0), NoSettings(), 1, **few)
    with pytest.raises(DataFaults, match="ranks"):
        verbs.calibrate(KINKED, np.arange(3.0) + 1.0, NoSettings(), 1, **few)


def test_a_discrete_variable_is_refused_by_name() -> None:
    with pm.Model() as model:
        pm.Poisson("children", 3.0)
        pm.Normal("wage", 0.0, 1.0)
    with pytest.raises(DataFaults, match=r"children is discrete(.|\n)*engine='pymc'"):
        sample(model, draws=5, tune=5, chains=1)


def test_no_tuning_at_all_is_refused() -> None:
    with pytest.raises(DataFaults, match="tune"):
        sample(kinked(np.arange(3.0), NoSettings()), draws=5, tune=0, chains=1)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([(KNOWN[0], 0.6, 0.01), (KNOWN[0], 0.6, 0.01)], "has two rows"),
        ([], "the table has no rows"),
        ([(KNOWN[0], 1.9, 0.01)], "is no share"),
        ([(KNOWN[1], -0.02, 0.01)], "is not positive"),
        ([(KNOWN[1], 0.02, 0.0)], "se positive"),
        ([("employed", 0.5, 0.1)], "employment"),
    ],
)
def test_structural_moments_are_checked_when_read(rows: list, words: str, tmp_path: Path) -> None:
    file = tmp_path / "moments.csv"
    table = pd.DataFrame(rows, columns=["moment", "value", "se"]).astype({"value": float, "se": float})
    table.to_csv(file, index=False)
    with pytest.raises(DataFaults, match=words):
        read_moments(str(file), {})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gdp_growth": [3.0, 2.0, -1.0, 4.0]}, "gdp_growth beyond 0.5"),
        ({"std_log_wage": [0.7, -0.7, 0.7, 0.8]}, "std_log_wage is not positive"),
        ({"std_log_wage": [0.7] * 4}, "std_log_wage never changes"),
        ({"std_log_wage": [70.0, 71.0, 72.0, 73.0]}, "beyond 3"),
        ({"capital_growth": 3.0}, "capital_growth beyond 0.5"),
        ({"recession_months": [0, 99, 0, 0]}, "recession months outside 0 to 12"),
        ({"year": [1960.5, 1961.5, 1962.5, 1963.5]}, "years are not whole"),
    ],
)
def test_series_out_of_range_are_refused(change: dict[str, list[float]], words: str) -> None:
    table = pd.DataFrame({"year": range(1960, 1964), "gdp_growth": [0.03, 0.01, -0.02, 0.04], "capital_growth": 0.03})
    macro_series(table)
    with pytest.raises(DataFaults, match=words):
        macro_series(table.assign(**change))


def test_receipts_that_do_not_vary_and_odd_panels_are_refused() -> None:
    table = personnel("clean", seed=2).table
    table = table[table["id"] % 40 == 0]
    for bonus, who in ((0.0, "nobody has"), (500.0, "everybody has")):
        with pytest.raises(DataFaults, match=who):
            bonus_receipt(Personnel(table.assign(bonus=bonus)))
    with pytest.raises(DataFaults, match="infinite salaries"):
        Personnel(table.assign(salary=np.inf))
    with pytest.raises(DataFaults, match="ages outside 10 to 110"):
        Personnel(table.assign(age=-5.0))
    with pytest.raises(DataFaults, match="female outside 0 to 1"):
        Personnel(table.assign(female=7.0))
    with pytest.raises(DataFaults, match="years that are not whole"):
        Personnel(table.assign(year=table["year"] + 0.5))


def test_every_system_is_whole() -> None:
    """Names are the commands'; every one has symbols, a lead or a page of its own, and specifications with defaults."""
    assert len(systems()) == 10
    for name, system in systems().items():
        assert system.name == name and system.symbols and (system.lead or system.report)
        assert system.spec().model_dump(mode="json") is not None
        with pytest.raises(DataFaults, match=r"neither a file nor a sample|preset|no sample"):
            system.data("nowhere", {}, {})


def test_a_notebook_shows_an_opened_run(tmp_path: Path) -> None:
    """Too few draws: their numbers are not to be read, and the card says so before it shows them."""
    system, source = system_named("learning.regression"), verbs.Source("baseball", {}, {})
    verbs.fit(system, source.read(system), system.spec(), tmp_path / "run", source, draws=40, tune=100, chains=2, seed=1)
    shown = verbs.open_run(tmp_path / "run")._repr_html_()
    assert "2 x 40 draws" in shown and "Not to be read: " in shown and "bulk ESS" in shown and "<table" in shown
    assert shown.index("Not to be read") < shown.index("<table")
