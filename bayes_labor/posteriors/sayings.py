"""Pieces of sentences about draws, made by one rule each: how large, on which side of zero, how surely."""

import numpy as np

SURE = 0.03
"""Share of draws on the other side of zero, up to which a sign counts as known."""


def middle_and_ends(draws: np.ndarray, digits: int = 2) -> str:
    """``0.12 [0.05, 0.19]``: median and 94% interval of draws (S,), to significant digits."""
    return "{} [{}, {}]".format(*(_short(float(v), digits) for v in np.quantile(draws, [0.5, 0.03, 0.97])))


def _short(value: float, digits: int) -> str:
    shown = f"{value:.{digits}g}"
    return f"{float(shown):,.0f}" if "e+" in shown or abs(value) >= 10**digits else shown


def side(draws: np.ndarray) -> int:
    """1 or -1 where all but :data:`SURE` of the draws lie above or below zero, else 0."""
    below = float(np.mean(draws < 0.0))
    return 1 if below <= SURE else -1 if below >= 1.0 - SURE else 0


def chance_below(draws: np.ndarray) -> str:
    """``below zero with probability 0.12``."""
    return f"below zero with probability {chance(float(np.mean(draws < 0.0)))}"


def chance(share: float) -> str:
    """Of draws: none is certain."""
    return "under 0.01" if share < 0.005 else "over 0.99" if share > 0.995 else f"{share:.2f}"


def listed(words: list[str]) -> str:
    """``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
