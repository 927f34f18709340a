"""Binding of the Ops to PyTensor's Numba linker, forward and backward.

PyTensor caches compiled graphs on disk by the Op's type and properties alone; the hash of the solvers' sources is added so
that an edited kernel is never served from that cache.
"""

from collections.abc import Callable
from typing import Any

from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key

from bayes_labor.custom_ops.declaration import SolverOp, kernel_of
from bayes_labor.theory.compilation import SOURCE_HASH

CACHE_VERSION = int(SOURCE_HASH[:8], 16)


def register_numba(op: type[SolverOp]) -> type[SolverOp]:
    """Class decorator: run the Op's kernel natively under Numba, with exact float semantics."""

    @register_funcify_default_op_cache_key(op)
    def _funcify(op: SolverOp, node: Any, **_: Any) -> tuple[Callable[..., Any], int]:
        return kernel_of(op), CACHE_VERSION

    return op

