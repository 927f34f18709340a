r"""Two linear equations of the same workers with correlated normal effects (omega_i, mu_i), both integrated out.

First equation: r_1 = omega_i + N(0, sd_1^2). Second: r_2 = l omega_i + mu_i + N(0, sd_2^2), with a loading l by row. In the
model of the promotion prize the first is the salary increase on promotion and the second the log bonus, which omega enters
through the expected prize. Section 7c of the specification. Everything by worker is a 2 x 2 matrix; gradients are expectations
of the complete data's (Fisher's identity), so the same pass gives them.
"""

import math
from typing import NamedTuple

import numpy as np

from bayes_labor.numerics.compilation import kernel, leaf


@leaf
def _precisions(scales):
    """Of the errors of either equation, and the precision matrix of the effects (11, 12, 22)."""
    sd_omega, sd_mu, left = math.exp(scales[0]), math.exp(scales[1]), 1.0 - scales[2] * scales[2]
    w_1, w_2 = math.exp(-2.0 * scales[3]), math.exp(-2.0 * scales[4])
    p_12 = -scales[2] / (left * sd_omega * sd_mu)
    return w_1, w_2, 1.0 / (left * sd_omega * sd_omega), p_12, 1.0 / (left * sd_mu * sd_mu)


@leaf
def _effects(first, loading, second, w_1, w_2, p_11, p_12, p_22):
    """(E omega, E mu, Var omega, Cov, Var mu, log determinant of the precision, quadratic form) of one worker."""
    m_11, m_12, m_22 = p_11 + w_1 * first.shape[0], p_12, p_22 + w_2 * second.shape[0]
    z_1, z_2, squares = 0.0, 0.0, 0.0
    for t in range(first.shape[0]):
        z_1 += w_1 * first[t]
        squares += w_1 * first[t] * first[t]
    for t in range(second.shape[0]):
        m_11 += w_2 * loading[t] * loading[t]
        m_12 += w_2 * loading[t]
        z_1 += w_2 * loading[t] * second[t]
        z_2 += w_2 * second[t]
        squares += w_2 * second[t] * second[t]
    determinant = m_11 * m_22 - m_12 * m_12
    c_11, c_12, c_22 = m_22 / determinant, -m_12 / determinant, m_11 / determinant
    omega, mu = c_11 * z_1 + c_12 * z_2, c_12 * z_1 + c_22 * z_2
    return omega, mu, c_11, c_12, c_22, math.log(determinant), squares - z_1 * omega - z_2 * mu


@kernel
def paired_likelihood(first, second, loading, scales, first_offsets, second_offsets):
    """(log likelihood, its gradient in first (n,), second (m,), loading (m,), scales (5,)).

    ``first`` and ``second`` are residuals, a worker's rows adjacent, between ``first_offsets`` and ``second_offsets`` (G + 1,);
    ``scales``: log sd of omega, log sd of mu, their correlation, log sd of the errors of either equation.
    """
    sd_omega, sd_mu, corr = math.exp(scales[0]), math.exp(scales[1]), scales[2]
    left = 1.0 - corr * corr
    w_1, w_2, p_11, p_12, p_22 = _precisions(scales)
    workers, n, m = first_offsets.shape[0] - 1, first.shape[0], second.shape[0]
    d_first, d_second, d_loading, d_scales = np.empty(n), np.empty(m), np.empty(m), np.zeros(5)
    value = (n + m) * math.log(2.0 * math.pi) + 2.0 * n * scales[3] + 2.0 * m * scales[4]
    value += workers * (math.log(left) + 2.0 * scales[0] + 2.0 * scales[1])
    d_scales[3], d_scales[4] = -float(n), -float(m)
    for i in range(workers):
        a, b, c, d = first_offsets[i], first_offsets[i + 1], second_offsets[i], second_offsets[i + 1]
        omega, mu, c_11, c_12, c_22, log_det, square = _effects(
            first[a:b], loading[c:d], second[c:d], w_1, w_2, p_11, p_12, p_22
        )
        value += log_det + square
        for t in range(a, b):
            e = first[t] - omega
            d_first[t] = -w_1 * e
            d_scales[3] += w_1 * (e * e + c_11)
        for t in range(c, d):
            load = loading[t]
            e = second[t] - load * omega - mu
            d_second[t] = -w_2 * e
            d_loading[t] = w_2 * (omega * e - load * c_11 - c_12)
            d_scales[4] += w_2 * (e * e + load * load * c_11 + 2.0 * load * c_12 + c_22)
        x = (omega * omega + c_11) / (sd_omega * sd_omega)
        y = (mu * mu + c_22) / (sd_mu * sd_mu)
        xy = (omega * mu + c_12) / (sd_omega * sd_mu)
        d_scales[0] += (x - corr * xy) / left - 1.0
        d_scales[1] += (y - corr * xy) / left - 1.0
        d_scales[2] += (corr + xy) / left - corr * (x - 2.0 * corr * xy + y) / (left * left)
    return -0.5 * value, d_first, d_second, d_loading, d_scales


@kernel
def _all_effects(first, second, loading, scales, first_offsets, second_offsets):
    w_1, w_2, p_11, p_12, p_22 = _precisions(scales)
    workers = first_offsets.shape[0] - 1
    mean, covariance = np.empty((workers, 2)), np.empty((workers, 3))
    for i in range(workers):
        a, b, c, d = first_offsets[i], first_offsets[i + 1], second_offsets[i], second_offsets[i + 1]
        omega, mu, c_11, c_12, c_22, _, _ = _effects(first[a:b], loading[c:d], second[c:d], w_1, w_2, p_11, p_12, p_22)
        mean[i, 0], mean[i, 1] = omega, mu
        covariance[i, 0], covariance[i, 1], covariance[i, 2] = c_11, c_12, c_22
    return mean, covariance


class PairedEffects(NamedTuple):
    """The effects given everything else: normal."""

    mean: np.ndarray
    """(G, 2) of omega and mu."""
    covariance: np.ndarray
    """(G, 3): variance of omega, covariance, variance of mu."""


def paired_effects(*arguments: np.ndarray) -> PairedEffects:
    """Effects of every worker; arguments as for :func:`paired_likelihood`."""
    return PairedEffects(*_all_effects(*arguments))
