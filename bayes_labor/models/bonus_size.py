r"""Size of bonuses: log bonus on levels, age, tenure and ratings, with a worker effect integrated out (Tables 3 to 5).

The likelihood is that of :mod:`bayes_labor.theory.random_intercepts`: a few small matrices, whatever the panel's size. Section
7b of the specification.
"""

from typing import Any, Literal

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pydantic import PositiveFloat

from bayes_labor.custom_ops.random_intercepts import PanelLikelihood
from bayes_labor.data.personnel import Personnel
from bayes_labor.models.bonus_coefficients import coefficients
from bayes_labor.models.bonus_design import BLOCKS, Block, BonusDesign, bonus_design, check_identified
from bayes_labor.models.bonus_effects import observe_with_effects
from bayes_labor.models.mundlak import Split, split_coordinates
from bayes_labor.models.pilot import Pilot, panel_pilot
from bayes_labor.models.settings import Settings
from bayes_labor.models.starting import start_at
from bayes_labor.theory.random_intercepts import reduce_panel


class BonusSpec(Settings):
    """What explains bonuses, and how."""

    blocks: tuple[Block, ...] = BLOCKS
    means: bool = True
    """Whether worker means of what varies are regressors too: then slopes are within workers (Mundlak)."""
    demographics: bool = True
    years: Literal["contrasts", "none"] = "contrasts"
    ratings: Literal["drop", "indicator", "mixture"] = "drop"
    """Rows without a rating: left out, as published; given an indicator of their own; or summed over the ratings they may have
    had, with an ordered logit for the rating."""
    errors: Literal["normal", "student"] = "normal"
    ordered: bool = False
    """Whether effects of levels and tenure rise, and those of ratings fall, by construction."""
    error: PositiveFloat = 1.0
    """Half-normal of the errors' standard deviation."""
    effect: PositiveFloat = 1.0
    """Half-normal of the worker effects' standard deviation."""

    def design(self, panel: Personnel) -> BonusDesign:
        """The regressors of a panel. Raises IdentificationError where they cannot be told apart within workers."""
        found = bonus_design(
            panel, self.blocks, means=self.means, demographics=self.demographics, years=self.years,
            ratings="drop" if self.ratings == "drop" else "indicator",
        )  # fmt: skip
        if self.ratings == "mixture" and "rating missing" in found.terms:
            found = found.without("rating missing")
        check_identified(found)
        return found

    @property
    def sums_out(self) -> bool:
        """Whether worker effects can be integrated out exactly."""
        return self.errors == "normal" and self.ratings != "mixture"


def bonus_size(panel: Personnel, spec: BonusSpec | None = None, **settings: Any) -> pm.Model:
    """Build the model.

    Parameters
    ----------
    panel
        The panel; rows with a bonus are used.
    spec
        A :class:`BonusSpec`; or ``**settings``, its fields.

    Returns
    -------
    pm.Model
        Deterministic ``theta`` by term (sampled in a pilot's coordinates), ``sigma``, ``tau``. With normal errors and no
        mixture the observed variable ``log_bonus_products`` are the cross products to which the panel reduces: a refit replaces
        ``observed_products``. Otherwise every worker has a level of his own, and ``log_bonus`` (data
        ``observed_log_bonus``) is observed; ``nu`` with Student-t errors; with the mixture ``rating``, ``unrated_log_bonus``,
        and ``rating_cuts`` and ``rating_slope`` of the ordered logit.

    Raises
    ------
    DataFaults
        For settings or columns that are not there.
    IdentificationError
        For regressors that cannot be told apart within workers.

    """
    spec = spec or BonusSpec(**settings)
    design = spec.design(panel)
    y = np.log(design.table["bonus"].to_numpy(np.float64))
    center = np.zeros(len(design.terms))
    center[0] = y.mean()
    pilot, *scales = panel_pilot(y, design.columns, design.worker, center, design.prior_sd)
    split = split_coordinates(design, pilot, (scales[0], scales[1])) if spec.sums_out else None
    pilot = pilot if split is None else split.pilot
    with pm.Model(coords={"term": list(design.terms)}) as model:
        x, theta = coefficients(design, pilot, center, spec.ordered)
        if spec.sums_out:
            _observe_reduced(y, design, x, pilot, split, spec, scales)
        else:
            mixture = spec.ratings == "mixture" and bool(design.table["rating"].isna().any())
            priors = (spec.error, spec.effect)
            observe_with_effects(y, design, x, theta, pilot, (scales[0], scales[1]), priors, spec.errors, mixture)
    return model


def _observe_reduced(
    y: np.ndarray, design: BonusDesign, x: Any, pilot: Pilot, split: Split | None, spec: BonusSpec, scales: list[float]
) -> None:  # fmt: skip
    """Standard deviations and the likelihood with worker effects summed out."""
    rotated = design.columns @ pilot.scale
    offset = design.columns @ pilot.center
    inner, outer = (rotated, None) if split is None else (split.inner, split.outer)
    reduced = reduce_panel(y - offset, inner, design.worker, outer)
    sizes, coordinates = (reduced.rows_per_worker, reduced.workers), (reduced.inner, reduced.outer)
    sigma, tau = pm.HalfNormal("sigma", spec.error), pm.HalfNormal("tau", spec.effect)
    start_at(sigma=scales[0], tau=scales[1])

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
        "log_bonus_products", x, sigma, tau, pt.constant(reduced.products), logp=log_density, random=random,
        signature="(p),(),(),(b,q,r)->(b,q,r)",
        observed=pm.Data("observed_products", reduced.products),
    )  # fmt: skip
