"""The matched table: one row per worker of whole workplaces, with what each worker takes along and what stays behind."""

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import formulaic
import numpy as np
import pandas as pd
from formulaic.errors import FormulaicError

from bayes_labor.data.faults import DataFaults, Fault, did_you_mean, first_few

_COLLINEAR = 1e-9  # smallest admissible share of a standardised column that the others leave unexplained


@dataclass(frozen=True, eq=False)
class Workforce:
    """A validated matched sample. Build it with :meth:`from_frame`, :meth:`from_parquet` or :meth:`from_csv`.

    ==============  ======  ========================================================================
    name            symbol  role
    ==============  ======  ========================================================================
    ``wage``        W       (N,) observed wage, the user's wage unit
    ``design``      x       (N, P) characteristics, as declared by the formula, unscaled
    ``internal``    I - M   (P,) True for a characteristic that is lost when the worker leaves
    ``linear``      -       (P,) True for an internal term that is proportional to its internal variable
    ``industry``    k       (F,) row of ``industries`` of each workplace
    ``offsets``     -       (F + 1,) workers of workplace f are ``offsets[f]:offsets[f + 1]``
    ``covariates``  -       (N, ...) the variables that the formula mentions, as the user gave them
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
    formula: str
    internal_variables: tuple[str, ...] = ()
    wage_unit: str = "wage units"
    name: str = "workforce"

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        formula: str,
        internal: Sequence[str] = (),
        *,
        workplace: str = "workplace",
        industry: str = "industry",
        wage: str = "wage",
        worker: str | None = None,
        industries: Sequence[str] | None = None,
        wage_unit: str = "wage units",
        name: str = "workforce",
        simulated: bool = False,
    ) -> Self:
        """Validate a table and evaluate its formula.

        Parameters
        ----------
        frame
            One row per worker, any order; every worker of each workplace.
        formula
            Characteristics of talent in Wilkinson notation, e.g. ``"experience + {experience**2/100} + seniority"``. The
            intercept is left out: the revenue scale takes its place.
        internal
            Variables (columns of ``frame``) specific to the workplace, such as seniority. Every term that mentions one is
            internal: a worker who leaves loses it.
        workplace, industry, wage, worker
            Names of the columns. ``worker`` is optional; with it, nobody may appear twice.
        industries
            The industries there may be; default: those found.
        wage_unit, name
            Words for tables, axes and titles.
        simulated
            Data drawn from the model with additive errors: wages that are not positive are then admitted.

        Raises
        ------
        DataFaults
            With every fault found, each naming columns, rows or workplaces, and the remedy.

        """
        columns = {"workplace": workplace, "industry": industry, "wage": wage} | ({"worker": worker} if worker else {})
        faults = _missing_columns(frame, columns)
        if faults:
            raise DataFaults(faults)
        faults = [
            *_wage_faults(frame, wage, simulated),
            *_id_faults(frame, columns),
            *_industry_faults(frame, workplace, industry, industries),
        ]
        matrix, design_faults = _design(frame, formula, internal)
        faults += design_faults
        if faults or matrix is None:
            raise DataFaults(faults)
        return cls._assemble(frame, matrix, formula, internal, columns, industries, wage_unit, name)

    @classmethod
    def _assemble(
        cls,
        frame: pd.DataFrame,
        matrix: pd.DataFrame,
        formula: str,
        internal: Sequence[str],
        columns: dict[str, str],
        industries: Sequence[str] | None,
        wage_unit: str,
        name: str,
    ) -> Self:
        codes, ids = pd.factorize(frame[columns["workplace"]], sort=True)
        order = np.argsort(codes, kind="stable")
        offsets = np.concatenate([[0], np.cumsum(np.bincount(codes))]).astype(np.int64)
        first = order[offsets[:-1]]
        names = tuple(industries) if industries else tuple(sorted(frame[columns["industry"]].astype(str).unique()))
        position = {k: i for i, k in enumerate(names)}
        industry = frame[columns["industry"]].astype(str).iloc[first].map(position).to_numpy(np.int64)
        workers = frame[columns["worker"]].to_numpy() if "worker" in columns else frame.index.to_numpy()
        is_internal, variables = _mentions(matrix, internal), _variables(matrix)
        covariates = frame[variables].iloc[order].reset_index(drop=True)
        covariates.attrs["model_spec"] = matrix.attrs["model_spec"]
        return cls(
            wage=_frozen(frame[columns["wage"]].to_numpy(np.float64)[order]),
            design=_frozen(np.ascontiguousarray(matrix.to_numpy(np.float64)[order])),
            terms=tuple(str(c) for c in matrix.columns),
            internal=_frozen(is_internal),
            linear=_frozen(is_internal & _proportional(frame, matrix, internal)),
            industry=_frozen(industry),
            industries=names,
            offsets=_frozen(offsets),
            workplaces=_frozen(np.asarray(ids)),
            workers=_frozen(np.asarray(workers)[order]),
            covariates=covariates,
            formula=formula,
            internal_variables=tuple(internal),
            wage_unit=wage_unit,
            name=name,
        )

    @classmethod
    def from_parquet(cls, path: str | Path, formula: str, internal: Sequence[str] = (), **options: Any) -> Self:
        """Read a Parquet file; ``options`` as in :meth:`from_frame`."""
        return cls.from_frame(read_table(path, ".parquet"), formula, internal, **options)

    @classmethod
    def from_csv(cls, path: str | Path, formula: str, internal: Sequence[str] = (), **options: Any) -> Self:
        """Read a CSV file; ``options`` as in :meth:`from_frame`."""
        return cls.from_frame(read_table(path, ".csv"), formula, internal, **options)

    @property
    def n_workers(self) -> int:
        """N."""
        return len(self.wage)

    @property
    def n_workplaces(self) -> int:
        """F."""
        return len(self.offsets) - 1

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
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def with_wage(self, wage: np.ndarray) -> Self:
        """The same workers with other wages (N,), such as simulated ones."""
        if np.shape(wage) != self.wage.shape or not np.all(np.isfinite(wage)):
            raise ValueError(f"wage must be {self.n_workers} finite numbers, got shape {np.shape(wage)}")
        return replace(self, wage=_frozen(np.asarray(wage, dtype=np.float64)))

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
        if faults:
            raise DataFaults(faults)
        matrix = self.covariates.attrs["model_spec"].get_model_matrix(self.covariates.assign(**variables), context={})
        design = np.ascontiguousarray(matrix[list(self.terms)].to_numpy(np.float64))
        if len(design) != self.n_workers or not np.isfinite(design).all():
            where = f"changed({', '.join(variables)})"
            raise DataFaults([Fault("a term of the formula is not finite", where, "check the new values")])
        return replace(self, design=_frozen(design), covariates=self.covariates.assign(**variables))

    def split(self, share: float, seed: int) -> tuple[Self, Self]:
        """Two workforces of whole workplaces, the second a random ``share`` of them; both know the same industries."""
        held = np.random.default_rng(seed).permutation(self.n_workplaces)[: round(share * self.n_workplaces)]
        if not 2 <= len(held) <= self.n_workplaces - 2:
            remedy = "leave at least two workplaces on each side"
            raise DataFaults([Fault(f"share = {share} splits nothing off", f"{self.n_workplaces} workplaces", remedy)])
        away = np.isin(np.arange(self.n_workplaces), held)
        return self._only(~away), self._only(away)

    def _only(self, kept: np.ndarray) -> Self:
        """The workplaces marked in ``kept`` (F,)."""
        rows = np.repeat(kept, self.sizes)
        covariates = self.covariates[rows].reset_index(drop=True)
        covariates.attrs = self.covariates.attrs
        return replace(
            self, wage=_frozen(self.wage[rows]), design=_frozen(self.design[rows]), industry=_frozen(self.industry[kept]),
            offsets=_frozen(np.concatenate([[0], np.cumsum(self.sizes[kept])])), workplaces=_frozen(self.workplaces[kept]),
            workers=_frozen(self.workers[rows]), covariates=covariates,
        )  # fmt: skip

    def describe(self) -> pd.DataFrame:
        """Mean and standard deviation of the wage and of every term."""
        table = pd.DataFrame(np.column_stack([self.wage, self.design]), columns=["wage", *self.terms])
        return table.agg(["mean", "std", "min", "max"]).T.assign(internal=[False, *self.internal])


def read_table(path: str | Path, kind: str | None = None) -> pd.DataFrame:
    """Read a Parquet or CSV file by its ending; one clear error if it is missing or is not what its name says."""
    path = Path(path)
    kind = kind or path.suffix.lower()
    readers: dict[str, Any] = {".parquet": pd.read_parquet, ".csv": pd.read_csv}
    if kind not in readers:
        raise DataFaults([Fault(f"cannot read files ending in {kind!r}", str(path), "convert it to .parquet or .csv")])
    if not path.is_file():
        near = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
        remedy = did_you_mean(path.name, near) if near else "check the folder's name"
        raise DataFaults([Fault("there is no such file", str(path), remedy)])
    try:
        return readers[kind](path)
    except (OSError, ValueError, UnicodeDecodeError) as error:
        fault = Fault(f"this is not a readable {kind[1:]} file: {error}", str(path), "write it again, or check its ending")
        raise DataFaults([fault]) from error


def _frozen(array: np.ndarray) -> np.ndarray:
    array = array.copy() if not array.flags.writeable else array
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


def _wage_faults(frame: pd.DataFrame, wage: str, simulated: bool) -> list[Fault]:
    values = pd.to_numeric(frame[wage], errors="coerce")
    text = frame.index[values.isna() & frame[wage].notna()]
    missing = frame.index[frame[wage].isna()]
    infinite = frame.index[np.isinf(values)]
    negative = frame.index[(values <= 0) & ~np.isinf(values)]
    checks = [
        (text, "is not a number", "convert it; check the decimal sign and units"),
        (missing, "is missing", "drop the whole workplace: the payroll must be complete"),
        (infinite, "is infinite", "correct it or drop the whole workplace"),
        (negative if not simulated else [], "is not positive", "correct it or drop the whole workplace"),
    ]
    return [Fault(f"{wage} {what}", f"rows {first_few(rows)}", remedy) for rows, what, remedy in checks if len(rows)]


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
            remedy = "keep each worker's main job; for several years make the id worker-year"
            faults.append(Fault("a worker appears more than once", f"workers {first_few(twice)}", remedy))
    return faults


def _industry_faults(frame: pd.DataFrame, workplace: str, industry: str, industries: Sequence[str] | None) -> list[Fault]:
    faults = []
    missing = frame.index[frame[industry].isna()]
    if len(missing):
        faults.append(Fault(f"{industry} is missing", f"rows {first_few(missing)}", "code them, or name a 'no code' industry"))
    per_workplace = frame.groupby(workplace)[industry].nunique()
    mixed = per_workplace.index[per_workplace > 1]
    if len(mixed):
        remedy = "give each workplace one: modal_industry() takes the mode over its workers"
        faults.append(Fault("a workplace has several industries", f"workplaces {first_few(mixed)}", remedy))
    if industries:
        unknown = sorted(set(frame[industry].dropna().astype(str)) - {str(k) for k in industries})
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


def _design(frame: pd.DataFrame, formula: str, internal: Sequence[str]) -> tuple[pd.DataFrame | None, list[Fault]]:
    try:
        parsed = formulaic.Formula(formula)
        right = getattr(parsed, "rhs", parsed)
        needed = [str(v) for v in right.required_variables]
    except (FormulaicError, SyntaxError) as error:
        return None, [
            Fault(f"the formula cannot be read: {_one_line(error)}", repr(formula), "see the formula grammar in the docs")
        ]
    faults = [
        Fault(f"the formula names {v!r}, which is not a column", repr(formula), did_you_mean(v, frame.columns))
        for v in needed
        if v not in frame.columns
    ]
    faults += _internal_faults(internal, needed, frame)
    present = [v for v in needed if v in frame.columns]
    faults += _covariate_faults(frame, present)
    if faults:
        return None, faults
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is not finite is reported below, column by column
            matrix = formulaic.model_matrix(right, frame, na_action="ignore", context={})
    except Exception as error:  # formulaic passes on whatever the user's expression raises
        return None, [
            Fault(f"the formula cannot be evaluated: {_one_line(error)}", repr(formula), "try it on a few rows first")
        ]
    kept = matrix.drop(columns=[c for c in matrix.columns if c == "Intercept"]).astype(np.float64)
    kept.attrs["model_spec"] = matrix.model_spec
    return kept, _column_faults(kept, formula, internal)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _internal_faults(internal: Sequence[str], needed: Sequence[str], frame: pd.DataFrame) -> list[Fault]:
    if isinstance(internal, str):
        return [Fault("internal is a single string", repr(internal), f"write a list: [{internal!r}]")]
    return [
        Fault(f"internal variable {v!r} does not occur in the formula", f"internal={list(internal)}", did_you_mean(v, needed))
        for v in internal
        if v not in needed
    ]


def _covariate_faults(frame: pd.DataFrame, variables: Sequence[str]) -> list[Fault]:
    faults = []
    for v in variables:
        column = frame[v]
        if column.isna().any():
            rows = frame.index[column.isna()]
            faults.append(
                Fault(f"{v} is missing", f"rows {first_few(rows)}", "fill it, code it as a category, or drop the workplaces")
            )
        if pd.api.types.is_numeric_dtype(column) and np.isinf(column.to_numpy(np.float64, na_value=0.0)).any():
            rows = frame.index[np.isinf(column.to_numpy(np.float64, na_value=0.0))]
            faults.append(Fault(f"{v} is infinite", f"rows {first_few(rows)}", "correct it or drop the workplaces"))
    return faults


def _column_faults(matrix: pd.DataFrame, formula: str, internal: Sequence[str]) -> list[Fault]:
    if matrix.shape[1] == 0:
        return [Fault("the formula has no terms", repr(formula), "name at least one characteristic of talent")]
    values = matrix.to_numpy()
    broken = [str(c) for c, ok in zip(matrix.columns, np.isfinite(values).all(0), strict=True) if not ok]
    if broken:
        return [Fault("a term of the formula is not finite", first_few(broken), "look for logs of zero and divisions by zero")]
    is_internal = _mentions(matrix, internal)
    faults, sd = [], values.std(0)
    flat = sd <= 1e-12 * (1.0 + np.abs(values).max(0))
    for c, constant, inside in zip(matrix.columns, flat, is_internal, strict=True):
        if constant:
            kind = "internal term" if inside else "term"
            faults.append(Fault(f"the {kind} {c!r} does not vary", "all rows", "drop it from the formula"))
    if is_internal.all():
        remedy = "declare fewer variables internal: outside options need external characteristics"
        faults.append(Fault("every term is internal", f"internal={list(internal)}", remedy))
    if not flat.any():
        faults += _collinear(matrix, sd)
    return faults


def _collinear(matrix: pd.DataFrame, sd: np.ndarray) -> list[Fault]:
    """Columns that the earlier ones span, by the Cholesky pivots of the correlation matrix."""
    values = (matrix.to_numpy() - matrix.to_numpy().mean(0)) / sd
    correlation = values.T @ values / len(values)
    kept: list[int] = []
    faults = []
    for c in range(len(sd)):
        left = correlation[np.ix_(kept, kept)]
        weights = np.linalg.solve(left, correlation[kept, c]) if kept else np.empty(0)
        if correlation[c, c] - correlation[c, kept] @ weights > _COLLINEAR:
            kept.append(c)
            continue
        others = [str(matrix.columns[k]) for k, w in zip(kept, weights, strict=True) if abs(w) > 1e-6]
        what = f"the term {str(matrix.columns[c])!r} is a combination of others"
        faults.append(Fault(what, f"it equals a sum over {first_few(others)}", "drop one of them from the formula"))
    return faults


def _mentions(matrix: pd.DataFrame, internal: Sequence[str]) -> np.ndarray:
    """(P,) whether each column's term mentions an internal variable."""
    spec = matrix.attrs["model_spec"]
    mentioned = {}
    for term, columns in spec.term_indices.items():
        names = {str(v) for v in spec.term_variables[term]}
        for i in columns:
            mentioned[str(spec.column_names[i])] = bool(names & set(internal))
    return np.array([mentioned[str(c)] for c in matrix.columns], dtype=bool)


def _variables(matrix: pd.DataFrame) -> list[str]:
    """Columns of the table that the formula mentions."""
    return sorted(str(v) for v in matrix.attrs["model_spec"].required_variables)


def _proportional(frame: pd.DataFrame, matrix: pd.DataFrame, internal: Sequence[str]) -> np.ndarray:
    """(P,) whether doubling the internal variables doubles the column: what 'linear in seniority' means for any formula."""
    numeric = [v for v in internal if pd.api.types.is_numeric_dtype(frame[v])]
    if not numeric:
        return np.zeros(matrix.shape[1], dtype=bool)
    head = frame.head(10_000)
    doubled = matrix.attrs["model_spec"].get_model_matrix(head.assign(**{v: 2.0 * head[v] for v in numeric}), context={})
    return np.array([np.allclose(doubled[c], 2.0 * matrix[c].head(10_000)) for c in matrix.columns], dtype=bool)
