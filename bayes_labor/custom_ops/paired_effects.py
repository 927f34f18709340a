"""The likelihood of two equations with correlated worker effects, as an Op whose gradient the same pass gives."""

from collections.abc import Sequence
from typing import Any

from pytensor.graph.basic import Variable

from bayes_labor.custom_ops.declaration import Field, SolverOp, integers
from bayes_labor.custom_ops.numba_binding import register_numba
from bayes_labor.likelihoods.paired_effects import paired_likelihood


@register_numba
class PairedLikelihood(SolverOp):
    """Binding of :func:`bayes_labor.likelihoods.paired_effects.paired_likelihood`."""

    fields = (
        Field("first", ("n",)), Field("second", ("m",)), Field("loading", ("m",)), Field("scales", ("5",)),
        integers("first_offsets", "G+1"), integers("second_offsets", "G+1"),
    )  # fmt: skip
    results = (
        Field("log_likelihood"), Field("d_first", ("n",), smooth=False), Field("d_second", ("m",), smooth=False),
        Field("d_loading", ("m",), smooth=False), Field("d_scales", ("5",), smooth=False),
    )  # fmt: skip

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return paired_likelihood

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        return [cotangents[0] * d for d in outputs[1:]]


def paired_log_likelihood(
    first: Any, second: Any, loading: Any, scales: Any, first_offsets: Any, second_offsets: Any
) -> Variable:  # fmt: skip
    """Log likelihood of two linear equations of the same workers, correlated normal effects integrated out.

    Parameters
    ----------
    first
        (n,) residuals omega_i + e of the first equation, a worker's rows adjacent.
    second
        (m,) residuals loading * omega_i + mu_i + e of the second.
    loading
        (m,).
    scales
        (5,): log sd of omega, log sd of mu, their correlation in (-1, 1), log sd of e in the first and second equation.
    first_offsets, second_offsets
        (G + 1,) int; where each worker's rows begin. A worker may have none in either.

    """
    found: Variable = PairedLikelihood()(first, second, loading, scales, first_offsets, second_offsets)[0]
    return found
