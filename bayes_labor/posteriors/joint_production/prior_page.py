"""What the priors imply, before any data: wages, surplus, feasible workplaces, V(z), the seniority profile, and beta."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models.joint_production.inputs import prior_rows
from bayes_labor.models.joint_production.model import joint_production
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.posteriors.html import pictured, section, shown_table, write_page
from bayes_labor.posteriors.joint_production.equilibrium import equilibria
from bayes_labor.posteriors.joint_production.figures import outside_option_band
from bayes_labor.posteriors.joint_production.paper_figures import seniority_figure
from bayes_labor.posteriors.joint_production.results import seniority_response
from bayes_labor.posteriors.prior import BEFORE, prior_draws, quantile_panel
from bayes_labor.posteriors.style import BAND, STYLE, WIDE
from bayes_labor.theory.joint_production.status import Status

_LEVELS = (0.03, 0.5, 0.97)


def prior_page(
    workforce: Workforce, spec: JointProductionSpec, path: str | Path, *, draws: int = 200, size: int = 60, seed: int = 0
) -> pd.DataFrame:
    """Write ``prior.html`` with its tables and pictures into a folder.

    Parameters
    ----------
    workforce
        Who works where; wages set the scale of the priors and are shown beside what the priors imply.
    spec
        Specification with its priors.
    path
        Folder to write to.
    draws
        Draws from the prior.
    size
        Draws at which V(z) and the seniority profile are solved.
    seed
        Of everything random.

    Returns
    -------
    pd.DataFrame
        Quantiles (3%, 50%, 97%) of what the priors imply, by quantity; ``observed`` where there is a counterpart.

    Raises
    ------
    DataFaults
        If no prior draw has an equilibrium.

    """
    folder = RunFolder(Path(path))
    tree = prior_draws(joint_production(workforce, spec), draws, seed)
    status = tree["prior"]["solver_status"].to_numpy().astype(int).ravel()
    solved = np.flatnonzero(status == 0)
    if not len(solved):
        causes = ", ".join(f"{s.name} {np.mean(status == s):.0%}" for s in Status if np.any(status == s))
        raise DataFaults([Fault(f"none of {draws} prior draws has an equilibrium ({causes})", "priors", "tighten the priors")])
    prior = xr.DataTree.from_dict({"posterior": tree["prior"].to_dataset().isel(draw=solved)})
    wages = tree["prior_predictive"]["wage"].to_numpy()[0, solved]
    there = np.isfinite(wages).all(1)  # log wages have no errors where the prediction is not above zero
    if not there.any():
        what = f"none of {draws} prior draws predicts wages above zero, and errors='log' takes their logarithms"
        raise DataFaults([Fault(what, "priors", "tighten the priors, or choose errors='normal'")])
    wages = wages[there]
    table = _implied(prior, wages, workforce)
    shares = {s.advice if s else "solved": float(np.mean(status == s)) for s in Status if np.any(status == s)}
    outcomes = pd.Series(shares, name="share of draws").rename_axis("outcome of the solver").to_frame()
    note = "Quantiles over prior draws that have an equilibrium. Wages are pooled over workers."
    write_page(
        folder.path / "prior.html",
        title=f"What the priors imply: {workforce.name}",
        lead=BEFORE,
        facts=[
            ("prior draws", f"{draws:,}"),
            ("have an equilibrium", f"{len(solved) / draws:.0%}"),
            ("of prior wages are negative", f"{np.mean(wages < 0):.0%}"),
        ],
        sections=[
            section("Priors", code="\n".join(map(str, prior_rows(workforce, spec).values()))),
            section("Implied quantities", [shown_table(table, folder, "prior_implied", "What the priors imply", note)]),
            *pictured(_pictures(prior, wages, workforce, spec, size), folder),
            section("Outcome of the solver", [shown_table(outcomes, folder, "prior_outcomes", "Outcomes of the solver", "")]),
        ],
    )
    return table


def _implied(prior: xr.DataTree, wages: np.ndarray, workforce: Workforce) -> pd.DataFrame:
    found: dict[str, np.ndarray] = {"wage": wages.ravel(), "mean wage": wages.mean(1), "sd of wages": wages.std(1)}
    words = {"feasible_share": "share of feasible workplaces", "surplus_share": "surplus as a share of pay"}
    words |= {"d": "d", "V_U": "V_U", "sigma": "σ", "tau": "τ", "omega": "ω"}
    found |= {w: prior["posterior"][n].to_numpy().ravel() for n, w in words.items() if n in prior["posterior"]}
    if "beta" in prior["posterior"]:
        found["β, any industry"] = prior["posterior"]["beta"].to_numpy().ravel()
    rows = {n: dict(zip(("3%", "50%", "97%"), np.quantile(v, _LEVELS), strict=True)) for n, v in found.items()}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("quantity")
    table["observed"] = pd.Series({"mean wage": workforce.wage.mean(), "sd of wages": workforce.wage.std()}).reindex(
        table.index
    )
    return table


def _pictures(
    prior: xr.DataTree, wages: np.ndarray, workforce: Workforce, spec: JointProductionSpec, size: int
) -> dict[str, tuple[str, Figure, str]]:
    """(heading, figure, caption) by name."""
    solved = equilibria(prior, workforce, spec, size=size)
    with mpl.rc_context(STYLE):
        found = {
            "prior_wages": ("Wages", *_wages(wages, workforce)),
            "prior_shares": ("Surplus, feasibility and β", *_shares(prior)),
            "prior_outside_option": ("What workers could get elsewhere", *outside_option_band(solved, workforce)),
        }
    if workforce.internal_variables:
        response = {"prior": seniority_response(prior, workforce, spec, size=size)}
        figure, _ = seniority_figure(response)
        caption = "Implied seniority profile: five more units for the least senior worker of every workplace, V(z) solved anew."
        found["prior_internal"] = ("Implied seniority profile", figure, caption)
    for name in ("prior_wages", "prior_outside_option", "prior_internal"):
        if name in found:
            heading, figure, caption = found[name]
            found[name] = (heading, figure, caption + _framed(figure, 4 * float(np.quantile(workforce.wage, 0.99))))
    return found


def _framed(figure: Figure, room: float) -> str:
    """Keep the frame within a few observed wages, whatever a few prior draws imply; words for the caption if it was cut."""
    cut = False
    for axes in figure.axes:
        low, high = axes.get_ylim()
        cut = cut or low < -room or high > room
        axes.set_ylim(max(low, -room), min(high, room))
    return f" The frame ends at {room:.3g}, four times the 99th percentile of observed wages." if cut else ""


def _wages(wages: np.ndarray, workforce: Workforce) -> tuple[Figure, str]:
    """Quantile functions of prior-predictive wages, 94% band over draws, beside the observed one."""
    figure = Figure(figsize=(WIDE, 3.6))
    axes = figure.subplots()
    quantile_panel(axes, wages, workforce.wage)
    axes.set_xlabel("percentile of wages")
    axes.set_ylabel(workforce.wage_unit)
    return figure, "Distribution of wages over workers that the priors imply, errors included, beside the observed one."


def _shares(prior: xr.DataTree) -> tuple[Figure, str]:
    figure = Figure(figsize=(WIDE, 2.8))
    posterior = prior["posterior"]
    names = [("surplus_share", "surplus ÷ pay"), ("feasible_share", "share of feasible workplaces"), ("beta", "β")]
    shown: list[tuple[str, str]] = [(n, label) for n, label in names if n in posterior]
    panels: list[Axes] = list(np.atleast_1d(figure.subplots(1, len(shown))))
    for axes, (name, label) in zip(panels, shown, strict=True):
        values: Any = posterior[name].to_numpy().ravel()
        low, high = np.quantile(values, (0.01, 0.99))
        axes.hist(values, bins=24, range=(low, max(high, low + 1e-9)), color=BAND)
        axes.set_xlabel(label)
        axes.set_yticks([])
    return figure, "Prior draws with an equilibrium: the share of pay that is surplus, the share of feasible workplaces, and β."
