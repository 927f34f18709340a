"""Human capital of workers who learn in teams, over years, as an Op: one recursion instead of a graph that grows by year."""

from collections.abc import Sequence
from typing import Any

from pytensor.graph.basic import Variable

from bayes_labor.custom_ops.declaration import Field, SolverOp, integers
from bayes_labor.custom_ops.numba_binding import register_numba
from bayes_labor.theory.learning import careers
from bayes_labor.theory.learning.careers import Careers

_SMOOTH = (
    Field("log_h", ("I",)),
    Field("log_a", ("I",)),
    Field("log_q", ("Q",)),
    Field("events", ("E",)),
    Field("theta_p"),
    Field("theta_m"),
)
_CAREERS = (integers("worker", "N"), integers("offsets", "R+1"), integers("team", "R"))


@register_numba
class HumanCapitalPullback(SolverOp):
    """Cotangents of the smooth inputs of :class:`HumanCapital` from those of the path."""

    fields = (*_SMOOTH[1:], *_CAREERS, Field("path", ("N",)), Field("g_path", ("N",)))
    results = _SMOOTH

    def connection_pattern(self, node: Any) -> list[list[bool]]:
        """Second derivatives are not provided."""
        return [[False] * len(self.results) for _ in self.fields]

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return careers.human_capital_pullback


@register_numba
class HumanCapital(SolverOp):
    """Binding of :func:`bayes_labor.theory.learning.careers.human_capital`."""

    fields = (*_SMOOTH, *_CAREERS)
    results = (Field("path", ("N",)),)

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return careers.human_capital

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        return list(HumanCapitalPullback()(*inputs[1:], *outputs, *cotangents))


def human_capital(log_h: Any, log_a: Any, log_q: Any, events: Any, theta_p: Any, theta_m: Any, careers: Careers) -> Variable:
    """Symbolic (N,) log human capital at each row of the careers, before that year's learning.

    Parameters
    ----------
    log_h, log_a
        (I,) by worker: human capital in the first year, in logs, and own growth at a learning event.
    log_q
        (Q,) by team: growth that all its workers share.
    events
        (E,) how often each of the first E teams of years learns; later ones do not.
    theta_p, theta_m
        Learning from coworkers more and less skilled.
    careers
        Who works where.

    """
    found: Variable = HumanCapital()(log_h, log_a, log_q, events, theta_p, theta_m, *careers)
    return found
