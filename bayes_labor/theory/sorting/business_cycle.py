"""The sorting model over the cycle: moments over booms and recessions, and what other shocks than the wedge's slope would do.

Sections 5 of the paper, and 6, 10 and 12 of the specification.
"""

from typing import Any, Literal, NamedTuple

import numpy as np

from bayes_labor.theory.sorting.equilibrium import Sorting, solve_sorting

LaborShare = Literal["output", "factor", "income"]


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
    share = {"output": states.labor_share_Y, "factor": states.labor_share_factor, "income": states.labor_share_income}[
        labor_share
    ]
    weights = np.array([1.0 - recessions, recessions])
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
    "slope of the wedge, τ": {"tau": 0.01},
    "productivity, A": {"productivity": -0.01},
    "spread of firm types, 1/λ_θ": {"lambda_theta": -0.01},
    "variance of the labor wedge, s_l²": {"s_l": 0.01},
    "variance of the capital wedge, s_k²": {"s_k": 0.01},
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
    before = solve_sorting(**base, errors="status")
    found = []
    for name, moves in _SHOCKS.items():
        changed = dict(base)
        for key, by in moves.items():
            relative = key in ("productivity", "lambda_theta")
            unit = np.asarray(base["lambda_theta"]) if key == "tau" else 1.0
            value = np.asarray(base[key], dtype=np.float64)
            changed[key] = value * (1.0 + by) if relative else value + by * unit
        after = solve_sorting(**changed, errors="status")
        logs = [
            np.log(getattr(after, k)) - np.log(getattr(before, k))
            for k in ("Z", "std_logw", "var_tfpq", "var_tfpr", "lambda_t")
        ]
        found.append(Shock(name, logs[0], logs[1], 0.5 * logs[2], 0.5 * logs[3], logs[4]))
    return found
