"""What is arbitrary about the solution: how far seeds and nodes move means, how many equilibria there are at the draws."""

import numpy as np
import pytest
import xarray as xr

from bayes_labor.data import Workforce
from bayes_labor.models import JointProductionSpec
from bayes_labor.posteriors import fit
from bayes_labor.posteriors.joint_production import solution
from bayes_labor.posteriors.joint_production.comparison import workplace_log_likelihood
from bayes_labor.posteriors.joint_production.solution import Solution, look_at_solution
from tests.data.payrolls import ordinary

PRIORS = {"talent": 0.2, "power": 0.5}


@pytest.fixture(scope="module")
def payroll() -> Workforce:
    return ordinary(12, 6)


def drawn(payroll: Workforce, **settings: object) -> tuple[xr.DataTree, JointProductionSpec]:
    spec = JointProductionSpec(priors=PRIORS, **settings)
    return fit(payroll, spec, draws=150, tune=200, chains=2, seed=5, second_opinion=0), spec


@pytest.fixture(scope="module")
def exact(payroll: Workforce) -> tuple[xr.DataTree, JointProductionSpec]:
    """A fit by exact matching, its penalty doubled so that it shows."""
    return drawn(payroll, penalty=2.0)


@pytest.mark.long
def test_the_error_of_a_matching_seed_is_the_spread_of_fits(payroll: Workforce) -> None:
    """Foretold from one fit, beside the spread of posterior means over six fits with other seeds."""
    fits = [drawn(payroll, matching="sampled", matchings=3, seed=s)[0]["posterior"] for s in range(6)]
    draws, spec = drawn(payroll, matching="sampled", matchings=3)
    told = look_at_solution(draws, payroll, spec, 250).seeds
    assert told is not None
    for name in ("d", "V_U", "sigma"):
        spread = np.std([float(f[name].mean()) for f in fits], ddof=1) / float(fits[0][name].std())
        assert told[name] < 3.0 * spread + 0.15 and spread < 3.0 * told[name] + 0.25, (name, told[name], spread)


Fit = tuple[xr.DataTree, JointProductionSpec]


def test_a_seed_that_matters_fails_a_gate_and_many_matchings_pass(payroll: Workforce, exact: Fit) -> None:
    draws, spec = exact  # draws of the exact posterior: the seed's own noise is all that there is
    one = look_at_solution(draws, payroll, spec.model_copy(update={"matching": "sampled", "matchings": 1}), 100)
    # The noise of few draws counts as movement: 100 of them, at a bound of 0.1 sds, would leave the verdict to the machine.
    many = look_at_solution(draws, payroll, spec.model_copy(update={"matching": "sampled", "matchings": 500}), 300)
    assert one.gate is not None and many.gate is not None and one.seeds is not None and many.seeds is not None
    assert not one.gate.passed and "matching='exact'" in one.gate.advice
    assert many.seeds.max() < 0.4 * one.seeds.max() and many.gate.passed and many.lost == 0.0
    own = look_at_solution(draws, payroll, spec, 60)
    some = look_at_solution(draws, payroll, spec.model_copy(update={"subsample": 3}), 60)  # exact, and yet a seed enters
    assert some.gate is not None and not some.gate.passed and np.isfinite(some.moved)
    assert own.gate is None and own.moved < 0.1 and own.looked == 60 and not own.cautions
    few = look_at_solution(draws, payroll, spec.model_copy(update={"nodes": 2}), 60)
    assert few.moved > 10 * own.moved and few.gap > own.gap


def test_cautions_name_what_was_found(monkeypatch: pytest.MonkeyPatch, payroll: Workforce, exact: Fit) -> None:
    names = [c.name for c in Solution(0.4, 0.01, 3, 50, None, 0.0).cautions]
    assert names == ["V(z) between its nodes", "several equilibria"]
    assert "3 of 50" in Solution(0.0, 0.0, 3, 50, None, 0.0).cautions[0].value
    draws, spec = exact
    monkeypatch.setattr(solution, "solutions_each", lambda *_, size: iter([1, 2, 0] * 10))
    found = look_at_solution(draws, payroll, spec, 30)
    assert (found.several, found.looked) == (10, 20)


def test_what_cannot_be_told_does_not_pass(monkeypatch: pytest.MonkeyPatch, payroll: Workforce, exact: Fit) -> None:
    """No draw has an equilibrium under other seeds, or with more nodes: the greatest shift there is."""
    draws, spec = exact
    real = solution.log_posterior_terms

    def lost(draws: xr.DataTree, workforce: Workforce, other: JointProductionSpec, *, size: int) -> np.ndarray:
        found = real(draws, workforce, other, size=size)
        return found if (other.seed, other.nodes) == (spec.seed, spec.nodes) else np.full(len(found), -np.inf)

    monkeypatch.setattr(solution, "log_posterior_terms", lost)
    by_seed = look_at_solution(draws, payroll, spec.model_copy(update={"matching": "sampled"}), 20)
    assert by_seed.lost == 1.0 and by_seed.gate is not None and not by_seed.gate.passed
    assert "100% of draws have no equilibrium" in by_seed.gate.value
    assert [c.name for c in look_at_solution(draws, payroll, spec, 20).cautions] == ["V(z) between its nodes"]


def test_the_penalty_is_part_of_what_is_compared(payroll: Workforce, exact: Fit) -> None:
    """Beside the model's own log density: up to a constant of the draw's coordinates, at every draw."""
    draws, spec = exact
    terms = solution.log_posterior_terms(draws, payroll, spec, size=40)
    posterior = solution.thin(draws, 40)
    like = workplace_log_likelihood(draws, payroll, spec, size=40).sum("workplace").to_numpy()
    np.testing.assert_allclose(terms, like - posterior["infeasibility_penalty"].to_numpy(), rtol=1e-8)
