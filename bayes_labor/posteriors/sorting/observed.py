"""Each moment of the cross-section, and each value of annual series: observed, drawn anew, with log densities."""

import numpy as np
import xarray as xr

from bayes_labor.data.sorting.macro import MOMENTS, SERIES, MacroSeries, Targets
from bayes_labor.likelihoods.regimes import solve_regimes
from bayes_labor.models.sorting.calibration import SortingSpec
from bayes_labor.models.sorting.regimes import RegimesSpec, sorting_regimes
from bayes_labor.numerics.normal import log_normal_density
from bayes_labor.posteriors.observed import Observed, by_draw, dataset, parameters_at


def observed_moments(spec: SortingSpec, targets: Targets, tree: xr.DataTree, seed: int) -> Observed:
    """Variable ``moments``, those that there are, with their errors; units are the moments.

    The density of a moment is that given the others: with independent errors its own.
    """
    posterior, rng = tree["posterior"].to_dataset(), np.random.default_rng(seed)
    fit = posterior["moment_fit"].transpose("chain", "draw", ...)
    there = targets.seen if not targets.economies else np.ones(len(MOMENTS), bool)
    fit, value = fit.isel(moment=np.flatnonzero(there)), targets.value[..., there]
    known = {str(d): fit[d].to_numpy() for d in fit.dims[2:]}
    whitening = targets.whitening[..., there, :][..., there]
    made = fit.to_numpy() + (np.linalg.pinv(whitening) @ rng.normal(size=(*fit.shape, 1)))[..., 0]
    precision = np.swapaxes(whitening, -1, -2) @ whitening
    own = np.diagonal(precision, axis1=-2, axis2=-1)
    deviation = (precision @ np.nan_to_num(value - fit.to_numpy())[..., None])[..., 0] / own
    terms = log_normal_density(deviation, 0.0, own**-0.5, np)
    return Observed(
        xr.Dataset({"moments": (fit.dims[2:], value)}, known),
        dataset(posterior, known, moments=xr.Variable(fit.dims, made)),
        dataset(posterior, known, moments=xr.Variable(fit.dims, terms)),
    )


def observed_series(spec: RegimesSpec, series: MacroSeries, tree: xr.DataTree, seed: int) -> Observed:
    """A variable for each series, by the years in which it is seen; units are years.

    The density of a year is that given all other years, regimes summed out: what leaving that year out takes from the whole.
    """
    posterior, rng, model = tree["posterior"].to_dataset(), np.random.default_rng(seed), sorting_regimes(series, spec)
    draw, seen, years = model["series_by_year"].owner.op, series.seen.astype(np.float64), np.asarray(series.years)
    value = np.where(series.seen, series.observed, 0.0)
    shown = [n for n, there in zip(SERIES, series.seen.any(0), strict=True) if there]
    told = np.flatnonzero(series.seen.any(1))
    made: dict[str, list[np.ndarray]] = {n: [] for n in shown}
    terms = []
    for given in parameters_at(model, "series_by_year", posterior):
        drawn = np.asarray(draw.rng_fn(rng, *given, None))
        for n in shown:
            made[n].append(drawn[series.seen[:, SERIES.index(n)], SERIES.index(n)])
        terms.append(_given_other_years(value, seen, told, given))
    axis = {n: f"year of {n}" for n in shown}
    known = {axis[n]: years[series.seen[:, SERIES.index(n)]] for n in shown}
    there = {n: (axis[n], value[series.seen[:, SERIES.index(n)], SERIES.index(n)]) for n in shown}
    return Observed(
        xr.Dataset(there, known),
        dataset(posterior, known, **{n: by_draw(v, posterior, (axis[n],)) for n, v in made.items()}),
        dataset(posterior, {"year": years[told]}, series=by_draw(terms, posterior, ("year",))),
    )


def _given_other_years(value: np.ndarray, seen: np.ndarray, told: np.ndarray, given: list[np.ndarray]) -> np.ndarray:
    """(years told,) log density of each year's values given all others."""
    whole, found = _log_density(value, seen, given), []
    for t in told:
        others = seen.copy()
        others[t] = 0.0
        found.append(whole - _log_density(value, others, given))
    return np.array(found)


def _log_density(value: np.ndarray, seen: np.ndarray, given: list[np.ndarray]) -> float:
    log_initial, log_transition, levels, step, noise = given[:5]
    by_state = (seen[:, None, :2] * log_normal_density(value[:, None, :2], levels, noise[:2], np)).sum(-1)
    by_step = seen[:, 2, None, None] * log_normal_density(value[:, 2, None, None], step, noise[2], np)
    return float(solve_regimes(log_initial, log_transition, by_state, by_step).log_likelihood)
