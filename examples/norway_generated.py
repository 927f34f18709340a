"""Joint production on generated data with the structure of the Norwegian register, where the truth is known."""

import sys
from typing import Any

from bayes_labor.data.joint_production.norway import TRUTH, norway
from bayes_labor.models import JointProductionSpec, joint_production
from bayes_labor.posteriors import arviz_summary, prior_check, report, sample, summarize


def main(workplaces: int = 600, run: str = "runs/norway", **settings: Any) -> None:
    """Look at the prior, fit, and set the posterior beside the truth."""
    workforce = norway(workplaces, seed=1)
    # The paper's estimate of V_U is negative, and so is the generated economy's.
    spec = JointProductionSpec(spec="power", priors={"unemployment_center": 0.0, "unemployment": 0.2})
    model = joint_production(workforce, spec)
    prior = prior_check(model, f"{run}/prior.png")
    print(f"{prior.attrs['solved']:.0%} of prior draws have an equilibrium; wages:\n{prior.round(2).to_string()}\n")
    draws = sample(model, run=run, overwrite=True, workforce=workforce, spec=spec, **settings)
    table = summarize(draws, workforce, spec)
    table.loc["β", "truth"] = TRUTH.beta
    table.loc["ψ", "truth"] = [TRUTH.psi[t] for t in table.loc["ψ"].index]
    table.loc["γ", "truth"] = [TRUTH.gamma[t] for t in table.loc["γ"].index]
    for symbol, value in {"d": TRUTH.bargaining_power, "V_U": TRUTH.unemployment_value, "σ": TRUTH.noise}.items():
        table.loc[symbol, "truth"] = value
    print(table[["truth", "mean", "sd", "hdi_low", "hdi_high", "contraction"]].round(3).to_string())
    print(arviz_summary(draws, ["beta", "psi", "d", "V_U", "gamma", "sigma"]).round(3).to_string())
    print(report(draws, workforce, spec, run))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
