"""Binding of the Ops to PyTensor's Numba linker, forward and backward.

numba builds the code of a function it calls into the caller, and again into the caller's caller: the solvers would be
optimised anew in every graph that holds them, for a minute or two. They are called by the address of their machine code
instead, which the solvers' own cache on disk keeps.

PyTensor caches compiled graphs on disk by the Op's type and properties alone; the hash of the sources is added so that an
edited kernel is never served from that cache, and no graph from there asks for a symbol that is gone: that would end the
process. The symbols are put in place when the Op is translated, before a graph is loaded.
"""

import hashlib
import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from numba.core import cgutils, types
from numba.core.types import StarArgTuple  # type: ignore[attr-defined]
from numba.extending import intrinsic
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key

from bayes_labor.custom_ops.declaration import Field, SolverOp
from bayes_labor.numerics.compilation import source_hash

_BINDING = b"".join((Path(__file__).parent / name).read_bytes() for name in ("declaration.py", "numba_binding.py"))


def register_numba(op: type[SolverOp]) -> type[SolverOp]:
    """Class decorator: run the Op's kernel natively under Numba, with exact float semantics."""

    @register_funcify_default_op_cache_key(op)
    def _funcify(op: SolverOp, node: Any, **_: Any) -> tuple[Callable[..., Any], int]:
        return native(op), cache_version(op)

    return op


def cache_version(op: SolverOp) -> int:
    """Changes with the sources of the Op, of its kernel and of this binding."""
    own = Path(inspect.getfile(type(op))).read_bytes()
    return int(hashlib.sha256(source_hash(op.kernel().__module__).encode() + own + _BINDING).hexdigest()[:8], 16)


@cache
def native(op: SolverOp) -> Callable[..., Any]:
    """The Op as a numba function of arrays, compiled once for all Ops of the same type and properties."""
    names = [f"x{i}" for i in range(len(op.fields))]
    passed = [f"ascontiguousarray({x})" if f.dims else f"{x}.item()" for x, f in zip(names, op.fields, strict=True)]
    out = [f"r{i}" for i in range(len(op.results))]
    returned = [r if f.dims else f"array({r})" for r, f in zip(out, op.results, strict=True)]
    call = f"solver({', '.join([*passed, *map(repr, op.settings())])})"
    body = f"    {', '.join(out)} = {call}\n    return {', '.join(returned)}"
    scope: dict[str, Any] = {
        "solver": solver_of(op),
        "ascontiguousarray": np.ascontiguousarray,
        "array": np.array,
    }
    name = type(op).__name__.lower()
    exec(f"def {name}({', '.join(names)}):\n{body}", scope)
    return numba.njit(scope[name])


@cache
def solver_of(op: SolverOp) -> Any:
    """The Op's kernel for numba functions to call: fields in their order, then settings."""
    return by_address(op.kernel(), (*(_type_of(f) for f in op.fields), *(types.int64 for _ in op.settings())))


def _type_of(field: Field) -> types.Type:
    scalar = {"float64": types.float64, "int64": types.int64}[field.dtype]
    return types.Array(scalar, len(field.dims), "C") if field.dims else scalar


def by_address(kernel: Any, argument_types: tuple[types.Type, ...]) -> Any:
    """A function for other numba functions to call: ``kernel``, compiled for ``argument_types``, by its address."""
    kernel.compile(argument_types)
    code = kernel.overloads[argument_types]
    result = code.signature.return_type
    symbol = f"{kernel.py_func.__module__}.{kernel.py_func.__qualname__}.{source_hash(kernel.py_func.__module__)}"
    llvmlite.binding.add_symbol(symbol, code.library.get_pointer_to_function(code.fndesc.llvm_func_name))

    @intrinsic
    def call(typing_context: Any, *arguments: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, packed: Any) -> Any:
            function_type = context.call_conv.get_function_type(result, argument_types)
            function = cgutils.get_or_insert_function(builder.module, function_type, symbol)
            values = cgutils.unpack_tuple(builder, packed[0])
            status, returned = context.call_conv.call_function(builder, function, result, argument_types, values)
            with cgutils.if_unlikely(builder, status.is_error):
                context.call_conv.return_status_propagate(builder, status)
            return returned

        return result(StarArgTuple.from_types(arguments)), generate

    return call
