"""Human capital of workers in teams over years: every team learns so many times a year, as :func:`.primitives.log_growth`.

Section 7.2 of the specification. The path of a worker is a recursion over years; its adjoint goes through them backwards, from
the human capital that the path has recorded before each learning.
"""

from typing import NamedTuple

import numpy as np

from bayes_labor.numerics.compilation import kernel, reordering_leaf
from bayes_labor.theory.learning.primitives import mean_gaps


class Careers(NamedTuple):
    """Who works where: N rows in R teams of years, year by year, a team's rows of a year adjacent."""

    worker: np.ndarray
    """(N,) int, once a year at most."""
    offsets: np.ndarray
    """(R + 1,) int, where each team's rows of a year begin."""
    team: np.ndarray
    """(R,) int."""


@kernel
def human_capital(log_h, log_a, log_q, events, theta_p, theta_m, worker, offsets, team):
    """(N,) log h at every row of :class:`Careers`, before that year's learning.

    ``log_h`` (I,) at first and ``log_a`` (I,) by worker, ``log_q`` by team; ``events`` (E,) how often the first E <= R teams
    of years learn.
    """
    now, path = log_h.copy(), np.empty(worker.shape[0])
    for r in range(team.shape[0]):
        first, last = offsets[r], offsets[r + 1]
        for i in range(first, last):
            path[i] = now[worker[i]]
        if r < events.shape[0]:
            for i in range(first, last):
                above, below = mean_gaps(path[first:last], path[i])
                growth = log_a[worker[i]] + log_q[team[r]] + theta_p * above + theta_m * below
                now[worker[i]] += events[r] * growth
    return path


@reordering_leaf
def _pull_gaps(log_h, i, weight, theta_p, theta_m, pulled):
    """Adds to ``pulled`` (n,) the cotangents of a team's log h from ``weight`` times what worker i learns from coworkers.

    Coworkers exactly as skilled count as less skilled: learning has a kink there.
    """
    total = 0.0
    for j in range(log_h.shape[0]):
        slope = weight * (theta_p if log_h[j] > log_h[i] else theta_m)
        pulled[j] += slope
        total += slope
    pulled[i] -= total


@kernel
def human_capital_pullback(log_a, log_q, events, theta_p, theta_m, worker, offsets, team, path, g):
    """Cotangents of log h at first, log a, log q, events, theta+ and theta- from those of the path (N,)."""
    g_h, g_a, g_q, g_events = np.zeros_like(log_a), np.zeros_like(log_a), np.zeros_like(log_q), np.zeros_like(events)
    g_p, g_m, pulled = 0.0, 0.0, g.copy()
    for r in range(team.shape[0] - 1, -1, -1):
        first, last = offsets[r], offsets[r + 1]
        if r < events.shape[0]:
            team_h, others = path[first:last], max(last - first - 1, 1)
            for i in range(first, last):
                k, after = worker[i], g_h[worker[i]]
                above, below = mean_gaps(team_h, path[i])
                g_events[r] += after * (log_a[k] + log_q[team[r]] + theta_p * above + theta_m * below)
                weight = events[r] * after
                g_a[k] += weight
                g_q[team[r]] += weight
                g_p += weight * above
                g_m += weight * below
                _pull_gaps(team_h, i - first, weight / others, theta_p, theta_m, pulled[first:last])
        for i in range(first, last):
            g_h[worker[i]] += pulled[i]
    return g_h, g_a, g_q, g_events, g_p, g_m
