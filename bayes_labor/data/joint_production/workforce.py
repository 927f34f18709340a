"""The matched table: one row per worker of whole workplaces, with what each worker takes along and what stays behind."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Number
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from bayes_labor.data.characteristics import Characteristics, asks_for_logs, parse
from bayes_labor.data.faults import DataFaults, Fault, did_you_mean, first_few, samples
from bayes_labor.data.ids import as_text, mixed_faults
from bayes_labor.data.joint_production.missing import filled
from bayes_labor.data.shown import as_html
from bayes_labor.data.tables import Reading, as_frame, read_table
from bayes_labor.numerics.groups import Groups

_SAME_WAGE = 1e-6  # of the largest: wages closer than this are one wage
_LEFT_OUT = {"incomplete": "workplaces with a missing value", "single": "workplaces of one worker"}
_LARGEST_WAGE = 1e150  # its square is a number
_OUTER, _BEYOND = 0.05, 10  # quantile that describes tails, and workers that must lie beyond it


@dataclass(frozen=True, eq=False)
class Workforce:
    """A validated matched sample. Build it with :meth:`from_frame` or :meth:`from_file`.

    ==============  ======  ========================================================================
    name            symbol  role
    ==============  ======  ========================================================================
    ``wage``        W       (N,) observed wage, the user's wage unit
    ``design``      x       (N, P) characteristics, as declared by the formula, unscaled; columns are contiguous
    ``internal``    I - M   (P,) True for a characteristic that is lost when the worker leaves
    ``linear``      -       (P,) True for an internal term that is proportional to its internal variable
    ``industry``    k       (F,) row of ``industries`` of each workplace
    ``offsets``     -       (F + 1,) workers of workplace f are ``offsets[f]:offsets[f + 1]``
    ``covariates``  -       (N, ...) the variables that the formula mentions, as the user gave them
    ``people``      -       whose rows they are, where the table says so: a :class:`.numerics.groups.Groups`, or None
    ``weight``      -       (N,) workers of the workplace that each one stands for; 1 where everybody is in the table
    ==============  ======  ========================================================================
    """

    wage: np.ndarray
    design: np.ndarray
    terms: tuple[str, ...]
    internal: np.ndarray
    linear: np.ndarray
    industry: np.ndarray
    industries: tuple[str, ...]
    offsets: np.ndarray
    workplaces: np.ndarray
    workers: np.ndarray
    covariates: pd.DataFrame
    characteristics: Characteristics
    formula: str
    weight: np.ndarray
    internal_variables: tuple[str, ...] = ()
    people: Groups | None = None
    wage_unit: str = "wage units"
    name: str = "workforce"
    left_out: str = ""
    """Which workplaces of the table were left out, in words."""
    filled: str = ""
    """Which characteristics were missing, and of how many workers, in words."""
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of every indicator of missing characteristics, the variables that are missing where it is one."""
    in_logs: bool = False
    """Whether the formula's left side is the logarithm of the wage: only specifications with errors of log wages obey it."""

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        formula: str,
        internal: Sequence[str] = (),
        *,
        workplace: str = "workplace",
        industry: str = "industry",
        wage: str = "wage",
        worker: str | None = None,
        person: str | None = None,
        weight: str | None = None,
        industries: Sequence[str] | None = None,
        leave_out: Sequence[str] = (),
        missing: str = "",
        wage_unit: str = "wage units",
        name: str = "workforce",
        simulated: bool = False,
    ) -> Self:
        """Validate a table and evaluate its formula.

        Parameters
        ----------
        frame
            One row per worker, any order; every worker of each workplace. Of pandas, polars or anything else that speaks Arrow.
            Ids of workplaces, workers and industries are text: whole numbers become the text that writes them, and workplaces
            stand in the order of those numbers, then of words.
        formula
            Characteristics of talent in Wilkinson notation, e.g. ``"experience + {experience**2/100} + seniority"``. The
            intercept is left out: the revenue scale takes its place.
        internal
            Variables (columns of ``frame``) specific to the workplace, such as seniority. Every term that mentions one is
            internal: a worker who leaves loses it.
        workplace, industry, wage, worker
            Names of the columns. ``worker`` is optional; with it, nobody may appear twice.
        person
            Column that says whose row it is, in a table in which people may have several rows (seasons, years) under different
            ``worker`` ids. Without ``worker_effects`` the model treats errors as independent over rows: pages then warn.
        weight
            Column with how many workers of the workplace each one stands for, where only some were sampled: the inverse of
            the chance to be sampled within the workplace, at least one. Output, surplus and its shares are then those of all
            whom the sample stands for; see the docs on what that repairs and what not.
        industries
            The industries there may be; default: those found.
        leave_out
            Workplaces that are left out rather than being faults: ``incomplete`` ones, of whose workers a wage or another
            needed value is missing, and those of a ``single`` worker. How many is kept in ``left_out``.
        missing
            ``"indicator"``: a missing number of the formula becomes the mean of those known, and a term tells who lacks it; a
            missing category becomes one. By default it is a fault. See :mod:`.joint_production.missing`.
        wage_unit, name
            Words for tables, axes and titles.
        simulated
            Data drawn from the model with additive errors: wages that are not positive are then admitted.

        Raises
        ------
        DataFaults
            With every fault found, each naming columns, rows or workplaces, and the remedy.

        """
        named = {"worker": worker, "person": person, "weight": weight}
        frame = as_frame(frame, [workplace, industry, *(c for c in (worker, person) if c)])
        columns = {"workplace": workplace, "industry": industry, "wage": wage} | {k: v for k, v in named.items() if v}
        faults = _missing_columns(frame, columns)
        if faults:
            raise DataFaults(faults)
        roles = [c for role, c in columns.items() if role not in ("wage", "weight")]
        faults = [fault for c in roles for fault in mixed_faults(frame[c], c)]
        if faults:
            raise DataFaults(faults)
        frame = frame.assign(**{c: as_text(frame[c], ordered=c not in (worker, person)) for c in roles})
        numbers = [wage, *([weight] if weight else [])]
        complete = [*numbers, *roles] if missing else [*numbers, *roles, *_named(formula, wage, frame)]
        frame, left_out = _without(frame, workplace, complete, leave_out)
        told, flags = "", dict[str, tuple[str, ...]]()
        if missing:
            frame, formula, internal, told, flags = filled(frame, formula, internal, wage, missing)
        faults = [
            *_wage_faults(frame[wage], simulated),
            *(_weight_faults(frame[weight], wage) if weight else []),
            *_id_faults(frame, columns),
            *_industry_faults(frame, workplace, industry, industries),
        ]
        frame = _compact(frame, columns)
        codes = frame[workplace].cat.codes.to_numpy(np.int64)
        order = np.argsort(codes, kind="stable")
        design = None
        try:
            characteristics = Characteristics.learn(frame, formula, internal, wage, filled=bool(missing))
            design = characteristics.evaluate(frame, order)
            faults += characteristics.faults(design, formula, internal)
        except DataFaults as found:
            faults += found.faults
        if faults or design is None:
            raise DataFaults(faults)
        offsets = np.concatenate([[0], np.cumsum(np.bincount(codes))]).astype(np.int64)
        names, industry_of = _industries(frame[industry], industries)
        ids = frame[worker].astype(object) if worker else frame.index
        return cls(
            wage=_frozen(pd.to_numeric(frame[wage]).to_numpy(np.float64)[order]),
            design=_frozen(design.T),
            terms=characteristics.terms,
            internal=_frozen(characteristics.internal),
            linear=_frozen(characteristics.linear),
            industry=_frozen(industry_of[order[offsets[:-1]]]),
            industries=names,
            offsets=_frozen(offsets),
            workplaces=_frozen(frame[workplace].cat.categories.to_numpy(object)),
            workers=_frozen(ids.to_numpy()[order]),
            covariates=frame[list(characteristics.variables)].iloc[order].reset_index(drop=True),
            characteristics=characteristics,
            formula=formula,
            weight=_frozen(pd.to_numeric(frame[weight]).to_numpy(np.float64)[order] if weight else np.ones(len(order))),
            internal_variables=tuple(internal),
            people=Groups.of(frame[person].to_numpy()[order].astype(str)) if person else None,
            wage_unit=wage_unit,
            name=name,
            left_out=left_out,
            filled=told,
            flags=flags,
            in_logs=asks_for_logs(formula, wage),
        )

    @classmethod
    def from_file(
        cls, path: str | Path, formula: str, internal: Sequence[str] = (), *, reading: Reading | None = None, **options: Any
    ) -> Self:
        """Read the columns that are needed of a file: text, Parquet, Arrow, Stata, SAS, SPSS or Excel, by its ending.

        Parameters
        ----------
        path, reading
            See :func:`bayes_labor.data.tables.read_table`: how the file is written, and which rows are wanted.
        formula, internal, **options
            As in :meth:`from_frame`.

        """
        table = read_table(path, text=_roles(options), columns=_needed(formula, options), reading=reading)
        return cls.from_frame(table, formula, internal, **options)

    @property
    def repeated(self) -> float:
        """Share of the rows that belong to people who have several, where the table says who is who; else 0."""
        return 0.0 if self.people is None else float(np.mean(self.people.counts[self.people.row] > 1))

    @property
    def is_weighted(self) -> bool:
        """Whether anybody stands for more than one worker."""
        return bool((self.weight != 1.0).any())

    @property
    def headcount(self) -> np.ndarray:
        """(F,) workers of each workplace, those included for whom sampled ones stand."""
        return np.add.reduceat(self.weight, self.offsets[:-1])

    @property
    def n_workers(self) -> int:
        """N."""
        return len(self.wage)

    @property
    def n_workplaces(self) -> int:
        """F."""
        return len(self.offsets) - 1

    @property
    def n_terms(self) -> int:
        """P."""
        return len(self.terms)

    @property
    def sizes(self) -> np.ndarray:
        """(F,) number of workers of each workplace."""
        return np.diff(self.offsets)

    @property
    def worker_industry(self) -> np.ndarray:
        """(N,) row of ``industries`` of each worker."""
        return np.repeat(self.industry, self.sizes)

    @property
    def fingerprint(self) -> str:
        """Hash of all that the likelihood sees; equal for equal data whatever the order of the rows."""
        digest = hashlib.sha256(repr((self.terms, self.industries)).encode())
        for array in (self.wage, self.design, self.internal, self.industry, self.offsets):
            digest.update(np.ascontiguousarray(array.T))
        if self.is_weighted:
            digest.update(np.ascontiguousarray(self.weight))
        if self.people is not None and self.repeated:
            digest.update(np.ascontiguousarray(self.people.row))
        return digest.hexdigest()[:16]

    def with_wage(self, wage: np.ndarray) -> Self:
        """The same workers with other wages (N,), such as simulated ones."""
        if np.shape(wage) != self.wage.shape or not np.all(np.isfinite(wage)):
            raise ValueError(f"wage must be {self.n_workers} finite numbers, got shape {np.shape(wage)}")
        return replace(self, wage=_frozen(np.array(wage, dtype=np.float64)))

    def changed(self, **variables: Any) -> Self:
        """The same workers with other characteristics: a counterfactual.

        Parameters
        ----------
        **variables
            New values of variables of the formula: a scalar or (N,) in the workforce's order. Every term is evaluated again.

        Raises
        ------
        DataFaults
            For a variable that the formula does not mention, values of another length, or a term that is not finite.

        """
        faults = [
            Fault(f"the formula does not mention {v!r}", repr(self.formula), did_you_mean(v, self.covariates.columns))
            for v in variables
            if v not in self.covariates
        ] + [
            Fault(f"{v} has shape {np.shape(x)}", "changed()", f"give a number or {self.n_workers} numbers")
            for v, x in variables.items()
            if np.shape(x) not in ((), (self.n_workers,))
        ]
        faults = faults or [fault for v, x in variables.items() for fault in _kind_faults(v, x, self.covariates[v])]
        if faults:
            raise DataFaults(faults)
        known = {flag: 0.0 for flag, lacking in self.flags.items() if set(lacking) <= set(variables)}
        covariates, where = self.covariates.assign(**(known | variables)), f"changed({', '.join(variables)})"
        return replace(self, design=_frozen(self._evaluated(covariates, where).T), covariates=covariates)

    def _evaluated(self, covariates: pd.DataFrame, where: str) -> np.ndarray:
        """(P, N) terms at new values. Raises DataFaults where one cannot be evaluated, or is not finite."""
        try:
            design = self.characteristics.evaluate(covariates)
        except Exception as error:  # such as a spline's, whose knots end at the largest value that it has seen
            raise DataFaults([Fault(f"a term cannot be evaluated: {error}", where, "check the new values")]) from None
        if not np.isfinite(design).all():
            raise DataFaults([Fault("a term of the formula is not finite", where, "check the new values")])
        return design

    def elsewhere(
        self, frame: Any, *, workplace: str = "workplace", industry: str = "industry", name: str = "elsewhere"
    ) -> tuple[Self, np.ndarray]:
        """Other people in other workplaces, by the terms of this workforce: whose pay is to be predicted.

        Parameters
        ----------
        frame
            A row per worker, every worker of each workplace: the workplace, its industry, and the formula's variables. Wages
            are not needed.
        workplace, industry
            Names of these columns.
        name
            Of the other workforce.

        Returns
        -------
        tuple
            The other workforce, whose wages are NaN, and (N,) the row of the table of each of its workers.

        Raises
        ------
        DataFaults
            For columns or values that are missing, an industry that this workforce does not know, or a term that cannot be
            evaluated.

        """
        frame = as_frame(frame).reset_index(drop=True)
        columns = {"workplace": workplace, "industry": industry}
        known = [str(v) for v in self.covariates if v not in self.flags]
        faults = _missing_columns(frame, columns | {f"variable {v}": v for v in known})
        if faults:
            raise DataFaults(faults)
        empty = [c for c in (workplace, industry, *known) if frame[c].isna().any()]
        if empty:
            rows = frame.index[frame[empty].isna().any(axis=1)]
            raise DataFaults(
                [Fault(f"{first_few(empty)} missing", f"rows {first_few(rows)}", "complete them, or drop the rows")]
            )
        frame = frame.assign(**{c: as_text(frame[c]) for c in (workplace, industry)})
        faults = _industry_faults(frame, workplace, industry, self.industries)
        sizes = frame[workplace].value_counts()
        if (single := sizes.index[sizes == 1].sort_values()).size:
            where = f"workplaces {first_few(single)}"
            faults.append(Fault("a workplace has one worker", where, "drop them: a model of coworkers needs at least two"))
        faults += [fault for v in known for fault in _kind_faults(v, frame[v], self.covariates[v])]
        if faults:
            raise DataFaults(faults)
        codes = frame[workplace].cat.codes.to_numpy(np.int64)
        order = np.argsort(codes, kind="stable")
        covariates = frame.iloc[order][known].assign(**dict.fromkeys(self.flags, 0.0)).reset_index(drop=True)
        design = self._evaluated(covariates, name)
        offsets = np.concatenate([[0], np.cumsum(np.bincount(codes))]).astype(np.int64)
        place = {k: i for i, k in enumerate(self.industries)}
        first = frame[industry].astype(str).iloc[order[offsets[:-1]]]
        other = replace(
            self, wage=_frozen(np.full(len(frame), np.nan)), design=_frozen(design.T), covariates=covariates, people=None,
            industry=_frozen(np.array([place[k] for k in first], np.int64)), offsets=_frozen(offsets),
            workplaces=_frozen(np.array(frame[workplace].cat.categories, dtype=object)), workers=_frozen(order),
            weight=_frozen(np.ones(len(frame))), name=name,
        )  # fmt: skip
        return other, order

    def split(self, share: float, seed: int) -> tuple[Self, Self]:
        """Two workforces of whole workplaces, the second a random ``share`` of them; both know the same industries."""
        held = np.random.default_rng(seed).permutation(self.n_workplaces)
        held = held[: round(share * self.n_workplaces) if 0.0 < share < 1.0 else 0]
        if not 2 <= len(held) <= self.n_workplaces - 2:
            remedy = "leave at least two workplaces on each side"
            raise DataFaults([Fault(f"share = {share} splits nothing off", f"{self.n_workplaces} workplaces", remedy)])
        away = np.isin(np.arange(self.n_workplaces), held)
        return self._only(~away), self._only(away)

    def _only(self, kept: np.ndarray) -> Self:
        """The workplaces marked in ``kept`` (F,)."""
        rows = np.repeat(kept, self.sizes)
        covariates = self.covariates[rows].reset_index(drop=True)
        return replace(
            self, wage=_frozen(self.wage[rows]), design=_frozen(self.terms_by_workers[:, rows].T),
            industry=_frozen(self.industry[kept]),
            offsets=_frozen(np.concatenate([[0], np.cumsum(self.sizes[kept])])), workplaces=_frozen(self.workplaces[kept]),
            workers=_frozen(self.workers[rows]), covariates=covariates, weight=_frozen(self.weight[rows]),
            people=None if self.people is None else self.people.at(rows),
            name=f"{self.name}: {int(kept.sum()):,} of them",
        )  # fmt: skip

    def __repr__(self) -> str:
        stand_for = f" that stand for {self.weight.sum():,.0f}" if self.is_weighted else ""
        return (
            f"Workforce({self.name!r}: {self.n_workers:,} workers{stand_for} in {self.n_workplaces:,} workplaces, "
            f"{len(self.industries)} industries, wages in {self.wage_unit}, {self.formula!r})"
        )

    def _repr_html_(self) -> str:
        """For notebooks: what it is, and its table of means and quantiles."""
        return as_html(repr(self), self.describe())

    @property
    def terms_by_workers(self) -> np.ndarray:
        """(P, N) the design as it lies in memory: what solvers multiply, without a copy."""
        return self.design.T

    def describe(self) -> pd.DataFrame:
        """Mean, standard deviation and quantiles of the wage and of every term.

        Quantiles are 5%, 50% and 95%, in small tables those with ten workers beyond them: extremes describe single people.
        """
        rows = [(x.mean(), x.std(ddof=1), *np.quantile(x, self._levels)) for x in (self.wage, *self.terms_by_workers)]
        columns = ["mean", "std", *(f"{100 * q:.3g}%" for q in self._levels)]
        table = pd.DataFrame(rows, index=["wage", *self.terms], columns=columns)
        return table.assign(internal=[False, *self.internal])

    @property
    def weights_in_words(self) -> str:
        """How many workers there are in all, and quantiles of how many each one stands for, those of :meth:`describe`."""
        quantiles = zip(self._levels, np.quantile(self.weight, self._levels), strict=True)
        each = ", ".join(f"{100 * q:.3g}%: {w:.4g}" for q, w in quantiles)
        return f"the sample stands for {self.weight.sum():,.0f} workers, each worker of it for (quantiles) {each}"

    @property
    def _levels(self) -> list[float]:
        outer = min(max(_OUTER, _BEYOND / self.n_workers), 0.5)
        return sorted({outer, 0.5, 1.0 - outer})


def _kind_faults(name: str, new: Any, known: pd.Series) -> list[Fault]:
    """A fault for new values of a variable that are no numbers where it has numbers, or no categories that it has."""
    values = pd.Series(np.atleast_1d(np.asarray(new, dtype=object)))
    if isinstance(known.dtype, pd.CategoricalDtype):
        strange = values[~values.isin(known.cat.categories)]
        if len(strange):
            return [
                Fault(f"{name} = {strange.iloc[0]!r} is not among its categories", "changed()", first_few(known.cat.categories))
            ]
    elif pd.api.types.is_numeric_dtype(known) and not all(isinstance(v, Number | np.bool) for v in values):
        return [Fault(f"{name} has new values that are no numbers", "changed()", "give a number, or one for each worker")]
    return []


def _roles(options: dict[str, Any]) -> list[str]:
    """Columns with ids."""
    named = (options.get("workplace") or "workplace", options.get("industry") or "industry")
    return [*named, *(options[who] for who in ("worker", "person") if options.get(who))]


def _needed(formula: str, options: dict[str, Any]) -> list[str] | None:
    """Columns that a workforce needs; None, all of them, where the formula cannot be read: from_frame says so."""
    try:
        needed = parse(formula, options.get("wage") or "wage")[1]
    except DataFaults:
        return None
    numbers = [options.get("wage") or "wage", *([options["weight"]] if options.get("weight") else [])]
    return [*_roles(options), *numbers, *needed]


def _named(formula: str, wage: str, frame: pd.DataFrame) -> list[str]:
    """Columns that a formula names and the table has; none of one that cannot be read, which is told later."""
    try:
        return [c for c in parse(formula, wage)[1] if c in frame.columns]
    except DataFaults:
        return []


def _without(frame: pd.DataFrame, workplace: str, needed: Sequence[str], leave_out: Sequence[str]) -> tuple[pd.DataFrame, str]:
    """(the table without the workplaces that may be left out, how many they were)."""
    unknown = [w for w in leave_out if w not in _LEFT_OUT]
    if unknown:
        raise DataFaults(
            [Fault(f"{unknown[0]!r} says nothing of workplaces", "leave_out", did_you_mean(unknown[0], _LEFT_OUT))]
        )
    told = []
    for kind, words in _LEFT_OUT.items():  # single ones may be what is left of larger ones
        if kind not in leave_out:
            continue
        codes = frame[workplace].cat.codes.to_numpy()
        if kind == "incomplete":
            lacking = frame[list(dict.fromkeys(needed))].isna().any(axis=1).to_numpy() & (codes >= 0)
            away = np.isin(codes, np.unique(codes[lacking])) | (codes < 0)
        else:
            away = np.isin(codes, np.flatnonzero(np.bincount(codes[codes >= 0]) == 1))
        if away.any():
            told.append(f"{len(np.unique(codes[away])):,} {words} ({int(away.sum()):,} rows)")
            frame = frame[~away]
            frame = frame.assign(**{workplace: frame[workplace].cat.remove_unused_categories()})
    if frame.empty:
        raise DataFaults([Fault("nothing is left", "; ".join(told), "leave out less, or complete the table")])
    return frame, "; ".join(told)


def _compact(frame: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    """The table with text as categories: a byte or two for each row, and levels that a formula knows from any of the rows."""
    text = {
        c: frame[c].astype("category")
        for c in frame.columns
        if c != columns["wage"]
        and (pd.api.types.is_string_dtype(frame[c].dtype) or frame[c].dtype == object)
        and not isinstance(frame[c].dtype, pd.CategoricalDtype)
    }
    return frame.assign(**text) if text else frame


def _industries(column: pd.Series, industries: Sequence[str] | None) -> tuple[tuple[str, ...], np.ndarray]:
    """(names of all industries, row of them for each worker)."""
    names = tuple(map(str, industries)) if industries else tuple(sorted(column.cat.categories))
    place = {k: i for i, k in enumerate(names)}
    return names, np.array([place[w] for w in column.cat.categories], dtype=np.int64)[column.cat.codes]


def _frozen(array: np.ndarray) -> np.ndarray:
    """A view that cannot be written."""
    array = array.view()
    array.flags.writeable = False
    return array


def _missing_columns(frame: pd.DataFrame, columns: dict[str, str]) -> list[Fault]:
    if frame.empty:
        return [Fault("the table has no rows", "the table", "check the file and any filter before this step")]
    if frame.columns.has_duplicates:
        twice = frame.columns[frame.columns.duplicated()].unique()
        return [Fault("a column name occurs twice", first_few(twice), "rename or drop one of them")]
    return [
        Fault(
            f"there is no column {name!r} for the {role}",
            "columns of the table",
            f"{role}=...: {did_you_mean(str(name), frame)}",
        )
        for role, name in columns.items()
        if name not in frame.columns
    ]


def _wage_faults(wage: pd.Series, simulated: bool) -> list[Fault]:
    name, kind = wage.name, _not_wages(wage)
    if kind:
        return [Fault(f"{name} is {kind}", f"such as {wage.dropna().iloc[0]}", "name the column that holds wages")]
    values = pd.to_numeric(wage, errors="coerce").astype(np.float64)
    present = values[np.isfinite(values)]
    checks: list[tuple[Any, str, str]] = [
        (values.isna() & wage.notna(), "is not a number", "convert it; check the decimal sign and units"),
        (wage.isna(), "is missing", "drop the whole workplace: the payroll must be complete"),
        (np.isinf(values), "is infinite", "correct it or drop the whole workplace"),
        (np.isfinite(values) & (values.abs() > _LARGEST_WAGE), "is beyond 1e150", "choose another wage unit"),
        (
            (values <= 0) & ~np.isinf(values) & (not simulated),
            "is not positive",
            "correct it or drop the whole workplace; of wages simulated with additive errors say so (--simulated)",
        ),
    ]
    faults = [
        Fault(f"{name} {what}", f"rows {first_few(wage.index[bad])}{samples(wage[bad].dropna())}", remedy)
        for bad, what, remedy in checks
        if bad.any()
    ]
    if len(present) > 1 and present.max() - present.min() <= _SAME_WAGE * present.abs().max():
        faults.append(Fault("all wages are equal", f"{name} = {present.iloc[0]:g}", "name the column that holds wages"))
    return faults


_MOST = 1e7  # workers for whom one may stand: more than any workplace has


def _weight_faults(weight: pd.Series, wage: str) -> list[Fault]:
    if weight.name == wage:
        return [Fault(f"{wage} is the wage and the weight", "weight", "name the column of weights")]
    if kind := _not_wages(weight):
        return [Fault(f"{weight.name} is {kind}", "weight", "weights are numbers of workers")]
    values = pd.to_numeric(weight, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    wrong = ~(np.isfinite(values) & (values >= 1.0) & (values <= _MOST))
    if not wrong.any():
        return []
    where = f"rows {first_few(weight.index[wrong])}{samples(weight[wrong].dropna())}"
    remedy = "give the number of workers of the workplace that each stands for; weights of a survey over its mean are others"
    return [Fault(f"{weight.name} is no number of workers, from 1 to {_MOST:.0e}", where, remedy)]


def _not_wages(wage: pd.Series) -> str:
    """What a column is that cannot be wages, in words; empty for one that may."""
    kinds = {"date": "a date", "datetime": "a date", "Timestamp": "a date", "timedelta": "a date", "Timedelta": "a date"}
    kinds |= {"bool": "true or false", "complex": "a complex number"}
    if wage.dtype == object:
        return next((kinds[k] for k in dict.fromkeys(type(v).__name__ for v in wage) if k in kinds), "")
    return {"b": "true or false", "c": "a complex number", "M": "a date", "m": "a date"}.get(wage.dtype.kind, "")


def _id_faults(frame: pd.DataFrame, columns: dict[str, str]) -> list[Fault]:
    faults, workplace = [], columns["workplace"]
    for role in ("workplace", "worker"):
        if role in columns and frame[columns[role]].isna().any():
            rows = frame.index[frame[columns[role]].isna()]
            faults.append(Fault(f"{columns[role]} is missing", f"rows {first_few(rows)}", f"every row needs its {role}"))
    sizes = frame[workplace].value_counts()
    single = sizes.index[sizes == 1].sort_values()
    if len(single):
        remedy = "drop them: a model of coworkers needs at least two"
        faults.append(Fault("a workplace has one worker", f"workplaces {first_few(single)}", remedy))
    if len(sizes) < 2:
        where = f"workplaces {first_few(sizes.index)}"
        faults.append(Fault("there are fewer than two workplaces", where, "outside options need other workplaces to go to"))
    if "worker" in columns:
        ids = frame[columns["worker"]].dropna()
        twice = ids[ids.duplicated()].unique()
        if len(twice):
            remedy = "keep each worker's main job, and one year; or make the id worker-year and say whose it is by person="
            faults.append(Fault("a worker appears more than once", f"workers {first_few(twice)}", remedy))
    return faults


def _industry_faults(frame: pd.DataFrame, workplace: str, industry: str, industries: Sequence[str] | None) -> list[Fault]:
    faults = []
    missing = frame.index[frame[industry].isna()]
    if len(missing):
        faults.append(Fault(f"{industry} is missing", f"rows {first_few(missing)}", "code them, or name a 'no code' industry"))
    per_workplace = frame.groupby(workplace, observed=True)[industry].nunique()
    mixed = per_workplace.index[per_workplace > 1]
    if len(mixed):
        remedy = "give each workplace one: modal_industry() takes the mode over its workers"
        faults.append(Fault("a workplace has several industries", f"workplaces {first_few(mixed)}", remedy))
    if industries:
        unknown = sorted(set(frame[industry].cat.categories) - {str(k) for k in industries})
        if unknown:
            faults.append(Fault(f"unknown industry {unknown[0]!r}", first_few(unknown), did_you_mean(unknown[0], industries)))
    return faults


def modal_industry(
    frame: pd.DataFrame, workplace: str = "workplace", industry: str = "industry", none: str = "no code"
) -> pd.Series:
    """Industry of each row's workplace: the mode over its workers; no code at all or a tied mode gives ``none``."""
    counts = frame.groupby([workplace, industry], observed=True).size()
    top = counts[counts == counts.groupby(level=0).transform("max")].reset_index()
    unique = top.drop_duplicates(workplace, keep=False).set_index(workplace)[industry]
    return frame[workplace].map(unique).fillna(none).rename(industry)
