"""A panel's likelihood row by row, with a variable per unit: for errors with which nothing sums out.

A unit's level m_i = wbar_i' theta + mu_i is sampled, around which rows scatter with (w_it - wbar_i)' theta. Centred like this
where data say more about m_i than its prior, as mu_i / tau otherwise.
"""

from typing import Any, Literal

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_labor.custom_ops.products import design_index
from bayes_labor.models.notes import start_at, start_there
from bayes_labor.models.panel_design import PanelDesign
from bayes_labor.models.pilot import Pilot

Errors = Literal["normal", "student"]
_NU = 6.0  # degrees of freedom to start from


def mean_by_row(
    y: np.ndarray, design: PanelDesign, x: Any, pilot: Pilot, scales: tuple[float, float], priors: tuple[float, float],
    unit: str,
) -> tuple[Any, Any]:  # fmt: skip
    """(mean (N,) of each row, sigma), with sigma, tau and the units' effects added to the model being built.

    Without effects where no unit has two rows.

    ``x`` are the coordinates of the coefficients in the pilot; ``scales`` and ``priors`` start and scale sigma and tau;
    ``unit`` is the word for what ``design.worker`` tells apart.
    """
    labels, row, counts = np.unique(design.worker, return_inverse=True, return_counts=True)
    sigma = pm.HalfNormal("sigma", priors[0])
    start_at(sigma=scales[0])
    if not design.repeated:
        return design_index(pt.constant((design.columns @ pilot.scale).T.copy()), x) + design.columns @ pilot.center, sigma
    tau = pm.HalfNormal("tau", priors[1])
    start_at(tau=scales[1])
    start_there()
    means = np.stack([np.bincount(row, design.columns[:, j]) / counts for j in range(design.columns.shape[1])], axis=1)
    between = design_index(pt.constant((means @ pilot.scale).T.copy()), x) + means @ pilot.center
    inside = design.columns - means[row]
    if counts.mean() * scales[1] ** 2 > scales[0] ** 2:
        name = f"{unit}_level"
        level = pm.Normal(name, between, tau, shape=len(labels))
        residual = y - design.columns @ pilot.center
        shrunk = counts * scales[1] ** 2 / (scales[0] ** 2 + counts * scales[1] ** 2)
        start_at(**{name: means @ pilot.center + shrunk * np.bincount(row, residual) / counts})
    else:
        name = f"{unit}_effect"
        level = between + tau * pm.Normal(name, 0.0, 1.0, shape=len(labels))
        start_at(**{name: np.zeros(len(labels))})
    return level[row] + design_index(pt.constant((inside @ pilot.scale).T.copy()), x) + inside @ pilot.center, sigma


def error_distribution(errors: Errors) -> tuple[Any, dict[str, Any]]:
    """(Distribution, its further parameters), with degrees of freedom ``nu`` added to the model if errors are Student-t."""
    if errors == "normal":
        return pm.Normal, {}
    nu = pm.Gamma("nu", 2.0, 0.1)
    start_at(nu=_NU)
    return pm.StudentT, {"nu": nu}
