"""Primitives from mean bonuses: the map against golden values, the sampler against a known posterior, calibration."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayes_labor.data import DataFaults, Personnel, personnel
from bayes_labor.engines.tempering import temper
from bayes_labor.models import PrimitivesSpec, TournamentMoments, TournamentPosterior, tournament_moments
from bayes_labor.models.bonuses.primitives import moments_of, solve
from bayes_labor.posteriors.bonuses.primitives import (
    missed_moments,
    moment_table,
    summarize_primitives,
    tournament_primitives,
    what_is_told,
)
from bayes_labor.theory.bonuses.coordinates import coordinates_of, primitives_at
from tests.conftest import REFERENCE


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads((REFERENCE / "bonuses.json").read_text())["structural_map_Q2"]


def test_golden_map(golden: dict[str, Any]) -> None:
    u = np.array(golden["u"])
    p = primitives_at(u)
    for name in ("c", "theta1", "theta2"):
        np.testing.assert_allclose(getattr(p, name), golden[name], rtol=1e-10, atol=1e-12)
    found = solve(u)
    assert found.failed == -1
    for name, value in moments_of(found).items():
        np.testing.assert_allclose(value, golden[f"moments_{name}"], rtol=1e-10)
    np.testing.assert_allclose(coordinates_of(p), u, atol=1e-11)
    with pytest.raises(ValueError, match=r"expected \(\.\.\., 15\)"):
        primitives_at(u[:14])


def moments_at(u: np.ndarray, share: float) -> TournamentMoments:
    m = moments_of(solve(u))
    parts = [x for k in ("bonus", "promotion", "pay") for x in (m[k], share * m[k])]
    return TournamentMoments(*parts)


def test_what_bonuses_tell(golden: dict[str, Any]) -> None:
    """At set Q2 with 2% standard errors: d known well, delta hardly; promotion rates and pay add what bonuses lack."""
    moments = moments_at(np.array(golden["u"]), 0.02)
    truth = {"d_2": 2.41, "d_3": 3.7, "delta": 0.2, "s_1": 1.83, "c_1": 47.29}
    tables = {}
    for kinds in (("bonus",), ("bonus", "promotion", "pay")):
        spec = PrimitivesSpec(model_error=1e-6, moments=kinds)
        draws = tournament_primitives(moments, spec, particles=1500, seed=1)
        assert draws.attrs["distinct"] > 0.9 and np.isfinite(draws.attrs["log_evidence"])
        table = tables[kinds] = summarize_primitives(draws)
        for name, value in truth.items():
            assert abs(table.loc[name, "mean"] - value) < 3.0 * table.loc[name, "sd"], name
        fitted = moment_table(draws, moments)
        assert (abs(fitted["mean"] - fitted["data"]) < 3.0 * fitted["standard error"]).all()
    bonuses, everything = tables.values()
    assert bonuses.loc["d_2", "contraction"] > 0.99 and bonuses.loc["delta", "contraction"] < 0.6
    for name in ("delta", "h_1", "c_1"):
        assert everything.loc[name, "sd"] < 0.7 * bonuses.loc[name, "sd"], name


def test_what_is_said_of_a_primitive_is_made_of_contraction_and_shift() -> None:
    """A mean that moved 1.7 prior sds was told something although nothing narrowed."""
    table = pd.DataFrame({"shift": [0.1, -1.7, 0.0, 0.4], "contraction": [0.9, 0.05, -0.2, 0.29]}, ["d_2", "s_1", "z", "h_1"])
    found = what_is_told(table)
    assert found == (
        "narrow d_2; they move without narrowing, by prior standard deviations in parentheses, s_1 (-1.7); they say next to "
        "nothing about z, h_1"
    )
    assert what_is_told(table.loc[["z"]]) == "say next to nothing about z"


def test_a_moment_beyond_the_tolerance_is_named() -> None:
    table = pd.DataFrame({"off": [0.049, -0.17, 0.06]}, ["young", "old", "older"])
    assert missed_moments(table, 0.05) == ["old (-17%)", "older (+6%)"]


def test_sampler_on_a_known_posterior() -> None:
    """A normal prior and likelihood cut by a wall: mean, spread and evidence against quadrature (5 Monte Carlo errors)."""
    rng = np.random.default_rng(3)

    def log_likelihood(x: np.ndarray) -> np.ndarray:
        return np.where(x[:, 0] > 0.0, stats.norm.logpdf(x[:, 0] + x[:, 1], 1.0, 0.1) + 0.0, -np.inf)

    def log_prior(x: np.ndarray) -> np.ndarray:
        return stats.norm.logpdf(x).sum(1)

    draws = rng.normal(size=(20_000, 2))
    found = temper(draws[draws[:, 0] > 0.0][:4000], log_prior, log_likelihood, rng)
    grid = np.linspace(1e-6, 6.0, 4001)
    # Given the first coordinate the second integrates out: N(1; x, 1 + 0.1^2).
    weight = 2.0 * stats.norm.pdf(grid) * stats.norm.pdf(1.0, grid, np.sqrt(1.01))
    evidence = np.trapezoid(weight, grid)
    mean = np.trapezoid(grid * weight, grid) / evidence
    sd = np.sqrt(np.trapezoid((grid - mean) ** 2 * weight, grid) / evidence)
    assert abs(found.particles[:, 0].mean() - mean) < 5.0 * sd / np.sqrt(1000)
    assert found.particles[:, 0].std() == pytest.approx(sd, rel=0.08)
    assert found.log_evidence == pytest.approx(np.log(evidence), abs=0.1)
    assert (found.particles[:, 0] > 0.0).all()


@pytest.mark.long
def test_calibration() -> None:
    """Ranks of 30 truths drawn from the prior uniform; a right sampler fails once in a thousand."""
    spec = PrimitivesSpec(model_error=1e-9)
    rng = np.random.default_rng(5)
    inside = np.array([0.88, 0.43, -0.87, -3, -0.89, -2.8, -0.12, 1.3, 3.86, 1.87, 2.4, -0.37, 0.44, 0.14, -1.4])
    empty = moments_at(inside, 0.05)
    pool, _ = TournamentPosterior(empty, spec).draw_prior(1000, rng)
    ranks = []
    for truth in pool[:30]:
        clean = moments_of(solve(truth))["bonus"]
        noisy = clean + empty.bonus_se * rng.normal(size=6)  # standard errors must not tell of the truth
        posterior = TournamentPosterior(empty._replace(bonus=noisy), spec)
        particles = temper(pool[30:], posterior.log_prior, posterior.log_likelihood, rng).particles
        ranks.append(((particles[::10] < truth).sum(0) + rng.uniform(size=15)) / (len(particles[::10]) + 1))
    p = [stats.kstest(column, "uniform").pvalue for column in np.transpose(ranks)]
    assert min(p) > 1e-3 / 15, p


def test_moments_of_a_panel() -> None:
    panel = personnel(seed=1)
    found = tournament_moments(panel)
    assert found.bonus.shape == found.pay.shape == (6,) and found.promotion.shape == (2,)
    paid = panel.with_bonus
    new = paid[(paid["age"] < 40) & (paid["level"] <= 2) & (paid["ten_level"] == 1)]["bonus"]
    assert found.bonus[0] == pytest.approx(new.mean() / 1000.0)
    with pytest.raises(DataFaults, match="fewer than two bonuses of young workers on job 1") as caught:
        tournament_moments(panel, PrimitivesSpec(age_cut=18))
    assert len(caught.value.faults) == 2
    with pytest.raises(DataFaults, match="the panel has no age"):
        tournament_moments(Personnel(panel.table.drop(columns="age")))
    with pytest.raises(DataFaults, match="moments"):
        TournamentPosterior(found, PrimitivesSpec(moments=("wages",)))
