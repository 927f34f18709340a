"""Tables 1 to 6 of the paper: published, by the paper's estimators, and as posteriors, in one table each."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.models.bonuses.design import Block
from bayes_labor.models.bonuses.prize_design import Covariates, PrizeSpec
from bayes_labor.models.bonuses.receipt import ReceiptSpec
from bayes_labor.models.bonuses.size import BonusSpec
from bayes_labor.models.panel_design import PanelDesign
from bayes_labor.posteriors.bonuses import published
from bayes_labor.posteriors.bonuses.classical import Classical, conditional, logit, pooled, wald, within
from bayes_labor.posteriors.bonuses.results import (
    LEVEL_TERMS,
    RATING_TERMS,
    TENURE_TERMS,
    coefficients,
    paper_ages,
    posterior_columns,
)
from bayes_labor.posteriors.bonuses.two_step import bootstrap, two_step
from bayes_labor.posteriors.tables import fixed

SIZE_BLOCKS: dict[int, tuple[Block, ...]] = {
    1: ("levels", "age"),
    2: ("levels", "age", "ratings"),
    3: ("levels", "age", "tenure"),
    4: ("levels", "age", "tenure", "ratings"),
}
"""Regressors of Table 5 by column; column k + 4 has worker effects too."""
SHARE_BLOCKS: tuple[tuple[Block, ...], ...] = (
    ("levels",),
    ("age",),
    ("levels", "age"),
    ("tenure",),
    ("levels", "age", "tenure"),
)
"""Of Tables 3 and 4."""
RECEIPT_BLOCKS: dict[int, tuple[Block, ...]] = {
    1: ("levels", "ratings"),
    2: ("levels", "ratings", "promoted"),
    3: ("levels", "ratings", "promoted", "avg_increase"),
    4: ("levels", "tenure", "ratings", "promoted"),
}
"""Of Table 2 by column; column k + 4 is conditional."""
PRIZE_BLOCKS: dict[int, tuple[Block, ...]] = {
    1: ("levels", "age"),
    2: ("levels", "age", "ratings"),
    3: ("levels", "age", "tenure"),
    4: ("levels", "age", "avg_increase"),
    5: ("levels", "age", "tenure", "ratings", "avg_increase"),
}
"""Of Table 6."""
_AGE = ("age", "age²/100")


def table1(panel: Personnel) -> pd.DataFrame:
    """Means by level over rows with a bonus: here, and published."""
    here, theirs = panel.by_level(), pd.DataFrame(published.TABLE1, index=[*map(str, range(1, 6)), "all"])
    columns = [str(c) for c in theirs if c in here]
    parts = {f"{level}{kind}": t.loc[level, columns] for level in here.index for kind, t in (("", here), (", paper", theirs))}
    words = {"ratio": "bonus/salary", "ten_level": "tenure at level", "ten_firm": "tenure at firm"}
    names = [(c.removesuffix("_sd"), ", sd" if c.endswith("_sd") else "") for c in columns]
    return pd.DataFrame(parts).set_axis([words.get(name, name) + sd for name, sd in names]).rename_axis("level")


def _beside(
    terms: list[str],
    entries: Mapping[str, tuple[published.Entry, ...]],
    column: int,
    fit: Classical,
    samples: np.ndarray | None,
    truth: Mapping[str, float] | None,
) -> pd.DataFrame:
    """One column of a table of the paper, by term; what the panel was generated with, where that is known, comes first."""
    theirs = np.array([entries.get(t, (None,) * column)[column - 1] or (np.nan, np.nan) for t in terms])
    parts: dict[str, Any] = {} if truth is None else {"truth": [truth.get(t, np.nan) for t in terms]}
    parts |= {"published": theirs[:, 0], "se, published": theirs[:, 1]}
    parts |= {"least squares": fit.estimate.reindex(terms).to_numpy(), "se, least squares": fit.se.reindex(terms).to_numpy()}
    nothing = dict.fromkeys(("mean", "sd", "hdi_low", "hdi_high"), np.nan)
    parts |= nothing if samples is None else posterior_columns(samples)
    return pd.DataFrame(parts, index=pd.MultiIndex.from_product([[f"({column})"], terms], names=["column", "term"]))


def _statistics(ours: dict[str, float], theirs: Mapping[str, tuple[float | None, ...]], column: int) -> dict[str, Any]:
    """Published and here, in pairs."""
    published_ones = {name: theirs.get(name, (None,) * column)[column - 1] for name in ours}
    return {k: v for name, own in ours.items() for k, v in ((f"{name}, paper", published_ones[name]), (name, own))}


def size_spec(column: int, **more: Any) -> BonusSpec:
    """The regression of a column of Table 5."""
    return BonusSpec(blocks=SIZE_BLOCKS[(column - 1) % 4 + 1], ratings="drop", **more)


def pooled_spec(spec: BonusSpec) -> BonusSpec:
    """The same without worker effects and means."""
    return spec.model_copy(update={"effects": "none", "means": False})


def receipt_spec(column: int, **more: Any) -> ReceiptSpec:
    """The logit of a column of Table 2."""
    settings: dict[str, Any] = {"effects": "conditional" if column > 4 else "none", "means": False}
    return ReceiptSpec(blocks=RECEIPT_BLOCKS[(column - 1) % 4 + 1], **(settings | more))


LINES = {
    "published": ("published", "se, published"),
    "least squares": ("least squares", "se, least squares"),
    "likelihood": ("likelihood", "se, likelihood"),
    "posterior": ("mean", "sd"),
    "truth": ("truth", ""),
}
"""Estimate and error of a long table by the line of the paper's layout that shows them."""


def in_layout(long: pd.DataFrame) -> pd.DataFrame:
    """A long table (column, term) as papers print it: columns side by side, errors in parentheses under coefficients.

    Lines of a term, in the order of :data:`LINES`; text, for the page. Empty lines are left out.
    """
    columns, terms = (list(dict.fromkeys(long.index.get_level_values(k))) for k in (0, 1))
    blocks = {t: [long.loc[(c, t)] if (c, t) in long.index else None for c in columns] for t in terms}
    return _laid_out(blocks, LINES, columns, "term")


def _laid_out(
    blocks: Mapping[str, Sequence[pd.Series | None]], lines: Mapping[str, tuple[str, str]], columns: list[str], name: str
) -> pd.DataFrame:
    """Of each block's rows, a row for each column, the lines that say something."""
    rows: dict[tuple[str, str], list[str]] = {}
    for block, own in blocks.items():
        for line, (estimate, error) in lines.items():
            values = [np.nan if r is None else float(r.get(estimate, np.nan)) for r in own]
            errors = [np.nan if r is None else float(r.get(error, np.nan)) for r in own]
            if np.isfinite(values).any():
                rows[block, line] = [fixed(v, 3) if np.isfinite(v) else "" for v in values]
            if np.isfinite(values).any() and np.isfinite(errors).any():
                rows[block, f"{line}, error"] = [f"({fixed(e, 3)})" if np.isfinite(e) else "" for e in errors]
    index = pd.MultiIndex.from_tuples(list(rows), names=[name, "whose"])
    return pd.DataFrame(list(rows.values()), index, columns)


def table5(
    panel: Personnel, draws: dict[int, xr.DataTree], truth: Mapping[str, float] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(coefficients, statistics) of the eight columns; ``draws`` of :func:`size_spec` by column, of 1 to 4 pooled.

    ``truth`` by term is shown beside, for a generated panel: see :func:`bayes_labor.data.bonuses.personnel.true_coefficients`.
    """
    tables, statistics = [], {}
    for column in range(1, 9):
        design = size_spec(column, means=False).design(panel)
        fit, terms, samples = (
            (pooled if column <= 4 else within)(design),
            _terms(SIZE_BLOCKS[(column - 1) % 4 + 1], design),
            None,
        )
        if column in draws:
            samples = _samples(draws[column], [*terms, *_AGE])
        tables.append(_beside([*terms, *_AGE], published.TABLE5, column, _in_paper_ages(fit), samples, truth))
        ours = {"N": float(fit.rows), "adjusted R2": fit.r2_adjusted, "log likelihood": fit.log_likelihood}
        ours |= {"F levels": _f_of_levels(fit)}
        row = _statistics({k: v for k, v in ours.items() if np.isfinite(v)}, published.TABLE5_STATISTICS, column)
        statistics[f"({column})"] = row | ({"within R2": fit.r2} if column > 4 else {})
    return pd.concat(tables), pd.DataFrame(statistics, dtype=float).T.rename_axis("column")


def _samples(draws: xr.DataTree, terms: Sequence[str]) -> np.ndarray:
    """(samples, terms) of those that the fit has, age in the paper's terms; NaN elsewhere."""
    theta = draws["posterior"]["theta"]
    known = [t for t in terms if t in theta["term"].to_numpy()]
    by_term = dict(zip(known, coefficients(draws, known).T, strict=True)) if known else {}
    if {"age", "age squared"} <= set(theta["term"].to_numpy()):
        by_term |= dict(zip(_AGE, paper_ages(coefficients(draws, ["age", "age squared"])).T, strict=True))
    nothing = np.full(theta.sizes["chain"] * theta.sizes["draw"], np.nan)
    return np.column_stack([by_term.get(t, nothing) for t in terms])


def _terms(blocks: Sequence[str], design: PanelDesign) -> list[str]:
    """What a table shows of these blocks: what the paper has, and what the panel has besides."""
    by_block = {"levels": LEVEL_TERMS, "ratings": RATING_TERMS, "tenure": TENURE_TERMS}
    by_block |= {"promoted": ("promoted",), "avg_increase": ("average increase",)}
    own = [(t, b) for t, b in zip(design.terms, design.blocks, strict=True) if b in by_block]
    found = {b: dict.fromkeys([*terms, *(t for t, of in own if of == b)]) for b, terms in by_block.items() if b in blocks}
    return [term for terms in found.values() for term in terms]


def _f_of_levels(fit: Classical) -> float:
    """F statistic of all levels' effects; NaN where there are none."""
    levels = [t for t in fit.estimate.index if t.startswith("level ")]
    return wald(fit, levels) if levels else np.nan


def _in_paper_ages(fit: Classical) -> Classical:
    """With the paper's coefficients of age and its square besides ours."""
    places = np.flatnonzero(fit.estimate.index.isin(["age", "age squared"]))
    turn = np.array([[0.1, -0.78], [0.0, 1.0]])
    values = pd.Series(paper_ages(fit.estimate.to_numpy()[places]), list(_AGE))
    errors = pd.Series(np.sqrt(np.diag(turn @ fit.covariance[np.ix_(places, places)] @ turn.T)), list(_AGE))
    ours, se = (v.drop("age") for v in (fit.estimate, fit.se))
    return fit._replace(estimate=pd.concat([ours, values]), se=pd.concat([se, errors]))


def tables34(panel: Personnel) -> pd.DataFrame:
    """Adjusted R2 of the five regressions of Tables 3 and 4, pooled and with worker effects, and R2 within workers."""
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for i, blocks in enumerate(SHARE_BLOCKS):
        design = BonusSpec(blocks=blocks, means=False).design(panel)
        flat, fixed = pooled(design), within(design)
        theirs = published.TABLE3_STATISTICS["adjusted R2"][i], published.TABLE4_STATISTICS["adjusted R2"][i]
        rows[f"({i + 1})", ", ".join(blocks)] = {
            "pooled, paper": float(theirs[0] or np.nan),
            "pooled": flat.r2_adjusted,
            "with worker effects, paper": float(theirs[1] or np.nan),
            "with worker effects": fixed.r2_adjusted,
            "within": fixed.r2,
            "log L, pooled": flat.log_likelihood,
            "log L, with effects": fixed.log_likelihood,
            "F levels, pooled": _f_of_levels(flat),
            "F levels, within": _f_of_levels(fixed),
        }
    return pd.DataFrame(rows).T.rename_axis(["column", "regressors"])


def table2(
    panel: Personnel, draws: Mapping[int | str, xr.DataTree], truth: Mapping[str, float] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(coefficients, statistics) of the eight columns; ``draws`` by column, and of column 8 with effects ``integrated``.

    ``truth`` as in :func:`table5`.
    """
    tables, statistics = [], {}
    for column in range(1, 9):
        spec = receipt_spec(column)
        design = spec.design(panel)
        fit, terms = (conditional if column > 4 else logit)(design), _terms(spec.blocks, design)
        samples = _samples(draws[column], terms) if column in draws else None
        tables.append(_beside(terms, published.TABLE2, column, fit, samples, truth))
        ours = {"N": float(fit.rows), "log likelihood": fit.log_likelihood, "pseudo R2": fit.r2}
        statistics[f"({column})"] = _statistics(ours, published.TABLE2_STATISTICS, column)
    found = pd.concat(tables).rename(columns={"least squares": "likelihood", "se, least squares": "se, likelihood"})
    if "integrated" in draws:
        terms = _terms(RECEIPT_BLOCKS[4], design)
        own = posterior_columns(_samples(draws["integrated"], terms))
        own |= {} if truth is None else {"truth": np.array([truth.get(t, np.nan) for t in terms])}
        index = pd.MultiIndex.from_product([["(8), integrated"], terms], names=["column", "term"])
        found = pd.concat([found, pd.DataFrame(own, index=index)])
    return found, pd.DataFrame(statistics, dtype=float).T.rename_axis("column")


def table34(
    panel: Personnel, draws: Mapping[int, xr.DataTree], truth: Mapping[str, float] | None, *, effects: bool
) -> pd.DataFrame:
    """Coefficients of the five columns of Table 3, or with worker ``effects`` of Table 4; ``draws`` by column."""
    theirs, tables = published.TABLE4 if effects else published.TABLE3, []
    for column, blocks in enumerate(SHARE_BLOCKS, 1):
        design = BonusSpec(blocks=blocks, means=False).design(panel)
        fit, ages = (within if effects else pooled)(design), _AGE if "age" in blocks else ()
        terms = [*_terms(blocks, design), *ages]
        samples = _samples(draws[column], terms) if column in draws else None
        tables.append(_beside(terms, theirs, column, _in_paper_ages(fit) if ages else fit, samples, truth))
    return pd.concat(tables)


def table6(
    panel: Personnel,
    draws: Mapping[tuple[str, int], Mapping[str, np.ndarray]],
    *,
    replications: int = 100,
    seed: int = 0,
) -> pd.DataFrame:
    """Effect of the prize by panel and column: published, the published construction here, and the expected prize.

    Panel A's increase has an effect of each worker. ``draws`` of rho by (panel, column), ``cut`` and ``joint`` posteriors.
    """
    rows: dict[tuple[str, str], dict[str, float]] = {}
    covariates: tuple[Covariates, ...] = ("A", "B", "C")
    for prize in covariates:
        for column, blocks in PRIZE_BLOCKS.items():
            rho, se, corrected = published.TABLE6[prize][column - 1]
            as_then = PrizeSpec(covariates=prize, blocks=blocks, pay="total")
            own = prize == "A"
            then = two_step(panel, as_then, prize="as_published", worker_effects=own)
            spec = PrizeSpec(covariates=prize, blocks=blocks)
            now = two_step(panel, spec, worker_effects=own)
            row = {"published": rho, "se pub.": se, "corrected se": corrected}
            row |= {"same here": then.rho, "se same": then.conventional, "expected": now.rho, "se exp.": now.conventional}
            row |= {"partial R2": now.partial_r2}
            if column == 5:
                drawn = bootstrap(panel, spec, replications=replications, seed=seed, worker_effects=own)
                row |= {"boot. sd": float(drawn.std(ddof=1))}
                row |= {"formula": float(np.hypot(row["boot. sd"], now.conventional))}
            for kind, values in draws.get((prize, column), {}).items():
                row |= {kind: float(values.mean()), f"sd {kind}": float(values.std(ddof=1))}
            rows[prize, f"({column})"] = row
    return pd.DataFrame(rows).T.rename_axis(["prize", "column"])


_LINES6 = {
    "published": ("published", "corrected se"),
    "same construction here": ("same here", "se same"),
    "expected prize": ("expected", "se exp."),
    "posterior, cut": ("cut", "sd cut"),
    "posterior, joint": ("joint", "sd joint"),
    "truth": ("truth", ""),
    "mean of expected where ρ = 0": ("bias", "mc error"),
}


def table6_in_layout(table: pd.DataFrame) -> pd.DataFrame:
    """:func:`table6` as the paper prints it: a block of lines for each prize, columns side by side."""
    prizes, columns = (list(dict.fromkeys(table.index.get_level_values(k))) for k in ("prize", "column"))
    return _laid_out({p: [table.loc[(p, c)] for c in columns] for p in prizes}, _LINES6, columns, "prize")
