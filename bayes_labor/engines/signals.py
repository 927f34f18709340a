"""Signals that end a process, for loops that run long: what a library's callback swallows is raised again here.

Python raises what a signal means wherever it happens to be. In a callback of a library, XLA's on garbage collection among them,
it is printed and forgotten, and the fit would go on.
"""

heard: list[BaseException] = []
"""What the signals that came have raised; written by whoever handles them."""


def raise_if_heard() -> None:
    """Raise what a signal raised before, if that did not end the work."""
    if heard:
        raise heard[0]
