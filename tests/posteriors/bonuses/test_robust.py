"""Errors clustered by worker beside posterior standard deviations: statsmodels as the oracle, and a warning where they part."""

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
import xarray as xr

from bayes_labor.data import Personnel, personnel
from bayes_labor.models import BonusSpec
from bayes_labor.models.pilot import panel_pilot
from bayes_labor.posteriors.bonuses.robust import robust_errors, sandwich, where_they_part

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


def test_another_library_agrees(panel: Personnel) -> None:
    """statsmodels' clustered covariance of the same columns, to ten digits of the standard errors where the prior is flat.

    Covariances are compared as correlations: one that is next to zero is the difference of sums a million times as large.
    """
    design = SPEC.design(panel)
    fit = sm.OLS(design.outcome, design.columns).fit(cov_type="cluster", cov_kwds={"groups": design.groups.row})
    ours = sandwich(design.columns, fit.resid, design.groups, 0.3, np.full(len(design.terms), np.inf))
    theirs, se = fit.cov_params(), fit.bse
    np.testing.assert_allclose(np.sqrt(np.diag(ours)), se, rtol=1e-10)
    np.testing.assert_allclose(ours / np.outer(se, se), theirs / np.outer(se, se), rtol=0.0, atol=1e-10)


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
