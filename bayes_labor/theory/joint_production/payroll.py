r"""The Nash payroll: everyone's outside alternative plus a share of the workplace's surplus.

Section 4 of the joint-production model, equations (8)-(10): shares are the softmax over a workplace of the power index,
:math:`S_f = N_f Q_f - \sum_n V(z_n)` and :math:`W^*_n = V(z_n) + S_f\,\pi_n`, so that wages exhaust revenue.
"""

import math
from typing import NamedTuple

import numba
import numpy as np

from bayes_labor.numerics.compilation import by_threads, kernel, leaf
from bayes_labor.numerics.linear import span_of
from bayes_labor.numerics.ragged import as_offsets, check_vector, copies_or_ones, row_blocks


class Payroll(NamedTuple):
    """Predicted payrolls of F workplaces with N workers."""

    wage: np.ndarray
    """(N,) W*, wage units; sums to N_f Q_f in each workplace."""
    surplus: np.ndarray
    """(F,) S_f, wage units; negative where the workplace does not cover its outside options."""
    share: np.ndarray
    """(N,) share of the surplus, in [0, 1]; over all workers of a workplace they sum to 1."""


@leaf
def _pay_block(first, last, value, output, power_index, offsets, copies, wage, surplus, share):
    for f in range(first, last):
        lo, hi = offsets[f], offsets[f + 1]
        _, top = span_of(power_index[lo:hi])
        mass, outside, size = 0.0, 0.0, 0.0
        for n in range(lo, hi):
            share[n] = math.exp(power_index[n] - top)
            mass += copies[n] * share[n]
            outside += copies[n] * value[n]
            size += copies[n]
        surplus[f] = size * output[f] - outside
        for n in range(lo, hi):
            share[n] /= mass
            wage[n] = value[n] + surplus[f] * share[n]


def _pay(value, output, power_index, offsets, copies, blocks):
    wage, surplus, share = np.empty(value.shape[0]), np.empty(output.shape[0]), np.empty(value.shape[0])
    edges = row_blocks(offsets, blocks)
    for i in numba.prange(blocks):
        _pay_block(edges[i], edges[i + 1], value, output, power_index, offsets, copies, wage, surplus, share)
    return wage, surplus, share


@leaf
def _pull_block(first, last, surplus, share, offsets, copies, g_wage, g_surplus, g_share, g_value, g_output, g_index):
    for f in range(first, last):
        lo, hi = offsets[f], offsets[f + 1]
        total, mean, size = g_surplus[f], 0.0, 0.0
        for n in range(lo, hi):
            total += g_wage[n] * share[n]
            mean += (g_wage[n] * surplus[f] + g_share[n]) * share[n]
            size += copies[n]
        g_output[f] = size * total
        for n in range(lo, hi):
            g_value[n] = g_wage[n] - copies[n] * total
            g_index[n] = share[n] * (g_wage[n] * surplus[f] + g_share[n] - copies[n] * mean)


def _pull(surplus, share, offsets, copies, g_wage, g_surplus, g_share, blocks):
    g_value, g_output, g_index = np.empty(share.shape[0]), np.empty(surplus.shape[0]), np.empty(share.shape[0])
    edges = row_blocks(offsets, blocks)
    for i in numba.prange(blocks):
        _pull_block(
            edges[i], edges[i + 1], surplus, share, offsets, copies, g_wage, g_surplus, g_share, g_value, g_output, g_index
        )
    return g_value, g_output, g_index


pay, pay_pullback = by_threads(_pay), by_threads(_pull)


@kernel
def sum_by_workplace(values, offsets):
    """(F,) sums over the workers of each workplace."""
    out = np.zeros(offsets.shape[0] - 1)
    for f in range(out.shape[0]):
        for n in range(offsets[f], offsets[f + 1]):
            out[f] += values[n]
    return out


@kernel
def spread_like(values, offsets, like):
    """(N,) the value of each worker's workplace; ``like`` lends its length."""
    out = np.empty(like.shape[0])
    for f in range(values.shape[0]):
        for n in range(offsets[f], offsets[f + 1]):
            out[n] = values[f]
    return out


def solve_payroll(
    value: np.ndarray, output: np.ndarray, power_index: np.ndarray, offsets: np.ndarray, copies: np.ndarray | None = None
) -> Payroll:
    """Predicted wages from outside alternatives, output and bargaining power.

    Parameters
    ----------
    value
        (N,) float64, outside alternatives V(z_n), wage units.
    output
        (F,) float64, net revenue per worker Q_f, wage units.
    power_index
        (N,) float64, x (I - M) psi; a larger index means a larger share. Zero: equal shares.
    offsets
        (F + 1,) int, workers of workplace f are ``offsets[f]:offsets[f + 1]``.
    copies
        (N,) float64 > 0, how many workers of the workplace each one stands for; one by default. Shares of all of them sum to 1.

    Raises
    ------
    TypeError
        If a float input is not float64.
    ValueError
        If shapes do not fit.

    References
    ----------
    Ferrall, Salvanes and Sorensen, equations (8)-(10), with the sign of psi that their text describes.

    """
    value = check_vector("value", value)
    offsets = as_offsets(offsets, value.shape[0])
    output = check_vector("output", output, offsets.shape[0] - 1)
    index, copies = check_vector("power_index", power_index, value.shape[0]), copies_or_ones(copies, value.shape[0])
    return Payroll(*pay(1)(value, output, index, offsets, copies, 1))


def managing_probability(log_talent: np.ndarray, cutoff: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """(N,) share of time each worker spends in task 2, exp(-cut-off / mean talent)."""
    return np.exp(-np.repeat(cutoff, np.diff(offsets)) * np.exp(-log_talent))
