"""Nothing arbitrary turns a number: seeds of what is not random, order of rows, names of workplaces and industries."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from bayes_labor.data import DataFaults, Workforce, norway
from bayes_labor.data.joint_production.norway import MEAN_WAGE, TRUTH, draw_wages, norway_table
from bayes_labor.models import JointProductionSpec, joint_production
from bayes_labor.models.joint_production.inputs import matching_of, prior_table
from bayes_labor.models.starting import starting_point
from bayes_labor.posteriors.system import system_named
from bayes_labor.posteriors.verbs import settings_of
from bayes_labor.theory import Matching, solve_outside_option, solve_payroll
from tests.conftest import FORMULA, make_table


def density(workforce: Workforce, spec: JointProductionSpec, first: str = "services") -> float:
    """At one economy: all but beta is the same in both industries, of which that named ``first`` has the higher beta."""
    model = joint_production(workforce, spec)
    rng = np.random.default_rng(1)
    point = {k: v + 0.1 * rng.normal() for k, v in starting_point(model).items()}
    point["beta_contrast_scaled"] = np.array([0.3 if workforce.industries[0] == first else -0.3])
    return float(model.compile_logp(mode="FAST_COMPILE")(point))


def test_rows_labels_and_seeds_do_not_move_the_density(small: Workforce) -> None:
    """The team of reference once followed the order of rows, and its seed."""
    want, table = density(small, JointProductionSpec()), make_table()
    shuffled = table.sample(frac=1.0, random_state=3)
    renamed = table.assign(
        workplace=-table["workplace"], industry=table["industry"].map({"trade": "a trade", "services": "z services"})
    )  # fmt: skip
    for other, first in ((shuffled, "services"), (renamed, "z services")):
        workforce = Workforce.from_frame(other, FORMULA, ["seniority"])
        assert density(workforce, JointProductionSpec(seed=17), first) == pytest.approx(want, rel=1e-10)
    assert density(small, JointProductionSpec(), "trade") != pytest.approx(want, rel=1e-6)


def test_exact_matching_is_the_default_everywhere() -> None:
    assert JointProductionSpec().matching == "exact"
    assert settings_of(system_named("joint-production"), {}).matching == "exact"


def test_the_generator_meets_everybody(monkeypatch) -> None:
    """Generated wages are those of exact matching: no fit can share the generator's draw of matches."""
    monkeypatch.setattr(sys.modules["bayes_labor.data.joint_production.norway"], "TRUTH", TRUTH._replace(noise=0.0))
    table, workforce = norway_table(40, seed=3), norway(40, seed=3)
    industry, offsets = workforce.industry, workforce.offsets
    wage, scale = draw_wages(table, industry, offsets, np.random.default_rng(0))
    columns = dict(zip(workforce.terms, workforce.terms_by_workers, strict=True))
    z = sum(c * columns[t] for t, c in TRUTH.gamma.items())
    power = sum(c * columns[t] for t, c in TRUTH.psi.items())
    s = solve_outside_option(
        z, z, offsets, TRUTH.beta, scale, TRUTH.bargaining_power, TRUTH.unemployment_value,
        industry=industry, matching=Matching.exact(offsets), softness=0.01 * MEAN_WAGE,
    )  # fmt: skip
    np.testing.assert_allclose(wage, solve_payroll(s.value, s.output, power, offsets).wage, rtol=1e-9)


def test_a_cubic_needs_four_workplaces(small: Workforce) -> None:
    three = small._only(np.arange(small.n_workplaces) < 3)
    with pytest.raises(DataFaults, match=r"3 workplaces meet too few .*\n.*matching='sampled'"):
        matching_of(three, JointProductionSpec(matching="sampled"))
    assert matching_of(three, JointProductionSpec()).nodes == 8


def test_unemployment_is_tied_to_low_wages(small: Workforce) -> None:
    """By default the prior of V_U spans zero to the least decile of wages; what the user says of it is in mean wages."""
    low, mean = np.quantile(small.wage, 0.1), small.wage.mean()
    center, sd = prior_table(small, JointProductionSpec())["V_U"].values
    assert (center - 2 * sd, center + 2 * sd) == pytest.approx((0.0, low))
    said = JointProductionSpec(priors={"unemployment_center": 0.3, "unemployment": 0.1})
    assert prior_table(small, said)["V_U"].values == pytest.approx((0.3 * mean, 0.1 * mean))
    assert "0.25 x least decile" in str(JointProductionSpec().priors) and "0.3 x mean wage" in str(said.priors)
    scaled = replace(small, wage=1000.0 * small.wage)
    assert prior_table(scaled, JointProductionSpec())["V_U"].values == pytest.approx((1000.0 * center, 1000.0 * sd))
