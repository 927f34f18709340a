"""Draws from a model's prior, and what they imply beside the data: for any model, before it is sampled."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_labor.posteriors.style import ACCENT, BAND, INK, STYLE, WIDE

BEFORE = "Drawn before any observation was looked at. What is absurd here will not become sensible by sampling."
_LEVELS = (0.03, 0.5, 0.97)
_SHARES = np.linspace(0.01, 0.99, 99)
_STATISTICS: dict[str, Callable[..., Any]] = {"mean": np.mean, "sd": np.std, "least": np.min, "greatest": np.max}


@contextmanager
def quiet(name: str) -> Iterator[None]:
    """Keep a library's remarks off the user's screen."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def prior_draws(model: pm.Model, draws: int, seed: int, names: list[str] | None = None) -> xr.DataTree:
    """Prior and prior-predictive draws. Wages are drawn in Python, so the Python linker runs the graph without a warning."""
    with model, quiet("pymc"):
        return pm.sample_prior_predictive(draws, random_seed=seed, var_names=names, compile_kwargs={"mode": "FAST_COMPILE"})


def prior_check(model: pm.Model, picture: str | Path, *, draws: int = 200, seed: int = 0) -> pd.DataFrame:
    """What the priors of any model imply for what is observed, beside what was: in numbers, and as a picture.

    Parameters
    ----------
    model
        Any ``pm.Model`` with observed variables.
    picture
        File to write, .png or .svg: the quantile function of every observed variable, with the 94% band of the prior's draws.
    draws, seed
        Of ``pm.sample_prior_predictive``. Draws that are not finite (a model's way to say that there is no solution) are left
        out and counted.

    Returns
    -------
    pd.DataFrame
        By (variable, statistic): quantiles 3%, 50% and 97% over prior draws, and ``observed``; ``attrs["solved"]`` is the share
        of draws that are finite.

    """
    tree = prior_draws(model, draws, seed)
    drawn, seen = _pairs(tree["prior_predictive"].to_dataset(), tree["observed_data"].to_dataset())
    rows = {
        (name, statistic): [*np.quantile(of(values, axis=1), _LEVELS), of(seen[name])]
        for name, values in drawn.items()
        for statistic, of in _STATISTICS.items()
        if len(values)
    }
    index = pd.MultiIndex.from_tuples(list(rows), names=["variable", "statistic"])
    table = pd.DataFrame(list(rows.values()), index, columns=["3%", "50%", "97%", "observed"])
    table.attrs["solved"] = min((len(v) / draws for v in drawn.values()), default=0.0)
    Path(picture).parent.mkdir(parents=True, exist_ok=True)
    quantile_functions(drawn, seen).savefig(picture, dpi=150)
    return table


def _pairs(predictive: xr.Dataset, observed: xr.Dataset) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """(finite draws (draw, observation), observations) by variable; what was not observed counts on neither side."""
    drawn, seen = {}, {}
    for name in (str(n) for n in observed.data_vars):
        there = np.ravel(observed[name].to_numpy()).astype(np.float64)
        values = predictive[name].to_numpy().astype(np.float64)
        values = values.reshape(values.shape[0] * values.shape[1], -1)[:, np.isfinite(there)]
        drawn[name], seen[name] = values[np.isfinite(values).all(1)], there[np.isfinite(there)]
    return drawn, seen


def quantile_functions(drawn: dict[str, np.ndarray], seen: dict[str, np.ndarray]) -> Figure:
    """A panel for every observed variable."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(max(WIDE, 4.0 * len(seen)), 3.6))
        for axes, name in zip(np.atleast_1d(figure.subplots(1, max(len(seen), 1))), seen, strict=True):
            quantile_panel(axes, drawn[name], seen[name])
            axes.set_title(name, fontsize=10)
    return figure


def quantile_panel(axes: Axes, drawn: np.ndarray, seen: np.ndarray) -> None:
    """Median and 94% band over draws (draw, observation) of the quantile function, beside that of the observations."""
    if len(drawn):
        low, middle, high = np.quantile(np.quantile(drawn, _SHARES, axis=1), _LEVELS, axis=1)
        axes.fill_between(100 * _SHARES, low, high, color=BAND, lw=0, label="prior draws, 94% band")
        axes.plot(100 * _SHARES, middle, color=INK, lw=1.6, label="prior median")
    axes.plot(100 * _SHARES, np.quantile(seen, _SHARES), color=ACCENT, lw=1.6, label="observed")
    axes.set_xlabel("percentile of the observations")
    axes.legend(frameon=False, loc="upper left")
