"""Gradients of the outside options, by the implicit function theorem.

One small linear solve gives the adjoint of the fixed point (section 3 of the joint-production model); everything else is one
pass over the workers at the cut-offs already found.
"""

import math

import numba
import numpy as np

from bayes_labor.theory.compilation import compiled, kernel
from bayes_labor.theory.linear import dot, solve_linear, span_of, times, total_of
from bayes_labor.theory.outside_option import (
    HALF_WIDTH_FLOOR,
    Problem,
    basis_of_matches,
    chebyshev,
    chebyshev_node,
    domain_of,
    feasibility_weights,
    gain,
    gram_matrix,
    interpolation,
    map_jacobian,
    newcomer_index,
    update_coefficients,
    with_newcomer,
)
from bayes_labor.theory.ragged import row_blocks
from bayes_labor.theory.talent_table import Table, build_table, tuple_of


@kernel
def _pull_block(first, last, table, p, forward, cotangents, nodes, out):
    """Gradients of workplaces first..last in talents, external indices, beta and scale.

    ``cotangents`` are those of totals (F,), marginal products (E, J), moments (F, C) and values (N,), and the match (F,) of
    each workplace, -1 for none.
    """
    table, p = Table(*table), Problem(*p)
    b, domain, cutoffs, plus = forward[2], forward[3], forward[5], forward[6]
    g_total, g_worth, g_moment, g_value, match = cotangents
    g_theta, g_u, g_beta, g_scale, g_newcomer, weight, marginal = out
    values, slopes = np.empty(b.shape[0]), np.empty(b.shape[0])
    for f in range(first, last):
        k, lo, hi, e = p.industry[f], p.offsets[f], p.offsets[f + 1], match[f]
        own, w, m = p.log_talent[lo:hi], weight[lo:hi], marginal[lo:hi]
        pulled, scale, beta = g_theta[lo:hi], p.scale[k], p.beta[k]
        span = span_of(own)
        for i in range(hi - lo):
            w[i] = math.exp(own[i] - span[1])
        direct = g_total[f]
        for j in range(plus.shape[1] if e >= 0 else 0):
            g = g_worth[e, j]
            direct -= g
            z = newcomer_index(p, domain, nodes, e, j)
            total, slope, factor, dz = with_newcomer(table, k, beta, scale, own, w, m, span, z, plus[e, j])
            for i in range(hi - lo):
                pulled[i] += g * factor * m[i]
            g_newcomer[e, j] = g * dz
            g_beta[f] += g * total * slope
            g_scale[f] += g * total / scale
        total, slope, factor, _ = with_newcomer(table, k, beta, scale, own, w, m, span, -np.inf, cutoffs[f])
        g_beta[f] += direct * total * slope
        g_scale[f] += direct * total / scale
        for i in range(hi - lo):
            n = lo + i
            pulled[i] += direct * factor * m[i]
            chebyshev((p.external_index[n] - domain[0]) / domain[1], values, slopes)
            for c in range(b.shape[0]):
                g_u[n] += (g_value[n] * b[c] + g_moment[f, c]) * slopes[c]


@kernel
def _moments(p, domain, size, g_value):
    """Sums of the basis of V by workplace (F, C), and over all workers weighted by the cotangent of V (C,)."""
    moments, g_b = np.zeros((p.offsets.shape[0] - 1, size)), np.zeros(size)
    values, slopes = np.empty(size), np.empty(size)
    for f in range(moments.shape[0]):
        for n in range(p.offsets[f], p.offsets[f + 1]):
            chebyshev((p.external_index[n] - domain[0]) / domain[1], values, slopes)
            for c in range(size):
                moments[f, c] += values[c]
                g_b[c] += g_value[n] * values[c]
    return moments, g_b


@kernel
def _pull_fixed_point(p, forward, g_value, g_output, nodes):
    """Cotangents of all that enters the fixed point: those of :func:`_pull_block`, the matched basis (E,), d and V_U."""
    p = Problem(*p)
    output, b, domain, worth = forward[1], forward[2], forward[3], forward[7]
    n_workplaces, size = output.shape[0], b.shape[0]
    totals, g_total = np.empty(n_workplaces), np.empty(n_workplaces)
    for f in range(n_workplaces):
        n = p.offsets[f + 1] - p.offsets[f]
        totals[f], g_total[f] = output[f] * n, g_output[f] / n
    moments, g_b = _moments(p, domain, size, g_value)
    phi, dphi = basis_of_matches(p, domain, size)
    weight, weight_slope = feasibility_weights(p, totals, moments, b)
    _, sensitivity = update_coefficients(p, worth, phi, weight, nodes)
    jacobian = map_jacobian(p, moments, sensitivity, weight_slope)
    transposed = np.empty((size, size))
    for c in range(size):
        for g in range(size):
            transposed[g, c] = (c == g) - jacobian[c, g]
    adjoint = solve_linear(transposed, g_b)
    g_worth, g_basis, g_power, g_floor = _pull_update(p, worth, phi, dphi, weight, b, adjoint, nodes)
    g_moment = np.zeros((n_workplaces, size))
    match = np.full(n_workplaces, -1, np.int64)
    for e in range(worth.shape[0]):
        f = p.match_workplace[e]
        match[f] = e
        g_surplus = dot(sensitivity[e], adjoint) * weight_slope[e]
        g_total[f] += g_surplus
        for c in range(size):
            g_moment[f, c] = -g_surplus * b[c]
    return (g_total, g_worth, g_moment, g_value, match), g_basis, g_power, g_floor


@kernel
def _pull_update(p, worth, phi, dphi, weight, b, adjoint, nodes):
    """Pull a cotangent of the coefficients back through the map: to marginal products, d, V_U and the matched basis."""
    n_matches = weight.shape[0]
    g_worth, g_basis = np.zeros(worth.shape), np.zeros(n_matches)
    g_power, g_floor = 0.0, 0.0
    mass = total_of(weight)
    if nodes:
        q = times(interpolation(nodes).T, adjoint)
    else:
        q = solve_linear(gram_matrix(phi, weight), adjoint)
    for e in range(n_matches):
        for j in range(worth.shape[1]):
            surplus, base = gain(p, worth[e, j]), p.floor
            g = 0.0
            if nodes:
                g = q[j] * weight[e] / mass
            else:
                fitted, residual = 0.0, base + p.power * surplus
                for c in range(q.shape[0]):
                    g += q[c] * phi[e, c] * weight[e]
                    residual -= phi[e, c] * b[c]
                    fitted += phi[e, c] * q[c]
                for c in range(q.shape[0]):
                    g_basis[e] += weight[e] * (q[c] * residual - b[c] * fitted) * dphi[e, c]
            g_power += g * surplus
            g_floor += g * (1.0 - p.power if surplus > 0.0 else 1.0)
            g_worth[e, j] = g * p.power if surplus > 0.0 else 0.0
    return g_worth, g_basis, g_power, g_floor


@kernel
def _pull_domain(p, domain, g_u, g_newcomer, g_basis, nodes, g_z):
    """From the scaled index u = (z - center)/width and the newcomers' indices to z, center and width included."""
    p = Problem(*p)
    z = p.external_index
    center, width, first, last = domain_of(z)
    g_center, g_width = 0.0, 0.0
    if nodes:
        for e in range(g_newcomer.shape[0]):
            for j in range(nodes):
                g_center += g_newcomer[e, j]
                g_width += g_newcomer[e, j] * chebyshev_node(j, nodes)
    else:
        for e in range(g_newcomer.shape[0]):
            n = p.match_worker[e]
            g_z[n] += g_newcomer[e, 0]
            g_u[n] += g_basis[e]
    for n in range(z.shape[0]):
        g = g_u[n] / width
        g_z[n] += g
        g_center -= g
        g_width -= g * (z[n] - center) / width
    if width <= HALF_WIDTH_FLOOR:
        g_width = 0.0
    g_z[first] += 0.5 * (g_center - g_width)
    g_z[last] += 0.5 * (g_center + g_width)


@kernel
def _by_industry(p, per_workplace, rows):
    total = np.zeros(rows)
    for f in range(per_workplace.shape[0]):
        total[p[3][f]] += per_workplace[f]
    return total


def _pullback(p, forward, g_value, g_output, nodes, blocks):
    n_workplaces, n_workers, rows = p[2].shape[0] - 1, p[0].shape[0], p[4].shape[0]
    g_theta, g_u, g_z = np.zeros(n_workers), np.zeros(n_workers), np.zeros(n_workers)
    g_beta, g_scale = np.zeros(n_workplaces), np.zeros(n_workplaces)
    g_power, g_floor = 0.0, 0.0
    if forward[4][2] == 0.0:
        table = tuple_of(build_table(p[4]))
        cotangents, g_basis, g_power, g_floor = _pull_fixed_point(p, forward, g_value, g_output, nodes)
        g_newcomer = np.zeros(forward[7].shape)
        weight, marginal = np.empty(n_workers), np.empty(n_workers)
        out = (g_theta, g_u, g_beta, g_scale, g_newcomer, weight, marginal)
        edges = row_blocks(p[2], blocks)
        for i in numba.prange(blocks):
            _pull_block(edges[i], edges[i + 1], table, p, forward, cotangents, nodes, out)
        _pull_domain(p, forward[3], g_u, g_newcomer, g_basis, nodes, g_z)
    return g_theta, g_z, _by_industry(p, g_beta, rows), _by_industry(p, g_scale, rows), g_power, g_floor


pullback = compiled(_pullback)
pullback_parallel = compiled(_pullback, parallel=True)
