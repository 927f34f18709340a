"""Predictive checks: quiet where the model made the data, and each fails on its own planted fault."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_labor.data import DataFaults, Workforce, norway
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models import JointProductionSpec
from bayes_labor.posteriors.joint_production.equilibrium import solve_each
from bayes_labor.posteriors.joint_production.errors import replicate, residuals
from bayes_labor.posteriors.joint_production.predictive import (
    checks,
    predict,
    predictive_section,
    predictive_table,
    surprising,
)
from tests.data.payrolls import ordinary, ordinary_table
from tests.posteriors.joint_production.test_export import drawn

SPEC = JointProductionSpec()
ONE = xr.Dataset({"sigma": 4.0, "tau": 2.0})
MEAN = 40.0


@pytest.fixture(scope="module")
def workforce() -> Workforce:
    return norway(80, seed=2)


def made(workforce: Workforce, times: int, seed: int = 0) -> list[np.ndarray]:
    """Wages around one mean that grows with size, of workplaces that share errors."""
    rng = np.random.default_rng(seed)
    mean = MEAN + np.repeat(np.log(workforce.sizes), workforce.sizes)
    return [replicate(workforce, mean, ONE, SPEC, rng) for _ in range(times)]


def test_replications_of_the_truth_surprise_nobody(workforce: Workforce) -> None:
    """Over 40 data sets from the same law the least p of seven is below 1% in no more than chance allows."""
    replicated, alarms = made(workforce, 400), 0
    for data in made(workforce, 40, seed=1):
        table, _ = predictive_table(replace(workforce, wage=data), replicated)
        alarms += surprising(table, SPEC) is not None
        assert (table["p"] > 0).all() and (table["p"] <= 1).all()
        assert "share of negative wages" not in table.index  # neither the data nor a replication has any
    assert alarms <= 8  # seven checks at 1%: 2.8 expected if they were independent


FAULTS = {
    "sd of workplaces' mean wages": lambda w, f: w + np.repeat(np.random.default_rng(0).normal(0, 5, len(f)), f),
    "size premium": lambda w, f: w + 3.0 * np.repeat(np.log(f) - np.log(f).mean(), f),
    "correlation of coworkers' wages": lambda w, f: np.random.default_rng(0).permutation(w),
    "skewness of wages": lambda w, f: MEAN * np.exp(0.4 * (w - MEAN) / 4.0),
    "1% of wages": lambda w, f: np.where(np.arange(len(w)) % 60 == 0, 15.0, w),
    "99% of wages": lambda w, f: np.where(np.arange(len(w)) % 60 == 0, 80.0, w),
    "share of negative wages": lambda w, f: np.where(np.arange(len(w)) % 200 == 0, -1.0, w),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_check_sees_its_own_fault(workforce: Workforce, name: str) -> None:
    data = FAULTS[name](made(workforce, 1, seed=3)[0], workforce.sizes)
    table, _ = predictive_table(replace(workforce, wage=data), made(workforce, 400))
    assert table.loc[name, "p"] < 0.01
    assert surprising(table, SPEC) is not None


def test_what_is_compared_is_what_it_is_called(workforce: Workforce) -> None:
    wage = workforce.wage
    groups = np.split(wage, workforce.offsets[1:-1])
    found, means = checks(workforce, wage), np.array([g.mean() for g in groups])
    assert found["sd of workplaces' mean wages"] == pytest.approx(means.std())
    assert found["size premium"] == pytest.approx(np.polyfit(np.log(workforce.sizes), means, 1)[0])
    standard = [(g - wage.mean()) / wage.std() for g in groups]
    products = [a * b for s in standard for i, a in enumerate(s) for j, b in enumerate(s) if i != j]
    assert found["correlation of coworkers' wages"] == pytest.approx(np.mean(products))
    assert list(found) == list(FAULTS)


def test_errors_of_logs_multiply(workforce: Workforce) -> None:
    spec, one = JointProductionSpec(errors="log"), xr.Dataset({"sigma": 0.1})
    predicted, rng = np.full(workforce.n_workers, 30.0), np.random.default_rng(0)
    wages = np.concatenate([replicate(workforce, predicted, one, spec, rng) for _ in range(20)])
    assert wages.min() > 0 and np.log(wages / 30.0).std() == pytest.approx(0.1, rel=0.02)
    found = residuals(replace(workforce, wage=2.0 * predicted), predicted, spec)
    np.testing.assert_allclose(found, np.log(2.0))


def test_the_section_shows_every_check(workforce: Workforce, tmp_path) -> None:
    section = predictive_section(*predictive_table(workforce, made(workforce, 50)), RunFolder.create(tmp_path / "run"))
    rows = [r["index"][0] for r in section["tables"][0]["rows"]]
    assert rows == list(FAULTS)  # the generated wages have a few negative ones
    assert all(word in section["figures"][0]["svg"] for name in rows for word in name.replace("'", " ").split())


@pytest.fixture(scope="module")
def fitted() -> tuple[Workforce, xr.DataTree]:
    workforce = ordinary(30, 6)
    return workforce, drawn(workforce, 5)


def test_predictions_for_a_table_like_the_fits_are_those_of_the_fit(fitted: tuple[Workforce, xr.DataTree]) -> None:
    """The same people in other rows, without wages: what the model says of them is what it said in the fit."""
    workforce, draws = fitted
    spec = JointProductionSpec(penalty=0.0)
    shuffled = ordinary_table(30, 6).drop(columns="wage").sample(frac=1.0, random_state=1)
    found = predict(spec, workforce, draws, shuffled, 10, 0)
    wages = np.mean([e.wage for e in solve_each(draws, workforce, spec, size=10) if e is not None], axis=0)
    want = pd.Series(wages, ordinary_table(30, 6).sort_values("workplace", kind="stable").index)
    np.testing.assert_allclose(found["wage"], want[shuffled.index], rtol=1e-9)
    assert (found["workplace"] == shuffled["workplace"].astype(str).to_numpy()).all()
    assert (found["paid 3%"] < found["3%"]).mean() > 0.9 and found.attrs["solved"] == 10


def test_whom_nobody_knows_is_said(fitted: tuple[Workforce, xr.DataTree]) -> None:
    workforce, draws = fitted
    table = ordinary_table(5, 1)
    for wrong, words in (
        (table.drop(columns="school"), "no column 'school'"),
        (table.assign(industry="fishing"), "unknown industry 'fishing'"),
        (table.assign(school=np.where(table.index == 3, np.nan, table["school"])), r"school missing(.|\n)*rows 3"),
        (table.assign(experience="long"), "experience"),
        (table.assign(industry=np.where(table.index == 0, "trade", "services")), "several industries"),
        (table.head(0), "no rows"),
        (table.assign(workplace=np.where(table.index == 0, 99, table["workplace"])), "one worker"),
    ):
        with pytest.raises(DataFaults, match=words):
            predict(SPEC, workforce, draws, wrong, 10, 0)
