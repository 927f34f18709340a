"""Priors of one's own in every regression: by parameter, by block and by term, in force in the model and printed."""

import json

import numpy as np
import pymc as pm
import pytest

from bayes_labor.commands.options import task
from bayes_labor.data import DataFaults, Personnel, personnel
from bayes_labor.data.learning.teams import Teams
from bayes_labor.models import (
    BonusSpec,
    DirectSpec,
    HurdleSpec,
    LearningSpec,
    PrizeSpec,
    ReceiptSpec,
    SortingSpec,
    bonus_hurdle,
    bonus_receipt,
    bonus_size,
    learning_direct,
    learning_regression,
    promotion_prize,
)
from bayes_labor.posteriors import prior_draws
from benchmarks.simulation_based_calibration import workers_in_teams

FEW = {"demographics": False, "years": "none"}


@pytest.fixture(scope="module")
def panel() -> Personnel:
    table = personnel("clean", seed=5).table
    return Personnel(table[table["id"] % 80 == 0])


@pytest.fixture(scope="module")
def teams() -> Teams:
    return workers_in_teams(12, 3, seed=6)


def moments(model: pm.Model, name: str, term: str | None = None, dim: str = "term") -> tuple[float, float]:
    """(mean, sd) under the prior."""
    drawn = prior_draws(model, 3000, 3, [name])["prior"][name]
    drawn = drawn if term is None else drawn.sel({dim: term})
    return float(drawn.mean()), float(drawn.std())


@pytest.mark.parametrize(
    ("build", "spec", "name", "term", "dim"),
    [
        (bonus_size, BonusSpec(**FEW, priors={"theta[level 2]": pm.Normal.dist(0.4, 0.05)}), "theta", "level 2", "term"),
        (bonus_size, BonusSpec(**FEW, priors={"levels": "normal(0.4, 0.05)"}), "theta", "level 3", "term"),
        (bonus_receipt, ReceiptSpec(**FEW, priors={"theta[level 2]": "normal(0.4, 0.05)"}), "theta", "level 2", "term"),
        (bonus_hurdle, HurdleSpec(**FEW, priors={"odds[level 2]": "normal(0.4, 0.05)"}), "odds", "level 2", "odds_term"),
        (bonus_hurdle, HurdleSpec(**FEW, priors={"theta[level 2]": "normal(0.4, 0.05)"}), "theta", "level 2", "term"),
        (promotion_prize, PrizeSpec(**FEW, covariates="A", priors={"rise[level 2]": "normal(0.4, 0.05)"}), "rise", "level 2",
         "rise_term"),
        (promotion_prize, PrizeSpec(**FEW, covariates="A", priors={"chance[age]": "normal(0.4, 0.05)"}), "chance", "age",
         "chance_term"),
        (promotion_prize, PrizeSpec(**FEW, covariates="A", priors={"rho": "normal(0.4, 0.05)"}), "rho", None, ""),
    ],
)  # fmt: skip
def test_of_coefficients_in_force(panel: Personnel, build, spec, name, term, dim) -> None:
    mean, sd = moments(build(panel, spec), name, term, dim)
    assert mean == pytest.approx(0.4, abs=5 * 0.05 / np.sqrt(3000))
    assert sd == pytest.approx(0.05, rel=0.07)


@pytest.mark.parametrize(
    ("build", "spec", "name"),
    [
        (bonus_size, BonusSpec(**FEW, priors={"tau": "log normal(0.5, 0.1)"}), "tau"),
        (bonus_size, BonusSpec(**FEW, errors="student", priors={"nu": pm.LogNormal.dist(np.log(0.5), 0.1)}), "nu"),
        (bonus_receipt, ReceiptSpec(**FEW, priors={"tau": "lognormal(0.5, 0.1)"}), "tau"),
        (bonus_hurdle, HurdleSpec(**FEW, priors={"sd_mu": "log normal(0.5, 0.1)"}), "sd_mu"),
    ],
)
def test_of_spreads_in_force(panel: Personnel, build, spec, name) -> None:
    drawn = np.log(prior_draws(build(panel, spec), 3000, 3, [name])["prior"][name])
    assert float(drawn.mean()) == pytest.approx(np.log(0.5), abs=5 * 0.1 / np.sqrt(3000))
    assert float(drawn.std()) == pytest.approx(0.1, rel=0.07)


def test_of_learning(teams: Teams) -> None:
    spec = LearningSpec(priors={"theta[intercept]": "normal(0.4, 0.05)", "tau": "gamma(4, 100)"})
    assert moments(learning_regression(teams, spec), "theta", "intercept")[1] == pytest.approx(0.05, rel=0.07)
    assert moments(learning_regression(teams, spec), "tau")[0] == pytest.approx(0.04, rel=0.05)
    direct = DirectSpec(priors={"theta_p": "normal(0.3, 0.01)", "sigma_u": "gamma(400, 4000)"})
    assert moments(learning_direct(teams, direct), "theta_p") == pytest.approx((0.3, 0.01), rel=0.07)
    assert moments(learning_direct(teams, direct), "sigma_u") == pytest.approx((0.1, 0.005), rel=0.07)


def test_ordered_effects_have_priors_of_their_steps(panel: Personnel) -> None:
    spec = BonusSpec(**FEW, ordered=True, priors={"levels": "log normal(0.5, 0.1)"})
    steps = prior_draws(bonus_size(panel, spec), 2000, 3, ["levels_steps"])["prior"]["levels_steps"]
    assert float(np.log(steps).std()) == pytest.approx(0.1, rel=0.07)


def test_an_ordered_effect_has_no_prior_of_its_own(panel: Personnel) -> None:
    """It would be without effect: the steps have the prior."""
    with pytest.raises(DataFaults, match="level 2 follow from steps"):
        bonus_size(panel, BonusSpec(**FEW, ordered=True, priors={"theta[level 2]": "normal(0.4, 0.05)"}))


def test_are_printed_and_recorded() -> None:
    spec = BonusSpec(priors={"theta[level 2]": "normal(0.4, 0.05)", "tau": pm.Gamma.dist(2.0, 4.0)})
    assert str(spec.table["theta[level 2]"]).endswith("Normal(0.4, 0.05)")
    assert str(spec.table["tau"]).startswith("tau (worker effects)") and "Gamma(2, 4)" in str(spec.table["tau"])
    assert BonusSpec(**json.loads(json.dumps(spec.model_dump(mode="json")))) == spec


@pytest.mark.parametrize(
    ("priors", "says"),
    [
        ({"taw": "gamma(2, 4)"}, "tau"),
        ({"tau": "normal(0, 1)"}, "half normal"),
        ({"levels": "gamma(2, 4)"}, "normal"),
        ({"theta[level 2]": "gamma(2, 4)"}, "normal"),
        ({"nu": "gamma(2, 4)"}, "nu"),
        ({"tau": 0.3}, "half normal"),
        ({"tau": "half normal(-1)"}, "sd"),
        ("tau", "mapping"),
    ],
)
def test_faults_name_the_prior(priors, says) -> None:
    with pytest.raises(DataFaults, match=says):
        BonusSpec(priors=priors)


def test_a_term_that_is_not_there(panel: Personnel) -> None:
    with pytest.raises(DataFaults, match="level 22"):
        bonus_size(panel, BonusSpec(**FEW, priors={"theta[level 22]": "normal(0, 1)"}))
    with pytest.raises(DataFaults, match="levl"):
        promotion_prize(panel, PrizeSpec(**FEW, covariates="A", priors={"rise[levl 2]": "normal(0, 1)"}))


def test_correlations(panel: Personnel) -> None:
    spec = HurdleSpec(**FEW, priors={"corr": "uniform(0, 1)"})
    assert moments(bonus_hurdle(panel, spec), "corr")[0] == pytest.approx(0.5, abs=0.03)
    with pytest.raises(DataFaults, match="-1"):
        HurdleSpec(priors={"corr": "uniform(0, 2)"})


def test_of_sorting() -> None:
    """Their families are those of the coordinates; words and distributions are their numbers."""
    said = SortingSpec(priors={"psi": "beta(5, 6)", "tau_hat": pm.LogNormal.dist(np.log(0.1), 0.5), "s_l": "half normal(0.2)"})
    assert said.priors.psi == (5.0, 6.0)
    assert (said.priors.tau_median, said.priors.tau_spread, said.priors.s_l) == pytest.approx((0.1, 0.5, 0.2))
    for wrong, says in (
        ({"psi": "normal(0, 1)"}, "beta"),
        ({"tau": "gamma(1, 2)"}, "tau_hat"),
        ({"v": "beta(1)"}, "takes a, b"),
    ):
        with pytest.raises(DataFaults, match=says):
            SortingSpec(priors=wrong)


def test_by_the_command_line() -> None:
    said = ["tau=gamma(2, 4)", "theta[level 2]=normal(0.4, 0.1)"]
    assert task("bonuses.size", None, prior=said).spec.table["tau"].values == (2.0, 4.0)
    assert task("joint-production", None, prior=["V_U=normal(3, 1)", "talent=0.2"]).spec.priors.laws == {
        "V_U": "normal(3.0, 1.0)"
    }
    with pytest.raises(DataFaults, match="no prior of 'taw'"):
        task("bonuses.size", None, prior=["taw=gamma(2, 4)"])
