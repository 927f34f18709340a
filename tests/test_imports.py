"""What importing a room brings with it: no more than it needs."""

import subprocess
import sys

_HEAVY = ("pymc", "pytensor", "arviz", "nutpie", "matplotlib", "pandas", "xarray", "jaxlib", "blackjax", "great_tables")
ROOMS = {
    "bayes_labor": _HEAVY,
    "bayes_labor.commands": _HEAVY,
    "bayes_labor.numerics": _HEAVY,
    "bayes_labor.theory": _HEAVY,
    "bayes_labor.data": tuple(n for n in _HEAVY if n != "pandas"),
    "bayes_labor.custom_ops": tuple(n for n in _HEAVY if n not in ("pandas", "pytensor")),
    "bayes_labor.models": ("arviz", "nutpie", "matplotlib", "jaxlib", "blackjax", "great_tables"),
    "bayes_labor.posteriors": ("jaxlib", "blackjax", "great_tables"),
}
"""By room, one after the other in one process, libraries that must not be there yet."""


def test_a_room_brings_what_it_needs_and_the_package_itself_nothing() -> None:
    """Processor time of `import bayes_labor` is a hundredth of PyMC's, in the same process."""
    ask = [
        "import sys, time", "a = time.process_time()", "import bayes_labor", "b = time.process_time()",
        *(f"import {room}\nprint('{room}', *(n for n in {lacks} if n in sys.modules))" for room, lacks in ROOMS.items()),
        "c = time.process_time()", "print(b - a, c - b)",
    ]  # fmt: skip
    done = subprocess.run([sys.executable, "-c", "\n".join(ask)], capture_output=True, text=True, check=True)
    *rooms, times = done.stdout.splitlines()
    assert rooms == list(ROOMS)
    ours, theirs = map(float, times.split())
    assert ours < 0.01 * theirs + 0.01
