"""The Nash payroll and sums by workplace as Ops."""

from collections.abc import Sequence
from typing import Any

from pytensor.graph.basic import Variable

from bayes_labor.custom_ops.declaration import Field, SolverOp, Threaded, integers
from bayes_labor.custom_ops.numba_binding import register_numba
from bayes_labor.theory.joint_production import payroll as theory


@register_numba
class PayrollPullback(Threaded):
    """Cotangents of (value, output, power_index) from those of (wage, surplus, share)."""

    fields = (
        Field("surplus", ("F",)),
        Field("share", ("N",)),
        integers("offsets", "F+1"),
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
        return theory.pay_pullback(self.threads)


@register_numba
class Payroll(Threaded):
    """Binding of :func:`bayes_labor.theory.joint_production.payroll.solve_payroll`."""

    fields = (Field("value", ("N",)), Field("output", ("F",)), Field("power_index", ("N",)), integers("offsets", "F+1"))
    results = (Field("wage", ("N",)), Field("surplus", ("F",)), Field("share", ("N",)))

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return theory.pay(self.threads)

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        return list(PayrollPullback(self.threads)(outputs[1], outputs[2], inputs[3], *cotangents))


@register_numba
class WorkplaceSum(SolverOp):
    """(F,) sums of a worker-level vector."""

    fields = (Field("values", ("N",)), integers("offsets", "F+1"))
    results = (Field("total", ("F",)),)

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return theory.sum_by_workplace

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
        return theory.spread_like

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        return [WorkplaceSum()(cotangents[0], inputs[1])]


def nash_payroll(
    value: Any, output: Any, power_index: Any, offsets: Any, threads: int = 1
) -> tuple[Variable, Variable, Variable]:
    """Symbolic (wage, surplus, share) of :func:`bayes_labor.theory.joint_production.payroll.solve_payroll`."""
    wage, surplus, share = Payroll(threads)(value, output, power_index, offsets)
    return wage, surplus, share


def workplace_sum(values: Any, offsets: Any) -> Variable:
    """Symbolic (F,) sums over the workers of each workplace of a (N,) vector."""
    return WorkplaceSum()(values, offsets)


def to_workers(values: Any, offsets: Any, like: Any) -> Variable:
    """Symbolic (N,) value (F,) of each worker's workplace; ``like`` (N,) lends its length."""
    return SpreadToWorkers()(values, offsets, like)
