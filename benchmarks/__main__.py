"""``make bench``: our kernels beside the plain alternative, in one run, at the size of the Norwegian sample.

Absolute times move with the machine; read the ratios. Results go to ``benchmarks/results/``.
"""

import json
import platform
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np

from bayes_labor.data.joint_production.norway import TRUTH, norway
from bayes_labor.engines.modes import log_density_of
from bayes_labor.models import JointProductionSpec, joint_production
from bayes_labor.models.starting import starting_points
from bayes_labor.posteriors import compile_model
from bayes_labor.theory import solve_assignment


def floor_bytes(workforce) -> int:
    """Bytes that one evaluation must move at least: the design twice (forward, backward) and eight vectors over workers."""
    return 8 * workforce.n_workers * (2 * len(workforce.terms) + 8)


def best(call: Callable[[], Any], repeats: int) -> float:
    """Smallest and so least disturbed wall time, in milliseconds."""
    call()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return 1e3 * min(taken)


def memory_bandwidth() -> float:
    """Bytes per second of a plain copy, for the floor."""
    a = np.ones(20_000_000)
    b = np.empty_like(a)
    return 2 * a.nbytes / (best(lambda: np.copyto(b, a), 5) / 1e3)


def assignment(workforce: Any, threads: int) -> dict[str, float]:
    """Assignment with all gradients against plain JAX."""
    import jax
    import jax.numpy as jnp

    from benchmarks.plain_jax import make

    z = np.random.default_rng(0).normal(0.0, 0.5, workforce.n_workers)
    scale = np.full(len(workforce.industries), 11.0)
    ours = lambda: solve_assignment(z, workforce.offsets, TRUTH.beta, scale, industry=workforce.industry, threads=threads)  # noqa: E731
    team = jnp.asarray(np.repeat(np.arange(workforce.n_workplaces), workforce.sizes))
    plain = make(team, jnp.asarray(workforce.industry), workforce.n_workplaces)
    arguments = tuple(map(jnp.asarray, (z, TRUTH.beta, scale)))
    value, gradients = jax.block_until_ready(plain(*arguments))
    found = ours()
    np.testing.assert_allclose(found.output, np.asarray(value), rtol=1e-7)
    mine = found.d_output_d_log_talent
    np.testing.assert_allclose(mine, np.asarray(gradients[0]), rtol=1e-5, atol=1e-7 * np.abs(mine).max())
    milliseconds, jax_milliseconds = best(ours, 30), best(lambda: jax.block_until_ready(plain(*arguments)), 3)
    return {"assignment_ms": milliseconds, "plain_jax_ms": jax_milliseconds, "ratio": jax_milliseconds / milliseconds}


def log_density(workforce: Any, threads: int) -> dict[str, float]:
    """One evaluation of the whole log density and gradient as nutpie calls it, with exact matching and with sampled."""
    found = evaluated(workforce, JointProductionSpec(spec="power", threads=threads))
    sampled = evaluated(workforce, JointProductionSpec(spec="power", matching="sampled", threads=threads))
    return found | {f"sampled_{k}": sampled[k] for k in ("log_density_and_gradient_ms", "compile_s")}


def evaluated(workforce: Any, spec: JointProductionSpec) -> dict[str, float]:
    """Milliseconds of one specification, beside what moving its data costs."""
    model = joint_production(workforce, spec)
    start = time.perf_counter()
    compiled = compile_model(model)
    seconds = time.perf_counter() - start
    call = log_density_of(compiled)
    (x, *_) = starting_points(model)
    bandwidth, floor = memory_bandwidth(), floor_bytes(workforce)
    value, gradient = call(x)
    milliseconds = best(lambda: call(x), 30)
    assert np.isfinite(value) and np.all(np.isfinite(gradient))
    return {
        "log_density_and_gradient_ms": milliseconds,
        "floor_ms": 1e3 * floor / bandwidth,
        "floor_megabytes": floor / 2**20,
        "copy_gigabytes_per_second": bandwidth / 1e9,
        "compile_s": seconds,
    }


def main() -> None:
    """Run, print and keep."""
    threads = min(2, numba.config.NUMBA_NUM_THREADS)
    start = time.perf_counter()
    workforce = norway()
    results: dict[str, Any] = {"generate_s": time.perf_counter() - start, "threads": threads, "workers": workforce.n_workers}
    results |= log_density(workforce, threads)
    # In kilobytes on Linux; before JAX is loaded, since it is not part of a fit.
    results["peak_memory_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    results |= assignment(workforce, threads)
    results["machine"] = f"{platform.machine()}, {numba.config.NUMBA_NUM_THREADS} cores"
    for name, value in results.items():
        print(f"{name:32s} {value:.4g}" if isinstance(value, float) else f"{name:32s} {value}")
    out = Path(__file__).parent / "results" / "joint_production.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
