"""Errors that coworkers, or the rows of a person, share: the integral against the whole covariance, draws, other forms."""

from dataclasses import replace

import numpy as np
import pymc as pm
import pytest
from scipy import stats

from bayes_labor.data import DataFaults, Workforce
from bayes_labor.likelihoods.grouped_errors import grouped_normal
from bayes_labor.models import JointProductionSpec, joint_production
from bayes_labor.models.joint_production.export import export
from bayes_labor.models.joint_production.inputs import prior_rows
from bayes_labor.models.joint_production.model import _draw_wages_of_people, _draw_wages_with_effects
from bayes_labor.models.starting import starting_point
from bayes_labor.numerics.groups import Groups
from bayes_labor.posteriors.joint_production.comparison import workplace_log_likelihood
from bayes_labor.posteriors.joint_production.equilibrium import solve_each
from bayes_labor.posteriors.joint_production.verdict import _shared_errors
from bayes_labor.posteriors.prior import prior_draws

SPEC = JointProductionSpec(workplace_effects=True, priors={"unemployment": 0.2})


@pytest.mark.parametrize("tau", [0.0, 1e-8, 0.7, 30.0])
@pytest.mark.parametrize("n", [1, 2, 65])
def test_the_integral_is_the_whole_covariance(tau: float, n: int) -> None:
    r, sigma = np.random.default_rng(n).normal(size=n), 1.3
    found = grouped_normal(np.array([r @ r]), np.array([r.sum()]), np.array([n]), sigma, tau, np)[0]
    want = stats.multivariate_normal(np.zeros(n), sigma**2 * np.eye(n) + tau**2).logpdf(r)
    assert found == pytest.approx(want, rel=1e-11, abs=1e-9)


NOBODY: dict[str, object] = {"worker_effects": False, "workplace_effects": False}
PEOPLE: dict[str, dict[str, object]] = {
    "workplace": {},
    "worker": NOBODY | {"worker_effects": True},
    "both": {"worker_effects": True},
    "logs": NOBODY | {"errors": "log"},
    "logs, workplace": {"errors": "log"},
    "logs, worker": NOBODY | {"worker_effects": True, "errors": "log"},
    "logs, both": {"worker_effects": True, "errors": "log"},
}


def with_people(workforce: Workforce) -> Workforce:
    """Every third row is of a person who has another one, at another workplace."""
    n = workforce.n_workers
    return replace(workforce, people=Groups.of(np.where(np.arange(n) % 3 == 0, n - np.arange(n) // 6, np.arange(n))))


@pytest.mark.parametrize("changed", PEOPLE.values(), ids=list(PEOPLE))
def test_the_model_is_a_normal_with_the_whole_covariance(small: Workforce, changed: dict[str, object]) -> None:
    """At prior draws with a solution, the model's density and the terms of comparisons: one normal over all wages, or logs."""
    workforce, spec = with_people(small), SPEC.model_copy(update=changed)
    assert workforce.repeated > 0.3 and (workforce.wage > 0).all()
    model = joint_production(workforce, spec)
    tree = prior_draws(model, 24, 3)
    solved = np.flatnonzero(tree["prior"]["solver_status"].to_numpy()[0] == 0)
    assert len(solved) > 1
    tree["posterior"] = tree["prior"].isel(draw=solved)
    del tree["prior"]
    with model:
        terms = pm.compute_log_likelihood(tree, extend_inferencedata=False, progressbar=False)["wage"].to_numpy()[0]
    terms = terms.reshape(len(solved), -1)
    posterior = tree["posterior"].to_dataset().isel(chain=0)
    found = workplace_log_likelihood(tree, workforce, spec, size=len(solved))
    assert found.dims[1] == ("person" if spec.worker_effects else "workplace")
    mine, compared = np.repeat(np.arange(workforce.n_workplaces), workforce.sizes), 0
    for i, e in enumerate(solve_each(tree, workforce, spec, size=len(solved))):
        one = posterior.isel(draw=i)
        if spec.errors == "log" and not (e.wage > 0).all():
            assert terms[i].sum() == -np.inf and float(one["infeasibility_penalty"]) == np.inf
            continue
        compared += 1
        covariance, mean = float(one["sigma"]) ** 2 * np.eye(workforce.n_workers), e.wage
        for name, group in (("tau", mine), ("omega", workforce.people.row)):
            if name in one and not (name == "tau" and spec.worker_effects):
                covariance += float(one[name]) ** 2 * (group[:, None] == group)
        if "workplace_effect" in one:
            mean = mean + float(one["tau"]) * one["workplace_effect"].to_numpy()[mine]
        if spec.errors == "log":
            mean = np.log(e.wage) + mean - e.wage
            want = stats.multivariate_normal(mean, covariance).logpdf(np.log(workforce.wage)) - np.log(workforce.wage).sum()
        else:
            want = stats.multivariate_normal(mean, covariance).logpdf(workforce.wage)
        assert float(found[i].sum()) == pytest.approx(want, rel=1e-9)
        assert terms[i].sum() + float(one["infeasibility_penalty"]) == pytest.approx(want, rel=1e-9)
    assert compared


def test_worker_effects_need_people_who_have_several_rows(small: Workforce) -> None:
    spec = SPEC.model_copy(update={"worker_effects": True})
    with pytest.raises(DataFaults, match="nothing says who is who"):
        joint_production(small, spec)
    alone = replace(small, people=Groups.of(np.arange(small.n_workers)))
    with pytest.raises(DataFaults, match="need people who have several rows"):
        joint_production(alone, spec)
    with pytest.raises(DataFaults, match="one spread of errors for all industries"):
        JointProductionSpec(worker_effects=True, noise_by_industry=True)
    with pytest.raises(DataFaults, match="shards cut between them"):
        export(with_people(small), spec)
    assert with_people(small).fingerprint != small.fingerprint


def test_drawn_wages_of_a_person_share_an_error() -> None:
    rng, people = np.random.default_rng(1), Groups.of(["a", "b", "a", "c", "b"])
    arguments = (
        np.full(5, 40.0),
        np.full(2, 3.0),
        np.array(6.0),
        np.zeros(2),
        np.array(0.0),
        np.array([0, 3, 5]),
        np.array(1.0),
    )
    wages = np.array([_draw_wages_of_people(people, *arguments, rng=rng) for _ in range(20_000)])
    same = people.row[:, None] == people.row
    np.testing.assert_allclose(np.cov(wages.T), 9.0 * np.eye(5) + 36.0 * same, atol=1.5)


def test_without_spread_it_is_the_model_without_effects(small: Workforce) -> None:
    point = starting_point(joint_production(small, SPEC))
    values = []
    for spec in (SPEC, SPEC.model_copy(update={"workplace_effects": False})):
        model = joint_production(small, spec)
        at = {k: v for k, v in point.items() if k in {u.name for u in model.value_vars}}
        if spec.workplace_effects:
            at["tau_log__"] = np.array(-40.0)
        values.append(float(model.compile_logp(vars=model.observed_RVs)(at)))
    assert values[0] == pytest.approx(values[1], rel=1e-12)


def test_drawn_wages_share_what_their_workplace_pays() -> None:
    """Over many draws around the same mean: variance sigma^2 + tau^2, covariance of coworkers tau^2, of others nothing."""
    rng, offsets = np.random.default_rng(1), np.array([0, 3, 5])
    arguments = (np.full(5, 40.0), np.full(2, 3.0), np.array(6.0), np.zeros(2), np.array(0.0), offsets, np.array(1.0))
    wages = np.array([_draw_wages_with_effects(*arguments, rng=rng) for _ in range(20_000)])
    same = np.add.outer(np.repeat([0, 1], [3, 2]), -np.repeat([0, 1], [3, 2])) == 0
    np.testing.assert_allclose(np.cov(wages.T), 9.0 * np.eye(5) + 36.0 * same, atol=1.5)
    unsolved = _draw_wages_with_effects(*arguments[:4], np.array(1.0), *arguments[5:], rng=rng)
    assert np.isnan(unsolved).all()


def test_errors_of_logs_ask_for_positive_wages_and_draw_some(small: Workforce) -> None:
    spec = JointProductionSpec(errors="log", priors={"unemployment": 0.2})
    short = replace(small, wage=np.where(np.arange(small.n_workers) < 2, -1.0, small.wage))
    with pytest.raises(DataFaults, match="2 wages are not positive, and errors='log' takes their logarithms"):
        joint_production(short, spec)
    model = joint_production(small, spec)
    assert "sd of log wages" in str(prior_rows(small, spec)["sigma"])
    tree = prior_draws(model, 30, 3)
    wages = tree["prior_predictive"]["wage"].to_numpy()[0]
    solved = np.isfinite(wages).all(1)
    assert solved.any() and (wages[solved] > 0).all()


def test_scaled_wages_change_the_density_by_the_unit_alone(small: Workforce) -> None:
    """Errors of logs know no unit: in hundredths the density of the data falls by log 100 a worker, at the same parameters."""
    spec, values = JointProductionSpec(errors="log"), []
    for workforce in (small, replace(small, wage=100.0 * small.wage)):
        model = joint_production(workforce, spec)
        point = starting_point(model)
        values.append(float(model.compile_logp(vars=model.observed_RVs)(point)))
    assert values[1] - values[0] == pytest.approx(-np.log(100.0) * small.n_workers, rel=1e-9)


def test_student_errors_have_no_exact_integral() -> None:
    with pytest.raises(DataFaults, match="workplace_effects go with errors='normal' or 'log'"):
        JointProductionSpec(workplace_effects=True, errors="student")


def test_shared_errors_are_seen_and_chance_is_not(small: Workforce) -> None:
    rng = np.random.default_rng(0)
    own = rng.normal(size=small.n_workers)
    assert _shared_errors(small, own) == []
    found = _shared_errors(small, own + np.repeat(rng.normal(size=small.n_workplaces), small.sizes))
    assert "workplace_effects=True" in found[0].advice and 0.3 < float(found[0].value.split()[-1]) < 0.7
