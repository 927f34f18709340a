"""Ranks: their test has its level, sees what Kolmogorov's does not, and sees joint faults that no single parameter shows."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from scipy import stats

from bayes_labor.models.notes import judge_by
from bayes_labor.posteriors import calibration
from bayes_labor.posteriors.calibration import calibrate_model
from bayes_labor.posteriors.uniform import alarm_level, rank_picture, uniformity

MEANS, DATA = 6, 4
OBSERVED = {"observed_y": "y"}


def several() -> pm.Model:
    """Six means on both sides of zero, four observations of each."""
    with pm.Model() as model:
        mean = pm.Normal("mean", 0.0, 1.0, shape=MEANS)
        pm.Normal("y", mean, 1.0, observed=pm.Data("observed_y", np.zeros((DATA, MEANS))))
        judge_by(["mean"], two_sided="mean")
    return model


def exact(fault: str, recipe: Any, task: Any) -> xr.DataTree:
    """Independent draws of the posterior of :func:`several`, or of one with a fault."""
    rng, y = np.random.default_rng([task.seed, 1]), task.data["observed_y"]
    middle, sd = y.sum(0) / (DATA + 1.0), 1.0 / np.sqrt(DATA + 1.0)
    if fault == "the prior":
        middle, sd = np.zeros(MEANS), 1.0
    x = middle + sd * rng.normal(size=(2, 60, MEANS))
    if fault == "a lean":
        x += 0.3 * sd
    axes = ("chain", "draw", "coordinate")
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"mean": (("chain", "draw", "k"), x)}),
            "sample_stats": xr.Dataset({"diverging": (("chain", "draw"), np.zeros((2, 60), bool))}),
            "unconstrained": xr.Dataset({"x": (axes, x)}),
        }
    )
    return tree


def p_values(fault: str, simulations: int, monkeypatch: pytest.MonkeyPatch) -> pd.Series:
    monkeypatch.setattr(calibration, "refit", partial(exact, fault))
    return uniformity(calibrate_model(several, ["mean"], OBSERVED, simulations, seed=8, thin=1))


def test_joint_quantities_see_what_no_parameter_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    right = p_values("", 80, monkeypatch)
    assert list(right.index[-3:]) == ["mean mean", "share of mean below zero", "log likelihood"]
    assert (right > alarm_level(len(right))).all()
    unread = p_values("the prior", 80, monkeypatch)  # every rank is uniform: that the data were not read, one quantity tells
    alarms = unread.index[unread < alarm_level(len(unread))]
    assert list(alarms) == ["log likelihood"]
    lean = p_values("a lean", 80, monkeypatch)
    assert lean["mean mean"] < alarm_level(len(lean)) and lean.idxmin() == "mean mean"


def test_p_values_have_their_level() -> None:
    ranks = pd.DataFrame(np.random.default_rng(2).uniform(size=(120, 2000)))
    p = uniformity(ranks)
    for level in (0.01, 0.05, 0.2):
        assert stats.binomtest(int((p <= level).sum()), 2000, level).pvalue > 1e-3, level


def test_full_end_bins_are_seen() -> None:
    """Of 400 ranks 30 more at the ends than there should be: Kolmogorov's test has next to no power there."""
    rng, ours, kolmogorov = np.random.default_rng(3), [], []
    for _ in range(40):
        ends = np.concatenate([0.01 * rng.uniform(size=15), 1.0 - 0.01 * rng.uniform(size=15)])
        ranks = np.concatenate([rng.uniform(size=370), ends])
        ours.append(float(uniformity(pd.DataFrame({"x": ranks}))["x"]))
        kolmogorov.append(stats.kstest(ranks, "uniform").pvalue)
    assert np.mean(np.array(ours) < 0.01) > 0.9 and np.mean(np.array(kolmogorov) < 0.01) < 0.2


def test_ties_have_a_drawn_place() -> None:
    rng = np.random.default_rng(4)
    ranks = [calibration._rank(np.zeros(9), 0.0, rng) for _ in range(400)]
    assert stats.kstest(ranks, "uniform").pvalue > 1e-3
    assert 0.0 < calibration._rank(np.arange(9.0), -1.0, rng) < 0.1
    assert 0.9 < calibration._rank(np.arange(9.0), 10.0, rng) < 1.0


def test_the_picture_names_who_leaves_the_band(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    figure = rank_picture(pd.DataFrame({"right": rng.uniform(size=200), "_leans": rng.beta(1.0, 2.0, size=200)}))
    figure.savefig(tmp_path / "ranks.png")
    words = [t.get_text() for t in figure.axes[0].get_legend().get_texts()]
    assert len(words) == 2 and words[1].strip() == "_leans"
