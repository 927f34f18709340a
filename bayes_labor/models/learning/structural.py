"""Structural parameters of learning on the job from moments, through an emulator whose error is part of the likelihood.

m_obs ~ N(m(parameters), Sigma_obs + Sigma_sim + Sigma_emu(parameters)): a limited-information posterior. The model is solved at
a design of points drawn evenly from the prior; Gaussian processes interpolate the moments. Section 7.3 of the specification.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
from scipy.stats import qmc

from bayes_labor.custom_ops import emulated_moments
from bayes_labor.data.faults import DataFaults, Fault, did_you_mean
from bayes_labor.likelihoods.emulator import Emulator, fit_emulator
from bayes_labor.models.notes import start_at
from bayes_labor.models.priors import Prior
from bayes_labor.theory.learning import Parameters

WORST = 0.3
"""Error of an emulated moment at points left out, in its standard deviations over the prior, above which it is refused."""
_LEAST_QUANTILE = 1e-4


PRIORS: dict[str, Prior] = {
    "eta": Prior("truncated normal", (1.0, 0.15, 0.5, 1.5)),
    "theta_p": Prior("normal", (0.1, 0.1)),
    "theta_m": Prior("normal", (0.0, 0.1)),
    "sigma_z": Prior("log normal", (0.3, 0.4)),
    "sigma_h": Prior("log normal", (0.2, 0.4)),
    "sigma_q": Prior("half normal", (0.02,)),
    "sigma_a": Prior("half normal", (0.015,)),
    "mu_q": Prior("normal", (-0.01, 0.02)),
    "corr_zq": Prior("correlation", (2.0, 2.0)),
    "corr_ha": Prior("correlation", (2.0, 2.0)),
    "b": Prior("beta", (2.0, 8.0)),
    "N_w": Prior("log normal", (5.0, 0.2)),
    "delta_f": Prior("log normal", (0.01, 1.0)),
    "delta_m": Prior("log normal", (0.13, 0.4)),
    "psi_N": Prior("log normal", (0.5, 0.5)),
    "psi_E": Prior("log normal", (0.8, 0.5)),
}
"""Of all parameters that may be estimated; the others are held at their values in :class:`.Parameters`."""


class MomentEmulator(NamedTuple):
    """Moments as functions of some parameters over their prior."""

    priors: dict[str, Prior]
    points: pd.DataFrame
    """Parameters at which the model was solved; ``solved`` its moments there."""
    solved: pd.DataFrame
    emulator: Emulator

    @property
    def moments(self) -> tuple[str, ...]:
        """Names."""
        return tuple(self.solved.columns)

    def errors(self) -> pd.Series:
        """Error of each moment at points left out, in standard deviations over the prior."""
        return pd.Series(self.emulator.left_out, index=pd.Index(self.moments, name="moment"), name="left-out error")


def priors_of(names: Any, changed: Mapping[str, Prior] | None = None) -> dict[str, Prior]:
    """Priors by parameter, some ``changed``. Raises DataFaults for names that are no parameters."""
    unknown = [n for n in [*names, *(changed or {})] if n not in PRIORS]
    if unknown:
        raise DataFaults([Fault(f"{n!r} is no parameter with a prior", "priors", did_you_mean(n, PRIORS)) for n in unknown])
    return {n: (changed or {}).get(n, PRIORS[n]) for n in names}


def design(priors: Mapping[str, Prior], points: int, seed: int) -> pd.DataFrame:
    """Parameters by point: scrambled Sobol points over the prior, as many as the next power of two."""
    power = int(np.ceil(np.log2(points)))
    sobol = qmc.Sobol(len(priors), scramble=True, rng=np.random.default_rng(seed)).random_base2(power)
    quantiles = np.clip(sobol, _LEAST_QUANTILE, 1.0 - _LEAST_QUANTILE)
    return pd.DataFrame({n: p.frozen().ppf(quantiles[:, i]) for i, (n, p) in enumerate(priors.items())})


def train_emulator(
    priors: Mapping[str, Prior], points: pd.DataFrame, moments: pd.DataFrame, *, worst: float = WORST, seed: int = 0
) -> MomentEmulator:
    """Fit the emulator to moments at a design.

    Parameters
    ----------
    priors
        Of the design's parameters.
    points
        The design: a row per point, a column per parameter.
    moments
        A row per point; rows with a missing value are left out.
    worst
        Largest error of points left out.
    seed
        Of the climb.

    Raises
    ------
    DataFaults
        For moments that do not vary or are emulated worse than ``worst``, or too few points.

    """
    absent = [n for n in priors if n not in points]
    if absent:
        raise DataFaults([Fault(f"the design has no column {', '.join(absent)}", "points", "give one per parameter")])
    solved = moments.notna().all(axis=1).to_numpy()
    x = np.column_stack([prior.coordinate(points[n].to_numpy(dtype=np.float64)) for n, prior in priors.items()])
    try:
        found = fit_emulator(x[solved], moments[solved].to_numpy(), seed=seed)
    except ValueError as error:
        raise DataFaults([Fault(str(error), "emulator", "see the design and its moments")]) from None
    poor = [f"{n} ({e:.2f})" for n, e in zip(moments.columns, found.left_out, strict=True) if e > worst]
    if poor:
        remedy = "solve the model at more points, estimate fewer parameters, or leave these moments out"
        what = f"the emulator misses points left out by more than {worst:g} standard deviations: {', '.join(poor)}"
        raise DataFaults([Fault(what, "emulator", remedy)])
    return MomentEmulator(dict(priors), points[solved], moments[solved], found)


def learning_structural(
    emulator: MomentEmulator,
    observed: pd.Series,
    se: pd.Series,
    simulation_se: pd.Series | None = None,
    fixed: Parameters | None = None,
) -> pm.Model:
    """Build the model.

    Parameters
    ----------
    emulator
        Of the moments; see :func:`train_emulator`.
    observed, se
        Moments and their standard errors, by name; those that are not emulated must not be there.
    simulation_se
        Of moments of an economy as large as those of the design, where they come from simulations.
    fixed
        Parameters that are not estimated, for the bound on growth.

    Returns
    -------
    pm.Model
        The parameters by name, deterministic ``fitted`` moments and ``emulator_sd``; the observed variable is ``moments``.

    Raises
    ------
    DataFaults
        For moments without emulation, missing values, or standard errors that are not positive.

    """
    _check(emulator, observed, se)
    names = list(observed.index)
    pick = np.array([emulator.moments.index(n) for n in names])
    noise = np.zeros(len(names)) if simulation_se is None else simulation_se[names].to_numpy(dtype=np.float64)
    with pm.Model(coords={"moment": names}) as model:
        _start_at_best(emulator, observed, se)
        placed = {n: prior.place(n) for n, prior in emulator.priors.items()}
        _bound_growth(placed, fixed or Parameters())
        at = pt.stack([emulator.priors[n].coordinate(x) for n, x in placed.items()])
        mean, variance = emulated_moments(at, emulator.emulator)
        fitted = pm.Deterministic("fitted", mean[pick], dims="moment")
        pm.Deterministic("emulator_sd", pt.sqrt(variance[pick]), dims="moment")
        sd = pt.sqrt(se.to_numpy(dtype=np.float64) ** 2 + noise**2 + variance[pick])
        data = pm.Data("observed_moments", observed.to_numpy(dtype=np.float64), dims="moment")
        pm.Normal("moments", fitted, sd, observed=data, dims="moment")
    return model


def _start_at_best(emulator: MomentEmulator, observed: pd.Series, se: pd.Series) -> None:
    """Start at the point of the design that fits best: far outside of the design the emulator is uncertain of everything, and
    chains that get there may stay.
    """
    solved = emulator.solved[list(observed.index)].to_numpy()
    apart = (solved - observed.to_numpy()) / np.maximum(se.to_numpy(), 0.1 * solved.std(0))
    point = emulator.points.iloc[int((apart**2).sum(1).argmin())]
    for name, prior in emulator.priors.items():
        share = prior.family == "correlation"
        start_at(**{f"{name}_share" if share else name: 0.5 * (1.0 + point[name]) if share else point[name]})


def _check(emulator: MomentEmulator, observed: pd.Series, se: pd.Series) -> None:
    faults = [
        Fault(f"moment {n!r} is not emulated", "observed", did_you_mean(str(n), emulator.moments))
        for n in observed.index
        if n not in emulator.moments
    ]
    if list(observed.index) != list(se.index):
        faults.append(
            Fault("observed moments and standard errors differ in their names", "se", "give one per moment, in order")
        )
    elif not (np.isfinite(observed).all() and np.isfinite(se).all() and (se > 0).all()):
        faults.append(Fault("moments must be finite and standard errors positive", "observed", "correct them"))
    if faults:
        raise DataFaults(faults)


def _bound_growth(found: dict[str, Any], fixed: Parameters) -> None:
    """No mass where skills grow faster than workers retire: mean human capital would be infinite (section 1.2)."""
    mu_q, sigma_a, sigma_q = (found.get(n, getattr(fixed, n)) for n in ("mu_q", "sigma_a", "sigma_q"))
    if any(n in found for n in ("mu_q", "sigma_a", "sigma_q")):
        growth = fixed.mu_a + mu_q + 2.0 * pt.sqrt(sigma_a**2 + sigma_q**2)
        pm.Potential("growth_bound", pt.switch(growth < fixed.delta_r, 0.0, -np.inf))
