"""Regressors of the bonus regressions: levels, age, tenure, ratings, demographics, years, and worker means (Mundlak)."""

from collections.abc import Mapping
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from bayes_labor.data.bonuses.personnel import TENURES, Personnel
from bayes_labor.data.characteristics import Characteristics, parse
from bayes_labor.data.faults import DataFaults, Fault, did_you_mean, first_few
from bayes_labor.models.laws import WithPriors, check_terms, law, of_terms
from bayes_labor.models.panel_design import PanelDesign, told_apart
from bayes_labor.models.priors import Prior, Relative, stacked
from bayes_labor.numerics.groups import Groups

Block = Literal["levels", "age", "tenure", "ratings", "promoted", "avg_increase"]
BLOCKS: tuple[Block, ...] = ("levels", "age", "tenure", "ratings")

_MEAN = "mean outcome"
UNIT = "1 / sd of the column"
"""In which the coefficients of own covariates are, whatever unit these are in."""
_COEFFICIENTS = {
    "intercept": (2.0, "intercept"),
    "levels": (1.5, "levels"),
    "age": (1.0, "age, per ten years"),
    "age squared": (0.5, "age squared"),
    "tenure": (0.5, "tenure"),
    "ratings": (0.5, "ratings"),
    "promoted": (0.5, "promoted"),
    "avg_increase": (2.5, "average increase"),
    "years": (0.3, "contrasts of years"),
    "worker": (0.5, "gender, race and education"),
    "means": (1.0, "worker means"),
}
COEFFICIENTS = {
    name: Prior("normal", (Relative(1.0, _MEAN) if name == "intercept" else 0.0, sd), words)
    for name, (sd, words) in _COEFFICIENTS.items()
} | {"own": Prior("normal", (0.0, Relative(1.0, UNIT)), "own covariates, and their worker means")}
"""Priors of the coefficients of a log bonus by block, or by term where it has its own."""
STEPS = {
    "levels": Prior("half normal", (0.75,), "levels, each step up"),
    "tenure": Prior("half normal", (0.2,), "tenure, each step up"),
    "ratings": Prior("half normal", (0.2,), "ratings, each step down"),
}
"""Of the steps by which ordered effects cumulate instead."""
FALLING = ("ratings",)
"""Blocks whose ordered effects fall: ratings do from 1, the best."""


class Regressors(WithPriors):
    """What explains an outcome, in any of the bonus equations."""

    by_term: ClassVar[tuple[str, ...]] = ("theta",)
    blocks: tuple[Block, ...] = BLOCKS
    """Which of levels, age, tenure at the level, ratings, whether the worker is promoted at the end of the year, and the
    average yearly increase of log salary at the level (rows without one, a hire's first year, are dropped)."""
    means: bool = True
    """Whether worker means, over the rows used, of what varies are regressors too: then slopes are within workers (Mundlak)."""
    demographics: bool = True
    """Whether gender, race and education are, where the panel has them."""
    years: Literal["contrasts", "none"] = "contrasts"
    """``contrasts``: effects of years orthogonal to a constant and a trend. With worker effects age, which rises by one each
    year, cannot be told from a trend; the trend is given to age, as in the paper."""
    formula: str = ""
    """Own covariates, in the grammar of formulas: ``C(department) + log(sales)*level``. What varies within workers has a worker
    mean beside it, like any other regressor; what does not is between workers."""
    base: dict[str, int | float | str] = Field(default_factory=dict)
    """The ``level``, ``rating`` or ``education`` that others are compared with; by default the lowest that occurs."""

    @property
    def rows(self) -> dict[str, Prior]:
        """Priors by block of coefficients."""
        return self.coefficients

    @property
    def coefficients(self) -> dict[str, Prior]:
        """Of :data:`COEFFICIENTS` those that are asked for."""
        asked = {"intercept", *self.blocks} | ({"age squared"} if "age" in self.blocks else set())
        asked |= {"years"} if self.years == "contrasts" else set()
        asked |= ({"worker"} if self.demographics else set()) | ({"means"} if self.means else set())
        asked |= {"own"} if self.formula else set()
        return {name: prior for name, prior in COEFFICIENTS.items() if name in asked}

    @property
    def of_log_bonus(self) -> dict[str, Prior]:
        """Normal priors of the coefficients of a log bonus, by block and by term, the user's in their places."""
        own = {n: law(said) for n, said in self.priors.items()}
        return COEFFICIENTS | {n: p for n, p in own.items() if p.family == "normal"}


class Column(NamedTuple):
    """A regressor by row."""

    name: str
    block: str
    values: np.ndarray
    own: bool = False
    """Whether it is a covariate of the user's, or the worker mean of one: its unit can be any."""

    def prior(self, table: Mapping[str, Prior]) -> Prior:
        """Of its coefficient: its own, its block's, or that of all, ``theta``."""
        names = ("own",) if self.own else (self.name, self.block, "theta")
        return next(table[n] for n in (f"theta[{self.name}]", *names) if n in table)


def bonus_design(
    panel: Personnel,
    regressors: Regressors | None = None,
    *,
    rows: pd.DataFrame | None = None,
    outcome: Literal["size", "receipt"] = "size",
    unrated: Literal["drop", "indicator"] = "drop",
    within: bool = False,
    priors: Mapping[str, Prior] | None = None,
) -> PanelDesign:
    """Build a regression of bonuses. The lowest level, tenure, rating and education that occur are the base, or what is asked.

    Parameters
    ----------
    panel
        The panel.
    regressors
        Which.
    rows
        Rows of the panel's table; by default those with a bonus.
    outcome
        The log bonus, or whether there is one.
    unrated
        Rows without a rating: ``drop`` them, as published, or give them an ``indicator``.
    within
        Whether slopes are within workers even where worker means are no regressors.
    priors
        Of coefficients by term (``theta[TERM]``), by block, ``own``, or of all, ``theta``; by default those of a log bonus.

    Returns
    -------
    PanelDesign
        Without what the rows cannot tell, named in ``left_out``: columns that never vary (within workers, where slopes are) or
        are combinations of others, and worker means and effects where nobody has two rows.

    Raises
    ------
    DataFaults
        For columns that the panel lacks, no rows, or priors of terms that there are not.

    """
    spec = regressors or Regressors()
    priors = spec.of_log_bonus if priors is None else priors
    unknown = [n for n in spec.base if n not in ("level", "rating", "education")]
    if unknown:
        raise DataFaults([Fault(f"base says {unknown[0]!r}", "base", "say the base of level, rating or education")])
    table = _usable(panel, panel.with_bonus if rows is None else rows, spec.blocks, unrated)
    groups, bonus = panel.workers.at(table.index.to_numpy()), table["bonus"].to_numpy(np.float64)
    varying, fixed = _varying(panel, table, spec, unrated), _demographics(panel, table, spec) if spec.demographics else []
    own = _own(panel, table, spec.formula)
    moves = [bool(np.ptp(groups.within(c.values)) > 1e-12 * np.ptp(c.values)) for c in own]
    varying += [c._replace(block="own") for c, m in zip(own, moves, strict=True) if m]
    fixed += [c for c, m in zip(own, moves, strict=True) if not m]
    holes = [c.name for c in [*varying, *fixed] if not np.isfinite(c.values).all()]
    if holes:
        what = f"missing values in {first_few(holes)}"
        raise DataFaults([Fault(what, panel.name, "complete the columns, drop the rows, or leave the block out")])
    left_out = {} if groups.repeated else dict.fromkeys(("worker effects", "worker means"), "one row a worker")
    means = spec.means and not left_out
    averages = groups.means(np.column_stack([c.values for c in varying]))[groups.row].T if means and varying else []
    between = [Column(f"mean of {c.name}", "means", v, c.own) for c, v in zip(varying, averages, strict=False)]
    check_terms("theta", of_terms(priors, "theta"), ["intercept", *(c.name for c in [*varying, *fixed, *between])])
    if means or within:
        varying, why = _told_apart(varying, groups, " within workers")
        fixed, why_fixed = _told_apart([*fixed, *between], None, "")
        left_out |= why | why_fixed
    else:
        varying, why = _told_apart([*varying, *fixed], None, "")
        left_out, fixed = left_out | why, []
    columns = [Column("intercept", "intercept", np.ones(len(table))), *varying, *fixed]
    _refuse_twins(columns, panel.name)
    y = np.log(bonus) if outcome == "size" else (bonus > 0).astype(np.float64)
    units = [{_MEAN: y.mean(), UNIT: 1.0 / c.values.std() if c.own else np.nan} for c in columns]
    mean, sd = stacked(c.prior(priors).within(unit) for c, unit in zip(columns, units, strict=True)).values
    return PanelDesign(
        y,
        np.column_stack([c.values for c in columns]),
        tuple(c.name for c in columns),
        tuple(c.block for c in columns),
        mean,
        sd,
        groups,
        table,
        left_out,
    )


def _refuse_twins(columns: list[Column], where: str) -> None:
    """Raises DataFaults for a covariate of the user's that is called what a regressor here is called."""
    names = [c.name for c in columns]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise DataFaults([Fault(f"two regressors are called {first_few(twice)}", where, "rename the column of the formula")])


def _usable(panel: Personnel, rows: pd.DataFrame, blocks: tuple[Block, ...], unrated: str) -> pd.DataFrame:
    """The rows that have what the blocks need."""
    columns = (("age", "age"), ("rating", "ratings"), ("avg_increase", "avg_increase"))
    lacking = [(c, b) for c, b in columns if b in blocks and c not in rows]
    if lacking:
        rest = ", ".join(f'"{b}"' for b in blocks if b not in [b for _, b in lacking])
        remedy = f"leave the block out (--set 'blocks=[{rest}]'), or add the column"
        raise DataFaults([Fault(f"the panel has no {', '.join(c for c, _ in lacking)}", panel.name, remedy)])
    needed = ["rating"] if "ratings" in blocks and unrated == "drop" else []
    found = rows.dropna(subset=[*needed, *(b for b in ("avg_increase", "promoted") if b in blocks)])
    if not len(found):
        raise DataFaults([Fault("no rows are left", panel.name, f"check bonus{''.join(f' and {n}' for n in needed)}")])
    return found


def _told_apart(columns: list[Column], groups: Groups | None, where: str) -> tuple[list[Column], dict[str, str]]:
    if not columns:
        return [], {}
    kept, left_out = told_apart([c.name for c in columns], np.column_stack([c.values for c in columns]), groups, where)
    return [columns[i] for i in kept], left_out


def dummies(
    values: pd.Series, name: str, top: int | None = None, *, base: float | None = None, words: Mapping[int, str] | None = None
) -> dict[str, np.ndarray]:
    """(rows,) 0 or 1 for each value that occurs but the ``base``, by default the lowest.

    ``top`` stands for itself and all above; ``words`` stand for numbers.
    """
    found = values.to_numpy(np.float64)
    known = np.unique(found[np.isfinite(found)])
    rest = known[1:] if base is None else known[known != base]
    names = {k: (words or {}).get(int(k), f"{k:g}") for k in rest}
    return {f"{name} {names[k]}{'+' if k == top else ''}": (found == k).astype(np.float64) for k in rest}


def base_of(panel: Personnel, values: pd.Series, name: str, spec: Regressors) -> float | None:
    """The value that is asked for as the base of a column's effects; None for the lowest.

    Raises
    ------
    DataFaults
        If it does not occur.

    """
    asked = spec.base.get(name)
    if asked is None:
        return None
    known = {panel.word(name, v): float(v) for v in np.sort(values.dropna().unique())}
    word = f"{asked:g}" if isinstance(asked, int | float) else asked
    if word not in known:
        what = f"the base of {name}, {word}, does not occur in the rows used"
        raise DataFaults([Fault(what, panel.name, did_you_mean(word, known))])
    return known[word]


def person(table: pd.DataFrame, *names: str, base: float | None = None) -> dict[str, np.ndarray]:
    """(rows,) by name, of these columns where there are any, and of education."""
    found = {n: table[n].to_numpy(np.float64) for n in names if n in table}
    return found | (dummies(table["educ"], "education", base=base) if "educ" in table else {})


def _own(panel: Personnel, table: pd.DataFrame, formula: str) -> list[Column]:
    """Terms of a formula by row.

    Raises
    ------
    DataFaults
        For a formula that cannot be read or evaluated, names what the panel lacks, or explains the bonus by itself.

    """
    if not formula:
        return []
    if {"bonus"} & set(parse(formula, "bonus")[1]):
        raise DataFaults([Fault("the formula explains the bonus by itself", repr(formula), "leave bonus out of it")])
    learned = Characteristics.learn(table, formula, (), "bonus")
    values = learned.evaluate(table)
    broken = [t for t, v in zip(learned.terms, values, strict=True) if not np.isfinite(v).all()]
    if broken:
        remedy = "look for logs of zero, divisions by zero and missing values"
        raise DataFaults([Fault(f"a term of the formula is not finite: {first_few(broken)}", repr(formula), remedy)])
    # Centred: the intercept then is that of average covariates, whatever their unit.
    return [Column(t, "worker", v - v.mean(), own=True) for t, v in zip(learned.terms, values, strict=True)]


def _varying(panel: Personnel, table: pd.DataFrame, spec: Regressors, unrated: str) -> list[Column]:
    """What varies within workers."""
    by_block: dict[str, dict[str, np.ndarray]] = {}
    if "levels" in spec.blocks:
        base = base_of(panel, table["level"], "level", spec)
        by_block["levels"] = dummies(table["level"], "level", base=base, words=panel.words.get("level"))
    if "age" in spec.blocks:
        a = (table["age"].to_numpy(np.float64) - 39.0) / 10.0
        by_block["age"] = {"age": a, "age squared": a**2}
    if "tenure" in spec.blocks:
        by_block["tenure"] = dummies(table["ten_level"].clip(upper=TENURES), "tenure", TENURES)
    if "ratings" in spec.blocks:
        missing = {"rating missing": table["rating"].isna().to_numpy(np.float64)} if unrated == "indicator" else {}
        base = base_of(panel, table["rating"], "rating", spec)
        by_block["ratings"] = dummies(table["rating"], "rating", base=base, words=panel.words.get("rating")) | missing
    if "promoted" in spec.blocks:
        by_block["promoted"] = {"promoted": table["promoted"].to_numpy(np.float64)}
    if "avg_increase" in spec.blocks:
        by_block["avg_increase"] = {"average increase": table["avg_increase"].to_numpy(np.float64)}
    if spec.years == "contrasts":
        contrasts = year_contrasts(table["year"].to_numpy())
        by_block["years"] = {f"year contrast {i + 1}": v for i, v in enumerate(contrasts)}
    return [Column(name, block, values) for block, own in by_block.items() for name, values in own.items()]


def _demographics(panel: Personnel, table: pd.DataFrame, spec: Regressors) -> list[Column]:
    base = base_of(panel, table["educ"], "education", spec) if "educ" in table else None
    return [Column(name, "worker", values) for name, values in person(table, "female", "nonwhite", base=base).items()]


def year_contrasts(year: np.ndarray) -> list[np.ndarray]:
    """Values at every row of an orthonormal basis of year effects orthogonal to a constant and a linear trend."""
    years, at = np.unique(year, return_inverse=True)
    if len(years) < 3:
        return []
    basis = np.linalg.qr(np.vander(years - years.mean(), len(years), increasing=True) / np.arange(1, len(years) + 1))[0]
    trend = np.linalg.qr(np.stack([np.ones(len(years)), years - years.mean()], axis=1))[0]
    rest = basis - trend @ (trend.T @ basis)
    left = np.linalg.svd(rest)[0][:, : len(years) - 2]
    return [left[at, j] for j in range(left.shape[1])]
