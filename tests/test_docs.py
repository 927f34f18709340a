"""The documentation builds without a warning, has every public name, and explains every column of every table."""

import html
import importlib
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatchcase
from itertools import combinations
from pathlib import Path

import pytest

from bayes_labor.posteriors.words import known, meaning

pytest.importorskip("sphinx")
ROOT = Path(__file__).parents[1]
FLOORS = ("data", "models", "posteriors", "theory", "custom_ops")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", "-d", str(out / "trees"), str(ROOT / "docs"), str(out)]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return out


def test_the_reference_has_every_public_name(site: Path) -> None:
    text = (site / "api.html").read_text(encoding="utf-8")
    for floor in FLOORS:
        module = importlib.import_module(f"bayes_labor.{floor}")
        assert [n for n in module.__all__ if f'id="bayes_labor.{floor}.{n}"' not in text] == []


def test_the_search_finds_every_column(site: Path) -> None:
    text = html.unescape(re.sub(r"<[^>]+>", "", (site / "columns.html").read_text(encoding="utf-8")))
    words = [w for own in known().values() for w in own.values()]
    assert len(words) > 150 and [w for w in words if " ".join(w.split()) not in " ".join(text.split())] == []
    assert "columns" in (site / "searchindex.js").read_text(encoding="utf-8")


def test_the_nearest_explanation_is_taken() -> None:
    assert (
        meaning("parameters", "mean").startswith("Posterior mean") and meaning("data_workers", "mean") == "Mean over workers."
    )
    assert meaning("managing", "fifth 3").startswith("Probability of doing task 2")
    assert meaning("nobody's table", "nobody's column") == ""


def test_no_column_is_explained_by_another_system() -> None:
    """Two folders whose words fit the same table say the same of a column: a page cannot know whose words it gets."""
    owners = {p.parent.name: tomllib.loads(p.read_text()) for p in (ROOT / "bayes_labor/posteriors").rglob("words.toml")}
    parted = [
        (table, column, owner, other)
        for (owner, ours), (other, theirs) in combinations(owners.items(), 2)
        for table, words in ours.items()
        for pattern, others in theirs.items()
        if table == pattern or ("any" not in (table, pattern) and (fnmatchcase(table, pattern) or fnmatchcase(pattern, table)))
        for column in set(words) & set(others)
        if words[column] != others[column]
    ]
    assert len(owners) == 5 and parted == []
