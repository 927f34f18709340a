"""Errors clustered by worker beside posterior standard deviations: statsmodels as the oracle, and a warning where they part."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import xarray as xr

from bayes_labor.data import DataFaults, Personnel, personnel
from bayes_labor.models import BonusSpec
from bayes_labor.models.pilot import panel_pilot
from bayes_labor.numerics.groups import Groups
from bayes_labor.posteriors.bonuses.results import quartiles
from bayes_labor.posteriors.bonuses.robust import (
    clustered_covariance,
    effective_workers,
    jackknife,
    robust_draws,
    robust_errors,
    where_they_part,
)
from bayes_labor.posteriors.bonuses.system import SIZE

SPEC = BonusSpec(blocks=("levels", "tenure"), demographics=False)


@pytest.fixture(scope="module")
def panel() -> Personnel:
    table = personnel("clean", seed=3).table
    return Personnel(table[table["id"] % 5 == 0])


def posterior(panel: Personnel, spec: BonusSpec) -> xr.DataTree:
    """Draws around the pilot: what the posterior is, nearly, without sampling."""
    design = spec.design(panel)
    pilot, sigma, tau = panel_pilot(design)
    x = np.random.default_rng(0).normal(size=(4000, len(design.terms)))
    data: dict[str, Any] = {"theta": (("chain", "draw", "term"), (pilot.center + x @ pilot.scale.T)[None])}
    data |= {k: (("chain", "draw"), np.full((1, 4000), v)) for k, v in (("sigma", sigma), ("tau", tau))}
    return xr.DataTree.from_dict({"posterior": xr.Dataset(data, {"term": list(design.terms)})})


def test_leaving_out_workers_one_by_one_agrees(panel: Personnel) -> None:
    """Regressions without each of 40 workers, by least squares under the prior, to ten digits."""
    design = SPEC.design(panel)
    few = np.flatnonzero(design.groups.row < 40)
    x, y, groups, precision = design.columns[few], design.outcome[few], design.groups.at(few), design.prior_sd**-2.0

    def estimate(rows: np.ndarray) -> np.ndarray:
        return np.linalg.solve(x[rows].T @ x[rows] + np.diag(precision), x[rows].T @ y[rows])

    whole, labels = estimate(np.arange(len(y))), np.unique(groups.row)
    away = np.array([estimate(np.flatnonzero(groups.row != k)) for k in labels]) - whole
    bread = np.linalg.inv(x.T @ x + np.diag(precision))
    wanted = (len(labels) - 1) / len(labels) * away.T @ away + bread @ np.diag(precision) @ bread
    found = jackknife(x, y - x @ whole, Groups.of(groups.row), precision)
    np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-10 * np.abs(wanted).max())


def test_workers_that_a_coefficient_rests_on() -> None:
    """All alike: as many as there are; one who has the column alone: one."""
    workers = Groups.of(np.repeat(np.arange(20), 3))
    x = np.column_stack([np.ones(60), np.where(workers.row == 7, 1.0, 0.0)])
    found = effective_workers(x, workers, np.full(2, 1e-12))
    assert found[1] == pytest.approx(1.0, abs=0.15) and found[0] == pytest.approx(19.0, rel=0.1)


def test_another_library_agrees(panel: Personnel) -> None:
    """statsmodels' clustered covariance is narrower, as it must be, by at most a tenth where many workers tell."""
    design = SPEC.design(panel)
    fit = sm.OLS(design.outcome, design.columns).fit(cov_type="cluster", cov_kwds={"groups": design.groups.row})
    found = np.sqrt(np.diag(jackknife(design.columns, fit.resid, design.groups, np.zeros(len(design.terms)))))
    many = effective_workers(design.columns, design.groups, np.zeros(len(design.terms))) > 40
    assert many.sum() > 8 and (found >= fit.bse * 0.995).all() and (found[many] <= 1.1 * fit.bse[many]).all()


def test_they_agree_where_the_model_is_right(panel: Personnel) -> None:
    """Normal errors of one variance: for each coefficient, and on average; level 5 has too few workers to tell."""
    table = robust_errors(posterior(panel, SPEC), panel, SPEC).drop(index=["level 5", "mean of level 5"])
    assert table["ratio"].between(0.75, 1.35).all() and abs(table["ratio"].mean() - 1.0) < 0.1, table["ratio"]
    pooled = SPEC.model_copy(update={"effects": "none", "means": False})
    alone = robust_errors(posterior(panel, pooled), panel, pooled)  # rows of a worker as if of several
    assert alone.loc["intercept", "ratio"] > 1.2 and where_they_part(alone)


def test_a_warning_where_they_part(panel: Personnel) -> None:
    """Errors with a worker's own trend, and larger ones on high levels: named, with both numbers."""
    rng, table = np.random.default_rng(1), panel.table
    trend = rng.normal(0.0, 0.5, table["id"].nunique())[np.unique(table["id"], return_inverse=True)[1]]
    shock = np.exp(trend * (table["year"] - 1984.5) + (table["level"] - 1) * rng.normal(0.0, 0.3, len(table)))
    bad = Personnel(table.assign(bonus=table["bonus"] * shock))
    table_ = robust_errors(posterior(bad, SPEC), bad, SPEC)
    (caution,) = where_they_part(table_)
    worst = np.abs(np.log(table_["ratio"])).idxmax()
    assert f"{worst} {table_.loc[worst, 'clustered se']:.3g} against {table_.loc[worst, 'sd']:.3g}" in caution.value
    assert table_["ratio"].max() > 1.3 and not caution.passed and "student" in caution.advice
    assert where_they_part(table_.assign(ratio=1.0)) == []


def test_robust_draws_have_the_clustered_covariance(panel: Personnel) -> None:
    """Each coefficient widened for few workers, correlations as they are; means, other variables and what was given stay."""
    draws = posterior(panel, SPEC)
    before = draws["posterior"]["theta"].to_numpy().copy()
    moved = robust_draws(draws, panel, SPEC)["posterior"]
    np.testing.assert_allclose(moved["theta"].mean(("chain", "draw")), before.mean((0, 1)), rtol=1e-10, atol=1e-12)
    wanted, found = clustered_covariance(draws, panel, SPEC), np.cov(moved["theta"][0].T)
    wider = np.sqrt(np.diag(found) / np.diag(wanted))
    scale, own = np.sqrt(np.diag(wanted)), np.sqrt(np.diag(found))
    np.testing.assert_allclose(found / np.outer(own, own), wanted / np.outer(scale, scale), atol=1e-8)
    few = SPEC.design(panel).terms.index("level 5")
    assert (wider > 1.0).all() and wider.argmax() == few and wider[few] > 1.05 and np.median(wider) < 1.03
    np.testing.assert_array_equal(draws["posterior"]["theta"].to_numpy(), before)
    np.testing.assert_array_equal(moved["sigma"], draws["posterior"]["sigma"])


def test_the_page_of_a_robust_fit_has_them(panel: Personnel) -> None:
    spec = SPEC.model_copy(update={"robust": True})
    draws = posterior(panel, spec)
    table, plain = SIZE.table(spec, panel, draws), SIZE.table(SPEC, panel, draws)
    wanted = robust_draws(draws, panel, spec)["posterior"]["theta"].std(("chain", "draw"))
    np.testing.assert_allclose(table.loc["bonus", "sd"], wanted, rtol=2e-3)
    assert (table.loc["bonus", "sd"] != plain.loc["bonus", "sd"]).all() and "clustered" in SIZE.explain(spec, panel)
    for wrong in ({"errors": "student"}, {"ordered": True}, {"ratings": "mixture"}):
        with pytest.raises(DataFaults, match="robust=True needs"):
            BonusSpec(robust=True, **wrong)


def test_the_record_covers() -> None:
    """Under clustered, heteroskedastic errors: within three points of 94% with the option, not without, over 100 panels."""
    table = pd.read_csv(Path(__file__).parents[3] / "benchmarks" / "results" / "coverage_of_robust.csv")
    assert table["panel"].nunique() == 100
    share, by_term = table["robust"].mean(), table.groupby("term")[["plain", "robust"]].mean()
    assert abs(share - 0.94) <= 0.03 and table["plain"].mean() < 0.91
    assert by_term["robust"].min() > 0.94 - 4.0 * np.sqrt(0.94 * 0.06 / 100) and by_term["plain"].min() < 0.7


def test_bands_of_quartiles_do_not_turn_on_the_seed(panel: Personnel) -> None:
    """Their ends move by less than a tenth of their width (.07 here); with 100 draws by an eighth to a fifth, and words do."""
    tree = posterior(panel, SPEC)
    ends = [quartiles(tree, panel, SPEC, seed=s)["replicated"].quantile([0.03, 0.97], "sample").to_numpy() for s in (1, 2, 3)]
    width = ends[0][1] - ends[0][0]
    assert max(float((np.abs(e - ends[0]) / width).max()) for e in ends[1:]) < 0.1
