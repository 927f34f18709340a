"""Convergence gates: what must hold before anybody reads a number, and what to say when it does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import arviz as az
import numpy as np
import xarray as xr

from bayes_labor.engines.convergence import DIVERGENT, E_BFMI, ESS, R_HAT, bfmi, compared, r_hat, share_below, tolerated
from bayes_labor.posteriors.tables import labels

_LONGER = "run longer: more draws"


@dataclass(frozen=True)
class Gate:
    """One condition, whether it holds, and advice where it does not."""

    name: str
    value: str
    passed: bool
    advice: str


def gates(draws: xr.DataTree, names: Sequence[str] | None = None) -> list[Gate]:
    """Check R-hat, effective sample sizes, divergences, energy, and what the model notes: both sides of a cusp, the solver.

    ``names`` are the variables whose chains are compared: by default those that the model notes
    (:func:`bayes_labor.models.notes.judge_by`, kept as attributes of the draws), or all variables of a model that notes none.
    """
    posterior = draws["posterior"].to_dataset()
    names = names if names is not None else draws.attrs.get("gated", [])
    chosen = compared(posterior, names)
    found = [
        _worst("R-hat", r_hat(chosen), np.nanmax, lambda v: v < R_HAT, f"below {R_HAT}", "run longer: more tune and draws"),
        _worst("bulk ESS", az.ess(chosen), np.nanmin, lambda v: v > ESS, f"above {ESS:.0f}", _LONGER),
        _worst("tail ESS", az.ess(chosen, method="tail"), np.nanmin, lambda v: v > ESS, f"above {ESS:.0f}", _LONGER),
    ]
    stats = draws["sample_stats"].to_dataset()
    divergent = int(stats["diverging"].sum())
    total = stats["diverging"].size
    found.append(
        Gate(
            "divergences",
            f"{divergent} of {total}",
            divergent <= DIVERGENT * total,
            "raise target_accept, or look where in the parameters they happen: the model may have no solution there",
        )
    )
    if not (draws.attrs.get("jumped") or "log_evidence" in draws.attrs):  # independent walkers have no energy that moves
        least = bfmi(stats["energy"].to_numpy())
        advice = "the tails are explored slowly: run longer"
        found.append(Gate("E-BFMI", f"{least:.2f}, should exceed {E_BFMI}", least > E_BFMI, advice))
    found += [_sides(v, posterior[v]) for v in draws.attrs.get("two_sided", [])]
    opinion = draws.attrs.get("second_opinion", {})
    found += [_visited(v, posterior[v], seen, opinion["error"][v]) for v, seen in opinion.get("below_zero", {}).items()]
    for status in draws.attrs.get("solved", []):
        failed = int((posterior[status] > 0).sum())
        found.append(
            Gate("solver failures among draws", str(failed), failed == 0, "tighten the priors named by `bayes-labor check`")
        )
    return found


def of_fits(found: Mapping[str, Sequence[Gate]]) -> list[Gate]:
    """The gates of several fits, by name of the fit, as those of one page."""
    return [replace(g, name=f"{name}, {g.name}") for name, gates_of in found.items() for g in gates_of]


def _worst(name: str, values: xr.Dataset, pick: object, ok: object, bound: str, advice: str) -> Gate:
    known = {str(v): values[v].to_numpy() for v in values.data_vars if not np.isnan(values[v]).all()}
    if not known:
        return Gate(name, "cannot be told from so few draws", False, advice)
    worst = {v: float(pick(x)) for v, x in known.items()}  # type: ignore[operator]
    extreme = pick(list(worst.values()))  # type: ignore[operator]
    where = next((v for v, x in worst.items() if x == extreme), "")
    shown = f"{extreme:.3f}" if name == "R-hat" else f"{extreme:.0f}"
    return Gate(name, f"{shown} ({where}), should be {bound}", bool(ok(extreme)), advice)  # type: ignore[operator]


def _visited(name: str, values: xr.DataArray, seen: list[float], error: list[float]) -> Gate:
    """Whether the chains give each side of zero the mass that tempering from the prior finds there, within both errors."""
    shares, own = share_below(values)
    other = np.asarray(seen)
    most = tolerated(own, error)
    text = ", ".join(f"{k} {a:.2f} ({b:.2f})" for k, a, b in zip(labels(values), shares, other, strict=True))
    return Gate(
        f"mass on both sides of {name} = 0",
        f"share below zero in the chains (by tempering from the prior): {text}; gaps of up to {most.max():.2f} are within "
        "its error",
        bool((np.abs(shares - other) <= most).all()),
        "the chains have not visited what tempering finds: fit with engine='smc', whose particles go to every mode by its mass",
    )


def _sides(name: str, beta: xr.DataArray) -> Gate:
    """Whether chains agree on the share of draws below zero, by element: Q has a cusp at beta = 0, which may be bimodal."""
    negative = (beta < 0).astype(float)
    shares = negative.mean("draw")
    overall = negative.mean(("chain", "draw"))
    effective = az.ess((beta < 0).astype(float).to_dataset(name="negative"))["negative"].to_numpy()
    error = np.sqrt(
        np.maximum(overall * (1 - overall), 1e-12) * beta.sizes["chain"] / np.maximum(np.nan_to_num(effective, nan=1e9), 1.0)
    )
    gap = abs(shares - overall).max("chain")
    agree = bool(((gap < 4.0 * error + 0.02) | (gap < 0.1)).all())
    text = ", ".join(f"{k} {float(v):.2f}" for k, v in zip(labels(beta), overall.to_numpy().ravel(), strict=True))
    return Gate(
        f"both sides of {name} = 0",
        f"share of draws below zero: {text}",
        agree,
        f"the chains disagree on the sign of {name}: the posterior is bimodal, do not average over the modes; "
        "run longer chains",
    )
