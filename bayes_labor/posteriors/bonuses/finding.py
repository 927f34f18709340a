"""What a fit of bonuses found, in sentences made from its numbers."""

from typing import Any

import numpy as np
import xarray as xr

from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.models import ReceiptSpec
from bayes_labor.models.bonuses.design import base_of
from bayes_labor.posteriors.bonuses.prior_page import of_bonuses
from bayes_labor.posteriors.bonuses.results import coefficients, levels_of
from bayes_labor.posteriors.sayings import chance_below, middle_and_ends, side
from bayes_labor.posteriors.tables import percent


def finding(spec: Any, panel: Personnel, draws: xr.DataTree) -> str:
    """How bonuses go with the level, what of them is the worker's own, and whether the prize of promotion lowers them.

    Parameters
    ----------
    spec, panel, draws
        A fit of receipt, size, both, or of the promotion prize.

    """
    posterior = draws["posterior"].to_dataset()
    prize = of_prize(posterior["rho"].to_numpy().ravel()) if "rho" in posterior else ""
    said = [_levels(spec, panel, draws), prize, _both(posterior), _workers(posterior)]
    return " ".join(s for s in said if s)


def _levels(spec: Any, panel: Personnel, draws: xr.DataTree) -> str:
    """The highest level against the base."""
    design = of_bonuses(spec.design(panel))
    if "level" not in design.table:
        return ""
    levels, _ = levels_of(panel, spec, design)
    if not levels:
        return ""
    asked = base_of(panel, design.table["level"], "level", spec)
    base = panel.word("level", float(design.table["level"].min()) if asked is None else asked)
    effect = coefficients(draws, levels[-1:])[:, 0]
    what = "the odds of a bonus" if isinstance(spec, ReceiptSpec) else "bonuses"
    if not side(effect):
        return f"Whether {what} differ between {levels[-1]} and level {base} is not settled ({_effect(effect)})."
    like = "among people alike in what else the model has"
    return f"At {levels[-1]} {what} are {middle_and_ends(np.exp(effect))} times those at level {base}, {like}."


def _effect(draws: np.ndarray) -> str:
    return f"{middle_and_ends(draws)} in logs, {chance_below(draws)}"


def of_prize(rho: np.ndarray) -> str:
    """Of draws (S,) of the effect of the prize of promotion on the log bonus."""
    told = {
        0: "Whether bonuses are lower where promotion promises more is not settled",
        -1: "Bonuses are lower where promotion promises more",
        1: "Bonuses are higher, not lower, where promotion promises more",
    }[side(rho)]
    return f"{told}: ρ = {middle_and_ends(rho)} log points of bonus a log point of prize, {chance_below(rho)}."


def _both(posterior: xr.Dataset) -> str:
    """Receipt and size as one model."""
    if not {"corr", "tau", "sd_mu"} <= set(posterior):
        return ""
    corr = posterior["corr"].to_numpy().ravel()
    told = {
        0: "Whether those who receive bonuses more often receive larger ones is not settled",
        1: "Those who receive bonuses more often than others like them receive larger ones too",
        -1: "Those who receive bonuses more often than others like them receive smaller ones",
    }[side(corr)]
    return f"{told}: the worker effects correlate by {middle_and_ends(corr)}."


def _workers(posterior: xr.Dataset) -> str:
    """What lasts of a worker."""
    sizes = ("sd_mu" if "sd_mu" in posterior else "tau", "sd_bonus" if "sd_bonus" in posterior else "sigma")
    if all(n in posterior for n in sizes):
        effect, error = (np.square(posterior[n].to_numpy().ravel()) for n in sizes)
        share = effect / (effect + error)
        low, high = np.quantile(share, [0.03, 0.97])
        lasting = f"{percent(float(share.mean()))} [{percent(low)}, {percent(high)}]"
        return f"Of the variance of log bonuses that this leaves, {lasting} lies between workers and lasts."
    if "tau" in posterior:
        times = middle_and_ends(np.exp(posterior["tau"].to_numpy().ravel()))
        return f"Workers differ lastingly: a standard deviation of their effects multiplies the odds by {times}."
    return ""
