"""Models of bonuses compared by what they predict for a worker whom they have not seen."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.likelihoods.effect_integral import integrate_effects, student_log_density
from bayes_labor.likelihoods.random_intercepts import weighted_log_likelihood
from bayes_labor.models.bonuses.size import BonusSpec
from bayes_labor.posteriors.bonuses.results import coefficients, spread_evenly, spreads
from bayes_labor.posteriors.leaving_out import leave_units_out, scores
from bayes_labor.posteriors.observed import Observed, thinned


def worker_log_likelihood(draws: xr.DataTree, panel: Personnel, spec: BonusSpec, *, size: int = 200) -> xr.DataArray:
    """(sample, worker) log density of each worker's bonuses at posterior draws, the worker's effect integrated out.

    Parameters
    ----------
    draws
        Of :func:`bayes_labor.models.bonus_size` for this panel and specification.
    size
        How many draws are used, spread evenly.

    Raises
    ------
    DataFaults
        If missing ratings are summed over: then ratings are predicted too, and models do not see the same data.

    """
    if spec.ratings == "mixture":
        remedy = "compare models with ratings='drop' or 'indicator'"
        raise DataFaults([Fault("missing ratings are summed over: the model predicts ratings too", "ratings", remedy)])
    design = spec.design(panel)
    y, theta, scales, values = design.outcome, coefficients(draws, design.terms), spreads(draws), []
    for s in spread_evenly(len(theta), size):
        residual, sigma, tau = y - design.columns @ theta[s], float(scales["sigma"][s]), float(scales["tau"][s])
        if "nu" not in scales:
            values.append(weighted_log_likelihood(residual, design.groups, np.full(len(y), sigma**-2.0), tau))
            continue
        density = partial(_student_at, residual, sigma, float(scales["nu"][s]))
        values.append(integrate_effects(density, design.groups, tau))
    return xr.DataArray(np.array(values), dims=("sample", "worker"), coords={"worker": design.groups.labels})


def _student_at(residual: np.ndarray, sigma: float, nu: float, effect: float) -> np.ndarray:
    return student_log_density(residual - effect, sigma, nu)


def leave_one_worker_out(
    fits: Mapping[str, tuple[xr.DataTree, BonusSpec]], panel: Personnel, *, size: int = 200
) -> pd.DataFrame:
    """Fits side by side, best first, leaving out one worker at a time by Pareto-smoothed importance sampling.

    Parameters
    ----------
    fits
        (draws, specification) by name; all must see the same rows.
    panel
        The panel of all fits.
    size
        Draws of each that are used.

    Returns
    -------
    pd.DataFrame
        Expected log predictive ``density`` of all workers, its ``difference`` to the best and that difference's ``se`` (paired
        by worker), the effective number of ``parameters``, and how many workers are ``flagged``: for these importance
        sampling is not to be trusted.

    Raises
    ------
    DataFaults
        If the fits do not see the same rows, or sum over missing ratings.

    """
    seen = {name: spec.design(panel).table.index for name, (_, spec) in fits.items()}
    first = next(iter(seen.values()))
    if any(not rows.equals(first) for rows in seen.values()):
        what = ", ".join(f"{k}: {len(rows)} rows" for k, rows in seen.items())
        raise DataFaults([Fault(f"the fits see different rows ({what})", "fits", "treat missing ratings alike in all")])
    found = {n: leave_units_out(worker_log_likelihood(d, panel, s, size=size).to_numpy()) for n, (d, s) in fits.items()}
    return scores(found).rename_axis("model")


def leave_one_career_out(
    fits: Mapping[str, tuple[xr.DataTree, Any]],
    panel: Personnel,
    observed: Callable[[Any, Personnel, xr.DataTree, int], Observed],
    *,
    size: int = 400,
) -> pd.DataFrame:
    """Fits of receipt, of both, or of the prize side by side, leaving out all that is known of one worker at a time.

    Parameters
    ----------
    fits
        (draws, specification) by name; all must see the same outcomes of the same workers.
    panel
        The panel of all fits.
    observed
        Of the model: see :mod:`.observed`.
    size
        Draws of each that are used.

    Returns
    -------
    pd.DataFrame
        As of :func:`leave_one_worker_out`.

    Raises
    ------
    DataFaults
        If the fits do not see the same rows or workers, or sample worker effects.

    """
    if any(getattr(spec, "effects", "") == "sampled" for _, spec in fits.values()):
        remedy = "compare fits with effects='integrated'"
        raise DataFaults([Fault("sampled worker effects are those of workers who were seen", "effects", remedy)])
    outcomes, values = {}, {}
    for name, (draws, spec) in fits.items():
        found = observed(spec, panel, thinned(draws, size), 0)
        outcomes[name] = np.concatenate([v.to_numpy() for v in found.data.data_vars.values()])
        (terms,) = found.log_likelihood.data_vars.values()
        values[name] = terms.stack(sample=("chain", "draw")).transpose("sample", ...).to_numpy()
        if "worker" not in terms.dims:  # rows of a pooled regression
            values[name] = np.add.reduceat(values[name], spec.design(panel).groups.offsets[:-1], axis=1)
    first = next(iter(fits))
    if any(not np.array_equal(outcomes[n], outcomes[first]) or values[n].shape[1] != values[first].shape[1] for n in fits):
        what = ", ".join(f"{n}: {len(outcomes[n])} outcomes of {values[n].shape[1]} workers" for n in fits)
        remedy = "compare fits that treat missing ratings and workers who never vary alike"
        raise DataFaults([Fault(f"the fits see different data ({what})", "fits", remedy)])
    return scores({n: leave_units_out(v) for n, v in values.items()}).rename_axis("model")
