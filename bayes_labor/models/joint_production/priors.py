"""The one prior table of joint production."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import Field, PositiveFloat, field_validator, model_validator

from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.models.laws import POSITIVE, is_law, law, written
from bayes_labor.models.priors import Family, Prior, Relative
from bayes_labor.models.settings import Settings

MEAN, SD, SD_LOG, LOW = "mean wage", "sd of wages", "sd of log wages", "least decile of wages"
LOG_MEAN, LOG_ALL = "log mean wage of the industry", "log mean wage"


LAWS: dict[str, tuple[Family, ...]] = {
    "beta_mean": ("normal",), "beta_spread": POSITIVE, "log_output": ("normal",), "d": ("beta",), "V_U": ("normal",),
    "sigma": POSITIVE, "tau": POSITIVE, "omega": POSITIVE, "gamma": ("normal",), "psi": ("normal",),
}  # fmt: skip
"""Families that a prior of a parameter may be of: those of its range, and of what is solved in closed form."""


def _law_of(name: str, given: Any) -> str:
    """In words. Raises ValueError for a parameter or a family that cannot be."""
    parameter, bracket, _ = name.partition("[")
    if parameter not in LAWS or bool(bracket) != (parameter in ("gamma", "psi")) or (bracket and not name.endswith("]")):
        known = ", ".join(f"{k}[TERM]" if k in ("gamma", "psi") else k for k in LAWS)
        raise ValueError(f"there is no prior of {name!r}: write one of {known}")
    words = written(given)
    if law(words).family not in LAWS[parameter]:
        raise ValueError(f"the prior of {name} must be {' or '.join(LAWS[parameter])}, not {words}")
    return words


class JointProductionPriors(Settings):
    """Priors, with scales relative to the data where a wage unit would otherwise matter. Print it to read it.

    Nobody works for less than he is worth without work, so low wages bound V_U from above, and the other workplaces' wages say
    little more about it: with a wide prior an ordinary payroll drives it to minus a mean wage. By default its prior therefore
    spans zero to the least decile of the wages, by two standard deviations on each side.
    """

    beta_mean: PositiveFloat = 0.3
    """Sd of b, the mean of atanh beta."""
    beta_spread: PositiveFloat = 0.3
    """Scale of s, its spread over industries."""
    talent: PositiveFloat = 0.5
    """Sd of gamma, for standardised columns."""
    power: PositiveFloat = 1.0
    """Sd of psi, for standardised columns."""
    log_output: PositiveFloat = 0.5
    """Sd of kappa, the log output per worker of the team of reference, around the log mean wage of the industry."""
    bargaining: tuple[PositiveFloat, PositiveFloat] = (2.0, 2.0)
    """Beta distribution of d."""
    unemployment_center: float | None = None
    """Mean of V_U in mean wages; None: half the least decile of wages."""
    unemployment: PositiveFloat | None = None
    """Its sd in mean wages; None: a quarter of the least decile of wages."""
    noise: PositiveFloat = 1.0
    """Scale of sigma, in sds of wages; of log wages where these have the errors."""
    effects: PositiveFloat = 0.5
    """Scale of tau and omega, in the same unit, where workplaces or workers have effects."""
    tail: PositiveFloat = 0.1
    """Rate of nu - 2, where errors are Student-t; its shape is 2."""
    laws: dict[str, str] = Field(default_factory=dict)
    """Priors in the place of these, by parameter, in the data's units: ``{"V_U": "normal(3, 1)", "d": pm.Beta.dist(4, 2)}``.
    They may also stand beside the other settings: ``JointProductionPriors(talent=1.0, V_U="normal(3, 1)")``.

    For those of :data:`LAWS`; ``gamma[TERM]`` and ``psi[TERM]`` are single coefficients. See :mod:`bayes_labor.models.laws`."""

    @model_validator(mode="before")
    @classmethod
    def _beside(cls, given: Any) -> Any:
        said = {k: v for k, v in given.items() if is_law(v)}
        laws = given.get("laws", {})
        if not said or not isinstance(laws, Mapping):
            return given
        twice = sorted(set(said) & set(laws))
        if twice:
            raise ValueError(f"the prior of {twice[0]} is given twice: beside the settings and among laws")
        return {k: v for k, v in given.items() if k not in said} | {"laws": {**laws, **said}}

    @field_validator("laws", mode="before")
    @classmethod
    def _laws(cls, given: Any) -> dict[str, str]:
        if not isinstance(given, Mapping):
            raise ValueError('laws are a mapping such as {"V_U": "normal(3, 1)"}')
        return {name: _law_of(name, value) for name, value in given.items()}

    @property
    def table(self) -> dict[str, Prior]:
        """By free variable of the model, whatever the data and the specification."""
        center, sd = self.unemployment_center, self.unemployment
        worth = Relative(0.5, LOW) if center is None else Relative(center, MEAN)
        spread = Relative(0.25, LOW) if sd is None else Relative(sd, MEAN)
        return {
            "beta_mean": Prior("normal", (0.0, self.beta_mean), "b (mean of atanh beta)"),
            "beta_spread": Prior("half normal", (self.beta_spread,), "s (its spread over industries)"),
            "gamma_scaled": Prior("normal", (0.0, self.talent), "gamma (standardised columns)"),
            "log_output": Prior(
                "normal", (Relative(1.0, LOG_MEAN), self.log_output), "kappa (log output of the reference team)"
            ),
            "d": Prior("beta", self.bargaining, "d (bargaining power)"),
            "V_U": Prior("normal", (worth, spread), "V_U (unemployment)"),
            "psi_scaled": Prior("normal", (0.0, self.power), "psi (standardised columns)"),
            "sigma": Prior("half normal", (Relative(self.noise, SD),), "sigma (errors)"),
            "tau": Prior("half normal", (Relative(self.effects, SD),), "tau (workplace effects only)"),
            "omega": Prior("half normal", (Relative(self.effects, SD),), "omega (worker effects only)"),
            "workplace_effect": Prior("normal", (0.0, 1.0), "effect of a workplace / tau, beside worker effects"),
            "nu_shifted": Prior("gamma", (2.0, self.tail), "nu - 2 (Student-t errors only)"),
        }

    def __str__(self) -> str:
        return "\n".join(str(p) for p in self.table.values())


def units_of(workforce: Workforce) -> dict[str, float | np.ndarray]:
    """What priors are relative to, in the wage unit; by industry (K,) for the log mean wage of the industry.

    Wages with additive errors may be negative: means are of absolute ones, and the least decile counts as no less than 5% of
    the mean. An industry without workers has the mean of all.
    """
    wages, industry = np.abs(workforce.wage), workforce.worker_industry
    mean, n = float(wages.mean()), len(workforce.industries)
    by_industry = [float(wages[industry == k].mean()) if np.any(industry == k) else mean for k in range(n)]
    low = max(float(np.quantile(workforce.wage, 0.1)), 0.05 * mean)
    sds = {SD: float(workforce.wage.std()), SD_LOG: float(np.log(wages).std()) if wages.all() else np.nan}
    return sds | {MEAN: mean, LOW: low, LOG_MEAN: np.log(by_industry), LOG_ALL: np.log(mean)}
