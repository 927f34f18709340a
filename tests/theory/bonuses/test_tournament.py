"""The promotion tournament: golden values, named restrictions, normalisations, brute force, comparative statics."""

import json
from typing import Any

import numpy as np
import pytest
from scipy import integrate, optimize

from bayes_labor.theory.bonuses.tournament import CELLS, CHECKS, Group, Tournament, TournamentRestrictionError, solve_tournament
from tests.conftest import REFERENCE

NAMES = ["Q1", "Q2", "K3", "P16", "X3", "SIG"]


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads((REFERENCE / "bonuses.json").read_text())


def solve(case: dict[str, Any], **changes: Any) -> Tournament:
    return solve_tournament(**(case["params"] | changes), outside=case["outside"])


REFERENCE_NAMES = {
    "slope_incumbent": "A_incumbent",
    "slope_market": "A_market",
    "efficient": "theta_eff",
    "market": "theta_mkt",
    "equilibrium": "theta_plus",
    "bonus_rate_young": "beta1",
    "marginal_prize_young": "dEU_de",
    "utility_young": "utility_total",
}
SAME = ("delta_max", "ratchet", "dbonus_ddelta")
"""Of the young, called the same in the reference."""


def by_reference_name(group: Group) -> dict[str, np.ndarray]:
    """A group's numbers by the reference's names, such as ``salary_stay_mean`` for the stayer's ``salary_mean``."""
    found = group._asdict()
    records = {"young": found.pop("young"), "stay": found.pop("stayer"), "promoted": found.pop("promoted")}
    found |= found.pop("cuts")._asdict()
    for who, record in records.items():
        for field, value in record._asdict().items():
            start, *ending = field.rsplit("_", 1) if field.endswith(("_min", "_max", "_mean", "_cut")) else (field,)
            found[field if field in SAME else "_".join([start, who, *ending])] = value
    not_there = ("utility_stay_mean", "utility_promoted_mean", "profit_stay_mean", "profit_promoted_mean")
    return {REFERENCE_NAMES.get(name, name): value for name, value in found.items() if name not in not_there}


@pytest.mark.parametrize("name", NAMES)
def test_every_golden_number(golden: dict[str, Any], name: str) -> None:
    case = golden["tournament"][name]
    found = solve(case)
    for k, group in enumerate(found.groups):
        want, ours = case["group"][str(k + 1)], by_reference_name(group)
        assert set(want) == set(ours)
        for field, value in want.items():
            np.testing.assert_allclose(ours[field], value, rtol=1e-10, err_msg=f"{field} of group {k + 1}")
    for kind, letter in (("efforts", "e"), ("surplus", "S")):
        flat = found.effort if kind == "efforts" else found.surplus
        for j in range(3):
            for i, capital in enumerate(("1", "s1", "s2", "h1", "h2")):
                np.testing.assert_allclose(flat[j, i], case[kind][f"{letter}_{j + 1}({capital})"], rtol=1e-10)
    assert set(found.margins) == set(case["check_margins"])
    for check, value in case["check_margins"].items():
        np.testing.assert_allclose(found.margins[check], value, rtol=1e-9, err_msg=check)
    for corollary, value in case["corollaries"].items():
        np.testing.assert_allclose(found.corollaries[corollary], value, rtol=1e-10, err_msg=corollary)
    cells = [f"{age}|level{level}|tenure{tenure}" for age, level, tenure in CELLS]
    np.testing.assert_allclose(found.mean_bonus, [case["mean_bonus_cells"][c] for c in cells], rtol=1e-10)
    np.testing.assert_allclose(found.two_period_delta_bound, case["two_period_delta_bound"], rtol=1e-10)
    assert list(golden["check_order"]) == list(CHECKS) and found.failed == -1


def test_moments_of_the_structural_map(golden: dict[str, Any]) -> None:
    given = golden["structural_map_Q2"]
    shifted = golden["tournament"]["Q2"]["params"] | {k: given[k] for k in ("c", "theta1", "theta2")}
    found = solve_tournament(**shifted)
    np.testing.assert_allclose(found.mean_bonus, given["moments_bonus"], rtol=1e-10)
    np.testing.assert_allclose(found.mean_pay, given["moments_pay"], rtol=1e-10)
    np.testing.assert_allclose([g.prob_promoted for g in found.groups], given["moments_promotion"], rtol=1e-10)


def test_restrictions_are_named(golden: dict[str, Any]) -> None:
    cases = golden["tournament_error_cases"]
    assert len(cases) == 25
    for case in cases:
        params = golden["tournament"][case["base"]]["params"] | case["change"]
        if case["expected"] is None:
            solve_tournament(**params, outside=case["outside"])
            continue
        with pytest.raises(TournamentRestrictionError) as caught:
            solve_tournament(**params, outside=case["outside"])
        assert caught.value.check == case["expected"] and not caught.value.margin > 0
        found = solve_tournament(**params, outside=case["outside"], errors="status")
        assert CHECKS[int(found.failed)] == case["expected"]


def test_nobody_promoted(golden: dict[str, Any]) -> None:
    """Lemma 2: without promotions effort is paid in full; under ``signal`` the cut-off is infinite where the slope is wrong."""
    case = golden["tournament"]["Q1"]
    params = case["params"] | {"theta2": [7.67, 12.2]}
    second = solve_tournament(**params, require_promotion=False).groups[1]
    assert (
        second.prob_promoted == 0
        and second.young.bonus_rate == 1
        and second.utility_jump == 0
        and np.isinf(second.young.delta_max)
    )
    assert np.isnan(second.promoted.salary_mean) and np.isfinite(second.young.salary)
    signal = solve_tournament(**case["params"], outside="signal", require_promotion=False)
    assert all(np.isinf(g.cuts.equilibrium) and g.young.bonus_rate == 1 for g in signal.groups)


@pytest.mark.parametrize("name", NAMES)
def test_normalisations_change_nothing(golden: dict[str, Any], name: str) -> None:
    case = golden["tournament"][name]
    p, found = case["params"], solve(case)
    c, d = np.array(p["c"]), np.array(p["d"])
    one, two = np.array(p["theta1"]), np.array(p["theta2"])
    moved = solve(case, theta1=one - 0.4, theta2=two - 0.4, c=c + 0.4 * d)
    lam = 1.7
    scaled = solve(case, theta1=lam * one, theta2=lam * two, d=d / lam, gam=p["gam"] * lam ** -p["p"])
    for other in (moved, scaled):
        np.testing.assert_allclose(other.mean_bonus, found.mean_bonus, rtol=1e-11)
        np.testing.assert_allclose(other.mean_pay, found.mean_pay, rtol=1e-11)
        for mine, theirs in zip(found.groups, other.groups, strict=True):
            np.testing.assert_allclose(theirs.prob_promoted, mine.prob_promoted, rtol=1e-9)


class Brute:
    """One group of one tournament without the closed forms: numerical efforts and the employer's best job."""

    def __init__(self, case: dict[str, Any], k: int) -> None:
        self.p, self.outside, self.k = case["params"], case["outside"], k
        self.low, self.high = self.p[f"theta{k + 1}"]

    def cost(self, e: float) -> float:
        return self.p["gam"] * e ** self.p["p"] / self.p["p"]

    def value(self, job: int, capital: float, theta: float) -> float:
        """Output less effort cost at the best effort."""
        product = capital * self.p["d"][job]
        best = optimize.minimize_scalar(lambda e: self.cost(e) - product * e, bounds=(0, 50), options={"xatol": 1e-12})
        return capital * (self.p["c"][job] + self.p["d"][job] * theta) - float(best.fun)

    def offers(self, theta: float, plus: float) -> tuple[float, float]:
        """Utility outside for one seen to stay and one seen promoted."""
        h1, h2 = self.p["h"]
        stay, rise = (theta, theta) if self.outside == "contract" else (self.low, plus)
        return self.value(self.k, h2, stay) - self.p["z"], self.value(self.k + 1, h1, rise) - self.p["z"]

    def profits(self, theta: float, plus: float) -> tuple[float, float]:
        """Of keeping and of promoting one of ability theta."""
        s1, s2 = self.p["s"]
        stay, rise = self.offers(theta, plus)
        return self.value(self.k, s2, theta) - stay, self.value(self.k + 1, s1, theta) - self.p["z"] - rise


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("k", [0, 1])
def test_equilibrium_by_brute_force(golden: dict[str, Any], name: str, k: int) -> None:
    """Indifference, the employer's rule on a grid, zero profit, and effort as the worker's optimum."""
    case = golden["tournament"][name]
    group, brute = solve(case).groups[k], Brute(case, k)
    plus, width = float(group.cuts.equilibrium), brute.high - brute.low
    stay, rise = brute.profits(plus, plus)
    assert stay == pytest.approx(rise, rel=1e-8) and float(group.stayer.profit_cut) == pytest.approx(stay, rel=1e-8)
    for theta in np.linspace(brute.low, brute.high, 41):
        keep, promote = brute.profits(theta, plus)
        assert (promote > keep) == (theta > plus) or abs(theta - plus) < 1e-9

    def later(e: float) -> float:
        """Expected period-2 utility of one whose type is not known when inferred abilities are shifted by e - e*."""
        shift = e - float(group.young.effort)
        cut = np.clip(plus - shift, brute.low, brute.high)
        low_part = integrate.quad(lambda t: brute.offers(t, plus)[0], brute.low, cut, epsrel=1e-9)[0]
        high_part = integrate.quad(lambda t: brute.offers(t, plus)[1], cut, brute.high, epsrel=1e-9)[0]
        return (low_part + high_part) / width

    def gain(e: float) -> float:
        pay = float(group.young.bonus_rate) * case["params"]["d"][k] * e
        return pay - brute.cost(e) + case["params"]["delta"] * later(e)

    e, h = float(group.young.effort), 1e-4
    upward = (-3 * gain(e) + 4 * gain(e + h) - gain(e + 2 * h)) / (2 * h)  # one-sided: see the ratchet
    assert abs(upward) < 2e-5 * case["params"]["d"][k]
    profit2 = np.mean([max(brute.profits(t, plus)) for t in brute.low + (np.arange(4000) + 0.5) / 4000 * width][::40])
    assert profit2 == pytest.approx(float(group.profit2_expected), rel=2e-2)
    first = float(group.young.output - group.young.pay)
    assert first + case["params"]["delta"] * float(group.profit2_expected) == pytest.approx(0.0, abs=1e-12 * abs(first) + 1e-12)


def test_comparative_statics(golden: dict[str, Any]) -> None:
    """Delta, z and h_1 move the prize and so the young's bonus, none of them the young's effort; one call for all values."""
    case = golden["tournament"]["Q2"]
    deltas = np.linspace(0.05, 0.35, 7)
    found = solve(case, delta=deltas)
    first = found.groups[0]
    assert found.mean_bonus.shape == (7, 6) and (np.diff(first.young.bonus) < 0).all()
    np.testing.assert_allclose(np.diff(first.young.bonus) / np.diff(deltas), first.young.dbonus_ddelta[0], rtol=1e-9)
    np.testing.assert_allclose(np.ptp(first.young.effort), 0, atol=1e-15)
    for name, values in (("z", [3.79, 3.81, 3.83]), ("h", [[1.42, 1.47], [1.421, 1.47]])):
        moved = solve_tournament(**(case["params"] | {name: values}), errors="status")
        assert (moved.failed == -1).all() and np.ptp(moved.groups[0].utility_jump) > 0
        assert np.ptp(moved.groups[0].young.bonus) > 0 and np.ptp(moved.groups[0].young.effort) == 0
    bad = solve_tournament(**(case["params"] | {"delta": [0.2, 1.5]}), errors="status").failed
    assert [CHECKS[i] if i >= 0 else "" for i in bad] == ["", "primitive_range"]


def test_wrong_lengths_are_named(golden: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"d has shape \(2,\), expected \(\.\.\., 3\)"):
        solve(golden["tournament"]["Q1"], d=[1.0, 2.0])


def test_caveats_are_said(golden: dict[str, Any]) -> None:
    assert any(w.startswith("ratchet") for w in solve(golden["tournament"]["Q1"]).warnings)
    assert not any(w.startswith("two_period") for w in solve(golden["tournament"]["Q1"]).warnings)
    assert any(w.startswith("two_period") for w in solve(golden["tournament"]["P16"]).warnings)
