"""The Bayesian calibration of the sorting model: golden moments, what is identified, calibrated ranks."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytest
import xarray as xr
from pytensor.compile.mode import Mode

from bayes_labor.data import DataFaults
from bayes_labor.models.sorting.calibration import (
    COORDINATES,
    MOMENTS,
    PAPER,
    SortingPriors,
    SortingSpec,
    Targets,
    sorting_calibration,
)
from bayes_labor.posteriors import SamplerSettings, compile_model, draw, prior_draws
from bayes_labor.posteriors.uniform import uniformity
from bayes_labor.theory.sorting.equilibrium import scale_free, solve_sorting
from tests.conftest import REFERENCE

PYTHON = Mode("py", "fast_compile")


def logit(x: float) -> float:
    return float(np.log(x / (1 - x)))


@pytest.mark.parametrize("labor_share", ["output", "factor", "income"])
def test_golden_moments_and_likelihood(labor_share: str) -> None:
    calls: dict[float, Any] = {}
    for case in json.loads((REFERENCE / "sorting.json").read_text())["calibration"]["points"]:
        p, moments = case["params"], case["moments"]
        free = scale_free(p["psi"], p["taus"][1], p["lth"], p["lx"])
        boom = p["taus"][0] / p["lth"]
        if boom not in calls:
            model = sorting_calibration(labor_share=labor_share, tau_boom=boom)
            outputs = [*model.replace_rvs_by_values([model["moment_fit"]]), model.logp(vars=[model["moments"]])]
            calls[boom] = pytensor.function(model.value_vars, outputs, mode=PYTHON, on_unused_input="ignore")
        fit, density = calls[boom](logit(p["psi"]), logit(float(free.v)), np.log(free.tau_hat - boom), np.log(p["sl"]))
        want = [moments["labor_share"][labor_share], *(moments[k] for k in ("std_log_wage", "top10", "mid", "std_log_tfp"))]
        np.testing.assert_allclose(fit, want, rtol=1e-10, err_msg=case["name"])
        if labor_share == "output":
            assert density == pytest.approx(case["gaussian_loglik"], rel=1e-9)


@pytest.fixture(scope="module")
def ready() -> tuple[pm.Model, Any]:
    model = sorting_calibration(unit=2.616)
    return model, compile_model(model)


@pytest.fixture(scope="module")
def posterior(ready: tuple[pm.Model, Any]) -> xr.DataTree:
    return draw(*ready, SamplerSettings(draws=1000, tune=400, chains=2, seed=1))


def test_posterior_is_the_one_known(posterior: xr.DataTree) -> None:
    """Against an independent run (specification, section 10): means within a third of a posterior standard deviation."""
    p = posterior["posterior"]
    for name, mean, sd in (("psi", 0.339, 0.017), ("tau_hat", 0.032, 0.004), ("s_l", 0.221, 0.012)):
        assert abs(float(p[name].mean()) - mean) < 0.35 * sd and float(p[name].std()) == pytest.approx(sd, rel=0.25), name
    np.testing.assert_allclose(p["moment_fit"].mean(("chain", "draw")), [0.610, 0.767, 0.893, 0.079, 0.0087], atol=0.0015)
    assert not posterior["sample_stats"]["diverging"].any()


def test_a_unit_is_needed_for_rates_and_slopes(posterior: xr.DataTree) -> None:
    """Without one the model has no lambda or tau to report; with one they follow, and nothing else changes."""
    assert not {"lambda_theta", "lambda_x", "tau"} & set(sorting_calibration().named_vars)
    one = posterior["posterior"].to_dataset().isel(chain=0, draw=10)
    assert float(one["lambda_theta"]) == 2.616 and float(one["tau"]) == pytest.approx(2.616 * float(one["tau_hat"]))
    found = solve_sorting(*(float(one[n]) for n in ("psi", "tau", "lambda_theta", "lambda_x", "s_l")))
    assert float(found.std_logw) == pytest.approx(float(one["std_logw"].sel(state="recession")), rel=1e-10)
    assert float(np.log(found.Z)) == pytest.approx(float(one["log_Z"].sel(state="recession")), rel=1e-9)


def test_economies_are_pooled_in_what_is_identified() -> None:
    """Two economies that differ in one moment: the likelihood is the sum, the coordinates are the identified ones."""
    targets = Targets(np.tile(PAPER.value, (2, 1)), np.tile(PAPER.se, (2, 1)), ("old", "new"))
    model, alone = sorting_calibration(targets), sorting_calibration()
    assert list(model.coords["coordinate"]) == list(COORDINATES) and list(model.coords["moment"]) == list(MOMENTS)
    x = np.array([logit(0.34), logit(0.77), np.log(0.03), np.log(0.22)])
    point = {"mean": x, "spread_log__": np.zeros(4), "offset": np.zeros((2, 4))}
    both = model.compile_logp(vars=[model["moments"]], mode=PYTHON, sum=True)
    names = [v.name for v in alone.value_vars]
    one = alone.compile_logp(vars=[alone["moments"]], mode=PYTHON, sum=True)
    assert float(both(point)) == pytest.approx(2 * float(one(dict(zip(names, x, strict=True)))), rel=1e-10)


def test_calibration_of_the_sampler(ready: tuple[pm.Model, Any]) -> None:
    """Ranks of 60 simulations uniform: four parameters, each at level 1e-3 / 4; a right sampler fails once in a thousand."""
    (model, compiled), settings = ready, SamplerSettings(draws=200, tune=300, chains=2)
    names, tree = ["psi", "v", "tau_hat", "s_l"], prior_draws(model, 60, 3)
    rng, rows = np.random.default_rng(0), []
    truth, moments = tree["prior"].to_dataset().isel(chain=0), tree["prior_predictive"]["moments"].to_numpy()[0]
    assert np.isfinite(moments).all()
    for i, observed in enumerate(moments):
        fit = draw(model, compiled.with_data(observed_moments=observed), settings.model_copy(update={"seed": i}))
        own = fit["posterior"].to_dataset()[names].isel(draw=slice(None, None, 8)).stack(sample=("chain", "draw"))
        n = own.sizes["sample"]
        rows.append({k: (float((own[k] < float(truth[k][i])).sum()) + rng.uniform()) / (n + 1) for k in names})
    p = uniformity(pd.DataFrame(rows))
    assert p.min() > 1e-3 / 4, p


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sorting_calibration(Targets(np.ones(4), np.ones(4))), "have shape"),
        (lambda: sorting_calibration(Targets(np.ones(5), np.zeros(5))), "standard errors positive"),
        (lambda: sorting_calibration(unit=-1.0), "unit = -1.0 is not positive"),
        (lambda: SortingSpec(labor_share="wages"), "labor_share = 'wages' is not known"),
        (lambda: SortingSpec(priors={"phi": 1.0}), "there is no setting 'phi'"),
    ],
)
def test_bad_input_is_one_clear_fault(call: Any, message: str) -> None:
    with pytest.raises(DataFaults, match=message.replace("(", r"\(")):
        call()


def test_priors_print() -> None:
    assert "Beta(3, 4)" in str(SortingPriors()) and SortingSpec().recession_share == pytest.approx(0.0687, abs=1e-4)
