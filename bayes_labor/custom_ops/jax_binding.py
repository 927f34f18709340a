"""Binding of the Ops to PyTensor's JAX linker, forward and backward. Imported only where JAX is installed."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from pytensor.graph.basic import Apply, Constant
from pytensor.link.jax.dispatch.basic import jax_funcify

from bayes_labor.custom_ops.assignment import TaskAssignment, TaskAssignmentPullback
from bayes_labor.custom_ops.declaration import SolverOp
from bayes_labor.custom_ops.design import DesignIndex, DesignMoments
from bayes_labor.custom_ops.emulator import EmulatedMoments
from bayes_labor.custom_ops.logit_panel import ConditionalLogit, MarginalLogit
from bayes_labor.custom_ops.outside_option import OutsideOption, OutsideOptionPullback
from bayes_labor.custom_ops.paired_effects import PairedLikelihood
from bayes_labor.custom_ops.payroll import Payroll, PayrollPullback, SpreadToWorkers, WorkplaceSum
from bayes_labor.custom_ops.quadratic import QuadraticForm
from bayes_labor.custom_ops.random_intercepts import PanelLikelihood
from bayes_labor.custom_ops.regimes import RegimeLikelihood
from bayes_labor.custom_ops.sorting import JobRate, TopShare, slopes
from bayes_labor.theory.jax_assignment import solve_assignment_jax
from bayes_labor.theory.jax_emulator import emulate_jax
from bayes_labor.theory.jax_logit_panel import conditional_logit_jax, marginal_logit_jax
from bayes_labor.theory.jax_outside_option import solve_outside_option_jax
from bayes_labor.theory.jax_paired_effects import paired_likelihood_jax
from bayes_labor.theory.jax_random_intercepts import panel_likelihood_jax
from bayes_labor.theory.jax_regimes import smooth_jax
from bayes_labor.theory.jax_sorting import job_rates_jax, top_shares_jax


def index_jax(design: Any, coefficients: Any) -> Any:
    """(N,) as :func:`bayes_labor.theory.design.index_of`."""
    return coefficients @ design


def moments_jax(design: Any, values: Any) -> Any:
    """(P,) as :func:`bayes_labor.theory.design.moments_of`."""
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


def pay_jax(value: Any, output: Any, power_index: Any, offsets: Any) -> tuple[Any, Any, Any]:
    """As :func:`bayes_labor.theory.payroll.pay`."""
    team, n = _worker_team(offsets, value), offsets.shape[0] - 1
    top = jax.lax.stop_gradient(jax.ops.segment_max(power_index, team, n))
    power = jnp.exp(power_index - top[team])
    share = power / jax.ops.segment_sum(power, team, n)[team]
    surplus = jnp.diff(offsets) * output - jax.ops.segment_sum(value, team, n)
    return value + surplus[team] * share, surplus, share


def _pay_pullback(surplus: Any, share: Any, offsets: Any, g_wage: Any, g_surplus: Any, g_share: Any) -> tuple[Any, Any, Any]:
    team = _worker_team(offsets, share)
    total = g_surplus + workplace_sum_jax(g_wage * share, offsets)
    direct = g_wage * surplus[team] + g_share
    mean = workplace_sum_jax(direct * share, offsets)
    return g_wage - total[team], jnp.diff(offsets) * total, share * (direct - mean[team])


def _assignment_pullback(d_talent: Any, d_beta: Any, output: Any, scale: Any, offsets: Any, industry: Any, g: Any) -> tuple:
    rows = scale.shape[0]
    g_beta = jax.ops.segment_sum(g * d_beta, industry, rows)
    g_scale = jax.ops.segment_sum(g * output / scale[industry], industry, rows)
    return spread_jax(g, offsets, d_talent) * d_talent, g_beta, g_scale


def _outside_option_pullback(nodes: int, *arguments: Any) -> tuple:
    inputs, cotangents = arguments[:12], arguments[-2:]
    layout, matches = inputs[2:4], inputs[8:]
    solve: Any = partial(solve_outside_option_jax, nodes=nodes)

    def value_and_output(talent: Any, z: Any, beta: Any, scale: Any, d: Any, vu: Any) -> tuple:
        return solve(talent, z, *layout, beta, scale, d, vu, *matches)[:2]

    _, pull = jax.vjp(value_and_output, *inputs[:2], *inputs[4:8])
    solved = arguments[16][2] == 0
    return tuple(jnp.where(solved, g, jnp.zeros_like(g)) for g in pull(tuple(cotangents)))


def differentiable(op: SolverOp, forward: Callable[..., tuple], pull: Callable[..., tuple]) -> Callable[..., tuple]:
    """``forward`` with the Op's own gradient, for samplers that differentiate the translated graph (NumPyro, BlackJAX).

    ``pull`` takes inputs, outputs and the cotangents of the smooth outputs, and returns those of the smooth inputs.
    """
    solve = jax.custom_vjp(forward)

    def run(*inputs: Any) -> tuple:
        outputs = forward(*inputs)
        return outputs, (inputs, outputs)

    def back(kept: tuple, cotangents: tuple) -> tuple:
        inputs, outputs = kept
        pulled = iter(pull(inputs, outputs, [g for r, g in zip(op.results, cotangents, strict=True) if r.smooth]))
        return tuple(next(pulled) if f.smooth else _no_gradient(x) for f, x in zip(op.fields, inputs, strict=True))

    solve.defvjp(run, back)
    return solve


def _no_gradient(x: Any) -> Any:
    x = jnp.asarray(x)
    return jnp.zeros_like(x) if jnp.issubdtype(x.dtype, jnp.floating) else np.zeros(x.shape, jax.dtypes.float0)


@jax_funcify.register(TaskAssignment)
def _(op: TaskAssignment, **_: Any) -> Any:
    def pull(inputs: tuple, outputs: tuple, g: list) -> tuple:
        _, _, scale, offsets, industry = inputs
        return _assignment_pullback(outputs[3], outputs[4], outputs[0], scale, offsets, industry, g[0])

    return differentiable(op, solve_assignment_jax, pull)


@jax_funcify.register(TaskAssignmentPullback)
def _(op: TaskAssignmentPullback, **_: Any) -> Any:
    return _assignment_pullback


@jax_funcify.register(OutsideOption)
def _(op: OutsideOption, **_: Any) -> Any:
    def pull(inputs: tuple, outputs: tuple, g: list) -> tuple:
        return _outside_option_pullback(op.nodes, *inputs, *outputs, *g)

    return differentiable(op, partial(solve_outside_option_jax, nodes=op.nodes), pull)


@jax_funcify.register(OutsideOptionPullback)
def _(op: OutsideOptionPullback, **_: Any) -> Any:
    return partial(_outside_option_pullback, op.nodes)


@jax_funcify.register(Payroll)
def _(op: Payroll, **_: Any) -> Any:
    return pay_jax


@jax_funcify.register(PayrollPullback)
def _(op: PayrollPullback, **_: Any) -> Any:
    return _pay_pullback


@jax_funcify.register(DesignIndex)
def _(op: DesignIndex, **_: Any) -> Any:
    return index_jax


@jax_funcify.register(DesignMoments)
def _(op: DesignMoments, **_: Any) -> Any:
    return moments_jax


@jax_funcify.register(WorkplaceSum)
def _(op: WorkplaceSum, **_: Any) -> Any:
    return workplace_sum_jax


@jax_funcify.register(SpreadToWorkers)
def _(op: SpreadToWorkers, **_: Any) -> Any:
    return spread_jax


@jax_funcify.register(JobRate)
def _(op: JobRate, **_: Any) -> Any:
    def pull(inputs: tuple, outputs: tuple, g: list) -> tuple:
        rate, status = outputs
        return tuple(jnp.where(status == 0, g[0] * d, 0.0) for d in slopes(inputs, rate, jnp))

    return differentiable(op, job_rates_jax, pull)


@jax_funcify.register(TopShare)
def _(op: TopShare, **_: Any) -> Any:
    return differentiable(op, top_shares_jax, lambda _, outputs, g: (g[0] * outputs[1], g[0] * outputs[2]))


@jax_funcify.register(RegimeLikelihood)
def _(op: RegimeLikelihood, **_: Any) -> Any:
    def pull(_: tuple, outputs: tuple, g: list) -> tuple:
        _, smoothed, pairs = outputs
        return tuple(g[0] * d for d in (smoothed[0], pairs.sum(0), smoothed, pairs))

    return differentiable(op, smooth_jax, pull)


@jax_funcify.register(PanelLikelihood)
def _(op: PanelLikelihood, **_: Any) -> Any:
    forward = partial(panel_likelihood_jax, op.inner, op.outer)
    return differentiable(op, forward, lambda _, outputs, g: tuple(g[0] * d for d in outputs[1:]))


@jax_funcify.register(QuadraticForm)
def _(op: QuadraticForm, **_: Any) -> Any:
    def forward(x: Any, linear: Any, matrix: Any) -> tuple[Any, Any]:
        gradient = linear - matrix @ x
        return 0.5 * x @ (gradient + linear), gradient

    return differentiable(op, forward, lambda _, outputs, g: (g[0] * outputs[1],))


@jax_funcify.register(EmulatedMoments)
def _(op: EmulatedMoments, **_: Any) -> Any:
    return differentiable(op, emulate_jax, lambda _, outputs, g: (g[0] @ outputs[2] + g[1] @ outputs[3],))


@jax_funcify.register(PairedLikelihood)
def _(op: PairedLikelihood, **_: Any) -> Any:
    return differentiable(op, paired_likelihood_jax, lambda _, outputs, g: tuple(g[0] * d for d in outputs[1:]))


@jax_funcify.register(MarginalLogit)
def _(op: MarginalLogit, **_: Any) -> Any:
    return differentiable(op, partial(marginal_logit_jax, op.nodes), lambda _, out, g: (g[0] * out[1], g[0] * out[2]))


@jax_funcify.register(ConditionalLogit)
def _(op: ConditionalLogit, node: Apply | None = None, **_: Any) -> Any:
    offsets = node.inputs[2] if node is not None else None
    longest = int(np.diff(offsets.data).max()) if isinstance(offsets, Constant) else None
    return differentiable(op, partial(conditional_logit_jax, longest), lambda _, out, g: (g[0] * out[1],))
