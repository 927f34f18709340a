"""Do teammates matter for pay? Joint production on baseball payrolls: from what the priors imply to the report.

``python examples/baseball_payrolls.py 1985 2016`` takes every season there is: industries are leagues by bargaining agreement.
Over several seasons players have several rows, and the page says what that does to the uncertainty.
"""

import sys
from typing import Any

from bayes_labor.data import baseball
from bayes_labor.data.joint_production.baseball import LEAGUE_MINIMUM
from bayes_labor.models import JointProductionSpec, joint_production
from bayes_labor.posteriors import arviz_summary, gates, prior_check, report, sample

PARAMETERS = ["beta", "psi", "d", "V_U", "gamma", "sigma"]


def main(first: int = 2016, last: int = 2016, run: str = "runs/baseball", **settings: Any) -> None:
    """Look at the prior, fit, print and write the page."""
    workforce = baseball(seasons=(first, last))
    priors = {"unemployment_center": LEAGUE_MINIMUM, "unemployment": 0.02}  # what an unsigned player is worth is known
    spec = JointProductionSpec(spec="power", priors=priors)
    model = joint_production(workforce, spec)
    print(spec.priors)
    prior = prior_check(model, f"{run}/prior.png")
    print(f"\n{prior.attrs['solved']:.0%} of prior draws have an equilibrium; wages:\n{prior.round(2).to_string()}\n")
    draws = sample(model, run=run, overwrite=True, workforce=workforce, spec=spec, **settings)
    print(arviz_summary(draws, PARAMETERS).round(3).to_string())
    for gate in gates(draws):
        print("passed" if gate.passed else "FAILED", gate.name, gate.value)
    print(report(draws, workforce, spec, run))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *sys.argv[3:])
