"""Program of ``test_shards``: the density and a few draws on all devices of one process, or of two."""

import json
import sys

import jax
import numpy as np

density_path, process, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
jax.config.update("jax_enable_x64", True)
if port:
    jax.distributed.initialize(f"127.0.0.1:{port}", num_processes=2, process_id=process)

from bayes_labor.engines.draws import sample_chain  # noqa: E402
from bayes_labor.engines.shards import ShardedDensity  # noqa: E402
from bayes_labor.theory.joint_production.exported import Exported  # noqa: E402

exported = Exported.load(density_path)
density = ShardedDensity(exported)
value, gradient = density(exported.starts[0])
adapted = (0.5, 1e-4 * np.eye(density.size))
kept = sample_chain(density, exported.starts[0], seed=5, draws=4, max_treedepth=3, adapted=adapted)
found = {
    "devices": np.array(len(jax.devices())),
    "value": np.array(value),
    "gradient": gradient,
    "draws": kept["unconstrained"],
}
assert not {"pymc", "pytensor", "arviz", "pandas"} & set(sys.modules), "sampling needs no PyMC"
print(json.dumps({k: v.tolist() for k, v in found.items()}))
