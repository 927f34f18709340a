"""The commands on a table in a file, one after the other, as a user types them."""

from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from bayes_labor.commands import app
from bayes_labor.data import DataFaults
from bayes_labor.engines.run_folder import RunFolder
from tests.conftest import FORMULA, make_table


def call(*words: str) -> Result:
    result = CliRunner().invoke(app, list(words))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    path = tmp_path_factory.mktemp("cli") / "payroll.csv"
    make_table().to_csv(path, index=False)
    return ["joint-production", str(path), "--formula", FORMULA, "--internal", "seniority", "--worker", "worker"]


@pytest.fixture(scope="module")
def run(source: list[str]) -> Path:
    folder = Path(source[1]).parent / "run"
    few = ["--draws", "60", "--tune", "60", "--chains", "2", "--seed", "1"]
    result = call("fit", *source, "--run", str(folder), "--set", "spec=linear", *few)
    assert result.exit_code in (0, 1) and "report:" in result.output and "R-hat" in result.output
    assert (result.exit_code == 1) == ("FAILED" in result.output)
    return folder


def test_a_finished_run_is_looked_at_reported_and_compared(run: Path) -> None:
    """The run alone says what it was fitted to."""
    assert "done: draws of 60 by chain: 60" in call("peek", str(run)).output
    (run / "report.html").unlink()
    assert call("report", str(run)).exit_code == 0 and (run / "report.html").exists()
    resumed = call("resume", str(run))
    assert "finished already" in resumed.output
    compared = call("compare", str(run), "--size", "40")
    assert compared.exit_code == 0 and "elpd_loo" in compared.output and str(run) in compared.output


def test_a_change_is_solved_at_every_draw(run: Path) -> None:
    result = call("counterfactual", str(run), "--change", "seniority+=5", "--size", "5")
    assert result.exit_code == 0
    assert all(word in result.output for word in ("outside option", "surplus ÷ pay", "difference"))
    with pytest.raises(AssertionError, match="formula does not mention"):
        call("counterfactual", str(run), "--change", "height=1")


def test_what_leaves_a_register_holds_no_single_people(run: Path, tmp_path: Path) -> None:
    """Draws hold no wages and nothing by worker; an export says what it held back; the quantiles of `data` hide extremes."""
    draws = RunFolder.open(run).draws()
    people = make_table()
    assert "observed_data" not in draws and not any(len(people) in v.shape for v in draws["posterior"].data_vars.values())
    result = call("export", str(run), str(tmp_path / "out"), "--workers", "200", "--workplaces", "3")
    assert result.exit_code == 0 and "held back: " in result.output and "fewer than 200 workers" in result.output
    assert (tmp_path / "out" / "tables" / "parameters.csv").is_file() and (tmp_path / "out" / "index.html").is_file()
    told = call("data", *read_of(run)).output
    assert not any(f"{x:.4g}" in told for x in (people["wage"].min(), people["wage"].max()))
    with pytest.raises(AssertionError, match="not empty"):
        call("export", str(run), str(tmp_path / "out"))


def read_of(run: Path) -> list[str]:
    read = RunFolder.open(run).record()["read"]
    return ["joint-production", read["source"], "--formula", FORMULA, "--internal", "seniority", "--worker", "worker"]


def test_a_table_that_moved_or_changed_is_said(source: list[str], run: Path, tmp_path: Path) -> None:
    """Its new place is taken with --data; another table under the old name is refused by its fingerprint."""
    table, moved = Path(source[1]), tmp_path / "elsewhere.csv"
    text = table.read_text()
    table.rename(moved)
    try:
        with pytest.raises(AssertionError, match=r"not there any more(.|\n)*--data FILE"):
            call("report", str(run))
        assert call("report", str(run), "--data", str(moved)).exit_code == 0
        table.write_text(text.replace("trade", "crafts"))
        with pytest.raises(AssertionError, match="fitted to other data"):
            call("report", str(run))
    finally:
        table.write_text(text)


def test_version_and_models_are_told() -> None:
    assert call("--version").output.startswith("bayes-labor ")
    told = call("models").output
    for name in ("joint-production", "bonuses.promotion-prize", "sorting.regimes", "learning.structural"):
        assert name in told


def test_options_of_another_model_are_refused(source: list[str]) -> None:
    with pytest.raises(AssertionError, match=r"bonuses\.size takes no --formula"):
        call("data", "bonuses.size", "clean", "--formula", "age")
    with pytest.raises(AssertionError, match=r"no model 'bonus.sizes'(.|\n)*bonuses.size"):
        call("data", "bonus.sizes", "clean")


def test_prior_page_and_calibration(source: list[str], tmp_path: Path) -> None:
    linear = ["--set", "spec=linear"]
    result = call("prior", *source, *linear, "--run", str(tmp_path), "--draws", "30")
    assert result.exit_code == 0 and "mean wage" in result.output and (tmp_path / "prior.html").exists()
    keep = str(tmp_path / "ranks.csv")
    result = call("calibrate", *source, *linear, "--simulations", "2", "--keep", keep)
    assert "2 of 2" in result.output and "alarm below" in result.output


def test_samples_that_can_be_written_can_be_fitted(tmp_path: Path) -> None:
    few = ["--draws", "100", "--tune", "100", "--chains", "2", "--seed", "1"]
    fitted = call("fit", "bonuses.size", "personnel", "--run", str(tmp_path / "run"), *few)
    assert "report:" in fitted.output
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "levels                                   ~ Normal(0, 1.5)" in page and "against effects of any order" in page
    assert call("example", "personnel", str(tmp_path / "people.csv")).exit_code == 0


def test_every_sample_that_is_written_is_read_again(tmp_path: Path) -> None:
    """That of Norway has wages below zero, which in a payroll are faults: what to say is said with the file and the fault."""
    file = str(tmp_path / "norway.parquet")
    assert "--simulated" in call("example", "norway", file).output
    told = ["data", "joint-production", file, "--formula", "experience + seniority", "--internal", "seniority"]
    refused = CliRunner().invoke(app, told).exception
    assert isinstance(refused, DataFaults) and "is not positive" in str(refused) and "--simulated" in str(refused)
    assert "workers 247,521" in call(*told, "--simulated").output


def test_every_option_of_every_verb_has_help() -> None:
    import typer

    from bayes_labor.commands.app import app

    group = typer.main.get_command(app)
    silent = [(verb, p.name) for verb, c in group.commands.items() for p in c.params if not getattr(p, "help", "x")]
    assert len(group.commands) > 15 and silent == []
