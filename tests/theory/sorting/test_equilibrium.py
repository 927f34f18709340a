"""Sorting over the business cycle: closed forms, concentration, growth, regimes; against golden values and brute force."""

import itertools
import json
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from bayes_labor.custom_ops import sorting_equilibrium
from bayes_labor.likelihoods.regimes import likeliest_path, solve_regimes
from bayes_labor.theory.sorting.closed_forms import technology
from bayes_labor.theory.sorting.concentration import top_share
from bayes_labor.theory.sorting.equilibrium import (
    Sorting,
    SortingError,
    SortingStatus,
    chi_of_v,
    firm_policies,
    job_rates,
    scale_free,
    solve_sorting,
)
from bayes_labor.theory.sorting.growth import GrowthEconomy, GrowthError, expected_difference, solve_growth
from tests.conftest import REFERENCE

NAMES = {
    "psi": "psi",
    "tau": "tau",
    "lth": "lambda_theta",
    "lx": "lambda_x",
    "sl": "s_l",
    "sk": "s_k",
    "alpha": "alpha",
    "eta": "eta",
    "xi": "xi",
    "A": "productivity",
    "K": "capital",
}


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads((REFERENCE / "sorting.json").read_text())


def solve(params: dict[str, float], **more: Any) -> Sorting:
    return solve_sorting(**{NAMES[k]: v for k, v in params.items()}, **more)


def test_every_point(golden: dict[str, Any]) -> None:
    assert len(golden["points"]) == 14
    for point in golden["points"]:
        p, found = point["params"], solve(point["params"], allow_negative_tau=True)
        compared = 0
        for name, want in point["out"].items():
            if hasattr(found, name) and want is not None:
                np.testing.assert_allclose(
                    getattr(found, name), want, rtol=1e-12, atol=1e-13, err_msg=f"{point['name']} {name}"
                )
                compared += 1
        assert compared >= 28
        if p["psi"] > 0:
            free = scale_free(p["psi"], p["tau"], p["lth"], p["lx"], **{k: p[k] for k in ("alpha", "eta", "xi")})
            for name, value in zip(("tau_hat", "log_chi", "log_chi_crit", "v_boom"), free, strict=True):
                if point["out"][name] is not None and np.isfinite(value):
                    np.testing.assert_allclose(value, point["out"][name], rtol=1e-11, atol=1e-12, err_msg=name)


def test_every_invalid_point_has_its_code(golden: dict[str, Any]) -> None:
    for point in golden["invalid"]:
        negative = point["code"] == "no_equilibrium"
        with pytest.raises(SortingError) as caught:
            solve(point["params"], allow_negative_tau=negative)
        assert caught.value.code == point["code"] and caught.value.status.advice in str(caught.value)
        found = solve(point["params"], allow_negative_tau=negative, errors="status")
        assert SortingStatus(int(found.status)).name.lower() == point["code"] and np.isnan(found.Y)
    with pytest.raises(SortingError, match="parameter_range"):
        solve_sorting(0.4, -0.1, 2.6, 0.9, 0.2)
    assert np.isnan(solve_sorting(np.nan, 0.1, 2.6, 0.9, 0.2, errors="status").lambda_t)


def test_concentration(golden: dict[str, Any]) -> None:
    for case in golden["emg"]:
        found = top_share(case["q"], case["a"], case["s"])
        np.testing.assert_allclose(found[0], case["share"], rtol=1e-13)
        if "dshare_da" in case:
            np.testing.assert_allclose(found[1:], [case["dshare_da"], case["dshare_ds"]], rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(a=st.one_of(st.floats(1.02, 50.0), st.floats(-50.0, -0.5)), s=st.floats(0.01, 3.0), q=st.floats(0.01, 0.9))
def test_concentration_is_the_integral(a: float, s: float, q: float) -> None:
    """The share by numerical integration of revenue above its quantile; smooth in all arguments."""
    share = top_share(q, a, s)[0]
    if s * max(abs(a), 1.0) < 40:
        law = stats.exponnorm(1 / (abs(a) * s), scale=s)
        if a > 0:
            grid = np.linspace(law.ppf(1 - q), law.ppf(1 - q) + 60 / (a - 1) + 12 * s, 200_001)
            total = np.exp(0.5 * s**2) * a / (a - 1)
            want = integrate.simpson(np.exp(grid + law.logpdf(grid)), x=grid) / total
            assert share == pytest.approx(want, rel=2e-4)
    assert 0 < share <= 1 and share > q  # revenue is concentrated in the largest
    h = 1e-5
    in_a = (top_share(q, a + h, s)[0] - top_share(q, a - h, s)[0]) / (2 * h)
    in_s = (top_share(q, a, s + h)[0] - top_share(q, a, s - h)[0]) / (2 * h)
    np.testing.assert_allclose(top_share(q, a, s)[1:], [in_a, in_s], rtol=1e-4, atol=1e-8)


def test_firms(golden: dict[str, Any]) -> None:
    points = {p["name"]: p for p in golden["points"]}
    for row in golden["firm"]:
        p = points[row["point"]]["params"]
        economy = solve(p)
        given = {"lambda_theta": p["lth"], "tau": p["tau"], "productivity": p["A"]} | {k: p[k] for k in ("alpha", "eta", "xi")}
        firm = firm_policies(economy, row["theta"], row["eps_l"], row["eps_k"], capital=p["K"], **given)
        for name, want in row["out"].items():
            np.testing.assert_allclose(getattr(firm, name), want, rtol=1e-12, err_msg=name)
        wedge_l, wedge_k = np.exp(p["tau"] * row["theta"] + row["eps_l"]), np.exp(row["eps_k"])
        mu = (p["xi"] - 1) / p["xi"]
        assert wedge_l * firm.wage * firm.labor == pytest.approx(p["eta"] * mu * firm.revenue, rel=1e-13)
        assert wedge_k * economy.rental * firm.capital == pytest.approx(p["alpha"] * mu * firm.revenue, rel=1e-13)
        demand = economy.Y ** (1 / p["xi"]) * firm.output ** (-1 / p["xi"])
        assert firm.price == pytest.approx(demand, rel=1e-12) and firm.marginal_cost == pytest.approx(mu * firm.price)


FEASIBLE = st.tuples(st.floats(0.02, 0.9), st.floats(0.05, 0.95), st.floats(0.0, 1.0), st.floats(0.0, 0.4))


@settings(max_examples=200, deadline=None)
@given(FEASIBLE)
def test_propositions_and_identities(drawn: tuple[float, float, float, float]) -> None:
    """Propositions 1 to 3, the statics of lambda_theta, aggregation, and that types have no unit."""
    psi, v, tau, s_l = drawn
    lambda_x = float(np.exp(chi_of_v(psi, v)))
    if not 1e-200 < lambda_x < 1e200:
        return
    one = solve_sorting(psi, [tau, tau + 0.01], 1.0, lambda_x, s_l)
    assert one.lambda_t[1] > one.lambda_t[0] and one.std_logw[1] < one.std_logw[0]
    assert one.var_tfpq[1] > one.var_tfpq[0] and one.var_tfpr[1] > one.var_tfpr[0]
    assert one.rho[1] < one.rho[0] and one.Z[1] < one.Z[0]
    np.testing.assert_allclose(one.lambda_t - one.wage_slope_theta, 1.0 - one.rho + [tau, tau + 0.01], rtol=1e-9)
    workers = one.w0 * lambda_x / (lambda_x - one.wage_slope_x)
    np.testing.assert_allclose(workers, one.labor_share_Y * one.Y, rtol=1e-8)
    np.testing.assert_allclose(solve_sorting(psi, 0.0, 1.0, lambda_x, s_l).std_logw, v, rtol=1e-8)
    lower = solve_sorting(psi, tau, [1.0, 0.999], lambda_x, s_l, errors="status")
    if (lower.status == 0).all():
        assert lower.lambda_t[1] < lower.lambda_t[0] and lower.std_logw[1] > lower.std_logw[0]
        assert lower.var_tfpq[1] > lower.var_tfpq[0]
    k = 2.5
    if lambda_x * k ** (-(1 - psi) / psi) > 1e-200:
        other = solve_sorting(psi, k * tau, k, lambda_x * k ** (-(1 - psi) / psi), s_l)
        for name in ("std_logw", "var_tfpq", "var_tfpr", "Z", "labor_share_Y", "rev_share_top10", "rev_share_50_90"):
            np.testing.assert_allclose(getattr(other, name), getattr(one, name)[0], rtol=1e-7, err_msg=name)


def test_brute_force(golden: dict[str, Any]) -> None:
    """Equilibria found without the closed forms, by thousands of discrete firm types, to the stated tolerance."""
    assert golden["brute_force"]
    for case in golden["brute_force"]:
        found = solve(case["params"])
        for name, want in case.items():
            if name not in ("note", "params", "tolerance") and hasattr(found, name):
                np.testing.assert_allclose(getattr(found, name), want, rtol=10 * case["tolerance"], err_msg=name)


def growth_of(case: dict[str, Any]) -> GrowthEconomy:
    p = case["params"]
    s = solve_sorting(p["psi"], p["taus"], p["lth"], p["lx"], p["sl"], p["sk"], alpha=p["alpha"], eta=p["eta"], xi=p["xi"])
    np.testing.assert_allclose(s.Z, case["Z"], rtol=1e-12)
    return GrowthEconomy(
        s.Z,
        s.income_over_Y,
        s.capital_share_Y,
        case["transition"],
        p["alpha"],
        p["beta"],
        p["delta"],
        p["rebate_wedge_revenue"],
    )


@pytest.mark.parametrize("i", range(5))
def test_growth(golden: dict[str, Any], i: int) -> None:
    case = golden["growth"][i]
    economy = growth_of(case)
    policies = solve_growth(economy)
    np.testing.assert_allclose(economy.steady_capital, case["steady_state"]["K"], rtol=1e-11)
    np.testing.assert_allclose(economy.steady_consumption, case["steady_state"]["C"], rtol=1e-11)
    np.testing.assert_allclose(policies.resting_capital, list(case["fixed_point_K"].values()), rtol=1e-11)
    for state, name in enumerate(("C_boom", "C_recession")):
        np.testing.assert_allclose(policies.consumption(np.array(case["policy"]["K"]), state), case["policy"][name], rtol=1e-11)
    capital, consumption = policies.path(np.array(case["path"]["states"]), case["path"]["K"][0])
    np.testing.assert_allclose(capital, case["path"]["K"], rtol=1e-11)
    np.testing.assert_allclose(consumption, case["path"]["C"], rtol=1e-11)
    response = expected_difference(policies, case["fixed_point_K"]["stay_boom"])
    for name, values in response.items():
        np.testing.assert_allclose(values, case["expected_response"][name], atol=1e-11)
    assert np.abs(policies.euler_errors()).max() < 1e-12
    chain = np.linalg.matrix_power(economy.transition, 3)[1] - economy.stationary
    assert chain @ np.log(economy.tfp) == pytest.approx(case["irf_tfp_exact"]["value"][3], abs=1e-12)


def test_growth_with_full_depreciation_is_a_saving_rate(golden: dict[str, Any]) -> None:
    case = golden["growth"][4]
    economy = growth_of(case)
    policies = solve_growth(economy)
    k = np.exp(np.linspace(*np.log(np.sort(policies.resting_capital)), 50))
    for state, rate in enumerate(case["saving_rate_closed_form"]):
        np.testing.assert_allclose(policies.next_capital(k, state), rate * economy.income[state] * k**economy.alpha, rtol=1e-12)


def test_growth_names_what_is_wrong() -> None:
    with pytest.raises(GrowthError, match=r"transition = .*must sum to one"):
        GrowthEconomy([1.0, 1.0], [1.0, 1.0], [0.3, 0.3], [[0.9, 0.2], [0.3, 0.7]])
    with pytest.raises(GrowthError, match=r"discount = 1\.2"):
        GrowthEconomy([1.0], [1.0], [0.3], [[1.0]], discount=1.2)
    economy = GrowthEconomy([1.0, 0.98], [1.0, 1.0], [0.3, 0.3], [[0.9, 0.1], [0.3, 0.7]])
    policies = solve_growth(economy)
    assert np.isnan(policies.consumption(1e3, 0))
    with pytest.raises(GrowthError, match="too many paths"):
        expected_difference(policies, policies.resting_capital[0], horizon=40)


def regime_terms(forward: dict[str, Any]) -> tuple[np.ndarray, ...]:
    values, sd, p = forward["state_values"], forward["params"]["sd"], np.array(forward["params"]["transition"])
    data = {k: np.array([np.nan if v is None else v for v in x]) for k, x in forward["data"].items()}
    state = np.nansum(
        [
            stats.norm.logpdf(data["std_log_wage"][:, None], values["std_log_wage"], sd["wage"]),
            stats.norm.logpdf(data["std_log_tfpr"][:, None], values["std_log_tfpr"], sd["tfpr"]),
        ],
        axis=0,
    )
    z = np.array(values["log_Z"])
    mean = forward["params"]["growth_mean"] + z - z[:, None] + 0.3 * data["capital_growth"][:, None, None]
    step = np.nan_to_num(stats.norm.logpdf(data["gdp_growth"][:, None, None], mean, sd["growth"]))
    recession = p[0, 1] / (p[0, 1] + p[1, 0])
    return np.log([1 - recession, recession]), np.log(p), state, step


def test_regimes(golden: dict[str, Any]) -> None:
    forward = golden["forward"]
    terms = regime_terms(forward)
    found = solve_regimes(*terms)
    assert found.log_likelihood == pytest.approx(forward["log_likelihood"], rel=1e-12)
    np.testing.assert_allclose(found.smoothed[:, 1], forward["smoothed_prob_recession"], rtol=1e-11)
    path, log_probability = likeliest_path(*terms)
    np.testing.assert_array_equal(path, forward["viterbi"])
    assert log_probability == pytest.approx(forward["viterbi_logprob"], rel=1e-12)


def test_regimes_by_enumeration(golden: dict[str, Any]) -> None:
    initial, transition, state, step = regime_terms(golden["forward"])
    paths = np.array(list(itertools.product((0, 1), repeat=len(state))))
    logs = initial[paths[:, 0]] + state[0, paths[:, 0]]
    for t in range(1, len(state)):
        a, b = paths[:, t - 1], paths[:, t]
        logs = logs + transition[a, b] + step[t, a, b] + state[t, b]
    chance = np.exp(logs - np.logaddexp.reduce(logs))
    found = solve_regimes(initial, transition, state, step)
    assert found.log_likelihood == pytest.approx(np.logaddexp.reduce(logs), rel=1e-12)
    np.testing.assert_allclose(found.smoothed[:, 1], chance @ paths, rtol=1e-10)
    np.testing.assert_allclose(found.pairs[3, 0, 1], chance @ ((paths[:, 2] == 0) & (paths[:, 3] == 1)), rtol=1e-10)
    nothing = solve_regimes(initial, transition, np.full_like(state, -np.inf))
    assert nothing.log_likelihood == -np.inf and not nothing.smoothed.any()
    with pytest.raises(ValueError, match="need log_initial"):
        solve_regimes(initial[:1], transition, state)


INPUTS = ("psi", "tau", "lth", "lx", "sl", "sk", "alpha", "eta", "xi")


def symbolic(names: tuple[str, ...] = INPUTS) -> tuple[list[Any], Any]:
    x = [pt.vector(n) for n in names]
    return x, sorting_equilibrium(*x[:6], alpha=x[6], eta=x[7], xi=x[8], allow_negative_tau=True)


def test_gradients_of_every_point(golden: dict[str, Any]) -> None:
    x, found = symbolic()
    wanted = {"lam": found.lambda_t, "std_logw": found.std_logw, "var_tfpq": found.var_tfpq, "var_tfpr": found.var_tfpr}
    wanted |= {"rho": found.rho, "logZ": found.log_Z}
    gradients = {n: pytensor.grad(v.sum(), x, disconnected_inputs="ignore") for n, v in wanted.items()}
    flat = [g for n in wanted for g in gradients[n]]
    call = pytensor.function(x, [found.status, *flat], mode="NUMBA")
    for point in golden["points"]:
        if point["params"]["psi"] == 0:
            continue  # the derivative in psi is one-sided there
        status, *values = call(*(np.array([float(point["params"][n])]) for n in INPUTS))
        at = dict(zip(((n, i) for n in wanted for i in INPUTS), values, strict=True))
        assert status[0] == 0
        for name, want in point["deriv"].items():
            of, _, by = name[1:].partition("_d")
            if want is not None:
                np.testing.assert_allclose(at[of, by][0], want, rtol=1e-10, atol=1e-11, err_msg=f"{point['name']} {name}")


def test_second_derivatives(golden: dict[str, Any]) -> None:
    """The Hessian of the rate in (psi, tau, lambda_theta, lambda_x) against differences of its gradient."""
    x, found = symbolic()
    gradient = pytensor.grad(found.lambda_t.sum(), x[:4])
    hessian = [pytensor.grad(g.sum(), x[:4]) for g in gradient]
    first, second = (pytensor.function(x, out, mode="NUMBA") for out in (gradient, [h for row in hessian for h in row]))
    p = golden["points"][3]["params"]
    at, h = [np.array([float(p[n])]) for n in INPUTS], 1e-5
    exact = np.array(second(*at)).reshape(4, 4)
    np.testing.assert_allclose(exact, exact.T, rtol=1e-10)
    for j in range(4):
        up, down = ([v + s * h * (i == j) for i, v in enumerate(at)] for s in (1.0, -1.0))
        difference = (np.array(first(*up)) - np.array(first(*down))).ravel() / (2 * h)
        np.testing.assert_allclose(exact[:, j], difference, rtol=1e-6)


def test_invalid_points_are_statuses_with_finite_gradients(golden: dict[str, Any]) -> None:
    x, found = symbolic()
    safe = pt.switch(pt.eq(found.status, 0), found.log_Z + found.std_logw + found.rev_share_top10, -np.inf)
    call = pytensor.function(x, [found.status, safe, *pytensor.grad(safe.sum(), x, disconnected_inputs="ignore")], mode="NUMBA")
    for point in golden["invalid"]:
        with np.errstate(all="ignore"):
            status, value, *gradient = call(*(np.array([float(point["params"][n])]) for n in INPUTS))
        assert SortingStatus(int(status[0])).name.lower() == point["code"] and value[0] == -np.inf
        assert not np.isnan(gradient).any(), point["reason"]


def test_op_and_solver_agree_on_a_sweep() -> None:
    rng = np.random.default_rng(0)
    psi, v, tau = rng.uniform(0.05, 0.9, 2000), rng.uniform(0.05, 0.95, 2000), rng.uniform(0, 0.5, 2000)
    lambda_x = np.exp(chi_of_v(psi, v))
    kept = (lambda_x > 1e-100) & (lambda_x < 1e100)
    args = [psi[kept], tau[kept], np.ones(kept.sum()), lambda_x[kept], np.full(kept.sum(), 0.2), np.zeros(kept.sum())]
    x, found = symbolic()
    call = pytensor.function(x, list(found), mode="NUMBA")
    rest = [np.full(kept.sum(), c) for c in (0.3, 0.6, 9.0)]
    values = dict(zip(found._fields, call(*args, *rest), strict=True))
    want = solve_sorting(*args)
    for name in ("lambda_t", "rho", "std_logw", "labor_share_Y", "var_tfpr", "rev_share_top10", "rev_share_50_90"):
        np.testing.assert_allclose(values[name], getattr(want, name), rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(values["log_Z"], np.log(want.Z), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("psi", [0.99, 0.9995, 0.99975, 0.9999999])
@pytest.mark.parametrize("v", [0.3, 0.75, 0.99])
def test_the_job_rate_as_psi_approaches_one(psi: float, v: float) -> None:
    """Where the first guess leaves float64 the root is near all the same: against bisection at fifty digits."""
    mpmath = pytest.importorskip("mpmath")
    tau, eta, rate_x = 0.094, 0.6, float(np.exp(chi_of_v(psi, v)))
    found, status = job_rates(*(np.array([a]) for a in (psi, tau, 1.0, rate_x, 0.3, eta, 9.0)))
    assert status[0] == 0 and np.isfinite(solve_sorting(psi, tau, 1.0, rate_x, 0.2).std_logw)
    x = float(technology(0.3, eta, 9.0)[2])
    with mpmath.workdps(50):
        pull, b = mpmath.mpf(x) * (1 - mpmath.mpf(psi)) - mpmath.mpf(psi) / eta, 1 + (1 + eta * mpmath.mpf(x)) * tau
        low, high = mpmath.mpf(10) ** -100, mpmath.mpf(10) ** 100
        for _ in range(800):
            middle = mpmath.sqrt(low * high)
            low, high = (low, middle) if middle + pull * (middle / rate_x) ** psi > b else (middle, high)
        assert float(found[0] / high - 1) == pytest.approx(0.0, abs=1e-12)
