"""Structural and direct estimation of learning on the job: emulator, the chain on a known economy, states of human capital."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayes_labor.data import DataFaults, Teams
from bayes_labor.likelihoods.emulator import emulate
from bayes_labor.models import DirectSpec, learning_direct, learning_structural
from bayes_labor.models.learning.structural import PRIORS, MomentEmulator, design, priors_of, train_emulator
from bayes_labor.models.priors import Prior
from bayes_labor.posteriors import SamplerSettings, compile_model, draw, gates
from bayes_labor.posteriors.learning.structural import (
    calibrate_structural,
    known_moments,
    outside_design,
    solve_design,
    summarize_structural,
)
from bayes_labor.posteriors.uniform import uniformity
from bayes_labor.theory.learning import Parameters, log_growth
from bayes_labor.theory.learning.finite import finite_moments, solve_finite

NAMES = ("sigma_z", "psi_N", "psi_E", "delta_m")
TRUTH = {"sigma_z": 0.342, "psi_N": 0.314, "psi_E": 1.048, "delta_m": 0.127}
USED = ["employment", "move_rate", "hire_rate", "separation_rate", "mean_size", "sd_size", "top_share"]


@pytest.fixture(scope="module")
def emulator() -> MomentEmulator:
    priors = priors_of(NAMES)
    points = design(priors, 128, seed=1)
    return train_emulator(priors, points, solve_design(points, known_moments)[USED])


def test_priors_and_design() -> None:
    """Coordinates are standardised, designs follow the prior, names are checked."""
    points = design(PRIORS, 1_000, seed=0)
    assert len(points) == 1_024 and list(points) == list(PRIORS)
    for name, prior in PRIORS.items():
        x = prior.coordinate(points[name].to_numpy())
        assert abs(x.mean()) < 0.05 and x.std() == pytest.approx(1.0, abs=0.1), name
        assert prior.frozen().cdf(points[name].median()) == pytest.approx(0.5, abs=0.01)
    assert points["corr_zq"].between(-1.0, 1.0).all() and points["eta"].between(0.5, 1.5).all()
    with pytest.raises(DataFaults, match="'sigma_zz' is no parameter"):
        priors_of(["sigma_zz"])
    assert priors_of(["b"], {"b": Prior("normal", (0.1, 0.1))})["b"].family == "normal"


def test_design_is_kept_as_it_is_solved(tmp_path: Path) -> None:
    """What a killed process left is not solved again, a torn last line is; points without solution have missing moments."""
    points, solved = design(priors_of(["sigma_z"]), 8, seed=2), []

    def solve(point: dict[str, float]) -> dict[str, float]:
        solved.append(point)
        if len(solved) == 3:
            raise RuntimeError("no equilibrium")
        return {"m": point["sigma_z"] ** 2}

    file = tmp_path / "design.jsonl"
    first = solve_design(points, solve, file)
    assert first["m"].isna().sum() == 1 and len(solved) == 8
    file.write_text("\n".join(file.read_text().splitlines()[:-1]) + '\n{"at": "{\\"sig', encoding="utf-8")
    again = solve_design(points, solve, file)
    assert len(solved) == 9
    pd.testing.assert_frame_equal(first, again)
    assert json.loads(file.read_text().splitlines()[0])["moments"]["m"] == pytest.approx(points["sigma_z"].iloc[0] ** 2)


def test_emulator_is_validated(emulator: MomentEmulator) -> None:
    """Errors of points left out are what fresh points show; poor emulators are refused by name."""
    fresh = design(emulator.priors, 32, seed=9)
    exact = solve_design(fresh, known_moments)[USED]
    x = np.column_stack([p.coordinate(fresh[n].to_numpy()) for n, p in emulator.priors.items()])
    e = emulator.emulator
    held = (e.points, e.trend, e.scale, e.rate, e.spread, e.weights, e.root, e.inflation)
    mean, variance = (np.array(v) for v in zip(*(emulate(row, *held)[:2] for row in x), strict=True))
    ok = exact.notna().all(axis=1).to_numpy()
    sd = emulator.solved.std(ddof=0).to_numpy()
    error = (mean - exact.to_numpy())[ok] / sd
    assert (emulator.errors() < 0.3).all()
    assert (np.sqrt((error**2).mean(0)) < 3.0 * np.maximum(emulator.errors().to_numpy(), 0.01)).all()
    assert (np.abs(error * sd) < 6.0 * np.sqrt(variance[ok]) + 1e-3 * sd).mean() > 0.95
    rough = emulator.solved.assign(noise=np.random.default_rng(0).normal(size=len(emulator.solved)))
    with pytest.raises(DataFaults, match=r"noise \(\d"):
        train_emulator(emulator.priors, emulator.points, rough)
    with pytest.raises(DataFaults, match="6 points for 4 parameters"):
        train_emulator(emulator.priors, emulator.points[:6], emulator.solved[:6])
    with pytest.raises(DataFaults, match=r"outputs \[0, 1, 2, 3, 4, 5, 6\] do not vary"):
        train_emulator(emulator.priors, emulator.points, emulator.solved * 0.0)


def test_posterior_of_a_known_economy(emulator: MomentEmulator) -> None:
    """Truth within the intervals, contraction by parameter, the one that the moments do not move named as weak."""
    exact = pd.Series(known_moments(TRUTH))[USED]
    se = 0.05 * exact
    model = learning_structural(emulator, exact, se)
    tree = draw(model, compile_model(model), SamplerSettings(draws=800, tune=400, chains=2, seed=1))
    assert all(g.passed for g in gates(tree, list(NAMES)))
    table = summarize_structural(tree, emulator, TRUTH)
    assert ((table["truth"] > table["3%"]) & (table["truth"] < table["97%"])).all()
    assert (table.loc[["psi_N", "delta_m"], "contraction"] > 0.8).all() and (table["contraction"] < 1.0).all()
    assert outside_design(tree, emulator) < 0.05
    with pytest.raises(DataFaults, match="moment 'size' is not emulated"):
        learning_structural(emulator, exact.rename({"mean_size": "size"}), se.rename({"mean_size": "size"}))
    with pytest.raises(DataFaults, match="standard errors positive"):
        learning_structural(emulator, exact, 0.0 * se)
    with pytest.raises(ValueError, match="2 kinds of workers"):
        finite_moments(solve_finite([1.0], [1.0], 2, h=[0.8, 1.2], births=[0.5, 0.5]), Parameters())


@pytest.mark.long
def test_calibration_of_the_whole_chain(emulator: MomentEmulator) -> None:
    """Truths from the prior, data from the exact economy: ranks of 60 uniform; a right chain fails once in a thousand."""
    se = 0.05 * emulator.solved.mean()
    ranks = calibrate_structural(emulator, known_moments, se, 60, seed=3, draws=200, tune=300)
    p = uniformity(ranks)
    assert len(ranks) == 60 and len(p) == len(NAMES) and p.min() > 1e-3 / len(p), p


def panel(teams: int, size: int, years: int, seed: int) -> Teams:
    """Workers who learn once a year on average and are paid their human capital, measured with error 0.03."""
    rng = np.random.default_rng(seed)
    log_h, log_a = 0.157 * rng.normal(size=(teams, size)), 0.008 * rng.normal(size=(teams, size))
    log_q, here = -0.016 + 0.013 * rng.normal(size=teams), np.ones((teams, size), bool)
    rows = []
    for year in range(years):
        wage = np.exp(0.5 + log_h + 0.03 * rng.normal(size=log_h.shape))
        rows += [(k * size + i, f"team {k}", year, wage[k, i]) for k in range(teams) for i in range(size)]
        for k, events in enumerate(rng.poisson(1.0, teams)):
            for _ in range(events):
                log_h[k] += log_growth(log_h[k : k + 1], log_a[k : k + 1], log_q[k : k + 1], here[k : k + 1], 0.165, 0.034)[0]
    return Teams(pd.DataFrame(rows, columns=["worker", "team", "year", "wage"]))


@pytest.mark.long
def test_human_capital_as_a_state() -> None:
    """The learning function is found on a small panel, ability and firms' parts within four standard deviations too."""
    teams = panel(30, 5, 5, seed=1)
    model = learning_direct(teams)
    tree = draw(model, compile_model(model), SamplerSettings(draws=250, tune=250, chains=2, seed=2))
    for name, truth in {"theta_p": 0.165, "theta_m": 0.034, "mu_q": -0.016, "sigma_u": 0.03, "sigma_h": 0.157}.items():
        values = tree["posterior"][name]
        assert abs(float(values.mean()) - truth) < 4.0 * float(values.std()), name
    assert float(tree["posterior"]["theta_p"].std()) < 0.05  # of a prior sd of 0.2
    moved = teams.table.assign(team=lambda t: np.where((t["worker"] == 3) & (t["year"] > 1), "team 7", t["team"]))
    with_years = learning_direct(Teams(moved), DirectSpec(year_effects=True))
    assert np.isfinite(with_years.compile_logp()(with_years.initial_point()))
    with pytest.raises(DataFaults, match="a single year"):
        learning_direct(Teams(teams.table[teams.table["year"] == 0]))
    with pytest.raises(DataFaults, match="1 wages are not positive"):
        learning_direct(Teams(teams.table.assign(wage=lambda t: t["wage"].where(t.index > 0, -1.0))))
