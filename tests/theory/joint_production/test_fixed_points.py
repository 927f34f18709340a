"""Several equilibria of outside options: found where there are, not where there is one; matches of several workers."""

import itertools

import numpy as np
import pytest

from bayes_labor.theory import Matching, solve_outside_option
from bayes_labor.theory.joint_production.fixed_points import fixed_points
from tests import oracles


def economy(seed: int, workplaces: int = 6) -> dict:
    """A tiny one at random, with teams of three to six of very different workers, whose outsiders have much power."""
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(rng.integers(3, 7, workplaces))])
    z = rng.normal(0.0, 1.0, int(offsets[-1]))
    theta = z + 0.3 * rng.normal(size=len(z))
    return {
        "log_talent": theta, "external_index": z, "offsets": offsets, "beta": np.array([rng.uniform(-0.5, -0.1)]),
        "scale": np.array([10.0]), "bargaining_power": rng.uniform(0.9, 1.0), "unemployment_value": 1.0,
        "industry": np.zeros(workplaces, np.int64),
    }  # fmt: skip


def found_in(case: dict) -> list[np.ndarray]:
    solved = solve_outside_option(**case)
    z, offsets, d = case["external_index"], case["offsets"], case["bargaining_power"]
    return fixed_points(solved, z, offsets, d) if solved.status == 0 else []


def enumerated(case: dict) -> int:
    """How many sets of workplaces are feasible under the V that they make: all subsets, one by one."""
    solved = solve_outside_option(**case)
    offsets, floor, worth = case["offsets"], case["unemployment_value"], solved.marginal_product
    revenue, n = solved.output * np.diff(offsets), worth.shape[1]
    u = np.cos(np.pi * (np.arange(n) + 0.5) / n)
    at_nodes = np.polynomial.chebyshev.chebvander(u, n - 1)
    z = (case["external_index"] - solved.domain[0]) / solved.domain[1]
    basis, count = np.polynomial.chebyshev.chebvander(z, n - 1), 0
    for some in itertools.product([False, True], repeat=len(revenue)):
        if any(some):
            v = floor + case["bargaining_power"] * np.maximum(worth[list(some)] - floor, 0.0).mean(0)
            left = revenue - np.add.reduceat(basis @ np.linalg.solve(at_nodes, v), offsets[:-1])
            count += tuple(left >= -1e-9 * revenue) == some
    return count


def test_several_equilibria_are_found_where_there_are() -> None:
    """Every root solves the equation, by the plain reference; hardly one that enumeration finds is missed."""
    several, missed = 0, 0
    for seed in range(60):
        case = economy(seed)
        roots = found_in(case)
        for b in roots:
            gap = oracles.fixed_point_gap(b, *(case[k] for k in (
                "log_talent", "external_index", "offsets", "beta", "scale", "industry", "bargaining_power", "unemployment_value"
            )))  # fmt: skip
            assert gap < 1e-7, seed
        there = enumerated(case) if roots else 0
        assert len(roots) <= max(there, 1), seed
        several += there > 1
        missed += there - len(roots) if roots else 0
    assert several >= 15 and missed <= 2


def test_one_equilibrium_where_nobody_is_excluded() -> None:
    """With little power of outsiders everybody is feasible at every level of V that can be reached."""
    for seed in range(20):
        case = economy(seed) | {"beta": np.array([0.2]), "bargaining_power": 0.05, "unemployment_value": 0.01}
        assert len(found_in(case)) == 1


@pytest.mark.parametrize("matchings", [1, 7])
def test_matches_with_several_workers(matchings: int) -> None:
    """The regression of the paper over all of them, by the plain reference."""
    case = economy(3, workplaces=12) | {"beta": np.array([0.3]), "bargaining_power": 0.3, "unemployment_value": 0.5}
    matching = Matching.sampled(case["offsets"], seed=5, matchings=matchings)
    assert len(matching.worker) == 12 * matchings and matching.weight.sum() == pytest.approx(12.0)
    found = solve_outside_option(**case, matching=matching)
    assert found.feasible_share == 1.0
    u = (case["external_index"] - found.domain[0]) / found.domain[1]
    worth = oracles.newcomer_worth(case, matching.workplace, case["external_index"][matching.worker])
    v = 0.5 + 0.3 * np.maximum(worth - 0.5, 0.0)
    design = np.polynomial.chebyshev.chebvander(u[matching.worker], 3)
    want = np.linalg.lstsq(design, v, rcond=None)[0]
    np.testing.assert_allclose(found.coefficients, want, rtol=1e-6, atol=1e-8)


def test_the_first_matching_of_several_is_the_paper_s() -> None:
    offsets = np.array([0, 3, 7, 12, 15])
    one, three = Matching.sampled(offsets, seed=2), Matching.sampled(offsets, seed=2, matchings=3)
    np.testing.assert_array_equal(three.worker.reshape(4, 3)[:, 0], one.worker)
    with pytest.raises(ValueError, match="at least one worker"):
        Matching.sampled(offsets, matchings=0)
    with pytest.raises(ValueError, match="in the order of their workplaces"):
        Matching(np.array([1, 0]), np.array([0, 1]), np.ones(2), 0)
