r"""The promotion tournament with bonuses: efforts, cut-offs, contracts and mean bonuses in closed form.

Two groups of young workers start on jobs 1 and 2 of three; their employer learns their ability and promotes the able, other
firms see only the promotion. A promotion therefore pays in wages, which is worth effort, and the bonus rate of the young is the
lower for it. Sections 1 to 3 of the specification; everything is vectorised over leading dimensions: comparative statics are
a call with an array: ``solve_tournament(..., delta=np.linspace(0.1, 0.9, 9), errors="status").mean_bonus``.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

Outside = Literal["contract", "signal"]


class TournamentRestrictionError(ValueError):
    """Raised where parameters break a restriction: ``check`` is its name, ``margin`` by how much, negative."""

    def __init__(self, check: str, margin: float) -> None:
        self.check, self.margin = check, margin
        super().__init__(f"{check}: margin {margin:.6g}. {ADVICE[check.rstrip('12').rstrip('_')]}")


ADVICE = {
    "primitive_range": "The effort exponent p must exceed 1, gam be positive and delta lie in (0, 1].",
    "productivity_order": "The marginal products d must be positive and rise from job to job.",
    "intercept_order": "The intercepts c must be positive and fall from job to job.",
    "training_cost": "The training cost z must be positive and below c of the first job.",
    "human_capital_order": "Human capital must exceed 1 and grow with tenure: 1 < s_1 < s_2 and 1 < h_1 < h_2.",
    "firm_specific": "Human capital must be worth more in the firm than outside: s_1 > h_1 and s_2 > h_2.",
    "support": "Abilities need supports of positive width, the second group's at least as wide as the first's.",
    "slope_incumbent": "Ability must matter more on the higher job for the employer: s_1 d_{k+1} > s_2 d_k.",
    "slope_market": "Ability must matter more on the higher job for other firms: h_1 d_{k+1} > h_2 d_k.",
    "slope_gap": "The employer's gain from promoting must rise faster with ability than other firms'.",
    "signal_slope": "Under outside='signal' promotion needs (s_1 - h_1) d_{k+1} > s_2 d_k; else nobody is promoted.",
    "young_assignment": "The young of this group would be worth more on another job.",
    "signal_distortion": "The training cost z is too small for promotion to be a signal.",
    "market_keeps_low": "Another firm would put everybody on the higher job, so that the job is no signal.",
    "no_demotion": "Other firms would promote all of the second group to the second job: raise theta_2^L.",
    "ability_order": "Supports and efficient cut-offs are out of order.",
    "no_double_promotion": "The ablest of the first group belong on the third job: lower theta_1^H.",
    "promotion_exists": "Nobody is promoted: raise theta_k^H, or pass require_promotion=False.",
    "positive_output": "Some output is negative: raise c.",
    "positive_bonus_rate": "The prize exceeds the marginal product of effort: lower delta.",
}

CHECKS = (
    "primitive_range", "productivity_order", "intercept_order", "training_cost", "human_capital_order", "firm_specific",
    "support", "slope_incumbent_1", "slope_incumbent_2", "slope_market_1", "slope_market_2", "slope_gap_1", "slope_gap_2",
    "signal_slope_1", "signal_slope_2", "young_assignment_1", "young_assignment_2", "signal_distortion_1",
    "signal_distortion_2",
    "market_keeps_low_1", "market_keeps_low_2", "no_demotion", "ability_order_1", "ability_order_2", "no_double_promotion",
    "promotion_exists_1", "promotion_exists_2", "positive_output", "positive_bonus_rate_1", "positive_bonus_rate_2",
)  # fmt: skip
"""Names of the restrictions in the order in which they are checked."""

CELLS = (("young", 1, 1), ("young", 2, 1), ("old", 1, 2), ("old", 2, 1), ("old", 2, 2), ("old", 3, 1))
"""(age, level, tenure at the level) of the cells with workers."""


class Group(NamedTuple):
    """What becomes of one group. NaN for the promoted where nobody is, and for stayers where nobody stays."""

    A_incumbent: np.ndarray
    """Slope in ability of the employer's gain from promoting; ``A_market`` of other firms'."""
    A_market: np.ndarray
    theta_eff: np.ndarray
    """Efficient cut-off; ``theta_mkt`` other firms', ``theta_plus`` the equilibrium's."""
    theta_mkt: np.ndarray
    theta_plus: np.ndarray
    prob_promoted: np.ndarray
    prob_efficient: np.ndarray
    utility_jump: np.ndarray
    """Gain of period-2 utility from promotion at the cut-off, the prize; 0 if effort cannot change who is promoted."""
    dEU_de: np.ndarray
    beta1: np.ndarray
    """Bonus rate of the young."""
    delta_max: np.ndarray
    """Discount factor below which it is positive."""
    effort_young: np.ndarray
    effort_stay: np.ndarray
    effort_promoted: np.ndarray
    ymin_young: np.ndarray
    """Output from which on the bonus accrues."""
    output_young: np.ndarray
    bonus_young: np.ndarray
    bonus_young_min: np.ndarray
    bonus_young_max: np.ndarray
    salary_young: np.ndarray
    pay_young: np.ndarray
    profit2_expected: np.ndarray
    bonus_stay: np.ndarray
    bonus_promoted: np.ndarray
    salary_stay_mean: np.ndarray
    salary_promoted_mean: np.ndarray
    ymin_stay_mean: np.ndarray
    ymin_promoted_mean: np.ndarray
    offer_stay: np.ndarray
    offer_promoted: np.ndarray
    utility_stay_cut: np.ndarray
    utility_promoted_cut: np.ndarray
    profit_stay_cut: np.ndarray
    profit_promoted_cut: np.ndarray
    ratchet: np.ndarray
    """What a young worker gains per unit of output held back; while positive, the paper's condition ignores a deviation."""
    utility_total: np.ndarray
    dbonus_ddelta: np.ndarray


@dataclass(frozen=True)
class Tournament:
    """Equilibria of parameters of any leading shape."""

    groups: tuple[Group, Group]
    mean_bonus: np.ndarray
    """(..., 6) over :data:`CELLS`."""
    mean_pay: np.ndarray
    """(..., 6)."""
    effort: np.ndarray
    """(..., 3, 5) by job and human capital 1, s_1, s_2, h_1, h_2; ``surplus`` its value less its cost."""
    surplus: np.ndarray
    corollaries: dict[str, np.ndarray]
    """Margins of the paper's corollaries, positive where they hold; ``c5`` is a derivative, negative where it holds."""
    margins: dict[str, np.ndarray]
    """Of every restriction by name, positive where it holds."""
    failed: np.ndarray
    """Position in :data:`CHECKS` of the first restriction that fails, -1 where all hold."""
    two_period_delta_bound: np.ndarray
    """Up to this discount factor the first job is the right one over both periods too; sufficient, not necessary."""
    warnings: tuple[str, ...]
    """Caveats that apply to at least one of the economies."""


class _P(NamedTuple):
    """Parameters with leading dimensions."""

    c: np.ndarray
    d: np.ndarray
    s: np.ndarray
    h: np.ndarray
    z: np.ndarray
    delta: np.ndarray
    gam: np.ndarray
    p: np.ndarray
    low: np.ndarray
    high: np.ndarray


def solve_tournament(
    c: Any, d: Any, s: Any, h: Any, z: Any, delta: Any, gam: Any, theta1: Any, theta2: Any, p: Any = 2.0, *,
    outside: Outside = "contract", require_promotion: bool = True, errors: Literal["raise", "status"] = "raise",
) -> Tournament:  # fmt: skip
    """Solve the tournament.

    Parameters
    ----------
    c, d
        (..., 3) intercept and marginal product of ability and effort by job, in money and money per unit of ability.
    s, h
        (..., 2) human capital of an old worker in the first and second period on a level, in the firm and in another.
    z
        (...) training cost of the first period on a level or in a firm.
    delta
        (...) discount factor, in (0, 1].
    gam, p
        (...) effort cost gam e^p / p.
    theta1, theta2
        (..., 2) bounds of the uniform abilities of the groups.
    outside
        ``contract``: a mover is paid his own output; ``signal``: an offer is worth the same to all with the signal.
    require_promotion
        Whether it is an error that nobody is promoted.
    errors
        ``raise`` at the first restriction that fails, or ``status``: see ``failed``.

    Raises
    ------
    TournamentRestrictionError
        With ``errors="raise"``: the name of the restriction and its margin.
    ValueError
        For parameters of a wrong length.

    """
    lengths = {"c": (c, 3), "d": (d, 3), "s": (s, 2), "h": (h, 2), "theta1": (theta1, 2), "theta2": (theta2, 2)}
    wrong = [
        f"{name} has shape {np.shape(v)}, expected (..., {n})" for name, (v, n) in lengths.items() if np.shape(v)[-1:] != (n,)
    ]
    if wrong:
        raise ValueError("; ".join(wrong))
    shapes = [np.asarray(v, dtype=np.float64) for v in (c, d, s, h, theta1, theta2)]
    scalars: Any = np.broadcast_arrays(
        *(np.asarray(v, dtype=np.float64) for v in (z, delta, gam, p)), *(v[..., 0] for v in shapes)
    )
    c, d, s, h, one, two = (np.broadcast_to(v, (*scalars[0].shape, v.shape[-1])) for v in shapes)
    low, high = (np.stack([one[..., i], two[..., i]], axis=-1) for i in (0, 1))
    at = _P(c, d, s, h, scalars[0], scalars[1], scalars[2], scalars[3], low, high)
    with np.errstate(all="ignore"):
        found = _solve(at, outside, require_promotion)
    if errors == "raise" and (found.failed >= 0).any():
        where = np.flatnonzero(np.ravel(found.failed) >= 0)[0]
        name = CHECKS[int(np.ravel(found.failed)[where])]
        raise TournamentRestrictionError(name, float(np.ravel(found.margins[name])[where]))
    return found


def _solve(at: _P, outside: Outside, require_promotion: bool) -> Tournament:
    capital = np.stack([np.ones_like(at.z), at.s[..., 0], at.s[..., 1], at.h[..., 0], at.h[..., 1]], axis=-1)
    product = capital[..., None, :] * at.d[..., :, None]
    power = (at.p - 1.0)[..., None, None]
    effort = (product / at.gam[..., None, None]) ** (1.0 / power)
    surplus = (1.0 - 1.0 / at.p)[..., None, None] * product * effort
    groups = tuple(_group(at, effort, surplus, k, outside) for k in (0, 1))
    first, second = groups
    cells = [g.bonus_young for g in groups] + [x for g in groups for x in (g.bonus_stay, g.bonus_promoted)]
    old = [(g.salary_stay_mean + g.bonus_stay, g.salary_promoted_mean + g.bonus_promoted) for g in groups]
    pay = [g.pay_young for g in groups] + [x for pair in old for x in pair]
    margins = _margins(at, surplus, first, second, outside)
    bound = np.minimum(*(_two_period_bound(at, surplus, k, g) for k, g in enumerate(groups)))
    warnings = []
    if (bound < at.delta).any():
        warnings.append("two_period_assignment: over both periods another first job may be worth more")
    if any((g.ratchet > 0).any() for g in groups):
        warnings.append("ratchet: holding back output pays in period 2, which the paper's condition for effort disregards")
    failed = _first_failure(margins, require_promotion)
    return Tournament(
        (first, second), np.stack(cells, axis=-1), np.stack(pay, axis=-1), effort, surplus,
        _corollaries(at, effort, first, second), margins, failed, bound, tuple(warnings),
    )  # fmt: skip


_ONE, _S1, _S2, _H1, _H2 = range(5)


def _value(at: _P, surplus: np.ndarray, job: int, capital: int, theta: np.ndarray) -> np.ndarray:
    """Output less effort cost on a job, before training, with human capital 1, s_1, s_2, h_1 or h_2."""
    worth = {_ONE: np.ones_like(at.z), _S1: at.s[..., 0], _S2: at.s[..., 1], _H1: at.h[..., 0], _H2: at.h[..., 1]}[capital]
    return worth * (at.c[..., job] + at.d[..., job] * theta) + surplus[..., job, capital]


class _Cuts(NamedTuple):
    incumbent: np.ndarray
    market: np.ndarray
    efficient: np.ndarray
    other: np.ndarray
    equilibrium: np.ndarray


def _cuts(at: _P, surplus: np.ndarray, k: int, outside: Outside) -> _Cuts:
    """Slopes and cut-offs, steps 2 and 4."""
    zero, low = np.zeros_like(at.z), at.low[..., k]
    a = at.s[..., 0] * at.d[..., k + 1] - at.s[..., 1] * at.d[..., k]
    m = at.h[..., 0] * at.d[..., k + 1] - at.h[..., 1] * at.d[..., k]
    efficient = (_value(at, surplus, k, _S2, zero) - _value(at, surplus, k + 1, _S1, zero) + at.z) / a
    other = (_value(at, surplus, k, _H2, zero) - _value(at, surplus, k + 1, _H1, zero)) / m
    if outside == "contract":
        return _Cuts(a, m, efficient, other, efficient + m * (efficient - other) / (a - m))
    slope = a - at.h[..., 0] * at.d[..., k + 1]
    plus = (a * efficient - m * other - at.h[..., 1] * at.d[..., k] * low) / slope
    return _Cuts(a, m, efficient, other, np.where(slope > 0, plus, np.inf))


def _group(at: _P, effort: np.ndarray, surplus: np.ndarray, k: int, outside: Outside) -> Group:
    """Steps 2 to 7 for group k, which starts on job k."""
    cut, low, high, d = _cuts(at, surplus, k, outside), at.low[..., k], at.high[..., k], at.d[..., k]
    width, plus = high - low, cut.equilibrium
    chance = np.clip((high - plus) / width, 0.0, 1.0)
    edge = np.clip(plus, low, high)
    stay, rise = 0.5 * (low + edge), np.where(chance > 0, 0.5 * (edge + high), np.nan)

    def outside_stay(theta: np.ndarray) -> np.ndarray:
        return _value(at, surplus, k, _H2, theta if outside == "contract" else low) - at.z

    def outside_rise(theta: np.ndarray) -> np.ndarray:
        return _value(at, surplus, k + 1, _H1, theta if outside == "contract" else plus) - at.z

    def profit_stay(theta: np.ndarray) -> np.ndarray:
        return _value(at, surplus, k, _S2, theta) - outside_stay(theta)

    def profit_rise(theta: np.ndarray) -> np.ndarray:
        return _value(at, surplus, k + 1, _S1, theta) - at.z - outside_rise(theta)

    def mixed(stayer: np.ndarray, riser: np.ndarray) -> np.ndarray:
        return np.where(chance < 1, (1.0 - chance) * stayer, 0.0) + np.where(chance > 0, chance * riser, 0.0)

    inside = (low < plus) & (plus < high)
    jump = np.where(inside, cut.incumbent * (plus - cut.efficient), 0.0)
    rate = 1.0 - at.delta * jump / (d * width)
    e, e_stay, e_rise = effort[..., k, _ONE], effort[..., k, _S2], effort[..., k + 1, _S1]
    base = at.c[..., k] + d * low - at.z
    output = at.c[..., k] + d * (0.5 * (low + high) + e) - at.z
    bonus = rate * d * (0.5 * width + e)
    later = mixed(profit_stay(stay), profit_rise(rise))
    salary = output - bonus + at.delta * later
    bonus_stay, bonus_rise = at.s[..., 1] * d * e_stay, at.s[..., 0] * at.d[..., k + 1] * e_rise
    cost = at.gam * e**at.p / at.p
    foreign = (at.h[..., 1], at.h[..., 0]) if outside == "contract" else (0.0, 0.0)
    ratchet = (1.0 - chance) * (at.s[..., 1] - foreign[0]) * d + chance * (at.s[..., 0] - foreign[1]) * at.d[..., k + 1]
    return Group(
        cut.incumbent, cut.market, cut.efficient, cut.other, plus, chance,
        np.clip((high - cut.efficient) / width, 0.0, 1.0), jump,
        jump / width, rate, np.where(jump > 0, d * width / jump, np.inf), e, e_stay, e_rise, base, output, bonus, rate * d * e,
        rate * d * (width + e), salary, salary + bonus, later, bonus_stay, bonus_rise,
        outside_stay(stay) - surplus[..., k, _S2],
        outside_rise(rise) - surplus[..., k + 1, _S1], at.s[..., 1] * (at.c[..., k] + d * stay),
        at.s[..., 0] * (at.c[..., k + 1] + at.d[..., k + 1] * rise) - at.z, at.h[..., 1] * (at.c[..., k] + d * low) - at.z,
        at.h[..., 0] * (at.c[..., k + 1] + at.d[..., k + 1] * plus) - at.z, outside_stay(plus), outside_rise(plus),
        profit_stay(plus), profit_rise(plus), ratchet,
        salary + bonus - cost + at.delta * mixed(outside_stay(stay), outside_rise(rise)), -jump / width * (0.5 * width + e),
    )  # fmt: skip


def _least(*values: np.ndarray) -> np.ndarray:
    return np.minimum.reduce(np.broadcast_arrays(*values))


def _unless_zero(margin: np.ndarray) -> np.ndarray:
    """A margin that may be zero: delta may be 1, and the supports of equal width."""
    return np.where(margin == 0.0, np.inf, margin)


def _margins(at: _P, surplus: np.ndarray, first: Group, second: Group, outside: Outside) -> dict[str, np.ndarray]:
    """Every restriction of section 3."""
    c, d, s, h, low, high = at.c, at.d, at.s, at.h, at.low, at.high
    width, middle = high - low, 0.5 * (low + high)
    capital = [(s[..., 0], _S1), (h[..., 0], _H1)]
    double = [
        (w * (c[..., 1] - c[..., 2]) + surplus[..., 1, i] - surplus[..., 2, i]) / (w * (d[..., 2] - d[..., 1]))
        for w, i in capital
    ]
    found = {
        "primitive_range": _least(at.p - 1.0, at.gam, at.delta, _unless_zero(1.0 - at.delta)),
        "productivity_order": _least(d[..., 0], d[..., 1] - d[..., 0], d[..., 2] - d[..., 1]),
        "intercept_order": _least(c[..., 2], c[..., 0] - c[..., 1], c[..., 1] - c[..., 2]),
        "training_cost": _least(at.z, c[..., 0] - at.z),
        "human_capital_order": _least(s[..., 0] - 1.0, s[..., 1] - s[..., 0], h[..., 0] - 1.0, h[..., 1] - h[..., 0]),
        "firm_specific": _least(s[..., 0] - h[..., 0], s[..., 1] - h[..., 1]),
        "support": _least(width[..., 0], _unless_zero(width[..., 1] - width[..., 0])),
        "no_demotion": low[..., 1] - first.theta_mkt,
        "ability_order_1": _least(
            first.theta_eff - low[..., 0], high[..., 0] - first.theta_eff, second.theta_eff - high[..., 0]
        ),
        "ability_order_2": _least(
            low[..., 1] - first.theta_eff, second.theta_eff - low[..., 1], high[..., 1] - second.theta_eff
        ),
        "no_double_promotion": _least(*double) - high[..., 0],
    }  # fmt: skip
    outputs = []
    for k, g in enumerate((first, second)):
        young = np.stack([_value(at, surplus, j, _ONE, middle[..., k]) for j in range(3)], axis=-1)
        outputs += [g.ymin_young, g.offer_stay, np.where(np.isfinite(g.theta_plus), g.offer_promoted, np.inf)]
        found |= {
            f"slope_incumbent_{k + 1}": g.A_incumbent,
            f"slope_market_{k + 1}": g.A_market,
            f"slope_gap_{k + 1}": g.A_incumbent - g.A_market,
            f"young_assignment_{k + 1}": young[..., k] - np.delete(young, k, axis=-1).max(-1),
            f"signal_distortion_{k + 1}": g.theta_eff - g.theta_mkt,
            f"market_keeps_low_{k + 1}": g.theta_mkt - low[..., k],
            f"promotion_exists_{k + 1}": high[..., k] - g.theta_plus,
            f"positive_bonus_rate_{k + 1}": g.beta1,
        }
        if outside == "signal":
            slope = (s[..., 0] - h[..., 0]) * d[..., k + 1] - s[..., 1] * d[..., k]
            found[f"signal_slope_{k + 1}"] = slope
    return found | {"positive_output": _least(*outputs)}


def _first_failure(margins: dict[str, np.ndarray], require_promotion: bool) -> np.ndarray:
    failed = np.full(np.shape(margins["primitive_range"]), -1)
    for i, name in enumerate(CHECKS):
        if name not in margins or (not require_promotion and name.startswith(("promotion_exists", "signal_slope"))):
            continue
        failed = np.where((failed < 0) & ~(margins[name] > 0.0), i, failed)
    return failed


def _two_period_bound(at: _P, surplus: np.ndarray, k: int, g: Group) -> np.ndarray:
    """Largest discount factor at which job k is the better first job over both periods, against either other job."""
    low, high = at.low[..., k], at.high[..., k]
    middle, edge = 0.5 * (low + high), np.clip(g.theta_plus, low, high)
    share = (edge - low) / (high - low)
    stay, rise = 0.5 * (low + edge), 0.5 * (edge + high)
    ours = share * _value(at, surplus, k, _S2, stay) + (1.0 - share) * (_value(at, surplus, k + 1, _S1, rise) - at.z)
    bounds = []
    for m in range(3):
        if m != k:
            now = _value(at, surplus, k, _ONE, middle) - _value(at, surplus, m, _ONE, middle)
            lost = _best_later(at, surplus, m, low, high) - ours
            bounds.append(np.where(lost > 0, now / lost, np.inf))
    return np.minimum(*bounds)


def _best_later(at: _P, surplus: np.ndarray, m: int, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Mean over abilities of the best period-2 surplus after a first period on job m: exact between the lines' crossings."""

    def value(j: int, theta: np.ndarray) -> np.ndarray:
        return _value(at, surplus, j, _S2, theta) if j == m else _value(at, surplus, j, _S1, theta) - at.z

    zero = np.zeros_like(low)
    level = [value(j, zero) for j in range(3)]
    slope = [value(j, zero + 1.0) - level[j] for j in range(3)]
    crossings = [
        np.nan_to_num((level[i] - level[j]) / (slope[j] - slope[i]), nan=0.0, posinf=0.0, neginf=0.0)
        for i, j in ((0, 1), (0, 2), (1, 2))
    ]
    breaks = np.sort(np.stack([low, *(np.clip(x, low, high) for x in crossings), high], axis=-1), axis=-1)
    total = zero.copy()
    for left, right in zip(np.moveaxis(breaks, -1, 0)[:-1], np.moveaxis(breaks, -1, 0)[1:], strict=True):
        middle = 0.5 * (left + right)
        total += (right - left) * np.maximum.reduce([level[j] + slope[j] * middle for j in range(3)])
    return total / (high - low)


def _corollaries(at: _P, effort: np.ndarray, first: Group, second: Group) -> dict[str, np.ndarray]:
    q = at.p / (at.p - 1.0)
    width = at.high[..., 1] - at.low[..., 1]
    threshold = second.beta1 * (1.0 + width / (2.0 * effort[..., 1, _ONE]))
    return {
        "c1_old_tenure2": second.bonus_stay - first.bonus_stay,
        "c1_old_tenure1": second.bonus_promoted - first.bonus_promoted,
        "c1_young": second.bonus_young - first.bonus_young,
        "c2": second.bonus_stay - first.bonus_promoted,
        "c3": first.bonus_promoted - second.bonus_young,
        "c3_margin": at.s[..., 0] ** q - threshold,
        "c4": np.stack([first.beta1, second.beta1], axis=-1),
        "c5": np.stack([first.dbonus_ddelta, second.dbonus_ddelta], axis=-1),
    }
