"""Promotion prize: the joint likelihood against golden values and the multivariate normal, recovery of rho, calibration."""

import json
from functools import partial
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayes_labor.data import DataFaults, Personnel, personnel
from bayes_labor.likelihoods.paired_effects import paired_effects, paired_likelihood
from bayes_labor.models import PrizeSpec, prize_first_stage, promotion_prize
from bayes_labor.models.bonuses.prize_design import log_increase
from bayes_labor.posteriors import SamplerSettings, compile_model, draw
from bayes_labor.posteriors.bonuses.cut import cut_prize
from bayes_labor.posteriors.calibration import calibrate_model
from bayes_labor.posteriors.uniform import uniformity
from tests.conftest import REFERENCE


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads((REFERENCE / "bonuses.json").read_text())


def offsets_of(worker: np.ndarray, workers: int) -> np.ndarray:
    return np.append(0, np.cumsum(np.bincount(worker, minlength=workers)))


def test_golden_joint_likelihood(golden: dict[str, Any]) -> None:
    case = golden["joint_prize"]
    d = pd.DataFrame(golden["data"] | {"W_columns": None}).drop(columns="W_columns")
    high, age = (d["level"] >= 3).astype(float), (d["age"] - 38) / 10
    relative = d["rating"] / d.groupby("level")["rating"].transform("mean") - 1.0
    one = np.ones(38)
    index = np.column_stack([one, high, age, relative]) @ case["promotion_coef"]
    p = 1.0 / (1.0 + np.exp(-index))
    np.testing.assert_allclose(p, case["p_promotion"], rtol=1e-11)
    assert stats.bernoulli.logpmf(d["promoted"], p).sum() == pytest.approx(case["loglik_promotion"], rel=1e-11)
    increase = np.column_stack([one, high, age]) @ case["increase_coef"]
    psi = p * increase
    np.testing.assert_allclose(psi, case["Psi"], rtol=1e-11)
    worker = d["worker"].to_numpy()
    counts = np.bincount(worker)
    mean_psi, mean_p = (np.bincount(worker, v)[worker] / counts[worker] for v in (psi, p))
    w = np.column_stack([one, d["level"] == 2, d["level"] == 3, d["level"] >= 4, (d["age"] - 39) / 10, d["tenure_level"] >= 2])
    known = d["log_increase"].notna().to_numpy()
    scales = np.log([case["sd_omega"], case["sd_mu"], 1.0, case["sd_increase"], case["sd_bonus"]])
    scales[2] = case["corr_omega_mu"]
    first = (d["log_increase"] - increase).to_numpy()[known]
    for between, want in ((case["rho_between"], "loglik_gaussian"), (0.0, "loglik_gaussian_rho_between_zero")):
        mean = case["rho"] * psi + between * mean_psi + w.astype(float) @ case["bonus_theta"]
        loading = case["rho"] * p + between * mean_p
        offsets = offsets_of(worker[known], len(counts)), offsets_of(worker, len(counts))
        found = paired_likelihood(first, (d["log_bonus"] - mean).to_numpy(), loading, scales, *offsets)[0]
        assert found == pytest.approx(case[want], rel=1e-11)


def test_likelihood_and_effects_are_the_multivariate_normal() -> None:
    """One worker after the other, by the joint normal of effects and rows; workers without rows in an equation too."""
    rng = np.random.default_rng(1)
    for n, m in ((3, 4), (0, 2), (2, 0), (1, 1)):
        first, second, loading = rng.normal(size=n), rng.normal(size=m), rng.normal(size=m)
        sd, corr, errors = np.array([0.7, 1.2]), -0.4, np.array([0.5, 0.9])
        omega = np.outer(sd, sd) * np.array([[1.0, corr], [corr, 1.0]])
        b = np.concatenate([np.column_stack([np.ones(n), np.zeros(n)]), np.column_stack([loading, np.ones(m)])])
        v = b @ omega @ b.T + np.diag(np.repeat(errors**2, (n, m)))
        r = np.concatenate([first, second])
        scales = np.array([*np.log(sd), corr, *np.log(errors)])
        arguments = (first, second, loading, scales, np.array([0, n]), np.array([0, m]))
        assert paired_likelihood(*arguments)[0] == pytest.approx(stats.multivariate_normal.logpdf(r, cov=v), rel=1e-10)
        gain = omega @ b.T @ np.linalg.inv(v)
        found, covariance = paired_effects(*arguments), omega - gain @ b @ omega
        np.testing.assert_allclose(found.mean[0], gain @ r, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(found.covariance[0], covariance[[0, 0, 1], [0, 1, 1]], rtol=1e-9)


@pytest.mark.parametrize(
    ("preset", "truth"), [pytest.param(*c, marks=pytest.mark.long) for c in (("table5", 0.0), ("table6", -2.0))]
)
def test_recovery(preset: Any, truth: float) -> None:
    """rho within 3 posterior standard deviations of the truth, and what the first two equations say of the generator."""
    panel = personnel(preset, seed=3)
    model = promotion_prize(panel)
    tree = draw(model, compile_model(model), SamplerSettings(draws=150, tune=200, chains=2, seed=1))
    posterior = tree["posterior"]
    assert abs(float(posterior["rho"].mean()) - truth) < 3.0 * float(posterior["rho"].std())
    for name, value in (("sd_omega", 0.05), ("sd_rise", 0.06)):
        assert abs(float(posterior[name].mean()) - value) < 4.0 * float(posterior[name].std()), name
    rise = posterior["rise"].sel(rise_term="level 4")
    assert abs(float(rise.mean()) - 0.18) < 4.0 * float(rise.std()) + 0.03  # titles are dummies here, centred effects there
    chance = posterior["chance"].sel(chance_term="relative rating")
    assert abs(float(chance.mean()) + 1.5) < 4.0 * float(chance.std())


@pytest.fixture(scope="module")
def part() -> Personnel:
    table = personnel("clean", seed=5).table
    return Personnel(table[table["id"] % 10 == 0])


SMALL = PrizeSpec(
    covariates="A", blocks=("levels",), demographics=False, years="none", means=False, chance=0.5, rise=0.1, rho=1.0
)  # fmt: skip


def test_cut(part: Personnel) -> None:
    """Imputations of the prize from the first two equations alone, then rho given each: spread at least that of one of them."""
    model = prize_first_stage(part, SMALL)
    assert {v.name for v in model.observed_RVs} == {"promoted", "rises"}
    tree = draw(model, compile_model(model), SamplerSettings(draws=200, tune=200, chains=2, seed=1))
    assert max(float(v) for v in az.rhat(tree["posterior"].to_dataset()[["sd_omega", "sd_rise"]]).values()) < 1.03
    found = cut_prize(tree, part, SMALL, imputations=60, seed=2)
    assert found["rho"].sizes == {"sample": 60} and np.isfinite(found["rho"]).all()
    again = cut_prize(tree, part, SMALL, imputations=60, seed=2)
    np.testing.assert_array_equal(found["rho"], again["rho"])
    assert float(found["rho"].std()) > 0.5 * float(found["rho_sd"].mean())


@pytest.mark.long
def test_calibration_of_the_sampler(part: Personnel) -> None:
    """Ranks of 30 simulations uniform; a right sampler fails once in a thousand."""
    names = ["rho", "theta", "rise", "sd_omega", "sd_mu", "sd_rise", "sd_bonus", "corr"]
    data = {"observed_promoted": "promoted", "observed_rises_and_bonuses": "rises_and_bonuses"}
    build = partial(promotion_prize, part, SMALL)
    p = uniformity(calibrate_model(build, names, data, 30, seed=3, thin=6, draws=150, tune=200))
    assert len(p) > 15 and p.min() > 1e-3 / len(p), p


def test_increases_come_from_consecutive_years() -> None:
    table = pd.DataFrame(
        {"id": [1, 1, 1, 2], "year": [1, 2, 3, 4], "promoted": [1, 0, 1, 1], "salary": [10.0, 11, 12, 13]}
    ).assign(bonus=[1.0, 0, 0, 0])
    np.testing.assert_allclose(log_increase(table), [np.log(1.1), np.nan, np.nan, np.nan])
    np.testing.assert_allclose(log_increase(table, "total")[0], 0.0, atol=1e-12)


def test_faults(part: Personnel) -> None:
    with pytest.raises(DataFaults, match="the panel has no title"):
        promotion_prize(Personnel(part.table.drop(columns="title")))
    with pytest.raises(DataFaults, match="no promoted rows with a known increase"):
        promotion_prize(Personnel(part.table.assign(promoted=0)), SMALL)
    with pytest.raises(DataFaults, match="covariates"):
        PrizeSpec(covariates="D")
