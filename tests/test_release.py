"""One version everywhere: the package, its metadata, the citation file and the newest entry of the changelog."""

import re
import tomllib
from datetime import date, datetime
from pathlib import Path

import bayes_labor

ROOT = Path(__file__).parents[1]


def test_one_version_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    told = re.search(r"^## (\S+) \((.+)\)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert cited and told and len({bayes_labor.__version__, project["version"], cited[1], told[1]}) == 1


def test_the_citation_is_dated_as_the_changelog() -> None:
    released = re.search(r"^date-released: (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    told = re.search(r"^## \S+ \((.+)\)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert released and told
    assert date.fromisoformat(released[1]) == datetime.strptime(told[1], "%d %B %Y").date()
