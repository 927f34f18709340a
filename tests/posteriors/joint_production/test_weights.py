"""The model of sampled workers is the model of all for whom they stand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from bayes_labor.data import DataFaults, Workforce
from bayes_labor.models import JointProductionSpec, joint_production
from bayes_labor.models.joint_production.export import export
from bayes_labor.posteriors.joint_production.comparison import log_posterior_terms
from bayes_labor.posteriors.joint_production.data_tables import workplaces_by_size
from bayes_labor.posteriors.joint_production.equilibrium import equilibria, solve_each
from bayes_labor.posteriors.joint_production.figures import surplus_shares
from bayes_labor.posteriors.joint_production.results import by_workplace_size
from bayes_labor.posteriors.joint_production.system import JOINT_PRODUCTION
from bayes_labor.posteriors.joint_production.technology import _parts
from bayes_labor.posteriors.joint_production.verdict import _sampled
from tests.data.payrolls import FORMULA, ordinary_table
from tests.posteriors.joint_production.test_export import drawn

SPEC = JointProductionSpec(penalty=2.0)
THINNED = Path(__file__).parents[3] / "benchmarks" / "results" / "thinned_payrolls.csv"


@pytest.fixture(scope="module")
def weighted() -> Workforce:
    table = ordinary_table(20, 2)
    table["stands"] = np.random.default_rng(0).integers(1, 4, len(table)).astype(float)
    return Workforce.from_frame(table, FORMULA, ["seniority"], weight="stands")


@pytest.fixture(scope="module")
def whole(weighted: Workforce) -> Workforce:
    """Everybody for whom they stand, in the table."""
    table = ordinary_table(20, 2)
    rows = np.repeat(np.arange(len(table)), np.random.default_rng(0).integers(1, 4, len(table)))
    return Workforce.from_frame(table.iloc[rows].reset_index(drop=True), FORMULA, ["seniority"])


def test_wages_are_those_of_the_whole_workplaces(weighted: Workforce, whole: Workforce) -> None:
    draws = drawn(weighted, 2)
    gamma = draws["posterior"]["gamma"]
    # One draw in the units of the terms is another in those of the centred ones, whose means differ.
    means = [w.terms_by_workers[[i for i, t in enumerate(w.terms) if not w.internal[i]]].mean(1) for w in (weighted, whole)]
    assert gamma.sizes["talent_term"] == weighted.n_terms and not np.allclose(*means)
    few, every = (
        list(solve_each(draws, w, JointProductionSpec(feasibility="hard", penalty=0.0), size=4)) for w in (weighted, whole)
    )
    for one, other in zip(few, every, strict=True):
        assert one is not None and other is not None
        np.testing.assert_allclose(np.repeat(one.wage, weighted.weight.astype(int)), other.wage, rtol=1e-9)
        np.testing.assert_allclose(one.surplus, other.surplus, rtol=1e-8, atol=1e-8)


def test_what_pages_say_of_the_surplus_is_that_of_the_whole(weighted: Workforce, whole: Workforce) -> None:
    """The scheme of channels, shares relative to equal ones, surplus by size, its share of pay, the penalty."""
    spec, draws = JointProductionSpec(feasibility="hard", penalty=0.0), drawn(weighted, 2)
    one, other = (next(iter(solve_each(draws, w, spec, size=1))) for w in (weighted, whole))
    np.testing.assert_allclose(_parts(one, weighted), _parts(other, whole), rtol=1e-8, atol=1e-12)
    shares = []
    for w in (weighted, whole):
        solved = equilibria(draws, w, spec, size=2)
        figure, _ = surplus_shares(solved, w)
        relative = solved["surplus_share"].to_numpy() * np.repeat(w.headcount, w.sizes)
        shares.append(np.average(relative, axis=1, weights=w.weight))
        assert figure.axes[0].get_lines()[-1].get_ydata().mean() == pytest.approx(1.0, abs=0.2)
        sizes = by_workplace_size(draws, w, spec, size=2)
        shares.append(sizes["surplus"].to_numpy())
    for found, want in zip(shares[:2], shares[2:], strict=True):
        np.testing.assert_allclose(found, want, rtol=1e-8, equal_nan=True)
    pd.testing.assert_frame_equal(workplaces_by_size(weighted), workplaces_by_size(whole))
    assert "seniority" in weighted.covariates
    asked = {"seniority": (True, 1.0)}
    after = [JOINT_PRODUCTION.counterfactual(spec, w, draws, asked, 2).loc["surplus ÷ pay"] for w in (weighted, whole)]
    pd.testing.assert_frame_equal(*after, rtol=1e-8)
    model = joint_production(weighted, SPEC)
    names = ["beta", "psi", "gamma", "A", "sigma", "d", "V_U", "surplus_share", "infeasibility_penalty"]
    values = model.compile_fn(
        model.replace_rvs_by_values([model[n] for n in names]), inputs=model.value_vars, on_unused_input="ignore", point_fn=True
    )(model.initial_point())
    dims = {"beta": ["industry"], "psi": ["power_term"], "gamma": ["talent_term"], "A": ["industry"]}
    made = {n: (("chain", "draw", *dims.get(n, [])), np.asarray(v)[None, None]) for n, v in zip(names, values, strict=True)}
    at = xr.DataTree.from_dict({"posterior": xr.Dataset(made, {"chain": [0], "draw": [0]})})
    (solved,) = solve_each(at, weighted, SPEC, size=1)
    assert float(values[-2]) == pytest.approx(solved.surplus.sum() / (weighted.weight @ solved.wage), rel=1e-9)
    without = log_posterior_terms(at, weighted, JointProductionSpec(penalty=0.0), size=1)
    assert float(values[-1]) == pytest.approx(float((without - log_posterior_terms(at, weighted, SPEC, size=1))[0]), rel=1e-9)


def test_the_likelihood_is_of_the_sampled_wages(weighted: Workforce) -> None:
    """Their errors are theirs alone: each counts once, around what the whole workplace pays them."""
    model = joint_production(weighted, SPEC)
    names = ("beta", "psi", "gamma", "A", "sigma", "d", "V_U", "infeasibility_penalty")
    point = model.initial_point()
    reported = model.replace_rvs_by_values([model[n] for n in names])
    values = model.compile_fn(reported, inputs=model.value_vars, on_unused_input="ignore", point_fn=True)(point)
    dims = {"beta": ["industry"], "psi": ["power_term"], "gamma": ["talent_term"], "A": ["industry"]}
    made = {n: (("chain", "draw", *dims.get(n, [])), np.asarray(v)[None, None]) for n, v in zip(names, values, strict=False)}
    draws = xr.DataTree.from_dict({"posterior": xr.Dataset(made, {"chain": [0], "draw": [0]})})
    (solved,) = solve_each(draws, weighted, SPEC, size=1)
    assert solved is not None
    want = stats.norm.logpdf(weighted.wage, solved.wage, float(values[4])).sum()
    found, penalty = float(model.compile_logp([model["wage"]])(point)), float(values[-1])
    assert penalty > 0.0
    assert found == pytest.approx(want - penalty, rel=1e-9)


def test_a_weighted_fit_says_so_at_its_top(weighted: Workforce) -> None:
    caution = _sampled(weighted)
    assert caution is not None and f"{weighted.n_workers:,} sampled workers stand for" in caution.value
    assert _sampled(replace(weighted, weight=np.ones(weighted.n_workers))) is None


@pytest.mark.parametrize(("stands_for", "few"), [(2.0, True), (1.5, False)])
def test_what_weights_leave_is_said_as_it_was_recorded(weighted: Workforce, stands_for: float, few: bool) -> None:
    """Where the recorded bias exceeds a quarter of a posterior sd the caution has its figure, and only there."""
    recorded = pd.read_csv(THINNED).query("fit == 'weighted'")
    recorded["off"] = (recorded["mean"] - recorded["truth"]) / recorded["sd"]
    recorded["name"] = recorded["parameter"].str.split("[").str[0]
    own = recorded[(recorded["kept"] < 0.55) == few]
    bias = own.groupby("name")["off"].mean()
    assert recorded["payroll"].nunique() == 100
    advice = _sampled(replace(weighted, weight=np.full(weighted.n_workers, stands_for))).advice
    assert ("β lay .3 posterior sds too low" in advice) == few == (bias.abs() > 0.25).any()
    if few:
        d = own[own["name"] == "d"]
        assert round(-bias["beta"], 1) == 0.3 and round(100 * ((d["rank"] > 0.03) & (d["rank"] < 0.97)).mean()) == 82


def test_shards_are_refused(weighted: Workforce) -> None:
    with pytest.raises(DataFaults, match="weighted workforce is fitted where"):
        export(weighted, "power")
