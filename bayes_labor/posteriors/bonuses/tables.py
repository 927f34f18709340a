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
from bayes_labor.posteriors.bonuses import published
from bayes_labor.posteriors.bonuses.classical import Classical, conditional, logit, pooled, wald, within
from bayes_labor.posteriors.bonuses.results import LEVEL_TERMS, TENURE_TERMS, coefficients, paper_ages, posterior_columns
from bayes_labor.posteriors.bonuses.two_step import bootstrap, two_step

SIZE_BLOCKS: dict[int, tuple[Block, ...]] = {
    1: ("levels", "age"), 2: ("levels", "age", "ratings"), 3: ("levels", "age", "tenure"),
    4: ("levels", "age", "tenure", "ratings"),
}  # fmt: skip
"""Regressors of Table 5 by column; column k + 4 has worker effects too."""
SHARE_BLOCKS: tuple[tuple[Block, ...], ...] = (
    ("levels",), ("age",), ("levels", "age"), ("tenure",), ("levels", "age", "tenure"),
)  # fmt: skip
"""Of Tables 3 and 4."""
RECEIPT_BLOCKS: dict[int, tuple[Block, ...]] = {
    1: ("levels", "ratings"), 2: ("levels", "ratings", "promoted"), 3: ("levels", "ratings", "promoted", "avg_increase"),
    4: ("levels", "tenure", "ratings", "promoted"),
}  # fmt: skip
"""Of Table 2 by column; column k + 4 is conditional."""
PRIZE_BLOCKS: dict[int, tuple[Block, ...]] = {
    1: ("levels", "age"), 2: ("levels", "age", "ratings"), 3: ("levels", "age", "tenure"),
    4: ("levels", "age", "avg_increase"), 5: ("levels", "age", "tenure", "ratings", "avg_increase"),
}  # fmt: skip
"""Of Table 6."""
_AGE = ("age", "age²/100")


def table1(panel: Personnel) -> pd.DataFrame:
    """Means by level over rows with a bonus: here, and published."""
    here = panel.by_level().T
    theirs = pd.DataFrame(published.TABLE1, index=[*map(str, range(1, 6)), "all"]).T
    rows = [r for r in theirs.index if r in here.index]
    words = {"ratio": "bonus/salary", "ten_level": "tenure at level", "ten_firm": "tenure at firm"}
    found = {}
    for row in map(str, rows):
        name = row.removesuffix("_sd")
        label = words.get(name, name) + (", sd" if row.endswith("_sd") else "")
        found[label] = {
            f"{level}{kind}": float(t.loc[row, level])  # type: ignore[arg-type]
            for level in here.columns for kind, t in (("", here), (", paper", theirs))
        }  # fmt: skip
    return pd.DataFrame.from_dict(found, orient="index").rename_axis("level")


def _beside(
    terms: list[str], theirs: dict[str, tuple[published.Entry, ...]], column: int, ours: pd.Series, se: pd.Series,
    samples: np.ndarray | None, truth: Mapping[str, float] | None,
) -> pd.DataFrame:  # fmt: skip
    """One column of a table of the paper, by term; what the panel was generated with, where that is known, comes first."""
    entries = [theirs[t][column - 1] if t in theirs else None for t in terms]
    parts: dict[str, Any] = {} if truth is None else {"truth": [truth.get(t, np.nan) for t in terms]}
    parts |= {
        "published": [np.nan if e is None else e[0] for e in entries],
        "se, published": [np.nan if e is None else e[1] for e in entries],
        "least squares": ours.reindex(terms).to_numpy(), "se, least squares": se.reindex(terms).to_numpy(),
    }  # fmt: skip
    names = ("mean", "sd", "hdi_low", "hdi_high")
    parts |= dict.fromkeys(names, np.nan) if samples is None else posterior_columns(samples)
    table = pd.DataFrame(parts, index=pd.MultiIndex.from_product([[f"({column})"], terms], names=["column", "term"]))
    return table


def size_spec(column: int, **more: Any) -> BonusSpec:
    """The regression of a column of Table 5."""
    return BonusSpec(blocks=SIZE_BLOCKS[(column - 1) % 4 + 1], ratings="drop", **more)


def _size_classical(panel: Personnel, column: int) -> Classical:
    design = size_spec(column, means=False).design(panel)
    return (pooled if column <= 4 else within)(design)


def table5(
    panel: Personnel, draws: dict[int, xr.DataTree], truth: Mapping[str, float] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """(coefficients, statistics) of the eight columns; ``draws`` of :func:`size_spec` by column of 5 to 8.

    ``truth`` by term is shown beside, for a generated panel: see :func:`bayes_labor.data.bonuses.personnel.true_coefficients`.
    """
    tables, statistics = [], {}
    for column in range(1, 9):
        fit = _size_classical(panel, column)
        blocks = SIZE_BLOCKS[(column - 1) % 4 + 1]
        terms = [*LEVEL_TERMS, *(("rating 2", "rating 3", "rating 4") if "ratings" in blocks else ())]
        terms += TENURE_TERMS if "tenure" in blocks else ()
        samples = None
        if column in draws:
            ages = paper_ages(coefficients(draws[column], ["age", "age squared"]))
            samples = np.column_stack([coefficients(draws[column], terms), ages])
        tables.append(_beside([*terms, *_AGE], published.TABLE5, column, *_in_paper_ages(fit), samples, truth))
        levels = [t for t in LEVEL_TERMS if t in fit.estimate.index]
        statistics[f"({column})"] = _statistics(fit, levels, published.TABLE5_STATISTICS, column)
    return pd.concat(tables), pd.DataFrame(statistics).T.rename_axis("column")


def _in_paper_ages(fit: Classical) -> tuple[pd.Series, pd.Series]:
    """(estimates, standard errors) with the paper's coefficients of age and its square in place of ours."""
    ours, se = fit.estimate.copy(), fit.se.copy()
    places = np.flatnonzero(ours.index.isin(["age", "age squared"]))
    turn = np.array([[0.1, -0.78], [0.0, 1.0]])
    values = paper_ages(ours.to_numpy()[places])
    spread = np.sqrt(np.diag(turn @ fit.covariance[np.ix_(places, places)] @ turn.T))
    for name, value, error in zip(_AGE, values, spread, strict=True):
        ours[name], se[name] = value, error
    return ours, se


def _statistics(
    fit: Classical, levels: Sequence[str], theirs: dict[str, tuple[float | None, ...]], column: int
) -> dict[str, float]:  # fmt: skip
    ours = {"N": float(fit.rows), "adjusted R2": fit.r2_adjusted, "log likelihood": fit.log_likelihood}
    ours |= {"F levels": wald(fit, levels)} if levels else {}
    found: dict[str, float] = {}
    for name, value in ours.items():
        paper = theirs.get(name, (None,) * column)[column - 1]
        found |= {f"{name}, paper": np.nan if paper is None else float(paper), name: value}
    return found | ({"within R2": fit.r2} if np.isfinite(fit.r2_with_effects) else {})


def tables34(panel: Personnel) -> pd.DataFrame:
    """Adjusted R2 of the five regressions of Tables 3 and 4, pooled and with worker effects, and R2 within workers."""
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for i, blocks in enumerate(SHARE_BLOCKS):
        design = BonusSpec(blocks=blocks, means=False).design(panel)
        flat, fixed = pooled(design), within(design)
        theirs = published.TABLE3_STATISTICS["adjusted R2"][i], published.TABLE4_STATISTICS["adjusted R2"][i]
        levels = [t for t in LEVEL_TERMS if t in flat.estimate.index]
        rows[f"({i + 1})", ", ".join(blocks)] = {
            "pooled, paper": float(theirs[0] or np.nan), "pooled": flat.r2_adjusted,
            "with worker effects, paper": float(theirs[1] or np.nan), "with worker effects": fixed.r2_adjusted,
            "within": fixed.r2, "log likelihood, pooled": flat.log_likelihood,
            "log likelihood, with effects": fixed.log_likelihood, "F levels, pooled": wald(flat, levels) if levels else np.nan,
            "F levels, within": wald(fixed, levels) if levels else np.nan,
        }  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(list(rows), names=["column", "regressors"])
    return table


def table2(
    panel: Personnel, draws: dict[str, xr.DataTree], truth: Mapping[str, float] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """(coefficients, statistics) of columns 1, 4, 5 and 8; ``draws`` of column 8, ``conditional`` and ``integrated``.

    ``truth`` as in :func:`table5`.
    """
    tables, statistics = [], {}
    for column in (1, 4, 5, 8):
        blocks = RECEIPT_BLOCKS[(column - 1) % 4 + 1]
        spec = ReceiptSpec(blocks=blocks, effects="conditional" if column > 4 else "integrated", means=False)
        fit = (conditional if column > 4 else logit)(spec.design(panel))
        terms = [*LEVEL_TERMS, "rating 2", "rating 3", "rating 4"]
        terms += [*TENURE_TERMS, "promoted"] if "tenure" in blocks else []
        samples = coefficients(draws["conditional"], terms) if column == 8 and "conditional" in draws else None
        tables.append(_beside(terms, published.TABLE2, column, fit.estimate, fit.se, samples, truth))
        ours = {"N": float(fit.rows), "log likelihood": fit.log_likelihood, "pseudo R2": fit.r2}
        theirs = {n: published.TABLE2_STATISTICS[n][column - 1] for n in ours}
        pairs = {f"{n}, paper": np.nan if theirs[n] is None else float(theirs[n] or 0.0) for n in ours}
        statistics[f"({column})"] = {k: v for n in ours for k, v in ((f"{n}, paper", pairs[f"{n}, paper"]), (n, ours[n]))}
    found = pd.concat(tables).rename(columns={"least squares": "likelihood", "se, least squares": "se, likelihood"})
    if "integrated" in draws:
        own = posterior_columns(coefficients(draws["integrated"], terms))
        own |= {} if truth is None else {"truth": np.array([truth.get(t, np.nan) for t in terms])}
        index = pd.MultiIndex.from_product([["(8), effects integrated"], terms], names=["column", "term"])
        found = pd.concat([found, pd.DataFrame(own, index=index)])
    return found, pd.DataFrame(statistics).T.rename_axis("column")


def table6(panel: Personnel, draws: dict[str, np.ndarray], *, replications: int = 100, seed: int = 0) -> pd.DataFrame:
    """Effect of the prize by panel and column: published, the published construction here, and the expected prize.

    Panel A's increase has an effect of each worker. ``draws`` of rho of the joint posterior, by panel A, B or C; they stand in
    column 5.
    """
    rows: dict[tuple[str, str], dict[str, float]] = {}
    covariates: tuple[Covariates, ...] = ("A", "B", "C")
    for prize in covariates:
        for column, blocks in PRIZE_BLOCKS.items():
            rho, se, corrected = published.TABLE6[prize][column - 1]
            as_then = PrizeSpec(covariates=prize, blocks=blocks, base="total")
            own = prize == "A"
            then = two_step(panel, as_then, prize="as_published", worker_effects=own)
            spec = PrizeSpec(covariates=prize, blocks=blocks)
            now = two_step(panel, spec, worker_effects=own)
            row = {
                "published": rho, "se pub.": se, "corrected se": corrected, "same here": then.rho, "se same": then.conventional,
                "expected": now.rho, "se exp.": now.conventional,
            }  # fmt: skip
            if column == 5:
                drawn = bootstrap(panel, spec, replications=replications, seed=seed, worker_effects=own)
                row |= {"boot. sd": float(drawn.std(ddof=1)), "partial R2": now.partial_r2}
                row |= {"formula": float(np.hypot(row["boot. sd"], now.conventional))}
                if prize in draws:
                    row |= {k: float(v[0]) for k, v in posterior_columns(draws[prize][:, None]).items()}
            rows[prize, f"({column})"] = row
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(list(rows), names=["prize", "column"])
    return table
