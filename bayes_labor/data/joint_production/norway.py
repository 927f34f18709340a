"""A generator of matched samples with the structure of the Norwegian register of 1997 (which is restricted).

Workplaces follow the paper's Table 1 cell by cell; workers' characteristics are drawn from a Gaussian copula with workplace
effects whose margins meet Tables 2 and 3 and whose workplace effects meet Table 4; wages are drawn from the model itself at the
estimates of Table 6, with A by industry set so that mean wages are plausible.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import special

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.theory.joint_production.assignment import solve_assignment
from bayes_labor.theory.joint_production.matching import Matching
from bayes_labor.theory.joint_production.outside_option import solve_outside_option
from bayes_labor.theory.joint_production.payroll import solve_payroll

INDUSTRIES = (
    "no code",
    "agriculture, mining, electricity",
    "manufacturing",
    "construction",
    "wholesale and retail",
    "transport, storage, communication",
    "FIRE",
    "services",
)
CELLS = np.array(
    [
        [774, 226, 32, 5, 2],
        [522, 177, 52, 18, 10],
        [750, 699, 263, 91, 76],
        [997, 631, 110, 25, 13],
        [3610, 2256, 301, 48, 17],
        [935, 444, 108, 32, 26],
        [1256, 601, 144, 46, 28],
        [2470, 1760, 686, 218, 83],
    ]
)
"""Workplaces by industry and size class (Table 1)."""
FULL_SIZE, FULL_WORKERS = 20_542, 247_521
_CLASSES = ((2, 5), (6, 20), (21, 50), (51, 100), (101, 1200))

FORMULA = (
    "female + experience + {experience**2/100} + experience:female + full_time"
    " + education_9 + education_10_11 + education_12_13 + education_14_16 + education_17"
    " + seniority + {seniority**2/100} + seniority:full_time + {seniority**2/100}:full_time"
    " + seniority:female + seniority:high_education"
)
"""The paper's sixteen characteristics; seniority is internal."""

# Table 3: means by industry of female, experience, seniority, full time, education 10-11, 12-13, 14-16.
MEANS = np.array(
    [
        [0.41, 11.59, 1.09, 0.73, 0.29, 0.35, 0.15],
        [0.21, 15.94, 7.73, 0.83, 0.33, 0.38, 0.07],
        [0.27, 14.57, 6.42, 0.90, 0.37, 0.33, 0.06],
        [0.09, 14.05, 5.04, 0.94, 0.35, 0.42, 0.04],
        [0.50, 10.73, 4.90, 0.66, 0.40, 0.33, 0.07],
        [0.28, 15.64, 4.77, 0.83, 0.40, 0.34, 0.06],
        [0.43, 13.86, 4.95, 0.86, 0.25, 0.38, 0.19],
        [0.67, 13.02, 5.67, 0.66, 0.29, 0.23, 0.29],
    ]
)


class Truth(NamedTuple):
    """Table 6, in the units of the characteristics as they are."""

    beta: np.ndarray
    gamma: dict[str, float]
    psi: dict[str, float]
    bargaining_power: float
    unemployment_value: float
    noise: float


TRUTH = Truth(
    beta=np.array([0.067, 0.326, 0.161, 0.068, 0.162, 0.157, 0.00031, -0.671]),
    gamma={
        "female": -0.247,
        "experience": 0.060,
        "experience ** 2 / 100": -0.134,
        "experience:female": 0.00147,
        "full_time": 0.479,
        "education_9": -0.415,
        "education_10_11": -0.318,
        "education_12_13": -0.147,
        "education_14_16": 0.067,
        "education_17": 0.273,
    },
    psi={
        "seniority": 0.087,
        "seniority ** 2 / 100": -0.280,
        "seniority:full_time": -0.002,
        "seniority ** 2 / 100:full_time": 0.032,
        "seniority:female": -0.032,
        "seniority:high_education": 0.0020,
    },
    bargaining_power=0.695,
    unemployment_value=-1.519,
    noise=9.951,
)
MEAN_WAGE = 19.074


def true_parameters() -> pd.Series:
    """:data:`TRUTH` by (symbol, term), labelled as ``power``'s parameter table; without A."""
    values = {("β", k): float(b) for k, b in zip(INDUSTRIES, TRUTH.beta, strict=True)}
    values |= {("ψ", t): v for t, v in TRUTH.psi.items()} | {("γ", t): v for t, v in TRUTH.gamma.items()}
    values |= {("d", ""): TRUTH.bargaining_power, ("V_U", ""): TRUTH.unemployment_value, ("σ", ""): TRUTH.noise}
    return pd.Series(values)


# Mean wage by industry relative to the overall mean. The paper does not report A; these ratios are ours.
_RELATIVE_WAGE = np.array([0.92, 1.06, 1.05, 1.04, 0.90, 1.04, 1.22, 1.00])

# Settings of the copula, found by matching the tables at full size.
_EFFECT = {"female": 0.36, "experience": 0.22, "seniority": 0.58, "full_time": 0.44, "education": 0.48}
_SENIORITY_SHAPE, _SENIORITY_ON_EXPERIENCE, _FULL_TIME_ON_SENIORITY = 0.80, 0.60, 0.14
_EXPERIENCE_TOP = 40.0
_MOST = 5_000_000
_WOMEN_SENIORITY, _WOMEN_EXPERIENCE = 0.865, 0.663


def norway(workplaces: int = FULL_SIZE, seed: int = 0) -> Workforce:
    """A sample of any size with known truth :data:`TRUTH`; additive errors, so a few wages are negative.

    Parameters
    ----------
    workplaces
        Number of workplaces, at least 20; the paper's sample has 20,542.
    seed
        Of everything random.

    Raises
    ------
    DataFaults
        If ``workplaces`` is too small.

    """
    return Workforce.from_frame(
        norway_table(workplaces, seed), FORMULA, ["seniority"], worker="worker", industries=INDUSTRIES,
        wage_unit="thousand kroner a month", name=f"norway, {workplaces:,} workplaces", simulated=True,
    )  # fmt: skip


def norway_table(workplaces: int = FULL_SIZE, seed: int = 0) -> pd.DataFrame:
    """The table behind :func:`norway`, one row per worker."""
    if not 20 <= workplaces <= _MOST:
        what = "too few workplaces for eight industries" if workplaces < 20 else "too many workplaces for a generated sample"
        raise DataFaults([Fault(what, f"workplaces={workplaces}", f"choose 20 to {_MOST:,}")])
    rng = np.random.default_rng(seed)
    industry, sizes = _workplaces(workplaces, rng)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    table = _workers(industry, sizes, rng)
    wage, _ = draw_wages(table, industry, offsets, rng)
    table.insert(0, "worker", np.arange(len(table)))
    table.insert(1, "workplace", np.repeat(np.arange(workplaces), sizes))
    table.insert(2, "industry", np.repeat(np.array(INDUSTRIES, dtype=object)[industry], sizes))
    table.insert(3, "wage", wage)
    return table


def _workplaces(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Industry and size of each workplace: Table 1's cells by largest remainder, sizes within class adding up."""
    exact = CELLS * n / FULL_SIZE
    counts = np.floor(exact).astype(int)
    rest = np.argsort((counts - exact).ravel(), kind="stable")[: n - counts.sum()]
    counts.ravel()[rest] += 1
    industry, sizes, low, high = [], [], [], []
    for k in range(len(INDUSTRIES)):
        for c, (a, b) in enumerate(_CLASSES):
            m = counts[k, c]
            grid = np.arange(a, b + 1)
            weight = grid ** (-1.6 if c < 4 else -2.1)
            sizes.append(rng.choice(grid, m, p=weight / weight.sum()))
            industry.append(np.full(m, k))
            low.append(np.full(m, a))
            high.append(np.full(m, b))
    total = round(FULL_WORKERS * n / FULL_SIZE)
    fitted = _add_up(np.concatenate(sizes), np.concatenate(low), np.concatenate(high), total, rng)
    return np.concatenate(industry), fitted


def _add_up(sizes: np.ndarray, low: np.ndarray, high: np.ndarray, total: int, rng: np.random.Generator) -> np.ndarray:
    """Move sizes within their classes, in proportion to the room they have, until they sum to ``total``."""
    gap = total - int(sizes.sum())
    room = high - sizes if gap > 0 else sizes - low
    if abs(gap) > room.sum():
        return sizes
    share = np.floor(abs(gap) * room / max(room.sum(), 1)).astype(int)
    left = np.flatnonzero(room > share)
    share[rng.choice(left, abs(gap) - share.sum(), replace=False)] += 1
    found: np.ndarray = sizes + np.sign(gap) * share
    return found


def _workers(industry: np.ndarray, sizes: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Characteristics, by a Gaussian copula with effects of the workplace."""
    k = np.repeat(industry, sizes)

    def latent(name: str) -> np.ndarray:
        shared = _EFFECT[name]
        found: np.ndarray = np.sqrt(shared) * np.repeat(rng.normal(size=len(sizes)), sizes) + np.sqrt(1 - shared) * rng.normal(
            size=len(k)
        )
        return found

    female = latent("female") < special.ndtri(MEANS[k, 0])
    u = latent("experience")
    experience = _experience(u, female, k)
    s = _SENIORITY_ON_EXPERIENCE
    v = s * u + np.sqrt(1 - s * s) * latent("seniority")
    seniority = np.minimum(_seniority(v, female, k), experience)
    f = _FULL_TIME_ON_SENIORITY
    full_time = f * v + np.sqrt(1 - f * f) * latent("full_time") - 0.5 * (female - MEANS[k, 0])
    level = _education(latent("education"), k)
    frame = {
        "female": female,
        "experience": experience,
        "seniority": seniority,
        "full_time": full_time > _threshold(full_time, k),
    }
    for i, name in enumerate(("education_9", "education_10_11", "education_12_13", "education_14_16", "education_17"), 1):
        frame[name] = level == i
    frame["high_education"] = level >= 4
    return pd.DataFrame({n: np.asarray(c, dtype=np.float64) for n, c in frame.items()})


def _threshold(latent: np.ndarray, k: np.ndarray) -> np.ndarray:
    """The cut by industry above which Table 3's share of workers lies."""
    cuts = [np.quantile(latent[k == j], 1 - MEANS[j, 3]) if np.any(k == j) else 0.0 for j in range(len(INDUSTRIES))]
    found: np.ndarray = np.array(cuts)[k]
    return found


def _experience(u: np.ndarray, female: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Scaled beta by gender and industry; women's mean is a fixed ratio of men's."""
    share = MEANS[:, 0]
    men = MEANS[:, 1] / (share * _WOMEN_EXPERIENCE + 1 - share)
    experience = np.empty(len(u))
    for j in range(len(INDUSTRIES)):
        for gender, spread in ((False, 3.3), (True, 4.3)):
            who = (k == j) & (female == gender)
            mean = men[j] * (_WOMEN_EXPERIENCE if gender else 1.0) / _EXPERIENCE_TOP
            grid = np.linspace(-5, 5, 2001)
            quantile = special.betaincinv(mean * spread, (1 - mean) * spread, special.ndtr(grid))
            experience[who] = _EXPERIENCE_TOP * np.interp(u[who], grid, quantile)
    return experience


def _seniority(v: np.ndarray, female: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Weibull, censored at 20 years, its scale set so that the industry's mean is met after censoring."""
    uniform = -np.log1p(-special.ndtr(np.minimum(v, 8.0)))
    base = uniform ** (1.0 / _SENIORITY_SHAPE) * np.where(female, _WOMEN_SENIORITY, 1.0)
    seniority = np.empty(len(v))
    for j in range(len(INDUSTRIES)):
        who = k == j
        scale = MEANS[j, 2]
        for _ in range(20):
            scale *= MEANS[j, 2] * _SENIORITY_LIFT / np.minimum(scale * base[who], 20.0).mean() if who.any() else 1.0
        seniority[who] = np.minimum(scale * base[who], 20.0)
    return seniority


_SENIORITY_LIFT = 1.13  # what the bound by experience takes away


def _education(latent: np.ndarray, k: np.ndarray) -> np.ndarray:
    """0 none recorded, 1 up to 9 years, 2 10-11, 3 12-13, 4 14-16, 5 17 and more; ordered in one latent variable."""
    shares = np.empty((len(INDUSTRIES), 6))
    shares[:, 2:5] = MEANS[:, 4:7]
    rest = 1.0 - shares[:, 2:5].sum(1, keepdims=True)
    shares[:, [0, 1, 5]] = rest * np.array([0.03, 0.13, 0.044]) / 0.204
    level = np.empty(len(latent), dtype=int)
    for j in range(len(INDUSTRIES)):
        cuts = special.ndtri(np.clip(np.cumsum(shares[j])[:-1], 1e-9, 1 - 1e-9))
        level[k == j] = np.searchsorted(cuts, latent[k == j])
    return level


def draw_wages(
    table: pd.DataFrame, industry: np.ndarray, offsets: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(wages with errors (N,), A by industry (K,)) of workers of the given characteristics, at :data:`TRUTH`."""
    index = {
        "experience ** 2 / 100": table["experience"] ** 2 / 100,
        "experience:female": table["experience"] * table["female"],
    }
    sen2 = table["seniority"] ** 2 / 100
    index |= {
        "seniority ** 2 / 100": sen2,
        "seniority:full_time": table["seniority"] * table["full_time"],
        "seniority ** 2 / 100:full_time": sen2 * table["full_time"],
        "seniority:female": table["seniority"] * table["female"],
        "seniority:high_education": table["seniority"] * table["high_education"],
    }
    columns = index | {c: table[c] for c in table}
    z, power = (
        np.sum([c * columns[name].to_numpy() for name, c in coefficients.items()], axis=0)
        for coefficients in (TRUTH.gamma, TRUTH.psi)
    )
    scale = _scale(z, industry, offsets)
    # Every workplace meets everybody: whoever fits these data with sampled matches must not find the generator's own.
    s = solve_outside_option(
        z, z, offsets, TRUTH.beta, scale, TRUTH.bargaining_power, TRUTH.unemployment_value,
        industry=industry, matching=Matching.exact(offsets), softness=0.01 * MEAN_WAGE,
    )  # fmt: skip
    pay = solve_payroll(s.value, s.output, power, offsets)
    return pay.wage + TRUTH.noise * rng.normal(size=len(z)), scale


def _scale(z: np.ndarray, industry: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """A by industry: mean wages in the ratios chosen above, and 19.074 thousand kroner overall."""
    q = solve_assignment(z, offsets, TRUTH.beta, np.ones(len(INDUSTRIES)), industry=industry).output
    sizes = np.diff(offsets)
    made = np.bincount(industry, q * sizes, len(INDUSTRIES))
    workers = np.bincount(industry, sizes, len(INDUSTRIES))
    target = _RELATIVE_WAGE * MEAN_WAGE * workers.sum() / (workers @ _RELATIVE_WAGE)
    return np.where(made > 0, target * workers / np.where(made > 0, made, 1.0), 1.0)
