"""The joint-production model: its density against an independent one, its special cases, and what PyMC users expect of it."""

import numpy as np
import pymc as pm
import pytensor
import pytest
from scipy import optimize, stats

from bayes_labor.data import Workforce
from bayes_labor.models import SPECS, JointProductionPriors, JointProductionSpec, joint_production
from bayes_labor.models.joint_production.inputs import columns_of, inputs_of, matching_of, prior_rows
from bayes_labor.models.starting import starting_point
from bayes_labor.posteriors import prior_draws
from bayes_labor.theory import solve_outside_option, solve_payroll
from tests.conftest import FORMULA, make_table

MODE = "FAST_COMPILE"


def evaluate(model: pm.Model, names: list[str], point: dict) -> list[np.ndarray]:
    with model:
        outputs = model.replace_rvs_by_values([model[n] for n in names])
        return pytensor.function(model.value_vars, outputs, mode=MODE, on_unused_input="ignore")(**point)


@pytest.mark.parametrize("spec", SPECS)
def test_every_specification_has_a_finite_density_and_gradient(small: Workforce, spec: str) -> None:
    model = joint_production(small, spec)
    point = starting_point(model)
    function = model.compile_fn([model.logp(), model.dlogp()], mode=MODE)
    value, gradient = function(point)
    assert np.isfinite(value) and np.all(np.isfinite(gradient)) and np.any(gradient != 0)
    free = {v.name for v in model.free_RVs}
    assert ("d" in free) == (not spec.startswith("linear") or spec == "linear_power")
    assert ("psi_scaled" in free) == (spec in ("linear_power", "power", "flexible"))
    assert ("psi" not in model) or len(model.coords["power_term"]) == (1 if spec == "linear_power" else 2)
    assert ("seniority" in model.coords["talent_term"]) == (spec != "power")


@pytest.mark.parametrize(("errors", "by_industry"), [("normal", False), ("normal", True), ("student", False), ("log", True)])
def test_density_equals_an_independent_one(small: Workforce, errors: str, by_industry: bool) -> None:
    spec = JointProductionSpec(spec="flexible", errors=errors, noise_by_industry=by_industry, penalty=2.0)
    model = joint_production(small, spec)
    point = starting_point(model)
    rng = np.random.default_rng(0)
    point = {k: v + 0.1 * rng.normal(size=np.shape(v)) for k, v in point.items()}
    terms = model.compile_logp(vars=[model["wage"]], sum=False, mode=MODE)(point)[0]
    names = ["gamma", "psi", "beta", "A", "d", "V_U", "sigma", *(["nu"] if errors == "student" else [])]
    got = dict(zip(names, evaluate(model, names, point), strict=True))
    columns = columns_of(small, spec)
    internal = small.internal
    z = small.design[:, ~internal] @ got["gamma"][: np.sum(~internal)]
    theta = z + small.design[:, internal] @ got["gamma"][np.sum(~internal) :]
    mean_wage = small.wage.mean()
    s = solve_outside_option(
        theta, z, small.offsets, got["beta"], got["A"], float(got["d"]), float(got["V_U"]),
        industry=small.industry, matching=matching_of(small, spec), softness=0.01 * mean_wage,
    )  # fmt: skip
    pay = solve_payroll(s.value, s.output, small.design[:, internal] @ got["psi"], small.offsets)
    sigma = got["sigma"][small.worker_industry] if by_industry else got["sigma"]
    if errors == "log":
        density = stats.lognorm.logpdf(small.wage, sigma, scale=pay.wage)
    elif errors == "normal":
        density = stats.norm.logpdf(small.wage, pay.wage, sigma)
    else:
        density = stats.t.logpdf(small.wage, float(got["nu"]), pay.wage, sigma)
    penalty = 2.0 * np.logaddexp(0, -pay.surplus / (small.sizes * 0.01 * mean_wage)) * (small.sizes > 5)
    np.testing.assert_allclose(terms, np.add.reduceat(density, small.offsets[:-1]) - penalty, rtol=1e-8)
    assert columns.internal_terms == ["seniority", "seniority ** 2 / 100"]


@pytest.mark.parametrize("spec", ["linear_national", "linear"])
def test_linear_is_the_mincer_equation(spec: str) -> None:
    """W = A exp(x gamma), estimated by nonlinear least squares, to the interpolation error of V."""
    table = make_table(40, seed=4).assign(industry="all")
    w = Workforce.from_frame(table, "experience + female + seniority", ["seniority"])
    x = np.column_stack([np.ones(w.n_workers), w.design])
    start = np.linalg.lstsq(x, np.log(w.wage), rcond=None)[0]
    fit = optimize.least_squares(lambda c: w.wage - np.exp(x @ c), start, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    model = joint_production(w, JointProductionSpec(spec=spec, matching="exact"))
    columns = columns_of(w, JointProductionSpec(spec=spec))
    point = starting_point(model)
    point["gamma_scaled"] = fit.x[1:] * columns.talent_sd
    reference, scale = evaluate(model, ["log_output", "A"], point)
    level = fit.x[0] - np.log(scale).ravel()[0]
    point["log_output"] = np.asarray(reference + level).reshape(np.shape(point["log_output"]))
    predicted = evaluate_mean(model, point)
    np.testing.assert_allclose(predicted, np.exp(x @ fit.x), rtol=1e-6)
    gradient = likelihood_gradient(model, point)
    standard = (columns.external - columns.mean[:, None]) / columns.talent_sd[:, None]
    typical = np.sqrt(np.sum(np.square(w.wage * standard)))
    assert np.all(np.abs(gradient) < 1e-4 * typical)


def evaluate_mean(model: pm.Model, point: dict) -> np.ndarray:
    """Predicted wages: the first parameter of the observed variable."""
    with model:
        mean = model.replace_rvs_by_values([model["wage"].owner.op.dist_params(model["wage"].owner)[0]])
        return pytensor.function(model.value_vars, mean, mode=MODE, on_unused_input="ignore")(**point)[0]


def likelihood_gradient(model: pm.Model, point: dict) -> np.ndarray:
    value = [v for v in model.value_vars if v.name in ("gamma_scaled", "log_output")]
    gradient = pytensor.grad(model.logp(vars=[model["wage"]]), value)
    parts = pytensor.function(model.value_vars, gradient, mode=MODE, on_unused_input="ignore")(**point)
    return np.concatenate([np.ravel(p) for p in parts])


def test_prior_predictive_and_pointwise_log_likelihood(small: Workforce) -> None:
    spec = JointProductionSpec(matching="sampled", priors=JointProductionPriors(talent=0.2))
    with joint_production(small, spec) as model:
        tree = prior_draws(model, 20, seed=1)
        assert tree["prior_predictive"]["wage"].shape == (1, 20, small.n_workers)
        solved = tree["prior"]["solver_status"].to_numpy().ravel() == 0
        assert np.isfinite(tree["prior_predictive"]["wage"].to_numpy()[0][solved]).all() and solved.mean() > 0.5
        tree["posterior"] = tree["prior"]
        extended = pm.compute_log_likelihood(tree, progressbar=False, compile_kwargs={"mode": MODE})
        logp = extended["log_likelihood"]["wage"]
    assert logp.shape == (1, 20, small.n_workplaces)


def test_a_point_without_equilibrium_has_no_density(small: Workforce) -> None:
    model = joint_production(small, JointProductionSpec(matching="sampled"))
    point = starting_point(model) | {"V_U": np.array(1e7)}
    assert model.compile_logp(mode=MODE)(point) == -np.inf


def test_priors_print_and_round_trip() -> None:
    spec = JointProductionSpec(priors={"noise": 2.0}, spec="flexible")
    assert JointProductionSpec.model_validate_json(spec.model_dump_json()) == spec
    assert "HalfNormal(2 x sd of wages)" in str(spec.priors)


def test_another_internal_column_needs_no_code() -> None:
    w = Workforce.from_frame(make_table(), FORMULA + " + female:seniority", ["seniority", "female"])
    model = joint_production(w, "power")
    assert list(model.coords["talent_term"]) == ["experience"]
    assert len(model.coords["power_term"]) == 4


def test_the_prior_that_is_printed_is_the_one_that_is_sampled(small: Workforce) -> None:
    """That of b, s and the industries; coordinates add the log Jacobian, which depends on s alone."""
    spec, n = JointProductionSpec(), len(small.industries)
    model, rows, t = joint_production(small, spec), prior_rows(small, spec), inputs_of(small, spec).looseness
    hierarchy = [model[v] for v in ("beta_spread", "beta_level", "beta_contrast_scaled", "beta_rest_scaled")]
    density, rng = model.compile_logp(vars=hierarchy, mode=MODE), np.random.default_rng(2)
    for s in (0.003, 0.1, 0.9):
        point = {k: v + rng.normal(size=np.shape(v)) for k, v in starting_point(model).items()}
        point["beta_spread_log__"] = np.log(s)
        beta, b = evaluate(model, ["beta", "beta_mean"], point)
        at = {"beta_spread": s, "beta_mean": float(b), "atanh_beta": np.arctanh(beta)}
        meant = sum(float(np.sum(rows[k].given(at).frozen().logpdf(v))) for k, v in at.items())
        p = rows["beta_mean"].values[1]
        width, left = s * t / np.hypot(s, t), p * np.sqrt((s**2 / n) / (p**2 + s**2 / n))
        jacobian = 0.5 * np.log(n) + (n - 1) * np.log(width) + np.log(left) + np.log(s)
        assert float(density(point)) == pytest.approx(meant + jacobian, abs=1e-6)  # PyMC's constant is in single precision
