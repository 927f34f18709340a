"""Imports point down the house: theory, data, custom_ops, models, posteriors, cli."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY = {
    "numerics": set(),
    "theory": {"numerics"},
    "data": {"theory"},
    "custom_ops": {"theory", "numerics"},
    "densities": {"theory"},
    "models": {"theory", "data", "custom_ops", "densities"},
    "posteriors": {"theory", "data", "custom_ops", "densities", "models"},
}
SOURCES = sorted((ROOT / "bayes_labor").rglob("*.py"))


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
    return {n.split(".")[1] for n in names if n.startswith("bayes_labor.")}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    room = path.relative_to(ROOT / "bayes_labor").parts[0].removesuffix(".py")
    if room in MAY:
        assert imported(path) - {room} <= MAY[room]


def test_functions_stay_small() -> None:
    lengths = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                doc = ast.get_docstring(node, clean=False)
                body = node.end_lineno - node.body[0].lineno + 1 - (len(doc.splitlines()) if doc else 0)
                assert body <= 80, f"{path.name}: {node.name} has {body} lines"
                lengths.append(body)
    assert sorted(lengths)[len(lengths) // 2] <= 9


def test_links_lead_into_the_package() -> None:
    for room in ("custom_ops", "models", "posteriors"):
        assert (ROOT / room).resolve() == ROOT / "bayes_labor" / room
