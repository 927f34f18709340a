"""What a fit of joint production found, in sentences made from its numbers."""

import numpy as np
import xarray as xr

from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.posteriors.sayings import SURE, chance
from bayes_labor.posteriors.tables import percent

_NAMED = 3


def finding(spec: JointProductionSpec, workforce: Workforce, draws: xr.DataTree) -> str:
    """Whether coworkers matter, by how much and how surely; who gets the surplus. Says nothing that the draws do not.

    Parameters
    ----------
    spec, workforce, draws
        A fit.

    """
    posterior = draws["posterior"].to_dataset()
    share = posterior["surplus_share"].to_numpy().ravel()
    low, high = np.quantile(share, [0.03, 0.97])
    surplus = (
        f"Of pay {percent(share.mean())} [{percent(low)}, {percent(high)}] is surplus over what workers could get elsewhere."
    )
    surplus = " ".join([surplus, _sharing(workforce, posterior)]).strip()
    if spec.is_linear:
        return f"This specification holds β at zero: nobody's product depends on coworkers. {surplus}"
    beta = posterior["beta"].transpose("chain", "draw", "industry").to_numpy().reshape(-1, len(workforce.industries))
    return f"{_interaction(beta, workforce.industries)} {surplus}"


def _sharing(workforce: Workforce, posterior: xr.Dataset) -> str:
    """Who gets the surplus: the quarter of workers with the most of the first internal term against that with the least.

    Shares are proportional to exp(x'psi) within a workplace. Nothing is said where the term does not spread over quarters.
    """
    if "psi" not in posterior:
        return ""
    psi = posterior["psi"].transpose("chain", "draw", ...).to_numpy().reshape(-1, posterior["psi"].shape[-1])
    columns = [workforce.terms.index(str(t)) for t in posterior["psi"].coords[str(posterior["psi"].dims[-1])].to_numpy()]
    x, name = workforce.design[:, columns], workforce.terms[columns[0]]
    quarters = np.quantile(x[:, 0], [0.25, 0.75])
    if quarters[0] == quarters[1]:
        return ""
    apart = x[x[:, 0] >= quarters[1]].mean(0) - x[x[:, 0] <= quarters[0]].mean(0)
    low, middle, high = np.exp(np.quantile(psi @ apart, [0.03, 0.5, 0.97]))
    words = f"of it a worker of the quarter with the most {name} gets {_times(middle)} [{_times(low)}, {_times(high)}] times as"
    settled = "" if low > 1.0 or high < 1.0 else ", so that who gets more is not settled"
    return f"{words[0].upper()}{words[1:]} much as a coworker of the quarter with the least{settled}."


def _times(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.2g}"


def _interaction(beta: np.ndarray, industries: tuple[str, ...]) -> str:
    """Of draws (S, K) of beta."""
    below = (beta < 0).mean(0)
    above, under = below <= SURE, below >= 1.0 - SURE
    told = [(above, "β is above zero"), (under, "β is below zero"), (~above & ~under, "the sign of β is not settled")]
    words = [f"{what} in {_list(beta[:, which], below[which], industries, which)}" for which, what in told if which.any()]
    opening = "Coworkers interact: " if (above | under).any() else "Whether coworkers interact the data do not settle: "
    return opening + "; ".join(words) + "."


def _list(beta: np.ndarray, below: np.ndarray, industries: tuple[str, ...], which: np.ndarray) -> str:
    """The industries with their posteriors, those furthest from zero first; of many the first few and a count."""
    names = [n for n, w in zip(industries, which, strict=True) if w]
    order = np.argsort(-np.abs(beta.mean(0)))
    low, high = np.quantile(beta, [0.03, 0.97], axis=0)
    shown = [
        f"{names[k]} ({beta[:, k].mean():.2f} [{low[k]:.2f}, {high[k]:.2f}], below zero with probability {chance(below[k])})"
        for k in order[:_NAMED]
    ]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
