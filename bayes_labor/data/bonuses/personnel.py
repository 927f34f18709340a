"""Personnel of one firm over years: the validated panel, a reader, and a generator with known truth.

Section 5 of the specification: levels, tenure, ratings, promotions, salaries and yearly bonuses, after the firm of Baker, Gibbs
and Holmstrom as Ekinci and Waldman describe it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import ndtri

from bayes_labor.data.bonuses.careers import COUNTED, Careers
from bayes_labor.data.faults import DataFaults, Fault, first_few
from bayes_labor.data.ids import as_numbers_if_nothing_is_lost, mixed_faults
from bayes_labor.data.shown import as_html, described
from bayes_labor.data.tables import Reading, as_frame, read_table
from bayes_labor.numerics.groups import Groups

LEVELS, TENURES = 5, 5
"""Job levels of the published firm; classes of tenure at the level: 1, 2, 3, 4, 5 or more years."""
MOST = 60
"""Levels, and ratings, of a panel at most: more are no classes."""

REQUIRED = ("id", "year", "level", "ten_level", "ten_firm", "salary", "bonus", "promoted")
OPTIONAL = ("age", "title", "female", "nonwhite", "educ", "rating", "avg_increase")

Preset = Literal["table5", "table6", "exogenous", "clean"]


@dataclass(frozen=True)
class Personnel:
    """A panel of workers by year, sorted by worker and year.

    Raises
    ------
    DataFaults
        All faults at once: missing columns, two rows of a worker in a year, gaps between a worker's years and levels that fall
        unless ``careers`` keeps them, tenure at the level above tenure at the firm, negative bonuses, ratings that are none.

    """

    table: pd.DataFrame
    """Columns :data:`REQUIRED` and any of :data:`OPTIONAL`; further columns are kept. ``promoted`` may be missing where it is
    not known. Levels are whole numbers, of which higher ones are higher; ratings numbers, the lowest the best. Either may be
    words whose order ``careers`` gives, and is then held by place in that order."""
    name: str = "personnel"
    careers: Careers = field(default_factory=Careers)
    """What is said of gaps, demotions, several firms, and words."""
    words: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    """Of ``level`` and ``rating`` by place, where these were words."""

    def __post_init__(self) -> None:
        mixed = mixed_faults(as_frame(self.table)["id"], "id") if "id" in as_frame(self.table) else []
        if mixed:
            raise DataFaults(mixed)
        table, words = self.careers.told(as_frame(self.table), self.name)
        missing = [c for c in REQUIRED if c not in table]
        if missing:
            remedy = f"give columns {', '.join(REQUIRED)}; and {', '.join(OPTIONAL)} where there are any"
            counted = [c for c in missing if c in COUNTED]
            remedy += f"; --count counts {', '.join(counted)} from the rows" if counted else ""
            raise DataFaults([Fault(f"columns {', '.join(missing)} are missing", self.name, remedy)])
        numeric = [c for c in (*REQUIRED[1:], *OPTIONAL) if c in table and c != "title"]
        text = [c for c in numeric if not pd.api.types.is_numeric_dtype(table[c])]
        if text:
            raise DataFaults([Fault(f"columns {', '.join(text)} are not numbers", self.name, "convert them")])
        if not len(table):
            raise DataFaults([Fault("the table has no rows", self.name, "check the file, and --where")])
        # Columns of integers that may be missing, and of truth values, as plain numbers.
        plain = {c: table[c].astype(np.float64) for c in numeric if table[c].dtype.kind not in "iuf" or not _plain(table[c])}
        table = table.assign(**plain).sort_values(["id", "year"], kind="stable").reset_index(drop=True)
        object.__setattr__(self, "table", table)
        object.__setattr__(self, "words", words or self.words)
        faults = [*_values(table, self.name), *_careers(table, self.name, self.careers)]
        if faults:
            raise DataFaults(faults)
        if (table["level"] % 1 == 0).all():
            object.__setattr__(self, "table", table.assign(level=table["level"].astype(np.int64)))

    @cached_property
    def workers(self) -> Groups:
        """Which worker each row is of; rows of a worker are adjacent."""
        return Groups.of(self.table["id"])

    @cached_property
    def with_bonus(self) -> pd.DataFrame:
        """Rows with a positive bonus."""
        return self.table[self.table["bonus"] > 0]

    @cached_property
    def fingerprint(self) -> str:
        """Changes with any value: a formula may name every column."""
        rows = pd.util.hash_pandas_object(self.table, index=False).to_numpy()
        return hashlib.sha256(rows.tobytes() + repr(self.words).encode() * bool(self.words)).hexdigest()[:16]

    def __repr__(self) -> str:
        t = self.table
        years, levels = (f"{t[c].min():g} to {t[c].max():g}" for c in ("year", "level"))
        rows, people, paid = len(t), t["id"].nunique(), (t["bonus"] > 0).mean()
        return (
            f"Personnel({self.name!r}: {rows:,} rows of {people:,} workers, {years}, levels {levels}, {paid:.0%} with a bonus)"
        )

    def _repr_html_(self) -> str:
        """For notebooks: what it is, and quantiles of money and tenure."""
        shown = [c for c in ("salary", "bonus", "ten_firm", "ten_level", "age") if c in self.table]
        return as_html(repr(self), described(self.table, shown))

    def between(self, first: int, last: int) -> "Personnel":
        """The years from ``first`` to ``last``; tenures stay what they are."""
        rows = self.table[(self.table["year"] >= first) & (self.table["year"] <= last)]
        return replace(self, table=rows, careers=Careers("keep", "keep"))  # they have been told apart already

    def word(self, column: str, value: float) -> str:
        """What a level or rating is called: its word, or its number."""
        return self.words.get(column, {}).get(int(value), f"{value:g}")

    def by_level(self) -> pd.DataFrame:
        """Table 1: counts, means and standard deviations by level, over rows with a bonus; and over all levels."""
        rows = self.with_bonus.assign(ratio=lambda t: t["bonus"] / t["salary"])
        columns = [c for c in ("bonus", "salary", "ratio", "promoted", "age", "ten_level", "ten_firm", "rating") if c in rows]
        groups = {self.word("level", k): rows[rows["level"] == k] for k in np.unique(rows["level"])} | {"all": rows}
        found = {}
        for level, part in groups.items():
            means, spread = part[columns].mean(), part[columns].std().add_suffix("_sd")
            rated = {"rated": part["rating"].notna().mean()} if "rating" in rows else {}
            both = pd.concat([means, spread])[[n for c in columns for n in (c, f"{c}_sd")]]
            found[level] = {"N": float(len(part))} | both.to_dict() | rated
        return pd.DataFrame.from_dict(found, orient="index").rename_axis("level")


def _faults(checks: Mapping[str, tuple[pd.Series, str]], table: pd.DataFrame, name: str) -> list[Fault]:
    """By what is wrong: (which rows are, the remedy)."""
    found = []
    for what, (bad, remedy) in checks.items():
        if bad.any():
            at = table.loc[bad, ["id", "year"]]
            where = first_few([f"worker {i} in {y}" for i, y in zip(at["id"], at["year"], strict=True)])
            found.append(Fault(what, f"{name}: {where}", remedy))
    return found


def _values(t: pd.DataFrame, name: str) -> list[Fault]:
    """Values out of range."""
    needed = [c for c in REQUIRED if c != "promoted"]
    checks = {
        "missing values": (t[list(needed)].isna().any(axis=1), f"complete {', '.join(needed)}, or drop the rows by --where"),
        "levels that are not whole numbers": (t["level"].notna() & (t["level"] % 1 != 0), "number them, or give their words"),
        "years that are not whole": (t["year"] % 1 != 0, "one row per worker and calendar year"),
        "infinite salaries or bonuses": (np.isinf(t["salary"]) | np.isinf(t["bonus"]), "correct them"),
        "infinite tenures": (np.isinf(t["ten_level"]) | np.isinf(t["ten_firm"]), "correct them"),
        "negative bonuses": (t["bonus"] < 0, "0 where there is none"),
        "salaries that are not positive": (t["salary"] <= 0, "drop the rows, or correct them"),
        "promoted neither 0 nor 1": (
            ~t["promoted"].isin([0, 1]) & t["promoted"].notna(),
            "1 where the worker is promoted at the end of the year; nothing where that is not known",
        ),
        "tenure at the level above tenure at the firm": (t["ten_level"] > t["ten_firm"], "both start at 1"),
        "tenure below 1": ((t["ten_level"] < 1) | (t["ten_firm"] < 1), "both start at 1"),
    }
    if "age" in t:
        checks["ages outside 10 to 110"] = (~t["age"].between(10, 110) & t["age"].notna(), "NaN where it is not known")
    for name_ in (c for c in ("female", "nonwhite") if c in t and pd.api.types.is_numeric_dtype(t[c])):
        checks[f"{name_} outside 0 to 1"] = (~t[name_].between(0, 1) & t[name_].notna(), "1 for yes, 0 for no")
    if "rating" in t:
        checks["infinite ratings"] = (np.isinf(t["rating"]), "NaN where there is none")
    return [*_faults(checks, t, name), *_many(t, name)]


def _plain(column: pd.Series) -> bool:
    return isinstance(column.dtype, np.dtype)


def _many(t: pd.DataFrame, name: str) -> list[Fault]:
    """Columns of classes that have too many to be ones."""
    counts = {c: t[c].nunique() for c in ("level", "rating") if c in t}
    return [
        Fault(f"{c} has {n} different values", name, "give classes, or use the column as a number in a formula, renamed")
        for c, n in counts.items()
        if n > MOST
    ]


def _careers(t: pd.DataFrame, name: str, careers: Careers) -> list[Fault]:
    """Faults between the years of a worker."""
    same = t["id"].eq(t["id"].shift())
    step = t["year"].diff()
    several = "one row per worker and year; where there are several firms name their column: --firm"
    checks = {"two rows of a worker in one year": (same & (step == 0), several)}
    if careers.gaps != "keep":
        remedy = "give the years between, or say what a gap is: --gaps keep, or spells (another worker from there on)"
        checks["years of a worker are not consecutive"] = (same & (step > 1), remedy)
    if careers.demotions != "keep":
        remedy = (
            "say what a demotion is: --demotions keep; spells, another worker from there on; or drop, the rows from there on"
        )
        checks["levels fall"] = (same & (t["level"].diff() < 0), remedy)
    return _faults(checks, t, name)


def read_personnel(
    path: str | Path,
    columns: dict[str, str] | None = None,
    reading: Reading | None = None,
    careers: Careers | None = None,
) -> Personnel:
    """The panel from a file.

    Parameters
    ----------
    path
        The file.
    columns
        Names in the file by the package's name, such as ``{"id": "person"}``, where they differ. Ids are text, and numbers
        only where no two would merge: ``0012`` is not 12.
    reading
        How the file is written, and which rows are wanted.
    careers
        What is said of gaps, demotions, several firms, words and tenures; by default they are refused.

    Raises
    ------
    DataFaults
        If the file cannot be read or the panel has faults.

    """
    id_ = (columns or {}).get("id", "id")
    table = read_table(path, text=[id_], reading=reading)
    if id_ in table:
        table[id_] = as_numbers_if_nothing_is_lost(table[id_])
    unknown = [c for c in (columns or {}).values() if c not in table]
    if unknown:
        raise DataFaults([Fault(f"columns {', '.join(unknown)} are not in the file", str(path), "check the names")])
    theirs = (columns or {}).values()
    hidden = [k for k in columns or {} if k in table and k not in theirs]  # a column of the file that another now stands for
    renamed = table.drop(columns=hidden).rename(columns={v: k for k, v in (columns or {}).items()})
    return Personnel(renamed, Path(path).stem, careers or Careers())


_FIRST, _LAST, _BONUS = 1969, 1988, 1981
_HEADCOUNT, _GROWTH = 1600, 174
_ENTRY, _START = (0.545, 0.21, 0.14, 0.095, 0.01), (0.30, 0.27, 0.26, 0.155, 0.015)
_AGE, _AGE_SD = np.array([32.3, 33.4, 34.5, 40.0, 48.0]), np.array([10.3, 9.2, 8.2, 7.3, 6.0])
_EDUC = (0.18, 0.44, 0.30, 0.08)
_TITLES = (5, 4, 4, 3, 1)
_RATED = np.array([0.64, 0.74, 0.74, 0.67, 0.51])
_RATING_LEVEL, _RATING_CUT = np.array([-0.40, -0.24, 0.12, 0.24, 0.0]), (-0.74, 0.98, 2.45)
_PROMOTION = np.array([-1.12, -1.28, -1.85, -4.85, -1.20])
_PROMOTION_TENURE, _PROMOTION_EDUC = np.array([0.0, 0.0, -0.10, -0.30, -0.70]), np.array([0.0, 0.10, 0.20, 0.25])
_RISE, _RISE_RATING = np.array([0.10, 0.12, 0.17, 0.28, 0.06]), np.array([0.0, -0.015, -0.03, -0.045])
_RISE_EDUC = np.array([0.0, 0.005, 0.010, 0.012])
_SALARY, _SALARY_SD = np.array([10.41, 10.63, 10.875, 11.22, 11.89]), np.array([0.235, 0.135, 0.13, 0.185, 0.31])
_RAISE_RATING = np.array([0.012, 0.004, -0.008, -0.02])
_EXIT_LEVEL, _EXIT_RATING = np.array([0.80, 0.25, 0.08, 0.22, 0.0]), np.array([0.0, 0.05, 0.45, 0.90])
_RECEIPT, _RECEIPT_RATING = np.array([0.0, 1.6, 3.2, 3.9, 2.6]), np.array([0.0, -0.6, -1.5, -2.6])
_RECEIPT_PROMOTED = 0.55
_RECEIPT_TENURE, _RECEIPT_SHARES = np.array([0.0, 0.3, 0.4, 0.4, 0.25]), np.array([0.0, -1.62, -3.08, -3.27, -1.2])
_SIZE, _SIZE_RATING = np.array([0.0, 0.40, 0.55, 0.82, 1.45]), np.array([0.0, -0.084, -0.189, -0.50])
_SIZE_TENURE, _SIZE_SHARES = np.array([0.0, 0.12, 0.19, 0.20, 0.21]), np.array([0.0, 0.02, 0.16, 0.66, 1.50])
_SIZE_EDUC = np.array([0.0, 0.03, 0.08, 0.10])
_AGE_SLOPE, _AGE_SQUARE = 0.186, -0.215
_NOISE = 0.33 * np.array([1.3, 0.9, 0.9, 1.2, 1.0])
_AWARDS = np.array([0.012, 0.004, 0.003, 0.008, 0.0])


def personnel(preset: Preset = "table5", seed: int = 1, copies: int = 1) -> Personnel:
    """A generated panel like the published one, years 1981-1988, with its truth in further columns.

    Parameters
    ----------
    preset
        ``table5``: the prize has no effect on bonuses; ``table6``: a coefficient of -2; ``exogenous``: worker effects unrelated
        to anything observed; ``clean``: normal errors of one variance, no awards.
    seed
        Of everything random.
    copies
        Firms side by side, for panels of any size.

    Returns
    -------
    Personnel
        With ``p_prom`` (chance of promotion), ``d_prom`` (log salary increase on promotion), ``psi_true`` (expected prize),
        ``mu`` and ``u`` (worker effects of size and receipt) and ``talent``.

    Raises
    ------
    DataFaults
        For a preset that is not known.

    """
    presets = ("table5", "table6", "exogenous", "clean")
    if preset not in presets:
        raise DataFaults([Fault(f"there is no preset {preset!r}", "personnel", f"choose one of: {', '.join(presets)}")])
    firms = [_firm(preset, np.random.default_rng([seed, copy])) for copy in range(copies)]
    for copy, firm in enumerate(firms):
        firm["id"] += 100_000 * copy
    return Personnel(pd.concat(firms, ignore_index=True), f"personnel, {preset}")


def true_coefficients(equation: Literal["size", "receipt"]) -> dict[str, float]:
    """What :func:`personnel` generates bonuses with, by term: of the log bonus, or of the log odds of one.

    Age in the paper's terms, a year and the square of it over 100; all other regressors held fixed.
    """
    effects = {"size": (_SIZE, _SIZE_RATING, _SIZE_TENURE), "receipt": (_RECEIPT, _RECEIPT_RATING, _RECEIPT_TENURE)}
    found: dict[str, float] = {}
    for name, values in zip(("level", "rating", "tenure"), effects[equation], strict=True):
        top = len(values) if name == "tenure" else None
        found |= {f"{name} {k}{'+' if k == top else ''}": float(v) for k, v in enumerate(values[1:], 2)}
    return found | ({"age": _AGE_SLOPE, "age²/100": _AGE_SQUARE} if equation == "size" else {"promoted": _RECEIPT_PROMOTED})


def _firm(preset: str, rng: np.random.Generator) -> pd.DataFrame:
    people = _People(rng)
    titles = _titles(rng)
    years = [people.live_through(year, titles) for year in range(_FIRST, _LAST + 1)]
    panel = pd.concat(years, ignore_index=True)
    panel = _bonuses(panel[panel["year"] >= _BONUS].reset_index(drop=True), people, preset, rng)
    return panel.drop(columns=["true_rating"])


def _titles(rng: np.random.Generator) -> list[np.ndarray]:
    """Effect of each title on the increase at promotion, centred within its level."""
    effects = [rng.normal(0.0, 0.05, n) for n in _TITLES]
    return [e - e.mean() for e in effects]


class _People:
    """Everybody who ever worked in the firm; ``here`` are those who do now."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.fixed: dict[str, np.ndarray] = {}
        self.here = np.empty(0, np.int64)
        self.state: dict[str, np.ndarray] = {k: np.empty(0) for k in ("age", "level", "ten_level", "ten_firm", "log_salary")}
        self.state |= {k: np.empty(0) for k in ("title", "rises", "counted")}

    def live_through(self, year: int, titles: list[np.ndarray]) -> pd.DataFrame:
        """Hire up to the headcount, rate, promote, pay, and let some go; the year's rows."""
        self._hire(_HEADCOUNT + _GROWTH * (year - _FIRST) - len(self.here), year)
        s, rng = self.state, self.rng
        f = {k: v[self.here] for k, v in self.fixed.items()}
        level, tenure = s["level"].astype(int) - 1, np.minimum(s["ten_level"], TENURES).astype(int) - 1
        rating, educ = self._rate(level, f["talent"]), f["educ"].astype(int)
        mean = np.bincount(level, rating, LEVELS) / np.maximum(np.bincount(level, minlength=LEVELS), 1)
        logit = _PROMOTION[level] + _PROMOTION_TENURE[tenure] - 0.02 * (s["age"] - 38.0) - 0.15 * f["female"]
        chance = _logistic(logit + _PROMOTION_EDUC[educ] - 1.5 * (rating / mean[level] - 1.0))
        promoted = rng.random(len(chance)) < chance
        title_effect = np.array([titles[j][int(t)] for j, t in zip(level, s["title"], strict=True)])
        expected = _RISE[level] - 0.002 * (s["age"] - 38.0) + 0.004 * (s["ten_level"] - 3.0) + _RISE_RATING[rating - 1]
        expected = expected - 0.005 * f["female"] + _RISE_EDUC[educ] + 0.001 * (s["ten_firm"] - 6.0) + title_effect + f["omega"]
        rise = expected + rng.normal(0.0, 0.06, len(expected))
        rows = pd.DataFrame({"id": self.here, "year": year}).assign(
            **{k: s[k].astype(int) for k in ("age", "level", "ten_level", "ten_firm")},
            title=10 * (level + 1) + s["title"].astype(int),
            **{k: f[k].astype(int) for k in ("female", "nonwhite", "educ")},
            rating=np.where(rng.random(len(level)) < _RATED[level], rating, np.nan),
            true_rating=rating,
            salary=np.exp(s["log_salary"]),
            promoted=promoted.astype(int),
            avg_increase=np.where(s["counted"] > 0, s["rises"] / np.maximum(s["counted"], 1), np.nan),
            p_prom=chance,
            d_prom=np.where(promoted, rise, np.nan),
            psi_true=chance * expected,
            talent=f["talent"],
        )
        self._move_on(level, rating, promoted, rise, f)
        return rows

    def _hire(self, n: int, year: int) -> None:
        rng, first = self.rng, len(self.fixed.get("talent", ()))
        level = rng.choice(LEVELS, n, p=_START if year == _FIRST else _ENTRY)
        talent, salary_effect = rng.normal(size=n), rng.normal(size=n)
        latent = 0.5 * talent + np.sqrt(0.75) * rng.normal(size=n)
        new = {"talent": talent, "w": 0.4 * talent + np.sqrt(1.0 - 0.4**2) * salary_effect, "omega": rng.normal(0.0, 0.05, n)}
        new |= {k: (rng.random(n) < share).astype(float) for k, share in (("female", 0.28), ("nonwhite", 0.12))}
        new |= {"educ": np.searchsorted(ndtri(np.cumsum(_EDUC)[:-1]), latent).astype(float), "n": rng.normal(size=n)}
        self.fixed = {k: np.concatenate([self.fixed.get(k, np.empty(0)), v]) for k, v in new.items()}
        age = np.clip(np.rint(rng.normal(_AGE[level], _AGE_SD[level])), 21, 60)
        pay = _SALARY[level] + _SALARY_SD[level] * new["w"] - 0.03 + rng.normal(0.0, 0.03, n)
        start = {"age": age, "level": level + 1.0, "ten_level": np.ones(n), "ten_firm": np.ones(n), "log_salary": pay}
        start |= {"title": np.floor(rng.random(n) * np.array(_TITLES)[level]), "rises": np.zeros(n), "counted": np.zeros(n)}
        self.state = {k: np.concatenate([self.state[k], v]) for k, v in start.items()}
        self.here = np.concatenate([self.here, np.arange(first, first + n)])

    def _rate(self, level: np.ndarray, talent: np.ndarray) -> np.ndarray:
        latent = -0.55 * talent - _RATING_LEVEL[level] + self.rng.normal(size=len(level))
        rating: np.ndarray = np.searchsorted(_RATING_CUT, latent) + 1
        return rating

    def _move_on(
        self, level: np.ndarray, rating: np.ndarray, promoted: np.ndarray, rise: np.ndarray, f: dict[str, np.ndarray]
    ) -> None:
        """Salaries, levels and tenures of the next year, and who is still there then."""
        s, rng = self.state, self.rng
        target = _SALARY[level] + _SALARY_SD[level] * f["w"] + 0.01 * (np.minimum(s["ten_level"], 10.0) - 3.0)
        raised = 0.25 * (target - s["log_salary"]) + _RAISE_RATING[rating - 1] + rng.normal(0.0, 0.03, len(level))
        change = np.where(promoted, rise, raised)
        logit = -2.36 + _EXIT_LEVEL[level] + _EXIT_RATING[rating - 1] + 1.2 * (s["age"] >= 58)
        logit = logit + 0.22 * np.maximum(s["ten_firm"] - 9.0, 0.0)
        leaves = (rng.random(len(level)) < _logistic(logit)) & ~promoted
        leaves |= s["age"] >= 64
        up = promoted & (level < LEVELS - 1)
        new_title = np.floor(rng.random(len(level)) * np.array(_TITLES)[np.minimum(level + 1, LEVELS - 1)])
        after = {
            "age": s["age"] + 1,
            "level": s["level"] + up,
            "ten_level": np.where(up, 1.0, s["ten_level"] + 1),
            "ten_firm": s["ten_firm"] + 1,
            "log_salary": s["log_salary"] + change,
            "title": np.where(up, new_title, s["title"]),
            "rises": np.where(up, change, s["rises"] + change),
            "counted": np.where(up, 1.0, s["counted"] + 1),
        }
        self.state = {k: v[~leaves] for k, v in after.items()}
        self.here = self.here[~leaves]


def _bonuses(panel: pd.DataFrame, people: _People, preset: str, rng: np.random.Generator) -> pd.DataFrame:
    """Receipt and size of bonuses, given the careers."""
    workers = Groups.of(panel["id"])
    who, row = workers.labels, workers.row
    level, rating = panel["level"].to_numpy() - 1, panel["true_rating"].to_numpy() - 1
    tenure = np.minimum(panel["ten_level"].to_numpy(), TENURES) - 1
    shares = np.zeros((len(who), LEVELS))
    np.add.at(shares, (row, level), 1.0)
    shares /= shares.sum(1, keepdims=True)
    f = {k: v[who] for k, v in people.fixed.items()}
    related = 0.0 if preset == "exogenous" else 1.0
    u = related * (shares @ _RECEIPT_SHARES + 0.75 * f["talent"]) + 1.3 * f["n"]
    birth = pd.Series(panel["year"] - panel["age"]).groupby(row).first().to_numpy()
    own = rng.normal(size=len(who))
    mixed = 0.6 * f["n"] + 0.8 * own if related else own
    by_cohort = _by_age(1985.0 - birth) - _by_age(np.array(39.0))
    mu = related * (shares @ _SIZE_SHARES - by_cohort - 0.12 * f["talent"] + 0.15 * f["w"]) + 0.41 * mixed
    year = panel["year"].to_numpy() - _BONUS
    logit = -1.68 + _RECEIPT[level] + _RECEIPT_RATING[rating] + _RECEIPT_TENURE[tenure]
    logit = logit + _RECEIPT_PROMOTED * panel["promoted"].to_numpy() + _year_effects(0.55, rng)[year] + u[row]
    got = rng.random(len(panel)) < _logistic(logit)
    error = (0.33 if preset == "clean" else _NOISE[level]) * rng.normal(size=len(panel))
    if preset != "clean":
        error += np.where(rng.random(len(panel)) < _AWARDS[level], rng.normal(1.8, 0.6, len(panel)), 0.0)
    mean = 3.36 + _SIZE[level] + _by_age(panel["age"].to_numpy(np.float64)) + _SIZE_RATING[rating] + _SIZE_TENURE[tenure]
    mean = mean - 0.05 * panel["female"] - 0.03 * panel["nonwhite"] + _SIZE_EDUC[panel["educ"].to_numpy()]
    mean = mean + _year_effects(0.06, rng)[year] + (-2.0 if preset == "table6" else 0.0) * panel["psi_true"]
    log_bonus = mean + mu[row] + error
    return panel.assign(bonus=np.where(got, np.exp(log_bonus), 0.0), mu=mu[row], u=u[row])


def _logistic(odds: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-odds))


def _by_age(age: np.ndarray) -> np.ndarray:
    return _AGE_SLOPE * age + _AGE_SQUARE * age**2 / 100.0


def _year_effects(sd: float, rng: np.random.Generator) -> np.ndarray:
    """Effects of the bonus years, orthogonal to a constant and a trend."""
    n = _LAST - _BONUS + 1
    basis = np.stack([np.ones(n), np.arange(n)], axis=1)
    drawn = sd * rng.normal(size=n)
    return drawn - basis @ np.linalg.lstsq(basis, drawn, rcond=None)[0]
