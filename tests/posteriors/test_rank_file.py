"""Files of ranks: they say what they belong to, others' are refused, and each fit's health is kept beside them."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest

from bayes_labor.data import DataFaults
from bayes_labor.posteriors import calibration
from bayes_labor.posteriors.calibration import calibrate_model
from bayes_labor.posteriors.rank_file import RankFile, fit_health
from bayes_labor.posteriors.uniform import uniformity

OBSERVED = {"observed_y": "y"}


def normal(sd: float) -> pm.Model:
    with pm.Model() as model:
        mean = pm.Normal("mean", 0.0, sd)
        pm.Normal("y", mean, 1.0, observed=pm.Data("observed_y", np.zeros(3)))
    return model


def ranked(keep: Path, sd: float = 1.0, simulations: int = 2, **settings: Any) -> pd.DataFrame:
    few = {"draws": 60, "tune": 60, "chains": 2, "seed": 3} | settings
    return calibrate_model(partial(normal, sd), ["mean"], OBSERVED, simulations, keep=keep, **few)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keep = tmp_path_factory.mktemp("ranks") / "below" / "ranks.csv"
    ranked(keep)
    return keep


def test_a_run_goes_on_with_its_own_ranks(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Further simulations too: the first ones are the same whatever their number."""
    before = pd.read_csv(kept, index_col="simulation")
    further = ranked(kept, simulations=3)
    pd.testing.assert_frame_equal(further.iloc[:2], before)
    monkeypatch.setattr(calibration, "refit", lambda *_: pytest.fail("a finished simulation was run again"))
    pd.testing.assert_frame_equal(ranked(kept, simulations=3), further)
    assert [f.name for f in sorted(kept.parent.iterdir())] == ["ranks.csv", "ranks.json"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"sd": 2.0}, "first simulation"), ({"seed": 4}, "another seed: 3"), ({"thin": 5}, "another thin: 10"),
        ({"draws": 70}, "another sampler"),
    ],
)  # fmt: skip
def test_ranks_of_something_else_are_refused(kept: Path, change: dict[str, Any], what: str) -> None:
    before = kept.read_bytes()
    with pytest.raises(DataFaults, match=what):
        ranked(kept, **change)
    assert kept.read_bytes() == before


def test_ranks_of_another_version_or_without_a_record_are_refused(kept: Path, tmp_path: Path) -> None:
    copy = tmp_path / "ranks.csv"
    copy.write_bytes(kept.read_bytes())
    with pytest.raises(DataFaults, match="do not say what they belong to") as caught:
        ranked(copy)
    assert "another file" in caught.value.faults[0].remedy
    record = json.loads(kept.with_suffix(".json").read_text())
    record["belongs_to"]["version of bayes_labor"] = "0.0.1"
    copy.with_suffix(".json").write_text(json.dumps(record))
    with pytest.raises(DataFaults, match=r"another version of bayes_labor: 0\.0\.1"):
        ranked(copy)
    for name in ("ranks.csv", "ranks.json"):
        (tmp_path / "ranks.csv").write_bytes(kept.read_bytes())
        (tmp_path / "ranks.json").write_bytes(kept.with_suffix(".json").read_bytes())
        (tmp_path / name).write_text('{"fits"')
        with pytest.raises(DataFaults, match="the ranks cannot be read"):
            ranked(copy)


def test_health_of_each_fit_is_kept_and_is_no_parameter(kept: Path) -> None:
    health, ranks = fit_health(kept), pd.read_csv(kept, index_col="simulation")
    assert list(uniformity(ranks).index) == ["mean[0]", "log likelihood"]
    assert set(health) == {"divergences", "ess", "r_hat", "went_on", "seconds", "finished"} and len(health) >= 2
    assert (health["ess"] > 5).all() and (health["r_hat"] < 2).all() and (health["seconds"] >= 0).all()
    assert fit_health(kept.with_name("nothing.csv")).empty


def test_a_kill_while_writing_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = RankFile(tmp_path / "ranks.csv", {"seed": 1})
    file.add(0, {"mean[0]": 0.5}, {"divergences": 0})

    def killed(self: Path, text: str) -> None:
        with self.open("w") as out:
            out.write(text[: len(text) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", killed)
    with pytest.raises(KeyboardInterrupt):
        file.add(1, {"mean[0]": 0.6}, {"divergences": 0})
    assert RankFile(tmp_path / "ranks.csv", {"seed": 1}).ranks == {0: {"mean[0]": 0.5}}


def test_only_a_csv_is_a_file_of_ranks(tmp_path: Path) -> None:
    """A picture of that name would replace the ranks; a record that is somebody else's stays."""
    for name in ("ranks.png", "ranks.json", "ranks"):
        with pytest.raises(DataFaults, match="ranks are a CSV"):
            RankFile(tmp_path / name, {"seed": 1})
    (tmp_path / "settings.json").write_text("mine")
    with pytest.raises(DataFaults, match="may be something else"):
        RankFile(tmp_path / "settings.csv", {"seed": 1})
    assert (tmp_path / "settings.json").read_text() == "mine"
    RankFile(tmp_path / "own.csv", {"seed": 1}).add(0, {"mean[0]": 0.5}, {"divergences": 0})
    (tmp_path / "own.csv").unlink()  # a kill between the record and the first ranks
    assert not RankFile(tmp_path / "own.csv", {"seed": 1}).ranks
    with pytest.raises(DataFaults, match="may be something else"):
        RankFile(tmp_path / "own.csv", {"seed": 2})


def test_health_of_an_earlier_release_has_the_columns_of_this_one(tmp_path: Path) -> None:
    file = RankFile(tmp_path / "ranks.csv", {"seed": 1})
    file.add(0, {"mean[0]": 0.5}, {"divergences": 0, "ess": 50.0})
    health = fit_health(tmp_path / "ranks.csv")
    assert list(health) == ["divergences", "ess", "r_hat", "went_on", "seconds", "finished"]
    assert health["went_on"].isna().all() and health["ess"].iloc[0] == 50.0


def test_refits_by_another_engine_are_refused() -> None:
    with pytest.raises(DataFaults, match="refits are drawn by nutpie"):
        calibrate_model(partial(normal, 1.0), ["mean"], OBSERVED, 1, engine="smc", seed=3)
