"""Size of bonuses: the reduced likelihood against golden values and the full one, its posterior against known ones."""

import json
from functools import partial
from typing import Any

import arviz as az
import numpy as np
import pymc as pm
import pytensor
import pytest
import xarray as xr
from pytensor.compile.mode import Mode
from scipy import special, stats

from bayes_labor.data import DataFaults, Personnel, personnel
from bayes_labor.likelihoods.effect_integral import integrate_effects, student_log_density
from bayes_labor.likelihoods.random_intercepts import panel_likelihood, reduce_panel, weighted_log_likelihood
from bayes_labor.models import BonusSpec, bonus_size
from bayes_labor.models.bonuses.design import Regressors, bonus_design, year_contrasts
from bayes_labor.models.linear_panel import linear_panel
from bayes_labor.models.panel_design import IdentificationError, check_identified
from bayes_labor.models.pilot import pilot_of
from bayes_labor.models.priors import Prior
from bayes_labor.numerics.groups import Groups
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
    columns = [np.ones(38), d["level"] == 2, d["level"] == 3, d["level"] >= 4, (d["age"] - 39) / 10, d["tenure_level"] >= 2]
    return d["log_bonus"], np.column_stack(columns).astype(np.float64), d["worker"]


def evaluated(y: np.ndarray, w: np.ndarray, worker: np.ndarray, theta: np.ndarray, sigma: float, tau: float) -> tuple[Any, ...]:
    r = reduce_panel(y, w, Groups.of(worker))
    return panel_likelihood(theta, np.log(sigma), np.log(tau), r.products, r.rows_per_worker, r.workers, r.inner, r.outer)


def worker_effects(residual: np.ndarray, groups: Groups, sigma: float, tau: float) -> tuple[np.ndarray, np.ndarray]:
    """(means (G,), standard deviations (G,)) of the effects given everything else; residuals y - W theta (N,)."""
    total = sigma**2 + groups.counts * tau**2
    return groups.counts * tau**2 / total * groups.means(residual), np.sqrt(sigma**2 * tau**2 / total)


def ordered_log_probabilities(index: np.ndarray, cutpoints: np.ndarray) -> np.ndarray:
    """(N, R) log probabilities of an ordered logit with index (N,) and R - 1 rising cut points.

    P(r <= k) = logistic(cut_k - index).
    """
    below = special.expit(np.concatenate([[-np.inf], cutpoints, [np.inf]])[None, :] - index[:, None])
    return np.log(np.diff(below, axis=1))


def rating_mixture(by_rating: np.ndarray, log_probabilities: np.ndarray, rating: np.ndarray) -> np.ndarray:
    """(N,) log density of outcome and rating: summed over ratings where it is missing.

    Parameters
    ----------
    by_rating
        (N, R) log density of the outcome given each rating.
    log_probabilities
        (N, R) of the ratings.
    rating
        (N,) 1 to R, NaN where missing.

    """
    both = by_rating + log_probabilities
    known = np.isfinite(rating)
    seen = np.where(known, rating, 1).astype(int) - 1
    return np.where(known, both[np.arange(len(both)), seen], special.logsumexp(both, axis=1))


def test_golden_likelihood_gradient_and_effects(golden: dict[str, Any]) -> None:
    case, (y, w, worker) = golden["gaussian_marginal"], panel_of(golden)
    theta = np.array(case["theta"])
    value, d_theta, d_sigma, d_tau = evaluated(y, w, worker, theta, case["sigma"], case["tau"])
    assert value == pytest.approx(case["loglik"], rel=1e-11)
    np.testing.assert_allclose([*d_theta, d_sigma, d_tau], case["gradient_theta_logsigma_logtau"], rtol=1e-10)
    groups = Groups.of(worker)
    mean, sd = worker_effects(y - w @ theta, groups, case["sigma"], case["tau"])
    np.testing.assert_allclose(mean, case["effect_mean"], rtol=1e-10)
    np.testing.assert_allclose(sd, case["effect_sd"], rtol=1e-11)
    weighted = golden["weighted_marginal"]
    residual = y - w @ np.array(weighted["theta"])
    by_worker = weighted_log_likelihood(residual, groups, np.array(weighted["precision_rows"]), weighted["tau"])
    assert by_worker.sum() == pytest.approx(weighted["loglik"], rel=1e-11)
    same = weighted_log_likelihood(residual, groups, np.full(38, case["sigma"] ** -2.0), case["tau"])
    np.testing.assert_allclose(same, case["loglik_by_worker"], rtol=1e-10)


def test_reduced_likelihood_is_the_multivariate_normal() -> None:
    """On random panels, whatever the order of the rows; in the coordinates of a pilot too."""
    rng = np.random.default_rng(0)
    for n, p in ((60, 3), (25, 5)):
        worker = rng.integers(0, n // 3, n)
        w, theta, y = rng.normal(size=(n, p)), rng.normal(size=p), rng.normal(size=n)
        sigma, tau = 0.7, 0.9
        covariance = sigma**2 * np.eye(n) + tau**2 * (worker[:, None] == worker)
        want = stats.multivariate_normal(w @ theta, covariance).logpdf(y)
        assert evaluated(y, w, worker, theta, sigma, tau)[0] == pytest.approx(want, rel=1e-11)
        pilot = pilot_of(w.T @ w + np.eye(p), w.T @ y)
        x = np.linalg.solve(pilot.scale, theta - pilot.center)
        rotated = evaluated(y - w @ pilot.center, w @ pilot.scale, worker, x, sigma, tau)[0]
        assert rotated == pytest.approx(want, rel=1e-10)
    with pytest.raises(ValueError, match="do not fit"):
        reduce_panel(y[:-1], w, Groups.of(worker))


def test_mundlak_slopes_are_the_within_estimator(golden: dict[str, Any]) -> None:
    """At any variances, with flat priors: the optimum of the reduced likelihood with worker means among the regressors."""
    y, w, worker = panel_of(golden)
    _, row, counts = np.unique(worker, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(row, w[:, j]) / counts for j in range(1, 6)], axis=1)[row]
    both = np.column_stack([w, means])
    kept = [j for j in range(11) if j == 0 or np.ptp(both[:, j]) > 0]
    for sigma, tau in ((0.4, 0.55), (1.0, 0.1)):
        v = sigma**2 * np.eye(38) + tau**2 * (worker[:, None] == worker)
        inverse = np.linalg.inv(v)
        slopes = np.linalg.lstsq(
            np.linalg.cholesky(inverse).T @ both[:, kept], np.linalg.cholesky(inverse).T @ y, rcond=None
        )[0]  # fmt: skip
        np.testing.assert_allclose(slopes[1:6], golden["classical"]["within"], rtol=1e-9)
        gradient = evaluated(y, both[:, kept], worker, slopes, sigma, tau)[1]
        np.testing.assert_allclose(gradient, 0.0, atol=1e-8)


@pytest.fixture(scope="module")
def panel() -> Personnel:
    return personnel("clean", seed=2)


@pytest.fixture(scope="module")
def ready(panel: Personnel) -> tuple[pm.Model, Any]:
    model = bonus_size(panel)
    return model, compile_model(model)


@pytest.fixture(scope="module")
def posterior(ready: tuple[pm.Model, Any]) -> xr.DataTree:
    return draw(*ready, SamplerSettings(draws=800, tune=300, chains=2, seed=1))


def test_density_is_prior_and_likelihood(panel: Personnel, ready: tuple[pm.Model, Any]) -> None:
    """The model's log density at a point, against the rows themselves."""
    model, _ = ready
    design = BonusSpec().design(panel)
    sigma, tau = 0.5, 0.6
    x = 0.3 * np.random.default_rng(0).normal(size=len(design.terms))
    outputs = [model.logp(jacobian=False), *model.replace_rvs_by_values([model["theta"]])]
    call = pytensor.function(model.value_vars, outputs, mode=PYTHON)
    y = np.log(design.table["bonus"].to_numpy())
    center = np.zeros(len(x))
    center[0] = y.mean()

    def both(x: np.ndarray) -> tuple[float, float]:
        at = {"theta_rotated": x, "sigma_log__": np.log(sigma), "tau_log__": np.log(tau)}
        value, theta = call(*(at[v.name] for v in model.value_vars))
        residual = y - design.columns @ theta
        rows = weighted_log_likelihood(residual, design.groups, np.full(len(y), sigma**-2.0), tau).sum()
        prior = stats.norm.logpdf(theta, center, design.prior_sd).sum() + stats.halfnorm.logpdf([sigma, tau]).sum()
        return float(value), float(rows + prior)

    gaps = [model_value - by_rows for model_value, by_rows in (both(x), both(2 * x), both(0 * x))]
    scale = pilot_scale(model, len(x))
    np.testing.assert_allclose(gaps, np.linalg.slogdet(scale)[1], atol=1e-6)  # the Jacobian of the linear map


def pilot_scale(model: pm.Model, n: int) -> np.ndarray:
    """L of theta = center + L x, from the model itself: differences of theta."""
    outputs = model.replace_rvs_by_values([model["theta"]])
    call = pytensor.function(model.value_vars, outputs, mode=PYTHON, on_unused_input="ignore")

    def theta(x: np.ndarray) -> np.ndarray:
        at = {"theta_rotated": x, "sigma_log__": np.float64(0.0), "tau_log__": np.float64(0.0)}
        return call(*(at[v.name] for v in model.value_vars))[0]

    return np.stack([theta(e) - theta(0 * e) for e in np.eye(n)], axis=1)


def test_posterior_is_the_known_one(panel: Personnel, ready: tuple[pm.Model, Any]) -> None:
    """With the variances given the posterior of theta is normal and known: means and deviations within 5 Monte Carlo errors."""
    design = BonusSpec().design(panel)
    sigma, tau = 0.35, 0.6
    model = pm.do(bonus_size(panel), {"sigma": sigma, "tau": tau})
    tree = draw(model, compile_model(model), SamplerSettings(draws=1500, tune=300, chains=2, seed=4))
    y, w = np.log(design.table["bonus"].to_numpy()), design.columns
    row, counts = design.groups.row, design.groups.counts
    means = np.stack([np.bincount(row, w[:, j]) / counts for j in range(w.shape[1])], axis=1)
    weight = counts**2 * tau**2 / (sigma**2 + counts * tau**2)
    prior = design.prior_sd**-2.0
    information = (w.T @ w - (means * weight[:, None]).T @ means) / sigma**2 + np.diag(prior)
    score = (w.T @ y - means.T @ (weight * np.bincount(row, y) / counts)) / sigma**2
    score[0] += prior[0] * y.mean()
    covariance = np.linalg.inv(information)
    theta = tree["posterior"]["theta"].stack(sample=("chain", "draw")).transpose("sample", "term").to_numpy()
    sd = np.sqrt(np.diag(covariance))
    assert (np.abs(theta.mean(0) - covariance @ score) < 5 * sd / np.sqrt(800)).all()
    np.testing.assert_allclose(theta.std(0), sd, rtol=0.12)


def test_recovery(posterior: xr.DataTree) -> None:
    """Level effects within 3 posterior standard deviations of the truth; the gates are green."""
    theta = posterior["posterior"]["theta"]
    for level, truth in zip(range(2, 6), (0.40, 0.55, 0.82, 1.45), strict=True):
        one = theta.sel(term=f"level {level}")
        assert abs(float(one.mean()) - truth) < 3 * float(one.std()), level
    assert all(g.passed for g in gates(posterior, ["theta", "sigma", "tau"]))
    assert float(posterior["posterior"]["sigma"].mean()) == pytest.approx(0.33, abs=0.02)


def small_panel() -> Personnel:
    table = personnel("clean", seed=5).table
    return Personnel(table[table["id"] % 12 == 0])


@pytest.mark.long
def test_calibration_of_the_sampler() -> None:
    """Ranks of 60 simulations uniform; a right sampler fails once in a thousand."""
    build = partial(bonus_size, small_panel(), BonusSpec(blocks=("levels", "tenure"), demographics=False, years="none"))
    data = {"observed_products": "log_bonus_products"}
    p = uniformity(calibrate_model(build, ["theta", "sigma", "tau"], data, 60, seed=2, thin=6, draws=200, tune=200))
    assert len(p) > 10 and p.min() > 1e-3 / len(p), p


def test_golden_student_and_missing_ratings(golden: dict[str, Any]) -> None:
    """Worker effects by a trapezoid: Student-t errors, and ratings summed over where they are missing."""
    y, w, worker = panel_of(golden)
    case, groups = golden["student_t_marginal"], Groups.of(worker)
    residual = y - w @ np.array(case["theta"])

    def student(m: float) -> np.ndarray:
        return student_log_density(residual - m, case["scale"], case["nu"])

    assert integrate_effects(student, groups, case["tau"]).sum() == pytest.approx(case["trapezoid_K61_B7_5"], rel=1e-11)
    assert abs(integrate_effects(student, groups, case["tau"]).sum() - case["loglik"]) < 2e-6
    assert integrate_effects(student, groups, case["tau"], 601, 12.0).sum() == pytest.approx(case["loglik"], rel=1e-11)
    case, d = golden["missing_rating_mixture"], {k: np.array(v) for k, v in golden["data"].items() if k != "log_increase"}
    index = case["ordered_logit_slope_level_ge_3"] * (d["level"] >= 3)
    chances = ordered_log_probabilities(index, np.array(case["ordered_logit_cutpoints"]))
    np.testing.assert_allclose(np.exp(chances).sum(1), 1.0, rtol=1e-14)
    known = np.where(d["rating_observed"] == 1, d["rating"], np.nan)
    for rating, name in ((known, "loglik"), (d["rating"].astype(float), "loglik_if_all_ratings_treated_as_observed")):

        def both(m: float, rating: np.ndarray = rating) -> np.ndarray:
            parts = (y - w @ np.array(case["theta"]))[:, None] - np.array(case["rating_effects"]) - m
            return rating_mixture(student_log_density(parts, case["scale"], case["nu"]), chances, rating)

        assert integrate_effects(both, groups, case["tau"], 601, 12.0).sum() == pytest.approx(case[name], rel=1e-11)


@pytest.mark.long
def test_effects_of_the_size_of_errors() -> None:
    """Neither centred nor not: 722 effective draws of tau of 1,000 here; 254 where one kind is chosen for all workers."""
    rng, panel = np.random.default_rng(3), small_panel()
    spec = BonusSpec(blocks=("levels",), errors="student", demographics=False, years="none", means=False)
    design = spec.design(panel)
    level = 8.0 + 0.6 * rng.normal(size=len(design.groups.labels))
    bonus = panel.table["bonus"].copy()
    bonus.loc[design.table.index] = np.exp(level[design.groups.row] + 0.7 * rng.standard_t(20.0, len(design.outcome)))
    model = bonus_size(Personnel(panel.table.assign(bonus=bonus)), spec)
    tree = draw(model, compile_model(model), SamplerSettings(draws=500, tune=400, chains=2, seed=1))
    effective = float(az.ess(tree["posterior"].to_dataset()[["tau"]])["tau"])
    assert effective > 400, effective


def test_density_with_effects_is_the_rows_one() -> None:
    """The PyMC model with Student-t errors and the mixture, at a point, against the functions that the golden values check."""
    part = small_panel()
    spec = BonusSpec(blocks=("levels", "ratings"), errors="student", ratings="mixture", demographics=False, years="none")
    model = bonus_size(part, spec)
    design = spec.design(part)
    names = ["theta", "rating_cuts", "rating_slope", "worker_scaled"]
    outputs = [*model.logp(vars=model.observed_RVs, sum=False), *model.replace_rvs_by_values([model[n] for n in names])]
    call = pytensor.function(model.value_vars, outputs, mode=PYTHON, on_unused_input="ignore")
    rng = np.random.default_rng(0)
    at = {v.name: 0.3 * rng.normal(size=v.type.shape) for v in model.value_vars}
    *parts, theta, cuts, slope, scaled = call(*(at[v.name] for v in model.value_vars))
    observed = sum(float(np.sum(p)) for p in parts)
    sigma, tau, nu = (np.exp(at[f"{n}_log__"]) for n in ("sigma", "tau", "nu"))
    row, found = design.groups.row, linear_panel(design, spec.table, summed=False)
    (error, effect), counts = found.start, np.bincount(row)
    told = counts * effect**2 / (error**2 + counts * effect**2)
    means = np.stack([np.bincount(row, c) / counts for c in design.columns.T], axis=1)
    base, between = means @ found.pilot.center, means @ theta
    level = base + (1.0 - told) * (between - base) + (tau / effect) ** (1.0 - told) * scaled
    mean = level[row] + (design.columns - means[row]) @ theta
    prior = stats.norm(between, tau).logpdf(level) + (1.0 - told) * np.log(tau / effect)  # and how far levels are stretched
    value = pytensor.function(
        model.value_vars, model.logp(vars=[model["worker_scaled"]]), mode=PYTHON, on_unused_input="ignore"
    )
    assert value(*(at[v.name] for v in model.value_vars)) == pytest.approx(prior.sum(), rel=1e-9)
    rating = design.table["rating"].to_numpy(np.float64)
    places = [design.terms.index(f"rating {k}") for k in (2, 3, 4)]
    effects = np.append(0.0, theta[places])
    bare = mean - design.columns[:, places] @ theta[places]
    z = design.columns[:, [i for i, b in enumerate(design.blocks) if b == "levels"]]
    chances = ordered_log_probabilities((z - z.mean(0)) @ slope, cuts)
    y = np.log(design.table["bonus"].to_numpy())
    by_rating = student_log_density(y[:, None] - bare[:, None] - effects, float(sigma), float(nu))
    assert observed == pytest.approx(rating_mixture(by_rating, chances, rating).sum(), rel=1e-9)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["student", "ordered"])
def test_calibration_of_the_variants(kind: str) -> None:
    """Ranks of 20 simulations uniform, with an effect per worker and with ordered ones; fails once in a thousand if right."""
    own: dict[str, Any] = {"errors": "student"} if kind == "student" else {"ordered": True}
    spec = BonusSpec(blocks=("levels",), demographics=False, years="none", means=False, **own)
    data = {"observed_log_bonus": "log_bonus"} if kind == "student" else {"observed_products": "log_bonus_products"}
    table = personnel("clean", seed=5).table
    build = partial(bonus_size, Personnel(table[table["id"] % 40 == 0]), spec)
    p = uniformity(calibrate_model(build, ["theta", "sigma", "tau"], data, 20, seed=2, thin=6, draws=150, tune=250))
    assert p.min() > 1e-3 / len(p), p


def test_ordered_effects_are_ordered(panel: Personnel) -> None:
    """In every draw; the levels are found all the same."""
    model = bonus_size(panel, ordered=True)
    theta = draw(model, compile_model(model), SamplerSettings(draws=150, tune=150, chains=2, seed=1))["posterior"]["theta"]
    for names, sign in (([f"level {k}" for k in range(2, 6)], 1), ([f"rating {k}" for k in (2, 3, 4)], -1)):
        assert (sign * np.diff(theta.sel(term=names), axis=-1) > 0).all()
    assert abs(float(theta.sel(term="level 4").mean()) - 0.82) < 3 * float(theta.sel(term="level 4").std())


def test_design(panel: Personnel) -> None:
    design = bonus_design(panel)
    assert design.table["rating"].notna().all() and design.terms[0] == "intercept"
    everybody = bonus_design(panel, unrated="indicator")
    assert "rating missing" in everybody.terms and len(everybody.table) > len(design.table)
    few = Regressors(blocks=("levels",), means=False, demographics=False, years="none")
    assert "means" not in bonus_design(panel, few).blocks
    contrasts = np.stack(year_contrasts(np.arange(1981, 1989)))
    np.testing.assert_allclose(contrasts @ contrasts.T, np.eye(6), atol=1e-12)
    np.testing.assert_allclose(contrasts @ np.stack([np.ones(8), np.arange(8)], axis=1), 0.0, atol=1e-12)


def test_what_cannot_be_told_apart_is_refused(panel: Personnel) -> None:
    design = bonus_design(panel)
    trend = (design.table["year"] - 1984).to_numpy(np.float64)
    with_trend = design.extended(["trend"], "years", [trend], Prior("normal", (0.0, 1.0)))
    with pytest.raises(IdentificationError, match=r"age, trend cannot be told apart within workers"):
        check_identified(with_trend)
    with pytest.raises(DataFaults, match="the panel has no age"):
        bonus_size(Personnel(panel.table.drop(columns="age")))
    with pytest.raises(DataFaults, match="no rows are left"):
        bonus_size(Personnel(panel.table.assign(bonus=0.0)))
    with pytest.raises(DataFaults, match="blocks"):
        BonusSpec(blocks=("education",))
    with pytest.raises(DataFaults, match="missing values in age, age squared"):
        bonus_size(Personnel(panel.table.assign(age=panel.table["age"].where(panel.table["year"] > 1981))))
    check_identified(bonus_design(panel, Regressors(blocks=(), years="none")))
