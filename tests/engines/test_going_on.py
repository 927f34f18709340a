"""What a fit that is left at its defaults does beyond its draws: here, where steps were too long."""

from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytest

from bayes_labor.engines import nutpie_engine
from bayes_labor.engines.progress import Draws
from bayes_labor.engines.sampling import resume, sample
from bayes_labor.posteriors.diagnostics import gates


def stiff_tail() -> pm.Model:
    """Normal, but for a tail in which the second coordinate is seven times narrower."""
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Normal("y", 0.0, pm.math.exp(-2.0 * pm.math.sigmoid(-6.0 * (x + 1.5))))
    return model


def test_draws_that_diverged_are_drawn_again_with_shorter_steps() -> None:
    how = {"draws": 800, "tune": 300, "chains": 2, "seed": 4, "target_accept": 0.8}
    once, again = sample(stiff_tail(), **how), sample(stiff_tail(), longest=4, **how)
    divergent = [t["sample_stats"]["diverging"].mean().item() for t in (once, again)]
    assert divergent[0] > 0.002 and divergent[1] < 0.6 * divergent[0]
    assert "drawn again with shorter steps" in again.attrs["went_on"][0] and "went_on" not in once.attrs
    assert [g.passed for g in gates(once) if g.name == "divergences"] == [False]
    steps = [float(t["sample_stats"]["step_size"].mean()) for t in (once, again)]
    assert steps[1] < steps[0]
    last = again["sample_stats"]["step_size"].to_numpy()[:, -1]
    assert again["posterior"].sizes["draw"] > 800 and (last < 0.8 * steps[0]).all()  # what is drawn further keeps them
    tail = [float((t["posterior"]["x"] < -1.5).mean()) for t in (once, again)]
    assert abs(tail[1] - 0.0668) < 0.03, tail
    assert np.isfinite(again["posterior"]["y"]).all()


def funnel() -> pm.Model:
    """Two correlated coordinates."""
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Normal("y", x, 0.5)
    return model


SHORT = {"draws": 40, "tune": 100, "chains": 2, "seed": 1, "longest": 4}  # too few for R-hat: the fit goes on


def diverging(draws: Draws) -> Draws:
    """A tenth of the draws, marked as divergent."""
    draws.stats["diverging"][:, ::10] = 1.0
    return draws


def test_divergences_of_a_continuation_are_drawn_again_too(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = nutpie_engine.go_on
    monkeypatch.setattr(nutpie_engine, "go_on", lambda *a: diverging(plain(*a)))
    told = sample(funnel(), **SHORT).attrs["went_on"]
    again = [i for i, words in enumerate(told) if "drawn again" in words]
    assert again and again[0] > 0 and len(again) <= 2, told


def test_a_kill_while_draws_are_drawn_again_loses_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plain, run = nutpie_engine.start, nutpie_engine.whitened_by
    monkeypatch.setattr(nutpie_engine, "start", lambda *a: (diverging(plain(*a)[0]), np.empty(0)))

    def killed(compiled: Any, settings: Any, earlier: Draws, progress: bool, keeper: Any) -> Draws:
        keeper.keep(run(compiled, settings.model_copy(update={"draws": 5}), earlier, progress, keeper))
        raise KeyboardInterrupt

    monkeypatch.setattr(nutpie_engine, "whitened_by", killed)
    with pytest.raises(KeyboardInterrupt):
        sample(funnel(), run=tmp_path / "run", **SHORT)
    held = Draws.load(tmp_path / "run" / "partial.draws")
    assert held is not None and held.counts.tolist() == [40, 40]
    monkeypatch.undo()
    tree = resume(tmp_path / "run", funnel())
    assert "drawn again with shorter steps" in tree.attrs["went_on"][0]  # asked of the draws that were recovered
    assert tree["posterior"].sizes["draw"] >= 40


def test_a_restart_in_many_dimensions_scales_each() -> None:
    rng = np.random.default_rng(0)
    white = nutpie_engine._White(rng.normal(size=6), rng.uniform(1, 2, 6))
    dense = nutpie_engine._White(white.center, np.diag(white.factor))
    x = rng.normal(size=6)
    for way in ("inward", "outward", "pulled"):
        assert np.allclose(getattr(white, way)(x), getattr(dense, way)(x), rtol=1e-14)
