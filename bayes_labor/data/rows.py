"""Which rows of a table are wanted: conditions in the grammar of formulas' expressions, walked node by node."""

import ast
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bayes_labor.data.expressions import ALLOWED, ELEMENTWISE, Refused, checked, columns_of
from bayes_labor.data.faults import DataFaults, Fault, did_you_mean

_OPERATORS: Mapping[type, Any] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow, ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.UAdd: operator.pos, ast.USub: operator.neg, ast.Invert: operator.invert,
}  # fmt: skip


def columns_in(conditions: Sequence[str]) -> list[str]:
    """Columns that conditions name. Raises DataFaults for one that says what it may not."""
    return sorted({c for condition in conditions for c in _checked(condition, columns_of)})


def rows_where(table: pd.DataFrame, conditions: Sequence[str]) -> pd.DataFrame:
    """The rows in which all conditions hold, renumbered; a missing value meets none.

    Raises
    ------
    DataFaults
        For a condition that says what it may not, names a column that is not there, is none, or leaves no row.

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
            held = pd.Series(_value(tree, table, aliases), index=table.index)
        except Exception as error:  # such as text added to numbers, or compared with them
            reason = " ".join(str(error).split())[:120]
            raise DataFaults([Fault(f"the condition cannot be met: {reason}", condition, "check the columns' kinds")]) from None
        if not pd.api.types.is_bool_dtype(held.dtype):
            raise DataFaults([Fault("this is no condition", condition, "compare: year == 2019")])
        table = table[held.fillna(False).to_numpy(dtype=bool)]
        if table.empty:
            raise DataFaults([Fault("no row meets the condition", condition, "check its values and units")])
    return table.reset_index(drop=True) if conditions else table


def _checked(condition: str, check: Any) -> Any:
    try:
        return check(condition)
    except Refused as error:
        raise DataFaults([Fault(f"the condition says what it may not: {error}", repr(condition), ALLOWED)]) from None
    except SyntaxError:
        fault = Fault("this is no condition", repr(condition), "e.g. year == 2019; several by repeating --where")
        raise DataFaults([fault]) from None


def _value(node: ast.AST, table: pd.DataFrame, aliases: Mapping[str, str]) -> Any:
    """Of a node of a tree that was checked; anything that no case names is refused there."""

    def of(part: ast.AST) -> Any:
        return _value(part, table, aliases)

    match node:
        case ast.Name(id=name):
            return table[aliases.get(name, name)]
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=op, operand=operand):
            return _OPERATORS[type(op)](of(operand))
        case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]):
            return _OPERATORS[type(op)](of(left), of(right))
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in ELEMENTWISE:
            return ELEMENTWISE[name][0](*map(of, arguments))
    raise TypeError(f"{ast.unparse(node)[:60]} depends on other rows")
