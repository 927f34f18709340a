"""Do teammates matter for pay? Joint production on baseball payrolls, from the table to the report.

``python examples/baseball_payrolls.py 1985 2016`` takes every season there is: industries are leagues by bargaining agreement.
"""

import sys

from bayes_labor.data import baseball
from bayes_labor.data.baseball import LEAGUE_MINIMUM
from bayes_labor.models import JointProductionSpec, joint_production
from bayes_labor.posteriors import gates, report, sample, summarize


def main(first: int = 2014, last: int = 2016, run: str = "runs/baseball") -> None:
    """Fit, print and write the page."""
    workforce = baseball(seasons=(first, last))
    priors = {"unemployment_center": LEAGUE_MINIMUM, "unemployment": 0.02}
    spec = JointProductionSpec(spec="power", matching="sampled", priors=priors)
    print(spec.priors)
    draws = sample(joint_production(workforce, spec), run=run, overwrite=True, workforce=workforce, spec=spec)
    print(summarize(draws, workforce, spec).round(3).to_string())
    for gate in gates(draws):
        print("passed" if gate.passed else "FAILED", gate.name, gate.value)
    print(report(draws, workforce, spec, run))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *sys.argv[3:])
