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
from bayes_labor.posteriors.joint_production.comparison import log_posterior_terms
from bayes_labor.posteriors.joint_production.equilibrium import solutions_each, solve_each, thin

_MOVED = 0.1
"""Posterior standard deviations by which something arbitrary may move a mean."""
_LOST = 0.01
"""Share of draws that may have no equilibrium when solved otherwise."""
_FINER = 4  # times the nodes of V(z)
_SEEDS = 8  # other ones


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
    seeds: pd.Series | None
    """By parameter, the standard deviation over other seeds of its posterior mean, in posterior standard deviations, the noise
    of so few draws included; None where no seed enters."""
    lost: float
    """Share of those draws that have no equilibrium with more nodes or, where a seed enters, under another one."""

    @property
    def gate(self) -> Gate | None:
        """Whether the seed is harmless; None where none enters."""
        if self.seeds is None:
            return None
        worst, most = str(self.seeds.idxmax()), float(self.seeds.max())
        lost = f", and {self.lost:.0%} of draws have no equilibrium when solved otherwise" if self.lost > _LOST else ""
        value = f"another seed moves {worst} by up to {most:.2f} posterior sds, should be below {_MOVED}{lost}"
        remedy = "the seed is part of the answer: fit with matching='exact' and no subsample, or with more matchings"
        return Gate("seed of V(z)", value, most < _MOVED and self.lost <= _LOST, remedy)

    @property
    def cautions(self) -> list[Gate]:
        """What a reader must know of it."""
        found = []
        lost = self.seeds is None and self.lost > _LOST
        if self.moved > _MOVED or lost:
            value = f"more nodes may move posterior means by {self.moved:.2f} sds"
            value += f", and {self.lost:.0%} of draws have no equilibrium then" if lost else ""
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
    own = log_posterior_terms(draws, workforce, spec, size=size)
    counts = list(solutions_each(draws, workforce, spec, size=size))
    several, looked = sum(n > 1 for n in counts), sum(n > 0 for n in counts)
    moved, gap, lost, seeds = np.nan, np.nan, 0.0, None
    if spec.matching == "exact":
        fine = spec.model_copy(update={"nodes": _FINER * spec.nodes})
        other = log_posterior_terms(draws, workforce, fine, size=size)
        gap, moved, lost = _gap(draws, workforce, spec, fine, size), _spread(other, own), _lost(other, own)
    if spec.matching == "sampled" or spec.subsample is not None:
        seeds, under_others = _by_seed(draws, workforce, spec, size, own)
        lost = max(lost, under_others)
    return Solution(moved, gap, several, looked, seeds, lost)


def _spread(other: np.ndarray, own: np.ndarray) -> float:
    """Standard deviation of l' - l over the draws that have both; infinite where none has."""
    known = np.isfinite(other) & np.isfinite(own)
    return float((other[known] - own[known]).std()) if known.any() else np.inf


def _lost(other: np.ndarray, own: np.ndarray) -> float:
    """Share of the draws with an equilibrium that have none when solved otherwise."""
    return float(np.mean(~np.isfinite(other[np.isfinite(own)]))) if np.isfinite(own).any() else 1.0


def _gap(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, fine: JointProductionSpec, size: int) -> float:
    pairs = zip(*(solve_each(draws, workforce, s, size=size) for s in (spec, fine)), strict=True)
    gaps = [np.abs(a.outside_option - b.outside_option).max() for a, b in pairs if a is not None and b is not None]
    return float(np.median(gaps) / np.abs(workforce.wage).mean()) if gaps else np.nan


def _by_seed(
    draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, size: int, own: np.ndarray
) -> tuple[pd.Series, float]:
    """(standard deviation over seeds of each parameter's first-order shift, share of draws lost under them).

    The draws' own noise is not taken off: where it hides the answer, the gate must not pass.
    """
    values = _standardised(thin(draws, size))
    others = [spec.model_copy(update={"seed": spec.seed + s}) for s in range(1, _SEEDS + 1)]
    found = np.array([log_posterior_terms(draws, workforce, other, size=size) for other in others])
    lost = float(np.mean([_lost(other, own) for other in found]))
    known = np.isfinite(found).all(0) & np.isfinite(own)
    if not known.any():
        return pd.Series(np.inf, index=list(values)), lost
    gap = found[:, known] - found[:, known].mean(0)  # what all seeds share moves none against another
    gap = gap - gap.mean(1, keepdims=True)
    shifts = {k: gap @ v[known] / known.sum() for k, v in values.items()}
    return pd.Series({k: float(v.std(ddof=1)) for k, v in shifts.items()}), lost


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
    if np.isfinite(found.gap):
        rows |= {
            f"largest change of V(z) with {_FINER} times the nodes, mean wages": found.gap,
            "bound on any posterior mean's shift then, sds": found.moved,
        }
    if found.seeds is not None:
        rows |= {f"sd over seeds, {k}, sds": v for k, v in found.seeds.items()}
    table = pd.DataFrame({"value": pd.Series(rows, dtype=object)}).rename_axis("asked of the draws")
    note = (
        "Equilibria are searched by Newton's method from eight levels of V between the value of unemployment and what nearly "
        "no workplace could pay."
    )
    return section("How the outside options are solved", [shown_table(table, folder, "solution", "The solution itself", note)])
