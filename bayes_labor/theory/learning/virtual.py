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
    return _walk(_Process(valuation, market, p, panel, restart, float(years)), firms, seed)[1]


def path_values(firms: FirmStates, valuation: Any, market: Market, p: Parameters, years: float, seed: int) -> np.ndarray:
    """(F,) discounted output and payments of one path per firm over so many years, at decisions of ``valuation``."""
    nowhere = Panel(firms, np.zeros((1, 2)))
    return _walk(_Process(valuation, market, p, nowhere, (0.0, 0.0), float(years)), firms, seed)[0]


class _Process(NamedTuple):
    """By what virtual firms go: values, whom they meet, where they begin again and how often, for how long."""

    valuation: Any
    market: Market
    p: Parameters
    panel: Panel
    restart: tuple[float, float]
    years: float


class _Firm(NamedTuple):
    """One of the firms, with the encodings of its workers and their sum."""

    number: int
    firms: FirmStates
    code: np.ndarray
    pool: np.ndarray


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
def _total(at, n):
    """Sum the encodings of a firm that has n workers from now on."""
    at.firms.size[at.number] = n
    pool = at.pool
    pool[:] = 0.0
    for j in range(n):
        pool += at.code[j]


@kernel
def _remove(at, j):
    """A worker goes; the last one takes his place."""
    log_h, log_a, n = at.firms.log_h[at.number], at.firms.log_a[at.number], at.firms.size[at.number]
    log_h[j], log_a[j], log_h[n - 1], log_a[n - 1] = log_h[n - 1], log_a[n - 1], 0.0, 0.0
    at.code[j] = at.code[n - 1]
    _total(at, n - 1)


@kernel
def _worth(process, at, n, pool):
    """Joint value of the firm with n workers, whose encodings sum to ``pool``."""
    return joint_value(process.valuation, at.firms.log_z[at.number], at.firms.log_q[at.number], n, pool)


@kernel
def _hire(process, at, now):
    """Meet somebody and hire him if that gains; the cost is what he and his firm could have without."""
    market, f, n = process.market, at.number, at.firms.size[at.number]
    if np.random.random() < market.share_N:
        m = np.random.randint(len(market.idle_log_h))
        log_h, log_a, kept = market.idle_log_h[m], market.idle_log_a[m], 0.0
    else:
        m = np.random.randint(len(market.log_h))
        log_h, log_a, kept = market.log_h[m], market.log_a[m], market.kept[m]
    encode(process.valuation, log_h, log_a, at.code[n])
    cost = nonemployment(np.exp(log_h), process.p) + kept
    if _worth(process, at, n + 1, at.pool + at.code[n]) - now <= cost:
        return 0.0
    at.firms.log_h[f, n], at.firms.log_a[f, n] = log_h, log_a
    _total(at, n + 1)
    return -cost


@kernel
def _open(process, at, now):
    """A contract is opened: the worker leaves if his surplus is negative."""
    n = at.firms.size[at.number]
    j = np.random.randint(n)
    u = nonemployment(np.exp(at.firms.log_h[at.number, j]), process.p)
    if now - _worth(process, at, n - 1, at.pool - at.code[j]) >= u:
        return 0.0
    _remove(at, j)
    return u


@kernel
def _separate(p, at):
    """A worker retires or his match breaks, upon which he has the value of non-employment."""
    j = np.random.randint(at.firms.size[at.number])
    broken = np.random.random() * (p.delta_r + p.delta_m) < p.delta_m
    u = nonemployment(np.exp(at.firms.log_h[at.number, j]), p) if broken else 0.0
    _remove(at, j)
    return u


@kernel
def _restart(process, at):
    """Begin again as a firm of the panel, at times with fresh productivity."""
    firms, f, panel, source = at.firms, at.number, process.panel, process.panel.source
    k = np.random.randint(len(source.size))
    firms.log_z[f], firms.log_q[f], firms.size[f] = source.log_z[k], source.log_q[k], source.size[k]
    firms.log_h[f], firms.log_a[f] = source.log_h[k], source.log_a[k]
    if np.random.random() < process.restart[1]:
        drawn = np.random.randint(len(panel.entrants))
        firms.log_z[f], firms.log_q[f] = panel.entrants[drawn, 0], panel.entrants[drawn, 1]


@kernel
def _recode(process, at):
    """Encode all workers afresh."""
    n = at.firms.size[at.number]
    for j in range(n):
        encode(process.valuation, at.firms.log_h[at.number, j], at.firms.log_a[at.number, j], at.code[j])
    _total(at, n)


@kernel
def _one(process, f, firms):
    """Cash of one firm's path; its state is overwritten."""
    # The value of the firm as it stands, taken anew only when the firm has changed.
    p, places, length = process.p, firms.log_h.shape[1], pool_length(process.valuation)
    at = _Firm(f, firms, np.zeros((places, length)), np.zeros(length))
    _recode(process, at)
    time, cash, rate, now, paid, moved = 0.0, 0.0, p.rho + p.delta_f, 0.0, 0.0, True
    while True:
        n = firms.size[f]
        if moved:
            now = _worth(process, at, n, at.pool)
        learning, leaving, opening = (p.gamma if n > 0 else 0.0), n * (p.delta_r + p.delta_m), n * (p.lam + p.psi_E)
        meeting = (n + 1) * process.market.omega if n < places else 0.0
        total = learning + leaving + opening + meeting + process.restart[0]
        after = min(time + np.random.exponential(1.0 / total), process.years)
        flow = _flow(firms.log_z[f], firms.log_h[f], n, p)
        cash += flow * (np.exp(-rate * time) - np.exp(-rate * after)) / rate
        time = after
        if time >= process.years:
            return cash
        u, paid, moved = np.random.random() * total, 0.0, True
        if u < learning:
            learn(firms.log_h[f], firms.log_a[f], firms.log_q[f], n, p.theta_p, p.theta_m)
            _recode(process, at)
        elif u < learning + leaving:
            paid = _separate(p, at)
        elif u < learning + leaving + opening:
            paid = _open(process, at, now)
            moved = paid > 0.0
        elif u < learning + leaving + opening + meeting:
            paid = _hire(process, at, now)
            moved = paid < 0.0
        else:
            _restart(process, at)
            _recode(process, at)
        cash += np.exp(-rate * time) * paid


@kernel
def _walk_some(process, first, last, firms, cash, seeds):
    for f in range(first, last):
        np.random.seed(seeds[f])
        cash[f] = _one(process, f, firms)


def _walk(process: _Process, firms: FirmStates, seed: int) -> tuple[np.ndarray, FirmStates]:
    """((F,) cash of a path per firm, firms afterwards); a seed per firm, so that the number of threads does not matter."""
    after, cash = FirmStates(*(v.copy() for v in firms)), np.zeros(len(firms.size))
    seeds = np.random.default_rng(seed).integers(1 << 31, size=len(cash))
    edges = np.linspace(0, len(cash), 8 * numba.get_num_threads() + 1).astype(int)
    with ThreadPoolExecutor(numba.get_num_threads()) as pool:
        jobs = [pool.submit(_walk_some, process, a, b, after, cash, seeds) for a, b in pairwise(edges)]
        for job in jobs:
            job.result()
    return cash, after
