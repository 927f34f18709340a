"""Where a long solution stands, on disk: one file, replaced in one step, so that a killed process goes on where it was."""

import json
import os
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np

_RECORD = "record"


def save(path: Path, tree: dict[str, Any], record: dict[str, Any]) -> None:
    """Write (nested) named tuples and dictionaries of arrays, and a record in JSON."""
    arrays: dict[str, np.ndarray] = {}
    for name, value in tree.items():
        _flatten(name, value, arrays)
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **{_RECORD: np.array(json.dumps(record))}, **arrays)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def load(path: Path, templates: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """((the trees of ``templates`` that the file holds, the record); a template gives names and order, not values."""
    with np.load(path) as file:
        held = {name: file[name] for name in file.files}
    record = json.loads(str(held.pop(_RECORD)))
    tops = {name.partition("/")[0] for name in held}
    return {name: _restore(name, shape, held) for name, shape in templates.items() if name in tops}, record


def _parts(value: Any) -> dict[str, Any] | None:
    if isinstance(value, dict):
        return value
    found: dict[str, Any] | None = value._asdict() if hasattr(value, "_asdict") else None
    return found


def _flatten(name: str, value: Any, into: dict[str, np.ndarray]) -> None:
    parts = _parts(value)
    if parts is None:
        into[name] = np.asarray(value)
    else:
        for part, inner in parts.items():
            _flatten(f"{name}/{part}", inner, into)


def _restore(name: str, template: Any, held: dict[str, np.ndarray]) -> Any:
    parts = _parts(template)
    if parts is None:
        found = held[name]
        return type(template)(found) if isinstance(template, (int, float)) else found
    inner = {part: _restore(f"{name}/{part}", value, held) for part, value in parts.items()}
    return inner if isinstance(template, dict) else type(template)(**inner)


def plain(value: Any) -> Any:
    """Named tuples, tuples and arrays within each other, as JSON gives them back."""
    if hasattr(value, "_asdict"):
        return {name: plain(part) for name, part in value._asdict().items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value


def rebuilt(kind: Any, value: Any) -> Any:
    """The named tuple (or array) ``kind`` from what :func:`plain` made of one."""
    kind = next(iter(get_args(kind)), kind)  # of what may be missing
    if hasattr(kind, "_fields"):
        return kind(**{name: rebuilt(part, value[name]) for name, part in get_type_hints(kind).items()})
    return np.array(value) if kind is np.ndarray else value
