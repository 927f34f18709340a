"""A model's log density with its gradient as one compiled function, and what can be told of it before sampling."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pymc as pm
import pytensor


def compiled_density(model: pm.Model) -> Callable[..., list[Any]]:
    """[log density, gradient by variable] as a function of the model's unconstrained variables, in their order."""
    value, inputs = model.logp(), model.value_vars
    return pytensor.function(inputs, [value, *pytensor.grad(value, inputs)], mode="NUMBA", on_unused_input="ignore")


def seconds_of(call: Callable[[], Any], repeats: int = 5) -> float:
    """Median wall-clock seconds of a call."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def gradient_error(function: Callable[..., Any], start: Sequence[np.ndarray], gradient: Sequence[np.ndarray]) -> float:
    """Largest relative difference between a gradient and extrapolated central differences, along a random direction each."""
    rng, worst = np.random.default_rng(0), 0.0
    for i, x in enumerate(start):
        direction = rng.normal(size=x.shape)

        def difference(h: float, i: int = i, direction: Any = direction) -> float:
            moved = [[*start[:i], start[i] + s * h * direction, *start[i + 1 :]] for s in (1.0, -1.0)]
            return float(function(*moved[0])[0] - function(*moved[1])[0]) / (2 * h)

        want = (4 * difference(1e-5) - difference(2e-5)) / 3
        got = float(np.sum(gradient[i] * direction))
        worst = max(worst, abs(got - want) / (1.0 + abs(want)))
    return worst
