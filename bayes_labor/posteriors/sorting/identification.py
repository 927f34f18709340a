"""What moments can tell about the sorting model: rank of their Jacobian, and the prior's contraction by direction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import logit

from bayes_labor.models.sorting.calibration import IDENTIFIED, SortingSpec
from bayes_labor.theory.sorting.business_cycle import calibration_moments
from bayes_labor.theory.sorting.equilibrium import Sorting, solve_sorting

RAW = ("psi", "tau", "lambda_theta", "lambda_x", "s_l")
"""Parameters of the paper; types have no unit, so that three of them cannot be told apart."""
_NULL = 1e-8  # singular values below it, relative to the largest, are zero but for rounding


@dataclass(frozen=True)
class Identification:
    """Derivatives of log moments in log parameters, or of moments in standard errors in log parameters."""

    parameters: tuple[str, ...]
    jacobian: np.ndarray
    """(5, P)."""

    @property
    def singular_values(self) -> np.ndarray:
        """(P,), largest first."""
        return np.linalg.svd(self.jacobian, compute_uv=False)

    @property
    def rank(self) -> int:
        """Number of directions that move any moment."""
        return int((self.singular_values > _NULL * self.singular_values[0]).sum())

    @property
    def null_direction(self) -> np.ndarray | None:
        """(P,) the direction in log parameters that moves no moment, its largest entry 1; None at full rank."""
        if self.rank == len(self.parameters):
            return None
        v = np.linalg.svd(self.jacobian)[2][-1]
        return v / v[np.abs(v).argmax()]


def in_units(spec: SortingSpec, lambda_theta: float, *, psi: float, v: float, tau_hat: float, s_l: float) -> dict[str, float]:
    """The paper's parameters if firms' types are measured so that their rate is ``lambda_theta``."""
    lambda_x = float(spec.lambda_x(psi, v, lambda_theta))
    return {"psi": psi, "tau": lambda_theta * tau_hat, "lambda_theta": lambda_theta, "lambda_x": lambda_x, "s_l": s_l}


def both_states(
    spec: SortingSpec, psi: Any, v: Any, tau_hat: Any, s_l: Any, *, errors: Literal["raise", "status"] = "status"
) -> Sorting:
    """Economies (..., 2) in boom and recession, in units of lambda_theta = 1, at coordinates (...)."""
    psi, v, tau_hat, s_l = (np.asarray(x, dtype=np.float64)[..., None] for x in (psi, v, tau_hat, s_l))
    with np.errstate(over="ignore"):  # out of any range, which the solver says
        lambda_x = spec.lambda_x(psi, v)
    slopes = spec.tau_boom + tau_hat * np.array([0.0, 1.0])
    return solve_sorting(psi, slopes, 1.0, lambda_x, s_l, **spec.technology, errors=errors)


def moments_at(spec: SortingSpec, parameters: Mapping[str, float]) -> np.ndarray:
    """(5,) moments at all of :data:`RAW` parameters, or at all of :data:`IDENTIFIED` ones; NaN without equilibrium."""
    if "v" in parameters:
        states = both_states(spec, *(parameters[k] for k in IDENTIFIED))
    else:
        psi, tau, unit, lambda_x, s_l = (parameters[k] for k in RAW)
        slopes = [unit * spec.tau_boom, unit * spec.tau_boom + tau]
        states = solve_sorting(psi, slopes, unit, lambda_x, s_l, **spec.technology, errors="status")
    return calibration_moments(states, spec.recession_share, labor_share=spec.labor_share, tfp=spec.tfp)


def identification(spec: SortingSpec, parameters: Mapping[str, float], se: np.ndarray | None = None) -> Identification:
    """Jacobian of the moments at given parameters.

    Parameters
    ----------
    spec
        Technology, chain and readings.
    parameters
        All of :data:`RAW`, or all of :data:`IDENTIFIED`.
    se
        (5,) standard errors of the moments: then moments are measured in them. By default in logs.

    """

    def measured(p: Mapping[str, float]) -> np.ndarray:
        found = moments_at(spec, p)
        return np.log(found) if se is None else found / se

    def difference(name: str, h: float) -> np.ndarray:
        up, down = (measured({**parameters, name: parameters[name] * np.exp(s * h)}) for s in (1.0, -1.0))
        return (up - down) / (2.0 * h)

    columns = [(4.0 * difference(n, 1e-3) - difference(n, 2e-3)) / 3.0 for n in parameters]
    return Identification(tuple(parameters), np.stack(columns, axis=1))


def contraction_by_direction(posterior: xr.Dataset, prior: xr.Dataset) -> pd.DataFrame:
    """How much of the prior's variance the data removed, by direction: from the best informed to the least.

    Directions are combinations of (logit psi, logit v, log tau_hat, log s_l) in standard deviations of the prior; along each,
    prior and posterior are uncorrelated with the others.

    Returns
    -------
    pd.DataFrame
        One row per direction: ``contraction`` (1 is all data, 0 all prior) and the weight of each coordinate.

    """
    before, after = (on_the_line({n: d[n].to_numpy().ravel() for n in IDENTIFIED}) for d in (prior, posterior))
    scale = before.std(axis=1, ddof=1)
    whitened = np.linalg.inv(np.linalg.cholesky(np.cov(before / scale[:, None])))
    values, vectors = np.linalg.eigh(whitened @ np.cov(after / scale[:, None]) @ whitened.T)
    weights = whitened.T @ vectors
    weights /= np.abs(weights).max(0)
    weights *= np.sign(weights[np.abs(weights).argmax(0), np.arange(4)])
    names = ["logit ψ", "logit v", "log τ̂", "log s_l"]
    table = pd.DataFrame(weights.T, [f"direction {i + 1}" for i in range(4)], names).rename_axis("direction")
    table.insert(0, "contraction", 1.0 - values)
    return table


def on_the_line(values: Mapping[str, Any]) -> np.ndarray:
    """(4, ...) logits of psi and v, logs of tau_hat and s_l: the identified coordinates without bounds."""
    return np.stack([logit(values["psi"]), logit(values["v"]), np.log(values["tau_hat"]), np.log(values["s_l"])])
