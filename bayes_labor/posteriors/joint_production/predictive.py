"""Could the fitted model have made these wages? What they look like beside wages that it makes."""

from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bayes_labor.data.faults import DataFaults, Fault, first_few
from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.posteriors.diagnostics import Gate
from bayes_labor.posteriors.html import pictured, shown_table
from bayes_labor.posteriors.joint_production.equilibrium import elsewhere, thin
from bayes_labor.posteriors.joint_production.errors import replicate
from bayes_labor.posteriors.style import ACCENT, BAND, INK, STYLE, WIDE
from bayes_labor.posteriors.tables import printed

SURPRISING = 0.01
"""Predictive p, of both sides together, below which the page says at its top that the model does not make such wages."""


def checks(workforce: Workforce, wage: np.ndarray) -> dict[str, float]:
    """What is compared, of wages (N,) of the workforce's people in its workplaces; in shares, correlations and wage units."""
    n, sizes = workforce.n_workplaces, workforce.sizes
    means = np.add.reduceat(wage, workforce.offsets[:-1]) / sizes
    found = {"sd of workplaces' mean wages": float(means.std()), "size premium": _slope(np.log(workforce.headcount), means)}
    found["correlation of coworkers' wages"] = among_coworkers(workforce, wage)
    standard = (wage - wage.mean()) / wage.std()
    found |= {"skewness of wages": float(np.mean(standard**3)), "1% of wages": float(np.quantile(wage, 0.01))}
    found |= {"99% of wages": float(np.quantile(wage, 0.99)), "share of negative wages": float(np.mean(wage < 0))}
    return found if n > 1 and np.ptp(sizes) else {k: v for k, v in found.items() if k != "size premium"}


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    """Of y on x, by least squares; zero where x does not vary."""
    spread = float(np.var(x))
    return float(np.mean((x - x.mean()) * (y - y.mean()))) / spread if spread else 0.0


def among_coworkers(workforce: Workforce, wage: np.ndarray) -> float:
    """Mean product of two coworkers' standardised wages, or errors (N,), over all pairs."""
    standard = (wage - wage.mean()) / wage.std()
    sums, squares = (np.add.reduceat(v, workforce.offsets[:-1]) for v in (standard, standard**2))
    pairs = float(np.sum(workforce.sizes * (workforce.sizes - 1)))
    return float(np.sum(sums**2 - squares)) / max(pairs, 1.0)


def predictive_table(workforce: Workforce, replicated: list[np.ndarray]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(observed value, replicated mean and 94% interval, predictive p by check; the replicated values (S, checks)).

    p is twice the smaller of the shares of replications at least, and at most, as large as observed; at most one. It counts
    the data as one of them, so that it is never below 2 / (S + 1).
    """
    observed = checks(workforce, workforce.wage)
    made = pd.DataFrame([checks(workforce, w) for w in replicated])
    upper, lower = ((1 + f(made, pd.Series(observed)).sum()) / (1 + len(made)) for f in (_at_least, _at_most))
    low, high = made.quantile(0.03), made.quantile(0.97)
    table = pd.DataFrame({"data": observed, "model": made.mean(), "3%": low, "97%": high})
    table["p"] = np.minimum(2.0 * np.minimum(upper, lower), 1.0)
    told = (made != pd.Series(observed)).any()  # what no replication could miss is no check, as negative wages with log errors
    return table[told].rename_axis("check"), made.loc[:, told]


def _at_least(made: pd.DataFrame, observed: pd.Series) -> pd.DataFrame:
    return made >= observed


def _at_most(made: pd.DataFrame, observed: pd.Series) -> pd.DataFrame:
    return made <= observed


def predict(
    spec: JointProductionSpec, workforce: Workforce, draws: xr.DataTree, frame: pd.DataFrame, size: int, seed: int,
    **columns: str,
) -> pd.DataFrame:  # fmt: skip
    """Pay of other people in other workplaces, whose outside options are those of the fit.

    Parameters
    ----------
    spec, workforce, draws
        A fit.
    frame
        See :meth:`bayes_labor.data.Workforce.elsewhere`, which takes ``columns`` too.
    size
        Posterior draws.
    seed
        Of errors and effects, which are drawn anew.

    Returns
    -------
    pd.DataFrame
        By row of the table: ``workplace``; ``wage``, the posterior mean of the wage that the model predicts (with log errors
        its median), with ``3%`` and ``97%``; ``paid 3%`` and ``paid 97%``, between which a wage lies with errors and effects,
        in the wage unit. ``attrs["solved"]`` counts the draws with an equilibrium.

    Raises
    ------
    DataFaults
        For a table that cannot be used, a weighted fit, or if no draw has an equilibrium.

    """
    if workforce.is_weighted:
        remedy = "fit whole payrolls"
        raise DataFaults([Fault("a fit to sampled workers predicts no whole payrolls", workforce.name, remedy)])
    others, order = workforce.elsewhere(frame, **columns)
    posterior, rng = thin(draws, size), np.random.default_rng(seed)
    wages, paid = [], []
    for i, wage in enumerate(elsewhere(draws, workforce, spec, others, size=size)):
        if wage is not None:
            wages.append(wage)
            paid.append(replicate(others, wage, posterior.isel(sample=i), spec, rng))
    if not wages:
        raise DataFaults([Fault("no draw has an equilibrium", workforce.name, "look at the fit's page")])
    low, high = np.quantile(wages, _LEVELS, axis=0)
    least, most = np.quantile(paid, _LEVELS, axis=0)
    found = {"wage": np.mean(wages, axis=0), "3%": low, "97%": high, "paid 3%": least, "paid 97%": most}
    table = pd.DataFrame(found, index=pd.Index(order, name="row"))
    table.insert(0, "workplace", np.repeat(others.workplaces, others.sizes))
    table.attrs["solved"] = len(wages)
    return table.sort_index()


_LEVELS = (0.03, 0.97)


def surprising(table: pd.DataFrame, spec: JointProductionSpec) -> Gate | None:
    """A caution that names what the model does not make; None where it makes everything."""
    rows = table[table["p"] < SURPRISING]
    if not len(rows):
        return None
    shown = printed(rows)
    said = first_few([f"{k} ({v['data']}, model {v['3%']} to {v['97%']})" for k, v in shown.iterrows()], show=3)
    others = [f"errors={e!r}" for e in ("student", "log") if spec.errors != e]
    others += [] if spec.workplace_effects else ["workplace_effects=True"]
    advice = (
        "wages that the fitted model makes do not look like yours there, and what it says of that is not to be read: "
        f"{' or '.join(others)} may come closer"
    )
    return Gate("predictive checks", said, False, advice)


def predictive_section(table: pd.DataFrame, made: pd.DataFrame, folder: RunFolder) -> dict[str, Any]:
    """Could the model have made these wages?"""
    surprises = int((table["p"] < SURPRISING).sum())
    note = (
        f"{len(made)} times the wages of all these people are drawn anew from the posterior, errors included. Data: what is "
        "observed. Model: mean over the replications, 3% and 97% of them. p: how unusual the data are among them, both sides "
        f"together; {surprises} of {len(table)} below {SURPRISING}. The size premium is the slope of workplaces' mean wages on "
        "log size; the correlation is over all pairs of coworkers."
    )
    found = pictured({"predictive": ("Could the model have made these wages?", *_picture(table, made))}, folder)[0]
    return found | {"tables": [shown_table(table, folder, "predictive", "Predictive checks", note)]}


def _picture(table: pd.DataFrame, made: pd.DataFrame) -> tuple[Figure, str]:
    columns = 3
    rows = -(-len(table) // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDE, 1.9 * rows), layout="constrained")
        axes = np.ravel(figure.subplots(rows, columns, squeeze=False))
        for ax, (name, row) in zip(axes, table.iterrows(), strict=False):
            ax.hist(made[str(name)], bins=24, color=BAND)
            ax.axvline(row["data"], color=ACCENT, lw=2)
            ax.set_title(fill(f"{name}, p = {row['p']:.2g}", 26), fontsize=8, color=INK)
            ax.set_yticks([])
            ax.xaxis.set_major_locator(MaxNLocator(4))
        for ax in axes[len(table) :]:
            ax.set_axis_off()
    return figure, "Replications (bars) and the data (line)."
