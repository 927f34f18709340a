"""Coefficients of the bonus regressions: in a pilot's coordinates, or with effects in the order that theory says."""

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_labor.models.notes import start_at
from bayes_labor.models.panel_design import PanelDesign
from bayes_labor.models.pilot import Pilot, rotated_normal

_STEPS = {"levels": 0.75, "tenure": 0.2, "ratings": -0.2}
"""Half-normal steps by which effects cumulate; ratings fall from 1, the best."""


def coefficients(design: PanelDesign, pilot: Pilot, center: np.ndarray, ordered: bool) -> tuple[Any, Any]:
    """(coordinates, theta) of the columns of ``design``; theta = pilot.center + pilot.scale x.

    Normal around ``center`` with the design's standard deviations; with ``ordered``, effects of levels and tenure rise and
    those of ratings fall step by step, each step half-normal.
    """
    if not ordered:
        return rotated_normal("theta", pilot, center, design.prior_sd, "term")
    theta = pt.zeros(len(design.terms))
    stepping = {block: _stepping(design, block) for block in _STEPS}
    for block, places in stepping.items():
        step = _STEPS[block]
        if len(places):
            steps = pm.HalfNormal(f"{block}_steps", abs(step), shape=len(places))
            start_at(**{f"{block}_steps": np.full(len(places), 0.5 * abs(step))})
            theta = pt.set_subtensor(theta[places], np.sign(step) * pt.cumsum(steps))
    held = np.concatenate(list(stepping.values()))
    rest = np.setdiff1d(np.arange(len(design.terms)), held)
    own = _part(pilot, rest)
    pm.modelcontext(None).add_coord("free_term", [design.terms[i] for i in rest])
    _, free = rotated_normal("free", own, center[rest], design.prior_sd[rest], "free_term")
    theta = pm.Deterministic("theta", pt.set_subtensor(theta[rest], free), dims="term")
    inverse = np.linalg.inv(pilot.scale)
    return pt.dot(inverse, theta - pilot.center), theta


def _stepping(design: PanelDesign, block: str) -> np.ndarray:
    own = zip(design.blocks, design.terms, strict=True)
    return np.flatnonzero([b == block and t != "rating missing" for b, t in own])


def _part(pilot: Pilot, rest: np.ndarray) -> Pilot:
    """The pilot's coordinates of some coefficients, given the others."""
    inverse = np.linalg.inv(pilot.scale)
    information = (inverse.T @ inverse)[np.ix_(rest, rest)]
    covariance = np.linalg.inv(information)
    return Pilot(pilot.center[rest], np.linalg.cholesky(0.5 * (covariance + covariance.T)))
