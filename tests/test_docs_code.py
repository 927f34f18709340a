"""What the documentation shows works: Python runs, commands have these verbs and options, every gate has its row."""

import ast
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import matplotlib.pyplot as plt
import pytest
import typer

import bayes_labor.posteriors
from bayes_labor.commands.app import app
from bayes_labor.data import DataFaults
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models import JointProductionSpec
from bayes_labor.posteriors import verbs
from bayes_labor.posteriors.joint_production.system import JOINT_PRODUCTION
from bayes_labor.posteriors.verbs import Source
from benchmarks import gallery, papers
from tests.data.payrolls import ordinary_table
from tests.posteriors.joint_production.test_export import drawn

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FORMULA = "experience + seniority"


def blocks(page: Path, language: str) -> Iterator[str]:
    """Fenced blocks of a language; of none: shell."""
    yield from re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for block in (*blocks(page, ""), *blocks(page, "sh")):
            lines = block.replace("\\\n", " ").splitlines()
            found += [(page.name, line.split(" #")[0].strip()) for line in lines if line.startswith("bayes-labor ")]
    return found


@pytest.mark.parametrize(("page", "line"), commands(), ids=lambda v: str(v)[:60])
def test_commands_have_these_verbs_and_options(page: str, line: str) -> None:
    split = shlex.split(line)[1:]
    words = [w for before, w in zip(["", *split], split, strict=False) if w != "..." or before.startswith("--")]
    group = typer.main.get_command(app)
    assert isinstance(group, click.Group) or hasattr(group, "commands")
    verb = group.commands[words[0]]
    verb.make_context(words[0], list(words[1:]))


def test_a_command_that_does_not_exist_is_seen() -> None:
    with pytest.raises(Exception, match="No such option"):
        test_commands_have_these_verbs_and_options("", "bayes-labor fit joint-production pay.csv --run r --colour red")
    assert len(commands()) > 20


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table and a fit of it in runs/mine, whose draws were written by hand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: None)
    ordinary_table(30, 6).to_csv("pay.csv", index=False)
    source, spec = Source("pay.csv", {}, {"formula": FORMULA, "internal": ["seniority"]}), JointProductionSpec()
    data = source.read(JOINT_PRODUCTION)
    folder = RunFolder.create("runs/mine")
    folder.save(drawn(data), JOINT_PRODUCTION.about(spec, data) | {"read": source.record(), "state": "done"})
    return tmp_path


@pytest.mark.filterwarnings("ignore:Estimated shape parameter")  # of draws that were written by hand
def test_the_how_to_runs(place: Path) -> None:
    names: dict[str, object] = {}
    for block in blocks(ROOT / "docs" / "howto.md", "python"):
        exec(compile(block, "howto.md", "exec"), names)
    plt.close("all")
    assert (place / "table.csv").is_file()


def test_a_record_without_its_data_is_a_fault_for_tables_too(place: Path) -> None:
    record = json.loads((place / "runs/mine/run.json").read_text())
    (place / "runs/mine/run.json").write_text(json.dumps(record | {"data": None}))
    with pytest.raises(DataFaults, match="does not say what was fitted"):
        verbs.table({"Mine": "runs/mine"})


def test_predictions_are_for_all_rows_whatever_the_fit_wanted(place: Path) -> None:
    """Conditions on rows, and how the fit's file was written, are not those of other tables."""
    record = json.loads((place / "runs/mine/run.json").read_text())
    table = ordinary_table(30, 6)
    table.to_csv("pay.csv", index=False, sep=";")
    record["read"]["reading"] = {"separator": ";", "where": ["experience > -1"]}
    (place / "runs/mine/run.json").write_text(json.dumps(record))
    run = verbs.open_run("runs/mine")
    few = table[table["workplace"] < 4].drop(columns="wage").assign(experience=lambda t: -2.0 + 0.0 * t["experience"])
    few.to_csv("others.csv", index=False, sep=";")
    few.to_parquet("others.parquet", index=False)
    for file in ("others.csv", "others.parquet"):
        assert verbs.predict(run, file, size=10).index.tolist() == list(range(len(few)))


def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty draws, whatever a page asks for."""
    real = bayes_labor.posteriors.sample
    few = {"draws": 20, "tune": 20, "chains": 2, "seed": 1, "second_opinion": 0}
    monkeypatch.setattr(bayes_labor.posteriors, "sample", lambda *a, **k: real(*a, **(k | few)))


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::UserWarning")  # that so few draws are no fit
@pytest.mark.parametrize("page", ["README.md", "docs/tutorials.md"])
def test_pages_that_sample_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _quickly(monkeypatch)
    names: dict[str, object] = {}
    for block in blocks(ROOT / page, "python"):
        exec(compile(block, page, "exec"), names)


def named_gates() -> set[str]:
    """Names of all gates and cautions that are literals in the package."""
    found = set()
    for file in (ROOT / "bayes_labor" / "posteriors").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Gate", "_worst") and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    found.add(str(first.value))
                elif isinstance(first, ast.JoinedStr):
                    found.add("".join(str(v.value) for v in first.values if isinstance(v, ast.Constant)).strip(" ”“"))
    return found


def test_every_gate_has_its_row() -> None:
    page = (ROOT / "docs" / "warnings.md").read_text(encoding="utf-8")
    rows = " ".join(line.split("|")[1] for line in page.splitlines() if line.startswith("|"))
    names = {n for n in named_gates() if n}
    assert len(names) > 15
    assert [n for n in sorted(names) if not all(w in rows for w in n.split())] == []


def test_the_record_is_that_of_the_results() -> None:
    """`python -m benchmarks.records` was run after the last calibration was."""
    page = (ROOT / "docs" / "records.md").read_text(encoding="utf-8")
    files = sorted((ROOT / "benchmarks" / "results").glob("sbc_*.csv"))
    for file in files:
        sets = len(file.read_text().splitlines()) - 1
        assert f"| {file.stem.removeprefix('sbc_')} | {sets} |" in page, file.name
    kills = json.loads((ROOT / "benchmarks" / "results" / "kills.json").read_text())
    assert all(f"{kills[k]['seconds lost, most']:.2f}" in page for k in ("nutpie", "blackjax", "smc"))


def test_the_comparison_with_the_papers_is_that_of_the_results() -> None:
    """`python -m benchmarks.papers` was run after the tables were taken; every table of a system that is there has rows."""
    found = json.loads(papers.RESULTS.read_text(encoding="utf-8"))
    assert papers.PAGE.read_text(encoding="utf-8") == papers.page(found)
    assert set(found) <= set(papers.SYSTEMS) and all(t["rows"] for own in found.values() for t in own["tables"].values())


def test_the_gallery_has_its_pictures() -> None:
    """Each is there, small, and shown with words for those who do not see it."""
    text = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[(.+?)\]\(pictures/(.+?)\)", text)
    assert len(shown) == len(gallery.wanted()) > 10 and all(len(words) > 20 for words, _ in shown)
    assert [n for _, n in shown if not 2_000 < (ROOT / "docs" / "pictures" / n).stat().st_size < 80_000] == []
    functions = re.findall(r"^.*`(\w+)`$", text, flags=re.MULTILINE)
    source = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "bayes_labor" / "posteriors").rglob("*.py"))
    assert [f for f in functions if f"def {f}(" not in source] == [] and len(functions) == len(shown)
