"""The coordinates of beta's hierarchy carry the hierarchy's own law, whatever they were scaled by."""

import numpy as np
import pytest
from scipy import stats

from bayes_labor.theory.joint_production.hierarchy import contrasts, looseness, of_industries, their_mean


@pytest.mark.parametrize("industries", [2, 3, 7])
@pytest.mark.parametrize("t", [0.001, 0.1, 3.0])
def test_the_law_is_that_of_the_hierarchy(industries: int, t: float) -> None:
    """Its log density at b and atanh beta, and the log Jacobian, make up that of the coordinates."""
    rng, p, at = np.random.default_rng(industries), 0.3, 0.1
    for _ in range(5):
        s, m, rest = rng.uniform(0.01, 1.0), rng.normal(), rng.normal()
        c = rng.normal(size=industries - 1)
        theta, b = of_industries(m, s, c, t, industries, np), their_mean(m, s, rest, (at, p), industries, np)
        meant = stats.norm(at, p).logpdf(b) + stats.norm(b, s).logpdf(theta).sum()
        level = stats.norm(at, np.hypot(p, s / np.sqrt(industries))).logpdf(m)
        placed = level + stats.norm(0.0, np.hypot(1.0, s / t)).logpdf(c).sum() + stats.norm.logpdf(rest)
        width, share = s * t / np.hypot(s, t), p**2 / (p**2 + s**2 / industries)
        jacobian = 0.5 * np.log(industries) + (industries - 1) * np.log(width) + np.log(p * np.sqrt(1.0 - share))
        assert meant + jacobian == pytest.approx(placed, rel=1e-10)
        assert theta.mean() == pytest.approx(m, abs=1e-12)


def test_contrasts_are_orthonormal_and_sum_to_zero() -> None:
    for n in (2, 3, 10):
        basis = contrasts(n)
        np.testing.assert_allclose(basis.T @ basis, np.eye(n - 1), atol=1e-14)
        np.testing.assert_allclose(basis.sum(0), 0.0, atol=1e-14)


def test_more_workers_leave_less_open() -> None:
    assert looseness(400, 2) == pytest.approx(2.0 * looseness(1600, 2))
