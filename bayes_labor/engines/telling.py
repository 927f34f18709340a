"""What takes long says what it does, how far it is and how long it will take: to whoever listens, and to nobody by default.

The command line listens. Nothing is said in the first ten seconds of a task, and then once in a while: every ten seconds on a
terminal, once a minute into a log.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

_FIRST = 10.0
"""Seconds within which nobody has to be told."""

_listener: Callable[[str], None] | None = None
_every, _last = 60.0, ""
_clocks: dict[str, "_Clock"] = {}


class _Clock(NamedTuple):
    """Of a task: when it began, when it is time to speak again, and how far it was."""

    began: float
    next: float
    done: float


def listen(listener: Callable[[str], None] | None, every: float = 60.0) -> None:
    """Have lines handed to a function, at most one in so many seconds; None: to nobody."""
    global _listener, _every, _last
    _listener, _every, _last = listener, every, ""
    _clocks.clear()


def tell(task: str, done: float = 0.0, of: float = 0.0, what: str = "") -> None:
    """Say how far a task is, where it is time to.

    Parameters
    ----------
    task
        What is done, in a user's words. It begins anew where less of it is done than before or, where nothing is known of what
        is left, after another one; others may go on within it, such as the sampling of one of many fits.
    done, of
        How much of it, in any unit; where ``of`` is 0 nothing is known of what is left.
    what
        The unit, such as ``draws``: then both are shown. Without ``of``: where the task is.

    """
    global _last
    if _listener is None:
        return
    now, clock = time.monotonic(), _clocks.get(task)
    if clock is None or done < clock.done or (not of and task != _last):
        clock = _Clock(now, now + _FIRST, done)
    speaks, _last = now >= clock.next, task
    _clocks[task] = _Clock(clock.began, now + _every if speaks else clock.next, done)
    if not speaks:
        return
    if of:
        what = f"{done:,.0f} of {of:,.0f} {what}" if what else f"{done / of:.0%}"
    left = (now - clock.began) * (of - done) / done if done > 0 and of else 0.0
    rest = f", about {left / 60.0:.0f} min left" if left > 90 else f", about {left:.0f} s left" if left > 0 else ""
    _listener(f"{task}{': ' if what else ''}{what}{rest} ({now - clock.began:.0f} s)")
