"""Likelihoods of logit panels with worker effects, integrated out or conditioned away, as Ops."""

from collections.abc import Sequence
from typing import Any

from pytensor.graph.basic import Variable

from bayes_labor.custom_ops.declaration import Field, SolverOp, integers
from bayes_labor.custom_ops.numba_binding import register_numba
from bayes_labor.likelihoods.logit_panel import NODES, conditional_logit, marginal_logit


@register_numba
class MarginalLogit(SolverOp):
    """Binding of :func:`bayes_labor.likelihoods.logit_panel.marginal_logit`."""

    __props__ = ("nodes",)
    fields = (Field("index", ("N",)), Field("log_tau"), Field("won", ("N",), smooth=False), integers("offsets", "G+1"))
    results = (Field("log_likelihood"), Field("d_index", ("N",), smooth=False), Field("d_log_tau", smooth=False))

    def __init__(self, nodes: int = NODES) -> None:
        if nodes < 3:
            raise ValueError(f"nodes = {nodes}: a trapezoid needs 3 or more")
        self.nodes = nodes

    def settings(self) -> tuple[int, ...]:
        """See :class:`SolverOp`."""
        return (self.nodes,)

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return marginal_logit

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        return [cotangents[0] * d for d in outputs[1:]]


@register_numba
class ConditionalLogit(SolverOp):
    """Binding of :func:`bayes_labor.likelihoods.logit_panel.conditional_logit`."""

    fields = (Field("index", ("N",)), Field("won", ("N",), smooth=False), integers("offsets", "G+1"))
    results = (Field("log_likelihood"), Field("d_index", ("N",), smooth=False))

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return conditional_logit

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        return [cotangents[0] * outputs[1]]


def marginal_logit_likelihood(index: Any, log_tau: Any, won: Any, offsets: Any, nodes: int = NODES) -> Variable:
    """Log likelihood of outcomes ``won`` (N,) at log odds ``index`` (N,) plus a normal worker effect, integrated out."""
    found: Variable = MarginalLogit(nodes)(index, log_tau, won, offsets)[0]
    return found


def conditional_logit_likelihood(index: Any, won: Any, offsets: Any) -> Variable:
    """Log likelihood of outcomes (N,) given each worker's total, so that worker effects drop out."""
    found: Variable = ConditionalLogit()(index, won, offsets)[0]
    return found
