"""The model that CONTRIBUTING adds step by step, put beside the others in a copy of the package without an edit elsewhere."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = """
import sys
import bayes_labor
from bayes_labor.commands import app
from typer.testing import CliRunner

assert bayes_labor.__file__.startswith(sys.argv[1]), bayes_labor.__file__

def call(*words, codes=(0,)):
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code in codes, (words, result.output, result.exception)
    return result.output

source = ["mincer", "people.csv", "--column", "wage=pay"]
few = ["--draws", "400", "--tune", "200", "--chains", "2", "--seed", "1"]
assert "mincer" in call("models") and "people 300" in call("data", *source)
assert "sound: sampling may start" in call("check", *source)
assert "log_wage" in call("prior", *source, "--run", "prior", "--draws", "50")
said = call("fit", *source, "--run", "a", *few, codes=(0, 1))
assert "schooling" in said and "R-hat" in said, said
call("fit", *source, "--run", "b", "--set", "returns=0.01", *few, codes=(0, 1))
assert "finished already" in call("resume", "a", codes=(0, 1)) and "done: draws of 400" in call("peek", "a")
assert "report: " in call("report", "a")
table = call("compare", "a", "b")
assert table.index("a ") < table.index("b "), table
said = call("calibrate", *source, "--simulations", "2", "--keep", "ranks.csv", "--draws", "40", "--tune", "60", codes=(0, 1))
assert "2 of 2" in said, said
print("all verbs ran")
"""


def test_a_fifth_system_is_found_by_every_verb(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "bayes_labor", tmp_path / "bayes_labor", ignore=shutil.ignore_patterns("__pycache__"))
    blocks = re.findall(r"```python\n# (bayes_labor/\S+\.py)\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    assert len(blocks) == 3
    for place, text in blocks:
        file = tmp_path / place
        file.parent.mkdir()
        (file.parent / "__init__.py").write_text('"""Mincer."""\n')
        file.write_text(text)
    rng = np.random.default_rng(0)
    schooling, experience = rng.integers(8, 18, 300), rng.uniform(0, 30, 300)
    pay = np.exp(1.0 + 0.08 * schooling + 0.03 * experience - 0.05 * experience**2 / 100 + 0.3 * rng.normal(size=300))
    pd.DataFrame({"pay": pay, "schooling": schooling, "experience": experience}).to_csv(tmp_path / "people.csv", index=False)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert "all verbs ran" in done.stdout, done.stdout + done.stderr
    page = (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
    assert "Returns to schooling" in page and "schooling" in page
