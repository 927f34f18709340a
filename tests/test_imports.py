"""What importing a room brings with it: no more than it needs."""

import subprocess
import sys

import pytest

_HEAVY = ("pymc", "pytensor", "arviz", "nutpie", "matplotlib", "pandas", "xarray", "jaxlib", "blackjax", "great_tables")
ROOMS = {
    "bayes_labor": _HEAVY,
    "bayes_labor.commands": _HEAVY,
    "bayes_labor.numerics": _HEAVY,
    "bayes_labor.theory": _HEAVY,
    "bayes_labor.data": tuple(n for n in _HEAVY if n != "pandas"),
    "bayes_labor.custom_ops": tuple(n for n in _HEAVY if n != "pytensor"),
    "bayes_labor.models": ("arviz", "nutpie", "matplotlib", "jaxlib", "blackjax", "great_tables"),
    "bayes_labor.posteriors": ("jaxlib", "blackjax", "great_tables"),
}
"""By room, libraries that it must not bring."""


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_brings_what_it_needs(room: str) -> None:
    ask = f"import sys, {room}; print(*(n for n in {ROOMS[room]} if n in sys.modules))"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_package_costs_next_to_nothing_beside_its_engine() -> None:
    """Processor time of `import bayes_labor`, beside PyMC's, in one process: a hundredth, and below a second."""
    ask = (
        "import time; a = time.process_time(); import bayes_labor; b = time.process_time(); import pymc; "
        "print(b - a, time.process_time() - b)"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    ours, theirs = map(float, done.stdout.split())
    assert ours < 0.01 * theirs + 0.01
