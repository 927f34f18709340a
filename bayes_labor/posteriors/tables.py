"""What people read: the parameter table with prior and contraction, and its CSV, JSON and LaTeX."""

import re
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr
from scipy.special import ndtri

from bayes_labor.engines.convergence import r_hat

CI_PROB = 0.94
_NUMBER = r"[-+]?(?:[\d.]+(?:e[-+]?\d+)?|inf|nan)%?"
_PRINTED = re.compile(rf"{_NUMBER}\*{{0,3}}(?: ± {_NUMBER}| [\[(]{_NUMBER}(?:, {_NUMBER})*[\])])?", re.IGNORECASE)
"""A number as tables print it, alone or with stars, its error or interval behind it."""
_WHOLE = ("flagged", "refitted", "draws", "paper log likelihood", "workers behind, at least", "workplaces behind, at least")


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
        "r_hat": r_hat(chosen),
    }
    interval = az.hdi(chosen, prob=CI_PROB)
    rows = []
    for name in map(str, chosen.data_vars):
        before = [np.ravel(b) for b in prior.get(name, (np.nan, np.nan))]
        bounds = interval[name].to_numpy().reshape(-1, 2)
        for i, label in enumerate(labels(chosen[name])):
            prior_mean, prior_sd = (float(b[min(i, np.size(b) - 1)]) for b in before)
            row = {k: float(np.ravel(v[name].to_numpy())[i]) for k, v in statistics.items()}
            rows.append(
                {"parameter": symbols.get(name, name), "term": label}
                | {"mean": row["mean"], "sd": row["sd"], "hdi_low": bounds[i, 0], "hdi_high": bounds[i, 1]}
                | {"contraction": 1.0 - (row["sd"] / prior_sd) ** 2, "prior_mean": prior_mean, "prior_sd": prior_sd}
                | {k: row[k] for k in ("ess_bulk", "ess_tail", "r_hat")}
            )
    return pd.DataFrame(rows).set_index(["parameter", "term"])


def labels(values: xr.DataArray) -> list[str]:
    """Words for the elements of a variable's draws, in the order of their array; one empty word for a scalar."""
    return [", ".join(map(str, words)) for words in product(*(values[d].to_numpy() for d in values.dims[2:]))]


def term_labels(model: pm.Model, name: str) -> list[str]:
    """Words for the elements of a variable; one empty word for a scalar."""
    dims = model.named_vars_to_dims.get(name)
    return [str(t) for t in model.coords[dims[0]]] if dims else [""]


def write_table(table: pd.DataFrame, folder: Path, name: str, caption: str) -> None:
    """CSV and JSON at full precision, LaTeX as printed; names that users gave are text in each of them."""
    folder.mkdir(parents=True, exist_ok=True)
    harmless(table).to_csv(folder / f"{name}.csv")
    table.reset_index().to_json(folder / f"{name}.json", orient="records", indent=1, double_precision=15)
    (folder / f"{name}.tex").write_text(to_latex(table, caption))


def harmless(table: pd.DataFrame) -> pd.DataFrame:
    """A table for CSV: text that a spreadsheet would run as a formula has a single quote before it."""
    if not len(table):
        return table
    quoted = table.apply(lambda c: c if pd.api.types.is_numeric_dtype(c.dtype) else c.map(_quoted)).rename(columns=_quoted)
    index = table.index.map(lambda i: tuple(map(_quoted, i)) if isinstance(i, tuple) else _quoted(i))
    return quoted.set_axis(index.set_names(table.index.names))


def _quoted(value: Any) -> Any:
    runs = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) and not _PRINTED.fullmatch(value)
    return f"'{value}" if runs else value


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


def decimals(spread: float) -> int:
    """Decimals that show two significant figures of a standard deviation: more of what it surrounds nobody knows."""
    return int(np.clip(1 - np.floor(np.log10(spread)), 0, 6)) if 0 < spread < np.inf else 3


def fixed(value: float, places: int) -> str:
    """A number with so many decimals, thousands apart, and no sign before a zero."""
    text = f"{value:,.{places}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text


def percent(share: float, places: int = 0) -> str:
    """A share in percent, without a sign before a zero."""
    return f"{fixed(100.0 * share, places)}%"


def interval(middle: float, low: float, high: float, prob: float = CI_PROB) -> str:
    """``middle [low, high]``, an interval of this probability, with the decimals that its width deserves."""
    places = decimals((high - low) / (2.0 * float(ndtri(0.5 + prob / 2.0))))
    return f"{fixed(middle, places)} [{fixed(low, places)}, {fixed(high, places)}]"


def printed(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers as read: ESS whole, R-hat to three decimals, nothing for NaN, of others three significant figures.

    Where a row says how far its numbers are known (a standard deviation or an interval), they have the decimals it deserves.
    """

    def show(column: str, value: Any, spread: float) -> str:
        if isinstance(value, str):
            return value
        if pd.isna(value):
            return ""
        if column.startswith("ess") or column in _WHOLE:
            return f"{value:.0f}"
        if column in ("r_hat", "contraction"):
            return fixed(value, 3 if column == "r_hat" else 2)
        if value == 0:
            return "0"
        if spread > 0:
            return fixed(value, decimals(spread))
        if abs(value) >= 100 and value == round(value):
            return f"{value:,.0f}"
        return f"{value:,.0f}" if abs(value) >= 1e3 else f"{value:#.3g}".rstrip(".")

    spreads = {c: _spread(table, str(c)) for c in table.columns}
    return pd.DataFrame(
        {c: [show(str(c), v, s) for v, s in zip(table[c], spreads[c], strict=True)] for c in table.columns}, index=table.index
    )


_KNOWN_BY = {"mean": "sd", "sd": "sd", "hdi_low": "sd", "hdi_high": "sd", "prior_mean": "prior_sd", "prior_sd": "prior_sd"}
_KNOWN_BY |= {"truth": "sd", "prior mean": "prior sd", "prior sd": "prior sd", "ML": "ML se", "ML se": "ML se"}
_KNOWN_BY |= {"paper": "paper se", "paper se": "paper se"}
_BOUNDS = {"3%": "97%", "hdi_low": "hdi_high"}


def _spread(table: pd.DataFrame, column: str) -> np.ndarray:
    """By row, how far the numbers of a column are known; nan where nothing says."""
    known = _KNOWN_BY.get(column)
    if known in table:
        return np.asarray(pd.to_numeric(table[known], errors="coerce"), dtype=np.float64)
    for low, high in _BOUNDS.items():
        if low in table and high in table and column in (low, high, "50%", "mean", "model", "data", "observed"):
            bounds = [np.asarray(pd.to_numeric(table[c], errors="coerce"), dtype=np.float64) for c in (low, high)]
            return (bounds[1] - bounds[0]) / 4.0
    return np.full(len(table), np.nan)


_LATEX = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {"[": "{[}", "]": "{]}"}  # at the head of a row they would be LaTeX's own
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}"}
    | {">": r"\textgreater{}", "|": r"\textbar{}", "\n": " ", "\r": " ", "\t": " "}
)
_GREEK = {
    **{"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "η": "eta", "θ": "theta", "λ": "lambda", "μ": "mu", "ν": "nu"},
    **{"ξ": "xi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Δ": "Delta"},
}
_SIGNS = {"÷": "div", "≤": "le", "≥": "ge", "≈": "approx", "×": "times", "∞": "infty", "√": "surd", "·": "cdot", "±": "pm"}
_MATHS = str.maketrans({c: f"$\\{command}$" for c, command in (_GREEK | _SIGNS).items()} | {"−": "$-$", "²": "$^2$"})


def _escape(text: str) -> str:
    return typeset(text.replace("**", "^").translate(_LATEX))


_HAT = re.compile("([A-Za-z\u0370-\u03ff])\u0302")


def typeset(text: str) -> str:
    """Greek letters and signs of LaTeX text as maths, which every engine of LaTeX sets."""
    text = _HAT.sub(lambda m: f"$\\hat{{\\{_GREEK[m[1]]}}}$" if m[1] in _GREEK else f"$\\hat{{{m[1]}}}$", text)
    return text.replace("\u0302", "").translate(_MATHS)
