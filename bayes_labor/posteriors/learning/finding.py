"""What a fit of learning on the job found, in sentences made from its numbers."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor.data.learning.teams import GAPS, Teams
from bayes_labor.models.learning.direct import DirectSpec
from bayes_labor.models.learning.regression import LearningSpec
from bayes_labor.posteriors.sayings import chance_below, listed, middle_and_ends, side

_TOLD = 0.5
"""Contraction from which moments count as telling a parameter."""


def of_ranks(spec: LearningSpec, teams: Teams, draws: xr.DataTree) -> str:
    """How ranks go with the gaps to better and less paid coworkers, and what that is not."""
    slope = draws["posterior"]["slope"]
    words = {GAPS[0]: "to those of better paid coworkers", GAPS[1]: "to those of less paid ones"}
    said = []
    for gap, whose in words.items():
        s = slope.sel(gap=gap).to_numpy().ravel()
        said.append(f"{middle_and_ends(s)} a point of the gap {whose}" + ("" if side(s) else f" ({chance_below(s)})"))
    where = "Within teams" if spec.means else "Across teams"
    what = f"{where} a worker's rank changes by {listed(said)}, from one year to the next."
    return f"{what} One's own rank enters every gap, so that regression to the mean is in these slopes: they are not learning."


def of_states(spec: DirectSpec, teams: Teams, draws: xr.DataTree) -> str:
    """Whether workers learn from more and from less skilled coworkers, as far as pay measures human capital."""
    posterior, said = draws["posterior"], []
    for name, symbol, whom in (("theta_p", "θ+", "more"), ("theta_m", "θ-", "less")):
        theta = posterior[name].to_numpy().ravel()
        told = {
            1: f"Workers learn from {whom} skilled coworkers",
            -1: f"Workers lose skill beside {whom} skilled coworkers",
            0: f"Whether workers learn from {whom} skilled coworkers is not settled",
        }[side(theta)]
        said.append(f"{told}: {symbol} = {middle_and_ends(theta)}, {chance_below(theta)}.")
    return f"{' '.join(said)} This takes log pay for human capital, measured with error."


def of_structure(spec: Any, moments: pd.DataFrame, draws: xr.DataTree) -> str:
    """Which parameters the moments tell, by the share of the prior's variance that they removed."""
    told: list[str] = []
    silent: list[str] = []
    for name, prior in spec.table.items():
        values = draws["posterior"][name].to_numpy().ravel()
        contraction = 1.0 - float(np.var(values) / prior.frozen().var())
        (told if contraction >= _TOLD else silent).append(f"{name} ({middle_and_ends(values)})")
    said = [f"The moments tell {listed(told)}."] if told else ["The moments tell none of the parameters."]
    if silent and told:
        said.append(f"Of {listed(silent)} they say little: what is shown is mostly the prior.")
    return " ".join(said)
