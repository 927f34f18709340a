"""Binding of the Ops to PyTensor's JAX linker, forward and backward. Imported only where JAX is installed.

On a CPU an Op is a typed custom call into the machine code that the Numba linker runs; on an accelerator it is the Op's own
twin there, where it has one. Gradients are the Op's symbolic ``pull`` in both, translated like any other graph.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from pytensor.graph.basic import Apply
from pytensor.graph.fg import FunctionGraph
from pytensor.link.jax.dispatch.basic import jax_funcify

from bayes_labor.custom_ops.declaration import TWINS, SolverOp
from bayes_labor.custom_ops.numba_binding import cache_version, solver_of
from bayes_labor.numerics.numba_in_jax import Buffer, xla_call


@jax_funcify.register(SolverOp)
def _(op: SolverOp, node: Apply, **_: Any) -> Callable[..., Any]:
    forward = on_cpu(op) if jax.default_backend() == "cpu" else twin(op)
    run = differentiable(op, node, forward) if any(r.smooth for r in op.results) else forward
    return run if len(op.results) > 1 else lambda *inputs: run(*inputs)[0]


def twin(op: SolverOp) -> Callable[..., tuple]:
    """What computes an Op on an accelerator, results in a tuple.

    Raises
    ------
    NotImplementedError
        If it has no twin.

    """
    if type(op) not in TWINS:
        raise NotImplementedError(f"{type(op).__name__} runs on a CPU only: start JAX with JAX_PLATFORMS=cpu")
    found = TWINS[type(op)](op)
    return found if len(op.results) > 1 else lambda *inputs: (found(*inputs),)


def on_cpu(op: SolverOp) -> Callable[..., tuple]:
    """The kernel of the Numba linker as a function of JAX arrays."""
    properties = "_".join(map(str, op.settings()))
    return xla_call(
        solver_of(op),
        [Buffer(f.dtype, len(f.dims)) for f in op.fields],
        [Buffer(r.dtype, len(r.dims)) for r in op.results],
        op.shapes,
        name=f"bayes_labor.{type(op).__name__}_{properties}_{cache_version(op):x}",
        settings=op.settings(),
        parallel=getattr(op, "threads", 1) > 1,
    )


def differentiable(op: SolverOp, node: Apply, forward: Callable[..., tuple]) -> Callable[..., tuple]:
    """``forward`` with the Op's own gradient, for samplers that differentiate the translated graph (NumPyro, BlackJAX)."""
    solve = jax.custom_vjp(forward)

    def run(*inputs: Any) -> tuple:
        outputs = forward(*inputs)
        return outputs, (inputs, outputs)

    def back(kept: tuple, cotangents: tuple) -> tuple:
        inputs, outputs = kept
        smooth = [g for r, g in zip(op.results, cotangents, strict=True) if r.smooth]
        pulled = iter(_pull_of(op, node)(*inputs, *outputs, *smooth))
        return tuple(next(pulled) if f.smooth else _no_gradient(x) for f, x in zip(op.fields, inputs, strict=True))

    solve.defvjp(run, back)
    return solve


def _pull_of(op: SolverOp, node: Apply) -> Callable[..., tuple]:
    """The Op's symbolic gradient as a function of inputs, outputs and the cotangents of its smooth outputs."""
    inputs, outputs = ([v.type() for v in side] for side in (node.inputs, node.outputs))
    cotangents = [v.type() for v, r in zip(outputs, op.results, strict=True) if r.smooth]
    pulled = op.pull(inputs, outputs, cotangents)
    return jax_funcify(FunctionGraph([*inputs, *outputs, *cotangents], pulled, clone=False))


def _no_gradient(x: Any) -> Any:
    x = jnp.asarray(x)
    return jnp.zeros_like(x) if jnp.issubdtype(x.dtype, jnp.floating) else np.zeros(x.shape, jax.dtypes.float0)
