r"""Size of bonuses: log bonus on levels, age, tenure and ratings, with a worker effect integrated out (Tables 3 to 5).

The likelihood is that of :mod:`bayes_labor.likelihoods.random_intercepts`: a few small matrices, whatever the panel's size.
Section 7b of the specification.
"""

from typing import Any, Literal

import numpy as np
import pymc as pm
from pydantic import PositiveFloat

from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.models.bonuses.coefficients import coefficients
from bayes_labor.models.bonuses.design import BLOCKS, Block, bonus_design
from bayes_labor.models.bonuses.missing_ratings import observe_with_effects
from bayes_labor.models.linear_panel import observe_panel, split_coordinates
from bayes_labor.models.notes import note_left_out
from bayes_labor.models.panel_design import IdentificationError, PanelDesign
from bayes_labor.models.pilot import panel_pilot
from bayes_labor.models.settings import Settings


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

    def design(self, panel: Personnel) -> PanelDesign:
        """The regressors of a panel, but those it cannot tell. Raises DataFaults where bonuses or ratings say nothing."""
        found = bonus_design(
            panel, self.blocks, means=self.means, demographics=self.demographics, years=self.years,
            ratings="drop" if self.ratings == "drop" else "indicator",
        )  # fmt: skip
        if self.ratings == "mixture" and "rating missing" in found.terms:
            found = found.without("rating missing")
        unheard = [t for t in found.left_out if t.startswith("rating ") and t != "rating missing"]
        if self.ratings == "mixture" and (unheard or "ratings" not in found.blocks):
            what = f"effects of {', '.join(unheard) or 'ratings'} cannot be told, so that missing ratings cannot be summed over"
            raise IdentificationError([Fault(what, panel.name, "ratings='drop' or 'indicator', or means=False")])
        if np.ptp(found.table["bonus"]) == 0:
            raise DataFaults([Fault("all bonuses are the same", panel.name, "give rows whose bonuses differ")])
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
        For missing ratings to be summed over, where the effects of ratings cannot be told.

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
        note_left_out(design.left_out)
        x, theta = coefficients(design, pilot, center, spec.ordered)
        if spec.sums_out:
            observe_panel("log_bonus", y, design, x, pilot, split, (spec.error, spec.effect), (scales[0], scales[1]))
        else:
            mixture = spec.ratings == "mixture" and bool(design.table["rating"].isna().any())
            priors = (spec.error, spec.effect)
            observe_with_effects(y, design, x, theta, pilot, (scales[0], scales[1]), priors, spec.errors, mixture)
    return model
