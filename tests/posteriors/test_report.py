"""The picture of energies in a page's health: by arviz-plots, where there are energies to show."""

import numpy as np
import pytest
import xarray as xr

from bayes_labor.posteriors.report import energy_figure


def stored(energy: np.ndarray | None) -> xr.DataTree:
    stats = {} if energy is None else {"energy": (("chain", "draw"), energy)}
    return xr.DataTree.from_dict({"sample_stats": xr.Dataset(stats)})


def test_energies_of_all_chains_are_shown() -> None:
    energy = np.random.default_rng(1).normal(size=(2, 50))
    shown = energy_figure(stored(energy))
    assert shown is not None and "BFMI" in shown[1]
    by_chain = np.concatenate([np.asarray(c.get_offsets()) for c in shown[0].axes[0].collections])
    changes = np.square(np.diff(energy)).mean(1) / energy.var(1)
    assert np.sort(by_chain[:, 0]) == pytest.approx(np.sort(changes), rel=0.05)


@pytest.mark.parametrize("energy", [None, np.zeros((2, 50)), np.random.default_rng(1).normal(size=(2, 1))])
def test_without_energies_there_is_none(energy: np.ndarray | None) -> None:
    assert energy_figure(stored(energy)) is None
