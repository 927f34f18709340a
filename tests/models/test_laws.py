"""Priors as users write them: read without evaluation, kept in records, in force in the model."""

import json

import numpy as np
import pymc as pm
import pytest

from bayes_labor.data import DataFaults, Workforce
from bayes_labor.models import JointProductionPriors, JointProductionSpec, joint_production
from bayes_labor.models.joint_production.inputs import prior_rows, prior_table
from bayes_labor.models.laws import law, written
from bayes_labor.posteriors import prior_draws


@pytest.mark.parametrize(
    ("words", "distribution"),
    [
        ("normal(-3, 0.1)", lambda: pm.Normal.dist(-3.0, 0.1)),
        ("half normal(0.3)", lambda: pm.HalfNormal.dist(0.3)),
        ("LogNormal(2.0, .5)", lambda: pm.LogNormal.dist(np.log(2.0), 0.5)),
        ("gamma(2, 1e1)", lambda: pm.Gamma.dist(2.0, 10.0)),
        ("beta(4, 2)", lambda: pm.Beta.dist(4.0, 2.0)),
        ("uniform(0, 1)", lambda: pm.Uniform.dist(0.0, 1.0)),
    ],
)
def test_words_and_pymc_say_the_same(words, distribution) -> None:
    known, said = law(written(words)).frozen(), distribution()
    assert law(written(said)).values == pytest.approx(law(words).values, rel=1e-6)
    at = known.ppf(np.array([0.2, 0.7]))
    steps = [pm.logp(said, x).eval() for x in at]
    assert steps[1] - steps[0] == pytest.approx(np.diff(known.logpdf(at))[0], rel=1e-5)
    assert written(written(words)) == written(words)


@pytest.mark.parametrize(
    "given",
    [
        "normal(3)", "normal(3, -1)", "normal(3, 1e99)", "cauchy(0, 1)", "uniform(2, 1)", "__import__('os').getcwd()",
        "normal(1, 2", "normal(a, b)", 3.0, None, "half normal(nan)",
    ],
)  # fmt: skip
def test_others_are_refused(given) -> None:
    with pytest.raises(ValueError, match=r"no prior that is known|takes|must be"):
        written(given)


def test_distributions_that_are_not_single_numbers_are_refused() -> None:
    with pm.Model():
        scale = pm.HalfNormal("scale", 1.0)
        for given in (pm.Cauchy.dist(0.0, 1.0), pm.Normal.dist([1.0, 2.0], 1.0), pm.Normal.dist(0.0, scale)):
            with pytest.raises(ValueError, match=r"no prior that is known|single numbers"):
                written(given)


def test_they_are_in_force(small: Workforce) -> None:
    """In the units of the data: a coefficient's is that of its characteristic as it is, not standardised."""
    laws = {"V_U": pm.Normal.dist(5.0, 0.25), "gamma[experience]": "normal(0.02, 0.001)", "beta_mean": "normal(0.1, 0.05)",
            "d": "beta(20, 20)", "sigma": "log normal(2, 0.1)", "psi[seniority]": "normal(0.05, 0.002)"}  # fmt: skip
    spec = JointProductionSpec(priors={"laws": laws})
    drawn = prior_draws(joint_production(small, spec), 4000, 3, ["V_U", "gamma", "beta_mean", "d", "sigma", "psi"])["prior"]
    found = {k: (float(v.mean()), float(v.std())) for k, v in {
        "V_U": drawn["V_U"], "gamma": drawn["gamma"].sel(talent_term="experience"), "beta_mean": drawn["beta_mean"],
        "psi": drawn["psi"].sel(power_term="seniority"),
    }.items()}  # fmt: skip
    want = {"V_U": (5.0, 0.25), "gamma": (0.02, 0.001), "beta_mean": (0.1, 0.05), "psi": (0.05, 0.002)}
    for name, (mean, sd) in want.items():
        assert found[name][0] == pytest.approx(mean, abs=5.0 * sd / np.sqrt(4000)), name
        assert found[name][1] == pytest.approx(sd, rel=0.06), name
    assert float(drawn["d"].std()) == pytest.approx(0.5 / np.sqrt(41.0), rel=0.06)
    assert float(np.log(drawn["sigma"]).std()) == pytest.approx(0.1, rel=0.06)
    printed = "\n".join(map(str, prior_rows(small, spec).values()))
    assert "Normal(5, 0.25)" in printed and "gamma[experience]" in printed and "Normal(0.1, 0.05)" in printed
    table = prior_table(small, spec)
    assert table["gamma_scaled"].values[1][0] == pytest.approx(0.001 * small.design[:, 0].std())


def test_records_hold_them() -> None:
    spec = JointProductionSpec(priors={"laws": {"d": pm.Beta.dist(4.0, 2.0)}})
    again = JointProductionSpec(**json.loads(json.dumps(spec.model_dump(mode="json"))))
    assert again == spec and again.priors.laws == {"d": "beta(4.0, 2.0)"}


@pytest.mark.parametrize(
    ("laws", "what"),
    [
        ({"d": "normal(0, 1)"}, "prior of d must be beta"),
        ({"gamma": "normal(0, 1)"}, "no prior of 'gamma'"),
        ({"V_U[x]": "normal(0, 1)"}, "no prior of"),
        ({"gamma[experience": "normal(0, 1)"}, "no prior of"),
        ("V_U", "laws are a mapping"),
    ],
)
def test_what_cannot_be_is_told(laws, what) -> None:
    with pytest.raises(DataFaults, match=what):
        JointProductionPriors(laws=laws)


@pytest.mark.parametrize("name", ["gamma[age]", "tau", "psi[experience]"])
def test_parameters_that_a_specification_lacks_are_told(small: Workforce, name: str) -> None:
    law = "normal(0, 1)" if "[" in name else "half normal(1)"
    with pytest.raises(DataFaults, match="no parameter"):
        joint_production(small, JointProductionSpec(priors={"laws": {name: law}}))


def test_laws_stand_beside_the_settings_too() -> None:
    said = JointProductionPriors(talent=1.0, V_U="normal(3, 1)", d=pm.Beta.dist(4.0, 2.0))
    assert said.laws == {"V_U": "normal(3.0, 1.0)", "d": "beta(4.0, 2.0)"} and said.talent == 1.0
    with pytest.raises(DataFaults, match="prior of V_U is given twice"):
        JointProductionPriors(V_U="normal(3, 1)", laws={"V_U": "normal(1, 1)"})
