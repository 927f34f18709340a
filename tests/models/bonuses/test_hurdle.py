"""Receipt and size jointly: likelihood and gradients against an explicit model, recovery, what ignoring correlation costs."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode

from bayes_labor.data import DataFaults, Personnel, personnel
from bayes_labor.models import BonusSpec, HurdleSpec, bonus_hurdle, bonus_size
from bayes_labor.models.bonuses.hurdle import hurdle_log_likelihood
from bayes_labor.models.notes import notes_of
from bayes_labor.numerics.groups import Groups
from bayes_labor.posteriors import SamplerSettings, compile_model, draw
from bayes_labor.posteriors.calibration import calibrate_model
from bayes_labor.posteriors.uniform import uniformity

PYTHON = Mode("py", "fast_compile")


def explicit(won: np.ndarray, residual: Any, index: Any, scales: Any, groups: Groups) -> Any:
    """Receipt by its Bernoulli, sizes by their multivariate normal given v, summed over a dense grid of v."""
    tau, sd_mu, sigma, corr = scales
    v = np.linspace(-12.0, 12.0, 1601)
    terms = []
    for first, last in zip(groups.offsets[:-1], groups.offsets[1:], strict=True):
        own = slice(first, last)
        odds = index[own][:, None] + tau * v[None, :]
        sign = np.where(won[own] > 0, 1.0, -1.0)[:, None]
        value = -pt.softplus(-sign * odds).sum(0) - 0.5 * v**2 - 0.5 * np.log(2 * np.pi)
        paid = first + np.flatnonzero(won[own] > 0)
        if len(paid):
            covariance = sigma**2 * np.eye(len(paid)) + sd_mu**2 * (1.0 - corr**2) * np.ones((len(paid), len(paid)))
            apart = residual[paid][:, None] - sd_mu * corr * v[None, :]
            value += -0.5 * (apart * pt.linalg.solve(covariance, apart)).sum(0)
            value += -0.5 * pt.log(pt.linalg.det(covariance)) - 0.5 * len(paid) * np.log(2 * np.pi)
        terms.append(pt.logsumexp(value) + np.log(v[1] - v[0]))
    return sum(terms)


@pytest.mark.parametrize("scales", [(0.7, 0.5, 0.3, 0.6), (2.5, 0.8, 0.4, -0.8), (0.4, 1.5, 0.1, 0.0)])
def test_likelihood_and_gradients_of_an_explicit_model(scales: tuple[float, ...]) -> None:
    """To 1e-8: value, and derivatives in log odds, means and all four scales; workers with all, some and no bonuses."""
    rng = np.random.default_rng(0)
    groups = Groups.of(np.repeat(np.arange(6), [1, 4, 3, 5, 2, 1]))
    won = (rng.random(16) < 0.5).astype(float)
    won[:1], won[5:8], won[13:15] = 1.0, 0.0, 1.0
    index, residual = rng.normal(size=16), rng.normal(scale=0.7, size=16)
    x, r, s = pt.dvector("x"), pt.dvector("r"), pt.dvector("s")
    four = (s[0], s[1], s[2], s[3])
    ours = hurdle_log_likelihood(pt.constant(won), r, x, four, groups, 48)
    theirs = explicit(won, r, x, four, groups)
    at = (index, residual, np.array(scales))
    for one in ("value", "gradient"):
        found = [[f] if one == "value" else pytensor.grad(f, [x, r, s]) for f in (ours, theirs)]
        mine, yours = (pytensor.function([x, r, s], f, mode=PYTHON, on_unused_input="ignore")(*at) for f in found)
        for a, b in zip(mine, yours, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)


def made(workers: int, corr: float, seed: int) -> Personnel:
    """Five years of workers; those likelier to have a bonus have larger ones if corr > 0. Level 2 adds .5 to the log bonus."""
    rng = np.random.default_rng(seed)
    v, w = rng.normal(size=(2, workers))
    mu = 0.8 * (corr * v + np.sqrt(1 - corr**2) * w)
    worker, year = np.repeat(np.arange(workers), 5), np.tile(np.arange(5), workers)
    level = 1 + (year >= rng.integers(0, 10, workers)[worker])
    won = rng.random(len(worker)) < 1 / (1 + np.exp(-(-1.0 + 1.5 * (level == 2) + 1.5 * v[worker])))
    size = 7.0 + 0.5 * (level == 2) + mu[worker] + 0.3 * rng.normal(size=len(worker))
    known = {"ten_level": 1, "ten_firm": 5, "salary": 5e4, "promoted": 0}
    table = pd.DataFrame({"id": worker, "year": year, "level": level, "bonus": np.where(won, np.exp(size), 0.0)})
    return Personnel(table.assign(**known), "made")


SMALL = {"blocks": ("levels",), "years": "none", "means": False}


@pytest.mark.long
def test_recovery_and_what_ignoring_the_correlation_costs() -> None:
    """At corr = .8 the truth is within 3 sds of the joint posterior, and the mean log bonus at level 1 of sizes alone is not.

    Whoever has a bonus at all is likelier one who has large ones: sizes alone put the average worker's too high.
    """
    panel = made(500, 0.8, 1)
    settings = SamplerSettings(draws=300, tune=300, chains=2, seed=1)
    joint, alone = bonus_hurdle(panel, HurdleSpec(**SMALL)), bonus_size(panel, BonusSpec(**SMALL))
    found, other = (draw(m, compile_model(m), settings)["posterior"] for m in (joint, alone))
    truth = {"corr": 0.8, "tau": 1.5, "sd_mu": 0.8, "sigma": 0.3}
    for name, value in truth.items():
        assert abs(float(found[name].mean()) - value) < 3 * float(found[name].std()), name
    for variable, term, value in (("theta", "intercept", 7.0), ("theta", "level 2", 0.5), ("odds", "level 2", 1.5)):
        one = found[variable].sel({found[variable].dims[-1]: term})
        assert abs(float(one.mean()) - value) < 3 * float(one.std()), (variable, term)
    level = other["theta"].sel(term="intercept")
    assert float(level.mean()) - 7.0 > 3 * float(level.std()) and float(level.mean()) - 7.0 > 0.1  # .17, 4 sds


def test_without_correlation_it_is_two_models() -> None:
    """The density is that of receipt and of sizes, each alone, on the same rows."""
    panel = made(40, 0.0, 2)
    model, spec = bonus_hurdle(panel, HurdleSpec(**SMALL, correlated=False)), HurdleSpec(**SMALL)
    assert "corr" not in model.named_vars and "corr" not in HurdleSpec(**SMALL, correlated=False).table
    assert "corr" in spec.table
    design, row = spec.design(panel), pt.dvector("row")
    index, groups = np.zeros(len(design.odds.outcome)), design.odds.groups
    four = (pt.constant(1.5), pt.constant(0.8), pt.constant(0.3), pt.constant(0.0))
    value = hurdle_log_likelihood(pt.constant(design.odds.outcome), row, pt.constant(index), four, groups)
    call = pytensor.function([row], value, mode=PYTHON)
    base, moved = (call(design.size.outcome - m) for m in (7.0, 7.1))
    from bayes_labor.likelihoods.random_intercepts import weighted_log_likelihood

    paid = design.paid
    weights = np.full(len(paid.outcome), 0.3**-2.0)
    one, two = (weighted_log_likelihood(paid.outcome - m, paid.groups, weights, 0.8).sum() for m in (7.0, 7.1))
    assert base - moved == pytest.approx(one - two, rel=1e-9)


def test_any_panel() -> None:
    """A part of the generated panel builds, with what sizes cannot tell named; what cannot be a hurdle is one clear fault."""
    table = personnel(seed=1).table
    part = Personnel(table[table["id"] % 60 == 0])
    model = bonus_hurdle(part)
    assert isinstance(model, pm.Model) and {"odds", "theta", "tau", "sd_mu", "sigma", "corr"} <= set(model.named_vars)
    unpaid = Personnel(part.table.assign(bonus=part.table["bonus"].where(part.table["level"] != 2, 0.0)))
    left_out = notes_of(bonus_hurdle(unpaid, means=False)).left_out  # nobody on level 2 has a bonus: no size to tell
    assert left_out["size: level 2"] == "never varies" and "level 2" not in left_out
    with pytest.raises(DataFaults, match="nobody has two rows: no worker effects to correlate"):
        bonus_hurdle(Personnel(table[(table["year"] == 1985) & (table["id"] % 20 == 0)]))
    with pytest.raises(DataFaults, match="everybody has a bonus"):
        bonus_hurdle(Personnel(part.table.assign(bonus=1.0 + part.table["salary"])))
    with pytest.raises(DataFaults, match="nobody has a bonus"):
        bonus_hurdle(Personnel(part.table.assign(bonus=0.0)))


@pytest.mark.long
def test_calibration_of_the_sampler() -> None:
    """Ranks of 30 simulations uniform; a right sampler fails once in a thousand."""
    panel = made(60, 0.5, 3)
    build = partial(bonus_hurdle, panel, HurdleSpec(**SMALL, slope=1.0, spread=1.0))
    names = ["odds", "theta", "tau", "sd_mu", "sigma", "corr"]
    observed = {"observed_received_and_size": "received_and_size"}
    ranks = calibrate_model(build, names, observed, 30, seed=1, thin=6, draws=200, tune=200)
    p = uniformity(ranks)
    assert len(p) >= 8 and p.min() > 1e-3 / len(p), p
