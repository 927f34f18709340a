"""One declaration per Op: the named inputs and outputs from which its checks, shapes and signature follow.

An Op of this package is a thin binding of a solver of :mod:`bayes_labor.theory`. It declares its fields once; the base class
derives ``make_node`` (float64 or refused), ``infer_shape``, the gufunc signature and the connection pattern, and the tests run
every declared Op through the same battery.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op

from bayes_labor.numerics.ragged import check_threads


@dataclass(frozen=True)
class Field:
    """An input or output of an Op.

    ``dims`` are names such as ``("N",)`` or ``("F+1",)``; digits stand for themselves. ``smooth`` says whether the solver is
    differentiated in (or, for an output, through) the field.
    """

    name: str
    dims: tuple[str, ...] = ()
    dtype: str = "float64"
    smooth: bool = True


def integers(name: str, *dims: str) -> Field:
    """An int64 field; integers carry no gradient."""
    return Field(name, dims, "int64", smooth=False)


class SolverOp(Op):
    """Base of the package's Ops. Subclasses set ``fields``, ``results``, ``kernel`` and ``pull``."""

    __props__: tuple[str, ...] = ()
    fields: ClassVar[tuple[Field, ...]]
    results: ClassVar[tuple[Field, ...]]

    def kernel(self) -> Any:
        """The compiled solver: takes the fields in their order, scalars as numbers, then ``settings``."""
        raise NotImplementedError

    def settings(self) -> tuple[int, ...]:
        """What the kernel takes besides the fields, fixed when the graph is built."""
        return ()

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """Symbolic cotangents of the smooth inputs from those of the smooth outputs."""
        raise NotImplementedError

    def size(self, name: str) -> Any:
        """Length of a dimension that no input carries; overridden where there is one."""
        raise NotImplementedError(name)

    @property
    def gufunc_signature(self) -> str:
        """Core dimensions for ``Blockwise``."""

        def side(fields: tuple[Field, ...]) -> str:
            return ",".join("(" + ",".join(re.sub(r"\W", "p", f"d{d}").lower() for d in x.dims) + ")" for x in fields)

        return f"{side(self.fields)}->{side(self.results)}"

    def make_node(self, *inputs: Any) -> Apply:
        """Refuse floats other than float64 and wrong ranks, naming the input."""
        checked = [_as_field(type(self).__name__, field, value) for field, value in zip(self.fields, inputs, strict=True)]
        static = self._sizes([x.type.shape for x in checked])
        outputs = [pt.tensor(dtype=r.dtype, shape=tuple(_length(self, d, static) for d in r.dims)) for r in self.results]
        return Apply(self, checked, outputs)

    def infer_shape(self, node: Apply, input_shapes: Any) -> list[tuple[Any, ...]]:
        """Shapes of the outputs without running the solver."""
        sizes = self._sizes(input_shapes)
        return [tuple(pt.as_tensor(_length(self, d, sizes)) for d in r.dims) for r in self.results]

    def shapes(self, *input_shapes: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Shapes of the outputs from those of the inputs, as numbers."""
        sizes = self._sizes(input_shapes)
        return [tuple(int(_length(self, d, sizes)) for d in r.dims) for r in self.results]

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Any) -> None:
        """Python and C linkers."""
        arguments = (v if f.dims else np.asarray(v).item() for f, v in zip(self.fields, inputs, strict=True))
        values = self.kernel()(*map(_contiguous, arguments), *self.settings())
        for storage, value in zip(output_storage, values if isinstance(values, tuple) else (values,), strict=True):
            storage[0] = np.asarray(value)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Gradients flow from smooth inputs to smooth outputs only."""
        return [[i.smooth and o.smooth for o in self.results] for i in self.fields]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Variable]:
        """Vector-Jacobian product; cotangents of outputs nobody used are zero."""
        filled = [
            pt.zeros_like(out) if isinstance(g.type, DisconnectedType) else g
            for field, out, g in zip(self.results, outputs, cotangents, strict=True)
            if field.smooth
        ]
        pulled = iter(self.pull(inputs, outputs, filled))
        return [next(pulled) if field.smooth else disconnected_type() for field in self.fields]

    def _sizes(self, shapes: Sequence[Any]) -> dict[str, Any]:
        sizes: dict[str, Any] = {}
        for field, shape in zip(self.fields, shapes, strict=True):
            for dim, length in zip(field.dims, shape, strict=True):
                name, _, plus = dim.partition("+")
                if name not in sizes or sizes[name] is None:
                    sizes[name] = length - int(plus) if plus and length is not None else length
        return sizes


TWINS: dict[type[SolverOp], Callable[[Any], Callable[..., Any]]] = {}
"""By Op, what makes its program for accelerators, where it has one."""


class Threaded(SolverOp):
    """An Op whose kernel takes the number of threads."""

    __props__ = ("threads",)

    def __init__(self, threads: int = 1) -> None:
        self.threads = check_threads(threads)

    def settings(self) -> tuple[int, ...]:
        """See :class:`SolverOp`."""
        return (self.threads,)


def _contiguous(value: Any) -> Any:
    return np.ascontiguousarray(value) if isinstance(value, np.ndarray) else value


def _length(op: SolverOp, dim: str, sizes: dict[str, Any]) -> Any:
    if dim.isdigit():
        return int(dim)
    return sizes[dim] if dim in sizes else op.size(dim)


def _as_field(op: str, field: Field, value: Any) -> Variable:
    tensor = pt.as_tensor(np.float64(value) if isinstance(value, float) else value)
    if field.dtype == "float64" and tensor.dtype.startswith(("int", "uint")) and tensor.ndim == 0:
        tensor = tensor.astype("float64")
    if field.dtype == "int64" and tensor.dtype.startswith(("int", "uint")):
        tensor = tensor.astype("int64")
    if tensor.dtype != field.dtype:
        raise TypeError(f"{op}: {field.name} has dtype {tensor.dtype}, expected {field.dtype}: convert it yourself, explicitly")
    if tensor.ndim != len(field.dims):
        raise ValueError(
            f"{op}: {field.name} has {tensor.ndim} dimensions, expected {len(field.dims)} ({', '.join(field.dims)})"
        )
    return tensor
