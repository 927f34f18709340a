r"""Missing ratings summed over, weighted by an ordered logit for the rating. Section 7b of the specification."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_labor.models.panel_design import PanelDesign
from bayes_labor.models.pilot import Pilot, logit_pilot, rotated_normal
from bayes_labor.models.priors import Prior, stacked

_FAR = 700.0  # log odds beyond which a chance is 0 or 1 in float64
RATING = {
    "rating_slope": Prior("normal", (0.0, 1.0), "rating, every coefficient"),
    "rating_first_cut": Prior("normal", (0.0, 3.0), "rating, first cut point"),
    "rating_gap": Prior("normal", (0.0, 1.0), "rating, log gap between cut points"),
}
"""Priors of the ordered logit."""


def observe_over_ratings(
    design: PanelDesign, table: Mapping[str, Prior], theta: Any, mean: Any, kind: Any, **spread: Any
) -> None:
    """Log bonuses at rated rows, ratings, and log bonuses over the ratings that the others may have had, all observed.

    Parameters
    ----------
    design
        The regression, without an indicator of missing ratings.
    table
        Priors, those of :data:`RATING` among them.
    theta
        (P,) its coefficients.
    mean
        (N,) of each row, without the effect of the rating where it is missing.
    kind, spread
        The errors' distribution, and its parameters besides the mean.

    """
    rated = design.table["rating"].notna().to_numpy()
    y = design.outcome
    kind("log_bonus", mu=mean[rated], **spread, observed=pm.Data("observed_log_bonus", y[rated]))
    log_chance = _ratings(design, rated, table)
    places = [i for i in design.places("ratings") if design.terms[i] != "rating missing"]
    effects = pt.concatenate([pt.zeros(1), theta[places]])
    parts = kind.dist(mu=mean[~rated][:, None] + effects[None, :], **spread)
    pm.Mixture("unrated_log_bonus", pt.exp(log_chance), parts, observed=pm.Data("observed_unrated_log_bonus", y[~rated]))


def _ratings(design: PanelDesign, rated: np.ndarray, table: Mapping[str, Prior]) -> Any:
    """Log probabilities (missing rows, ratings); an ordered logit for those seen."""
    seen = design.table["rating"].to_numpy(np.float64)
    found = np.unique(seen[rated])
    what = design.places("levels", "age", "tenure", "promoted")
    z = design.columns[:, what] - design.columns[:, what].mean(0)
    rating, (mean, sd) = np.searchsorted(found, seen[rated]), table["rating_slope"].repeated(len(what)).values
    # The intercept of this guess is of no further use: cut points have their own.
    guess = logit_pilot((rating > 0).astype(np.float64), np.column_stack([np.ones(len(rating)), z[rated]]), np.append(5.0, sd))
    own = Pilot(guess.center[1:], np.linalg.cholesky((guess.scale @ guess.scale.T)[1:, 1:]))
    pm.modelcontext(None).add_coord("rating_term", [design.terms[i] for i in what])
    slope_x, _ = rotated_normal("rating_slope", own, mean, sd, "rating_term")
    index = own.fitted(z, slope_x)
    cuts = _cuts(np.bincount(rating, minlength=len(found)), found, table)
    edges = pt.concatenate([pt.constant(np.array([-_FAR])), cuts, pt.constant(np.array([_FAR]))])
    pm.CustomDist(
        "rating",
        *(index[rated], edges),
        logp=_log_chance,
        random=_draw_rating,
        signature="(n),(e)->(n)",
        observed=pm.Data("observed_rating", rating.astype(np.float64)),
    )
    return _log_chance(pt.arange(len(found))[None, :], index[~rated][:, None], edges)


def _cuts(counts: np.ndarray, ratings: np.ndarray, table: Mapping[str, Prior]) -> Any:
    """Rising cut points of the rating: the first, and logarithms of the gaps, in units of their likely precision."""
    below = np.cumsum(counts)[:-1] / counts.sum()
    cuts = np.log(below) - np.log1p(-below)
    center = np.append(cuts[0], np.log(np.diff(cuts)))
    precision = np.append(counts.sum() * below[0] * (1.0 - below[0]), counts[2:])
    pm.modelcontext(None).add_coord("rating_cut", [f"{a:g} to {b:g}" for a, b in pairwise(ratings)])
    mean, sd = stacked([table["rating_first_cut"], *[table["rating_gap"]] * (len(cuts) - 1)]).values
    _, steps = rotated_normal("rating_cut_steps", Pilot(center, np.diag(precision**-0.5)), mean, sd, "rating_cut")
    return pm.Deterministic("rating_cuts", pt.cumsum(pt.concatenate([steps[:1], pt.exp(steps[1:])])), dims="rating_cut")


def _log_chance(rating: Any, index: Any, edges: Any) -> Any:
    """Log probability that index plus logistic noise falls between a rating's two edges, ratings from 0.

    A product, not a difference: a chance that is zero in float64 would leave a chain without a gradient.
    """
    seen = rating.astype("int64")
    apart = pt.log(-pt.expm1(edges[:-1] - edges[1:]))
    return -pt.softplus(index - edges[seen + 1]) - pt.softplus(edges[seen] - index) + apart[seen]


def _draw_rating(index: np.ndarray, edges: np.ndarray, rng: np.random.Generator | None = None, size: Any = None) -> np.ndarray:
    rng = np.random.default_rng() if rng is None else rng
    return np.searchsorted(edges[1:-1], index + rng.logistic(size=len(index))).astype(np.float64)
