r"""Primitives of the tournament in 15 free coordinates, in which most restrictions hold by construction.

Two normalisations, d_1 = 1 and theta_1^L = 0, leave every bonus, pay and promotion rate as it is. Instead of intercepts and
supports the coordinates hold the efficient cut-offs and distances from them; c_2 and c_3 follow. Section 7d of the
specification; contracts outside are ``contract``, the cost of effort quadratic.
"""

from typing import Any, NamedTuple

import numpy as np

from bayes_labor.theory.bonuses.tournament import Primitives

COORDINATES = (
    *("log d_2", "log d_3/d_2", "log (h_1 - 1)", "log (h_2 - h_1)", "log (s_1 - h_1)", "log (s_2 - s_1)", "log gam", "log z"),
    *("log c_1", "log theta_1'", "log (theta_2' - theta_1^H)", "log (theta_1^H - theta_1^+)", "place of theta_2^L"),
    *("log (theta_2^H - theta_2^+)", "logit delta"),
)
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
        jobs, c1 = _Jobs(d, s, h, gam, z), e[8]
        c2 = jobs.next_intercept(0, c1, e[9])
        top = jobs.equilibrium_cut(0, c1, c2, e[9]) + e[11]
        second = top + e[10]
        c3 = jobs.next_intercept(1, c2, second)
        market = jobs.market_cut(1, c2, c3)
        low = e[9] + (market - e[9]) / (1.0 + np.exp(-_STRETCH * (u[..., 12] - 0.5)))
        high = jobs.equilibrium_cut(1, c2, c3, second) + e[13]
        delta = 1.0 / (1.0 + np.exp(-u[..., 14]))

    def last(*parts: Any) -> np.ndarray:
        return np.stack(parts, axis=-1)

    return Primitives(last(c1, c2, c3), last(*d), last(*s), last(*h), z, delta, gam, last(0.0 * top, top), last(low, high))


def coordinates_of(p: Primitives) -> np.ndarray:
    """(..., 15) coordinates of primitives with d_1 = 1 and theta_1^L = 0; the inverse of :func:`primitives_at`."""
    (c1, c2, c3), d, s, h = (np.moveaxis(np.asarray(v, dtype=np.float64), -1, 0) for v in (p.c, p.d, p.s, p.h))
    one, two = (np.moveaxis(np.asarray(v, dtype=np.float64), -1, 0) for v in (p.theta1, p.theta2))
    jobs = _Jobs(d, s, h, p.gam, p.z)
    cuts = jobs.efficient_cut(0, c1, c2), jobs.efficient_cut(1, c2, c3)
    plus = jobs.equilibrium_cut(0, c1, c2, cuts[0]), jobs.equilibrium_cut(1, c2, c3, cuts[1])
    share = (two[0] - cuts[0]) / (jobs.market_cut(1, c2, c3) - cuts[0])
    place = 0.5 + (np.log(share) - np.log1p(-share)) / _STRETCH
    logs = [d[1], d[2] / d[1], h[0] - 1.0, h[1] - h[0], s[0] - h[0], s[1] - s[0], p.gam, p.z, c1, cuts[0], cuts[1] - one[1]]
    odds = np.log(p.delta) - np.log1p(-np.asarray(p.delta))
    return np.stack([*np.log(logs), np.log(one[1] - plus[0]), place, np.log(two[1] - plus[1]), odds], axis=-1)


class _Jobs(NamedTuple):
    """What two neighbouring jobs k and k + 1 differ in, but for their intercepts ``c`` and ``c_next``; job first."""

    d: np.ndarray
    s: np.ndarray
    h: np.ndarray
    gam: np.ndarray
    z: np.ndarray

    def slope(self, k: int, capital: np.ndarray) -> np.ndarray:
        """In ability, of the gain from promotion."""
        return capital[0] * self.d[k + 1] - capital[1] * self.d[k]

    def _gain(self, k: int, c: np.ndarray, capital: np.ndarray) -> np.ndarray:
        """Of staying, at ability zero and without the next job's intercept: with quadratic cost."""
        surplus = [(capital[1 - i] * self.d[k + i]) ** 2 / (2.0 * self.gam) for i in (0, 1)]
        return capital[1] * c + surplus[0] - surplus[1]

    def efficient_cut(self, k: int, c: np.ndarray, c_next: np.ndarray) -> np.ndarray:
        """Ability from which on promotion is efficient."""
        return (self._gain(k, c, self.s) - self.s[0] * c_next + self.z) / self.slope(k, self.s)

    def next_intercept(self, k: int, c: np.ndarray, cut: np.ndarray) -> np.ndarray:
        """Intercept of the next job that puts the efficient cut-off where it is said to be: step 2 solved for c_{k+1}."""
        return (self._gain(k, c, self.s) + self.z - self.slope(k, self.s) * cut) / self.s[0]

    def market_cut(self, k: int, c: np.ndarray, c_next: np.ndarray) -> np.ndarray:
        """Ability from which on other firms would promote."""
        return (self._gain(k, c, self.h) - self.h[0] * c_next) / self.slope(k, self.h)

    def equilibrium_cut(self, k: int, c: np.ndarray, c_next: np.ndarray, cut: np.ndarray) -> np.ndarray:
        """Ability from which on the employer promotes, where ``cut`` is efficient."""
        a, m = self.slope(k, self.s), self.slope(k, self.h)
        return cut + m * (cut - self.market_cut(k, c, c_next)) / (a - m)
