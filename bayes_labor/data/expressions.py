"""What a formula may say. A formula is data: every expression in it is read as a tree and checked against a list of what is
allowed, before anything of it is evaluated, and what is evaluated knows no other names than columns and these functions.

The library that reads formulas evaluates them as Python and, for a left side or a list of columns, even while it reads. So
:class:`CheckedParser` checks every expression as soon as the text is cut into tokens, and again as it will be evaluated.
"""

import ast
import builtins
import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from formulaic.parser import DefaultFormulaParser
from formulaic.parser.algos.tokenize import tokenize
from formulaic.parser.types import ASTNode, Token
from formulaic.transforms import TRANSFORMS
from formulaic.utils.code import sanitize_variable_names

ELEMENTWISE: dict[str, tuple[Callable[..., Any], int]] = {
    "abs": (np.abs, 1), "ceil": (np.ceil, 1), "clip": (np.clip, 3), "exp": (np.exp, 1), "expm1": (np.expm1, 1),
    "floor": (np.floor, 1), "log": (np.log, 1), "log10": (np.log10, 1), "log1p": (np.log1p, 1), "log2": (np.log2, 1),
    "maximum": (np.maximum, 2), "minimum": (np.minimum, 2), "sign": (np.sign, 1), "sqrt": (np.sqrt, 1), "where": (np.where, 3),
}  # fmt: skip
"""Functions of each row's numbers, with how many they take."""
LEARNING: dict[str, Callable[..., Any]] = {
    name: TRANSFORMS[name] for name in ("C", "I", "center", "scale", "standardize", "poly", "bs", "cs", "cr", "cc")
}
"""Functions that remember what they took from the data: categories, means, polynomials, splines."""
CONTRASTS: dict[str, Callable[..., Any]] = {name: TRANSFORMS[name] for name in ("Treatment", "Sum", "Helmert", "Diff", "Poly")}
"""Codings of categories, as the second argument of ``C``."""
_FUNCTIONS: dict[str, Callable[..., Any]] = {n: f for n, (f, _) in ELEMENTWISE.items()} | LEARNING | CONTRASTS
NAMESPACE: Mapping[str, Any] = dict.fromkeys([*dir(builtins), *TRANSFORMS]) | _FUNCTIONS
"""All that an expression can name beside columns: every other name that Python or the formula library would supply is None."""
ALLOWED = (
    "allowed are columns (in backticks if the name is no word), numbers, + - * / // % and ** with a number, one comparison at "
    f"a time, joined by & | ~, and the functions {', '.join(sorted(_FUNCTIONS))}"
)

_LONGEST, _DEEPEST, _LARGEST, _TERMS, _DEGREE = 20_000, 100, 1e15, 2_000, 20
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.BitAnd, ast.BitOr, ast.Pow)
_SIGNS = (ast.UAdd, ast.USub, ast.Invert)
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_NUMPY = re.compile(rf"\b(?:np|numpy)\.({'|'.join(ELEMENTWISE)})\(")
_PLAIN = re.compile(r"""[^'"`\\{}\n\r]*""")  # text that cannot be taken for the end of a string or of a quoted name


class Refused(ValueError):
    """A formula says what it may not."""


def columns_of(expression: str) -> set[str]:
    """Columns that an expression names; raises as :func:`checked`."""
    tree, aliases = checked(expression)
    return {aliases.get(name, name) for name in _names(tree)}


def checked(expression: str) -> tuple[ast.expr, dict[str, str]]:
    """(tree of an expression that says only what it may, columns by the names that stand for those in backticks).

    Raises
    ------
    Refused
        If it says anything that is not on the list, :data:`ALLOWED`.
    SyntaxError
        If it is no expression.

    """
    aliases: dict[str, str] = {}
    words = dict.fromkeys(re.findall(r"\w+", expression))
    tree = ast.parse(sanitize_variable_names(expression, words, aliases), mode="eval").body
    if _depth(tree) > _DEEPEST:
        raise Refused(f"an expression of more than {_DEEPEST} levels")
    refused = [f"{name!r} in backticks" for name in aliases.values() if not _PLAIN.fullmatch(name)]
    refused += _refusals(tree)
    if refused:
        raise Refused("; ".join(dict.fromkeys(refused)))
    return tree, aliases


def named_levels(expression: str) -> Iterator[tuple[str, list[Any]]]:
    """(column, levels) of every category whose levels an expression lists; of one that has passed :func:`columns_of`."""
    aliases: dict[str, str] = {}
    tree = ast.parse(sanitize_variable_names(expression, dict.fromkeys(re.findall(r"\w+", expression)), aliases), mode="eval")
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and getattr(node.func, "id", "") == "C"
            and node.args
            and isinstance(node.args[0], ast.Name)
        ):
            for keyword in node.keywords:
                if keyword.arg == "levels":
                    yield aliases.get(node.args[0].id, node.args[0].id), list(_literal(keyword.value))


def _names(tree: ast.AST) -> Iterator[str]:
    functions = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return (node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in functions)


def _depth(tree: ast.AST) -> int:
    level, depth = [tree], 0
    while level:
        level, depth = [child for node in level for child in ast.iter_child_nodes(node)], depth + 1
    return depth


def _refusals(node: ast.AST) -> Iterator[str]:
    """Everything in a tree that is not allowed, in words."""
    match node:
        case ast.Name(id=name):
            if name.startswith("__"):
                yield f"the name {name}"
        case ast.Constant():
            yield from _constant(node)
        case ast.UnaryOp(op=op, operand=operand) if isinstance(op, _SIGNS):
            yield from _refusals(operand)
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _OPERATORS):
            yield from (*_refusals(left), *_refusals(right), *(_power(node) if isinstance(op, ast.Pow) else ()))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if isinstance(op, _COMPARISONS):
            yield from (*_word_or(left), *_word_or(right))
        case ast.Call():
            yield from _call(node)
        case _:
            yield f"{_kind(node)}, {ast.unparse(node)[:60]}"


def _kind(node: ast.AST) -> str:
    words = {ast.Attribute: "an attribute", ast.Subscript: "a subscript", ast.Lambda: "a lambda", ast.JoinedStr: "an f-string"}
    words |= {ast.BoolOp: "'and' or 'or' (write & or |)", ast.Compare: "a chain of comparisons (join two by &)"}
    return words.get(type(node), type(node).__name__)


def _constant(node: ast.Constant) -> Iterator[str]:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield f"{ast.unparse(node)[:60]}, which is no number"
    elif not math.isfinite(value) or abs(value) > _LARGEST:
        yield f"a number beyond {_LARGEST:g}"


def _power(node: ast.BinOp) -> Iterator[str]:
    """Powers with a small number above and, below, a column or one plain number: 9**9**9**9 would never end."""
    above = _literal(node.right)
    if not isinstance(above, int | float) or abs(above) > _DEGREE:
        yield f"a power that is no number up to {_DEGREE}, {ast.unparse(node)[:60]}"
    if not isinstance(node.left, ast.Constant) and not any(_names(node.left)):
        yield f"a power of a power, {ast.unparse(node)[:60]}"


def _literal(node: ast.AST) -> Any:
    """The value of a number, word, truth value or list of such; None for anything else."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return None


def _word_or(node: ast.AST) -> Iterator[str]:
    """Text may be compared with a column and given to C."""
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        yield from _refusals(node)
    elif not _PLAIN.fullmatch(node.value):
        yield "quotes, backslashes or braces within text"


def _call(node: ast.Call) -> Iterator[str]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name in ELEMENTWISE:
        wanted = ELEMENTWISE[name][1]
        if node.keywords or len(node.args) != wanted:
            yield f"{name} with other than {wanted} argument{'s' * (wanted > 1)}"
        for argument in node.args:
            yield from _refusals(argument)
    elif name in LEARNING or name in CONTRASTS:
        yield from _learning_call(node, name)
    else:
        yield f"the call {ast.unparse(node)[:60]}"


def _learning_call(node: ast.Call, name: str) -> Iterator[str]:
    """A column or expression first, then settings; a coding of categories has settings only."""
    try:
        if any(k.arg is None or k.arg.startswith("_") for k in node.keywords):
            raise TypeError("such keywords")
        given = inspect.signature(_FUNCTIONS[name]).bind(*node.args, **{str(k.arg): k.value for k in node.keywords}).arguments
    except TypeError as error:
        yield f"{name} with {error}"
        return
    for place, (word, value) in enumerate(given.items()):
        coding = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in CONTRASTS
        if (place == 0 and name in LEARNING) or (name == "C" and word == "contrasts" and coding):
            yield from _refusals(value)
        else:
            yield from _setting(name, word, value)


def _setting(name: str, word: str, value: ast.AST) -> Iterator[str]:
    found = _literal(value)
    parts = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
    if found is None:
        yield f"{name} with a {word} that is no number, text or list of such"
    elif word in ("degree", "df") and not (type(found) is int and 1 <= found <= _DEGREE):
        yield f"{name} with a {word} outside 1 to {_DEGREE}"
    for part in parts:
        if not isinstance(_literal(part), bool):
            yield from _word_or(part)


class CheckedParser(DefaultFormulaParser):  # type: ignore[misc, unused-ignore]
    """formulaic's parser for one side of a formula, which refuses expressions that are not on the list and too many terms.

    ``np.log(x)`` is read as ``log(x)``, by its text: nothing is looked up in numpy.
    """

    def get_tokens_from_formula(self, formula: str, *, context: Any) -> list[Token]:
        """Tokens of a formula, all its expressions checked; raises Refused."""
        if len(formula) > _LONGEST:
            raise Refused(f"more than {_LONGEST:,} characters")
        checked = [_checked(token) for token in tokenize(formula)]
        if any(token.kind is Token.Kind.OPERATOR and {"~", "|"} & set(token.token) for token in checked):
            raise Refused("a second ~ or a |")
        return [_checked(token) for token in super().get_tokens_from_formula(formula, context=context)]

    def get_terms_from_ast(self, ast: Any, *, context: Any) -> Any:
        """Terms of a formula; raises Refused for so many that writing them down would not end."""
        if _count(ast) > _TERMS:
            raise Refused(f"more than {_TERMS:,} terms")
        lost = _lost_power(ast)
        if lost:
            raise Refused(f"a power outside braces, which is only {lost} again: write {{{lost}**2}}")
        return super().get_terms_from_ast(ast, context=context)


def _checked(token: Token) -> Token:
    if token.kind is Token.Kind.PYTHON:
        token.token = _NUMPY.sub(r"\1(", token.token)
        columns_of(token.token)
    return token


def _lost_power(node: Any) -> str:
    """The single column whose power a formula takes outside braces, where powers are interactions; empty if there is none."""
    if not isinstance(node, ASTNode):
        return ""
    if str(node.operator.symbol) in ("**", "^") and not isinstance(node.args[0], ASTNode):
        return str(node.args[0])
    return next((found for child in node.args if (found := _lost_power(child))), "")


def _count(node: Any) -> float:
    """Terms that a formula's tree would make at most, before equal ones are merged."""
    total = 0.0
    while isinstance(node, ASTNode) and str(node.operator.symbol) == "+" and len(node.args) == 2:  # a sum may be long
        total, node = total + _count(node.args[1]), node.args[0]
    if not isinstance(node, ASTNode):
        return total + (node is not None)
    counts = [_count(child) for child in node.args]
    symbol = str(node.operator.symbol)
    if symbol in ("**", "^"):
        power = str(node.args[1])
        return total + (counts[0] ** min(int(power), 99) if power.isdecimal() and len(power) < 4 else math.inf)
    product = math.prod(counts)
    return total + (product if symbol == ":" else product + sum(counts) if symbol in ("*", "/", "in") else sum(counts))
