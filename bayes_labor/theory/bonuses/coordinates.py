r"""Primitives of the tournament in 15 free coordinates, in which most restrictions hold by construction.

Two normalisations, d_1 = 1 and theta_1^L = 0, leave every bonus, pay and promotion rate as it is. Instead of intercepts and
supports the coordinates hold the efficient cut-offs and distances from them; c_2 and c_3 follow. Section 7d of the
specification; contracts outside are ``contract``, the cost of effort quadratic.
"""

from typing import Any

import numpy as np

from bayes_labor.theory.bonuses.tournament import Primitives

COORDINATES = (
    "log d_2", "log d_3/d_2", "log (h_1 - 1)", "log (h_2 - h_1)", "log (s_1 - h_1)", "log (s_2 - s_1)", "log gam", "log z",
    "log c_1", "log theta_1'", "log (theta_2' - theta_1^H)", "log (theta_1^H - theta_1^+)", "place of theta_2^L",
    "log (theta_2^H - theta_2^+)", "logit delta",
)  # fmt: skip
"""Names of the coordinates, in their order."""
_STRETCH = 4.0  # of the logistic that places theta_2^L between theta_1' and theta_2^M


def primitives_at(u: np.ndarray) -> Primitives:
    """Primitives at coordinates (..., 15).

    Raises
    ------
    ValueError
        If the last dimension is not 15.

    """
    u = np.asarray(u, dtype=np.float64)
    if u.shape[-1:] != (len(COORDINATES),):
        raise ValueError(f"u has shape {u.shape}, expected (..., {len(COORDINATES)})")
    with np.errstate(over="ignore", invalid="ignore"):
        e = np.exp(np.moveaxis(u, -1, 0))
        d = np.stack([np.ones_like(e[0]), e[0], e[0] * e[1]])
        h1, gam, z = 1.0 + e[2], e[6], e[7]
        h = np.stack([h1, h1 + e[3]])
        s = np.stack([h1 + e[4], h1 + e[4] + e[5]])
        c1 = e[8]
        c2 = _next_intercept(c1, e[9], 0, d, s, gam, z)
        top = _equilibrium_cut(c1, c2, e[9], 0, d, s, h, gam) + e[11]
        second = top + e[10]
        c3 = _next_intercept(c2, second, 1, d, s, gam, z)
        market = _market_cut(c2, c3, 1, d, h, gam)
        low = e[9] + (market - e[9]) / (1.0 + np.exp(-_STRETCH * (u[..., 12] - 0.5)))
        high = _equilibrium_cut(c2, c3, second, 1, d, s, h, gam) + e[13]
        delta = 1.0 / (1.0 + np.exp(-u[..., 14]))

    def last(*parts: Any) -> np.ndarray:
        return np.stack(parts, axis=-1)

    return Primitives(last(c1, c2, c3), last(*d), last(*s), last(*h), z, delta, gam, last(0.0 * top, top), last(low, high))


def coordinates_of(p: Primitives) -> np.ndarray:
    """(..., 15) coordinates of primitives with d_1 = 1 and theta_1^L = 0; the inverse of :func:`primitives_at`."""
    (c1, c2, c3), d, s, h = (np.moveaxis(np.asarray(v, dtype=np.float64), -1, 0) for v in (p.c, p.d, p.s, p.h))
    one, two = (np.moveaxis(np.asarray(v, dtype=np.float64), -1, 0) for v in (p.theta1, p.theta2))
    cuts = [_efficient_cut(c, n, k, d, s, p.gam, p.z) for k, (c, n) in enumerate(((c1, c2), (c2, c3)))]
    plus = [_equilibrium_cut(c, n, cuts[k], k, d, s, h, p.gam) for k, (c, n) in enumerate(((c1, c2), (c2, c3)))]
    share = (two[0] - cuts[0]) / (_market_cut(c2, c3, 1, d, h, p.gam) - cuts[0])
    place = 0.5 + (np.log(share) - np.log1p(-share)) / _STRETCH
    logs = [d[1], d[2] / d[1], h[0] - 1.0, h[1] - h[0], s[0] - h[0], s[1] - s[0], p.gam, p.z, c1, cuts[0], cuts[1] - one[1]]
    odds = np.log(p.delta) - np.log1p(-np.asarray(p.delta))
    return np.stack([*np.log(logs), np.log(one[1] - plus[0]), place, np.log(two[1] - plus[1]), odds], axis=-1)


def _surplus(d: np.ndarray, capital: np.ndarray, gam: np.ndarray) -> np.ndarray:
    """Output of the efficient effort less its cost, with quadratic cost."""
    return (capital * d) ** 2 / (2.0 * gam)


def _slope(k: int, d: np.ndarray, capital: np.ndarray) -> np.ndarray:
    return capital[0] * d[k + 1] - capital[1] * d[k]


def _efficient_cut(
    c: np.ndarray, c_next: np.ndarray, k: int, d: np.ndarray, s: np.ndarray, gam: np.ndarray, z: Any
) -> np.ndarray:  # fmt: skip
    gain = s[1] * c - s[0] * c_next + _surplus(d[k], s[1], gam) - _surplus(d[k + 1], s[0], gam) + z
    return gain / _slope(k, d, s)


def _next_intercept(
    c: np.ndarray, cut: np.ndarray, k: int, d: np.ndarray, s: np.ndarray, gam: np.ndarray, z: np.ndarray
) -> np.ndarray:  # fmt: skip
    """Intercept of the next job that puts the efficient cut-off where it is said to be: step 2 solved for c_{k+1}."""
    gain = s[1] * c + _surplus(d[k], s[1], gam) - _surplus(d[k + 1], s[0], gam) + z
    return (gain - _slope(k, d, s) * cut) / s[0]


def _market_cut(c: np.ndarray, c_next: np.ndarray, k: int, d: np.ndarray, h: np.ndarray, gam: np.ndarray) -> np.ndarray:
    return _efficient_cut(c, c_next, k, d, h, gam, 0.0)


def _equilibrium_cut(
    c: np.ndarray, c_next: np.ndarray, cut: np.ndarray, k: int, d: np.ndarray, s: np.ndarray, h: np.ndarray, gam: np.ndarray
) -> np.ndarray:  # fmt: skip
    a, m = _slope(k, d, s), _slope(k, d, h)
    return cut + m * (cut - _market_cut(c, c_next, k, d, h, gam)) / (a - m)
