r"""Outside options: what a worker could get by joining a random workplace that covers its own workers.

Section 3 of the joint-production model, equation (11). A newcomer with external index z is worth
:math:`VMP_f(z) = (N_f+1)\,Q(\theta_f\cup\{z\}) - N_f\,Q(\theta_f)` to workplace f, and

.. math:: V(z) = V_U + d\;E_f\left[\max(VMP_f(z) - V_U, 0)\right],

the mean being over workplaces whose surplus :math:`S_f = N_f Q_f - \sum_n V(z_n)` is not negative. Feasibility depends on V,
so V is a fixed point. It is held as a Chebyshev series in z over the sample's range, found by Newton's method with the exact
Jacobian of the map (its size is the number of coefficients), and differentiated by the implicit function theorem.

Two ways to take the mean (:class:`Matching`): ``exact`` averages over workplaces at Chebyshev nodes and interpolates;
``sampled``, the paper's, gives each workplace one worker drawn once from the sample and fits a cubic by least squares.

Kinks: the derivative of :math:`\max(VMP - V_U, 0)` at zero is taken as 0; hard feasibility weights are constants.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, Self

import numba
import numpy as np

from bayes_labor.theory.assignment import (
    all_finite,
    beta_slope,
    find_cutoff,
    ln_omega,
    solve_team,
)
from bayes_labor.theory.compilation import compiled, kernel
from bayes_labor.theory.linear import (
    dot,
    solve_linear,
    solve_linear_rows,
    span_of,
    times,
    total_of,
)
from bayes_labor.theory.ragged import (
    as_offsets,
    check_threads,
    check_vector,
    per_workplace,
    row_blocks,
)
from bayes_labor.theory.status import Status
from bayes_labor.theory.talent_table import (
    EXCESS_WEIGHT,
    OUTSIDE,
    SHARE_WEIGHT,
    Table,
    build_table,
    sum_output,
    tuple_of,
    worker_output,
)

CUBIC = 4  # coefficients of the paper's regression of v on powers of z
HALF_WIDTH_FLOOR = 1e-3  # of the range of z in log units; at zero spread V is a constant and the nodes would coincide
_MAX_ITERATIONS = 100
_ROUNDING = 1e-9  # a surplus this close to zero, relative to revenue, is zero: V is interpolated


@dataclass(frozen=True)
class Matching:
    """Which hypothetical matches the expectation over workplaces is made of. Drawn once, then held fixed.

    Use :meth:`exact` or :meth:`sampled`.
    """

    workplace: np.ndarray
    """(E,) int64, the workplaces averaged over."""
    worker: np.ndarray
    """(E,) int64, the worker each of them meets; empty when the expectation is taken at nodes."""
    weight: np.ndarray
    """(E,) float64, number of workplaces each stands for."""
    nodes: int
    """Chebyshev nodes in z; 0 for ``sampled``."""

    @classmethod
    def exact(cls, offsets: np.ndarray, nodes: int = 8, subsample: int | None = None, seed: int = 0) -> Self:
        """Average over all workplaces, or over ``subsample`` of them stratified by size, at ``nodes`` values of z.

        Raises ValueError if ``nodes`` < 2 or ``subsample`` is not between 1 and the number of workplaces.
        """
        n_workplaces = len(offsets) - 1
        if nodes < 2:
            raise ValueError(f"nodes = {nodes}: the outside option needs at least 2 Chebyshev nodes; 8 is the default")
        if subsample is None:
            subsample = n_workplaces
        if not 1 <= subsample <= n_workplaces:
            raise ValueError(f"subsample = {subsample}: choose between 1 and {n_workplaces}, the number of workplaces")
        # Systematic sampling from the workplaces in order of size: every size class gets its share.
        order = np.argsort(np.diff(offsets), kind="stable")
        start = np.random.default_rng(seed).uniform() if subsample < n_workplaces else 0.5
        picks = np.floor((np.arange(subsample) + start) * n_workplaces / subsample).astype(np.int64)
        chosen = np.sort(order[picks])
        weight = np.full(subsample, n_workplaces / subsample)
        return cls(chosen.astype(np.int64), np.empty(0, np.int64), weight, nodes)

    @classmethod
    def sampled(cls, offsets: np.ndarray, seed: int = 0) -> Self:
        """Give every workplace one worker drawn at random from the whole sample, as the paper does."""
        n_workplaces = len(offsets) - 1
        worker = np.random.default_rng(seed).integers(0, offsets[-1], n_workplaces)
        return cls(np.arange(n_workplaces), worker, np.ones(n_workplaces), 0)

    @property
    def kind(self) -> str:
        """``"exact"`` or ``"sampled"``."""
        return "exact" if self.nodes else "sampled"


class OutsideOption(NamedTuple):
    """An equilibrium of outside options. All zero where ``status`` is not ``Status.OK``."""

    value: np.ndarray
    """(N,) outside alternative V(z_n) of each worker, wage units."""
    output: np.ndarray
    """(F,) net revenue per worker Q_f, wage units."""
    coefficients: np.ndarray
    """(C,) Chebyshev coefficients of V on the sample's range of z."""
    domain: np.ndarray
    """(2,) center and half-width of the range of z."""
    diagnostics: np.ndarray
    """(3,) share of workplaces feasible, Newton iterations, status."""
    cutoffs: np.ndarray
    """(F,) log talent cut-offs (minus infinity at beta = 0)."""
    newcomer_cutoffs: np.ndarray
    """(E, J) log cut-offs with the newcomer present."""
    marginal_product: np.ndarray
    """(E, J) value marginal product of each match's newcomers, equation (7), wage units."""

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
        """V at any z inside the sample's range."""
        u = (np.asarray(external_index) - self.domain[0]) / self.domain[1]
        return np.polynomial.chebyshev.chebval(u, self.coefficients)


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


@kernel
def chebyshev(u, values, slopes):
    """Chebyshev polynomials T_0.. at u and their derivatives."""
    values[0], slopes[0] = 1.0, 0.0
    values[1], slopes[1] = u, 1.0
    for c in range(2, values.shape[0]):
        values[c] = 2.0 * u * values[c - 1] - values[c - 2]
        slopes[c] = 2.0 * values[c - 1] + 2.0 * u * slopes[c - 1] - slopes[c - 2]


@kernel
def domain_of(z):
    """(center, half-width with its floor, position of the smallest, of the largest)."""
    first, last = 0, 0
    for n in range(z.shape[0]):
        if z[n] < z[first]:
            first = n
        if z[n] > z[last]:
            last = n
    return 0.5 * (z[first] + z[last]), max(0.5 * (z[last] - z[first]), HALF_WIDTH_FLOOR), first, last


@kernel
def chebyshev_node(j, nodes):
    """The j-th Chebyshev node in (-1, 1)."""
    return math.cos(math.pi * (j + 0.5) / nodes)


@kernel
def newcomer_index(p, domain, nodes, e, j):
    """External index of the j-th newcomer whom workplace e of the matching meets."""
    if nodes:
        return domain[0] + domain[1] * chebyshev_node(j, nodes)
    return p.external_index[p.match_worker[e]]


@kernel
def with_newcomer(table, k, beta, scale, log_talent, weight, marginal, span, z, ln_cutoff):
    """Total output of a team and one more worker z at their log cut-off; z = minus infinity adds nobody.

    Returns (total, d ln total/d beta, factor, d total/dz); d total/d theta_n = factor marginal[n].
    """
    extra = math.exp(z - span[1])
    if beta == 0.0:
        for i in range(weight.shape[0]):
            marginal[i] = weight[i]
        factor = math.exp(math.log(scale) + span[1])
        return factor * (total_of(weight) + extra), 0.0, factor, factor * extra
    h, f, e = worker_output(table, k, ln_cutoff - z) if extra > 0.0 else (0.0, 0.0, 0.0)
    share, moment = sum_output(table, k, ln_cutoff, log_talent, weight, span, marginal)
    share += extra * f
    moment += extra * e
    c = table.constants[k]
    omega = math.exp(math.log(scale) + ln_omega(table, k, ln_cutoff) + span[1])
    own = extra * (c[EXCESS_WEIGHT] * h + c[SHARE_WEIGHT] * f)
    slope, factor = beta_slope(table, k, ln_cutoff, share, moment), omega * c[OUTSIDE]
    return omega * share, slope, factor, factor * own


@kernel
def _forward_block(first, last, table, p, weight, marginal, totals, cutoffs, status, moments, domain):
    """Solve workplaces first..last: totals, log cut-offs, and the sums over workers of the basis of V."""
    table, p = Table(*table), Problem(*p)
    values, slopes = np.empty(moments.shape[1]), np.empty(moments.shape[1])
    for f in range(first, last):
        k, lo, hi = p.industry[f], p.offsets[f], p.offsets[f + 1]
        status[f], cutoffs[f], totals[f], _, _ = solve_team(
            table, k, p.beta[k], p.scale[k], p.log_talent[lo:hi], weight[lo:hi], marginal[lo:hi]
        )
        for n in range(lo, hi):
            chebyshev((p.external_index[n] - domain[0]) / domain[1], values, slopes)
            for c in range(values.shape[0]):
                moments[f, c] += values[c]


@kernel
def _match_block(first, last, table, p, weight, marginal, totals, cutoffs, status, domain, nodes, plus, worth):
    """Marginal products of the newcomers that matches first..last meet."""
    table, p = Table(*table), Problem(*p)
    for e in range(first, last):
        f = p.match_workplace[e]
        k, lo, hi = p.industry[f], p.offsets[f], p.offsets[f + 1]
        own, w = p.log_talent[lo:hi], weight[lo:hi]
        span = span_of(own)
        x = cutoffs[f]
        for j in range(plus.shape[1]):
            z = newcomer_index(p, domain, nodes, e, j)
            if p.beta[k] != 0.0:
                x, ok = find_cutoff(table, k, own, w, span, (z, math.exp(z - span[1])), x)
                if not ok:
                    status[f] = Status.NOT_CONVERGED.value
            total, _, _, _ = with_newcomer(table, k, p.beta[k], p.scale[k], own, w, marginal[lo:hi], span, z, x)
            plus[e, j], worth[e, j] = x, total - totals[f]


@kernel
def _value_block(first, last, z, domain, b, value):
    values, slopes = np.empty(b.shape[0]), np.empty(b.shape[0])
    for n in range(first, last):
        chebyshev((z[n] - domain[0]) / domain[1], values, slopes)
        for c in range(b.shape[0]):
            value[n] += b[c] * values[c]


@kernel
def _feasibility(surplus, total, size, softness):
    """(weight of a workplace in the mean, its derivative in the surplus)."""
    if softness == 0.0:
        return (1.0 if surplus >= -_ROUNDING * total else 0.0), 0.0
    w = 1.0 / (1.0 + math.exp(-min(max(surplus / (size * softness), -700.0), 700.0)))
    return w, w * (1.0 - w) / (size * softness)


@kernel
def basis_of_matches(p, domain, size):
    """Basis of V and its derivative at the external index of each matched worker (sampled)."""
    n = p.match_worker.shape[0]
    values, slopes = np.empty((n, size)), np.empty((n, size))
    for e in range(n):
        chebyshev((p.external_index[p.match_worker[e]] - domain[0]) / domain[1], values[e], slopes[e])
    return values, slopes


@kernel
def feasibility_weights(p, totals, moments, b):
    """Feasibility weights of the matches and their derivatives in the surplus, at coefficients b."""
    n = p.match_workplace.shape[0]
    weight, slope = np.empty(n), np.empty(n)
    for e in range(n):
        f = p.match_workplace[e]
        surplus = totals[f]
        for c in range(b.shape[0]):
            surplus -= moments[f, c] * b[c]
        w, s = _feasibility(surplus, totals[f], p.offsets[f + 1] - p.offsets[f], p.softness)
        weight[e], slope[e] = p.match_weight[e] * w, p.match_weight[e] * s
    return weight, slope


@kernel
def gain(p, worth):
    """max(VMP - V_U, 0)."""
    return max(worth - p.floor, 0.0)


@kernel
def interpolation(nodes):
    """(C, J) matrix from values at the Chebyshev nodes to coefficients."""
    matrix = np.empty((nodes, nodes))
    for c in range(nodes):
        for j in range(nodes):
            matrix[c, j] = (2.0 if c else 1.0) / nodes * math.cos(math.pi * c * (j + 0.5) / nodes)
    return matrix


@kernel
def gram_matrix(phi, weight):
    """Weighted Gram matrix (C, C) of the basis at the matched workers (sampled)."""
    size = phi.shape[1]
    gram = np.zeros((size, size))
    for e in range(phi.shape[0]):
        for c in range(size):
            for g in range(c + 1):
                gram[c, g] += weight[e] * phi[e, c] * phi[e, g]
    for c in range(size):
        for g in range(c):
            gram[g, c] = gram[c, g]
        gram[c, c] += 1e-14 * gram[0, 0]  # all z equal: the constant alone is determined
    return gram


@kernel
def update_coefficients(p, worth, phi, weight, nodes):
    """One application of the map: new coefficients, and d coefficients/d weight of each match (E, C)."""
    n_matches = weight.shape[0]
    if nodes:
        mass, mean = total_of(weight), np.zeros(nodes)
        for e in range(n_matches):
            for j in range(nodes):
                mean[j] += weight[e] * gain(p, worth[e, j])
        for j in range(nodes):
            mean[j] /= mass
        matrix = interpolation(nodes)
        values, sensitivity = np.empty(nodes), np.zeros((n_matches, nodes))
        for j in range(nodes):
            values[j] = p.floor + p.power * mean[j]
        for e in range(n_matches):
            for j in range(nodes):
                a = p.power * (gain(p, worth[e, j]) - mean[j]) / mass
                for c in range(nodes):
                    sensitivity[e, c] += matrix[c, j] * a
        return times(matrix, values), sensitivity
    size = phi.shape[1]
    gram, moment = gram_matrix(phi, weight), np.zeros(size)
    for e in range(n_matches):
        v = p.floor + p.power * gain(p, worth[e, 0])
        for c in range(size):
            moment[c] += weight[e] * v * phi[e, c]
    b, sensitivity = solve_linear(gram, moment), solve_linear_rows(gram, phi)
    for e in range(n_matches):
        residual = p.floor + p.power * gain(p, worth[e, 0])
        for c in range(size):
            residual -= phi[e, c] * b[c]
        for c in range(size):
            sensitivity[e, c] *= residual
    return b, sensitivity


@kernel
def map_jacobian(p, moments, sensitivity, slope):
    """D map / d coefficients (C, C)."""
    size = moments.shape[1]
    jacobian = np.zeros((size, size))
    for e in range(slope.shape[0]):
        if slope[e] > 0.0:
            f = p.match_workplace[e]
            for c in range(size):
                a = sensitivity[e, c] * slope[e]
                for g in range(size):
                    jacobian[c, g] -= a * moments[f, g]
    return jacobian


@kernel
def _fixed_point(p, totals, moments, worth, phi, nodes):
    """Newton's method on the coefficients of V, from the one where every workplace counts."""
    size, n_matches = moments.shape[1], worth.shape[0]
    b, _ = update_coefficients(p, worth, phi, p.match_weight, nodes)
    for iteration in range(1, _MAX_ITERATIONS + 1):
        weight, slope = feasibility_weights(p, totals, moments, b)
        if not total_of(weight) > 1e-8 * n_matches:
            return b, iteration, Status.NO_FEASIBLE_WORKPLACE.value
        new, sensitivity = update_coefficients(p, worth, phi, weight, nodes)
        if p.softness > 0.0:
            jacobian = map_jacobian(p, moments, sensitivity, slope)
            for c in range(size):
                new[c] -= b[c]
                for g in range(size):
                    jacobian[c, g] = (c == g) - jacobian[c, g]
            new = solve_linear(jacobian, new)
            for c in range(size):
                new[c] += b[c]
        if not all_finite(new):
            return b, iteration, Status.NON_FINITE.value
        change, largest = 0.0, 0.0
        for c in range(size):
            change, largest = max(change, abs(new[c] - b[c])), max(largest, abs(new[c]))
        b = new
        if change <= 1e-12 * (1.0 + largest):
            return b, iteration, Status.OK.value
    return b, _MAX_ITERATIONS, Status.NOT_CONVERGED.value


@kernel
def _inputs_finite(p):
    p = Problem(*p)
    return all_finite(p.log_talent) and all_finite(p.external_index) and abs(p.power) < np.inf and abs(p.floor) < np.inf


@kernel
def _equilibrium(p, totals, moments, worth, domain, nodes, output, b, diagnostics):
    """Coefficients of V, output per worker, share feasible; returns whether it was found."""
    p = Problem(*p)
    phi, _ = basis_of_matches(p, domain, moments.shape[1])
    found, iterations, code = _fixed_point(p, totals, moments, worth, phi, nodes)
    diagnostics[1], diagnostics[2] = iterations, code
    if code > 0:
        return False
    for c in range(b.shape[0]):
        b[c] = found[c]
    feasible = 0
    for f in range(totals.shape[0]):
        output[f] = totals[f] / (p.offsets[f + 1] - p.offsets[f])
        feasible += totals[f] * (1.0 + _ROUNDING) >= dot(moments[f], b)
    diagnostics[0] = feasible / totals.shape[0]
    return True


def _solve(p, nodes, blocks):
    n_workplaces, n_workers, n_matches = p[2].shape[0] - 1, p[0].shape[0], p[8].shape[0]
    size, per_match = nodes if nodes else CUBIC, nodes if nodes else 1
    table, z = tuple_of(build_table(p[4])), p[1]
    weight, marginal = np.empty(n_workers), np.empty(n_workers)
    totals, cutoffs, status = np.zeros(n_workplaces), np.zeros(n_workplaces), np.zeros(n_workplaces, np.int64)
    moments = np.zeros((n_workplaces, size))
    plus, worth = np.zeros((n_matches, per_match)), np.zeros((n_matches, per_match))
    value, output, b = np.zeros(n_workers), np.zeros(n_workplaces), np.zeros(size)
    diagnostics = np.zeros(3)
    center, width, _, _ = domain_of(z)
    domain = np.empty(2)
    domain[0], domain[1] = center, width
    results = (value, output, b, domain, diagnostics, cutoffs, plus, worth)
    if not _inputs_finite(p):
        diagnostics[2] = Status.NON_FINITE.value
        return results
    edges = row_blocks(p[2], blocks)
    for i in numba.prange(blocks):
        _forward_block(edges[i], edges[i + 1], table, p, weight, marginal, totals, cutoffs, status, moments, domain)
    if span_of(status)[1] == 0:
        for i in numba.prange(blocks):
            first, last = i * n_matches // blocks, (i + 1) * n_matches // blocks
            _match_block(first, last, table, p, weight, marginal, totals, cutoffs, status, domain, nodes, plus, worth)
    for f in range(n_workplaces):
        diagnostics[2] = max(diagnostics[2], float(status[f]))
    if diagnostics[2] == 0 and _equilibrium(p, totals, moments, worth, domain, nodes, output, b, diagnostics):
        for i in numba.prange(blocks):
            _value_block(i * n_workers // blocks, (i + 1) * n_workers // blocks, z, domain, b, value)
    return results


solve = compiled(_solve)
solve_parallel = compiled(_solve, parallel=True)


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
        As in :func:`bayes_labor.theory.assignment.solve_assignment`.
    bargaining_power
        d in [0, 1], the outsider's share of the gain from a match.
    unemployment_value
        V_U, wage units.
    matching
        How the expectation over workplaces is taken; ``Matching.exact(offsets)`` by default.
    softness
        0 (hard): workplaces with a negative surplus do not count. s > 0 (smooth): a workplace counts with weight
        expit(S_f/(N_f s)); s in wage units per worker, 1% of the mean wage is the usual choice.
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
        matching.workplace, matching.worker, matching.weight, float(softness),
    )  # fmt: skip
    run = solve if threads == 1 else solve_parallel
    return OutsideOption(*run(tuple(problem), matching.nodes, check_threads(threads)))
