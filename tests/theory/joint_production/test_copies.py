"""A sampled worker who stands for several is as many workers: an economy with copies is the economy with all of them in it."""

import numpy as np
import pytest

from bayes_labor.theory.joint_production.fixed_points import fixed_points
from bayes_labor.theory.joint_production.matching import Matching
from bayes_labor.theory.joint_production.outside_option import solve_outside_option
from bayes_labor.theory.joint_production.payroll import solve_payroll

RNG = np.random.default_rng(3)
SIZES = RNG.integers(2, 7, 30)
OFFSETS = np.concatenate([[0], np.cumsum(SIZES)])
N = int(OFFSETS[-1])
Z = 0.4 * RNG.normal(size=N)
TALENT, POWER = Z + 0.1 * RNG.normal(size=N), RNG.normal(size=N)
INDUSTRY = np.arange(30) % 3
COPIES = RNG.integers(1, 4, N)
WHOLE = np.repeat(np.arange(N), COPIES)
WHOLE_OFFSETS = np.concatenate([[0], np.cumsum(np.add.reduceat(COPIES, OFFSETS[:-1]))])
BETA, SCALE = np.array([0.2, -0.3, 0.0]), np.array([11.0, 14.0, 12.0])


@pytest.mark.parametrize("softness", [0.0, 0.3])
def test_outside_options_are_those_of_all_workers(softness: float) -> None:
    given = {"industry": INDUSTRY, "softness": softness}
    few = solve_outside_option(
        TALENT, Z, OFFSETS, BETA, SCALE, 0.6, 3.0, matching=Matching.exact(OFFSETS), copies=COPIES.astype(float), **given
    )
    whole = solve_outside_option(
        TALENT[WHOLE], Z[WHOLE], WHOLE_OFFSETS, BETA, SCALE, 0.6, 3.0, matching=Matching.exact(WHOLE_OFFSETS), **given
    )
    assert few.status.value == 0 and few.feasible_share == whole.feasible_share
    for name in ("output", "coefficients", "cutoffs", "marginal_product", "basis_sums"):
        np.testing.assert_allclose(getattr(few, name), getattr(whole, name), rtol=1e-10, atol=1e-11, err_msg=name)
    np.testing.assert_allclose(few.value[WHOLE], whole.value, rtol=1e-11)
    pay = solve_payroll(few.value, few.output, POWER, OFFSETS, COPIES.astype(float))
    paid = solve_payroll(whole.value, whole.output, POWER[WHOLE], WHOLE_OFFSETS)
    np.testing.assert_allclose(pay.wage[WHOLE], paid.wage, rtol=1e-11)
    np.testing.assert_allclose(pay.surplus, paid.surplus, rtol=1e-9, atol=1e-9)
    found = [
        fixed_points(s, z, o, 0.6, matching=Matching.exact(o), softness=softness, copies=c)
        for s, z, o, c in ((few, Z, OFFSETS, COPIES.astype(float)), (whole, Z[WHOLE], WHOLE_OFFSETS, None))
    ]
    assert len(found[0]) == len(found[1])


def test_copies_are_positive_numbers() -> None:
    for wrong in (np.zeros(N), np.full(N, np.nan), np.full(N, np.inf)):
        with pytest.raises(ValueError, match="copies"):
            solve_payroll(Z, np.ones(30), POWER, OFFSETS, wrong)
    with pytest.raises(TypeError, match="float64"):
        solve_payroll(Z, np.ones(30), POWER, OFFSETS, COPIES)
