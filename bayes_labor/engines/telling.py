"""What takes long says what it does, how far it is and how long it will take: to whoever listens, and to nobody by default.

The command line listens. Nothing is said in the first ten seconds of a task, and then once in a while: every ten seconds on a
terminal, once a minute into a log.
"""

import time
from collections.abc import Callable

_FIRST = 10.0
"""Seconds within which nobody has to be told."""

_listener: Callable[[str], None] | None = None
_every, _task, _began, _next = 60.0, "", 0.0, 0.0


def listen(listener: Callable[[str], None] | None, every: float = 60.0) -> None:
    """Have lines handed to a function, at most one in so many seconds; None: to nobody."""
    global _listener, _every, _task
    _listener, _every, _task = listener, every, ""


def tell(task: str, done: float = 0.0, of: float = 0.0, what: str = "") -> None:
    """Say how far a task is, where it is time to.

    Parameters
    ----------
    task
        What is done, in a user's words; another one than before begins now.
    done, of
        How much of it, in any unit; where ``of`` is 0 nothing is known of what is left.
    what
        The unit, such as ``draws``: then both are shown. Without ``of``: where the task is.

    """
    global _task, _began, _next
    if _listener is None:
        return
    now = time.monotonic()
    if task != _task:
        _task, _began, _next = task, now, now + _FIRST
    if now < _next:
        return
    _next = now + _every
    if of:
        what = f"{done:,.0f} of {of:,.0f} {what}" if what else f"{done / of:.0%}"
    left = (now - _began) * (of - done) / done if done > 0 and of else 0.0
    rest = f", about {left / 60.0:.0f} min left" if left > 90 else f", about {left:.0f} s left" if left > 0 else ""
    _listener(f"{task}{': ' if what else ''}{what}{rest} ({now - _began:.0f} s)")
