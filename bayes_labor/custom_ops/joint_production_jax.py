"""Joint production's Ops as JAX programs for accelerators, where the machine code of a CPU is of no use.

Assignment and outside options are the twins of :mod:`bayes_labor.theory.joint_production`; sums and payrolls are short. The
other systems' Ops run on a CPU only: their data are small, and a transfer would cost more than the solve.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from bayes_labor.custom_ops.declaration import TWINS
from bayes_labor.custom_ops.joint_production import (
    OutsideOption,
    OutsideOptionPullback,
    Payroll,
    PayrollPullback,
    SpreadToWorkers,
    TaskAssignment,
    TaskAssignmentPullback,
    WorkplaceSum,
)
from bayes_labor.custom_ops.products import DesignIndex, DesignMoments
from bayes_labor.theory.joint_production.jax_assignment import solve_assignment_jax
from bayes_labor.theory.joint_production.jax_outside_option import solve_outside_option_jax


def index_jax(design: Any, coefficients: Any) -> Any:
    """(N,) as :func:`bayes_labor.numerics.design_products.index_of`."""
    return coefficients @ design


def moments_jax(design: Any, values: Any) -> Any:
    """(P,) as :func:`bayes_labor.numerics.design_products.moments_of`."""
    return design @ values


def _worker_team(offsets: Any, like: Any) -> Any:
    n = offsets.shape[0] - 1
    return jnp.repeat(jnp.arange(n), jnp.diff(offsets), total_repeat_length=like.shape[0])


def workplace_sum_jax(values: Any, offsets: Any) -> Any:
    """(F,) sums over the workers of each workplace."""
    return jax.ops.segment_sum(values, _worker_team(offsets, values), offsets.shape[0] - 1)


def spread_jax(values: Any, offsets: Any, like: Any) -> Any:
    """(N,) the value of each worker's workplace."""
    return values[_worker_team(offsets, like)]


def pay_jax(value: Any, output: Any, power_index: Any, offsets: Any, copies: Any) -> tuple[Any, Any, Any]:
    """As :func:`bayes_labor.theory.joint_production.payroll.pay`."""
    team, n = _worker_team(offsets, value), offsets.shape[0] - 1
    top = jax.lax.stop_gradient(jax.ops.segment_max(power_index, team, n))
    power = jnp.exp(power_index - top[team])
    share = power / jax.ops.segment_sum(copies * power, team, n)[team]
    surplus = jax.ops.segment_sum(copies, team, n) * output - jax.ops.segment_sum(copies * value, team, n)
    return value + surplus[team] * share, surplus, share


def _pay_pullback(
    surplus: Any, share: Any, offsets: Any, copies: Any, g_wage: Any, g_surplus: Any, g_share: Any
) -> tuple[Any, Any, Any]:
    team = _worker_team(offsets, share)
    total = g_surplus + workplace_sum_jax(g_wage * share, offsets)
    direct = g_wage * surplus[team] + g_share
    mean = workplace_sum_jax(direct * share, offsets)
    size = workplace_sum_jax(copies, offsets)
    return g_wage - copies * total[team], size * total, share * (direct - copies * mean[team])


def _assignment_pullback(d_talent: Any, d_beta: Any, output: Any, scale: Any, offsets: Any, industry: Any, g: Any) -> tuple:
    rows = scale.shape[0]
    g_beta = jax.ops.segment_sum(g * d_beta, industry, rows)
    g_scale = jax.ops.segment_sum(g * output / scale[industry], industry, rows)
    return spread_jax(g, offsets, d_talent) * d_talent, g_beta, g_scale


def _outside_option_pullback(nodes: int, *arguments: Any) -> tuple:
    inputs, cotangents = arguments[:13], arguments[-2:]
    layout, matches = inputs[2:4], inputs[8:]
    solve: Any = partial(solve_outside_option_jax, nodes=nodes)

    def value_and_output(talent: Any, z: Any, beta: Any, scale: Any, d: Any, vu: Any) -> tuple:
        return solve(talent, z, *layout, beta, scale, d, vu, *matches)[:2]

    _, pull = jax.vjp(value_and_output, *inputs[:2], *inputs[4:8])
    solved = arguments[17][2] == 0
    return tuple(jnp.where(solved, g, jnp.zeros_like(g)) for g in pull(tuple(cotangents)))


TWINS.update(
    {
        TaskAssignment: lambda _: solve_assignment_jax,
        TaskAssignmentPullback: lambda _: _assignment_pullback,
        OutsideOption: lambda op: partial(solve_outside_option_jax, nodes=op.nodes),
        OutsideOptionPullback: lambda op: partial(_outside_option_pullback, op.nodes),
        Payroll: lambda _: pay_jax,
        PayrollPullback: lambda _: _pay_pullback,
        DesignIndex: lambda _: index_jax,
        DesignMoments: lambda _: moments_jax,
        WorkplaceSum: lambda _: workplace_sum_jax,
        SpreadToWorkers: lambda _: spread_jax,
    }
)
