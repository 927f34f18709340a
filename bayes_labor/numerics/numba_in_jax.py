"""A numba function inside a JAX program on a CPU: a typed XLA custom call, without Python while it runs.

:func:`xla_call` turns a compiled numba function of arrays and scalars into a function of JAX arrays that can be jitted, looped
and vmapped (a mapped call runs the function element by element). A call costs about a tenth of a microsecond, where
``jax.pure_callback`` costs 45 or more. The module imports numba, NumPy and JAX only.

XLA calls a handler with one pointer, to the call frame of its foreign function interface, a plain C structure; the offsets
below are those of ``xla/ffi/api/c_api.h``, version 0 of the interface. A handler says which version it was written for when
it is registered, and XLA refuses one of another major version. An exception in the numba function becomes an error of XLA
that names the function.

Threads: XLA may call handlers from its own pool, several at once. A function compiled without ``parallel`` is safe; one with
it is where numba's threading layer is (OpenMP or TBB), and is refused where it is numba's own work queue.
"""

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numba
import numpy as np
from numba import types
from numba.core import cgutils  # noqa: F401  (numba's intrinsics need it loaded)
from numba.extending import intrinsic

# Byte offsets in XLA_FFI_CallFrame and what it points to.
_EXTENSION, _API, _STAGE, _ARGUMENTS, _RESULTS = 8, 16, 32, 72, 112
_DATA, _RANK, _DIMS = 24, 32, 40  # of XLA_FFI_Buffer
_METADATA, _VERSION = 24, 24  # of the metadata extension, and of the metadata it points to
_CREATE_ERROR = 48  # of XLA_FFI_Api
_EXECUTE, _ASKS_FOR_METADATA, _INTERNAL = 3, 1, 13
_MAJOR, _MINOR = 0, 1

_REGISTERED: dict[str, Any] = {}
"""Handlers by name: XLA keeps their address only, so that they must never be collected."""


class Buffer(NamedTuple):
    """An argument or a result: its NumPy type, 'float64' or 'int64', and its rank."""

    dtype: str
    rank: int


@intrinsic
def _pointer(typing: Any, address: Any, like: Any) -> Any:
    """The address as a pointer to numbers of the type of ``like``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(like)(address, like), generate


@intrinsic
def _call(typing: Any, function: Any, argument: Any) -> Any:
    """Call a C function of one pointer that returns a pointer, by its address."""
    from llvmlite import ir

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = ir.IntType(64)
        kind = ir.FunctionType(word, [word]).as_pointer()
        return builder.call(builder.inttoptr(arguments[0], kind), [arguments[1]])

    return types.int64(types.int64, types.int64), generate


@numba.njit
def _word(address: int, offset: int) -> int:
    return numba.carray(_pointer(address + offset, np.int64(0)), 1)[0]


@numba.njit
def _half(address: int, offset: int) -> int:
    return numba.carray(_pointer(address + offset, np.int32(0)), 1)[0]


@numba.njit
def _set(address: int, offset: int, value: int) -> None:
    numba.carray(_pointer(address + offset, np.int64(0)), 1)[0] = value


@numba.njit
def _asked_for_metadata(frame: int) -> bool:
    """Answer XLA's question for the version, if it is what this call is about."""
    extension = _word(frame, _EXTENSION)
    if extension == 0 or _half(extension, 8) != _ASKS_FOR_METADATA:
        return False
    metadata = _word(extension, _METADATA)
    _set(metadata, _VERSION, _MAJOR | (_MINOR << 32))
    return True


@numba.njit
def _failed(frame: int, message: int) -> int:
    """An XLA_FFI_Error, made by XLA itself."""
    request = np.array([32, 0, message, _INTERNAL], dtype=np.int64)
    return _call(_word(_word(frame, _API), _CREATE_ERROR), request.ctypes.data)


@numba.njit
def _fill(buffer: Any, found: Any) -> None:
    """Four times as fast as an assignment to a slice, which numba does not vectorise."""
    to, of = buffer.ravel(), found.ravel()
    if len(to) != len(of):
        raise ValueError("a result of another size than declared")
    for i in range(len(to)):
        to[i] = of[i]


_BUFFERS = {
    "float64": "carray(pointer(word(b{i}, 24), float64(0.0)), ({shape}))",
    "int64": "carray(pointer(word(b{i}, 24), int64(0)), ({shape}))",
}


def _source(function: str, inputs: Sequence[Buffer], outputs: Sequence[Buffer], settings: Sequence[int]) -> str:
    """The handler's text: one view a buffer, one call, one copy a result."""
    lines = []
    for i, (buffer, base) in enumerate([*((b, _ARGUMENTS) for b in inputs), *((b, _RESULTS) for b in outputs)]):
        place = i if base == _ARGUMENTS else i - len(inputs)
        lines.append(f"b{i} = word(word(frame, {base}), {8 * place})")
        if buffer.rank:
            lines.append(f"d{i} = word(b{i}, {_DIMS})")
        shape = "".join(f"word(d{i}, {8 * k})," for k in range(buffer.rank)) or "1,"
        lines.append(f"x{i} = " + _BUFFERS[buffer.dtype].format(i=i, shape=shape))
    passed = [f"x{i}" if b.rank else f"x{i}[0]" for i, b in enumerate(inputs)]
    found = [f"r{k}" for k in range(len(outputs))]
    call = f"{', '.join(found)} = function({', '.join([*passed, *map(repr, settings)])})"
    copies = [f"fill(x{len(inputs) + k}, r{k})" if b.rank else f"x{len(inputs) + k}[0] = r{k}" for k, b in enumerate(outputs)]
    inner = "\n        ".join([*lines, call, *copies])
    return (
        f"def handler(frame):\n    if asked_for_metadata(frame) or half(frame, {_STAGE}) != {_EXECUTE}:\n        return 0\n"
        f"    try:\n        {inner}\n    except Exception:\n        return failed(frame, message)\n    return 0\n"
    )


def xla_call(
    function: Any,
    inputs: Sequence[Buffer],
    outputs: Sequence[Buffer],
    shapes: Callable[..., Sequence[tuple[int, ...]]],
    *,
    name: str,
    settings: Sequence[int] = (),
    parallel: bool = False,
) -> Callable[..., tuple[jax.Array, ...]]:
    """A numba function as a function of JAX arrays.

    Parameters
    ----------
    function
        Callable from numba code: takes the inputs in their order (C-contiguous arrays, rank 0 as numbers), then ``settings``;
        returns one output, or a tuple of them.
    inputs, outputs
        Types and ranks.
    shapes
        From the shapes of the inputs to those of the outputs.
    name
        Under which XLA knows it, and which its errors tell: another name for every function, type and setting.
    settings
        Integers passed behind the inputs.
    parallel
        Whether it runs numba's parallel loops.

    Returns
    -------
    callable
        From JAX arrays to a tuple of JAX arrays. It has no derivative of its own: see ``jax.custom_vjp``.

    Raises
    ------
    TypeError
        At a call, if an argument has another type or rank.
    RuntimeError
        If ``parallel`` and numba's threading layer must not be entered from several threads.

    """
    if parallel and _threading_layer() == "workqueue":
        raise RuntimeError(
            f"{name}: numba's work queue is not safe under XLA's threads: use threads=1, or install OpenMP or TBB"
        )
    if name not in _REGISTERED:
        _REGISTERED[name] = _register(name, _handler(function, inputs, outputs, settings, name))
    kinds = [jnp.dtype(b.dtype) for b in outputs]

    def call(*arguments: Any) -> tuple[jax.Array, ...]:
        given = [_checked(name, i, x, b) for i, (x, b) in enumerate(zip(arguments, inputs, strict=True))]
        out = [jax.ShapeDtypeStruct(s, k) for s, k in zip(shapes(*(x.shape for x in given)), kinds, strict=True)]
        return tuple(jax.ffi.ffi_call(name, out, vmap_method="sequential")(*given))

    return call


def _checked(name: str, i: int, value: Any, buffer: Buffer) -> jax.Array:
    """Memory is read as the declared type: nothing else may get through."""
    array = jnp.asarray(value)
    if array.dtype != buffer.dtype or array.ndim != buffer.rank:
        remedy = "" if jax.config.jax_enable_x64 else ": jax.config.update('jax_enable_x64', True) first"
        expected = f"expected {buffer.dtype} of {buffer.rank} dimensions{remedy}"
        raise TypeError(f"{name}: argument {i} has type {array.dtype} and {array.ndim} dimensions, {expected}")
    return array


def _threading_layer() -> str:
    @numba.njit(parallel=True)
    def start() -> None:
        for _ in numba.prange(2):
            pass

    start()
    return str(numba.threading_layer())


def _handler(function: Any, inputs: Sequence[Buffer], outputs: Sequence[Buffer], settings: Sequence[int], name: str) -> Any:
    message = ctypes.create_string_buffer(f"{name}: the kernel raised an exception".encode())
    scope = {
        "function": function,
        "asked_for_metadata": _asked_for_metadata,
        "half": _half,
        "word": _word,
        "failed": _failed,
        "fill": _fill,
        "pointer": _pointer,
        "carray": numba.carray,
        "float64": np.float64,
        "int64": np.int64,
        "message": ctypes.addressof(message),
    }
    exec(_source(name, inputs, outputs, settings), scope)
    return numba.cfunc(types.int64(types.int64))(scope["handler"]), message


def _register(name: str, kept: tuple[Any, Any]) -> tuple[Any, ...]:
    handler, message = kept
    function = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(handler.address)
    jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(function), platform="cpu")
    return handler, message, function
