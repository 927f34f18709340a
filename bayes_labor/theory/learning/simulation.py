"""The economy of learning on the job, event by event: exact in time, without a grid, given a joint value.

Every firm and worker waits for his next event; the earliest happens. Whom a worker meets is a manager or an employed worker
drawn at random, so that firms are met in proportion to their size plus one, and the rate of meetings clears by itself.
Sections 1.3 to 1.5 and 3 of the specification.
"""

from typing import Any, NamedTuple

import numpy as np

from bayes_labor.numerics.compilation import kernel
from bayes_labor.theory.learning.network import encode, joint_value, pool_length
from bayes_labor.theory.learning.primitives import Parameters, check_parameters, mean_gaps, meetings, nonemployment
from bayes_labor.theory.learning.worker_network import contract_value, wage_for

_CUT, _POOL = 4.0, 1 << 17


class Newcomers(NamedTuple):
    """Large samples from which newborn workers (log h, log a) and firms (log z, log q) are drawn, (M, 2)."""

    workers: np.ndarray
    firms: np.ndarray


class Economy(NamedTuple):
    """Firms and workers at a time. F firms with room for n_max workers each, N workers."""

    log_z: np.ndarray
    """(F,), as ``log_q``."""
    log_q: np.ndarray
    size: np.ndarray
    """(F,) workers of a firm; ``roster`` (F, n_max) who they are, in the first places."""
    roster: np.ndarray
    log_h: np.ndarray
    """(N,), as ``log_a``."""
    log_a: np.ndarray
    employer: np.ndarray
    """(N,) firm, -1 in non-employment."""
    wage: np.ndarray
    """(N,) NaN in non-employment, and where wages are not followed."""
    hired: np.ndarray
    """(N,) when the job began; ``born`` (N,) when the worker was."""
    born: np.ndarray
    firm_born: np.ndarray
    """(F,)."""
    clock: np.ndarray
    """(1,) years."""

    @property
    def employment(self) -> float:
        """Share of workers with a job."""
        return float((self.employer >= 0).mean())

    def teams(self) -> tuple[np.ndarray, np.ndarray]:
        """((F, n_max) log h, log a) of workers by firm, 0 where nobody is."""
        here = self.roster >= 0
        return np.where(here, self.log_h[self.roster], 0.0), np.where(here, self.log_a[self.roster], 0.0)


class Flows(NamedTuple):
    """What happened in a stretch of time, in numbers of events."""

    hired: int
    """Out of non-employment."""
    poached: int
    broken: int
    quits: int
    """Into non-employment because the surplus is negative."""
    worker_years: float
    """Of employed workers."""
    idle_years: float


class Market(NamedTuple):
    """Whom firms meet: the cross-section of the living, at a joint value."""

    omega: float
    """Meetings of a firm per year, worker and manager; ``share_N`` of them with the non-employed."""
    share_N: float
    log_h: np.ndarray
    """(M,) of employed workers, with ``log_a``; ``kept`` (M,) is what their firms would lose, max(Delta, 0)."""
    log_a: np.ndarray
    kept: np.ndarray
    idle_log_h: np.ndarray
    """(M_N,) of non-employed workers, with ``idle_log_a``."""
    idle_log_a: np.ndarray
    surplus: np.ndarray
    """(M,) Delta of employed workers; they are in the places ``place`` of the firms ``employer``."""
    employer: np.ndarray
    place: np.ndarray


def newcomers(p: Parameters, rng: np.random.Generator) -> Newcomers:
    """Log-normal newborn workers and firms, their normals cut at four standard deviations."""
    workers = _pairs(rng, (p.mu_h, p.sigma_h), (p.mu_a, p.sigma_a), p.corr_ha)
    return Newcomers(workers, _pairs(rng, (p.mu_z, p.sigma_z), (p.mu_q, p.sigma_q), p.corr_zq))


def _pairs(rng: np.random.Generator, one: tuple[float, float], two: tuple[float, float], correlation: float) -> np.ndarray:
    """(M, 2) normals of means and standard deviations ``one`` and ``two``."""
    normal = rng.standard_normal((2 * _POOL, 2))
    normal = normal[(np.abs(normal) < _CUT).all(1)][:_POOL]
    second = correlation * normal[:, 0] + np.sqrt(1.0 - correlation**2) * normal[:, 1]
    return np.column_stack([one[0] + one[1] * normal[:, 0], two[0] + two[1] * second])


def start_economy(firms: int, n_max: int, p: Parameters, born: Newcomers, rng: np.random.Generator) -> Economy:
    """Firms without anybody and workers without a job; N = N_w F of them.

    Raises
    ------
    ValueError
        For parameters out of range or firms without room.

    """
    check_parameters(p)
    if firms < 2 or n_max < 1:
        raise ValueError(f"{firms} firms with room for {n_max}: at least two firms with room for a worker each")
    n = round(p.N_w * firms)
    log_z, log_q = born.firms[rng.integers(len(born.firms), size=firms)].T.copy()
    log_h, log_a = born.workers[rng.integers(len(born.workers), size=n)].T.copy()
    return Economy(
        log_z=log_z,
        log_q=log_q,
        size=np.zeros(firms, np.int64),
        roster=np.full((firms, n_max), -1),
        log_h=log_h,
        log_a=log_a,
        employer=np.full(n, -1),
        wage=np.full(n, np.nan),
        hired=np.full(n, np.nan),
        born=np.zeros(n),
        firm_born=np.zeros(firms),
        clock=np.zeros(1),
    )


def simulate(
    economy: Economy, valuation: Any, p: Parameters, born: Newcomers, years: float, seed: int, contracts: Any = None
) -> tuple[Economy, Flows]:
    """Advance an economy.

    Parameters
    ----------
    economy
        Where it stands; it is left as it is.
    valuation
        Joint value: a network or a table (:mod:`.network`).
    p, born
        Parameters; newborn workers and firms.
    years
        How long.
    seed
        Of all that happens in this stretch.
    contracts
        Value of a worker (:mod:`.worker_network`), where wages are to be followed. Workers whose wage is not known yet get
        the one of somebody hired from non-employment.

    """
    after = Economy(*(v.copy() for v in economy))
    counts, spells = np.zeros(4, np.int64), np.zeros(2)
    _run(after, valuation, contracts, p, born, float(years), seed, counts, spells)
    return after, Flows(*(int(c) for c in counts), *(float(s) for s in spells))


class _State(NamedTuple):
    """The economy with what is kept at hand for speed."""

    economy: Economy
    pool: np.ndarray
    """(F, L) sums of encodings by firm; ``code`` (N, L) of workers; ``value`` (F,) joint values."""
    code: np.ndarray
    value: np.ndarray
    employed: np.ndarray
    """(N,) who is employed, in the first ``working[0]`` places; ``at`` (N,) the place of a worker there."""
    at: np.ndarray
    working: np.ndarray


@kernel
def revalue(valuation, st, k):
    """Sum the encodings of a firm afresh, so that rounding does not build up, and take its joint value."""
    e = st.economy
    st.pool[k] = 0.0
    for j in range(e.size[k]):
        st.pool[k] += st.code[e.roster[k, j]]
    st.value[k] = joint_value(valuation, e.log_z[k], e.log_q[k], e.size[k], st.pool[k])


@kernel
def _surplus(valuation, st, i, p):
    """Delta of an employed worker."""
    e, k = st.economy, st.economy.employer[i]
    without = joint_value(valuation, e.log_z[k], e.log_q[k], e.size[k] - 1, st.pool[k] - st.code[i])
    return st.value[k] - without - nonemployment(np.exp(e.log_h[i]), p)


@kernel
def _offer(valuation, st, k, i, p):
    """Delta of a worker at a firm that he is not in; minus infinity if it is full."""
    e = st.economy
    if e.size[k] >= e.roster.shape[1]:
        return -np.inf
    joined = joint_value(valuation, e.log_z[k], e.log_q[k], e.size[k] + 1, st.pool[k] + st.code[i])
    return joined - st.value[k] - nonemployment(np.exp(e.log_h[i]), p)


@kernel
def _swap_with_last(st, i):
    """Put a worker in the place at the border between those with and those without a job."""
    other, place = st.employed[st.working[0]], st.at[i]
    st.employed[place], st.at[other] = other, place
    st.employed[st.working[0]], st.at[i] = i, st.working[0]


@kernel
def _leave(valuation, st, i):
    """Into non-employment."""
    e, k = st.economy, st.economy.employer[i]
    last = e.size[k] - 1
    for j in range(last):
        if e.roster[k, j] == i:
            e.roster[k, j] = e.roster[k, last]
    e.roster[k, last] = -1
    e.size[k] = last
    revalue(valuation, st, k)
    e.employer[i], e.wage[i], e.hired[i] = -1, np.nan, np.nan
    st.working[0] -= 1
    _swap_with_last(st, i)


@kernel
def _join(valuation, st, k, i):
    """Out of non-employment."""
    e = st.economy
    e.roster[k, e.size[k]] = i
    e.size[k] += 1
    e.employer[i], e.hired[i] = k, e.clock[0]
    revalue(valuation, st, k)
    _swap_with_last(st, i)
    st.working[0] += 1


@kernel
def _bargain(contracts, st, i, low, high):
    """Open a contract: the worker's value moves to the closest of ``low`` and ``high`` if it lies outside; the wage follows."""
    e, k = st.economy, st.economy.employer[i]
    now, near = low, 0.0
    if not np.isnan(e.wage[i]):
        near = e.wage[i]
        now = contract_value(contracts, e.log_z[k], e.log_q[k], e.size[k], st.pool[k], st.code[i], e.log_h[i], e.wage[i])
    if np.isnan(e.wage[i]) or now < low or now > high:
        target = min(max(now, low), high)
        e.wage[i] = wage_for(contracts, e.log_z[k], e.log_q[k], e.size[k], st.pool[k], st.code[i], e.log_h[i], target, near)


@kernel
def _met(st):
    """A firm drawn in proportion to its size plus one."""
    firms = len(st.economy.size)
    ticket = np.random.randint(firms + st.working[0])
    return ticket if ticket < firms else st.economy.employer[st.employed[ticket - firms]]


@kernel
def _meet_employed(valuation, contracts, st, i, p, counts):
    """An employed worker meets a firm: he moves, gets a counter-offer, leaves for good, or nothing changes."""
    e, k = st.economy, _met(st)
    if k == e.employer[i]:
        return
    here, there = _surplus(valuation, st, i, p), _offer(valuation, st, k, i, p)
    u, kept = nonemployment(np.exp(e.log_h[i]), p), max(here, 0.0)
    if there > kept:
        _leave(valuation, st, i)
        _join(valuation, st, k, i)
        counts[1] += 1
        if contracts is not None:
            _bargain(contracts, st, i, u + kept, u + kept)
    elif here < 0.0:
        _leave(valuation, st, i)
        counts[3] += 1
    elif contracts is not None:
        _bargain(contracts, st, i, u + max(there, 0.0), u + kept)


@kernel
def _meet_idle(valuation, contracts, st, i, p, counts):
    """A non-employed worker meets a firm, at which he starts with the value of non-employment."""
    k = _met(st)
    if _offer(valuation, st, k, i, p) > 0.0:
        _join(valuation, st, k, i)
        counts[0] += 1
        if contracts is not None:
            u = nonemployment(np.exp(st.economy.log_h[i]), p)
            _bargain(contracts, st, i, u, u)


@kernel
def _renegotiate(valuation, contracts, st, i, p, counts):
    """A contract is opened without another firm."""
    here = _surplus(valuation, st, i, p)
    if here < 0.0:
        _leave(valuation, st, i)
        counts[3] += 1
    elif contracts is not None:
        u = nonemployment(np.exp(st.economy.log_h[i]), p)
        _bargain(contracts, st, i, u, u + here)


@kernel
def learn(log_h, log_a, log_q, n, theta_p, theta_m):
    """All n workers of a firm learn at once, in place; see :func:`.primitives.log_growth`."""
    before = log_h[:n].copy()
    for i in range(n):
        above, below = mean_gaps(before, before[i])
        log_h[i] = before[i] + log_a[i] + log_q + theta_p * above + theta_m * below


@kernel
def _learning_event(valuation, st, k, p):
    e, n = st.economy, st.economy.size[k]
    if n == 0:
        return
    who = e.roster[k, :n]
    log_h = e.log_h[who]
    learn(log_h, e.log_a[who], e.log_q[k], n, p.theta_p, p.theta_m)
    for j in range(n):
        e.log_h[who[j]] = log_h[j]
        encode(valuation, log_h[j], e.log_a[who[j]], st.code[who[j]])
    revalue(valuation, st, k)


@kernel
def _retire(valuation, st, i, born):
    """A worker retires; another is born without a job."""
    e = st.economy
    if e.employer[i] >= 0:
        _leave(valuation, st, i)
    drawn = np.random.randint(len(born.workers))
    e.log_h[i], e.log_a[i], e.born[i] = born.workers[drawn, 0], born.workers[drawn, 1], e.clock[0]
    encode(valuation, e.log_h[i], e.log_a[i], st.code[i])


@kernel
def _replace_firm(valuation, st, k, born):
    """A firm dies with all its jobs; an empty one takes its place."""
    e = st.economy
    while e.size[k] > 0:
        _leave(valuation, st, e.roster[k, 0])
    drawn = np.random.randint(len(born.firms))
    e.log_z[k], e.log_q[k], e.firm_born[k] = born.firms[drawn, 0], born.firms[drawn, 1], e.clock[0]
    revalue(valuation, st, k)


@kernel
def _begin(economy, valuation):
    """The state of an economy."""
    firms, n = len(economy.size), len(economy.log_h)
    pool, code = np.zeros((firms, pool_length(valuation))), np.zeros((n, pool_length(valuation)))
    st = _State(economy, pool, code, np.zeros(firms), np.arange(n), np.arange(n), np.zeros(1, np.int64))
    for i in range(n):
        encode(valuation, economy.log_h[i], economy.log_a[i], st.code[i])
        if economy.employer[i] >= 0:
            _swap_with_last(st, i)
            st.working[0] += 1
    for k in range(firms):
        revalue(valuation, st, k)
    return st


@kernel
def _run(economy, valuation, contracts, p, born, years, seed, counts, spells):
    np.random.seed(seed)
    st = _begin(economy, valuation)
    firms, n, clock = len(economy.size), len(economy.log_h), economy.clock
    end = clock[0] + years
    while True:
        e = st.working[0]
        rates = (firms * p.gamma, e * p.psi_E, e * p.lam, (n - e) * p.psi_N, e * p.delta_m, n * p.delta_r, firms * p.delta_f)
        total = sum(rates)
        wait = np.random.exponential(1.0 / total)
        stay = min(wait, end - clock[0])
        spells[0] += e * stay
        spells[1] += (n - e) * stay
        clock[0] += stay
        if clock[0] >= end:
            return
        u = np.random.random() * total
        event = 0
        while event < 6 and u >= rates[event]:
            u -= rates[event]
            event += 1
        if event == 0:
            _learning_event(valuation, st, np.random.randint(firms), p)
        elif event == 1:
            _meet_employed(valuation, contracts, st, st.employed[np.random.randint(e)], p, counts)
        elif event == 2:
            _renegotiate(valuation, contracts, st, st.employed[np.random.randint(e)], p, counts)
        elif event == 3:
            _meet_idle(valuation, contracts, st, st.employed[e + np.random.randint(n - e)], p, counts)
        elif event == 4:
            _leave(valuation, st, st.employed[np.random.randint(e)])
            counts[2] += 1
        elif event == 5:
            _retire(valuation, st, np.random.randint(n), born)
        else:
            _replace_firm(valuation, st, np.random.randint(firms), born)


def cross_section(economy: Economy, valuation: Any, p: Parameters) -> Market:
    """Whom firms meet in an economy."""
    surplus = _surpluses(economy, valuation, p)
    work = economy.employer >= 0
    met, place = meetings(work.mean(), p), np.zeros(len(work), np.int64)
    firm, slot = np.nonzero(economy.roster >= 0)
    place[economy.roster[firm, slot]] = slot
    return Market(
        omega=float(met.omega),
        share_N=float(met.share_N),
        log_h=economy.log_h[work],
        log_a=economy.log_a[work],
        kept=np.maximum(surplus[work], 0.0),
        idle_log_h=economy.log_h[~work],
        idle_log_a=economy.log_a[~work],
        surplus=surplus[work],
        employer=economy.employer[work],
        place=place[work],
    )


@kernel
def _surpluses(economy, valuation, p):
    """(N,) Delta of all workers, NaN for those without a job."""
    st = _begin(economy, valuation)
    found = np.full(len(economy.log_h), np.nan)
    for i in range(len(found)):
        if economy.employer[i] >= 0:
            found[i] = _surplus(valuation, st, i, p)
    return found


class Contracts(NamedTuple):
    """Worth of all jobs: N_e employed workers."""

    worker: np.ndarray
    """(N_e,) who; ``value`` W at the wage, ``outside`` U, ``surplus`` Delta."""
    value: np.ndarray
    outside: np.ndarray
    surplus: np.ndarray

    @property
    def markdown(self) -> np.ndarray:
        """W over the dynamic marginal product J = U + Delta."""
        found: np.ndarray = self.value / (self.outside + self.surplus)
        return found


def contracts_of(economy: Economy, valuation: Any, contracts: Any, p: Parameters) -> Contracts:
    """What employed workers have at their wages."""
    worker = np.flatnonzero(economy.employer >= 0)
    value, surplus = _worth(economy, valuation, contracts, p, worker)
    return Contracts(worker, value, nonemployment(np.exp(economy.log_h[worker]), p), surplus)


@kernel
def _worth(economy, valuation, contracts, p, worker):
    st = _begin(economy, valuation)
    value, surplus = np.empty(len(worker)), np.empty(len(worker))
    for j in range(len(worker)):
        i = worker[j]
        k = economy.employer[i]
        surplus[j] = _surplus(valuation, st, i, p)
        args = (economy.log_z[k], economy.log_q[k], economy.size[k], st.pool[k], st.code[i], economy.log_h[i])
        value[j] = contract_value(contracts, *args, economy.wage[i])
    return value, surplus
