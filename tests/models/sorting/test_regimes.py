"""The sorting model on annual series: golden likelihood, smoothed recessions, calibrated ranks, real series."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
import xarray as xr
from pytensor.compile.mode import Mode

from bayes_labor.data import DataFaults, MacroSeries, macro_series, read_us_macro, read_us_targets, us_postwar
from bayes_labor.data.sorting.macro import PAPER, Targets, recession_months
from bayes_labor.models import RegimesSpec, sorting_regimes
from bayes_labor.models.sorting.coordinates import _from_line, to_line
from bayes_labor.posteriors import SamplerSettings, compile_model, draw
from bayes_labor.posteriors.calibration import calibrate_model
from bayes_labor.posteriors.diagnostics import Gate
from bayes_labor.posteriors.sorting.recessions import (
    area_under_curve,
    information,
    markov_regression,
    recession_scores,
    regimes_told,
)
from bayes_labor.posteriors.uniform import uniformity
from bayes_labor.theory.sorting.equilibrium import chi_of_v, scale_free, solve_sorting
from tests.conftest import REFERENCE

PYTHON = Mode("py", "fast_compile")
SPEC = RegimesSpec()
SEVERAL = Targets(np.tile(PAPER.value, (2, 1)), np.tile(PAPER.se, (2, 1)), ("old", "new"))
YEARS = np.arange(1980, 2010)


def logit(x: float) -> float:
    return float(np.log(x / (1 - x)))


def golden_series(forward: dict[str, Any]) -> MacroSeries:
    data = {k: [np.nan if v is None else v for v in x] for k, x in forward["data"].items()}
    return macro_series(pd.DataFrame({"year": np.arange(2000, 2008)} | data))


def test_golden_likelihood_and_recessions() -> None:
    forward = json.loads((REFERENCE / "sorting.json").read_text())["forward"]
    p, sd = forward["params"], forward["params"]["sd"]
    free = scale_free(p["psi"], p["taus"][1], p["lth"], p["lx"])
    model = sorting_regimes(golden_series(forward))
    at = {
        "arc": to_line(p["psi"], p["sl"], float(free.v), SPEC.technology),
        "v": logit(float(free.v)),
        "tau_hat": np.log(free.tau_hat),
        "stay": np.array([logit(p["transition"][0][0]), logit(p["transition"][1][1])]),
        "growth": p["growth_mean"],
        "noise": np.log([sd["wage"], sd["tfpr"], sd["growth"]]),
    }
    outputs = [model.logp(vars=[model["series_by_year"]]), *model.replace_rvs_by_values([model["recession"]])]
    call = pytensor.function(model.value_vars, outputs, mode=PYTHON, on_unused_input="ignore")
    density, recession = call(*(at[v.name.split("_log")[0]] for v in model.value_vars))
    assert density == pytest.approx(forward["log_likelihood"], rel=1e-10)
    np.testing.assert_allclose(recession, forward["smoothed_prob_recession"], rtol=1e-9)


def test_coordinates_on_the_arc_keep_the_priors() -> None:
    """There and back at draws from the priors; the density's Jacobian is that of the map; the radius is TFPR's dispersion."""
    x, v = pt.vector(), pt.scalar()
    psi, s_l, log_determinant = _from_line(x, v, SPEC.technology)
    g, h = pytensor.grad(psi, x), pytensor.grad(s_l, x)
    call = pytensor.function([x, v], [psi, s_l, log_determinant, pt.log(abs(g[0] * h[1] - g[1] * h[0]))], mode=PYTHON)
    rng = np.random.default_rng(0)
    for _ in range(300):
        one = rng.beta(3, 4), abs(rng.normal(0, 0.3)), rng.beta(6, 3)
        line = to_line(*one, SPEC.technology)
        found = call(line, one[2])
        np.testing.assert_allclose(found[:2], one[:2], rtol=1e-5, atol=1e-7)
        if abs(line[1]) < 20:
            assert found[2] == pytest.approx(float(found[3]), abs=1e-6)
    economy = solve_sorting(0.35, 0.0, 1.0, np.exp(chi_of_v(0.35, 0.75)), 0.22)
    lowest = 4 / 9 / (40 / 9)  # gamma at psi = 0, where the wages' spread has no say
    assert np.exp(to_line(0.35, 0.22, 0.75, SPEC.technology)[0]) + lowest == pytest.approx(float(economy.var_tfpr) ** 0.5)


def generated(columns: tuple[int, ...] = (0, 1, 2)) -> MacroSeries:
    """Thirty years with a scale for the noise; values are replaced in simulations."""
    rng = np.random.default_rng(0)
    observed = np.full((30, 3), np.nan)
    observed[:, columns] = rng.normal([0.75, 0.22, 0.03], [0.03, 0.01, 0.02], (30, 3))[:, columns]
    return MacroSeries(YEARS, observed, np.full(30, 0.03))


def test_draws_have_the_density_of_the_model() -> None:
    """Importance identity: the mean of p'(y)/p(y) over y drawn from p is one, for p' at a nearby parameter."""
    model = sorting_regimes(generated(), noise=1.0)
    point = model.initial_point() | {"tau_hat_log__": np.log(0.03), "stay_logodds__": np.array([1.5, 0.5])}
    fixed = {"psi": 0.35, "v": 0.75, "tau_hat": 0.03, "s_l": 0.22, "stay": [0.82, 0.62], "growth": 0.02}
    noise = np.array([0.04, 0.02, 0.03])
    point |= {"arc": to_line(0.35, 0.22, 0.75, SPEC.technology), "v_logodds__": logit(0.75), "growth": 0.02}
    point |= {"stay_logodds__": np.array([logit(0.82), logit(0.62)]), "noise_log__": np.log(noise)}
    with pm.do(model, fixed | {"noise": noise}):
        y = pm.sample_prior_predictive(
            3000, random_seed=1, var_names=["series_by_year"], compile_kwargs={"mode": "FAST_COMPILE"}
        )["prior_predictive"]["series_by_year"].to_numpy()[0]
    term = model.logp(vars=[model["series_by_year"]])
    call = pytensor.function(model.value_vars, term, mode=PYTHON, on_unused_input="ignore")
    moved = point | {"growth": 0.0205, "tau_hat_log__": np.log(0.0301), "noise_log__": np.log(1.01 * noise)}
    ratios = []
    for one in y[:600]:
        model["observed_series"].set_value(one)
        both = [float(call(*(at[v.name] for v in model.value_vars))) for at in (moved, point)]
        ratios.append(np.exp(both[0] - both[1]))
    error = np.std(ratios) / np.sqrt(len(ratios))
    assert error < 0.05 and abs(np.mean(ratios) - 1) < 4 * error  # wrong once in 16,000 if right


@pytest.mark.long
def test_calibration_of_the_sampler() -> None:
    """Ranks of 40 simulations uniform; a right sampler fails once in a thousand."""
    build = partial(sorting_regimes, generated())
    names, data = ["psi", "v", "tau_hat", "s_l", "stay", "growth", "noise"], {"observed_series": "series_by_year"}
    ranks = calibrate_model(build, names, data, 40, seed=5, thin=8, draws=200, tune=300)
    p = uniformity(ranks)
    assert len(p) == 11 and p.min() > 1e-3 / len(p), p


def test_postwar_recessions() -> None:
    """Growth of the United States alone, with the paper's moments, does not tell regimes: growth itself knows them better."""
    series = us_postwar()
    assert series.years[0] == 1959 and series.years[-1] == 2008 and np.isnan(series.observed[:, :2]).all()
    model = sorting_regimes(series, targets=PAPER)
    tree = draw(model, compile_model(model), SamplerSettings(draws=200, tune=300, chains=2, seed=1))
    told, scores = regimes_told(tree, series), recession_scores({"ours": tree}, series)
    assert not told.passed and "do not tell regimes apart" in told.advice
    assert scores.loc["ours", "information"] < 0.2 < 0.6 < scores.loc["MarkovRegression", "information"]
    assert 0.5 < scores.loc["ours", "AUC"] < scores.loc["minus growth", "AUC"] <= scores.loc["MarkovRegression", "AUC"] + 0.02
    assert scores.loc["ours", "log score"] < scores.loc["MarkovRegression", "log score"]
    assert scores.loc["MarkovAutoregression", "AUC"] > 0.97 and scores.loc["MarkovAutoregression", "log score"] > -0.1
    assert float(tree["posterior"]["moment_fit"].mean(("chain", "draw"))[0]) == pytest.approx(0.61, abs=0.02)


def told_by(chance: np.ndarray, series: MacroSeries) -> Gate:
    draws = np.clip(chance + 0.01 * np.random.default_rng(0).normal(size=(2, 50, len(chance))), 0.0, 1.0)
    return regimes_told(
        xr.DataTree.from_dict({"posterior": xr.Dataset({"recession": (("chain", "draw", "year"), draws)})}), series
    )


def test_the_gate_of_regimes() -> None:
    """Passed by probabilities near the states; not by ones that never move, that are sharp and wrong, or near one half."""
    series = us_postwar()
    assert series.recession_months is not None
    truth = np.where(series.recession_months > 0, 0.97, 0.02)
    assert told_by(truth, series).passed
    without = MacroSeries(series.years, series.observed, series.capital_growth)
    assert told_by(truth, without).passed and "AUC" not in told_by(truth, without).value
    for chance in (np.full(50, 0.1), 0.05 + 0.2 * (truth > 0.5), np.full(50, 0.5), np.zeros(50)):
        assert not told_by(chance, series).passed and not told_by(chance, without).passed
    assert told_by(truth[::-1], without).passed and not told_by(truth[::-1], series).passed


def test_scores_of_recession_years() -> None:
    """Area and information of known cases; the low regime of the Markov regression is the one of low growth."""
    yes = np.array([True, False, False, True])
    assert area_under_curve(np.array([4.0, 1.0, 2.0, 2.0]), yes) == pytest.approx(3.5 / 4)
    assert information(np.array([0.0, 1.0, 1.0])) == pytest.approx(1.0) and information(np.full(5, 0.3)) == pytest.approx(0.0)
    series = us_postwar()
    found = markov_regression(series)
    assert found is not None and np.isnan(found[0])
    assert np.corrcoef(found[1:], series.observed[1:, 2])[0, 1] < -0.6
    assert markov_regression(generated((0, 1))) is None and recession_scores({}, generated()).empty


def test_real_series(shared: Path) -> None:
    folder = shared / "data/us_macro_sorting"
    series = read_us_macro(folder)
    assert series.years[0] == 1951 and series.years[-1] == 2019
    late = series.between(1957, 2019)
    np.testing.assert_array_equal(late.recession_months, recession_months(late.years))
    ours = us_postwar()
    theirs = series.between(1960, 2008).observed[1:, 2]
    assert np.corrcoef(ours.observed[2:, 2], theirs)[0, 1] > 0.99
    targets = read_us_targets(folder)
    np.testing.assert_allclose(targets.value, [0.6121, 0.7666, 0.8720, 0.0923, 0.0096], atol=6e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: macro_series(pd.DataFrame({"year": [1, 2, 3]})), "there is no year, or no series"),
        (lambda: MacroSeries(np.array([1, 2, 4]), np.zeros((3, 3)), np.zeros(3)), "not three or more in a row"),
        (lambda: MacroSeries(YEARS, np.zeros((30, 2)), np.zeros(30)), r"observed has shape \(30, 2\)"),
        (lambda: MacroSeries(YEARS, np.zeros((30, 3)), np.full(30, np.nan)), "without capital growth in 1981, 1982"),
        (lambda: MacroSeries(YEARS, np.full((30, 3), np.nan), np.zeros(30)), "no series has a value"),
        (lambda: MacroSeries(YEARS, np.full((30, 3), np.inf), np.zeros(30)), "infinite values"),
        (lambda: sorting_regimes(generated((2,)), trends=("std_log_wage",)), "a trend of std_log_wage, which"),
        (lambda: RegimesSpec(trends=("gdp",)), "trends"),
        (lambda: macro_series(pd.DataFrame({"year": [1, 2, 3], "gdp_growth": ["a", "b", "c"]})), "gdp_growth are not numbers"),
        (lambda: sorting_regimes(generated(), unit=-2.0), "unit = -2.0 is not positive"),
        (lambda: sorting_regimes(generated(), targets=SEVERAL), "targets of several economies"),
        (lambda: read_us_macro("nowhere"), "there is no us_macro_annual.csv"),
    ],
)
def test_bad_input_is_one_clear_fault(call: Any, message: str) -> None:
    with pytest.raises(DataFaults, match=message):
        call()


def test_what_is_estimated_is_not_printed_as_a_setting() -> None:
    """Probabilities of staying stood among the settings, directly above their priors."""
    assert set(RegimesSpec.unused) == {"stay_boom", "stay_recession"} and set(RegimesSpec.unused) <= set(
        RegimesSpec.model_fields
    )
