"""What stands at the top of a page, and what `check` foretells: each caution is seen when it should be, and not otherwise."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_labor.data import Workforce
from bayes_labor.models import JointProductionSpec, joint_production
from bayes_labor.numerics.groups import Groups
from bayes_labor.posteriors import check, judge, prior_draws, report
from bayes_labor.posteriors.joint_production import verdict
from bayes_labor.posteriors.joint_production.foresight import foresee
from bayes_labor.posteriors.joint_production.verdict import _conflict, _repeated
from tests.conftest import FORMULA, make_table
from tests.data.payrolls import ordinary

SPEC = JointProductionSpec()


@pytest.fixture(scope="module")
def draws(small: Workforce) -> xr.DataTree:
    """Two 'chains' of 40 prior draws with an equilibrium: far too few to pass for a posterior, enough to be judged."""
    prior = prior_draws(joint_production(small, SPEC), 200, seed=1)["prior"].to_dataset().isel(chain=0)
    prior = prior.isel(draw=np.flatnonzero(prior["solver_status"].to_numpy() == 0)[:80])
    chains = [prior.isel(draw=slice(c, None, 2)).assign_coords(draw=np.arange(40)) for c in (0, 1)]
    posterior = xr.concat(chains, xr.DataArray([0, 1], dims="chain", name="chain"))
    rng, shape = np.random.default_rng(0), (("chain", "draw"), np.zeros((2, 40), bool))
    stats = xr.Dataset({"diverging": shape, "energy": (("chain", "draw"), rng.normal(size=(2, 40)))})
    return xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats})


def test_people_with_several_rows_are_a_caution() -> None:
    table = make_table()
    once = Workforce.from_frame(table.assign(who=table["worker"]), FORMULA, ["seniority"], worker="worker", person="who")
    assert once.repeated == 0.0 and _repeated(once, SPEC) is None
    twice = Workforce.from_frame(
        table.assign(who=table["worker"] // 2), FORMULA, ["seniority"], worker="worker", person="who"
    )  # fmt: skip
    assert _repeated(twice, SPEC.model_copy(update={"worker_effects": True})) is None
    assert twice.repeated > 0.98 and "too small" in _repeated(twice, SPEC).advice


def test_prior_and_data_in_conflict_is_a_caution() -> None:
    index = pd.MultiIndex.from_tuples([("d", ""), ("β", "trade")], names=["parameter", "term"])
    quiet = pd.DataFrame({"prior": 0.0, "likelihood": 0.1, "diagnosis": ["", ""]}, index)
    assert _conflict(quiet) is None
    loud = quiet.assign(diagnosis=["", "potential prior-data conflict"])
    assert _conflict(loud).value == "β (trade)"


def test_the_verdict_says_what_the_body_says(draws, small: Workforce, tmp_path) -> None:
    """Prior draws are no posterior: wages they predict are negative where none is, and the top of the page says so."""
    sampled = SPEC.model_copy(update={"matching": "sampled"})
    repeated = replace(small, people=Groups.of(np.arange(small.n_workers) // 2))
    found = judge(draws, repeated, sampled, size=80)
    names = [c.name for c in found.cautions]
    assert {"independence", "negative wages"} <= set(names) and not found.converged
    assert [g.passed for g in found.gates if g.name == "seed of V(z)"] == [False]
    page = report(draws, repeated, sampled, tmp_path, size=10, verdict=found).read_text(encoding="utf-8")
    top = page[page.index('class="verdict') : page.index('class="facts"')]
    assert 'class="verdict bad"' in top
    for name in names:
        assert name[0].upper() + name[1:] in top
    exact = judge(draws, small, SPEC, size=80)
    assert not {"seed of V(z)", "independence"} & {c.name for c in (*exact.gates, *exact.cautions)}


def test_check_foretells_what_a_wide_prior_does() -> None:
    """An ordinary payroll drives V_U below zero where the prior lets it; with the default prior it does not."""
    workforce = ordinary(40, seed=1)
    wide = JointProductionSpec(priors={"unemployment_center": 0.0, "unemployment": 0.5})
    assert any("being without work would cost money" in t for t in check(workforce, wide, draws=20).troubles)
    found = check(workforce, draws=20).troubles
    assert not any("cost money" in t for t in found)
    assert any("hardly tell the sign of β" in t or "2 modes" in t for t in found)  # nobody interacts in this payroll


def test_troubles_of_the_prior(small: Workforce) -> None:
    found = list(foresee(small, {"OK": 0.1, "NO_FEASIBLE_WORKPLACE": 0.9}, 0.3))
    assert len(found) == 2 and "only 10% of prior draws" in found[0] and "30% of prior wages are negative" in found[1]
    assert list(foresee(small, {"OK": 0.9, "OVERFLOW": 0.1}, 0.01)) == []


def test_what_cannot_be_told_is_a_caution(draws, small: Workforce, monkeypatch) -> None:
    """Shapes that are not finite, and draws without an equilibrium, once passed for good ones."""
    shapes = SimpleNamespace(pareto_k=xr.DataArray(np.full(small.n_workplaces, np.nan)))
    monkeypatch.setattr(verdict, "leave_one_out", lambda *_: shapes)
    monkeypatch.setattr(verdict, "solve_each", lambda *_, size: [None] * size)
    found = verdict._influential(draws, small, SPEC)
    assert found is not None and f"{small.n_workplaces} of {small.n_workplaces} workplaces" in found.value
    assert verdict._predicted(draws, small, SPEC, 10, 0) is None
    monkeypatch.setattr(verdict, "with_log_likelihood", lambda *_, size: draws)
    monkeypatch.setattr(verdict, "prior_sensitivity", lambda *_: pd.DataFrame({"diagnosis": [""]}))
    assert "no equilibrium" in [g.name for g in judge(draws, small, SPEC, size=20).cautions]


def test_an_opinion_that_was_not_asked_for_is_a_caution(draws, small: Workforce) -> None:
    """Where tempering was left out no gate speaks of unvisited mass, and the page must not be silent about it."""
    skipped = draws.copy()
    skipped.attrs["second_opinion"] = {"skipped": "100 particles would take 900 s"}
    assert "900 s" in verdict._unasked(skipped).value and verdict._unasked(draws) is None
