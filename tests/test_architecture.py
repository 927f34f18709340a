"""Imports point down the house, and no wing imports another; its functions stay small."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY = {
    "numerics": set(),
    "likelihoods": {"numerics"},
    "theory": {"numerics", "likelihoods"},
    "custom_ops": {"numerics", "likelihoods", "theory"},
    "data": {"numerics", "theory"},
    "models": {"numerics", "likelihoods", "theory", "custom_ops", "data"},
    "engines": {"numerics", "data", "models"},
    "posteriors": {"numerics", "likelihoods", "theory", "custom_ops", "data", "models", "engines"},
}
SOURCES = sorted((ROOT / "bayes_labor").rglob("*.py"))


WINGS = ("joint_production", "sorting", "bonuses", "learning")
SHIMS = {"theory/assignment.py", "theory/tournament.py"}
"""Old places of public names."""


def modules(path: Path) -> set[str]:
    """Everything of ours that a module imports, dotted; ``from x import y`` counts as x.y where that is a module."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
    return {n for n in names if n.startswith("bayes_labor.")}


def imported(path: Path) -> set[str]:
    return {n.split(".")[1] for n in modules(path)} & set(MAY)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    room = path.relative_to(ROOT / "bayes_labor").parts[0].removesuffix(".py")
    if room in MAY:
        assert imported(path) - {room} <= MAY[room]


def room_and_wing(module: str) -> tuple[str, str]:
    """Of a dotted name; no wing for what stands beside them."""
    _, room, wing, *_ = [*module.split("."), "", ""]
    wing = wing.removesuffix("_jax")
    return room, wing if wing in WINGS else ""


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_wing_imports_another(path: Path) -> None:
    room, own = room_and_wing(".".join(path.relative_to(ROOT).with_suffix("").parts))
    others = {room_and_wing(name)[1] for name in modules(path)} - {"", own}
    if own:
        assert not others
    elif path.name != "__init__.py" and room in MAY:  # what stands beside the wings is for all of them
        assert not others or path.relative_to(ROOT / "bayes_labor").as_posix() in SHIMS


def test_engines_name_no_system() -> None:
    for path in (ROOT / "bayes_labor" / "engines").glob("*.py"):
        assert not {wing for name in modules(path) for wing in [room_and_wing(name)[1]] if wing}, path.name


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


def test_every_module_is_tied_to_the_house() -> None:
    """What nothing imports is dead, but for doors: commands and systems are found by walking, public names have old places.

    A solver or engine that users call themselves has its place in the documentation or in an example.
    """
    pages = "".join(p.read_text() for folder in ("docs", "examples") for p in (ROOT / folder).glob("*.*"))
    names = {".".join(p.relative_to(ROOT).with_suffix("").parts): p for p in SOURCES}
    used = set().union(*(modules(p) for p in SOURCES))
    used |= {m for name in used for m in (name, name.rpartition(".")[0])}
    doors = {"system", "__init__", "__main__"}
    apart = [
        name
        for name, path in names.items()
        if name not in used
        and path.stem not in doors
        and not any(said in pages for said in (name, f"{path.stem}.py"))
        and name.split(".")[1] != "commands"
        and path.relative_to(ROOT / "bayes_labor").as_posix() not in SHIMS
    ]
    assert apart == []
