"""Learning on the job: technology and wage rules against golden values, and the regression of ranks on coworkers' gaps."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_labor.data import DataFaults, Teams, baseball_teammates
from bayes_labor.data.learning.teams import GAPS
from bayes_labor.models import LearningSpec, learning_regression
from bayes_labor.posteriors import SamplerSettings, compile_model, draw, gates
from bayes_labor.posteriors.calibration import calibrate_model
from bayes_labor.posteriors.uniform import uniformity
from bayes_labor.theory.learning import (
    Parameters,
    check_parameters,
    log_growth,
    meeting,
    meetings,
    nonemployment,
    output,
    renegotiation,
)
from bayes_labor.theory.learning.closed_forms import (
    auction_wage,
    separable_wage,
    single_worker_firms,
    solve_separable,
    value_of_one_learner,
    value_with_learning,
    value_without_learning,
)
from bayes_labor.theory.learning.finite import solve_finite, worker_values
from tests.conftest import REFERENCE


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads((REFERENCE / "learning.json").read_text())


def padded(values: list[float], width: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """(values, mask) with nonsense where nobody is."""
    out = np.full(width, np.nan)
    out[: len(values)] = values
    return out, np.arange(width) < len(values)


def test_parameters_are_the_slides(golden: dict[str, Any]) -> None:
    p = Parameters()
    known = golden["parameters_slides"]
    for name in Parameters._fields:
        if name in known:
            assert getattr(p, name) == known[name], name
    assert p.corr_zq == pytest.approx(golden["initial_distributions"]["corr_z_q"], rel=1e-12)
    assert p.corr_ha == pytest.approx(golden["initial_distributions"]["corr_h_a"], rel=1e-12)
    assert p.employment_bound == pytest.approx(golden["employment_rate_upper_bound"]["value"], rel=1e-12)
    check_parameters(p)
    for change, message in (
        ({"psi_E": -1.0}, "psi_E below zero"),
        ({"eta": 0.2}, "eta = 0.2"),
        ({"sigma_a": 0.1}, "faster than workers retire"),
        ({"rho": 0.0, "delta_r": 0.0}, "must be positive"),
    ):
        with pytest.raises(ValueError, match=message):
            check_parameters(p._replace(**change))


def test_golden_technology(golden: dict[str, Any]) -> None:
    for case in golden["production"]:
        h, here = padded(case["h"])
        assert output(case["z"], h, here, case["eta"]) == pytest.approx(case["F"], rel=1e-12)
    for case in golden["learning_function"]:
        (h, here), (a, _) = padded(case["h"]), padded(case["a"])
        with np.errstate(invalid="ignore"):
            grown = log_growth(np.log(h), np.log(a), np.log(case["q"]), here, case["theta_p"], case["theta_m"])
        np.testing.assert_allclose(grown[here], case["log_growth"], rtol=1e-12, atol=1e-16)
        np.testing.assert_allclose(np.array(case["h"]) * np.exp(grown[here]), case["h_next"], rtol=1e-12)
        assert (grown[~here] == 0.0).all()
    for case in golden["U"]:
        assert nonemployment(case["h"], Parameters(b=case["b"])) == pytest.approx(case["U"], rel=1e-12)


def test_technology_is_scale_free_and_blind_to_order() -> None:
    rng = np.random.default_rng(0)
    log_h, log_a, here = rng.normal(size=(50, 6)), 0.01 * rng.normal(size=(50, 6)), rng.random((50, 6)) < 0.7
    order = rng.permutation(6)
    first = log_growth(log_h, log_a, np.zeros(50), here, 0.165, 0.034)
    np.testing.assert_allclose(
        log_growth(log_h[:, order], log_a[:, order], np.zeros(50), here[:, order], 0.165, 0.034), first[:, order], atol=1e-15
    )
    np.testing.assert_allclose(log_growth(log_h + 1.3, log_a, np.zeros(50), here, 0.165, 0.034), first, atol=1e-14)
    made = output(1.2, np.exp(log_h), here, 0.939)
    np.testing.assert_allclose(output(1.2, 3.0 * np.exp(log_h), here, 0.939), 3.0 * made, rtol=1e-12)
    np.testing.assert_allclose(output(1.2, np.exp(log_h[:, order]), here[:, order], 0.939), made, rtol=1e-13)


def test_golden_meetings_and_wages(golden: dict[str, Any]) -> None:
    for case in golden["market_clearing"]:
        found = meetings(case["e"], Parameters())
        np.testing.assert_allclose([*found], [case["omega"], case["s_N"], case["s_E"]], rtol=1e-12)
    for case in golden["wage_rules"]:
        other = -np.inf if case["Delta_poacher"] in ("-inf", None) else case["Delta_poacher"]
        found = meeting(case["W"], case["U"], case["Delta"], other)
        wanted = [case[k] for k in ("P", "B_poacher", "joint_value_increment")]
        np.testing.assert_allclose([found.gain, found.poaching_gain, found.incumbent_gain], wanted, atol=1e-12)
        assert (bool(found.moves), bool(found.quits)) == (case["moves"], case["quits_to_nonemployment"])
        assert renegotiation(case["W"], case["U"], case["Delta"]) == pytest.approx(case["Q"], abs=1e-12)


def test_values_of_firms_that_meet_nobody(golden: dict[str, Any]) -> None:
    alone = Parameters(psi_E=0.0, psi_N=0.0)
    for case in golden["oracle_A_no_meetings_no_learning"]["cases"]:
        found = value_without_learning(case["z"], np.array(case["h"]), alone._replace(gamma=0.0, eta=case["eta"]))
        assert found == pytest.approx(case["V"], rel=1e-12)
    for case in golden["oracle_A1_single_worker_learning"]["cases"]:
        found = value_of_one_learner(case["z"], case["q"], case["h"], case["a"], alone)
        assert found == pytest.approx(case["V"], rel=1e-12)
    for case in golden["oracle_A2_team_learning"]["cases"]:
        found = value_with_learning(case["z"], case["q"], np.array(case["h"]), np.array(case["a"]), alone)
        assert found == pytest.approx(case["V"], rel=1e-11)
    assert value_without_learning(1.0, np.empty(0), alone) == 0.0


def test_golden_separable_values_and_wages(golden: dict[str, Any]) -> None:
    case = golden["oracle_B_separable"]
    z, p = np.array(case["z"]), Parameters(eta=1.0)
    others = np.array(case["chiN"]["h"]), np.array(case["chiN"]["weight"])
    employed = np.array(case["chiE"]["h"]), np.array(case["chiE"]["firm_type"]), np.array(case["chiE"]["weight"])
    found = solve_separable(z, others, employed, 0.15, 0.4, p)
    for name in ("alpha", "kappa", "A", "M"):
        np.testing.assert_allclose(getattr(found, name), case[name], rtol=1e-12)
    for example in case["V_examples"]:
        value = found.value(int(np.flatnonzero(z == example["z"])[0]), np.array(example["h"]))
        assert value == pytest.approx(example["V"], rel=1e-12)
    tickets = np.array(case["wages"]["Pi_over_z"])
    for paid in case["wages"]["cases"]:
        firm = int(np.flatnonzero(z == paid["z"])[0])
        assert separable_wage(found, firm, paid["h"], paid["W"], tickets, p) == pytest.approx(paid["wage"], rel=1e-11)
    with pytest.raises(ValueError, match="only where output is additive"):
        solve_separable(z, others, employed, 0.15, 0.4, Parameters())
    with pytest.raises(RuntimeError, match="values are infinite"):
        solve_separable(z, others, employed, 0.95, 0.15, p)


def test_golden_auctions_for_single_workers(golden: dict[str, Any]) -> None:
    """Wages of firms with room for one worker: by the formula, and by the value of a worker at them; the textbook's case."""
    case, p = golden["oracle_D_single_worker_firms"], Parameters()
    same = golden["oracle_C_homogeneous_capped"]["cases"][1]
    z = np.array(same["z"])
    found = solve_finite(same["z"], same["pz"], 1)
    firms = single_worker_firms(z, found.value, found.firms, p)
    np.testing.assert_allclose(firms.y, case["y_effective"], rtol=1e-8)
    np.testing.assert_allclose(firms.open_firms, case["Pi_open_firms"], rtol=1e-8)
    np.testing.assert_allclose(firms.product, case["J"], rtol=1e-8)
    U = float(nonemployment(1.0, p))
    for paid in case["wages"]:
        k = int(np.argmin(np.abs(z - paid["z"])))
        rival = (p.rho + p.delta_r) * U if paid["outside"] is None else firms.y[np.argmin(np.abs(z - paid["outside"]))]
        wage = auction_wage(firms.y[k], rival, firms.y, firms.open_firms, p)
        assert wage == pytest.approx(paid["wage"], rel=1e-8)
        value = worker_values(found, same["z"], [1.0], [1.0], 0, wage)[k, 1]
        assert value == pytest.approx(paid["W"], rel=1e-8)
    textbook, offers = golden["oracle_D2_PVR_closed_form"], 1.0 + (np.arange(200_000) + 0.5) / 200_000
    for paid in textbook["cases"]:
        rival = p.b if paid["outside"] is None else paid["outside"]
        # Below the support of offers every offer is above.
        wage = paid["h"] * auction_wage(paid["z"], rival, offers, np.full(len(offers), 1.0 / len(offers)), p)
        assert wage == pytest.approx(paid["wage"], rel=1e-8)


def none_is_nan(rows: Any) -> np.ndarray:
    return np.array(rows, dtype=np.float64)


def test_golden_finite_economies(golden: dict[str, Any]) -> None:
    """Values, firms and market of the exact equilibrium, with one kind of workers and with two; nothing flows on balance."""
    cases = [*golden["oracle_C_homogeneous_capped"]["cases"], *golden["oracle_E_heterogeneous_capped"]["cases"]]
    for case in cases:
        kinds = {"h": case["h"], "births": case["gh"]} if "h" in case else {}
        found = solve_finite(case["z"], case["pz"], case["n_max"], Parameters(**case["overrides"]), **kinds)
        np.testing.assert_allclose(found.value, case["V"], rtol=1e-9)
        np.testing.assert_allclose(found.firms, case["chi"], atol=1e-10)
        if kinds:
            assert found.counts.tolist() == case["states_count_by_type"]
            np.testing.assert_allclose(found.idle, case["chiN"], rtol=1e-9)
            np.testing.assert_allclose(found.surplus, none_is_nan(case["Delta_by_state_and_type"]), rtol=1e-8, atol=1e-10)
        else:
            np.testing.assert_allclose(found.surplus[:, 1:, 0], case["Delta_by_size"], rtol=1e-8)
        market = [found.omega, found.share_N, found.employment]
        np.testing.assert_allclose(market, [case["omega"], case["s_N"], case["e"]], rtol=1e-9)
        assert found.residual < 1e-11 and found.firms.sum() == pytest.approx(1.0, rel=1e-12)
    with pytest.raises(ValueError, match=r"z \(2,\) with shares \(2,\) adding to 0\.9"):
        solve_finite([1.0, 2.0], [0.5, 0.4], 3)
    with pytest.raises(ValueError, match="n_max = 0"):
        solve_finite([1.0], [1.0], 0)
    with pytest.raises(RuntimeError, match="firms still change"):
        solve_finite([0.7, 1.4], [0.5, 0.5], 2, tolerance=-1.0)


def test_golden_values_of_workers(golden: dict[str, Any]) -> None:
    """At given wages, in every firm. The reference's second case moves workers at ties, against its own rule: left out."""
    case = golden["oracle_E_heterogeneous_capped"]["cases"][0]
    found = solve_finite(case["z"], case["pz"], case["n_max"], h=case["h"], births=case["gh"])
    for paid in case["worker_value"]:
        values = worker_values(found, case["z"], case["h"], case["gh"], paid["worker_type"], paid["wage"])
        np.testing.assert_allclose(values, none_is_nan(paid["W"]), rtol=1e-8)
    low, high = (worker_values(found, case["z"], case["h"], case["gh"], 1, w) for w in (0.5, 0.6))
    rises = (high - low)[np.isfinite(low)]
    assert (rises > 0).all() and (rises < 0.1 / (0.05 + 0.05)).all()


def test_golden_gaps(golden: dict[str, Any]) -> None:
    case = golden["auxiliary_regressors"]
    rows = Teams(pd.DataFrame(case["panel"])).stayers().set_index("worker")
    for want in case["rows"]:
        row = rows.loc[want["worker"]]
        assert (row["team"], row["size"]) == (want["team"], want["n"])
        got = [row[n] for n in ("change", *GAPS)]
        np.testing.assert_allclose(got, [want[k] for k in ("y", "x1_plus", "x1_minus", "x2_plus", "x2_minus")], atol=1e-10)


def workers(n_teams: int, years: int, seed: int, stay: float = 0.8) -> Teams:
    """Workers who sometimes change teams, with wages around their own and their team's level."""
    rng = np.random.default_rng(seed)
    n = 5 * n_teams
    team, level, own = rng.integers(0, n_teams, n), rng.normal(0.0, 0.4, n_teams), rng.normal(0.0, 0.5, n)
    tables = []
    for year in range(years):
        wage = np.exp(own + level[team] + 0.2 * rng.normal(size=n))
        tables.append(pd.DataFrame({"worker": np.arange(n), "team": team, "year": year, "wage": wage}))
        team = np.where(rng.random(n) < stay, team, rng.integers(0, n_teams, n))
    return Teams(pd.concat(tables, ignore_index=True))


def test_gaps_in_one_pass_are_those_of_every_pair() -> None:
    teams = workers(40, 3, seed=0)
    rows, t = teams.stayers(), teams.table.copy()
    t["rank"] = 100.0 * (t.groupby("year")["wage"].rank() - 0.5) / t.groupby("year")["wage"].transform("size")
    for row in rows.sample(60, random_state=1).itertuples():
        then = t[(t["team"] == row.team) & (t["year"] == row.year - 1)]
        own = then.loc[then["worker"] == row.worker, "rank"].item()
        gap = then.loc[then["worker"] != row.worker, "rank"].to_numpy() - own
        n = max(len(gap), 1)
        want = [np.maximum(gap, 0).sum(), np.minimum(gap, 0).sum(), (gap[gap > 0] ** 2).sum(), (gap[gap < 0] ** 2).sum()]
        np.testing.assert_allclose(row[6:10], np.array(want) / n, atol=1e-8)


def test_posterior_of_a_known_regression() -> None:
    """Slopes given to simulated changes are found; team effects too; the gates are green."""
    teams, spec = workers(400, 4, seed=3), LearningSpec()
    design, _ = spec.design(teams)
    rng = np.random.default_rng(1)
    labels, row = design.groups.labels, design.groups.row
    truth = np.array([0.0, 0.3, 0.2, -0.1, 0.05, 0.1, 0.0, 0.0, 0.0])
    drawn = design.columns @ truth + 0.4 * rng.normal(size=len(labels))[row] + 0.8 * rng.normal(size=len(row))
    rows = teams.stayers()
    model = learning_regression(_with_change(teams, drawn / drawn.std(ddof=1)), spec)
    tree = draw(model, compile_model(model), SamplerSettings(draws=600, tune=300, chains=2, seed=1))
    theta = tree["posterior"]["theta"] * drawn.std(ddof=1)
    for term, value in zip(GAPS, truth[1:5], strict=True):
        one = theta.sel(term=term)
        assert abs(float(one.mean()) - value) < 4.0 * float(one.std()), term
    tau = tree["posterior"]["tau"] * drawn.std(ddof=1)
    assert abs(float(tau.mean()) - 0.4) < 4.0 * float(tau.std())
    assert all(g.passed for g in gates(tree, ["theta", "sigma", "tau"])) and len(rows) == len(drawn)


def test_fat_tails() -> None:
    """With Student-t changes the Student-t regression is closer to the truth's slopes than the normal one is sure of."""
    teams = workers(100, 4, seed=6)
    design, _ = LearningSpec().design(teams)
    rng = np.random.default_rng(2)
    truth = np.array([0.0, 0.3, 0.2, -0.1, 0.05, 0.0, 0.0, 0.0, 0.0])
    drawn = design.columns @ truth + 0.3 * rng.standard_t(3.0, size=len(design.columns))
    data, spread = _with_change(teams, drawn / drawn.std(ddof=1)), drawn.std(ddof=1)
    sd = {}
    for errors in ("normal", "student"):
        model = learning_regression(data, errors=errors)
        tree = draw(model, compile_model(model), SamplerSettings(draws=300, tune=300, chains=2, seed=1))
        theta = tree["posterior"]["theta"] * spread
        for term, value in zip(GAPS, truth[1:5], strict=True):
            assert abs(float(theta.sel(term=term).mean()) - value) < 4.0 * float(theta.sel(term=term).std()), (errors, term)
        sd[errors] = float(theta.sel(term=GAPS[0]).std())
    assert 2.0 < float(tree["posterior"]["nu"].mean()) < 5.0 and sd["student"] < 0.85 * sd["normal"]


class _with_change(Teams):
    """The same teams with other changes of rank."""

    def __init__(self, teams: Teams, change: np.ndarray) -> None:
        super().__init__(teams.table)
        object.__setattr__(self, "_rows", teams.stayers().assign(change=change))

    def stayers(self) -> pd.DataFrame:
        return self._rows


@pytest.mark.long
def test_calibration_of_the_sampler() -> None:
    """Ranks of 60 simulations uniform; a right sampler fails once in a thousand."""
    build = partial(learning_regression, workers(60, 3, seed=5))
    data = {"observed_products": "change_products"}
    p = uniformity(calibrate_model(build, ["theta", "sigma", "tau"], data, 60, seed=2, thin=6, draws=200, tune=200))
    assert len(p) == 12 and p.min() > 1e-3 / len(p), p


def test_real_teams(shared: Path) -> None:
    """Baseball and Baltimore: sane gaps, gates green, and mostly noise in the raw variance of firm effects."""
    table = pd.read_parquet(shared / "data/baltimore_payroll/worker_workplace_fy2018_2019.parquet")
    names = {"worker_id": "worker", "workplace_id": "team", "fiscal_year": "year", "annual_salary": "wage"}
    for teams in (baseball_teammates(), Teams(table[list(names)].rename(columns=names), "Baltimore")):
        rows = teams.stayers()
        assert len(rows) > 9_000 and rows["change"].abs().max() <= 100.0
        assert (rows[GAPS[0]] >= 0).all() and (rows[GAPS[1]] <= 0).all()
        model = learning_regression(teams)
        tree = draw(model, compile_model(model), SamplerSettings(draws=1000, tune=300, chains=2, seed=2))
        assert all(g.passed for g in gates(tree, ["theta", "sigma"])), teams.name
        raw = rows.groupby("team")["change"].mean().var() / rows["change"].var()
        assert 0.0 < float((tree["posterior"]["tau"] ** 2).mean()) < raw


def test_faults() -> None:
    table = workers(20, 2, seed=1).table
    with pytest.raises(DataFaults, match="columns wage are missing"):
        Teams(table.drop(columns="wage"))
    with pytest.raises(DataFaults, match="two rows in a year") as caught:
        Teams(pd.concat([table, table.iloc[:1]]).assign(wage=lambda t: t["wage"].where(t["worker"] != 5)))
    assert len(caught.value.faults) == 2
    with pytest.raises(DataFaults, match="nobody is in the same team"):
        Teams(table[table["year"] == 0]).stayers()
    with pytest.raises(DataFaults, match="no variation in more skilled"):
        learning_regression(Teams(table.assign(team=table["worker"])))
