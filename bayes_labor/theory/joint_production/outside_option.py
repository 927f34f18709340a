r"""Outside options: what a worker could get by joining a random workplace that covers its own workers.

Section 3 of the joint-production model, equation (11). A newcomer with external index z is worth
:math:`VMP_f(z) = (N_f+1)\,Q(\theta_f\cup\{z\}) - N_f\,Q(\theta_f)` to workplace f, and

.. math:: V(z) = V_U + d\;E_f\left[\max(VMP_f(z) - V_U, 0)\right],

the mean being over workplaces whose surplus :math:`S_f = N_f Q_f - \sum_n V(z_n)` is not negative. Feasibility depends on V,
so V is a fixed point. It is held as a Chebyshev series in z over the sample's range, found by Newton's method with the exact
Jacobian of the map (its size is the number of coefficients), and differentiated by the implicit function theorem.

Two ways to take the mean (:class:`Matching`): ``exact`` averages over workplaces at Chebyshev nodes and interpolates;
``sampled``, the paper's, gives each workplace workers drawn once from the sample and fits a cubic by least squares.

The series may fall below V_U between nodes where hardly any workplace gains from a newcomer; no outside option does, so what
is read off it is at least V_U.

Kinks: the derivative of :math:`\max(VMP - V_U, 0)` at zero is taken as 0; that of a value read off at V_U is V_U's own; hard
feasibility weights are constants.
"""

import math
from typing import NamedTuple

import numba
import numpy as np

from bayes_labor.numerics.chebyshev import add_basis, domain_of, fill_basis, node, series
from bayes_labor.numerics.compilation import by_threads, kernel, leaf
from bayes_labor.numerics.linear import dot, span_of
from bayes_labor.numerics.ragged import (
    as_offsets,
    check_threads,
    check_vector,
    copies_or_ones,
    largest_row,
    per_workplace,
    row_blocks,
)
from bayes_labor.theory.joint_production.assignment import all_finite, beta_slope, find_cutoff, ln_worth, solve_cutoff
from bayes_labor.theory.joint_production.matching import Matching
from bayes_labor.theory.joint_production.status import Status
from bayes_labor.theory.joint_production.talent_table import (
    EXCESS_WEIGHT,
    OUTSIDE,
    SHARE_WEIGHT,
    Table,
    build_table,
    sum_output,
    sum_share,
    tuple_of,
    worker_output,
    worker_share,
)
from bayes_labor.theory.joint_production.value_map import MapInputs, basis_at_nodes, find_root, is_feasible

CUBIC = 4  # coefficients of the paper's regression of v on powers of z


class OutsideOption(NamedTuple):
    """An equilibrium of outside options. All zero where ``status`` is not ``Status.OK``."""

    value: np.ndarray
    """(N,) outside alternative V(z_n) of each worker, wage units."""
    output: np.ndarray
    """(F,) net revenue per worker Q_f, wage units."""
    coefficients: np.ndarray
    """(C,) Chebyshev coefficients of V on the sample's range of z."""
    domain: np.ndarray
    """(3,) center and half-width of the range of z, and V_U, the least that V may be."""
    diagnostics: np.ndarray
    """(3,) share of workplaces feasible, Newton iterations, status."""
    cutoffs: np.ndarray
    """(F,) log talent cut-offs (minus infinity at beta = 0)."""
    newcomer_cutoffs: np.ndarray
    """(E, J) log cut-offs with the newcomer present."""
    marginal_product: np.ndarray
    """(E, J) value marginal product of each match's newcomers, equation (7), wage units."""
    basis_sums: np.ndarray
    """(F, C) sums over a workplace's workers of the basis of V."""

    @property
    def status(self) -> Status:
        """What became of the solve."""
        return Status(int(self.diagnostics[2]))

    @property
    def feasible_share(self) -> float:
        """Share of workplaces with a surplus that is not negative, in [0, 1]."""
        return float(self.diagnostics[0])

    @property
    def iterations(self) -> int:
        """Newton iterations on the coefficients of V."""
        return int(self.diagnostics[1])

    def __call__(self, external_index: np.ndarray) -> np.ndarray:
        """V at any z inside the sample's range, not below V_U."""
        u = (np.asarray(external_index) - self.domain[0]) / self.domain[1]
        return np.maximum(np.polynomial.chebyshev.chebval(u, self.coefficients), self.domain[2])


class Problem(NamedTuple):
    """What forward and backward passes share."""

    log_talent: np.ndarray
    external_index: np.ndarray
    offsets: np.ndarray
    industry: np.ndarray
    beta: np.ndarray
    scale: np.ndarray
    power: float
    floor: float  # V_U
    match_workplace: np.ndarray
    match_worker: np.ndarray
    match_weight: np.ndarray
    softness: float  # wage units per worker; 0: hard weights
    copies: np.ndarray  # (N,) workers of the workplace that each one stands for


@leaf
def workers_of(p, f):
    """How many workers workplace f has."""
    total = 0.0
    for n in range(p.offsets[f], p.offsets[f + 1]):
        total += p.copies[n]
    return total


@leaf
def newcomer_index(p, domain, nodes, e, j):
    """External index of the j-th newcomer whom workplace e of the matching meets."""
    if nodes:
        return domain[0] + domain[1] * node(j, nodes)
    return p.external_index[p.match_worker[e]]


@kernel
def matches_of_workplaces(match_workplace, n_workplaces):
    """(F + 1,) the first match of each workplace: its own are those before the next one's first."""
    first = np.zeros(n_workplaces + 1, np.int64)
    for e in range(match_workplace.shape[0]):
        first[match_workplace[e] + 1] += 1
    return np.cumsum(first)


@leaf
def team_total(table, k, scale, log_talent, weight, span, z, ln_cutoff):
    """Total output of a team and one more worker z at their log cut-off; z = minus infinity adds nobody."""
    share, extra = sum_share(table, k, ln_cutoff, log_talent, weight, span), math.exp(z - span[1])
    if extra > 0.0:
        share += extra * (worker_share(table, k, ln_cutoff - z) if ln_cutoff > -np.inf else 1.0)
    return math.exp(ln_worth(table, k, scale, span, ln_cutoff)) * share


@leaf
def team_gradient(table, k, scale, log_talent, weight, marginal, span, z, ln_cutoff):
    """:func:`team_total` with its derivatives: (total, d ln total/d beta, factor, d total/dz).

    d total/d theta_n = factor marginal[n]; ``marginal`` is filled.
    """
    share, moment = sum_output(table, k, ln_cutoff, log_talent, weight, span, marginal)
    extra, omega = math.exp(z - span[1]), math.exp(ln_worth(table, k, scale, span, ln_cutoff))
    if ln_cutoff == -np.inf:
        return omega * (share + extra), 0.0, omega, omega * extra
    c, own = table.constants[k], 0.0
    if extra > 0.0:
        h, f, e = worker_output(table, k, ln_cutoff - z)
        share += extra * f
        moment += extra * e
        own = extra * (c[EXCESS_WEIGHT] * h + c[SHARE_WEIGHT] * f)
    factor = omega * c[OUTSIDE]
    return omega * share, beta_slope(table, k, ln_cutoff, share, moment), factor, factor * own


@leaf
def _solve_workplace(table, p, f, match, domain, nodes, weight, found):
    """Total, cut-off and basis sums of workplace f, and what the newcomers of its matches are worth to it."""
    totals, cutoffs, status, moments, plus, worth = found
    k, lo, hi = p.industry[f], p.offsets[f], p.offsets[f + 1]
    own, w, scale = p.log_talent[lo:hi], weight[: hi - lo], p.scale[k]
    status[f], span, root = solve_cutoff(table, k, p.beta[k], scale, own, p.copies[lo:hi], w)
    if status[f] > 0:
        return
    cutoffs[f] = root[0]
    totals[f] = team_total(table, k, scale, own, w, span, -np.inf, root[0])
    if not 0.0 < totals[f] < np.inf:
        status[f] = Status.OVERFLOW.value
        return
    for n in range(lo, hi):
        add_basis((p.external_index[n] - domain[0]) / domain[1], p.copies[n], moments[f])
    for e in range(match[f], match[f + 1]):
        for j in range(plus.shape[1]):
            z = newcomer_index(p, domain, nodes, e, j)
            if root[0] > -np.inf:
                converged, root = find_cutoff(table, k, own, w, span, (z, math.exp(z - span[1])), root)
                if not converged:
                    status[f] = Status.NOT_CONVERGED.value
            plus[e, j], worth[e, j] = root[0], team_total(table, k, scale, own, w, span, z, root[0]) - totals[f]


@kernel
def _forward_block(first, last, table, p, match, domain, nodes, found):
    """Solve workplaces first..last and their matches."""
    table, p = Table(*table), Problem(*p)
    weight = np.empty(largest_row(p.offsets, first, last))
    for f in range(first, last):
        _solve_workplace(table, p, f, match, domain, nodes, weight, found)


@leaf
def _value_block(first, last, z, domain, b, value):
    for n in range(first, last):
        value[n] = max(series(b, (z[n] - domain[0]) / domain[1]), domain[2])


@kernel
def matches_of(p, totals, moments, worth, domain, nodes):
    """What the equation for V depends on, in the order of the matching."""
    n, size = worth.shape[0], moments.shape[1]
    total, sizes, sums = np.empty(n), np.empty(n), np.empty((n, size))
    basis = basis_at_nodes(nodes) if nodes else np.empty((n, size))
    for e in range(n):
        f = p.match_workplace[e]
        total[e], sizes[e], sums[e] = totals[f], workers_of(p, f), moments[f]
        if not nodes:
            fill_basis((p.external_index[p.match_worker[e]] - domain[0]) / domain[1], basis[e])
    return MapInputs(total, sizes, sums, p.match_weight, worth, basis, p.power, p.floor, p.softness, nodes)


@kernel
def _inputs_finite(p):
    p = Problem(*p)
    return all_finite(p.log_talent) and all_finite(p.external_index) and abs(p.power) < np.inf and abs(p.floor) < np.inf


@kernel
def _equilibrium(p, totals, moments, worth, domain, nodes, output, b, diagnostics):
    """Coefficients of V, output per worker, share feasible; returns whether it was found."""
    p = Problem(*p)
    b[:], diagnostics[1], diagnostics[2] = find_root(matches_of(p, totals, moments, worth, domain, nodes))
    if diagnostics[2] > 0:
        b[:] = 0.0
        return False
    feasible = 0
    for f in range(totals.shape[0]):
        output[f] = totals[f] / workers_of(p, f)
        feasible += is_feasible(totals[f], totals[f] - dot(moments[f], b))
    diagnostics[0] = feasible / totals.shape[0]
    return True


def _solve(
    log_talent, external_index, offsets, industry, beta, scale, power, floor,
    match_workplace, match_worker, match_weight, softness, copies, nodes, blocks,
):  # fmt: skip
    p = (
        log_talent, external_index, offsets, industry, beta, scale, power, floor,
        match_workplace, match_worker, match_weight, softness, copies,
    )  # fmt: skip
    n_workplaces, n_workers, n_matches = offsets.shape[0] - 1, log_talent.shape[0], match_workplace.shape[0]
    size, per_match = nodes if nodes else CUBIC, nodes if nodes else 1
    status = np.zeros(n_workplaces, np.int64)
    totals, cutoffs, moments = np.zeros(n_workplaces), np.zeros(n_workplaces), np.zeros((n_workplaces, size))
    plus, worth = np.zeros((n_matches, per_match)), np.zeros((n_matches, per_match))
    value, output, b = np.zeros(n_workers), np.zeros(n_workplaces), np.zeros(size)
    diagnostics, domain = np.zeros(3), np.empty(3)
    domain[0], domain[1], _, _ = domain_of(external_index)
    domain[2] = floor if abs(floor) < np.inf else 0.0
    results = (value, output, b, domain, diagnostics, cutoffs, plus, worth, moments)
    if not _inputs_finite(p):
        diagnostics[2] = Status.NON_FINITE.value
        return results
    table, match = tuple_of(build_table(beta)), matches_of_workplaces(match_workplace, n_workplaces)
    edges, found = row_blocks(offsets, blocks), (totals, cutoffs, status, moments, plus, worth)
    for i in numba.prange(blocks):
        _forward_block(edges[i], edges[i + 1], table, p, match, domain, nodes, found)
    diagnostics[2] = span_of(status)[1]
    if diagnostics[2] == 0 and _equilibrium(p, totals, moments, worth, domain, nodes, output, b, diagnostics):
        for i in numba.prange(blocks):
            _value_block(i * n_workers // blocks, (i + 1) * n_workers // blocks, external_index, domain, b, value)
    return results


solve = by_threads(_solve)


def solve_outside_option(
    log_talent: np.ndarray,
    external_index: np.ndarray,
    offsets: np.ndarray,
    beta: float | np.ndarray,
    scale: float | np.ndarray,
    bargaining_power: float,
    unemployment_value: float,
    *,
    industry: np.ndarray | None = None,
    matching: Matching | None = None,
    softness: float = 0.0,
    copies: np.ndarray | None = None,
    threads: int = 1,
) -> OutsideOption:
    """Solve for the outside options of all workers together with the output of all workplaces.

    Parameters
    ----------
    log_talent
        (N,) float64, theta = x gamma, the workers of a workplace adjacent.
    external_index
        (N,) float64, z = x M gamma: what of theta a worker takes along.
    offsets
        (F + 1,) int, workers of workplace f are ``offsets[f]:offsets[f + 1]``.
    beta, scale, industry
        As in :func:`bayes_labor.theory.joint_production.assignment.solve_assignment`.
    bargaining_power
        d in [0, 1], the outsider's share of the gain from a match.
    unemployment_value
        V_U, wage units.
    matching
        How the expectation over workplaces is taken; ``Matching.exact(offsets)`` by default.
    softness
        0 (hard): workplaces with a negative surplus do not count. s > 0 (smooth): a workplace counts with weight
        expit(S_f/(N_f s)); s in wage units per worker, 1% of the mean wage is the usual choice.
    copies
        (N,) float64 > 0, how many workers of the workplace each one stands for where only some were sampled; N_f is their sum.
        One by default.
    threads
        Threads over workplaces; the result does not depend on it.

    Raises
    ------
    TypeError
        If a float input is not float64.
    ValueError
        If shapes do not fit, d lies outside [0, 1] or ``softness`` is negative.

    References
    ----------
    Ferrall, Salvanes and Sorensen, "Wages and Seniority When Coworkers Matter", equations (7) and (11).

    """
    log_talent = check_vector("log_talent", log_talent)
    external_index = check_vector("external_index", external_index, log_talent.shape[0])
    offsets = as_offsets(offsets, log_talent.shape[0])
    beta, scale, industry = per_workplace(beta, scale, industry, offsets.shape[0] - 1)
    if not 0.0 <= bargaining_power <= 1.0:
        raise ValueError(f"bargaining_power = {bargaining_power}: d is a share, choose it in [0, 1]")
    if softness < 0.0:
        raise ValueError(f"softness = {softness}: choose 0 (hard feasibility) or a positive number of wage units")
    matching = Matching.exact(offsets) if matching is None else matching
    problem = Problem(
        log_talent, external_index, offsets, industry, beta, scale, float(bargaining_power), float(unemployment_value),
        matching.workplace, matching.worker, matching.weight, float(softness), copies_or_ones(copies, len(log_talent)),
    )  # fmt: skip
    blocks = check_threads(threads)
    return OutsideOption(*solve(blocks)(*problem, matching.nodes, blocks))
