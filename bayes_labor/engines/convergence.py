"""Whether chains have converged: the numbers behind the gates, and what a fit that goes on waits for."""

from collections.abc import Mapping, Sequence
from typing import Any

import arviz as az
import numpy as np
import xarray as xr

R_HAT, ESS = 1.01, 400.0
"""R-hat must be below the first, bulk and tail effective sample sizes above the second."""
_APART = 0.3  # in shares below zero, between two chains
E_BFMI = 0.3
"""Which the estimated Bayesian fraction of missing information must exceed in every chain."""
DIVERGENT = 0.002
"""Share of draws that may have diverged."""
SIDE_ERROR = 0.015
"""Monte Carlo standard error that a share of draws below zero may have, where there is mass on both sides."""


def r_hat(chosen: xr.Dataset) -> xr.Dataset:
    """R-hat of every element; NaN for one that never moves, infinite for one that never moves within its chains only."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found: xr.Dataset = az.rhat(chosen)
    return found


def bfmi(energy: np.ndarray) -> float:
    """Least fraction over the chains of energies (chain, draw)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.min(np.square(np.diff(energy, axis=1)).mean(1) / energy.var(1)))


def compared(posterior: xr.Dataset, names: Sequence[str]) -> xr.Dataset:
    """The variables whose chains are compared: those named, or all."""
    return posterior[[v for v in names if v in posterior] or list(map(str, posterior.data_vars))]


def share_below(values: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """(share of draws below zero, its Monte Carlo error), by element."""
    negative = (values < 0).astype(float)
    share = negative.mean(("chain", "draw")).to_numpy().ravel()
    effective = az.ess(negative.to_dataset(name="negative"))["negative"].to_numpy().ravel()
    return share, np.sqrt(share * (1.0 - share) / np.maximum(np.nan_to_num(effective, nan=np.inf), 1.0))


def tolerated(own: np.ndarray, other: Any) -> np.ndarray:
    """(K,) gaps between two estimates of a share that their Monte Carlo errors explain."""
    found: np.ndarray = 4.0 * np.sqrt(own**2 + np.square(other)) + 0.02
    return found


def unvisited(posterior: xr.Dataset, opinion: Mapping[str, Any]) -> str:
    """Where chains differ from a second opinion (:func:`.smc.second_opinion`) on the mass below zero; empty if nowhere."""
    for name, seen in opinion.get("below_zero", {}).items():
        shares, own = share_below(posterior[name])
        gap = np.abs(shares - np.asarray(seen))
        if (gap > tolerated(own, opinion["error"][name])).any():
            return f"share of {name} below zero off by {gap.max():.2f} from that of particles tempered from the prior"
    return ""


def apart(posterior: xr.Dataset, names: Sequence[str]) -> bool:
    """Whether chains differ in their share of draws below zero by more than they will lose by going on."""
    shares = [(posterior[n] < 0).mean("draw") for n in names]
    return any(float((s.max("chain") - s.min("chain")).max()) > _APART for s in shares)


def wanting(posterior: xr.Dataset, judged: Mapping[str, Any]) -> str:
    """What more draws are wanted for, in a few words; empty where there are enough.

    ``judged`` names variables as :attr:`bayes_labor.models.notes.Notes.judged` does.
    """
    chosen = compared(posterior, judged.get("gated", []))
    worst = {"R-hat": (r_hat(chosen), np.nanmax), "bulk ESS": (az.ess(chosen), np.nanmin)}
    worst["tail ESS"] = (az.ess(chosen, method="tail"), np.nanmin)
    for name, (values, pick) in worst.items():
        flat = np.concatenate([np.ravel(v.to_numpy()) for v in values.data_vars.values()])
        found = float(pick(flat)) if np.isfinite(flat).any() else np.nan
        if name == "R-hat" and not found < R_HAT:
            return f"R-hat {found:.3f}"
        if name != "R-hat" and not found > ESS:
            return f"{name} {found:.0f}"
    for name in judged.get("two_sided", []):
        error = float(share_below(posterior[name])[1].max())
        if error > SIDE_ERROR:
            return f"share of {name} below zero known to {error:.3f}"
    return ""
