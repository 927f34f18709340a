"""Jumps between modes: shares known in closed form, whatever chains and mixture said before; the fit that takes to them."""

import numpy as np
import pymc as pm
import pytest
import xarray as xr

from bayes_labor.engines import jumps
from bayes_labor.engines.convergence import apart, r_hat, unvisited, wanting
from bayes_labor.engines.jumps import jump, jump_from
from bayes_labor.engines.mixture import Mixture, fit_mixture
from bayes_labor.engines.modes import Mode
from bayes_labor.engines.nutpie_engine import compile_model
from bayes_labor.engines.progress import Draws
from bayes_labor.engines.sampling import sample
from bayes_labor.posteriors.diagnostics import gates
from tests.engines.test_smc import APART, NARROW, two_modes

CENTERS, SCALES, WEIGHTS = np.array([[-4.0, 0.0, 0.0], [4.0, 1.0, -1.0]]), (0.3, 1.0), np.array([0.35, 0.65])


NONE = np.empty((0, 3))


def density(x: np.ndarray) -> tuple[float, np.ndarray]:
    """Two normals of unlike widths, eight sds of the wider apart."""
    gaps = [(x - c) / s for c, s in zip(CENTERS, SCALES, strict=True)]
    each = np.array([w / s**3 * np.exp(-0.5 * (g @ g)) for w, s, g in zip(WEIGHTS, SCALES, gaps, strict=True)])
    total = max(float(each.sum()), 1e-300)
    return float(np.log(total)), -(each / total) @ np.array([g / s for g, s in zip(gaps, SCALES, strict=True)])


def draws(share: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Of both modes, the first with any share."""
    first = rng.uniform(size=n) < share
    near = [c + s * rng.normal(size=(n, 3)) for c, s in zip(CENTERS, SCALES, strict=True)]
    return np.where(first[:, None], *near)


def chains(share: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """(4, n, 3) draws of four chains that agree on the wrong share."""
    return np.array([draws(share, n, rng) for _ in range(4)])


@pytest.mark.parametrize("share", [0.02, 0.9])
def test_walkers_forget_the_shares_of_the_chains(share: float) -> None:
    rng = np.random.default_rng(3)
    jumped = jump(density, chains(share, 200, rng), [], NONE, rng)
    left = jumped.x[..., 0] < 0
    assert abs(left.mean() - WEIGHTS[0]) < 4 * np.sqrt(0.35 * 0.65 / 800) + 0.01
    np.testing.assert_allclose(jumped.log_density[0], [density(x)[0] for x in jumped.x[0]])
    spread = np.median(np.abs(jumped.x[left] - CENTERS[0]), axis=0) / 0.6745  # the other mode has a few draws there, too
    assert spread == pytest.approx(np.full(3, SCALES[0]), rel=0.15)


def test_a_mode_that_no_chain_visited_is_reached_if_a_climb_or_particles_found_it() -> None:
    rng = np.random.default_rng(4)
    mode = Mode(CENTERS[0], 0.0, SCALES[0] ** 2 * np.eye(3), 0.0)
    there = jump(density, chains(0.0, 150, rng), [mode], NONE, rng)
    assert abs(np.mean(there.x[..., 0] < 0) - WEIGHTS[0]) < 0.1
    seen = jump(density, chains(0.0, 150, rng), [], draws(0.1, 100, rng), rng)
    assert abs(np.mean(seen.x[..., 0] < 0) - WEIGHTS[0]) < 0.1
    unknown = jump(density, chains(0.0, 150, rng), [], NONE, rng)
    assert np.mean(unknown.x[..., 0] < 0) < 0.1  # nobody knew of it: that is what the second opinion is for


def bent(x: np.ndarray) -> tuple[float, np.ndarray]:
    """A normal in ten dimensions and a narrower bent one of the same mass: no mixture of normals fits it."""
    wide, narrow, d = x + 4.0 * FIRST, (x - 4.0 * FIRST) / 0.5, len(x)
    curved = narrow - BEND * narrow[0] ** 2 * (1.0 - FIRST)
    each = np.array([-0.5 * wide @ wide, -0.5 * curved @ curved + d * np.log(2.0)])
    total = float(np.logaddexp(*each))
    slope = -curved.copy()
    slope[0] += 2.0 * BEND * narrow[0] * (curved @ (1.0 - FIRST))
    return total, np.exp(each - total) @ np.array([-wide, slope / 0.5])


FIRST, BEND = np.eye(10)[0], 0.4


def test_slow_jumps_fail_a_gate_and_are_not_believed() -> None:
    """Chains all in one mode: the answer is right, or R-hat says that it is not known. It once was neither."""
    rng = np.random.default_rng(1)
    start = rng.normal(size=(4, 150, 10)) - 4.0 * FIRST
    second = rng.normal(size=(100, 10))
    second[:, 1:] += BEND * second[:, :1] ** 2
    jumped = jump(bent, start, [], 0.5 * second + 4.0 * FIRST, rng)
    found = jumped.x[..., 0] < 0
    posterior = xr.Dataset({"x": (("chain", "draw"), jumped.x[..., 0])})
    believed = float(r_hat(posterior)["x"]) < 1.01
    assert not believed or abs(found.mean() - 0.5) < 0.08, (found.mean(1), jumped.rounds)


def test_where_no_jump_is_accepted_r_hat_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """All chains in one mode agree, and would go on to: every other one begins in the mode that only a climb found."""
    monkeypatch.setattr(jumps, "_proposed", lambda _, x, log_p, *others: (x, log_p, 0.0))
    monkeypatch.setattr(jumps, "_ROUNDS", (1, 2))
    rng, mode = np.random.default_rng(5), Mode(CENTERS[0], 0.0, SCALES[0] ** 2 * np.eye(3), 0.0)
    start = chains(0.0, 100, rng)
    before = float(r_hat(xr.Dataset({"x": (("chain", "draw"), start[..., 0])}))["x"])
    jumped = jump(density, start, [mode], NONE, rng)
    assert before < 1.05 < 1.5 < float(r_hat(xr.Dataset({"x": (("chain", "draw"), jumped.x[..., 0])}))["x"])


def test_a_mixture_is_the_density_it_draws_from() -> None:
    """Importance weights of a normal's draws under a fitted mixture: their mean is the ratio of constants in every region."""
    rng = np.random.default_rng(0)
    mixture = fit_mixture(draws(0.35, 2000, rng), rng)
    assert 2 <= len(mixture.weight) <= 4 and mixture.weight.sum() == pytest.approx(1.0)
    x = mixture.draw(40_000, rng)
    ratio = np.exp([density(v)[0] for v in x[:10_000]] - mixture.log_density(x[:10_000]))
    left = x[:10_000, 0] < 0
    assert (ratio * left).mean() / ratio.mean() == pytest.approx(WEIGHTS[0], abs=0.02)
    assert ratio.std() / ratio.mean() < 0.6


def test_one_normal_needs_one_component() -> None:
    rng = np.random.default_rng(1)
    found = fit_mixture(rng.normal(size=(1500, 4)) * [1.0, 10.0, 0.1, 1.0], rng)
    assert isinstance(found, Mixture) and len(found.weight) == 1
    np.testing.assert_allclose(np.linalg.norm(found.factor[0], axis=1), [1.0, 10.0, 0.1, 1.0], rtol=0.1)


def test_a_fit_whose_chains_stay_apart_jumps_and_its_gates_pass() -> None:
    """Modes fifteen sds apart: no path crosses. Asked for draws alone the gates fail; allowed to go on, they pass."""
    settings = {"draws": 400, "tune": 300, "seed": 2}
    stuck = sample(two_modes(0.3), **settings)
    assert not all(g.passed for g in gates(stuck)) and "went_on" not in stuck.attrs
    assert not apart(stuck["posterior"].to_dataset(), ["x"])  # all in one mode: only the second opinion sees that
    assert unvisited(stuck["posterior"].to_dataset(), stuck.attrs["second_opinion"])
    tree = sample(two_modes(0.3), **settings, longest=4)
    assert "jumped between modes" in tree.attrs["went_on"][-1]
    assert abs(float((tree["posterior"]["x"] < 0).mean()) - 0.3) < 0.05
    assert all(g.passed for g in gates(tree)), gates(tree)
    # Walkers are independent draws: their energies would pass whatever the chains' said, and are no gate.
    assert tree.attrs["jumped"] and "E-BFMI" not in {g.name for g in gates(tree)}
    assert "E-BFMI" in {g.name for g in gates(stuck)} and "jumped" not in stuck.attrs


def test_draws_after_jumps_are_those_of_the_walkers() -> None:
    model = two_modes(0.4)
    compiled, rng = compile_model(model), np.random.default_rng(0)
    x = np.where(rng.uniform(size=(2, 300, 1)) < 0.5, APART, -APART) + NARROW * rng.normal(size=(2, 300, 1))
    y = rng.normal(size=(2, 300, 1))
    names = [v.name for v in model.value_vars]
    at = np.concatenate([x, y] if names == ["x", "y"] else [y, x], axis=2)
    held = {"x": x[..., 0], "y": y[..., 0]}
    stats_of = {"diverging": np.ones((2, 300)), "lp": np.zeros((2, 300)), "energy": np.zeros((2, 300))}
    found, done = jump_from(compiled, Draws(at, np.array([300, 300]), held, stats_of), [], NONE, 1)
    assert "300 draws of each chain jumped" in done and found.posterior["x"].shape == (2, 300)
    assert found.stats["diverging"].all()  # what went wrong before the jumps stays known
    np.testing.assert_allclose(found.posterior["x"], found.unconstrained[..., names.index("x")])
    assert held["x"] == pytest.approx(x[..., 0])  # what was drawn stays as it was


def test_a_fit_goes_on_until_its_chains_have_converged() -> None:
    """A narrow ridge: too few draws at first. Draws double, R-hat and ESS pass, and the fit says what it did and why."""
    with pm.Model() as model:
        pm.MvNormal("x", np.zeros(2), np.array([[1.0, 0.9], [0.9, 1.0]]), shape=2)
    tree = sample(model, draws=100, tune=100, chains=2, seed=1, longest=16)
    assert tree["posterior"].sizes["draw"] in (200, 400, 800, 1600)
    assert tree.attrs["went_on"] and "with 100 draws a chain" in tree.attrs["went_on"][0]
    assert not wanting(tree["posterior"].to_dataset(), {})
    assert sample(model, draws=100, tune=100, chains=2, seed=1)["posterior"].sizes["draw"] == 100
