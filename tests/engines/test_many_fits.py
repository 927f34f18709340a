"""Many fits: over processes, without some workplaces, taken up where they stopped; and what large data start from."""

import os
from pathlib import Path

import numpy as np
import pymc as pm
import pytest

from bayes_labor.data import DataFaults, Workforce
from bayes_labor.engines.fan_out import fan_out
from bayes_labor.engines.modes import find_modes
from bayes_labor.engines.pathfinder import find_paths
from bayes_labor.models import JointProductionSpec
from bayes_labor.posteriors import calibration, fit, leave_one_out, sample
from bayes_labor.posteriors.joint_production.calibration import calibrate
from bayes_labor.posteriors.joint_production.comparison import compare, elpd_without, folds
from tests.engines.test_resume import CORRELATION, SCALE, slow_normal

LINEAR = JointProductionSpec(spec="linear")
FEW = {"draws": 200, "tune": 200, "chains": 2, "seed": 1}


def scaled(factor: float, task: float) -> tuple[float, int]:
    return factor * task, os.getpid()


def test_tasks_go_to_other_processes_and_come_back() -> None:
    pytest.importorskip("distributed")
    found = dict(fan_out(scaled, 10.0, [1.0, 2.0, 3.0], workers=2))
    assert {i: v for i, (v, _) in found.items()} == {0: 10.0, 1: 20.0, 2: 30.0}
    assert os.getpid() not in {p for _, p in found.values()}
    assert dict(fan_out(scaled, 10.0, [1.0, 2.0], workers=1))[1] == (20.0, os.getpid())


def test_an_address_where_nobody_answers_is_a_fault() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(DataFaults, match="no scheduler answers"):
        list(fan_out(scaled, 1.0, [1.0, 2.0], address="tcp://127.0.0.1:9"))


@pytest.mark.long
def test_calibration_over_processes_is_the_same_and_goes_on(small: Workforce, tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("distributed")
    keep, settings = tmp_path / "ranks.csv", {"seed": 5, "draws": 60, "tune": 60}
    there = calibrate(small, LINEAR, 2, keep=keep, workers=2, **settings)
    assert list(there.index) == [0, 1]
    with monkeypatch.context() as m:
        m.setattr(calibration, "refit", lambda *_: pytest.fail("a finished simulation was run again"))
        np.testing.assert_array_equal(calibrate(small, LINEAR, 2, keep=keep, **settings), there)
    keep.write_text("\n".join(keep.read_text().splitlines()[:2]) + "\n")  # as if stopped after the first
    np.testing.assert_allclose(calibrate(small, LINEAR, 2, keep=keep, **settings), there, rtol=0, atol=1e-12)


@pytest.mark.long
def test_exact_refits_agree_with_importance_sampling(small: Workforce) -> None:
    """Where Pareto shapes are good. Either estimate of one density errs by a few hundredths: 0.3 is five standard errors."""
    draws = fit(small, LINEAR, **(FEW | {"draws": 500}))
    loo = leave_one_out(draws, small, LINEAR)
    assert (loo.pareto_k < 0.7).all()
    left = np.array([3, 17])
    exact = elpd_without(small, LINEAR, [left[:1], left[1:]], workers=1, **FEW)
    np.testing.assert_array_equal(exact["workplace"], small.workplaces[left])
    assert np.abs(exact.to_numpy() - loo.elpd_i.to_numpy()[left]).max() < 0.3
    inside = loo.elpd_i.to_numpy()[left] + np.array([0.0, 5.0])
    assert np.abs(exact.to_numpy() - inside).max() > 0.3  # the comparison can fail


def test_flagged_workplaces_are_refitted(small: Workforce, monkeypatch) -> None:
    draws = fit(small, LINEAR, **FEW)
    pointwise = leave_one_out(draws, small, LINEAR)
    highest = np.sort(pointwise.pareto_k.to_numpy())
    monkeypatch.setattr("bayes_labor.posteriors.joint_production.comparison.GOOD_K", float(highest[-2:].mean()))
    plain = compare({"linear": (draws, LINEAR)}, small).iloc[0]
    exact = compare({"linear": (draws, LINEAR)}, small, refits=1, workers=1, **FEW).iloc[0]
    assert (plain["flagged"], plain["refitted"], exact["refitted"]) == (1, 0, 1)
    assert 0 < abs(exact["elpd_loo"] - plain["elpd_loo"]) < 1.0


def test_folds_hold_every_workplace_once(small: Workforce) -> None:
    groups = folds(small, 4, seed=2)
    np.testing.assert_array_equal(np.sort(np.concatenate(groups)), np.arange(small.n_workplaces))
    assert {len(g) for g in groups} <= {7, 8}


def banana(x: np.ndarray) -> tuple[float, np.ndarray]:
    """Normal in (x0, x1 - x0^2 / 4), with standard deviations 1 and 0.5, and in a third, wide direction."""
    bent = x[1] - 0.25 * x[0] ** 2
    value = -0.5 * x[0] ** 2 - 2.0 * bent**2 - 0.5 * (x[2] / 100.0) ** 2
    return float(value), np.array([-x[0] + 2.0 * bent * x[0], -4.0 * bent, -x[2] / 1e4])


def test_pathfinder_finds_where_the_mass_is() -> None:
    starts = [np.array([2.0, -3.0, 50.0]), np.array([-2.0, 3.0, -80.0])]
    (path, *others), (mode,) = find_paths(banana, starts, seed=1), find_modes(banana, starts)
    np.testing.assert_allclose(path.point, mode.point, atol=0.2 * np.sqrt(np.diag(mode.covariance)).max())
    assert 0.2 < path.covariance[1, 1] / mode.covariance[1, 1] < 5.0
    truth = 1.5 * np.log(2 * np.pi) + np.log(0.5 * 100.0)  # of the normalising constant, which the bound stays below
    assert truth - 3.0 < path.log_mass < truth + 1.0
    assert all(o.log_mass <= path.log_mass for o in others)
    assert find_paths(lambda x: (-np.inf, x), starts, seed=1) == []


@pytest.mark.parametrize("how", ["laplace", "pathfinder"])
def test_whitened_starts_draw_from_the_posterior(how: str) -> None:
    """A normal of known law, badly scaled: five standard errors at an effective size of 400 of 2,000 draws."""
    tree = sample(slow_normal(10), start=how, draws=1000, tune=100, chains=2, seed=3)
    z = tree["posterior"]["x"].to_numpy().reshape(-1, 2) / SCALE
    assert np.abs(z.mean(0)).max() < 0.25 and np.abs(z.var(0) - 1).max() < 0.36
    assert abs(np.corrcoef(z.T)[0, 1] - CORRELATION[0, 1]) < 0.05
    assert tree["sample_stats"]["n_steps"].mean() < 12


def test_whitened_draws_are_kept_in_the_models_coordinates(tmp_path: Path) -> None:
    """What a restart is whitened by: unconstrained points on disk are those of the model, not of the sampler."""
    from bayes_labor.engines.progress import Draws, Keeper

    kept: list[Draws] = []
    with pytest.MonkeyPatch.context() as m:
        m.setattr(Keeper, "due", lambda _: True)
        m.setattr(Keeper, "keep", lambda _, draws: kept.append(draws))
        with pm.Model() as model:
            x = pm.Normal("x", 50.0, 2.0)
            pm.Potential("ballast", 1e-12 * pm.math.sum(pm.math.tanh(np.linspace(-1, 1, 60_000) * x)))
        sample(model, run=tmp_path / "run", start="laplace", draws=4000, tune=100, chains=1, seed=1)
    assert kept and kept[-1].counts[0] > 0
    n = kept[-1].counts[0]
    np.testing.assert_allclose(kept[-1].unconstrained[0, :n, 0], kept[-1].posterior["x"][0, :n], rtol=1e-12)
