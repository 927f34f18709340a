"""Task assignment as an Op: output of every workplace, differentiable in talents, beta and scale."""

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Variable

from bayes_labor.custom_ops.declaration import Field, SolverOp, Threaded, integers
from bayes_labor.custom_ops.numba_binding import register_numba
from bayes_labor.theory.joint_production.assignment import solve_all

_LAYOUT = (integers("offsets", "F+1"), integers("industry", "F"))


@numba.njit
def _pull(d_log_talent, d_beta, output, scale, offsets, industry, cotangent):
    g_talent = np.empty(d_log_talent.shape[0])
    g_beta, g_scale = np.zeros(scale.shape[0]), np.zeros(scale.shape[0])
    for f in range(output.shape[0]):
        k = industry[f]
        g_beta[k] += cotangent[f] * d_beta[f]
        g_scale[k] += cotangent[f] * output[f] / scale[k]
        for n in range(offsets[f], offsets[f + 1]):
            g_talent[n] = cotangent[f] * d_log_talent[n]
    return g_talent, g_beta, g_scale


@register_numba
class TaskAssignmentPullback(SolverOp):
    """Cotangents of (log_talent, beta, scale) from that of output, by the envelope derivatives already at hand."""

    fields = (
        Field("d_output_d_log_talent", ("N",)),
        Field("d_output_d_beta", ("F",)),
        Field("output", ("F",)),
        Field("scale", ("K",)),
        *_LAYOUT,
        Field("cotangent", ("F",)),
    )
    results = (Field("log_talent", ("N",)), Field("beta", ("K",)), Field("scale", ("K",)))

    def connection_pattern(self, node: Any) -> list[list[bool]]:
        """Second derivatives are not provided."""
        return [[False] * len(self.results) for _ in self.fields]

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return _pull


@register_numba
class TaskAssignment(Threaded):
    """Binding of :func:`bayes_labor.theory.joint_production.assignment.solve_assignment`. Only ``output`` is differentiated."""

    fields = (Field("log_talent", ("N",)), Field("beta", ("K",)), Field("scale", ("K",)), *_LAYOUT)
    results = (
        Field("output", ("F",)),
        Field("cutoff", ("F",), smooth=False),
        Field("shadow_price", ("F",), smooth=False),
        Field("d_output_d_log_talent", ("N",), smooth=False),
        Field("d_output_d_beta", ("F",), smooth=False),
        integers("status", "F"),
    )

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return solve_all(self.threads)

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        _, _, scale, offsets, industry = inputs
        output, _, _, d_talent, d_beta, _ = outputs
        return list(TaskAssignmentPullback()(d_talent, d_beta, output, scale, offsets, industry, cotangents[0]))


def task_assignment(
    log_talent: Any, offsets: Any, beta: Any, scale: Any = 1.0, *, industry: Any = None, threads: int = 1
) -> tuple[Variable, ...]:
    """Symbolic task assignment of F workplaces.

    Parameters
    ----------
    log_talent
        (N,) log mean talents, the workers of a workplace adjacent.
    offsets
        (F + 1,) integers, first worker of each workplace.
    beta, scale
        Exponent in (-1, 0.99] and revenue scale > 0: scalars, (F,), or (K,) with ``industry``.
    industry
        (F,) integers, row of ``beta`` and ``scale`` of each workplace.
    threads
        Threads over workplaces inside the kernel; leave 1 where several chains run at once.

    Returns
    -------
    tuple
        (output, cutoff, shadow_price, d_output_d_log_talent, d_output_d_beta, status), as in
        :class:`bayes_labor.theory.joint_production.assignment.Assignment`. Gradients flow through ``output``.

    Raises
    ------
    TypeError, ValueError
        If an input is not float64 (integers for offsets and industry) or has the wrong rank.

    """
    offsets = pt.as_tensor(offsets)
    beta, scale = (pt.as_tensor(np.float64(x) if isinstance(x, int | float) else x) for x in (beta, scale))
    if industry is None:
        n_workplaces = offsets.shape[0] - 1
        if beta.ndim == 0 and scale.ndim == 0:
            industry = pt.zeros(n_workplaces, dtype="int64")
        else:
            industry = pt.arange(n_workplaces)
            beta, scale = (pt.full(n_workplaces, x) if x.ndim == 0 else x for x in (beta, scale))
    if beta.ndim == 0:
        beta = beta[None]
    if scale.ndim == 0:
        scale = pt.ones_like(beta) * scale
    return tuple(TaskAssignment(threads)(log_talent, beta, scale, offsets, industry))
