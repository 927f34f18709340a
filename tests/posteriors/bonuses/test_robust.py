"""Errors clustered by worker beside posterior standard deviations: statsmodels as the oracle, and a warning where they part."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
import xarray as xr

from bayes_labor.data import DataFaults, Personnel, personnel
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.engines.sampling import SamplerSettings
from bayes_labor.models import BonusSpec, bonus_size
from bayes_labor.models.bonuses.size import LIKELIHOOD
from bayes_labor.models.pilot import panel_pilot
from bayes_labor.models.sandwich import sandwich, sandwich_map
from bayes_labor.posteriors import compile_model, draw
from bayes_labor.posteriors.bonuses.comparison import leave_one_worker_out
from bayes_labor.posteriors.bonuses.results import coefficients, quartiles
from bayes_labor.posteriors.bonuses.robust import robust_errors, too_few, where_they_part
from bayes_labor.posteriors.bonuses.system import SIZE
from bayes_labor.posteriors.report import write_report
from benchmarks.coverage_of_robust import coverage, recorded, within_workers

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


@pytest.fixture(scope="module")
def bad(panel: Personnel) -> Personnel:
    """Errors with a worker's own trend, and larger ones on high levels."""
    rng, table = np.random.default_rng(1), panel.table
    trend = rng.normal(0.0, 0.5, table["id"].nunique())[np.unique(table["id"], return_inverse=True)[1]]
    shock = np.exp(trend * (table["year"] - 1984.5) + (table["level"] - 1) * rng.normal(0.0, 0.3, len(table)))
    return Personnel(table.assign(bonus=table["bonus"] * shock))


def test_a_warning_where_they_part(bad: Personnel) -> None:
    """Named, with both numbers."""
    table_ = robust_errors(posterior(bad, SPEC), bad, SPEC)
    (caution,) = where_they_part(table_)
    worst = np.abs(np.log(table_["ratio"])).idxmax()
    assert f"{worst} {table_.loc[worst, 'clustered se']:.3g} against {table_.loc[worst, 'sd']:.3g}" in caution.value
    assert table_["ratio"].max() > 1.3 and not caution.passed and "robust=True" in caution.advice
    assert where_they_part(table_.assign(ratio=1.0)) == []


def test_the_map_to_the_sandwich(panel: Personnel) -> None:
    """A C A' is the sandwich S to ten digits, C the posterior's covariance; A is the identity where C is S already."""
    design = SPEC.design(panel)
    pilot, sigma, tau = panel_pilot(design)
    moved = sandwich_map(design, design.groups, pilot.center, sigma, tau)
    share = 1.0 - sigma / np.sqrt(sigma**2 + design.groups.counts * tau**2)
    blocks = [np.eye(n) - s / n for n, s in zip(design.groups.counts, share, strict=True)]
    x, y = design.columns, design.outcome - design.columns @ pilot.center
    parts = [
        (b @ x[i:j], b @ y[i:j]) for b, i, j in zip(blocks, design.groups.offsets, design.groups.offsets[1:], strict=False)
    ]
    prior, g, n = np.diag(design.prior_sd**-2.0), len(parts), len(y)
    bread = np.linalg.inv(sum(a.T @ a for a, _ in parts) / sigma**2 + prior)
    scores = np.array([a.T @ b for a, b in parts]) / sigma**2
    meat = g / (g - 1) * (n - 1) / (n - x.shape[1]) * scores.T @ scores + prior
    known, scale = bread @ meat @ bread, np.sqrt(np.diag(bread @ meat @ bread))
    np.testing.assert_allclose(moved @ bread @ moved.T / np.outer(scale, scale), known / np.outer(scale, scale), atol=1e-10)
    same = moved @ bread  # symmetric: of all such maps the one that moves draws least
    np.testing.assert_allclose(same, same.T, atol=1e-8 * np.abs(same).max())
    wide = np.full(len(design.terms), 1e-6)  # priors that decide: nothing for the sandwich to change
    tight = sandwich_map(replace(design, prior_sd=wide), design.groups, pilot.center, sigma, tau)
    np.testing.assert_allclose(tight, np.eye(len(wide)), atol=1e-3)


def test_robust_draws(bad: Personnel, tmp_path: Path) -> None:
    """Their sds are the clustered errors to 7%, their centers the likelihood's; prior, comparison and caution know of it."""
    spec = SPEC.model_copy(update={"robust": True})
    model = bonus_size(bad, spec)
    tree = draw(model, compile_model(model), SamplerSettings(draws=1000, tune=300, chains=2, seed=1))
    table = robust_errors(tree, bad, spec)
    robust, own = coefficients(tree, list(table.index)), coefficients(tree, list(table.index), LIKELIHOOD)
    np.testing.assert_allclose(robust.std(0), table["clustered se"], rtol=0.07)
    np.testing.assert_allclose(own.std(0), table["sd"], rtol=1e-12)
    assert (np.abs(robust.mean(0) - own.mean(0)) < 0.1 * own.std(0)).all()
    assert np.abs(np.log(robust.std(0) / own.std(0))).max() > 0.2
    shown, plain = (SIZE.table(s, bad, tree) for s in (spec, SPEC))
    np.testing.assert_allclose(shown["prior_sd"], plain["prior_sd"])
    both = leave_one_worker_out({"robust": (tree, spec)}, bad, size=50)
    same = leave_one_worker_out({"plain": (_of_likelihood(tree), SPEC)}, bad, size=50)
    np.testing.assert_allclose(both.to_numpy(float), same.to_numpy(float))
    verdict = SIZE.judged(spec, bad, tree)
    assert not verdict.cautions and SIZE.judged(SPEC, bad, _of_likelihood(tree)).cautions
    page = write_report(SIZE, spec, bad, tree, RunFolder(tmp_path)).read_text(encoding="utf-8")
    assert "Coefficients are robust" in page and "fit robust=True" not in page


def _of_likelihood(tree: xr.DataTree) -> xr.DataTree:
    """The same draws, as a fit without the option has them."""
    posterior = tree["posterior"].to_dataset()
    plain = posterior.drop_vars("theta").rename({LIKELIHOOD: "theta"})
    return xr.DataTree.from_dict({"posterior": plain, "sample_stats": tree["sample_stats"].to_dataset()})


def test_few_workers_are_a_caution() -> None:
    """Of 73 workers and 29 coefficients 94% intervals held the truth in 92% of cases, of 32 in 91%."""
    (caution,) = too_few(73)
    assert "73 workers" in caution.value and not caution.passed and too_few(100) == []


@pytest.mark.parametrize("more", [{"errors": "student"}, {"ordered": True}, {"ratings": "mixture"}])
def test_robust_goes_with_normal_errors(panel: Personnel, more: dict[str, Any]) -> None:
    """Otherwise one fault, which says what to set."""
    with pytest.raises(DataFaults, match="robust coefficients go with normal errors") as error:
        bonus_size(panel, BonusSpec(robust=True, **more))
    assert "errors='normal'" in str(error.value)


def test_recorded_coverage() -> None:
    """Of 94% intervals over 100 panels with clustered errors of unequal variance: 94 +- 3% with the option, less without."""
    known = recorded()
    assert known["seed"].nunique() >= 100 and known["truth"].nunique() > 2000
    table = coverage(known)
    moving = within_workers(table)
    assert set(moving.index) == {"level 2", "level 3", "level 4", "level 5", "tenure 2", "tenure 3", "tenure 4", "tenure 5+"}
    assert abs(table["robust"].mean() - 0.94) < 0.03 and abs(moving["robust"].mean() - 0.94) < 0.03
    levels = moving.loc[["level 2", "level 3", "level 4"]]
    assert abs(levels["robust"].mean() - 0.94) < 0.03 and levels["normal"].mean() < 0.88


def test_bands_of_quartiles_do_not_turn_on_the_seed(panel: Personnel) -> None:
    """Their ends move by less than a tenth of their width (.07 here); with 100 draws by an eighth to a fifth, and words do."""
    tree = posterior(panel, SPEC)
    ends = [quartiles(tree, panel, SPEC, seed=s)["replicated"].quantile([0.03, 0.97], "sample").to_numpy() for s in (1, 2, 3)]
    width = ends[0][1] - ends[0][0]
    assert max(float((np.abs(e - ends[0]) / width).max()) for e in ends[1:]) < 0.1
