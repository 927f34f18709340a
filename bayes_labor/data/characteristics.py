"""Characteristics of workers from a formula: the design matrix, terms by workers, evaluated block by block of rows.

A register has millions of rows, and a formula library makes several copies of what it evaluates. Formulas treat every row
alike, given what they learned from the data, so they are evaluated on blocks, each written into its place in the one design
matrix there is. What a formula may say is in :mod:`bayes_labor.data.expressions`: nothing in it looks at other rows.
"""

import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import formulaic
import numpy as np
import pandas as pd
from formulaic.parser.algos.tokenize import tokenize
from formulaic.parser.types import Factor, Token

from bayes_labor.data.expressions import ALLOWED, NAMESPACE, CheckedParser, Refused, columns_of, named_levels
from bayes_labor.data.faults import DataFaults, Fault, did_you_mean, first_few, samples

_COLLINEAR = 1e-9  # smallest admissible share of a standardised column that the others leave unexplained
_BLOCK = 250_000  # rows
_LARGEST = 1e150  # its square is a number
_MOST = 2_000  # columns that categories may make
_SINCE = "make a number of it, such as years since"
_DATE = r"\d{4}-\d\d?-\d\d?(?:[T ]\d\d?:\d\d.*)?|\d{4}/\d\d?/\d\d?|\d\d?([./-])\d\d?\1(?:\d{4}|\d\d)"


@dataclass(frozen=True)
class Characteristics:
    """A formula that has seen the data: what to evaluate for any workers of the same population.

    Terms come external first, then internal ones proportional to their internal variable, then other internal ones: every
    specification's characteristics are then neighbouring rows of one matrix.
    """

    spec: Any
    """formulaic's model spec."""
    terms: tuple[str, ...]
    internal: np.ndarray
    """(P,) True for a term that mentions an internal variable."""
    linear: np.ndarray
    """(P,) True for an internal term that is proportional to its internal variable."""
    variables: tuple[str, ...]
    """Columns of the table that the formula mentions."""

    @classmethod
    def learn(
        cls, frame: pd.DataFrame, formula: str, internal: Sequence[str], wage: str = "wage", *, filled: bool = False
    ) -> Self:
        """Read a formula and learn the levels and states that it takes from the data; ``filled`` by :func:`.missing.filled`.

        Raises
        ------
        DataFaults
            For a formula that cannot be read or evaluated, says what it may not, or names what the table lacks.

        """
        right, needed = parse(formula, wage)
        faults = [
            *_name_faults(formula, needed, wage, frame.columns),
            *_internal_faults(internal, needed, frame),
            *_covariate_faults(frame, [v for v in needed if v in frame.columns]),
            *([] if filled else word_faults(frame, right)),
            *_level_faults(right, frame, formula),
        ]
        faults = faults or _many_faults(frame, right, formula)
        if faults:
            raise DataFaults(faults)
        spec = _learned(right, frame[needed], formula)
        columns = [str(c) for c in spec.column_names if str(c) != "Intercept"]
        mentions = _mentions(spec, internal)
        inside = np.array([mentions[c] for c in columns], dtype=bool)
        linear = inside & _proportional(spec, columns, frame[needed].head(10_000), internal)
        order = np.argsort(2 * inside - linear, kind="stable")
        return cls(spec, tuple(columns[i] for i in order), inside[order], linear[order], tuple(needed))

    def evaluate(self, frame: pd.DataFrame, order: np.ndarray | None = None) -> np.ndarray:
        """(P, N) terms of the rows of a table, in the order of ``order`` if given."""
        n = len(frame)
        values = np.empty((len(self.terms), n))
        frame = frame[list(self.variables)]
        for start in range(0, n, _BLOCK):
            rows = slice(start, start + _BLOCK)
            part = frame.iloc[rows] if order is None else frame.iloc[order[rows]]
            values[:, rows] = _terms(self.spec, self.terms, part)
        return values

    def faults(self, values: np.ndarray, formula: str, internal: Sequence[str]) -> list[Fault]:
        """What is wrong with the terms (P, N): not finite, constant, collinear, or all internal."""
        if not self.terms:
            return [Fault("the formula has no terms", repr(formula), "name at least one characteristic of talent")]
        broken = [t for t, row in zip(self.terms, values, strict=True) if not np.isfinite(row).all()]
        if broken:
            remedy = "look for logs of zero and divisions by zero"
            return [Fault("a term of the formula is not finite", first_few(broken), remedy)]
        sd = values.std(1)
        flat = np.array([s <= 1e-12 * (1.0 + max(row.max(), -row.min())) for s, row in zip(sd, values, strict=True)])
        faults = [
            Fault(f"the {'internal term' if inside else 'term'} {t!r} does not vary", "all rows", "drop it from the formula")
            for t, constant, inside in zip(self.terms, flat, self.internal, strict=True)
            if constant
        ]
        if self.internal.all():
            remedy = "declare fewer variables internal: outside options need external characteristics"
            faults.append(Fault("every term is internal", f"internal={list(internal)}", remedy))
        return faults if flat.any() else faults + self._collinear(values, sd)

    def _collinear(self, values: np.ndarray, sd: np.ndarray) -> list[Fault]:
        """Terms that the earlier ones span, by the Cholesky pivots of the correlation matrix."""
        correlation, mean = np.zeros((len(sd), len(sd))), values.mean(1)
        for start in range(0, values.shape[1], _BLOCK):
            part = (values[:, start : start + _BLOCK] - mean[:, None]) / sd[:, None]
            correlation += part @ part.T / values.shape[1]
        kept: list[int] = []
        faults = []
        for c in range(len(sd)):
            left = correlation[np.ix_(kept, kept)]
            weights = np.linalg.solve(left, correlation[kept, c]) if kept else np.empty(0)
            if correlation[c, c] - correlation[c, kept] @ weights > _COLLINEAR:
                kept.append(c)
                continue
            others = [self.terms[k] for k, w in zip(kept, weights, strict=True) if abs(w) > 1e-6]
            what = f"the term {self.terms[c]!r} is a combination of others"
            faults.append(Fault(what, f"it equals a sum over {first_few(others)}", "drop one of them from the formula"))
        return faults


def parse(formula: str, wage: str = "wage") -> tuple[Any, list[str]]:
    """(right-hand side of a formula, columns that it names). Nothing is evaluated.

    Raises DataFaults if it cannot be read, says what it may not, or has a left side that is not the wage.
    """
    try:
        if not isinstance(formula, str):
            raise SyntaxError(f"it is no text but {type(formula).__name__}")
        right = formulaic.Formula(_right_side(formula, wage), _parser=CheckedParser())
        return right, sorted({v for term in right for v in _names(term)})
    except Refused as error:
        raise DataFaults([Fault(f"the formula says what it may not: {error}", repr(formula), ALLOWED)]) from None
    except DataFaults:
        raise
    except Exception as error:  # the library raises what it likes for text that is no formula
        remedy = "see the formula grammar in the docs"
        raise DataFaults([Fault(f"the formula cannot be read: {_one_line(error)}", repr(formula), remedy)]) from None


def asks_for_logs(formula: str, wage: str) -> bool:
    """Whether the left side of a formula that can be read is the logarithm of the wage."""
    left = formula.partition("~")[0] if "~" in formula else ""
    return "".join(left.split()) in _logs_of(wage)


def _logs_of(wage: str) -> list[str]:
    return [f"{log}({name})" for log in ("log", "np.log", "numpy.log") for name in (wage, f"`{wage}`")]


def _right_side(formula: str, wage: str) -> str:
    """A formula without its left side. Raises DataFaults for a left side that would not be obeyed, and for several parts."""
    tokens = list(tokenize(formula))
    operators = [t for t in tokens if t.kind is Token.Kind.OPERATOR]
    if any("|" in t.token for t in operators):
        remedy = "write one list of characteristics; workplaces and industries have columns of their own"
        raise DataFaults([Fault("the formula has several parts, divided by |", repr(formula), remedy)])
    tilde = next((i for i, t in enumerate(tokens) if t.kind is Token.Kind.OPERATOR and "~" in t.token), None)
    if tilde is None:
        return formula
    left = tokens[:tilde]
    if [t.token for t in left] not in ([], [wage]) and not asks_for_logs(formula, wage):
        what = f"the left side {formula[: tokens[tilde].source_start].strip()!r} would not be obeyed"
        remedy = f"leave it out, write {wage}, or log({wage}) for errors of log wages (errors=log)"
        raise DataFaults([Fault(what, repr(formula), remedy)])
    return formula[tokens[tilde].source_start + tokens[tilde].token.index("~") + 1 :]


def _names(term: Any) -> set[str]:
    """Columns that a term names."""
    names: set[str] = set()
    for factor in term.factors:
        if factor.eval_method is Factor.EvalMethod.LOOKUP:
            names.add(factor.expr)
        elif factor.eval_method is Factor.EvalMethod.PYTHON:
            names |= columns_of(factor.expr)
    return names


def _name_faults(formula: str, needed: Sequence[str], wage: str, known: Any) -> list[Fault]:
    faults = [
        Fault(f"the formula names {v!r}, which is not a column", repr(formula), did_you_mean(v, known))
        for v in needed
        if v not in known
    ]
    if wage in needed:
        remedy = "leave it out: nothing is learned from explaining the wage by itself"
        faults.append(Fault(f"the wage {wage!r} is its own covariate", repr(formula), remedy))
    if "Intercept" in needed:
        remedy = "rename the column, or leave it out if it is all ones: the revenue scale takes the intercept's place"
        faults.append(Fault("'Intercept' names the formula's own constant", repr(formula), remedy))
    return faults


def _learned(right: Any, frame: pd.DataFrame, formula: str) -> Any:
    """The formula's spec: from the first block of rows where that tells all that it takes from the data."""
    try:
        head = frame.head(_BLOCK)
        spec = _evaluated(right, head)
        return spec if len(head) == len(frame) or _stateless(spec, frame) else _evaluated(right, frame)
    except Exception as error:  # formulaic passes on whatever the user's expression raises
        remedy = "try it on a few rows first"
        raise DataFaults([Fault(f"the formula cannot be evaluated: {_one_line(error)}", repr(formula), remedy)]) from None


def _evaluated(right: Any, frame: pd.DataFrame) -> Any:
    return _silent(lambda: formulaic.model_matrix(right, frame, na_action="ignore", context=NAMESPACE)).model_spec


def _silent(make: Any) -> Any:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is not finite is reported column by column
        return make()


def _terms(spec: Any, terms: Sequence[str], frame: pd.DataFrame) -> np.ndarray:
    """(P, n) of the rows given, all at once."""
    matrix = _silent(lambda: spec.get_model_matrix(frame, context=NAMESPACE))
    if len(matrix) != len(frame):  # formulaic drops rows with missing values
        return np.full((len(terms), len(frame)), np.nan)
    found: np.ndarray = matrix[list(terms)].to_numpy(np.float64).T
    return found


def _stateless(spec: Any, frame: pd.DataFrame) -> bool:
    """Whether a formula learned all it takes from the data from the first block: levels of categories count as known."""
    categories = [name for name, (kind, _) in spec.encoder_state.items() if kind.value == "categorical"]
    known = {v for v in frame.columns if isinstance(frame[v].dtype, pd.CategoricalDtype)}
    return not spec.transform_state and all(c in known or (c[:2] == "C(" and c[2:-1] in known) for c in categories)


def _one_line(error: Exception) -> str:
    plain = re.sub(r"\x1b?\[[0-9;]*m|[⧛⧚]", "", str(error))  # the formula library marks the place in colours
    return " ".join(plain.split())[:200]


def _internal_faults(internal: Sequence[str], needed: Sequence[str], frame: pd.DataFrame) -> list[Fault]:
    if isinstance(internal, str):
        return [Fault("internal is a single string", repr(internal), f"write a list: [{internal!r}]")]
    return [
        Fault(f"internal variable {v!r} does not occur in the formula", f"internal={list(internal)}", did_you_mean(v, needed))
        for v in internal
        if v not in needed
    ]


def _level_faults(right: Any, frame: pd.DataFrame, formula: str) -> list[Fault]:
    """Rows of a level that a formula's list leaves out would count as the base."""
    python = (f.expr for term in right for f in term.factors if f.eval_method is Factor.EvalMethod.PYTHON)
    found = dict(pair for expression in python for pair in named_levels(expression))
    left_out = {
        v: [w for w in frame[v].dropna().unique() if w not in levels] for v, levels in found.items() if v in frame.columns
    }
    remedy = "list every level, or code the others as one before"
    return [
        Fault(f"{v} has levels that the formula does not list: {first_few(words)}", repr(formula), remedy)
        for v, words in left_out.items()
        if words
    ]


def _covariate_faults(frame: pd.DataFrame, variables: Sequence[str]) -> list[Fault]:
    faults = []
    for v in variables:
        column = frame[v]
        if column.isna().any():
            rows = frame.index[column.isna()]
            faults.append(
                Fault(f"{v} is missing", f"rows {first_few(rows)}", "fill it, code it as a category, or drop the rows")
            )
        if pd.api.types.is_numeric_dtype(column) and np.isinf(column.to_numpy(np.float64, na_value=0.0)).any():
            rows = frame.index[np.isinf(column.to_numpy(np.float64, na_value=0.0))]
            faults.append(Fault(f"{v} is infinite", f"rows {first_few(rows)}", "correct it or drop the rows"))
        elif pd.api.types.is_numeric_dtype(column) and column.abs().max() > _LARGEST:
            faults.append(Fault(f"{v} is beyond 1e150", f"up to {column.abs().max():g}", "choose another unit"))
    return faults


def _many_faults(frame: pd.DataFrame, right: Any, formula: str) -> list[Fault]:
    """A fault where categories, and interactions of them, would make more columns than memory holds and data can tell."""
    made = {term: math.prod(_levels(factor, frame) for factor in term.factors) for term in right}
    if sum(made.values()) <= _MOST:
        return []
    widest = max(made, key=made.__getitem__)
    counts = {v: frame[v].nunique() for v in sorted(_names(widest))}
    most = max(counts, key=counts.__getitem__)
    what = f"the formula makes {sum(made.values()):,} terms, more than {_MOST:,}: {most} has {counts[most]:,} categories"
    return [Fault(what, f"{widest} in {formula!r}", f"leave {most} out, or make coarser categories of it")]


def _levels(factor: Factor, frame: pd.DataFrame) -> int:
    """Columns that a factor makes at most: as many as categories have values, one for anything else."""
    if factor.eval_method is Factor.EvalMethod.LOOKUP:
        column = frame[factor.expr]
        return 1 if pd.api.types.is_numeric_dtype(column) else column.nunique()
    coded = factor.eval_method is Factor.EvalMethod.PYTHON and factor.expr.startswith("C(")
    return math.prod(frame[v].nunique() for v in columns_of(factor.expr)) if coded else 1


def word_faults(frame: pd.DataFrame, right: Any) -> list[Fault]:
    """Words among numbers: a single ``?`` would make every number a category of its own. In ``C()`` codes may be either."""
    bare = {f.expr for term in right for f in term.factors if f.eval_method is Factor.EvalMethod.LOOKUP}
    faults = []
    for name in sorted(bare & set(frame.columns)):
        column = frame[name]
        if column.dtype.kind in "Mm":
            faults.append(Fault(f"{name} is a date", samples(column).strip(" ,"), _SINCE))
            continue
        labels = column.dropna().astype(str).drop_duplicates()
        words = labels[pd.to_numeric(labels, errors="coerce").isna()] if not pd.api.types.is_numeric_dtype(column) else []
        if len(words) and labels.str.fullmatch(_DATE).all():
            faults.append(Fault(f"{name} is a date", samples(labels).strip(" ,"), _SINCE))
        elif 0 < len(words) < len(labels) / 2:
            where = f"rows {first_few(column.index[column.astype(str).isin(words)])}{samples(words)}"
            remedy = f"correct them, or write C({name}) if these are codes of categories"
            faults.append(Fault(f"{name} has words among its numbers", where, remedy))
        elif not len(words) and _as_words(column) and labels.str.contains(r"\d[.,]\d").sum() > 2:
            remedy = f"say how numbers are written (--decimal), or write C({name}) if these are codes of categories"
            faults.append(Fault(f"{name} holds numbers that are read as words", samples(labels).strip(" ,"), remedy))
    return faults


def _as_words(column: pd.Series) -> bool:
    """Whether values are text, and not categories of something else."""
    held = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column
    return pd.api.types.is_string_dtype(held.dtype)


def _mentions(spec: Any, internal: Sequence[str]) -> dict[str, bool]:
    """Whether each column's term mentions an internal variable."""
    return {
        str(spec.column_names[i]): bool(_names(term) & set(internal))
        for term, columns in spec.term_indices.items()
        for i in columns
    }


def _proportional(spec: Any, columns: Sequence[str], head: pd.DataFrame, internal: Sequence[str]) -> np.ndarray:
    """(P,) whether doubling the internal variables doubles the column: what 'linear in seniority' means for any formula."""
    numeric = [v for v in internal if pd.api.types.is_numeric_dtype(head[v])]
    if not numeric:
        return np.zeros(len(columns), dtype=bool)
    try:
        doubled = _terms(spec, columns, head.assign(**{v: 2.0 * head[v] for v in numeric}))
    except Exception:  # a spline that ends at the largest value seen
        return np.zeros(len(columns), dtype=bool)
    return np.array([np.allclose(a, 2.0 * b) for a, b in zip(doubled, _terms(spec, columns, head), strict=True)], dtype=bool)
