r"""The promotion tournament with bonuses: efforts, cut-offs, contracts and mean bonuses in closed form.

Two groups of young workers start on jobs 1 and 2 of three; their employer learns their ability and promotes the able, other
firms see only the promotion. A promotion therefore pays in wages, which is worth effort, and the bonus rate of the young is the
lower for it. Sections 1 to 3 of the specification; everything is vectorised over leading dimensions: comparative statics are
a call with an array: ``solve_tournament(..., delta=np.linspace(0.1, 0.9, 9), errors="status").mean_bonus``.
"""

from dataclasses import dataclass
from itertools import pairwise
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

_BY_GROUP = (
    *("slope_incumbent", "slope_market", "slope_gap", "signal_slope", "young_assignment", "signal_distortion"),
    *("market_keeps_low", "ability_order", "promotion_exists", "positive_bonus_rate"),
)
CHECKS = tuple(name for n in ADVICE for name in ((f"{n}_1", f"{n}_2") if n in _BY_GROUP else (n,)))
"""Names of the restrictions in the order in which they are checked."""

CELLS = (("young", 1, 1), ("young", 2, 1), ("old", 1, 2), ("old", 2, 1), ("old", 2, 2), ("old", 3, 1))
"""(age, level, tenure at the level) of the cells with workers."""


class Primitives(NamedTuple):
    """Arguments of :func:`solve_tournament`, over leading dimensions; each is described there."""

    c: np.ndarray
    d: np.ndarray
    s: np.ndarray
    h: np.ndarray
    z: np.ndarray
    delta: np.ndarray
    gam: np.ndarray
    theta1: np.ndarray
    theta2: np.ndarray
    p: Any = 2.0

    def support(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(least, greatest) ability of group k, 0 or 1."""
        theta = (self.theta1, self.theta2)[k]
        return theta[..., 0], theta[..., 1]


class Cutoffs(NamedTuple):
    """Abilities from which on promotion pays, and how fast the gains from it rise with ability."""

    slope_incumbent: np.ndarray
    """Of the employer's gain from promoting; ``slope_market`` of other firms'."""
    slope_market: np.ndarray
    efficient: np.ndarray
    market: np.ndarray
    """Other firms'."""
    equilibrium: np.ndarray


class Young(NamedTuple):
    """A group's first period; money, but for efforts and rates."""

    effort: np.ndarray
    bonus_rate: np.ndarray
    """beta, the share of output that the bonus is."""
    delta_max: np.ndarray
    """Discount factor below which that is positive."""
    ymin: np.ndarray
    """Output from which on the bonus accrues."""
    output: np.ndarray
    bonus: np.ndarray
    bonus_min: np.ndarray
    bonus_max: np.ndarray
    salary: np.ndarray
    pay: np.ndarray
    utility: np.ndarray
    """Of both periods."""
    marginal_prize: np.ndarray
    """Utility that effort brings in the second period, per unit."""
    ratchet: np.ndarray
    """What a young worker gains per unit of output held back; while positive, the paper's condition ignores a deviation."""
    dbonus_ddelta: np.ndarray


class Old(NamedTuple):
    """The second period of those who stay on their job, or of those promoted: means, and values at the cut-off."""

    effort: np.ndarray
    bonus: np.ndarray
    salary_mean: np.ndarray
    ymin_mean: np.ndarray
    utility_mean: np.ndarray
    profit_mean: np.ndarray
    """The employer's."""
    offer: np.ndarray
    """Another firm's."""
    utility_cut: np.ndarray
    profit_cut: np.ndarray


class Group(NamedTuple):
    """What becomes of one group. Means are NaN for the promoted where nobody is, and for stayers where nobody stays."""

    cuts: Cutoffs
    prob_promoted: np.ndarray
    prob_efficient: np.ndarray
    """Share whom it would be efficient to promote."""
    utility_jump: np.ndarray
    """Gain of period-2 utility from promotion at the cut-off, the prize; 0 if effort cannot change who is promoted."""
    profit2_expected: np.ndarray
    young: Young
    stayer: Old
    promoted: Old


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


def solve_tournament(
    c: Any,
    d: Any,
    s: Any,
    h: Any,
    z: Any,
    delta: Any,
    gam: Any,
    theta1: Any,
    theta2: Any,
    p: Any = 2.0,
    *,
    outside: Outside = "contract",
    require_promotion: bool = True,
    errors: Literal["raise", "status"] = "raise",
) -> Tournament:
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
    at = _broadcast(Primitives(c, d, s, h, z, delta, gam, theta1, theta2, p))
    with np.errstate(all="ignore"):
        found = _solve(at, outside, require_promotion)
    if errors == "raise" and (found.failed >= 0).any():
        where = np.flatnonzero(np.ravel(found.failed) >= 0)[0]
        name = CHECKS[int(np.ravel(found.failed)[where])]
        raise TournamentRestrictionError(name, float(np.ravel(found.margins[name])[where]))
    return found


_LENGTHS = {"c": 3, "d": 3, "s": 2, "h": 2, "theta1": 2, "theta2": 2}


def _broadcast(at: Primitives) -> Primitives:
    """All in float64 and over the same leading dimensions."""
    given = {name: np.asarray(v, dtype=np.float64) for name, v in at._asdict().items()}
    wrong = [
        f"{name} has shape {given[name].shape}, expected (..., {n})"
        for name, n in _LENGTHS.items()
        if given[name].shape[-1:] != (n,)
    ]
    if wrong:
        raise ValueError("; ".join(wrong))
    shape = np.broadcast_shapes(*(v.shape[:-1] if name in _LENGTHS else v.shape for name, v in given.items()))
    tails = {name: (n,) for name, n in _LENGTHS.items()}
    return Primitives(**{name: np.broadcast_to(v, shape + tails.get(name, ())) for name, v in given.items()})


_ONE, _S1, _S2, _H1, _H2 = range(5)


class _Economy(NamedTuple):
    """Primitives with the best efforts."""

    at: Primitives
    capital: np.ndarray
    """(..., 5): 1, s_1, s_2, h_1, h_2."""
    effort: np.ndarray
    """(..., 3, 5) by job and capital; ``surplus`` its value less its cost."""
    surplus: np.ndarray
    outside: Outside

    def value(self, job: int, capital: int, theta: np.ndarray) -> np.ndarray:
        """Output less effort cost on a job, before training."""
        fixed = self.capital[..., capital] * (self.at.c[..., job] + self.at.d[..., job] * theta)
        return fixed + self.surplus[..., job, capital]


def _economy(at: Primitives, outside: Outside) -> _Economy:
    capital = np.concatenate([np.ones_like(at.z)[..., None], at.s, at.h], axis=-1)
    product, power = capital[..., None, :] * at.d[..., :, None], (at.p - 1.0)[..., None, None]
    effort = (product / at.gam[..., None, None]) ** (1.0 / power)
    return _Economy(at, capital, effort, (1.0 - 1.0 / at.p)[..., None, None] * product * effort, outside)


def _solve(at: Primitives, outside: Outside, require_promotion: bool) -> Tournament:
    economy = _economy(at, outside)
    groups = first, second = _group(economy, 0), _group(economy, 1)
    bonus = [g.young.bonus for g in groups] + [x.bonus for g in groups for x in (g.stayer, g.promoted)]
    pay = [g.young.pay for g in groups] + [x.salary_mean + x.bonus for g in groups for x in (g.stayer, g.promoted)]
    margins = _margins(economy, groups)
    bound = np.minimum(*(_two_period_bound(economy, k, g) for k, g in enumerate(groups)))
    warnings = []
    if (bound < at.delta).any():
        warnings.append("two_period_assignment: over both periods another first job may be worth more")
    if any((g.young.ratchet > 0).any() for g in groups):
        warnings.append("ratchet: holding back output pays in period 2, which the paper's condition for effort disregards")
    return Tournament(
        groups=groups,
        mean_bonus=np.stack(bonus, axis=-1),
        mean_pay=np.stack(pay, axis=-1),
        effort=economy.effort,
        surplus=economy.surplus,
        corollaries=_corollaries(economy, first, second),
        margins=margins,
        failed=_first_failure(margins, require_promotion),
        two_period_delta_bound=bound,
        warnings=tuple(warnings),
    )


def _cuts(economy: _Economy, k: int) -> Cutoffs:
    """Slopes and cut-offs, steps 2 and 4."""
    at, zero, low = economy.at, np.zeros_like(economy.at.z), economy.at.support(k)[0]
    a = at.s[..., 0] * at.d[..., k + 1] - at.s[..., 1] * at.d[..., k]
    m = at.h[..., 0] * at.d[..., k + 1] - at.h[..., 1] * at.d[..., k]
    efficient = (economy.value(k, _S2, zero) - economy.value(k + 1, _S1, zero) + at.z) / a
    market = (economy.value(k, _H2, zero) - economy.value(k + 1, _H1, zero)) / m
    if economy.outside == "contract":
        return Cutoffs(a, m, efficient, market, efficient + m * (efficient - market) / (a - m))
    slope = a - at.h[..., 0] * at.d[..., k + 1]
    plus = (a * efficient - m * market - at.h[..., 1] * at.d[..., k] * low) / slope
    return Cutoffs(a, m, efficient, market, np.where(slope > 0, plus, np.inf))


def _group(economy: _Economy, k: int) -> Group:
    """Steps 2 to 7 for group k, which starts on job k."""
    at, cuts, (low, high) = economy.at, _cuts(economy, k), economy.at.support(k)
    width, plus = high - low, cuts.equilibrium
    chance, edge = np.clip((high - plus) / width, 0.0, 1.0), np.clip(plus, low, high)
    inside = (low < plus) & (plus < high)
    jump = np.where(inside, cuts.slope_incumbent * (plus - cuts.efficient), 0.0)
    means = 0.5 * (low + edge), np.where(chance > 0, 0.5 * (edge + high), np.nan)
    signals = (None, None) if economy.outside == "contract" else (low, plus)
    stayer, riser = (_old(economy, k, up, means[up], plus, signals[up]) for up in (0, 1))

    def mixed(stay: np.ndarray, rise: np.ndarray) -> np.ndarray:
        return np.where(chance < 1, (1.0 - chance) * stay, 0.0) + np.where(chance > 0, chance * rise, 0.0)

    later, utility = (mixed(getattr(stayer, n), getattr(riser, n)) for n in ("profit_mean", "utility_mean"))
    foreign = at.h if economy.outside == "contract" else np.zeros_like(at.h)
    kept, gained = (at.s - foreign)[..., 1] * at.d[..., k], (at.s - foreign)[..., 0] * at.d[..., k + 1]
    young = _young(economy, k, jump, later, utility, (1.0 - chance) * kept + chance * gained)
    efficient = np.clip((high - cuts.efficient) / width, 0.0, 1.0)
    return Group(cuts, chance, efficient, jump, later, young, stayer, riser)


def _young(economy: _Economy, k: int, jump: np.ndarray, later: np.ndarray, utility: np.ndarray, ratchet: np.ndarray) -> Young:
    """The first period, given the prize, and profit and utility expected of the second."""
    at, d, (low, high) = economy.at, economy.at.d[..., k], economy.at.support(k)
    width, e = high - low, economy.effort[..., k, _ONE]
    rate = 1.0 - at.delta * jump / (d * width)
    base = at.c[..., k] + d * low - at.z
    output, bonus = at.c[..., k] + d * (0.5 * (low + high) + e) - at.z, rate * d * (0.5 * width + e)
    salary = output - bonus + at.delta * later
    return Young(
        effort=e,
        bonus_rate=rate,
        delta_max=np.where(jump > 0, d * width / jump, np.inf),
        ymin=base,
        output=output,
        bonus=bonus,
        bonus_min=rate * d * e,
        bonus_max=rate * d * (width + e),
        salary=salary,
        pay=salary + bonus,
        utility=salary + bonus - at.gam * e**at.p / at.p + at.delta * utility,
        marginal_prize=jump / width,
        ratchet=ratchet,
        dbonus_ddelta=-jump / width * (0.5 * width + e),
    )


def _old(economy: _Economy, k: int, up: int, mean: np.ndarray, plus: np.ndarray, signal: np.ndarray | None) -> Old:
    """Of those who stay on job k (``up`` 0) or rise to the next; an offer is worth ``signal`` to all if there is one."""
    at, job = economy.at, k + up
    own, foreign = ((_S2, _H2), (_S1, _H1))[up]
    training = up * at.z

    def utility(theta: np.ndarray) -> np.ndarray:
        return economy.value(job, foreign, theta if signal is None else signal) - at.z

    def profit(theta: np.ndarray) -> np.ndarray:
        return economy.value(job, own, theta) - training - utility(theta)

    lowest = plus if up else at.support(k)[0]
    return Old(
        effort=economy.effort[..., job, own],
        bonus=economy.capital[..., own] * at.d[..., job] * economy.effort[..., job, own],
        salary_mean=utility(mean) - economy.surplus[..., job, own],
        ymin_mean=economy.capital[..., own] * (at.c[..., job] + at.d[..., job] * mean) - training,
        utility_mean=utility(mean),
        profit_mean=profit(mean),
        offer=economy.capital[..., foreign] * (at.c[..., job] + at.d[..., job] * lowest) - at.z,
        utility_cut=utility(plus),
        profit_cut=profit(plus),
    )


def _least(*values: np.ndarray) -> np.ndarray:
    return np.minimum.reduce(np.broadcast_arrays(*values))


def _unless_zero(margin: np.ndarray) -> np.ndarray:
    """A margin that may be zero: delta may be 1, and the supports of equal width."""
    return np.where(margin == 0.0, np.inf, margin)


def _margins(economy: _Economy, groups: tuple[Group, Group]) -> dict[str, np.ndarray]:
    """Every restriction of section 3."""
    at, surplus, (first, second) = economy.at, economy.surplus, (g.cuts for g in groups)
    c, d, s, h, (low1, high1), (low2, high2) = at.c, at.d, at.s, at.h, at.support(0), at.support(1)
    double = [
        (w * (c[..., 1] - c[..., 2]) + surplus[..., 1, i] - surplus[..., 2, i]) / (w * (d[..., 2] - d[..., 1]))
        for w, i in ((s[..., 0], _S1), (h[..., 0], _H1))
    ]
    found = {
        "primitive_range": _least(at.p - 1.0, at.gam, at.delta, _unless_zero(1.0 - at.delta)),
        "productivity_order": _least(d[..., 0], d[..., 1] - d[..., 0], d[..., 2] - d[..., 1]),
        "intercept_order": _least(c[..., 2], c[..., 0] - c[..., 1], c[..., 1] - c[..., 2]),
        "training_cost": _least(at.z, c[..., 0] - at.z),
        "human_capital_order": _least(s[..., 0] - 1.0, s[..., 1] - s[..., 0], h[..., 0] - 1.0, h[..., 1] - h[..., 0]),
        "firm_specific": _least(s[..., 0] - h[..., 0], s[..., 1] - h[..., 1]),
        "support": _least(high1 - low1, _unless_zero((high2 - low2) - (high1 - low1))),
        "no_demotion": low2 - first.market,
        "ability_order_1": _least(first.efficient - low1, high1 - first.efficient, second.efficient - high1),
        "ability_order_2": _least(low2 - first.efficient, second.efficient - low2, high2 - second.efficient),
        "no_double_promotion": _least(*double) - high1,
    }
    outputs = []
    for k, (g, (low, high)) in enumerate(zip(groups, ((low1, high1), (low2, high2)), strict=True)):
        young = np.stack([economy.value(j, _ONE, 0.5 * (low + high)) for j in range(3)], axis=-1)
        promoted = np.where(np.isfinite(g.cuts.equilibrium), g.promoted.offer, np.inf)
        outputs += [g.young.ymin, g.stayer.offer, promoted]
        own = {
            "slope_incumbent": g.cuts.slope_incumbent,
            "slope_market": g.cuts.slope_market,
            "slope_gap": g.cuts.slope_incumbent - g.cuts.slope_market,
            "young_assignment": young[..., k] - np.delete(young, k, axis=-1).max(-1),
            "signal_distortion": g.cuts.efficient - g.cuts.market,
            "market_keeps_low": g.cuts.market - low,
            "promotion_exists": high - g.cuts.equilibrium,
            "positive_bonus_rate": g.young.bonus_rate,
        }
        if economy.outside == "signal":
            own["signal_slope"] = (s[..., 0] - h[..., 0]) * d[..., k + 1] - s[..., 1] * d[..., k]
        found |= {f"{name}_{k + 1}": margin for name, margin in own.items()}
    return found | {"positive_output": _least(*outputs)}


def _first_failure(margins: dict[str, np.ndarray], require_promotion: bool) -> np.ndarray:
    failed = np.full(np.shape(margins["primitive_range"]), -1)
    for i, name in enumerate(CHECKS):
        if name not in margins or (not require_promotion and name.startswith(("promotion_exists", "signal_slope"))):
            continue
        failed = np.where((failed < 0) & ~(margins[name] > 0.0), i, failed)
    return failed


def _two_period_bound(economy: _Economy, k: int, g: Group) -> np.ndarray:
    """Largest discount factor at which job k is the better first job over both periods, against either other job."""
    low, high = economy.at.support(k)
    middle, edge = 0.5 * (low + high), np.clip(g.cuts.equilibrium, low, high)
    share = (edge - low) / (high - low)
    stay, rise = 0.5 * (low + edge), 0.5 * (edge + high)
    promoted = economy.value(k + 1, _S1, rise) - economy.at.z
    ours = share * economy.value(k, _S2, stay) + (1.0 - share) * promoted
    bounds = []
    for m in {0, 1, 2} - {k}:
        now = economy.value(k, _ONE, middle) - economy.value(m, _ONE, middle)
        lost = _best_later(economy, m, low, high) - ours
        bounds.append(np.where(lost > 0, now / lost, np.inf))
    return np.minimum(*bounds)


def _best_later(economy: _Economy, m: int, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Mean over abilities of the best period-2 surplus after a first period on job m: exact between the lines' crossings."""

    def value(j: int, theta: np.ndarray) -> np.ndarray:
        return economy.value(j, _S2, theta) if j == m else economy.value(j, _S1, theta) - economy.at.z

    zero = np.zeros_like(low)
    level = [value(j, zero) for j in range(3)]
    slope = [value(j, zero + 1.0) - level[j] for j in range(3)]
    crossings = [
        np.nan_to_num((level[i] - level[j]) / (slope[j] - slope[i]), nan=0.0, posinf=0.0, neginf=0.0)
        for i, j in ((0, 1), (0, 2), (1, 2))
    ]
    breaks = np.sort(np.stack([low, *(np.clip(x, low, high) for x in crossings), high], axis=-1), axis=-1)
    total = zero.copy()
    for left, right in pairwise(np.moveaxis(breaks, -1, 0)):
        middle = 0.5 * (left + right)
        total += (right - left) * np.maximum.reduce([level[j] + slope[j] * middle for j in range(3)])
    return total / (high - low)


def _corollaries(economy: _Economy, first: Group, second: Group) -> dict[str, np.ndarray]:
    at, (low, high), (one, two) = economy.at, economy.at.support(1), (first.young, second.young)
    threshold = two.bonus_rate * (1.0 + (high - low) / (2.0 * two.effort))
    return {
        "c1_old_tenure2": second.stayer.bonus - first.stayer.bonus,
        "c1_old_tenure1": second.promoted.bonus - first.promoted.bonus,
        "c1_young": two.bonus - one.bonus,
        "c2": second.stayer.bonus - first.promoted.bonus,
        "c3": first.promoted.bonus - two.bonus,
        "c3_margin": at.s[..., 0] ** (at.p / (at.p - 1.0)) - threshold,
        "c4": np.stack([one.bonus_rate, two.bonus_rate], axis=-1),
        "c5": np.stack([one.dbonus_ddelta, two.dbonus_ddelta], axis=-1),
    }
