r"""Task assignment inside one workplace: who produces, who manages, and what the team makes.

Section 2 of the joint-production model. Worker n's talent is exponential with mean :math:`\mu_n = e^{\theta_n}`; talent
below the cut-off :math:`\bar a` makes an intermediate good (task 1) with which talent above it works (task 2). With
:math:`t_n = \ln\bar a-\theta_n` and the functions of :mod:`.talent_table`, the cut-off is the root of one
monotone equation and every other quantity is a sum,

.. math::
    0 = \sum_n \mu_n\,\mathrm{excess}(t_n),\qquad
    Q = \omega\,\tfrac1N \sum_n \mu_n\,\mathrm{share}(t_n),\qquad
    N\,\partial Q/\partial\theta_n = (1-|\beta|)\,\omega\,\mu_n\,[w_0\,\mathrm{excess}(t_n) + w_1\,\mathrm{share}(t_n)],

with :math:`\omega = A\,(r\bar a)^\beta` for :math:`\beta>0` and :math:`\omega = A\,(b/(1-b)\,\bar a^{b-1})^b` for
:math:`\beta=-b<0`. The gradients are envelope results: nothing is differentiated through the root finder.
"""

import math
from typing import NamedTuple

import numba
import numpy as np

from bayes_labor.numerics.compilation import by_threads, leaf
from bayes_labor.numerics.linear import span_of
from bayes_labor.numerics.ragged import (
    as_offsets,
    check_threads,
    check_vector,
    per_workplace,
    row_blocks,
)
from bayes_labor.theory.joint_production.status import Status
from bayes_labor.theory.joint_production.talent_table import (
    BETA_LINEAR,
    CURVATURE,
    DBETA_0,
    DBETA_1,
    DBETA_2,
    LN_OMEGA_0,
    LN_OMEGA_1,
    LN_PRICE,
    OUTSIDE,
    T_EQUAL,
    Table,
    build_table,
    sum_excess,
    sum_output,
    tuple_of,
    worker_excess,
)

TOLERANCE = 2e-5  # of the last step in ln(cut-off); convergence is cubic, so what is left is about 1e-14
MAX_ITERATIONS = 200


class Assignment(NamedTuple):
    """Solved assignments of F workplaces with N workers in all.

    Entries of a workplace whose status is not ``Status.OK`` are zero.
    """

    output: np.ndarray
    """(F,) net revenue per worker Q, in units of ``scale`` times talent."""
    cutoff: np.ndarray
    """(F,) talent cut-off; 0 at beta = 0, where everybody works in task 2."""
    shadow_price: np.ndarray
    """(F,) value of a unit of task-1 output, the multiplier lambda."""
    d_output_d_log_talent: np.ndarray
    """(N,) derivative of the own workplace's output per worker in the worker's log mean talent."""
    d_output_d_beta: np.ndarray
    """(F,) derivative of output per worker in beta; 0 by convention at beta = 0, where the slope is infinite."""
    status: np.ndarray
    """(F,) int64, see :class:`bayes_labor.theory.joint_production.status.Status`."""


@leaf
def find_cutoff(table, k, log_talent, weight, span, newcomer, start):
    """Safeguarded Halley iteration for ln(cut-off) of a team plus one newcomer = (log talent, weight; weight 0: nobody).

    ``start`` = (x, value, slope, curvature): where to begin, and the team's own excess supply there. Returns (whether it
    converged, the same four at the root), so that the next newcomer's search begins with one step that costs nothing. The
    root lies between ln x*(beta) + min and + max of the log talents.
    """
    x, own, own_slope, own_curvature = start
    low, high = table.constants[k, T_EQUAL] + span[0], table.constants[k, T_EQUAL] + span[1]
    if newcomer[1] > 0.0:
        t = table.constants[k, T_EQUAL] + newcomer[0]
        low, high = min(low, t), max(high, t)
    for _ in range(MAX_ITERATIONS):
        value, slope, curvature = own, own_slope, own_curvature
        if newcomer[1] > 0.0:
            v, s, c = worker_excess(table, k, x - newcomer[0])
            value += newcomer[1] * v
            slope += newcomer[1] * s
            curvature += newcomer[1] * c
        newton = value / slope  # ratios: for |beta| far below the smallest that matters, products underflow
        step = -newton / (1.0 - 0.5 * newton * (curvature / slope))
        if abs(step) < TOLERANCE:
            own += step * (own_slope + 0.5 * step * own_curvature)
            return True, (x + step, own, own_slope + step * own_curvature, own_curvature)
        if value > 0.0:
            high = x
        else:
            low = x
        x = x + step if low <= x + step <= high else 0.5 * (low + high)
        own, own_slope, own_curvature = sum_excess(table, k, x, log_talent, weight, span)
    return False, (x, own, own_slope, own_curvature)


@leaf
def ln_omega(table, k, ln_cutoff):
    """ln(omega / A) of industry k."""
    return table.constants[k, LN_OMEGA_0] + table.constants[k, LN_OMEGA_1] * ln_cutoff


@leaf
def beta_slope(table, k, ln_cutoff, share, slope):
    """D ln Q / d beta, from the team's sums."""
    c = table.constants[k]
    return c[DBETA_0] + c[DBETA_1] * ln_cutoff + c[DBETA_2] * slope / share


@leaf
def fill_weights(log_talent, copies, weight, top):
    """Fill weight with talents relative to the best worker's, times the workers that each stands for.

    Returns (mean, variance) by talent of log talent below the best.
    """
    total, first, second = 0.0, 0.0, 0.0
    for i in range(log_talent.shape[0]):
        gap = log_talent[i] - top
        weight[i] = copies[i] * math.exp(gap)
        total += weight[i]
        first += weight[i] * gap
        second += weight[i] * gap * gap
    mean = first / total
    return mean, second / total - mean * mean


@leaf
def all_finite(values):
    """Whether no entry is infinite or NaN."""
    total = 0.0
    for i in range(values.shape[0]):
        total += 0.0 * values[i]
    return total == 0.0


@leaf
def solve_cutoff(table, k, beta, scale, log_talent, copies, weight):
    """Cut-off of one workplace; fills ``weight`` (talents relative to the best, by the workers that each stands for).

    Returns (status, span of log talents, the root as :func:`find_cutoff` gives it). At beta = 0 it is minus infinity.
    """
    nowhere = (-np.inf, 0.0, 0.0, 0.0)
    span = span_of(log_talent)
    if table.status[k] != 0:
        return table.status[k], span, nowhere
    if not (all_finite(log_talent) and 0.0 < scale < np.inf):
        return Status.NON_FINITE.value, span, nowhere
    mean, variance = fill_weights(log_talent, copies, weight, span[1])
    if abs(beta) < BETA_LINEAR:
        return Status.OK.value, span, nowhere
    # The root for talents that differ little, to second order.
    x = table.constants[k, T_EQUAL] + min(max(span[1] + mean - table.constants[k, CURVATURE] * variance, span[0]), span[1])
    own, slope, curvature = sum_excess(table, k, x, log_talent, weight, span)
    converged, root = find_cutoff(table, k, log_talent, weight, span, (0.0, 0.0), (x, own, slope, curvature))
    return Status.OK.value if converged else Status.NOT_CONVERGED.value, span, root


@leaf
def ln_worth(table, k, scale, span, ln_cutoff):
    """ln(omega) of an industry's technology at a cut-off, times the best worker's talent."""
    return math.log(scale) + span[1] + (ln_omega(table, k, ln_cutoff) if ln_cutoff > -np.inf else 0.0)


@leaf
def solve_team(table, k, beta, scale, log_talent, copies, weight, marginal):
    """Solve one workplace; fill ``weight`` (talents relative to the best) and ``marginal``.

    Returns (status, ln cut-off, N Q, d ln Q / d beta, factor), where d(N Q)/d theta_n = factor marginal[n]. At beta = 0 the
    log cut-off is minus infinity.
    """
    status, span, (x, _, _, _) = solve_cutoff(table, k, beta, scale, log_talent, copies, weight)
    if status > 0:
        return status, -np.inf, 0.0, 0.0, 0.0
    share, moment = sum_output(table, k, x, log_talent, weight, span, marginal)
    slope, outside = (beta_slope(table, k, x, share, moment), table.constants[k, OUTSIDE]) if x > -np.inf else (0.0, 1.0)
    factor = math.exp(ln_worth(table, k, scale, span, x))
    if not (0.0 < factor * share < np.inf and abs(slope) < np.inf):
        return Status.OVERFLOW.value, -np.inf, 0.0, 0.0, 0.0
    return Status.OK.value, x, factor * share, slope, factor * outside


@leaf
def _solve_block(first, last, table, log_talent, offsets, industry, beta, scale, copies, weight, marginal, results):
    """Solve workplaces first..last into ``results``, an Assignment."""
    table = Table(*table)
    output, cutoff, price, _, dbeta, status = results
    for f in range(first, last):
        k, lo, hi = industry[f], offsets[f], offsets[f + 1]
        status[f], x, total, slope, factor = solve_team(
            table, k, beta[k], scale[k], log_talent[lo:hi], copies[lo:hi], weight[lo:hi], marginal[lo:hi]
        )
        per_worker = 1.0 / (hi - lo)
        output[f], dbeta[f] = total * per_worker, total * slope * per_worker
        if x > -np.inf:
            cutoff[f] = math.exp(x)
            ln_price = ln_omega(table, k, x) + table.constants[k, LN_PRICE] * x
            price[f] = scale[k] * table.constants[k, OUTSIDE] * math.exp(ln_price)
        for n in range(lo, hi):
            marginal[n] = factor * per_worker * marginal[n] if status[f] == 0 else 0.0


def _solve_all(log_talent, beta, scale, offsets, industry, blocks):
    n_workplaces, n_workers = offsets.shape[0] - 1, log_talent.shape[0]
    # Plain tuples: numba's parallel loops cannot carry a named one.
    table = tuple_of(build_table(beta))
    copies, weight, marginal = np.ones(n_workers), np.empty(n_workers), np.empty(n_workers)
    output, cutoff, price = np.zeros(n_workplaces), np.zeros(n_workplaces), np.zeros(n_workplaces)
    dbeta, status = np.zeros(n_workplaces), np.zeros(n_workplaces, np.int64)
    edges = row_blocks(offsets, blocks)
    results = (output, cutoff, price, marginal, dbeta, status)
    for i in numba.prange(blocks):
        _solve_block(
            edges[i], edges[i + 1], table, log_talent, offsets, industry, beta, scale, copies, weight, marginal, results
        )
    return results


solve_all = by_threads(_solve_all)


def solve_assignment(
    log_talent: np.ndarray,
    offsets: np.ndarray,
    beta: float | np.ndarray,
    scale: float | np.ndarray = 1.0,
    *,
    industry: np.ndarray | None = None,
    threads: int = 1,
) -> Assignment:
    """Solve the task-assignment problem of every workplace, with all gradients.

    Parameters
    ----------
    log_talent
        (N,) float64, log mean talents theta, the workers of a workplace adjacent.
    offsets
        (F + 1,) int, ``offsets[f]:offsets[f + 1]`` are the workers of workplace f.
    beta
        Interaction exponent in (-1, 0.99], a number or (F,); with ``industry`` given, (K,). Zero is the linear technology.
    scale
        Revenue scale A > 0, shaped like ``beta``, in wage units per unit of talent.
    industry
        (F,) int, row of ``beta`` and ``scale`` that each workplace uses. Saves building a table per workplace.
    threads
        Threads over workplaces. The result does not depend on it.

    Returns
    -------
    Assignment
        Output, cut-off, shadow price, derivatives and a status per workplace. A failed solve is a status, not an exception.

    Raises
    ------
    TypeError
        If a float input is not float64.
    ValueError
        If shapes, offsets or ``threads`` do not fit.

    References
    ----------
    Ferrall, Salvanes and Sorensen, "Wages and Seniority When Coworkers Matter", section 2.2 and appendix.

    """
    log_talent = check_vector("log_talent", log_talent)
    offsets = as_offsets(offsets, log_talent.shape[0])
    beta, scale, industry = per_workplace(beta, scale, industry, offsets.shape[0] - 1)
    blocks = check_threads(threads)
    return Assignment(*solve_all(blocks)(log_talent, beta, scale, offsets, industry, blocks))
