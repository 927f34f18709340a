"""The battery every Op of the package goes through: linkers agree, gradients agree, nothing falls to object mode."""

import multiprocessing
import pickle
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from unittest import mock

import jax
import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.mode import get_mode
from pytensor.graph.basic import Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.op import Op
from pytensor.graph.traversal import io_toposort
from pytensor.link.jax.dispatch.basic import jax_funcify

LINKERS = ("NUMBA", "JAX", "FAST_COMPILE")
TWIN = "TWIN"
"""JAX's linker with the programs for accelerators, run on a CPU."""


@dataclass(eq=False)
class Case:
    """An Op at one point: ``build`` takes the symbolic float inputs and returns the smooth outputs."""

    name: str
    build: Callable[..., Sequence[Variable]]
    point: list[np.ndarray]
    steps: list[float] = field(default_factory=list)
    rtol: float = 1e-6


@cache
def compiled(case: Case, mode: str) -> Callable[[Sequence[np.ndarray], Sequence[np.ndarray] | None], tuple[list, list]]:
    """(outputs, pulled-back cotangents) as a function of (point, cotangents) under one linker; object mode is an error."""
    inputs = [pt.tensor(f"x{i}", dtype="float64", shape=np.shape(x)) for i, x in enumerate(case.point)]
    outputs = list(case.build(*inputs))
    cotangents = [pt.tensor(f"g{i}", dtype="float64", shape=out.type.shape) for i, out in enumerate(outputs)]
    total = sum(pt.sum(g * out) for g, out in zip(cotangents, outputs, strict=True))
    pulled = pytensor.grad(total, inputs, consider_constant=cotangents)
    backend = "gpu" if mode == TWIN else "cpu"
    with mock.patch("jax.default_backend", return_value=backend):
        function = pytensor.function([*inputs, *cotangents], [*outputs, *pulled], mode=mode.removeprefix(TWIN) or "JAX")

    def call(point: Sequence[np.ndarray], g: Sequence[np.ndarray] | None = None) -> tuple[list, list]:
        rng = np.random.default_rng(1)
        g = [rng.normal(size=out.type.shape) for out in outputs] if g is None else g
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            results = [np.asarray(v) for v in function(*point, *g)]
        return results[: len(outputs)], results[len(outputs) :]

    call.function = function  # type: ignore[attr-defined]
    return call


def check_linkers_agree(case: Case, modes: Sequence[str] = LINKERS[1:], rtol: float = 1e-11) -> None:
    """One kernel, so that only the rounding of what stands around it differs; twins are programs of their own."""
    values, pulled = compiled(case, "NUMBA")(case.point)
    for mode in modes:
        other_values, other_pulled = compiled(case, mode)(case.point)
        for got, want in zip([*other_values, *other_pulled], [*values, *pulled], strict=True):
            np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * np.abs(want).max() + 1e-300, err_msg=mode)


def check_jax_differentiates(case: Case) -> None:
    """JAX's own reverse mode through the translated graph, as NumPyro and BlackJAX do it, equals PyTensor's gradient."""
    inputs = [pt.tensor(f"x{i}", dtype="float64", shape=np.shape(x)) for i, x in enumerate(case.point)]
    graph = FunctionGraph(inputs, list(case.build(*inputs)), clone=True)
    get_mode("JAX").optimizer.rewrite(graph)
    values, pulled = compiled(case, "NUMBA")(case.point)
    rng = np.random.default_rng(1)  # the cotangents that `compiled` draws
    g = [jax.numpy.asarray(rng.normal(size=v.shape)) for v in values]
    _, pull = jax.vjp(jax_funcify(graph), *map(jax.numpy.asarray, case.point))
    for got, want in zip(pull(tuple(g)), pulled, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10 * np.abs(want).max() + 1e-300)


def ops_of(case: Case) -> set[type[Op]]:
    """The Ops in a case's outputs and gradients."""
    inputs = [pt.tensor(f"x{i}", dtype="float64", shape=np.shape(x)) for i, x in enumerate(case.point)]
    outputs = list(case.build(*inputs))
    gradients = pytensor.grad(sum(pt.sum(out) for out in outputs), inputs)
    return {type(node.op) for node in io_toposort([], [*outputs, *gradients])}


def _along(case: Case, moves: Sequence[np.ndarray], step: float) -> list[np.ndarray]:
    """Derivative of the outputs along ``moves``: central differences, Richardson-extrapolated."""
    call = compiled(case, "NUMBA")

    def difference(h: float) -> list[np.ndarray]:
        up, _ = call([x + h * d for x, d in zip(case.point, moves, strict=True)])
        down, _ = call([x - h * d for x, d in zip(case.point, moves, strict=True)])
        return [(a - b) / (2 * h) for a, b in zip(up, down, strict=True)]

    return [(4 * a - b) / 3 for a, b in zip(difference(step), difference(2 * step), strict=True)]


def _inner(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> float:
    return float(sum(np.sum(x * y) for x, y in zip(a, b, strict=True)))


def check_gradient(case: Case) -> None:
    """Each input's gradient against finite differences along a random direction: <g, J v> = <J' g, v>."""
    rng = np.random.default_rng(0)
    values, _ = compiled(case, "NUMBA")(case.point)
    g = [rng.normal(size=v.shape) for v in values]
    _, pulled = compiled(case, "NUMBA")(case.point, g)
    for i, x in enumerate(case.point):
        moves = [np.zeros(np.shape(p)) for p in case.point]
        moves[i] = rng.normal(size=np.shape(x))
        want = _inner(g, _along(case, moves, case.steps[i] if case.steps else 1e-4))
        got = float(np.sum(pulled[i] * moves[i]))
        scale = float(np.linalg.norm(np.atleast_1d(pulled[i]))) + 1e-12
        assert abs(got - want) < case.rtol * scale, f"{case.name}, input {i}: {got} against {want}"


def check_adjoint(case: Case) -> None:
    """All inputs together, and linearity in the cotangent."""
    rng = np.random.default_rng(2)
    values, _ = compiled(case, "NUMBA")(case.point)
    g = [rng.normal(size=v.shape) for v in values]
    moves = [rng.normal(size=np.shape(x)) for x in case.point]
    _, pulled = compiled(case, "NUMBA")(case.point, g)
    size = np.sqrt(_inner(pulled, pulled)) + 1e-12
    step = min(case.steps) if case.steps else 1e-4
    assert abs(_inner(g, _along(case, moves, step)) - _inner(pulled, moves)) < case.rtol * size
    _, doubled = compiled(case, "NUMBA")(case.point, [2.0 * x for x in g])
    for once, twice in zip(pulled, doubled, strict=True):
        np.testing.assert_allclose(twice, 2.0 * once, rtol=1e-12, atol=1e-12 * size)


def _run(blob: bytes, arguments: list[np.ndarray]) -> list[np.ndarray]:
    return [np.asarray(v) for v in pickle.loads(blob)(*arguments)]


def check_pickle_and_spawn(case: Case) -> None:
    """A compiled function survives pickling, here and in a spawned process."""
    call = compiled(case, "FAST_COMPILE")
    values, pulled = call(case.point, [np.ones_like(v) for v in call(case.point)[0]])
    arguments = [*case.point, *(np.ones_like(v) for v in values)]
    blob = pickle.dumps(call.function)  # type: ignore[attr-defined]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        for results in (_run(blob, arguments), pool.apply(_run, (blob, arguments))):
            for got, want in zip(results, [*values, *pulled], strict=True):
                np.testing.assert_array_equal(got, want)
