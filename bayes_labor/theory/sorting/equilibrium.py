r"""Sorting of workers to firms in general equilibrium: one-to-many matching in closed form, aggregation, and the cross-section.

Firms of type theta ~ Exp(lambda_theta) choose one type of worker x ~ Exp(lambda_x) and any number of them. In equilibrium x is
proportional to theta, jobs are exponential in theta with rate lambda_t, and lambda_t solves one scalar equation, (24) of the
paper; everything else is a closed form of it. Sections 3 to 8 of the specification.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numba
import numpy as np

from bayes_labor.numerics.compilation import by_threads, kernel, leaf
from bayes_labor.numerics.outcome import Outcome
from bayes_labor.theory.sorting.closed_forms import Slopes, moments, slopes, technology
from bayes_labor.theory.sorting.concentration import top_share

_STEPS = 200
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
class Sorting:
    """Equilibria of economies of any shape; arrays of the broadcast shape of the parameters. NaN where ``status`` is not OK.

    ===========================  ======================================================================================
    field                        what it is
    ===========================  ======================================================================================
    ``status``                   :class:`SortingStatus`
    ``lambda_t``                 rate of the job-offer distribution
    ``match_slope``, ``g``       worker type per firm type; slope of log TFPQ in theta
    ``wage_slope_x``, ``_theta`` slopes of the log wage
    ``rho``                      slope of log revenue in theta
    ``std_logw``                 standard deviation of log wages
    ``var_tfpq``, ``var_tfpr``   variances of log output and log revenue productivity
    ``slope_tfpr``               slope of log TFPR in theta; ``slope_emp`` of log employment
    ``var_emp``, ``var_rev``     variances of log employment and log revenue
    ``M0, MK, ML, MW``           averages over firms of revenue, capital, labor and the wage bill, relative to theta = 0
    ``Z``, ``Y``                 TFP; output
    ``w0``, ``rental``           wage of the least skilled; rental rate of capital
    ``labor_share_Y`` etc.       labor, capital and profits as shares of output; income and the resource loss
    ``labor_share_factor``       labor over labor and capital; ``labor_share_income`` over all income
    ``rev_share_top10``          revenue share of the largest tenth of firms; ``rev_share_50_90`` of those above the median
    ===========================  ======================================================================================
    """

    status: np.ndarray
    lambda_t: np.ndarray
    match_slope: np.ndarray
    g: np.ndarray
    wage_slope_x: np.ndarray
    wage_slope_theta: np.ndarray
    rho: np.ndarray
    std_logw: np.ndarray
    var_tfpq: np.ndarray
    slope_tfpr: np.ndarray
    var_tfpr: np.ndarray
    slope_emp: np.ndarray
    var_emp: np.ndarray
    var_rev: np.ndarray
    M0: np.ndarray
    MK: np.ndarray
    ML: np.ndarray
    MW: np.ndarray
    Z: np.ndarray
    Y: np.ndarray
    w0: np.ndarray
    rental: np.ndarray
    labor_share_Y: np.ndarray
    capital_share_Y: np.ndarray
    profit_share_Y: np.ndarray
    income_over_Y: np.ndarray
    loss_over_Y: np.ndarray
    labor_share_factor: np.ndarray
    labor_share_income: np.ndarray
    rev_share_top10: np.ndarray
    rev_share_50_90: np.ndarray


@leaf
def job_rate(psi, tau, lambda_theta, lambda_x, alpha, eta, xi):
    """(lambda_t, status) of one economy: the root of (24) by Newton's method from the right, which never overshoots."""
    mu = (xi - 1.0) / xi
    margin = 1.0 - mu * (alpha + eta)
    if not margin > 0.0:
        return math.nan, 2
    x = mu / margin
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
    rate = max(2.0 * b, (2.0 * abs(pull) * lambda_x**-psi) ** (1.0 / (1.0 - psi)))
    for _ in range(_STEPS):
        second = pull * (rate / lambda_x) ** psi
        step = (rate + second - b) / (1.0 + psi * second / rate)
        if not step > _EPSILON * rate:
            break
        rate -= step
    return rate


def _job_rates(parameters, rates, status, blocks):
    """Rates and outcomes of many economies; ``parameters`` (7, n)."""
    n = rates.shape[0]
    for i in numba.prange(blocks):
        for j in range(i * n // blocks, (i + 1) * n // blocks):
            if status[j] == 0:
                p = parameters[:, j]
                rates[j], status[j] = job_rate(p[0], p[1], p[2], p[3], p[4], p[5], p[6])


_rates_by_threads = by_threads(_job_rates)


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


def _top_shares(q, a, s, shares, blocks):
    n = shares.shape[0]
    for i in numba.prange(blocks):
        for j in range(i * n // blocks, (i + 1) * n // blocks):
            shares[j] = top_share(q, a[j], s[j])[0]


_shares_by_threads = by_threads(_top_shares)


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
        Rates of firm and worker types, positive. Types have no unit: see :func:`normalised`.
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
    shape, p = arrays[0].shape, np.ascontiguousarray([np.ravel(a) for a in arrays])
    status = np.where(_in_range(p, allow_negative_tau), 0, int(SortingStatus.PARAMETER_RANGE))
    rates = np.full(p.shape[1], np.nan)
    _rates_by_threads(threads)(p[:7], rates, status, max(threads, 1))
    with np.errstate(all="ignore"):
        found = _closed_forms(p, rates, status, threads)
    if errors == "raise" and (status > 0).any():
        where = np.flatnonzero(status)
        first = SortingStatus(int(status[where[0]]))
        raise SortingError(first, where, {n: float(v) for n, v in zip(names, p[:, where[0]], strict=True)})
    return Sorting(status.reshape(shape), **{k: v.reshape(shape) for k, v in found.items()})


def _in_range(p: np.ndarray, allow_negative_tau: bool) -> np.ndarray:
    psi, tau, lambda_theta, lambda_x, alpha, eta, xi, s_l, s_k, a, k = p
    positive = np.minimum.reduce([lambda_theta, lambda_x, eta, a, k]) > 0
    return (
        np.isfinite(p).all(0) & (psi >= 0) & (psi < 1) & positive & (np.minimum.reduce([alpha, s_l, s_k]) >= 0) & (xi > 1)
        & (allow_negative_tau | (tau >= 0))
    )  # fmt: skip


def _closed_forms(p: np.ndarray, rate: np.ndarray, status: np.ndarray, threads: int) -> dict[str, np.ndarray]:
    """Everything that follows from lambda_t; marks economies whose output is infinite in ``status``."""
    psi, tau, lambda_theta, lambda_x, alpha, eta, xi, s_l, s_k, a, k = p
    made = technology(alpha, eta, xi)
    mu, margin, x, kappa_l, kappa_k = made
    u, of_type = rate / lambda_x, slopes(np, psi, tau, lambda_x, eta, x, rate)
    gap = lambda_theta - of_type.rho
    infinite = (status == 0) & ~((gap > 0) & (gap + tau > 0))
    status[infinite] = int(SortingStatus.INFINITE_OUTPUT)
    rate, gap, u = (np.where(status == 0, v, np.nan) for v in (rate, gap, u))
    of_type = Slopes(*(np.where(status == 0, v, np.nan) for v in of_type))
    g, wage_slope, rho = of_type
    known = moments(
        np, made, of_type, psi, tau, lambda_theta, rate, gap, alpha=alpha, eta=eta, xi=xi, s_l=s_l, s_k=s_k, log_a=np.log(a)
    )
    labor_sd2 = (1.0 + kappa_l) ** 2 * s_l**2 + kappa_k**2 * s_k**2
    m0 = lambda_theta / gap * np.exp(0.5 * known.spread**2)
    mk = lambda_theta / gap * np.exp(0.5 * (kappa_l**2 * s_l**2 + (1.0 + kappa_k) ** 2 * s_k**2))
    ml, mw = (lambda_theta / r * np.exp(0.5 * labor_sd2) for r in (rate, gap + tau))
    y = np.exp(known.log_z) * k**alpha
    labor, capital = known.labor, known.capital + 0.0 * m0
    income = labor + capital + margin
    top = [_shares_at(q, lambda_theta / rho, known.spread + 0.0 * m0, threads) for q in (0.1, 0.5)]
    return {
        "lambda_t": rate, "match_slope": u, "g": g, "wage_slope_x": wage_slope / u, "wage_slope_theta": wage_slope, "rho": rho,
        "std_logw": wage_slope / rate, "var_tfpq": known.var_tfpq, "slope_tfpr": known.slope_tfpr, "var_tfpr": known.var_tfpr,
        "slope_emp": lambda_theta - rate, "var_emp": ((lambda_theta - rate) / lambda_theta) ** 2 + labor_sd2,
        "var_rev": (rho / lambda_theta) ** 2 + known.spread**2, "M0": m0, "MK": mk, "ML": ml, "MW": mw,
        "Z": np.exp(known.log_z), "Y": y, "w0": eta * mu * ml / m0 * y, "rental": alpha * mu * mk / m0 * y / k,
        "labor_share_Y": labor, "capital_share_Y": capital, "profit_share_Y": margin + 0.0 * m0, "income_over_Y": income,
        "loss_over_Y": 1.0 - income, "labor_share_factor": labor / (labor + capital), "labor_share_income": labor / income,
        "rev_share_top10": top[0], "rev_share_50_90": top[1] - top[0],
    }  # fmt: skip


def _shares_at(q: float, a: np.ndarray, s: np.ndarray, threads: int) -> np.ndarray:
    shares = np.full(len(a), np.nan)
    known = np.isfinite(a)
    part = np.empty(int(known.sum()))
    _shares_by_threads(threads)(q, a[known], s[known], part, max(threads, 1))
    shares[known] = part
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
    economy: Sorting, theta: Any, eps_l: Any = 0.0, eps_k: Any = 0.0, *,
    lambda_theta: float, tau: float, alpha: float = 0.3, eta: float = 0.6, xi: float = 9.0, productivity: float = 1.0,
    capital: float = 1.0,
) -> FirmPolicies:  # fmt: skip
    """Policies of firms of type ``theta`` with idiosyncratic log wedges ``eps_l``, ``eps_k``, of any broadcast shape.

    Parameters
    ----------
    economy
        One solved economy; the keyword arguments are those it was solved with.

    """
    mu = (xi - 1.0) / xi
    x = mu / (1.0 - mu * (alpha + eta))
    theta, eps_l, eps_k = (np.asarray(v, dtype=np.float64) for v in (theta, eps_l, eps_k))
    revenue = economy.Y / economy.M0 * np.exp(economy.rho * theta - eta * x * eps_l - alpha * x * eps_k)
    wage = economy.w0 * np.exp(economy.wage_slope_theta * theta)
    labor = eta * mu * revenue / (wage * np.exp(tau * theta + eps_l))
    used = alpha * mu * revenue / (economy.rental * np.exp(eps_k))
    log_tfpq = np.log(productivity) + economy.g * theta
    output = np.exp(log_tfpq) * used**alpha * labor**eta
    price = revenue / output
    return FirmPolicies(
        economy.match_slope * theta, wage, output, price, mu * price, revenue, used, labor,
        (1.0 - mu * (alpha + eta)) * revenue, log_tfpq, np.log(price) + log_tfpq,
    )  # fmt: skip


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
    mu = (xi - 1.0) / xi
    x = mu / (1.0 - mu * (alpha + eta))
    log_chi = np.log(lambda_x) + (1.0 - psi) / psi * np.log(lambda_theta)
    critical = np.log(psi / (eta * x * (1.0 - psi))) + np.log(x * (1.0 - psi)) / psi
    boom = solve_sorting(
        psi, 0.0 * tau, lambda_theta, lambda_x, 0.0, alpha=alpha, eta=eta, xi=xi, errors="status"
    )  # fmt: skip
    return ScaleFree(tau / lambda_theta, log_chi, critical, boom.std_logw)


def chi_of_v(psi: Any, v: Any, *, alpha: float = 0.3, eta: float = 0.6, xi: float = 9.0) -> np.ndarray:
    """Log chi of an economy whose log wages have standard deviation ``v`` in (0, 1) at tau = 0, so that output is finite."""
    psi, v, mu = np.asarray(psi, dtype=np.float64), np.asarray(v, dtype=np.float64), (xi - 1.0) / xi
    kappa_l = eta * mu / (1.0 - mu * (alpha + eta))
    rate = 1.0 / (1.0 + v * (kappa_l * (1.0 - psi) / psi - 1.0))
    return np.log(rate) - np.log(eta * v * rate / psi) / psi
