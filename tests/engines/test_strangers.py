"""A model of another origin goes through sampler, run folder and gates, whatever its variables are called."""

from pathlib import Path

import numpy as np
import pymc as pm
import pytest
import xarray as xr

from bayes_labor.data import Workforce
from bayes_labor.models import joint_production
from bayes_labor.models.starting import beta_coordinates, starting_point, starting_points
from bayes_labor.posteriors import RunFolder, gates, peek, sample

FEW = {"draws": 50, "tune": 60, "chains": 2, "seed": 1}
DATA = np.random.default_rng(0).normal(1.0, 2.0, 40)


def mincer() -> pm.Model:
    """Ordinary regression in a labor economist's words: all of ours, each meaning something else."""
    with pm.Model(coords={"person": [f"p{i}" for i in range(40)], "region": ["north", "south", "west"]}) as model:
        pm.HalfNormal("beta_spread", 1.0)
        pm.Normal("beta_mean", 0.0, 1.0)
        beta = pm.Normal("beta", 0.0, 1.0, dims="region")
        pm.Deterministic("solver_status", beta[0] + 3.0)
        pm.Deterministic("feasible_share", pm.math.stack([beta[1], beta[2]]))
        pm.Normal("wage", beta[0], 2.0, observed=DATA, dims="person")
        pm.Poisson("children", 1.5, observed=np.array([0, 2, 1]))
    return model


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, xr.DataTree]:
    run = tmp_path_factory.mktemp("stranger") / "run"
    return run, sample(mincer(), run=run, **FEW)


def test_observed_data_are_the_models_own(drawn: tuple[Path, xr.DataTree]) -> None:
    for tree in (drawn[1], RunFolder.open(drawn[0]).draws()):
        held = tree["observed_data"].to_dataset()
        assert set(held) == {"wage", "children"} and held["wage"].dims == ("person",)
        np.testing.assert_array_equal(held["wage"], DATA)
        np.testing.assert_array_equal(held["children"], [0, 2, 1])
        assert held["person"].to_numpy()[0] == "p0"


def test_gates_look_at_all_variables_and_for_no_names(drawn: tuple[Path, xr.DataTree]) -> None:
    for tree in (drawn[1], RunFolder.open(drawn[0]).draws(), peek(drawn[0])[0]):
        found = {g.name: g for g in gates(tree)}
        assert set(found) == {"R-hat", "bulk ESS", "tail ESS", "divergences", "E-BFMI"}
        assert "cannot be told" not in found["R-hat"].value
    assert "(beta_mean)" in {g.name: g for g in gates(drawn[1], ["beta_mean"])}["R-hat"].value
    assert not [k for k in drawn[1].attrs if k.startswith("solver_")]


def test_starts_are_the_models_own() -> None:
    model = mincer()
    points = starting_points(model)
    assert len(points) == 1 and not beta_coordinates(model).any()
    np.testing.assert_array_equal(points[0], np.concatenate([np.ravel(v) for v in starting_point(model).values()]))


def test_joint_production_notes_what_decides_on_beta(small: Workforce) -> None:
    for settings, names in (
        ({}, {"beta_level", "beta_spread_log__", "beta_contrast_scaled", "beta_rest_scaled"}),
        ({"pooled": False}, {"atanh_beta"}),
    ):
        model = joint_production(small, "power", **settings)
        point = starting_point(model)
        order = [v.name for v in model.value_vars]
        owner = np.concatenate([np.full(np.size(point[n]), n) for n in order])
        assert set(owner[beta_coordinates(model)]) == names
        starts = starting_points(model)
        assert len(starts) == 4
        level = "beta_level" if "beta_level" in names else "atanh_beta"
        assert [s[owner == level][0] for s in starts] == [0.1, -0.1, 0.4, -0.4]
        for start in starts:
            np.testing.assert_array_equal(start[owner == "gamma_scaled"], point["gamma_scaled"])
            if "beta_level" in names:
                np.testing.assert_array_equal(start[owner == "beta_contrast_scaled"], 0.0)
                np.testing.assert_array_equal(start[owner == "beta_spread_log__"], point["beta_spread_log__"])
    assert len(starting_points(joint_production(small, "linear"))) == 1
