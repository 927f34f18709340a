"""Slow, plain statements of the theory, from the equations as the paper writes them. Only tests import this."""

import itertools

import numpy as np
from scipy import integrate, optimize, special


def assignment(log_talent: np.ndarray, beta: float, scale: float = 1.0) -> tuple[float, float]:
    """(output per worker, cut-off) by root finding on supply = demand with library incomplete gamma functions."""
    mu = np.exp(np.asarray(log_talent, dtype=float))
    if beta == 0:
        return scale * mu.mean(), 0.0
    b = abs(beta)
    if beta > 0:
        p = 1 / (1 - beta)

        def excess(log_cut: float) -> float:
            x = np.exp(log_cut) / mu
            demand = (p - 1) * x ** (1 - p) * special.gammaincc(p + 1, x) * special.gamma(p + 1)
            return float(np.sum(mu * (special.gammainc(2, x) - demand)))

    else:

        def excess(log_cut: float) -> float:
            x = np.exp(log_cut) / mu
            supply = x ** (1 - b) * special.gammainc(1 + b, x) * special.gamma(1 + b)
            return float(np.sum(mu * (supply - b / (1 - b) * special.gammaincc(2, x))))

    cut = np.exp(optimize.brentq(excess, np.log(mu.min()) - 20, np.log(mu.max()) + 6, xtol=1e-14, rtol=1e-14))
    x = cut / mu
    if beta > 0:
        c = (p - 1) * cut ** -(p - 1)
        return scale * c ** (beta - 1) * np.mean(mu * special.gammainc(2, x)), cut
    c = b / (1 - b) * cut ** (b - 1)
    return scale * c**b * np.mean(mu * special.gammaincc(2, x)), cut


def dual_value(log_talent: np.ndarray, beta: float) -> float:
    """min over the shadow price of the mean value of the better task, by quadrature: equals output by duality (beta > 0)."""
    mu = np.exp(np.asarray(log_talent, dtype=float))

    def total(log_price: float) -> float:
        price = np.exp(log_price)
        # Task 1 earns price * a; task 2 earns max over q of a q^beta - price q.
        k = (beta / price) ** (beta / (1 - beta)) * (1 - beta)

        def integrand(a: float) -> float:
            density = np.mean(np.exp(-a / mu) / mu)
            return max(price * a, k * a ** (1 / (1 - beta))) * density

        kink = (price / k) ** ((1 - beta) / beta)
        top = 60 * mu.max()
        parts = [(0, min(kink, top)), (min(kink, top), top)]
        return sum(integrate.quad(integrand, *p, limit=200, epsabs=1e-12)[0] for p in parts)

    found = optimize.minimize_scalar(total, bounds=(-4, 3), method="bounded", options={"xatol": 1e-9})
    return float(found.fun)


def outside_option(
    log_talent: np.ndarray, z: np.ndarray, offsets: np.ndarray, beta: np.ndarray, scale: np.ndarray, industry: np.ndarray,
    d: float, vu: float, nodes: int = 8,
) -> np.ndarray:  # fmt: skip
    """V(z_n) with hard feasibility by plain iteration, one workplace and one node at a time."""
    n = len(offsets) - 1
    teams = [log_talent[offsets[f] : offsets[f + 1]] for f in range(n)]
    revenue = np.array([len(t) * assignment(t, beta[k], scale[k])[0] for t, k in zip(teams, industry, strict=True)])
    center, width = 0.5 * (z.min() + z.max()), 0.5 * (z.max() - z.min())
    at = center + width * np.cos(np.pi * (np.arange(nodes) + 0.5) / nodes)
    joined = np.array(
        [
            [(len(t) + 1) * assignment(np.append(t, a), beta[k], scale[k])[0] for a in at]
            for t, k in zip(teams, industry, strict=True)
        ]
    )
    gain = np.maximum(joined - revenue[:, None] - vu, 0)
    feasible = np.ones(n, dtype=bool)
    for _ in range(50):
        at_nodes = vu + d * gain[feasible].mean(0)
        series = np.polynomial.Chebyshev.fit(at, at_nodes, nodes - 1, domain=[center - width, center + width])
        value = series(z)
        new = revenue - np.add.reduceat(value, offsets[:-1]) >= 0
        if np.array_equal(new, feasible):
            return value
        feasible = new
    raise AssertionError("the plain iteration cycles")


def fixed_point_gap(
    coefficients: np.ndarray, log_talent: np.ndarray, z: np.ndarray, offsets: np.ndarray, beta: np.ndarray, scale: np.ndarray,
    industry: np.ndarray, d: float, vu: float,
) -> float:  # fmt: skip
    """How far V at the nodes is from the mean over those who are feasible under it, relative to the largest V."""
    nodes, teams = len(coefficients), [log_talent[a:b] for a, b in itertools.pairwise(offsets)]
    revenue = np.array([len(t) * assignment(t, beta[k], scale[k])[0] for t, k in zip(teams, industry, strict=True)])
    center, width = 0.5 * (z.min() + z.max()), 0.5 * (z.max() - z.min())
    u = np.cos(np.pi * (np.arange(nodes) + 0.5) / nodes)
    value = np.polynomial.chebyshev.chebval((z - center) / width, coefficients)
    feasible = revenue - np.add.reduceat(value, offsets[:-1]) >= -1e-9 * revenue
    gain = np.array(
        [
            [(len(t) + 1) * assignment(np.append(t, a), beta[k], scale[k])[0] - own - vu for a in center + width * u]
            for t, k, own, counts in zip(teams, industry, revenue, feasible, strict=True) if counts
        ]
    )  # fmt: skip
    want = vu + d * np.maximum(gain, 0.0).mean(0)
    return float(np.abs(np.polynomial.chebyshev.chebval(u, coefficients) - want).max() / np.abs(want).max())


def newcomer_worth(case: dict, workplace: np.ndarray, newcomer: np.ndarray) -> np.ndarray:
    """(E,) what a newcomer of index ``newcomer`` adds to the revenue of each matched workplace."""
    offsets, found = case["offsets"], []
    for f, z in zip(workplace, newcomer, strict=True):
        team, k = case["log_talent"][offsets[f] : offsets[f + 1]], case["industry"][f]
        own, more = (len(t) * assignment(t, case["beta"][k], case["scale"][k])[0] for t in (team, np.append(team, z)))
        found.append(more - own)
    return np.array(found)
