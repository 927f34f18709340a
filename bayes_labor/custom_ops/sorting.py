"""The sorting equilibrium as Ops: the rate of the job-offer distribution, and the revenue share of the largest firms.

The gradient of the rate is written in terms of the rate itself (section 4 of the specification), so that it can be
differentiated again; everything else about the economy is a closed form.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Variable

from bayes_labor.custom_ops.declaration import Field, SolverOp, integers
from bayes_labor.custom_ops.numba_binding import register_numba
from bayes_labor.theory.sorting.closed_forms import Primitives, moments, slopes, technology
from bayes_labor.theory.sorting.equilibrium import SortingStatus, job_rates, top_shares

_SAFE = Primitives(psi=0.5, tau=0.0, lambda_theta=1.0, lambda_x=1.0, alpha=0.3, eta=0.6, xi=9.0, s_l=0.2, s_k=0.0, log_a=0.0)
"""Computed with where parameters are out of range, or profits not positive."""


@register_numba
class JobRate(SolverOp):
    """Binding of :func:`bayes_labor.theory.sorting.equilibrium.job_rates`: lambda_t; 1 and a status where there is none."""

    fields = tuple(Field(name, ("N",)) for name in Primitives._fields[:7])
    results = (Field("lambda_t", ("N",)), integers("status", "N"))

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return job_rates

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        rate, status = outputs
        solved = pt.eq(status, 0)
        return [cotangents[0] * pt.switch(solved, d, 0.0) for d in rate_slopes(inputs, rate)]


@register_numba
class TopShare(SolverOp):
    """Binding of :func:`bayes_labor.theory.sorting.concentration.top_share`: revenue share of the largest ``q`` of firms."""

    fields = (Field("q", smooth=False), Field("a", ("N",)), Field("s", ("N",)))
    results = (Field("share", ("N",)), Field("d_a", ("N",), smooth=False), Field("d_s", ("N",), smooth=False))

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return top_shares

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        return [cotangents[0] * outputs[1], cotangents[0] * outputs[2]]


def rate_slopes(inputs: Sequence[Any], rate: Any) -> list[Any]:
    """Derivatives of lambda_t in each input, by the implicit function theorem."""
    psi, tau, lambda_theta, lambda_x, alpha, eta, xi = inputs
    _, margin, x, *_ = technology(alpha, eta, xi)
    b = lambda_theta + (1.0 + eta * x) * tau
    log_u = pt.log(rate / lambda_x)
    g = pt.exp(psi * log_u)
    factor = rate / ((1.0 - psi) * rate + psi * b)
    in_x = eta * tau - (1.0 - psi) * g
    return [
        ((x + 1.0 / eta) * g - (b - rate) * log_u) * factor,
        (1.0 + eta * x) * factor,
        factor,
        psi * (b - rate) * factor / lambda_x,
        x**2 * in_x * factor,
        ((x + eta * x**2) * tau - (x**2 * (1.0 - psi) + psi / eta**2) * g) * factor,
        in_x * factor / (margin * xi) ** 2,
    ]


class SortingEquilibrium(NamedTuple):
    """Symbolic equilibria of N economies; every field (N,). Meaningless where ``status`` is not 0, but finite."""

    status: Variable
    lambda_t: Variable
    rho: Variable
    std_logw: Variable
    labor_share_Y: Variable
    labor_share_factor: Variable
    labor_share_income: Variable
    income_over_Y: Variable
    log_Z: Variable
    var_tfpq: Variable
    var_tfpr: Variable
    rev_share_top10: Variable
    rev_share_50_90: Variable


def sorting_equilibrium(
    psi: Any,
    tau: Any,
    lambda_theta: Any,
    lambda_x: Any,
    s_l: Any,
    s_k: Any = 0.0,
    *,
    alpha: Any = 0.3,
    eta: Any = 0.6,
    xi: Any = 9.0,
    log_productivity: Any = 0.0,
    allow_negative_tau: bool = False,
) -> SortingEquilibrium:
    """Symbolic equilibrium, its moments and statuses, with gradients in every argument.

    Parameters
    ----------
    psi, tau, lambda_theta, lambda_x, s_l, s_k, alpha, eta, xi
        As for :func:`bayes_labor.theory.sorting.solve_sorting`: (N,) or scalars.
    log_productivity
        log A.
    allow_negative_tau
        Otherwise a negative slope is out of range.

    Returns
    -------
    SortingEquilibrium
        With :class:`bayes_labor.theory.sorting.SortingStatus` in ``status``. A likelihood makes minus infinity of every status
        but 0; values there are placeholders that keep gradients finite.

    """
    values = (psi, tau, lambda_theta, lambda_x, alpha, eta, xi, s_l, s_k, log_productivity)
    given = [pt.as_tensor(np.float64(v) if isinstance(v, int | float) else v) for v in values]
    like = pt.atleast_1d(sum(pt.zeros_like(v) for v in given))
    p = Primitives(*(v + like for v in given))
    rate, found = JobRate()(*p[:7])
    outside = pt.or_(pt.eq(found, int(SortingStatus.PARAMETER_RANGE)), pt.lt(pt.minimum(p.s_l, p.s_k), 0.0))
    if not allow_negative_tau:
        outside = pt.or_(outside, pt.lt(p.tau, 0.0))
    found = pt.switch(outside, int(SortingStatus.PARAMETER_RANGE), found)
    unsafe = pt.or_(outside, pt.eq(found, int(SortingStatus.NO_PROFIT_MARGIN)))
    return _equilibrium(Primitives(*(pt.switch(unsafe, safe, v) for v, safe in zip(p, _SAFE, strict=True))), rate, found)


def _equilibrium(p: Primitives, rate: Variable, found: Variable) -> SortingEquilibrium:
    """From the rate of jobs and its status, where everything is in range."""
    of_type = slopes(pt, p, rate)
    gap = p.lambda_theta - of_type.rho
    finite = pt.and_(pt.gt(gap, 0.0), pt.gt(gap + p.tau, 0.0))
    status = pt.switch(pt.and_(pt.eq(found, 0), pt.invert(finite)), int(SortingStatus.INFINITE_OUTPUT), found)
    rho = pt.switch(finite, of_type.rho, 0.5 * p.lambda_theta)
    gap, wedge = pt.switch(finite, gap, 1.0), pt.switch(finite, p.tau, 0.0)
    known = moments(pt, p, of_type, rate, gap, gap + wedge)
    factors = known.labor + known.capital
    income = factors + technology(p.alpha, p.eta, p.xi).margin
    top, half = (TopShare()(q, p.lambda_theta / _away_from_zero(rho), known.spread)[0] for q in (0.1, 0.5))
    return SortingEquilibrium(
        status=status,
        lambda_t=rate,
        rho=rho,
        std_logw=of_type.wage / rate,
        labor_share_Y=known.labor,
        labor_share_factor=known.labor / factors,
        labor_share_income=known.labor / income,
        income_over_Y=income,
        log_Z=known.log_z,
        var_tfpq=known.var_tfpq,
        var_tfpr=known.var_tfpr,
        rev_share_top10=top,
        rev_share_50_90=half - top,
    )


def _away_from_zero(rho: Variable) -> Variable:
    """Revenue that does not depend on the type has the concentration of its wedges: an exponential part of rate 1e8 is none."""
    return pt.switch(pt.lt(abs(rho), 1e-8), 1e-8, rho)
