"""The equation for V where workplaces of one industry are about to stop covering their outside options."""

import numpy as np
import pytest

from bayes_labor.numerics.chebyshev import node
from bayes_labor.theory.joint_production.status import Status
from bayes_labor.theory.joint_production.value_map import (
    MAX_ITERATIONS,
    MapInputs,
    basis_at_nodes,
    find_root,
    find_root_from,
)

NODES, TEAM = 6, 6


def on_the_edge(seed: int) -> MapInputs:
    """Two industries of five workplaces; where all count, V lies near what the poorer one makes per worker."""
    rng = np.random.default_rng(seed)
    rich, poor, power, floor = 35.0, 24.5, rng.uniform(0.55, 0.8), rng.uniform(4.0, 14.0)
    output = np.repeat([rich, poor], 5) + rng.normal(0.0, 0.4, 10)
    places = np.cos(np.arange(NODES)[:, None] * np.arccos(rng.uniform(-1, 1, (10, 1, TEAM))))
    at = np.array([node(j, NODES) for j in range(NODES)])
    worth = output[:, None] - rng.uniform(0.0, 1.5) + 1.5 * at  # above V as an average, so that the poorer one is on the edge
    level = floor + power * np.maximum(worth - floor, 0.0).mean()
    shift = rng.normal(poor - level, 0.3)  # of everybody's output but the poorer industry's
    return MapInputs(
        TEAM * output, np.full(10, float(TEAM)), places.sum(2), np.ones(10), worth + shift / power, basis_at_nodes(NODES),
        power, floor, 0.2, NODES,
    )  # fmt: skip


def change_of(m: MapInputs, b: np.ndarray) -> float:
    """Largest difference between V at the nodes and what newcomers are worth under it."""
    surplus = (m.total - m.moments @ b) / (m.size * m.softness)
    weight = m.weight / (1.0 + np.exp(-np.clip(surplus, -700, 700)))
    worth = m.floor + m.power * (weight @ np.maximum(m.worth - m.floor, 0.0)) / weight.sum()
    return float(np.abs(worth - m.basis @ b).max())


def adjusted_slowly(m: MapInputs) -> np.ndarray:
    """V by thousands of small steps from where every workplace counts: an oracle that cannot jump."""
    value = m.floor + m.power * np.maximum(m.worth - m.floor, 0.0).mean(0)
    inverse = np.linalg.inv(m.basis)
    for _ in range(8000):
        b = inverse @ value
        surplus = (m.total - m.moments @ b) / (m.size * m.softness)
        weight = m.weight / (1.0 + np.exp(-np.clip(surplus, -700, 700)))
        value = value + 0.02 * (m.floor + m.power * (weight @ np.maximum(m.worth - m.floor, 0.0)) / weight.sum() - value)
    return inverse @ value


def test_an_equilibrium_is_found_where_newtons_method_alone_cycles() -> None:
    """Smooth weights have one for certain; a hole in the density stood there, and chains broke off at it."""
    lost = 0
    for seed in range(300):
        m = on_the_edge(seed)
        b, _, status = find_root(m)
        assert status == Status.OK.value, seed
        assert change_of(m, b) < 1e-10
        lost += find_root_from(m, np.zeros(NODES), True, MAX_ITERATIONS)[2] != Status.OK.value
    assert lost >= 3  # without these the test could not fail


@pytest.mark.parametrize("seed", range(8))
def test_the_equilibrium_is_that_of_slow_adjustment(seed: int) -> None:
    m = on_the_edge(1000 + seed)
    slow = adjusted_slowly(m)
    assert change_of(m, slow) < 1e-6
    value = m.basis @ find_root(m)[0]
    np.testing.assert_allclose(value, m.basis @ slow, atol=1e-4)
