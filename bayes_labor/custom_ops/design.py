"""The product of a fixed design matrix with coefficients as an Op.

Several times faster to compile than PyTensor's own matrix product, and it wakes no threads that spin on other chains' cores.
"""

from collections.abc import Sequence
from typing import Any

from pytensor.graph.basic import Variable

from bayes_labor.custom_ops.declaration import Field, Threaded
from bayes_labor.custom_ops.numba_binding import register_numba
from bayes_labor.numerics import design_products as theory


@register_numba
class DesignMoments(Threaded):
    """(P,) sums over workers of each term times a vector (N,): the transposed product."""

    fields = (Field("design", ("P", "N"), smooth=False), Field("values", ("N",)))
    results = (Field("moments", ("P",)),)

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return theory.moments_of(self.threads)

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        return [DesignIndex(self.threads)(inputs[0], cotangents[0])]


@register_numba
class DesignIndex(Threaded):
    """(N,) index of every worker: terms (P, N) times coefficients (P,)."""

    fields = (Field("design", ("P", "N"), smooth=False), Field("coefficients", ("P",)))
    results = (Field("index", ("N",)),)

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return theory.index_of(self.threads)

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        return [DesignMoments(self.threads)(inputs[0], cotangents[0])]


def design_index(design: Any, coefficients: Any, threads: int = 1) -> Variable:
    """Symbolic (N,) product of a design, terms by workers (P, N), with coefficients (P,); the design gets no gradient."""
    return DesignIndex(threads)(design, coefficients)
