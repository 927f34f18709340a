"""Pictures of the gallery, from runs: ``python -m benchmarks.gallery RUN...`` takes those that ``docs/gallery.md`` shows.

A picture is named ``<system>-<picture>.png`` there; the system is that of the run's record, or the name of its folder where
the run is of ``reproduce``. Each is shrunk to 900 pixels and 64 colours.
"""

import json
import re
import sys
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).parents[1] / "docs"
WIDTH, COLOURS = 900, 64


def wanted() -> list[str]:
    """Names of the pictures that the gallery shows."""
    return re.findall(r"\(pictures/([\w.-]+)\.png\)", (DOCS / "gallery.md").read_text(encoding="utf-8"))


def shrunk(source: Path, to: Path) -> None:
    """A copy for the web."""
    with Image.open(source) as picture:
        size = (WIDTH, round(picture.height * WIDTH / picture.width))
        small = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS).quantize(COLOURS)
        small.save(to, optimize=True)


def main(*runs: str) -> None:
    """Copy what the gallery asks for, and say what no run had."""
    left = set(wanted())
    for run in map(Path, runs):
        record = json.loads((run / "run.json").read_text()) if (run / "run.json").is_file() else {}
        system = record.get("system", run.name)
        for name in [n for n in left if n.startswith(f"{system}-")]:
            found = run / "figures" / f"{name.removeprefix(f'{system}-')}.png"
            if found.is_file():
                shrunk(found, DOCS / "pictures" / f"{name}.png")
                left.remove(name)
    print("\n".join(f"no run had {name}" for name in sorted(left)))


if __name__ == "__main__":
    main(*sys.argv[1:])
