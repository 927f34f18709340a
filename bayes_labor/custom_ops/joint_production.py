"""Joint production as Ops: task assignment, outside options, the Nash payroll, sums by workplace."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Variable

from bayes_labor.custom_ops.declaration import Field, SolverOp, Threaded, integers
from bayes_labor.custom_ops.numba_binding import register_numba
from bayes_labor.numerics.ragged import check_threads
from bayes_labor.theory.joint_production import outside_option as equilibrium
from bayes_labor.theory.joint_production import outside_option_gradient as gradient
from bayes_labor.theory.joint_production import payroll as payrolls
from bayes_labor.theory.joint_production.assignment import solve_all
from bayes_labor.theory.joint_production.matching import Matching

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


_EQUILIBRIUM = (
    Field("log_talent", ("N",)),
    Field("external_index", ("N",)),
    integers("offsets", "F+1"),
    integers("industry", "F"),
    Field("beta", ("K",)),
    Field("scale", ("K",)),
    Field("bargaining_power"),
    Field("unemployment_value"),
    integers("match_workplace", "E"),
    integers("match_worker", "M"),
    Field("match_weight", ("E",), smooth=False),
    Field("softness", smooth=False),
    Field("copies", ("N",), smooth=False),
)
_SOLUTION = (
    Field("value", ("N",)),
    Field("output", ("F",)),
    Field("coefficients", ("C",), smooth=False),
    Field("domain", ("3",), smooth=False),
    Field("diagnostics", ("3",), smooth=False),
    Field("cutoffs", ("F",), smooth=False),
    Field("newcomer_cutoffs", ("E", "J"), smooth=False),
    Field("marginal_product", ("E", "J"), smooth=False),
    Field("basis_sums", ("F", "C"), smooth=False),
)


class _AtNodes(SolverOp):
    """What forward and backward Op share: the number of Chebyshev nodes (0: sampled matching) and of threads."""

    __props__ = ("nodes", "threads")

    def __init__(self, nodes: int, threads: int = 1) -> None:
        self.nodes, self.threads = nodes, check_threads(threads)

    def settings(self) -> tuple[int, ...]:
        """See :class:`SolverOp`."""
        return self.nodes, self.threads

    def size(self, name: str) -> int:
        """C coefficients and J newcomers per match follow from the number of nodes."""
        return {"C": self.nodes or equilibrium.CUBIC, "J": self.nodes or 1}[name]


@register_numba
class OutsideOptionPullback(_AtNodes):
    """Cotangents of the smooth inputs of :class:`OutsideOption` from those of value and output."""

    fields = (*_EQUILIBRIUM, *_SOLUTION, Field("g_value", ("N",)), Field("g_output", ("F",)))
    results = (
        Field("log_talent", ("N",)),
        Field("external_index", ("N",)),
        Field("beta", ("K",)),
        Field("scale", ("K",)),
        Field("bargaining_power"),
        Field("unemployment_value"),
    )

    def connection_pattern(self, node: Any) -> list[list[bool]]:
        """Second derivatives are not provided."""
        return [[False] * len(self.results) for _ in self.fields]

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return gradient.pullback(self.threads)


@register_numba
class OutsideOption(_AtNodes):
    """Binding of :func:`bayes_labor.theory.joint_production.solve_outside_option`; value and output are differentiated."""

    fields = _EQUILIBRIUM
    results = _SOLUTION

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return equilibrium.solve(self.threads)

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        return list(OutsideOptionPullback(self.nodes, self.threads)(*inputs, *outputs, *cotangents))


class SymbolicOutsideOption(NamedTuple):
    """Symbolic counterpart of :class:`bayes_labor.theory.joint_production.outside_option.OutsideOption`."""

    value: Variable
    output: Variable
    coefficients: Variable
    domain: Variable
    diagnostics: Variable
    cutoffs: Variable
    newcomer_cutoffs: Variable
    marginal_product: Variable
    basis_sums: Variable

    @property
    def feasible_share(self) -> Variable:
        """Share of workplaces whose surplus is not negative."""
        return self.diagnostics[0]

    @property
    def status(self) -> Variable:
        """0 if solved, else a :class:`bayes_labor.theory.joint_production.status.Status`, as a float."""
        return self.diagnostics[2]


def outside_option(
    log_talent: Any,
    external_index: Any,
    offsets: Any,
    beta: Any,
    scale: Any,
    bargaining_power: Any,
    unemployment_value: Any,
    *,
    industry: Any,
    matching: Matching,
    softness: Any = 0.0,
    copies: Any = None,
    threads: int = 1,
) -> SymbolicOutsideOption:
    """Symbolic equilibrium of outside options.

    Arguments, shapes and units are those of :func:`bayes_labor.theory.joint_production.solve_outside_option`; ``beta`` and
    ``scale`` are (K,) and ``industry`` (F,) picks their rows. Gradients flow through ``value`` and ``output``. A failed solve
    gives zeros and a status: turn it into minus infinity in the likelihood.

    Raises
    ------
    TypeError, ValueError
        If an input is not float64 (integers for indices) or has the wrong rank.

    """
    op = OutsideOption(matching.nodes, threads)
    matches = (pt.as_tensor(matching.workplace), pt.as_tensor(matching.worker), pt.as_tensor(matching.weight))
    inputs = (log_talent, external_index, offsets, industry, beta, scale, bargaining_power, unemployment_value)
    return SymbolicOutsideOption(*op(*inputs, *matches, softness, _ones_or(copies, log_talent)))


def _ones_or(copies: Any, like: Any) -> Any:
    return pt.ones_like(pt.as_tensor(like)) if copies is None else copies


@register_numba
class PayrollPullback(Threaded):
    """Cotangents of (value, output, power_index) from those of (wage, surplus, share)."""

    fields = (
        Field("surplus", ("F",)),
        Field("share", ("N",)),
        integers("offsets", "F+1"),
        Field("copies", ("N",), smooth=False),
        Field("g_wage", ("N",)),
        Field("g_surplus", ("F",)),
        Field("g_share", ("N",)),
    )
    results = (Field("value", ("N",)), Field("output", ("F",)), Field("power_index", ("N",)))

    def connection_pattern(self, node: Any) -> list[list[bool]]:
        """Second derivatives are not provided."""
        return [[False] * len(self.results) for _ in self.fields]

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return payrolls.pay_pullback(self.threads)


@register_numba
class Payroll(Threaded):
    """Binding of :func:`bayes_labor.theory.joint_production.payroll.solve_payroll`."""

    fields = (
        Field("value", ("N",)),
        Field("output", ("F",)),
        Field("power_index", ("N",)),
        integers("offsets", "F+1"),
        Field("copies", ("N",), smooth=False),
    )
    results = (Field("wage", ("N",)), Field("surplus", ("F",)), Field("share", ("N",)))

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return payrolls.pay(self.threads)

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        return list(PayrollPullback(self.threads)(outputs[1], outputs[2], *inputs[3:], *cotangents))


@register_numba
class WorkplaceSum(SolverOp):
    """(F,) sums of a worker-level vector."""

    fields = (Field("values", ("N",)), integers("offsets", "F+1"))
    results = (Field("total", ("F",)),)

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return payrolls.sum_by_workplace

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        return [SpreadToWorkers()(cotangents[0], inputs[1], inputs[0])]


@register_numba
class SpreadToWorkers(SolverOp):
    """(N,) value of each worker's workplace; ``like`` (N,) only lends its length."""

    fields = (Field("values", ("F",)), integers("offsets", "F+1"), Field("like", ("N",), smooth=False))
    results = (Field("spread", ("N",)),)

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return payrolls.spread_like

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        return [WorkplaceSum()(cotangents[0], inputs[1])]


def nash_payroll(
    value: Any, output: Any, power_index: Any, offsets: Any, threads: int = 1, *, copies: Any = None
) -> tuple[Variable, Variable, Variable]:
    """Symbolic (wage, surplus, share) of :func:`bayes_labor.theory.joint_production.payroll.solve_payroll`."""
    wage, surplus, share = Payroll(threads)(value, output, power_index, offsets, _ones_or(copies, value))
    return wage, surplus, share


def workplace_sum(values: Any, offsets: Any) -> Variable:
    """Symbolic (F,) sums over the workers of each workplace of a (N,) vector."""
    return WorkplaceSum()(values, offsets)


def to_workers(values: Any, offsets: Any, like: Any) -> Variable:
    """Symbolic (N,) value (F,) of each worker's workplace; ``like`` (N,) lends its length."""
    return SpreadToWorkers()(values, offsets, like)
