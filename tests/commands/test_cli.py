"""The commands on a table in a file, one after the other, as a user types them."""

from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from bayes_labor.cli import app
from tests.conftest import FORMULA, make_table


def call(*words: str) -> Result:
    result = CliRunner().invoke(app, list(words))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    path = tmp_path_factory.mktemp("cli") / "payroll.csv"
    make_table().to_csv(path, index=False)
    return [str(path), "--formula", FORMULA, "--internal", "seniority", "--worker", "worker"]


@pytest.fixture(scope="module")
def run(source: list[str]) -> Path:
    folder = Path(source[0]).parent / "run"
    few = ["--draws", "60", "--tune", "60", "--chains", "2", "--seed", "1"]
    result = call("fit", *source, "--run", str(folder), "--spec", "linear", *few)
    assert result.exit_code in (0, 1) and "report:" in result.output and "R-hat" in result.output
    assert (result.exit_code == 1) == ("FAILED" in result.output)
    return folder


def test_a_finished_run_is_looked_at_reported_and_compared(source: list[str], run: Path) -> None:
    assert "done: draws of 60 by chain: 60" in call("peek", "--run", str(run)).output
    (run / "report.html").unlink()
    assert call("report", *source, "--run", str(run)).exit_code == 0 and (run / "report.html").exists()
    resumed = call("resume", *source, "--run", str(run))
    assert "finished already" in resumed.output
    compared = call("compare", *source, "--run", str(run), "--size", "40")
    assert compared.exit_code == 0 and "elpd_loo" in compared.output and str(run) in compared.output


def test_a_change_is_solved_at_every_draw(source: list[str], run: Path) -> None:
    result = call("counterfactual", *source, "--run", str(run), "--change", "seniority+=5", "--size", "5")
    assert result.exit_code == 0 and "outside_option   difference" in result.output
    with pytest.raises(AssertionError, match="formula does not mention"):
        call("counterfactual", *source, "--run", str(run), "--change", "height=1")


def test_prior_page_and_calibration(source: list[str], tmp_path: Path) -> None:
    linear = ["--spec", "linear"]
    result = call("prior", *source, *linear, "--run", str(tmp_path), "--draws", "30")
    assert result.exit_code == 0 and "mean wage" in result.output and (tmp_path / "prior.html").exists()
    keep = str(tmp_path / "ranks.csv")
    result = call("calibrate", *source, *linear, "--simulations", "2", "--keep", keep)
    assert "2 of 2" in result.output and "alarm below" in result.output
