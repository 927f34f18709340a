r"""A linear panel with one normal effect per group (a worker, a team), in the forms in which it can be sampled.

y_it = w_it' theta + mu_i + e_it, mu_i ~ N(0, tau^2). With normal errors the effects are summed out and the panel reduces to a
few small matrices (:func:`observe_products`). With group means among the regressors these split: demeaned rows depend on the
slopes beta alone, and group means on beta + xi and the coefficients of what is fixed; matrices are then half as wide and
posterior correlations between the two come from the priors only. With other errors, for which nothing sums out, every group
has a variable of its own (:func:`mean_by_row`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_labor.custom_ops.likelihoods import PanelLikelihood
from bayes_labor.likelihoods.random_intercepts import reduce_panel
from bayes_labor.models.notes import start_at, start_there
from bayes_labor.models.panel_design import PanelDesign
from bayes_labor.models.pilot import Pilot, panel_pilot, started
from bayes_labor.models.priors import Prior

Errors = Literal["normal", "student"]
_NU = 6.0  # degrees of freedom to start from
_EXACT = 1e-9
_FAR = 4.0  # median absolute residuals: some 2.7 standard deviations of normal errors
_NOTHING = 1e-9  # whose logarithm is finite


@dataclass(frozen=True)
class LinearPanel:
    """A regression with the coordinates in which it is sampled; see :func:`linear_panel`."""

    design: PanelDesign
    pilot: Pilot
    """Whose coordinates x the coefficients theta = center + scale x are sampled in."""
    inner: np.ndarray
    """(N, A) regressors of the first A coordinates; where the likelihood splits only their demeaned rows count."""
    outer: np.ndarray | None
    """(N, B) of the last B = P - A, whose group means count; None where it does not split."""
    start: tuple[float, float]
    """Where the standard deviations sigma of errors and tau of effects start."""
    table: Mapping[str, Prior]
    """Priors of the same, and of ``nu`` where errors are Student-t."""


def linear_panel(design: PanelDesign, table: Mapping[str, Prior], *, summed: bool) -> LinearPanel:
    """Find the coordinates.

    Parameters
    ----------
    design
        The regression.
    table
        Priors, :func:`spreads` among them.
    summed
        Whether effects are summed out: then in the coordinates in which the likelihood splits, where group means of all that
        varies are regressors.

    """
    pilot, sigma, tau = panel_pilot(design)
    if "nu" in table:  # an outlier, which heavy tails allow, is not to pass for spread between groups
        fitted = design.columns @ pilot.center
        residual = design.outcome - fitted
        far = _FAR * float(np.median(np.abs(residual)))
        pilot, sigma, tau = panel_pilot(replace(design, outcome=fitted + np.clip(residual, -far, far)))
    split = _split(design, pilot, sigma, tau) if summed else None
    pilot, inner, outer = split or (pilot, design.columns @ pilot.scale, None)
    return LinearPanel(design, pilot, inner, outer, (sigma, tau), table)


def _split(design: PanelDesign, pilot: Pilot, sigma: float, tau: float) -> tuple[Pilot, np.ndarray, np.ndarray] | None:
    """(pilot, inner, outer) at these variances, or None where group means of some varying regressor are no regressors."""
    varying, counts = design.varying, design.groups.counts
    fixed = [i for i in range(len(design.terms)) if i not in varying]
    means = design.groups.means(design.columns)
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
    inside = design.columns[:, varying] - means[design.groups.row][:, varying]
    own = means[:, fixed] * np.sqrt(counts / (sigma**2 + counts * tau**2))[:, None]
    scale = np.zeros((p, p))
    for part, information in ((slice(0, a), inside.T @ inside / sigma**2), (slice(a, p), own.T @ own)):
        covariance = np.linalg.inv(information + prior[part, part])
        scale[part, part] = np.linalg.cholesky(0.5 * (covariance + covariance.T))
    turned = Pilot(pilot.center, from_groups @ scale)
    return turned, inside @ scale[:a, :a], design.columns[:, fixed] @ scale[a:, a:]


def observe_products(name: str, panel: LinearPanel, x: Any) -> None:
    """sigma, tau and the likelihood with normal effects summed out, added to the model being built.

    Parameters
    ----------
    name
        The observed variable is ``{name}_products``, the cross products to which the panel reduces; a refit replaces
        ``observed_products``.
    panel
        The regression; tau is left out where no group has two rows: effects are errors then.
    x
        (P,) the coefficients' coordinates.

    """
    design, groups = panel.design, panel.design.groups
    reduced = reduce_panel(design.outcome - design.columns @ panel.pilot.center, panel.inner, groups, panel.outer)
    sizes, coordinates = (reduced.rows_per_worker, reduced.workers), (reduced.inner, reduced.outer)
    sigma = started("sigma", panel.table["sigma"], panel.start[0])
    tau = started("tau", panel.table["tau"], panel.start[1]) if groups.repeated else pt.constant(np.float64(_NOTHING))

    def log_density(value: Any, x: Any, sigma: Any, tau: Any, _: Any) -> Any:
        return PanelLikelihood(*coordinates)(x, pt.log(sigma), pt.log(tau), value, *(pt.constant(v) for v in sizes))[0]

    def random(x: Any, sigma: Any, tau: Any, _: Any, rng: np.random.Generator | None = None, size: Any = None) -> np.ndarray:
        rng = np.random.default_rng() if rng is None else rng
        effects = rng.normal(0.0, tau, len(groups.labels))[groups.row]
        drawn = design.columns @ (panel.pilot.scale @ x) + effects + rng.normal(0.0, sigma, len(effects))
        return reduce_panel(drawn, panel.inner, groups, panel.outer).products

    pm.CustomDist(
        f"{name}_products",
        *(x, sigma, tau, pt.constant(reduced.products)),
        logp=log_density,
        random=random,
        signature="(p),(),(),(b,q,r)->(b,q,r)",
        observed=pm.Data("observed_products", reduced.products),
    )


def mean_by_row(panel: LinearPanel, x: Any, unit: str) -> tuple[Any, Any]:
    """(mean (N,) of each row, sigma), with sigma, tau and an effect per group added to the model being built.

    A group's level m_i = wbar_i' theta + mu_i scatters around b_i = wbar_i' theta with sd tau, and rows around it with
    (w_it - wbar_i)' theta. Where data say more about it than its prior it is sampled best as it is, else as (m_i - b_i) / tau;
    here as v_i, between the two by w_i, what data would say at the pilot's variances (Papaspiliopoulos, Roberts and Sköld
    2007, Statistical Science 22):

        m_i = (1 - w_i) b_i + (tau / tau_0)^(1 - w_i) v_i,   w_i = T_i tau_0^2 / (sigma_0^2 + T_i tau_0^2),

    levels being taken less the pilot's. No effects where no group has two rows.

    ``x`` (P,) are the coefficients' coordinates; ``unit`` is the word for a group.
    """
    design, pilot, groups = panel.design, panel.pilot, panel.design.groups
    sigma = started("sigma", panel.table["sigma"], panel.start[0])
    if not groups.repeated:
        return pilot.fitted(design.columns, x), sigma
    tau = started("tau", panel.table["tau"], panel.start[1])
    start_there()
    means, counts = groups.means(design.columns), groups.counts
    error, effect = np.square(panel.start)
    told = counts * effect / (error + counts * effect)
    base = means @ pilot.center
    between = pilot.fitted(means, x) - base
    stretch = pt.exp((1.0 - told) * (pt.log(tau) - np.log(panel.start[1])))
    name = f"{unit}_scaled"
    own = pm.Normal(name, told * between / stretch, tau / stretch, shape=len(counts))
    start_at(**{name: told * groups.means(design.outcome - design.columns @ pilot.center)})
    level = base + (1.0 - told) * between + stretch * own
    return level[groups.row] + pilot.fitted(design.columns - means[groups.row], x), sigma


def spreads(errors: Errors, error: float, effect: float, unit: str) -> dict[str, Prior]:
    """Priors of the standard deviations of errors and of the groups' effects, and of what else errors have."""
    found = {
        "sigma": Prior("half normal", (error,), "sigma (errors)"),
        "tau": Prior("half normal", (effect,), f"tau ({unit} effects)"),
    }
    return found | ({"nu": Prior("gamma", (2.0, 0.1), "nu (degrees of freedom)")} if errors == "student" else {})


def error_distribution(table: Mapping[str, Prior]) -> tuple[Any, dict[str, Any]]:
    """(Distribution, its further parameters): Student-t where the degrees of freedom ``nu`` have a prior, which are added."""
    return (pm.StudentT, {"nu": started("nu", table["nu"], _NU)}) if "nu" in table else (pm.Normal, {})
