"""Firms along the virtual process: they hire, learn and lose workers, but nobody is poached from them.

An incumbent coalition is paid exactly what a poached worker is worth to it, so that its value is that of the process without
poaching. Firms go along it to sizes that they hardly ever reach in the economy, and the equation must hold there too; and the
mean of discounted output and payments along it is the joint value itself, whatever the network says. Sections 4.3 and 4.6.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numba
import numpy as np

from bayes_labor.numerics.compilation import kernel
from bayes_labor.theory.learning.network import encode, joint_value, pool_length
from bayes_labor.theory.learning.primitives import Parameters, nonemployment
from bayes_labor.theory.learning.simulation import Economy, Market, learn

RESTART = (0.07, 0.3)
"""Rate at which virtual firms begin again, and the share of them with fresh productivity."""


class FirmStates(NamedTuple):
    """States of firms: F firms, their workers in the first places of n_max."""

    log_z: Any
    """(F,), as ``log_q``."""
    log_q: Any
    size: Any
    """(F,)."""
    log_h: Any
    """(F, n_max), as ``log_a``; 0 where nobody is."""
    log_a: Any

    @property
    def present(self) -> Any:
        """(F, n_max) where somebody is."""
        return np.arange(self.log_h.shape[-1]) < self.size[:, None]

    def take(self, which: Any) -> "FirmStates":
        """Some of the firms."""
        return FirmStates(*(v[which] for v in self))


def firms_of(economy: Economy) -> FirmStates:
    """The firms of an economy."""
    return FirmStates(economy.log_z.copy(), economy.log_q.copy(), economy.size.copy(), *economy.teams())


class Panel(NamedTuple):
    """Where virtual firms begin again at times, so that they stay near the economy's."""

    source: FirmStates
    """Firms of the economy."""
    entrants: np.ndarray
    """(M, 2) log z and log q of newborn firms."""


def advance(
    firms: FirmStates,
    panel: Panel,
    valuation: Any,
    market: Market,
    p: Parameters,
    years: float,
    seed: int,
    restart: tuple[float, float] = RESTART,
) -> FirmStates:
    """Firms some years on, begun again at the rate ``restart[0]`` as a firm of the panel, with fresh (z, q) in that share.

    Begun again at the rate rho + delta_f, without fresh ones, firms come to be distributed as along discounted paths.
    """
    return _walk(firms, panel, restart, valuation, market, p, years, seed)[1]


def path_values(firms: FirmStates, valuation: Any, market: Market, p: Parameters, years: float, seed: int) -> np.ndarray:
    """(F,) discounted output and payments of one path per firm over so many years, at decisions of ``valuation``."""
    return _walk(firms, Panel(firms, np.zeros((1, 2))), (0.0, 0.0), valuation, market, p, years, seed)[0]


@kernel
def _flow(log_z, log_h, n, p):
    """Output, and what workers would get at the firm's death, per year."""
    total, left = 0.0, 0.0
    for j in range(n):
        h = np.exp(log_h[j])
        total += h**p.eta
        left += h
    made = np.exp(log_z) * total ** (1.0 / p.eta) if n > 0 else 0.0
    return made + p.delta_f * nonemployment(left, p)


@kernel
def _remove(log_h, log_a, code, n, j):
    log_h[j], log_a[j], log_h[n - 1], log_a[n - 1] = log_h[n - 1], log_a[n - 1], 0.0, 0.0
    code[j] = code[n - 1]


@kernel
def _total(code, n, pool):
    pool[:] = 0.0
    for j in range(n):
        pool += code[j]


@kernel
def _hire(valuation, f, firms, code, pool, now, market, p):
    """Meet somebody and hire him if that gains; the cost is what he and his firm could have without."""
    n, idle = firms.size[f], np.random.random() < market.share_N
    if idle:
        m = np.random.randint(len(market.idle_log_h))
        log_h, log_a, kept = market.idle_log_h[m], market.idle_log_a[m], 0.0
    else:
        m = np.random.randint(len(market.log_h))
        log_h, log_a, kept = market.log_h[m], market.log_a[m], market.kept[m]
    encode(valuation, log_h, log_a, code[n])
    joined = joint_value(valuation, firms.log_z[f], firms.log_q[f], n + 1, pool + code[n])
    cost = nonemployment(np.exp(log_h), p) + kept
    if joined - now <= cost:
        return 0.0
    firms.log_h[f, n], firms.log_a[f, n] = log_h, log_a
    firms.size[f] = n + 1
    _total(code, n + 1, pool)
    return -cost


@kernel
def _open(valuation, f, firms, code, pool, now, p):
    """A contract is opened: the worker leaves if his surplus is negative."""
    n = firms.size[f]
    j = np.random.randint(n)
    u = nonemployment(np.exp(firms.log_h[f, j]), p)
    if now - joint_value(valuation, firms.log_z[f], firms.log_q[f], n - 1, pool - code[j]) >= u:
        return 0.0
    _remove(firms.log_h[f], firms.log_a[f], code, n, j)
    firms.size[f] = n - 1
    _total(code, n - 1, pool)
    return u


@kernel
def _separate(f, firms, code, pool, p):
    """A worker retires or his match breaks, upon which he has the value of non-employment."""
    n = firms.size[f]
    j = np.random.randint(n)
    broken = np.random.random() * (p.delta_r + p.delta_m) < p.delta_m
    u = nonemployment(np.exp(firms.log_h[f, j]), p) if broken else 0.0
    _remove(firms.log_h[f], firms.log_a[f], code, n, j)
    firms.size[f] = n - 1
    _total(code, n - 1, pool)
    return u


@kernel
def _restart(f, firms, panel, fresh):
    source = panel.source
    k = np.random.randint(len(source.size))
    firms.log_z[f], firms.log_q[f], firms.size[f] = source.log_z[k], source.log_q[k], source.size[k]
    firms.log_h[f], firms.log_a[f] = source.log_h[k], source.log_a[k]
    if np.random.random() < fresh:
        drawn = np.random.randint(len(panel.entrants))
        firms.log_z[f], firms.log_q[f] = panel.entrants[drawn, 0], panel.entrants[drawn, 1]


@kernel
def _recode(valuation, f, firms, code, pool):
    for j in range(firms.size[f]):
        encode(valuation, firms.log_h[f, j], firms.log_a[f, j], code[j])
    _total(code, firms.size[f], pool)


@kernel
def _one(f, firms, panel, restart, valuation, market, p, years):
    """Cash of one firm's path; its state is overwritten."""
    # The value of the firm as it stands, taken anew only when the firm has changed.
    places, length = firms.log_h.shape[1], pool_length(valuation)
    code, pool = np.zeros((places, length)), np.zeros(length)
    _recode(valuation, f, firms, code, pool)
    time, cash, rate, now, paid, moved = 0.0, 0.0, p.rho + p.delta_f, 0.0, 0.0, True
    while True:
        n = firms.size[f]
        if moved:
            now = joint_value(valuation, firms.log_z[f], firms.log_q[f], n, pool)
        learning, leaving, opening = (p.gamma if n > 0 else 0.0), n * (p.delta_r + p.delta_m), n * (p.lam + p.psi_E)
        meeting = (n + 1) * market.omega if n < places else 0.0
        total = learning + leaving + opening + meeting + restart[0]
        after = min(time + np.random.exponential(1.0 / total), years)
        flow = _flow(firms.log_z[f], firms.log_h[f], n, p)
        cash += flow * (np.exp(-rate * time) - np.exp(-rate * after)) / rate
        time = after
        if time >= years:
            return cash
        u, paid, moved = np.random.random() * total, 0.0, True
        if u < learning:
            learn(firms.log_h[f], firms.log_a[f], firms.log_q[f], n, p.theta_p, p.theta_m)
            _recode(valuation, f, firms, code, pool)
        elif u < learning + leaving:
            paid = _separate(f, firms, code, pool, p)
        elif u < learning + leaving + opening:
            paid = _open(valuation, f, firms, code, pool, now, p)
            moved = paid > 0.0
        elif u < learning + leaving + opening + meeting:
            paid = _hire(valuation, f, firms, code, pool, now, market, p)
            moved = paid < 0.0
        else:
            _restart(f, firms, panel, restart[1])
            _recode(valuation, f, firms, code, pool)
        cash += np.exp(-rate * time) * paid


@kernel
def _walk_some(first, last, firms, cash, panel, restart, valuation, market, p, years, seeds):
    for f in range(first, last):
        np.random.seed(seeds[f])
        cash[f] = _one(f, firms, panel, restart, valuation, market, p, years)


def _walk(firms, panel, restart, valuation, market, p, years, seed):
    """((F,) cash of a path per firm, firms afterwards); a seed per firm, so that the number of threads does not matter."""
    after, cash = FirmStates(*(v.copy() for v in firms)), np.zeros(len(firms.size))
    seeds = np.random.default_rng(seed).integers(1 << 31, size=len(cash))
    edges = np.linspace(0, len(cash), 8 * numba.get_num_threads() + 1).astype(int)
    with ThreadPoolExecutor(numba.get_num_threads()) as pool:
        jobs = [
            pool.submit(_walk_some, a, b, after, cash, panel, restart, valuation, market, p, float(years), seeds)
            for a, b in pairwise(edges)
        ]
        for job in jobs:
            job.result()
    return cash, after
