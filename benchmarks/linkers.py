"""Log density and gradient of every model under JAX beside Numba, on a CPU: ``python -m benchmarks.linkers``.

Both linkers call the same kernels; what differs is the code around them. Each density is evaluated in a compiled loop, as
samplers do, along a path that changes every coordinate a little; CPU time per evaluation, the two linkers in turns, medians.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numba
import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pytensor.compile.mode import get_mode
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.replace import graph_replace
from pytensor.graph.traversal import graph_inputs
from pytensor.link.jax.dispatch.basic import jax_funcify

from bayes_labor import models
from bayes_labor.data import Teams, baseball, baseball_teammates, norway, personnel, us_postwar
from bayes_labor.models.starting import starting_point
from bayes_labor.posteriors.learning.structural import known_moments
from bayes_labor.posteriors.learning.system import KNOWN, STRUCTURAL, StructuralSpec

_STEP, _TURNS, _SECONDS = 1e-6, 7, 0.3


def few_teams() -> Teams:
    """Seasons from 2014 on: a state per player and season."""
    table = baseball_teammates().table
    return Teams(table[table["year"] >= 2014].reset_index(drop=True))


def moments() -> pd.DataFrame:
    """Of an economy that is solved exactly, with errors of 5%."""
    value = pd.Series(known_moments({"sigma_z": 0.342, "psi_N": 0.314, "psi_E": 1.048, "delta_m": 0.127}))[list(KNOWN)]
    return pd.DataFrame({"value": value, "se": 0.05 * value.abs()})


CASES: dict[str, Callable[[], pm.Model]] = {
    "joint production, baseball": lambda: models.joint_production(baseball()),
    "joint production, 600 workplaces": lambda: models.joint_production(norway(600)),
    "bonuses.size": lambda: models.bonus_size(personnel("clean", seed=2)),
    "bonuses.receipt": lambda: models.bonus_receipt(personnel("clean", seed=2)),
    "bonuses.receipt, conditional": lambda: models.bonus_receipt(personnel("clean", seed=2), effects="conditional"),
    "bonuses.promotion-prize": lambda: models.promotion_prize(personnel("clean", seed=3)),
    "sorting.calibration": lambda: models.sorting_calibration(),
    "sorting.regimes": lambda: models.sorting_regimes(us_postwar()),
    "learning.regression": lambda: models.learning_regression(baseball_teammates()),
    "learning.direct": lambda: models.learning_direct(few_teams()),
    "learning.structural": lambda: STRUCTURAL.build(moments(), StructuralSpec(points=64)),
}


def density(model: pm.Model) -> tuple[Any, list[Any], np.ndarray]:
    """(one symbolic vector, [log density, gradient] of it, the vector at the start).

    Gradients are taken by variable and laid end to end, as samplers of JAX do: through slices of the vector they would be added
    up in as many vectors of full length.
    """
    point = starting_point(model)
    start = np.concatenate([np.ravel(point[v.name]) for v in model.value_vars])
    x, offset, parts = pt.tensor("x", dtype="float64", shape=(len(start),)), 0, {}
    for v in model.value_vars:
        size = int(np.size(point[v.name]))
        parts[v] = x[offset : offset + size].reshape(point[v.name].shape).astype(v.dtype)
        offset += size
    (value,) = graph_replace([model.logp()], parts)
    gradients = pytensor.grad(value, list(parts.values()))
    return x, [value, pt.concatenate([g.ravel() for g in gradients])], start


def in_numba(model: pm.Model) -> Callable[[int], float]:
    """CPU seconds of so many evaluations."""
    x, outputs, start = density(model)
    function = pytensor.function([x], outputs, mode="NUMBA")
    evaluate = function.vm.jit_fn
    held = tuple(c.storage[0] for c in function.input_storage[1:])

    @numba.njit
    def loop(x: np.ndarray, n: int, held: Any) -> float:
        total = 0.0
        for _ in range(n):
            value, gradient = evaluate(x, *held)
            total += value.item()
            x = x + _STEP * np.sign(gradient)
        return total

    loop(start, 1, held)
    return _timed(lambda n: loop(start, n, held))


def in_jax(model: pm.Model) -> Callable[[int], float]:
    """CPU seconds of so many evaluations."""
    x, outputs, start = density(model)
    held = {v: pt.constant(v.get_value()) for v in graph_inputs(outputs) if isinstance(v, SharedVariable)}
    graph = FunctionGraph([x], graph_replace(outputs, held), clone=True)
    get_mode("JAX").optimizer.rewrite(graph)
    evaluate = jax_funcify(graph)

    @jax.jit
    def loop(x: Any, n: Any) -> Any:
        def body(_: Any, carry: Any) -> Any:
            value, gradient = evaluate(carry[0])
            return carry[0] + _STEP * jnp.sign(gradient), carry[1] + value

        return jax.lax.fori_loop(0, n, body, (x, 0.0))[1]

    loop(start, 1).block_until_ready()
    return _timed(lambda n: loop(start, n).block_until_ready())


def _timed(call: Callable[[int], Any]) -> Callable[[int], float]:
    def seconds(n: int) -> float:
        before = time.process_time()
        call(n)
        return time.process_time() - before

    return seconds


def main() -> None:
    """Measure, print and keep."""
    jax.config.update("jax_enable_x64", True)
    found: dict[str, Any] = {}
    for name, build in CASES.items():
        native, other = in_numba(build()), in_jax(build())
        n = max(int(_SECONDS / max(native(10) / 10, 1e-7)), 3)
        turns = [(native(n) / n, other(n) / n) for _ in range(_TURNS)]
        ours, theirs = np.median(turns, axis=0)
        ratio = float(np.median([b / a for a, b in turns]))
        found[name] = {"numba_us": 1e6 * ours, "jax_us": 1e6 * theirs, "ratio": ratio, "evaluations": n}
        print(f"{name:36s} numba {1e6 * ours:10.2f} us   jax {1e6 * theirs:10.2f} us   ratio {ratio:.2f}", flush=True)
    out = Path(__file__).parent / "results" / "linkers.json"
    out.write_text(json.dumps({"jax": jax.__version__, "numba": numba.__version__, "models": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
