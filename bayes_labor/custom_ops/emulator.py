"""Emulated moments as an Op: means and variances of all moments with their gradients, in one pass over the design."""

from collections.abc import Sequence
from typing import Any

from pytensor.graph.basic import Variable

from bayes_labor.custom_ops.declaration import Field, SolverOp
from bayes_labor.custom_ops.numba_binding import register_numba
from bayes_labor.likelihoods import emulator as theory


def _constant(name: str, *dims: str) -> Field:
    return Field(name, dims, smooth=False)


@register_numba
class EmulatedMoments(SolverOp):
    """Binding of :func:`bayes_labor.likelihoods.emulator.emulate`."""

    fields = (
        Field("x", ("D",)), _constant("points", "N", "D"), _constant("trend", "K", "D+1"), _constant("scale", "K"),
        _constant("rate", "K", "D"), _constant("spread", "K"), _constant("weights", "K", "N"),
        _constant("root", "K", "N", "N"), _constant("inflation", "K"),
    )  # fmt: skip
    results = (
        Field("mean", ("K",)), Field("variance", ("K",)), Field("d_mean", ("K", "D"), smooth=False),
        Field("d_variance", ("K", "D"), smooth=False),
    )  # fmt: skip

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return theory.emulate

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        return [cotangents[0] @ outputs[2] + cotangents[1] @ outputs[3]]


def emulated_moments(x: Any, emulator: theory.Emulator) -> tuple[Variable, Variable]:
    """Symbolic ((K,) moments, (K,) variances of the emulator's error) at standardised parameters x (D,)."""
    e = emulator
    held = (e.points, e.trend, e.scale, e.rate, e.spread, e.weights, e.root, e.inflation)
    mean, variance, *_ = EmulatedMoments()(x, *held)
    return mean, variance
