"""Outside options as an Op: V(z) of every worker and output of every workplace, in one equilibrium solve."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytensor.tensor as pt
from pytensor.graph.basic import Variable

from bayes_labor.custom_ops.declaration import Field, SolverOp, integers
from bayes_labor.custom_ops.numba_binding import register_numba
from bayes_labor.numerics.ragged import check_threads
from bayes_labor.theory.joint_production import outside_option as theory
from bayes_labor.theory.joint_production import outside_option_gradient as gradient
from bayes_labor.theory.joint_production.matching import Matching

_FIELDS = (
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
)
_RESULTS = (
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
        return {"C": self.nodes or theory.CUBIC, "J": self.nodes or 1}[name]


@register_numba
class OutsideOptionPullback(_AtNodes):
    """Cotangents of the smooth inputs of :class:`OutsideOption` from those of value and output."""

    fields = (*_FIELDS, *_RESULTS, Field("g_value", ("N",)), Field("g_output", ("F",)))
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

    fields = _FIELDS
    results = _RESULTS

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return theory.solve(self.threads)

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
    return SymbolicOutsideOption(*op(*inputs, *matches, softness))
