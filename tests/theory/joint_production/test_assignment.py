"""Task assignment against golden values, a plain reference, and the facts of section 2 of the specification."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_labor.theory import Status, managing_probability, solve_assignment
from bayes_labor.theory.joint_production.talent_table import BETA_LINEAR
from tests import oracles
from tests.conftest import REFERENCE

BETAS = st.one_of(st.floats(-0.98, 0.95), st.sampled_from([1e-10, -1e-10, 1e-8, -1e-8, 1e-4, -1e-4, 0.0, 0.98, -0.99]))
TEAMS = st.lists(st.floats(-3, 3), min_size=1, max_size=12).map(np.array)


def solve(log_talent: np.ndarray, beta: float, scale: float = 1.0):
    return solve_assignment(np.asarray(log_talent, dtype=float), np.array([0, len(log_talent)]), beta, scale)


def test_golden_values() -> None:
    cases = json.loads((REFERENCE / "assignment.json").read_text())["cases"]
    assert len(cases) >= 61
    for case in cases:
        theta = np.array(case["theta"])
        a = solve(theta, case["beta"], case["A"])
        pairs = {
            "cutoff": a.cutoff[0],
            "shadow_price": a.shadow_price[0],
            "output": a.output[0],
            "d_output_d_beta": a.d_output_d_beta[0],
            "d_output_d_theta": a.d_output_d_log_talent,
        }
        for name, value in pairs.items():
            np.testing.assert_allclose(value, case[name], rtol=1e-10, err_msg=f"{name} at beta {case['beta']}")
        # In logs: a share of 4e-161 is exp of a number that is itself known to 1e-10.
        managing = np.log(managing_probability(theta, a.cutoff, np.array([0, len(theta)])))
        np.testing.assert_allclose(managing, np.log(case["manager_share"]), rtol=1e-10, atol=1e-14)
        joined = solve(np.append(theta, 0.2), case["beta"], case["A"])
        vmp = (len(theta) + 1) * joined.output[0] - len(theta) * a.output[0]
        np.testing.assert_allclose(vmp, case["vmp_of_log_talent_0p2"], rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(TEAMS, st.floats(-0.9, 0.9).filter(lambda b: abs(b) > 1e-3))
def test_equals_plain_reference(theta: np.ndarray, beta: float) -> None:
    output, cutoff = oracles.assignment(theta, beta)
    a = solve(theta, beta)
    np.testing.assert_allclose([a.output[0], a.cutoff[0]], [output, cutoff], rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(TEAMS, BETAS, st.floats(-20, 20))
def test_homogeneity(theta: np.ndarray, beta: float, shift: float) -> None:
    """Scaling all talents by s scales output by s^(1+beta), or s^(1-b+b^2) for beta = -b < 0; so gradients sum to it."""
    exponent = 1 + beta if beta >= 0 else 1 + beta + beta**2
    a, moved = solve(theta, beta), solve(theta + shift, beta)
    np.testing.assert_allclose(moved.output, a.output * np.exp(exponent * shift), rtol=1e-9)
    np.testing.assert_allclose(a.d_output_d_log_talent.sum(), exponent * a.output[0], rtol=1e-9)


@settings(max_examples=40, deadline=None)
@given(TEAMS, BETAS, st.randoms(use_true_random=False))
def test_order_and_replication_do_not_matter(theta: np.ndarray, beta: float, random) -> None:
    shuffled = theta.copy()
    random.shuffle(shuffled)
    want = solve(theta, beta).output
    np.testing.assert_allclose(solve(shuffled, beta).output, want, rtol=1e-11)
    np.testing.assert_allclose(solve(np.tile(theta, 3), beta).output, want, rtol=1e-11)


@settings(max_examples=40, deadline=None)
@given(TEAMS, BETAS.filter(lambda b: abs(b) > BETA_LINEAR))
def test_cutoff_lies_in_its_bracket(theta: np.ndarray, beta: float) -> None:
    equal = np.log(solve(np.zeros(1), beta).cutoff[0])
    found = np.log(solve(theta, beta).cutoff[0])
    assert equal + theta.min() - 1e-9 <= found <= equal + theta.max() + 1e-9


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_beta_of_any_smallness_is_solved(sign: float) -> None:
    rng = np.random.default_rng(0)
    for exponent in np.arange(-300.0, -10.0, 0.7):
        theta = np.full(2, 1.3) if exponent % 2 < 1 else rng.normal(size=3)
        a = solve(theta, sign * 10.0**exponent)
        assert a.status[0] == Status.OK
        np.testing.assert_allclose(a.output[0], np.exp(theta).mean(), rtol=1e-8)


@pytest.mark.parametrize("beta", [0.1, 0.4, 0.7])
def test_strong_duality(beta: float) -> None:
    theta = np.array([-0.5, 0.2, 0.6])
    np.testing.assert_allclose(oracles.dual_value(theta, beta), solve(theta, beta).output[0], rtol=1e-6)


@pytest.mark.parametrize("beta", [-0.9, -0.5, -1e-10, 1e-10, 1e-5, 0.05, 0.5, 0.9, 0.99])
def test_a_hundred_thousand_workers_with_talents_of_e_to_the_thirty(beta: float) -> None:
    theta = np.random.default_rng(0).uniform(-30, 30, 100_000)
    a = solve(theta, beta)
    exponent = 1 + beta if beta > 0 else 1 + beta + beta**2
    assert a.status[0] == Status.OK
    assert np.all(np.isfinite(a.d_output_d_log_talent)) and np.isfinite(a.d_output_d_beta[0])
    np.testing.assert_allclose(a.d_output_d_log_talent.sum(), exponent * a.output[0], rtol=1e-9)


@pytest.mark.parametrize("sign", [-1, 1])
def test_cusp_at_zero(sign: int) -> None:
    """Q = A mean(mu) (1 + kappa |beta| ln |beta|), kappa = 1 from above and 1/2 from below."""
    theta, beta = np.array([0.3, -0.4, 0.1]), 1e-9
    kappa = 1.0 if sign > 0 else 0.5
    relative = solve(theta, sign * beta).output[0] / np.exp(theta).mean() - 1
    np.testing.assert_allclose(relative, kappa * beta * np.log(beta), rtol=0.1)
    assert solve(theta, 0.0).d_output_d_beta[0] == 0.0


@pytest.mark.parametrize("beta", [-0.6, -1e-6, 1e-6, 0.3, 0.8])
def test_slope_in_beta_by_differences(beta: float) -> None:
    theta, h = np.array([0.3, -0.4, 0.1]), 1e-4 * abs(beta)
    ends = [solve(theta, beta + k * h).output[0] for k in (-2, -1, 1, 2)]
    slope = (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * h)
    np.testing.assert_allclose(solve(theta, beta).d_output_d_beta[0], slope, rtol=1e-4)


def test_threads_and_industries_agree_with_one_at_a_time() -> None:
    rng = np.random.default_rng(1)
    sizes = rng.integers(1, 9, 40)
    offsets, theta = np.concatenate([[0], np.cumsum(sizes)]), rng.normal(size=sizes.sum())
    beta, scale, industry = np.array([0.2, -0.3, 0.0]), np.array([2.0, 3.0, 4.0]), rng.integers(0, 3, 40)
    one = solve_assignment(theta, offsets, beta, scale, industry=industry)
    two = solve_assignment(theta, offsets, beta, scale, industry=industry, threads=2)
    wide = solve_assignment(theta, offsets, beta[industry], scale[industry])
    for a, b, c in zip(one, two, wide, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(a, c, rtol=1e-13)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros(3, "float32"), [0, 3], 0.1), "log_talent has dtype float32, expected float64"),
        ((np.zeros((3, 1)), [0, 3], 0.1), "log_talent has shape"),
        ((np.zeros(3), [0, 2], 0.1), "offsets run from 0 to 2, expected 0 to 3"),
        ((np.zeros(3), [0, 1, 1, 3], 0.1), "workplace 1 has no workers"),
        ((np.zeros(3), [0.0, 3.0], 0.1), "offsets must be a vector of at least two integers"),
        ((np.zeros(3), [0, 3], np.array([0.1, 0.2])), "beta has shape"),
    ],
)
def test_bad_arguments(arguments: tuple, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        solve_assignment(arguments[0], np.array(arguments[1]), *arguments[2:])


def test_bad_industry_and_threads() -> None:
    with pytest.raises(ValueError, match="industry runs from 5 to 5, but beta has 2 rows"):
        solve_assignment(np.zeros(2), np.array([0, 2]), np.zeros(2), np.ones(2), industry=np.array([5]))
    with pytest.raises(ValueError, match="threads = 0"):
        solve_assignment(np.zeros(2), np.array([0, 2]), 0.1, threads=0)
