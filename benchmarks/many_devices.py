"""The posterior without PyMC, on whatever devices JAX sees: ``python -m benchmarks.many_devices``.

``export FILE [WORKPLACES]``
    Writes the density of ``power`` on generated data (needs PyMC, no accelerator). Default: the paper's size.
``run FILE [DRAWS TUNE]``
    On the machine with the accelerator (needs JAX, numpy, scipy, blackjax): milliseconds for log density and gradient and,
    with DRAWS, the whole posterior: modes, then four chains. Results go to ``benchmarks/results/``. Without a GPU it says so
    and runs on the CPU devices there are.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def export(file: str, workplaces: int = 20_542) -> None:
    from bayes_labor.data.joint_production.norway import norway
    from bayes_labor.models.joint_production.export import export as as_arrays

    as_arrays(norway(workplaces, seed=1)).save(file)
    print(f"written: {file} ({Path(file).stat().st_size / 2**20:.0f} MB)")


def posterior(density: Any, starts: np.ndarray, held: np.ndarray, draws: int, tune: int) -> dict[str, Any]:
    """Modes, then four chains that start near the heaviest."""
    from bayes_labor.engines.draws import sample_chain
    from bayes_labor.engines.modes import find_modes

    start = time.perf_counter()
    mode = find_modes(density, list(starts), held)[0]
    climbed = time.perf_counter()
    near = [np.random.default_rng(c).multivariate_normal(mode.point, 0.09 * mode.covariance, method="eigh") for c in range(4)]
    chains = [sample_chain(density, x, seed=c, draws=draws, tune=tune) for c, x in enumerate(near)]
    x = np.stack([c["unconstrained"] for c in chains])
    between, within = x.mean(1).var(0, ddof=1), x.var(1, ddof=1).mean(0)
    return {
        "draws": draws,
        "modes_s": climbed - start,
        "posterior_minutes": (time.perf_counter() - start) / 60,
        "worst_r_hat_unsplit": float(np.sqrt((1 - 1 / draws) + between / within).max()),
        "mean_leapfrog_steps": float(np.mean([c["n_steps"].mean() for c in chains])),
        "divergences": int(sum(c["diverging"].sum() for c in chains)),
    }


def run(file: str, draws: int = 0, tune: int = 300) -> None:
    import jax

    from bayes_labor.engines.shards import ShardedDensity
    from bayes_labor.theory.joint_production.exported import Exported

    jax.config.update("jax_enable_x64", True)
    devices = jax.devices()
    kind = devices[0].device_kind
    if not any(d.platform == "gpu" for d in devices):
        print(f"no GPU was seen: {len(devices)} {kind} device(s) instead")
    exported = Exported.load(file)
    density = ShardedDensity(exported)
    x = exported.starts[0]
    value, gradient = density(x)
    assert np.isfinite(value) and np.isfinite(gradient).all()
    taken = []
    for _ in range(10):
        start = time.perf_counter()
        jax.block_until_ready(density.value_and_gradient(jax.numpy.asarray(x), density.data))
        taken.append(time.perf_counter() - start)
    found: dict[str, Any] = {
        "matching": "exact" if exported.form.nodes else "sampled",
        "device": kind, "devices": len(devices), "workers": len(exported.payrolls.wage),
        "log_density_and_gradient_ms": 1e3 * min(taken), "log_density": value,
    }  # fmt: skip
    if draws:
        found |= posterior(density, exported.starts, exported.held, draws, tune)
    print(json.dumps(found, indent=1))
    out = Path(__file__).parent / "results" / f"devices_{devices[0].platform}_{found['workers']}_workers.json"
    out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    {"export": export, "run": run}[sys.argv[1]](sys.argv[2], *map(int, sys.argv[3:]))  # type: ignore[operator]
