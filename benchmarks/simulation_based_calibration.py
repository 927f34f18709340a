"""``make sbc``: the long simulation-based calibration, 600 workplaces with known truth. Hours on two cores.

``python -m benchmarks.simulation_based_calibration SIMULATIONS WORKPLACES`` for other sizes; ``... SIMULATIONS defaults`` for
ten small workplaces under the default priors, each fit as one at defaults but for its length; ``... SIMULATIONS sorting`` for
the sorting model, its calibration and its latent regimes, in minutes; ``... SIMULATIONS bonuses`` for the models of bonuses on
a small panel, in an hour; ``... SIMULATIONS student`` for sizes with Student-t errors; ``... SIMULATIONS hurdle`` for receipt
and size as one model; ``... SIMULATIONS learning`` for learning on the job.
Ranks so far are kept, and a run goes on from them.
"""

import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_labor import __version__
from bayes_labor.data.bonuses.personnel import Personnel, personnel
from bayes_labor.data.joint_production.norway import norway
from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.data.learning.teams import Teams
from bayes_labor.data.sorting.macro import MacroSeries
from bayes_labor.engines.tempering import temper
from bayes_labor.models import (
    BonusSpec,
    HurdleSpec,
    JointProductionSpec,
    PrimitivesSpec,
    PrizeSpec,
    ReceiptSpec,
    TournamentMoments,
    TournamentPosterior,
    bonus_hurdle,
    bonus_receipt,
    bonus_size,
    learning_direct,
    learning_regression,
    promotion_prize,
    sorting_calibration,
    sorting_regimes,
)
from bayes_labor.models.bonuses.primitives import moments_of, solve
from bayes_labor.models.learning.structural import design, priors_of, train_emulator
from bayes_labor.posteriors import sample
from bayes_labor.posteriors.calibration import _health, _rank, calibrate_model
from bayes_labor.posteriors.joint_production.calibration import calibrate
from bayes_labor.posteriors.learning.structural import calibrate_structural, known_moments, solve_design
from bayes_labor.posteriors.prior import prior_draws
from bayes_labor.posteriors.rank_file import RankFile, rank_table
from bayes_labor.posteriors.uniform import alarm_level, uniformity
from bayes_labor.theory.bonuses.coordinates import COORDINATES

RESULTS = Path(__file__).parent / "results"
PRIORS = {
    "unemployment_center": 0.0,
    "beta_mean": 0.2,
    "beta_spread": 0.2,
    "talent": 0.1,
    "unemployment": 0.1,
    "power": 0.5,
    "log_output": 0.1,
}


def main(simulations: int = 200, workplaces: int = 600) -> None:
    """Ranks and their p-values, kept in ``benchmarks/results/``."""
    workforce = norway(workplaces, seed=1)
    spec = JointProductionSpec(priors=PRIORS)
    out = RESULTS / f"sbc_{workplaces}_workplaces.csv"
    say(calibrate(workforce, spec, simulations, progress=lambda i: print(f"{i} of {simulations}", flush=True), keep=out))


def defaults(simulations: int = 300) -> None:
    """Default priors, where β may lie on both sides of zero and hardly any data set tells where."""
    out = RESULTS / "sbc_default_priors.csv"
    say(calibrate(few(), JointProductionSpec(), simulations, seed=5, thin=5, keep=out))


def few() -> Workforce:
    """Ten workplaces of four workers and more in two industries."""
    rng = np.random.default_rng(9)
    sizes = 4 + rng.poisson(1.0, 10)
    n, plant = int(sizes.sum()), np.repeat(np.arange(10), sizes)
    experience = rng.uniform(0, 30, n)
    columns = {"seniority": np.minimum(experience, rng.exponential(5, n)), "wage": 20 + rng.normal(0, 3, n)}
    table = pd.DataFrame({"workplace": plant, "industry": np.array(["a", "b"])[plant % 2], "experience": experience})
    return Workforce.from_frame(table.assign(**columns), "experience + seniority", ["seniority"], name="few", simulated=True)


def sorting(simulations: int = 1000) -> None:
    """The same for the sorting model's calibration, and for its regimes on thirty generated years."""
    coordinates = ["psi", "v", "tau_hat", "s_l"]
    rng = np.random.default_rng(0)
    scale = MacroSeries(np.arange(1980, 2010), rng.normal([0.75, 0.22, 0.03], [0.03, 0.01, 0.02], (30, 3)), np.full(30, 0.03))
    models = {
        "sorting_calibration": (sorting_calibration, coordinates, {"observed_moments": "moments"}),
        "sorting_regimes": (
            partial(sorting_regimes, scale), [*coordinates, "stay", "growth", "noise"], {"observed_series": "series_by_year"}
        ),
    }  # fmt: skip
    for name, (build, names, observed) in models.items():
        print(name)
        keep = RESULTS / f"sbc_{name}.csv"
        say(calibrate_model(build, names, observed, simulations, thin=10, keep=keep))


def bonuses(simulations: int = 200) -> None:
    """The same for the models of bonuses, on a twentieth of the panel; priors of slopes are as narrow as CI's."""
    table = personnel("clean", seed=5).table
    part, few_workers = Personnel(table[table["id"] % 20 == 0]), Personnel(table[table["id"] % 40 == 0])
    small = {"blocks": ("levels", "tenure"), "demographics": False, "years": "none"}
    size, effects = {"observed_products": "log_bonus_products"}, {"observed_log_bonus": "log_bonus"}
    mixture = effects | {"observed_rating": "rating", "observed_unrated_log_bonus": "unrated_log_bonus"}
    receipt, prize = {"observed_receipt": "received"}, {"observed_rises_and_bonuses": "rises_and_bonuses"}
    regression = ["theta", "sigma", "tau"]
    few = {"demographics": False, "years": "none", "means": False}
    models = {
        "bonus_size": (partial(bonus_size, part, BonusSpec(**small)), regression, size),
        "bonus_size_ordered": (partial(bonus_size, part, BonusSpec(**small, ordered=True)), regression, size),
        "bonus_size_mixture": (
            partial(bonus_size, few_workers, BonusSpec(**few, blocks=("levels", "ratings"), ratings="mixture")),
            [*regression, "rating_cuts", "rating_slope"], mixture,
        ),
        "bonus_receipt": (
            partial(bonus_receipt, part, ReceiptSpec(**few, blocks=("levels",), slope=0.5, effect=0.5)), ["theta", "tau"],
            receipt,
        ),
        "bonus_receipt_conditional": (
            partial(bonus_receipt, part, ReceiptSpec(**few, blocks=("levels",), effects="conditional", slope=0.5)), ["theta"],
            receipt,
        ),
        "promotion_prize": (
            partial(promotion_prize, part, PrizeSpec(**few, covariates="A", blocks=("levels",), chance=0.5, rise=0.1, rho=1.0)),
            ["rho", "theta", "chance", "rise", "sd_omega", "sd_mu", "sd_rise", "sd_bonus", "corr"],
            prize | {"observed_promoted": "promoted"},
        ),
    }  # fmt: skip
    for name, (build, names, observed) in models.items():
        print(name, flush=True)
        say(calibrate_model(build, names, observed, simulations, thin=6, keep=RESULTS / f"sbc_{name}.csv", tune=400))


def student(simulations: int = 100) -> None:
    """The same for Student-t errors, each data set fitted as a user's would be: built for it, and going on until converged.

    Coordinates of worker effects are chosen for the data of a fit. Those of one data set are poor ones of another, whose
    effects are small: chains then hardly move, and truths pile up at the ends of the ranks.
    """
    table = personnel("clean", seed=5).table
    panel = Personnel(table[table["id"] % 40 == 0])
    prior = {"theta[intercept]": "normal(8, 2)"}  # not around the mean of data that are drawn from it
    settings: dict[str, Any] = {"demographics": False, "years": "none", "means": False, "priors": prior}
    spec = BonusSpec(**settings, blocks=("levels",), errors="student")
    rows, names = spec.design(panel).table.index, ["theta", "sigma", "tau", "nu"]
    tree = prior_draws(bonus_size(panel, spec), simulations, 0)
    drawn = tree["prior_predictive"]["log_bonus"].to_numpy()[0]
    sampler = {"draws": 600, "longest": 4, "tune": 400, "chains": 2, "cores": 1}
    file = RankFile(
        RESULTS / "sbc_bonus_size_student.csv",
        {"model": "bonus_size", "specification": spec.model_dump(mode="json"), "panel": panel.fingerprint, "sampler": sampler}
        | {"built": "for each data set", "compared draws": _COMPARED, "version of bayes_labor": __version__},
    )
    for i in (i for i in range(simulations) if i not in file.ranks):
        bonus = panel.table["bonus"].copy()
        bonus.loc[rows] = np.exp(np.clip(drawn[i], -_LARGEST_LOG, _LARGEST_LOG))
        model, start = bonus_size(Personnel(panel.table.assign(bonus=bonus)), spec), time.perf_counter()
        draws = sample(model, seed=i, **sampler)
        chosen = draws["posterior"].to_dataset()[names].stack(sample=("chain", "draw"))
        few = chosen.isel(sample=np.linspace(0, chosen.sizes["sample"] - 1, _COMPARED).astype(int))
        rng, ranks = np.random.default_rng(i), {}
        for n in names:
            true = tree["prior"][n].to_numpy()[0, i].reshape(-1)
            own = few[n].to_numpy().reshape(len(true), -1)
            ranks |= {f"{n}[{k}]": _rank(own[k], float(t), rng) for k, t in enumerate(true)}
        file.add(i, ranks, _health(draws, names, time.perf_counter() - start))
    say(rank_table(file.ranks))


_COMPARED = 100  # draws with a truth, of 1,200 and more: nearly independent
_LARGEST_LOG = 600.0  # whose exponential is finite


def hurdle(simulations: int = 200) -> None:
    """The same for receipt and size as one model, under default priors, levels and ratings among the regressors."""
    table = personnel("clean", seed=5).table
    panel = Personnel(table[table["id"] % 80 == 0])
    spec = HurdleSpec(blocks=("levels", "ratings"), demographics=False, years="none", means=False)
    observed = {"observed_received_and_size": "received_and_size"}
    names = ["odds", "theta", "tau", "sd_mu", "sigma", "corr"]
    keep = RESULTS / "sbc_bonus_hurdle.csv"
    say(calibrate_model(partial(bonus_hurdle, panel, spec), names, observed, simulations, thin=6, keep=keep, tune=400))


def primitives(simulations: int = 200) -> None:
    """The same for the tournament's primitives: truths from the prior, moments with fixed standard errors."""
    rng = np.random.default_rng(5)
    se = np.array([0.2, 0.7, 0.2, 0.9, 0.9, 2.0])
    rates = np.array([0.1, 0.1])
    start = TournamentMoments(10.0 * se, se, rates, 0.1 * rates, 10.0 * se, se)
    spec = PrimitivesSpec(model_error=1e-9)
    pool, _ = TournamentPosterior(start, spec).draw_prior(2000 + simulations, rng)
    rows = []
    for truth in pool[:simulations]:
        bonus = moments_of(solve(truth))["bonus"] + se * rng.normal(size=6)
        posterior = TournamentPosterior(start._replace(bonus=bonus), spec)
        draws = temper(pool[simulations:], posterior.log_prior, posterior.log_likelihood, rng).particles[::10]
        rows.append(((draws < truth).sum(0) + rng.uniform(size=len(truth))) / (len(draws) + 1))
    ranks = pd.DataFrame(rows, columns=list(COORDINATES)).rename_axis("simulation")
    ranks.to_csv(RESULTS / "sbc_tournament_primitives.csv")
    print("tournament_primitives")
    say(ranks)


def learning(simulations: int = 100) -> None:
    """The same for learning on the job: the regression, human capital as a state, and the whole structural chain, in minutes.

    The chain's truths are drawn from the prior and its data from the exact economy, not from its emulator.
    """
    teams = workers_in_teams(60, 3, seed=5)
    products = {"observed_products": "change_products"}
    models = {
        "learning_regression": (partial(learning_regression, teams), ["theta", "sigma", "tau"], products),
        "learning_direct": (
            partial(learning_direct, workers_in_teams(12, 3, seed=6)),
            ["theta_p", "theta_m", "mu_q", "sigma_h", "sigma_a", "sigma_q", "sigma_u"], {"log_wages": "log_wage"},
        ),
    }  # fmt: skip
    for name, (build, names, observed) in models.items():
        print(name, flush=True)
        say(calibrate_model(build, names, observed, simulations, thin=6, keep=RESULTS / f"sbc_{name}.csv", tune=400))
    priors = priors_of(["sigma_z", "psi_N", "psi_E", "delta_m", "b"])
    points = design(priors, 128, seed=1)
    used = ["employment", "move_rate", "hire_rate", "separation_rate", "mean_size", "sd_size", "top_share"]
    emulator = train_emulator(priors, points, solve_design(points, known_moments)[used])
    print("learning_structural")
    ranks = calibrate_structural(emulator, known_moments, 0.05 * emulator.solved.mean(), simulations, seed=3)
    ranks.to_csv(RESULTS / "sbc_learning_structural.csv")
    say(ranks)


def workers_in_teams(n_teams: int, years: int, seed: int) -> Teams:
    """Five workers a team, a fifth of whom change teams each year."""
    rng = np.random.default_rng(seed)
    n = 5 * n_teams
    team, level, own = rng.integers(0, n_teams, n), rng.normal(0.0, 0.4, n_teams), rng.normal(0.0, 0.5, n)
    tables = []
    for year in range(years):
        wage = np.exp(own + level[team] + 0.2 * rng.normal(size=n))
        tables.append(pd.DataFrame({"worker": np.arange(n), "team": team, "year": year, "wage": wage}))
        team = np.where(rng.random(n) < 0.8, team, rng.integers(0, n_teams, n))
    return Teams(pd.concat(tables, ignore_index=True))


def say(ranks: pd.DataFrame) -> None:
    """p-values, smallest first, and where to be alarmed."""
    p = uniformity(ranks).sort_values()
    print(p.to_string())
    print(f"smallest p-value {p.min():.2g} over {len(p)} parameters; alarm below {alarm_level(len(p)):.2g}")


if __name__ == "__main__":
    if sys.argv[2:] == ["sorting"]:
        sorting(int(sys.argv[1]))
    elif sys.argv[2:] == ["defaults"]:
        defaults(int(sys.argv[1]))
    elif sys.argv[2:] == ["bonuses"]:
        bonuses(int(sys.argv[1]))
        primitives(int(sys.argv[1]))
    elif sys.argv[2:] == ["student"]:
        student(int(sys.argv[1]))
    elif sys.argv[2:] == ["hurdle"]:
        hurdle(int(sys.argv[1]))
    elif sys.argv[2:] == ["learning"]:
        learning(int(sys.argv[1]))
    else:
        main(*map(int, sys.argv[1:]))
