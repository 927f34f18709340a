"""The paper's results at posterior draws: identities that hold in every draw, agreement of independent computations."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from bayes_labor.data import DataFaults, Workforce
from bayes_labor.data.joint_production.norway import norway, true_parameters
from bayes_labor.models import JointProductionSpec
from bayes_labor.posteriors import (
    by_workplace_size,
    compare,
    counterfactual,
    equilibria,
    fit,
    managing,
    maximum_likelihood,
    no_interaction,
    profiles,
    seniority_response,
    summarize,
    variation,
)
from bayes_labor.posteriors.joint_production.comparison import beta_by_fit, workplace_log_likelihood
from bayes_labor.posteriors.joint_production.effective_prior import effective_prior, resampled
from bayes_labor.posteriors.joint_production.equilibrium import elsewhere, solve_each
from bayes_labor.posteriors.joint_production.maximum_likelihood import _inverse, _standard_errors
from bayes_labor.posteriors.joint_production.published import ESTIMATES

POWER = JointProductionSpec(priors={"unemployment": 0.2})
LINEAR = JointProductionSpec(spec="linear")
SETTINGS = {"draws": 80, "tune": 150, "chains": 2, "seed": 1, "second_opinion": 0}


@pytest.fixture(scope="module")
def power(sample_of_norway: Workforce) -> xr.DataTree:
    return fit(sample_of_norway, POWER, **SETTINGS)


@pytest.fixture(scope="module")
def linear(sample_of_norway: Workforce) -> xr.DataTree:
    return fit(sample_of_norway, LINEAR, **SETTINGS)


def test_no_change_changes_nothing(power, sample_of_norway: Workforce) -> None:
    found = counterfactual(power, sample_of_norway, sample_of_norway.changed(), POWER, size=5)
    before, after = found.sel(scenario="baseline"), found.sel(scenario="changed")
    for name in ("wage", "outside_option", "surplus"):
        np.testing.assert_allclose(before[name], after[name], rtol=1e-12)
    np.testing.assert_array_equal(found["worker"], sample_of_norway.workers)


@pytest.mark.parametrize("experience", [-1000.0, 1e150])
def test_a_change_that_no_economy_can_meet_is_a_fault(experience: float, sample_of_norway: Workforce, power) -> None:
    changed = sample_of_norway.changed(experience=experience)
    with pytest.raises(DataFaults, match="at none of the draws is there an equilibrium"):
        counterfactual(power, sample_of_norway, changed, POWER, size=2)


def test_more_seniority_moves_pay_between_coworkers_only(power, sample_of_norway: Workforce) -> None:
    """Under `power` seniority is bargaining power: V(z) and payrolls stay, shares move."""
    seniority = sample_of_norway.covariates["seniority"].to_numpy()
    first = np.zeros(sample_of_norway.n_workers)
    first[sample_of_norway.offsets[:-1]] = 5.0
    found = counterfactual(power, sample_of_norway, sample_of_norway.changed(seniority=seniority + first), POWER, size=5)
    gap = found["wage"].diff("scenario")[0].to_numpy()
    np.testing.assert_allclose(found["outside_option"].diff("scenario"), 0.0, atol=1e-10)
    np.testing.assert_allclose(np.add.reduceat(gap, sample_of_norway.offsets[:-1], axis=1), 0.0, atol=1e-9)
    assert np.abs(gap).max() > 0.01


def test_talent_of_others_moves_outside_options(power, sample_of_norway: Workforce) -> None:
    found = counterfactual(power, sample_of_norway, sample_of_norway.changed(female=0.5), POWER, size=5)
    men = sample_of_norway.covariates["female"].to_numpy() == 0
    effect = found["outside_option"].diff("scenario")[0].mean("sample").to_numpy()
    z = found["external_index"].diff("scenario")[0].mean("sample").to_numpy()
    assert (effect[men].mean() > 0) == (z[men].mean() > 0) and np.abs(effect).max() > 0.01


def test_table_8_adds_up_in_every_draw(power, sample_of_norway: Workforce) -> None:
    found = variation(power, sample_of_norway, POWER, size=10)
    v = found["variance"]
    np.testing.assert_allclose(v.sel(part="between") + v.sel(part="within"), v.sel(part="overall"), rtol=1e-10)
    parts = v.sel(variable="outside option") + v.sel(variable="surplus paid") + 2 * found["covariance"]
    np.testing.assert_allclose(parts, v.sel(variable="wage"), rtol=1e-9, atol=1e-9)
    assert float(found["observed"].sel(part="overall")) == pytest.approx(np.var(sample_of_norway.wage))
    np.testing.assert_array_equal(found["workplace"], sample_of_norway.workplaces)


def test_figures_average_to_the_whole(power, linear, sample_of_norway: Workforce) -> None:
    whole = equilibria(power, sample_of_norway, POWER, size=5)["wage"].mean("worker")
    size = by_workplace_size(power, sample_of_norway, POWER, size=5)
    weighted = (size["wage"] * size["workers"]).sum("size_class") / size["workers"].sum()
    np.testing.assert_allclose(weighted, whole, rtol=1e-10)
    found = profiles(power, sample_of_norway, POWER, along="experience", by="female", size=5)
    assert found["wage"].shape == (5, 2, 10) and found["group"].to_numpy().tolist() == ["female = 0", "female = 1"]
    response = seniority_response(power, sample_of_norway, POWER, years=5.0, size=5)
    assert int(response["workers"].sel(who="rookie").sum()) == sample_of_norway.n_workplaces
    assert np.isfinite(response["mean"].sel(who="rookie")[:, 0]).all()
    p = managing(power, sample_of_norway, POWER, size=5)["probability"]
    assert float(p.min()) >= 0 and float(p.max()) <= 1
    assert float(managing(linear, sample_of_norway, LINEAR, size=5)["probability"].min()) == 1.0


def test_other_workplaces_at_the_sample_itself(power, sample_of_norway: Workforce) -> None:
    """Predicting the sample as if it were another one gives the sample's own predictions."""
    own = [e.wage for e in solve_each(power, sample_of_norway, POWER, size=5)]
    other = list(elsewhere(power, sample_of_norway, POWER, sample_of_norway, size=5))
    np.testing.assert_allclose(other, own, rtol=1e-9)
    with pytest.raises(DataFaults, match="other terms or industries"):
        next(elsewhere(power, sample_of_norway, POWER, replace(sample_of_norway, industries=("a",)), size=1))


def test_comparison_and_likelihood_agree(power, linear, sample_of_norway: Workforce) -> None:
    table = compare({"power": (power, POWER), "linear": (linear, LINEAR)}, sample_of_norway, norway(40, seed=5), size=160)
    assert table["difference"].iloc[0] == 0 and (np.diff(table["elpd_loo"]) <= 0).all()
    assert (table["effective_parameters"] > 5).all() and np.isfinite(table["holdout"]).all()
    for draws, spec in ((power, POWER), (linear, LINEAR)):
        values = workplace_log_likelihood(draws, sample_of_norway, spec, size=50).sum("workplace")
        best = maximum_likelihood(sample_of_norway, spec)
        # The optimum lies above every draw, by about half the number of parameters on average: two computations.
        assert best.log_likelihood > float(values.max())
        assert best.log_likelihood - float(values.mean()) < 3 * len(best.table)
        assert best.log_likelihood == max(best.optima)
        known = best.table.dropna()
        # V_U, d, β and A lie beside the edge of the feasible region here: which of them are flat is a matter of rounding.
        assert {"γ", "σ"} <= set(known.index.unique("parameter")) and len(known.loc["γ"]) == len(best.table.loc["γ"])
        assert (known["se"] > 0).all() and (known["se_sandwich"] > 0).all()


def test_beta_stands_beside_what_predicts(power, linear) -> None:
    table = beta_by_fit({"a": (power, POWER), "b": (linear, LINEAR)})
    beta = power["posterior"]["beta"]
    for k in beta["industry"].to_numpy():
        own = beta.sel(industry=k)
        assert (
            table.loc["a", f"β ({k})"] == f"{float(own.mean()):.3f} ± {float(own.std()):.3f}"
            and table.loc["b", f"β ({k})"] == ""
        )


def test_likelihood_and_posterior_agree_where_data_are_many(linear, sample_of_norway: Workforce) -> None:
    """Without penalty and with wide priors the linear posterior is the likelihood's: means within one posterior sd."""
    table = summarize(linear, sample_of_norway, LINEAR)
    best = maximum_likelihood(sample_of_norway, LINEAR).table.reindex(table.index)
    tight = table["contraction"] > 0.97
    assert tight.sum() >= 8
    gap = (np.abs(table["mean"] - best["estimate"]) / table["sd"])[tight]
    assert gap.max() < 1.0, gap


def test_prior_draws_are_no_evidence(small: Workforce) -> None:
    """If the posterior is the prior as the model leaves it, the factor is one; the declared one would be taken for evidence."""
    spec = JointProductionSpec()
    prior = effective_prior(small, spec)
    draws = xr.DataTree.from_dict({"posterior": resampled(prior, 20_000)[["beta"]].expand_dims("chain")})
    table = no_interaction(draws, small, spec)
    np.testing.assert_allclose(table["bayes_factor"], 1.0, atol=0.1)
    np.testing.assert_allclose(table["practically_zero"], table["practically_zero_prior"], atol=0.02)
    assert not table["bound"].any()


def test_the_prior_knows_the_penalty(small: Workforce) -> None:
    """Weights are exp(-penalty) where there is an equilibrium; without the penalty all that have one count alike."""
    spec = JointProductionSpec()
    with_penalty, without = effective_prior(small, spec), effective_prior(small, spec.model_copy(update={"penalty": 0.0}))
    assert with_penalty.attrs["kept"] < 0.9 * without.attrs["kept"] and with_penalty.attrs["worth"] < without.attrs["worth"]
    np.testing.assert_array_equal(with_penalty["d"], without["d"])
    counted = with_penalty["weight"] / without["weight"].max()
    assert float(counted.max()) > 0 and float(with_penalty["weight"].sum()) == pytest.approx(1.0)
    table = summarize(xr.DataTree.from_dict({"posterior": resampled(with_penalty, 4000).expand_dims("chain")}), small, spec)
    np.testing.assert_allclose(table["contraction"].dropna(), 0.0, atol=0.1)


def test_published_tables_speak_of_our_terms(power, sample_of_norway: Workforce) -> None:
    table = summarize(power, sample_of_norway, POWER)
    assert set(ESTIMATES["power"].index) <= set(table.index)
    assert set(true_parameters().index) <= set(table.index)
    assert ESTIMATES["power"].loc[("β", "services"), "estimate"] == -0.671


@pytest.mark.parametrize("steep", [1.0, 1e12])
def test_a_steep_direction_does_not_flatten_the_others(steep: float) -> None:
    """Beside an edge one direction may be steeper than the others by any factor; units differ by four orders as well."""
    units, u = np.array([1.0, 1e-4, 1.0, 1.0, 1e3]), np.array([0.4, 0.5, -0.3, 0.6, 0.0])
    u[4] = np.sqrt(1.0 - u @ u)
    plain = np.diag([4.0, 1.0, 9.0, 2.0, 5.0])
    covariance, flat = _inverse(units[:, None] * (plain + steep * np.outer(u, u)) * units)
    want = np.linalg.inv(plain)
    want -= np.outer(want @ u, want @ u) / (1.0 / steep + u @ want @ u)  # Sherman and Morrison
    assert flat.shape[1] == 0
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)) * units, np.sqrt(np.diag(want)), rtol=0.05)
    plain[2, 2] = -1e-3  # a kink: no curvature of an optimum, while a standard error away the likelihood has fallen by a half
    assert _inverse(plain)[1].shape[1] == 1
    covariance, flat = _inverse(plain, lambda step: float(step @ np.diag([4.0, 1.0, 9.0, 2.0, 5.0]) @ step))
    assert flat.shape[1] == 0 and covariance[2, 2] == pytest.approx(1 / 9)
    plain[2, 2] = 0.0
    covariance, flat = _inverse(units[:, None] * plain * units)
    np.testing.assert_allclose(np.abs(flat.T), [[0.0, 0.0, 1.0, 0.0, 0.0]], atol=1e-12)
    np.testing.assert_allclose(np.diag(covariance), [0.25, 1e8, 0.0, 0.5, 2e-7], rtol=1e-12)


def test_standard_errors_beside_an_edge() -> None:
    """Where a full step leaves the region with an equilibrium, a shorter one is taken: no parameter is lost."""

    class Edge:
        def look(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return -0.5 * (x - np.arange(2.0)) ** 2 + 0.1 * x, x

        def climb(self, x: np.ndarray) -> tuple[float, np.ndarray]:
            return (-np.inf, np.full(2, np.nan)) if x[0] > 5e-5 else (float(self.look(x)[0].sum()), np.arange(2.0) - x + 0.1)

    se, sandwich, flat = _standard_errors(Edge(), np.array([0.0, 1.0]))
    np.testing.assert_allclose(se, 1.0, rtol=1e-6)
    assert np.isfinite(sandwich).all() and flat == 0
