"""Where machine code is kept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SAY = "from bayes_labor.numerics import compilation; print(compilation._HOME)"


@pytest.mark.parametrize("given", ["", "relative/cache", None])
def test_caches_do_not_follow_the_working_directory(given: str | None, tmp_path: Path) -> None:
    """An empty XDG_CACHE_HOME once put machine code into the folder where the command was given."""
    kept = {k: v for k, v in os.environ.items() if k not in ("XDG_CACHE_HOME", "BAYES_LABOR_CACHE")}
    kept |= {"HOME": str(tmp_path / "home")} | ({} if given is None else {"XDG_CACHE_HOME": given})
    found = subprocess.run([sys.executable, "-c", SAY], env=kept, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(tmp_path / "home/.cache/bayes_labor")
