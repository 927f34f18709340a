r"""Coordinates in which a panel's likelihood splits: slopes within workers on one side, everything between on the other.

With worker means among the regressors, demeaned rows depend on the slopes beta alone, and worker means on beta + xi and the
coefficients of what is fixed: two groups that the likelihood does not mix. Matrices are then half as wide and posterior
correlations between the groups come from the priors only.
"""

from typing import Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_labor.custom_ops.likelihoods import PanelLikelihood
from bayes_labor.likelihoods.random_intercepts import reduce_panel
from bayes_labor.models.notes import start_at
from bayes_labor.models.panel_design import FIXED, PanelDesign
from bayes_labor.models.pilot import Pilot

_EXACT = 1e-9
_NOTHING = 1e-9  # whose logarithm is finite


class Split(NamedTuple):
    """Two groups of coordinates with their regressors."""

    pilot: Pilot
    inner: np.ndarray
    """(N, A) regressors of the first A coordinates; their demeaned rows count."""
    outer: np.ndarray
    """(N, B) of the last B = P - A; their worker means count."""


def split_coordinates(design: PanelDesign, pilot: Pilot, scales: tuple[float, float]) -> Split | None:
    """The split at the pilot's sigma and tau, or None where worker means of some varying regressor are no regressors."""
    fixed = [i for i, b in enumerate(design.blocks) if b in FIXED]
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


def effect_sd(design: PanelDesign, prior: float, start: float) -> Any:
    """The standard deviation tau of the workers' effects; nothing where nobody has two rows: then they are errors."""
    if not design.repeated:
        return pt.constant(np.float64(_NOTHING))
    start_at(tau=start)
    return pm.HalfNormal("tau", prior)


def observe_panel(
    name: str, y: np.ndarray, design: PanelDesign, x: Any, pilot: Pilot, split: Split | None, priors: tuple[float, float],
    scales: tuple[float, float],
) -> None:  # fmt: skip
    """sigma, tau and the likelihood of a linear panel with its effects summed out, added to the model being built.

    Parameters
    ----------
    name
        The observed variable is ``{name}_products``, the cross products to which the panel reduces; a refit replaces
        ``observed_products``.
    y
        (N,) outcome.
    design, x, pilot, split
        Regressors, the coefficients' coordinates in the pilot, and the split if there is one (then its pilot).
    priors, scales
        Half-normals of sigma and tau, and where they start; see :func:`effect_sd`.

    """
    rotated = design.columns @ pilot.scale
    offset = design.columns @ pilot.center
    inner, outer = (rotated, None) if split is None else (split.inner, split.outer)
    reduced = reduce_panel(y - offset, inner, design.worker, outer)
    sizes, coordinates = (reduced.rows_per_worker, reduced.workers), (reduced.inner, reduced.outer)
    sigma, tau = pm.HalfNormal("sigma", priors[0]), effect_sd(design, priors[1], scales[1])
    start_at(sigma=scales[0])

    def log_density(value: Any, x: Any, sigma: Any, tau: Any, _: Any) -> Any:
        return PanelLikelihood(*coordinates)(x, pt.log(sigma), pt.log(tau), value, *(pt.constant(v) for v in sizes))[0]

    def random(
        x: np.ndarray,
        sigma: np.ndarray,
        tau: np.ndarray,
        _: np.ndarray,
        rng: np.random.Generator | None = None,
        size: Any = None,
    ) -> np.ndarray:
        rng = np.random.default_rng() if rng is None else rng
        labels, row = np.unique(design.worker, return_inverse=True)
        drawn = rotated @ x + rng.normal(0.0, tau, len(labels))[row] + rng.normal(0.0, sigma, len(row))
        return reduce_panel(drawn, inner, design.worker, outer).products

    pm.CustomDist(
        f"{name}_products", x, sigma, tau, pt.constant(reduced.products), logp=log_density, random=random,
        signature="(p),(),(),(b,q,r)->(b,q,r)",
        observed=pm.Data("observed_products", reduced.products),
    )  # fmt: skip
