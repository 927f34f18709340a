"""Estimate structural parameters of learning on the job: solve a design of points, emulate, sample, and say what is weak."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import norm

from bayes_labor.engines.fan_out import Recipe
from bayes_labor.engines.sampling import SamplerSettings
from bayes_labor.models.learning.structural import MomentEmulator, design, learning_structural, priors_of, train_emulator
from bayes_labor.posteriors.calibration import SAMPLER, rank_all
from bayes_labor.theory.learning import Parameters
from bayes_labor.theory.learning.finite import finite_moments, solve_finite

KNOWN = ("employment", "move_rate", "hire_rate", "separation_rate", "mean_size", "sd_size", "top_share")
"""Moments that can be solved exactly where workers are alike."""
WEAK = 0.5
"""Contraction (share of the prior's variance that the data removed) below which a parameter is called weakly identified."""


def known_moments(parameters: Mapping[str, float], types: int = 7, n_max: int = 5) -> dict[str, float]:
    """Exact moments of the economy whose workers are alike and learn nothing, with log-normal productivities in few types.

    It takes a fortieth of a second, where the general economy takes minutes, so that the whole chain of estimation can be
    checked against truth.
    """
    p = Parameters(gamma=0.0)._replace(**parameters)
    z = np.exp(p.mu_z + p.sigma_z * norm.ppf((np.arange(types) + 0.5) / types))
    return finite_moments(solve_finite(z, np.full(types, 1.0 / types), n_max, p), p)


def known_emulator(
    parameters: Sequence[str], points: int, seed: int, moments: Sequence[str] = KNOWN, file: Path | None = None
) -> MomentEmulator:
    """Emulator of :func:`known_moments` over the prior of some parameters; ``file`` as for :func:`solve_design`."""
    priors = priors_of(parameters)
    at = design(priors, points, seed)
    return train_emulator(priors, at, solve_design(at, known_moments, file)[list(moments)])


def economy_moments(parameters: Mapping[str, float], settings: Any, years: int = 10) -> dict[str, float]:
    """Moments of wages and employment in the general economy, solved at ``settings``: minutes of processor time."""
    from bayes_labor.data.learning.simulated_teams import simulated_careers
    from bayes_labor.posteriors.learning.moments import wage_moments
    from bayes_labor.theory.learning.equilibrium import solve_equilibrium

    solution = solve_equilibrium(Parameters()._replace(**parameters), settings)
    found = wage_moments(simulated_careers(solution, years, settings.seed)[0])
    return {str(k): float(v) for k, v in found.items()}


def solve_design(
    points: pd.DataFrame,
    solve: Callable[[Mapping[str, float]], dict[str, float]],
    file: str | Path | None = None,
    said: Callable[[str], None] = lambda _: None,
) -> pd.DataFrame:
    """Moments at every point of a design, each kept in a file as it is found; what is there already is not solved again.

    Parameters
    ----------
    points
        A row per point.
    solve
        Moments at given parameters, e.g. :func:`known_moments`. Points at which it raises ValueError or RuntimeError (skills
        that grow too fast, no equilibrium) have missing moments.
    file
        Of JSON lines.
    said
        Called with a line per point.

    """
    held = {} if file is None else _held(Path(file))
    rows: list[dict[str, float]] = []
    for i, point in enumerate(points.to_dict("records")):
        given = {str(k): float(v) for k, v in point.items()}
        key = json.dumps(given)
        if key not in held:
            try:
                held[key] = solve(given)
                said(f"point {i + 1} of {len(points)}")
            except (ValueError, RuntimeError) as error:
                held[key] = {}
                said(f"point {i + 1} of {len(points)} could not be solved: {error}")
            if file is not None:
                with Path(file).open("a", encoding="utf-8") as out:
                    out.write(json.dumps({"at": key, "moments": held[key]}) + "\n")
        rows.append(held[key])
    return pd.DataFrame(rows, index=points.index)


def _held(file: Path) -> dict[str, dict[str, float]]:
    """Moments by point; the last line of a process that was killed may be none."""
    found = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
        with suppress(json.JSONDecodeError):
            row = json.loads(line)
            found[row["at"]] = row["moments"]
    return found


def summarize_structural(
    draws: xr.DataTree, emulator: MomentEmulator, truth: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """Posterior by parameter, beside prior and (where known) truth, with the share of the prior's variance removed."""
    rows = {}
    for name, prior in emulator.priors.items():
        values, known = draws["posterior"][name].to_numpy().ravel(), prior.frozen()
        low, high = np.quantile(values, [0.03, 0.97])
        row: dict[str, Any] = {} if truth is None else {"truth": truth[name]}
        row |= {"mean": values.mean(), "sd": values.std(), "3%": low, "97%": high}
        row |= {"prior mean": known.mean(), "prior sd": known.std(), "contraction": 1.0 - float(values.var() / known.var())}
        rows[name] = row | {"identified": "weakly" if row["contraction"] < WEAK else "yes"}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("parameter")


def outside_design(draws: xr.DataTree, emulator: MomentEmulator) -> float:
    """Share of draws with a parameter beyond the design's points, where the emulator only extrapolates."""
    out: Any = False
    for name in emulator.priors:
        values, points = draws["posterior"][name].to_numpy().ravel(), emulator.points[name]
        out = out | (values < points.min()) | (values > points.max())
    return float(np.mean(out))


def calibrate_structural(
    emulator: MomentEmulator,
    solve: Callable[[Mapping[str, float]], dict[str, float]],
    se: pd.Series,
    simulations: int,
    seed: int,
    *,
    thin: int = 6,
    **settings: Any,
) -> pd.DataFrame:
    """Simulation-based calibration of the whole chain: truths from the prior, data from the model itself, not its emulator.

    Parameters
    ----------
    emulator
        As the posterior uses it.
    solve
        Exact moments at given parameters. Truths at which it raises ValueError or RuntimeError are left out.
    se
        Standard errors of the data's moments, in the emulator's order.
    simulations, seed, thin, **settings
        As for :func:`bayes_labor.posteriors.calibration.calibrate_model`.

    Returns
    -------
    pd.DataFrame
        Ranks in (0, 1), a row per simulation and a column per parameter.

    """
    rng = np.random.default_rng(seed)
    truths: list[dict[str, np.ndarray]] = []
    data: list[dict[str, np.ndarray]] = []
    while len(truths) < simulations:
        truth = {n: float(p.frozen().rvs(random_state=rng)) for n, p in emulator.priors.items()}
        try:
            exact = pd.Series(solve(truth))[list(se.index)].to_numpy(dtype=np.float64)
        except (ValueError, RuntimeError):
            continue
        truths.append({n: np.array(v) for n, v in truth.items()})
        data.append({"observed_moments": exact + se.to_numpy() * rng.normal(size=len(se))})
    first = pd.Series(data[0]["observed_moments"], index=se.index)
    recipe = Recipe(partial(learning_structural, emulator, first, se), str(seed), SamplerSettings(**(SAMPLER | settings)))
    return rank_all(recipe, truths, data, seed, thin, None, None, 1, None)
