"""JAX kernels beside the numba ones at the edges of the admissible range."""

from unittest import mock

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from bayes_labor.custom_ops import outside_option
from bayes_labor.custom_ops.likelihoods import ConditionalLogit
from bayes_labor.likelihoods.logit_panel import conditional_logit
from bayes_labor.theory.joint_production.assignment import solve_assignment
from bayes_labor.theory.joint_production.matching import Matching

jax = pytest.importorskip("jax")
SIZES = (1e-300, 1e-160, 1e-159, 1e-100, 1e-20, 1e-14, 1e-13, 1e-12, 1e-10, 1e-3, 0.5)
BETAS = np.array([sign * size for size in SIZES for sign in (1.0, -1.0)] + [0.0, 0.99, -0.999])


@pytest.fixture(autouse=True)
def double() -> None:
    jax.config.update("jax_enable_x64", True)


def test_assignment_over_the_whole_range_of_beta() -> None:
    """Two teams per exponent, one of them of very unlike workers: values, gradients and status."""
    from bayes_labor.theory.joint_production.jax_assignment import solve_assignment_jax

    rng = np.random.default_rng(0)
    spread = np.concatenate([np.concatenate([rng.normal(size=4), 6.0 * rng.normal(size=3)]) for _ in BETAS])
    offsets = np.cumsum([0, *[4, 3] * len(BETAS)])
    industry = np.repeat(np.arange(len(BETAS)), 2)
    scale = np.linspace(0.5, 2.0, len(BETAS))
    want = solve_assignment(spread, offsets, BETAS, scale, industry=industry)
    found = jax.jit(solve_assignment_jax)(spread, BETAS, scale, offsets, industry)
    np.testing.assert_array_equal(found[5], want.status)
    assert (want.status == 0).all()
    for name, value in zip(want._fields[:5], found[:5], strict=True):
        np.testing.assert_allclose(value, getattr(want, name), rtol=2e-9, atol=1e-300, err_msg=name)


def test_outside_options_over_the_whole_range_of_beta() -> None:
    """Values, gradients in talent and beta, and status; at a tiny beta the cut-off is far left of the table."""
    rng = np.random.default_rng(1)
    z, offsets, scale = rng.normal(size=12), np.array([0, 4, 7, 12]), np.array([1.3])
    theta, beta = pt.dvectors("theta", "beta")
    found = outside_option(
        theta, z, offsets, beta, scale, 0.4, 0.2, industry=np.zeros(3, np.int64), matching=Matching.exact(offsets, 3),
        softness=0.1,
    )  # fmt: skip
    slopes = pt.grad(found.value.sum() + found.output.sum(), [theta, beta])
    outputs = [found.status, found.value, found.output, *slopes]
    numba = pytensor.function([theta, beta], outputs, mode="NUMBA")
    with mock.patch("jax.default_backend", return_value="gpu"):  # the twin, not the same kernel again
        jaxed = pytensor.function([theta, beta], outputs, mode="JAX")
    for size in (1e-300, 1e-160, 1e-100, 1e-20, 1e-14, 1e-13, 1e-12, 1e-10):
        for sign in (1.0, -1.0):
            want, other = (call(z + 0.1, np.array([sign * size])) for call in (numba, jaxed))
            assert want[0] == other[0] == 0
            for a, b in zip(other[1:], want[1:], strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-7, err_msg=str(sign * size))


@pytest.mark.parametrize("rows", [64, 65, 150])
def test_conditional_logit_of_long_careers(rows: int) -> None:
    """Value and gradient, by the Op in JAX, of a worker with many rows beside others with few."""
    rng = np.random.default_rng(2)
    offsets = np.array([0, 3, 3 + rows, 8 + rows])
    index, won = rng.normal(size=8 + rows), (rng.random(8 + rows) < 0.7).astype(float)
    value, slope = conditional_logit(index, won, offsets)
    own = slice(3, 3 + rows)
    log_odds = np.full(int(won[own].sum()) + 1, -np.inf)
    log_odds[0] = 0.0
    for x in index[own]:
        log_odds[1:] = np.logaddexp(log_odds[1:], log_odds[:-1] + x)
    assert conditional_logit(index[own], won[own], np.array([0, rows]))[0] == pytest.approx(
        float(won[own] @ index[own] - log_odds[-1])
    )
    x, w = pt.dvectors("x", "w")
    for at in (pt.constant(offsets), pytensor.shared(offsets)):
        found = pytensor.function([x, w], ConditionalLogit()(x, w, at), mode="JAX")(index, won)
        np.testing.assert_allclose(found[0], value, rtol=1e-10)
        np.testing.assert_allclose(found[1], slope, rtol=1e-8, atol=1e-12)
