"""The paper's calibration: parameters that bring moments closest to their targets, by the sum of squared deviations."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize, special

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.sorting.macro import PAPER, Targets
from bayes_labor.models.sorting.calibration import IDENTIFIED, SortingSpec, check_targets
from bayes_labor.posteriors.sorting.identification import Identification, identification, in_units, moments_at, on_the_line

Weights = Literal["relative", "absolute", "se"]
_STARTS = ((0.35, 0.77, 0.03, 0.22), (0.5, 0.6, 0.1, 0.3), (0.25, 0.85, 0.02, 0.1))


@dataclass(frozen=True)
class LeastSquares:
    """The closest parameters, in coordinates that can be told, and how close they come."""

    parameters: dict[str, float]
    """``psi``, ``v``, ``tau_hat``, ``s_l``."""
    moments: np.ndarray
    """(5,) at these parameters."""
    objective: float
    """Sum of squared deviations, weighted."""
    weights: Weights
    raw: Identification
    """Of log moments in the paper's five parameters: its rank is 4."""
    free: Identification
    """Of moments in standard errors, in the four coordinates."""


def least_squares(targets: Targets = PAPER, spec: SortingSpec | None = None, weights: Weights = "relative") -> LeastSquares:
    """Minimise the sum of squared deviations of the moments from their targets, from several starts.

    Parameters
    ----------
    targets
        Of one economy.
    spec
        Technology, chain and readings.
    weights
        Deviations ``relative`` to the target (so that TFP's volatility counts), ``absolute``, or in standard errors ``se``.

    Raises
    ------
    DataFaults
        For targets out of range or of several economies.

    """
    spec = spec or SortingSpec()
    check_targets(targets)
    if targets.economies:
        raise DataFaults([Fault("targets of several economies", "least_squares", "give one economy's at a time")])
    scale = {"relative": targets.value, "absolute": np.ones(5), "se": targets.se}[weights]

    def deviations(x: np.ndarray) -> np.ndarray:
        found = (moments_at(spec, _parameters(x)) - targets.value) / scale
        return np.where(np.isfinite(found), found, 1e3)

    starts = [on_the_line(dict(zip(IDENTIFIED, s, strict=True))) for s in _STARTS]
    found = [optimize.least_squares(deviations, s, xtol=1e-14, ftol=1e-14, gtol=1e-14) for s in starts]
    best = min(found, key=lambda f: f.cost)
    parameters = _parameters(best.x)
    raw, free = identification(spec, in_units(spec, 1.0, **parameters)), identification(spec, parameters, targets.se)
    return LeastSquares(parameters, moments_at(spec, parameters), 2.0 * float(best.cost), weights, raw, free)


def _parameters(x: np.ndarray) -> dict[str, float]:
    values = (*special.expit(x[:2]), *np.exp(x[2:]))
    return {n: float(v) for n, v in zip(IDENTIFIED, values, strict=True)}
