"""One prior table: what is placed, printed and evaluated elsewhere is the same."""

import numpy as np
import pymc as pm
import pytest

from bayes_labor.data import Workforce, baseball_teammates, personnel, us_postwar
from bayes_labor.data.sorting.macro import PAPER, Targets
from bayes_labor.models import (
    SPECS,
    JointProductionSpec,
    SortingSpec,
    bonus_receipt,
    bonus_size,
    joint_production,
    learning_direct,
    learning_regression,
    promotion_prize,
    sorting_calibration,
    sorting_regimes,
)
from bayes_labor.models.joint_production.inputs import prior_rows, prior_table
from bayes_labor.models.priors import Hypotenuse, Prior, Relative
from bayes_labor.posteriors.system import systems


@pytest.mark.parametrize(
    ("family", "numbers"),
    [("normal", (1.0, 2.0)), ("half normal", (0.7,)), ("gamma", (2.0, 0.1)), ("beta", (2.0, 5.0)), ("uniform", (-1.0, 1.0))],
)
def test_what_is_placed_is_what_is_printed(family, numbers) -> None:
    prior = Prior(family, numbers, "x")
    with pm.Model():
        x = prior.place("x")
    # PyMC's constant of the normal density is a log in single precision: differences are exact.
    low, high = (float(pm.logp(x, np.array(at)).eval()) for at in (0.3, 0.6))
    known = prior.frozen()
    assert high - low == pytest.approx(known.logpdf(0.6) - known.logpdf(0.3), rel=1e-12)
    assert str(prior).endswith(f"~ {family.title().replace(' ', '')}({', '.join(f'{n:g}' for n in numbers)})")


def test_numbers_relative_to_the_data_and_to_other_rows() -> None:
    prior = Prior("normal", (Relative(0.5, "mean wage"), "spread"), "x")
    assert str(prior).endswith("Normal(0.5 x mean wage, spread)")
    assert prior.given({"spread": 3.0}).values[1] == 3.0
    leaning = Prior("normal", (0.0, Hypotenuse(3.0, 2.0, "spread")), "x")
    assert str(leaning).endswith("Normal(0, hypot(3, 2 x spread))") and leaning.given({"spread": 2.0}).values[1] == 5.0
    assert prior.within({"mean wage": np.array([2.0, 4.0])}).values[0].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("settings", [{}, {"pooled": False, "errors": "student"}, {"noise_by_industry": True}])
def test_the_table_is_the_model(small: Workforce, name, settings) -> None:
    """Every free variable is a row, in the model's order, and the model's log prior is the sum over rows."""
    spec = JointProductionSpec(spec=name, **settings)
    model, table = joint_production(small, spec), prior_table(small, spec)
    assert [v.name for v in model.free_RVs] == list(table)
    rng = np.random.default_rng(0)
    at = {v.name: rng.uniform(0.2, 0.8, model.eval_rv_shapes()[v.name]) for v in model.free_RVs}
    want, found = 0.0, 0.0
    for v in model.free_RVs:
        prior = table[v.name]
        want += float(np.sum(prior.given(at).frozen().logpdf(at[v.name])))
        parents = {model[n.of]: at[n.of] for n in prior.values if isinstance(n, Hypotenuse)}
        found += float(pm.logp(v, at[v.name]).sum().eval(parents))
    assert found == pytest.approx(want, rel=1e-8)  # single precision in PyMC's constant, see above


def test_what_is_printed_is_what_the_specification_has(small: Workforce) -> None:
    """Of one industry, or none pooled, there is no hierarchy; linear specifications have no d; tau only with effects."""
    printed = {
        name: "\n".join(map(str, prior_rows(small, JointProductionSpec(**settings)).values()))
        for name, settings in {
            "apart": {"pooled": False},
            "linear": {"spec": "linear_national"},
            "effects": {"workplace_effects": True},
        }.items()
    }
    assert "b (mean" not in printed["apart"] and "atanh beta" in printed["apart"] and "tau" not in printed["apart"]
    assert "d (barg" not in printed["linear"] and "log mean wage, 0.5" in printed["linear"]
    assert "tau (workplace" in printed["effects"] and "nu" not in printed["effects"].split()


BUILT = {
    "bonuses.size": lambda: bonus_size(personnel("clean", seed=2), errors="student", means=False),
    "bonuses.receipt": lambda: bonus_receipt(personnel("clean", seed=2)),
    "bonuses.promotion-prize": lambda: promotion_prize(personnel("clean", seed=3)),
    "learning.regression": lambda: learning_regression(baseball_teammates(2014), errors="student"),
    "learning.direct": lambda: learning_direct(baseball_teammates(2014)),
    "sorting.regimes": lambda: sorting_regimes(us_postwar()),
}


@pytest.mark.parametrize("name", BUILT)
def test_what_a_page_prints_is_what_the_model_has(name) -> None:
    """Variables that are rows have their law, unless it is relative to the data; every row is printed."""
    system = systems()[name]
    spec = system.spec(errors="student") if "errors" in system.spec.model_fields else system.spec()
    model, found = BUILT[name](), 0
    for v in model.free_RVs:
        prior = spec.table.get(v.name)
        if prior is not None and not any(isinstance(x, Relative) for x in prior.values):
            low, high = (float(pm.logp(v, np.full(model.eval_rv_shapes()[v.name], at)).sum().eval()) for at in (0.2, 0.4))
            n = int(np.prod(model.eval_rv_shapes()[v.name]))
            known = prior.frozen()
            assert high - low == pytest.approx(n * (known.logpdf(0.4) - known.logpdf(0.2)), rel=1e-10), v.name
            found += 1
    assert found > 0 and system.printed_priors(spec, None).count("~") == len(spec.table)


def test_several_economies_print_the_priors_of_their_means() -> None:
    several = Targets(np.tile(PAPER.value, (2, 1)), np.tile(PAPER.se, (2, 1)), ("a", "b"))
    model, spec = sorting_calibration(several), SortingSpec()
    for name, rows in (("mean", spec.priors.means), ("spread", spec.priors.spreads)):
        want = sum(p.frozen().logpdf(0.4) - p.frozen().logpdf(0.2) for p in rows.values())
        low, high = (float(pm.logp(model[name], np.full(4, at)).sum().eval()) for at in (0.2, 0.4))
        assert high - low == pytest.approx(want, rel=1e-10)
    printed = systems()["sorting.calibration"].printed_priors(spec, several)
    assert "log s_l, spread over economies" in printed and printed.count("~") == 8
