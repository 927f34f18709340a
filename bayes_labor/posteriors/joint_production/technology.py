"""Figures 1 to 4 of the paper at the posterior: talents in a workplace, who does what, whom a team wants, four channels.

Talent is exponential around each worker's mean. With talent a in units of the cut-off, it is worth a in task 1 and
a^(1/(1-beta)) in task 2, net of the shadow price of what it takes there, for beta > 0, and a^(-beta) and a for beta < 0, in
units of the worth at the cut-off, where both are equal (section 2 and the appendix).
"""

from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.posteriors.html import pictured, section, shown_table
from bayes_labor.posteriors.joint_production.equilibrium import Equilibrium, Talents, solve_each, talents_each
from bayes_labor.posteriors.style import ACCENT, BAND, BLUSH, FAINT, GREY, INK, STYLE, WIDE, in_legend
from bayes_labor.posteriors.tables import interval

_GRID = np.linspace(0.0, 3.0, 121)  # of talent, in units of what a panel says
_LEVELS = [0.03, 0.5, 0.97]


class _Teams(NamedTuple):
    """Two workplaces of one industry, of median size or larger: that with the least mean talent and that with the most."""

    industry: int
    least: int
    most: int


def technology_sections(
    draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, folder: RunFolder, size: int
) -> list[dict[str, Any]]:
    """Figures 1 to 3 and the table that Figure 4 is, at ``size`` draws; nothing without an equilibrium."""
    solved = [t for t in talents_each(draws, workforce, spec, size=size) if t is not None]
    if not solved:
        return []
    teams = _teams(solved, workforce)
    pictures = {
        "talents": ("Figure 1: talent in a workplace", *_talents(solved, workforce, teams)),
        "tasks": ("Figure 2: who does what", *_tasks(solved, workforce)),
        "comparative_advantage": ("Figure 3: comparative advantage", *_advantage(solved, workforce, teams)),
    }
    return [*pictured(pictures, folder), _channels(draws, workforce, spec, folder, size)]


def _teams(solved: list[Talents], workforce: Workforce) -> _Teams:
    talent = np.mean([np.exp(t.log_talent - t.log_talent.mean()) for t in solved], axis=0)
    mean = np.add.reduceat(talent, workforce.offsets[:-1]) / workforce.sizes
    industry = int(np.bincount(workforce.industry).argmax())
    known = np.flatnonzero((workforce.industry == industry) & (workforce.sizes >= np.median(workforce.sizes)))
    known = known if len(known) else np.flatnonzero(workforce.industry == industry)
    return _Teams(industry, int(known[mean[known].argmin()]), int(known[mean[known].argmax()]))


def density(ratio: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(G,) density at ``at`` of an equal mixture of exponential laws with rates ``ratio`` (N,): equation (3)."""
    found: np.ndarray = (ratio[:, None] * np.exp(-ratio[:, None] * at)).mean(0)
    return found


def worth(beta: float, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of talent ``at``, in cut-offs, in task 1 and in task 2, relative to the worth of talent at the cut-off."""
    if beta > 0:
        return at, at ** (1.0 / (1.0 - beta))
    return at ** (-beta), at


def _rates(one: Talents, workforce: Workforce, f: int, unit: float) -> np.ndarray:
    """(N_f,) rates of a workplace's talents in a unit of talent given by its logarithm."""
    found: np.ndarray = np.exp(unit - one.log_talent[workforce.offsets[f] : workforce.offsets[f + 1]])
    return found


def _unit(one: Talents) -> float:
    """Log of the mean talent of all workers."""
    return float(np.log(np.exp(one.log_talent).mean()))


def _band(axes: Axes, x: np.ndarray, values: list[np.ndarray], color: str, shade: str, label: str, style: str = "-") -> None:
    low, middle, high = np.quantile(values, _LEVELS, axis=0)
    axes.fill_between(x, low, high, color=shade, lw=0, alpha=0.5)
    axes.plot(x, middle, style, color=color, lw=1.6, label=label)


def _talents(solved: list[Talents], workforce: Workforce, teams: _Teams) -> tuple[Figure, str]:
    f = teams.most
    rates = [_rates(t, workforce, f, _unit(t)) for t in solved]
    middle = np.mean(rates, axis=0)
    order = np.argsort(-middle)
    low, high = int(order[len(order) // 4]), int(order[(3 * len(order)) // 4])
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDE, 3.4))
        axes = figure.subplots()
        _band(axes, _GRID, [density(r[[low]], _GRID) for r in rates], GREY, FAINT, "worker at the first quartile", "--")
        _band(axes, _GRID, [density(r[[high]], _GRID) for r in rates], ACCENT, BLUSH, "worker at the third quartile", "--")
        _band(axes, _GRID, [density(r, _GRID) for r in rates], INK, BAND, f"all {len(middle)} workers")
        _finish(axes, "talent, in mean talents of all workers", "density")
    name = workforce.workplaces[f]
    return figure, f"Figure 1. Talent in workplace {name} is a mixture of its workers' talents: posterior medians, 94% bands."


def _tasks(solved: list[Talents], workforce: Workforce) -> tuple[Figure, str]:
    """A panel for the industry with the greatest posterior mean of beta and one for that with the least."""
    beta = np.array([t.beta for t in solved])
    order = np.argsort(beta.mean(0))
    chosen = [int(order[-1]), int(order[0])] if len(order) > 1 else [int(order[0])]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDE, 3.4))
        panels = np.atleast_1d(figure.subplots(1, len(chosen), sharey=True))
        for axes, k in zip(panels, chosen, strict=True):
            upper = bool((beta[:, k] > 0).mean() >= 0.5)
            same = [t for t in solved if (t.beta[k] > 0) == upper and t.beta[k] != 0]
            pairs = [worth(float(t.beta[k]), _GRID) for t in same]
            _band(axes, _GRID, [p[0] for p in pairs], INK, BAND, "in task 1")
            _band(axes, _GRID, [p[1] for p in pairs], ACCENT, BLUSH, "in task 2, net")
            axes.axvline(1.0, color=GREY, lw=0.8)
            share = len(same) / len(solved)
            axes.set_title(f"{workforce.industries[k]}: β {'>' if upper else '<'} 0 ({share:.0%} of draws)", fontsize=9)
            _finish(axes, "talent, in cut-offs")
        panels[0].set_ylabel("worth, at the cut-off 1")
    return figure, (
        "Figure 2. What talent is worth in either task, relative to its worth at the cut-off (line): below it task 1 is "
        "better, above it task 2. Industries with the greatest and the least posterior mean of β, draws on the side where most "
        "are."
    )


def _advantage(solved: list[Talents], workforce: Workforce, teams: _Teams) -> tuple[Figure, str]:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDE, 3.4))
        axes = figure.subplots()
        for f, color, shade in ((teams.least, INK, BAND), (teams.most, ACCENT, BLUSH)):
            name = in_legend(f"workplace {workforce.workplaces[f]}")
            _band(axes, _GRID, [density(_rates(t, workforce, f, _unit(t)), _GRID) for t in solved], color, shade, name)
            cut = np.quantile([np.exp(t.log_cutoff[f] - _unit(t)) for t in solved], 0.5)
            axes.axvline(min(float(cut), _GRID[-1]), color=color, lw=1.0, ls=":")
        _finish(axes, "talent, in mean talents of all workers", "density")
    return figure, (
        f"Figure 3. Two workplaces of {workforce.industries[teams.industry]}, the least and the most talented of those of "
        "median size or larger: talent and, dotted, the median cut-off below which it makes the intermediate good. Where the "
        "cut-off is high, talented workers do task 1 and a less talented one is worth relatively more."
    )


def _finish(axes: Axes, label: str, height: str = "") -> None:
    axes.set_xlabel(label)
    axes.set_ylabel(height)
    axes.set_xlim(_GRID[0], _GRID[-1])
    axes.set_ylim(bottom=0.0)
    axes.legend(frameon=False, fontsize=8)


def _channels(
    draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, folder: RunFolder, size: int
) -> dict[str, Any]:
    """Figure 4, a scheme in the paper: the four channels with what each varies between and within workplaces."""
    found = [parts for e in solve_each(draws, workforce, spec, size=size) if e is not None for parts in [_parts(e, workforce)]]
    rows = {
        "relative power": ("internal", "X(I − M)ψ", "share of the surplus times its mean"),
        "outside options": ("external", "XMγ", "V(z)"),
        "joint productivity": ("total", "Xγ", "output per worker"),
        "technology": ("industry", "β, A", "mean output per worker of the industry"),
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["source", "index", "path to the wage"])
    for j, part in enumerate(("sd between", "sd within")):
        low, middle, high = np.quantile([[one[k][j] for k in range(len(rows))] for one in found], _LEVELS, axis=0)
        table[part] = [interval(m, a, b) for a, m, b in zip(low, middle, high, strict=True)]
    note = (
        "Standard deviations over workers between and within workplaces, posterior median and 94% interval, in wage units. "
        "Relative power: the worker's share of the surplus, were every workplace's surplus per worker the mean of all."
    )
    heading = "Figure 4: wage variation within and between workplaces"
    return section(heading, [shown_table(table.rename_axis("channel"), folder, "channels", heading, note)])


def _parts(e: Equilibrium, workforce: Workforce) -> list[tuple[float, float]]:
    """(sd between, sd within) workplaces of what each channel gives a worker."""
    weight, counts, starts = workforce.weight, workforce.headcount, workforce.offsets[:-1]
    workplace = np.repeat(np.arange(workforce.n_workplaces), workforce.sizes)
    per_worker = (np.add.reduceat(weight * e.outside_option, starts) + e.surplus) / counts
    surplus_per_worker = float(e.surplus.sum() / counts.sum())
    by_industry = [np.average(per_worker[workforce.industry == k], weights=counts[workforce.industry == k]) for k in
                   range(len(workforce.industries))]  # fmt: skip
    channels = (
        e.surplus_share * counts[workplace] * surplus_per_worker, e.outside_option, per_worker[workplace],
        np.array(by_industry)[workforce.worker_industry],
    )  # fmt: skip
    found = []
    for values in channels:
        middle = np.add.reduceat(weight * values, starts) / counts
        mean = np.average(values, weights=weight)
        squares = (middle[workplace] - mean) ** 2, (values - middle[workplace]) ** 2
        found.append((_root_mean(squares[0], weight), _root_mean(squares[1], weight)))
    return found


def _root_mean(squares: np.ndarray, weight: np.ndarray) -> float:
    return float(np.sqrt(np.average(squares, weights=weight)))
