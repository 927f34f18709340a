r"""Coordinates in which a panel's likelihood splits: slopes within workers on one side, everything between on the other.

With worker means among the regressors, demeaned rows depend on the slopes beta alone, and worker means on beta + xi and the
coefficients of what is fixed: two groups that the likelihood does not mix. Matrices are then half as wide and posterior
correlations between the groups come from the priors only.
"""

from typing import NamedTuple

import numpy as np

from bayes_labor.models.bonus_design import BonusDesign
from bayes_labor.models.pilot import Pilot

_EXACT = 1e-9


class Split(NamedTuple):
    """Two groups of coordinates with their regressors."""

    pilot: Pilot
    inner: np.ndarray
    """(N, A) regressors of the first A coordinates; their demeaned rows count."""
    outer: np.ndarray
    """(N, B) of the last B = P - A; their worker means count."""


def split_coordinates(design: BonusDesign, pilot: Pilot, scales: tuple[float, float]) -> Split | None:
    """The split at the pilot's sigma and tau, or None where worker means of some varying regressor are no regressors."""
    fixed = [i for i, b in enumerate(design.blocks) if b in ("intercept", "worker", "means")]
    varying = [i for i in range(len(design.terms)) if i not in fixed]
    _, row, counts = np.unique(design.worker, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(row, v) / counts for v in design.columns.T], axis=1)
    spanned = np.linalg.lstsq(means[:, fixed], means[:, varying], rcond=None)[0]
    if np.abs(means[:, fixed] @ spanned - means[:, varying]).max() > _EXACT:
        return None
    # (beta, g) = to_groups theta; theta = from_groups (beta, g).
    a, p = len(varying), len(design.terms)
    to_groups = np.zeros((p, p))
    to_groups[np.arange(a), varying] = 1.0
    to_groups[np.arange(a, p), fixed] = 1.0
    to_groups[a:, varying] += spanned
    from_groups = np.linalg.inv(to_groups)
    prior = from_groups.T @ (from_groups / design.prior_sd[:, None] ** 2)
    inside = design.columns[:, varying] - means[row][:, varying]
    own = means[:, fixed] * np.sqrt(counts / (scales[0] ** 2 + counts * scales[1] ** 2))[:, None]
    information = np.zeros((p, p))
    information[:a, :a] = inside.T @ inside / scales[0] ** 2 + prior[:a, :a]
    information[a:, a:] = own.T @ own + prior[a:, a:]
    scale = np.zeros((p, p))
    for part in (slice(0, a), slice(a, p)):
        covariance = np.linalg.inv(information[part, part])
        scale[part, part] = np.linalg.cholesky(0.5 * (covariance + covariance.T))
    return Split(
        Pilot(pilot.center, from_groups @ scale), inside @ scale[:a, :a], design.columns[:, fixed] @ scale[a:, a:]
    )  # fmt: skip
