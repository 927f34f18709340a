"""Do colleagues in a municipal unit matter for pay? Joint production on a payroll of your own, here the City of Baltimore's.

Usage: ``python examples/city_payroll.py worker_workplace_fy2018_2019.parquet [RUN]``. The file has one row per employee and
fiscal year: ``workplace_id``, ``department``, ``job_title``, ``title_level``, ``annual_salary``, ``seniority_years``,
``part_time_or_hourly``. It is not part of this package (City of Baltimore, Open Baltimore, as published by The Baltimore Sun,
CC BY 4.0).
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_labor.data import Workforce
from bayes_labor.models import JointProductionSpec, joint_production
from bayes_labor.posteriors import arviz_summary, gates, prior_check, report, sample

FORMULA = "C(family) + part_time + level_1 + level_2 + level_3 + supervisor + {seniority/10} + {seniority**2/100}"
FAMILIES = {  # words of job titles; the first that fits counts
    "aides": "AIDE|COMPANION|CROSSING GUARD|SEASONAL|LIFEGUARD|RECREATION|INSTRUCTOR",
    "officers": "POLICE|SHERIFF|LIEUTENANT|SERGEANT|CORRECTIONAL",
    "fire and rescue": "FIRE|EMT|PARAMEDIC|EMERGENCY MEDICAL|911|DISPATCH",
    "managers": "MANAGER|DIRECTOR|CHIEF|OPERATIONS OFFICER|COMMISSIONER|DEPUTY",
    "professions": "ENGINEER|ATTORNEY|ACCOUNTANT|NURSE|SCIENTIST|LIBRARIAN|ANALYST|PLANNER|COUNSEL|PHYSICIAN|ARCHITECT",
    "clerks": "OFFICE|SECRETARY|CLERK|CUSTOMER|CALL CENTER|ASSISTANT",
    "trades": "LABORER|DRIVER|MECHANIC|REPAIR|WORKER|EQUIPMENT|MAINT|CUSTODIAL|OPERATOR|TECH|INSPECTOR",
}
SERVICES = {"police": "POLICE", "fire": "FIRE", "public works": "DPW", "transportation": "TRANS", "health": "HLTH"}


def city(path: str | Path, year: int = 2019) -> Workforce:
    """Units with two or more employees, one fiscal year; the service a unit belongs to is its industry.

    Pay is the annual salary rate relative to the mean, times 10. Experience in other jobs, age and schooling are not on the
    payroll; family, level and rank of the job title stand in for talent that an employee would take along.
    """
    table = pd.read_parquet(path)
    table = table[(table["fiscal_year"] == year) & table["seniority_years"].notna() & (table["annual_salary"] > 0)].copy()
    table = table[table.groupby("workplace_id")["worker_id"].transform("size") >= 2]
    level, title = table["title_level"].astype(float).fillna(0.0), table["job_title"].str.upper()
    for n in (1, 2, 3):
        table[f"level_{n}"] = (level == n if n < 3 else level >= n).astype(float)
    lead = "SUPERVIS|SUPT|SUPERINTENDENT|MANAGER|CHIEF|DIRECTOR|SERGEANT|LIEUTENANT|CAPTAIN|MAJOR"
    table["supervisor"] = title.str.contains(lead).astype(float)
    table["family"] = "other"
    for family, words in reversed(FAMILIES.items()):
        table.loc[title.str.contains(words), "family"] = family
    table["part_time"] = table["part_time_or_hourly"].astype(float)
    table["seniority"] = table["seniority_years"].clip(lower=0.0)
    table["wage"] = 10.0 * table["annual_salary"] / table["annual_salary"].mean()
    table["industry"] = "other services"
    for service, words in SERVICES.items():
        table.loc[table["department"].str.upper().str.contains(words), "industry"] = service
    return Workforce.from_frame(
        table, FORMULA, ["seniority"], workplace="workplace_id", worker="worker_id", wage_unit="tenths of the mean salary",
        name=f"City of Baltimore, fiscal year {year}",
    )  # fmt: skip


def main(path: str, run: str = "runs/city", **settings: Any) -> None:
    """Look at the prior, fit, print and write the page."""
    workforce = city(path)
    # A public job's alternative is no less than a part of the lowest full salaries: some outside pay is certain.
    floor = float(np.quantile(workforce.wage, 0.02)) / float(workforce.wage.mean())
    priors = {"unemployment_center": floor, "unemployment": 0.1}
    spec = JointProductionSpec(errors="student", priors=priors)
    model = joint_production(workforce, spec)
    prior = prior_check(model, f"{run}/prior.png")
    print(f"{prior.attrs['solved']:.0%} of prior draws have an equilibrium; pay:\n{prior.round(2).to_string()}\n")
    draws = sample(model, run=run, overwrite=True, workforce=workforce, spec=spec, **settings)
    print(arviz_summary(draws, ["beta", "psi", "d", "V_U", "gamma", "sigma", "nu"]).round(3).to_string())
    for gate in gates(draws):
        print("passed" if gate.passed else "FAILED", gate.name, gate.value)
    print(report(draws, workforce, spec, run))


if __name__ == "__main__":
    main(*sys.argv[1:])
