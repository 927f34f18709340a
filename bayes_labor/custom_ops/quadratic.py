"""A quadratic form as an Op: value and gradient share one product, where PyTensor's own would take two."""

from collections.abc import Sequence
from typing import Any

from pytensor.graph.basic import Variable

from bayes_labor.custom_ops.declaration import Field, SolverOp
from bayes_labor.custom_ops.numba_binding import register_numba
from bayes_labor.numerics import quadratic as theory


@register_numba
class QuadraticForm(SolverOp):
    """Binding of :func:`bayes_labor.numerics.quadratic.quadratic_form`."""

    fields = (Field("x", ("P",)), Field("linear", ("P",), smooth=False), Field("matrix", ("P", "P"), smooth=False))
    results = (Field("value"), Field("gradient", ("P",), smooth=False))

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return theory.quadratic_form

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        return [cotangents[0] * outputs[1]]


def quadratic_form(x: Any, linear: Any, matrix: Any) -> Variable:
    """Symbolic linear' x - x' matrix x / 2 with a symmetric matrix (P, P); gradient in x (P,) only."""
    found: Variable = QuadraticForm()(x, linear, matrix)[0]
    return found
