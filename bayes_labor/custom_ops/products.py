"""Products of a fixed design with coefficients, and quadratic forms, as Ops.

Design products compile several times faster than PyTensor's own, and wake no threads that spin on other chains' cores; of a
quadratic form value and gradient share one product, where PyTensor's own would take two.
"""

from collections.abc import Sequence
from typing import Any

from pytensor.graph.basic import Variable

from bayes_labor.custom_ops.declaration import Field, SolverOp, Threaded
from bayes_labor.custom_ops.numba_binding import register_numba
from bayes_labor.numerics import design_products, quadratic


@register_numba
class DesignMoments(Threaded):
    """(P,) sums over workers of each term times a vector (N,): the transposed product."""

    fields = (Field("design", ("P", "N"), smooth=False), Field("values", ("N",)))
    results = (Field("moments", ("P",)),)

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return design_products.moments_of(self.threads)

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
        return design_products.index_of(self.threads)

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        return [DesignMoments(self.threads)(inputs[0], cotangents[0])]


def design_index(design: Any, coefficients: Any, threads: int = 1) -> Variable:
    """Symbolic (N,) product of a design, terms by workers (P, N), with coefficients (P,); the design gets no gradient."""
    return DesignIndex(threads)(design, coefficients)


@register_numba
class QuadraticForm(SolverOp):
    """Binding of :func:`bayes_labor.numerics.quadratic.quadratic_form`."""

    fields = (Field("x", ("P",)), Field("linear", ("P",), smooth=False), Field("matrix", ("P", "P"), smooth=False))
    results = (Field("value"), Field("gradient", ("P",), smooth=False))

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return quadratic.quadratic_form

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        return [cotangents[0] * outputs[1]]


def quadratic_form(x: Any, linear: Any, matrix: Any) -> Variable:
    """Symbolic linear' x - x' matrix x / 2 with a symmetric matrix (P, P); gradient in x (P,) only."""
    found: Variable = QuadraticForm()(x, linear, matrix)[0]
    return found
