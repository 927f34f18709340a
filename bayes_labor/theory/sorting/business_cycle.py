"""The sorting model over the cycle: moments over booms and recessions, and what other shocks than the wedge's slope would do.

Sections 5 of the paper, and 6, 10 and 12 of the specification.
"""

from typing import Any, Literal, NamedTuple

import numpy as np

from bayes_labor.theory.sorting.equilibrium import Sorting, solve_sorting

LaborShare = Literal["output", "factor", "income"]
LABOR_SHARES = {"output": "labor_share_Y", "factor": "labor_share_factor", "income": "labor_share_income"}
"""Fields of an equilibrium: labor over output, over labor and capital income, over all income."""


def stationary_recessions(stay_boom: Any, stay_recession: Any) -> Any:
    """Stationary probability of recessions, from those of staying in either state; numbers or symbols."""
    return (1.0 - stay_boom) / (2.0 - stay_boom - stay_recession)


def calibration_moments(
    states: Sorting, recessions: float, *, labor_share: LaborShare = "output", tfp: Literal["std", "variance"] = "std"
) -> np.ndarray:
    """Moments of the calibration from economies (..., 2) in boom and recession.

    Parameters
    ----------
    states
        Solved economies; the last axis is the state.
    recessions
        Stationary share of recessions.
    labor_share
        Over output, over labor and capital income, or over all income.
    tfp
        Whether the last moment is the standard deviation or the variance of log TFP.

    Returns
    -------
    np.ndarray
        (..., 5): labor share, standard deviation of log wages, revenue shares of the largest tenth of firms and of those
        between the 50th and 90th percentiles (stationary means), and the spread of log TFP. NaN where there is no equilibrium.

    """
    weights, share = np.array([1.0 - recessions, recessions]), getattr(states, LABOR_SHARES[labor_share])
    means = [x @ weights for x in (share, states.std_logw, states.rev_share_top10, states.rev_share_50_90)]
    with np.errstate(divide="ignore", invalid="ignore"):  # TFP that underflows has no finite logarithm
        fall = np.log(states.Z[..., 1]) - np.log(states.Z[..., 0])
    variance = recessions * (1.0 - recessions) * fall**2
    return np.stack([*means, np.sqrt(variance) if tfp == "std" else variance], axis=-1)


class Shock(NamedTuple):
    """What a change of one primitive does: differences of logs."""

    name: str
    log_Z: np.ndarray
    std_logw: np.ndarray
    std_tfpq: np.ndarray
    std_tfpr: np.ndarray
    lambda_t: np.ndarray


_SHOCKS = {
    "slope of the wedge, τ": ("tau", 0.01),
    "productivity, A": ("productivity", -0.01),
    "spread of firm types, 1/λ_θ": ("lambda_theta", -0.01),
    "variance of the labor wedge, s_l²": ("s_l", 0.01),
    "variance of the capital wedge, s_k²": ("s_k", 0.01),
}


def structural_shocks(
    psi: Any, tau: Any, lambda_theta: Any, lambda_x: Any, s_l: Any, s_k: Any = 0.0, **technology: Any
) -> list[Shock]:
    """Changes of TFP and of the dispersions after each of the shocks of section 5 of the paper, each by a hundredth.

    The wedge's slope rises by 0.01 lambda_theta, A falls by 1%, lambda_theta falls by 1% with types that stretch, theta =
    vartheta/lambda_theta, and the standard deviations of the idiosyncratic wedges rise by 0.01.

    Parameters
    ----------
    psi, tau, lambda_theta, lambda_x, s_l, s_k, **technology
        As for :func:`bayes_labor.theory.sorting.equilibrium.solve_sorting`, of any broadcast shape.

    Returns
    -------
    list of Shock
        Differences of logs, of the parameters' shape; NaN where an economy has no equilibrium before or after.

    """
    base = {"psi": psi, "tau": tau, "lambda_theta": lambda_theta, "lambda_x": lambda_x, "s_l": s_l, "s_k": s_k}
    base |= {"productivity": 1.0} | technology
    units = {"tau": lambda_theta, "productivity": base["productivity"], "lambda_theta": lambda_theta, "s_l": 1.0, "s_k": 1.0}
    before = solve_sorting(**base, errors="status")
    found = []
    for name, (key, by) in _SHOCKS.items():
        after = solve_sorting(**base | {key: np.asarray(base[key]) + by * np.asarray(units[key])}, errors="status")
        z, wage, tfpq, tfpr, rate = (
            np.log(getattr(after, k)) - np.log(getattr(before, k))
            for k in ("Z", "std_logw", "var_tfpq", "var_tfpr", "lambda_t")
        )
        found.append(Shock(name, log_Z=z, std_logw=wage, std_tfpq=0.5 * tfpq, std_tfpr=0.5 * tfpr, lambda_t=rate))
    return found
