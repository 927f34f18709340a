"""Maximum likelihood, the paper's own method, beside the posterior: the same likelihood without priors.

Several starts on both signs of beta, and a change of sign of each industry's beta at the best optimum, since output has a cusp
at beta = 0. Standard errors by the inverse Hessian and by the sandwich with workplaces as clusters.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pymc.pytensorf import join_nonshared_inputs
from scipy import optimize

from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.models.joint_production.model import PARAMETERS, joint_production
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.models.starting import beta_coordinates, starting_point, starting_points
from bayes_labor.posteriors.joint_production.summary import SYMBOL
from bayes_labor.posteriors.tables import term_labels

_STEP, _SHORTER = 1e-4, 4
_SINGULAR = 1e-8  # curvatures below this share of the usual one mark directions the data do not identify


class MaximumLikelihood(NamedTuple):
    """An optimum of the likelihood."""

    table: pd.DataFrame
    """By (symbol, term): ``estimate``, ``se`` (inverse Hessian), ``se_sandwich`` (workplaces as clusters)."""
    log_likelihood: float
    optima: list[float]
    """Log-likelihoods of all optima found, the best first."""
    unidentified: int
    """Directions in which the likelihood is flat at the optimum; their parameters have no standard error."""


class _Likelihood:
    """Log-likelihood, gradient, terms by workplace and parameters in the units of the data, as functions of one vector."""

    def __init__(self, model: pm.Model) -> None:
        point = starting_point(model)
        self.names = [n for n in PARAMETERS if n in model.named_vars]
        terms = model.logp(vars=[model["wage"]], sum=False)[0]
        natural = model.replace_rvs_by_values([model[n] for n in self.names])
        outputs, x = join_nonshared_inputs(
            point={v.name: point[v.name] for v in model.value_vars}, outputs=[terms, *natural], inputs=model.value_vars
        )
        total = outputs[0].sum()
        self._climb = pytensor.function([x], [total, pt.grad(total, x)])
        self._look = pytensor.function([x], outputs)

    def climb(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """(log-likelihood, gradient)."""
        value, gradient = self._climb(x)
        return float(value), np.asarray(gradient)

    def look(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """((F,) log-likelihood of each workplace, parameters in the units of the data)."""
        terms, *natural = self._look(x)
        return np.asarray(terms), np.concatenate([np.ravel(n) for n in natural])


def maximum_likelihood(workforce: Workforce, spec: JointProductionSpec) -> MaximumLikelihood:
    """Maximise the likelihood of a specification.

    Parameters
    ----------
    workforce, spec
        As for :func:`bayes_labor.models.joint_production`. Priors, pooling and the penalty on infeasible workplaces are left
        out; they only give the starting points.

    Returns
    -------
    MaximumLikelihood

    """
    spec = spec.model_copy(update={"pooled": False, "penalty": 0.0})
    model = joint_production(workforce, spec)
    likelihood = _Likelihood(model)
    held = beta_coordinates(model)
    optima = sorted((_maximise(likelihood.climb, s, held) for s in starting_points(model)), key=lambda o: -o[0])
    best = optima[0]
    if "atanh_beta" in model.named_vars:
        best, optima = _change_signs(likelihood.climb, optima, _place(model, "atanh_beta"))
    se, sandwich, unidentified = _standard_errors(likelihood, best[1])
    labels = [(SYMBOL[n], t) for n in likelihood.names for t in term_labels(model, n)]
    table = pd.DataFrame(
        {"estimate": likelihood.look(best[1])[1], "se": se, "se_sandwich": sandwich},
        index=pd.MultiIndex.from_tuples(labels, names=["parameter", "term"]),
    )
    return MaximumLikelihood(table, best[0], sorted((o[0] for o in optima), reverse=True), unidentified)


def _maximise(climb: Callable, start: np.ndarray, held: np.ndarray | None = None) -> tuple[float, np.ndarray]:
    """(log-likelihood, point) of the optimum above a start; with ``held``, after the other coordinates have settled."""
    if held is not None and held.any():
        free = np.flatnonzero(~held)

        def within(y: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = climb(_put(start, free, y))
            return value, gradient[free]

        start = _put(start, free, _maximise(within, start[free])[1])

    def negative(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = climb(x)
        return (-value, -gradient) if np.isfinite(value) and np.isfinite(gradient).all() else (1e12, np.zeros_like(x))

    found = optimize.minimize(negative, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000, "maxfun": 4000})
    return float(-found.fun), found.x


def _put(x: np.ndarray, places: np.ndarray, values: np.ndarray) -> np.ndarray:
    changed = x.copy()
    changed[places] = values
    return changed


def _change_signs(climb: Callable, optima: list, place: slice) -> tuple[tuple[float, np.ndarray], list]:
    """Try the other side of the cusp for one industry at a time, from the best optimum so far."""
    best = optima[0]
    for i in range(place.start, place.stop):
        other = best[1].copy()
        other[i] = -other[i] if abs(other[i]) > 0.05 else -0.2 * np.sign(other[i] or 1.0)
        found = _maximise(climb, other)
        optima = [*optima, found]
        best = max(best, found, key=lambda o: o[0])
    return best, optima


def _place(model: pm.Model, name: str) -> slice:
    point = starting_point(model)
    ends = np.cumsum([np.size(point[v.name]) for v in model.value_vars])
    i = [v.name for v in model.value_vars].index(name)
    return slice(int(ends[i] - np.size(point[name])), int(ends[i]))


def _step_inside(likelihood: _Likelihood, x: np.ndarray, i: int) -> np.ndarray:
    """A step in one coordinate, short enough that all workplaces have an equilibrium on both sides, if there is one."""
    step = np.zeros_like(x)
    step[i] = _STEP
    for _ in range(_SHORTER):
        sides = (likelihood.climb(x + step), likelihood.climb(x - step))
        if all(np.isfinite(value) and np.isfinite(gradient).all() for value, gradient in sides):
            break
        step[i] *= 0.2
    return step


def _inverse(information: np.ndarray, fall: Callable[[np.ndarray], float] = lambda step: 0.0) -> tuple[np.ndarray, np.ndarray]:
    """(inverse of the information without its flat directions, those directions as columns of length one).

    Coordinates are scaled by their own curvature, whatever their units. A direction is flat where its curvature is nothing
    beside the median one: beside an edge of the region with an equilibrium a single direction may be steeper than all others
    by any factor, and says nothing of them. What rounding of the steepest one leaves undecided counts as flat.

    At a kink, such as the cusp at beta = 0, curvature at the optimum says nothing of how far it is from a worse point. Before a
    direction is called flat, ``fall`` gives twice the fall of the log-likelihood over a usual standard error along it.
    """
    own = np.abs(np.diag(information))
    scale = 1.0 / np.sqrt(np.where(own > 0.0, own, 1.0))
    values, vectors = np.linalg.eigh(scale[:, None] * information * scale)
    usual = float(np.median(values[values > 0.0])) if np.any(values > 0.0) else 1.0
    least = max(_SINGULAR * usual, np.finfo(np.float64).eps * len(values) * np.abs(values).max())
    directions = scale[:, None] * vectors
    for i in np.flatnonzero(values < least):
        values[i] = usual * fall(directions[:, i] / np.sqrt(usual))
    flat = values < least
    kept, lost = directions[:, ~flat], directions[:, flat]
    return (kept / values[~flat]) @ kept.T, lost / np.linalg.norm(lost, axis=0)


def _standard_errors(likelihood: _Likelihood, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """By the delta method from the unconstrained coordinates; NaN for parameters in flat directions."""
    scores, jacobian, hessian = [], [], []
    for i in range(len(x)):
        step = _step_inside(likelihood, x, i)
        (up, natural_up), (down, natural_down) = likelihood.look(x + step), likelihood.look(x - step)
        scores.append((up - down) / (2 * step[i]))
        jacobian.append((natural_up - natural_down) / (2 * step[i]))
        hessian.append((likelihood.climb(x + step)[1] - likelihood.climb(x - step)[1]) / (2 * step[i]))
    information = -0.5 * (np.array(hessian) + np.array(hessian).T)
    top = likelihood.climb(x)[0]

    def fall(step: np.ndarray) -> float:
        """Zero where a side is no worse; a side without an equilibrium says nothing."""
        falls = [top - likelihood.climb(x + s * step)[0] for s in (1.0, -1.0)]
        known = [f for f in falls if np.isfinite(f)]
        return 2.0 * float(np.mean(known)) if known and min(known) > 0.0 else 0.0

    inverse, flat = _inverse(information, fall)
    score, natural = np.array(scores), np.array(jacobian)
    # A workplace without an equilibrium a step away has no score; the others stand for it.
    known = np.isfinite(score).all(0)
    meat = np.einsum("if,jf->ij", score[:, known], score[:, known]) * (len(known) / max(int(known.sum()), 1))
    touched = np.abs(natural.T @ flat).max(1, initial=0.0) > 1e-3 * np.abs(natural).max(0)
    return (
        np.where(touched, np.nan, np.sqrt(np.maximum(np.diag(natural.T @ inverse @ natural), 0.0))),
        np.where(touched, np.nan, np.sqrt(np.maximum(np.diag(natural.T @ inverse @ meat @ inverse @ natural), 0.0))),
        flat.shape[1],
    )
