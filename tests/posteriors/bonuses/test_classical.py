"""The paper's estimators against golden values and against each other; R2 by block; two steps and the placebo."""

import json
import warnings
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_labor.data import Personnel, personnel
from bayes_labor.models import BonusSpec, PrizeSpec, ReceiptSpec
from bayes_labor.models.panel_design import PanelDesign
from bayes_labor.numerics.groups import Groups
from bayes_labor.posteriors.bonuses.classical import by_subset, conditional, logit, pooled, r2_of, shapley, wald, within
from bayes_labor.posteriors.bonuses.paper import _bias_of_expected
from bayes_labor.posteriors.bonuses.tables import table6
from bayes_labor.posteriors.bonuses.two_step import _predicted_increase, bootstrap, placebo, two_step, what_placebo_finds
from tests.conftest import REFERENCE


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads((REFERENCE / "bonuses.json").read_text())


def design_of(golden: dict[str, Any]) -> PanelDesign:
    d = {k: np.array(v) for k, v in golden["data"].items() if k != "log_increase"}
    columns = [np.ones(38), d["level"] == 2, d["level"] == 3, d["level"] >= 4, (d["age"] - 39) / 10, d["tenure_level"] >= 2]
    w = np.column_stack(columns).astype(np.float64)
    terms, blocks = ("intercept", "L2", "L3", "L4", "age", "T2"), ("intercept", "levels", "levels", "levels", "age", "tenure")
    return PanelDesign(d["log_bonus"], w, terms, blocks, np.zeros(6), np.ones(6), Groups.of(d["worker"]))


def test_golden_pooled_and_within(golden: dict[str, Any]) -> None:
    design = design_of(golden)
    want = golden["classical"]
    found = pooled(design)
    np.testing.assert_allclose(found.estimate, want["pooled_ols"], rtol=1e-9)
    np.testing.assert_allclose(found.se, want["pooled_cluster_se_adjusted"], rtol=1e-9)
    found = within(design)
    np.testing.assert_allclose(found.estimate, want["within"], rtol=1e-9)
    np.testing.assert_allclose(found.se, want["within_cluster_se_adjusted"], rtol=1e-9)
    for value, name in ((found.r2, "r2_within"), (found.r2_with_effects, "r2_lsdv"), (found.r2_adjusted, "r2_lsdv_adjusted")):
        assert value == pytest.approx(want[name], rel=1e-9), name
    counted = within(design, count_effects=True)
    np.testing.assert_allclose(counted.se / found.se, np.sqrt(38 / (38 - 14 - 5)))
    shuffled = np.random.default_rng(0).permutation(38)
    rows = {"outcome": design.outcome[shuffled], "columns": design.columns[shuffled], "groups": design.groups.at(shuffled)}
    np.testing.assert_allclose(within(replace(design, **rows)).se, found.se)


def test_golden_decomposition(golden: dict[str, Any]) -> None:
    design = design_of(golden)
    blocks = ("levels", "age", "tenure")

    def value(subset: tuple[str, ...]) -> float:
        return r2_of(design.outcome, design.columns[:, [i for i, b in enumerate(design.blocks) if b in subset]])

    found = by_subset(blocks, value)
    for subset, r2 in found.items():
        assert r2 == pytest.approx(golden["classical"]["r2_subsets"]["+".join(subset) or "none"], abs=1e-12)
    parts = shapley(blocks, found)
    for block, part in parts.items():
        assert part == pytest.approx(golden["classical"]["r2_shapley"][block], rel=1e-9)
    assert sum(parts.values()) == pytest.approx(found[blocks], rel=1e-12)


@pytest.fixture(scope="module")
def sample() -> Any:
    return personnel("clean", seed=2)


def test_another_library_agrees(sample: Any) -> None:
    """pyfixest: pooled and within, with the same clustering."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the other library and what it imports
        import pyfixest
    design = BonusSpec(means=False).design(sample)
    names = [f"x{i}" for i in range(len(design.terms))]
    table = pd.DataFrame(design.columns, columns=names).assign(y=design.outcome, id=design.groups.row)
    formula = "y ~ " + " + ".join(names[1:])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = pyfixest.feols(formula, table, vcov={"CRV1": "id"})
    ours = pooled(design)
    np.testing.assert_allclose(other.coef().to_numpy(), ours.estimate, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(other.se().to_numpy(), ours.se, rtol=1e-5)
    varying = [n for n, b in zip(names, design.blocks, strict=True) if b not in ("intercept", "worker")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = pyfixest.feols("y ~ " + " + ".join(varying) + " | id", table, vcov={"CRV1": "id"})
    ours = within(design)
    np.testing.assert_allclose(other.coef().to_numpy(), ours.estimate, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(other.se().to_numpy(), ours.se, rtol=0.01)  # it drops workers with one row from N and G
    levels = [t for t in ours.estimate.index if t.startswith("level")]
    assert wald(ours, levels) > 20.0


def test_conditional_logit_beats_the_library(sample: Any) -> None:
    """At least the likelihood of statsmodels, on a part of the panel; the same estimates."""
    from statsmodels.discrete.conditional_models import ConditionalLogit

    part = type(sample)(sample.table[sample.table["id"] % 4 == 0])
    design = ReceiptSpec(effects="conditional", blocks=("levels", "ratings", "promoted"), years="none").design(part)
    ours = conditional(design)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of workers without variation, which are dropped here and there
        other = ConditionalLogit(design.outcome, design.columns, groups=design.groups.row).fit(disp=False)
    assert ours.log_likelihood > other.llf - 1e-6
    assert (abs(ours.estimate - other.params) < 0.05 * ours.se).all()  # it stops short of the maximum
    flat = logit(ReceiptSpec(means=False, years="none").design(part))
    assert 0.0 < flat.r2 < 0.5 and flat.estimate["rating 2"] < 0


def test_the_published_prize_finds_an_effect_where_there_is_none() -> None:
    """Four panels with rho = 0: below -1 as published, within three Monte Carlo errors of 0 as expected (section 10, 5)."""
    table = placebo((1, 2, 3, 4))
    assert table.loc[("as published", "total"), "pooled, col. 1"] < -1.0
    assert table.loc[("as published", "total"), "within, col. 5"] < -1.0
    expected = table.loc[("expected", "salary")]
    assert abs(expected["within, col. 5"]) < 3.0 * expected["within, col. 5, mc error"]
    assert expected["pooled, col. 5"] > 3.0 * expected["pooled, col. 5, mc error"]  # it is biased as well, and the page says so
    words = _bias_of_expected(table)
    assert f"{expected['pooled, col. 5']:+.2f} ({expected['pooled, col. 5, mc error']:.2f}) in column (5)" in words
    assert "is biased too" in words and "over the 4 panels" in words
    without = table.loc[("as published", "salary")]
    assert abs(without["pooled, col. 1"]) < 3.0 * without["pooled, col. 1, mc error"]  # nothing without the bonus in pay
    said = what_placebo_finds(table)
    assert f"“as published, salary and bonus” ({table.loc[('as published', 'total'), 'pooled, col. 1']:+.2f}" in said
    none = table * 0.0 + 1e-9
    assert what_placebo_finds(none.assign(panels=4)).endswith("zero: none.") or "±" not in what_placebo_finds(none)


def test_prize_a_has_the_effects_of_workers() -> None:
    """The predicted increase is that of least squares with a dummy for every worker seen promoted; rows A and B differ."""
    table = personnel("table6", seed=1).table
    panel = Personnel(table[table["id"] % 8 == 0])
    design = PrizeSpec(covariates="A", blocks=("levels", "age"), means=False).design(panel)
    seen, row = np.unique(design.increase_workers.row, return_inverse=True)
    dummies, rise, at_bonus = np.eye(len(seen))[row], design.increase, design.bonus_workers.row
    found = np.linalg.lstsq(np.column_stack([rise.columns[:, 1:], dummies]), rise.outcome, rcond=None)[0]
    kappa, own = found[: rise.columns.shape[1] - 1], found[rise.columns.shape[1] - 1 :]
    known = np.isin(at_bonus, seen)
    want = design.increase_at_bonus[known, 1:] @ kappa + own[np.searchsorted(seen, at_bonus[known])]
    increase = _predicted_increase(design, np.arange(len(rise.outcome)), True)
    np.testing.assert_allclose(increase[known], want, atol=1e-8)
    assert 0.1 < known.mean() < 1.0 and np.isfinite(increase).all()
    spec = PrizeSpec(covariates="A", blocks=("levels", "age"))
    plain, effects = two_step(panel, spec), two_step(panel, spec, worker_effects=True)
    assert abs(plain.rho - effects.rho) > 0.1 and np.corrcoef(plain.prize, effects.prize)[0, 1] < 0.99
    rows = table6(panel, {}, replications=4).loc["A"]
    assert rows.loc["(1)", "expected"] == pytest.approx(effects.rho)
    again = bootstrap(panel, spec, replications=3, worker_effects=True, seed=1)
    assert np.isfinite(again).all() and again.std() > 0


def test_two_step_standard_errors() -> None:
    """The bootstrap's deviation already holds the second step's: the published sum of both doubles the variance."""
    panel = personnel("table6", seed=1)
    found = two_step(panel)
    for by in ("rows", "workers"):
        sd = float(bootstrap(panel, by=by, replications=40, seed=1).std(ddof=1))  # type: ignore[arg-type]
        assert 0.5 < sd / found.conventional < 1.5, by
    assert 0.0 < found.partial_r2 < 1.0
    few = two_step(panel, PrizeSpec(covariates="A", blocks=("levels", "age")))
    assert few.conventional < found.conventional


def test_conditional_errors_are_clustered() -> None:
    """Scores by enumeration of each worker's outcomes with the same total; the page says that errors are clustered."""
    table = personnel(seed=2).table
    panel = Personnel(table[table["id"] % 40 == 0])
    design = ReceiptSpec(blocks=("levels",), years="none", effects="conditional").design(panel)
    fit = conditional(design)
    scores, information, rows = [], 0.0, 0
    for a, b in pairwise(design.groups.offsets):
        won, x = design.outcome[a:b], design.columns[a:b]
        if won.min() == won.max():
            continue
        ways = np.array([w for w in product((0.0, 1.0), repeat=b - a) if sum(w) == won.sum()])
        weight = np.exp(ways @ x @ fit.estimate.to_numpy())
        weight, total = weight / weight.sum(), ways @ x
        mean = weight @ total
        scores.append(won @ x - mean)
        information = information + (total - mean).T @ ((total - mean) * weight[:, None])
        rows += b - a
    g, bread = len(scores), np.linalg.inv(information)
    meat = np.transpose(scores) @ np.array(scores) * g / (g - 1) * (rows - 1) / (rows - len(fit.estimate))
    np.testing.assert_allclose(fit.se, np.sqrt(np.diag(bread @ meat @ bread)), rtol=1e-4)
    assert np.abs(np.log(fit.se / np.sqrt(np.diag(bread)))).max() > 0.02  # they are not those of independent rows
