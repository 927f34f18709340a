"""Who receives a bonus: integrated and conditional logit likelihoods against golden values, enumeration and quadrature."""

import itertools
import json
from functools import partial
from typing import Any

import numpy as np
import pytensor
import pytest
import xarray as xr
from pytensor.compile.mode import Mode
from scipy import integrate, special, stats

from bayes_labor.data import DataFaults, Personnel, personnel
from bayes_labor.likelihoods.logit_panel import NODES, conditional_logit, marginal_logit
from bayes_labor.models import ReceiptSpec, bonus_receipt
from bayes_labor.models.bonuses.receipt import _given_totals
from bayes_labor.posteriors import SamplerSettings, compile_model, draw, gates
from bayes_labor.posteriors.calibration import calibrate_model
from bayes_labor.posteriors.uniform import uniformity
from tests.conftest import REFERENCE

PYTHON = Mode("py", "fast_compile")


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads((REFERENCE / "bonuses.json").read_text())


def panel_of(golden: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    d = {k: np.array(v) for k, v in golden["data"].items() if k != "log_increase"}
    columns = [np.ones(38), d["level"] == 2, d["level"] == 3, d["level"] >= 4, d["rating"] - 1, d["tenure_level"] >= 2]
    offsets = np.append(np.unique(d["worker"], return_index=True)[1], 38)
    return np.column_stack(columns).astype(np.float64), d["got_bonus"].astype(np.float64), offsets


def test_golden_integrated_likelihood(golden: dict[str, Any]) -> None:
    w, won, offsets = panel_of(golden)
    case = golden["logit_marginal"]
    index = w @ np.array(case["theta"])
    for nodes, bound in ((NODES, 1e-7), (41, 1e-9)):
        assert (
            abs(marginal_logit(index, np.full(len(offsets) - 1, np.log(case["tau"])), won, offsets, nodes)[0] - case["loglik"])
            < bound
        )


def test_golden_conditional_likelihood(golden: dict[str, Any]) -> None:
    w, won, offsets = panel_of(golden)
    case = golden["conditional_logit"]
    value, slope = conditional_logit(w[:, 1:] @ np.array(case["theta"]), won, offsets)
    assert value == pytest.approx(case["loglik"], rel=1e-12)
    np.testing.assert_allclose(w[:, 1:].T @ slope, case["gradient"], rtol=1e-11)
    wins = np.add.reduceat(won, offsets[:-1])
    mixed = (wins > 0) & (wins < np.diff(offsets))
    assert np.diff(offsets)[mixed].sum() == case["rows_used"]


def test_conditional_likelihood_is_the_sum_over_all_ways() -> None:
    rng = np.random.default_rng(0)
    for rows, wins in ((1, 1), (4, 2), (7, 3), (9, 8), (6, 0)):
        index, won = 2 * rng.normal(size=rows), np.zeros(rows)
        won[rng.permutation(rows)[:wins]] = 1.0
        ways = [index[list(c)].sum() for c in itertools.combinations(range(rows), wins)]
        want = won @ index - special.logsumexp(ways) if 0 < wins < rows else 0.0
        assert conditional_logit(index, won, np.array([0, rows]))[0] == pytest.approx(want, rel=1e-12, abs=1e-14)


def test_integrated_likelihood_is_the_integral() -> None:
    """Long careers, extreme odds and large effects, which nodes fixed around zero miss."""
    rng = np.random.default_rng(1)
    for rows, tau, shift in ((1, 0.3, 0.0), (8, 2.0, 1.0), (30, 3.0, -4.0), (5, 1.0, 20.0), (3, 6.0, 0.5), (8, 6.0, 0.0)):
        index, won = shift + rng.normal(size=rows), (rng.random(rows) < 0.5).astype(float)

        def log_density(v: float, index: Any = index, won: Any = won, tau: float = tau) -> float:
            odds = index + tau * v
            return float(special.log_expit(np.where(won > 0, odds, -odds)).sum() + stats.norm.logpdf(v))

        grid = np.linspace(-25, 25, 2001)
        values = [log_density(v) for v in grid]
        mode, top = float(grid[np.argmax(values)]), max(values)
        ends = (mode - 12, mode + 12)
        want = integrate.quad(lambda v: np.exp(log_density(v) - top), *ends, epsabs=0, epsrel=1e-11, limit=400, points=[mode])[
            0
        ]
        found = marginal_logit(index, np.array([np.log(tau)]), won, np.array([0, rows]), 41)[0]
        assert found == pytest.approx(np.log(want) + top, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize(("rows", "tau"), [(1, 2.0), (1, 12.0), (3, 6.0), (8, 3.0), (8, 6.0), (20, 10.0)])
def test_slopes_of_large_effects(rows: int, tau: float) -> None:
    """Value and derivatives against quadrature to 1e-8; the slope at tau = 6 was 12% off with nodes fixed in number."""
    rng = np.random.default_rng(rows)
    for wins in sorted({0, 1, rows // 2, rows}):
        index, won = rng.normal(size=rows), np.arange(rows) < wins

        def log_terms(v: np.ndarray, index: Any = index, won: Any = won) -> np.ndarray:
            odds = index[:, None] + tau * v
            return special.log_expit(np.where(won[:, None], odds, -odds)).sum(0) + stats.norm.logpdf(v)

        v = np.linspace(-14, 14, 40_001)
        weights = np.exp(log_terms(v))
        chance = special.expit(index[:, None] + tau * v)
        mass = weights.sum() * (v[1] - v[0])
        by_index = ((won[:, None] - chance) * weights).sum(1) / weights.sum()
        by_tau = tau * (v * (won[:, None] - chance).sum(0) * weights).sum() / weights.sum()
        found = marginal_logit(index, np.array([np.log(tau)]), won.astype(float), np.array([0, rows]), NODES)
        assert found[0] == pytest.approx(np.log(mass), abs=1e-8)
        np.testing.assert_allclose(found[1], by_index, atol=1e-8)
        assert found[2][0] == pytest.approx(by_tau, abs=1e-8)


def test_totals_are_kept_and_chances_are_right() -> None:
    """Draws given the total have the conditional likelihood's frequencies: chi-squared, wrong once in ten thousand."""
    odds, won, offsets = np.array([0.5, -1.0, 0.2, 1.1]), np.array([1.0, 0.0, 1.0, 0.0]), np.array([0, 4])
    rng = np.random.default_rng(0)
    drawn = np.array([_given_totals(odds, won, offsets, rng) for _ in range(4000)])
    assert (drawn.sum(1) == 2).all()
    ways = [np.isin(np.arange(4), c).astype(float) for c in itertools.combinations(range(4), 2)]
    counts = [int((drawn == w).all(1).sum()) for w in ways]
    chances = [np.exp(conditional_logit(odds, w, offsets)[0]) for w in ways]
    assert sum(chances) == pytest.approx(1.0)
    assert stats.chisquare(counts, 4000 * np.array(chances)).pvalue > 1e-4


@pytest.fixture(scope="module")
def panel() -> Personnel:
    table = personnel(seed=4).table
    return Personnel(table[table["id"] % 3 == 0])


@pytest.fixture(scope="module")
def posterior(panel: Personnel) -> xr.DataTree:
    model = bonus_receipt(panel, effects="conditional")
    return draw(model, compile_model(model), SamplerSettings(draws=900, tune=300, chains=2, seed=1))


def test_recovery(posterior: xr.DataTree) -> None:
    """Level effects within 3 posterior standard deviations of the truth, year effects in; gates green."""
    theta = posterior["posterior"]["theta"]
    truth = {
        "level 2": 1.6,
        "level 3": 3.2,
        "level 4": 3.9,
        "level 5": 2.6,
        "rating 2": -0.6,
        "rating 3": -1.5,
        "promoted": 0.55,
    }
    for term, value in truth.items():
        one = theta.sel(term=term)
        assert abs(float(one.mean()) - value) < 3 * float(one.std()), term
    assert all(g.passed for g in gates(posterior, ["theta"]) if g.name in ("R-hat", "divergences"))


@pytest.mark.parametrize("effects", ["integrated", "sampled"])
def test_densities_of_the_same_rows(panel: Personnel, effects: str) -> None:
    """At tau near zero both are the pooled logit of the rows; the mode search starts where gradients are finite."""
    small = Personnel(panel.table[panel.table["id"] % 5 == 0])
    spec = ReceiptSpec(effects=effects)
    model, design = bonus_receipt(small, spec), spec.design(small)
    theta, density = model["theta"], model.logp(vars=[model["received"]])
    call = pytensor.function(
        model.value_vars, [density, *model.replace_rvs_by_values([theta])], mode=PYTHON, on_unused_input="ignore"
    )  # fmt: skip
    at = model.initial_point() | {"tau_log__": np.float64(-14.0)}
    at["theta_rotated"] = at["theta_rotated"] + 0.1
    value, found = call(*(at[v.name] for v in model.value_vars))
    odds = design.columns @ found
    won = design.table["bonus"].to_numpy() > 0
    assert float(np.sum(value)) == pytest.approx(special.log_expit(np.where(won, odds, -odds)).sum(), rel=1e-8)


def few(panel: Personnel) -> Personnel:
    return Personnel(panel.table[panel.table["id"] % 7 == 0])


@pytest.mark.long
@pytest.mark.parametrize("effects", ["integrated", "conditional"])
def test_calibration_of_the_sampler(panel: Personnel, effects: str) -> None:
    """Ranks of 30 simulations uniform; a right sampler fails once in a thousand."""
    plain = {"means": False, "demographics": False, "years": "none", "slope": 0.5, "effect": 0.5, "nodes": 15}
    spec = ReceiptSpec(effects=effects, blocks=("levels", "ratings"), **plain)
    build = partial(bonus_receipt, few(panel), spec)
    names = ["theta"] if effects == "conditional" else ["theta", "tau"]
    ranks = calibrate_model(build, names, {"observed_receipt": "received"}, 30, seed=1, thin=6, draws=150, tune=150)
    p = uniformity(ranks)
    assert len(p) >= 7 and p.min() > 1e-3 / len(p), p


def test_bad_input_is_one_clear_fault(panel: Personnel) -> None:
    with pytest.raises(DataFaults, match="effects = 'fixed' is not known"):
        ReceiptSpec(effects="fixed")
    with pytest.raises(DataFaults, match="the panel has no rating"):
        bonus_receipt(Personnel(panel.table.drop(columns="rating")))
