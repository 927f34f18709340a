r"""Size of bonuses with a variable per worker: where errors are Student-t, or ratings are missing, nothing sums out exactly.

Missing ratings are summed over, weighted by an ordered logit for the rating. Section 7b of the specification.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_labor.custom_ops.products import design_index
from bayes_labor.models.panel_design import PanelDesign
from bayes_labor.models.panel_rows import Errors, error_distribution, mean_by_row
from bayes_labor.models.pilot import Pilot, logit_pilot, rotated_normal

_FAR = 700.0  # log odds beyond which a chance is 0 or 1 in float64


def observe_with_effects(
    y: np.ndarray, design: PanelDesign, x: Any, theta: Any, pilot: Pilot, scales: tuple[float, float],
    priors: tuple[float, float], errors: Errors, mixture: bool,
) -> None:  # fmt: skip
    """Effects, errors and the likelihood of log bonuses ``y`` (N,), added to the model being built.

    ``x`` are the coordinates of ``theta`` in the pilot; ``scales`` and ``priors`` start and scale sigma and tau.
    """
    mean, sigma = mean_by_row(y, design, x, pilot, scales, priors, "worker")
    kind, extra = error_distribution(errors)
    if not mixture:
        kind("log_bonus", mu=mean, sigma=sigma, **extra, observed=pm.Data("observed_log_bonus", y))
        return
    rated = design.table["rating"].notna().to_numpy()
    kind("log_bonus", mu=mean[rated], sigma=sigma, **extra, observed=pm.Data("observed_log_bonus", y[rated]))
    effects, log_p = _ratings(design, theta, rated)
    parts = kind.dist(mu=mean[~rated][:, None] + effects[None, :], sigma=sigma, **extra)
    pm.Mixture("unrated_log_bonus", pt.exp(log_p), parts, observed=pm.Data("observed_unrated_log_bonus", y[~rated]))


def _cuts(counts: np.ndarray, ratings: np.ndarray) -> Any:
    """Rising cut points of the rating: the first, and logarithms of the gaps, in units of their likely precision."""
    below = np.cumsum(counts)[:-1] / counts.sum()
    cuts = np.log(below) - np.log1p(-below)
    center = np.append(cuts[0], np.log(np.diff(cuts)))
    precision = np.append(counts.sum() * below[0] * (1.0 - below[0]), counts[2:])
    pm.modelcontext(None).add_coord("rating_cut", [f"{a:.0f} to {b:.0f}" for a, b in pairwise(ratings)])
    prior = (np.zeros(len(cuts)), np.append(3.0, np.ones(len(cuts) - 1)))
    _, steps = rotated_normal("rating_cut_steps", Pilot(center, np.diag(precision**-0.5)), *prior, "rating_cut")
    return pm.Deterministic("rating_cuts", pt.cumsum(pt.concatenate([steps[:1], pt.exp(steps[1:])])), dims="rating_cut")


def _ratings(design: PanelDesign, theta: Any, rated: np.ndarray) -> tuple[Any, Any]:
    """(effect of each rating on log bonus, log probabilities (missing rows, ratings)); an ordered logit for those seen."""
    places = [i for i, t in enumerate(design.terms) if design.blocks[i] == "ratings" and t != "rating missing"]
    found = np.unique(design.table["rating"].dropna())
    what = [i for i, b in enumerate(design.blocks) if b in ("levels", "age", "tenure", "promoted")]
    z = design.columns[:, what] - design.columns[:, what].mean(0)
    rating = np.searchsorted(found, design.table["rating"].to_numpy(np.float64)[rated])
    sd = np.full(len(what), 1.0)
    guess = logit_pilot((rating > 0).astype(np.float64), np.column_stack([np.ones(len(rating)), z[rated]]), np.append(5.0, sd))
    own = Pilot(guess.center[1:], np.linalg.cholesky((guess.scale @ guess.scale.T)[1:, 1:]))
    pm.modelcontext(None).add_coord("rating_term", [design.terms[i] for i in what])
    slope_x, _ = rotated_normal("rating_slope", own, 0.0 * sd, sd, "rating_term")
    index = design_index(pt.constant((z @ own.scale).T.copy()), slope_x) + z @ own.center
    cuts = _cuts(np.bincount(rating, minlength=len(found)), found)
    edges = pt.concatenate([pt.constant(np.array([-_FAR])), cuts, pt.constant(np.array([_FAR]))])
    pm.CustomDist(
        "rating", index[rated], edges, logp=_log_chance, random=_draw_rating, signature="(n),(e)->(n)",
        observed=pm.Data("observed_rating", rating.astype(np.float64)),
    )  # fmt: skip
    every = pt.arange(len(found))[None, :]
    return pt.concatenate([pt.zeros(1), theta[places]]), _log_chance(every, index[~rated][:, None], edges)


def _log_chance(rating: Any, index: Any, edges: Any) -> Any:
    """Log probability that index plus logistic noise falls between a rating's two edges, ratings from 0.

    A product, not a difference: a chance that is zero in float64 would leave a chain without a gradient.
    """
    seen = rating.astype("int64")
    apart = pt.log(-pt.expm1(edges[:-1] - edges[1:]))
    return -pt.softplus(index - edges[seen + 1]) - pt.softplus(edges[seen] - index) + apart[seen]


def _draw_rating(
    index: np.ndarray, edges: np.ndarray, rng: np.random.Generator | None = None, size: Any = None
) -> np.ndarray:  # fmt: skip
    rng = np.random.default_rng() if rng is None else rng
    return np.searchsorted(edges[1:-1], index + rng.logistic(size=len(index))).astype(np.float64)
