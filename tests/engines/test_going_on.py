"""What a fit that is left at its defaults does beyond its draws: here, where steps were too long."""

import numpy as np
import pymc as pm

from bayes_labor.engines.sampling import sample
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
