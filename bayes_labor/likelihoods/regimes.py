r"""Latent regimes that follow a Markov chain: likelihood with the regimes summed out, smoothed regimes, the likeliest path.

Densities may depend on the regime of a period and on the pair of this and the last one. Section 11 of the specification.
"""

import math
from typing import NamedTuple

import numpy as np

from bayes_labor.numerics.compilation import kernel


class Regimes(NamedTuple):
    """What the observations say about the regimes."""

    log_likelihood: float
    smoothed: np.ndarray
    """(T, S) probability of each regime in each period, given all observations."""
    pairs: np.ndarray
    """(T, S, S) probability of regime i in the last period and j in this one; zero in the first."""


@kernel
def smooth(log_initial, log_transition, log_state, log_step):
    """(log likelihood, smoothed (T, S), pairs (T, S, S)).

    Parameters: ``log_initial`` (S,) of the first period's regime; ``log_transition`` (S, S) from row to column; ``log_state``
    (T, S) log density of a period's observations by its regime, 0 where nothing was observed; ``log_step`` (T, S, S) by the
    last and this regime, unused in the first period. A likelihood of zero gives minus infinity and zero probabilities.
    """
    periods, n = log_state.shape
    forward, smoothed, pairs = np.empty((periods, n)), np.zeros((periods, n)), np.zeros((periods, n, n))
    for j in range(n):
        forward[0, j] = log_initial[j] + log_state[0, j]
    for t in range(1, periods):
        for j in range(n):
            top = -math.inf
            for i in range(n):
                top = max(top, forward[t - 1, i] + log_transition[i, j] + log_step[t, i, j])
            total = 0.0
            for i in range(n):
                if top > -math.inf:
                    total += math.exp(forward[t - 1, i] + log_transition[i, j] + log_step[t, i, j] - top)
            forward[t, j] = log_state[t, j] + top + (math.log(total) if total > 0.0 else 0.0)
    top = forward[-1].max()
    if not top > -math.inf:
        return -math.inf, smoothed, pairs
    log_likelihood = top + math.log(np.exp(forward[-1] - top).sum())
    for j in range(n):
        smoothed[-1, j] = math.exp(forward[-1, j] - log_likelihood)
    for t in range(periods - 1, 0, -1):
        for j in range(n):
            if smoothed[t, j] > 0.0:
                arrived = forward[t, j] - log_state[t, j]
                for i in range(n):
                    came = forward[t - 1, i] + log_transition[i, j] + log_step[t, i, j] - arrived
                    pairs[t, i, j] = smoothed[t, j] * math.exp(came)
                    smoothed[t - 1, i] += pairs[t, i, j]
    return log_likelihood, smoothed, pairs


def solve_regimes(
    log_initial: np.ndarray, log_transition: np.ndarray, log_state: np.ndarray, log_step: np.ndarray | None = None
) -> Regimes:
    """Likelihood and smoothed regimes; arguments as for :func:`smooth`, ``log_step`` zero by default.

    Raises
    ------
    ValueError
        For shapes that do not fit.

    """
    state = np.ascontiguousarray(log_state, dtype=np.float64)
    periods, n = state.shape
    step = np.zeros((periods, n, n)) if log_step is None else np.ascontiguousarray(log_step, dtype=np.float64)
    initial, transition = (np.ascontiguousarray(v, dtype=np.float64) for v in (log_initial, log_transition))
    if initial.shape != (n,) or transition.shape != (n, n) or step.shape != (periods, n, n):
        raise ValueError(
            f"{n} regimes and {periods} periods need log_initial ({n},), log_transition ({n}, {n}) and log_step "
            f"({periods}, {n}, {n}); got {initial.shape}, {transition.shape} and {step.shape}"
        )
    return Regimes(*smooth(initial, transition, state, step))


def likeliest_path(
    log_initial: np.ndarray, log_transition: np.ndarray, log_state: np.ndarray, log_step: np.ndarray
) -> tuple[np.ndarray, float]:
    """(regimes (T,) of the single likeliest path, its log probability), by Viterbi's recursion."""
    best, came = log_initial + log_state[0], []
    for state, step in zip(log_state[1:], log_step[1:], strict=True):
        through = best[:, None] + log_transition + step
        came.append(through.argmax(0))
        best = through.max(0) + state
    path = [int(best.argmax())]
    for back in reversed(came):
        path.append(int(back[path[-1]]))
    return np.array(path[::-1]), float(best.max())
