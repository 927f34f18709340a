r"""Bonuses of federal economists: a real panel from its table to the report, by options alone.

``python examples/federal_economists.py FOLDER``, where the folder holds the two tables of economists employed by the United
States government (Office of Personnel Management, collected in github.com/dismalscientist86/economist_pay). From a shell, the
same first fit with its page::

    bayes-labor fit bonuses.size FOLDER/economist_pay_histories_2004_2017.parquet --column id=person_id \
        --column level=grade_num --where "plan_family == 'GS'" --where "grade_num >= 9" --where "salary > 0" \
        --gaps keep --demotions keep --count --set 'blocks=["levels", "tenure"]' --run runs/federal

Grades are levels; years missed and grades that fall are kept; tenures and promotions, which are not on record, are counted.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from bayes_labor.data import Personnel, read_personnel
from bayes_labor.data.bonuses.careers import Careers
from bayes_labor.data.tables import Reading
from bayes_labor.models import BonusSpec, HurdleSpec, bonus_hurdle, bonus_size
from bayes_labor.models.notes import notes_of
from bayes_labor.posteriors import arviz_summary, gates, plain_report, prior_check, sample
from bayes_labor.posteriors.bonuses.results import coefficients, levels_of, ordered_levels
from bayes_labor.posteriors.bonuses.robust import robust_errors, where_they_part

GENERAL_SCHEDULE = ("plan_family == 'GS'", "grade_num >= 9", "salary > 0")
LARGE = "C(agency)"
NAMES = ["theta", "sigma"]


def histories(folder: str | Path) -> Personnel:
    """199 persons over up to 14 years; 19% of the rows have an award."""
    columns = {"id": "person_id", "level": "grade_num"}
    path = Path(folder) / "economist_pay_histories_2004_2017.parquet"
    return read_personnel(path, columns, Reading(where=GENERAL_SCHEDULE), Careers(gaps="keep", demotions="keep", count=True))


def one_year(folder: str | Path) -> Personnel:
    """Everybody released in fiscal year 2015, the only one of ten with awards: a cross-section."""
    columns = {"id": "person_id", "level": "grade_num", "year": "fiscal_year", "bonus": "bonus_fy2015_only"}
    rows = (*GENERAL_SCHEDULE, "fiscal_year == 2015", "main_record == 1")
    return read_personnel(Path(folder) / "economists_fy2015_2024.parquet", columns, Reading(where=rows), Careers(count=True))


def main(folder: str, run: str = "runs/federal", **settings: Any) -> None:
    """Print what was left out, what is found, and what cannot be."""
    panel, spec = histories(folder), BonusSpec(blocks=("levels", "tenure"))
    print(f"{len(panel.table):,} rows of {panel.table['id'].nunique()} persons, {len(panel.with_bonus)} with an award")
    model = bonus_size(panel, spec)
    print("left out:", "; ".join(f"{k}: {v}" for k, v in notes_of(model).left_out.items()) or "nothing")
    prior = prior_check(model, f"{run}/prior.png")
    print(f"\nwhat the priors imply for the cross products of the panel:\n{prior.round(3).to_string()}")
    draws = sample(model, **({"draws": 1000, "tune": 500, "chains": 4, "seed": 1} | settings))
    print("\nsize of awards:", "; ".join(f"{g.name} {g.value}" for g in gates(draws, NAMES)))
    _levels("within persons", draws, panel, spec)
    for caution in where_they_part(robust_errors(draws, panel, spec)):
        print(f"caution, {caution.name}: {caution.value}")

    year, pooled = one_year(folder), BonusSpec(blocks=("levels",), years="none", formula="C(department)")
    print(f"\nfiscal year 2015: {len(year.table):,} persons, {len(year.with_bonus)} with an award")
    other = bonus_size(year, pooled)
    print("left out:", "; ".join(f"{k}: {v}" for k, v in notes_of(other).left_out.items()))
    across = sample(other, **({"draws": 1000, "tune": 500, "chains": 4, "seed": 1} | settings))
    _levels("between persons, departments held fixed", across, year, pooled)

    joint = bonus_hurdle(panel, HurdleSpec(blocks=("levels",), means=False, formula=LARGE))
    both = sample(joint, **({"draws": 500, "tune": 500, "chains": 4, "seed": 1} | settings))
    corr = both["posterior"]["corr"].to_numpy().ravel()
    low, high = np.quantile(corr, [0.03, 0.97])
    print(f"\ncorrelation of who has awards with how large they are: {corr.mean():.2f} [{low:.2f}, {high:.2f}]")
    print("\nnot in these tables, so not to be learnt from them:", "; ".join(_beyond(panel)))
    print("\n", arviz_summary(draws, NAMES).round(3).to_string())
    print(plain_report(draws, run, names=NAMES, title="Awards of federal economists", prior=prior))


def _levels(where: str, draws: Any, panel: Personnel, spec: BonusSpec) -> None:
    """Effects of grades, and how much of their prior variance the data removed."""
    design = spec.design(panel)
    levels = levels_of(panel, spec, design)
    effects, order = coefficients(draws, levels.terms), ordered_levels(draws, *levels)
    known = 1.0 - effects.var(0) / design.prior_sd[[design.terms.index(t) for t in levels.terms]] ** 2
    lines = [
        f"{t} {m:+.2f} ± {s:.2f} ({k:.0%})"
        for t, m, s, k in zip(levels.terms, effects.mean(0), effects.std(0), known, strict=True)
    ]
    print(f"effects of grades on the log award, {where} (share of the prior variance removed): {'; '.join(lines)}")
    print(f"P(they rise) {order.probability:.2f}, Bayes factor {order.bayes_factor:.1f} of at most {1 / order.prior:.0f}")


def _beyond(panel: Personnel) -> list[str]:
    """What the paper's questions need and the panel lacks."""
    needs = {"age": "age profiles", "rating": "effects of performance, and the promotion prize", "educ": "effects of education"}
    return [f"{what} (no {column})" for column, what in needs.items() if column not in panel.table]


if __name__ == "__main__":
    main(*sys.argv[1:])
