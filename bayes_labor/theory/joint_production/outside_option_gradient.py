"""Gradients of the outside options, by the implicit function theorem.

One small linear solve gives the adjoint of the fixed point (section 3 of the joint-production model); everything else is one
pass over the workers at the cut-offs already found.
"""

import math
from typing import NamedTuple

import numba
import numpy as np

from bayes_labor.numerics.chebyshev import HALF_WIDTH_FLOOR, add_basis, differentiate, domain_of, node, series
from bayes_labor.numerics.compilation import by_threads, kernel, leaf
from bayes_labor.numerics.linear import dot, span_of
from bayes_labor.numerics.ragged import largest_row, row_blocks
from bayes_labor.theory.joint_production.outside_option import (
    OutsideOption,
    Problem,
    matches_of,
    matches_of_workplaces,
    newcomer_index,
    team_gradient,
    workers_of,
)
from bayes_labor.theory.joint_production.talent_table import Table, build_table, tuple_of
from bayes_labor.theory.joint_production.value_map import feasibility, fill_score, gain, pull_root, residual

_CHUNKS = 256  # sums over workers are taken chunk by chunk, whatever the number of threads: so are their digits


class Cotangents(NamedTuple):
    """What reaches workplaces and workers once the fixed point is pulled back."""

    total: np.ndarray  # (F,)
    worth: np.ndarray  # (E, J)
    surplus: np.ndarray  # (F,) through the feasibility weights: times -b it is the cotangent of the basis sums
    value: np.ndarray  # (N,) zero for workers held at V_U
    match: np.ndarray  # (F + 1,) first match of each workplace


@leaf
def _pull_total(table, p, f, g, team, z, ln_cutoff, marginal, out):
    """Add the gradients of g times the total of workplace f and a newcomer z; returns that in z."""
    g_theta, _, g_beta, g_scale, _ = out
    k, lo, (own, weight, span) = p.industry[f], p.offsets[f], team
    m, scale = marginal[: own.shape[0]], p.scale[k]
    total, slope, factor, dz = team_gradient(table, k, scale, own, weight, m, span, z, ln_cutoff)
    for i in range(own.shape[0]):
        g_theta[lo + i] += g * factor * m[i]
    g_beta[f] += g * total * slope
    g_scale[f] += g * total / scale
    return g * dz


@leaf
def _pull_workplace(f, table, p, forward, cotangents, nodes, out, weight, marginal):
    """Gradients of workplace f's totals, alone and with each newcomer of its matches."""
    own, copies = p.log_talent[p.offsets[f] : p.offsets[f + 1]], p.copies[p.offsets[f] : p.offsets[f + 1]]
    span, w = span_of(own), weight[: own.shape[0]]
    for i in range(own.shape[0]):
        w[i] = copies[i] * math.exp(own[i] - span[1])
    alone, team = cotangents.total[f], (own, w, span)
    for e in range(cotangents.match[f], cotangents.match[f + 1]):
        for j in range(forward.newcomer_cutoffs.shape[1]):
            g = cotangents.worth[e, j]
            if g != 0.0:
                alone -= g
                z = newcomer_index(p, forward.domain, nodes, e, j)
                out[4][e, j] = _pull_total(table, p, f, g, team, z, forward.newcomer_cutoffs[e, j], marginal, out)
    _pull_total(table, p, f, alone, team, -np.inf, forward.cutoffs[f], marginal, out)


@kernel
def _pull_block(first, last, edges, table, p, forward, cotangents, nodes, out, moved):
    """Gradients of the workplaces of chunks first..last; fills each chunk's sums of g_u and g_u u, which move the domain."""
    table, p, forward, cotangents = Table(*table), Problem(*p), OutsideOption(*forward), Cotangents(*cotangents)
    b, domain, g_u = forward.coefficients, forward.domain, out[1]
    size = largest_row(p.offsets, edges[first], edges[last])
    weight, marginal, slope = np.empty(size), np.empty(size), np.empty(b.shape[0])
    differentiate(b, slope)
    for c in range(first, last):
        for f in range(edges[c], edges[c + 1]):
            _pull_workplace(f, table, p, forward, cotangents, nodes, out, weight, marginal)
            _pull_index(f, p, cotangents, domain, slope, g_u, moved[c])


@leaf
def _pull_index(f, p, cotangents, domain, slope, g_u, moved):
    """Gradients of workplace f's values and basis sums in its workers' index; ``slope`` is the series of V'."""
    for n in range(p.offsets[f], p.offsets[f + 1]):
        u = (p.external_index[n] - domain[0]) / domain[1]
        g_u[n] += (cotangents.value[n] - p.copies[n] * cotangents.surplus[f]) * series(slope, u)
        moved[0] += g_u[n]
        moved[1] += g_u[n] * u
        g_u[n] /= domain[1]


@leaf
def _basis_block(first, last, edges, offsets, z, forward, g_value, g_series, sums, held):
    """Pass the cotangents of V on, in chunks first..last: those of workers held at V_U to it, the others' to the series.

    Fills ``g_series`` (N,), each chunk's sums of the basis weighted by it, and the sums ``held`` (C,) that V_U gets.
    """
    value, domain = forward
    for c in range(first, last):
        for n in range(offsets[edges[c]], offsets[edges[c + 1]]):
            if value[n] > domain[2]:
                g_series[n] = g_value[n]
                add_basis((z[n] - domain[0]) / domain[1], g_value[n], sums[c])
            else:
                g_series[n] = 0.0
                held[c] += g_value[n]


@kernel
def _pull_fixed_point(p, forward, g_b, g_series, g_output, nodes, g_u):
    """Cotangents of all that enters the fixed point; adds those of the matched workers' basis to ``g_u``.

    Returns (those of :func:`_pull_block`, d, V_U).
    """
    p, forward = Problem(*p), OutsideOption(*forward)
    n_workplaces = forward.output.shape[0]
    totals, g_total, g_surplus = np.empty(n_workplaces), np.empty(n_workplaces), np.zeros(n_workplaces)
    for f in range(n_workplaces):
        n = workers_of(p, f)
        totals[f], g_total[f] = forward.output[f] * n, g_output[f] / n
    m = matches_of(p, totals, forward.basis_sums, forward.marginal_product, forward.domain, nodes)
    q = pull_root(m, forward.coefficients, g_b)
    g_worth = np.zeros(forward.marginal_product.shape)
    score = np.empty(q.shape[0])
    g_power, g_floor = _pull_matches(p, m, forward, q, score, g_worth, g_total, g_surplus)
    if not nodes:
        derivatives = np.empty((2, q.shape[0]))
        _pull_basis(p, m, forward, q, derivatives, g_u)
    match = matches_of_workplaces(p.match_workplace, n_workplaces)
    return (g_total, g_worth, g_surplus, g_series, match), g_power, g_floor


@leaf
def _pull_matches(p, m, forward, q, score, g_worth, g_total, g_surplus):
    """Pull q, the cotangent of h, back to marginal products and surpluses; returns those of d and V_U."""
    b, g_power, g_floor = forward.coefficients, 0.0, 0.0
    for e in range(m.weight.shape[0]):
        weight, slope = feasibility(m, b, e)
        if slope > 0.0:
            fill_score(m, b, e, score)
            f = p.match_workplace[e]
            own = dot(score, q) * slope
            g_surplus[f] += own
            g_total[f] += own
        for j in range(m.worth.shape[1]):
            surplus, g = gain(m, e, j), weight * (q[j] if m.nodes else dot(m.basis[e], q))
            g_power += g * surplus
            g_floor += g * (1.0 - m.power if surplus > 0.0 else 1.0)
            g_worth[e, j] = g * m.power if surplus > 0.0 else 0.0
    return g_power, g_floor


@leaf
def _pull_basis(p, m, forward, q, derivatives, g_u):
    """Pull q back to the scaled index of the matched workers, through their rows of the regression."""
    b, domain = forward.coefficients, forward.domain
    differentiate(b, derivatives[0])
    differentiate(q, derivatives[1])
    for e in range(m.weight.shape[0]):
        n, (weight, _) = p.match_worker[e], feasibility(m, b, e)
        u = (p.external_index[n] - domain[0]) / domain[1]
        slope = residual(m, b, e, 0) * series(derivatives[1], u) - dot(m.basis[e], q) * series(derivatives[0], u)
        g_u[n] += weight * slope


@kernel
def _pull_domain(p, domain, moved, g_newcomer, nodes, g_z):
    """Add what the newcomers' indices, center and width of the domain pass on to z."""
    p = Problem(*p)
    _, width, first, last = domain_of(p.external_index)
    g_center, g_width = -moved[0] / width, -moved[1] / width
    for e in range(g_newcomer.shape[0]):
        if nodes:
            for j in range(nodes):
                g_center += g_newcomer[e, j]
                g_width += g_newcomer[e, j] * node(j, nodes)
        else:
            g_z[p.match_worker[e]] += g_newcomer[e, 0]
    if width <= HALF_WIDTH_FLOOR:
        g_width = 0.0
    g_z[first] += 0.5 * (g_center - g_width)
    g_z[last] += 0.5 * (g_center + g_width)


@kernel
def _by_industry(industry, per_workplace, rows):
    total = np.zeros(rows)
    for f in range(per_workplace.shape[0]):
        total[industry[f]] += per_workplace[f]
    return total


def _pullback(
    log_talent, external_index, offsets, industry, beta, scale, power, floor,
    match_workplace, match_worker, match_weight, softness, copies,
    value, output, coefficients, domain, diagnostics, cutoffs, newcomer_cutoffs, marginal_product, basis_sums,
    g_value, g_output, nodes, blocks,
):  # fmt: skip
    p = (
        log_talent, external_index, offsets, industry, beta, scale, power, floor,
        match_workplace, match_worker, match_weight, softness, copies,
    )  # fmt: skip
    forward = (value, output, coefficients, domain, diagnostics, cutoffs, newcomer_cutoffs, marginal_product, basis_sums)
    n_workplaces, n_workers, rows = offsets.shape[0] - 1, log_talent.shape[0], beta.shape[0]
    g_theta, g_z = np.zeros(n_workers), np.zeros(n_workers)
    g_beta, g_scale, g_newcomer = np.zeros(n_workplaces), np.zeros(n_workplaces), np.zeros(marginal_product.shape)
    g_power, g_floor = 0.0, 0.0
    if diagnostics[2] == 0.0:
        table, edges = tuple_of(build_table(beta)), row_blocks(offsets, _CHUNKS)
        sums, moved = np.zeros((_CHUNKS, coefficients.shape[0])), np.zeros((_CHUNKS, 2))
        g_series, held = np.empty(n_workers), np.zeros(_CHUNKS)
        for i in numba.prange(blocks):
            first, last = i * _CHUNKS // blocks, (i + 1) * _CHUNKS // blocks
            _basis_block(first, last, edges, offsets, external_index, (value, domain), g_value, g_series, sums, held)
        g_b = sums.sum(0)
        cotangents, g_power, g_floor = _pull_fixed_point(p, forward, g_b, g_series, g_output, nodes, g_z)
        g_floor += held.sum()
        out = (g_theta, g_z, g_beta, g_scale, g_newcomer)
        for i in numba.prange(blocks):
            first, last = i * _CHUNKS // blocks, (i + 1) * _CHUNKS // blocks
            _pull_block(first, last, edges, table, p, forward, cotangents, nodes, out, moved)
        _pull_domain(p, domain, moved.sum(0), g_newcomer, nodes, g_z)
    return g_theta, g_z, _by_industry(industry, g_beta, rows), _by_industry(industry, g_scale, rows), g_power, g_floor


pullback = by_threads(_pullback)
