"""What is arbitrary about how outside options are solved, and how far it can move the answer.

V(z) is held at a few nodes, or comes from workers drawn by a seed; and the equilibrium need not be unique. Each is asked of the
posterior draws themselves. To first order another log density l' moves the posterior mean of a parameter by its covariance with
l' - l over the draws, which is never more than the standard deviation of l' - l, in standard deviations of the parameter.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models.joint_production.model import PARAMETERS
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.posteriors.diagnostics import Gate
from bayes_labor.posteriors.html import section, shown_table
from bayes_labor.posteriors.joint_production.comparison import workplace_log_likelihood
from bayes_labor.posteriors.joint_production.equilibrium import solutions_each, solve_each, thin

_MOVED = 0.1
"""Posterior standard deviations by which something arbitrary may move a mean."""
_FINER = 4  # times the nodes of V(z)
_SEEDS = 8  # other matchings


class Solution(NamedTuple):
    """What was asked of the solution at posterior draws."""

    moved: float
    """Standard deviations by which no posterior mean is moved more, were V(z) held at many more nodes; NaN if sampled."""
    gap: float
    """Largest change of a worker's V(z) then, in mean wages, in the median over draws; NaN if sampled."""
    several: int
    """Draws at which more than one equilibrium is found."""
    looked: int
    """Draws that have one."""
    matching: pd.Series | None
    """By parameter, the standard deviation over other matching seeds of its posterior mean, in posterior standard deviations;
    None for exact matching."""

    @property
    def gate(self) -> Gate | None:
        """Whether the matching seed is harmless; None for exact matching."""
        if self.matching is None:
            return None
        worst = str(self.matching.idxmax())
        value = f"another seed moves {worst} by {self.matching.max():.2f} posterior sds, should be below {_MOVED}"
        remedy = "the seed is part of the answer: fit with matching='exact', or with more matchings"
        return Gate("matching", value, bool(self.matching.max() < _MOVED), remedy)

    @property
    def cautions(self) -> list[Gate]:
        """What a reader must know of it."""
        found = []
        if self.moved > _MOVED:
            value = f"more nodes may move posterior means by {self.moved:.2f} sds"
            found.append(Gate("V(z) between its nodes", value, False, "fit with more of them, such as nodes=24, and compare"))
        if self.several:
            value = f"at {self.several} of {self.looked} posterior draws"
            remedy = (
                "outside options have more than one equilibrium there; the likelihood takes the one that is reached from where "
                "every workplace can pay its workers: counterfactuals may end in another"
            )
            found.append(Gate("several equilibria", value, False, remedy))
        return found


def look_at_solution(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, size: int) -> Solution:
    """Ask ``size`` posterior draws of a fit."""
    counts = list(solutions_each(draws, workforce, spec, size=size))
    several, looked = sum(n > 1 for n in counts), sum(n > 0 for n in counts)
    if spec.matching == "sampled":
        return Solution(np.nan, np.nan, several, looked, _by_seed(draws, workforce, spec, size))
    fine = spec.model_copy(update={"nodes": _FINER * spec.nodes})
    return Solution(_moved(draws, workforce, spec, fine, size), _gap(draws, workforce, spec, fine, size), several, looked, None)


def _totals(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, size: int) -> np.ndarray:
    """(S,) log likelihood at the draws."""
    values = workplace_log_likelihood(draws, workforce, spec, size=size).to_numpy()
    found: np.ndarray = values.sum(1)
    return found


def _moved(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, fine: JointProductionSpec, size: int) -> float:
    gap = _difference(_totals(draws, workforce, fine, size), _totals(draws, workforce, spec, size))
    return float(gap[np.isfinite(gap)].std()) if np.isfinite(gap).any() else 0.0


def _difference(other: np.ndarray, own: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        found: np.ndarray = other - own
    return found


def _gap(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, fine: JointProductionSpec, size: int) -> float:
    pairs = zip(*(solve_each(draws, workforce, s, size=size) for s in (spec, fine)), strict=True)
    gaps = [np.abs(a.outside_option - b.outside_option).max() for a, b in pairs if a is not None and b is not None]
    return float(np.median(gaps) / np.abs(workforce.wage).mean()) if gaps else np.nan


def _by_seed(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, size: int) -> pd.Series:
    """Of each parameter, the standard deviation over seeds of its first-order shift; the draws' own noise is taken off."""
    posterior, own = thin(draws, size), _totals(draws, workforce, spec, size)
    values = _standardised(posterior)
    shifts, noise = [], []
    for s in range(1, _SEEDS + 1):
        gap = _difference(_totals(draws, workforce, spec.model_copy(update={"seed": spec.seed + s}), size), own)
        known = np.isfinite(gap)
        centered = gap[known] - gap[known].mean() if known.any() else np.zeros(0)
        shifts.append({k: float(v[known] @ centered) / max(known.sum(), 1) for k, v in values.items()})
        noise.append(float(centered.var()) / max(known.sum(), 1) if known.any() else 0.0)
    spread = pd.DataFrame(shifts).var(ddof=1) - float(np.mean(noise))
    return np.sqrt(spread.clip(lower=0.0))


def _standardised(posterior: xr.Dataset) -> dict[str, np.ndarray]:
    """(S,) of every scalar parameter, by its name."""
    found = {}
    for name in (n for n in PARAMETERS if n in posterior):
        values = posterior[name].transpose(..., "sample")
        labels = [f"{name} ({x})" for x in values[values.dims[0]].to_numpy()] if values.ndim > 1 else [name]
        for label, row in zip(labels, values.to_numpy().reshape(len(labels), -1), strict=True):
            if row.std() > 0.0:
                found[label] = (row - row.mean()) / row.std()
    return found


def solution_section(found: Solution, folder: RunFolder) -> dict[str, Any]:
    """How exactly the outside options are solved."""
    rows: dict[str, float] = {"draws with one equilibrium": found.looked - found.several, "draws with several": found.several}
    if found.matching is None:
        rows |= {
            f"largest change of V(z) with {_FINER} times the nodes, mean wages": found.gap,
            "bound on any posterior mean's shift then, sds": found.moved,
        }
    else:
        rows |= {f"sd over matching seeds, {k}, sds": v for k, v in found.matching.items()}
    table = pd.DataFrame({"value": pd.Series(rows, dtype=object)}).rename_axis("asked of the draws")
    note = (
        "Equilibria are searched by Newton's method from eight levels of V between the value of unemployment and what nearly "
        "no workplace could pay."
    )
    return section("How the outside options are solved", [shown_table(table, folder, "solution", "The solution itself", note)])
