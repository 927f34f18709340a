"""Normal, Student-t and log errors on one payroll: ``python -m benchmarks.error_kinds``.

Baseball 2014 to 2016 without a fifth of the team-seasons, which no fit sees: expected log predictive density leaving out one
workplace at a time and on those held out, with β of each fit beside it. Kept in ``benchmarks/results/error_kinds.csv``.
"""

from pathlib import Path
from typing import Literal

from bayes_labor.data import baseball
from bayes_labor.models import JointProductionSpec
from bayes_labor.posteriors import compare, fit, gates
from bayes_labor.posteriors.joint_production.comparison import beta_by_fit
from benchmarks.demo_stability import PRIORS

KINDS: tuple[Literal["normal", "student", "log"], ...] = ("normal", "student", "log")
OUT = Path(__file__).parent / "results" / "error_kinds.csv"


def main() -> None:
    """Fit, compare and keep."""
    seen, held = baseball((2014, 2016)).split(0.2, seed=1)
    fits = {}
    for kind in KINDS:
        spec = JointProductionSpec(priors=PRIORS, errors=kind)
        fits[kind] = (fit(seen, spec, draws=800, longest=4, seed=11), spec)
        print(kind, [g.name for g in gates(fits[kind][0]) if not g.passed], fits[kind][0].attrs.get("went_on"), flush=True)
    table = compare(fits, seen, held, size=800).join(beta_by_fit(fits))
    table["failed gates"] = ["; ".join(g.name for g in gates(fits[str(n)][0]) if not g.passed) for n in table.index]
    table.to_csv(OUT)
    print(table.T.to_string())


if __name__ == "__main__":
    main()
