"""What a fit of joint production found, in sentences made from its numbers."""

import numpy as np
import xarray as xr

from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.models.joint_production.settings import JointProductionSpec

_SURE = 0.03
"""Share of draws on the other side of zero, up to which the sign of an industry's beta counts as known."""
_NAMED = 3


def finding(spec: JointProductionSpec, workforce: Workforce, draws: xr.DataTree) -> str:
    """Whether coworkers matter, by how much and how surely; who gets the surplus. Says nothing that the draws do not.

    Parameters
    ----------
    spec, workforce, draws
        A fit.

    """
    posterior = draws["posterior"]
    share = posterior["surplus_share"].to_numpy().ravel()
    low, high = np.quantile(share, [0.03, 0.97])
    surplus = f"Of pay {share.mean():.0%} [{low:.0%}, {high:.0%}] is surplus over what workers could get elsewhere."
    if spec.is_linear:
        return f"This specification holds β at zero: nobody's product depends on coworkers. {surplus}"
    beta = posterior["beta"].transpose("chain", "draw", "industry").to_numpy().reshape(-1, len(workforce.industries))
    return f"{_interaction(beta, workforce.industries)} {surplus}"


def _interaction(beta: np.ndarray, industries: tuple[str, ...]) -> str:
    """Of draws (S, K) of beta."""
    below = (beta < 0).mean(0)
    above, under = below <= _SURE, below >= 1.0 - _SURE
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
        f"{names[k]} ({beta[:, k].mean():.2f} [{low[k]:.2f}, {high[k]:.2f}], below zero with probability {below[k]:.2f})"
        for k in order[:_NAMED]
    ]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
