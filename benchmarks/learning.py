"""``python -m benchmarks.learning``: learning on the job at the slides' parameters, in about 15 minutes on two cores.

Two seeds from nothing to wages, with certificates and their agreement; and what the memory of the Gauss-Newton steps is worth,
against the same steps without it and against Adam for as much processor time, from one start. On a machine with an accelerator,
``python -m benchmarks.learning gpu`` solves the larger size there.
"""

import json
import platform
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bayes_labor.posteriors.learning.device import use_device

RESULTS = Path(__file__).parent / "results"


def main(device: str = "cpu", folder: str | None = None) -> None:
    """Solve, compare, keep figures in ``benchmarks/results/``; ``reproduce learning --run FOLDER`` takes solutions up."""
    settings = use_device(device)
    import jax

    from bayes_labor.theory.learning.certificate import agreement
    from bayes_labor.theory.learning.equilibrium import solve_equilibrium
    from bayes_labor.theory.learning.primitives import Parameters

    found: dict[str, Any] = {"device": jax.devices()[0].device_kind, "machine": platform.machine()}
    p, solved = Parameters(), []
    for seed in (1, 2):
        wall, cpu = time.perf_counter(), time.process_time()
        place = None if folder is None else f"{folder}/seed_{seed}"
        solution = solve_equilibrium(p, settings._replace(seed=seed), place, partial(print, flush=True))
        solved.append(solution)
        c = solution.certificate
        found[f"seed {seed}"] = {
            "wall_seconds": time.perf_counter() - wall,
            "cpu_seconds": time.process_time() - cpu,
            "cpu_seconds_until_value": solution.history[-1]["cpu_seconds"],
            "passes": len(solution.history),
            "economy": c.economy._asdict(),
            "virtual": c.virtual._asdict(),
            "one_event": c.one_event._asdict(),
            "worker": None if c.worker is None else c.worker._asdict(),
            "paths": {
                n: {k: v.tolist() for k, v in getattr(c.paths, n)._asdict().items()} for n in ("productivity", "size", "joint")
            },
            "paths_outcome": c.paths.outcome,
            "paths_p_value": c.paths.p_value,
            "aggregates": solution.history[-1],
        }
    found["agreement"] = agreement(solved[0].value, solved[1].value, solved[0].economy, p)._asdict()
    if device == "cpu":
        found["methods"] = compare_methods()
    print(json.dumps(found, indent=2))
    (RESULTS / f"learning_{device}.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def compare_methods(steps: int = 400) -> dict[str, dict[str, float]]:
    """Residuals over the economy and the virtual panel by method, from one start."""
    from bayes_labor.theory.learning.certificate import residual
    from bayes_labor.theory.learning.equilibrium import SolverSettings, first_economies, surroundings
    from bayes_labor.theory.learning.primitives import Parameters
    from bayes_labor.theory.learning.simulation import newcomers
    from bayes_labor.theory.learning.training import Schedule, train

    p, settings = Parameters(), SolverSettings()
    born = newcomers(p, np.random.default_rng(0))
    economies, start = first_economies(p, settings, born)
    around = surroundings(economies, start, p, born)
    without = Schedule(steps, ridge=(1e-2, 1e-5), rate=(0.5, 0.015), keep=0.0)
    methods = {
        "Gauss-Newton with memory": lambda: train(start, around, Schedule(steps), (3,), 0, steps)[0],
        "Gauss-Newton": lambda: train(start, around, without, (3,), 0, steps)[0],
    }
    found: dict[str, dict[str, float]] = {}
    for name, solve in methods.items():
        train(start, around, Schedule(steps), (3,), 0, 1)  # compiled before the clock starts
        cpu = time.process_time()
        at = solve()
        found[name] = {"cpu_seconds": time.process_time() - cpu} | _measures(
            residual, at, surroundings(economies, at, p, born), p
        )
    budget = found["Gauss-Newton with memory"]["cpu_seconds"]
    cpu, (at, taken) = time.process_time(), adam(start, around, budget)
    found["Adam"] = {"cpu_seconds": budget, "steps": taken} | _measures(residual, at, surroundings(economies, at, p, born), p)
    return found


def _measures(residual: Any, at: Any, around: Any, p: Any) -> dict[str, float]:
    firms = {"economy": around.panel.source, "virtual": at.virtual}
    return {f"{n}: rms(TV-V)/V": residual(at.network, f, around.meeting, p).relative for n, f in firms.items()}


def adam(start: Any, around: Any, seconds: float, batch: int = 256, most: int = 20_000) -> tuple[Any, int]:
    """Adam in float32 on the squared weighted residual for so much processor time: rate 2e-3, by a cosine over that time."""
    import jax
    import jax.numpy as jnp

    from bayes_labor.theory.learning import joint_value as hjb
    from bayes_labor.theory.learning.network import Weights
    from bayes_labor.theory.learning.training import draw_meeting, draw_states, kept_by, single
    from bayes_labor.theory.learning.virtual import advance

    s, p, market = start.network.scales, around.p, around.market

    def loss(w: Any, firms: Any, meeting: Any) -> Any:
        after = hjb.grown(firms, p)
        values = hjb.neighbour_values(w, s, firms, after, meeting)
        found = hjb.equation(values, firms, meeting, p)
        return (found.residual(values) ** 2 / (p.rho + found.rate)).mean()

    @jax.jit
    def step(w: Any, m: Any, v: Any, t: Any, rate: Any, firms: Any, meeting: Any) -> Any:
        g = jax.grad(loss)(w, single(firms), single(meeting))
        norm = jnp.sqrt(sum((x**2).sum() for x in jax.tree.leaves(g)))
        g = jax.tree.map(lambda x: x * jnp.minimum(1.0, 1.0 / norm), g)
        m = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = jax.tree.map(lambda a, b: 0.999 * a + 0.001 * b**2, v, g)
        move = jax.tree.map(lambda a, b: a / (1.0 - 0.9**t) / (jnp.sqrt(b / (1.0 - 0.999**t)) + 1e-8), m, v)
        return jax.tree.map(lambda x, y: x - rate * y, w, move), m, v

    w = single(start.network.weights)
    m = v = jax.tree.map(jnp.zeros_like, w)
    clock, used, t = time.process_time(), 0.0, 0
    while used < seconds and t < most:
        rng = np.random.default_rng([9, t])
        if t % 60 == 0:
            network = start.network._replace(weights=Weights(*(np.asarray(x, np.float64) for x in w)))
            around = around._replace(virtual=advance(around.virtual, around.panel, network, market, p, 1.0, t))
        if t % 20 == 0:
            meeting, incumbents = draw_meeting(rng, around, 2_500, 1_250)
            meeting = meeting._replace(kept=kept_by(s, w, incumbents))
        t += 1
        rate = 1e-3 * (1.0 + np.cos(np.pi * min(used / seconds, 1.0)))
        w, m, v = step(w, m, v, float(t), rate, draw_states(rng, batch, around), meeting)
        if t == 1:
            clock = time.process_time()  # compiled
        used = time.process_time() - clock
    network = start.network._replace(weights=Weights(*(np.asarray(x, np.float64) for x in w)))
    return start._replace(network=network, virtual=around.virtual), t


if __name__ == "__main__":
    main(*sys.argv[1:])
