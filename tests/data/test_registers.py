"""Real tables go in by options alone: no script, no column renamed."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bayes_labor.commands import app

LEFT_OUT = ("--leave-out", "single", "--leave-out", "incomplete")
TABLES = {
    "ses_austria/ses.parquet": (
        ("--workplace", "IDunit", "--wage", "earningsHour", "--industry", "NACE1", "--internal", "lengthService", "--formula",
         "age + education + sex + occupation + lengthService", "--leave-out", "single"), 15_680, 489, "11 workplaces of one",
    ),
    "baltimore_payroll/worker_workplace_fy2018_2019.parquet": (
        ("--workplace", "workplace_id", "--wage", "annual_salary", "--industry", "department", "--worker", "worker_id",
         "--where", "fiscal_year == 2019", "--internal", "seniority_years", "--formula",
         "seniority_years + {seniority_years**2/100} + part_time_or_hourly", *LEFT_OUT), 13_631, 657, "20 workplaces of one",
    ),
    "federal_economists/economists_fy2015_2024.parquet": (
        ("--workplace", "department", "--wage", "salary", "--industry", "occupation", "--where", "fiscal_year == 2019",
         "--where", "main_record == 1", "--internal", "years_at_grade_observed", "--missing", "indicator", "--formula",
         "grade_num + prior_years_observed + years_at_grade_observed", *LEFT_OUT), 3776, 40, "grade_num of 202 workers",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_options_are_enough(name: str, shared: Path) -> None:
    words, workers, workplaces, told = TABLES[name]
    result = CliRunner().invoke(app, ["data", "joint-production", str(shared / "data" / name), *words])
    said = re.sub(r"\s+", " ", result.output)
    assert result.exit_code == 0, said
    assert f"workers {workers:,}, workplaces {workplaces:,}" in said and told in said
