"""Results of the sorting model: least squares, what is identified, responses to recessions, shocks, the page."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from bayes_labor.data import DataFaults, MacroSeries, us_postwar
from bayes_labor.data.sorting.macro import MOMENTS, PAPER, Targets
from bayes_labor.models import SortingSpec, sorting_calibration
from bayes_labor.posteriors.sorting import (
    contraction_by_direction,
    dispersion,
    identification,
    least_squares,
    moment_fit,
    recession_response,
    reproduce_sorting,
    shocks,
    summarize_sorting,
)
from bayes_labor.posteriors.sorting.identification import both_states, moments_at
from bayes_labor.posteriors.sorting.results import _percent
from bayes_labor.theory.sorting.business_cycle import calibration_moments, structural_shocks
from bayes_labor.theory.sorting.capital_distribution import average_response, capital_distribution
from bayes_labor.theory.sorting.equilibrium import solve_sorting
from bayes_labor.theory.sorting.growth import GrowthEconomy, solve_growth
from tests.conftest import REFERENCE

SPEC = SortingSpec()
AT = {"psi": 0.3514, "tau": 0.0943, "lambda_theta": 2.7514, "lambda_x": 0.9174, "s_l": 0.2234}


@pytest.fixture(scope="module")
def golden() -> list[dict[str, Any]]:
    return json.loads((REFERENCE / "sorting.json").read_text())["calibration"]["points"]


def test_golden_moments(golden: list[dict[str, Any]]) -> None:
    for case in golden:
        p = case["params"]
        states = solve_sorting(p["psi"], p["taus"], p["lth"], p["lx"], p["sl"])
        for share, want in case["moments"]["labor_share"].items():
            found = calibration_moments(states, SPEC.recession_share, labor_share=share)
            rest = [case["moments"][k] for k in ("std_log_wage", "top10", "mid", "std_log_tfp")]
            np.testing.assert_allclose(found, [want, *rest], rtol=1e-10, err_msg=case["name"])
        deviations = calibration_moments(states, SPEC.recession_share) - PAPER.value
        assert np.sum(deviations**2) == pytest.approx(case["sum_sq_abs"], rel=1e-9)
        assert np.sum((deviations / PAPER.value) ** 2) == pytest.approx(case["sum_sq_rel"], rel=1e-9)
    variance = calibration_moments(states, SPEC.recession_share, tfp="variance")[4]
    assert variance == pytest.approx(rest[3] ** 2)


@pytest.mark.parametrize(("weights", "name"), [("relative", "refit_relative"), ("absolute", "refit_absolute")])
def test_least_squares_is_at_least_as_close_as_the_known_fit(golden: list[dict[str, Any]], weights: Any, name: str) -> None:
    known = next(c for c in golden if c["name"] == name)
    found = least_squares(weights=weights)
    assert found.objective <= known[f"sum_sq_{weights[:3]}"] * (1 + 1e-9)
    assert found.objective == pytest.approx(known[f"sum_sq_{weights[:3]}"], rel=1e-3)
    assert found.parameters["psi"] == pytest.approx(known["params"]["psi"], abs=2e-4)
    assert found.parameters["tau_hat"] == pytest.approx(known["params"]["taus"][1] / known["params"]["lth"], rel=2e-3)
    np.testing.assert_allclose(found.moments, moments_at(SPEC, found.parameters))
    assert found.raw.rank == 4 and found.free.rank == 4


def test_rank_and_null_direction() -> None:
    """Singular values of the specification's section 10, and the scale invariance of section 8."""
    found = identification(SPEC, AT)
    np.testing.assert_allclose(found.singular_values[:4], [10.2, 1.18, 0.331, 0.311], rtol=5e-3)
    assert found.singular_values[4] < 1e-9 and found.rank == 4
    slope = (1 - AT["psi"]) / AT["psi"]
    assert found.null_direction is not None
    np.testing.assert_allclose(found.null_direction, np.array([0, -1, -1, slope, 0]) / slope, atol=1e-7)
    fit = least_squares()
    known = identification(SPEC, fit.parameters, PAPER.se)
    np.testing.assert_allclose(known.singular_values, [114, 21.7, 19.4, 9.2], rtol=5e-3)
    assert known.null_direction is None


@pytest.fixture(scope="module")
def economy() -> tuple[Any, GrowthEconomy, Any]:
    states = solve_sorting(AT["psi"], [0.0, AT["tau"]], AT["lambda_theta"], AT["lambda_x"], AT["s_l"])
    growth = GrowthEconomy(states.Z, states.income_over_Y, states.capital_share_Y, [[0.977, 0.023], [0.312, 0.688]])
    return states, growth, solve_growth(growth)


def test_responses_to_a_recession(economy: tuple[Any, GrowthEconomy, Any]) -> None:
    """Exact for functions of the state; the signs and the hump of section 9; capital moves output only after the impact."""
    states, growth, policies = economy
    where = capital_distribution(policies)
    np.testing.assert_allclose(where.mass.sum(1), growth.stationary, rtol=1e-9)
    found = average_response(where, {"std_logw": states.std_logw, "var_tfpq": states.var_tfpq}, horizon=25)
    persistence = 0.665 ** np.arange(25)
    for name, values in (("std_logw", states.std_logw), ("log_Z", np.log(states.Z)), ("var_tfpq", states.var_tfpq)):
        want = (values[1] - values[0]) * growth.stationary[0] * persistence
        np.testing.assert_allclose(found[name], want, rtol=1e-8, atol=1e-13)
    assert found["log_Z"][0] < 0 and found["std_logw"][0] < 0 and found["var_tfpq"][0] > 0
    lowest = found["log_K"].argmin()
    assert 2 <= lowest <= 8 and found["log_K"][0] > found["log_K"][lowest] < found["log_K"][-1]
    np.testing.assert_allclose(found["log_Y"], found["log_Z"] + 0.3 * found["log_K"], atol=1e-12)
    finer = average_response(capital_distribution(policies, 1201), {}, horizon=10)
    np.testing.assert_allclose(finer["log_K"], found["log_K"][:10], atol=1e-6)


def test_responses_are_those_of_a_simulation(economy: tuple[Any, GrowthEconomy, Any]) -> None:
    """4,000 economies over 120 years: averages after the beginnings of recessions, within 4 standard errors (1 in 2,000)."""
    _, growth, policies = economy
    rng, horizon = np.random.default_rng(0), 6
    states = np.zeros((120, 4000), int)
    for t in range(1, 120):
        states[t] = rng.random(4000) < growth.transition[states[t - 1], 1]
    where = capital_distribution(policies)
    capital, consumption = policies.path(states, float(np.exp(where.mean(where.logs["log_K"]))))
    found = average_response(where, {}, horizon)
    for name, values in (("log_K", np.log(capital)), ("log_C", np.log(consumption))):
        begun = [values[t : t + horizon, (states[t - 1] == 0) & (states[t] == 1)] for t in range(70, 120 - horizon)]
        after = np.concatenate(begun, axis=1)
        error = 1.5 * after.std(1) / np.sqrt(after.shape[1])  # paths of one economy are not independent
        assert (np.abs(after.mean(1) - values[70:].mean() - found[name]) < 4 * error).all(), name


def test_structural_shocks() -> None:
    """Section 5: productivity and wedge variances leave sorting alone; a wider spread of types moves dispersions one way."""
    found = {s.name: s for s in structural_shocks(AT["psi"], AT["tau"], AT["lambda_theta"], AT["lambda_x"], AT["s_l"], 0.1)}
    slope, a, types, labor, capital = found.values()
    assert slope.std_logw < 0 < slope.std_tfpq and slope.std_tfpr > 0 > slope.log_Z
    assert a.log_Z == pytest.approx(np.log(0.99)) and a.std_logw == a.std_tfpq == a.lambda_t == 0
    assert types.lambda_t < 0 < min(types.std_logw, types.std_tfpq, types.std_tfpr)
    for wedge in (labor, capital):
        assert wedge.lambda_t == wedge.std_logw == wedge.std_tfpq == 0
        assert wedge.std_tfpr > 0 > wedge.log_Z


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sorting")
    lines: list[str] = []
    page = reproduce_sorting(path, size=6, say=lines.append, draws=150, tune=300, chains=2, seed=3)
    assert page == path / "paper.html" and any("regimes" in line for line in lines)
    return path


def test_one_command_makes_every_table_and_figure(run: Path) -> None:
    page = (run / "paper.html").read_text()
    for heading in (
        "Table 2, panel A",
        "Table 2, panel B",
        "Figures 2 and 3",
        "Figure 4",
        "Structural shocks",
        "latent states",
    ):
        assert heading in page, heading
    assert "do not give the published moments" in page and "types have no unit" in page
    assert "do not tell regimes apart" in page and "can be read as a posterior" not in page
    estimates = (run / "tables" / "parameters.csv").read_text()
    assert "λ_x" not in estimates and "τ," not in estimates and "a choice, not an estimate" in page
    assert not re.search(r"[-\u2212]0\.00\b", page)
    for name in (
        "parameters",
        "unit",
        "moments",
        "identification",
        "contraction",
        "readings",
        "shocks",
        "regimes",
        "recession_scores",
    ):
        assert all((run / "tables" / f"{name}.{kind}").is_file() for kind in ("csv", "json", "tex")), name
    for name in ("equilibrium", "responses", "dispersion", "moment_fit", "prior_posterior", "recessions"):
        assert all((run / "figures" / f"{name}.{kind}").is_file() for kind in ("png", "svg")), name


@pytest.mark.long
def test_what_is_there_is_taken_up_but_not_for_other_targets(run: Path) -> None:
    before = (run / "calibration" / "run.json").stat().st_mtime_ns
    reproduce_sorting(run, size=4, draws=150, tune=300, chains=2, seed=3)
    assert (run / "calibration" / "run.json").stat().st_mtime_ns == before
    series = us_postwar()
    other = MacroSeries(series.years, series.observed + 0.01, series.capital_growth)
    with pytest.raises(DataFaults, match=r"(?s)a fit of other data or settings.*regimes"):
        reproduce_sorting(run, series=other, draws=150, tune=300, chains=2, seed=3)
    with pytest.raises(DataFaults, match="a fit of other data or settings"):
        reproduce_sorting(run, targets=Targets(0.99 * PAPER.value, PAPER.se), draws=150, tune=300, chains=2)


@pytest.fixture(scope="module")
def draws(run: Path) -> xr.DataTree:
    return xr.open_datatree(str(run / "calibration" / "draws.zarr"), engine="zarr", consolidated=False).load()


def test_results_of_draws(draws: xr.DataTree) -> None:
    fitted = moment_fit(draws, PAPER)
    assert list(fitted.index) == list(MOMENTS) and (fitted["hdi_low"] < fitted["mean"]).all()
    response = recession_response(draws, SPEC, size=5, horizon=4)
    first = {n: draws["posterior"][n].to_numpy().ravel()[[0]] for n in ("psi", "v", "tau_hat", "s_l")}
    states = both_states(SPEC, *first.values())
    want = (np.log(states.Z[0, 1]) - np.log(states.Z[0, 0])) * (1 - SPEC.recession_share)
    assert float(response["log_Z"][0, 0]) == pytest.approx(float(want), rel=1e-9)
    rebated = recession_response(draws, SPEC, size=2, horizon=2, rebate=True)
    np.testing.assert_allclose(rebated["log_income"], rebated["log_Y"], atol=1e-12)
    spread = dispersion(draws, SPEC, np.array([0.0, 0.1]), size=7)
    assert (spread["std_logw"].diff("tau_hat") < 0).all() and (spread["std_tfpr"].diff("tau_hat") > 0).all()
    np.testing.assert_allclose(spread["std_logw"].isel(tau_hat=0)[0], first["v"][0], rtol=1e-9)
    np.testing.assert_allclose(spread["log_Z"].isel(tau_hat=0), 0.0, atol=1e-12)
    assert shocks(draws, SPEC, size=20).loc["productivity, A", "std log wage"] == "0"


def test_no_minus_stands_before_a_zero() -> None:
    assert _percent(-0.001, -0.003, 0.6) == "0.00 [0.00, 0.60]"
    assert _percent(-0.0021, -0.0034, -0.0012) == "-0.0021 [-0.0034, -0.0012]"
    assert _percent(-0.0, 0.0, -1e-12) == "0" and _percent(-1.234, -2.0, -0.5) == "-1.23 [-2.00, -0.50]"


def test_what_needs_a_unit_is_no_estimate_by_default(draws: xr.DataTree) -> None:
    table = summarize_sorting(draws, sorting_calibration(unit=2.616))
    assert not {"τ", "λ_θ", "λ_x"} & set(table.index.get_level_values(0))


def test_rates_and_slopes_are_refused_without_a_unit(draws: xr.DataTree) -> None:
    without = draws["posterior"].to_dataset().drop_vars(["lambda_theta", "lambda_x", "tau"])
    tree, model = xr.DataTree.from_dict({"posterior": without}), sorting_calibration()
    with pytest.raises(DataFaults, match=r"lambda_theta, tau cannot be estimated: types have no unit"):
        summarize_sorting(tree, model, ["psi", "lambda_theta", "tau"])
    with pytest.raises(DataFaults, match="there is no variable phi"):
        summarize_sorting(tree, model, ["phi"])
    table = summarize_sorting(tree, model)
    assert not {"τ", "λ_θ", "λ_x"} & set(table.index.get_level_values(0))
    assert table.loc[("v", ""), "prior_mean"] == pytest.approx(2 / 3, abs=0.02)
    with_unit = summarize_sorting(draws, sorting_calibration(unit=2.616), ["tau", "lambda_x"])
    assert with_unit.loc[("τ", ""), "mean"] == pytest.approx(2.616 * table.loc[("τ̂ = τ/λ_θ", ""), "mean"])


def test_contraction_is_known_for_known_posteriors() -> None:
    """Half the standard deviation in one direction, the prior's in the others."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 1, 20_000)) * np.array([0.3, 0.4, 0.5, 0.2])[:, None, None]
    y = rng.normal(size=(4, 1, 20_000)) * np.array([0.3, 0.4, 0.25, 0.2])[:, None, None]

    def dataset(z: np.ndarray) -> xr.Dataset:
        values = (1 / (1 + np.exp(-z[0])), 1 / (1 + np.exp(-z[1])), np.exp(z[2]), np.exp(z[3]))
        return xr.Dataset({n: (("chain", "draw"), v) for n, v in zip(("psi", "v", "tau_hat", "s_l"), values, strict=True)})

    found = contraction_by_direction(dataset(y), dataset(x))
    np.testing.assert_allclose(found["contraction"], [0.75, 0, 0, 0], atol=0.04)
    assert found.loc["direction 1", "log τ̂"] == 1 and abs(found.loc["direction 1", "logit ψ"]) < 0.1


def test_least_squares_names_what_is_wrong() -> None:
    with pytest.raises(DataFaults, match="several economies"):
        least_squares(Targets(np.tile(PAPER.value, (2, 1)), np.tile(PAPER.se, (2, 1)), ("a", "b")))
    with pytest.raises(DataFaults, match="profits are not positive"):
        SortingSpec(alpha=0.9, eta=0.9)
