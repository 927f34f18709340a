r"""The tabulated functions behind the task-assignment problem.

After division by mean talent, everything the assignment needs of worker n is a function of the single variable
:math:`t = \ln\bar a - \theta_n`, the same for every worker of an industry. Put :math:`x = e^t`,
:math:`\varphi(t) = x^2 e^{-x}`, :math:`r = \beta/(1-\beta)` and :math:`b = -\beta`. The incomplete gamma functions of the
model are exponential smoothings of :math:`\varphi`,

.. math::
    \beta > 0:\quad G(t) = x^{-r}\,\Gamma(r+2, x) = \int_0^\infty e^{ru}\,\varphi(t+u)\,du, \qquad
                    E(t) = \int_0^\infty u\,e^{ru}\,\varphi(t+u)\,du \\
    \beta < 0:\quad H(t) = x^{1-b}\,\gamma(1+b, x) = \int_0^\infty e^{(1-b)u}\,\varphi(t-u)\,du, \qquad
                    L(t) = \int_0^\infty u\,e^{(1-b)u}\,\varphi(t-u)\,du

so one sweep over panels of Gauss-Legendre nodes fills a table without one call of a special function, and they obey
linear differential equations, so all derivatives are known where the values are. Between the grid points stand quintic
Hermite polynomials (relative error about 1e-12); outside the grid, closed forms.

For both signs of beta three functions are kept:

=========  =====================================  ==============================
name       beta > 0                               beta < 0
=========  =====================================  ==============================
``excess``  :math:`\gamma(2,x) - r\,G`             :math:`H - b/(1-b)\,\Gamma(2,x)`
``share``   :math:`G`                              :math:`\Gamma(2,x)`
``slope``   :math:`E`                              :math:`L`
=========  =====================================  ==============================

``excess`` is a worker's supply of task-1 output net of demand (increasing in t; its talent-weighted sum is zero at the
cut-off), ``share`` sums to output, ``slope`` to the derivative of output with respect to beta.
"""

import math
from typing import NamedTuple

import numpy as np

from bayes_labor.numerics.compilation import fused_leaf, kernel, leaf, reordering_leaf
from bayes_labor.numerics.linear import total_of
from bayes_labor.theory.joint_production.status import Status

BETA_MAX = 0.99
BETA_LINEAR = 1e-160  # below it in size the technology is linear to every digit, and squares of the cut-off underflow
_MAX_STEP = 1.0 / 32.0
_BLOCK = 16  # grid points for one exponential
NODES, WEIGHTS = (0.5 * v for v in np.polynomial.legendre.leggauss(4))
NODES = NODES + 0.5


class Table(NamedTuple):
    """Tables of several industries, laid end to end; scalars per industry in ``constants``."""

    excess: np.ndarray  # (cells, 6) polynomial coefficients in the cell's unit coordinate
    output: np.ndarray  # (cells, 12) the same for share and slope
    start: np.ndarray  # (K + 1,) first cell of each industry
    constants: np.ndarray  # (K, N_CONSTANTS), see the positions below
    status: np.ndarray  # (K,)


# Positions in Table.constants.
SIGN, RATE, T_LOW, T_HIGH, INV_STEP, T_EQUAL = 0, 1, 2, 3, 4, 5  # range of the table; log cut-off of equal workers
EXCESS_WEIGHT, SHARE_WEIGHT, OUTSIDE = 6, 7, 8  # N dQ/dtheta_n = OUTSIDE * omega * mu_n * (weights . (excess, share))
LN_OMEGA_0, LN_OMEGA_1 = 9, 10  # ln omega = ln A + LN_OMEGA_0 + LN_OMEGA_1 ln(cut-off)
DBETA_0, DBETA_1, DBETA_2 = 11, 12, 13  # d ln Q / d beta = DBETA_0 + DBETA_1 ln(cut-off) + DBETA_2 slope/share
EDGE_SHARE, EDGE_SLOPE, COEFFICIENT = 14, 15, 16  # values continued outside the table; r or b/(1-b)
LN_PRICE = 17  # ln shadow price = ln omega + ln OUTSIDE + LN_PRICE ln(cut-off)
CURVATURE = 18  # second over twice the first derivative of excess at T_EQUAL
N_CONSTANTS = 19


@leaf
def _power_series(rate: float, x: float) -> tuple[float, float]:
    """x^2 sum (-x)^k / (k! (rate+k)) and the same with (rate+k)^2: the part of the smoothing below x."""
    term, first, second, k = x * x, 0.0, 0.0, 0
    while True:
        a = term / (rate + k)
        first += a
        second += a / (rate + k)
        k += 1
        term *= -x / k
        if abs(term) <= 1e-18 * x * x or k > 400:
            return first, second


@leaf
def _fill_constants(c: np.ndarray, beta: float) -> int:
    """Fill one industry's row of constants; return the number of table cells it needs."""
    if beta > 0:
        r = beta / (1.0 - beta)
        c[SIGN], c[RATE], c[COEFFICIENT] = 1.0, r, r
        guess = 0.5 * math.log(2.0 * r) if r < 1.0 else math.log(1.41 + r / math.e)
        width, top = max(0.7, min(6.0, 40.0 / r)), math.log(42.0 + 2.5 * r)
        step = min(_MAX_STEP, 0.08 / r)
        c[EXCESS_WEIGHT], c[SHARE_WEIGHT], c[OUTSIDE] = 1.0, 2.0 * r + 1.0, 1.0 - beta
        c[LN_OMEGA_0], c[LN_OMEGA_1] = beta * math.log(r), beta
        c[DBETA_0], c[DBETA_1], c[DBETA_2], c[LN_PRICE] = math.log(r), 1.0, r + 1.0, 0.0
    else:
        b = -beta
        k = b / (1.0 - b)
        c[SIGN], c[RATE], c[COEFFICIENT] = -1.0, 1.0 - b, k
        guess = 0.5 * math.log(b)
        width, top, step = 6.0, math.log(45.0), min(_MAX_STEP, 0.05 / (1.0 - math.log1p(-b)))
        c[EXCESS_WEIGHT], c[SHARE_WEIGHT], c[OUTSIDE] = b, 1.0 + b * k, 1.0 - b
        c[LN_OMEGA_0], c[LN_OMEGA_1] = b * math.log(k), -b * (1.0 - b)
        c[DBETA_0], c[DBETA_1], c[DBETA_2], c[LN_PRICE] = -math.log(k), 1.0 - 2.0 * b, 1.0 - b, 1.0 - b
    low = max(-20.0, guess - width)
    cells = int(math.ceil((top - low) / step))  # noqa: RUF046 - numba's ceil is a float
    c[T_LOW], c[T_HIGH], c[INV_STEP] = low, low + cells * step, 1.0 / step
    return cells


@kernel
def _panel_nodes(step: float, rate: float, forward: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(growth of x from the panel's nearer end, weight, distance from the edge the integral starts at) of every node."""
    n = NODES.shape[0]
    lift, weight, distance = np.empty(n), np.empty(n), np.empty(n)
    for i in range(n):
        distance[i] = step * (NODES[i] if forward else 1.0 - NODES[i])
        lift[i] = math.expm1(step * (NODES[i] if i < n // 2 else NODES[i] - 1.0))
        weight[i] = step * WEIGHTS[i] * math.exp(2.0 * step * NODES[i] + rate * distance[i])
    return lift, weight, distance


@reordering_leaf
def _exp_of_small(y: float) -> float:
    """e^y by a polynomial, to 1e-13 for y up to a third in size and 1e-11 at a half: loops over it take several at once."""
    square = y * y
    low = 1.0 + y + square * (1.0 / 2.0 + y * (1.0 / 6.0) + square * (1.0 / 24.0 + y * (1.0 / 120.0)))
    high = 1.0 / 720.0 + y * (1.0 / 5040.0) + square * (1.0 / 40320.0 + y * (1.0 / 362880.0) + square * (1.0 / 3628800.0))
    return low + square * square * square * high


@fused_leaf
def _thin(x, decay):
    """Ratio of e^{-x} at the next grid point to that at this one, into ``decay`` at the next."""
    for j in range(x.shape[0] - 1):
        half = _exp_of_small(0.25 * (x[j] - x[j + 1]))
        decay[j + 1] = half * half * (half * half)


@kernel
def _grid(c: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(x = e^t, e^{-x}) at the grid points: exponentials at every sixteenth, products between."""
    step, x, decay = 1.0 / c[INV_STEP], np.empty(n), np.empty(n)
    fine = np.exp(step * np.arange(_BLOCK))
    for first in range(0, n, _BLOCK):
        coarse = math.exp(c[T_LOW] + first * step)
        for j in range(first, min(first + _BLOCK, n)):
            x[j] = coarse * fine[j - first]
    _thin(x, decay)
    for first in range(0, n, _BLOCK):
        decay[first] = math.exp(-x[first])
        for j in range(first + 1, min(first + _BLOCK, n)):
            decay[j] *= decay[j - 1]
    return x, decay


@fused_leaf
def _add_nodes(x, decay, lift, weight, distance, first, second):
    """Add one node of every panel to its integrals; ``x``, ``decay`` = e^{-x} at the panel's end that is nearer."""
    for j in range(first.shape[0]):
        w = weight * decay[j] * _exp_of_small(-x[j] * lift)
        first[j] += w
        second[j] += distance * w


@kernel
def _panels(c: np.ndarray, x: np.ndarray, decay: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre integrals of e^{rate u} phi and u e^{rate u} phi over every panel, u from its edge, over e^{2t} there."""
    n, half = x.shape[0] - 1, NODES.shape[0] // 2
    lift, weight, distance = _panel_nodes(1.0 / c[INV_STEP], c[RATE], c[SIGN] > 0)
    first, second = np.zeros(n), np.zeros(n)
    for i in range(NODES.shape[0]):
        end = slice(0, n) if i < half else slice(1, n + 1)
        _add_nodes(x[end], decay[end], lift[i], weight[i], distance[i], first, second)
    return first, second


@kernel
def _sweep(c: np.ndarray, x: np.ndarray, decay: np.ndarray, share: np.ndarray, slope: np.ndarray) -> None:
    """The smoothings at every grid point: (G, E) from the right for beta > 0, (H, L) from the left for beta < 0."""
    n, step, rate = share.shape[0], 1.0 / c[INV_STEP], c[RATE]
    grow, (first, second) = math.exp(rate * step), _panels(c, x, decay)
    if c[SIGN] > 0:
        share[n - 1], slope[n - 1] = 0.0, 0.0
        for j in range(n - 2, -1, -1):
            square = x[j] * x[j]
            share[j] = grow * share[j + 1] + square * first[j]
            slope[j] = grow * (slope[j + 1] + step * share[j + 1]) + square * second[j]
        p, q = _power_series(rate + 2.0, x[0])
        c[EDGE_SHARE], c[EDGE_SLOPE] = share[0] + p, slope[0] - q
    else:
        share[0], slope[0] = _power_series(2.0 - rate, x[0])
        for j in range(1, n):
            square = x[j - 1] * x[j - 1]
            share[j] = grow * share[j - 1] + square * first[j - 1]
            slope[j] = grow * (slope[j - 1] + step * share[j - 1]) + square * second[j - 1]
        c[EDGE_SHARE], c[EDGE_SLOPE] = share[n - 1], slope[n - 1]


@leaf
def _hermite(out: np.ndarray, f: tuple, g: tuple, step: float) -> None:
    """Coefficients of the quintic through value, slope and curvature at both ends of a cell."""
    c0, c1, c2 = f[0], step * f[1], 0.5 * step * step * f[2]
    d0, d1, d2 = g[0] - c0 - c1 - c2, step * g[1] - c1 - 2.0 * c2, 0.5 * step * step * g[2] - c2
    out[0], out[1], out[2] = c0, c1, c2
    out[3], out[4], out[5] = 10.0 * d0 - 4.0 * d1 + d2, -15.0 * d0 + 7.0 * d1 - 2.0 * d2, 6.0 * d0 - 3.0 * d1 + d2


@leaf
def _lower_gamma(x: float) -> float:
    """gamma(2, x) of an x up to a tenth: the series of :func:`_power_series`, without its divisions."""
    rest = 1.0 / 840.0 - x * (1.0 / 5760.0 - x * (1.0 / 45360.0 - x * (1.0 / 403200.0 - x / 3991680.0)))
    return x * x * (1.0 / 2.0 - x * (1.0 / 3.0 - x * (1.0 / 8.0 - x * (1.0 / 30.0 - x * (1.0 / 144.0 - x * rest)))))


@leaf
def _derivatives(c: np.ndarray, x: float, decay: float, smooth: float, slope: float) -> tuple[tuple, tuple, tuple]:
    """(value, first, second derivative in t = ln x) of excess, share and slope, from e^{-x} and the two smoothings."""
    phi = x * x * decay
    dphi = (2.0 - x) * phi
    rate, s = c[RATE], c[SIGN]
    d = -s * (rate * smooth + phi)
    dd = -s * (rate * d + dphi)
    e = -s * (rate * slope + smooth)
    ee = -s * (rate * e + d)
    upper = (1.0 + x) * decay  # Gamma(2, x)
    k = c[COEFFICIENT]
    if s > 0:
        lower = 1.0 - upper if x > 0.1 else _lower_gamma(x)
        return (lower - k * smooth, phi - k * d, dphi - k * dd), (smooth, d, dd), (slope, e, ee)
    return (smooth - k * upper, d + k * phi, dd + k * dphi), (upper, -phi, -dphi), (slope, e, ee)


@kernel
def _fill_table(c: np.ndarray, excess: np.ndarray, output: np.ndarray) -> None:
    cells, step = excess.shape[0], 1.0 / c[INV_STEP]
    share, slope, (x, decay) = np.empty(cells + 1), np.empty(cells + 1), _grid(c, cells + 1)
    _sweep(c, x, decay, share, slope)
    left = _derivatives(c, x[0], decay[0], share[0], slope[0])
    for j in range(cells):
        right = _derivatives(c, x[j + 1], decay[j + 1], share[j + 1], slope[j + 1])
        _hermite(excess[j], left[0], right[0], step)
        _hermite(output[j, :6], left[1], right[1], step)
        _hermite(output[j, 6:], left[2], right[2], step)
        left = right


@leaf
def _smoothings_outside(c: np.ndarray, t: float) -> tuple[float, float]:
    """(G, E) or (H, L) at a t outside the table, by continuing the edge value and the power series."""
    rate = c[RATE]
    if c[SIGN] > 0:
        if t >= c[T_HIGH]:
            return 0.0, 0.0
        u = c[T_LOW] - t
        p, q = _power_series(rate + 2.0, math.exp(t))
        grow = math.exp(rate * u)
        return grow * c[EDGE_SHARE] - p, grow * (c[EDGE_SLOPE] + u * c[EDGE_SHARE]) + q
    if t <= c[T_LOW]:
        return _power_series(2.0 - rate, math.exp(t))
    u = t - c[T_HIGH]
    grow = math.exp(rate * u)
    return grow * c[EDGE_SHARE], grow * (c[EDGE_SLOPE] + u * c[EDGE_SHARE])


@leaf
def worker_outside(table: Table, k: int, t: float) -> tuple[tuple, tuple, tuple]:
    """(value, first, second derivative in t) of excess, share and slope at any t, by the closed forms of the table's edge.

    Inside the table this is not exact; :func:`inside` tells.
    """
    c = table.constants[k]
    smooth, slope = _smoothings_outside(c, t)
    x = math.exp(min(t, 6.7))  # from there on exp(-x) is zero, and an infinite x would make NaN of it
    return _derivatives(c, x, math.exp(-x), smooth, slope)


@leaf
def inside(table: Table, k: int, t_low: float, t_high: float) -> bool:
    """Whether the whole interval lies inside industry k's table."""
    c = table.constants[k]
    return c[T_LOW] <= t_low and (t_high - c[T_LOW]) * c[INV_STEP] < table.start[k + 1] - table.start[k]


# The two loops below take most of the time of a fit. Unsigned indices spare numba's test for negative ones, and arrays are
# sliced so that the bounds are known: together twice as fast as the plain spelling.
@fused_leaf
def sum_excess_inside(excess, base, origin, inv_step, log_talent, weight):
    """Weighted sum of excess and of its first two derivatives, every worker inside the table; origin = ln a - T_LOW."""
    value, slope, curvature = 0.0, 0.0, 0.0
    for i in range(log_talent.shape[0]):
        position = (origin - log_talent[i]) * inv_step
        j = np.uint64(position)
        u = position - np.float64(j)
        j += np.uint64(base)
        a1, a2, a3, a4, a5 = excess[j, 1], excess[j, 2], excess[j, 3], excess[j, 4], excess[j, 5]
        value += weight[i] * (excess[j, 0] + u * (a1 + u * (a2 + u * (a3 + u * (a4 + u * a5)))))
        slope += weight[i] * (a1 + u * (2.0 * a2 + u * (3.0 * a3 + u * (4.0 * a4 + u * 5.0 * a5))))
        curvature += weight[i] * (2.0 * a2 + u * (6.0 * a3 + u * (12.0 * a4 + u * 20.0 * a5)))
    return value, slope * inv_step, curvature * inv_step * inv_step


@fused_leaf
def sum_output_inside(excess, output, base, origin, inv_step, log_talent, weight, w0, w1, marginal):
    """Weighted sums of share and slope, every worker inside the table; marginal = weight (w0 excess + w1 share)."""
    share, slope = 0.0, 0.0
    for i in range(log_talent.shape[0]):
        position = (origin - log_talent[i]) * inv_step
        j = np.uint64(position)
        u = position - np.float64(j)
        j += np.uint64(base)
        a0, a1, a2, a3, a4, a5 = excess[j, 0], excess[j, 1], excess[j, 2], excess[j, 3], excess[j, 4], excess[j, 5]
        f0, f1, f2, f3, f4, f5 = output[j, 0], output[j, 1], output[j, 2], output[j, 3], output[j, 4], output[j, 5]
        e0, e1, e2, e3, e4, e5 = output[j, 6], output[j, 7], output[j, 8], output[j, 9], output[j, 10], output[j, 11]
        f = f0 + u * (f1 + u * (f2 + u * (f3 + u * (f4 + u * f5))))
        share += weight[i] * f
        slope += weight[i] * (e0 + u * (e1 + u * (e2 + u * (e3 + u * (e4 + u * e5)))))
        marginal[i] = weight[i] * (w0 * (a0 + u * (a1 + u * (a2 + u * (a3 + u * (a4 + u * a5))))) + w1 * f)
    return share, slope


@fused_leaf
def sum_share_inside(output, base, origin, inv_step, log_talent, weight):
    """Weighted sum of share alone, every worker inside the table."""
    share = 0.0
    for i in range(log_talent.shape[0]):
        position = (origin - log_talent[i]) * inv_step
        j = np.uint64(position)
        u = position - np.float64(j)
        j += np.uint64(base)
        f0, f1, f2, f3, f4, f5 = output[j, 0], output[j, 1], output[j, 2], output[j, 3], output[j, 4], output[j, 5]
        share += weight[i] * (f0 + u * (f1 + u * (f2 + u * (f3 + u * (f4 + u * f5)))))
    return share


@leaf
def sum_excess(table, k, ln_cutoff, log_talent, weight, span):
    """Talent-weighted excess supply and its first two derivatives in ln(cut-off); span = (min, max) of log_talent."""
    if inside(table, k, ln_cutoff - span[1], ln_cutoff - span[0]):
        c = table.constants[k]
        return sum_excess_inside(table.excess, table.start[k], ln_cutoff - c[T_LOW], c[INV_STEP], log_talent, weight)
    value, slope, curvature = 0.0, 0.0, 0.0
    for i in range(log_talent.shape[0]):
        v, s, d = worker_excess(table, k, ln_cutoff - log_talent[i])
        value += weight[i] * v
        slope += weight[i] * s
        curvature += weight[i] * d
    return value, slope, curvature


@leaf
def sum_output(table, k, ln_cutoff, log_talent, weight, span, marginal):
    """(sum weight share, sum weight slope); fills marginal with N dQ/dtheta_n over OUTSIDE omega.

    A log cut-off of minus infinity is the linear technology: output is the sum of talents.
    """
    c = table.constants[k]
    w0, w1 = c[EXCESS_WEIGHT], c[SHARE_WEIGHT]
    share, slope = 0.0, 0.0
    if ln_cutoff == -np.inf:
        for i in range(log_talent.shape[0]):
            marginal[i] = weight[i]
            share += weight[i]
        return share, slope
    if inside(table, k, ln_cutoff - span[1], ln_cutoff - span[0]):
        origin, step, base = ln_cutoff - c[T_LOW], c[INV_STEP], table.start[k]
        return sum_output_inside(table.excess, table.output, base, origin, step, log_talent, weight, w0, w1, marginal)
    for i in range(log_talent.shape[0]):
        h, f, e = worker_output(table, k, ln_cutoff - log_talent[i])
        share += weight[i] * f
        slope += weight[i] * e
        marginal[i] = weight[i] * (w0 * h + w1 * f)
    return share, slope


@leaf
def sum_share(table, k, ln_cutoff, log_talent, weight, span):
    """First result of :func:`sum_output`, for when no gradient is wanted."""
    if ln_cutoff == -np.inf:
        return total_of(weight)
    if inside(table, k, ln_cutoff - span[1], ln_cutoff - span[0]):
        c = table.constants[k]
        return sum_share_inside(table.output, table.start[k], ln_cutoff - c[T_LOW], c[INV_STEP], log_talent, weight)
    share = 0.0
    for i in range(log_talent.shape[0]):
        share += weight[i] * worker_share(table, k, ln_cutoff - log_talent[i])
    return share


@leaf
def _cell(table, k, t):
    """(row of industry k's table, position inside its cell) of a t inside."""
    c = table.constants[k]
    position = (t - c[T_LOW]) * c[INV_STEP]
    j = int(position)
    return table.start[k] + j, position - j


@leaf
def worker_excess(table, k, t):
    """One worker's excess and its first two derivatives, anywhere on the line."""
    if not inside(table, k, t, t):
        return worker_outside(table, k, t)[0]
    (j, u), step, a = _cell(table, k, t), table.constants[k, INV_STEP], table.excess
    a1, a2, a3, a4, a5 = a[j, 1], a[j, 2], a[j, 3], a[j, 4], a[j, 5]
    value = a[j, 0] + u * (a1 + u * (a2 + u * (a3 + u * (a4 + u * a5))))
    slope = a1 + u * (2.0 * a2 + u * (3.0 * a3 + u * (4.0 * a4 + u * 5.0 * a5)))
    return value, slope * step, (2.0 * a2 + u * (6.0 * a3 + u * (12.0 * a4 + u * 20.0 * a5))) * step * step


@leaf
def _quintic(a, j, first, u):
    """Polynomial whose six coefficients start at a[j, first]."""
    f0, f1, f2, f3, f4, f5 = a[j, first], a[j, first + 1], a[j, first + 2], a[j, first + 3], a[j, first + 4], a[j, first + 5]
    return f0 + u * (f1 + u * (f2 + u * (f3 + u * (f4 + u * f5))))


@leaf
def worker_share(table, k, t):
    """One worker's share, anywhere on the line."""
    if not inside(table, k, t, t):
        return worker_outside(table, k, t)[1][0]
    j, u = _cell(table, k, t)
    return _quintic(table.output, j, 0, u)


@leaf
def worker_output(table, k, t):
    """One worker's (excess, share, slope), anywhere on the line."""
    if not inside(table, k, t, t):
        excess, share, slope = worker_outside(table, k, t)
        return excess[0], share[0], slope[0]
    j, u = _cell(table, k, t)
    return _quintic(table.excess, j, 0, u), _quintic(table.output, j, 0, u), _quintic(table.output, j, 6, u)


@leaf
def _equal_workers(table: Table, k: int) -> float:
    """ln(cut-off / talent) of a workplace of equal workers: the zero of the excess supply, which depends on beta alone."""
    low, high = table.constants[k, T_LOW], table.constants[k, T_HIGH]
    if worker_excess(table, k, low)[0] > 0:  # |beta| below about 1e-15: the root lies left of the table
        low, high = -800.0, low
    t = 0.5 * (low + high)
    for _ in range(200):
        value, slope, _ = worker_excess(table, k, t)
        if value > 0:
            high = t
        else:
            low = t
        step = -value / slope
        new = t + step
        if not (low < new < high):
            new = 0.5 * (low + high)
        if abs(new - t) < 1e-13 * (1.0 + abs(t)):
            return new
        t = new
    return t


@kernel
def build_table(beta: np.ndarray) -> Table:
    """Tables for the interaction exponents ``beta`` (K,), less than a tenth of a millisecond each.

    An exponent outside (-1, 0.99] or not finite gets an empty table and a status other than ``Status.OK``; beta = 0 needs
    no table.
    """
    n = beta.shape[0]
    constants, start = np.zeros((n, N_CONSTANTS)), np.zeros(n + 1, np.int64)
    status = np.zeros(n, np.int64)
    for k in range(n):
        cells = 0
        if not np.isfinite(beta[k]):
            status[k] = Status.NON_FINITE.value
        elif beta[k] <= -1.0 or beta[k] > BETA_MAX:
            status[k] = Status.BETA_RANGE.value
        elif beta[k] != 0.0:
            cells = _fill_constants(constants[k], beta[k])
        start[k + 1] = start[k] + cells
    excess, output = np.empty((start[n], 6)), np.empty((start[n], 12))
    table = Table(excess, output, start, constants, status)
    for k in range(n):
        if start[k + 1] > start[k]:
            _fill_table(constants[k], excess[start[k] : start[k + 1]], output[start[k] : start[k + 1]])
            constants[k, T_EQUAL] = _equal_workers(table, k)
            _, slope, curvature = worker_excess(table, k, constants[k, T_EQUAL])
            constants[k, CURVATURE] = 0.5 * curvature / slope
    return table


@kernel
def tuple_of(table: Table) -> tuple:
    """The table as a plain tuple; ``Table(*t)`` turns it back."""
    return table.excess, table.output, table.start, table.constants, table.status
