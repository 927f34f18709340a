r"""Bayesian calibration of the sorting model: moments of the cross-section and of the cycle, with their standard errors.

Types of firms and workers have no unit, so lambda_theta, lambda_x and tau cannot be told apart by any data: the model samples
what can be (psi, tau/lambda_theta, the spread of log wages in booms, the spread of the wedges). Sections 8 and 10 of the
specification.
"""

from typing import Any, Literal, Self

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pydantic import Field, PositiveFloat, field_validator, model_validator
from scipy.special import digamma, polygamma

from bayes_labor.custom_ops.sorting import SortingEquilibrium, sorting_equilibrium
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.sorting.macro import MOMENTS, PAPER, Targets
from bayes_labor.models.laws import is_law, law, written
from bayes_labor.models.notes import solver_outcomes, start_at
from bayes_labor.models.priors import Prior, printed, stacked
from bayes_labor.models.settings import Settings
from bayes_labor.numerics.normal import HALF_LOG_2PI
from bayes_labor.theory.sorting.business_cycle import LABOR_SHARES, LaborShare, stationary_recessions
from bayes_labor.theory.sorting.closed_forms import chi_of_v, lambda_x_of_chi
from bayes_labor.theory.sorting.equilibrium import SortingStatus

_FIELDS = {"psi": ("psi",), "v": ("v",), "tau_hat": ("tau_median", "tau_spread"), "s_l": ("s_l",)}


def _numbers(name: str, given: Any) -> list[tuple[str, Any]]:
    """(field, value) of a prior that words say, or a distribution. Coordinates are solved for these families."""
    if name not in _FIELDS:
        raise ValueError(f"there is no prior of {name!r}: write one of {', '.join(_FIELDS)}")
    said, known = law(written(given)), SortingPriors().table[name]
    if said.family != known.family:
        raise ValueError(f"the prior of {name} must be {known.family}, not {written(given)}")
    fields = _FIELDS[name]
    return [
        (fields[0], said.values if known.family == "beta" else said.values[0]),
        *zip(fields[1:], said.values[1:], strict=False),
    ]


class SortingPriors(Settings):
    """Priors of the identified parameters. Print it to read it."""

    psi: tuple[PositiveFloat, PositiveFloat] = (3.0, 4.0)
    """Beta of the intensity of worker type in productivity."""
    v: tuple[PositiveFloat, PositiveFloat] = (6.0, 3.0)
    """Beta of the standard deviation of log wages in booms (at tau = 0)."""
    tau_median: PositiveFloat = 0.05
    tau_spread: PositiveFloat = 1.0
    """Log-normal of tau/lambda_theta in recessions."""
    s_l: PositiveFloat = 0.3
    """Half-normal of the standard deviation of the idiosyncratic labor wedge."""
    pooling: PositiveFloat = 0.5
    """Half-normal of the spread over economies of logit v, log tau and log s_l."""
    pooling_psi: PositiveFloat = 0.25
    """The same of logit psi."""

    @model_validator(mode="before")
    @classmethod
    def _laws(cls, given: Any) -> Any:
        """Priors as words or PyMC's distributions, of the families above, beside numbers: ``{"psi": "beta(3, 4)"}``."""
        said = {k: v for k, v in given.items() if is_law(v)}
        return {k: v for k, v in given.items() if k not in said} | {f: x for k, v in said.items() for f, x in _numbers(k, v)}

    @property
    def table(self) -> dict[str, Prior]:
        """Of the identified parameters by name: what models sample and what is printed."""
        return {
            "psi": Prior("beta", self.psi, "psi (worker type in productivity)"),
            "v": Prior("beta", self.v, "v (std of log wages in booms)"),
            "tau_hat": Prior("log normal", (self.tau_median, self.tau_spread), "tau / lambda_theta in recessions"),
            "s_l": Prior("half normal", (self.s_l,), "s_l (spread of labor wedges)"),
        }

    @property
    def means(self) -> dict[str, Prior]:
        """Of the means over several economies by :data:`COORDINATES`: those of one economy on the whole line.

        Exact means and standard deviations, but for the normal shape.
        """
        half = (float(np.log(self.s_l) + 0.5 * (digamma(0.5) + np.log(2.0))), float(np.sqrt(polygamma(1, 0.5)) / 2.0))
        values = (_logit(*self.psi), _logit(*self.v), (float(np.log(self.tau_median)), self.tau_spread), half)
        return {n: Prior("normal", v, f"{n}, mean over economies") for n, v in zip(COORDINATES, values, strict=True)}

    @property
    def spreads(self) -> dict[str, Prior]:
        """Of the spreads over several economies by :data:`COORDINATES`."""
        scales = (self.pooling_psi, self.pooling, self.pooling, self.pooling)
        return {n: Prior("half normal", (s,), f"{n}, spread over economies") for n, s in zip(COORDINATES, scales, strict=True)}

    def __str__(self) -> str:
        return "\n".join([printed(self.table), *map(str, self.spreads.values())])


class SortingSpec(Settings):
    """Technology, the chain of the cycle, and how the paper's ambiguities are read (section 12 of the specification)."""

    priors: SortingPriors = SortingPriors()
    alpha: float = Field(default=0.3, ge=0.0, lt=1.0)
    eta: PositiveFloat = 0.6
    xi: float = Field(default=9.0, gt=1.0)
    tau_boom: float = Field(default=0.0, ge=0.0)
    """tau/lambda_theta in booms."""
    stay_boom: float = Field(default=0.977, gt=0.0, lt=1.0)
    stay_recession: float = Field(default=0.688, gt=0.0, lt=1.0)
    labor_share: LaborShare = "output"
    """Over output, over labor and capital income, or over all income."""
    tfp: Literal["std", "variance"] = "std"
    """What the TFP target is."""

    @field_validator("priors", mode="before")
    @classmethod
    def _priors(cls, value: Any) -> Any:
        return SortingPriors(**value) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _profitable(self) -> Self:
        if not (self.xi - 1.0) / self.xi * (self.alpha + self.eta) < 1.0:
            raise ValueError("profits are not positive: lower alpha + eta, or xi, until (xi - 1)/xi (alpha + eta) < 1")
        return self

    @property
    def technology(self) -> dict[str, Any]:
        """What the solvers take besides the parameters."""
        return {"alpha": self.alpha, "eta": self.eta, "xi": self.xi}

    @property
    def recession_share(self) -> float:
        """Stationary probability of recessions."""
        return stationary_recessions(self.stay_boom, self.stay_recession)

    def lambda_x(self, psi: Any, v: Any, lambda_theta: float = 1.0, of: Any = np) -> Any:
        """Rate of worker types at psi and v, where firm types have the rate ``lambda_theta``; ``of`` NumPy or PyTensor."""
        return lambda_x_of_chi(chi_of_v(psi, v, **self.technology, of=of), psi, lambda_theta, of)


def sorting_calibration(
    targets: Targets = PAPER, spec: SortingSpec | None = None, *, unit: float | None = None, **settings: Any
) -> pm.Model:
    """Build the model of one economy, or of several with partial pooling of what is identified.

    Parameters
    ----------
    targets
        Observed moments with standard errors.
    spec
        A :class:`SortingSpec`; or ``**settings``, its fields.
    unit
        lambda_theta, where a unit of firm types is known: only then are ``lambda_theta``, ``lambda_x`` and ``tau`` reported.
        Any positive unit gives the same posterior of everything that can be observed.

    Returns
    -------
    pm.Model
        Free variables ``psi``, ``v``, ``tau_hat``, ``s_l`` (by economy from ``mean`` and ``spread`` over
        :data:`COORDINATES` and ``offset`` where there are several). Deterministics: ``log_chi``, ``moment_fit`` over
        :data:`MOMENTS`, and by state of the cycle ``std_logw``, ``std_tfpq``, ``std_tfpr``, ``log_Z``; ``solver_status``.

    Raises
    ------
    DataFaults
        For targets or settings out of range.

    """
    spec = spec or SortingSpec(**settings)
    check_targets(targets, unit)
    several = bool(targets.economies)
    coords: dict[str, Any] = {"moment": list(MOMENTS), "state": ["boom", "recession"]}
    if several:
        coords |= {"economy": list(targets.economies), "coordinate": list(COORDINATES)}
    with pm.Model(coords=coords) as model:
        coordinates = _pooled(spec.priors, len(targets.economies)) if several else _alone(spec.priors)
        economy, status = solved_by_state(spec, *coordinates, several=several)
        observe_moments(economy, status, targets, spec, spec.recession_share)
        if unit is not None:
            in_units(unit, spec, *coordinates[:3])
    return model


def solved_by_state(
    spec: SortingSpec, psi: Any, v: Any, tau_hat: Any, s_l: Any, *, several: bool = False
) -> tuple[SortingEquilibrium, Any]:
    """(equilibria in boom and recession, the worse status of the two), reported as deterministics of the model being built.

    Equilibria are flat, (states x economies,), all booms first; the status is by economy where there are several.
    """
    log_chi = pm.Deterministic("log_chi", chi_of_v(psi, v, **spec.technology, of=pt), dims="economy" if several else None)
    slopes = pt.concatenate([spec.tau_boom + 0.0 * pt.atleast_1d(tau_hat), spec.tau_boom + pt.atleast_1d(tau_hat)])
    psi, lambda_x, s_l = (pt.tile(pt.atleast_1d(x), 2) for x in (psi, pt.exp(log_chi), s_l))
    economy = sorting_equilibrium(psi, slopes, 1.0, lambda_x, s_l, **spec.technology)
    worse = pt.max(economy.status.reshape((2, -1)), axis=0)
    status = pm.Deterministic("solver_status", worse if several else worse[0])
    solver_outcomes(SortingStatus)
    _report(economy, several)
    return economy, status


def observe_moments(economy: SortingEquilibrium, status: Any, targets: Targets, spec: SortingSpec, recessions: Any) -> None:
    """Gaussian likelihood of the targets that there are; ``recessions`` is the stationary share of recessions.

    The observed variable has a zero where there is no target.
    """
    dims = ("economy", "moment")[not targets.economies :]
    fit = pm.Deterministic("moment_fit", _moments(economy, spec, recessions, bool(targets.economies)), dims=dims)
    pm.CustomDist(
        "moments",
        fit,
        pt.constant(targets.whitening),
        status,
        logp=_log_density,
        random=_draw_moments,
        signature="(m),(m,m),()->(m)",
        observed=pm.Data("observed_moments", np.where(targets.seen, targets.value, 0.0), dims=dims),
        dims=dims,
    )


def in_units(unit: float, spec: SortingSpec, psi: Any, v: Any, tau_hat: Any) -> None:
    """Rates and slope for a given lambda_theta, as deterministics of the model being built."""
    pm.Deterministic("lambda_theta", pt.constant(float(unit)))
    pm.Deterministic("tau", unit * tau_hat)
    pm.Deterministic("lambda_x", spec.lambda_x(psi, v, unit, pt))


IDENTIFIED = ("psi", "v", "tau_hat", "s_l")
"""What data can tell."""
COORDINATES = ("logit psi", "logit v", "log tau_hat", "log s_l")
"""In which economies are pooled: what is identified, on the whole line."""
START = {"psi": 0.35, "v": 0.75, "s_l": 0.22}
"""Where chains start; tau_hat at its prior's median."""


def check_targets(targets: Targets, unit: float | None = None) -> None:
    """Raises DataFaults for targets of a wrong shape or out of range."""
    value, se, covariance = np.asarray(targets.value), np.asarray(targets.se), targets.covariance
    shape = (len(targets.economies), 5) if targets.economies else (5,)
    faults = [
        Fault(f"{name} have shape {np.shape(x)}", "targets", f"give {shape}: {', '.join(MOMENTS)}")
        for name, x in (("targets", value), ("standard errors", se))
        if np.shape(x) != shape
    ]
    seen = ~np.isnan(value)
    if not faults and not (np.isfinite(value[seen]).all() and np.isfinite(se[seen]).all() and (se[seen] > 0).all()):
        faults.append(Fault("targets must be finite and standard errors positive", "targets", "correct them; NaN for none"))
    if not faults and not seen.any(-1).all():
        faults.append(Fault("there is no moment", "targets", f"give some of {', '.join(MOMENTS)}"))
    if not faults and covariance is not None:
        faults += [
            Fault(what, "covariance", "give the covariance matrix of the moments that there are") for what in _wrong(targets)
        ]
    if unit is not None and not unit > 0:
        faults.append(Fault(f"unit = {unit} is not positive", "sorting_calibration", "give lambda_theta, or None"))
    if faults:
        raise DataFaults(faults)


def _wrong(targets: Targets) -> list[str]:
    """What is wrong with a covariance matrix of targets."""
    kept, covariance = np.flatnonzero(targets.seen), np.asarray(targets.covariance)
    if targets.economies or covariance.shape != (5, 5):
        return ["a covariance matrix is of one economy's five moments"]
    own = covariance[np.ix_(kept, kept)]
    if not np.isfinite(own).all() or np.abs(own - own.T).max() > 1e-9 * np.abs(own).max():
        return ["the covariance matrix is not symmetric and finite"]
    scale = np.sqrt(np.abs(np.diag(own)))
    if not (np.diag(own) > 0).all() or np.linalg.eigvalsh(own / np.outer(scale, scale))[0] < 1e-9:
        return ["the covariance matrix is not positive definite"]
    return [] if np.allclose(scale, targets.se[kept], rtol=1e-6) else ["the covariance matrix and the standard errors differ"]


def _alone(p: SortingPriors) -> tuple[Any, ...]:
    """psi, v, tau_hat and s_l of one economy, with their priors."""
    start_at(tau_hat=p.tau_median, **START)
    return tuple(prior.place(name) for name, prior in p.table.items())


def _pooled(p: SortingPriors, n: int) -> tuple[Any, ...]:
    """Economies around common means, not centered: five moments tell little about one economy."""
    means, spreads = stacked(p.means.values()), stacked(p.spreads.values())
    start_at(mean=means.values[0], spread=0.5 * spreads.values[0], offset=np.zeros((n, 4)))
    mean, spread = means.place("mean", "coordinate"), spreads.place("spread", "coordinate")
    x = mean + spread * pm.Normal("offset", 0.0, 1.0, dims=("economy", "coordinate"))
    values = (pt.sigmoid(x[:, 0]), pt.sigmoid(x[:, 1]), pt.exp(x[:, 2]), pt.exp(x[:, 3]))
    return tuple(pm.Deterministic(n, v, dims="economy") for n, v in zip(IDENTIFIED, values, strict=True))


def _logit(a: float, b: float) -> tuple[float, float]:
    """Mean and standard deviation of the log odds of a Beta(a, b)."""
    return float(digamma(a) - digamma(b)), float(np.sqrt(polygamma(1, a) + polygamma(1, b)))


def _report(economy: SortingEquilibrium, several: bool) -> None:
    spreads = {"std_logw": economy.std_logw, "std_tfpq": pt.sqrt(economy.var_tfpq), "std_tfpr": pt.sqrt(economy.var_tfpr)}
    for name, values in (spreads | {"log_Z": economy.log_Z}).items():
        values = values.reshape((2, -1)).T if several else values
        pm.Deterministic(name, values, dims=("economy", "state")[not several :])


def _moments(economy: SortingEquilibrium, spec: SortingSpec, recessions: Any, several: bool) -> Any:
    """Stationary means over the states of the cycle, and the spread of log TFP between them."""
    e, r = economy, recessions
    levels = (getattr(e, LABOR_SHARES[spec.labor_share]), e.std_logw, e.rev_share_top10, e.rev_share_50_90, e.log_Z)
    *rest, z = (v.reshape((2, -1)) for v in levels)
    fall = pt.abs(z[0] - z[1])
    spread = pt.sqrt(r * (1.0 - r)) * fall if spec.tfp == "std" else r * (1.0 - r) * fall**2
    moments = pt.stack([*((1.0 - r) * x[0] + r * x[1] for x in rest), spread], axis=1)
    return moments if several else moments[0]


def _log_density(value: Any, fit: Any, whitening: Any, status: Any) -> Any:
    """Of whole economies; zero density where there is no equilibrium."""
    scales = pt.diagonal(whitening, axis1=-2, axis2=-1)
    seen = pt.neq(scales, 0.0)
    constant = pt.switch(seen, pt.log(pt.switch(seen, scales, 1.0)) - HALF_LOG_2PI, 0.0).sum(-1)
    z = (whitening * (value - fit)[..., None, :]).sum(-1)
    return pt.switch(pt.eq(status, 0), constant - 0.5 * (z**2).sum(-1), -np.inf)


def _draw_moments(
    fit: np.ndarray, whitening: np.ndarray, status: np.ndarray, rng: np.random.Generator | None = None, size: Any = None
) -> np.ndarray:
    """Moments with errors, without where there is no target; NaN where there is no equilibrium."""
    rng = np.random.default_rng() if rng is None else rng
    errors = (np.linalg.pinv(whitening) * rng.normal(size=np.shape(fit))[..., None, :]).sum(-1)
    return np.where(np.asarray(status)[..., None] == 0, fit + errors, np.nan)
