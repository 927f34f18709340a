"""The script for a cluster's queue hands each task its line, word for word, and goes on with what has begun."""

import json
import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "tools" / "array.sh"
LINES = """runs/a joint-production pay.csv --formula "experience + seniority" --where "year == 2019"

runs/b joint-production 'my pay.csv' --formula "$(touch hacked) `touch hacked`; touch hacked"
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    stub = tmp_path / "bin" / "bayes-labor"
    stub.parent.mkdir()
    stub.write_text("#!/usr/bin/env python3\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\nsys.exit(1)\n")
    stub.chmod(0o755)
    (tmp_path / "fits.txt").write_text(LINES)
    return tmp_path


def task(place: Path, **environment: str) -> tuple[int, list[str], str]:
    path = f"{place / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run([SCRIPT, "fits.txt"], cwd=place, env={"PATH": path, **environment}, capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout or "[]"), done.stderr


def test_each_task_has_its_line(place: Path) -> None:
    code, words, _ = task(place, SLURM_ARRAY_TASK_ID="1")
    assert code == 1  # of bayes-labor: a gate failed
    assert words == ["fit", "joint-production", "pay.csv", "--formula", "experience + seniority", "--where", "year == 2019",
                     "--run", "runs/a"]  # fmt: skip
    _, words, _ = task(place, SGE_TASK_ID="2")
    assert words[2] == "my pay.csv" and words[4] == "$(touch hacked) `touch hacked`; touch hacked"
    assert not (place / "hacked").exists()


def test_what_has_begun_is_gone_on_with(place: Path) -> None:
    (place / "runs" / "a").mkdir(parents=True)
    (place / "runs" / "a" / "run.json").write_text("{}")
    assert task(place, PBS_ARRAY_INDEX="1")[1] == ["resume", "runs/a"]


def test_what_is_no_task_is_said(place: Path) -> None:
    code, _, said = task(place)
    assert code == 2 and "array" in said
    code, _, said = task(place, SLURM_ARRAY_TASK_ID="3")
    assert code == 2 and "no line 3" in said
