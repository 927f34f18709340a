"""Run folders of every earlier format, as the releases wrote them, still load.

Each is a fit of ``norway(20)`` with the linear specification: two chains of 30 draws, written by the code of its time.
"""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from bayes_labor.data.joint_production.norway import norway
from bayes_labor.engines.progress import Draws
from bayes_labor.models import joint_production
from bayes_labor.posteriors import RunFolder, peek, resume

HELD = Path(__file__).parents[1] / "reference" / "run_folders"


def unpacked(name: str, place: Path) -> Path:
    with zipfile.ZipFile(HELD / f"{name}.zip") as held:
        held.extractall(place / name)
    return place / name


@pytest.mark.parametrize(("name", "first"), [("format_1", 9.472114170467794), ("format_2", 9.416325882089549)])
def test_finished_folders_load(name: str, first: float, tmp_path: Path) -> None:
    run = unpacked(name, tmp_path)
    draws = RunFolder.open(run).draws()
    assert draws["posterior"].sizes["chain"] == 2 and draws["posterior"].sizes["draw"] == 30
    assert float(draws["posterior"]["sigma"][0, 0]) == first
    assert peek(run)[0]["posterior"].sizes["draw"] == 30
    assert resume(run)["posterior"].sizes["draw"] == 30  # finished: as it is


def test_blocks_of_format_3_are_read(tmp_path: Path) -> None:
    run = unpacked("format_3_unfinished", tmp_path)
    found, earlier = Draws.load(run / "partial.draws"), Draws.load(unpacked("format_2_unfinished", tmp_path) / "partial.draws")
    assert found.counts.tolist() == [24, 24] and peek(run)[1]["format"] == 3
    np.testing.assert_array_equal(found.unconstrained, earlier.unconstrained)


def test_an_unfinished_one_is_gone_on_with(tmp_path: Path) -> None:
    """Its draws are those in the file; here they are too few to restart from; once the fit is finished the old file goes."""
    run = unpacked("format_2_unfinished", tmp_path)
    so_far, record = peek(run)
    assert so_far["posterior"].sizes["draw"] == 24 and record["format"] == 2
    found = Draws.load(run / "partial.draws")
    with np.load(run / "partial.npz") as held:
        np.testing.assert_array_equal(found.unconstrained, held["unconstrained"])
        np.testing.assert_array_equal(found.posterior["sigma"], held["posterior/sigma"])
        np.testing.assert_array_equal(found.counts, [24, 24])
    whole = resume(run, model=joint_production(norway(20), "linear"))
    assert whole["posterior"].sizes["draw"] == 30 and "48 draws are too few" in whole.attrs["resumed"][0]
    assert "partial.npz" not in {p.name for p in run.iterdir()}
