"""What a posterior of the sorting model implies: parameters, moment fit, responses to a recession, dispersion and shocks.

Each function takes draws and returns labelled results; figures and the page are made of them.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.sorting.macro import MOMENTS, Targets
from bayes_labor.models.sorting.calibration import IDENTIFIED, SortingSpec
from bayes_labor.posteriors.prior import prior_draws
from bayes_labor.posteriors.sorting.identification import both_states
from bayes_labor.posteriors.tables import parameter_table
from bayes_labor.theory.sorting.business_cycle import structural_shocks
from bayes_labor.theory.sorting.capital_distribution import average_response, capital_distribution
from bayes_labor.theory.sorting.equilibrium import solve_sorting
from bayes_labor.theory.sorting.growth import GrowthEconomy, solve_growth

SYMBOLS = {"psi": "ψ", "v": "v", "tau_hat": "τ̂ = τ/λ_θ", "s_l": "s_l", "log_chi": "log χ"}
SYMBOLS |= {"std_logw": "std log wage", "std_tfpq": "std log TFPQ", "std_tfpr": "std log TFPR", "log_Z": "log TFP"}
SYMBOLS |= {"lambda_theta": "λ_θ", "lambda_x": "λ_x", "tau": "τ"}
SYMBOLS |= {"stay": "P(stay)", "growth": "mean growth", "noise": "noise", "trend": "trend per decade"}
_NO_UNIT = ("tau", "lambda_theta", "lambda_x")
_PRIOR_DRAWS = 2000


def summarize_sorting(
    draws: xr.DataTree, model: pm.Model, names: Sequence[str] | None = None, *, seed: int = 0
) -> pd.DataFrame:
    """The parameter table, prior beside posterior, as :func:`bayes_labor.posteriors.summarize`.

    Parameters
    ----------
    draws
        Of the model.
    model
        Of :func:`bayes_labor.models.sorting_calibration` or :func:`bayes_labor.models.sorting_regimes`, for its prior.
    names
        Variables; by default all that can be identified. What has a value only in a chosen unit is no estimate, and shown
        only if asked for.

    Raises
    ------
    DataFaults
        If rates or slopes are asked for without a unit of types, or a variable is not known.

    """
    posterior = draws["posterior"].to_dataset()
    chosen = list(names) if names is not None else [n for n in SYMBOLS if n in posterior and n not in _NO_UNIT]
    without = [n for n in chosen if n in _NO_UNIT and n not in posterior]
    if without:
        what = (
            f"{', '.join(without)} cannot be estimated: types have no unit. Multiplying lambda_theta and tau by k and "
            "lambda_x by k^(-(1-psi)/psi) changes nothing that can be observed"
        )
        remedy = "report tau_hat = tau/lambda_theta and log_chi; or fix a unit, sorting_calibration(unit=lambda_theta)"
        raise DataFaults([Fault(what, "names", remedy)])
    unknown = [n for n in chosen if n not in posterior]
    if unknown:
        raise DataFaults([Fault(f"there is no variable {', '.join(unknown)}", "names", f"choose of {', '.join(SYMBOLS)}")])
    prior = prior_of(model, chosen, seed)
    with np.errstate(all="ignore"):
        moments = {n: (prior[n].mean(("chain", "draw")).to_numpy(), prior[n].std(("chain", "draw")).to_numpy()) for n in chosen}
        return parameter_table(posterior[chosen], moments, SYMBOLS)


def prior_of(model: pm.Model, names: Sequence[str], seed: int = 0) -> xr.Dataset:
    """Draws from the prior of variables."""
    return prior_draws(model, _PRIOR_DRAWS, seed, list(names))["prior"].to_dataset()[list(names)]


def by_draw(draws: xr.DataTree, name: str) -> np.ndarray:
    """(element, draw) of a variable with one dimension."""
    return draws["posterior"][name].stack(sample=("chain", "draw")).transpose(..., "sample").to_numpy()


def moment_fit(draws: xr.DataTree, targets: Targets) -> pd.DataFrame:
    """Moments in the data with standard errors, and in the model: posterior mean, 94% interval, distance."""
    fitted = by_draw(draws, "moment_fit")
    low, high = np.quantile(fitted, (0.03, 0.97), axis=1)
    columns = {"data": targets.value, "se": targets.se, "mean": fitted.mean(1), "hdi_low": low, "hdi_high": high}
    columns["distance (se)"] = (fitted.mean(1) - targets.value) / targets.se
    return pd.DataFrame(columns, index=pd.Index(list(MOMENTS), name="moment"))


def at_draws(draws: xr.DataTree, size: int) -> dict[str, np.ndarray]:
    """(size,) of each identified coordinate, evenly spread over the chains."""
    flat = {n: draws["posterior"][n].to_numpy().ravel() for n in IDENTIFIED}
    total = len(flat["psi"])
    chosen = np.linspace(0, total - 1, min(size, total)).astype(int)
    return {n: v[chosen] for n, v in flat.items()}


DISCOUNT, DEPRECIATION = 0.96, 0.10
"""Of a year, in the growth model: the paper's Table 1."""


def recession_response(
    draws: xr.DataTree,
    spec: SortingSpec,
    *,
    size: int = 100,
    horizon: int = 16,
    discount: float = DISCOUNT,
    depreciation: float = DEPRECIATION,
    rebate: bool = False,
) -> xr.Dataset:
    """Average response to the beginning of a recession, in every draw (Figure 4): the growth model is solved in each.

    Parameters
    ----------
    draws
        Of one economy.
    spec
        Technology and chain.
    size
        Posterior draws.
    horizon
        Years.
    discount, depreciation, rebate
        Of the growth model; with ``rebate`` the wedges' revenue is paid out.

    Returns
    -------
    xr.Dataset
        Over (sample, year): logs of TFP ``log_Z``, output ``log_Y``, income, consumption, capital, and levels of ``std_logw``,
        ``var_tfpq``, ``var_tfpr``, as differences from their long-run means.

    """
    states = both_states(spec, **at_draws(draws, size), errors="raise")
    chain = np.array([[spec.stay_boom, 1.0 - spec.stay_boom], [1.0 - spec.stay_recession, spec.stay_recession]])
    found: dict[str, list[np.ndarray]] = {}
    for z, income, capital, i in zip(states.Z, states.income_over_Y, states.capital_share_Y, range(len(states.Z)), strict=True):
        economy = GrowthEconomy(z, income, capital, chain, spec.alpha, discount, depreciation, rebate)
        levels = {n: getattr(states, n)[i] for n in ("std_logw", "var_tfpq", "var_tfpr")}
        response = average_response(capital_distribution(solve_growth(economy)), levels, horizon)
        for name, values in response.items():
            found.setdefault(name, []).append(values)
    return xr.Dataset({n: (("sample", "year"), np.array(v)) for n, v in found.items()}, {"year": np.arange(horizon)})


def dispersion(draws: xr.DataTree, spec: SortingSpec, slopes: np.ndarray, *, size: int = 400) -> xr.Dataset:
    """Spreads of log wages, TFPQ and TFPR, and log TFP relative to tau = 0, over (sample, tau_hat): Propositions 1 to 3."""
    p = {n: v[:, None] for n, v in at_draws(draws, size).items()}
    lambda_x = spec.lambda_x(p["psi"], p["v"])
    s = solve_sorting(p["psi"], slopes, 1.0, lambda_x, p["s_l"], **spec.technology)
    undistorted = solve_sorting(p["psi"], 0.0, 1.0, lambda_x, p["s_l"], **spec.technology)
    values = {"std_logw": s.std_logw, "std_tfpq": np.sqrt(s.var_tfpq), "std_tfpr": np.sqrt(s.var_tfpr)}
    values |= {"log_Z": np.log(s.Z / undistorted.Z)}
    return xr.Dataset({n: (("sample", "tau_hat"), v) for n, v in values.items()}, {"tau_hat": slopes})


def _percent(mean: float, low: float, high: float) -> str:
    """A mean with its interval to two decimals, or to two digits where nothing would be left of it."""
    three = (mean, low, high)
    if max(map(abs, three)) < 1e-9:
        return "0"
    small = max(map(abs, three)) < 0.005
    shown = [f"{v:.2g}" if small else f"{round(v, 2) + 0.0:.2f}" for v in three]  # + 0.0: no minus before a zero
    return f"{shown[0]} [{shown[1]}, {shown[2]}]"


def shocks(draws: xr.DataTree, spec: SortingSpec, *, size: int = 400) -> pd.DataFrame:
    """Section 5 of the paper: percent changes after each shock in a recession, posterior mean and 94% interval."""
    p = at_draws(draws, size)
    lambda_x = spec.lambda_x(p["psi"], p["v"])
    found = structural_shocks(p["psi"], spec.tau_boom + p["tau_hat"], 1.0, lambda_x, p["s_l"], **spec.technology)
    words = {"log_Z": "TFP", "std_logw": "std log wage", "std_tfpq": "std TFPQ", "std_tfpr": "std TFPR", "lambda_t": "λ_t"}
    rows = {shock.name: {word: _percent_of(100.0 * getattr(shock, field)) for field, word in words.items()} for shock in found}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("shock")


def _percent_of(values: np.ndarray) -> str:
    """Mean and 94% interval over the draws in which there is a value."""
    values = values[np.isfinite(values)]
    return _percent(float(values.mean()), *(float(q) for q in np.quantile(values, (0.03, 0.97))))
