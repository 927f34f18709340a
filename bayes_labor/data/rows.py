"""Which rows of a table are wanted: conditions in the grammar of formulas' expressions, walked node by node."""

import ast
import operator
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from bayes_labor.data.expressions import ALLOWED, ELEMENTWISE, Refused, checked, columns_of
from bayes_labor.data.faults import DataFaults, Fault, did_you_mean
from bayes_labor.data.ids import as_text, word_of

_OPERATORS: Mapping[type, Any] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow, ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.UAdd: operator.pos, ast.USub: operator.neg, ast.Invert: operator.invert,
}  # fmt: skip


def columns_in(conditions: Sequence[str]) -> list[str]:
    """Columns that conditions name. Raises DataFaults for one that says what it may not."""
    return sorted({c for condition in conditions for c in _checked(condition, columns_of)})


def rows_where(table: pd.DataFrame, conditions: Sequence[str], ids: Collection[str] = ()) -> pd.DataFrame:
    """The rows in which all conditions hold, under their numbers in the table; a missing value meets none.

    Columns of ``ids`` are text, whatever the file makes of them: 12 and '12' are the same, and only == and != compare them.

    Raises
    ------
    DataFaults
        For a condition that says what it may not, names a column that is not there, is none, compares text with a number, or
        leaves no row.

    """
    for condition in conditions:
        named = columns_in([condition])
        lacking = [c for c in named if c not in table]
        if not named:
            raise DataFaults([Fault("the condition names no column", condition, "e.g. year == 2019")])
        if lacking:
            remedy = did_you_mean(lacking[0], table.columns)
            raise DataFaults([Fault(f"there is no column {lacking[0]!r}", f"--where {condition!r}", remedy)])
        tree, aliases = _checked(condition, checked)
        try:
            held = pd.Series(_value(tree, table, aliases, ids), index=table.index)
        except Exception as error:  # such as text added to numbers, or compared with them
            reason = " ".join(str(error).split())[:120]
            raise DataFaults([Fault(f"the condition cannot be met: {reason}", condition, "check the columns' kinds")]) from None
        if not pd.api.types.is_bool_dtype(held.dtype):
            raise DataFaults([Fault("this is no condition", condition, "compare: year == 2019")])
        table = table[held.fillna(False).to_numpy(dtype=bool)]
        if table.empty:
            raise DataFaults([Fault("no row meets the condition", condition, "check its values and units")])
    return table


def _checked(condition: str, check: Any) -> Any:
    try:
        return check(condition)
    except Refused as error:
        raise DataFaults([Fault(f"the condition says what it may not: {error}", repr(condition), ALLOWED)]) from None
    except SyntaxError:
        fault = Fault("this is no condition", repr(condition), "e.g. year == 2019; several by repeating --where")
        raise DataFaults([fault]) from None


def _value(node: ast.AST, table: pd.DataFrame, aliases: Mapping[str, str], ids: Collection[str]) -> Any:
    """Of a node of a tree that was checked; anything that no case names is refused there."""

    def of(part: ast.AST) -> Any:
        return _value(part, table, aliases, ids)

    match node:
        case ast.Name(id=name):
            column = table[aliases.get(name, name)]
            return as_text(column, ordered=False).astype(object) if column.name in ids else column
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=op, operand=operand):
            return _OPERATORS[type(op)](of(operand))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            named = [aliases.get(p.id, p.id) for p in (left, right) if isinstance(p, ast.Name)]
            return _compared(type(op), of(left), of(right), [n for n in named if n in ids])
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](of(left), of(right))
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in ELEMENTWISE:
            return ELEMENTWISE[name][0](*map(of, arguments))
    raise TypeError(f"{ast.unparse(node)[:60]} depends on other rows")


def _compared(op: type, left: Any, right: Any, ids: Sequence[str]) -> Any:
    """Where a comparison holds; not known (NA) where a value is missing."""
    if ids:
        if op not in (ast.Eq, ast.NotEq):
            raise TypeError(f"{ids[0]} is an id, which is text: only == and != compare it")
        left, right = (word_of(x) if isinstance(x, int | float) else x for x in (left, right))
    if {_kind(left), _kind(right)} == {"text", "a number"}:
        raise TypeError(f"{_shown(left)} is {_kind(left)}, {_shown(right)} is {_kind(right)}")
    if "text" in (_kind(left), _kind(right)) and op not in (ast.Eq, ast.NotEq):
        name = _shown(left if _kind(left) == "text" else right)
        raise TypeError(f"{name} is text, which has no order that one would want (dates among it): only == and != compare it")
    held = _OPERATORS[op](left, right)
    lacking = [x.isna() for x in (left, right) if isinstance(x, pd.Series) and x.hasnans]
    for missing in lacking:
        held = held.astype("boolean").mask(missing)
    return held


def _kind(value: Any) -> str:
    """Text or a number, in words; empty for anything else, such as dates."""
    if not isinstance(value, pd.Series):
        return "text" if isinstance(value, str) else "a number" if isinstance(value, int | float) else ""
    held = value.cat.categories if isinstance(value.dtype, pd.CategoricalDtype) else value
    if pd.api.types.is_numeric_dtype(held.dtype):
        return "a number"
    return "text" if pd.api.types.is_string_dtype(held.dropna()) else ""


def _shown(value: Any) -> str:
    return str(value.name) if isinstance(value, pd.Series) else repr(value)
