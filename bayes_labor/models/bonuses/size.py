r"""Size of bonuses: log bonus on levels, age, tenure and ratings, with a worker effect integrated out (Tables 3 to 5).

The likelihood is that of :mod:`bayes_labor.likelihoods.random_intercepts`: a few small matrices, whatever the panel's size.
Where errors are Student-t or ratings are missing nothing sums out exactly: then every worker has a variable. Section 7b of
the specification.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pydantic import PositiveFloat, model_validator

from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.models.bonuses.design import COEFFICIENTS, FALLING, STEPS, Regressors, bonus_design
from bayes_labor.models.bonuses.missing_ratings import RATING, observe_over_ratings
from bayes_labor.models.linear_panel import Errors, error_distribution, linear_panel, mean_by_row, observe_products, spreads
from bayes_labor.models.notes import note_left_out, start_at
from bayes_labor.models.panel_design import IdentificationError, PanelDesign
from bayes_labor.models.pilot import Pilot, rotated_normal
from bayes_labor.models.priors import Prior
from bayes_labor.numerics.groups import Groups


class BonusSpec(Regressors):
    """What explains bonuses, and how."""

    ratings: Literal["drop", "indicator", "mixture"] = "drop"
    """Rows without a rating: left out, as published; given an indicator of their own; or summed over the ratings they may have
    had, with an ordered logit for the rating."""
    errors: Errors = "normal"
    effects: Literal["worker", "none"] = "worker"
    """``none``: pooled, rows of one worker as if of several, and no worker means."""
    ordered: bool = False
    """Whether effects of levels and tenure rise, and those of ratings fall, by construction."""
    robust: bool = False
    """Whether intervals of coefficients are those of errors clustered by worker, whatever their variances: see
    :func:`bayes_labor.posteriors.bonuses.robust.robust_draws`. With normal errors and effects of any order only."""
    error: PositiveFloat = 1.0
    """Half-normal of the errors' standard deviation."""
    effect: PositiveFloat = 1.0
    """Half-normal of the worker effects' standard deviation."""

    @model_validator(mode="after")
    def _summed_out(self) -> Self:
        if self.robust and (self.ordered or not self.sums_out):
            raise ValueError("robust=True needs errors='normal', ordered=False and no ratings summed over")
        return self

    @property
    def rows(self) -> dict[str, Prior]:
        """Priors by block of coefficients (of each step, where they are ordered), and by parameter."""
        steps = {n: p for n, p in STEPS.items() if n in self.blocks and self.ordered}
        missing = {"rating missing": COEFFICIENTS["ratings"]._replace(words="rating missing")}
        ratings = {"drop": {}, "indicator": missing, "mixture": RATING}[self.ratings]
        return self.coefficients | steps | spreads(self.errors, self.error, self.effect, "worker") | ratings

    def design(self, panel: Personnel) -> PanelDesign:
        """The regression on a panel, but what it cannot tell. Raises DataFaults where bonuses or ratings say nothing."""
        lowest = {"level": self.ordered, "rating": self.ordered or self.ratings == "mixture"}
        based = [n for n, needed in lowest.items() if needed and n in self.base]
        if based:
            what = f"a base of {' and '.join(based)} of one's own does not go with ordered effects or ratings summed over"
            raise DataFaults([Fault(what, "base", "leave the base out: the lowest one is it")])
        unrated: Literal["drop", "indicator"] = "drop" if self.ratings == "drop" else "indicator"
        asked = self if self.effects == "worker" else self.model_copy(update={"means": False})
        found = bonus_design(panel, asked, unrated=unrated)
        if self.effects == "none":
            found = replace(found, groups=Groups.of(np.arange(len(found.outcome))), left_out=_beside_effects(found.left_out))
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
    def coefficients(self) -> dict[str, Prior]:
        """See :class:`Regressors`."""
        return {n: p for n, p in super().coefficients.items() if n != "means" or self.effects == "worker"}

    @property
    def sums_out(self) -> bool:
        """Whether worker effects can be integrated out exactly."""
        return self.errors == "normal" and self.ratings != "mixture"


def _beside_effects(left_out: dict[str, str]) -> dict[str, str]:
    """What is left out besides worker effects that nobody asked for."""
    return {n: why for n, why in left_out.items() if n not in ("worker effects", "worker means")}


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
    workers = linear_panel(design, spec.table, summed=spec.sums_out)
    with pm.Model(coords={"term": list(design.terms)}) as model:
        note_left_out(design.left_out)
        x, theta = _in_order(design, workers.pilot, spec.table) if spec.ordered else _unordered(design, workers.pilot)
        if spec.sums_out:
            observe_products("log_bonus", workers, x)
            return model
        mean, sigma = mean_by_row(workers, x, "worker")
        kind, extra = error_distribution(spec.table)
        if spec.ratings == "mixture" and design.table["rating"].isna().any():
            observe_over_ratings(design, spec.table, theta, mean, kind, sigma=sigma, **extra)
        else:
            kind("log_bonus", mu=mean, sigma=sigma, **extra, observed=pm.Data("observed_log_bonus", design.outcome))
    return model


def _unordered(design: PanelDesign, pilot: Pilot) -> tuple[Any, Any]:
    """(coordinates, theta = pilot.center + pilot.scale x), under the normal priors of the design."""
    return rotated_normal("theta", pilot, design.prior_mean, design.prior_sd, "term")


def _in_order(design: PanelDesign, pilot: Pilot, table: Mapping[str, Prior]) -> tuple[Any, Any]:
    """The same, but effects of levels and tenure rise and those of ratings fall step by step, each step half-normal."""
    theta, held = pt.zeros(len(design.terms)), []
    for block in STEPS:
        places = [i for i in design.places(block) if design.terms[i] != "rating missing"]
        if places:
            steps = table[block].place(f"{block}_steps", shape=len(places))
            start_at(**{f"{block}_steps": np.full(len(places), table[block].frozen().median())})
            theta = pt.set_subtensor(theta[places], (-1.0 if block in FALLING else 1.0) * pt.cumsum(steps))
            held += places
    stepped = [design.terms[i] for i in held if f"theta[{design.terms[i]}]" in table]
    if stepped:
        remedy = "give a prior of the block, of each of its steps, or ordered=False"
        raise DataFaults([Fault(f"{', '.join(stepped)} follow from steps, which have the prior", "priors", remedy)])
    rest = np.setdiff1d(np.arange(len(design.terms)), held)
    pm.modelcontext(None).add_coord("free_term", [design.terms[i] for i in rest])
    own = _given_others(pilot, rest)
    _, free = rotated_normal("free", own, design.prior_mean[rest], design.prior_sd[rest], "free_term")
    theta = pm.Deterministic("theta", pt.set_subtensor(theta[rest], free), dims="term")
    return pt.dot(np.linalg.inv(pilot.scale), theta - pilot.center), theta


def _given_others(pilot: Pilot, rest: np.ndarray) -> Pilot:
    """The pilot's coordinates of some coefficients, given the others."""
    inverse = np.linalg.inv(pilot.scale)
    covariance = np.linalg.inv((inverse.T @ inverse)[np.ix_(rest, rest)])
    return Pilot(pilot.center[rest], np.linalg.cholesky(0.5 * (covariance + covariance.T)))
