"""Outside options and the payroll against a plain reference and the identities of sections 3 and 4."""

import numpy as np
import pytest

from bayes_labor.theory import Matching, Status, solve_outside_option, solve_payroll
from tests import oracles

RNG = np.random.default_rng(5)
SIZES = RNG.integers(2, 7, 12)
OFFSETS = np.concatenate([[0], np.cumsum(SIZES)])
N = int(OFFSETS[-1])
Z = 0.3 * RNG.normal(size=N)
THETA = Z + 0.1 * RNG.uniform(size=N)
INDUSTRY = np.arange(12) % 2
BETA, SCALE = np.array([0.2, -0.5]), np.array([10.0, 14.0])


def solve(**change):
    settings = {"industry": INDUSTRY, "matching": Matching.exact(OFFSETS)} | change
    return solve_outside_option(THETA, Z, OFFSETS, BETA, SCALE, 0.6, 1.0, **settings)


def test_equals_plain_reference_with_hard_feasibility() -> None:
    want = oracles.outside_option(THETA, Z, OFFSETS, BETA, SCALE, INDUSTRY, 0.6, 1.0)
    found = solve()
    assert found.status is Status.OK
    np.testing.assert_allclose(found.value, want, rtol=1e-9)


def test_smooth_weights_tend_to_hard_ones() -> None:
    hard = solve_outside_option(THETA, Z, OFFSETS, BETA, SCALE, 0.95, 3.0, industry=INDUSTRY).value
    gaps = [
        np.abs(
            solve_outside_option(THETA, Z, OFFSETS, BETA, SCALE, 0.95, 3.0, industry=INDUSTRY, softness=s).value - hard
        ).max()
        for s in (0.5, 0.05, 0.0005)
    ]
    assert gaps[2] < 0.02 * hard.mean() and gaps[2] <= gaps[0] + 1e-12


def test_nodes_and_sampled_cubic_agree_with_many_nodes() -> None:
    fine = solve(matching=Matching.exact(OFFSETS, nodes=20)).value
    np.testing.assert_allclose(solve().value, fine, rtol=1e-7)
    # One draw per workplace is noisy with twelve of them: the average over many draws of the matches is not.
    drawn = np.mean([solve(matching=Matching.sampled(OFFSETS, seed=s)).value for s in range(400)], axis=0)
    middle = np.abs(Z) < 1.5 * Z.std()
    np.testing.assert_allclose(drawn[middle], fine[middle], rtol=0.1)


def test_value_is_unemployment_when_outsiders_have_no_power() -> None:
    found = solve_outside_option(THETA, Z, OFFSETS, BETA, SCALE, 0.0, 1.5, industry=INDUSTRY)
    np.testing.assert_allclose(found.value, 1.5, rtol=1e-12)


def test_zero_spread_of_the_external_index() -> None:
    for matching in (Matching.exact(OFFSETS), Matching.sampled(OFFSETS)):
        found = solve_outside_option(THETA, np.zeros(N), OFFSETS, BETA, SCALE, 0.6, 1.0, industry=INDUSTRY, matching=matching)
        assert found.status is Status.OK
        np.testing.assert_allclose(found.value, found.value[0], rtol=1e-6)


def test_wages_exhaust_revenue_and_shares_sum_to_one() -> None:
    found = solve(softness=0.1)
    pay = solve_payroll(found.value, found.output, RNG.normal(size=N), OFFSETS)
    np.testing.assert_allclose(np.add.reduceat(pay.wage, OFFSETS[:-1]), SIZES * found.output, rtol=1e-12)
    np.testing.assert_allclose(np.add.reduceat(pay.share, OFFSETS[:-1]), 1.0, rtol=1e-12)


def test_power_raises_the_share() -> None:
    index = np.zeros(N)
    index[0] = 1.0
    found = solve()
    pay, equal = (solve_payroll(found.value, found.output, i, OFFSETS) for i in (index, np.zeros(N)))
    assert pay.share[0] > equal.share[0] == pytest.approx(1 / SIZES[0])
    assert np.all(pay.share[1 : SIZES[0]] < equal.share[1 : SIZES[0]])


def test_subsample_is_stratified_and_reproducible() -> None:
    offsets = np.concatenate([[0], np.cumsum(np.random.default_rng(0).integers(2, 40, 500))])
    chosen = Matching.exact(offsets, subsample=50, seed=3)
    again = Matching.exact(offsets, subsample=50, seed=3)
    np.testing.assert_array_equal(chosen.workplace, again.workplace)
    sizes = np.diff(offsets)
    assert abs(sizes[chosen.workplace].mean() / sizes.mean() - 1) < 0.05
    assert chosen.weight.sum() == pytest.approx(500)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bargaining_power": 1.2}, "d is a share"),
        ({"softness": -1.0}, "choose 0"),
        ({"external_index": Z[:-1]}, "external_index has shape"),
    ],
)
def test_bad_arguments(change: dict, message: str) -> None:
    arguments = {
        "log_talent": THETA, "external_index": Z, "offsets": OFFSETS, "beta": BETA, "scale": SCALE,
        "bargaining_power": 0.5, "unemployment_value": 0.0, "industry": INDUSTRY,
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        solve_outside_option(**(arguments | change))


def test_bad_matching() -> None:
    with pytest.raises(ValueError, match="at least 2 Chebyshev nodes"):
        Matching.exact(OFFSETS, nodes=1)
    with pytest.raises(ValueError, match="choose between 1 and 12"):
        Matching.exact(OFFSETS, subsample=13)


def test_no_feasible_workplace_is_a_status() -> None:
    found = solve_outside_option(THETA, Z, OFFSETS, BETA, SCALE, 0.5, 1e6, industry=INDUSTRY)
    assert found.status is Status.NO_FEASIBLE_WORKPLACE and "V_U" in found.status.advice
    assert np.all(found.value == 0.0)


@pytest.mark.parametrize("matching", [Matching.exact(OFFSETS, nodes=5), Matching.sampled(OFFSETS, seed=1)])
def test_no_outside_option_is_below_unemployment(matching: Matching) -> None:
    """Where hardly any workplace gains from a newcomer the series dips below V_U; what is read off it may not."""
    found = solve_outside_option(THETA, Z, OFFSETS, BETA, SCALE, 0.7, 6.0, industry=INDUSTRY, matching=matching, softness=0.2)
    u = (Z - found.domain[0]) / found.domain[1]
    assert found.status is Status.OK and np.polynomial.chebyshev.chebval(u, found.coefficients).min() < 5.99
    assert found.value.min() == 6.0
    np.testing.assert_allclose(found(Z), found.value, rtol=1e-12)


def test_fewer_feasible_matches_than_coefficients_is_a_status() -> None:
    """A cubic through three points is any cubic: with hard weights and a high V_U only few workplaces are left."""

    def feasible(v_u: float) -> tuple[Status, float]:
        matching = Matching.sampled(OFFSETS, seed=1)
        s = solve_outside_option(THETA, Z, OFFSETS, BETA, SCALE, 0.7, v_u, industry=INDUSTRY, matching=matching, softness=1e-3)
        return s.status, s.feasible_share

    found = [feasible(v_u) for v_u in np.linspace(1.0, 14.0, 27)]
    assert all(share >= 4 / 12 for status, share in found if status is Status.OK)
    assert any(status is Status.TOO_FEW_MATCHES for status, _ in found)
    assert "matching='exact'" in Status.TOO_FEW_MATCHES.advice


def test_jax_has_the_same_statuses() -> None:
    """The accelerator's copy refuses what the first refuses, and holds V at V_U where it does."""
    import jax

    from bayes_labor.theory.joint_production.jax_outside_option import solve_outside_option_jax

    jax.config.update("jax_enable_x64", True)
    matching = Matching.sampled(OFFSETS, seed=1)
    matches = (matching.workplace, matching.worker, matching.weight)
    options = {"industry": INDUSTRY, "matching": matching, "softness": 0.05}
    solve_there = jax.jit(
        lambda v_u: solve_outside_option_jax(
            THETA, Z, OFFSETS, INDUSTRY, BETA, SCALE, 0.7, v_u, *matches, 0.05, np.ones(len(Z)), nodes=0
        )
    )
    for v_u, status in ((6.0, Status.OK), (8.0, Status.TOO_FEW_MATCHES)):
        there, here = solve_there(v_u), solve_outside_option(THETA, Z, OFFSETS, BETA, SCALE, 0.7, v_u, **options)
        assert int(there[4][2]) == here.status == status
        np.testing.assert_allclose(there[0], here.value, rtol=1e-9)
