"""What will probably go wrong in a fit, told from the prior's draws and from the modes of the posterior before any sampling."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pymc as pm
import xarray as xr

from bayes_labor.data.joint_production.remarks import remarks
from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.engines.modes import SMALLEST_SHARE, find_modes, shares
from bayes_labor.models.joint_production.inputs import prior_table
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.models.starting import beta_coordinates, starting_point, starting_points
from bayes_labor.theory.joint_production.status import Status

_SOLVED, _NEGATIVE = 0.2, 0.1  # shares of prior draws with an equilibrium, of negative prior wages
_FAR, _EDGE = 3.0, 0.02  # prior standard deviations; distance of d to the ends of its range


SEARCHED = 50_000  # workers up to which a search for modes takes seconds


def look_ahead(
    spec: JointProductionSpec, workforce: Workforce, model: pm.Model, evaluate: Callable[..., Any], prior: xr.DataTree
) -> tuple[dict[str, str], list[str]]:
    """See :attr:`bayes_labor.posteriors.system.System.foresee`."""
    outcomes, negative = prior_outcomes(prior)
    troubles = [*foresee(workforce, outcomes, negative), *(f"{r.what} ({r.where}): {r.remedy}" for r in remarks(workforce))]
    if workforce.n_workers <= SEARCHED:
        troubles += foresee_from_modes(workforce, spec, model, evaluate)
    said = {"prior draws by outcome": ", ".join(f"{k} {v:.0%}" for k, v in outcomes.items())}
    return said | {"negative prior wages": f"{negative:.0%}"}, troubles


def prior_outcomes(prior: xr.DataTree) -> tuple[dict[str, float], float]:
    """(share of prior draws by outcome of the solver, share of negative wages among those that solve)."""
    status = prior["prior"]["solver_status"].to_numpy().astype(int).ravel()
    shares = {s.name: float(np.mean(status == s)) for s in Status if np.any(status == s)}
    wage = prior["prior_predictive"]["wage"].to_numpy().reshape(len(status), -1)[status == 0]
    return shares, float(np.mean(wage < 0)) if wage.size else float("nan")


def foresee(workforce: Workforce, outcomes: dict[str, float], negative: float) -> Iterator[str]:
    """Troubles told by the prior: ``outcomes`` are shares of its draws by outcome, ``negative`` that of negative wages."""
    solved = outcomes.get("OK", 0.0)
    if solved < _SOLVED:
        worst = max((name for name in outcomes if name != "OK"), key=outcomes.__getitem__)
        yield f"only {solved:.0%} of prior draws have an equilibrium. {Status[worst].advice}"
    if negative > _NEGATIVE and not np.any(workforce.wage < 0):
        yield f"{negative:.0%} of prior wages are negative, none of yours is: lower the priors noise or talent"


def foresee_from_modes(
    workforce: Workforce, spec: JointProductionSpec, model: pm.Model, evaluate: Callable[..., Any]
) -> Iterator[str]:
    """Troubles told by the modes; ``evaluate`` takes the model's unconstrained variables and gives log density and gradient."""
    point = starting_point(model)
    modes = find_modes(_flat(evaluate, point), starting_points(model), beta_coordinates(model))
    if not modes:
        yield "no mode of the posterior was found: the starting point has no equilibrium, tighten the priors"
        return
    weights = shares(modes)
    heavy = [(m, w) for m, w in zip(modes, weights, strict=True) if w >= SMALLEST_SHARE]
    if len(heavy) > 1:
        found = ", ".join(f"{w:.0%}" for _, w in heavy)
        yield f"the posterior has {len(heavy)} modes ({found} by Laplace's approximation): sample longer, and read both sides"
    top = heavy[0][0]
    on_sides = beta_coordinates(model, held=False)
    if on_sides.any() and (np.abs(top.point) < np.sqrt(np.diag(top.covariance)))[on_sides].any():
        yield "the data hardly tell the sign of β, whose posterior has a cusp at zero: chains mix slowly there, raise --draws"
    ends = np.cumsum([np.size(v) for v in point.values()])[:-1]
    for mode, weight in heavy:
        at = dict(zip(point, np.split(mode.point, ends), strict=True))
        where = "" if len(heavy) == 1 else f" (the mode that holds {weight:.0%})"
        if "V_U" in at:
            odd = _outsiders(workforce, spec, float(at["V_U"][0]), 1.0 / (1.0 + np.exp(-float(at["d_logodds__"][0]))))
            yield from (trouble + where for trouble in odd)


def _outsiders(workforce: Workforce, spec: JointProductionSpec, v_u: float, d: float) -> Iterator[str]:
    """What is odd about V_U and d where the posterior is highest."""
    center, sd = prior_table(workforce, spec)["V_U"].values
    low = float(np.quantile(workforce.wage, 0.1))
    if v_u < 0.0:
        yield f"V_U would be {v_u:.3g}: being without work would cost money. Tighten its prior (--prior unemployment=...)"
    elif v_u > low:
        yield f"V_U would be {v_u:.3g}, above the least decile of wages, {low:.3g}: look at the lowest wages"
    if abs(v_u - center) > _FAR * sd:
        away = abs(v_u - center) / sd
        yield f"the data pull V_U to {v_u:.3g}, {away:.1f} prior sds from {center:.3g}: say what is known of it"
    if not _EDGE < d < 1.0 - _EDGE:
        yield f"d would be {d:.2f}, at the end of its range: choose another prior (bargaining), or another specification"


def _flat(evaluate: Callable[..., Any], point: dict[str, np.ndarray]) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """(log density, gradient) as a function of one vector; no density where either is not finite."""
    shapes = [np.shape(v) for v in point.values()]
    ends = np.cumsum([np.size(v) for v in point.values()])[:-1]

    def call(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, *parts = evaluate(*(p.reshape(s) for p, s in zip(np.split(x, ends), shapes, strict=True)))
        gradient = np.concatenate([np.ravel(g) for g in parts])
        return (float(value), gradient) if np.isfinite(value) and np.isfinite(gradient).all() else (-np.inf, np.zeros_like(x))

    return call
