"""The likelihood of a panel with worker effects integrated out, as an Op whose gradient the same pass gives."""

from collections.abc import Sequence
from typing import Any

import pytensor.tensor as pt
from pytensor.graph.basic import Variable

from bayes_labor.custom_ops.declaration import Field, SolverOp
from bayes_labor.custom_ops.numba_binding import register_numba
from bayes_labor.likelihoods.random_intercepts import ReducedPanel, panel_likelihood


@register_numba
class PanelLikelihood(SolverOp):
    """Binding of :func:`bayes_labor.likelihoods.random_intercepts.panel_likelihood`.

    ``inner`` and ``outer``: how many coefficients move demeaned rows and worker means, see :class:`ReducedPanel`.
    """

    __props__ = ("inner", "outer")
    fields = (
        Field("theta", ("P",)), Field("log_sigma"), Field("log_tau"),
        Field("products", ("K+1", "q", "q"), smooth=False), Field("rows_per_worker", ("K",), smooth=False),
        Field("workers", ("K",), smooth=False),
    )  # fmt: skip
    results = (
        Field("log_likelihood"), Field("d_theta", ("P",), smooth=False), Field("d_log_sigma", smooth=False),
        Field("d_log_tau", smooth=False),
    )  # fmt: skip

    def __init__(self, inner: int, outer: int) -> None:
        self.inner, self.outer = inner, outer

    def settings(self) -> tuple[int, ...]:
        """See :class:`SolverOp`."""
        return (self.inner, self.outer)

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return panel_likelihood

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        return [cotangents[0] * d for d in outputs[1:]]


def panel_log_likelihood(theta: Any, log_sigma: Any, log_tau: Any, panel: ReducedPanel) -> Variable:
    """Log likelihood of a linear panel with normal worker effects, gradients in all three parameters.

    Parameters
    ----------
    theta
        (P,) coefficients.
    log_sigma, log_tau
        Logarithms of the standard deviations of errors and of worker effects.
    panel
        The reduced panel.

    """
    data = (pt.constant(v) for v in (panel.products, panel.rows_per_worker, panel.workers))
    found: Variable = PanelLikelihood(panel.inner, panel.outer)(theta, log_sigma, log_tau, *data)[0]
    return found
