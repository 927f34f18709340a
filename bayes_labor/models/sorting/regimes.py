r"""The sorting model on annual series: booms and recessions are latent and summed out of the likelihood.

The dispersion of wages and of revenue productivity are those of the state; growth is the change of log TFP between states plus
capital's contribution, and capital growth is data, so that densities depend on this and the last year's state only. Section 11
of the specification.
"""

from typing import Any, ClassVar, Literal

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pydantic import PositiveFloat

from bayes_labor.custom_ops.likelihoods import RegimeProbabilities, regime_likelihood
from bayes_labor.custom_ops.sorting import SortingEquilibrium
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.sorting.macro import MOMENTS, PAPER, SERIES, MacroSeries, Targets
from bayes_labor.models.notes import start_at
from bayes_labor.models.priors import Prior, Relative, stacked
from bayes_labor.models.sorting.calibration import (
    START,
    SortingSpec,
    check_targets,
    in_units,
    observe_moments,
    solved_by_state,
)
from bayes_labor.models.sorting.coordinates import on_arc, to_line
from bayes_labor.numerics.normal import log_normal_density
from bayes_labor.theory.sorting.business_cycle import stationary_recessions

_SD = "sd of the series"
_LEVELS = SERIES[:2]  # series that depend on this year's state alone
_SIGNATURE = "(s),(s,s),(t,s,l),(t,s,s),(k),(t,k),()->(t,k)"


class RegimesSpec(SortingSpec):
    """The model of the states as in :class:`SortingSpec`, whose probabilities of staying are estimated here."""

    unused: ClassVar[tuple[str, ...]] = ("stay_boom", "stay_recession")
    stay_boom_prior: tuple[PositiveFloat, PositiveFloat] = (40.0, 1.5)
    """Beta."""
    stay_recession_prior: tuple[PositiveFloat, PositiveFloat] = (7.0, 3.0)
    growth_center: float = 0.02
    """Normal of mean growth, net of capital's contribution."""
    growth_spread: PositiveFloat = 0.02
    noise: PositiveFloat = 1.0
    """Half-normal of each series' noise, in standard deviations of the series."""
    trends: tuple[Literal["std_log_wage", "std_log_tfpr"], ...] = ()
    """Series with a linear trend besides the state's level, normal with one standard deviation of the series per decade."""

    @property
    def table(self) -> dict[str, Prior]:
        """Priors by parameter."""
        trend = {"trend": Prior("normal", (0.0, Relative(1.0, _SD)), "trend of a series, per decade")} if self.trends else {}
        return (
            self.priors.table
            | {
                "stay_boom": Prior("beta", self.stay_boom_prior, "probability of staying in booms"),
                "stay_recession": Prior("beta", self.stay_recession_prior, "probability of staying in recessions"),
                "growth": Prior("normal", (self.growth_center, self.growth_spread), "mean growth, net of capital's"),
                "noise": Prior("half normal", (Relative(self.noise, _SD),), "sd of the noise of a series"),
            }
            | trend
        )


def sorting_regimes(
    series: MacroSeries,
    spec: RegimesSpec | None = None,
    *,
    targets: Targets | None = None,
    unit: float | None = None,
    **settings: Any,
) -> pm.Model:
    """Build the model of one economy's annual series.

    Parameters
    ----------
    series
        Annual data.
    spec
        A :class:`RegimesSpec`; or ``**settings``, its fields.
    targets
        Moments of the cross-section for the same economy, if they are to speak too: growth alone tells little about psi, v
        and s_l. TFP volatility and the wage series can disagree on tau; fit with and without, and report both.
    unit
        As for :func:`bayes_labor.models.sorting_calibration`.

    Returns
    -------
    pm.Model
        Free variables ``v``, ``tau_hat``, ``arc`` (from which ``psi`` and ``s_l`` follow), ``stay`` by state, ``growth``,
        ``noise`` by series seen and ``trend`` where asked for. Deterministics as of
        :func:`bayes_labor.models.sorting_calibration`, and ``recession`` by year: its smoothed probability, given all
        observations and the parameters.

    Raises
    ------
    DataFaults
        For settings or targets out of range, or a trend of a series that is not seen.

    """
    spec = spec or RegimesSpec(**settings)
    check_targets(targets or PAPER, unit)
    if targets is not None and targets.economies:
        raise DataFaults([Fault("targets of several economies", "sorting_regimes", "give those of the series' economy")])
    shown = [n for n, seen in zip(SERIES, series.seen.any(0), strict=True) if seen]
    unseen = [n for n in spec.trends if n not in shown]
    if unseen:
        raise DataFaults([Fault(f"a trend of {', '.join(unseen)}, which has no value", "trends", "leave it out")])
    coords: dict[str, Any] = {"state": ["boom", "recession"], "year": series.years, "series": shown, "any_series": list(SERIES)}
    coords |= {"moment": list(MOMENTS)} if targets is not None else {}
    coords |= {"trending": list(spec.trends)} if spec.trends else {}
    with pm.Model(coords=coords) as model:
        coordinates = _coordinates(spec)
        economy, status = solved_by_state(spec, *coordinates)
        stay = stacked([spec.table["stay_boom"], spec.table["stay_recession"]]).place("stay", "state")
        recessions = stationary_recessions(stay[0], stay[1])
        transition = pt.stacklists([[stay[0], 1.0 - stay[0]], [1.0 - stay[1], stay[1]]])
        chain = (pt.log(pt.stack([1.0 - recessions, recessions])), pt.log(transition))
        means = _means(economy, series, spec)
        parameters = (*chain, *means, _noise(series, spec, shown), pt.constant(series.seen.astype(np.float64)))
        observed = pm.Data("observed_series", np.where(series.seen, series.observed, 0.0), dims=("year", "any_series"))
        pm.CustomDist(
            "series_by_year",
            *parameters,
            status,
            logp=_log_density,
            random=_draw_series,
            signature=_SIGNATURE,
            observed=observed,
            dims=("year", "any_series"),
        )
        pm.Deterministic("recession", _regimes(observed, *parameters).smoothed[:, 1], dims="year")
        if targets is not None:
            observe_moments(economy, status, targets, spec, recessions)
        if unit is not None:
            in_units(unit, spec, *coordinates[:3])
    return model


def _coordinates(spec: RegimesSpec) -> tuple[Any, Any, Any, Any]:
    """psi, v, tau_hat and s_l; psi and s_l on the arc that TFPR's dispersion tells."""
    priors = spec.priors.table
    start_at(v=START["v"], tau_hat=spec.priors.tau_median)
    v, tau_hat = priors["v"].place("v"), priors["tau_hat"].place("tau_hat")
    start_at(arc=to_line(START["psi"], START["s_l"], START["v"], spec.technology))
    psi, s_l = on_arc("arc", v, priors["psi"], priors["s_l"], spec.technology)
    return psi, v, tau_hat, s_l


def _means(economy: SortingEquilibrium, series: MacroSeries, spec: RegimesSpec) -> tuple[Any, Any]:
    """((T, S, 2) means of the dispersions by this year's state, (T, S, S) of growth by the last year's and this one's)."""
    levels = pt.stack([economy.std_logw, pt.sqrt(economy.var_tfpr)], axis=-1) + np.zeros((len(series.years), 1, 1))
    if spec.trends:
        decades = (series.years - series.years.mean()) / 10.0
        scale = np.array([_spread(series, SERIES.index(n)) for n in spec.trends])
        trend = spec.table["trend"].within({_SD: scale}).place("trend", "trending")
        for i, name in enumerate(spec.trends):
            levels = pt.inc_subtensor(levels[:, :, _LEVELS.index(name)], (trend[i] * decades)[:, None])
    growth = spec.table["growth"].place("growth")
    start_at(growth=spec.growth_center)
    z, capital = economy.log_Z, spec.alpha * np.nan_to_num(series.capital_growth)
    return levels, growth + capital[:, None, None] + (z[None, :] - z[:, None])[None]


def _spread(series: MacroSeries, column: int) -> float:
    """Standard deviation of a series; 0.02 where there are too few values to tell."""
    seen = series.seen[:, column]
    spread = float(np.std(series.observed[seen, column])) if seen.sum() > 2 else 0.0
    return spread if spread > 0 else 0.02


def _noise(series: MacroSeries, spec: RegimesSpec, shown: list[str]) -> Any:
    """(3,) standard deviations of the noise; 1 for a series that is not seen."""
    places = [SERIES.index(n) for n in shown]
    prior = spec.table["noise"].within({_SD: np.array([_spread(series, i) for i in places])})
    start_at(noise=0.7 * prior.values[0])
    return pt.set_subtensor(pt.ones(len(SERIES))[places], prior.place("noise", "series"))


def _regimes(
    value: Any, log_initial: Any, log_transition: Any, levels: Any, step: Any, noise: Any, seen: Any
) -> RegimeProbabilities:
    """Likelihood and smoothed states of the series ``value`` (T, 3)."""
    by_state = (seen[:, None, :2] * log_normal_density(value[:, None, :2], levels, noise[:2], pt)).sum(-1)
    by_step = seen[:, 2, None, None] * log_normal_density(value[:, 2, None, None], step, noise[2], pt)
    return regime_likelihood(log_initial, log_transition, by_state, by_step)


def _log_density(value: Any, *parameters: Any) -> Any:
    """Of the whole series, states summed out; zero density where there is no equilibrium."""
    *given, status = parameters
    return pt.switch(pt.eq(status, 0), _regimes(value, *given).log_likelihood, -np.inf)


def _draw_series(*parameters: np.ndarray, rng: np.random.Generator | None = None, size: Any = None) -> np.ndarray:
    """States by the chain and values with noise; 0 where nothing is seen, NaN where there is no equilibrium."""
    log_initial, log_transition, levels, step, noise, seen, status = parameters
    rng = np.random.default_rng() if rng is None else rng
    if int(status) != 0:
        return np.full(seen.shape, np.nan)
    transition, state = np.exp(log_transition), int(rng.random() < np.exp(log_initial[1]))
    means = np.zeros(seen.shape)
    for t in range(len(seen)):
        before = state
        if t > 0:
            state = int(rng.random() < transition[before, 1])
        means[t] = [*levels[t, state], step[t, before, state]]
    return np.where(seen > 0, rng.normal(means, noise), 0.0)
