"""What the columns of tables mean: one explanation each, shown below every table and listed in the documentation.

Each package of results holds a ``words.toml``: ``[any]`` for columns of whichever table, and one part for each table (or for
all whose names fit a pattern), in which ``"*"`` explains columns that bear the user's own names.
"""

import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable


@cache
def known() -> dict[str, dict[str, str]]:
    """Explanations by table (a pattern) and column; ``any`` holds those of many tables."""
    found: dict[str, dict[str, str]] = {}
    for place in _folders(files("bayes_labor.posteriors")):
        text = place.joinpath("words.toml")
        if text.is_file():
            for table, own in tomllib.loads(text.read_text(encoding="utf-8")).items():
                found.setdefault(table, {}).update(own)
    return found


def _folders(root: Traversable) -> list[Traversable]:
    return [root, *sorted((p for p in root.iterdir() if p.is_dir()), key=lambda p: p.name)]


def explain(table: str, columns: Mapping[str, str]) -> list[tuple[str, str]]:
    """(column as shown, its meaning) for each of a table's ``columns``, name -> as shown, that is explained."""
    found = {shown: meaning(table, name) for name, shown in columns.items()}
    return [(shown, text) for shown, text in found.items() if text]


def meaning(table: str, column: str) -> str:
    """What a column of a table means; nothing where nobody says."""
    every = known()
    own = [words for name, words in every.items() if name != "any" and fnmatchcase(table, name)]
    for words in (*own, every.get("any", {})):
        if column in words:
            return words[column]
    return next((words["*"] for words in own if "*" in words), "")


def as_markdown() -> str:
    """All of it as a page of the documentation."""
    lines = ["# What the columns of tables mean", "", "Below every table of a page stand the same words.", ""]
    for table in sorted(known(), key=lambda t: (t != "any", t)):
        heading = "In whichever table" if table == "any" else f"Table `{table}`"
        lines += [f"## {heading}", ""]
        for column, text in known()[table].items():
            lines += [f"`{'any other column' if column == '*' else column}`", f": {text}", ""]
    return "\n".join(lines)
