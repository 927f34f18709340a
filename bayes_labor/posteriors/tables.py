"""What people read: the parameter table with prior and contraction, and its CSV, JSON and LaTeX."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr

from bayes_labor.data.workforce import Workforce
from bayes_labor.models.joint_production import columns_of
from bayes_labor.models.settings import JointProductionSpec
from bayes_labor.posteriors.diagnostics import PARAMETERS

SYMBOL = {"beta": "β", "psi": "ψ", "d": "d", "V_U": "V_U", "gamma": "γ", "A": "A", "sigma": "σ", "nu": "ν"}
CI_PROB = 0.94
_WHOLE = ("flagged", "refitted", "draws", "paper log likelihood")


def summarize(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, *, seed: int = 0) -> pd.DataFrame:
    """The parameter table: prior mean and sd, posterior mean, sd and 94% HDI, contraction, ESS and R-hat.

    Contraction is 1 - (posterior sd / prior sd)^2: near 0 the data say nothing and the row shows the prior; near 1 the
    row shows the data. It is NaN for A, whose prior depends on the other parameters and has no finite variance to speak of.

    Returns
    -------
    pd.DataFrame
        One row per parameter, indexed by (symbol, term).

    """
    posterior = draws["posterior"].to_dataset()
    names = [v for v in PARAMETERS if v in posterior and v != "nu"] + (["nu"] if "nu" in posterior else [])
    return parameter_table(posterior[names], prior_moments(workforce, spec, seed=seed), SYMBOL)


def parameter_table(
    chosen: xr.Dataset, prior: Mapping[str, tuple[np.ndarray, np.ndarray]], symbols: Mapping[str, str]
) -> pd.DataFrame:
    """The table of any model's variables, one row per element: see :func:`summarize`.

    ``prior`` holds (means, standard deviations) by variable, of its shape or one for all elements; ``symbols`` what to call it.
    """
    statistics = {
        "mean": chosen.mean(("chain", "draw")),
        "sd": chosen.std(("chain", "draw"), ddof=1),
        "ess_bulk": az.ess(chosen),
        "ess_tail": az.ess(chosen, method="tail"),
        "r_hat": az.rhat(chosen),
    }
    interval = az.hdi(chosen, prob=CI_PROB)
    rows = []
    for name in map(str, chosen.data_vars):
        before = [np.ravel(b) for b in prior.get(name, (np.nan, np.nan))]
        bounds = interval[name].to_numpy().reshape(-1, 2)
        for i, label in enumerate(_labels(chosen[name])):
            prior_mean, prior_sd = (float(b[min(i, np.size(b) - 1)]) for b in before)
            row = {k: float(np.ravel(v[name].to_numpy())[i]) for k, v in statistics.items()}
            rows.append(
                {"parameter": symbols.get(name, name), "term": label}
                | {"mean": row["mean"], "sd": row["sd"], "hdi_low": bounds[i, 0], "hdi_high": bounds[i, 1]}
                | {"contraction": 1.0 - (row["sd"] / prior_sd) ** 2, "prior_mean": prior_mean, "prior_sd": prior_sd}
                | {k: row[k] for k in ("ess_bulk", "ess_tail", "r_hat")}
            )
    return pd.DataFrame(rows).set_index(["parameter", "term"])


def _labels(values: xr.DataArray) -> list[str]:
    """Words for the elements of a variable's draws, in the order of their array; one empty word for a scalar."""
    return [", ".join(map(str, words)) for words in product(*(values[d].to_numpy() for d in values.dims[2:]))]


def term_labels(model: pm.Model, name: str) -> list[str]:
    """Words for the elements of a variable; one empty word for a scalar."""
    dims = model.named_vars_to_dims.get(name)
    return [str(t) for t in model.coords[dims[0]]] if dims else [""]


def prior_moments(
    workforce: Workforce, spec: JointProductionSpec, *, draws: int = 20_000, seed: int = 0
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Prior mean and sd of each parameter in the units of the data; beta's by simulation of the hierarchy."""
    p, columns, rng = spec.priors, columns_of(workforce, spec), np.random.default_rng(seed)
    sd_wage, mean_wage = float(workforce.wage.std()), float(np.mean(np.abs(workforce.wage)))
    zero = np.zeros(1)
    atanh = rng.normal(0, p.beta_mean, draws) + np.abs(rng.normal(0, p.beta_spread, draws)) * rng.normal(size=draws)
    if not spec.pooled or len(workforce.industries) == 1:
        atanh = rng.normal(0, np.hypot(p.beta_mean, p.beta_spread), draws)
    beta = np.tanh(atanh)
    a, b = p.bargaining
    half = np.sqrt(2.0 / np.pi)
    moments = {
        "beta": (zero, np.array([beta.std()])),
        "psi": (np.zeros(len(columns.power_sd)), p.power / columns.power_sd),
        "d": (np.array([a / (a + b)]), np.array([np.sqrt(a * b / (a + b + 1.0)) / (a + b)])),
        "V_U": (np.array([p.unemployment_center * mean_wage]), np.array([p.unemployment * mean_wage])),
        "gamma": (np.zeros(len(columns.talent_sd)), p.talent / columns.talent_sd),
        "sigma": (np.array([half * p.noise * sd_wage]), np.array([np.sqrt(1.0 - half**2) * p.noise * sd_wage])),
        "nu": (np.array([2.0 + 2.0 / p.tail]), np.array([np.sqrt(2.0) / p.tail])),
    }
    return {k: v for k, v in moments.items() if len(v[1])}


def write_table(table: pd.DataFrame, folder: Path, name: str, caption: str) -> None:
    """CSV and JSON at full precision, LaTeX as printed."""
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / f"{name}.csv")
    table.reset_index().to_json(folder / f"{name}.json", orient="records", indent=1, double_precision=15)
    (folder / f"{name}.tex").write_text(to_latex(table, caption))


def to_latex(table: pd.DataFrame, caption: str) -> str:
    """A booktabs table."""
    shown = printed(table).reset_index()
    head = " & ".join(_escape(c) for c in shown.columns)
    body = "\n".join(" & ".join(_escape(str(v)) for v in row) + r" \\" for row in shown.itertuples(index=False))
    columns = "l" * table.index.nlevels + "r" * table.shape[1]
    return (
        f"\\begin{{table}}\n\\caption{{{_escape(caption)}}}\n\\begin{{tabular}}{{{columns}}}\n\\toprule\n"
        f"{head} \\\\\n\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}\n\\end{{table}}\n"
    )


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers as read: three significant figures, ESS whole, R-hat to three decimals, nothing for NaN."""

    def show(column: str, value: Any) -> str:
        if isinstance(value, str):
            return value
        if pd.isna(value):
            return ""
        if column.startswith("ess") or column in _WHOLE:
            return f"{value:.0f}"
        if column in ("r_hat", "contraction"):
            return f"{value:.3f}" if column == "r_hat" else f"{value:.2f}"
        if value == 0:
            return "0"
        if abs(value) >= 1e3:
            return f"{value:.1f}"
        return f"{value:#.3g}".rstrip(".")

    return pd.DataFrame({c: [show(c, v) for v in table[c]] for c in table.columns}, index=table.index)


def _escape(text: str) -> str:
    greek = {"β": r"$\beta$", "ψ": r"$\psi$", "γ": r"$\gamma$", "σ": r"$\sigma$", "ν": r"$\nu$"}
    text = text.replace("**", "^")
    for character in "&%$#_{}":
        text = text.replace(character, "\\" + character)
    for letter, tex in greek.items():
        text = text.replace(letter, tex)
    return text.replace("^", r"\textasciicircum{}")
