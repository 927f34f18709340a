"""Joint values of learning on the job that have a closed form: firms that meet nobody. Oracles A, A1 and A2.

They check residuals, networks and simulators of the general economy.
"""

from itertools import combinations

import numpy as np
from scipy import special

from bayes_labor.theory.learning import Parameters, log_growth, nonemployment, output

_NEGLIGIBLE = 1e-14


def value_without_learning(z: float, h: np.ndarray, p: Parameters) -> float:
    """Joint value of a firm whose workers leave one by one and never learn (oracle A; no surplus may be negative).

    The sum runs over all teams that may be left at some time: 2^n of them.
    """
    n, apart, death = len(h), p.delta_r + p.delta_m, p.rho + p.delta_f
    total = (p.delta_f + p.delta_m) / (death + apart) * float(nonemployment(h, p).sum()) if n else 0.0
    for m in range(1, n + 1):
        weight = float(special.beta(death / apart + m, n - m + 1)) / apart
        total += weight * sum(float(output(z, np.array(left), np.ones(m, bool), p.eta)) for left in combinations(h, m))
    return float(total)


def value_of_one_learner(z: float, q: float, h: np.ndarray, a: np.ndarray, p: Parameters) -> np.ndarray:
    """(...) joint value of a firm with a single worker, who learns by himself (oracle A1)."""
    u, stay = p.b / (p.rho + p.delta_r), p.rho + p.delta_f + p.delta_r + p.delta_m
    found: np.ndarray = np.asarray(h) * (z + (p.delta_f + p.delta_m) * u) / (stay - p.gamma * (np.asarray(a) * q - 1.0))
    return found


def value_with_learning(z: float, q: float, h: np.ndarray, a: np.ndarray, p: Parameters) -> np.ndarray:
    """(...) joint value of teams (..., n) that learn from each other and meet nobody (oracle A2).

    Sums over the number of learning events until the next departure, each of which leaves a smaller team: the cost grows
    as about 150^(n - 1) n!, and n = 3 takes a second.
    """
    h, a = np.asarray(h, dtype=np.float64), np.asarray(a, dtype=np.float64)
    n, apart = h.shape[-1], p.delta_r + p.delta_m
    if n == 1:
        return value_of_one_learner(z, q, h[..., 0], a[..., 0], p)
    rate = p.rho + p.delta_f + n * apart + p.gamma
    again = p.gamma / rate
    present, log_h, weight = np.ones(h.shape, bool), np.log(h), 1.0 / rate
    paths, weights = [], []
    while weight * rate > _NEGLIGIBLE:
        paths.append(np.exp(log_h))
        weights.append(weight)
        log_h = log_h + log_growth(log_h, np.log(a), np.full(h.shape[:-1], np.log(q)), present, p.theta_p, p.theta_m)
        weight *= again
    teams = np.stack(paths)
    flow = output(z, teams, np.ones(teams.shape, bool), p.eta) + (p.delta_f + p.delta_m) * nonemployment(teams, p).sum(-1)
    for i in range(n):
        left = [j for j in range(n) if j != i]
        flow = flow + apart * value_with_learning(z, q, teams[..., left], np.broadcast_to(a, teams.shape)[..., left], p)
    found: np.ndarray = np.tensordot(np.array(weights), flow, axes=1)
    return found
