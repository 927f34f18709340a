r"""Sorting of workers to firms in general equilibrium: one-to-many matching in closed form, aggregation, and the cross-section.

Firms of type theta ~ Exp(lambda_theta) choose one type of worker x ~ Exp(lambda_x) and any number of them. In equilibrium x is
proportional to theta, jobs are exponential in theta with rate lambda_t, and lambda_t solves one scalar equation, (24) of the
paper; everything else is a closed form of it. Sections 3 to 8 of the specification.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from bayes_labor.numerics.compilation import kernel, leaf
from bayes_labor.numerics.outcome import Outcome
from bayes_labor.theory.sorting.closed_forms import Primitives, Slopes, moments, slopes, technology
from bayes_labor.theory.sorting.closed_forms import chi_of_v as chi_of_v
from bayes_labor.theory.sorting.concentration import top_share

_STEPS = 200
_FAR, _LARGEST_LOG = 1e100, 690.0
_EPSILON = 1e-15


class SortingStatus(Outcome):
    """What became of one economy."""

    OK = 0, "Solved."
    PARAMETER_RANGE = (
        1,
        "A parameter is outside its range: psi in [0, 1), rates, eta, A and K positive, alpha and the wedges' standard "
        "deviations not negative, xi above 1, tau not negative unless negative slopes are allowed.",
    )
    NO_PROFIT_MARGIN = 2, "Profits are not positive: lower alpha + eta, or xi, until mu (alpha + eta) < 1."
    NO_EQUILIBRIUM = 3, "No distribution of jobs clears the labor market: raise lambda_theta or tau, or psi above zero."
    INFINITE_OUTPUT = (
        4,
        "The largest firms' revenue is infinite: raise lambda_theta or lambda_x, or sample v, the spread of log wages at "
        "tau = 0, which makes every draw feasible.",
    )


class SortingError(ValueError):
    """Raised where an economy cannot be solved; ``status`` is the first reason, ``where`` the positions of all of them."""

    def __init__(self, status: SortingStatus, where: np.ndarray, values: dict[str, float]) -> None:
        self.status, self.where, self.code = status, where, status.name.lower()
        shown = ", ".join(f"{k} = {v:g}" for k, v in values.items())
        super().__init__(f"{self.code} at {shown} ({len(where)} economies in all). {status.advice}")


@dataclass(frozen=True)
class Matching:
    """Who works where: rates and slopes in the firm's type theta."""

    lambda_t: np.ndarray
    """Rate of the job-offer distribution."""
    match_slope: np.ndarray
    """Worker type per firm type."""
    g: np.ndarray
    """Slope of log TFPQ; ``rho`` of log revenue."""
    rho: np.ndarray
    wage_slope_x: np.ndarray
    """Slopes of the log wage in the worker's type, ``wage_slope_theta`` in the firm's."""
    wage_slope_theta: np.ndarray
    slope_tfpr: np.ndarray
    """Of log TFPR; ``slope_emp`` of log employment."""
    slope_emp: np.ndarray


@dataclass(frozen=True)
class Dispersion:
    """The cross-section of workers and firms."""

    std_logw: np.ndarray
    """Standard deviation of log wages."""
    var_tfpq: np.ndarray
    """Variances of log output and, ``var_tfpr``, of log revenue productivity; of log employment and revenue."""
    var_tfpr: np.ndarray
    var_emp: np.ndarray
    var_rev: np.ndarray
    rev_share_top10: np.ndarray
    """Revenue share of the largest tenth of firms; ``rev_share_50_90`` of those above the median but for them."""
    rev_share_50_90: np.ndarray


@dataclass(frozen=True)
class Aggregates:
    """Levels and shares of output."""

    M0: np.ndarray
    """Averages over firms of revenue and, ``MK, ML, MW``, of capital, labor and the wage bill, relative to theta = 0."""
    MK: np.ndarray
    ML: np.ndarray
    MW: np.ndarray
    Z: np.ndarray
    """TFP; ``Y`` output."""
    Y: np.ndarray
    w0: np.ndarray
    """Wage of the least skilled; ``rental`` rate of capital."""
    rental: np.ndarray
    labor_share_Y: np.ndarray
    """Labor, capital and profits as shares of output; all income and the loss of resources over output."""
    capital_share_Y: np.ndarray
    profit_share_Y: np.ndarray
    income_over_Y: np.ndarray
    loss_over_Y: np.ndarray
    labor_share_factor: np.ndarray
    """Labor over labor and capital; ``labor_share_income`` over all income."""
    labor_share_income: np.ndarray


@dataclass(frozen=True)
class Sorting(Matching, Dispersion, Aggregates):
    """Equilibria of economies of any shape; arrays of the broadcast shape of the parameters. NaN where ``status`` is not OK."""

    status: np.ndarray
    """:class:`SortingStatus`."""


@leaf
def job_rate(psi, tau, lambda_theta, lambda_x, alpha, eta, xi):
    """(lambda_t, status) of one economy: the root of (24) by Newton's method from the right, which never overshoots."""
    _, margin, x, _, _ = technology(alpha, eta, xi)
    if not margin > 0.0:
        return math.nan, 2
    pull, b = x * (1.0 - psi) - psi / eta, lambda_theta + (1.0 + eta * x) * tau
    if not b > 0.0:
        return math.nan, 3
    if psi == 0.0:
        return (b - pull, 0) if b > pull else (math.nan, 3)
    rate = _rate_by_log(psi, pull, b, lambda_x) if pull >= 0.0 else _rate_from_above(psi, pull, b, lambda_x)
    return (rate, 0) if rate > 1e-300 else (math.nan, 3)


@leaf
def _rate_by_log(psi, pull, b, lambda_x):
    """The root where firms' sorting raises their size: increasing and convex in v = log(lambda_t/lambda_x)."""
    v = math.log(b / lambda_x)
    if pull > 0.0:
        v = min(v, math.log(b / pull) / psi)
    for _ in range(_STEPS):
        first, second = lambda_x * math.exp(v), pull * math.exp(psi * v)
        step = (first + second - b) / (first + psi * second)
        if not step > _EPSILON * max(1.0, abs(v)):
            break
        v -= step
    return lambda_x * math.exp(v)


@leaf
def _rate_from_above(psi, pull, b, lambda_x):
    """The root where sorting lowers firms' size: convex in lambda_t, crossed once while increasing."""
    weight = abs(pull) * lambda_x**-psi
    rate = max(2.0 * b, (2.0 * weight) ** (1.0 / (1.0 - psi)))
    if not rate < _FAR:  # as psi approaches one: the root may be near all the same
        at, further = max(math.log(2.0 * b), math.log(weight) / (1.0 - psi)), 1.0
        while at < _LARGEST_LOG and math.exp(at) - weight * math.exp(psi * at) < b:
            at, further = at + further, 2.0 * further
        rate = math.exp(min(at, _LARGEST_LOG))
    for _ in range(_STEPS):
        second = pull * (rate / lambda_x) ** psi
        step = (rate + second - b) / (1.0 + psi * second / rate)
        if not step > _EPSILON * rate:
            break
        rate -= step
    return rate


@kernel
def job_rates(psi, tau, lambda_theta, lambda_x, alpha, eta, xi):
    """(lambda_t (N,), status (N,)) of economies; 1 where there is none, so that what is computed from it stays finite."""
    n = psi.shape[0]
    rates, status = np.ones(n), np.zeros(n, np.int64)
    for j in range(n):
        fine = 0.0 <= psi[j] < 1.0 and min(lambda_theta[j], lambda_x[j], eta[j]) > 0.0 and alpha[j] >= 0.0 and xi[j] > 1.0
        if not (fine and math.isfinite(tau[j] + lambda_theta[j] + lambda_x[j] + alpha[j] + eta[j] + xi[j])):
            status[j] = 1
            continue
        rate, status[j] = job_rate(psi[j], tau[j], lambda_theta[j], lambda_x[j], alpha[j], eta[j], xi[j])
        if status[j] == 0:
            rates[j] = rate
    return rates, status


@kernel
def top_shares(q, a, s):
    """(share (N,), its derivatives in a and in s) of the largest ``q`` of firms; see ``concentration.top_share``."""
    n = a.shape[0]
    share, d_a, d_s = np.empty(n), np.empty(n), np.empty(n)
    for j in range(n):
        share[j], d_a[j], d_s[j] = top_share(q, a[j], s[j])
    return share, d_a, d_s


def _in_threads(function: Callable[..., Any], arrays: Any, threads: int) -> list[np.ndarray]:
    """Arrays that a kernel makes of ``arrays``, each thread with a piece of them: kernels do not hold the interpreter."""
    pieces = list(zip(*(np.array_split(a, max(threads, 1)) for a in arrays), strict=True))
    with ThreadPoolExecutor(len(pieces)) as pool:
        return [np.concatenate(v) for v in zip(*pool.map(lambda piece: function(*piece), pieces), strict=True)]


def solve_sorting(
    psi: Any,
    tau: Any,
    lambda_theta: Any,
    lambda_x: Any,
    s_l: Any,
    s_k: Any = 0.0,
    *,
    alpha: Any = 0.3,
    eta: Any = 0.6,
    xi: Any = 9.0,
    productivity: Any = 1.0,
    capital: Any = 1.0,
    allow_negative_tau: bool = False,
    errors: str = "raise",
    threads: int = 1,
) -> Sorting:
    """Solve economies of any broadcast shape.

    Parameters
    ----------
    psi
        Intensity of worker type in productivity, in [0, 1).
    tau
        Slope of the log labor wedge in theta; not negative unless ``allow_negative_tau``.
    lambda_theta, lambda_x
        Rates of firm and worker types, positive. Types have no unit: see :func:`scale_free`.
    s_l, s_k
        Standard deviations of the idiosyncratic log wedges on labor and capital, not negative.
    alpha, eta
        Exponents of capital (not negative) and labor (positive).
    xi
        Elasticity of substitution, above 1.
    productivity, capital
        A and K, positive.
    errors
        ``"raise"`` a :class:`SortingError` where an economy has no equilibrium, or ``"status"``: NaN and a status there.
    threads
        Threads to solve with.

    Raises
    ------
    SortingError
        With ``errors="raise"``, naming the reason and the first economy concerned.

    """
    names = ("psi", "tau", "lambda_theta", "lambda_x", "alpha", "eta", "xi", "s_l", "s_k", "A", "K")
    given = (psi, tau, lambda_theta, lambda_x, alpha, eta, xi, s_l, s_k, productivity, capital)
    arrays = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in given))
    shape, flat = arrays[0].shape, np.ascontiguousarray([np.ravel(a) for a in arrays])
    rates, status = _in_threads(job_rates, flat[:7], threads)
    status[~_in_range(flat, allow_negative_tau)] = int(SortingStatus.PARAMETER_RANGE)
    with np.errstate(all="ignore"):
        found = _closed_forms(Primitives(*[*flat[:9], np.log(flat[9])]), flat[10], rates, status, threads)
    if errors == "raise" and (status > 0).any():
        where = np.flatnonzero(status)
        first = SortingStatus(int(status[where[0]]))
        raise SortingError(first, where, {n: float(v) for n, v in zip(names, flat[:, where[0]], strict=True)})
    return Sorting(status=status.reshape(shape), **{k: v.reshape(shape) for k, v in found.items()})


def _in_range(flat: np.ndarray, allow_negative_tau: bool) -> np.ndarray:
    """(N,) whether parameters (11, N) are admissible, besides those that :func:`job_rates` looks at."""
    positive, not_negative = (flat[9:] > 0).all(0), (flat[7:9] >= 0).all(0)
    return np.isfinite(flat).all(0) & positive & not_negative & (allow_negative_tau | (flat[1] >= 0))


def _closed_forms(
    p: Primitives, capital: np.ndarray, rate: np.ndarray, status: np.ndarray, threads: int
) -> dict[str, np.ndarray]:
    """Everything that follows from lambda_t; marks economies whose output is infinite in ``status``."""
    mu, margin, _, kappa_l, kappa_k = technology(p.alpha, p.eta, p.xi)
    of_type = slopes(np, p, rate)
    gap = p.lambda_theta - of_type.rho
    infinite = (status == 0) & ~((gap > 0) & (gap + p.tau > 0))
    status[infinite] = int(SortingStatus.INFINITE_OUTPUT)
    g, wage, rho, rate, gap = (np.where(status == 0, v, np.nan) for v in (*of_type, rate, gap))
    m, u = moments(np, p, Slopes(g, wage, rho), rate, gap, gap + p.tau), rate / p.lambda_x
    matching = {"lambda_t": rate, "match_slope": u, "g": g, "rho": rho, "wage_slope_theta": wage, "wage_slope_x": wage / u}
    matching |= {"slope_tfpr": m.slope_tfpr, "slope_emp": p.lambda_theta - rate}
    labor_sd2 = (1.0 + kappa_l) ** 2 * p.s_l**2 + kappa_k**2 * p.s_k**2
    spread = {"std_logw": wage / rate, "var_tfpq": m.var_tfpq, "var_tfpr": m.var_tfpr}
    spread |= {"var_emp": ((p.lambda_theta - rate) / p.lambda_theta) ** 2 + labor_sd2}
    spread |= {"var_rev": (rho / p.lambda_theta) ** 2 + m.spread**2}
    top, half = (_shares_at(q, p.lambda_theta / rho, m.spread, threads) for q in (0.1, 0.5))
    spread |= {"rev_share_top10": top, "rev_share_50_90": half - top}
    m0 = p.lambda_theta / gap * np.exp(0.5 * m.spread**2)
    mk = p.lambda_theta / gap * np.exp(0.5 * (kappa_l**2 * p.s_l**2 + (1.0 + kappa_k) ** 2 * p.s_k**2))
    ml, mw = (p.lambda_theta / r * np.exp(0.5 * labor_sd2) for r in (rate, gap + p.tau))
    y = np.exp(m.log_z) * capital**p.alpha
    levels = {"M0": m0, "MK": mk, "ML": ml, "MW": mw, "Z": np.exp(m.log_z), "Y": y}
    levels |= {"w0": p.eta * mu * ml / m0 * y, "rental": p.alpha * mu * mk / m0 * y / capital}
    labor, rent, profit = m.labor, m.capital + 0.0 * m0, margin + 0.0 * m0
    income = labor + rent + profit
    shares = {"labor_share_Y": labor, "capital_share_Y": rent, "profit_share_Y": profit, "income_over_Y": income}
    shares |= {"labor_share_factor": labor / (labor + rent), "labor_share_income": labor / income, "loss_over_Y": 1.0 - income}
    return matching | spread | levels | shares


def _shares_at(q: float, a: np.ndarray, s: np.ndarray, threads: int) -> np.ndarray:
    """(N,) revenue shares of the largest ``q`` of firms; NaN where ``a`` is."""
    shares, known = np.full(len(a), np.nan), np.isfinite(a)
    shares[known] = _in_threads(lambda *parts: top_shares(q, *parts), (a[known], s[known]), threads)[0]
    return shares


class FirmPolicies(NamedTuple):
    """What firms of given type and wedges do in an economy, Lemma 3.1."""

    worker_type: np.ndarray
    wage: np.ndarray
    output: np.ndarray
    price: np.ndarray
    marginal_cost: np.ndarray
    revenue: np.ndarray
    capital: np.ndarray
    labor: np.ndarray
    profit: np.ndarray
    log_tfpq: np.ndarray
    log_tfpr: np.ndarray


def firm_policies(
    economy: Sorting,
    theta: Any,
    eps_l: Any = 0.0,
    eps_k: Any = 0.0,
    *,
    lambda_theta: float,
    tau: float,
    alpha: float = 0.3,
    eta: float = 0.6,
    xi: float = 9.0,
    productivity: float = 1.0,
    capital: float = 1.0,
) -> FirmPolicies:
    """Policies of firms of type ``theta`` with idiosyncratic log wedges ``eps_l``, ``eps_k``, of any broadcast shape.

    Parameters
    ----------
    economy
        One solved economy; the keyword arguments are those it was solved with.

    """
    mu, margin, _, kappa_l, kappa_k = technology(alpha, eta, xi)
    theta, eps_l, eps_k = (np.asarray(v, dtype=np.float64) for v in (theta, eps_l, eps_k))
    revenue = economy.Y / economy.M0 * np.exp(economy.rho * theta - kappa_l * eps_l - kappa_k * eps_k)
    wage = economy.w0 * np.exp(economy.wage_slope_theta * theta)
    labor = eta * mu * revenue / (wage * np.exp(tau * theta + eps_l))
    used = alpha * mu * revenue / (economy.rental * np.exp(eps_k))
    log_tfpq = np.log(productivity) + economy.g * theta
    output = np.exp(log_tfpq) * used**alpha * labor**eta
    price = revenue / output
    return FirmPolicies(
        worker_type=economy.match_slope * theta,
        wage=wage,
        output=output,
        price=price,
        marginal_cost=mu * price,
        revenue=revenue,
        capital=used,
        labor=labor,
        profit=margin * revenue,
        log_tfpq=log_tfpq,
        log_tfpr=np.log(price) + log_tfpq,
    )


class ScaleFree(NamedTuple):
    """What of (psi, tau, lambda_theta, lambda_x) the data can tell: types have no unit, section 8."""

    tau_hat: np.ndarray
    """tau / lambda_theta."""
    log_chi: np.ndarray
    """log of lambda_x lambda_theta^((1 - psi)/psi), for psi in (0, 1)."""
    log_chi_critical: np.ndarray
    """Above it every tau >= 0 has finite output."""
    v: np.ndarray
    """Standard deviation of log wages at tau = 0; below 1 where log chi is above its critical value, NaN elsewhere."""


def scale_free(
    psi: Any, tau: Any, lambda_theta: Any, lambda_x: Any, *, alpha: float = 0.3, eta: float = 0.6, xi: float = 9.0
) -> ScaleFree:
    """The identified combinations of the parameters, all but psi and the wedges' spreads."""
    psi, tau, lambda_theta, lambda_x = (np.asarray(v, dtype=np.float64) for v in (psi, tau, lambda_theta, lambda_x))
    made = technology(alpha, eta, xi)
    log_chi = np.log(lambda_x) + (1.0 - psi) / psi * np.log(lambda_theta)
    critical = np.log(psi / (made.kappa_l * (1.0 - psi))) + np.log(made.x * (1.0 - psi)) / psi
    boom = solve_sorting(psi, 0.0 * tau, lambda_theta, lambda_x, 0.0, alpha=alpha, eta=eta, xi=xi, errors="status")
    return ScaleFree(tau / lambda_theta, log_chi, critical, boom.std_logw)
